//! Opens the device (a container file or a raw partition) and the root cell as one vault.
//! Never opens what another process holds, and never makes anything: that is `making`'s.

use crate::cells;
use crate::config::StoreConfig;
use crate::keys::KeysError;
use crate::overlay::OverlayDevice;
use crate::randomness;
use disk::{Device, Medium, MediumKind, PutBack};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use vault::{Limits, Opened, Vault};

/// Why there is no open store.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// Nothing is there.
    #[error("{path}: there is no store")]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Nothing is there, and the cells hold a store's root.
    #[error("{path} is not there, and the root cell holds the root of a store")]
    Away {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// No cell is there.
    #[error("the root cell {path} is not there")]
    CellMissing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A cell is there where one was to be made.
    #[error("the root cell {path} is there already")]
    CellExists {
        /// Where.
        path: PathBuf,
    },
    /// Something is there where a store was to be made.
    #[error("{path} exists already: a store is never made over another")]
    Exists {
        /// What exists.
        path: PathBuf,
    },
    /// Something is there that is no store of these cells, and was not named to be overwritten.
    #[error("{path} carries {found}")]
    Occupied {
        /// Where.
        path: PathBuf,
        /// In the words in which it must be named.
        found: String,
    },
    /// Bytes that nothing names, and no cell that would.
    #[error("{path} carries {found}, and no root cell is there")]
    Nameless {
        /// Where.
        path: PathBuf,
        /// In the words in which it must be named.
        found: String,
    },
    /// The device is there, and no store on it.
    #[error("{path}: there is no store on it")]
    Unformatted {
        /// Where.
        path: PathBuf,
    },
    /// The cells hold a root, and not this device's.
    #[error("the root cell holds the root of a store that is not on this device")]
    RootOfAnother,
    /// A store with entries, whose cells hold no root of it.
    #[error("{path}: its root cell has lost its root")]
    RootLost {
        /// Where.
        path: PathBuf,
    },
    /// Another process has it.
    #[error(
        "{path}: another server has this store open, or the device is mounted or held by another program"
    )]
    InUse {
        /// Which file.
        path: PathBuf,
    },
    /// The device is full: what was to be written cannot be.
    #[error("the store is full: {0}")]
    Full(disk::Error),
    /// The operating system.
    #[error("{path}: {reason}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// A length that no store has, or that this one cannot take.
    #[error("{path}: {what}")]
    Size {
        /// Which file.
        path: PathBuf,
        /// Why.
        what: disk::Misfit,
    },
    /// A container was to become shorter, or longer by a part of a block.
    #[error("--bytes {bytes}: the container has {now} bytes, and becomes longer by whole blocks")]
    GrowBytes {
        /// Asked.
        bytes: u64,
        /// Of the container.
        now: u64,
    },
    /// What was asked is for container files alone.
    #[error("{path}: --bytes is for container files alone")]
    NotAContainer {
        /// What it is.
        path: PathBuf,
    },
    /// The unlock secret cannot be read.
    #[error("unlock secret: {error}")]
    Unlock {
        /// Why.
        error: KeysError,
    },
    /// It was put back from a backup, and nobody has answered for that.
    #[error("{path} was put back from a backup, and nobody has said what came after it")]
    PutBack {
        /// Where.
        path: PathBuf,
    },
    /// Damaged, rolled back, or not ours.
    #[error(transparent)]
    Vault(vault::Error),
}

impl StoreError {
    pub(crate) fn of_disk(error: disk::Error, path: &Path) -> Self {
        match error {
            disk::Error::InUse => Self::InUse { path: path.to_owned() },
            disk::Error::Io(reason) if reason.kind() == std::io::ErrorKind::NotFound => {
                Self::Missing { path: path.to_owned() }
            }
            unread @ disk::Error::Io(_) if unread.unread_at().is_some() => Self::Vault(unread.into()),
            disk::Error::Io(reason) => Self::Io { path: path.to_owned(), reason },
            full @ disk::Error::Full { .. } => Self::Full(full),
            disk::Error::Geometry(what) => Self::Size { path: path.to_owned(), what },
            other @ (disk::Error::NotAStore
            | disk::Error::Newer { .. }
            | disk::Error::DamagedBeforeValid { .. }
            | disk::Error::NewerThanJournal { .. }
            | disk::Error::SuperblockRolledBack { .. }
            | disk::Error::Damaged { .. }
            | disk::Error::Frame { .. }
            | disk::Error::FrameTooLarge { .. }
            | disk::Error::BatchTooLarge(_)
            | disk::Error::Poisoned
            | disk::Error::NotFreeable(_)) => Self::Vault(other.into()),
        }
    }

    pub(crate) fn of_cell(error: vault::CellError, path: &Path) -> Self {
        match error {
            vault::CellError::InUse => Self::InUse { path: path.to_owned() },
            vault::CellError::Io(reason) if reason.kind() == std::io::ErrorKind::NotFound => {
                Self::CellMissing { path: path.to_owned() }
            }
            vault::CellError::Io(reason) => Self::Io { path: path.to_owned(), reason },
            other @ (vault::CellError::NotACell
            | vault::CellError::NotBlank
            | vault::CellError::TooSmall { .. }
            | vault::CellError::Tpm(_)
            | vault::CellError::Lost
            | vault::CellError::ReadBack) => Self::Vault(other.into()),
        }
    }
}

impl From<vault::Error> for StoreError {
    fn from(error: vault::Error) -> Self {
        Self::Vault(error)
    }
}

/// Locks the device of an existing store. A second server is refused here.
pub(crate) fn lock(config: &StoreConfig) -> Result<Medium, StoreError> {
    Medium::open(&config.path).map_err(|error| StoreError::of_disk(error, &config.path))
}

/// A store that is open for its one writer.
pub(crate) struct OpenStore {
    pub(crate) vault: Vault,
    /// What the start found.
    pub(crate) opened: Opened,
    /// What it lies on.
    pub(crate) medium: MediumKind,
    /// The device's own length, bytes: the configuration says only how large a container is made.
    pub(crate) bytes: u64,
    /// It was put back from a backup, somebody has accepted that, and this is its first start.
    pub(crate) answer: Option<Answer>,
}

/// The answer that nothing came after the backup that was put back: it stays on the device until a server goes on with it.
pub(crate) struct Answer {
    device: Arc<dyn Device>,
    path: PathBuf,
}

impl Answer {
    /// The server goes on, and its log says by whose word.
    pub(crate) fn take_off(self) -> Result<(), StoreError> {
        // A crash before this line: the next start says once more that it was accepted.
        PutBack::No.write(&*self.device).map_err(|error| StoreError::of_disk(error, &self.path))
    }
}

/// What was said of a store that was put back.
fn put_back(device: &Medium, config: &StoreConfig) -> Result<PutBack, StoreError> {
    PutBack::of(device).map_err(|error| StoreError::of_disk(error, &config.path))
}

/// Nobody writes to a store that was put back before somebody has answered for that. Whether it was.
pub(crate) fn check_put_back(device: &Medium, config: &StoreConfig) -> Result<bool, StoreError> {
    match put_back(device, config)? {
        PutBack::No => Ok(false),
        PutBack::Unanswered => Err(StoreError::PutBack { path: config.path.clone() }),
        PutBack::Answered => Ok(true),
    }
}

/// Is it put back, and has nobody answered for that?
pub(crate) fn is_barred(device: &Medium, config: &StoreConfig) -> Result<bool, StoreError> {
    Ok(put_back(device, config)? == PutBack::Unanswered)
}

/// Opens an existing store for the one writer.
pub(crate) fn open(config: &StoreConfig) -> Result<OpenStore, StoreError> {
    let device = lock(config)?;
    let is_answered = check_put_back(&device, config)?;
    let keeper = cells::open(config)?;
    let (medium, bytes) = (device.kind(), device.length());
    let device: Arc<dyn Device> = Arc::new(device);
    let (vault, opened) =
        Vault::open(Arc::clone(&device), keeper, Limits::default(), &mut randomness::rng())?;
    let answer = is_answered.then(|| Answer { device, path: config.path.clone() });
    Ok(OpenStore { vault, opened, medium, bytes, answer })
}

/// A store under a sheet of glass: whatever is done with it, not a byte of it changes.
pub(crate) struct Rehearsed {
    pub(crate) vault: Vault,
    pub(crate) opened: Opened,
    /// It was put back from a backup, and no server starts it before somebody has answered for that.
    pub(crate) is_barred: bool,
}

/// Opens an existing store as a start would, and changes nothing.
pub(crate) fn rehearse(config: &StoreConfig) -> Result<Rehearsed, StoreError> {
    let device = lock(config)?;
    let is_barred = is_barred(&device, config)?;
    let keeper = cells::rehearsed(config)?;
    let device = Arc::new(OverlayDevice::new(device));
    let (vault, opened) = Vault::open(device, keeper, Limits::default(), &mut randomness::rng())?;
    Ok(Rehearsed { vault, opened, is_barred })
}
