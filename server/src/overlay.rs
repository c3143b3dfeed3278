//! A store that is only looked at: writes go to memory, so that a start can be rehearsed without changing a byte.
//! Never writes to what it covers.

use disk::{BLOCK, Device, Medium};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError};
use vault::{CellError, CellKind, CellSlot, RootCell};
use zeroize::Zeroizing;

/// Blocks that a rehearsal may change. Recovery writes the last batch once more, which changes none, and little else.
const BLOCKS_MAX: usize = 64 * 1024;

/// A device under a sheet of glass.
pub(crate) struct OverlayDevice<D = Medium> {
    below: D,
    written: Mutex<BTreeMap<u64, Box<[u8]>>>,
}

impl<D: Device> OverlayDevice<D> {
    /// Over an open device.
    pub(crate) fn new(below: D) -> Self {
        Self { below, written: Mutex::default() }
    }
}

impl<D: Device> Device for OverlayDevice<D> {
    fn length(&self) -> u64 {
        self.below.length()
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.below.read(offset, buffer)?;
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        for (at, block) in written.range(offset..offset + buffer.len() as u64) {
            let start = (at - offset) as usize;
            buffer[start..start + BLOCK].copy_from_slice(block);
        }
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let mut below = vec![0; bytes.len()];
        self.below.read(offset, &mut below)?;
        for (n, block) in bytes.chunks(BLOCK).enumerate() {
            let at = offset + (n * BLOCK) as u64;
            if below[n * BLOCK..].starts_with(block) {
                written.remove(&at);
                continue;
            }
            if written.len() >= BLOCKS_MAX {
                return Err(io::Error::other("more is changed than a look needs"));
            }
            written.insert(at, block.into());
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn discard(&self, _offset: u64, _length: u64) -> io::Result<()> {
        Ok(())
    }
}

/// A cell under a sheet of glass.
pub(crate) struct OverlayCell {
    below: Box<dyn RootCell>,
    written: BTreeMap<u8, Zeroizing<Vec<u8>>>,
}

impl OverlayCell {
    /// Over an open cell.
    pub(crate) fn new(below: Box<dyn RootCell>) -> Self {
        Self { below, written: BTreeMap::new() }
    }

    fn number(slot: CellSlot) -> u8 {
        match slot {
            CellSlot::Even => 0,
            CellSlot::Odd => 1,
            CellSlot::Device => 2,
        }
    }
}

impl RootCell for OverlayCell {
    fn kind(&self) -> CellKind {
        self.below.kind()
    }

    fn read(&self, slot: CellSlot) -> Result<Zeroizing<Vec<u8>>, CellError> {
        match self.written.get(&Self::number(slot)) {
            Some(record) => Ok(record.clone()),
            None => self.below.read(slot),
        }
    }

    fn is_blank(&self, spared: Option<CellSlot>) -> Result<bool, CellError> {
        let is_written = |slot: &CellSlot| {
            Some(*slot) != spared
                && self.written.get(&Self::number(*slot)).is_some_and(|record| !record.is_empty())
        };
        let slots = [CellSlot::Even, CellSlot::Odd, CellSlot::Device];
        Ok(!slots.iter().any(is_written) && self.below.is_blank(spared)?)
    }

    fn write(&mut self, slot: CellSlot, record: &[u8]) -> Result<(), CellError> {
        self.written.insert(Self::number(slot), Zeroizing::new(record.to_vec()));
        Ok(())
    }

    fn destroy(&mut self, slot: CellSlot) -> Result<(), CellError> {
        self.written.insert(Self::number(slot), Zeroizing::new(Vec::new()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use disk::{FileDevice, Preallocation};

    #[test]
    fn writes_are_seen_above_and_never_below() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        drop(FileDevice::create(&path, 4 * BLOCK as u64, Preallocation::Reserve).unwrap());
        let overlay = OverlayDevice::new(Medium::open(&path).unwrap());
        overlay.write(BLOCK as u64, &[7; 2 * BLOCK]).unwrap();
        overlay.write(0, &[0; BLOCK]).unwrap();
        assert_eq!(overlay.written.lock().unwrap().len(), 2, "what changes nothing takes no room");
        let mut whole = [1; 4 * BLOCK];
        overlay.read(0, &mut whole).unwrap();
        assert!(
            whole[..BLOCK].iter().all(|byte| *byte == 0) && whole[BLOCK..3 * BLOCK].iter().all(|b| *b == 7)
        );
        assert!(whole[3 * BLOCK..].iter().all(|byte| *byte == 0));
        assert!(std::fs::read(&path).unwrap().iter().all(|byte| *byte == 0));

        let path = dir.path().join("cell");
        drop(vault::FileCell::create(&path).unwrap());
        let mut cell = OverlayCell::new(Box::new(vault::FileCell::open(&path).unwrap()));
        cell.write(CellSlot::Odd, b"root").unwrap();
        assert_eq!(cell.read(CellSlot::Odd).unwrap().as_slice(), b"root");
        cell.destroy(CellSlot::Odd).unwrap();
        assert!(cell.read(CellSlot::Odd).unwrap().is_empty());
        assert!(std::fs::read(&path).unwrap().iter().all(|byte| *byte == 0));
    }
}
