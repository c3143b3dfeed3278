//! Messages in columns: a few bytes each, found by binary search.
//! Never holds a commitment or a body: the journal and the vault have those.

use crate::act::{Precedence, SizeClass};
use crate::ids::Index;
use minicbor::{Decode, Encode};
use pki::{Clearance, PersonId};

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

/// All messages in the order of their entries.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct Messages(#[n(0)] Vec<Row>);

impl Messages {
    /// Appends a message and returns its row's number.
    pub(crate) fn push(&mut self, row: Row) -> u32 {
        let number = u32::try_from(self.0.len()).expect("the journal ends long before 2^32 messages");
        self.0.push(row);
        number
    }

    /// The row's number of the message at `index`.
    pub(crate) fn find(&self, index: Index) -> Option<u32> {
        let found = self.0.binary_search_by_key(&index, |row| row.index).ok()?;
        u32::try_from(found).ok()
    }

    pub(crate) fn row(&self, number: u32) -> &Row {
        &self.0[number as usize]
    }

    pub(crate) fn row_mut(&mut self, number: u32) -> &mut Row {
        &mut self.0[number as usize]
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.0
    }
}
