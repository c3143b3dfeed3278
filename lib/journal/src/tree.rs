//! The Merkle tree over the journal's entries (RFC 6962 2.1, RFC 9162 2.1), kept in memory.
//! Never sees an entry: leaf hashes come in, roots and proofs go out.
//!
//! ```text
//! levels[2]   one hash per 256 leaves      o
//! levels[1]   one hash per 16 leaves       o o o ... o
//! levels[0]   every leaf hash              oooooooooooooooo oooooooooooooooo ...
//! ```
//! Only every fourth height is stored: 34.1 bytes per leaf instead of 64. What lies between is hashed again when a
//! proof asks for it, at most eleven hashes for four heights. Levels 0, 2, 4, ... are the rows of C2SP's tlog-tiles.

use sha2::{Digest, Sha256};

pub use crate::ids::Hash;
use crate::proof::{ConsistencyProof, InclusionProof};

/// Trees larger than this are refused everywhere, so that no sum or shift of sizes can overflow.
pub const TREE_SIZE_MAX: u64 = 1 << 63;

/// Heights between two stored rows.
const STRIDE: u32 = 4;
/// Nodes of one stored row under one node of the next.
const FAN_OUT: usize = 1 << STRIDE;

/// The hash of one entry as a leaf: SHA-256(00 ‖ entry), RFC 9162 2.1.1.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0x00]).chain_update(entry).finalize().into()
}

/// The hash of an inner node: SHA-256(01 ‖ left ‖ right), RFC 9162 2.1.1.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([0x01]).chain_update(left).chain_update(right).finalize().into()
}

/// The root of the tree without leaves: SHA-256 of nothing, RFC 9162 2.1.1.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// A question about more leaves than the tree has, or an order that makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tree has {size} leaves; asked was {asked}")]
pub struct OutOfRange {
    /// Leaves in the tree, or the bound that the question itself named.
    pub size: u64,
    /// The index or size that was asked for.
    pub asked: u64,
}

/// All leaf hashes of a journal and what is needed to prove things about them.
#[derive(Debug, Clone)]
pub struct Tree {
    /// `levels[l][i]` is the root of the leaves `i << (4 l) .. (i + 1) << (4 l)`; only complete subtrees stand here.
    /// There is always a level 0.
    levels: Vec<Vec<Hash>>,
}

impl Default for Tree {
    fn default() -> Self {
        Tree { levels: vec![Vec::new()] }
    }
}

impl Tree {
    /// The tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.levels[0].len() as u64
    }

    /// The leaf hash of entry `index`, if there is one.
    pub fn leaf(&self, index: u64) -> Option<&Hash> {
        self.levels[0].get(usize::try_from(index).ok()?)
    }

    /// Appends one leaf hash and returns its index. Amortised constant time.
    pub fn append(&mut self, leaf: Hash) -> u64 {
        let index = self.size();
        self.levels[0].push(leaf);
        let mut level = 0;
        while self.levels[level].len().is_multiple_of(FAN_OUT) {
            let row = &self.levels[level];
            let above = fold(&row[row.len() - FAN_OUT..]);
            level += 1;
            if level == self.levels.len() {
                self.levels.push(Vec::new());
            }
            self.levels[level].push(above);
        }
        index
    }

    /// The root over all leaves.
    pub fn root(&self) -> Hash {
        self.range_root(0, self.size())
    }

    /// The root when the tree had `size` leaves.
    pub fn root_at(&self, size: u64) -> Result<Hash, OutOfRange> {
        self.check_size(size)?;
        Ok(self.range_root(0, size))
    }

    /// The complete subtrees at `size` leaves: all that is needed to go on appending.
    pub fn frontier_at(&self, size: u64) -> Result<Frontier, OutOfRange> {
        self.check_size(size)?;
        let roots = complete_subtrees(0, size).map(|(start, height)| self.subtree(start, height)).collect();
        Ok(Frontier { size, roots })
    }

    /// Proves that leaf `index` is in the tree of `size` leaves (RFC 9162 2.1.3.1).
    pub fn inclusion_proof(&self, index: u64, size: u64) -> Result<InclusionProof, OutOfRange> {
        self.prover(size)?.inclusion_proof(index)
    }

    /// Proves many leaves under one root: the receipts of a batch.
    pub fn prover(&self, size: u64) -> Result<Prover<'_>, OutOfRange> {
        self.check_size(size)?;
        Ok(Prover { tree: self, size, siblings: Vec::new() })
    }

    /// Proves that the tree of `old` leaves is a prefix of the tree of `new` leaves (RFC 9162 2.1.4.1).
    pub fn consistency_proof(&self, old: u64, new: u64) -> Result<ConsistencyProof, OutOfRange> {
        self.check_size(new)?;
        if old > new {
            return Err(OutOfRange { size: new, asked: old });
        }
        let (mut start, mut end) = (0, new);
        let mut path = Vec::new();
        // An empty or an equal tree needs no proof; otherwise walk down to where the old tree ends.
        while old != 0 && old != end {
            let middle = start + split(end - start);
            if old <= middle {
                path.push(self.range_root(middle, end));
                end = middle;
            } else {
                path.push(self.range_root(start, middle));
                start = middle;
            }
        }
        // The old tree's last complete part, unless it is the whole old tree, whose root the verifier knows.
        if start != 0 {
            path.push(self.range_root(start, end));
        }
        path.reverse();
        Ok(ConsistencyProof::new(old, new, path).expect("the walk above gives one hash per height"))
    }

    fn check_size(&self, asked: u64) -> Result<(), OutOfRange> {
        let size = self.size();
        if asked > size { Err(OutOfRange { size, asked }) } else { Ok(()) }
    }

    /// Root of the leaves `start..end`, where `start` is a multiple of the largest power of two below `end - start`.
    fn range_root(&self, start: u64, end: u64) -> Hash {
        join(complete_subtrees(start, end).map(|(start, height)| self.subtree(start, height)))
    }

    /// Root of the complete subtree of `2^height` leaves that begins at leaf `start`.
    fn subtree(&self, start: u64, height: u32) -> Hash {
        let level = (height / STRIDE) as usize;
        let width = 1usize << (height % STRIDE);
        let first = (start >> (level as u32 * STRIDE)) as usize;
        fold(&self.levels[level][first..first + width])
    }
}

/// Makes inclusion proofs under one root. Neighbours share most of their path, so each hash is kept until another
/// subtree takes its place: proofs in the order of their indices cost a few hashes each.
#[derive(Debug)]
pub struct Prover<'a> {
    tree: &'a Tree,
    size: u64,
    /// The sibling last used at each depth below the root: start, end, hash.
    siblings: Vec<(u64, u64, Hash)>,
}

impl Prover<'_> {
    /// Proves that leaf `index` is in the tree (RFC 9162 2.1.3.1).
    pub fn inclusion_proof(&mut self, index: u64) -> Result<InclusionProof, OutOfRange> {
        if index >= self.size {
            return Err(OutOfRange { size: self.size, asked: index });
        }
        let (mut start, mut end) = (0, self.size);
        let mut path = Vec::new();
        while end - start > 1 {
            let middle = start + split(end - start);
            if index < middle {
                path.push(self.sibling(path.len(), middle, end));
                end = middle;
            } else {
                path.push(self.sibling(path.len(), start, middle));
                start = middle;
            }
        }
        path.reverse();
        Ok(InclusionProof::new(index, self.size, path).expect("the walk above gives one hash per height"))
    }

    fn sibling(&mut self, depth: usize, start: u64, end: u64) -> Hash {
        match self.siblings.get(depth) {
            Some((s, e, hash)) if (*s, *e) == (start, end) => *hash,
            Some(_) | None => {
                let hash = self.tree.range_root(start, end);
                self.siblings.truncate(depth);
                self.siblings.push((start, end, hash));
                hash
            }
        }
    }
}

/// The complete subtrees of a tree, largest first: enough to append and to name the root, but not to prove.
/// In CBOR: `[size, byte string of the hashes]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    roots: Vec<Hash>,
}

impl Frontier {
    /// A frontier as read from a snapshot; `None` unless there is one root per bit that is set in `size`.
    pub fn from_parts(size: u64, roots: Vec<Hash>) -> Option<Self> {
        (size <= TREE_SIZE_MAX && roots.len() == size.count_ones() as usize)
            .then_some(Frontier { size, roots })
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the complete subtrees, largest first.
    pub fn roots(&self) -> &[Hash] {
        &self.roots
    }

    /// Appends one leaf hash and returns its index.
    pub fn append(&mut self, leaf: Hash) -> u64 {
        let index = self.size;
        let mut node = leaf;
        // As many complete subtrees close as the old size has ones at its end.
        for _ in 0..index.trailing_ones() {
            let left = self.roots.pop().expect("one root per bit that is set in the size");
            node = node_hash(&left, &node);
        }
        self.roots.push(node);
        self.size = index + 1;
        index
    }

    /// The root over all leaves.
    pub fn root(&self) -> Hash {
        join(self.roots.iter().copied())
    }
}

/// The largest power of two smaller than `n`, for `n` > 1.
fn split(n: u64) -> u64 {
    1 << (63 - (n - 1).leading_zeros())
}

/// Start and height of the complete subtrees that make up the leaves `start..end`, largest first.
fn complete_subtrees(start: u64, end: u64) -> impl DoubleEndedIterator<Item = (u64, u32)> {
    let count = end - start;
    (0..u64::BITS).rev().filter(move |height| count >> height & 1 == 1).map(move |height| {
        let larger = count.checked_shr(height + 1).unwrap_or(0).checked_shl(height + 1).unwrap_or(0);
        (start + larger, height)
    })
}

/// Root of a complete subtree from a stored row of a power of two of its nodes.
fn fold(row: &[Hash]) -> Hash {
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
fn join(subtrees: impl DoubleEndedIterator<Item = Hash>) -> Hash {
    subtrees.rev().reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty_root)
}

#[cfg(test)]
pub(crate) mod reference {
    //! The definitions of RFC 9162 2.1 word for word: slow, and nothing like the code above.
    use super::*;

    fn largest_power_below(n: usize) -> usize {
        let mut k = 1;
        while k * 2 < n {
            k *= 2;
        }
        k
    }

    /// MTH, 2.1.1.
    pub(crate) fn root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty_root(),
            [one] => *one,
            _ => {
                let (left, right) = leaves.split_at(largest_power_below(leaves.len()));
                node_hash(&root(left), &root(right))
            }
        }
    }

    /// PATH, 2.1.3.1. Roots come from `root` through a table, or the test over all pairs would take minutes.
    pub(crate) fn path(index: usize, leaves: &[Hash], root: &mut dyn FnMut(&[Hash]) -> Hash) -> Vec<Hash> {
        if leaves.len() <= 1 {
            return Vec::new();
        }
        let k = largest_power_below(leaves.len());
        let (left, right) = leaves.split_at(k);
        let (mut rest, sibling) = match index < k {
            true => (path(index, left, root), root(right)),
            false => (path(index - k, right, root), root(left)),
        };
        rest.push(sibling);
        rest
    }

    /// SUBPROOF, 2.1.4.1.
    pub(crate) fn consistency(
        old: usize,
        leaves: &[Hash],
        whole: bool,
        root: &mut dyn FnMut(&[Hash]) -> Hash,
    ) -> Vec<Hash> {
        if old == leaves.len() {
            return if whole { Vec::new() } else { vec![root(leaves)] };
        }
        let k = largest_power_below(leaves.len());
        let (left, right) = leaves.split_at(k);
        let (mut rest, sibling) = match old <= k {
            true => (consistency(old, left, whole, root), root(right)),
            false => (consistency(old - k, right, false, root), root(left)),
        };
        rest.push(sibling);
        rest
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Leaves and roots of the reference tree of google/certificate-transparency, cpp/merkletree/merkle_tree_test.cc
    /// (kInputs, kSHA256Roots); roots[n] is the root over the first n leaves.
    const INPUTS: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    fn known_tree() -> Tree {
        let mut tree = Tree::new();
        for input in INPUTS {
            tree.append(leaf_hash(&hex::decode(input).unwrap()));
        }
        tree
    }

    fn hexes(path: &[Hash]) -> Vec<String> {
        path.iter().map(hex::encode).collect()
    }

    #[test]
    fn the_reference_tree_has_the_known_roots() {
        let tree = known_tree();
        let mut frontier = Frontier::default();
        for (size, root) in ROOTS.iter().enumerate() {
            assert_eq!(hex::encode(tree.root_at(size as u64).unwrap()), *root, "size {size}");
            assert_eq!(hex::encode(frontier.root()), *root, "frontier of size {size}");
            assert_eq!(frontier, tree.frontier_at(size as u64).unwrap());
            if let Some(leaf) = tree.leaf(size as u64) {
                frontier.append(*leaf);
            }
        }
        assert_eq!(tree.root_at(9), Err(OutOfRange { size: 8, asked: 9 }));
    }

    /// kSHA256Paths and kSHA256Proofs of the same file (its leaves count from one).
    #[test]
    fn the_reference_tree_has_the_known_proofs() {
        let tree = known_tree();
        let path = |index, size| hexes(tree.inclusion_proof(index, size).unwrap().path());
        let proof = |old, new| hexes(tree.consistency_proof(old, new).unwrap().path());
        let a = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
        let b = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
        let c = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";
        let d = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
        let e = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
        let f = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";
        assert_eq!(path(0, 1), [""; 0]);
        assert_eq!(path(0, 8), [a, b, c]);
        assert_eq!(path(5, 8), [d, e, ROOTS[4]]);
        assert_eq!(path(2, 3), [ROOTS[2]]);
        assert_eq!(path(1, 5), [ROOTS[1], b, d]);
        assert_eq!(proof(1, 1), [""; 0]);
        assert_eq!(proof(1, 8), [a, b, c]);
        assert_eq!(proof(6, 8), [f, e, ROOTS[4]]);
        assert_eq!(proof(2, 5), [b, d]);
    }

    /// Every pair of sizes up to 300, against the definitions of the RFC; 300 crosses the fan-out twice.
    #[test]
    fn all_small_trees_agree_with_the_definition() {
        const SIZE: usize = 300;
        let leaves: Vec<Hash> = (0..SIZE).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        let mut tree = Tree::new();
        let mut known: HashMap<(Hash, usize), Hash> = HashMap::new();
        // Leaves differ, so the first leaf and the length name a range.
        let mut root = |range: &[Hash]| match range.first() {
            Some(first) => *known.entry((*first, range.len())).or_insert_with(|| reference::root(range)),
            None => empty_root(),
        };
        for size in 0..=SIZE {
            let whole = &leaves[..size];
            assert_eq!(tree.root(), root(whole));
            let mut prover = tree.prover(size as u64).unwrap();
            for smaller in 0..size {
                let inclusion = prover.inclusion_proof(smaller as u64).unwrap();
                assert_eq!(inclusion.path(), reference::path(smaller, whole, &mut root));
                inclusion.verify(&leaves[smaller], &tree.root()).unwrap();
                let consistency = tree.consistency_proof(smaller as u64, size as u64).unwrap();
                if smaller > 0 {
                    assert_eq!(consistency.path(), reference::consistency(smaller, whole, true, &mut root));
                }
                consistency.verify(&root(&leaves[..smaller]), &tree.root()).unwrap();
            }
            if size < SIZE {
                tree.append(leaves[size]);
            }
        }
    }

    /// Old roots, frontiers and proofs stay the same while the tree grows over three stored rows.
    #[test]
    fn a_grown_tree_still_answers_for_its_past() {
        let mut tree = Tree::new();
        let mut frontier = Frontier::default();
        let mut roots = vec![tree.root()];
        for n in 0..5000u64 {
            assert_eq!(
                tree.append(leaf_hash(&n.to_be_bytes())),
                frontier.append(leaf_hash(&n.to_be_bytes()))
            );
            roots.push(frontier.root());
        }
        for size in (0..=5000).step_by(37).chain([4095, 4096, 4097, 5000]) {
            assert_eq!(tree.root_at(size).unwrap(), roots[size as usize]);
            assert_eq!(tree.frontier_at(size).unwrap().root(), roots[size as usize]);
            let proof = tree.consistency_proof(size, 5000).unwrap();
            proof.verify(&roots[size as usize], &roots[5000]).unwrap();
        }
        assert_eq!(tree.inclusion_proof(5000, 5000), Err(OutOfRange { size: 5000, asked: 5000 }));
        assert_eq!(tree.inclusion_proof(0, 5001), Err(OutOfRange { size: 5000, asked: 5001 }));
        assert_eq!(tree.consistency_proof(11, 10), Err(OutOfRange { size: 10, asked: 11 }));
    }

    #[test]
    fn a_frontier_needs_one_root_per_set_bit() {
        assert!(Frontier::from_parts(5, vec![[0; 32]; 2]).is_some());
        assert!(Frontier::from_parts(5, vec![[0; 32]; 3]).is_none());
        assert!(Frontier::from_parts(u64::MAX, vec![[0; 32]; 64]).is_none());
        assert!(Frontier::from_parts(TREE_SIZE_MAX, vec![[0; 32]]).is_some());
    }
}
