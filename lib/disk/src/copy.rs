//! Copying a store while its writer goes on: one durable state is held still, and its blocks are read as they lie.
//! Never stops the writer, never delays an erasure, and never writes.
//!
//! Runs that count are never written over as long as their extent carries its stream. So a state stays readable when
//! the extents that it uses are not given away while it is held: an extent that is freed meanwhile is neither
//! discarded nor taken, as long as another one is free. Where none is, the writer takes it, and the copy hears that it
//! is lost and begins again from a newer state with what it has. Nothing of this is on the device: a crash of the
//! writer ends the copy, and the next start finds the extents free.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::buffer::AlignedBuffer;
use crate::copy_outline::{Anchor, Outline, Part, Range};
use crate::device::BLOCK;
use crate::error::Error;
use crate::extents::{Extent, ExtentTable, Stream};
use crate::log::State;
use crate::reader::Reader;
use crate::superblock::SUPERBLOCKS_BYTES;

/// Blocks of one state that do not read and are copied as zeros, 4 MiB. More of them is a device that is gone, and no copy.
const UNREAD_BLOCKS_MAX: u32 = 1024;

/// Why a copy does not go on.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The store.
    #[error(transparent)]
    Disk(#[from] Error),
    /// Another copy is being made.
    #[error("another copy of this store is being made")]
    Busy,
    /// The writer had to take an extent of the state that was being copied.
    #[error("the store is so full that space of the state being copied was used again")]
    Lost,
    /// The range is not part of the state that is held.
    #[error("no such blocks in the state that is being copied")]
    NoSuchRange,
}

/// What the writer and a copy tell each other.
pub(crate) struct Desk(Mutex<Told>);

struct Told {
    /// The newest durable state.
    state: State,
    /// Extents of the state being copied, and which copy that is.
    held: Option<(u64, BTreeSet<Extent>)>,
    /// One of them was taken all the same.
    lost: bool,
    /// Copies so far.
    copies: u64,
    /// Freed while they were held: to be discarded when nobody holds them any more.
    discards_owed: BTreeSet<Extent>,
}

impl Desk {
    pub(crate) fn new(state: State) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Told {
            state,
            held: None,
            lost: false,
            copies: 0,
            discards_owed: BTreeSet::new(),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The writer's state is durable. Gives what may be discarded now.
    pub(crate) fn publish(&self, state: &State, freed: &[Extent]) -> Vec<Extent> {
        let mut told = self.lock();
        told.state.clone_from(state);
        told.discards_owed.extend(freed);
        if told.held.is_some() {
            return Vec::new();
        }
        let owed = std::mem::take(&mut told.discards_owed);
        owed.into_iter().filter(|extent| state.table.uses[*extent as usize].stream.is_none()).collect()
    }

    /// The free extent that the writer takes next: one that nobody holds, else the first, which ends the copy. Told
    /// before anything is written there, so that whoever has read it before it heard so has read what he wanted.
    pub(crate) fn choose(&self, table: &ExtentTable) -> Option<Extent> {
        let mut told = self.lock();
        let is_free = |extent: &Extent| table.uses[*extent as usize].stream.is_none();
        let Some((_, held)) = &told.held else { return (0..table.geometry.extents).find(is_free) };
        let unheld = (0..table.geometry.extents).find(|extent| is_free(extent) && !held.contains(extent));
        if unheld.is_some() {
            return unheld;
        }
        let first = (0..table.geometry.extents).find(is_free);
        told.lost = told.lost || first.is_some();
        first
    }
}

/// Where copies are begun, beside the writer; cheap to clone.
#[derive(Clone)]
pub struct Copier {
    desk: Arc<Desk>,
    reader: Reader,
}

impl Copier {
    pub(crate) fn new(desk: Arc<Desk>, reader: Reader) -> Self {
        Self { desk, reader }
    }

    /// Holds the newest durable state still. One copy at a time.
    pub fn hold(&self) -> Result<Still, CopyError> {
        self.hold_as(false)
    }

    /// The same for whom an erasure waits: another copy that is under way is lost.
    pub fn hold_first(&self) -> Result<Still, CopyError> {
        self.hold_as(true)
    }

    fn hold_as(&self, comes_first: bool) -> Result<Still, CopyError> {
        let (state, copy) = {
            let mut told = self.desk.lock();
            if told.held.is_some() && !comes_first {
                return Err(CopyError::Busy);
            }
            let uses = told.state.table.uses.iter().zip(0..);
            let used: BTreeSet<Extent> =
                uses.filter(|(used, _)| used.used_blocks > 0).map(|(_, extent)| extent).collect();
            told.copies += 1;
            (told.held, told.lost) = (Some((told.copies, used)), false);
            (told.state.clone(), told.copies)
        };
        // From here on dropping it lets go, whatever fails.
        let outline = blank_outline(&state, &self.reader);
        let mut still = Still { copier: self.clone(), copy, outline, unread: AtomicU32::new(0) };
        still.fill(&state)?;
        Ok(still)
    }
}

/// One state, held still until this is dropped.
pub struct Still {
    copier: Copier,
    /// Which copy this is.
    copy: u64,
    outline: Outline,
    /// Blocks that did not read.
    unread: AtomicU32,
}

/// Whole blocks in memory that direct reading may fill.
pub struct CopyBuffer(AlignedBuffer);

impl CopyBuffer {
    /// An empty one.
    pub fn new() -> Self {
        Self(AlignedBuffer::with_capacity(0))
    }

    pub(crate) fn blocks(&mut self, bytes: usize) -> &mut [u8] {
        self.0.clear();
        self.0.extend_zeroed(bytes)
    }
}

impl Default for CopyBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl AsRef<[u8]> for CopyBuffer {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref()
    }
}

fn blank_outline(state: &State, reader: &Reader) -> Outline {
    Outline {
        store: reader.sealer.store(),
        geometry: state.table.geometry,
        anchor: Anchor { batch: state.batch, commit_at: state.commit_at, digest: state.digest },
        entries: state.entries,
        journal_root: state.fields.journal_root,
        epoch: state.fields.epoch,
        next_written: state.fields.next_top.is_some(),
        superblocks: Vec::new(),
        parts: Vec::new(),
    }
}

impl Still {
    /// What is held.
    pub fn outline(&self) -> &Outline {
        &self.outline
    }

    /// Reads the superblocks and the birth of each extent.
    fn fill(&mut self, state: &State) -> Result<(), CopyError> {
        let mut superblocks = CopyBuffer::new();
        self.blocks(0, superblocks.blocks(SUPERBLOCKS_BYTES as usize))?;
        self.outline.superblocks = superblocks.as_ref().to_vec();
        for (used, extent) in state.table.uses.iter().zip(0..) {
            let (Some(stream), blocks @ 1..) = (used.stream, used.used_blocks) else { continue };
            let born = self.born(state.table.geometry.start(extent), blocks, stream)?;
            self.outline.parts.push(Part { extent, stream, born, blocks });
        }
        self.check_kept()
    }

    /// By the first run of an extent. Where that does not open, by the first one that does: two lives of an extent have no batch
    /// in common. Where none does, by the state itself: then no copy of another state is taken for it.
    fn born(&self, start: u64, blocks: u32, stream: Stream) -> Result<u64, CopyError> {
        let newest = self.outline.anchor.batch;
        for block in 0..u64::from(blocks) {
            match self.copier.reader.header(start + block * BLOCK as u64) {
                Ok(Some(header)) if header.stream == stream && header.batch <= newest => {
                    return Ok(header.batch);
                }
                Ok(_) | Err(Error::Io(_)) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Ok(newest)
    }

    fn check_kept(&self) -> Result<(), CopyError> {
        let told = self.copier.desk.lock();
        let is_held = told.held.as_ref().is_some_and(|(copy, _)| *copy == self.copy);
        if told.lost || !is_held { Err(CopyError::Lost) } else { Ok(()) }
    }

    /// Was this store ever where the anchor says? Else two stores have gone different ways, and blocks of the one are
    /// worth nothing to the other, even where extent and batch are alike.
    ///
    /// Where the log goes on in place of lost batches (`salvage.rs`), their records lie on behind its end and in extents that it
    /// gave back: its past is what its journal fills now, in which everything else was written over.
    pub fn has_passed(&self, anchor: &Anchor) -> Result<bool, CopyError> {
        let geometry = self.outline.geometry;
        let is_filled = |part: &Part| {
            let start = geometry.start(part.extent);
            let end = start + u64::from(part.blocks) * BLOCK as u64;
            part.stream == Stream::Journal && (start..end).contains(&anchor.commit_at)
        };
        let is_place = anchor.commit_at.is_multiple_of(BLOCK as u64);
        if anchor.batch > self.outline.anchor.batch || !is_place || !self.outline.parts.iter().any(is_filled)
        {
            return Ok(false);
        }
        let reader = &self.copier.reader;
        let Some(header) = reader.header(anchor.commit_at)? else { return Ok(false) };
        let found = reader.commit(anchor.commit_at, &header, geometry)?;
        Ok(found.is_some_and(|(commit, record)| {
            commit.batch == anchor.batch && crate::commit::digest(&record) == anchor.digest
        }))
    }

    /// Reads a range of the state into `buffer`. `false`: some of its blocks do not read, and are zeros there. What does not
    /// read cannot be copied, and all the rest must be.
    pub fn read(&self, range: &Range, buffer: &mut CopyBuffer) -> Result<bool, CopyError> {
        if !self.outline.holds(range) || range.blocks > crate::copy_outline::RANGE_BLOCKS_MAX {
            return Err(CopyError::NoSuchRange);
        }
        let is_whole = self.blocks(self.outline.offset(range), buffer.blocks(range.bytes()))?;
        // Asked behind the reading: what was not lost until now was whole when it was read.
        self.check_kept()?;
        Ok(is_whole)
    }

    /// All at once, and block by block where that fails.
    fn blocks(&self, offset: u64, blocks: &mut [u8]) -> Result<bool, CopyError> {
        let reader = &self.copier.reader;
        if reader.device.read(offset, blocks).is_ok() {
            return Ok(true);
        }
        // A device that is gone is no store of zeros.
        let is_gone = !reader.is_there();
        let mut is_whole = true;
        for (block, at) in blocks.chunks_mut(BLOCK).zip((offset..).step_by(BLOCK)) {
            let Err(error) = reader.device.read(at, block) else { continue };
            if is_gone || self.unread.fetch_add(1, Ordering::Relaxed) >= UNREAD_BLOCKS_MAX {
                return Err(Error::from(error).into());
            }
            block.fill(0);
            is_whole = false;
        }
        Ok(is_whole)
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        let mut told = self.copier.desk.lock();
        if told.held.as_ref().is_some_and(|(copy, _)| *copy == self.copy) {
            (told.held, told.lost) = (None, false);
        }
    }
}
