//! Which language a person reads.
//! Never holds a text: those live beside the commands that say them.

use std::ffi::OsString;
use std::str::FromStr;

/// A language in which every text of the product exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Russian.
    Ru,
}

/// The name given is neither `en` nor `ru`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the language is en or ru")]
pub struct UnknownLanguage;

impl FromStr for Lang {
    type Err = UnknownLanguage;
    fn from_str(name: &str) -> Result<Lang, UnknownLanguage> {
        match name {
            "en" => Ok(Lang::En),
            "ru" => Ok(Lang::Ru),
            _ => Err(UnknownLanguage),
        }
    }
}

impl Lang {
    /// The short name, as `--lang` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Lang::En => "en",
            Lang::Ru => "ru",
        }
    }

    /// One of two texts.
    pub fn pick<T>(self, en: T, ru: T) -> T {
        match self {
            Lang::En => en,
            Lang::Ru => ru,
        }
    }

    /// Chooses before the command line is parsed, so that a wrong command line is answered in the right language:
    /// `--lang` among `args` first, then `CONCLAVE_LANG`, then the locale (`LC_ALL`, `LC_MESSAGES`, `LANG`, in the
    /// order of POSIX: the first one that is set and not empty counts). A name we do not know counts as not given;
    /// the parser complains about it where it came by `--lang`.
    pub fn choose(args: &[OsString], variable: impl Fn(&str) -> Option<String>) -> Lang {
        if let Some(lang) = asked_for(args) {
            return lang;
        }
        if let Some(lang) = variable("CONCLAVE_LANG").and_then(|name| name.parse().ok()) {
            return lang;
        }
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .find_map(|name| variable(name).filter(|value| !value.is_empty()));
        match locale {
            Some(name) if name == "ru" || name.starts_with("ru_") || name.starts_with("ru.") => Lang::Ru,
            Some(_) | None => Lang::En,
        }
    }
}

/// The last `--lang X` or `--lang=X` before a bare `--`.
fn asked_for(args: &[OsString]) -> Option<Lang> {
    let mut found = None;
    let mut words = args.iter().take_while(|arg| *arg != "--").map(|arg| arg.to_str().unwrap_or(""));
    while let Some(word) = words.next() {
        let name = match word.strip_prefix("--lang=") {
            Some(name) => Some(name),
            None if word == "--lang" => words.next(),
            None => None,
        };
        found = name.and_then(|name| name.parse().ok()).or(found);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(args: &[&str], env: &[(&str, &str)]) -> Lang {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        Lang::choose(&args, |name| {
            env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_command_line_wins_over_the_environment_and_that_over_the_locale() {
        assert_eq!(chosen(&["conclave", "--lang", "en"], &[("CONCLAVE_LANG", "ru")]), Lang::En);
        assert_eq!(chosen(&["conclave", "--lang=ru", "inbox"], &[]), Lang::Ru);
        assert_eq!(chosen(&["conclave"], &[("CONCLAVE_LANG", "en"), ("LANG", "ru_RU.UTF-8")]), Lang::En);
        assert_eq!(chosen(&["conclave"], &[("LANG", "ru_RU.UTF-8")]), Lang::Ru);
        assert_eq!(chosen(&["conclave"], &[("LC_ALL", "C"), ("LANG", "ru_RU.UTF-8")]), Lang::En);
        assert_eq!(chosen(&["conclave"], &[("LC_ALL", ""), ("LANG", "ru_RU.UTF-8")]), Lang::Ru);
        assert_eq!(chosen(&["conclave"], &[("LANG", "run")]), Lang::En);
    }

    #[test]
    fn what_follows_two_dashes_is_no_option_and_an_unknown_name_counts_as_not_given() {
        assert_eq!(chosen(&["conclave", "--", "--lang", "ru"], &[]), Lang::En);
        assert_eq!(chosen(&["conclave", "--lang"], &[]), Lang::En);
        assert_eq!(chosen(&["conclave", "--lang", "de"], &[("CONCLAVE_LANG", "ru")]), Lang::Ru);
    }
}
