//! How far the wall clock went on while the server did not run: a date that was set wrong lets nothing fall at once.
//! Never reads a clock; both stand in the entries.

use minicbor::{Decode, Encode};

/// So far the wall clock may go on without the server before runs wait: a long weekend.
pub(super) const LEAP_MS_MAX: u64 = 4 * 24 * 3_600_000;
/// Each hour for which the server runs makes up for so many that it did not: who goes home at night and over the weekend is
/// never in arrears.
const MADE_UP: u64 = 8;

/// What the wall clock is ahead of the server, and what follows from it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Encode, Decode)]
#[cbor(array)]
pub(super) struct Leap {
    /// Milliseconds that it went on without the server and that are not made up for.
    #[n(0)]
    ahead_ms: u64,
    /// Runs of the retention schedule wait until the server has run for so long.
    #[n(1)]
    until_ran_ms: u64,
    /// It went too far, by so much, and no alarm says so yet.
    #[n(2)]
    untold_ms: Option<u64>,
}

impl Leap {
    /// Another entry: so much later by the wall clock and by the server's running, which comes to `ran_ms` with it.
    pub(super) fn after(self, wall_ms: u64, running_ms: u64, ran_ms: u64, wait_ms: u64) -> Self {
        let left_ms = self.ahead_ms.saturating_sub(running_ms.saturating_mul(MADE_UP));
        let ahead_ms = left_ms.saturating_add(wall_ms.saturating_sub(running_ms));
        if ahead_ms <= LEAP_MS_MAX {
            return Self { ahead_ms, ..self };
        }
        Self {
            ahead_ms: 0,
            until_ran_ms: self.until_ran_ms.max(ran_ms.saturating_add(wait_ms)),
            untold_ms: Some(self.untold_ms.unwrap_or(0).saturating_add(ahead_ms)),
        }
    }

    /// Until when runs wait, by the time for which the server has run.
    pub(super) fn waits_until(self, ran_ms: u64) -> Option<u64> {
        (ran_ms < self.until_ran_ms).then_some(self.until_ran_ms)
    }

    pub(super) fn untold_ms(self) -> Option<u64> {
        self.untold_ms
    }

    /// An alarm says so, or nobody needs to hear it.
    pub(super) fn told(&mut self) {
        self.untold_ms = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    const HOUR: u64 = 3_600_000;
    const DAY: u64 = 24 * HOUR;

    #[test]
    fn a_site_that_stands_still_at_night_and_over_weekends_never_waits() {
        let (mut leap, mut ran) = (Leap::default(), 0);
        for day in 0..700 {
            if day % 7 < 5 {
                ran += 8 * HOUR;
                leap = leap.after(8 * HOUR, 8 * HOUR, ran, DAY);
                leap = leap.after(16 * HOUR, 0, ran, DAY);
            } else {
                leap = leap.after(DAY, 0, ran, DAY);
            }
            assert_eq!((leap.waits_until(ran), leap.untold_ms()), (None, None), "day {day}");
        }
    }

    #[test]
    fn many_small_leaps_are_a_large_one() {
        let mut leap = Leap::default();
        let three = |leap: Leap| leap.after(3 * DAY, 1000, 5000, DAY);
        leap = three(leap);
        assert_eq!(leap.waits_until(5000), None);
        leap = three(leap);
        assert_eq!(leap.waits_until(5000), Some(5000 + DAY));
        assert!(leap.untold_ms().is_some_and(|ms| ms > 5 * DAY));
        assert_eq!(leap.waits_until(5000 + DAY), None);
    }
}
