//! A store on a device that has become longer: at every power cut the old or the new division rules, and nothing is lost.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::sync::Arc;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use disk::{
    Claim, CommitFields, CrashClock, CrashingDevice, Device, DeviceKeys, Error, Fault, Geometry, Grown, Log,
    MemoryDevice, grow,
};

const GEOMETRY: Geometry = Geometry { extent_bytes: 64 * 1024, extents: 24, reserve: 3 };
const EXTENT: u64 = 64 * 1024;
const LENGTH: u64 = EXTENT * 25;

fn keys() -> DeviceKeys {
    DeviceKeys::of(&[1; 32], &[2; 32]).unwrap()
}

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn open(device: &Arc<impl Device + 'static>) -> Log {
    Log::open(Arc::clone(device) as Arc<dyn Device>, &keys()).unwrap().0
}

/// Entries and bodies until only the reserve is left; gives how many entries there are then.
fn fill(log: &mut Log, random: &mut ChaCha20Rng) -> u64 {
    loop {
        let n = log.entries();
        let mut batch = log.begin(Claim::Ordinary, random).unwrap();
        let entry = batch.entry(&[n as u8; 3000]).map(drop);
        let body = batch.body(&[0; 32], 20_000, |slot, _| slot.fill(1)).map(drop);
        match entry.and(body) {
            Ok(()) => drop(batch.commit(CommitFields::default()).unwrap()),
            Err(Error::Full { .. }) => return n,
            Err(other) => panic!("{other}"),
        }
    }
}

fn check(log: &Log, entries: u64) {
    let found: Vec<_> = log.journal_entries(0).map(|entry| entry.unwrap()).collect();
    assert_eq!(found.len() as u64, entries);
    assert!(found.iter().all(|entry| entry.bytes == [entry.index as u8; 3000]));
}

/// A full store on a device that has been made longer by this many bytes, and its entries.
fn full(longer: u64) -> (Vec<u8>, u64) {
    let device = Arc::new(MemoryDevice::new(LENGTH));
    Log::format(&*device, &keys(), GEOMETRY, &mut rng(1)).unwrap();
    let entries = fill(&mut open(&device), &mut rng(2));
    let mut image = device.image();
    image.resize((LENGTH + longer) as usize, 0);
    (image, entries)
}

#[test]
fn a_full_store_goes_on_in_what_its_device_has_become_longer_by() {
    let (image, entries) = full(40 * EXTENT + 4096);
    let device = Arc::new(MemoryDevice::from_bytes(image));
    let grown = grow(device.clone(), &keys(), &mut rng(3)).unwrap();
    assert_eq!(grown, Grown { before: GEOMETRY, after: Geometry { extents: 64, reserve: 4, ..GEOMETRY } });
    let mut log = open(&device);
    check(&log, entries);
    let more = fill(&mut log, &mut rng(4));
    assert!(more > 2 * entries, "{more} {entries}");
    drop(log);
    let mut log = open(&device);
    check(&log, more);
    assert_eq!(fill(&mut log, &mut rng(5)), more);
    drop(log);
    let again = grow(device.clone(), &keys(), &mut rng(6)).unwrap();
    assert_eq!(again.before, again.after);
    check(&open(&device), more);
}

#[test]
fn a_device_that_has_become_shorter_is_refused_and_not_touched() {
    let (mut image, _) = full(0);
    image.truncate((LENGTH - EXTENT) as usize);
    let device = Arc::new(MemoryDevice::from_bytes(image.clone()));
    let refused = grow(device.clone(), &keys(), &mut rng(3));
    assert!(matches!(refused, Err(Error::Geometry(disk::Misfit::DeviceTooShort))));
    assert!(device.image() == image);
}

#[test]
fn extents_that_no_commit_record_could_name_are_left_alone() {
    let (image, _) = full(0);
    let device = MemoryDevice::from_bytes(image);
    let huge = GEOMETRY.grown_to(1 << 40).unwrap();
    assert!(huge.extents > 1000 && huge.extents < 16_384, "{}", huge.extents);
    assert_eq!(GEOMETRY.grown_to(device.length()).unwrap(), GEOMETRY);
}

#[test]
fn at_every_power_cut_the_old_or_the_new_division_rules_and_nothing_is_lost() {
    let (mut old, mut new) = (0, 0);
    let (image, entries) = full(8 * EXTENT);
    for at in 0.. {
        for seed in 0..6 {
            let clock = CrashClock::new(at, Fault::PowerCut);
            let crashing = Arc::new(CrashingDevice::new(image.clone(), clock.clone()));
            let grown = grow(crashing.clone(), &keys(), &mut rng(3));
            let device = Arc::new(crashing.restarted(seed * 1000 + at));
            let mut log = open(&device);
            check(&log, entries);
            let extents = log.geometry().extents;
            assert!(extents == 24 || extents == 32, "{extents}");
            assert!(grown.is_err() || extents == 32, "what was said is so");
            old += usize::from(extents == 24);
            new += usize::from(extents == 32);
            // A life in between, in whichever division; then the same command once more.
            let mut random = rng(7);
            let mut batch = log.begin(Claim::Urgent, &mut random).unwrap();
            batch.entry(&[entries as u8; 3000]).unwrap();
            batch.commit(CommitFields::default()).unwrap();
            drop(log);
            grow(device.clone(), &keys(), &mut rng(8)).unwrap();
            let mut log = open(&device);
            assert_eq!(log.geometry().extents, 32);
            check(&log, entries + 1);
            assert!(fill(&mut log, &mut rng(9)) > entries + 1);
            if grown.is_ok() && seed == 5 {
                assert!(old > 5 && new > 5, "both were seen: {old} {new}");
                return;
            }
        }
    }
}

#[test]
fn a_growth_that_only_a_cache_has_seen_is_durable_before_anything_grows_into_it() {
    let (image, entries) = full(8 * EXTENT);
    let quiet = CrashClock::new(u64::MAX, Fault::Eio);
    grow(Arc::new(CrashingDevice::new(image.clone(), quiet.clone())), &keys(), &mut rng(3)).unwrap();
    // The last operation is the second copy's sync: it fails, the cache shows the new copy, the medium has the old.
    let clock = CrashClock::new(quiet.operations() - 1, Fault::Eio);
    let device = Arc::new(CrashingDevice::new(image, clock));
    assert!(matches!(grow(device.clone(), &keys(), &mut rng(3)), Err(Error::Io(_))));
    let mut log = open(&device);
    assert_eq!(log.geometry().extents, 32, "the cache shows the new division");
    let more = fill(&mut log, &mut rng(4));
    assert!(more > entries);
    drop(log);
    for seed in 0..4 {
        let device = Arc::new(device.restarted(seed));
        check(&open(&device), more);
    }
}
