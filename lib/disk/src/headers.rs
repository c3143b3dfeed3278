//! The headers of one stretch of the device, block by block: what whoever looks for lost runs goes by.
//! Reads large pieces, since most of a large device is free, and asks a bad sector no more than three times.

use crate::buffer::AlignedBuffer;
use crate::device::BLOCK;
use crate::error::Error;
use crate::reader::Reader;
use crate::run::Header;

/// Bytes that are read at once.
const PIECE: u64 = 1 << 20;

/// What a block holds, for whoever looks for the beginning of a run.
pub(crate) enum Block {
    /// It does not read.
    Unread,
    /// Nothing: it was never written, or discarded.
    Zero,
    /// Bytes that begin no run.
    Other,
    /// The beginning of a run.
    Run(Header),
}

impl Block {
    /// The run, where one begins.
    pub(crate) fn run(self) -> Option<Header> {
        match self {
            Self::Run(header) => Some(header),
            Self::Unread | Self::Zero | Self::Other => None,
        }
    }
}

/// From one end of a stretch to the other.
pub(crate) struct Headers<'a> {
    reader: &'a Reader,
    end: u64,
    piece: Option<(u64, AlignedBuffer)>,
    /// Up to here a piece did not read: somewhere in it is a bad sector.
    singly_until: u64,
}

impl<'a> Headers<'a> {
    /// Of the blocks up to `end`.
    pub(crate) fn new(reader: &'a Reader, end: u64) -> Self {
        let end = end.min(reader.device.length());
        Self { reader, end, piece: None, singly_until: 0 }
    }

    /// The block at `offset`. An error is one that the reader does not pass over.
    pub(crate) fn at(&mut self, offset: u64) -> Result<Block, Error> {
        if offset + BLOCK as u64 > self.end {
            return Ok(Block::Zero);
        }
        let holds = |(from, buffer): &(u64, AlignedBuffer)| {
            (*from..from + buffer.as_ref().len() as u64).contains(&offset)
        };
        if !self.piece.as_ref().is_some_and(holds) {
            let piece = if offset < self.singly_until { BLOCK as u64 } else { PIECE.min(self.end - offset) };
            let bytes = piece as usize / BLOCK * BLOCK;
            match self.reader.blocks(offset, bytes) {
                Ok(buffer) => self.piece = Some((offset, buffer)),
                Err(error) if bytes == BLOCK => return self.reader.pass_over(error).map(|()| Block::Unread),
                Err(_) => {
                    self.singly_until = offset + piece;
                    return self.at(offset);
                }
            }
        }
        let Some((from, buffer)) = &self.piece else { return Ok(Block::Unread) };
        let at = (offset - from) as usize;
        let block = &buffer.as_ref()[at..at + BLOCK];
        if block.iter().all(|byte| *byte == 0) {
            return Ok(Block::Zero);
        }
        Ok(Header::open(&self.reader.sealer, offset, block).map_or(Block::Other, Block::Run))
    }
}
