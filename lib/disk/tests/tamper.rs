//! A failing device, or somebody, changes a store between two lives: what is whole goes on, the rest is named, and
//! nothing is written over what a second look might still read.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::io;
use std::sync::Arc;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use disk::{
    BLOCK, Claim, CommitFields, CrashClock, CrashingDevice, Device, DeviceKeys, Error, Fault, FrameRecord,
    Geometry, Log, MemoryDevice, RecordingDevice, Sealer, Stream, frames_of_write, grow,
};

const EXTENT: usize = 64 * 1024;
const GEOMETRY: Geometry = Geometry { extent_bytes: EXTENT as u32, extents: 40, reserve: 3 };
const SUPERBLOCKS: usize = 2 * BLOCK;
const LENGTH: u64 = EXTENT as u64 * 41;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn keys() -> DeviceKeys {
    DeviceKeys::of(&[1; 32], &[2; 32]).unwrap()
}

fn fresh(seed: u64) -> Arc<MemoryDevice> {
    let device = Arc::new(MemoryDevice::new(LENGTH));
    Log::format(&*device, &keys(), GEOMETRY, &mut rng(seed)).unwrap();
    device
}

fn open(device: &Arc<impl Device + 'static>) -> Result<Log, Error> {
    Log::open(Arc::clone(device) as Arc<dyn Device>, &keys()).map(|(log, _)| log)
}

fn device_of(image: Vec<u8>) -> Arc<MemoryDevice> {
    Arc::new(MemoryDevice::from_bytes(image))
}

/// A batch of one entry and, where it has a length, one body.
fn say(log: &mut Log, entry_bytes: usize, body_bytes: usize, random: &mut ChaCha20Rng) -> Result<(), Error> {
    let mut batch = log.begin(Claim::Ordinary, random)?;
    batch.entry(&vec![b'e'; entry_bytes])?;
    if body_bytes > 0 {
        batch.body(&[0; 32], body_bytes, |slot, _| slot.fill(b'b'))?;
    }
    batch.commit(CommitFields::default()).map(drop)
}

/// All frames that an image shows, wherever a run begins.
fn frames(log: &Log, image: &[u8]) -> Vec<FrameRecord> {
    let sealer = Sealer::new(&keys(), log.store());
    let blocks = (SUPERBLOCKS..image.len()).step_by(BLOCK);
    blocks.flat_map(|offset| frames_of_write(&sealer, offset as u64, &image[offset..])).collect()
}

fn extent_of(offset: usize) -> usize {
    (offset - SUPERBLOCKS) / EXTENT
}

#[test]
fn an_old_password_put_back_where_it_once_lay_is_noticed() {
    let device = fresh(1);
    let (mut log, mut random) = (open(&device).unwrap(), rng(2));
    let mut early = Vec::new();
    for n in 1..=62u8 {
        // Batches 20 and 52 lie in one place: a full list between them gave the extent back.
        let person = u64::from(n == 20 || n == 52).to_le_bytes();
        let mut batch = log.begin(Claim::Ordinary, &mut random).unwrap();
        batch.verifier(person, Some(&[n; 700])).unwrap();
        batch.commit(CommitFields::default()).unwrap();
        if n == 32 {
            early = device.image();
        }
    }
    let place_of = |image: &[u8], number: u64| {
        let mut found = frames(&log, image).into_iter();
        found.find(|frame| frame.stream == Stream::Verifiers && frame.batch == number).unwrap().position
    };
    let place = place_of(&device.image(), 52);
    assert_eq!(place.offset, place_of(&early, 20).offset, "or the test shows nothing");
    assert_eq!(log.verifier(1u64.to_le_bytes()), Some(&[52; 700][..]));
    drop(log);
    let block = place.offset as usize / BLOCK * BLOCK;
    device.write(block as u64, &early[block..block + BLOCK]).unwrap();
    let refused = open(&device).map(|log| log.verifier(1u64.to_le_bytes()).map(<[u8]>::to_vec));
    assert!(matches!(refused, Err(Error::Frame { offset }) if offset == place.offset), "{refused:?}");
}

/// Sixty batches over many extents, with bodies or without.
fn long_store(body_bytes: usize) -> (Log, Vec<u8>) {
    let device = fresh(3);
    let (mut log, mut random) = (open(&device).unwrap(), rng(4));
    (0..60).for_each(|_| say(&mut log, 3000, body_bytes, &mut random).unwrap());
    (log, device.image())
}

fn zero_extent(image: &mut [u8], extent: usize) {
    image[SUPERBLOCKS + extent * EXTENT..][..EXTENT].fill(0);
}

#[test]
fn a_journal_that_lost_a_whole_extent_does_not_start_as_a_shorter_one() {
    let (log, image) = long_store(0);
    let journal = frames(&log, &image).iter().map(|frame| extent_of(frame.position.offset as usize)).max();
    assert!(journal >= Some(4), "{journal:?}");
    let mut damaged = image.clone();
    zero_extent(&mut damaged, 1);
    let device = device_of(damaged.clone());
    let refused = open(&device).map(drop);
    assert!(matches!(refused, Err(Error::DamagedBeforeValid { later, damaged, .. }) if later > damaged));
    assert!(device.image() == damaged, "and nothing was written");
}

#[test]
fn bodies_of_later_batches_tell_of_a_journal_that_is_gone() {
    let (log, mut image) = long_store(20_000);
    let found = frames(&log, &image);
    let of_journal = found.iter().filter(|frame| frame.stream == Stream::Journal);
    let extents: Vec<usize> = of_journal.map(|frame| extent_of(frame.position.offset as usize)).collect();
    extents.iter().filter(|extent| **extent > 0).for_each(|extent| zero_extent(&mut image, *extent));
    let refused = open(&device_of(image)).map(drop);
    assert!(matches!(refused, Err(Error::NewerThanJournal { .. })), "{refused:?}");
}

/// A device of which one block cannot be read.
struct BadBlock(MemoryDevice, u64);

impl Device for BadBlock {
    fn length(&self) -> u64 {
        self.0.length()
    }
    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let is_in = (offset..offset + buffer.len() as u64).contains(&self.1);
        if is_in { Err(io::ErrorKind::Other.into()) } else { self.0.read(offset, buffer) }
    }
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write(offset, bytes)
    }
    fn sync(&self) -> io::Result<()> {
        self.0.sync()
    }
    fn discard(&self, offset: u64, length: u64) -> io::Result<()> {
        self.0.discard(offset, length)
    }
}

#[test]
fn a_bad_sector_among_the_bodies_keeps_no_store_from_starting() {
    let (log, image) = long_store(20_000);
    let bodies = frames(&log, &image).into_iter().find(|frame| frame.stream == Stream::Bodies);
    let block = bodies.unwrap().position.offset / BLOCK as u64 * BLOCK as u64;
    assert_eq!((block as usize - SUPERBLOCKS) % EXTENT, 0, "an extent begins there");
    let device = Arc::new(BadBlock(MemoryDevice::from_bytes(image), block));
    assert_eq!(open(&device).unwrap().entries(), log.entries());
}

/// A store that was full, grew, and went on behind its old end; the image before, and after.
fn grown() -> (Vec<u8>, Vec<u8>, u64) {
    let device = fresh(5);
    let (mut log, mut random) = (open(&device).unwrap(), rng(6));
    while say(&mut log, 3000, 20_000, &mut random).is_ok() {}
    drop(log);
    let mut old = device.image();
    old.resize(old.len() + 20 * EXTENT, 0);
    let device = device_of(old.clone());
    grow(device.clone(), &keys(), &mut rng(7)).unwrap();
    let mut log = open(&device).unwrap();
    while say(&mut log, 3000, 20_000, &mut random).is_ok() {}
    assert!(log.geometry().extents > GEOMETRY.extents);
    (old, device.image(), log.entries())
}

#[test]
fn an_old_superblock_in_one_place_costs_nothing_and_in_both_is_named() {
    let (old, image, entries) = grown();
    for copy in 0..2 {
        let mut changed = image.clone();
        changed[copy * BLOCK..][..BLOCK].copy_from_slice(&old[copy * BLOCK..][..BLOCK]);
        let log = open(&device_of(changed)).unwrap();
        assert_eq!(
            (log.entries(), log.journal_entries(0).filter(Result::is_ok).count()),
            (entries, entries as usize)
        );
    }
    let mut changed = image;
    changed[..SUPERBLOCKS].copy_from_slice(&old[..SUPERBLOCKS]);
    let device = device_of(changed.clone());
    let refused = open(&device).map(drop);
    assert!(
        matches!(refused, Err(Error::SuperblockRolledBack { extents: 40, named: 60, .. })),
        "{refused:?}"
    );
    assert!(device.image() == changed, "and nothing was written");
}

#[test]
fn a_start_has_no_superblock_in_flight() {
    let (_, image, _) = grown();
    let device = Arc::new(RecordingDevice::new(device_of(image), Vec::new()));
    open(&device).unwrap();
    let writes = device.writes();
    assert!(!writes.is_empty() && writes.iter().all(|write| write.offset >= SUPERBLOCKS as u64));
}

/// The image with a flipped byte in the body of the given batch.
fn torn(log: &Log, mut image: Vec<u8>, number: u64) -> Vec<u8> {
    let body =
        frames(log, &image).into_iter().find(|frame| frame.stream == Stream::Bodies && frame.batch == number);
    image[body.unwrap().position.offset as usize + 3000] ^= 1;
    image
}

#[test]
fn what_was_set_aside_is_gone_from_the_medium_too_though_a_sync_failed() {
    let device = fresh(8);
    let (mut log, mut random) = (open(&device).unwrap(), rng(9));
    (0..8).for_each(|_| say(&mut log, 2000, 0, &mut random).unwrap());
    // Too long for the rest of the journal's extent, this batch goes into the next one; a power cut tears its body.
    say(&mut log, 40_000, 20_000, &mut random).unwrap();
    let image = torn(&log, device.image(), 9);
    drop(log);
    let quiet = CrashClock::new(u64::MAX, Fault::Eio);
    open(&Arc::new(CrashingDevice::new(image.clone(), quiet.clone()))).unwrap();
    // The start sets it aside, and its sync, the last operation, fails: a cache shows zeros, the medium has the batch.
    let clock = CrashClock::new(quiet.operations() - 1, Fault::Eio);
    let device = Arc::new(CrashingDevice::new(image, clock));
    assert!(matches!(open(&device).map(drop), Err(Error::Io(_))));
    let mut log = open(&device).unwrap();
    say(&mut log, 2000, 0, &mut random).unwrap();
    say(&mut log, 2000, 20_000, &mut random).unwrap();
    // A power cut tears the last batch; what was synced is on the medium, what a cache only showed is not.
    let image = torn(&log, device.after_power_cut(0), 10);
    let log = open(&device_of(image)).unwrap();
    assert_eq!(log.entries(), 9);
}
