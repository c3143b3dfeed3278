//! Who does what he has no right to.
//! Never succeeds.

use crate::{group, unharmed};
use journal::Refusal;
use journal::act::{Act, EraseTarget};
use pki::Clearance;
use protocol::client::command::Send;
use protocol::client::{Command, Error};
use tests::World;
use tests::rogue::erase_of;
use tests::words::message;

#[test]
fn whoever_is_not_cleared_neither_joins_nor_sends() {
    let mut world = World::seeded(11).with(["anna", "boris", "dina"]);
    let id = world.group("boris", &["anna"]);
    world.say_in("boris", id, "welcome").unwrap();
    let dina = world.id("dina");
    let refused = world.ask("boris", Command::Invite(id, dina)).err();
    let low = Refusal::ClearanceTooLow { person: dina, needed: Clearance(3) }.code();
    assert_eq!(refused, Some(Error::Refused { code: low }));
    let send = Send { label: Some(Clearance(5)), ..message(id, "too high") };
    let refused = world.ask("anna", Command::Send(send)).err();
    assert_eq!(
        refused,
        Some(Error::Refused { code: Refusal::LabelTooHigh { ceiling: Clearance(3) }.code() })
    );
    // With a terminal that does not ask first.
    let mut rogue = world.rogue_in("dina");
    let (message, body) = world.rogue_message(&rogue, id, 1);
    let refused = world.rogue_act(&mut rogue, Act::Message(message), Some(body.into_bytes()));
    assert_eq!(refused, Err(Refusal::NotAMember { person: dina, conversation: id }.code()));
    unharmed(&mut world, &["welcome"]);
}

#[test]
fn nobody_erases_without_the_right() {
    let (mut world, id, mut anna) = group(12);
    let index = world.say_in("boris", id, "to be kept").unwrap().index;
    assert_eq!(world.rogue_act(&mut anna, erase_of(id, index), None), Err(Refusal::NoRightToErase.code()));
    let whole = Act::Erase(journal::act::Erase { target: EraseTarget::Conversation(id) });
    assert_eq!(world.rogue_act(&mut anna, whole, None), Err(Refusal::NoRightToErase.code()));
    let mut vera = world.rogue_in("vera");
    let foreign = world.rogue_act(&mut vera, erase_of(id, index), None);
    let not_hers = Refusal::NotAMember { person: world.id("vera"), conversation: id }.code();
    assert_eq!(foreign, Err(not_hers));
    unharmed(&mut world, &["welcome", "to be kept"]);
}
