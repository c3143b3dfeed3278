//! What a terminal must remember between two signatures, so that no crash makes it sign twice under one number.
//! Never written by the server. It is rewritten and synced before each signature; see `credential_file`.
//!
//! Whoever can replace files on the terminal can put an old record back. That is noticed, not prevented: the server
//! refuses a number used twice, and a checkpoint older than one the person has seen elsewhere stands in the journal.
use minicbor::{Decode, Encode};

use crate::canonical;

/// Version of the format that this build writes.
pub const VERSION: u8 = 1;
/// Longest checkpoint and longest verifier text, in bytes.
pub const NOTE_BYTES_MAX: usize = 16 * 1024;

/// One person's state at one terminal.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct StateRecord {
    #[n(0)]
    version: u8,
    /// The log this terminal works with.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub log_id: [u8; 32],
    /// The log identity key, as a signed-note verifier; changes only by a proven KeyRoll.
    #[n(2)]
    pub log_identity: String,
    /// The last signed checkpoint, as note text.
    #[n(3)]
    pub checkpoint: Option<String>,
    /// Where the person's own chain stands.
    #[n(4)]
    pub chain: Option<OwnChain>,
}

/// The person's own chain since the last login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct OwnChain {
    /// The leaf hash of the Login: the chain.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub login_leaf: [u8; 32],
    /// The number of the next statement.
    #[n(1)]
    pub next_sequence: u64,
    /// The id of the last admitted statement.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub last_id: [u8; 32],
    /// The attempt at the next number; raised after a refusal.
    #[n(3)]
    pub attempt: u32,
}

impl StateRecord {
    /// The record of a terminal that has never logged in.
    pub fn new(log_id: [u8; 32], log_identity: String) -> Self {
        Self { version: VERSION, log_id, log_identity, checkpoint: None, chain: None }
    }

    pub(crate) fn to_bytes(&self) -> Option<Vec<u8>> {
        self.is_sane().then(|| canonical::encode(self))
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        canonical::decode::<Self>(bytes).ok().filter(|state| state.version == VERSION && state.is_sane())
    }

    fn is_sane(&self) -> bool {
        let note = self.checkpoint.as_ref().map_or(0, String::len);
        self.log_identity.len() <= NOTE_BYTES_MAX && note <= NOTE_BYTES_MAX
    }
}
