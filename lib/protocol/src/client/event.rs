//! What a session tells its caller. Plain data that can cross the agent's socket.
//! Never says "verified" of anything that was not; what is the server's word is named so.

use super::command::CommandId;
use super::error::{Error, What};
use super::secret::SecretBytes;
use crate::answer::{Answer, SessionRecord, StatusRecord};
use journal::ids::{ConversationId, Index};
use minicbor::{Decode, Encode};
use pki::{CertId, PersonId};

pub use super::alarms::AlarmView;
pub use super::closed::ClosedView;
pub use super::orders::UnshownOrders;
pub use super::views::*;

/// An event.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Event {
    /// The server greeted us as the one of the site card; a Login may follow.
    #[n(1)]
    Greeted,
    /// The Login is in the log, proven; the log only grew since we last saw it.
    #[n(2)]
    Ready(#[n(0)] Ready),
    /// The command is done.
    #[n(3)]
    Done(#[n(0)] CommandId, #[n(1)] Reply),
    /// The command was not done.
    #[n(4)]
    Failed(#[n(0)] CommandId, #[n(1)] Error),
    /// The server shows a log that contradicts what it signed before. Nothing more is done with it: the session is over
    /// and every further connection is refused until people have looked at it.
    #[n(5)]
    Distrust(#[n(0)] Distrust),
    /// The session is over; the code says why (0: something did not verify).
    #[n(6)]
    Ended(#[n(0)] u16),
    /// A new message, or one sent from here.
    #[n(10)]
    Message(#[n(0)] Box<MessageView>),
    /// A conversation began, or its members, owner or title changed.
    #[n(11)]
    Conversation(#[n(0)] ConversationId),
    /// An invitation that is not accepted by itself.
    #[n(12)]
    Invited(#[n(0)] ConversationId),
    /// A person's cursor moved.
    #[n(13)]
    ReadBy(#[n(0)] ConversationId, #[n(1)] PersonId, #[n(2)] Index),
    /// A person acknowledged a message.
    #[n(14)]
    AcknowledgedBy(#[n(0)] PersonId, #[n(1)] Index),
    /// Messages were erased (none named: the whole conversation). Copies here are dropped.
    #[n(15)]
    Erased(#[n(0)] ConversationId, #[n(1)] Vec<Index>, #[n(2)] ErasedBy),
    /// The server claims that every erasure up to this index took effect, in this erasure epoch.
    #[n(16)]
    ErasureDone(#[n(0)] u64, #[n(1)] Index),
    /// A known person has another agreement key than before, certified by the authority: the certificates before and
    /// after, and the login that stands in the latter.
    #[n(17)]
    KeyChanged(#[n(0)] PersonId, #[n(1)] CertId, #[n(2)] CertId, #[n(3)] String),
    /// A person was revoked.
    #[n(18)]
    Revoked(#[n(0)] PersonId),
    /// Alarm: a body is missing and no proven Erase explains it.
    #[n(19)]
    MissingBody(#[n(0)] ConversationId, #[n(1)] Index),
    /// Alarm: somebody's wrap for us does not hold; a BadWrap statement was sent.
    #[n(20)]
    BadWrap(#[n(0)] ConversationId, #[n(1)] u32, #[n(2)] PersonId),
    /// Something pushed did not verify and was dropped.
    #[n(21)]
    Dropped(#[n(0)] Index, #[n(1)] What),
    /// Pushes were lost: what is at or above this index is to be asked for.
    #[n(22)]
    Lagging(#[n(0)] Index),
    /// An officer approved what another proposed: the policy may be another, and is to be asked for.
    #[n(23)]
    Approved(#[n(0)] Index),
    /// Two officers ordered an erasure that concerns one. Whoever may, objects before it takes effect.
    #[n(24)]
    Ordered(#[n(0)] Box<OrderView>),
    /// A run of the retention schedule: what it lets fall is gone, and copies go.
    #[n(25)]
    Ran(#[n(0)] Box<RunView>),
    /// A member gave the message at the second index away to somebody outside, by the entry at the first.
    #[n(40)]
    Disclosed(#[n(0)] PersonId, #[n(1)] Index, #[n(2)] Index),
    /// An alarm, a report or a finding stands in the log, told to officers. That it stands there is proven; what it says is the server's word.
    #[n(27)]
    Alarm(#[n(0)] AlarmView),
    /// The erasure at this index is stamped more than an hour later than this terminal's clock shows: it is asked for again.
    /// What it took is not known before, so every copy of every message goes; the rest that was erased while nobody listened
    /// was asked for.
    #[n(28)]
    ClockAhead(#[n(0)] Index),
    /// What was erased while nobody listened was asked for: every copy of it is gone.
    #[n(29)]
    CaughtUp,
    /// Entries were lost, and the log goes on without them by decision of the officers named. What was sent or read behind
    /// what is kept is no more: it is to be sent again.
    #[n(26)]
    Succession(#[n(0)] Box<SuccessionView>),
    /// Two officers closed the log into another one: what is there is read and erased, nothing new is said.
    #[n(41)]
    LogClosed(#[n(0)] Box<ClosedView>),
    /// Bytes of a file are wanted: the chunk's number from 1, and how many bytes exactly.
    #[n(30)]
    ChunkWanted(#[n(0)] CommandId, #[n(1)] u32, #[n(2)] u64),
    /// A chunk of a fetched file, in order from 1. Its commitment holds; only `Done` says that the whole file is right.
    #[n(31)]
    FileChunk(#[n(0)] CommandId, #[n(1)] u32, #[n(2)] SecretBytes),
    /// How far a file is: chunks done, and in all.
    #[n(32)]
    Progress(#[n(0)] CommandId, #[n(1)] u32, #[n(2)] u32),
}

/// What a command gave.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Reply {
    /// It is done and leaves nothing to say.
    #[n(1)]
    Nothing,
    /// The act is in the log, proven.
    #[n(2)]
    Admitted(#[n(0)] Admitted),
    /// The directory.
    #[n(3)]
    People(#[n(0)] Vec<PersonView>),
    /// One's conversations.
    #[n(4)]
    Conversations(#[n(0)] Vec<ConversationView>),
    /// A conversation.
    #[n(5)]
    Conversation(#[n(0)] Box<ConversationView>),
    /// A page of messages, ascending, and whether there is more in the direction asked.
    #[n(6)]
    Messages(#[n(0)] Vec<MessageView>, #[n(1)] bool),
    /// Who did what with a message.
    #[n(7)]
    Status(#[n(0)] Vec<ReaderView>),
    /// What an erasure would take.
    #[n(8)]
    Plan(#[n(0)] ErasePlan),
    /// A file came in whole and is the one that its sender sent.
    #[n(9)]
    File(#[n(0)] FileView),
    /// An answer without entries: the server's word.
    #[n(10)]
    Answer(#[n(0)] Box<Answer>),
    /// Entries, verified.
    #[n(11)]
    Entries(#[n(0)] Vec<EntryView>, #[n(1)] bool),
    /// Live sessions: the server's word.
    #[n(12)]
    Sessions(#[n(0)] Vec<SessionRecord>),
    /// How the server does: its word, but for the checkpoint, which is verified.
    #[n(13)]
    Server(#[n(0)] Box<StatusRecord>),
    /// A conversation was founded.
    #[n(14)]
    Founded(#[n(0)] ConversationId, #[n(1)] Admitted),
    /// Orders of erasure, oldest first; and the proposals of those that are not among them.
    #[n(15)]
    Orders(#[n(0)] Vec<OrderView>, #[n(1)] UnshownOrders),
    /// Messages as entries, verified, with the index of what erased each (the server's word); and where to ask on.
    #[n(16)]
    Found(#[n(0)] Vec<FoundView>, #[n(1)] Option<Index>),
    /// Alarms, oldest first.
    #[n(17)]
    Alarms(#[n(0)] Vec<AlarmView>),
    /// A file to be kept: a disclosed message, or a receipt.
    #[n(30)]
    Document(#[n(0)] SecretBytes),
}
