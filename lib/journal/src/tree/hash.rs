//! The two hashes of the tree (RFC 9162 2.1.1) and what is folded out of them.
//! Never sees a tree: hashes and bytes come in, a hash goes out.

use sha2::block_api::compress256;

pub use crate::ids::Hash;

/// Bytes of a SHA-256 block (FIPS 180-4 5.2.1).
const BLOCK: usize = 64;
/// Where the length of what was hashed stands in the last block (FIPS 180-4 5.1.1).
const LENGTH_AT: usize = BLOCK - 8;
/// What SHA-256 begins with (FIPS 180-4 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// SHA-256 of bytes that lie together. A tree hashes twenty times as often as it is given a leaf, nodes of two blocks:
/// the buffer that a hasher keeps for pieces costs as much there as half a block.
fn sha256(bytes: &[u8]) -> Hash {
    let mut state = INITIAL;
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    compress256(&mut state, blocks);
    let mut last = [[0; BLOCK]; 2];
    let used = if rest.len() < LENGTH_AT { 1 } else { 2 };
    let flat = last.as_flattened_mut();
    flat[..rest.len()].copy_from_slice(rest);
    flat[rest.len()] = 0x80;
    let bits = 8 * bytes.len() as u64;
    flat[BLOCK * (used - 1) + LENGTH_AT..BLOCK * used].copy_from_slice(&bits.to_be_bytes());
    compress256(&mut state, &last[..used]);
    let mut hash = Hash::default();
    for (bytes, word) in hash.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    hash
}

/// What stands before an entry where its leaf hash is reckoned, RFC 9162 2.1.1.
pub const LEAF_PREFIX: u8 = 0x00;

/// The hash of one entry as a leaf: SHA-256(00 ‖ entry), RFC 9162 2.1.1.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    use sha2::{Digest, Sha256};
    Sha256::new().chain_update([LEAF_PREFIX]).chain_update(entry).finalize().into()
}

/// The same of bytes before which [`LEAF_PREFIX`] stands already.
pub fn prefixed_leaf_hash(prefixed: &[u8]) -> Hash {
    debug_assert_eq!(prefixed.first(), Some(&LEAF_PREFIX));
    sha256(prefixed)
}

/// The hash of an inner node: SHA-256(01 ‖ left ‖ right), RFC 9162 2.1.1.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [0x01; 65];
    bytes[1..33].copy_from_slice(left);
    bytes[33..].copy_from_slice(right);
    sha256(&bytes)
}

/// The root of the tree without leaves: SHA-256 of nothing, RFC 9162 2.1.1.
pub fn empty_root() -> Hash {
    sha256(&[])
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
    use sha2::{Digest, Sha256};

    #[test]
    fn bytes_of_every_length_hash_as_the_library_hashes_them() {
        let bytes: Vec<u8> = (0..400u32).map(|n| (n * 7) as u8).collect();
        for length in 0..=bytes.len() {
            assert_eq!(sha256(&bytes[..length]), <Hash>::from(Sha256::digest(&bytes[..length])), "{length}");
            let prefixed = [&[LEAF_PREFIX], &bytes[..length]].concat();
            assert_eq!(prefixed_leaf_hash(&prefixed), leaf_hash(&bytes[..length]), "{length}");
        }
    }
}
