//! Snapshots: what a start reads instead of the whole journal. The state of the layers above is one string of bytes to
//! this one; of each journal entry it keeps the leaf hash and where the entry lies.
//! Never the home of anything: whatever is wrong with a snapshot, the journal says it all again.
//!
//! ```text
//! index frame ─► pages: rows of 4096 entries each, written once and named by every later snapshot
//!             └► pieces: the state, then the rows that fill no page yet; they die with the snapshot
//! ```
//! Pages lie in extents that hold pages only and never die. Index and pieces lie in extents of their own, which the batch
//! gives back that drops their snapshot. So a compaction never meets any of them among the nodes.

mod index;

pub use index::Row;

use disk::{Claim, Position, TAG_BYTES};
use sha2::{Digest, Sha256};

use crate::batch::Batch;
use crate::error::Error;
use crate::place::{FrameKind, owner};
use crate::reader::VaultReader;
use crate::vault::Vault;
use index::{Index, ROW_BYTES, decode, encode};

/// Rows of a full page, where extents are large enough.
const PAGE_ROWS: usize = 4096;
/// Bytes of a piece, where extents are large enough.
const PIECE_BYTES: usize = 1 << 20;
/// Full pages of one batch of [`Vault::write_pages`].
const PAGES_AT_ONCE: usize = 64;
/// What an index has beside its positions, at most.
const AROUND_INDEX_BYTES: usize = 256;

/// The rows of all entries, as the next snapshot names them: full pages by where they lie, the rest in memory.
#[derive(Clone, Default)]
pub struct Rows {
    pages: Vec<Position>,
    /// Entries in the pages.
    paged: u64,
    /// Over the rows of the pages.
    digest: Sha256,
    rest: Vec<Row>,
}

/// Pages that a batch wrote: to be taken in with [`Rows::paged`] once it is durable.
#[derive(Default)]
pub struct Paged {
    pages: Vec<Position>,
    rows: usize,
    digest: Sha256,
}

impl Rows {
    /// Entries.
    pub fn entries(&self) -> u64 {
        self.paged + self.rest.len() as u64
    }

    /// The next entry's.
    pub fn push(&mut self, row: Row) {
        self.rest.push(row);
    }

    /// Takes the newest back: their batch failed. Pages stay.
    pub fn truncate(&mut self, entries: u64) {
        self.rest.truncate(entries.saturating_sub(self.paged) as usize);
    }

    /// The batch that wrote these pages is durable.
    pub fn paged(&mut self, done: Paged) {
        self.pages.extend(done.pages);
        self.rest.drain(..done.rows);
        self.paged += done.rows as u64;
        self.digest = done.digest;
    }
}

impl Index {
    fn read(disk: &disk::Reader, position: Position) -> Result<Self, Error> {
        Self::decode(&disk.tree(position)?).map_err(|_| damaged(position))
    }
}

fn damaged(position: Position) -> Error {
    Error::Damaged { what: "a snapshot", offset: position.offset }
}

/// Every frame that a snapshot is made of. Of one that does not open no start will ever need anything.
pub(crate) fn frames(disk: &disk::Reader, position: Position) -> Result<Vec<Position>, Error> {
    let Index { pages, pieces, .. } = Index::read(disk, position)?;
    Ok(pages.into_iter().chain(pieces).chain([position]).collect())
}

/// A snapshot as it was read.
pub struct Snapshot {
    /// What the layers above gave.
    pub state: Vec<u8>,
    /// The rows, ready to go on with.
    pub rows: Rows,
}

impl VaultReader {
    /// The snapshot at a position that [`Vault::snapshots`] names. `each` is given the rows of all its entries, in
    /// order, before it is known that the whole is right: after an error they mean nothing.
    pub fn snapshot(&self, position: Position, mut each: impl FnMut(Row)) -> Result<Snapshot, Error> {
        let bad = |_| damaged(position);
        let disk = self.disk();
        let index = Index::read(disk, position)?;
        let mut rows = Rows { pages: index.pages, ..Rows::default() };
        for page in &rows.pages {
            let bytes = disk.tree(*page)?;
            decode(&bytes, &mut each).map_err(bad)?;
            rows.digest.update(&bytes);
            rows.paged += (bytes.len() / ROW_BYTES) as u64;
        }
        let rest = index.entries.checked_sub(rows.paged).ok_or_else(|| damaged(position))?;
        let mut state = Vec::new();
        for piece in &index.pieces {
            state.extend_from_slice(&disk.tree(*piece)?);
        }
        let at = usize::try_from(index.state_bytes).map_err(|_| damaged(position))?;
        let tail = state.get(at..).ok_or_else(|| damaged(position))?;
        let digest = rows.digest.clone().chain_update(tail).chain_update(&state[..at]).finalize();
        if digest[..] != index.digest || Some(tail.len() as u64) != rest.checked_mul(ROW_BYTES as u64) {
            return Err(damaged(position));
        }
        decode(tail, |row| {
            each(row);
            rows.rest.push(row);
        })
        .map_err(bad)?;
        state.truncate(at);
        Ok(Snapshot { state, rows })
    }
}

impl Batch<'_> {
    /// Adds a snapshot of the state behind this batch's last entry and makes it the newest; the one before the former
    /// newest is forgotten and its extents are given back. `rows` are those of all entries up to this batch's last.
    pub fn snapshot(&mut self, rows: &Rows, state: &[u8]) -> Result<Paged, Error> {
        let done = self.pages(rows, usize::MAX)?;
        let owner = owner(FrameKind::Snapshot, 0, 0, 0, 0);
        let piece = PIECE_BYTES.min(self.batch.tree_bytes_max());
        let rest = encode(&rows.rest[done.rows..]);
        let mut pieces = Vec::new();
        for piece in state.chunks(piece).chain(rest.chunks(piece)) {
            pieces.push(self.batch.tree_apart(&owner, piece)?);
        }
        let digest = done.digest.clone().chain_update(&rest).chain_update(state).finalize().into();
        let pages = rows.pages.iter().chain(&done.pages).copied().collect();
        let (entries, state_bytes) = (rows.entries(), state.len() as u64);
        let index = Index { entries, state_bytes, digest, pages, pieces };
        let position = self.batch.tree_apart(&owner, &index.encode())?;
        let [newest, oldest] = self.fields.snapshots;
        self.fields.snapshots = [Some(position), newest];
        if let Some(oldest) = oldest {
            self.give_back(oldest);
        }
        Ok(done)
    }

    /// Adds up to `count` full pages of what is in no page yet.
    fn pages(&mut self, rows: &Rows, count: usize) -> Result<Paged, Error> {
        let owner = owner(FrameKind::Snapshot, 0, 0, 0, 0);
        let page_rows = PAGE_ROWS.min(self.batch.tree_bytes_max() / ROW_BYTES);
        let mut done = Paged { digest: rows.digest.clone(), ..Paged::default() };
        for page in rows.rest.chunks_exact(page_rows).take(count) {
            let bytes = encode(page);
            done.digest.update(&bytes);
            let newest = rows.pages.last().copied();
            done.pages.push(self.batch.tree_lasting(newest, &owner, &bytes)?);
            done.rows += page_rows;
        }
        Ok(done)
    }

    /// The extents of a snapshot that this batch forgets. What cannot be given back now, a sweep finds.
    fn give_back(&mut self, oldest: Position) {
        let Ok(index) = Index::read(&self.batch.reader(), oldest) else { return };
        let apart = index.pieces.into_iter().chain([oldest]);
        let mut extents: Vec<_> = apart.filter_map(|position| self.batch.extent_of(position)).collect();
        extents.sort_unstable();
        extents.dedup();
        for extent in extents {
            let _for_the_sweep = self.batch.free(extent);
        }
    }
}

impl Vault {
    /// Whether a snapshot may be written: it takes nothing from what messages and erasures will need.
    pub fn takes_snapshot(&self, rows: &Rows, state_bytes: usize) -> bool {
        let (space, extent) = (self.space(), self.log.extent_bytes());
        let bytes = (state_bytes + rows.rest.len() * (ROW_BYTES + TAG_BYTES)) as u64;
        let pieces = bytes / (PIECE_BYTES as u64).min(extent / 2) + 2;
        let index = (rows.pages.len() as u64 + rows.rest.len() as u64 / 1024 + pieces) * 12;
        // Of each extent up to a half may stay empty behind the last whole piece.
        let extents = 2 * bytes / extent + 3;
        index + (AROUND_INDEX_BYTES as u64) < extent / 2
            && extents < RUNS_SAFE
            && u64::from(space.free) > extents + 3 * u64::from(space.reserve)
    }

    /// Writes the full pages of what is in no page yet, in batches of their own: after a start that read the whole
    /// journal one snapshot would have too many.
    pub fn write_pages(&mut self, rows: &mut Rows, rng: &mut dyn rand_core::CryptoRng) -> Result<(), Error> {
        let root = self.journal().1;
        loop {
            let mut batch = self.begin(Claim::Ordinary, rng)?;
            let done = batch.pages(rows, PAGES_AT_ONCE)?;
            if done.pages.is_empty() {
                return Ok(());
            }
            // A crash from here to the snapshot that names them: they are dead, and nothing was said of them.
            batch.commit(root)?;
            rows.paged(done);
        }
    }
}

/// Extents of one snapshot, well below the runs that one batch may have.
const RUNS_SAFE: u64 = 48;
