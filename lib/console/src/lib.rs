//! Everything the programs share when they talk with people and scripts: words in two languages, exit codes, the
//! JSON envelope, prompts, progress, tables, times, and the cleaning of text that others wrote.
//! Never touches the network, keys, certificates or the journal, and depends on no other room.
#![forbid(unsafe_code)]

pub mod clean;
pub mod exit;
pub mod extra;
pub mod fold;
pub mod home;
pub mod json;
pub mod lang;
pub mod localise;
pub mod lookalike;
pub mod number;
pub mod parse;
pub mod progress;
pub mod prompt;
pub mod prompt_error;
pub mod secret;
pub mod system;
pub mod table;
pub mod terminal;
pub mod usage;
pub mod voice;
pub mod when;
pub mod words;

pub use clean::{clean, clean_lines, quoted};
pub use exit::Exit;
pub use extra::Extra;
pub use fold::{fold, matches};
pub use home::{NoHome, home_dir};
pub use json::Json;
pub use lang::Lang;
pub use localise::{HelpTable, localise, stale, untranslated};
pub use lookalike::{alike, skeleton};
pub use number::number;
pub use parse::{Common, Consent, PassphraseFd, Stop, parse_from, parse_or_exit};
pub use progress::Progress;
pub use prompt::{SecretSource, confirm, confirm_at_terminal, read_text};
pub use prompt_error::PromptError;
pub use secret::Secret;
pub use system::{DETAILS_RU, cause_ru, system_ru};
pub use table::{Align, Table};
pub use usage::BadValue;
pub use voice::Voice;
pub use words::{Words, count_en, count_ru};
