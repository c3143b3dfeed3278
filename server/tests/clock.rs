//! What time does by itself, with real processes and a wall clock in the test's hand: certificates run out, unclaimed
//! room falls, failures are summed up, an order of erasure takes effect. Nothing here sleeps.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;

use journal::act::{Act, DualAct, Erase, EraseOrder, EraseTarget, Ground, Order, Purpose, SizeClass};
use journal::fact::{AlarmKind, EndReason, Fact, LoginFailure};
use journal::policy::PrivateErase;
use journal::testing::Described;
use journal::{Content, Policy};
use link::LinkError;
use pki::{Clearance, Role, Suite};
use protocol::Code;
use protocol::bundle::{Bundle, VERSION};
use protocol::client::{Command, Event};
use support::{Client, Raw, Server, Site, body, runtime};

/// Codes of the Register (FORMAT.md).
const NO_SUCH_RESERVATION: u16 = 172;
const NO_RIGHT_TO_ERASE: u16 = 190;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

async fn arrived(site: &Site, login: &str, server: &Server) -> Client {
    let mut client = Client::new(site, login);
    client.first_login(site, login, server).await;
    client
}

fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_millis() as u64
}

/// Where the machine's date leaps beyond the server's own certificate nothing is stamped with it: nobody's certificate would ever
/// be valid again in that log.
fn a_date_beyond_the_servers_certificate_ends_it_and_writes_nothing(suite: Suite) {
    let (site, runtime) = (Site::founded(suite).with_clock(), runtime());
    let server = site.start();
    let mut anna = runtime.block_on(arrived(&site, "anna", &server));
    let beyond = (support::LONG_MS.1.saturating_sub(now_ms()) / 1000) as i64 + DAY;
    site.clock().set_ahead(beyond);
    let (status, said) = server.wait();
    assert!(status.code() == Some(74) && said.contains("with no entry of that date"), "{status}: {said}");
    let (status, said) = site.start_refused();
    assert!(!status.success() && said.contains("valid now"), "{said}");

    site.clock().set_ahead(0);
    let server = site.start();
    runtime.block_on(async {
        anna.hang_up();
        anna.enter(&site, "anna", &server).await;
        let to = anna.talk_to(&site, "boris").await;
        anna.admitted(Client::message(to, "as if nothing had been")).await.unwrap();
    });
    site.audited(server, &[&anna]);
}

/// It runs out in the ordinary way: beside a server that serves, or one that a power cut ended before.
fn a_servers_certificate_that_ran_out_is_renewed_at_the_machine(suite: Suite) {
    for killed in [false, true] {
        let mut site = Site::founded(suite).with_clock();
        let server = site.start();
        let beyond = (support::LONG_MS.1.saturating_sub(now_ms()) / 1000) as i64 + DAY;
        if killed {
            server.kill();
            site.clock().set_ahead(beyond);
        } else {
            site.clock().set_ahead(beyond);
            server.wait();
        }
        let (status, said) = site.start_refused();
        assert!(!status.success() && said.contains("valid now"), "{said}");
        let acts = vec![site.renewed(support::LONG_MS.1 + 90 * DAY as u64 * 1000)];
        let bundle = Bundle { version: VERSION, genesis: None, acts, verifiers: Vec::new(), server: None };
        let (path, config) = (site.path("renewed.bundle"), site.path("conclaved.toml"));
        std::fs::write(&path, bundle.to_text()).unwrap();
        let done = site.conclaved(&["take-in", "--config", &config, "--bundle", &path]);
        assert!(done.status.success(), "{killed}: {}", support::said(&done));
        let server = site.start();
        let journal = site.audited(server, &[]);
        assert!(journal.replay.register().floor_ms() > support::LONG_MS.1);
    }
}

fn a_certificate_that_runs_out_takes_its_person_with_it(suite: Suite) {
    let (mut site, runtime) = (Site::founded(suite).with_clock(), runtime());
    let server = site.start();
    let until_ms = now_ms() + 10 * DAY as u64 * 1000;
    let (anna, olga, before) = runtime.block_on(async {
        let mut olga = arrived(&site, "olga", &server).await;
        let mut anna = arrived(&site, "anna", &server).await;
        let operator = Described::new(Role::Operator, Clearance(3));
        let described = Described { valid_ms: (now_ms() - 1000, until_ms), ..operator };
        let (acts, verifiers) = site.welcome_as("vera", &described);
        olga.take_in(acts, verifiers).await.unwrap();
        let mut vera = arrived(&site, "vera", &server).await;
        let to = vera.talk_to(&site, "anna").await;
        let before = vera.admitted(Client::message(to, "in time")).await.unwrap();
        let _accepted_already = anna.run(Command::Accept(to)).await;

        site.clock().set_ahead(11 * DAY);
        // Anna is as she was. Vera's session ends by itself, although it was open before.
        assert_eq!(anna.admitted(Client::message(to, "eleven days later")).await.err(), None);
        assert_eq!(vera.ended().await, Some(Code::Certificate.number()), "she does not stay to listen");
        vera.hang_up();
        match vera.knock(&site, "vera", &server).await {
            Err(LinkError::Refused { .. }) => {}
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("she came in"),
        }
        assert!(anna.admitted(Client::message(to, "still here")).await.is_ok());

        // Renewed, with new keys, she is herself again.
        let described = Described { valid_ms: support::LONG_MS, ..described };
        let renewed = site.enrol_as("vera", &described);
        olga.take_in(vec![renewed], Vec::new()).await.unwrap();
        let mut vera = Client::new(&site, "vera");
        vera.enter(&site, "vera", &server).await;
        assert!(vera.admitted(Client::message(to, "renewed")).await.is_ok());
        (anna, olga, before)
    });
    let journal = site.audited(server, &[&anna, &olga]);
    let vera = site.person("vera").id;
    assert_eq!(journal.count_of(vera, "message"), 2, "in time, and renewed");
    assert!(journal.acts_of(vera).iter().any(|(index, _)| *index == before));
    let end = |fact: &&Fact| matches!(fact, Fact::SessionEnd(end) if end.reason == EndReason::Expired);
    assert_eq!(journal.facts().filter(end).count(), 1, "and why her session ended");
    let steps = journal.facts().filter(|fact| matches!(fact, Fact::ClockStep(_)));
    assert_eq!(steps.count(), 1, "that the clock was moved is written down");
}

fn room_that_nobody_claims_falls_and_its_bytes_with_it(suite: Suite) {
    let (site, runtime) = (Site::founded(suite).with_clock(), runtime());
    let server = site.start();
    let anna = runtime.block_on(async {
        let mut anna = arrived(&site, "anna", &server).await;
        let mut boris = arrived(&site, "boris", &server).await;
        let to = anna.talk_to(&site, "boris").await;
        let _accepted_already = boris.run(Command::Accept(to)).await;
        assert!(anna.admitted(Client::message(to, "one")).await.is_ok());
        boris.hang_up();
        boris.enter(&site, "boris", &server).await;
        let mut boris: Raw = boris.into_raw(&site, "boris");
        let lapses = boris.reserve(to, Purpose::File, 3, SizeClass::MIN).await.unwrap();
        boris.put(lapses, 1, &body(suite)).await.unwrap();
        let day = i64::try_from(Policy::standard().reservation_ms / 1000).unwrap();

        site.clock().set_ahead(day - HOUR);
        boris.put(lapses, 2, &body(suite)).await.unwrap();
        let lives = boris.reserve(to, Purpose::File, 2, SizeClass::MIN).await.unwrap();
        site.clock().set_ahead(day + HOUR);
        assert_eq!(boris.put(lapses, 2, &body(suite)).await, Err(Code::NotFound.number()));
        assert!(boris.put(lives, 1, &body(suite)).await.is_ok(), "made later, falls later");
        let claim = support::claim(lapses, &[body(suite), body(suite)]);
        let late = boris.carrying(to, 1, 0, body(suite), Some(claim));
        assert_eq!(boris.submit(&late).await, Err(NO_SUCH_RESERVATION));
        assert!(boris.say(to, 1, 0).await.is_ok(), "his session goes on");
        anna
    });
    let journal = site.audited(server, &[&anna]);
    let ticks = journal.entries.iter().filter(|entry| matches!(&entry.content, Content::Fact(Fact::Tick(_))));
    assert_eq!(ticks.count(), 1, "the entry that let it fall");
    let register = journal.replay.register();
    let boris = register.person(site.person("boris").id).unwrap();
    assert_eq!(boris.reservations, 1, "the one made later");
    let room = SizeClass::MIN.bytes();
    assert_eq!(boris.stored_bytes, room + SizeClass::MIN.bytes(), "the fallen bytes count no more");
    let check = site.check(&["--full", "--json"]);
    let said = String::from_utf8(check.stdout).unwrap();
    assert!(check.status.success(), "{said}");
}

fn a_flood_of_failed_logins_is_summed_up_and_alarmed(suite: Suite) {
    let (site, runtime) = (Site::founded(suite).with_clock(), runtime());
    let server = site.start();
    let limit = Policy::standard().wrong_passwords_max as usize;
    let each = protocol::limits::FAILED_LOGINS_PER_MINUTE as usize;
    let beyond = 4;
    let boris = runtime.block_on(async {
        let mut anna = arrived(&site, "anna", &server).await;
        anna.hang_up();
        for _ in 0..each + beyond {
            assert_eq!(anna.kept_out(&site, "anna", &server, "wrong").await, Code::Login.number());
        }
        let mut boris = arrived(&site, "boris", &server).await;
        site.clock().set_ahead(5 * 60);
        // Whatever comes next finds the minute over.
        assert_eq!(anna.kept_out(&site, "anna", &server, "wrong").await, Code::Login.number());
        boris.hang_up();
        boris.enter(&site, "boris", &server).await;
        boris
    });
    // The server looks at the clock by itself; what is left is written at the latest when it stops.
    let journal = site.audited(server, &[&boris]);
    let person = site.person("anna").id;
    let failed = journal.failed_logins(person);
    assert_eq!(failed.len(), each + beyond + 1, "none is lost: {failed:?}");
    assert!(failed.iter().all(|failure| *failure == LoginFailure::Password));
    let entries = journal.facts().filter(|fact| matches!(fact, Fact::FailedLogin(_))).count();
    assert!(entries < failed.len(), "some share an entry");
    assert!(journal.replay.register().person(person).unwrap().locked.is_some(), "after {limit}");
    let flood = |fact: &&Fact| matches!(fact, Fact::Alarm(alarm) if alarm.alarm == AlarmKind::LoginFlood);
    assert!(journal.facts().any(|fact| flood(&fact)), "and it is alarmed");
}

/// A site where nobody erases alone, by the officers' own policy; then two of them do.
fn an_order_of_erasure_takes_effect_when_the_time_to_object_is_over(suite: Suite) {
    let (site, runtime) = (Site::founded(suite).with_clock(), runtime());
    let server = site.start();
    let (anna, olga) = runtime.block_on(async {
        let mut people = support::all_arrived(&site, &server, 0).await;
        let [olga, oleg, anna, boris] = &mut people[..] else { panic!("four") };
        let strict =
            Policy { author_erases: false, private_erase: PrivateErase::Officers, ..Policy::standard() };
        support::by_two(olga, oleg, &DualAct::Policy(strict)).await;
        let to = anna.talk_to(&site, "boris").await;
        let _accepted_already = boris.run(Command::Accept(to)).await;
        let gone = anna.admitted(Client::message(to, "to go")).await.unwrap();
        let target = EraseTarget::Messages(to, vec![gone]);
        for target in [target.clone(), EraseTarget::Conversation(to)] {
            assert_eq!(anna.act(Act::Erase(Erase { target })).await, Err(NO_RIGHT_TO_ERASE));
        }
        let order = Order { number: "12-3/2026".into(), ground: Ground::Court };
        let order = EraseOrder { target, order, confirms: None };
        let approve = support::by_two(olga, oleg, &DualAct::Erase(order)).await;
        assert_eq!(boris.texts(to).await, [(gone, "to go".to_owned())], "it waits");
        // A date that is set gives nobody time to object: the server has to run for as long.
        let set = 3 * DAY + HOUR;
        site.clock().set_ahead(set);
        for days in 0..=2 {
            site.clock().set_passed(days * DAY);
            for (login, client) in [("anna", &mut *anna), ("boris", &mut *boris)] {
                client.come_back(&site, login, &server, set + days * DAY).await;
            }
            assert!(anna.admitted(Client::message(to, "meanwhile")).await.is_ok());
            assert_eq!(boris.texts(to).await[0], (gone, "to go".to_owned()), "after {days} days");
        }
        site.clock().set_passed(3 * DAY);
        anna.come_back(&site, "anna", &server, set + 3 * DAY).await;
        boris.come_back(&site, "boris", &server, set + 3 * DAY).await;
        assert!(anna.admitted(Client::message(to, "days later")).await.is_ok());
        let erased = |event: &Event| match event {
            Event::Erased(of, list, by) if *of == to && *list == [gone] => Some(by.index),
            _ => None,
        };
        assert_eq!(boris.told(erased).await, Some(approve), "his copy goes, by both officers' word");
        let done = |event: &Event| matches!(event, Event::ErasureDone(..)).then_some(());
        assert!(olga.told(done).await.is_some(), "and its keys");
        let left: Vec<String> = boris.texts(to).await.into_iter().map(|(_, text)| text).collect();
        assert_eq!(left, ["meanwhile", "meanwhile", "meanwhile", "days later"]);
        (people.swap_remove(2), people.swap_remove(0))
    });
    let journal = site.audited(server, &[&anna, &olga]);
    let mut orders = journal.replay.register().orders();
    assert!(orders.next().is_some_and(|(_, row)| row.state.is_done()) && orders.next().is_none());
    assert_eq!(journal.replay.register().erasures_pending().count(), 0);
    let check = site.check(&["--full", "--json"]);
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
}

support::on_each_suite! {
    a_date_beyond_the_servers_certificate_ends_it_and_writes_nothing,
    a_servers_certificate_that_ran_out_is_renewed_at_the_machine,
    a_certificate_that_runs_out_takes_its_person_with_it,
    room_that_nobody_claims_falls_and_its_bytes_with_it,
    a_flood_of_failed_logins_is_summed_up_and_alarmed,
    an_order_of_erasure_takes_effect_when_the_time_to_object_is_over,
}
