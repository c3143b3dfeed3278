//! What auditors do is recorded like anything else.

use minicbor::{Decode, Encode};

/// An auditor takes entries out.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Export {
    /// First entry.
    #[n(0)]
    pub from: u64,
    /// One past the last entry.
    #[n(1)]
    pub to: u64,
}
