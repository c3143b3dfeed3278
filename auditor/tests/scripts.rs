//! Sessions at a shell: each file of `tests/cmd` is a story of commands with their output, run on a site in memory
//! whose journal was written to bundles.
//!
//! `$ command` is run by sh; what follows is its output, standard error behind standard output. `[..]` stands for
//! anything within a line, a line `[...]` for any lines; `? n` is the exit code where it is not 0.
//! With CONCLAVE_WRITE_SCRIPTS set the outputs are written into the files (long hex becomes `[..]`): look at the diff.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;
use std::process::Command;

use auditor::bundle::BundleWriter;
use journal::Policy;
use journal::act::{Act, Erase, EraseTarget};
use journal::checkpoint::{Checkpoint, LogKeys, SignedCheckpoint};
use journal::fact::{Erased, FailedLogin, LoginFailure};
use journal::ids::Head;
use journal::note::NoteSigner;
use journal::testing::TestLog;
use journal::{Fact, LogId};
use pki::{SiteCard, SiteFacts, Suite};

fn keys(log: &TestLog) -> LogKeys {
    let identity = log.site.identity.public().clone();
    LogKeys::new(log.register.log_id(), log.period_key.public().clone(), Some(identity)).unwrap()
}

fn note(log: &TestLog, head: Head) -> Vec<u8> {
    let keys = keys(log);
    let signers = [
        NoteSigner { key: &keys.period, signer: &log.period_key },
        NoteSigner { key: keys.identity.as_ref().unwrap(), signer: &log.site.identity },
    ];
    let checkpoint = Checkpoint { log: log.register.log_id(), head };
    SignedCheckpoint::sign(checkpoint, &signers).unwrap().to_string().into_bytes()
}

fn bundle(entries: &[Vec<u8>], note: &[u8]) -> Vec<u8> {
    let mut writer = BundleWriter::new(Vec::new()).unwrap();
    entries.iter().for_each(|entry| writer.entry(entry).unwrap());
    writer.finish(&[note]).unwrap()
}

fn card(log: &TestLog) -> SiteCard {
    let LogId(log_id) = log.register.log_id();
    SiteCard::new(SiteFacts {
        site: "Test site".into(),
        suite: log.site.suite,
        addresses: vec!["127.0.0.1:4433".into()],
        server_name: "conclave".into(),
        roots: vec![log.site.root.clone()],
        issuing: vec![log.site.issuing.clone()],
        log_id,
        log_identity: keys(log).identity.unwrap().to_string(),
        core_key: None,
    })
    .unwrap()
}

/// Two friends talk, one message and then all of it is erased; someone mistypes a password.
fn story(suite: Suite) -> TestLog {
    let mut log = TestLog::with_policy(1, suite, Policy::standard());
    let chat = log.talking("anna", &["boris"]);
    log.wait_ms(60_000);
    let first = log.send("anna", chat).unwrap();
    log.send("boris", chat).unwrap();
    log.act("anna", Act::Erase(Erase { target: EraseTarget::Messages(chat, vec![first]) })).unwrap();
    log.fact(Fact::Erased(Erased { epoch: 1, through: log.tree.size() - 1 })).unwrap();
    log.act("boris", Act::Erase(Erase { target: EraseTarget::Conversation(chat) })).unwrap();
    let certificate = log.site.person("vera").signature_certificate.id();
    let (person, failure) = (log.id("vera"), LoginFailure::Password);
    log.fact(Fact::FailedLogin(FailedLogin { person, certificate, failure, count: 1 })).unwrap();
    log
}

fn write_site(dir: &Path) {
    let put = |name: &str, bytes: &[u8]| fs::write(dir.join(name), bytes).unwrap();
    let log = story(Suite::Ed25519);
    let head = log.head();
    let whole = bundle(&log.entries, &note(&log, head));
    put("march.journal", &whole);
    put("cut.journal", &whole[..whole.len() / 2]);
    put("site.card", card(&log).to_text().as_bytes());
    put("fingerprint", card(&log).fingerprint().to_string().as_bytes());
    put("log-id", log.register.log_id().to_string().as_bytes());
    put("identity", keys(&log).identity.unwrap().to_string().as_bytes());
    put("root.pem", pki::pem::encode(pki::pem::CERTIFICATE, log.site.root.der()).as_bytes());
    let earlier = Head { size: head.size - 4, root: log.tree.root_at(head.size - 4).unwrap() };
    put("anna.checkpoint", &note(&log, earlier));
    put("new.checkpoint", &note(&log, head));
    let mut flipped = log.entries.clone();
    let at = flipped.len() - 5;
    *flipped[at].last_mut().unwrap() ^= 1;
    put("flipped.journal", &bundle(&flipped, &note(&log, head)));
    let mut other = TestLog::with_policy(1, Suite::Ed25519, Policy::standard());
    while other.tree.size() < earlier.size {
        other
            .fact(Fact::FailedLogin(FailedLogin {
                person: other.id("vera"),
                certificate: other.site.person("vera").signature_certificate.id(),
                failure: LoginFailure::Statement,
                count: 1,
            }))
            .unwrap();
    }
    put("other.journal", &bundle(&other.entries, &note(&other, other.head())));
    let curve = story(Suite::EcdsaP256);
    put("p256.journal", &bundle(&curve.entries, &note(&curve, curve.head())));
}

#[test]
fn every_script_says_what_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cmd");
    let mut scripts: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    scripts.sort();
    assert!(!scripts.is_empty());
    for script in scripts {
        let dir = tempfile::tempdir().unwrap();
        write_site(dir.path());
        let wanted = fs::read_to_string(&script).unwrap();
        let found = play(&wanted, dir.path());
        if std::env::var_os("CONCLAVE_WRITE_SCRIPTS").is_some() {
            fs::write(&script, blurred(&found)).unwrap();
        } else {
            compare(&script, &wanted, &found);
        }
    }
}

/// Runs every command of a script and puts its true output behind it.
fn play(script: &str, dir: &Path) -> String {
    let mut out = String::new();
    for line in script.lines() {
        let Some(command) = line.strip_prefix("$ ") else { continue };
        out.push_str(&format!("$ {command}\n"));
        let bin = Path::new(env!("CARGO_BIN_EXE_conclave-audit")).parent().unwrap().display().to_string();
        let done = Command::new("sh")
            .args(["-c", command])
            .current_dir(dir)
            .env("PATH", format!("{bin}:{}", std::env::var("PATH").unwrap_or_default()))
            .env("LC_ALL", "C")
            .env_remove("CONCLAVE_LANG")
            .output()
            .unwrap();
        for stream in [&done.stdout, &done.stderr] {
            let text = String::from_utf8_lossy(stream);
            out.push_str(&text);
            if !text.is_empty() && !text.ends_with('\n') {
                out.push('\n');
            }
        }
        match done.status.code() {
            Some(0) => {}
            code => out.push_str(&format!("? {}\n", code.unwrap_or(-1))),
        }
    }
    out
}

/// Hashes change with every version of the rules; the story does not.
fn blurred(text: &str) -> String {
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        if line.starts_with("$ ") {
            out.push_str(line);
            continue;
        }
        let mut word = String::new();
        for letter in line.chars() {
            if letter.is_ascii_hexdigit() {
                word.push(letter);
                continue;
            }
            out.push_str(if word.len() >= 16 { "[..]" } else { &word });
            word.clear();
            out.push(letter);
        }
    }
    out
}

fn compare(script: &Path, wanted: &str, found: &str) {
    let (wanted, found): (Vec<&str>, Vec<&str>) = (wanted.lines().collect(), found.lines().collect());
    assert!(
        lines_match(&wanted, &found),
        "{}\n--- wanted\n{}\n--- found\n{}",
        script.display(),
        wanted.join("\n"),
        found.join("\n")
    );
}

fn lines_match(wanted: &[&str], found: &[&str]) -> bool {
    match (wanted.split_first(), found.split_first()) {
        (None, None) => true,
        (Some((&"[...]", rest)), _) => (0..=found.len()).any(|skipped| lines_match(rest, &found[skipped..])),
        (Some((wanted, rest)), Some((found, left))) => line_matches(wanted, found) && lines_match(rest, left),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

fn line_matches(wanted: &str, found: &str) -> bool {
    let mut parts = wanted.split("[..]");
    let Some(mut left) = parts.next().and_then(|first| found.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return left.is_empty() };
    for part in parts {
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    left.ends_with(last)
}

#[test]
fn the_runner_tells_outputs_apart() {
    assert!(line_matches("head [..] of [..]", "head 12 of 13"));
    assert!(!line_matches("head [..] of", "head 12 of 13") && !line_matches("a", "ab"));
    assert!(lines_match(&["a", "[...]", "z"], &["a", "b", "c", "z"]));
    assert!(!lines_match(&["a", "z"], &["a", "b", "z"]));
}
