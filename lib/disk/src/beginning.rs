//! The longest beginning of the journal that is whole: what a salvage keeps.
//! Never writes, and never takes a batch whose entries do not all read as they were written.

use crate::error::Error;
use crate::extents::{Extent, Stream};
use crate::log::{Geometry, State};
use crate::reader::Reader;
use crate::recovery::{Found, are_whole, batches_in, is_whole, journal_extents};

/// The longest beginning of the journal in which every batch follows the one before and every entry opens.
pub(crate) struct Beginning {
    /// Its extents, with the index of the first entry in each.
    journal: Vec<(Extent, u64)>,
    /// The batches of the last extent, and of the one before where that is all there is.
    pub(crate) batches: Vec<Found>,
}

impl Beginning {
    /// Reads it, over bad sectors if the reader does.
    pub(crate) fn read(reader: &Reader, geometry: Geometry) -> Result<Self, Error> {
        let mut beginning = Self { journal: Vec::new(), batches: Vec::new() };
        for (extent, first) in journal_extents(reader, geometry)? {
            let mut batches = batches_in(reader, geometry, extent)?;
            let before = beginning.batches.last().map_or([0; 32], |last| last.digest);
            if batches.first().is_none_or(|found| found.commit.previous != before) {
                break;
            }
            let mut whole = 0;
            while whole < batches.len() && has_its_entries(reader, &batches[whole])? {
                whole += 1;
            }
            let cut = whole < batches.len();
            batches.truncate(whole);
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
    pub(crate) fn drop_unfinished(&mut self, reader: &Reader) -> Result<bool, Error> {
        let [.., before, last] = &self.batches[..] else { return Ok(false) };
        let unfinished = !is_whole(reader, last)? && is_whole(reader, before)?;
        if unfinished {
            self.batches.pop();
        }
        Ok(unfinished)
    }

    /// The state that it leads to.
    pub(crate) fn state(&self, geometry: Geometry) -> Result<State, Error> {
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

/// Are all runs of the batch in the journal as its commit record names them?
fn has_its_entries(reader: &Reader, found: &Found) -> Result<bool, Error> {
    are_whole(reader, found.commit.runs.iter().filter(|run| run.stream == Stream::Journal))
}
