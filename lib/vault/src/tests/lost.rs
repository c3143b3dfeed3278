//! What is lost in more ways than one: the journal's end, and with it trees, or the cell.

use super::salvage::{carry_out, find, kept_mark, lived, mark, unfolded, zero_block_at};
use super::*;
use crate::place::{Area, NodeId};
use crate::vault::locked;
use crate::{Bodies, Salvage};

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

#[test]
fn where_every_body_may_be_given_up_an_older_copy_of_the_cell_gives_the_device_keys_alone() {
    let (mut world, marks, _) = lived(5, false);
    let old: CellRecords = Arc::new(Mutex::new(world.records.lock().unwrap().clone()));
    let (machine, mut life) = world.calm();
    let victim = *world.live.keys().next().unwrap();
    let number = world.ask(&mut life.vault, vec![Target::Place(victim)]).unwrap();
    world.erase(&mut life.vault, number).unwrap();
    let (size, _) = life.vault.journal();
    let epoch = life.vault.epoch();
    drop(life);
    world.power_off(&machine, 5);

    let machine = calm_machine(&world);
    let at = |give_up: bool| {
        let cell = Box::new(MemoryCell::new(old.clone(), None));
        match give_up {
            false => Salvage::find(machine.recording.clone(), cell, LIMITS, &mut rng(5)),
            true => Salvage::find_giving_up_bodies(machine.recording.clone(), cell, LIMITS, &mut rng(5)),
        }
    };
    assert!(matches!(at(false).map(drop), Err(Error::CellBehindStore { .. })));
    let found = at(true).unwrap();
    assert_eq!((found.kept().0, found.bodies(), found.cell_names()), (size, Bodies::Lost, None));
    assert!(found.check_cells().is_ok());
    let mut vault = found.settle(true, &mut rng(6)).unwrap();
    assert!(vault.epoch() > epoch);
    vault.leave_mark(&mut rng(7)).unwrap();
    let mut random = rng(8);
    let mut batch = vault.begin(Claim::Urgent, &mut random).unwrap();
    batch.entry(b"S").unwrap();
    batch.commit([7; 32]).unwrap();
    assert!(world.adversary_with(&machine, &vault, &old).is_empty(), "no root of before is in it");
    drop(vault);
    world.power_off(&machine, 6);
    world.records = old;
    let (_, mut life) = world.calm();
    let place = *kept_mark(&marks, size).live.keys().next().unwrap();
    assert!(matches!(life.vault.reader().read(place), Err(Error::Missing(_))));
    world.live.clear();
    world.say(&mut life.vault, 5, 3).unwrap();
    world.check_live(&life.vault, "a store without its former bodies");
}
