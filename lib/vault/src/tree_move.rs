//! Frames that move: which nodes the next tree write must take along so that it names their new places.
//! Keys stay as they are: a move erases nothing and wraps nothing anew.

use disk::Position;

use crate::draft::{Booked, Draft, Unreadable};
use crate::error::Error;
use crate::node::{Child, Slot};
use crate::place::{Area, NodeId, Place, covers, digit};

impl Draft<'_> {
    /// The body of a place lies elsewhere now: its slot, and the path to it, go into the write.
    pub(crate) fn moved(&mut self, place: &Place, position: Position) -> Result<(), Error> {
        let Place { conversation, item, chunk } = *place;
        let conversations = self.change.top.conversations.clone();
        let slot = self.take_along(Area::Conversations, conversations, conversation, 0)?;
        let items = Area::Items { conversation };
        let mut found = self.take_along(items, slot, item, 0)?;
        let (mut area, mut number) = (items, item);
        if let Some(chunk) = chunk {
            (area, number) = (Area::Chunks { conversation, item }, chunk);
            found = self.take_along(area, found, chunk, 0)?;
        }
        let Some(leaf) = found.filter(|slot| slot.child == Child::Leaf) else { return Err(lost()) };
        let moved = [Booked::Dead(place.mark(), leaf.position), Booked::Born(place.mark(), position)];
        self.change.booked.extend(moved);
        self.leaf_node(area, number).slots.get_mut(&digit(0, number)).ok_or_else(lost)?.position = position;
        Ok(())
    }

    /// The node, and the path to it, go into the write.
    pub(crate) fn touch(&mut self, id: NodeId) -> Result<(), Error> {
        let top = self.change.top.conversations.clone();
        let (outer, number) = match id.area {
            Area::Conversations => (top, id.first_number()),
            Area::Items { conversation } => {
                (self.take_along(Area::Conversations, top, conversation, 0)?, id.first_number())
            }
            Area::Chunks { conversation, item } => {
                let slot = self.take_along(Area::Conversations, top, conversation, 0)?;
                (self.take_along(Area::Items { conversation }, slot, item, 0)?, id.first_number())
            }
        };
        self.take_along(id.area, outer, number, id.level).map(|_| ())
    }

    /// Takes the nodes on the way to `number`, from the subtree's top down to `level`. Gives the slot below the last one
    /// that leads on to the number, if there is one.
    fn take_along(
        &mut self,
        area: Area,
        top: Option<Slot>,
        number: u64,
        level: u8,
    ) -> Result<Option<Slot>, Error> {
        let mut slot = top.ok_or_else(lost)?;
        let Child::Node(mut at) = slot.child else { return Err(lost()) };
        if at < level || !covers(at, number) {
            return Err(lost());
        }
        loop {
            let id = NodeId::towards(area, at, number);
            let changed = self.writable(id, &slot, Unreadable::Refuse)?;
            let child = changed.node.slots.get(&digit(at, number)).cloned();
            if at == level {
                return Ok(child);
            }
            slot = child.ok_or_else(lost)?;
            at -= 1;
        }
    }
}

/// The caller asked for the frame a moment ago, and it was there.
fn lost() -> Error {
    Error::Damaged { what: "a path of the tree", offset: 0 }
}
