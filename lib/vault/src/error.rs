//! What can go wrong in the vault, in fields. Never says anything of contents.

use hardening::SecretPageError;

use crate::cell::{CellError, CellKind};
use crate::place::Place;

/// Why the vault refused or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store below.
    #[error(transparent)]
    Disk(#[from] disk::Error),
    /// The cell.
    #[error("root cell: {0}")]
    Cell(#[from] CellError),
    /// No page for the mask of its keys.
    #[error(transparent)]
    Memory(#[from] SecretPageError),
    /// Nothing is there: never inserted, or erased.
    #[error("no body at {0:?}")]
    Missing(Place),
    /// An erasure of it has begun; it is served to nobody any more.
    #[error("the body at {0:?} is being erased")]
    BeingErased(Place),
    /// The place is taken, or an item is used both as body and as file.
    #[error("the place {0:?} is taken")]
    Occupied(Place),
    /// The body, a node or a list does not open: damaged or rolled back on the device.
    #[error("{what} at byte {offset} is damaged or was rolled back")]
    Damaged {
        /// What does not open.
        what: &'static str,
        /// Byte of the device.
        offset: u64,
    },
    /// A body is over the limit.
    #[error("a body of {bytes} bytes is over the limit of {limit}")]
    BodyTooLarge {
        /// Asked.
        bytes: usize,
        /// Allowed.
        limit: usize,
    },
    /// Too many targets in one epoch.
    #[error("{0} targets are too many for one erasure")]
    TooManyTargets(usize),
    /// Between the tree write and the cell nothing else may be written.
    #[error("an erasure is between its tree write and the cell")]
    ErasureUnderWay,
    /// A former step failed half-way; only a restart helps.
    #[error("a former step failed; restart")]
    Poisoned,
    /// The cell holds no valid root: every body is unreadable, and no fresh root is made over an existing store.
    #[error(
        "the root cell ({}) holds no valid root for this store, or is blank: put the right one back; overwrite nothing",
        .0.name()
    )]
    NoRoot(CellKind),
    /// A cell that may hold a root is not here: no root is replaced without it, and "erased" is said to nobody.
    #[error("a root cell is absent ({why}): erasures wait for it")]
    CellAbsent {
        /// Why it is.
        why: String,
    },
    /// One of the two cells is another store's, or damaged: it is exchanged, or taken out, by a person.
    #[error(
        "one of the root cells is another store's, overwritten or damaged: stop. Put the right one in, and make none blank before it is \
         known which one it is"
    )]
    ForeignCell,
    /// The device keys are sealed.
    #[error("the store is locked: its unlock secret is needed")]
    Locked,
    /// The unlock secret is another one.
    #[error("the unlock secret is not this store's")]
    WrongUnlock,
    /// An unlock secret for a store that has none.
    #[error("the store was made without an unlock secret, and one is configured")]
    NotSealed,
    /// The cell already belongs to a store.
    #[error("the cell is not blank")]
    CellInUse,
    /// The device is older than what the cell names: it was rolled back, or another one was put in.
    #[error(
        "the store is at epoch {store_epoch} with {entries} entries, the cell names {cell_epoch} and {named}: rolled back"
    )]
    StoreBehindCell {
        /// Epoch in the last commit record.
        store_epoch: u64,
        /// Entries in the journal.
        entries: u64,
        /// Epoch in the cell.
        cell_epoch: u64,
        /// Entries the cell names.
        named: u64,
    },
    /// The cell is older than the store: it was rolled back, or another one was put in.
    #[error("the cell is at epoch {cell_epoch}, the store at {store_epoch}: the cell was rolled back")]
    CellBehindStore {
        /// Epoch in the last commit record.
        store_epoch: u64,
        /// Epoch in the cell.
        cell_epoch: u64,
    },
}

impl Error {
    /// Bytes of the device that are not what was written, or were not read as such. All else goes on without them.
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Damaged { .. } | Self::Disk(disk::Error::Damaged { .. } | disk::Error::Frame { .. })
        )
    }

    /// There is no room. Nothing was changed by what was refused, on the device or in memory.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Disk(disk::Error::Full { .. }))
    }
}
