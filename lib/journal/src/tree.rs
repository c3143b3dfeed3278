//! The Merkle tree over the journal's entries (RFC 6962 2.1, RFC 9162 2.1), kept in memory.
//! Never sees an entry: leaf hashes come in, roots and proofs go out.
//!
//! ```text
//! above[1]    one hash per 256 leaves      o
//! above[0]    one hash per 16 leaves       o o o ... o
//! leaves      every leaf hash              oooooooooooooooo oooooooooooooooo ...
//! ```
//! The leaves, fifteen sixteenths of it, may lie elsewhere ([`Leaves`]). Only every fourth height is stored: 34.1 bytes per leaf instead of 64. What lies between is hashed again when a
//! proof asks for it, at most eleven hashes for four heights. Levels 0, 2, 4, ... are the rows of C2SP's tlog-tiles.

mod hash;

pub use hash::{Hash, LEAF_PREFIX, empty_root, leaf_hash, node_hash, prefixed_leaf_hash};
pub(crate) use hash::{fold, join};

use crate::multiproof::MultiProof;
use crate::proof::{ConsistencyProof, InclusionProof};
use std::collections::HashMap;

/// Trees larger than this are refused everywhere, so that no sum or shift of sizes can overflow.
pub const TREE_SIZE_MAX: u64 = 1 << 63;

/// Heights between two stored rows.
const STRIDE: u32 = 4;
/// Nodes of one stored row under one node of the next.
const FAN_OUT: u64 = 1 << STRIDE;

/// Leaves of one row.
pub const ROW_LEAVES: usize = FAN_OUT as usize;

/// The root over a row of leaves, for [`Tree::append_row`].
pub fn row_root(row: &[Hash; ROW_LEAVES]) -> Hash {
    fold(row)
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

/// Where a tree keeps its leaf hashes: in memory, or (an auditor's, of a long log) out of it.
pub trait Leaves {
    /// How many there are.
    fn count(&self) -> u64;
    /// One more.
    fn push(&mut self, leaf: Hash);
    /// The one at `index`, which is below the count.
    fn at(&self, index: u64) -> Hash;
}

impl Leaves for Vec<Hash> {
    fn count(&self) -> u64 {
        self.len() as u64
    }

    fn push(&mut self, leaf: Hash) {
        self.push(leaf);
    }

    fn at(&self, index: u64) -> Hash {
        self[usize::try_from(index).expect("below the count of a vector")]
    }
}

/// All leaf hashes of a journal and what is needed to prove things about them.
#[derive(Debug, Clone)]
pub struct Tree<L = Vec<Hash>> {
    leaves: L,
    /// `above[l - 1][i]` is the root of the leaves `i << (4 l) .. (i + 1) << (4 l)`; only complete subtrees stand here.
    above: Vec<Vec<Hash>>,
}

impl<L: Leaves + Default> Default for Tree<L> {
    fn default() -> Self {
        Tree::over(L::default())
    }
}

impl Tree {
    /// The tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// The leaf hash of entry `index`, if there is one.
    pub fn leaf(&self, index: u64) -> Option<&Hash> {
        self.leaves.get(usize::try_from(index).ok()?)
    }

    /// Flips a bit of a stored hash, as a bad memory would: for tests of whoever signs a root.
    #[cfg(any(test, feature = "testing"))]
    pub fn flip(&mut self, level: usize, from_end: usize) {
        let row = level.checked_sub(1).map_or(Some(&mut self.leaves), |above| self.above.get_mut(above));
        if let Some(hash) = row.and_then(|row| row.iter_mut().rev().nth(from_end)) {
            hash[7] ^= 0x10;
        }
    }
}

impl<L: Leaves> Tree<L> {
    /// The tree without leaves, which are to lie here.
    pub fn over(leaves: L) -> Self {
        Tree { leaves, above: Vec::new() }
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.leaves.count()
    }

    /// Where the leaf hashes lie.
    pub fn leaves(&self) -> &L {
        &self.leaves
    }

    /// Appends one leaf hash and returns its index. Amortised constant time.
    pub fn append(&mut self, leaf: Hash) -> u64 {
        let index = self.size();
        self.leaves.push(leaf);
        if (index + 1).is_multiple_of(FAN_OUT) {
            let root = self.fold_row(0, index + 1 - FAN_OUT, FAN_OUT);
            self.close(root);
        }
        index
    }

    /// Appends a row of leaf hashes at once, with the root over them that [`row_root`] reckoned, perhaps on another
    /// processor. Where the tree does not stand at the beginning of a row they are appended one by one.
    pub fn append_row(&mut self, row: &[Hash; ROW_LEAVES], root: Hash) {
        if !self.size().is_multiple_of(FAN_OUT) {
            for leaf in row {
                self.append(*leaf);
            }
            return;
        }
        row.iter().for_each(|leaf| self.leaves.push(*leaf));
        self.close(root);
    }

    /// Stores the root over a row of leaves that is complete, and those over the rows that it completes above.
    fn close(&mut self, root: Hash) {
        let (mut level, mut root) = (0, root);
        loop {
            if level == self.above.len() {
                self.above.push(Vec::new());
            }
            self.above[level].push(root);
            let count = self.above[level].len() as u64;
            level += 1;
            if !count.is_multiple_of(FAN_OUT) {
                return;
            }
            root = self.fold_row(level, count - FAN_OUT, FAN_OUT);
        }
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
    pub fn prover(&self, size: u64) -> Result<Prover<'_, L>, OutOfRange> {
        self.check_size(size)?;
        Ok(Prover { tree: self, size, known: HashMap::new() })
    }

    /// Proves that the tree of `old` leaves is a prefix of the tree of `new` leaves (RFC 9162 2.1.4.1).
    pub fn consistency_proof(&self, old: u64, new: u64) -> Result<ConsistencyProof, OutOfRange> {
        self.check_size(new)?;
        if old > new {
            return Err(OutOfRange { size: new, asked: old });
        }
        let path = consistency_ranges(old, new)
            .into_iter()
            .map(|(start, end)| self.range_root(start, end))
            .collect();
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
        let level = height / STRIDE;
        self.fold_row(level as usize, start >> (level * STRIDE), 1 << (height % STRIDE))
    }

    /// Root over `width` neighbours of a stored row, a power of two of at most [`FAN_OUT`].
    fn fold_row(&self, level: usize, first: u64, width: u64) -> Hash {
        let Some(above) = level.checked_sub(1) else {
            let mut row = [Hash::default(); FAN_OUT as usize];
            (first..first + width).zip(&mut row).for_each(|(index, leaf)| *leaf = self.leaves.at(index));
            return fold(&row[..width as usize]);
        };
        fold(&self.above[above][first as usize..(first + width) as usize])
    }
}

/// Makes proofs under one root. Neighbours share most of their path, so each hash is reckoned once.
#[derive(Debug)]
pub struct Prover<'a, L = Vec<Hash>> {
    tree: &'a Tree<L>,
    size: u64,
    /// Roots of the subtrees that were asked for, by start and end.
    known: HashMap<(u64, u64), Hash>,
}

impl<L: Leaves> Prover<'_, L> {
    /// Proves that leaf `index` is in the tree (RFC 9162 2.1.3.1).
    pub fn inclusion_proof(&mut self, index: u64) -> Result<InclusionProof, OutOfRange> {
        self.check_index(index)?;
        let ranges = inclusion_ranges(index, self.size).into_iter();
        let path = ranges.map(|(start, end)| self.root_of(start, end)).collect();
        Ok(InclusionProof::new(index, self.size, path).expect("the walk above gives one hash per height"))
    }

    /// Proves that these leaves, ascending, are in the tree.
    pub fn multi_proof(&mut self, indices: &[u64]) -> Result<MultiProof, OutOfRange> {
        indices.last().map_or(Ok(()), |last| self.check_index(*last))?;
        let mut hashes = Vec::new();
        if !indices.is_empty() {
            self.descend(0, self.size, indices, &mut hashes);
        }
        Ok(MultiProof::new(hashes))
    }

    fn check_index(&self, asked: u64) -> Result<(), OutOfRange> {
        if asked < self.size { Ok(()) } else { Err(OutOfRange { size: self.size, asked }) }
    }

    /// The hashes of the subtrees of `start..end` that hold none of these leaves. At most 63 deep.
    fn descend(&mut self, start: u64, end: u64, indices: &[u64], hashes: &mut Vec<Hash>) {
        if indices.is_empty() {
            hashes.push(self.root_of(start, end));
        } else if end - start > 1 {
            let middle = start + split(end - start);
            let (left, right) = indices.split_at(indices.partition_point(|index| *index < middle));
            self.descend(start, middle, left, hashes);
            self.descend(middle, end, right, hashes);
        }
    }

    fn root_of(&mut self, start: u64, end: u64) -> Hash {
        *self.known.entry((start, end)).or_insert_with(|| self.tree.range_root(start, end))
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

/// The leaves, as `start..end`, under each hash of the proof that leaf `index` is in the tree of `size` leaves, in the
/// proof's order (RFC 9162 2.1.3.1). `index` is below `size`.
pub(crate) fn inclusion_ranges(index: u64, size: u64) -> Vec<(u64, u64)> {
    let (mut start, mut end) = (0, size);
    let mut ranges = Vec::new();
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            ranges.push((middle, end));
            end = middle;
        } else {
            ranges.push((start, middle));
            start = middle;
        }
    }
    ranges.reverse();
    ranges
}

/// The same of the proof that the tree of `old` leaves is a prefix of that of `new` (RFC 9162 2.1.4.1). `old` is at most
/// `new`.
pub(crate) fn consistency_ranges(old: u64, new: u64) -> Vec<(u64, u64)> {
    let (mut start, mut end) = (0, new);
    let mut ranges = Vec::new();
    // An empty or an equal tree needs no proof; otherwise walk down to where the old tree ends.
    while old != 0 && old != end {
        let middle = start + split(end - start);
        if old <= middle {
            ranges.push((middle, end));
            end = middle;
        } else {
            ranges.push((start, middle));
            start = middle;
        }
    }
    // The old tree's last complete part, unless it is the whole old tree, whose root the verifier knows.
    if start != 0 {
        ranges.push((start, end));
    }
    ranges.reverse();
    ranges
}

/// The largest power of two smaller than `n`, for `n` > 1.
pub(crate) fn split(n: u64) -> u64 {
    1 << (63 - (n - 1).leading_zeros())
}

/// Start and height of the complete subtrees that make up the leaves `start..end`, largest first.
pub(crate) fn complete_subtrees(start: u64, end: u64) -> impl DoubleEndedIterator<Item = (u64, u32)> {
    let count = end - start;
    (0..u64::BITS).rev().filter(move |height| count >> height & 1 == 1).map(move |height| {
        let larger = count.checked_shr(height + 1).unwrap_or(0).checked_shl(height + 1).unwrap_or(0);
        (start + larger, height)
    })
}

#[cfg(test)]
mod tests;
