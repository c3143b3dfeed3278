//! What a statement says: one variant per kind, one file per family.
//! Kind numbers are for ever: a number is never given to another kind (FORMAT.md lists them).

use crate::ids::ConversationId;
use minicbor::{Decode, Encode};

pub mod audit;
pub mod backup;
pub mod conversation;
pub mod desk;
pub mod erase;
pub mod law;
pub mod message;
pub mod office;
pub mod people;
pub mod said;
pub mod session;
pub mod site;
pub mod succession;
pub mod successor;

pub use audit::{Export, Finding, FindingCode, Severity};
pub use backup::Backup;
pub use conversation::{
    Accept, BadWrap, ConversationKind, Create, Epoch, HandOver, Invite, Leave, Remove, ShareHistory, Title,
    WrapClaim,
};
pub use desk::{AlarmAcknowledge, AlarmClose, ClockAttest, CloseOutcome};
pub use erase::{Erase, EraseTarget};
pub use law::{EraseOrder, Ground, Hold, HoldScope, Object, Order};
pub use message::{Acknowledge, FileClaim, Message, Precedence, Purpose, Read, Reserve, SizeClass};
pub use office::{
    Approve, CellName, DualAct, EndSession, Propose, Resume, Submit, Suspend, Unlock, Withdraw,
};
pub use people::{
    CRL_PARTS_MAX, Crl, CrlPart, Enrol, EnvelopeHandOver, EnvelopePrint, EnvelopeVoid, Revoke, RevokeReason,
};
pub use said::{Disclose, Report, ReportReason};
pub use session::{Login, Logout, SetPassword};
pub use site::Genesis;
pub use succession::{
    GIVEN_UP_MAX, IndexRange, KeptPasswords, LossCause, LossSource, LossTrace, Succession, era_by,
};
pub use successor::{Continues, Successor};

/// What an act is about. Whoever judges a whole family alike asks for it, so that a new kind finds its place here, in the
/// table below, and not in every room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// Begins the log, one of its eras or a chain; has no place inside one.
    Beginning,
    /// Of a person's own session and password.
    Session,
    /// What the authority signs at its own desk: online it comes inside a Submit only.
    Authority,
    /// What officers decide, some of it administrators too. A Revoke may also be the authority's.
    Office,
    /// Who is in a conversation, and from when on who reads it.
    Membership,
    /// What is said in a conversation, and who took note of it.
    Talk,
    /// What takes away.
    Erasure,
    /// What auditors do.
    Audit,
}

macro_rules! acts {
    ($($number:literal $name:ident $context:literal $family:ident,)*) => {
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

            /// What the kind is about.
            pub fn family(&self) -> Family {
                match self { $(Self::$name(_) => Family::$family,)* }
            }
        }

        /// All kinds: number and name, in numeric order.
        pub const KINDS: &[(u16, &str)] = &[$(($number, $context),)*];
    };
}

acts! {
    1 Genesis "genesis" Beginning,
    2 Submit "submit" Office,
    3 Propose "propose" Office,
    4 Approve "approve" Office,
    5 Withdraw "withdraw" Office,
    6 Succession "succession" Beginning,
    7 Continues "continues" Beginning,
    10 Login "login" Beginning,
    11 Logout "logout" Session,
    12 SetPassword "set-password" Session,
    20 Enrol "enrol" Authority,
    21 Revoke "revoke" Office,
    22 Crl "crl" Authority,
    23 CrlPart "crl-part" Authority,
    24 EnvelopePrint "envelope-print" Authority,
    25 EnvelopeHandOver "envelope-hand-over" Authority,
    26 EnvelopeVoid "envelope-void" Authority,
    28 Suspend "suspend" Office,
    29 Resume "resume" Office,
    30 Unlock "unlock" Office,
    31 EndSession "end-session" Office,
    32 Hold "hold" Office,
    33 ClockAttest "clock-attest" Office,
    34 AlarmAcknowledge "alarm-acknowledge" Office,
    35 AlarmClose "alarm-close" Office,
    40 Create "create" Membership,
    41 Invite "invite" Membership,
    42 Accept "accept" Membership,
    43 Leave "leave" Membership,
    44 Remove "remove" Membership,
    45 HandOver "hand-over" Membership,
    46 Epoch "epoch" Membership,
    47 ShareHistory "share-history" Membership,
    48 BadWrap "bad-wrap" Membership,
    49 Title "title" Talk,
    60 Reserve "reserve" Talk,
    61 Message "message" Talk,
    62 Read "read" Talk,
    63 Acknowledge "acknowledge" Talk,
    64 Report "report" Talk,
    65 Disclose "disclose" Talk,
    70 Erase "erase" Erasure,
    71 Object "object" Erasure,
    80 Export "export" Audit,
    81 Backup "backup" Office,
    82 Finding "finding" Audit,
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
    /// The conversation that the act names. `None` for a `Create`, whose own id becomes the conversation's, for an
    /// `Acknowledge`, a `Report` and a `Disclose`, which name a message, and for an `Object`, which names a proposal.
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
            Self::Erase(act) => Some(act.target.conversation()),
            Self::Hold(act) => act.scope.conversation(),
            Self::Create(_)
            | Self::Object(_)
            | Self::Acknowledge(_)
            | Self::Report(_)
            | Self::Disclose(_)
            | Self::Genesis(_)
            | Self::Succession(_)
            | Self::Continues(_)
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
            | Self::CrlPart(_)
            | Self::EnvelopePrint(_)
            | Self::EnvelopeHandOver(_)
            | Self::EnvelopeVoid(_)
            | Self::Suspend(_)
            | Self::Resume(_)
            | Self::Unlock(_)
            | Self::EndSession(_)
            | Self::ClockAttest(_)
            | Self::AlarmAcknowledge(_)
            | Self::AlarmClose(_)
            | Self::Export(_)
            | Self::Backup(_)
            | Self::Finding(_) => None,
        }
    }

    /// Checks the named limits of the content (counts and lengths), which need no state.
    pub fn check_bounds(&self) -> Result<(), OutOfBounds> {
        match self {
            Self::Genesis(act) => act.check_bounds(),
            Self::Succession(act) => act.check_bounds(),
            Self::Continues(act) => act.check_bounds(),
            Self::Submit(act) => act.check_bounds(),
            Self::Propose(act) => act.check_bounds(),
            Self::Enrol(act) => act.check_bounds(),
            Self::Crl(act) => act.check_bounds(),
            Self::CrlPart(act) => act.check_bounds(),
            Self::Revoke(act) => act.check_bounds(),
            Self::Create(act) => act.check_bounds(),
            Self::Reserve(act) => act.check_bounds(),
            Self::Message(act) => act.check_bounds(),
            Self::Title(act) => act.check_bounds(),
            Self::Erase(act) => act.check_bounds(),
            Self::Hold(act) => act.check_bounds(),
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
            | Self::ClockAttest(_)
            | Self::AlarmAcknowledge(_)
            | Self::AlarmClose(_)
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
            | Self::Report(_)
            | Self::Disclose(_)
            | Self::Object(_)
            | Self::Export(_)
            | Self::Backup(_)
            | Self::Finding(_) => Ok(()),
        }
    }
}
