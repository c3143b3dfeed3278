//! The way on when acknowledged entries are lost: what is kept, what is known of what is not, and the log's next era.
//! Never a free text, and never by one: the first officers whom the genesis names sign the very same, as many of them as
//! it demands, each a statement of his own.

use super::{OutOfBounds, at_most};
use crate::ids::{Hash, Head};
use minicbor::{Decode, Encode};

/// Why entries were lost: a list, not a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum LossCause {
    /// The device, or what stands around it, broke.
    #[n(1)]
    Damage,
    /// An older backup, or an older device, was put back.
    #[n(2)]
    Restored,
    /// Somebody meddled with it.
    #[n(3)]
    Tampering,
    /// Something else.
    #[n(4)]
    Other,
}

impl LossCause {
    /// All causes, in numeric order.
    pub const ALL: [Self; 4] = [Self::Damage, Self::Restored, Self::Tampering, Self::Other];
}

/// From where it is known that there was more than is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum LossSource {
    /// The root cell names it.
    #[n(1)]
    Cell,
    /// Later batches lie on the device behind what is damaged.
    #[n(2)]
    LaterBatches,
    /// A signed head that somebody holds.
    #[n(3)]
    SignedHead,
    /// Every entry that there is is kept, but what a start needs beside them does not read: the key tree, the period key, or
    /// the password verifiers.
    #[n(4)]
    Unreadable,
}

/// What becomes of the password verifiers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum KeptPasswords {
    /// Those that were in force with the kept entries.
    #[n(1)]
    InForce,
    /// Others: older ones, or some that belong to what is lost. Whoever knew a password that was changed may log in by it.
    #[n(2)]
    Others,
    /// None.
    #[n(3)]
    Lost,
}

/// One trace of what is lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct LossTrace {
    /// From where.
    #[n(0)]
    pub source: LossSource,
    /// At least so many entries there were.
    #[n(1)]
    pub size: u64,
    /// The root over so many entries, where that is known.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub root: Option<Hash>,
}

/// See the module. Every officer's statement names `kept` as its head and carries the same bytes; they stand one behind the
/// other, directly behind the kept entries. From the last of them on the log is in the new era.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Succession {
    /// The era that begins: later than any that a terminal has seen.
    #[n(0)]
    pub era: u32,
    /// The entries that stay.
    #[n(1)]
    pub kept: Head,
    /// What is known of those that do not, at least one trace.
    #[n(2)]
    pub lost: Vec<LossTrace>,
    /// All bodies are lost too, and the log's period key with them.
    #[n(3)]
    pub bodies_lost: bool,
    /// Why.
    #[n(4)]
    pub cause: LossCause,
    /// When the plan was made, milliseconds since 1970.
    #[n(5)]
    pub time_ms: u64,
    /// The log's period key is lost: the next one is made known by the log identity key.
    #[n(6)]
    pub period_key_lost: bool,
    /// So many bodies of kept entries have no key any more, where not all are lost: damaged, or erased by what is lost.
    #[n(7)]
    pub bodies_missing: u64,
    /// What becomes of the password verifiers.
    #[n(8)]
    pub passwords: KeptPasswords,
    /// The root cell that is away is let go of: wherever it is, it opens what is erased from now on.
    #[n(9)]
    pub cell_let_go: bool,
}

/// Most traces that a succession names.
pub const LOSS_TRACES_MAX: u64 = 16;

impl Succession {
    /// Whether a statement may carry it.
    pub fn check_bounds(&self) -> Result<(), OutOfBounds> {
        at_most("a succession that loses all bodies and keeps the period key", 1, {
            u64::from(!self.bodies_lost || self.period_key_lost)
        })?;
        at_most("least era of a succession", 1, self.era.into())?;
        at_most("least entries that a succession keeps", 1, self.kept.size)?;
        at_most("least traces of what is lost", 1, self.lost.len() as u64)?;
        at_most("traces of what is lost", self.lost.len() as u64, LOSS_TRACES_MAX)
    }

    /// At least so many entries there were.
    pub fn known_size(&self) -> u64 {
        self.lost.iter().map(|trace| trace.size).max().unwrap_or(0).max(self.kept.size)
    }
}
