//! What can be kept of a store that no start takes, because batches that were acknowledged are lost: the longest beginning of
//! the journal that is whole, and what lies behind it.
//! Never writes before [`Salvage::settle`], and never keeps a batch whose entries do not all open.
//!
//! An ordinary start stops at such damage for good. This is the way on for people who have accepted the loss: the batches
//! behind the kept ones are given up, and the next batch has a number beyond all that were ever seen, so that nothing that
//! is left of them on the device is ever taken for a later one.

use std::sync::Arc;

use rand_core::CryptoRng;

use crate::buffer::AlignedBuffer;
use crate::commit::{Commit, CommitFields, Top};
use crate::device::{BLOCK, Device};
use crate::error::Error;
use crate::extents::{Extent, NO_EXTENT, Stream, Use};
use crate::log::{Geometry, Log, State};
use crate::reader::{JournalEntries, Reader};
use crate::recovery::set_aside;
use crate::recovery::{Found, batches_in, found_at, is_as_named, is_whole, journal_extents};
use crate::run::{Header, RunBuilder};
use crate::seal::{DeviceKeys, Sealer, StoreId};
use crate::superblock::Superblock;
use crate::verifiers::{Verifiers, walk_back};

/// States that are offered to whoever looks for the key tree, of either side.
const STATES_MAX: usize = 256;
/// How far the mark stands ahead of all that was seen: batches that make the tree ready fit before it.
const MARK_AHEAD: u64 = 8;
/// Bytes that are looked through at once.
const PIECE: u64 = 1 << 20;

/// What becomes of the password verifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptVerifiers {
    /// Those that were in force.
    InForce,
    /// Those do not read: others from before, or from what is lost, are in force again.
    Others,
    /// None read.
    Lost,
}

/// A state that a commit record named: of one that is kept, or of one that is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its batch.
    pub batch: u64,
    /// Journal entries that it counted.
    pub entries: u64,
    /// What the layers above had bound to it.
    pub fields: CommitFields,
    verifiers: Option<Top>,
}

impl Named {
    fn of(commit: &Commit) -> Self {
        let Commit { batch, entries, fields, verifiers, .. } = commit;
        Self { batch: *batch, entries: *entries, fields: fields.clone(), verifiers: *verifiers }
    }
}

/// A store as it was found; nothing was written yet.
pub struct Salvage {
    reader: Reader,
    state: State,
    /// The highest batch of which anything is left.
    newest: u64,
    /// Of the kept batches, newest first.
    kept: Vec<Named>,
    /// Of the lost ones, newest first.
    lost: Vec<Named>,
}

impl Log {
    /// Finds what can be kept of a store; see [`Salvage`].
    pub fn salvage(device: Arc<dyn Device>, keys: &DeviceKeys) -> Result<Salvage, Error> {
        let superblocks = Superblock::read(&*device, keys.verifiers())?;
        let larger = superblocks.last().ok_or(Error::NotAStore)?;
        larger.geometry.check(device.length())?;
        let sealer = Arc::new(Sealer::new(keys, larger.store));
        Salvage::find(Reader::new(device, sealer), larger.geometry)
    }
}

impl Salvage {
    fn find(reader: Reader, geometry: Geometry) -> Result<Self, Error> {
        let mut beginning = Beginning::read(&reader, geometry)?;
        let salvage = Self::behind(reader.clone(), geometry, &beginning)?;
        // Torn by a loss of power, a batch was never acknowledged to anyone: it goes, unless one was written behind it.
        if salvage.newest == salvage.state.batch && beginning.drop_unfinished(&reader)? {
            return Self::behind(reader, geometry, &beginning);
        }
        Ok(salvage)
    }

    fn behind(reader: Reader, geometry: Geometry, beginning: &Beginning) -> Result<Self, Error> {
        let state = beginning.state(geometry)?;
        let kept = beginning.batches.iter().rev().take(STATES_MAX);
        let kept = kept.map(|found| Named::of(&found.commit)).collect();
        let mut salvage = Self { reader, newest: state.batch, state, kept, lost: Vec::new() };
        salvage.look_behind()?;
        salvage.keep_newest_lost();
        Ok(salvage)
    }

    fn keep_newest_lost(&mut self) {
        self.lost.sort_unstable_by_key(|named| std::cmp::Reverse(named.batch));
        self.lost.truncate(STATES_MAX);
    }

    /// The store's random name.
    pub fn store(&self) -> StoreId {
        self.reader.sealer.store()
    }

    /// Reads what was found.
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// Entries that are kept.
    pub fn entries(&self) -> u64 {
        self.state.entries
    }

    /// The kept entries, verified one by one.
    pub fn journal_entries(&self, from: u64) -> JournalEntries {
        JournalEntries::new(self.reader(), &self.state, from)
    }

    /// The newest states of the kept batches, newest first: the first one is where the log goes on.
    pub fn kept(&self) -> impl Iterator<Item = &Named> {
        self.kept.iter()
    }

    /// The newest states of batches that are lost and whose commit records still read, newest first.
    pub fn lost(&self) -> impl Iterator<Item = &Named> {
        self.lost.iter()
    }

    /// Whether what is left on the device proves that batches were acknowledged behind those that are kept. The very next
    /// one alone proves nothing: it may have been torn by a loss of power.
    pub fn is_behind(&self) -> bool {
        self.newest > self.state.batch + 1
    }

    /// Runs behind the kept batches: where the journal went on, and in every extent.
    fn look_behind(&mut self) -> Result<(), Error> {
        let geometry = self.state.table.geometry;
        let mut table = vec![Use::default(); geometry.extents as usize];
        for extent in 0..geometry.extents {
            table[extent as usize] = self.look_into(extent)?;
        }
        let journal: Vec<Extent> = self.state.journal.iter().map(|(extent, _)| *extent).collect();
        for extent in journal {
            table[extent as usize] = self.state.table.uses[extent as usize];
        }
        let ahead = self.state.table.next_journal;
        if let Some(ahead) = table.get_mut(ahead as usize) {
            *ahead = Use { stream: Some(Stream::Journal), used_blocks: 0 };
        }
        self.state.table.uses = table;
        let tail = self.state.table.current[Stream::Journal.slot()];
        // Every other stream goes on in an extent of its own: what lies behind a tail may be a tree that is still wanted.
        self.state.table.current = [NO_EXTENT; 4];
        self.state.table.current[Stream::Journal.slot()] = tail;
        Ok(())
    }

    /// What an extent carries now, whatever the kept batches knew of it.
    fn look_into(&mut self, extent: Extent) -> Result<Use, Error> {
        let geometry = self.state.table.geometry;
        let (start, known) = (geometry.start(extent), self.state.table.uses[extent as usize]);
        let is_journal = self.state.journal.iter().any(|(journal, _)| *journal == extent);
        let from = if is_journal { start + u64::from(known.used_blocks) * BLOCK as u64 } else { start };
        let end = start + u64::from(geometry.extent_bytes);
        let (mut offset, mut first, mut contiguous) = (from, None, true);
        let mut used_blocks = 0;
        let reader = self.reader.clone();
        let mut headers = Headers::new(&reader, end);
        while offset < end {
            let header = match headers.at(offset) {
                Ok(header) => header.filter(|header| header.blocks > 0),
                // A bad sector: the next one may be read.
                Err(Error::Io(_)) => None,
                Err(other) => return Err(other),
            };
            let Some(header) = header else {
                contiguous = false;
                offset += BLOCK as u64;
                continue;
            };
            self.take_note(offset, &header, geometry)?;
            let bytes = (u64::from(header.blocks) * BLOCK as u64).min(end - offset);
            if contiguous && first.is_none_or(|(stream, _)| stream == header.stream) {
                used_blocks += (bytes / BLOCK as u64) as u32;
            }
            // One without a frame is a mark that an earlier attempt has left.
            if header.frames > 0 {
                first.get_or_insert((header.stream, header.batch));
            }
            offset += bytes;
        }
        Ok(match (known.stream, first) {
            // Nothing reads there, perhaps only for a moment: bodies and nodes are found by their places, without a header.
            (Some(Stream::Tree | Stream::Bodies | Stream::Verifiers), None) => known,
            (Some(Stream::Journal) | None, None) => Use::default(),
            // A lost journal goes; so does what was given back before and only left its bytes.
            (_, Some((Stream::Journal, _))) => Use::default(),
            (None, Some((_, batch))) if batch <= self.state.batch => Use::default(),
            (Some(_) | None, Some((stream, batch))) => {
                // Taken anew since: what it carried then is gone.
                let before = if batch > self.state.batch { 0 } else { known.used_blocks };
                Use { stream: Some(stream), used_blocks: used_blocks.max(before) }
            }
        })
    }

    /// A run was found: the highest batch counts, and a commit record of a lost one is kept in mind.
    fn take_note(&mut self, offset: u64, header: &Header, geometry: Geometry) -> Result<(), Error> {
        self.newest = self.newest.max(header.batch);
        if header.batch <= self.state.batch {
            return Ok(());
        }
        if let (_, Some(found)) = found_at(&self.reader, geometry, offset)? {
            self.lost.push(Named::of(&found.commit));
            if self.lost.len() > 4 * STATES_MAX {
                self.keep_newest_lost();
            }
        }
        Ok(())
    }

    /// The password verifiers: those of the kept state, or the newest that read; with the batch by which they were in force.
    /// `None` when none read.
    fn verifiers(&self) -> (KeptVerifiers, Option<(u64, Verifiers)>) {
        let Some(kept) = self.kept.first() else { return (KeptVerifiers::Lost, None) };
        if kept.verifiers.is_none() {
            return (KeptVerifiers::InForce, Some((kept.batch, Verifiers::default())));
        }
        let read = |named: &Named| {
            let read = walk_back(Some(named.verifiers?), |at| self.reader.verifiers(at)).ok()?;
            Some((named.batch, read))
        };
        if let Some(in_force) = read(kept) {
            return (KeptVerifiers::InForce, Some(in_force));
        }
        let mut others = self.lost.iter().chain(&self.kept).filter(|named| named.verifiers != kept.verifiers);
        match others.find_map(read) {
            Some(other) => (KeptVerifiers::Others, Some(other)),
            None => (KeptVerifiers::Lost, None),
        }
    }

    /// In each extent of verifiers, where the first run stands that is newer than those that go on. Before unlock whatever
    /// was written last is taken for the newest (`locked.rs`): what is given up must not be found there.
    fn newer_verifiers(&self, batch: u64) -> Result<Vec<(Extent, u64)>, Error> {
        let geometry = self.state.table.geometry;
        let mut newer = Vec::new();
        for extent in 0..geometry.extents {
            let (mut offset, end) = (geometry.start(extent), geometry.start(extent + 1));
            while offset < end {
                let header = match self.reader.header(offset) {
                    Ok(header) => header.filter(|header| header.stream == Stream::Verifiers),
                    // A bad sector: nobody finds what lies behind it.
                    Err(Error::Io(_)) => break,
                    Err(other) => return Err(other),
                };
                let Some(header) = header else { break };
                if header.batch > batch {
                    newer.push((extent, offset));
                    break;
                }
                offset += u64::from(header.blocks.max(1)) * BLOCK as u64;
            }
        }
        Ok(newer)
    }

    /// What becomes of the password verifiers.
    pub fn kept_verifiers(&self) -> KeptVerifiers {
        self.verifiers().0
    }

    /// The highest epoch that a kept or a lost batch was of.
    pub fn newest_epoch(&self) -> u64 {
        let epochs = self.kept.iter().chain(&self.lost).map(|named| named.fields.epoch);
        epochs.max().unwrap_or_default()
    }

    /// Gives up what is behind the kept batches, for good, and gives the log that goes on. `fields` are bound from here on.
    /// Every start refuses it until [`Log::leave_mark`] was said and a batch written: before that the tree may be made ready.
    pub fn settle(self, fields: CommitFields, rng: &mut dyn CryptoRng) -> Result<Log, Error> {
        let (batch, verifiers) = self.verifiers().1.unwrap_or_default();
        let newer = self.newer_verifiers(batch)?;
        let Self { reader, mut state, newest, .. } = self;
        let mark = newest + MARK_AHEAD;
        // Where it is free by every account. A crash behind this line: no start takes the store, whatever else is gone,
        // and the same command finds the same batches to keep.
        write_mark(&reader, &state, mark, rng)?;
        reader.device.sync()?;
        let offsets: Vec<u64> = newer.iter().map(|(_, offset)| *offset).collect();
        set_aside(&reader, &state, &offsets)?;
        reader.device.sync()?;
        for (extent, offset) in newer {
            let used_blocks = ((offset - state.table.geometry.start(extent)) / BLOCK as u64) as u32;
            let whole = Use { stream: Some(Stream::Verifiers), used_blocks };
            state.table.uses[extent as usize] = if used_blocks == 0 { Use::default() } else { whole };
        }
        // The table is no kept record's: the next one carries it whole.
        (state.batch, state.fields, state.table_unwritten) = (newest, fields, true);
        let mut log = Log::settled(reader, state, verifiers);
        log.mark = mark;
        Ok(log)
    }
}

/// The headers of one stretch, read in large pieces: most of a large device is free.
struct Headers<'a> {
    reader: &'a Reader,
    end: u64,
    piece: Option<(u64, AlignedBuffer)>,
}

impl<'a> Headers<'a> {
    fn new(reader: &'a Reader, end: u64) -> Self {
        Self { reader, end, piece: None }
    }

    fn at(&mut self, offset: u64) -> Result<Option<Header>, Error> {
        let holds = |from: u64, buffer: &AlignedBuffer| {
            from <= offset && offset + BLOCK as u64 <= from + buffer.as_ref().len() as u64
        };
        if !self.piece.as_ref().is_some_and(|(from, buffer)| holds(*from, buffer)) {
            let bytes = PIECE.min(self.end.min(self.reader.device.length()).saturating_sub(offset));
            match self.reader.blocks(offset, bytes as usize / BLOCK * BLOCK) {
                Ok(buffer) => self.piece = Some((offset, buffer)),
                // Somewhere in it is a bad sector: block by block.
                Err(Error::Io(_)) => return self.reader.header(offset),
                Err(other) => return Err(other),
            }
        }
        let Some((from, buffer)) = self.piece.as_ref().filter(|(from, buffer)| holds(*from, buffer)) else {
            return Ok(None);
        };
        let at = (offset - from) as usize;
        let block = &buffer.as_ref()[at..at + BLOCK];
        Ok(if block.iter().all(|byte| *byte == 0) {
            None
        } else {
            Header::open(&self.reader.sealer, offset, block)
        })
    }
}

impl Log {
    /// The next batch goes on behind the mark of a salvage: no start refuses it any more.
    pub fn leave_mark(&mut self) {
        self.state.batch = self.state.batch.max(std::mem::take(&mut self.mark));
    }
}

/// A run without a frame, of a batch that never was: proof for every start that this log is not to be gone on with.
fn write_mark(reader: &Reader, state: &State, batch: u64, rng: &mut dyn CryptoRng) -> Result<(), Error> {
    let space = state.table.space();
    let full = Error::Full { stream: Stream::Tree, free: space.free, reserve: space.reserve };
    // The last one: the next batches take the lowest.
    let free = state.table.uses.iter().rposition(|extent| extent.stream.is_none()).ok_or(full)?;
    let (extent, buffer) = (free as Extent, AlignedBuffer::with_capacity(BLOCK));
    let offset = state.table.geometry.start(extent);
    let mut run = RunBuilder::new(Stream::Tree, extent, offset, 0, buffer);
    run.close(&reader.sealer, batch, 0, rng);
    Ok(reader.device.write(offset, run.buffer.as_ref())?)
}

/// The longest beginning of the journal in which every batch follows the one before and every entry opens.
struct Beginning {
    /// Its extents, with the index of the first entry in each.
    journal: Vec<(Extent, u64)>,
    /// The batches of the last extent, and of the one before where that is all there is.
    batches: Vec<Found>,
}

impl Beginning {
    fn read(reader: &Reader, geometry: Geometry) -> Result<Self, Error> {
        let mut beginning = Self { journal: Vec::new(), batches: Vec::new() };
        let mut cut = false;
        for (extent, first) in journal_extents(reader, geometry)? {
            let mut batches = batches_in(reader, geometry, extent)?;
            let before = beginning.batches.last().map_or([0; 32], |last| last.digest);
            if batches.first().is_none_or(|found| found.commit.previous != before) {
                break;
            }
            let whole = batches.iter().position(|found| !has_its_entries(reader, found));
            if let Some(damaged) = whole {
                batches.truncate(damaged);
                cut = true;
            }
            if batches.is_empty() {
                break;
            }
            beginning.journal.push((extent, first));
            beginning.batches = batches;
            if cut {
                break;
            }
        }
        if beginning.batches.is_empty() {
            return Err(Error::Damaged { offset: geometry.start(0), what: "the first batch of all" });
        }
        Ok(beginning)
    }

    /// Leaves the last batch out if it is not whole and the one before it is. Whether it did.
    fn drop_unfinished(&mut self, reader: &Reader) -> Result<bool, Error> {
        let [.., before, last] = &self.batches[..] else { return Ok(false) };
        let unfinished = !is_whole(reader, last)? && is_whole(reader, before)?;
        if unfinished {
            self.batches.pop();
        }
        Ok(unfinished)
    }

    fn state(&self, geometry: Geometry) -> Result<State, Error> {
        let mut state = State { journal: self.journal.clone(), ..State::fresh(geometry) };
        for found in &self.batches {
            let applied = found.commit.apply(&mut state.table);
            applied.map_err(|_| Error::Damaged { offset: found.offset, what: "commit record" })?;
        }
        if let Some(last) = self.batches.last() {
            state.batch = last.commit.batch;
            state.entries = last.commit.entries;
            state.digest = last.digest;
            state.commit_at = last.offset;
            state.fields = last.commit.fields.clone();
        }
        Ok(state)
    }
}

/// Are all runs of the batch in the journal as its commit record names them? A sector that does not read is none.
fn has_its_entries(reader: &Reader, found: &Found) -> bool {
    let journal = found.commit.runs.iter().filter(|run| run.stream == Stream::Journal);
    journal.into_iter().all(|run| {
        let bytes = (run.covered as usize).next_multiple_of(BLOCK);
        run.offset + bytes as u64 <= reader.device.length()
            && reader.blocks(run.offset, bytes).is_ok_and(|buffer| is_as_named(run, buffer.as_ref()))
    })
}
