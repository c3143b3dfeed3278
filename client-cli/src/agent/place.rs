//! Where an agent lives: its directory and socket, one per home, one person per runtime directory.
//! Never follows what another user prepared: directories are ours and closed to others and whoever listens is us, or
//! nothing is done, neither by an agent nor by a command.

use super::wire::{self, Ask, Tell, VERSION};
use nix::fcntl::{Flock, FlockArg};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
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
    must_be_private(path)
}

/// A directory, no link to one, that only we can enter.
fn must_be_private(path: &Path) -> io::Result<()> {
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

/// A line to the agent whose directory this is, before a word is said on it. The way there has a name that every user
/// knows, in a directory where others may write: that it is ours is looked at, and who listens at its end.
pub(crate) fn connect(runtime: &Path, dir: &Path) -> io::Result<UnixStream> {
    must_be_private(runtime)?;
    must_be_private(dir)?;
    let stream = UnixStream::connect(socket(dir))?;
    match getsockopt(&stream, PeerCredentials)?.uid() == getuid().as_raw() {
        true => Ok(stream),
        false => Err(io::Error::new(io::ErrorKind::PermissionDenied, "another user listens there")),
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
        if let Some(other) = whose(runtime, &dir)
            && other != person
        {
            return Ok(Some(other));
        }
    }
    Ok(None)
}

/// Whose agent listens there. One that does not answer, or does not know yet, is nobody's.
fn whose(runtime: &Path, dir: &Path) -> Option<u64> {
    let mut stream = connect(runtime, dir).ok()?;
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
        | Tell::Found(..)
        | Tell::Part(_) => None,
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

    /// Another user makes the place before we do, and waits there for our passphrase.
    #[test]
    fn a_command_says_nothing_in_a_place_that_others_prepared() {
        let scratch = tempfile::tempdir().unwrap();
        let runtime = scratch.path().join("run");
        let dir = agent_dir(&runtime, Path::new("/h"));
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        fs::create_dir_all(&dir).unwrap();
        let _listener = UnixListener::bind(socket(&dir)).unwrap();
        let refused = |of: &Path| connect(&runtime, of).map(drop).map_err(|error| error.kind());
        for (open, closed) in [(&runtime, &dir), (&dir, &runtime)] {
            mode(open, 0o755);
            mode(closed, 0o700);
            assert_eq!(refused(&dir), Err(io::ErrorKind::PermissionDenied), "{}", open.display());
        }
        mode(&runtime, 0o700);
        mode(&dir, 0o700);
        assert_eq!(refused(&dir), Ok(()));
        let link = runtime.join("link");
        std::os::unix::fs::symlink(&dir, &link).unwrap();
        assert_eq!(refused(&link), Err(io::ErrorKind::PermissionDenied), "a link to it");
        assert_eq!(refused(&runtime.join("none")), Err(io::ErrorKind::NotFound));
    }
}
