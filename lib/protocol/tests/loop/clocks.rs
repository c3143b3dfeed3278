//! Terminals whose clock is not the server's: nothing goes before its time, and nothing stays behind it.

use crate::law::{strict, two};
use crate::world::World;
use journal::act::EraseTarget;
use protocol::client::{Command, Event, Reply};

const DAY_MS: u64 = 24 * 3_600_000;
const HOUR_MS: u64 = 3_600_000;

fn is_ahead(event: &Event) -> bool {
    matches!(event, Event::ClockAhead(_))
}

fn is_alarm(event: &Event) -> bool {
    matches!(event, Event::MissingBody(..) | Event::Dropped(..) | Event::Distrust(_))
}

#[test]
fn a_tick_from_the_future_is_believed_by_nobody_before_its_time() {
    let (mut world, id) = strict(141);
    let index = world.say("anna", id, "hers");
    let whole = world.private("anna", "vera");
    world.say("anna", whole, "all of it");
    [id, whole].into_iter().for_each(|id| drop(world.screen("anna", id)));
    two(&mut world, EraseTarget::Messages(id, vec![index]), None);
    two(&mut world, EraseTarget::Conversation(whole), None);
    // A server that is in a hurry says that four days have passed, by both of its clocks.
    world.server_ahead_ms = 4 * DAY_MS;
    world.now.boot_ms += 4 * DAY_MS;
    world.terminals.get_mut("anna").unwrap().events.clear();
    world.wait_ms(60_000);
    assert!(world.facts().contains(&"tick"));
    let erased = |event: &Event| matches!(event, Event::Erased(..));
    let has = |world: &World, wanted: fn(&Event) -> bool| world.terminals["anna"].events.iter().any(wanted);
    assert!(has(&world, is_ahead) && !has(&world, erased));
    for of in [id, whole] {
        assert!(world.screen("anna", of)[0].starts_with("ahead of this clock"), "no tombstone");
    }
    assert!(!has(&world, is_alarm), "nor is a clock an alarm");
    world.server_ahead_ms = 0;
    world.now.wall_ms += 4 * DAY_MS;
    world.wait_ms(1);
    for of in [id, whole] {
        assert!(world.screen("anna", of)[0].starts_with("erased by"), "when that time has really come");
    }
}

#[test]
fn what_was_taken_goes_when_a_slow_clock_has_come_so_far() {
    let (mut world, id) = strict(158);
    let index = world.say("anna", id, "hers");
    let whole = world.private("anna", "vera");
    world.say("anna", whole, "all of it");
    [id, whole].into_iter().for_each(|id| drop(world.screen("anna", id)));
    // Everybody's clock is two hours slow, and the server's is right.
    world.server_ahead_ms = 2 * HOUR_MS;
    two(&mut world, EraseTarget::Messages(id, vec![index]), None);
    two(&mut world, EraseTarget::Conversation(whole), None);
    world.terminals.get_mut("anna").unwrap().events.clear();
    world.wait_ms(3 * DAY_MS);
    let count = |world: &World, wanted: fn(&Event) -> bool| {
        world.terminals["anna"].events.iter().filter(|event| wanted(event)).count()
    };
    let erased = |event: &Event| matches!(event, Event::Erased(..));
    let caught_up = |event: &Event| matches!(event, Event::CaughtUp);
    let tick = |world: &mut World| {
        let wall_ms = world.now.wall_ms;
        world.terminals.get_mut("anna").unwrap().client.tick(wall_ms);
        world.run();
    };
    assert!(count(&world, is_ahead) > 0, "two clocks: her person is told");
    world.cut("anna");
    world.terminals.get_mut("anna").unwrap().events.clear();
    world.reconnect("anna");
    for _ in 0..3 {
        world.wait_ms(61_000);
        tick(&mut world);
    }
    assert_eq!(
        (count(&world, erased) + count(&world, caught_up), count(&world, is_ahead)),
        (0, 1),
        "and not each minute"
    );
    (world.server_ahead_ms, world.now.wall_ms) = (0, world.now.wall_ms + 2 * HOUR_MS);
    tick(&mut world);
    assert_eq!(count(&world, erased), 2, "no page is read for it");
    assert_eq!(count(&world, caught_up), 1);
}

#[test]
fn an_erasure_ahead_of_a_clock_takes_every_copy_and_shuts_nobody_out() {
    let (mut world, id) = strict(159);
    let index = world.say("anna", id, "hers");
    world.say("anna", id, "stays");
    assert_eq!(world.screen("anna", id), ["hers", "stays"]);
    // The server's date is wrong by three days while an order takes effect, and is set right behind it.
    world.server_ahead_ms = 3 * DAY_MS;
    let (proposal, approve) = two(&mut world, EraseTarget::Messages(id, vec![index]), None);
    world.terminals.get_mut("anna").unwrap().events.clear();
    world.wait_ms(3 * DAY_MS);
    world.server_ahead_ms = 0;
    let tick = |world: &mut World| {
        let wall_ms = world.now.wall_ms;
        world.terminals.get_mut("anna").unwrap().client.tick(wall_ms);
        world.run();
    };
    // For how long whoever keeps copies gives none out: from `Lagging` on until one of the other two comes.
    let open = |world: &World| {
        let mut events = world.terminals["anna"].events.iter().rev();
        events
            .find(|event| matches!(event, Event::Lagging(_) | Event::CaughtUp | Event::ClockAhead(_)))
            .cloned()
    };
    for hour in 0..24 {
        world.wait_ms(HOUR_MS);
        tick(&mut world);
        assert!(matches!(open(&world), Some(Event::ClockAhead(_))), "after {hour} hours");
    }
    let ahead = format!("ahead of this clock, #{approve}");
    assert_eq!(world.screen("anna", id), [ahead.as_str(), "stays"]);
    let Reply::Orders(views, unshown) = world.ask("anna", Command::Orders(None)).unwrap() else { panic!() };
    assert_eq!((views.len(), unshown.unproven, unshown.ahead), (0, vec![], vec![proposal]));
    assert!(!world.terminals["anna"].events.iter().any(is_alarm), "an honest server is not accused");
    world.wait_ms(3 * DAY_MS);
    tick(&mut world);
    assert!(matches!(open(&world), Some(Event::CaughtUp)));
    assert!(world.screen("anna", id)[0].starts_with("erased by"));
}
