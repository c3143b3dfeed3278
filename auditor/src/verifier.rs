//! The independent verifier that goes along with a bundle: Python's standard library and openssl, nothing of ours.
//! Never run by this program: whoever gets the bundle runs it, with trust of his own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use pki::durable_file::{self, UMASK};

/// The program's text.
pub const VERIFIER: &[u8] = include_bytes!("../verify_bundle.py");
/// Its file's name.
pub const FILE: &str = "verify_bundle.py";

/// Writes it beside this bundle. One that is there already, byte for byte, is left as it is; another one is an error
/// (`AlreadyExists`).
pub fn write_beside(bundle: &Path) -> io::Result<PathBuf> {
    let path = bundle.parent().unwrap_or(Path::new("")).join(FILE);
    match durable_file::create(&path, VERIFIER, UMASK) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && fs::read(&path)? == VERIFIER => {
            Ok(path)
        }
        done => done.map(|()| path),
    }
}
