//! A batch of entries, bodies and verifiers: one run per stream, one sync.
//! Dropped without `commit` it leaves no trace. Bodies can be read only after `commit`.

use std::collections::BTreeMap;
use std::sync::Mutex;

use disk::{CommitFields, Committed, PersonKey, Position, TAG_BYTES, Top};
use rand_core::CryptoRng;

use crate::draft::{Change, CutOff, Draft};
use crate::error::Error;
use crate::node::{Child, Slot};
use crate::pending::{self, LEAVES_MAX, Leaf, pending_owner};
use crate::place::Place;
use crate::seal::{SEAL_BYTES, seal_into};
use crate::secret::Secret32;
use crate::tree::{KeyTree, clash};
use crate::vault::{Limits, locked};

/// The batch.
pub struct Batch<'a> {
    pub(crate) batch: disk::Batch<'a>,
    tree: &'a Mutex<KeyTree>,
    pub(crate) fields: CommitFields,
    fresh: BTreeMap<Place, Slot>,
    limits: Limits,
    /// The place that this batch makes way to, and what becomes of the tree by that.
    way: Option<(Place, Change)>,
    /// Where the vault keeps what it has to tell.
    cut: &'a mut Vec<CutOff>,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(
        batch: disk::Batch<'a>,
        tree: &'a Mutex<KeyTree>,
        fields: CommitFields,
        limits: Limits,
        cut: &'a mut Vec<CutOff>,
    ) -> Self {
        Self { batch, tree, fields, fresh: BTreeMap::new(), limits, way: None, cut }
    }

    /// Adds a journal entry.
    pub fn entry(&mut self, bytes: &[u8]) -> Result<Position, Error> {
        Ok(self.batch.entry(bytes)?)
    }

    /// Journal entries up to and with those of this batch so far.
    pub fn entries(&self) -> u64 {
        self.batch.entries()
    }

    /// Cuts off the first node on the way to a place that does not open, as [`crate::Vault::mend`] does, and in this very
    /// batch: by it the place can be filled too. For one place of a batch.
    pub fn make_way(&mut self, place: Place) -> Result<(), Error> {
        debug_assert!(self.way.is_none(), "there is one way in a batch");
        let mut tree = locked(self.tree);
        let mut draft = Draft::over(&mut tree);
        draft.mend(&place)?;
        if !draft.is_unchanged() {
            let change = draft.write(&mut self.batch)?;
            self.fields.top = Some(change.top_at);
            self.way = Some((place, change));
        }
        Ok(())
    }

    /// May this place be filled, behind the way that was made?
    fn is_free(&self, tree: &mut KeyTree, place: &Place) -> Result<bool, Error> {
        if clash(&self.fresh, place) {
            return Ok(false);
        }
        match tree.is_free(place) {
            // Where a node does not open, nothing will be left below it.
            Err(error) if error.is_damage() => match &self.way {
                Some((way, _)) if way == place => Ok(true),
                Some(_) | None => Err(error),
            },
            found => found,
        }
    }

    /// Adds a body under a fresh leaf key of its own. The place must be empty.
    pub fn insert(&mut self, place: Place, body: &[u8]) -> Result<(), Error> {
        let limit = self.limits.body_bytes_max.min(self.batch.body_bytes_max() - SEAL_BYTES);
        if body.len() > limit {
            return Err(Error::BodyTooLarge { bytes: body.len(), limit });
        }
        let mut tree = locked(self.tree);
        if !self.is_free(&mut tree, &place)? {
            return Err(Error::Occupied(place));
        }
        if tree.hidden.iter().any(|target| target.covers(&place)) {
            return Err(Error::BeingErased(place));
        }
        let store = tree.store;
        let key = Secret32::random(self.batch.rng(), &tree.mask);
        drop(tree);
        let (opened, owner, mut tag) = (key.open(), place.owner(), [0; TAG_BYTES]);
        let position = self.batch.body(&owner, body.len() + SEAL_BYTES, |slot, rng| {
            tag = seal_into(&opened, &store, &owner, body, slot, rng);
        })?;
        self.fresh.insert(place, Slot { child: Child::Leaf, key, position, tag });
        Ok(())
    }

    /// Replaces or removes a person's password verifier.
    pub fn verifier(&mut self, person: PersonKey, verifier: Option<&[u8]>) -> Result<(), Error> {
        Ok(self.batch.verifier(person, verifier)?)
    }

    /// The batch's source of randomness.
    pub fn rng(&mut self) -> &mut dyn CryptoRng {
        self.batch.rng()
    }

    /// Writes and syncs everything. `journal_root` is the root over all entries up to this batch's last.
    pub fn commit(mut self, journal_root: [u8; 32]) -> Result<Committed, Error> {
        let fresh: Vec<Leaf> = std::mem::take(&mut self.fresh).into_iter().collect();
        let mut lists = Vec::new();
        let (store, j) = {
            let tree = locked(self.tree);
            (tree.store, tree.top.j.open())
        };
        for leaves in fresh.chunks(LEAVES_MAX) {
            let plain = pending::encode(self.fields.pending, leaves);
            let (owner, mut tag) = (pending_owner(), [0; TAG_BYTES]);
            let position = self.batch.body(&owner, plain.len() + SEAL_BYTES, |slot, rng| {
                tag = seal_into(&j, &store, &owner, &plain, slot, rng);
            })?;
            let list = Top { position, tag };
            self.fields.pending = Some(list);
            lists.push(list);
        }
        self.fields.journal_root = journal_root;
        let committed = self.batch.commit(self.fields)?;
        // Only now can the bodies be found: what is not durable is served to nobody.
        let mut tree = locked(self.tree);
        if let Some((_, change)) = self.way {
            self.cut.extend(tree.apply(change));
        }
        tree.pending.extend(fresh);
        tree.lists.extend(lists);
        Ok(committed)
    }
}
