//! The authority's secret keys at rest: one encrypted file each, so that the root's can be carried away and locked up.
//! Never on the disk in clear, and never both opened for one piece of work.
//!
//! ```text
//! root.key, issuing.key = pki::sealed under the passphrase (Argon2id, XChaCha20-Poly1305) around [1, suite, secret: 32 bytes]
//! ```

use crate::files::{self, Readers};
use crate::trouble::Trouble;
use console::Secret;
use minicbor::{Decode, Encode};
use pki::sealed::{self, BadSealed, KdfCost, SEALED_BYTES_MAX};
use pki::{PublicKey, SecretKey, Suite, canonical};
use rand_core::CryptoRng;
use std::path::Path;
use zeroize::{Zeroize, Zeroizing};

const VERSION: u8 = 1;
const KIND: &str = "authority key";

#[derive(Encode, Decode)]
#[cbor(array)]
struct AtRest {
    #[n(0)]
    version: u8,
    #[n(1)]
    suite: Suite,
    #[cbor(n(2), with = "minicbor::bytes")]
    secret: [u8; 32],
}

impl Drop for AtRest {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

/// Seals a key under a passphrase into a new file.
pub fn write(
    path: &Path,
    key: &SecretKey,
    passphrase: &Secret,
    rng: &mut dyn CryptoRng,
) -> Result<(), Trouble> {
    let bytes = key.to_bytes();
    let secret = bytes.as_slice().try_into().map_err(|_| Trouble::UnsupportedSuite { suite: "?".into() })?;
    let at_rest = AtRest { version: VERSION, suite: key.public().suite(), secret };
    let clear = Zeroizing::new(canonical::encode(&at_rest));
    let sealed =
        sealed::seal_with_passphrase(KIND, passphrase.expose().as_bytes(), KdfCost::STANDARD, &clear, rng)
            .map_err(|why| bad(path, &why))?;
    files::write_new(path, &sealed, Readers::Owner)
}

/// Opens the key that belongs to this public one.
pub fn open(path: &Path, passphrase: &Secret, public: &PublicKey) -> Result<SecretKey, Trouble> {
    let bytes = files::read(path, SEALED_BYTES_MAX as u64)?;
    let clear = sealed::open_with_passphrase(KIND, passphrase.expose().as_bytes(), &bytes)
        .map_err(|why| bad(path, &why))?;
    let other = || Trouble::BadFile { path: files::shown(path), why: "the key of another authority".into() };
    let at_rest: AtRest = canonical::decode(&clear).map_err(|_| other())?;
    let key = SecretKey::from_bytes(at_rest.suite, &at_rest.secret).map_err(|_| other())?;
    if at_rest.version == VERSION && key.public() == public { Ok(key) } else { Err(other()) }
}

fn bad(path: &Path, why: &BadSealed) -> Trouble {
    match why {
        BadSealed::Locked => Trouble::WrongPassphrase,
        BadSealed::NotThis { .. } | BadSealed::Version { .. } | BadSealed::Algorithm(_) | BadSealed::Cost => {
            Trouble::BadFile { path: files::shown(path), why: why.to_string() }
        }
    }
}
