//! A store whose journal is damaged before valid batches: no start takes it, a salvage keeps the beginning and its bodies.

use super::*;
use crate::vault::locked;
use crate::{Bodies, KeptVerifiers, Salvage};

/// Limits by which nothing is folded here.
pub(super) const UNFOLDED: Limits = Limits { fold_leaves: 1000, fold_lists: 1000, ..LIMITS };

/// What a world held at each size of the journal.
pub(super) struct Mark {
    pub(super) entries: u64,
    pub(super) next_item: u64,
    pub(super) live: BTreeMap<Place, Vec<u8>>,
}

pub(super) fn mark(world: &World, vault: &Vault) -> Mark {
    Mark { entries: vault.journal().0, next_item: world.next_item, live: world.live.clone() }
}

/// A site that lived: its marks, and the positions of its entries. `late` erasures fall behind the batch that gets damaged.
pub(super) fn lived(seed: u64, late: bool) -> (World, Vec<Mark>, Vec<disk::Position>) {
    let mut world = World::seeded(seed);
    world.padding = if seed % 2 == 1 { 9_000 } else { 0 };
    let (machine, mut life) = world.calm();
    let mut marks = Vec::new();
    for round in 0..14 {
        world.say(&mut life.vault, 1 + (seed + round) % 3, 1 + (seed + round) % 4).unwrap();
        marks.push(mark(&world, &life.vault));
        if round == 3 || (late && round == 10) {
            let victim = *world.live.keys().nth(seed as usize % world.live.len()).unwrap();
            let number =
                world.ask(&mut life.vault, vec![Target::Place(Place { chunk: None, ..victim })]).unwrap();
            world.erase(&mut life.vault, number).unwrap();
            let mut random = rng(seed);
            sweep(&mut life.vault, &mut random).unwrap();
        }
    }
    let positions = life.vault.journal_entries(0).map(|entry| entry.unwrap().position).collect();
    drop(life);
    world.power_off(&machine, seed);
    (world, marks, positions)
}

pub(super) fn zero_block_at(world: &mut World, offset: u64) {
    let from = offset as usize / disk::BLOCK * disk::BLOCK;
    world.image[from..from + disk::BLOCK].fill(0);
}

pub(super) fn find(world: &World, machine: &Machine) -> Result<Salvage, Error> {
    let cell = Box::new(MemoryCell::new(world.records.clone(), Some(machine.clock.clone())));
    Salvage::find(machine.recording.clone(), cell, LIMITS, &mut rng(5))
}

/// A start that replays: it opens the store, and every entry reads.
pub(super) fn started(world: &World, machine: &Machine) -> Option<Life> {
    let life = world.open(machine).ok()?;
    let whole = life.vault.journal_entries(0).all(|entry| entry.is_ok());
    whole.then_some(life)
}

pub(super) fn is_carried_out(vault: &Vault) -> bool {
    vault.journal_entries(0).any(|entry| entry.unwrap().bytes == b"S")
}

/// What the server does with a salvage: its own entry, then an epoch that takes what no kept entry knows.
pub(super) fn carry_out(found: Salvage, next_item: u64, random: &mut ChaCha20Rng) -> Result<Vault, Error> {
    let orphans = found.orphans(|_| Some(next_item));
    go_on(found.settle(false, random)?, &orphans, random)
}

/// The same where every body is given up.
fn carry_out_fresh(found: Salvage, random: &mut ChaCha20Rng) -> Result<Vault, Error> {
    go_on(found.settle(true, random)?, &[], random)
}

pub(super) fn go_on(mut vault: Vault, orphans: &[Target], random: &mut ChaCha20Rng) -> Result<Vault, Error> {
    if is_carried_out(&vault) {
        vault.leave_mark();
    } else {
        let mut batch = vault.begin_behind_mark(Claim::Erasing, random)?;
        batch.entry(b"S")?;
        batch.commit([7; 32])?;
    }
    let intended = vault.begin_erasure(orphans)?;
    let written = vault.write_tree(intended, random)?;
    let replaced = vault.replace_cell(written)?;
    let destroyed = vault.destroy_old_slot(replaced)?;
    vault.finish_erasure(destroyed);
    Ok(vault)
}

/// The newest mark that the kept entries cover.
pub(super) fn kept_mark(marks: &[Mark], entries: u64) -> &Mark {
    marks.iter().rev().find(|mark| mark.entries <= entries).expect("the first batches are never damaged here")
}

/// What was erased since lives no more, wherever the journal ends.
fn forget_erased(world: &mut World, mark: &Mark) {
    let erased: Vec<Target> = world.intents.iter().flatten().copied().collect();
    world.live.clone_from(&mark.live);
    world.live.retain(|place, _| !erased.iter().any(|target| target.covers(place)));
}

#[test]
fn what_stands_before_the_damage_goes_on_with_its_bodies() {
    for (seed, late) in (0..12).flat_map(|seed| [(seed, false), (seed, true)]) {
        let story = format!("seed {seed}, an erasure behind the damage: {late}");
        let (mut world, marks, positions) = lived(seed, late);
        let damaged = positions.len() / 2 + seed as usize % 4;
        zero_block_at(&mut world, positions[damaged].offset);
        let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
        assert!(started(&world, &machine).is_none(), "{story}: an ordinary start takes it");
        let found = find(&world, &machine).unwrap();
        let (entries, root) = found.kept();
        assert!(entries <= damaged as u64 && entries + 5 > damaged as u64 && root == [7; 32], "{story}");
        assert!(found.is_behind() && found.kept_verifiers() == KeptVerifiers::InForce, "{story}");
        assert_eq!(found.bodies(), Bodies::Kept, "{story}");
        assert_eq!(found.newest_lost().unwrap().0, positions.len() as u64, "{story}");
        let mark = kept_mark(&marks, entries);
        assert!(!found.orphans(|_| Some(mark.next_item)).is_empty(), "{story}");
        let vault = carry_out(found, mark.next_item, &mut rng(seed)).unwrap();
        forget_erased(&mut world, mark);
        world.check_live(&vault, &story);
        drop(vault);
        world.power_off(&machine, seed);

        // From here on it is a store like any other.
        let (machine, mut life) = world.calm();
        assert_eq!(life.opened.cell_names.0, entries + 1, "{story}: the cell names the new journal");
        world.check_live(&life.vault, &story);
        let gone =
            (mark.next_item..world.next_item).flat_map(|item| (1..4).map(move |c| Place::item(c, item)));
        for place in gone {
            assert!(matches!(life.vault.reader().read(place), Err(Error::Missing(_))), "{story}: {place:?}");
        }
        let opened = world.adversary(&machine, &life.vault);
        assert!(opened.keys().all(|place| place.item < mark.next_item), "{story}: what was given up opens");
        for round in 0..12 {
            world.say(&mut life.vault, 1 + round % 3, 3).unwrap();
        }
        sweep(&mut life.vault, &mut rng(seed)).unwrap();
        world.check_live(&life.vault, &story);
        assert_eq!(life.vault.scan(&mut |_| {}).unwrap().damages_count, 0, "{story}");
        drop(life);
        world.power_off(&machine, seed + 1);
        let (_, life) = world.calm();
        world.check_live(&life.vault, &story);
        let numbers: Vec<u64> = life.vault.journal_entries(0).map(|entry| entry.unwrap().index).collect();
        assert_eq!(numbers, (0..life.vault.journal().0).collect::<Vec<_>>(), "{story}");
    }
}

#[test]
fn a_salvage_is_cut_off_at_every_operation_and_done_again() {
    let mut cuts = 0;
    for seed in 0..4 {
        let (mut start, marks, positions) = lived(seed, seed % 2 == 0);
        zero_block_at(&mut start, positions[positions.len() / 2].offset);
        for at in 0.. {
            let story = format!("seed {seed}, cut at operation {at}");
            let mut world = crash::clone_of(&start);
            let machine = world.machine(CrashClock::new(at, Fault::PowerCut));
            let tried = find(&world, &machine).and_then(|found| {
                let next_item = kept_mark(&marks, found.kept().0).next_item;
                carry_out(found, next_item, &mut rng(seed + at))
            });
            assert!(tried.is_err() || !machine.clock.has_struck(), "{story}");
            drop(tried);
            world.power_off(&machine, seed * 10_000 + at);
            let struck = machine.clock.has_struck();

            // No start takes a store of which the succession is not in the journal.
            let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
            if let Some(life) = started(&world, &machine) {
                assert!(is_carried_out(&life.vault), "{story}: a start took what was not carried out");
            }
            world.power_off(&machine, at);
            let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
            let found = find(&world, &machine).unwrap();
            let mark = kept_mark(&marks, found.kept().0);
            let vault =
                carry_out(found, mark.next_item, &mut rng(at)).unwrap_or_else(|why| panic!("{story}: {why}"));
            forget_erased(&mut world, mark);
            world.check_live(&vault, &story);
            drop(vault);
            world.power_off(&machine, at);
            let (machine, mut life) = world.calm();
            world.check_live(&life.vault, &story);
            // Whatever was written at whichever moment, and every key that is left: nothing else opens.
            let opened = world.adversary(&machine, &life.vault);
            let revived = opened.keys().find(|place| !world.live.contains_key(place));
            assert_eq!(revived, None, "{story}");
            world.say(&mut life.vault, 77, 2).unwrap();
            cuts += 1;
            if !struck {
                break;
            }
        }
    }
    assert!(cuts > 40, "{cuts}");
}

#[test]
fn without_a_tree_that_opens_there_is_a_fresh_root_only_when_told() {
    let (mut world, marks, positions) = lived(3, false);
    zero_block_at(&mut world, positions[positions.len() / 2].offset);
    let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
    let kept = find(&world, &machine).unwrap().kept().0;
    // The cell's roots are gone, the device keys are not.
    let mut cell = MemoryCell::new(world.records.clone(), None);
    for slot in [crate::CellSlot::Even, crate::CellSlot::Odd] {
        crate::RootCell::destroy(&mut cell, slot).unwrap();
    }
    let found = find(&world, &machine).unwrap();
    assert_eq!((found.bodies(), found.kept().0, found.cell_names()), (Bodies::Lost, kept, None));
    assert!(matches!(found.settle(false, &mut rng(1)), Err(Error::NoRoot(_))));
    let mut vault = find(&world, &machine).unwrap().settle(true, &mut rng(1)).unwrap();
    assert_eq!(vault.journal().0, kept);
    let mut random = rng(3);
    let mut batch = vault.begin_behind_mark(Claim::Urgent, &mut random).unwrap();
    batch.entry(b"S").unwrap();
    batch.commit([7; 32]).unwrap();
    drop(vault);
    world.power_off(&machine, 1);
    let (_, mut life) = world.calm();
    let place = *kept_mark(&marks, kept).live.keys().next().unwrap();
    assert!(matches!(life.vault.reader().read(place), Err(Error::Missing(_))));
    world.live.clear();
    world.say(&mut life.vault, 5, 3).unwrap();
    world.check_live(&life.vault, "a fresh tree");
}

#[test]
fn a_store_that_lost_nothing_is_told_so() {
    let (world, _, positions) = lived(8, true);
    let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
    let found = find(&world, &machine).unwrap();
    assert_eq!((found.kept().0, found.is_behind()), (positions.len() as u64, false));
    assert!(found.cell_names().is_some_and(|(size, ..)| size <= found.kept().0));
    assert!(world.open(&machine).is_ok());
}

/// A site of so many batches with one message each, none of them folded; and where each one's entry and list lie.
pub(super) fn unfolded(count: usize) -> (World, Vec<Mark>, Vec<disk::Position>, Vec<u64>) {
    let mut world = World::seeded(31);
    let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
    let cell = Box::new(MemoryCell::new(world.records.clone(), None));
    let (mut vault, _) = Vault::open(machine.recording.clone(), cell, UNFOLDED, &mut rng(5)).unwrap();
    let mut marks = Vec::new();
    for _ in 0..count {
        world.say(&mut vault, 1, 1).unwrap();
        marks.push(mark(&world, &vault));
    }
    let positions = vault.journal_entries(0).map(|entry| entry.unwrap().position).collect();
    let lists: Vec<u64> = locked(&vault.tree).lists.iter().map(|list| list.position.offset).collect();
    assert_eq!(lists.len(), count, "each batch has a list of its own");
    drop(vault);
    world.power_off(&machine, 31);
    (world, marks, positions, lists)
}

fn found_unfolded(world: &World, machine: &Machine) -> Salvage {
    let cell = Box::new(MemoryCell::new(world.records.clone(), None));
    Salvage::find(machine.recording.clone(), cell, UNFOLDED, &mut rng(5)).unwrap()
}

#[test]
fn however_many_lost_lists_break_at_one_that_is_gone_what_was_kept_is_found() {
    let (mut world, marks, positions, lists) = unfolded(28);
    // Batch 6 is gone whole, in both streams; those behind it are there.
    zero_block_at(&mut world, positions[6].offset);
    world.image[lists[6] as usize + 40] ^= 1;
    let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
    let found = found_unfolded(&world, &machine);
    assert_eq!((found.kept().0, found.bodies()), (6, Bodies::Kept));
    let vault = carry_out(found, marks[5].next_item, &mut rng(1)).unwrap();
    world.live.clone_from(&marks[5].live);
    world.check_live(&vault, "up to the one before");
}

#[test]
fn what_stands_behind_a_list_that_does_not_read_is_kept_and_the_loss_is_told() {
    let (mut world, marks, positions, lists) = unfolded(20);
    world.image[lists[2] as usize + 40] ^= 1;
    let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
    assert!(world.open(&machine).is_err(), "no start takes it");
    zero_block_at(&mut world, positions[15].offset);
    let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
    let found = found_unfolded(&world, &machine);
    assert_eq!((found.kept().0, found.bodies()), (15, Bodies::Damaged { nodes: 1 }));
    let vault = carry_out(found, marks[14].next_item, &mut rng(1)).unwrap();
    world.live.clone_from(&marks[14].live);
    world.live.retain(|place, _| !marks[2].live.contains_key(place));
    assert!(world.live.len() >= 12);
    world.check_live(&vault, "behind the list");
    drop(vault);
    world.power_off(&machine, 1);
    let (_, life) = world.calm();
    world.check_live(&life.vault, "a start goes on without it");
}

#[test]
fn an_older_copy_of_the_cell_opens_nothing_and_serves_where_every_body_is_given_up() {
    let (mut world, _, _) = lived(5, false);
    let old: CellRecords = Arc::new(Mutex::new(world.records.lock().unwrap().clone()));
    let (machine, mut life) = world.calm();
    let victim = *world.live.keys().next().unwrap();
    let number = world.ask(&mut life.vault, vec![Target::Place(victim)]).unwrap();
    world.erase(&mut life.vault, number).unwrap();
    for _ in 0..4 {
        world.say(&mut life.vault, 1, 2).unwrap();
    }
    let positions: Vec<_> = life.vault.journal_entries(0).map(|entry| entry.unwrap().position).collect();
    drop(life);
    world.power_off(&machine, 5);
    // Before the erasure, which the lost batches alone prove then, and behind it.
    for damaged in [positions.len() - 11, positions.len() - 3] {
        let mut world = crash::clone_of(&world);
        zero_block_at(&mut world, positions[damaged].offset);
        let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
        assert!(find(&world, &machine).is_ok(), "with the right cell");
        let cell = Box::new(MemoryCell::new(old.clone(), None));
        let found = Salvage::find(machine.recording.clone(), cell, LIMITS, &mut rng(5)).unwrap();
        assert!(matches!(found.stale_cell(), Some(Error::CellBehindStore { .. })), "entry {damaged}");
        assert!(found.bodies() == Bodies::Lost && found.items().next().is_none(), "entry {damaged}");
        let refused = found.settle(false, &mut rng(5)).map(drop);
        assert!(matches!(refused, Err(Error::CellBehindStore { .. })), "entry {damaged}");
        assert!(machine.recording.writes().len() == world.history.len(), "nothing was written");
        // Every body is given up: the journal goes on under a root that nobody had before.
        let records = Arc::new(Mutex::new(old.lock().unwrap().clone()));
        let find = || {
            let cell = Box::new(MemoryCell::new(records.clone(), None));
            Salvage::find(machine.recording.clone(), cell, LIMITS, &mut rng(6)).unwrap()
        };
        let vault = carry_out_fresh(find(), &mut rng(6)).unwrap();
        let former = world.live.keys().all(|place| vault.reader().read(*place).is_err());
        assert!(former, "entry {damaged}: a body opens by an older root");
        drop(vault);
        let found = find();
        assert!(found.stale_cell().is_none() && found.bodies() == Bodies::Kept, "entry {damaged}");
        drop(found);
        let cell = Box::new(MemoryCell::new(records.clone(), None));
        let (vault, _) = Vault::open(machine.recording.clone(), cell, LIMITS, &mut rng(7)).unwrap();
        assert!(vault.journal_entries(0).all(|entry| entry.is_ok()) && is_carried_out(&vault));
    }
}
