//! A register for inspectors: a table over as many pages as it takes. At the head of each stands what it rests on.
//! Never leaves a page without its head: a page that is taken out still says of which journal and period it is.

use crate::error::PaperError;
use crate::lang::Lang;
use crate::sheet::{Pdf, Sheet, checked};

/// Pages of one register.
pub const REGISTER_PAGES_MAX: usize = 1000;
/// Lines at the head of each page, as they are given.
pub const HEAD_LINES_MAX: usize = 6;

/// What stands on a register.
#[derive(Debug)]
pub struct RegisterSheet<'a> {
    /// Its title, also at the foot of each page.
    pub title: &'a str,
    /// At the head of each page: site, log, verdict, period; at most [`HEAD_LINES_MAX`].
    pub head: &'a [String],
    /// Name and share of the width of each column.
    pub columns: &'a [(&'a str, f32)],
    /// The rows; each has as many cells as there are columns.
    pub rows: &'a [Vec<String>],
    /// What stands where there are no rows.
    pub none: &'a str,
    /// Whose signature ends it.
    pub signed_by: &'a str,
    /// The document's date: that of the journal's last entry, so that the same journal makes the same register.
    pub at_ms: u64,
    /// The language of the sheet.
    pub lang: Lang,
}

impl RegisterSheet<'_> {
    /// The whole register, A4.
    pub fn pdf(&self) -> Result<Pdf, PaperError> {
        if self.head.len() > HEAD_LINES_MAX {
            let lines = self.head.len();
            return Err(PaperError::TooManyLines { field: "head", lines, max: HEAD_LINES_MAX });
        }
        for line in self.head {
            checked("head", line)?;
        }
        let mut sheet = Sheet::new(self.title, self.lang, self.at_ms)?;
        sheet.running_head(self.title, self.head, self.columns, REGISTER_PAGES_MAX);
        for row in self.rows {
            for cell in row {
                checked("cell", cell)?;
            }
            sheet.table_row(row);
        }
        if self.rows.is_empty() {
            sheet.paragraph(self.none);
        }
        sheet.gap(4.0);
        sheet.ink(self.signed_by);
        sheet.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(rows: &[Vec<String>]) -> Result<Pdf, PaperError> {
        RegisterSheet {
            title: "Реестр конвертов",
            head: &["Система: Штаб".into(), "Проверено: записей 49".into()],
            columns: &[("запись", 0.1), ("что", 0.9)],
            rows,
            none: "Нет.",
            signed_by: "Аудитор",
            at_ms: 1_795_283_588_000,
            lang: Lang::Ru,
        }
        .pdf()
    }

    #[test]
    fn a_register_goes_over_many_pages_and_is_the_same_each_time() {
        let rows: Vec<Vec<String>> =
            (0..500).map(|n| vec![format!("#{n}"), "печать конверта".into()]).collect();
        let first = sheet(&rows).unwrap();
        assert_eq!(first, sheet(&rows).unwrap());
        assert!(sheet(&[]).unwrap().len() < first.len());
    }

    #[test]
    fn a_cell_longer_than_a_page_goes_on_and_an_endless_register_is_refused() {
        let long = vec!["#1".to_owned(), "слово\n".repeat(300)];
        sheet(&[long]).unwrap();
        let many = vec![vec!["#1".to_owned(), "x\n".repeat(2000)]; 60];
        assert_eq!(sheet(&many).unwrap_err(), PaperError::TooManyPages { max: REGISTER_PAGES_MAX });
        let huge = vec![vec!["#1".to_owned(), "x".repeat(5000)]];
        assert!(matches!(sheet(&huge), Err(PaperError::FieldTooLong { field: "cell", .. })));
    }
}
