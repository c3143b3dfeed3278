//! Compaction: a store that was filled, half erased and filled again goes on; nothing alive is lost on the way.

use super::*;
use crate::vault::locked;

/// Bodies of one batch.
const PARTS: u64 = 10;

/// Fills until messages find no room, or no more than so many extents are free; gives how many were taken.
fn fill(world: &mut World, vault: &mut Vault, conversation: u64, free: u32) -> u64 {
    for item in 0.. {
        if vault.space().free <= free {
            return item;
        }
        let mut random = rng(item);
        let mut batch = vault.begin(Claim::Ordinary, &mut random).unwrap();
        let mut said = Vec::new();
        let inserted = (0..PARTS).try_for_each(|part| {
            let place = Place::item(conversation, item * PARTS + part);
            said.push((place, body(place, 0, 2_500)));
            batch.insert(place, &said.last().unwrap().1)
        });
        match inserted.and_then(|()| batch.commit([7; 32])) {
            Ok(_) => world.live.extend(said),
            Err(Error::Disk(disk::Error::Full { .. })) => return item,
            Err(other) => panic!("{other}"),
        }
    }
    unreachable!()
}

#[test]
fn a_store_that_was_filled_and_half_erased_is_filled_again_and_again() {
    let mut world = World::seeded(70);
    world.padding = 2_500;
    for round in 0..4 {
        let (machine, mut life) = world.calm();
        let taken = fill(&mut world, &mut life.vault, 1 + round, 0);
        assert!(taken > 15, "round {round}: {taken}");
        world.check_live(&life.vault, "full");
        // Every second message: no extent is wholly dead.
        let all: Vec<Place> = world.live.keys().copied().collect();
        for some in all.chunks(50) {
            let some = some.iter().filter(|place| place.item % 2 == round % 2).copied();
            let number = world.ask(&mut life.vault, some.map(Target::Place).collect()).unwrap();
            world.erase(&mut life.vault, number).unwrap();
            sweep(&mut life.vault, &mut rng(round)).unwrap();
        }
        world.check_live(&life.vault, "compacted");
        assert_eq!(sweep(&mut life.vault, &mut rng(round)).unwrap(), 0, "it has come to rest");
        world.check_opened(&world.adversary(&machine, &life.vault), &[], "moved");
        drop(life);
        world.power_off(&machine, round);
    }
    let (_, life) = world.calm();
    world.check_live(&life.vault, "after the last restart");
}

#[test]
fn what_the_census_says_is_what_a_fresh_walk_finds() {
    let mut world = World::seeded(71);
    world.padding = 700;
    let (machine, mut life) = world.calm();
    let counted = |vault: &Vault| {
        let tree = locked(&vault.tree);
        (0..GEOMETRY.extents).map(|extent| tree.census.live(extent)).collect::<Vec<_>>()
    };
    for conversation in 1..9 {
        world.say(&mut life.vault, conversation, 9).unwrap();
        // In the middle of a walk the tree changes before and behind it.
        locked(&life.vault.tree).count_on(2).unwrap();
        let victim = *world.live.keys().nth(conversation as usize).unwrap();
        let number = world.ask(&mut life.vault, vec![Target::Place(victim)]).unwrap();
        world.erase(&mut life.vault, number).unwrap();
    }
    life.vault.fold(&mut rng(1)).unwrap();
    while !locked(&life.vault.tree).count_on(1).unwrap() {}
    let kept = counted(&life.vault);
    drop(life);
    world.power_off(&machine, 0);
    let (_, life) = world.calm();
    assert!(locked(&life.vault.tree).count_on(usize::MAX).unwrap());
    assert_eq!(counted(&life.vault), kept);
    assert!(kept.iter().sum::<u64>() > 10_000);
}

#[test]
fn damage_in_an_extent_leaves_it_as_it_is_and_the_rest_goes_on() {
    let mut world = World::seeded(72);
    let (machine, mut life) = world.calm();
    fill(&mut world, &mut life.vault, 1, 12); // Nobody sweeps between the erasures.
    life.vault.fold(&mut rng(2)).unwrap();
    drop(life);
    world.power_off(&machine, 0);
    let (_, life) = world.calm();
    let victim = *world.live.keys().nth(1).unwrap();
    let position = locked(&life.vault.tree).lookup(&victim).unwrap().unwrap().position;
    drop(life);
    world.image[(position.offset + u64::from(position.length)) as usize - 3] ^= 1;

    let (_, mut life) = world.calm();
    let some: Vec<Target> =
        world.live.keys().filter(|place| place.item % 3 != 1).map(|place| Target::Place(*place)).collect();
    let spared: Vec<Place> = world.live.keys().filter(|place| place.item % 3 == 1).copied().collect();
    for some in some.chunks(100) {
        let number = world.ask(&mut life.vault, some.to_vec()).unwrap();
        world.erase(&mut life.vault, number).unwrap();
    }
    let (mut damaged, mut freed) = (0, 0);
    loop {
        match life.vault.tend(Need::Room, &mut rng(3)).unwrap() {
            Tended::Idle => break,
            Tended::Working => {}
            Tended::Freed => freed += 1,
            Tended::Damaged(offset) => {
                assert_eq!(offset, position.offset);
                damaged += 1;
            }
        }
    }
    assert!(damaged == 1 && freed > 10, "{damaged} {freed}");
    let reader = life.vault.reader();
    for place in spared {
        let read = reader.read(place);
        if place == victim {
            assert!(matches!(read, Err(Error::Damaged { .. })), "named, not lost");
        } else {
            assert_eq!(&*read.unwrap(), &world.live[&place]);
        }
    }
}

#[test]
fn a_step_is_bounded_in_what_it_reads_and_writes() {
    let mut world = World::seeded(73);
    let (machine, mut life) = world.calm();
    fill(&mut world, &mut life.vault, 1, 12); // Nobody sweeps between the erasures.
    let targets: Vec<Target> =
        world.live.keys().filter(|place| place.item % 4 > 0).map(|place| Target::Place(*place)).collect();
    for some in targets.chunks(60) {
        let number = world.ask(&mut life.vault, some.to_vec()).unwrap();
        world.erase(&mut life.vault, number).unwrap();
    }
    let mut most = 0;
    loop {
        let before = machine.recording.bytes_written();
        let done = life.vault.tend(Need::Room, &mut rng(3)).unwrap();
        most = most.max(machine.recording.bytes_written() - before);
        if done == Tended::Idle {
            break;
        }
    }
    assert!(most <= u64::from(GEOMETRY.extent_bytes), "{most} bytes in one step");
    world.check_live(&life.vault, "after all steps");
}
