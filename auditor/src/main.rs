//! `conclave-audit`: parses the command line and calls.
//! Never does more.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use auditor::cli::{Cli, Command, RU};
use auditor::command::{
    check_consistency, check_disclosure, check_excerpt, check_proof, checkpoint, cut, diff, export, extract,
    finding, prove, receipt, register, report, show, trust, verify, witness,
};
use clap::CommandFactory;
use console::{Exit, Voice, localise, parse_or_exit};
use hardening::Sandbox;

/// Verification makes and drops memory faster than the system's allocator likes.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    run().into()
}

fn run() -> Exit {
    let (cli, lang) = match parse_or_exit::<Cli>(RU) {
        Ok(parsed) => parsed,
        Err(exit) => return exit,
    };
    let voice = Voice { lang, json: cli.common.json };
    // `export` holds a passphrase and keys; the other commands lose nothing by it.
    if let Err(error) = Sandbox::terminal().enter() {
        return voice.unconfined("conclave-audit", &error);
    }
    match &cli.command {
        Command::Trust(command) => trust::run(command, voice),
        Command::Export(command) => export::run(command, voice),
        Command::Verify(command) => verify::run(command, voice),
        Command::Report(command) => report::run(command, voice),
        Command::Diff(command) => diff::run(command, voice),
        Command::Register(command) => register::run(command, voice),
        Command::Show(command) => show::run(command, voice),
        Command::Cut(command) => cut::run_cut(command, voice),
        Command::Select(command) => cut::run_select(command, voice),
        Command::CheckExcerpt(command) => check_excerpt::run(command, voice),
        Command::Prove(command) => prove::run(command, voice),
        Command::CheckProof(command) => check_proof::run(command, voice),
        Command::CheckConsistency(command) => check_consistency::run(command, voice),
        Command::Checkpoint(command) => checkpoint::run(command, voice),
        Command::Witness(command) => witness::run(command, voice),
        Command::CheckDisclosure(command) => check_disclosure::run(command, voice),
        Command::Receipt(command) => receipt::run(command, voice),
        Command::Finding(command) => finding::run(command, voice),
        Command::Extract(command) => extract::run(command, voice),
        Command::Extra(extra) => {
            let done = extra.run(localise(Cli::command(), lang, RU), &mut std::io::stdout().lock());
            if done.is_ok() { Exit::Yes } else { Exit::Io }
        }
    }
}
