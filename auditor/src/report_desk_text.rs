//! What was given away and what was raised, in the report as text.
//! Never adds anything to the report: each line is a row of it.

use console::{Align, Lang, Table};

use crate::report::Report;

/// The lines below the section's heading.
pub(crate) fn desk(report: &Report, lang: Lang, width: usize) -> String {
    let t = |en: &'static str, ru: &'static str| lang.pick(en, ru);
    if report.disclosures.is_empty() && report.raised.is_empty() {
        return format!("{}\n", t("nothing", "ничего"));
    }
    let mut out = String::new();
    for row in &report.disclosures {
        let (index, at, by, message) = (row.index, &row.at, &row.by, row.message);
        let author = row.author.as_deref().unwrap_or("?");
        out.push_str(&lang.pick(
            format!("#{index}  {at}  {by} disclosed message #{message} of {author}\n"),
            format!("#{index}  {at}  {by}: раскрыто сообщение #{message}, автор {author}\n"),
        ));
    }
    more(&mut out, report.disclosures_more, lang);
    if report.raised.is_empty() {
        return out;
    }
    let mut table = Table::new([
        (t("entry", "запись"), Align::Right),
        (t("at", "когда"), Align::Left),
        (t("by", "кто"), Align::Left),
        (t("what", "что"), Align::Left),
        (t("times", "раз"), Align::Right),
        (t("what came of it", "чем кончилось"), Align::Left),
    ]);
    for row in &report.raised {
        let by = row.by.clone().unwrap_or_else(|| t("the server", "сервер").to_owned());
        table.row([
            format!("#{}", row.index),
            row.at.clone(),
            by,
            row.words(lang),
            row.times.to_string(),
            row.state_words(lang),
        ]);
    }
    out.push_str(&table.render(width));
    more(&mut out, report.raised_more, lang);
    out
}

/// A list that was cut says so.
pub(crate) fn more(out: &mut String, count: u64, lang: Lang) {
    if count > 0 {
        out.push_str(&lang.pick(format!("and {count} more\n"), format!("и ещё {count}\n")));
    }
}
