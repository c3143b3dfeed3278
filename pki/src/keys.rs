//! Signature keys of persons, logs and certification authorities, and their one encoding each.
//! Never reads files and never draws randomness by itself: ECDSA nonces are derived (RFC 6979), so that the same
//! key, message and seed give the same bytes in a replayed simulation.
use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, Ed25519KeyPair, ParsedPublicKey};
use p256::ecdsa::signature::Signer as _;
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::signature::{BadSignature, SignError, Signer, Verifier};
use crate::suite::Suite;

/// Bytes of a secret key at rest: an Ed25519 seed, a P-256 scalar.
pub const SECRET_BYTES: usize = 32;

/// SubjectPublicKeyInfo up to the 32 key bytes (RFC 8410).
pub(crate) const SPKI_ED25519: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
/// SubjectPublicKeyInfo up to the 65 bytes of an uncompressed point (RFC 5480).
pub(crate) const SPKI_P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3,
    1, 7, 3, 0x42, 0,
];
/// Half of the order of P-256, rounded down: the highest `s` of a statement's signature.
const P256_HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xde, 0x73, 0x7d,
    0x56, 0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8,
];

/// Why a key is not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// This build knows the suite's name but not its arithmetic.
    #[error("keys of suite {suite} are not supported by this build")]
    Unsupported {
        /// The suite asked for.
        suite: Suite,
    },
    /// An algorithm that no suite of ours uses.
    #[error("the key's algorithm belongs to no suite")]
    UnknownAlgorithm,
    /// Wrong length, a point that is not on the curve, a scalar out of range.
    #[error("not a key of suite {suite}")]
    Malformed {
        /// The suite whose rules it breaks.
        suite: Suite,
    },
    /// A second spelling of an Ed25519 point.
    #[error("the Ed25519 key is not in its canonical encoding")]
    NotCanonical,
    /// A point whose signatures say nothing: anyone can make them.
    #[error("the Ed25519 key is of small order")]
    SmallOrder,
}

/// A public signature key; a [`Verifier`].
#[derive(Clone)]
pub struct PublicKey {
    suite: Suite,
    spki: Vec<u8>,
    hash: [u8; 32],
    parsed: ParsedPublicKey,
}

impl PublicKey {
    /// Admits a key by its SubjectPublicKeyInfo in DER. Each suite has exactly one accepted encoding.
    pub fn from_spki(spki: &[u8]) -> Result<Self, KeyError> {
        if let Some(key) = spki.strip_prefix(&SPKI_ED25519) {
            return Self::from_raw(Suite::Ed25519, key);
        }
        if let Some(point) = spki.strip_prefix(&SPKI_P256) {
            return Self::from_raw(Suite::EcdsaP256, point);
        }
        match gost_suite(spki) {
            Some(suite) => Err(KeyError::Unsupported { suite }),
            None => Err(KeyError::UnknownAlgorithm),
        }
    }

    /// Admits a key by its bare bytes: 32 bytes of Ed25519, or 65 of an uncompressed P-256 point.
    pub fn from_raw(suite: Suite, raw: &[u8]) -> Result<Self, KeyError> {
        let malformed = KeyError::Malformed { suite };
        match suite {
            Suite::Ed25519 => {
                admit_ed25519(raw)?;
                let parsed = ParsedPublicKey::new(&ED25519, raw).map_err(|_| malformed)?;
                Ok(Self::of(suite, [&SPKI_ED25519, raw].concat(), parsed))
            }
            Suite::EcdsaP256 => {
                if raw.len() != 65 || raw[0] != 4 || p256::PublicKey::from_sec1_bytes(raw).is_err() {
                    return Err(malformed);
                }
                let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, raw).map_err(|_| malformed)?;
                Ok(Self::of(suite, [&SPKI_P256, raw].concat(), parsed))
            }
            Suite::Gost256 | Suite::Gost512 => Err(KeyError::Unsupported { suite }),
        }
    }

    fn of(suite: Suite, spki: Vec<u8>, parsed: ParsedPublicKey) -> Self {
        Self { suite, hash: Sha256::digest(&spki).into(), spki, parsed }
    }

    /// The suite of the key.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// SubjectPublicKeyInfo in DER.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// SHA-256 of [`PublicKey::spki`]; reckoned once, for a key verifies many statements.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// The bare bytes, as [`PublicKey::from_raw`] takes them.
    pub fn raw(&self) -> &[u8] {
        match self.suite {
            Suite::Ed25519 => &self.spki[SPKI_ED25519.len()..],
            Suite::EcdsaP256 => &self.spki[SPKI_P256.len()..],
            Suite::Gost256 | Suite::Gost512 => unreachable!("from_raw admits no such key in this build"),
        }
    }
}

impl Verifier for PublicKey {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        if signature.len() != self.suite.signature_bytes() {
            return Err(BadSignature);
        }
        // A high s would be a second signature that anyone can make of the first.
        if self.suite == Suite::EcdsaP256 && signature[32..] > P256_HALF_ORDER[..] {
            return Err(BadSignature);
        }
        self.parsed.verify_sig(message, signature).map_err(|_| BadSignature)
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki == other.spki
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, {:02x?})", self.suite, self.raw())
    }
}

fn admit_ed25519(raw: &[u8]) -> Result<(), KeyError> {
    let malformed = KeyError::Malformed { suite: Suite::Ed25519 };
    let bytes: [u8; 32] = raw.try_into().map_err(|_| malformed)?;
    let point = ed25519_dalek::VerifyingKey::from_bytes(&bytes).map_err(|_| malformed)?;
    // dalek keeps the bytes it was given; only the point's own encoding is the canonical one.
    if point.to_edwards().compress().to_bytes() != bytes {
        return Err(KeyError::NotCanonical);
    }
    if point.is_weak() {
        return Err(KeyError::SmallOrder);
    }
    Ok(())
}

/// GOST keys are named, so that the error can say "not in this build" and not "unknown".
fn gost_suite(spki: &[u8]) -> Option<Suite> {
    use der::Decode;
    let info = spki::SubjectPublicKeyInfoRef::from_der(spki).ok()?;
    if info.algorithm.oid == crate::oids::GOST_256 {
        Some(Suite::Gost256)
    } else if info.algorithm.oid == crate::oids::GOST_512 {
        Some(Suite::Gost512)
    } else {
        None
    }
}

enum Inner {
    Ed25519(Ed25519KeyPair, Zeroizing<[u8; SECRET_BYTES]>),
    P256(p256::ecdsa::SigningKey),
}

/// A secret signature key; a [`Signer`]. Wiped when dropped, never printed.
pub struct SecretKey {
    inner: Inner,
    public: PublicKey,
}

impl SecretKey {
    /// Makes a new key.
    pub fn generate(suite: Suite, rng: &mut dyn CryptoRng) -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        loop {
            rng.fill_bytes(&mut *bytes);
            match Self::from_bytes(suite, &*bytes) {
                // One P-256 scalar in 2^32 is out of range; draw again.
                Err(KeyError::Malformed { .. }) => continue,
                outcome => return outcome,
            }
        }
    }

    /// Takes a key from its [`SECRET_BYTES`] bytes at rest.
    pub fn from_bytes(suite: Suite, bytes: &[u8]) -> Result<Self, KeyError> {
        let malformed = KeyError::Malformed { suite };
        match suite {
            Suite::Ed25519 => {
                let seed = Zeroizing::new(<[u8; SECRET_BYTES]>::try_from(bytes).map_err(|_| malformed)?);
                let pair = Ed25519KeyPair::from_seed_unchecked(&*seed).map_err(|_| malformed)?;
                let raw = aws_lc_rs::signature::KeyPair::public_key(&pair).as_ref().to_vec();
                let public = PublicKey::from_raw(suite, &raw)?;
                Ok(Self { inner: Inner::Ed25519(pair, seed), public })
            }
            Suite::EcdsaP256 => {
                let key = p256::ecdsa::SigningKey::from_slice(bytes).map_err(|_| malformed)?;
                let point = key.verifying_key().to_sec1_point(false);
                let public = PublicKey::from_raw(suite, point.as_bytes())?;
                Ok(Self { inner: Inner::P256(key), public })
            }
            Suite::Gost256 | Suite::Gost512 => Err(KeyError::Unsupported { suite }),
        }
    }

    /// The bytes at rest.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        match &self.inner {
            Inner::Ed25519(_, seed) => Zeroizing::new(seed.to_vec()),
            Inner::P256(key) => Zeroizing::new(key.to_bytes().to_vec()),
        }
    }

    /// PKCS#8 in DER, as TLS libraries take it.
    pub fn to_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        // RFC 8410 7: version 0, Ed25519, the seed as an octet string in an octet string.
        const ED25519_HEAD: [u8; 16] =
            [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        // RFC 5915 inside RFC 5208: version 0, ecPublicKey P-256, ECPrivateKey version 1 with the public key.
        const P256_HEAD: [u8; 36] = [
            0x30, 0x81, 0x87, 2, 1, 0, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a,
            0x86, 0x48, 0xce, 0x3d, 3, 1, 7, 4, 0x6d, 0x30, 0x6b, 2, 1, 1, 4, 0x20,
        ];
        const P256_MIDDLE: [u8; 5] = [0xa1, 0x44, 3, 0x42, 0];
        let secret = self.to_bytes();
        match &self.inner {
            Inner::Ed25519(..) => Zeroizing::new([&ED25519_HEAD[..], &secret].concat()),
            Inner::P256(_) => {
                Zeroizing::new([&P256_HEAD[..], &secret, &P256_MIDDLE, self.public.raw()].concat())
            }
        }
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }
}

impl Signer for SecretKey {
    fn suite(&self) -> Suite {
        self.public.suite
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        match &self.inner {
            Inner::Ed25519(pair, _) => Ok(pair.sign(message).as_ref().to_vec()),
            Inner::P256(key) => {
                let signature: p256::ecdsa::Signature =
                    key.try_sign(message).map_err(|_| SignError { suite: Suite::EcdsaP256 })?;
                Ok(signature.normalize_s().to_bytes().to_vec())
            }
        }
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
