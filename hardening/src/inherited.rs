//! What a program that is started from here inherits: its three standard descriptors, and none of ours.
//! Never closes a descriptor of this process.

use nix::errno::Errno;
use nix::libc;
use std::io;

/// The first descriptor behind the standard three.
const FIRST: libc::c_uint = 3;

/// Every descriptor that is open now, above the standard three, closes when another program takes this process' place
/// or is started from it: also those that this process was given without the mark. Linux 5.11.
pub fn close_on_exec() -> io::Result<()> {
    // SAFETY: close_range(2) with CLOSE_RANGE_CLOEXEC takes three integers and touches no memory of ours; it sets a flag
    // and closes nothing, so every descriptor that is owned somewhere in this process stays valid.
    let done = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            FIRST,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC as libc::c_uint,
        )
    };
    Errno::result(done).map(drop).map_err(io::Error::from)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that meets the unexpected is to stop")]
mod tests {
    use super::*;
    use nix::fcntl::{FcntlArg, FdFlag, fcntl};
    use std::process::Command;

    #[test]
    fn a_child_inherits_nothing_but_its_standard_descriptors() {
        let given = std::fs::File::open("/dev/zero").unwrap();
        fcntl(&given, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
        let listed = || {
            let told = Command::new("/bin/sh").args(["-c", "ls -l /proc/$$/fd/"]).output().unwrap();
            String::from_utf8(told.stdout).unwrap().matches("/dev/zero").count()
        };
        assert_eq!(listed(), 1);
        close_on_exec().unwrap();
        assert_eq!(listed(), 0);
        assert!(given.metadata().is_ok(), "and here it is still open");
    }
}
