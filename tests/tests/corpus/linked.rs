//! What a log continues, said where it may be said and where it may not: in no chain, at no head, before anybody has logged
//! in, with the other log's own note, by enough first officers and once.
//! Never judges whether that other log was closed into this one: its own bundle says that (`auditor/src/predecessor.rs`).

use auditor::bundle::BundleReader;
use auditor::cutting::{Wanted, plan};
use journal::act::{Act, Continues, DualAct, Successor};
use journal::entry::Content;
use journal::fact::{Fact, Stop};
use journal::ids::{Chain, Head, Index, StatementId};
use journal::testing::TestLog;
use journal::{Policy, SignedStatement, Statement};
use pki::Suite;

use crate::forge::*;

/// What is done to a statement before it is signed anew.
type Change<'a> = &'a dyn Fn(&mut Statement);

/// A log that nobody has used yet, and what its officers have to say of the one before it.
fn founded(number: u64, suite: Suite) -> (TestLog, Continues) {
    let next = TestLog::founded(number, suite, Policy::standard());
    let mut old = TestLog::standard(number + 1);
    let log = next.register.log_id();
    let closed = old.of_two(&DualAct::Close(Successor { log, suite })).unwrap();
    let act = old.continued(closed, old.head());
    (next, act)
}

/// Said by both, and the log in use.
fn used(mut log: TestLog, act: &Continues) -> (TestLog, Index) {
    let first = log.tree.size();
    for login in ["olga", "oleg"] {
        let said = log.continues_by(login, act);
        log.admit(Content::Statement(said)).unwrap();
    }
    log.start().unwrap();
    log.log_in("olga").unwrap();
    (log, first)
}

/// The log in use, stopped again.
fn rested(mut log: TestLog) -> TestLog {
    log.start().unwrap();
    log.log_in("olga").unwrap();
    log.fact(Fact::Stop(Stop {})).unwrap();
    log
}

pub(crate) fn cases() -> Vec<Case> {
    let suites = [(60, Suite::Ed25519), (63, Suite::EcdsaP256)];
    suites.into_iter().flat_map(|(number, suite)| of(number, suite)).collect()
}

fn of(number: u64, suite: Suite) -> Vec<Case> {
    let (log, act) = founded(number, suite);
    let mut all = headers(number, suite, &act);
    all.extend(words(&log, &act));
    let signed = log.continues_by("olga", &act);
    let twice = [signed.clone(), signed.clone()];
    all.push(behind("one officer twice", &log, &twice, 1));
    let other = Continues { closed: act.closed - 1, ..act.clone() };
    all.push(behind(
        "the second one otherwise",
        &log,
        &[signed.clone(), log.continues_by("oleg", &other)],
        1,
    ));
    let enough = [signed.clone(), log.continues_by("oleg", &act)];
    all.push(behind("once more", &log, &[&enough[..], std::slice::from_ref(&signed)].concat(), 2));
    all.push(behind("by no first officer", &log, &[log.continues_by("server", &act)], 0));
    let (mut running, _) = founded(number, suite);
    running.start().unwrap();
    all.push(behind("while the server runs", &running, &[running.continues_by("olga", &act)], 0));
    let rested = rested(founded(number, suite).0);
    let late = behind("behind a login", &rested, &[rested.continues_by("olga", &act)], 0);
    all.extend(part(&rested, &late));
    all.push(late);
    all
}

fn named(name: &str) -> String {
    format!("what a log continues, {name}")
}

/// These statements behind the entries: see [`crate::forge::behind`].
fn behind(name: &str, log: &TestLog, said_so: &[SignedStatement], bad: usize) -> Case {
    crate::forge::behind(&named(name), log, said_so, bad)
}

/// Header by header: honest, and as it never is.
fn headers(number: u64, suite: Suite, act: &Continues) -> Vec<Case> {
    let (log, first) = used(founded(number, suite).0, act);
    let whole = honest(&log);
    let open = || BundleReader::open(&whole[..]).unwrap();
    let range = Wanted::Range(first, log.tree.size() - 1);
    let file = plan(open(), &range, &[]).unwrap().write(open(), Vec::new()).unwrap().1;
    let mut all = vec![
        Case::new(&named("said as it should be"), &log, whole.clone(), VERIFIED, None),
        Case::new(&format!("excerpt: {}", named("said as it should be")), &log, file, VERIFIED, None)
            .excerpt(),
    ];
    let (fresh, _) = founded(number, suite);
    let earlier = Head { size: 1, root: fresh.tree.root_at(1).unwrap() };
    let changes: [(&str, Change<'_>); 6] = [
        ("in a chain", &|said| said.header.chain = Chain([7; 32])),
        ("under a number", &|said| said.header.sequence = 1),
        ("at a further attempt", &|said| said.header.attempt = 1),
        ("behind another statement", &|said| said.header.previous = StatementId([7; 32])),
        ("at a head", &|said| said.header.head = earlier),
        ("at no entries' head with another root", &|said| said.header.head.root = [7; 32]),
    ];
    for (name, change) in changes {
        let mut statement = statement(&log.entries[first as usize]);
        change(&mut statement);
        let bent = behind(name, &fresh, &[fresh.sign("olga", statement).0], 0);
        all.extend(part(&fresh, &bent));
        all.push(bent);
    }
    all
}

/// What it says itself.
fn words(log: &TestLog, act: &Continues) -> Vec<Case> {
    let own = log.register.log_id();
    let changes: [(&str, Continues); 6] = [
        ("another log's note", Continues { log: journal::LogId([1; 32]), ..act.clone() }),
        ("another head", Continues { head: Head { root: [1; 32], ..act.head }, ..act.clone() }),
        (
            "another identity key",
            Continues { identity: log.site.identity.public().raw().try_into().unwrap(), ..act.clone() },
        ),
        (
            "a line of that key's that is bad, before a good one",
            Continues { note: with_a_bad_line(&act.note).into(), ..act.clone() },
        ),
        ("itself", Continues { log: own, ..act.clone() }),
        ("a head before its end", Continues { closed: act.head.size, ..act.clone() }),
    ];
    let both = |(name, act): (&str, Continues)| {
        let statement = Statement { act: Act::Continues(act), ..statement_of(log) };
        let bent = behind(name, log, &[log.sign("olga", statement).0], 0);
        part(log, &bent).into_iter().chain([bent]).collect::<Vec<_>>()
    };
    changes.into_iter().flat_map(both).collect()
}

/// Each signature line twice, and changed where it stands first.
fn with_a_bad_line(note: &[u8]) -> Vec<u8> {
    let (text, lines) = std::str::from_utf8(note).unwrap().split_once("\n\n").unwrap();
    let twice = lines.lines().map(|line| {
        // A digit of the signature, far from the key's id and from the padding.
        let (before, digit, behind) =
            (&line[..line.len() - 20], &line[line.len() - 20..][..1], &line[line.len() - 19..]);
        format!("{before}{}{behind}\n{line}\n", if digit == "A" { "B" } else { "A" })
    });
    format!("{text}\n\n{}", twice.collect::<String>()).into_bytes()
}

fn statement_of(log: &TestLog) -> Statement {
    let mut header = log.site.blank_header(log.site.person("olga").signature_certificate.id());
    (header.log, header.person) = (log.register.log_id(), log.id("olga"));
    Statement { header, act: Act::Logout(journal::act::Logout {}) }
}
