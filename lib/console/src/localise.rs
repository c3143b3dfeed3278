//! Gives a clap command its Russian help.
//! Never touches what scripts see: names of commands, options and values stay the same in every language.
//!
//! Commands are declared in English by clap's derive. Each text has an id made of the path to it:
//!
//! | id | text |
//! |---|---|
//! | `/@about`, `/@long`, `/@after` | the program's one line, its long description, what follows the help (the example) |
//! | `/json`, `/json@long` | an option of the program, and its long help |
//! | `conv new/@about` | a subcommand's one line |
//! | `conv new/title` | an option or argument of a subcommand |
//!
//! Options that every program has (`--lang`, `--json`, `--passphrase-fd`, `--yes`) are translated here.
//! A table of (id, Russian) stands beside the command; [`untranslated`] and [`stale`] keep it complete in a test.

use clap::builder::StyledStr;
use clap::{Arg, ArgAction, Command};

use crate::lang::Lang;

/// Russian texts by id. Ours for what this crate adds to every program are built in.
pub type HelpTable = [(&'static str, &'static str)];

/// What [`crate::extra::Extra`] and the argument groups of [`crate::parse`] say, in Russian; `*` is any command.
const SHARED: &HelpTable = &[
    ("*/lang", "язык сообщений: en или ru (иначе CONCLAVE_LANG, иначе язык системы)"),
    ("*/json", "ответ одной строкой JSON"),
    (
        "*/passphrase_fd",
        "прочитать парольную фразу из этого дескриптора вместо терминала, по строке на каждую",
    ),
    ("*/yes", "не переспрашивать"),
    ("completions/@about", "вывести дополнения для оболочки"),
    ("completions/shell", "оболочка"),
    ("man/@about", "записать страницы руководства в каталог"),
    ("man/dir", "каталог; создаётся, если его нет"),
];

/// The words of clap's own frame.
const USAGE_RU: &str = "Использование:";
const TEMPLATE_RU: &str =
    "{before-help}{about-with-newline}\nИспользование: {usage}\n\n{all-args}{after-help}";

/// The command as a person of that language sees it. A text missing from the table stays English.
pub fn localise(command: Command, lang: Lang, table: &HelpTable) -> Command {
    let command = everywhere(command, &|c| c.disable_help_subcommand(true));
    match lang {
        Lang::En => command,
        Lang::Ru => in_russian(command, "", table),
    }
}

/// Replaces what clap cannot be told to translate in a finished text.
pub(crate) fn finish(text: &str, lang: Lang) -> String {
    match lang {
        Lang::En => text.to_owned(),
        Lang::Ru => text.replace("[OPTIONS]", "[ПАРАМЕТРЫ]").replace("Usage:", USAGE_RU),
    }
}

/// Ids of visible texts for which the table has nothing, or nothing with a Cyrillic letter in it.
pub fn untranslated(command: &Command, table: &HelpTable) -> Vec<String> {
    let russian = |text: &str| text.chars().any(|c| matches!(c, 'А'..='я' | 'ё' | 'Ё'));
    ids(command).into_iter().filter(|id| !looked_up(id, table).is_some_and(russian)).collect()
}

/// Ids of the table that name no text of the command: leftovers of a renamed option.
pub fn stale(command: &Command, table: &HelpTable) -> Vec<String> {
    let known = ids(command);
    let unknown = |id: &&str| !known.iter().any(|k| k == id);
    table.iter().map(|(id, _)| *id).filter(unknown).map(str::to_owned).collect()
}

/// Ids of all texts of a command and its subcommands, in the order of the help. An argument without help counts: it
/// should have one.
pub fn ids(command: &Command) -> Vec<String> {
    let mut found = Vec::new();
    collect(command, "", &mut found);
    found
}

fn collect(command: &Command, path: &str, found: &mut Vec<String>) {
    found.push(format!("{path}/@about"));
    if command.get_long_about().is_some() {
        found.push(format!("{path}/@long"));
    }
    if command.get_after_help().is_some() {
        found.push(format!("{path}/@after"));
    }
    for arg in command.get_arguments().filter(|arg| !is_claps_own(arg)) {
        found.push(format!("{path}/{}", arg.get_id()));
        if arg.get_long_help().is_some() {
            found.push(format!("{path}/{}@long", arg.get_id()));
        }
    }
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        collect(sub, &below(path, sub.get_name()), found);
    }
}

fn below(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path} {name}"),
    }
}

/// `--help` and `--version` exist only once clap has built the command; they are translated here.
fn is_claps_own(arg: &Arg) -> bool {
    matches!(arg.get_id().as_str(), "help" | "version")
}

fn looked_up(id: &str, table: &HelpTable) -> Option<&'static str> {
    let own = |wanted: &str| table.iter().chain(SHARED).find(|(known, _)| *known == wanted);
    let anywhere = || id.rsplit_once('/').and_then(|(_, name)| own(&format!("*/{name}")));
    own(id).or_else(anywhere).map(|(_, text)| *text)
}

fn everywhere(command: Command, change: &dyn Fn(Command) -> Command) -> Command {
    change(command).mut_subcommands(|sub| everywhere(sub, change))
}

fn in_russian(mut command: Command, path: &str, table: &HelpTable) -> Command {
    let text = |id: &str| looked_up(&format!("{path}/{id}"), table);
    let mut place = 0;
    if let Some(about) = text("@about") {
        command = command.about(about);
    }
    if let Some(long) = text("@long") {
        command = command.long_about(long);
    }
    if let Some(after) = text("@after") {
        command = command.after_help(after);
    }
    command
        .help_template(TEMPLATE_RU)
        .subcommand_help_heading("Команды")
        .subcommand_value_name("КОМАНДА")
        .mut_args(|arg| {
            // Under a heading of their own clap would sort the positional ones by name.
            place += 1;
            let arg = argument_in_russian(arg, &text);
            if arg.is_positional() { arg.display_order(place) } else { arg }
        })
        .with_own_flags()
        .mut_subcommands(|sub| {
            let path = below(path, sub.get_name());
            in_russian(sub, &path, table)
        })
}

fn argument_in_russian(mut arg: Arg, text: &dyn Fn(&str) -> Option<&'static str>) -> Arg {
    let id = arg.get_id().to_string();
    let values = values(&arg);
    if let Some(long) = text(&format!("{id}@long")) {
        arg = arg.long_help(format!("{long}{values}"));
    }
    let help = text(&id).map(str::to_owned).or_else(|| arg.get_help().map(StyledStr::to_string));
    if let Some(help) = help {
        arg = arg.help(format!("{help}{values}")).hide_default_value(true).hide_possible_values(true);
    }
    if arg.get_help_heading().is_some() {
        return arg;
    }
    let heading = if arg.is_positional() { "Аргументы" } else { "Параметры" };
    arg.help_heading(heading)
}

/// What clap would append in English: the values that are possible, and the one that is assumed.
fn values(arg: &Arg) -> String {
    let mut out = String::new();
    let possible: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| value.get_name().to_owned())
        .collect();
    let takes_value = arg.get_action().takes_values();
    if takes_value && !possible.is_empty() && !arg.is_hide_possible_values_set() {
        out.push_str(&format!(" [значения: {}]", possible.join(", ")));
    }
    let default: Vec<String> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if takes_value && !default.is_empty() && !arg.is_hide_default_value_set() {
        out.push_str(&format!(" [по умолчанию: {}]", default.join(", ")));
    }
    out
}

/// Puts our own `--help` and `--version` in the place of clap's English ones.
trait OwnFlags {
    fn with_own_flags(self) -> Self;
}

impl OwnFlags for Command {
    fn with_own_flags(self) -> Self {
        let flag = |id: &'static str, short: char, action: ArgAction, help: &'static str| {
            Arg::new(id)
                .short(short)
                .long(id)
                .action(action)
                .help(help)
                .help_heading("Параметры")
                .display_order(999)
        };
        let versioned = self.get_version().is_some();
        let command =
            self.disable_help_flag(true).arg(flag("help", 'h', ArgAction::Help, "показать эту справку"));
        match versioned {
            true => command.disable_version_flag(true).arg(flag(
                "version",
                'V',
                ArgAction::Version,
                "показать версию",
            )),
            false => command,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, Parser, Subcommand};

    /// Talks in a closed room.
    #[derive(Parser)]
    #[command(name = "talk", version, after_help = "Example: talk say anna")]
    struct Talk {
        #[command(flatten)]
        common: crate::Common,
        #[command(subcommand)]
        what: What,
    }

    #[derive(Subcommand)]
    enum What {
        /// Says something.
        Say {
            /// To whom.
            to: String,
            /// How loud.
            #[arg(long, default_value = "low", value_parser = ["low", "high"])]
            volume: String,
            #[command(flatten)]
            passphrase: crate::PassphraseFd,
            #[command(flatten)]
            consent: crate::Consent,
        },
        #[command(flatten)]
        Extra(crate::Extra),
    }

    const RU: &HelpTable = &[
        ("/@about", "Разговор в закрытой комнате"),
        ("/@after", "Пример: talk say anna"),
        ("say/@about", "Сказать"),
        ("say/to", "кому"),
        ("say/volume", "громкость"),
    ];

    #[test]
    fn a_complete_table_leaves_nothing_english() {
        assert_eq!(untranslated(&Talk::command(), RU), [""; 0]);
        assert_eq!(stale(&Talk::command(), RU), [""; 0]);
    }

    #[test]
    fn a_missing_an_english_and_a_stale_text_are_found() {
        let worse: &HelpTable =
            &[("/@about", "Talks"), ("/@after", "Пример"), ("say/@about", "Сказать"), ("x/y", "я")];
        assert_eq!(untranslated(&Talk::command(), worse), ["/@about", "say/to", "say/volume"]);
        assert_eq!(stale(&Talk::command(), worse), ["x/y"]);
    }

    #[test]
    fn the_whole_help_is_russian() {
        let mut command = localise(Talk::command(), Lang::Ru, RU);
        let say = command.find_subcommand_mut("say").unwrap();
        let help = finish(&say.render_long_help().to_string(), Lang::Ru);
        for wanted in [
            "Использование:",
            "[ПАРАМЕТРЫ]",
            "Аргументы:",
            "Параметры:",
            "кому",
            "[значения: low, high]",
            "не переспрашивать",
            "парольную фразу",
            "[по умолчанию: low]",
        ] {
            assert!(help.contains(wanted), "{wanted} in\n{help}");
        }
        for english in ["Usage", "Options", "Arguments", "default", "Print", "possible"] {
            assert!(!help.contains(english), "{english} in\n{help}");
        }
        let help = finish(&command.render_help().to_string(), Lang::Ru);
        assert!(help.contains("Команды:") && help.contains("показать версию"), "{help}");
        assert!(!help.contains("completions") && !help.contains("Commands"), "{help}");
    }

    #[test]
    fn english_stays_as_clap_shows_it() {
        let help = localise(Talk::command(), Lang::En, RU).render_help().to_string();
        assert!(help.contains("Usage: talk") && help.contains("Says something"), "{help}");
        assert!(!help.contains("Print this message or the help of"), "{help}");
    }
}
