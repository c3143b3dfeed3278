//! Who took a backup of the store away over the network, and of what.
//! Never more than a note: it grants nothing, and a backup is no part of the log.

use crate::ids::Hash;
use minicbor::{Decode, Encode};

/// An administrator has a backup: it lay whole and durable with him before he signed this.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Backup {
    /// The store's last batch in it.
    #[n(0)]
    pub batch: u64,
    /// The erasure epoch that it is of.
    #[n(1)]
    pub epoch: u64,
    /// Journal entries in it.
    #[n(2)]
    pub size: u64,
    /// Root over them.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub root: Hash,
    /// SHA-256 of what the manifest's signature is over: `conclaved backup verify` shows it.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub manifest: Hash,
}
