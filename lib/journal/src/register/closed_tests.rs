use crate::act::{
    Act, Approve, BadWrap, ConversationKind, DualAct, Erase, EraseTarget, Export, Ground, Hold, HoldScope,
    Leave, Order, Propose, Purpose, Read, Successor, Title,
};
use crate::fact::{Erased, Fact, Stop};
use crate::ids::{Commitment, LogId};
use crate::policy::Policy;
use crate::register::Register;
use crate::replay::Replay;
use crate::retention::{Retention, RetentionRule};
use crate::testing::{Described, TestLog};
use crate::{Refusal, act::SizeClass};
use pki::{Clearance, Role, Suite, canonical};

const NEXT: Successor = Successor { log: LogId([0x5c; 32]), suite: Suite::EcdsaP256 };

fn is_closed<T: std::fmt::Debug>(refused: Result<T, Refusal>, log: &TestLog) -> bool {
    let index = log.register.closed().expect("it is closed").index;
    matches!(refused, Err(Refusal::LogClosed { index: at, successor }) if at == index && successor == NEXT.log)
}

#[test]
fn two_officers_close_the_log_and_one_alone_does_not() {
    let mut log = TestLog::standard(81);
    let propose = |act: &DualAct| Act::Propose(Propose { act: canonical::encode(act).into() });
    let itself = DualAct::Close(Successor { log: log.register.log_id(), ..NEXT });
    assert!(matches!(log.act("olga", propose(&itself)), Err(Refusal::BadProposal { .. })));
    assert_eq!(log.act("anna", propose(&DualAct::Close(NEXT))), Err(Refusal::WrongRole));
    log.act("olga", propose(&DualAct::Close(NEXT))).unwrap();
    let proposal = log.tree.size() - 1;
    assert_eq!(log.act("olga", Act::Approve(Approve { proposal })), Err(Refusal::SecondPersonNeeded));
    assert_eq!(log.register.closed(), None);
    let before = log.register.digest();
    log.act("oleg", Act::Approve(Approve { proposal })).unwrap();
    let closed = *log.register.closed().expect("it is closed");
    assert_eq!((closed.index, closed.at_ms, closed.successor), (log.tree.size() - 1, log.now_ms, NEXT));
    assert_ne!(log.register.digest(), before);
    let restored = Register::restore(&log.register.snapshot()).unwrap();
    assert_eq!(restored.closed(), Some(&closed), "a start finds it in the snapshot");
    let other = DualAct::Close(Successor { log: LogId([7; 32]), ..NEXT });
    let again = log.act("olga", propose(&other));
    assert!(is_closed(again, &log), "there is one successor");
}

#[test]
fn a_close_that_was_proposed_before_another_one_closes_nothing() {
    let mut log = TestLog::standard(82);
    let other = DualAct::Close(Successor { log: LogId([7; 32]), ..NEXT });
    log.act("olga", Act::Propose(Propose { act: canonical::encode(&other).into() })).unwrap();
    let proposal = log.tree.size() - 1;
    log.of_two(&DualAct::Close(NEXT)).unwrap();
    let late = log.act("oleg", Act::Approve(Approve { proposal }));
    assert!(is_closed(late, &log));
}

#[test]
fn a_closed_log_is_read_and_erased_and_nothing_more_is_said() {
    let mut log = TestLog::standard(83);
    let chat = log.talking("anna", &["boris"]);
    let group = log.create_as("anna", &["boris"], ConversationKind::Group, Clearance(2)).unwrap();
    let (first, second) = (log.send("anna", chat).unwrap(), log.send("boris", chat).unwrap());
    log.of_two(&DualAct::Close(NEXT)).unwrap();

    let said = log.send("anna", chat);
    assert!(is_closed(said, &log));
    let founded = log.create("vera", &["boris"]);
    assert!(is_closed(founded, &log));
    let uploaded = log.reserve("anna", chat, Purpose::File, 2).map(drop);
    assert!(is_closed(uploaded, &log));
    let epoch = log.epoch("anna", chat);
    assert!(is_closed(epoch, &log));
    let title = Title { conversation: chat, epoch: 1, commitment: Commitment([4; 32]), size: SizeClass(8) };
    let titled = log.act("anna", Act::Title(title));
    assert!(is_closed(titled, &log));

    log.act("boris", Act::Read(Read { conversation: chat, up_to: first })).expect("reading goes on");
    log.act("boris", Act::BadWrap(BadWrap { conversation: chat, epoch: 1 })).expect("a complaint too");
    let target = EraseTarget::Messages(chat, vec![second]);
    log.act("boris", Act::Erase(Erase { target })).expect("erasing goes on");
    let through = log.tree.size() - 1;
    log.fact(Fact::Erased(Erased { epoch: 1, through })).expect("and takes effect");
    let hold = Hold {
        scope: HoldScope::Messages(chat, vec![first]),
        order: Order { number: "7".into(), ground: Ground::Court },
        end_ms: log.now_ms + 86_400_000,
    };
    log.act("olga", Act::Hold(hold)).expect("a court's hold too");
    let lift = DualAct::LiftHold(log.tree.size() - 1);
    log.of_two(&lift).expect("acts of two");
    log.act("igor", Act::Export(Export { from: 0, to: first })).expect("an auditor's export");
    log.log_in_with("boris", true).expect("people come in");
    log.accept("boris", group).expect("who was invited before");
    log.act("boris", Act::Leave(Leave { conversation: group })).expect("and go");
    let (end, at_rest) = (log.period_end(), Fact::Stop(Stop {}));
    log.fact(end).expect("periods end");
    let roll = log.key_roll(1);
    log.fact(roll).expect("keys roll");
    log.fact(at_rest).unwrap();
    log.start().expect("it starts again");
    log.log_in("anna").unwrap();
    let said = log.send("anna", chat);
    assert!(is_closed(said, &log), "over a start, too");

    let mut replay = Replay::new(Some(log.register.log_id()));
    log.entries.iter().for_each(|entry| drop(replay.feed(entry).unwrap()));
    assert_eq!(replay.register(), &log.register);
}

#[test]
fn retention_goes_on_in_a_closed_log() {
    let rules = vec![RetentionRule { kind: None, label: None, keep_days: 2 }];
    let policy = Policy { retention: Retention { rules, minute: 180 }, ..Policy::standard() };
    let mut log = TestLog::with_policy(84, Suite::Ed25519, policy);
    let chat = log.talking("anna", &["boris"]);
    log.send("anna", chat).unwrap();
    log.of_two(&DualAct::Close(NEXT)).unwrap();
    log.wait_ms(4 * 86_400_000);
    while log.register.next_deadline_ms().is_some_and(|deadline| deadline <= log.now_ms) {
        log.fact(Fact::Tick(crate::fact::Tick {})).unwrap();
    }
    if let Some(due_ms) = log.register.retention_missed(log.now_ms, log.boot_ms) {
        let evidence = canonical::encode(&due_ms).into();
        let alarm = crate::fact::AlarmKind::RetentionMissed;
        log.fact(Fact::Alarm(crate::fact::Alarm { alarm, person: None, evidence })).unwrap();
    }
    let run = log.register.retention_due(log.now_ms, log.boot_ms).expect("a run is due");
    assert_eq!(run.counts, [1]);
    log.fact(Fact::RetentionRun(run)).unwrap();
}

#[test]
fn the_authority_s_chain_goes_on_and_brings_no_new_correspondent() {
    let mut log = TestLog::standard(85);
    log.of_two(&DualAct::Close(NEXT)).unwrap();
    let described = |role| Described::new(role, Clearance(2));
    let gleb = log.site.issue("gleb", &described(Role::Operator));
    let pavel = log.site.issue("pavel", &described(Role::Officer));
    let renewed = log.site.issue("boris", &described(Role::Operator));
    let boris = log.site.person("boris").signature_certificate.id();
    log.submit("olga", vec![Act::Enrol(gleb), Act::Enrol(pavel), Act::Enrol(renewed)])
        .expect("what the authority signed in order is never kept out");
    assert!(log.register.person_by_login("gleb").is_none(), "a new correspondent has no effect");
    assert!(log.register.person_by_login("pavel").is_some(), "an officer looks after what is kept");
    assert!(log.register.key_of(boris).is_some(), "a certificate is renewed");
    let list = crate::register::people::tests::crl(&log, 1, &["vera"]);
    log.submit("olga", vec![list]).expect("and revoked");
    assert!(log.log_in_with("vera", true).is_err());
}
