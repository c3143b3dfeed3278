//! What a statement says: one variant per kind, one file per family.
//! Kind numbers are for ever: a number is never given to another kind (FORMAT.md lists them).

use crate::ids::ConversationId;
use minicbor::{Decode, Encode};

pub mod audit;
pub mod conversation;
pub mod erase;
pub mod message;
pub mod office;
pub mod people;
pub mod session;
pub mod site;

pub use audit::Export;
pub use conversation::{
    Accept, BadWrap, ConversationKind, Create, Epoch, HandOver, Invite, Leave, Remove, ShareHistory, Title,
    WrapClaim,
};
pub use erase::{Erase, EraseTarget};
pub use message::{Acknowledge, FileClaim, Message, Precedence, Purpose, Read, Reserve, SizeClass};
pub use office::{Approve, DualAct, EndSession, Propose, Resume, Submit, Suspend, Unlock, Withdraw};
pub use people::{Crl, Enrol, EnvelopeHandOver, EnvelopePrint, EnvelopeVoid, Revoke, RevokeReason};
pub use session::{Login, Logout, SetPassword};
pub use site::Genesis;

macro_rules! acts {
    ($($number:literal $name:ident $context:literal,)*) => {
        /// A statement's kind and content. On the wire: `[kind, [content…]]`.
        #[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
        #[cbor(flat)]
        #[allow(missing_docs)] // the content's own type says it
        pub enum Act {
            $(#[n($number)] $name(#[n(0)] $name),)*
        }

        impl Act {
            /// The stable number of the kind.
            pub fn kind(&self) -> u16 {
                match self { $(Self::$name(_) => $number,)* }
            }

            /// The kind's name in lowercase, as shown to auditors and used in the signature's context string.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => $context,)* }
            }
        }

        /// All kinds: number and name, in numeric order.
        pub const KINDS: &[(u16, &str)] = &[$(($number, $context),)*];
    };
}

acts! {
    1 Genesis "genesis",
    2 Submit "submit",
    3 Propose "propose",
    4 Approve "approve",
    5 Withdraw "withdraw",
    10 Login "login",
    11 Logout "logout",
    12 SetPassword "set-password",
    20 Enrol "enrol",
    21 Revoke "revoke",
    22 Crl "crl",
    24 EnvelopePrint "envelope-print",
    25 EnvelopeHandOver "envelope-hand-over",
    26 EnvelopeVoid "envelope-void",
    28 Suspend "suspend",
    29 Resume "resume",
    30 Unlock "unlock",
    31 EndSession "end-session",
    40 Create "create",
    41 Invite "invite",
    42 Accept "accept",
    43 Leave "leave",
    44 Remove "remove",
    45 HandOver "hand-over",
    46 Epoch "epoch",
    47 ShareHistory "share-history",
    48 BadWrap "bad-wrap",
    49 Title "title",
    60 Reserve "reserve",
    61 Message "message",
    62 Read "read",
    63 Acknowledge "acknowledge",
    70 Erase "erase",
    80 Export "export",
}

/// A limit that a statement's content must keep beyond its types; broken ones are refused before the Register.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{what} is {value}, the limit is {limit}")]
pub struct OutOfBounds {
    /// What was too large or too small.
    pub what: &'static str,
    /// What was found.
    pub value: u64,
    /// What is allowed.
    pub limit: u64,
}

/// `Ok` when `value <= limit`.
pub(crate) fn at_most(what: &'static str, value: u64, limit: u64) -> Result<(), OutOfBounds> {
    if value <= limit { Ok(()) } else { Err(OutOfBounds { what, value, limit }) }
}

impl Act {
    /// The conversation that the act names. `None` for a `Create`, whose own id becomes the conversation's, and for an
    /// `Acknowledge`, which names a message.
    pub fn conversation(&self) -> Option<ConversationId> {
        match self {
            Self::Invite(act) => Some(act.conversation),
            Self::Accept(act) => Some(act.conversation),
            Self::Leave(act) => Some(act.conversation),
            Self::Remove(act) => Some(act.conversation),
            Self::HandOver(act) => Some(act.conversation),
            Self::Epoch(act) => Some(act.conversation),
            Self::ShareHistory(act) => Some(act.conversation),
            Self::BadWrap(act) => Some(act.conversation),
            Self::Title(act) => Some(act.conversation),
            Self::Reserve(act) => Some(act.conversation),
            Self::Message(act) => Some(act.conversation),
            Self::Read(act) => Some(act.conversation),
            Self::Erase(act) => match &act.target {
                EraseTarget::Messages(conversation, _) | EraseTarget::Conversation(conversation) => {
                    Some(*conversation)
                }
            },
            Self::Create(_)
            | Self::Acknowledge(_)
            | Self::Genesis(_)
            | Self::Submit(_)
            | Self::Propose(_)
            | Self::Approve(_)
            | Self::Withdraw(_)
            | Self::Login(_)
            | Self::Logout(_)
            | Self::SetPassword(_)
            | Self::Enrol(_)
            | Self::Revoke(_)
            | Self::Crl(_)
            | Self::EnvelopePrint(_)
            | Self::EnvelopeHandOver(_)
            | Self::EnvelopeVoid(_)
            | Self::Suspend(_)
            | Self::Resume(_)
            | Self::Unlock(_)
            | Self::EndSession(_)
            | Self::Export(_) => None,
        }
    }

    /// Checks the named limits of the content (counts and lengths), which need no state.
    pub fn check_bounds(&self) -> Result<(), OutOfBounds> {
        match self {
            Self::Genesis(act) => act.check_bounds(),
            Self::Submit(act) => act.check_bounds(),
            Self::Propose(act) => act.check_bounds(),
            Self::Enrol(act) => act.check_bounds(),
            Self::Crl(act) => act.check_bounds(),
            Self::Revoke(act) => act.check_bounds(),
            Self::Create(act) => act.check_bounds(),
            Self::Reserve(act) => act.check_bounds(),
            Self::Message(act) => act.check_bounds(),
            Self::Title(act) => act.check_bounds(),
            Self::Erase(act) => act.check_bounds(),
            Self::Approve(_)
            | Self::Withdraw(_)
            | Self::Login(_)
            | Self::Logout(_)
            | Self::SetPassword(_)
            | Self::EnvelopePrint(_)
            | Self::EnvelopeHandOver(_)
            | Self::EnvelopeVoid(_)
            | Self::Suspend(_)
            | Self::Resume(_)
            | Self::Unlock(_)
            | Self::EndSession(_)
            | Self::Invite(_)
            | Self::Accept(_)
            | Self::Leave(_)
            | Self::Remove(_)
            | Self::HandOver(_)
            | Self::Epoch(_)
            | Self::ShareHistory(_)
            | Self::BadWrap(_)
            | Self::Read(_)
            | Self::Acknowledge(_)
            | Self::Export(_) => Ok(()),
        }
    }
}
