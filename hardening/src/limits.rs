//! Resource limits a process sets for itself.
//! Never raises a hard limit: who may do that is the administrator's business.

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

/// Open descriptors: 1,000 connections need one socket, so this is generous for logs, agents and exports and still
/// stops a leak early.
pub const FILES_MAX: u64 = 1024;

/// Memory that must be lockable for the secret pages of one process, in bytes.
pub const LOCKED_BYTES_MIN: u64 = 1 << 20;

/// Bounds open descriptors to [`FILES_MAX`] or the present hard limit, whichever is lower. Returns the limit.
pub(crate) fn bound_files() -> Result<u64, Errno> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let limit = hard.min(FILES_MAX);
    setrlimit(Resource::RLIMIT_NOFILE, limit, limit)?;
    Ok(limit)
}

/// Uses the whole locked-memory allowance. Returns it, in bytes; `u64::MAX` is "no limit".
pub(crate) fn use_whole_lock_allowance() -> Result<u64, Errno> {
    let (_, hard) = getrlimit(Resource::RLIMIT_MEMLOCK)?;
    setrlimit(Resource::RLIMIT_MEMLOCK, hard, hard)?;
    Ok(hard)
}

/// Whether the whole process may be locked: without a limit. With one, locking all would make the next allocation
/// beyond it fail, which is worse than a page of public data on a swap that the image does not have.
pub(crate) fn may_lock_everything(allowance: rlim_t) -> bool {
    allowance == nix::libc::RLIM_INFINITY
}
