//! A cell in the non-volatile memory of a TPM 2.0: three indices under one authorisation value, read and written in salted, encrypted
//! sessions. Never more than the three indices that the configuration names, and nothing of anyone else's.
//!
//! ```text
//! index base      root slot of even epochs     index = length 2, little-endian | record | zeros, 256 bytes in all
//! index base + 1  root slot of odd epochs      attributes: AUTHREAD, AUTHWRITE, NO_DA; SHA-256; no policy
//! index base + 2  device record
//! ```
//! The authorisation value is a file beside the server's keys; a policy bound to a measured boot belongs to the image.

mod auth;
mod commands;
mod held;
mod session;
mod transport;
mod wire;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::cell::{CellError, CellKind, CellSlot, PACE_MS_MAX, RootCell};

pub use auth::TpmAuth;
use commands::Tpm;
use held::{Held, INDICES};
pub use transport::TpmPlace;

/// Bytes of an index: the longest record with its length.
const INDEX_BYTES: usize = 256;
/// Least milliseconds from one replacement to the next. Parts are sold for 10^5 writes of one index and more; each epoch writes one
/// index and destroys another.
const PACE_MS: u64 = PACE_MS_MAX;

/// What a TPM did not do.
#[derive(Debug, thiserror::Error)]
pub enum TpmError {
    /// The way to it.
    #[error("TPM: {0}")]
    Io(#[from] std::io::Error),
    /// It says no.
    #[error("TPM: {}", refusal(*.code))]
    Refused {
        /// TPM_RC.
        code: u32,
    },
    /// It put the command off, again and again.
    #[error("TPM: busy for too long")]
    Busy,
    /// What came back is no response.
    #[error("TPM: a response that is none")]
    Malformed,
    /// The response's HMAC does not hold: somebody stands between.
    #[error("TPM: a response that is not from the TPM the session is with")]
    Forged,
    /// The key of the owner's hierarchy is not the one that the cell was made with.
    #[error("TPM: another TPM, or one that was cleared since the cell was made")]
    OtherTpm,
    /// Our indices are there and the value that opens them is not.
    #[error(
        "TPM: index {index:#010x} is there, and the file of its authorisation value (store.cell_auth) is not. Put the file \
         back; or, where the store of these indices is given up for good, undefine them with the TPM's own tools"
    )]
    Orphaned {
        /// Which.
        index: u32,
    },
    /// An index is there and is not as this product makes it.
    #[error("TPM: index {index:#010x} is taken by something else")]
    Foreign {
        /// Which.
        index: u32,
    },
    /// Others can read the authorisation value.
    #[error("the file of the TPM cell's authorisation value is readable by others (chmod 600)")]
    Readable,
    /// Not such a file.
    #[error("the file of the TPM cell's authorisation value is missing, damaged or another one")]
    AuthFile,
    /// No page for the authorisation value.
    #[error("TPM: {0}")]
    Memory(#[from] hardening::SecretPageError),
}

/// The refusals that a person can do something about, in words.
fn refusal(code: u32) -> String {
    match commands::base(code) {
        commands::AUTH_FAIL | commands::BAD_AUTH => {
            "it refuses the authorisation value: these indices are another store's, or the file is; or the owner's hierarchy \
             has a password"
                .into()
        }
        commands::NV_SPACE => "it has no room for three indices of 256 bytes (TPM_RC_NV_SPACE)".into(),
        commands::NV_DEFINED => "an index is taken (TPM_RC_NV_DEFINED)".into(),
        other => format!("it refuses with {other:#05x}"),
    }
}

/// The three indices of a cell.
fn indices(base: u32) -> impl Iterator<Item = u32> {
    (0..INDICES).map(move |n| base + n)
}

/// The cell.
pub struct TpmCell {
    inner: Mutex<Inner>,
    base: u32,
    _held: Held,
}

struct Inner {
    tpm: Tpm,
    auth: TpmAuth,
}

impl TpmCell {
    /// Defines the three indices, or takes those of an interrupted founding. The authorisation value is drawn and kept in `auth_path`
    /// before any index is defined under it.
    pub fn create(
        place: &TpmPlace,
        base: u32,
        auth_path: &Path,
        rng: Box<dyn CryptoRng + Send>,
    ) -> Result<Self, CellError> {
        let auth = TpmAuth::read(auth_path)?;
        let is_fresh = auth.is_none();
        let (auth, mut tpm, held) = match auth {
            Some(auth) => {
                let held = Held::take(place, base, &auth)?;
                let tpm = Tpm::open(place, Some(auth.salt_key()), rng)?;
                (auth, tpm, held)
            }
            None => {
                let mut tpm = Tpm::open(place, None, rng)?;
                // A fresh value would never open what is there, and who finds it beside his cell has lost the right one.
                for index in indices(base) {
                    if tpm.public(index)?.is_some() {
                        return Err(TpmError::Orphaned { index }.into());
                    }
                }
                let salt_key = *tpm.salt_key();
                let auth = TpmAuth::create(auth_path, salt_key, tpm.rng())?;
                let held = Held::take(place, base, &auth)?;
                (auth, tpm, held)
            }
        };
        for index in indices(base) {
            if tpm.public(index)?.is_some() {
                continue;
            }
            // A crash behind it: an index that was never written, which counts as blank and is taken next time.
            let defined = tpm.define(index, &auth);
            if defined.is_err() && is_fresh && index == base {
                // A value that opens nothing is not left lying about.
                let _another_time = std::fs::remove_file(auth_path);
            }
            defined?;
        }
        Ok(Self { inner: Mutex::new(Inner { tpm, auth }), base, _held: held })
    }

    /// Is none of the three indices defined? Asked of a TPM whose authorisation value was never drawn, or is lost.
    pub fn is_undefined(
        place: &TpmPlace,
        base: u32,
        rng: Box<dyn CryptoRng + Send>,
    ) -> Result<bool, CellError> {
        let mut tpm = Tpm::open(place, None, rng)?;
        for index in indices(base) {
            match tpm.public(index) {
                Ok(None) => {}
                Ok(Some(_)) | Err(TpmError::Foreign { .. }) => return Ok(false),
                Err(other) => return Err(other.into()),
            }
        }
        Ok(true)
    }

    /// Looks at a cell that a server may hold, where the kernel's resource manager keeps the two apart. A software TPM serves one
    /// connection at a time; there it is opened as by anyone, and refused at once where a server holds it.
    pub fn look(
        place: &TpmPlace,
        base: u32,
        auth: TpmAuth,
        rng: Box<dyn CryptoRng + Send>,
    ) -> Result<Self, CellError> {
        match place {
            TpmPlace::Device(_) => Self::opened(place, base, auth, rng, Held::none()),
            TpmPlace::Swtpm(_) => Self::open(place, base, auth, rng),
        }
    }

    /// Opens the cell of an existing store. A second server is refused.
    pub fn open(
        place: &TpmPlace,
        base: u32,
        auth: TpmAuth,
        rng: Box<dyn CryptoRng + Send>,
    ) -> Result<Self, CellError> {
        let held = Held::take(place, base, &auth)?;
        Self::opened(place, base, auth, rng, held)
    }

    fn opened(
        place: &TpmPlace,
        base: u32,
        auth: TpmAuth,
        rng: Box<dyn CryptoRng + Send>,
        held: Held,
    ) -> Result<Self, CellError> {
        let tpm = Tpm::open(place, Some(auth.salt_key()), rng)?;
        Ok(Self { inner: Mutex::new(Inner { tpm, auth }), base, _held: held })
    }

    fn index(&self, slot: CellSlot) -> u32 {
        self.base + slot.index() as u32
    }

    fn locked(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, slot: CellSlot, bytes: &[u8; INDEX_BYTES]) -> Result<(), CellError> {
        let (index, Inner { tpm, auth }) = (self.index(slot), &mut *self.locked());
        tpm.write(index, auth, bytes)?;
        let kept = tpm.read(index, auth)?;
        if kept.as_deref() == Some(bytes) { Ok(()) } else { Err(CellError::ReadBack) }
    }
}

impl RootCell for TpmCell {
    fn kind(&self) -> CellKind {
        CellKind::Tpm
    }

    fn read(&self, slot: CellSlot) -> Result<Zeroizing<Vec<u8>>, CellError> {
        let (index, Inner { tpm, auth }) = (self.index(slot), &mut *self.locked());
        let Some(bytes) = tpm.read(index, auth)? else { return Ok(Zeroizing::new(Vec::new())) };
        let length = usize::from(u16::from_le_bytes([bytes[0], bytes[1]])).min(INDEX_BYTES - 2);
        Ok(Zeroizing::new(bytes[2..2 + length].to_vec()))
    }

    fn is_blank(&self, spared: Option<CellSlot>) -> Result<bool, CellError> {
        for slot in CellSlot::ALL.into_iter().filter(|slot| Some(*slot) != spared) {
            let (index, Inner { tpm, auth }) = (self.index(slot), &mut *self.locked());
            if tpm.read(index, auth)?.is_some_and(|bytes| bytes.iter().any(|byte| *byte != 0)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn write(&mut self, slot: CellSlot, record: &[u8]) -> Result<(), CellError> {
        assert!(record.len() <= INDEX_BYTES - 2, "the vault's records have fixed sizes below the limit");
        let mut bytes = Zeroizing::new([0; INDEX_BYTES]);
        bytes[..2].copy_from_slice(&(record.len() as u16).to_le_bytes());
        bytes[2..2 + record.len()].copy_from_slice(record);
        self.put(slot, &bytes)
    }

    /// Overwrites and reads back. The index stays defined: taking it away and defining it again forgets no more, and the room may be
    /// taken in between.
    fn destroy(&mut self, slot: CellSlot) -> Result<(), CellError> {
        self.put(slot, &[0; INDEX_BYTES])
    }

    fn pace_ms(&self) -> u64 {
        PACE_MS
    }
}
