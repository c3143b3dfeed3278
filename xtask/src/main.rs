//! The project's own commands: `cargo xtask test`, `demo`, `bench`, `adversary`.
//! Never part of the product: it builds, runs and judges the rooms from outside and links none of them.
#![forbid(unsafe_code)]

mod adversary;
mod arrows;
mod bench;
mod demo;
mod deny;
mod fuzz;
mod libtest;
mod metadata;
mod process;
mod stage;
mod system;
mod test;

use std::process::ExitCode;

/// Wrong command line, as in every program of the house.
const EXIT_USAGE: u8 = 64;
/// Something the command needs is missing on this machine.
const EXIT_ENVIRONMENT: u8 = 69;

const USAGE: &str = "\
usage: cargo xtask test [--stage NAME]... [--full] [--list]
       cargo xtask bench [--quick] [NAME]...
       cargo xtask demo [--keep] [--in DIR]
       cargo xtask adversary [--seeds N] [--seed S]

  test          everything the project can test on this machine
    --stage     only this stage; may be given more than once
    --full      more seeds and longer fuzzing
    --list      the stages there are
  demo [--keep] a whole site in ./demo, and the main job with the real programs;
    --keep      leaves the server running
  bench         figures of the product beside a bare yardstick, in under ten minutes
    --quick     smaller numbers, in under two
    NAME        only messages, handshakes, idle, erase or entries
  adversary     who has every live key, the cell and every version of every block opens nothing that was erased
    --seeds     so many histories; 2000 if nobody says
    --seed      beginning with this one";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("", &[][..]),
    };
    match command {
        "test" => match test::Options::parse(rest) {
            Ok(options) => finish(test::run(&options)),
            Err(complaint) => usage(&complaint),
        },
        "demo" => match demo::Options::parse(rest) {
            Ok(options) => finish(root().and_then(|root| demo::run(&root, &options))),
            Err(complaint) => usage(&complaint),
        },
        "adversary" => match adversary::Options::parse(rest) {
            Ok(options) => finish(root().and_then(|root| adversary::run(&root, &options))),
            Err(complaint) => usage(&complaint),
        },
        "bench" => finish(bench::run(rest)),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        other => usage(&format!("no command \"{other}\"")),
    }
}

fn usage(complaint: &str) -> ExitCode {
    eprintln!("{complaint}\n\n{USAGE}");
    ExitCode::from(EXIT_USAGE)
}

fn finish(outcome: anyhow::Result<ExitCode>) -> ExitCode {
    outcome.unwrap_or_else(|error| {
        eprintln!("{error:#}");
        ExitCode::from(EXIT_ENVIRONMENT)
    })
}

/// The checkout.
fn root() -> anyhow::Result<std::path::PathBuf> {
    Ok(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?)
}
