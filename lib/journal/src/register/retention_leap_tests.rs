//! Stories of a date that leapt: runs wait, and two officers who know the date end the wait.
use super::tests::{due, erased, fallen, policy, refused, rule, site, tick, to_next};
use crate::act::{Act, Approve, DualAct, Propose};
use crate::fact::{Alarm, AlarmKind, Fact, RetentionRun};
use crate::register::{RUN_GRACE_MS, Register};
use crate::retention::DAY_MS;
use crate::testing::TestLog;
use crate::{Policy, Refusal};
use pki::canonical;

#[test]
fn a_clock_that_leaps_lets_nothing_fall_before_the_server_has_run_for_the_time_of_a_warning() {
    let mut log = site(9, vec![rule(None, None, 10)]);
    let chat = log.talking("anna", &["boris"]);
    let sent = log.send("anna", chat).unwrap();
    to_next(&mut log, 0);
    let leap = |log: &mut TestLog| {
        log.now_ms += 20 * DAY_MS;
        log.boot_ms += 1000;
    };
    leap(&mut log);
    tick(&mut log);
    assert_eq!(log.register.retention_due(log.now_ms, log.boot_ms), None);
    let due_ms = log.register.retention().next_ms.unwrap();
    let policy = log.register.site().unwrap().policy_index;
    let lie = RetentionRun { due_ms, part: 1, last: true, policy, counts: vec![1], held: 0 };
    let lie = || Fact::RetentionRun(lie.clone());
    assert_eq!(refused(log.fact(lie())), "the clock went on without the server, and no alarm says so");
    let alarm = |leapt_ms: u64| {
        let evidence = canonical::encode(&leapt_ms).into();
        Fact::Alarm(Alarm { alarm: AlarmKind::ClockLeapt, person: None, evidence })
    };
    assert_eq!(refused(log.fact(alarm(DAY_MS))), "the clock did not go so far");
    let leapt_ms = log.register.clock_leapt(log.now_ms, log.boot_ms).expect("it went");
    assert!(leapt_ms > 19 * DAY_MS);
    log.fact(alarm(leapt_ms)).expect("said");
    assert_eq!(refused(log.fact(alarm(leapt_ms))), "the clock did not go so far", "once");
    let waits = "the clock went on without the server: not before that has run for long enough";
    assert_eq!(refused(log.fact(lie())), waits);
    assert!(log.send("boris", chat).is_ok(), "and nobody is shut out meanwhile");
    assert!(Register::restore(&log.register.snapshot()).unwrap() == log.register);
    log.fact(Fact::Stop(crate::fact::Stop {})).unwrap();
    leap(&mut log);
    log.start().unwrap();
    let leapt_ms = log.register.clock_leapt(log.now_ms, log.boot_ms).expect("again, by a start");
    log.fact(alarm(leapt_ms)).expect("said");
    let ready_ms = log.register.next_run_ms().expect("it waits for a time");
    assert_eq!(ready_ms, log.now_ms + Policy::standard().hold_warning_ms);
    log.wait_ms(ready_ms - log.now_ms - 1);
    assert_eq!(refused(log.fact(lie())), waits);
    assert!(!erased(&log, sent));
    log.wait_ms(1);
    let missed = |log: &TestLog| log.register.retention_missed(log.now_ms, log.boot_ms);
    assert_eq!(missed(&log), None, "a server that waited as it must is not late");
    log.wait_ms(RUN_GRACE_MS);
    assert_eq!(missed(&log), None);
    log.wait_ms(1);
    assert_eq!(missed(&log), Some(due_ms), "from there on it is");
    let evidence = canonical::encode(&due_ms).into();
    log.fact(Fact::Alarm(Alarm { alarm: AlarmKind::RetentionMissed, person: None, evidence })).unwrap();
    let fact = due(&log);
    assert_eq!(fallen(log.fact(Fact::RetentionRun(fact)).unwrap().effects)[0], sent);
}

fn set(log: &mut TestLog, to: &Policy) -> Result<(), Refusal> {
    let act = canonical::encode(&DualAct::Policy(to.clone())).into();
    log.act("olga", Act::Propose(Propose { act }))?;
    let proposal = log.tree.size() - 1;
    log.act("oleg", Act::Approve(Approve { proposal })).map(drop)
}

fn leaps(log: &mut TestLog, days: u64) {
    log.fact(Fact::Stop(crate::fact::Stop {})).unwrap();
    log.now_ms += days * DAY_MS;
    log.boot_ms += 1000;
    log.start().unwrap();
}

#[test]
fn two_officers_who_were_asked_for_the_date_end_the_wait() {
    let ruling = policy(vec![rule(None, None, 10)]);
    let mut log = site(10, ruling.retention.rules.clone());
    let chat = log.talking("anna", &["boris"]);
    let sent = log.send("anna", chat).unwrap();
    leaps(&mut log, 20);
    ["olga", "oleg"].iter().for_each(|login| drop(log.log_in(login).unwrap()));
    assert_eq!(set(&mut log, &ruling), Err(Refusal::Unchanged), "nobody has asked them yet");
    let leapt_ms = log.register.clock_leapt(log.now_ms, log.boot_ms).expect("it went");
    let evidence = canonical::encode(&leapt_ms).into();
    log.fact(Fact::Alarm(Alarm { alarm: AlarmKind::ClockLeapt, person: None, evidence })).unwrap();
    assert!(log.register.run_waits_ms(log.boot_ms).is_some_and(|ms| ms > 6 * DAY_MS));
    set(&mut log, &Policy { file_save: !ruling.file_save, ..ruling.clone() }).unwrap();
    assert!(log.register.run_waits_ms(log.boot_ms).is_some(), "another policy says nothing of the date");
    set(&mut log, &ruling).unwrap();
    set(&mut log, &ruling).expect("the same again, to say that the date is right");
    assert_eq!(log.register.run_waits_ms(log.boot_ms), None);
    assert!(Register::restore(&log.register.snapshot()).unwrap() == log.register);
    let fact = due(&log);
    assert_eq!(fallen(log.fact(Fact::RetentionRun(fact)).unwrap().effects), [sent]);
    assert_eq!(set(&mut log, &ruling), Err(Refusal::Unchanged), "and nothing is asked any more");
}

#[test]
fn two_officers_say_nothing_of_a_leap_that_they_were_not_told_of() {
    let ruling = policy(vec![rule(None, None, 10)]);
    let mut log = site(12, ruling.retention.rules.clone());
    let alarm = |log: &mut TestLog| {
        let leapt_ms = log.register.clock_leapt(log.now_ms, log.boot_ms).expect("it went");
        let evidence = canonical::encode(&leapt_ms).into();
        log.fact(Fact::Alarm(Alarm { alarm: AlarmKind::ClockLeapt, person: None, evidence })).unwrap();
    };
    leaps(&mut log, 20);
    alarm(&mut log);
    log.log_in("olga").unwrap();
    let act = canonical::encode(&DualAct::Policy(ruling.clone())).into();
    log.act("olga", Act::Propose(Propose { act })).unwrap();
    let proposal = log.tree.size() - 1;
    leaps(&mut log, 6);
    log.log_in("oleg").unwrap();
    let approve = |log: &mut TestLog| log.act("oleg", Act::Approve(Approve { proposal })).map(drop);
    assert_eq!(approve(&mut log), Err(Refusal::Unchanged), "nobody has told of it");
    alarm(&mut log);
    assert_eq!(approve(&mut log), Err(Refusal::Unchanged), "what was proposed before says nothing of it");
    log.log_in("olga").unwrap();
    set(&mut log, &ruling).expect("they were asked");
    assert_eq!(log.register.run_waits_ms(log.boot_ms), None);
}

/// The alarm that tells of all by which the clock went on, in days.
fn told(log: &mut TestLog) -> Option<u64> {
    let leapt_ms = log.register.clock_leapt(log.now_ms, log.boot_ms)?;
    let evidence = canonical::encode(&leapt_ms).into();
    log.fact(Fact::Alarm(Alarm { alarm: AlarmKind::ClockLeapt, person: None, evidence })).unwrap();
    Some(leapt_ms / DAY_MS)
}

#[test]
fn a_date_that_leapt_before_there_was_a_schedule_is_told_when_one_begins_and_its_runs_wait() {
    let mut log = TestLog::standard(11);
    leaps(&mut log, 20);
    log.wait_ms(30 * DAY_MS);
    tick(&mut log);
    ["olga", "oleg"].iter().for_each(|login| drop(log.log_in(login).unwrap()));
    assert_eq!(told(&mut log), None, "nothing can fall by it yet");
    let ruling = policy(vec![rule(None, None, 10)]);
    set(&mut log, &ruling).unwrap();
    assert_eq!(told(&mut log), Some(20));
    let waits = |log: &TestLog| log.register.run_waits_ms(log.boot_ms);
    assert!(waits(&log).is_some_and(|ms| ms > 6 * DAY_MS), "the officers have the time of a warning for it");
    assert!(Register::restore(&log.register.snapshot()).unwrap() == log.register);
    set(&mut log, &ruling).expect("they know the date");
    assert_eq!((waits(&log), told(&mut log)), (None, None));
    // A site whose clock never went so far waits for nothing.
    let mut log = TestLog::standard(13);
    log.wait_ms(30 * DAY_MS);
    tick(&mut log);
    set(&mut log, &ruling).unwrap();
    assert_eq!((waits(&log), told(&mut log)), (None, None));
}

#[test]
fn a_schedule_that_ends_and_begins_again_ends_no_wait() {
    let ruling = policy(vec![rule(None, None, 10)]);
    let mut log = site(14, ruling.retention.rules.clone());
    leaps(&mut log, 20);
    ["olga", "oleg"].iter().for_each(|login| drop(log.log_in(login).unwrap()));
    assert!(told(&mut log).is_some());
    let before = log.register.run_waits_ms(log.boot_ms).expect("runs wait");
    set(&mut log, &policy(Vec::new())).unwrap();
    assert_eq!(log.register.run_waits_ms(log.boot_ms), None, "there are none");
    set(&mut log, &ruling).unwrap();
    let after = log.register.run_waits_ms(log.boot_ms).expect("they wait on");
    assert!(before - after < 60_000, "{before} {after}");
    assert_eq!(told(&mut log), None, "and nobody is told twice");
}
