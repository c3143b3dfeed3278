//! The number of the era that a recovery begins.
//! Never one that is not later than those that are known, by whatever clock.

use crate::words::NoRecovery;
use journal::act::era_by;

/// The number that was asked for, or the seconds since 2020: the kept entries may know nothing of the eras that were lost with
/// the others, and a number by the clock is later than those too. By a clock that is set back it is the one behind `last`, the
/// latest that is known.
pub(super) fn choose(asked: Option<u32>, last: u32, time_ms: u64) -> Result<u32, NoRecovery> {
    let era = asked.unwrap_or(era_by(time_ms).max(last.saturating_add(1)));
    if era > last { Ok(era) } else { Err(NoRecovery::EraNotLater { era, last }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ERAS_BEGIN_MS: u64 = 1_577_836_800_000;

    #[test]
    fn an_era_is_later_than_all_that_are_known_by_whatever_clock() {
        let of = |asked, last, time_ms| choose(asked, last, time_ms).ok();
        assert_eq!(of(None, 0, ERAS_BEGIN_MS + 5_000), Some(5));
        assert_eq!(of(None, 5, ERAS_BEGIN_MS + 5_000), Some(6), "twice in one second");
        for clock in [0, ERAS_BEGIN_MS] {
            assert_eq!((of(None, 0, clock), of(None, 200_000_000, clock)), (Some(1), Some(200_000_001)));
        }
        assert_eq!(of(None, 7, u64::MAX), Some(u32::MAX));
        assert_eq!((of(Some(8), 7, 0), of(Some(7), 7, 0), of(Some(0), 0, 0)), (Some(8), None, None));
        assert_eq!(of(None, u32::MAX, 0), None, "and where there is no later one that is said");
    }
}
