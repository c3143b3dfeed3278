//! A raw block device or partition, with no filesystem and no page cache between.
//! Never shares it: while it is open, nobody mounts it, makes a filesystem on it or opens it as a store.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, OFlag, fallocate};

use crate::Error;
use crate::buffer::AlignedBuffer;
use crate::device::{BLOCK, Device, check_range};
use crate::misfit::Misfit;

/// A block device, opened for this process alone and past the page cache.
pub struct BlockDevice {
    file: File,
    length: u64,
    logical_block_bytes: u32,
    forgets: Forgets,
}

/// Whether a device takes the word that a stretch holds nothing of value any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgets {
    /// It writes zeros there by itself, or discards.
    Yes,
    /// Neither: what is dead stays until something is written over it.
    No,
    /// The kernel does not say.
    Unknown,
}

impl Forgets {
    /// As the kernel knows the device.
    fn of(device: u64) -> Self {
        let (major, minor) = (nix::sys::stat::major(device), nix::sys::stat::minor(device));
        Self::said_in(&PathBuf::from(format!("/sys/dev/block/{major}:{minor}")))
    }

    /// In the limits of its queue; a partition has its disk's.
    fn said_in(sysfs: &Path) -> Self {
        let takes = |limit: &str| {
            let read = |queue: &str| std::fs::read_to_string(sysfs.join(queue).join(limit));
            let bytes = read("queue").or_else(|_| read("../queue")).ok()?;
            bytes.trim().parse::<u64>().ok().map(|bytes| bytes > 0)
        };
        match (takes("write_zeroes_max_bytes"), takes("discard_max_bytes")) {
            (Some(true), _) | (_, Some(true)) => Self::Yes,
            (Some(false), Some(false)) => Self::No,
            (None, _) | (_, None) => Self::Unknown,
        }
    }
}

impl BlockDevice {
    /// Opens a block device. One that is mounted, or that another process holds, is refused with [`Error::InUse`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        // Without O_CREAT, O_EXCL on a block device means: the kernel gives it to one holder, and a mount is one.
        let flags = OFlag::O_DIRECT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
        let opened = OpenOptions::new().read(true).write(true).custom_flags(flags.bits()).open(path);
        let mut file = opened.map_err(|error| match error.raw_os_error() {
            Some(errno) if errno == Errno::EBUSY as i32 => Error::InUse,
            Some(_) | None => Error::Io(error),
        })?;
        let metadata = file.metadata()?;
        if !metadata.file_type().is_block_device() {
            return Err(Error::Geometry(Misfit::NotABlockDevice));
        }
        let forgets = Forgets::of(metadata.rdev());
        let logical_block_bytes = rustix::fs::ioctl_blksszget(&file).map_err(io::Error::from)?;
        if logical_block_bytes == 0 || !BLOCK.is_multiple_of(logical_block_bytes as usize) {
            return Err(Error::Geometry(Misfit::LogicalBlock));
        }
        let bytes = file.seek(SeekFrom::End(0))?;
        let length = bytes / BLOCK as u64 * BLOCK as u64;
        Ok(Self { file, length, logical_block_bytes, forgets })
    }

    /// The unit that the device reads and writes: 512 or 4096 bytes on almost all.
    pub fn logical_block_bytes(&self) -> u32 {
        self.logical_block_bytes
    }

    /// Whether [`Device::discard`] comes to anything.
    pub fn forgets(&self) -> Forgets {
        self.forgets
    }
}

/// Direct I/O goes between the device and memory itself, so memory must lie as the device wants it.
fn is_aligned(bytes: &[u8]) -> bool {
    bytes.as_ptr().addr().is_multiple_of(BLOCK)
}

impl Device for BlockDevice {
    fn length(&self) -> u64 {
        self.length
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        check_range(self.length, offset, buffer.len())?;
        if is_aligned(buffer) {
            return self.file.read_exact_at(buffer, offset);
        }
        let mut aligned = AlignedBuffer::with_capacity(buffer.len());
        aligned.extend_zeroed(buffer.len());
        self.file.read_exact_at(aligned.as_mut(), offset)?;
        buffer.copy_from_slice(aligned.as_ref());
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        check_range(self.length, offset, bytes.len())?;
        if is_aligned(bytes) {
            return self.file.write_all_at(bytes, offset);
        }
        let mut aligned = AlignedBuffer::with_capacity(bytes.len());
        aligned.extend_zeroed(bytes.len()).copy_from_slice(bytes);
        self.file.write_all_at(aligned.as_ref(), offset)
    }

    fn sync(&self) -> io::Result<()> {
        // Direct writes are past our memory, not past the device's own: this tells the device to keep them.
        self.file.sync_data()
    }

    fn discard(&self, offset: u64, length: u64) -> io::Result<()> {
        check_range(self.length, offset, usize::try_from(length).map_err(|_| io::ErrorKind::InvalidInput)?)?;
        let signed = |bytes: u64| i64::try_from(bytes).map_err(|_| io::ErrorKind::InvalidInput);
        let punch = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        match fallocate(&self.file, punch, signed(offset)?, signed(length)?) {
            Ok(()) => Ok(()),
            // Many drives that trim have no command that writes zeros.
            Err(Errno::EOPNOTSUPP) => match hardening::discard_blocks(&self.file, offset, length) {
                // One that takes neither keeps what is dead and sealed: nothing rests on it.
                Err(error) if error.raw_os_error() == Some(Errno::EOPNOTSUPP as i32) => Ok(()),
                discarded => discarded,
            },
            Err(errno) => Err(errno.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_device_forgets_is_read_from_its_queue_or_its_disks() {
        let folder = tempfile::tempdir().unwrap();
        let (queue, partition) = (folder.path().join("queue"), folder.path().join("part1"));
        assert_eq!(Forgets::said_in(folder.path()), Forgets::Unknown);
        std::fs::create_dir(&queue).unwrap();
        std::fs::create_dir(&partition).unwrap();
        for (zeroes, discard, forgets) in [
            ("4096", "0", Forgets::Yes),
            ("0", "8192", Forgets::Yes),
            ("0", "0", Forgets::No),
            ("0", "?", Forgets::Unknown),
        ] {
            std::fs::write(queue.join("write_zeroes_max_bytes"), format!("{zeroes}\n")).unwrap();
            std::fs::write(queue.join("discard_max_bytes"), format!("{discard}\n")).unwrap();
            assert_eq!(Forgets::said_in(folder.path()), forgets, "{zeroes} {discard}");
            assert_eq!(Forgets::said_in(&partition), forgets, "a partition");
        }
    }
}
