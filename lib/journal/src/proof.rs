//! Proofs that an entry is in a tree and that one tree is a prefix of another, and their verification (RFC 9162 2.1).
//! Never needs the tree: a verifier holds a leaf, two sizes and two roots.
//!
//! In CBOR: `[index, size, hashes]` and `[old, new, hashes]`, the hashes as one byte string of 32 bytes each.

use minicbor::decode::{Decode, Decoder, Error};
use minicbor::encode::{self, Encode, Encoder, Write};

use crate::tree::{Frontier, Hash, TREE_SIZE_MAX, empty_root, node_hash};

/// No proof in a tree of at most [`TREE_SIZE_MAX`] leaves is longer.
pub const PROOF_HASHES_MAX: usize = 64;

/// Sizes and a number of hashes that can never belong to one proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no proof from {from} to tree size {size} has {hashes} hashes")]
pub struct Misshapen {
    /// The leaf's index, or the old size.
    pub from: u64,
    /// The size of the tree, or the new size.
    pub size: u64,
    /// Hashes given.
    pub hashes: usize,
}

/// Why a well-formed proof does not prove what it was shown for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadProof {
    /// Leaf, place and root do not belong together.
    #[error("the leaf is not at index {index} under this root over {size} leaves")]
    NotIncluded {
        /// The index that was claimed.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
    /// The two roots do not belong to one growing list, or the proof is not about them.
    #[error("the roots over {old} and {new} leaves are not proven to be of one list")]
    Inconsistent {
        /// The size of the older tree.
        old: u64,
        /// The size of the newer tree.
        new: u64,
    },
}

/// Proof that one leaf stands at one index of the tree of one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    index: u64,
    size: u64,
    path: Vec<Hash>,
}

impl InclusionProof {
    /// A proof as received. `path` runs from the leaf's sibling up to the root's child; its length is checked here.
    pub fn new(index: u64, size: u64, path: Vec<Hash>) -> Result<Self, Misshapen> {
        let fits = size <= TREE_SIZE_MAX && index < size && path.len() == inclusion_hashes(index, size);
        match fits {
            true => Ok(InclusionProof { index, size, path }),
            false => Err(Misshapen { from: index, size, hashes: path.len() }),
        }
    }

    /// The leaf's index.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Number of leaves of the tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hashes, from the leaf's sibling up.
    pub fn path(&self) -> &[Hash] {
        &self.path
    }

    /// Checks that `leaf` is at this index under `root` (RFC 9162 2.1.3.2). Index and size are the proof's own claim:
    /// who holds a head compares its size with [`InclusionProof::size`], or takes the size from the head.
    pub fn verify(&self, leaf: &Hash, root: &Hash) -> Result<(), BadProof> {
        let (mut node, mut last) = (self.index, self.size - 1);
        let mut hash = *leaf;
        for sibling in &self.path {
            if node & 1 == 1 || node == last {
                hash = node_hash(sibling, &hash);
                skip_missing_siblings(&mut node, &mut last);
            } else {
                hash = node_hash(&hash, sibling);
            }
            (node, last) = (node >> 1, last >> 1);
        }
        // `new` made sure that the path is neither short nor long, so `last` is 0 here.
        if hash == *root { Ok(()) } else { Err(BadProof::NotIncluded { index: self.index, size: self.size }) }
    }
}

/// Proof that the tree of `old` leaves is a prefix of the tree of `new` leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyProof {
    old: u64,
    new: u64,
    path: Vec<Hash>,
}

impl ConsistencyProof {
    /// A proof as received, in the order of RFC 9162 2.1.4.1; its length is checked here.
    pub fn new(old: u64, new: u64, path: Vec<Hash>) -> Result<Self, Misshapen> {
        let fits = new <= TREE_SIZE_MAX && old <= new && path.len() == consistency_hashes(old, new);
        match fits {
            true => Ok(ConsistencyProof { old, new, path }),
            false => Err(Misshapen { from: old, size: new, hashes: path.len() }),
        }
    }

    /// Number of leaves of the older tree.
    pub fn old(&self) -> u64 {
        self.old
    }

    /// Number of leaves of the newer tree.
    pub fn new_size(&self) -> u64 {
        self.new
    }

    /// The hashes, in the order of the RFC.
    pub fn path(&self) -> &[Hash] {
        &self.path
    }

    /// Checks that both roots belong to one growing list (RFC 9162 2.1.4.2). Every tree continues the empty one, whose
    /// root is known and is checked too. The sizes are the proof's own claim: the caller takes them from its heads.
    pub fn verify(&self, old_root: &Hash, new_root: &Hash) -> Result<(), BadProof> {
        let fits = match self.old {
            0 => *old_root == empty_root(),
            old if old == self.new => old_root == new_root,
            _ => self.leads_to(old_root, new_root),
        };
        if fits { Ok(()) } else { Err(BadProof::Inconsistent { old: self.old, new: self.new }) }
    }

    fn leads_to(&self, old_root: &Hash, new_root: &Hash) -> bool {
        let (mut node, mut last) = (self.old - 1, self.new - 1);
        let complete = node.trailing_ones();
        (node, last) = (node >> complete, last >> complete);
        // A complete old tree is itself the first node; its root is known and not in the path.
        let (first, rest) = match self.path.split_first() {
            Some((first, rest)) if !self.old.is_power_of_two() => (*first, rest),
            Some(_) | None => (*old_root, self.path.as_slice()),
        };
        let (mut old_hash, mut new_hash) = (first, first);
        for sibling in rest {
            if node & 1 == 1 || node == last {
                old_hash = node_hash(sibling, &old_hash);
                new_hash = node_hash(sibling, &new_hash);
                skip_missing_siblings(&mut node, &mut last);
            } else {
                new_hash = node_hash(&new_hash, sibling);
            }
            (node, last) = (node >> 1, last >> 1);
        }
        old_hash == *old_root && new_hash == *new_root
    }
}

/// The last node of a ragged row moves up unchanged until it has a left sibling.
fn skip_missing_siblings(node: &mut u64, last: &mut u64) {
    if *node & 1 == 0 {
        // An even last node was reached only as `node == last`; where it is 0 no sibling is left of it.
        let rows = if *node == 0 { 0 } else { node.trailing_zeros() };
        (*node, *last) = (*node >> rows, *last >> rows);
    }
}

fn bits(n: u64) -> u32 {
    u64::BITS - n.leading_zeros()
}

/// Hashes in an inclusion proof, for `index` < `size`: one per row below the place where the paths of the leaf and of
/// the last leaf meet, and above it one per row in which that common path turns right.
fn inclusion_hashes(index: u64, size: u64) -> usize {
    let inner = bits(index ^ (size - 1));
    let border = index.checked_shr(inner).unwrap_or(0).count_ones();
    (inner + border) as usize
}

/// Hashes in a consistency proof, for `old` <= `new`: an inclusion proof of the old tree's last complete part, and that
/// part itself unless it is the whole old tree.
fn consistency_hashes(old: u64, new: u64) -> usize {
    if old == 0 || old == new {
        return 0;
    }
    let part = old.trailing_zeros();
    inclusion_hashes((old - 1) >> part, ((new - 1) >> part) + 1) + usize::from(!old.is_power_of_two())
}

// --- CBOR

/// Writes hashes as one byte string.
fn encode_hashes<W: Write>(path: &[Hash], e: &mut Encoder<W>) -> Result<(), encode::Error<W::Error>> {
    e.bytes(path.as_flattened())?.ok()
}

/// Reads at most [`PROOF_HASHES_MAX`] hashes from one byte string.
fn decode_hashes(d: &mut Decoder<'_>) -> Result<Vec<Hash>, Error> {
    let (hashes, rest) = d.bytes()?.as_chunks::<32>();
    if !rest.is_empty() || hashes.len() > PROOF_HASHES_MAX {
        return Err(Error::message("not a list of hashes, or too long"));
    }
    Ok(hashes.to_vec())
}

fn decode_array(d: &mut Decoder<'_>, length: u64) -> Result<(), Error> {
    match d.array()? {
        Some(given) if given == length => Ok(()),
        Some(_) | None => Err(Error::message("array of another length")),
    }
}

impl<C> Encode<C> for InclusionProof {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        encode_hashes(&self.path, e.array(3)?.u64(self.index)?.u64(self.size)?)
    }
}

impl<'b, C> Decode<'b, C> for InclusionProof {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, Error> {
        decode_array(d, 3)?;
        InclusionProof::new(d.u64()?, d.u64()?, decode_hashes(d)?).map_err(Error::message)
    }
}

impl<C> Encode<C> for ConsistencyProof {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        encode_hashes(&self.path, e.array(3)?.u64(self.old)?.u64(self.new)?)
    }
}

impl<'b, C> Decode<'b, C> for ConsistencyProof {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, Error> {
        decode_array(d, 3)?;
        ConsistencyProof::new(d.u64()?, d.u64()?, decode_hashes(d)?).map_err(Error::message)
    }
}

impl<C> Encode<C> for Frontier {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        encode_hashes(self.roots(), e.array(2)?.u64(self.size())?)
    }
}

impl<'b, C> Decode<'b, C> for Frontier {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, Error> {
        decode_array(d, 2)?;
        Frontier::from_parts(d.u64()?, decode_hashes(d)?)
            .ok_or(Error::message("not the roots of such a size"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Tree, leaf_hash};

    fn tree(size: u64) -> Tree {
        let mut tree = Tree::new();
        for n in 0..size {
            tree.append(leaf_hash(&n.to_be_bytes()));
        }
        tree
    }

    /// Every way to bend one hash, to add one and to take one away, for each proof of some sizes.
    fn bent(path: &[Hash]) -> Vec<Vec<Hash>> {
        let mut all = vec![[path, &[[7; 32]]].concat(), [&[[7; 32]], path].concat()];
        for i in 0..path.len() {
            let mut wrong = path.to_vec();
            wrong[i][31] ^= 1;
            all.push(wrong);
            let mut short = path.to_vec();
            short.remove(i);
            all.push(short);
        }
        all
    }

    #[test]
    fn an_inclusion_proof_proves_nothing_else() {
        for size in [1, 2, 3, 7, 8, 9, 33, 64, 100] {
            let tree = tree(size);
            let root = tree.root();
            for index in 0..size {
                let proof = tree.inclusion_proof(index, size).unwrap();
                let leaf = tree.leaf(index).unwrap();
                let wrong = Err(BadProof::NotIncluded { index, size });
                assert_eq!(proof.verify(leaf, &[9; 32]), wrong);
                assert_eq!(proof.verify(&leaf_hash(b"other"), &root), wrong);
                for path in bent(proof.path()) {
                    let bad = InclusionProof::new(index, size, path);
                    assert!(bad.is_err() || bad.unwrap().verify(leaf, &root).is_err());
                }
                for other in (0..size).filter(|other| *other != index) {
                    let moved = InclusionProof::new(other, size, proof.path().to_vec());
                    assert!(moved.is_err() || moved.unwrap().verify(leaf, &root).is_err());
                }
            }
        }
    }

    #[test]
    fn a_consistency_proof_proves_nothing_else() {
        for new in [2, 3, 7, 8, 9, 33, 64] {
            let tree = tree(new);
            let new_root = tree.root();
            for old in 1..new {
                let old_root = tree.root_at(old).unwrap();
                let proof = tree.consistency_proof(old, new).unwrap();
                assert!(proof.verify(&new_root, &old_root).is_err());
                let wrong = Err(BadProof::Inconsistent { old, new });
                assert_eq!(proof.verify(&[9; 32], &new_root), wrong);
                assert_eq!(proof.verify(&old_root, &[9; 32]), wrong);
                for path in bent(proof.path()) {
                    let bad = ConsistencyProof::new(old, new, path);
                    assert!(bad.is_err() || bad.unwrap().verify(&old_root, &new_root).is_err());
                }
            }
        }
    }

    #[test]
    fn the_empty_and_the_equal_tree_need_no_hashes() {
        let some = [5; 32];
        let from_nothing = ConsistencyProof::new(0, 9, Vec::new()).unwrap();
        from_nothing.verify(&empty_root(), &some).unwrap();
        assert_eq!(from_nothing.verify(&some, &some), Err(BadProof::Inconsistent { old: 0, new: 9 }));
        let equal = ConsistencyProof::new(9, 9, Vec::new()).unwrap();
        equal.verify(&some, &some).unwrap();
        assert_eq!(equal.verify(&some, &empty_root()), Err(BadProof::Inconsistent { old: 9, new: 9 }));
        assert!(ConsistencyProof::new(9, 9, vec![some]).is_err());
        assert!(ConsistencyProof::new(0, 9, vec![some]).is_err());
        assert!(ConsistencyProof::new(9, 8, Vec::new()).is_err());
        assert!(InclusionProof::new(0, 0, Vec::new()).is_err());
        assert!(InclusionProof::new(1, 1, Vec::new()).is_err());
    }

    /// The largest trees: nothing wraps, and what is one larger is refused.
    #[test]
    fn sizes_up_to_two_to_the_63rd_neither_wrap_nor_pass() {
        let root = [1; 32];
        for size in [1 << 62, (1 << 62) + 1, TREE_SIZE_MAX - 1, TREE_SIZE_MAX] {
            for index in [0, 1, size / 2, size - 2, size - 1] {
                let path = vec![[2; 32]; inclusion_hashes(index, size)];
                let proof = InclusionProof::new(index, size, path).unwrap();
                assert!(proof.verify(&root, &root).is_err());
                let path = vec![[2; 32]; consistency_hashes(index, size)];
                assert!(path.len() <= PROOF_HASHES_MAX);
                let proof = ConsistencyProof::new(index, size, path).unwrap();
                assert!(proof.verify(&[3; 32], &root).is_err());
            }
        }
        for size in [TREE_SIZE_MAX + 1, u64::MAX] {
            for hashes in 0..=PROOF_HASHES_MAX {
                assert!(InclusionProof::new(0, size, vec![root; hashes]).is_err());
                assert!(ConsistencyProof::new(1, size, vec![root; hashes]).is_err());
            }
        }
    }

    #[test]
    fn proofs_and_frontiers_travel_in_cbor() {
        let tree = tree(77);
        let inclusion = tree.inclusion_proof(5, 77).unwrap();
        let bytes = minicbor::to_vec(&inclusion).unwrap();
        assert_eq!(bytes[..6], [0x83, 0x05, 0x18, 77, 0x58, 7 * 32]);
        assert_eq!(minicbor::decode::<InclusionProof>(&bytes).unwrap(), inclusion);
        let consistency = tree.consistency_proof(50, 77).unwrap();
        let bytes = minicbor::to_vec(&consistency).unwrap();
        assert_eq!(minicbor::decode::<ConsistencyProof>(&bytes).unwrap(), consistency);
        let frontier = tree.frontier_at(77).unwrap();
        let bytes = minicbor::to_vec(&frontier).unwrap();
        assert_eq!(minicbor::decode::<Frontier>(&bytes).unwrap(), frontier);
        // A wrong count, a broken hash, an open array, too many hashes.
        let refused = |bytes: &[u8]| minicbor::decode::<InclusionProof>(bytes).is_err();
        assert!(refused(&[0x83, 0x00, 0x02, 0x40]));
        assert!(refused(&[0x83, 0x00, 0x02, 0x41, 0xff]));
        assert!(refused(&[0x9f, 0x00, 0x01, 0x40, 0xff]));
        let mut many = vec![0x83, 0x00, 0x01, 0x59, 0x08, 0x20];
        many.extend([0; 65 * 32]);
        assert!(refused(&many));
    }
}
