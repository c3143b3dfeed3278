//! Which backups this machine finished itself, noted where nobody else writes.
//! Never what a backup rests on: what is not noted is compared with the store before it is believed.
//!
//! A signed manifest says that the site's server held a state, not that the segments hold its blocks: the server signs
//! the digest that it is given. Whoever goes on with a directory that another has written asks the store about every block.

use crate::manifest::ManifestId;
use pki::durable_file;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

/// Backups that are remembered, the newest ones.
const MADE_MAX: usize = 64;
/// Bytes of the note: whatever is longer was not written here, and no more of it is read.
const NOTE_BYTES_MAX: u64 = (MADE_MAX * size_of::<ManifestId>()) as u64;

/// The note.
pub struct Made {
    path: PathBuf,
}

impl Made {
    /// The note at this path; none there is an empty one.
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    fn ids(&self) -> Vec<ManifestId> {
        let mut bytes = Vec::new();
        let read = File::open(&self.path).and_then(|file| file.take(NOTE_BYTES_MAX).read_to_end(&mut bytes));
        // What does not read is as if it had not been noted.
        if read.is_ok() { bytes.as_chunks().0.to_vec() } else { Vec::new() }
    }

    pub(crate) fn has(&self, id: &ManifestId) -> bool {
        self.ids().contains(id)
    }

    /// One more. A note that fails costs the next copy its time, and nothing else.
    pub(crate) fn add(&self, id: &ManifestId) {
        let mut ids = self.ids();
        ids.insert(0, *id);
        ids.truncate(MADE_MAX);
        let noted = durable_file::replace(&self.path, ids.as_flattened(), durable_file::OWNER_ONLY);
        let _nothing_rests_on_it = noted;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_machine_made_is_remembered_as_long_as_it_is_among_the_newest() {
        let dir = tempfile::tempdir().unwrap();
        let made = || Made::at(dir.path().join("made"));
        assert!(!made().has(&[1; 32]));
        (1..=MADE_MAX as u8).for_each(|number| made().add(&[number; 32]));
        assert!(made().has(&[1; 32]) && made().has(&[MADE_MAX as u8; 32]) && !made().has(&[0xff; 32]));
        made().add(&[0xff; 32]);
        assert!(!made().has(&[1; 32]) && made().has(&[2; 32]) && made().has(&[0xff; 32]));
        // A note that has grown by another hand is not read to its end.
        let note = std::fs::OpenOptions::new().append(true).open(dir.path().join("made")).unwrap();
        note.set_len(1 << 32).unwrap();
        assert!(made().has(&[0xff; 32]) && made().has(&[2; 32]) && !made().has(&[0; 32]));
    }
}
