//! Which stretches of the device something living lies in: for whoever has found them damaged and asks what depends on them.
//! Never reads a body. Where a node does not read nobody knows what it leads to: then everything is needed.

use std::ops::Range;

use disk::Position;

use crate::error::Error;
use crate::judge::bad_place;
use crate::node::{Child, Slot};
use crate::place::{Area, NodeId};
use crate::snapshot;
use crate::tree::KeyTree;
use crate::vault::{Vault, locked};

impl Vault {
    /// Of each of these stretches, bytes of the device that do not overlap: does anything lie in it that is still needed? That is
    /// the tree with all bodies that it names, what waits to be folded in, and both snapshots.
    pub fn are_needed(&self, stretches: &[Range<u64>]) -> Result<Vec<bool>, Error> {
        if stretches.is_empty() {
            return Ok(Vec::new());
        }
        let mut order: Vec<usize> = (0..stretches.len()).collect();
        order.sort_unstable_by_key(|number| stretches[*number].start);
        let mut needed = vec![false; stretches.len()];
        let mut each = |at: Position| {
            let (from, end) = (at.offset, at.offset + u64::from(at.length));
            let before_end = order.partition_point(|number| stretches[*number].start < end);
            let behind_start = order[..before_end].iter().rev();
            let hit = behind_start.take_while(|number| stretches[**number].end > from);
            hit.for_each(|number| needed[*number] = true);
        };
        match self.needed_positions(&mut each) {
            Ok(()) => Ok(needed),
            Err(error) if bad_place(&self.log.reader(), &error).is_some() => Ok(vec![true; stretches.len()]),
            Err(other) => Err(other),
        }
    }

    fn needed_positions(&self, mut each: &mut dyn FnMut(Position)) -> Result<(), Error> {
        for snapshot in self.snapshots().into_iter().flatten() {
            each(snapshot);
            snapshot::frames(&self.log.reader(), snapshot)?.into_iter().for_each(&mut each);
        }
        let tree = locked(&self.tree);
        each(tree.top_at.position);
        tree.lists.iter().for_each(|list| each(list.position));
        tree.pending.values().for_each(|slot| each(slot.position));
        if let Some(top) = &tree.top.conversations {
            tree.positions_below(Area::Conversations, top, &mut each)?;
        }
        Ok(())
    }
}

impl KeyTree {
    /// Where everything lies that a slot leads to, with what it names itself.
    fn positions_below(&self, area: Area, top: &Slot, each: &mut dyn FnMut(Position)) -> Result<(), Error> {
        match top.child {
            Child::Leaf => each(top.position),
            Child::Node(level) => self.positions_of(NodeId { area, level, index: 0 }, top, each)?,
        }
        Ok(())
    }

    fn positions_of(&self, id: NodeId, slot: &Slot, each: &mut dyn FnMut(Position)) -> Result<(), Error> {
        each(slot.position);
        for (digit, child) in self.peek(id, slot)? {
            let number = id.first_number() + u64::from(digit);
            match (id.level, id.area) {
                (0, Area::Conversations) => {
                    self.positions_below(Area::Items { conversation: number }, &child, each)?;
                }
                (0, Area::Items { conversation }) => {
                    self.positions_below(Area::Chunks { conversation, item: number }, &child, each)?;
                }
                (0, Area::Chunks { .. }) => each(child.position),
                (level, area) => {
                    let below = NodeId { area, level: level - 1, index: id.child(digit) };
                    self.positions_of(below, &child, each)?;
                }
            }
        }
        Ok(())
    }
}
