//! What can go wrong below the vault, in fields. Never says anything of contents.

use std::io;

use crate::extents::Stream;
use crate::misfit::Misfit;

/// Blocks that the device did not read: what [`Error::Io`] holds where reading failed, and nothing else.
#[derive(Debug, thiserror::Error)]
#[error("of the {bytes} bytes from byte {offset} on some do not read: {reason}")]
struct Unread {
    offset: u64,
    bytes: usize,
    reason: io::Error,
}

/// Why a store did not open, read or write.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The device failed; after a failed write or sync the log takes nothing more. Whether it was a read:
    /// [`Error::unread_at`].
    #[error("device: {0}")]
    Io(#[from] io::Error),
    /// Another process holds the container file or the device, or the device is mounted.
    #[error("another server has this store open, or the device is mounted or held by another program")]
    InUse,
    /// No superblock opens: not our store, or the wrong device key.
    #[error("no store here, or a wrong device key")]
    NotAStore,
    /// The store was written by a later program.
    #[error("store format {found} is newer than this program's {known}")]
    Newer {
        /// Version byte found.
        found: u8,
        /// Newest version this program reads.
        known: u8,
    },
    /// The geometry does not fit the device or the limits.
    #[error("geometry: {0}")]
    Geometry(Misfit),
    /// A later batch is there and valid, so this one was acknowledged once and has been damaged since.
    #[error(
        "batch {damaged} near byte {offset} is damaged while batch {later} after it is there: do not start"
    )]
    DamagedBeforeValid {
        /// The batch that should be there.
        damaged: u64,
        /// Where it should begin.
        offset: u64,
        /// A later batch that was found.
        later: u64,
    },
    /// Bodies, nodes or verifiers of later batches are there, and the journal ends before them: its end is lost.
    #[error(
        "the device holds batches newer than the journal's end: the journal ends with batch {last}, and batch {later} lies at \
         byte {offset}: do not start"
    )]
    NewerThanJournal {
        /// The journal's last batch.
        last: u64,
        /// Where a run of a later one begins.
        offset: u64,
        /// That later batch.
        later: u64,
    },
    /// A batch was written when the store had more extents than any copy of the superblock says: both were put back.
    #[error(
        "the superblock was rolled back: it says {extents} extents, batch {batch} was written over {named}: do not start"
    )]
    SuperblockRolledBack {
        /// What the superblock says.
        extents: u32,
        /// What the commit record says.
        named: u32,
        /// Whose record it is.
        batch: u64,
    },
    /// A run that a durable commit record covers does not open or has another digest.
    #[error("damaged run at byte {offset}: {what}")]
    Damaged {
        /// Byte of the device.
        offset: u64,
        /// Which check failed.
        what: &'static str,
    },
    /// A frame does not open at its position.
    #[error("frame at byte {offset} does not open")]
    Frame {
        /// Byte of the device.
        offset: u64,
    },
    /// Only the reserve is left, and this batch may not use it; or nothing is left at all.
    #[error("the store is full: {free} free extents, {reserve} of them reserved, {stream} refused")]
    Full {
        /// The stream that asked.
        stream: Stream,
        /// Free extents.
        free: u32,
        /// Extents kept for journal, tree and compaction.
        reserve: u32,
    },
    /// One frame is larger than an extent can hold.
    #[error("a frame of {bytes} bytes is over the limit of {limit}")]
    FrameTooLarge {
        /// Asked.
        bytes: usize,
        /// Allowed.
        limit: usize,
    },
    /// The batch has more runs or journal bytes than one commit record can name.
    #[error("the batch is over its limit: {0}")]
    BatchTooLarge(&'static str),
    /// A former write failed; only a restart helps.
    #[error("a former write failed; restart")]
    Poisoned,
    /// The extent is in use or does not exist.
    #[error("extent {0} cannot be freed")]
    NotFreeable(u32),
}

impl Error {
    /// Reading so many bytes from `offset` on failed.
    pub(crate) fn unread(offset: u64, bytes: usize, reason: io::Error) -> Self {
        Self::Io(io::Error::new(reason.kind(), Unread { offset, bytes, reason }))
    }

    /// Where the stretch begins that the device did not read. `None`: it is another error, a failed write above all.
    pub fn unread_at(&self) -> Option<u64> {
        self.unread_stretch().map(|(offset, _)| offset)
    }

    /// That stretch: its first byte, and how many bytes were asked for.
    pub(crate) fn unread_stretch(&self) -> Option<(u64, usize)> {
        let Self::Io(error) = self else { return None };
        error.get_ref()?.downcast_ref::<Unread>().map(|unread| (unread.offset, unread.bytes))
    }
}
