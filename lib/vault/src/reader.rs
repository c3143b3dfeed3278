//! Reads bodies and entries beside the writer. The tree is locked for the look-up only, not while the body is read.
//! What was read just before an erasure began is the caller's to wipe: step (e) answers for it.

use std::sync::{Arc, Mutex};

use disk::{Position, StoreId};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::node::{Child, Slot};
use crate::place::Place;
use crate::seal;
use crate::tree::KeyTree;
use crate::vault::locked;

/// A cloneable handle.
#[derive(Clone)]
pub struct VaultReader {
    disk: disk::Reader,
    tree: Arc<Mutex<KeyTree>>,
}

impl VaultReader {
    pub(crate) fn new(disk: disk::Reader, tree: Arc<Mutex<KeyTree>>) -> Self {
        Self { disk, tree }
    }

    /// The body, as it was inserted. Damage and rollback are errors, never other bytes.
    pub fn read(&self, place: Place) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (mut leaf, store) = self.leaf(place)?;
        loop {
            let opened = self.open(place, &leaf, &store);
            if opened.is_ok() {
                return opened;
            }
            // Between look-up and reading the body may have moved and its extent been given away: only one that lies
            // where it lay is damaged.
            let (now, _) = self.leaf(place)?;
            if now.position == leaf.position {
                return opened;
            }
            leaf = now;
        }
    }

    /// The slot of a body that may be served.
    fn leaf(&self, place: Place) -> Result<(Slot, StoreId), Error> {
        let mut tree = locked(&self.tree);
        if tree.hidden.iter().any(|target| target.covers(&place)) {
            return Err(Error::BeingErased(place));
        }
        let leaf = tree.lookup(&place)?.filter(|slot| slot.child == Child::Leaf);
        Ok((leaf.ok_or(Error::Missing(place))?, tree.store))
    }

    fn open(&self, place: Place, leaf: &Slot, store: &StoreId) -> Result<Zeroizing<Vec<u8>>, Error> {
        let sealed = self.disk.body(leaf.position)?;
        let damaged = Error::Damaged { what: "a body", offset: leaf.position.offset };
        if seal::tag_of(&sealed) != Some(leaf.tag) {
            return Err(damaged);
        }
        seal::open(&leaf.key.open(), store, &place.owner(), &sealed).ok_or(damaged)
    }

    /// A journal entry at a position that a batch gave.
    pub fn entry(&self, position: Position) -> Result<Vec<u8>, Error> {
        Ok(self.disk.entry(position)?)
    }

    pub(crate) fn disk(&self) -> &disk::Reader {
        &self.disk
    }
}
