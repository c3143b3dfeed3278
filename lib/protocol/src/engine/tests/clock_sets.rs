//! The journal's time set back by two officers: the server's stamps, a crash behind it, the log's periods.
use super::world::World;
use crate::io::Input;
use journal::Entry;
use journal::act::{Act, Approve, DualAct, Propose};
use journal::ids::Index;
use journal::replay::Replay;
use journal::retention::DAY_MS;

/// So far the clock was put ahead.
const AHEAD_MS: u64 = 20 * DAY_MS;

/// Somebody puts the clock ahead; people go on; somebody puts it right.
fn ahead_for_a_while(world: &mut World) {
    world.now.wall_ms += AHEAD_MS;
    world.input(Input::Wake);
    world.now.wall_ms -= AHEAD_MS;
    world.wait_ms(1000);
    world.input(Input::Wake);
    assert!(world.engine.clock_ahead_ms() > AHEAD_MS - DAY_MS, "the journal's time stands");
}

/// Proposed by olga, approved by oleg; the `Approve`.
fn set_back(world: &mut World, to_ms: u64) -> Index {
    let proposal = propose(world, to_ms);
    world.act("oleg", Act::Approve(Approve { proposal })).expect("approves")
}

fn propose(world: &mut World, to_ms: u64) -> Index {
    for login in ["olga", "oleg"] {
        world.enter(login);
    }
    let act = pki::canonical::encode(&DualAct::SetClock(to_ms)).into();
    world.act("olga", Act::Propose(Propose { act })).expect("proposes")
}

fn stamps(world: &World) -> Vec<u64> {
    world.entries.iter().map(|entry| Entry::decode(entry).unwrap().wall_ms).collect()
}

/// Entries that were stamped earlier than the one before them.
fn falls(world: &World) -> Vec<Index> {
    let stamps = stamps(world);
    let pairs = stamps.windows(2).enumerate().filter(|(_, pair)| pair[1] < pair[0]);
    pairs.map(|(at, _)| at as Index + 1).collect()
}

fn replays(world: &World) {
    let mut replay = Replay::new(Some(world.log));
    world.entries.iter().for_each(|entry| drop(replay.feed(entry).expect("what was admitted replays")));
    assert_eq!(replay.register().digest(), world.register().digest());
}

#[test]
fn the_machines_clock_counts_again_behind_the_approve_and_after_a_crash() {
    let mut world = World::new(90);
    world.all_enter();
    let chat = world.talking("anna", &["boris"]);
    ahead_for_a_while(&mut world);
    let said = world.send("anna", chat).expect("people go on");
    assert!(stamps(&world)[said as usize] > world.now.wall_ms, "under the time that stands");
    let right_ms = world.now.wall_ms;
    let approve = set_back(&mut world, right_ms);
    world.wait_ms(1000);
    let said = world.send("anna", chat).expect("and on");
    assert_eq!(stamps(&world)[said as usize], world.now.wall_ms);
    assert_eq!((falls(&world), world.engine.clock_ahead_ms()), (vec![approve + 1], 0));
    replays(&world);
    world.crash();
    world.all_enter();
    world.send("boris", chat).expect("people go on behind a crash");
    assert_eq!(falls(&world), [approve + 1], "there and nowhere else");
    replays(&world);
}

#[test]
fn a_crash_right_behind_the_approve_keeps_the_time_that_it_set() {
    let mut world = World::new(91);
    world.all_enter();
    let chat = world.talking("anna", &["boris"]);
    ahead_for_a_while(&mut world);
    let right_ms = world.now.wall_ms;
    let approve = set_back(&mut world, right_ms);
    world.crash();
    assert_eq!(falls(&world), [approve + 1], "the Start is stamped by the true time");
    world.all_enter();
    world.send("anna", chat).expect("people go on");
    replays(&world);
}

#[test]
fn where_the_machines_clock_is_still_ahead_the_journals_time_goes_with_it_again() {
    let mut world = World::new(92);
    world.all_enter();
    let chat = world.talking("anna", &["boris"]);
    let right_ms = world.now.wall_ms;
    world.now.wall_ms += AHEAD_MS;
    world.input(Input::Wake);
    set_back(&mut world, right_ms);
    let said = world.send("anna", chat).expect("sent");
    assert_eq!(stamps(&world)[said as usize], world.now.wall_ms, "the act mends no clock");
    assert!(falls(&world).is_empty());
    replays(&world);
}

#[test]
fn while_the_time_stands_a_period_lasts_for_a_day_of_running_and_the_true_day_rolls_it_again() {
    let mut world = World::new(93);
    world.rolls = true;
    world.all_enter();
    let number = |world: &World| world.register().period().unwrap().number;
    ahead_for_a_while(&mut world);
    assert_eq!(number(&world), 1, "the wrong date began one");
    world.wait_ms(DAY_MS - 10_000);
    world.input(Input::Wake);
    assert_eq!(number(&world), 1);
    world.wait_ms(10_000);
    world.input(Input::Wake);
    assert_eq!(number(&world), 2, "and the next one does not wait for that date");
    let right_ms = world.now.wall_ms;
    let proposal = propose(&mut world, right_ms);
    // The next period begins right behind it: what comes back is signed by a key that is gone by then.
    let approve = world.draft("oleg", Act::Approve(Approve { proposal }));
    world.post("oleg", &approve, None);
    assert_eq!(number(&world), 3, "the day of the time set");
    world.input(Input::Wake);
    assert_eq!(number(&world), 3);
    world.wait_ms(DAY_MS);
    world.input(Input::Wake);
    assert_eq!(number(&world), 4, "one a day");
    replays(&world);
    world.crash();
    assert_eq!(number(&world), 4);
}
