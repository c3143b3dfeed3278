//! How long messages are kept: a bounded list of rules, of which the most specific one counts, and one run a day.
//! Never erases by itself: a run is a Fact, and what it takes the Register works out from the policy alone.
//!
//! Time is counted in whole days of UTC: a message of one day that is kept for N days goes with the first run on or after
//! the day N + 1 days later. So it is kept for N times 24 hours at least, and all who know its time stamp work out the same.

use crate::act::ConversationKind;
use crate::policy::UnfitPolicy;
use minicbor::{Decode, Encode};
use pki::Clearance;

/// A day, milliseconds.
pub const DAY_MS: u64 = 24 * 3_600_000;
/// Most rules of a schedule: one for each kind and label, for any kind, for any label.
pub const RETENTION_RULES_MAX: usize = 21;
/// Longest time that a rule may name, days: what is to be kept for longer is kept for ever.
pub const KEEP_DAYS_MAX: u32 = 36_525;
/// Minutes of a day.
const MINUTES: u16 = 24 * 60;
/// Ranks of labels.
pub(crate) const RANKS: usize = 6;

/// Messages of one kind of conversation and one label are kept for so long.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct RetentionRule {
    /// In which kind of conversation; `None`: in any.
    #[n(0)]
    pub kind: Option<ConversationKind>,
    /// Of which label; `None`: of any.
    #[n(1)]
    pub label: Option<Clearance>,
    /// For how many whole days.
    #[n(2)]
    pub keep_days: u32,
}

impl RetentionRule {
    fn covers(&self, kind: ConversationKind, label: Clearance) -> bool {
        self.kind.is_none_or(|named| named == kind) && self.label.is_none_or(|named| named == label)
    }

    /// How much it names: the most specific rule wins.
    fn specificity(&self) -> u8 {
        u8::from(self.kind.is_some()) + u8::from(self.label.is_some())
    }
}

/// The schedule of a site. Without a rule everything is kept for ever.
#[derive(Clone, PartialEq, Eq, Default, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Retention {
    /// No two for the same.
    #[n(0)]
    pub rules: Vec<RetentionRule>,
    /// When the run of a day is due: minutes after midnight, UTC.
    #[n(1)]
    pub minute: u16,
}

impl Retention {
    /// The rule for such messages: its place in the list, and the days. The most specific one, of two alike the shorter;
    /// `None`: they are kept for ever.
    pub fn rule_for(&self, kind: ConversationKind, label: Clearance) -> Option<(usize, u32)> {
        let fitting = self.rules.iter().enumerate().filter(|(_, rule)| rule.covers(kind, label));
        let best = fitting.min_by_key(|(_, rule)| (std::cmp::Reverse(rule.specificity()), rule.keep_days));
        best.map(|(at, rule)| (at, rule.keep_days))
    }

    /// Whether a message stamped at `said_ms` is due at a run stamped at `run_ms`.
    pub fn is_due(&self, kind: ConversationKind, label: Clearance, said_ms: u64, run_ms: u64) -> bool {
        let kept = self.rule_for(kind, label).and_then(|(_, days)| first_kept_day(days, run_ms));
        kept.is_some_and(|first| day_of(said_ms) < first)
    }

    /// The first time for a run after this one; `None` where no rule asks for any.
    pub fn next_after(&self, ms: u64) -> Option<u64> {
        let of_day = |day: u64| day.saturating_mul(DAY_MS).saturating_add(u64::from(self.minute) * 60_000);
        let today = of_day(day_of(ms));
        let next = if today > ms { today } else { of_day(day_of(ms).saturating_add(1)) };
        (!self.rules.is_empty()).then_some(next)
    }

    /// What a policy may say.
    pub(crate) fn check(&self) -> Result<(), UnfitPolicy> {
        if self.rules.len() > RETENTION_RULES_MAX {
            return Err(UnfitPolicy::RetentionRules);
        }
        if self.minute >= MINUTES {
            return Err(UnfitPolicy::RetentionMinute);
        }
        for (at, rule) in self.rules.iter().enumerate() {
            if rule.label.is_some_and(|label| usize::from(label.0) >= RANKS) {
                return Err(UnfitPolicy::RetentionLabel);
            }
            if rule.keep_days == 0 || rule.keep_days > KEEP_DAYS_MAX {
                return Err(UnfitPolicy::RetentionDays);
            }
            if self.rules[..at].iter().any(|other| (other.kind, other.label) == (rule.kind, rule.label)) {
                return Err(UnfitPolicy::RetentionTwice);
            }
        }
        Ok(())
    }
}

/// The day of UTC, counted from 1970.
pub fn day_of(ms: u64) -> u64 {
    ms / DAY_MS
}

/// The first day of which a run at this time takes nothing; `None` where there is no day before it.
pub(crate) fn first_kept_day(keep_days: u32, run_ms: u64) -> Option<u64> {
    day_of(run_ms).checked_sub(keep_days.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ConversationKind::{Group, Private};

    fn rule(kind: Option<ConversationKind>, label: Option<u8>, keep_days: u32) -> RetentionRule {
        RetentionRule { kind, label: label.map(Clearance), keep_days }
    }

    #[test]
    fn the_most_specific_rule_wins_and_of_two_alike_the_shorter() {
        let rules = vec![
            rule(None, None, 900),
            rule(Some(Group), None, 365),
            rule(None, Some(1), 30),
            rule(Some(Private), Some(2), 7),
            rule(Some(Private), None, 3650),
        ];
        let schedule = Retention { rules, minute: 0 };
        assert_eq!(schedule.check(), Ok(()));
        let days = |kind, label| schedule.rule_for(kind, Clearance(label)).unwrap().1;
        assert_eq!(days(Group, 0), 365, "a kind is more than nothing");
        assert_eq!(days(Group, 1), 30, "kind alone and label alone weigh the same: the shorter");
        assert_eq!(days(Private, 1), 30);
        assert_eq!(days(Private, 2), 7, "both name more than one");
        assert_eq!(Retention::default().rule_for(Group, Clearance(0)), None, "for ever");
        let only = Retention { rules: vec![rule(Some(Group), Some(3), 1)], minute: 0 };
        assert_eq!(only.rule_for(Group, Clearance(0)), None);
    }

    #[test]
    fn a_message_is_kept_for_its_days_at_least_and_a_day_more_at_most() {
        let schedule = Retention { rules: vec![rule(None, None, 2)], minute: 180 };
        let due = |said: u64, run: u64| schedule.is_due(Group, Clearance(0), said, run);
        let noon = 100 * DAY_MS + DAY_MS / 2;
        assert!(!due(noon, noon), "not at once");
        assert!(!due(noon, 103 * DAY_MS - 1), "not a millisecond before the third midnight");
        assert!(due(noon, 103 * DAY_MS));
        assert!(!due(103 * DAY_MS, 100 * DAY_MS), "and never before it was said");
        assert!(!due(0, DAY_MS), "no time before all time");
    }

    #[test]
    fn there_is_one_run_a_day_at_its_minute() {
        let schedule = Retention { rules: vec![rule(None, None, 2)], minute: 180 };
        let three = 180 * 60_000;
        assert_eq!(schedule.next_after(7 * DAY_MS), Some(7 * DAY_MS + three));
        assert_eq!(schedule.next_after(7 * DAY_MS + three), Some(8 * DAY_MS + three), "behind itself");
        assert_eq!(Retention { rules: Vec::new(), minute: 180 }.next_after(0), None);
    }

    #[test]
    fn a_schedule_that_means_nothing_is_none() {
        let bad = |rules: Vec<RetentionRule>, minute| Retention { rules, minute }.check().is_err();
        assert!(bad(vec![rule(None, Some(6), 1)], 0) && bad(vec![rule(None, None, 0)], 0));
        assert!(bad(vec![rule(None, None, KEEP_DAYS_MAX + 1)], 0) && bad(Vec::new(), 1440));
        assert!(bad(vec![rule(None, None, 1), rule(None, None, 2)], 0));
    }
}
