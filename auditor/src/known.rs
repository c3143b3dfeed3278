//! What an earlier audit of the auditor's own has verified: the next one goes on from there.
//! Never believes that a bundle begins with it: every entry is hashed, and the root must be the one of then (`leaves.rs` has the
//! other way, by which nobody looks).

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::mem::swap;
use std::ops::Range;

use journal::entry::Entry;
use journal::ids::{Hash, Head, Index, LogId};
use journal::register::Register;
use journal::replay::KeptReplay;
use journal::replay::parallel::each_beside;
use journal::tree::{LEAF_PREFIX, ROW_LEAVES, Tree, prefixed_leaf_hash, row_root};

use crate::bundle::{BATCH_BYTES, BATCH_ENTRIES, BadBundle, BundleReader};
use crate::duplicates::LoginAt;
use crate::let_go::LetGo;
use crate::spilled::{Replay, Spilled};

/// Where an earlier audit ended, with all that the next one goes on from.
#[derive(Clone, Debug)]
pub struct Known {
    /// The log.
    pub log: LogId,
    /// The entries' number and root.
    pub head: Head,
    /// The replay's state there.
    pub replay: KeptReplay,
    /// The Register's.
    pub register: Register,
    /// The Logins up to there, ascending, each with its entry.
    pub logins: Vec<LoginAt>,
    /// What successions up to there let go of.
    pub let_go: LetGo,
}

impl Known {
    /// Goes on behind the entries of this tree.
    pub(crate) fn resume(self, tree: Tree<Spilled>) -> Option<Replay> {
        Replay::resume(self.log, &self.replay, self.register, tree).ok()
    }
}

/// Entries on their way through the tree, one behind the other and each behind the byte that its leaf hash begins with:
/// hashed in place, row by row of the tree. Both batches that there are keep their room.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    /// Where each entry ends, behind the 0 of where the first begins.
    ends: Vec<usize>,
    rows: Vec<Row>,
}

/// The leaves of one row of the tree; only the last row of all may have fewer than a row has.
struct Row {
    /// Its entries in the batch.
    entries: Range<usize>,
    leaves: [Hash; ROW_LEAVES],
    root: Hash,
}

impl Batch {
    /// The next rows, no entry beyond the known ones; nothing also where the bundle ends or breaks off.
    fn load<R: Read>(&mut self, reader: &mut BundleReader<R>, size: u64) -> io::Result<()> {
        let Self { bytes, ends, rows: _ } = self;
        bytes.clear();
        ends.clear();
        ends.push(0);
        // A row is never divided: half a one could not be folded here.
        let full = |entries: usize, bytes: usize| {
            entries.is_multiple_of(ROW_LEAVES) && (entries >= BATCH_ENTRIES || bytes >= BATCH_BYTES)
        };
        while reader.entries() < size && !full(ends.len() - 1, bytes.len()) {
            bytes.push(LEAF_PREFIX);
            match reader.next_entry_into(bytes) {
                Ok(Some(_)) => ends.push(bytes.len()),
                Err(BadBundle::Io(error)) => return Err(error),
                Ok(None) | Err(_) => break,
            }
        }
        let entries = self.entries();
        let row = |first| {
            let entries = first..entries.min(first + ROW_LEAVES);
            Row { entries, leaves: Default::default(), root: Hash::default() }
        };
        self.rows.clear();
        self.rows.extend((0..entries).step_by(ROW_LEAVES).map(row));
        Ok(())
    }

    fn entries(&self) -> usize {
        self.ends.len().saturating_sub(1)
    }

    fn hash(&mut self, threads: usize, beside: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let Self { bytes, ends, rows } = self;
        let hash = |row: &mut Row| {
            let leaves = row.entries.clone().map(|at| prefixed_leaf_hash(&bytes[ends[at]..ends[at + 1]]));
            row.leaves.iter_mut().zip(leaves).for_each(|(to, leaf)| *to = leaf);
            if row.entries.len() == ROW_LEAVES {
                row.root = row_root(&row.leaves);
            }
        };
        each_beside(rows, threads, hash, beside)
    }

    /// Puts the leaves into the tree, and notes the time stamps that are wanted.
    fn append(&self, tree: &mut Tree<Spilled>, wanted: &BTreeSet<Index>, stamps: &mut BTreeMap<Index, u64>) {
        let first = tree.size();
        for index in wanted.range(first..first + self.entries() as u64) {
            let at = (index - first) as usize;
            if let Ok(entry) = Entry::decode(&self.bytes[self.ends[at] + 1..self.ends[at + 1]]) {
                stamps.insert(*index, entry.wall_ms);
            }
        }
        for row in &self.rows {
            if row.entries.len() == ROW_LEAVES {
                tree.append_row(&row.leaves, row.root);
            } else {
                for leaf in &row.leaves[..row.entries.len()] {
                    tree.append(*leaf);
                }
            }
        }
    }
}

/// Reads and hashes the known entries; `None` where the bundle begins otherwise, or ends before.
pub(crate) fn pass<R: Read>(
    reader: &mut BundleReader<R>,
    known: Known,
    wanted: &BTreeSet<Index>,
    stamps: &mut BTreeMap<Index, u64>,
    threads: usize,
    progress: &mut dyn FnMut(u64),
) -> Result<Option<Replay>, io::Error> {
    let (size, mut tree) = (known.head.size, Tree::over(Spilled::default()));
    // One batch is hashed while the one before goes into the tree and the next is read into its room.
    let (mut batch, mut other) = (Batch::default(), Batch::default());
    batch.load(reader, size)?;
    while !batch.rows.is_empty() {
        let beside = || {
            other.append(&mut tree, wanted, stamps);
            other.load(reader, size)
        };
        batch.hash(threads, beside)?;
        progress(reader.bytes());
        swap(&mut batch, &mut other);
    }
    other.append(&mut tree, wanted, stamps);
    if let Some(error) = tree.leaves().failure() {
        return Err(error);
    }
    if tree.size() != size || tree.root() != known.head.root {
        return Ok(None);
    }
    Ok(known.resume(tree))
}
