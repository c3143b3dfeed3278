//! What still fits into one answer.
//! Never leaves an answer empty: whoever asks on comes to the end.

use crate::limits::{ANSWER_BYTES_MAX, ANSWER_ENTRIES_MAX, AROUND_ENTRY_BYTES};
use journal::register::MessageRow;

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

#[cfg(test)]
mod tests {
    use super::affordable;

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
