//! The root cell: the one small place whose old contents must really be gone after `destroy`.
//! Keeps opaque records; what they mean, and whether one is torn, is for the vault to know.

use zeroize::Zeroizing;

/// Bytes one record may have.
pub(crate) const RECORD_BYTES_MAX: usize = 512;

/// No cell wants more milliseconds than these between two replacements.
pub const PACE_MS_MAX: u64 = 30_000;

/// A cell's own name, drawn when it joins a store: a mirror knows by it which cells may hold a root.
pub(crate) type CellName = [u8; 8];

/// Which record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellSlot {
    /// Root slot of even epochs.
    Even,
    /// Root slot of odd epochs.
    Odd,
    /// The device keys: long-lived, they promise confidentiality at rest, not erasure.
    Device,
}

impl CellSlot {
    /// The root slot of an epoch.
    pub fn of_epoch(epoch: u64) -> Self {
        if epoch.is_multiple_of(2) { Self::Even } else { Self::Odd }
    }

    pub(crate) const ALL: [Self; 3] = [Self::Even, Self::Odd, Self::Device];

    pub(crate) fn index(self) -> usize {
        match self {
            Self::Even => 0,
            Self::Odd => 1,
            Self::Device => 2,
        }
    }
}

/// What a cell is made of, and so what it can promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellKind {
    /// A file on a filesystem: for development.
    File,
    /// Blocks of a raw partition.
    Sector,
    /// Non-volatile memory of a TPM 2.0.
    Tpm,
    /// Memory of this process: for tests.
    Memory,
}

impl CellKind {
    /// Which of the two decides what may be promised.
    pub fn weaker(self, other: Self) -> Self {
        let strength = |kind| match kind {
            Self::Memory => 0,
            Self::File => 1,
            Self::Sector => 2,
            Self::Tpm => 3,
        };
        if strength(other) < strength(self) { other } else { self }
    }

    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Sector => "sector",
            Self::Tpm => "tpm",
            Self::Memory => "memory",
        }
    }

    /// What this kind cannot promise, for `status`, the log and the ceremony.
    pub fn warning(self) -> &'static str {
        match self {
            Self::File => {
                "root cell is a FILE: development only. Overwriting a file does not erase flash, snapshots or backups; \
                 whoever finds an old copy of it can open what was erased since"
            }
            Self::Sector => {
                "root cell is a raw SECTOR: overwritten, read back, and discarded where the device takes that. On a magnetic \
                 disk the old root is gone; behind a flash translation layer, and in sectors the medium has set aside, an \
                 old copy may outlive it for whoever takes the chips off"
            }
            Self::Tpm => {
                "root cell is a TPM 2.0: no disk image and no stolen disk holds the root. How soon the part itself forgets \
                 overwritten memory is its maker's word; a dead board or a cleared TPM, and no second cell, means that nothing of the store opens"
            }
            Self::Memory => {
                "root cell is in MEMORY: for tests only; every body is unreadable after this process ends"
            }
        }
    }
}

/// Why a cell did not read or write.
#[derive(Debug, thiserror::Error)]
pub enum CellError {
    /// The medium.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// It reads, and the root that it held is not in it.
    #[error("the cell does not hold the root that was written to it")]
    Lost,
    /// Another process holds it.
    #[error("another server has this cell open")]
    InUse,
    /// No cell of ours.
    #[error("this is no root cell")]
    NotACell,
    /// Something is there already.
    #[error("the cell is not blank; `blkdiscard --zeroout` makes a partition blank, for good")]
    NotBlank,
    /// The device is too short.
    #[error("a device of {bytes} bytes is too short for a cell: {needed} are needed")]
    TooSmall {
        /// Of the device.
        bytes: u64,
        /// At least.
        needed: u64,
    },
    /// The TPM.
    #[cfg(feature = "tpm")]
    #[error(transparent)]
    Tpm(#[from] crate::tpm::TpmError),
    /// The cell did not give back what was written.
    #[error("the cell did not read back what was written to it")]
    ReadBack,
}

/// A root cell. Every call is durable when it returns.
pub trait RootCell: Send {
    /// What it is made of.
    fn kind(&self) -> CellKind;
    /// The record; empty when blank. Torn records are given as they are.
    fn read(&self, slot: CellSlot) -> Result<Zeroizing<Vec<u8>>, CellError>;
    /// Is nothing at all where this cell may write, the place of one record aside? An empty record says little: it is two bytes of
    /// zeros, as many things begin.
    fn is_blank(&self, spared: Option<CellSlot>) -> Result<bool, CellError>;
    /// Replaces the record.
    fn write(&mut self, slot: CellSlot, record: &[u8]) -> Result<(), CellError>;
    /// Makes durable what reads give: it may be in a cache only, where a process was killed between a write and its sync.
    /// A kind that has no cache has nothing to do.
    fn settle(&mut self) -> Result<(), CellError> {
        Ok(())
    }
    /// Destroys the record as well as this kind can.
    fn destroy(&mut self, slot: CellSlot) -> Result<(), CellError>;
    /// Least milliseconds from one replacement to the next, where the cell is slow or wears. Whoever erases more often
    /// is answered "erasing".
    fn pace_ms(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::CellKind::{File, Memory, Sector, Tpm};

    #[test]
    fn of_two_cells_the_weaker_one_decides_whichever_stands_first() {
        for (strong, weak) in [(Tpm, Sector), (Tpm, File), (Sector, File), (File, Memory)] {
            assert_eq!((strong.weaker(weak), weak.weaker(strong)), (weak, weak));
        }
        assert_eq!(Tpm.weaker(Tpm), Tpm);
    }
}
