//! `conclave-audit report`: the verification with everything it saw, as text, JSON or one HTML file.
//! Never moves the trust file: that is `verify`'s.

use std::path::PathBuf;

use clap::Args;
use console::{Exit, Voice, Words};

use super::judging::{Against, judge};
use super::verify::{look_behind, said};
use super::{ended, look_again, read_trust, shown, write_new};
use crate::collector::Collector;
use crate::page::Page;
use crate::plain::{Said, coverage, judgement};
use crate::report_text::text;
use crate::trouble::Trouble;

/// Verify a bundle and report on everything in it.
#[derive(Args, Debug)]
#[allow(missing_docs, reason = "the group's own help stands at its struct")]
pub struct Report {
    /// The bundle.
    pub bundle: PathBuf,
    #[command(flatten)]
    pub against: Against,
    /// The bundle of the log that this one continues: held against what this one says of it.
    #[arg(long, value_name = "BUNDLE")]
    pub predecessor: Option<PathBuf>,
    /// Write it here as one HTML file without script, for a browser or paper; a file that is there stays as it is.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

console::words! {
    enum Written {
        Page { file: String } => en("the report is in {file}"), ru("отчёт записан: {file}");
    }
}

/// Runs it.
pub fn run(report: &Report, voice: Voice) -> Exit {
    ended("report", voice, work(report, voice))
}

fn work(report: &Report, voice: Voice) -> Result<Exit, Trouble> {
    let trust = read_trust(&report.against.trust)?;
    let mut collector = Collector::default();
    let mut observer = |index, entry: &_, applied: &_| collector.take(index, entry, applied);
    let mut found = judge(&report.bundle, &report.against, &trust, voice, &mut observer)?;
    look_behind(&mut found, report.predecessor.as_deref(), voice)?;
    let temporary = |error: std::io::Error| Trouble::Unwritable {
        file: shown(&std::env::temp_dir()),
        cause: error.to_string(),
    };
    if collector.wants_second_reading(&found) {
        let mut again = |index, parsed: &_| collector.again(index, parsed);
        look_again(&report.bundle, &found, voice, &mut again)?;
    }
    let (data, _) = collector.finish(&found).map_err(temporary)?;
    let first = judgement(&found, voice.lang).say(voice.lang);
    let covered = coverage(&found, voice.lang);
    let mut lines = vec![first.clone()];
    lines.extend(covered.iter().map(|line| line.say(voice.lang)));
    let body = match &report.html {
        None => format!("\n{}", text(&data, voice.lang, console::terminal::output_columns())),
        Some(path) => {
            let lost = covered.iter().filter(|line| matches!(line, Said::LostHead { .. }));
            let lost: Vec<String> = lost.map(|line| line.say(voice.lang)).collect();
            let page = Page {
                report: &data,
                judgement: &found.judgement,
                said: &first,
                lost: &lost,
                lang: voice.lang,
            };
            write_new(path, page.html().as_bytes())?;
            Written::Page { file: shown(path) }.say(voice.lang)
        }
    };
    Ok(said("report", voice, &found, format!("{}\n{body}", lines.join("\n")), data))
}
