//! Copies over the real socket, of a store whose writer is the test itself; and how fast they are.

use super::gate::Next;
use super::{Copies, Gate, SOCKET, ServerSource, Shelf, TAKE_TIMEOUT, serve};
use crate::erasure::{self, Ran};
use crate::log::{Level, Log as Said};
use crate::overlay::OverlayDevice;
use crate::{randomness, socket};
use ::backup::{BackupDevice, BackupError, Copied, Folder, Made, Signed, Source, Taken, Verified};
use disk::{
    Anchor, BLOCK, Claim, CommitFields, DeviceKeys, FileDevice, Geometry, Log, Outline, Position,
    Preallocation, Range, Stream,
};
use pki::{SecretKey, Suite};
use protocol::io::EraseItem;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

const KEYS: fn() -> DeviceKeys = || DeviceKeys::of(&[1; 32], &[2; 32]).unwrap();

fn store(dir: &Path, bytes: u64) -> Log {
    let device = FileDevice::create(&dir.join("store"), bytes, Preallocation::Write).unwrap();
    let geometry = Geometry::for_length(bytes).unwrap();
    Log::format(&device, &KEYS(), geometry, &mut randomness::rng()).unwrap();
    Log::open(Arc::new(device), &KEYS()).unwrap().0
}

/// A batch with bodies that no two are alike.
fn write(log: &mut Log, bodies: u64, bytes: usize) -> Result<Vec<Position>, disk::Error> {
    let mut rng = randomness::rng();
    let entries = log.entries();
    let mut batch = log.begin(Claim::Ordinary, &mut rng)?;
    batch.entry(b"said")?;
    let mut positions = Vec::new();
    for n in 0..bodies {
        positions.push(batch.body(&[3; 32], bytes, |slot, _| {
            for (word, at) in slot.chunks_mut(8).zip(0_u64..) {
                let bytes = (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (entries << 20) ^ n).to_le_bytes();
                word.copy_from_slice(&bytes[..word.len()]);
            }
        })?);
    }
    batch.commit(CommitFields::default())?;
    Ok(positions)
}

/// Serves copies of the store from a thread; gives the client's end.
fn served(dir: &Path, log: &Log) -> ServerSource {
    let key = SecretKey::generate(Suite::Ed25519, &mut randomness::rng()).unwrap();
    let identity: [u8; 32] = key.public().raw().try_into().unwrap();
    let listener = socket::bind(dir, SOCKET).unwrap();
    let (copier, shelf) = (log.copier(), Shelf::open(dir));
    let copies = Arc::new(Copies { copier, key, identity, shelf, log: Said::new(Level::Error) });
    std::thread::spawn(move || serve(&listener, &copies));
    ServerSource::connect(dir, identity).unwrap()
}

fn copied_to(
    folder: &Folder,
    source: &mut dyn Source,
    told: impl FnMut(u64, u64),
) -> Result<Copied, BackupError> {
    copied_by("made", folder, source, told)
}

/// By whom: what one has made another compares.
fn copied_by(
    whom: &str,
    folder: &Folder,
    source: &mut dyn Source,
    told: impl FnMut(u64, u64),
) -> Result<Copied, BackupError> {
    let inventory = ::backup::look(folder, &source.identity())?;
    let made = Made::at(folder.dir().parent().unwrap().join(whom));
    ::backup::copy(folder, inventory, source, &made, told)
}

fn opened(folder: &Folder, verified: &Verified) -> Log {
    let device = BackupDevice::open(folder, verified).unwrap();
    device.verify(|_| ()).unwrap();
    Log::open(Arc::new(OverlayDevice::new(device)), &KEYS()).unwrap().0
}

#[test]
fn a_copy_whose_state_is_lost_begins_again_and_ends_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = store(dir.path(), 8 << 20);
    let mut positions = Vec::new();
    while let Ok(more) = write(&mut log, 2, 50_000) {
        positions.extend(more);
    }
    let mut source = served(dir.path(), &log);
    let folder = Folder::make(&dir.path().join("backup")).unwrap();
    let mut calls = 0;
    let copied = copied_to(&folder, &mut source, |_, _| {
        calls += 1;
        if calls == 3 {
            // All closed extents die, and the writer needs the room at once.
            let mut rng = randomness::rng();
            let closed = log.closed_extents();
            let mut batch = log.begin(Claim::Urgent, &mut rng).unwrap();
            closed.iter().try_for_each(|extent| batch.free(*extent)).unwrap();
            batch.commit(CommitFields::default()).unwrap();
            positions.clear();
            while let Ok(more) = write(&mut log, 2, 50_000) {
                positions.extend(more);
            }
        }
    });
    let copied = copied.unwrap();
    assert!(copied.copied_bytes > copied.verified.outline.used_bytes(), "some of it was in vain");
    let restored = opened(&folder, &copied.verified);
    assert_eq!(restored.entries(), log.entries());
    for position in positions {
        assert!(restored.reader().body(position).unwrap() == log.reader().body(position).unwrap());
    }
    // Nobody else may work on the directory; and a second copy finds nothing to do.
    assert!(Folder::open(folder.dir()).is_err());
    let again = copied_to(&folder, &mut source, |_, _| ()).unwrap();
    assert_eq!((again.copied_bytes, again.taken_over_bytes), (0, 0));
}

#[test]
fn a_segment_that_nothing_needs_any_more_goes_away() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = store(dir.path(), 8 << 20);
    let mut source = served(dir.path(), &log);
    let folder = Folder::make(&dir.path().join("backup")).unwrap();
    let write_ten = |log: &mut Log| {
        for _ in 0..10 {
            write(log, 2, 50_000).unwrap();
        }
    };
    write_ten(&mut log);
    copied_to(&folder, &mut source, |_, _| ()).unwrap();
    assert_eq!(folder.segments().unwrap(), [1, 2], "the journal lives for ever and has segments of its own");
    write_ten(&mut log);
    let mut rng = randomness::rng();
    let closed = log.closed_extents();
    let mut batch = log.begin(Claim::Urgent, &mut rng).unwrap();
    closed.iter().try_for_each(|extent| batch.free(*extent)).unwrap();
    batch.commit(CommitFields::default()).unwrap();
    let copied = copied_to(&folder, &mut source, |_, _| ()).unwrap();
    assert_eq!(folder.segments().unwrap(), [1, 3, 4]);
    opened(&folder, &copied.verified);
}

/// A segment that no manifest names, with one record.
fn plant(folder: &Folder, number: u32, outline: &Outline, range: Range, blocks: &[u8]) {
    let mut bytes = [&b"conclave segment\x01"[..], &outline.store].concat();
    outline.anchor.encode(&mut bytes);
    bytes.push(0);
    range.encode(&mut bytes);
    bytes.extend(::backup::blocks_digest(&range, blocks));
    bytes.extend_from_slice(blocks);
    std::fs::write(folder.dir().join(format!("segment-{number:05}")), bytes).unwrap();
}

#[test]
fn of_what_lies_about_in_the_directory_only_the_stores_own_blocks_are_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = store(dir.path(), 8 << 20);
    let mut source = served(dir.path(), &log);
    let folder = Folder::make(&dir.path().join("backup")).unwrap();
    let mut positions = write(&mut log, 2, 5_000).unwrap();
    let outline = copied_to(&folder, &mut source, |_, _| ()).unwrap().verified.outline;
    let bodies = outline.parts.iter().rfind(|part| part.stream == Stream::Bodies).unwrap();
    let noise = [7; 2 * BLOCK];
    // Where the store will grow next, in an extent that it has and in one that it will begin.
    let next = Range { extent: bodies.extent, born: bodies.born, block: bodies.blocks, blocks: 2 };
    let begun = Range { extent: bodies.extent, born: outline.anchor.batch + 1, block: 0, blocks: 2 };
    for range in [next, begun] {
        plant(&folder, 90, &outline, range, &noise);
        let copied = copied_to(&folder, &mut source, |_, _| ()).unwrap();
        assert_eq!(copied.taken_over_bytes, 0);
        assert!(!folder.segments().unwrap().contains(&90), "not even when it counts for nothing today");
    }
    // Where it has grown meanwhile (bodies of two blocks and more, in one extent): noise is deleted and the store's own copied, what is its own is taken over.
    positions.extend(write(&mut log, 2, 5_000).unwrap());
    plant(&folder, 95, &outline, next, &noise);
    let copied = copied_to(&folder, &mut source, |_, _| ()).unwrap();
    assert_eq!(copied.taken_over_bytes, 0);
    let outline = copied.verified.outline;
    let bodies = outline.parts.iter().find(|part| part.extent == next.extent).unwrap();
    let next = Range { block: bodies.blocks, ..next };
    positions.extend(write(&mut log, 2, 5_000).unwrap());
    let (mut own, file) = ([0; 2 * BLOCK], std::fs::File::open(dir.path().join("store")).unwrap());
    file.read_exact_at(&mut own, outline.offset(&next)).unwrap();
    plant(&folder, 99, &outline, next, &own);
    let copied = copied_to(&folder, &mut source, |_, _| ()).unwrap();
    assert_eq!(copied.taken_over_bytes, own.len() as u64);
    let restored = opened(&folder, &copied.verified);
    for position in positions {
        assert!(restored.reader().body(position).unwrap() == log.reader().body(position).unwrap());
    }
}

/// The server, and blocks on the way from it become others'.
struct Changed<'a> {
    server: &'a mut ServerSource,
    /// What becomes of them.
    to: fn(&mut [u8]) -> Taken,
}

impl Source for Changed<'_> {
    fn identity(&self) -> [u8; 32] {
        self.server.identity()
    }
    fn hold(&mut self) -> Result<Outline, BackupError> {
        self.server.hold()
    }
    fn has_passed(&mut self, anchor: &Anchor) -> Result<bool, BackupError> {
        self.server.has_passed(anchor)
    }
    fn is_same(&mut self, range: &Range, digest: &[u8; 32]) -> Result<Option<bool>, BackupError> {
        self.server.is_same(range, digest)
    }
    fn ask(&mut self, range: &Range) -> Result<(), BackupError> {
        self.server.ask(range)
    }
    fn take(&mut self, blocks: &mut Vec<u8>) -> Result<Taken, BackupError> {
        self.server.take(blocks)?;
        Ok((self.to)(blocks))
    }
    fn sign(&mut self, segments: &[u8; 32]) -> Result<Signed, BackupError> {
        self.server.sign(segments)
    }
    fn kept(&mut self, verified: &Verified) -> Result<bool, BackupError> {
        self.server.kept(verified)
    }
}

#[test]
fn what_another_has_signed_for_is_compared_with_the_store_and_ones_own_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = store(dir.path(), 8 << 20);
    let mut source = served(dir.path(), &log);
    let folder = Folder::make(&dir.path().join("backup")).unwrap();
    let mut positions = write(&mut log, 20, 20_000).unwrap();
    // He holds the state, has noise signed for, and leaves it there.
    let noise = |blocks: &mut [u8]| {
        blocks.fill(7);
        Taken::Blocks
    };
    let forged =
        copied_by("his", &folder, &mut Changed { server: &mut source, to: noise }, |_, _| ()).unwrap();
    let old = folder.segments().unwrap();
    positions.extend(write(&mut log, 5, 20_000).unwrap());
    let copied = copied_by("hers", &folder, &mut source, |_, _| ()).unwrap();
    assert!(copied.copied_bytes > forged.copied_bytes, "all of it anew");
    assert!(old.iter().all(|number| !folder.segments().unwrap().contains(number)));
    let restored = opened(&folder, &copied.verified);
    for position in &positions {
        assert!(restored.reader().body(*position).unwrap() == log.reader().body(*position).unwrap());
    }
    // What is the store's stays, whoever made it, and is compared once.
    let mut compared = 0;
    let again = copied_by("third", &folder, &mut source, |_, _| compared += 1).unwrap();
    assert!(again.copied_bytes == 0 && compared > 0, "{} {compared}", again.copied_bytes);
    let again =
        copied_by("third", &folder, &mut source, |_, _| panic!("nothing to compare or to copy")).unwrap();
    assert_eq!(again.copied_bytes, 0);
}

#[test]
fn what_does_not_read_is_told_and_tried_again_by_the_next_copy() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = store(dir.path(), 8 << 20);
    let mut source = served(dir.path(), &log);
    let folder = Folder::make(&dir.path().join("backup")).unwrap();
    let positions = write(&mut log, 20, 60_000).unwrap();
    // Of what is long enough to be of bodies.
    let torn = |blocks: &mut [u8]| {
        let is_torn = blocks.len() > 20 * BLOCK;
        if is_torn {
            blocks[10 * BLOCK..12 * BLOCK].fill(0);
        }
        if is_torn { Taken::Torn } else { Taken::Blocks }
    };
    let first = copied_to(&folder, &mut Changed { server: &mut source, to: torn }, |_, _| ()).unwrap();
    assert!(first.torn > 0);
    BackupDevice::open(&folder, &first.verified).unwrap().verify(|_| ()).unwrap();
    let second = copied_to(&folder, &mut source, |_, _| ()).unwrap();
    assert!(second.torn == 0 && second.copied_bytes > 0 && second.copied_bytes < first.copied_bytes);
    let restored = opened(&folder, &second.verified);
    for position in positions {
        assert!(restored.reader().body(position).unwrap() == log.reader().body(position).unwrap());
    }
    assert_eq!(copied_to(&folder, &mut source, |_, _| ()).unwrap().copied_bytes, 0);
}

/// Highest memory of this process so far, KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// `cargo test --release -p server --bin conclaved -- --ignored --nocapture how_fast`; BACKUP_MIB says how much.
#[test]
#[ignore = "a measurement"]
fn how_fast_a_copy_is_beside_a_plain_one() {
    let mib: u64 = std::env::var("BACKUP_MIB").ok().and_then(|mib| mib.parse().ok()).unwrap_or(512);
    let dir = tempfile::tempdir_in(std::env::var("BACKUP_DIR").unwrap_or("/tmp".into())).unwrap();
    let mut log = store(dir.path(), (mib + mib / 4 + 64) << 20);
    for _ in 0..mib / 8 {
        write(&mut log, 8, (1 << 20) - 4096).unwrap();
    }
    let mut source = served(dir.path(), &log);
    for round in 0..2 {
        let begin = Instant::now();
        let plain = dir.path().join("plain");
        std::fs::copy(dir.path().join("store"), &plain).unwrap();
        std::fs::File::open(&plain).unwrap().sync_all().unwrap();
        let length = std::fs::metadata(&plain).unwrap().len() >> 20;
        let rate = |mib: u64, begin: Instant| mib as f64 / begin.elapsed().as_secs_f64();
        println!("plain copy and fsync: {length} MiB, {:.0} MiB/s", rate(length, begin));
        std::fs::remove_file(plain).unwrap();
        let folder = Folder::make(&dir.path().join(format!("backup{round}"))).unwrap();
        let (before, begin) = (peak_kib(), Instant::now());
        let copied = copied_to(&folder, &mut source, |_, _| ()).unwrap();
        let mib = copied.copied_bytes >> 20;
        println!("copy over the socket: {mib} MiB, {:.0} MiB/s", rate(mib, begin));
        println!("memory of both ends: {} KiB more than before", peak_kib() - before);
        let begin = Instant::now();
        opened(&folder, &copied.verified);
        println!("verified: {:.0} MiB/s", rate(mib, begin));
    }
}

/// A store of the vault with bodies 1 to 3 in conversation 1.
pub(super) fn vault() -> vault::Vault {
    let device = Arc::new(disk::MemoryDevice::new(16 << 20));
    let geometry = Geometry::for_length(16 << 20).unwrap();
    let cell = Box::new(vault::MemoryCell::new(Default::default(), None));
    let rng = &mut randomness::rng();
    let mut vault = vault::Vault::create(device, cell, geometry, vault::Limits::default(), rng).unwrap();
    let rng = &mut randomness::rng();
    let mut batch = vault.begin(Claim::Ordinary, rng).unwrap();
    batch.entry(b"said").unwrap();
    for item in 1..=3 {
        batch.insert(vault::Place::item(1, item), &[item as u8; 400]).unwrap();
    }
    batch.commit([1; 32]).unwrap();
    vault
}

#[test]
fn a_root_is_destroyed_only_when_what_replaces_it_lies_with_the_puller() {
    let (mut vault, gate) = (vault(), Arc::new(Gate::new()));
    let item = EraseItem::Item(journal::ids::Place { conversation: 1, item: 2 });
    let log = Said::new(Level::Error);
    let before = vault.epoch();
    gate.waits(true);
    let puller = {
        let (gate, copier) = (Arc::clone(&gate), vault.copier());
        std::thread::spawn(move || {
            assert_eq!(gate.next(TAKE_TIMEOUT), Next::Take);
            let still = copier.hold().unwrap();
            let outline = still.outline().clone();
            assert!(gate.safe());
            outline
        })
    };
    while !gate.claim() {
        std::thread::yield_now();
    }
    let ran = erasure::run(&mut vault, &[item, item], Some(&gate), log).unwrap();
    assert_eq!(ran, Ran::Erased { epoch: before + 1, count: 2, behind: false });
    let outline = puller.join().unwrap();
    assert!(outline.opens_at(before) && outline.opens_at(before + 1), "whenever the disk is lost");
    // Who goes away in the middle is not waited for, and that is told.
    let puller = {
        let gate = Arc::clone(&gate);
        std::thread::spawn(move || {
            assert_eq!(gate.next(TAKE_TIMEOUT), Next::Take);
            gate.gone();
        })
    };
    while !gate.claim() {
        std::thread::yield_now();
    }
    let ran = erasure::run(&mut vault, &[item], Some(&gate), log).unwrap();
    assert_eq!(ran, Ran::Erased { epoch: before + 2, count: 1, behind: true });
    puller.join().unwrap();
}
