//! Files that a crash leaves whole: made anew, or put in the place of an old one. The one home of these few steps, here
//! because every program that keeps files reaches `pki`, and its credential was the first to need them.
//! Never leaves half a file under its name, and never overwrites what it was told to make.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Only the owner reads and writes.
pub const OWNER_ONLY: u32 = 0o600;
/// Whoever the process' umask lets.
pub const UMASK: u32 = 0o666;

/// Makes a file with these bytes. One that is there is refused (`AlreadyExists`) and stays as it is.
pub fn create(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    fill(&mut file, path, bytes)
}

/// Writes into the empty file that the caller has just made at `path`, and makes contents and name durable. After an
/// error the file is gone again.
pub fn fill(file: &mut File, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| sync_name(path));
    if written.is_err() {
        // Half a file helps nobody; if it cannot be removed either, the first error is the one to tell.
        let _gone = fs::remove_file(path);
    }
    written
}

/// Puts new bytes in a file's place, or makes it: the old ones or the new ones are there, never a mixture. Two writers
/// of one file are for the caller to keep apart.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let fresh = beside(path, "new");
    // Left over by a crash; it was never the file. Removed and made anew, so that nobody prepared it for us.
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&fresh)?;
    file.write_all(bytes)?; // A crash here: the old file rules, a piece of the new one lies beside it.
    file.sync_all()?; // A crash here: the old file rules; the new one is whole but has no name that counts.
    fs::rename(&fresh, path)?; // A crash here: one or the other rules, and both are whole.
    sync_name(path) // From here on the new one rules; only now may the caller act on it.
}

/// Makes the name of a file durable: its directory is synced.
pub fn sync_name(path: &Path) -> io::Result<()> {
    File::open(directory(path))?.sync_all()
}

/// The directory that a path is in.
pub fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// `path` with `.suffix` at its end.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_new_file_never_replaces_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("card");
        create(&path, b"one", OWNER_ONLY).unwrap();
        assert_eq!(create(&path, b"two", OWNER_ONLY).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_replaced_file_is_whole_and_a_leftover_is_no_obstacle() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("card");
        replace(&path, b"one", OWNER_ONLY).unwrap();
        // What a crash leaves, and what somebody else might have put there to be written through.
        let elsewhere = dir.path().join("elsewhere");
        fs::write(&elsewhere, b"untouched").unwrap();
        std::os::unix::fs::symlink(&elsewhere, beside(&path, "new")).unwrap();
        replace(&path, b"two", OWNER_ONLY).unwrap();
        assert_eq!(
            (fs::read(&path).unwrap(), fs::read(&elsewhere).unwrap()),
            (b"two".into(), b"untouched".into())
        );
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert!(!beside(&path, "new").exists());
    }

    #[test]
    fn what_cannot_be_written_leaves_the_old_file_and_no_half_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("card");
        create(&path, b"old", OWNER_ONLY).unwrap();
        fs::create_dir(beside(&path, "new")).unwrap();
        assert!(replace(&path, b"new", OWNER_ONLY).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        // The device that is always full: written, refused, and removed again (its name here, a link).
        let full = dir.path().join("full");
        std::os::unix::fs::symlink("/dev/full", &full).unwrap();
        let mut device = OpenOptions::new().write(true).open(&full).unwrap();
        assert!(fill(&mut device, &full, b"bytes").is_err());
        assert!(full.symlink_metadata().is_err());
    }
}
