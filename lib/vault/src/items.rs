//! What a tree holds keys of, item by item: for whoever compares it with what the journal knows.
//! Never reads a body, and never keeps a key.

use crate::error::Error;
use crate::node::{Child, Slot};
use crate::place::{Area, NodeId, Place};
use crate::tree::KeyTree;
use crate::vault::{Vault, locked};

impl Vault {
    /// Every item that the tree has keys of, whole or in part, in no order and some more than once; those that are not folded in
    /// yet too. Below a node that does not open nothing is known: whoever opens the bodies finds that.
    pub fn items(&self, each: &mut dyn FnMut(Place)) -> Result<(), Error> {
        let tree = locked(&self.tree);
        tree.pending.keys().for_each(|place| each(Place { chunk: None, ..*place }));
        match &tree.top.conversations {
            Some(slot) => tree.items_below(Area::Conversations, slot, each),
            None => Ok(()),
        }
    }
}

impl KeyTree {
    fn items_below(&self, area: Area, top: &Slot, each: &mut dyn FnMut(Place)) -> Result<(), Error> {
        let Child::Node(level) = top.child else { return Ok(()) };
        self.items_of(NodeId { area, level, index: 0 }, top, each)
    }

    fn items_of(&self, id: NodeId, slot: &Slot, each: &mut dyn FnMut(Place)) -> Result<(), Error> {
        let slots = match self.peek(id, slot) {
            Ok(slots) => slots,
            Err(error) if error.is_damage() => return Ok(()),
            Err(other) => return Err(other),
        };
        for (digit, child) in slots {
            let number = id.first_number() + u64::from(digit);
            match (id.level, id.area) {
                (0, Area::Conversations) => {
                    self.items_below(Area::Items { conversation: number }, &child, each)?;
                }
                (0, Area::Items { conversation }) => each(Place::item(conversation, number)),
                (0, Area::Chunks { .. }) => {}
                (level, area) => {
                    self.items_of(NodeId { area, level: level - 1, index: id.child(digit) }, &child, each)?;
                }
            }
        }
        Ok(())
    }
}
