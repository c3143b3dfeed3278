//! Seeded histories of people who do anything at any time, right or wrong: whatever is admitted or refused, the
//! state stays one that makes sense, and snapshot and replay lead to the same one. A failing seed is printed.
use crate::act::{
    Acknowledge, Act, Approve, BadWrap, ConversationKind, DualAct, EndSession, Erase, EraseOrder,
    EraseTarget, FileClaim, Ground, HandOver, Hold, HoldScope, Invite, Leave, Logout, Message, Object, Order,
    Propose, Purpose, Read, Remove, Resume, Revoke, RevokeReason, Suspend, Unlock, Withdraw,
};
use crate::fact::{EndReason, Erased, Fact, FailedLogin, LoginFailure, SessionEnd, Stop, Tick};
use crate::ids::ConversationId;
use crate::membership::Standing;
use crate::register::{OrderRow, OrderState, Register};
use crate::replay::Replay;
use crate::testing::{Described, TestLog};
use crate::{Policy, Refusal};
use pki::{Clearance, Role, Suite, canonical};
use std::collections::BTreeMap;

const SEEDS: u64 = 24;
const STEPS: u32 = 160;
const OPERATORS: [&str; 3] = ["anna", "boris", "vera"];

struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % limit as u64) as usize
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// Something that somebody tries. Whether it is admitted is the rules' business.
fn step(log: &mut TestLog, dice: &mut Dice) -> Result<(), Refusal> {
    let (who, whom) = (*dice.one(&OPERATORS), *dice.one(&OPERATORS));
    let person = log.id(whom);
    let all: Vec<ConversationId> = log.register.conversations().map(|row| row.membership.id()).collect();
    if dice.below(16) == 0 {
        let others: Vec<&str> =
            OPERATORS.into_iter().filter(|login| *login != who && dice.below(3) > 0).collect();
        let kind = *dice.one(&[ConversationKind::Private, ConversationKind::Group]);
        let ceiling = Clearance(dice.below(5) as u8);
        return log.create_as(who, &others, kind, ceiling).map(|_| ());
    }
    let conversation = *dice.one(&all);
    let row = log.register.conversation(conversation).expect("listed above");
    let (membership, number, epoch) = (row.membership.head(), row.number, row.epoch_number());
    let here = |login: &&str| row.membership.members().contains_key(&log.id(login));
    let who = OPERATORS.into_iter().filter(here).nth(dice.below(4)).unwrap_or(who);
    let is_in = row.membership.members().contains_key(&log.id(who));
    let sent: Vec<u64> = log.register.messages_of(number, 0..u64::MAX).map(|row| row.index).collect();
    let some = *dice.one(&[&sent[..], &[7]].concat());
    let act = match dice.below(24) {
        0 if is_in => return log.accept(who, conversation).map(|_| ()),
        1..=3 if !row.membership.members().is_empty() => return log.epoch(who, conversation).map(|_| ()),
        4..=8 => return log.send(who, conversation).map(|_| ()),
        9 => {
            let reservation = log.reserve(who, conversation, Purpose::File, 3)?;
            let file = Some(FileClaim { reservation, root: [0; 32], chunks: 2 });
            Act::Message(Message { file, must_acknowledge: true, ..log.message(conversation) })
        }
        10 => Act::Invite(Invite { conversation, membership, person }),
        11 => Act::Remove(Remove { conversation, membership, person }),
        12 => Act::HandOver(HandOver { conversation, membership, person }),
        13 => Act::Leave(Leave { conversation }),
        14 => Act::BadWrap(BadWrap { conversation, epoch }),
        15 => Act::Read(Read { conversation, up_to: some }),
        16 => Act::Acknowledge(Acknowledge { message: some }),
        17 => Act::Erase(Erase { target: EraseTarget::Messages(conversation, vec![some]) }),
        18 if dice.below(6) == 0 => Act::Erase(Erase { target: EraseTarget::Conversation(conversation) }),
        19 => return office(log, dice, whom),
        20 => return time(log, dice, whom),
        21 | 22 => return law(log, dice, (whom, conversation, some)),
        _ => return log.log_in_with(who, dice.below(2) == 0).map(|_| ()),
    };
    log.act(who, act).map(|_| ())
}

fn law(
    log: &mut TestLog,
    dice: &mut Dice,
    (whom, conversation, some): (&str, ConversationId, u64),
) -> Result<(), Refusal> {
    let order = Order { number: "1".into(), ground: Ground::Other };
    let target = match dice.below(4) {
        0 => EraseTarget::Conversation(conversation),
        _ => EraseTarget::Messages(conversation, vec![some]),
    };
    let proposals: Vec<u64> = log.register.orders().map(|(index, _)| index).chain([9]).collect();
    let holds: Vec<u64> = log.register.holds().map(|(index, _)| index).chain([9]).collect();
    let dual = match dice.below(9) {
        // The clock was ahead for a while, by hours or by days.
        8 => {
            let back_ms = 3_600_000 * dice.below(24 * 6) as u64;
            let act = canonical::encode(&DualAct::SetClock(log.now_ms.saturating_sub(back_ms))).into();
            log.act("olga", Act::Propose(Propose { act }))?;
            let proposal = log.tree.size() - 1;
            log.act("oleg", Act::Approve(Approve { proposal }))?;
            log.now_ms = log.register.floor_ms();
            return Ok(());
        }
        0 | 1 => {
            let scope = match dice.below(3) {
                0 => HoldScope::Person(log.id(whom)),
                1 => HoldScope::Conversation(conversation),
                _ => HoldScope::Messages(conversation, vec![some]),
            };
            let end_ms = log.now_ms + 3_600_000 * dice.below(24 * 30) as u64;
            return log.act("olga", Act::Hold(Hold { scope, order, end_ms })).map(|_| ());
        }
        2 => return log.act(whom, Act::Object(Object { proposal: *dice.one(&proposals) })).map(|_| ()),
        3 => return log.act("olga", Act::Withdraw(Withdraw { proposal: *dice.one(&proposals) })).map(|_| ()),
        4 => DualAct::LiftHold(*dice.one(&holds)),
        5 => {
            let stopped = log.register.orders().find(|(_, row)| row.state.is_stopped());
            match stopped.map(|(index, row)| (index, row.order.target.clone())) {
                Some((index, target)) => DualAct::Erase(EraseOrder { target, order, confirms: Some(index) }),
                None => DualAct::Erase(EraseOrder { target, order, confirms: None }),
            }
        }
        _ => DualAct::Erase(EraseOrder { target, order, confirms: None }),
    };
    let act = canonical::encode(&dual).into();
    log.act("olga", Act::Propose(Propose { act }))?;
    let proposal = log.tree.size() - 1;
    log.act("oleg", Act::Approve(Approve { proposal })).map(|_| ())
}

fn office(log: &mut TestLog, dice: &mut Dice, whom: &str) -> Result<(), Refusal> {
    let person = log.id(whom);
    let chain = log.register.chain_of(person).map_or(crate::ids::Chain::ZERO, |live| live.chain);
    let act = match dice.below(8) {
        0 => Act::Suspend(Suspend { person }),
        1 | 2 => Act::Resume(Resume { person }),
        3 => Act::Unlock(Unlock { person }),
        4 => Act::EndSession(EndSession { person, chain }),
        5 => {
            let clearance = Clearance(1 + dice.below(4) as u8);
            let renewal = log.site.issue(whom, &Described::new(Role::Operator, clearance));
            return log.submit("oleg", vec![Act::Enrol(renewal)]).map(|_| ());
        }
        6 if dice.below(12) == 0 => {
            Act::Revoke(Revoke { person, reason: RevokeReason::Unspecified, note: String::new() })
        }
        _ => return log.act(whom, Act::Logout(Logout {})).map(|_| ()),
    };
    log.act("olga", act).map(|_| ())
}

fn time(log: &mut TestLog, dice: &mut Dice, whom: &str) -> Result<(), Refusal> {
    let person = log.id(whom);
    let certificate = log.site.person(whom).signature_certificate.id();
    let through = log.tree.size() - 1;
    let fact = match dice.below(6) {
        0 => {
            log.wait_ms(Policy::standard().reservation_ms);
            Fact::Tick(Tick {})
        }
        1 => Fact::Erased(Erased { epoch: log.register.erasure_epoch() + 1, through }),
        2 => {
            Fact::FailedLogin(FailedLogin { person, certificate, failure: LoginFailure::Password, count: 3 })
        }
        3 => match log.register.chain_of(person) {
            Some(live) => Fact::SessionEnd(SessionEnd { chain: live.chain, reason: EndReason::Idle }),
            None => return Ok(()),
        },
        4 => log.period_end(),
        _ => {
            log.fact(Fact::Stop(Stop {}))?;
            log.start()?;
            for login in ["olga", "oleg", "anna", "boris", "vera"] {
                // Who is revoked, suspended or locked stays outside.
                let _ = log.log_in(login);
            }
            return Ok(());
        }
    };
    let ends = matches!(fact, Fact::PeriodEnd(_));
    log.fact(fact)?;
    if ends {
        let next = log.register.period().map_or(0, |period| period.number + 1);
        let roll = log.key_roll(next);
        log.fact(roll)?;
    }
    Ok(())
}

/// What a person does after some refusals, so that histories go on.
fn recover(log: &mut TestLog, refusal: &Refusal) {
    if matches!(refusal, Refusal::DeadlinePassed { .. }) {
        log.fact(Fact::Tick(Tick {})).expect("a deadline passed");
    }
    if matches!(refusal, Refusal::ChainEnded) {
        for login in OPERATORS {
            // Who has a session, is revoked, suspended or locked is refused.
            let _ = log.log_in(login);
        }
    }
}

/// What holds in every state that can be reached.
fn check_sense(register: &Register) {
    let mut stored = BTreeMap::new();
    for row in register.conversations() {
        for (person, bytes) in &row.stored {
            *stored.entry(*person).or_insert(0) += bytes;
        }
        let members = row.membership.members();
        for person in members.keys() {
            let person = register.person(*person).expect("members are known");
            assert!(person.revoked.is_none() && person.clearance >= row.membership.ceiling());
        }
        if let Some(owner) = row.membership.owner() {
            assert_eq!(members[&owner].standing, Standing::Joined);
            assert_eq!(row.membership.kind(), ConversationKind::Group);
        }
        assert!(!members.is_empty() || row.closed.is_some());
        assert!(row.cursors.keys().all(|person| members.contains_key(person)));
        assert!(row.erased.is_none() || row.stored.is_empty());
        assert_eq!(register.recipients(row.number).len(), members.len());
    }
    for person in register.people() {
        assert_eq!(
            person.stored_bytes,
            stored.get(&person.id).copied().unwrap_or(0),
            "bytes of {}",
            person.login
        );
        let open = register.reservations.values().filter(|row| row.person == person.id).count();
        assert_eq!(person.reservations as usize, open);
        let lives = register.chain_of(person.id).is_some();
        assert!(!lives || (person.revoked.is_none() && person.suspended.is_none()));
    }
    for person in register.people() {
        let concerns = |row: &OrderRow| {
            let found = register.conversation(row.order.target.conversation()).expect("it was ordered");
            found.membership.members().contains_key(&person.id)
                || register.may_object(person.id, &row.order.target)
        };
        let all: Vec<u64> =
            register.orders().rev().filter(|(_, row)| concerns(row)).map(|one| one.0).collect();
        let found: Vec<u64> = register.orders_concerning(person.id, u64::MAX).map(|one| one.0).collect();
        assert_eq!(found, all, "orders that concern {}", person.login);
    }
    let counting = |row: &&OrderRow| matches!(row.state, OrderState::Counting(_));
    let orders = register.orders.values().filter(counting).count();
    let deadlines = register.reservations.len() + register.proposals.len() + orders + register.holds.len();
    assert_eq!(register.derived.deadlines.len() + register.derived.running.len(), deadlines);
}

/// Messages that are there and that a hold keeps.
fn kept(register: &Register) -> Vec<(ConversationId, u64)> {
    let rows = register.messages_within(0..u64::MAX).filter(|row| !row.erased);
    let named = rows.map(|row| {
        let found = register.conversation_by_number(row.conversation).expect("a message of it");
        (found.membership.id(), row.index)
    });
    named.filter(|one| is_kept(register, one)).collect()
}

fn is_kept(register: &Register, (conversation, index): &(ConversationId, u64)) -> bool {
    register.holding(&EraseTarget::Messages(*conversation, vec![*index])).is_some()
}

#[test]
fn any_history_leads_to_a_state_that_makes_sense() {
    let (mut admitted, mut refused) = (0, BTreeMap::new());
    for seed in 0..SEEDS {
        println!("seed {seed}");
        let mut log = TestLog::with_policy(seed, Suite::Ed25519, Policy::standard());
        let mut dice = Dice(seed);
        log.talking("anna", &["boris", "vera"]);
        log.talking("boris", &["vera"]);
        for number in 0..STEPS {
            log.wait_ms(dice.below(30_000) as u64);
            let kept = kept(&log.register);
            match step(&mut log, &mut dice) {
                Ok(()) => admitted += 1,
                Err(refusal) => {
                    *refused.entry(refusal.code()).or_insert(0) += 1;
                    recover(&mut log, &refusal);
                }
            }
            check_sense(&log.register);
            for one in kept.iter().filter(|one| is_kept(&log.register, one)) {
                assert!(!log.register.message(one.1).expect("it was there").erased, "held: {one:?}");
            }
            if number % 40 == 0 {
                let restored = Register::restore(&log.register.snapshot()).expect("our own snapshot");
                assert!(restored == log.register, "what is derived differs");
                log.register = restored;
            }
        }
        let mut replay = Replay::new(None);
        for bytes in &log.entries {
            replay.feed(bytes).expect("what was admitted replays");
        }
        assert!(replay.register() == &log.register, "the replay differs");
    }
    // The dice must reach the rules, not only their doors.
    assert!(admitted > 1000 && refused.len() > 20, "{admitted} admitted, refusals: {refused:?}");
}
