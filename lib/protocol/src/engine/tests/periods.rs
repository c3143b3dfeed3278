//! A key for each day: the roll, its crash points, who follows it.
use super::terminal::*;
use super::world::World;
use crate::engine::StoreLimits;
use crate::frame::ToTerminal;
use crate::io::{EraseItem, Input, Output};
use journal::Fact;
use journal::act::{Act, Erase, EraseTarget};
use journal::checkpoint::SignedCheckpoint;
use journal::ids::{Place, SECRETS_CONVERSATION};
use journal::replay::Replay;
use journal::retention::DAY_MS;

fn gone(period: u64) -> EraseItem {
    EraseItem::Item(Place { conversation: SECRETS_CONVERSATION, item: period })
}

fn number(world: &World) -> u64 {
    world.register().period().unwrap().number
}

/// A new day for a world that draws keys.
fn tomorrow(world: &mut World) {
    world.rolls = true;
    world.wait_ms(DAY_MS);
    world.input(Input::Wake);
}

#[test]
fn a_new_day_ends_the_period_and_begins_the_next_in_one_batch_that_both_keys_sign() {
    let mut world = World::new(1);
    world.all_enter();
    let chat = world.talking("anna", &["boris"]);
    let old = world.keys();
    tomorrow(&mut world);
    let batch = world.batches.iter().find(|batch| batch.period.is_some()).unwrap();
    assert_eq!(batch.period.as_ref().unwrap().number, 1);
    assert_eq!(batch.erase, [gone(0)], "an erasure like any other");
    assert!(batch.bodies.is_empty(), "it is nobody's body");
    let note = SignedCheckpoint::parse(&batch.note).unwrap();
    let new = world.keys();
    assert!(note.verify(&new).is_ok() && note.verify_by(&old.period).is_ok() && note.verify(&old).is_err());
    assert_eq!(note.note().to_string().matches('\u{2014}').count(), 3, "period, identity, the period before");
    let facts = world.facts();
    let at = facts.iter().position(|fact| matches!(fact, Fact::PeriodEnd(_))).unwrap();
    assert!(matches!(facts[at + 1], Fact::KeyRoll(_)));
    assert_eq!((number(&world), world.secrets.keys().copied().collect::<Vec<_>>()), (1, vec![1]));
    assert!(matches!(world.facts().last(), Some(Fact::Erased(_))), "and the old one is said to be gone");
    world.send("anna", chat).unwrap();
    let note = SignedCheckpoint::parse(&world.note).unwrap();
    assert!(note.verify_by(&old.period).is_err(), "what follows is signed by the new key alone");
    let size = world.entries.len();
    world.input(Input::Wake);
    assert_eq!(world.entries.len(), size, "one a day");
}

#[test]
fn one_period_end_a_day_also_where_nothing_happened() {
    let mut world = World::new(2);
    for day in 1..=3 {
        tomorrow(&mut world);
        assert_eq!(number(&world), day);
    }
    let ends = world.facts().into_iter().filter(|fact| matches!(fact, Fact::PeriodEnd(_)));
    assert_eq!(ends.count(), 3);
    let mut replay = Replay::new(Some(world.log));
    world.entries.iter().for_each(|entry| drop(replay.feed(entry).unwrap()));
    assert_eq!(replay.register().digest(), world.register().digest());
    for batch in &world.batches {
        let note = SignedCheckpoint::parse(&batch.note).unwrap();
        replay.confirm(&note).expect("the notes of all periods verify, each by its own key");
    }
}

#[test]
fn days_without_power_have_no_period_of_their_own() {
    let mut world = World::new(3);
    world.rolls = true;
    world.wait_ms(5 * DAY_MS);
    world.crash();
    assert_eq!(number(&world), 1, "the start begins the next one, and no other");
    let facts = world.facts();
    let start = facts.iter().rposition(|fact| matches!(fact, Fact::Start(_))).unwrap();
    assert!(matches!(facts[start + 1..], [Fact::PeriodEnd(_), Fact::KeyRoll(_), Fact::Erased(_)]));
}

/// The engine with a roll in a batch that the driver has and has not written.
fn rolling(world: &mut World) {
    world.all_enter();
    world.hold_commits = true;
    tomorrow(world);
    assert!(world.under_way.as_ref().unwrap().period.is_some());
}

#[test]
fn a_crash_before_the_batch_of_a_roll_leaves_nothing_of_it() {
    let mut world = World::new(4);
    rolling(&mut world);
    let (before, old) = (world.entries.len(), world.keys());
    world.rolls = false;
    world.crash();
    assert_eq!((number(&world), world.entries.len()), (0, before + 1), "a Start, nothing else");
    assert_eq!(world.keys(), old);
    world.rolls = true;
    world.crash();
    assert_eq!(number(&world), 1);
}

#[test]
fn a_crash_behind_the_batch_of_a_roll_has_the_old_secret_erased_by_the_next_start() {
    let mut world = World::new(5);
    rolling(&mut world);
    let batch = world.under_way.take().unwrap();
    world.write(&batch);
    assert_eq!(world.secrets.len(), 2, "both are there");
    world.crash();
    let start = world.batches.iter().rev().find(|batch| !batch.erase.is_empty()).unwrap();
    assert_eq!(start.erase, [gone(0)], "the Register's own list");
    assert_eq!(world.secrets.keys().copied().collect::<Vec<_>>(), [1]);
    assert_eq!((number(&world), world.register().erasures_pending().count()), (1, 0));
}

#[test]
fn who_is_here_hears_of_the_roll_and_who_comes_later_is_told() {
    let mut world = World::new(6);
    let anna = world.enter("anna");
    world.drain(anna);
    let before = world.head();
    tomorrow(&mut world);
    let entries = world.entries.clone();
    let is_roll = |index: &u64| {
        let entry = journal::Entry::decode(&entries[*index as usize]).unwrap();
        matches!(entry.content, journal::Content::Fact(Fact::KeyRoll(_)))
    };
    assert!(delivered(&world.drain(anna)).iter().any(is_roll));
    let boris = world.connect("boris");
    let mut login = world.draft_login("boris", boris, false);
    login.header.head = before;
    world.send_login("boris", boris, login, b"one-time");
    let welcome = world.drain(boris).into_iter().find_map(|frame| match frame {
        ToTerminal::Welcome(welcome) => Some(welcome),
        _ => None,
    });
    assert_eq!(welcome.unwrap().key_rolls.len(), 2, "the one that he knew, and what came since");
}

#[test]
fn a_key_that_nobody_asked_for_begins_nothing() {
    let mut world = World::new(7);
    let (size, secret) = (world.entries.len(), world.next_secret());
    world.input(Input::PeriodKey(secret));
    assert_eq!((world.entries.len(), number(&world)), (size, 0));
    let shown = format!("{:?}", Input::PeriodKey(world.next_secret()));
    assert_eq!(shown, "PeriodKey(PeriodSecret)", "and nothing prints one");
}

#[test]
fn a_device_at_its_end_still_has_a_new_key_each_day_until_people_need_the_room_to_erase() {
    let mut world = World::new(8);
    world.all_enter();
    let chat = world.talking("anna", &["boris"]);
    let index = world.send("anna", chat).unwrap();
    let (end_bytes, kept_bytes, extent_bytes) = (50, 20, 10);
    world.engine.fit_to(StoreLimits { end_bytes, kept_bytes, extent_bytes, ..StoreLimits::default() });
    let leaves = |free: u64| Input::Room(false, 100 - free, 100);
    world.input(leaves(kept_bytes + extent_bytes + 1));
    tomorrow(&mut world);
    assert_eq!(number(&world), 1, "the old key goes, whoever may still write");
    assert!(matches!(world.facts().last(), Some(Fact::Erased(_))));
    world.input(leaves(kept_bytes + extent_bytes));
    tomorrow(&mut world);
    assert_eq!(number(&world), 1, "no day takes the last extent with which people make room");
    let erase = Erase { target: EraseTarget::Messages(chat, vec![index]) };
    world.act("anna", Act::Erase(erase)).unwrap();
    world.input(Input::Room(true, 10, 100));
    world.input(Input::Wake);
    assert_eq!(number(&world), 2, "one key for the days that went by");
}

/// The secret leaves the engine with the note that it signs last.
#[test]
fn the_old_key_signs_one_note_and_no_other() {
    let mut world = World::new(9);
    rolling(&mut world);
    let batch = world.under_way.as_ref().unwrap();
    let lines = |note: &[u8]| std::str::from_utf8(note).unwrap().matches('\u{2014}').count();
    assert_eq!(lines(&batch.note), 3);
    world.let_go();
    world.input(Input::Wake);
    assert!(world.batches.iter().filter(|batch| batch.period.is_none()).all(|batch| lines(&batch.note) == 2));
    let mut out = Vec::new();
    world.engine.handle(world.now, Input::Stop, &mut out);
    assert!(out.iter().any(|output| matches!(output, Output::Commit(batch) if lines(&batch.note) == 2)));
}
