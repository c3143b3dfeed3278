//! Messages in columns: a few bytes each, found by binary search.
//! Never holds a commitment or a body: the journal and the vault have those.

use crate::act::{Precedence, SizeClass};
use crate::ids::Index;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
use pki::{Clearance, PersonId};
use std::ops::Range;

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

/// Rows of one block: what grows by blocks is never copied, and leaves no room unused behind it.
const BLOCK_ROWS: usize = 4096;

/// Some messages that follow one another, 18 bytes each.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Block {
    /// The index of its first message; the others are kept as their distance from it.
    first: Index,
    distance: Vec<u32>,
    conversation: Vec<u32>,
    item: Vec<u32>,
    author: Vec<u32>,
    /// Size class (5 bits), label (3), precedence (2), flags (the rest), from the lowest bit on.
    marks: Vec<u16>,
}

const LABEL_AT: u32 = 5;
const PRECEDENCE_AT: u32 = 8;
const FLAGS_AT: u32 = 10;

impl Block {
    fn beginning_at(first: Index) -> Self {
        let column = || Vec::with_capacity(BLOCK_ROWS);
        Self {
            first,
            distance: column(),
            conversation: column(),
            item: column(),
            author: column(),
            marks: Vec::with_capacity(BLOCK_ROWS),
        }
    }

    /// Whether a message at this index still belongs here.
    fn takes(&self, index: Index) -> Option<u32> {
        let distance = u32::try_from(index.checked_sub(self.first)?).ok()?;
        (self.distance.len() < BLOCK_ROWS).then_some(distance)
    }

    fn push(&mut self, distance: u32, row: &Row) {
        self.distance.push(distance);
        self.conversation.push(row.conversation);
        self.item.push(row.item);
        self.author.push(row.author);
        let (size, label) = (u16::from(row.size.0 & 31), u16::from(row.label.0 & 7));
        let (precedence, flags) = (row.precedence as u16 & 3, u16::from(row.flags));
        self.marks.push(size | label << LABEL_AT | precedence << PRECEDENCE_AT | flags << FLAGS_AT);
    }

    fn row(&self, at: usize) -> Row {
        let marks = self.marks[at];
        Row {
            index: self.first + u64::from(self.distance[at]),
            conversation: self.conversation[at],
            item: self.item[at],
            author: self.author[at],
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
}

/// All messages in the order of their entries. In CBOR an array of rows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Messages {
    blocks: Vec<Block>,
    /// The number of each block's first row.
    starts: Vec<u32>,
    len: u32,
}

impl Messages {
    /// Appends a message and returns its row's number.
    pub(crate) fn push(&mut self, row: Row) -> u32 {
        let number = self.len;
        self.len = number.checked_add(1).expect("the journal ends long before 2^32 messages");
        if let Some(block) = self.blocks.last_mut()
            && let Some(distance) = block.takes(row.index)
        {
            block.push(distance, &row);
            return number;
        }
        let mut block = Block::beginning_at(row.index);
        block.push(0, &row);
        self.blocks.push(block);
        self.starts.push(number);
        number
    }

    /// The row's number of the message at `index`.
    pub(crate) fn find(&self, index: Index) -> Option<u32> {
        let number = self.before(index);
        (number < self.len && self.row(number).index == index).then_some(number)
    }

    /// How many messages have a lower index.
    pub(crate) fn before(&self, index: Index) -> u32 {
        let behind = self.blocks.partition_point(|block| block.first < index);
        let Some(at) = behind.checked_sub(1) else { return 0 };
        let block = &self.blocks[at];
        let lower = block.distance.partition_point(|distance| block.first + u64::from(*distance) < index);
        self.starts[at] + u32::try_from(lower).expect("a block has few rows")
    }

    pub(crate) fn row(&self, number: u32) -> Row {
        let (block, at) = self.place(number);
        self.blocks[block].row(at)
    }

    /// The message of this number is erased.
    pub(crate) fn erase(&mut self, number: u32) {
        let (block, at) = self.place(number);
        self.blocks[block].marks[at] |= u16::from(ERASED) << FLAGS_AT;
    }

    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    /// The rows of these numbers, in order.
    pub(crate) fn rows(&self, numbers: Range<u32>) -> impl Iterator<Item = Row> {
        numbers.map(|number| self.row(number))
    }

    fn place(&self, number: u32) -> (usize, usize) {
        let block = self.starts.partition_point(|start| *start <= number) - 1;
        (block, (number - self.starts[block]) as usize)
    }
}

impl<C> Encode<C> for Messages {
    fn encode<W: encode::Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.array(self.len.into())?;
        self.rows(0..self.len).try_for_each(|row| row.encode(e, ctx))
    }
}

impl<'b, C> Decode<'b, C> for Messages {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, decode::Error> {
        let count = d.array()?.ok_or_else(|| decode::Error::message("messages of no stated number"))?;
        if u32::try_from(count).is_err() {
            return Err(decode::Error::message("more messages than a journal has"));
        }
        let mut messages = Self::default();
        for _ in 0..count {
            let row = Row::decode(d, ctx)?;
            let (size, label, flags) = (row.size.0 > 31, row.label.0 > 7, row.flags >> (16 - FLAGS_AT) != 0);
            if size || label || flags {
                return Err(decode::Error::message("a message with a mark that none has"));
            }
            messages.push(row);
        }
        Ok(messages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(index: Index) -> Row {
        let small = (index % 1000) as u32;
        Row {
            index,
            conversation: small,
            item: small / 3,
            author: small % 7,
            size: SizeClass(8 + (index % 11) as u8),
            label: Clearance((index % 6) as u8),
            precedence: [Precedence::Routine, Precedence::Priority, Precedence::Immediate, Precedence::Flash]
                [index as usize % 4],
            flags: (index % 8) as u8,
        }
    }

    #[test]
    fn columns_hold_what_rows_would_hold() {
        // More than a block, and a gap that no distance spans.
        let indices = (0..10_000u64).map(|n| n * 3 + 5).chain([1 << 40, (1 << 40) + 1, 1 << 50]);
        let rows: Vec<Row> = indices.map(row).collect();
        let mut messages = Messages::default();
        for (number, row) in rows.iter().enumerate() {
            assert_eq!(messages.push(*row), number as u32);
        }
        assert_eq!(messages.len() as usize, rows.len());
        assert!(messages.rows(0..messages.len()).eq(rows.iter().copied()));
        for (number, row) in rows.iter().enumerate() {
            assert_eq!(
                (messages.find(row.index), messages.before(row.index)),
                (Some(number as u32), number as u32)
            );
            assert_eq!(messages.find(row.index + 2), None);
        }
        assert_eq!((messages.before(0), messages.before(u64::MAX)), (0, messages.len()));
        assert_eq!((messages.find(0), messages.find(u64::MAX)), (None, None));
        assert_eq!(Messages::default().find(3), None);
        messages.erase(9_999);
        assert_eq!(messages.row(9_999).flags, rows[9_999].flags | ERASED);
        assert_eq!(messages.row(9_998), rows[9_998]);
    }

    #[test]
    fn the_bytes_are_those_of_an_array_of_rows() {
        let rows: Vec<Row> = (0..5_000).map(row).collect();
        let mut messages = Messages::default();
        rows.iter().for_each(|row| {
            messages.push(*row);
        });
        let bytes = pki::canonical::encode(&messages);
        assert_eq!(bytes, pki::canonical::encode(&rows));
        assert_eq!(pki::canonical::decode::<Messages>(&bytes).unwrap(), messages);
        let odd = Row { flags: 64, ..row(1) };
        assert!(pki::canonical::decode::<Messages>(&pki::canonical::encode(&vec![odd])).is_err());
    }
}
