//! Somebody changes the device or the cell between two lives: it is noticed, and named.

use std::sync::mpsc;
use std::time::Duration;

use disk::BLOCK;

use super::crash::clone_of;
use super::*;
use crate::CellSlot;
use crate::vault::locked;

fn world_of_two_epochs() -> (World, Vec<u8>, [Vec<u8>; 3]) {
    let mut world = World::seeded(30);
    let (machine, mut life) = world.calm();
    for conversation in 1..6 {
        world.say(&mut life.vault, conversation, 5).unwrap();
    }
    drop(life);
    world.power_off(&machine, 0);
    let (old_image, old_cell) = (world.image.clone(), world.records.lock().unwrap().clone());
    let (machine, mut life) = world.calm();
    let number = world.ask(&mut life.vault, vec![Target::Conversation(3)]).unwrap();
    world.erase(&mut life.vault, number).unwrap();
    drop(life);
    world.power_off(&machine, 0);
    (world, old_image, old_cell)
}

fn refusal_or_none(world: &World) -> Option<Error> {
    let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
    world.open(&machine).err()
}

fn refusal(world: &World) -> Error {
    refusal_or_none(world).unwrap()
}

#[test]
fn a_rolled_back_device_is_refused() {
    let (mut world, old_image, _) = world_of_two_epochs();
    world.image = old_image;
    let refused = refusal(&world);
    assert!(matches!(refused, Error::StoreBehindCell { store_epoch: 0, cell_epoch: 1, .. }), "{refused}");
}

#[test]
fn a_rolled_back_a_torn_and_an_empty_cell_are_refused() {
    let (world, _, old_cell) = world_of_two_epochs();
    *world.records.lock().unwrap() = old_cell;
    assert!(matches!(refusal(&world), Error::CellBehindStore { store_epoch: 1, cell_epoch: 0 }));
    world.records.lock().unwrap()[CellSlot::Even.index()][20] ^= 1;
    assert!(matches!(refusal(&world), Error::NoRoot(_)));
    world.records.lock().unwrap()[CellSlot::Device.index()].clear();
    assert!(matches!(refusal(&world), Error::NoRoot(_)));
}

#[test]
fn flipped_zeroed_and_rolled_back_blocks_are_noticed() {
    let (world, old_image, _) = world_of_two_epochs();
    let (_, mut life) = world.calm();
    let (mut noticed, mut random) = (0, rng(5));
    let places: Vec<Place> = world.live.keys().copied().collect();
    for place in places {
        let position = locked(&life.vault.tree).lookup(&place).unwrap().unwrap().position;
        let at = position.offset as usize / BLOCK * BLOCK..position.offset as usize / BLOCK * BLOCK + BLOCK;
        for kind in 0..4 {
            let mut changed = World { image: world.image.clone(), ..World::seeded(1) };
            changed.records = world.records.clone();
            // Any bit of the sealed body, by seed; then all of its block.
            let bit = random.next_u64() as usize % (position.length as usize * 8);
            match kind {
                0..3 => changed.image[position.offset as usize + bit / 8] ^= 1 << (bit % 8),
                _ => changed.image[at.clone()].fill(0),
            }
            let machine = changed.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
            let Ok(other) = changed.open(&machine) else { continue }; // Noticed at the start: as good.
            let read = other.vault.reader().read(place);
            assert!(matches!(read, Err(Error::Damaged { .. })), "{place:?}");
            noticed += 1;
        }
    }
    assert!(noticed > 20);
    // A block of the tree as it was an epoch ago (never written then: zeros).
    let top = locked(&life.vault.tree).top_at.position.offset as usize / BLOCK * BLOCK;
    let mut changed = World::seeded(1);
    (changed.image, changed.records) = (world.image.clone(), world.records.clone());
    changed.image[top..top + BLOCK].copy_from_slice(&old_image[top..top + BLOCK]);
    assert!(matches!(refusal(&changed), Error::Damaged { .. } | Error::Disk(_)));
    life.vault.fold(&mut rng(1)).unwrap();
}

/// Five batches of one message of one size each, and the block that each batch's bodies fill.
fn world_of_five_equal_batches() -> (World, Vec<usize>) {
    let mut world = World::seeded(31);
    let (machine, mut life) = world.calm();
    let places: Vec<Place> = (1..=5).map(|item| Place::item(1, item)).collect();
    for place in &places {
        let mut batch = life.vault.begin(Claim::Ordinary, &mut world.random).unwrap();
        batch.insert(*place, &[b'm'; 500]).unwrap();
        batch.commit([7; 32]).unwrap();
    }
    let mut tree = locked(&life.vault.tree);
    let offset = |place| tree.lookup(place).unwrap().unwrap().position.offset as usize;
    let offsets: Vec<usize> = places.iter().map(offset).collect();
    assert!(
        offsets.iter().all(|offset| offset % BLOCK == offsets[0] % BLOCK),
        "or no list fits another's place"
    );
    drop(tree);
    drop(life);
    world.power_off(&machine, 0);
    (world, offsets.iter().map(|offset| offset / BLOCK * BLOCK).collect())
}

#[test]
fn a_list_of_leaf_keys_in_the_place_of_another_is_noticed() {
    let (world, blocks) = world_of_five_equal_batches();
    // The older one would hide what came between; the newer one would lead a start round and round.
    for (from, to) in [(1, 3), (3, 1)] {
        let mut changed = clone_of(&world);
        changed.image.copy_within(blocks[from]..blocks[from] + BLOCK, blocks[to]);
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || tell.send(refusal_or_none(&changed)));
        let refused = told.recv_timeout(Duration::from_secs(60)).expect("a start ends");
        assert!(matches!(refused, Some(Error::Damaged { .. })), "{from} over {to}: {refused:?}");
    }
}

#[test]
fn where_the_cell_does_not_take_the_log_nothing_of_it_is_written_over() {
    let mut world = World::seeded(32);
    let (machine, mut life) = world.calm();
    (1..4).for_each(|conversation| world.say(&mut life.vault, conversation, 3).unwrap());
    let number = world.ask(&mut life.vault, vec![Target::Conversation(2)]).unwrap();
    let intended = life.vault.begin_erasure(&world.intents[number]).unwrap();
    let written = life.vault.write_tree(intended, &mut world.random).unwrap();
    life.vault.replace_cell(written).unwrap();
    let top = locked(&life.vault.tree).top_at.position.offset as usize;
    drop(life);
    world.power_off(&machine, 0);
    // One wrong byte in the last batch, which the cell names: at a second look the byte may be right again.
    world.image[top + 30] ^= 1;
    let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
    let refused = world.open(&machine).map(|_| ()).unwrap_err();
    assert!(matches!(refused, Error::StoreBehindCell { store_epoch: 0, cell_epoch: 1, .. }), "{refused}");
    assert_eq!(machine.recording.writes().len(), world.history.len(), "nothing was written");
    let cell = Box::new(crate::MemoryCell::new(world.records.clone(), None));
    let refused = crate::grow(machine.recording.clone(), cell, &mut rng(6)).unwrap_err();
    assert!(matches!(refused, Error::StoreBehindCell { .. }), "{refused}");
    assert_eq!(machine.recording.writes().len(), world.history.len(), "nor by a growth");
    world.image[top + 30] ^= 1;
    let (_, mut life) = world.calm();
    assert_eq!(life.opened.interrupted, Some(crate::Interrupted::AfterCell));
    world.check_live(&life.vault, "the byte is right again");
    world.redo(&mut life.vault).unwrap();
}
