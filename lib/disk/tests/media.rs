//! The same log on every kind of device: memory, a container file, loop devices with sectors of 512 and 4096 bytes.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

#[path = "support/loops.rs"]
mod loops;

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use disk::{
    BLOCK, Claim, CommitFields, Device, DeviceKeys, Error, Extent, Forgets, Geometry, Log, Medium,
    MediumKind, MemoryDevice, Position,
};
use loops::LoopDevice;

const LENGTH: u64 = 8 << 20;

/// A program that one test starts holds for a moment, between fork and exec, what another test has open.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

fn keys() -> DeviceKeys {
    DeviceKeys::of(&[1; 32], &[2; 32]).unwrap()
}

/// An empty file of this length, and a loop device over it.
fn loop_device(folder: &Path, sector_bytes: u32, length: u64) -> LoopDevice {
    let path = folder.join("backing");
    File::create(&path).unwrap().set_len(length).unwrap();
    LoopDevice::over(&path, sector_bytes).unwrap()
}

/// Runs a story over memory, a container and both kinds of loop devices.
fn on_every_medium(test: &str, story: impl Fn(&dyn Fn() -> Arc<dyn Device>)) {
    let _alone = alone();
    let memory: Arc<dyn Device> = Arc::new(MemoryDevice::new(LENGTH));
    story(&|| Arc::clone(&memory));
    let folder = tempfile::tempdir().unwrap();
    let container = folder.path().join("store");
    File::create(&container).unwrap().set_len(LENGTH).unwrap();
    story(&|| Arc::new(Medium::open(&container).unwrap()));
    if loops::missing_for(test) {
        return;
    }
    for sector_bytes in [512, 4096] {
        let device = loop_device(folder.path(), sector_bytes, LENGTH);
        story(&|| {
            let medium = Medium::open(device.path()).unwrap();
            let kind = MediumKind::Raw { logical_block_bytes: sector_bytes, forgets: Forgets::Yes };
            assert_eq!(medium.kind(), kind);
            Arc::new(medium)
        });
    }
}

#[test]
fn blocks_are_read_as_written_wherever_the_memory_lies_and_the_end_is_the_end() {
    let story = |open: &dyn Fn() -> Arc<dyn Device>| {
        let device = open();
        assert_eq!(device.length(), LENGTH);
        let mut bytes = vec![0; 5 * BLOCK + 1];
        for shift in [0, 1] {
            bytes[shift..shift + 3 * BLOCK].fill(7 + shift as u8);
            device.write(BLOCK as u64, &bytes[shift..shift + 3 * BLOCK]).unwrap();
            device.sync().unwrap();
            let mut read = vec![0; 5 * BLOCK + 1];
            device.read(0, &mut read[shift..shift + 5 * BLOCK]).unwrap();
            let found = &read[shift..shift + 5 * BLOCK];
            assert!(found[..BLOCK].iter().chain(&found[4 * BLOCK..]).all(|byte| *byte == 0));
            assert!(found[BLOCK..4 * BLOCK].iter().all(|byte| *byte == 7 + shift as u8));
        }
        assert!(device.write(LENGTH, &bytes[..BLOCK]).is_err());
        assert!(device.write(512, &bytes[..BLOCK]).is_err());
        assert!(device.read(0, &mut bytes[..100]).is_err());
        device.discard(BLOCK as u64, 3 * BLOCK as u64).unwrap();
        assert!(device.discard(LENGTH, BLOCK as u64).is_err());
        drop(device);
        let device = open();
        device.read(4 * BLOCK as u64, &mut bytes[..BLOCK]).unwrap();
        assert!(bytes[..BLOCK].iter().all(|byte| *byte == 0));
    };
    on_every_medium("blocks_are_read_as_written_wherever_the_memory_lies_and_the_end_is_the_end", story);
}

/// What a history left: entries and bodies with their places.
type Kept = Vec<(Position, Vec<u8>)>;

fn check(log: &Log, entries: &Kept, bodies: &Kept) {
    let found: Vec<_> = log.journal_entries(0).map(|entry| entry.unwrap()).collect();
    assert!(found.iter().map(|entry| (entry.position, entry.bytes.clone())).eq(entries.iter().cloned()));
    let reader = log.reader();
    bodies.iter().for_each(|(position, bytes)| assert_eq!(&reader.body(*position).unwrap(), bytes));
}

#[test]
fn a_history_with_freed_extents_is_there_after_every_restart() {
    let story = |open: &dyn Fn() -> Arc<dyn Device>| {
        let mut random = ChaCha20Rng::seed_from_u64(3);
        let geometry = Geometry::for_length(LENGTH).unwrap();
        Log::format(&*open(), &keys(), geometry, &mut random).unwrap();
        let (mut entries, mut bodies) = (Kept::new(), Kept::new());
        let mut free_next: Vec<Extent> = Vec::new();
        for life in 0..4 {
            let (mut log, recovered) = Log::open(open(), &keys()).unwrap();
            assert_eq!((recovered.entries, recovered.set_aside_bytes), (entries.len() as u64, 0));
            check(&log, &entries, &bodies);
            for n in 0..25u8 {
                let mut batch = log.begin(Claim::Ordinary, &mut random).unwrap();
                let entry = vec![n; 50 + usize::from(n) * 60];
                entries.push((batch.entry(&entry).unwrap(), entry));
                let mut body = vec![life; 10_000 + 501 * usize::from(n)];
                batch.rng().fill_bytes(&mut body);
                let position = batch.body(&[0; 32], body.len(), |slot, _| slot.copy_from_slice(&body));
                bodies.push((position.unwrap(), body));
                for extent in free_next.drain(..) {
                    // Every frame in it is dead from here on.
                    bodies.retain(|(position, _)| batch.extent_of(*position) != Some(extent));
                    batch.free(extent).unwrap();
                }
                batch.commit(CommitFields::default()).unwrap();
            }
            free_next = log.closed_extents().into_iter().take(2).collect();
            check(&log, &entries, &bodies);
        }
    };
    on_every_medium("a_history_with_freed_extents_is_there_after_every_restart", story);
}

#[test]
fn what_is_discarded_on_a_raw_device_is_read_as_zeros_and_its_neighbours_stay() {
    let _alone = alone();
    if loops::missing_for("what_is_discarded_on_a_raw_device_is_read_as_zeros_and_its_neighbours_stay") {
        return;
    }
    for sector_bytes in [512, 4096] {
        let folder = tempfile::tempdir().unwrap();
        let device = loop_device(folder.path(), sector_bytes, LENGTH);
        let medium = Medium::open(device.path()).unwrap();
        medium.write(0, &vec![9; 64 * BLOCK]).unwrap();
        medium.discard(8 * BLOCK as u64, 16 * BLOCK as u64).unwrap();
        let mut found = vec![1; 64 * BLOCK];
        medium.read(0, &mut found).unwrap();
        let gone = 8 * BLOCK..24 * BLOCK;
        assert!(found.iter().enumerate().all(|(at, byte)| *byte == if gone.contains(&at) { 0 } else { 9 }));
    }
}

#[test]
fn a_device_that_takes_no_zeros_is_asked_to_discard() {
    let _alone = alone();
    if loops::missing_for("a_device_that_takes_no_zeros_is_asked_to_discard") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let device = loop_device(folder.path(), 512, LENGTH);
    let medium = Medium::open(device.path()).unwrap();
    medium.write(0, &vec![9; 64 * BLOCK]).unwrap();
    drop(medium);
    // The second way of a discard, by itself: a loop device takes the first.
    let file = File::options().read(true).write(true).open(device.path()).unwrap();
    hardening::discard_blocks(&file, 8 * BLOCK as u64, 16 * BLOCK as u64).unwrap();
    assert!(hardening::discard_blocks(&file, 100, 100).is_err(), "whole blocks");
    assert!(hardening::discard_blocks(&File::open(folder.path()).unwrap(), 0, 4096).is_err(), "no device");
    drop(file);
    let mut found = vec![1; 64 * BLOCK];
    Medium::open(device.path()).unwrap().read(0, &mut found).unwrap();
    let gone = 8 * BLOCK..24 * BLOCK;
    assert!(found.iter().enumerate().all(|(at, byte)| *byte == if gone.contains(&at) { 0 } else { 9 }));
}

#[test]
fn nobody_else_opens_mounts_or_formats_a_device_that_is_open() {
    let _alone = alone();
    let test = "nobody_else_opens_mounts_or_formats_a_device_that_is_open";
    if loops::missing_for(test) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let device = loop_device(folder.path(), 512, 32 << 20);
    let runs = |program: &str, more: &[&str]| {
        let done = Command::new(program).args(more).output().unwrap();
        (done.status.success(), String::from_utf8_lossy(&done.stderr).to_lowercase())
    };
    let path = device.path().to_str().unwrap();
    let (made, said) = runs("mkfs.ext4", &["-q", path]);
    assert!(made, "{said}");
    let point = folder.path().join("point");
    std::fs::create_dir(&point).unwrap();
    let point = point.to_str().unwrap();

    let held = Medium::open(device.path()).unwrap();
    assert!(matches!(Medium::open(device.path()), Err(Error::InUse)));
    let (mounted, said) = runs("mount", &[path, point]);
    assert!(!mounted && said.contains("busy"), "{said}");
    let (made, said) = runs("mkfs.ext4", &["-q", "-F", path]);
    assert!(!made && said.contains("in use"), "{said}");
    drop(held);

    let (mounted, said) = runs("mount", &[path, point]);
    assert!(mounted, "{said}");
    assert!(matches!(Medium::open(device.path()), Err(Error::InUse)), "what is mounted is nobody's store");
    assert!(runs("umount", &[point]).0);
    assert!(Medium::open(device.path()).is_ok());
}
