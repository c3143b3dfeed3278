//! How far the wall clock went on while the server did not run, or faster than it ran: a date that was set wrong lets nothing
//! fall before the officers had time to hear of it.
//! Never reads a clock; both stand in the entries.

use super::retention::bad;
use super::{Candidate, CandidateContent, Register};
use crate::act::DualAct;
use crate::fact::{AlarmKind, Fact};
use crate::ids::Index;
use crate::refusal::Refusal;
use minicbor::{Decode, Encode};

/// So far the wall clock may go on without the server before runs wait: a long weekend.
pub(super) const LEAP_MS_MAX: u64 = 4 * 24 * 3_600_000;
/// Each hour for which the server runs makes up for so many that it did not: who goes home at night and over the weekend is
/// never in arrears.
const MADE_UP: u64 = 8;
/// While runs wait, further leaps do not make them wait anew as long as they come to no more than so much at once, and each
/// hour of running takes off so many: a site that runs for two days a week, or whose machine is paused at night, comes to the
/// end of its wait.
const BORNE_MS_MAX: u64 = 2 * LEAP_MS_MAX;
const BORNE: u64 = 16;
/// What the clock gains while the server runs is made up for by this share of the running: five minutes a day, as clocks drift.
const DRIFT: u64 = 288;
/// What the clock gains so soon behind a START lay before that: where no battery keeps the date, the network or a person
/// brings it a while after the machine is up.
const SET_MS_MAX: u64 = 3_600_000;

/// What the wall clock is ahead of the server, and what follows from it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Encode, Decode)]
#[cbor(array)]
pub(super) struct Leap {
    /// Milliseconds that it went on before a START and that are not made up for.
    #[n(0)]
    ahead_ms: u64,
    /// Runs of the retention schedule wait until the server has run for so long.
    #[n(1)]
    until_ran_ms: u64,
    /// It went too far, by so much, and no alarm says so yet.
    #[n(2)]
    untold_ms: Option<u64>,
    /// Milliseconds that it gained on the server while that ran, but for the first hour of it.
    #[n(3)]
    gained_ms: u64,
    /// Milliseconds of further leaps that this wait stands for too.
    #[n(4)]
    borne_ms: u64,
    /// The newest alarm that says so.
    #[n(5)]
    told_at: Option<Index>,
    /// For how long the server had run at the newest START.
    #[n(6)]
    started_ran_ms: u64,
}

/// From one entry to the next.
#[derive(Clone, Copy)]
pub(super) struct Step {
    /// By the wall clock.
    pub(super) wall_ms: u64,
    /// By the server's running.
    pub(super) running_ms: u64,
    /// Both are of one run: no START lies between.
    pub(super) in_run: bool,
}

impl Leap {
    /// Another entry; the server's running comes to `ran_ms` with it.
    pub(super) fn after(self, step: Step, ran_ms: u64, wait_ms: u64) -> Self {
        let Step { wall_ms, running_ms, in_run } = step;
        let gain_ms = wall_ms.saturating_sub(running_ms);
        let mut ahead_ms = self.ahead_ms.saturating_sub(running_ms.saturating_mul(MADE_UP));
        let (mut gained_ms, mut started_ran_ms) = (self.gained_ms, self.started_ran_ms);
        let before_ms = ran_ms.saturating_sub(running_ms);
        match in_run {
            // A long step counts by where it begins: nobody knows when in it the date was set.
            true if before_ms.saturating_sub(started_ran_ms) < SET_MS_MAX => {
                ahead_ms = ahead_ms.saturating_add(gain_ms);
            }
            true => {
                // A clock that is set right again gives back what it had gained.
                let back_ms = running_ms.saturating_sub(wall_ms).saturating_add(running_ms / DRIFT);
                gained_ms = gained_ms.saturating_add(gain_ms).saturating_sub(back_ms);
            }
            false => {
                ahead_ms = ahead_ms.saturating_add(gain_ms);
                started_ran_ms = ran_ms;
            }
        }
        let next = Self { started_ran_ms, ..self };
        let borne_ms = self.borne_ms.saturating_sub(running_ms.saturating_mul(BORNE));
        let total_ms = ahead_ms.saturating_add(gained_ms);
        if total_ms <= LEAP_MS_MAX {
            return Self { ahead_ms, gained_ms, borne_ms, ..next };
        }
        let further_ms = borne_ms.saturating_add(total_ms);
        let stands = ran_ms < self.until_ran_ms && further_ms <= BORNE_MS_MAX;
        let (until_ran_ms, borne_ms) = match stands {
            true => (self.until_ran_ms, further_ms),
            false => (self.until_ran_ms.max(ran_ms.saturating_add(wait_ms)), 0),
        };
        let untold_ms = Some(self.untold_ms.unwrap_or(0).saturating_add(total_ms));
        Self { ahead_ms: 0, gained_ms: 0, until_ran_ms, untold_ms, borne_ms, ..next }
    }

    /// Until when runs wait, by the time for which the server has run.
    pub(super) fn waits_until(self, ran_ms: u64) -> Option<u64> {
        (ran_ms < self.until_ran_ms).then_some(self.until_ran_ms)
    }

    /// The end of the last wait, if there ever was one.
    pub(super) fn waited_until(self) -> Option<u64> {
        Some(self.until_ran_ms).filter(|at_ms| *at_ms > 0)
    }

    pub(super) fn untold_ms(self) -> Option<u64> {
        self.untold_ms
    }

    /// Nobody needs to hear of it.
    pub(super) fn forget(&mut self) {
        self.untold_ms = None;
    }

    /// A schedule begins: what nobody was told of, for there was none, is told now, and runs wait as if it were of now.
    pub(super) fn schedule_begins(&mut self, ran_ms: u64, wait_ms: u64) {
        if self.untold_ms.is_some() {
            self.until_ran_ms = self.until_ran_ms.max(ran_ms.saturating_add(wait_ms));
            self.borne_ms = 0;
        }
    }

    /// Two officers set the clock back by so much: that it does not gain any more, first of what it gained while the server ran,
    /// as where it is set right otherwise; each millisecond once. A wait that began goes on.
    pub(super) fn set_back(&mut self, back_ms: u64) {
        let rest_ms = back_ms.saturating_sub(self.gained_ms);
        self.gained_ms = self.gained_ms.saturating_sub(back_ms);
        self.ahead_ms = self.ahead_ms.saturating_sub(rest_ms);
    }

    /// Two officers say that the date is right.
    fn end(&mut self, ran_ms: u64) {
        let until_ran_ms = self.until_ran_ms.min(ran_ms);
        let (told_at, started_ran_ms) = (self.told_at, self.started_ran_ms);
        *self = Self { until_ran_ms, told_at, started_ran_ms, ..Self::default() };
    }
}

impl Register {
    /// The wall clock went too far without the server, and no alarm says so yet: by so many milliseconds.
    pub fn clock_leapt(&self, wall_ms: u64, boot_ms: u64) -> Option<u64> {
        self.leap_untold(wall_ms, self.ran_by(boot_ms))
    }

    /// When the next run comes, as it is to be expected now; of a run under way the next part, where it waits for a time.
    pub fn next_run_ms(&self) -> Option<u64> {
        let due_ms = self.retaining.next_ms?;
        match self.retaining.leap.waits_until(self.ran_ms) {
            Some(ran_ms) => Some(due_ms.max(self.wall_of(ran_ms))),
            None => Some(due_ms).filter(|_| self.retaining.open.is_none()),
        }
    }

    /// Runs wait because of the clock: for how much more of the server's running.
    pub fn run_waits_ms(&self, boot_ms: u64) -> Option<u64> {
        let ran_ms = self.ran_by(boot_ms);
        let until_ms = self.retaining.next_ms.and(self.retaining.leap.waits_until(ran_ms))?;
        Some(until_ms - ran_ms)
    }

    /// How far the wall clock is ahead with an entry of these times; `in_run`: no START lies between it and the last one.
    fn leap_at(&self, wall_ms: u64, ran_ms: u64, in_run: bool) -> Leap {
        let Ok(warning_ms) = self.hold_warning_ms(wall_ms, ran_ms) else { return Leap::default() };
        let (wall_ms, running_ms) =
            (wall_ms.saturating_sub(self.floor_ms), ran_ms.saturating_sub(self.ran_ms));
        self.retaining.leap.after(Step { wall_ms, running_ms, in_run }, ran_ms, warning_ms)
    }

    /// Runs wait at these times, until the server has run for so long.
    pub(super) fn run_waits(&self, wall_ms: u64, ran_ms: u64) -> Option<u64> {
        self.leap_at(wall_ms, ran_ms, self.running).waits_until(ran_ms)
    }

    pub(super) fn leap_untold(&self, wall_ms: u64, ran_ms: u64) -> Option<u64> {
        self.retaining.next_ms.and_then(|_| self.leap_at(wall_ms, ran_ms, self.running).untold_ms())
    }

    /// The alarm that runs wait because of the clock: said once, and only where it is so.
    pub(super) fn leap_told(&mut self, candidate: &Candidate<'_>, evidence: &[u8]) -> Result<(), Refusal> {
        let leapt_ms = self.leap_untold(candidate.wall_ms, self.ran_at(candidate));
        match leapt_ms.is_some_and(|leapt_ms| evidence == pki::canonical::encode(&leapt_ms)) {
            true => Ok(()),
            false => Err(bad("the clock did not go so far")),
        }
    }

    /// An entry stands, and its times are not taken over yet. What its rule did to the leap before counts first.
    pub(super) fn leap_stamped(&mut self, candidate: &Candidate<'_>, ran_ms: u64, in_run: bool) {
        if self.size == 0 {
            return; // no time lies before the genesis
        }
        self.retaining.leap = self.leap_at(candidate.wall_ms, ran_ms, in_run);
        if let CandidateContent::Fact(Fact::Alarm(alarm)) = candidate.content
            && alarm.alarm == AlarmKind::ClockLeapt
        {
            self.retaining.leap.forget();
            self.retaining.leap.told_at = Some(candidate.index);
        }
    }

    /// Runs wait, and an alarm asks the officers whether the date is right.
    pub(super) fn date_is_asked(&self, ran_ms: u64) -> bool {
        let leap = self.retaining.leap;
        leap.told_at.is_some() && leap.waits_until(ran_ms).is_some()
    }

    /// Whether two officers set the policy again, as it rules, to say that the date is right: proposed behind the alarm that
    /// asks them, and nothing went on since of which no alarm tells yet.
    pub(super) fn confirms_date(&self, proposal: Index, dual: &DualAct) -> bool {
        let leap = self.retaining.leap;
        let asked = leap.told_at.is_some_and(|alarm| alarm < proposal) && leap.untold_ms.is_none();
        asked && matches!(dual, DualAct::Policy(policy) if self.policy() == Some(policy))
    }

    /// Two officers say so: runs wait no longer.
    pub(super) fn date_is_right(&mut self, ran_ms: u64) {
        self.retaining.leap.end(ran_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    const HOUR: u64 = 3_600_000;
    const DAY: u64 = 24 * HOUR;

    /// A server and its clock.
    #[derive(Default)]
    struct Site {
        leap: Leap,
        ran_ms: u64,
    }

    impl Site {
        fn runs(&mut self, wall_ms: u64, running_ms: u64) {
            self.ran_ms += running_ms;
            let step = Step { wall_ms, running_ms, in_run: true };
            self.leap = self.leap.after(step, self.ran_ms, 7 * DAY);
        }

        fn stands_still(&mut self, wall_ms: u64) {
            let step = Step { wall_ms, running_ms: 0, in_run: false };
            self.leap = self.leap.after(step, self.ran_ms, 7 * DAY);
        }

        fn waits(&self) -> bool {
            self.leap.waits_until(self.ran_ms).is_some()
        }
    }

    #[test]
    fn a_site_that_stands_still_at_night_and_over_weekends_never_waits() {
        let mut site = Site::default();
        for day in 0..700 {
            if day % 7 < 5 {
                site.runs(8 * HOUR, 8 * HOUR);
                site.stands_still(16 * HOUR);
            } else {
                site.stands_still(DAY);
            }
            assert_eq!((site.waits(), site.leap.untold_ms()), (false, None), "day {day}");
        }
    }

    #[test]
    fn many_small_leaps_are_a_large_one() {
        let mut site = Site::default();
        site.stands_still(3 * DAY);
        assert!(!site.waits());
        site.stands_still(3 * DAY);
        assert!(site.waits() && site.leap.untold_ms().is_some_and(|ms| ms > 5 * DAY));
        site.runs(7 * DAY, 7 * DAY);
        assert!(!site.waits());
    }

    #[test]
    fn what_a_clock_gains_while_the_server_runs_is_not_made_up_for() {
        let mut site = Site::default();
        site.runs(HOUR, HOUR);
        for hour in 0..12 + 7 * 24 {
            site.runs(9 * HOUR, HOUR);
            assert_eq!(site.waits(), hour >= 12, "hour {hour}");
        }
        assert!(site.leap.untold_ms().is_some_and(|ms| ms > 40 * DAY));
        // More at once than a pause is has its own wait.
        site.runs(9 * DAY, HOUR);
        site.runs(7 * DAY - HOUR, 7 * DAY - HOUR);
        assert!(site.waits());
        // A clock that is a few seconds an hour fast is no matter, nor one that is set right again.
        let mut site = Site::default();
        (0..20_000).for_each(|_| site.runs(HOUR + 10_000, HOUR));
        site.runs(3 * DAY, HOUR);
        site.runs(0, 3 * DAY);
        site.runs(3 * DAY, HOUR);
        assert!(!site.waits());
    }

    #[test]
    fn a_site_that_runs_for_two_days_a_week_comes_to_the_end_of_its_wait() {
        let mut site = Site::default();
        let mut free = 0;
        for _ in 0..30 {
            (0..2).for_each(|_| {
                site.runs(8 * HOUR, 8 * HOUR);
                free += usize::from(!site.waits());
                site.stands_still(16 * HOUR);
            });
            site.stands_still(5 * DAY);
            assert!(site.waits());
        }
        assert!(free >= 4, "its runs come in the 11th week and in the 22nd: {free}");
    }

    #[test]
    fn a_date_that_is_set_right_a_while_after_each_start_makes_no_run_wait() {
        let mut site = Site::default();
        for day in 0..210 {
            let night_ms = if day % 7 == 4 { 64 * HOUR } else { 16 * HOUR };
            if day % 7 < 5 {
                site.stands_still(0);
                site.runs(0, 60_000);
                site.runs(night_ms, 1000);
                (0..8).for_each(|_| site.runs(HOUR, HOUR));
            }
            assert_eq!((site.waits(), site.leap.untold_ms()), (false, None), "day {day}");
        }
        site.runs(5 * DAY, HOUR);
        assert!(site.waits(), "what it gains later on is no such date");
    }

    #[test]
    fn a_machine_that_is_paused_at_night_comes_to_the_end_of_its_wait() {
        let mut site = Site::default();
        let mut free = 0;
        for day in 0..210 {
            if day % 7 < 5 {
                (0..8).for_each(|_| site.runs(HOUR, HOUR));
                free += usize::from(!site.waits());
                site.runs(if day % 7 == 4 { 64 * HOUR } else { 16 * HOUR }, 1000);
            }
        }
        assert!(free >= 20, "its runs come a few days a month: {free}");
        assert!(site.leap.untold_ms().is_some(), "and each leap is told");
    }

    #[test]
    fn a_clock_that_two_officers_set_back_gives_back_what_they_set_and_no_more() {
        let mut site = Site::default();
        site.runs(2 * HOUR, 2 * HOUR);
        site.stands_still(2 * DAY);
        site.runs(HOUR, HOUR);
        site.runs(DAY + HOUR, HOUR);
        let sums = |site: &Site| site.leap.ahead_ms + site.leap.gained_ms;
        let before_ms = sums(&site);
        assert!(before_ms > 2 * DAY && !site.waits());
        site.leap.set_back(DAY);
        assert_eq!(sums(&site), before_ms - DAY, "not twice");
        site.leap.set_back(DAY);
        assert_eq!(sums(&site), before_ms - 2 * DAY, "what the one does not cover comes off the other");
        site.stands_still(4 * DAY);
        assert!(site.waits(), "and the rest still counts");
    }

    #[test]
    fn while_runs_wait_a_larger_leap_has_its_own_wait() {
        let mut site = Site::default();
        site.stands_still(5 * DAY);
        site.runs(7 * DAY - HOUR, 7 * DAY - HOUR);
        site.stands_still(100 * DAY);
        site.runs(HOUR, HOUR);
        assert!(site.waits(), "the officers have the whole time of a warning for it");
        site.runs(6 * DAY, 6 * DAY);
        (0..20).for_each(|_| site.stands_still(5 * DAY));
        site.runs(DAY, DAY);
        assert!(site.waits(), "and for many at once");
        let ran_ms = site.ran_ms;
        site.leap.end(ran_ms);
        assert!(!site.waits(), "two officers know the date");
    }
}
