//! Files that a crash leaves whole: made anew, or put in the place of an old one. The one home of these few steps, here
//! because every program that keeps files reaches `pki`, and its credential was the first to need them.
//! Never leaves half a file under its name, and never overwrites what it was told to make.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, FallocateFlags, RenameFlags, fallocate, renameat2};

/// Only the owner reads and writes.
pub const OWNER_ONLY: u32 = 0o600;
/// Whoever the process' umask lets.
pub const UMASK: u32 = 0o666;

/// Makes a file with these bytes, whole or not at all. One that is there is refused (`AlreadyExists`) and stays as it
/// is.
pub fn create(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut growing = Growing::create(path, mode)?;
    growing.write_all(bytes)?;
    growing.finish_new()
}

/// A new file that is being written, under a name that says so (`.part-…` at its end). It gets its own name only when
/// it is whole and on the disk; given up, it is gone. A crash leaves the part, never a file that looks whole.
pub struct Growing {
    file: File,
    part: PathBuf,
    path: PathBuf,
    has_room: bool,
    is_finished: bool,
}

impl Growing {
    /// Begins a file that is to be at `path`. One that is there is refused (`AlreadyExists`).
    pub fn create(path: &Path, mode: u32) -> io::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        if path.symlink_metadata().is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let part = beside(path, &format!("part-{}-{count}", std::process::id()));
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&part)?;
        Ok(Self { file, part, path: path.to_owned(), has_room: false, is_finished: false })
    }

    /// Sets room aside for so many bytes, where the file system can: a full disk shows before what cannot be undone. What
    /// is not used of it is given back with the name.
    pub fn reserve(&mut self, bytes: usize) -> io::Result<()> {
        let length = i64::try_from(bytes).map_err(io::Error::other)?;
        match fallocate(&self.file, FallocateFlags::FALLOC_FL_KEEP_SIZE, 0, length) {
            Ok(()) => self.has_room = true,
            Err(Errno::EOPNOTSUPP | Errno::ENOSYS) => {}
            Err(errno) => return Err(errno.into()),
        }
        Ok(())
    }

    /// Where the bytes are until then.
    pub fn part(&self) -> &Path {
        &self.part
    }

    /// Gives the file its name. A file that appeared there meanwhile is refused (`AlreadyExists`) and stays.
    pub fn finish_new(mut self) -> io::Result<()> {
        if self.has_room {
            self.file.set_len(self.file.metadata()?.len())?; // What is behind its end is given back.
        }
        self.file.sync_all()?; // A crash here: the part is whole, and its name says that nobody finished it.
        name_new(&self.part, &self.path)?; // A crash here: the part or the file, and both are whole.
        self.is_finished = true;
        sync_name(&self.path).inspect_err(|_| {
            // Not known to last, so not done; if it cannot be removed either, the first error is the one to tell.
            let _gone = fs::remove_file(&self.path);
        })
    }
}

impl Write for Growing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        if !self.is_finished {
            let _gone = fs::remove_file(&self.part);
        }
    }
}

/// Renames, and never replaces.
pub(crate) fn name_new(part: &Path, path: &Path) -> io::Result<()> {
    match renameat2(AT_FDCWD, part, AT_FDCWD, path, RenameFlags::RENAME_NOREPLACE) {
        Ok(()) => Ok(()),
        // A file system that cannot; a second name is never given to a file that is there either.
        Err(Errno::EINVAL | Errno::ENOSYS | Errno::EOPNOTSUPP) => {
            fs::hard_link(part, path)?; // A crash here: two names, and the file is whole under both.
            fs::remove_file(part)
        }
        Err(errno) => Err(errno.into()),
    }
}

/// Puts new bytes in a file's place, or makes it: the old ones or the new ones are there, never a mixture. Two writers
/// of one file are for the caller to keep apart.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    replace_with(path, mode, |file| file.write_all(bytes))
}

/// The same with bytes that come piece by piece.
pub fn replace_with(
    path: &Path,
    mode: u32,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let fresh = beside(path, "new");
    // Left over by a crash; it was never the file. Removed and made anew, so that nobody prepared it for us.
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&fresh)?;
    // A crash here: the old file rules, a piece of the new one lies beside it. A full disk is not left full of it.
    write(&mut file).inspect_err(|_| drop(fs::remove_file(&fresh)))?;
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
        // A link that leads nowhere is there too.
        std::os::unix::fs::symlink(dir.path().join("nowhere"), dir.path().join("link")).unwrap();
        let refused = create(&dir.path().join("link"), b"two", OWNER_ONLY).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert!(!dir.path().join("nowhere").exists());
    }

    #[test]
    fn room_that_is_set_aside_is_no_part_of_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("card");
        let mut growing = Growing::create(&path, OWNER_ONLY).unwrap();
        growing.reserve(1 << 20).unwrap();
        growing.write_all(b"one").unwrap();
        growing.finish_new().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert!(fs::metadata(&path).unwrap().blocks() * 512 < 1 << 20);
        let nobody_has_so_much =
            Growing::create(&dir.path().join("other"), OWNER_ONLY).unwrap().reserve(i64::MAX as usize);
        assert!(nobody_has_so_much.is_err());
    }

    #[test]
    fn a_growing_file_has_its_name_only_when_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("card");
        let names = || {
            let mut names: Vec<_> =
                fs::read_dir(dir.path()).unwrap().map(|one| one.unwrap().path()).collect();
            names.sort();
            names
        };
        // The power may fail after each of these steps: what is then on the disk is what is there now.
        let mut growing = Growing::create(&path, OWNER_ONLY).unwrap();
        assert_eq!(names(), [growing.part()]);
        growing.write_all(b"ha").unwrap();
        assert_eq!(names(), [growing.part()]);
        growing.write_all(b"lf").unwrap();
        assert_eq!(names(), [growing.part()]);
        // Given up: nothing is left.
        drop(growing);
        assert!(names().is_empty());
        // What a crash left is no obstacle.
        fs::write(beside(&path, "part-1-0"), b"torn").unwrap();
        create(&path, b"whole", OWNER_ONLY).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        fs::remove_file(&path).unwrap();
        // A file that appears meanwhile stays.
        let mut late = Growing::create(&path, OWNER_ONLY).unwrap();
        late.write_all(b"late").unwrap();
        fs::write(&path, b"first").unwrap();
        assert_eq!(late.finish_new().unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(names(), [path.clone(), beside(&path, "part-1-0")]);
    }

    #[test]
    fn a_name_that_is_taken_is_not_given() {
        let dir = tempfile::tempdir().unwrap();
        let (part, path) = (dir.path().join("part"), dir.path().join("card"));
        fs::write(&part, b"whole").unwrap();
        name_new(&part, &path).unwrap();
        assert!(!part.exists() && path.exists());
        fs::write(&part, b"second").unwrap();
        assert_eq!(name_new(&part, &path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"whole");
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
    }
}
