//! Writing a copied state to a device that holds nothing.
//! Never over anything: a sector that is neither zero nor already what the copy has there stops it.

use crate::copy::CopyBuffer;
use crate::copy_outline::{Outline, Range};
use crate::device::{BLOCK, Device, SECTOR};
use crate::error::Error;
use crate::misfit::Misfit;
use crate::put_back::{self, PutBack};

/// Bytes looked at together.
const PIECE_BYTES: u64 = 1 << 20;

/// A state on its way back to a device. The superblocks come last: until then the device is no store, and a restore
/// that was interrupted is done again from its beginning.
pub struct Restoring<'a> {
    device: &'a dyn Device,
    outline: &'a Outline,
    buffer: CopyBuffer,
}

impl<'a> Restoring<'a> {
    /// Begins, if the device is long enough.
    pub fn new(device: &'a dyn Device, outline: &'a Outline) -> Result<Self, Error> {
        if device.length() < outline.device_bytes() {
            return Err(Error::Geometry(Misfit::ShorterThanCopied));
        }
        Ok(Self { device, outline, buffer: CopyBuffer::new() })
    }

    /// Looks at the bytes of the device from `from` up to `to`, which the copy leaves free: the first byte of a block
    /// that is not zero, if there is one.
    pub fn find_foreign(&mut self, from: u64, to: u64) -> Result<Option<u64>, Error> {
        let mut offset = from;
        while offset < to {
            let bytes = PIECE_BYTES.min(to - offset);
            let blocks = self.buffer.blocks(bytes as usize);
            self.device.read(offset, blocks)?;
            if let Some(found) = blocks.chunks(BLOCK).position(|block| block.iter().any(|byte| *byte != 0)) {
                return Ok(Some(offset + (found * BLOCK) as u64));
            }
            offset += bytes;
        }
        Ok(None)
    }

    /// Would `bytes` at this range cover anything but zeros and themselves? The offset of the first such sector.
    pub fn find_covered(&mut self, range: &Range, bytes: &[u8]) -> Result<Option<u64>, Error> {
        self.find_other(self.outline.offset(range), bytes)
    }

    /// The superblocks' place must be free too, or hold just these with their mark: then a restore ended right before it could
    /// say so. Without it they are the store's own, which is there and needs no restore.
    pub fn find_superblocks(&mut self) -> Result<Option<u64>, Error> {
        if let Some(found) = self.find_other(0, &self.superblocks())? {
            return Ok(Some(found));
        }
        let there = self.buffer.blocks(self.outline.superblocks.len());
        self.device.read(0, there)?;
        let own = there.chunks(BLOCK).position(put_back::is_unmarked);
        Ok(own.map(|copy| (copy * BLOCK) as u64))
    }

    /// Those of the copy, with the mark of a store that was put back.
    fn superblocks(&self) -> Vec<u8> {
        let mut superblocks = self.outline.superblocks.clone();
        PutBack::Unanswered.mark_all(&mut superblocks);
        superblocks
    }

    /// By sectors, not blocks: a power cut in a former restore may have torn a block.
    fn find_other(&mut self, offset: u64, wanted: &[u8]) -> Result<Option<u64>, Error> {
        let there = self.buffer.blocks(wanted.len());
        self.device.read(offset, there)?;
        let mut pairs = there.chunks(SECTOR).zip(wanted.chunks(SECTOR));
        let other = pairs.position(|(there, wanted)| there != wanted && there.iter().any(|byte| *byte != 0));
        Ok(other.map(|at| offset + (at * SECTOR) as u64))
    }

    /// Writes a range.
    pub fn put(&mut self, range: &Range, bytes: &[u8]) -> Result<(), Error> {
        self.buffer.blocks(bytes.len()).copy_from_slice(bytes);
        Ok(self.device.write(self.outline.offset(range), self.buffer.as_ref())?)
    }

    /// Makes it a store, marked as one that was put back: see [`PutBack`].
    pub fn finish(mut self) -> Result<(), Error> {
        let superblocks = self.superblocks();
        let mut marks = superblocks.clone();
        marks.chunks_mut(BLOCK).for_each(|block| block[..SECTOR].fill(0));
        self.buffer.blocks(marks.len()).copy_from_slice(&marks);
        self.device.write(0, self.buffer.as_ref())?;
        self.device.sync()?;
        // A crash before this line: no store yet, and nothing is there but zeros, marks and the copy's own blocks.
        self.buffer.blocks(superblocks.len()).copy_from_slice(&superblocks);
        self.device.write(0, self.buffer.as_ref())?;
        // A crash before this sync: one of the two superblocks, or both, or none, and each with its mark.
        Ok(self.device.sync()?)
    }
}
