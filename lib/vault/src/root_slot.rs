//! The bytes of the cell's records: a root slot under its own MAC, and the device keys.
//! A slot whose MAC does not hold is torn or destroyed, and counts as absent.

use std::sync::Arc;

use disk::codec::{Fields, Malformed, Put};
use disk::{DeviceKeys, StoreId, Top};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::secret::{Mask, Opened32, Secret32};

const VERSION: u8 = 1;

/// The key of the tree's top node. The unlock secret of N-of-M shares is mixed in here, in a later version byte.
pub(crate) fn top_key(root: &[u8; 32], store: &StoreId) -> Opened32 {
    derived(root, b"conclave vault top node 1", store)
}

fn derived(root: &[u8; 32], purpose: &[u8], bytes: &[u8]) -> Opened32 {
    let mut mac = Hmac::<Sha256>::new_from_slice(root).expect("HMAC takes keys of every length");
    mac.update(purpose);
    mac.update(bytes);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// One root slot.
#[derive(Clone)]
pub(crate) struct RootSlot {
    pub(crate) store: StoreId,
    pub(crate) epoch: u64,
    /// Journal entries, and the root over them, when the epoch's erasures were recorded.
    pub(crate) journal_size: u64,
    pub(crate) journal_root: [u8; 32],
    pub(crate) root: Secret32,
    pub(crate) top: Top,
}

impl RootSlot {
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(160));
        bytes.put_u8(VERSION);
        bytes.put(&self.store);
        bytes.put_u64(self.epoch);
        bytes.put_u64(self.journal_size);
        bytes.put(&self.journal_root);
        let root = self.root.open();
        bytes.put(&*root);
        self.top.encode(&mut bytes);
        let mac = derived(&root, b"conclave vault root slot 1", &bytes);
        bytes.put(&*mac);
        bytes
    }

    /// A slot of this store whose MAC holds.
    pub(crate) fn decode(bytes: &[u8], store: &StoreId, mask: &Arc<Mask>) -> Option<Self> {
        let (covered, mac) = bytes.split_last_chunk::<32>()?;
        let slot = Self::fields(covered, mask).ok()?;
        let right = derived(&slot.root.open(), b"conclave vault root slot 1", covered);
        let right: bool = right.ct_eq(mac).into();
        (right && slot.store == *store).then_some(slot)
    }

    fn fields(bytes: &[u8], mask: &Arc<Mask>) -> Result<Self, Malformed> {
        let mut fields = Fields(bytes);
        if fields.u8()? != VERSION {
            return Err(Malformed);
        }
        let (store, epoch, journal_size) = (fields.array()?, fields.u64()?, fields.u64()?);
        let journal_root = fields.array()?;
        let root = Secret32::masked(&Zeroizing::new(fields.array()?), mask);
        let top = Top::decode(&mut fields)?;
        fields.end()?;
        Ok(Self { store, epoch, journal_size, journal_root, root, top })
    }
}

/// The device keys' record: version, keys, digest against torn writes.
pub(crate) fn encode_device(keys: &DeviceKeys) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(97));
    bytes.put_u8(VERSION);
    bytes.put(&keys.log);
    bytes.put(&keys.verifiers);
    let digest = Sha256::digest(&bytes);
    bytes.put(&digest);
    bytes
}

/// Reads them back; `None` when blank or torn.
pub(crate) fn decode_device(bytes: &[u8]) -> Option<DeviceKeys> {
    let (covered, digest) = bytes.split_last_chunk::<32>()?;
    let intact: bool = Sha256::digest(covered).as_slice().ct_eq(digest).into();
    let mut fields = Fields(covered);
    if !intact || fields.u8().ok()? != VERSION {
        return None;
    }
    let keys = DeviceKeys { log: fields.array().ok()?, verifiers: fields.array().ok()? };
    fields.end().ok()?;
    Some(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_slot_counts_as_absent() {
        let mask = Mask::new(&mut crate::tests::rng(1)).unwrap();
        let slot = RootSlot {
            store: [1; 16],
            epoch: 7,
            journal_size: 9,
            journal_root: [2; 32],
            root: Secret32::masked(&[3; 32], &mask),
            top: crate::node::NO_TOP,
        };
        let bytes = slot.encode();
        assert!(RootSlot::decode(&bytes, &[1; 16], &mask).is_some_and(|slot| slot.epoch == 7));
        assert!(RootSlot::decode(&bytes, &[2; 16], &mask).is_none());
        for at in 0..bytes.len() {
            let mut torn = bytes.to_vec();
            torn[at] ^= 1;
            assert!(RootSlot::decode(&torn, &[1; 16], &mask).is_none(), "byte {at}");
            assert!(RootSlot::decode(&bytes[..at], &[1; 16], &mask).is_none());
        }
    }
}
