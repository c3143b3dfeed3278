//! The unlock secret: what a site's officers bring to a start, beside the cell. Without it a cell opens nothing.
//! Never stored by the vault, and never sufficient without the cell.

use disk::DeviceKeys;
use hardening::{SecretBox, SecretPageError};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::secret::Opened32;

/// Thirty-two secret bytes in a page of their own. Deliberately without `Debug`, `Clone` and `PartialEq`.
pub struct UnlockSecret {
    secret: SecretBox<32>,
}

impl UnlockSecret {
    /// Of bytes that `fill` writes in place.
    pub fn filled(fill: impl FnOnce(&mut [u8; 32])) -> Result<Self, SecretPageError> {
        Ok(Self { secret: SecretBox::filled(fill)? })
    }

    /// What a root secret of the cell becomes with this one: the HMAC key is both, one behind the other.
    pub(crate) fn mixed(&self, root: &[u8; 32], purpose: &[u8], bytes: &[u8]) -> Opened32 {
        let mut key = Zeroizing::new([0; 64]);
        key[..32].copy_from_slice(root);
        self.secret.with(|unlock| key[32..].copy_from_slice(unlock));
        derived(&*key, purpose, bytes)
    }

    /// What the log key is sealed under in the device record of one cell.
    pub(crate) fn device_key(&self, name: &[u8; 8]) -> Opened32 {
        self.secret.with(|unlock| derived(unlock, b"conclave vault device record 2", name))
    }
}

/// HMAC-SHA256 of purpose and bytes.
pub(crate) fn derived(key: &[u8], purpose: &[u8], bytes: &[u8]) -> Opened32 {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(purpose);
    mac.update(bytes);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// Both keys equal, compared in constant time.
pub(crate) fn same_keys(left: &DeviceKeys, right: &DeviceKeys) -> bool {
    use subtle::ConstantTimeEq;
    let log = left.with_log(|left| right.with_log(|right| left.ct_eq(right)));
    let verifiers = left.verifiers().with(|left| right.verifiers().with(|right| left.ct_eq(right)));
    (log & verifiers).into()
}
