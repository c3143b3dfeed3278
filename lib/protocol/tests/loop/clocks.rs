//! Terminals whose clock is not the server's: nothing goes before its time, and nothing stays behind it.

use crate::law::{strict, two};
use crate::world::World;
use journal::act::EraseTarget;
use protocol::client::{Event, What};

const DAY_MS: u64 = 24 * 3_600_000;
const HOUR_MS: u64 = 3_600_000;

#[test]
fn a_tick_from_the_future_takes_no_copy_before_its_time() {
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
    let dropped = |event: &Event| matches!(event, Event::Dropped(_, What::Clock));
    let has = |world: &World, wanted: fn(&Event) -> bool| world.terminals["anna"].events.iter().any(wanted);
    assert!(has(&world, dropped) && !has(&world, erased));
    assert_eq!(world.screen("anna", id), ["missing!"], "an alarm, and no tombstone");
    assert_eq!(world.screen("anna", whole), ["missing!"]);
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
    let told = |event: &Event| matches!(event, Event::Dropped(_, What::Clock));
    let erased = |event: &Event| matches!(event, Event::Erased(..));
    let caught_up = |event: &Event| matches!(event, Event::CaughtUp);
    let tick = |world: &mut World| {
        let wall_ms = world.now.wall_ms;
        world.terminals.get_mut("anna").unwrap().client.tick(wall_ms);
        world.run();
    };
    assert!(count(&world, told) > 0, "two clocks: her person is told");
    world.cut("anna");
    world.terminals.get_mut("anna").unwrap().events.clear();
    world.reconnect("anna");
    for _ in 0..3 {
        world.wait_ms(61_000);
        tick(&mut world);
    }
    assert_eq!(
        count(&world, erased) + count(&world, caught_up) + count(&world, told),
        0,
        "and not each minute"
    );
    (world.server_ahead_ms, world.now.wall_ms) = (0, world.now.wall_ms + 2 * HOUR_MS);
    tick(&mut world);
    assert_eq!(count(&world, erased), 2, "no page is read for it");
    assert_eq!(count(&world, caught_up), 1);
}
