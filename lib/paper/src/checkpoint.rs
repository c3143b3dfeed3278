//! The sheet that carries a signed head of the journal out of the room: a witness on paper.
//! Never verifies the note: whoever reads it back does.

use crate::date;
use crate::error::PaperError;
use crate::lang::Lang;
use crate::sheet::{Pdf, Sheet, checked};

/// Bytes of the note, so that its QR code stays readable.
pub const NOTE_BYTES_MAX: usize = crate::qr::QR_BYTES_MAX;

/// What stands on a checkpoint sheet.
#[derive(Debug)]
pub struct CheckpointSheet<'a> {
    /// The site's name.
    pub site: &'a str,
    /// The log's era: how often it was succeeded.
    pub era: u32,
    /// Entries in the journal.
    pub size: u64,
    /// The root over them.
    pub root: &'a [u8; 32],
    /// The signed note, exactly.
    pub note: &'a str,
    /// When the sheet was made.
    pub printed_ms: u64,
    /// The language of the sheet.
    pub lang: Lang,
}

impl CheckpointSheet<'_> {
    /// As `conclave-audit verify --head` takes it: SIZE:ROOT, the era before it where there is one.
    fn typed(&self) -> String {
        let root = hex::encode(self.root);
        let era = if self.era > 0 { format!("{}/", self.era) } else { String::new() };
        format!("{era}{}:{root}", self.size)
    }

    /// One page A4; a note near its limit goes on on a second one.
    pub fn pdf(&self) -> Result<Pdf, PaperError> {
        let lang = self.lang;
        if self.note.len() > NOTE_BYTES_MAX {
            return Err(PaperError::QrTooLong { bytes: self.note.len() });
        }
        let title = lang.pick("Journal checkpoint", "Контрольная точка журнала");
        let mut sheet = Sheet::new(title, lang, self.printed_ms)?;
        sheet.heading(title);
        sheet.field(lang.pick("Site", "Объект"), checked("site", self.site)?);
        sheet.field(lang.pick("Entries", "Записей"), &self.size.to_string());
        sheet.field(lang.pick("Printed", "Напечатано"), &date::second(self.printed_ms, lang)?);
        sheet.subheading(lang.pick("Root", "Корень"));
        sheet.groups(&crate::site_card::fingerprint_groups(self.root), 8, 12.5);
        sheet.subheading(lang.pick("Signed note", "Контрольная точка, подписанная журналом"));
        sheet.exact(self.note.trim_end_matches('\n'), 7.5);
        sheet.paragraph(lang.pick(
            "The QR code holds the note letter by letter. Kept outside the room, this sheet shows later whether the journal up to this entry is still the same: with the text that a scanner reads in a file, conclave-audit verify --anchor FILE; typed in:",
            "QR-код содержит контрольную точку буква в букву. Лист, хранящийся вне помещения, позволит позже проверить, что записи журнала, которые она покрывает, не изменены: сохраните считанный сканером текст в файл и дайте его команде conclave-audit verify --anchor; или наберите вручную:",
        ));
        sheet.exact(&format!("--head {}", self.typed()), 7.5);
        sheet.code(self.note.as_bytes(), 80.0)?;
        sheet.ink(lang.pick("Officer", "Офицер"));
        sheet.ink(lang.pick("Auditor", "Аудитор"));
        sheet.finish()
    }
}
