//! The system's randomness, drawn a page at a time: one system call for some hundred nonces and keys instead of one each.
//! Never gives a byte twice: what was given is wiped from the page. What was not, the keys of the next messages among it, lies
//! in secret memory: whoever reads the process today opens nothing that is sent tomorrow.

use hardening::{SECRET_PAGE_BYTES, SecretPage, SecretPageError};
use rand_core::{Rng, TryCryptoRng, TryRng, UnwrapErr};
use std::convert::Infallible;
use zeroize::Zeroize;

/// Drawn at once.
const POOL_BYTES: usize = SECRET_PAGE_BYTES;

/// A source that draws ahead. Of one thread, never cloned.
pub(crate) struct PooledRng {
    pool: SecretPage,
    /// Bytes of the pool that were given.
    given: usize,
}

impl PooledRng {
    /// Nothing drawn yet.
    pub(crate) fn new() -> Result<Self, SecretPageError> {
        Ok(Self { pool: SecretPage::new()?, given: POOL_BYTES })
    }
}

impl TryRng for PooledRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        if bytes.len() > POOL_BYTES {
            rng().fill_bytes(bytes);
            return Ok(());
        }
        if self.given + bytes.len() > POOL_BYTES {
            self.pool.with_mut(|pool| rng().fill_bytes(pool));
            self.given = 0;
        }
        self.pool.with_mut(|pool| {
            let fresh = &mut pool[self.given..self.given + bytes.len()];
            bytes.copy_from_slice(fresh);
            fresh.zeroize();
        });
        self.given += bytes.len();
        Ok(())
    }
}

impl TryCryptoRng for PooledRng {}

/// The system's own source; a failure of it ends the process.
pub(crate) fn rng() -> UnwrapErr<getrandom::SysRng> {
    UnwrapErr(getrandom::SysRng)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_byte_is_given_twice() {
        let mut rng = PooledRng::new().unwrap();
        let mut seen = std::collections::HashSet::new();
        for _ in 0..2000 {
            let mut bytes = [0; 24];
            rng.fill_bytes(&mut bytes);
            assert!(seen.insert(bytes));
        }
        rng.pool
            .with(|pool| assert!(pool[..rng.given].iter().all(|byte| *byte == 0), "what was given is gone"));
        let mut long = vec![0; 3 * POOL_BYTES];
        rng.fill_bytes(&mut long);
        assert!(long.chunks(32).all(|piece| piece != [0; 32]));
    }
}
