//! A register as CSV: RFC 4180, UTF-8, a header line, lines that end with CR LF, every cell in quotes.
//! Never lets a cell begin a formula: spreadsheets run what they take for one, and names are foreign text.

use console::Lang;

use super::{RegisterRow, columns};

/// The whole file. Behind the columns of the register stand the log's id and the entries that were verified, on each row.
pub fn csv(rows: &[RegisterRow], log: &str, entries: u64, lang: Lang) -> String {
    let mut out = String::new();
    let more = lang.pick(["log", "entries verified"], ["журнал", "проверено записей"]);
    line(&mut out, columns(lang).into_iter().chain(more).map(str::to_owned));
    for row in rows {
        line(&mut out, row.cells().into_iter().chain([log.to_owned(), entries.to_string()]));
    }
    out
}

fn line(out: &mut String, cells: impl Iterator<Item = String>) {
    let cells: Vec<String> = cells.map(|text| format!("\"{}\"", cell(&text).replace('"', "\"\""))).collect();
    out.push_str(&cells.join(","));
    out.push_str("\r\n");
}

/// What a spreadsheet could take for a formula begins with an apostrophe, which it takes for text.
fn cell(text: &str) -> String {
    let clean = console::clean(text);
    // As it was, and as it is once what cannot be seen is out of it.
    match begins_formula(text) || begins_formula(&clean) {
        true => format!("'{clean}"),
        false => clean,
    }
}

fn begins_formula(text: &str) -> bool {
    let first = text.trim_start_matches(' ').chars().next();
    matches!(first, Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_of_nothing_has_its_header_line() {
        for (lang, begins) in
            [(Lang::En, "\"entry\",\"time (UTC)\","), (Lang::Ru, "\"запись\",\"время (UTC)\",")]
        {
            let text = csv(&[], "ab", 9, lang);
            assert!(
                text.starts_with(begins) && text.ends_with("\"\r\n") && text.lines().count() == 1,
                "{text}"
            );
        }
    }

    #[test]
    fn no_cell_is_a_formula_and_none_breaks_its_line() {
        let row = |who: &str| RegisterRow {
            index: 7,
            at: "2026-01-01 00:00:01".into(),
            who: who.into(),
            what: "say \"yes\", twice".into(),
            state: "a\nb".into(),
        };
        for hostile in
            ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "＝1", "\u{202E}=1", " \u{200B}+1", "\u{1b}@A1"]
        {
            let text = csv(&[row(hostile)], "ab", 9, Lang::En);
            let cell = text.lines().nth(1).unwrap().split(',').nth(2).unwrap().to_owned();
            assert!(cell.starts_with("\"'"), "{hostile:?}: {cell}");
        }
        let text = csv(&[row("anna")], "ab", 9, Lang::En);
        assert_eq!(
            text,
            "\"entry\",\"time (UTC)\",\"who\",\"what\",\"state at the end\",\"log\",\"entries verified\"\r\n\
             \"7\",\"2026-01-01 00:00:01\",\"anna\",\"say \"\"yes\"\", twice\",\"a b\",\"ab\",\"9\"\r\n"
        );
    }
}
