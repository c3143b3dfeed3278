//! The sheet from which a terminal's owner checks that it is talking to the right site.
//! Never secret: it only has to be genuine.

use crate::date;
use crate::error::PaperError;
use crate::lang::Lang;
use crate::sheet::{Pdf, Sheet, checked};

/// What stands on a site card.
#[derive(Debug)]
pub struct SiteCardSheet<'a> {
    /// The site's name.
    pub site: &'a str,
    /// Where the appliance listens.
    pub address: &'a str,
    /// The name in its certificate.
    pub server_name: &'a str,
    /// The algorithm suite of the site, in words.
    pub suite: &'a str,
    /// The fingerprint of the card's bytes.
    pub fingerprint: &'a [u8; 32],
    /// What the QR code carries: the armoured card where it fits (2,331 bytes), else its fingerprint.
    pub code: &'a [u8],
    /// When it was issued.
    pub issued_ms: u64,
    /// The language of the sheet.
    pub lang: Lang,
}

impl SiteCardSheet<'_> {
    /// One page A4.
    pub fn pdf(&self) -> Result<Pdf, PaperError> {
        let lang = self.lang;
        let title = lang.pick("Site card", "Карточка объекта");
        let mut sheet = Sheet::new(title, lang, self.issued_ms)?;
        sheet.heading(title);
        sheet.field(lang.pick("Site", "Объект"), checked("site", self.site)?);
        sheet.field(lang.pick("Address", "Адрес"), checked("address", self.address)?);
        sheet.field(lang.pick("Server name", "Имя сервера"), checked("server name", self.server_name)?);
        sheet.field(lang.pick("Suite", "Набор алгоритмов"), checked("suite", self.suite)?);
        sheet.field(lang.pick("Issued", "Выдана"), &date::day(self.issued_ms, lang)?);
        sheet.subheading(lang.pick("Fingerprint (SHA-256)", "Отпечаток (SHA-256)"));
        sheet.groups(&fingerprint_groups(self.fingerprint), 8, 12.5);
        sheet.paragraph(lang.pick(
            "When the card is set up, the terminal shows a fingerprint. Compare every group with this sheet. If one differs, do not go on, and tell the security officer.",
            "При установке карточки терминал показывает отпечаток. Сверьте с этим листом каждую группу. Если хоть одна отличается, не продолжайте и сообщите офицеру безопасности.",
        ));
        sheet.gap(3.0);
        sheet.code(self.code, 90.0)?;
        sheet.ink(lang.pick("Security officer", "Офицер безопасности"));
        sheet.finish()
    }
}

/// Sixteen groups of four hexadecimal digits.
pub(crate) fn fingerprint_groups(fingerprint: &[u8; 32]) -> Vec<String> {
    fingerprint.chunks(2).map(|pair| pair.iter().map(|byte| format!("{byte:02x}")).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_sixteen_groups_of_four_digits() {
        let mut fingerprint = [0; 32];
        fingerprint[..3].copy_from_slice(&[0x0a, 0xff, 0x10]);
        let groups = fingerprint_groups(&fingerprint);
        assert_eq!(groups.len(), 16);
        assert_eq!(groups[..3], ["0aff", "1000", "0000"]);
    }
}
