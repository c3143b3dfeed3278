//! The root cells that successions let go of, and their words: wherever such a cell is, it opens what is erased from then on.
//! Never judges whether it was right: the officers signed, and the auditor looks.

use std::collections::BTreeMap;

use console::Lang;
use journal::act::{Act, CellName, Succession};
use journal::ids::Index;
use journal::register::SuccessionRow;
use journal::replay::CheckedEntry;
use minicbor::{Decode, Encode};

/// One succession's cells.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct LetGoRow {
    /// The entry that names them.
    #[n(0)]
    pub index: Index,
    /// Their names.
    #[n(1)]
    pub cells: Vec<CellName>,
}

/// By the entry that names them. The Register does not keep them: they say nothing about who may do what.
#[derive(Clone, Default, Debug)]
pub struct LetGo(BTreeMap<Index, Vec<CellName>>);

impl LetGo {
    /// The next entry that stands.
    pub(crate) fn take(&mut self, index: Index, entry: &CheckedEntry) {
        if let Some(statement) = entry.statement()
            && let Act::Succession(Succession { cell_let_go: true, cells, .. }) = statement.get().act()
        {
            self.0.insert(index, cells.clone());
        }
    }

    /// As rows, for a state file.
    pub fn rows(&self) -> Vec<LetGoRow> {
        self.0.iter().map(|(index, cells)| LetGoRow { index: *index, cells: cells.clone() }).collect()
    }

    /// From such rows.
    pub fn of(rows: Vec<LetGoRow>) -> Self {
        Self(rows.into_iter().map(|row| (row.index, row.cells)).collect())
    }

    /// What a succession let go of; empty where nobody knew the name, `None` where nothing was.
    pub fn by(&self, row: &SuccessionRow) -> Option<&[CellName]> {
        self.0.get(&row.end.checked_sub(1)?).map(Vec::as_slice)
    }
}

/// Behind other words about a succession.
pub fn let_go_words<T: ToString>(cells: &[T], lang: Lang) -> String {
    let names = cells.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match cells {
        [] => lang
            .pick(
                "; a root cell is let go of whose name nobody knows",
                "; отказ от корневой ячейки, имя которой неизвестно",
            )
            .to_owned(),
        [_, ..] => lang.pick(
            format!("; let go of the root cell {names}"),
            format!("; отказ от корневой ячейки {names}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use console::Words;
    use journal::testing::TestLog;

    use super::*;
    use crate::audit::tests::{exported, judged, trust};
    use crate::collector::Collector;

    #[test]
    fn a_cell_that_a_succession_let_go_of_is_named_wherever_the_succession_is_told() {
        let mut log = TestLog::standard(29);
        let anchor = log.head();
        log.start().unwrap();
        log.cut(anchor.size as usize);
        let cells = vec![CellName([0xA1; 8])];
        let act = Succession { cell_let_go: true, cells, ..log.succession(1) };
        log.succeed(&["olga", "oleg"], &act).unwrap();
        log.start().unwrap();
        let audit = judged(&exported(&log), &trust(&log, Some(anchor)), Vec::new());
        let name = CellName([0xA1; 8]).to_string();
        let said = crate::plain::coverage(&audit, Lang::Ru);
        let told =
            said.iter().any(|said| said.say(Lang::Ru).contains(&format!("отказ от корневой ячейки {name}")));
        assert!(told, "verify");
        let (report, _) = Collector::default().finish(&audit).unwrap();
        assert!(report.successions[0].line(Lang::En).contains(&format!("; let go of the root cell {name}")));
        assert_eq!(report.successions[0].cells, [name]);
    }
}
