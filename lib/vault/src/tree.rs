//! The key tree in memory: a bounded cache of opened nodes over the device, and the leaves not yet folded in.
//! Never syncs and never talks to the cell: it only says which frames a tree write consists of.

use std::collections::BTreeMap;
use std::sync::Arc;

use disk::{Position, Reader, StoreId, Top};
use rand_core::CryptoRng;

use crate::census::Census;
use crate::error::Error;
use crate::node::{Child, Node, Slot, TopNode};
use crate::place::{Area, FrameKind, NodeId, Place, Target, covers, digit, owner};
use crate::root_slot::top_key;
use crate::sabotage::Sabotage;
use crate::seal;
use crate::secret::{Mask, Secret32};
use crate::unlock::UnlockSecret;
use crate::vault::Limits;

/// Tree, cache and pending leaves.
pub(crate) struct KeyTree {
    pub(crate) store: StoreId,
    pub(crate) reader: Reader,
    /// Under which every key here lies masked.
    pub(crate) mask: Arc<Mask>,
    pub(crate) root: Secret32,
    /// Mixed into the root wherever the top node is sealed or opened.
    pub(crate) unlock: Option<Arc<UnlockSecret>>,
    pub(crate) top: TopNode,
    pub(crate) top_at: Top,
    pub(crate) nodes: BTreeMap<NodeId, Node>,
    pub(crate) pending: BTreeMap<Place, Slot>,
    /// The pending lists on the device, oldest first.
    pub(crate) lists: Vec<Top>,
    /// Served to nobody: an erasure of these has begun.
    pub(crate) hidden: Vec<Target>,
    pub(crate) limits: Limits,
    pub(crate) clock: u64,
    /// A change of many nodes failed half-way.
    pub(crate) poisoned: bool,
    /// What is alive in each extent, as far as is known.
    pub(crate) census: Census,
    pub(crate) sabotage: Sabotage,
}

impl KeyTree {
    /// Reads and opens the top node.
    pub(crate) fn open_top(
        reader: &Reader,
        store: &StoreId,
        root: &Secret32,
        unlock: Option<&UnlockSecret>,
        at: Top,
        mask: &Arc<Mask>,
    ) -> Result<TopNode, Error> {
        let damaged = Error::Damaged { what: "the top of the tree", offset: at.position.offset };
        let sealed = reader.tree(at.position)?;
        if seal::tag_of(&sealed) != Some(at.tag) {
            return Err(damaged);
        }
        let plain = seal::open(&top_key(&root.open(), unlock, store), store, &top_owner(), &sealed);
        plain.and_then(|plain| TopNode::decode(&plain, mask).ok()).ok_or(damaged)
    }

    /// The leaf of a body, or what an item's slot leads to.
    pub(crate) fn lookup(&mut self, place: &Place) -> Result<Option<Slot>, Error> {
        if self.poisoned {
            return Err(Error::Poisoned);
        }
        if let Some(slot) = self.pending.get(place) {
            return Ok(Some(slot.clone()));
        }
        self.folded(place)
    }

    /// The slot in the tree itself.
    fn folded(&mut self, place: &Place) -> Result<Option<Slot>, Error> {
        let Some(conversation) = self.conversation(place.conversation)? else { return Ok(None) };
        let area = Area::Items { conversation: place.conversation };
        let Some(item) = self.find(area, conversation, place.item)? else { return Ok(None) };
        match (place.chunk, item.child) {
            (None, Child::Leaf | Child::Node(_)) => Ok(Some(item)),
            (Some(_), Child::Leaf) => Ok(None),
            (Some(chunk), Child::Node(_)) => {
                let area = Area::Chunks { conversation: place.conversation, item: place.item };
                self.find(area, item, chunk)
            }
        }
    }

    fn conversation(&mut self, conversation: u64) -> Result<Option<Slot>, Error> {
        let Some(top) = self.top.conversations.clone() else { return Ok(None) };
        self.find(Area::Conversations, top, conversation)
    }

    /// May this place be filled? An item is either one body or chunks.
    pub(crate) fn is_free(&mut self, place: &Place) -> Result<bool, Error> {
        if self.poisoned {
            return Err(Error::Poisoned);
        }
        if clash(&self.pending, place) {
            return Ok(false);
        }
        let whole = Place { chunk: None, ..*place };
        match (self.folded(&whole)?.map(|slot| slot.child), place.chunk) {
            (None, _) => Ok(true),
            (Some(Child::Leaf), _) | (Some(Child::Node(_)), None) => Ok(false),
            (Some(Child::Node(_)), Some(_)) => Ok(self.folded(place)?.is_none()),
        }
    }

    /// Follows a subtree from the slot of its top to the slot of `number`.
    fn find(&mut self, area: Area, top: Slot, number: u64) -> Result<Option<Slot>, Error> {
        let Child::Node(mut level) = top.child else { return Ok(None) };
        if !covers(level, number) {
            return Ok(None);
        }
        let mut slot = top;
        loop {
            let node = self.load(NodeId::towards(area, level, number), &slot)?;
            let Some(child) = node.slots.get(&digit(level, number)) else { return Ok(None) };
            slot = child.clone();
            if level == 0 {
                return Ok(Some(slot));
            }
            level -= 1;
        }
    }

    /// The node from the cache, or read, checked against its slot, and opened.
    pub(crate) fn load(&mut self, id: NodeId, slot: &Slot) -> Result<&mut Node, Error> {
        self.clock += 1;
        if !self.nodes.contains_key(&id) {
            self.make_room();
            let node = self.read_node(id, slot)?;
            self.nodes.insert(id, node);
        }
        let node = self.nodes.get_mut(&id).expect("it was found or inserted above");
        node.used = self.clock;
        Ok(node)
    }

    /// The node as it lies on the device.
    pub(crate) fn read_node(&self, id: NodeId, slot: &Slot) -> Result<Node, Error> {
        let damaged = Error::Damaged { what: "a node of the tree", offset: slot.position.offset };
        let sealed = self.reader.tree(slot.position)?;
        if seal::tag_of(&sealed) != Some(slot.tag) {
            return Err(damaged);
        }
        let plain = seal::open(&slot.key.open(), &self.store, &id.owner(), &sealed);
        plain.and_then(|plain| Node::decode(&plain, &self.mask).ok()).ok_or(damaged)
    }

    /// Forgets clean nodes that were not used lately; what changed stays until it is written.
    fn make_room(&mut self) {
        if self.nodes.len() >= self.limits.nodes_cached {
            let oldest = self.clock.saturating_sub(self.limits.nodes_cached as u64 / 2);
            self.nodes.retain(|_, node| node.dirty || node.used > oldest);
        }
    }

    /// Makes the path to `number` writable, growing the subtree where needed. Gives the slot of its (new) top.
    fn grow(
        &mut self,
        area: Area,
        top: Option<Slot>,
        number: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<Slot, Error> {
        let mask = Arc::clone(&self.mask);
        let mut slot = match top {
            Some(slot) => slot,
            None => {
                let level = (0..=crate::place::LEVEL_MAX).find(|level| covers(*level, number));
                let level = level.expect("the highest level covers every number");
                self.nodes.insert(NodeId { area, level, index: 0 }, Node::new(level));
                Slot::unwritten(level, Secret32::random(rng, &mask))
            }
        };
        let Child::Node(mut level) = slot.child else {
            return Err(Error::Damaged {
                what: "a leaf where a subtree should be",
                offset: slot.position.offset,
            });
        };
        while !covers(level, number) {
            level += 1;
            let mut above = Node::new(level);
            above.slots.insert(0, slot); // The slot of the old top keeps its key, as the first child of the new one.
            self.nodes.insert(NodeId { area, level, index: 0 }, above);
            slot = Slot::unwritten(level, Secret32::random(rng, &mask));
        }
        let new_top = slot.clone();
        loop {
            let node = self.load(NodeId::towards(area, level, number), &slot)?;
            node.dirty = true;
            if level == 0 {
                return Ok(new_top);
            }
            let digit = digit(level, number);
            level -= 1;
            slot = match node.slots.get(&digit) {
                Some(child) => child.clone(),
                None => {
                    let child = Slot::unwritten(level, Secret32::random(rng, &mask));
                    node.slots.insert(digit, child.clone());
                    self.nodes.insert(NodeId::towards(area, level, number), Node::new(level));
                    child
                }
            };
        }
    }

    fn leaf_node(&mut self, area: Area, number: u64) -> &mut Node {
        let id = NodeId::towards(area, 0, number);
        self.nodes.get_mut(&id).expect("changed nodes stay in the cache until they are written")
    }

    /// Puts one leaf into the tree, in memory.
    fn put(&mut self, place: Place, leaf: Slot, rng: &mut dyn CryptoRng) -> Result<(), Error> {
        let Place { conversation, item, chunk } = place;
        self.census.born(place.mark(), leaf.position);
        let top = self.top.conversations.clone();
        self.top.conversations = Some(self.grow(Area::Conversations, top, conversation, rng)?);
        let found =
            self.leaf_node(Area::Conversations, conversation).slots.get(&digit(0, conversation)).cloned();
        let items = Area::Items { conversation };
        let slot = self.grow(items, found, item, rng)?;
        self.leaf_node(Area::Conversations, conversation).slots.insert(digit(0, conversation), slot);
        let Some(chunk) = chunk else {
            self.leaf_node(items, item).slots.insert(digit(0, item), leaf);
            return Ok(());
        };
        let found = self.leaf_node(items, item).slots.get(&digit(0, item)).cloned();
        let chunks = Area::Chunks { conversation, item };
        let slot = self.grow(chunks, found, chunk, rng)?;
        self.leaf_node(items, item).slots.insert(digit(0, item), slot);
        self.leaf_node(chunks, chunk).slots.insert(digit(0, chunk), leaf);
        Ok(())
    }

    /// Moves every pending leaf into the tree, in memory. The lists on the device stay valid until the write counts.
    pub(crate) fn fold(&mut self, rng: &mut dyn CryptoRng) -> Result<(), Error> {
        self.poisoned = true; // Until all of it has happened: a half-folded tree must answer nothing.
        for (place, slot) in std::mem::take(&mut self.pending) {
            self.put(place, slot, rng)?;
        }
        self.lists.clear();
        self.poisoned = false;
        Ok(())
    }

    /// Marks the path to `number` as changed and to be given new keys; `false`, and nothing is marked, when it does not
    /// lead there: what is gone already costs no write.
    fn condemn(&mut self, area: Area, top: &Slot, number: u64) -> Result<bool, Error> {
        let Child::Node(level) = top.child else { return Ok(false) };
        if !covers(level, number) {
            return Ok(false);
        }
        let mut path = vec![top.clone()];
        for level in (0..=level).rev() {
            let slot = path.last().expect("it begins with the top");
            let node = self.load(NodeId::towards(area, level, number), slot)?;
            let Some(child) = node.slots.get(&digit(level, number)) else { return Ok(false) };
            path.push(child.clone());
        }
        for (level, slot) in (0..=level).rev().zip(&path) {
            let node = self.load(NodeId::towards(area, level, number), slot)?;
            (node.dirty, node.rotate) = (true, true);
        }
        Ok(true)
    }

    /// Takes a target out of the tree, in memory. What lies below it is not read: its only way in was this slot.
    pub(crate) fn remove(&mut self, target: &Target) -> Result<(), Error> {
        debug_assert!(self.pending.is_empty(), "an erasure folds before it removes");
        let (conversation, place) = match target {
            Target::Conversation(conversation) => (*conversation, None),
            Target::Place(place) => (place.conversation, Some(place)),
        };
        // Gone already: what leads there stays as it is.
        if let Some(place) = place
            && self.folded(place)?.is_none()
        {
            return Ok(());
        }
        let Some(top) = self.top.conversations.clone() else { return Ok(()) };
        if !self.condemn(Area::Conversations, &top, conversation)? {
            return Ok(());
        }
        let numbered = digit(0, conversation);
        let Some(place) = place else {
            self.leaf_node(Area::Conversations, conversation).slots.remove(&numbered);
            self.census.subtree_fell();
            self.nodes.retain(|id, _| !belongs(id, conversation, None));
            return Ok(());
        };
        let Some(slot) = self.leaf_node(Area::Conversations, conversation).slots.get(&numbered).cloned()
        else {
            return Ok(());
        };
        let items = Area::Items { conversation };
        if !self.condemn(items, &slot, place.item)? {
            return Ok(());
        }
        let Some(chunk) = place.chunk else {
            let fallen = self.leaf_node(items, place.item).slots.remove(&digit(0, place.item));
            self.fell(place, fallen);
            self.nodes.retain(|id, _| !belongs(id, conversation, Some(place.item)));
            return Ok(());
        };
        let Some(slot) = self.leaf_node(items, place.item).slots.get(&digit(0, place.item)).cloned() else {
            return Ok(());
        };
        let chunks = Area::Chunks { conversation, item: place.item };
        if self.condemn(chunks, &slot, chunk)? {
            let fallen = self.leaf_node(chunks, chunk).slots.remove(&digit(0, chunk));
            self.fell(place, fallen);
        }
        Ok(())
    }

    /// Books what a slot led to.
    fn fell(&mut self, place: &Place, slot: Option<Slot>) {
        match slot.map(|slot| (slot.child, slot.position)) {
            Some((Child::Leaf, position)) => self.census.dead(place.mark(), position),
            Some((Child::Node(_), _)) => self.census.subtree_fell(),
            None => {}
        }
    }

    /// Step (e) for keys, after the write of a new epoch: whatever still lies under the former mask is forgotten, the
    /// cache (clean by now) with it, so that the former mask is dropped and wiped.
    pub(crate) fn leave_former_mask(&mut self) {
        debug_assert!(self.pending.is_empty() && self.nodes.values().all(|node| !node.dirty));
        self.nodes.clear();
        if let Some(slot) = &mut self.top.conversations {
            slot.key = slot.key.under(&self.mask);
        }
    }

    /// Where the node lies now, if it still is part of the tree.
    pub(crate) fn position_of(&mut self, id: NodeId) -> Result<Option<Position>, Error> {
        let outer = match id.area {
            Area::Conversations => self.top.conversations.clone(),
            Area::Items { conversation } => self.conversation(conversation)?,
            Area::Chunks { conversation, item } => match self.conversation(conversation)? {
                Some(slot) => self.find(Area::Items { conversation }, slot, item)?,
                None => None,
            },
        };
        let Some(mut slot) = outer else { return Ok(None) };
        let Child::Node(mut level) = slot.child else { return Ok(None) };
        let number = id.first_number();
        if level < id.level || !covers(level, number) {
            return Ok(None);
        }
        while level > id.level {
            let node = self.load(NodeId::towards(id.area, level, number), &slot)?;
            let Some(child) = node.slots.get(&digit(level, number)) else { return Ok(None) };
            slot = child.clone();
            level -= 1;
        }
        Ok(Some(slot.position))
    }
}

/// Is this place, or one that excludes it, among these leaves? An item is either one body or chunks.
pub(crate) fn clash(leaves: &BTreeMap<Place, Slot>, place: &Place) -> bool {
    let whole = Place { chunk: None, ..*place };
    match place.chunk {
        None => leaves.range(whole..=Place { chunk: Some(u64::MAX), ..whole }).next().is_some(),
        Some(_) => leaves.contains_key(place) || leaves.contains_key(&whole),
    }
}

/// The owner of every top node.
pub(crate) fn top_owner() -> disk::Owner {
    owner(FrameKind::Top, 0, 0, 0, 0)
}

/// Is this node part of the conversation's (or of the item's) subtree?
fn belongs(id: &NodeId, conversation: u64, item: Option<u64>) -> bool {
    match id.area {
        Area::Conversations => false,
        Area::Items { conversation: other } => item.is_none() && other == conversation,
        Area::Chunks { conversation: other, item: number } => {
            other == conversation && item.is_none_or(|item| item == number)
        }
    }
}
