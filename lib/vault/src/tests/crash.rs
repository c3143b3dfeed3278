//! Power cuts at every operation of device and cell, with a seed: nothing acknowledged is lost, nothing erased is back.

use super::*;

/// What a life does between its start and the power cut; every acknowledgement is in the world's book.
fn day(world: &mut World, vault: &mut Vault, story: u64) -> Result<(), Error> {
    world.redo(vault)?;
    let fresh = 100 + world.next_item;
    world.say(vault, fresh, 2)?;
    let victim = *world.live.keys().nth(story as usize % world.live.len()).unwrap();
    let target = match story % 3 {
        0 => Target::Place(victim),
        1 => Target::Place(Place { chunk: None, ..victim }),
        _ => Target::Conversation(victim.conversation),
    };
    let number = world.ask(vault, vec![target])?;
    world.erase(vault, number)?;
    world.say(vault, fresh + 1, 3)?;
    let mut random = rng(story);
    sweep(vault, &mut random)?;
    world.say(vault, fresh + 2, 2)?;
    Ok(())
}

/// A world with something folded, something pending, and one epoch behind it.
fn prepared(seed: u64) -> World {
    let mut world = World::seeded(seed);
    world.padding = if seed % 2 == 1 { 9_000 } else { 0 };
    let (machine, mut life) = world.calm();
    for round in 0..3 + seed % 4 {
        world.say(&mut life.vault, 1 + (seed + round) % 3, 1 + (seed + round) % 4).unwrap();
    }
    day(&mut world, &mut life.vault, seed).unwrap();
    drop(life);
    world.power_off(&machine, seed);
    world
}

pub(super) fn clone_of(world: &World) -> World {
    World {
        image: world.image.clone(),
        records: Arc::new(Mutex::new(world.records.lock().unwrap().clone())),
        history: world.history.clone(),
        random: rng(world.next_item),
        live: world.live.clone(),
        intents: world.intents.clone(),
        next_item: world.next_item,
        padding: world.padding,
    }
}

#[test]
fn at_every_power_cut_the_acknowledged_lives_and_the_erased_stays_erased() {
    let (mut cuts, mut before_cell, mut after_cell) = (0, 0, 0);
    for seed in 0..28 {
        let start = prepared(seed);
        for at in 0.. {
            let story = format!("seed {seed}, cut at operation {at}");
            let mut world = clone_of(&start);
            let machine = world.machine(CrashClock::new(at, Fault::PowerCut));
            if let Ok(mut life) = world.open(&machine) {
                let _ = day(&mut world, &mut life.vault, seed + at);
            }
            world.power_off(&machine, seed * 10_000 + at);
            let struck = machine.clock.has_struck();

            // A second cut during the recovery of the first.
            let machine = world.machine(CrashClock::new((seed + at) % 7, Fault::PowerCut));
            if let Ok(mut life) = world.open(&machine) {
                let _ = world.redo(&mut life.vault);
            }
            world.power_off(&machine, seed * 20_000 + at);

            let (machine, mut life) = world.calm();
            before_cell += usize::from(life.opened.interrupted == Some(crate::Interrupted::BeforeCell));
            after_cell += usize::from(life.opened.interrupted == Some(crate::Interrupted::AfterCell));
            world.check_live(&life.vault, &story);
            let durable = world.redo(&mut life.vault).unwrap();
            world.check_live(&life.vault, &story);
            if (seed + at) % 5 == 0 {
                world.check_opened(&world.adversary(&machine, &life.vault), &durable, &story);
            }
            world.say(&mut life.vault, 999, 2).unwrap();
            world.check_live(&life.vault, &story);
            cuts += 1;
            if !struck {
                break;
            }
        }
    }
    assert!(cuts > 500 && before_cell > 20 && after_cell > 20, "{cuts} {before_cell} {after_cell}");
}

#[test]
fn a_device_error_stops_the_vault_until_a_restart_and_loses_nothing() {
    let start = prepared(50);
    for (at, fault) in (0..40).flat_map(|at| [(at, Fault::Eio), (at, Fault::NoSpace)]) {
        let mut world = clone_of(&start);
        let machine = world.machine(CrashClock::new(at, fault));
        if let Ok(mut life) = world.open(&machine)
            && day(&mut world, &mut life.vault, at).is_err()
        {
            let stopped = life.vault.begin(true, &mut rng(1)).map(|_| ()).unwrap_err();
            let poisoned = matches!(stopped, Error::Poisoned | Error::Disk(disk::Error::Poisoned));
            assert!(poisoned, "operation {at}: {stopped}");
        }
        world.power_off(&machine, at);
        let (machine, mut life) = world.calm();
        let durable = world.redo(&mut life.vault).unwrap();
        world.check_live(&life.vault, "after the restart");
        world.check_opened(&world.adversary(&machine, &life.vault), &durable, "after the restart");
    }
}
