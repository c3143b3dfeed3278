//! Questions and who gets which answer; erased things and late joiners.
use super::terminal::*;
use super::world::World;
use crate::answer::{Answer, Page, Standing};
use crate::code::Code;
use crate::frame::{At, Delivered, ToTerminal};
use crate::io::Input;
use crate::limits::LINE_SIZES_MAX;
use crate::query::Query;
use journal::act::{
    Acknowledge, Act, ConversationKind, Erase, EraseTarget, Export, Invite, Logout, Message, Read,
    ShareHistory, Suspend,
};
use journal::checkpoint::SignedCheckpoint;
use journal::fact::{Alarm, AlarmKind};
use journal::ids::{ConversationId, Head, Index};
use journal::proof::ConsistencyProof;
use journal::tree::leaf_hash;
use journal::{Fact, Policy};
use pki::{CertId, PersonId, canonical};

fn page(answer: Result<Answer, u16>) -> Page {
    match answer {
        Ok(
            Answer::Acts(page)
            | Answer::Messages(page)
            | Answer::MessagesBefore(page)
            | Answer::Entries(page)
            | Answer::EntriesAt(page)
            | Answer::Proposals(page),
        ) => page,
        other => panic!("{other:?}"),
    }
}

fn indices(page: &Page) -> Vec<Index> {
    page.entries.iter().map(|entry| entry.index).collect()
}

fn check(world: &World, page: &Page) {
    let head = SignedCheckpoint::parse(&page.note).unwrap().verify(&world.keys()).unwrap().head();
    let leaves: Vec<_> =
        page.entries.iter().map(|Delivered { index, entry, .. }| (*index, leaf_hash(entry))).collect();
    if !leaves.is_empty() {
        page.proof.verify(&leaves, head.size, &head.root).unwrap();
    }
}

fn at(conversation: ConversationId, index: Index) -> At {
    At { conversation, index }
}

#[test]
fn messages_come_in_pages_with_proofs_and_bodies_in_both_directions() {
    let mut world = World::new(1);
    world.all_enter();
    let chat = world.talking("anna", &["boris"]);
    let sent: Vec<Index> = (0..300).map(|_| world.send("anna", chat).unwrap()).collect();
    for restart in [false, true] {
        if restart {
            world.crash(); // the entries come from the driver now
            world.terminals.clear();
            world.enter("boris");
        }
        let (mut upwards, mut more) = (Vec::new(), true);
        while more {
            let from = upwards.last().map_or(0, |last| last + 1);
            let found = page(world.ask("boris", Query::Messages(at(chat, from))));
            check(&world, &found);
            assert!(found.entries.iter().all(|entry| entry.body.is_some()));
            upwards.extend(indices(&found));
            more = found.more;
        }
        assert_eq!(upwards, sent);
        let (mut downwards, mut more) = (Vec::new(), true);
        while more {
            let before = downwards.first().copied().unwrap_or(u64::MAX);
            let found = page(world.ask("boris", Query::MessagesBefore(at(chat, before))));
            check(&world, &found);
            downwards.splice(0..0, indices(&found));
            more = found.more;
        }
        assert_eq!(downwards, sent);
    }
}

#[test]
fn a_joiner_sees_nothing_older_until_history_is_shared() {
    let mut world = World::new(2);
    world.all_enter();
    let chat = world.talking_as(ConversationKind::Group, "anna", &["boris"]);
    let old = world.send("anna", chat).unwrap();
    let membership = world.register().conversation(chat).unwrap().membership.head();
    let person = world.site.id("vera");
    world.act("anna", Act::Invite(Invite { conversation: chat, membership, person })).unwrap();
    world.epoch("anna", chat).unwrap();
    let new = world.send("anna", chat).unwrap();
    assert_eq!(indices(&page(world.ask("vera", Query::Messages(at(chat, 0))))), [new]);
    assert_eq!(world.ask("vera", Query::MessageStatus(old)), Err(Code::NotFound.number()));
    assert!(page(world.ask("vera", Query::Entries(old, 1))).entries.is_empty());
    let acts = page(world.ask("vera", Query::Acts(at(chat, 0))));
    check(&world, &acts);
    assert_eq!(
        indices(&acts)[0],
        world.register().conversation(chat).unwrap().number,
        "the membership from its start"
    );
    let person_certificate = world.site.person("vera").agreement_certificate.id();
    let public = world.site.person("vera").agreement.public().clone();
    let mut rng = world.rng();
    let key = crate::seal::keys::EpochKey::generate(&mut rng);
    let place =
        crate::seal::wraps::HistoryPlace { log: world.log, conversation: chat, from_epoch: 1, to_epoch: 1 };
    let set = crate::seal::wraps::WrapSet::make_history(
        world.site.suite,
        &place,
        &[(1, &key)],
        person_certificate,
        &public,
        &mut rng,
    )
    .unwrap();
    let id = world.reserve("anna", chat, journal::act::Purpose::Wraps, 1, set.size()).unwrap();
    world.put("anna", id, 0, &set.chunks()[0]).unwrap();
    let share = ShareHistory { conversation: chat, person, from_epoch: 1, to_epoch: 1, wraps: set.claim(id) };
    world.act("anna", Act::ShareHistory(share)).unwrap();
    assert_eq!(indices(&page(world.ask("vera", Query::Messages(at(chat, 0))))), [old, new]);
}

#[test]
fn an_erased_message_is_served_to_nobody_and_named_with_its_erase() {
    let mut world = World::new(3);
    world.all_enter();
    let chat = world.talking("anna", &["boris"]);
    let (message, body) = world.message(chat);
    let index = world.act_with("anna", Act::Message(message), Some(body.clone()), None).unwrap();
    world.drain(world.session("boris"));
    let target = EraseTarget::Messages(chat, vec![index]);
    let erase = world.act("anna", Act::Erase(Erase { target })).unwrap();
    let heard = delivered(&world.drain(world.session("boris")));
    assert_eq!(heard, [erase, erase + 1], "the Erase, and that it is done");
    assert!(world.has_fact(|fact| matches!(fact, Fact::Erased(erased) if erased.through >= erase)));
    assert!(!world.bodies.values().any(|kept| *kept == body));
    for query in [Query::Messages(at(chat, 0)), Query::MessagesBefore(at(chat, u64::MAX))] {
        let found = page(world.ask("boris", query));
        assert_eq!((&found.entries[0].body, found.entries[0].erased_by), (&None, Some(erase)));
    }
    let tombstone = page(world.ask("boris", Query::Entries(erase, 1)));
    check(&world, &tombstone);
    assert_eq!(indices(&tombstone), [erase]);
}

#[test]
fn a_read_on_its_way_loses_what_is_erased_meanwhile() {
    let mut world = World::new(4);
    world.all_enter();
    let chat = world.talking("anna", &["boris"]);
    let index = world.send("anna", chat).unwrap();
    world.hold_workers = true;
    let (session, request) = (world.session("boris"), world.request("boris"));
    let ask = crate::frame::Ask { request, query: Query::Messages(at(chat, 0)) };
    world.frame(session, &crate::frame::ToCore::Ask(ask));
    let read = world.held.pop_front().unwrap();
    let crate::io::Output::Read(ticket, items) = read else { panic!("{read:?}") };
    let bodies: Vec<_> = world.bodies.values().cloned().collect();
    world.hold_commits = true;
    let target = EraseTarget::Conversation(chat);
    let statement = world.draft("anna", Act::Erase(Erase { target }));
    world.post("anna", &statement, None);
    // What the driver read before it knew.
    let found = items.iter().map(|item| match item {
        crate::io::ReadItem::Entry(at) => Some(world.entries[*at as usize].clone().into()),
        crate::io::ReadItem::Body(..) => Some(bodies[0].clone().into()),
    });
    let found = found.collect();
    world.input(Input::ReadDone(ticket, found));
    world.let_go();
    let Some(ToTerminal::Answer(frame)) = world.answer_to(session, request) else { panic!("no answer") };
    let found = page(Ok(frame.answer));
    assert_eq!((found.entries[0].index, &found.entries[0].body), (index, &None));
}

#[test]
fn a_body_that_a_read_did_not_find_is_explained_by_its_erase() {
    for erased_first in [true, false] {
        let mut world = World::new(14);
        world.all_enter();
        let chat = world.talking("anna", &["boris"]);
        let index = world.send("anna", chat).unwrap();
        world.hold_workers = true;
        let (session, request) = (world.session("boris"), world.request("boris"));
        let ask = crate::frame::Ask { request, query: Query::Messages(at(chat, 0)) };
        world.frame(session, &crate::frame::ToCore::Ask(ask));
        let read = world.held.pop_front().unwrap();
        let crate::io::Output::Read(ticket, items) = read else { panic!("{read:?}") };
        let found = items.iter().map(|item| match item {
            crate::io::ReadItem::Entry(at) => Some(world.entries[*at as usize].clone().into()),
            crate::io::ReadItem::Body(..) => None,
        });
        let read_done = Input::ReadDone(ticket, found.collect());
        world.hold_commits = true;
        let target = EraseTarget::Messages(chat, vec![index]);
        let statement = world.draft("anna", Act::Erase(Erase { target }));
        if erased_first {
            world.post("anna", &statement, None);
            world.input(read_done);
        } else {
            // The answer waits for the alarm to be durable; meanwhile the Erase is admitted.
            world.input(read_done);
            world.post("anna", &statement, None);
        }
        world.let_go();
        let alarm = |fact: &Fact| matches!(fact, Fact::Alarm(alarm) if alarm.alarm == AlarmKind::BodyDamaged);
        assert_eq!(world.has_fact(alarm), !erased_first);
        let Some(ToTerminal::Answer(frame)) = world.answer_to(session, request) else { panic!("no answer") };
        let found = page(Ok(frame.answer));
        assert_eq!((found.entries[0].index, &found.entries[0].body), (index, &None));
        assert!(found.entries[0].erased_by.is_some(), "erased first: {erased_first}");
    }
}

#[test]
fn a_body_that_is_gone_without_an_erase_is_an_alarm() {
    let mut world = World::new(5);
    world.all_enter();
    let chat = world.talking("anna", &["boris"]);
    world.send("anna", chat).unwrap();
    world.bodies.clear();
    let found = page(world.ask("boris", Query::Messages(at(chat, 0))));
    assert_eq!((&found.entries[0].body, found.entries[0].erased_by), (&None, None));
    let names_it = |alarm: &Alarm| alarm.evidence.to_vec() == canonical::encode(&found.entries[0].index);
    assert!(world.has_fact(
        |fact| matches!(fact, Fact::Alarm(alarm) if alarm.alarm == AlarmKind::BodyDamaged && names_it(alarm))
    ));
}

#[test]
fn who_has_read_and_acknowledged_is_told_with_the_statements_that_say_so() {
    let mut world = World::new(6);
    world.all_enter();
    let chat = world.talking("anna", &["boris"]);
    let (message, body) = world.message(chat);
    let message = Message { must_acknowledge: true, ..message };
    let index = world.act_with("anna", Act::Message(message), Some(body), None).unwrap();
    let status = |world: &mut World| match world.ask("anna", Query::MessageStatus(index)) {
        Ok(Answer::MessageStatus(readers)) => readers[0].clone(),
        other => panic!("{other:?}"),
    };
    let before = status(&mut world);
    assert_eq!((before.person, before.delivered, before.read), (world.site.id("boris"), true, None));
    world.drain(world.session("anna"));
    let read = world.act("boris", Act::Read(Read { conversation: chat, up_to: index })).unwrap();
    let acknowledged = world.act("boris", Act::Acknowledge(Acknowledge { message: index })).unwrap();
    assert_eq!(
        delivered(&world.drain(world.session("anna"))),
        [read, acknowledged],
        "the sender sees it at once"
    );
    let after = status(&mut world);
    assert_eq!((after.read, after.acknowledged), (Some(read), Some(acknowledged)));
    let Ok(Answer::Conversations(own)) = world.ask("boris", Query::Conversations(0)) else { panic!() };
    assert_eq!((own.len(), own[0].last, own[0].read, own[0].unread), (1, index, index, 0));
    world.send("anna", chat).unwrap();
    let Ok(Answer::Conversation(Some(one))) = world.ask("boris", Query::Conversation(chat)) else { panic!() };
    assert_eq!(one.unread, 1);
    assert_eq!(world.ask("vera", Query::Conversation(chat)), Ok(Answer::Conversation(None)));
}

#[test]
fn heads_are_consistent_with_each_other() {
    let mut world = World::new(7);
    world.enter("anna");
    let old = world.head();
    world.enter("boris");
    let Ok(Answer::Consistency(note, path)) = world.ask("anna", Query::Consistency(old.size)) else {
        panic!()
    };
    let Head { size, root } = SignedCheckpoint::parse(&note).unwrap().verify(&world.keys()).unwrap().head();
    let path = path.iter().map(|digest| digest.0).collect();
    ConsistencyProof::new(old.size, size, path).unwrap().verify(&old.root, &root).unwrap();
    for size in [0, size + 1, u64::MAX] {
        assert_eq!(world.ask("anna", Query::Consistency(size)), Err(Code::NotFound.number()));
    }
}

#[test]
fn heads_are_shown_to_be_of_one_line() {
    let mut world = World::new(9);
    world.enter("anna");
    let first = world.head();
    world.enter("boris");
    let second = world.head();
    world.enter("vera");
    let third = world.head();
    let heads = [first, second, third];
    let sizes = heads.map(|head| head.size);
    let Ok(Answer::Line(paths)) = world.ask("anna", Query::Line(sizes.to_vec())) else { panic!() };
    assert_eq!(paths.len(), 2);
    for (pair, path) in heads.windows(2).zip(paths) {
        let path = path.iter().map(|digest| digest.0).collect();
        let proof = ConsistencyProof::new(pair[0].size, pair[1].size, path).unwrap();
        proof.verify(&pair[0].root, &pair[1].root).unwrap();
    }
    let (one, three) = (sizes[0], sizes[2]);
    let many = (1..=LINE_SIZES_MAX as u64 + 1).collect();
    for bad in [vec![], vec![one], vec![0, one], vec![one, one], vec![three, one], vec![one, three + 1], many]
    {
        assert_eq!(world.ask("anna", Query::Line(bad)), Err(Code::NotFound.number()));
    }
}

#[test]
fn how_people_stand_is_told_and_a_lock_to_the_office_only() {
    let mut world = World::new(12);
    for _ in 0..Policy::standard().wrong_passwords_max {
        let (session, _) = world.try_login("anna", b"wrong", false);
        world.input(Input::Closed(session));
    }
    for login in ["boris", "olga", "adam"] {
        world.enter(login);
    }
    world.act("olga", Act::Suspend(Suspend { person: world.site.id("igor") })).unwrap();
    for (asker, anna) in [("boris", Standing::Good), ("olga", Standing::Locked), ("adam", Standing::Locked)] {
        let Ok(Answer::People(people)) = world.ask(asker, Query::People(PersonId(0))) else { panic!() };
        let standing =
            |login| people.iter().find(|record| record.person == world.site.id(login)).unwrap().standing;
        assert_eq!((standing("anna"), standing("igor")), (anna, Standing::Suspended), "{asker}");
    }
    let Ok(Answer::Status(status)) = world.ask("olga", Query::Status) else { panic!() };
    assert_eq!(status.people, 6, "neither the server nor who is suspended");
}

#[test]
fn the_directory_has_everyone_and_their_certificates() {
    let mut world = World::new(8);
    world.enter("anna");
    let Ok(Answer::People(people)) = world.ask("anna", Query::People(PersonId(0))) else { panic!() };
    assert_eq!(people.len(), 7, "all but the server");
    let anna = people.iter().find(|record| record.person == world.site.id("anna")).unwrap();
    assert!(anna.standing == Standing::Good && anna.online);
    let Ok(Answer::EntriesAt(page)) = world.ask("anna", Query::EntriesAt(vec![anna.enrolled])) else {
        panic!()
    };
    let entry = journal::Entry::decode(&page.entries[0].entry).unwrap();
    let journal::Content::Statement(enrol) = entry.content else { panic!() };
    assert_eq!(*enrol.parse().unwrap().act(), Act::Enrol(world.site.person("anna").enrol()));
    let size = world.head().size;
    let many = (0..=crate::limits::ENTRIES_AT_MAX as u64).collect();
    for bad in [vec![], vec![2, 1], vec![1, 1], vec![1, size], many] {
        assert_eq!(world.ask("anna", Query::EntriesAt(bad)), Err(Code::NotFound.number()));
    }
    let last = people.last().unwrap().person;
    assert_eq!(world.ask("anna", Query::People(last)), Ok(Answer::People(vec![])));
    let ids =
        vec![world.site.person("boris").agreement_certificate.id(), CertId([1; 32]), world.site.issuing.id()];
    let Ok(Answer::Certificates(found)) = world.ask("anna", Query::Certificates(ids)) else { panic!() };
    assert_eq!(found.len(), 2);
    let many = vec![CertId([1; 32]); crate::limits::CERTIFICATES_MAX + 1];
    assert_eq!(world.ask("anna", Query::Certificates(many)), Err(Code::NotFound.number()));
    let policy = Answer::Policy(canonical::encode(&Policy::standard()).into(), 0, None);
    assert_eq!(world.ask("anna", Query::Policy), Ok(policy));
}

#[test]
fn offices_see_sessions_status_and_proposals_and_others_do_not() {
    let mut world = World::new(9);
    for login in ["anna", "olga", "adam", "igor"] {
        world.enter(login);
    }
    let propose = journal::act::Propose {
        act: canonical::encode(&journal::act::DualAct::Policy(Policy {
            file_save: false,
            ..Policy::standard()
        }))
        .into(),
    };
    let proposal = world.act("olga", Act::Propose(propose)).unwrap();
    let Ok(Answer::Sessions(sessions)) = world.ask("adam", Query::Sessions) else { panic!() };
    assert_eq!(sessions.len(), 4);
    let Ok(Answer::Status(status)) = world.ask("olga", Query::Status) else { panic!() };
    assert_eq!((status.sessions, status.cell), (4, 1));
    assert_eq!(indices(&page(world.ask("olga", Query::Proposals(0)))), [proposal]);
    for (login, query) in [
        ("anna", Query::Sessions),
        ("anna", Query::Status),
        ("adam", Query::Proposals(0)),
        ("igor", Query::Proposals(0)),
    ] {
        assert_eq!(world.ask(login, query), Err(Code::NotFound.number()));
    }
}

#[test]
fn auditors_get_the_entries_that_their_export_names_and_no_body() {
    let mut world = World::new(10);
    world.all_enter();
    world.enter("igor");
    let chat = world.talking("anna", &["boris"]);
    let message = world.send("anna", chat).unwrap();
    let size = world.entries.len() as u32;
    let hidden = |world: &mut World| {
        assert!(page(world.ask("igor", Query::Entries(message, 1))).entries.is_empty());
        assert!(page(world.ask("igor", Query::EntriesAt(vec![message]))).entries.is_empty());
    };
    hidden(&mut world);
    let wrong = Act::Export(Export { from: 0, to: u64::from(size) + 1 });
    assert!(world.act("igor", wrong).is_err(), "more than there is");
    hidden(&mut world);
    let act = world.act("igor", Act::Export(Export { from: 0, to: u64::from(size) })).unwrap();
    let later = world.send("anna", chat).unwrap();
    let all = page(world.ask("igor", Query::Entries(0, size + 2)));
    check(&world, &all);
    // What it names, and his own act behind that; not what came since.
    assert_eq!(indices(&all), (0..=act).collect::<Vec<_>>());
    assert!(page(world.ask("igor", Query::Entries(later, 1))).entries.is_empty());
    assert!(all.entries.iter().all(|entry| entry.body.is_none()));
    world.act("igor", Act::Export(Export { from: later, to: later + 1 })).unwrap();
    hidden(&mut world);
    assert_eq!(indices(&page(world.ask("igor", Query::Entries(later, 1)))), [later]);
    // It was said in this session, and holds in no other.
    world.act("igor", Act::Logout(Logout {})).unwrap();
    world.enter("igor");
    assert!(page(world.ask("igor", Query::Entries(later, 1))).entries.is_empty());
    assert_eq!(world.ask("igor", Query::Messages(at(chat, 0))), Err(Code::NotFound.number()));
    let own = page(world.ask("vera", Query::Entries(message, 1)));
    assert!(own.entries.is_empty());
}

#[test]
fn what_one_session_asks_is_bounded_for_each_input_and_goes_on_in_turn() {
    let mut world = World::new(31);
    world.all_enter();
    let session = world.session("boris");
    world.drain(session);
    let share = (crate::limits::TURN_COST_MAX / crate::limits::ASK_COST) as u32;
    let ask = |request| crate::frame::ToCore::Ask(crate::frame::Ask { request, query: Query::Policy });
    let frames = (1..=3 * share).flat_map(|request| crate::frame::encode(&ask(request)).to_vec());
    world.input(Input::Received(session, frames.collect::<Vec<u8>>().into()));
    assert_eq!(world.drain(session).len() as u32, share);
    assert!(world.engine.has_turns());
    world.input(Input::Wake);
    world.input(Input::Wake);
    assert_eq!(world.drain(session).len() as u32, 2 * share);
    assert!(!world.engine.has_turns());
}
