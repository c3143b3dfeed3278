//! What `conclave-pki` bundles is what the appliance takes in: the Register admits every act, the core opens the password.

#![allow(clippy::unwrap_used, reason = "a test that meets the unexpected is to stop")]

mod common;

use common::{agreement_key, command, identity_key, request};
use journal::SignedStatement;
use pki::{SecretKey, SiteCard, Suite, password};
use protocol::Now;
use protocol::bundle::Bundle;
use protocol::engine::founding::found;
use protocol::frame::VERIFIER_INFO;
use std::path::Path;

const SERVER: &str = "server.request";

fn done(dir: &Path, line: &str) {
    let output = command(dir, &format!("conclave-pki {line} --passphrase-fd 0 < pass"));
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

fn quick(dir: &Path, line: &str) {
    let output = command(dir, &format!("conclave-pki {line}"));
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

fn bundle(dir: &Path, name: &str) -> Bundle {
    Bundle::from_text(&std::fs::read_to_string(dir.join(name)).unwrap()).unwrap()
}

/// A site with a server, two officers, anna with an envelope in her hands; then bundled.
fn site(dir: &Path, suite: Suite) {
    let name = suite.name();
    request(dir, &format!("server|Conclave|{name}|{SERVER}"), true);
    for (login, full) in [("olga", "Ольга Зимина"), ("oleg", "Олег Орлов"), ("anna", "Анна Петрова")]
    {
        request(dir, &format!("{login}|{full}|{name}|{login}.request"), false);
    }
    done(dir, &format!("init --site Север --suite {name}"));
    done(dir, &format!("issue {SERVER}"));
    done(dir, "issue olga.request oleg.request --role officer --clearance 5");
    done(dir, "issue anna.request --role operator --clearance secret");
    done(dir, "genesis --server server --officers olga,oleg");
    let line = "conclave-pki envelope print @anna --one-time-fd 3 --passphrase-fd 0 < pass 3>> one-time";
    assert!(command(dir, line).status.success());
    done(dir, "envelope hand-over 1");
    quick(dir, "bundle --out site.bundle");
    quick(dir, "site-card --address 127.0.0.1:4433 --out site.card");
}

fn now() -> Now {
    Now { wall_ms: officer::clock::now_ms(), boot_ms: 1 }
}

fn admitted(genesis: SignedStatement, acts: Vec<SignedStatement>, suite: Suite) -> journal::Register {
    let identity = identity_key(SERVER);
    let period = SecretKey::from_bytes(suite, &[7; 32]).unwrap();
    found(now(), genesis, acts, Vec::new(), usize::MAX, (&identity, &period)).unwrap().register
}

fn the_appliance_takes_it_in(suite: Suite) {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    site(dir, suite);
    let first = bundle(dir, "site.bundle");
    let register = admitted(first.genesis.clone().unwrap(), first.acts.clone(), suite);
    let anna = register.person_by_login("anna").unwrap();
    assert_eq!((anna.name.as_str(), anna.clearance.rank()), ("Анна Петрова", 4));
    assert!(anna.password == journal::register::PasswordState::Envelope(1), "the envelope was handed over");
    assert_eq!(register.standing_officers().count(), 2);
    assert_eq!(first.server.as_ref().unwrap().len(), 4);

    let card = std::fs::read_to_string(dir.join("site.card")).unwrap();
    assert_eq!(SiteCard::from_text(&card).unwrap().log_id, register.log_id().0);

    // The core opens the verifier, and the words on the paper are what it recognises.
    let [sealed] = &first.verifiers[..] else { panic!("one envelope, one verifier") };
    let bound = [sealed.person.0.to_be_bytes(), sealed.envelope.to_be_bytes()].concat();
    let verifier = agreement_key(suite, SERVER).open(VERIFIER_INFO, &bound, &sealed.sealed).unwrap();
    let paper = std::fs::read_to_string(dir.join("one-time")).unwrap();
    let typed = pki::OneTimePassword::parse(paper.trim()).unwrap();
    let proof = password::login_proof(typed.canonical().as_bytes(), anna.id).unwrap();
    let verifier = std::str::from_utf8(&verifier).unwrap();
    assert_eq!(password::verify(verifier, proof.as_bytes()), Ok(true));

    // Later: a renewal and a revocation come in the next bundle, and follow what is known.
    quick(dir, "bundle --taken site.bundle");
    request(dir, &format!("anna|Анна Ковалёва|{}|new.request", suite.name()), false);
    done(dir, "renew new.request --name-from-request");
    done(dir, "revoke @olga --reason affiliation-changed");
    quick(dir, "bundle --out next.bundle");
    let next = bundle(dir, "next.bundle");
    assert!(next.genesis.is_none() && next.verifiers.is_empty() && next.acts.len() == 3);
    let all = [first.acts, next.acts].concat();
    let register = admitted(first.genesis.unwrap(), all, suite);
    assert_eq!(register.person_by_login("anna").unwrap().name, "Анна Ковалёва");
    assert!(register.person_by_login("olga").unwrap().revoked.is_some());
}

#[test]
fn the_appliance_takes_in_a_site_of_ed25519() {
    the_appliance_takes_it_in(Suite::Ed25519);
}

#[test]
fn the_appliance_takes_in_a_site_of_ecdsa() {
    the_appliance_takes_it_in(Suite::EcdsaP256);
}

#[test]
fn an_act_that_was_tampered_with_stops_everything() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    done(dir, "init --site Nord");
    let path = dir.join("ca/acts");
    let text = std::fs::read_to_string(&path).unwrap();
    let line = text.lines().nth(1).unwrap();
    // The last letter of the statement's signature, still good base64.
    let at = line.len() - 6;
    let other = if &line[at..=at] == "A" { "B" } else { "A" };
    let bent = format!("{}{other}{}", &line[..at], &line[at + 1..]);
    std::fs::write(&path, text.replace(line, &bent)).unwrap();
    let output = command(dir, "conclave-pki list");
    assert_eq!(output.status.code(), Some(74));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("line 2 of acts is damaged"));
}
