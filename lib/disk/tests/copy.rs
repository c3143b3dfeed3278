//! Copies of a store that is being written: each opens as the very state that was held, whatever the writer did
//! meanwhile, and goes back only onto a device that holds nothing.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::sync::Arc;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use disk::{
    Anchor, BLOCK, CommitFields, Copier, CopyBuffer, CopyError, Cover, CrashClock, CrashingDevice, Device,
    DeviceKeys, Error, Extent, Fault, Geometry, Log, MemoryDevice, Outline, Position, Range, Restoring,
    Still,
};

const GEOMETRY: Geometry = Geometry { extent_bytes: 64 * 1024, extents: 80, reserve: 3 };
const LENGTH: u64 = 64 * 1024 * 81;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn keys() -> DeviceKeys {
    DeviceKeys::of(&[1; 32], &[2; 32]).unwrap()
}

/// A store whose bodies live in rings: what is old is freed.
struct Life {
    device: Arc<MemoryDevice>,
    log: Log,
    random: ChaCha20Rng,
    bodies: Vec<(Position, Vec<u8>)>,
}

impl Life {
    fn new(seed: u64) -> Self {
        let device = Arc::new(MemoryDevice::new(LENGTH));
        let mut random = rng(seed);
        Log::format(&*device, &keys(), GEOMETRY, &mut random).unwrap();
        let (log, _) = Log::open(device.clone(), &keys()).unwrap();
        Self { device, log, random, bodies: Vec::new() }
    }

    fn extent(position: Position) -> Extent {
        ((position.offset - 2 * BLOCK as u64) / u64::from(GEOMETRY.extent_bytes)) as Extent
    }

    /// A batch with a body of some kilobytes.
    fn step(&mut self) -> Result<(), Error> {
        let mut body = vec![0; 5000 + (self.random.next_u64() % 20_000) as usize];
        self.random.fill_bytes(&mut body);
        let mut batch = self.log.begin(false, &mut self.random)?;
        batch.entry(b"said")?;
        let position = batch.body(&[3; 32], body.len(), |slot, _| slot.copy_from_slice(&body))?;
        batch.commit(CommitFields { epoch: 7, ..CommitFields::default() })?;
        self.bodies.push((position, body));
        Ok(())
    }

    /// Frees the oldest extent of bodies that is closed.
    fn free_oldest(&mut self) -> bool {
        let closed = self.log.closed_extents();
        let oldest = self.bodies.iter().map(|(position, _)| Self::extent(*position));
        let Some(oldest) = oldest.into_iter().find(|extent| closed.contains(extent)) else { return false };
        self.bodies.retain(|(position, _)| Self::extent(*position) != oldest);
        let mut batch = self.log.begin(true, &mut self.random).unwrap();
        batch.free(oldest).unwrap();
        batch.commit(CommitFields { epoch: 7, ..CommitFields::default() }).unwrap();
        true
    }
}

/// What a copy keeps.
#[derive(Default)]
struct Copy {
    cover: Cover,
    pieces: Vec<(Range, Vec<u8>)>,
    outline: Option<Outline>,
}

impl Copy {
    /// Brings it to a state; `between` runs before each piece. Gives how many bytes were read.
    fn bring(&mut self, still: &Still, mut between: impl FnMut()) -> Result<usize, CopyError> {
        let mut buffer = CopyBuffer::new();
        let mut bytes = 0;
        for range in self.cover.missing(still.outline()) {
            between();
            still.read(&range, &mut buffer)?;
            assert!(self.cover.add(&range));
            bytes += range.bytes();
            self.pieces.push((range, buffer.as_ref().to_vec()));
        }
        self.outline = Some(Outline::decode(&still.outline().encode()).unwrap());
        Ok(bytes)
    }

    fn restore(&self, device: &dyn Device) -> Result<(), Error> {
        let outline = self.outline.as_ref().unwrap();
        let mut restoring = Restoring::new(device, outline)?;
        for (range, bytes) in self.pieces.iter().filter(|(range, _)| outline.holds(range)) {
            restoring.put(range, bytes)?;
        }
        restoring.finish()
    }

    /// Where the device holds what is in the way of a restore.
    fn in_the_way(&self, device: &dyn Device) -> Option<u64> {
        let outline = self.outline.as_ref().unwrap();
        let mut restoring = Restoring::new(device, outline).unwrap();
        let mut found = restoring.find_superblocks().unwrap();
        let mut pieces: Vec<_> = self.pieces.iter().filter(|(range, _)| outline.holds(range)).collect();
        pieces.sort_by_key(|(range, _)| outline.offset(range));
        let mut at = 2 * BLOCK as u64;
        for (range, bytes) in pieces {
            found = found.or(restoring.find_foreign(at, outline.offset(range)).unwrap());
            found = found.or(restoring.find_covered(range, bytes).unwrap());
            at = outline.offset(range) + bytes.len() as u64;
        }
        found.or(restoring.find_foreign(at, device.length()).unwrap())
    }

    /// The restored store opens as the state that was held, and every body of it is there.
    fn assert_opens(&self, bodies: &[(Position, Vec<u8>)]) {
        let device = Arc::new(MemoryDevice::new(LENGTH));
        self.restore(&*device).unwrap();
        assert_opens(device, self.outline.as_ref().unwrap(), bodies);
    }
}

fn assert_opens(device: Arc<dyn Device>, outline: &Outline, bodies: &[(Position, Vec<u8>)]) {
    let (log, recovered) = Log::open(device, &keys()).unwrap();
    assert_eq!((recovered.batch, recovered.entries), (outline.anchor.batch, outline.entries));
    assert_eq!((recovered.set_aside_bytes, recovered.fields.epoch), (0, outline.epoch));
    assert!(log.journal_entries(0).all(|entry| entry.unwrap().bytes == b"said"));
    for (position, body) in bodies {
        assert!(log.reader().body(*position).unwrap() == *body);
    }
    for extent in log.closed_extents() {
        log.frames_of_extent(extent).unwrap();
    }
}

#[test]
fn a_copy_is_the_state_that_was_held_whatever_the_writer_does_meanwhile() {
    let mut life = Life::new(1);
    for _ in 0..20 {
        life.step().unwrap();
    }
    let copier: Copier = life.log.copier();
    let (mut copy, mut first) = (Copy::default(), 0);
    for round in 0..4 {
        for _ in 0..20 {
            life.step().unwrap();
        }
        let held = life.bodies.clone();
        let still = copier.hold().unwrap();
        let mut freed = 0;
        let read = copy.bring(&still, || {
            life.step().unwrap();
            // Freed while it is held: neither discarded nor taken.
            freed += usize::from(life.free_oldest());
        });
        let read = read.unwrap();
        assert!(matches!(copier.hold(), Err(CopyError::Busy)));
        drop(still);
        assert!(freed > 0);
        copy.assert_opens(&held);
        if round == 0 {
            first = read;
        } else {
            assert!(read < first, "only what is newer: {read} of {first}");
        }
    }
    // Nothing new: nothing to read.
    let still = copier.hold().unwrap();
    copy.bring(&still, || {}).unwrap();
    assert_eq!(copy.bring(&still, || {}).unwrap(), 0);
}

#[test]
fn what_was_freed_while_it_was_held_is_discarded_later() {
    let mut life = Life::new(2);
    for _ in 0..30 {
        life.step().unwrap();
    }
    let oldest = life.bodies[0].clone();
    let still = life.log.copier().hold().unwrap();
    assert!(life.free_oldest());
    assert!(life.log.reader().body(oldest.0).unwrap() == oldest.1, "still there for the copy");
    drop(still);
    life.step().unwrap();
    assert!(life.log.reader().body(oldest.0).unwrap().iter().all(|byte| *byte == 0));
}

#[test]
fn a_full_store_goes_on_and_the_copy_is_lost_and_begins_again_with_what_it_has() {
    let mut life = Life::new(3);
    while life.step().is_ok() {}
    let copier = life.log.copier();
    let mut copy = Copy::default();
    let still = copier.hold().unwrap();
    let mut pieces = 0;
    let lost = copy.bring(&still, || {
        pieces += 1;
        if pieces == 5 {
            // All that is free is what the copy holds: the writer is not kept waiting.
            while life.free_oldest() && life.bodies.len() > 20 {}
            while life.step().is_ok() {}
        }
    });
    assert!(matches!(lost, Err(CopyError::Lost)));
    assert!(copy.pieces.len() >= 4);
    drop(still);
    let still = copier.hold().unwrap();
    copy.bring(&still, || {}).unwrap();
    copy.assert_opens(&life.bodies);
}

#[test]
fn a_copy_of_another_history_is_told() {
    let mut life = Life::new(4);
    for _ in 0..10 {
        life.step().unwrap();
    }
    let mut copy = Copy::default();
    copy.bring(&life.log.copier().hold().unwrap(), || {}).unwrap();
    let early = copy.outline.clone().unwrap().anchor;
    for _ in 0..10 {
        life.step().unwrap();
    }
    let late = life.log.copier().hold().unwrap().outline().anchor;
    assert!(life.log.copier().hold().unwrap().has_passed(&early).unwrap());
    for commit_at in [u64::MAX - 4095, LENGTH, early.commit_at + 1] {
        let elsewhere = Anchor { commit_at, ..early };
        assert!(!life.log.copier().hold().unwrap().has_passed(&elsewhere).unwrap());
    }
    // The store goes on from the early copy, and does other things under the same numbers of batches.
    let device = Arc::new(MemoryDevice::new(LENGTH));
    copy.restore(&*device).unwrap();
    let (log, _) = Log::open(device.clone(), &keys()).unwrap();
    let mut other = Life { device, log, random: rng(44), bodies: Vec::new() };
    assert!(!other.log.copier().hold().unwrap().has_passed(&late).unwrap(), "not so far yet");
    for _ in 0..20 {
        other.step().unwrap();
    }
    let still = other.log.copier().hold().unwrap();
    assert!(still.has_passed(&early).unwrap() && !still.has_passed(&late).unwrap());
}

#[test]
fn a_restore_covers_nothing_and_goes_on_after_a_power_cut_at_any_write() {
    let mut life = Life::new(5);
    for _ in 0..25 {
        life.step().unwrap();
    }
    let mut copy = Copy::default();
    copy.bring(&life.log.copier().hold().unwrap(), || {}).unwrap();
    let outline = copy.outline.clone().unwrap();
    assert!(matches!(copy.restore(&MemoryDevice::new(LENGTH - 2 * 64 * 1024)), Err(Error::Geometry(_))));
    // The store itself, gone on, is in the way; so is one byte anywhere.
    life.step().unwrap();
    assert!(copy.in_the_way(&*life.device).is_some());
    for at in [0, 2 * BLOCK as u64, LENGTH - BLOCK as u64] {
        let device = MemoryDevice::new(LENGTH);
        device.write(at, &[&[0; 100][..], &[1], &[0; BLOCK - 101][..]].concat()).unwrap();
        assert_eq!(copy.in_the_way(&device), Some(at));
    }
    for turn in 0.. {
        let crashing = CrashingDevice::new(vec![0; LENGTH as usize], CrashClock::new(turn, Fault::PowerCut));
        if copy.restore(&crashing).is_ok() {
            break;
        }
        let device = Arc::new(crashing.restarted(turn));
        assert_eq!(copy.in_the_way(&*device), None, "cut at operation {turn}");
        copy.restore(&*device).unwrap();
        assert_opens(device, &outline, &life.bodies[..25]);
    }
}
