//! A bit that flips in memory between admission and signature: nothing is signed, nothing is sent, the engine stops.
use super::world::World;
use crate::engine::Engine;
use crate::io::{Input, Output};
use bytes::Bytes;
use journal::act::Act;

/// A batch under way, and behind it one that is open; then what flips, then the word that the first one is durable.
fn flipped(number: u64, flip: impl FnOnce(&mut Engine)) -> (World, Vec<Output>) {
    let mut world = World::new(number);
    world.all_enter();
    let chat = world.talking("anna", &["boris"]);
    world.hold_commits = true;
    for login in ["anna", "boris"] {
        let (message, body) = world.message(chat);
        let statement = world.draft(login, Act::Message(message));
        world.post(login, &statement, Some(body));
    }
    let first = world.under_way.take().expect("the first message is on its way");
    assert!(world.engine.commits.has_entries(), "the second one waits");
    flip(&mut world.engine);
    let mut out = Vec::new();
    world.engine.handle(world.now, Input::Committed(first.number), &mut out);
    (world, out)
}

fn halts(number: u64, what: &str, flip: impl FnOnce(&mut Engine)) {
    let (mut world, out) = flipped(number, flip);
    assert!(matches!(out.last(), Some(Output::Halt(why)) if why.contains("once more")), "{what}");
    assert!(!out.iter().any(|output| matches!(output, Output::Commit(_))), "{what}: no note, no batch");
    // What was said belongs to the batch before, which is durable.
    let size = world.entries.len() as u64 + 1;
    let said = out.into_iter().filter(|output| !matches!(output, Output::Halt(_))).collect();
    world.follow(said);
    for session in [world.session("anna"), world.session("boris")] {
        let heard = super::terminal::delivered(&world.drain(session));
        assert!(heard.iter().all(|index| *index < size), "{what}: {heard:?}");
    }
    let mut out = Vec::new();
    world.engine.handle(world.now, Input::Wake, &mut out);
    assert!(out.is_empty(), "{what}: deaf from here on");
}

#[test]
fn a_bit_that_flips_in_memory_stops_the_engine_before_it_signs() {
    halts(1, "an entry's bytes", |engine| {
        let entry = engine.commits.open.entries.last_mut().unwrap();
        let mut bytes = entry.to_vec();
        bytes[40] ^= 1;
        *entry = Bytes::from(bytes);
    });
    halts(2, "the newest leaf's hash", |engine| engine.ledger.tree.flip(0, 0));
    halts(3, "a hash higher up", |engine| engine.ledger.tree.flip(1, 0));
    halts(4, "what stands before the batch", |engine| {
        let before = engine.commits.signed.clone();
        let mut roots = before.roots().to_vec();
        roots[0][0] ^= 1;
        engine.commits.signed = journal::tree::Frontier::from_parts(before.size(), roots).unwrap();
    });
}

#[test]
fn without_a_flip_the_same_goes_on() {
    let (world, out) = flipped(5, |_| {});
    assert!(out.iter().any(|output| matches!(output, Output::Commit(_))));
    assert!(world.engine.commits.under_way.is_some());
}
