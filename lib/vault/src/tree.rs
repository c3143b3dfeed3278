//! The key tree in memory: a bounded cache of opened nodes over the device, and the leaves not yet folded in.
//! It is always the tree of the last durable batch: what changes it is planned beside it, see [`crate::draft`].

use std::collections::BTreeMap;
use std::sync::Arc;

use disk::{Position, Reader, StoreId, Top};

use crate::census::Census;
use crate::draft::{Booked, Change, CutOff};
use crate::error::Error;
use crate::node::{Child, Node, Slot, TopNode};
use crate::place::{Area, FrameKind, NodeId, Place, Target, covers, digit, owner};
use crate::reads::Reads;
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
    /// Reads that found their key under this mask.
    pub(crate) reads: Arc<Reads>,
    /// Those that found it under the former one: the erasure under way waits for them.
    pub(crate) former_reads: Arc<Reads>,
    pub(crate) limits: Limits,
    pub(crate) clock: u64,
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
        read_node(&self.reader, &self.store, &self.mask, id, slot)
    }

    /// Forgets nodes that were not used lately.
    fn make_room(&mut self) {
        if self.nodes.len() >= self.limits.nodes_cached {
            let oldest = self.clock.saturating_sub(self.limits.nodes_cached as u64 / 2);
            self.nodes.retain(|_, node| node.used > oldest);
        }
    }

    /// The write is durable: what was planned is the tree. With a new epoch nothing is left under the former mask, neither
    /// in the cache nor in the plan, so that it is dropped and wiped: step (e) for keys. Gives what was cut off.
    pub(crate) fn apply(&mut self, change: Change) -> Vec<CutOff> {
        let Change { mask, root, top, top_at, nodes, fallen, booked, folded, cut } = change;
        for booked in booked {
            match booked {
                Booked::Born(mark, position) => self.census.born(mark, position),
                Booked::Dead(mark, position) => self.census.dead(mark, position),
            }
        }
        for fallen in fallen {
            self.census.subtree_fell();
            self.nodes.retain(|id, _| !fallen.holds(id));
        }
        if folded {
            self.pending.clear();
            self.lists.clear();
        }
        let is_next_epoch = top.epoch != self.top.epoch;
        (self.mask, self.root, self.top, self.top_at) = (mask, root, top, top_at);
        if is_next_epoch {
            self.former_reads = std::mem::take(&mut self.reads);
            self.nodes.clear();
            if let Some(slot) = &mut self.top.conversations {
                slot.key = slot.key.under(&self.mask);
            }
        } else {
            let used = self.clock;
            self.nodes.extend(nodes.into_iter().map(|(id, changed)| (id, Node { used, ..changed.node })));
        }
        cut
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

/// The node as it lies on the device. One wrong read is no damage yet: whoever meets damage may cut off all below.
pub(crate) fn read_node(
    reader: &Reader,
    store: &StoreId,
    mask: &Arc<Mask>,
    id: NodeId,
    slot: &Slot,
) -> Result<Node, Error> {
    let once = || {
        let damaged = Error::Damaged { what: "a node of the tree", offset: slot.position.offset };
        let sealed = match reader.tree(slot.position) {
            Err(disk::Error::Frame { .. }) => return Err(damaged),
            read => read?,
        };
        if seal::tag_of(&sealed) != Some(slot.tag) {
            return Err(damaged);
        }
        let plain = seal::open(&slot.key.open(), store, &id.owner(), &sealed);
        plain.and_then(|plain| Node::decode(&plain, mask).ok()).ok_or(damaged)
    };
    match once() {
        Err(error) if error.is_damage() => once(),
        read => read,
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
