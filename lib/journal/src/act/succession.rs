//! The way on when acknowledged entries are lost: what is kept, what is known of what is not, and the log's next era.
//! Never a free text, and never by one: the first officers whom the genesis names sign the very same, as many of them as
//! it demands, each a statement of his own.

use super::{CellName, OutOfBounds, at_most};
use crate::ids::{Hash, Head};
use minicbor::{Decode, Encode};

/// Why entries were lost: a list, not a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum LossCause {
    /// The device, or what stands around it, broke.
    #[n(1)]
    Damage,
    /// An older backup, or an older device, was put back.
    #[n(2)]
    Restored,
    /// Somebody meddled with it.
    #[n(3)]
    Tampering,
    /// Something else.
    #[n(4)]
    Other,
}

impl LossCause {
    /// All causes, in numeric order.
    pub const ALL: [Self; 4] = [Self::Damage, Self::Restored, Self::Tampering, Self::Other];
}

/// From where it is known that there was more than is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum LossSource {
    /// The root cell names it.
    #[n(1)]
    Cell,
    /// Later batches lie on the device behind what is damaged.
    #[n(2)]
    LaterBatches,
    /// A signed head that somebody holds.
    #[n(3)]
    SignedHead,
    /// Every entry that there is is kept, but what a start needs beside them does not read: the key tree, the period key, or
    /// the password verifiers.
    #[n(4)]
    Unreadable,
}

/// What becomes of the password verifiers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum KeptPasswords {
    /// Those that were in force with the kept entries.
    #[n(1)]
    InForce,
    /// Others: older ones, or some that belong to what is lost. Whoever knew a password that was changed may log in by it.
    #[n(2)]
    Others,
    /// None.
    #[n(3)]
    Lost,
}

/// 2020-01-01 in milliseconds since 1970: eras are numbered by the seconds since.
const ERAS_BEGIN_MS: u64 = 1_577_836_800_000;

/// What is signed may be ahead of the clock of whoever signs it by so much.
const AHEAD_MS: u64 = 24 * 3600 * 1000;

/// The number of an era that begins at this time.
pub fn era_by(time_ms: u64) -> u32 {
    u32::try_from(time_ms.saturating_sub(ERAS_BEGIN_MS) / 1000).unwrap_or(u32::MAX)
}

/// One trace of what is lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct LossTrace {
    /// From where.
    #[n(0)]
    pub source: LossSource,
    /// At least so many entries there were.
    #[n(1)]
    pub size: u64,
    /// The root over so many entries, where that is known.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub root: Option<Hash>,
}

/// See the module. Every officer's statement names `kept` as its head and carries the same bytes; they stand one behind the
/// other, directly behind the kept entries. From the last of them on the log is in the new era.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Succession {
    /// The era that begins: later than any that a terminal has seen.
    #[n(0)]
    pub era: u32,
    /// The entries that stay.
    #[n(1)]
    pub kept: Head,
    /// What is known of those that do not, at least one trace.
    #[n(2)]
    pub lost: Vec<LossTrace>,
    /// All bodies are lost too, and the log's period key with them.
    #[n(3)]
    pub bodies_lost: bool,
    /// Why.
    #[n(4)]
    pub cause: LossCause,
    /// When the plan was made, milliseconds since 1970.
    #[n(5)]
    pub time_ms: u64,
    /// The log's period key is lost: the next one is made known by the log identity key.
    #[n(6)]
    pub period_key_lost: bool,
    /// So many bodies of kept entries have no key any more, where not all are lost: damaged, or erased by what is lost.
    #[n(7)]
    pub bodies_missing: u64,
    /// What becomes of the password verifiers.
    #[n(8)]
    pub passwords: KeptPasswords,
    /// The root cell that is away is let go of: wherever it is, it opens what is erased from now on.
    #[n(9)]
    pub cell_let_go: bool,
    /// Entries of whose bodies one or more have no key any more, where not all are lost; see [`GIVEN_UP_MAX`].
    #[n(10)]
    pub given_up: Vec<IndexRange>,
    /// The cells that are let go of, as far as their names are known.
    #[n(11)]
    pub cells: Vec<CellName>,
}

/// Most traces that a succession names.
pub const LOSS_TRACES_MAX: u64 = 16;
/// Most ranges of entries whose bodies are given up: every greeting carries them. Where there are more, the nearest are taken
/// together, and the few between them count as given up too.
pub const GIVEN_UP_MAX: usize = 256;
/// Most cells that one store has.
pub const CELLS_MAX: u64 = 2;

/// Entries from one index to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct IndexRange {
    /// The first of them.
    #[n(0)]
    pub first: u64,
    /// The last one, which is of them too.
    #[n(1)]
    pub last: u64,
}

impl std::fmt::Display for IndexRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { first, last } = self;
        if first == last { write!(f, "#{first}") } else { write!(f, "#{first}-{last}") }
    }
}

impl IndexRange {
    /// Whether one of these ranges, which are in order, holds it.
    pub fn any_holds(ranges: &[Self], index: u64) -> bool {
        let at = ranges.partition_point(|range| range.last < index);
        ranges.get(at).is_some_and(|range| range.first <= index)
    }

    /// At most so many ranges, in order, that these indices lie in.
    pub fn over(mut indices: Vec<u64>, most: usize) -> Vec<Self> {
        indices.sort_unstable();
        let mut ranges: Vec<Self> = Vec::new();
        for index in indices {
            match ranges.last_mut() {
                Some(range) if index <= range.last.saturating_add(1) => range.last = index,
                Some(_) | None => ranges.push(Self { first: index, last: index }),
            }
        }
        let mut gaps: Vec<u64> = ranges.windows(2).map(|pair| pair[1].first - pair[0].last).collect();
        let closed = ranges.len().saturating_sub(most.max(1));
        gaps.sort_unstable();
        let Some(largest) = closed.checked_sub(1).and_then(|last| gaps.get(last)).copied() else {
            return ranges;
        };
        // Of gaps as large as the largest one that is closed, all are: never more ranges than asked for.
        let mut merged: Vec<Self> = Vec::new();
        for range in ranges {
            match merged.last_mut() {
                Some(before) if range.first - before.last <= largest => before.last = range.last,
                Some(_) | None => merged.push(range),
            }
        }
        merged
    }
}

impl Succession {
    /// It is dated ahead of this clock, or its era is, by more than a day. Dated so it would stay good for as long beyond its
    /// days, and an era from far ahead leaves no later number to the next. `era_seen`: the latest that the signer knows.
    pub fn is_ahead_of(&self, now_ms: u64, era_seen: u32) -> bool {
        let latest_ms = now_ms.saturating_add(AHEAD_MS);
        self.time_ms > latest_ms || self.era > era_by(latest_ms).max(era_seen.saturating_add(1))
    }

    /// Whether a statement may carry it.
    pub fn check_bounds(&self) -> Result<(), OutOfBounds> {
        at_most("a succession that loses all bodies and keeps the period key", 1, {
            u64::from(!self.bodies_lost || self.period_key_lost)
        })?;
        at_most("least era of a succession", 1, self.era.into())?;
        at_most("least entries that a succession keeps", 1, self.kept.size)?;
        at_most("least traces of what is lost", 1, self.lost.len() as u64)?;
        at_most("traces of what is lost", self.lost.len() as u64, LOSS_TRACES_MAX)?;
        let most = if self.bodies_lost { 0 } else { GIVEN_UP_MAX as u64 };
        at_most("ranges of bodies that are given up", self.given_up.len() as u64, most)?;
        let mut next = 0;
        for range in &self.given_up {
            at_most("where bodies that are given up begin", next, range.first)?;
            at_most("where bodies that are given up end", range.first, range.last)?;
            at_most("bodies that are given up", range.last, self.kept.size - 1)?;
            next = range.last.saturating_add(2);
        }
        let cells = if self.cell_let_go { CELLS_MAX } else { 0 };
        at_most("cells that are let go of", self.cells.len() as u64, cells)
    }

    /// The entries of whose bodies some are given up, for people.
    pub fn given_up_list(&self) -> String {
        self.given_up.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    /// The cells that are let go of, for people; empty where nobody knows their names.
    pub fn cell_list(&self) -> String {
        self.cells.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    /// At least so many entries there were.
    pub fn known_size(&self) -> u64 {
        self.lost.iter().map(|trace| trace.size).max().unwrap_or(0).max(self.kept.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: u64, last: u64) -> IndexRange {
        IndexRange { first, last }
    }

    #[test]
    fn indices_lie_in_few_ranges_and_none_is_left_out() {
        assert_eq!(IndexRange::over(Vec::new(), 4), []);
        assert_eq!(IndexRange::over(vec![9, 3, 4, 5, 9], 4), [range(3, 5), range(9, 9)]);
        assert_eq!(IndexRange::over(vec![0, 2, 10, 12, 30], 2), [range(0, 12), range(30, 30)]);
        let odd: Vec<u64> = (0..1000).map(|n| 2 * n + 1).collect();
        assert_eq!(IndexRange::over(odd, GIVEN_UP_MAX), [range(1, 1999)]);
    }

    fn act(given_up: Vec<IndexRange>, bodies_lost: bool) -> Succession {
        Succession {
            era: 1,
            kept: Head { size: 100, root: [1; 32] },
            lost: vec![LossTrace { source: LossSource::Cell, size: 100, root: None }],
            bodies_lost,
            cause: LossCause::Damage,
            time_ms: 1,
            period_key_lost: bodies_lost,
            bodies_missing: 0,
            passwords: KeptPasswords::InForce,
            cell_let_go: false,
            given_up,
            cells: Vec::new(),
        }
    }

    #[test]
    fn a_plan_of_the_future_or_of_a_far_era_is_told() {
        let now_ms = ERAS_BEGIN_MS + 200_000_000_000;
        let of = |time_ms, era| Succession { time_ms, era, ..act(Vec::new(), false) };
        let ahead = |time_ms, era, seen| of(time_ms, era).is_ahead_of(now_ms, seen);
        assert!(!ahead(now_ms + AHEAD_MS, era_by(now_ms + AHEAD_MS), 0), "clocks differ");
        assert!(ahead(now_ms + AHEAD_MS + 1, 1, 0));
        assert!(ahead(now_ms, era_by(now_ms + AHEAD_MS) + 1, 0) && ahead(now_ms, u32::MAX, 0));
        assert!(!ahead(0, 1, 0), "how old it is the log judges");
        assert!(
            !ahead(now_ms, 4_000_000_001, 4_000_000_000),
            "behind an era from far ahead there is one more"
        );
    }

    #[test]
    fn what_is_given_up_is_in_order_and_within_what_is_kept() {
        let good = vec![range(0, 4), range(6, 6), range(90, 99)];
        assert!(act(good.clone(), false).check_bounds().is_ok());
        assert!(act(good, true).check_bounds().is_err(), "where all are lost, none is named");
        let bad = [vec![range(5, 4)], vec![range(90, 100)], vec![range(0, 4), range(5, 6)]];
        for given_up in bad.into_iter().chain([vec![range(9, 9), range(1, 1)]]) {
            assert!(act(given_up.clone(), false).check_bounds().is_err(), "{given_up:?}");
        }
        assert!(act((0..257).map(|n| range(0, n)).collect(), false).check_bounds().is_err());
        let named = Succession { cells: vec![CellName([1; 8])], ..act(Vec::new(), false) };
        assert!(named.check_bounds().is_err(), "a cell is named that is not let go of");
    }
}
