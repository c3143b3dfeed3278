//! Which extent carries which stream, and how much of it is used. A function of the commit records alone.
//! Never decides what is still alive: the vault knows that.

use std::fmt;

use crate::Error;
use crate::codec::{Fields, Malformed, Put};
use crate::copy::Desk;
use crate::device::BLOCK;
use crate::log::Geometry;

/// What an extent carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// Entries and commit records.
    Journal,
    /// Sealed bodies.
    Bodies,
    /// Nodes of the key tree, snapshots.
    Tree,
    /// Password verifiers.
    Verifiers,
}

/// All streams, in the order in which their runs are submitted: the journal, whose commit record names the others, last.
pub(crate) const STREAMS: [Stream; 4] = [Stream::Bodies, Stream::Tree, Stream::Verifiers, Stream::Journal];

impl Stream {
    /// Stable number on the device.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Journal => 1,
            Self::Bodies => 2,
            Self::Tree => 3,
            Self::Verifiers => 4,
        }
    }

    pub(crate) fn from_number(number: u8) -> Result<Self, Malformed> {
        match number {
            1 => Ok(Self::Journal),
            2 => Ok(Self::Bodies),
            3 => Ok(Self::Tree),
            4 => Ok(Self::Verifiers),
            _ => Err(Malformed),
        }
    }

    pub(crate) fn slot(self) -> usize {
        usize::from(self.number()) - 1
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Journal => "journal",
            Self::Bodies => "bodies",
            Self::Tree => "tree",
            Self::Verifiers => "verifiers",
        })
    }
}

/// Number of an extent, counted from the superblocks.
pub type Extent = u32;
/// No extent.
pub(crate) const NO_EXTENT: Extent = u32::MAX;

/// One extent's state: free, or a stream and the blocks of it that committed runs fill.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Use {
    pub(crate) stream: Option<Stream>,
    pub(crate) used_blocks: u32,
}

/// How much room is left, in extents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// All extents of the store.
    pub extents: u32,
    /// Those that carry no stream.
    pub free: u32,
    /// Free extents that only urgent batches may take.
    pub reserve: u32,
}

impl Space {
    /// The last of the reserve: only for the tree write of an erasure that was admitted, and for what gives extents back.
    pub fn kept(&self) -> u32 {
        (self.reserve / 4).max(KEPT_MIN).min(self.reserve.saturating_sub(1))
    }
}

/// One extent for the journal and one for the tree.
const KEPT_MIN: u32 = 2;

/// Which of the free extents a batch may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Those beside the reserve: messages, files, snapshots.
    Ordinary,
    /// All but the last: acts of officers, key rolls, alarms, the intent of an erasure.
    Urgent,
    /// All: what carries out an erasure that was admitted, or gives extents back.
    Erasing,
}

impl Claim {
    /// Free extents that it leaves alone.
    fn leaves(self, space: &Space) -> u32 {
        match self {
            Self::Ordinary => space.reserve,
            Self::Urgent => space.kept(),
            Self::Erasing => 0,
        }
    }
}

/// All extents, and where each stream goes on.
#[derive(Clone)]
pub(crate) struct ExtentTable {
    pub(crate) geometry: Geometry,
    pub(crate) uses: Vec<Use>,
    /// The extent each stream writes to, by [`Stream::slot`].
    pub(crate) current: [Extent; 4],
    /// Taken ahead for the journal, so that its reader always knows where to look next.
    pub(crate) next_journal: Extent,
}

impl ExtentTable {
    /// A fresh store: extent 0 is the journal's, extent 1 is taken ahead for it.
    pub(crate) fn fresh(geometry: Geometry) -> Self {
        let mut uses = vec![Use::default(); geometry.extents as usize];
        for journal in uses.iter_mut().take(2) {
            journal.stream = Some(Stream::Journal);
        }
        Self { geometry, uses, current: [0, NO_EXTENT, NO_EXTENT, NO_EXTENT], next_journal: 1 }
    }

    pub(crate) fn space(&self) -> Space {
        let free = self.uses.iter().filter(|extent| extent.stream.is_none()).count() as u32;
        Space { extents: self.geometry.extents, free, reserve: self.geometry.reserve }
    }

    /// Where the stream's next run begins: extent and byte of the device.
    pub(crate) fn tail(&self, stream: Stream) -> Option<(Extent, u64)> {
        let extent = self.current[stream.slot()];
        let used = self.uses.get(extent as usize)?.used_blocks;
        Some((extent, self.geometry.start(extent) + u64::from(used) * BLOCK as u64))
    }

    /// Takes a free extent for a stream, as far as the claim goes: the lowest that no copy holds.
    pub(crate) fn take(&mut self, stream: Stream, claim: Claim, desk: &Desk) -> Result<Extent, Error> {
        let space = self.space();
        let full = Error::Full { stream, free: space.free, reserve: space.reserve };
        if space.free <= claim.leaves(&space) {
            return Err(full);
        }
        let found = desk.choose(self).ok_or(full)?;
        self.uses[found as usize] = Use { stream: Some(stream), used_blocks: 0 };
        Ok(found)
    }

    /// May this extent be given back?
    pub(crate) fn freeable(&self, extent: Extent) -> bool {
        let carried = self.uses.get(extent as usize).and_then(|extent| extent.stream);
        carried.is_some_and(|stream| stream != Stream::Journal) && !self.current.contains(&extent)
    }

    /// Whole table for the first commit record of a journal extent, which says how many extents there are.
    pub(crate) fn encode_uses(&self, bytes: &mut Vec<u8>) {
        for extent in &self.uses {
            bytes.put_u8(extent.stream.map_or(0, Stream::number));
            bytes.put_u32(extent.used_blocks);
        }
    }

    /// Reads what [`ExtentTable::encode_uses`] wrote.
    pub(crate) fn decode_uses(fields: &mut Fields<'_>, extents: u32) -> Result<Vec<Use>, Malformed> {
        let mut uses = Vec::new();
        for _ in 0..extents {
            let number = fields.u8()?;
            let stream = if number == 0 { None } else { Some(Stream::from_number(number)?) };
            uses.push(Use { stream, used_blocks: fields.u32()? });
        }
        Ok(uses)
    }
}
