//! A raw block device or partition, with no filesystem and no page cache between.
//! Never shares it: while it is open, nobody mounts it, makes a filesystem on it or opens it as a store.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::path::Path;

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
        if !file.metadata()?.file_type().is_block_device() {
            return Err(Error::Geometry(Misfit::NotABlockDevice));
        }
        let logical_block_bytes = rustix::fs::ioctl_blksszget(&file).map_err(io::Error::from)?;
        if logical_block_bytes == 0 || !BLOCK.is_multiple_of(logical_block_bytes as usize) {
            return Err(Error::Geometry(Misfit::LogicalBlock));
        }
        let bytes = file.seek(SeekFrom::End(0))?;
        let length = bytes / BLOCK as u64 * BLOCK as u64;
        Ok(Self { file, length, logical_block_bytes })
    }

    /// The unit that the device reads and writes: 512 or 4096 bytes on almost all.
    pub fn logical_block_bytes(&self) -> u32 {
        self.logical_block_bytes
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
            // A device that cannot discard keeps what is dead and sealed: nothing rests on it.
            Ok(()) | Err(Errno::EOPNOTSUPP) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}
