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
        assert_eq!(tree.append(leaf_hash(&n.to_be_bytes())), frontier.append(leaf_hash(&n.to_be_bytes())));
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

mod reference {
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
    pub(super) fn root(leaves: &[Hash]) -> Hash {
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
    pub(super) fn path(index: usize, leaves: &[Hash], root: &mut dyn FnMut(&[Hash]) -> Hash) -> Vec<Hash> {
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
    pub(super) fn consistency(
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

#[test]
fn a_tree_of_rows_is_the_tree_of_its_leaves() {
    let leaf = |n: u64| leaf_hash(&n.to_be_bytes());
    for before in [0, 1, 15, 16] {
        let (mut rows, mut single) = (Tree::new(), Tree::new());
        for n in 0..before {
            rows.append(leaf(n));
        }
        for first in (before..before + 5000).step_by(ROW_LEAVES) {
            let row = std::array::from_fn(|n| leaf(first + n as u64));
            rows.append_row(&row, row_root(&row));
        }
        for n in 0..rows.size() {
            single.append(leaf(n));
        }
        for size in (0..=rows.size()).step_by(61).chain([rows.size()]) {
            assert_eq!(rows.root_at(size), single.root_at(size), "{size} behind {before}");
        }
    }
}
