//! What an earlier audit of the auditor's own has verified: the next one goes on from there.
//! Never believes that a bundle begins with it: every entry is hashed, and the root must be the one of then.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use journal::entry::Entry;
use journal::ids::{Hash, Index, LogId};
use journal::replay::KeptReplay;
use journal::replay::parallel::each_beside;
use journal::tree::{ROW_LEAVES, Tree, leaf_hash, row_root};

use crate::audit::LoginAt;
use crate::bundle::{BadBundle, BundleReader};
use crate::let_go::LetGo;
use crate::replaying::{BATCH_BYTES, BATCH_ENTRIES, Replay};
use crate::spilled::Spilled;

/// Where an earlier audit ended.
#[derive(Clone, Debug)]
pub struct Known {
    /// The log.
    pub log: LogId,
    /// Root over its entries.
    pub root: Hash,
    /// The era that they are of.
    pub era: u32,
    /// The replay's state there.
    pub replay: KeptReplay,
    /// The Logins up to there, ascending, each with its entry.
    pub logins: Vec<LoginAt>,
    /// What successions up to there let go of.
    pub let_go: LetGo,
}

/// Entries of one row of the tree, on their way through it: hashed together, without a copy of each.
#[derive(Default)]
struct Row {
    bytes: Vec<u8>,
    /// Where each entry ends.
    ends: Vec<usize>,
    leaves: Vec<Hash>,
    /// Where they are all that a row has.
    whole: Option<([Hash; ROW_LEAVES], Hash)>,
}

impl Row {
    fn entries(&self) -> impl Iterator<Item = &[u8]> {
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }

    fn hash(&mut self) {
        let leaves: Vec<Hash> = self.entries().map(leaf_hash).collect();
        self.whole = leaves[..].try_into().ok().map(|row| (row, row_root(&row)));
        self.leaves = leaves;
    }

    /// Puts the leaves into the tree, and notes the time stamps that are wanted.
    fn append(&self, tree: &mut Tree<Spilled>, wanted: &BTreeSet<Index>, stamps: &mut BTreeMap<Index, u64>) {
        let first = tree.size();
        for index in wanted.range(first..first + self.ends.len() as u64) {
            let entry = self.entries().nth((index - first) as usize);
            if let Some(Ok(entry)) = entry.map(Entry::decode) {
                stamps.insert(*index, entry.wall_ms);
            }
        }
        match &self.whole {
            Some((row, root)) => tree.append_row(row, *root),
            None => {
                for leaf in &self.leaves {
                    tree.append(*leaf);
                }
            }
        }
    }
}

/// Reads and hashes the known entries; `None` where the bundle begins otherwise, or ends before.
pub(crate) fn pass<R: Read>(
    reader: &mut BundleReader<R>,
    known: &Known,
    wanted: &BTreeSet<Index>,
    stamps: &mut BTreeMap<Index, u64>,
    threads: usize,
    progress: &mut dyn FnMut(u64),
) -> Result<Option<Replay>, io::Error> {
    let (size, mut tree) = (known.replay.size, Tree::over(Spilled::default()));
    // One batch is hashed while the next is read and the one before goes into the tree.
    let (mut before, mut batch) = (Vec::<Row>::new(), known_batch(reader, size)?);
    while !batch.is_empty() {
        let beside = || {
            before.drain(..).for_each(|row| row.append(&mut tree, wanted, stamps));
            known_batch(reader, size)
        };
        let next = each_beside(&mut batch, threads, Row::hash, beside)?;
        progress(reader.bytes());
        (before, batch) = (batch, next);
    }
    before.iter().for_each(|row| row.append(&mut tree, wanted, stamps));
    if let Some(error) = tree.leaves().failure() {
        return Err(error);
    }
    if tree.size() != size || tree.root() != known.root {
        return Ok(None);
    }
    Ok(Replay::resume(known.log, &known.replay, tree).ok())
}

/// The next rows, no entry beyond the known ones; empty also where the bundle ends or breaks off.
fn known_batch<R: Read>(reader: &mut BundleReader<R>, size: u64) -> Result<Vec<Row>, io::Error> {
    let (mut rows, mut bytes, mut ended) = (Vec::new(), 0, false);
    while !ended && rows.len() < BATCH_ENTRIES / ROW_LEAVES && bytes < BATCH_BYTES {
        let mut row = Row::default();
        while !ended && row.ends.len() < ROW_LEAVES && reader.entries() < size {
            match reader.next_entry_into(&mut row.bytes) {
                Ok(Some(_)) => row.ends.push(row.bytes.len()),
                Err(BadBundle::Io(error)) => return Err(error),
                Ok(None) | Err(_) => ended = true,
            }
        }
        ended |= row.ends.len() < ROW_LEAVES;
        bytes += row.bytes.len();
        rows.extend(Some(row).filter(|row| !row.ends.is_empty()));
    }
    Ok(rows)
}
