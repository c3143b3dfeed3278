//! The cell's third record: the cell's name and the device keys, the log key sealed where the site has an unlock secret.
//! Never says whose a record is that does not open: torn, damaged and foreign are judged by whoever reads it.

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use disk::codec::{Fields, Malformed, Put};
use disk::{DeviceKeys, NONCE_BYTES, TAG_BYTES, VerifiersKey};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::cell::{CellName, RECORD_BYTES_MAX};
use crate::error::Error;
use crate::unlock::UnlockSecret;

/// Both keys lie open.
const OPEN: u8 = 1;
/// The log key lies sealed under the unlock secret.
const SEALED: u8 = 2;

/// One cell's record.
///
/// ```text
/// version 1 | name 8 | log key 32 | verifiers key 32                                | SHA-256 of all before 32
/// version 2 | name 8 | nonce 24, sealed log key 32, tag 16 | verifiers key 32       | SHA-256 of all before 32
/// ```
#[derive(Clone)]
pub(crate) struct DeviceRecord {
    pub(crate) name: CellName,
    pub(crate) keys: DeviceKeys,
}

impl DeviceRecord {
    pub(crate) fn encode(
        &self,
        unlock: Option<&UnlockSecret>,
        rng: &mut dyn CryptoRng,
    ) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(RECORD_BYTES_MAX));
        bytes.put_u8(if unlock.is_some() { SEALED } else { OPEN });
        bytes.put(&self.name);
        match unlock {
            None => self.keys.with_log(|key| bytes.put(key)),
            Some(unlock) => {
                let (mut nonce, mut sealed) =
                    ([0; NONCE_BYTES], self.keys.with_log(|key| Zeroizing::new(*key)));
                rng.fill_bytes(&mut nonce);
                let cipher = XChaCha20Poly1305::new((&*unlock.device_key(&self.name)).into());
                let tag =
                    cipher.encrypt_inout_detached((&nonce).into(), &[SEALED], sealed.as_mut_slice().into());
                bytes.put(&nonce);
                bytes.put(&*sealed);
                bytes.put(&tag.expect("32 bytes are far below the cipher's limit of 256 GiB"));
            }
        }
        self.keys.verifiers().with(|key| bytes.put(key));
        let digest = Sha256::digest(&bytes);
        bytes.put(&digest);
        bytes
    }

    /// Reads one back; `None` when blank or torn.
    pub(crate) fn decode(bytes: &[u8], unlock: Option<&UnlockSecret>) -> Result<Option<Self>, Error> {
        let Some(parts) = Parts::of(bytes) else { return Ok(None) };
        let log = match (parts.log, unlock) {
            (Log::Open(log), None) => log,
            (Log::Open(_), Some(_)) => return Err(Error::NotSealed),
            (Log::Sealed(_), None) => return Err(Error::Locked),
            (Log::Sealed(sealed), Some(unlock)) => {
                sealed.open(unlock, &parts.name).ok_or(Error::WrongUnlock)?
            }
        };
        Ok(Some(Self { name: parts.name, keys: DeviceKeys::of(&log, &parts.verifiers)? }))
    }
}

/// The key of the password verifiers, which no unlock secret seals: people are let in before the store is unlocked.
pub(crate) fn verifiers_key(bytes: &[u8]) -> Result<Option<VerifiersKey>, Error> {
    Ok(Parts::of(bytes).map(|parts| VerifiersKey::of(&parts.verifiers)).transpose()?)
}

/// Is this a record of ours, under whatever unlock secret?
pub(crate) fn is_whole(bytes: &[u8]) -> bool {
    Parts::of(bytes).is_some()
}

/// A log key as it lies there.
enum Log {
    Open(Zeroizing<[u8; 32]>),
    Sealed(SealedKey),
}

struct SealedKey {
    nonce: [u8; NONCE_BYTES],
    sealed: Zeroizing<[u8; 32]>,
    tag: [u8; TAG_BYTES],
}

impl SealedKey {
    fn open(mut self, unlock: &UnlockSecret, name: &CellName) -> Option<Zeroizing<[u8; 32]>> {
        let cipher = XChaCha20Poly1305::new((&*unlock.device_key(name)).into());
        let text = self.sealed.as_mut_slice().into();
        cipher.decrypt_inout_detached((&self.nonce).into(), &[SEALED], text, (&self.tag).into()).ok()?;
        Some(self.sealed)
    }
}

struct Parts {
    name: CellName,
    log: Log,
    verifiers: Zeroizing<[u8; 32]>,
}

impl Parts {
    fn of(bytes: &[u8]) -> Option<Self> {
        let (covered, digest) = bytes.split_last_chunk::<32>()?;
        let intact: bool = Sha256::digest(covered).as_slice().ct_eq(digest).into();
        if !intact {
            return None;
        }
        Self::fields(covered).ok()
    }

    fn fields(covered: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields(covered);
        let version = fields.u8()?;
        let name = fields.array()?;
        let log = match version {
            OPEN => Log::Open(Zeroizing::new(fields.array()?)),
            SEALED => Log::Sealed(SealedKey {
                nonce: fields.array()?,
                sealed: Zeroizing::new(fields.array()?),
                tag: fields.array()?,
            }),
            _newer => return Err(Malformed),
        };
        let verifiers = Zeroizing::new(fields.array()?);
        fields.end()?;
        Ok(Self { name, log, verifiers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::rng;

    fn secret(byte: u8) -> UnlockSecret {
        UnlockSecret::filled(|bytes| bytes.fill(byte)).unwrap()
    }

    #[test]
    fn a_sealed_log_key_opens_with_its_secret_alone_and_the_verifiers_key_without() {
        let record = DeviceRecord { name: [1; 8], keys: DeviceKeys::random(&mut rng(1)).unwrap() };
        let unlock = secret(5);
        let bytes = record.encode(Some(&unlock), &mut rng(2));
        let is_open = record.keys.with_log(|key| bytes.windows(32).any(|window| window == key));
        assert!(bytes.len() <= RECORD_BYTES_MAX && !is_open);
        let back = DeviceRecord::decode(&bytes, Some(&unlock)).unwrap().unwrap();
        assert!(back.name == [1; 8] && crate::unlock::same_keys(&back.keys, &record.keys));
        assert!(matches!(DeviceRecord::decode(&bytes, None), Err(Error::Locked)));
        assert!(matches!(DeviceRecord::decode(&bytes, Some(&secret(6))), Err(Error::WrongUnlock)));
        let key = verifiers_key(&bytes).unwrap().unwrap().with(|key| *key);
        assert!(record.keys.verifiers().with(|right| key == *right));
    }

    #[test]
    fn a_torn_record_counts_as_none() {
        let record = DeviceRecord { name: [1; 8], keys: DeviceKeys::random(&mut rng(1)).unwrap() };
        let bytes = record.encode(None, &mut rng(2));
        assert!(DeviceRecord::decode(&bytes, None).unwrap().is_some());
        assert!(matches!(DeviceRecord::decode(&bytes, Some(&secret(5))), Err(Error::NotSealed)));
        for at in 0..bytes.len() {
            let mut torn = bytes.to_vec();
            torn[at] ^= 1;
            assert!(DeviceRecord::decode(&torn, None).unwrap().is_none(), "byte {at}");
        }
    }
}
