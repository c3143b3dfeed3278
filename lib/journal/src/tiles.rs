//! A log as C2SP lays it out in files (c2sp.org/tlog-tiles): names of the tiles, and the rows of hashes that fill them.
//! Never sees a file, and never holds more than one tile of a level.
//!
//! ```text
//! checkpoint                          the signed note
//! tile/<L>/<N>[.p/<W>]                256 hashes of level L (W of them in a partial tile), 32 bytes each
//! tile/entries/<N>[.p/<W>]            256 entries (W of them), each behind its length (2 bytes, big-endian)
//! ```
//! A hash of level L + 1 is the root over a full tile of level L. `<N>` is written in groups of three digits, all but
//! the last with an `x` before them: `x001/x234/067`.

use std::fmt;

use crate::entry::ENTRY_BYTES_MAX;
use crate::ids::Hash;
use crate::tree::{complete_subtrees, fold, join};

/// Hashes, or entries, of a full tile.
pub const TILE_WIDTH: usize = 256;
/// The name of the note.
pub const CHECKPOINT: &str = "checkpoint";

// A length of two bytes holds every entry.
const _: () = assert!(ENTRY_BYTES_MAX <= u16::MAX as usize);

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TileKind {
    /// Hashes of a level, 0 for the leaves.
    Hashes(u8),
    /// Entries.
    Entries,
}

/// One tile by its place: its `Display` is its path below the log's directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// What it holds.
    pub kind: TileKind,
    /// Counted from 0 within its level.
    pub index: u64,
    /// How many it holds, 1 to [`TILE_WIDTH`].
    pub width: usize,
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes(level) => write!(f, "tile/{level}/")?,
            TileKind::Entries => write!(f, "tile/entries/")?,
        }
        let mut groups = vec![format!("{:03}", self.index % 1000)];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(format!("x{:03}", rest % 1000));
            rest /= 1000;
        }
        groups.reverse();
        f.write_str(&groups.join("/"))?;
        if self.width < TILE_WIDTH { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

/// Appends an entry to the content of a tile of entries. `entry` has at most [`ENTRY_BYTES_MAX`] bytes.
pub fn put_entry(content: &mut Vec<u8>, entry: &[u8]) {
    let length = u16::try_from(entry.len()).expect("no entry is longer than a length of two bytes says");
    content.extend_from_slice(&length.to_be_bytes());
    content.extend_from_slice(entry);
}

/// A level under construction.
#[derive(Debug, Clone, Default)]
struct Row {
    /// Full tiles before this one.
    full: u64,
    /// Fewer than [`TILE_WIDTH`].
    hashes: Vec<Hash>,
}

/// Fills tiles from leaf hashes, in their order. Memory: one tile a level.
#[derive(Debug, Clone, Default)]
pub struct Tiler {
    size: u64,
    rows: Vec<Row>,
}

impl Tiler {
    /// No leaf yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf hash. Gives the tiles that it made full, with their content, from the leaves up.
    pub fn append(&mut self, leaf: Hash) -> Vec<(Tile, Vec<u8>)> {
        self.size += 1;
        let (mut hash, mut full) = (leaf, Vec::new());
        for level in 0u8.. {
            let level_at = usize::from(level);
            if level_at == self.rows.len() {
                self.rows.push(Row::default());
            }
            let row = &mut self.rows[level_at];
            row.hashes.push(hash);
            if row.hashes.len() < TILE_WIDTH {
                break;
            }
            let tile = Tile { kind: TileKind::Hashes(level), index: row.full, width: TILE_WIDTH };
            full.push((tile, row.hashes.as_flattened().to_vec()));
            hash = fold(&row.hashes);
            row.hashes.clear();
            row.full += 1;
        }
        full
    }

    /// The partial tiles of this size, with their content. None is empty.
    pub fn partial(&self) -> impl Iterator<Item = (Tile, &[u8])> {
        let rows = (0u8..).zip(&self.rows).filter(|(_, row)| !row.hashes.is_empty());
        rows.map(|(level, row)| {
            let tile = Tile { kind: TileKind::Hashes(level), index: row.full, width: row.hashes.len() };
            (tile, row.hashes.as_flattened())
        })
    }

    /// The root over all leaves.
    pub fn root(&self) -> Hash {
        let complete = |row: &Row| -> Vec<Hash> {
            let subtrees = complete_subtrees(0, row.hashes.len() as u64);
            subtrees.map(|(start, height)| fold(&row.hashes[start as usize..][..1 << height])).collect()
        };
        let roots: Vec<Hash> = self.rows.iter().rev().flat_map(complete).collect();
        join(roots.into_iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Tree, leaf_hash};

    fn name(kind: TileKind, index: u64, width: usize) -> String {
        Tile { kind, index, width }.to_string()
    }

    /// The names that the specification gives as examples.
    #[test]
    fn names_are_those_of_the_specification() {
        assert_eq!(name(TileKind::Hashes(0), 1_234_067, 256), "tile/0/x001/x234/067");
        assert_eq!(name(TileKind::Hashes(63), 0, 1), "tile/63/000.p/1");
        assert_eq!(name(TileKind::Entries, 273, 112), "tile/entries/273.p/112");
        assert_eq!(name(TileKind::Entries, 1000, 256), "tile/entries/x001/000");
        assert_eq!(name(TileKind::Entries, 999, 255), "tile/entries/999.p/255");
    }

    /// "A tree of size 70,000 will be represented by 273 full level 0 tiles, one partial level 0 tile of width 112, one
    /// full level 1 tile, one partial level 1 tile of width 17, and one partial level 2 tile of width 1."
    #[test]
    fn a_tree_of_70_000_has_the_tiles_of_the_specification() {
        let (mut tiler, mut full) = (Tiler::new(), Vec::new());
        for n in 0..70_000u32 {
            full.extend(tiler.append(leaf_hash(&n.to_be_bytes())).into_iter().map(|(tile, _)| tile.kind));
        }
        let of = |level| full.iter().filter(|kind| **kind == TileKind::Hashes(level)).count();
        assert_eq!((of(0), of(1), full.len()), (273, 1, 274));
        let partial: Vec<String> = tiler.partial().map(|(tile, _)| tile.to_string()).collect();
        assert_eq!(partial, ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
    }

    #[test]
    fn roots_and_hashes_are_those_of_the_tree() {
        let (mut tree, mut tiler) = (Tree::new(), Tiler::new());
        assert_eq!(tiler.root(), tree.root());
        for n in 0..66_000u32 {
            let leaf = leaf_hash(&n.to_be_bytes());
            tree.append(leaf);
            for (tile, content) in tiler.append(leaf) {
                let TileKind::Hashes(level) = tile.kind else { panic!("{tile}") };
                assert_eq!(content.len(), 8192);
                if level == 0 {
                    let leaves: Vec<u8> =
                        (0..256).flat_map(|i| *tree.leaf(tile.index * 256 + i).unwrap()).collect();
                    assert_eq!(content, leaves);
                }
            }
            if !(600..=65_500).contains(&n) {
                assert_eq!((tiler.size(), tiler.root()), (tree.size(), tree.root()));
            }
        }
    }

    #[test]
    fn an_entry_stands_behind_its_length() {
        let mut content = Vec::new();
        put_entry(&mut content, b"ab");
        put_entry(&mut content, &[7; ENTRY_BYTES_MAX]);
        assert_eq!(content[..6], [0, 2, b'a', b'b', 0xf0, 0]);
        assert_eq!(content.len(), 4 + 2 + ENTRY_BYTES_MAX);
    }
}
