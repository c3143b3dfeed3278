//! `conclaved log`: one log closed into another. `closing` at the old server takes the proof out, `succeed` at the new one
//! takes it in.
//! Never closes a log: two of its officers do. Never names a predecessor without the new log's first officers.

mod closing;
mod said;
mod succeed;

use super::file_trouble;
use crate::words::{Reason, Trouble};
use console::{Exit, HelpTable, Voice};
use protocol::continuation::{BadContinuation, FILE_BYTES_MAX};
use std::path::Path;

/// Close one log into another: of another suite, or in a larger store.
#[derive(clap::Subcommand)]
pub(super) enum Log {
    Closing(closing::Closing),
    Succeed(succeed::Succeed),
}

pub(super) const HELP: &HelpTable = &[
    ("log/@about", "продолжить один журнал другим: с другим набором алгоритмов или в большем хранилище"),
    (
        "log closing/@about",
        "вынести свидетельство о том, что журнал закрыт; у прежнего сервера, когда он остановлен. Ничего не меняет",
    ),
    (
        "log closing/@after",
        "Пример: conclaved log closing --config /etc/conclave/conclaved.toml --out old.closing",
    ),
    ("log closing/config", "файл конфигурации прежнего сервера"),
    ("log closing/out", "куда записать свидетельство"),
    (
        "log succeed/@about",
        "назвать журнал, который продолжает этот: у нового сервера, до первого входа людей, по решению первых офицеров",
    ),
    (
        "log succeed/@long",
        "Назвать журнал, который продолжает этот: у нового сервера, до первого входа людей, по решению первых офицеров.\n\nБез --plan \
         ничего не меняется: свидетельство проверяется, записывается план, а подписывает его `conclave-admin log sign` на терминалах \
         офицеров.",
    ),
    (
        "log succeed/@after",
        "Пример: conclaved log succeed --config /etc/conclave/conclaved.toml --closing old.closing --out continuation.plan",
    ),
    ("log succeed/config", "файл конфигурации нового сервера"),
    ("log succeed/closing", "свидетельство, записанное `conclaved log closing` у прежнего сервера"),
    ("log succeed/out", "куда записать план; без этого ключа план только показывается"),
    ("log succeed/plan", "подписанный офицерами план: он будет исполнен"),
    ("log succeed/acts", "подпись офицера, по одной на каждого"),
];

impl Log {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Closing(_) => "log closing",
            Self::Succeed(_) => "log succeed",
        }
    }

    pub(super) fn run(self, voice: Voice) -> Result<Exit, Trouble> {
        match self {
            Self::Closing(closing) => closing.run(voice),
            Self::Succeed(succeed) => succeed.run(voice),
        }
    }
}

fn read_text(path: &Path) -> Result<String, Trouble> {
    let failed = |error| file_trouble(path, error);
    if std::fs::metadata(path).map_err(failed)?.len() > FILE_BYTES_MAX {
        let reason = Reason::new("too long", "файл слишком велик");
        return Err(Trouble::File { path: path.display().to_string(), reason });
    }
    std::fs::read_to_string(path).map_err(failed)
}

fn bad_file(path: &Path, error: &BadContinuation) -> Trouble {
    Trouble::File { path: path.display().to_string(), reason: Reason::of(error, error.ru()) }
}

fn refused(error: &BadContinuation) -> Trouble {
    Trouble::Continuation { reason: Reason::of(error, error.ru()) }
}
