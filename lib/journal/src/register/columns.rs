//! Messages in columns: a few bytes each, found by binary search.
//! Never holds a commitment or a body: the journal and the vault have those.

use super::packed::Column;
use crate::act::{Precedence, SizeClass};
use crate::ids::{Hash, Index};
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
use pki::{Clearance, PersonId};
use sha2::{Digest, Sha256};
use std::ops::Range;
use std::sync::OnceLock;

pub(crate) const MUST_ACKNOWLEDGE: u8 = 1;
pub(crate) const ERASED: u8 = 2;
pub(crate) const FILE: u8 = 4;

/// One message, as it is stored. Persons and conversations are named by their ordinals.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Row {
    #[n(0)]
    pub(crate) index: Index,
    #[n(1)]
    pub(crate) conversation: u32,
    #[n(2)]
    pub(crate) item: u32,
    #[n(3)]
    pub(crate) author: u32,
    #[n(4)]
    pub(crate) size: SizeClass,
    #[n(5)]
    pub(crate) label: Clearance,
    #[n(6)]
    pub(crate) precedence: Precedence,
    #[n(7)]
    pub(crate) flags: u8,
}

/// One message, as it is shown to callers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MessageRow {
    /// Its entry.
    pub index: Index,
    /// The conversation's number.
    pub conversation: u64,
    /// The item in the vault.
    pub item: u64,
    /// Who wrote it.
    pub author: PersonId,
    /// Padded length of its text.
    pub size: SizeClass,
    /// Its label.
    pub label: Clearance,
    /// Its precedence.
    pub precedence: Precedence,
    /// Every reader is to acknowledge it.
    pub must_acknowledge: bool,
    /// The entry of the `Erase` that took it, by itself or with its conversation.
    pub erased: bool,
    /// Chunks and size class of its file, if it has one.
    pub file: Option<FileRow>,
}

/// The file of a message: chunks `1..=chunks` of its item.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct FileRow {
    /// How many chunks.
    #[n(0)]
    pub chunks: u32,
    /// Padded length of each.
    #[n(1)]
    pub size: SizeClass,
}

impl FileRow {
    /// What it counts in its author's quota.
    pub fn bytes(&self) -> u64 {
        u64::from(self.chunks) * self.size.bytes()
    }
}

/// Rows of one block: what grows by blocks is never copied, and leaves no room unused behind it. The digest of a whole one is
/// kept: see [`Messages`].
pub(crate) const BLOCK_ROWS: usize = 4096;

/// Messages that follow one another: whole, and then packed to some eight bytes each, but for the last one.
#[derive(Clone, Debug)]
struct Block {
    index: Column,
    conversation: Column,
    item: Column,
    author: Column,
    /// Size class (5 bits), label (3), precedence (2), flags (the rest), from the lowest bit on.
    marks: Vec<u16>,
    /// Empty where it is to be reckoned (again).
    digest: OnceLock<Hash>,
}

const LABEL_AT: u32 = 5;
const PRECEDENCE_AT: u32 = 8;
const FLAGS_AT: u32 = 10;
/// Indices that a row holds.
const INDEX_BITS: u32 = 40;

impl Block {
    fn new() -> Self {
        let column = || Column::with_room(BLOCK_ROWS);
        Self {
            index: column(),
            conversation: column(),
            item: column(),
            author: column(),
            marks: Vec::with_capacity(BLOCK_ROWS),
            digest: OnceLock::new(),
        }
    }

    fn len(&self) -> usize {
        self.marks.len()
    }

    fn index(&self, at: usize) -> Index {
        self.index.at(at)
    }

    fn push(&mut self, row: &Row) {
        self.index.push(row.index);
        self.conversation.push(u64::from(row.conversation));
        self.item.push(u64::from(row.item));
        self.author.push(u64::from(row.author));
        let (size, label) = (u16::from(row.size.0 & 31), u16::from(row.label.0 & 7));
        let (precedence, flags) = (row.precedence as u16 & 3, u16::from(row.flags));
        self.marks.push(size | label << LABEL_AT | precedence << PRECEDENCE_AT | flags << FLAGS_AT);
        if self.len() == BLOCK_ROWS {
            let Self { index, conversation, item, author, .. } = self;
            [index, conversation, item, author].into_iter().for_each(Column::pack);
        }
    }

    fn row(&self, at: usize) -> Row {
        let marks = self.marks[at];
        Row {
            index: self.index(at),
            conversation: self.conversation.at(at) as u32,
            item: self.item.at(at) as u32,
            author: self.author.at(at) as u32,
            size: SizeClass((marks & 31) as u8),
            label: Clearance((marks >> LABEL_AT & 7) as u8),
            precedence: match marks >> PRECEDENCE_AT & 3 {
                0 => Precedence::Routine,
                1 => Precedence::Priority,
                2 => Precedence::Immediate,
                _ => Precedence::Flash,
            },
            flags: (marks >> FLAGS_AT) as u8,
        }
    }

    /// A whole one as bytes: its columns packed, then the marks, little-endian.
    fn packed(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len() * 12);
        for column in [&self.index, &self.conversation, &self.item, &self.author] {
            column.write(&mut bytes);
        }
        bytes.extend(self.marks.iter().flat_map(|marks| marks.to_le_bytes()));
        bytes
    }

    /// Reads [`Self::packed`].
    fn unpacked(mut bytes: &[u8]) -> Option<Self> {
        let mut column = |largest| Column::read(&mut bytes, BLOCK_ROWS, largest);
        let index = column((1 << INDEX_BITS) - 1)?;
        let [conversation, item, author] = [(); 3].map(|()| column(u64::from(u32::MAX)));
        let (marks, []) = bytes.as_chunks() else { return None };
        let block = Self {
            index,
            conversation: conversation?,
            item: item?,
            author: author?,
            marks: marks.iter().map(|marks| u16::from_le_bytes(*marks)).collect(),
            digest: OnceLock::new(),
        };
        let has_label = |marks: &u16| Clearance::from_rank((marks >> LABEL_AT & 7) as u8).is_some();
        (block.len() == BLOCK_ROWS && block.marks.iter().all(has_label)).then_some(block)
    }

    /// How many of its rows have a lower index.
    fn before(&self, index: Index) -> usize {
        let (mut from, mut to) = (0, self.len());
        while from < to {
            let middle = from.midpoint(to);
            if self.index(middle) < index { from = middle + 1 } else { to = middle }
        }
        from
    }

    /// SHA-256 of the encodings of its rows, one behind the other.
    fn digest(&self) -> &Hash {
        self.digest.get_or_init(|| self.reckon())
    }

    fn reckon(&self) -> Hash {
        let mut bytes = Vec::with_capacity(self.len() * 24);
        for at in 0..self.len() {
            let written = minicbor::encode(self.row(at), &mut bytes);
            assert!(written.is_ok(), "a vector takes all, and a row refuses nothing");
        }
        Sha256::digest(&bytes).into()
    }
}

/// All messages in the order of their entries.
///
/// An array of rows, in which each whole block of [`BLOCK_ROWS`] rows stands as one byte string: in a snapshot its columns
/// packed; for a digest ([`Form`]) SHA-256 of those rows' encodings, one behind the other, so that a `PeriodEnd` costs what
/// has changed in its day, and not what was ever said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Messages {
    blocks: Vec<Block>,
}

/// What an encoding of the state is made for.
pub trait Form {
    /// A digest, and no bytes to be read again.
    const IS_DIGEST: bool;
}

/// The bytes of a snapshot.
impl Form for () {
    const IS_DIGEST: bool = false;
}

/// Only the digest of the state.
pub(crate) struct ForDigest;

impl Form for ForDigest {
    const IS_DIGEST: bool = true;
}

impl PartialEq for Messages {
    fn eq(&self, other: &Self) -> bool {
        self.rows(0..self.len()).eq(other.rows(0..other.len()))
    }
}

impl Eq for Messages {}

impl<C: Form> Encode<C> for Messages {
    fn encode<W: encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _ctx: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        let whole = self.len() as usize / BLOCK_ROWS;
        let rest = (whole * BLOCK_ROWS) as u32..self.len();
        e.array((whole + rest.len()) as u64)?;
        for block in &self.blocks[..whole] {
            if C::IS_DIGEST {
                e.bytes(block.digest())?
            } else {
                e.bytes(&block.packed())?
            };
        }
        self.rows(rest).try_for_each(|row| e.encode(row).map(drop))
    }
}

impl<'b, C: Form> Decode<'b, C> for Messages {
    fn decode(d: &mut Decoder<'b>, _ctx: &mut C) -> Result<Self, decode::Error> {
        let mut count = d.array()?.ok_or_else(|| decode::Error::message("messages of no stated number"))?;
        let mut messages = Self::default();
        while count > 0 && d.datatype()? == minicbor::data::Type::Bytes {
            let block = Block::unpacked(d.bytes()?);
            let block = block.ok_or_else(|| decode::Error::message("a block as none is packed"))?;
            messages.blocks.push(block);
            count -= 1;
        }
        if messages.blocks.len() >= u32::MAX as usize / BLOCK_ROWS {
            return Err(decode::Error::message("more messages than a journal has"));
        }
        if count >= BLOCK_ROWS as u64 {
            return Err(decode::Error::message("a whole block spelled as rows"));
        }
        for _ in 0..count {
            let row: Row = d.decode()?;
            let (size, label, flags) = (row.size.0 > 31, row.label.0 > 7, row.flags >> (16 - FLAGS_AT) != 0);
            if size || label || flags || row.index >> INDEX_BITS != 0 {
                return Err(decode::Error::message("a message as none is"));
            }
            messages.push(row);
        }
        Ok(messages)
    }
}

impl Messages {
    /// Appends a message and returns its row's number.
    pub(crate) fn push(&mut self, row: Row) -> u32 {
        let number = self.len();
        assert!(row.index >> INDEX_BITS == 0 && number < u32::MAX, "the journal ends long before");
        if number as usize / BLOCK_ROWS == self.blocks.len() {
            self.blocks.push(Block::new());
        }
        self.blocks[number as usize / BLOCK_ROWS].push(&row);
        number
    }

    /// The row's number of the message at `index`.
    pub(crate) fn find(&self, index: Index) -> Option<u32> {
        let number = self.before(index);
        (number < self.len() && self.row(number).index == index).then_some(number)
    }

    /// How many messages have a lower index.
    pub(crate) fn before(&self, index: Index) -> u32 {
        let begun = self.blocks.partition_point(|block| block.index(0) < index);
        let Some(last) = begun.checked_sub(1) else { return 0 };
        (last * BLOCK_ROWS + self.blocks[last].before(index)) as u32
    }

    pub(crate) fn row(&self, number: u32) -> Row {
        self.blocks[number as usize / BLOCK_ROWS].row(number as usize % BLOCK_ROWS)
    }

    /// The message of this number is erased.
    pub(crate) fn erase(&mut self, number: u32) {
        let block = &mut self.blocks[number as usize / BLOCK_ROWS];
        block.marks[number as usize % BLOCK_ROWS] |= u16::from(ERASED) << FLAGS_AT;
        block.digest = OnceLock::new();
    }

    /// Whether the rows are still those of the digests that were kept: a bit that flipped in memory shows here.
    pub(crate) fn are_as_kept(&self) -> bool {
        self.blocks.iter().all(|block| block.digest.get().is_none_or(|kept| *kept == block.reckon()))
    }

    pub(crate) fn len(&self) -> u32 {
        let last = self.blocks.last().map_or(0, Block::len);
        (self.blocks.len().saturating_sub(1) * BLOCK_ROWS + last) as u32
    }

    /// The rows of these numbers, in order.
    pub(crate) fn rows(&self, numbers: Range<u32>) -> impl Iterator<Item = Row> {
        numbers.map(|number| self.row(number))
    }
}

#[cfg(test)]
#[path = "columns_tests.rs"]
mod tests;
