//! Snapshots: each is the state behind its batch, and a start from any of them ends where the whole replay ends.
use super::world::World;
use crate::engine::recovery::Recovery;
use crate::engine::snapshot::{BadSnapshot, Snapshots};
use crate::io::Input;
use journal::act::{Act, Erase, EraseTarget, Logout, Read};
use journal::tree::{Tree, leaf_hash};

fn tree(entries: &[Vec<u8>]) -> Tree {
    let mut tree = Tree::new();
    for entry in entries {
        tree.append(leaf_hash(entry));
    }
    tree
}

fn replayed(entries: &[Vec<u8>]) -> Recovery {
    let mut recovery = Recovery::new();
    entries.iter().for_each(|entry| recovery.feed(entry).unwrap());
    recovery
}

/// A day with everything that the books remember, and a stop.
fn day(every: u64) -> World {
    let mut world = World::new(50);
    world.engine.keep_snapshots(Snapshots { every, newest: world.entries.len() as u64 });
    world.all_enter();
    let chat = world.talking("anna", &["boris", "vera"]);
    let sent: Vec<u64> = (0..9).map(|_| world.send("boris", chat).unwrap()).collect();
    let target = EraseTarget::Messages(chat, vec![sent[2], sent[5]]);
    world.act("boris", Act::Erase(Erase { target })).unwrap();
    world.act("vera", Act::Read(Read { conversation: chat, up_to: sent[4] })).unwrap();
    world.act("vera", Act::Logout(Logout {})).unwrap();
    world.send("boris", chat).unwrap();
    world.enter("vera");
    world.input(Input::Stop);
    assert!(world.stopped);
    world
}

#[test]
fn each_is_the_state_behind_its_batch_and_leads_to_the_same_end() {
    let world = day(4);
    let end = replayed(&world.entries).snapshot();
    let mut seen = 0;
    for batch in &world.batches {
        let Some(state) = &batch.snapshot else { continue };
        assert!(batch.erase.is_empty(), "never beside an erasure");
        let size = batch.first as usize + batch.entries.len();
        assert!(replayed(&world.entries[..size]).snapshot() == **state, "the state behind entry {size}");
        let mut shorter = Recovery::from_snapshot(state, tree(&world.entries[..size])).unwrap();
        world.entries[size..].iter().for_each(|entry| shorter.feed(entry).unwrap());
        assert!(shorter.snapshot() == end, "from entry {size} on");
        seen += 1;
    }
    assert!(seen >= 4, "{seen}");
    assert!(world.batches.last().unwrap().snapshot.is_some(), "a stop has time for one");
}

#[test]
fn without_a_driver_that_keeps_them_or_before_one_is_due_there_is_none() {
    let world = day(100_000);
    assert!(world.batches.iter().all(|batch| batch.snapshot.is_none()));
    let mut world = World::new(51);
    world.all_enter();
    world.input(Input::Stop);
    assert!(world.batches.iter().all(|batch| batch.snapshot.is_none()));
}

#[test]
fn a_snapshot_is_read_whole_beside_its_own_tree_or_not_at_all() {
    let world = day(100_000);
    let (entries, state) = (&world.entries, replayed(&world.entries).snapshot());
    assert!(Recovery::from_snapshot(&state, tree(entries)).is_ok());
    let shorter = tree(&entries[..entries.len() - 1]);
    assert!(matches!(Recovery::from_snapshot(&state, shorter), Err(BadSnapshot::Head)));
    let mut other = entries.clone();
    other[3].push(0);
    assert!(matches!(Recovery::from_snapshot(&state, tree(&other)), Err(BadSnapshot::Head)));
    let mut newer = state.clone();
    newer[1] = 2;
    assert!(matches!(Recovery::from_snapshot(&newer, tree(entries)), Err(BadSnapshot::Newer(2))));
    for at in (0..state.len()).step_by(state.len() / 40) {
        assert!(Recovery::from_snapshot(&state[..at], tree(entries)).is_err(), "cut at {at}");
    }
    let longer = [&state[..], &[0]].concat();
    assert!(Recovery::from_snapshot(&longer, tree(entries)).is_err());
}
