//! The development cell: a file of three blocks. Never to be called erasable.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use zeroize::Zeroizing;

use crate::cell::{CellError, CellKind, CellSlot, RECORD_BYTES_MAX, RootCell};

const BLOCK: usize = 4096;

/// A cell in a file; each record in its own block: length (2 bytes), record, zeros.
pub struct FileCell {
    file: File,
}

impl FileCell {
    /// Makes a blank cell, mode 0600. An existing file is refused.
    pub fn create(path: &Path) -> Result<Self, CellError> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
        lock(&file)?;
        file.write_all_at(&[0; 3 * BLOCK], 0)?;
        file.sync_all()?;
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            File::open(parent)?.sync_all()?; // A crash before this line: no cell yet, and no store that needs it.
        }
        Ok(Self { file })
    }

    /// Opens a cell; a second process is refused.
    pub fn open(path: &Path) -> Result<Self, CellError> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        lock(&file)?;
        if file.metadata()?.len() != 3 * BLOCK as u64 {
            return Err(CellError::NotACell);
        }
        Ok(Self { file })
    }

    /// Looks at a cell that a server may hold: nothing is locked, and nothing can be written. What is read may be from
    /// two moments of an erasure; then it does not open, and one looks again.
    pub fn look(path: &Path) -> Result<Self, CellError> {
        let file = File::open(path)?;
        if file.metadata()?.len() != 3 * BLOCK as u64 {
            return Err(CellError::NotACell);
        }
        Ok(Self { file })
    }

    fn put(&self, slot: CellSlot, block: &[u8; BLOCK]) -> Result<(), CellError> {
        self.file.write_all_at(block, (slot.index() * BLOCK) as u64)?;
        Ok(self.file.sync_data()?)
    }
}

impl Drop for FileCell {
    /// Not by closing alone: a child that another thread is just starting may hold a copy of the descriptor for a moment.
    fn drop(&mut self) {
        let _closed_next = self.file.unlock();
    }
}

fn lock(file: &File) -> Result<(), CellError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(CellError::InUse),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

impl RootCell for FileCell {
    fn kind(&self) -> CellKind {
        CellKind::File
    }

    fn read(&self, slot: CellSlot) -> Result<Zeroizing<Vec<u8>>, CellError> {
        let mut block = Zeroizing::new([0; BLOCK]);
        self.file.read_exact_at(&mut *block, (slot.index() * BLOCK) as u64)?;
        let length = usize::from(u16::from_le_bytes([block[0], block[1]])).min(RECORD_BYTES_MAX);
        Ok(Zeroizing::new(block[2..2 + length].to_vec()))
    }

    fn is_blank(&self, spared: Option<CellSlot>) -> Result<bool, CellError> {
        let mut block = Zeroizing::new([0; BLOCK]);
        for slot in CellSlot::ALL.into_iter().filter(|slot| Some(*slot) != spared) {
            self.file.read_exact_at(&mut *block, (slot.index() * BLOCK) as u64)?;
            if block.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn write(&mut self, slot: CellSlot, record: &[u8]) -> Result<(), CellError> {
        assert!(record.len() <= RECORD_BYTES_MAX, "the vault's records have fixed sizes below the limit");
        let mut block = Zeroizing::new([0; BLOCK]);
        block[..2].copy_from_slice(&(record.len() as u16).to_le_bytes());
        block[2..2 + record.len()].copy_from_slice(record);
        self.put(slot, &block)
    }

    fn settle(&mut self) -> Result<(), CellError> {
        Ok(self.file.sync_data()?)
    }

    fn destroy(&mut self, slot: CellSlot) -> Result<(), CellError> {
        self.put(slot, &[0; BLOCK])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_survive_reopening_and_destroyed_ones_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cell");
        let mut cell = FileCell::create(&path).unwrap();
        assert!(matches!(FileCell::open(&path), Err(CellError::InUse)));
        assert!(cell.read(CellSlot::Even).unwrap().is_empty());
        cell.write(CellSlot::Even, b"even").unwrap();
        cell.write(CellSlot::Odd, b"odd").unwrap();
        cell.destroy(CellSlot::Even).unwrap();
        drop(cell);
        let cell = FileCell::open(&path).unwrap();
        assert!(cell.read(CellSlot::Even).unwrap().is_empty());
        assert_eq!(cell.read(CellSlot::Odd).unwrap().as_slice(), b"odd");
        assert!(!std::fs::read(&path).unwrap().windows(4).any(|window| window == b"even"));
        assert!(cell.kind().warning().contains("development"));
    }
}
