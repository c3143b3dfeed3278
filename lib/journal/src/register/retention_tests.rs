//! Stories of the retention schedule: what falls when, what a hold keeps, and which runs are refused.
use crate::act::{
    Act, Approve, ConversationKind, DualAct, Erase, EraseTarget, Ground, Hold, HoldScope, Order, Propose,
    Report, ReportReason,
};
use crate::fact::{Alarm, AlarmKind, Erased, Fact, RetentionRun, Tick};
use crate::ids::{ConversationId, Index};
use crate::register::sweep::Kept;
use crate::register::{Audience, Effect, RUN_GRACE_MS, RUN_MESSAGES_MAX, Register};
use crate::retention::{DAY_MS, Retention, RetentionRule};
use crate::testing::TestLog;
use crate::{Policy, Refusal};
use pki::{Clearance, PersonId, Suite, canonical};

pub(super) fn rule(kind: Option<ConversationKind>, label: Option<u8>, keep_days: u32) -> RetentionRule {
    RetentionRule { kind, label: label.map(Clearance), keep_days }
}

pub(super) fn policy(rules: Vec<RetentionRule>) -> Policy {
    Policy { retention: Retention { rules, minute: 180 }, ..Policy::standard() }
}

/// A site at the time of a run, which has been made.
pub(super) fn site(number: u64, rules: Vec<RetentionRule>) -> TestLog {
    let mut log = TestLog::with_policy(number, Suite::Ed25519, policy(rules));
    assert!(run(&mut log).is_empty());
    log
}

/// Goes to the time of the next run, and so many milliseconds on; lets pass what passes.
pub(super) fn to_next(log: &mut TestLog, late_ms: u64) {
    let due_ms = log.register.retention().next_ms.expect("there is a schedule");
    log.wait_ms((due_ms - log.now_ms) + late_ms);
    tick(log);
}

pub(super) fn tick(log: &mut TestLog) {
    while log.register.next_deadline_ms().is_some_and(|deadline| deadline <= log.now_ms) {
        log.fact(Fact::Tick(Tick {})).expect("a deadline passed");
    }
}

pub(super) fn due(log: &TestLog) -> RetentionRun {
    log.register.retention_due(log.now_ms, log.boot_ms).expect("a run is due")
}

/// The run of the next day; gives the indices that fell.
pub(super) fn run(log: &mut TestLog) -> Vec<Index> {
    to_next(log, 0);
    let fact = due(log);
    fallen(log.fact(Fact::RetentionRun(fact)).expect("what is due stands").effects)
}

pub(super) fn fallen(effects: Vec<Effect>) -> Vec<Index> {
    let of = |effect| if let Effect::RetentionFell { messages, .. } = effect { messages } else { Vec::new() };
    effects.into_iter().flat_map(of).collect()
}

pub(super) fn erased(log: &TestLog, index: Index) -> bool {
    log.register.message(index).expect("sent").erased
}

pub(super) fn labelled(log: &mut TestLog, chat: ConversationId, label: u8) -> Index {
    let mut message = log.message(chat);
    message.label = Clearance(label);
    log.act("anna", Act::Message(message)).expect("sent");
    log.tree.size() - 1
}

pub(super) fn hold(log: &mut TestLog, scope: HoldScope, days: u64) {
    let order = Order { number: "A-7".into(), ground: Ground::Court };
    let hold = Hold { scope, order, end_ms: log.now_ms + days * DAY_MS };
    log.act("olga", Act::Hold(hold)).expect("a hold");
}

pub(super) fn refused(found: Result<super::Applied, Refusal>) -> String {
    match found {
        Err(Refusal::BadRetentionRun { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn messages_fall_by_kind_and_label_at_the_run_of_their_day() {
    let mut log = site(1, vec![rule(None, Some(1), 3), rule(Some(ConversationKind::Private), None, 1)]);
    let pair = log.talking("anna", &["boris"]);
    let group = log.talking("anna", &["boris", "vera"]);
    let short = labelled(&mut log, pair, 0);
    let long = labelled(&mut log, group, 1);
    let ever = labelled(&mut log, group, 2);
    let own = log.register.person(log.id("anna")).unwrap().stored_bytes;
    assert!(run(&mut log).is_empty(), "the day is not over");
    let applied = run(&mut log);
    assert_eq!(applied, [short], "its day and one more are over");
    assert!(log.register.person(log.id("anna")).unwrap().stored_bytes < own, "its author has the room back");
    assert_eq!(log.register.erasures_pending().count(), 1);
    assert!(Register::restore(&log.register.snapshot()).unwrap() == log.register);
    assert_eq!((run(&mut log), run(&mut log)), (vec![], vec![long]));
    for _ in 0..3 {
        assert!(run(&mut log).is_empty(), "nothing falls twice, and what no rule names never");
    }
    assert!(!erased(&log, ever));
    let through = log.tree.size() - 1;
    log.fact(Fact::Erased(Erased { epoch: 1, through })).expect("erased like anything else");
}

#[test]
fn a_run_that_says_other_than_the_rules_is_refused() {
    let mut log = site(2, vec![rule(None, None, 1)]);
    let chat = log.talking("anna", &["boris"]);
    let sent = [log.send("anna", chat).unwrap(), log.send("boris", chat).unwrap()];
    to_next(&mut log, 0);
    let empty = due(&log);
    log.fact(Fact::RetentionRun(empty.clone())).expect("also one that takes nothing is recorded");
    let early = Fact::RetentionRun(RetentionRun { due_ms: empty.due_ms + DAY_MS, ..empty });
    assert_eq!(refused(log.fact(early)), "before its time");
    to_next(&mut log, 0);
    let honest = due(&log);
    assert_eq!(honest.counts, [2]);
    let liar = |change: &dyn Fn(&mut RetentionRun)| {
        let mut run = honest.clone();
        change(&mut run);
        Fact::RetentionRun(run)
    };
    for lie in [
        liar(&|run| run.counts = vec![1]),
        liar(&|run| run.counts = vec![3]),
        liar(&|run| run.counts = vec![]),
        liar(&|run| run.held = 1),
        liar(&|run| run.last = false),
        liar(&|run| run.part = 2),
        liar(&|run| run.policy += 1),
        liar(&|run| run.due_ms += 1),
    ] {
        assert_eq!(refused(log.fact(lie)), "it names something else than what is due");
    }
    assert!(!erased(&log, sent[0]));
    let applied = log.fact(Fact::RetentionRun(honest.clone())).unwrap();
    assert_eq!((applied.audience, fallen(applied.effects)), (Audience::Everyone, sent.to_vec()));
    assert_eq!(refused(log.fact(Fact::RetentionRun(honest))), "before its time", "once a day");
    let mut none = TestLog::standard(3);
    let run = RetentionRun { due_ms: 0, part: 1, last: true, policy: 0, counts: vec![], held: 0 };
    assert_eq!(refused(none.fact(Fact::RetentionRun(run))), "the policy asks for none");
}

#[test]
fn what_a_hold_keeps_goes_with_the_run_after_its_end() {
    let mut log = site(4, vec![rule(None, None, 1)]);
    let chat = log.talking("anna", &["boris"]);
    let other = log.talking("anna", &["vera"]);
    let (held, his, free) =
        (log.send("anna", chat).unwrap(), log.send("boris", chat).unwrap(), log.send("anna", chat).unwrap());
    let (theirs, boris) = (log.send("vera", other).unwrap(), log.id("boris"));
    hold(&mut log, HoldScope::Messages(chat, vec![held]), 5);
    hold(&mut log, HoldScope::Person(boris), 6);
    hold(&mut log, HoldScope::Conversation(other), 7);
    run(&mut log);
    to_next(&mut log, 0);
    let fact = due(&log);
    assert_eq!((&fact.counts[..], fact.held), (&[1][..], 3));
    assert_eq!(fallen(log.fact(Fact::RetentionRun(fact)).unwrap().effects), [free]);
    let mut fell = Vec::new();
    for _ in 0..7 {
        fell.push(run(&mut log));
    }
    let gone: Vec<Index> = fell.iter().flatten().copied().collect();
    assert_eq!(gone, [held, his, theirs], "each with the run after its hold's end: {fell:?}");
    assert!(fell.iter().all(|one| one.len() < 2));
}

#[test]
fn what_people_erased_is_not_counted_again() {
    let mut log = site(5, vec![rule(None, None, 1)]);
    let chat = log.talking("anna", &["boris"]);
    let gone = log.talking("anna", &["vera"]);
    let (by_hand, left) = (log.send("anna", chat).unwrap(), log.send("anna", chat).unwrap());
    log.send("vera", gone).unwrap();
    let erase = |target| Act::Erase(Erase { target });
    log.act("anna", erase(EraseTarget::Messages(chat, vec![by_hand]))).unwrap();
    log.act("anna", erase(EraseTarget::Conversation(gone))).unwrap();
    run(&mut log);
    assert_eq!(run(&mut log), [left]);
}

#[test]
fn a_missed_run_is_alarmed_before_it_is_made_and_nobody_acts_before_it() {
    let mut log = site(6, vec![rule(None, None, 1)]);
    let chat = log.talking("anna", &["boris"]);
    let sent = log.send("anna", chat).unwrap();
    let alarm = |due_ms: u64| {
        let evidence = canonical::encode(&due_ms).into();
        Fact::Alarm(Alarm { alarm: AlarmKind::RetentionMissed, person: None, evidence })
    };
    to_next(&mut log, RUN_GRACE_MS);
    let due_ms = log.register.retention().next_ms.unwrap();
    assert_eq!(refused(log.fact(alarm(due_ms))), "no run was missed", "not yet");
    assert!(log.send("boris", chat).is_ok(), "within the time of grace all goes on");
    log.wait_ms(3 * DAY_MS);
    assert_eq!(log.send("boris", chat), Err(Refusal::RunOverdue { due_ms }));
    let not_mine = Act::Report(Report { message: sent, reason: ReportReason::NotMine });
    log.act("anna", not_mine).expect("what is told to officers waits for no run");
    let late = due(&log);
    assert_eq!(refused(log.fact(Fact::RetentionRun(late.clone()))), "it was missed, and no alarm says so");
    assert_eq!(refused(log.fact(alarm(due_ms + 1))), "another run was missed");
    log.fact(alarm(due_ms)).expect("it was");
    assert_eq!(refused(log.fact(alarm(due_ms))), "no run was missed", "said once");
    let effects = log.fact(Fact::RetentionRun(late)).expect("made at once").effects;
    assert_eq!(fallen(effects)[0], sent);
    assert_eq!(log.register.retention().next_ms, Some((due_ms / DAY_MS + 4) * DAY_MS + 180 * 60_000));
    assert!(log.send("boris", chat).is_ok());
}

#[test]
fn a_change_of_policy_puts_no_due_run_off() {
    let mut log = site(7, vec![rule(None, None, 1)]);
    let chat = log.talking("anna", &["boris"]);
    let sent = log.send("anna", chat).unwrap();
    run(&mut log);
    let set = |log: &mut TestLog, to: Policy| {
        let act = canonical::encode(&DualAct::Policy(to)).into();
        log.act("olga", Act::Propose(Propose { act })).unwrap();
        let proposal = log.tree.size() - 1;
        log.act("oleg", Act::Approve(Approve { proposal })).unwrap();
    };
    to_next(&mut log, 60_000);
    let due_ms = log.register.retention().next_ms;
    set(&mut log, policy(vec![rule(None, None, 2)]));
    assert_eq!(log.register.retention().next_ms, due_ms, "it stays due, under the rules of now");
    let fact = due(&log);
    assert_eq!((&fact.counts[..], fact.policy), (&[0][..], log.tree.size() - 1));
    log.fact(Fact::RetentionRun(fact)).unwrap();
    set(&mut log, policy(Vec::new()));
    assert_eq!(log.register.retention().next_ms, None, "for ever");
    log.wait_ms(30 * DAY_MS);
    tick(&mut log);
    assert!(!erased(&log, sent));
    let preview = log.register.retention_preview(&policy(vec![rule(None, None, 20)]).retention, log.now_ms);
    assert_eq!((preview.counts, preview.held), (vec![1], 0), "what would fall, before anybody decides");
    assert!(policy(vec![rule(None, None, 0)]).check().is_err());
}

#[test]
fn a_large_run_goes_in_parts_each_of_them_judged() {
    let mut log = site(8, vec![rule(None, None, 1)]);
    log.watch_refusals = false;
    let chats = [log.talking("anna", &["boris"]), log.talking("anna", &["boris", "vera"])];
    let many = RUN_MESSAGES_MAX + 10;
    for n in 0..many {
        log.wait_ms(20);
        log.send("anna", chats[n * 2 / many]).expect("sent");
    }
    run(&mut log);
    to_next(&mut log, 0);
    let first = due(&log);
    assert_eq!((first.part, first.last, &first.counts[..]), (1, false, &[RUN_MESSAGES_MAX as u64][..]));
    log.fact(Fact::RetentionRun(first.clone())).unwrap();
    assert!(Register::restore(&log.register.snapshot()).unwrap() == log.register);
    let again = refused(log.fact(Fact::RetentionRun(first)));
    assert_eq!(again, "before what fell by the parts before it is erased", "what waits stays bounded");
    log.wait_ms(2 * DAY_MS);
    assert!(log.send("boris", chats[0]).is_ok(), "meanwhile people go on, for as long as that takes");
    let through = log.tree.size() - 1;
    log.fact(Fact::Erased(Erased { epoch: 1, through })).expect("erased");
    let shut = log.send("boris", chats[0]);
    assert!(matches!(shut, Err(Refusal::RunOverdue { .. })), "but not past it: {shut:?}");
    log.log_in_with("vera", true).expect("coming and going is no part of that");
    let second = due(&log);
    assert_eq!((second.part, second.last, &second.counts[..]), (2, true, &[10][..]));
    log.fact(Fact::RetentionRun(second)).unwrap();
    let last = log.register.retention().last.unwrap();
    assert_eq!((last.messages, last.held, last.index), (many as u64, 0, log.tree.size() - 1));
    assert_eq!(log.register.messages_within(0..Index::MAX).filter(|row| !row.erased).count(), 1);
}

#[test]
fn what_a_preview_looks_at_are_conversations_without_a_message_and_what_holds_name_too() {
    let mut log = site(31, vec![rule(None, None, 3)]);
    let ranks = crate::retention::RANKS as u64;
    let before = log.register.preview_rows();
    let chat = log.talking("anna", &["boris"]);
    assert_eq!(
        log.register.preview_rows() - before,
        ranks,
        "an empty one is looked at for each rank of labels"
    );
    let sent = [log.send("anna", chat).expect("sent"), log.send("anna", chat).expect("sent")];
    assert_eq!(log.register.preview_rows() - before, 3 * ranks);
    hold(&mut log, HoldScope::Messages(chat, sent.to_vec()), 30);
    hold(&mut log, HoldScope::Messages(chat, sent.to_vec()), 30);
    assert_eq!(log.register.preview_rows() - before, 3 * ranks + 4);
    let preview =
        log.register.retention_preview(&policy(vec![rule(None, None, 1)]).retention, log.now_ms + 9 * DAY_MS);
    assert_eq!((preview.counts, preview.held), (vec![0], 2), "named twice, held once each");
}

#[test]
fn all_holds_together_keep_what_each_of_them_keeps() {
    let [chat, other] = [1, 2].map(|n| ConversationId([n; 32]));
    let (anna, boris) = (PersonId(5), PersonId(6));
    let scopes = [
        HoldScope::Person(anna),
        HoldScope::Messages(chat, vec![3, 7]),
        HoldScope::Messages(chat, vec![5, 7]),
        HoldScope::Conversation(other),
    ];
    let all = |conversation, index, author| scopes.iter().any(|one| one.keeps(conversation, index, author));
    let kept = Kept::of(scopes.iter());
    for index in 0..9 {
        for (conversation, author) in [(chat, anna), (chat, boris), (other, boris)] {
            let (together, each) =
                (kept.keeps(conversation, index, author), all(conversation, index, author));
            assert_eq!(together, each, "#{index}");
        }
    }
    assert!(!kept.keeps(chat, 4, boris) && kept.keeps(chat, 5, boris));
}
