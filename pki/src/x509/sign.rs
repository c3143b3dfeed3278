//! Signatures over certificates, requests and CRLs: which algorithms are understood, and how they verify.
//! Never accepts SHA-1, MD5, RSA below 2048 bits, RSA-PSS or a curve other than P-256 and P-384.
use aws_lc_rs::signature as lc;

use super::der::{self, DerError, NULL, OID, Reader, SEQUENCE};
use crate::keys::{self, PublicKey};
use crate::oids;
use crate::signature::{SignError, Signer};
use crate::suite::Suite;

/// Smallest RSA modulus, in bits.
pub const RSA_BITS_MIN: usize = 2048;
/// Largest RSA modulus, in bits.
pub const RSA_BITS_MAX: usize = 8192;

/// A signature algorithm of X.509 that we verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// ECDSA with SHA-256.
    EcdsaSha256,
    /// ECDSA with SHA-384.
    EcdsaSha384,
    /// RSA PKCS#1 v1.5 with SHA-256.
    RsaSha256,
    /// RSA PKCS#1 v1.5 with SHA-384.
    RsaSha384,
    /// RSA PKCS#1 v1.5 with SHA-512.
    RsaSha512,
}

impl Algorithm {
    /// Reads the whole AlgorithmIdentifier. `None`: well-formed, but none of ours. Parameters are as the RFCs say:
    /// absent for ECDSA and Ed25519, NULL for RSA.
    pub(crate) fn from_der(whole: &[u8]) -> Result<Option<Self>, DerError> {
        let mut outer = Reader::new(whole);
        let mut fields = outer.nested(SEQUENCE)?;
        outer.finish()?;
        let oid = fields.oid()?;
        let known = [
            (oids::ED25519, Self::Ed25519),
            (oids::ECDSA_SHA256, Self::EcdsaSha256),
            (oids::ECDSA_SHA384, Self::EcdsaSha384),
            (oids::RSA_SHA256, Self::RsaSha256),
            (oids::RSA_SHA384, Self::RsaSha384),
            (oids::RSA_SHA512, Self::RsaSha512),
        ];
        let Some((_, algorithm)) = known.into_iter().find(|(known, _)| *known == oid) else {
            return Ok(None);
        };
        if algorithm.is_rsa() && !fields.contents(NULL)?.is_empty() {
            return Err(DerError::Value("NULL"));
        }
        fields.finish()?;
        Ok(Some(algorithm))
    }

    fn is_rsa(self) -> bool {
        match self {
            Self::RsaSha256 | Self::RsaSha384 | Self::RsaSha512 => true,
            Self::Ed25519 | Self::EcdsaSha256 | Self::EcdsaSha384 => false,
        }
    }
}

/// A key inside a certificate, as far as signatures of certificates need it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Key<'a> {
    Ed25519(&'a [u8]),
    P256(&'a [u8]),
    P384(&'a [u8]),
    Rsa(&'a [u8]),
    /// Anything else, an agreement key for one: verifies nothing.
    Other,
}

fn read_key(spki: &[u8]) -> Result<Key<'_>, DerError> {
    let mut outer = Reader::new(spki);
    let mut fields = outer.nested(SEQUENCE)?;
    outer.finish()?;
    let mut algorithm = fields.nested(SEQUENCE)?;
    let bits = fields.whole_bit_string()?;
    fields.finish()?;
    let oid = algorithm.oid()?;
    let key = if oid == oids::ED25519 {
        Key::Ed25519(bits)
    } else if oid == oids::RSA {
        if !algorithm.contents(NULL)?.is_empty() {
            return Err(DerError::Value("NULL"));
        }
        Key::Rsa(bits)
    } else if oid == oids::EC_PUBLIC_KEY && algorithm.peek() == Some(OID) {
        match algorithm.oid()? {
            oids::P256 => Key::P256(bits),
            oids::P384 => Key::P384(bits),
            _ => return Ok(Key::Other),
        }
    } else {
        return Ok(Key::Other);
    };
    algorithm.finish()?;
    Ok(key)
}

/// Whether this is a SubjectPublicKeyInfo in DER, and of a strength we accept if we know its algorithm.
pub(crate) fn check_key(spki: &[u8]) -> Result<(), DerError> {
    match read_key(spki)? {
        Key::Rsa(key) => read_rsa(key),
        Key::Ed25519(_) => PublicKey::from_spki(spki).map(|_| ()).map_err(|_| DerError::Value("Ed25519 key")),
        Key::P256(_) | Key::P384(_) | Key::Other => Ok(()),
    }
}

fn read_rsa(key: &[u8]) -> Result<(), DerError> {
    let mut outer = Reader::new(key);
    let mut fields = outer.nested(SEQUENCE)?;
    outer.finish()?;
    let modulus = fields.integer()?;
    let exponent = fields.integer()?;
    fields.finish()?;
    let first = modulus.iter().position(|b| *b != 0).ok_or(DerError::Value("RSA modulus"))?;
    let bits = (modulus.len() - first) * 8 - modulus[first].leading_zeros() as usize;
    let odd = exponent.last().is_some_and(|b| b & 1 == 1) && modulus.last().is_some_and(|b| b & 1 == 1);
    let sane = modulus[0] < 0x80 && exponent[0] < 0x80 && exponent != [1] && exponent.len() <= 5 && odd;
    if sane && (RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) {
        Ok(())
    } else {
        Err(DerError::Value("RSA key of 2048 to 8192 bits"))
    }
}

/// Verifies a signature of a certificate, request or CRL with the signer's SubjectPublicKeyInfo.
pub(crate) fn verify(algorithm: Algorithm, spki: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Ok(key) = read_key(spki) else { return false };
    if check_key(spki).is_err() {
        return false;
    }
    let (rule, bytes): (&'static dyn lc::VerificationAlgorithm, &[u8]) = match (algorithm, key) {
        (Algorithm::Ed25519, Key::Ed25519(key)) => (&lc::ED25519, key),
        (Algorithm::EcdsaSha256, Key::P256(key)) => (&lc::ECDSA_P256_SHA256_ASN1, key),
        (Algorithm::EcdsaSha384, Key::P256(key)) => (&lc::ECDSA_P256_SHA384_ASN1, key),
        (Algorithm::EcdsaSha256, Key::P384(key)) => (&lc::ECDSA_P384_SHA256_ASN1, key),
        (Algorithm::EcdsaSha384, Key::P384(key)) => (&lc::ECDSA_P384_SHA384_ASN1, key),
        (Algorithm::RsaSha256, Key::Rsa(key)) => (&lc::RSA_PKCS1_2048_8192_SHA256, key),
        (Algorithm::RsaSha384, Key::Rsa(key)) => (&lc::RSA_PKCS1_2048_8192_SHA384, key),
        (Algorithm::RsaSha512, Key::Rsa(key)) => (&lc::RSA_PKCS1_2048_8192_SHA512, key),
        (_, Key::Ed25519(_) | Key::P256(_) | Key::P384(_) | Key::Rsa(_) | Key::Other) => return false,
    };
    lc::UnparsedPublicKey::new(rule, bytes).verify(message, signature).is_ok()
}

/// The AlgorithmIdentifier that goes with a suite.
pub(crate) fn algorithm_identifier(suite: Suite) -> Result<Vec<u8>, SignError> {
    match suite {
        Suite::Ed25519 => Ok(der::nest(SEQUENCE, &[&der::oid(&oids::ED25519)])),
        Suite::EcdsaP256 => Ok(der::nest(SEQUENCE, &[&der::oid(&oids::ECDSA_SHA256)])),
        Suite::Gost256 | Suite::Gost512 => Err(SignError { suite }),
    }
}

/// Signs a to-be-signed part and gives the whole: SEQUENCE { part, algorithm, signature }.
pub(crate) fn sign(part: &[u8], signer: &dyn Signer) -> Result<Vec<u8>, SignError> {
    let suite = signer.suite();
    let raw = signer.sign(part)?;
    let signature = match suite {
        Suite::Ed25519 => raw,
        Suite::EcdsaP256 => {
            let (r, s) = raw.split_at(keys::SECRET_BYTES);
            der::nest(SEQUENCE, &[&der::unsigned(r), &der::unsigned(s)])
        }
        Suite::Gost256 | Suite::Gost512 => return Err(SignError { suite }),
    };
    Ok(der::nest(SEQUENCE, &[part, &algorithm_identifier(suite)?, &der::bits(&signature)]))
}
