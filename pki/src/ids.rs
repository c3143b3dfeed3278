//! The names of persons and certificates.
//! Never says whether a person or a certificate is trusted.
use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};

/// A person, for ever: random and not zero; the subject's `serialNumber` in every certificate of that person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct PersonId(#[n(0)] pub u64);

impl PersonId {
    /// Draws a new id. Zero is never drawn: it means "nobody" in formats that need a placeholder.
    pub fn random(rng: &mut dyn CryptoRng) -> Self {
        loop {
            let id = rng.next_u64();
            if id != 0 {
                return Self(id);
            }
        }
    }
}

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The text is not 16 lowercase hexadecimal digits of a number above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a person's id is 16 lowercase hexadecimal digits and not zero")]
pub struct BadPersonId;

impl FromStr for PersonId {
    type Err = BadPersonId;

    fn from_str(text: &str) -> Result<Self, BadPersonId> {
        let plain = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() != 16 || !text.bytes().all(plain) {
            return Err(BadPersonId);
        }
        match u64::from_str_radix(text, 16) {
            Ok(0) | Err(_) => Err(BadPersonId),
            Ok(id) => Ok(Self(id)),
        }
    }
}

/// A certificate: SHA-256 of its DER.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct CertId(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 32]);

impl CertId {
    /// The id of the certificate with these DER bytes.
    pub fn of(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }
}

impl fmt::Display for CertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for CertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_id_has_one_spelling() {
        let id: PersonId = "00000000000000ff".parse().unwrap();
        assert_eq!(id, PersonId(255));
        assert_eq!(id.to_string(), "00000000000000ff");
        for bad in ["ff", "0000000000000000", "00000000000000FF", "+0000000000000ff", "00000000000000ff "] {
            assert_eq!(bad.parse::<PersonId>(), Err(BadPersonId), "{bad}");
        }
    }
}
