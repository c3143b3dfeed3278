//! Walks over the runs of one closed extent, a stretch at a time: what a compaction looks at, and then moves.
//! Reads headers and tables; frames only when they are asked for. Never decides what is alive.

use std::sync::Arc;

use crate::buffer::AlignedBuffer;
use crate::device::BLOCK;
use crate::error::Error;
use crate::extents::Stream;
use crate::reader::Reader;
use crate::run::{HEADER_BYTES, Header, Owner, Position, Row, rows_of};

/// Bytes read ahead of a run: the whole of a small one.
const WINDOW_BYTES: u64 = 64 * 1024;

/// A frame as its run's table names it.
#[derive(Clone, Copy)]
pub struct FrameName {
    /// Whose it is.
    pub owner: Owner,
    /// Where it lies.
    pub position: Position,
    /// The last bytes on the device, as the table binds them.
    tag: [u8; crate::seal::TAG_BYTES],
}

/// Consecutive frames of one run.
pub struct Stretch {
    /// In the order in which they lie.
    pub frames: Vec<FrameName>,
    reader: Reader,
}

/// The bytes of a stretch, read at once.
pub struct StretchBytes {
    from: u64,
    buffer: AlignedBuffer,
}

impl Stretch {
    /// Reads all its frames.
    pub fn read(&self) -> Result<StretchBytes, Error> {
        let (Some(first), Some(last)) = (self.frames.first(), self.frames.last()) else {
            return Ok(StretchBytes { from: 0, buffer: AlignedBuffer::with_capacity(0) });
        };
        let end = last.position.offset + u64::from(last.position.length);
        let length = u32::try_from(end - first.position.offset);
        let length = length.map_err(|_| damaged(first.position.offset, "length of a run"))?;
        let span = Position { offset: first.position.offset, length };
        let (buffer, at) = self.reader.raw(span)?;
        Ok(StretchBytes { from: span.offset - at as u64, buffer })
    }
}

impl StretchBytes {
    /// A frame of this stretch as it lies on the device, if its end is the one that the table binds.
    pub fn frame(&self, name: &FrameName) -> Result<&[u8], Error> {
        let damaged = Error::Frame { offset: name.position.offset };
        let Some(at) = name.position.offset.checked_sub(self.from) else { return Err(damaged) };
        let bytes = self.buffer.as_ref().get(at as usize..at as usize + name.position.length as usize);
        bytes.filter(|bytes| bytes.last_chunk() == Some(&name.tag)).ok_or(damaged)
    }
}

fn damaged(offset: u64, what: &'static str) -> Error {
    Error::Damaged { offset, what }
}

/// The walk. It stays right while the log goes on: a closed extent takes no more runs.
pub struct ExtentWalk {
    reader: Reader,
    /// Where the next run begins, and where the extent's runs end.
    at: u64,
    end: u64,
    window: (u64, AlignedBuffer),
    /// Rows of the run that is under way, the next one's number, and where its frame lies.
    rows: Vec<Row>,
    next: usize,
    frame_at: u64,
}

impl ExtentWalk {
    pub(crate) fn new(reader: Reader, start: u64, used_blocks: u32) -> Self {
        let end = start + u64::from(used_blocks) * BLOCK as u64;
        let window = (0, AlignedBuffer::with_capacity(0));
        Self { reader, at: start, end, window, rows: Vec::new(), next: 0, frame_at: 0 }
    }

    /// The next stretch: at most so many frames, and of more than one frame at most so many bytes. `None` at the end.
    pub fn next(&mut self, frames_max: usize, bytes_max: u64) -> Result<Option<Stretch>, Error> {
        while self.next == self.rows.len() {
            if self.at >= self.end {
                return Ok(None);
            }
            self.open_run()?;
        }
        let (mut frames, mut bytes) = (Vec::new(), 0);
        while let Some(row) = self.rows.get(self.next).filter(|_| frames.len() < frames_max.max(1)) {
            bytes += u64::from(row.length);
            if bytes > bytes_max && !frames.is_empty() {
                break;
            }
            let position = Position { offset: self.frame_at, length: row.length };
            frames.push(FrameName { owner: row.owner, position, tag: row.tag });
            self.frame_at += u64::from(row.length);
            self.next += 1;
        }
        Ok(Some(Stretch { frames, reader: self.reader.clone() }))
    }

    /// Reads header and table of the run at `at`, and goes on to the one behind it.
    fn open_run(&mut self) -> Result<(), Error> {
        let (offset, sealer) = (self.at, Arc::clone(&self.reader.sealer));
        let header = Header::open(&sealer, offset, self.ahead(offset, BLOCK as u64)?);
        let header = header.ok_or(damaged(offset, "header"))?;
        let bytes = u64::from(header.blocks) * BLOCK as u64;
        if bytes == 0 || offset + bytes > self.end || header.stream == Stream::Journal {
            return Err(damaged(offset, "a run of a closed extent"));
        }
        let (table_at, length) = (u64::from(header.table_at), u64::from(header.table_bytes));
        let from = table_at / BLOCK as u64 * BLOCK as u64;
        let to = (table_at + length).next_multiple_of(BLOCK as u64);
        let blocks = self.ahead(offset + from, to - from)?;
        let sealed = &blocks[(table_at - from) as usize..(table_at - from + length) as usize];
        let rows = rows_of(&sealer, offset, &header, sealed);
        self.rows = rows.ok_or(damaged(offset, "table"))?;
        let frames: u64 = self.rows.iter().map(|row| u64::from(row.length)).sum();
        if HEADER_BYTES as u64 + frames != table_at {
            return Err(damaged(offset, "table"));
        }
        (self.next, self.frame_at, self.at) = (0, offset + HEADER_BYTES as u64, offset + bytes);
        Ok(())
    }

    /// Whole blocks of this extent, from the window where they are in it.
    fn ahead(&mut self, offset: u64, bytes: u64) -> Result<&[u8], Error> {
        let (from, window) = &self.window;
        if offset < *from || offset + bytes > from + window.len() as u64 {
            let ahead = bytes.max(WINDOW_BYTES).min(self.end - offset);
            let read = self.reader.blocks(offset, ahead as usize);
            let unread = damaged(offset, "a run of a closed extent");
            self.window = (offset, read.or_else(|error| self.reader.pass_over(error).and(Err(unread)))?);
        }
        let at = (offset - self.window.0) as usize;
        let found = self.window.1.as_ref().get(at..at + bytes as usize);
        found.ok_or(damaged(offset, "length of a run"))
    }
}
