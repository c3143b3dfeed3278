//! The records of a snapshot, behind their seals: rows of entries, and the index that names every frame.
//! Never reads a device.

use disk::Position;
use disk::codec::{Fields, Malformed, Put};

const VERSION: u8 = 1;
/// Bytes of a row: leaf hash, byte offset, length.
pub(crate) const ROW_BYTES: usize = 32 + 8 + 4;
/// A state is below this many bytes.
const STATE_BYTES_MAX: u64 = 1 << 32;
/// Pages of one snapshot: 2^32 entries.
const PAGES_MAX: usize = 1 << 20;
/// Pieces of one snapshot.
const PIECES_MAX: usize = 1 << 20;

/// A journal entry's leaf hash, and where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Of the entry as a leaf.
    pub leaf: [u8; 32],
    /// On the device.
    pub position: Position,
}

impl Row {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.put(&self.leaf);
        self.position.encode(bytes);
    }

    fn decode(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        Ok(Self { leaf: fields.array()?, position: Position::decode(fields)? })
    }
}

pub(crate) fn encode(rows: &[Row]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(rows.len() * ROW_BYTES);
    rows.iter().for_each(|row| row.encode(&mut bytes));
    bytes
}

pub(crate) fn decode(bytes: &[u8], mut each: impl FnMut(Row)) -> Result<(), Malformed> {
    let mut fields = Fields(bytes);
    while !fields.0.is_empty() {
        each(Row::decode(&mut fields)?);
    }
    Ok(())
}

/// The index frame.
pub(crate) struct Index {
    pub(crate) entries: u64,
    pub(crate) state_bytes: u64,
    /// SHA-256 of all rows and the state: parts of different snapshots never pass for one.
    pub(crate) digest: [u8; 32],
    pub(crate) pages: Vec<Position>,
    pub(crate) pieces: Vec<Position>,
}

impl Index {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.put_u64(self.entries);
        bytes.put_u64(self.state_bytes);
        bytes.put(&self.digest);
        for positions in [&self.pages, &self.pieces] {
            bytes.put_u32(positions.len() as u32);
            positions.iter().for_each(|position| position.encode(&mut bytes));
        }
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields(bytes);
        if fields.u8()? != VERSION {
            return Err(Malformed);
        }
        let (entries, state_bytes, digest) = (fields.u64()?, fields.u64()?, fields.array()?);
        let mut positions = |limit| -> Result<Vec<Position>, Malformed> {
            let count = fields.count(limit)?;
            (0..count).map(|_| Position::decode(&mut fields)).collect()
        };
        let (pages, pieces) = (positions(PAGES_MAX)?, positions(PIECES_MAX)?);
        fields.end()?;
        if state_bytes > STATE_BYTES_MAX {
            return Err(Malformed);
        }
        Ok(Self { entries, state_bytes, digest, pages, pieces })
    }
}
