//! A bundle as tiles: bytes of the bundle in a second, from reading it to the sync of the file system.
//! Never counts what the page cache still holds back: the folder has its name only when all of it is on the disk.

use crate::Size;
use crate::site::scratch;
use crate::table::{Bound, Row};
use anyhow::Result;
use auditor::bundle::{BundleReader, BundleWriter};
use auditor::tile_folder::TileFolder;
use journal::tree::leaf_hash;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufReader, BufWriter};
use std::time::Instant;

/// About what an entry of a message has.
const ENTRY_BYTES: usize = 600;

/// The export beside hashing each entry alone, which nobody can leave out.
pub(crate) fn run(size: Size) -> Result<Vec<Row>> {
    let entries = size.pick(200_000u64, 2_000_000);
    let dir = scratch()?;
    let path = dir.path().join("bundle");
    let mut writer = BundleWriter::new(BufWriter::new(File::create(&path)?))?;
    let mut entry = vec![7; ENTRY_BYTES];
    for n in 0..entries {
        entry[..8].copy_from_slice(&n.to_be_bytes());
        writer.entry(&entry)?;
    }
    writer.finish(&[])?.into_inner()?.sync_all()?;
    let megabytes = (entries * ENTRY_BYTES as u64) as f64 / 1e6;
    let begin = Instant::now();
    for n in 0..entries {
        entry[..8].copy_from_slice(&n.to_be_bytes());
        black_box(leaf_hash(&entry));
    }
    let limit = megabytes / begin.elapsed().as_secs_f64();
    let begin = Instant::now();
    let mut reader = BundleReader::open(BufReader::with_capacity(1 << 20, File::open(&path)?))?;
    let mut folder = TileFolder::create(&dir.path().join("tiles"))?;
    while let Some(entry) = reader.next_entry()? {
        folder.entry(&entry)?;
    }
    folder.finish(b"note\n")?;
    Ok(vec![Row {
        name: "tiles",
        unit: "MB/s",
        product: megabytes / begin.elapsed().as_secs_f64(),
        yardstick: Some(limit),
        against: "SHA-256 over each entry alone, one thread",
        bound: Bound::ValueAtLeast(300.0),
    }])
}
