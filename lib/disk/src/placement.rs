//! Where the frames of a batch go: the runs being filled, and the extents taken for them.
//! Never writes; the log's own table changes only when the batch is durable.

use std::sync::Arc;

use crate::buffer::AlignedBuffer;
use crate::commit::{COMMIT_BYTES_MAX, RUNS_MAX};
use crate::copy::Desk;
use crate::device::BLOCK;
use crate::error::Error;
use crate::extents::{Claim, Extent, ExtentTable, Stream};
use crate::run::{HEADER_BYTES, RunBuilder, row_bytes};
use crate::seal::SEAL_BYTES;

/// Bytes a run's buffer starts with.
const BUFFER_BYTES: usize = 64 * 1024;

/// The batch's tentative state of the device.
pub(crate) struct Placement {
    pub(crate) table: ExtentTable,
    pub(crate) open: [Option<RunBuilder>; 4],
    /// Tree frames in extents of this batch's own: nothing else will ever lie there.
    pub(crate) apart: Option<RunBuilder>,
    /// Tree frames in extents that hold only what is never moved.
    pub(crate) lasting: Option<RunBuilder>,
    pub(crate) closed: Vec<RunBuilder>,
    pub(crate) taken: Vec<(Extent, Stream)>,
    pub(crate) pool: Vec<AlignedBuffer>,
    claim: Claim,
    desk: Arc<Desk>,
}

impl Placement {
    pub(crate) fn new(table: ExtentTable, pool: Vec<AlignedBuffer>, claim: Claim, desk: Arc<Desk>) -> Self {
        let (open, taken) = ([const { None }; 4], Vec::new());
        Self { table, open, apart: None, lasting: None, closed: Vec::new(), taken, pool, claim, desk }
    }

    /// What a journal run must leave free behind itself for its commit record.
    fn commit_room(&self, stream: Stream) -> usize {
        match stream {
            Stream::Journal => COMMIT_BYTES_MAX + 5 * self.table.geometry.extents as usize,
            Stream::Bodies | Stream::Tree | Stream::Verifiers => 0,
        }
    }

    /// Largest frame the stream can take.
    pub(crate) fn frame_bytes_max(&self, stream: Stream) -> usize {
        let around = HEADER_BYTES + row_bytes(stream) + SEAL_BYTES + self.commit_room(stream);
        self.table.geometry.extent_bytes as usize - around
    }

    fn fits(&self, run: &RunBuilder, more: usize) -> bool {
        let before = (run.offset - self.table.geometry.start(run.extent)) as usize;
        let bytes = run.bytes_with(more) + self.commit_room(run.stream);
        before + bytes.next_multiple_of(BLOCK) <= self.table.geometry.extent_bytes as usize
    }

    /// The stream's open run, with room for one more frame of `length` bytes. `first` is the next entry's index.
    pub(crate) fn room(
        &mut self,
        stream: Stream,
        length: usize,
        first: u64,
    ) -> Result<&mut RunBuilder, Error> {
        self.check_frame(stream, length)?;
        let slot = stream.slot();
        let usable = match self.open[slot].take() {
            Some(run) if self.fits(&run, length) => Some(run),
            Some(run) => {
                self.closed.push(run);
                None
            }
            None => self.at_tail(stream, length, first),
        };
        let run = match usable {
            Some(run) => run,
            None => self.in_new_extent(stream, first)?,
        };
        Ok(self.open[slot].insert(run))
    }

    /// A run behind the stream's last one, if the frame fits there.
    fn at_tail(&mut self, stream: Stream, length: usize, first: u64) -> Option<RunBuilder> {
        let (extent, offset) = self.table.tail(stream)?;
        let buffer = self.buffer();
        let run = RunBuilder::new(stream, extent, offset, first, buffer);
        if self.fits(&run, length) {
            Some(run)
        } else {
            self.pool.push(run.buffer);
            None
        }
    }

    /// The run apart, with room for one more frame of `length` bytes. The stream itself goes on where it was.
    pub(crate) fn room_apart(&mut self, length: usize, first: u64) -> Result<&mut RunBuilder, Error> {
        self.check_frame(Stream::Tree, length)?;
        let run = match self.usable(|placement| &mut placement.apart, length) {
            Some(run) => run,
            None => self.in_own_extent(first)?,
        };
        Ok(self.apart.insert(run))
    }

    /// The run of what is never moved, with room for one more frame. It begins behind what `after`, an extent of the
    /// tree that holds nothing else, holds already.
    pub(crate) fn room_lasting(
        &mut self,
        after: Option<Extent>,
        length: usize,
        first: u64,
    ) -> Result<&mut RunBuilder, Error> {
        self.check_frame(Stream::Tree, length)?;
        let fresh = self.lasting.is_none();
        let run = match self.usable(|placement| &mut placement.lasting, length) {
            Some(run) => Some(run),
            None if fresh => after.and_then(|extent| self.behind(extent, length, first)),
            None => None,
        };
        let run = match run {
            Some(run) => run,
            None => self.in_own_extent(first)?,
        };
        Ok(self.lasting.insert(run))
    }

    fn check_frame(&self, stream: Stream, length: usize) -> Result<(), Error> {
        let limit = self.frame_bytes_max(stream);
        if length > limit { Err(Error::FrameTooLarge { bytes: length, limit }) } else { Ok(()) }
    }

    /// The run of a slot, if it takes the frame; a full one is closed.
    fn usable(
        &mut self,
        slot: impl Fn(&mut Self) -> &mut Option<RunBuilder>,
        length: usize,
    ) -> Option<RunBuilder> {
        let run = slot(self).take()?;
        if self.fits(&run, length) {
            return Some(run);
        }
        self.closed.push(run);
        None
    }

    /// A run behind what an extent of the tree holds, if the stream itself does not go on there.
    fn behind(&mut self, extent: Extent, length: usize, first: u64) -> Option<RunBuilder> {
        let carried = self.table.uses.get(extent as usize)?;
        if carried.stream != Some(Stream::Tree) || self.table.current.contains(&extent) {
            return None;
        }
        let offset = self.table.geometry.start(extent) + u64::from(carried.used_blocks) * BLOCK as u64;
        let run = RunBuilder::new(Stream::Tree, extent, offset, first, self.buffer());
        if self.fits(&run, length) {
            return Some(run);
        }
        self.pool.push(run.buffer);
        None
    }

    fn in_own_extent(&mut self, first: u64) -> Result<RunBuilder, Error> {
        self.check_runs()?;
        let extent = self.table.take(Stream::Tree, self.claim, &self.desk)?;
        self.taken.push((extent, Stream::Tree));
        let (start, buffer) = (self.table.geometry.start(extent), self.buffer());
        Ok(RunBuilder::new(Stream::Tree, extent, start, first, buffer))
    }

    /// One more run must leave room for those that are open.
    fn check_runs(&self) -> Result<(), Error> {
        if self.closed.len() + 6 >= RUNS_MAX { Err(Error::BatchTooLarge("runs")) } else { Ok(()) }
    }

    fn in_new_extent(&mut self, stream: Stream, first: u64) -> Result<RunBuilder, Error> {
        self.check_runs()?;
        let extent = match stream {
            Stream::Journal => {
                if self.taken.iter().any(|(_, stream)| *stream == Stream::Journal) {
                    return Err(Error::BatchTooLarge("journal bytes"));
                }
                let following = self.table.take(stream, self.claim, &self.desk)?;
                self.taken.push((following, stream));
                std::mem::replace(&mut self.table.next_journal, following)
            }
            Stream::Bodies | Stream::Tree | Stream::Verifiers => {
                let extent = self.table.take(stream, self.claim, &self.desk)?;
                self.taken.push((extent, stream));
                extent
            }
        };
        self.table.current[stream.slot()] = extent;
        let buffer = self.buffer();
        Ok(RunBuilder::new(stream, extent, self.table.geometry.start(extent), first, buffer))
    }

    fn buffer(&mut self) -> AlignedBuffer {
        self.pool.pop().unwrap_or_else(|| AlignedBuffer::with_capacity(BUFFER_BYTES))
    }
}
