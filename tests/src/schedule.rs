//! The schedule of retention of some sites, and what it asks of a log, worked out once more in the simplest way there is:
//! who is due, which runs there must be, and when none may be. Shares no rule with the Register.

use crate::judge::Log;
use journal::act::{Act, ConversationKind};
use journal::fact::{AlarmKind, Fact};
use journal::ids::Index;
use journal::policy::Policy;
use journal::retention::{Retention, RetentionRule};

/// For how many days messages are kept.
const KEPT: u32 = 3;
/// In private conversations.
const KEPT_PRIVATE: u32 = 1;
/// When the run of a day is due, minutes after midnight.
const MINUTE: u16 = 180;
/// For so long the server must have run behind a leap of the clock before anything falls.
const WARNING_MS: u64 = 6 * HOUR_MS;
/// So far the clock may go on by itself.
const LEAP_MS: u64 = 4 * DAY_MS;
/// So much more of that a wait may stand for that is under way.
const BORNE_MS: u64 = 2 * LEAP_MS;
const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Whether the site of a seed has the schedule. Officers of a storm make policies of their own: they are elsewhere.
pub fn rules(seed: u64) -> bool {
    seed % 8 == 2
}

/// A policy with the schedule.
pub fn policy() -> Policy {
    let rule = |kind, keep_days| RetentionRule { kind, label: None, keep_days };
    let rules = vec![rule(None, KEPT), rule(Some(ConversationKind::Private), KEPT_PRIVATE)];
    let retention = Retention { rules, minute: MINUTE };
    Policy { retention, hold_warning_ms: WARNING_MS, ..Policy::standard() }
}

/// From this time until the next run is due.
pub fn until_next_ms(wall_ms: u64) -> u64 {
    let due_ms = last_due_ms(wall_ms);
    due_ms + DAY_MS - wall_ms
}

/// When the newest run at or before this time was due.
fn last_due_ms(wall_ms: u64) -> u64 {
    let minute_ms = u64::from(MINUTE) * 60_000;
    (wall_ms - minute_ms) / DAY_MS * DAY_MS + minute_ms
}

/// Whether this run takes this message.
pub fn is_due(log: &Log, private: bool, said: Index, run: Index) -> bool {
    let days = u64::from(if private { KEPT_PRIVATE } else { KEPT });
    let day = |index| log.stamp(index).wall_ms / DAY_MS;
    said < run && day(said) + days < day(run)
}

/// The clock and the server, as entry after entry tells.
#[derive(Default)]
struct Course {
    before: Option<(u64, u64)>,
    ran_ms: u64,
    /// By how much the clock went on beside the server, since this was told last.
    beside_ms: u64,
    /// For how long the server had run when the clock leapt last: at once, and as it told.
    leapt_at: Option<u64>,
    told_at: Option<u64>,
    /// From when on runs must wait, by the server's running: a leap in that time is part of it where it is no larger.
    waits_from: Option<u64>,
    run: Option<u64>,
}

impl Course {
    /// Whether runs may wait: what leapt may have been many small leaps, so the server's word counts for that.
    fn may_wait(&self) -> bool {
        let lately = |at: Option<u64>| at.is_some_and(|at| self.ran_ms < at + WARNING_MS);
        lately(self.leapt_at) || lately(self.told_at)
    }

    fn must_wait(&self) -> bool {
        self.waits_from.is_some_and(|at| self.ran_ms < at + WARNING_MS)
    }

    /// The clock went so far beside the server.
    fn went(&mut self, ms: u64) {
        if !self.must_wait() || ms > BORNE_MS {
            self.waits_from = Some(self.ran_ms);
        }
    }
}

/// A run that was due stands before anybody talks on, one that was not due does not stand, and where the clock went too far
/// nothing fell before the server had run for long enough. And whoever is accused of a leap did leap.
pub fn runs_are_as_they_must_be(log: &Log) {
    let mut course = Course::default();
    for index in 0..log.entries.len() as Index {
        let stamp = log.stamp(index);
        let fact = log.fact(index);
        let (later_ms, running_ms) = match course.before {
            Some((wall_ms, boot_ms)) if !matches!(fact, Some(Fact::Start(_))) => {
                (stamp.wall_ms - wall_ms, stamp.boot_ms - boot_ms)
            }
            Some((wall_ms, _)) => (stamp.wall_ms - wall_ms, 0),
            None => (0, 0),
        };
        let gap_ms = later_ms.saturating_sub(running_ms);
        course.before = Some((stamp.wall_ms, stamp.boot_ms));
        course.ran_ms += running_ms;
        course.beside_ms += gap_ms;
        if gap_ms > LEAP_MS {
            course.leapt_at = Some(course.ran_ms);
            course.went(gap_ms);
        }
        match fact {
            Some(Fact::Alarm(alarm)) if alarm.alarm == AlarmKind::ClockLeapt => {
                assert!(course.beside_ms > LEAP_MS, "#{index}: the clock went {} ms only", course.beside_ms);
                course.went(course.beside_ms);
                (course.beside_ms, course.told_at) = (0, Some(course.ran_ms));
            }
            Some(Fact::RetentionRun(run)) => {
                assert!(!course.must_wait(), "#{index}: a run in a time in which none may be");
                assert!(run.due_ms <= stamp.wall_ms, "#{index}: a run before its time");
                assert!(
                    course.run.is_none_or(|before| last_due_ms(before) < last_due_ms(stamp.wall_ms)),
                    "#{index}: two runs for one"
                );
                course.run = Some(stamp.wall_ms);
            }
            Some(_) | None => {}
        }
        let talks = log.statement(index).is_some_and(|(_, said)| matches!(said.act, Act::Message(_)));
        let due_ms = last_due_ms(stamp.wall_ms);
        if talks && stamp.wall_ms > due_ms + HOUR_MS && due_ms > log.stamp(0).wall_ms {
            let made = course.run.is_some_and(|run_ms| run_ms >= due_ms);
            assert!(made || course.may_wait(), "#{index}: somebody talks on before the run of {due_ms}");
        }
    }
}
