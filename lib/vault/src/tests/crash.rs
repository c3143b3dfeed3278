//! Power cuts at every operation of device and cell, with a seed: nothing acknowledged is lost, nothing erased is back.

use super::*;

/// What a life does between its start and the power cut; every acknowledgement is in the world's book.
pub(super) fn day(world: &mut World, vault: &mut Vault, story: u64) -> Result<(), Error> {
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
pub(super) fn prepared(seed: u64) -> World {
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
        unlock: world.unlock,
    }
}

/// What the stories met.
#[derive(Default)]
struct Met {
    cuts: AtomicU64,
    before_cell: AtomicU64,
    after_cell: AtomicU64,
}

impl Met {
    fn count(&self, interrupted: Option<crate::Interrupted>) {
        self.cuts.fetch_add(1, Ordering::Relaxed);
        match interrupted {
            Some(crate::Interrupted::BeforeCell) => self.before_cell.fetch_add(1, Ordering::Relaxed),
            Some(crate::Interrupted::AfterCell) => self.after_cell.fetch_add(1, Ordering::Relaxed),
            None => 0,
        };
    }

    fn at_least(&self, cuts: u64, inside: u64) {
        let met = [&self.cuts, &self.before_cell, &self.after_cell].map(|met| met.load(Ordering::Relaxed));
        assert!(met[0] >= cuts && met[1] >= inside && met[2] >= inside, "{met:?}");
    }
}

/// A day that ends with a power cut at an operation, a second cut during the recovery of the first, and all that was
/// promised afterwards. Was the day long enough for the cut?
fn cut_at(start: &World, seed: u64, at: u64, met: &Met) -> bool {
    let story = format!("seed {seed}, cut at operation {at}");
    let mut world = clone_of(start);
    let machine = world.machine(CrashClock::new(at, Fault::PowerCut));
    if let Ok(mut life) = world.open(&machine) {
        let _ = day(&mut world, &mut life.vault, seed + at);
    }
    world.power_off(&machine, seed * 10_000 + at);
    let struck = machine.clock.has_struck();

    let machine = world.machine(CrashClock::new((seed + at) % 7, Fault::PowerCut));
    if let Ok(mut life) = world.open(&machine) {
        let _ = world.redo(&mut life.vault);
    }
    world.power_off(&machine, seed * 20_000 + at);

    met.count(all_is_kept(&mut world, (seed + at).is_multiple_of(5), &story));
    struck
}

/// A calm life: the acknowledged lives, what was asked for is erased and stays so, and people go on. Tells where the life
/// before it stopped.
pub(super) fn all_is_kept(world: &mut World, adversary_too: bool, story: &str) -> Option<crate::Interrupted> {
    let (machine, mut life) = world.calm();
    world.check_live(&life.vault, story);
    let durable = world.redo(&mut life.vault).unwrap();
    world.check_live(&life.vault, story);
    if adversary_too {
        world.check_opened(&world.adversary(&machine, &life.vault), &durable, story);
    }
    world.say(&mut life.vault, 999, 2).unwrap();
    world.check_live(&life.vault, story);
    life.opened.interrupted
}

#[test]
fn at_every_power_cut_the_acknowledged_lives_and_the_erased_stays_erased() {
    let met = Met::default();
    all_of(stories(28, 400), |seed| {
        let start = prepared(seed);
        let mut cuts = 0..;
        while cuts.next().is_some_and(|at| cut_at(&start, seed, at, &met)) {}
    });
    met.at_least(500, 20);
}

#[test]
fn thousands_of_seeds_each_with_a_power_cut_of_its_own() {
    let met = Met::default();
    // A world costs as much as its stories: each serves a few.
    all_of(stories(250, 10_000), |seed| {
        let seed = 1_000 + seed;
        let start = prepared(seed);
        (0..8).for_each(|number| {
            cut_at(&start, seed, rng(seed * 8 + number).next_u64() % 45, &met);
        });
    });
    met.at_least(2_000, 30);
}

#[test]
fn a_device_error_stops_the_vault_until_a_restart_and_loses_nothing() {
    let (start, mut stopped) = (prepared(50), 0);
    for (at, fault) in (0..40).flat_map(|at| [(at, Fault::Eio), (at, Fault::NoSpace)]) {
        let mut world = clone_of(&start);
        let machine = world.machine(CrashClock::new(at, fault));
        if let Ok(mut life) = world.open(&machine)
            && day(&mut world, &mut life.vault, at).is_err()
        {
            let why = life.vault.begin(Claim::Urgent, &mut rng(1)).map(|_| ()).unwrap_err();
            let poisoned = matches!(why, Error::Poisoned | Error::Disk(disk::Error::Poisoned));
            assert!(poisoned, "operation {at}: {why}");
            stopped += 1;
        }
        world.power_off(&machine, at);
        let (machine, mut life) = world.calm();
        let durable = world.redo(&mut life.vault).unwrap();
        world.check_live(&life.vault, "after the restart");
        world.check_opened(&world.adversary(&machine, &life.vault), &durable, "after the restart");
    }
    assert!(stopped > 30, "{stopped}");
}
