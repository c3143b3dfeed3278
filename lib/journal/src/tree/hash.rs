//! The two hashes of the tree (RFC 9162 2.1.1) and what is folded out of them.
//! Never sees a tree: hashes and bytes come in, a hash goes out.

use sha2::block_api::compress256;
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

/// What SHA-256 begins with (FIPS 180-4 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
/// Both blocks of a node: 01, room for its two hashes, and what pads 65 bytes (FIPS 180-4 5.1.1).
const NODE: [u8; 128] = {
    let mut blocks = [0; 128];
    (blocks[0], blocks[65]) = (0x01, 0x80);
    [blocks[126], blocks[127]] = (65 * 8_u16).to_be_bytes();
    blocks
};

/// The hash of an inner node: SHA-256(01 ‖ left ‖ right), RFC 9162 2.1.1. For each root that a statement names an audit
/// hashes one for each bit that is set in its size: so it does without the hasher's buffer.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let (mut state, mut blocks) = (INITIAL, NODE);
    blocks[1..33].copy_from_slice(left);
    blocks[33..65].copy_from_slice(right);
    compress256(&mut state, blocks.as_chunks().0);
    let mut hash = Hash::default();
    for (bytes, word) in hash.as_chunks_mut().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    hash
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
    fn a_node_is_what_the_library_makes_of_its_bytes() {
        let mut hash = leaf_hash(b"begin");
        for _ in 0..1000 {
            let next = leaf_hash(&hash);
            let whole: Hash = Sha256::digest([&[0x01][..], &hash, &next].concat()).into();
            assert_eq!(node_hash(&hash, &next), whole);
            hash = whole;
        }
    }

    #[test]
    fn a_leaf_that_bears_its_prefix_hashes_as_any_other() {
        for entry in [&b""[..], b"x", &[7; 370]] {
            assert_eq!(prefixed_leaf_hash(&[&[LEAF_PREFIX], entry].concat()), leaf_hash(entry));
        }
    }
}
