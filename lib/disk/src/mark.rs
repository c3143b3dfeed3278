//! The mark of a salvage: a run without a frame, of a batch that never was. For every start it is proof that the log is not to
//! be gone on with; the batch that goes on has a number behind it.
//! Never stands where anything is that is still wanted.

use rand_core::CryptoRng;

use crate::buffer::AlignedBuffer;
use crate::device::BLOCK;
use crate::error::Error;
use crate::extents::{Extent, Stream};
use crate::log::{Log, State};
use crate::reader::Reader;
use crate::run::RunBuilder;

impl Log {
    /// The next batch goes on behind the mark of a salvage: no start refuses it any more.
    pub fn leave_mark(&mut self) {
        self.state.batch = self.state.batch.max(std::mem::take(&mut self.mark));
    }
}

/// Writes the mark. `ahead_until`: how far lost batches have filled the extent that is taken ahead for the journal.
pub(crate) fn write_mark(
    reader: &Reader,
    state: &State,
    ahead_until: u64,
    batch: u64,
    rng: &mut dyn CryptoRng,
) -> Result<(), Error> {
    let (extent, offset) = place(state, ahead_until)?;
    let mut run = RunBuilder::new(Stream::Tree, extent, offset, 0, AlignedBuffer::with_capacity(BLOCK));
    run.close(&reader.sealer, batch, 0, rng);
    Ok(reader.device.write(offset, run.buffer.as_ref())?)
}

/// Where a start looks, and nobody writes until the log goes on: the beginning of a free extent, the last one, since the next
/// batches take the lowest. In a store that is full, the end of the extent taken ahead for the journal.
fn place(state: &State, ahead_until: u64) -> Result<(Extent, u64), Error> {
    let (geometry, ahead) = (state.table.geometry, state.table.next_journal);
    let free = state.table.uses.iter().rposition(|extent| extent.stream.is_none());
    if let Some(free) = free {
        return Ok((free as Extent, geometry.start(free as Extent)));
    }
    let last = geometry.start(ahead) + u64::from(geometry.extent_bytes) - BLOCK as u64;
    if last < ahead_until {
        let space = state.table.space();
        return Err(Error::Full { stream: Stream::Tree, free: space.free, reserve: space.reserve });
    }
    Ok((ahead, last))
}
