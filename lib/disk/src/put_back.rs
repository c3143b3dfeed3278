//! The mark of a store that was put back from a copy: no server may simply start it, since nobody can see from the device what
//! was acknowledged behind the copy.
//! Never under a key, so that whoever puts a store back can leave it, and never anything but noise: it follows from the
//! superblock beside it.

use crate::buffer::AlignedBuffer;
use crate::commit::digest;
use crate::device::{BLOCK, Device, SECTOR};
use crate::error::Error;
use crate::reader::blocks;
use crate::superblock::SUPERBLOCKS_BYTES;

/// Where it stands in each superblock's block: not in the sector of what is sealed, which is never written for its sake.
pub(crate) const MARK_AT: usize = SECTOR;
/// How long it is.
pub(crate) const MARK_BYTES: usize = 32;

/// Whether a store was put back, and whether anybody has answered for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutBack {
    /// It was not, or goes on since.
    No,
    /// It was, and nobody has said that nothing is missing.
    Unanswered,
    /// It was, and somebody has.
    Answered,
}

impl PutBack {
    /// What the mark in the first blocks says; either copy of it counts, and one that does not read says nothing.
    pub fn of(device: &dyn Device) -> Result<Self, Error> {
        if device.length() < SUPERBLOCKS_BYTES {
            return Ok(Self::No);
        }
        let found = read(device)?.map(|block| block.map(|block| Self::in_block(block.as_ref())));
        let is = |wanted: Self| found.contains(&Some(wanted));
        Ok(match (is(Self::Unanswered), is(Self::Answered)) {
            (true, _) => Self::Unanswered,
            (false, true) => Self::Answered,
            (false, false) => Self::No,
        })
    }

    fn in_block(block: &[u8]) -> Self {
        let there = &block[MARK_AT..MARK_AT + MARK_BYTES];
        let unanswered = Self::Unanswered.mark(block);
        if there == unanswered {
            Self::Unanswered
        } else if there == Self::Answered.mark(block) {
            Self::Answered
        } else {
            Self::No
        }
    }

    /// What says this beside such a superblock.
    fn mark(self, block: &[u8]) -> [u8; MARK_BYTES] {
        let unanswered = digest(&[b"put back", &block[..SECTOR]].concat());
        match self {
            Self::No => [0; MARK_BYTES],
            Self::Unanswered => unanswered,
            Self::Answered => unanswered.map(|byte| !byte),
        }
    }

    /// The mark in both blocks, durable. A crash inside: one of them may say what was said before, and rules where that is
    /// more cautious; the same is done again. One that does not read is written as zeros and the mark: what it held is lost, and
    /// should it read again, it must not say what was said before. A growth writes its superblock anew.
    pub fn write(self, device: &dyn Device) -> Result<(), Error> {
        for (copy, block) in read(device)?.into_iter().enumerate() {
            let mut block = block.unwrap_or_else(|| {
                let mut zeros = AlignedBuffer::with_capacity(BLOCK);
                zeros.extend_zeroed(BLOCK);
                zeros
            });
            self.mark_all(block.as_mut());
            device.write((copy * BLOCK) as u64, block.as_ref())?;
            // Never both copies at once: a medium may tear a whole block.
            device.sync()?;
        }
        Ok(())
    }

    /// The same in blocks that are on their way to a device.
    pub(crate) fn mark_all(self, superblocks: &mut [u8]) {
        for block in superblocks.chunks_mut(BLOCK) {
            let mark = self.mark(block);
            block[MARK_AT..MARK_AT + MARK_BYTES].copy_from_slice(&mark);
        }
    }
}

/// Both blocks; one of them may not read, asked twice.
fn read(device: &dyn Device) -> Result<[Option<AlignedBuffer>; 2], Error> {
    let read = |copy: usize| {
        let once = || blocks(device, (copy * BLOCK) as u64, BLOCK);
        once().or_else(|_| once())
    };
    match [read(0), read(1)] {
        [Err(error), Err(_)] => Err(error),
        found => Ok(found.map(Result::ok)),
    }
}

/// A superblock stands there, and no mark beside it.
pub(crate) fn is_unmarked(block: &[u8]) -> bool {
    block[..SECTOR].iter().any(|byte| *byte != 0) && PutBack::in_block(block) == PutBack::No
}

/// Where the block holds no mark, nothing may stand in its place.
pub(crate) fn is_clean(block: &[u8]) -> bool {
    PutBack::in_block(block) != PutBack::No
        || block[MARK_AT..MARK_AT + MARK_BYTES].iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryDevice;

    #[test]
    fn the_mark_is_read_as_it_was_written_and_either_copy_counts() {
        let device = MemoryDevice::new(1 << 20);
        let mut blocks = AlignedBuffer::with_capacity(SUPERBLOCKS_BYTES as usize);
        for (at, byte) in blocks.extend_zeroed(SUPERBLOCKS_BYTES as usize).iter_mut().enumerate() {
            *byte = if at % BLOCK < SECTOR { at as u8 } else { 0 };
        }
        device.write(0, blocks.as_ref()).unwrap();
        assert_eq!(PutBack::of(&device).unwrap(), PutBack::No);
        for said in [PutBack::Unanswered, PutBack::Answered, PutBack::No, PutBack::Unanswered] {
            said.write(&device).unwrap();
            assert_eq!(PutBack::of(&device).unwrap(), said);
        }
        // A crash between the two copies of the next word.
        let mut first = AlignedBuffer::with_capacity(BLOCK);
        device.read(0, first.extend_zeroed(BLOCK)).unwrap();
        for said in [PutBack::Answered, PutBack::No] {
            said.write(&device).unwrap();
            device.write(0, first.as_ref()).unwrap();
            assert_eq!(PutBack::of(&device).unwrap(), PutBack::Unanswered);
        }
        let foreign = MemoryDevice::new(4096);
        assert_eq!(PutBack::of(&foreign).unwrap(), PutBack::No, "too short for a store");
    }
}
