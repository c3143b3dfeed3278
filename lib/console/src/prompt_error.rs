//! Why a question got no usable answer, in fields, in words, and as an exit code.
//! Never holds what was typed.

use std::io;

use nix::errno::Errno;

use crate::exit::Exit;
use crate::secret::SecretTooLong;
use crate::system::cause_ru;
use crate::words::Words;

/// Why nothing usable was typed.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// No terminal to ask on, and no descriptor was given.
    #[error("no terminal to ask on: {0}")]
    NoTerminal(io::Error),
    /// No terminal to ask for a yes on; the option that answers instead was not given.
    #[error("no terminal to ask for a yes on: {cause}")]
    NobodyToAsk {
        /// The option.
        option: &'static str,
        /// What the system says.
        cause: io::Error,
    },
    /// The descriptor of `--passphrase-fd` cannot be read.
    #[error("descriptor {fd} cannot be opened: {cause}")]
    NoDescriptor {
        /// Its number.
        fd: u32,
        /// What the system says.
        cause: io::Error,
    },
    /// The input ended before a line came.
    #[error("the input ended before anything was typed")]
    Ended,
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// Not UTF-8, or a control character inside the line.
    #[error("the input is no text")]
    NotText,
    /// More than the limit named here, in bytes.
    #[error("the input is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// Reading or writing failed.
    #[error("reading the answer failed: {0}")]
    Io(#[from] io::Error),
}

impl From<SecretTooLong> for PromptError {
    fn from(_: SecretTooLong) -> PromptError {
        PromptError::TooLong { limit: crate::secret::SECRET_BYTES_MAX }
    }
}

impl From<Errno> for PromptError {
    fn from(errno: Errno) -> PromptError {
        PromptError::Io(errno.into())
    }
}

impl PromptError {
    /// How the program ends on it.
    pub fn exit(&self) -> Exit {
        match self {
            PromptError::NoTerminal(_)
            | PromptError::NobodyToAsk { .. }
            | PromptError::NoDescriptor { .. } => Exit::Missing,
            PromptError::Ended | PromptError::Interrupted => Exit::No,
            PromptError::NotText | PromptError::TooLong { .. } => Exit::Usage,
            PromptError::Io(_) => Exit::Io,
        }
    }

    /// The stable code for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            PromptError::NoTerminal(_) | PromptError::NobodyToAsk { .. } => "no-terminal",
            PromptError::NoDescriptor { .. } => "no-descriptor",
            PromptError::Ended => "input-ended",
            PromptError::Interrupted => "interrupted",
            PromptError::NotText => "not-text",
            PromptError::TooLong { .. } => "too-long",
            PromptError::Io(_) => "input-failed",
        }
    }
}

impl Words for PromptError {
    fn en(&self) -> String {
        match self {
            PromptError::NoTerminal(_) => "there is no terminal to ask on; use --passphrase-fd".to_owned(),
            PromptError::NobodyToAsk { option, .. } => {
                format!("there is no terminal to ask on; {option} does it without asking")
            }
            PromptError::NoDescriptor { fd, cause } => format!("descriptor {fd} cannot be read: {cause}"),
            PromptError::Ended => "nothing was typed".to_owned(),
            PromptError::Interrupted => "interrupted".to_owned(),
            PromptError::NotText => "what was typed is no text (UTF-8 without control characters)".to_owned(),
            PromptError::TooLong { limit } => format!("more than {limit} bytes were typed"),
            PromptError::Io(cause) => format!("the input cannot be read: {cause}"),
        }
    }
    fn ru(&self) -> String {
        match self {
            PromptError::NoTerminal(_) => "нет терминала для вопроса; укажите --passphrase-fd".to_owned(),
            PromptError::NobodyToAsk { option, .. } => {
                format!("нет терминала для вопроса; с {option} выполняется без вопроса")
            }
            PromptError::NoDescriptor { fd, cause } => {
                format!("дескриптор {fd} не читается: {}", cause_ru(&cause.to_string()))
            }
            PromptError::Ended => "ничего не введено".to_owned(),
            PromptError::Interrupted => "прервано".to_owned(),
            PromptError::NotText => "введён не текст (UTF-8 без управляющих символов)".to_owned(),
            PromptError::TooLong { limit } => format!("введено больше {limit} байт"),
            PromptError::Io(cause) => format!("ввод не читается: {}", cause_ru(&cause.to_string())),
        }
    }
}
