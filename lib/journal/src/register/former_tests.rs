//! Stories of time to object that officers would rather not give.
use crate::act::{
    Act, Approve, ConversationKind, DualAct, Erase, EraseOrder, EraseTarget, Ground, Object, Order, Propose,
    Revoke, RevokeReason, Withdraw,
};
use crate::fact::{Fact, Tick};
use crate::ids::{ConversationId, Index};
use crate::register::{Effect, OrderState, PROPOSALS_OF_ONE_MAX, Register};
use crate::retention::{DAY_MS, Retention, RetentionRule};
use crate::testing::{Described, TestLog};
use crate::{Policy, Refusal};
use pki::{Clearance, Role, canonical};

fn two(log: &mut TestLog, act: &DualAct) -> Index {
    log.act("olga", Act::Propose(Propose { act: canonical::encode(act).into() })).expect("proposed");
    let proposal = log.tree.size() - 1;
    log.act("oleg", Act::Approve(Approve { proposal })).expect("approved");
    proposal
}

fn erase(target: EraseTarget, confirms: Option<Index>) -> DualAct {
    let order = Order { number: "12".into(), ground: Ground::Inquiry };
    DualAct::Erase(EraseOrder { target, order, confirms })
}

fn whole(chat: ConversationId) -> DualAct {
    erase(EraseTarget::Conversation(chat), None)
}

fn tick(log: &mut TestLog) {
    while log.register.deadline_passed(log.now_ms, log.boot_ms) {
        log.fact(Fact::Tick(Tick {})).expect("a deadline passed");
    }
}

fn gone(log: &TestLog, chat: ConversationId) -> bool {
    log.register.conversation(chat).expect("founded").erased.is_some()
}

#[test]
fn two_officers_do_not_shorten_the_time_to_object_to_their_own_order() {
    let mut log = TestLog::standard(31);
    let chat = log.talking("anna", &["boris"]);
    two(&mut log, &DualAct::Policy(Policy { objection_ms: 60_000, ..Policy::standard() }));
    assert!(Register::restore(&log.register.snapshot()).unwrap() == log.register);
    let proposal = two(&mut log, &whole(chat));
    log.wait_ms(DAY_MS);
    tick(&mut log);
    assert!(!gone(&log, chat), "a minute it is not");
    log.act("boris", Act::Object(Object { proposal })).expect("there are three days, as before");
    // Shortened once more, in steps, within that time: it begins anew. A clock that leaps does not end it.
    two(&mut log, &DualAct::Policy(Policy { objection_ms: 70_000, ..Policy::standard() }));
    log.now_ms += 3 * DAY_MS;
    let other = log.talking("anna", &["vera"]);
    two(&mut log, &whole(other));
    log.wait_ms(2 * DAY_MS);
    tick(&mut log);
    assert!(!gone(&log, other));
    log.wait_ms(DAY_MS);
    tick(&mut log);
    assert!(gone(&log, other));
    let last = log.talking("anna", &["boris", "vera"]);
    two(&mut log, &whole(last));
    log.wait_ms(70_000);
    tick(&mut log);
    assert!(gone(&log, last), "what was told for long enough rules");
}

#[test]
fn a_schedule_takes_nothing_before_those_whom_it_takes_from_could_have_their_say() {
    let mut log = TestLog::standard(32);
    let chat = log.talking("anna", &["boris"]);
    log.send("anna", chat).unwrap();
    log.wait_ms(5 * DAY_MS);
    let minute = u16::try_from(log.now_ms / 60_000 % (24 * 60)).unwrap() + 2;
    let rules = vec![RetentionRule { kind: Some(ConversationKind::Private), label: None, keep_days: 1 }];
    two(&mut log, &DualAct::Policy(Policy { retention: Retention { rules, minute }, ..Policy::standard() }));
    let mut fell = Vec::new();
    for _ in 0..4 {
        let due_ms = log.register.retention().next_ms.expect("a schedule");
        log.wait_ms(due_ms - log.now_ms);
        tick(&mut log);
        let run = log.register.retention_due(log.now_ms, log.boot_ms).expect("due");
        fell.push(run.counts[0]);
        log.fact(Fact::RetentionRun(run)).expect("a run");
    }
    assert_eq!(fell, [0, 0, 0, 1], "with the first run behind the time to object");
}

#[test]
fn one_officer_silences_nobody_before_the_order_nor_by_a_certificate() {
    let mut log = TestLog::standard(33);
    let chats = [log.talking("anna", &["boris"]), log.talking("anna", &["vera"])];
    let silenced = |log: &TestLog, proposal, login: &str| {
        let state = log.register.order(proposal).expect("given").state;
        matches!(state, OrderState::Silenced(who, ..) if who == log.id(login))
    };
    // Cut out while an order counts, by a renewal with less clearance.
    let (proposal, other) = (two(&mut log, &whole(chats[0])), two(&mut log, &whole(chats[1])));
    let lower = log.site.issue("boris", &Described::new(Role::Operator, Clearance(0)));
    log.submit("olga", vec![Act::Enrol(lower)]).expect("a renewal");
    assert!(log.register.conversations_of(log.id("boris")).next().is_none(), "he is out");
    assert!(silenced(&log, proposal, "boris") && !silenced(&log, other, "boris"));
    // And out before the order: as one of two, and as an author.
    let mut log = TestLog::standard(34);
    let (pair, group) = (log.talking("anna", &["boris"]), log.talking("anna", &["vera", "boris"]));
    let said = log.send("vera", group).unwrap();
    for login in ["boris", "vera"] {
        let (person, reason) = (log.id(login), RevokeReason::CessationOfOperation);
        log.act("olga", Act::Revoke(Revoke { person, reason, note: String::new() })).unwrap();
    }
    let orders = [whole(pair), erase(EraseTarget::Messages(group, vec![said]), None)];
    let [of_pair, of_message] = orders.each_ref().map(|order| two(&mut log, order));
    assert!(silenced(&log, of_pair, "boris") && silenced(&log, of_message, "vera"));
    assert!(Register::restore(&log.register.snapshot()).unwrap() == log.register);
    // What lies behind the time to object is past.
    log.wait_ms(3 * DAY_MS);
    log.epoch("anna", group).unwrap();
    let late = log.send("anna", group).unwrap();
    let order = two(&mut log, &erase(EraseTarget::Messages(group, vec![late]), None));
    assert!(matches!(log.register.order(order).unwrap().state, OrderState::Counting(_)));
}

#[test]
fn one_officers_proposals_leave_room_and_fall_with_him() {
    let mut log = TestLog::standard(35);
    log.third_officer("oskar", &Described::new(Role::Officer, Clearance::TOP_SECRET));
    let propose = |log: &mut TestLog, login: &str, n: u64| {
        let policy = Policy { idle_lock_ms: 60_000 + n, ..Policy::standard() };
        let act = canonical::encode(&DualAct::Policy(policy)).into();
        log.act(login, Act::Propose(Propose { act })).map(|_| log.tree.size() - 1)
    };
    for n in 0..PROPOSALS_OF_ONE_MAX as u64 {
        propose(&mut log, "olga", n).unwrap();
    }
    let limit = PROPOSALS_OF_ONE_MAX as u64;
    assert_eq!(propose(&mut log, "olga", 99), Err(Refusal::TooManyOwnProposals { limit }));
    let of_oleg = propose(&mut log, "oleg", 99).expect("another's word is not kept out");
    let person = log.id("olga");
    let (reason, note) = (RevokeReason::KeyCompromise, String::new());
    let effects = log.act("oleg", Act::Revoke(Revoke { person, reason, note })).unwrap().effects;
    let lapsed = effects.iter().filter(|effect| matches!(effect, Effect::ProposalLapsed { .. })).count();
    assert_eq!(lapsed, PROPOSALS_OF_ONE_MAX);
    assert_eq!(log.register.proposals().map(|(index, _)| index).collect::<Vec<_>>(), [of_oleg]);
    assert!(Register::restore(&log.register.snapshot()).unwrap() == log.register);
}

#[test]
fn an_order_that_counts_over_what_is_erased_since_leaves_its_slot_when_it_is_stopped() {
    let mut log = TestLog::standard(37);
    let chat = log.talking("anna", &["boris"]);
    let proposal = two(&mut log, &whole(chat));
    let target = EraseTarget::Conversation(chat);
    log.act("anna", Act::Erase(Erase { target })).unwrap();
    assert!(log.register.order(proposal).is_some(), "it is shown as long as it counts");
    log.act("boris", Act::Object(Object { proposal })).unwrap();
    assert!(log.register.order(proposal).is_none());
    assert!(Register::restore(&log.register.snapshot()).unwrap() == log.register);
}

#[test]
fn two_steps_get_nobody_round_the_time_to_object() {
    let mut log = TestLog::standard(38);
    let chat = log.talking("anna", &["boris"]);
    two(&mut log, &DualAct::Policy(Policy { objection_ms: 60_000, ..Policy::standard() }));
    let objection = |log: &TestLog| {
        let now = log.register.former_now(log.now_ms, log.boot_ms);
        now.map(|(former, until_ms)| (former.objection_ms, until_ms))
    };
    assert_eq!(objection(&log), Some((3 * DAY_MS, log.now_ms + 3 * DAY_MS)));
    // By the rules of now, messages of a second schedule would fall tonight, and an order within the minute.
    let minute = u16::try_from(log.now_ms / 60_000 % (24 * 60)).unwrap() + 2;
    let sent = log.send("anna", chat).unwrap();
    log.wait_ms(60_001);
    let rules = vec![RetentionRule { kind: None, label: None, keep_days: 1 }];
    let retention = Retention { rules, minute };
    two(&mut log, &DualAct::Policy(Policy { objection_ms: 60_000, retention, ..Policy::standard() }));
    let other = log.talking("anna", &["vera"]);
    let given = two(&mut log, &whole(other));
    for day in 0..4 {
        let due_ms = log.register.retention().next_ms.expect("a schedule");
        log.wait_ms(due_ms - log.now_ms);
        tick(&mut log);
        let run = log.register.retention_due(log.now_ms, log.boot_ms).expect("due");
        assert_eq!(run.counts[0] == 0, day < 3, "the first schedule's three days count, day {day}");
        log.fact(Fact::RetentionRun(run)).expect("a run");
        let done = log.register.order(given).is_some_and(|row| row.state.is_done());
        assert_eq!(done, day >= 3, "and for an order, day {day}");
    }
    assert!(log.register.message(sent).unwrap().erased);
    assert_eq!(objection(&log), None);
    // Of a shorter schedule alone the former one is told too: what is kept for ever still is.
    let rules = vec![RetentionRule { kind: None, label: None, keep_days: 1 }];
    let mut log = TestLog::standard(39);
    two(&mut log, &DualAct::Policy(Policy { retention: Retention { rules, minute }, ..Policy::standard() }));
    let (former, until_ms) = log.register.former_now(log.now_ms, log.boot_ms).expect("it counts on");
    assert_eq!(
        (&former.retention, former.objection_ms),
        (&Retention::default(), Policy::standard().objection_ms)
    );
    assert_eq!(until_ms, log.now_ms + 3 * DAY_MS);
}

#[test]
fn a_stopped_order_leaves_no_slot_taken_for_ever() {
    let mut log = TestLog::standard(36);
    log.third_officer("oskar", &Described::new(Role::Officer, Clearance::TOP_SECRET));
    log.third_officer("orest", &Described::new(Role::Officer, Clearance::TOP_SECRET));
    let chats = [log.talking("anna", &["boris"]), log.talking("anna", &["vera"])];
    let orders = chats.map(|chat| {
        let proposal = two(&mut log, &whole(chat));
        log.act("anna", Act::Object(Object { proposal })).unwrap();
        proposal
    });
    let target = EraseTarget::Conversation(chats[0]);
    log.act("anna", Act::Erase(Erase { target })).unwrap();
    assert!(log.register.order(orders[0]).is_none(), "it is about nothing any more");
    let proposal = orders[1];
    let withdraw = || Act::Withdraw(Withdraw { proposal });
    assert_eq!(log.act("oskar", withdraw()), Err(Refusal::NoSuchProposal { proposal }));
    for login in ["olga", "oleg"] {
        let (person, reason) = (log.id(login), RevokeReason::CessationOfOperation);
        log.act("orest", Act::Revoke(Revoke { person, reason, note: String::new() })).unwrap();
    }
    log.act("oskar", withdraw()).expect("nobody is left who could");
    assert!(Register::restore(&log.register.snapshot()).unwrap() == log.register);
}
