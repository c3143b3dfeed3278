//! Why a backup is not made, not taken or not put back.

use disk::CopyError;
use std::path::{Path, PathBuf};

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The operating system, at a file of the backup.
    #[error("{path}: {reason}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// Another command works on the directory.
    #[error("{path}: another command is working on this backup")]
    InUse {
        /// Which.
        path: PathBuf,
    },
    /// No manifest: nothing was ever finished here.
    #[error("{path} holds no finished backup: there is no manifest")]
    NoManifest {
        /// Which.
        path: PathBuf,
    },
    /// Not in the form this build writes.
    #[error("{path} is no manifest of this product, or of a later version")]
    NotAManifest {
        /// Which.
        path: PathBuf,
    },
    /// Another log's, or changed.
    #[error("{path}: the manifest is not signed by this site's log identity key, or was changed")]
    NotSigned {
        /// Which.
        path: PathBuf,
    },
    /// Bytes that are not what the manifest says.
    #[error(
        "{path} is damaged or not whole at byte {at}: this backup is of no use, take another or make a new one"
    )]
    Damaged {
        /// Which segment.
        path: PathBuf,
        /// Where.
        at: u64,
    },
    /// A segment that the manifest names is not there.
    #[error("{path} is not there: the backup is incomplete. Put the file back, or take another backup")]
    SegmentMissing {
        /// Which.
        path: PathBuf,
    },
    /// A directory with something else in it.
    #[error("{path} holds something else, and no backup: name an empty directory or a new one")]
    NotOurs {
        /// Which.
        path: PathBuf,
    },
    /// Blocks of the state are in no segment.
    #[error(
        "the backup is incomplete: {blocks} stretches of the state are in none of its segments. Take another, or make a new one"
    )]
    Incomplete {
        /// How many ranges.
        blocks: usize,
    },
    /// The directory is another store's.
    #[error("{path} holds the backup of another store")]
    OtherStore {
        /// Which.
        path: PathBuf,
    },
    /// The store went another way since: it was itself put back from an older backup, or what was lost was given up.
    #[error(
        "{path} holds a backup of batch {batch}, which is not in this store's history: it has gone another way since. Begin a new \
         directory, and keep this one until that is complete"
    )]
    OtherHistory {
        /// Which.
        path: PathBuf,
        /// Last batch of the backup.
        batch: u64,
    },
    /// No more fit into one manifest.
    #[error("{path} has as many segments as one backup may have: begin a new directory")]
    TooManySegments {
        /// Which.
        path: PathBuf,
    },
    /// The store.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The running server refused, or went away.
    #[error("the running server: {0}")]
    Server(String),
    /// The signature that came is not over what was copied.
    #[error("the signature that the server gave is not the log identity key's over this backup")]
    BadSignature,
    /// The store is so full that no state stays long enough.
    #[error(
        "the store is so full that its space is used again before it is copied; free some, or copy when it is quiet"
    )]
    LostTooOften,
}

impl BackupError {
    /// An error of the system at a path.
    pub fn io(path: &Path) -> impl Fn(std::io::Error) -> Self + '_ {
        |reason| Self::Io { path: path.to_owned(), reason }
    }
}
