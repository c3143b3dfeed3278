//! Reads bodies and entries beside the writer. The tree is locked for the look-up only, not while the body is read; an
//! erasure that begins meanwhile waits for the read's end before it is over, and what was read of its targets is withheld.
//! What was given out before an erasure began is with the caller: nothing here reaches it.

use std::sync::{Arc, Mutex};

use disk::{Position, StoreId};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::node::{Child, Slot};
use crate::place::Place;
use crate::reads::Reading;
use crate::seal;
use crate::tree::KeyTree;
use crate::vault::locked;

/// A cloneable handle.
#[derive(Clone)]
pub struct VaultReader {
    disk: disk::Reader,
    tree: Arc<Mutex<KeyTree>>,
}

/// A body's slot. Its key is dropped before the read counts as ended.
struct Leaf {
    slot: Slot,
    store: StoreId,
    _reading: Reading,
}

impl VaultReader {
    pub(crate) fn new(disk: disk::Reader, tree: Arc<Mutex<KeyTree>>) -> Self {
        Self { disk, tree }
    }

    /// The body, as it was inserted. Damage and rollback are errors, never other bytes.
    pub fn read(&self, place: Place) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut leaf = self.leaf(place)?;
        loop {
            let opened = self.open(place, &leaf);
            if opened.is_ok() {
                check_served(&locked(&self.tree), place)?;
                return opened;
            }
            // Between look-up and reading the body may have moved and its extent been given away: only one that lies
            // where it lay is damaged.
            let now = self.leaf(place)?;
            if now.slot.position == leaf.slot.position {
                return opened;
            }
            leaf = now;
        }
    }

    /// The slot of a body that may be served.
    fn leaf(&self, place: Place) -> Result<Leaf, Error> {
        let mut tree = locked(&self.tree);
        check_served(&tree, place)?;
        let slot = tree.lookup(&place)?.filter(|slot| slot.child == Child::Leaf);
        let slot = slot.ok_or(Error::Missing(place))?;
        Ok(Leaf { slot, store: tree.store, _reading: tree.reads.begin() })
    }

    fn open(&self, place: Place, leaf: &Leaf) -> Result<Zeroizing<Vec<u8>>, Error> {
        let Leaf { slot, store, .. } = leaf;
        let sealed = self.disk.body(slot.position)?;
        let damaged = Error::Damaged { what: "a body", offset: slot.position.offset };
        if seal::tag_of(&sealed) != Some(slot.tag) {
            return Err(damaged);
        }
        seal::open(&slot.key.open(), store, &place.owner(), &sealed).ok_or(damaged)
    }

    /// A journal entry at a position that a batch gave.
    pub fn entry(&self, position: Position) -> Result<Vec<u8>, Error> {
        Ok(self.disk.entry(position)?)
    }

    pub(crate) fn disk(&self) -> &disk::Reader {
        &self.disk
    }
}

/// Has no erasure of it begun?
fn check_served(tree: &KeyTree, place: Place) -> Result<(), Error> {
    if tree.hidden.iter().any(|target| target.covers(&place)) {
        Err(Error::BeingErased(place))
    } else {
        Ok(())
    }
}
