//! What an earlier audit of the auditor's own has verified: the next one goes on from there.
//! Never believes that a bundle begins with it: every entry is hashed, and the root must be the one of then.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use journal::entry::Entry;
use journal::ids::{Hash, Index, LogId};
use journal::replay::KeptReplay;
use journal::replay::parallel::each_beside;
use journal::tree::{Tree, leaf_hash};

use crate::audit::LoginAt;
use crate::bundle::{BadBundle, BundleReader};
use crate::let_go::LetGo;
use crate::replaying::{Replay, load};
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
    let mut batch = Vec::new();
    loop {
        let work = |(bytes, leaf): &mut (Vec<u8>, Hash)| *leaf = leaf_hash(bytes);
        let next = each_beside(&mut batch, threads, work, || known_batch(reader, size))?;
        for (bytes, leaf) in batch.drain(..) {
            let index = tree.append(leaf);
            if wanted.contains(&index)
                && let Ok(entry) = Entry::decode(&bytes)
            {
                stamps.insert(index, entry.wall_ms);
            }
        }
        progress(reader.bytes());
        if next.is_empty() {
            break;
        }
        batch = next;
    }
    if tree.size() != size || tree.root() != known.root {
        return Ok(None);
    }
    Ok(Replay::resume(known.log, &known.replay, tree).ok())
}

/// The next entries, none beyond the known ones; empty also where the bundle ends or breaks off.
fn known_batch<R: Read>(reader: &mut BundleReader<R>, size: u64) -> Result<Vec<(Vec<u8>, Hash)>, io::Error> {
    let mut cut = None;
    let left = usize::try_from(size.saturating_sub(reader.entries())).unwrap_or(usize::MAX);
    let loaded = load(reader, left, &mut cut);
    match cut {
        Some(BadBundle::Io(error)) => Err(error),
        Some(_) | None => Ok(loaded.into_iter().map(|bytes| (bytes, Hash::default())).collect()),
    }
}
