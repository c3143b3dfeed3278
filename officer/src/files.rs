//! Files of the officers' programs: bounded reading, durable writing.
//! Never leaves a half-written file under its name, and never overwrites what it was told to make anew.

use crate::trouble::Trouble;
pub use pki::durable_file::directory as parent;
use pki::durable_file::{self, Growing, OWNER_ONLY, UMASK};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Who may read a file that is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// The owner alone.
    Owner,
    /// Whoever the process' umask lets.
    Anyone,
}

impl Readers {
    fn mode(self) -> u32 {
        match self {
            Self::Owner => OWNER_ONLY,
            Self::Anyone => UMASK,
        }
    }
}

/// The path as people read it.
pub fn shown(path: &Path) -> String {
    console::clean(&path.to_string_lossy())
}

/// What the system said about reading a path.
pub fn read_trouble(path: &Path, cause: &std::io::Error) -> Trouble {
    Trouble::Read { path: shown(path), cause: cause.to_string() }
}

/// What the system said about writing a path.
pub fn write_trouble(path: &Path, cause: &std::io::Error) -> Trouble {
    if cause.kind() == std::io::ErrorKind::AlreadyExists {
        return Trouble::Exists { path: shown(path) };
    }
    Trouble::Write { path: shown(path), cause: cause.to_string() }
}

/// Reads a whole file of at most `bytes_max` bytes.
pub fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, Trouble> {
    let file = File::open(path).map_err(|cause| read_trouble(path, &cause))?;
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(|cause| read_trouble(path, &cause))?;
    match bytes.len() as u64 > bytes_max {
        true => Err(Trouble::TooLong { path: shown(path), limit: bytes_max }),
        false => Ok(bytes),
    }
}

/// The same for text.
pub fn read_text(path: &Path, bytes_max: u64) -> Result<String, Trouble> {
    let bytes = read(path, bytes_max)?;
    String::from_utf8(bytes).map_err(|_| Trouble::NotText { path: shown(path) })
}

/// Begins a new file, refusing one that is there.
pub fn grow(path: &Path, readers: Readers) -> Result<Growing, Trouble> {
    Growing::create(path, readers.mode()).map_err(|cause| write_trouble(path, &cause))
}

/// Makes and writes a new file: whole, or not at all.
pub fn write_new(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), Trouble> {
    durable_file::create(path, bytes, readers.mode()).map_err(|cause| write_trouble(path, &cause))
}

/// Puts a file in the place of an old one, or of none: a crash leaves the one or the other, whole.
pub fn replace(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), Trouble> {
    durable_file::replace(path, bytes, readers.mode()).map_err(|cause| write_trouble(path, &cause))
}

/// Makes the names in a directory durable.
pub fn sync_dir(dir: &Path) -> Result<(), Trouble> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|cause| write_trouble(dir, &cause))
}

/// Makes a directory unless it is there.
pub fn ensure_dir(dir: &Path) -> Result<(), Trouble> {
    fs::create_dir_all(dir).map_err(|cause| write_trouble(dir, &cause))
}

/// The files of a directory whose names end so, sorted by name.
pub fn list(dir: &Path, ending: &str) -> Result<Vec<PathBuf>, Trouble> {
    let entries = fs::read_dir(dir).map_err(|cause| read_trouble(dir, &cause))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|cause| read_trouble(dir, &cause))?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(ending)) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_is_said_in_russian() {
        let missing = File::open("/nowhere/at/all").unwrap_err();
        let said = console::Words::ru(&read_trouble(Path::new("x"), &missing));
        assert_eq!(said, "x не читается: такого файла или каталога нет");
    }

    #[test]
    fn a_new_file_never_replaces_one_and_a_replaced_one_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("card");
        write_new(&path, b"one", Readers::Owner).unwrap();
        assert!(matches!(write_new(&path, b"two", Readers::Owner), Err(Trouble::Exists { .. })));
        // A leftover of a crash is no obstacle.
        fs::write(dir.path().join("card.new"), b"torn").unwrap();
        replace(&path, b"three", Readers::Anyone).unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"three");
        assert!(matches!(read(&path, 4), Err(Trouble::TooLong { limit: 4, .. })));
        assert_eq!(list(dir.path(), "ard").unwrap(), [path]);
    }
}
