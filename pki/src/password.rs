//! Login passwords: what a terminal makes of one before it travels, and what the core keeps to recognise it.
//! Never keeps a password, and never sends one: the server sees the proof only, and only sealed.
//!
//! ```text
//! proof    = base64url(HKDF-SHA256(Argon2id(password, salt = SHA-256("conclave/1 login" ‖ person)[..16], STANDARD),
//!                      info = "conclave/1 login proof"))                                       43 letters
//! verifier = $argon2id$v=19$m=8192,t=1,p=1$salt$Argon2id(proof, random salt)                   a PHC string
//! ```
//! The terminal does the expensive stretching, once a login; a thief of the verifiers has to do it too for each guess.
//! The core's own Argon2id is therefore small: it keeps verifiers apart by salt, and 1,000 people who log in at eight
//! in the morning do not stop the journal.

use std::fmt::Write;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::PersonId;
use crate::sealed::KdfCost;

/// Longest password that is stretched, bytes of UTF-8.
pub const PASSWORD_BYTES_MAX: usize = 512;
/// What stretching a password costs on the terminal.
pub const PROOF_COST: KdfCost = KdfCost::STANDARD;
/// What making or checking a verifier costs in the core: 8 MiB, one pass.
pub const VERIFIER_COST: KdfCost = KdfCost { memory_kib: 8 * 1024, passes: 1, lanes: 1 };
/// Most that a verifier from outside may ask for.
const VERIFIER_COST_MAX: KdfCost = KdfCost { memory_kib: 64 * 1024, passes: 4, lanes: 4 };
/// Longest verifier, bytes.
pub const VERIFIER_BYTES_MAX: usize = 256;
const SALT_CONTEXT: &[u8] = b"conclave/1 login";
const PROOF_INFO: &[u8] = b"conclave/1 login proof";
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// Why no proof or verifier was made or checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Longer than [`PASSWORD_BYTES_MAX`], or empty.
    #[error("a password has 1 to {PASSWORD_BYTES_MAX} bytes")]
    Length,
    /// There was no memory for Argon2id.
    #[error("Argon2id could not be computed")]
    Argon2,
    /// Not a verifier of ours, or one that asks for an unbearable amount of work.
    #[error("not a password verifier")]
    NotAVerifier,
}

/// What travels instead of the password, HPKE-sealed. The same password of another person gives another proof.
pub fn login_proof(password: &[u8], person: PersonId) -> Result<Zeroizing<String>, PasswordError> {
    if password.is_empty() || password.len() > PASSWORD_BYTES_MAX {
        return Err(PasswordError::Length);
    }
    let salt: [u8; 32] =
        Sha256::new().chain_update(SALT_CONTEXT).chain_update(person.0.to_be_bytes()).finalize().into();
    let stretched = stretch(password, &salt[..SALT_BYTES], PROOF_COST)?;
    let mut proof = Zeroizing::new([0; HASH_BYTES]);
    let expanded = Hkdf::<Sha256>::new(None, &*stretched).expand(PROOF_INFO, &mut *proof);
    expanded.map_err(|_| PasswordError::Argon2)?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(proof.as_slice())))
}

/// A fresh verifier of a proof, as the core keeps it and as the authority seals it into a bundle.
pub fn verifier(proof: &[u8], rng: &mut dyn CryptoRng) -> Result<String, PasswordError> {
    if proof.is_empty() || proof.len() > PASSWORD_BYTES_MAX {
        return Err(PasswordError::Length);
    }
    let mut salt = [0; SALT_BYTES];
    rng.fill_bytes(&mut salt);
    let hash = stretch(proof, &salt, VERIFIER_COST)?;
    let KdfCost { memory_kib, passes, lanes } = VERIFIER_COST;
    let mut phc = String::with_capacity(VERIFIER_BYTES_MAX);
    let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash.as_slice()));
    write!(phc, "$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${hash}")
        .expect("a String takes every write");
    Ok(phc)
}

/// Whether the proof is the one that the verifier was made of, in constant time.
pub fn verify(verifier: &str, proof: &[u8]) -> Result<bool, PasswordError> {
    let (cost, salt, hash) = parse(verifier).ok_or(PasswordError::NotAVerifier)?;
    let found = stretch(proof, &salt, cost)?;
    Ok(found.ct_eq(&hash).into())
}

/// Does the work of [`verify`] for nobody: where no verifier is, an answer must take as long.
pub fn verify_nothing(proof: &[u8]) -> Result<bool, PasswordError> {
    stretch(proof, &[0; SALT_BYTES], VERIFIER_COST).map(|_| false)
}

type Parsed = (KdfCost, Vec<u8>, [u8; HASH_BYTES]);

/// Reads the one form that [`verifier`] writes; other costs within [`VERIFIER_COST_MAX`] are understood.
fn parse(verifier: &str) -> Option<Parsed> {
    if verifier.len() > VERIFIER_BYTES_MAX {
        return None;
    }
    let mut parts = verifier.strip_prefix("$argon2id$v=19$")?.split('$');
    let (costs, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
    let mut costs = costs.split(',');
    let mut cost = |name: &str, limit: u32| -> Option<u32> {
        let number = costs.next()?.strip_prefix(name)?;
        let canonical = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
        number.parse().ok().filter(|found| canonical && *found <= limit)
    };
    let max = VERIFIER_COST_MAX;
    let (memory_kib, passes, lanes) =
        (cost("m=", max.memory_kib)?, cost("t=", max.passes)?, cost("p=", max.lanes)?);
    if parts.next().is_some() || costs.next().is_some() {
        return None;
    }
    let salt = STANDARD_NO_PAD.decode(salt).ok().filter(|salt| salt.len() == SALT_BYTES)?;
    let hash = STANDARD_NO_PAD.decode(hash).ok()?.try_into().ok()?;
    Some((KdfCost { memory_kib, passes, lanes }, salt, hash))
}

fn stretch(secret: &[u8], salt: &[u8], cost: KdfCost) -> Result<Zeroizing<[u8; HASH_BYTES]>, PasswordError> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(HASH_BYTES));
    let params = params.map_err(|_| PasswordError::Argon2)?;
    let mut hash = Zeroizing::new([0; HASH_BYTES]);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into(secret, salt, &mut *hash).map_err(|_| PasswordError::Argon2)?;
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Rng;

    #[test]
    fn a_proof_belongs_to_one_person_and_one_password() {
        let proof = login_proof(b"correct horse", PersonId(7)).unwrap();
        assert_eq!(proof.len(), 43);
        assert_eq!(proof, login_proof(b"correct horse", PersonId(7)).unwrap());
        assert_ne!(proof, login_proof(b"correct horse", PersonId(8)).unwrap());
        assert_ne!(proof, login_proof(b"correct horsf", PersonId(7)).unwrap());
        // Golden: a credential or an envelope of today must open a site of tomorrow.
        assert_eq!(*proof, GOLDEN_PROOF);
        assert_eq!(login_proof(b"", PersonId(7)), Err(PasswordError::Length));
        assert_eq!(login_proof(&[b'x'; 513], PersonId(7)), Err(PasswordError::Length));
    }

    const GOLDEN_PROOF: &str = "N29Y49lB7qtYJjlcNJs2KnF02_EVt7fKknBv6I8z7qg";

    #[test]
    fn a_verifier_recognises_its_proof_alone() {
        let made = verifier(b"proof", &mut Rng::seeded(1)).unwrap();
        assert!(made.starts_with("$argon2id$v=19$m=8192,t=1,p=1$") && made.len() <= VERIFIER_BYTES_MAX);
        assert_eq!(verify(&made, b"proof"), Ok(true));
        assert_eq!(verify(&made, b"prooF"), Ok(false));
        assert_ne!(made, verifier(b"proof", &mut Rng::seeded(2)).unwrap(), "salted");
        assert_eq!(verify_nothing(b"proof"), Ok(false));
    }

    #[test]
    fn a_foreign_verifier_cannot_ask_for_too_much_work() {
        let made = verifier(b"proof", &mut Rng::seeded(1)).unwrap();
        for (from, to) in [
            ("m=8192", "m=99999999"),
            ("t=1", "t=5"),
            ("t=1", "t=01"),
            ("p=1", "p=255"),
            ("argon2id", "argon2i"),
            ("v=19", "v=16"),
            ("p=1$", "p=1,x=1$"),
        ] {
            let changed = made.replace(from, to);
            assert_ne!(changed, made);
            assert_eq!(verify(&changed, b"proof"), Err(PasswordError::NotAVerifier), "{changed}");
        }
        assert_eq!(verify("", b"proof"), Err(PasswordError::NotAVerifier));
        assert_eq!(verify(&format!("{made}$"), b"proof"), Err(PasswordError::NotAVerifier));
    }
}
