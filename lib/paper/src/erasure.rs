//! The certificate that something was erased, as the journal states it.
//! Never promises more than the cell can: its limits are printed on the sheet.

use crate::date;
use crate::error::PaperError;
use crate::lang::Lang;
use crate::sheet::{Pdf, Sheet, checked};

/// Lines of what was erased, and of orders and limits.
pub const LINES_MAX: usize = 200;

/// What stands on a certificate of erasure.
#[derive(Debug)]
pub struct ErasureCertificate<'a> {
    /// The site's name.
    pub site: &'a str,
    /// The entry that ordered the erasure.
    pub erase_index: u64,
    /// The entry that states its completion.
    pub erased_index: u64,
    /// The erasure epoch that ended with it.
    pub epoch: u64,
    /// What was erased, one line each: numbers and sizes, never titles or texts.
    pub what: &'a [&'a str],
    /// By whose order, one line each.
    pub ordered_by: &'a [&'a str],
    /// To whom copies had been given before, one line each; may be empty.
    pub released: &'a [&'a str],
    /// The kind of cell that held the root, in words.
    pub cell: &'a str,
    /// What this kind of cell cannot promise, one line each; may be empty.
    pub limits: &'a [&'a str],
    /// Entries in the journal at the head that covers both entries.
    pub head_size: u64,
    /// The root of that head.
    pub head_root: &'a [u8; 32],
    /// When it was completed.
    pub erased_ms: u64,
    /// The language of the sheet.
    pub lang: Lang,
}

impl ErasureCertificate<'_> {
    /// One page A4, or more where many lines are given.
    pub fn pdf(&self) -> Result<Pdf, PaperError> {
        let lang = self.lang;
        let number = |index: u64| lang.pick(format!("No. {index}"), format!("№ {index}"));
        let title = lang.pick("Certificate of erasure", "Акт об уничтожении");
        let mut sheet = Sheet::new(title, lang, self.erased_ms)?;
        sheet.heading(title);
        sheet.field(lang.pick("Site", "Объект"), checked("site", self.site)?);
        sheet.field(lang.pick("Ordered in entry", "Приказ: запись"), &number(self.erase_index));
        sheet.field(lang.pick("Completed in entry", "Исполнение: запись"), &number(self.erased_index));
        sheet.field(lang.pick("Completed", "Исполнено"), &date::second(self.erased_ms, lang)?);
        sheet.field(lang.pick("Erasure epoch", "Эпоха уничтожения"), &self.epoch.to_string());
        sheet.field(lang.pick("Cell of the root key", "Ячейка корневого ключа"), checked("cell", self.cell)?);
        sheet.subheading(lang.pick("What was erased", "Что уничтожено"));
        bullets(&mut sheet, "what", self.what)?;
        sheet.subheading(lang.pick("By whose order", "По чьему приказу"));
        bullets(&mut sheet, "ordered by", self.ordered_by)?;
        sheet.paragraph(lang.pick(
            "The keys of what is named above were replaced from the leaf to the root, the former root was destroyed in its cell, and the new one was read back. The journal keeps that it existed, when, and who erased it.",
            "Ключи перечисленного заменены от листа до корня, прежний корень уничтожен в ячейке, новый прочитан повторно. В журнале остаётся, что оно существовало, когда и кем уничтожено.",
        ));
        if !self.released.is_empty() {
            sheet.subheading(lang.pick("Copies given out before", "Копии, выданные ранее"));
            bullets(&mut sheet, "copies", self.released)?;
        }
        if !self.limits.is_empty() {
            sheet.subheading(lang.pick("What this cannot promise", "Чего это не гарантирует"));
            bullets(&mut sheet, "limits", self.limits)?;
        }
        sheet.subheading(&lang.pick(
            format!("Journal head: {} entries", self.head_size),
            format!("Вершина журнала: записей {}", self.head_size),
        ));
        sheet.groups(&crate::site_card::fingerprint_groups(self.head_root), 8, 11.0);
        sheet.ink(lang.pick("Officer", "Офицер"));
        sheet.ink(lang.pick("Second officer", "Второй офицер"));
        sheet.finish()
    }
}

fn bullets(sheet: &mut Sheet, field: &'static str, lines: &[&str]) -> Result<(), PaperError> {
    if lines.len() > LINES_MAX {
        return Err(PaperError::TooManyLines { field, lines: lines.len(), max: LINES_MAX });
    }
    for line in lines {
        sheet.paragraph(&format!("— {}", checked(field, line)?));
    }
    Ok(())
}
