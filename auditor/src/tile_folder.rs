//! A journal as a folder of tiles (c2sp.org/tlog-tiles), for readers that are not ours.
//! Never judges an entry, and never holds more than the tiles that are being filled.

use std::io;
use std::path::Path;

use journal::ids::Head;
use journal::tiles::{CHECKPOINT, TILE_WIDTH, Tile, TileKind, Tiler, put_entry};
use journal::tree::leaf_hash;
use pki::durable_folder::GrowingFolder;

/// A folder under way.
pub struct TileFolder {
    folder: GrowingFolder,
    tiler: Tiler,
    /// The entries of the tile that is being filled.
    entries: Vec<u8>,
}

impl TileFolder {
    /// Begins a folder that is to be at `path`; what is there is refused (`AlreadyExists`).
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { folder: GrowingFolder::create(path)?, tiler: Tiler::new(), entries: Vec::new() })
    }

    /// Appends an entry, of at most [`journal::entry::ENTRY_BYTES_MAX`] bytes.
    pub fn entry(&mut self, entry: &[u8]) -> io::Result<()> {
        put_entry(&mut self.entries, entry);
        for (tile, hashes) in self.tiler.append(leaf_hash(entry)) {
            self.folder.file(&tile.to_string(), &hashes)?;
        }
        if self.tiler.size().is_multiple_of(TILE_WIDTH as u64) {
            self.write_entries(self.tiler.size() / TILE_WIDTH as u64 - 1, TILE_WIDTH)?;
        }
        Ok(())
    }

    /// Size and root so far.
    pub fn head(&self) -> Head {
        Head { size: self.tiler.size(), root: self.tiler.root() }
    }

    /// Writes the partial tiles and the note, and gives the folder its name.
    pub fn finish(mut self, note: &[u8]) -> io::Result<()> {
        for (tile, hashes) in self.tiler.partial() {
            self.folder.file(&tile.to_string(), hashes)?;
        }
        let width = self.tiler.size() % TILE_WIDTH as u64;
        if width > 0 {
            self.write_entries(self.tiler.size() / TILE_WIDTH as u64, width as usize)?;
        }
        self.folder.file(CHECKPOINT, note)?;
        self.folder.finish_new()
    }

    fn write_entries(&mut self, index: u64, width: usize) -> io::Result<()> {
        let tile = Tile { kind: TileKind::Entries, index, width };
        self.folder.file(&tile.to_string(), &self.entries)?;
        self.entries.clear();
        Ok(())
    }
}
