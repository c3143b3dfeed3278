//! What the server remembers of its newest backup: when, up to which batch, and since when it opens nothing any more.
//! Never what a backup rests on: losing this note loses a line of `status`.

use disk::Outline;
use pki::{PersonId, durable_file};
use protocol::copy::BackupRecord;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Name of the note in the state directory.
const NOTE: &str = "backup.json";

/// A finished backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Newest {
    /// When it was finished.
    pub(crate) made_ms: u64,
    /// Its last batch.
    pub(crate) batch: u64,
    /// Its journal entries.
    pub(crate) entries: u64,
    /// Its erasure epoch.
    pub(crate) erasure_epoch: u64,
    /// The next epoch's tree is in it.
    pub(crate) next_written: bool,
    /// Since when no cell of this site opens it: an erasure has gone past it.
    pub(crate) unusable_since_ms: Option<u64>,
    /// Who took it away over the network; none where it was made beside the server.
    pub(crate) taken: Option<Taker>,
}

/// Who took a backup away, and where the journal says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Taker {
    /// The person.
    pub(crate) person: u64,
    /// The entry.
    pub(crate) index: u64,
}

impl Newest {
    /// Of a state.
    pub(crate) fn of(outline: &Outline, made_ms: u64) -> Self {
        Self {
            made_ms,
            batch: outline.anchor.batch,
            entries: outline.entries,
            erasure_epoch: outline.epoch,
            next_written: outline.next_written,
            unusable_since_ms: None,
            taken: None,
        }
    }

    /// As the engine tells it to officers and administrators.
    pub(crate) fn record(&self) -> BackupRecord {
        BackupRecord {
            made_ms: self.made_ms,
            batch: self.batch,
            entries: self.entries,
            erasure_epoch: self.erasure_epoch,
            taken: self.taken.map(|taker| (PersonId(taker.person), taker.index)),
            unusable_since_ms: self.unusable_since_ms,
        }
    }

    fn opens_at(&self, epoch: u64) -> bool {
        epoch == self.erasure_epoch || (self.next_written && epoch == self.erasure_epoch + 1)
    }
}

/// Where the note is kept. Shared by whoever makes backups, erases, and tells.
#[derive(Clone)]
pub(crate) struct Shelf {
    path: PathBuf,
    newest: Arc<Mutex<Option<Newest>>>,
    /// Held by whoever writes the note: nobody who only looks waits for a disk.
    writing: Arc<Mutex<()>>,
}

impl Shelf {
    /// Reads the note. One that is missing or says nothing is none.
    pub(crate) fn open(state_dir: &Path) -> Self {
        let path = state_dir.join(NOTE);
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let newest = Arc::new(Mutex::new(serde_json::from_str(&text).ok()));
        Self { path, newest, writing: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Newest>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest backup.
    pub(crate) fn newest(&self) -> Option<Newest> {
        self.lock().clone()
    }

    /// Notes a finished one.
    pub(crate) fn put(&self, newest: Newest) -> io::Result<()> {
        let _one_writer = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let text = serde_json::to_string(&newest).map_err(io::Error::other)?;
        *self.lock() = Some(newest);
        durable_file::replace(&self.path, text.as_bytes(), durable_file::OWNER_ONLY)
    }

    /// The cell is at this epoch. Notes the moment when that goes past the newest backup.
    pub(crate) fn erased(&self, epoch: u64, now_ms: u64) -> io::Result<()> {
        let newest = self.lock().clone();
        match newest {
            Some(newest) if newest.unusable_since_ms.is_none() && !newest.opens_at(epoch) => {
                self.put(Newest { unusable_since_ms: Some(now_ms), ..newest })
            }
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_erasure_past_the_backup_is_remembered_with_its_first_moment() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(dir.path());
        assert_eq!(shelf.newest(), None);
        shelf.erased(3, 10).unwrap();
        let newest = Newest {
            made_ms: 5,
            batch: 9,
            entries: 7,
            erasure_epoch: 3,
            next_written: true,
            unusable_since_ms: None,
            taken: Some(Taker { person: 7, index: 6 }),
        };
        shelf.put(newest.clone()).unwrap();
        for epoch in [3, 4] {
            shelf.erased(epoch, 20).unwrap();
            assert_eq!(shelf.newest(), Some(newest.clone()));
        }
        for (epoch, now) in [(5, 30), (6, 40)] {
            shelf.erased(epoch, now).unwrap();
            assert_eq!(Shelf::open(dir.path()).newest().unwrap().unusable_since_ms, Some(30));
        }
        shelf.put(Newest { erasure_epoch: 6, ..newest }).unwrap();
        assert_eq!(shelf.newest().unwrap().unusable_since_ms, None);
    }
}
