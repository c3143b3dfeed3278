//! Who may do what, with real processes: certificates, envelopes, passwords, locks, suspensions, revocation, roles.
//! Each story ends with the journal replayed: what was refused left no act, what counts left its entry.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;

use journal::act::{Act, EndSession, EnvelopeVoid, Export, Resume, Revoke, RevokeReason, Suspend, Unlock};
use journal::fact::{Fact, LoginFailure};
use journal::testing::{Described, FOUNDED_MS, VALID_MS};
use journal::{ConversationId, Policy};
use link::LinkError;
use pki::{Clearance, Role, Suite};
use protocol::answer::Answer;
use protocol::client::{Command, Reply};
use protocol::query::Query;
use protocol::{Code, client::Error};
use support::{Client, NotIn, Raw, Server, Site, runtime};

/// Codes of the Register (FORMAT.md).
const WRONG_ROLE: u16 = 114;
const MUST_SET_PASSWORD: u16 = 119;
const SESSION_LIVE: u16 = 120;
const BAD_REVOCATION_LIST: u16 = 137;

/// A terminal whose person has come in for the first time.
async fn arrived(site: &Site, login: &str, server: &Server) -> Client {
    let mut client = Client::new(site, login);
    client.first_login(site, login, server).await;
    client
}

async fn says(client: &mut Client, to: ConversationId, text: &str) {
    assert!(client.admitted(Client::message(to, text)).await.is_ok(), "{text}");
}

/// Neither TLS nor the core lets this certificate in.
async fn is_turned_away(site: &Site, login: &str, server: &Server) -> bool {
    let mut client = Client::new(site, login);
    match client.knock(site, login, server).await {
        Err(LinkError::Refused { .. }) => true,
        Err(other) => panic!("{other}"),
        Ok(greeted) => !greeted && client.ended().await == Some(Code::Certificate.number()),
    }
}

fn a_certificate_out_of_its_time_is_refused_by_tls_and_the_honest_one_beside_it_works(suite: Suite) {
    let (mut site, runtime) = (Site::founded(suite), runtime());
    let operator = Described::new(Role::Operator, Clearance(3));
    let times = [
        ("expired", (FOUNDED_MS, FOUNDED_MS + 3_600_000)),
        ("early", (FOUNDED_MS + 8 * VALID_MS, FOUNDED_MS + 9 * VALID_MS)),
        ("unknown", (FOUNDED_MS, FOUNDED_MS + 9 * VALID_MS)),
    ];
    for (login, valid_ms) in times {
        site.authority.issue(login, &Described { valid_ms, ..operator.clone() });
    }
    let server = site.start();
    let anna = runtime.block_on(async {
        let mut anna = arrived(&site, "anna", &server).await;
        for login in ["expired", "early"] {
            match Client::new(&site, login).knock(&site, login, &server).await {
                Err(LinkError::Refused { .. }) => {}
                Err(other) => panic!("{login}: {other}"),
                Ok(_) => panic!("{login} came in"),
            }
        }
        // In its time and of the same authority, but not in the journal: TLS lets it in, the core does not greet it.
        let mut unknown = Client::new(&site, "unknown");
        assert!(!unknown.knock(&site, "unknown", &server).await.unwrap());
        assert_eq!(unknown.ended().await, Some(Code::Certificate.number()));
        let to = anna.talk_to(&site, "boris").await;
        says(&mut anna, to, "nobody disturbed me").await;
        anna
    });
    let journal = site.audited(server, &[&anna]);
    for login in ["expired", "early", "unknown"] {
        assert!(journal.acts_of(site.person(login).id).is_empty());
    }
}

fn who_is_revoked_in_mid_session_is_thrown_out_at_once_and_for_good(suite: Suite) {
    let (mut site, runtime) = (Site::founded(suite), runtime());
    let server = site.start();
    let (people, by_bundle, by_officer) = runtime.block_on(async {
        let mut olga = arrived(&site, "olga", &server).await;
        let (acts, verifiers) = site.welcome("vera", Role::Operator);
        olga.take_in(acts, verifiers).await.unwrap();
        let mut anna = arrived(&site, "anna", &server).await;
        let mut boris = arrived(&site, "boris", &server).await;
        let mut vera = arrived(&site, "vera", &server).await;
        let to = anna.talk_to(&site, "boris").await;
        says(&mut anna, to, "the last word").await;

        // The authority's own act, taken in by an officer.
        let revoke = Revoke {
            person: site.person("anna").id,
            reason: RevokeReason::KeyCompromise,
            note: "потеряна".into(),
        };
        let act = site.offline(Act::Revoke(revoke));
        let by_bundle = olga.take_in(vec![act], Vec::new()).await.unwrap();
        assert_eq!(anna.ended().await, Some(Code::Expelled.number()));
        assert!(is_turned_away(&site, "anna", &server).await, "never again");

        // One officer, online.
        let (person, reason) = (site.person("boris").id, RevokeReason::AffiliationChanged);
        let revoke = Revoke { person, reason, note: String::new() };
        let by_officer = olga.act(Act::Revoke(revoke)).await.unwrap();
        assert_eq!(boris.ended().await, Some(Code::Expelled.number()));
        assert!(is_turned_away(&site, "boris", &server).await, "never again");

        assert!(vera.run(Command::People).await.is_ok(), "nobody else is disturbed");
        (vec![olga, vera, anna, boris], by_bundle, by_officer)
    });
    let journal = site.audited(server, &people.iter().collect::<Vec<_>>());
    for (login, at) in [("anna", by_bundle), ("boris", by_officer)] {
        let person = site.person(login).id;
        let revoked = journal.replay.register().person(person).unwrap().revoked;
        // The authority's act stands right behind the Submit that brought it.
        assert_eq!(revoked, Some(if login == "anna" { at + 1 } else { at }), "{login}");
        assert!(journal.acts_of(person).iter().all(|(index, _)| *index < at), "{login}: nothing after it");
        let certificate = site.person(login).signature_certificate.id();
        assert!(journal.replay.register().certificate(certificate).unwrap().revoked.is_some());
    }
    assert!(journal.replay.register().person(site.person("vera").id).unwrap().revoked.is_none());
}

fn who_stands_on_a_revocation_list_alone_is_thrown_out_as_well(suite: Suite) {
    let (mut site, runtime) = (Site::founded(suite), runtime());
    let server = site.start();
    let (people, by_list) = runtime.block_on(async {
        let mut olga = arrived(&site, "olga", &server).await;
        let mut anna = arrived(&site, "anna", &server).await;
        let mut boris = arrived(&site, "boris", &server).await;
        let to = anna.talk_to(&site, "boris").await;
        says(&mut anna, to, "the last word").await;
        // No Revoke by anybody: the list itself is the act, and it names one of her two certificates.
        let list = site.list(1, &["anna"]);
        let by_list = olga.take_in(vec![list], Vec::new()).await.unwrap();
        assert_eq!(anna.ended().await, Some(Code::Expelled.number()));
        assert!(is_turned_away(&site, "anna", &server).await, "never again");
        // An older list, and one that names nobody, take nothing back.
        let stale = site.list(1, &[]);
        assert_eq!(olga.take_in(vec![stale], Vec::new()).await, Err(BAD_REVOCATION_LIST));
        site.take_back_offline();
        let empty = site.list(2, &[]);
        olga.take_in(vec![empty], Vec::new()).await.unwrap();
        assert!(is_turned_away(&site, "anna", &server).await, "revoked for ever");
        assert!(boris.run(Command::People).await.is_ok(), "nobody else is disturbed");
        (vec![olga, anna, boris], by_list)
    });
    let journal = site.audited(server, &people.iter().collect::<Vec<_>>());
    let anna = site.person("anna").id;
    assert_eq!(journal.replay.register().person(anna).unwrap().revoked, Some(by_list + 1));
    assert!(journal.acts_of(anna).iter().all(|(index, _)| *index < by_list), "nothing after it");
    let revocations = ["olga", "oleg"].map(|officer| journal.count_of(site.person(officer).id, "revoke"));
    assert_eq!(revocations, [0, 0], "no officer revoked anybody");
}

fn wrong_passwords_lock_even_for_the_right_one_until_an_officer_unlocks(suite: Suite) {
    let (site, runtime) = (Site::founded(suite), runtime());
    let server = site.start();
    let limit = Policy::standard().wrong_passwords_max as usize;
    let (olga, anna) = runtime.block_on(async {
        let mut olga = arrived(&site, "olga", &server).await;
        let mut anna = arrived(&site, "anna", &server).await;
        anna.hang_up();
        // One short of the limit, then the right one: the count begins again.
        for _ in 1..limit {
            assert_eq!(anna.kept_out(&site, "anna", &server, "wrong").await, Code::Login.number());
        }
        anna.enter(&site, "anna", &server).await;
        anna.hang_up();
        let person = site.person("anna").id;
        assert!(olga.act(Act::Unlock(Unlock { person })).await.is_err(), "nothing to unlock yet");
        for _ in 0..limit {
            assert_eq!(anna.kept_out(&site, "anna", &server, "wrong").await, Code::Login.number());
        }
        // The right one, and the peer cannot tell it from a wrong one.
        let code = anna.kept_out(&site, "anna", &server, "password anna").await;
        assert_eq!(code, Code::Login.number());
        let mut boris = arrived(&site, "boris", &server).await;
        assert_eq!(boris.act(Act::Unlock(Unlock { person })).await, Err(WRONG_ROLE));
        olga.act(Act::Unlock(Unlock { person })).await.unwrap();
        anna.enter(&site, "anna", &server).await;
        (olga, anna)
    });
    let journal = site.audited(server, &[&olga, &anna]);
    let mut expected = vec![LoginFailure::Password; 2 * limit - 1];
    expected.push(LoginFailure::Refused);
    assert_eq!(journal.failed_logins(site.person("anna").id), expected);
    assert!(journal.failed_logins(site.person("boris").id).is_empty());
    assert_eq!(journal.count_of(site.person("olga").id, "unlock"), 1, "only the one that was taken");
    let anna = journal.replay.register().person(site.person("anna").id).unwrap();
    assert!(anna.locked.is_none() && anna.wrong_passwords == 0);
}

fn an_envelope_opens_for_its_own_person_once_handed_over_once_and_not_when_void(suite: Suite) {
    let (mut site, runtime) = (Site::founded(suite), runtime());
    let server = site.start();
    let (olga, mut terminals) = runtime.block_on(async {
        let mut olga = arrived(&site, "olga", &server).await;
        let mut anna = Client::new(&site, "anna");
        let refused = Code::Login.number();
        assert_eq!(anna.kept_out(&site, "anna", &server, "one-time boris").await, refused, "another's");

        // Printed, and lying in the officer's safe.
        let enrol = site.enrol("vera", Role::Operator);
        let (number, print, verifier) = site.print("vera", "one-time vera");
        olga.take_in(vec![enrol, print], vec![verifier]).await.unwrap();
        let mut vera = Client::new(&site, "vera");
        assert_eq!(vera.kept_out(&site, "vera", &server, "one-time vera").await, refused, "not handed over");
        let handed = site.hand_over(number);
        olga.take_in(vec![handed], Vec::new()).await.unwrap();
        vera.connect(&site, "vera", &server).await.unwrap();
        assert!(matches!(vera.login("one-time vera").await, Ok(true)), "handed over");
        let logout_only = vera.act(Act::Export(Export { from: 0, to: 1 })).await;
        assert_eq!(logout_only, Err(MUST_SET_PASSWORD), "nothing goes before the new password");
        vera.hang_up();
        vera.first_login(&site, "vera", &server).await;
        vera.hang_up();
        assert_eq!(vera.kept_out(&site, "vera", &server, "one-time vera").await, refused, "used");
        vera.enter(&site, "vera", &server).await;

        // Lost on the way: void, and a new one.
        let void = site.offline(Act::EnvelopeVoid(EnvelopeVoid { number: 3 }));
        olga.take_in(vec![void], Vec::new()).await.unwrap();
        assert_eq!(anna.kept_out(&site, "anna", &server, "one-time anna").await, refused, "void");
        let (number, print, verifier) = site.print("anna", "second anna");
        let handed = site.hand_over(number);
        olga.take_in(vec![print, handed], vec![verifier]).await.unwrap();
        assert_eq!(anna.kept_out(&site, "anna", &server, "one-time anna").await, refused, "still void");
        anna.connect(&site, "anna", &server).await.unwrap();
        assert!(matches!(anna.login("second anna").await, Ok(true)));
        (olga, vec![anna, vera])
    });
    let anna = terminals.remove(0);
    let journal = site.audited(server, &[&olga, &anna, &terminals[0]]);
    use LoginFailure::{Password, Refused};
    // Where no envelope opens, there is no password that could be wrong.
    assert_eq!(journal.failed_logins(site.person("anna").id), [Password, Refused, Password]);
    assert_eq!(journal.failed_logins(site.person("vera").id), [Refused, Password]);
    assert_eq!(journal.count_of(site.person("vera").id, "set-password"), 1);
}

fn who_is_suspended_is_out_at_once_and_back_when_resumed(suite: Suite) {
    let (site, runtime) = (Site::founded(suite), runtime());
    let server = site.start();
    let person = site.person("anna").id;
    let (olga, anna) = runtime.block_on(async {
        let mut olga = arrived(&site, "olga", &server).await;
        let mut anna = arrived(&site, "anna", &server).await;
        olga.act(Act::Suspend(Suspend { person })).await.unwrap();
        assert_eq!(anna.ended().await, Some(Code::Expelled.number()));
        anna.hang_up();
        let code = anna.kept_out(&site, "anna", &server, "password anna").await;
        assert_eq!(code, Code::Login.number());
        assert!(olga.act(Act::Suspend(Suspend { person })).await.is_err(), "it is so already");
        olga.act(Act::Resume(Resume { person })).await.unwrap();
        anna.enter(&site, "anna", &server).await;
        (olga, anna)
    });
    let journal = site.audited(server, &[&olga, &anna]);
    assert_eq!(journal.failed_logins(person), [LoginFailure::Refused], "no wrong password was counted");
    assert_eq!(journal.count_of(site.person("olga").id, "suspend"), 1);
    assert!(journal.replay.register().person(person).unwrap().suspended.is_none());
}

/// Which of the first entries this session is given.
async fn given(session: &mut Raw) -> Vec<u64> {
    match session.ask(Query::Entries(0, 200)).await {
        Ok(Answer::Entries(page)) => page.entries.iter().map(|entry| entry.index).collect(),
        other => panic!("{other:?}"),
    }
}

fn each_role_does_its_own_work_and_no_other(suite: Suite) {
    let (mut site, runtime) = (Site::founded(suite), runtime());
    let server = site.start();
    let boris_id = site.person("boris").id;
    let (olga, adam) = runtime.block_on(async {
        let mut olga = arrived(&site, "olga", &server).await;
        for (login, role) in [("igor", Role::Auditor), ("adam", Role::Administrator)] {
            let (acts, verifiers) = site.welcome(login, role);
            olga.take_in(acts, verifiers).await.unwrap();
        }
        let mut anna = arrived(&site, "anna", &server).await;
        let mut boris = arrived(&site, "boris", &server).await;
        let mut adam = arrived(&site, "adam", &server).await;
        let to = anna.talk_to(&site, "boris").await;
        let message = anna.admitted(Client::message(to, "one")).await.unwrap();

        // An operator wants to be an officer, an auditor, and to see who is here.
        let suspend = Act::Suspend(Suspend { person: boris_id });
        assert_eq!(anna.act(suspend.clone()).await, Err(WRONG_ROLE));
        assert_eq!(anna.act(Act::Export(Export { from: 0, to: 1 })).await, Err(WRONG_ROLE));
        let asked = anna.run(Command::Ask(Query::Sessions)).await;
        let Err(NotIn::Failed(Error::Refused { code })) = asked else { panic!("she was told") };
        assert_eq!(code, Code::NotFound.number());

        // An auditor wants to talk.
        let mut igor = arrived(&site, "igor", &server).await;
        igor.hang_up();
        igor.enter(&site, "igor", &server).await;
        let mut igor = igor.into_raw(&site, "igor");
        assert_eq!(igor.say(to, 1, 0).await, Err(WRONG_ROLE));
        // His own work: but nobody takes the journal out unrecorded, nor more of it than the record says.
        let unrecorded = given(&mut igor).await;
        assert!(!unrecorded.contains(&message), "he is told what concerns everybody");
        let export = igor.signed(Act::Export(Export { from: 0, to: message + 1 }), None);
        let recorded = igor.submit(&export).await.unwrap();
        let taken = given(&mut igor).await;
        assert_eq!(taken[..=message as usize], (0..=message).collect::<Vec<_>>());
        let more = taken.iter().filter(|index| **index > message && !unrecorded.contains(index));
        assert_eq!(more.copied().collect::<Vec<_>>(), [recorded], "his own act, and no more");

        // An administrator ends a session and does not suspend.
        assert_eq!(adam.act(suspend).await, Err(WRONG_ROLE));
        let Ok(Reply::Sessions(live)) = adam.run(Command::Ask(Query::Sessions)).await else {
            panic!("no list")
        };
        let chain = live.iter().find(|session| session.person == boris_id).unwrap().chain;
        adam.act(Act::EndSession(EndSession { person: boris_id, chain })).await.unwrap();
        assert_eq!(boris.ended().await, Some(Code::Expelled.number()));
        boris.hang_up();
        boris.enter(&site, "boris", &server).await;
        says(&mut anna, to, "two").await;

        // An operator who brings acts of the authority, genuine ones, speaks out of turn.
        let act = site.offline(Act::EnvelopeVoid(EnvelopeVoid { number: 2 }));
        anna.command(Client::submission(vec![act], Vec::new()));
        assert_eq!(anna.ended().await, Some(Code::Protocol.number()));
        (olga, adam)
    });
    let journal = site.audited(server, &[&olga, &adam]);
    assert_eq!(journal.count_of(site.person("anna").id, "message"), 2);
    for (login, name) in [("anna", "suspend"), ("adam", "suspend"), ("anna", "submit"), ("igor", "message")] {
        assert_eq!(journal.count_of(site.person(login).id, name), 0, "{login}: {name}");
    }
    let igor = journal.acts_of(site.person("igor").id);
    assert!(igor.iter().all(|(_, name)| ["login", "set-password", "export"].contains(name)), "{igor:?}");
}

fn a_second_login_asks_before_it_ends_the_first(suite: Suite) {
    let (site, runtime) = (Site::founded(suite), runtime());
    let server = site.start();
    let (first, second) = runtime.block_on(async {
        let mut first = arrived(&site, "anna", &server).await;
        let mut second = Client::new(&site, "anna");
        second.connect(&site, "anna", &server).await.unwrap();
        let asked = second.login_beside("password anna", false).await;
        let Err(NotIn::Failed(Error::Refused { code })) = asked else { panic!("it was let in") };
        assert_eq!(code, SESSION_LIVE);
        assert!(second.until(|_| None::<()>).await.is_none());
        let to = first.talk_to(&site, "boris").await;
        says(&mut first, to, "still here").await;

        let mut second = Client::new(&site, "anna");
        second.connect(&site, "anna", &server).await.unwrap();
        assert!(matches!(second.login_beside("password anna", true).await, Ok(false)));
        assert_eq!(first.ended().await, Some(Code::Replaced.number()));
        says(&mut second, to, "now here").await;
        (first, second)
    });
    let journal = site.audited(server, &[&first, &second]);
    let anna = site.person("anna").id;
    assert_eq!(journal.count_of(anna, "login"), 2);
    assert!(journal.failed_logins(anna).is_empty(), "the right password is no failure");
    assert!(!journal.facts().any(|fact| matches!(fact, Fact::Alarm(_))));
}

support::on_each_suite! {
    a_certificate_out_of_its_time_is_refused_by_tls_and_the_honest_one_beside_it_works,
    who_is_revoked_in_mid_session_is_thrown_out_at_once_and_for_good,
    who_stands_on_a_revocation_list_alone_is_thrown_out_as_well,
    wrong_passwords_lock_even_for_the_right_one_until_an_officer_unlocks,
    an_envelope_opens_for_its_own_person_once_handed_over_once_and_not_when_void,
    who_is_suspended_is_out_at_once_and_back_when_resumed,
    each_role_does_its_own_work_and_no_other,
    a_second_login_asks_before_it_ends_the_first,
}
