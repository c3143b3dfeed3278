//! What calls have left on a thread's stack: keys in registers that were spilled, arguments that were moved.
//! Never touches what is still in use: it only calls deeper and writes zeros there.

use std::hint::black_box;

/// How far below the caller's frame is written.
const BYTES: usize = 64 * 1024;

/// Overwrites what finished calls have left below the caller's frame on this thread's stack. For a loop that works with
/// keys, once for each job: what `zeroize` cannot reach are the copies that a compiler makes of what it moves.
#[inline(never)]
pub fn scrub_stack() {
    let mut left = [0_u8; BYTES];
    black_box(&mut left);
}
