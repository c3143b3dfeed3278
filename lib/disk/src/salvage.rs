//! What can be kept of a store that no start takes, because batches that were acknowledged are lost: the longest beginning of
//! the journal that is whole, and what lies behind it.
//! Never writes before [`Salvage::settle`], and never keeps a batch whose entries do not all open.
//!
//! An ordinary start stops at such damage for good. This is the way on for people who have accepted the loss: the batches
//! behind the kept ones are given up, and the next batch has a number beyond all that were ever seen, so that nothing that
//! is left of them on the device is ever taken for a later one.

use std::sync::Arc;

use rand_core::CryptoRng;

use crate::beginning::Beginning;
use crate::commit::{Commit, CommitFields, Top};
use crate::device::{BLOCK, Device};
use crate::error::Error;
use crate::extents::{Extent, NO_EXTENT, Stream, Use};
use crate::headers::Headers;
use crate::log::{Geometry, Log, State};
use crate::mark::write_mark;
use crate::reader::{JournalEntries, Reader};
use crate::recovery::{found_at, set_aside};
use crate::run::Header;
use crate::seal::{DeviceKeys, Sealer, StoreId};
use crate::seen::Seen;
use crate::superblock::Superblock;
use crate::verifiers::{Verifiers, walk_back};

/// States that are offered to whoever looks for the key tree, of either side.
const STATES_MAX: usize = 256;
/// How far the mark stands ahead of all that was seen: batches that make the tree and the room ready fit before it.
const MARK_AHEAD: u64 = 1 << 16;

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
    /// How far lost batches have filled the extent that is taken ahead for the journal.
    ahead_until: u64,
}

impl Log {
    /// Finds what can be kept of a store; see [`Salvage`].
    pub fn salvage(device: Arc<dyn Device>, keys: &DeviceKeys) -> Result<Salvage, Error> {
        let superblocks = Superblock::read(&*device, keys.verifiers())?;
        let larger = superblocks.last().ok_or(Error::NotAStore)?;
        larger.geometry.check(device.length())?;
        let sealer = Arc::new(Sealer::new(keys, larger.store));
        Salvage::find(Reader::new(device, sealer).over_bad_sectors(), larger.geometry)
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
        let (newest, lost) = (state.batch, Vec::new());
        let mut salvage = Self { reader, newest, state, kept, lost, ahead_until: 0 };
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
        let extents = self.state.table.geometry.extents;
        let (mut table, mut open) = (Vec::new(), Vec::new());
        for extent in 0..extents {
            let (known, seen) = (self.state.table.uses[extent as usize], self.look_into(extent)?);
            let carries = seen.carries(known, self.state.batch);
            if let Some(stream) = carries.stream.filter(|_| seen.goes_on(carries)) {
                open.push((carries.used_blocks, extent, stream));
            }
            table.push(carries);
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
        if self.state.table.space().free == 0 {
            // In a store that is full there is none: they go on where nothing lies behind the end, and the most room is left.
            for stream in [Stream::Tree, Stream::Bodies] {
                let emptiest = open.iter().filter(|(.., carried)| *carried == stream).min();
                self.state.table.current[stream.slot()] =
                    emptiest.map_or(NO_EXTENT, |(_, extent, _)| *extent);
            }
        }
        Ok(())
    }

    /// What an extent shows. Of one of the journal what lies behind the kept runs; it is known what these are.
    fn look_into(&mut self, extent: Extent) -> Result<Seen, Error> {
        let geometry = self.state.table.geometry;
        let (start, known) = (geometry.start(extent), self.state.table.uses[extent as usize]);
        let is_journal = self.state.journal.iter().any(|(journal, _)| *journal == extent);
        let mut offset = if is_journal { start + u64::from(known.used_blocks) * BLOCK as u64 } else { start };
        let end = start + u64::from(geometry.extent_bytes);
        let reader = self.reader.clone();
        let (mut headers, mut seen) = (Headers::new(&reader, end), Seen::default());
        while offset < end {
            let block = headers.at(offset)?;
            seen.note(&block, offset == start, self.state.batch);
            let Some(header) = block.run().filter(|header| header.blocks > 0) else {
                offset += BLOCK as u64;
                continue;
            };
            self.take_note(offset, &header, geometry)?;
            offset += (u64::from(header.blocks) * BLOCK as u64).min(end - offset);
            if extent == self.state.table.next_journal && header.stream == Stream::Journal {
                self.ahead_until = offset;
            }
        }
        Ok(seen)
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

    /// By which kept batch it is judged what is in force. One that an earlier attempt has left behind its leap, without an
    /// entry, names what that had chosen, which nobody has signed yet.
    fn judged(&self) -> Option<&Named> {
        let mut judged = self.kept.first()?;
        for (later, before) in self.kept.iter().zip(self.kept.iter().skip(1)) {
            let leaps = later.batch > before.batch + 1;
            if later.entries != before.entries || !leaps && later.verifiers != before.verifiers {
                break;
            }
            if leaps {
                judged = before;
            }
        }
        Some(judged)
    }

    /// The password verifiers: those of the kept state, or the newest that read; with the batch by which they were in force.
    /// `None` when none read.
    fn verifiers(&self) -> (KeptVerifiers, Option<(u64, Verifiers)>) {
        let Some(kept) = self.judged() else { return (KeptVerifiers::Lost, None) };
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
                // Behind a bad sector nobody finds what lies there.
                let header = self.reader.header(offset)?;
                let Some(header) = header.filter(|header| header.stream == Stream::Verifiers) else { break };
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
    /// To this log a sector that fails to read is damage: nobody is served by it before the next start.
    pub fn settle(self, fields: CommitFields, rng: &mut dyn CryptoRng) -> Result<Log, Error> {
        let (batch, verifiers) = self.verifiers().1.unwrap_or_default();
        let newer = self.newer_verifiers(batch)?;
        let Self { reader, mut state, newest, ahead_until, .. } = self;
        let mark = newest + MARK_AHEAD;
        // Where it is free by every account. A crash behind this line: no start takes the store, whatever else is gone,
        // and the same command finds the same batches to keep.
        write_mark(&reader, &state, ahead_until, mark, rng)?;
        reader.device.sync()?;
        let offsets: Vec<u64> = newer.iter().map(|(_, offset)| *offset).collect();
        set_aside(&reader, &state, &offsets)?;
        reader.device.sync()?;
        for (extent, offset) in newer {
            let used_blocks = ((offset - state.table.geometry.start(extent)) / BLOCK as u64) as u32;
            let whole = Use { stream: Some(Stream::Verifiers), used_blocks };
            state.table.uses[extent as usize] = if used_blocks == 0 { Use::default() } else { whole };
        }
        // The table is no kept record's: the next one carries it whole. Its number leaps in any case: so it is known for one
        // that an attempt has left (`judged`).
        (state.batch, state.fields, state.table_unwritten) = (newest + 1, fields, true);
        let mut log = Log::settled(reader, state, verifiers);
        (log.mark, log.over_bad_sectors) = (mark, true);
        Ok(log)
    }
}
