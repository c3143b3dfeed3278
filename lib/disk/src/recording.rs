//! A device that keeps every version of every block ever written: what a thief of the flash chips may find.
//! For proofs only; it grows with every write.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::device::Device;

/// One write as it was submitted.
#[derive(Clone)]
pub struct RecordedWrite {
    /// Byte of the device.
    pub offset: u64,
    /// What was written.
    pub bytes: Vec<u8>,
}

/// Passes everything on and remembers all writes.
pub struct RecordingDevice {
    inner: Arc<dyn Device>,
    writes: Mutex<Vec<RecordedWrite>>,
}

impl RecordingDevice {
    /// Records on top of `inner`, going on from an earlier life's record.
    pub fn new(inner: Arc<dyn Device>, earlier: Vec<RecordedWrite>) -> Self {
        Self { inner, writes: Mutex::new(earlier) }
    }

    /// Everything ever written.
    pub fn writes(&self) -> Vec<RecordedWrite> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Bytes ever written.
    pub fn bytes_written(&self) -> u64 {
        let writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        writes.iter().map(|write| write.bytes.len() as u64).sum()
    }
}

impl Device for RecordingDevice {
    fn length(&self) -> u64 {
        self.inner.length()
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, buffer)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let write = RecordedWrite { offset, bytes: bytes.to_vec() };
        self.writes.lock().unwrap_or_else(PoisonError::into_inner).push(write);
        self.inner.write(offset, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }

    fn discard(&self, offset: u64, length: u64) -> io::Result<()> {
        self.inner.discard(offset, length)
    }
}
