//! `conclaved store`: what is done to the store itself, while no server has it.
//! Never does a command's work here.

pub(in crate::command) mod bodies;
mod cell;
pub(in crate::command) mod check;
mod damage;
mod format;
mod grow;
mod status;

use crate::words::Trouble;
use clap::Subcommand;
use console::{Exit, HelpTable, Voice};

/// Make the store, look at it, verify it, make it larger.
#[derive(Subcommand)]
pub(super) enum Store {
    Format(format::Format),
    Status(status::StoreStatus),
    Check(check::StoreCheck),
    Grow(grow::Grow),
    Cell(cell::MakeCell),
}

pub(super) const HELP: &HelpTable = &[
    ("store/@about", "создать хранилище, осмотреть, проверить, увеличить"),
    ("store format/@about", "создать пустое хранилище и его корневую ячейку; без --yes только показать"),
    (
        "store format/@after",
        "Пример: conclaved store format --config /etc/conclave/conclaved.toml --device /dev/disk/by-partuuid/…",
    ),
    ("store format/config", "файл конфигурации: store.path, store.cell"),
    ("store format/device", "то же устройство, что в store.path, ещё раз: чтобы не ошибиться"),
    ("store format/overwrite", "перезаписать то, что там есть: назвать в точности, как показано"),
    ("store status/@about", "показать, что стоит на месте хранилища"),
    ("store status/@after", "Пример: conclaved store status --config /etc/conclave/conclaved.toml"),
    ("store status/config", "файл конфигурации"),
    ("store check/@about", "прочитать и проверить всё: каждый экстент, каждую подпись, каждое тело"),
    ("store check/@after", "Пример: conclaved store check --config /etc/conclave/conclaved.toml"),
    ("store check/config", "файл конфигурации"),
    (
        "store cell/@about",
        "создать вторую корневую ячейку из конфигурации (store.second_cell); присоединится при следующем пуске",
    ),
    ("store cell/@after", "Пример: conclaved store cell --config /etc/conclave/conclaved.toml"),
    ("store cell/config", "файл конфигурации"),
    ("store grow/@about", "занять то, на что устройство стало длиннее"),
    (
        "store grow/@after",
        "Пример: conclaved store grow --config /etc/conclave/conclaved.toml --bytes 2147483648",
    ),
    ("store grow/config", "файл конфигурации"),
    (
        "store grow/bytes",
        "до какой длины удлинить файл-контейнер; раздел удлиняют его собственными средствами",
    ),
];

impl Store {
    /// The command's name in answers, and what came of it.
    pub(super) fn run(self, voice: Voice) -> (&'static str, Result<Exit, Trouble>) {
        match self {
            Self::Format(format) => ("store format", format.run(voice)),
            Self::Status(status) => ("store status", status.run(voice)),
            Self::Check(check) => ("store check", check.run(voice)),
            Self::Grow(grow) => ("store grow", grow.run(voice)),
            Self::Cell(cell) => ("store cell", cell.run(voice)),
        }
    }
}
