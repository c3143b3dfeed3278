//! What a replay found, and what heads from outside say of it.
//! Never decides anything: these are the words for what `Replay` decided.

use std::collections::BTreeMap;

use crate::ids::{Hash, Head, LogId};
use crate::note::NotSigned;
use crate::register::SuccessionRow;

/// Two heads of one size that are not the same: somebody was shown another log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at size {size} the entries give another root than was named")]
pub struct Divergence {
    /// The size.
    pub size: u64,
    /// The root that was named from outside.
    pub named: Hash,
    /// The root that the entries give.
    pub found: Hash,
}

/// Why a checkpoint does not confirm these entries.
#[derive(Debug, thiserror::Error)]
pub enum Unconfirmed {
    /// It is another log's.
    #[error("it is a checkpoint of log {log}")]
    OtherLog {
        /// Which.
        log: LogId,
    },
    /// It covers more than was replayed.
    #[error("it covers {size} entries, {replayed} were replayed")]
    Beyond {
        /// Its size.
        size: u64,
        /// Entries replayed.
        replayed: u64,
    },
    /// Entries that it covers were lost, and the log went on without them by decision of its first officers: it says
    /// nothing of those that are there.
    #[error("of the {size} entries that it covers {kept} were kept by a succession")]
    Lost {
        /// Its size.
        size: u64,
        /// Entries kept.
        kept: u64,
    },
    /// It is of an era in which the log was not at that size.
    #[error("it is of era {found}, at that size the log was in era {era}")]
    OtherEra {
        /// In the checkpoint.
        found: u32,
        /// By the entries.
        era: u32,
    },
    /// The log had no period key then.
    #[error("the log had no period key at size {size}")]
    NoPeriod {
        /// Its size.
        size: u64,
    },
    /// Not signed by the key of its period.
    #[error(transparent)]
    NotSigned(#[from] NotSigned),
    /// Signed by that key, and not these entries' root.
    #[error(transparent)]
    Diverged(#[from] Divergence),
}

/// What a replay found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The log.
    pub log: LogId,
    /// Entries that stand.
    pub head: Head,
    /// Entries by kind, Facts as 1000 + their number.
    pub kinds: BTreeMap<u16, u64>,
    /// SHA-256 of the Register's snapshot behind the last entry.
    pub state: Hash,
    /// The largest size at which a head from outside was the same; 0 for none.
    pub anchored: u64,
    /// Entries behind that, which no head from outside covers.
    pub beyond: u64,
    /// Time stamps of the first and the last entry.
    pub span_ms: (u64, u64),
    /// Where the log went on without entries that were lost.
    pub successions: Vec<SuccessionRow>,
}

/// What a head from outside says of the entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compared {
    /// They lead to it.
    Same,
    /// It covers more than was replayed: nothing can be said.
    Beyond,
    /// It covers entries that were lost by this succession: nothing can be said.
    Lost(SuccessionRow),
}
