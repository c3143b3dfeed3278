//! Says in the reader's language what is wrong with a command line.
//! Never decides what is wrong: clap has found it, and its English words are used as they are.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::clean::clean_lines;
use crate::lang::Lang;
use crate::localise::finish;

/// What a value on the command line is to be, for whoever typed another: a value's parser gives it as its error.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{en}")]
pub struct BadValue {
    /// As clap shows it.
    pub en: &'static str,
    /// The same in Russian.
    pub ru: &'static str,
}

impl BadValue {
    /// Of both texts.
    pub const fn new(en: &'static str, ru: &'static str) -> Self {
        Self { en, ru }
    }
}

/// The whole text for the person, without colours, ended by a newline. What was typed is cleaned before it is echoed.
pub fn told(error: &clap::Error, lang: Lang) -> String {
    let english = error.render().to_string();
    let is_help = matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    let text = match lang {
        Lang::En => english,
        Lang::Ru if is_help => finish(&english, lang),
        Lang::Ru => in_russian(error),
    };
    let text = clean_lines(&text);
    if text.ends_with('\n') { text } else { format!("{text}\n") }
}

fn in_russian(error: &clap::Error) -> String {
    let mut text = format!("ошибка: {}\n", complaint(error));
    for (kind, word) in [
        (ContextKind::SuggestedSubcommand, "похожая команда"),
        (ContextKind::SuggestedArg, "похожий параметр"),
        (ContextKind::SuggestedValue, "похожее значение"),
        (ContextKind::ValidValue, "возможные значения"),
    ] {
        if let Some(value) = named(error, kind) {
            text.push_str(&format!("\n  {word}: {value}\n"));
        }
    }
    if let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) {
        text.push_str(&format!("\n{}\n", finish(usage.to_string().trim(), Lang::Ru)));
    }
    text.push_str("\nСправка: --help\n");
    text
}

#[expect(clippy::wildcard_enum_match_arm, reason = "clap's enum may grow; its own words are shown then")]
fn complaint(error: &clap::Error) -> String {
    let arg = named(error, ContextKind::InvalidArg).unwrap_or_default();
    let value = named(error, ContextKind::InvalidValue).unwrap_or_default();
    match error.kind() {
        ErrorKind::InvalidValue if value.is_empty() => format!("у «{arg}» не указано значение"),
        ErrorKind::InvalidValue => format!("«{value}» не подходит для «{arg}»"),
        ErrorKind::UnknownArgument => format!("неизвестный параметр «{arg}»"),
        ErrorKind::InvalidSubcommand => {
            format!(
                "неизвестная команда «{}»",
                named(error, ContextKind::InvalidSubcommand).unwrap_or_default()
            )
        }
        ErrorKind::NoEquals => format!("между «{arg}» и значением нужен знак ="),
        ErrorKind::ValueValidation => format!("«{value}» не подходит для «{arg}»{}", cause(error)),
        ErrorKind::TooManyValues => format!("для «{arg}» слишком много значений: лишнее «{value}»"),
        ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            format!("у «{arg}» другое число значений")
        }
        ErrorKind::ArgumentConflict => match named(error, ContextKind::PriorArg) {
            Some(prior) if prior != arg => format!("«{arg}» не сочетается с «{prior}»"),
            Some(_) | None => format!("«{arg}» указан не один раз"),
        },
        ErrorKind::MissingRequiredArgument => format!("не хватает: {arg}"),
        ErrorKind::MissingSubcommand => "не указана команда".to_owned(),
        ErrorKind::InvalidUtf8 => "командная строка содержит не UTF-8".to_owned(),
        // Help and version are no complaints; clap may add kinds, and its own words are better than none.
        _ => error.render().to_string().trim_start_matches("error: ").trim().to_owned(),
    }
}

/// Why a value was refused, by the type that refused it; nothing where only a library's English words would say it.
fn cause(error: &clap::Error) -> String {
    let Some(source) = std::error::Error::source(error) else { return String::new() };
    if let Some(bad) = source.downcast_ref::<BadValue>() {
        return format!(": {}", bad.ru);
    }
    let why = source.to_string();
    match why.split_once(" is not in ") {
        Some((_, range)) => format!(": допустимо {range}"),
        None if source.is::<std::num::ParseIntError>() => ": нужно целое число".to_owned(),
        None => String::new(),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "clap's enum may grow; other shapes carry no name")]
fn named(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => Some(texts.join(", ")),
        // The other shapes carry no name.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Arg, Command};

    fn time(_typed: &str) -> Result<u16, BadValue> {
        Err(BadValue::new("a time of day: 03:00", "время суток: 03:00"))
    }

    fn complaint_about(words: &[&str]) -> String {
        let command = Command::new("talk")
            .arg(Arg::new("volume").long("volume").value_parser(["low", "high"]).conflicts_with("mute"))
            .arg(Arg::new("mute").long("mute").action(clap::ArgAction::SetTrue))
            .arg(Arg::new("n").long("n").value_parser(clap::value_parser!(u8)))
            .arg(Arg::new("at").long("at").value_parser(time))
            .arg(Arg::new("where").long("where").value_parser(clap::value_parser!(std::net::IpAddr)))
            .arg(Arg::new("who").required(true))
            .subcommand(Command::new("say"));
        told(&command.try_get_matches_from(words).unwrap_err(), Lang::Ru)
    }

    #[test]
    fn every_common_mistake_is_told_in_russian() {
        for (words, wanted) in [
            (&["talk"][..], "не хватает: <who>"),
            (&["talk", "x", "--volum", "low"], "неизвестный параметр «--volum»"),
            (&["talk", "x", "--volume", "loud"], "возможные значения: low, high"),
            (&["talk", "x", "--volume"], "«--volume <volume>» не указано значение"),
            (&["talk", "x", "--volume", "low", "--mute"], "не сочетается с «--mute»"),
            (&["talk", "x", "--n", "300"], "«300» не подходит для «--n <n>»: допустимо 0..=255"),
            (&["talk", "x", "--n", "many"], "«many» не подходит для «--n <n>»: нужно целое число"),
            (&["talk", "x", "--at", "noon"], "«noon» не подходит для «--at <at>»: время суток: 03:00"),
            (&["talk", "x", "--where", "there"], "«there» не подходит для «--where <where>»\n"),
            (&["talk", "x", "--n", "1", "--n", "2"], "«--n <n>» указан не один раз"),
        ] {
            let told = complaint_about(words);
            assert!(told.contains(wanted), "{wanted} in\n{told}");
            assert!(
                !told.contains("error:") && !told.contains("Usage") && !told.contains("For more"),
                "{told}"
            );
        }
    }

    #[test]
    fn what_was_typed_is_cleaned_before_it_is_echoed() {
        assert!(!complaint_about(&["talk", "x", "--\x1b[31mred"]).contains('\x1b'));
    }
}
