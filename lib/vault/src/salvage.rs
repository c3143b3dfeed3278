//! A vault over what could be kept of a store whose start refuses (`disk::Salvage`): which tree goes on with the kept entries.
//! Never revives what was erased: no tree but one of the epoch that the cell's root opens is ever used, and a fresh root is
//! made only where nothing reads and the caller has accepted that every body is lost.

use std::collections::BTreeMap;
use std::sync::Arc;

use disk::{CommitFields, Device, DeviceKeys, JournalEntries, KeptVerifiers, Log};
use rand_core::CryptoRng;

use crate::cell::CellName;
use crate::error::Error;
use crate::kept_tree::{KeptTree, Trees};
use crate::mirror::Keeper;
use crate::open::{fresh_tree, new_tree};
use crate::place::{Place, Target};
use crate::root_slot::RootSlot;
use crate::secret::Mask;
use crate::tree_walk::Held;
use crate::vault::{Limits, Vault};

/// What becomes of the bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bodies {
    /// The tree is whole.
    Kept,
    /// So many nodes of it do not read: what is below them is lost.
    Damaged {
        /// How many.
        nodes: u64,
    },
    /// Nothing opens them.
    Lost,
}

/// A store as it was found; nothing was written yet.
pub struct Salvage {
    disk: disk::Salvage,
    keeper: Keeper,
    keys: DeviceKeys,
    mask: Arc<Mask>,
    limits: Limits,
    /// Journal size and root that the cell names, and its epoch.
    cell: Option<(u64, [u8; 32], u64)>,
    /// Cells that the ruling slot names and that are away, and what an erasure would say to it.
    absent: (Vec<CellName>, Result<(), Error>),
    tree: Option<KeptTree>,
    /// [`Error::CellBehindStore`]: what the cell holds is an older root than the store has seen.
    stale: Option<Error>,
}

impl Salvage {
    /// Looks at a store and its cells, and writes nothing.
    pub fn find(
        device: Arc<dyn Device>,
        keeper: impl Into<Keeper>,
        limits: Limits,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, Error> {
        let mut keeper = keeper.into();
        let keys = keeper.device_keys()?;
        let disk = Log::salvage(device, &keys)?;
        let (store, mask, kind) = (disk.store(), Mask::new(rng)?, keeper.kind());
        let trees = Trees { disk: &disk, unlock: keeper.unlock(), mask: &mask };
        // A batch of a later epoch proves that the cell was at that epoch: with an older copy of it, what was erased since
        // would live again. Such a root counts as none, and only the device keys beside it serve.
        let store_epoch = disk.newest_epoch();
        let judge = |slot: &RootSlot| match slot.epoch {
            cell_epoch if cell_epoch < store_epoch => Err(Error::CellBehindStore { store_epoch, cell_epoch }),
            _ => Ok(()),
        };
        let fits = |slot: &RootSlot| {
            judge(slot)?;
            trees.choose(slot)?.ok_or(Error::NoRoot(kind))
        };
        let (slot, tree, stale) = match keeper.ruling(&store, &mask, fits) {
            Ok((slot, tree)) => (Some(slot), Some(tree), None),
            // The highest one, though it opens nothing: it still names the journal.
            Err(Error::NoRoot(_)) => match keeper.ruling(&store, &mask, judge) {
                Ok((slot, ())) => (Some(slot), None, None),
                Err(Error::NoRoot(_)) => (None, None, None),
                Err(other) => return Err(other),
            },
            Err(stale @ Error::CellBehindStore { .. }) => (None, None, Some(stale)),
            Err(other) => return Err(other),
        };
        let cell = slot.as_ref().map(|slot| (slot.journal_size, slot.journal_root, slot.epoch));
        let absent = match &slot {
            Some(slot) => keeper.missing_of(slot),
            None => (Vec::new(), keeper.check_here()),
        };
        Ok(Self { disk, keeper, keys, mask, limits, cell, absent, tree, stale })
    }

    /// Why no root may be replaced: [`Error::CellAbsent`]. To be asked before [`Salvage::settle`], behind which there is no
    /// other way than through.
    pub fn check_cells(&self) -> Result<(), &Error> {
        self.absent.1.as_ref().copied()
    }

    /// Names of the cells that the ruling slot names and that are away.
    pub fn missing_cells(&self) -> &[[u8; 8]] {
        &self.absent.0
    }

    /// The cell's root is older than the store ([`Error::CellBehindStore`]): a copy of before, and no body is ever opened by it.
    /// Where all are given up, [`Salvage::settle`] replaces it.
    pub fn stale_cell(&self) -> Option<&Error> {
        self.stale.as_ref()
    }

    /// The kept entries, verified one by one.
    pub fn journal_entries(&self) -> JournalEntries {
        self.disk.journal_entries(0)
    }

    /// How many entries are kept, and the root that was bound to them.
    pub fn kept(&self) -> (u64, [u8; 32]) {
        let root = self.disk.kept().next().map(|named| named.fields.journal_root);
        (self.disk.entries(), root.unwrap_or_default())
    }

    /// The epoch that the newest kept batch was of.
    pub fn kept_epoch(&self) -> u64 {
        self.disk.kept().next().map_or(0, |named| named.fields.epoch)
    }

    /// What the cell names: journal entries, the root over them, and the epoch. `None` where it holds no root.
    pub fn cell_names(&self) -> Option<(u64, [u8; 32], u64)> {
        self.cell
    }

    /// The newest of the lost states that still reads: entries, and the root over them.
    pub fn newest_lost(&self) -> Option<(u64, [u8; 32])> {
        self.disk.lost().next().map(|named| (named.entries, named.fields.journal_root))
    }

    /// Whether the device itself proves that more was acknowledged.
    pub fn is_behind(&self) -> bool {
        self.disk.is_behind()
    }

    /// What becomes of the password verifiers.
    pub fn kept_verifiers(&self) -> KeptVerifiers {
        self.disk.kept_verifiers()
    }

    /// What becomes of the bodies.
    pub fn bodies(&self) -> Bodies {
        match &self.tree {
            None => Bodies::Lost,
            Some(KeptTree { unreadable: 0, .. }) => Bodies::Kept,
            Some(KeptTree { unreadable, .. }) => Bodies::Damaged { nodes: *unreadable },
        }
    }

    /// A place below each node of the tree that does not read: [`Vault::mend`] cuts these nodes off.
    pub fn damaged(&self) -> &[Place] {
        self.tree.as_ref().map_or(&[], |found| &found.damaged)
    }

    /// Items that the tree has keys of, whole or in part.
    pub fn items(&self) -> impl Iterator<Item = Held> + '_ {
        let all = self.tree.iter().flat_map(|found| &found.held);
        all.map(|held| Held { place: Place { chunk: None, ..held.place }, ..*held })
    }

    /// What the tree holds and no kept entry knows: all of a conversation where `items` does not know it, else the items
    /// from that number on. `items` is asked once for each conversation.
    pub fn orphans(&self, mut items: impl FnMut(u64) -> Option<u64>) -> Vec<Target> {
        let mut known: BTreeMap<u64, Option<u64>> = BTreeMap::new();
        let mut targets = Vec::new();
        for Held { place, .. } in self.tree.iter().flat_map(|found| &found.held) {
            let kept = *known.entry(place.conversation).or_insert_with(|| items(place.conversation));
            match kept {
                None => targets.push(Target::Conversation(place.conversation)),
                Some(first) if place.item >= first => {
                    targets.push(Target::Place(Place { chunk: None, ..*place }));
                }
                Some(_) => {}
            }
        }
        targets.sort_unstable();
        targets.dedup();
        targets
    }

    /// Gives up what is behind the kept batches and opens the vault that goes on with them. Where no tree opens, `fresh` says
    /// that every body may be lost: a tree without one is made under a fresh root.
    ///
    /// A crash anywhere inside, and behind it until [`Vault::begin_behind_mark`]: no start takes the store, and the same does it again.
    pub fn settle(self, fresh: bool, rng: &mut dyn CryptoRng) -> Result<Vault, Error> {
        let root = self.kept().1;
        let Self { disk, mut keeper, keys, mask, limits, cell, tree, absent: _, stale } = self;
        let (store, unlock) = (disk.store(), keeper.unlock());
        let Some(KeptTree { slot, at, top, pending: (leaves, lists), .. }) = tree else {
            if !fresh {
                return Err(stale.unwrap_or(Error::NoRoot(keeper.kind())));
            }
            let epoch = cell.map_or(0, |(.., epoch)| epoch).max(disk.newest_epoch()) + 1;
            let fields = CommitFields { journal_root: root, ..CommitFields::default() };
            let mut log = disk.settle(fields.clone(), rng)?;
            // A crash behind this line: a tree that no cell opens, of an epoch that never was. The same is done again, under
            // another root.
            let fields = |top| CommitFields { epoch: epoch - 1, next_top: Some(top), ..fields };
            let tree = fresh_tree(&mut log, mask, unlock, epoch, fields, limits, rng)?;
            let (size, cells) = (log.entries(), keeper.names());
            let slot = RootSlot {
                store,
                epoch,
                cells,
                journal_size: size,
                journal_root: root,
                root: tree.root.clone(),
                top: tree.top_at,
            };
            keeper.bring_up(&slot, true, &keys, &tree.mask, rng)?;
            return Ok(Vault::over(log, tree, keeper, limits));
        };
        let fields = CommitFields {
            epoch: slot.epoch,
            top: Some(at),
            next_top: None,
            pending: lists.last().copied(),
            snapshots: [None; 2],
            journal_root: root,
        };
        let log = disk.settle(fields, rng)?;
        // The last life may have died anywhere, inside (d) too.
        keeper.bring_up(&slot, true, &keys, &mask, rng)?;
        let mut tree = new_tree(&log, store, mask, (slot.root.clone(), unlock), top, at, limits);
        (tree.pending, tree.lists) = (leaves, lists);
        Ok(Vault::over(log, tree, keeper, limits))
    }
}
