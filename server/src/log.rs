//! What the daemon says on standard error: ids, indices and figures.
//! Never texts, titles, names of files or passwords; and never waits for a reader longer than the system does.

use serde::Deserialize;
use std::fmt::Display;
use std::io::Write;

/// How much is said.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// What ends the process or loses something.
    Error,
    /// What somebody should look at.
    Warn,
    /// Start, stop and what changes.
    #[default]
    Info,
    /// Every connection and batch.
    Debug,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }

    /// The prefix by which systemd tells priorities apart (sd-daemon(3)).
    fn priority(self) -> &'static str {
        match self {
            Self::Error => "<3>",
            Self::Warn => "<4>",
            Self::Info => "<6>",
            Self::Debug => "<7>",
        }
    }
}

/// The log of this process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Log {
    level: Level,
    /// Standard error leads to systemd's journal.
    under_systemd: bool,
}

impl Log {
    /// Says what is at least as grave as `level`.
    pub(crate) fn new(level: Level) -> Self {
        Self { level, under_systemd: std::env::var_os("JOURNAL_STREAM").is_some() }
    }

    /// Whether lines go to the system's journal.
    pub(crate) fn is_under_systemd(self) -> bool {
        self.under_systemd
    }

    /// See [`Level::Error`].
    pub(crate) fn error(self, what: impl Display) {
        self.say(Level::Error, what);
    }

    /// See [`Level::Warn`].
    pub(crate) fn warn(self, what: impl Display) {
        self.say(Level::Warn, what);
    }

    /// See [`Level::Info`].
    pub(crate) fn info(self, what: impl Display) {
        self.say(Level::Info, what);
    }

    /// See [`Level::Debug`].
    pub(crate) fn debug(self, what: impl Display) {
        self.say(Level::Debug, what);
    }

    fn say(self, level: Level, what: impl Display) {
        if level > self.level {
            return;
        }
        let prefix = if self.under_systemd { level.priority() } else { "conclaved: " };
        // A log that nobody can read is no reason to stop.
        let _gone = writeln!(std::io::stderr().lock(), "{prefix}{}: {what}", level.name());
    }
}
