//! The command line: one file per command.
//! Never does a command's work here.

mod backup;
mod init;
mod log;
mod recover;
mod request;
mod run;
mod status;
mod store;
mod take_in;

use crate::config::{Config, ConfigError, StoreConfig};
use crate::making::{self, Whose};
use crate::probe;
use crate::store::StoreError;
use crate::words::{NoRecovery, Reason, Trouble};
use clap::{CommandFactory, Parser, Subcommand};
use console::{Common, Exit, Extra, HelpTable, Voice, localise};
use hardening::Sandbox;
use std::path::{Path, PathBuf};
use vault::Standing;

/// The server of a closed room.
#[derive(Parser)]
#[command(
    name = "conclaved",
    version,
    after_help = "Example: conclaved run --config /etc/conclave/conclaved.toml"
)]
struct Conclaved {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make the server's keys and the request for its certificates.
    Request(request::Request),
    /// Found the site from the authority's first bundle: make the store.
    Init(init::Init),
    /// Serve.
    #[command(after_help = "Example: conclaved run --config /etc/conclave/conclaved.toml")]
    Run(WithConfig),
    /// Verify the store without changing it.
    Check(store::check::Check),
    #[command(subcommand)]
    Store(store::Store),
    /// Copy the store while the server runs, and put it back.
    #[command(subcommand)]
    Backup(backup::Backup),
    /// Go on without entries that are lost, by decision of the first officers.
    Recover(recover::Recover),
    /// Take in a bundle of the authority's at this machine, while the server is stopped: where nobody can log in to bring it.
    TakeIn(take_in::TakeIn),
    #[command(subcommand)]
    Log(log::Log),
    /// Tell how the running server does.
    #[command(after_help = "Example: conclaved status --config /etc/conclave/conclaved.toml")]
    Status(WithConfig),
    #[command(flatten)]
    Extra(Extra),
}

/// The option that most commands have.
#[derive(clap::Args)]
struct WithConfig {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

const RU: &HelpTable = &[
    ("/@about", "Сервер закрытой комнаты"),
    ("/@after", "Пример: conclaved run --config /etc/conclave/conclaved.toml"),
    ("request/@about", "создать ключи сервера и запрос на его сертификаты"),
    (
        "request/@after",
        "Пример: conclaved request --state /var/lib/conclave --server-name room --out server.request",
    ),
    ("request/state", "каталог, в котором остаются ключи"),
    ("request/server_name", "имя сервера, как оно стоит в сертификате"),
    ("request/suite", "набор алгоритмов системы: ed25519 или ecdsa-p256"),
    ("request/out", "куда записать запрос"),
    ("init/@about", "основать систему из первого пакета центра: создать хранилище"),
    ("init/@after", "Пример: conclaved init --config /etc/conclave/conclaved.toml --bundle site.bundle"),
    ("init/config", "файл конфигурации"),
    ("init/bundle", "пакет, записанный conclave-pki bundle"),
    ("run/@about", "работать"),
    ("run/@after", "Пример: conclaved run --config /etc/conclave/conclaved.toml"),
    ("run/config", "файл конфигурации"),
    ("check/@about", "проверить хранилище, ничего в нём не меняя"),
    ("check/@after", "Пример: conclaved check --full --config /etc/conclave/conclaved.toml"),
    ("check/config", "файл конфигурации"),
    ("check/full", "проверить и все подписи с самого начала, оба снимка состояния, каждое тело"),
    ("backup/@about", "копировать хранилище во время работы сервера и возвращать его"),
    ("backup create/@about", "добавить в каталог всё, чего в нём ещё нет, и подписать опись"),
    (
        "backup create/@after",
        "Пример: conclaved backup create --config /etc/conclave/conclaved.toml --to /mnt/backup",
    ),
    ("backup create/config", "файл конфигурации"),
    ("backup create/to", "каталог копии; создаётся, если его нет"),
    ("backup verify/@about", "проверить подпись, полноту и каждый блок копии и откроет ли её ячейка"),
    (
        "backup verify/@after",
        "Пример: conclaved backup verify --config /etc/conclave/conclaved.toml /mnt/backup",
    ),
    ("backup verify/config", "файл конфигурации"),
    ("backup verify/dir", "каталог копии"),
    ("backup restore/@about", "записать копию на пустое устройство или в новый контейнер"),
    (
        "backup restore/@after",
        "Пример: conclaved backup restore --config /etc/conclave/conclaved.toml /mnt/backup --yes",
    ),
    ("backup restore/config", "файл конфигурации: куда записать и какая ячейка уцелела"),
    ("backup restore/dir", "каталог копии"),
    ("backup restore/yes", "не только показать, что будет сделано, но и сделать"),
    (
        "backup accept/@about",
        "сказать, что после возвращённой копии никто ничего не видел: сервер её запустит",
    ),
    (
        "backup accept/@after",
        "Пример: conclaved backup accept --config /etc/conclave/conclaved.toml --nobody-saw-more",
    ),
    ("backup accept/config", "файл конфигурации"),
    ("backup accept/nobody_saw_more", "никто, ни терминал, ни аудитор, не видел записей новее этой копии"),
    (
        "backup rehearse/@about",
        "открыть из копии всё, что в ней есть, ничего не записывая; сервер при этом остановлен",
    ),
    (
        "backup rehearse/@after",
        "Пример: conclaved backup rehearse --config /etc/conclave/conclaved.toml /mnt/backup",
    ),
    ("backup rehearse/config", "файл конфигурации"),
    ("backup rehearse/dir", "каталог копии"),
    ("status/@about", "сообщить состояние работающего сервера"),
    ("status/@after", "Пример: conclaved status --config /etc/conclave/conclaved.toml"),
    ("status/config", "файл конфигурации"),
];

/// Every text of the help in Russian.
fn help() -> Vec<(&'static str, &'static str)> {
    [RU, store::HELP, recover::HELP, take_in::HELP, log::HELP].concat()
}

/// Parses the process' command line and runs its command.
pub(crate) fn main() -> Exit {
    let (conclaved, lang) = match console::parse_or_exit::<Conclaved>(&help()) {
        Ok(parsed) => parsed,
        Err(exit) => return exit,
    };
    let voice = Voice { lang, json: conclaved.common.json };
    // Before threads, keys and sockets: the server's keys pass through `request` and `init` too.
    let sandboxed = match Sandbox::daemon().enter() {
        Ok(sandboxed) => sandboxed,
        Err(error) => return voice.unconfined("conclaved", &error),
    };
    let (name, outcome) = match conclaved.command {
        Command::Request(request) => ("request", request.run(voice)),
        Command::Init(init) => ("init", init.run(voice)),
        Command::Run(WithConfig { config }) => ("run", run::run(&config, &sandboxed)),
        Command::Check(check) => ("check", check.run(voice)),
        Command::Backup(backup) => (backup.name(), backup.run(voice)),
        Command::Store(store) => store.run(voice),
        Command::Recover(recover) => ("recover", recover.run(voice)),
        Command::TakeIn(take_in) => ("take-in", take_in.run(voice)),
        Command::Log(log) => (log.name(), log.run(voice)),
        Command::Status(WithConfig { config }) => ("status", status::run(&config, voice)),
        Command::Extra(extra) => {
            let command = localise(Conclaved::command(), lang, &help());
            let done = extra.run(command, &mut std::io::stdout());
            ("extra", done.map(|()| Exit::Yes).map_err(|error| Trouble::System { reason: error.to_string() }))
        }
    };
    outcome.unwrap_or_else(|trouble| voice.failed(name, trouble.exit(), trouble.code(), &trouble))
}

fn read_config(path: &Path) -> Result<Config, Trouble> {
    Config::read(path).map_err(|error| match error {
        ConfigError::Unreadable { path, reason } => {
            Trouble::File { path: path.display().to_string(), reason: reason.to_string().into() }
        }
        ref wrong @ ConfigError::Wrong { ref path, line, ref what } => {
            let at = if line > 0 { format!(", строка {line}") } else { String::new() };
            Trouble::Config { reason: Reason::of(wrong, format!("{}{at}: {}", path.display(), what.ru)) }
        }
    })
}

fn store_trouble(error: StoreError) -> Trouble {
    let shown = |path: &PathBuf| path.display().to_string();
    match &error {
        StoreError::Missing { path } => Trouble::StoreMissing { path: shown(path) },
        StoreError::Away { path } => Trouble::StoreAway { path: shown(path) },
        StoreError::CellMissing { path } => Trouble::CellMissing { path: shown(path) },
        StoreError::Nameless { path, found } => {
            Trouble::StoreNameless { path: shown(path), found: found.clone() }
        }
        StoreError::CellExists { path } => Trouble::CellExists { path: shown(path) },
        StoreError::Exists { path } => Trouble::StoreExists { path: shown(path) },
        StoreError::Occupied { path, found } if found.is_empty() => {
            Trouble::StoreNothingThere { path: shown(path) }
        }
        StoreError::Occupied { path, found } => {
            Trouble::StoreOccupied { path: shown(path), found: found.clone() }
        }
        StoreError::Unformatted { path } => Trouble::StoreUnformatted { path: shown(path) },
        StoreError::RootOfAnother => Trouble::RootOfAnother,
        StoreError::RootLost { path } => Trouble::RootLost { path: shown(path) },
        StoreError::PutBack { path } => Trouble::PutBack { path: shown(path) },
        StoreError::InUse { path } => Trouble::StoreInUse { path: shown(path) },
        StoreError::GrowBytes { bytes, now } => Trouble::GrowBytes { bytes: *bytes, now: *now },
        StoreError::NotAContainer { path } => Trouble::NotAContainer { path: shown(path) },
        StoreError::Full(_) | StoreError::Io { .. } | StoreError::Size { .. } => {
            Trouble::StoreIo { reason: error.reason() }
        }
        StoreError::Unlock { .. } => Trouble::Keys { reason: error.reason() },
        StoreError::Vault(vault::Error::Locked | vault::Error::WrongUnlock | vault::Error::NotSealed) => {
            Trouble::Keys { reason: error.reason() }
        }
        StoreError::Vault(
            vault::Error::StoreBehindCell { .. }
            | vault::Error::Damaged { .. }
            | vault::Error::Disk(
                disk::Error::DamagedBeforeValid { .. }
                | disk::Error::NewerThanJournal { .. }
                | disk::Error::Io(_)
                | disk::Error::Damaged { .. }
                | disk::Error::Frame { .. },
            ),
        ) => Trouble::EntriesLost { reason: error.reason() },
        StoreError::Vault(vault::Error::CellBehindStore { store_epoch, cell_epoch }) => {
            NoRecovery::CellOlder { store_epoch: *store_epoch, cell_epoch: *cell_epoch }.into()
        }
        StoreError::Vault(_) => Trouble::StoreDamaged { reason: error.reason() },
    }
}

/// Why a store does not open that should be there. One without a root was lost, or never finished; one that is not there was
/// taken away or overwritten, where the cell knows it.
fn open_trouble(config: &StoreConfig, error: StoreError) -> Trouble {
    let path = config.path.display().to_string();
    let is_missing = matches!(&error, StoreError::Missing { .. });
    let is_no_store = matches!(&error, StoreError::Vault(vault::Error::Disk(disk::Error::NotAStore)));
    let has_no_root = matches!(&error, StoreError::Vault(vault::Error::NoRoot(_)));
    if matches!(&error, StoreError::Vault(vault::Error::ForeignCell)) {
        return foreign_trouble(config, error);
    }
    if let StoreError::InUse { path } = &error
        && *path != config.path
    {
        return Trouble::CellInUse { path: path.display().to_string() };
    }
    let ground = (has_no_root || is_missing || is_no_store).then(|| making::survey(config).ok()).flatten();
    let found = ground.as_ref().map(|ground| probe::shown(&ground.found)).unwrap_or_default();
    match ground.map(|ground| ground.standing) {
        Some(Standing::NoStore { rooted: true, .. }) if is_missing => Trouble::StoreAway { path },
        Some(Standing::NoStore { rooted: true, .. }) if is_no_store => match found.is_empty() {
            true => Trouble::StoreBlank { path },
            false => Trouble::StoreOverwritten { path, found },
        },
        Some(Standing::Unfinished(_)) => Trouble::StoreUnfinished { path },
        Some(Standing::RootLost(_)) => Trouble::RootLost { path },
        Some(Standing::NoStore { .. } | Standing::Store(_)) | None => store_trouble(error),
    }
}

/// Which of the cells is not the store's, so that nobody makes the other one blank.
fn foreign_trouble(config: &StoreConfig, error: StoreError) -> Trouble {
    let Ok(Whose { own, foreign }) = making::whose_cells(config) else { return store_trouble(error) };
    let (own, foreign) = (own.join(", "), foreign.join(", "));
    match (own.is_empty(), foreign.is_empty()) {
        (false, false) => Trouble::CellForeign { foreign, own },
        (true, false) => Trouble::CellsForeign { foreign, path: config.path.display().to_string() },
        // Each by itself is the store's, and the two do not agree.
        (_, true) => Trouble::CellsForeign { foreign: own, path: config.path.display().to_string() },
    }
}

fn file_trouble(path: &Path, reason: std::io::Error) -> Trouble {
    let path = path.display().to_string();
    if reason.kind() == std::io::ErrorKind::AlreadyExists {
        return Trouble::FileExists { path };
    }
    Trouble::File { path, reason: reason.to_string().into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_of_the_help_is_in_both_languages() {
        assert_eq!(console::untranslated(&Conclaved::command(), &help()), [""; 0]);
        assert_eq!(console::stale(&Conclaved::command(), &help()), [""; 0]);
    }
}
