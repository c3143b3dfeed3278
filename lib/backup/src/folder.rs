//! The directory of a backup: one command at a time, the manifest replaced as a whole.
//! Never deletes a segment that a manifest names.

use crate::BackupError;
use crate::manifest::{self, MANIFEST_BYTES_MAX, Verified};
use crate::segment;
use pki::durable_file;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::Read;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

const MANIFEST: &str = "manifest";

/// An open directory.
pub struct Folder {
    dir: PathBuf,
    /// The directory itself, locked as long as this lives.
    handle: File,
}

impl Folder {
    /// Opens a directory to add to it; makes it, for its owner alone, where there is none.
    pub fn make(dir: &Path) -> Result<Self, BackupError> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(BackupError::io(dir))?;
        let handle = File::open(dir).map_err(BackupError::io(dir))?;
        locked(dir, handle.try_lock())?;
        let folder = Self { dir: dir.to_owned(), handle };
        folder.check_ours()?;
        Ok(folder)
    }

    /// What is not ours is not filled: the wrong directory was named. A medium's own `lost+found` counts for nothing.
    fn check_ours(&self) -> Result<(), BackupError> {
        let (failed, mut others) = (BackupError::io(&self.dir), false);
        for entry in std::fs::read_dir(&self.dir).map_err(&failed)? {
            let name = entry.map_err(&failed)?.file_name();
            let name = name.to_string_lossy();
            if name == MANIFEST {
                return Ok(());
            }
            others |= !(name.contains(MANIFEST) || name.starts_with("segment-") || name == "lost+found");
        }
        if others { Err(BackupError::NotOurs { path: self.dir.clone() }) } else { Ok(()) }
    }

    /// Opens a directory to read it.
    pub fn open(dir: &Path) -> Result<Self, BackupError> {
        let handle = File::open(dir).map_err(BackupError::io(dir))?;
        locked(dir, handle.try_lock_shared())?;
        Ok(Self { dir: dir.to_owned(), handle })
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The manifest; `None` when no copy was ever finished here.
    pub(crate) fn manifest(&self, identity: &[u8; 32]) -> Result<Option<Verified>, BackupError> {
        let path = self.dir.join(MANIFEST);
        let file = match segment::open_file(OpenOptions::new().read(true), &path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(BackupError::io(&path)(error)),
        };
        let mut bytes = Vec::new();
        file.take(MANIFEST_BYTES_MAX as u64).read_to_end(&mut bytes).map_err(BackupError::io(&path))?;
        manifest::open(&bytes, identity, &path).map(Some)
    }

    /// The same where there must be one.
    pub fn finished(&self, identity: &[u8; 32]) -> Result<Verified, BackupError> {
        self.manifest(identity)?.ok_or_else(|| BackupError::NoManifest { path: self.dir.clone() })
    }

    /// Numbers of all segments that are there, ascending.
    pub fn segments(&self) -> Result<Vec<u32>, BackupError> {
        let failed = BackupError::io(&self.dir);
        let mut numbers = Vec::new();
        for entry in std::fs::read_dir(&self.dir).map_err(&failed)? {
            let name = entry.map_err(&failed)?.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix("segment-")?.parse().ok());
            // Only what this product wrote: any other spelling is somebody else's file.
            numbers
                .extend(number.filter(|number| segment::path(&self.dir, *number).file_name() == Some(&name)));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Replaces the manifest.
    pub(crate) fn put_manifest(&self, bytes: &[u8]) -> Result<(), BackupError> {
        // Names of new segments first: no manifest may name what a power cut takes away.
        self.handle.sync_all().map_err(BackupError::io(&self.dir))?;
        let path = self.dir.join(MANIFEST);
        // A crash before the new one has the name: the manifest before stands, and the next copy takes the segments over.
        durable_file::replace(&path, bytes, durable_file::OWNER_ONLY).map_err(BackupError::io(&path))
    }

    /// Deletes a segment that no manifest names.
    pub(crate) fn remove(&self, number: u32) -> Result<(), BackupError> {
        let path = segment::path(&self.dir, number);
        std::fs::remove_file(&path).map_err(BackupError::io(&path))
    }
}

fn locked(dir: &Path, outcome: Result<(), TryLockError>) -> Result<(), BackupError> {
    match outcome {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(BackupError::InUse { path: dir.to_owned() }),
        Err(TryLockError::Error(reason)) => Err(BackupError::Io { path: dir.to_owned(), reason }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_is_neither_waited_for_nor_followed() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::make(dir.path()).unwrap();
        let other = dir.path().join("other");
        std::fs::write(&other, [7; 9000]).unwrap();
        for name in ["manifest", "segment-00001"] {
            let path = dir.path().join(name);
            nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
            assert!(matches!(crate::look(&folder, &[0; 32]), Err(BackupError::Io { .. })), "{name}: a pipe");
            std::fs::remove_file(&path).unwrap();
            std::os::unix::fs::symlink(&other, &path).unwrap();
            assert!(matches!(crate::look(&folder, &[0; 32]), Err(BackupError::Io { .. })), "{name}: a link");
            std::fs::remove_file(&path).unwrap();
        }
        assert!(crate::look(&folder, &[0; 32]).is_ok());
    }

    #[test]
    fn a_directory_with_other_things_in_it_is_not_filled() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("lost+found")).unwrap();
        drop(Folder::make(dir.path()).unwrap());
        let other = dir.path().join("holiday.jpg");
        std::fs::write(&other, b"").unwrap();
        assert!(matches!(Folder::make(dir.path()), Err(BackupError::NotOurs { .. })));
        // Beside a backup that is there it is none of our business.
        std::fs::write(dir.path().join("manifest"), b"").unwrap();
        drop(Folder::make(dir.path()).unwrap());
    }
}
