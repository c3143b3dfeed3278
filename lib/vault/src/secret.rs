//! The one type for keys of the tree. Wherever such a key lies it lies masked, and what unmasks it lies in one page that
//! swap, core files and (where the kernel has `memfd_secret`) root of the host do not reach.
//! Never printed, wiped on drop, compared in constant time, in clear only while a cipher needs it.
//!
//! A tree holds thousands of keys and moves them about, from map node to map node and from thread to thread; a move
//! leaves copies that nobody wipes. So the keys are masked by ChaCha20 under one [`Mask`], each with a number of its
//! own, and every erasure epoch draws a new mask: with the old one every copy of every erased key is lost at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use hardening::{PageKind, SecretBox, SecretPageError};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// Thirty-two bytes in clear, for one use.
pub(crate) type Opened32 = Zeroizing<[u8; 32]>;

/// What unmasks the keys of one tree between two erasures. Deliberately without `Debug` and `Clone`.
pub(crate) struct Mask {
    key: SecretBox<32>,
    /// How many keys were masked: no two under one number.
    used: AtomicU64,
}

impl Mask {
    /// A fresh mask in a page of its own.
    pub(crate) fn new(rng: &mut dyn CryptoRng) -> Result<Arc<Self>, SecretPageError> {
        let key = SecretBox::filled(|bytes| rng.fill_bytes(bytes))?;
        Ok(Arc::new(Self { key, used: AtomicU64::new(0) }))
    }

    /// A mask that is no secret, for whoever reads the formats with keys that he has in clear anyway.
    pub(crate) fn known() -> Result<Arc<Self>, SecretPageError> {
        Ok(Arc::new(Self { key: SecretBox::filled(|_| {})?, used: AtomicU64::new(0) }))
    }

    /// How well the page is kept.
    pub(crate) fn kind(&self) -> &PageKind {
        self.key.kind()
    }

    /// Masks or unmasks the bytes of one number, in place.
    fn apply(&self, number: u64, bytes: &mut [u8; 32]) {
        let mut nonce = [0; 12];
        nonce[..8].copy_from_slice(&number.to_le_bytes());
        self.key.with(|key| ChaCha20::new(key.into(), &nonce.into()).apply_keystream(bytes));
    }
}

/// Thirty-two secret bytes, masked.
#[derive(Clone)]
pub(crate) struct Secret32 {
    mask: Arc<Mask>,
    number: u64,
    masked: [u8; 32],
}

impl Secret32 {
    /// Fresh from the given source.
    pub(crate) fn random(rng: &mut dyn CryptoRng, mask: &Arc<Mask>) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *bytes);
        Self::masked(&bytes, mask)
    }

    /// Of bytes that were stored.
    pub(crate) fn masked(bytes: &[u8; 32], mask: &Arc<Mask>) -> Self {
        let number = mask.used.fetch_add(1, Ordering::Relaxed);
        let mut secret = Self { mask: Arc::clone(mask), number, masked: *bytes };
        mask.apply(number, &mut secret.masked);
        secret
    }

    /// The same secret under another mask.
    pub(crate) fn under(&self, mask: &Arc<Mask>) -> Self {
        Self::masked(&self.open(), mask)
    }

    /// The bytes, for the cipher and for the places that store them sealed.
    pub(crate) fn open(&self) -> Opened32 {
        let mut bytes = Zeroizing::new(self.masked);
        self.mask.apply(self.number, &mut bytes);
        bytes
    }
}

impl Drop for Secret32 {
    fn drop(&mut self) {
        self.masked.zeroize();
    }
}

impl PartialEq for Secret32 {
    fn eq(&self, other: &Self) -> bool {
        self.open().ct_eq(&*other.open()).into()
    }
}

impl Eq for Secret32 {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::rng;

    #[test]
    fn a_key_lies_masked_and_opens_as_itself() {
        let mask = Mask::new(&mut rng(1)).unwrap();
        let [first, second] = [(); 2].map(|()| Secret32::masked(&[7; 32], &mask));
        assert!(first.masked != [7; 32] && first.masked != second.masked, "no two alike under one mask");
        assert!(*first.open() == [7; 32] && first == second && first == first.clone());
        let other = Mask::new(&mut rng(2)).unwrap();
        assert!(first.under(&other) == first && first.under(&other).masked != first.masked);
        assert!(first != Secret32::random(&mut rng(3), &mask));
    }
}
