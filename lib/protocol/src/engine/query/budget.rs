//! What still fits into one answer.
//! Never leaves an answer empty: whoever asks on comes to the end.

use crate::limits::{ANSWER_BYTES_MAX, ANSWER_ENTRIES_MAX, AROUND_ENTRY_BYTES};
use journal::register::MessageRow;
use pki::PersonId;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// What a message's entry takes in an answer beside its body, about.
const ENTRY_BYTES_ABOUT: u64 = 768 + AROUND_ENTRY_BYTES as u64;

/// Takes what was looked up until its cost passes the budget: at least one, so that whoever asks on comes to the end.
pub(super) fn affordable<T>(found: impl Iterator<Item = (T, usize)>, budget: usize) -> Vec<T> {
    let mut spent = 0;
    let within = found.take_while(|(_, cost)| {
        let affordable = spent <= budget;
        spent += cost;
        affordable
    });
    within.map(|(one, _)| one).collect()
}

/// What still fits into an answer.
#[derive(Default)]
pub(super) struct Budget {
    entries: usize,
    bytes: u64,
}

impl Budget {
    pub(super) fn takes(&mut self, row: &MessageRow) -> bool {
        let fits = self.entries < ANSWER_ENTRIES_MAX && self.bytes <= ANSWER_BYTES_MAX as u64;
        self.entries += 1;
        self.bytes += ENTRY_BYTES_ABOUT + if row.erased { 0 } else { row.size.bytes() };
        fits
    }
}

/// Rows that the previews of one minute look at: some tenths of a second of everybody's time.
const PREVIEW_ROWS_MAX: u64 = 1 << 24;

/// What previews of the retention schedule have looked at: each walks over all messages, and nobody who only asks makes
/// everybody wait.
#[derive(Default)]
pub(in crate::engine) struct Previews {
    /// The minute, and the rows of it by officer; administrators are one (`None`).
    looked: RefCell<(u64, BTreeMap<Option<PersonId>, u64>)>,
}

impl Previews {
    /// Whether one over so many rows may be made now; it counts as made then. Each officer has a purse of his own, and the
    /// first of his minute always may; administrators share what officers leave.
    pub(super) fn may_look(&self, officer: Option<PersonId>, now_ms: u64, rows: u64) -> bool {
        let mut looked = self.looked.borrow_mut();
        let minute = now_ms / 60_000;
        if looked.0 != minute {
            *looked = (minute, BTreeMap::new());
        }
        let spent = match officer {
            Some(_) => looked.1.get(&officer).copied().unwrap_or(0),
            None => looked.1.values().fold(0_u64, |sum, rows| sum.saturating_add(*rows)),
        };
        let may = spent == 0 || spent.saturating_add(rows) <= PREVIEW_ROWS_MAX;
        if may {
            let own = looked.1.entry(officer).or_default();
            *own = own.saturating_add(rows.max(1));
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::{PREVIEW_ROWS_MAX, Previews, affordable};
    use pki::PersonId;

    #[test]
    fn a_hundred_previews_of_a_large_site_cost_little_more_than_one_for_each_officer() {
        let (previews, rows) = (Previews::default(), PREVIEW_ROWS_MAX / 2 + 1);
        let (olga, oleg) = (Some(PersonId(1)), Some(PersonId(2)));
        let made = |who| (0..100).filter(|n| previews.may_look(who, n * 10, rows)).count();
        // An administrator who asks first, and goes on asking, keeps no officer out.
        assert_eq!([made(None), made(olga), made(oleg), made(None)], [1, 1, 1, 0]);
        assert!(previews.may_look(olga, 60_000, 3 * rows), "one a minute, however large the site is");
        assert!(!previews.may_look(olga, 61_000, 1) && !previews.may_look(None, 61_000, 1));
        assert!(previews.may_look(oleg, 61_000, rows));
        let small = Previews::default();
        assert!((0..1000).all(|_| small.may_look(None, 0, 600)), "a small one never notices");
    }

    #[test]
    fn a_page_ends_where_its_cost_passes_the_budget_and_is_never_empty() {
        let looked = std::cell::Cell::new(0);
        let costly = || (1..=9).map(|n| (n, 400)).inspect(|_| looked.set(looked.get() + 1));
        assert_eq!(affordable(costly(), 1000), [1, 2, 3], "the third passes it");
        assert_eq!(looked.get(), 4, "and little more is looked up");
        assert_eq!(affordable(costly(), 0), [1]);
        assert_eq!(affordable((0..3).map(|n| (n, 0)), 0), [0, 1, 2], "what costs nothing is free");
    }
}
