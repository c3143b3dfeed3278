//! A tree write: every changed node is sealed and put into the batch, children before the slots that name them.
//! Never syncs: the caller's commit record makes it count.

use disk::Top;
use rand_core::CryptoRng;

use crate::error::Error;
use crate::node::{Child, Slot};
use crate::place::{Area, NodeId, digit};
use crate::root_slot::top_key;
use crate::seal;
use crate::secret::{Mask, Secret32};
use crate::tree::{KeyTree, top_owner};

impl KeyTree {
    /// Fresh root, J, mask and epoch: the tree write that follows belongs to the next epoch.
    pub(crate) fn renew_root(&mut self, rng: &mut dyn CryptoRng) -> Result<(), Error> {
        self.mask = Mask::new(rng)?;
        self.root = match self.sabotage.root() {
            Some(root) => Secret32::masked(&root, &self.mask),
            None => Secret32::random(rng, &self.mask),
        };
        self.top.j = match self.sabotage.keeps_j() {
            true => self.top.j.under(&self.mask),
            false => Secret32::random(rng, &self.mask),
        };
        self.top.epoch += 1;
        Ok(())
    }

    /// Writes all changed nodes, children first, then the top, into the batch.
    pub(crate) fn write(&mut self, batch: &mut disk::Batch<'_>) -> Result<Top, Error> {
        self.poisoned = true; // Until all of it has happened: positions of a write that failed must not be followed.
        let changed = self.nodes.iter().filter(|(_, node)| node.dirty).map(|(id, _)| *id);
        let mut changed: Vec<NodeId> = changed.collect();
        changed.sort_by_key(|id| (area_order(id.area), id.level));
        for id in changed {
            let mut key = self.slot_above(id).key.clone();
            let (epoch, keeps) = (self.top.epoch, self.sabotage.keeps_path_keys());
            let node = self.nodes.get_mut(&id).expect("its id was just taken from there");
            if node.rotate && !keeps {
                key = Secret32::random(batch.rng(), &self.mask);
            }
            (node.epoch, node.dirty, node.rotate) = (epoch, false, false);
            let sealed = seal::seal(&key.open(), &self.store, &id.owner(), &node.encode(), batch.rng());
            let position = batch.tree(&id.owner(), &sealed)?;
            let tag = seal::tag_of(&sealed).expect("sealed bytes end with a tag");
            let written = Slot { child: Child::Node(id.level), key, position, tag };
            let before = std::mem::replace(self.slot_above(id), written).position;
            self.census.dead(id.mark(), before);
            self.census.born(id.mark(), position);
        }
        let key = top_key(&self.root.open(), self.unlock.as_deref(), &self.store);
        let sealed = seal::seal(&key, &self.store, &top_owner(), &self.top.encode(), batch.rng());
        let position = batch.tree(&top_owner(), &sealed)?;
        self.top_at = Top { position, tag: seal::tag_of(&sealed).expect("sealed bytes end with a tag") };
        self.poisoned = false;
        Ok(self.top_at)
    }

    /// The slot that leads to a changed node; the nodes above a changed one are changed and cached too.
    fn slot_above(&mut self, id: NodeId) -> &mut Slot {
        let inside = "the nodes above a changed node are in the cache and lead to it";
        let is_top = |slot: Option<&Slot>| slot.is_some_and(|slot| slot.child == Child::Node(id.level));
        let (outer, number) = match id.area {
            Area::Conversations => {
                if is_top(self.top.conversations.as_ref()) {
                    return self.top.conversations.as_mut().expect(inside);
                }
                return self.slot_in(NodeId::towards(id.area, id.level + 1, id.first_number()), id);
            }
            Area::Items { conversation } => {
                (NodeId::towards(Area::Conversations, 0, conversation), conversation)
            }
            Area::Chunks { conversation, item } => {
                (NodeId::towards(Area::Items { conversation }, 0, item), item)
            }
        };
        let at = digit(0, number);
        if is_top(self.nodes.get(&outer).and_then(|node| node.slots.get(&at))) {
            return self.nodes.get_mut(&outer).and_then(|node| node.slots.get_mut(&at)).expect(inside);
        }
        self.slot_in(NodeId::towards(id.area, id.level + 1, id.first_number()), id)
    }

    fn slot_in(&mut self, parent: NodeId, child: NodeId) -> &mut Slot {
        let at = digit(child.level + 1, child.first_number());
        let node = self.nodes.get_mut(&parent);
        node.and_then(|node| node.slots.get_mut(&at))
            .expect("a changed node's parent is in the cache and leads to it")
    }
}

/// Children's areas before their parents'.
fn area_order(area: Area) -> u8 {
    match area {
        Area::Chunks { .. } => 0,
        Area::Items { .. } => 1,
        Area::Conversations => 2,
    }
}
