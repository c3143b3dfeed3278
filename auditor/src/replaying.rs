//! A bundle through the replay: read, hashed and verified on all processors in bounded batches, judged in order by
//! the one Register.
//! Never keeps more entries in memory than three batches beside what is read ahead; what grows is the Register, and a
//! sixteenth of the tree.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use journal::ids::{Index, LogId};
use journal::register::Applied;
use journal::replay::{BadAt, CheckedEntry, Signatures, in_order};

use crate::bundle::{BATCH_BYTES, BATCH_ENTRIES, BadBundle, BundleReader};
use crate::known::{Known, pass};
use crate::leaves::Seen;
use crate::spilled::{Replay, Spilled};

/// Is told of every entry that stands, in order.
pub type Observer<'a> = &'a mut dyn FnMut(Index, &CheckedEntry, &Applied);

/// How far the replay came.
pub struct Replayed {
    /// The state behind the last entry that stands.
    pub replay: Replay,
    /// The first entry that does not.
    pub bad: Option<BadAt>,
    /// Why the bundle could not be read to its end.
    pub cut: Option<BadBundle>,
    /// The notes at its end.
    pub notes: Vec<Vec<u8>>,
    /// Time stamps of the entries asked for.
    pub stamps: BTreeMap<Index, u64>,
    /// Where the entries end in the bundle, bytes; `None` where it could not be read so far.
    pub entries_end: Option<u64>,
}

/// Where a replay begins.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one of it")]
pub enum Start {
    /// With the first entry.
    First,
    /// Behind what an earlier audit has verified, once this bundle's copy of it is hashed.
    Hashed(Known),
    /// Behind it, and nobody looks at this bundle's copy of it: the reader stands there already.
    Unread(Known, Seen),
}

/// What to look at during a replay.
pub struct Asked<'a> {
    /// The log that it must be.
    pub log: Option<LogId>,
    /// Entries whose time stamps are wanted.
    pub stamps: BTreeSet<Index>,
    /// Workers.
    pub threads: usize,
    /// Is told how many bytes of the bundle were read.
    pub progress: &'a mut dyn FnMut(u64),
    /// Is told of every entry that is replayed.
    pub observer: Observer<'a>,
}

/// Replays a whole bundle. Only a failing disk is an error; what is wrong with the bundle stands in the result.
pub fn replay_bundle<R: Read>(reader: BundleReader<R>, asked: Asked<'_>) -> Result<Replayed, io::Error> {
    let whole = replay_from(reader, asked, Start::First)?;
    Ok(whole.expect("only where something is known a bundle may begin otherwise"))
}

/// Replays a bundle, perhaps from where an earlier audit ended. `None`: it begins otherwise.
pub fn replay_from<R: Read>(
    mut reader: BundleReader<R>,
    asked: Asked<'_>,
    start: Start,
) -> Result<Option<Replayed>, io::Error> {
    let Asked { log, stamps: wanted, threads, progress, observer } = asked;
    let mut stamps = BTreeMap::new();
    let begun = match start {
        Start::First => Some(Replay::over(log, Spilled::default())),
        Start::Hashed(known) => pass(&mut reader, known, &wanted, &mut stamps, threads, progress)?,
        Start::Unread(known, Seen { tree, end: _ }) => {
            stamps.insert(known.head.size.saturating_sub(1), known.replay.last_ms());
            known.resume(tree)
        }
    };
    let Some(mut replay) = begun else { return Ok(None) };
    let (first, keys) = (replay.tree().size(), replay.keys().clone());
    let mut cut = None;
    let load = || {
        let batch = if cut.is_none() { load(&mut reader, &mut cut) } else { Vec::new() };
        progress(reader.bytes());
        Ok(batch)
    };
    let push = |_: &Vec<u8>, entry: &CheckedEntry| {
        let index = replay.tree().size();
        let applied = replay.push(entry)?;
        if wanted.contains(&index) {
            stamps.insert(index, entry.wall_ms());
        }
        observer(index, entry, &applied);
        Ok(())
    };
    let bad: Option<BadAt> = in_order(threads, Signatures::Verify, keys, first, load, push).err();
    let entries_end = reader.entries_end();
    let mut notes = Vec::new();
    if bad.is_none() && cut.is_none() {
        match reader.notes() {
            Ok(found) => notes = found,
            Err(found) => cut = Some(found),
        }
    }
    if let Some(error) = replay.tree().leaves().failure() {
        return Err(error);
    }
    match cut {
        Some(BadBundle::Io(error)) => Err(error),
        cut => Ok(Some(Replayed { replay, bad, cut, notes, stamps, entries_end })),
    }
}

/// The next batch.
fn load<R: Read>(reader: &mut BundleReader<R>, cut: &mut Option<BadBundle>) -> Vec<Vec<u8>> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while batch.len() < BATCH_ENTRIES && bytes < BATCH_BYTES {
        match reader.next_entry() {
            Ok(Some(entry)) => {
                bytes += entry.len();
                batch.push(entry);
            }
            Ok(None) => break,
            Err(found) => {
                *cut = Some(found);
                break;
            }
        }
    }
    batch
}
