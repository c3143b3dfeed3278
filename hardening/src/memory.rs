//! Keeps the whole process out of swap where it may.
//! Never locks piecemeal: single secrets live in `SecretPage`.

use nix::errno::Errno;
use nix::sys::mman::{MlockAllFlags, mlockall};

/// Locks what is mapped and what will be.
pub(crate) fn lock_everything() -> Result<(), Errno> {
    mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE)
}
