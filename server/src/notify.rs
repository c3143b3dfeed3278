//! Tells systemd how the daemon stands (sd_notify(3)), where it asked to be told.
//! Never fails: a manager that does not listen is no reason to stop.

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Ready to serve.
pub(crate) const READY: &str = "READY=1";
/// On the way to the end.
pub(crate) const STOPPING: &str = "STOPPING=1";

/// Says it to the socket that systemd named.
pub(crate) fn notify(state: &str) {
    if let Some(socket) = std::env::var_os("NOTIFY_SOCKET") {
        let _nobody_listens = send(&socket, state);
    }
}

fn send(socket: &OsStr, state: &str) -> std::io::Result<()> {
    let address = match socket.as_bytes() {
        // An abstract name begins with an @ that stands for a zero byte.
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_reaches_both_kinds_of_sockets() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let by_path = UnixDatagram::bind(&path).unwrap();
        send(path.as_os_str(), READY).unwrap();
        let name = format!("conclaved-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let by_name = UnixDatagram::bind_addr(&address).unwrap();
        send(OsStr::new(&format!("@{name}")), STOPPING).unwrap();
        let mut buffer = [0; 32];
        assert_eq!(&buffer[..by_path.recv(&mut buffer.clone()).unwrap()].len(), &READY.len());
        let length = by_name.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], STOPPING.as_bytes());
    }
}
