//! Entries lost, and the log gone on without them by decision of its first officers: which heads then say what.
//! Never judges the decision itself: that are the rules' (`register/succession_tests.rs`).

use auditor::bundle::BundleReader;
use auditor::cutting::{Wanted, plan};
use auditor::outside::OutsideHead;
use journal::ids::Head;
use journal::testing::TestLog;
use pki::Suite;

use crate::forge::*;

/// The log behind the loss, the head that was lost, and the note that the log had signed over it.
fn crossed(number: u64, suite: Suite) -> (TestLog, Head, Vec<u8>) {
    let mut log = talked(number, suite);
    let gone = log.head();
    let gone_note = note(&log, gone);
    log.cut(gone.size as usize - 2);
    let act = log.succession(1);
    log.succeed(&["olga", "oleg"], &act).unwrap();
    log.start().unwrap();
    (log, gone, gone_note)
}

pub(crate) fn cases() -> Vec<Case> {
    let suites = [(33, Suite::Ed25519), (34, Suite::EcdsaP256)];
    suites.into_iter().flat_map(|(number, suite)| of(number, suite)).collect()
}

fn of(number: u64, suite: Suite) -> Vec<Case> {
    let (log, gone, gone_note) = crossed(number, suite);
    let whole = honest(&log);
    let head = |era, head| OutsideHead { file: None, era, head, cosigned_ms: None, own: false };
    let (lost, now) = (head(Some(0), gone), head(Some(1), log.head()));
    let other = Head { root: [1; 32], ..log.head() };
    let case = |name: &str, exit: u8, outside: &[&OutsideHead]| {
        let mut case = Case::new(&format!("a succession, {name}"), &log, whole.clone(), exit, None);
        case.outside = outside.iter().map(|known| (*known).clone()).collect();
        case
    };
    let with = |case: Case, notes: &[Vec<u8>]| Case { file: bundle(&log.entries, notes), ..case };
    let own = note(&log, log.head());
    vec![
        case("the newest head known", VERIFIED, &[&now]),
        case("only a head of what it gave up known", UNANCHORED, &[&lost]),
        case("a head of what it gave up and the newest known", VERIFIED, &[&lost, &now]),
        case("a head typed without its era", UNANCHORED, &[&now, &head(None, other)]),
        case("a fork in the new era", DIVERGED, &[&now, &head(Some(1), other)]),
        with(case("the lost head's note beside the new one", VERIFIED, &[&now]), &[gone_note.clone(), own]),
        with(case("the lost head's note alone", INCOMPLETE, &[&now]), &[gone_note]),
        // It says what was given up, and covers nothing of what is here.
        with(case("its note in the former era's name", INCOMPLETE, &[&now]), &[note_in(&log, 0, log.head())]),
        with(case("its note in an era to come", INVALID, &[&now]), &[note_in(&log, 7, log.head())]),
        excerpt(&log, &whole, gone),
    ]
}

/// A part of it, under a head that is known; another head, of what was given up, leads nowhere.
fn excerpt(log: &TestLog, whole: &[u8], gone: Head) -> Case {
    let open = || BundleReader::open(whole).unwrap();
    let last = log.tree.size() - 1;
    let file =
        plan(open(), &Wanted::Range(last - 2, last), &[]).unwrap().write(open(), Vec::new()).unwrap().1;
    let mut case =
        Case::new("excerpt: a head that a succession gave up", log, file, UNANCHORED, None).excerpt();
    case.outside = vec![
        OutsideHead { file: None, era: Some(1), head: log.head(), cosigned_ms: None, own: false },
        OutsideHead { file: None, era: Some(0), head: gone, cosigned_ms: None, own: false },
    ];
    case
}
