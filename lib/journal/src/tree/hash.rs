//! The two hashes of the tree (RFC 9162 2.1.1) and what is folded out of them.
//! Never sees a tree: hashes and bytes come in, a hash goes out.

use sha2::{Digest, Sha256};

pub use crate::ids::Hash;

/// What stands before an entry where its leaf hash is reckoned, RFC 9162 2.1.1.
pub const LEAF_PREFIX: u8 = 0x00;

/// The hash of one entry as a leaf: SHA-256(00 ‖ entry), RFC 9162 2.1.1.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([LEAF_PREFIX]).chain_update(entry).finalize().into()
}

/// The same of bytes before which [`LEAF_PREFIX`] stands already.
pub fn prefixed_leaf_hash(prefixed: &[u8]) -> Hash {
    debug_assert_eq!(prefixed.first(), Some(&LEAF_PREFIX));
    Sha256::digest(prefixed).into()
}

/// The hash of an inner node: SHA-256(01 ‖ left ‖ right), RFC 9162 2.1.1.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    // In one piece: two blocks, and nothing to be put together between them.
    let mut bytes = [0x01; 65];
    bytes[1..33].copy_from_slice(left);
    bytes[33..].copy_from_slice(right);
    Sha256::digest(bytes).into()
}

/// The root of the tree without leaves: SHA-256 of nothing, RFC 9162 2.1.1.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// Root of a complete subtree from a stored row of a power of two of its nodes.
pub(crate) fn fold(row: &[Hash]) -> Hash {
    match row {
        [one] => *one,
        [left, right] => node_hash(left, right),
        _ => {
            let (left, right) = row.split_at(row.len() / 2);
            node_hash(&fold(left), &fold(right))
        }
    }
}

/// Root over complete subtrees, largest first: the smaller ones hang on the right.
pub(crate) fn join(subtrees: impl DoubleEndedIterator<Item = Hash>) -> Hash {
    subtrees.rev().reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty_root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_that_bears_its_prefix_hashes_as_any_other() {
        for entry in [&b""[..], b"x", &[7; 370]] {
            assert_eq!(prefixed_leaf_hash(&[&[LEAF_PREFIX], entry].concat()), leaf_hash(entry));
        }
    }
}
