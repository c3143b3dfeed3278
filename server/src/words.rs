//! What `conclaved` says to people, in both languages.
//! Never says what went wrong inside without saying what to do about it, where there is something to do.

use console::{Exit, Words};

console::words! {
    /// Why a command did not do what it was asked.
    pub(crate) enum Trouble {
        /// The configuration is wrong or cannot be read.
        Config { reason: String } => en("configuration: {reason}"), ru("конфигурация: {reason}");
        /// Keys are missing, readable by others, or damaged.
        Keys { reason: String } => en("keys: {reason}"), ru("ключи: {reason}");
        /// There are keys already.
        KeysExist { path: String }
            => en("{path}: keys exist already and are never made anew; a second server needs its own directory"),
               ru("{path}: ключи уже есть и заново не создаются; второму серверу нужен свой каталог");
        /// A file cannot be read or written.
        File { path: String, reason: String } => en("{path}: {reason}"), ru("{path}: {reason}");
        /// The file exists already.
        FileExists { path: String }
            => en("{path} exists already and is not overwritten"),
               ru("{path} уже существует и не перезаписывается");
        /// The name does not fit into a certificate.
        Name { reason: String } => en("the server's name: {reason}"), ru("имя сервера: {reason}");
        /// Not a bundle, or one that founds nothing.
        Bundle { reason: String } => en("bundle: {reason}"), ru("пакет: {reason}");
        /// The bundle has no genesis.
        NoGenesis
            => en("the bundle founds no site: it holds no genesis. Later bundles go in by `conclave-admin submit`"),
               ru("пакет не основывает площадку: в нём нет genesis. Следующие пакеты вносит `conclave-admin submit`");
        /// The bundle is for another server.
        OtherServer { what: String }
            => en("the bundle was made for another server: its {what} is not this one's"),
               ru("пакет сделан для другого сервера: {what} не от этого сервера");
        /// Something is there where a store was to be made.
        StoreExists { path: String }
            => en("{path} exists already: a store is never made over another"),
               ru("{path} уже существует: хранилище никогда не создаётся поверх другого");
        /// Nothing is there.
        StoreMissing { path: String }
            => en("{path}: there is no store; `conclaved init` makes one"),
               ru("{path}: хранилища нет; его создаёт `conclaved init`");
        /// Another process has it.
        StoreInUse { path: String }
            => en("{path}: another server has this store open, or the device is mounted or held by another program"),
               ru("{path}: хранилище уже открыто другим сервером, либо устройство смонтировано или занято другой программой");
        /// The store is damaged or was rolled back.
        StoreDamaged { reason: String }
            => en("the store is damaged or was rolled back: {reason}"),
               ru("хранилище повреждено или возвращено к прежнему состоянию: {reason}");
        /// The operating system did not read or write the store.
        StoreIo { reason: String } => en("the store: {reason}"), ru("хранилище: {reason}");
        /// The network.
        Network { reason: String } => en("network: {reason}"), ru("сеть: {reason}");
        /// No server answers.
        NotRunning { path: String }
            => en("no server answers at {path}"), ru("в {path} сервер не отвечает");
        /// The operating system.
        System { reason: String } => en("the system: {reason}"), ru("система: {reason}");
    }
}

impl Trouble {
    /// How the process ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Config { .. } | Self::Name { .. } => Exit::Usage,
            Self::StoreMissing { .. } | Self::StoreInUse { .. } | Self::NotRunning { .. } => Exit::Missing,
            Self::StoreIo { .. } | Self::File { .. } | Self::System { .. } | Self::Network { .. } => Exit::Io,
            Self::Keys { .. } => Exit::NotAllowed,
            Self::StoreDamaged { .. } => Exit::Invalid,
            Self::KeysExist { .. }
            | Self::FileExists { .. }
            | Self::Bundle { .. }
            | Self::NoGenesis
            | Self::OtherServer { .. }
            | Self::StoreExists { .. } => Exit::No,
        }
    }

    /// The stable word for scripts.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Config { .. } => "config",
            Self::Keys { .. } => "keys",
            Self::KeysExist { .. } => "keys-exist",
            Self::File { .. } => "file",
            Self::FileExists { .. } => "file-exists",
            Self::Name { .. } => "name",
            Self::Bundle { .. } => "bundle",
            Self::NoGenesis => "no-genesis",
            Self::OtherServer { .. } => "other-server",
            Self::StoreExists { .. } => "store-exists",
            Self::StoreMissing { .. } => "store-missing",
            Self::StoreInUse { .. } => "store-in-use",
            Self::StoreDamaged { .. } => "store-damaged",
            Self::StoreIo { .. } => "store-io",
            Self::Network { .. } => "network",
            Self::NotRunning { .. } => "not-running",
            Self::System { .. } => "system",
        }
    }

    /// For the log, in English.
    pub(crate) fn for_log(&self) -> String {
        self.en()
    }
}

console::words! {
    /// What a command says when it is done.
    pub(crate) enum Done {
        /// After `request`.
        Requested { out: String, keys: String, fingerprint: String }
            => en("request written to {out}; the keys stay in {keys}\nthe authority must see the same fingerprint: {fingerprint}"),
               ru("запрос записан в {out}; ключи остаются в {keys}\nу удостоверяющего центра должен быть тот же отпечаток: {fingerprint}");
        /// After `init`.
        Founded { site: String, log: String, entries: u64, store: String }
            => en("site \"{site}\" founded, log {log}, {entries} entries in {store}"),
               ru("площадка «{site}» основана, журнал {log}, записей: {entries}, хранилище {store}");
        /// Beside it.
        DevelopmentCell
            => en("WARNING: the root cell is a FILE: for development only. Overwriting a file does not erase flash, \
                   snapshots or backups: whoever finds an old copy of it can open what was erased since"),
               ru("ВНИМАНИЕ: корневая ячейка — ФАЙЛ: только для разработки. Перезапись файла не стирает флеш-память, \
                   снимки и резервные копии: нашедший старую копию откроет то, что с тех пор уничтожено");
        /// Beside it, whatever the cell is made of.
        CellsAreAll
            => en("Losing every root cell loses every body: no backup holds the root"),
               ru("Потеря всех корневых ячеек — потеря всех тел: ни одна резервная копия не содержит корня");
        /// After `check`.
        Sound { entries: u64, epoch: u64, more: String }
            => en("the store is sound: {entries} entries, erasure epoch {epoch}{more}"),
               ru("хранилище исправно: записей {entries}, эпоха уничтожения {epoch}{more}");
        /// Answer to `status`.
        Status { text: String } => en("{text}"), ru("{text}");
    }
}
