//! One private mapping of whole pages for secrets, and the system calls that make and unmake it.
//! Never hands out its address: `SecretPage` is the only user. All unsafe code of secret memory is in this file.

use std::ffi::{c_int, c_long, c_void};
use std::num::NonZeroUsize;
use std::os::fd::{FromRawFd, OwnedFd};
use std::ptr::NonNull;

use nix::errno::Errno;
use nix::libc;
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mlock, mmap, mmap_anonymous, munmap};
use nix::unistd::ftruncate;

/// A readable and writable mapping that this value alone owns; unmapped on drop.
pub(crate) struct Mapping {
    start: NonNull<c_void>,
    length: NonZeroUsize,
}

// SAFETY: a mapping belongs to the process, not to a thread, and this value is its only owner.
unsafe impl Send for Mapping {}
// SAFETY: shared references only read (`bytes`); writing needs `&mut`.
unsafe impl Sync for Mapping {}

/// What a fallback mapping lacks, in the words of the system; empty when every step was granted.
pub(crate) type Lacking = Vec<(&'static str, Errno)>;

impl Mapping {
    /// Pages that the kernel takes out of its own direct map: neither root through /proc, nor ptrace, nor the kernel's
    /// own stray reads reach them; never swapped. Fails where the kernel does not offer it (`secretmem.enable=1`) or
    /// the locked-memory allowance is used up.
    pub(crate) fn secret(length: NonZeroUsize) -> Result<Mapping, Errno> {
        let file = memfd_secret()?;
        ftruncate(&file, libc::off_t::try_from(length.get()).map_err(|_| Errno::EINVAL)?)?;
        let flags = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: no address is asked for, so no existing mapping is replaced; the descriptor is ours and open.
        let start = unsafe { mmap(None, length, flags, MapFlags::MAP_SHARED, &file, 0) }?;
        let mapping = Mapping { start, length };
        // A child sees nothing: shared pages would otherwise be the same pages in both processes. Without this rule
        // the page is no better than the fallback, so a refusal counts as failure.
        mapping.advise(MmapAdvise::MADV_DONTFORK)?;
        Ok(mapping)
    }

    /// Ordinary anonymous pages, locked, left out of core files and of children. Each rule that the system refuses
    /// is named in the second value.
    pub(crate) fn locked(length: NonZeroUsize) -> Result<(Mapping, Lacking), Errno> {
        let flags = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: no address is asked for, so no existing mapping is replaced.
        let start = unsafe { mmap_anonymous(None, length, flags, MapFlags::MAP_PRIVATE) }?;
        let mapping = Mapping { start, length };
        let mut lacking = Lacking::new();
        // SAFETY: the range is exactly the mapping that we own.
        if let Err(errno) = unsafe { mlock(mapping.start, mapping.length.get()) } {
            lacking.push(("mlock", errno));
        }
        for (name, advice) in
            [("MADV_DONTDUMP", MmapAdvise::MADV_DONTDUMP), ("MADV_DONTFORK", MmapAdvise::MADV_DONTFORK)]
        {
            if let Err(errno) = mapping.advise(advice) {
                lacking.push((name, errno));
            }
        }
        Ok((mapping, lacking))
    }

    fn advise(&self, advice: MmapAdvise) -> Result<(), Errno> {
        // SAFETY: the range is exactly the mapping that we own, and neither advice used here (DONTDUMP, DONTFORK)
        // changes its contents in this process.
        unsafe { madvise(self.start, self.length.get(), advice) }
    }

    /// The pages.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping is readable, `length` bytes long, zero-filled by the kernel at birth, and lives as long
        // as `self`; nobody writes while `&self` is held.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().cast(), self.length.get()) }
    }

    /// The pages, to write.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`, and `&mut self` makes this the only reference.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().cast(), self.length.get()) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is exactly the mapping that we own, and no reference into it outlives `self`.
        let unmapped = unsafe { munmap(self.start, self.length.get()) };
        debug_assert_eq!(unmapped, Ok(()), "a whole mapping of our own can always be unmapped");
    }
}

/// `memfd_secret(2)`; neither libc nor nix wraps it.
fn memfd_secret() -> Result<OwnedFd, Errno> {
    let flags = libc::c_ulong::from(libc::O_CLOEXEC.unsigned_abs());
    // SAFETY: the call takes one integer and no pointer.
    let result: c_long = unsafe { libc::syscall(libc::SYS_memfd_secret, flags) };
    let number = c_int::try_from(Errno::result(result)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just opened this descriptor for us; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}
