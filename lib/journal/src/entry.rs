//! One entry of the journal: the server's time stamp around a signed statement or a Fact.
//! What is stored and hashed are these very bytes.

use crate::{fact::Fact, statement::SignedStatement};
use minicbor::{Decode, Encode};
use pki::canonical::{self, NotCanonical};

/// Largest entry, bytes.
pub const ENTRY_BYTES_MAX: usize = 60 * 1024;
/// The version of the entry format that this program writes.
pub const ENTRY_VERSION: u8 = 1;

/// `[1, wall_ms, boot_ms, content]`. Leaf hash = SHA-256(0x00 ‖ bytes).
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Entry {
    /// 1.
    #[n(0)]
    pub version: u8,
    /// When it was stamped, milliseconds since 1970, never before the entry before it.
    #[n(1)]
    pub wall_ms: u64,
    /// The boot clock then, milliseconds since the boot that the last Start names.
    #[n(2)]
    pub boot_ms: u64,
    /// The act or the claim.
    #[n(3)]
    pub content: Content,
}

/// What an entry holds. On the wire `[0, [statement, signature]]` or `[1, [number, […]]]`.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(flat)]
pub enum Content {
    /// A person's or the authority's signed act.
    #[n(0)]
    Statement(#[n(0)] SignedStatement),
    /// The server's own claim.
    #[n(1)]
    Fact(#[n(0)] Fact),
}

/// Why bytes are no entry.
#[derive(Debug, thiserror::Error)]
pub enum BadEntry {
    /// Too long.
    #[error("entry of {0} bytes, the limit is {ENTRY_BYTES_MAX}")]
    TooLong(usize),
    /// Written by a newer program.
    #[error("entry version {0} is newer than this program reads ({ENTRY_VERSION})")]
    Newer(u8),
    /// Not the one right encoding.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
}

impl Entry {
    /// The bytes that are stored, hashed and sent.
    pub fn encode(&self) -> Vec<u8> {
        canonical::encode(self)
    }

    /// Reads an entry whole; refuses any other spelling of it.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadEntry> {
        if bytes.len() > ENTRY_BYTES_MAX {
            return Err(BadEntry::TooLong(bytes.len()));
        }
        // The version stands in byte 1 (after the array head), so that a newer format is named rather than misread.
        if let Some(&version) = bytes.get(1)
            && version > ENTRY_VERSION
            && version < 24
        {
            return Err(BadEntry::Newer(version));
        }
        Ok(canonical::decode(bytes)?)
    }
}
