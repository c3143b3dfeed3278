//! Password verifiers by their own key alone, as a store is before its unlock secret is brought: what is found, what of
//! a tampered device is noticed then, and what only an open log notices.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::sync::Arc;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use disk::{
    BLOCK, Claim, CommitFields, CrashClock, CrashingDevice, Device, DeviceKeys, Error, Fault, FrameRecord,
    Geometry, KeptVerifiers, LockedVerifiers, Log, MemoryDevice, Sealer, Stream, VerifiersKey,
    frames_of_write, grow,
};

const EXTENT: usize = 64 * 1024;
const GEOMETRY: Geometry = Geometry { extent_bytes: EXTENT as u32, extents: 40, reserve: 3 };
const LENGTH: usize = EXTENT * 41;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn keys() -> DeviceKeys {
    DeviceKeys::of(&[1; 32], &[2; 32]).unwrap()
}

fn open(image: Vec<u8>) -> Result<(Log, Arc<MemoryDevice>), Error> {
    let device = Arc::new(MemoryDevice::from_bytes(image));
    Ok((Log::open(device.clone(), &keys())?.0, device))
}

fn person(number: u64) -> [u8; 8] {
    number.to_le_bytes()
}

/// A batch of an entry, a body, and a verifier of `person` that says `number`.
fn change(log: &mut Log, of: u64, number: u8, random: &mut ChaCha20Rng) -> Result<(), Error> {
    let mut batch = log.begin(Claim::Ordinary, random)?;
    batch.entry(b"entry")?;
    batch.body(&[0; 32], 700, |slot, _| slot.fill(b'b'))?;
    batch.verifier(person(of), Some(&[number; 300]))?;
    batch.commit(CommitFields::default()).map(drop)
}

/// Seventy changes, so that the list was written in full twice, and a few batches without any behind them.
fn store() -> Vec<u8> {
    store_of(70)
}

fn store_of(changes: u8) -> Vec<u8> {
    let device = Arc::new(MemoryDevice::new(LENGTH as u64));
    Log::format(&*device, &keys(), GEOMETRY, &mut rng(1)).unwrap();
    let (mut log, _) = Log::open(device.clone(), &keys()).unwrap();
    let mut random = rng(2);
    (0..changes).for_each(|n| change(&mut log, u64::from(n % 5), n, &mut random).unwrap());
    for _ in 0..3 {
        let mut batch = log.begin(Claim::Ordinary, &mut random).unwrap();
        batch.entry(b"entry").unwrap();
        batch.commit(CommitFields::default()).unwrap();
    }
    device.image()
}

fn locked(image: &[u8]) -> Result<LockedVerifiers, Error> {
    LockedVerifiers::read(&MemoryDevice::from_bytes(image.to_vec()), &VerifiersKey::of(&[2; 32]).unwrap())
}

/// Frames of verifiers that the image shows, the oldest first.
fn frames(image: &[u8]) -> Vec<FrameRecord> {
    let sealer = Sealer::new(&keys(), locked(image).unwrap().store());
    let runs = (2 * BLOCK..image.len()).step_by(BLOCK);
    let found = runs.flat_map(|offset| frames_of_write(&sealer, offset as u64, &image[offset..]));
    let mut found: Vec<FrameRecord> = found.filter(|frame| frame.stream == Stream::Verifiers).collect();
    found.sort_by_key(|frame| frame.batch);
    found
}

fn flipped(image: &[u8], frame: &FrameRecord) -> Vec<u8> {
    let mut changed = image.to_vec();
    changed[frame.position.offset as usize + 40] ^= 1;
    changed
}

#[test]
fn their_own_key_alone_finds_all_of_them_and_nothing_else() {
    let image = store();
    let found = locked(&image).unwrap();
    let (log, _) = open(image.clone()).unwrap();
    assert_eq!((found.count(), found.batch(), found.passed_over()), (5, 70, 0));
    for number in 0..6 {
        assert_eq!(found.verifier(person(number)), log.verifier(person(number)), "person {number}");
    }
    assert_eq!(found.verifier(person(4)), Some(&[69; 300][..]));
    assert_eq!(found.store(), log.store());
    let other = VerifiersKey::of(&[1; 32]).unwrap();
    let refused = LockedVerifiers::read(&MemoryDevice::from_bytes(image.clone()), &other).err();
    assert!(matches!(refused, Some(Error::NotAStore)), "{refused:?}");
    // Whoever has this key and not the other makes no log of it.
    let guessed = DeviceKeys::of(&[9; 32], &[2; 32]).unwrap();
    let refused = Log::open(Arc::new(MemoryDevice::from_bytes(image)), &guessed).map(drop);
    assert!(matches!(refused, Err(Error::NewerThanJournal { last: 0, .. })), "{refused:?}");
}

#[test]
fn of_a_fresh_and_of_a_grown_store() {
    let device = MemoryDevice::new(LENGTH as u64);
    Log::format(&device, &keys(), GEOMETRY, &mut rng(3)).unwrap();
    let fresh = locked(&device.image()).unwrap();
    assert_eq!((fresh.count(), fresh.batch()), (0, 0));
    let mut image = store();
    image.resize(image.len() + 20 * EXTENT, 0);
    let device = Arc::new(MemoryDevice::from_bytes(image));
    let old = device.image()[BLOCK..2 * BLOCK].to_vec();
    grow(device.clone(), &keys(), &mut rng(4)).unwrap();
    device.write(BLOCK as u64, &old).unwrap(); // A growth that was cut off between the copies.
    assert_eq!(locked(&device.image()).unwrap().count(), 5);
}

#[test]
fn damage_is_named_or_told_and_never_a_shorter_list_in_silence() {
    let image = store();
    let frames = frames(&image);
    let [.., former, newest] = &frames[..] else { panic!("seventy") };
    let found = locked(&flipped(&image, newest)).unwrap();
    assert_eq!((found.batch(), found.passed_over()), (69, 1), "told");
    let refused = locked(&flipped(&image, former)).err();
    assert!(
        matches!(refused, Some(Error::Frame { offset }) if offset == former.position.offset),
        "{refused:?}"
    );
    // Behind unlock both are refused by name.
    for frame in [former, newest] {
        let refused = open(flipped(&image, frame)).map(drop);
        assert!(matches!(refused, Err(Error::Damaged { .. } | Error::Frame { .. })), "{refused:?}");
    }
}

#[test]
fn what_is_put_back_as_it_was_is_seen_by_an_open_log_alone() {
    let image = store();
    let frames = frames(&image);
    let newest = frames.last().unwrap();
    let block = newest.position.offset as usize / BLOCK * BLOCK;
    let mut changed = image;
    changed[block..block + BLOCK].fill(0); // As it was before that batch.
    let found = locked(&changed).unwrap();
    assert_eq!((found.batch(), found.passed_over()), (69, 0), "not noticed before unlock: THREATS says so");
    assert!(open(changed).is_err(), "and noticed behind it");
}

#[test]
fn a_change_that_a_power_cut_took_is_not_found_behind_the_next_start() {
    let mut found_before = 0;
    for seed in 0..4 {
        let clock = CrashClock::new(u64::MAX, Fault::PowerCut);
        let device = Arc::new(CrashingDevice::new(store(), clock));
        let (mut log, _) = Log::open(device.clone(), &keys()).unwrap();
        change(&mut log, 1, 200, &mut rng(seed)).unwrap();
        let whole = device.after_power_cut(0);
        drop(log);
        // Of the last batch only its verifiers came to the medium.
        let (mut torn, newest) = (store(), frames(&whole).pop().unwrap());
        let block = newest.position.offset as usize / BLOCK * BLOCK;
        torn[block..block + BLOCK].copy_from_slice(&whole[block..block + BLOCK]);
        found_before += u64::from(locked(&torn).unwrap().batch() == 74);
        let (log, device) = open(torn).unwrap();
        assert_eq!(log.verifier(person(1)), Some(&[66; 300][..]));
        let found = locked(&device.image()).unwrap();
        assert_eq!((found.batch(), found.verifier(person(1))), (70, Some(&[66; 300][..])), "seed {seed}");
    }
    assert_eq!(found_before, 4, "or the test shows nothing");
}

/// The image with a journal batch gone before valid ones: sixty are kept.
fn lost_from_61(image: &[u8]) -> Vec<u8> {
    let (log, _) = open(image.to_vec()).unwrap();
    let position = log.journal_entries(60).next().unwrap().unwrap().position;
    let block = position.offset as usize / BLOCK * BLOCK;
    let mut lost = image.to_vec();
    lost[block..block + BLOCK].fill(0);
    lost
}

/// What a salvage leaves, before and behind its first batch.
fn salvaged(image: Vec<u8>, verifiers: KeptVerifiers) -> (Log, Arc<MemoryDevice>) {
    let starts = open(image.clone()).is_ok_and(|(log, _)| log.journal_entries(0).all(|entry| entry.is_ok()));
    assert!(!starts, "an ordinary start reads all of it");
    let device = Arc::new(MemoryDevice::from_bytes(image));
    let found = Log::salvage(device.clone(), &keys()).unwrap();
    assert_eq!((found.entries(), found.kept_verifiers()), (60, verifiers));
    let mut log = found.settle(CommitFields::default(), &mut rng(6)).unwrap();
    log.leave_mark();
    (log, device)
}

#[test]
fn what_a_salvage_has_given_up_is_not_found_before_unlock() {
    let (mut log, device) = salvaged(lost_from_61(&store_of(64)), KeptVerifiers::InForce);
    for (wanted, batch) in [(58, Some(60)), (201, None)] {
        let found = locked(&device.image()).unwrap();
        assert_eq!((found.count(), found.passed_over()), (5, 0));
        assert!(batch.is_none_or(|batch| batch == found.batch()), "{}", found.batch());
        assert_eq!(found.verifier(person(3)), Some(&[wanted; 300][..]));
        (0..5).for_each(|number| assert_eq!(found.verifier(person(number)), log.verifier(person(number))));
        assert_eq!(log.scan(&mut |_| {}).unwrap().damages_count, 0, "{wanted}");
        change(&mut log, 3, 201, &mut rng(7)).unwrap();
    }
    drop(log);
    let (log, _) = open(device.image()).unwrap();
    assert_eq!(log.verifier(person(3)), Some(&[201; 300][..]));
}

#[test]
fn verifiers_of_lost_batches_go_on_where_the_kept_ones_were_written_over() {
    let image = store();
    assert!(frames(&image).iter().all(|frame| frame.batch != 60), "or the test shows nothing");
    let (log, device) = salvaged(lost_from_61(&image), KeptVerifiers::Others);
    let found = locked(&device.image()).unwrap();
    assert_eq!((found.batch(), found.verifier(person(4))), (70, Some(&[69; 300][..])));
    assert_eq!(log.verifier(person(4)), found.verifier(person(4)));
}
