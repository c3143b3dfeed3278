//! A salvage over a device with sectors that fail to read: what lies there is lost, and nothing else, and it comes to its end.

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use disk::Device;

use super::salvage::{Mark, UNFOLDED, carry_out, go_on, mark, zero_block_at};
use super::*;
use crate::place::{Area, NodeId};
use crate::vault::locked;
use crate::{Bodies, Salvage};

/// A device of which one stretch does not read for a while.
struct Failing {
    below: Arc<RecordingDevice>,
    stretch: Range<u64>,
    fails: AtomicBool,
}

impl Device for Failing {
    fn length(&self) -> u64 {
        self.below.length()
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        let end = offset + buffer.len() as u64;
        if self.fails.load(Ordering::SeqCst) && offset < self.stretch.end && end > self.stretch.start {
            return Err(std::io::Error::other("a bad cable"));
        }
        self.below.read(offset, buffer)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> std::io::Result<()> {
        self.below.write(offset, bytes)
    }

    fn sync(&self) -> std::io::Result<()> {
        self.below.sync()
    }

    fn discard(&self, offset: u64, length: u64) -> std::io::Result<()> {
        self.below.discard(offset, length)
    }
}

#[test]
fn an_extent_that_does_not_read_for_a_moment_is_not_given_away() {
    let mut world = World::seeded(41);
    world.padding = 9_000;
    let (machine, mut life) = world.calm();
    for _ in 0..20 {
        world.say(&mut life.vault, 1, 2).unwrap();
    }
    life.vault.fold(&mut rng(1)).unwrap();
    let at = locked(&life.vault.tree).lookup(&Place::item(1, 1)).unwrap().unwrap().position.offset;
    let kept = mark(&world, &life.vault);
    world.say(&mut life.vault, 1, 1).unwrap();
    world.say(&mut life.vault, 1, 1).unwrap();
    let lost = life.vault.entry_at(kept.entries).unwrap().unwrap().position;
    drop(life);
    world.power_off(&machine, 41);
    zero_block_at(&mut world, lost.offset);

    let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
    let extent = u64::from(GEOMETRY.extent_bytes);
    // Superblocks first.
    let first = 2 * disk::BLOCK as u64;
    let start = (at - first) / extent * extent + first;
    let failing = Arc::new(Failing {
        below: machine.recording.clone(),
        stretch: start..start + extent,
        fails: AtomicBool::new(true),
    });
    let cell = Box::new(MemoryCell::new(world.records.clone(), None));
    let found = Salvage::find(failing.clone(), cell, LIMITS, &mut rng(5)).unwrap();
    let mut vault = carry_out(found, kept.next_item, &mut rng(1)).unwrap();
    failing.fails.store(false, Ordering::SeqCst);
    world.live.clone_from(&kept.live);
    for _ in 0..30 {
        world.say(&mut vault, 2, 2).unwrap();
    }
    world.check_live(&vault, "as if the cable had never been bad");
}

/// A site that talked in five conversations, with the end of its journal lost; and the block of a node that what is given up, and
/// what waits, would be folded into.
fn with_a_node_in_a_bad_sector() -> (World, Mark, Range<u64>) {
    let mut world = World::seeded(43);
    let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
    let cell = Box::new(MemoryCell::new(world.records.clone(), None));
    let (mut vault, _) = Vault::open(machine.recording.clone(), cell, UNFOLDED, &mut rng(5)).unwrap();
    let talk = |world: &mut World, vault: &mut Vault| {
        (1..6).for_each(|conversation| world.say(vault, conversation, 1).unwrap());
    };
    (0..14).for_each(|_| talk(&mut world, &mut vault));
    vault.fold(&mut rng(1)).unwrap();
    let node = NodeId::towards(Area::Items { conversation: 2 }, 0, world.next_item + 1);
    let (position, top) = {
        let mut tree = locked(&vault.tree);
        (tree.position_of(node).unwrap().unwrap(), tree.top_at.position)
    };
    // More than lies below the node: no tree from before the fold knows as much.
    (0..5).for_each(|_| talk(&mut world, &mut vault));
    let kept = mark(&world, &vault);
    (0..2).for_each(|_| talk(&mut world, &mut vault));
    let lost = vault.entry_at(kept.entries).unwrap().unwrap().position;
    drop(vault);
    world.power_off(&machine, 43);
    zero_block_at(&mut world, lost.offset);
    let block = position.offset / disk::BLOCK as u64 * disk::BLOCK as u64;
    let block = block..block + disk::BLOCK as u64;
    assert!(!block.contains(&top.offset), "with its top all of a tree is lost");
    (world, kept, block)
}

#[test]
fn a_salvage_goes_on_where_a_node_of_the_tree_fails_to_read() {
    let (start, kept, block) = with_a_node_in_a_bad_sector();
    // Cut off by name, in the batch of the entry, or by the epoch alone.
    for way in ["mend", "make way", "epoch"] {
        let mut world = crash::clone_of(&start);
        let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
        let below = machine.recording.clone();
        let failing = Arc::new(Failing { below, stretch: block.clone(), fails: AtomicBool::new(true) });
        let cell = || Box::new(MemoryCell::new(world.records.clone(), None));
        let found = Salvage::find(failing.clone(), cell(), UNFOLDED, &mut rng(5)).unwrap();
        assert!(matches!(found.bodies(), Bodies::Damaged { .. }), "{way}");
        let (orphans, damaged) = (found.orphans(|_| Some(kept.next_item)), found.damaged().to_vec());
        assert!(!orphans.is_empty() && !damaged.is_empty(), "{way}");
        let mut random = rng(1);
        let mut vault = found.settle(false, &mut random).unwrap();
        let lost = damaged[0];
        match way {
            "mend" => vault.mend(&damaged, &mut random).unwrap(),
            "make way" => {
                let mut batch = vault.begin_behind_mark(Claim::Erasing, &mut random).unwrap();
                assert!(batch.insert(lost, b"the lost place").unwrap_err().is_damage());
                batch.make_way(lost).unwrap();
                batch.insert(lost, b"the lost place").unwrap();
                assert!(matches!(batch.insert(lost, b"once more"), Err(Error::Occupied(_))));
                batch.entry(b"S").unwrap();
                batch.commit([7; 32]).unwrap();
            }
            _ => {}
        }
        for _ in 0..100 {
            vault.tend(Need::Room, &mut random).unwrap();
        }
        let vault = go_on(vault, &orphans, &mut random).unwrap();
        world.live.clone_from(&kept.live);
        let before = world.live.len();
        world.live.retain(|place, _| match vault.reader().read(*place) {
            Ok(_) => true,
            Err(error) => {
                assert!(matches!(error, Error::Missing(_)) || error.is_damage(), "{way}: {error}");
                false
            }
        });
        assert!((before / 2..before).contains(&world.live.len()), "{way}: {} of {before}", world.live.len());
        drop(vault);
        // The sector stays bad, and nothing leads there.
        let (mut vault, _) = Vault::open(failing, cell(), UNFOLDED, &mut rng(7)).unwrap();
        if way == "make way" {
            world.live.insert(lost, b"the lost place".to_vec());
        }
        (1..6).for_each(|conversation| world.say(&mut vault, conversation, 2).unwrap());
        vault.fold(&mut random).unwrap();
        world.check_live(&vault, way);
    }
}

#[test]
fn beside_a_running_server_a_node_that_fails_to_read_is_an_error_and_no_loss() {
    let mut world = World::seeded(44);
    let (machine, mut life) = world.calm();
    (1..4).for_each(|conversation| world.say(&mut life.vault, conversation, 2).unwrap());
    life.vault.fold(&mut rng(1)).unwrap();
    let node = NodeId { area: Area::Items { conversation: 2 }, level: 0, index: 0 };
    let at = locked(&life.vault.tree).position_of(node).unwrap().unwrap().offset;
    drop(life);
    world.power_off(&machine, 44);
    let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
    let below = machine.recording.clone();
    let failing = Arc::new(Failing { below, stretch: at..at + 1, fails: AtomicBool::new(false) });
    let cell = Box::new(MemoryCell::new(world.records.clone(), None));
    let (mut vault, _) = Vault::open(failing.clone(), cell, LIMITS, &mut rng(5)).unwrap();
    failing.fails.store(true, Ordering::SeqCst);
    let written = machine.recording.writes().len();
    let failed = vault.mend(&[Place::item(2, 1)], &mut rng(1)).unwrap_err();
    assert!(matches!(failed, Error::Disk(disk::Error::Io(_))), "{failed}");
    assert!(machine.recording.writes().len() == written && vault.take_cut_off().is_empty());
    failing.fails.store(false, Ordering::SeqCst);
    world.check_live(&vault, "it reads again");
}
