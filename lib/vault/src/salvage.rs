//! A vault over what could be kept of a store whose start refuses (`disk::Salvage`): which tree goes on with the kept entries.
//! Never revives what was erased: no tree but one of the epoch that the cell's root opens is ever used, and a fresh root is
//! made only where nothing reads and the caller has accepted that every body is lost.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use disk::{CommitFields, Device, DeviceKeys, JournalEntries, KeptVerifiers, Log, Reader, StoreId, Top};
use rand_core::CryptoRng;

use crate::cell::CellName;
use crate::compact::Compaction;
use crate::draft::Draft;
use crate::error::Error;
use crate::mirror::Keeper;
use crate::node::{Child, NO_TOP, Node, Slot, TopNode};
use crate::open::{Pending, new_tree, read_pending_until};
use crate::place::{Area, NodeId, Place, Target};
use crate::root_slot::RootSlot;
use crate::seal;
use crate::secret::{Mask, Secret32};
use crate::tree::KeyTree;
use crate::unlock::UnlockSecret;
use crate::vault::{Limits, Phase, Vault};

/// Trees that are looked through on either side, of lost batches and of kept ones, before the most whole one is taken.
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
    /// Every leaf, of the tree and of the lists behind it.
    held: Vec<Held>,
    unreadable: u64,
}

/// An item that the tree has keys of, and of how many bodies: its chunks are held together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Where.
    pub place: Place,
    /// Bodies that have a key; of one item there may be several of these.
    pub bodies: u32,
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
    tree: Option<Found>,
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
            Some(Found { unreadable: 0, .. }) => Bodies::Kept,
            Some(Found { unreadable, .. }) => Bodies::Damaged { nodes: *unreadable },
        }
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
    /// A crash anywhere inside, and behind it until [`Vault::leave_mark`]: no start takes the store, and the same does it again.
    pub fn settle(self, fresh: bool, rng: &mut dyn CryptoRng) -> Result<Vault, Error> {
        let root = self.kept().1;
        let Self { disk, mut keeper, keys, mask, limits, cell, tree, absent: _, stale } = self;
        let (store, unlock) = (disk.store(), keeper.unlock());
        let Some(Found { slot, at, top, pending: (leaves, lists), .. }) = tree else {
            if !fresh {
                return Err(stale.unwrap_or(Error::NoRoot(keeper.kind())));
            }
            let epoch = cell.map_or(0, |(.., epoch)| epoch).max(disk.newest_epoch()) + 1;
            let fields = CommitFields { journal_root: root, ..CommitFields::default() };
            let mut log = disk.settle(fields.clone(), rng)?;
            let top = TopNode { epoch, j: Secret32::random(rng, &mask), conversations: None };
            let secret = Secret32::random(rng, &mask);
            let mut tree = new_tree(&log, store, mask, (secret, unlock), top, NO_TOP, limits);
            let mut batch = log.begin(true, rng)?;
            let change = Draft::over(&mut tree).write(&mut batch)?;
            let at = change.top_at;
            // A crash behind this line: a tree that no cell opens, of an epoch that never was. The same is done again, under
            // another root.
            batch.commit(CommitFields { epoch: epoch - 1, next_top: Some(at), ..fields })?;
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
    /// from before, its keys would live on in later versions of the same nodes. One that is older than the newest kept state
    /// may be whole and lack what was said since: it is taken only where it knows more than what else opens.
    fn choose(&self, slot: &RootSlot) -> Result<Option<Found>, Error> {
        let of_epoch = |fields: &CommitFields| match fields {
            CommitFields { epoch, top: Some(top), pending, .. } if *epoch == slot.epoch => {
                Some((*top, *pending))
            }
            CommitFields { next_top: Some(top), .. } if *top == slot.top => Some((*top, None)),
            CommitFields { .. } => None,
        };
        let mut walked = Walked { trees: Vec::new(), left: TRIES_MAX };
        let (mut sound, mut partial) = (None, None);
        let lost = self.disk.lost().filter_map(|named| of_epoch(&named.fields));
        for (at, pending) in lost {
            let Some(tried) = self.attempt(&mut walked, slot, at, pending)? else { continue };
            if tried.is_whole() {
                return Ok(Some(walked.into_found(slot, tried)));
            }
            let better = if tried.ended { &mut partial } else { &mut sound };
            tried.replace_if(better, |best| tried.unreadable < best.unreadable);
        }
        // A budget of their own: however many lost ones fail, what was kept is looked at.
        walked.left = TRIES_MAX;
        let mut most = None;
        let kept = self.disk.kept().filter_map(|named| of_epoch(&named.fields));
        for (number, (at, pending)) in kept.chain([(slot.top, None)]).enumerate() {
            let Some(tried) = self.attempt(&mut walked, slot, at, pending)? else { continue };
            if number == 0 && tried.is_whole() {
                return Ok(Some(walked.into_found(slot, tried)));
            }
            if number == 0 && !tried.ended {
                tried.replace_if(&mut sound, |best| tried.unreadable < best.unreadable);
            }
            tried.replace_if(&mut most, |best| tried.places > best.places);
        }
        let best = match (sound, most) {
            (Some(sound), Some(most)) if most.places > sound.places => Some(most),
            (Some(sound), _) => Some(sound),
            (None, most) => most.or(partial),
        };
        Ok(best.map(|best| walked.into_found(slot, best)))
    }

    /// A tree with the lists behind it, as far as they read.
    fn attempt(
        &self,
        walked: &mut Walked,
        slot: &RootSlot,
        at: Top,
        pending: Option<Top>,
    ) -> Result<Option<Tried>, Error> {
        let Some((tree, found)) = walked.find(at, || self.walk(slot, at))? else { return Ok(None) };
        let (reader, store) = (self.disk.reader(), self.disk.store());
        let (pending, ended) = read_pending_until(&reader, &store, &found.top.j, pending, self.mask);
        let ended = match ended {
            Some(error) => readable::<()>(Err(error))?.is_none(),
            None => false,
        };
        let places = found.held.len() + pending.0.len();
        Ok(Some(Tried { tree, pending, ended, unreadable: found.unreadable + u64::from(ended), places }))
    }

    fn walk(&self, slot: &RootSlot, at: Top) -> Result<Option<Whole>, Error> {
        let (reader, store) = (self.disk.reader(), self.disk.store());
        let top = KeyTree::open_top(&reader, &store, &slot.root, self.unlock.as_deref(), at, self.mask);
        let Some(top) = readable(top)?.filter(|top| top.epoch == slot.epoch) else { return Ok(None) };
        let mut walk = Walk { reader, store, mask: Arc::clone(self.mask), held: Vec::new(), unreadable: 0 };
        if let Some(conversations) = &top.conversations {
            walk.subtree(Area::Conversations, conversations)?;
        }
        Ok(Some(Whole { top, held: walk.held, unreadable: walk.unreadable }))
    }
}

/// All of one tree, but for the lists behind it.
struct Whole {
    top: TopNode,
    held: Vec<Held>,
    unreadable: u64,
}

/// Trees that were walked: many states name the same one.
struct Walked {
    trees: Vec<(Top, Option<Whole>)>,
    /// So many more may be walked.
    left: usize,
}

impl Walked {
    fn find(
        &mut self,
        at: Top,
        walk: impl FnOnce() -> Result<Option<Whole>, Error>,
    ) -> Result<Option<(usize, &Whole)>, Error> {
        let known = self.trees.iter().position(|(top, _)| *top == at);
        let number = match known {
            Some(number) => number,
            None if self.left == 0 => return Ok(None),
            None => {
                self.left -= 1;
                self.trees.push((at, walk()?));
                self.trees.len() - 1
            }
        };
        Ok(self.trees[number].1.as_ref().map(|whole| (number, whole)))
    }

    fn into_found(mut self, slot: &RootSlot, tried: Tried) -> Found {
        let (at, whole) = self.trees.swap_remove(tried.tree);
        let Whole { top, mut held, .. } = whole.expect("only what was walked is tried");
        held.extend(tried.pending.0.keys().map(|place| Held { place: *place, bodies: 1 }));
        let Tried { pending, unreadable, .. } = tried;
        Found { slot: slot.clone(), at, top, pending, held, unreadable }
    }
}

/// A tree and lists that may be taken.
#[derive(Clone)]
struct Tried {
    tree: usize,
    pending: Pending,
    /// A list did not read: what stood in it and in those before it is lost.
    ended: bool,
    unreadable: u64,
    places: usize,
}

impl Tried {
    fn is_whole(&self) -> bool {
        self.unreadable == 0
    }

    fn replace_if(&self, best: &mut Option<Self>, is_better: impl FnOnce(&Self) -> bool) {
        if best.as_ref().is_none_or(is_better) {
            *best = Some(self.clone());
        }
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
    held: Vec<Held>,
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
                    self.held.push(Held { place: Place::item(conversation, number), bodies: 1 });
                }
                (Area::Items { conversation }, Child::Node(_)) => {
                    // Its chunks go with it, and are counted as far as they read.
                    let from = self.held.len();
                    self.held.push(Held { place: Place::item(conversation, number), bodies: 0 });
                    self.subtree(Area::Chunks { conversation, item: number }, child)?;
                    self.held[from].bodies = (self.held.len() - from - 1) as u32;
                    self.held.truncate(from + 1);
                }
                (Area::Chunks { conversation, item }, _) => {
                    self.held.push(Held { place: Place::chunk(conversation, item, number), bodies: 1 });
                }
            }
        }
        Ok(())
    }
}
