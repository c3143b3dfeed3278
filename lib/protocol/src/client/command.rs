//! What a caller may ask of a session. Plain data that can cross the agent's socket.
//! Every command has a number of the caller's; its one result carries it: [`super::Event::Done`] or `Failed`.

use super::secret::{SecretBytes, SecretText};
use crate::frame::SealedVerifier;
use crate::query::Query;
use journal::act::{Act, EraseTarget, Precedence};
use journal::ids::{ConversationId, Index};
use journal::statement::SignedStatement;
use minicbor::{Decode, Encode};
use pki::{Clearance, PersonId};

/// The caller's number of a command.
pub type CommandId = u64;

/// A command.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Command {
    /// Opens a chain on the connection that stands. The session keeps no password: to reconnect, say it again.
    #[n(1)]
    Login(#[n(0)] LoginWith),
    /// Ends the chain.
    #[n(2)]
    Logout,
    /// Replaces the password.
    #[n(3)]
    SetPassword(#[n(0)] SecretText),
    /// The whole directory, certificates verified.
    #[n(10)]
    People,
    /// One's conversations.
    #[n(11)]
    Conversations,
    /// One conversation with its members, followed act by act.
    #[n(12)]
    Conversation(#[n(0)] ConversationId),
    /// Founds a private conversation.
    #[n(20)]
    NewPrivate(#[n(0)] NewPrivate),
    /// Founds a group.
    #[n(21)]
    NewGroup(#[n(0)] NewGroup),
    /// The owner invites.
    #[n(22)]
    Invite(#[n(0)] ConversationId, #[n(1)] PersonId),
    /// The owner removes.
    #[n(23)]
    Remove(#[n(0)] ConversationId, #[n(1)] PersonId),
    /// Leaves, or declines an invitation.
    #[n(24)]
    Leave(#[n(0)] ConversationId),
    /// The owner makes another one owner.
    #[n(25)]
    HandOver(#[n(0)] ConversationId, #[n(1)] PersonId),
    /// Accepts an invitation (by itself, unless the session was told not to).
    #[n(26)]
    Accept(#[n(0)] ConversationId),
    /// Gives a member the keys of every epoch one holds from before he came.
    #[n(27)]
    ShareHistory(#[n(0)] ConversationId, #[n(1)] PersonId),
    /// A group's title.
    #[n(28)]
    SetTitle(#[n(0)] ConversationId, #[n(1)] SecretText),
    /// Sends a message.
    #[n(30)]
    Send(#[n(0)] Send),
    /// The newest messages before an index (`u64::MAX` for the newest), ascending.
    #[n(31)]
    MessagesBefore(#[n(0)] ConversationId, #[n(1)] Index),
    /// Messages at or above an index, ascending.
    #[n(32)]
    MessagesFrom(#[n(0)] ConversationId, #[n(1)] Index),
    /// Moves one's cursor.
    #[n(33)]
    Read(#[n(0)] ConversationId, #[n(1)] Index),
    /// Acknowledges a message.
    #[n(34)]
    Acknowledge(#[n(0)] Index),
    /// Who has got, read and acknowledged a message; the statements are fetched and verified.
    #[n(35)]
    MessageStatus(#[n(0)] ConversationId, #[n(1)] Index),
    /// Sends a message with a file; its bytes are asked for by `Event::ChunkWanted`.
    #[n(40)]
    SendFile(#[n(0)] SendFile),
    /// The bytes that were asked for, for the `SendFile` with that number.
    #[n(41)]
    FileChunk(#[n(0)] CommandId, #[n(1)] SecretBytes),
    /// Fetches the file of a message, chunk by chunk.
    #[n(42)]
    FetchFile(#[n(0)] ConversationId, #[n(1)] Index),
    /// What an erasure would take, and whether one has the right.
    #[n(50)]
    ErasePlan(#[n(0)] EraseTarget),
    /// Erases.
    #[n(51)]
    Erase(#[n(0)] EraseTarget),
    /// Any act: officers', administrators', auditors'.
    #[n(60)]
    Act(#[n(0)] Box<OtherAct>),
    /// Orders of erasure that concern one, each with both officers' signatures checked: all, or the one of this proposal.
    #[n(62)]
    Orders(#[n(0)] Option<Index>),
    /// Alarms of the log that nobody was shown at this terminal, those that say the same as one; officers.
    #[n(63)]
    Alarms,
    /// Those below this index were shown.
    #[n(64)]
    HeardAlarms(#[n(0)] Index),
    /// Discloses one message: records it, and gives the file.
    #[n(70)]
    Disclose(#[n(0)] ConversationId, #[n(1)] Index),
    /// The receipt of the entry at an index, with the entry inside.
    #[n(71)]
    Receipt(#[n(0)] Index),
    /// Any question; entries in the answer are verified, the rest is the server's word.
    #[n(61)]
    Ask(#[n(0)] Query),
}

impl Command {
    /// Whether it is a question that may be put again from the start, or a message that may.
    pub(crate) fn may_begin_anew(&self) -> bool {
        match self {
            Self::People
            | Self::Conversations
            | Self::Conversation(_)
            | Self::MessagesBefore(..)
            | Self::MessagesFrom(..)
            | Self::Orders(_)
            | Self::Alarms
            | Self::Receipt(_)
            | Self::Ask(_)
            | Self::Send(_) => true,
            Self::Login(_)
            | Self::Logout
            | Self::SetPassword(_)
            | Self::NewPrivate(_)
            | Self::NewGroup(_)
            | Self::Invite(..)
            | Self::Remove(..)
            | Self::Leave(_)
            | Self::HandOver(..)
            | Self::Accept(_)
            | Self::ShareHistory(..)
            | Self::SetTitle(..)
            | Self::Read(..)
            | Self::Acknowledge(_)
            | Self::MessageStatus(..)
            | Self::SendFile(_)
            | Self::FileChunk(..)
            | Self::FetchFile(..)
            | Self::ErasePlan(_)
            | Self::Erase(_)
            | Self::Disclose(..)
            | Self::HeardAlarms(_)
            | Self::Act(_) => false,
        }
    }

    /// Whether it names no entry from this index on as one that was seen.
    pub(crate) fn rests_below(&self, kept: Index) -> bool {
        let named = if let Self::Send(send) = self {
            send.reference
        } else if let Self::Orders(only) = self {
            *only
        } else if let Self::Receipt(index) = self {
            Some(*index)
        } else {
            None
        };
        named.is_none_or(|index| index < kept)
    }
}

/// See [`Command::Login`].
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct LoginWith {
    /// The password.
    #[n(0)]
    pub password: SecretText,
    /// End another live session of this person.
    #[n(1)]
    pub end_other: bool,
}

/// See [`Command::NewPrivate`].
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct NewPrivate {
    /// With whom.
    #[n(0)]
    pub person: PersonId,
    /// Highest label; the lower of both clearances when not given.
    #[n(1)]
    pub ceiling: Option<Clearance>,
    /// Label of messages that name none; the lowest when not given.
    #[n(2)]
    pub default_label: Option<Clearance>,
}

/// See [`Command::NewGroup`].
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct NewGroup {
    /// Its title.
    #[n(0)]
    pub title: Option<SecretText>,
    /// Who is invited.
    #[n(1)]
    pub people: Vec<PersonId>,
    /// Highest label; the lowest of all clearances when not given.
    #[n(2)]
    pub ceiling: Option<Clearance>,
    /// Label of messages that name none; the lowest when not given.
    #[n(3)]
    pub default_label: Option<Clearance>,
}

/// See [`Command::Send`].
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Send {
    /// Where.
    #[n(0)]
    pub conversation: ConversationId,
    /// What.
    #[n(1)]
    pub text: SecretText,
    /// The conversation's default when not given.
    #[n(2)]
    pub label: Option<Clearance>,
    /// How urgent.
    #[n(3)]
    pub precedence: Precedence,
    /// Every reader is to acknowledge.
    #[n(4)]
    pub must_acknowledge: bool,
    /// The message it answers.
    #[n(5)]
    pub reference: Option<Index>,
}

/// See [`Command::SendFile`].
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct SendFile {
    /// The message it comes with; the text may be empty.
    #[n(0)]
    pub message: Send,
    /// The file's name, for people.
    #[n(1)]
    pub name: SecretText,
    /// Its length.
    #[n(2)]
    pub bytes: u64,
    /// Its media type, if known.
    #[n(3)]
    pub media_type: Option<String>,
}

/// See [`Command::Act`].
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct OtherAct {
    /// The act.
    #[n(0)]
    pub act: Act,
    /// The authority's acts that a Submit takes in.
    #[n(1)]
    pub staged: Vec<SignedStatement>,
    /// Verifiers of envelopes among them.
    #[n(2)]
    pub verifiers: Vec<SealedVerifier>,
}
