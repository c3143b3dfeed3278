//! What two officers gave up in a succession: told as that, and mistaken for nothing else.

use crate::world::World;
use journal::act::EraseTarget;
use journal::ids::{ConversationId, Index};
use protocol::client::{Command, Event, Reply};

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
