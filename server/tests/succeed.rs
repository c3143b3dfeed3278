//! One log closed into another: at the old server's console, at the new one's, and with the people of both. The real daemon
//! throughout.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;

use journal::act::{DualAct, Successor};
use journal::ids::LogId;
use journal::refusal::code;
use journal::statement::{SignedStatement, Statement};
use pki::Suite;
use protocol::continuation::{Continuation, ContinuationPlan};
use protocol::succession::signature_text;
use std::process::Output;
use support::{Client, Site, Talk, by_two, said};

/// Olga and Oleg close the log of the old site, while its server runs.
fn close(talk: &Talk, successor: Successor) -> u64 {
    let (mut olga, mut oleg) = (Client::new(&talk.site, "olga"), Client::new(&talk.site, "oleg"));
    let server = talk.server.as_ref().unwrap();
    talk.runtime.block_on(async {
        olga.first_login(&talk.site, "olga", server).await;
        oleg.first_login(&talk.site, "oleg", server).await;
        let index = by_two(&mut olga, &mut oleg, &DualAct::Close(successor)).await;
        olga.hang_up();
        oleg.hang_up();
        index
    })
}

fn closing(site: &Site, out: &str) -> Output {
    let config = site.path("conclaved.toml");
    site.conclaved(&["log", "closing", "--config", &config, "--out", out, "--json"])
}

fn succeed(site: &Site, more: &[&str]) -> Output {
    let config = site.path("conclaved.toml");
    site.conclaved(&[&["log", "succeed", "--config", &config, "--json"][..], more].concat())
}

/// What an officer of the new site signs at his own terminal.
fn sign(site: &Site, plan: &Continuation, login: &str) -> String {
    let person = site.person(login);
    let header = plan.header(person.id, person.signature_certificate.id());
    let statement = Statement { header, act: plan.act() };
    let path = site.path(&format!("{login}.signature"));
    let signed = SignedStatement::sign(&statement, &person.signature).unwrap().0;
    std::fs::write(&path, signature_text(signed)).unwrap();
    path
}

fn index_of(done: &Output) -> u64 {
    let line: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    line["data"]["index"].as_u64().unwrap_or_else(|| panic!("{line}"))
}

fn refused_with(done: &Output, word: &str) -> bool {
    !done.status.success() && said(done).contains(word)
}

#[test]
fn a_site_changes_its_suite_and_both_logs_say_so() {
    let mut talk = Talk::begun();
    talk.say("kept");
    let gone = talk.say("to go");
    let new = Site::founded(Suite::EcdsaP256);
    let (proof, plan) = (talk.site.path("old.closing"), new.path("continuation.plan"));
    talk.stop();
    assert!(refused_with(&closing(&talk.site, &proof), "not-closed"));
    talk.go_on();
    close(&talk, Successor { log: new.log, suite: Suite::EcdsaP256 });
    let more = talk.runtime.block_on(talk.anna.admitted(Client::message(talk.conversation, "more")));
    assert_eq!(more, Err(code::LogClosed), "nothing more is said");
    assert!(said(&closing(&talk.site, &proof)).contains("in-use"), "its server runs");
    talk.stop();
    let taken = closing(&talk.site, &proof);
    assert!(taken.status.success(), "{}", said(&taken));

    // It says so to the new server alone, and whole.
    let third = Site::founded(Suite::EcdsaP256);
    assert!(refused_with(&succeed(&third, &["--closing", &proof]), "bad-continuation"));
    let shown = succeed(&new, &["--closing", &proof]);
    assert_eq!(shown.status.code(), Some(1), "shown, and no plan written: {}", said(&shown));
    let planned = succeed(&new, &["--closing", &proof, "--out", &plan]);
    assert!(planned.status.success(), "{}", said(&planned));
    let read = ContinuationPlan::from_text(&std::fs::read_to_string(&plan).unwrap()).unwrap();
    let checked = read.check(new.log).unwrap_or_else(|error| panic!("{error}"));
    assert!(read.check(LogId([1; 32])).is_err());
    let (olga, oleg) = (sign(&new, &checked, "olga"), sign(&new, &checked, "oleg"));
    assert!(
        refused_with(&succeed(&new, &["--plan", &plan, "--acts", &olga]), "bad-continuation"),
        "one alone"
    );
    assert!(refused_with(
        &succeed(&new, &["--plan", &plan, "--acts", &olga, "--acts", &olga]),
        "bad-continuation"
    ));
    let by_a_stranger = sign(&new, &checked, "anna");
    let both = succeed(&new, &["--plan", &plan, "--acts", &olga, "--acts", &by_a_stranger]);
    assert!(refused_with(&both, "bad-continuation"));
    let carried = succeed(&new, &["--plan", &plan, "--acts", &olga, "--acts", &oleg]);
    assert!(carried.status.success(), "{}", said(&carried));
    let again = succeed(&new, &["--plan", &plan, "--acts", &olga, "--acts", &oleg]);
    assert_eq!(index_of(&again), index_of(&carried), "a crash behind the commit costs nothing");
    assert!(new.check(&["--full"]).status.success());

    // The new site begins; the old one is read and erased.
    let server = new.start();
    let mut anna = Client::new(&new, "anna");
    talk.runtime.block_on(anna.first_login(&new, "anna", &server));
    anna.hang_up();
    server.kill();
    talk.go_on();
    assert!(talk.server.as_ref().unwrap().began.contains("this log was CLOSED"));
    assert_eq!(talk.texts(), ["kept", "to go"]);
    talk.erase(gone);
    assert_eq!(talk.read(), ["kept"]);
    let said = talk.runtime.block_on(talk.anna.run(Client::message(talk.conversation, "more")));
    assert!(said.is_err(), "over a start, too");
}

#[test]
fn a_log_in_use_gets_no_other_past() {
    let mut old = Talk::begun();
    let new = Talk::begun_at(Suite::EcdsaP256);
    close(&old, Successor { log: new.site.log, suite: Suite::EcdsaP256 });
    old.stop();
    let proof = old.site.path("old.closing");
    assert!(closing(&old.site, &proof).status.success());
    let mut new = new;
    new.stop();
    assert!(refused_with(&succeed(&new.site, &["--closing", &proof]), "in-use-already"));
    // One bit of it, wherever, and it proves nothing.
    let text = std::fs::read_to_string(&proof).unwrap();
    let at = text.len() / 2;
    let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
    let bent = format!("{}{other}{}", &text[..at], &text[at + 1..]);
    let path = old.site.path("bent.closing");
    std::fs::write(&path, bent).unwrap();
    assert!(!succeed(&new.site, &["--closing", &path]).status.success());
}

#[test]
fn the_proof_is_taken_out_where_the_key_of_the_period_is_gone() {
    let mut old = Talk::begun();
    let new = Site::founded(Suite::EcdsaP256);
    close(&old, Successor { log: new.log, suite: Suite::EcdsaP256 });
    old.stop();
    old.site.flip("in conversation 0");
    let (whole, proof) = (old.site.path("whole.closing"), old.site.path("old.closing"));
    let config = old.site.path("conclaved.toml");
    let words = old.site.conclaved(&["log", "closing", "--config", &config, "--out", &whole]);
    assert!(words.status.success() && said(&words).contains("does not open any more"), "{}", said(&words));
    assert!(closing(&old.site, &proof).status.success());
    let planned = succeed(&new, &["--closing", &proof, "--out", &new.path("continuation.plan")]);
    assert!(planned.status.success(), "{}", said(&planned));
}
