//! The successions of a log, as a report shows them: what was given up, by whom, and which erasures went without an entry.
//! Never judges whether they were right: the officers signed, and the auditor looks.

use console::Lang;
use journal::act::IndexRange;
use journal::ids::Index;
use journal::register::SuccessionRow;
use serde::Serialize;

use crate::audit::Audit;
use crate::let_go::let_go_words;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SuccessionFound {
    /// The act that completed it.
    pub index: Index,
    /// The era that begins with it.
    pub era: u32,
    /// Entries from this one on were given up.
    pub kept: u64,
    /// So many entries there were at least.
    pub known: u64,
    /// Who signed: logins.
    pub officers: Vec<String>,
    /// Every body of before is lost.
    pub bodies_lost: bool,
    /// Entries of whose bodies some were given up, from and to.
    pub given_up: Vec<[Index; 2]>,
    /// A root cell was let go of.
    pub cell_let_go: bool,
    /// The names of those that were, as far as anybody knew.
    pub cells: Vec<String>,
    /// Erasure epochs that no `erased` tells of: the recovery erased what it gave up. From and to.
    pub epochs: Option<[u64; 2]>,
}

/// Gathers during the replay which erasure epochs belong to a recovery.
#[derive(Default)]
pub(crate) struct Recoveries {
    /// The newest epoch that an entry told of.
    epoch: u64,
    /// Its succession was said, and no start since.
    is_open: bool,
    /// By the start behind it.
    epochs: Vec<(Index, [u64; 2])>,
}

impl Recoveries {
    /// An officer's succession.
    pub(crate) fn succession(&mut self) {
        self.is_open = true;
    }

    /// The server's word of an epoch.
    pub(crate) fn erased(&mut self, epoch: u64) {
        self.epoch = self.epoch.max(epoch);
    }

    /// The server starts with a cell of this epoch.
    pub(crate) fn start(&mut self, index: Index, epoch: u64) {
        if std::mem::take(&mut self.is_open) && epoch > self.epoch {
            self.epochs.push((index, [self.epoch + 1, epoch]));
        }
        self.erased(epoch);
    }

    /// All successions of the log.
    pub(crate) fn found(&self, audit: &Audit) -> Vec<SuccessionFound> {
        let rows = audit.replay.register().successions();
        let found = rows.iter().enumerate().map(|(number, row)| {
            let next = rows.get(number + 1).map_or(Index::MAX, |next| next.end);
            self.of(row, next, audit)
        });
        found.collect()
    }

    fn of(&self, row: &SuccessionRow, next: Index, audit: &Audit) -> SuccessionFound {
        let (register, let_go) = (audit.replay.register(), audit.let_go.by(row));
        let login = |id: &pki::PersonId| match register.person(*id) {
            Some(person) => console::clean(&person.login),
            None => id.to_string(),
        };
        let behind = |(start, _): &&(Index, [u64; 2])| (row.end..next).contains(start);
        SuccessionFound {
            index: row.end - 1,
            era: row.era,
            kept: row.kept,
            known: row.known,
            officers: row.officers.iter().map(login).collect(),
            bodies_lost: row.bodies_lost,
            given_up: row.given_up.iter().map(|IndexRange { first, last }| [*first, *last]).collect(),
            cell_let_go: let_go.is_some(),
            cells: let_go.unwrap_or_default().iter().map(ToString::to_string).collect(),
            epochs: self.epochs.iter().find(behind).map(|(_, epochs)| *epochs),
        }
    }
}

impl SuccessionFound {
    /// As a person reads it.
    pub(crate) fn line(&self, lang: Lang) -> String {
        let Self { index, era, kept, known, .. } = self;
        let by = self.officers.iter().map(|login| format!("@{login}")).collect::<Vec<_>>().join(", ");
        let lost = known.saturating_sub(*kept);
        let mut line = lang.pick(
            format!(
                "#{index}  SUCCESSION to era {era} by {by}: entries from #{kept} on were given up, at least {lost} of them"
            ),
            format!("#{index}  ПРЕЕМСТВО, эра {era}, решение: {by}; утрачены записи с № {kept}, не меньше {lost}"),
        );
        if self.bodies_lost {
            line.push_str(lang.pick("; ALL BODIES OF BEFORE ARE LOST", "; ВСЕ ПРЕЖНИЕ ТЕЛА УТРАЧЕНЫ"));
        }
        let range = |[first, last]: &[Index; 2]| IndexRange { first: *first, last: *last }.to_string();
        let given_up = self.given_up.iter().map(range).collect::<Vec<_>>().join(", ");
        if !given_up.is_empty() {
            line.push_str(&lang.pick(
                format!("; bodies were lost of {given_up}"),
                format!("; утрачены тела записей {given_up}"),
            ));
        }
        if self.cell_let_go {
            line.push_str(&let_go_words(&self.cells, lang));
        }
        if let Some([first, last]) = self.epochs {
            let span = if first == last { first.to_string() } else { format!("{first}-{last}") };
            line.push_str(&lang.pick(
                format!("; erasure epochs {span} are the recovery's own and have no entry"),
                format!("; эпохи уничтожения {span} — само восстановление, записей о них нет"),
            ));
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epochs_of_a_recovery_are_those_between_the_last_word_and_the_start_behind_it() {
        let mut recoveries = Recoveries::default();
        recoveries.start(3, 0);
        recoveries.erased(4);
        recoveries.start(20, 5);
        assert_eq!(recoveries.epochs, [], "a start that finished an epoch is no recovery");
        recoveries.succession();
        recoveries.succession();
        recoveries.start(30, 7);
        recoveries.start(40, 9);
        assert_eq!(recoveries.epochs, [(30, [6, 7])]);
    }

    #[test]
    fn a_line_says_what_was_lost_by_whom_and_what_was_erased_without_an_entry() {
        let found = SuccessionFound {
            index: 81,
            era: 7,
            kept: 80,
            known: 94,
            officers: vec!["olga".into(), "oleg".into()],
            bodies_lost: false,
            given_up: vec![[41, 41], [50, 52]],
            cell_let_go: false,
            cells: Vec::new(),
            epochs: Some([5, 6]),
        };
        assert_eq!(
            found.line(Lang::En),
            "#81  SUCCESSION to era 7 by @olga, @oleg: entries from #80 on were given up, at least 14 of them; bodies were lost \
             of #41, #50-52; erasure epochs 5-6 are the recovery's own and have no entry"
        );
        assert!(found.line(Lang::Ru).contains("утрачены тела записей #41, #50-52; эпохи уничтожения 5-6"));
        let all = SuccessionFound { bodies_lost: true, given_up: Vec::new(), epochs: None, ..found };
        assert!(all.line(Lang::En).ends_with("; ALL BODIES OF BEFORE ARE LOST"));
        let nameless = SuccessionFound { cell_let_go: true, ..all };
        assert!(nameless.line(Lang::En).ends_with("; a root cell is let go of whose name nobody knows"));
        let named = SuccessionFound { cells: vec!["0101".into()], ..nameless };
        assert!(named.line(Lang::Ru).ends_with("; отказ от корневой ячейки 0101"));
    }
}
