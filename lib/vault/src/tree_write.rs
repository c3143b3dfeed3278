//! A tree write: every changed node is sealed and put into the batch, children before the slots that name them.
//! Never syncs: the caller's commit record makes it count.

use disk::Top;
use rand_core::CryptoRng;

use crate::draft::{Booked, Change, Draft};
use crate::error::Error;
use crate::node::{Child, Slot};
use crate::place::{Area, NodeId, digit};
use crate::root_slot::top_key;
use crate::seal;
use crate::secret::{Mask, Secret32};
use crate::tree::top_owner;

impl Draft<'_> {
    /// Fresh root, J, mask and epoch: the write belongs to the next epoch.
    pub(crate) fn renew_root(&mut self, rng: &mut dyn CryptoRng) -> Result<(), Error> {
        let (change, sabotage) = (&mut self.change, self.tree.sabotage);
        change.mask = Mask::new(rng)?;
        change.root = match sabotage.root() {
            Some(root) => Secret32::masked(&root, &change.mask),
            None => Secret32::random(rng, &change.mask),
        };
        change.top.j = match sabotage.keeps_j() {
            true => change.top.j.under(&change.mask),
            false => Secret32::random(rng, &change.mask),
        };
        change.top.epoch += 1;
        Ok(())
    }

    /// Writes all changed nodes, children first, then the top, into the batch. Gives what is to be applied when the batch
    /// is durable.
    pub(crate) fn write(mut self, batch: &mut disk::Batch<'_>) -> Result<Change, Error> {
        let mut changed: Vec<NodeId> = self.change.nodes.keys().copied().collect();
        changed.sort_by_key(|id| (area_order(id.area), id.level));
        for id in changed {
            self.write_node(id, batch)?;
        }
        let (tree, mut change) = (self.tree, self.change);
        let key = top_key(&change.root.open(), tree.unlock.as_deref(), &tree.store);
        let sealed = seal::seal(&key, &tree.store, &top_owner(), &change.top.encode(), batch.rng());
        let position = batch.tree(&top_owner(), &sealed)?;
        change.top_at = Top { position, tag: seal::tag_of(&sealed).expect("sealed bytes end with a tag") };
        Ok(change)
    }

    fn write_node(&mut self, id: NodeId, batch: &mut disk::Batch<'_>) -> Result<(), Error> {
        let above = self.above(id);
        let mut key = self.slot(above).key.clone();
        let (epoch, mask) = (self.change.top.epoch, &self.change.mask);
        let changed = self.change.nodes.get_mut(&id).expect("its id was just taken from there");
        let rotate = changed.rotate && !self.tree.sabotage.keeps_path_keys();
        if rotate {
            key = Secret32::random(batch.rng(), mask);
        }
        changed.node.epoch = epoch;
        let plain = changed.node.encode();
        let sealed = seal::seal(&key.open(), &self.tree.store, &id.owner(), &plain, batch.rng());
        let position = batch.tree(&id.owner(), &sealed)?;
        let tag = seal::tag_of(&sealed).expect("sealed bytes end with a tag");
        let written = Slot { child: Child::Node(id.level), key, position, tag };
        let before = std::mem::replace(self.slot(above), written).position;
        // A former key lies in every former copy of the node above.
        if let Some(changed) = above.and_then(|(parent, _)| self.change.nodes.get_mut(&parent)) {
            changed.rotate |= rotate;
        }
        self.change.booked.extend([Booked::Dead(id.mark(), before), Booked::Born(id.mark(), position)]);
        Ok(())
    }

    /// Which slot of which node leads to a changed node; `None`: the top's. The nodes above a changed one are changed too.
    fn above(&self, id: NodeId) -> Option<(NodeId, u8)> {
        let outer = match id.area {
            Area::Conversations => None,
            Area::Items { conversation } => {
                Some((NodeId::towards(Area::Conversations, 0, conversation), digit(0, conversation)))
            }
            Area::Chunks { conversation, item } => {
                Some((NodeId::towards(Area::Items { conversation }, 0, item), digit(0, item)))
            }
        };
        let leads = match outer {
            None => self.change.top.conversations.as_ref(),
            Some((node, at)) => self.change.nodes.get(&node).and_then(|changed| changed.node.slots.get(&at)),
        };
        if leads.is_some_and(|slot| slot.child == Child::Node(id.level)) {
            return outer;
        }
        let (level, number) = (id.level + 1, id.first_number());
        Some((NodeId::towards(id.area, level, number), digit(level, number)))
    }

    fn slot(&mut self, above: Option<(NodeId, u8)>) -> &mut Slot {
        let found = match above {
            None => self.change.top.conversations.as_mut(),
            Some((node, at)) => {
                self.change.nodes.get_mut(&node).and_then(|changed| changed.node.slots.get_mut(&at))
            }
        };
        found.expect("the nodes above a changed one are in the same write and lead to it")
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
