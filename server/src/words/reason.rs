//! Why something went wrong, as the error that knows it says it in both languages.
//! Never made from one language alone where the error has both.

use console::{Lang, system_ru};
use serde::{Serialize, Serializer};
use std::fmt;

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Reason {
    pub(crate) en: String,
    pub(crate) ru: String,
}

impl Reason {
    /// An error's own words: English is what it displays.
    pub(crate) fn of(error: &dyn fmt::Display, ru: String) -> Self {
        Self { en: error.to_string(), ru }
    }

    /// In the language of the person who reads it.
    pub(crate) fn say(&self, lang: Lang) -> String {
        match lang {
            Lang::En => self.en.clone(),
            Lang::Ru => system_ru(&self.ru),
        }
    }

    pub(crate) fn new(en: &str, ru: &str) -> Self {
        Self { en: en.into(), ru: ru.into() }
    }
}

/// Of what the operating system or a library says: it has one language.
impl From<String> for Reason {
    fn from(text: String) -> Self {
        Self { ru: text.clone(), en: text }
    }
}

impl From<&str> for Reason {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

/// Scripts and logs read English.
impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.en)
    }
}
