//! Step (g): gives extents back whose every frame is dead. Hygiene and space, never a promise of erasure.
//! Moves nothing: an extent with one live frame stays as it is until compaction.

use std::collections::BTreeSet;

use disk::{FrameRecord, Position};
use rand_core::CryptoRng;

use crate::error::Error;
use crate::place::{Area, FrameKind, NodeId, Place, parts};
use crate::snapshot;
use crate::tree::KeyTree;
use crate::vault::{Vault, locked};

/// One batch can give this many back.
const EXTENTS_PER_SWEEP: usize = 256;

impl Vault {
    /// Looks at up to `extents_max` closed extents, going on where the last sweep stopped, and frees the dead ones in
    /// a batch of their own. Gives how many were freed.
    pub fn sweep(&mut self, extents_max: usize, rng: &mut dyn CryptoRng) -> Result<usize, Error> {
        self.check_open()?;
        let kept = self.kept_frames()?;
        let closed = self.log.closed_extents();
        let start = closed.partition_point(|extent| *extent < self.swept);
        let turn =
            closed.iter().cycle().skip(start).take(extents_max.min(closed.len()).min(EXTENTS_PER_SWEEP));
        let mut dead = Vec::new();
        for extent in turn {
            self.swept = extent + 1;
            let frames = self.log.frames_of_extent(*extent)?;
            let mut tree = locked(&self.tree);
            let mut alive = false;
            for frame in &frames {
                alive = alive || kept.contains(&frame.position) || is_alive(&mut tree, frame)?;
            }
            if !alive {
                dead.push(*extent);
            }
        }
        if dead.is_empty() {
            return Ok(0);
        }
        let root = self.journal().1;
        let mut batch = self.begin(true, rng)?;
        dead.iter().try_for_each(|extent| batch.free(*extent))?;
        batch.commit(root)?;
        Ok(dead.len())
    }

    /// Frames that no slot of the tree names and that live all the same.
    fn kept_frames(&self) -> Result<BTreeSet<Position>, Error> {
        let mut kept: BTreeSet<Position> =
            locked(&self.tree).lists.iter().map(|list| list.position).collect();
        kept.insert(locked(&self.tree).top_at.position);
        for snapshot in self.snapshots().into_iter().flatten() {
            // Of one that does not open no start will ever need anything.
            kept.extend(snapshot::frames(&self.log.reader(), snapshot).unwrap_or_default());
        }
        Ok(kept)
    }
}

/// Does the tree, or a pending leaf, still name this frame?
fn is_alive(tree: &mut KeyTree, frame: &FrameRecord) -> Result<bool, Error> {
    let foreign = Error::Damaged { what: "an owner", offset: frame.position.offset };
    let (kind, level, conversation, item, index) = parts(&frame.owner).ok_or(foreign)?;
    let node = |area| NodeId { area, level, index };
    let position = match kind {
        FrameKind::Item => tree.lookup(&Place::item(conversation, item))?.map(|slot| slot.position),
        FrameKind::Chunk => tree.lookup(&Place::chunk(conversation, item, index))?.map(|slot| slot.position),
        FrameKind::Conversations => tree.position_of(node(Area::Conversations))?,
        FrameKind::Items => tree.position_of(node(Area::Items { conversation }))?,
        FrameKind::Chunks => tree.position_of(node(Area::Chunks { conversation, item }))?,
        FrameKind::Pending | FrameKind::Top | FrameKind::Snapshot => None,
    };
    Ok(position == Some(frame.position))
}
