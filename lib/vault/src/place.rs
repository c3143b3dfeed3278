//! Where a body belongs: counters given by the caller, and the names of nodes that follow from them.

use disk::Owner;

/// Conversation number kept for the vault's own secrets, the log's period keys: never given to people.
pub const SECRETS_CONVERSATION: u64 = 0;

/// A body's place. Counters, never reused by the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Conversation, counted from 1; 0 is [`SECRETS_CONVERSATION`].
    pub conversation: u64,
    /// Message or file in it.
    pub item: u64,
    /// Chunk of a file; `None` for a body that is the item itself.
    pub chunk: Option<u64>,
}

impl Place {
    /// A message's body.
    pub fn item(conversation: u64, item: u64) -> Self {
        Self { conversation, item, chunk: None }
    }

    /// A file's chunk.
    pub fn chunk(conversation: u64, item: u64, chunk: u64) -> Self {
        Self { conversation, item, chunk: Some(chunk) }
    }

    pub(crate) fn owner(self) -> Owner {
        let kind = if self.chunk.is_some() { FrameKind::Chunk } else { FrameKind::Item };
        owner(kind, 0, self.conversation, self.item, self.chunk.unwrap_or(0))
    }
}

/// What to erase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// One body; without a chunk number the whole item, a file with all its chunks.
    Place(Place),
    /// Everything in a conversation.
    Conversation(u64),
}

impl Target {
    /// Is this place erased with the target?
    pub fn covers(&self, place: &Place) -> bool {
        match self {
            Self::Conversation(conversation) => place.conversation == *conversation,
            Self::Place(target) => {
                (target.conversation, target.item) == (place.conversation, place.item)
                    && (target.chunk.is_none() || target.chunk == place.chunk)
            }
        }
    }
}

/// What a frame of bodies or tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameKind {
    Item,
    Chunk,
    Pending,
    Top,
    Conversations,
    Items,
    Chunks,
    Snapshot,
}

impl FrameKind {
    fn number(self) -> u8 {
        match self {
            Self::Item => 1,
            Self::Chunk => 2,
            Self::Pending => 3,
            Self::Top => 4,
            Self::Conversations => 5,
            Self::Items => 6,
            Self::Chunks => 7,
            Self::Snapshot => 8,
        }
    }

    fn from_number(number: u8) -> Option<Self> {
        let all = [Self::Item, Self::Chunk, Self::Pending, Self::Top];
        let more = [Self::Conversations, Self::Items, Self::Chunks, Self::Snapshot];
        all.into_iter().chain(more).find(|kind| kind.number() == number)
    }
}

/// An owner: kind, level, six zeros, then three numbers.
pub(crate) fn owner(kind: FrameKind, level: u8, conversation: u64, item: u64, index: u64) -> Owner {
    let mut owner = [0; 32];
    (owner[0], owner[1]) = (kind.number(), level);
    owner[8..16].copy_from_slice(&conversation.to_le_bytes());
    owner[16..24].copy_from_slice(&item.to_le_bytes());
    owner[24..].copy_from_slice(&index.to_le_bytes());
    owner
}

/// An owner's parts, as [`owner`] put them together.
pub(crate) fn parts(owner: &Owner) -> Option<(FrameKind, u8, u64, u64, u64)> {
    let number = |at: usize| owner[at..].first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
    Some((FrameKind::from_number(owner[0])?, owner[1], number(8)?, number(16)?, number(24)?))
}

/// Which part of the tree a node belongs to. Ordered so that children come before their parents' areas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Area {
    Chunks { conversation: u64, item: u64 },
    Items { conversation: u64 },
    Conversations,
}

/// A node: its area, its height above the leaves, and which of its level it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeId {
    pub(crate) area: Area,
    pub(crate) level: u8,
    pub(crate) index: u64,
}

/// Slots of a node, as a power of two.
pub(crate) const FANOUT_BITS: u32 = 4;
/// Slots of a node.
pub(crate) const FANOUT: u8 = 1 << FANOUT_BITS;
/// Highest level a number of 64 bits can need.
pub(crate) const LEVEL_MAX: u8 = 15;

impl NodeId {
    /// The node of a level on the way to `number`.
    pub(crate) fn towards(area: Area, level: u8, number: u64) -> Self {
        let shift = FANOUT_BITS * (u32::from(level) + 1);
        Self { area, level, index: number.checked_shr(shift).unwrap_or(0) }
    }

    pub(crate) fn owner(&self) -> Owner {
        match self.area {
            Area::Conversations => owner(FrameKind::Conversations, self.level, 0, 0, self.index),
            Area::Items { conversation } => owner(FrameKind::Items, self.level, conversation, 0, self.index),
            Area::Chunks { conversation, item } => {
                owner(FrameKind::Chunks, self.level, conversation, item, self.index)
            }
        }
    }

    /// Which of the level below the slot at `digit` leads to.
    pub(crate) fn child(&self, digit: u8) -> u64 {
        (self.index << FANOUT_BITS) + u64::from(digit)
    }

    /// A place of which the way leads through this node.
    pub(crate) fn first_place(&self) -> Place {
        let first = self.first_number();
        match self.area {
            Area::Conversations => Place::item(first, 0),
            Area::Items { conversation } => Place::item(conversation, first),
            Area::Chunks { conversation, item } => Place::chunk(conversation, item, first),
        }
    }

    /// The lowest number under this node.
    pub(crate) fn first_number(&self) -> u64 {
        self.index.checked_shl(FANOUT_BITS * (u32::from(self.level) + 1)).unwrap_or(0)
    }

    /// The highest number under this node.
    pub(crate) fn last_number(&self) -> u64 {
        let below = u64::MAX.checked_shr(64 - FANOUT_BITS.saturating_mul(u32::from(self.level) + 1).min(64));
        self.first_number() | below.unwrap_or(0)
    }
}

/// Which slot of a node of `level` leads to `number`.
pub(crate) fn digit(level: u8, number: u64) -> u8 {
    (number.checked_shr(FANOUT_BITS * u32::from(level)).unwrap_or(0) & u64::from(FANOUT - 1)) as u8
}

/// Does a tree whose top has this level reach `number`?
pub(crate) fn covers(level: u8, number: u64) -> bool {
    NodeId::towards(Area::Conversations, level, number).index == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_its_level() {
        assert!(covers(0, 15) && !covers(0, 16) && covers(1, 255) && !covers(1, 256));
        assert!(!covers(LEVEL_MAX - 1, u64::MAX) && covers(LEVEL_MAX, u64::MAX));
        assert_eq!((digit(0, 254), digit(1, 239), digit(LEVEL_MAX, u64::MAX)), (14, 14, 15));
        let node = NodeId::towards(Area::Items { conversation: 3 }, 1, 9000);
        assert!(node.first_number() <= 9000 && 9000 < node.first_number() + 256);
        assert_eq!(node.last_number(), node.first_number() + 255);
        let all = NodeId::towards(Area::Conversations, LEVEL_MAX, u64::MAX);
        assert_eq!((all.first_number(), all.last_number()), (0, u64::MAX));
    }

    #[test]
    fn owners_are_told_apart() {
        let place = Place::chunk(1, 2, 3);
        assert_eq!(parts(&place.owner()), Some((FrameKind::Chunk, 0, 1, 2, 3)));
        assert_ne!(Place::item(1, 2).owner(), Place::chunk(1, 2, 0).owner());
        assert!(Target::Place(Place::item(1, 2)).covers(&place));
        assert!(!Target::Place(Place::chunk(1, 2, 4)).covers(&place));
    }
}
