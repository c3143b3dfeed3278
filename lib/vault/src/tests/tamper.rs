//! Somebody changes the device or the cell between two lives: it is noticed, and named.

use disk::BLOCK;

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

fn refusal(world: &World) -> Error {
    let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
    world.open(&machine).map(|_| ()).unwrap_err()
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
    let mut noticed = 0;
    let places: Vec<Place> = world.live.keys().copied().collect();
    for place in places {
        let position = locked(&life.vault.tree).lookup(&place).unwrap().unwrap().position;
        let at = position.offset as usize / BLOCK * BLOCK..position.offset as usize / BLOCK * BLOCK + BLOCK;
        for kind in 0..2 {
            let mut changed = World { image: world.image.clone(), ..World::seeded(1) };
            changed.records = world.records.clone();
            match kind {
                0 => changed.image[position.offset as usize + 30] ^= 4,
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
