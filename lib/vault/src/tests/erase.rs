//! Erasure: what it costs, what it leaves, and that the adversary would notice if it were skipped.

use std::sync::atomic::{AtomicU64, Ordering};

use zeroize::Zeroizing;

use super::*;
use crate::sabotage::Sabotage;
use crate::vault::locked;
use crate::{CellError, CellKind, CellSlot, RootCell, Rows};

/// Five conversations, some of it folded, some still pending.
fn filled(seed: u64) -> World {
    let mut world = World::seeded(seed);
    let (machine, mut life) = world.calm();
    for round in 0..4 {
        for conversation in [1, 2, 3, 64, 65] {
            world.say(&mut life.vault, conversation, 1 + (round + conversation) % 3).unwrap();
        }
    }
    drop(life);
    world.power_off(&machine, seed);
    world
}

/// One message, one file, one chunk of another file, and a conversation.
fn targets(world: &World) -> Vec<Target> {
    let message = world.live.keys().find(|place| place.chunk.is_none()).unwrap();
    let mut files = world.live.keys().filter(|place| place.chunk == Some(1));
    let (file, other) = (files.next().unwrap(), files.next_back().unwrap());
    vec![
        Target::Place(*message),
        Target::Place(Place { chunk: None, ..*file }),
        Target::Place(*other),
        Target::Conversation(64),
    ]
}

#[test]
fn the_adversary_opens_all_that_lives_and_nothing_that_was_erased() {
    for seed in 0..6 {
        let mut world = filled(seed);
        let (machine, mut life) = world.calm();
        let everything = world.live.clone();
        let before = world.adversary(&machine, &life.vault);
        assert!(everything.keys().all(|place| before.contains_key(place)), "before it all opens");
        let asked = targets(&world);
        let number = world.ask(&mut life.vault, asked).unwrap();
        world.erase(&mut life.vault, number).unwrap();
        assert!(world.live.len() < everything.len());
        world.check_live(&life.vault, "after an erasure");
        let opened = world.adversary(&machine, &life.vault);
        world.check_opened(&opened, &[number], "after an erasure");
        // Life goes on over the new root, and a second epoch takes from it.
        for conversation in [1, 2, 66] {
            world.say(&mut life.vault, conversation, 4).unwrap();
        }
        let last = *world.live.keys().last().unwrap();
        let second = world.ask(&mut life.vault, vec![Target::Place(last)]).unwrap();
        world.erase(&mut life.vault, second).unwrap();
        let opened = world.adversary(&machine, &life.vault);
        world.check_opened(&opened, &[number, second], "after a second erasure");
        for place in everything.keys().filter(|place| !world.live.contains_key(place)) {
            assert!(matches!(life.vault.reader().read(*place), Err(Error::Missing(_))));
        }
        drop(life);
        world.power_off(&machine, seed);
        let (_, life) = world.calm();
        world.check_live(&life.vault, "after a restart");
        assert_eq!(life.vault.epoch(), 2);
    }
}

/// Runs one erasure with a fault put in; gives how many erased bodies the adversary opens.
fn brought_back(sabotage: Sabotage, keep_old_cell: bool) -> usize {
    let mut world = filled(11);
    let (machine, mut life) = world.calm();
    world.say(&mut life.vault, 64, 2).unwrap(); // Something that is only pending, too.
    let everything = world.live.clone();
    let old_cell = Arc::new(Mutex::new(world.records.lock().unwrap().clone()));
    let asked = targets(&world);
    let number = world.ask(&mut life.vault, asked).unwrap();
    locked(&life.vault.tree).sabotage = sabotage;
    world.erase(&mut life.vault, number).unwrap();
    let records = if keep_old_cell { old_cell } else { world.records.clone() };
    let opened = world.adversary_with(&machine, &life.vault, &records);
    everything.keys().filter(|place| !world.live.contains_key(place) && opened.contains_key(place)).count()
}

#[test]
fn an_erasure_that_keeps_something_back_is_caught() {
    assert_eq!(brought_back(Sabotage::None, false), 0);
    let slot = brought_back(Sabotage::None, true);
    assert!(slot > 4, "slot e kept: all of it must open");
    let path = brought_back(Sabotage::KeepPathKeys, false);
    assert!(path > 0, "path keys kept: stale nodes must open");
    let j = brought_back(Sabotage::KeepJ, false);
    assert!(j > 0, "J kept: stale pending lists must open");
    told(format_args!(
        "caught: a cell that keeps the old slot, {slot} bodies; the keys of the path kept, {path}; J kept, {j}"
    ));
}

#[test]
fn a_pending_root_that_serves_two_tree_writes_is_caught() {
    let back = |sabotage: Sabotage| {
        let mut world = filled(15);
        let (machine, mut life) = world.calm();
        let first = world.ask(&mut life.vault, vec![Target::Conversation(2)]).unwrap();
        locked(&life.vault.tree).sabotage = sabotage;
        let intended = life.vault.begin_erasure(&world.intents[first]).unwrap();
        let written = life.vault.write_tree(intended, &mut rng(1)).unwrap();
        drop((written, life)); // The power goes between (b) and (c).
        world.power_off(&machine, 1);
        let (machine, mut life) = world.calm();
        locked(&life.vault.tree).sabotage = sabotage;
        // The redo takes one more with it.
        let erased: Vec<Target> = vec![Target::Conversation(2), Target::Conversation(3)];
        let number = world.ask(&mut life.vault, erased).unwrap();
        world.erase(&mut life.vault, number).unwrap();
        let opened = world.adversary(&machine, &life.vault);
        opened.keys().filter(|place| place.conversation == 3).count()
    };
    assert_eq!(back(Sabotage::None), 0);
    let caught = back(Sabotage::SameRoot([9; 32]));
    assert!(caught > 3, "the stale tree write opens under the root of the second");
    told(format_args!("caught: a root that serves two tree writes, {caught} bodies"));
}

#[test]
fn with_an_erasure_the_mask_of_every_former_key_is_wiped() {
    let mut world = filled(13);
    let (_, mut life) = world.calm();
    world.check_live(&life.vault, "every path is in the cache");
    let number = world.ask(&mut life.vault, vec![Target::Conversation(2)]).unwrap();
    let former = Arc::downgrade(&locked(&life.vault.tree).mask);
    world.erase(&mut life.vault, number).unwrap();
    assert!(former.upgrade().is_none(), "some key still lies under the former mask");
    world.check_live(&life.vault, "the rest opens under the new one");
}

#[test]
fn two_tree_writes_before_one_cell_leave_nothing_behind() {
    let mut world = filled(12);
    let (machine, mut life) = world.calm();
    let first = world.ask(&mut life.vault, vec![Target::Conversation(2)]).unwrap();
    let intended = life.vault.begin_erasure(&world.intents[first]).unwrap();
    let written = life.vault.write_tree(intended, &mut rng(1)).unwrap();
    drop((written, life)); // The power goes between (b) and (c).
    world.power_off(&machine, 3);

    let (machine, mut life) = world.calm();
    assert_eq!(life.opened.interrupted, Some(crate::Interrupted::BeforeCell));
    world.say(&mut life.vault, 70, 5).unwrap();
    let second = world.ask(&mut life.vault, vec![Target::Conversation(70), Target::Conversation(1)]).unwrap();
    let done = world.redo(&mut life.vault).unwrap();
    assert_eq!(done, [first, second]);
    world.check_live(&life.vault, "after both");
    world.check_opened(&world.adversary(&machine, &life.vault), &done, "after both");
    assert_eq!(life.vault.epoch(), 2);
}

/// A vault with one conversation of `messages`, all folded.
fn one_conversation(messages: u64) -> (World, Machine, Life) {
    let world = World::seeded(messages);
    let (machine, mut life) = world.calm();
    locked(&life.vault.tree).limits.nodes_cached = 16_384;
    life.vault.limits = Limits { fold_leaves: 4096, ..Limits::default() };
    let mut random = rng(1);
    for start in (0..messages).step_by(500) {
        let mut batch = life.vault.begin(Claim::Ordinary, &mut random).unwrap();
        (start..messages.min(start + 500))
            .for_each(|item| batch.insert(Place::item(1, item), b"text").unwrap());
        batch.commit([0; 32]).unwrap();
    }
    life.vault.fold(&mut random).unwrap();
    (world, machine, life)
}

#[test]
fn a_whole_conversation_costs_what_one_message_costs() {
    let mut costs = Vec::new();
    for messages in [4_000, 8_000] {
        for target in [Target::Place(Place::item(1, 77)), Target::Conversation(1)] {
            let (_, machine, mut life) = one_conversation(messages);
            let before = machine.recording.bytes_written();
            let intended = life.vault.begin_erasure(&[target]).unwrap();
            let written = life.vault.write_tree(intended, &mut rng(2)).unwrap();
            costs.push(machine.recording.bytes_written() - before);
            let replaced = life.vault.replace_cell(written).unwrap();
            life.vault.destroy_old_slot(replaced).unwrap();
        }
    }
    // One path of nodes (at most 4 KiB each), the top, and the commit record's block.
    assert!(costs.iter().all(|cost| *cost <= 6 * 4096), "{costs:?}");
    assert!(costs[1] <= costs[0] && costs[3] <= costs[2], "{costs:?}");
}

#[test]
fn an_insert_costs_the_same_in_a_small_and_in_a_large_store() {
    let cost = |messages| {
        let (_, machine, mut life) = one_conversation(messages);
        let before = machine.recording.bytes_written();
        let mut random = rng(3);
        let mut batch = life.vault.begin(Claim::Ordinary, &mut random).unwrap();
        for item in messages..messages + 50 {
            batch.insert(Place::item(1, item), b"text").unwrap();
        }
        batch.commit([0; 32]).unwrap();
        life.vault.fold(&mut random).unwrap();
        machine.recording.bytes_written() - before
    };
    let (small, large) = (cost(200), cost(9_000));
    assert!(large <= small + 3 * 4096, "{small} {large}");
}

#[test]
fn dead_extents_are_given_back_and_live_ones_are_not() {
    let mut world = World::seeded(20);
    let (machine, mut life) = world.calm();
    for conversation in 1..22 {
        let mut random = rng(conversation);
        let mut batch = life.vault.begin(Claim::Ordinary, &mut random).unwrap();
        for item in 0..4 {
            let place = Place::item(conversation, item);
            let large = vec![conversation as u8; 25_000];
            batch.insert(place, &large).unwrap();
            world.live.insert(place, large);
        }
        batch.snapshot(&Rows::default(), &[1; 100]).unwrap();
        batch.commit([0; 32]).unwrap();
    }
    let full = life.vault.space();
    let mut random = rng(21);
    let dead = sweep(&mut life.vault, &mut random).unwrap();
    world.check_live(&life.vault, "a sweep of living extents");
    let number = world.ask(&mut life.vault, (1..16).map(Target::Conversation).collect()).unwrap();
    world.erase(&mut life.vault, number).unwrap();
    let freed = sweep(&mut life.vault, &mut random).unwrap();
    assert!(freed > 15, "{dead} {freed} {full:?} {:?}", life.vault.space());
    world.check_live(&life.vault, "a sweep after an erasure");
    for conversation in 100..120 {
        world.say(&mut life.vault, conversation, 9).unwrap();
    }
    world.check_live(&life.vault, "extents in use again");
    drop(life);
    world.power_off(&machine, 1);
    let (_, life) = world.calm();
    world.check_live(&life.vault, "and after a restart");
    assert!(life.vault.reader().snapshot(life.vault.snapshots()[1].unwrap(), |_| {}).is_ok());
}

#[test]
fn on_a_full_device_messages_stop_and_erasure_makes_room_again() {
    let mut world = World::seeded(40);
    let (machine, mut life) = world.calm();
    let mut conversation = 1;
    let full = loop {
        let mut random = rng(conversation);
        let mut batch = life.vault.begin(Claim::Ordinary, &mut random).unwrap();
        let (place, large) = (Place::item(conversation, 1), vec![conversation as u8; 50_000]);
        let inserted = batch.insert(place, &large);
        match inserted.and_then(|()| batch.commit([0; 32])) {
            Ok(_) => world.live.insert(place, large),
            Err(error) => break error,
        };
        conversation += 1;
    };
    assert!(matches!(full, Error::Disk(disk::Error::Full { free: 4, reserve: 4, .. })), "{full}");
    world.check_live(&life.vault, "a full device loses nothing");
    // Erasures, their journal entries and the verifiers of people still have room.
    let (mut random, mut freed) = (rng(41), 0);
    for target in 1..8 {
        let targets = [2 * target - 1, 2 * target].map(Target::Conversation).to_vec();
        let number = world.ask(&mut life.vault, targets).unwrap();
        world.erase(&mut life.vault, number).unwrap();
        let mut batch = life.vault.begin(Claim::Urgent, &mut random).unwrap();
        batch.verifier([1; 8], Some(b"verifier")).unwrap();
        batch.commit([0; 32]).unwrap();
        freed += sweep(&mut life.vault, &mut random).unwrap();
    }
    assert!(freed >= 6, "{freed}");
    world.say(&mut life.vault, 500, 3).unwrap();
    world.check_live(&life.vault, "room again");
    drop(life);
    world.power_off(&machine, 1);
    let (machine, life) = world.calm();
    world.check_live(&life.vault, "and after a restart");
    world.check_opened(&world.adversary(&machine, &life.vault), &[0, 1, 2, 3, 4, 5, 6], "full device");
}

/// Counts how often a slot is destroyed.
struct Counting(MemoryCell, Arc<AtomicU64>);

impl RootCell for Counting {
    fn kind(&self) -> CellKind {
        self.0.kind()
    }
    fn read(&self, slot: CellSlot) -> Result<Zeroizing<Vec<u8>>, CellError> {
        self.0.read(slot)
    }
    fn is_blank(&self, spared: Option<CellSlot>) -> Result<bool, CellError> {
        self.0.is_blank(spared)
    }
    fn write(&mut self, slot: CellSlot, record: &[u8]) -> Result<(), CellError> {
        self.0.write(slot, record)
    }
    fn settle(&mut self) -> Result<(), CellError> {
        self.0.settle()
    }
    fn destroy(&mut self, slot: CellSlot) -> Result<(), CellError> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.destroy(slot)
    }
}

#[test]
fn a_start_behind_a_destruction_that_may_not_be_whole_destroys_once_more() {
    let mut world = filled(16);
    let (machine, mut life) = world.calm();
    let number = world.ask(&mut life.vault, vec![Target::Conversation(2)]).unwrap();
    let intended = life.vault.begin_erasure(&world.intents[number]).unwrap();
    let written = life.vault.write_tree(intended, &mut rng(1)).unwrap();
    let replaced = life.vault.replace_cell(written).unwrap();
    life.vault.destroy_old_slot(replaced).unwrap();
    drop(life); // The slot reads as empty; whether all of (d) was done, nobody knows.
    world.power_off(&machine, 1);
    for (destroyed, interrupted) in [(1, Some(crate::Interrupted::AfterCell)), (0, None)] {
        let count = Arc::<AtomicU64>::default();
        let device = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
        let cell = Counting(MemoryCell::new(world.records.clone(), None), Arc::clone(&count));
        let (mut vault, opened) =
            Vault::open(device.recording.clone(), Box::new(cell), LIMITS, &mut rng(5)).unwrap();
        assert_eq!((count.load(Ordering::SeqCst), opened.interrupted), (destroyed, interrupted));
        world.say(&mut vault, 7, 1).unwrap();
        world.check_live(&vault, "both times");
        drop(vault);
        world.power_off(&device, 1);
    }
}
