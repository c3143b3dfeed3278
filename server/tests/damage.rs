//! The real daemon over a store in which something does not open: what depended on it is lost, all else goes on.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;

use journal::act::EraseTarget;
use journal::fact::AlarmKind;
use journal::{ConversationId, Fact};
use pki::{Role, Suite};
use protocol::client::{Command, Event};
use support::{Client, Server, Site, Talk, runtime, said};

/// Anna's conversations, with boris and with vera, whom olga takes in.
async fn talk_to_both(
    site: &mut Site,
    anna: &mut Client,
    server: &Server,
) -> (ConversationId, ConversationId) {
    let mut olga = Client::new(site, "olga");
    olga.first_login(site, "olga", server).await;
    let (acts, verifiers) = site.welcome("vera", Role::Operator);
    olga.take_in(acts, verifiers).await.unwrap();
    (anna.talk_to(site, "boris").await, anna.talk_to(site, "vera").await)
}

async fn say(person: &mut Client, conversation: ConversationId, text: &str) -> u64 {
    person.admitted(Client::message(conversation, text)).await.unwrap()
}

/// Erases, and waits until it is called erased.
async fn erase(person: &mut Client, conversation: ConversationId, index: u64) {
    let target = EraseTarget::Messages(conversation, vec![index]);
    assert!(person.run(Command::Erase(target)).await.is_ok());
    let done = person
        .until(|event| matches!(event, Event::ErasureDone(_, through) if *through >= index).then_some(()));
    done.await.expect("it is called erased");
}

async fn told(person: &mut Client, conversation: ConversationId) -> Vec<String> {
    person.texts(conversation).await.into_iter().map(|(_, text)| text).collect()
}

async fn both_enter(site: &Site, anna: &mut Client, boris: &mut Client, server: &Server) {
    anna.hang_up();
    boris.hang_up();
    anna.enter(site, "anna", server).await;
    boris.enter(site, "boris", server).await;
}

#[test]
fn a_node_that_does_not_open_takes_nothing_with_it_but_what_lay_below() {
    let (mut site, runtime) = (Site::founded(Suite::Ed25519), runtime());
    let server = site.start();
    let (mut anna, mut boris) = (Client::new(&site, "anna"), Client::new(&site, "boris"));
    let (hurt, sound, spare, of_hurt) = runtime.block_on(async {
        anna.first_login(&site, "anna", &server).await;
        boris.first_login(&site, "boris", &server).await;
        let (hurt, sound) = talk_to_both(&mut site, &mut anna, &server).await;
        let of_hurt = say(&mut anna, hurt, "lost").await;
        assert_eq!(told(&mut boris, hurt).await, ["lost"], "he has the keys, whose wraps will be lost too");
        let spare = say(&mut anna, sound, "goes first").await;
        say(&mut anna, sound, "stays").await;
        erase(&mut anna, sound, spare).await; // Folds: what was said lies in the tree.
        let spare = say(&mut anna, sound, "goes then").await;
        (hurt, sound, spare, of_hurt)
    });
    let journal = site.audited(server, &[&anna]);
    let number = journal.replay.register().conversation(hurt).unwrap().number;
    site.flip(&format!("the key tree of conversation {number}:"));
    assert_eq!(site.check(&["--full"]).status.code(), Some(2), "it is found");

    let server = site.start();
    runtime.block_on(async {
        both_enter(&site, &mut anna, &mut boris, &server).await;
        say(&mut anna, hurt, "new").await;
        assert_eq!(told(&mut boris, hurt).await, ["lost", "new"], "his terminal has seen the first one");
        assert_eq!(told(&mut anna, sound).await, ["stays", "goes then"]);
        erase(&mut anna, sound, spare).await;
        erase(&mut anna, hurt, of_hurt).await;
        say(&mut boris, hurt, "newer").await;
    });
    server.kill();
    let server = site.start();
    runtime.block_on(async {
        both_enter(&site, &mut anna, &mut boris, &server).await;
        assert_eq!(told(&mut anna, hurt).await, ["new", "newer"]);
        assert_eq!(told(&mut anna, sound).await, ["stays"]);
    });
    let journal = site.audited(server, &[&anna, &boris]);
    let alarm = |fact: &&Fact| matches!(fact, Fact::Alarm(alarm) if alarm.alarm == AlarmKind::BodyDamaged);
    assert!(journal.facts().filter(alarm).count() >= 1, "and told");

    // What the server cut off is missed for as long as nobody has given it up.
    assert_eq!(site.check(&["--full"]).status.code(), Some(2));
    let act = site.recovered(&[]).act;
    assert!(act.bodies_missing > 0 && !act.given_up.is_empty() && !act.bodies_lost, "{act:?}");
    assert_eq!(act.kept.size, act.known_size(), "no entry is lost");
    for told in [
        site.check(&["--full"]),
        site.backup(&["create", "--to"], "backup"),
        site.backup(&["rehearse"], "backup"),
    ] {
        assert!(told.status.success(), "{}", said(&told));
    }
    let again = site.recover(&["--out", &site.path("again.plan")]);
    assert!(again.status.code() == Some(1) && said(&again).contains("nothing is lost"), "{}", said(&again));
    let server = site.start();
    runtime.block_on(async {
        both_enter(&site, &mut anna, &mut boris, &server).await;
        assert_eq!(told(&mut anna, sound).await, ["stays"]);
        say(&mut anna, sound, "of the new era").await;
    });
    site.audited(server, &[&anna, &boris]);
}

#[test]
fn an_erasure_elsewhere_and_a_leaf_that_waits_below_the_node_do_no_harm() {
    let (mut site, runtime) = (Site::founded(Suite::Ed25519), runtime());
    let server = site.start();
    let (mut anna, mut boris) = (Client::new(&site, "anna"), Client::new(&site, "boris"));
    let (hurt, sound, spare) = runtime.block_on(async {
        anna.first_login(&site, "anna", &server).await;
        boris.first_login(&site, "boris", &server).await;
        let (hurt, sound) = talk_to_both(&mut site, &mut anna, &server).await;
        say(&mut anna, hurt, "lost").await;
        assert_eq!(told(&mut boris, hurt).await, ["lost"]);
        let spare = say(&mut anna, sound, "goes").await;
        erase(&mut anna, sound, spare).await;
        say(&mut anna, hurt, "waits under J").await;
        let spare = say(&mut anna, sound, "goes then").await;
        (hurt, sound, spare)
    });
    let journal = site.audited(server, &[&anna]);
    let number = journal.replay.register().conversation(hurt).unwrap().number;
    site.flip(&format!("the key tree of conversation {number}:"));
    let server = site.start();
    runtime.block_on(async {
        both_enter(&site, &mut anna, &mut boris, &server).await;
        erase(&mut anna, sound, spare).await;
        assert_eq!(told(&mut boris, hurt).await, ["lost", "waits under J"]);
    });
    server.kill();
    let server = site.start();
    let journal = site.audited(server, &[&anna]);
    let alarm = |fact: &&Fact| matches!(fact, Fact::Alarm(alarm) if alarm.alarm == AlarmKind::BodyDamaged);
    assert!(journal.facts().filter(alarm).count() >= 1, "told");
}

#[test]
fn a_wrap_that_does_not_open_is_found_by_a_full_check() {
    let (site, runtime) = (Site::founded(Suite::Ed25519), runtime());
    let server = site.start();
    let mut anna = Client::new(&site, "anna");
    runtime.block_on(async {
        anna.first_login(&site, "anna", &server).await;
        let conversation = anna.talk_to(&site, "boris").await;
        say(&mut anna, conversation, "under the first keys").await;
    });
    site.audited(server, &[&anna]);
    assert_eq!(site.check(&["--full"]).status.code(), Some(0));
    site.flip("chunk ");
    assert_eq!(site.check(&[]).status.code(), Some(0), "a start would not notice");
    let check = site.check(&["--full"]);
    let said = [&check.stdout[..], &check.stderr[..]].map(String::from_utf8_lossy).concat();
    assert!(check.status.code() == Some(2) && said.contains("the title or the wraps of entry"), "{said}");
}

#[test]
fn what_the_officers_gave_up_is_told_as_given_up_and_is_no_damage() {
    let mut talk = Talk::begun();
    talk.say("below");
    let goes = talk.say("goes");
    talk.erase(goes);
    let lost = talk.say("two");
    talk.say("three");
    talk.stop();
    talk.site.lose_batch_of(lost);
    talk.site.flip_newest(|frame| {
        let words = vault::owner_words(&frame.owner);
        words.contains("the key tree of conversation") && !words.contains("conversation 0")
    });
    let full = |talk: &Talk, more: &[&str]| {
        let check = talk.site.check(&[&["--full"][..], more].concat());
        (check.status.code(), said(&check))
    };
    assert_eq!(full(&talk, &[]).0, Some(2), "nobody has given anything up");
    talk.site.recovered(&[]);
    let (code, said) = full(&talk, &[]);
    assert!(code == Some(0) && said.contains("nothing but what the officers gave up"), "{said}");
    let (code, said) = full(&talk, &["--json"]);
    assert!(code == Some(0) && said.contains("\"given_up_places\":[{\"extent\":"), "{said}");
    // What is needed is damage, as before.
    talk.go_on();
    talk.say("goes on");
    talk.stop();
    assert_eq!(full(&talk, &[]).0, Some(0));
    talk.site.flip("the key tree above the conversations");
    let (code, said) = full(&talk, &[]);
    assert!(code == Some(2) && said.contains("the key tree above the conversations"), "{said}");
}
