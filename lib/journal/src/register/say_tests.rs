//! Stories of somebody who is kept from objecting: whatever one officer does to him, two must give their word again.
use crate::act::{
    Act, Approve, DualAct, EndSession, EnvelopeHandOver, EnvelopePrint, EnvelopeVoid, EraseOrder,
    EraseTarget, Ground, Leave, Order, Propose, SetPassword,
};
use crate::fact::{Fact, Tick};
use crate::ids::{ConversationId, Index};
use crate::register::people::tests::{crl, crl_of_root};
use crate::register::{OrderState, Register};
use crate::testing::{Described, FOUNDED_MS, TestLog, VALID_MS};
use pki::{Clearance, Role, canonical};

const DAY_MS: u64 = 24 * 3_600_000;

fn order(log: &mut TestLog, target: EraseTarget) -> Index {
    order_by(log, ["olga", "oleg"], target)
}

fn order_by(log: &mut TestLog, [one, other]: [&str; 2], target: EraseTarget) -> Index {
    let order = Order { number: "12".into(), ground: Ground::Inquiry };
    let act = DualAct::Erase(EraseOrder { target, order, confirms: None });
    log.act(one, Act::Propose(Propose { act: canonical::encode(&act).into() })).expect("proposed");
    let proposal = log.tree.size() - 1;
    log.act(other, Act::Approve(Approve { proposal })).expect("approved");
    proposal
}

/// Anna's and Vera's conversation; all that Vera has is a certificate that lasts for so many days.
fn site(number: u64, days: u64) -> (TestLog, ConversationId) {
    let mut log = TestLog::standard(number);
    let chat = log.talking("anna", &["vera"]);
    let first = crl(&log, 1, &["vera"]);
    let described = lasting(&log, days + 4);
    let renewed = log.site.issue("vera", &described);
    log.submit("olga", vec![Act::Enrol(renewed), first]).expect("a renewal");
    // What the list took is past.
    log.wait_ms(4 * DAY_MS);
    (log, chat)
}

fn lasting(log: &TestLog, days: u64) -> Described {
    let valid_ms = (log.now_ms - DAY_MS, log.now_ms + days * DAY_MS);
    Described { valid_ms, ..Described::new(Role::Operator, Clearance(3)) }
}

fn silenced(log: &TestLog, proposal: Index) -> bool {
    let state = log.register.order(proposal).expect("given").state;
    matches!(state, OrderState::Silenced(who, ..) if who == log.id("vera"))
}

fn whole(chat: ConversationId) -> EraseTarget {
    EraseTarget::Conversation(chat)
}

/// Lets the days to object pass, and what falls by them.
fn days_pass(log: &mut TestLog) {
    log.wait_ms(4 * DAY_MS);
    while log.register.deadline_passed(log.now_ms, log.boot_ms) {
        log.fact(Fact::Tick(Tick {})).expect("a deadline passed");
    }
}

/// What one officer does while an order counts, and before one: neither takes effect.
fn twice(site: impl Fn() -> (TestLog, EraseTarget), does: impl Fn(&mut TestLog)) {
    let (mut log, target) = site();
    let before = order(&mut log, target);
    assert!(matches!(log.register.order(before).unwrap().state, OrderState::Counting(_)), "she can object");
    does(&mut log);
    assert!(silenced(&log, before), "while it counts");
    assert!(Register::restore(&log.register.snapshot()).unwrap() == log.register);
    let (mut log, target) = site();
    does(&mut log);
    let behind = order(&mut log, target);
    assert!(silenced(&log, behind), "before it");
    days_pass(&mut log);
    assert!(silenced(&log, behind));
}

fn hand_over(log: &mut TestLog, number: u64) {
    let print = EnvelopePrint::new(number, log.id("vera"), 0, &[]);
    let acts = vec![Act::EnvelopePrint(print), Act::EnvelopeHandOver(EnvelopeHandOver { number })];
    log.submit("olga", acts).expect("a new password");
}

#[test]
fn a_list_with_the_newest_certificate_of_somebody_whose_others_have_run_out_revokes_and_counts() {
    let renewed = || {
        let (mut log, chat) = site(40, 1);
        log.wait_ms(2 * DAY_MS);
        let described = lasting(&log, 100);
        let newest = log.site.issue("vera", &described);
        log.submit("olga", vec![Act::Enrol(newest)]).expect("a renewal");
        (log, whole(chat))
    };
    twice(renewed, |log| {
        let list = crl(log, 2, &["vera"]);
        log.submit("olga", vec![list]).expect("a list");
        assert!(log.register.person(log.id("vera")).unwrap().revoked.is_some());
    });
}

#[test]
fn a_list_with_the_newest_certificate_counts_while_a_former_one_has_not_run_out() {
    let overlapping = || {
        let (mut log, chat) = site(47, 100);
        let described = lasting(&log, 400);
        let newest = log.site.issue("vera", &described);
        log.submit("olga", vec![Act::Enrol(newest)]).expect("a renewal");
        log.log_in("vera").expect("by the newest");
        (log, whole(chat))
    };
    let takes = |log: &mut TestLog| {
        let list = crl(log, 2, &["vera"]);
        log.submit("olga", vec![list]).expect("a list");
        let vera = log.register.person(log.id("vera")).unwrap();
        assert!(vera.revoked.is_none() && log.register.has_say(vera.id, log.now_ms), "by the former one");
    };
    twice(overlapping, takes);
    // A pair of keys that an officer has made, and a password of his: it is not she who sets her own then.
    twice(overlapping, |log| {
        takes(log);
        let described = lasting(log, 300);
        let made = log.site.issue("vera", &described);
        log.submit("olga", vec![Act::Enrol(made)]).expect("a renewal");
        hand_over(log, 90);
        log.log_in("vera").expect("by the envelope");
        log.act("vera", Act::SetPassword(SetPassword {})).expect("somebody's own");
    });
}

#[test]
fn who_ends_the_sessions_of_somebody_concerned_while_an_order_counts_is_no_better() {
    for by in ["olga", "adam"] {
        let (mut log, chat) = site(48, 100);
        let before = order(&mut log, whole(chat));
        log.log_in("vera").expect("she comes to object");
        let person = log.id("vera");
        let chain = log.register.chain_of(person).expect("she is there").chain;
        log.act(by, Act::EndSession(EndSession { person, chain })).expect("ended");
        assert!(silenced(&log, before), "{by}");
    }
}

#[test]
fn a_new_password_counts_until_she_has_set_her_own() {
    let fresh = || {
        let (log, chat) = site(41, 100);
        (log, whole(chat))
    };
    twice(fresh, |log| hand_over(log, 90));
    let (mut log, target) = fresh();
    hand_over(&mut log, 90);
    log.log_in("vera").expect("by the envelope");
    log.act("vera", Act::SetPassword(SetPassword {})).expect("her own");
    let given = order(&mut log, target);
    assert!(!silenced(&log, given), "she can object");
}

#[test]
fn an_envelope_that_is_made_void_under_her_hands_counts() {
    let envelope = || {
        let (mut log, chat) = site(42, 100);
        hand_over(&mut log, 90);
        log.wait_ms(4 * DAY_MS);
        (log, whole(chat))
    };
    twice(envelope, |log| {
        log.submit("olga", vec![Act::EnvelopeVoid(EnvelopeVoid { number: 90 })]).expect("void");
    });
}

#[test]
fn a_renewal_without_the_role_counts_for_an_author_who_has_left() {
    let left = || {
        let mut log = TestLog::standard(43);
        let group = log.talking("anna", &["boris", "vera"]);
        let said = log.send("vera", group).expect("sent");
        log.act("vera", Act::Leave(Leave { conversation: group })).expect("left");
        (log, EraseTarget::Messages(group, vec![said]))
    };
    twice(left, |log| {
        let auditor = log.site.issue("vera", &Described::new(Role::Auditor, Clearance(3)));
        log.submit("olga", vec![Act::Enrol(auditor)]).expect("a renewal");
    });
}

#[test]
fn a_certificate_that_runs_out_in_the_time_to_object_counts() {
    let (mut log, chat) = site(44, 2);
    let given = order(&mut log, whole(chat));
    assert!(silenced(&log, given), "she would have two days and not three");
    let (mut log, chat) = site(45, 2);
    log.wait_ms(6 * DAY_MS);
    let given = order(&mut log, whole(chat));
    assert!(!silenced(&log, given), "what ran out long ago is past");
    // The time to object goes on while the server stands still; her certificate does not.
    let (mut log, chat) = site(46, 4);
    let given = order(&mut log, whole(chat));
    assert!(!silenced(&log, given));
    log.fact(Fact::Stop(crate::fact::Stop {})).expect("stops");
    log.now_ms += 3 * DAY_MS;
    log.start().expect("starts");
    log.wait_ms(3 * DAY_MS);
    while log.register.deadline_passed(log.now_ms, log.boot_ms) {
        log.fact(Fact::Tick(Tick {})).expect("a deadline passed");
    }
    assert!(silenced(&log, given), "it is over, and so was her certificate before");
}

#[test]
fn a_list_of_the_root_that_names_the_issuing_authority_lets_no_order_take_effect() {
    let (mut log, chat) = site(49, 100);
    let given = order(&mut log, whole(chat));
    assert!(matches!(log.register.order(given).unwrap().state, OrderState::Counting(_)));
    let list = crl_of_root(&log);
    log.submit("olga", vec![list]).expect("the authority's own word");
    let vera = log.id("vera");
    assert!(!log.register.has_say(vera, log.now_ms), "nobody under it can object any more");
    assert!(Register::restore(&log.register.snapshot()).unwrap() == log.register);
    days_pass(&mut log);
    let state = log.register.order(given).unwrap().state;
    assert!(matches!(state, OrderState::Silenced(..)), "{state:?}");
    // Not even for whose certificate had run out before, in the time to object.
    let (mut log, chat) = site(50, 4);
    let given = order(&mut log, whole(chat));
    log.fact(Fact::Stop(crate::fact::Stop {})).expect("stops");
    log.now_ms += 5 * DAY_MS;
    log.start().expect("starts");
    log.log_in("olga").expect("she is back");
    assert!(!log.register.has_say(log.id("vera"), log.now_ms));
    let list = crl_of_root(&log);
    log.submit("olga", vec![list]).expect("the authority's own word");
    days_pass(&mut log);
    assert!(matches!(log.register.order(given).unwrap().state, OrderState::Silenced(..)));
}

#[test]
fn authorities_that_run_out_in_the_time_to_object_count_for_everybody() {
    let (mut log, chat) = site(51, 100);
    let end_ms = FOUNDED_MS + 10 * VALID_MS;
    // Certificates that outlive the authorities that they hang on.
    let long = |log: &TestLog, role| {
        let valid_ms = (log.now_ms - DAY_MS, end_ms + 100 * DAY_MS);
        Described { valid_ms, ..Described::new(role, Clearance(3)) }
    };
    for login in ["pavel", "petr"] {
        let officer = long(&log, Role::Officer);
        log.enrol_by("olga", login, &officer);
        let certificate = log.site.person(login).signature_certificate.id();
        let act = canonical::encode(&DualAct::AdmitOfficer(certificate)).into();
        log.act("olga", Act::Propose(Propose { act })).expect("proposed");
        let proposal = log.tree.size() - 1;
        log.act("oleg", Act::Approve(Approve { proposal })).expect("admitted");
    }
    let operator = long(&log, Role::Operator);
    let renewed = log.site.issue("vera", &operator);
    log.submit("olga", vec![Act::Enrol(renewed)]).expect("a renewal");
    log.fact(Fact::Stop(crate::fact::Stop {})).expect("stops");
    log.now_ms = end_ms - 2 * DAY_MS;
    log.start().expect("starts");
    for login in ["pavel", "petr"] {
        log.log_in(login).expect("the authorities stand");
        log.act(login, Act::SetPassword(SetPassword {})).expect("a password");
    }
    let given = order_by(&mut log, ["pavel", "petr"], whole(chat));
    assert!(silenced(&log, given), "she would have two days and not three");
}
