//! `conclave-audit check-consistency`: whether one head continues another, of two sources or of bare values.
//! Never says whose heads they are unless a trust file is there to tell.

use std::path::{Path, PathBuf};

use clap::Args;
use console::{Exit, Voice};
use journal::ids::{Hash, Head};
use journal::proof::ConsistencyProof;
use serde::Serialize;

use super::{ended, hash, hashes, read_trust};
use crate::names::hex;
use crate::source::Source;
use crate::trouble::Trouble;

/// Check that one head of a log continues another: two files, or bare values.
///
/// A file is a checkpoint, a bundle, or a directory of tiles. Ends with 0: it does; 1: not; 3: it does not, and the log
/// signed both.
#[derive(Args, Debug)]
pub struct CheckConsistency {
    /// The older one.
    #[arg(required_unless_present = "old_size", requires = "new")]
    pub old: Option<PathBuf>,
    /// The newer one.
    pub new: Option<PathBuf>,
    /// The trust file: both must be signed by its log.
    #[arg(long, value_name = "FILE", requires = "old")]
    pub trust: Option<PathBuf>,
    /// A hash of the proof in hex or base64, in the order of RFC 9162; once for each. Not needed where a file has the
    /// entries or tiles.
    #[arg(long, value_name = "HASH")]
    pub path: Vec<String>,
    /// Bare values: the older size.
    #[arg(long, value_name = "N", conflicts_with = "old", requires_all = ["old_root", "new_size", "new_root"])]
    pub old_size: Option<u64>,
    /// Bare values: the older root in hex or base64.
    #[arg(long, value_name = "HASH", requires = "old_size")]
    pub old_root: Option<String>,
    /// Bare values: the newer size.
    #[arg(long, value_name = "N", requires = "old_size")]
    pub new_size: Option<u64>,
    /// Bare values: the newer root in hex or base64.
    #[arg(long, value_name = "HASH", requires = "old_size")]
    pub new_root: Option<String>,
}

console::words! {
    enum Said {
        Consistent { old: u64, new: u64 }
            => en("CONSISTENT: the head of {new} entries continues that of {old}, both signed by the log"),
               ru("СОГЛАСОВАНО: вершина размера {new} продолжает вершину размера {old}, обе подписаны журналом");
        ConsistentBare { old: u64, new: u64 }
            => en("CONSISTENT: the head of {new} entries continues that of {old}; whose they are was not asked"),
               ru("СОГЛАСОВАНО: вершина размера {new} продолжает вершину размера {old}; чьи они, не проверялось");
        Inconsistent { old: u64, new: u64 }
            => en("INCONSISTENT: nothing shows that the head of {new} entries continues that of {old}"),
               ru("НЕ СОГЛАСОВАНО: ничто не показывает, что вершина размера {new} продолжает вершину размера {old}");
        Swapped { old: u64, new: u64 }
            => en("INCONSISTENT: the first has {old} entries, the second {new}: give the older one first"),
               ru("НЕ СОГЛАСОВАНО: в первой вершине записей {old}, во второй {new}: первой укажите более раннюю");
        Diverged { old: u64, new: u64, ours: String, theirs: String }
            => en("DIVERGED: the log signed two histories: at {old} entries, where the newer head has {new}\n  older: {ours}\n  newer: {theirs}"),
               ru("РАСХОЖДЕНИЕ: журнал подписал две истории: при {old} записях, а поздняя вершина — на {new}\n  ранняя:  {ours}\n  поздняя: {theirs}");
        NotSigned
            => en("NOT SIGNED: one of the checkpoints is not signed by the identity key of the trust file's log"),
               ru("НЕ ПОДПИСАНО: одна из контрольных точек не подписана ключом журнала из файла доверия");
    }
}

#[derive(Serialize)]
struct Data {
    old: u64,
    old_root: String,
    new: u64,
    new_root: String,
}

impl Data {
    fn new(old: Head, new: Head) -> Self {
        Self { old: old.size, old_root: hex(&old.root), new: new.size, new_root: hex(&new.root) }
    }
}

/// Runs it.
pub fn run(check: &CheckConsistency, voice: Voice) -> Exit {
    let done = match (&check.old, &check.new) {
        (Some(old), Some(new)) => sources(check, old, new, voice),
        (None | Some(_), None | Some(_)) => bare(check, voice),
    };
    ended("check-consistency", voice, done)
}

fn proven(old: Head, new: Head, path: Vec<Hash>) -> bool {
    let proof = ConsistencyProof::new(old.size, new.size, path);
    proof.is_ok_and(|proof| proof.verify(&old.root, &new.root).is_ok())
}

fn bare(check: &CheckConsistency, voice: Voice) -> Result<Exit, Trouble> {
    let root = |name: &str, text: &Option<String>| hash(name, text.as_deref().unwrap_or_default());
    let size = Option::unwrap_or_default;
    let old = Head { size: size(check.old_size), root: root("--old-root", &check.old_root)? };
    let new = Head { size: size(check.new_size), root: root("--new-root", &check.new_root)? };
    Ok(told(proven(old, new, hashes("--path", &check.path)?), (old, new), true, voice))
}

fn told(consistent: bool, (old, new): (Head, Head), alike: bool, voice: Voice) -> Exit {
    let data = Data::new(old, new);
    if consistent {
        let said = Said::ConsistentBare { old: old.size, new: new.size };
        return voice.done("check-consistency", &said, data);
    }
    voice.verdict("check-consistency", Exit::No, "inconsistent", &inconsistent(old, new, alike), data)
}

/// `alike`: of one log and era, as far as is known.
fn inconsistent(Head { size: old, .. }: Head, Head { size: new, .. }: Head, alike: bool) -> Said {
    if alike && old > new { Said::Swapped { old, new } } else { Said::Inconsistent { old, new } }
}

fn sources(check: &CheckConsistency, old: &Path, new: &Path, voice: Voice) -> Result<Exit, Trouble> {
    let (old, new) = (Source::read(old)?, Source::read(new)?);
    let (before, behind) = (old.checkpoint.claimed(), new.checkpoint.claimed());
    let (older, newer) = (before.head, behind.head);
    // The newer one's leaves say more than any path: what the root at the older size is.
    let root = new.root_at(older.size)?;
    let alike = before.origin == behind.origin;
    let consistent = before.origin.log == behind.origin.log
        && older.size <= newer.size
        && match root {
            Some(root) => root == older.root,
            None => proven(older, newer, hashes("--path", &check.path)?),
        };
    let Some(trust) = &check.trust else { return Ok(told(consistent, (older, newer), alike, voice)) };
    let trust = read_trust(trust)?;
    let data = Data::new(older, newer);
    let signed = [&old, &new].into_iter().all(|source| {
        let era = source.checkpoint.claimed().origin.era;
        source.checkpoint.verify_by(&trust.identity_in(era)).is_ok()
    });
    let verdict = |exit, code, said: Said| voice.verdict("check-consistency", exit, code, &said, data);
    Ok(match (signed, consistent, root) {
        (false, _, _) => verdict(Exit::No, "not-signed", Said::NotSigned),
        (true, true, _) => {
            let said = Said::Consistent { old: older.size, new: newer.size };
            voice.done("check-consistency", &said, Data::new(older, newer))
        }
        // Only where the leaves, or the same size, show another root is it a contradiction; a missing or bent path is
        // nobody's fault but the path's. An era may give up entries that another had.
        (true, false, found) => match found.or((older.size == newer.size).then_some(newer.root)) {
            Some(theirs) if alike && older.size <= newer.size => {
                let (ours, theirs) = (hex(&older.root), hex(&theirs));
                let said = Said::Diverged { old: older.size, new: newer.size, ours, theirs };
                verdict(Exit::Diverged, "diverged", said)
            }
            Some(_) | None => verdict(Exit::No, "inconsistent", inconsistent(older, newer, alike)),
        },
    })
}
