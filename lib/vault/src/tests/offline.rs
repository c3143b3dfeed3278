//! The making of a store, cut off at every operation: what stands there is told, and the same making finishes it.

use super::*;
use crate::cell::CellSlot;
use crate::{Keeper, Standing, grow};

fn keeper(records: &CellRecords, clock: Option<Arc<CrashClock>>) -> Keeper {
    Keeper::from(Box::new(MemoryCell::new(records.clone(), clock)))
}

fn standing(world: &World) -> Standing {
    let (machine, mut keeper) =
        (world.machine(CrashClock::new(u64::MAX, Fault::PowerCut)), keeper(&world.records, None));
    keeper.standing(machine.recording.clone(), &mut rng(4)).unwrap()
}

fn blank() -> World {
    let mut world = World::seeded(70);
    world.image = vec![0; world.image.len()];
    world.records.lock().unwrap().iter_mut().for_each(Vec::clear);
    world.history.clear();
    world
}

#[test]
fn a_making_that_was_cut_off_is_told_and_made_once_more() {
    let (mut nothing, mut unfinished) = (0, 0);
    for at in 0.. {
        let mut made = false;
        for seed in 0..8 {
            let mut world = blank();
            let clock = CrashClock::new(at, Fault::PowerCut);
            let machine = world.machine(clock.clone());
            let cells = keeper(&world.records, Some(clock));
            let vault =
                Vault::create(machine.recording.clone(), cells, GEOMETRY, LIMITS, &mut rng(seed)).map(drop);
            made = vault.is_ok();
            world.power_off(&machine, seed);
            match standing(&world) {
                Standing::Store(_) => {}
                Standing::NoStore { rooted, .. } => {
                    assert!(!rooted && !made, "cut {at}");
                    nothing += 1;
                }
                Standing::Unfinished(_) => {
                    assert!(!made, "cut {at}");
                    unfinished += 1;
                }
                Standing::RootLost(_) => panic!("cut {at}: nothing was ever in it"),
            }
            if !matches!(standing(&world), Standing::Store(_)) {
                let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
                let mut cells = keeper(&world.records, None);
                cells.give_up().unwrap();
                Vault::create(machine.recording.clone(), cells, GEOMETRY, LIMITS, &mut rng(9)).unwrap();
                world.power_off(&machine, seed);
            }
            assert!(matches!(standing(&world), Standing::Store(_)), "cut {at}");
            let (_, mut life) = world.calm();
            world.say(&mut life.vault, 1, 3).unwrap();
            world.check_live(&life.vault, "made once more");
        }
        if made {
            break;
        }
    }
    assert!(nothing > 0 && unfinished > 0, "{nothing} {unfinished}");
    // The very last write, torn: half a root.
    let world = World::seeded(70);
    world.records.lock().unwrap()[CellSlot::Even.index()].truncate(60);
    assert!(matches!(standing(&world), Standing::Unfinished(_)));
}

#[test]
fn a_store_that_holds_entries_is_never_taken_for_an_unfinished_one() {
    let mut world = World::seeded(71);
    let (machine, mut life) = world.calm();
    world.ask(&mut life.vault, Vec::new()).unwrap();
    let store = life.vault.store();
    drop(life);
    world.power_off(&machine, 1);
    assert_eq!(standing(&world), Standing::Store(store));
    let whole = world.records.lock().unwrap().clone();
    for slot in [CellSlot::Even, CellSlot::Odd] {
        world.records.lock().unwrap()[slot.index()].clear();
    }
    assert_eq!(standing(&world), Standing::RootLost(store));
    *world.records.lock().unwrap() = whole;
    world.image = vec![0; world.image.len()];
    assert_eq!(standing(&world), Standing::NoStore { rooted: true, keyed: true });
}

#[test]
fn a_store_that_has_grown_opens_with_all_its_bodies() {
    let mut world = World::seeded(72);
    let (machine, mut life) = world.calm();
    world.say(&mut life.vault, 1, 5).unwrap();
    drop(life);
    world.power_off(&machine, 1);
    world.image.resize(world.image.len() + 10 * 64 * 1024, 0);
    let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
    let grown = grow(machine.recording.clone(), keeper(&world.records, None), &mut rng(1)).unwrap();
    assert_eq!((grown.before.extents, grown.after.extents), (64, 74));
    world.power_off(&machine, 2);
    let (_, mut life) = world.calm();
    assert_eq!(life.vault.space().extents, 74);
    world.check_live(&life.vault, "grown");
    world.say(&mut life.vault, 2, 5).unwrap();
}
