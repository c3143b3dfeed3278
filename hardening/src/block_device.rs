//! What a block device is asked for beside reading and writing. All unsafe code of it is in this file.
//! Never decides what a device may forget.

use nix::errno::Errno;
use nix::libc;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// `_IO(0x12, 119)` of <linux/fs.h>, as x86 and ARM number it.
const BLKDISCARD: libc::Ioctl = 0x1277;

/// Tells the device that so many bytes from `offset` on hold nothing of value: whole logical blocks. What is read there
/// afterwards, nobody can say. `EOPNOTSUPP`: the device takes no such word. Nothing but a block device takes it at all.
pub fn discard_blocks(device: &impl AsFd, offset: u64, length: u64) -> io::Result<()> {
    let range = [offset, length];
    // SAFETY: BLKDISCARD reads two u64 from its pointer and writes nothing there; the array lives over the call, and the
    // descriptor is borrowed from its owner for as long.
    let done = unsafe { libc::ioctl(device.as_fd().as_raw_fd(), BLKDISCARD, range.as_ptr()) };
    Errno::result(done).map(drop).map_err(io::Error::from)
}
