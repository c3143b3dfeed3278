//! What two officers gave up in a succession: told as that, and mistaken for nothing else.

use crate::world::World;
use journal::act::EraseTarget;
use journal::ids::{ConversationId, Index};
use protocol::Code;
use protocol::client::{Command, Error, Event, Reply};

fn site(number: u64) -> (World, ConversationId) {
    let mut world = World::new(number);
    ["anna", "boris"].iter().for_each(|login| world.arrive(login));
    let id = world.private("anna", "boris");
    (world, id)
}

fn erase(world: &mut World, login: &str, target: EraseTarget) -> Index {
    let Ok(Reply::Admitted(erase)) = world.ask(login, Command::Erase(target)) else { panic!() };
    erase.index
}

#[test]
fn an_erasure_epoch_of_a_former_era_hides_none_of_the_new_one() {
    let (mut world, id) = site(162);
    let said: Vec<Index> = (0..4).map(|n| world.say("anna", id, &n.to_string())).collect();
    erase(&mut world, "anna", EraseTarget::Messages(id, vec![said[0]]));
    let (kept, epoch) = (world.entries.len(), world.erasure_epoch);
    erase(&mut world, "anna", EraseTarget::Messages(id, vec![said[1]]));
    erase(&mut world, "anna", EraseTarget::Messages(id, vec![said[2]]));
    assert_eq!(world.erasure_epoch, epoch + 2);
    world.cut("anna");
    // What is kept knows nothing of the last two epochs, and so the next one has a number that she was told before.
    world.erasure_epoch = epoch;
    world.succeed(kept);
    world.reconnect("boris");
    world.terminals.get_mut("anna").unwrap().events.clear();
    let index = erase(&mut world, "boris", EraseTarget::Conversation(id));
    world.reconnect("anna");
    let done = |event: &Event| matches!(event, Event::ErasureDone(of, through) if *of == epoch + 1 && *through >= index);
    assert!(world.terminals["anna"].events.iter().any(done), "whoever waits for it is told");
}

#[test]
fn a_file_that_was_given_up_is_fetched_as_that_and_nobody_is_accused() {
    let (mut world, id) = site(163);
    world.say("anna", id, "the first epoch");
    // Of the first file the text is lost, of the others a part; and nobody gave up the third.
    let mut sent = Vec::new();
    for lost in [|chunk| chunk == 0, |chunk| chunk == 1, |chunk| chunk == 1] {
        let before: Vec<_> = world.bodies.keys().copied().collect();
        sent.push(world.send_file("anna", id, &[7; 300_000]));
        world.bodies.retain(|key, _| before.contains(key) || !lost(key.1));
    }
    world.succeed_without(world.entries.len(), &sent[..2]);
    world.terminal("boris", None, true);
    world.reconnect("boris");
    let mut fetch = |at: usize| world.ask("boris", Command::FetchFile(id, sent[at])).err();
    for at in [0, 1] {
        assert_eq!(fetch(at), Some(Error::GivenUp { era: 1 }), "#{at}");
    }
    assert_eq!(fetch(2), Some(Error::Refused { code: Code::Damaged.number() }));
    assert_eq!(world.facts_named("alarm").len(), 1, "of the third alone");
    let alarm = |event: &Event| matches!(event, Event::MissingBody(..) | Event::Dropped(..));
    assert!(!world.terminals["boris"].events.iter().any(alarm));
}
