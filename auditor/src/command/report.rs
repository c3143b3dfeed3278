//! `conclave-audit report`: the verification with everything it saw, as text or JSON.
//! Never moves the trust file: that is `verify`'s.

use std::path::PathBuf;

use clap::Args;
use console::{Exit, Voice, Words};

use super::verify::{Against, judge, said};
use super::{ended, open_bundle, read_trust};
use crate::collector::Collector;
use crate::plain::{coverage, judgement};
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
}

/// Runs it.
pub fn run(report: &Report, voice: Voice) -> Exit {
    ended("report", voice, work(report, voice))
}

fn work(report: &Report, voice: Voice) -> Result<Exit, Trouble> {
    let trust = read_trust(&report.against.trust)?;
    let mut collector = Collector::default();
    let mut observer = |index, entry: &_, applied: &_| collector.take(index, entry, applied);
    let found = judge(&report.bundle, &report.against, &trust, voice, &mut observer)?;
    let temporary = |error: std::io::Error| Trouble::Unwritable {
        file: super::shown(&std::env::temp_dir()),
        cause: error.to_string(),
    };
    if collector.equivocations.is_open() {
        // Evidence names no entry: the first texts are looked up in a second reading.
        let (reader, _) = open_bundle(&report.bundle)?;
        let bad = |bad| Trouble::bundle(super::shown(&report.bundle), &bad, found.replay.tree().size());
        collector.equivocations.look_up(reader, found.replay.tree()).map_err(bad)?;
    }
    let (data, _) = collector.finish(&found).map_err(temporary)?;
    let mut lines = vec![judgement(&found, voice.lang).say(voice.lang)];
    lines.extend(coverage(&found, voice.lang).iter().map(|line| line.say(voice.lang)));
    let body = text(&data, voice.lang, console::terminal::output_columns());
    Ok(said("report", voice, &found, format!("{}\n\n{body}", lines.join("\n")), data))
}
