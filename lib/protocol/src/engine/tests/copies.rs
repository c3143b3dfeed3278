//! An administrator takes a backup away: who may, what is in memory meanwhile, and what the journal says.
use super::terminal::*;
use super::world::World;
use crate::answer::Answer;
use crate::code::Code;
use crate::copy::{BackupRecord, Copied, CopyAnswer, CopyAsk, CopyTask};
use crate::frame::{Ask, ToCore, ToTerminal};
use crate::io::{Input, SessionId};
use crate::limits::READS_PER_SESSION;
use crate::query::Query;
use journal::Refusal;
use journal::act::{Act, Backup};

/// A world in which these are logged in, with administrator adam.
fn world(number: u64) -> World {
    let mut world = World::new(number);
    for login in ["adam", "olga", "anna", "igor"] {
        world.enter(login);
    }
    world
}

fn ask(world: &mut World, login: &str, ask: CopyAsk) -> u32 {
    let request = world.request(login);
    let frame = ToCore::Ask(Ask { request, query: Query::Copy(ask) });
    world.frame(world.session(login), &frame);
    request
}

/// Answers everything that was passed on; gives how many questions there were.
fn answer_all(world: &mut World, answer: &Copied) -> usize {
    let asked = std::mem::take(&mut world.copies);
    for (ticket, _, task) in &asked {
        if let CopyTask::Ask(_) = task {
            world.input(Input::Copied(*ticket, answer.clone()));
        }
    }
    asked.len()
}

fn backup(world: &World) -> Backup {
    let head = world.head();
    Backup { batch: 9, epoch: 0, size: head.size, root: head.root, manifest: [7; 32] }
}

/// A signature for this backup came to the session of adam.
fn signed(world: &mut World, backup: Backup) {
    ask(world, "adam", CopyAsk::Sign([1; 32]));
    answer_all(world, &Copied::Signed(CopyAnswer::Signed(5, vec![1; 64].into()), backup));
}

#[test]
fn administrators_alone_take_backups_away_and_one_at_a_time() {
    let mut world = world(1);
    for login in ["olga", "anna", "igor"] {
        assert_eq!(world.ask(login, Query::Copy(CopyAsk::Hold)), Err(Code::NotFound.number()), "{login}");
    }
    assert!(world.copies.is_empty());
    let request = ask(&mut world, "adam", CopyAsk::Hold);
    let outline = CopyAnswer::Outline(vec![4; 100].into());
    assert_eq!(answer_all(&mut world, &Copied::Answer(outline.clone())), 1);
    let session = world.session("adam");
    let Some(ToTerminal::Answer(frame)) = world.answer_to(session, request) else { panic!("no answer") };
    assert_eq!(frame.answer, Answer::Copy(outline));
    // What the store cannot give is a refusal; what nobody asked for is nothing.
    let request = ask(&mut world, "adam", CopyAsk::Read(vec![1].into()));
    answer_all(&mut world, &Copied::No);
    assert_eq!(refused(&world.answer_to(session, request).unwrap()), Some(Code::NotFound.number()));
    world.input(Input::Copied(12_345, Copied::No));
}

#[test]
fn what_is_asked_ahead_waits_for_room_and_never_fills_the_memory() {
    let mut world = world(2);
    let session = world.session("adam");
    let requests: Vec<u32> =
        (0..20).map(|_| ask(&mut world, "adam", CopyAsk::Read(vec![0; 20].into()))).collect();
    assert_eq!(world.copies.len(), READS_PER_SESSION, "the rest lies on the stream");
    // Others are heard meanwhile.
    assert!(world.ask("anna", Query::Policy).is_ok());
    // While a batch is not durable the answers wait, and count as long as they do.
    world.hold_commits = true;
    let act = Act::Suspend(journal::act::Suspend { person: world.site.id("vera") });
    let statement = world.draft("olga", act);
    world.post("olga", &statement, None);
    let blocks = Copied::Answer(CopyAnswer::Blocks(vec![3; 4096].into()));
    assert_eq!(answer_all(&mut world, &blocks), READS_PER_SESSION);
    assert!(world.copies.is_empty(), "nothing more is read before these have left");
    world.let_go();
    let mut answered = READS_PER_SESSION;
    while !world.copies.is_empty() {
        assert!(world.copies.len() <= READS_PER_SESSION);
        answered += answer_all(&mut world, &blocks);
    }
    assert_eq!(answered, 20);
    for request in requests {
        assert!(matches!(world.answer_to(session, request), Some(ToTerminal::Answer(_))));
    }
}

#[test]
fn only_what_was_signed_in_this_session_is_recorded_as_taken_and_once() {
    let mut world = world(3);
    let good = backup(&world);
    assert_eq!(world.act("adam", Act::Backup(good)), own(Code::NotFound));
    signed(&mut world, good);
    for bad in [
        Backup { batch: 8, ..good },
        Backup { epoch: 1, ..good },
        Backup { size: good.size - 1, ..good },
        Backup { manifest: [8; 32], ..good },
    ] {
        assert_eq!(world.act("adam", Act::Backup(bad)), own(Code::NotFound));
    }
    assert_eq!(world.act("olga", Act::Backup(good)), own(Code::NotFound));
    let index = world.act("adam", Act::Backup(good)).unwrap();
    let person = world.site.id("adam");
    let session = world.session("adam");
    assert_eq!(world.copies, [(0, session, CopyTask::Taken(person, index, good.manifest))]);
    assert_eq!(world.act("adam", Act::Backup(good)), own(Code::NotFound), "once");
    // The rules themselves refuse a log that is not this one.
    let other = Backup { root: [9; 32], ..good };
    world.copies.clear();
    signed(&mut world, other);
    let refusal = Refusal::WrongHead { size: good.size };
    assert_eq!(world.act("adam", Act::Backup(other)), Err(code(refusal)));
    assert!(world.copies.is_empty());
}

fn let_go(world: &World, session: SessionId) -> bool {
    world.copies.iter().any(|(_, of, task)| *of == session && *task == CopyTask::LetGo)
}

#[test]
fn who_goes_away_holds_nothing_and_what_comes_for_him_is_dropped() {
    let mut world = world(4);
    let session = world.session("adam");
    ask(&mut world, "adam", CopyAsk::Hold);
    assert!(!let_go(&world, session));
    world.input(Input::Closed(session));
    assert!(let_go(&world, session));
    answer_all(&mut world, &Copied::Answer(CopyAnswer::Lost));
    let again = world.enter("adam");
    ask(&mut world, "adam", CopyAsk::Hold);
    assert_eq!(world.copies.len(), 1, "the next one may");
    assert!(!let_go(&world, again));
}

#[test]
fn who_asks_nothing_for_long_is_not_who_copies_any_more() {
    for (released, is_let_go) in [(true, false), (false, true)] {
        let mut world = world(6);
        let session = world.session("adam");
        ask(&mut world, "adam", CopyAsk::Hold);
        answer_all(&mut world, &Copied::Answer(CopyAnswer::Lost));
        // Another's word is none.
        world.input(Input::CopyReleased(if released { session } else { session + 1 }));
        world.input(Input::Closed(session));
        assert_eq!(let_go(&world, session), is_let_go);
    }
}

#[test]
fn status_tells_the_newest_backup() {
    let mut world = world(5);
    let record = BackupRecord {
        made_ms: 5,
        batch: 9,
        entries: 70,
        erasure_epoch: 2,
        taken: Some((world.site.id("adam"), 60)),
        unusable_since_ms: Some(8),
    };
    world.input(Input::NewestBackup(record));
    for login in ["olga", "adam"] {
        let Ok(Answer::Status(status)) = world.ask(login, Query::Status) else { panic!("no status") };
        assert_eq!(status.backup, Some(record));
    }
}
