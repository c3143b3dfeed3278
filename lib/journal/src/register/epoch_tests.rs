//! Epochs of a conversation: which one fits, when one is due, and who reads from when on.

use super::tests::{head, invite};
use crate::act::{
    Act, BadWrap, ConversationKind, Create, Epoch, Leave, Message, Purpose, ShareHistory, WrapClaim,
};
use crate::ids::{Commitment, ReservationId, StatementId};
use crate::membership::{ActBy, MembershipView, Standing};
use crate::testing::TestLog;
use crate::{Policy, Refusal};
use pki::{Clearance, PersonId};

#[test]
fn who_joins_reads_from_the_next_epoch_on() {
    let mut log = TestLog::standard(5);
    let group = log.talking("anna", &["boris"]);
    assert_eq!(log.register.conversation(group).unwrap().membership.kind(), ConversationKind::Private);
    let group = log.create_as("anna", &["boris"], ConversationKind::Group, Clearance(3)).unwrap();
    log.epoch("anna", group).unwrap();
    log.send("anna", group).unwrap();
    invite(&mut log, "anna", group, "vera").unwrap();
    assert_eq!(log.send("anna", group), Err(Refusal::EpochStale));
    log.epoch("anna", group).unwrap();
    let member = log.register.conversation(group).unwrap().membership.members()[&log.id("vera")];
    assert_eq!((member.standing, member.reads_from), (Standing::Invited, 2));
    log.accept("vera", group).unwrap();
    log.accept("boris", group).unwrap();
    let share = |log: &mut TestLog, by: &str, whom: &str, from_epoch, to_epoch| {
        let reservation = log.reserve(by, group, Purpose::Wraps, 1).unwrap();
        let wraps = WrapClaim { reservation, root: [0; 32], count: 1 };
        let act = ShareHistory { conversation: group, person: log.id(whom), from_epoch, to_epoch, wraps };
        log.act(by, Act::ShareHistory(act)).map(|_| ())
    };
    let refused = Err(Refusal::WrongEpoch { current: 2, found: 1 });
    assert_eq!(share(&mut log, "vera", "boris", 1, 1), refused, "vera has no such key");
    assert_eq!(share(&mut log, "anna", "vera", 1, 3), Err(Refusal::WrongEpoch { current: 2, found: 3 }));
    share(&mut log, "boris", "vera", 1, 1).unwrap();
    let member = log.register.conversation(group).unwrap().membership.members()[&log.id("vera")];
    assert_eq!(member.reads_from, 1);
    share(&mut log, "vera", "boris", 1, 2).expect("now vera has it");
}

#[test]
fn an_epoch_fits_membership_number_and_wraps() {
    let mut log = TestLog::standard(6);
    let chat = log.create("anna", &["boris"]).unwrap();
    let (conversation, membership) = (chat, head(&log, chat));
    let two = log.reserve("anna", chat, Purpose::Wraps, 2).unwrap();
    let one = log.reserve("anna", chat, Purpose::Wraps, 1).unwrap();
    let file = log.reserve("anna", chat, Purpose::File, 2).unwrap();
    let good = Epoch {
        conversation,
        epoch: 1,
        membership,
        key_commitment: Commitment([0; 32]),
        wraps: WrapClaim { reservation: two, root: [0; 32], count: 2 },
    };
    let mut refused = |change: &dyn Fn(&mut Epoch)| {
        let mut act = good.clone();
        change(&mut act);
        log.act("anna", Act::Epoch(act)).unwrap_err()
    };
    assert_eq!(refused(&|act| act.epoch = 2), Refusal::WrongEpoch { current: 0, found: 2 });
    assert_eq!(refused(&|act| act.epoch = 0), Refusal::WrongEpoch { current: 0, found: 0 });
    assert_eq!(refused(&|act| act.membership.0[0] ^= 1), Refusal::StaleMembership);
    for wraps in [(two, 1), (one, 2), (file, 2), (one, 1)] {
        let refusal = refused(&|act| (act.wraps.reservation, act.wraps.count) = wraps);
        assert!(matches!(refusal, Refusal::ReservationUnfit { .. }), "{refusal}");
    }
    let reservation = ReservationId([3; 16]);
    let missing = Refusal::NoSuchReservation { reservation };
    assert_eq!(refused(&|act| act.wraps.reservation = reservation), missing);
    assert_eq!(log.act("boris", Act::Epoch(good.clone())), Err(Refusal::NotAccepted));
    log.accept("boris", chat).unwrap();
    let others = Refusal::NoSuchReservation { reservation: two };
    assert_eq!(log.act("boris", Act::Epoch(good.clone())), Err(others), "the reservation is anna's");
    log.act("anna", Act::Epoch(good.clone())).expect("an Accept does not move the head");
    let second = Refusal::WrongEpoch { current: 1, found: 1 };
    assert_eq!(log.act("anna", Act::Epoch(good)), Err(second), "the first in order wins");
}

#[test]
fn age_and_bad_wraps_make_an_epoch_due() {
    let mut log = TestLog::standard(7);
    let chat = log.talking("anna", &["boris"]);
    let bad = |epoch| Act::BadWrap(BadWrap { conversation: chat, epoch });
    assert_eq!(log.act("boris", bad(2)), Err(Refusal::WrongEpoch { current: 1, found: 2 }));
    log.act("boris", bad(1)).unwrap();
    assert_eq!(log.act("boris", bad(1)), Err(Refusal::Unchanged));
    assert_eq!(log.send("anna", chat), Err(Refusal::EpochStale));
    log.epoch("anna", chat).unwrap();
    let old = Refusal::WrongEpoch { current: 2, found: 1 };
    assert_eq!(log.act("boris", bad(1)), Err(old.clone()), "of one that rules no more nothing is said");
    let late = Message { epoch: 1, ..log.message(chat) };
    assert_eq!(log.act("boris", Act::Message(late)), Err(old), "nor under it");
    log.wait_ms(Policy::standard().epoch_ms - 1);
    log.send("anna", chat).unwrap();
    log.wait_ms(1);
    assert_eq!(log.send("anna", chat), Err(Refusal::EpochStale));
    assert!(log.register.epoch_is_due(log.register.conversation(chat).unwrap().number, log.now_ms));
}

#[test]
fn one_member_does_not_starve_a_group_by_bad_wraps() {
    let mut log = TestLog::standard(7);
    let group = log.talking("anna", &["boris"]);
    let bad = |log: &mut TestLog, by: &str| {
        let epoch = log.register.conversation(group).unwrap().epoch_number();
        log.act(by, Act::BadWrap(BadWrap { conversation: group, epoch })).map(|_| ())
    };
    bad(&mut log, "boris").unwrap();
    log.epoch("anna", group).unwrap();
    assert_eq!(
        bad(&mut log, "boris"),
        Err(Refusal::Unchanged),
        "said once, for this membership and this long"
    );
    log.send("anna", group).expect("and so the others go on");
    bad(&mut log, "anna").expect("each member has a word");
    log.epoch("anna", group).unwrap();
    log.wait_ms(Policy::standard().epoch_ms);
    log.epoch("anna", group).unwrap();
    bad(&mut log, "boris").expect("and again after the age of an epoch");
    assert_eq!(log.register.conversation(group).unwrap().bad_wraps.len(), 1, "what is past is forgotten");
}

#[test]
fn who_has_not_accepted_makes_no_epoch_due_and_a_new_membership_gives_a_new_word() {
    let mut log = TestLog::standard(7);
    let group = log.create("anna", &["boris", "vera"]).unwrap();
    log.accept("boris", group).unwrap();
    log.epoch("anna", group).unwrap();
    let bad = |log: &mut TestLog, by: &str| {
        let epoch = log.register.conversation(group).unwrap().epoch_number();
        log.act(by, Act::BadWrap(BadWrap { conversation: group, epoch })).map(|_| ())
    };
    assert_eq!(bad(&mut log, "vera"), Err(Refusal::NotAccepted));
    bad(&mut log, "boris").unwrap();
    log.epoch("anna", group).unwrap();
    assert_eq!(bad(&mut log, "boris"), Err(Refusal::Unchanged));
    log.act("vera", Act::Leave(Leave { conversation: group })).unwrap();
    log.epoch("anna", group).unwrap();
    bad(&mut log, "boris").unwrap();
}

#[test]
fn the_wraps_of_an_epoch_that_was_due_are_nobodys_quota() {
    let mut log = TestLog::standard(7);
    let stored = |log: &TestLog| log.register.person(log.id("anna")).unwrap().stored_bytes;
    let chat = log.talking("anna", &["boris"]);
    assert_eq!(stored(&log), 0);
    log.epoch("anna", chat).unwrap();
    assert_eq!(stored(&log), 2 * 256, "nobody needed this one");
    log.wait_ms(Policy::standard().epoch_ms);
    log.epoch("anna", chat).unwrap();
    assert_eq!(stored(&log), 2 * 256);
}

#[test]
fn a_terminal_and_the_register_judge_shared_history_alike() {
    let (anna, boris) = (PersonId(1), PersonId(2));
    let create = Create {
        random: [1; 16],
        kind: ConversationKind::Group,
        ceiling: Clearance(1),
        default_label: Clearance(0),
        invited: vec![boris],
    };
    let by = |signer, n: u8| ActBy { signer, id: StatementId([n; 32]), index: n.into() };
    let mut view = MembershipView::found(&by(anna, 1), &create).unwrap();
    let conversation = view.membership().id();
    let wraps = WrapClaim { reservation: ReservationId([0; 16]), root: [0; 32], count: 1 };
    let share = |from_epoch, to_epoch| {
        let wraps = wraps.clone();
        Act::ShareHistory(ShareHistory { conversation, person: boris, from_epoch, to_epoch, wraps })
    };
    let wrong = Err(Refusal::WrongEpoch { current: 0, found: 1 });
    assert_eq!(view.follow(&by(anna, 2), &share(1, 1)), wrong, "no epoch has begun");
    let epoch = Epoch {
        conversation,
        epoch: 1,
        membership: view.membership().head(),
        key_commitment: Commitment([0; 32]),
        wraps: WrapClaim { count: 2, ..wraps.clone() },
    };
    view.follow(&by(anna, 3), &Act::Epoch(epoch)).unwrap();
    assert_eq!(view.follow(&by(boris, 4), &share(1, 1)), Err(Refusal::NotAccepted));
    view.follow(&by(anna, 5), &share(1, 1)).unwrap();
}
