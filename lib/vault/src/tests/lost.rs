//! What is lost in more ways than one: the journal's end, and with it trees, or the cell.

use super::salvage::{carry_out, find, mark, unfolded, zero_block_at};
use super::*;
use crate::Bodies;
use crate::place::{Area, NodeId};
use crate::vault::locked;

/// A device that works, for a world that was changed by hand.
fn calm_machine(world: &World) -> Machine {
    world.machine(CrashClock::new(u64::MAX, Fault::PowerCut))
}

#[test]
fn a_zeroed_end_of_the_journal_is_refused_where_no_erasure_was_among_it() {
    let (world, marks, positions, _) = unfolded(28);
    for lost in 2..20 {
        let kept = &marks[marks.len() - 1 - lost];
        let mut world = crash::clone_of(&world);
        positions[kept.entries as usize..]
            .iter()
            .for_each(|position| zero_block_at(&mut world, position.offset));
        let machine = calm_machine(&world);
        let refused = world.open(&machine).map(drop);
        assert!(
            matches!(refused, Err(Error::Disk(disk::Error::NewerThanJournal { .. }))),
            "{lost} batches: {refused:?}"
        );
        let found = find(&world, &machine).unwrap();
        assert_eq!((found.kept().0, found.is_behind()), (kept.entries, true), "{lost} batches");
        drop(carry_out(found, kept.next_item, &mut rng(1)).unwrap());
        world.power_off(&machine, 1);
        let (_, life) = world.calm();
        world.live.clone_from(&kept.live);
        world.check_live(&life.vault, "a start goes on");
    }
}

#[test]
fn however_many_lost_trees_are_damaged_the_kept_one_is_looked_at() {
    // Every batch folds what stands before it: each has a tree of its own.
    let limits = Limits { fold_leaves: 1, fold_lists: 1, ..LIMITS };
    let mut world = World::seeded(52);
    let machine = calm_machine(&world);
    let cell = Box::new(MemoryCell::new(world.records.clone(), None));
    let (mut vault, _) = Vault::open(machine.recording.clone(), cell, limits, &mut rng(5)).unwrap();
    (0..6).for_each(|_| world.say(&mut vault, 1, 1).unwrap());
    let kept = mark(&world, &vault);
    world.say(&mut vault, 2, 2).unwrap();
    (0..30).for_each(|_| world.say(&mut vault, 1, 1).unwrap());
    // One node that every lost tree has, and no kept one.
    let node = NodeId { area: Area::Items { conversation: 2 }, level: 0, index: 0 };
    let position = locked(&vault.tree).position_of(node).unwrap().unwrap();
    let lost = vault.entry_at(kept.entries).unwrap().unwrap().position;
    drop(vault);
    world.power_off(&machine, 52);
    world.image[position.offset as usize + 40] ^= 1;
    zero_block_at(&mut world, lost.offset);
    let machine = calm_machine(&world);
    let found = find(&world, &machine).unwrap();
    assert_eq!((found.kept().0, found.bodies()), (kept.entries, Bodies::Kept));
    let vault = carry_out(found, kept.next_item, &mut rng(1)).unwrap();
    world.live.clone_from(&kept.live);
    world.check_live(&vault, "by the kept tree");
}
