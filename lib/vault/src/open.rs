//! Makes a vault, and opens one: which root rules is decided by the cell, what happened last by the log.
//! Never makes a fresh root over an existing store.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use disk::{
    Claim, CommitFields, Device, DeviceKeys, FoundLog, Geometry, Log, Reader, Recovered, StoreId, Top,
};
use rand_core::CryptoRng;

use crate::census;
use crate::draft::Draft;
use crate::error::Error;
use crate::mirror::Keeper;
use crate::node::{NO_TOP, Slot, TopNode};
use crate::pending::{PendingList, pending_owner};
use crate::place::Place;
use crate::root_slot::RootSlot;
use crate::sabotage::Sabotage;
use crate::seal;
use crate::secret::{Mask, Opened32, Secret32};
use crate::tree::KeyTree;
use crate::unlock::UnlockSecret;
use crate::vault::{Limits, Phase, Vault};
use crate::victim::Compaction;

/// Where the last life's erasure stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupted {
    /// After (b), before (c): its tree write is void; every `Erase` without `Erased` must be redone.
    BeforeCell,
    /// After (c): the start has finished (d); `Erased` is still to be journaled.
    AfterCell,
}

/// What a start found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// What the log found.
    pub recovered: Recovered,
    /// Set when the log ends inside an erasure. Whatever it says, the caller hands every `Erase` without `Erased` to
    /// [`Vault::begin_erasure`] before it serves anyone: only the journal knows the intents.
    pub interrupted: Option<Interrupted>,
    /// Journal size and root that the cell names: the journal must contain them.
    pub cell_names: (u64, [u8; 32]),
    /// A cell has joined the mirror. The cells name each other, so that each is missed from now on.
    pub cell_joined: bool,
}

/// Pending leaves and the lists they came from.
pub(crate) type Pending = (BTreeMap<Place, Slot>, Vec<Top>);

impl Vault {
    /// Makes an empty store on a device, and its root in blank cells.
    pub fn create(
        device: Arc<dyn Device>,
        keeper: impl Into<Keeper>,
        geometry: Geometry,
        limits: Limits,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, Error> {
        let mut keeper = keeper.into();
        let keys = DeviceKeys::random(rng)?;
        keeper.found(&keys, rng)?;
        let store = Log::format(&*device, &keys, geometry, rng)?;
        let (mut log, _) = Log::open(device, &keys)?;
        let fields = |top| CommitFields { top: Some(top), ..CommitFields::default() };
        let tree = fresh_tree(&mut log, Mask::new(rng)?, keeper.unlock(), 0, fields, limits, rng)?;
        // A crash before the next line: a store without a root, and nothing in it; it is made again.
        let slot = RootSlot {
            store,
            epoch: 0,
            cells: keeper.names(),
            journal_size: 0,
            journal_root: [0; 32],
            root: tree.root.clone(),
            top: tree.top_at,
        };
        keeper.replace(&slot, &tree.mask)?;
        Ok(Self::over(log, tree, keeper, limits))
    }

    pub(crate) fn over(log: Log, tree: KeyTree, keeper: Keeper, limits: Limits) -> Self {
        let tree = Arc::new(Mutex::new(tree));
        let (phase, compaction, cut) = (Phase::Open, Compaction::default(), Vec::new());
        Self { log, tree, keeper, limits, phase, compaction, cut }
    }

    /// Opens an existing store with the root that its cells keep. Randomness is for memory, where keys lie masked, and for
    /// the name of a cell that joins.
    pub fn open(
        device: Arc<dyn Device>,
        keeper: impl Into<Keeper>,
        limits: Limits,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Self, Opened), Error> {
        let mut keeper = keeper.into();
        let Fitting { found, keys, mask, slot, interrupted, top, at, pending: (pending, lists) } =
            Fitting::find(device, &mut keeper, rng)?;
        let (store, unlock) = (found.store(), keeper.unlock());
        // All fits: only now is anything written. A log that its cell does not take stays as it is, for a second look.
        let (log, recovered) = found.settle()?;
        // Steps (c) and (d) of a life that ended before them, or a torn slot that is of no use.
        let died_in_destroying = interrupted == Some(Interrupted::AfterCell);
        let cell_joined = keeper.bring_up(&slot, died_in_destroying, &keys, &mask, rng)?;
        let mut tree = new_tree(&log, store, mask, (slot.root.clone(), unlock), top, at, limits);
        (tree.pending, tree.lists) = (pending, lists);
        let opened = Opened {
            recovered,
            interrupted,
            cell_names: (slot.journal_size, slot.journal_root),
            cell_joined,
        };
        Ok((Self::over(log, tree, keeper, limits), opened))
    }
}

/// A log that its cells take for theirs, with everything read that a start needs. Nothing of it is written yet.
pub(crate) struct Fitting {
    pub(crate) found: FoundLog,
    pub(crate) keys: DeviceKeys,
    mask: Arc<Mask>,
    slot: RootSlot,
    interrupted: Option<Interrupted>,
    top: TopNode,
    at: Top,
    pending: Pending,
}

impl Fitting {
    pub(crate) fn find(
        device: Arc<dyn Device>,
        keeper: &mut Keeper,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, Error> {
        let keys = keeper.device_keys()?;
        let found = Log::find(device, &keys)?;
        let (store, reader) = (found.store(), found.reader());
        let mask = Mask::new(rng)?;
        let (slot, interrupted) = keeper.ruling(&store, &mask, |slot| judge(slot, found.recovered()))?;
        let fields = &found.recovered().fields;
        let (at, pending_at) = match interrupted {
            Some(Interrupted::AfterCell) => (slot.top, None), // (b) folded everything into the tree that now rules.
            Some(Interrupted::BeforeCell) | None => (fields.top.unwrap_or(NO_TOP), fields.pending),
        };
        let unlock = keeper.unlock();
        let top = KeyTree::open_top(&reader, &store, &slot.root, unlock.as_deref(), at, &mask)?;
        if top.epoch != slot.epoch {
            return Err(Error::Damaged { what: "the top of the tree", offset: at.position.offset });
        }
        let pending = read_pending(&reader, &store, &top.j, pending_at, &mask)?;
        Ok(Self { found, keys, mask, slot, interrupted, top, at, pending })
    }
}

/// Do the cell's slot and the log's last commit record fit, and where did the last life stop?
fn judge(slot: &RootSlot, recovered: &Recovered) -> Result<Option<Interrupted>, Error> {
    let fields = &recovered.fields;
    let (store_epoch, cell_epoch) = (fields.epoch, slot.epoch);
    let behind = Error::StoreBehindCell {
        store_epoch,
        entries: recovered.entries,
        cell_epoch,
        named: slot.journal_size,
    };
    if slot.journal_size > recovered.entries {
        return Err(behind);
    }
    if cell_epoch == store_epoch {
        return Ok(fields.next_top.map(|_| Interrupted::BeforeCell));
    }
    if cell_epoch < store_epoch {
        return Err(Error::CellBehindStore { store_epoch, cell_epoch });
    }
    if cell_epoch == store_epoch + 1 && fields.next_top == Some(slot.top) {
        return Ok(Some(Interrupted::AfterCell));
    }
    Err(behind)
}

/// A tree without a leaf, under a fresh root, in a batch of its own. `fields`: what its commit record binds, given the top.
pub(crate) fn fresh_tree(
    log: &mut Log,
    mask: Arc<Mask>,
    unlock: Option<Arc<UnlockSecret>>,
    epoch: u64,
    fields: impl FnOnce(Top) -> CommitFields,
    limits: Limits,
    rng: &mut dyn CryptoRng,
) -> Result<KeyTree, Error> {
    let top = TopNode { epoch, j: Secret32::random(rng, &mask), conversations: None };
    let root = Secret32::random(rng, &mask);
    let mut tree = new_tree(log, log.store(), mask, (root, unlock), top, NO_TOP, limits);
    let mut batch = log.begin(Claim::Erasing, rng)?;
    let change = Draft::over(&mut tree).write(&mut batch)?;
    batch.commit(fields(change.top_at))?;
    tree.apply(change);
    Ok(tree)
}

pub(crate) fn new_tree(
    log: &Log,
    store: StoreId,
    mask: Arc<Mask>,
    (root, unlock): (Secret32, Option<Arc<UnlockSecret>>),
    top: TopNode,
    top_at: Top,
    limits: Limits,
) -> KeyTree {
    KeyTree {
        store,
        reader: log.reader(),
        mask,
        root,
        unlock,
        top,
        top_at,
        nodes: BTreeMap::new(),
        pending: BTreeMap::new(),
        lists: Vec::new(),
        hidden: Vec::new(),
        reads: Arc::default(),
        former_reads: Arc::default(),
        limits,
        clock: 0,
        census: census::of_log(log),
        sabotage: Sabotage::default(),
    }
}

/// Walks back over the pending lists. It ends: a list holds the tag of the one before it, so none leads back to itself.
pub(crate) fn read_pending(
    reader: &Reader,
    store: &StoreId,
    j: &Secret32,
    newest: Option<Top>,
    mask: &Arc<Mask>,
) -> Result<Pending, Error> {
    match read_pending_until(reader, store, j, newest, mask) {
        (pending, None) => Ok(pending),
        (_, Some(error)) => Err(error),
    }
}

/// The same as far as it comes: what was read, and why it ended before the first list.
pub(crate) fn read_pending_until(
    reader: &Reader,
    store: &StoreId,
    j: &Secret32,
    newest: Option<Top>,
    mask: &Arc<Mask>,
) -> (Pending, Option<Error>) {
    let (mut leaves, mut lists) = (BTreeMap::new(), Vec::new());
    let j = j.open();
    let mut next = newest;
    let mut ended = None;
    while let Some(at) = next {
        match read_list(reader, store, &j, at, mask) {
            Ok(list) => {
                leaves.extend(list.leaves);
                lists.push(at);
                next = list.previous;
            }
            Err(error) => {
                ended = Some(error);
                break;
            }
        }
    }
    lists.reverse();
    ((leaves, lists), ended)
}

fn read_list(
    reader: &Reader,
    store: &StoreId,
    j: &Opened32,
    at: Top,
    mask: &Arc<Mask>,
) -> Result<PendingList, Error> {
    let damaged = Error::Damaged { what: "a list of leaf keys", offset: at.position.offset };
    let sealed = reader.body(at.position)?;
    if seal::tag_of(&sealed) != Some(at.tag) {
        return Err(damaged);
    }
    let plain = seal::open(j, store, &pending_owner(), &sealed);
    plain.and_then(|plain| PendingList::decode(&plain, mask).ok()).ok_or(damaged)
}
