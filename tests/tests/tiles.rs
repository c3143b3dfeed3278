//! Our own reader of tiles: whichever byte of a folder is bent, it gives no other entry than the log's.
//! Never the readers that are not ours (`foreign_go.rs`, `foreign_rust.rs`).
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;

use auditor::tile_reader::TileReader;
use pki::Suite;
use tests::foreign::{entry, export};

const SIZE: u64 = 257;

/// What the reader gives for this entry: whether it gives it at all. Another one than the log's is never given.
fn gives(folder: &Path, index: u64, story: &str) -> bool {
    match TileReader::open(folder).unwrap().entry(index) {
        Ok((found, proof)) => {
            assert!(found == entry(index), "{story}: another entry {index}");
            let head = TileReader::open(folder).unwrap().checkpoint().claimed().head;
            let leaf = journal::tree::leaf_hash(&found);
            assert!(
                proof.verify(&leaf, &head.root).is_ok() && proof.index() == index,
                "{story}: no proof of {index}"
            );
            true
        }
        Err(_) => false,
    }
}

/// Bends each byte of this file, one at a time, and asks for the entry that depends on it.
fn each_byte(folder: &Path, name: &str, depends: impl Fn(usize) -> u64) {
    let path = folder.join(name);
    let good = fs::read(&path).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        fs::write(&path, &bad).unwrap();
        let story = format!("{name} bent at {at}");
        assert!(!gives(folder, depends(at), &story), "{story}: entry {} is given", depends(at));
        // Any other one is given as it is, or not at all.
        if at % 16 == 0 {
            gives(folder, (at as u64 * 101) % SIZE, &story);
        }
    }
    fs::write(&path, good).unwrap();
}

/// Which entry of a tile this byte belongs to: two bytes of length before each.
fn entry_at(from: u64, byte: usize) -> u64 {
    let ends = (from..SIZE).scan(0, |end, index| {
        *end += 2 + entry(index).len();
        Some((index, *end))
    });
    ends.into_iter().find(|(_, end)| byte < *end).unwrap().0
}

#[test]
fn whichever_byte_of_a_tile_is_bent_our_reader_gives_no_other_entry() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("log");
    export(&folder, SIZE, Suite::Ed25519);
    assert!((0..SIZE).all(|index| gives(&folder, index, "as it was written")));
    // An entry's own hash is reckoned; its neighbour's is read.
    each_byte(&folder, "tile/0/000", |at| (at as u64 / 32) ^ 1);
    each_byte(&folder, "tile/0/001.p/1", |at| at as u64);
    each_byte(&folder, "tile/entries/000", |at| entry_at(0, at));
    each_byte(&folder, "tile/entries/001.p/1", |_| 256);
    // The root over the full tile, which the last entry's proof takes.
    each_byte(&folder, "tile/1/000.p/1", |_| 256);
}
