//! A walk over all of a tree, over whatever of it does not read: which leaves there are.
//! Never opens a body, and never stops at damage: what is below it is counted as one node that is lost.

use std::sync::Arc;

use disk::{Reader, StoreId};

use crate::error::Error;
use crate::node::{Child, Slot, TopNode};
use crate::place::{Area, NodeId, Place};
use crate::secret::Mask;
use crate::tree::read_node;

/// An item that the tree has keys of, and of how many bodies: its chunks are held together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Where.
    pub place: Place,
    /// Bodies that have a key; of one item there may be several of these.
    pub bodies: u32,
}

/// Over all of a tree.
pub(crate) struct Walk {
    reader: Reader,
    store: StoreId,
    mask: Arc<Mask>,
    held: Vec<Held>,
    damaged: Vec<Place>,
}

impl Walk {
    /// All leaves, and of each node that did not read a place below it.
    pub(crate) fn over(
        reader: Reader,
        store: StoreId,
        mask: Arc<Mask>,
        top: &TopNode,
    ) -> Result<(Vec<Held>, Vec<Place>), Error> {
        let mut walk = Self { reader, store, mask, held: Vec::new(), damaged: Vec::new() };
        if let Some(conversations) = &top.conversations {
            walk.subtree(Area::Conversations, conversations)?;
        }
        Ok((walk.held, walk.damaged))
    }

    fn subtree(&mut self, area: Area, top: &Slot) -> Result<(), Error> {
        match top.child {
            Child::Leaf => Ok(()),
            Child::Node(level) => self.node(NodeId { area, level, index: 0 }, top),
        }
    }

    fn node(&mut self, id: NodeId, slot: &Slot) -> Result<(), Error> {
        let read = read_node(&self.reader, &self.store, &self.mask, id, slot);
        let Some(node) = readable(read)? else {
            self.damaged.push(id.first_place());
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

/// What does not read is looked for elsewhere; that the device is gone is another matter.
pub(crate) fn readable<T>(read: Result<T, Error>) -> Result<Option<T>, Error> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.is_damage() => Ok(None),
        Err(other) => Err(other),
    }
}
