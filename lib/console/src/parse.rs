//! From the command line to a typed command, in the right language and with our exit codes.
//! Never runs a command.

use std::ffi::OsString;

use clap::builder::PossibleValue;
use clap::error::ErrorKind;
use clap::{Args, Command, CommandFactory, FromArgMatches, ValueEnum};

use crate::exit::Exit;
use crate::json::Json;
use crate::lang::Lang;
use crate::localise::{HelpTable, localise};
use crate::usage::told;
use crate::voice::print_to;

/// Options of every command of every program; flatten it into the root of the parser.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Common {
    /// Language of messages: en or ru (else CONCLAVE_LANG, else the system's).
    #[arg(long, global = true, value_name = "LANG", hide_possible_values = true)]
    pub lang: Option<Lang>,
    /// Answer with one line of JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

/// Where passphrases come from; flatten it into each command that needs one.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct PassphraseFd {
    /// Read the passphrase from this descriptor instead of the terminal, one line for each.
    #[arg(long, value_name = "FD")]
    pub passphrase_fd: Option<u32>,
}

/// Whether a person was asked already; flatten it into each command that asks before it acts.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Consent {
    /// Do not ask for confirmation.
    #[arg(long)]
    pub yes: bool,
}

impl ValueEnum for Lang {
    fn value_variants<'a>() -> &'a [Lang] {
        &[Lang::En, Lang::Ru]
    }
    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}

/// The command line asks for no command: help was wanted, or it is wrong.
#[derive(Debug)]
pub struct Stop {
    /// `Yes` after help and version, else `Usage`: clap's own 2 is a verdict of ours.
    pub exit: Exit,
    /// What to print.
    pub text: String,
    /// The command that was to be run, as far as it was named, for the answer to a script; `None`: a person reads it.
    pub script: Option<String>,
}

impl Stop {
    /// Prints the text where it belongs: help to standard output, a complaint to standard error, and to standard output where a
    /// script waits for an answer.
    pub fn print(&self) -> Exit {
        let printed = match (self.exit == Exit::Yes, &self.script) {
            (true, _) => print_to(&mut std::io::stdout(), &self.text),
            (false, Some(command)) => {
                let line = Json::failed(command, "usage", self.text.trim_end()).line();
                line.map_err(Into::into).and_then(|line| print_to(&mut std::io::stdout(), &line))
            }
            (false, None) => print_to(&mut std::io::stderr(), &self.text),
        };
        match printed {
            Ok(()) => self.exit,
            Err(_) => Exit::Io,
        }
    }
}

/// Was one line of JSON asked for? The parser has no answer where the command line is wrong.
fn asks_for_json(args: &[OsString]) -> bool {
    args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--json")
}

/// The command that these words name, as far as they name one; else the program.
fn named(program: &Command, args: &[OsString]) -> String {
    let (mut at, mut names) = (program, Vec::new());
    for word in args.iter().skip(1).filter_map(|arg| arg.to_str()) {
        if let Some(next) = at.find_subcommand(word) {
            (at, _) = (next, names.push(next.get_name()));
        }
    }
    if names.is_empty() { program.get_name().to_owned() } else { names.join(" ") }
}

/// `help send` is what others' programs take for `send --help`: so do ours.
fn help_as_a_word(mut args: Vec<OsString>) -> Vec<OsString> {
    if args.get(1).is_some_and(|first| first == "help") {
        args.remove(1);
        args.push("--help".into());
    }
    args
}

/// Parses `args` (the program's name first) with help in the language they and the environment ask for.
pub fn parse_from<C: CommandFactory + FromArgMatches>(
    args: Vec<OsString>,
    variable: impl Fn(&str) -> Option<String>,
    table: &HelpTable,
) -> Result<(C, Lang), Stop> {
    let args = help_as_a_word(args);
    let lang = Lang::choose(&args, variable);
    let mut command = localise(C::command(), lang, table);
    let script = asks_for_json(&args).then(|| named(&command, &args));
    let parsed = command
        .try_get_matches_from_mut(args)
        .and_then(|matches| C::from_arg_matches(&matches).map_err(|error| error.format(&mut command)));
    match parsed {
        Ok(parsed) => Ok((parsed, lang)),
        Err(error) => {
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            let exit = if asked { Exit::Yes } else { Exit::Usage };
            Err(Stop { exit, text: told(&error, lang), script })
        }
    }
}

/// For `main`: parses the process' own command line; prints and returns the exit code where there is no command.
pub fn parse_or_exit<C: CommandFactory + FromArgMatches>(table: &HelpTable) -> Result<(C, Lang), Exit> {
    parse_from(std::env::args_os().collect(), |name| std::env::var(name).ok(), table)
        .map_err(|stop| stop.print())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Parser, Subcommand};

    /// Talks.
    #[derive(Parser, Debug)]
    #[command(name = "talk", version = "1.2.3")]
    struct Talk {
        #[command(flatten)]
        common: Common,
        #[command(subcommand)]
        what: What,
    }

    #[derive(Subcommand, Debug)]
    enum What {
        /// Says.
        Say,
    }

    fn parse(words: &[&str]) -> Result<(Talk, Lang), Stop> {
        parse_from(words.iter().map(OsString::from).collect(), |_| None, &[("/@about", "Разговор")])
    }

    #[test]
    fn help_is_a_yes_and_a_wrong_line_is_usage() {
        assert_eq!(parse(&["talk", "--help"]).unwrap_err().exit, Exit::Yes);
        assert_eq!(parse(&["talk", "--version"]).unwrap_err().exit, Exit::Yes);
        for asked in [&["talk", "help"][..], &["talk", "help", "say"], &["talk", "help", "--lang", "ru"]] {
            assert_eq!(parse(asked).unwrap_err().exit, Exit::Yes, "{asked:?}");
        }
        assert!(parse(&["talk", "help", "say"]).unwrap_err().text.contains("talk say"));
        for wrong in
            [&["talk"][..], &["talk", "sing"], &["talk", "say", "--x"], &["talk", "say", "--lang", "de"]]
        {
            assert_eq!(parse(wrong).unwrap_err().exit, Exit::Usage, "{wrong:?}");
        }
    }

    #[test]
    fn common_options_stand_anywhere_and_choose_the_language() {
        let (talk, lang) = parse(&["talk", "say", "--json", "--lang=ru"]).unwrap();
        assert!(talk.common.json && matches!(talk.what, What::Say));
        assert_eq!((lang, talk.common.lang), (Lang::Ru, Some(Lang::Ru)));
        assert!(parse(&["talk", "--lang", "ru", "--help"]).unwrap_err().text.contains("Разговор"));
        assert!(
            parse(&["talk", "--lang", "ru", "sing"]).unwrap_err().text.contains("неизвестная команда «sing»")
        );
    }
    #[test]
    fn a_script_is_told_which_command_was_wrong() {
        let script = |words: &[&str]| parse(words).unwrap_err().script;
        assert_eq!(script(&["talk", "--json", "say", "--x"]).as_deref(), Some("say"));
        assert_eq!(script(&["talk", "sing", "--json"]).as_deref(), Some("talk"));
        assert_eq!(script(&["talk", "say", "--x"]), None);
        assert_eq!(script(&["talk", "sing", "--", "--json"]), None);
    }
}
