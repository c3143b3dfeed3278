//! What a head can be read from: a checkpoint, a bundle, a folder of tiles; the latter two bring their tree along.
//! Never believes a signature: that is asked of the checkpoint by whoever has a key.

use std::path::Path;

use journal::checkpoint::SignedCheckpoint;
use journal::note::NOTE_BYTES_MAX;
use journal::tiles::{CHECKPOINT, TILE_WIDTH, Tile, TileKind};
use journal::tree::{Tree, leaf_hash};

use crate::bundle::MAGIC;
use crate::command::{open_bundle, read_small, shown};
use crate::trouble::Trouble;

const HASH_BYTES: usize = 32;

/// A checkpoint, and the leaves under it where the source has them.
pub struct Source {
    /// Its newest checkpoint.
    pub checkpoint: SignedCheckpoint,
    /// As many leaves as the checkpoint says, under its root.
    pub tree: Option<Tree>,
}

impl Source {
    /// Reads any of the three.
    pub fn read(path: &Path) -> Result<Self, Trouble> {
        if path.is_dir() {
            return Self::tiles(path);
        }
        let begins = std::fs::File::open(path).and_then(|mut file| {
            let mut head = [0; MAGIC.len()];
            std::io::Read::read_exact(&mut file, &mut head).map(|()| head)
        });
        match begins {
            Ok(head) if head == *MAGIC => Self::bundle(path),
            Ok(_) | Err(_) => Self::note(path),
        }
    }

    fn note(path: &Path) -> Result<Self, Trouble> {
        let checkpoint = read_note(path)?;
        Ok(Self { checkpoint, tree: None })
    }

    fn bundle(path: &Path) -> Result<Self, Trouble> {
        let (mut reader, _) = open_bundle(path)?;
        let mut tree = Tree::new();
        let damaged = |bad, entries| Trouble::bundle(shown(path), &bad, entries);
        while let Some(entry) = reader.next_entry().map_err(|bad| damaged(bad, tree.size()))? {
            tree.append(leaf_hash(&entry));
        }
        let notes = reader.notes().map_err(|bad| damaged(bad, tree.size()))?;
        let parsed = notes.iter().filter_map(|note| SignedCheckpoint::parse(note).ok());
        let newest = parsed.filter(|found| fits(found, &tree)).max_by_key(|found| found.claimed().head.size);
        let checkpoint = newest.ok_or_else(|| Trouble::Uncovered { file: shown(path) })?;
        Ok(Self { checkpoint, tree: Some(tree) })
    }

    fn tiles(path: &Path) -> Result<Self, Trouble> {
        let checkpoint = read_note(&path.join(CHECKPOINT))?;
        let size = checkpoint.claimed().head.size;
        let mut tree = Tree::new();
        while tree.size() < size {
            let width = (size - tree.size()).min(TILE_WIDTH as u64) as usize;
            let tile = Tile { kind: TileKind::Hashes(0), index: tree.size() / TILE_WIDTH as u64, width };
            let file = path.join(tile.to_string());
            let bytes = read_small(&file, TILE_WIDTH * HASH_BYTES)?;
            let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
            if hashes.len() != width || !rest.is_empty() {
                return Err(Trouble::Uncovered { file: shown(&file) });
            }
            for hash in hashes {
                tree.append(*hash);
            }
        }
        match fits(&checkpoint, &tree) {
            true => Ok(Self { checkpoint, tree: Some(tree) }),
            false => Err(Trouble::Uncovered { file: shown(path) }),
        }
    }
}

fn fits(checkpoint: &SignedCheckpoint, tree: &Tree) -> bool {
    let head = checkpoint.claimed().head;
    tree.root_at(head.size) == Ok(head.root)
}

/// A checkpoint from a file. A scanner of QR codes gives the text without its last newline.
pub fn read_note(path: &Path) -> Result<SignedCheckpoint, Trouble> {
    let mut bytes = read_small(path, NOTE_BYTES_MAX)?;
    if bytes.last() != Some(&b'\n') {
        bytes.push(b'\n');
    }
    SignedCheckpoint::parse(&bytes).map_err(|_| Trouble::BadAnchor { file: shown(path) })
}
