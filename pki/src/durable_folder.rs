//! Folders that a crash leaves whole: filled under another name, and named when everything in them is on the disk.
//! Never adds to a folder that has its name, and never replaces one.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::syncfs;

use crate::durable_file::{OWNER_ONLY, beside, name_new, sync_name};

/// Only the owner looks into it.
const OWNER_ONLY_FOLDER: u32 = 0o700;

/// A new folder that is being filled, under a name that says so (`.part-…` at its end). It gets its own name only when
/// all of it is on the disk; given up, it is gone. A crash leaves the part, never a folder that looks whole.
pub struct GrowingFolder {
    part: PathBuf,
    path: PathBuf,
    is_finished: bool,
}

impl GrowingFolder {
    /// Begins a folder that is to be at `path`, for its owner alone. What is there is refused (`AlreadyExists`).
    pub fn create(path: &Path) -> io::Result<Self> {
        if path.symlink_metadata().is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let part = beside(path, &format!("part-{}", std::process::id()));
        DirBuilder::new().mode(OWNER_ONLY_FOLDER).create(&part)?;
        Ok(Self { part, path: path.to_owned(), is_finished: false })
    }

    /// Writes a new file; `name` is below the folder, and the folders on the way are made.
    pub fn file(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.part.join(name);
        let open = || OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(&path);
        let mut file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let above = path.parent().unwrap_or(&self.part);
                DirBuilder::new().recursive(true).mode(OWNER_ONLY_FOLDER).create(above)?;
                open()?
            }
            opened => opened?,
        };
        file.write_all(bytes)
    }

    /// Gives the folder its name. What appeared there meanwhile is refused (`AlreadyExists`) and stays.
    pub fn finish_new(mut self) -> io::Result<()> {
        // One sync of the file system for any number of files: one each would take hours where this takes seconds.
        syncfs(File::open(&self.part)?)?; // A crash here: all is on the disk, under the name that says it is a part.
        name_new(&self.part, &self.path)?; // A crash here: the part or the folder, and both are whole.
        self.is_finished = true;
        sync_name(&self.path)
    }
}

impl Drop for GrowingFolder {
    fn drop(&mut self) {
        if !self.is_finished {
            let _gone = fs::remove_dir_all(&self.part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_its_name_only_when_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let given_up = GrowingFolder::create(&path).unwrap();
        given_up.file("tile/0/000", b"hashes").unwrap();
        assert!(!path.exists() && beside(&path, &format!("part-{}", std::process::id())).exists());
        drop(given_up);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "what was given up is gone");

        let folder = GrowingFolder::create(&path).unwrap();
        folder.file("tile/x001/000", b"hashes").unwrap();
        folder.file("checkpoint", b"note").unwrap();
        assert!(folder.file("checkpoint", b"again").is_err());
        folder.finish_new().unwrap();
        assert_eq!(fs::read(path.join("tile/x001/000")).unwrap(), b"hashes");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_there_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let folder = GrowingFolder::create(&path).unwrap();
        fs::create_dir(&path).unwrap();
        fs::write(path.join("mine"), b"mine").unwrap();
        assert_eq!(folder.finish_new().unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(GrowingFolder::create(&path).err().unwrap().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(path.join("mine")).unwrap(), b"mine");
    }
}
