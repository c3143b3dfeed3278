//! What a head can be read from: a checkpoint, a bundle, a folder of tiles; the latter two bring their tree along.
//! Never believes a signature: that is asked of the checkpoint by whoever has a key.

use std::path::Path;

use journal::checkpoint::SignedCheckpoint;
use journal::ids::Hash;
use journal::note::NOTE_BYTES_MAX;
use journal::tree::{Tree, leaf_hash};

use crate::bundle::MAGIC;
use crate::command::{open_bundle, read_small, shown};
use crate::spilled::Spilled;
use crate::tile_reader::TileReader;
use crate::trouble::Trouble;

/// What a source has below its checkpoint.
pub enum Below {
    /// Nothing: it is a checkpoint alone.
    Nothing,
    /// All leaves, the checkpoint's root over the first of them.
    Leaves(Tree<Spilled>),
    /// Tiles, each read when it is needed.
    Tiles(TileReader),
}

/// A checkpoint, and what the source has below it.
pub struct Source {
    /// Its newest checkpoint.
    pub checkpoint: SignedCheckpoint,
    below: Below,
}

impl Source {
    /// Reads any of the three.
    pub fn read(path: &Path) -> Result<Self, Trouble> {
        if path.is_dir() {
            let tiles = TileReader::open(path)?;
            return Ok(Self { checkpoint: tiles.checkpoint().clone(), below: Below::Tiles(tiles) });
        }
        let begins = std::fs::File::open(path).and_then(|mut file| {
            let mut head = [0; MAGIC.len()];
            std::io::Read::read_exact(&mut file, &mut head).map(|()| head)
        });
        match begins {
            Ok(head) if head == *MAGIC => Self::bundle(path),
            Ok(_) | Err(_) => Ok(Self { checkpoint: read_note(path)?, below: Below::Nothing }),
        }
    }

    fn bundle(path: &Path) -> Result<Self, Trouble> {
        let (mut reader, _) = open_bundle(path)?;
        let mut tree = Tree::over(Spilled::default());
        let damaged = |bad, entries| Trouble::bundle(shown(path), &bad, entries);
        while let Some(entry) = reader.next_entry().map_err(|bad| damaged(bad, tree.size()))? {
            tree.append(leaf_hash(&entry));
        }
        let notes = reader.notes().map_err(|bad| damaged(bad, tree.size()))?;
        let parsed = notes.iter().filter_map(|note| SignedCheckpoint::parse(note).ok());
        let newest = parsed.filter(|found| fits(found, &tree)).max_by_key(|found| found.claimed().head.size);
        tree.leaves().held()?;
        let checkpoint = newest.ok_or_else(|| Trouble::Uncovered { file: shown(path) })?;
        Ok(Self { checkpoint, below: Below::Leaves(tree) })
    }

    /// The root that the log had at this size, where the source has what tells it.
    pub fn root_at(&self, size: u64) -> Result<Option<Hash>, Trouble> {
        match &self.below {
            Below::Nothing => Ok(None),
            Below::Leaves(tree) => {
                let root = tree.root_at(size).ok();
                tree.leaves().held()?;
                Ok(root)
            }
            Below::Tiles(tiles) => tiles.root_at(size),
        }
    }
}

fn fits(checkpoint: &SignedCheckpoint, tree: &Tree<Spilled>) -> bool {
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
