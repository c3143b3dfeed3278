//! `conclave-pki`: the command line over the authority. One file for each command.
//! Never holds rules of its own: they are in `authority`.

mod alike;
mod bundle;
mod crl;
mod enrol;
mod envelope;
mod genesis;
mod init;
mod inspect;
mod issue;
mod list;
mod renew;
mod revoke;
mod site_card;
mod verify;
mod verify_signature;
mod why;

use crate::authority::Authority;
use crate::authority::acts::Mode;
use crate::trouble::{Failure, Trouble};
use clap::{Args, Parser, Subcommand};
use console::{Common, Exit, Extra, Voice};
use hardening::{Sandbox, Sandboxed};
use std::path::PathBuf;

/// The site's certification authority, offline: certificates, envelopes, bundles.
#[derive(Parser)]
#[command(
    name = "conclave-pki",
    version,
    after_help = "Example: conclave-pki init --ca ca --site \"North\" --suite ed25519"
)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Init(init::Init),
    Issue(issue::Issue),
    Enrol(enrol::Enrol),
    Genesis(genesis::Genesis),
    SiteCard(site_card::Card),
    #[command(subcommand)]
    Envelope(envelope::Envelope),
    Bundle(bundle::MakeBundle),
    List(list::List),
    Inspect(inspect::Inspect),
    Renew(renew::Renew),
    Revoke(revoke::Revoke),
    Crl(crl::Crl),
    Verify(verify::Verify),
    VerifySignature(verify_signature::VerifySignature),
    #[command(flatten)]
    Extra(Extra),
}

/// Where the authority lies.
#[derive(Args)]
struct Place {
    /// Directory of the authority.
    #[arg(long, value_name = "DIR", default_value = "ca")]
    ca: PathBuf,
}

impl Place {
    fn read(&self) -> Result<Authority, Failure> {
        Authority::open(&self.ca, Mode::Read)
    }

    fn write(&self) -> Result<Authority, Failure> {
        Authority::open(&self.ca, Mode::Write)
    }
}

/// Russian help of everything here.
fn help() -> Vec<(&'static str, &'static str)> {
    let own: &[(&str, &str)] = &[
        ("/@about", "Удостоверяющий центр объекта, без сети: сертификаты, конверты, пакеты."),
        ("/@after", "Пример: conclave-pki init --ca ca --site «Север» --suite ed25519"),
        ("*/ca", "каталог удостоверяющего центра"),
    ];
    [
        own,
        init::HELP,
        issue::HELP,
        enrol::HELP,
        genesis::HELP,
        site_card::HELP,
        envelope::HELP,
        bundle::HELP,
        list::HELP,
        inspect::HELP,
        renew::HELP,
        revoke::HELP,
        crl::HELP,
        verify::HELP,
        verify_signature::HELP,
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
    // Before any thread, and before the authority's keys and passphrases are in memory.
    match Sandbox::authority().enter() {
        Ok(sandboxed) => cli.run(voice, &sandboxed),
        Err(error) => voice.unconfined("conclave-pki", &error),
    }
}

impl Cli {
    /// Runs in a process that keeps to itself, and only there.
    fn run(&self, voice: Voice, _: &Sandboxed) -> Exit {
        let (command, done) = match &self.what {
            What::Init(it) => ("init", it.run(voice)),
            What::Issue(it) => ("issue", it.run(voice)),
            What::Enrol(it) => ("enrol", it.run(voice)),
            What::Genesis(it) => ("genesis", it.run(voice)),
            What::SiteCard(it) => ("site-card", it.run(voice)),
            What::Envelope(it) => (it.name(), it.run(voice)),
            What::Bundle(it) => ("bundle", it.run(voice)),
            What::List(it) => ("list", it.run(voice)),
            What::Inspect(it) => ("inspect", it.run(voice)),
            What::Renew(it) => ("renew", it.run(voice)),
            What::Revoke(it) => ("revoke", it.run(voice)),
            What::Crl(it) => ("crl", it.run(voice)),
            What::Verify(it) => ("verify", it.run(voice)),
            What::VerifySignature(it) => ("verify-signature", it.run(voice)),
            What::Extra(extra) => ("extra", run_extra(extra, voice)),
        };
        done.unwrap_or_else(|failure| failure.tell(voice, command))
    }
}

fn run_extra(extra: &Extra, voice: Voice) -> Result<Exit, Failure> {
    let command = console::localise(<Cli as clap::CommandFactory>::command(), voice.lang, &help());
    let done = extra.run(command, &mut std::io::stdout().lock());
    done.map_err(|why| Trouble::Extra { why: why.to_string() })?;
    Ok(Exit::Yes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn every_text_of_the_help_is_there_in_russian_and_none_is_left_over() {
        Cli::command().debug_assert();
        assert_eq!(console::untranslated(&Cli::command(), &help()), Vec::<String>::new());
        let stale: Vec<String> = console::stale(&Cli::command(), &help());
        assert_eq!(
            stale.iter().filter(|id| !id.starts_with("*/")).collect::<Vec<_>>(),
            Vec::<&String>::new()
        );
    }

    #[test]
    fn every_command_has_an_example() {
        fn check(command: &clap::Command) {
            let is_leaf = !command.has_subcommands();
            let hidden = command.is_hide_set();
            let example = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(
                !is_leaf || hidden || example.starts_with("Example: conclave-pki"),
                "{}",
                command.get_name()
            );
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
