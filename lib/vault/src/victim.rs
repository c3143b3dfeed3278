//! Which extent is emptied next: one in which nothing lives, else the one that gives most for what it costs.
//! Never one in which a snapshot lies, or damage, and never by more than the census suggests: every frame is asked later.

use std::collections::BTreeSet;

use disk::{ExtentWalk, Position};

use crate::error::Error;
use crate::snapshot;
use crate::vault::{Vault, locked};

/// What a step leaves behind for good, or until the tree's extents are emptied in their turn: commit record, upper nodes.
const STEP_COSTS_BYTES: u64 = 8192;
/// Free extents below which no extent with something alive in it is begun.
const EXTENTS_TO_MOVE: u32 = 2;

/// How much the caller wants room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// There is enough: only what is mostly dead is worth the writing.
    Hygiene,
    /// There is little: whatever gains room.
    Room,
}

/// Where the work stands. In memory only: a start begins anew.
#[derive(Default)]
pub(crate) struct Compaction {
    /// The extent that is being emptied.
    pub(crate) victim: Option<Victim>,
    /// One that waits until wholly dead ones are given back.
    paused: Option<Victim>,
    /// Extents with damage in them.
    pub(crate) left_alone: BTreeSet<u32>,
    /// What the two newest snapshots are made of, as far as is known.
    pub(crate) kept: Kept,
}

/// The extents in which snapshots lie.
#[derive(Default)]
pub(crate) struct Kept {
    /// Of these snapshots; `None`: it was not looked yet.
    of: Option<[Option<Position>; 2]>,
    pub(crate) extents: BTreeSet<u32>,
    /// An index does not read: any frame of a snapshot may be its.
    pub(crate) is_partial: bool,
}

pub(crate) struct Victim {
    pub(crate) extent: u32,
    /// The census knows of nothing alive in it.
    is_dead: bool,
    pub(crate) walk: ExtentWalk,
}

/// What is to be done next.
pub(crate) enum Choice {
    Extent(Victim),
    /// Extents worth it hold leaves or lists that wait under J.
    FoldFirst,
    Nothing,
}

/// What the census suggests.
enum Chosen {
    Dead(u32),
    Worth(u32),
    FoldFirst,
    Nothing,
}

impl Vault {
    /// The victim under way, unless a wholly dead extent was found meanwhile: that one costs nothing.
    pub(crate) fn next_victim(&mut self, need: Need) -> Result<Choice, Error> {
        let closed = self.log.closed_extents();
        let Compaction { victim, paused, .. } = &mut self.compaction;
        let under_way = victim.take().or_else(|| paused.take()).filter(|one| closed.contains(&one.extent));
        if under_way.as_ref().is_some_and(|one| one.is_dead) {
            return Ok(under_way.map_or(Choice::Nothing, Choice::Extent));
        }
        self.find_kept()?;
        let chosen = self.choose(need, &closed);
        Ok(match (chosen, under_way) {
            (Chosen::Dead(extent), under_way) => {
                self.compaction.paused = under_way;
                Choice::Extent(Victim { extent, is_dead: true, walk: self.log.walk_extent(extent)? })
            }
            (_, Some(victim)) => Choice::Extent(victim),
            (Chosen::Worth(extent), None) => {
                Choice::Extent(Victim { extent, is_dead: false, walk: self.log.walk_extent(extent)? })
            }
            (Chosen::FoldFirst, None) => Choice::FoldFirst,
            (Chosen::Nothing, None) => Choice::Nothing,
        })
    }

    /// The extent that gives most for what it costs.
    fn choose(&self, need: Need, closed: &[u32]) -> Chosen {
        let Compaction { kept, left_alone, .. } = &self.compaction;
        let tree = locked(&self.tree);
        let of = |position: &Position| self.log.extent_of(*position);
        let waiting = tree
            .pending
            .values()
            .map(|slot| &slot.position)
            .chain(tree.lists.iter().map(|list| &list.position));
        let waiting: BTreeSet<u32> = waiting.filter_map(of).collect();
        let least = match need {
            Need::Hygiene => self.log.extent_bytes() / 2,
            Need::Room => self.log.extent_bytes() / 4,
        };
        let may_move = self.log.space().free >= EXTENTS_TO_MOVE;
        let mut best: Option<(u64, u32)> = None;
        let mut held_back = false;
        for extent in closed.iter().copied() {
            if kept.extents.contains(&extent) || left_alone.contains(&extent) {
                continue;
            }
            let (live, used) = (tree.census.live(extent), self.log.used_bytes(extent));
            let gain = match live {
                0 if !waiting.contains(&extent) => return Chosen::Dead(extent),
                live => {
                    let steps = live / self.bytes_moved() + 1;
                    used.saturating_sub(live + steps * STEP_COSTS_BYTES)
                }
            };
            if gain < least || !may_move {
                continue;
            }
            if waiting.contains(&extent) {
                held_back = true;
            } else if best.is_none_or(|(most, _)| gain > most) {
                best = Some((gain, extent));
            }
        }
        match best {
            Some((_, extent)) => Chosen::Worth(extent),
            None if held_back && need == Need::Room => Chosen::FoldFirst,
            None => Chosen::Nothing,
        }
    }

    /// The extents of both snapshots: nothing in them is ever moved.
    fn find_kept(&mut self) -> Result<(), Error> {
        let (snapshots, reader) = (self.snapshots(), self.log.reader());
        if self.compaction.kept.of == Some(snapshots) {
            return Ok(());
        }
        let mut kept = Kept { of: Some(snapshots), ..Kept::default() };
        for snapshot in snapshots.into_iter().flatten() {
            let once = || snapshot::frames(&reader, snapshot);
            let frames = match once().or_else(|_| once()) {
                Ok(frames) => frames,
                // No start will ever need anything of it.
                Err(error) if error.is_damage() => Vec::new(),
                // At the next start it may read again. Until a later snapshot has taken its place, what holds frames of
                // snapshots stays.
                Err(Error::Disk(error)) if reader.is_bad_sector(&error) => {
                    kept.is_partial = true;
                    Vec::new()
                }
                Err(other) => return Err(other),
            };
            let all = frames.into_iter().chain([snapshot]);
            kept.extents.extend(all.filter_map(|frame| self.log.extent_of(frame)));
        }
        self.compaction.kept = kept;
        Ok(())
    }
}
