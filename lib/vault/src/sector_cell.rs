//! A cell on a raw partition of its own: three records in blocks far apart, overwritten, read back, discarded.
//! Never promises that overwritten bytes are gone: what lies behind the block's address is the medium's affair.

use disk::{BLOCK, Device};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::cell::{CellError, CellKind, CellSlot, RECORD_BYTES_MAX, RootCell};

/// Each record stands alone in a region of this length, so that no write and no erase block of the medium is shared
/// with another record, and the whole region can be discarded.
const REGION_BYTES: u64 = 1 << 20;
/// Region 0 stays untouched: what looks for file systems and partition tables looks there.
const FIRST_REGION: u64 = 1;
/// Shortest device: an untouched region and three records.
const LENGTH_MIN: u64 = 4 * REGION_BYTES;

/// One block, aligned as direct I/O wants it, wiped when it goes.
#[repr(align(4096))]
#[derive(Zeroize, ZeroizeOnDrop)]
struct Block([u8; BLOCK]);

impl Block {
    fn zeros() -> Box<Self> {
        Box::new(Self([0; BLOCK]))
    }
}

/// A cell on a device: a raw partition, opened past every cache; a device in memory in tests.
///
/// ```text
/// region 0: untouched | region 1: even slot | region 2: odd slot | region 3: device record | rest untouched
/// region n = length 2, little-endian | record | zeros to 4096 | nothing of ours up to 1 MiB
/// ```
pub struct SectorCell<D> {
    device: D,
}

impl<D: Device> SectorCell<D> {
    /// Takes a device whose four regions are all zero for a blank cell, but for a device record, which an interrupted
    /// founding leaves. Anything else is refused: `blkdiscard --zeroout` is a person's to say.
    pub fn create(device: D) -> Result<Self, CellError> {
        let cell = Self::open(device)?;
        if cell.is_blank(Some(CellSlot::Device))? { Ok(cell) } else { Err(CellError::NotBlank) }
    }

    /// Takes a device for a cell. What its records are worth is for the vault to judge.
    pub fn open(device: D) -> Result<Self, CellError> {
        if device.length() < LENGTH_MIN {
            return Err(CellError::TooSmall { bytes: device.length(), needed: LENGTH_MIN });
        }
        Ok(Self { device })
    }

    fn offset(slot: CellSlot) -> u64 {
        (FIRST_REGION + slot.index() as u64) * REGION_BYTES
    }

    fn block(&self, slot: CellSlot) -> Result<Box<Block>, CellError> {
        let mut block = Block::zeros();
        self.device.read(Self::offset(slot), &mut block.0)?;
        Ok(block)
    }

    /// Overwrites, waits for the medium, and compares what the medium gives.
    fn put(&self, slot: CellSlot, block: &Block) -> Result<(), CellError> {
        self.device.write(Self::offset(slot), &block.0)?;
        self.device.sync()?;
        if self.block(slot)?.0 == block.0 { Ok(()) } else { Err(CellError::ReadBack) }
    }
}

impl<D: Device> RootCell for SectorCell<D> {
    fn kind(&self) -> CellKind {
        CellKind::Sector
    }

    fn read(&self, slot: CellSlot) -> Result<Zeroizing<Vec<u8>>, CellError> {
        let block = self.block(slot)?;
        let length = usize::from(u16::from_le_bytes([block.0[0], block.0[1]])).min(RECORD_BYTES_MAX);
        Ok(Zeroizing::new(block.0[2..2 + length].to_vec()))
    }

    /// All four regions are zeros, but for the bytes of the record that is left out.
    fn is_blank(&self, spared: Option<CellSlot>) -> Result<bool, CellError> {
        let spared = spared.map(Self::offset);
        let mut block = Block::zeros();
        for offset in (0..LENGTH_MIN).step_by(BLOCK) {
            self.device.read(offset, &mut block.0)?;
            let record = if Some(offset) == spared { 2 + RECORD_BYTES_MAX } else { 0 };
            if block.0[record..].iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn write(&mut self, slot: CellSlot, record: &[u8]) -> Result<(), CellError> {
        assert!(record.len() <= RECORD_BYTES_MAX, "the vault's records have fixed sizes below the limit");
        let mut block = Block::zeros();
        block.0[..2].copy_from_slice(&(record.len() as u16).to_le_bytes());
        block.0[2..2 + record.len()].copy_from_slice(record);
        // A crash before this returns: the block is old, new or torn, and the record's own MAC tells which.
        self.put(slot, &block)
    }

    fn settle(&mut self) -> Result<(), CellError> {
        Ok(self.device.sync()?)
    }

    fn destroy(&mut self, slot: CellSlot) -> Result<(), CellError> {
        let zeros = Block::zeros();
        self.put(slot, &zeros)?;
        // Hygiene, for a medium that honours it: what the translation layer kept of the region may be let go.
        // A medium that cannot is no fault.
        let _hygiene = self.device.discard(Self::offset(slot), REGION_BYTES);
        // Behind a discard a medium may give anything; the record's place gives zeros again.
        self.put(slot, &zeros)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use disk::{CrashClock, CrashingDevice, Fault, MemoryDevice};

    use super::*;

    const LENGTH: u64 = LENGTH_MIN + BLOCK as u64;

    #[test]
    fn records_stand_far_apart_and_a_destroyed_one_leaves_nothing() {
        let mut cell = SectorCell::create(MemoryDevice::new(LENGTH)).unwrap();
        for slot in [CellSlot::Even, CellSlot::Odd, CellSlot::Device] {
            assert!(cell.read(slot).unwrap().is_empty());
            cell.write(slot, format!("record {slot:?}").as_bytes()).unwrap();
        }
        cell.destroy(CellSlot::Even).unwrap();
        assert!(cell.read(CellSlot::Even).unwrap().is_empty());
        assert_eq!(cell.read(CellSlot::Odd).unwrap().as_slice(), b"record Odd");
        assert_eq!(cell.read(CellSlot::Device).unwrap().as_slice(), b"record Device");
        let image = cell.device.image();
        assert!(!image.windows(11).any(|window| window == b"record Even"));
        assert!(image[..REGION_BYTES as usize].iter().all(|byte| *byte == 0), "the first region is nobody's");
    }

    #[test]
    fn only_a_blank_device_becomes_a_cell() {
        let mut bytes = vec![0; LENGTH as usize];
        bytes[510] = 0x55;
        let made = SectorCell::create(MemoryDevice::from_bytes(bytes));
        assert!(matches!(made.err(), Some(CellError::NotBlank)));
        let small = SectorCell::open(MemoryDevice::new(LENGTH_MIN - 1));
        assert!(matches!(small.err(), Some(CellError::TooSmall { .. })));
    }

    #[test]
    fn a_power_cut_at_any_step_leaves_the_other_records_as_they_were() {
        for seed in 0..40 {
            for at in 0..12 {
                let clock = CrashClock::new(at, Fault::PowerCut);
                let device = Arc::new(CrashingDevice::new(vec![0; LENGTH as usize], clock.clone()));
                let mut cell = SectorCell { device: Shared(device.clone()) };
                let story = |cell: &mut SectorCell<Shared>| {
                    cell.write(CellSlot::Device, &[7; 100])?;
                    cell.write(CellSlot::Even, &[1; 200])?;
                    cell.write(CellSlot::Odd, &[2; 200])?;
                    cell.destroy(CellSlot::Even)
                };
                let done = story(&mut cell);
                let cell = SectorCell::open(device.restarted(seed * 100 + at)).unwrap();
                let record = |slot| cell.read(slot).unwrap().to_vec();
                if at >= 2 {
                    assert_eq!(record(CellSlot::Device), [7; 100], "cut at {at}: nobody touched it again");
                }
                if at >= 6 {
                    assert_eq!(record(CellSlot::Odd), [2; 200], "cut at {at}: synced before");
                }
                // Between (c) and (d) one of the two slots is whole at every moment.
                let whole = record(CellSlot::Even) == [1; 200] || record(CellSlot::Odd) == [2; 200];
                assert!(at < 4 || whole, "cut at {at}");
                assert_eq!(done.is_ok(), !clock.has_struck());
                assert!(done.is_err() || record(CellSlot::Even).is_empty());
            }
        }
    }

    #[test]
    fn a_medium_that_does_not_keep_what_it_was_given_is_found_out() {
        /// Takes every write and keeps none.
        struct Liar(MemoryDevice);
        impl Device for Liar {
            fn length(&self) -> u64 {
                self.0.length()
            }
            fn read(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
                self.0.read(offset, buffer)
            }
            fn write(&self, _offset: u64, _bytes: &[u8]) -> std::io::Result<()> {
                Ok(())
            }
            fn sync(&self) -> std::io::Result<()> {
                Ok(())
            }
            fn discard(&self, _offset: u64, _length: u64) -> std::io::Result<()> {
                Ok(())
            }
        }
        let mut cell = SectorCell::open(Liar(MemoryDevice::new(LENGTH))).unwrap();
        assert!(matches!(cell.write(CellSlot::Even, b"root").err(), Some(CellError::ReadBack)));
    }

    /// One device in the hands of the cell and of the test.
    struct Shared(Arc<CrashingDevice>);

    impl Device for Shared {
        fn length(&self) -> u64 {
            self.0.length()
        }
        fn read(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
            self.0.read(offset, buffer)
        }
        fn write(&self, offset: u64, bytes: &[u8]) -> std::io::Result<()> {
            self.0.write(offset, bytes)
        }
        fn sync(&self) -> std::io::Result<()> {
            self.0.sync()
        }
        fn discard(&self, offset: u64, length: u64) -> std::io::Result<()> {
            self.0.discard(offset, length)
        }
    }
}
