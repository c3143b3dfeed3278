//! Who holds a TPM cell: a lock over the numbers of its three indices, for the cell's life.
//! Never a lock over the whole TPM, which other cells and other programs use too.

use std::fs::{File, OpenOptions};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use super::TpmPlace;
use super::auth::TpmAuth;
use crate::cell::CellError;

/// Indices of one cell.
pub(super) const INDICES: u32 = 3;

/// Held while it lives; the kernel lets go of it when the process ends.
pub(super) struct Held {
    locked: Option<(File, u32)>,
}

impl Drop for Held {
    fn drop(&mut self) {
        // Said in so many words: closing the file is not enough while a child of this process has a copy of it.
        let _closed_next = self.locked.as_ref().map(|(file, base)| set(file, *base, libc::F_UNLCK));
    }
}

impl Held {
    /// The lock lies on what all servers of this machine share: the TPM's device. A software TPM's socket cannot be locked; there it
    /// lies on the file of the authorisation value, without which none of them opens the cell. A copy of that file escapes it, but
    /// such a TPM serves one connection at a time.
    pub(super) fn take(place: &TpmPlace, base: u32, auth: &TpmAuth) -> Result<Self, CellError> {
        let file = match place {
            TpmPlace::Device(path) => Some(OpenOptions::new().read(true).write(true).open(path)?),
            TpmPlace::Swtpm(_) => auth.lockable()?,
        };
        file.as_ref().map_or(Ok(()), |file| lock(file, base))?;
        Ok(Self { locked: file.map(|file| (file, base)) })
    }

    /// Of whoever only looks: nothing is held.
    pub(super) fn none() -> Self {
        Self { locked: None }
    }
}

fn lock(file: &File, base: u32) -> Result<(), CellError> {
    match set(file, base, libc::F_WRLCK) {
        Ok(()) => Ok(()),
        Err(Errno::EAGAIN | Errno::EACCES) => Err(CellError::InUse),
        Err(other) => Err(CellError::Io(other.into())),
    }
}

/// One byte for each number, as a lock of the open file: another open of the same process is refused like any other's.
fn set(file: &File, base: u32, kind: libc::c_int) -> Result<(), Errno> {
    let range = libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: base.into(),
        l_len: INDICES.into(),
        l_pid: 0,
    };
    fcntl(file, FcntlArg::F_OFD_SETLK(&range)).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_that_share_an_index_exclude_each_other_and_others_do_not() {
        let folder = tempfile::tempdir().unwrap();
        // A character device takes such locks as a file does.
        for path in ["/dev/null".into(), folder.path().join("auth")] {
            let open = || {
                OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).unwrap()
            };
            let (first, second) = (open(), open());
            lock(&first, 0x01c1_0200).unwrap();
            assert!(matches!(lock(&second, 0x01c1_0202), Err(CellError::InUse)));
            lock(&second, 0x01c1_0203).unwrap();
            drop(first);
            lock(&second, 0x01c1_0202).unwrap();
        }
    }
}
