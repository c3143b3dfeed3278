//! What a log did over time: volumes by day (UTC), and the events that an auditor looks for on a calendar.
//! Never grows with the log: days and events have limits, and what is beyond them is counted.

use journal::retention::DAY_MS;
use std::collections::BTreeMap;

use console::when::rfc3339;
use journal::act::Act;
use journal::fact::{Fact, LoginFailure};
use journal::ids::Index;
use serde::Serialize;

use crate::names::What;

/// Days that are told apart: 54 years with an entry on each. Entries of further days are counted.
pub const DAYS_MAX: usize = 20_000;
/// Events of one kind; the rest is counted.
pub const EVENTS_MAX: usize = 10_000;

/// The whole of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Timeline {
    /// Days on which anything happened, ascending.
    pub days: Vec<DayRow>,
    /// Entries of days that are not listed.
    pub days_more: u64,
    /// Events, in the order of the log.
    pub events: Vec<EventRow>,
    /// Events that are not listed.
    pub events_more: u64,
}

/// One day.
#[derive(Clone, Debug, Serialize)]
pub struct DayRow {
    /// `2026-11-21`, UTC.
    pub day: String,
    /// Its beginning, milliseconds since 1970.
    #[serde(skip)]
    pub at_ms: u64,
    #[serde(flatten)]
    /// What happened.
    pub counts: DayCounts,
}

/// What happened on a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DayCounts {
    /// All entries.
    pub entries: u64,
    /// Messages.
    pub messages: u64,
    /// Logins.
    pub logins: u64,
    /// Failed logins: the server's claim.
    pub failed_logins: u64,
}

/// Something that happened at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct EventRow {
    /// What.
    pub kind: EventKind,
    /// When, RFC 3339.
    pub at: String,
    /// When, milliseconds since 1970.
    #[serde(skip)]
    pub at_ms: u64,
    /// The entry.
    pub index: Index,
}

/// Kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// The server started.
    Start,
    /// It started without having stopped.
    UncleanStart,
    /// It stopped in good order.
    Stop,
    /// The clock jumped.
    ClockStep,
    /// Two officers set the journal's time back.
    ClockSet,
    /// Erasures took effect.
    Erased,
    /// An alarm.
    Alarm,
    /// A new period key.
    Period,
    /// Somebody's certificates became known.
    Enrolled,
    /// A person or a certificate was revoked.
    Revoked,
    /// A succession was signed.
    Succession,
}

/// Gathers during the replay.
#[derive(Default)]
pub(crate) struct Calendar {
    days: BTreeMap<u64, DayCounts>,
    days_more: u64,
    events: Vec<EventRow>,
    listed: BTreeMap<EventKind, usize>,
    events_more: u64,
    running: bool,
}

impl Calendar {
    /// The next entry that stands.
    pub(crate) fn take(&mut self, index: Index, wall_ms: u64, what: What<'_>) {
        let day = wall_ms / DAY_MS;
        match self.days.len() < DAYS_MAX || self.days.contains_key(&day) {
            true => self.days.entry(day).or_default().count(what),
            false => self.days_more += 1,
        }
        if let Some(kind) = self.event(what) {
            self.happened(kind, index, wall_ms);
        }
    }

    /// This entry set the journal's time back.
    pub(crate) fn clock_set(&mut self, index: Index, wall_ms: u64) {
        self.happened(EventKind::ClockSet, index, wall_ms);
    }

    fn event(&mut self, what: What<'_>) -> Option<EventKind> {
        let fact = match what {
            What::Statement(parsed) => return signed_event(parsed.act()),
            What::Fact(fact) => fact,
        };
        match fact {
            Fact::Start(_) if std::mem::replace(&mut self.running, true) => Some(EventKind::UncleanStart),
            Fact::Start(_) => Some(EventKind::Start),
            Fact::Stop(_) => {
                self.running = false;
                Some(EventKind::Stop)
            }
            Fact::ClockStep(_) => Some(EventKind::ClockStep),
            Fact::Erased(_) => Some(EventKind::Erased),
            Fact::Alarm(_) => Some(EventKind::Alarm),
            Fact::KeyRoll(_) => Some(EventKind::Period),
            Fact::FailedLogin(_)
            | Fact::SessionEnd(_)
            | Fact::Tick(_)
            | Fact::PeriodEnd(_)
            | Fact::RetentionRun(_) => None,
        }
    }

    /// Each kind has room of its own, so that none that is cheap to make crowds out another.
    fn happened(&mut self, kind: EventKind, index: Index, at_ms: u64) {
        let listed = self.listed.entry(kind).or_default();
        if *listed == EVENTS_MAX {
            self.events_more += 1;
            return;
        }
        *listed += 1;
        self.events.push(EventRow { kind, at: rfc3339(at_ms), at_ms, index });
    }

    /// What was gathered.
    pub(crate) fn found(self) -> Timeline {
        let row = |(day, counts): (u64, DayCounts)| {
            let at_ms = day * DAY_MS;
            DayRow { day: rfc3339(at_ms).chars().take(10).collect(), at_ms, counts }
        };
        Timeline {
            days: self.days.into_iter().map(row).collect(),
            days_more: self.days_more,
            events: self.events,
            events_more: self.events_more,
        }
    }
}

/// Of the acts only these make a mark on the calendar.
fn signed_event(act: &Act) -> Option<EventKind> {
    if let Act::Enrol(_) = act {
        Some(EventKind::Enrolled)
    } else if let Act::Revoke(_) = act {
        Some(EventKind::Revoked)
    } else if let Act::Succession(_) = act {
        Some(EventKind::Succession)
    } else {
        None
    }
}

impl DayCounts {
    fn count(&mut self, what: What<'_>) {
        self.entries += 1;
        match what {
            What::Statement(parsed) => {
                self.messages += u64::from(matches!(parsed.act(), Act::Message(_)));
                self.logins += u64::from(matches!(parsed.act(), Act::Login(_)));
            }
            What::Fact(Fact::FailedLogin(failed)) => match failed.failure {
                LoginFailure::Password | LoginFailure::Refused | LoginFailure::Statement => {
                    self.failed_logins = self.failed_logins.saturating_add(failed.count.into());
                }
            },
            What::Fact(
                Fact::Start(_)
                | Fact::Stop(_)
                | Fact::SessionEnd(_)
                | Fact::ClockStep(_)
                | Fact::Tick(_)
                | Fact::Erased(_)
                | Fact::KeyRoll(_)
                | Fact::Alarm(_)
                | Fact::PeriodEnd(_)
                | Fact::RetentionRun(_),
            ) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::fact::{ClockStep, Stop};

    #[test]
    fn days_and_events_beyond_the_limits_are_counted() {
        let mut calendar = Calendar::default();
        let step = Fact::ClockStep(ClockStep { expected_ms: 1, found_ms: 2 });
        for day in 0..DAYS_MAX as u64 + 3 {
            calendar.take(day, day * DAY_MS + 5, What::Fact(&step));
        }
        let stop = Fact::Stop(Stop {});
        calendar.take(1, DAY_MS, What::Fact(&stop));
        let found = calendar.found();
        assert_eq!((found.days.len(), found.days_more), (DAYS_MAX, 3));
        assert_eq!(found.days[1].day, "1970-01-02");
        assert_eq!(found.days[1].counts.entries, 2, "a day that is listed goes on");
        assert_eq!(
            (found.events.len(), found.events_more),
            (EVENTS_MAX + 1, (DAYS_MAX + 3 - EVENTS_MAX) as u64)
        );
        assert_eq!(found.events.last().unwrap().kind, EventKind::Stop, "no kind crowds out another");
    }
}
