//! The rows of the Register: what is remembered of a person, a chain, a conversation, a reservation.
//! Never holds anything that does not follow from the journal.

use super::Context;
use super::codec::pairs;
use crate::act::{Purpose, SizeClass};
use crate::ids::{Chain, Hash, Index, MembershipHead, Place, StatementId};
use crate::membership::Membership;
use crate::retention::RANKS;
use minicbor::{Decode, Encode, bytes::ByteVec};
use pki::{CertId, Clearance, PersonId, Role, RoleSet};
use std::collections::BTreeMap;

/// What opens a person's sessions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(flat)]
pub enum PasswordState {
    /// Nothing: no envelope was handed over.
    #[n(0)]
    None,
    /// The one-time password of the envelope with this number.
    #[n(1)]
    Envelope(#[n(0)] u64),
    /// A password of the person's own.
    #[n(2)]
    Own,
    /// One that may have been replaced before: the next login demands a new one.
    #[n(3)]
    Doubtful,
}

/// A person who was enrolled. Never removed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Person {
    /// Who.
    #[n(0)]
    pub id: PersonId,
    /// Counts persons from 0 in the order of their enrolment.
    #[n(1)]
    pub ordinal: u32,
    /// The login, unique for ever.
    #[n(2)]
    pub login: String,
    /// Full name, of the newest certificate.
    #[n(3)]
    pub name: String,
    /// Unit path, of the newest certificate, outermost first.
    #[n(4)]
    pub unit: Vec<String>,
    /// Roles, of the newest certificates.
    #[n(5)]
    pub roles: RoleSet,
    /// Clearance, of the newest certificate.
    #[n(6)]
    pub clearance: Clearance,
    /// Signature certificates, oldest first.
    #[n(7)]
    pub signature: Vec<CertId>,
    /// Agreement certificates, oldest first; new wraps are made to the last.
    #[n(8)]
    pub agreement: Vec<CertId>,
    /// Index of the first `Enrol`.
    #[n(9)]
    pub enrolled: Index,
    /// Revoked for ever at this index.
    #[n(10)]
    pub revoked: Option<Index>,
    /// Suspended since this index.
    #[n(11)]
    pub suspended: Option<Index>,
    /// Locked after too many wrong passwords, since this index.
    #[n(12)]
    pub locked: Option<Index>,
    /// Wrong passwords since the last admitted Login.
    #[n(13)]
    pub wrong_passwords: u32,
    /// What opens a session.
    #[n(14)]
    pub password: PasswordState,
    /// Bytes of bodies stored and not erased.
    #[n(15)]
    pub stored_bytes: u64,
    /// Reservations open.
    #[n(16)]
    pub reservations: u32,
    /// The minute (of 1970) of the last admitted statement; where the journal's time stands still, counted on by running.
    #[n(17)]
    pub minute: u64,
    /// Statements admitted in that minute.
    #[n(18)]
    pub in_minute: u32,
    /// The last admitted Login: the same statement opens no second session.
    #[n(19)]
    pub last_login: Option<LastLogin>,
    /// What revoked him.
    #[n(20)]
    pub(super) silenced: Option<Silenced>,
    /// The day (of 1970) of his last disclosure, and how many that day had.
    #[n(21)]
    pub(super) disclosed: Option<(u64, u32)>,
}

/// An entry by which one officer took somebody's say away, and when that was.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Silenced {
    /// Which.
    #[n(0)]
    pub(super) index: Index,
    /// By the wall clock.
    #[n(1)]
    pub(super) wall_ms: u64,
    /// By the time for which the server had run.
    #[n(2)]
    pub(super) ran_ms: u64,
    /// It took his password alone: one that he sets himself ends it.
    #[n(3)]
    pub(super) by_password: bool,
}

impl Silenced {
    pub(super) fn by(cx: &Context<'_>) -> Self {
        Self { index: cx.by.index, wall_ms: cx.now_ms, ran_ms: cx.ran_ms, by_password: false }
    }

    /// The clock was set back.
    pub(super) fn set_back(&mut self, now_ms: u64) {
        self.wall_ms = self.wall_ms.min(now_ms);
    }

    /// No longer ago than those concerned may object, by either clock.
    pub(super) fn is_recent(&self, cx: &Context<'_>, objection_ms: u64) -> bool {
        cx.now_ms.saturating_sub(self.wall_ms) < objection_ms
            || cx.ran_ms.saturating_sub(self.ran_ms) < objection_ms
    }
}

/// A Login that was admitted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct LastLogin {
    /// The statement.
    #[n(0)]
    pub id: StatementId,
    /// Its index.
    #[n(1)]
    pub index: Index,
}

impl Person {
    /// The server is enrolled like a person, and is none.
    pub fn is_server(&self) -> bool {
        self.roles.contains(Role::Server) || self.roles.contains(Role::Core)
    }
}

impl Person {
    /// The agreement certificate that new wraps are made to.
    pub fn agreement_now(&self) -> Option<CertId> {
        self.agreement.last().copied()
    }
}

/// The one live chain of a person.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct LiveChain {
    /// The Login's leaf hash.
    #[n(0)]
    pub chain: Chain,
    /// The certificate of the Login; the whole chain is signed by its key.
    #[n(1)]
    pub certificate: CertId,
    /// The Login's index.
    #[n(2)]
    pub login: Index,
    /// Sequence of the last admitted statement (0: the Login).
    #[n(3)]
    pub sequence: u64,
    /// Id of the last admitted statement.
    #[n(4)]
    pub last: StatementId,
    /// Index of the last admitted statement.
    #[n(5)]
    pub last_index: Index,
    /// Opened with an envelope: only SetPassword and Logout are admitted.
    #[n(6)]
    pub must_set_password: bool,
}

/// How far a person has read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Cursor {
    /// The last message read.
    #[n(0)]
    pub up_to: Index,
    /// The entry that says so.
    #[n(1)]
    pub said_at: Index,
}

/// A conversation's newest epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct EpochRow {
    /// Its number, from 1.
    #[n(0)]
    pub number: u32,
    /// The entry that began it.
    #[n(1)]
    pub index: Index,
    /// When.
    #[n(2)]
    pub begun_ms: u64,
    /// Where its wraps lie: chunk `n` for the `n`-th recipient.
    #[n(3)]
    pub wraps: Place,
}

/// When a member last said that his wrap is bad.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct BadWrapRow {
    /// Under which membership.
    #[n(0)]
    pub membership: MembershipHead,
    /// When.
    #[n(1)]
    pub said_ms: u64,
}

/// A conversation. Its number is the index of its `Create`.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Conversation {
    /// Index of its `Create`.
    #[n(0)]
    pub number: u64,
    /// Counts conversations from 0.
    #[n(1)]
    pub ordinal: u32,
    /// Who is in it, and the head of the membership acts.
    #[n(2)]
    pub membership: Membership,
    /// The newest epoch, if there is one.
    #[n(3)]
    pub epoch: Option<EpochRow>,
    /// Nothing more is admitted under the newest epoch.
    #[n(4)]
    pub epoch_stale: bool,
    /// The next item's number in the vault.
    #[n(5)]
    pub next_item: u64,
    /// The newest title's entry and place.
    #[n(6)]
    pub title: Option<TitleRow>,
    /// Closed at this index.
    #[n(7)]
    pub closed: Option<Index>,
    /// Erased whole at this index.
    #[n(8)]
    pub erased: Option<Index>,
    /// How far each member has read.
    #[cbor(n(9), with = "pairs")]
    pub cursors: BTreeMap<PersonId, Cursor>,
    /// Bytes of bodies by their author, so that erasing all of it need not visit each message.
    #[cbor(n(10), with = "pairs")]
    pub stored: BTreeMap<PersonId, u64>,
    /// The last `BadWrap` of each member who said one under the present membership.
    #[cbor(n(11), with = "pairs")]
    pub bad_wraps: BTreeMap<PersonId, BadWrapRow>,
    /// How many of its messages the retention schedule is done with, for each label.
    #[n(12)]
    pub(crate) swept: [u32; RANKS],
    /// Who had a say over the whole of it and was cut out.
    #[cbor(n(13), with = "pairs")]
    pub(super) silenced: BTreeMap<PersonId, Silenced>,
    /// Rows of its messages, in order. Follows from the messages.
    #[cbor(skip)]
    pub(crate) messages: Vec<u32>,
}

impl Conversation {
    /// The newest epoch's number, 0 before the first.
    pub fn epoch_number(&self) -> u32 {
        self.epoch.map_or(0, |epoch| epoch.number)
    }
}

/// A title of a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct TitleRow {
    /// The entry.
    #[n(0)]
    pub index: Index,
    /// Its body.
    #[n(1)]
    pub place: Place,
}

/// Room for bodies that nothing has claimed yet.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Reservation {
    /// Who made it.
    #[n(0)]
    pub person: PersonId,
    /// Where its bodies go, as chunks from 0.
    #[n(1)]
    pub place: Place,
    /// For what.
    #[n(2)]
    pub purpose: Purpose,
    /// How many bodies.
    #[n(3)]
    pub chunks: u32,
    /// Padded length of each.
    #[n(4)]
    pub size: SizeClass,
    /// The `Reserve`.
    #[n(5)]
    pub index: Index,
    /// It falls at the first Tick from here on.
    #[n(6)]
    pub deadline_ms: u64,
}

impl Reservation {
    /// What it counts in its maker's quota. A file's chunk 0 is the message's own body and counts at the claim.
    pub fn bytes(&self) -> u64 {
        let chunks = match self.purpose {
            Purpose::File => self.chunks.saturating_sub(1),
            Purpose::Wraps => self.chunks,
        };
        u64::from(chunks) * self.size.bytes()
    }
}

/// An open proposal of an act of two.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Proposal {
    /// Whose.
    #[n(0)]
    pub person: PersonId,
    /// The exact bytes of the act.
    #[n(1)]
    pub act: ByteVec,
    /// It falls at the first Tick from here on.
    #[n(2)]
    pub deadline_ms: u64,
}

/// How an envelope stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum EnvelopeState {
    /// Printed, not handed over: opens nothing.
    #[n(1)]
    Printed,
    /// Handed over: opens a session.
    #[n(2)]
    HandedOver,
    /// A password of the person's own has replaced it.
    #[n(3)]
    Used,
    /// Void.
    #[n(4)]
    Void,
}

/// A paper envelope.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Envelope {
    /// For whom.
    #[n(0)]
    pub person: PersonId,
    /// How it stands.
    #[n(1)]
    pub state: EnvelopeState,
    /// The entry that last changed it.
    #[n(2)]
    pub index: Index,
}

/// A Submit whose acts have not all come yet.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct OpenSubmit {
    /// Whose.
    #[n(0)]
    pub person: PersonId,
    /// How many acts it names.
    #[n(1)]
    pub count: u32,
    /// Digest over all their ids.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub digest: Hash,
    /// Ids of those that came.
    #[n(3)]
    pub taken: Vec<StatementId>,
}

/// Where the authority's offline chain stands.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct OfflineChain {
    /// The chain's name.
    #[n(0)]
    pub chain: Chain,
    /// The next act's number.
    #[n(1)]
    pub sequence: u64,
    /// The last act's id; zero before the first.
    #[n(2)]
    pub last: StatementId,
}

/// The log's current period.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Period {
    /// Its number, from 0.
    #[n(0)]
    pub number: u64,
    /// Its key, SubjectPublicKeyInfo DER.
    #[n(1)]
    pub key: ByteVec,
    /// The KeyRoll's index.
    #[n(2)]
    pub index: Index,
    /// Its PeriodEnd stands already; the next KeyRoll may follow.
    #[n(3)]
    pub ended: bool,
}

/// A revocation list whose last part has not come yet.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct OpenList {
    /// SHA-256 of the whole.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub whole: Hash,
    /// Parts of it.
    #[n(1)]
    pub of: u32,
    /// Parts that stand.
    #[n(2)]
    pub taken: u32,
    /// Their bytes.
    #[n(3)]
    pub bytes: ByteVec,
}
