//! The signature suites a site may choose from; the number is in every signed byte string.
//! Never does any cryptography itself.
use std::fmt;

use minicbor::{Decode, Encode};

/// A site's signature suite. The numbers are stable and never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
#[repr(u8)]
pub enum Suite {
    /// Ed25519, cofactorless, canonical `s` (RFC 8032).
    #[n(1)]
    Ed25519 = 1,
    /// ECDSA over P-256 with SHA-256, low `s` in statements.
    #[n(2)]
    EcdsaP256 = 2,
    /// GOST R 34.10-2012, 256 bit, with Streebog-256.
    #[n(3)]
    Gost256 = 3,
    /// GOST R 34.10-2012, 512 bit, with Streebog-512.
    #[n(4)]
    Gost512 = 4,
}

impl Suite {
    /// Every suite, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Ed25519, Self::EcdsaP256, Self::Gost256, Self::Gost512];

    /// The suite of this number, if there is one.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.number() == number)
    }

    /// The number that stands in signed bytes.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The name that configuration files and commands use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::EcdsaP256 => "ecdsa-p256",
            Self::Gost256 => "gost-256",
            Self::Gost512 => "gost-512",
        }
    }

    /// The suite of this name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.name() == name)
    }

    /// Length of a signature in a statement, in bytes.
    pub fn signature_bytes(self) -> usize {
        match self {
            Self::Ed25519 | Self::EcdsaP256 | Self::Gost256 => 64,
            Self::Gost512 => 128,
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_stable() {
        for (suite, number, name) in [
            (Suite::Ed25519, 1, "ed25519"),
            (Suite::EcdsaP256, 2, "ecdsa-p256"),
            (Suite::Gost256, 3, "gost-256"),
            (Suite::Gost512, 4, "gost-512"),
        ] {
            assert_eq!(suite.number(), number);
            assert_eq!(Suite::from_number(number), Some(suite));
            assert_eq!(Suite::from_name(name), Some(suite));
            assert_eq!(crate::canonical::encode(&suite), [number]);
        }
        assert_eq!(Suite::from_number(0), None);
        assert_eq!(Suite::from_number(5), None);
    }
}
