//! Reading: frames by position, and the journal as a stream. Shares the device and the keys with the writer.
//! Never sees what is not durable unless it is told a position of it.

use std::sync::Arc;

use crate::buffer::AlignedBuffer;
use crate::commit::{Commit, Top, digest};
use crate::device::{BLOCK, Device};
use crate::error::Error;
use crate::extents::{Extent, Stream};
use crate::log::{Geometry, State};
use crate::run::{FrameRecord, HEADER_BYTES, Header, Position, frames_of_write, open_table};
use crate::seal::{Piece, Sealer};
use crate::superblock::SUPERBLOCKS_BYTES;

/// A frame longer than this is no frame of ours.
const FRAME_BYTES_MAX: u32 = 1 << 30;
/// Bytes of the journal read at once.
const WINDOW_BYTES: usize = 1 << 20;

/// Reads beside the writer.
#[derive(Clone)]
pub struct Reader {
    pub(crate) device: Arc<dyn Device>,
    pub(crate) sealer: Arc<Sealer>,
    /// Where a run does not read, none begins: see [`Reader::over_bad_sectors`].
    passes_over: bool,
}

impl Reader {
    pub(crate) fn new(device: Arc<dyn Device>, sealer: Arc<Sealer>) -> Self {
        Self { device, sealer, passes_over: false }
    }

    /// The same for whoever looks for what is left: headers and commit records in a bad sector are not there, and a frame in one
    /// is a frame that does not open. A device that is gone as a whole stays an error.
    pub(crate) fn over_bad_sectors(&self) -> Self {
        Self { passes_over: true, ..self.clone() }
    }

    /// Passes over what does not read, if this reader does that and the device is still there.
    pub(crate) fn pass_over(&self, error: Error) -> Result<(), Error> {
        if self.passes_over && self.is_bad_sector(&error) { Ok(()) } else { Err(error) }
    }

    /// Is this a stretch that does not read, on a device that is still there? Asked once more: what failed for a moment is none.
    pub fn is_bad_sector(&self, error: &Error) -> bool {
        let fails = |(offset, bytes)| self.blocks(offset, bytes).is_err();
        error.unread_stretch().is_some_and(fails) && self.is_there()
    }

    /// Does the device read where every store begins? One that is gone is no store of bad sectors.
    pub(crate) fn is_there(&self) -> bool {
        (0..SUPERBLOCKS_BYTES).step_by(BLOCK).any(|at| self.blocks(at, BLOCK).is_ok())
    }

    /// The bytes at a position, read in whole blocks.
    pub(crate) fn raw(&self, position: Position) -> Result<(AlignedBuffer, usize), Error> {
        let damaged = Error::Frame { offset: position.offset };
        raw(&*self.device, position).or_else(|error| self.pass_over(error).and(Err(damaged)))
    }

    /// Whole blocks from an aligned byte on.
    pub(crate) fn blocks(&self, offset: u64, bytes: usize) -> Result<AlignedBuffer, Error> {
        blocks(&*self.device, offset, bytes)
    }

    fn opened(&self, piece: Piece, position: Position) -> Result<Vec<u8>, Error> {
        let (buffer, at) = self.raw(position)?;
        let sealed = &buffer.as_ref()[at..at + position.length as usize];
        self.sealer.open(piece, position.offset, sealed).ok_or(Error::Frame { offset: position.offset })
    }

    /// A journal entry.
    pub fn entry(&self, position: Position) -> Result<Vec<u8>, Error> {
        self.opened(Piece::Frame(Stream::Journal), position)
    }

    /// A frame of the tree stream.
    pub fn tree(&self, position: Position) -> Result<Vec<u8>, Error> {
        self.opened(Piece::Frame(Stream::Tree), position)
    }

    /// A body's sealed bytes. Whether they are whole is for the holder of its key to find.
    pub fn body(&self, position: Position) -> Result<Vec<u8>, Error> {
        let (buffer, at) = self.raw(position)?;
        Ok(buffer.as_ref()[at..at + position.length as usize].to_vec())
    }

    /// A frame of the verifiers: the very one that is meant, not another that once lay there.
    pub(crate) fn verifiers(&self, at: Top) -> Result<Vec<u8>, Error> {
        let damaged = Error::Frame { offset: at.position.offset };
        let (buffer, from) = self.raw(at.position)?;
        let sealed = &buffer.as_ref()[from..from + at.position.length as usize];
        if sealed.last_chunk() != Some(&at.tag) {
            return Err(damaged);
        }
        self.sealer.open(Piece::Frame(Stream::Verifiers), at.position.offset, sealed).ok_or(damaged)
    }

    /// Header of the run at `offset`, if one opens there.
    pub(crate) fn header(&self, offset: u64) -> Result<Option<Header>, Error> {
        if offset + BLOCK as u64 > self.device.length() {
            return Ok(None);
        }
        match self.blocks(offset, BLOCK) {
            Ok(block) => Ok(Header::open(&self.sealer, offset, block.as_ref())),
            Err(error) => self.pass_over(error).map(|()| None),
        }
    }

    /// Commit record that ends the run at `offset`, with its bytes, if there is one and it opens. One that names more
    /// extents than the geometry has is an error: that geometry is older than the record.
    pub(crate) fn commit(
        &self,
        offset: u64,
        header: &Header,
        geometry: Geometry,
    ) -> Result<Option<(Commit, Vec<u8>)>, Error> {
        if header.commit_bytes == 0 {
            return Ok(None);
        }
        let at = offset + u64::from(header.covered_bytes());
        let position = Position { offset: at, length: header.commit_bytes };
        let record = match self.opened(Piece::Commit, position) {
            Ok(record) => record,
            Err(Error::Frame { .. }) => return Ok(None),
            Err(other) => return self.pass_over(other).map(|()| None),
        };
        let Ok(commit) = Commit::decode(&record) else { return Ok(None) };
        if commit.extents > geometry.extents {
            let (extents, named, batch) = (geometry.extents, commit.extents, commit.batch);
            return Err(Error::SuperblockRolledBack { extents, named, batch });
        }
        Ok(Some((commit, record)))
    }

    /// All frames of the runs that fill `used_blocks` from `start` on.
    pub(crate) fn frames(&self, start: u64, used_blocks: u32) -> Result<Vec<FrameRecord>, Error> {
        let bytes = self.blocks(start, used_blocks as usize * BLOCK)?;
        let mut records = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let offset = start + at as u64;
            let damaged = Error::Damaged { offset, what: "a run of a closed extent" };
            let Some(header) = Header::open(&self.sealer, offset, &bytes.as_ref()[at..]) else {
                return Err(damaged);
            };
            let found = frames_of_write(&self.sealer, offset, &bytes.as_ref()[at..]);
            if found.len() != header.frames as usize || header.blocks == 0 {
                return Err(damaged);
            }
            records.extend(found);
            at += header.blocks as usize * BLOCK;
        }
        Ok(records)
    }
}

/// The bytes at a position, read in whole blocks, and where in these they begin.
pub(crate) fn raw(device: &dyn Device, position: Position) -> Result<(AlignedBuffer, usize), Error> {
    let damaged = Error::Frame { offset: position.offset };
    if position.length > FRAME_BYTES_MAX || position.offset > device.length() {
        return Err(damaged);
    }
    let block = BLOCK as u64;
    let from = position.offset / block * block;
    let end = (position.offset + u64::from(position.length)).next_multiple_of(block);
    if end > device.length() {
        return Err(damaged);
    }
    let buffer = blocks(device, from, (end - from) as usize)?;
    Ok((buffer, (position.offset - from) as usize))
}

/// Whole blocks from an aligned byte on; where they do not read, the error says so.
pub(crate) fn blocks(device: &dyn Device, offset: u64, bytes: usize) -> Result<AlignedBuffer, Error> {
    let mut buffer = AlignedBuffer::with_capacity(bytes);
    let read = device.read(offset, buffer.extend_zeroed(bytes));
    read.map_err(|reason| Error::unread(offset, bytes, reason))?;
    Ok(buffer)
}

/// One entry as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// Its index, counted from 0.
    pub index: u64,
    /// Where it lies.
    pub position: Position,
    /// The entry's bytes.
    pub bytes: Vec<u8>,
}

/// Streams the journal extent by extent. Stops at the first damage with an error that names the place.
pub struct JournalEntries {
    reader: Reader,
    geometry: Geometry,
    /// Extent, bytes used; in reverse, so that the next one is popped.
    extents: Vec<(Extent, usize)>,
    from: u64,
    /// The extent being read: where its next run begins, and where its runs end.
    extent: Option<(u64, u64)>,
    /// What was read ahead, and the byte of the device it begins at.
    window: (u64, AlignedBuffer),
    /// Entries of the current run, in reverse.
    ready: Vec<JournalEntry>,
    /// Batch and digest of the last commit record passed, once one was passed.
    last: Option<(u64, [u8; 32])>,
    /// The batch of which a run was passed and not yet its commit record.
    begun: Option<u64>,
    failed: bool,
}

impl JournalEntries {
    pub(crate) fn new(reader: Reader, state: &State, from: u64) -> Self {
        let used = |extent: Extent| state.table.uses[extent as usize].used_blocks as usize * BLOCK;
        let start = state.journal.iter().rposition(|(_, first)| *first <= from).unwrap_or(0);
        let extents =
            state.journal[start..].iter().rev().map(|(extent, _)| (*extent, used(*extent))).collect();
        let geometry = state.table.geometry;
        let last = (start == 0).then_some((0, [0; 32]));
        let window = (0, AlignedBuffer::with_capacity(0));
        Self {
            reader,
            geometry,
            extents,
            from,
            extent: None,
            window,
            ready: Vec::new(),
            last,
            begun: None,
            failed: false,
        }
    }

    /// Reads the next run into `ready`; `false` at the end.
    fn advance(&mut self) -> Result<bool, Error> {
        loop {
            if let Some((offset, end)) = self.extent
                && offset < end
            {
                self.read_ahead(offset, end, BLOCK)?;
                let header = Header::open(&self.reader.sealer, offset, self.ahead(offset));
                let header = header.ok_or(Error::Damaged { offset, what: "header" })?;
                let bytes = header.blocks as usize * BLOCK;
                if bytes == 0 || offset + bytes as u64 > end {
                    return Err(Error::Damaged { offset, what: "length of a run" });
                }
                self.read_ahead(offset, end, bytes)?;
                self.run(offset, &header)?;
                self.extent = Some((offset + bytes as u64, end));
                return Ok(true);
            }
            let Some((extent, used)) = self.extents.pop() else { return Ok(false) };
            let start = self.geometry.start(extent);
            self.extent = Some((start, start + used as u64));
        }
    }

    /// Makes the window hold `bytes` from `offset` on, and some more.
    fn read_ahead(&mut self, offset: u64, end: u64, bytes: usize) -> Result<(), Error> {
        let (from, window) = &self.window;
        if offset < *from || offset + bytes as u64 > from + window.len() as u64 {
            let ahead = (bytes.max(WINDOW_BYTES) as u64).min(end - offset) as usize;
            self.window = (offset, self.reader.blocks(offset, ahead)?);
        }
        Ok(())
    }

    fn ahead(&self, offset: u64) -> &[u8] {
        &self.window.1.as_ref()[(offset - self.window.0) as usize..]
    }

    /// Opens one run, checks that its batch is the next one and that the commit records are chained.
    fn run(&mut self, offset: u64, header: &Header) -> Result<(), Error> {
        let damaged = |what| Error::Damaged { offset, what };
        let (bytes, sealer) =
            (&self.window.1.as_ref()[(offset - self.window.0) as usize..], &self.reader.sealer);
        let rows = open_table(sealer, offset, header, bytes).ok_or(damaged("table"))?;
        if header.stream != Stream::Journal {
            return Err(damaged("not a journal run"));
        }
        // The commit record's digest ties a batch to the one before; numbers leap behind a salvage.
        let follows = match (self.begun, self.last) {
            (Some(begun), _) => header.batch == begun,
            (None, Some((batch, _))) => header.batch > batch,
            (None, None) => true,
        };
        if !follows {
            return Err(damaged("batch out of order"));
        }
        self.begun = (header.commit_bytes == 0).then_some(header.batch);
        let mut position = Position { offset: offset + HEADER_BYTES as u64, length: 0 };
        for (number, row) in rows.iter().enumerate() {
            position.length = row.length;
            let index = header.first + number as u64;
            if index >= self.from {
                let from = (position.offset - offset) as usize;
                let sealed = &bytes[from..from + row.length as usize];
                let opened = sealer.open(Piece::Frame(Stream::Journal), position.offset, sealed);
                let bytes = opened.ok_or(Error::Frame { offset: position.offset })?;
                self.ready.push(JournalEntry { index, position, bytes });
            }
            position.offset += u64::from(row.length);
        }
        self.ready.reverse();
        if header.commit_bytes > 0 {
            let from = header.covered_bytes() as usize;
            let sealed = bytes.get(from..from + header.commit_bytes as usize).ok_or(damaged("commit"))?;
            let record = sealer.open(Piece::Commit, offset + from as u64, sealed).ok_or(damaged("commit"))?;
            let commit = Commit::decode(&record).map_err(|_| damaged("commit"))?;
            if self.last.is_some_and(|(_, previous)| commit.previous != previous) {
                return Err(damaged("commit does not follow the one before"));
            }
            self.last = Some((commit.batch, digest(&record)));
        }
        Ok(())
    }
}

impl Iterator for JournalEntries {
    type Item = Result<JournalEntry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.failed {
            if let Some(entry) = self.ready.pop() {
                return Some(Ok(entry));
            }
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}
