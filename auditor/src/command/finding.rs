//! `conclave-audit finding`: files what an auditor found, as a statement in the journal, for the officers.
//! Never a text: a severity and a code of a list; the auditor's paper tells the rest.

use clap::{Args, ValueEnum};
use console::{Exit, Voice};
use journal::act::{Act, Finding as FindingAct, FindingCode, Severity};
use journal::ids::Index;
use link::terminal::{Terminal, finding_code_words, severity_words};
use protocol::client::command::OtherAct;
use protocol::client::{Command, Reply};
use serde::Serialize;

use super::online::{Access, odd, online, runtime};
use super::{ended, number};
use crate::trouble::Trouble;

/// File a finding at an entry: the journal keeps it, the officers are told, and it stands open until one of them closes it.
#[derive(Args, Debug)]
#[allow(missing_docs, reason = "the group's own help stands at its struct")]
pub struct Finding {
    /// The entry's index.
    #[arg(value_parser = number)]
    pub index: u64,
    /// How bad it is.
    #[arg(long, value_name = "SEVERITY")]
    pub severity: Level,
    /// What it is about.
    #[arg(long, value_name = "CODE", default_value = "other")]
    pub code: Code,
    #[command(flatten)]
    pub access: Access,
}

/// A severity, as it is typed: by the name that scripts see.
#[derive(Clone, Copy, Debug)]
pub struct Level(Severity);

/// A code, likewise.
#[derive(Clone, Copy, Debug)]
pub struct Code(FindingCode);

impl ValueEnum for Level {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [Level; 4] =
            [Level(Severity::Low), Level(Severity::Medium), Level(Severity::High), Level(Severity::Critical)];
        &ALL
    }
    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(severity_words(self.0).0))
    }
}

impl ValueEnum for Code {
    fn value_variants<'a>() -> &'a [Self] {
        static ALL: [Code; 10] = {
            let mut all = [Code(FindingCode::Other); 10];
            let mut n = 0;
            while n < all.len() {
                all[n] = Code(FindingCode::ALL[n]);
                n += 1;
            }
            all
        };
        &ALL
    }
    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(finding_code_words(self.0).0))
    }
}

console::words! {
    enum Said {
        Filed { entry: u64, index: Index }
            => en("filed: #{index}; the officers are told of the finding at #{entry}"),
               ru("внесено: запись #{index}; офицеры узнают о замечании к #{entry}");
    }
}

#[derive(Serialize)]
struct Data {
    entry: u64,
    index: Index,
    severity: &'static str,
    code: &'static str,
}

/// Runs it.
pub fn run(finding: &Finding, voice: Voice) -> Exit {
    ended("finding", voice, work(finding, voice))
}

fn work(finding: &Finding, voice: Voice) -> Result<Exit, Trouble> {
    let (mut terminal, proof) = finding.access.open(finding.access.card()?, voice)?;
    let filed = runtime()?.block_on(async {
        let filed = file(&mut terminal, &proof, finding).await;
        terminal.close().await;
        filed
    });
    let (index, entry) = (filed?, finding.index);
    let (severity, code) = (severity_words(finding.severity.0).0, finding_code_words(finding.code.0).0);
    Ok(voice.done("finding", &Said::Filed { entry, index }, Data { entry, index, severity, code }))
}

async fn file(terminal: &mut Terminal, proof: &str, finding: &Finding) -> Result<Index, Trouble> {
    terminal.connect().await.map_err(|error| online(&error))?;
    terminal.login(proof, finding.access.end_other).await.map_err(|error| online(&error))?;
    let (entry, severity, code) = (finding.index, finding.severity.0, finding.code.0);
    let act = Act::Finding(FindingAct { entry, severity, code });
    let act = Box::new(OtherAct { act, staged: Vec::new(), verifiers: Vec::new() });
    let reply = terminal.request(Command::Act(act)).await.map_err(|error| online(&error))?;
    let Reply::Admitted(admitted) = reply else { return Err(odd()) };
    Ok(admitted.index)
}
