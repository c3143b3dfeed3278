//! Why the Register does not admit a statement: fields for the person, a stable small number for the peer.
//! Numbers are never reused (FORMAT.md lists them).

use crate::ids::{ConversationId, Index, LogId, ReservationId};
use pki::{Clearance, PersonId};

macro_rules! refusals {
    ($($(#[$doc:meta])* $code:literal $name:ident $({ $($field:ident : $type:ty),* })? $text:literal,)*) => {
        /// A refusal changes nothing: the same sequence number is tried again with a higher attempt.
        #[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
        #[allow(missing_docs)] // fields are named for what they are
        pub enum Refusal {
            $($(#[$doc])* #[error($text)] $name $({ $($field: $type),* })?,)*
        }

        impl Refusal {
            /// The stable number that the peer gets.
            pub fn code(&self) -> u16 {
                match self { $(Self::$name $({ $($field: _),* })? => $code,)* }
            }
        }

        /// The numbers by themselves, for who gets only them. Named as the refusals are, so that no name can drift.
        #[allow(non_upper_case_globals, missing_docs)]
        pub mod code {
            $(pub const $name: u16 = $code;)*
        }

        /// All refusal codes with their names.
        pub const REFUSALS: &[(u16, &str)] = &[$(($code, stringify!($name)),)*];
    };
}

refusals! {
    // --- the statement's place in its chain
    /// Another log's statement.
    100 WrongLog "the statement is for another log",
    /// The chain has ended (or never began); sign anew on a new one.
    101 ChainEnded "the chain has ended",
    /// A later or earlier number than the chain's next.
    102 OutOfSequence { expected: u64, found: u64 } "sequence {found}, expected {expected}",
    /// An attempt at or below one already refused.
    103 StaleAttempt { seen: u32, found: u32 } "attempt {found}, {seen} was already used",
    /// It does not name the statement before it.
    104 WrongPrevious "the statement before it is another one",
    /// The head it names is not ours.
    105 WrongHead { size: u64 } "the named head of size {size} is not this log's",
    /// Two different signed statements with one number.
    106 Equivocation "another statement was signed under the same number and attempt",
    /// The same number was admitted already with other bytes.
    107 AlreadyAdmitted { index: Index } "this number was admitted at index {index}",
    /// The very Login that opened a session before.
    108 LoginRepeated { index: Index } "this Login was admitted at index {index}",
    /// What it names by its index alone, it does not cover with its head.
    109 NotCovered { index: Index, size: u64 } "the named head of size {size} does not cover entry {index}",
    // --- the signer
    110 UnknownCertificate "the certificate is not in the journal",
    111 CertificateExpired { at_ms: u64 } "the certificate is not valid at {at_ms}",
    112 CertificateRevoked { index: Index } "the certificate was revoked at index {index}",
    113 WrongPerson { person: PersonId } "the certificate belongs to person {person}",
    114 WrongRole "the signer's role may not do this",
    115 Suspended { index: Index } "suspended at index {index}",
    116 Locked "locked after too many wrong passwords",
    117 NotAdmitted "two officers have not admitted this officer yet",
    118 NoPassword "no envelope was handed over to this person",
    119 MustSetPassword "a new password must be set first",
    120 SessionLive { index: Index } "another session of this person lives since index {index}",
    121 TooManyStatements { per_minute: u32 } "more than {per_minute} statements in a minute",
    122 WrongCertificateUse "this certificate's key usage does not allow signing statements",
    // --- the authority's acts and people
    130 NotSubmitted "acts of the authority come only inside a Submit",
    131 SubmitMismatch "the acts are not those that the Submit names",
    132 BadCertificate { reason: String } "certificate not accepted: {reason}",
    133 PersonKnownOtherwise { person: PersonId } "person {person} is known with another login or key",
    134 KeyKnown "this key was certified before",
    135 UnknownPerson { person: PersonId } "no person {person}",
    136 LoginTaken { person: PersonId } "the login belongs to person {person}",
    137 BadRevocationList { reason: String } "revocation list not accepted: {reason}",
    138 EnvelopeState { number: u64 } "envelope {number} is not in a state for this",
    139 Unchanged "it is so already",
    140 NoSuchProposal { proposal: Index } "no open proposal at index {proposal}",
    141 SecondPersonNeeded "another person must approve",
    142 BadProposal { reason: String } "proposal not accepted: {reason}",
    143 NoSuchSession "no such session lives",
    144 AlreadyFounded "a log has one genesis, at index 0",
    145 LastOfficer "fewer than two officers would be left",
    146 BadGenesis { reason: String } "no genesis: {reason}",
    147 TooManyProposals { limit: u64 } "more than {limit} proposals are open",
    148 SubmitOpen { missing: u32 } "{missing} acts of a Submit must come first",
    149 ServerRevocation "only the authority revokes the server",
    // --- audit
    195 NoSuchRange { size: u64 } "no such range of entries; there are {size}",
    // --- conversations
    150 UnknownConversation { conversation: ConversationId } "no conversation {conversation}",
    151 NotAMember { person: PersonId, conversation: ConversationId } "person {person} is no member of conversation {conversation}",
    152 NotAccepted "the invitation was not accepted yet",
    153 NotTheOwner "only the owner may do this",
    154 StaleMembership "the membership has changed since",
    155 AlreadyMember { person: PersonId } "person {person} is a member already",
    156 ClearanceTooLow { person: PersonId, needed: Clearance } "person {person} is not cleared for rank {needed:?}",
    157 ConversationClosed { index: Index } "the conversation was closed at index {index}",
    158 PrivateIsForTwo "a private conversation has two members for ever",
    159 TooManyMembers { limit: u64 } "a conversation has at most {limit} members",
    160 NoInvitation "there is no such invitation",
    161 PrivateExists { conversation: ConversationId } "a private conversation of these two exists: {conversation}",
    163 NoCorrespondent { person: PersonId } "person {person} has no role that sends and receives messages",
    162 BadMembers "members must be sorted, each once, without the founder",
    // --- epochs, bodies, files
    170 WrongEpoch { current: u32, found: u32 } "epoch {found}, the newest is {current}",
    171 EpochStale "a member was removed since: a new epoch is due",
    172 NoSuchReservation { reservation: ReservationId } "no open reservation {reservation:?}",
    173 ReservationUnfit { reason: String } "the reservation does not fit: {reason}",
    174 LabelTooHigh { ceiling: Clearance } "the label is above the conversation's ceiling {ceiling:?}",
    175 NoSuchMessage { index: Index } "no message at index {index}",
    176 MessageErased { index: Index } "the message at index {index} was erased",
    177 QuotaExceeded { limit: u64 } "more than {limit} bytes stored",
    178 NothingToAcknowledge { index: Index } "message {index} asks for no acknowledgement",
    179 CursorBack { index: Index } "already read up to {index}",
    180 TooManyReservations { limit: u64 } "more than {limit} open reservations",
    // --- erasure
    190 NoRightToErase "no right to erase this",
    191 AlreadyErased { index: Index } "erased already at index {index}",
    /// It waits for the hold: once that has ended, it is to be asked for again.
    192 Held { hold: Index } "the hold placed at index {hold} keeps it",
    193 NoSuchOrder { proposal: Index } "no order of erasure at index {proposal} waits for objections",
    194 NotConcerned { proposal: Index } "the order at index {proposal} does not concern the signer",
    196 NoSuchHold { hold: Index } "no hold of index {hold} stands",
    197 BadHold { reason: String } "hold not accepted: {reason}",
    198 TooManyHolds { limit: u64 } "more than {limit} holds stand",
    199 TooManyOrders { limit: u64 } "more than {limit} orders of erasure are open",
    // --- retention
    230 RunOverdue { due_ms: u64 } "a run of the retention schedule must come first: it was due at {due_ms}",
    231 BadRetentionRun { reason: String } "no such run of the retention schedule: {reason}",
    /// Whoever confirms an order is to know all that was said against it.
    260 TimeToObject { until_ms: u64 } "those concerned may object until {until_ms}",
    261 TooManyOwnHolds { limit: u64 } "more than {limit} holds of one officer stand",
    262 TooManyOwnProposals { limit: u64 } "more than {limit} proposals of one officer are open",
    // --- time and Facts
    200 TimeRunsBack { floor_ms: u64 } "time before {floor_ms}",
    201 DeadlinePassed { deadline_ms: u64 } "a Tick must come first: a deadline passed at {deadline_ms}",
    202 BadFact { reason: String } "not a Fact that can stand here: {reason}",
    204 WrongIndex { expected: Index } "the next entry has index {expected}",
    205 NotRunning "nothing but a Start (or acts of the authority) can stand here",
    203 NewerRules { rules: u32 } "rules version {rules} is newer than this program",
    // --- revocation lists in parts
    /// Nothing else may stand between its parts.
    270 ListOpen { missing: u32 } "{missing} parts of a revocation list must come first",
    // --- the clock set back
    /// Forward needs no act: the machine's clock does it.
    271 ClockNotBack { floor_ms: u64 } "the journal's time is {floor_ms}, and two officers only set it back",
    /// Longer ago than the site and its running allow, or than one act may go back.
    272 ClockTooFarBack { not_before_ms: u64 } "the journal's time is not set back before {not_before_ms}",
    273 TooManyClockSets { limit: u64 } "the journal's time was set back {limit} times",
    // --- successions
    250 BadSuccession { reason: String } "succession not accepted: {reason}",
    /// Nothing else may stand between its statements.
    251 SuccessionOpen { missing: u32 } "{missing} officers must sign the succession first",
    252 NotAFirstOfficer { person: PersonId } "person {person} is none of the officers whom the genesis names",
    253 EraNotLater { found: u32, current: u32 } "era {found} is not later than {current}",
    // --- one log closed into another
    254 LogClosed { index: Index, successor: LogId } "the log was closed at index {index}, into log {successor}",
    255 BadContinues { reason: String } "what the log continues is not accepted: {reason}",
    // --- what was raised
    290 NoSuchAlarm { raised: Index } "nothing that was raised at index {raised} is open",
    291 NotAcknowledged { raised: Index } "what was raised at index {raised} must be acknowledged first",
    /// Who raised it, or whom it is about, is not the one to be done with it.
    292 OwnAlarm { raised: Index } "what was raised at index {raised} is another officer's to close",
    293 TooManyRaised { limit: u64 } "more than {limit} reports or findings are open",
    294 TooManyOwnRaised { limit: u64 } "more than {limit} reports or findings of one person are open",
    295 NotTheAuthor { index: Index } "the message at index {index} is said to be by another person",
    296 TooManyDisclosures { limit: u32 } "more than {limit} disclosures of one person in a day",
}
