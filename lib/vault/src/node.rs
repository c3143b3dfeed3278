//! Nodes and slots of the key tree, and their bytes. Never touches a device.

use std::collections::BTreeMap;
use std::sync::Arc;

use disk::codec::{Fields, Malformed, Put};
use disk::{Position, TAG_BYTES, Top};
use zeroize::Zeroizing;

use crate::place::{FANOUT, LEVEL_MAX};
use crate::secret::{Mask, Secret32};

const VERSION: u8 = 1;
const SLOT_BYTES: usize = 1 + 32 + Position::BYTES + TAG_BYTES;
/// A full node before it is sealed: never more, so that its keys are never moved by a growing buffer.
const NODE_BYTES_MAX: usize = 1 + 1 + 8 + 2 + FANOUT as usize * SLOT_BYTES;

/// What a slot leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Child {
    /// A body.
    Leaf,
    /// A node of this level.
    Node(u8),
}

/// Key, position and tag of a child. It never moves to another node.
#[derive(Clone)]
pub(crate) struct Slot {
    pub(crate) child: Child,
    pub(crate) key: Secret32,
    pub(crate) position: Position,
    pub(crate) tag: [u8; TAG_BYTES],
}

/// No position yet: the node has not been written.
const UNWRITTEN: Position = Position { offset: 0, length: 0 };

impl Slot {
    /// A slot for a node that is yet to be written.
    pub(crate) fn unwritten(level: u8, key: Secret32) -> Self {
        Self { child: Child::Node(level), key, position: UNWRITTEN, tag: [0; TAG_BYTES] }
    }

    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.put_u8(match self.child {
            Child::Leaf => 0,
            Child::Node(level) => 1 + level,
        });
        bytes.put(&*self.key.open());
        self.position.encode(bytes);
        bytes.put(&self.tag);
    }

    fn decode(fields: &mut Fields<'_>, mask: &Arc<Mask>) -> Result<Self, Malformed> {
        let child = match fields.u8()? {
            0 => Child::Leaf,
            above if above <= LEVEL_MAX + 1 => Child::Node(above - 1),
            _ => return Err(Malformed),
        };
        let key = Secret32::masked(&Zeroizing::new(fields.array()?), mask);
        Ok(Self { child, key, position: Position::decode(fields)?, tag: fields.array()? })
    }
}

/// A node: up to [`FANOUT`] slots.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) level: u8,
    /// The epoch that last rewrote it: a backup takes what is newer than its own.
    pub(crate) epoch: u64,
    pub(crate) slots: BTreeMap<u8, Slot>,
    /// When it was last used, for the cache.
    pub(crate) used: u64,
}

impl Node {
    /// An empty node that is yet to be written.
    pub(crate) fn new(level: u8) -> Self {
        Self { level, epoch: 0, slots: BTreeMap::new(), used: 0 }
    }

    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(NODE_BYTES_MAX));
        bytes.put(&[VERSION, self.level]);
        bytes.put_u64(self.epoch);
        bytes.put(&self.slots.keys().fold(0_u16, |bitmap, digit| bitmap | 1 << digit).to_le_bytes());
        self.slots.values().for_each(|slot| slot.encode(&mut bytes));
        bytes
    }

    pub(crate) fn decode(bytes: &[u8], mask: &Arc<Mask>) -> Result<Self, Malformed> {
        let mut fields = Fields(bytes);
        if fields.u8()? != VERSION {
            return Err(Malformed);
        }
        let (level, epoch, bitmap) = (fields.u8()?, fields.u64()?, u16::from_le_bytes(fields.array()?));
        let mut slots = BTreeMap::new();
        for digit in (0..FANOUT).filter(|digit| bitmap & (1 << digit) != 0) {
            let slot = Slot::decode(&mut fields, mask)?;
            if level > 0 && slot.child != Child::Node(level - 1) {
                return Err(Malformed);
            }
            slots.insert(digit, slot);
        }
        fields.end()?;
        Ok(Self { level, epoch, slots, used: 0 })
    }
}

/// The node right under the root secret.
#[derive(Clone)]
pub(crate) struct TopNode {
    pub(crate) epoch: u64,
    /// Wraps leaf keys until they are folded in.
    pub(crate) j: Secret32,
    pub(crate) conversations: Option<Slot>,
}

impl TopNode {
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(128));
        bytes.put_u8(VERSION);
        bytes.put_u64(self.epoch);
        bytes.put(&*self.j.open());
        bytes.put_u8(u8::from(self.conversations.is_some()));
        if let Some(slot) = &self.conversations {
            slot.encode(&mut bytes);
        }
        bytes
    }

    pub(crate) fn decode(bytes: &[u8], mask: &Arc<Mask>) -> Result<Self, Malformed> {
        let mut fields = Fields(bytes);
        if fields.u8()? != VERSION {
            return Err(Malformed);
        }
        let epoch = fields.u64()?;
        let j = Secret32::masked(&Zeroizing::new(fields.array()?), mask);
        let conversations = if fields.flag()? { Some(Slot::decode(&mut fields, mask)?) } else { None };
        fields.end()?;
        Ok(Self { epoch, j, conversations })
    }
}

/// A top that nothing was written to yet.
pub(crate) const NO_TOP: Top = Top { position: UNWRITTEN, tag: [0; TAG_BYTES] };
