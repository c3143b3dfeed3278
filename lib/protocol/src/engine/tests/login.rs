//! From Hello to Welcome, and every way in which it fails.
use super::terminal::*;
use super::world::World;
use crate::code::Code;
use crate::frame::{Hello, ToCore, ToTerminal};
use crate::io::{Input, Output};
use crate::limits::{FAILED_LOGINS_PER_MINUTE, LOGIN_TIMEOUT_MS};
use journal::act::{Act, Create, Revoke, RevokeReason, SetPassword};
use journal::fact::{AlarmKind, EndReason, Fact, LoginFailure};
use journal::testing::Described;
use journal::{Policy, Refusal};
use pki::{CertId, Clearance, Role, Suite, Verifier};

#[test]
fn hello_names_the_log_and_is_signed_for_this_connection() {
    let mut world = World::new(1);
    let session = world.connect("anna");
    let Some(ToTerminal::Hello(hello)) = world.next(session) else { panic!("no Hello") };
    assert_eq!((hello.log, hello.nonce), (world.log, [session as u8; 32]));
    let core = CertId::of(&hello.core);
    let signed = Hello::signed_bytes(world.log, &hello.nonce, core, &world.exporter(session));
    world.site.identity.public().verify(&signed, &hello.signature).unwrap();
}

#[test]
fn the_first_login_demands_a_new_password_and_the_next_uses_it() {
    for suite in [Suite::Ed25519, Suite::EcdsaP256] {
        let mut world = World::with(2, suite, Policy::standard());
        let (session, said) = world.try_login("anna", b"one-time", false);
        let ToTerminal::Welcome(welcome) = said else { panic!("{said:?}") };
        assert!(welcome.must_set_password);
        assert_eq!(welcome.key_rolls.len(), 1);
        let create = Create {
            random: [1; 16],
            kind: journal::act::ConversationKind::Group,
            ceiling: Clearance(0),
            default_label: Clearance(0),
            invited: vec![],
        };
        assert_eq!(world.act("anna", Act::Create(create)), Err(code(Refusal::MustSetPassword)));
        world.act_with("anna", Act::SetPassword(SetPassword {}), None, Some(b"own")).unwrap();
        world.input(Input::Closed(session));
        assert!(
            world.has_fact(|fact| matches!(fact, Fact::SessionEnd(end) if end.reason == EndReason::Lost))
        );
        let (_, said) = world.try_login("anna", b"one-time", false);
        assert_eq!(refused(&said), Some(Code::Login.number()), "the envelope is used up");
        let (_, said) = world.try_login("anna", b"own", false);
        assert!(matches!(said, ToTerminal::Welcome(welcome) if !welcome.must_set_password));
    }
}

#[test]
fn a_password_that_cannot_be_kept_is_refused_and_tried_again() {
    let mut world = World::new(3);
    world.try_login("anna", b"one-time", false);
    let act = || Act::SetPassword(SetPassword {});
    assert_eq!(world.act_with("anna", act(), None, None), own(Code::Body));
    assert_eq!(world.act_with("anna", act(), None, Some(b"")), own(Code::Body));
    world.act_with("anna", act(), None, Some(b"own")).unwrap();
}

type Spoil = fn(&mut World, &mut journal::Statement);

#[test]
fn whoever_fails_hears_one_code_and_the_journal_knows_why() {
    let mut world = World::new(4);
    let cases: [(&str, Spoil); 6] = [
        ("another nonce", |_, statement| login_of(statement).nonce = [9; 32]),
        ("another connection", |_, statement| login_of(statement).exporter = [9; 32]),
        ("another server", |_, statement| login_of(statement).server_certificate = CertId([9; 32])),
        ("another log", |_, statement| statement.header.log = journal::LogId([9; 32])),
        ("another person", |world, statement| statement.header.person = world.site.id("boris")),
        ("another act", |_, statement| statement.act = Act::SetPassword(SetPassword {})),
    ];
    for (what, spoil) in cases {
        let session = world.connect("anna");
        world.drain(session);
        let mut statement = world.draft_login("anna", session, false);
        spoil(&mut world, &mut statement);
        world.send_login("anna", session, statement, b"one-time");
        let said = world.next(session).unwrap();
        assert_eq!(refused(&said), Some(Code::Login.number()), "{what}");
        assert!(world.ended.contains(&session), "{what}");
        world.input(Input::Closed(session));
    }
    let (_, said) = world.try_login("anna", b"wrong", false);
    assert_eq!(refused(&said), Some(Code::Login.number()));
    let failed =
        |failure| move |fact: &Fact| matches!(fact, Fact::FailedLogin(failed) if failed.failure == failure);
    assert!(world.has_fact(failed(LoginFailure::Statement)));
    assert!(world.has_fact(failed(LoginFailure::Password)));
}

fn login_of(statement: &mut journal::Statement) -> &mut journal::act::Login {
    match &mut statement.act {
        Act::Login(login) => login,
        _ => panic!("no Login"),
    }
}

#[test]
fn a_login_taken_from_another_connection_is_refused() {
    let mut world = World::new(5);
    let first = world.connect("anna");
    let statement = world.draft_login("anna", first, false);
    world.send_login("anna", first, statement.clone(), b"one-time");
    world.input(Input::Closed(first));
    let second = world.connect("anna");
    world.drain(second);
    world.send_login("anna", second, statement, b"one-time");
    assert_eq!(world.next(second).as_ref().and_then(refused), Some(Code::Login.number()));
}

#[test]
fn wrong_passwords_lock_and_an_officer_unlocks() {
    let mut world = World::new(6);
    for _ in 0..Policy::standard().wrong_passwords_max {
        let (session, said) = world.try_login("anna", b"wrong", false);
        assert_eq!(refused(&said), Some(Code::Login.number()));
        world.input(Input::Closed(session));
    }
    let anna = world.site.id("anna");
    assert!(world.register().person(anna).unwrap().locked.is_some());
    let (session, said) = world.try_login("anna", b"one-time", false);
    assert_eq!(refused(&said), Some(Code::Login.number()), "the right one is no better");
    world.input(Input::Closed(session));
    world.enter("olga");
    world.act("olga", Act::Unlock(journal::act::Unlock { person: anna })).unwrap();
    world.enter("anna");
}

#[test]
fn a_peer_who_hangs_up_before_the_verdict_is_counted_all_the_same() {
    let mut world = World::new(7);
    world.hold_workers = true;
    let session = world.connect("anna");
    let statement = world.draft_login("anna", session, false);
    world.send_login("anna", session, statement, b"wrong");
    world.input(Input::Closed(session));
    world.let_go();
    assert_eq!(world.register().person(world.site.id("anna")).unwrap().wrong_passwords, 1);
}

#[test]
fn a_flood_of_failed_logins_is_summed_up() {
    let mut world = World::new(8);
    flood_is_summed_up(&mut world);
    // Also where the journal's time stands still, because the clock was ahead for a while.
    let mut world = World::new(8);
    let ahead_ms = 20 * 24 * 3_600_000;
    world.now.wall_ms += ahead_ms;
    world.input(Input::Wake);
    world.now.wall_ms -= ahead_ms;
    flood_is_summed_up(&mut world);
    assert!(world.engine.clock_ahead_ms() > 0);
}

fn flood_is_summed_up(world: &mut World) {
    let floods = FAILED_LOGINS_PER_MINUTE + 7;
    for _ in 0..floods {
        let session = world.connect("anna");
        let mut statement = world.draft_login("anna", session, false);
        login_of(&mut statement).nonce = [9; 32];
        world.send_login("anna", session, statement, b"wrong");
        world.input(Input::Closed(session));
    }
    let count = |world: &World| -> (usize, u32) {
        let failed = world.facts().into_iter().filter_map(|fact| match fact {
            Fact::FailedLogin(failed) => Some(failed.count),
            _ => None,
        });
        failed.fold((0, 0), |(entries, sum), count| (entries + 1, sum + count))
    };
    assert_eq!(count(world).0, FAILED_LOGINS_PER_MINUTE as usize);
    world.wait_ms(60_000);
    world.input(Input::Wake);
    assert_eq!(count(world), (FAILED_LOGINS_PER_MINUTE as usize + 1, floods));
    assert!(
        world.has_fact(|fact| matches!(fact, Fact::Alarm(alarm) if alarm.alarm == AlarmKind::LoginFlood))
    );
}

#[test]
fn certificates_that_nobody_knows_or_that_were_revoked_get_no_hello() {
    let mut world = World::new(9);
    let turned_away = |world: &mut World, session| {
        assert_eq!(
            world.drain(session),
            vec![ToTerminal::Ended(crate::frame::Ended { code: Code::Certificate.number() })]
        );
        assert!(world.ended.contains(&session));
    };
    let none = world.connect_with(vec![]);
    turned_away(&mut world, none);
    let garbage = world.connect_with(vec![b"no certificate".to_vec()]);
    turned_away(&mut world, garbage);
    world.site.issue("mallory", &Described::new(Role::Operator, Clearance(5)));
    let unknown = world.connect("mallory");
    turned_away(&mut world, unknown);
    let mut other = journal::testing::TestSite::new(99, Suite::Ed25519);
    other.issue("anna", &Described::new(Role::Operator, Clearance(5)));
    let foreign = world.connect_with(vec![other.person("anna").signature_certificate.der().to_vec()]);
    turned_away(&mut world, foreign);
    world.enter("olga");
    let (person, note) = (world.site.id("boris"), String::new());
    world.act("olga", Act::Revoke(Revoke { person, reason: RevokeReason::KeyCompromise, note })).unwrap();
    let revoked = world.connect("boris");
    turned_away(&mut world, revoked);
}

#[test]
fn an_expired_certificate_gets_no_hello() {
    let mut world = World::new(10);
    world.wait_ms(journal::testing::VALID_MS + 1);
    let session = world.connect("anna");
    assert!(world.ended.contains(&session));
}

#[test]
fn a_session_does_not_outlive_its_certificate() {
    let mut world = World::new(10);
    let session = world.enter("anna");
    world.drain(session);
    world.wait_ms(journal::testing::VALID_MS + 1);
    world.input(Input::Wake);
    let ended = crate::frame::Ended { code: Code::Certificate.number() };
    assert_eq!(world.drain(session).last(), Some(&ToTerminal::Ended(ended)));
    assert!(world.ended.contains(&session));
    assert!(world.has_fact(|fact| matches!(fact, Fact::SessionEnd(end) if end.reason == EndReason::Expired)));
}

#[test]
fn a_second_session_is_refused_or_takes_over() {
    let mut world = World::new(11);
    let first = world.enter("anna");
    world.drain(first);
    let (second, said) = world.try_login("anna", b"own", false);
    assert_eq!(refused(&said), Some(code(Refusal::SessionLive { index: 0 })));
    assert!(!world.ended.contains(&first));
    world.input(Input::Closed(second));
    let (_, said) = world.try_login("anna", b"own", true);
    assert!(matches!(said, ToTerminal::Welcome(_)));
    let ended = crate::frame::Ended { code: Code::Replaced.number() };
    assert_eq!(world.drain(first).last(), Some(&ToTerminal::Ended(ended)));
    assert!(world.ended.contains(&first));
}

#[test]
fn a_certificate_opens_two_connections_at_once() {
    let mut world = World::new(12);
    let (first, _) = (world.connect("anna"), world.connect("anna"));
    let third = world.connect("anna");
    assert_eq!(world.ended, [third]);
    world.input(Input::Closed(first));
    let fourth = world.connect("anna");
    assert!(!world.ended.contains(&fourth));
}

#[test]
fn whoever_waits_too_long_before_a_login_is_sent_away() {
    let mut world = World::new(13);
    let session = world.connect("anna");
    world.wait_ms(LOGIN_TIMEOUT_MS - 1);
    world.input(Input::Wake);
    assert!(world.ended.is_empty());
    world.wait_ms(1);
    world.input(Input::Wake);
    assert_eq!(world.ended, [session]);
}

#[test]
fn passwords_are_checked_few_at_once() {
    let mut world = World::new(14);
    world.hold_workers = true;
    let logins = ["anna", "boris", "vera", "adam", "igor"];
    let sessions = logins.map(|login| {
        let session = world.connect(login);
        let statement = world.draft_login(login, session, false);
        world.send_login(login, session, statement, b"one-time");
        session
    });
    let running = world.held.iter().filter(|work| matches!(work, Output::CheckPassword(_))).count();
    assert_eq!(running, crate::limits::PASSWORD_CHECKS_MAX);
    world.input(Input::Closed(sessions[4]));
    world.let_go();
    for session in &sessions[..4] {
        assert!(world.drain(*session).iter().any(|said| matches!(said, ToTerminal::Welcome(_))));
    }
    assert!(world.register().chain_of(world.site.id("igor")).is_none());
}

#[test]
fn frames_out_of_order_too_long_or_not_canonical_end_the_session() {
    let mut world = World::new(15);
    let end = |world: &mut World, session| {
        assert!(world.ended.contains(&session));
        world.input(Input::Closed(session));
    };
    let session = world.connect("anna");
    world.frame(session, &ToCore::Ask(crate::frame::Ask { request: 1, query: crate::query::Query::Policy }));
    end(&mut world, session);
    let session = world.connect("anna");
    let long = u32::try_from(crate::limits::FRAME_BYTES_BEFORE_LOGIN + 1).unwrap();
    world.input(Input::Received(session, long.to_be_bytes().to_vec().into()));
    end(&mut world, session);
    let session = world.connect("anna");
    world.input(Input::Received(session, vec![0, 0, 0, 2, 0xff, 0xff].into()));
    end(&mut world, session);
    let live = world.enter("anna");
    world.frame(live, &ToCore::Ask(crate::frame::Ask { request: 0, query: crate::query::Query::Policy }));
    end(&mut world, live);
    assert!(
        world.has_fact(|fact| matches!(fact, Fact::SessionEnd(end) if end.reason == EndReason::Protocol))
    );
}

#[test]
fn a_head_that_is_not_ours_is_told_to_the_person() {
    let mut world = World::new(16);
    let session = world.connect("anna");
    world.drain(session);
    let mut statement = world.draft_login("anna", session, false);
    statement.header.head.root = [1; 32];
    world.send_login("anna", session, statement, b"one-time");
    let said = world.next(session).unwrap();
    assert_eq!(refused(&said), Some(code(Refusal::WrongHead { size: 0 })));
}
