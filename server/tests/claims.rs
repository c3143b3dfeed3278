//! Who claims what is not so, from inside a live session: wraps, chunks, bodies, labels, numbers that do not fit. Each
//! gets its code and nothing else, is taken once it fits, and harms nobody.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;

use journal::act::{Act, Epoch, Purpose, SizeClass, WrapClaim};
use journal::fact::{AlarmKind, Fact};
use journal::testing::Described;
use journal::{ConversationId, MembershipHead};
use pki::{AgreementPublic, CertId, Clearance, Role, Suite};
use protocol::Code;
use protocol::answer::Answer;
use protocol::client::command::NewGroup;
use protocol::client::event::Content;
use protocol::client::{Command, Error, Reply};
use protocol::frame::At;
use protocol::query::Query;
use protocol::seal::keys::EpochKey;
use protocol::seal::wraps::{EpochPlace, WrapSet};
use support::{Client, LONG_MS, NotIn, Raw, Server, Site, body, claim, rng, runtime};

/// Codes of the Register (FORMAT.md).
const STALE_ATTEMPT: u16 = 103;
const EQUIVOCATION: u16 = 106;
const ALREADY_ADMITTED: u16 = 107;
const NOT_A_MEMBER: u16 = 151;
const CLEARANCE_TOO_LOW: u16 = 156;
const LABEL_TOO_HIGH: u16 = 174;

async fn arrived(site: &Site, login: &str, server: &Server) -> Client {
    let mut client = Client::new(site, login);
    client.first_login(site, login, server).await;
    client
}

/// A live session of a person who comes for the first time, without an honest terminal on it.
async fn raw(site: &Site, login: &str, server: &Server) -> Raw {
    arrived(site, login, server).await.hang_up();
    let mut client = Client::new(site, login);
    client.enter(site, login, server).await;
    client.into_raw(site, login)
}

/// What one sees of a conversation, from the beginning: texts, or what stands in their place.
async fn screen(client: &mut Client, conversation: ConversationId) -> Vec<String> {
    match client.run(Command::MessagesFrom(conversation, 0)).await {
        Ok(Reply::Messages(page, false)) => {
            let line = |content: &Content| match content {
                Content::Text(text, _) => text.expose().to_owned(),
                Content::Unreadable(what) => format!("unreadable: {what:?}"),
                _ => "something else".into(),
            };
            page.iter().map(|view| line(&view.content)).collect()
        }
        Ok(_) => panic!("another reply"),
        Err(NotIn::Failed(error)) => panic!("{error:?}"),
        Err(NotIn::Lost) => panic!("lost"),
    }
}

fn wraps_that_do_not_fit_make_no_epoch(suite: Suite) {
    let (mut site, runtime) = (Site::founded(suite), runtime());
    let server = site.start();
    let anna = runtime.block_on(async {
        let mut olga = arrived(&site, "olga", &server).await;
        let (acts, verifiers) = site.welcome("vera", Role::Operator);
        olga.take_in(acts, verifiers).await.unwrap();
        let mut boris = raw(&site, "boris", &server).await;
        let group = boris.found_group(site.person("anna").id).await;

        let key = EpochKey::generate(&mut rng());
        let place =
            EpochPlace { log: site.log, conversation: group, epoch: 1, membership: MembershipHead(group.0) };
        let set = |logins: &[&str]| {
            let mut people: Vec<_> = logins.iter().map(|login| site.person(login)).collect();
            people.sort_by_key(|person| person.id);
            let keys: Vec<(CertId, AgreementPublic)> = people
                .iter()
                .map(|person| (person.agreement_certificate.id(), person.agreement.public().clone()))
                .collect();
            WrapSet::make(suite, &place, &key, &keys, &mut rng()).unwrap()
        };
        let key_commitment = key.commitment(suite, site.log, group, 1).unwrap();
        let epoch = |wraps| {
            Act::Epoch(Epoch {
                conversation: group,
                epoch: 1,
                membership: place.membership,
                key_commitment,
                wraps,
            })
        };
        let (true_set, other) = (set(&["anna", "boris"]), set(&["anna", "boris"]));
        let ghost = set(&["anna", "boris", "vera"]);
        let instead = set(&["boris", "vera"]);

        // What is stored, what is claimed of it, what is wrong with it.
        let whole = |set: &WrapSet| (set.chunks().to_vec(), set.clone());
        let cases = [
            ("a ghost reader", whole(&ghost)),
            ("somebody in a member's place", whole(&instead)),
            ("one is missing", (true_set.chunks()[..1].to_vec(), true_set.clone())),
            ("the wraps of another root", (true_set.chunks().to_vec(), other)),
        ];
        for (name, (chunks, claimed)) in cases {
            let count = claimed.chunks().len() as u32;
            let id = boris.reserve(group, Purpose::Wraps, count, claimed.size()).await.unwrap();
            for (number, chunk) in (0..).zip(&chunks) {
                boris.put(id, number, chunk).await.unwrap();
            }
            let act = boris.signed(epoch(claimed.claim(id)), None);
            assert_eq!(boris.submit(&act).await, Err(Code::Wraps.number()), "{name}");
        }
        // A chunk that is no wrap, or not the one of its number, is not even stored.
        let id = boris.reserve(group, Purpose::Wraps, 2, true_set.size()).await.unwrap();
        assert_eq!(boris.put(id, 0, &[0; 64]).await, Err(Code::Body.number()));
        assert_eq!(boris.put(id, 1, &true_set.chunks()[0]).await, Err(Code::Body.number()));
        assert_eq!(boris.put(id, 2, &true_set.chunks()[1]).await, Err(Code::Body.number()));
        // One too many claimed of what is right, and then what is right.
        for (number, chunk) in (0..).zip(true_set.chunks()) {
            boris.put(id, number, chunk).await.unwrap();
        }
        let more = WrapClaim { count: 3, ..true_set.claim(id) };
        let act = boris.signed(epoch(more), None);
        assert_eq!(boris.submit(&act).await, Err(Code::Wraps.number()), "more than members");
        let act = boris.signed(epoch(true_set.claim(id)), None);
        assert!(boris.submit(&act).await.is_ok(), "it fits");
        assert!(boris.say(group, 1, 0).await.is_ok());

        let mut anna = arrived(&site, "anna", &server).await;
        let _accepted_already = anna.run(Command::Accept(group)).await;
        assert!(anna.admitted(Client::message(group, "I read with you")).await.is_ok());
        anna
    });
    let journal = site.audited(server, &[&anna]);
    assert_eq!(journal.count_of(site.person("boris").id, "epoch"), 1, "the one that fits");
}

fn a_file_whose_chunks_are_not_the_claimed_ones_is_no_file(suite: Suite) {
    let (site, runtime) = (Site::founded(suite), runtime());
    let server = site.start();
    let anna = runtime.block_on(async {
        let mut anna = arrived(&site, "anna", &server).await;
        let mut boris = raw(&site, "boris", &server).await;
        let to = anna.talk_to(&site, "boris").await;
        assert!(anna.admitted(Client::message(to, "one")).await.is_ok());
        boris.accept(to).await;
        let (first, second) = (body(suite), body(suite));
        let id = boris.reserve(to, Purpose::File, 3, SizeClass::MIN).await.unwrap();
        boris.put(id, 1, &first).await.unwrap();

        let whole = claim(id, &[first.clone(), second.clone()]);
        let (refused, unstored) = (Err(Code::Body.number()), Err(Code::Body.number()));
        let missing = boris.carrying(to, 1, 0, body(suite), Some(whole.clone()));
        assert_eq!(boris.submit(&missing).await, refused, "the second one has not come");
        boris.put(id, 2, &second).await.unwrap();
        assert_eq!(boris.put(id, 2, &body(suite)).await, unstored, "another in its place");
        assert!(boris.put(id, 2, &second).await.is_ok(), "the same once more");
        assert_eq!(boris.put(id, 0, &body(suite)).await, unstored, "chunk 0 is the message's own body");
        let mut short = body(suite);
        short.pop();
        assert_eq!(boris.put(id, 2, &short).await, unstored, "no body of this size");
        let swapped = claim(id, &[second.clone(), first.clone()]);
        for (name, bad) in [("another order", swapped), ("another chunk", claim(id, &[first, body(suite)]))] {
            let act = boris.carrying(to, 1, 0, body(suite), Some(bad));
            assert_eq!(boris.submit(&act).await, refused, "{name}");
        }
        let fits = boris.carrying(to, 1, 0, body(suite), Some(whole.clone()));
        assert!(boris.submit(&fits).await.is_ok());
        let again = boris.carrying(to, 1, 0, body(suite), Some(whole));
        assert!(boris.submit(&again).await.is_err(), "claimed once");
        anna
    });
    let journal = site.audited(server, &[&anna]);
    assert_eq!(journal.count_of(site.person("boris").id, "message"), 1);
    let register = journal.replay.register();
    assert_eq!(register.person(site.person("boris").id).unwrap().reservations, 0);
}

fn an_honest_body_carried_elsewhere_is_readable_to_nobody_there(suite: Suite) {
    let (mut site, runtime) = (Site::founded(suite), runtime());
    let server = site.start();
    let (anna, vera) = runtime.block_on(async {
        let mut olga = arrived(&site, "olga", &server).await;
        let (acts, verifiers) = site.welcome("vera", Role::Operator);
        olga.take_in(acts, verifiers).await.unwrap();
        let mut anna = arrived(&site, "anna", &server).await;
        let mut vera = arrived(&site, "vera", &server).await;
        let mut boris = arrived(&site, "boris", &server).await;
        let (secret, open) = (anna.talk_to(&site, "boris").await, vera.talk_to(&site, "boris").await);
        assert!(anna.admitted(Client::message(secret, "between us")).await.is_ok());
        assert!(vera.admitted(Client::message(open, "hello")).await.is_ok());
        for room in [secret, open] {
            let _accepted_already = boris.run(Command::Accept(room)).await;
        }
        let index = boris.admitted(Client::message(secret, "my own words")).await.unwrap();
        boris.hang_up();
        boris.enter(&site, "boris", &server).await;
        let mut boris = boris.into_raw(&site, "boris");
        let Ok(Answer::Messages(page)) =
            boris.ask(Query::Messages(At { conversation: secret, index: 0 })).await
        else {
            panic!("a member reads")
        };
        let body_of = |at: usize| page.entries[at].body.clone().unwrap().to_vec();
        assert_eq!(page.entries[1].index, index);
        // Anna's words and his own, in another conversation; his own of the session before, in this one.
        for (at, to) in [(0, open), (1, open), (1, secret)] {
            let carried = boris.carrying(to, 1, 0, body_of(at), None);
            assert!(boris.submit(&carried).await.is_ok(), "the core cannot tell");
        }
        assert_eq!(screen(&mut vera, open).await, ["hello", "unreadable: Body", "unreadable: Body"]);
        assert_eq!(screen(&mut anna, secret).await, ["between us", "my own words", "unreadable: Body"]);
        (anna, vera)
    });
    site.audited(server, &[&anna, &vera]);
}

fn nobody_is_where_or_says_what_he_is_not_cleared_for(suite: Suite) {
    let (mut site, runtime) = (Site::founded(suite), runtime());
    let server = site.start();
    let anna = runtime.block_on(async {
        let mut olga = arrived(&site, "olga", &server).await;
        let cleared =
            |rank| Described { valid_ms: LONG_MS, ..Described::new(Role::Operator, Clearance(rank)) };
        let (acts, verifiers) = site.welcome_as("dina", &cleared(1));
        olga.take_in(acts, verifiers).await.unwrap();
        let mut anna = arrived(&site, "anna", &server).await;
        arrived(&site, "boris", &server).await.hang_up();
        let mut dina = raw(&site, "dina", &server).await;
        let (id, boris) = (site.person("dina").id, site.person("boris").id);
        let group = |people: Vec<_>| {
            let new = NewGroup { title: None, people, ceiling: Some(Clearance(3)), default_label: None };
            Command::NewGroup(new)
        };
        // Neither founded with nor invited.
        let refused = anna.run(group(vec![id, boris])).await.err();
        assert!(is_refused(refused, CLEARANCE_TOO_LOW), "founded with her");
        let Ok(Reply::Founded(room, _)) = anna.run(group(vec![boris])).await else { panic!("no group") };
        assert!(anna.admitted(Client::message(room, "one")).await.is_ok());
        assert_eq!(anna.admitted(Command::Invite(room, id)).await, Err(CLEARANCE_TOO_LOW));
        assert_eq!(dina.say(room, 1, 0).await, Err(NOT_A_MEMBER), "she never was in");

        // Cleared by a new certificate while her session stands on the old one: she reads, and the old one signs no
        // label above its own.
        let renewed = site.enrol_as("dina", &cleared(3));
        olga.take_in(vec![renewed], Vec::new()).await.unwrap();
        assert!(anna.admitted(Command::Invite(room, id)).await.is_ok());
        dina.accept(room).await;
        assert!(anna.admitted(Client::message(room, "two")).await.is_ok());
        let epoch = anna.epoch_of(room).await;
        assert_eq!(dina.say(room, epoch, 3).await, Err(CLEARANCE_TOO_LOW));
        assert_eq!(dina.say(room, epoch, 4).await, Err(LABEL_TOO_HIGH), "above the ceiling, for anybody");
        assert!(dina.say(room, epoch, 1).await.is_ok());

        // And taken down again: she is out at once.
        let renewed = site.enrol_as("dina", &cleared(1));
        olga.take_in(vec![renewed], Vec::new()).await.unwrap();
        assert!(dina.say(room, epoch, 0).await.is_err());
        assert!(anna.admitted(Client::message(room, "three")).await.is_ok());
        assert_eq!(dina.say(room, epoch + 1, 0).await, Err(NOT_A_MEMBER));
        anna
    });
    let journal = site.audited(server, &[&anna]);
    assert_eq!(journal.count_of(site.person("dina").id, "message"), 1);
}

fn is_refused(found: Option<NotIn>, wanted: u16) -> bool {
    matches!(found, Some(NotIn::Failed(Error::Refused { code })) if code == wanted)
}

fn a_number_is_used_once_and_tried_again_honestly(suite: Suite) {
    let (site, runtime) = (Site::founded(suite), runtime());
    let server = site.start();
    let anna = runtime.block_on(async {
        let mut anna = arrived(&site, "anna", &server).await;
        let mut boris = raw(&site, "boris", &server).await;
        let to = anna.talk_to(&site, "boris").await;
        assert!(anna.admitted(Client::message(to, "one")).await.is_ok());
        boris.accept(to).await;

        // Refused: the number is not used up. The same bytes get the same word, other bytes are two texts under one
        // number, and a higher attempt is honest.
        let refused = boris.message(to, 1, 4);
        let rival = boris.message(to, 1, 0);
        assert_eq!(boris.offer(&refused).await, Err(LABEL_TOO_HIGH));
        assert_eq!(boris.offer(&refused).await, Err(LABEL_TOO_HIGH), "refused bytes stay refused");
        boris.refused();
        let second = boris.message(to, 1, 4);
        assert_eq!(boris.submit(&second).await, Err(LABEL_TOO_HIGH), "the second attempt");
        assert_eq!(boris.offer(&rival).await, Err(STALE_ATTEMPT), "of an attempt that is over");
        let honest = boris.message(to, 1, 0);
        let late = boris.next_attempt(|boris| boris.message(to, 1, 0));
        let index = boris.submit(&honest).await.unwrap();

        // Admitted: now it is used up.
        assert_eq!(boris.offer(&honest).await, Ok(index), "the old receipt");
        assert_eq!(boris.offer(&late).await, Err(ALREADY_ADMITTED), "another attempt at it");
        let (one, other) = (boris.message(to, 1, 4), boris.message(to, 1, 0));
        assert_eq!(boris.offer(&one).await, Err(LABEL_TOO_HIGH));
        assert_eq!(boris.offer(&other).await, Err(EQUIVOCATION), "two texts, one number, one attempt");
        boris.refused();
        assert!(boris.say(to, 1, 0).await.is_ok(), "and his session goes on");
        anna
    });
    let journal = site.audited(server, &[&anna]);
    assert_eq!(journal.count_of(site.person("boris").id, "message"), 2);
    let equivocation =
        |fact: &&Fact| matches!(fact, Fact::Alarm(alarm) if alarm.alarm == AlarmKind::Equivocation);
    assert_eq!(journal.facts().filter(equivocation).count(), 1, "kept as evidence");
}

support::on_each_suite! {
    wraps_that_do_not_fit_make_no_epoch,
    a_file_whose_chunks_are_not_the_claimed_ones_is_no_file,
    an_honest_body_carried_elsewhere_is_readable_to_nobody_there,
    nobody_is_where_or_says_what_he_is_not_cleared_for,
    a_number_is_used_once_and_tried_again_honestly,
}
