//! `cargo xtask adversary`: the proof of erasure over as many histories as asked for. Somebody with every live key, the cell and
//! every version of every block ever written opens whatever opens, up to the fixpoint.
//! Never judges by itself: the vault's own tests do (`lib/vault/src/adversary.rs`), and this prints what they counted.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::{libtest, process};

/// The histories and the negative controls, by parts of their names.
const PROOFS: [&str; 2] = ["the_erased_opens_for_nobody", "caught"];
/// Histories, where nobody says how many.
const SEEDS: u64 = 2_000;
/// How a line begins that is to be shown.
const TOLD: &str = "adversary: ";

/// What the command line asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    seeds: u64,
    first: u64,
}

impl Options {
    /// Reads the arguments behind `adversary`.
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self { seeds: SEEDS, first: 0 };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let place = match argument.as_str() {
                "--seeds" => &mut options.seeds,
                "--seed" => &mut options.first,
                other => return Err(format!("adversary has no option \"{other}\"")),
            };
            let number = arguments.next().and_then(|number| number.parse().ok());
            *place = number.ok_or_else(|| format!("{argument} needs a number"))?;
        }
        if options.seeds == 0 {
            return Err("--seeds 0 looks at nothing".into());
        }
        Ok(options)
    }
}

/// Builds and runs the proofs, and prints what they counted.
pub(crate) fn run(root: &Path, options: &Options) -> Result<ExitCode> {
    let mut command = Command::new("cargo");
    command
        .current_dir(root)
        .args(["test", "--release", "--locked", "-p", "vault", "--lib", "--", "--nocapture"])
        .args(PROOFS)
        .env("CONCLAVE_SEEDS", options.seeds.to_string())
        .env("CONCLAVE_SEED", options.first.to_string());
    let ran = process::run(root, "adversary", &mut command)?;
    let outcome = libtest::outcome("the adversary", &ran);
    // With several tests at once a line may stand behind the name of another.
    let lines = ran.output.lines().filter_map(|line| line.split_once(TOLD));
    lines.for_each(|(_, told)| println!("{told}"));
    if outcome.failed > 0 {
        outcome.complaints.iter().for_each(|complaint| eprintln!("{complaint}"));
        return Ok(ExitCode::FAILURE);
    }
    println!("{} proofs and negative controls hold", outcome.passed);
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_and_nothing_else() {
        let parse =
            |words: &str| Options::parse(&words.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(parse(""), Ok(Options { seeds: SEEDS, first: 0 }));
        assert_eq!(parse("--seed 7 --seeds 1"), Ok(Options { seeds: 1, first: 7 }));
        assert!(parse("--seeds 0").is_err(), "no history, and nothing holds");
        assert!(parse("--seeds").is_err() && parse("--seeds many").is_err() && parse("quickly").is_err());
    }
}
