//! Local sockets in the runtime directory, each for its owner alone.
//! Never takes one over from a server that lives: the store's lock has told that none does.

use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::Path;

/// Makes the socket of this name. One that is left from before is replaced.
pub(crate) fn bind(runtime_dir: &Path, name: &str) -> io::Result<UnixListener> {
    // A directory that is there keeps its mode: whoever made it has decided.
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(runtime_dir)?;
    let path = runtime_dir.join(name);
    remove(&path)?;
    // Bound under a name that nobody asks for, and given its own name only with the mode in force.
    let fresh = runtime_dir.join(format!(".{name}"));
    remove(&fresh)?;
    let listener = UnixListener::bind(&fresh)?;
    std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(&fresh, &path)?;
    Ok(listener)
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
