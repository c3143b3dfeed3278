//! A tree write as it is planned: new nodes, new keys and new places, beside the tree and not in it. Dropped, it leaves no
//! trace; it becomes the tree in [`KeyTree::apply`], once its batch is durable.
//!
//! A node that does not open takes nothing down but what lay below it: fold and erasure cut it off. In its place comes an
//! empty one under a fresh key, and every key above it is replaced, so that with the next epoch nothing leads to its older
//! copies either.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use disk::{Owner, Position, Top};
use rand_core::CryptoRng;

use crate::census::Mark;
use crate::error::Error;
use crate::node::{Child, Node, Slot, TopNode};
use crate::place::{Area, LEVEL_MAX, NodeId, Place, Target, covers, digit};
use crate::secret::{Mask, Secret32};
use crate::tree::KeyTree;

/// A node of the next write.
pub(crate) struct Changed {
    pub(crate) node: Node,
    /// Its key must be replaced, and with it every key above.
    pub(crate) rotate: bool,
}

/// A node that did not open and is no part of the tree any more: what lay below it is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutOff {
    /// Where on the device it lies.
    pub offset: u64,
    /// Whose it was, for [`crate::owner_words`].
    pub owner: Owner,
}

/// Everything strictly below a slot or a node.
pub(crate) struct Fallen {
    area: Area,
    /// Nodes of the area itself that are below this level.
    level: u8,
    numbers: RangeInclusive<u64>,
}

impl Fallen {
    fn below(id: NodeId) -> Self {
        Self { area: id.area, level: id.level, numbers: id.first_number()..=id.last_number() }
    }

    /// What the slot of a number in a node of leaves led to.
    fn below_slot(area: Area, number: u64) -> Self {
        Self { area, level: 0, numbers: number..=number }
    }

    pub(crate) fn holds(&self, id: &NodeId) -> bool {
        match (self.area, id.area) {
            (own, other) if own == other => {
                id.level < self.level && self.numbers.contains(&id.first_number())
            }
            (Area::Conversations, Area::Items { conversation } | Area::Chunks { conversation, .. }) => {
                self.numbers.contains(&conversation)
            }
            (Area::Items { conversation: own }, Area::Chunks { conversation, item }) => {
                own == conversation && self.numbers.contains(&item)
            }
            (Area::Conversations | Area::Items { .. } | Area::Chunks { .. }, _) => false,
        }
    }
}

/// What the census hears of.
pub(crate) enum Booked {
    Born(Mark, Position),
    Dead(Mark, Position),
}

/// What the write makes of the tree.
pub(crate) struct Change {
    pub(crate) mask: Arc<Mask>,
    pub(crate) root: Secret32,
    pub(crate) top: TopNode,
    pub(crate) top_at: Top,
    pub(crate) nodes: BTreeMap<NodeId, Changed>,
    pub(crate) fallen: Vec<Fallen>,
    pub(crate) booked: Vec<Booked>,
    /// No leaf waits under J any more.
    pub(crate) folded: bool,
    pub(crate) cut: Vec<CutOff>,
}

/// A plan over the tree as it is.
pub(crate) struct Draft<'t> {
    pub(crate) tree: &'t mut KeyTree,
    pub(crate) change: Change,
}

/// What is done about a node that does not open.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable {
    CutOff,
    Refuse,
}

/// Where the way to a number ends.
enum Way {
    /// Nothing is there.
    Gone,
    /// At a node that does not open, the last of these.
    Damaged(Vec<(NodeId, Slot)>),
    /// Over these nodes to this slot.
    Leads(Vec<(NodeId, Slot)>, Slot),
}

impl<'t> Draft<'t> {
    pub(crate) fn over(tree: &'t mut KeyTree) -> Self {
        let change = Change {
            mask: Arc::clone(&tree.mask),
            root: tree.root.clone(),
            top: tree.top.clone(),
            top_at: tree.top_at,
            nodes: BTreeMap::new(),
            fallen: Vec::new(),
            booked: Vec::new(),
            folded: false,
            cut: Vec::new(),
        };
        Self { tree, change }
    }

    /// Nothing would be written but the same top once more.
    pub(crate) fn is_unchanged(&self) -> bool {
        self.change.nodes.is_empty()
    }

    /// The node as this write has it.
    fn peek(&mut self, id: NodeId, slot: &Slot) -> Result<&Node, Error> {
        match self.change.nodes.get(&id) {
            Some(changed) => Ok(&changed.node),
            None => Ok(self.tree.load(id, slot)?),
        }
    }

    /// The node, to be changed: it goes into the write, and those above it must too.
    pub(crate) fn writable(
        &mut self,
        id: NodeId,
        slot: &Slot,
        unreadable: Unreadable,
    ) -> Result<&mut Changed, Error> {
        if !self.change.nodes.contains_key(&id) {
            let changed = match self.tree.load(id, slot) {
                Ok(node) => Changed { node: node.clone(), rotate: false },
                Err(error) if error.is_damage() && unreadable == Unreadable::CutOff => {
                    self.change.cut.push(CutOff { offset: slot.position.offset, owner: id.owner() });
                    self.change.fallen.push(Fallen::below(id));
                    Changed { node: Node::new(id.level), rotate: true }
                }
                Err(other) => return Err(other),
            };
            self.change.nodes.insert(id, changed);
        }
        Ok(self.change.nodes.get_mut(&id).expect("it was found or inserted above"))
    }

    fn add(&mut self, id: NodeId, node: Node) {
        self.change.nodes.insert(id, Changed { node, rotate: false });
    }

    /// Makes the path to `number` writable, growing the subtree where needed. Gives the slot of its (new) top.
    fn grow(
        &mut self,
        area: Area,
        top: Option<Slot>,
        number: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<Slot, Error> {
        let mask = Arc::clone(&self.change.mask);
        let mut slot = match top {
            Some(slot) => slot,
            None => {
                let level = (0..=LEVEL_MAX).find(|level| covers(*level, number));
                let level = level.expect("the highest level covers every number");
                self.add(NodeId { area, level, index: 0 }, Node::new(level));
                Slot::unwritten(level, Secret32::random(rng, &mask))
            }
        };
        let Child::Node(mut level) = slot.child else {
            let offset = slot.position.offset;
            return Err(Error::Damaged { what: "a leaf where a subtree should be", offset });
        };
        while !covers(level, number) {
            level += 1;
            let mut above = Node::new(level);
            above.slots.insert(0, slot); // The slot of the old top keeps its key, as the first child of the new one.
            self.add(NodeId { area, level, index: 0 }, above);
            slot = Slot::unwritten(level, Secret32::random(rng, &mask));
        }
        let new_top = slot.clone();
        loop {
            let node =
                &mut self.writable(NodeId::towards(area, level, number), &slot, Unreadable::CutOff)?.node;
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
                    self.add(NodeId::towards(area, level, number), Node::new(level));
                    child
                }
            };
        }
    }

    pub(crate) fn leaf_node(&mut self, area: Area, number: u64) -> &mut Node {
        let changed = self.change.nodes.get_mut(&NodeId::towards(area, 0, number));
        &mut changed.expect("the path to it was made writable").node
    }

    /// Puts one leaf into the tree.
    fn put(&mut self, place: Place, leaf: Slot, rng: &mut dyn CryptoRng) -> Result<(), Error> {
        let Place { conversation, item, chunk } = place;
        self.change.booked.push(Booked::Born(place.mark(), leaf.position));
        let top = self.change.top.conversations.clone();
        self.change.top.conversations = Some(self.grow(Area::Conversations, top, conversation, rng)?);
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

    /// Moves every leaf that waits under J into the tree. The lists on the device stay valid until the write counts.
    pub(crate) fn fold(&mut self, rng: &mut dyn CryptoRng) -> Result<(), Error> {
        self.change.folded = true;
        self.tree.pending.clone().into_iter().try_for_each(|(place, slot)| self.put(place, slot, rng))
    }

    /// The nodes on the way to the last of these numbers, each area below the one before.
    fn way(&mut self, steps: &[(Area, u64)]) -> Result<Way, Error> {
        let Some(mut slot) = self.change.top.conversations.clone() else { return Ok(Way::Gone) };
        let mut path = Vec::new();
        for (area, number) in steps.iter().copied() {
            let Child::Node(top) = slot.child else { return Ok(Way::Gone) };
            if !covers(top, number) {
                return Ok(Way::Gone);
            }
            for level in (0..=top).rev() {
                let id = NodeId::towards(area, level, number);
                path.push((id, slot.clone()));
                let child = match self.peek(id, &slot) {
                    Ok(node) => node.slots.get(&digit(level, number)).cloned(),
                    Err(error) if error.is_damage() => return Ok(Way::Damaged(path)),
                    Err(other) => return Err(other),
                };
                let Some(child) = child else { return Ok(Way::Gone) };
                slot = child;
            }
        }
        Ok(Way::Leads(path, slot))
    }

    /// Gives these nodes, and so all above them, new keys. One that does not open is cut off.
    fn condemn(&mut self, path: &[(NodeId, Slot)]) -> Result<(), Error> {
        path.iter().try_for_each(|(id, slot)| {
            self.writable(*id, slot, Unreadable::CutOff)?.rotate = true;
            Ok(())
        })
    }

    /// Takes a target out of the tree. What lies below it is not read: its only way in was this slot. What is gone already
    /// costs no write.
    pub(crate) fn remove(&mut self, target: &Target) -> Result<(), Error> {
        debug_assert!(self.change.folded, "an erasure folds before it removes");
        let steps = steps(target);
        let (path, slot) = match self.way(&steps)? {
            Way::Gone => return Ok(()),
            // With the node that does not open, the target falls too.
            Way::Damaged(path) => return self.condemn(&path),
            Way::Leads(path, slot) => (path, slot),
        };
        self.condemn(&path)?;
        let Some((area, number)) = steps.last().copied() else { return Ok(()) };
        self.leaf_node(area, number).slots.remove(&digit(0, number));
        match (slot.child, target) {
            (Child::Leaf, Target::Place(place)) => {
                self.change.booked.push(Booked::Dead(place.mark(), slot.position));
            }
            (Child::Node(_), _) | (Child::Leaf, Target::Conversation(_)) => {
                let fallen = Fallen::below_slot(area, number);
                self.change.nodes.retain(|id, _| !fallen.holds(id));
                self.change.fallen.push(fallen);
            }
        }
        Ok(())
    }

    /// Cuts off the first node on the way to a place that does not open, if there is one.
    pub(crate) fn mend(&mut self, place: &Place) -> Result<(), Error> {
        match self.way(&steps(&Target::Place(*place)))? {
            Way::Damaged(path) => self.condemn(&path),
            Way::Gone | Way::Leads(..) => Ok(()),
        }
    }
}

/// The numbers on the way to a target.
fn steps(target: &Target) -> Vec<(Area, u64)> {
    let (conversation, place) = match target {
        Target::Conversation(conversation) => (*conversation, None),
        Target::Place(place) => (place.conversation, Some(place)),
    };
    let mut steps = vec![(Area::Conversations, conversation)];
    if let Some(Place { item, chunk, .. }) = place {
        steps.push((Area::Items { conversation }, *item));
        steps.extend(chunk.map(|chunk| (Area::Chunks { conversation, item: *item }, chunk)));
    }
    steps
}
