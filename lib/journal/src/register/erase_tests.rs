//! Stories of erasure, of the server's claims, of policy and of time.
use crate::act::{
    Acknowledge, Act, Approve, Backup, DualAct, Erase, EraseTarget, Export, Message, Propose, Purpose,
    Resume, Revoke, RevokeReason, Suspend, Withdraw,
};
use crate::fact::{Alarm, AlarmKind, ClockStep, Erased, Fact, KeyRoll, PeriodEnd, Start, Tick};
use crate::ids::{ConversationId, Index, Place};
use crate::policy::PrivateErase;
use crate::register::{Audience, Effect, ErasePlace};
use crate::testing::{Described, TestLog};
use crate::{Policy, Refusal};
use pki::{Clearance, Role, Suite, canonical};

fn messages(conversation: ConversationId, indices: &[Index]) -> Act {
    Act::Erase(Erase { target: EraseTarget::Messages(conversation, indices.to_vec()) })
}

fn whole(conversation: ConversationId) -> Act {
    Act::Erase(Erase { target: EraseTarget::Conversation(conversation) })
}

fn is_bad_fact(outcome: Result<crate::Applied, Refusal>) -> bool {
    matches!(outcome, Err(Refusal::BadFact { .. }))
}

#[test]
fn an_author_erases_his_own_message_and_gets_his_room_back() {
    let mut log = TestLog::standard(1);
    let chat = log.talking("anna", &["boris"]);
    let index = log.send("anna", chat).unwrap();
    let stored = |log: &TestLog| log.register.person(log.id("anna")).unwrap().stored_bytes;
    let before = stored(&log);
    assert_eq!(log.act("boris", messages(chat, &[index])), Err(Refusal::NoRightToErase));
    assert!(matches!(log.act("vera", messages(chat, &[index])), Err(Refusal::NotAMember { .. })));
    assert!(matches!(log.act("anna", messages(chat, &[index, index])), Err(Refusal::NoSuchMessage { .. })));
    let applied = log.act("anna", messages(chat, &[index])).unwrap();
    let row = log.register.message(index).unwrap();
    assert!(row.erased);
    let place = Place { conversation: row.conversation, item: row.item };
    let asked = log.tree.size() - 1;
    assert_eq!(
        applied.effects,
        [Effect::EraseIntended { index: asked, what: vec![ErasePlace::Item(place)] }]
    );
    assert_eq!(stored(&log), before - 256);
    assert_eq!(log.act("anna", messages(chat, &[index])), Err(Refusal::AlreadyErased { index }));
}

#[test]
fn policy_may_keep_authors_and_sides_from_erasing() {
    let policy = Policy { author_erases: false, private_erase: PrivateErase::Officers, ..Policy::standard() };
    let mut log = TestLog::with_policy(2, Suite::Ed25519, policy);
    let chat = log.talking("anna", &["boris"]);
    let index = log.send("anna", chat).unwrap();
    assert_eq!(log.act("anna", messages(chat, &[index])), Err(Refusal::NoRightToErase));
    assert_eq!(log.act("anna", whole(chat)), Err(Refusal::NoRightToErase));
}

#[test]
fn either_side_erases_a_private_conversation_and_only_the_owner_a_group() {
    let mut log = TestLog::standard(3);
    let (chat, group) = (log.talking("anna", &["boris"]), log.talking("anna", &["boris", "vera"]));
    let index = log.send("anna", chat).unwrap();
    log.reserve("anna", chat, Purpose::File, 3).unwrap();
    let in_group = log.send("boris", group).unwrap();
    assert_eq!(log.act("boris", whole(group)), Err(Refusal::NoRightToErase));
    log.act("anna", messages(group, &[in_group])).expect("the owner may take any message");
    let applied = log.act("boris", whole(chat)).unwrap();
    let number = log.register.conversation(chat).unwrap().number;
    let asked = log.tree.size() - 1;
    let intent = Effect::EraseIntended { index: asked, what: vec![ErasePlace::Conversation(number)] };
    assert!(applied.effects.contains(&intent));
    assert!(applied.effects.iter().any(|effect| matches!(effect, Effect::ReservationDropped { .. })));
    assert!(log.register.message(index).unwrap().erased);
    assert_eq!(log.act("anna", whole(chat)), Err(Refusal::AlreadyErased { index: asked }));
    assert_eq!(log.send("anna", chat), Err(Refusal::ConversationClosed { index: asked }));
    let again = log.create("boris", &["anna"]).expect("a new one may begin");
    assert_ne!(again, chat);
    log.act("anna", whole(group)).unwrap();
    assert_eq!(log.register.person(log.id("anna")).unwrap().stored_bytes, 0);
    assert_eq!(log.register.next_deadline_ms(), None);
}

#[test]
fn erased_claims_only_what_was_asked_and_ever_later_epochs() {
    let mut log = TestLog::standard(4);
    let chat = log.talking("anna", &["boris"]);
    let index = log.send("anna", chat).unwrap();
    log.act("anna", messages(chat, &[index])).unwrap();
    let asked = log.tree.size() - 1;
    log.act("anna", whole(chat)).unwrap();
    let erased = |epoch, through| Fact::Erased(Erased { epoch, through });
    assert!(is_bad_fact(log.fact(erased(0, asked))));
    assert!(is_bad_fact(log.fact(erased(1, asked + 2))));
    let applied = log.fact(erased(1, asked)).unwrap();
    assert_eq!((applied.audience, log.register.erasures_pending().count()), (Audience::Everyone, 1));
    assert!(is_bad_fact(log.fact(erased(1, asked + 1))));
    log.fact(erased(2, asked + 1)).unwrap();
    assert_eq!((log.register.erasures_pending().count(), log.register.erasure_epoch()), (0, 2));
}

fn propose(policy: &Policy) -> Act {
    Act::Propose(Propose { act: canonical::encode(&DualAct::Policy(policy.clone())).into() })
}

#[test]
fn an_approval_lies_behind_what_it_approves_and_an_acknowledgement_behind_what_it_acknowledges() {
    let mut log = TestLog::standard(12);
    let chat = log.talking("anna", &["boris"]);
    let policy = Policy { file_save: false, ..Policy::standard() };
    let size = log.tree.size();
    let before = log.head();
    log.act("olga", propose(&policy)).unwrap();
    let mut approve = log.draft("oleg", Act::Approve(Approve { proposal: size }));
    approve.header.head = before;
    assert_eq!(log.say("oleg", approve), Err(Refusal::NotCovered { index: size, size }));
    let (after, index) = (log.head(), log.tree.size());
    let message = Message { must_acknowledge: true, ..log.message(chat) };
    log.act("anna", Act::Message(message)).unwrap();
    let mut acknowledge = log.draft("boris", Act::Acknowledge(Acknowledge { message: index }));
    acknowledge.header.head = after;
    assert_eq!(log.say("boris", acknowledge), Err(Refusal::NotCovered { index, size: index }));
    let mut approve = log.draft("oleg", Act::Approve(Approve { proposal: size }));
    approve.header.head = after;
    log.say("oleg", approve).expect("the head right behind it covers it");
    log.act("boris", Act::Acknowledge(Acknowledge { message: index })).unwrap();
}

#[test]
fn a_fallen_officers_proposal_counts_no_more() {
    let policy = Policy { file_save: false, ..Policy::standard() };
    let soon = crate::testing::FOUNDED_MS + 3_600_000;
    for (number, end) in [(13, End::Suspended), (14, End::Revoked), (15, End::Expired)] {
        let mut log = TestLog::standard(number);
        let mut described = Described::new(Role::Officer, Clearance(3));
        if matches!(end, End::Expired) {
            described.valid_ms.1 = soon;
        }
        log.third_officer("pavel", &described);
        log.act("pavel", propose(&policy)).unwrap();
        let proposal = log.tree.size() - 1;
        let person = log.id("pavel");
        match end {
            End::Suspended => drop(log.act("olga", Act::Suspend(Suspend { person })).unwrap()),
            End::Revoked => {
                let (reason, note) = (RevokeReason::KeyCompromise, String::new());
                log.act("olga", Act::Revoke(Revoke { person, reason, note })).unwrap();
            }
            End::Expired => log.wait_ms(soon + 1000 - log.now_ms),
        }
        let approve = || Act::Approve(Approve { proposal });
        assert_eq!(log.act("oleg", approve()), Err(Refusal::NoSuchProposal { proposal }), "{end:?}");
        assert_eq!(log.register.policy(), Some(&Policy::standard()));
        if matches!(end, End::Suspended) {
            log.act("olga", Act::Resume(Resume { person })).unwrap();
            log.act("oleg", approve()).expect("he stands again");
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum End {
    Suspended,
    Revoked,
    Expired,
}

#[test]
fn policy_changes_by_two_officers() {
    let mut log = TestLog::standard(5);
    let policy = Policy { author_erases: false, ..Policy::standard() };
    let propose = |act: DualAct| Act::Propose(Propose { act: canonical::encode(&act).into() });
    let good = propose(DualAct::Policy(policy.clone()));
    assert_eq!(log.act("anna", good.clone()), Err(Refusal::WrongRole));
    assert!(matches!(
        log.act("olga", Act::Propose(Propose { act: vec![0].into() })),
        Err(Refusal::BadProposal { .. })
    ));
    let newer = Policy { rules: crate::RULES + 1, ..policy.clone() };
    let rules = crate::RULES + 1;
    assert_eq!(log.act("olga", propose(DualAct::Policy(newer))), Err(Refusal::NewerRules { rules }));
    let same = propose(DualAct::Policy(Policy::standard()));
    assert_eq!(log.act("olga", same), Err(Refusal::Unchanged));
    log.act("olga", good.clone()).unwrap();
    let proposal = log.tree.size() - 1;
    let missing = Err(Refusal::NoSuchProposal { proposal });
    assert_eq!(log.act("oleg", Act::Withdraw(Withdraw { proposal })), missing);
    log.act("olga", Act::Withdraw(Withdraw { proposal })).unwrap();
    assert_eq!(log.act("oleg", Act::Approve(Approve { proposal })), missing);
    log.act("olga", good.clone()).unwrap();
    let proposal = log.tree.size() - 1;
    assert_eq!(log.act("oleg", Act::Approve(Approve { proposal })).unwrap().effects, [Effect::PolicyChanged]);
    assert_eq!(log.register.policy(), Some(&policy));
    assert_eq!(log.register.site().unwrap().policy_index, log.tree.size() - 1);
}

#[test]
fn a_proposal_lapses() {
    let mut log = TestLog::standard(6);
    let policy = Policy { file_save: false, ..Policy::standard() };
    log.act("olga", propose(&policy)).unwrap();
    let proposal = log.tree.size() - 1;
    log.wait_ms(policy.proposal_ms);
    let deadline_ms = log.register.next_deadline_ms().unwrap();
    let late = log.act("oleg", Act::Approve(Approve { proposal }));
    assert_eq!(late, Err(Refusal::DeadlinePassed { deadline_ms }));
    assert_eq!(log.fact(Fact::Tick(Tick {})).unwrap().effects, [Effect::ProposalLapsed { proposal }]);
    assert_eq!(log.register.proposals().count(), 0);
}

#[test]
fn an_auditor_takes_out_what_there_is() {
    let mut log = TestLog::standard(7);
    let size = log.tree.size();
    let export = |from, to| Act::Export(Export { from, to });
    assert_eq!(log.act("olga", export(0, 5)), Err(Refusal::WrongRole));
    assert_eq!(log.act("igor", export(0, size + 1)), Err(Refusal::NoSuchRange { size }));
    assert_eq!(log.act("igor", export(5, 5)), Err(Refusal::NoSuchRange { size }));
    log.act("igor", export(0, size)).unwrap();
}

#[test]
fn an_administrator_says_which_backup_he_took_and_it_is_of_this_log() {
    let mut log = TestLog::standard(7);
    let (size, root) = (log.tree.size(), log.tree.root());
    let good = Backup { batch: 3, epoch: 1, size, root, manifest: [5; 32] };
    for login in ["olga", "igor", "anna"] {
        assert_eq!(log.act(login, Act::Backup(good)), Err(Refusal::WrongRole), "{login}");
    }
    for bad in [
        Backup { root: [1; 32], ..good },
        Backup { size: size - 1, ..good },
        Backup { size: size + 1, ..good },
        Backup { size: 0, root: crate::tree::empty_root(), ..good },
    ] {
        assert_eq!(log.act("adam", Act::Backup(bad)), Err(Refusal::WrongHead { size: bad.size }));
    }
    log.act("adam", Act::Backup(good)).unwrap();
}

#[test]
fn periods_follow_each_other_and_count_what_happened() {
    let mut log = TestLog::standard(8);
    let roll = log.key_roll(1);
    assert!(is_bad_fact(log.fact(roll)), "period 0 has not ended");
    log.period_key =
        pki::SecretKey::from_bytes(Suite::Ed25519, &crate::testing::seed(8, "period/0")).unwrap();
    let Fact::PeriodEnd(good) = log.period_end() else { unreachable!() };
    let mut counts = good.counts.clone();
    counts[0].count += 1;
    for bad in [
        PeriodEnd { period: 1, ..good.clone() },
        PeriodEnd { counts, ..good.clone() },
        PeriodEnd { snapshot: [0; 32], ..good.clone() },
    ] {
        assert!(is_bad_fact(log.fact(Fact::PeriodEnd(bad))));
    }
    log.fact(Fact::PeriodEnd(good.clone())).unwrap();
    assert!(is_bad_fact(log.fact(Fact::PeriodEnd(good))));
    assert_eq!(log.register.counts(), []);
    let Fact::KeyRoll(good) = log.key_roll(1) else { unreachable!() };
    let mut signature = good.signature.clone();
    signature[3] ^= 1;
    for bad in [
        KeyRoll { period: 2, ..good.clone() },
        KeyRoll { signature, ..good.clone() },
        KeyRoll { suite: Suite::EcdsaP256, ..good.clone() },
        KeyRoll { key: vec![1].into(), ..good.clone() },
    ] {
        assert!(is_bad_fact(log.fact(Fact::KeyRoll(bad))));
    }
    let applied = log.fact(Fact::KeyRoll(good)).unwrap();
    let index = log.tree.size() - 1;
    let what = vec![ErasePlace::Item(Place { conversation: crate::ids::SECRETS_CONVERSATION, item: 0 })];
    let intended = Effect::EraseIntended { index, what: what.clone() };
    assert_eq!(applied.effects, [Effect::PeriodBegan { period: 1 }, intended]);
    assert_eq!(log.register.erasures_pending().collect::<Vec<_>>(), [(index, &what[..])]);
    log.fact(Fact::Erased(Erased { epoch: 1, through: index })).unwrap();
    assert_eq!(log.register.erasures_pending().count(), 0, "the secret of period 0 is gone");
}

#[test]
fn time_never_runs_back() {
    let mut log = TestLog::standard(9);
    let floor_ms = log.now_ms;
    log.now_ms -= 1;
    assert_eq!(log.create("anna", &["boris"]), Err(Refusal::TimeRunsBack { floor_ms }));
    log.now_ms += 1;
    log.boot_ms -= 1;
    let boot_floor_ms = log.boot_ms + 1;
    assert_eq!(log.create("anna", &["boris"]), Err(Refusal::TimeRunsBack { floor_ms: boot_floor_ms }));
    log.start().expect("another boot counts from nought");
    log.fact(Fact::ClockStep(ClockStep { expected_ms: 1, found_ms: 2 })).unwrap();
}

#[test]
fn a_start_names_rules_and_erasures_that_fit() {
    let mut log = TestLog::standard(10);
    log.fact(Fact::Erased(Erased { epoch: 4, through: 0 })).unwrap();
    let start = |rules, erasure_epoch| {
        let (boot_id, version, cell) = ([1; 16], "test".into(), crate::fact::CellKind::File);
        Fact::Start(Start { boot_id, rules, version, cell, erasure_epoch, set_aside_bytes: 0 })
    };
    let rules = crate::RULES + 1;
    assert_eq!(log.fact(start(rules, 4)), Err(Refusal::NewerRules { rules }));
    assert!(is_bad_fact(log.fact(start(0, 4))));
    assert!(is_bad_fact(log.fact(start(crate::RULES, 3))));
    log.fact(start(crate::RULES, 5)).expect("a crash between the cell and the Fact");
}

#[test]
fn nothing_stands_before_a_genesis_or_out_of_its_index() {
    use crate::register::{Candidate, CandidateContent, Register};
    let tick = Fact::Tick(Tick {});
    let content = CandidateContent::Fact(&tick);
    let mut candidate = Candidate { index: 0, leaf: [0; 32], wall_ms: 0, boot_ms: 0, content };
    let mut register = Register::new();
    assert_eq!(register.apply(&candidate, &|_| None), Err(Refusal::WrongLog));
    candidate.index = 1;
    assert_eq!(register.apply(&candidate, &|_| None), Err(Refusal::WrongIndex { expected: 0 }));
    assert_eq!(register, Register::new());
}

#[test]
fn alarms_are_kept_with_their_evidence() {
    let mut log = TestLog::standard(11);
    let alarm = |bytes: usize| {
        let (alarm, person) = (AlarmKind::Equivocation, Some(pki::PersonId(3)));
        Fact::Alarm(Alarm { alarm, person, evidence: vec![7; bytes].into() })
    };
    assert!(is_bad_fact(log.fact(alarm(crate::register::EVIDENCE_BYTES_MAX + 1))));
    assert_eq!(log.fact(alarm(100)).unwrap().audience, Audience::Officers);
}
