//! A new key for the log each day: terminals that are here, that were away, and that did not read for a while.

use crate::world::World;
use journal::retention::DAY_MS;
use protocol::client::Event;
use protocol::frame::ToTerminal;
use std::cell::RefCell;
use std::rc::Rc;

fn two(number: u64) -> (World, journal::ConversationId) {
    let mut world = World::new(number);
    world.rolls = true;
    ["anna", "boris"].iter().for_each(|login| world.arrive(login));
    let id = world.private("anna", "boris");
    world.say("anna", id, "yesterday");
    (world, id)
}

fn period_of(world: &World, login: &str) -> u64 {
    world.terminals[login].record.as_ref().unwrap().period.as_ref().unwrap().period
}

fn complaints(world: &World, login: &str) -> usize {
    let bad = |event: &&Event| matches!(event, Event::Dropped(..) | Event::Distrust(_) | Event::Ended(_));
    world.terminals[login].events.iter().filter(bad).count()
}

#[test]
fn terminals_follow_a_new_day_and_go_on_from_it() {
    let (mut world, id) = two(180);
    world.wait_ms(DAY_MS);
    assert_eq!(world.facts_named("key-roll").len(), 2);
    world.say("boris", id, "today");
    assert_eq!(world.screen("anna", id), ["yesterday", "today"]);
    world.wait_ms(DAY_MS);
    world.say("anna", id, "tomorrow");
    world.wait_ms(10_000);
    for login in ["anna", "boris"] {
        assert_eq!((period_of(&world, login), complaints(&world, login)), (2, 0), "{login}");
    }
    assert_eq!(world.secrets.keys().copied().collect::<Vec<_>>(), [2], "the others are gone");
}

#[test]
fn a_terminal_that_was_away_for_days_follows_all_of_them() {
    let (mut world, id) = two(181);
    world.cut("boris");
    for _ in 0..3 {
        world.wait_ms(DAY_MS);
    }
    world.say("anna", id, "three days later");
    world.restart_terminal("boris");
    assert_eq!(world.screen("boris", id), ["yesterday", "three days later"]);
    assert_eq!((period_of(&world, "boris"), complaints(&world, "boris")), (3, 0));
}

#[test]
fn a_server_that_starts_on_another_day_rolls_and_is_believed() {
    let (mut world, id) = two(182);
    world.now.wall_ms += 4 * DAY_MS;
    world.restart(None);
    assert_eq!(world.facts_named("period-end").len(), 1, "one for all the days without power");
    for login in ["anna", "boris"] {
        world.reconnect(login);
    }
    world.say("anna", id, "here again");
    assert_eq!(world.screen("boris", id), ["yesterday", "here again"]);
    assert_eq!(complaints(&world, "boris"), 0);
}

/// The roll comes also to whoever gets no other push: without it no answer would verify.
#[test]
fn a_terminal_that_gets_no_pushes_gets_the_roll() {
    let (mut world, id) = two(183);
    let rolls = Rc::new(RefCell::new(0));
    let seen = Rc::clone(&rolls);
    // What the core does with a session that has too much outstanding: it pushes nothing but a KeyRoll, and answers.
    world.tamper = Some(Box::new(move |login, frame| match &frame {
        ToTerminal::Deliver(deliver) if login == "boris" => {
            let entry = journal::Entry::decode(&deliver.entries[0].entry).unwrap();
            let is_roll = matches!(entry.content, journal::Content::Fact(journal::Fact::KeyRoll(_)));
            assert!(!is_roll || deliver.entries.len() == 1, "it comes by itself");
            *seen.borrow_mut() += u32::from(is_roll);
            is_roll.then_some(frame)
        }
        _ => Some(frame),
    }));
    world.wait_ms(DAY_MS);
    world.say("anna", id, "held back");
    world.say("boris", id, "said by who hears nothing");
    assert_eq!((*rolls.borrow(), complaints(&world, "boris")), (1, 0));
    world.tamper = None;
    world.cut("boris");
    world.reconnect("boris");
    assert_eq!(world.screen("boris", id).len(), 3);
}
