//! What goes into the engine and what comes out: plain data that can travel between processes as bytes.
//! No channel, no callback, no shared state: a session is a number.

use crate::answer::CellRecord;
use crate::copy::{BackupRecord, Copied, CopyTask};
use crate::erasing::ErasureWait;
use journal::act::CellName;
use journal::ids::{Hash, Index, Place};
use minicbor::{Decode, Encode, bytes::ByteVec};
use pki::{PersonId, SecretKey};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A session, numbered by the driver; a number is not used twice while the core runs.
pub type SessionId = u64;
/// A question to the driver, numbered by the engine.
pub type Ticket = u64;

/// The time, as the driver read it for this input.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Now {
    /// Milliseconds since 1970.
    #[n(0)]
    pub wall_ms: u64,
    /// Milliseconds since boot; never runs back.
    #[n(1)]
    pub boot_ms: u64,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(flat)]
pub enum Input {
    /// A TLS connection stands, its one stream is open.
    #[n(1)]
    Connected(#[n(0)] Connected),
    /// The stream brought bytes.
    #[n(2)]
    Received(#[n(0)] SessionId, #[n(1)] ByteVec),
    /// The connection is gone.
    #[n(3)]
    Closed(#[n(0)] SessionId),
    /// So many bytes towards these sessions were handed to the network.
    #[n(4)]
    Drained(#[n(0)] Vec<(SessionId, u64)>),
    /// A password was checked (`Output::CheckPassword`): right or not.
    #[n(5)]
    PasswordChecked(#[n(0)] Ticket, #[n(1)] bool),
    /// A new password was turned into a verifier (`Output::MakeVerifier`), or could not be.
    #[n(6)]
    VerifierMade(#[n(0)] Ticket, #[n(1)] Option<ByteVec>),
    /// A batch is durable.
    #[n(7)]
    Committed(#[n(0)] u64),
    /// Bytes that were asked for (`Output::Read`), in order; `None` where there is nothing or it does not open.
    #[n(8)]
    ReadDone(#[n(0)] Ticket, #[n(1)] Vec<Option<ByteVec>>),
    /// An erasure epoch took effect: every intent at or below the index is done.
    #[n(9)]
    ErasureDone(#[n(0)] u64, #[n(1)] Index),
    /// Time passed.
    #[n(10)]
    Wake,
    /// Stop in good order.
    #[n(11)]
    Stop,
    /// Room on the device: whether messages are still taken, and bytes used and in all.
    #[n(12)]
    Room(#[n(0)] bool, #[n(1)] u64, #[n(2)] u64),
    /// The network holds none of these bodies any more (`Output::Forget`, by its number): what was dropped unsent. A
    /// session that had begun to get one is closed.
    #[n(13)]
    Forgotten(#[n(0)] u64, #[n(1)] Vec<Dropped>),
    /// Bodies can be read no more: what led to them did not open, and was cut off.
    #[n(14)]
    BodiesLost,
    /// What came of a question of whoever takes a backup away (`Output::Copy`).
    #[n(20)]
    Copied(#[n(0)] Ticket, #[n(1)] Copied),
    /// The newest backup, as the server remembers it.
    #[n(21)]
    NewestBackup(#[n(0)] BackupRecord),
    /// Under a policy that wants a backup first, this erasure epoch went on without one: who took it went away.
    #[n(22)]
    BackupBehind(#[n(0)] u64),
    /// How the root cells do.
    #[n(23)]
    Cells(#[n(0)] Vec<CellRecord>),
    /// What that which is being erased waits for, as that changes.
    #[n(25)]
    ErasureWaits(#[n(0)] ErasureWait),
    /// The secret key for the log's next period (`Output::DrawPeriodKey`).
    #[n(30)]
    PeriodKey(#[n(0)] PeriodSecret),
    /// Whoever copies the store has let this session's state go: it asked nothing for too long. Another may copy.
    #[n(24)]
    CopyReleased(#[n(0)] SessionId),
}

/// Pushes that were dropped before a byte of them was sent: from the first that carried an erased body on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Dropped {
    /// Whose.
    #[n(0)]
    pub session: SessionId,
    /// First entry of the first one dropped.
    #[n(1)]
    pub first: Index,
    /// Bytes dropped.
    #[n(2)]
    pub bytes: u64,
}

/// See [`Input::Connected`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Connected {
    /// Its number.
    #[n(0)]
    pub session: SessionId,
    /// The peer's certificates as TLS got them, leaf first, DER.
    #[n(1)]
    pub peer: Vec<ByteVec>,
    /// TLS exporter value.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub exporter: [u8; 32],
    /// 32 fresh random bytes for the Hello.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub nonce: [u8; 32],
}

/// What the driver must do.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(flat)]
pub enum Output {
    /// Send these bytes to these sessions: the same bytes, in order with other sends.
    #[n(1)]
    Send(#[n(0)] Vec<SessionId>, #[n(1)] ByteVec),
    /// Close the session after what was sent. `Input::Closed` follows, here too.
    #[n(2)]
    End(#[n(0)] SessionId),
    /// Open the sealed password and compare it with the person's verifier.
    #[n(3)]
    CheckPassword(#[n(0)] CheckPassword),
    /// Open the sealed new password and make a verifier of it.
    #[n(4)]
    MakeVerifier(#[n(0)] CheckPassword),
    /// Write a batch, sync once, answer `Committed`. At most one is under way.
    #[n(5)]
    Commit(#[n(0)] Box<Batch>),
    /// Read bytes, answer `ReadDone`.
    #[n(6)]
    Read(#[n(0)] Ticket, #[n(1)] Vec<ReadItem>),
    /// Everything is durable and said: the process may end.
    #[n(7)]
    Stopped,
    /// Stop reading this session's stream until `Resume`: the engine has enough of it. What was read already may still
    /// come.
    #[n(8)]
    Pause(#[n(0)] SessionId),
    /// Read the session's stream again.
    #[n(9)]
    Resume(#[n(0)] SessionId),
    /// An invariant of the engine is broken (the words are for the log): end the process now, write and send nothing
    /// more. A start replays what is durable.
    #[n(10)]
    Halt(#[n(0)] String),
    /// Send, as `Send` does, in order with it: these bytes carry bodies, or may be left out in favour of a question.
    #[n(11)]
    Carry(#[n(0)] Vec<SessionId>, #[n(1)] ByteVec, #[n(2)] Cargo),
    /// These bodies are erased: drop what carries one and was not begun, end every session that has begun to get one and
    /// may not have all of it, then answer `Forgotten`. Nothing that carries one comes after this.
    #[n(12)]
    Forget(#[n(0)] u64, #[n(1)] Vec<EraseItem>),
    /// Drop what was not begun towards this session: its last word follows, then its `End`.
    #[n(13)]
    Cut(#[n(0)] SessionId),
    /// Draw a secret key of the log's suite for its next period, and answer `PeriodKey`. Asked for once a day.
    #[n(30)]
    DrawPeriodKey,
    /// For whoever copies the store for this session. A question is answered by `Copied`; ticket 0 asks for no answer.
    #[n(20)]
    Copy(#[n(0)] Ticket, #[n(1)] SessionId, #[n(2)] CopyTask),
}

/// See [`Output::Carry`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Cargo {
    /// Items whose bodies are in the bytes.
    #[n(0)]
    pub places: Vec<Place>,
    /// Of a push: its first entry. A push may be dropped, because the peer asks for what it missed; an answer may not.
    #[n(1)]
    pub first: Option<Index>,
}

/// A password on its way to the worker that may open it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct CheckPassword {
    /// For the answer.
    #[n(0)]
    pub ticket: Ticket,
    /// Whose.
    #[n(1)]
    pub person: PersonId,
    /// HPKE-sealed to the core's agreement key.
    #[n(2)]
    pub sealed: ByteVec,
    /// Associated data: the statement's id.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub statement: Hash,
    /// Which verifier rules (for a check): that of the envelope with this number, or 0 for the person's own.
    #[n(4)]
    pub envelope: u64,
}

/// Something to read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(flat)]
pub enum ReadItem {
    /// An entry's bytes.
    #[n(1)]
    Entry(#[n(0)] Index),
    /// A body: chunk 0 for a message or title.
    #[n(2)]
    Body(#[n(0)] Place, #[n(1)] u32),
}

/// One group commit: all of it or nothing.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Batch {
    /// Counted from 1.
    #[n(0)]
    pub number: u64,
    /// Index of the first entry.
    #[n(1)]
    pub first: Index,
    /// Entries' bytes, consecutive.
    #[n(2)]
    pub entries: Vec<ByteVec>,
    /// Root over all entries up to the last of these: the writer recomputes it from the very bytes it writes.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub root: Hash,
    /// The signed checkpoint.
    #[n(4)]
    pub note: ByteVec,
    /// Bodies to store.
    #[n(5)]
    pub bodies: Vec<StoredBody>,
    /// What to erase behind this batch; answered by `ErasureDone`, which may answer for several batches.
    #[n(6)]
    pub erase: Vec<EraseItem>,
    /// Password verifiers to keep or drop.
    #[n(7)]
    pub verifiers: Vec<VerifierChange>,
    /// The state behind this batch's last entry, when a snapshot is due (`engine::snapshot`). The driver may leave it out
    /// where it has no room for it.
    #[n(8)]
    pub snapshot: Option<ByteVec>,
    /// The policy behind this batch: erasures wait for a backup.
    #[n(9)]
    pub backup_required: bool,
    /// Root cells that erasures wait for no longer.
    #[n(10)]
    pub drop_cells: Vec<CellName>,
    /// The secret key of the period that begins in this batch: it goes into the key tree with it, under its number.
    #[n(11)]
    pub period: Option<NewPeriod>,
}

/// A period of the log that begins.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct NewPeriod {
    /// Its number.
    #[n(0)]
    pub number: u64,
    /// Its secret key.
    #[n(1)]
    pub secret: PeriodSecret,
}

/// A period's secret key, as `pki::SecretKey` takes it. Wiped when dropped, compared in constant time, shown to nobody.
#[derive(Clone)]
pub struct PeriodSecret(Zeroizing<Vec<u8>>);

impl PeriodSecret {
    /// Of a key.
    pub fn of(key: &SecretKey) -> Self {
        Self(key.to_bytes())
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for PeriodSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PeriodSecret")
    }
}

impl PartialEq for PeriodSecret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for PeriodSecret {}

impl<C> Encode<C> for PeriodSecret {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.0).map(drop)
    }
}

impl<'b, C> Decode<'b, C> for PeriodSecret {
    fn decode(d: &mut minicbor::Decoder<'b>, _ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        Ok(Self(Zeroizing::new(d.bytes()?.to_vec())))
    }
}

/// A body and where it goes.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct StoredBody {
    /// The item.
    #[n(0)]
    pub place: Place,
    /// The chunk; 0 for a message or title.
    #[n(1)]
    pub chunk: u32,
    /// Whether the item has chunks (a reservation) or is one body.
    #[n(2)]
    pub subtree: bool,
    /// The bytes.
    #[n(3)]
    pub body: ByteVec,
}

/// Something to erase.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(flat)]
pub enum EraseItem {
    /// One item, with all its chunks.
    #[n(1)]
    Item(#[n(0)] Place),
    /// A conversation's number.
    #[n(2)]
    Conversation(#[n(0)] u64),
}

/// A password verifier that comes or goes.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(flat)]
pub enum VerifierChange {
    /// Keep this one as the person's own (an Argon2id PHC string, as made by the worker).
    #[n(1)]
    Set(#[n(0)] PersonId, #[n(1)] ByteVec),
    /// An envelope's: still sealed to the core's key, with person and envelope number as associated data. It stands
    /// beside the person's own one until that envelope rules (see [`CheckPassword::envelope`]).
    #[n(2)]
    SetSealed(#[n(0)] PersonId, #[n(1)] u64, #[n(2)] ByteVec),
    /// None any more, neither own nor of envelopes.
    #[n(3)]
    Drop(#[n(0)] PersonId),
    /// The one of this envelope is used up or void.
    #[n(4)]
    DropEnvelope(#[n(0)] PersonId, #[n(1)] u64),
}
