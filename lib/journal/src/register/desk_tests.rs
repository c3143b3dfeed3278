//! Stories of what is raised, acknowledged and closed, and of what is given away.
use crate::Refusal;
use crate::act::{
    Act, AlarmAcknowledge, AlarmClose, ClockAttest, CloseOutcome, Disclose, Erase, EraseTarget, Finding,
    FindingCode, Report, ReportReason, Severity,
};
use crate::fact::{Alarm, AlarmKind, Fact};
use crate::ids::Index;
use crate::register::desk::DISCLOSURES_A_DAY_MAX;
use crate::register::raised::{ALARMS_OPEN_MAX, REPORTS_OF_ONE_MAX};
use crate::register::{Audience, Raised, RaisedRow, Register};
use crate::testing::TestLog;
use pki::canonical;

fn alarm(log: &mut TestLog, alarm: AlarmKind, person: Option<&str>, number: u64) -> Index {
    let person = person.map(|login| log.id(login));
    let evidence = canonical::encode(&number).into();
    log.fact(Fact::Alarm(Alarm { alarm, person, evidence })).expect("alarms always stand");
    log.tree.size() - 1
}

fn acknowledge(raised: Index) -> Act {
    Act::AlarmAcknowledge(AlarmAcknowledge { raised })
}

fn close(raised: Index) -> Act {
    Act::AlarmClose(AlarmClose { raised, outcome: CloseOutcome::Mended })
}

fn report(message: Index, reason: ReportReason) -> Act {
    Act::Report(Report { message, reason })
}

fn open(log: &TestLog) -> Vec<(Index, RaisedRow)> {
    log.register.raised().map(|(index, row)| (index, row.clone())).collect()
}

fn finding(entry: Index) -> Act {
    Act::Finding(Finding { entry, severity: Severity::High, code: FindingCode::Clock })
}

#[test]
fn an_alarm_stands_open_until_it_was_acknowledged_and_closed() {
    let mut log = TestLog::standard(1);
    let empty = log.register.digest();
    assert_eq!(open(&log), []);
    let raised = alarm(&mut log, AlarmKind::BodyDamaged, None, 7);
    assert_ne!(log.register.digest(), empty);
    assert_eq!(log.act("anna", acknowledge(raised)), Err(Refusal::WrongRole));
    assert_eq!(log.act("olga", close(raised)), Err(Refusal::NotAcknowledged { raised }));
    let missing = raised + 1;
    assert_eq!(log.act("olga", acknowledge(missing)), Err(Refusal::NoSuchAlarm { raised: missing }));
    assert_eq!(log.act("olga", acknowledge(raised)).unwrap().audience, Audience::Officers);
    assert_eq!(log.act("oleg", acknowledge(raised)), Err(Refusal::Unchanged));
    let restored = Register::restore(&log.register.snapshot()).unwrap();
    assert!(restored == log.register, "and is remembered");
    log.act("olga", close(raised)).expect("one officer may do both");
    assert_eq!(open(&log), []);
    assert_eq!(log.act("oleg", close(raised)), Err(Refusal::NoSuchAlarm { raised }));
    let again = alarm(&mut log, AlarmKind::BodyDamaged, None, 7);
    assert_eq!(open(&log)[0].0, again, "what comes back is raised anew");
}

#[test]
fn who_raised_it_or_whom_it_is_about_does_not_close_it() {
    let mut log = TestLog::standard(2);
    let raised = alarm(&mut log, AlarmKind::LoginFlood, Some("olga"), 0);
    log.act("olga", acknowledge(raised)).expect("she may say that she has seen it");
    assert_eq!(log.act("olga", close(raised)), Err(Refusal::OwnAlarm { raised }));
    log.act("oleg", close(raised)).unwrap();
}

#[test]
fn alarms_that_say_the_same_are_one_and_what_came_since_is_seen_before_it_is_closed() {
    let mut log = TestLog::standard(3);
    let raised = alarm(&mut log, AlarmKind::LoginFlood, Some("anna"), 0);
    log.act("olga", acknowledge(raised)).unwrap();
    // The officer's terminal has not heard of the second one.
    let before = log.draft("olga", close(raised));
    let last = alarm(&mut log, AlarmKind::LoginFlood, Some("anna"), 0);
    let rows = open(&log);
    assert_eq!((rows.len(), rows[0].0, rows[0].1.last, rows[0].1.times), (1, raised, last, 2));
    let size = before.header.head.size;
    assert_eq!(log.say("olga", before), Err(Refusal::NotCovered { index: last, size }));
    assert_eq!(
        log.act("olga", close(raised)),
        Err(Refusal::NotAcknowledged { raised }),
        "not the second one"
    );
    log.act("oleg", acknowledge(raised)).unwrap();
    log.act("olga", close(raised)).unwrap();
}

#[test]
fn a_flood_of_alarms_folds_and_never_stops_the_log() {
    let mut log = TestLog::standard(4);
    let many = ALARMS_OPEN_MAX as u64 + 40;
    let first = alarm(&mut log, AlarmKind::BodyDamaged, None, 0);
    for number in 1..many {
        alarm(&mut log, AlarmKind::BodyDamaged, None, number);
    }
    let rows = open(&log);
    assert_eq!(rows.len(), ALARMS_OPEN_MAX + 1);
    let (_, last) = rows.last().unwrap();
    assert_eq!((last.what, last.times), (Raised::Alarm(AlarmKind::BodyDamaged, None, None), 40));
    assert_eq!(rows[0].0, first);
    let other = alarm(&mut log, AlarmKind::Fork, None, 9);
    assert_eq!(open(&log).last().unwrap().0, other, "another kind is not buried by it");
}

#[test]
fn a_member_reports_a_message_and_only_its_author_says_that_it_is_not_his() {
    let mut log = TestLog::standard(5);
    let chat = log.talking("anna", &["boris"]);
    let message = log.send("boris", chat).unwrap();
    let not_mine = || report(message, ReportReason::NotMine);
    assert_eq!(log.act("anna", not_mine()), Err(Refusal::NotTheAuthor { index: message }));
    let stranger = log.act("vera", report(message, ReportReason::Other));
    assert!(matches!(stranger, Err(Refusal::NotAMember { .. })), "{stranger:?}");
    assert_eq!(log.act("boris", not_mine()).unwrap().audience, Audience::Officers);
    assert_eq!(log.act("boris", not_mine()), Err(Refusal::Unchanged));
    log.act("anna", report(message, ReportReason::Mislabelled)).unwrap();
    let rows = open(&log);
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0].1.by, rows[0].1.about), (Some(log.id("boris")), Some(log.id("boris"))));
    let none = report(message - 1, ReportReason::Other);
    assert_eq!(log.act("anna", none), Err(Refusal::NoSuchMessage { index: message - 1 }));
}

#[test]
fn one_person_alone_does_not_fill_the_list() {
    let mut log = TestLog::standard(6);
    let chat = log.talking("anna", &["boris"]);
    for _ in 0..REPORTS_OF_ONE_MAX {
        let message = log.send("anna", chat).unwrap();
        log.act("anna", report(message, ReportReason::Other)).unwrap();
    }
    let message = log.send("anna", chat).unwrap();
    let limit = REPORTS_OF_ONE_MAX as u64;
    let refused = log.act("anna", report(message, ReportReason::Other));
    assert_eq!(refused, Err(Refusal::TooManyOwnRaised { limit }));
    log.act("boris", report(message, ReportReason::Other)).expect("others still may");
}

#[test]
fn an_auditor_files_a_finding_at_an_entry_that_there_is() {
    let mut log = TestLog::standard(7);
    let size = log.tree.size();
    assert_eq!(log.act("igor", finding(size)), Err(Refusal::NotCovered { index: size, size }));
    assert_eq!(log.act("anna", finding(0)), Err(Refusal::WrongRole));
    log.act("igor", finding(0)).unwrap();
    let (raised, row) = open(&log).remove(0);
    assert_eq!(row.what, Raised::Finding(Severity::High, FindingCode::Clock, 0));
    assert_eq!(log.act("igor", close(raised)), Err(Refusal::WrongRole), "no auditor closes anything");
    log.act("olga", acknowledge(raised)).unwrap();
    log.act("oleg", close(raised)).unwrap();
}

#[test]
fn a_member_discloses_what_is_there_and_all_of_them_and_the_officers_are_told() {
    let mut log = TestLog::standard(8);
    let chat = log.talking("anna", &["boris"]);
    let message = log.send("boris", chat).unwrap();
    let disclose = || Act::Disclose(Disclose { message });
    let stranger = log.act("vera", disclose());
    assert!(matches!(stranger, Err(Refusal::NotAMember { .. })), "{stranger:?}");
    let number = log.register.conversation(chat).unwrap().number;
    let told = log.act("anna", disclose()).unwrap().audience;
    assert_eq!(told, Audience::ConversationAndOfficers(number));
    log.act("anna", disclose()).expect("to another one, another day");
    log.act("boris", Act::Erase(Erase { target: EraseTarget::Messages(chat, vec![message]) })).unwrap();
    assert_eq!(log.act("anna", disclose()), Err(Refusal::MessageErased { index: message }));
}

#[test]
fn a_watch_changes_nothing() {
    let mut log = TestLog::standard(9);
    let attest = || Act::ClockAttest(ClockAttest { shown_ms: 5 });
    assert_eq!(log.act("anna", attest()), Err(Refusal::WrongRole));
    let floor_ms = log.register.floor_ms();
    assert_eq!(log.act("olga", attest()).unwrap().audience, Audience::Officers);
    assert_eq!(log.register.floor_ms(), floor_ms);
}

#[test]
fn one_person_discloses_so_many_a_day_and_goes_on_the_next() {
    let mut log = TestLog::standard(8);
    let chat = log.talking("anna", &["boris"]);
    let message = log.send("anna", chat).unwrap();
    let disclose = || Act::Disclose(Disclose { message });
    for _ in 0..DISCLOSURES_A_DAY_MAX {
        log.act("anna", disclose()).unwrap();
    }
    let limit = DISCLOSURES_A_DAY_MAX;
    assert_eq!(log.act("anna", disclose()), Err(Refusal::TooManyDisclosures { limit }));
    log.act("boris", disclose()).expect("others still may");
    log.wait_ms(24 * 3600 * 1000);
    log.act("anna", disclose()).expect("another day");
}
