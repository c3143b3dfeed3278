//! Bytes at rest under a passphrase or a key: Argon2id, XChaCha20-Poly1305, a header that names both.
//! Never touches a file. File = header length (2 bytes, big-endian) ‖ header ‖ sealed; the header, with its length, is
//! associated data, so that no field of it can be changed.
use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use minicbor::{Decode, Encode};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::canonical;

/// Version of the format that this build writes.
pub const VERSION: u8 = 1;
/// Largest sealed file that is read, in bytes.
pub const SEALED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Letters that a new passphrase or password has at least: the authority's, a credential's, an account's.
pub const PASSPHRASE_LETTERS_MIN: usize = 10;
const KDF_ARGON2ID: &str = "argon2id";
const KDF_NONE: &str = "none";
const AEAD: &str = "xchacha20poly1305";

/// What deriving a key from a passphrase costs (RFC 9106).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct KdfCost {
    /// Memory, in KiB.
    #[n(0)]
    pub memory_kib: u32,
    /// Passes over it.
    #[n(1)]
    pub passes: u32,
    /// Lanes.
    #[n(2)]
    pub lanes: u32,
}

impl KdfCost {
    /// The second recommended option of RFC 9106 section 4: 64 MiB, 3 passes, 4 lanes.
    pub const STANDARD: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 4 };
    /// For tests only: no protection at all.
    pub const TESTING: Self = Self { memory_kib: 64, passes: 1, lanes: 1 };
    /// The most this build will spend on a file from outside.
    pub const MAX: Self = Self { memory_kib: 1024 * 1024, passes: 16, lanes: 16 };

    fn is_bearable(self) -> bool {
        self.memory_kib <= Self::MAX.memory_kib
            && self.passes <= Self::MAX.passes
            && self.lanes <= Self::MAX.lanes
    }
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct Header {
    #[n(0)]
    version: u8,
    /// What is inside.
    #[n(1)]
    kind: String,
    #[n(2)]
    kdf: String,
    #[n(3)]
    cost: Option<KdfCost>,
    #[cbor(n(4), with = "minicbor::bytes")]
    salt: Option<[u8; 16]>,
    #[n(5)]
    aead: String,
    #[cbor(n(6), with = "minicbor::bytes")]
    nonce: [u8; 24],
}

/// Why sealed bytes do not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSealed {
    /// Not the file this is meant to be, cut short, or too long.
    #[error("not a sealed {expected} of this product")]
    NotThis {
        /// What was expected.
        expected: &'static str,
    },
    /// Written by a newer product.
    #[error("format version {found}; this build reads up to {VERSION}")]
    Version {
        /// Its version.
        found: u8,
    },
    /// An algorithm this build does not know.
    #[error("an unknown algorithm: {0:?}")]
    Algorithm(String),
    /// The header asks for more work than [`KdfCost::MAX`], or for less than the algorithm allows.
    #[error("the file asks for an unbearable amount of work")]
    Cost,
    /// Wrong passphrase or key, or damaged.
    #[error("wrong passphrase, or the file is damaged")]
    Locked,
}

/// Seals under a passphrase.
pub fn seal_with_passphrase(
    kind: &'static str,
    passphrase: &[u8],
    cost: KdfCost,
    contents: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, BadSealed> {
    let mut salt = [0; 16];
    rng.fill_bytes(&mut salt);
    let key = derive(passphrase, &salt, cost)?;
    seal(kind, KDF_ARGON2ID, Some((cost, salt)), &key, contents, rng)
}

/// Seals under a key.
pub(crate) fn seal_with_key(
    kind: &'static str,
    key: &[u8; 32],
    contents: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, BadSealed> {
    seal(kind, KDF_NONE, None, key, contents, rng)
}

fn seal(
    kind: &'static str,
    kdf: &str,
    derived: Option<(KdfCost, [u8; 16])>,
    key: &[u8; 32],
    contents: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, BadSealed> {
    let mut nonce = [0; 24];
    rng.fill_bytes(&mut nonce);
    let header = canonical::encode(&Header {
        version: VERSION,
        kind: kind.to_owned(),
        kdf: kdf.to_owned(),
        cost: derived.map(|(cost, _)| cost),
        salt: derived.map(|(_, salt)| salt),
        aead: AEAD.to_owned(),
        nonce,
    });
    let length = u16::try_from(header.len()).expect("a header is some hundred bytes");
    let mut out = [&length.to_be_bytes(), &header[..]].concat();
    let sealed = XChaCha20Poly1305::new(key.into())
        .encrypt(&nonce.into(), Payload { msg: contents, aad: &out })
        .map_err(|_| BadSealed::NotThis { expected: kind })?;
    out.extend_from_slice(&sealed);
    Ok(out)
}

/// Opens what [`seal_with_passphrase`] made.
pub fn open_with_passphrase(
    kind: &'static str,
    passphrase: &[u8],
    bytes: &[u8],
) -> Result<Zeroizing<Vec<u8>>, BadSealed> {
    let (header, aad, sealed) = split(kind, bytes)?;
    match (header.kdf.as_str(), header.cost, header.salt) {
        (KDF_ARGON2ID, Some(cost), Some(salt)) => {
            let key = derive(passphrase, &salt, cost)?;
            open(&header, &key, aad, sealed)
        }
        (KDF_ARGON2ID | KDF_NONE, _, _) => Err(BadSealed::NotThis { expected: kind }),
        _ => Err(BadSealed::Algorithm(header.kdf)),
    }
}

/// Opens what [`seal_with_key`] made.
pub(crate) fn open_with_key(
    kind: &'static str,
    key: &[u8; 32],
    bytes: &[u8],
) -> Result<Zeroizing<Vec<u8>>, BadSealed> {
    let (header, aad, sealed) = split(kind, bytes)?;
    match (header.kdf.as_str(), header.cost, header.salt) {
        (KDF_NONE, None, None) => open(&header, key, aad, sealed),
        (KDF_ARGON2ID | KDF_NONE, _, _) => Err(BadSealed::NotThis { expected: kind }),
        _ => Err(BadSealed::Algorithm(header.kdf)),
    }
}

fn split<'a>(kind: &'static str, bytes: &'a [u8]) -> Result<(Header, &'a [u8], &'a [u8]), BadSealed> {
    let not_this = BadSealed::NotThis { expected: kind };
    if bytes.len() > SEALED_BYTES_MAX {
        return Err(not_this);
    }
    let (length, rest) = bytes.split_first_chunk::<2>().ok_or(not_this.clone())?;
    let header_bytes = usize::from(u16::from_be_bytes(*length));
    let header = rest.get(..header_bytes).ok_or(not_this.clone())?;
    // The version stands first, so that a newer format is refused by name.
    if let [0x80..=0x97, version @ 0..=0x17, ..] = *header
        && version > VERSION
    {
        return Err(BadSealed::Version { found: version });
    }
    let parsed: Header = canonical::decode(header).map_err(|_| not_this.clone())?;
    if parsed.version != VERSION || parsed.kind != kind {
        return Err(not_this);
    }
    if parsed.aead != AEAD {
        return Err(BadSealed::Algorithm(parsed.aead));
    }
    let (aad, sealed) = bytes.split_at(2 + header_bytes);
    Ok((parsed, aad, sealed))
}

fn open(header: &Header, key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, BadSealed> {
    XChaCha20Poly1305::new(key.into())
        .decrypt(&header.nonce.into(), Payload { msg: sealed, aad })
        .map(Zeroizing::new)
        .map_err(|_| BadSealed::Locked)
}

fn derive(passphrase: &[u8], salt: &[u8; 16], cost: KdfCost) -> Result<Zeroizing<[u8; 32]>, BadSealed> {
    if !cost.is_bearable() {
        return Err(BadSealed::Cost);
    }
    let params =
        Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).map_err(|_| BadSealed::Cost)?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase, salt, &mut *key)
        .map_err(|_| BadSealed::Cost)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Rng;

    #[test]
    fn nothing_of_a_sealed_file_can_be_changed() {
        let mut rng = Rng::seeded(1);
        let cost = KdfCost::TESTING;
        let sealed = seal_with_passphrase("thing", b"correct", cost, b"contents", &mut rng).unwrap();
        assert_eq!(open_with_passphrase("thing", b"correct", &sealed).unwrap().as_slice(), b"contents");
        assert_eq!(open_with_passphrase("thing", b"wrong", &sealed), Err(BadSealed::Locked));
        assert!(open_with_passphrase("other", b"correct", &sealed).is_err());
        for at in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[at] ^= 1;
            assert!(open_with_passphrase("thing", b"correct", &bent).is_err(), "byte {at}");
            assert!(open_with_passphrase("thing", b"correct", &sealed[..at]).is_err(), "cut at {at}");
        }
        let mut newer = sealed.clone();
        newer[3] = 2;
        assert_eq!(open_with_passphrase("thing", b"correct", &newer), Err(BadSealed::Version { found: 2 }));
    }

    #[test]
    fn a_file_cannot_ask_for_any_amount_of_memory() {
        let cost = KdfCost { memory_kib: u32::MAX, ..KdfCost::TESTING };
        let sealed = seal_with_passphrase("thing", b"x", cost, b"", &mut Rng::seeded(1));
        assert_eq!(sealed, Err(BadSealed::Cost));
    }
}
