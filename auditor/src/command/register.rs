//! `conclave-audit register`: a register for inspectors, as PDF or CSV, of a journal that was verified.
//! Never makes one of a journal that was not: a sheet outlives the remark beside it.

use journal::retention::DAY_MS;
use std::path::{Path, PathBuf};

use clap::Args;
use console::when::parse_rfc3339;
use console::{Exit, Lang, Voice, Words};
use journal::ids::Index;
use paper::{PaperError, RegisterSheet};
use serde::Serialize;

use super::judging::{Against, judge};
use super::verify::said;
use super::{ended, look_again, read_trust, shown, write_new};
use crate::audit::Audit;
use crate::judgement::Judgement;
use crate::plain::{coverage, judgement};
use crate::registers::{Gatherer, Period, REGISTER_ROWS_MAX, RegisterKind, RegisterRow, columns, csv, head};
use crate::trouble::Trouble;

/// Verify a bundle and write a register for inspectors.
///
/// What was done about one matter in a period, with the state behind the last entry. Of a bundle that is not verified none is
/// written, and the command ends as `verify` does. Times and dates are UTC.
#[derive(Args, Debug)]
#[allow(missing_docs, reason = "the group's own help stands at its struct")]
pub struct Register {
    /// The bundle.
    pub bundle: PathBuf,
    #[command(flatten)]
    pub against: Against,
    /// What it is about.
    #[arg(long, value_enum)]
    pub kind: RegisterKind,
    /// The first day, such as 2026-01-01; else that of the first entry.
    #[arg(long, value_name = "DATE")]
    pub from: Option<String>,
    /// The last day, included; else that of the last entry.
    #[arg(long, value_name = "DATE")]
    pub to: Option<String>,
    /// Where to write it: NAME.pdf or NAME.csv; a file that is there stays as it is.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

console::words! {
    enum Told {
        Done { file: String, rows: usize }
            => en("the register is in {file}, rows: {rows}"), ru("реестр записан: {file}, строк: {rows}");
        Not => en("no register is made of a journal that is not verified"),
               ru("реестр по непроверенному журналу не составляется");
    }
}

#[derive(Serialize)]
struct Data {
    kind: &'static str,
    verdict: &'static str,
    entries: u64,
    anchored: u64,
    rows: usize,
    /// `null`: none was written.
    file: Option<String>,
    last: Option<Index>,
}

enum Shape {
    Pdf,
    Csv,
}

/// Runs it.
pub fn run(register: &Register, voice: Voice) -> Exit {
    ended("register", voice, work(register, voice))
}

fn work(register: &Register, voice: Voice) -> Result<Exit, Trouble> {
    let shape = shape(&register.out)?;
    let asked = Period {
        from_ms: day("--from", register.from.as_deref())?.unwrap_or(0),
        to_ms: day("--to", register.to.as_deref())?.map_or(u64::MAX, |day| day + (DAY_MS - 1)),
    };
    if asked.from_ms > asked.to_ms {
        return Err(Trouble::BadValue { what: "--from, --to".into(), wanted: "--from <= --to".into() });
    }
    let trust = read_trust(&register.against.trust)?;
    let mut gatherer = Gatherer::new(register.kind, asked, voice.lang);
    let mut observer = |index, entry: &_, applied: &_| gatherer.take(index, entry, applied);
    let found = judge(&register.bundle, &register.against, &trust, voice, &mut observer)?;
    let mut lines = vec![judgement(&found, voice.lang).say(voice.lang)];
    lines.extend(coverage(&found, voice.lang).iter().map(|line| line.say(voice.lang)));
    let verdict = found.replay.verdict();
    let mut data = Data {
        kind: register.kind.name(),
        verdict: found.judgement.code(),
        entries: verdict.head.size,
        anchored: verdict.anchored,
        rows: 0,
        file: None,
        last: None,
    };
    if !matches!(found.judgement, Judgement::Verified) {
        lines.push(Told::Not.say(voice.lang));
        return Ok(said("register", voice, &found, lines.join("\n"), data));
    }
    if gatherer.wants_second_reading(&found) {
        let mut again = |index, parsed: &_| gatherer.again(index, parsed);
        look_again(&register.bundle, &found, voice, &mut again)?;
    }
    let (rows, more) = gatherer.finish(&found);
    if more > 0 {
        return Err(Trouble::TooLong { limit: REGISTER_ROWS_MAX as u64 });
    }
    // Days that were not asked for are those of the journal.
    let (first_ms, last_ms) = verdict.span_ms;
    let period = Period {
        from_ms: if register.from.is_some() { asked.from_ms } else { first_ms },
        to_ms: if register.to.is_some() { asked.to_ms } else { last_ms },
    };
    let bytes = match shape {
        Shape::Csv => csv(&rows, &verdict.log.to_string(), verdict.head.size, voice.lang).into_bytes(),
        Shape::Pdf => sheet(register.kind, &found, period, &rows, voice.lang)?,
    };
    write_new(&register.out, &bytes)?;
    let file = shown(&register.out);
    (data.rows, data.last, data.file) = (rows.len(), rows.last().map(|row| row.index), Some(file.clone()));
    lines.push(Told::Done { file, rows: rows.len() }.say(voice.lang));
    Ok(said("register", voice, &found, lines.join("\n"), data))
}

fn shape(out: &Path) -> Result<Shape, Trouble> {
    match out.extension().and_then(|ending| ending.to_str()) {
        Some("pdf") => Ok(Shape::Pdf),
        Some("csv") => Ok(Shape::Csv),
        Some(_) | None => Err(Trouble::BadValue { what: "--out".into(), wanted: "*.pdf, *.csv".into() }),
    }
}

/// The beginning of a day, UTC.
fn day(what: &str, text: Option<&str>) -> Result<Option<u64>, Trouble> {
    let Some(text) = text else { return Ok(None) };
    let plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let at = parse_rfc3339(&format!("{text}T00:00:00Z")).filter(|_| plain);
    at.map(Some).ok_or_else(|| Trouble::BadValue { what: what.into(), wanted: "2026-11-21".into() })
}

fn sheet(
    kind: RegisterKind,
    found: &Audit,
    period: Period,
    rows: &[RegisterRow],
    lang: Lang,
) -> Result<Vec<u8>, Trouble> {
    let widths = [14.0, 20.0, 32.0, 62.0, 38.0];
    let columns: Vec<(&str, f32)> = columns(lang).into_iter().zip(widths).collect();
    let cells: Vec<Vec<String>> = rows.iter().map(RegisterRow::cells).collect();
    let sheet = RegisterSheet {
        title: kind.title(lang),
        head: &head(found, period, rows.len(), lang),
        columns: &columns,
        rows: &cells,
        none: lang.pick("Nothing of this kind in this period.", "За этот период ничего такого не было."),
        signed_by: lang.pick("Auditor", "Аудитор"),
        at_ms: found.replay.verdict().span_ms.1,
        lang: lang.pick(paper::Lang::En, paper::Lang::Ru),
    };
    match sheet.pdf() {
        Ok(pdf) => Ok(pdf.to_vec()),
        Err(PaperError::TooManyPages { .. }) => {
            Err(Trouble::TooLong { limit: paper::REGISTER_PAGES_MAX as u64 })
        }
        Err(error) => Err(Trouble::NotPrinted { cause: error.to_string() }),
    }
}
