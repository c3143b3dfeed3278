//! A credential on the terminal's disk: who may open it, and in which order bytes become durable.
//! Never writes anything but the credential, its state record and the empty lock file beside them.
//!
//! Three files: `NAME` (sealed under the passphrase, rewritten on renewal), `NAME.state` (the state record, sealed
//! under a key inside the credential, rewritten before each signature) and `NAME.lock` (empty; held while open, so that
//! two agents never sign with one credential).
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rand_core::CryptoRng;

use crate::credential::{Credential, CredentialError};
use crate::durable_file::{self, OWNER_ONLY, beside};
use crate::sealed::{KdfCost, SEALED_BYTES_MAX};
use crate::state_record::StateRecord;

/// Why a credential's files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CredentialFileError {
    /// Another process has it open.
    #[error("{} is in use by another process", path.display())]
    InUse {
        /// The credential.
        path: PathBuf,
    },
    /// There is a credential already; it is never overwritten.
    #[error("{} exists already", path.display())]
    Exists {
        /// The credential.
        path: PathBuf,
    },
    /// The operating system says no.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// The credential itself.
    #[error(transparent)]
    Credential(#[from] CredentialError),
}

/// A credential, open and locked. Dropping it gives the lock back.
pub struct CredentialFile {
    path: PathBuf,
    credential: Credential,
    /// Held, never read.
    _lock: File,
}

impl CredentialFile {
    /// Writes a new credential. Fails when there is one.
    pub fn create(
        path: &Path,
        credential: Credential,
        passphrase: &[u8],
        cost: KdfCost,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, CredentialFileError> {
        let lock = lock(path)?;
        match path.try_exists() {
            Ok(false) => {}
            Ok(true) => return Err(CredentialFileError::Exists { path: path.to_owned() }),
            Err(error) => return Err(CredentialFileError::Io { path: path.to_owned(), error }),
        }
        let file = Self { path: path.to_owned(), credential, _lock: lock };
        // The state first: a crash here leaves a state nobody can open, and no credential; the next attempt replaces it.
        replace(&beside(path, "state"), &file.credential.seal_state(None, rng)?)?;
        file.save(passphrase, cost, rng)?;
        Ok(file)
    }

    /// Opens a credential for its only user.
    pub fn open(path: &Path, passphrase: &[u8]) -> Result<Self, CredentialFileError> {
        // Not found is said before a lock file is made.
        fs::metadata(path).map_err(|error| CredentialFileError::Io { path: path.to_owned(), error })?;
        let lock = lock(path)?;
        let credential = Credential::open(passphrase, &read(path)?)?;
        Ok(Self { path: path.to_owned(), credential, _lock: lock })
    }

    /// The credential.
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    /// The credential, to be changed and then saved.
    pub fn credential_mut(&mut self) -> &mut Credential {
        &mut self.credential
    }

    /// Writes the credential, after a change or under a new passphrase. The state key does not change, so the state
    /// record beside it stays readable whichever of the two versions a crash leaves.
    pub fn save(
        &self,
        passphrase: &[u8],
        cost: KdfCost,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), CredentialFileError> {
        replace(&self.path, &self.credential.seal(passphrase, cost, rng)?)
    }

    /// The state record. `None`: this terminal never logged in. A state file that is missing is an error: to begin
    /// afresh would be to forget which log and which checkpoint this person has seen.
    pub fn read_state(&self) -> Result<Option<StateRecord>, CredentialFileError> {
        Ok(self.credential.open_state(&read(&beside(&self.path, "state"))?)?)
    }

    /// Writes the state record durably. Called with the number about to be used, *before* the signature is made: a crash
    /// after it wastes at most an attempt, a crash before it has signed nothing.
    pub fn write_state(
        &self,
        state: &StateRecord,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), CredentialFileError> {
        replace(&beside(&self.path, "state"), &self.credential.seal_state(Some(state), rng)?)
    }
}

fn lock(path: &Path) -> Result<File, CredentialFileError> {
    let lock_path = beside(path, "lock");
    let io = |error| CredentialFileError::Io { path: lock_path.clone(), error };
    let options = OpenOptions::new().write(true).create(true).truncate(false).mode(OWNER_ONLY).to_owned();
    let file = options.open(&lock_path).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(CredentialFileError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(io(error)),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CredentialFileError> {
    let io = |error| CredentialFileError::Io { path: path.to_owned(), error };
    let file = File::open(path).map_err(io)?;
    let mut bytes = Vec::new();
    // One byte more than allowed: the parser then refuses it as too long.
    file.take(SEALED_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

fn replace(path: &Path, bytes: &[u8]) -> Result<(), CredentialFileError> {
    let replaced = durable_file::replace(path, bytes, OWNER_ONLY);
    replaced.map_err(|error| CredentialFileError::Io { path: path.to_owned(), error })
}
