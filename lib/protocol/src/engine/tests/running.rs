//! Start, stop, time, room on the device, erasures over a crash.
use super::terminal::*;
use super::world::World;
use crate::code::Code;
use crate::engine::recovery::Recovery;
use crate::frame::ToTerminal;
use crate::io::{Connected, EraseItem, Input, Output};
use journal::act::{Act, Erase, EraseTarget, Logout, Purpose, SizeClass};
use journal::fact::{AlarmKind, Fact};
use journal::replay::Replay;

#[test]
fn nobody_is_served_before_the_start_is_durable() {
    let mut world = World::new(1);
    world.crash();
    let mut recovery = Recovery::new();
    world.entries.iter().for_each(|entry| recovery.feed(entry).unwrap());
    world.hold_commits = true;
    world.input(Input::Wake);
    let session = world.connect("anna");
    assert!(matches!(world.next(session), Some(ToTerminal::Hello(_))));
    world.crash();
    assert!(matches!(world.facts().last(), Some(Fact::Start(_))));
}

#[test]
fn the_journal_replays_to_the_same_state() {
    let mut world = World::new(2);
    world.all_enter();
    let chat = world.talking("anna", &["boris", "vera"]);
    world.send("boris", chat).unwrap();
    let mut replay = Replay::new(Some(world.log));
    for entry in &world.entries {
        replay.feed(entry).unwrap();
    }
    assert_eq!(replay.register().digest(), world.register().digest());
    let note = journal::checkpoint::SignedCheckpoint::parse(&world.note).unwrap();
    assert_eq!(replay.confirm(&note).unwrap().size, world.entries.len() as u64);
}

#[test]
fn what_was_not_durable_never_was() {
    let mut world = World::new(3);
    world.all_enter();
    let chat = world.talking("anna", &["boris"]);
    let size = world.entries.len();
    world.hold_commits = true;
    let (message, body) = world.message(chat);
    let statement = world.draft("anna", Act::Message(message));
    world.post("anna", &statement, Some(body));
    let (anna, boris) = (world.session("anna"), world.session("boris"));
    assert!(delivered(&world.drain(boris)).iter().all(|index| *index < size as u64));
    assert!(
        world
            .drain(anna)
            .iter()
            .all(|frame| !matches!(frame, ToTerminal::Receipt(receipt) if receipt.index >= size as u64))
    );
    world.crash();
    assert_eq!(world.entries.len(), size + 1, "the Start, nothing else");
    assert!(world.register().messages_of(0, 0..u64::MAX).next().is_none());
}

#[test]
fn an_erasure_that_was_asked_for_before_a_crash_is_done_after_it() {
    let mut world = World::new(4);
    world.all_enter();
    let chat = world.talking("anna", &["boris"]);
    let index = world.send("anna", chat).unwrap();
    let row = world.register().message(index).unwrap();
    let place = journal::Place { conversation: row.conversation, item: row.item };
    let target = EraseTarget::Messages(chat, vec![index]);
    world.hold_commits = true;
    let statement = world.draft("anna", Act::Erase(Erase { target }));
    world.post("anna", &statement, None);
    // The batch is on the disk, the epoch behind it is not.
    let batch = world.under_way.take().unwrap();
    assert_eq!(batch.erase, [EraseItem::Item(place)]);
    world.entries.extend(batch.entries.iter().map(|entry| entry.to_vec()));
    world.note = batch.note.to_vec();
    world.crash();
    let start = world.batches.iter().rev().find(|batch| !batch.erase.is_empty()).unwrap();
    assert_eq!(start.erase, [EraseItem::Item(place)]);
    assert!(matches!(world.facts().last(), Some(Fact::Erased(_))));
    assert!(!world.bodies.contains_key(&(place, 0)));
    assert_eq!(world.register().erasures_pending().count(), 0);
}

#[test]
fn a_full_device_takes_erasures_and_no_messages() {
    let mut world = World::new(5);
    world.all_enter();
    world.enter("olga");
    let chat = world.talking("anna", &["boris"]);
    let index = world.send("anna", chat).unwrap();
    let reservation = world.reserve("anna", chat, Purpose::File, 2, SizeClass::MIN).unwrap();
    world.input(Input::Room(false, 90, 100));
    world.input(Input::Room(false, 91, 100));
    let alarms = world.facts();
    let full = |fact: &&Fact| matches!(fact, Fact::Alarm(alarm) if alarm.alarm == AlarmKind::NearlyFull);
    assert_eq!(alarms.iter().filter(full).count(), 1, "said once");
    assert_eq!(world.send("anna", chat), own(Code::Full));
    let reserve = world.reserve("anna", chat, Purpose::File, 2, SizeClass::MIN);
    assert_eq!(reserve, Err(Code::Full.number()));
    let (body, _) = world.body(SizeClass::MIN);
    assert_eq!(world.put("anna", reservation, 1, &body), Err(Code::Full.number()));
    let person = world.site.id("vera");
    world.act("olga", Act::Suspend(journal::act::Suspend { person })).unwrap();
    let reason = journal::act::ReportReason::NotMine;
    let not_mine = Act::Report(journal::act::Report { message: index, reason });
    world.act("anna", not_mine).expect("a word to the officers, as an alarm is");
    let target = EraseTarget::Messages(chat, vec![index]);
    world.act("anna", Act::Erase(Erase { target })).unwrap();
    world.input(Input::Room(true, 10, 100));
    world.send("anna", chat).unwrap();
}

#[test]
fn a_clean_stop_says_so_to_everyone_and_ends_the_journal_with_it() {
    let mut world = World::new(6);
    world.all_enter();
    let waiting = world.connect("adam");
    world.all_drain();
    world.hold_commits = true;
    let statement = world.draft("anna", Act::Logout(Logout {}));
    world.post("anna", &statement, None);
    world.input(Input::Stop);
    let late = world.session("boris");
    world.input(Input::Closed(late));
    assert!(!world.stopped);
    world.let_go();
    assert!(world.stopped);
    assert!(matches!(world.facts().last(), Some(Fact::Stop(_))));
    let said = world.drain(world.session("anna"));
    assert!(
        said.iter().any(|frame| matches!(frame, ToTerminal::Receipt(_))),
        "what was admitted is answered"
    );
    let stopping = ToTerminal::Ended(crate::frame::Ended { code: Code::Stopping.number() });
    assert_eq!(world.drain(world.session("vera")).last(), Some(&stopping));
    assert_eq!(world.drain(waiting).last(), Some(&stopping));
    world.input(Input::Wake); // deaf
    world.crash();
    world.terminals.clear();
    world.enter("anna");
}

#[test]
fn a_clock_that_jumps_is_recorded_and_time_never_runs_back() {
    let mut world = World::new(7);
    world.enter("anna");
    world.now.wall_ms -= 3_600_000;
    world.now.boot_ms += 1000;
    world.enter("boris");
    assert!(world.has_fact(|fact| matches!(fact, Fact::ClockStep(_))));
    let times = world.entries.iter().map(|entry| journal::Entry::decode(entry).unwrap().wall_ms);
    assert!(times.is_sorted());
}

#[test]
fn an_input_that_cannot_be_halts_and_nothing_more_is_said() {
    let mut world = World::new(8);
    let session = world.enter("anna");
    let mut out = Vec::new();
    world.engine.handle(world.now, Input::Committed(99), &mut out);
    assert!(matches!(out[..], [Output::Halt(_)]));
    out.clear();
    world.engine.handle(world.now, Input::Closed(session), &mut out);
    let connected = Connected { session: 99, peer: vec![], exporter: [0; 32], nonce: [0; 32] };
    world.engine.handle(world.now, Input::Connected(connected), &mut out);
    assert!(out.is_empty());
}

#[test]
fn a_file_that_does_not_fit_is_refused_at_its_reservation_and_the_last_room_is_the_officers() {
    let mut world = World::new(32);
    world.all_enter();
    let chat = world.talking("anna", &["boris"]);
    let store =
        crate::engine::StoreLimits { reserve_bytes: 1 << 20, last_bytes: 1 << 19, ..Default::default() };
    world.engine.fit_to(store);
    let (device, size) = (8 << 20, SizeClass::MIN);
    world.input(Input::Room(true, 0, device));
    let chunks = u32::try_from((6 << 20) / (size.bytes() + crate::limits::AROUND_CHUNK_BYTES)).unwrap();
    world.reserve("anna", chat, Purpose::File, chunks, size).unwrap();
    let no_room = Err(Code::NoRoom.number());
    assert_eq!(world.reserve("boris", chat, Purpose::File, chunks, size), no_room, "promised already");
    let share = device / crate::limits::TEXTS_SHARE;
    world.input(Input::Room(true, device - (1 << 20) - share, device));
    assert_eq!(world.reserve("boris", chat, Purpose::File, 2, size), no_room, "what is left is for texts");
    assert!(world.send("boris", chat).is_ok());
    world.input(Input::Room(false, device - (1 << 18), device));
    let session = world.connect("vera");
    let (statement, session) = (world.draft_login("vera", session, true), session);
    let signed = world.signed("vera", &statement);
    let entries = world.entries.len();
    let login = crate::frame::LoginFrame { statement: signed, password: b"own".to_vec().into() };
    world.frame(session, &crate::frame::ToCore::Login(login));
    let refused =
        crate::frame::ToTerminal::Refused(crate::frame::Refused { request: 0, code: Code::Full.number() });
    assert!(world.drain(session).contains(&refused));
    assert_eq!(world.entries.len(), entries, "an operator's coming writes nothing");
    world.enter("olga");
}

#[test]
fn a_session_number_that_comes_twice_ends_the_session() {
    let mut world = World::new(33);
    let session = world.enter("anna");
    world.next_session = session;
    world.connect("boris");
    assert!(world.ended.contains(&session));
}
