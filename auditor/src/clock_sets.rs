//! Where two officers set the journal's time back, as the entries say that are here, and how old a head is over such a step.
//! Never judges whether they might: the Register does, where it is replayed.

use std::collections::BTreeMap;

use journal::act::{Act, DualAct};
use journal::ids::Index;
use pki::{PersonId, canonical};

/// Gathers them, entry by entry.
#[derive(Default)]
pub(crate) struct ClockSets {
    proposed: BTreeMap<Index, (PersonId, u64)>,
    set: Vec<(Index, u64)>,
}

impl ClockSets {
    /// The next statement; the time from behind it on, where it sets one.
    pub(crate) fn take(&mut self, index: Index, by: PersonId, act: &Act) -> Option<u64> {
        if let Act::Propose(propose) = act
            && let Ok(DualAct::SetClock(to_ms)) = canonical::decode(&propose.act)
        {
            self.proposed.insert(index, (by, to_ms));
        }
        let Act::Approve(approve) = act else { return None };
        let (_, to_ms) = self.proposed.get(&approve.proposal).filter(|(proposer, _)| *proposer != by)?;
        self.set.push((index, *to_ms));
        Some(*to_ms)
    }

    /// Whether this entry proposes a time.
    pub(crate) fn is_proposal(&self, index: Index) -> bool {
        self.proposed.contains_key(&index)
    }

    /// Each `Approve`, with the time that it set.
    pub(crate) fn sets(&self) -> impl Iterator<Item = (Index, u64)> {
        self.set.iter().copied()
    }
}

/// The time as which an entry's stamp counts: what was stamped later than a time set behind it counts as stamped at that.
pub(crate) fn counted_ms((index, stamp_ms): (Index, u64), sets: impl Iterator<Item = (Index, u64)>) -> u64 {
    sets.filter(|(at, _)| *at >= index).fold(stamp_ms, |counted, (_, to_ms)| counted.min(to_ms))
}

/// How old a head is whose last entry is this one, of this stamp. Where the time was set back behind it, that stamp may be
/// ahead: the head is at least as old as what came since the step.
pub(crate) fn age_ms(
    newest_ms: u64,
    (last, stamp_ms): (Index, u64),
    mut sets: impl Iterator<Item = (Index, u64)>,
) -> u64 {
    let behind =
        sets.find(|(index, _)| *index >= last).map_or(0, |(_, to_ms)| newest_ms.saturating_sub(to_ms));
    newest_ms.saturating_sub(stamp_ms).max(behind)
}

#[cfg(test)]
mod tests {
    use super::{age_ms, counted_ms};

    #[test]
    fn what_was_stamped_ahead_counts_as_of_the_time_set() {
        let sets = || [(50, 1_000), (90, 700)].into_iter();
        assert_eq!(counted_ms((49, 900_000), sets()), 700, "by the earliest time set behind it");
        assert_eq!(counted_ms((50, 650), sets()), 650, "stamped before the leap");
        assert_eq!(counted_ms((60, 900_000), sets()), 700);
        assert_eq!(counted_ms((91, 900_000), sets()), 900_000);
    }

    #[test]
    fn a_head_of_the_wrong_date_grows_old_from_the_step_on() {
        let sets = || [(50, 1_000), (90, 3_000)].into_iter();
        assert_eq!(age_ms(5_000, (40, 900), sets()), 4_100, "stamped before the leap: as ever");
        assert_eq!(age_ms(5_000, (45, 900_000), sets()), 4_000, "stamped ahead");
        assert_eq!(age_ms(5_000, (50, 900_000), sets()), 4_000, "the step itself");
        assert_eq!(age_ms(5_000, (60, 2_000), sets()), 3_000);
        assert_eq!(age_ms(5_000, (95, 4_000), sets()), 1_000);
    }
}
