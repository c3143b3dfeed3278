//! A start: finds the last batch that counts; then, told to go on, sets an unfinished one aside and makes the last one
//! durable again. Never writes before it is told, and never starts over damage that a later batch proves.

use crate::commit::{Commit, RunRef, digest};
use crate::device::BLOCK;
use crate::error::Error;
use crate::extents::Stream;
use crate::later::{refuse_later_batches, tails};
use crate::log::{Geometry, Log, Recovered, State};
use crate::reader::Reader;
use crate::run::Header;
use crate::seal::StoreId;
use crate::verifiers::{Verifiers, walk_back};

/// A batch as its journal run tells it.
pub(crate) struct Found {
    pub(crate) offset: u64,
    pub(crate) header: Header,
    pub(crate) commit: Commit,
    pub(crate) digest: [u8; 32],
}

/// A store as a start found it; nothing was written yet. Whoever else knows what came last is asked first, the cell
/// above all: what one wrong read has hidden may be there at a second look, but not once it was set aside.
pub struct FoundLog {
    reader: Reader,
    state: State,
    last: Option<Found>,
    verifiers: Verifiers,
    /// Where runs of verifiers begin whose batch does not count.
    unfinished_verifiers: Vec<u64>,
    recovered: Recovered,
}

impl FoundLog {
    /// Looks, and writes nothing.
    pub(crate) fn find(reader: Reader, geometry: Geometry) -> Result<Self, Error> {
        let journal = journal_extents(&reader, geometry)?;
        let (state, last) = last_valid(&reader, geometry, journal)?;
        let unfinished_verifiers = refuse_later_batches(&reader, &state)?;
        let newest = last.as_ref().and_then(|found| found.commit.verifiers);
        let verifiers = walk_back(newest, |at| reader.verifiers(at))?;
        let recovered = Recovered {
            batch: state.batch,
            entries: state.entries,
            fields: state.fields.clone(),
            set_aside_bytes: unfinished_bytes(&reader, &state)?,
        };
        Ok(Self { reader, state, last, verifiers, unfinished_verifiers, recovered })
    }

    /// What was found.
    pub fn recovered(&self) -> &Recovered {
        &self.recovered
    }

    /// The store's random name.
    pub fn store(&self) -> StoreId {
        self.reader.sealer.store()
    }

    /// Reads what was found.
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// Sets an unfinished batch aside for good, and makes the last one that counts durable.
    pub fn settle(self) -> Result<(Log, Recovered), Error> {
        let Self { reader, state, last, verifiers, unfinished_verifiers, recovered } = self;
        set_aside(&reader, &state, &unfinished_verifiers)?;
        if let Some(found) = &last {
            rewrite(&reader, found)?;
        }
        // A crash before this sync: the same start happens again, nobody was answered.
        reader.device.sync()?;
        Ok((Log::settled(reader, state, verifiers), recovered))
    }
}

fn damaged(offset: u64, what: &'static str) -> Error {
    Error::Damaged { offset, what }
}

/// The batch whose commit record ends the run at `offset`; also the header of a run without one.
pub(crate) fn found_at(
    reader: &Reader,
    geometry: Geometry,
    offset: u64,
) -> Result<(Option<Header>, Option<Found>), Error> {
    let Some(header) = reader.header(offset)?.filter(|header| header.stream == Stream::Journal) else {
        return Ok((None, None));
    };
    let found = reader.commit(offset, &header, geometry)?.and_then(|(commit, record)| {
        let digest = digest(&record);
        (commit.batch == header.batch).then_some(Found { offset, header, commit, digest })
    });
    Ok((Some(header), found))
}

/// The journal's extents in order: each one's first commit record names the next.
pub(crate) fn journal_extents(reader: &Reader, geometry: Geometry) -> Result<Vec<(u32, u64)>, Error> {
    let mut journal = vec![(0, 0)];
    let mut next = 1;
    let mut batch = 0;
    while journal.len() < geometry.extents as usize && next < geometry.extents {
        let (_, found) = found_at(reader, geometry, geometry.start(next))?;
        let Some(found) = found.filter(|found| found.commit.batch > batch && found.commit.table.is_some())
        else {
            break;
        };
        batch = found.commit.batch;
        journal.push((next, found.header.first));
        next = found.commit.next_journal;
    }
    Ok(journal)
}

/// All batches whose commit record lies in this extent, in order, up to the first gap.
pub(crate) fn batches_in(reader: &Reader, geometry: Geometry, extent: u32) -> Result<Vec<Found>, Error> {
    let start = geometry.start(extent);
    let end = start + u64::from(geometry.extent_bytes);
    let mut batches: Vec<Found> = Vec::new();
    let mut offset = start;
    while offset < end {
        let (_, Some(found)) = found_at(reader, geometry, offset)? else { break };
        let follows = match batches.last() {
            // The digest ties them. Numbers leap where a salvage has given up what was between (`salvage.rs`).
            Some(last) => found.commit.batch > last.commit.batch && found.commit.previous == last.digest,
            None => true,
        };
        if !follows || found.header.blocks == 0 {
            break;
        }
        offset += u64::from(found.header.blocks) * BLOCK as u64;
        batches.push(found);
    }
    Ok(batches)
}

/// The state at the last batch all of whose runs are there. At most one batch may be unfinished: its successor was
/// not begun before its sync had returned.
fn last_valid(
    reader: &Reader,
    geometry: Geometry,
    mut journal: Vec<(u32, u64)>,
) -> Result<(State, Option<Found>), Error> {
    let mut torn = false;
    loop {
        let (extent, _) = *journal.last().expect("extent 0 is always there");
        let mut batches = batches_in(reader, geometry, extent)?;
        if let Some(last) = batches.last()
            && !is_whole(reader, last)?
        {
            if torn {
                return Err(damaged(last.offset, "a run of a batch that was durable"));
            }
            torn = true;
            batches.pop();
            if let Some(last) = batches.last()
                && !is_whole(reader, last)?
            {
                return Err(damaged(last.offset, "a run of a batch that was durable"));
            }
        }
        if batches.is_empty() && journal.len() > 1 {
            journal.pop();
            continue;
        }
        let mut state = State { journal, ..State::fresh(geometry) };
        for found in &batches {
            let applied = found.commit.apply(&mut state.table);
            applied.map_err(|_| damaged(found.offset, "commit record"))?;
        }
        let last = batches.pop();
        if let Some(found) = &last {
            state.batch = found.commit.batch;
            state.entries = found.commit.entries;
            state.digest = found.digest;
            state.commit_at = found.offset;
            state.fields = found.commit.fields.clone();
        }
        return Ok((state, last));
    }
}

/// Are all runs of the batch on the device as its commit record names them?
pub(crate) fn is_whole(reader: &Reader, found: &Found) -> Result<bool, Error> {
    are_whole(reader, found.commit.runs.iter())
}

/// Are these runs on the device as they are named?
pub(crate) fn are_whole<'a>(
    reader: &Reader,
    runs: impl IntoIterator<Item = &'a RunRef>,
) -> Result<bool, Error> {
    for run in runs {
        let bytes = (run.covered as usize).next_multiple_of(BLOCK);
        if run.offset + bytes as u64 > reader.device.length() {
            return Ok(false);
        }
        let is_whole = match reader.blocks(run.offset, bytes) {
            Ok(buffer) => is_as_named(run, buffer.as_ref()),
            Err(error) => reader.pass_over(error).map(|()| false)?,
        };
        if !is_whole {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Do these bytes have the digest that the commit record names?
fn is_as_named(run: &RunRef, bytes: &[u8]) -> bool {
    let covered = bytes.get(..run.covered as usize);
    covered.is_some_and(|covered| digest(covered) == run.digest)
}

/// Bytes of an unfinished batch's run in the journal. A run of which not even the header came is not seen, and nothing of
/// it can be said.
fn unfinished_bytes(reader: &Reader, state: &State) -> Result<u64, Error> {
    let mut bytes = 0;
    for (offset, end) in tails(state) {
        let Some(header) = reader.header(offset)?.filter(|_| offset < end) else { continue };
        if header.stream == Stream::Journal && header.batch == state.batch + 1 {
            bytes += (u64::from(header.blocks) * BLOCK as u64).clamp(BLOCK as u64, end - offset);
        }
    }
    Ok(bytes)
}

/// Makes an unfinished batch unreadable for ever: it must not be taken for the log's own once other runs have been
/// written before it. Always, also where nothing is seen: behind a sync that failed a cache may show what the medium has
/// not. Its verifiers too: before unlock nobody could tell them from acknowledged ones.
pub(crate) fn set_aside(reader: &Reader, state: &State, verifiers: &[u64]) -> Result<(), Error> {
    let of_verifiers = verifiers.iter().map(|offset| (*offset, u64::MAX));
    for (offset, end) in tails(state).into_iter().chain(of_verifiers) {
        if offset < end {
            let mut block = crate::buffer::AlignedBuffer::with_capacity(BLOCK);
            block.extend_zeroed(BLOCK);
            reader.device.write(offset, block.as_ref())?;
        }
    }
    Ok(())
}

/// Writes the last batch once more: it may have been readable from a cache without ever having been synced. What reads
/// otherwise than a moment ago is not written over what is there.
fn rewrite(reader: &Reader, found: &Found) -> Result<(), Error> {
    for run in &found.commit.runs {
        let buffer = reader.blocks(run.offset, run.blocks as usize * BLOCK)?;
        if !is_as_named(run, buffer.as_ref()) {
            return Err(damaged(run.offset, "a run that was whole when it was read before"));
        }
        reader.device.write(run.offset, buffer.as_ref())?;
    }
    Ok(())
}
