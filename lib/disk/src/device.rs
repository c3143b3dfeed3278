//! The narrow interface to whatever keeps blocks, and the device in memory of the seeded world.
//! Never caches, never orders: what was written may be lost until `sync` has returned.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Everything is read and written in whole blocks of this size, at multiples of it.
pub const BLOCK: usize = 4096;
/// The unit that survives a power cut whole.
pub const SECTOR: usize = 512;

/// Something that keeps blocks. Offsets and lengths are multiples of [`BLOCK`].
pub trait Device: Send + Sync {
    /// Length in bytes.
    fn length(&self) -> u64;
    /// Fills the buffer from `offset`.
    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
    /// Submits bytes; durable only after [`Device::sync`].
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Everything written before is durable when this returns. An error is fatal for the log above.
    fn sync(&self) -> io::Result<()>;
    /// Hygiene: the range holds nothing of value. No promise rests on it.
    fn discard(&self, offset: u64, length: u64) -> io::Result<()>;
}

impl<D: Device + ?Sized> Device for Arc<D> {
    fn length(&self) -> u64 {
        (**self).length()
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        (**self).read(offset, buffer)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        (**self).write(offset, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        (**self).sync()
    }

    fn discard(&self, offset: u64, length: u64) -> io::Result<()> {
        (**self).discard(offset, length)
    }
}

/// Refuses what is not aligned or not inside the device.
pub(crate) fn check_range(length: u64, offset: u64, bytes: usize) -> io::Result<()> {
    let block = BLOCK as u64;
    if !offset.is_multiple_of(block) || !bytes.is_multiple_of(BLOCK) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not aligned to the block"));
    }
    match offset.checked_add(bytes as u64) {
        Some(end) if end <= length => Ok(()),
        Some(_) | None => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "beyond the device's end")),
    }
}

/// A device in memory; every write is at once durable.
pub struct MemoryDevice {
    bytes: Mutex<Vec<u8>>,
}

impl MemoryDevice {
    /// A device of zeros, rounded down to whole blocks.
    pub fn new(length: u64) -> Self {
        let length = usize::try_from(length).expect("a test's device fits the address space") / BLOCK * BLOCK;
        Self { bytes: Mutex::new(vec![0; length]) }
    }

    /// A device with these bytes.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self { bytes: Mutex::new(bytes) }
    }

    /// A copy of all bytes: an image of the device.
    pub fn image(&self) -> Vec<u8> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Device for MemoryDevice {
    fn length(&self) -> u64 {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).len() as u64
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        check_range(bytes.len() as u64, offset, buffer.len())?;
        let start = offset as usize;
        buffer.copy_from_slice(&bytes[start..start + buffer.len()]);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        check_range(bytes.len() as u64, offset, data.len())?;
        let start = offset as usize;
        bytes[start..start + data.len()].copy_from_slice(data);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn discard(&self, offset: u64, length: u64) -> io::Result<()> {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let length = usize::try_from(length).map_err(|_| io::ErrorKind::InvalidInput)?;
        check_range(bytes.len() as u64, offset, length)?;
        let start = offset as usize;
        bytes[start..start + length].fill(0);
        Ok(())
    }
}
