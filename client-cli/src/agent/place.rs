//! Where an agent lives: its directory and socket, one per home, one person per runtime directory.
//! Never follows what another user prepared: directories are ours and closed to others, or nothing is done.

use super::wire::{self, Ask, Tell, VERSION};
use nix::fcntl::{Flock, FlockArg};
use nix::unistd::getuid;
use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Agents of one user that are looked at.
const AGENTS_MAX: usize = 64;
/// How long another agent may take to say whose it is.
const HELLO_TIMEOUT: Duration = Duration::from_secs(2);

/// The directory of all agents of this user on this machine.
pub(crate) fn runtime_dir(variable: impl Fn(&str) -> Option<String>) -> PathBuf {
    let uid = getuid();
    if let Some(dir) = variable("XDG_RUNTIME_DIR").filter(|dir| Path::new(dir).is_absolute()) {
        return Path::new(&dir).join("conclave");
    }
    let system = PathBuf::from(format!("/run/user/{uid}"));
    match system.is_dir() {
        true => system.join("conclave"),
        false => PathBuf::from(format!("/tmp/conclave-{uid}")),
    }
}

/// The directory of the agent of one home: the first 8 hexadecimal digits of SHA-256 of its path.
pub(crate) fn agent_dir(runtime: &Path, home: &Path) -> PathBuf {
    let digest = Sha256::digest(home.as_os_str().as_bytes());
    runtime.join(hex::encode(&digest[..4]))
}

/// The socket inside it.
pub(crate) fn socket(dir: &Path) -> PathBuf {
    dir.join("agent.sock")
}

/// Makes a directory that only we can enter, or finds that it is one.
fn private_dir(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let found = fs::symlink_metadata(path)?;
    let ours = found.is_dir() && found.uid() == getuid().as_raw() && found.mode() & 0o077 == 0;
    match ours {
        true => Ok(()),
        false => Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("{} is not a directory that only this user can enter", path.display()),
        )),
    }
}

/// Held while an agent looks around and takes its place, so that two at once do not both find it free.
pub(crate) struct Place {
    dir: PathBuf,
    _lock: Flock<File>,
}

impl Place {
    /// Prepares the directories and waits for the lock.
    pub(crate) fn prepare(runtime: &Path, home: &Path) -> io::Result<Self> {
        private_dir(runtime)?;
        let dir = agent_dir(runtime, home);
        private_dir(&dir)?;
        let options = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).clone();
        let lock = options.open(runtime.join("lock"))?;
        let lock = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, errno)| io::Error::from(errno))?;
        Ok(Self { dir, _lock: lock })
    }

    /// The socket to listen on. `None`: an agent of this home lives. A socket that nobody answers on was left by a
    /// crash and is replaced.
    pub(crate) fn listen(&self) -> io::Result<Option<UnixListener>> {
        let path = socket(&self.dir);
        if UnixStream::connect(&path).is_ok() {
            return Ok(None);
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(&path)?;
        // The directory is closed to others since before the socket was made; its mode says so once more.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(Some(listener))
    }
}

/// The person of another home whose agent lives in this runtime directory, if it is not `person`.
pub(crate) fn other_person(runtime: &Path, home: &Path, person: u64) -> io::Result<Option<u64>> {
    let own = agent_dir(runtime, home);
    for entry in fs::read_dir(runtime)?.take(AGENTS_MAX) {
        let dir = entry?.path();
        if dir == own || !dir.is_dir() {
            continue;
        }
        if let Some(other) = whose(&socket(&dir))
            && other != person
        {
            return Ok(Some(other));
        }
    }
    Ok(None)
}

/// Whose agent listens there. One that does not answer, or does not know yet, is nobody's.
fn whose(path: &Path) -> Option<u64> {
    let mut stream = UnixStream::connect(path).ok()?;
    stream.set_read_timeout(Some(HELLO_TIMEOUT)).ok()?;
    stream.set_write_timeout(Some(HELLO_TIMEOUT)).ok()?;
    wire::write(&mut stream, &Ask::Hello(VERSION)).ok()?;
    match wire::read(&mut stream).ok()? {
        Tell::Hello(_, person) => person,
        Tell::Status(_)
        | Tell::Unlocked(_)
        | Tell::PasswordSet(_)
        | Tell::Locked(_)
        | Tell::Event(_)
        | Tell::Done(_)
        | Tell::Failed(_)
        | Tell::Waiting(_)
        | Tell::Stale(_)
        | Tell::Found(..) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_directory_is_the_users() {
        let given = |name: &str| (name == "XDG_RUNTIME_DIR").then(|| "/run/x".to_owned());
        assert_eq!(runtime_dir(given), Path::new("/run/x/conclave"));
        let relative = |name: &str| (name == "XDG_RUNTIME_DIR").then(|| "x".to_owned());
        assert!(runtime_dir(relative).is_absolute());
        let dir = agent_dir(Path::new("/r"), Path::new("/home/anna/.config/conclave"));
        assert_eq!(dir.file_name().unwrap().len(), 8);
        assert_ne!(dir, agent_dir(Path::new("/r"), Path::new("/home/boris/.config/conclave")));
    }

    #[test]
    fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let scratch = tempfile::tempdir().unwrap();
        let (runtime, home) = (scratch.path().join("run"), Path::new("/h"));
        let place = Place::prepare(&runtime, home).unwrap();
        let first = place.listen().unwrap().unwrap();
        assert!(place.listen().unwrap().is_none());
        drop(first);
        let again = place.listen().unwrap().unwrap();
        let mode = fs::metadata(socket(&agent_dir(&runtime, home))).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(again);
    }

    #[test]
    fn a_directory_that_others_can_enter_is_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let runtime = scratch.path().join("run");
        fs::create_dir(&runtime).unwrap();
        fs::set_permissions(&runtime, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(Place::prepare(&runtime, Path::new("/h")).is_err());
    }
}
