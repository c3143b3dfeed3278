//! Why a command was not done, in fields for people. Texts for them are chosen by the console from these variants.
//! Never carries foreign text that was not asked for: reasons are our own words.

use journal::ids::{ConversationId, Index};
use minicbor::{Decode, Encode};
use pki::PersonId;

/// What failed to verify.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum What {
    /// The server's greeting: wrong log, wrong identity signature, or no good core certificate.
    #[n(1)]
    Hello,
    /// A checkpoint's signatures.
    #[n(2)]
    Note,
    /// That an entry is in the log.
    #[n(3)]
    Inclusion,
    /// That the log only grew.
    #[n(4)]
    Consistency,
    /// A certificate's path, role, use or validity.
    #[n(5)]
    Certificate,
    /// A statement's bytes or signature.
    #[n(6)]
    Statement,
    /// A conversation's chain of membership.
    #[n(7)]
    Membership,
    /// A wrap of an epoch key.
    #[n(8)]
    Wrap,
    /// A body: commitment, key commitment, or seal.
    #[n(9)]
    Body,
    /// A file's chunks against its root, length and digest.
    #[n(10)]
    File,
    /// The right of an erasure.
    #[n(11)]
    Erasure,
    /// A log period key.
    #[n(12)]
    KeyRoll,
    /// The answer is not of the kind asked for, or not what was asked for.
    #[n(13)]
    Answer,
    /// A person's certificates: older ones than were proven before.
    #[n(14)]
    Enrolment,
    /// The site's policy: no entry that sets it, or an older one than was proven before.
    #[n(15)]
    Policy,
    /// A run of the retention schedule: before its time, or by no policy that was proven.
    #[n(16)]
    Retention,
    /// That entries were given up by decision of the first officers: the log is in an era that nobody has proven.
    #[n(17)]
    Succession,
}

/// Why a command was not done.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, thiserror::Error)]
#[cbor(flat)]
pub enum Error {
    /// The server refused: a code of `journal::Refusal` or of [`crate::Code`]. Nothing was changed.
    #[n(1)]
    #[error("refused with code {code}")]
    Refused {
        /// The code.
        #[n(0)]
        code: u16,
    },
    /// The server showed something that does not hold. It was not believed.
    #[n(2)]
    #[error("{what:?} does not verify")]
    NotVerified {
        /// What.
        #[n(0)]
        what: What,
    },
    /// No live session.
    #[n(3)]
    #[error("not logged in")]
    NotReady,
    /// Too many commands at once.
    #[n(4)]
    #[error("too many commands at once")]
    Busy,
    /// No such person in the directory.
    #[n(5)]
    #[error("no person {person}")]
    UnknownPerson {
        /// Who.
        #[n(0)]
        person: PersonId,
    },
    /// The person's certificates do not allow what is asked (revoked, no agreement key).
    #[n(6)]
    #[error("person {person} cannot receive")]
    CannotReceive {
        /// Who.
        #[n(0)]
        person: PersonId,
    },
    /// One is no member of this conversation, or it does not exist.
    #[n(7)]
    #[error("no conversation {conversation}")]
    UnknownConversation {
        /// Which.
        #[n(0)]
        conversation: ConversationId,
    },
    /// No such message.
    #[n(8)]
    #[error("no message at index {index}")]
    UnknownMessage {
        /// Where.
        #[n(0)]
        index: Index,
    },
    /// The text or the file is longer than allowed.
    #[n(9)]
    #[error("{bytes} bytes, at most {limit} are taken")]
    TooLong {
        /// Found.
        #[n(0)]
        bytes: u64,
        /// Allowed.
        #[n(1)]
        limit: u64,
    },
    /// The epoch's key was never given to us: written before we joined, and nobody shared it.
    #[n(10)]
    #[error("no key of epoch {epoch}")]
    NoKey {
        /// Which.
        #[n(0)]
        epoch: u32,
    },
    /// Others changed the conversation faster than this command could follow.
    #[n(11)]
    #[error("beaten {times} times by others' changes")]
    Outpaced {
        /// How often it was tried.
        #[n(0)]
        times: u32,
    },
    /// The message was erased.
    #[n(12)]
    #[error("the message at index {index} was erased")]
    Erased {
        /// Which.
        #[n(0)]
        index: Index,
    },
    /// The message carries no file.
    #[n(13)]
    #[error("the message at index {index} has no file")]
    NoFile {
        /// Which.
        #[n(0)]
        index: Index,
    },
    /// The bytes given for a file are not as many as were announced, or come out of order.
    #[n(14)]
    #[error("the file's bytes are not those that were announced")]
    FileChanged,
    /// This build cannot do it with the site's suite, or the key could not sign.
    #[n(15)]
    #[error("the key or the suite cannot do this")]
    Key,
    /// The session was ended by its person.
    #[n(16)]
    #[error("stopped by the person")]
    Stopped,
    /// The server says the conversation exists already (a private one of these two).
    #[n(17)]
    #[error("conversation {conversation} exists")]
    Exists {
        /// Which.
        #[n(0)]
        conversation: ConversationId,
    },
    /// Entries were lost while it was under way, and what it rests on may be among them.
    #[n(18)]
    #[error("entries that it may rest on were lost")]
    Overtaken,
    /// What is to take effect is stamped later than this terminal's clock shows: it is believed when that has come so far.
    #[n(19)]
    #[error("stamped later than this clock shows")]
    Ahead,
    /// The officers gave up what is asked for, when the log went on in this era: nobody has it any more.
    #[n(20)]
    #[error("given up by the officers in era {era}")]
    GivenUp {
        /// Which.
        #[n(0)]
        era: u32,
    },
    /// Its receipt was lost, and what the server shows does not tell whether it stands in the log. It was not signed again.
    #[n(21)]
    #[error(
        "nobody can tell whether it stands in the log: unread {entry:?}, unverified {what:?}, refused {code:?}"
    )]
    Untold {
        /// The entry that does not read, and may be it.
        #[n(0)]
        entry: Option<Index>,
        /// What does not verify of that which the server answered when it was asked.
        #[n(1)]
        what: Option<What>,
        /// The code with which it refused to answer.
        #[n(2)]
        code: Option<u16>,
    },
    /// It stands in the log, but the file that it was for was not written: nobody has it.
    #[n(22)]
    #[error("recorded at index {index}, without its file")]
    RecordedAlone {
        /// The record.
        #[n(0)]
        index: Index,
    },
}

impl Error {
    /// `NotVerified`, in short.
    pub(crate) fn unverified(what: What) -> Self {
        Self::NotVerified { what }
    }

    /// Whether the server refused with this code of the Register.
    pub fn is_refusal(&self, of: u16) -> bool {
        matches!(self, Self::Refused { code } if *code == of)
    }
}
