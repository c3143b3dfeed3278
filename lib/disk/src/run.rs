//! One run: consecutive frames of one stream that one batch wrote, with its header and table.
//! Never decides where a run goes.

use rand_core::CryptoRng;

use crate::buffer::AlignedBuffer;
use crate::codec::{Fields, Malformed, Put};
use crate::device::BLOCK;
use crate::extents::{Extent, Stream};
use crate::seal::{NONCE_BYTES, Opener, Piece, SEAL_BYTES, Sealer, TAG_BYTES};
use crate::superblock::FORMAT_VERSION;

/// Whose a frame is: opaque to the disk, told to whoever asks what an extent still carries.
pub type Owner = [u8; 32];

/// Where a frame lies: byte of the device and length there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Byte of the device.
    pub offset: u64,
    /// Bytes on the device, sealing included.
    pub length: u32,
}

impl Position {
    /// Bytes of an encoded position.
    pub const BYTES: usize = 12;

    /// Appends the twelve bytes.
    pub fn encode(self, bytes: &mut Vec<u8>) {
        bytes.put_u64(self.offset);
        bytes.put_u32(self.length);
    }

    /// Reads them back.
    pub fn decode(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        Ok(Self { offset: fields.u64()?, length: fields.u32()? })
    }
}

/// Sealed header's bytes on the device.
pub(crate) const HEADER_BYTES: usize = 40 + SEAL_BYTES;

/// What the header says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) stream: Stream,
    pub(crate) batch: u64,
    /// Journal: index of the first entry of this run.
    pub(crate) first: u64,
    pub(crate) frames: u32,
    pub(crate) blocks: u32,
    pub(crate) table_at: u32,
    pub(crate) table_bytes: u32,
    /// Sealed bytes of the commit record behind the table; 0 when the batch's commit record is elsewhere.
    pub(crate) commit_bytes: u32,
}

impl Header {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(40);
        bytes.put(&[FORMAT_VERSION, self.stream.number(), 0, 0]);
        bytes.put_u64(self.batch);
        bytes.put_u64(self.first);
        for field in [self.frames, self.blocks, self.table_at, self.table_bytes, self.commit_bytes] {
            bytes.put_u32(field);
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields(bytes);
        if fields.u8()? != FORMAT_VERSION {
            return Err(Malformed);
        }
        let stream = Stream::from_number(fields.u8()?)?;
        if fields.array::<2>()? != [0, 0] {
            return Err(Malformed);
        }
        let header = Self {
            stream,
            batch: fields.u64()?,
            first: fields.u64()?,
            frames: fields.u32()?,
            blocks: fields.u32()?,
            table_at: fields.u32()?,
            table_bytes: fields.u32()?,
            commit_bytes: fields.u32()?,
        };
        fields.end()?;
        let whole = u64::from(header.blocks) * BLOCK as u64;
        let parts =
            u64::from(header.table_at) + u64::from(header.table_bytes) + u64::from(header.commit_bytes);
        if (header.table_at as usize) < HEADER_BYTES || parts > whole || header.frames > header.table_bytes {
            return Err(Malformed);
        }
        Ok(header)
    }

    /// Opens the header at the start of `bytes`, which lie at `offset` of the device.
    pub(crate) fn open(sealer: &Sealer, offset: u64, bytes: &[u8]) -> Option<Self> {
        let Some(plain) = sealer.open(Piece::Header, offset, bytes.get(..HEADER_BYTES)?) else {
            return Self::of_verifiers(sealer.verifiers_key().opener(sealer.store()), offset, bytes);
        };
        Self::decode(&plain).ok().filter(|header| header.stream != Stream::Verifiers)
    }

    /// Opens the header of a run of verifiers, which is under their own key.
    pub(crate) fn of_verifiers(opener: Opener<'_>, offset: u64, bytes: &[u8]) -> Option<Self> {
        let plain = opener.open(Piece::VerifiersHeader, offset, bytes.get(..HEADER_BYTES)?)?;
        Self::decode(&plain).ok().filter(|header| header.stream == Stream::Verifiers)
    }

    /// Bytes the digest of the batch's commit record covers: everything before the commit record itself.
    pub(crate) fn covered_bytes(&self) -> u32 {
        self.table_at + self.table_bytes
    }
}

/// One row of the table.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) length: u32,
    pub(crate) tag: [u8; TAG_BYTES],
    pub(crate) owner: Owner,
}

/// Bytes of a row: the journal's frames need no owner.
pub(crate) fn row_bytes(stream: Stream) -> usize {
    match stream {
        Stream::Journal => 4 + TAG_BYTES,
        Stream::Bodies | Stream::Tree | Stream::Verifiers => 4 + TAG_BYTES + 32,
    }
}

/// The rows of a run that lies whole in `bytes`, each with its frame before it.
pub(crate) fn open_table(sealer: &Sealer, offset: u64, header: &Header, bytes: &[u8]) -> Option<Vec<Row>> {
    let at = header.table_at as usize;
    let rows = rows_of(sealer, offset, header, bytes.get(at..at + header.table_bytes as usize)?)?;
    let mut end = HEADER_BYTES;
    for row in &rows {
        end = end.checked_add(row.length as usize)?;
        if end > at || bytes[..end].last_chunk() != Some(&row.tag) {
            return None;
        }
    }
    Some(rows)
}

/// The rows of a sealed table.
pub(crate) fn rows_of(sealer: &Sealer, offset: u64, header: &Header, sealed: &[u8]) -> Option<Vec<Row>> {
    let plain = sealer.open(Piece::Table, offset, sealed)?;
    if plain.len() != header.frames as usize * row_bytes(header.stream) {
        return None;
    }
    let mut fields = Fields(&plain);
    let mut rows = Vec::with_capacity(header.frames as usize);
    for _ in 0..header.frames {
        let (length, tag) = (fields.u32().ok()?, fields.array().ok()?);
        let owner = if header.stream == Stream::Journal { [0; 32] } else { fields.array().ok()? };
        rows.push(Row { length, tag, owner });
    }
    Some(rows)
}

/// A run being filled, in the one buffer that is later submitted.
pub(crate) struct RunBuilder {
    pub(crate) stream: Stream,
    pub(crate) extent: Extent,
    pub(crate) offset: u64,
    pub(crate) first: u64,
    pub(crate) frames: u32,
    pub(crate) buffer: AlignedBuffer,
    table: Vec<u8>,
}

impl RunBuilder {
    pub(crate) fn new(
        stream: Stream,
        extent: Extent,
        offset: u64,
        first: u64,
        mut buffer: AlignedBuffer,
    ) -> Self {
        buffer.clear();
        buffer.extend_zeroed(HEADER_BYTES);
        Self { stream, extent, offset, first, frames: 0, buffer, table: Vec::new() }
    }

    /// Bytes this run takes once closed, before padding and commit record, with one more frame of `more` bytes.
    pub(crate) fn bytes_with(&self, more: usize) -> usize {
        self.buffer.len() + more + self.table.len() + row_bytes(self.stream) + SEAL_BYTES
    }

    /// Adds a frame of `length` bytes on the device; `fill` writes it there and must leave its tag at the end.
    pub(crate) fn add<F: FnOnce(u64, &mut [u8])>(
        &mut self,
        owner: &Owner,
        length: usize,
        fill: F,
    ) -> Position {
        let offset = self.offset + self.buffer.len() as u64;
        let slot = self.buffer.extend_zeroed(length);
        fill(offset, slot);
        let length = u32::try_from(length).expect("the batch checked the frame against the extent");
        self.table.put_u32(length);
        self.table.put(slot.last_chunk::<TAG_BYTES>().expect("the batch checked that a frame holds a tag"));
        if self.stream != Stream::Journal {
            self.table.put(owner);
        }
        self.frames += 1;
        Position { offset, length }
    }

    /// Writes table and header; `commit_bytes` stay free behind the table. Gives the header.
    pub(crate) fn close(
        &mut self,
        sealer: &Sealer,
        batch: u64,
        commit_bytes: usize,
        rng: &mut dyn CryptoRng,
    ) -> Header {
        let table_at = self.buffer.len();
        let table_bytes = self.table.len() + SEAL_BYTES;
        let slot = self.buffer.extend_zeroed(table_bytes);
        slot[NONCE_BYTES..NONCE_BYTES + self.table.len()].copy_from_slice(&self.table);
        sealer.seal(Piece::Table, self.offset, slot, rng);
        self.buffer.extend_zeroed(commit_bytes);
        self.buffer.pad();
        let small = |bytes: usize| u32::try_from(bytes).expect("a run fits its extent, which is below 4 GiB");
        let header = Header {
            stream: self.stream,
            batch,
            first: self.first,
            frames: self.frames,
            blocks: small(self.buffer.len() / BLOCK),
            table_at: small(table_at),
            table_bytes: small(table_bytes),
            commit_bytes: small(commit_bytes),
        };
        let slot = &mut self.buffer.as_mut()[..HEADER_BYTES];
        slot[NONCE_BYTES..NONCE_BYTES + 40].copy_from_slice(&header.encode());
        let piece = match self.stream {
            Stream::Verifiers => Piece::VerifiersHeader,
            Stream::Journal | Stream::Bodies | Stream::Tree => Piece::Header,
        };
        sealer.seal(piece, self.offset, slot, rng);
        header
    }
}

/// One frame as it lies in a run.
#[derive(Clone)]
pub struct FrameRecord {
    /// The run's stream.
    pub stream: Stream,
    /// The batch that wrote it.
    pub batch: u64,
    /// Whose it is (zeros in the journal).
    pub owner: Owner,
    /// Where it lies.
    pub position: Position,
    /// Journal, tree and verifiers: the opened bytes; bodies: the sealed bytes as given.
    pub bytes: Vec<u8>,
}

/// All frames of a run that was written at `offset`, for proofs over recorded writes. Anything else gives nothing.
pub fn frames_of_write(sealer: &Sealer, offset: u64, bytes: &[u8]) -> Vec<FrameRecord> {
    let Some(header) = Header::open(sealer, offset, bytes) else { return Vec::new() };
    let Some(rows) = open_table(sealer, offset, &header, bytes) else { return Vec::new() };
    let mut at = HEADER_BYTES;
    let mut records = Vec::with_capacity(rows.len());
    for row in rows {
        let position = Position { offset: offset + at as u64, length: row.length };
        let raw = &bytes[at..at + row.length as usize];
        let opened = match header.stream {
            Stream::Bodies => Some(raw.to_vec()),
            Stream::Journal | Stream::Tree | Stream::Verifiers => {
                sealer.open(Piece::Frame(header.stream), position.offset, raw)
            }
        };
        if let Some(bytes) = opened {
            records.push(FrameRecord {
                stream: header.stream,
                batch: header.batch,
                owner: row.owner,
                position,
                bytes,
            });
        }
        at += row.length as usize;
    }
    records
}
