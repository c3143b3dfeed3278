//! The segment log's own records, behind their seals, and whole stores whose bytes were changed.
//! The records are private to their crate, so its sources are taken in by their paths.
#![no_main]
#![allow(dead_code, unused_imports, unreachable_pub)]

#[path = "../../lib/disk/src/batch.rs"]
mod batch;
#[path = "../../lib/disk/src/buffer.rs"]
mod buffer;
#[path = "../../lib/disk/src/codec.rs"]
pub mod codec;
#[path = "../../lib/disk/src/commit.rs"]
mod commit;
#[path = "../../lib/disk/src/copy.rs"]
mod copy;
#[path = "../../lib/disk/src/copy_outline.rs"]
mod copy_outline;
#[path = "../../lib/disk/src/crashing.rs"]
mod crashing;
#[path = "../../lib/disk/src/device.rs"]
mod device;
#[path = "../../lib/disk/src/error.rs"]
mod error;
#[path = "../../lib/disk/src/extent_walk.rs"]
mod extent_walk;
#[path = "../../lib/disk/src/extents.rs"]
mod extents;
#[path = "../../lib/disk/src/file.rs"]
mod file;
#[path = "../../lib/disk/src/headers.rs"]
mod headers;
#[path = "../../lib/disk/src/later.rs"]
mod later;
#[path = "../../lib/disk/src/log.rs"]
mod log;
#[path = "../../lib/disk/src/misfit.rs"]
mod misfit;
#[path = "../../lib/disk/src/placement.rs"]
mod placement;
#[path = "../../lib/disk/src/put_back.rs"]
mod put_back;
#[path = "../../lib/disk/src/reader.rs"]
mod reader;
#[path = "../../lib/disk/src/recording.rs"]
mod recording;
#[path = "../../lib/disk/src/recovery.rs"]
mod recovery;
#[path = "../../lib/disk/src/run.rs"]
mod run;
#[path = "../../lib/disk/src/seal.rs"]
mod seal;
#[path = "../../lib/disk/src/superblock.rs"]
mod superblock;
#[path = "../../lib/disk/src/verifiers.rs"]
mod verifiers;

pub use batch::{Batch, Committed};
pub use commit::{CommitFields, Top};
pub use crashing::{CrashClock, CrashingDevice, Fault, Turn};
pub use device::{BLOCK, Device, MemoryDevice, SECTOR};
pub use error::Error;
pub use extents::{Claim, Extent, Space, Stream};
pub use log::{Geometry, Log, Recovered};
pub use put_back::PutBack;
pub use reader::{JournalEntries, JournalEntry, Reader};
pub use recording::{RecordedWrite, RecordingDevice};
pub use run::{FrameRecord, Owner, Position};
pub use seal::{DeviceKeys, NONCE_BYTES, Sealer, StoreId, TAG_BYTES};
pub use verifiers::{PersonKey, VERIFIER_BYTES_MAX};

use commit::Commit;
use extents::ExtentTable;
use journal::testing::SeededRng;
use libfuzzer_sys::fuzz_target;
use run::{Header, open_table};
use seal::Piece;
use std::sync::{Arc, LazyLock};
use verifiers::VerifierFrame;

const EXTENTS: u32 = 40;
const GEOMETRY: Geometry = Geometry { extent_bytes: 64 << 10, extents: EXTENTS, reserve: 3 };
static KEYS: LazyLock<DeviceKeys> =
    LazyLock::new(|| DeviceKeys::of(&[1; 32], &[2; 32]).expect("two pages of memory"));

fuzz_target!(|bytes: &[u8]| {
    let Some((mode, bytes)) = bytes.split_first() else { return };
    match mode % 5 {
        0 => commit(bytes),
        1 => verifiers(bytes),
        2 => run(bytes),
        3 => superblock(bytes),
        _ => store(bytes),
    }
});

fn commit(bytes: &[u8]) {
    let Ok(commit) = Commit::decode(bytes) else { return };
    let table = |uses| ExtentTable { uses, ..ExtentTable::fresh(GEOMETRY) };
    assert_eq!(commit.encode(commit.table.clone().map(table).as_ref()), bytes);
    let _ = commit.apply(&mut ExtentTable::fresh(GEOMETRY));
}

fn verifiers(bytes: &[u8]) {
    if let Ok(frame) = VerifierFrame::decode(bytes) {
        assert_eq!(frame.encode(), bytes);
    }
}

/// A header of the first 40 bytes, a table of the rest, each under its seal.
fn run(bytes: &[u8]) {
    let Some((head, table)) = bytes.split_first_chunk::<40>() else { return };
    let (sealer, mut rng) = (Sealer::new(&KEYS, [3; 16]), SeededRng::new([4; 32]));
    let mut block = seal(&sealer, Piece::Header, head, &mut rng);
    let Some(header) = Header::open(&sealer, 0, &block) else { return };
    block.resize(header.table_at.min(1 << 20) as usize, 0);
    block.extend(seal(&sealer, Piece::Table, table, &mut rng));
    if let Some(rows) = open_table(&sealer, 0, &header, &block) {
        assert_eq!(rows.len(), header.frames as usize);
    }
}

fn superblock(bytes: &[u8]) {
    let sealer = Sealer::new(&KEYS, [0; 16]);
    let sealed = seal(&sealer, Piece::Superblock, bytes, &mut SeededRng::new([5; 32]));
    let mut image = vec![0; 2 * BLOCK];
    image[64..88].copy_from_slice(&sealed[..24]);
    image[88] = 1;
    let rest = &sealed[24..sealed.len().min(BLOCK - 65)];
    image[89..89 + rest.len()].copy_from_slice(rest);
    let _ = Log::open(Arc::new(MemoryDevice::from_bytes(image)), &KEYS);
}

fn seal(sealer: &Sealer, piece: Piece, plain: &[u8], rng: &mut SeededRng) -> Vec<u8> {
    let mut slot = vec![0; 24 + plain.len() + 16];
    slot[24..24 + plain.len()].copy_from_slice(plain);
    sealer.seal(piece, 0, &mut slot, rng);
    slot
}

/// A small store with three batches.
static IMAGE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let length = 8192 + u64::from(EXTENTS) * u64::from(GEOMETRY.extent_bytes);
    let (device, mut rng) = (Arc::new(MemoryDevice::new(length)), SeededRng::new([6; 32]));
    Log::format(&*device, &KEYS, GEOMETRY, &mut rng).expect("the geometry fits");
    let (mut log, _) = Log::open(Arc::clone(&device) as Arc<dyn Device>, &KEYS).expect("just made");
    for number in 0..3 {
        let mut batch = log.begin(Claim::Ordinary, &mut rng).expect("a fresh log");
        batch.entry(&[number; 100]).expect("room");
        batch.tree(&[1; 32], &[number; 200]).expect("room");
        batch.verifier([number; 8], Some(b"verifier")).expect("room");
        batch.commit(CommitFields::default()).expect("memory does not fail");
    }
    device.image()
});

/// Edits of four bytes each: block, place in it (two bytes), what to flip. It opens to what it was, to less, or not; one edit
/// may pass for a power cut, which costs the newest batch and never one before it.
fn store(bytes: &[u8]) {
    let (mut image, mut edits) = (IMAGE.clone(), 0);
    for edit in bytes.chunks_exact(4).take(8) {
        let at = usize::from(edit[0]) * BLOCK + usize::from(u16::from_be_bytes([edit[1], edit[2]])) % BLOCK;
        let at = at % image.len();
        image[at] ^= edit[3];
        edits += usize::from(edit[3] != 0);
    }
    if let Ok((log, recovered)) = Log::open(Arc::new(MemoryDevice::from_bytes(image)), &KEYS) {
        assert!(recovered.entries <= 3 && (edits > 1 || recovered.entries >= 2));
        for (index, entry) in log.journal_entries(0).enumerate() {
            // What opens is what was written.
            if let Ok(entry) = entry {
                assert_eq!(entry.bytes, [index as u8; 100]);
            }
        }
    }
}
