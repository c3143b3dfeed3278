//! One state of a store as a list of what lies where: what a copy has to hold, and what it has to have still.
//! Never names a frame: a copy moves whole blocks as they lie, so that every position stays what it was.
//!
//! ```text
//! outline = version 1 | store 16 | extent_bytes 4 | extents 4 | reserve 4 | anchor 48 | entries 8 | journal root 32
//!         | epoch 8 | next top is written 1 | superblocks 8192 | count 4 | part*
//! anchor  = batch 8 | commit at 8 | digest 32
//! part    = extent 4 | stream 1 | born 8 | blocks 4
//! ```

use std::collections::BTreeMap;

use crate::codec::{Fields, Malformed, Put};
use crate::device::BLOCK;
use crate::extents::{Extent, Stream};
use crate::log::{EXTENTS_MAX, Geometry};
use crate::seal::StoreId;
use crate::superblock::SUPERBLOCKS_BYTES;

const VERSION: u8 = 1;
/// Blocks of one range that [`Cover::missing`] gives: a copy's unit, 1 MiB.
pub const RANGE_BLOCKS_MAX: u32 = 256;
/// Bytes of the longest outline.
pub const OUTLINE_BYTES_MAX: usize = 16 * 1024 + EXTENTS_MAX as usize * 17;

/// A moment in a store's history: two stores that have it in common have everything before it in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// The batch.
    pub batch: u64,
    /// Where the run begins that ends with its commit record.
    pub commit_at: u64,
    /// Digest of that commit record, which names the one before it.
    pub digest: [u8; 32],
}

impl Anchor {
    /// Bytes of an encoded anchor.
    pub const BYTES: usize = 48;

    /// Appends the bytes.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.put_u64(self.batch);
        bytes.put_u64(self.commit_at);
        bytes.put(&self.digest);
    }

    /// Reads them back.
    pub fn decode(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        Ok(Self { batch: fields.u64()?, commit_at: fields.u64()?, digest: fields.array()? })
    }
}

/// What one extent holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Which.
    pub extent: Extent,
    /// What it carries.
    pub stream: Stream,
    /// The batch of its first run: the same extent, freed and taken anew, is born again.
    pub born: u64,
    /// Blocks that durable runs fill, from its start.
    pub blocks: u32,
}

/// Consecutive blocks of one extent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Range {
    /// Which extent.
    pub extent: Extent,
    /// Batch of its first run.
    pub born: u64,
    /// First block, counted from the extent's start.
    pub block: u32,
    /// How many.
    pub blocks: u32,
}

impl Range {
    /// Bytes of an encoded range.
    pub const BYTES: usize = 20;

    /// Appends the bytes.
    pub fn encode(self, bytes: &mut Vec<u8>) {
        bytes.put_u32(self.extent);
        bytes.put_u64(self.born);
        bytes.put_u32(self.block);
        bytes.put_u32(self.blocks);
    }

    /// Reads them back. What is longer than [`RANGE_BLOCKS_MAX`], empty or beyond counting is no range.
    pub fn decode(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (extent, born, block, blocks) = (fields.u32()?, fields.u64()?, fields.u32()?, fields.u32()?);
        if blocks == 0 || blocks > RANGE_BLOCKS_MAX || block.checked_add(blocks).is_none() {
            return Err(Malformed);
        }
        Ok(Self { extent, born, block, blocks })
    }

    /// How many bytes it has.
    pub fn bytes(self) -> usize {
        self.blocks as usize * BLOCK
    }
}

/// One durable state of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// The store's random name.
    pub store: StoreId,
    /// How it is divided.
    pub geometry: Geometry,
    /// Its last batch.
    pub anchor: Anchor,
    /// Journal entries.
    pub entries: u64,
    /// Root over them.
    pub journal_root: [u8; 32],
    /// Erasure epoch.
    pub epoch: u64,
    /// The next epoch's tree is there already: a cell of the next epoch opens this state too.
    pub next_written: bool,
    /// The first blocks of the device.
    pub superblocks: Vec<u8>,
    /// What is in use, by extent.
    pub parts: Vec<Part>,
}

impl Outline {
    /// The bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.put(&self.store);
        bytes.put_u32(self.geometry.extent_bytes);
        bytes.put_u32(self.geometry.extents);
        bytes.put_u32(self.geometry.reserve);
        self.anchor.encode(&mut bytes);
        bytes.put_u64(self.entries);
        bytes.put(&self.journal_root);
        bytes.put_u64(self.epoch);
        bytes.put_u8(u8::from(self.next_written));
        bytes.put(&self.superblocks);
        bytes.put_u32(self.parts.len() as u32);
        for part in &self.parts {
            bytes.put_u32(part.extent);
            bytes.put_u8(part.stream.number());
            bytes.put_u64(part.born);
            bytes.put_u32(part.blocks);
        }
        bytes
    }

    /// Reads them back; what does not fit together is refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields(bytes);
        if fields.u8()? != VERSION {
            return Err(Malformed);
        }
        let store = fields.array()?;
        let geometry =
            Geometry { extent_bytes: fields.u32()?, extents: fields.u32()?, reserve: fields.u32()? };
        geometry.check(u64::MAX).map_err(|_| Malformed)?;
        let anchor = Anchor::decode(&mut fields)?;
        let (entries, journal_root, epoch) = (fields.u64()?, fields.array()?, fields.u64()?);
        let next_written = fields.flag()?;
        let superblocks = fields.take(SUPERBLOCKS_BYTES as usize)?.to_vec();
        let mut parts: Vec<Part> = Vec::new();
        for _ in 0..fields.count(geometry.extents as usize)? {
            let (extent, stream) = (fields.u32()?, Stream::from_number(fields.u8()?)?);
            let part = Part { extent, stream, born: fields.u64()?, blocks: fields.u32()? };
            let follows = parts.last().is_none_or(|last| last.extent < extent);
            let fits = extent < geometry.extents && part.blocks > 0 && part.blocks <= geometry.blocks();
            if !follows || !fits || part.born > anchor.batch {
                return Err(Malformed);
            }
            parts.push(part);
        }
        fields.end()?;
        Ok(Self { store, geometry, anchor, entries, journal_root, epoch, next_written, superblocks, parts })
    }

    /// Bytes in use, superblocks aside.
    pub fn used_bytes(&self) -> u64 {
        self.parts.iter().map(|part| u64::from(part.blocks) * BLOCK as u64).sum()
    }

    /// Bytes that a device needs to take this state.
    pub fn device_bytes(&self) -> u64 {
        self.geometry.start(self.geometry.extents)
    }

    /// Does a cell at this erasure epoch open this state?
    pub fn opens_at(&self, cell_epoch: u64) -> bool {
        cell_epoch == self.epoch || (self.next_written && self.epoch.checked_add(1) == Some(cell_epoch))
    }

    /// Is the range part of this state?
    pub fn holds(&self, range: &Range) -> bool {
        let found = self.parts.binary_search_by_key(&range.extent, |part| part.extent);
        found.is_ok_and(|at| {
            let part = &self.parts[at];
            part.born == range.born && range.block + range.blocks <= part.blocks
        })
    }

    /// First byte of a range on the device.
    pub fn offset(&self, range: &Range) -> u64 {
        self.geometry.start(range.extent) + u64::from(range.block) * BLOCK as u64
    }
}

/// Which blocks are there already.
#[derive(Debug, Clone, Default)]
pub struct Cover {
    /// Ranges from block to block, ascending and apart, by extent and birth.
    by_extent: BTreeMap<(Extent, u64), Vec<(u32, u32)>>,
}

impl Cover {
    /// Adds a range. `false` when part of it was there: no copy takes a block twice.
    pub fn add(&mut self, range: &Range) -> bool {
        let spans = self.by_extent.entry((range.extent, range.born)).or_default();
        let (from, to) = (range.block, range.block + range.blocks);
        let at = spans.partition_point(|(_, end)| *end <= from);
        if spans.get(at).is_some_and(|(begin, _)| *begin < to) {
            return false;
        }
        spans.insert(at, (from, to));
        if at + 1 < spans.len() && spans[at + 1].0 == to {
            spans[at].1 = spans.remove(at + 1).1;
        }
        if at > 0 && spans[at - 1].1 == from {
            spans[at - 1].1 = spans.remove(at).1;
        }
        true
    }

    /// What of this state is not there, in pieces of at most [`RANGE_BLOCKS_MAX`] blocks, in the device's order.
    pub fn missing(&self, outline: &Outline) -> Vec<Range> {
        let mut missing = Vec::new();
        for part in &outline.parts {
            let spans = self.by_extent.get(&(part.extent, part.born)).map_or(&[][..], Vec::as_slice);
            let mut block = 0;
            for (from, to) in spans.iter().copied().chain([(part.blocks, part.blocks)]) {
                while block < from.min(part.blocks) {
                    let blocks = (from.min(part.blocks) - block).min(RANGE_BLOCKS_MAX);
                    missing.push(Range { extent: part.extent, born: part.born, block, blocks });
                    block += blocks;
                }
                block = block.max(to);
            }
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline() -> Outline {
        let part = |extent, born, blocks| Part { extent, stream: Stream::Bodies, born, blocks };
        Outline {
            store: [1; 16],
            geometry: Geometry { extent_bytes: 4 << 20, extents: 40, reserve: 3 },
            anchor: Anchor { batch: 9, commit_at: 8192, digest: [2; 32] },
            entries: 5,
            journal_root: [3; 32],
            epoch: 4,
            next_written: false,
            superblocks: vec![7; SUPERBLOCKS_BYTES as usize],
            parts: vec![part(0, 1, 1000), part(7, 5, 3)],
        }
    }

    #[test]
    fn it_is_read_back_and_only_whole() {
        let bytes = outline().encode();
        assert_eq!(Outline::decode(&bytes), Ok(outline()));
        assert!(bytes.len() < OUTLINE_BYTES_MAX);
        for end in 0..bytes.len() {
            assert!(Outline::decode(&bytes[..end]).is_err());
        }
        for wrong in [
            Outline { parts: outline().parts.into_iter().rev().collect(), ..outline() },
            Outline { anchor: Anchor { batch: 4, ..outline().anchor }, ..outline() },
            Outline { geometry: Geometry { extents: 5, ..outline().geometry }, ..outline() },
        ] {
            assert!(Outline::decode(&wrong.encode()).is_err());
        }
    }

    #[test]
    fn what_is_missing_is_what_was_not_covered() {
        let (outline, mut cover) = (outline(), Cover::default());
        let all = cover.missing(&outline);
        assert_eq!(all.iter().map(|range| range.blocks).collect::<Vec<_>>(), [256, 256, 256, 232, 3]);
        assert!(all.iter().all(|range| outline.holds(range)));
        for n in [1, 3, 0] {
            assert!(cover.add(&all[n]) && !cover.add(&all[n]));
        }
        assert_eq!(cover.missing(&outline), [all[2], all[4]]);
        assert!(!cover.add(&Range { block: 500, blocks: 100, ..all[2] }), "half of it is there");
        // Born again: what was copied of the former life is worth nothing.
        let mut reborn = outline.clone();
        reborn.parts[0].born = 2;
        assert_eq!(cover.missing(&reborn).len(), 5);
        assert!(!reborn.holds(&all[0]));
        // It has grown: only the new blocks.
        for range in cover.missing(&outline) {
            assert!(cover.add(&range));
        }
        assert!(cover.missing(&outline).is_empty());
        let mut grown = outline.clone();
        grown.parts[1].blocks = 5;
        assert_eq!(cover.missing(&grown), [Range { extent: 7, born: 5, block: 3, blocks: 2 }]);
    }
}
