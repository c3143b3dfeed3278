//! The keys behind a note's signature lines: their names, ids and the text form of a public one.
//! Never decides which keys are trusted: that is the caller's list.
//!
//! ```text
//! verifier key = NAME + "+" + 8 hex digits of the id + "+" + base64(type ‖ key)
//! type 01  Ed25519   key: 32 bytes                 id = SHA-256(NAME ‖ 0A ‖ 01 ‖ key)[..4]
//! type 02  ECDSA     key: SubjectPublicKeyInfo     id = SHA-256(key)[..4], as the specification has it
//! ```
//! An ECDSA signature stands in a note in DER, in statements as r ‖ s.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::Signature as EcdsaSignature;
use pki::{PublicKey, SignError, Signer, Suite, Verifier};
use sha2::{Digest, Sha256};

use super::{NotSigned, SignatureLine};

const TYPE_ED25519: u8 = 0x01;
const TYPE_ECDSA: u8 = 0x02;

/// Why a verifier key is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Not `name+id+base64`.
    #[error("not a verifier key of the form name+id+base64")]
    Malformed,
    /// The name is empty, or has a space, a plus or a control character.
    #[error("not a key name")]
    Name,
    /// A signature type that this build does not verify.
    #[error("signature type {kind:#04x} is not supported")]
    UnknownType {
        /// The type byte.
        kind: u8,
    },
    /// The id is not the one that follows from name and key.
    #[error("the key id does not belong to this name and key")]
    WrongId,
    /// The key's bytes are no key of the type.
    #[error(transparent)]
    Key(#[from] pki::KeyError),
    /// No signature type is settled for this suite yet.
    #[error("suite {suite} has no signature type for notes")]
    UnsupportedSuite {
        /// The suite.
        suite: Suite,
    },
}

/// The name of a signer in a note: not empty, without spaces, plus or control characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyName(String);

impl FromStr for KeyName {
    type Err = BadKey;

    fn from_str(name: &str) -> Result<Self, BadKey> {
        let bad = |c: char| c.is_whitespace() || c.is_ascii_control() || c == '+';
        if name.is_empty() || name.contains(bad) { Err(BadKey::Name) } else { Ok(KeyName(name.into())) }
    }
}

impl KeyName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first four bytes of a hash over name and key: a hint which key to try, no proof of anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub(super) [u8; 4]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

/// A public key under the name it signs with, printed as `name+id+base64(type ‖ key)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    id: KeyId,
    key: PublicKey,
}

impl VerifierKey {
    /// The verifier key of `key` under `name`.
    pub fn new(name: KeyName, key: PublicKey) -> Result<Self, BadKey> {
        let digest = match key.suite() {
            Suite::Ed25519 => {
                let hash = Sha256::new().chain_update(name.as_str()).chain_update(b"\n");
                hash.chain_update([TYPE_ED25519]).chain_update(key.raw()).finalize()
            }
            Suite::EcdsaP256 => Sha256::digest(key.spki()),
            // To come with its suite: type ff and an identifier of our own, key id over the SPKI.
            suite @ (Suite::Gost256 | Suite::Gost512) => return Err(BadKey::UnsupportedSuite { suite }),
        };
        let id = KeyId([digest[0], digest[1], digest[2], digest[3]]);
        Ok(VerifierKey { name, id, key })
    }

    /// The name it signs with.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// Its id in signature lines.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The key itself.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    pub(super) fn made(&self, line: &SignatureLine) -> bool {
        self.name == line.name && self.id == line.id
    }

    pub(super) fn verify(&self, text: &str, line: &SignatureLine) -> Result<(), NotSigned> {
        let bad = || NotSigned::BadSignature { name: line.name.clone() };
        let der;
        let signature = match self.key.suite() {
            Suite::EcdsaP256 => {
                der = EcdsaSignature::from_der(&line.signature).map_err(|_| bad())?.to_bytes();
                der.as_slice()
            }
            Suite::Ed25519 | Suite::Gost256 | Suite::Gost512 => &line.signature,
        };
        self.key.verify(text.as_bytes(), signature).map_err(|_| bad())
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let material = match self.key.suite() {
            Suite::Ed25519 => [&[TYPE_ED25519], self.key.raw()].concat(),
            Suite::EcdsaP256 => [&[TYPE_ECDSA], self.key.spki()].concat(),
            Suite::Gost256 | Suite::Gost512 => unreachable!("VerifierKey::new takes no key of these suites"),
        };
        write!(f, "{}+{}+{}", self.name, self.id, STANDARD.encode(material))
    }
}

impl FromStr for VerifierKey {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(BadKey::Malformed);
        };
        let key = match STANDARD.decode(key).map_err(|_| BadKey::Malformed)?.split_first() {
            Some((&TYPE_ED25519, raw)) => PublicKey::from_raw(Suite::Ed25519, raw)?,
            Some((&TYPE_ECDSA, spki)) => match PublicKey::from_spki(spki)? {
                key if key.suite() == Suite::EcdsaP256 => key,
                _ => return Err(BadKey::Malformed),
            },
            Some((&kind, _)) => return Err(BadKey::UnknownType { kind }),
            None => return Err(BadKey::Malformed),
        };
        let parsed = VerifierKey::new(name.parse()?, key)?;
        // Compared as text, so that eight lowercase digits are the only spelling.
        if parsed.id.to_string() == id { Ok(parsed) } else { Err(BadKey::WrongId) }
    }
}

/// A key that signs notes: the signer, and the verifier key under whose name and id its line stands.
#[derive(Clone, Copy)]
pub struct NoteSigner<'a> {
    /// Name, id and public key of the line.
    pub key: &'a VerifierKey,
    /// What signs; it must hold the secret half of `key`.
    pub signer: &'a dyn Signer,
}

impl NoteSigner<'_> {
    pub(super) fn sign(&self, text: &str) -> Result<SignatureLine, SignError> {
        let suite = self.signer.suite();
        let signature = self.signer.sign(text.as_bytes())?;
        let signature = match suite {
            Suite::EcdsaP256 => {
                let parsed = EcdsaSignature::from_slice(&signature).map_err(|_| SignError { suite })?;
                parsed.to_der().as_bytes().to_vec()
            }
            Suite::Ed25519 | Suite::Gost256 | Suite::Gost512 => signature,
        };
        let line = SignatureLine { name: self.key.name.clone(), id: self.key.id, signature };
        // A signer that does not fit its verifier key would make notes that nobody accepts.
        self.key.verify(text, &line).map_err(|_| SignError { suite })?;
        Ok(line)
    }
}
