//! Which tree goes on with the kept entries of a salvage: of all that a commit record or the cell names, the most whole one.
//! Never one of another epoch than the cell's root is of: in an older one what was erased since would live again.

use std::sync::Arc;

use disk::{CommitFields, Top};

use crate::error::Error;
use crate::node::TopNode;
use crate::open::{Pending, read_pending_until};
use crate::place::Place;
use crate::root_slot::RootSlot;
use crate::secret::Mask;
use crate::tree::KeyTree;
use crate::tree_walk::{Held, Walk, readable};
use crate::unlock::UnlockSecret;

/// Trees that are looked through on either side, of lost batches and of kept ones, before the most whole one is taken.
const TRIES_MAX: usize = 16;

/// A tree that the cell's root opens.
pub(crate) struct KeptTree {
    pub(crate) slot: RootSlot,
    pub(crate) at: Top,
    pub(crate) top: TopNode,
    pub(crate) pending: Pending,
    /// Every leaf, of the tree and of the lists behind it.
    pub(crate) held: Vec<Held>,
    pub(crate) unreadable: u64,
    /// A place below each node that does not read.
    pub(crate) damaged: Vec<Place>,
}

/// Where a tree is looked for.
pub(crate) struct Trees<'a> {
    pub(crate) disk: &'a disk::Salvage,
    pub(crate) unlock: Option<Arc<UnlockSecret>>,
    pub(crate) mask: &'a Arc<Mask>,
}

impl Trees<'_> {
    /// A tree of the epoch that the cell's root opens: of what the lost batches name, the newest first, then the kept ones,
    /// and the one that the cell itself names. A newer one knows what is given up, so that an epoch can take it: in one
    /// from before, its keys would live on in later versions of the same nodes. One that is older than the newest kept state
    /// may be whole and lack what was said since: it is taken only where it knows more than what else opens.
    pub(crate) fn choose(&self, slot: &RootSlot) -> Result<Option<KeptTree>, Error> {
        let of_epoch = |fields: &CommitFields| match fields {
            CommitFields { epoch, top: Some(top), pending, .. } if *epoch == slot.epoch => {
                Some((*top, *pending))
            }
            CommitFields { next_top: Some(top), .. } if *top == slot.top => Some((*top, None)),
            CommitFields { .. } => None,
        };
        let mut walked = Walked { trees: Vec::new(), left: TRIES_MAX };
        let (mut sound, mut partial) = (None, None);
        let lost = self.disk.lost().filter_map(|named| of_epoch(&named.fields));
        for (at, pending) in lost {
            let Some(tried) = self.attempt(&mut walked, slot, at, pending)? else { continue };
            if tried.is_whole() {
                return self.kept(slot, &tried);
            }
            let better = if tried.ended { &mut partial } else { &mut sound };
            tried.replace_if(better, |best| tried.unreadable < best.unreadable);
        }
        // A budget of their own: however many lost ones fail, what was kept is looked at.
        walked.left = TRIES_MAX;
        let mut most = None;
        let kept = self.disk.kept().filter_map(|named| of_epoch(&named.fields));
        for (number, (at, pending)) in kept.chain([(slot.top, None)]).enumerate() {
            let Some(tried) = self.attempt(&mut walked, slot, at, pending)? else { continue };
            if number == 0 && tried.is_whole() {
                return self.kept(slot, &tried);
            }
            if number == 0 && !tried.ended {
                tried.replace_if(&mut sound, |best| tried.unreadable < best.unreadable);
            }
            tried.replace_if(&mut most, |best| tried.places > best.places);
        }
        let best = match (sound, most) {
            (Some(sound), Some(most)) if most.places > sound.places => Some(most),
            (Some(sound), _) => Some(sound),
            (None, most) => most.or(partial),
        };
        best.map_or(Ok(None), |best| self.kept(slot, &best))
    }

    /// The tree that was chosen, walked once more: of those that were only tried no places are kept.
    fn kept(&self, slot: &RootSlot, Tried { at, lists, .. }: &Tried) -> Result<Option<KeptTree>, Error> {
        let gone = Error::Damaged { what: "the top of the tree", offset: at.position.offset };
        let Whole { top, mut held, damaged } = self.walk(slot, *at)?.ok_or(gone)?;
        let (pending, ended) = self.pending(&top, *lists)?;
        held.extend(pending.0.keys().map(|place| Held { place: *place, bodies: 1 }));
        let unreadable = damaged.len() as u64 + u64::from(ended);
        Ok(Some(KeptTree { slot: slot.clone(), at: *at, top, pending, held, unreadable, damaged }))
    }

    /// A tree with the lists behind it, as far as they read.
    fn attempt(
        &self,
        walked: &mut Walked,
        slot: &RootSlot,
        at: Top,
        lists: Option<Top>,
    ) -> Result<Option<Tried>, Error> {
        let Some(counted) = walked.find(at, || self.walk(slot, at))? else { return Ok(None) };
        let (pending, ended) = self.pending(&counted.top, lists)?;
        let (places, unreadable) = (counted.places + pending.0.len(), counted.unreadable + u64::from(ended));
        Ok(Some(Tried { at, lists, ended, unreadable, places }))
    }

    /// The leaves of these lists, and whether one did not read.
    fn pending(&self, top: &TopNode, lists: Option<Top>) -> Result<(Pending, bool), Error> {
        let (reader, store) = (self.disk.reader(), self.disk.store());
        let (pending, ended) = read_pending_until(&reader, &store, &top.j, lists, self.mask);
        let ended = match ended {
            Some(error) => readable::<()>(Err(error))?.is_none(),
            None => false,
        };
        Ok((pending, ended))
    }

    fn walk(&self, slot: &RootSlot, at: Top) -> Result<Option<Whole>, Error> {
        let (reader, store) = (self.disk.reader(), self.disk.store());
        let top = KeyTree::open_top(&reader, &store, &slot.root, self.unlock.as_deref(), at, self.mask);
        let Some(top) = readable(top)?.filter(|top| top.epoch == slot.epoch) else { return Ok(None) };
        let (held, damaged) = Walk::over(reader, store, Arc::clone(self.mask), &top)?;
        Ok(Some(Whole { top, held, damaged }))
    }
}

/// All of one tree, but for the lists behind it.
struct Whole {
    top: TopNode,
    held: Vec<Held>,
    damaged: Vec<Place>,
}

/// What is remembered of a tree that was tried.
struct Counted {
    top: TopNode,
    places: usize,
    unreadable: u64,
}

/// Trees that were walked: many states name the same one.
struct Walked {
    trees: Vec<(Top, Option<Counted>)>,
    /// So many more may be walked.
    left: usize,
}

impl Walked {
    fn find(
        &mut self,
        at: Top,
        walk: impl FnOnce() -> Result<Option<Whole>, Error>,
    ) -> Result<Option<&Counted>, Error> {
        let known = self.trees.iter().position(|(top, _)| *top == at);
        let number = match known {
            Some(number) => number,
            None if self.left == 0 => return Ok(None),
            None => {
                self.left -= 1;
                let counted = |Whole { top, held, damaged }| {
                    let (places, unreadable) = (held.len(), damaged.len() as u64);
                    Counted { top, places, unreadable }
                };
                self.trees.push((at, walk()?.map(counted)));
                self.trees.len() - 1
            }
        };
        Ok(self.trees[number].1.as_ref())
    }
}

/// A tree and lists that may be taken.
#[derive(Clone, Copy)]
struct Tried {
    at: Top,
    lists: Option<Top>,
    /// A list did not read: what stood in it and in those before it is lost.
    ended: bool,
    unreadable: u64,
    places: usize,
}

impl Tried {
    fn is_whole(&self) -> bool {
        self.unreadable == 0
    }

    fn replace_if(&self, best: &mut Option<Self>, is_better: impl FnOnce(&Self) -> bool) {
        if best.as_ref().is_none_or(is_better) {
            *best = Some(*self);
        }
    }
}
