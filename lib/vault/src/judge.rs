//! Which frames of an extent are alive, and whose errors say only that nobody knows.
//! Never moves anything, and takes no frame for dead that it cannot judge.

use disk::FrameName;

use crate::error::Error;
use crate::node::Child;
use crate::place::{Area, FrameKind, NodeId, Place, parts};
use crate::reader::VaultReader;
use crate::tree::KeyTree;

/// What the tree says of a frame.
pub(crate) enum Judged {
    Dead,
    /// A snapshot's: dead, since the extents of the two newest are never chosen, unless nobody knows these.
    Snapshot,
    Pending,
    /// A body, and the tag its slot demands.
    Body(Place, [u8; disk::TAG_BYTES]),
    Node(NodeId),
    Top,
}

/// Does the tree, or a leaf that waits, still name this frame?
pub(crate) fn judge(tree: &mut KeyTree, frame: &FrameName) -> Result<Judged, Error> {
    let foreign = Error::Damaged { what: "an owner", offset: frame.position.offset };
    let (kind, level, conversation, item, index) = parts(&frame.owner).ok_or(foreign)?;
    let area = match kind {
        FrameKind::Item => return judge_body(tree, frame, Place::item(conversation, item)),
        FrameKind::Chunk => return judge_body(tree, frame, Place::chunk(conversation, item, index)),
        FrameKind::Pending if tree.lists.iter().any(|list| list.position == frame.position) => {
            return Ok(Judged::Pending);
        }
        FrameKind::Top if tree.top_at.position == frame.position => return Ok(Judged::Top),
        FrameKind::Snapshot => return Ok(Judged::Snapshot),
        FrameKind::Pending | FrameKind::Top => return Ok(Judged::Dead),
        FrameKind::Conversations => Area::Conversations,
        FrameKind::Items => Area::Items { conversation },
        FrameKind::Chunks => Area::Chunks { conversation, item },
    };
    let id = NodeId { area, level, index };
    let is_alive = tree.position_of(id)? == Some(frame.position);
    Ok(if is_alive { Judged::Node(id) } else { Judged::Dead })
}

fn judge_body(tree: &mut KeyTree, frame: &FrameName, place: Place) -> Result<Judged, Error> {
    let slot = tree.lookup(&place)?.filter(|slot| slot.child == Child::Leaf);
    Ok(match slot.filter(|slot| slot.position == frame.position) {
        Some(_) if tree.pending.contains_key(&place) => Judged::Pending,
        Some(slot) => Judged::Body(place, slot.tag),
        None => Judged::Dead,
    })
}

/// Near which byte something lies that is damaged, or in a bad sector: nothing can be said of it, and all else goes on.
/// `None`: the error is another one, that of writing or of a device that is gone as a whole.
pub(crate) fn bad_place(reader: &disk::Reader, error: &Error) -> Option<u64> {
    if let Error::Damaged { offset, .. }
    | Error::Disk(disk::Error::Damaged { offset, .. } | disk::Error::Frame { offset }) = error
    {
        return Some(*offset);
    }
    let Error::Disk(error) = error else { return None };
    error.unread_at().filter(|_| reader.is_bad_sector(error))
}

impl VaultReader {
    /// Near which byte of the device something is damaged or does not read, where this error comes of that: whoever tries again
    /// comes to the same. `None`: the error is another one, or the device is gone as a whole.
    pub fn bad_place(&self, error: &Error) -> Option<u64> {
        bad_place(self.disk(), error)
    }
}
