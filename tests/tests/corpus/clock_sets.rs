//! Every rule by which two officers set the journal's time back: what still stands at its edge, and what falls one step beyond.
//! Never judges how old a head is behind it (`entries.rs`, `excerpts.rs`); and an excerpt does not show whether they might.

use journal::act::{
    Act, Approve, CellName, DualAct, EraseOrder, EraseTarget, Ground, Hold, HoldScope, Login, Order, Propose,
    Revoke, RevokeReason, Successor, Suspend, Withdraw,
};
use journal::fact::{ClockStep, Fact, Tick};
use journal::ids::Index;
use journal::register::CLOCK_SETS_MAX;
use journal::testing::{Described, FOUNDED_MS, TestLog};
use journal::{LogId, Policy, Refusal};
use pki::{Clearance, Role, Suite};

use crate::forge::*;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

fn named(name: &str) -> String {
    format!("the time set back, {name}")
}

/// The server notices what the clock shows.
fn step(log: &mut TestLog) {
    let found_ms = log.now_ms;
    log.fact(Fact::ClockStep(ClockStep { expected_ms: 0, found_ms })).unwrap();
}

/// A log of the day before whose clock is 40 days ahead, and the true time.
fn ahead(number: u64, policy: Policy) -> (TestLog, u64) {
    let mut log = TestLog::with_policy(number, Suite::Ed25519, policy);
    log.now_ms += DAY_MS;
    step(&mut log);
    let right_ms = log.now_ms;
    log.now_ms += 40 * DAY_MS;
    step(&mut log);
    (log, right_ms)
}

fn proposed(to_ms: u64) -> Act {
    Act::Propose(Propose { act: pki::canonical::encode(&DualAct::SetClock(to_ms)).into() })
}

fn propose(log: &mut TestLog, to_ms: u64) -> Index {
    log.act("olga", proposed(to_ms)).unwrap();
    log.tree.size() - 1
}

fn approve(log: &mut TestLog, proposal: Index) {
    log.act("oleg", Act::Approve(Approve { proposal })).unwrap();
}

/// The log goes on from here by the time that it has.
fn stands(name: &str, log: &mut TestLog) -> Case {
    log.now_ms = log.register.floor_ms();
    step(log);
    Case::new(&named(name), log, honest(log), VERIFIED, None)
}

/// What this person says next falls.
fn falls(name: &str, log: &TestLog, login: &str, act: Act) -> Case {
    let signed = log.sign(login, log.draft(login, act)).0;
    behind(&named(name), log, &[signed], 0)
}

fn falls_approved(name: &str, log: &TestLog, proposal: Index) -> Case {
    falls(name, log, "oleg", Act::Approve(Approve { proposal }))
}

pub(crate) fn cases() -> Vec<Case> {
    let mut all = ways();
    all.extend(bounds());
    all.extend(counts());
    all.extend(hours());
    all.extend(hands());
    all.extend(spelt());
    all.push(whatever_else());
    all
}

/// Everything else that two officers decide reads as well.
fn whatever_else() -> Case {
    let mut log = TestLog::standard(140);
    let chat = log.talking("anna", &["boris"]);
    let order = || Order { number: "7".into(), ground: Ground::Inquiry };
    let end_ms = log.now_ms + 20 * DAY_MS;
    let scope = HoldScope::Conversation(chat);
    log.act("olga", Act::Hold(Hold { scope, order: order(), end_ms })).unwrap();
    let hold = log.tree.size() - 1;
    let target = EraseTarget::Conversation(chat);
    let successor = Successor { log: LogId([7; 32]), suite: Suite::Ed25519 };
    for act in [
        DualAct::Policy(Policy { proposal_ms: DAY_MS, ..Policy::standard() }),
        DualAct::LiftHold(hold),
        DualAct::Erase(EraseOrder { target, order: order(), confirms: None }),
        DualAct::DropCell(CellName([1; 8])),
        DualAct::Close(successor),
    ] {
        log.of_two(&act).unwrap();
    }
    Case::new("whatever two officers decide", &log, honest(&log), VERIFIED, None)
}

/// Never forward.
fn ways() -> Vec<Case> {
    let (mut log, right_ms) = ahead(130, Policy::standard());
    let floor_ms = log.now_ms;
    let mut all = vec![
        falls("to the time that it is", &log, "olga", proposed(floor_ms)),
        falls("forward", &log, "olga", proposed(floor_ms + 1)),
    ];
    let nearest = propose(&mut log, floor_ms - 1);
    let further = propose(&mut log, right_ms);
    approve(&mut log, nearest);
    all.push(stands("by a millisecond", &mut log));
    approve(&mut log, further);
    all.push(stands("twice in a minute", &mut log));
    // Proposed while it was later: by the time of the approval it is no step back any more.
    let (mut log, right_ms) = ahead(130, Policy::standard());
    let (one, other) = (propose(&mut log, right_ms), propose(&mut log, right_ms));
    approve(&mut log, one);
    log.now_ms = right_ms;
    all.push(falls_approved("to the time that it is by now", &log, other));
    all
}

/// Not before the site has lived for as long as the server has run.
fn bounds() -> Vec<Case> {
    let mut log = TestLog::with_policy(131, Suite::Ed25519, Policy::standard());
    log.wait_ms(30 * DAY_MS);
    step(&mut log);
    // What lies before a start does not count, nor before a succession.
    log.boot_ms += DAY_MS;
    log.start().unwrap();
    log.boot_ms += DAY_MS;
    log.succeed(&["olga", "oleg"], &log.succession(1)).unwrap();
    log.boot_ms += DAY_MS;
    log.start().unwrap();
    log.log_in("olga").unwrap();
    log.log_in("oleg").unwrap();
    log.now_ms += 40 * DAY_MS;
    step(&mut log);
    let Err(Refusal::ClockTooFarBack { not_before_ms }) = log.act("olga", proposed(0)) else {
        panic!("back behind the founding")
    };
    let mut all = vec![falls("too far", &log, "olga", proposed(not_before_ms - 1))];
    let proposal = propose(&mut log, not_before_ms);
    // The server runs on until that is too far: a 288th of its time is forgiven it.
    log.boot_ms += 2;
    all.push(falls_approved("too far by the time that it is approved", &log, proposal));
    log.boot_ms -= 2;
    approve(&mut log, proposal);
    all.push(stands("as far as may be", &mut log));
    all
}

/// So often.
fn counts() -> Vec<Case> {
    let mut log = TestLog::standard(132);
    for _ in 0..CLOCK_SETS_MAX {
        log.set_back_after_leap(1);
    }
    let last = stands("for the 64th time", &mut log);
    log.now_ms += 1;
    step(&mut log);
    vec![last, falls("for the 65th time", &log, "olga", proposed(log.now_ms - 1))]
}

/// Approved within an hour, or the time that proposals have; and by how long that is behind a time set back.
fn hours() -> Vec<Case> {
    let mut all = Vec::new();
    for (name, proposal_ms, open_ms) in
        [("an hour", 7 * DAY_MS, HOUR_MS), ("a minute, as the policy says,", 60_000, 60_000)]
    {
        let (mut log, right_ms) = ahead(133, Policy { proposal_ms, ..Policy::standard() });
        let proposal = propose(&mut log, right_ms);
        log.wait_ms(open_ms);
        all.push(falls_approved(&format!("{name} late"), &log, proposal));
        log.fact(Fact::Tick(Tick {})).unwrap();
        all.push(falls_approved(&format!("{name} late, behind a tick"), &log, proposal));
        let (mut log, right_ms) = ahead(133, Policy { proposal_ms, ..Policy::standard() });
        let proposal = propose(&mut log, right_ms);
        log.wait_ms(open_ms - 1);
        approve(&mut log, proposal);
        all.push(stands(&format!("{name} less a millisecond late"), &mut log));
    }
    let twice = |late_ms: u64| {
        let (mut log, right_ms) = ahead(134, Policy::standard());
        let (second, first) = (propose(&mut log, right_ms + 1000), propose(&mut log, right_ms));
        approve(&mut log, first);
        log.now_ms = right_ms;
        log.wait_ms(late_ms);
        step(&mut log);
        (log, second)
    };
    let (mut log, second) = twice(HOUR_MS - 1);
    approve(&mut log, second);
    all.push(stands("again within an hour behind it", &mut log));
    let (mut log, second) = twice(2000);
    log.wait_ms(HOUR_MS - 2000);
    all.push(falls_approved("again an hour behind it", &log, second));
    log.fact(Fact::Tick(Tick {})).unwrap();
    all.push(falls_approved("again an hour behind it and a tick", &log, second));
    all
}

/// By two officers in good standing, who see what they approve, once.
fn hands() -> Vec<Case> {
    let (mut log, right_ms) = ahead(135, Policy::standard());
    let mut all = vec![
        falls("proposed by an operator", &log, "anna", proposed(right_ms)),
        falls_approved("where nobody proposed it", &log, log.tree.size() - 1),
    ];
    let before = log.head();
    let proposal = propose(&mut log, right_ms);
    let act = Act::Approve(Approve { proposal });
    all.push(falls("approved by who proposed it", &log, "olga", act.clone()));
    all.push(falls("approved by an operator", &log, "anna", act.clone()));
    let mut unseen = log.draft("oleg", act);
    unseen.header.head = before;
    all.push(behind(&named("approved unseen"), &log, &[log.sign("oleg", unseen).0], 0));
    approve(&mut log, proposal);
    log.now_ms = right_ms;
    log.wait_ms(1);
    step(&mut log);
    all.push(falls_approved("approved once more", &log, proposal));
    let (mut log, right_ms) = ahead(135, Policy::standard());
    let proposal = propose(&mut log, right_ms);
    log.act("olga", Act::Withdraw(Withdraw { proposal })).unwrap();
    all.push(falls_approved("approved when it was withdrawn", &log, proposal));
    all.extend(standing());
    all.push(ran_out());
    all.extend(overtaken());
    all
}

/// Proposed by who has no valid certificate any more when it is approved.
fn ran_out() -> Case {
    let (mut log, right_ms) = ahead(138, Policy::standard());
    let valid_ms = (FOUNDED_MS, log.now_ms + 1000);
    log.third_officer("petr", &Described { valid_ms, ..Described::new(Role::Officer, Clearance(5)) });
    log.act("petr", proposed(right_ms)).unwrap();
    let proposal = log.tree.size() - 1;
    log.wait_ms(3000);
    falls_approved("proposed by who has run out since", &log, proposal)
}

/// The authority's word came in when it had run out: what it says did not take effect, and does not when it is earlier again.
fn overtaken() -> Vec<Case> {
    let (mut log, right_ms) = ahead(139, Policy::standard());
    let valid_ms = (FOUNDED_MS, right_ms + DAY_MS);
    log.enrol_by("olga", "kate", &Described { valid_ms, ..Described::new(Role::Operator, Clearance(3)) });
    let proposal = propose(&mut log, right_ms);
    approve(&mut log, proposal);
    log.now_ms = right_ms;
    let server_certificate = log.site.person("server").signature_certificate.id();
    let login = Login { nonce: log.fresh(), exporter: [2; 32], server_certificate, end_other: false };
    let late = falls("and in comes who had run out by the other", &log, "kate", Act::Login(login));
    vec![late, stands("behind an Enrol that had run out", &mut log)]
}

/// The word of who is suspended or revoked meanwhile.
fn standing() -> Vec<Case> {
    let mut all = Vec::new();
    for revoked in [true, false] {
        let (mut log, right_ms) = ahead(136, Policy::standard());
        log.third_officer("petr", &Described::new(Role::Officer, Clearance(5)));
        let proposal = propose(&mut log, right_ms);
        let person = log.id("olga");
        let (what, ends) = match revoked {
            true => (
                "revoked",
                Act::Revoke(Revoke { person, reason: RevokeReason::KeyCompromise, note: String::new() }),
            ),
            false => ("suspended", Act::Suspend(Suspend { person })),
        };
        log.act("petr", ends).unwrap();
        all.push(falls_approved(&format!("proposed by who was {what} since"), &log, proposal));
    }
    all
}

/// What is proposed reads as what is known, and as nothing else.
fn spelt() -> Vec<Case> {
    let (log, _) = ahead(137, Policy::standard());
    let bent: [(&str, &[u8]); 5] = [
        ("proposed as a text", &[0x82, 6, 0x61, b'7']),
        ("proposed with something behind it", &[0x83, 6, 7, 7]),
        ("proposed without a time", &[0x81, 6]),
        ("proposed under a number that nothing has", &[0x82, 8, 7]),
        ("proposed as nothing", &[0x80]),
    ];
    bent.into_iter()
        .map(|(name, act)| falls(name, &log, "olga", Act::Propose(Propose { act: act.to_vec().into() })))
        .collect()
}
