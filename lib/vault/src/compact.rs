//! Step (g) and compaction: gives extents back that nothing alive lies in any more, and empties those in which little
//! does. Room and hygiene, never a promise of erasure; no step is longer than its bounds, so that batches may come between.
//!
//! What is alive moves as it is, ciphertext by ciphertext, into a batch that also writes the tree with the new places and
//! gives the emptied extent back: a crash before that batch counts leaves everything where it was, a crash after it finds
//! everything where the tree says. The census only suggests; every frame is asked before it is left behind.

use std::collections::BTreeSet;

use disk::{Claim, CommitFields, FrameName, Stream, Stretch};
use rand_core::CryptoRng;

use crate::draft::Draft;
use crate::error::Error;
use crate::judge::{Judged, bad_place, judge};
use crate::place::{Area, NodeId, Place};
use crate::vault::{LEVELS, NODE_BYTES, Vault, locked};
use crate::victim::{Choice, Need, Victim};

/// Nodes of leaves that one step of counting looks at.
const NODES_COUNTED: usize = 256;
/// Frames that one step looks at, and how many of them at once.
const FRAMES_SEEN: usize = 1024;
const FRAMES_AT_ONCE: usize = 32;
/// Frames that one step moves. Every step that writes leaves a commit record in the journal for good: it should be worth
/// one.
const FRAMES_MOVED: usize = 256;
/// Nodes that one step writes, in large extents and in small ones.
const NODES_WRITTEN: u64 = 2048;
const NODES_WRITTEN_MIN: u64 = 48;
/// Bytes that one step moves, in large extents.
const BYTES_MOVED: u64 = 256 * 1024;
/// What a run has around its frames, and the journal's run of a batch without entries.
const RUN_BYTES: u64 = 8192;

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tended {
    /// There is nothing to do until something is written or erased.
    Idle,
    /// It went on; more is to be done.
    Working,
    /// An extent was given back.
    Freed,
    /// A frame near this byte does not open, does not read or cannot be judged. Its extent is left as it is until the next
    /// start.
    Damaged(u64),
}

/// What one step found alive.
#[derive(Default)]
struct Alive {
    bodies: Vec<(Place, FrameName, Vec<u8>)>,
    nodes: Vec<NodeId>,
    top: bool,
    /// Something still waits under J: it is folded first.
    pending: bool,
    /// A frame of a snapshot.
    snapshot: bool,
}

impl Alive {
    fn is_empty(&self) -> bool {
        self.bodies.is_empty() && self.nodes.is_empty() && !self.top
    }

    /// How many nodes go into the tree write when all this moves, at most.
    fn nodes_written(&self) -> u64 {
        let mut nodes = BTreeSet::new();
        for (Place { conversation, item, chunk }, ..) in &self.bodies {
            let (conversation, item) = (*conversation, *item);
            add_path(&mut nodes, Area::Items { conversation }, item, 0);
            let area = Area::Chunks { conversation, item };
            chunk.iter().for_each(|chunk| add_path(&mut nodes, area, *chunk, 0));
        }
        self.nodes.iter().for_each(|id| add_path(&mut nodes, id.area, id.first_number(), id.level));
        nodes.len() as u64
    }
}

/// Adds the nodes from this level of an area upwards, and those that lead to the area.
fn add_path(nodes: &mut BTreeSet<NodeId>, area: Area, number: u64, from: u8) {
    nodes.extend((from..LEVELS.max(from + 1)).map(|level| NodeId::towards(area, level, number)));
    match area {
        Area::Chunks { conversation, item } => add_path(nodes, Area::Items { conversation }, item, 0),
        Area::Items { conversation } => add_path(nodes, Area::Conversations, conversation, 0),
        Area::Conversations => {}
    }
}

impl Vault {
    /// One bounded step towards more room. Between steps the vault is whole, and anything else may happen.
    pub fn tend(&mut self, need: Need, rng: &mut dyn CryptoRng) -> Result<Tended, Error> {
        match self.tend_on(need, rng) {
            // Nothing was changed by what found no room.
            Err(error) if error.is_full() => Ok(Tended::Idle),
            tended => tended,
        }
    }

    fn tend_on(&mut self, need: Need, rng: &mut dyn CryptoRng) -> Result<Tended, Error> {
        self.check_open()?;
        if self.fold_is_wanted() {
            self.fold(rng)?;
            return Ok(Tended::Working);
        }
        if !locked(&self.tree).count_on(NODES_COUNTED)? {
            return Ok(Tended::Working);
        }
        let victim = match self.next_victim(need)? {
            Choice::Extent(victim) => victim,
            Choice::FoldFirst => {
                self.fold(rng)?;
                return Ok(Tended::Working);
            }
            Choice::Nothing if self.fold_is_near() => {
                self.fold(rng)?;
                return Ok(Tended::Working);
            }
            Choice::Nothing => return Ok(Tended::Idle),
        };
        let extent = victim.extent;
        self.empty(victim, rng).or_else(|error| {
            // Whatever was begun wrote nothing: an error of writing is another one.
            let offset = bad_place(&self.log.reader(), &error).ok_or(error)?;
            self.compaction.left_alone.insert(extent);
            Ok(Tended::Damaged(offset))
        })
    }

    /// Looks at the victim's next frames and moves what is alive; with the last ones the extent is given back.
    fn empty(&mut self, mut victim: Victim, rng: &mut dyn CryptoRng) -> Result<Tended, Error> {
        let nodes = (self.log.extent_bytes() / NODE_BYTES / 2).clamp(NODES_WRITTEN_MIN, NODES_WRITTEN);
        let bytes = self.bytes_moved();
        let (mut alive, mut seen, mut to_move) = (Alive::default(), 0, 0);
        let mut is_empty = false;
        while seen < FRAMES_SEEN
            && to_move < bytes
            && alive.bodies.len() + alive.nodes.len() < FRAMES_MOVED
            && alive.nodes_written() < nodes
        {
            let Some(stretch) = victim.walk.next(FRAMES_AT_ONCE.min(nodes as usize), bytes - to_move)? else {
                is_empty = true;
                break;
            };
            seen += stretch.frames.len();
            to_move += self.look_at(&stretch, &mut alive)?;
            if alive.snapshot && self.compaction.kept.is_partial {
                self.compaction.kept.extents.insert(victim.extent);
                return Ok(Tended::Working);
            }
            if alive.pending {
                // What waits under J is counted with the fold; whether this extent is still worth it is asked again.
                self.fold(rng)?;
                return Ok(Tended::Working);
            }
        }
        if alive.is_empty() && !is_empty {
            self.compaction.victim = Some(victim);
            return Ok(Tended::Working);
        }
        if !self.has_room_for(&alive) {
            return Ok(Tended::Idle);
        }
        self.move_alive(&alive, is_empty.then_some(victim.extent), rng)?;
        if is_empty {
            return Ok(Tended::Freed);
        }
        self.compaction.victim = Some(victim);
        Ok(Tended::Working)
    }

    /// Bytes that one step moves, but for the last frame's.
    pub(crate) fn bytes_moved(&self) -> u64 {
        BYTES_MOVED.min(self.log.extent_bytes() / 2)
    }

    /// Whether the step's batch finds room, whatever it needs: one that does not would leave a half-changed tree.
    fn has_room_for(&self, alive: &Alive) -> bool {
        let space = self.log.space();
        let extents = |stream, bytes: u64| match bytes > self.log.tail_bytes(stream) {
            true => bytes.div_ceil(self.log.extent_bytes()) as u32,
            false => 0,
        };
        let journal = extents(Stream::Journal, RUN_BYTES);
        if alive.is_empty() {
            return journal <= space.free;
        }
        let bodies: u64 = alive.bodies.iter().map(|(_, name, _)| u64::from(name.position.length) + 52).sum();
        let bodies = if bodies > 0 { extents(Stream::Bodies, bodies + RUN_BYTES) } else { 0 };
        let tree = extents(Stream::Tree, alive.nodes_written() * NODE_BYTES + RUN_BYTES);
        // One extent stays for an erasure, whatever this turns out to gain.
        journal + bodies + tree < space.free
    }

    /// Which frames of a stretch the tree still names. Gives how many bytes are to be moved.
    fn look_at(&self, stretch: &Stretch, alive: &mut Alive) -> Result<u64, Error> {
        let mut tree = locked(&self.tree);
        let mut bodies = Vec::new();
        let mut bytes = 0;
        for name in &stretch.frames {
            match judge(&mut tree, name)? {
                Judged::Dead => continue,
                Judged::Snapshot => {
                    alive.snapshot = true;
                    continue;
                }
                Judged::Pending => alive.pending = true,
                Judged::Body(place, tag) => bodies.push((place, *name, tag)),
                Judged::Node(id) => alive.nodes.push(id),
                Judged::Top => alive.top = true,
            }
            bytes += u64::from(name.position.length);
        }
        drop(tree);
        if bodies.is_empty() {
            return Ok(bytes);
        }
        let read = stretch.read()?;
        for (place, name, tag) in bodies {
            let sealed = read.frame(&name)?;
            if crate::seal::tag_of(sealed) != Some(tag) {
                return Err(Error::Damaged { what: "a body", offset: name.position.offset });
            }
            alive.bodies.push((place, name, sealed.to_vec()));
        }
        Ok(bytes)
    }

    /// One batch: what is alive at its new place, the tree that names it there, and the emptied extent given back.
    fn move_alive(
        &mut self,
        alive: &Alive,
        emptied: Option<u32>,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), Error> {
        let fields = self.base_fields();
        // Readers wait for this one sync: until then nodes name positions that are not on the device.
        let mut tree = locked(&self.tree);
        let mut batch = self.log.begin(Claim::Erasing, rng)?;
        let mut places = Vec::with_capacity(alive.bodies.len());
        for (place, name, sealed) in &alive.bodies {
            let position = batch.body(&name.owner, sealed.len(), |slot, _| slot.copy_from_slice(sealed))?;
            places.push((place, position));
        }
        emptied.into_iter().try_for_each(|extent| batch.free(extent))?;
        if alive.is_empty() {
            batch.commit(fields)?;
            return Ok(());
        }
        let mut draft = Draft::over(&mut tree);
        places.into_iter().try_for_each(|(place, position)| draft.moved(place, position))?;
        alive.nodes.iter().try_for_each(|id| draft.touch(*id))?;
        let change = draft.write(&mut batch)?;
        // A crash before this commit counts: the old top rules, and every frame still lies where it says.
        batch.commit(CommitFields { top: Some(change.top_at), ..fields })?;
        // A crash here: all lies at its new place; the emptied extent is nobody's.
        self.cut.extend(tree.apply(change));
        Ok(())
    }
}
