//! Logs as folders of tiles, for readers that are not ours: synthetic entries, since what they say is nobody's business
//! there.
//! Never signs with a key that anyone else has.

use auditor::tile_folder::TileFolder;
use journal::checkpoint::{Checkpoint, LogKeys, SignedCheckpoint};
use journal::ids::{Head, LogId};
use journal::note::NoteSigner;
use journal::tree::{Tree, leaf_hash};
use pki::{SecretKey, Suite};
use std::ops::RangeInclusive;
use std::path::Path;

/// Around every border of full and partial tiles, up to the third level.
pub const SIZES: [u64; 8] = [0, 1, 255, 256, 257, 65_535, 65_536, 65_537];

/// A folder as it was exported.
pub struct Exported {
    /// The log identity key as a verifier key.
    pub key: String,
    /// The tree over its entries.
    pub tree: Tree,
}

/// Entry `n` of a synthetic log: of another length than its neighbours.
pub fn entry(n: u64) -> Vec<u8> {
    format!("entry {n} {}", "x".repeat((n % 7) as usize)).into_bytes()
}

/// Writes a log of `size` synthetic entries to `folder`, signed as an appliance of this suite signs.
pub fn export(folder: &Path, size: u64, suite: Suite) -> Exported {
    let entries = (0..size).map(entry);
    export_entries(folder, entries, suite)
}

/// The same with these entries.
pub fn export_entries(folder: &Path, entries: impl Iterator<Item = Vec<u8>>, suite: Suite) -> Exported {
    let (mut tiles, mut tree) = (TileFolder::create(folder).expect("a new folder"), Tree::new());
    for entry in entries {
        tiles.entry(&entry).expect("an entry");
        tree.append(leaf_hash(&entry));
    }
    let head = Head { size: tree.size(), root: tree.root() };
    assert_eq!(tiles.head(), head);
    let log = LogId([0x5a; 32]);
    let period = SecretKey::from_bytes(suite, &[3; 32]).expect("a key");
    let identity = SecretKey::from_bytes(Suite::Ed25519, &[4; 32]).expect("a key");
    let keys = LogKeys::new(log, period.public().clone(), Some(identity.public().clone())).expect("keys");
    let line = keys.identity.as_ref().expect("an identity key");
    let signers =
        [NoteSigner { key: &keys.period, signer: &period }, NoteSigner { key: line, signer: &identity }];
    let checkpoint = Checkpoint { origin: log.into(), head };
    let note = SignedCheckpoint::sign(checkpoint, &signers).expect("a note").to_string();
    tiles.finish(note.as_bytes()).expect("a finished folder");
    Exported { key: line.to_string(), tree }
}

/// The files of a folder of 257 entries, and the bytes of each that every reader has to look at: all, but of the note its text
/// and, of the identity key's line, what is no padding. Other lines are for who has their keys.
pub fn bendable(folder: &Path) -> Vec<(&'static str, RangeInclusive<usize>)> {
    let length = |name: &str| std::fs::metadata(folder.join(name)).expect("a file").len() as usize;
    let note = std::fs::read_to_string(folder.join("checkpoint")).expect("a note");
    let text = note.find("\n\n").expect("a text and lines");
    let line = note.trim_end().rfind('\n').expect("two lines") + 1;
    let digits = note.trim_end().trim_end_matches('=').len();
    let tiles =
        ["tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/1"];
    let all = tiles.map(|name| (name, 0..=length(name) - 1));
    // The last digit of an encoding has bits that mean nothing, and some readers pass over them.
    [("checkpoint", 0..=text), ("checkpoint", line..=digits - 2)].into_iter().chain(all).collect()
}
