//! What an administrator's terminal asks when it takes a backup away, and what it gets.
//! Never read here but for its length: anchors, ranges and outlines are the store's own words, passed on as they are.

use crate::code::Code;
use journal::act::Backup;
use journal::ids::{Hash, Index};
use minicbor::{Decode, Encode, bytes::ByteVec};
use pki::PersonId;

/// A question about the state that is copied. One terminal at a time holds one.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(flat)]
pub enum CopyAsk {
    /// Hold the newest durable state still, and say what it is. A former one is let go.
    #[n(1)]
    Hold,
    /// Was this store ever there? An encoded anchor.
    #[n(2)]
    HasPassed(#[n(0)] ByteVec),
    /// Blocks: an encoded range of at most [`COPY_BYTES_MAX`] bytes.
    ///
    /// [`COPY_BYTES_MAX`]: crate::limits::COPY_BYTES_MAX
    #[n(3)]
    Read(#[n(0)] ByteVec),
    /// Sign the manifest of the state that is held, with segments of this digest.
    #[n(4)]
    Sign(
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        Hash,
    ),
    /// All of the state lies here, durable, and was signed for since the last `Next`. Does an erasure wait for a backup? Then a
    /// newer state is to be taken now, and the erasure waits until `Safe`. May be answered late.
    #[n(5)]
    Next,
    /// That newer state lies here, durable, and was signed for. False: the erasure did not wait for it.
    #[n(6)]
    Safe,
    /// Has the state blocks of this digest in this encoded range? So what an interrupted copy left need not be sent again.
    #[n(7)]
    IsSame(
        #[n(0)] ByteVec,
        #[n(1)]
        #[cbor(with = "minicbor::bytes")]
        Hash,
    ),
}

/// What comes back.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(flat)]
pub enum CopyAnswer {
    /// To `Hold`: the state's outline.
    #[n(1)]
    Outline(#[n(0)] ByteVec),
    /// To `HasPassed`, `Next`, `Safe` and `IsSame`.
    #[n(2)]
    Truth(#[n(0)] bool),
    /// To `Read`.
    #[n(3)]
    Blocks(#[n(0)] ByteVec),
    /// The state is gone: hold a newer one, and go on with what is there.
    #[n(4)]
    Lost,
    /// To `Sign`: when, by the server's clock, and the log identity key's signature.
    #[n(5)]
    Signed(#[n(0)] u64, #[n(1)] ByteVec),
    /// To `Read`: blocks of which some do not read on the store's device; those are zeros.
    #[n(6)]
    Torn(#[n(0)] ByteVec),
    /// To `Next`: an erasure waits for a backup, and does not begin now.
    #[n(7)]
    Waits,
}

/// What the core tells whoever copies ([`crate::io::Output::Copy`]).
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(flat)]
pub enum CopyTask {
    /// A terminal's question, to be answered.
    #[n(1)]
    Ask(#[n(0)] CopyAsk),
    /// This person signed that he has the backup of this manifest, in the entry of this index, which is durable.
    #[n(2)]
    Taken(
        #[n(0)] PersonId,
        #[n(1)] Index,
        #[n(2)]
        #[cbor(with = "minicbor::bytes")]
        Hash,
    ),
    /// The terminal is gone: let its state go.
    #[n(3)]
    LetGo,
}

/// What comes of a question ([`crate::io::Input::Copied`]).
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(flat)]
pub enum Copied {
    /// The answer.
    #[n(1)]
    Answer(#[n(0)] CopyAnswer),
    /// A signature, and what its terminal may sign as taken.
    #[n(2)]
    Signed(#[n(0)] CopyAnswer, #[n(1)] Backup),
    /// Another copy is being made.
    #[n(3)]
    Busy,
    /// There is no such thing in the state that is held, or none is held.
    #[n(4)]
    No,
    /// The store did not give it.
    #[n(5)]
    Damaged,
}

impl Copied {
    /// The answer, with what may be signed as taken; else the refusal.
    pub(crate) fn into_answer(self) -> Result<(CopyAnswer, Option<Backup>), Code> {
        match self {
            Self::Answer(answer) => Ok((answer, None)),
            Self::Signed(answer, backup) => Ok((answer, Some(backup))),
            Self::Busy => Err(Code::Busy),
            Self::No => Err(Code::NotFound),
            Self::Damaged => Err(Code::Damaged),
        }
    }
}

/// The newest backup that the server knows of: its word.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct BackupRecord {
    /// When it was finished.
    #[n(0)]
    pub made_ms: u64,
    /// The store's last batch in it.
    #[n(1)]
    pub batch: u64,
    /// Journal entries in it.
    #[n(2)]
    pub entries: u64,
    /// Its erasure epoch.
    #[n(3)]
    pub erasure_epoch: u64,
    /// Who took it away, and the entry that says so; none where it was made beside the server.
    #[n(4)]
    pub taken: Option<(PersonId, Index)>,
    /// Since when no cell of the site opens it.
    #[n(5)]
    pub unusable_since_ms: Option<u64>,
}
