//! Agreement keys: what epoch keys and passwords are sealed to. HPKE base mode (RFC 9180), HKDF-SHA256,
//! ChaCha20-Poly1305; X25519 for suite 1, P-256 for suite 2.
//! Never authenticates the sender: that is the signature's work, over the sealed bytes.
use std::fmt;

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::{DhP256HkdfSha256, X25519HkdfSha256};
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::keys::{KeyError, SECRET_BYTES, SPKI_P256};
use crate::suite::Suite;

/// SubjectPublicKeyInfo up to the 32 key bytes (RFC 8410).
const SPKI_X25519: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 6, 3, 0x2b, 0x65, 0x6e, 3, 0x21, 0];
/// Bytes of the tag at the end of sealed bytes.
const TAG_BYTES: usize = 16;

type X25519 = X25519HkdfSha256;
type P256 = DhP256HkdfSha256;

/// Sealing failed: the recipient's key gives no shared secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot seal to this key")]
pub struct SealError;

/// The sealed bytes are not for this key, this `info` and this `aad`, or are damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed bytes do not open")]
pub struct OpenError;

#[derive(Clone)]
enum Public {
    X25519(<X25519 as Kem>::PublicKey),
    P256(<P256 as Kem>::PublicKey),
}

/// The public agreement key of a person or of the core.
#[derive(Clone)]
pub struct AgreementPublic {
    inner: Public,
    spki: Vec<u8>,
}

impl AgreementPublic {
    /// Admits a key by its SubjectPublicKeyInfo in DER; each suite has exactly one accepted encoding.
    pub fn from_spki(spki: &[u8]) -> Result<Self, KeyError> {
        if let Some(raw) = spki.strip_prefix(&SPKI_X25519) {
            Self::from_raw(Suite::Ed25519, raw)
        } else if let Some(point) = spki.strip_prefix(&SPKI_P256) {
            Self::from_raw(Suite::EcdsaP256, point)
        } else {
            Err(KeyError::UnknownAlgorithm)
        }
    }

    /// Admits a key by its bare bytes: 32 of X25519, or 65 of an uncompressed P-256 point.
    pub fn from_raw(suite: Suite, raw: &[u8]) -> Result<Self, KeyError> {
        let malformed = KeyError::Malformed { suite };
        match suite {
            Suite::Ed25519 => {
                admit_x25519(raw)?;
                let key = <X25519 as Kem>::PublicKey::from_bytes(raw).map_err(|_| malformed)?;
                Ok(Self { inner: Public::X25519(key), spki: [&SPKI_X25519, raw].concat() })
            }
            Suite::EcdsaP256 => {
                if raw.len() != 65 || raw[0] != 4 {
                    return Err(malformed);
                }
                let key = <P256 as Kem>::PublicKey::from_bytes(raw).map_err(|_| malformed)?;
                Ok(Self { inner: Public::P256(key), spki: [&SPKI_P256, raw].concat() })
            }
            Suite::Gost256 | Suite::Gost512 => Err(KeyError::Unsupported { suite }),
        }
    }

    /// The suite this key goes with.
    pub fn suite(&self) -> Suite {
        match self.inner {
            Public::X25519(_) => Suite::Ed25519,
            Public::P256(_) => Suite::EcdsaP256,
        }
    }

    /// SubjectPublicKeyInfo in DER.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The bare bytes, as [`AgreementPublic::from_raw`] takes them.
    pub fn raw(&self) -> &[u8] {
        match self.inner {
            Public::X25519(_) => &self.spki[SPKI_X25519.len()..],
            Public::P256(_) => &self.spki[SPKI_P256.len()..],
        }
    }

    /// Bytes that sealing adds: the encapsulated key and the tag.
    pub fn overhead_bytes(&self) -> usize {
        self.raw().len() + TAG_BYTES
    }

    /// Seals to this key. Gives encapsulated key ‖ ciphertext ‖ tag.
    pub fn seal(
        &self,
        info: &[u8],
        aad: &[u8],
        plaintext: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, SealError> {
        match &self.inner {
            Public::X25519(key) => seal::<X25519>(key, info, aad, plaintext, rng),
            Public::P256(key) => seal::<P256>(key, info, aad, plaintext, rng),
        }
    }
}

impl PartialEq for AgreementPublic {
    fn eq(&self, other: &Self) -> bool {
        self.spki == other.spki
    }
}

impl Eq for AgreementPublic {}

impl fmt::Debug for AgreementPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgreementPublic({}, {:02x?})", self.suite(), self.raw())
    }
}

/// Refuses keys that take part in no real agreement: second spellings (the top bit, or a number not below the
/// field's prime), and points of small order, whose shared secret is zero for every scalar.
fn admit_x25519(raw: &[u8]) -> Result<(), KeyError> {
    let malformed = KeyError::Malformed { suite: Suite::Ed25519 };
    let bytes: [u8; 32] = raw.try_into().map_err(|_| malformed)?;
    let not_below_prime = bytes[31] == 0x7f && bytes[1..31].iter().all(|b| *b == 0xff) && bytes[0] >= 0xed;
    if bytes[31] & 0x80 != 0 || not_below_prime {
        return Err(KeyError::NotCanonical);
    }
    // Any clamped scalar is a multiple of the cofactor: it maps exactly the small-order points to zero.
    if probe(&bytes) == [0; 32] {
        return Err(KeyError::SmallOrder);
    }
    Ok(())
}

fn probe(point: &[u8; 32]) -> [u8; 32] {
    x25519_dalek::x25519([0x40; 32], *point)
}

fn seal<K: Kem>(
    key: &K::PublicKey,
    info: &[u8],
    aad: &[u8],
    plaintext: &[u8],
    mut rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, SealError> {
    let (encapsulated, ciphertext) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, K>(
        &OpModeS::Base,
        key,
        info,
        plaintext,
        aad,
        &mut rng,
    )
    .map_err(|_| SealError)?;
    let mut sealed = encapsulated.to_bytes().to_vec();
    sealed.extend_from_slice(&ciphertext);
    Ok(sealed)
}

enum Secret {
    X25519(<X25519 as Kem>::PrivateKey),
    P256(<P256 as Kem>::PrivateKey),
}

/// A secret agreement key. Wiped when dropped, never printed.
pub struct AgreementSecret {
    inner: Secret,
    public: AgreementPublic,
}

impl AgreementSecret {
    /// Makes a new key for the suite.
    pub fn generate(suite: Suite, rng: &mut dyn CryptoRng) -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        loop {
            rng.fill_bytes(&mut *bytes);
            match Self::from_bytes(suite, &*bytes) {
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
                let key = <X25519 as Kem>::PrivateKey::from_bytes(bytes).map_err(|_| malformed)?;
                let public = AgreementPublic::from_raw(suite, &X25519::sk_to_pk(&key).to_bytes())?;
                Ok(Self { inner: Secret::X25519(key), public })
            }
            Suite::EcdsaP256 => {
                let key = <P256 as Kem>::PrivateKey::from_bytes(bytes).map_err(|_| malformed)?;
                let public = AgreementPublic::from_raw(suite, &P256::sk_to_pk(&key).to_bytes())?;
                Ok(Self { inner: Secret::P256(key), public })
            }
            Suite::Gost256 | Suite::Gost512 => Err(KeyError::Unsupported { suite }),
        }
    }

    /// The bytes at rest.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        match &self.inner {
            Secret::X25519(key) => Zeroizing::new(key.to_bytes().to_vec()),
            Secret::P256(key) => Zeroizing::new(key.to_bytes().to_vec()),
        }
    }

    /// The public half.
    pub fn public(&self) -> &AgreementPublic {
        &self.public
    }

    /// Opens what [`AgreementPublic::seal`] made with the same `info` and `aad`.
    pub fn open(&self, info: &[u8], aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        match &self.inner {
            Secret::X25519(key) => open::<X25519>(key, info, aad, sealed, self.public.raw().len()),
            Secret::P256(key) => open::<P256>(key, info, aad, sealed, self.public.raw().len()),
        }
    }
}

fn open<K: Kem>(
    key: &K::PrivateKey,
    info: &[u8],
    aad: &[u8],
    sealed: &[u8],
    encapsulated_bytes: usize,
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let (encapsulated, ciphertext) = sealed.split_at_checked(encapsulated_bytes).ok_or(OpenError)?;
    let encapsulated = K::EncappedKey::from_bytes(encapsulated).map_err(|_| OpenError)?;
    hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, K>(
        &OpModeR::Base,
        key,
        &encapsulated,
        info,
        ciphertext,
        aad,
    )
    .map(Zeroizing::new)
    .map_err(|_| OpenError)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Rng;

    const BOTH: [Suite; 2] = [Suite::Ed25519, Suite::EcdsaP256];

    #[test]
    fn only_the_recipient_opens_and_only_with_the_same_context() {
        let mut rng = Rng::seeded(1);
        for suite in BOTH {
            let secret = AgreementSecret::generate(suite, &mut rng).unwrap();
            let other = AgreementSecret::generate(suite, &mut rng).unwrap();
            let sealed = secret.public().seal(b"info", b"aad", b"the password", &mut rng).unwrap();
            assert_eq!(sealed.len(), 12 + secret.public().overhead_bytes());
            assert_eq!(secret.open(b"info", b"aad", &sealed).unwrap().as_slice(), b"the password");
            assert!(other.open(b"info", b"aad", &sealed).is_err());
            assert!(secret.open(b"inf0", b"aad", &sealed).is_err());
            assert!(secret.open(b"info", b"aae", &sealed).is_err());
            for at in 0..sealed.len() {
                let mut bent = sealed.clone();
                bent[at] ^= 1;
                assert!(secret.open(b"info", b"aad", &bent).is_err(), "{suite} byte {at}");
                assert!(secret.open(b"info", b"aad", &sealed[..at]).is_err(), "{suite} cut at {at}");
            }
        }
    }

    #[test]
    fn keys_come_back_from_rest_and_from_spki() {
        let mut rng = Rng::seeded(2);
        for suite in BOTH {
            let secret = AgreementSecret::generate(suite, &mut rng).unwrap();
            let again = AgreementSecret::from_bytes(suite, &secret.to_bytes()).unwrap();
            assert_eq!(again.public(), secret.public());
            assert_eq!(&AgreementPublic::from_spki(secret.public().spki()).unwrap(), secret.public());
        }
    }

    #[test]
    fn useless_keys_are_refused() {
        let mut one = [0; 32];
        one[0] = 1;
        let refused = |raw: &[u8]| AgreementPublic::from_raw(Suite::Ed25519, raw).map(|_| ());
        assert_eq!(refused(&[0; 32]), Err(KeyError::SmallOrder));
        assert_eq!(refused(&one), Err(KeyError::SmallOrder));
        assert_eq!(refused(&[0xff; 32]), Err(KeyError::NotCanonical));
        assert!(refused(&[9; 31]).is_err());
        assert!(AgreementPublic::from_raw(Suite::EcdsaP256, &[4; 65]).is_err());
    }

    /// RFC 9180 A.2.1: X25519, HKDF-SHA256, ChaCha20-Poly1305, base mode, first encryption.
    #[test]
    fn rfc_9180_a_2_1() {
        let hex = |text: &str| hex::decode(text).unwrap();
        let secret = AgreementSecret::from_bytes(
            Suite::Ed25519,
            &hex("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb"),
        )
        .unwrap();
        assert_eq!(
            hex::encode(secret.public().raw()),
            "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a"
        );
        let sealed = [
            hex("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a"),
            hex("1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28"),
        ]
        .concat();
        let info = hex("4f6465206f6e2061204772656369616e2055726e");
        let opened = secret.open(&info, b"Count-0", &sealed).unwrap();
        assert_eq!(opened.as_slice(), b"Beauty is truth, truth beauty");
    }
}
