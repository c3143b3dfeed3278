//! Messages from one terminal to the others, in batches; nothing heard before its commit.
use super::terminal::*;
use super::world::World;
use crate::code::Code;
use crate::frame::{Delivered, ToCore, ToTerminal};
use crate::io::Input;
use crate::limits::{INPUT_BYTES_PAUSE, INPUTS_TOGETHER_MAX, OUTSTANDING_BYTES_MAX, REQUESTS_MAX};
use crate::query::Query;
use journal::Refusal;
use journal::act::{Act, Erase, EraseTarget, Read, Remove, SizeClass, Title};
use journal::ids::{ConversationId, Index};

fn deliveries(frames: &[ToTerminal]) -> Vec<Delivered> {
    let entries = |frame: &ToTerminal| match frame {
        ToTerminal::Deliver(deliver) => deliver.entries.clone(),
        _ => Vec::new(),
    };
    frames.iter().flat_map(entries).collect()
}

#[test]
fn a_message_reaches_every_member_with_body_and_nobody_else() {
    let mut world = World::new(1);
    world.all_enter();
    let chat = world.talking("anna", &["boris"]);
    world.all_drain();
    let (message, body) = world.message(chat);
    let index = world.act_with("anna", Act::Message(message), Some(body.clone()), None).unwrap();
    let heard = deliveries(&world.drain(world.session("boris")));
    assert_eq!(heard.len(), 1);
    assert_eq!((heard[0].index, heard[0].body.as_deref()), (index, Some(&body)));
    assert_eq!(*heard[0].entry, world.entries[index as usize]);
    assert_eq!(deliveries(&world.drain(world.session("vera"))), []);
    assert_eq!(delivered(&world.drain(world.session("anna"))), [index]);
    assert_eq!(world.bodies.values().filter(|kept| **kept == body).count(), 1);
}

#[test]
fn bodies_that_do_not_fit_are_refused() {
    let mut world = World::new(2);
    world.enter("anna");
    world.enter("boris");
    let chat = world.talking("anna", &["boris"]);
    let (message, body) = world.message(chat);
    let mut flipped = body.clone();
    flipped[100] ^= 1;
    let (other_size, _) = world.body(SizeClass(9));
    let mut other_suite = body.clone();
    other_suite[1] = 2;
    for bad in [None, Some(flipped), Some(other_size), Some(other_suite), Some(vec![]), Some(vec![1; 10])] {
        assert_eq!(world.act_with("anna", Act::Message(message.clone()), bad, None), own(Code::Body));
    }
    let read = Act::Read(Read { conversation: chat, up_to: 1 });
    assert_eq!(
        world.act_with("anna", read, Some(body.clone()), None),
        own(Code::Body),
        "a body where none belongs"
    );
    let (_, commitment) = world.body(SizeClass(8));
    let title = Act::Title(Title { conversation: chat, epoch: 1, commitment, size: SizeClass(8) });
    assert_eq!(world.act_with("anna", title, Some(body.clone()), None), own(Code::Body));
    world.act_with("anna", Act::Message(message), Some(body), None).unwrap();
}

#[test]
fn the_registers_refusals_come_by_their_numbers() {
    let mut world = World::new(3);
    world.all_enter();
    let chat = world.talking("anna", &["boris"]);
    let (vera, conversation) = (world.site.id("vera"), chat);
    assert_eq!(world.send("vera", chat), Err(code(Refusal::NotAMember { person: vera, conversation })));
    let (mut message, body) = world.message(chat);
    message.epoch = 9;
    let wrong = code(Refusal::WrongEpoch { current: 1, found: 9 });
    assert_eq!(world.act_with("anna", Act::Message(message), Some(body), None), Err(wrong));
}

#[test]
fn what_queues_during_a_sync_is_one_batch_and_one_frame_for_each_group() {
    let mut world = World::new(4);
    world.all_enter();
    let private = world.talking("anna", &["boris"]);
    let group = world.talking("anna", &["boris", "vera"]);
    world.all_drain();
    world.hold_commits = true;
    let batches = world.batches.len();
    let mut posted = Vec::new();
    for chat in [private, group, private, group, group] {
        let (message, body) = world.message(chat);
        let statement = world.draft("anna", Act::Message(message));
        posted.push(world.post("anna", &statement, Some(body)));
    }
    assert_eq!(world.heard.values().map(|heard| heard.len()).sum::<usize>(), 0, "nothing before the commit");
    world.let_go();
    assert_eq!(world.batches.len(), batches + 2, "the first by itself, four while it was synced");
    let frames = world.drain(world.session("boris"));
    assert_eq!(frames.len(), 3, "one, then one for each conversation");
    let first = world.entries.len() as u64 - 5;
    assert_eq!(delivered(&frames), [first, first + 1, first + 3, first + 4, first + 2]);
    assert_eq!(delivered(&world.drain(world.session("vera"))), [first + 1, first + 3, first + 4]);
    let anna = world.drain(world.session("anna"));
    let receipts = anna.iter().filter(|frame| matches!(frame, ToTerminal::Receipt(_))).count();
    assert_eq!(receipts, posted.len());
    assert!(matches!(anna[0], ToTerminal::Deliver(_)), "first what was pushed, then what was asked");
}

#[test]
fn what_is_at_hand_goes_into_the_same_batch_but_a_batch_does_not_wait_for_ever() {
    let mut world = World::new(8);
    world.all_enter();
    let chat = world.talking("anna", &["boris"]);
    world.all_drain();
    let batches = world.batches.len();
    world.engine.more_at_hand(true);
    for _ in 0..3 {
        let (message, body) = world.message(chat);
        let statement = world.draft("anna", Act::Message(message));
        world.post("anna", &statement, Some(body));
    }
    assert_eq!(world.batches.len(), batches, "there is more at hand");
    world.engine.more_at_hand(false);
    world.input(Input::Wake);
    assert_eq!(world.batches.len(), batches + 1, "nothing is: all three together");
    world.engine.more_at_hand(true);
    let (message, body) = world.message(chat);
    let statement = world.draft("anna", Act::Message(message));
    world.post("anna", &statement, Some(body));
    (0..INPUTS_TOGETHER_MAX).for_each(|_| world.input(Input::Wake));
    assert_eq!(world.batches.len(), batches + 2, "and it was waited for long enough");
}

#[test]
fn order_within_a_conversation_holds_when_its_members_change_in_one_batch() {
    let mut world = World::new(5);
    world.all_enter();
    let group = world.talking("anna", &["boris", "vera"]);
    world.all_drain();
    world.hold_commits = true;
    let post = |world: &mut World, act, body| {
        let statement = world.draft("anna", act);
        world.post("anna", &statement, body)
    };
    let (message, body) = world.message(group);
    post(&mut world, Act::Message(message), Some(body));
    let (message, body) = world.message(group);
    post(&mut world, Act::Message(message), Some(body));
    let membership = world.register().conversation(group).unwrap().membership.head();
    let person = world.site.id("vera");
    post(&mut world, Act::Remove(Remove { conversation: group, membership, person }), None);
    let (message, body) = world.message(group);
    let late = post(&mut world, Act::Message(message), Some(body));
    world.let_go();
    let first = world.entries.len() as u64 - 3;
    assert_eq!(delivered(&world.drain(world.session("boris"))), [first, first + 1, first + 2]);
    assert_eq!(
        delivered(&world.drain(world.session("vera"))),
        [first, first + 1, first + 2],
        "her removal too"
    );
    let said = world.answer_to(world.session("anna"), late).unwrap();
    assert_eq!(refused(&said), Some(code(Refusal::EpochStale)));
}

#[test]
fn a_login_in_the_batch_hears_its_welcome_first() {
    let mut world = World::new(6);
    world.all_enter();
    let chat = world.talking("anna", &["boris"]);
    world.input(Input::Closed(world.session("boris")));
    let session = world.connect("boris");
    world.drain(session);
    world.hold_commits = true;
    // A first batch keeps the device busy; Login and message share the second.
    world.input(Input::Closed(world.session("vera")));
    let statement = world.draft_login("boris", session, false);
    world.send_login("boris", session, statement, b"own");
    let (message, body) = world.message(chat);
    let statement = world.draft("anna", Act::Message(message));
    world.post("anna", &statement, Some(body));
    world.let_go();
    let heard = world.drain(session);
    assert!(matches!(heard[0], ToTerminal::Welcome(_)), "{heard:?}");
    assert_eq!(delivered(&heard), [world.entries.len() as u64 - 1]);
}

#[test]
fn a_message_erased_in_the_same_batch_or_while_it_is_synced_arrives_without_its_body() {
    for same_batch in [true, false] {
        let mut world = World::new(7);
        world.enter("anna");
        world.enter("boris");
        let chat = world.talking("anna", &["boris"]);
        world.enter("vera");
        world.drain(world.session("boris"));
        world.hold_commits = true;
        if same_batch {
            world.input(Input::Closed(world.session("vera"))); // keeps the device busy
        }
        let index = world.register().size();
        let (message, body) = world.message(chat);
        let statement = world.draft("anna", Act::Message(message));
        world.post("anna", &statement, Some(body));
        let target = EraseTarget::Messages(chat, vec![index]);
        let statement = world.draft("anna", Act::Erase(Erase { target }));
        world.post("anna", &statement, None);
        world.let_go();
        let heard = deliveries(&world.drain(world.session("boris")));
        let message = heard.iter().find(|one| one.index == index).unwrap();
        assert_eq!((&message.body, message.erased_by), (&None, Some(index + 1)), "same batch: {same_batch}");
    }
}

/// Anna says more than may be on its way to anybody.
fn flood(world: &mut World, chat: ConversationId) -> Vec<Index> {
    let size = SizeClass::TEXT_MAX;
    let mut sent = Vec::new();
    while sent.len() * size.bytes() as usize <= OUTSTANDING_BYTES_MAX + (1 << 20) {
        let (body, commitment) = world.body(size);
        let (mut message, _) = world.message(chat);
        (message.size, message.commitment) = (size, commitment);
        sent.push(world.act_with("anna", Act::Message(message), Some(body), None).unwrap());
        world.input(Input::Drained(vec![(world.session("anna"), u64::MAX)]));
    }
    sent
}

#[test]
fn a_reader_who_lags_is_told_where_and_slows_nobody() {
    let mut world = World::new(8);
    world.enter("anna");
    let slow = world.enter("boris");
    let chat = world.talking("anna", &["boris"]);
    for login in ["anna", "boris"] {
        world.drain(world.session(login));
        world.input(Input::Drained(vec![(world.session(login), u64::MAX)]));
    }
    let sent = flood(&mut world, chat);
    let heard = world.drain(slow);
    let got = delivered(&heard);
    assert!(got.len() < sent.len() && got[..] == sent[..got.len()]);
    assert!(!heard.iter().any(|frame| matches!(frame, ToTerminal::Lagging(_))));
    world.input(Input::Drained(vec![(slow, OUTSTANDING_BYTES_MAX as u64)]));
    let lagging = crate::frame::Lagging { since: sent[got.len()] };
    assert_eq!(world.drain(slow), [ToTerminal::Lagging(lagging)]);
    let next = world.send("anna", chat).unwrap();
    assert_eq!(delivered(&world.drain(slow)), [next], "pushes go on");
}

#[test]
fn who_asks_without_reading_waits_and_is_paused() {
    let mut world = World::new(9);
    world.enter("anna");
    let session = world.enter("boris");
    world.hold_commits = true;
    world.input(Input::Closed(world.session("anna"))); // keeps the device busy: no answer leaves
    let asked = REQUESTS_MAX + 10;
    let ask = |request| ToCore::Ask(crate::frame::Ask { request, query: Query::Policy });
    (1..=asked as u32).for_each(|request| world.frame(session, &ask(request)));
    assert!(world.paused.is_empty());
    let filler = crate::frame::encode(&ask(7)).repeat(INPUT_BYTES_PAUSE / 8);
    world.input(Input::Received(session, filler[..INPUT_BYTES_PAUSE + 4096].to_vec().into()));
    assert_eq!(world.paused, [session]);
    world.let_go();
    assert!(world.drain(session).len() >= asked);
}

#[test]
fn a_terminal_that_sends_on_although_it_waits_is_ended() {
    let mut world = World::new(10);
    world.enter("anna");
    let session = world.enter("boris");
    world.hold_commits = true;
    world.input(Input::Closed(world.session("anna")));
    let frame = crate::frame::encode(&ToCore::Ask(crate::frame::Ask { request: 1, query: Query::Policy }));
    let flood = frame.repeat(crate::limits::INPUT_BYTES_MAX / frame.len() + REQUESTS_MAX + 2);
    for piece in flood.chunks(1 << 20) {
        world.input(Input::Received(session, piece.to_vec().into()));
    }
    world.let_go();
    assert!(world.ended.contains(&session));
}

#[test]
fn a_full_batch_lets_the_rest_wait_for_the_next() {
    let mut world = World::new(11);
    let session = world.enter("anna");
    world.enter("boris");
    let chat = world.talking("anna", &["boris"]);
    world.enter("vera");
    world.drain(session);
    world.hold_commits = true;
    world.input(Input::Closed(world.session("vera")));
    let size = SizeClass::TEXT_MAX;
    let count = crate::limits::BATCH_BYTES_MAX / size.bytes() as usize + 20;
    for _ in 0..count {
        let (body, commitment) = world.body(size);
        let (mut message, _) = world.message(chat);
        (message.size, message.commitment) = (size, commitment);
        let statement = world.draft("anna", Act::Message(message));
        world.post("anna", &statement, Some(body));
    }
    let batches = world.batches.len();
    let before = world.entries.len();
    world.let_go();
    assert!(world.entries.len() < before + 1 + count, "who does not read does not get on");
    world.input(Input::Drained(vec![(session, u64::MAX)]));
    assert!(world.batches.len() >= batches + 3);
    assert_eq!(world.entries.len(), before + 1 + count);
    let bytes = |batch: &crate::io::Batch| batch.bodies.iter().map(|body| body.body.len()).sum::<usize>();
    assert!(world.batches.iter().all(|batch| bytes(batch) <= crate::limits::BATCH_BYTES_MAX + (1 << 17)));
}

#[test]
fn an_unknown_conversation_and_a_forbidden_one_look_alike() {
    let mut world = World::new(12);
    world.all_enter();
    let chat = world.talking("anna", &["boris"]);
    let message: Index = world.send("anna", chat).unwrap();
    let at = |conversation| crate::frame::At { conversation, index: 0 };
    let nowhere = ConversationId([1; 32]);
    for query in [
        Query::Messages(at(chat)),
        Query::Messages(at(nowhere)),
        Query::Acts(at(chat)),
        Query::Acts(at(nowhere)),
        Query::MessagesBefore(at(chat)),
        Query::MessageStatus(message),
        Query::MessageStatus(99_999),
        Query::Chunk(message, 1),
        Query::Wrap(message),
    ] {
        assert_eq!(world.ask("vera", query), Err(Code::NotFound.number()));
    }
}

#[test]
fn erased_is_said_only_when_the_network_has_answered_for_its_buffers() {
    let mut world = World::new(21);
    world.all_enter();
    let chat = world.talking("anna", &["boris"]);
    let boris = world.session("boris");
    let index = world.send("anna", chat).unwrap();
    let row = world.register().message(index).unwrap();
    let place = journal::Place { conversation: row.conversation, item: row.item };
    world.drain(boris);
    world.hold_network = true;
    let target = EraseTarget::Messages(chat, vec![index]);
    world.act("anna", Act::Erase(Erase { target })).unwrap();
    assert!(!world.has_fact(|fact| matches!(fact, journal::Fact::Erased(_))), "not before the answer");
    let Some(crate::io::Output::Forget(number, items)) = world.held.pop_back() else { panic!("not asked") };
    assert_eq!(items, [crate::io::EraseItem::Item(place)]);
    world.input(Input::Forgotten(number + 1, Vec::new()));
    assert!(!world.has_fact(|fact| matches!(fact, journal::Fact::Erased(_))), "not that question");
    let dropped = crate::io::Dropped { session: boris, first: index, bytes: 1 };
    world.input(Input::Forgotten(number, vec![dropped]));
    assert!(world.has_fact(|fact| matches!(fact, journal::Fact::Erased(_))));
    let heard = world.drain(boris);
    assert!(heard.contains(&ToTerminal::Lagging(crate::frame::Lagging { since: index })), "{heard:?}");
}

#[test]
fn what_was_given_up_is_said_before_any_answer_even_where_pushes_do_not_go_on() {
    let mut world = World::new(24);
    world.all_enter();
    let chat = world.talking("anna", &["boris"]);
    let boris = world.session("boris");
    world.hold_network = true;
    let index = world.send("anna", chat).unwrap();
    let target = EraseTarget::Messages(chat, vec![index]);
    world.act("anna", Act::Erase(Erase { target })).unwrap();
    let Some(crate::io::Output::Forget(number, _)) = world.held.pop_back() else { panic!("not asked") };
    flood(&mut world, chat);
    world.drain(boris);
    let dropped = crate::io::Dropped { session: boris, first: index, bytes: 1 };
    world.input(Input::Forgotten(number, vec![dropped]));
    let heard = world.drain(boris);
    assert_eq!(heard, [ToTerminal::Lagging(crate::frame::Lagging { since: index })]);
}

#[test]
fn a_question_that_overtakes_the_word_of_what_was_given_up_is_answered_behind_it() {
    let mut world = World::new(25);
    world.all_enter();
    let chat = world.talking("anna", &["boris"]);
    let boris = world.session("boris");
    world.hold_network = true;
    let index = world.send("anna", chat).unwrap();
    world.act("anna", Act::Erase(Erase { target: EraseTarget::Messages(chat, vec![index]) })).unwrap();
    let Some(crate::io::Output::Forget(number, _)) = world.held.pop_back() else { panic!("not asked") };
    world.drain(boris);
    let ask = |request| ToCore::Ask(crate::frame::Ask { request, query: Query::Policy });
    [1, 2].into_iter().for_each(|request| world.frame(boris, &ask(request)));
    assert_eq!(world.drain(boris), [], "an answer would say that nothing was given up");
    assert!(world.send("anna", chat).is_ok(), "nobody else waits");
    let dropped = crate::io::Dropped { session: boris, first: index, bytes: 1 };
    world.input(Input::Forgotten(number, vec![dropped]));
    let heard = world.drain(boris);
    let at = |wanted: &dyn Fn(&ToTerminal) -> bool| heard.iter().position(wanted).expect("said");
    let lagging = at(&|frame| matches!(frame, ToTerminal::Lagging(_)));
    let answers = [1, 2]
        .map(|request| at(&|frame| matches!(frame, ToTerminal::Answer(answer) if answer.request == request)));
    assert!(lagging < answers[0] && answers[0] < answers[1], "{heard:?}");
}
