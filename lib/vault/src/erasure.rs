//! An erasure epoch, step by step. The caller drives the steps and writes the journal between them; each step
//! consumes the proof of the one before, so that none is left out and "erased" is not said too early.
//!
//! (a) the caller commits the `Erase` statements; (b) to (e) are here; (f) the caller commits `Erased` and only then
//! tells anyone; (g) [`crate::Vault::tend`].

use std::sync::Arc;

use disk::{Claim, CommitFields};
use rand_core::CryptoRng;

use crate::draft::Draft;
use crate::error::Error;
use crate::place::Target;
use crate::root_slot::RootSlot;
use crate::tree::KeyTree;
use crate::vault::{Phase, Vault, locked};

/// (a) is durable; the targets are served to nobody any more.
pub struct Intended(Vec<Target>);

/// (b) is durable: the device holds the next epoch's tree, the cell still names the old root.
pub struct Written(RootSlot, Vec<Target>);

/// (c) is durable: the cell names the new root, and the old one too.
pub struct Replaced(RootSlot, Vec<Target>);

/// (d) is durable: no root exists that opens what was erased.
pub struct Destroyed(u64, Vec<Target>);

impl Vault {
    /// After the caller's (a): from this return on the targets are served to nobody. What is not there is skipped,
    /// so that an intent may be redone.
    ///
    /// A crash here: slot e still rules; the intent is in the journal and is redone.
    pub fn begin_erasure(&mut self, targets: &[Target]) -> Result<Intended, Error> {
        self.check_open()?;
        let mut tree = locked(&self.tree);
        // One that found no room, or no cell, is begun again.
        let new: Vec<Target> =
            targets.iter().filter(|target| !tree.hidden.contains(target)).copied().collect();
        if new.len() + tree.hidden.len() > self.limits.targets_max {
            return Err(Error::TooManyTargets(new.len() + tree.hidden.len()));
        }
        tree.hidden.extend(new);
        Ok(Intended(targets.to_vec()))
    }

    /// Step (b): folds every key under J, takes the targets out, gives every node on their paths, J and the root new
    /// keys, and writes all changed nodes once. The commit record names both tops. Until (c) has been read back,
    /// nothing else is written: a fresh root serves exactly one tree write.
    ///
    /// When there is no room, or a cell is away, nothing is changed: the targets stay hidden, and the erasure is begun again.
    pub fn write_tree(&mut self, intended: Intended, rng: &mut dyn CryptoRng) -> Result<Written, Error> {
        let named = self.journal();
        self.write_tree_naming(named, intended, rng)
    }

    /// The same, by which the cell will name these entries: where several epochs have to be through before a start may take
    /// the store, all but the last one name fewer entries than there are.
    pub fn write_tree_naming(
        &mut self,
        (journal_size, journal_root): (u64, [u8; 32]),
        intended: Intended,
        rng: &mut dyn CryptoRng,
    ) -> Result<Written, Error> {
        self.check_open()?;
        // With a cell away, the old root would live on in it.
        self.keeper.check_whole()?;
        let before = self.base_fields();
        // Readers wait until the new nodes are on the device.
        let mut tree = locked(&self.tree);
        let mut batch = self.log.begin(Claim::Erasing, rng)?;
        let mut draft = Draft::over(&mut tree);
        draft.fold(batch.rng())?;
        intended.0.iter().try_for_each(|target| draft.remove(target))?;
        draft.renew_root(batch.rng())?;
        let change = draft.write(&mut batch)?;
        let next = change.top_at;
        batch.commit(CommitFields { next_top: Some(next), ..before })?;
        // A crash before this line: slot e still rules; the new nodes' keys died with this process; the intent is
        // redone under fresh ones.
        self.cut.extend(tree.apply(change));
        self.phase = Phase::TreeWritten;
        let (store, epoch, root) = (tree.store, tree.top.epoch, tree.root.clone());
        let cells = self.keeper.names();
        let slot = RootSlot { store, epoch, cells, journal_size, journal_root, root, top: next };
        Ok(Written(slot, intended.0))
    }

    /// Step (c), in every cell: slot e+1 is written and read back, and the new top is read from the device and opened with what the
    /// cell gave back. After an error only a restart helps.
    pub fn replace_cell(&mut self, written: Written) -> Result<Replaced, Error> {
        self.phase = Phase::Failed;
        let Written(slot, targets) = written;
        let mask = Arc::clone(&locked(&self.tree).mask);
        let kept = self.keeper.replace(&slot, &mask)?;
        let unlock = self.keeper.unlock();
        KeyTree::open_top(&self.log.reader(), &kept.store, &kept.root, unlock.as_deref(), kept.top, &mask)?;
        // A crash before this line: both slots may be valid, the higher one wins, the start finishes (d).
        self.phase = Phase::Open;
        Ok(Replaced(kept, targets))
    }

    /// Step (d), in every cell: slot e is destroyed and read back. After an error only a restart helps.
    pub fn destroy_old_slot(&mut self, replaced: Replaced) -> Result<Destroyed, Error> {
        self.phase = Phase::Failed;
        let Replaced(slot, targets) = replaced;
        self.keeper.destroy_other(&slot)?;
        // A crash here: nothing is lost; "erased" has not been said to anyone yet.
        self.phase = Phase::Open;
        Ok(Destroyed(slot.epoch, targets))
    }

    /// Step (e), the vault's part: with (b) the whole cache was dropped; here reads are waited for that found their key
    /// before. With the last of them the mask under which the former keys lay is wiped, so that copies left in memory by
    /// moves are lost too. Gives the epoch for the caller's `Erased` (f).
    ///
    /// A crash here: the start finds the erasure done, and the caller journals `Erased` for every `Erase` without one.
    pub fn finish_erasure(&mut self, destroyed: Destroyed) -> u64 {
        let Destroyed(epoch, targets) = destroyed;
        let former_reads = Arc::clone(&locked(&self.tree).former_reads);
        former_reads.wait_for_all();
        locked(&self.tree).hidden.retain(|target| !targets.contains(target));
        epoch
    }
}
