//! Keeps the whole process out of swap where it may.
//! Never locks piecemeal: single secrets live in `SecretPage`.

use nix::errno::Errno;
use nix::sys::mman::{MlockAllFlags, mlockall};

/// Locks what is mapped and what will be, each page once it holds something: what an allocator only reserves takes no
/// memory.
pub(crate) fn lock_everything() -> Result<(), Errno> {
    let on_fault = MlockAllFlags::from_bits_retain(nix::libc::MCL_ONFAULT);
    mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE | on_fault)
}
