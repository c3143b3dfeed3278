//! Roots and proofs of a long log out of its tiles: of a million leaves a handful of tiles is read.
//! Never sees a file, and never believes a tile: a proof is given only once it holds under the root that was asked for.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::ids::{Hash, Head};
use crate::proof::{ConsistencyProof, InclusionProof};
use crate::tiles::{TILE_WIDTH, Tile, TileKind};
use crate::tree::{complete_subtrees, consistency_ranges, empty_root, fold, inclusion_ranges, join};

const HASH_BYTES: usize = 32;
/// Heights between two levels of tiles.
const TILE_HEIGHT: u32 = TILE_WIDTH.ilog2();

/// Why tiles prove nothing.
#[derive(Debug, thiserror::Error)]
pub enum BadTiles<E> {
    /// One of them cannot be read.
    #[error("{tile}: {cause}")]
    Unread {
        /// Which.
        tile: Tile,
        /// Why.
        cause: E,
    },
    /// One of them does not hold as many hashes as its name says.
    #[error("{tile} does not hold {} hashes", .tile.width)]
    Misshapen {
        /// Which.
        tile: Tile,
    },
    /// They do not belong under the root of this head.
    #[error("the tiles do not lead to the root over {size} entries")]
    NotUnderHead {
        /// Its size.
        size: u64,
    },
    /// A question beyond the head.
    #[error("the tree has {size} leaves; asked was {asked}")]
    OutOfRange {
        /// Of the head.
        size: u64,
        /// The index or size asked for.
        asked: u64,
    },
}

/// The tiles of a log under one head. `read` gives the content of a tile of hashes by its place.
pub struct TileTree<R> {
    head: Head,
    read: R,
}

impl<R, E> TileTree<R>
where
    R: Fn(Tile) -> Result<Vec<u8>, E>,
{
    /// The tiles as they lie under this head.
    pub fn new(head: Head, read: R) -> Self {
        Self { head, read }
    }

    /// The head that everything is proven under.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Proves that this is leaf `index` of the head.
    pub fn inclusion_proof(&self, index: u64, leaf: &Hash) -> Result<InclusionProof, BadTiles<E>> {
        let Head { size, root } = self.head;
        if index >= size {
            return Err(BadTiles::OutOfRange { size, asked: index });
        }
        let path = self.roots(&inclusion_ranges(index, size))?;
        let proof = InclusionProof::new(index, size, path).ok();
        proof.filter(|proof| proof.verify(leaf, &root).is_ok()).ok_or(BadTiles::NotUnderHead { size })
    }

    /// The root that the log had at `old` entries, and the proof that the head continues it.
    pub fn continued(&self, old: u64) -> Result<(Hash, ConsistencyProof), BadTiles<E>> {
        let Head { size, root } = self.head;
        if old > size {
            return Err(BadTiles::OutOfRange { size, asked: old });
        }
        let found = match old {
            0 => empty_root(),
            _ if old == size => root,
            _ => join(self.roots(&subtree_ranges(old))?.into_iter()),
        };
        let path = self.roots(&consistency_ranges(old, size))?;
        let proof = ConsistencyProof::new(old, size, path).ok();
        let proof = proof.filter(|proof| proof.verify(&found, &root).is_ok());
        Ok((found, proof.ok_or(BadTiles::NotUnderHead { size })?))
    }

    /// The roots over these ranges of leaves, each tile read once.
    fn roots(&self, ranges: &[(u64, u64)]) -> Result<Vec<Hash>, BadTiles<E>> {
        let mut tiles = BTreeMap::new();
        let over = |(start, end): &(u64, u64)| {
            let subtrees = complete_subtrees(*start, *end);
            // Their starts are counted from the range's own, which is a multiple of all of them.
            let roots: Vec<Hash> = subtrees
                .map(|(start, height)| self.subtree(&mut tiles, start, height))
                .collect::<Result<_, _>>()?;
            Ok(join(roots.into_iter()))
        };
        ranges.iter().map(over).collect()
    }

    /// Root of the complete subtree of `2^height` leaves that begins at leaf `start`.
    fn subtree(
        &self,
        tiles: &mut BTreeMap<(u8, u64), Vec<Hash>>,
        start: u64,
        height: u32,
    ) -> Result<Hash, BadTiles<E>> {
        let level = height / TILE_HEIGHT;
        let first = start >> (level * TILE_HEIGHT);
        let (index, at) = (first / TILE_WIDTH as u64, (first % TILE_WIDTH as u64) as usize);
        let level = level as u8;
        let hashes = match tiles.entry((level, index)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(self.tile(level, index)?),
        };
        let width = 1 << (height % TILE_HEIGHT);
        Ok(fold(&hashes[at..at + width]))
    }

    /// The hashes of a tile that the head's tree has.
    fn tile(&self, level: u8, index: u64) -> Result<Vec<Hash>, BadTiles<E>> {
        let row = self.head.size >> (u32::from(level) * TILE_HEIGHT);
        let width = (row - index * TILE_WIDTH as u64).min(TILE_WIDTH as u64) as usize;
        let tile = Tile { kind: TileKind::Hashes(level), index, width };
        let content = (self.read)(tile).map_err(|cause| BadTiles::Unread { tile, cause })?;
        let (hashes, rest) = content.as_chunks::<HASH_BYTES>();
        match hashes.len() == width && rest.is_empty() {
            true => Ok(hashes.to_vec()),
            false => Err(BadTiles::Misshapen { tile }),
        }
    }
}

/// The complete subtrees of so many leaves, as ranges.
fn subtree_ranges(size: u64) -> Vec<(u64, u64)> {
    complete_subtrees(0, size).map(|(start, height)| (start, start + (1 << height))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tiles::Tiler;
    use crate::tree::{Tree, leaf_hash};
    use std::collections::HashMap;

    /// Tiles of so many leaves, and their tree.
    fn tiled(size: u32) -> (HashMap<String, Vec<u8>>, Tree) {
        let (mut tiler, mut tree, mut files) = (Tiler::new(), Tree::new(), HashMap::new());
        for n in 0..size {
            let leaf = leaf_hash(&n.to_be_bytes());
            tree.append(leaf);
            files.extend(tiler.append(leaf).into_iter().map(|(tile, hashes)| (tile.to_string(), hashes)));
        }
        files.extend(tiler.partial().map(|(tile, hashes)| (tile.to_string(), hashes.to_vec())));
        (files, tree)
    }

    fn over<'a>(
        files: &'a HashMap<String, Vec<u8>>,
        head: Head,
    ) -> TileTree<impl Fn(Tile) -> Result<Vec<u8>, &'static str> + 'a> {
        TileTree::new(head, |tile: Tile| files.get(&tile.to_string()).cloned().ok_or("no such tile"))
    }

    #[test]
    fn proofs_out_of_tiles_are_those_of_the_tree() {
        for size in [1, 2, 255, 256, 257, 511, 513, 65_535, 65_536, 65_537, 66_049] {
            let (files, tree) = tiled(size);
            let tiles = over(&files, Head { size: size.into(), root: tree.root() });
            let size = u64::from(size);
            let places = [0, 1, 254, 255, 256, 257, 511, 512, 65_534, 65_535, 65_536, size - 1, size / 2];
            for index in places.into_iter().filter(|index| *index < size) {
                let found = tiles.inclusion_proof(index, tree.leaf(index).unwrap()).unwrap();
                assert_eq!(found, tree.inclusion_proof(index, size).unwrap(), "{index} of {size}");
            }
            for old in places.into_iter().chain([size]).filter(|old| *old <= size) {
                let (root, proof) = tiles.continued(old).unwrap();
                assert_eq!(root, tree.root_at(old).unwrap(), "{old} of {size}");
                assert_eq!(proof, tree.consistency_proof(old, size).unwrap(), "{old} of {size}");
            }
            assert!(matches!(tiles.inclusion_proof(size, &[0; 32]), Err(BadTiles::OutOfRange { .. })));
            assert!(matches!(tiles.continued(size + 1), Err(BadTiles::OutOfRange { .. })));
        }
    }

    #[test]
    fn tiles_that_do_not_lead_to_the_head_prove_nothing() {
        let (files, tree) = tiled(66_049);
        let head = Head { size: 66_049, root: tree.root() };
        let leaf = tree.leaf(300).unwrap();
        let other = over(&files, Head { root: [7; 32], ..head });
        assert!(matches!(other.inclusion_proof(300, leaf), Err(BadTiles::NotUnderHead { .. })));
        assert!(matches!(other.continued(300), Err(BadTiles::NotUnderHead { .. })));
        assert!(matches!(over(&files, head).inclusion_proof(301, leaf), Err(BadTiles::NotUnderHead { .. })));
        for name in ["tile/0/001", "tile/1/000", "tile/1/001.p/2", "tile/0/258.p/1"] {
            let mut bent = files.clone();
            // Every hash of it, so that whichever is needed is another one.
            bent.get_mut(name).unwrap().iter_mut().for_each(|byte| *byte ^= 1);
            assert!(over(&bent, head).inclusion_proof(300, leaf).is_err(), "{name}");
            let mut short = files.clone();
            short.get_mut(name).unwrap().pop();
            let found = over(&short, head).inclusion_proof(300, leaf);
            assert!(matches!(found, Err(BadTiles::Misshapen { .. })), "{name}");
            let mut gone = files.clone();
            gone.remove(name);
            assert!(matches!(over(&gone, head).inclusion_proof(300, leaf), Err(BadTiles::Unread { .. })));
        }
    }
}
