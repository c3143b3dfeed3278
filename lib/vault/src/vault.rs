//! The store as its one writer sees it: the log, the key tree and the cell together.
//! Never acknowledges and never decides who may erase: it does what it is told, in the order that survives.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use disk::{Claim, CommitFields, JournalEntries, JournalEntry, Log, PersonKey, Position, Space, StoreId};
use hardening::PageKind;
use rand_core::CryptoRng;

use crate::batch::Batch;
use crate::cell::{CellKind, RootCell};
use crate::draft::{CutOff, Draft};
use crate::error::Error;
use crate::mirror::{CellLook, CellState, Keeper, Looked};
use crate::place::Place;
use crate::reader::VaultReader;
use crate::tree::KeyTree;
use crate::victim::Compaction;

/// Everything here that can grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Opened nodes kept in memory (about 2 KiB each).
    pub nodes_cached: usize,
    /// Leaf keys that wait under J before they are folded into the tree.
    pub fold_leaves: usize,
    /// Lists that a start would have to read, before they are folded.
    pub fold_lists: usize,
    /// Bytes of one body as the caller gives it.
    pub body_bytes_max: usize,
    /// Targets of one erasure epoch.
    pub targets_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            nodes_cached: 16_384,
            fold_leaves: 4096,
            fold_lists: 1024,
            body_bytes_max: 1 << 20,
            targets_max: 4096,
        }
    }
}

/// A full node on the device, roughly.
pub(crate) const NODE_BYTES: u64 = 1152;
/// Levels of nodes above a frame that are reckoned with when its path is written; above them hardly any is counted twice.
pub(crate) const LEVELS: u8 = 5;
/// Places that one batch mends the way to: however far apart they lie, its nodes fit what a commit record names.
const PLACES_MENDED: usize = 256;
/// Leaves that may wait however small an extent is.
const TIGHT_LEAVES_MIN: usize = 4;

/// May batches be written?
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Yes.
    Open,
    /// The next epoch's tree is on the device and the cell still names the old root: nothing else may be written.
    TreeWritten,
    /// A cell operation failed: what it left behind is only known to the next start.
    Failed,
}

/// An open vault. One writer; readers beside it through [`Vault::reader`].
pub struct Vault {
    pub(crate) log: Log,
    pub(crate) tree: Arc<Mutex<KeyTree>>,
    pub(crate) keeper: Keeper,
    pub(crate) limits: Limits,
    pub(crate) phase: Phase,
    pub(crate) compaction: Compaction,
    /// Told to nobody yet.
    pub(crate) cut: Vec<CutOff>,
}

/// The tree, also after a panic of another thread: only [`KeyTree::apply`] changes what it says.
pub(crate) fn locked(tree: &Mutex<KeyTree>) -> MutexGuard<'_, KeyTree> {
    tree.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Vault {
    /// Begins a batch of journal entries, bodies and verifiers, which may take what its claim says.
    pub fn begin<'a>(&'a mut self, claim: Claim, rng: &'a mut dyn CryptoRng) -> Result<Batch<'a>, Error> {
        self.check_open()?;
        if self.fold_is_due() {
            // Without room for it the leaves wait on, and the batch may still fit.
            self.fold_with(claim, rng).or_else(|error| if error.is_full() { Ok(()) } else { Err(error) })?;
        }
        self.begin_unfolded(claim, rng)
    }

    fn begin_unfolded<'a>(
        &'a mut self,
        claim: Claim,
        rng: &'a mut dyn CryptoRng,
    ) -> Result<Batch<'a>, Error> {
        let fields = self.base_fields();
        let batch = self.log.begin(claim, rng)?;
        Ok(Batch::new(batch, &self.tree, fields, self.limits, &mut self.cut))
    }

    /// Behind a salvage whose entries stand: from the next batch on a start takes the store, if its cells do.
    pub fn leave_mark(&mut self) {
        self.log.leave_mark();
    }

    /// Behind a salvage: the very batch by which a start takes the store, if its cells do. Nothing is written between the mark
    /// and it: a fold that is due waits for the batch behind, since a start would take that one without these entries.
    pub fn begin_behind_mark<'a>(
        &'a mut self,
        claim: Claim,
        rng: &'a mut dyn CryptoRng,
    ) -> Result<Batch<'a>, Error> {
        self.check_open()?;
        self.log.leave_mark();
        self.begin_unfolded(claim, rng)
    }

    pub(crate) fn check_open(&self) -> Result<(), Error> {
        match self.phase {
            Phase::Open => Ok(()),
            Phase::TreeWritten => Err(Error::ErasureUnderWay),
            Phase::Failed => Err(Error::Poisoned),
        }
    }

    /// The fields of a commit that changes neither tree nor pending lists.
    pub(crate) fn base_fields(&self) -> CommitFields {
        let tree = locked(&self.tree);
        CommitFields {
            epoch: tree.top.epoch,
            top: Some(tree.top_at),
            next_top: None,
            pending: tree.lists.last().copied(),
            ..self.log.fields().clone()
        }
    }

    fn fold_is_due(&self) -> bool {
        let tree = locked(&self.tree);
        let leaves = tree.pending.len();
        leaves >= self.fold_leaves()
            || tree.lists.len() >= self.limits.fold_lists
            || self.is_tight() && leaves >= self.tight_leaves()
    }

    /// Is there so little room that the next erasure may have to do with what is kept for it?
    pub(crate) fn is_tight(&self) -> bool {
        let space = self.space();
        space.free <= 2 * space.reserve
    }

    /// However far apart they belong: what an erasure has to fold fits one of the extents that are kept for it.
    fn tight_leaves(&self) -> usize {
        ((self.log.extent_bytes() / (NODE_BYTES * u64::from(LEVELS))) as usize).max(TIGHT_LEAVES_MIN)
    }

    /// Must what waits be folded before an erasure that comes, since there will be no more room then?
    pub(crate) fn fold_is_wanted(&self) -> bool {
        self.is_tight() && locked(&self.tree).pending.len() >= self.tight_leaves()
    }

    /// However far apart they belong: what one fold writes fits a few extents.
    fn fold_leaves(&self) -> usize {
        self.limits.fold_leaves.min((2 * self.log.extent_bytes() / NODE_BYTES) as usize)
    }

    /// Half of what makes a batch wait for a fold waits already: whoever has time does it before.
    pub(crate) fn fold_is_near(&self) -> bool {
        let tree = locked(&self.tree);
        2 * tree.pending.len() >= self.fold_leaves() || 2 * tree.lists.len() >= self.limits.fold_lists
    }

    /// Folds all waiting leaf keys into the tree: one batch of its own, every few thousand bodies.
    pub fn fold(&mut self, rng: &mut dyn CryptoRng) -> Result<(), Error> {
        self.fold_with(Claim::Urgent, rng)
    }

    fn fold_with(&mut self, claim: Claim, rng: &mut dyn CryptoRng) -> Result<(), Error> {
        self.check_open()?;
        let fields = self.base_fields();
        // Readers wait for this one sync: until then nodes name positions that are not on the device.
        let mut tree = locked(&self.tree);
        let mut batch = self.log.begin(claim, rng)?;
        let mut draft = Draft::over(&mut tree);
        draft.fold(batch.rng())?;
        let change = draft.write(&mut batch)?;
        // A crash before this commit counts: the old top rules and the pending lists are still there.
        batch.commit(CommitFields { top: Some(change.top_at), pending: None, ..fields })?;
        self.cut.extend(tree.apply(change));
        Ok(())
    }

    /// Cuts off the nodes on the way to these places that do not open, so that the places can be filled. What lay below such
    /// a node is lost. Of many places the first ones stay mended where the others find no room; where all open, nothing is
    /// written.
    pub fn mend(&mut self, places: &[Place], rng: &mut dyn CryptoRng) -> Result<(), Error> {
        self.check_open()?;
        places.chunks(PLACES_MENDED).try_for_each(|places| self.mend_at_once(places, rng))
    }

    fn mend_at_once(&mut self, places: &[Place], rng: &mut dyn CryptoRng) -> Result<(), Error> {
        let fields = self.base_fields();
        let mut tree = locked(&self.tree);
        let mut draft = Draft::over(&mut tree);
        places.iter().try_for_each(|place| draft.mend(place))?;
        if draft.is_unchanged() {
            return Ok(());
        }
        let mut batch = self.log.begin(Claim::Urgent, rng)?;
        let change = draft.write(&mut batch)?;
        // A crash before this commit counts: the nodes are still there, and still do not open.
        batch.commit(CommitFields { top: Some(change.top_at), ..fields })?;
        self.cut.extend(tree.apply(change));
        Ok(())
    }

    /// Nodes of the tree that did not open and were cut off since this was asked last: each is told once.
    pub fn take_cut_off(&mut self) -> Vec<CutOff> {
        std::mem::take(&mut self.cut)
    }

    /// Where copies of the store are begun, on other threads.
    pub fn copier(&self) -> disk::Copier {
        self.log.copier()
    }

    /// Reads beside the writer; cheap to clone.
    pub fn reader(&self) -> VaultReader {
        VaultReader::new(self.log.reader(), Arc::clone(&self.tree))
    }

    /// All durable journal entries from an index on, verified one by one.
    pub fn journal_entries(&self, from: u64) -> JournalEntries {
        self.log.journal_entries(from)
    }

    /// One journal entry at a position that a batch gave.
    pub fn entry(&self, position: Position) -> Result<Vec<u8>, Error> {
        Ok(self.log.reader().entry(position)?)
    }

    /// The first entry at an index, if the journal is that long.
    pub fn entry_at(&self, index: u64) -> Result<Option<JournalEntry>, Error> {
        Ok(self.log.journal_entries(index).next().transpose()?)
    }

    /// Durable journal entries, and the root that the last batch bound.
    pub fn journal(&self) -> (u64, [u8; 32]) {
        (self.log.entries(), self.log.fields().journal_root)
    }

    /// The two newest snapshots, newest first.
    pub fn snapshots(&self) -> [Option<Position>; 2] {
        self.log.fields().snapshots
    }

    /// A person's password verifier.
    pub fn verifier(&self, person: PersonKey) -> Option<&[u8]> {
        self.log.verifier(person)
    }

    /// Erasure epoch: how many times the root has been replaced.
    pub fn epoch(&self) -> u64 {
        locked(&self.tree).top.epoch
    }

    /// Room left.
    pub fn space(&self) -> Space {
        self.log.space()
    }

    /// Bytes of one extent.
    pub fn extent_bytes(&self) -> u64 {
        self.log.extent_bytes()
    }

    /// The store's random name.
    pub fn store(&self) -> StoreId {
        self.log.store()
    }

    /// How well the memory is kept in which the mask of all keys lies; to be said where it is not the best kind.
    pub fn memory_kind(&self) -> PageKind {
        locked(&self.tree).mask.kind().clone()
    }

    /// What the cell is made of, the weaker one of two; its warning belongs into the log and into `status`.
    pub fn cell_kind(&self) -> CellKind {
        self.keeper.kind()
    }

    /// How each cell does.
    pub fn cells(&self) -> Vec<CellState> {
        self.keeper.states()
    }

    /// Least milliseconds between two erasure epochs that the cells can bear.
    pub fn pace_ms(&self) -> u64 {
        self.keeper.pace_ms()
    }

    /// Why no erasure may begin now: [`Error::CellAbsent`].
    pub fn check_cells(&self) -> Result<(), Error> {
        self.keeper.check_whole()
    }

    /// Lends the cell of this number, counted as in [`Vault::cells`], for a look on another thread: reading it is all that is done
    /// there. Until it is taken back no epoch begins. `None`: it is not here, or holds no root of ours.
    pub fn lend_cell(&mut self, number: usize) -> Option<CellLook> {
        let epoch = self.epoch();
        self.keeper.lend(number, epoch)
    }

    /// Is a cell lent, and waited for?
    pub fn lends_cells(&self) -> bool {
        self.keeper.lends()
    }

    /// A lent cell does not answer: of two it is absent from here on, as long as the other is here. Whether it is.
    pub fn miss_lent_cell(&mut self, number: usize, why: &str) -> bool {
        self.keeper.miss_lent(number, why)
    }

    /// A lent cell is back. One of two that does not give what it must hold is absent from now on; with the only one it is an error,
    /// and the next erasure, or the next start, will fail. One that was missed meanwhile comes back like any that was absent.
    pub fn take_back_cell(&mut self, looked: Looked) -> Result<(), Error> {
        let (store, mask) = (self.store(), Arc::clone(&locked(&self.tree).mask));
        let Some(late) = self.keeper.take_back(looked, self.epoch(), &store, &mask)? else { return Ok(()) };
        self.attach_cell(late)
    }

    /// A cell that was absent is back: it gets the root that rules now, and what it held before is destroyed.
    pub fn attach_cell(&mut self, cell: Box<dyn RootCell>) -> Result<(), Error> {
        self.check_open()?;
        let (store, mask) = (self.store(), Arc::clone(&locked(&self.tree).mask));
        self.keeper.attach(cell, self.epoch(), &store, &mask)
    }

    /// Erasures wait for this absent cell no longer, unless it is back before the next of them. For two officers to say, and for
    /// the journal to tell: that cell, wherever it is, opens whatever is erased from now on. Whether they waited for it.
    pub fn let_go_of_cell(&mut self, name: [u8; 8]) -> bool {
        self.keeper.let_go(name)
    }
}
