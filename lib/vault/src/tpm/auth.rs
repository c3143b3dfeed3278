//! What a TPM cell keeps outside the TPM: the authorisation value of its indices, and the name of the key that sessions are salted to.
//! Never enough to open anything without that very TPM, and never sent to it in clear.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use hardening::SecretBox;
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::TpmError;

const VERSION: u8 = 1;
/// A Name: algorithm and SHA-256.
pub(crate) const NAME_BYTES: usize = 34;
const FILE_BYTES: usize = 1 + 32 + NAME_BYTES + 32;

/// The file, mode 0600: `version 1 | authorisation value 32 | name of the salt key 34 | SHA-256 of all before 32`.
pub struct TpmAuth {
    value: SecretBox<32>,
    salt_key: [u8; NAME_BYTES],
    path: PathBuf,
}

impl TpmAuth {
    /// The value, for one command.
    pub(crate) fn value(&self) -> Zeroizing<[u8; 32]> {
        self.value.with(|value| Zeroizing::new(*value))
    }

    pub(crate) fn salt_key(&self) -> &[u8; NAME_BYTES] {
        &self.salt_key
    }

    /// Draws a value for a TPM with this salt key and keeps it in a new file.
    pub(crate) fn create(
        path: &Path,
        salt_key: [u8; NAME_BYTES],
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, TpmError> {
        let value = SecretBox::filled(|value| {
            rng.fill_bytes(value);
            value[31] |= 1; // A TPM takes zeros off the end of a value.
        })?;
        let auth = Self { value, salt_key, path: path.to_owned() };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(&*auth.encode())?;
        file.sync_all()?;
        if let Some(parent) = path.parent() {
            File::open(parent)?.sync_all()?; // A crash before this line: no index was defined under the value yet.
        }
        Ok(auth)
    }

    /// The file, to hold a lock on; `None` where nobody may write it, as a credential that the service manager has copied.
    pub(crate) fn lockable(&self) -> Result<Option<File>, TpmError> {
        match OpenOptions::new().read(true).write(true).open(&self.path) {
            Ok(file) => Ok(Some(file)),
            Err(error)
                if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) =>
            {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads the file; `None` where there is none.
    pub fn read(path: &Path) -> Result<Option<Self>, TpmError> {
        let mut file = match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let metadata = file.metadata()?;
        if metadata.mode() & 0o077 != 0 {
            return Err(TpmError::Readable);
        }
        let mut bytes = Zeroizing::new([0; FILE_BYTES]);
        if metadata.len() != FILE_BYTES as u64 {
            return Err(TpmError::AuthFile);
        }
        file.read_exact(&mut *bytes)?;
        Self::decode(&bytes, path)?.map(Some).ok_or(TpmError::AuthFile)
    }

    fn encode(&self) -> Zeroizing<[u8; FILE_BYTES]> {
        let mut bytes = Zeroizing::new([0; FILE_BYTES]);
        bytes[0] = VERSION;
        self.value.with(|value| bytes[1..33].copy_from_slice(value));
        bytes[33..33 + NAME_BYTES].copy_from_slice(&self.salt_key);
        let digest = Sha256::digest(&bytes[..FILE_BYTES - 32]);
        bytes[FILE_BYTES - 32..].copy_from_slice(&digest);
        bytes
    }

    /// `None` where the bytes are not such a file's.
    fn decode(bytes: &[u8; FILE_BYTES], path: &Path) -> Result<Option<Self>, TpmError> {
        let Some((value, salt_key)) = Self::parts(bytes) else { return Ok(None) };
        let value = SecretBox::filled(|page| page.copy_from_slice(value))?;
        Ok(Some(Self { value, salt_key, path: path.to_owned() }))
    }

    fn parts(bytes: &[u8; FILE_BYTES]) -> Option<(&[u8; 32], [u8; NAME_BYTES])> {
        let (covered, digest) = bytes.split_last_chunk::<32>()?;
        let intact: bool = Sha256::digest(covered).as_slice().ct_eq(digest).into();
        let (version, rest) = covered.split_first()?;
        let (value, salt_key) = rest.split_first_chunk::<32>()?;
        let salt_key = salt_key.try_into().ok()?;
        (intact && *version == VERSION).then_some((value, salt_key))
    }
}
