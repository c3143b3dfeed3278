//! Sectors that do not read, where nobody asks for what lies there: no step of compaction stops at them, and what else they
//! are in the way of waits.

use std::io;
use std::ops::Range;

use disk::{BLOCK, Device, Position, RecordingDevice};

use super::*;
use crate::snapshot::{Row, Rows};
use crate::vault::locked;

/// A device with stretches that do not read until something is written there.
struct BadSectors {
    below: Arc<RecordingDevice>,
    bad: Mutex<Vec<Range<u64>>>,
}

impl Device for BadSectors {
    fn length(&self) -> u64 {
        self.below.length()
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let end = offset + buffer.len() as u64;
        if self.bad.lock().unwrap().iter().any(|bad| offset < bad.end && bad.start < end) {
            return Err(io::Error::other("a bad sector"));
        }
        self.below.read(offset, buffer)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.bad.lock().unwrap().retain(|bad| !(offset..offset + bytes.len() as u64).contains(&bad.start));
        self.below.write(offset, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.below.sync()
    }

    fn discard(&self, offset: u64, length: u64) -> io::Result<()> {
        self.below.discard(offset, length)
    }
}

/// A life over a device of which these blocks do not read.
fn worn(world: &World, bad: &[u64]) -> (Machine, Arc<BadSectors>, Vault) {
    let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
    let bad = bad.iter().map(|offset| *offset..offset + BLOCK as u64).collect();
    let device = Arc::new(BadSectors { below: machine.recording.clone(), bad: Mutex::new(bad) });
    let cell = Box::new(MemoryCell::new(world.records.clone(), None));
    let (vault, _) = Vault::open(device.clone(), cell, LIMITS, &mut rng(5)).unwrap();
    (machine, device, vault)
}

/// Takes steps until there is nothing to do; gives how many extents were given back, and where nothing could be said.
fn tend(vault: &mut Vault) -> (usize, Vec<u64>) {
    let (mut freed, mut bad) = (0, Vec::new());
    for _ in 0..100_000 {
        match vault.tend(Need::Room, &mut rng(3)).unwrap() {
            Tended::Idle => return (freed, bad),
            Tended::Working => {}
            Tended::Freed => freed += 1,
            Tended::Damaged(offset) => bad.push(offset),
        }
    }
    panic!("it never comes to an end");
}

fn block_of(offset: u64) -> u64 {
    offset / BLOCK as u64 * BLOCK as u64
}

/// First byte of the extent in which this lies.
fn extent_at(offset: u64) -> u64 {
    let (first, bytes) = (2 * BLOCK as u64, u64::from(GEOMETRY.extent_bytes));
    (offset - first) / bytes * bytes + first
}

/// A store of many bodies, folded; and where the bodies of one conversation lie, in their order.
fn filled(seed: u64) -> (World, Vec<Position>) {
    let mut world = World::seeded(seed);
    world.padding = 2_500;
    let (machine, mut life) = world.calm();
    for _ in 0..30 {
        world.say(&mut life.vault, 1, 8).unwrap();
    }
    life.vault.fold(&mut rng(2)).unwrap();
    let mut tree = locked(&life.vault.tree);
    let of = |place: &Place| tree.lookup(place).unwrap().unwrap().position;
    let positions = world.live.keys().map(of).collect();
    drop(tree);
    drop(life);
    world.power_off(&machine, 0);
    (world, positions)
}

/// Of these bodies each third stays; the others are erased.
fn erase_most(world: &mut World, vault: &mut Vault) {
    let all: Vec<Place> = world.live.keys().copied().collect();
    let gone: Vec<Target> =
        all.iter().filter(|place| place.item % 3 > 0).copied().map(Target::Place).collect();
    for some in gone.chunks(90) {
        let number = world.ask(vault, some.to_vec()).unwrap();
        world.erase(vault, number).unwrap();
    }
}

#[test]
fn a_bad_sector_under_dead_frames_keeps_one_extent_and_no_server_from_running() {
    // The header of an extent's first run, and a block in the middle of its bodies.
    for in_header in [true, false] {
        let (mut world, positions) = filled(75);
        let middle = positions[positions.len() / 2].offset;
        let bad = if in_header { extent_at(middle) } else { block_of(middle) };
        let (machine, _, mut vault) = worn(&world, &[bad]);
        let hurt: Vec<Place> = world
            .live
            .keys()
            .zip(&positions)
            .filter(|(_, at)| block_of(at.offset) <= bad && at.offset + u64::from(at.length) > bad)
            .map(|(place, _)| *place)
            .collect();
        assert!(in_header || hurt.len() > 1, "{hurt:?}");
        erase_most(&mut world, &mut vault);
        let (freed, told) = tend(&mut vault);
        assert!(freed > 5, "{freed}");
        assert_eq!(told.iter().map(|at| extent_at(*at)).collect::<Vec<_>>(), [extent_at(bad)]);
        assert_eq!(tend(&mut vault), (0, vec![]), "it is told once");
        world.say(&mut vault, 2, 3).unwrap();
        hurt.iter().for_each(|place| drop(world.live.remove(place)));
        world.check_live(&vault, "beside the bad sector");
        drop(vault);
        // A later start on a device that reads again goes on with that extent too.
        world.power_off(&machine, 1);
        let (_, mut life) = world.calm();
        assert!(sweep(&mut life.vault, &mut rng(4)).unwrap() > 0);
        world.check_live(&life.vault, "behind it");
    }
}

#[test]
fn a_node_in_a_bad_sector_keeps_nobody_from_counting() {
    let (mut world, _) = filled(76);
    let (machine, mut life) = world.calm();
    for conversation in 2..5 {
        world.say(&mut life.vault, conversation, 6).unwrap();
    }
    life.vault.fold(&mut rng(2)).unwrap();
    let node = crate::place::NodeId {
        area: crate::place::Area::Items { conversation: 3 },
        level: 0,
        index: world.live.keys().find(|place| place.conversation == 3).unwrap().item / 16,
    };
    let bad = block_of(locked(&life.vault.tree).position_of(node).unwrap().unwrap().offset);
    drop(life);
    world.power_off(&machine, 0);
    let (_, device, mut vault) = worn(&world, &[bad]);
    assert!(locked(&vault.tree).count_on(usize::MAX).unwrap());
    tend(&mut vault);
    let there = vault.reader();
    let whole = world.live.iter().filter(|(place, _)| place.conversation == 1);
    whole.for_each(|(place, body)| assert_eq!(&*there.read(*place).unwrap(), body));
    let hurt = world.live.keys().find(|place| place.conversation == 3).unwrap();
    let error = there.read(*hurt).map(drop).unwrap_err();
    assert_eq!(there.bad_place(&error).map(block_of), Some(bad), "who needs it says where");
    // Nobody knows what else it leads to.
    assert_eq!(vault.are_needed(&[0..1, bad..bad + 1]).unwrap(), [true, true]);
    // What failed for a moment is no bad sector.
    let bad = std::mem::take(&mut *device.bad.lock().unwrap());
    assert_eq!(there.bad_place(&error), None);
    *device.bad.lock().unwrap() = bad;
    // A device that is gone as a whole is no device with a bad sector.
    drop(vault);
    let (_, gone, vault) = worn(&world, &[]);
    gone.bad.lock().unwrap().push(0..device.length());
    assert!(locked(&vault.tree).count_on(usize::MAX).is_err());
    let error = vault.reader().read(*hurt).map(drop).unwrap_err();
    assert_eq!(vault.reader().bad_place(&error), None);
}

/// A batch of entries with a snapshot of them.
fn snapshot(vault: &mut Vault, rows: &mut Rows) {
    let mut random = rng(rows.entries());
    let mut batch = vault.begin(Claim::Ordinary, &mut random).unwrap();
    for _ in 0..700 {
        let position = batch.entry(b"M").unwrap();
        rows.push(Row { leaf: [1; 32], position });
    }
    let paged = batch.snapshot(rows, &[7; 40_000]).unwrap();
    batch.commit([1; 32]).unwrap();
    rows.paged(paged);
}

#[test]
fn an_index_that_does_not_read_gives_no_frame_of_its_snapshot_away() {
    let world = World::seeded(77);
    let (_, device, mut vault) = worn(&world, &[]);
    let mut rows = Rows::default();
    (0..4).for_each(|_| snapshot(&mut vault, &mut rows));
    let index = vault.snapshots()[0].unwrap();
    let bad = block_of(index.offset);
    device.bad.lock().unwrap().push(bad..bad + BLOCK as u64);
    assert_eq!(tend(&mut vault).1, [], "nothing is said of what waits for the next snapshot");
    device.bad.lock().unwrap().clear();
    for at in vault.snapshots().into_iter().flatten() {
        assert!(vault.reader().snapshot(at, |_| ()).is_ok(), "it reads again, and all of it is there");
    }
    // Once later snapshots have taken its place, nothing of it is kept.
    device.bad.lock().unwrap().push(bad..bad + BLOCK as u64);
    let free = vault.space().free;
    (0..2).for_each(|_| snapshot(&mut vault, &mut rows));
    tend(&mut vault);
    assert!(vault.space().free + 3 > free, "{} of {free}", vault.space().free);
    let frames = |at| crate::snapshot::frames(&vault.log.reader(), at).is_ok();
    assert!(vault.snapshots().into_iter().flatten().all(frames));
}
