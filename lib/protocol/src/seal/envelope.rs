//! Which algorithms the envelopes of a suite are made of, and these algorithms.
//! Never decides what is sealed, nor for whom: keys and bytes come in, bytes go out.

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce, Tag};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use pki::Suite;
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

/// The version of bodies and wraps that this program writes: their first byte. The suite's number is the second.
pub const ENVELOPE_VERSION: u8 = 1;

/// Bytes of an AEAD tag.
pub(crate) const TAG_BYTES: usize = 16;

/// The envelopes of this suite are not in this program.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the envelopes of suite {0} are not supported by this program")]
pub struct Unsupported(pub Suite);

/// The names of the algorithms behind a suite's number, in the words of their standards.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Algorithms {
    /// Seals epoch keys to persons.
    pub kem: &'static str,
    /// Derives keys.
    pub kdf: &'static str,
    /// Seals bodies and wraps.
    pub aead: &'static str,
    /// Binds a body in the journal.
    pub commitment: &'static str,
}

const ED25519: Algorithms = Algorithms {
    kem: "HPKE base mode, DHKEM(X25519, HKDF-SHA256) (RFC 9180)",
    kdf: "HKDF-SHA256 (RFC 5869)",
    aead: "ChaCha20-Poly1305 (RFC 8439)",
    commitment: "HMAC-SHA256 (RFC 2104)",
};

const ECDSA_P256: Algorithms =
    Algorithms { kem: "HPKE base mode, DHKEM(P-256, HKDF-SHA256) (RFC 9180)", ..ED25519 };

/// A suite whose envelopes this program makes and opens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Envelope {
    suite: Suite,
    family: Family,
}

/// What a body is sealed with; suites may share it. GOST becomes the second one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Family {
    /// HKDF-SHA256, ChaCha20-Poly1305, HMAC-SHA256.
    Sha256ChaCha,
}

impl Envelope {
    /// The envelope of this suite.
    pub fn of(suite: Suite) -> Result<Self, Unsupported> {
        match suite {
            Suite::Ed25519 | Suite::EcdsaP256 => Ok(Self { suite, family: Family::Sha256ChaCha }),
            Suite::Gost256 | Suite::Gost512 => Err(Unsupported(suite)),
        }
    }

    /// The suite.
    pub fn suite(self) -> Suite {
        self.suite
    }

    /// What the suite's number means, for documents and auditors. `None` where there is no [`Envelope`].
    pub fn algorithms(suite: Suite) -> Option<&'static Algorithms> {
        match suite {
            Suite::Ed25519 => Some(&ED25519),
            Suite::EcdsaP256 => Some(&ECDSA_P256),
            Suite::Gost256 | Suite::Gost512 => None,
        }
    }

    /// The first two bytes of everything sealed.
    pub(crate) fn header(self) -> [u8; 2] {
        [ENVELOPE_VERSION, self.suite.number()]
    }

    /// Extract and expand: a key from a secret. Without a salt, 32 zero bytes stand for it (RFC 5869 2.2).
    pub(crate) fn derive(
        self,
        salt: Option<&[u8; 32]>,
        secret: &[u8; 32],
        info: &[u8],
    ) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        match self.family {
            Family::Sha256ChaCha => {
                let (mut prk, hkdf) = Hkdf::<Sha256>::extract(salt.map(|salt| &salt[..]), secret);
                prk.as_mut_slice().zeroize();
                hkdf.expand(info, &mut *key).expect("one block of output is within HKDF's bounds");
            }
        }
        key
    }

    /// Expand alone, from a key that [`Self::derive`] gave: one key for each of two labels.
    pub(crate) fn expand_both(self, key: &[u8; 32], labels: [&[u8]; 2]) -> [Zeroizing<[u8; 32]>; 2] {
        let mut keys = [Zeroizing::new([0; 32]), Zeroizing::new([0; 32])];
        match self.family {
            Family::Sha256ChaCha => {
                let hkdf = Hkdf::<Sha256>::from_prk(key).expect("32 bytes are one output of SHA-256");
                for (label, key) in labels.into_iter().zip(&mut keys) {
                    hkdf.expand(label, &mut **key).expect("one block of output is within HKDF's bounds");
                }
            }
        }
        keys
    }

    /// A keyed digest over the parts, one behind the other. The caller's parts have fixed lengths but for the last.
    pub(crate) fn mac(self, key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
        match self.family {
            Family::Sha256ChaCha => {
                let mut mac =
                    <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
                parts.iter().for_each(|part| mac.update(part));
                mac.finalize().into_bytes().into()
            }
        }
    }

    /// Encrypts in place under a key that is used once (nonce 0) and gives the tag.
    pub(crate) fn seal_in_place(
        self,
        key: &[u8; 32],
        associated: &[u8],
        buffer: &mut [u8],
    ) -> [u8; TAG_BYTES] {
        match self.family {
            Family::Sha256ChaCha => ChaCha20Poly1305::new(&Key::from(*key))
                .encrypt_inout_detached(&Nonce::default(), associated, buffer.into())
                .expect("bodies are far below ChaCha20's 256 GiB")
                .into(),
        }
    }

    /// Decrypts in place; `false`, with the buffer unusable, when the tag does not fit.
    pub(crate) fn open_in_place(
        self,
        key: &[u8; 32],
        associated: &[u8],
        buffer: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> bool {
        match self.family {
            Family::Sha256ChaCha => ChaCha20Poly1305::new(&Key::from(*key))
                .decrypt_inout_detached(&Nonce::default(), associated, buffer.into(), &Tag::from(*tag))
                .is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex32(text: &str) -> [u8; 32] {
        hex::decode(text).unwrap().try_into().unwrap()
    }

    #[test]
    fn every_suite_has_an_envelope_or_says_that_it_has_none() {
        for suite in Suite::ALL {
            assert_eq!(Envelope::of(suite).is_ok(), Envelope::algorithms(suite).is_some());
        }
        assert_eq!(Envelope::of(Suite::Gost256), Err(Unsupported(Suite::Gost256)));
        assert_eq!(Envelope::of(Suite::Gost512), Err(Unsupported(Suite::Gost512)));
        assert_eq!(Envelope::of(Suite::EcdsaP256).unwrap().header(), [1, 2]);
    }

    /// RFC 5869 test case 3 on the library. No published vector has a 32-byte key, so our own calls are compared with
    /// each other: extract and expand are both the keyed digest (RFC 5869 2.2, 2.3).
    #[test]
    fn extract_is_the_keyed_digest_and_the_library_meets_rfc_5869() {
        let mut out = [0; 32];
        Hkdf::<Sha256>::new(None, &[0x0b; 22]).expand(&[], &mut out).unwrap();
        assert_eq!(out, hex32("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"));

        let envelope = Envelope::of(Suite::Ed25519).unwrap();
        let (salt, secret) = ([1; 32], [2; 32]);
        let prk = envelope.mac(&salt, &[&secret]);
        let derived = envelope.derive(Some(&salt), &secret, b"info");
        assert_eq!(*derived, envelope.mac(&prk, &[b"info", &[1]]));
        assert_eq!(*envelope.derive(None, &secret, b"x"), *envelope.derive(Some(&[0; 32]), &secret, b"x"));
        let [one, two] = envelope.expand_both(&prk, [b"info", b"other"]);
        assert_eq!((*one, *two), (*derived, envelope.mac(&prk, &[b"other", &[1]])));
    }

    /// The published vectors have other nonces than 0; the golden vectors of this folder were made by other code too.
    #[test]
    fn what_is_sealed_opens_and_nothing_else_does() {
        let envelope = Envelope::of(Suite::Ed25519).unwrap();
        let mut buffer = *b"the lighthouse keeper's dog";
        let tag = envelope.seal_in_place(&[7; 32], b"place", &mut buffer);
        let sealed = buffer;
        assert!(envelope.open_in_place(&[7; 32], b"place", &mut buffer, &tag));
        assert_eq!(&buffer, b"the lighthouse keeper's dog");
        for (key, place) in [([8; 32], &b"place"[..]), ([7; 32], b"plaice")] {
            let mut buffer = sealed;
            assert!(!envelope.open_in_place(&key, place, &mut buffer, &tag));
        }
    }
}
