//! The sheet that brings a person the first password, with a slip to be signed and returned.
//! Never stored by us: the caller prints it or writes it where it was told, and forgets it.

use crate::date;
use crate::error::PaperError;
use crate::lang::Lang;
use crate::sheet::{Pdf, Sheet, checked};

/// What stands on an envelope. Without `Debug`: it holds a password.
pub struct Envelope<'a> {
    /// The site's name.
    pub site: &'a str,
    /// The number of the envelope at this site.
    pub number: u64,
    /// Who may open it.
    pub full_name: &'a str,
    /// The login it belongs to.
    pub login: &'a str,
    /// The unit of that person.
    pub unit: &'a str,
    /// The password of the first login, in its groups.
    pub password: [&'a str; 4],
    /// When it was issued.
    pub issued_ms: u64,
    /// The language of the person.
    pub lang: Lang,
}

impl Envelope<'_> {
    /// One page A4: the sheet above, the slip below the cut line.
    pub fn pdf(&self) -> Result<Pdf, PaperError> {
        let lang = self.lang;
        let site = checked("site", self.site)?;
        let full_name = checked("full name", self.full_name)?;
        let login = checked("login", self.login)?;
        let unit = checked("unit", self.unit)?;
        let issued = date::day(self.issued_ms, lang)?;
        let name = lang.pick(format!("Envelope No. {}", self.number), format!("Конверт № {}", self.number));

        let mut sheet = Sheet::new(&name, lang, self.issued_ms)?;
        sheet.heading(&name);
        sheet.paragraph(lang.pick("To be opened by the recipient only.", "Вскрывает только получатель."));
        sheet.gap(1.0);
        sheet.field(lang.pick("Site", "Объект"), site);
        sheet.field(lang.pick("Recipient", "Получатель"), full_name);
        sheet.field(lang.pick("Login", "Логин"), login);
        sheet.field(lang.pick("Unit", "Подразделение"), unit);
        sheet.field(lang.pick("Issued", "Выдан"), &issued);
        sheet.subheading(lang.pick("One-time password", "Одноразовый пароль"));
        sheet.groups(&self.password, 4, 22.0);
        sheet.steps(&lang.pick(STEPS_EN, STEPS_RU));

        sheet.cut(68.0);
        sheet.subheading(&lang.pick(
            format!("Slip to envelope No. {}", self.number),
            format!("Талон к конверту № {}", self.number),
        ));
        sheet.field(lang.pick("Recipient", "Получатель"), &format!("{full_name} ({login})"));
        sheet.field(lang.pick("Site, date of issue", "Объект, дата выдачи"), &format!("{site}, {issued}"));
        sheet.paragraph(lang.pick(
            "I received the envelope unopened and undamaged and was told how to use it.",
            "Конверт получен невскрытым и неповреждённым, порядок его использования разъяснён.",
        ));
        sheet.ink(lang.pick("Recipient", "Получатель"));
        sheet.ink(lang.pick("Handed over by", "Выдал"));
        sheet.finish()
    }
}

const STEPS_EN: [&str; 6] = [
    "If the envelope was open or damaged when you received it, or its number differs from this one, do not log in: tell the security officer.",
    "Sign the slip, return it to the officer and wait for his word.",
    "At your own terminal run: conclave login --envelope",
    "Type the one-time password. Case, blanks and dashes do not matter; if a group is mistyped, you are told which one.",
    "You are asked for a new password at once. Choose one that nobody knows but you; no officer needs it.",
    "Destroy this sheet. After the first login the one-time password is worth nothing.",
];

const STEPS_RU: [&str; 6] = [
    "Если вы получили конверт вскрытым или повреждённым или его номер другой, не входите в систему и сообщите офицеру безопасности.",
    "Верните офицеру подписанный талон и дождитесь его слова.",
    "На своём терминале выполните: conclave login --envelope",
    "Введите одноразовый пароль. Регистр букв, пробелы и дефисы не важны; если в группе ошибка, система скажет, в какой.",
    "Система сразу попросит новый пароль. Придумайте такой, которого не знает никто, кроме вас; офицеру он не нужен.",
    "Уничтожьте этот лист. После первого входа одноразовый пароль больше не действует.",
];
