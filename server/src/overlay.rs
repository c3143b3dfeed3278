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
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let range = offset..offset + buffer.len() as u64;
        if let Err(error) = self.below.read(offset, buffer) {
            if written.range(range.clone()).next().is_none() {
                return Err(error);
            }
            // A bad sector that was written over reads.
            for (block, at) in buffer.chunks_mut(BLOCK).zip((offset..).step_by(BLOCK)) {
                if !written.contains_key(&at) {
                    self.below.read(at, block)?;
                }
            }
        }
        for (at, block) in written.range(range) {
            let start = (at - offset) as usize;
            buffer[start..start + BLOCK].copy_from_slice(block);
        }
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let mut below = vec![0; bytes.len()];
        // What does not read is changed by whatever is written there.
        let reads = self.below.read(offset, &mut below).is_ok();
        for (n, block) in bytes.chunks(BLOCK).enumerate() {
            let at = offset + (n * BLOCK) as u64;
            if reads && below[n * BLOCK..].starts_with(block) {
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
    use disk::{FileDevice, MemoryDevice, Preallocation};

    /// A device whose second block does not read.
    struct BadBlock(MemoryDevice);

    impl Device for BadBlock {
        fn length(&self) -> u64 {
            self.0.length()
        }

        fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
            let is_in = (offset..offset + buffer.len() as u64).contains(&(BLOCK as u64));
            if is_in { Err(io::Error::other("a bad sector")) } else { self.0.read(offset, buffer) }
        }

        fn write(&self, _offset: u64, _bytes: &[u8]) -> io::Result<()> {
            unreachable!("nothing is written below")
        }

        fn sync(&self) -> io::Result<()> {
            Ok(())
        }

        fn discard(&self, _offset: u64, _length: u64) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_bad_sector_that_was_written_over_reads() {
        let overlay = OverlayDevice::new(BadBlock(MemoryDevice::new(4 * BLOCK as u64)));
        let mut whole = [1; 4 * BLOCK];
        assert!(overlay.read(0, &mut whole).is_err());
        overlay.write(0, &[7; BLOCK]).unwrap();
        assert!(overlay.read(0, &mut whole).is_err() && overlay.read(0, &mut whole[..BLOCK]).is_ok());
        overlay.write(BLOCK as u64, &[0; BLOCK]).unwrap();
        overlay.read(0, &mut whole).unwrap();
        assert!(whole[..BLOCK].iter().all(|b| *b == 7) && whole[BLOCK..].iter().all(|b| *b == 0));
    }

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
