//! Stories of orders of erasure, of objections and of holds.
use crate::act::{
    Act, Approve, DualAct, Erase, EraseOrder, EraseTarget, Ground, Hold, HoldScope, Object, Order, Propose,
    Resume, Revoke, RevokeReason, Suspend, Withdraw,
};
use crate::fact::{Fact, Stop, Tick};
use crate::ids::{ConversationId, Index};
use crate::policy::PrivateErase;
use crate::register::{
    Audience, Effect, HOLD_MS_MAX, HOLDS_MAX, HOLDS_OF_ONE_MAX, ORDERS_MAX, OrderState, Register,
};
use crate::testing::TestLog;
use crate::{Policy, Refusal};
use pki::{Suite, canonical};

const DAY_MS: u64 = 24 * 3_600_000;

fn paper(number: &str) -> Order {
    Order { number: number.into(), ground: Ground::Court }
}

fn erase(target: EraseTarget, confirms: Option<Index>) -> DualAct {
    DualAct::Erase(EraseOrder { target, order: paper("12-3/2026"), confirms })
}

fn propose(log: &mut TestLog, act: &DualAct) -> Result<Index, Refusal> {
    log.act("olga", Act::Propose(Propose { act: canonical::encode(act).into() }))?;
    Ok(log.tree.size() - 1)
}

/// Proposed by olga, approved by oleg; gives the proposal's index.
fn two(log: &mut TestLog, act: &DualAct) -> Result<Index, Refusal> {
    let proposal = propose(log, act)?;
    log.act("oleg", Act::Approve(Approve { proposal })).map(|_| proposal)
}

fn messages(chat: ConversationId, indices: &[Index]) -> EraseTarget {
    EraseTarget::Messages(chat, indices.to_vec())
}

fn place(log: &mut TestLog, scope: HoldScope, days: u64) -> Result<Index, Refusal> {
    let hold = Hold { scope, order: paper("A-7"), end_ms: log.now_ms + days * DAY_MS };
    log.act("olga", Act::Hold(hold))?;
    Ok(log.tree.size() - 1)
}

fn tick(log: &mut TestLog, days: u64) -> Vec<Effect> {
    log.wait_ms(days * DAY_MS);
    log.fact(Fact::Tick(Tick {})).expect("a deadline passed").effects
}

fn gone(log: &TestLog, chat: ConversationId) -> bool {
    log.register.conversation(chat).expect("founded").erased.is_some()
}

fn erased(log: &TestLog, index: Index) -> bool {
    log.register.message(index).expect("sent").erased
}

#[test]
fn an_order_of_two_takes_effect_when_nobody_objected_in_time() {
    let policy = Policy { author_erases: false, private_erase: PrivateErase::Officers, ..Policy::standard() };
    let mut log = TestLog::with_policy(1, Suite::Ed25519, policy);
    let chat = log.talking("anna", &["boris"]);
    let (first, second) = (log.send("anna", chat).unwrap(), log.send("boris", chat).unwrap());
    let own = Act::Erase(Erase { target: messages(chat, &[first]) });
    assert_eq!(log.act("anna", own), Err(Refusal::NoRightToErase), "the officers' alone");
    let proposal = two(&mut log, &erase(messages(chat, &[first]), None)).unwrap();
    let approve = log.tree.size() - 1;
    assert!(!erased(&log, first), "it waits");
    let restored = Register::restore(&log.register.snapshot()).unwrap();
    assert!(restored == log.register, "and is remembered");
    log.wait_ms(3 * DAY_MS);
    let said = log.send("boris", chat);
    assert!(matches!(said, Err(Refusal::DeadlinePassed { .. })), "nothing comes before its time: {said:?}");
    let applied = log.fact(Fact::Tick(Tick {})).unwrap();
    assert_eq!(applied.audience, Audience::Everyone);
    let at = log.tree.size() - 1;
    let conversation = log.register.conversation(chat).unwrap().number;
    let carried = Effect::OrderCarriedOut { proposal, approve, conversation, messages: vec![first] };
    assert!(applied.effects.contains(&carried), "{:?}", applied.effects);
    assert!(
        applied
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::EraseIntended { index, .. } if *index == at))
    );
    assert!(erased(&log, first) && !erased(&log, second));
    assert_eq!(log.register.order(proposal).unwrap().state, OrderState::Done(at));
}

#[test]
fn a_whole_conversation_goes_with_what_was_said_meanwhile() {
    let mut log = TestLog::standard(2);
    let chat = log.talking("anna", &["boris", "vera"]);
    log.send("boris", chat).unwrap();
    two(&mut log, &erase(EraseTarget::Conversation(chat), None)).unwrap();
    let approve = log.tree.size() - 1;
    let late = log.send("anna", chat).expect("it lives on until its time");
    let effects = tick(&mut log, 3);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::ConversationClosed { .. })));
    assert!(erased(&log, late));
    let row = log.register.conversation(chat).unwrap();
    assert_eq!((row.erased, row.closed), (Some(approve), Some(log.tree.size() - 1)));
}

#[test]
fn those_concerned_object_and_two_officers_confirm() {
    let mut log = TestLog::standard(3);
    let chat = log.talking("anna", &["boris", "vera"]);
    let index = log.send("boris", chat).unwrap();
    let target = messages(chat, &[index]);
    let proposal = two(&mut log, &erase(target.clone(), None)).unwrap();
    let object = || Act::Object(Object { proposal });
    assert_eq!(
        log.act("vera", object()),
        Err(Refusal::NotConcerned { proposal }),
        "neither owner nor author"
    );
    assert_eq!(log.act("olga", object()), Err(Refusal::WrongRole));
    let again = two(&mut log, &erase(target.clone(), Some(proposal)));
    assert_eq!(again, Err(Refusal::NoSuchOrder { proposal }), "nothing to confirm yet");
    log.act("boris", object()).expect("he wrote it");
    assert!(log.register.order(proposal).unwrap().state.is_stopped());
    assert_eq!(log.act("boris", object()), Err(Refusal::NoSuchOrder { proposal }), "once is enough");
    assert_eq!(log.register.next_deadline_ms().is_some(), log.register.proposals().count() > 0);
    log.wait_ms(4 * DAY_MS);
    assert_eq!(log.act("anna", object()), Err(Refusal::NoSuchOrder { proposal }), "her time is over");
    assert!(!erased(&log, index), "stopped");
    let other = EraseTarget::Conversation(chat);
    assert!(two(&mut log, &erase(other, Some(proposal))).is_err(), "confirms the very same");
    let confirmed = two(&mut log, &erase(target, Some(proposal))).unwrap();
    assert!(erased(&log, index), "at once");
    assert!(log.register.order(proposal).is_none());
    assert!(log.register.order(confirmed).unwrap().state.is_done());
}

#[test]
fn a_sham_objection_takes_nobodys_time_to_object() {
    let mut log = TestLog::standard(11);
    let chat = log.talking("anna", &["boris"]);
    let index = log.send("boris", chat).unwrap();
    let target = EraseTarget::Conversation(chat);
    let proposal = two(&mut log, &erase(target.clone(), None)).unwrap();
    let object = || Act::Object(Object { proposal });
    log.act("anna", object()).expect("the officers' friend");
    let early = two(&mut log, &erase(target.clone(), Some(proposal)));
    assert_eq!(early.map_err(|refusal| refusal.code()), Err(260), "boris has three days");
    assert!(!gone(&log, chat));
    log.wait_ms(DAY_MS);
    log.act("boris", object()).expect("and uses them");
    let restored = Register::restore(&log.register.snapshot()).unwrap();
    assert!(restored == log.register, "both words are remembered");
    log.wait_ms(2 * DAY_MS - 1);
    assert_eq!(
        propose(&mut log, &erase(target.clone(), Some(proposal))).map_err(|refusal| refusal.code()),
        Err(260)
    );
    log.wait_ms(1);
    assert_eq!(log.act("boris", object()), Err(Refusal::NoSuchOrder { proposal }));
    two(&mut log, &erase(target, Some(proposal))).expect("they know all that was said against it");
    assert!(gone(&log, chat) && log.register.message(index).is_some());
}

#[test]
fn no_time_to_object_passes_while_the_server_stands_still() {
    let mut log = TestLog::standard(12);
    let chat = log.talking("anna", &["boris"]);
    let index = log.send("anna", chat).unwrap();
    let proposal = two(&mut log, &erase(messages(chat, &[index]), None)).unwrap();
    log.wait_ms(DAY_MS);
    log.fact(Fact::Stop(Stop {})).unwrap();
    // The machine was off: its boot clock begins anew, its wall clock says ten days more.
    (log.now_ms, log.boot_ms) = (log.now_ms + 10 * DAY_MS, 5000);
    log.start().unwrap();
    assert!(log.fact(Fact::Tick(Tick {})).is_err(), "no deadline has passed");
    let restored = Register::restore(&log.register.snapshot()).unwrap();
    assert!(restored == log.register);
    log.wait_ms(2 * DAY_MS - 1);
    assert!(log.fact(Fact::Tick(Tick {})).is_err() && !erased(&log, index));
    ["anna", "boris"].iter().for_each(|login| drop(log.log_in(login).unwrap()));
    log.wait_ms(1);
    let late = log.act("boris", Act::Object(Object { proposal }));
    assert!(matches!(late, Err(Refusal::DeadlinePassed { .. })), "{late:?}");
    log.fact(Fact::Tick(Tick {})).expect("three days of a running server");
    assert!(erased(&log, index));
}

#[test]
fn a_clock_that_is_set_forward_ends_neither_the_time_to_object_nor_a_hold_unwarned() {
    let mut log = TestLog::standard(13);
    let chat = log.talking("anna", &["boris"]);
    let (index, held) = (log.send("anna", chat).unwrap(), log.send("anna", chat).unwrap());
    let hold = place(&mut log, HoldScope::Messages(chat, vec![held]), 30).unwrap();
    let brief = place(&mut log, HoldScope::Messages(chat, vec![held]), 2).unwrap();
    let proposal = two(&mut log, &erase(messages(chat, &[index]), None)).unwrap();
    log.now_ms += 60 * DAY_MS;
    let effects = log.fact(Fact::Tick(Tick {})).expect("the warning").effects;
    let by = log.id("olga");
    assert_eq!(effects, [Effect::HoldEndsSoon { hold, by }], "and nothing else");
    assert_eq!(log.register.holds().map(|(index, _)| index).collect::<Vec<_>>(), [hold, brief]);
    let restored = Register::restore(&log.register.snapshot()).unwrap();
    assert!(restored == log.register);
    log.act("boris", Act::Object(Object { proposal })).expect("there is time");
    assert_eq!(tick(&mut log, 2), [Effect::HoldEnded { hold: brief }]);
    log.wait_ms(5 * DAY_MS - 1);
    assert!(log.fact(Fact::Tick(Tick {})).is_err(), "the officers have the time of the warning");
    log.wait_ms(1);
    assert_eq!(log.fact(Fact::Tick(Tick {})).unwrap().effects, [Effect::HoldEnded { hold }]);
}

#[test]
fn a_clock_that_is_set_back_lets_nothing_come_before_the_date_that_was_told() {
    let mut log = TestLog::standard(14);
    let chat = log.talking("anna", &["boris"]);
    let index = log.send("anna", chat).unwrap();
    two(&mut log, &erase(messages(chat, &[index]), None)).unwrap();
    log.boot_ms += 3 * DAY_MS;
    assert!(
        log.fact(Fact::Tick(Tick {})).is_ok_and(|applied| applied.effects.is_empty()) && !erased(&log, index)
    );
    let restored = Register::restore(&log.register.snapshot()).unwrap();
    assert!(restored == log.register);
    tick(&mut log, 3);
    assert!(erased(&log, index));
}

#[test]
fn who_is_suspended_or_revoked_by_one_officer_counts_as_one_who_objects() {
    let mut log = TestLog::standard(15);
    let chat = log.talking("anna", &["boris"]);
    let index = log.send("anna", chat).unwrap();
    let proposal = two(&mut log, &erase(messages(chat, &[index]), None)).unwrap();
    let person = log.id("boris");
    log.act("olga", Act::Suspend(Suspend { person })).unwrap();
    log.wait_ms(3 * DAY_MS - 1);
    log.act("olga", Act::Resume(Resume { person })).unwrap();
    log.wait_ms(1);
    assert!(log.fact(Fact::Tick(Tick {})).is_err() && !erased(&log, index), "he was kept from it");
    assert!(log.register.order(proposal).unwrap().state.is_stopped());
    two(&mut log, &erase(messages(chat, &[index]), Some(proposal))).expect("two confirm it");
    assert!(erased(&log, index));

    // Before it was given, or for good: alike. Who objects after all is named instead.
    let second = log.send("anna", chat).unwrap();
    log.act("olga", Act::Suspend(Suspend { person })).unwrap();
    let early = two(&mut log, &erase(messages(chat, &[second]), None)).unwrap();
    assert!(log.register.order(early).unwrap().state.is_stopped());
    log.act("olga", Act::Resume(Resume { person })).unwrap();
    log.log_in("boris").unwrap();
    log.act("boris", Act::Object(Object { proposal: early })).expect("resumed, he says it himself");
    let third = log.send("anna", chat).unwrap();
    let fresh = two(&mut log, &erase(messages(chat, &[third]), None)).unwrap();
    log.act(
        "olga",
        Act::Revoke(Revoke { person, reason: RevokeReason::CessationOfOperation, note: String::new() }),
    )
    .unwrap();
    assert!(log.register.order(fresh).unwrap().state.is_stopped());
    let restored = Register::restore(&log.register.snapshot()).unwrap();
    assert!(restored == log.register);
}

#[test]
fn a_hold_keeps_from_everybody_and_makes_an_order_wait() {
    let mut log = TestLog::standard(4);
    let chat = log.talking("anna", &["boris"]);
    let (held, free) = (log.send("anna", chat).unwrap(), log.send("anna", chat).unwrap());
    let hold = place(&mut log, HoldScope::Messages(chat, vec![held]), 5).unwrap();
    let own = |target| Act::Erase(Erase { target });
    assert_eq!(log.act("anna", own(messages(chat, &[held]))), Err(Refusal::Held { hold }));
    assert_eq!(log.act("boris", own(EraseTarget::Conversation(chat))), Err(Refusal::Held { hold }));
    log.act("anna", own(messages(chat, &[free]))).expect("only what it names is kept");
    let target = messages(chat, &[held]);
    let proposal = two(&mut log, &erase(target.clone(), None)).unwrap();
    assert_eq!(tick(&mut log, 3), [Effect::OrderStopped { proposal }]);
    assert_eq!(log.register.order(proposal).unwrap().state, OrderState::Held(hold));
    let early = propose(&mut log, &erase(target.clone(), Some(proposal)));
    assert_eq!(early, Err(Refusal::Held { hold }), "not while it stands");
    assert_eq!(tick(&mut log, 2), [Effect::HoldEnded { hold }]);
    assert!(!erased(&log, held), "the end of a hold erases nothing");
    two(&mut log, &erase(target, Some(proposal))).expect("the fresh confirmation");
    assert!(erased(&log, held));
}

#[test]
fn a_hold_on_a_person_keeps_what_he_wrote_and_will_write_wherever_it_is() {
    let mut log = TestLog::standard(5);
    let group = log.talking("anna", &["boris", "vera"]);
    let of_boris = log.send("boris", group).unwrap();
    let scope = HoldScope::Person(log.id("boris"));
    let hold = place(&mut log, scope, 30).unwrap();
    let later = log.send("boris", group).unwrap();
    for target in [messages(group, &[of_boris]), messages(group, &[later]), EraseTarget::Conversation(group)]
    {
        assert_eq!(log.act("anna", Act::Erase(Erase { target })), Err(Refusal::Held { hold }));
    }
    let of_vera = log.send("vera", group).unwrap();
    log.act("anna", Act::Erase(Erase { target: messages(group, &[of_vera]) })).expect("hers is not held");
}

#[test]
fn a_hold_warns_before_it_ends_and_two_lift_it_before_its_time() {
    let mut log = TestLog::standard(6);
    let chat = log.talking("anna", &["boris"]);
    let long = place(&mut log, HoldScope::Conversation(chat), 20).unwrap();
    let short = place(&mut log, HoldScope::Conversation(chat), 6).unwrap();
    assert_eq!(
        tick(&mut log, 6),
        [Effect::HoldEnded { hold: short }],
        "shorter than the warning: it just ends"
    );
    let by = log.id("olga");
    assert_eq!(tick(&mut log, 7), [Effect::HoldEndsSoon { hold: long, by }]);
    let restored = Register::restore(&log.register.snapshot()).unwrap();
    assert!(restored == log.register, "said once");
    assert_eq!(two(&mut log, &DualAct::LiftHold(short)), Err(Refusal::NoSuchHold { hold: short }));
    let proposal = propose(&mut log, &DualAct::LiftHold(long)).unwrap();
    let alone = log.act("olga", Act::Approve(Approve { proposal }));
    assert_eq!(alone, Err(Refusal::SecondPersonNeeded), "who placed it does not lift it alone");
    let applied = log.act("oleg", Act::Approve(Approve { proposal })).unwrap();
    assert_eq!(applied.effects, [Effect::HoldEnded { hold: long }]);
    assert_eq!(log.register.holds().count(), 0);
}

#[test]
fn an_order_is_taken_back_by_either_officer_until_it_is_done() {
    let mut log = TestLog::standard(7);
    let chat = log.talking("anna", &["boris"]);
    let index = log.send("anna", chat).unwrap();
    let proposal = two(&mut log, &erase(messages(chat, &[index]), None)).unwrap();
    let withdraw = || Act::Withdraw(Withdraw { proposal });
    log.act("oleg", withdraw()).expect("he approved it");
    assert_eq!(log.act("olga", withdraw()), Err(Refusal::NoSuchProposal { proposal }));
    assert_eq!(log.register.orders().count(), 0);
    assert_eq!(log.register.next_deadline_ms(), None);
}

#[test]
fn what_somebody_erased_meanwhile_is_not_taken_twice() {
    let mut log = TestLog::standard(8);
    let chat = log.talking("anna", &["boris"]);
    let (first, second) = (log.send("anna", chat).unwrap(), log.send("anna", chat).unwrap());
    two(&mut log, &erase(messages(chat, &[first, second]), None)).unwrap();
    log.act("anna", Act::Erase(Erase { target: messages(chat, &[first]) })).unwrap();
    let effects = tick(&mut log, 3);
    let taken = effects.iter().find_map(|effect| {
        if let Effect::OrderCarriedOut { messages, .. } = effect { Some(messages.clone()) } else { None }
    });
    assert_eq!(taken, Some(vec![second]));
    two(&mut log, &erase(EraseTarget::Conversation(chat), None)).unwrap();
    log.act("boris", Act::Erase(Erase { target: EraseTarget::Conversation(chat) })).unwrap();
    assert_eq!(tick(&mut log, 3), [], "all of it was gone");
    let gone = log.register.conversation(chat).unwrap().erased.unwrap();
    let late = propose(&mut log, &erase(EraseTarget::Conversation(chat), None));
    assert_eq!(late, Err(Refusal::AlreadyErased { index: gone }));
}

#[test]
fn papers_scopes_and_numbers_have_their_bounds() {
    let mut log = TestLog::standard(9);
    let chat = log.talking("anna", &["boris"]);
    let index = log.send("anna", chat).unwrap();
    for number in ["", " 1", "1\n2", &"x".repeat(65)] {
        let order = EraseOrder { target: messages(chat, &[index]), order: paper(number), confirms: None };
        let refused = propose(&mut log, &DualAct::Erase(order));
        assert!(matches!(refused, Err(Refusal::BadProposal { .. })), "{number:?}: {refused:?}");
    }
    let twice = propose(&mut log, &erase(messages(chat, &[index, index]), None));
    assert_eq!(twice, Err(Refusal::NoSuchMessage { index }));
    two(&mut log, &erase(messages(chat, &[index]), None)).unwrap();
    let same = propose(&mut log, &erase(messages(chat, &[index]), None));
    assert!(matches!(same, Err(Refusal::BadProposal { .. })), "one order over the same: {same:?}");
    assert!(matches!(place(&mut log, HoldScope::Conversation(chat), 0), Err(Refusal::BadHold { .. })));
    let ever = HOLD_MS_MAX / DAY_MS + 1;
    assert!(matches!(place(&mut log, HoldScope::Conversation(chat), ever), Err(Refusal::BadHold { .. })));
    let nobody = pki::PersonId(99_999);
    assert_eq!(place(&mut log, HoldScope::Person(nobody), 1), Err(Refusal::UnknownPerson { person: nobody }));
    let none = place(&mut log, HoldScope::Messages(chat, vec![3]), 1);
    assert_eq!(none, Err(Refusal::NoSuchMessage { index: 3 }));
    let hold = Hold { scope: HoldScope::Conversation(chat), order: paper("1"), end_ms: log.now_ms + DAY_MS };
    assert_eq!(log.act("anna", Act::Hold(hold)), Err(Refusal::WrongRole));
}

#[test]
fn there_are_only_so_many_holds_and_orders() {
    let mut log = TestLog::standard(10);
    log.watch_refusals = false;
    let chat = log.talking("anna", &["boris"]);
    for _ in 0..HOLDS_OF_ONE_MAX {
        place(&mut log, HoldScope::Conversation(chat), 1).unwrap();
    }
    let limit = HOLDS_OF_ONE_MAX as u64;
    let own = place(&mut log, HoldScope::Conversation(chat), 1);
    assert_eq!(own, Err(Refusal::TooManyOwnHolds { limit }), "one officer keeps no other's hold out");
    for _ in HOLDS_OF_ONE_MAX..HOLDS_MAX {
        let end_ms = log.now_ms + DAY_MS;
        let hold = Hold { scope: HoldScope::Conversation(chat), order: paper("A-8"), end_ms };
        log.act("oleg", Act::Hold(hold)).unwrap();
    }
    let limit = HOLDS_MAX as u64;
    assert_eq!(place(&mut log, HoldScope::Conversation(chat), 1), Err(Refusal::TooManyHolds { limit }));
    for _ in 0..ORDERS_MAX {
        let index = log.send("anna", chat).unwrap();
        two(&mut log, &erase(messages(chat, &[index]), None)).unwrap();
    }
    let index = log.send("anna", chat).unwrap();
    let limit = ORDERS_MAX as u64;
    let more = propose(&mut log, &erase(messages(chat, &[index]), None));
    assert_eq!(more, Err(Refusal::TooManyOrders { limit }));
}
