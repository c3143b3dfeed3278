//! Proof that several leaves stand at their places under one root: one hash for each subtree that holds none of them.
//! Never needs the tree to be verified, and never holds a hash twice: neighbours share the whole way to the root.
//!
//! ```text
//!            root                 leaves 4 and 5 of 7:   a, b, in this order: from the left to the right
//!         /        \
//!       [a]          o
//!      /   \       /    \
//!    o       o    o     [b]      the walk of RFC 9162 2.1.3.1, into both sides where both hold a leaf
//!   0 1     2 3  4 5     6
//! ```
//! In CBOR: one byte string, 32 bytes a hash. For one leaf they are the hashes of its inclusion proof in another order.

use crate::proof::{BadProof, InclusionProof};
use crate::tree::{Hash, TREE_SIZE_MAX, node_hash, split};
use minicbor::decode::{Decode, Decoder, Error};
use minicbor::encode::{self, Encode, Encoder, Write};

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MultiProof {
    hashes: Vec<Hash>,
}

impl MultiProof {
    /// Hashes from the left to the right, as they were made or received.
    pub fn new(hashes: Vec<Hash>) -> Self {
        Self { hashes }
    }

    /// The hashes, from the left to the right.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// The inclusion proof of the one leaf at this index, where the hashes are as many as that has.
    pub fn inclusion(&self, index: u64, size: u64) -> Option<InclusionProof> {
        if index >= size || size > TREE_SIZE_MAX {
            return None;
        }
        let mut hashes = self.hashes.iter();
        let path = path_of(0, size, index, &mut hashes)?;
        if hashes.as_slice().is_empty() { InclusionProof::new(index, size, path).ok() } else { None }
    }

    /// Checks that each of these leaves, ascending by index, stands at its index under `root` over `size` leaves. The
    /// caller takes size and root from a head that he holds. Nothing is proven of no leaves.
    pub fn verify(&self, leaves: &[(u64, Hash)], size: u64, root: &Hash) -> Result<(), BadProof> {
        let bad = BadProof::NotIncluded { index: leaves.first().map_or(0, |(index, _)| *index), size };
        let ascending = leaves.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let fits = leaves.last().is_some_and(|(index, _)| *index < size);
        if !ascending || !fits || size > TREE_SIZE_MAX {
            return Err(bad);
        }
        let mut hashes = self.hashes.iter();
        match climb(0, size, leaves, &mut hashes) {
            Some(found) if found == *root && hashes.as_slice().is_empty() => Ok(()),
            Some(_) | None => Err(bad),
        }
    }
}

/// The hashes beside the way from one leaf up, from those that were written from the left to the right. At most 63 deep.
fn path_of(start: u64, end: u64, index: u64, hashes: &mut std::slice::Iter<'_, Hash>) -> Option<Vec<Hash>> {
    if end - start == 1 {
        return Some(Vec::new());
    }
    let middle = start + split(end - start);
    if index < middle {
        let mut path = path_of(start, middle, index, hashes)?;
        path.push(*hashes.next()?);
        Some(path)
    } else {
        let left = *hashes.next()?;
        let mut path = path_of(middle, end, index, hashes)?;
        path.push(left);
        Some(path)
    }
}

/// Root of the leaves `start..end`, from those that are known and the hashes for all others. At most 63 deep.
fn climb(
    start: u64,
    end: u64,
    leaves: &[(u64, Hash)],
    hashes: &mut std::slice::Iter<'_, Hash>,
) -> Option<Hash> {
    match leaves {
        [] => hashes.next().copied(),
        [(_, leaf)] if end - start == 1 => Some(*leaf),
        _ => {
            let middle = start + split(end - start);
            let (left, right) = leaves.split_at(leaves.partition_point(|(index, _)| *index < middle));
            let left = climb(start, middle, left, hashes)?;
            Some(node_hash(&left, &climb(middle, end, right, hashes)?))
        }
    }
}

impl<C> Encode<C> for MultiProof {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.bytes(self.hashes.as_flattened())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for MultiProof {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, Error> {
        // No bound of its own: whoever reads it has bounded the frame that it lies in, and `verify` reads each hash once.
        match d.bytes()?.as_chunks::<32>() {
            (hashes, []) => Ok(Self::new(hashes.to_vec())),
            _ => Err(Error::message("not a list of hashes")),
        }
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

    fn leaves(tree: &Tree, indices: &[u64]) -> Vec<(u64, Hash)> {
        indices.iter().map(|index| (*index, *tree.leaf(*index).unwrap())).collect()
    }

    #[test]
    fn every_set_of_leaves_of_every_small_tree_is_proven_and_no_other() {
        for size in 1..=9u64 {
            let tree = tree(size);
            for set in 1..1u64 << size {
                let indices: Vec<u64> = (0..size).filter(|index| set >> index & 1 == 1).collect();
                let proof = tree.prover(size).unwrap().multi_proof(&indices).unwrap();
                let leaves = leaves(&tree, &indices);
                assert_eq!(proof.verify(&leaves, size, &tree.root()), Ok(()));
                for n in 0..leaves.len() {
                    let mut forged = leaves.clone();
                    forged[n].1[0] ^= 1;
                    assert!(proof.verify(&forged, size, &tree.root()).is_err());
                    let mut fewer = leaves.clone();
                    fewer.remove(n);
                    assert!(proof.verify(&fewer, size, &tree.root()).is_err());
                }
            }
        }
    }

    #[test]
    fn the_proof_of_one_leaf_is_its_inclusion_proof() {
        for size in 1..=17u64 {
            let tree = tree(size);
            for index in 0..size {
                let one = tree.prover(size).unwrap().multi_proof(&[index]).unwrap();
                let proof = one.inclusion(index, size).unwrap();
                assert_eq!(proof, tree.inclusion_proof(index, size).unwrap());
                let longer = MultiProof::new([one.hashes(), &[[1; 32]]].concat());
                assert_eq!(longer.inclusion(index, size), None);
                assert_eq!(one.inclusion(size, size), None);
            }
        }
    }

    #[test]
    fn a_run_of_neighbours_costs_hardly_more_than_one() {
        let tree = tree(5000);
        let mut prover = tree.prover(5000).unwrap();
        let indices: Vec<u64> = (4900..5000).collect();
        let many = prover.multi_proof(&indices).unwrap();
        let one = prover.inclusion_proof(4950).unwrap();
        assert!(many.hashes().len() <= one.path().len() + 2, "{}", many.hashes().len());
        assert_eq!(many.verify(&leaves(&tree, &indices), 5000, &tree.root()), Ok(()));
        // The same hashes, in another order, as for one leaf.
        let mut single = prover.multi_proof(&[4950]).unwrap().hashes().to_vec();
        let mut path = one.path().to_vec();
        single.sort_unstable();
        path.sort_unstable();
        assert_eq!(single, path);
    }

    #[test]
    fn what_is_out_of_order_out_of_range_or_too_long_proves_nothing() {
        let tree = tree(7);
        let root = tree.root();
        let proof = tree.prover(7).unwrap().multi_proof(&[4, 5]).unwrap();
        let good = leaves(&tree, &[4, 5]);
        assert_eq!(proof.hashes().len(), 2, "as drawn");
        assert!(proof.verify(&[good[1], good[0]], 7, &root).is_err());
        assert!(proof.verify(&[good[0], good[0]], 7, &root).is_err());
        assert!(proof.verify(&[], 7, &root).is_err());
        assert!(MultiProof::new(vec![root]).verify(&[], 7, &root).is_err());
        assert!(proof.verify(&good, 6, &root).is_err());
        assert!(proof.verify(&good, TREE_SIZE_MAX + 1, &root).is_err());
        let longer = MultiProof::new([proof.hashes(), &[root]].concat());
        assert!(longer.verify(&good, 7, &root).is_err());
        let shorter = MultiProof::new(proof.hashes()[..1].to_vec());
        assert!(shorter.verify(&good, 7, &root).is_err());
        assert!(tree.prover(7).unwrap().multi_proof(&[7]).is_err());
    }

    #[test]
    fn bytes_are_whole_hashes() {
        let proof = MultiProof::new(vec![[1; 32], [2; 32]]);
        let bytes = pki::canonical::encode(&proof);
        assert_eq!(pki::canonical::decode::<MultiProof>(&bytes).unwrap(), proof);
        assert!(pki::canonical::decode::<MultiProof>(&[0x41, 0]).is_err());
    }
}
