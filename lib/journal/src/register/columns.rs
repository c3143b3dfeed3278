//! Messages in columns: a few bytes each, found by binary search.
//! Never holds a commitment or a body: the journal and the vault have those.

use crate::act::{Precedence, SizeClass};
use crate::ids::{Hash, Index};
use minicbor::encode::Write;
use minicbor::{Decode, Decoder, Encode, Encoder};
use pki::{Clearance, PersonId};
use sha2::{Digest, Sha256};
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

/// Rows whose digest is kept: see [`Messages`].
pub(crate) const BLOCK_ROWS: usize = 4096;

/// All messages in the order of their entries.
///
/// In a snapshot an array of rows. For a digest ([`Form`]) each whole block of [`BLOCK_ROWS`] rows stands as SHA-256 of
/// those rows' encodings, one behind the other, and only what fills no block as rows: so that a `PeriodEnd` costs what has
/// changed in its day, and not what was ever said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Messages {
    rows: Vec<Row>,
    /// Of whole blocks; empty where one is to be reckoned again.
    blocks: Vec<OnceLock<Hash>>,
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
        self.rows == other.rows
    }
}

impl Eq for Messages {}

impl<C: Form> Encode<C> for Messages {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        _ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        let blocks = if C::IS_DIGEST { &self.blocks[..] } else { &[] };
        let rest = &self.rows[blocks.len() * BLOCK_ROWS..];
        e.array((blocks.len() + rest.len()) as u64)?;
        for (kept, rows) in blocks.iter().zip(self.rows.chunks_exact(BLOCK_ROWS)) {
            e.bytes(kept.get_or_init(|| digest(rows)))?;
        }
        rest.iter().try_for_each(|row| e.encode(row).map(drop))
    }
}

impl<'b, C: Form> Decode<'b, C> for Messages {
    fn decode(d: &mut Decoder<'b>, _ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        let rows: Vec<Row> = d.decode()?;
        let blocks = vec![OnceLock::new(); rows.len() / BLOCK_ROWS];
        Ok(Self { rows, blocks })
    }
}

fn digest(rows: &[Row]) -> Hash {
    let mut bytes = Vec::with_capacity(rows.len() * 24);
    for row in rows {
        let written = minicbor::encode(row, &mut bytes);
        assert!(written.is_ok(), "a vector takes all, and a row refuses nothing");
    }
    Sha256::digest(&bytes).into()
}

impl Messages {
    /// Appends a message and returns its row's number.
    pub(crate) fn push(&mut self, row: Row) -> u32 {
        let number = u32::try_from(self.rows.len()).expect("the journal ends long before 2^32 messages");
        self.rows.push(row);
        if self.rows.len().is_multiple_of(BLOCK_ROWS) {
            self.blocks.push(OnceLock::new());
        }
        number
    }

    /// The row's number of the message at `index`.
    pub(crate) fn find(&self, index: Index) -> Option<u32> {
        let found = self.rows.binary_search_by_key(&index, |row| row.index).ok()?;
        u32::try_from(found).ok()
    }

    pub(crate) fn row(&self, number: u32) -> &Row {
        &self.rows[number as usize]
    }

    pub(crate) fn row_mut(&mut self, number: u32) -> &mut Row {
        if let Some(block) = self.blocks.get_mut(number as usize / BLOCK_ROWS) {
            *block = OnceLock::new();
        }
        &mut self.rows[number as usize]
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(count: usize) -> Messages {
        let mut messages = Messages::default();
        for index in 0..count as u64 {
            let (size, precedence) = (SizeClass::MIN, Precedence::Routine);
            let (author, label) = ((index % 7) as u32, Clearance((index % 4) as u8));
            let row = Row {
                index: 3 * index,
                conversation: 1,
                item: index as u32,
                author,
                size,
                label,
                precedence,
                flags: 0,
            };
            messages.push(row);
        }
        messages
    }

    fn of(messages: &Messages) -> Vec<u8> {
        let mut bytes = Vec::new();
        minicbor::encode_with(messages, &mut bytes, &mut ForDigest).unwrap();
        bytes
    }

    #[test]
    fn kept_digests_are_those_that_would_be_reckoned_anew() {
        let count = 2 * BLOCK_ROWS + 5;
        let mut messages = rows(count);
        let before = of(&messages);
        assert!(before.len() < 3000, "two digests and five rows, not {} bytes", before.len());
        for number in [0, BLOCK_ROWS as u32 - 1, BLOCK_ROWS as u32, count as u32 - 1] {
            messages.row_mut(number).flags |= ERASED;
            let fresh: Messages = minicbor::decode(&minicbor::to_vec(&messages).unwrap()).unwrap();
            let now = of(&messages);
            assert!(now != before && now == of(&fresh), "row {number}");
            messages.row_mut(number).flags = 0;
        }
        assert_eq!(of(&messages), before);
    }

    /// Rules of version 1 named this digest before there were blocks: below one it is of the same bytes.
    #[test]
    fn below_one_block_the_form_is_that_of_a_snapshot() {
        let mut messages = rows(BLOCK_ROWS - 1);
        assert_eq!(of(&messages), minicbor::to_vec(&messages).unwrap());
        let row = *messages.row(0);
        messages.push(row);
        assert_ne!(of(&messages), minicbor::to_vec(&messages).unwrap());
    }
}
