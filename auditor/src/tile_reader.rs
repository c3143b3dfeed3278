//! A folder of tiles (c2sp.org/tlog-tiles), ours or anybody's, of which only what is needed is read.
//! Never believes a tile: what it gives was proven under the root of the folder's checkpoint. Whose that is, is asked of the
//! checkpoint by whoever has a key.

use std::io;
use std::path::{Path, PathBuf};

use journal::checkpoint::SignedCheckpoint;
use journal::entry::ENTRY_BYTES_MAX;
use journal::ids::{Hash, Index};
use journal::proof::InclusionProof;
use journal::tile_tree::{BadTiles, TileTree};
use journal::tiles::{CHECKPOINT, TILE_WIDTH, Tile, TileKind};
use journal::tree::leaf_hash;

use crate::command::{read_limited, shown};
use crate::source::read_note;
use crate::trouble::Trouble;

/// Bytes of the largest tile: of entries.
const ENTRIES_BYTES_MAX: usize = TILE_WIDTH * (LENGTH_BYTES + ENTRY_BYTES_MAX);
const HASHES_BYTES_MAX: usize = TILE_WIDTH * 32;
const LENGTH_BYTES: usize = 2;

/// How one tile is read.
type Read = Box<dyn Fn(Tile) -> io::Result<Vec<u8>>>;

/// An open folder.
pub struct TileReader {
    dir: PathBuf,
    checkpoint: SignedCheckpoint,
    tree: TileTree<Read>,
}

impl TileReader {
    /// Opens a folder that holds a checkpoint.
    pub fn open(dir: &Path) -> Result<Self, Trouble> {
        let checkpoint = read_note(&dir.join(CHECKPOINT))?;
        let from = dir.to_owned();
        let read: Read = Box::new(move |tile| read_tile(&from, tile, HASHES_BYTES_MAX));
        let tree = TileTree::new(checkpoint.claimed().head, read);
        Ok(Self { dir: dir.to_owned(), checkpoint, tree })
    }

    /// Its checkpoint.
    pub fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }

    /// The root that the log had at this size; `None` beyond the checkpoint.
    pub fn root_at(&self, size: u64) -> Result<Option<Hash>, Trouble> {
        if size > self.tree.head().size {
            return Ok(None);
        }
        self.tree.continued(size).map(|(root, _)| Some(root)).map_err(|bad| self.trouble(&bad))
    }

    /// An entry, and the proof that it stands under the checkpoint.
    pub fn entry(&self, index: Index) -> Result<(Vec<u8>, InclusionProof), Trouble> {
        let size = self.tree.head().size;
        if index >= size {
            return Err(Trouble::NoSuchEntry { index, entries: size });
        }
        let first = index - index % TILE_WIDTH as u64;
        let width = (size - first).min(TILE_WIDTH as u64) as usize;
        let tile = Tile { kind: TileKind::Entries, index: index / TILE_WIDTH as u64, width };
        let content =
            read_tile(&self.dir, tile, ENTRIES_BYTES_MAX).map_err(|cause| self.unread(tile, &cause))?;
        let entry = entry_of(&content, (index - first) as usize).ok_or(Trouble::IllegibleEntry { index })?;
        let proof = self.tree.inclusion_proof(index, &leaf_hash(entry)).map_err(|bad| self.trouble(&bad))?;
        Ok((entry.to_vec(), proof))
    }

    fn unread(&self, tile: Tile, cause: &io::Error) -> Trouble {
        Trouble::Unreadable { file: shown(&self.dir.join(tile.to_string())), cause: cause.to_string() }
    }

    fn trouble(&self, bad: &BadTiles<io::Error>) -> Trouble {
        match bad {
            BadTiles::Unread { tile, cause } => self.unread(*tile, cause),
            BadTiles::Misshapen { tile } => {
                Trouble::BadTiles { file: shown(&self.dir.join(tile.to_string())) }
            }
            BadTiles::NotUnderHead { .. } => Trouble::BadTiles { file: shown(&self.dir) },
            BadTiles::OutOfRange { size, asked } => Trouble::NoSuchEntry { index: *asked, entries: *size },
        }
    }
}

/// A tile's content. Where it was partial and is full by now, the beginning of the full one (tlog-tiles allows to drop
/// the partial one then).
fn read_tile(dir: &Path, tile: Tile, bytes_max: usize) -> io::Result<Vec<u8>> {
    let read = |tile: Tile| read_limited(&dir.join(tile.to_string()), bytes_max);
    match read(tile) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && tile.width < TILE_WIDTH => {
            // The name that was asked for is the one to be told.
            let mut content = read(Tile { width: TILE_WIDTH, ..tile }).map_err(|_| error)?;
            if let TileKind::Hashes(_) = tile.kind {
                content.truncate(tile.width * 32);
            }
            Ok(content)
        }
        read => read,
    }
}

/// One entry of a tile of them.
fn entry_of(content: &[u8], at: usize) -> Option<&[u8]> {
    let mut rest = content;
    for place in 0..=at {
        let (length, more) = rest.split_at_checked(LENGTH_BYTES)?;
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        let (entry, behind) = more.split_at_checked(length)?;
        if place == at {
            return Some(entry);
        }
        rest = behind;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::tests::signed;
    use crate::tile_folder::TileFolder;
    use journal::testing::TestLog;
    use std::fs;

    fn folder(log: &TestLog, dir: &Path) -> PathBuf {
        let path = dir.join("tiles");
        let mut folder = TileFolder::create(&path).unwrap();
        log.entries.iter().for_each(|entry| folder.entry(entry).unwrap());
        folder.finish(&signed(log, log.head())).unwrap();
        path
    }

    #[test]
    fn each_entry_comes_with_its_proof() {
        let (dir, mut log) = (tempfile::tempdir().unwrap(), TestLog::standard(1));
        let chat = log.talking("anna", &["boris"]);
        while log.tree.size() < 300 {
            log.wait_ms(2000);
            log.send("anna", chat).unwrap();
        }
        let tiles = TileReader::open(&folder(&log, dir.path())).unwrap();
        let head = log.head();
        for index in 0..head.size {
            let (entry, proof) = tiles.entry(index).unwrap();
            assert_eq!(entry, log.entries[index as usize]);
            assert_eq!(proof, log.tree.inclusion_proof(index, head.size).unwrap());
            assert_eq!(tiles.root_at(index).unwrap(), log.tree.root_at(index).ok());
        }
        assert_eq!(tiles.root_at(head.size + 1).unwrap(), None);
        assert!(matches!(tiles.entry(head.size), Err(Trouble::NoSuchEntry { .. })));
    }

    #[test]
    fn a_folder_with_a_bent_or_a_missing_tile_gives_nothing() {
        let (dir, log) = (tempfile::tempdir().unwrap(), TestLog::standard(1));
        let path = folder(&log, dir.path());
        let (size, tiles) = (log.tree.size(), TileReader::open(&path).unwrap());
        let entries = path.join(format!("tile/entries/000.p/{size}"));
        let good = fs::read(&entries).unwrap();
        let mut bent = good.clone();
        bent[5] ^= 1;
        fs::write(&entries, bent).unwrap();
        assert!(matches!(tiles.entry(0), Err(Trouble::BadTiles { .. })));
        assert!(tiles.entry(1).is_ok(), "another entry of the tile is what it was");
        fs::write(&entries, &good[..good.len() - 1]).unwrap();
        assert!(matches!(tiles.entry(size - 1), Err(Trouble::IllegibleEntry { .. })));
        fs::rename(&entries, path.join("tile/entries/000")).unwrap();
        fs::write(path.join("tile/entries/000"), good).unwrap();
        assert!(tiles.entry(size - 1).is_ok(), "full by now");
        fs::remove_file(path.join(format!("tile/0/000.p/{size}"))).unwrap();
        assert!(matches!(tiles.entry(1), Err(Trouble::Unreadable { .. })));
    }
}
