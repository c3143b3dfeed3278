//! The segment log in its own words: what was committed is there after a restart, after every power cut, and
//! damage is named.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::sync::Arc;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use disk::{
    BLOCK, Claim, CommitFields, CrashClock, CrashingDevice, Device, DeviceKeys, Error, Fault, Geometry, Log,
    MemoryDevice, Position,
};

const GEOMETRY: Geometry = Geometry { extent_bytes: 64 * 1024, extents: 40, reserve: 5 };
const LENGTH: u64 = 64 * 1024 * 41;

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

fn fields(root: u8) -> CommitFields {
    CommitFields { journal_root: [root; 32], ..CommitFields::default() }
}

/// Entry, body and tree frame number `n`, recognisable and of varying length.
fn bytes(n: u64, kind: u8) -> Vec<u8> {
    let mut bytes = vec![kind; 40 + (n as usize * 37) % 900];
    bytes[..8].copy_from_slice(&n.to_le_bytes());
    bytes
}

/// What a batch left behind, to be compared after a restart.
#[derive(Default, Clone)]
struct Book {
    entries: Vec<(Position, Vec<u8>)>,
    bodies: Vec<(Position, Vec<u8>)>,
    nodes: Vec<(Position, Vec<u8>)>,
    verifiers: Vec<Option<Vec<u8>>>,
}

/// Commits batch `n` of a seeded history; gives the book with that batch in it.
fn batch(log: &mut Log, n: u64, book: &Book, random: &mut ChaCha20Rng) -> Result<Book, Error> {
    let mut book = book.clone();
    let counts = [random.next_u64() % 6, random.next_u64() % 5, random.next_u64() % 3];
    let person = random.next_u64() % 4;
    let mut batch = log.begin(Claim::Ordinary, random)?;
    for _ in 0..counts[0] {
        let entry = bytes(book.entries.len() as u64, b'e');
        book.entries.push((batch.entry(&entry)?, entry));
    }
    for _ in 0..counts[1] {
        let body = bytes(book.bodies.len() as u64, b'b');
        let position = batch.body(&[3; 32], body.len(), |slot, _| slot.copy_from_slice(&body))?;
        book.bodies.push((position, body));
    }
    for _ in 0..counts[2] {
        let node = bytes(book.nodes.len() as u64, b't');
        book.nodes.push((batch.tree(&[4; 32], &node)?, node));
    }
    if counts[1] == 0 {
        book.verifiers.resize(4, None);
        let verifier = (!n.is_multiple_of(3)).then(|| bytes(n, b'v'));
        batch.verifier(person.to_le_bytes(), verifier.as_deref())?;
        book.verifiers[person as usize] = verifier;
    }
    batch.commit(fields(n as u8))?;
    Ok(book)
}

fn check(log: &Log, book: &Book) {
    let found: Vec<_> = log.journal_entries(0).map(|entry| entry.unwrap()).collect();
    assert_eq!(found.len(), book.entries.len());
    for (index, (entry, (position, bytes))) in found.iter().zip(&book.entries).enumerate() {
        assert_eq!((entry.index, &entry.position, &entry.bytes), (index as u64, position, bytes));
    }
    let reader = log.reader();
    book.bodies.iter().for_each(|(position, bytes)| assert_eq!(&reader.body(*position).unwrap(), bytes));
    book.nodes.iter().for_each(|(position, bytes)| assert_eq!(&reader.tree(*position).unwrap(), bytes));
    for (person, verifier) in book.verifiers.iter().enumerate() {
        assert_eq!(log.verifier((person as u64).to_le_bytes()), verifier.as_deref());
    }
}

#[test]
fn a_long_history_is_there_after_a_restart_from_any_entry() {
    let device = fresh(1);
    let mut random = rng(2);
    let mut book = Book::default();
    let (mut log, recovered) = Log::open(device.clone(), &keys()).unwrap();
    assert_eq!(recovered.batch, 0);
    for n in 1..=150 {
        book = batch(&mut log, n, &book, &mut random).unwrap();
    }
    check(&log, &book);
    drop(log);
    let (mut log, recovered) = Log::open(device, &keys()).unwrap();
    assert_eq!((recovered.batch, recovered.set_aside_bytes), (150, 0));
    assert_eq!((recovered.entries, recovered.fields), (book.entries.len() as u64, fields(150)));
    check(&log, &book);
    for from in [1, 100, book.entries.len() as u64 - 1, book.entries.len() as u64] {
        let rest: Vec<_> = log.journal_entries(from).map(|entry| entry.unwrap().index).collect();
        assert_eq!(rest, (from..book.entries.len() as u64).collect::<Vec<_>>());
    }
    for n in 151..=160 {
        book = batch(&mut log, n, &book, &mut random).unwrap();
    }
    check(&log, &book);
}

#[test]
fn a_batch_larger_than_an_extent_takes_several_runs() {
    let device = fresh(3);
    let (mut log, _) = Log::open(device.clone(), &keys()).unwrap();
    let mut random = rng(4);
    let mut book = Book::default();
    let mut batch = log.begin(Claim::Ordinary, &mut random).unwrap();
    for n in 0..60 {
        let mut body = bytes(n, b'b');
        body.resize(5000, 9);
        let position = batch.body(&[0; 32], body.len(), |slot, _| slot.copy_from_slice(&body)).unwrap();
        book.bodies.push((position, body));
        let entry = bytes(n, b'e');
        book.entries.push((batch.entry(&entry).unwrap(), entry));
    }
    assert!(matches!(
        batch.body(&[0; 32], 70_000, |_, _| ()),
        Err(Error::FrameTooLarge { bytes: 70_000, .. })
    ));
    batch.commit(fields(1)).unwrap();
    check(&log, &book);
    let (log, _) = Log::open(device, &keys()).unwrap();
    check(&log, &book);
}

#[test]
fn no_acknowledged_batch_is_lost_at_any_power_cut() {
    let (mut cuts, mut kept_unacknowledged, mut set_aside) = (0, 0, 0);
    for seed in 0..12 {
        // An earlier life leaves extents partly filled, so that runs cross them in some of the histories.
        let device = fresh(seed);
        let (mut log, _) = Log::open(device.clone(), &keys()).unwrap();
        let mut random = rng(seed + 100);
        let mut before = Book::default();
        for n in 1..=(6 + seed * 2) {
            before = batch(&mut log, n, &before, &mut random).unwrap();
        }
        drop(log);
        let image = device.image();
        for at in 0.. {
            let clock = CrashClock::new(at, Fault::PowerCut);
            let crashing = Arc::new(CrashingDevice::new(image.clone(), clock.clone()));
            let mut random = rng(seed + 200);
            let (mut acknowledged, mut attempted) = (before.clone(), before.clone());
            if let Ok((mut log, _)) = Log::open(crashing.clone(), &keys()) {
                for n in 0..3 {
                    match batch(&mut log, n, &acknowledged, &mut random) {
                        Ok(book) => acknowledged = book,
                        Err(_) => break,
                    }
                    attempted = acknowledged.clone();
                }
            }
            let restarted = Arc::new(crashing.restarted(seed * 1000 + at));
            let (log, recovered) = Log::open(restarted.clone(), &keys()).unwrap();
            let kept: Vec<_> = log.journal_entries(0).map(|entry| entry.unwrap()).collect();
            assert!(kept.len() >= acknowledged.entries.len(), "seed {seed}, cut {at}");
            for (entry, (position, bytes)) in kept.iter().zip(&attempted.entries) {
                assert_eq!((&entry.position, &entry.bytes), (position, bytes), "seed {seed}, cut {at}");
            }
            let reader = log.reader();
            for (position, bytes) in &acknowledged.bodies {
                assert_eq!(&reader.body(*position).unwrap(), bytes, "seed {seed}, cut {at}");
            }
            kept_unacknowledged += usize::from(kept.len() > acknowledged.entries.len());
            set_aside += usize::from(recovered.set_aside_bytes > 0);
            // A further life goes on, and its batches survive a clean restart.
            drop(log);
            let (mut log, again) = Log::open(restarted.clone(), &keys()).unwrap();
            assert_eq!(
                (again.batch, again.set_aside_bytes),
                (recovered.batch, 0),
                "a second start finds nothing torn"
            );
            let mut later = rng(seed + at);
            batch(&mut log, 9, &Book::default(), &mut later).unwrap();
            batch(&mut log, 9, &Book::default(), &mut later).unwrap();
            drop(log);
            let (log, last) = Log::open(restarted, &keys()).unwrap();
            assert_eq!(last.batch, recovered.batch + 2);
            assert!(log.journal_entries(0).all(|entry| entry.is_ok()));
            cuts += 1;
            if !clock.has_struck() {
                break;
            }
        }
    }
    // The test must have seen all three endings, or it proves little.
    assert!(
        cuts > 150 && kept_unacknowledged > 5 && set_aside > 5,
        "{cuts} {kept_unacknowledged} {set_aside}"
    );
}

#[test]
fn a_device_error_poisons_the_log_until_restart() {
    for at in 0..2 {
        let image = fresh(5).image();
        let clock = CrashClock::new(u64::MAX, Fault::Eio);
        let quiet = Arc::new(CrashingDevice::new(image.clone(), clock.clone()));
        Log::open(quiet, &keys()).map(drop).unwrap();
        let clock = CrashClock::new(clock.operations() + at, Fault::Eio);
        let device = Arc::new(CrashingDevice::new(image, clock));
        let (mut log, _) = Log::open(device.clone(), &keys()).unwrap();
        let mut random = rng(6);
        let mut first = log.begin(Claim::Ordinary, &mut random).unwrap();
        first.entry(b"lost").unwrap();
        assert!(matches!(first.commit(fields(1)), Err(Error::Io(_))));
        assert!(matches!(log.begin(Claim::Urgent, &mut random), Err(Error::Poisoned)));
        drop(log);
        Log::open(device, &keys()).map(drop).unwrap();
    }
}

#[test]
fn what_a_start_found_in_a_cache_is_durable_before_anyone_is_answered() {
    let image = fresh(5).image();
    let quiet = CrashClock::new(u64::MAX, Fault::Eio);
    Log::open(Arc::new(CrashingDevice::new(image.clone(), quiet.clone())), &keys()).map(drop).unwrap();
    // Behind the start the batch: two writes, and the sync that fails.
    let clock = CrashClock::new(quiet.operations() + 2, Fault::Eio);
    let device = Arc::new(CrashingDevice::new(image, clock));
    let (mut log, _) = Log::open(device.clone(), &keys()).unwrap();
    let mut random = rng(6);
    let mut first = log.begin(Claim::Ordinary, &mut random).unwrap();
    first.entry(b"in the cache only").unwrap();
    first.body(&[0; 32], 9000, |slot, _| slot.fill(7)).unwrap();
    assert!(matches!(first.commit(fields(1)), Err(Error::Io(_))));
    drop(log);
    let (_, recovered) = Log::open(device.clone(), &keys()).unwrap();
    assert_eq!(recovered.batch, 1, "the cache still shows the batch");
    for seed in 0..8 {
        let (_, after) = Log::open(Arc::new(device.restarted(seed)), &keys()).unwrap();
        assert_eq!(after.batch, 1, "and a power cut after the start does not take it away");
    }
}

/// Three batches of one entry and one body each; gives the device and the journal positions.
fn three_batches() -> (Arc<MemoryDevice>, Vec<Position>, Vec<Position>) {
    let device = fresh(7);
    let (mut log, _) = Log::open(device.clone(), &keys()).unwrap();
    let mut random = rng(8);
    let (mut entries, mut bodies) = (Vec::new(), Vec::new());
    for n in 0..3 {
        let mut batch = log.begin(Claim::Ordinary, &mut random).unwrap();
        entries.push(batch.entry(&bytes(n, b'e')).unwrap());
        bodies.push(batch.body(&[0; 32], 6000, |slot, _| slot.fill(n as u8)).unwrap());
        batch.commit(fields(n as u8)).unwrap();
    }
    (device, entries, bodies)
}

fn flip(device: &MemoryDevice, offset: u64) {
    let start = offset / BLOCK as u64 * BLOCK as u64;
    let mut block = vec![0; BLOCK];
    device.read(start, &mut block).unwrap();
    block[(offset - start) as usize] ^= 1;
    device.write(start, &block).unwrap();
}

#[test]
fn damage_before_a_valid_batch_is_refused_by_name() {
    for flipped in [0, 1] {
        let (device, entries, _) = three_batches();
        flip(&device, entries[flipped].offset - 60); // In the header, which stands before the first frame.
        let refused = Log::open(device, &keys()).map(drop).unwrap_err();
        let damaged = flipped as u64 + 1;
        assert!(
            matches!(refused, Error::DamagedBeforeValid { damaged: d, later, .. } if d == damaged && later > d),
            "{refused}"
        );
    }
}

#[test]
fn a_flipped_bit_in_an_older_entry_is_noticed_when_it_is_read() {
    let (device, entries, _) = three_batches();
    flip(&device, entries[1].offset + 30);
    let (log, _) = Log::open(device, &keys()).unwrap();
    assert!(log.reader().entry(entries[1]).is_err());
    let found: Vec<_> = log.journal_entries(0).collect();
    assert!(found[0].is_ok() && found[1].is_err() && found.len() == 2);
}

#[test]
fn a_last_batch_with_a_torn_body_is_set_aside_whole() {
    let (device, _, bodies) = three_batches();
    flip(&device, bodies[2].offset + 3000);
    let (log, recovered) = Log::open(device, &keys()).unwrap();
    assert_eq!((recovered.batch, recovered.entries, recovered.set_aside_bytes), (2, 2, BLOCK as u64));
    assert_eq!(log.journal_entries(0).count(), 2);
}

#[test]
fn two_damaged_batches_at_the_end_are_no_torn_tail() {
    let (device, _, bodies) = three_batches();
    flip(&device, bodies[1].offset + 3000);
    flip(&device, bodies[2].offset + 3000);
    assert!(matches!(Log::open(device, &keys()), Err(Error::Damaged { .. })));
}

#[test]
fn a_foreign_key_a_foreign_store_and_a_newer_format_are_told_apart() {
    let device = fresh(9);
    let foreign = DeviceKeys::of(&[9; 32], &[8; 32]).unwrap();
    assert!(matches!(Log::open(device.clone(), &foreign), Err(Error::NotAStore)));
    assert!(matches!(Log::open(Arc::new(MemoryDevice::new(LENGTH)), &keys()), Err(Error::NotAStore)));
    for copy in 0..2 {
        let mut block = vec![0; BLOCK];
        device.read(copy * BLOCK as u64, &mut block).unwrap();
        block[64 + 24] = 2;
        device.write(copy * BLOCK as u64, &block).unwrap();
    }
    assert!(matches!(Log::open(device, &keys()), Err(Error::Newer { found: 2, known: 1 })));
}

#[test]
fn on_a_full_device_bodies_stop_first_and_urgent_batches_go_on() {
    let device = fresh(10);
    let (mut log, _) = Log::open(device, &keys()).unwrap();
    let mut random = rng(11);
    let mut stopped = false;
    for _ in 0..200 {
        let mut batch = log.begin(Claim::Ordinary, &mut random).unwrap();
        match batch.body(&[0; 32], 50_000, |slot, _| slot.fill(1)) {
            Ok(_) => drop(batch.commit(fields(0)).unwrap()),
            Err(Error::Full { free, reserve, .. }) => {
                assert_eq!((free, reserve), (5, 5));
                stopped = true;
                break;
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(stopped);
    for n in 0..20 {
        let mut batch = log.begin(Claim::Urgent, &mut random).unwrap();
        batch.entry(&bytes(n, b'e')).unwrap();
        batch.tree(&[0; 32], &bytes(n, b't')).unwrap();
        batch.commit(fields(0)).unwrap();
    }
    // What is given back is taken anew.
    let extents = log.closed_extents();
    let records = log.frames_of_extent(extents[0]).unwrap();
    assert!(records.iter().all(|record| record.owner == [0; 32]) && !records.is_empty());
    let mut batch = log.begin(Claim::Urgent, &mut random).unwrap();
    extents.iter().take(4).for_each(|extent| batch.free(*extent).unwrap());
    assert!(matches!(batch.free(extents[0]), Err(Error::NotFreeable(_))));
    assert!(matches!(batch.free(0), Err(Error::NotFreeable(0))));
    batch.commit(fields(0)).unwrap();
    let mut batch = log.begin(Claim::Ordinary, &mut random).unwrap();
    batch.body(&[0; 32], 50_000, |slot, _| slot.fill(1)).unwrap();
    batch.commit(fields(0)).unwrap();
}

#[test]
fn freed_extents_and_moved_streams_are_the_same_after_a_restart() {
    let device = fresh(12);
    let (mut log, _) = Log::open(device.clone(), &keys()).unwrap();
    let mut random = rng(13);
    for n in 0..300u64 {
        let mut batch = log.begin(Claim::Ordinary, &mut random).unwrap();
        batch.entry(&bytes(n, b'e')).unwrap();
        batch.body(&[0; 32], 20_000, |slot, _| slot.fill(n as u8)).unwrap();
        batch.verifier((n % 7).to_le_bytes(), Some(&bytes(n, b'v'))).unwrap();
        batch.commit(fields(0)).unwrap();
        if log.space().free < 8 {
            let extents = log.closed_extents();
            let mut batch = log.begin(Claim::Ordinary, &mut random).unwrap();
            extents.iter().for_each(|extent| batch.free(*extent).unwrap());
            batch.commit(fields(0)).unwrap();
        }
    }
    let (space, closed) = (log.space(), log.closed_extents());
    drop(log);
    let (log, _) = Log::open(device, &keys()).unwrap();
    assert_eq!((log.space(), log.closed_extents()), (space, closed));
    for person in 0..7u64 {
        let newest = (0..300).rev().find(|n| n % 7 == person).unwrap();
        assert_eq!(log.verifier(person.to_le_bytes()), Some(bytes(newest, b'v').as_slice()));
    }
    assert_eq!(log.journal_entries(0).count(), 300);
}

#[test]
fn nothing_in_clear_reaches_the_device() {
    let device = fresh(14);
    let (mut log, _) = Log::open(device.clone(), &keys()).unwrap();
    let mut random = rng(15);
    let mut batch = log.begin(Claim::Ordinary, &mut random).unwrap();
    let canary = b"canary-of-an-entry-7261";
    batch.entry(canary).unwrap();
    batch.tree(&[0; 32], canary).unwrap();
    batch.verifier([1; 8], Some(canary)).unwrap();
    batch.commit(fields(0)).unwrap();
    assert!(!device.image().windows(canary.len()).any(|window| window == canary));
}
