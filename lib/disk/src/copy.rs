//! Copying a store while its writer goes on: one durable state is held still, and its blocks are read as they lie.
//! Never stops the writer, never delays an erasure, and never writes.
//!
//! Runs that count are never written over as long as their extent carries its stream. So a state stays readable when
//! the extents that it uses are not given away while it is held: an extent that is freed meanwhile is neither
//! discarded nor taken, as long as another one is free. Where none is, the writer takes it, and the copy hears that it
//! is lost and begins again from a newer state with what it has. Nothing of this is on the device: a crash of the
//! writer ends the copy, and the next start finds the extents free.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::buffer::AlignedBuffer;
use crate::copy_outline::{Anchor, Outline, Part, Range};
use crate::device::BLOCK;
use crate::error::Error;
use crate::extents::{Extent, ExtentTable};
use crate::log::State;
use crate::reader::Reader;
use crate::superblock::SUPERBLOCKS_BYTES;

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
    /// Extents of the state being copied.
    held: Option<BTreeSet<Extent>>,
    /// One of them was taken all the same.
    lost: bool,
    /// Freed while they were held: to be discarded when nobody holds them any more.
    discards_owed: BTreeSet<Extent>,
}

impl Desk {
    pub(crate) fn new(state: State) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Told { state, held: None, lost: false, discards_owed: BTreeSet::new() })))
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
        let Some(held) = &told.held else { return (0..table.geometry.extents).find(is_free) };
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
        let state = {
            let mut told = self.desk.lock();
            if told.held.is_some() {
                return Err(CopyError::Busy);
            }
            let uses = told.state.table.uses.iter().zip(0..);
            let used: BTreeSet<Extent> =
                uses.filter(|(used, _)| used.used_blocks > 0).map(|(_, extent)| extent).collect();
            (told.held, told.lost) = (Some(used), false);
            told.state.clone()
        };
        // From here on dropping it lets go, whatever fails.
        let mut still = Still { copier: self.clone(), outline: blank_outline(&state, &self.reader) };
        still.fill(&state)?;
        Ok(still)
    }
}

/// One state, held still until this is dropped.
pub struct Still {
    copier: Copier,
    outline: Outline,
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
        let reader = &self.copier.reader;
        let superblocks = reader.blocks(0, SUPERBLOCKS_BYTES as usize)?;
        self.outline.superblocks = superblocks.as_ref().to_vec();
        for (used, extent) in state.table.uses.iter().zip(0..) {
            let (Some(stream), blocks @ 1..) = (used.stream, used.used_blocks) else { continue };
            let offset = state.table.geometry.start(extent);
            let header = reader.header(offset)?.filter(|header| header.stream == stream);
            let born = header.ok_or(Error::Damaged { offset, what: "first run of an extent" })?.batch;
            self.outline.parts.push(Part { extent, stream, born, blocks });
        }
        self.check_kept()
    }

    fn check_kept(&self) -> Result<(), CopyError> {
        if self.copier.desk.lock().lost { Err(CopyError::Lost) } else { Ok(()) }
    }

    /// Was this store ever where the anchor says? Else two stores have gone different ways, and blocks of the one are
    /// worth nothing to the other, even where extent and batch are alike.
    pub fn has_passed(&self, anchor: &Anchor) -> Result<bool, CopyError> {
        let is_place = anchor.commit_at.is_multiple_of(BLOCK as u64)
            && anchor.commit_at < self.outline.geometry.start(self.outline.geometry.extents);
        if anchor.batch > self.outline.anchor.batch || !is_place {
            return Ok(false);
        }
        let (reader, geometry) = (&self.copier.reader, self.outline.geometry);
        let Some(header) = reader.header(anchor.commit_at)? else { return Ok(false) };
        let found = reader.commit(anchor.commit_at, &header, geometry)?;
        Ok(found.is_some_and(|(commit, record)| {
            commit.batch == anchor.batch && crate::commit::digest(&record) == anchor.digest
        }))
    }

    /// Reads a range of the state into `buffer`.
    pub fn read(&self, range: &Range, buffer: &mut CopyBuffer) -> Result<(), CopyError> {
        if !self.outline.holds(range) || range.blocks > crate::copy_outline::RANGE_BLOCKS_MAX {
            return Err(CopyError::NoSuchRange);
        }
        let blocks = buffer.blocks(range.bytes());
        self.copier.reader.device.read(self.outline.offset(range), blocks).map_err(Error::from)?;
        // Asked behind the reading: what was not lost until now was whole when it was read.
        self.check_kept()
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        let mut told = self.copier.desk.lock();
        (told.held, told.lost) = (None, false);
    }
}
