//! The operating system's randomness.
//! Never falls back to anything else: without it nothing is signed.

use rand_core::{CryptoRng, UnwrapErr};

/// A source for a session. It panics where the system refuses, which it does not after start-up.
pub(crate) fn source() -> Box<dyn CryptoRng + Send> {
    Box::new(UnwrapErr(getrandom::SysRng))
}
