//! The golden log of rules version 1, in `tests/golden/rules-1.log`: some hundreds of entries of every kind, and the
//! state they lead to. Never changes once written: these rules must judge these entries alike for ever.
//!
//! One entry a line, hex; the last line holds the root and the digest of the snapshot. Its writer is `write_golden`
//! below; it is run once for a rules version, and the file is kept even when the writer would now write another one.

use crate::act::*;
use crate::entry::Content;
use crate::fact::*;
use crate::ids::{Commitment, ConversationId, Index, LogId};
use crate::policy::Policy;
use crate::replay::{Replay, Verdict};
use crate::retention::{Retention, RetentionRule};
use crate::testing::{Described, TestLog};
use pki::profile::{self, Authority, Validity};
use pki::{CertTime, Clearance, Reason, Role, Suite, canonical};

const FILE: &str = include_str!("../tests/golden/rules-1.log");
/// A log that continues another one and was closed itself.
const LINKED: &str = include_str!("../tests/golden/rules-1-linked.log");

/// Replays a file and holds its end to what comes out.
fn judged(file: &str) -> Verdict {
    let mut replay = Replay::new(None);
    let mut end = None;
    for line in file.lines() {
        match line.strip_prefix("end ") {
            Some(rest) => end = Some(rest),
            None => {
                replay.feed(&hex::decode(line).expect("hex")).expect("an entry that stands");
            }
        }
    }
    let verdict = replay.verdict();
    let found = format!("{} {}", hex::encode(verdict.head.root), hex::encode(verdict.state));
    assert_eq!(end, Some(&found[..]));
    let restored = crate::Register::restore(&replay.register().snapshot()).expect("a snapshot");
    assert!(&restored == replay.register(), "what is derived differs");
    verdict
}

#[test]
fn rules_1_judge_the_golden_log_as_ever() {
    let (verdict, linked) = (judged(FILE), judged(LINKED));
    for (kind, name) in KINDS {
        assert!(verdict.kinds.contains_key(kind) || linked.kinds.contains_key(kind), "no {name}");
    }
    assert!((1001..=1011).all(|fact| verdict.kinds.contains_key(&fact)));
}

/// Small numbers that follow from each other.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn talk(log: &mut TestLog, dice: &mut Dice, members: &[&str], conversation: ConversationId, count: u32) {
    let mut sent: Vec<Index> = Vec::new();
    for _ in 0..count {
        log.wait_ms(dice.below(5_000));
        let by = members[dice.below(members.len() as u64) as usize];
        let mut message = log.message(conversation);
        message.label = Clearance(dice.below(4) as u8);
        message.size = SizeClass(8 + dice.below(5) as u8);
        message.must_acknowledge = dice.below(3) == 0;
        message.reference = sent.last().copied().filter(|_| dice.below(2) == 0);
        if dice.below(6) == 0 {
            let chunks = 1 + dice.below(4) as u32;
            let reservation = log.reserve(by, conversation, Purpose::File, chunks + 1).expect("room");
            message.file = Some(FileClaim { reservation, root: [6; 32], chunks });
        }
        let must_acknowledge = message.must_acknowledge;
        log.act(by, Act::Message(message)).expect("a message");
        let index = log.tree.size() - 1;
        sent.push(index);
        let reader = members[dice.below(members.len() as u64) as usize];
        if dice.below(3) == 0 {
            // Refused where the cursor stands there already: then nothing is written.
            let _ = log.act(reader, Act::Read(Read { conversation, up_to: index }));
        }
        if must_acknowledge && reader != by {
            log.act(reader, Act::Acknowledge(Acknowledge { message: index })).expect("asked for");
        }
    }
    let own = *sent.first().expect("some were sent");
    let author = log.register.message(own).expect("sent").author;
    let by = *members.iter().find(|login| log.id(login) == author).expect("a member wrote it");
    let target = EraseTarget::Messages(conversation, vec![own]);
    log.act(by, Act::Erase(Erase { target })).expect("one's own");
}

fn group_life(log: &mut TestLog, dice: &mut Dice) {
    let group = log.talking("anna", &["boris"]);
    talk(log, dice, &["anna", "boris"], group, 25);
    let group = log.create_as("anna", &["boris"], ConversationKind::Group, Clearance(3)).expect("a group");
    log.accept("boris", group).expect("an Accept");
    log.epoch("anna", group).expect("an epoch");
    let title = Title { conversation: group, epoch: 1, commitment: Commitment([4; 32]), size: SizeClass(8) };
    log.act("anna", Act::Title(title)).expect("a title");
    talk(log, dice, &["anna", "boris"], group, 20);
    let head = |log: &TestLog| log.register.conversation(group).expect("it is there").membership.head();
    let (membership, person) = (head(log), log.id("vera"));
    log.act("anna", Act::Invite(Invite { conversation: group, membership, person })).expect("an invitation");
    log.accept("vera", group).expect("an Accept");
    log.epoch("boris", group).expect("an epoch");
    let reservation = log.reserve("anna", group, Purpose::Wraps, 1).expect("room");
    let wraps = WrapClaim { reservation, root: [8; 32], count: 1 };
    let share = ShareHistory { conversation: group, person, from_epoch: 1, to_epoch: 1, wraps };
    log.act("anna", Act::ShareHistory(share)).expect("a share");
    log.act("vera", Act::BadWrap(BadWrap { conversation: group, epoch: 2 })).expect("a complaint");
    log.epoch("vera", group).expect("an epoch");
    talk(log, dice, &["anna", "boris", "vera"], group, 30);
    let (membership, person) = (head(log), log.id("boris"));
    log.act("anna", Act::HandOver(HandOver { conversation: group, membership, person }))
        .expect("a hand-over");
    let (membership, person) = (head(log), log.id("vera"));
    log.act("boris", Act::Remove(Remove { conversation: group, membership, person })).expect("a removal");
    log.act("anna", Act::Leave(Leave { conversation: group })).expect("a leave");
    let target = EraseTarget::Conversation(group);
    log.act("boris", Act::Erase(Erase { target })).expect("the owner's");
    let through = log.tree.size() - 1;
    log.fact(Fact::Erased(Erased { epoch: 1, through })).expect("erased");
}

fn office_life(log: &mut TestLog) {
    let person = log.id("vera");
    log.act("olga", Act::Suspend(Suspend { person })).expect("suspended");
    log.act("oleg", Act::Resume(Resume { person })).expect("resumed");
    let certificate = log.site.person("vera").signature_certificate.id();
    let wrong = FailedLogin { person, certificate, failure: LoginFailure::Password, count: 5 };
    log.fact(Fact::FailedLogin(wrong)).expect("wrong passwords");
    log.act("olga", Act::Unlock(Unlock { person })).expect("unlocked");
    log.log_in("vera").expect("a Login");
    let chain = log.register.chain_of(person).expect("it lives").chain;
    log.act("adam", Act::EndSession(EndSession { person, chain })).expect("ended");
    let propose = |policy: Policy| {
        let act = canonical::encode(&DualAct::Policy(policy));
        Act::Propose(Propose { act: act.into() })
    };
    let policy = Policy { wrong_passwords_max: 7, ..Policy::standard() };
    log.act("olga", propose(policy.clone())).expect("a proposal");
    let proposal = log.tree.size() - 1;
    log.act("oleg", Act::Approve(Approve { proposal })).expect("approved");
    log.act("olga", propose(Policy::standard())).expect("a proposal");
    let proposal = log.tree.size() - 1;
    log.act("olga", Act::Withdraw(Withdraw { proposal })).expect("withdrawn");
    log.act("olga", propose(Policy::standard())).expect("a proposal that lapses");
    log.wait_ms(policy.proposal_ms);
    log.fact(Fact::Tick(Tick {})).expect("a Tick");
    log.act("igor", Act::Export(Export { from: 0, to: 40 })).expect("an export");
    let (size, root) = (log.tree.size(), log.tree.root());
    log.act("adam", Act::Backup(Backup { batch: 70, epoch: 1, size, root, manifest: [7; 32] }))
        .expect("a backup");
}

fn law_life(log: &mut TestLog) {
    log.log_in("vera").expect("a Login");
    let chat = log.create_as("vera", &["boris"], ConversationKind::Group, Clearance(1)).expect("a group");
    log.accept("boris", chat).expect("an Accept");
    log.epoch("boris", chat).expect("an epoch");
    let sent: Vec<Index> = (0..3).map(|_| log.send("boris", chat).expect("a message")).collect();
    let order = |number: &str, ground| Order { number: number.into(), ground };
    let day = 24 * 3_600_000;
    let hold = Hold {
        scope: HoldScope::Messages(chat, vec![sent[0]]),
        order: order("7-a", Ground::Court),
        end_ms: log.now_ms + 20 * day,
    };
    log.act("olga", Act::Hold(hold.clone())).expect("a hold");
    let lifted = log.tree.size() - 1;
    let person = Hold { scope: HoldScope::Person(log.id("vera")), ..hold };
    log.act("oleg", Act::Hold(person)).expect("a hold");
    let two = |log: &mut TestLog, act: DualAct| {
        let act = canonical::encode(&act).into();
        log.act("olga", Act::Propose(Propose { act })).expect("a proposal");
        let proposal = log.tree.size() - 1;
        log.act("oleg", Act::Approve(Approve { proposal })).expect("approved");
        proposal
    };
    let erase =
        |target, confirms| DualAct::Erase(EraseOrder { target, order: order("12", Ground::Spill), confirms });
    let messages = EraseTarget::Messages(chat, sent[..2].to_vec());
    two(log, erase(EraseTarget::Messages(chat, vec![sent[2]]), None));
    let held = two(log, erase(messages.clone(), None));
    log.wait_ms(3 * day);
    log.fact(Fact::Tick(Tick {})).expect("one takes effect, one is held");
    two(log, DualAct::LiftHold(lifted));
    two(log, DualAct::DropCell(CellName([5; 8])));
    two(log, erase(messages, Some(held)));
    let objected = two(log, erase(EraseTarget::Conversation(chat), None));
    log.act("vera", Act::Object(Object { proposal: objected })).expect("the owner objects");
    log.wait_ms(11 * day);
    log.fact(Fact::Tick(Tick {})).expect("a hold warns");
    log.wait_ms(7 * day);
    log.fact(Fact::Tick(Tick {})).expect("a hold ends");
    two(log, erase(EraseTarget::Conversation(chat), Some(objected)));
    let through = log.tree.size() - 1;
    log.fact(Fact::Erased(Erased { epoch: 2, through })).expect("erased");
}

fn retention_life(log: &mut TestLog) {
    let day = 24 * 3_600_000;
    let chat = log.talking("anna", &["vera"]);
    for _ in 0..5 {
        log.wait_ms(day);
        log.send("vera", chat).expect("a message");
    }
    let label = Some(Clearance(0));
    let rules = vec![
        RetentionRule { kind: None, label, keep_days: 20 },
        RetentionRule { kind: Some(ConversationKind::Private), label: None, keep_days: 2 },
    ];
    let policy = Policy { retention: Retention { rules, minute: 180 }, ..Policy::standard() };
    let act = canonical::encode(&DualAct::Policy(policy)).into();
    log.act("olga", Act::Propose(Propose { act })).expect("a proposal");
    let proposal = log.tree.size() - 1;
    log.act("oleg", Act::Approve(Approve { proposal })).expect("approved");
    let kept = log.register.messages_of(chat_number(log, chat), 0..Index::MAX).last().expect("sent").index;
    let hold = Hold {
        scope: HoldScope::Messages(chat, vec![kept]),
        order: Order { number: "8".into(), ground: Ground::Inquiry },
        end_ms: log.now_ms + 300 * day,
    };
    log.act("olga", Act::Hold(hold)).expect("a hold");
    let next = |log: &mut TestLog, late: u64| {
        let due = log.register.retention().next_ms.expect("a schedule");
        log.wait_ms(due.saturating_sub(log.now_ms) + late);
        while log.register.next_deadline_ms().is_some_and(|deadline| deadline <= log.now_ms) {
            log.fact(Fact::Tick(Tick {})).expect("a deadline passed");
        }
        if let Some(leapt_ms) = log.register.clock_leapt(log.now_ms, log.boot_ms) {
            let (alarm, evidence) = (AlarmKind::ClockLeapt, canonical::encode(&leapt_ms).into());
            log.fact(Fact::Alarm(Alarm { alarm, person: None, evidence })).expect("the clock went on");
            log.wait_ms(8 * day);
        }
        if let Some(due_ms) = log.register.retention_missed(log.now_ms, log.boot_ms) {
            let evidence = canonical::encode(&due_ms).into();
            let alarm = AlarmKind::RetentionMissed;
            log.fact(Fact::Alarm(Alarm { alarm, person: None, evidence })).expect("missed");
        }
        let run = log.register.retention_due(log.now_ms, log.boot_ms).expect("due");
        log.fact(Fact::RetentionRun(run)).expect("a run");
    };
    next(log, 0);
    next(log, 5 * 3_600_000);
    next(log, 30 * day);
    log.now_ms += 9 * day;
    next(log, 0);
    let through = log.tree.size() - 1;
    log.fact(Fact::Erased(Erased { epoch: 3, through })).expect("erased");
}

fn chat_number(log: &TestLog, chat: ConversationId) -> u64 {
    log.register.conversation(chat).expect("it is there").number
}

/// What was raised, and what became of it; some of it stays open.
fn desk_life(log: &mut TestLog) {
    log.act("oleg", Act::ClockAttest(ClockAttest { shown_ms: log.now_ms + 1 })).expect("a watch");
    let chat = log.talking("anna", &["boris", "vera"]);
    let message = log.send("vera", chat).expect("a message");
    log.act("vera", Act::Report(Report { message, reason: ReportReason::NotMine })).expect("a report");
    let raised = log.tree.size() - 1;
    log.act("anna", Act::Disclose(Disclose { message })).expect("a disclosure");
    let finding = Finding { entry: raised, severity: Severity::Critical, code: FindingCode::Identity };
    log.act("igor", Act::Finding(finding)).expect("a finding");
    log.act("olga", Act::AlarmAcknowledge(AlarmAcknowledge { raised })).expect("seen");
    let close = AlarmClose { raised, outcome: CloseOutcome::False };
    log.act("oleg", Act::AlarmClose(close)).expect("closed");
}

fn authority_life(log: &mut TestLog) {
    let pavel = log.site.issue("pavel", &Described::new(Role::Officer, Clearance(4)));
    let renewal = log.site.issue("boris", &Described::new(Role::Operator, Clearance(2)));
    let at = CertTime((log.now_ms / 1000) as i64);
    let serial = log.site.person("vera").signature_certificate.serial().to_vec();
    let authority = Authority { certificate: &log.site.issuing, signer: &log.site.issuing_key };
    let validity = Validity { from: at, until: CertTime(at.0 + 86_400) };
    let list = profile::revocation_list(authority, 1, validity, &[(serial, at, Reason::Superseded)]);
    let list = list.expect("a list").der().to_vec().into();
    let (number, person) = (log.envelope + 1, log.id("pavel"));
    let acts = vec![
        Act::Enrol(pavel),
        Act::Enrol(renewal),
        Act::EnvelopePrint(EnvelopePrint::new(number, person, 0, b"sealed")),
        Act::EnvelopeVoid(EnvelopeVoid { number }),
        Act::EnvelopePrint(EnvelopePrint::new(number + 1, person, 0, b"sealed")),
        Act::EnvelopeHandOver(EnvelopeHandOver { number: number + 1 }),
        Act::Crl(Crl { list }),
    ];
    log.submit("olga", acts).expect("a Submit");
    let certificate = log.site.person("pavel").signature_certificate.id();
    let act = canonical::encode(&DualAct::AdmitOfficer(certificate));
    log.act("oleg", Act::Propose(Propose { act: act.into() })).expect("a proposal");
    let proposal = log.tree.size() - 1;
    log.act("olga", Act::Approve(Approve { proposal })).expect("approved");
    log.log_in("pavel").expect("a Login");
    log.act("pavel", Act::SetPassword(SetPassword {})).expect("a password");
    let revoke =
        Revoke { person: log.id("igor"), reason: RevokeReason::AffiliationChanged, note: "gone".into() };
    log.act("pavel", Act::Revoke(revoke)).expect("revoked");
}

/// A list of two parts. It names nobody whom the log knows.
fn lists_life(log: &mut TestLog) {
    log.log_in("olga").expect("a Login");
    let at = CertTime((log.now_ms / 1000) as i64);
    let named = (0..1500_u32)
        .map(|n| ([&[0x40][..], &n.to_be_bytes(), &[0x55; 11]].concat(), at, Reason::Superseded));
    let authority = Authority { certificate: &log.site.issuing, signer: &log.site.issuing_key };
    let validity = Validity { from: at, until: CertTime(at.0 + 86_400) };
    let list = profile::revocation_list(authority, 2, validity, &named.collect::<Vec<_>>()).expect("a list");
    let parts = CrlPart::split(list.der()).expect("larger than an entry");
    log.submit("olga", parts.into_iter().map(Act::CrlPart).collect()).expect("a Submit");
}

/// The clock was put ahead by a month, and two officers set the journal's time back.
fn clock_life(log: &mut TestLog, chat: ConversationId) {
    let month = 30 * 24 * 3_600_000;
    log.now_ms += month;
    while log.register.deadline_passed(log.now_ms, log.boot_ms) {
        log.fact(Fact::Tick(Tick {})).expect("a deadline passed");
    }
    log.log_in("oleg").expect("a Login");
    if let Some(leapt_ms) = log.register.clock_leapt(log.now_ms, log.boot_ms) {
        let (alarm, evidence) = (AlarmKind::ClockLeapt, canonical::encode(&leapt_ms).into());
        log.fact(Fact::Alarm(Alarm { alarm, person: None, evidence })).expect("the clock went on");
    }
    log.epoch("boris", chat).expect("an epoch");
    log.send("boris", chat).expect("a message");
    let to_ms = log.now_ms - month;
    let act = canonical::encode(&DualAct::SetClock(to_ms)).into();
    log.act("olga", Act::Propose(Propose { act })).expect("a proposal");
    let proposal = log.tree.size() - 1;
    log.act("oleg", Act::Approve(Approve { proposal })).expect("approved");
    log.now_ms = to_ms + 1000;
    log.send("boris", chat).expect("a message");
}

#[test]
#[ignore = "writes the file; once for a rules version"]
fn write_golden() {
    let mut log = TestLog::standard(2026);
    let mut dice = Dice(1);
    group_life(&mut log, &mut dice);
    office_life(&mut log);
    law_life(&mut log);
    retention_life(&mut log);
    desk_life(&mut log);
    let end = log.period_end();
    log.fact(end).expect("a period ends");
    let roll = log.key_roll(1);
    log.fact(roll).expect("a period begins");
    authority_life(&mut log);
    log.fact(Fact::ClockStep(ClockStep { expected_ms: 5, found_ms: 6 })).expect("a claim");
    let evidence = vec![1, 2, 3].into();
    log.fact(Fact::Alarm(Alarm { alarm: AlarmKind::LoginFlood, person: None, evidence })).expect("an alarm");
    let chain = log.register.chain_of(log.id("adam")).expect("it lives").chain;
    log.fact(Fact::SessionEnd(SessionEnd { chain, reason: EndReason::Lost })).expect("a claim");
    log.fact(Fact::Stop(Stop {})).expect("a Stop");
    let succession = log.succession(2);
    log.succeed(&["olga", "oleg"], &succession).expect("a succession");
    log.wait_ms(60_000);
    log.start().expect("a Start");
    log.log_in("anna").expect("a Login");
    log.log_in_with("anna", true).expect("a Login");
    log.log_in("boris").expect("a Login");
    let chat = log.create_as("anna", &["boris"], ConversationKind::Group, Clearance(2)).expect("a group");
    log.accept("boris", chat).expect("an Accept");
    log.epoch("boris", chat).expect("an epoch");
    for _ in 0..30 {
        let by = if dice.below(2) == 0 { "anna" } else { "boris" };
        log.send(by, chat).expect("a message");
    }
    log.act("anna", Act::Logout(Logout {})).expect("a Logout");
    lists_life(&mut log);
    clock_life(&mut log, chat);
    write(&log, "rules-1.log");
}

#[test]
#[ignore = "writes the file; once for a rules version"]
fn write_golden_linked() {
    let mut log = TestLog::founded(2027, Suite::Ed25519, Policy::standard());
    let mut old = TestLog::with_policy(2025, Suite::EcdsaP256, Policy::standard());
    let successor = |log: &TestLog| Successor { log: log.register.log_id(), suite: Suite::Ed25519 };
    let closed = old.of_two(&DualAct::Close(successor(&log))).expect("closed");
    let continued = old.continued(closed, old.head());
    for login in ["olga", "oleg"] {
        let statement = log.continues_by(login, &continued);
        log.admit(Content::Statement(statement)).expect("a first officer's word");
    }
    log.start().expect("a Start");
    for login in ["olga", "oleg"] {
        log.log_in(login).expect("a Login");
        log.act(login, Act::SetPassword(SetPassword {})).expect("a password");
    }
    for login in ["anna", "boris"] {
        log.enrol_by("olga", login, &Described::new(Role::Operator, Clearance(3)));
        log.log_in(login).expect("a Login");
        log.act(login, Act::SetPassword(SetPassword {})).expect("a password");
    }
    let chat = log.talking("anna", &["boris"]);
    let message = log.send("anna", chat).expect("a message");
    log.of_two(&DualAct::Close(Successor { log: LogId([9; 32]), ..successor(&old) })).expect("closed");
    assert!(log.send("anna", chat).is_err());
    log.act("boris", Act::Read(Read { conversation: chat, up_to: message })).expect("read");
    let gleb = log.site.issue("gleb", &Described::new(Role::Operator, Clearance(2)));
    log.submit("oleg", vec![Act::Enrol(gleb)]).expect("without effect");
    let end = log.period_end();
    log.fact(end).expect("a period ends");
    write(&log, "rules-1-linked.log");
}

#[allow(clippy::disallowed_methods)] // a generator, not the product
fn write(log: &TestLog, name: &str) {
    let mut text: String = log.entries.iter().map(|entry| hex::encode(entry) + "\n").collect();
    text += &format!("end {} {}\n", hex::encode(log.tree.root()), hex::encode(log.register.digest()));
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    std::fs::write(path, text).expect("written");
}
