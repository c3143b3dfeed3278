//! The body of a message, a title or a file's chunk: sealed by one terminal, stored and checked blindly by the core,
//! opened by another terminal.
//! Never says what the content means, and never opens a body whose key is not the one it was sealed under.
//!
//! ```text
//! offset  bytes
//!      0      1  version, 1
//!      1      1  suite, which names KDF, AEAD and commitment
//!      2     32  salt, random
//!     34     32  kc, which binds the body key: AEADs alone let one ciphertext open under two keys
//!     66    2^n  AEAD(seal key, nonce 0, associated data = address, padded content)
//!   …         16  its tag
//! commitment = HMAC(salt, "conclave/1 body-commitment" 00 ‖ version ‖ suite ‖ kc ‖ sealed and tag)
//! ```

use journal::Commitment;
use journal::act::SizeClass;
use pki::Suite;
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::envelope::{ENVELOPE_VERSION, Envelope, TAG_BYTES, Unsupported};
use super::keys::{Address, BodyKey, Lock};
use super::padding::{self, BadPadding, TooLong};

const COMMITMENT: &[u8] = b"conclave/1 body-commitment\0";
const SALT_AT: usize = 2;
const KC_AT: usize = SALT_AT + 32;
const SEALED_AT: usize = KC_AT + 32;

/// Bytes that a body has beyond its padded content.
pub const OVERHEAD_BYTES: usize = SEALED_AT + TAG_BYTES;

/// Why bytes are no body, or do not open. Whose fault it is stands in the words; the peer is told none of this.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadBody {
    /// No size class has this length.
    #[error("{bytes} bytes are the length of no body")]
    Length {
        /// Bytes found.
        bytes: usize,
    },
    /// Written by a newer program.
    #[error("body version {0} is newer than this program reads ({ENVELOPE_VERSION})")]
    Newer(u8),
    /// No version has this number.
    #[error("there is no body version {0}")]
    NoVersion(u8),
    /// No suite has this number.
    #[error("there is no suite {0}")]
    NoSuite(u8),
    /// A suite whose envelopes are not in this program.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// Sealed by another suite than the site's.
    #[error("the body is of suite {found}, the site of suite {expected}")]
    WrongSuite {
        /// In the body.
        found: Suite,
        /// Of the site.
        expected: Suite,
    },
    /// The body was sealed under another key, or for another place.
    #[error("the body is not sealed under this key for this place")]
    WrongKey,
    /// The key is right, but the sealed bytes were changed.
    #[error("the sealed bytes were changed")]
    Damaged,
    /// The sealer did not pad as it should.
    #[error(transparent)]
    Padding(#[from] BadPadding),
}

/// Bytes of a body of this class; 0 for a class that does not exist.
pub fn body_bytes(class: SizeClass) -> usize {
    if padding::exists(class) { padding::padded_bytes(class) + OVERHEAD_BYTES } else { 0 }
}

/// A body just sealed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Body {
    bytes: Vec<u8>,
    commitment: Commitment,
    size: SizeClass,
}

impl Body {
    /// What travels and is stored.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What travels and is stored.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// What the act says of it.
    pub fn commitment(&self) -> Commitment {
        self.commitment
    }

    /// The class of its padded content.
    pub fn size(&self) -> SizeClass {
        self.size
    }
}

/// Seals content of at most [`padding::content_bytes_max`] bytes for one place, under a fresh salt.
pub fn seal(
    lock: &Lock<'_>,
    size: SizeClass,
    content: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<Body, TooLong> {
    let envelope = lock.address().envelope();
    let mut salt = [0; 32];
    rng.fill_bytes(&mut salt);
    let [seal_key, kc] = lock.body_key(&salt).split(envelope);

    let mut bytes = Vec::with_capacity(body_bytes(size));
    bytes.extend_from_slice(&envelope.header());
    bytes.extend_from_slice(&salt);
    bytes.extend_from_slice(&*kc);
    padding::pad(&mut bytes, content, size)?;
    let tag = envelope.seal_in_place(&seal_key, lock.address().bytes(), &mut bytes[SEALED_AT..]);
    bytes.extend_from_slice(&tag);
    let commitment = commitment_of(envelope, &salt, &bytes);
    Ok(Body { bytes, commitment, size })
}

fn commitment_of(envelope: Envelope, salt: &[u8; 32], body: &[u8]) -> Commitment {
    Commitment(envelope.mac(salt, &[COMMITMENT, &body[..SALT_AT], &body[KC_AT..]]))
}

/// The bytes of a body, read whole: version, suite and length are right. Whether it opens is not known yet.
#[derive(Clone, Copy)]
pub struct BodyRef<'a> {
    envelope: Envelope,
    size: SizeClass,
    salt: &'a [u8; 32],
    kc: &'a [u8; 32],
    sealed: &'a [u8],
    tag: &'a [u8; TAG_BYTES],
    bytes: &'a [u8],
}

impl<'a> BodyRef<'a> {
    /// Reads foreign bytes.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, BadBody> {
        let length = BadBody::Length { bytes: bytes.len() };
        let (&[version, suite], rest) = bytes.split_first_chunk::<SALT_AT>().ok_or(length)?;
        match version {
            ENVELOPE_VERSION => {}
            0 => return Err(BadBody::NoVersion(0)),
            newer => return Err(BadBody::Newer(newer)),
        }
        let suite = Suite::from_number(suite).ok_or(BadBody::NoSuite(suite))?;
        let envelope = Envelope::of(suite)?;
        let size = (SizeClass::MIN.0..=SizeClass::CHUNK_MAX.0)
            .map(SizeClass)
            .find(|class| body_bytes(*class) == bytes.len())
            .ok_or(length)?;
        let (salt, rest) = rest.split_first_chunk().ok_or(length)?;
        let (kc, rest) = rest.split_first_chunk().ok_or(length)?;
        let (sealed, tag) = rest.split_last_chunk().ok_or(length)?;
        Ok(Self { envelope, size, salt, kc, sealed, tag, bytes })
    }

    /// The suite it names. The core demands that it is the statement's.
    pub fn suite(&self) -> Suite {
        self.envelope.suite()
    }

    /// The class of its padded content. The core demands that it is the act's.
    pub fn size(&self) -> SizeClass {
        self.size
    }

    /// What an act that brings this body must say.
    pub fn commitment(&self) -> Commitment {
        commitment_of(self.envelope, self.salt, self.bytes)
    }

    /// Opens it and gives the content without its padding.
    pub fn open(&self, lock: &Lock<'_>) -> Result<Zeroizing<Vec<u8>>, BadBody> {
        self.open_disclosed(&lock.body_key(self.salt), lock.address())
    }

    /// The key that opens this one body, for whoever may see it without its epoch.
    pub fn disclose(&self, lock: &Lock<'_>) -> Result<BodyKey, BadBody> {
        let key = lock.body_key(self.salt);
        self.check_key(&key, lock.address())?;
        Ok(key)
    }

    /// Opens it with a key that [`Self::disclose`] gave.
    pub fn open_disclosed(&self, key: &BodyKey, address: &Address) -> Result<Zeroizing<Vec<u8>>, BadBody> {
        let seal_key = self.check_key(key, address)?;
        let mut buffer = Zeroizing::new(self.sealed.to_vec());
        if !self.envelope.open_in_place(&seal_key, address.bytes(), &mut buffer, self.tag) {
            return Err(BadBody::Damaged);
        }
        let content = padding::unpad(&buffer)?.len();
        buffer.copy_within(padding::PREFIX_BYTES..padding::PREFIX_BYTES + content, 0);
        // Only the end is cut off; all of the allocation is wiped when it is dropped.
        buffer.truncate(content);
        Ok(buffer)
    }

    /// Compares kc in constant time; the AEAD's key when it fits.
    fn check_key(&self, key: &BodyKey, address: &Address) -> Result<Zeroizing<[u8; 32]>, BadBody> {
        let expected = address.envelope().suite();
        if self.suite() != expected {
            return Err(BadBody::WrongSuite { found: self.suite(), expected });
        }
        let [seal_key, kc] = key.split(self.envelope);
        if bool::from(kc.ct_eq(self.kc)) { Ok(seal_key) } else { Err(BadBody::WrongKey) }
    }
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
