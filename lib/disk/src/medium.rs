//! What a path names: a container file or a raw block device, behind one type.
//! Never makes anything: what is not there is an error.

use std::fmt;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use crate::Error;
use crate::block::{BlockDevice, Forgets};
use crate::device::Device;
use crate::file::FileDevice;

/// A store's device as its path named it. One process at a time has it.
pub enum Medium {
    /// A file on a filesystem.
    Container(FileDevice),
    /// A partition or a whole device.
    Raw(BlockDevice),
}

/// Which of the two, to be told to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediumKind {
    /// A file on a filesystem: seen by whoever lists it, and dependent on what the filesystem keeps.
    Container,
    /// A block device, opened past the page cache and for this process alone.
    Raw {
        /// The unit that the device reads and writes.
        logical_block_bytes: u32,
        /// Whether it forgets what was given back.
        forgets: Forgets,
    },
}

impl fmt::Display for MediumKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Container => f.write_str("container file"),
            Self::Raw { logical_block_bytes, forgets } => {
                write!(f, "block device, logical blocks of {logical_block_bytes} bytes")?;
                match forgets {
                    Forgets::Yes | Forgets::Unknown => Ok(()),
                    Forgets::No => f.write_str("; it forgets nothing that is given back"),
                }
            }
        }
    }
}

impl Medium {
    /// Opens what is there. Something that another process holds, or that is mounted, is [`Error::InUse`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        if path.metadata()?.file_type().is_block_device() {
            Ok(Self::Raw(BlockDevice::open(path)?))
        } else {
            Ok(Self::Container(FileDevice::open(path)?))
        }
    }

    /// Which of the two it is.
    pub fn kind(&self) -> MediumKind {
        match self {
            Self::Container(_) => MediumKind::Container,
            Self::Raw(device) => MediumKind::Raw {
                logical_block_bytes: device.logical_block_bytes(),
                forgets: device.forgets(),
            },
        }
    }
}

impl Device for Medium {
    fn length(&self) -> u64 {
        match self {
            Self::Container(device) => device.length(),
            Self::Raw(device) => device.length(),
        }
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        match self {
            Self::Container(device) => device.read(offset, buffer),
            Self::Raw(device) => device.read(offset, buffer),
        }
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Container(device) => device.write(offset, bytes),
            Self::Raw(device) => device.write(offset, bytes),
        }
    }

    fn sync(&self) -> io::Result<()> {
        match self {
            Self::Container(device) => device.sync(),
            Self::Raw(device) => device.sync(),
        }
    }

    fn discard(&self, offset: u64, length: u64) -> io::Result<()> {
        match self {
            Self::Container(device) => device.discard(offset, length),
            Self::Raw(device) => device.discard(offset, length),
        }
    }
}
