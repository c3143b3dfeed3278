//! One container file as a device: the development kind. Opened by one process at a time.
//! Never grows by itself and never promises that overwritten bytes are gone.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use crate::Error;
use crate::device::{BLOCK, Device, check_range};
use crate::misfit::Misfit;

/// How a new container gets its blocks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Preallocation {
    /// The filesystem promises the space; the first write of a block still changes its metadata.
    Reserve,
    /// Zeros are written once, so that later syncs carry no metadata: what a server wants.
    Write,
}

/// A container file under an exclusive lock.
pub struct FileDevice {
    file: File,
    length: u64,
}

impl FileDevice {
    /// Makes a new container of `length` bytes (whole blocks), mode 0600. An existing file is refused.
    pub fn create(path: &Path, length: u64, preallocation: Preallocation) -> Result<Self, Error> {
        if length == 0 || !length.is_multiple_of(BLOCK as u64) {
            return Err(Error::Geometry(Misfit::UnevenContainer));
        }
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
        lock(&file)?;
        let signed = i64::try_from(length).map_err(|_| Error::Geometry(Misfit::ContainerTooLong))?;
        nix::fcntl::posix_fallocate(&file, 0, signed).map_err(io::Error::from)?;
        if preallocation == Preallocation::Write {
            write_zeros(&file, 0, length)?;
        }
        file.sync_all()?;
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            File::open(parent)?.sync_all()?; // A crash before this line: the container may be missing, nothing is lost.
        }
        Ok(Self { file, length })
    }

    /// Opens an existing container. A second process is refused with [`Error::InUse`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        lock(&file)?;
        let length = file.metadata()?.len();
        if length == 0 || !length.is_multiple_of(BLOCK as u64) {
            return Err(Error::NotAStore);
        }
        Ok(Self { file, length })
    }

    /// Writes zeros over everything, so that every block of the file is its own and has been written once.
    pub fn fill(&self) -> Result<(), Error> {
        write_zeros(&self.file, 0, self.length)?;
        Ok(self.file.sync_all()?)
    }

    /// Makes the file longer, written with zeros behind its former end. A crash inside leaves a longer file that nothing
    /// in the store names yet.
    pub fn lengthen(&mut self, length: u64) -> Result<(), Error> {
        if length < self.length || !length.is_multiple_of(BLOCK as u64) {
            return Err(Error::Geometry(Misfit::ContainerShrinks));
        }
        let signed = i64::try_from(length).map_err(|_| Error::Geometry(Misfit::ContainerTooLong))?;
        nix::fcntl::posix_fallocate(&self.file, 0, signed).map_err(io::Error::from)?;
        write_zeros(&self.file, self.length, length)?;
        self.file.sync_all()?;
        self.length = length;
        Ok(())
    }
}

impl Drop for FileDevice {
    /// Not by closing alone: a child that another thread is just starting may hold a copy of the descriptor for a moment.
    fn drop(&mut self) {
        let _closed_next = self.file.unlock();
    }
}

fn lock(file: &File) -> Result<(), Error> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(Error::InUse),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

fn write_zeros(file: &File, mut offset: u64, length: u64) -> io::Result<()> {
    let zeros = vec![0; 1 << 20];
    while offset < length {
        let piece = (length - offset).min(zeros.len() as u64);
        file.write_all_at(&zeros[..piece as usize], offset)?;
        offset += piece;
    }
    Ok(())
}

impl Device for FileDevice {
    fn length(&self) -> u64 {
        self.length
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        check_range(self.length, offset, buffer.len())?;
        self.file.read_exact_at(buffer, offset)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        check_range(self.length, offset, bytes.len())?;
        self.file.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn discard(&self, offset: u64, length: u64) -> io::Result<()> {
        check_range(self.length, offset, usize::try_from(length).map_err(|_| io::ErrorKind::InvalidInput)?)?;
        // Punching holes would give the preallocated space back and make the next sync slower; a raw device discards.
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_server_on_the_same_store_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let first = FileDevice::create(&path, 1 << 20, Preallocation::Write).unwrap();
        assert!(matches!(FileDevice::open(&path), Err(Error::InUse)));
        drop(first);
        let second = FileDevice::open(&path).unwrap();
        assert_eq!(second.length(), 1 << 20);
        assert!(FileDevice::create(&path, 1 << 20, Preallocation::Reserve).is_err());
    }

    #[test]
    fn what_was_written_is_read_back_and_the_end_is_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let device = FileDevice::create(&folder.path().join("store"), 8192, Preallocation::Reserve).unwrap();
        device.write(4096, &[7; 4096]).unwrap();
        device.sync().unwrap();
        let mut buffer = [0; 8192];
        device.read(0, &mut buffer).unwrap();
        assert!(buffer[..4096].iter().all(|byte| *byte == 0) && buffer[4096..].iter().all(|byte| *byte == 7));
        assert!(device.write(8192, &[0; 4096]).is_err());
        assert!(device.write(1, &[0; 4096]).is_err());
    }
}
