//! What a person with a good certificate, a network and a dishonest server try, and what comes of it: a refusal by its
//! number, nothing on any screen that should not be there, and a log that still verifies.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_enum_match_arm)]

mod dictionary;
mod disks;
mod keys;
mod numbers;
mod rights;
mod servers;

use journal::fact::{AlarmKind, Fact};
use journal::ids::ConversationId;
use protocol::Code;
use tests::World;
use tests::rogue::Rogue;

/// Boris' group with anna, in which something was said; anna's terminal is one of her own making.
pub(crate) fn group(seed: u64) -> (World, ConversationId, Rogue) {
    let mut world = World::seeded(seed).with(["anna", "boris", "vera"]);
    let id = world.group("boris", &["anna"]);
    world.say_in("boris", id, "welcome").unwrap();
    let rogue = world.rogue_in("anna");
    (world, id, rogue)
}

pub(crate) fn own(code: Code) -> u16 {
    code.number()
}

pub(crate) fn alarms(world: &mut World) -> Vec<AlarmKind> {
    let log = world.log();
    let alarm = |fact: &Fact| match fact {
        Fact::Alarm(alarm) => Some(alarm.alarm),
        _ => None,
    };
    log.facts().filter_map(alarm).collect()
}

/// Nothing came of it: boris reads what he read, and the auditor finds nothing wrong.
pub(crate) fn unharmed(world: &mut World, expected: &[&str]) {
    assert_eq!(world.screen("boris"), expected);
    assert!(world.audit().is_honest());
}
