//! A salvage in a store that is nearly full: of what is kept for erasures it takes what it needs, and never half.

use super::salvage::{UNFOLDED, find, is_carried_out, kept_mark, mark, started, zero_block_at};
use super::*;
use crate::place::{Area, NodeId};
use crate::vault::locked;

/// Nothing but what is kept for erasures is free, or so many extents more, and a fold that is due has no extent to go on in; a
/// batch is lost.
fn nearly_full(more: u32) -> (World, Vec<salvage::Mark>) {
    let mut world = World::seeded(51);
    world.padding = 20_000;
    let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
    let cell = Box::new(MemoryCell::new(world.records.clone(), None));
    let (mut vault, _) = Vault::open(machine.recording.clone(), cell, UNFOLDED, &mut rng(5)).unwrap();
    while vault.space().free > 2 * GEOMETRY.reserve {
        world.say(&mut vault, 1, 1).unwrap();
    }
    vault.fold(&mut rng(6)).unwrap();
    let mut random = rng(7);
    while vault.space().free > vault.space().kept() + more {
        let mut batch = vault.begin(Claim::Erasing, &mut random).unwrap();
        batch.snapshot(&crate::Rows::default(), &[1; 50_000]).unwrap();
        batch.commit([7; 32]).unwrap();
    }
    let mut marks = Vec::new();
    // One leaf each: fewer than make a tight store fold.
    for _ in 0..LIMITS.fold_lists + 4 {
        let (place, text) = (Place::item(2, world.next_item), b"short".to_vec());
        world.next_item += 1;
        let mut batch = vault.begin(Claim::Erasing, &mut random).unwrap();
        batch.insert(place, &text).unwrap();
        batch.entry(b"M").unwrap();
        batch.commit([7; 32]).unwrap();
        world.live.insert(place, text);
        marks.push(mark(&world, &vault));
    }
    assert!(locked(&vault.tree).lists.len() == LIMITS.fold_lists + 4);
    let lost = vault.entry_at(vault.journal().0 - 3).unwrap().unwrap().position.offset;
    drop(vault);
    world.power_off(&machine, 51);
    zero_block_at(&mut world, lost);
    (world, marks)
}

#[test]
fn where_hardly_anything_is_free_no_start_takes_what_was_not_carried_out() {
    let (start, marks) = nearly_full(0);
    let machine = start.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
    let found = find(&start, &machine).unwrap();
    let mark = kept_mark(&marks, found.kept().0);
    let mut settled = found.settle(false, &mut rng(1)).unwrap();
    assert!(locked(&settled.tree).lists.len() > LIMITS.fold_lists, "a fold is due");
    let space = settled.space();
    assert!((1..=space.kept()).contains(&space.free), "{space:?}");
    assert!(settled.fold(&mut rng(1)).unwrap_err().is_full(), "and nobody but an erasure has room for it");
    for at in 0.. {
        let story = format!("cut at operation {at}");
        let mut world = crash::clone_of(&start);
        let machine = world.machine(CrashClock::new(at, Fault::PowerCut));
        let carry_out = |found| salvage::carry_out(found, mark.next_item, &mut rng(at));
        let tried = find(&world, &machine).and_then(carry_out);
        let struck = machine.clock.has_struck();
        assert!(struck || tried.is_ok(), "{story}: {:?}", tried.err());
        drop(tried);
        world.power_off(&machine, at);
        let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
        if let Some(life) = started(&world, &machine) {
            assert!(is_carried_out(&life.vault), "{story}: a start took what was not carried out");
        }
        if !struck {
            break;
        }
        world.power_off(&machine, at);
        let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
        let vault = find(&world, &machine).and_then(carry_out).unwrap();
        world.live.clone_from(&mark.live);
        world.check_live(&vault, &story);
    }
}

#[test]
fn where_hardly_anything_is_free_a_lost_node_on_the_way_to_what_must_go_in_is_cut_off_by_the_same_batch() {
    let (mut world, marks) = nearly_full(1);
    let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
    let settled = find(&world, &machine).unwrap().settle(false, &mut rng(1)).unwrap();
    let node = NodeId { area: Area::Items { conversation: 1 }, level: 0, index: 0 };
    let position = locked(&settled.tree).position_of(node).unwrap().unwrap();
    drop(settled);
    world.image[position.offset as usize + 40] ^= 1;
    let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
    let found = find(&world, &machine).unwrap();
    let next_item = kept_mark(&marks, found.kept().0).next_item;
    let (orphans, damaged) = (found.orphans(|_| Some(next_item)), found.damaged().to_vec());
    assert_eq!(damaged.len(), 1);
    let mut random = rng(2);
    let mut vault = found.settle(false, &mut random).unwrap();
    assert_eq!(vault.space().free, 2, "one for the tree, and one for the body");
    assert!(
        vault.mend(&damaged, &mut random).unwrap_err().is_full(),
        "there is no room for a batch of its own"
    );
    let mut batch = vault.begin_behind_mark(Claim::Erasing, &mut random).unwrap();
    batch.make_way(damaged[0]).unwrap();
    batch.insert(damaged[0], b"of the new period").unwrap();
    batch.entry(b"S").unwrap();
    batch.commit([7; 32]).unwrap();
    let vault = salvage::go_on(vault, &orphans, &mut random).unwrap();
    assert_eq!(&**vault.reader().read(damaged[0]).unwrap(), b"of the new period");
    drop(vault);
    world.power_off(&machine, 2);
    let (_, life) = world.calm();
    assert_eq!(&**life.vault.reader().read(damaged[0]).unwrap(), b"of the new period");
}
