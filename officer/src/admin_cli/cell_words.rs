//! The store's root cells in words: how many are here, and of what kind one is.
//! Never asks for them: what the server says of them is given.

use console::{Lang, count_en, count_ru};
use journal::fact::CellKind;
use pki::canonical;
use protocol::answer::CellRecord;

/// The store's root cells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Cells {
    pub(super) all: usize,
    pub(super) absent: usize,
    failing: usize,
}

impl Cells {
    /// One that has never joined, or was let go of, is none of the store's.
    pub(super) fn of(records: &[CellRecord]) -> Self {
        let own = records.iter().filter(|cell| cell.name.is_some() || cell.absent.is_none());
        let count = |is: fn(&&CellRecord) -> bool| own.clone().filter(is).count();
        let (absent, failing) = (count(|cell| cell.absent.is_some()), count(|cell| cell.failing.is_some()));
        Self { all: own.clone().count(), absent, failing }
    }

    pub(super) fn words(self, lang: Lang) -> String {
        let Self { all, absent, failing } = self;
        let here = all.saturating_sub(absent);
        match absent {
            _ if failing > 0 => lang.pick(
                "the last one here is FAILING: the next erasure or start may fail; let people save what they need: conclave-admin cell status",
                "последняя из бывших на месте ОТКАЗЫВАЕТ: следующее стирание или запуск могут не удаться; пусть люди сохранят нужное: \
                 conclave-admin cell status",
            )
            .to_owned(),
            0 => lang.pick(
                count_en(all as u64, "cell, here", "cells, all here"),
                count_ru(all as u64, "ячейка, на месте", "ячейки, все на месте", "ячеек, все на месте"),
            ),
            _ => lang.pick(
                format!(
                    "{here} of {all} here, {absent} AWAY: erasures wait for it, and without the last one nothing opens: \
                     conclave-admin cell status"
                ),
                format!(
                    "на месте {here} из {all}, НЕТ НА МЕСТЕ: {absent}. Её ждут уничтожения, а без последней не откроется \
                     ничего: conclave-admin cell status"
                ),
            ),
        }
    }
}

/// Name for scripts, words for people.
pub(super) fn cell(number: u8) -> (&'static str, &'static str, &'static str) {
    // The number stands for the kind as the kind itself is encoded: one unsigned number.
    match canonical::decode::<CellKind>(&[number]) {
        Ok(CellKind::File) => (
            "file",
            "a file: FOR DEVELOPMENT. An old copy of it opens what was erased since",
            "файл: ДЛЯ РАЗРАБОТКИ. Старая его копия открывает стёртое с тех пор",
        ),
        Ok(CellKind::Sector) => ("sector", "a raw sector", "сектор носителя"),
        Ok(CellKind::Tpm) => ("tpm", "TPM 2.0", "TPM 2.0"),
        Err(_) => {
            ("unknown", "of a kind that this program does not know", "неизвестного этой программе вида")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::act::CellName;

    #[test]
    fn a_cell_that_is_away_is_loud_and_one_that_never_joined_is_none() {
        let cell = |name: Option<u8>, absent: Option<&str>| CellRecord {
            name: name.map(|byte| CellName([byte; 8])),
            kind: 2,
            absent: absent.map(str::to_owned),
            failing: None,
        };
        let whole = Cells::of(&[cell(Some(1), None), cell(Some(2), None), cell(None, Some("blank"))]);
        assert_eq!(whole, Cells { all: 2, absent: 0, failing: 0 });
        assert_eq!(whole.words(Lang::En), "2 cells, all here");
        assert_eq!(Cells::of(&[cell(Some(1), None)]).words(Lang::Ru), "1 ячейка, на месте");
        let away = Cells::of(&[cell(Some(1), None), cell(Some(2), Some("not there"))]);
        assert!(away.words(Lang::En).starts_with("1 of 2 here, 1 AWAY: erasures wait for it"));
        assert!(away.words(Lang::Ru).contains("НЕТ НА МЕСТЕ"));
        let failing = CellRecord { failing: Some("EIO".into()), ..cell(Some(1), None) };
        assert!(Cells::of(&[failing]).words(Lang::En).starts_with("the last one here is FAILING"));
    }

    #[test]
    fn every_kind_of_cell_has_its_words() {
        let names: Vec<&str> = (0..5).map(|number| cell(number).0).collect();
        assert_eq!(names, ["unknown", "file", "sector", "tpm", "unknown"]);
        assert!(cell(1).1.contains("DEVELOPMENT") && cell(1).2.contains("РАЗРАБОТКИ"));
    }
}
