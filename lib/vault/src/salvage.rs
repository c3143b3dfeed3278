//! A vault over what could be kept of a store whose start refuses (`disk::Salvage`): which tree goes on with the kept entries.
//! Never revives what was erased: no tree but one of the epoch that the cell's root opens is ever used, and a fresh root is
//! made only where nothing reads and the caller has accepted that every body is lost.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use disk::{CommitFields, Device, DeviceKeys, JournalEntries, Log, Reader, StoreId, Top};
use rand_core::CryptoRng;

use crate::compact::Compaction;
use crate::draft::Draft;
use crate::error::Error;
use crate::mirror::Keeper;
use crate::node::{Child, NO_TOP, Node, Slot, TopNode};
use crate::open::{Pending, new_tree, read_pending};
use crate::place::{Area, NodeId, Place, Target};
use crate::root_slot::RootSlot;
use crate::seal;
use crate::secret::{Mask, Secret32};
use crate::tree::KeyTree;
use crate::unlock::UnlockSecret;
use crate::vault::{Limits, Phase, Vault};

/// Trees that are looked through before the most whole one is taken.
const TRIES_MAX: usize = 16;

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

/// A tree that the cell's root opens.
struct Found {
    slot: RootSlot,
    at: Top,
    top: TopNode,
    pending: Pending,
    /// Every leaf's place, of the tree and of the lists behind it.
    places: Vec<Place>,
    unreadable: u64,
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
    tree: Option<Found>,
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
        let fits = |slot: &RootSlot| trees.choose(slot)?.ok_or(Error::NoRoot(kind));
        let (slot, tree) = match keeper.ruling(&store, &mask, fits) {
            Ok((slot, tree)) => (Some(slot), Some(tree)),
            // The highest one, though it opens nothing: it still names the journal.
            Err(Error::NoRoot(_)) => match keeper.ruling(&store, &mask, |_| Ok(())) {
                Ok((slot, ())) => (Some(slot), None),
                Err(Error::NoRoot(_)) => (None, None),
                Err(other) => return Err(other),
            },
            Err(other) => return Err(other),
        };
        let cell = slot.map(|slot| (slot.journal_size, slot.journal_root, slot.epoch));
        Ok(Self { disk, keeper, keys, mask, limits, cell, tree })
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

    /// Whether the password verifiers read.
    pub fn has_verifiers(&self) -> bool {
        self.disk.has_verifiers()
    }

    /// What becomes of the bodies.
    pub fn bodies(&self) -> Bodies {
        match &self.tree {
            None => Bodies::Lost,
            Some(Found { unreadable: 0, .. }) => Bodies::Kept,
            Some(Found { unreadable, .. }) => Bodies::Damaged { nodes: *unreadable },
        }
    }

    /// What the tree holds and no kept entry knows: all of a conversation where `items` does not know it, else the items
    /// from that number on. `items` is asked once for each conversation.
    pub fn orphans(&self, mut items: impl FnMut(u64) -> Option<u64>) -> Vec<Target> {
        let mut known: BTreeMap<u64, Option<u64>> = BTreeMap::new();
        let mut targets = Vec::new();
        for place in self.tree.iter().flat_map(|found| &found.places) {
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
    /// A crash anywhere inside: no start takes the store, and the same does it again.
    pub fn settle(self, fresh: bool, rng: &mut dyn CryptoRng) -> Result<Vault, Error> {
        let root = self.kept().1;
        let Self { disk, mut keeper, keys, mask, limits, cell, tree } = self;
        let bound = disk.kept().next().map(|named| named.fields.clone()).unwrap_or_default();
        let (store, unlock) = (disk.store(), keeper.unlock());
        let Some(Found { slot, at, top, pending: (leaves, lists), .. }) = tree else {
            if !fresh {
                return Err(Error::NoRoot(keeper.kind()));
            }
            let epoch = cell.map_or(bound.epoch, |(.., epoch)| epoch.max(bound.epoch)) + 1;
            let fields = CommitFields { journal_root: root, ..CommitFields::default() };
            let mut log = disk.settle(fields.clone(), rng)?;
            let top = TopNode { epoch, j: Secret32::random(rng, &mask), conversations: None };
            let secret = Secret32::random(rng, &mask);
            let mut tree = new_tree(&log, store, mask, (secret, unlock), top, NO_TOP, limits);
            let mut batch = log.begin(true, rng)?;
            let change = Draft::over(&mut tree).write(&mut batch)?;
            let at = change.top_at;
            // A crash behind this line: a tree that no cell opens. The same is done again, under another root.
            batch.commit(CommitFields { epoch, top: Some(at), ..fields })?;
            tree.apply(change);
            let (size, cells) = (log.entries(), keeper.names());
            let slot = RootSlot {
                store,
                epoch,
                cells,
                journal_size: size,
                journal_root: root,
                root: tree.root.clone(),
                top: at,
            };
            keeper.bring_up(&slot, true, &keys, &tree.mask, rng)?;
            return Ok(whole(log, tree, keeper, limits));
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
        Ok(whole(log, tree, keeper, limits))
    }
}

/// Where a tree is looked for.
struct Trees<'a> {
    disk: &'a disk::Salvage,
    unlock: Option<Arc<UnlockSecret>>,
    mask: &'a Arc<Mask>,
}

impl Trees<'_> {
    /// A tree of the epoch that the cell's root opens: of what the lost batches name, the newest first, then the kept ones,
    /// and the one that the cell itself names. A newer one knows what is given up, so that an epoch can take it: in one
    /// from before, its keys would live on in later versions of the same nodes.
    fn choose(&self, slot: &RootSlot) -> Result<Option<Found>, Error> {
        let of_epoch = |fields: &CommitFields| match fields {
            CommitFields { epoch, top: Some(top), pending, .. } if *epoch == slot.epoch => {
                Some((*top, *pending))
            }
            CommitFields { next_top: Some(top), .. } if *top == slot.top => Some((*top, None)),
            CommitFields { .. } => None,
        };
        let mut kept = self.disk.kept().filter_map(|named| of_epoch(&named.fields));
        let lost = self.disk.lost().filter_map(|named| of_epoch(&named.fields));
        let first: Vec<_> = lost.chain(kept.next()).chain([(slot.top, None)]).chain(kept).collect();
        let mut tried: Vec<(Top, Option<Top>)> = Vec::new();
        let mut best: Option<Found> = None;
        for (at, pending) in first {
            if tried.contains(&(at, pending)) || tried.len() >= TRIES_MAX {
                continue;
            }
            tried.push((at, pending));
            let Some(found) = self.open(slot, at, pending)? else { continue };
            if found.unreadable == 0 {
                return Ok(Some(found));
            }
            if best.as_ref().is_none_or(|best| best.unreadable > found.unreadable) {
                best = Some(found);
            }
        }
        Ok(best)
    }

    fn open(&self, slot: &RootSlot, at: Top, pending: Option<Top>) -> Result<Option<Found>, Error> {
        let (reader, store) = (self.disk.reader(), self.disk.store());
        let top = KeyTree::open_top(&reader, &store, &slot.root, self.unlock.as_deref(), at, self.mask);
        let Some(top) = readable(top)?.filter(|top| top.epoch == slot.epoch) else { return Ok(None) };
        let pending = readable(read_pending(&reader, &store, &top.j, pending, self.mask))?;
        let Some(pending) = pending else { return Ok(None) };
        let mut walk = Walk { reader, store, mask: Arc::clone(self.mask), places: Vec::new(), unreadable: 0 };
        if let Some(conversations) = &top.conversations {
            walk.subtree(Area::Conversations, conversations)?;
        }
        let Walk { mut places, unreadable, .. } = walk;
        places.extend(pending.0.keys());
        Ok(Some(Found { slot: slot.clone(), at, top, pending, places, unreadable }))
    }
}

fn whole(log: Log, tree: KeyTree, keeper: Keeper, limits: Limits) -> Vault {
    let tree = Arc::new(Mutex::new(tree));
    Vault {
        log,
        tree,
        keeper,
        limits,
        phase: Phase::Open,
        compaction: Compaction::default(),
        cut: Vec::new(),
    }
}

/// What does not read is looked for elsewhere; that the device fails is another matter.
fn readable<T>(read: Result<T, Error>) -> Result<Option<T>, Error> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(Error::Damaged { .. } | Error::Disk(disk::Error::Frame { .. } | disk::Error::Io(_))) => Ok(None),
        Err(other) => Err(other),
    }
}

/// Over all of a tree.
struct Walk {
    reader: Reader,
    store: StoreId,
    mask: Arc<Mask>,
    places: Vec<Place>,
    unreadable: u64,
}

impl Walk {
    fn subtree(&mut self, area: Area, top: &Slot) -> Result<(), Error> {
        match top.child {
            Child::Leaf => Ok(()),
            Child::Node(level) => self.node(NodeId { area, level, index: 0 }, top),
        }
    }

    fn read(&self, id: NodeId, slot: &Slot) -> Result<Node, Error> {
        let damaged = Error::Damaged { what: "a node of the tree", offset: slot.position.offset };
        let sealed = self.reader.tree(slot.position)?;
        if seal::tag_of(&sealed) != Some(slot.tag) {
            return Err(damaged);
        }
        let plain = seal::open(&slot.key.open(), &self.store, &id.owner(), &sealed);
        plain.and_then(|plain| Node::decode(&plain, &self.mask).ok()).ok_or(damaged)
    }

    fn node(&mut self, id: NodeId, slot: &Slot) -> Result<(), Error> {
        let Some(node) = readable(self.read(id, slot))? else {
            self.unreadable += 1;
            return Ok(());
        };
        for (digit, child) in &node.slots {
            let number = id.first_number() + u64::from(*digit);
            if id.level > 0 {
                let below = NodeId { level: id.level - 1, index: id.child(*digit), ..id };
                self.node(below, child)?;
                continue;
            }
            match (id.area, child.child) {
                (Area::Conversations, _) => self.subtree(Area::Items { conversation: number }, child)?,
                (Area::Items { conversation }, Child::Leaf) => {
                    self.places.push(Place::item(conversation, number));
                }
                (Area::Items { conversation }, Child::Node(_)) => {
                    // Its chunks go with it; whether they read is counted.
                    self.places.push(Place::item(conversation, number));
                    let from = self.places.len();
                    self.subtree(Area::Chunks { conversation, item: number }, child)?;
                    self.places.truncate(from);
                }
                (Area::Chunks { conversation, item }, _) => {
                    self.places.push(Place::chunk(conversation, item, number));
                }
            }
        }
        Ok(())
    }
}
