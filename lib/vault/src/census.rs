//! How many bytes of each extent are still alive: what a compaction goes by when it looks for room.
//! An estimate and never more: nothing is given back or moved on its word, every frame is asked again.
//!
//! After a start nothing is known, and a whole conversation or file that falls is not read; then the tree is walked
//! once more, a few nodes at a time. Between two walks every change of the tree is booked here.

use disk::Position;

use crate::error::Error;
use crate::judge::bad_place;
use crate::node::{Child, Node, Slot};
use crate::place::{Area, NodeId, Place};
use crate::tree::KeyTree;

/// Where a frame stands in the order of the walk: conversation, item, chunk of the first body below it.
pub(crate) type Mark = (u64, u64, u64);

/// Live bytes by extent.
pub(crate) struct Census {
    start: u64,
    extent_bytes: u64,
    live: Vec<u64>,
    /// The tree has been walked whole.
    counted: bool,
    /// Something fell that was not read.
    stale: bool,
    walk: Option<Walk>,
}

/// A walk under way: everything before `cursor` is counted.
struct Walk {
    cursor: Mark,
    live: Vec<u64>,
}

impl Census {
    /// Of a device whose extents begin at `start`; nothing is known yet.
    pub(crate) fn new(start: u64, extent_bytes: u64, extents: u32) -> Self {
        let live = vec![0; extents as usize];
        Self { start, extent_bytes, live, counted: false, stale: false, walk: None }
    }

    fn book(&mut self, mark: Mark, position: Position, count: impl Fn(u64, u64) -> u64) {
        let Some(from) = position.offset.checked_sub(self.start) else { return };
        let extent = (from / self.extent_bytes) as usize;
        let walked = self.walk.as_mut().filter(|walk| mark < walk.cursor).map(|walk| &mut walk.live);
        for live in [Some(&mut self.live), walked].into_iter().flatten() {
            if let Some(live) = live.get_mut(extent) {
                *live = count(*live, u64::from(position.length));
            }
        }
    }

    /// A frame has come alive.
    pub(crate) fn born(&mut self, mark: Mark, position: Position) {
        self.book(mark, position, u64::saturating_add);
    }

    /// A frame has died.
    pub(crate) fn dead(&mut self, mark: Mark, position: Position) {
        self.book(mark, position, u64::saturating_sub);
    }

    /// A subtree fell without being read.
    pub(crate) fn subtree_fell(&mut self) {
        self.stale = true;
    }

    /// Live bytes of an extent, as far as is known.
    pub(crate) fn live(&self, extent: u32) -> u64 {
        self.live.get(extent as usize).copied().unwrap_or(u64::MAX)
    }
}

impl Place {
    /// Where its leaf stands.
    pub(crate) fn mark(&self) -> Mark {
        (self.conversation, self.item, self.chunk.unwrap_or(0))
    }
}

impl NodeId {
    /// Where it stands.
    pub(crate) fn mark(&self) -> Mark {
        self.mark_of(self.first_number())
    }

    fn mark_of(&self, number: u64) -> Mark {
        match self.area {
            Area::Conversations => (number, 0, 0),
            Area::Items { conversation } => (conversation, number, 0),
            Area::Chunks { conversation, item } => (conversation, item, number),
        }
    }

    /// The first number of its area that a walk from `from` on has to look at.
    fn start(&self, from: Mark) -> u64 {
        match self.area {
            Area::Conversations => from.0,
            Area::Items { conversation } if conversation == from.0 => from.1,
            Area::Chunks { conversation, item } if (conversation, item) == (from.0, from.1) => from.2,
            Area::Items { .. } | Area::Chunks { .. } => 0,
        }
    }
}

/// One step of a walk.
struct Step {
    from: Mark,
    cursor: Mark,
    /// Nodes of leaves that it may still look at.
    nodes_left: usize,
    found: Vec<Position>,
}

impl KeyTree {
    /// Goes on counting, over about `nodes_max` nodes of leaves. Whether all is counted.
    pub(crate) fn count_on(&mut self, nodes_max: usize) -> Result<bool, Error> {
        if self.census.counted && !self.census.stale && self.census.walk.is_none() {
            return Ok(true);
        }
        let extents = self.census.live.len();
        let mut walk = self.census.walk.take().unwrap_or_else(|| {
            self.census.stale = false;
            Walk { cursor: (0, 0, 0), live: vec![0; extents] }
        });
        let (from, found) = (walk.cursor, Vec::new());
        let mut step = Step { from, cursor: from, nodes_left: nodes_max.max(1), found };
        let whole = match self.top.conversations.clone() {
            Some(slot) => self.visit_subtree(Area::Conversations, &slot, &mut step)?,
            None => true,
        };
        for position in &step.found {
            if let Some(from) = position.offset.checked_sub(self.census.start)
                && let Some(live) = walk.live.get_mut((from / self.census.extent_bytes) as usize)
            {
                *live += u64::from(position.length);
            }
        }
        walk.cursor = step.cursor;
        if whole {
            (self.census.live, self.census.counted) = (walk.live, true);
        } else {
            self.census.walk = Some(walk);
        }
        Ok(whole && !self.census.stale)
    }

    fn visit_subtree(&mut self, area: Area, top: &Slot, step: &mut Step) -> Result<bool, Error> {
        let Child::Node(level) = top.child else { return Ok(true) };
        self.visit(NodeId { area, level, index: 0 }, top, step)
    }

    /// Counts a node and what is below it; `false` when the step ends before that.
    fn visit(&mut self, id: NodeId, slot: &Slot, step: &mut Step) -> Result<bool, Error> {
        let (first, start) = (id.first_number(), id.start(step.from));
        if id.last_number() < start {
            return Ok(true);
        }
        if id.mark() >= step.from {
            step.found.push(slot.position);
        }
        let slots = match self.peek(id, slot) {
            Ok(slots) => slots,
            // Whoever needs what is below will say so; an extent with a frame that cannot be judged is left alone.
            Err(error) if bad_place(&self.reader, &error).is_some() => return Ok(true),
            Err(other) => return Err(other),
        };
        for (digit, child) in slots {
            let number = first + u64::from(digit);
            let whole = match (id.level, child.child, id.area) {
                (0, Child::Leaf, _) => {
                    if number >= start {
                        step.found.push(child.position);
                    }
                    true
                }
                (0, Child::Node(_), _) if number < start => true,
                (0, Child::Node(_), Area::Conversations) => {
                    self.visit_subtree(Area::Items { conversation: number }, &child, step)?
                }
                (0, Child::Node(_), Area::Items { conversation }) => {
                    self.visit_subtree(Area::Chunks { conversation, item: number }, &child, step)?
                }
                (0, Child::Node(_), Area::Chunks { .. }) => true,
                (level, Child::Node(_) | Child::Leaf, area) => {
                    let index = id.child(digit);
                    self.visit(NodeId { area, level: level - 1, index }, &child, step)?
                }
            };
            if !whole {
                return Ok(false);
            }
        }
        if id.level > 0 || id.area == Area::Conversations {
            return Ok(true);
        }
        step.cursor = id.mark_of(id.last_number().saturating_add(1));
        step.nodes_left = step.nodes_left.saturating_sub(1);
        Ok(step.nodes_left > 0)
    }

    /// A node's slots, without taking room in the cache from those who read.
    pub(crate) fn peek(&self, id: NodeId, slot: &Slot) -> Result<Vec<(u8, Slot)>, Error> {
        let slots = |node: &Node| node.slots.iter().map(|(digit, slot)| (*digit, slot.clone())).collect();
        match self.nodes.get(&id) {
            Some(node) => Ok(slots(node)),
            None => self.read_node(id, slot).map(|node| slots(&node)),
        }
    }
}

/// A census over what a reader's device is divided into.
pub(crate) fn of_log(log: &disk::Log) -> Census {
    Census::new(log.extents_start(), log.extent_bytes(), log.space().extents)
}
