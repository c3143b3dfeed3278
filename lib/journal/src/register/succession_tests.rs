use super::*;
use crate::act::{IndexRange, Leave, LossTrace, Revoke, RevokeReason, Suspend};
use crate::checkpoint::{Checkpoint, LogKeys, SignedCheckpoint};
use crate::fact::{Fact, KeyRoll, Stop, key_roll_bytes};
use crate::ids::{ConversationId, Head};
use crate::note::NoteSigner;
use crate::origin::Origin;
use crate::policy::Policy;
use crate::replay::{Compared, Replay, Unconfirmed};
use crate::statement::Statement;
use crate::testing::{Described, TestLog};
use crate::{Content, entry::Entry};
use pki::{Clearance, SecretKey, Signer, Suite};

/// A log that talked on and lost what stood behind the first of two messages; and the head over all of it.
fn lost(number: u64) -> (TestLog, Head) {
    let mut log = TestLog::standard(number);
    let chat = log.talking("anna", &["boris"]);
    log.send("anna", chat).unwrap();
    let kept = log.entries.len();
    log.send("boris", chat).unwrap();
    log.send("anna", chat).unwrap();
    let head = log.head();
    log.cut(kept);
    (log, head)
}

fn note(log: &TestLog, era: u32, head: Head) -> SignedCheckpoint {
    let origin = Origin { log: log.register.log_id(), era };
    let identity = log.site.identity.public().clone();
    let keys = LogKeys::new(origin, log.period_key.public().clone(), Some(identity)).unwrap();
    let signers = [
        NoteSigner { key: &keys.period, signer: &log.period_key },
        NoteSigner { key: keys.identity.as_ref().unwrap(), signer: &log.site.identity },
    ];
    SignedCheckpoint::sign(Checkpoint { origin, head }, &signers).unwrap()
}

#[test]
fn two_first_officers_bring_the_log_into_its_next_era() {
    let (mut log, head_before) = lost(71);
    let (kept, act) = (log.head(), log.succession(1));
    let given_up = vec![IndexRange { first: 3, last: 5 }, IndexRange { first: 9, last: 9 }];
    let act = Succession { given_up, bodies_missing: 4, ..act };
    let before = note(&log, 0, kept);
    log.succeed(&["olga"], &act).unwrap();
    assert_eq!((log.register.era(), log.register.successions().len()), (0, 0), "one is not enough");
    assert!(matches!(log.start(), Err(Refusal::SuccessionOpen { missing: 1 })), "nothing stands between");
    log.succeed(&["oleg"], &act).unwrap();
    let row = &log.register.successions()[0];
    assert_eq!((row.era, row.kept, row.end), (1, kept.size, kept.size + 2));
    assert_eq!(row.officers, [log.id("olga"), log.id("oleg")]);
    let given_up = |index| log.register.body_given_up(index).is_some();
    assert_eq!([2, 3, 5, 6, 8, 9, 10].map(given_up), [false, true, true, false, false, true, false]);
    assert!(!given_up(kept.size), "what comes behind it is whole");
    assert!(log.register.chain_of(log.id("anna")).is_none() && !log.register.running());
    log.start().unwrap();
    log.log_in("anna").unwrap();
    log.log_in("boris").unwrap();

    let mut replay = Replay::new(Some(log.register.log_id()));
    log.entries.iter().for_each(|entry| drop(replay.feed(entry).unwrap()));
    assert_eq!(replay.register(), &log.register);
    assert_eq!(replay.verdict().successions, log.register.successions());
    // What was signed before it stays good as far as it is kept, and says nothing beyond.
    assert_eq!(replay.confirm(&before).unwrap(), kept);
    assert_eq!(replay.confirm(&note(&log, 1, log.head())).unwrap(), log.head());
    let gone = replay.confirm(&note(&log, 0, head_before));
    assert!(matches!(gone, Err(Unconfirmed::Lost { kept: size, .. }) if size == kept.size), "{gone:?}");
    let wrong = replay.confirm(&note(&log, 1, kept));
    assert!(matches!(wrong, Err(Unconfirmed::OtherEra { found: 1, era: 0 })), "{wrong:?}");
    assert!(matches!(replay.compare(0, head_before), Ok(Compared::Lost(row)) if row.era == 1));
    assert!(replay.compare(1, Head { root: [1; 32], ..log.head() }).is_err(), "a fork within an era is one");
    assert_eq!(replay.compare(0, kept), Ok(Compared::Same));
    // A head of the lost range is no name for what comes.
    let mut old = log.draft("anna", crate::Act::Logout(crate::act::Logout {}));
    old.header.head = head_before;
    assert!(matches!(log.say("anna", old), Err(Refusal::WrongHead { .. })));
}

#[test]
fn where_the_passwords_are_lost_nobody_has_one_and_nobody_s_time_to_object_runs_out() {
    let mut log = TestLog::standard(73);
    let chat = log.talking("anna", &["boris"]);
    let order = crate::act::Order { number: "7".into(), ground: crate::act::Ground::Inquiry };
    let target = crate::act::EraseTarget::Conversation(chat);
    let act = crate::act::DualAct::Erase(crate::act::EraseOrder { target, order, confirms: None });
    let act = crate::act::Propose { act: pki::canonical::encode(&act).into() };
    log.act("olga", crate::Act::Propose(act)).unwrap();
    let proposal = log.tree.size() - 1;
    log.act("oleg", crate::Act::Approve(crate::act::Approve { proposal })).unwrap();
    let lost = Succession { passwords: KeptPasswords::Lost, ..log.succession(1) };
    log.succeed(&["olga", "oleg"], &lost).unwrap();
    let state = log.register.order(proposal).unwrap().state;
    assert!(matches!(state, crate::register::OrderState::Silenced(..)), "{state:?}");
    // Behind it the authority speaks for itself, without a Start and a Stop first.
    let print = crate::act::EnvelopePrint::new(80, log.id("anna"), 0, &[]);
    log.by_authority(crate::Act::EnvelopePrint(print)).unwrap();
    log.by_authority(crate::Act::EnvelopeHandOver(crate::act::EnvelopeHandOver { number: 80 })).unwrap();
    log.start().unwrap();
    assert_eq!(log.log_in("boris"), Err(Refusal::NoPassword));
    log.log_in("anna").unwrap();
}

#[test]
fn a_succession_is_refused_from_others_and_elsewhere() {
    let (mut log, _) = lost(72);
    let act = log.succession(1);
    let bad = |refused: Result<(), Refusal>| matches!(refused, Err(Refusal::BadSuccession { .. }));
    assert!(matches!(log.succeed(&["anna"], &act), Err(Refusal::WrongRole)));
    let stale = Succession { time_ms: act.time_ms - PLAN_GOOD_MS - 1, ..act.clone() };
    assert!(bad(log.succeed(&["olga"], &stale)), "a plan is not good for ever");
    let root = Succession { kept: Head { root: [1; 32], ..act.kept }, ..act.clone() };
    assert!(bad(log.succeed(&["olga"], &root)), "another root");
    let behind = Succession { kept: Head { size: act.kept.size - 1, root: act.kept.root }, ..act.clone() };
    assert!(bad(log.succeed(&["olga"], &behind)), "in the middle");
    let kept = LossTrace { size: act.kept.size - 1, ..act.lost[0] };
    assert!(bad(log.succeed(&["olga"], &Succession { lost: vec![kept], ..act.clone() })));
    let mut named = log.draft("olga", crate::Act::Succession(act.clone()));
    assert!(matches!(log.say("olga", named.clone()), Err(Refusal::BadSuccession { .. })), "inside a chain");
    named.header.log = crate::LogId([3; 32]);
    assert!(matches!(log.say("olga", named), Err(Refusal::WrongLog)));
    log.succeed(&["olga"], &act).unwrap();
    assert!(matches!(log.succeed(&["olga"], &act), Err(Refusal::SecondPersonNeeded)));
    let other = Succession { time_ms: act.time_ms + 1, ..act.clone() };
    assert!(bad(log.succeed(&["oleg"], &other)), "not the same");
    log.succeed(&["oleg"], &act).unwrap();
    // What they signed once does not serve a second time, nor does an earlier era.
    log.start().unwrap();
    assert!(bad(log.succeed(&["olga"], &act)));
    for era in [0, 1] {
        let again = Succession { era, ..log.succession(1) };
        let by = log.succession_by("olga", &again);
        let refused = match by.clone().parse() {
            Ok(_) => log.admit(Content::Statement(by)).map(drop),
            Err(_) => continue, // era 0 does not even read
        };
        assert!(matches!(refused, Err(Refusal::EraNotLater { found: 1, current: 1 })));
    }
    log.succeed(&["olga", "oleg"], &log.succession(7)).unwrap();
    assert_eq!((log.register.era(), log.register.era_at(act.kept.size + 2)), (7, 1));
}

#[test]
fn only_the_first_officers_in_good_standing_sign() {
    let mut log = TestLog::standard(73);
    log.third_officer("petr", &Described::new(Role::Officer, Clearance(5)));
    let mut suspended = TestLog::standard(73);
    suspended.third_officer("petr", &Described::new(Role::Officer, Clearance(5)));
    let oleg = log.id("oleg");
    log.act(
        "olga",
        crate::Act::Revoke(Revoke { person: oleg, reason: RevokeReason::KeyCompromise, note: String::new() }),
    )
    .unwrap();
    suspended.act("olga", crate::Act::Suspend(Suspend { person: oleg })).unwrap();
    let act = log.succession(1);
    assert!(matches!(log.succeed(&["petr"], &act), Err(Refusal::NotAFirstOfficer { .. })));
    assert!(matches!(log.succeed(&["oleg"], &act), Err(Refusal::CertificateRevoked { .. })));
    let act = suspended.succession(1);
    assert!(matches!(suspended.succeed(&["olga", "oleg"], &act), Err(Refusal::Suspended { .. })));
}

#[test]
fn where_other_passwords_came_back_everybody_chooses_a_new_one() {
    for (passwords, wanted) in [(KeptPasswords::Others, true), (KeptPasswords::InForce, false)] {
        let (mut log, _) = lost(75);
        let act = Succession { passwords, ..log.succession(1) };
        log.succeed(&["olga", "oleg"], &act).unwrap();
        log.start().unwrap();
        log.log_in("anna").unwrap();
        let told = log.act("anna", crate::Act::Leave(Leave { conversation: ConversationId([9; 32]) }));
        assert_eq!(matches!(told, Err(Refusal::MustSetPassword)), wanted, "{passwords:?}: {told:?}");
    }
}

#[test]
fn a_period_whose_key_is_lost_gives_way_to_one_of_the_identity_key() {
    let (mut log, _) = lost(74);
    let act = Succession { period_key_lost: true, ..log.succession(1) };
    log.succeed(&["olga", "oleg"], &act).unwrap();
    let end = log.period_end();
    assert!(matches!(log.fact(end), Err(Refusal::BadFact { .. })), "nobody can end it");
    let identity = SecretKey::from_bytes(Suite::Ed25519, &log.site.identity.to_bytes()).unwrap();
    let by_old = log.key_roll(1);
    assert!(log.fact(by_old).is_err(), "its key may be anywhere");
    let key = log.period_key.public().spki().to_vec();
    let bytes = key_roll_bytes(log.register.log_id(), 1, Suite::Ed25519, &key);
    let signature = identity.sign(&bytes).unwrap();
    let roll = KeyRoll { period: 1, suite: Suite::Ed25519, key: key.into(), signature: signature.into() };
    log.fact(Fact::KeyRoll(roll)).unwrap();
    log.start().unwrap();
    log.fact(Fact::Stop(Stop {})).unwrap();
    let mut replay = Replay::new(None);
    log.entries.iter().for_each(|entry| drop(replay.feed(entry).unwrap()));
    assert_eq!(replay.confirm(&note(&log, 1, log.head())).unwrap(), log.head());
    let end = log.period_end();
    log.fact(end).unwrap();
}

#[test]
fn a_renewed_certificate_serves_and_a_log_that_runs_is_no_matter() {
    let mut log = TestLog::with_policy(75, Suite::EcdsaP256, Policy::standard());
    let renewed = log.site.issue("olga", &Described::new(Role::Officer, Clearance(5)));
    log.submit("oleg", vec![crate::Act::Enrol(renewed)]).unwrap();
    let act = log.succession(1);
    let refused = log.succeed(&["olga"], &act);
    assert!(matches!(refused, Err(Refusal::NotAdmitted)), "two officers have not admitted it: {refused:?}");
    log.wait_ms(100 * 24 * 3600 * 1000);
    let mut act = log.succession(1);
    act.kept = log.head();
    log.succeed(&["oleg"], &act).unwrap();
    let read = Entry::decode(log.entries.last().unwrap()).unwrap();
    let Content::Statement(signed) = read.content else { panic!("a statement") };
    let statement: Statement = pki::canonical::decode(&signed.statement).unwrap();
    assert_eq!(statement.header.head, act.kept);
}
