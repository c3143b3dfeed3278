//! `conclave-admin`: officers and administrators at work, online. One file for each command; a word of the command line
//! that has not its file yet does not exist.
//! Never decides what anybody may: the Register does, and says so in its refusals.

mod admit;
mod alarm;
mod alarm_entries;
mod alarm_past;
mod alarms;
mod backup;
mod brought;
mod cell;
mod cell_words;
mod certificate;
mod certificate_sheet;
mod clock_attest;
mod clock_set;
mod closed;
mod decide;
mod erase;
mod erase_find;
mod erase_status;
mod held;
mod hold;
mod home;
mod law;
mod log_close;
mod log_sign;
mod names;
mod now;
mod online;
mod orders;
mod password;
mod policy;
mod policy_words;
mod proposals;
mod pulling;
mod recover;
mod retention;
mod retention_status;
mod retention_words;
mod revoke;
mod session;
mod status;
mod submit;
mod succession;
mod trouble;
mod user;
mod whoami;

use clap::{CommandFactory, Parser, Subcommand};
use console::{Common, Exit, Extra, Voice};
use hardening::{Sandbox, Sandboxed};
use trouble::Trouble;

/// Officers and administrators at work: people, sessions, policy, what the authority bundles.
#[derive(Parser)]
#[command(
    name = "conclave-admin",
    version,
    after_help = "Example: conclave-admin submit site.bundle\nThe credential is the one of `conclave request` and `conclave setup`."
)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Password(password::Password),
    Whoami(whoami::Whoami),
    Status(status::Status),
    Submit(submit::Submit),
    #[command(subcommand)]
    Session(session::Session),
    #[command(subcommand)]
    User(user::User),
    Revoke(revoke::Revoke),
    #[command(subcommand)]
    Policy(policy::Policy),
    Proposals(proposals::Proposals),
    #[command(subcommand)]
    Admit(admit::Admit),
    #[command(subcommand)]
    Erase(erase::Erase),
    #[command(subcommand)]
    Hold(hold::Hold),
    #[command(subcommand)]
    Alarm(alarm::Alarm),
    #[command(subcommand)]
    Clock(clock_attest::Clock),
    #[command(subcommand)]
    Retention(retention::Retention),
    #[command(subcommand)]
    Recover(recover::Recover),
    #[command(subcommand)]
    Backup(backup::Backup),
    #[command(subcommand)]
    Cell(cell::Cell),
    #[command(subcommand)]
    Log(log_close::Log),
    #[command(flatten)]
    Extra(Extra),
}

/// Russian help of everything here.
fn help() -> Vec<(&'static str, &'static str)> {
    let own: &[(&str, &str)] = &[
        (
            "/@about",
            "Работа офицеров и администраторов: люди, сеансы, политика, пакеты удостоверяющего центра.",
        ),
        (
            "/@after",
            "Пример: conclave-admin submit site.bundle\nКлючи — те, что созданы `conclave request` и `conclave setup`.",
        ),
        ("*/home", "каталог ключей и карты системы (иначе CONCLAVE_HOME, иначе ~/.config/conclave)"),
        ("*/separate", "парольная фраза ключей и пароль входа разные, спросить оба"),
        ("*/end_other", "прекратить другой ваш живой сеанс"),
        ("*/plan", "только показать, что было бы сделано"),
    ];
    [
        own,
        password::HELP,
        whoami::HELP,
        status::HELP,
        submit::HELP,
        session::HELP,
        user::HELP,
        revoke::HELP,
        policy::HELP,
        proposals::HELP,
        admit::HELP,
        erase::HELP,
        erase_find::HELP,
        certificate::HELP,
        hold::HELP,
        alarm::HELP,
        clock_attest::HELP,
        clock_set::HELP,
        retention::HELP,
        recover::HELP,
        recover::HEAD_HELP,
        backup::HELP,
        cell::HELP,
        log_close::HELP,
        log_sign::HELP,
    ]
    .concat()
}

/// Parses the process' command line, does the one thing it asks for, gives the exit code.
pub fn main() -> Exit {
    let (cli, lang) = match console::parse_or_exit::<Cli>(&help()) {
        Ok(parsed) => parsed,
        Err(exit) => return exit,
    };
    let voice = Voice { lang, json: cli.common.json };
    // Before any thread, and before passphrases and keys are in memory.
    match Sandbox::terminal().enter() {
        Ok(sandboxed) => cli.run(voice, &sandboxed),
        Err(error) => voice.unconfined("conclave-admin", &error),
    }
}

impl Cli {
    /// Runs in a process that keeps to itself, and only there.
    fn run(&self, voice: Voice, _: &Sandboxed) -> Exit {
        let (command, done) = match &self.what {
            What::Password(it) => ("password", it.run(voice)),
            What::Whoami(it) => ("whoami", it.run(voice)),
            What::Status(it) => ("status", it.run(voice)),
            What::Submit(it) => ("submit", it.run(voice)),
            What::Session(it) => (it.name(), it.run(voice)),
            What::User(it) => (it.name(), it.run(voice)),
            What::Revoke(it) => ("revoke", it.run(voice)),
            What::Policy(it) => (it.name(), it.run(voice)),
            What::Proposals(it) => ("proposals", it.run(voice)),
            What::Admit(it) => (it.name(), it.run(voice)),
            What::Erase(it) => (it.name(), it.run(voice)),
            What::Hold(it) => (it.name(), it.run(voice)),
            What::Alarm(it) => (it.name(), it.run(voice)),
            What::Clock(it) => (it.name(), it.run(voice)),
            What::Retention(it) => (it.name(), it.run(voice)),
            What::Recover(it) => (it.name(), it.run(voice)),
            What::Backup(it) => (it.name(), it.run(voice)),
            What::Cell(it) => (it.name(), it.run(voice)),
            What::Log(it) => (it.name(), it.run(voice)),
            What::Extra(extra) => ("conclave-admin", run_extra(extra, voice)),
        };
        done.unwrap_or_else(|trouble| voice.failed(command, trouble.exit, &trouble.name, &trouble))
    }
}

fn run_extra(extra: &Extra, voice: Voice) -> Result<Exit, Trouble> {
    let command = console::localise(Cli::command(), voice.lang, &help());
    let done = extra.run(command, &mut std::io::stdout().lock());
    done.map(|()| Exit::Yes).map_err(|error| Trouble::system(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_of_the_help_is_there_in_russian_and_none_is_left_over() {
        Cli::command().debug_assert();
        assert_eq!(console::untranslated(&Cli::command(), &help()), Vec::<String>::new());
        let stale: Vec<String> = console::stale(&Cli::command(), &help());
        let stale: Vec<&String> = stale.iter().filter(|id| !id.starts_with("*/")).collect();
        assert_eq!(stale, Vec::<&String>::new());
    }

    #[test]
    fn every_command_has_an_example_that_parses() {
        fn check(command: &clap::Command) {
            let example = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            if command.has_subcommands() {
                return command.get_subcommands().for_each(check);
            }
            if command.is_hide_set() {
                return;
            }
            let lines: Vec<&str> = example
                .lines()
                .filter_map(|line| line.split_once("conclave-admin "))
                .map(|(_, rest)| rest)
                .collect();
            assert!(!lines.is_empty(), "{}", command.get_name());
            for line in lines {
                let words = std::iter::once("conclave-admin")
                    .chain(line.split_once('"').map_or(line, |(head, _)| head).split_whitespace());
                let words: Vec<&str> = words.chain(line.contains('"').then_some("x")).collect();
                assert!(Cli::try_parse_from(&words).is_ok(), "{words:?}");
            }
        }
        check(&Cli::command());
    }

    #[test]
    fn one_says_yes_or_only_looks() {
        assert!(Cli::try_parse_from(["conclave-admin", "submit", "x", "--yes", "--plan"]).is_err());
    }
}
