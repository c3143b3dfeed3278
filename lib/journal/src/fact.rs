//! Facts: the server's own claims. They may only narrow, never grant, and auditors are told that they are claims.

use crate::ids::{Chain, Hash, Index};
use minicbor::{Decode, Encode};
use pki::{CertId, PersonId, Suite};

/// Why a session ended without its person's Logout.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum EndReason {
    /// The connection was lost.
    #[n(1)]
    Lost,
    /// No sign of life for the idle timeout.
    #[n(2)]
    Idle,
    /// The peer broke the protocol.
    #[n(3)]
    Protocol,
    /// The peer's certificate has run out.
    #[n(4)]
    Expired,
}

/// Why a login failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum LoginFailure {
    /// The password was wrong.
    #[n(1)]
    Password,
    /// The statement was refused by the Register (locked, suspended, revoked, no envelope…).
    #[n(2)]
    Refused,
    /// The statement did not verify or did not fit the connection.
    #[n(3)]
    Statement,
}

/// What the store's root cell rests on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum CellKind {
    /// A file: development only, promises nothing against old copies of the file.
    #[n(1)]
    File,
    /// A raw sector.
    #[n(2)]
    Sector,
    /// TPM 2.0 non-volatile memory.
    #[n(3)]
    Tpm,
}

/// What went wrong, as a stable number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum AlarmKind {
    /// Two different signed statements with one chain, sequence and attempt.
    #[n(1)]
    Equivocation,
    /// A signed checkpoint that contradicts ours.
    #[n(2)]
    Fork,
    /// The device is nearly full: messages are refused.
    #[n(3)]
    NearlyFull,
    /// A body that ought to be there is missing or does not open.
    #[n(4)]
    BodyDamaged,
    /// Failed logins from one certificate were too many to record one by one.
    #[n(5)]
    LoginFlood,
    /// A hold ends soon; the evidence is its index, as CBOR.
    #[n(6)]
    HoldEndsSoon,
    /// A run of the retention schedule did not come in time; the evidence is when it was due, as CBOR.
    #[n(7)]
    RetentionMissed,
    /// An erasure went on without its backup, which went away in the middle: no backup opens from here on. The evidence is
    /// the erasure epoch, as CBOR.
    #[n(8)]
    BackupBehind,
    /// The wall clock went on for long while the server did not run: runs of the retention schedule wait until it has run
    /// for as long as a hold is warned of. The evidence is by how many milliseconds, as CBOR.
    #[n(9)]
    ClockLeapt,
    /// The policy wants a witness, and the newest commit has had no cosignature for a minute.
    #[n(10)]
    WitnessSilent,
}

/// A claim of the server. On the wire: `[number, [content…]]`.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(flat)]
pub enum Fact {
    /// The daemon started. Every chain of before has ended.
    #[n(1)]
    Start(#[n(0)] Start),
    /// The daemon stops in good order. Every chain ends.
    #[n(2)]
    Stop(#[n(0)] Stop),
    /// A session ended by itself.
    #[n(3)]
    SessionEnd(#[n(0)] SessionEnd),
    /// The wall clock jumped.
    #[n(4)]
    ClockStep(#[n(0)] ClockStep),
    /// Failed logins.
    #[n(5)]
    FailedLogin(#[n(0)] FailedLogin),
    /// Time passed a deadline: carries nothing, its effects come from `Register::apply`.
    #[n(6)]
    Tick(#[n(0)] Tick),
    /// Erasures took effect.
    #[n(7)]
    Erased(#[n(0)] Erased),
    /// A new log period key.
    #[n(8)]
    KeyRoll(#[n(0)] KeyRoll),
    /// Something is wrong.
    #[n(9)]
    Alarm(#[n(0)] Alarm),
    /// A period of the log ended.
    #[n(10)]
    PeriodEnd(#[n(0)] PeriodEnd),
    /// A run of the retention schedule.
    #[n(11)]
    RetentionRun(#[n(0)] RetentionRun),
}

impl Fact {
    /// The stable number and the name shown to auditors.
    pub fn kind(&self) -> (u16, &'static str) {
        match self {
            Self::Start(_) => (1, "start"),
            Self::Stop(_) => (2, "stop"),
            Self::SessionEnd(_) => (3, "session-end"),
            Self::ClockStep(_) => (4, "clock-step"),
            Self::FailedLogin(_) => (5, "failed-login"),
            Self::Tick(_) => (6, "tick"),
            Self::Erased(_) => (7, "erased"),
            Self::KeyRoll(_) => (8, "key-roll"),
            Self::Alarm(_) => (9, "alarm"),
            Self::PeriodEnd(_) => (10, "period-end"),
            Self::RetentionRun(_) => (11, "retention-run"),
        }
    }
}

/// See [`Fact::Start`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Start {
    /// The kernel's boot id: `boot_ms` of entries up to the next Start counts within it.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub boot_id: [u8; 16],
    /// The rules version that judges what follows.
    #[n(1)]
    pub rules: u32,
    /// The program's version, for people.
    #[n(2)]
    pub version: String,
    /// What the root cell rests on.
    #[n(3)]
    pub cell: CellKind,
    /// The erasure epoch found.
    #[n(4)]
    pub erasure_epoch: u64,
    /// Bytes behind the last commit that had never been released to anyone and were set aside.
    #[n(5)]
    pub set_aside_bytes: u64,
}

/// See [`Fact::Stop`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Stop {}

/// See [`Fact::SessionEnd`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct SessionEnd {
    /// Which.
    #[n(0)]
    pub chain: Chain,
    /// Why.
    #[n(1)]
    pub reason: EndReason,
}

/// See [`Fact::ClockStep`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct ClockStep {
    /// What the wall clock ought to have shown, by the boot clock.
    #[n(0)]
    pub expected_ms: u64,
    /// What it showed.
    #[n(1)]
    pub found_ms: u64,
}

/// See [`Fact::FailedLogin`]. A wrong password counts towards the account's lock.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct FailedLogin {
    /// The certificate's person.
    #[n(0)]
    pub person: PersonId,
    /// The certificate shown in the handshake.
    #[n(1)]
    pub certificate: CertId,
    /// Why.
    #[n(2)]
    pub failure: LoginFailure,
    /// How many of them this entry stands for.
    #[n(3)]
    pub count: u32,
}

/// See [`Fact::Tick`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Tick {}

/// See [`Fact::Erased`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Erased {
    /// The erasure epoch that took effect.
    #[n(0)]
    pub epoch: u64,
    /// Every `Erase` (and every lapsed reservation) at or below this index is done.
    #[n(1)]
    pub through: Index,
}

/// See [`Fact::KeyRoll`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct KeyRoll {
    /// The period that begins with this entry's batch, counted from 0.
    #[n(0)]
    pub period: u64,
    /// The new key's suite.
    #[n(1)]
    pub suite: Suite,
    /// The new public key, SubjectPublicKeyInfo DER.
    #[n(2)]
    pub key: minicbor::bytes::ByteVec,
    /// Signature over `key_roll_bytes(log, period, suite, key)` by the previous period's key; for period 0 by the
    /// log identity key.
    #[n(3)]
    pub signature: minicbor::bytes::ByteVec,
}

/// See [`Fact::Alarm`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Alarm {
    /// What.
    #[n(0)]
    pub alarm: AlarmKind,
    /// Whose doing, where known.
    #[n(1)]
    pub person: Option<PersonId>,
    /// The bytes that prove it (for an equivocation: the second statement, signed), or empty.
    #[n(2)]
    pub evidence: minicbor::bytes::ByteVec,
}

/// See [`Fact::PeriodEnd`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct PeriodEnd {
    /// Which period ends with this entry.
    #[n(0)]
    pub period: u64,
    /// `[kind, count]`, kinds ascending; Facts count as 1000 + their number.
    #[n(1)]
    pub counts: Vec<KindCount>,
    /// SHA-256 of the Register's snapshot before this entry.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub snapshot: Hash,
}

/// See [`Fact::RetentionRun`]: one part of the run of a day. It grants nothing: what falls follows from the policy, and a
/// run that names anything else is refused.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct RetentionRun {
    /// When the schedule wanted it.
    #[n(0)]
    pub due_ms: u64,
    /// Which part of the run, from 1.
    #[n(1)]
    pub part: u32,
    /// The run ends with it.
    #[n(2)]
    pub last: bool,
    /// The entry that set the policy by which it is judged.
    #[n(3)]
    pub policy: Index,
    /// Messages that fall, by rule of that policy, in its order.
    #[n(4)]
    pub counts: Vec<u64>,
    /// Due messages that a hold keeps and that this part came by.
    #[n(5)]
    pub held: u64,
}

/// How many entries of one kind a period had.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct KindCount {
    /// The kind.
    #[n(0)]
    pub kind: u16,
    /// How many.
    #[n(1)]
    pub count: u64,
}

/// What the signature of a [`KeyRoll`] covers: context, 0x00, log id, period (big-endian), suite, key.
pub fn key_roll_bytes(log: crate::ids::LogId, period: u64, suite: Suite, key: &[u8]) -> Vec<u8> {
    let mut bytes = crate::statement::context_prefix("key-roll");
    bytes.extend_from_slice(&log.0);
    bytes.extend_from_slice(&period.to_be_bytes());
    bytes.push(suite as u8);
    bytes.extend_from_slice(key);
    bytes
}
