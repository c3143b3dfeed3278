//! Stores of which a part of the journal is gone, or does not read: no start takes one for a shorter store, a salvage keeps
//! what is whole, and then every start goes on.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

#[path = "support/copies.rs"]
#[allow(dead_code, reason = "each test takes what it needs of it")]
mod copies;

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use copies::{GEOMETRY, Life, keys, rng};
use disk::{
    BLOCK, Claim, CommitFields, Device, Error, LockedVerifiers, Log, MemoryDevice, Position, PutBack,
    Salvage, grow,
};

fn block_of(position: Position) -> u64 {
    position.offset / BLOCK as u64 * BLOCK as u64
}

fn entries_of(log: &Log) -> Vec<u64> {
    log.journal_entries(0).map(|entry| block_of(entry.unwrap().position)).collect()
}

fn zero_block(device: &dyn Device, offset: u64) {
    device.write(offset, &[0; BLOCK]).unwrap();
}

/// A start that reads every entry.
fn start(device: &Arc<dyn Device>) -> Result<u64, Error> {
    let (log, _) = Log::open(Arc::clone(device), &keys())?;
    log.journal_entries(0).try_for_each(|entry| entry.map(drop))?;
    Ok(log.entries())
}

fn salvage(device: &Arc<dyn Device>) -> Result<Salvage, Error> {
    Log::salvage(Arc::clone(device), &keys())
}

/// What is behind the kept batches is given up, and one entry follows; no start takes it before.
fn carried_out(device: &Arc<dyn Device>) -> Log {
    let mut random = rng(77);
    let found = salvage(device).unwrap();
    let fields = CommitFields::default();
    let mut log = found.settle(fields.clone(), &mut random).unwrap();
    assert!(start(device).is_err(), "the mark keeps every start from it");
    log.leave_mark();
    let mut batch = log.begin(Claim::Urgent, &mut random).unwrap();
    batch.entry(b"given up").unwrap();
    batch.commit(fields).unwrap();
    log
}

#[test]
fn a_zeroed_end_of_the_journal_is_no_shorter_store() {
    // Every batch with a body, and every third one alone: between them nothing but the journal tells of a batch.
    for every in [1, 3] {
        let mut life = Life::new(every);
        for number in 0..60 {
            if number % every == 0 { life.step().unwrap() } else { life.say() }
        }
        let (image, entries) = (life.device.image(), entries_of(&life.log));
        let mut refused = 0;
        for kept in 20..60 {
            let device: Arc<dyn Device> = Arc::new(MemoryDevice::from_bytes(image.clone()));
            entries[kept as usize..].iter().for_each(|offset| zero_block(&*device, *offset));
            // The first lost batch alone may have been torn by a loss of power.
            let is_proved = (kept + 1..60).any(|number| number % every == 0);
            assert_eq!(salvage(&device).unwrap().is_behind(), is_proved, "{kept} of batches {every}");
            match start(&device) {
                Err(Error::NewerThanJournal { last, later, .. }) => {
                    assert!(is_proved && last == kept && later > last + 1, "{kept}: {last}, {later}");
                    refused += 1;
                }
                started => assert!(!is_proved && started.unwrap() == kept, "{kept} of batches {every}"),
            }
        }
        assert!(refused > 35, "{refused}");
    }
}

/// A device with bad sectors: they fail until they are written over.
struct Worn {
    below: Arc<MemoryDevice>,
    bad: Mutex<BTreeSet<u64>>,
    failed: AtomicU64,
}

impl Worn {
    fn of(image: Vec<u8>, bad: &[u64]) -> Arc<Self> {
        let below = Arc::new(MemoryDevice::from_bytes(image));
        Arc::new(Self { below, bad: Mutex::new(bad.iter().copied().collect()), failed: AtomicU64::new(0) })
    }
}

impl Device for Worn {
    fn length(&self) -> u64 {
        self.below.length()
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        if self.bad.lock().unwrap().range(offset..offset + buffer.len() as u64).next().is_some() {
            self.failed.fetch_add(1, Ordering::Relaxed);
            return Err(io::Error::other("a bad sector"));
        }
        self.below.read(offset, buffer)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.bad.lock().unwrap().retain(|bad| !(offset..offset + bytes.len() as u64).contains(bad));
        self.below.write(offset, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.below.sync()
    }

    fn discard(&self, offset: u64, length: u64) -> io::Result<()> {
        self.below.discard(offset, length)
    }
}

#[test]
fn a_bad_sector_in_the_journal_costs_what_stands_behind_it_and_then_the_store_starts() {
    let mut life = Life::new(5);
    (0..60).for_each(|_| life.step().unwrap());
    let (image, entries) = (life.device.image(), entries_of(&life.log));
    let extent = |offset: u64| (offset - 2 * BLOCK as u64) / u64::from(GEOMETRY.extent_bytes);
    let second = entries.iter().position(|offset| extent(*offset) > 0).unwrap();
    assert!(second < 50, "the journal goes on in a second extent");
    let last_body = block_of(life.bodies[59].0);
    let tail = entries[59] + BLOCK as u64;
    for (bad, kept) in [
        (entries[40], 40),
        (entries[59], 59),
        // The first block of an extent of the journal, and the block in which the newest batch's body begins.
        (entries[second], second as u64),
        (last_body, 59),
        // Where the next batch would stand: was it there?
        (tail, 60),
    ] {
        let device: Arc<dyn Device> = Worn::of(image.clone(), &[bad]);
        assert!(start(&device).is_err(), "block {bad}");
        let found = salvage(&device).unwrap();
        assert_eq!(
            (found.entries(), found.journal_entries(0).filter(Result::is_ok).count()),
            (kept, kept as usize)
        );
        drop(carried_out(&device));
        assert_eq!(start(&device).unwrap(), kept + 1, "block {bad}");
    }
}

#[test]
fn a_bad_sector_that_no_batch_can_have_reached_keeps_no_store_from_starting() {
    let mut life = Life::new(5);
    (0..60).for_each(|_| life.step().unwrap());
    let (image, entries) = (life.device.image(), entries_of(&life.log));
    let extent = u64::from(GEOMETRY.extent_bytes);
    let free = 2 * BLOCK as u64 + 70 * extent;
    let device: Arc<dyn Device> =
        Worn::of(image.clone(), &[entries[59] + 2 * BLOCK as u64, free, free + 3 * BLOCK as u64]);
    assert_eq!(start(&device).unwrap(), 60);
    // Damage before it is found all the same.
    zero_block(&*device, entries[57]);
    assert!(matches!(start(&device), Err(Error::DamagedBeforeValid { later: 59 | 60, .. })));
    drop(carried_out(&device));
    assert_eq!(start(&device).unwrap(), 58);
}

#[test]
fn a_check_names_the_bad_sector_and_goes_on() {
    let mut life = Life::new(5);
    (0..20).for_each(|_| life.step().unwrap());
    let whole = life.log.scan(&mut |_| {}).unwrap();
    let bad = block_of(life.bodies[7].0) + BLOCK as u64;
    let (log, _) = Log::open(Worn::of(life.device.image(), &[bad]), &keys()).unwrap();
    let scan = log.scan(&mut |_| {}).unwrap();
    assert_eq!((scan.damages_count, scan.runs, scan.bytes), (1, whole.runs - 1, whole.bytes));
    assert!((scan.damages[0].offset..scan.damages[0].offset + scan.damages[0].bytes).contains(&bad));
}

#[test]
fn one_superblock_that_does_not_read_costs_nothing_and_a_growth_writes_it_anew() {
    let mut life = Life::new(5);
    (0..20).for_each(|_| life.step().unwrap());
    for copy in 0..2 {
        let device: Arc<dyn Device> = Worn::of(life.device.image(), &[copy * BLOCK as u64]);
        assert_eq!(start(&device).unwrap(), 20, "copy {copy}");
        assert_eq!(Log::identify(&*device, &keys()).unwrap(), Some(life.log.store()));
        assert_eq!(salvage(&device).unwrap().entries(), 20);
        assert_eq!(LockedVerifiers::read(&*device, keys().verifiers()).unwrap().store(), life.log.store());
        assert_eq!(PutBack::of(&*device).unwrap(), PutBack::No);
        let damages = || {
            let (log, _) = Log::open(Arc::clone(&device), &keys()).unwrap();
            log.scan(&mut |_| {}).unwrap().damages.iter().map(|damage| damage.offset).collect::<Vec<_>>()
        };
        assert_eq!(damages(), [copy * BLOCK as u64], "a check names it");
        grow(Arc::clone(&device), &keys(), &mut rng(1)).unwrap();
        assert_eq!(damages(), [0; 0], "a growth mends it");
    }
    let device: Arc<dyn Device> = Worn::of(life.device.image(), &[0, BLOCK as u64]);
    assert_eq!(start(&device).unwrap_err().unread_at(), Some(BLOCK as u64));
    assert!(Log::identify(&*device, &keys()).is_err(), "nobody says that there is no store");
    assert!(PutBack::of(&*device).is_err());
}

#[test]
fn the_mark_of_a_store_that_was_put_back_needs_one_block_that_reads() {
    for (copy, said) in [(0, PutBack::Unanswered), (1, PutBack::Answered), (0, PutBack::No)] {
        let device: Arc<dyn Device> = Worn::of(Life::new(5).device.image(), &[]);
        PutBack::Unanswered.write(&*device).unwrap();
        let bad = copy * BLOCK as u64;
        let mut image = vec![0; device.length() as usize];
        device.read(0, &mut image).unwrap();
        let device: Arc<dyn Device> = Worn::of(image, &[bad]);
        assert_eq!(PutBack::of(&*device).unwrap(), PutBack::Unanswered);
        said.write(&*device).unwrap();
        assert_eq!(PutBack::of(&*device).unwrap(), said, "the lost block says what the other does");
        assert_eq!(start(&device).unwrap(), 0, "the other superblock is as it was");
    }
    let device: Arc<dyn Device> = Worn::of(Life::new(5).device.image(), &[0, BLOCK as u64]);
    assert!(PutBack::No.write(&*device).is_err(), "two that do not read are not written over");
    assert!(device.read(0, &mut [0; BLOCK]).is_err());
}

#[test]
fn a_bad_sector_is_asked_three_times_and_no_more() {
    let mut life = Life::new(5);
    (0..20).for_each(|_| life.step().unwrap());
    let bad = 2 * BLOCK as u64 + 70 * u64::from(GEOMETRY.extent_bytes) + 9 * BLOCK as u64;
    let worn = Worn::of(life.device.image(), &[bad]);
    let device: Arc<dyn Device> = worn.clone();
    salvage(&device).unwrap();
    // With what lies around it, alone, and once more before it is called bad.
    assert_eq!(worn.failed.load(Ordering::Relaxed), 3);
}

#[test]
fn what_lost_batches_gave_back_and_the_device_discarded_is_free() {
    let mut life = Life::new(9);
    (0..60).for_each(|_| life.step().unwrap());
    let lost = entries_of(&life.log)[58];
    assert!((0..4).all(|_| life.free_oldest()));
    (0..3).for_each(|_| life.say());
    let (free, device) = (life.log.space().free, life.device.clone() as Arc<dyn Device>);
    drop(life.log);
    zero_block(&*device, lost);
    assert!(start(&device).is_err());
    let log = carried_out(&device);
    let scan = log.scan(&mut |_| {}).unwrap();
    assert_eq!((log.space().free, scan.damages_count), (free, 0));
}

#[test]
fn a_lost_run_behind_kept_ones_that_do_not_read_takes_nothing_from_them() {
    let mut life = Life::new(9);
    life.step().unwrap();
    let before = Life::extent(life.bodies[0].0);
    while Life::extent(life.bodies.last().unwrap().0) == before {
        life.step().unwrap();
    }
    let first = block_of(life.bodies.last().unwrap().0);
    let extent = Life::extent(life.bodies.last().unwrap().0);
    let kept = life.log.used_bytes(extent);
    for _ in 0..3 {
        let mut batch = life.log.begin(Claim::Ordinary, &mut life.random).unwrap();
        batch.entry(b"said").unwrap();
        let body = batch.body(&[3; 32], 900, |slot, _| slot.fill(3)).unwrap();
        assert_eq!(Life::extent(body), extent);
        batch.commit(CommitFields::default()).unwrap();
    }
    let (entries, device) = (entries_of(&life.log), life.device.clone() as Arc<dyn Device>);
    drop(life.log);
    zero_block(&*device, entries[entries.len() - 3]);
    // The header of the extent's only kept run does not open any more.
    let mut block = [0; BLOCK];
    device.read(first, &mut block).unwrap();
    block[30] ^= 1;
    device.write(first, &block).unwrap();
    assert_eq!(carried_out(&device).used_bytes(extent), kept);
}

#[test]
fn a_store_that_is_full_to_the_last_extent_is_recovered_too() {
    let mut life = Life::new(11);
    (0..40).for_each(|_| life.step().unwrap());
    let mut random = rng(3);
    let mut batch = life.log.begin(Claim::Urgent, &mut random).unwrap();
    let node = batch.tree(&[4; 32], b"a node").unwrap();
    batch.commit(CommitFields::default()).unwrap();
    while life.log.space().free > 0 {
        let mut batch = life.log.begin(Claim::Erasing, &mut random).unwrap();
        batch.body(&[3; 32], 60_000, |slot, _| slot.fill(3)).unwrap();
        batch.commit(CommitFields::default()).unwrap();
    }
    (0..5).for_each(|_| life.say());
    let (entries, device) = (entries_of(&life.log), life.device.clone() as Arc<dyn Device>);
    drop(life.log);
    zero_block(&*device, entries[42]);
    assert!(start(&device).is_err());
    let mut log = carried_out(&device);
    assert_eq!((log.entries(), log.space().free), (43, 0));
    // The tree goes on behind its last run: what gives extents back begins with it.
    let mut batch = log.begin(Claim::Erasing, &mut random).unwrap();
    let next = batch.tree(&[4; 32], b"the next one").unwrap();
    batch.commit(CommitFields::default()).unwrap();
    assert_eq!(Life::extent(next), Life::extent(node));
    assert_eq!(log.reader().tree(node).unwrap(), b"a node");
    assert!(log.closed_extents().iter().all(|extent| log.walk_extent(*extent).unwrap().next(1, 1).is_ok()));
    drop(log);
    assert_eq!(start(&device).unwrap(), 43);
}

#[test]
fn verifiers_of_lost_batches_tell_of_them() {
    let mut life = Life::new(12);
    let mut random = rng(3);
    for number in 0..6u8 {
        let mut batch = life.log.begin(Claim::Ordinary, &mut random).unwrap();
        batch.entry(b"password").unwrap();
        batch.verifier([1; 8], Some(&[number; 40])).unwrap();
        batch.commit(CommitFields::default()).unwrap();
    }
    let (entries, device) = (entries_of(&life.log), life.device.clone() as Arc<dyn Device>);
    entries[3..].iter().for_each(|offset| zero_block(&*device, *offset));
    assert!(matches!(start(&device), Err(Error::NewerThanJournal { last: 3, later: 5, .. })));
}
