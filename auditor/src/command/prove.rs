//! `conclave-audit prove`: a receipt that an entry is in the log, for anyone with the site card and a stock tool.
//! Never says what the entry means, nor that the rest of the bundle holds.

use std::path::{Path, PathBuf};

use clap::Args;
use console::{Exit, Voice};
use journal::checkpoint::SignedCheckpoint;
use journal::receipt::Receipt;
use journal::tree::{Tree, leaf_hash};
use serde::Serialize;

use super::{ProgressLine, Told, ended, number, open_bundle, shown, write_new};
use crate::cutting::newest_note;
use crate::spilled::Spilled;
use crate::tile_reader::TileReader;
use crate::trouble::Trouble;

/// Make a proof that an entry is in the log (C2SP tlog-proof, the entry inside).
#[derive(Args, Debug)]
pub struct Prove {
    /// The bundle, or a directory of tiles: of that one only what the proof needs is read.
    #[arg(value_name = "BUNDLE|TILES")]
    pub bundle: PathBuf,
    /// The entry's index.
    #[arg(value_parser = number)]
    pub index: u64,
    /// Write it here instead of to standard output.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

console::words! {
    enum Said {
        Written { index: u64, size: u64, file: String }
            => en("proof of entry #{index} in the log of {size} entries: {file}"),
               ru("доказательство записи #{index} в журнале размера {size}: {file}");
    }
}

#[derive(Serialize)]
struct Data {
    index: u64,
    size: u64,
    proof: String,
}

/// Runs it.
pub fn run(prove: &Prove, voice: Voice) -> Exit {
    ended("prove", voice, work(prove, voice))
}

fn work(prove: &Prove, voice: Voice) -> Result<Exit, Trouble> {
    let index = prove.index;
    let (receipt, size) = receipt(prove, voice)?;
    let proof = receipt.to_string();
    let Some(path) = &prove.out else {
        return Ok(voice.done("prove", &Told(proof.clone()), Data { index, size, proof }));
    };
    write_new(path, proof.as_bytes())?;
    let said = Said::Written { index, size, file: shown(path) };
    Ok(voice.done("prove", &said, Data { index, size, proof }))
}

fn receipt(prove: &Prove, voice: Voice) -> Result<(Receipt, u64), Trouble> {
    match prove.bundle.is_dir() {
        true => from_tiles(&prove.bundle, prove.index),
        false => from_bundle(prove, voice),
    }
}

/// A proof out of a folder of tiles: it holds under the folder's checkpoint, or it is not given.
pub fn from_tiles(dir: &Path, index: u64) -> Result<(Receipt, u64), Trouble> {
    let tiles = TileReader::open(dir)?;
    let (entry, proof) = tiles.entry(index)?;
    let size = proof.size();
    let receipt =
        Receipt::new(proof, tiles.checkpoint().clone()).and_then(|receipt| receipt.with_extra(entry));
    Ok((receipt.map_err(|_| Trouble::IllegibleEntry { index })?, size))
}

fn from_bundle(prove: &Prove, voice: Voice) -> Result<(Receipt, u64), Trouble> {
    let (mut reader, bytes) = open_bundle(&prove.bundle)?;
    let mut line = ProgressLine::new(bytes, voice.lang);
    let index = prove.index;
    let (mut tree, mut wanted) = (Tree::over(Spilled::default()), None);
    let damaged = |bad, entries| Trouble::bundle(shown(&prove.bundle), &bad, entries);
    while let Some(bytes) = reader.next_entry().map_err(|bad| damaged(bad, tree.size()))? {
        let at = tree.append(leaf_hash(&bytes));
        if at == index {
            wanted = Some(bytes);
        }
        line.at(reader.bytes());
    }
    line.clear();
    let entries = tree.size();
    let entry = wanted.ok_or(Trouble::NoSuchEntry { index, entries })?;
    let notes = reader.notes().map_err(|bad| damaged(bad, entries))?;
    let (size, note) = newest_note(&notes, &tree, index).ok_or(Trouble::NotCovered { index })?;
    let checkpoint = SignedCheckpoint::parse(note).map_err(|_| Trouble::NotCovered { index })?;
    let proof = tree.inclusion_proof(index, size).expect("the index is below the size, the size in the tree");
    tree.leaves().held()?;
    let receipt = Receipt::new(proof, checkpoint).and_then(|receipt| receipt.with_extra(entry));
    Ok((receipt.expect("proof and checkpoint are of one size, and an entry fits into the extra line"), size))
}
