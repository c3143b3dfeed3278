//! Password verifiers of printed envelopes, sealed to the core, waiting for the bundle that takes them along.
//! Never in clear, never a password, and gone once the appliance has them.

use super::Authority;
use super::envelopes::Envelope;
use crate::files::{self, Readers};
use crate::trouble::{Failure, Trouble};
use journal::act::EnvelopePrint;
use pki::OneTimePassword;
use pki::{PersonId, canonical, password};
use protocol::frame::{SealedVerifier, VERIFIER_INFO};
use rand_core::CryptoRng;
use std::path::PathBuf;

/// Largest file of a verifier, bytes.
const VERIFIER_BYTES_MAX: u64 = 4096;

impl Authority {
    fn verifier_path(&self, number: u64) -> PathBuf {
        self.path("verifiers").join(number.to_string())
    }

    /// Makes the verifier of a new envelope's password and keeps it, before the envelope's act: a crash in between
    /// leaves a file that the next envelope, with the same number, replaces. Gives it sealed, as the act binds it.
    pub fn keep_verifier(
        &self,
        number: u64,
        person: PersonId,
        one_time: &OneTimePassword,
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, Failure> {
        let server = self.state.server().ok_or(Trouble::NoServer)?;
        let unmade = |why: &dyn std::fmt::Display| Trouble::Unmade { why: why.to_string() };
        let core = server.newest().agreement.agreement_key().map_err(|why| unmade(&why))?;
        let proof =
            password::login_proof(one_time.canonical().as_bytes(), person).map_err(|why| unmade(&why))?;
        let verifier = password::verifier(proof.as_bytes(), rng).map_err(|why| unmade(&why))?;
        let bound = [person.0.to_be_bytes(), number.to_be_bytes()].concat();
        let sealed =
            core.seal(VERIFIER_INFO, &bound, verifier.as_bytes(), rng).map_err(|why| unmade(&why))?;
        let file = SealedVerifier { person, envelope: number, sealed: sealed.clone().into() };
        files::ensure_dir(&self.path("verifiers"))?;
        files::replace(&self.verifier_path(number), &canonical::encode(&file), Readers::Owner)?;
        Ok(sealed)
    }

    /// The kept verifier of an envelope, if it is still here.
    pub fn verifier(&self, envelope: &Envelope) -> Result<Option<SealedVerifier>, Trouble> {
        let path = self.verifier_path(envelope.number);
        if !path.exists() {
            return Ok(None);
        }
        let bytes = files::read(&path, VERIFIER_BYTES_MAX)?;
        let bad = |why: &str| Trouble::BadFile { path: files::shown(&path), why: why.into() };
        let file: SealedVerifier = canonical::decode(&bytes).map_err(|why| bad(&why.to_string()))?;
        let is_bound = EnvelopePrint::digest(&file.sealed) == envelope.verifier;
        if file.person != envelope.person || file.envelope != envelope.number || !is_bound {
            return Err(bad("not the one that the envelope's act was signed for"));
        }
        Ok(Some(file))
    }

    /// The appliance has it: it is needed here no more.
    pub fn drop_verifier(&self, number: u64) -> Result<(), Trouble> {
        let path = self.verifier_path(number);
        match std::fs::remove_file(&path) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                Err(files::write_trouble(&path, &cause))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}
