use super::*;
use crate::Content;
use crate::act::{Act, DualAct, Successor};
use crate::checkpoint::{Checkpoint, LogKeys};
use crate::fact::{Fact, Stop};
use crate::ids::{Head, LogId};
use crate::note::NoteSigner;
use crate::policy::Policy;
use crate::replay::Replay;
use crate::testing::{Described, TestLog};
use pki::{Clearance, Role};

/// A new log of another suite, and an old one that was closed into it.
fn linked(number: u64) -> (TestLog, TestLog, Continues) {
    let next = TestLog::founded(number, Suite::EcdsaP256, Policy::standard());
    let mut old = TestLog::standard(number + 1);
    let log = next.register.log_id();
    let closed = old.of_two(&DualAct::Close(Successor { log, suite: Suite::EcdsaP256 })).unwrap();
    let act = old.continued(closed, old.head());
    (next, old, act)
}

fn is_bad(refused: Result<Applied, Refusal>) -> bool {
    matches!(refused, Err(Refusal::BadContinues { .. }))
}

#[test]
fn the_first_officers_name_the_log_that_theirs_continues() {
    let (mut next, _, act) = linked(91);
    let one = next.continues_by("olga", &act);
    next.admit(Content::Statement(one)).unwrap();
    assert_eq!(next.register.continues().unwrap().since, None, "one is not enough");
    assert_eq!(
        next.admit(Content::Statement(next.continues_by("olga", &act))),
        Err(Refusal::SecondPersonNeeded)
    );
    let other = Continues { closed: act.closed - 1, ..act.clone() };
    assert!(is_bad(next.admit(Content::Statement(next.continues_by("oleg", &other)))), "they sign the same");
    next.admit(Content::Statement(next.continues_by("oleg", &act))).unwrap();
    let row = next.register.continues().unwrap().clone();
    assert_eq!(
        (row.since, &row.officers[..]),
        (Some(next.tree.size() - 1), &[next.id("olga"), next.id("oleg")][..])
    );
    let again = next.admit(Content::Statement(next.continues_by("oleg", &act)));
    assert_eq!(again, Err(Refusal::Unchanged), "one log continues one");
    assert_eq!(Register::restore(&next.register.snapshot()).unwrap().continues(), Some(&row));
    next.start().unwrap();
    next.log_in("olga").unwrap();
    let mut replay = Replay::new(Some(next.register.log_id()));
    next.entries.iter().for_each(|entry| drop(replay.feed(entry).unwrap()));
    assert_eq!(replay.register(), &next.register);
}

#[test]
fn what_a_log_continues_is_said_before_anybody_has_logged_in() {
    let (mut next, _, act) = linked(93);
    next.start().unwrap();
    let statement = next.continues_by("olga", &act);
    assert!(is_bad(next.admit(Content::Statement(statement))), "while it runs");
    next.log_in("olga").unwrap();
    next.fact(Fact::Stop(Stop {})).unwrap();
    let statement = next.continues_by("olga", &act);
    assert!(is_bad(next.admit(Content::Statement(statement))), "a log in use gets no other past");
}

#[test]
fn a_predecessor_whose_own_key_did_not_sign_is_none() {
    let (mut next, old, act) = linked(95);
    let mut said = |act: &Continues| next.admit(Content::Statement(next.continues_by("olga", act)));
    assert!(is_bad(said(&Continues { log: LogId([1; 32]), ..act.clone() })), "another log's note");
    let root = Head { root: [1; 32], ..act.head };
    assert!(is_bad(said(&Continues { head: root, ..act.clone() })), "another head");
    assert!(is_bad(said(&Continues { identity: [9; 32], ..act.clone() })), "another key");
    let origin = crate::origin::Origin::from(act.log);
    let keys = LogKeys::new(origin, old.period_key.public().clone(), None).unwrap();
    let signers = [NoteSigner { key: &keys.period, signer: &old.period_key }];
    let note = SignedCheckpoint::sign(Checkpoint { origin, head: act.head }, &signers).unwrap();
    let note = note.to_string().into_bytes().into();
    assert!(is_bad(said(&Continues { note, ..act.clone() })), "the period key alone");
    let own = next.register.log_id();
    let statement = next.continues_by("olga", &Continues { log: own, ..act });
    assert!(is_bad(next.admit(Content::Statement(statement))), "itself");
}

#[test]
fn nobody_but_a_first_officer_names_it() {
    let (mut next, _, act) = linked(97);
    let by_server = next.continues_by("server", &act);
    assert_eq!(next.admit(Content::Statement(by_server)), Err(Refusal::WrongRole));
    let igor = next.site.issue("igor", &Described::new(Role::Officer, Clearance(3)));
    next.by_authority(Act::Enrol(igor)).unwrap();
    let by_another = next.continues_by("igor", &act);
    assert_eq!(next.admit(Content::Statement(by_another)), Err(Refusal::NotAdmitted));
    let short = Continues { closed: act.head.size, ..act.clone() };
    assert!(short.check_bounds().is_err(), "the head covers the close");
    assert!(Act::Continues(act).check_bounds().is_ok());
}
