//! Takes away the ways by which a process' memory reaches a file or a debugger of the same user.
//! Never stops root of the host: that is what `memfd_secret` and the image are for.

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};

/// Not dumpable: no core file, no ptrace by another process of the same user, `/proc/self` belongs to root.
pub(crate) fn not_dumpable() -> Result<(), Errno> {
    prctl::set_dumpable(false)
}

/// Core files of size zero, hard limit too, for the case that a later step made the process dumpable again (an exec
/// does) or a handler is asked by the soft limit only.
pub(crate) fn no_core_files() -> Result<(), Errno> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)
}

/// No program started from here gains rights by set-uid or file capabilities. Later filters need it. The rule
/// holds for the calling thread and the threads it starts afterwards.
pub(crate) fn no_new_privileges() -> Result<(), Errno> {
    prctl::set_no_new_privs()
}
