//! Verifications of logs that were succeeded after a loss, and of logs that let go by a schedule.
#![allow(clippy::unwrap_used, reason = "tests")]

use journal::Policy;
use journal::entry::{Content, Entry};
use journal::fact::{ClockStep, Fact, RetentionRun};
use journal::ids::Head;
use journal::refusal::Refusal;
use journal::replay::Fault;
use journal::retention::{Retention, RetentionRule};
use journal::testing::TestLog;
use pki::Suite;

use crate::audit::tests::{bundle, exported, judged, signed, trust};
use crate::audit_tests::spoken;
use crate::judgement::{Flaw, Judgement, Unanchored};
use crate::outside::OutsideHead;

#[test]
fn a_succession_is_crossed_and_a_head_of_what_it_gave_up_says_nothing() {
    let (mut log, anchor) = spoken(23);
    let gone = log.head();
    let gone_note = signed(&log, gone);
    log.cut(anchor.size as usize + 1);
    let act = log.succession(1);
    log.succeed(&["olga", "oleg"], &act).unwrap();
    log.start().unwrap();
    // Anchored to what is kept: verified, and the succession is told.
    let audit = judged(&exported(&log), &trust(&log, Some(anchor)), Vec::new());
    assert!(matches!(audit.judgement, Judgement::Verified), "{:?}", audit.judgement);
    assert_eq!(audit.replay.verdict().successions[0].officers, [log.id("olga"), log.id("oleg")]);
    use console::Words;
    let words = crate::plain::coverage(&audit, console::Lang::En);
    assert!(words.iter().any(|said| said.say(console::Lang::En).contains("by decision of @olga, @oleg")));
    // Anchored to what is lost: neither a fork nor a confirmation.
    let own = trust(&log, Some(gone));
    let audit = judged(&exported(&log), &own, Vec::new());
    let expected =
        Unanchored::LostBySuccession { size: gone.size, kept: act.kept.size, end: act.kept.size + 2 };
    assert!(
        matches!(&audit.judgement, Judgement::Unanchored(why) if *why == expected),
        "{:?}",
        audit.judgement
    );
    // Until a head behind it was compared: then it is mentioned, no more.
    let now = OutsideHead {
        file: Some("anna.checkpoint".into()),
        era: Some(1),
        head: log.head(),
        cosigned_ms: None,
        own: false,
    };
    let audit = judged(&exported(&log), &own, vec![now]);
    assert!(matches!(audit.judgement, Judgement::Verified), "{:?}", audit.judgement);
    assert_eq!(audit.lost.len(), 1);
    // A note of what was given up beside the new one is no contradiction either; within an era a contradiction is one.
    let notes = [gone_note, signed(&log, log.head())];
    let audit = judged(&bundle(&log.entries, &notes), &trust(&log, Some(anchor)), Vec::new());
    assert!(matches!(audit.judgement, Judgement::Verified), "{:?}", audit.judgement);
    let forked = OutsideHead {
        file: None,
        era: Some(1),
        head: Head { root: [1; 32], ..log.head() },
        cosigned_ms: None,
        own: false,
    };
    let audit = judged(&exported(&log), &own, vec![forked]);
    assert!(matches!(audit.judgement, Judgement::Diverged(_)), "{:?}", audit.judgement);
    // Typed without its era it may be of what was given up, or a fork's: whatever else is known, that is no "verified".
    let typed = |head| OutsideHead { file: None, era: None, head, cosigned_ms: None, own: false };
    let now = OutsideHead { file: None, era: Some(1), head: log.head(), cosigned_ms: None, own: false };
    let audit = judged(&exported(&log), &own, vec![now, typed(Head { root: [1; 32], ..log.head() })]);
    let expected = Unanchored::EraUnknown { size: log.head().size, kept: act.kept.size };
    assert!(
        matches!(&audit.judgement, Judgement::Unanchored(why) if *why == expected),
        "{:?}",
        audit.judgement
    );
    let audit = judged(&exported(&log), &trust(&log, Some(anchor)), vec![typed(log.head())]);
    assert!(matches!(audit.judgement, Judgement::Verified), "{:?}", audit.judgement);
}

#[test]
fn each_head_that_was_given_up_counts_not_the_largest_alone() {
    let (mut log, anchor) = spoken(24);
    let step = |log: &mut TestLog| {
        let found_ms = log.now_ms;
        drop(log.fact(Fact::ClockStep(ClockStep { expected_ms: 0, found_ms })).unwrap());
    };
    (0..20).for_each(|_| step(&mut log));
    let first = log.head();
    log.cut(anchor.size as usize + 1);
    let act = log.succession(1);
    log.succeed(&["olga", "oleg"], &act).unwrap();
    log.start().unwrap();
    let stays = log.head();
    step(&mut log);
    let second = log.head();
    log.cut(stays.size as usize);
    let act = log.succession(2);
    log.succeed(&["olga", "oleg"], &act).unwrap();
    log.start().unwrap();
    let own = |era, head| OutsideHead { file: None, era: Some(era), head, cosigned_ms: None, own: false };
    let heads = vec![own(0, first), own(1, stays), own(1, second)];
    assert!(first.size > second.size);
    let audit = judged(&exported(&log), &trust(&log, Some(anchor)), heads);
    let kept = act.kept.size;
    let expected = Unanchored::LostBySuccession { size: second.size, kept, end: kept + 2 };
    assert!(
        matches!(&audit.judgement, Judgement::Unanchored(why) if *why == expected),
        "{:?}",
        audit.judgement
    );
}

/// A site that keeps everything for a day, at the time of a run that takes two messages.
fn forgetful(number: u64) -> TestLog {
    let rules = vec![RetentionRule { kind: None, label: None, keep_days: 1 }];
    let policy = Policy { retention: Retention { rules, minute: 180 }, ..Policy::standard() };
    let mut log = TestLog::with_policy(number, Suite::Ed25519, policy);
    let chat = log.talking("anna", &["boris"]);
    for login in ["anna", "boris"] {
        log.send(login, chat).unwrap();
    }
    for _ in 0..2 {
        run(&mut log);
    }
    let due_ms = log.register.retention().next_ms.unwrap();
    log.wait_ms(due_ms - log.now_ms);
    log
}

fn run(log: &mut TestLog) {
    let due_ms = log.register.retention().next_ms.unwrap();
    log.wait_ms(due_ms - log.now_ms);
    let run = log.register.retention_due(log.now_ms, log.boot_ms).unwrap();
    log.fact(Fact::RetentionRun(run)).unwrap();
}

#[test]
fn a_dishonest_run_of_the_retention_schedule_is_invalid() {
    let honest = forgetful(17);
    let due = honest.register.retention_due(honest.now_ms, honest.boot_ms).unwrap();
    assert_eq!(due.counts, [2]);
    let verdict = |run: &RetentionRun, wall_ms: u64| {
        let content = Content::Fact(Fact::RetentionRun(run.clone()));
        let boot_ms = honest.boot_ms;
        let entry = Entry { version: journal::entry::ENTRY_VERSION, wall_ms, boot_ms, content }.encode();
        let (mut entries, mut tree) = (honest.entries.clone(), honest.tree.clone());
        tree.append(journal::tree::leaf_hash(&entry));
        entries.push(entry);
        let head = Head { size: tree.size(), root: tree.root() };
        judged(&bundle(&entries, &[signed(&honest, head)]), &trust(&honest, None), Vec::new())
    };
    let at = honest.entries.len() as u64;
    let much = RetentionRun { counts: vec![3], ..due.clone() };
    let little = RetentionRun { counts: vec![1], ..due.clone() };
    let nothing = RetentionRun { counts: vec![0], held: 2, ..due.clone() };
    for (lie, wall_ms) in [
        (&much, honest.now_ms),
        (&little, honest.now_ms),
        (&nothing, honest.now_ms),
        (&due, honest.now_ms - 3_600_000), // too early
    ] {
        let audit = verdict(lie, wall_ms);
        let Judgement::Invalid(Flaw::Entry { index, fault: Fault::Refused(refusal) }) = &audit.judgement
        else {
            panic!("{:?}", audit.judgement)
        };
        assert_eq!(*index, at);
        assert!(matches!(refusal, Refusal::BadRetentionRun { .. }), "{refusal}");
    }
    let audit = verdict(&due, honest.now_ms);
    assert!(matches!(audit.judgement, Judgement::Unanchored(_)), "the honest one stands");
    assert_eq!(audit.replay.register().retention().last.map(|last| last.messages), Some(2));
}

#[test]
fn a_server_that_never_makes_a_run_that_is_due_is_found_out() {
    let mut log = forgetful(18);
    log.wait_ms(2 * 3_600_000);
    // What it would have to admit, were nobody to notice: the very refusal of the rules.
    let chat = log.register.conversations().next().unwrap().membership.id();
    assert!(matches!(log.send("anna", chat), Err(Refusal::RunOverdue { .. })));
}
