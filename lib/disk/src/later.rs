//! What proves that more was durable than the journal tells: runs of later batches, wherever one would have been written.
//! Never writes, and never decides what becomes of them: a start refuses, two people may give them up (`salvage.rs`).
//!
//! At most one batch may be unfinished, the very next one. A run of a batch behind it was not begun before the sync of
//! that one had returned: where the journal does not have it, the journal has lost it.

use crate::device::BLOCK;
use crate::error::Error;
use crate::extents::{STREAMS, Stream};
use crate::headers::Headers;
use crate::log::State;
use crate::reader::Reader;
use crate::run::Header;

/// Places where the journal may go on: behind its last run, and in the extent taken ahead.
pub(crate) fn tails(state: &State) -> [(u64, u64); 2] {
    let geometry = state.table.geometry;
    let (extent, tail) = state.table.tail(Stream::Journal).expect("the journal always has an extent");
    let ahead = geometry.start(state.table.next_journal);
    let end = |start: u64| start + u64::from(geometry.extent_bytes);
    [(tail, end(geometry.start(extent))), (ahead, end(ahead))]
}

/// Looks wherever the journal may go on, behind the last run of every stream that is open, and at the beginning of every
/// extent: one of them is what the next batch takes, and where an extent of the journal is gone, nothing else tells of those
/// after it. Gives where runs of verifiers begin that are one batch ahead.
///
/// A bad sector proves nothing, and keeps no store from starting: where the next batch itself would stand, in the journal,
/// the start has read before.
pub(crate) fn refuse_later_batches(reader: &Reader, state: &State) -> Result<Vec<u64>, Error> {
    let reader = reader.over_bad_sectors();
    for (from, end) in tails(state) {
        let mut headers = Headers::new(&reader, end);
        for offset in (from..end).step_by(BLOCK) {
            refuse_if_later(offset, headers.at(offset)?.run(), state)?;
        }
    }
    let table = &state.table;
    let firsts = (0..table.geometry.extents).map(|extent| table.geometry.start(extent));
    let open = STREAMS.into_iter().filter_map(|stream| Some(table.tail(stream)?.1));
    let mut unfinished = Vec::new();
    for offset in firsts.chain(open) {
        let header = reader.header(offset)?;
        refuse_if_later(offset, header, state)?;
        let Some(next) = header.filter(|header| header.batch == state.batch + 1) else { continue };
        if next.stream == Stream::Verifiers {
            unfinished.push(offset);
        }
        // The very next batch may be unfinished; what stands right behind its run was written after its sync.
        let behind = offset + u64::from(next.blocks) * BLOCK as u64;
        refuse_if_later(behind, reader.header(behind)?, state)?;
    }
    Ok(unfinished)
}

fn refuse_if_later(offset: u64, header: Option<Header>, state: &State) -> Result<(), Error> {
    match header.filter(|header| header.batch > state.batch + 1) {
        Some(Header { stream: Stream::Journal, batch: later, .. }) => {
            let [(offset, _), _] = tails(state);
            Err(Error::DamagedBeforeValid { damaged: state.batch + 1, offset, later })
        }
        Some(Header { batch: later, .. }) => {
            Err(Error::NewerThanJournal { last: state.batch, offset, later })
        }
        None => Ok(()),
    }
}
