//! Stories of a clock that was put ahead, and of two officers who set the journal's time back.
use super::{CLOCK_BACK_MS_MAX, CLOCK_SET_OPEN_MS, CLOCK_SETS_MAX};
use crate::act::{
    Act, Approve, DualAct, EraseOrder, EraseTarget, Ground, Hold, HoldScope, Order, Propose, Purpose,
};
use crate::fact::{Alarm, AlarmKind, ClockStep, Fact, Tick};
use crate::ids::Index;
use crate::register::{Effect, OrderState, Register};
use crate::replay::Replay;
use crate::retention::{DAY_MS, Retention, RetentionRule};
use crate::testing::TestLog;
use crate::{Policy, Refusal};
use pki::{Suite, canonical};

/// So far the clock was put ahead: less than test certificates last.
const AHEAD_MS: u64 = 100 * DAY_MS;

fn propose(log: &mut TestLog, act: &DualAct) -> Result<Index, Refusal> {
    log.act("olga", Act::Propose(Propose { act: canonical::encode(act).into() }))?;
    Ok(log.tree.size() - 1)
}

fn two(log: &mut TestLog, act: &DualAct) -> Result<Vec<Effect>, Refusal> {
    let proposal = propose(log, act)?;
    log.act("oleg", Act::Approve(Approve { proposal })).map(|applied| applied.effects)
}

fn tick(log: &mut TestLog) {
    while log.register.deadline_passed(log.now_ms, log.boot_ms) {
        log.fact(Fact::Tick(Tick {})).expect("a deadline passed");
    }
}

/// The server notices what the clock shows.
fn step(log: &mut TestLog) {
    let found_ms = log.now_ms;
    log.fact(Fact::ClockStep(ClockStep { expected_ms: 0, found_ms })).expect("a claim");
}

/// The clock goes ahead by a mistake, and the server notices what it must.
fn leap(log: &mut TestLog) {
    log.now_ms += AHEAD_MS;
    log.boot_ms += 1000;
    tick(log);
    step(log);
    if let Some(leapt_ms) = log.register.clock_leapt(log.now_ms, log.boot_ms) {
        let evidence = canonical::encode(&leapt_ms).into();
        log.fact(Fact::Alarm(Alarm { alarm: AlarmKind::ClockLeapt, person: None, evidence })).unwrap();
    }
}

/// Two officers set it right, and the machine's clock goes on from there.
fn set_right(log: &mut TestLog) {
    let to_ms = log.now_ms - AHEAD_MS;
    two(log, &DualAct::SetClock(to_ms)).expect("set back");
    log.now_ms = to_ms;
}

fn replays(log: &TestLog) {
    let restored = Register::restore(&log.register.snapshot()).expect("our own snapshot");
    assert!(restored == log.register, "what is derived differs");
    let mut replay = Replay::new(None);
    log.entries.iter().for_each(|bytes| drop(replay.feed(bytes).expect("what was admitted replays")));
    assert!(replay.register() == &log.register, "the replay differs");
}

#[test]
fn two_officers_set_the_time_back_and_nothing_else_does() {
    let mut log = TestLog::standard(1);
    let chat = log.talking("anna", &["boris"]);
    let right_ms = log.now_ms;
    leap(&mut log);
    log.epoch("anna", chat).expect("the old one is too old by that clock");
    log.send("anna", chat).expect("people talk meanwhile");
    let ahead_ms = log.now_ms;
    let back = DualAct::SetClock(right_ms);
    let proposal = propose(&mut log, &back).unwrap();
    let alone = log.act("olga", Act::Approve(Approve { proposal }));
    assert_eq!(alone, Err(Refusal::SecondPersonNeeded));
    log.now_ms = right_ms;
    let early = log.act("oleg", Act::Approve(Approve { proposal }));
    assert_eq!(early, Err(Refusal::TimeRunsBack { floor_ms: ahead_ms }), "not even the act itself");
    log.now_ms = ahead_ms;
    let applied = log.act("oleg", Act::Approve(Approve { proposal })).unwrap();
    assert_eq!(applied.clock_set(), Some((ahead_ms, right_ms)));
    assert_eq!(log.register.floor_ms(), right_ms);
    log.now_ms = right_ms - 1;
    assert_eq!(log.send("anna", chat), Err(Refusal::TimeRunsBack { floor_ms: right_ms }));
    log.now_ms = right_ms;
    log.send("anna", chat).expect("the true time again");
    log.wait_ms(1);
    log.send("boris", chat).expect("and on");
    log.now_ms = right_ms;
    let again = log.send("boris", chat);
    assert_eq!(again, Err(Refusal::TimeRunsBack { floor_ms: right_ms + 1 }), "there and nowhere else");
    let [row] = log.register.clock_sets() else { panic!("one set") };
    assert_eq!((row.from_ms, row.to_ms), (ahead_ms, right_ms));
    log.now_ms = right_ms + 1;
    replays(&log);
}

#[test]
fn the_time_is_never_set_forward_and_no_further_back_than_the_site_is_old() {
    let mut log = TestLog::standard(2);
    log.wait_ms(30 * DAY_MS);
    let (now_ms, ran_ms) = (log.now_ms, 30 * DAY_MS);
    step(&mut log);
    let floor_ms = log.register.floor_ms();
    let tried = |log: &mut TestLog, to_ms: u64| two(log, &DualAct::SetClock(to_ms)).err();
    assert_eq!(tried(&mut log, floor_ms), Some(Refusal::ClockNotBack { floor_ms }), "nowhere");
    let ahead = tried(&mut log, now_ms + DAY_MS);
    assert_eq!(ahead, Some(Refusal::ClockNotBack { floor_ms }), "the machine's clock does that");
    leap(&mut log);
    let Some(Refusal::ClockTooFarBack { not_before_ms }) = tried(&mut log, 0) else {
        panic!("back behind the founding")
    };
    assert!(not_before_ms < now_ms, "the true time is never too far");
    assert!(not_before_ms > now_ms - DAY_MS - ran_ms / 200, "and nothing much before it is near enough");
    let one_less = tried(&mut log, not_before_ms - 1);
    assert_eq!(one_less, Some(Refusal::ClockTooFarBack { not_before_ms }));
    log.register.floor_ms += CLOCK_BACK_MS_MAX;
    let refused = log.register.check_clock_set(now_ms, 0);
    let bound_ms = log.register.floor_ms - CLOCK_BACK_MS_MAX;
    assert_eq!(refused, Err(Refusal::ClockTooFarBack { not_before_ms: bound_ms }), "ten years at once");
}

#[test]
fn while_the_time_stands_a_share_of_a_minute_comes_back_with_a_minute_of_running() {
    let policy = Policy { statements_per_minute: 10, ..Policy::standard() };
    let mut log = TestLog::with_policy(13, Suite::Ed25519, policy);
    let chat = log.talking("anna", &["boris"]);
    leap(&mut log);
    log.epoch("anna", chat).expect("the old one is too old by that clock");
    let refused = Err(Refusal::TooManyStatements { per_minute: 10 });
    for minute in 0..3 {
        let said = (0..20).take_while(|_| log.send("anna", chat).is_ok()).count();
        assert_eq!(said, if minute == 0 { 8 } else { 10 }, "minute {minute}");
        assert_eq!(log.send("anna", chat), refused);
        // The machine's clock was set right, and nobody has set the journal's back.
        log.boot_ms += 60_000;
    }
    log.send("anna", chat).expect("a share of this minute");
    // Where the time moves on again, it is that which counts, however far.
    log.now_ms += 200_000;
    log.send("anna", chat).expect("said");
    let right_ms = log.now_ms - AHEAD_MS;
    two(&mut log, &DualAct::SetClock(right_ms)).expect("set back");
    log.now_ms = right_ms;
    assert_eq!((0..20).take_while(|_| log.send("anna", chat).is_ok()).count(), 10, "of the true minute");
    log.wait_ms(60_000);
    log.send("anna", chat).expect("and of the next");
    replays(&log);
}

#[test]
fn nobody_approves_a_time_that_was_proposed_long_ago() {
    let mut log = TestLog::standard(11);
    log.wait_ms(30 * DAY_MS);
    let right_ms = log.now_ms;
    leap(&mut log);
    let proposal = propose(&mut log, &DualAct::SetClock(right_ms)).expect("open");
    log.wait_ms(CLOCK_SET_OPEN_MS - 1);
    tick(&mut log);
    assert!(
        log.register.proposals().any(|(index, _)| index == proposal),
        "for an hour of the journal's time"
    );
    log.wait_ms(1);
    tick(&mut log);
    let late = log.act("oleg", Act::Approve(Approve { proposal }));
    assert_eq!(late, Err(Refusal::NoSuchProposal { proposal }));
    replays(&log);
}

#[test]
fn a_second_proposal_of_a_time_is_open_no_longer_than_an_hour_behind_the_first() {
    let mut log = TestLog::standard(12);
    log.wait_ms(30 * DAY_MS);
    let right_ms = log.now_ms;
    leap(&mut log);
    let second = propose(&mut log, &DualAct::SetClock(right_ms - 1)).expect("open");
    two(&mut log, &DualAct::SetClock(right_ms)).expect("set back");
    log.now_ms = right_ms + CLOCK_SET_OPEN_MS - 1;
    tick(&mut log);
    assert!(log.register.proposals().any(|(index, _)| index == second));
    log.wait_ms(1);
    tick(&mut log);
    assert!(log.register.proposals().all(|(index, _)| index != second), "not for the days of any other");
    replays(&log);
}

#[test]
fn the_clock_of_a_log_is_set_back_so_often_and_no_more() {
    let mut log = TestLog::standard(3);
    log.watch_refusals = false;
    log.wait_ms(DAY_MS);
    for _ in 0..CLOCK_SETS_MAX {
        log.wait_ms(60_000);
        step(&mut log);
        let to_ms = log.now_ms - 30_000;
        two(&mut log, &DualAct::SetClock(to_ms)).expect("set back");
    }
    log.wait_ms(60_000);
    step(&mut log);
    let (limit, to_ms) = (CLOCK_SETS_MAX as u64, log.now_ms - 30_000);
    assert_eq!(two(&mut log, &DualAct::SetClock(to_ms)), Err(Refusal::TooManyClockSets { limit }));
}

#[test]
fn what_waits_for_a_time_waits_for_the_true_one() {
    let mut log = TestLog::standard(4);
    let chat = log.talking("anna", &["boris"]);
    let sent = log.send("anna", chat).unwrap();
    let order = Order { number: "A-7".into(), ground: Ground::Court };
    let target = EraseTarget::Messages(chat, vec![sent]);
    let erase = DualAct::Erase(EraseOrder { target, order: order.clone(), confirms: None });
    let given = propose(&mut log, &erase).unwrap();
    log.act("oleg", Act::Approve(Approve { proposal: given })).unwrap();
    let end_ms = log.now_ms + 50 * DAY_MS;
    log.act("olga", Act::Hold(Hold { scope: HoldScope::Person(log.id("vera")), order, end_ms })).unwrap();
    let hold = log.tree.size() - 1;
    let right_ms = log.now_ms;
    leap(&mut log);
    assert!(log.register.holds().any(|(index, row)| index == hold && row.warn_ms.is_none()), "warned early");
    let lapsing = propose(&mut log, &DualAct::LiftHold(hold)).unwrap();
    log.reserve("boris", chat, Purpose::File, 3).expect("room");
    let objection_ms = Policy::standard().objection_ms;
    let counting = |log: &TestLog| {
        let row = log.register.order(given).expect("given");
        matches!(row.state, OrderState::Counting(until_ms) if until_ms == right_ms + objection_ms)
    };
    assert!(counting(&log), "the server has not run for so long");
    set_right(&mut log);
    replays(&log);
    assert!(counting(&log), "its true date");
    let warn_ms = end_ms - Policy::standard().hold_warning_ms;
    assert!(log.register.holds().any(|(index, row)| index == hold && row.warn_ms == Some(warn_ms)));
    // Nothing falls before its time by the true clock, and everything at it.
    log.wait_ms(objection_ms - DAY_MS);
    tick(&mut log);
    assert!(!log.register.message(sent).unwrap().erased && counting(&log));
    log.wait_ms(DAY_MS);
    tick(&mut log);
    assert!(log.register.message(sent).unwrap().erased);
    let open = |log: &TestLog| log.register.proposals().any(|(index, _)| index == lapsing);
    assert!(open(&log));
    log.wait_ms(Policy::standard().proposal_ms);
    tick(&mut log);
    assert!(!open(&log), "not in a hundred days");
    log.wait_ms(warn_ms - log.now_ms);
    let warned = log.fact(Fact::Tick(Tick {})).unwrap().effects;
    assert!(
        warned.iter().any(|effect| matches!(effect, Effect::HoldEndsSoon { .. })),
        "called to mind again"
    );
    log.wait_ms(end_ms - log.now_ms - 1);
    assert_eq!(log.register.holds().count(), 1);
    log.wait_ms(1);
    tick(&mut log);
    assert_eq!(log.register.holds().count(), 0);
    replays(&log);
}

#[test]
fn an_order_given_under_the_wrong_date_waits_for_that_date_and_is_taken_back() {
    let mut log = TestLog::standard(5);
    let chat = log.talking("anna", &["boris"]);
    let sent = log.send("anna", chat).unwrap();
    leap(&mut log);
    let order = Order { number: "A-8".into(), ground: Ground::Court };
    let target = EraseTarget::Messages(chat, vec![sent]);
    let erase = DualAct::Erase(EraseOrder { target, order, confirms: None });
    let given = propose(&mut log, &erase).unwrap();
    log.act("oleg", Act::Approve(Approve { proposal: given })).unwrap();
    set_right(&mut log);
    log.wait_ms(30 * DAY_MS);
    tick(&mut log);
    assert!(!log.register.message(sent).unwrap().erased, "terminals go by the stamp of the order");
    log.act("olga", Act::Withdraw(crate::act::Withdraw { proposal: given })).expect("taken back");
    let given = propose(&mut log, &erase).unwrap();
    log.act("oleg", Act::Approve(Approve { proposal: given })).expect("given anew");
    log.wait_ms(4 * DAY_MS);
    tick(&mut log);
    assert!(log.register.message(sent).unwrap().erased);
}

#[test]
fn an_epoch_of_the_wrong_date_grows_old_and_disclosures_are_counted_on() {
    let mut log = TestLog::standard(6);
    let chat = log.talking("anna", &["boris"]);
    leap(&mut log);
    log.epoch("anna", chat).expect("the old one is too old by that clock");
    let number = log.register.conversation(chat).unwrap().number;
    let message = log.send("anna", chat).unwrap();
    log.act("boris", Act::Disclose(crate::act::Disclose { message })).unwrap();
    set_right(&mut log);
    let person = log.register.person(log.id("boris")).unwrap();
    assert_eq!(person.disclosed, Some((log.now_ms / DAY_MS, 1)), "the bound of a day holds");
    let epoch_ms = Policy::standard().epoch_ms;
    assert!(!log.register.epoch_is_due(number, log.now_ms + epoch_ms - 1));
    assert!(log.register.epoch_is_due(number, log.now_ms + epoch_ms), "not in a hundred days");
}

/// The runs of so many days; what fell.
fn runs(log: &mut TestLog, days: u64) -> Vec<Index> {
    let mut fell = Vec::new();
    for _ in 0..days {
        log.wait_ms(DAY_MS);
        tick(log);
        if let Some(due_ms) = log.register.retention_missed(log.now_ms, log.boot_ms) {
            let evidence = canonical::encode(&due_ms).into();
            log.fact(Fact::Alarm(Alarm { alarm: AlarmKind::RetentionMissed, person: None, evidence }))
                .unwrap();
        }
        while let Some(run) = log.register.retention_due(log.now_ms, log.boot_ms) {
            let effects = log.fact(Fact::RetentionRun(run)).expect("what is due stands").effects;
            for effect in effects {
                if let Effect::RetentionFell { messages, .. } = effect {
                    fell.extend(messages);
                }
            }
        }
    }
    fell
}

#[test]
fn retention_goes_by_the_true_date_and_what_was_stamped_ahead_falls_when_that_day_is_over() {
    let rules = vec![RetentionRule { kind: None, label: None, keep_days: 20 }];
    let policy = Policy { retention: Retention { rules, minute: 180 }, ..Policy::standard() };
    let mut log = TestLog::with_policy(7, Suite::Ed25519, policy);
    let chat = log.talking("anna", &["boris"]);
    let before = log.send("anna", chat).unwrap();
    assert!(runs(&mut log, 2).is_empty());
    leap(&mut log);
    log.epoch("anna", chat).expect("an epoch");
    let ahead = log.send("anna", chat).unwrap();
    assert!(log.register.run_waits_ms(log.boot_ms).is_some(), "the leap itself lets nothing fall");
    set_right(&mut log);
    let behind = log.send("boris", chat).unwrap();
    replays(&log);
    let next_ms = log.register.retention().next_ms.expect("a schedule");
    assert!(next_ms - log.now_ms <= DAY_MS, "the run of the true day comes next");
    assert!(runs(&mut log, 17).is_empty(), "nothing before its days are over");
    assert_eq!(runs(&mut log, 2), [before], "and then it falls, not in a hundred days");
    assert_eq!(runs(&mut log, 4), [behind], "what was said behind it falls by its own stamp");
    assert!(runs(&mut log, 95).is_empty(), "what was stamped ahead has days that have not come");
    assert_eq!(runs(&mut log, 4), [ahead], "and falls when they are over, as terminals judge by them");
    assert!(runs(&mut log, 30).is_empty(), "once");
    replays(&log);
}

#[test]
fn what_was_stamped_ahead_and_is_held_falls_behind_the_hold() {
    let rules = vec![RetentionRule { kind: None, label: None, keep_days: 20 }];
    let policy = Policy { retention: Retention { rules, minute: 180 }, ..Policy::standard() };
    let mut log = TestLog::with_policy(14, Suite::Ed25519, policy);
    assert!(runs(&mut log, 2).is_empty());
    let chat = log.talking("anna", &["boris"]);
    leap(&mut log);
    log.epoch("anna", chat).expect("an epoch");
    let (held, free) = (log.send("anna", chat).unwrap(), log.send("boris", chat).unwrap());
    set_right(&mut log);
    // A second mistake, while what the first one left is still to come.
    leap(&mut log);
    log.epoch("anna", chat).expect("an epoch");
    let again = log.send("boris", chat).unwrap();
    set_right(&mut log);
    let order = Order { number: "A-9".into(), ground: Ground::Court };
    let end_ms = log.now_ms + 130 * DAY_MS;
    log.act("olga", Act::Hold(Hold { scope: HoldScope::Messages(chat, vec![held]), order, end_ms })).unwrap();
    assert!(runs(&mut log, 119).is_empty(), "not before its day");
    assert_eq!(runs(&mut log, 4), [free, again]);
    assert!(runs(&mut log, 5).is_empty(), "held");
    assert_eq!(runs(&mut log, 5), [held], "its hold is over");
    replays(&log);
}

#[test]
fn an_erased_conversation_leaves_nothing_noted_of_what_was_stamped_ahead() {
    let rules = vec![RetentionRule { kind: None, label: None, keep_days: 20 }];
    let policy = Policy { retention: Retention { rules, minute: 180 }, ..Policy::standard() };
    let mut log = TestLog::with_policy(15, Suite::Ed25519, policy);
    assert!(runs(&mut log, 2).is_empty());
    let chats = [log.talking("anna", &["boris"]), log.talking("anna", &["boris", "vera"])];
    leap(&mut log);
    chats.iter().for_each(|chat| drop(log.epoch("anna", *chat).expect("an epoch")));
    let sent = chats.map(|chat| log.send("anna", chat).unwrap());
    let rows = log.register.preview_rows();
    set_right(&mut log);
    assert_eq!(log.register.preview_rows(), 2 * rows, "each time that it was set back is another walk");
    assert_eq!(runs(&mut log, 124), sent);
    let noted = |log: &TestLog| log.register.swept_ahead.iter().flat_map(|ahead| ahead.marks.keys()).count();
    assert_eq!(noted(&log), 2);
    let numbers = chats.map(|chat| log.register.derived.conversation_ids[&chat]);
    let mut effects = Vec::new();
    let mut register = log.register.clone();
    register.take_conversation(1, 1, numbers[0], &mut effects);
    let left: Vec<u64> =
        register.swept_ahead.iter().flat_map(|ahead| ahead.marks.keys()).map(|key| key.0).collect();
    assert_eq!(left, [numbers[1]]);
    register.take_conversation(1, 1, numbers[1], &mut effects);
    assert!(register.swept_ahead.is_none(), "with none of it");
}
