//! The server's own keys at rest: TLS, core agreement, log identity. One file each, readable by the owner alone.
//! Never leaves them where others can read, and never makes one where one is: a lost identity key is a lost log.
//!
//! ```text
//! DIR/keys/tls, DIR/keys/agreement, DIR/keys/identity, or $CREDENTIALS_DIRECTORY/… under the same names
//! file = canonical CBOR [version 1, name, suite, secret bytes]
//! ```

use minicbor::{Decode, Encode, bytes::ByteVec};
use pki::canonical;
use pki::{AgreementSecret, KeyError, SecretKey, Suite};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::{Zeroize, Zeroizing};

/// Version of the files.
const VERSION: u8 = 1;
/// Longest file that is read, bytes.
const FILE_BYTES_MAX: u64 = 512;
/// Where systemd puts what `LoadCredential=` names.
pub(crate) const CREDENTIALS_VARIABLE: &str = "CREDENTIALS_DIRECTORY";

/// Which key; the name of its file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Name {
    Tls,
    Agreement,
    Identity,
}

impl Name {
    fn file(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Agreement => "agreement",
            Self::Identity => "identity",
        }
    }
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct KeyFile {
    #[n(0)]
    version: u8,
    #[n(1)]
    name: String,
    #[n(2)]
    suite: Suite,
    #[n(3)]
    secret: ByteVec,
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeysError {
    /// A file cannot be read or written.
    #[error("{path}: {reason}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// Others could read it.
    #[error("{path}: mode {mode:o}: a key is readable by its owner alone (chmod 600)")]
    Readable {
        /// Which.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// There are keys already.
    #[error("{path}: there are keys already; they are never made anew over existing ones")]
    Exist {
        /// Where.
        path: PathBuf,
    },
    /// Not a key file of this name.
    #[error("{path}: not a key file of this product for this key")]
    NotAKey {
        /// Which.
        path: PathBuf,
    },
    /// The key is not accepted.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// The server's keys.
pub(crate) struct ServerKeys {
    /// TLS, in the site's suite.
    pub(crate) tls: SecretKey,
    /// What passwords are sealed to.
    pub(crate) agreement: AgreementSecret,
    /// Signs Hello, the second line of notes and the first period's key. Ed25519 always.
    pub(crate) identity: SecretKey,
}

impl ServerKeys {
    /// Makes new keys below `state_dir`. Refuses where any are.
    pub(crate) fn create(
        state_dir: &Path,
        suite: Suite,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Self, KeysError> {
        let keys = Self {
            tls: SecretKey::generate(suite, rng)?,
            agreement: AgreementSecret::generate(suite, rng)?,
            identity: SecretKey::generate(Suite::Ed25519, rng)?,
        };
        let dir = directory(state_dir);
        let io = |reason| KeysError::Io { path: dir.clone(), reason };
        DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(io)?;
        if std::fs::read_dir(&dir).map_err(io)?.next().is_some() {
            return Err(KeysError::Exist { path: dir });
        }
        write(&dir, Name::Tls, suite, &keys.tls.to_bytes())?;
        write(&dir, Name::Agreement, suite, &keys.agreement.to_bytes())?;
        write(&dir, Name::Identity, Suite::Ed25519, &keys.identity.to_bytes())?;
        // A crash before this line: some keys may be missing, no request has left, and the rest is deleted by hand.
        File::open(&dir).and_then(|dir| dir.sync_all()).map_err(io)?;
        Ok(keys)
    }

    /// Reads the keys from where systemd put them, or from below `state_dir`.
    pub(crate) fn load(state_dir: &Path) -> Result<Self, KeysError> {
        let dir = match std::env::var_os(CREDENTIALS_VARIABLE) {
            Some(dir) if Path::new(&dir).join(Name::Tls.file()).exists() => PathBuf::from(dir),
            Some(_) | None => directory(state_dir),
        };
        let (suite, tls) = read(&dir, Name::Tls)?;
        let (agreement_suite, agreement) = read(&dir, Name::Agreement)?;
        let (identity_suite, identity) = read(&dir, Name::Identity)?;
        if identity_suite != Suite::Ed25519 {
            return Err(KeysError::NotAKey { path: dir.join(Name::Identity.file()) });
        }
        Ok(Self {
            tls: SecretKey::from_bytes(suite, &tls)?,
            agreement: AgreementSecret::from_bytes(agreement_suite, &agreement)?,
            identity: SecretKey::from_bytes(identity_suite, &identity)?,
        })
    }

    /// The public half of the log identity key.
    pub(crate) fn identity_public(&self) -> [u8; 32] {
        self.identity.public().raw().try_into().expect("an Ed25519 key has 32 bytes")
    }
}

fn directory(state_dir: &Path) -> PathBuf {
    state_dir.join("keys")
}

fn write(dir: &Path, name: Name, suite: Suite, secret: &[u8]) -> Result<(), KeysError> {
    let path = dir.join(name.file());
    let file = KeyFile { version: VERSION, name: name.file().into(), suite, secret: secret.to_vec().into() };
    // A buffer that never grows: what a growing one leaves behind nobody wipes.
    let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_BYTES_MAX as usize));
    minicbor::encode(&file, &mut *bytes).expect("writing to memory cannot fail");
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let written = written.and_then(|mut out| out.write_all(&bytes).and_then(|()| out.sync_all()));
    written.map_err(|reason| KeysError::Io { path, reason })
}

fn read(dir: &Path, name: Name) -> Result<(Suite, Zeroizing<Vec<u8>>), KeysError> {
    let path = dir.join(name.file());
    let io = |reason| KeysError::Io { path: path.clone(), reason };
    let file = File::open(&path).map_err(io)?;
    let mode = file.metadata().map_err(io)?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeysError::Readable { path, mode });
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_BYTES_MAX as usize));
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(io)?;
    match canonical::decode::<KeyFile>(&bytes) {
        Ok(file) if file.version == VERSION && file.name == name.file() => {
            Ok((file.suite, Zeroizing::new(file.secret.to_vec())))
        }
        Ok(_) | Err(_) => Err(KeysError::NotAKey { path }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    fn rng() -> impl rand_core::CryptoRng {
        rand_core::UnwrapErr(getrandom::SysRng)
    }

    #[test]
    fn keys_come_back_and_are_made_once() {
        let dir = tempfile::tempdir().unwrap();
        for suite in [Suite::Ed25519, Suite::EcdsaP256] {
            let state = dir.path().join(suite.name());
            let made = ServerKeys::create(&state, suite, &mut rng()).unwrap();
            let read = ServerKeys::load(&state).unwrap();
            assert_eq!(made.tls.public(), read.tls.public());
            assert_eq!(made.agreement.public().spki(), read.agreement.public().spki());
            assert_eq!(made.identity_public(), read.identity_public());
            assert!(matches!(ServerKeys::create(&state, suite, &mut rng()), Err(KeysError::Exist { .. })));
        }
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        ServerKeys::create(dir.path(), Suite::Ed25519, &mut rng()).unwrap();
        let path = directory(dir.path()).join("agreement");
        for mode in [0o640, 0o604, 0o660] {
            set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert!(matches!(ServerKeys::load(dir.path()), Err(KeysError::Readable { .. })), "{mode:o}");
        }
        set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        assert!(ServerKeys::load(dir.path()).is_ok());
    }

    #[test]
    fn a_key_is_not_taken_for_another() {
        let dir = tempfile::tempdir().unwrap();
        ServerKeys::create(dir.path(), Suite::Ed25519, &mut rng()).unwrap();
        let keys = directory(dir.path());
        std::fs::copy(keys.join("tls"), keys.join("identity")).unwrap();
        assert!(matches!(ServerKeys::load(dir.path()), Err(KeysError::NotAKey { .. })));
    }
}
