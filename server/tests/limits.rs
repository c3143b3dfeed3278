//! Who breaks the rules from inside a live session, and a store without room: each gets its code, all others go on.
//! Each story ends with the journal replayed: nothing that was refused is in it.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;

use journal::ConversationId;
use journal::act::{Act, Erase, EraseTarget, Resume, Suspend};
use journal::fact::{AlarmKind, EndReason, Fact, LoginFailure};
use journal::statement::Statement;
use pki::{Role, Suite, canonical};
use protocol::Code;
use protocol::client::command::NewGroup;
use protocol::client::{Command, Event, Reply};
use protocol::frame::{self, Ask, SubmitFrame, ToCore};
use protocol::limits::FRAME_BYTES_MAX;
use protocol::query::Query;
use support::{Client, Raw, Server, Site, runtime};

/// Codes of the Register (FORMAT.md).
const CHAIN_ENDED: u16 = 101;
const EQUIVOCATION: u16 = 106;
const NOT_A_MEMBER: u16 = 151;
const WRONG_EPOCH: u16 = 170;
const EPOCH_STALE: u16 = 171;
const LABEL_TOO_HIGH: u16 = 174;
const NO_RIGHT_TO_ERASE: u16 = 190;

async fn arrived(site: &Site, login: &str, server: &Server) -> Client {
    let mut client = Client::new(site, login);
    client.first_login(site, login, server).await;
    client
}

/// A live session of a person who arrived before, without an honest terminal on it.
async fn raw(mut client: Client, site: &Site, login: &str, server: &Server) -> Raw {
    client.hang_up();
    client.enter(site, login, server).await;
    client.into_raw(site, login)
}

fn what_a_conversation_refuses(suite: Suite) {
    let (mut site, runtime) = (Site::founded(suite), runtime());
    let server = site.start();
    let anna = runtime.block_on(async {
        let mut olga = arrived(&site, "olga", &server).await;
        let (acts, verifiers) = site.welcome("vera", Role::Operator);
        olga.take_in(acts, verifiers).await.unwrap();
        let mut anna = arrived(&site, "anna", &server).await;
        let mut boris = arrived(&site, "boris", &server).await;
        let mut vera = arrived(&site, "vera", &server).await;
        let people = ["boris", "vera"].map(|login| site.person(login).id).to_vec();
        let new = NewGroup { title: None, people, ceiling: None, default_label: None };
        let Ok(Reply::Founded(group, _)) = anna.run(Command::NewGroup(new)).await else { panic!("no group") };
        for member in [&mut boris, &mut vera] {
            // The terminal may have accepted by itself; then this one finds nothing to accept.
            let _accepted_already = member.run(Command::Accept(group)).await;
        }
        let Ok(first) = anna.admitted(Client::message(group, "one")).await else { panic!("not sent") };
        let epoch = anna.epoch_of(group).await;
        let mut boris = raw(boris, &site, "boris", &server).await;
        let mut vera = raw(vera, &site, "vera", &server).await;

        assert!(boris.say(group, epoch, 3).await.is_ok(), "a member, the epoch, the ceiling");
        assert_eq!(boris.say(group, epoch, 4).await, Err(LABEL_TOO_HIGH));
        assert_eq!(boris.say(group, epoch + 1, 0).await, Err(WRONG_EPOCH));
        let target = EraseTarget::Messages(group, vec![first]);
        let erase = boris.signed(Act::Erase(Erase { target }), None);
        assert_eq!(boris.submit(&erase).await, Err(NO_RIGHT_TO_ERASE), "anna's message");
        let all = boris.signed(Act::Erase(Erase { target: EraseTarget::Conversation(group) }), None);
        assert_eq!(boris.submit(&all).await, Err(NO_RIGHT_TO_ERASE), "anna's group");

        let removed = site.person("vera").id;
        assert!(anna.admitted(Command::Remove(group, removed)).await.is_ok());
        assert_eq!(boris.say(group, epoch, 0).await, Err(EPOCH_STALE), "she could read it");
        assert!(anna.admitted(Client::message(group, "two")).await.is_ok());
        assert_eq!(boris.say(group, epoch, 0).await, Err(WRONG_EPOCH), "the old one is gone for good");
        let newest = anna.epoch_of(group).await;
        assert!(newest > epoch);
        assert!(boris.say(group, newest, 0).await.is_ok(), "refusals did not cost him his chain");
        assert_eq!(vera.say(group, newest, 0).await, Err(NOT_A_MEMBER), "she is out");
        let private = anna.talk_to(&site, "boris").await;
        assert!(anna.admitted(Client::message(private, "three")).await.is_ok());
        assert_eq!(vera.say(private, 1, 0).await, Err(NOT_A_MEMBER), "she never was in");
        anna
    });
    let journal = site.audited(server, &[&anna]);
    let messages = |login: &str| journal.count_of(site.person(login).id, "message");
    assert_eq!((messages("anna"), messages("boris"), messages("vera")), (3, 2, 0));
    assert_eq!(journal.count_of(site.person("boris").id, "erase"), 0);
}

/// The same signature over other bytes: the message is turned to another conversation.
fn turned(frame: &SubmitFrame, to: ConversationId) -> SubmitFrame {
    let mut turned = frame.clone();
    let mut statement: Statement = canonical::decode(&turned.statement.statement).unwrap();
    let Act::Message(message) = &mut statement.act else { panic!("no message") };
    message.conversation = to;
    turned.statement.statement = canonical::encode(&statement).into();
    turned
}

fn a_statement_is_good_for_one_chain_one_place_and_one_signer(suite: Suite) {
    let (mut site, runtime) = (Site::founded(suite), runtime());
    let server = site.start();
    let anna = runtime.block_on(async {
        let mut olga = arrived(&site, "olga", &server).await;
        let (acts, verifiers) = site.welcome("vera", Role::Operator);
        olga.take_in(acts, verifiers).await.unwrap();
        let mut anna = arrived(&site, "anna", &server).await;
        let mut boris = arrived(&site, "boris", &server).await;
        let (one, other) = (anna.talk_to(&site, "boris").await, anna.talk_to(&site, "vera").await);
        // The terminal may have accepted by itself; then this one finds nothing to accept.
        let _accepted_already = boris.run(Command::Accept(one)).await;
        assert!(anna.admitted(Client::message(one, "one")).await.is_ok());
        let epoch = anna.epoch_of(one).await;

        let mut first = raw(boris, &site, "boris", &server).await;
        let sent = first.message(one, epoch, 0);
        assert_eq!(first.offer(&turned(&sent, other)).await, Err(Code::Statement.number()), "turned");
        let mut stripped = sent.clone();
        stripped.body = first.message(one, epoch, 0).body;
        assert_eq!(first.submit(&stripped).await, Err(Code::Body.number()), "another body");
        assert_eq!(first.offer(&sent).await, Err(Code::Body.number()), "refused bytes stay refused");
        let sent = first.message(one, epoch, 0);
        let rival = first.message(one, epoch, 0);
        let index = first.submit(&sent).await.unwrap();
        assert_eq!(first.offer(&sent).await, Ok(index), "an honest retry gets its old receipt");
        assert_eq!(first.offer(&rival).await, Err(EQUIVOCATION), "two texts under one number");
        let kept = first.message(one, epoch, 0);

        // His next session: what was admitted has its receipt, what was kept back is dead.
        let mut boris = Client::new(&site, "boris");
        boris.enter(&site, "boris", &server).await;
        let login = boris.login_frame.clone().unwrap();
        let mut second = boris.into_raw(&site, "boris");
        assert_eq!(second.offer(&sent).await, Ok(index));
        assert_eq!(second.offer(&kept).await, Err(CHAIN_ENDED), "of another chain");
        assert_eq!(first.ended().await, Some(Code::Replaced.number()));

        // Another person's session, and the Login itself once more on a connection of its own person.
        let mut vera = raw(arrived(&site, "vera", &server).await, &site, "vera", &server).await;
        assert_eq!(vera.offer(&kept).await, Err(Code::Statement.number()), "of another person");
        let mut again = Client::new(&site, "boris");
        again.connect(&site, "boris", &server).await.unwrap();
        again.link_bytes(&login).await;
        assert!(again.until(|event| matches!(event, Event::Ready(_)).then_some(())).await.is_none());
        assert!(second.say(one, epoch, 0).await.is_ok(), "the live session is not disturbed");
        anna
    });
    let journal = site.audited(server, &[&anna]);
    let boris = site.person("boris").id;
    assert_eq!(journal.count_of(boris, "message"), 2);
    assert_eq!(journal.failed_logins(boris), [LoginFailure::Statement], "the replayed Login");
    let alarms = journal.facts().filter_map(|fact| match fact {
        Fact::Alarm(alarm) => Some((alarm.alarm, alarm.person)),
        _ => None,
    });
    assert_eq!(alarms.collect::<Vec<_>>(), [(AlarmKind::Equivocation, Some(boris))]);
}

fn a_bad_frame_behind_the_login_ends_its_own_session_only(suite: Suite) {
    let (site, runtime) = (Site::founded(suite), runtime());
    let server = site.start();
    let protocol = Some(Code::Protocol.number());
    let anna = runtime.block_on(async {
        let mut anna = arrived(&site, "anna", &server).await;
        arrived(&site, "boris", &server).await.hang_up();
        let to = anna.talk_to(&site, "boris").await;
        let good = frame::encode(&ToCore::Ask(Ask { request: 1, query: Query::Policy })).to_vec();
        // The same question with its first number in two bytes where one does.
        assert_eq!(good[4..6], [0x82, 0x04]);
        let long: Vec<u8> = [&[0x82, 0x18, 0x04], &good[6..]].concat();
        let oversized = (FRAME_BYTES_MAX as u32 + 1).to_be_bytes().to_vec();
        let not_canonical = [&(long.len() as u32).to_be_bytes()[..], &long].concat();
        let trailing = [&(good.len() as u32 - 3).to_be_bytes()[..], &good[4..], &[0]].concat();
        for (name, bytes) in
            [("oversized", oversized), ("not canonical", not_canonical), ("trailing byte", trailing)]
        {
            let mut boris = Client::new(&site, "boris");
            boris.enter(&site, "boris", &server).await;
            let mut boris = boris.into_raw(&site, "boris");
            boris.bytes(&bytes).await;
            assert_eq!(boris.ended().await, protocol, "{name}");
            assert!(anna.admitted(Client::message(to, name)).await.is_ok(), "anna goes on");
        }
        // Cut off in the middle of a frame.
        let mut boris = Client::new(&site, "boris");
        boris.enter(&site, "boris", &server).await;
        let mut boris = boris.into_raw(&site, "boris");
        boris.bytes(&good[..good.len() - 1]).await;
        boris.finish();
        boris.ended().await;
        assert!(anna.admitted(Client::message(to, "truncated")).await.is_ok(), "anna goes on");
        anna
    });
    let journal = site.audited(server, &[&anna]);
    let ends = |wanted| {
        let ends =
            journal.facts().filter(|fact| matches!(fact, Fact::SessionEnd(end) if end.reason == wanted));
        ends.count()
    };
    assert_eq!(ends(EndReason::Protocol), 3, "each broken session has its entry");
    assert_eq!(ends(EndReason::Lost), 2, "hung up after the first login, and cut off");
}

fn a_full_store_takes_no_messages_and_still_erases_and_obeys_officers(suite: Suite) {
    let site = Site::founded_on(suite, 50 << 20);
    let (runtime, server) = (runtime(), site.start());
    let (anna, boris) = runtime.block_on(async {
        let mut olga = arrived(&site, "olga", &server).await;
        let mut anna = arrived(&site, "anna", &server).await;
        let mut boris = arrived(&site, "boris", &server).await;
        let to = anna.talk_to(&site, "boris").await;
        let text = "x".repeat(60_000);
        let mut sent = Vec::new();
        let full = loop {
            match anna.admitted(Client::message(to, &text)).await {
                Ok(index) => sent.push(index),
                Err(code) => break code,
            }
            assert!(sent.len() < 1000, "50 MiB never fill");
        };
        assert_eq!(full, Code::Full.number());
        assert!(!sent.is_empty(), "there was room once");

        // Boris takes in what was pushed to him: an erasure cuts off whoever leaves bodies lying in the network.
        for _ in 0..2 {
            assert!(boris.run(Command::Conversations).await.is_ok());
        }

        // What takes away, and what officers decide, has room kept for it.
        let target = EraseTarget::Messages(to, vec![sent[0]]);
        assert!(anna.admitted(Command::Erase(target)).await.is_ok());
        let done = anna.until(|event| match event {
            Event::ErasureDone(_, through) => Some(*through),
            _ => None,
        });
        assert!(done.await.unwrap() > *sent.last().unwrap());
        let person = site.person("boris").id;
        olga.act(Act::Suspend(Suspend { person })).await.unwrap();
        assert_eq!(boris.ended().await, Some(Code::Expelled.number()));
        olga.act(Act::Resume(Resume { person })).await.unwrap();
        boris.hang_up();
        boris.enter(&site, "boris", &server).await;
        assert!(matches!(boris.run(Command::MessagesBefore(to, u64::MAX)).await, Ok(Reply::Messages(..))));
        (anna, boris)
    });
    let journal = site.audited(server, &[&anna, &boris]);
    let full = |fact: &&Fact| matches!(fact, Fact::Alarm(alarm) if alarm.alarm == AlarmKind::NearlyFull);
    assert!(journal.facts().filter(full).count() >= 1, "it was told");
    assert!(site.check(&["--full"]).status.success());
    let server = site.start();
    assert!(site.audited(server, &[]).entries.len() > journal.entries.len(), "it starts again");
}

support::on_each_suite! {
    what_a_conversation_refuses,
    a_statement_is_good_for_one_chain_one_place_and_one_signer,
    a_bad_frame_behind_the_login_ends_its_own_session_only,
    a_full_store_takes_no_messages_and_still_erases_and_obeys_officers,
}
