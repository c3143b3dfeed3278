//! `conclave`: the operator's command line, and the agent behind it.
//! Never decides anything here: one file per command does.
#![forbid(unsafe_code)]

mod agent;
mod args;
mod closed;
mod command;
mod help;
mod home;
mod names;
mod random;
mod reach;
mod show;
mod trouble;

use args::{Cli, Cmd};
use clap::CommandFactory;
use console::{Exit, Voice, localise, parse_or_exit};
use hardening::Sandbox;
use home::Home;
use std::process::ExitCode;

/// What every command is given.
pub(crate) struct Here {
    pub(crate) home: Home,
    pub(crate) voice: Voice,
}

fn main() -> ExitCode {
    let (cli, lang) = match parse_or_exit::<Cli>(help::TABLE) {
        Ok(parsed) => parsed,
        Err(exit) => return exit.into(),
    };
    let voice = Voice { lang, json: cli.common.json };
    if let Cmd::Extra(extra) = &cli.command {
        let done = extra.run(localise(Cli::command(), lang, help::TABLE), &mut std::io::stdout().lock());
        return match done {
            Ok(()) => Exit::Yes.into(),
            Err(error) => {
                let trouble = trouble::Trouble::io(std::path::Path::new("conclave"), &error);
                voice.failed("conclave", trouble.exit, &trouble.name, &trouble).into()
            }
        };
    }
    // Before any secret is typed, and before any thread: a command holds passphrases and texts too.
    let sandboxed = match Sandbox::terminal().enter() {
        Ok(sandboxed) => sandboxed,
        Err(error) => return voice.unconfined("conclave", &error).into(),
    };
    let name = command::name(&cli.command);
    let home = Home::find(cli.home.as_deref(), |name| std::env::var_os(name));
    let done = home.and_then(|home| command::run(cli.command, Here { home, voice }, &sandboxed));
    match done {
        Ok(exit) => exit.into(),
        Err(trouble) => voice.failed(name, trouble.exit, &trouble.name, &trouble).into(),
    }
}
