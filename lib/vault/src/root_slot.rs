//! The bytes of a root slot, under its own MAC.
//! A slot whose MAC does not hold is torn or destroyed, and counts as absent.

use std::sync::Arc;

use disk::codec::{Fields, Malformed, Put};
use disk::{StoreId, Top};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::cell::{CellName, RECORD_BYTES_MAX};
use crate::secret::{Mask, Opened32, Secret32};
use crate::unlock::{UnlockSecret, derived};

const VERSION: u8 = 1;

/// Cells one store may have.
const CELLS_MAX: usize = 2;

/// The key of the tree's top node: the root secret of the cell, mixed with the unlock secret where the site has one.
pub(crate) fn top_key(root: &[u8; 32], unlock: Option<&UnlockSecret>, store: &StoreId) -> Opened32 {
    match unlock {
        None => derived(root, b"conclave vault top node 1", store),
        Some(unlock) => unlock.mixed(root, b"conclave vault top node 2", store),
    }
}

/// One root slot.
#[derive(Clone)]
pub(crate) struct RootSlot {
    pub(crate) store: StoreId,
    pub(crate) epoch: u64,
    /// The cells that this slot was meant for: all that may hold a root of this epoch.
    pub(crate) cells: Vec<CellName>,
    /// Journal entries, and the root over them, when the epoch's erasures were recorded.
    pub(crate) journal_size: u64,
    pub(crate) journal_root: [u8; 32],
    pub(crate) root: Secret32,
    pub(crate) top: Top,
}

impl RootSlot {
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(RECORD_BYTES_MAX));
        bytes.put_u8(VERSION);
        bytes.put(&self.store);
        bytes.put_u64(self.epoch);
        bytes.put_u8(u8::try_from(self.cells.len()).expect("a store has two cells at most"));
        self.cells.iter().for_each(|name| bytes.put(name));
        bytes.put_u64(self.journal_size);
        bytes.put(&self.journal_root);
        let root = self.root.open();
        bytes.put(&*root);
        self.top.encode(&mut bytes);
        let mac = derived(&*root, b"conclave vault root slot 1", &bytes);
        bytes.put(&*mac);
        bytes
    }

    /// A slot of this store whose MAC holds.
    pub(crate) fn decode(bytes: &[u8], store: &StoreId, mask: &Arc<Mask>) -> Option<Self> {
        let (covered, mac) = bytes.split_last_chunk::<32>()?;
        let slot = Self::fields(covered, mask).ok()?;
        let right = derived(&*slot.root.open(), b"conclave vault root slot 1", covered);
        let right: bool = right.ct_eq(mac).into();
        (right && slot.store == *store).then_some(slot)
    }

    /// The same root, of the same epoch, over the same tree.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (self.epoch, self.top, &self.cells) == (other.epoch, other.top, &other.cells)
            && self.root == other.root
    }

    fn fields(bytes: &[u8], mask: &Arc<Mask>) -> Result<Self, Malformed> {
        let mut fields = Fields(bytes);
        if fields.u8()? != VERSION {
            return Err(Malformed);
        }
        let (store, epoch) = (fields.array()?, fields.u64()?);
        let count = usize::from(fields.u8()?);
        if !(1..=CELLS_MAX).contains(&count) {
            return Err(Malformed);
        }
        let cells = (0..count).map(|_| fields.array()).collect::<Result<_, _>>()?;
        let journal_size = fields.u64()?;
        let journal_root = fields.array()?;
        let root = Secret32::masked(&Zeroizing::new(fields.array()?), mask);
        let top = Top::decode(&mut fields)?;
        fields.end()?;
        Ok(Self { store, epoch, cells, journal_size, journal_root, root, top })
    }
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
            cells: vec![[4; 8], [5; 8]],
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
