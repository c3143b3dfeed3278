//! What `conclaved` says to people, in both languages.
//! Never says what went wrong inside without saying what to do about it, where there is something to do.

mod recovery;

use console::{Exit, Words};
pub(crate) use recovery::NoRecovery;

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
               ru("пакет не основывает систему: в нём нет genesis. Следующие пакеты вносит `conclave-admin submit`");
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
        /// Something else is there.
        StoreOccupied { path: String, found: String }
            => en("{path} carries {found}. Nothing is overwritten unless it is named exactly: --overwrite {found}"),
               ru("на {path} есть {found}. Ничто не перезаписывается, если не названо в точности: --overwrite {found}");
        /// A device without a store.
        StoreUnformatted { path: String }
            => en("{path}: there is no store on it; `conclaved store format` makes one"),
               ru("{path}: хранилища на нём нет; его создаёт `conclaved store format`");
        /// What was named to be overwritten is not there.
        StoreNothingThere { path: String }
            => en("{path} carries nothing that could be overwritten: leave --overwrite out"),
               ru("на {path} нечего перезаписывать: уберите --overwrite");
        /// A cell that belongs elsewhere.
        RootOfAnother
            => en("the root cell holds the root of a store that is not on this device: it is never overwritten. Name the right \
                   device; or, where that store is given up for ever, make the cell blank by hand"),
               ru("корневая ячейка хранит корень хранилища, которого на этом устройстве нет: она никогда не перезаписывается. \
                   Укажите верное устройство; если же от того хранилища отказались навсегда, очистите ячейку вручную");
        /// A store whose root is gone.
        RootLost { path: String }
            => en("{path} holds a store with entries, and its root cell has lost its root: no body can be read, and no fresh \
                   root is ever made over it. Keep both as they are, and look for the right cell; if it is lost for good, what is \
                   left is the log without a body: `conclaved recover --accept-loss --accept-loss-of-bodies`"),
               ru("на {path} хранилище с записями, а корневая ячейка потеряла его корень: тела прочитать нельзя, и новый корень \
                   поверх никогда не создаётся. Сохраните всё как есть и найдите нужную ячейку; если она утрачена навсегда, остаётся \
                   журнал без тел: `conclaved recover --accept-loss --accept-loss-of-bodies`");
        /// A store that was never finished.
        StoreUnfinished { path: String }
            => en("{path}: the making of this store was interrupted, and nothing is in it: the same command again \
                   (`conclaved store format`, or `conclaved init`) finishes it"),
               ru("{path}: создание этого хранилища было прервано, в нём ничего нет: та же команда ещё раз \
                   (`conclaved store format` или `conclaved init`) завершит его");
        /// A store in which no site was founded yet.
        StoreEmpty { path: String }
            => en("{path}: the store is empty; `conclaved init` founds the site in it"),
               ru("{path}: хранилище пусто; систему в нём основывает `conclaved init`");
        /// Another process has it.
        StoreInUse { path: String }
            => en("{path}: another server has this store open, or the device is mounted or held by another program"),
               ru("{path}: хранилище уже открыто другим сервером, либо устройство смонтировано или занято другой программой");
        /// The store is damaged or was rolled back.
        StoreDamaged { reason: String }
            => en("the store is damaged or was rolled back: {reason}"),
               ru("хранилище повреждено или возвращено к прежнему состоянию: {reason}");
        /// Acknowledged entries are gone.
        EntriesLost { reason: String }
            => en("the store does not start: {reason}\nThe right device, root cell or backup may still bring everything back. If what is \
                   missing is lost for good, `conclaved recover --accept-loss` shows what can be kept and what the first officers \
                   must sign"),
               ru("хранилище не запускается: {reason}\nВсё ещё может вернуть верное устройство, ячейка или копия. Если же недостающее \
                   утрачено навсегда, `conclaved recover --accept-loss` покажет, что можно сохранить и что должны подписать первые \
                   офицеры");
        /// The journal's end is gone.
        JournalCut { last: u64, later: u64 }
            => en("the store does not start: the device holds batches newer than the journal's end (it ends with batch {last}, batch {later} \
                   is there), so its end is lost.\nThe right device or backup may still bring everything back. If it is lost for good, \
                   `conclaved recover --accept-loss` shows what can be kept and what the first officers must sign"),
               ru("хранилище не запускается: на устройстве есть партии новее конца журнала (журнал кончается партией {last}, а партия {later} \
                   есть), то есть его конец утрачен.\nВсё ещё может вернуть верное устройство или копия. Если же конец утрачен навсегда, \
                   `conclaved recover --accept-loss` покажет, что можно сохранить и что должны подписать первые офицеры");
        /// A recovery does not go on.
        Recovery { why: NoRecovery } => en("{}", why.en()), ru("{}", why.ru());
        /// A start of a store that was put back.
        PutBack { path: String }
            => en("{path} was put back from a backup, and nobody has said what came after it. If anybody saw more, do not start it: \
                   `conclaved recover --accept-loss --cause restored --head FILE` with a head of a terminal that did. If nobody did: \
                   `conclaved backup accept --nobody-saw-more`"),
               ru("{path} возвращено из резервной копии, и никто не сказал, что было после неё. Если кто-нибудь видел больше, не \
                   запускайте: `conclaved recover --accept-loss --cause restored --head ФАЙЛ` с вершиной того терминала. Если никто: \
                   `conclaved backup accept --nobody-saw-more`");
        /// An answer that nobody asked for.
        NotPutBack { path: String }
            => en("{path} was not put back from a backup, or has been started since: there is nothing to accept"),
               ru("{path} не возвращали из резервной копии или с тех пор уже запускали: принимать нечего");
        /// The operating system did not read or write the store.
        StoreIo { reason: String } => en("the store: {reason}"), ru("хранилище: {reason}");
        /// The network.
        Network { reason: String } => en("network: {reason}"), ru("сеть: {reason}");
        /// No server answers.
        NotRunning { path: String }
            => en("no server answers at {path}"), ru("в {path} сервер не отвечает");
        /// A backup that is not what it should be.
        BackupDamaged { reason: String } => en("the backup: {reason}"), ru("резервная копия: {reason}");
        /// A file of the backup, or the server that is copied.
        BackupIo { reason: String } => en("backup: {reason}"), ru("копирование: {reason}");
        /// No backup is there.
        BackupMissing { path: String }
            => en("{path} holds no finished backup; `conclaved backup create` makes one, and finishes one that was interrupted"),
               ru("в {path} нет завершённой копии; её создаёт или доводит до конца `conclaved backup create`");
        /// Another command is at it.
        BackupInUse { reason: String } => en("{reason}"), ru("копия занята: {reason}");
        /// Another store's, or another history's.
        BackupOther { reason: String }
            => en("{reason}; take an empty directory"), ru("{reason}; возьмите пустой каталог");
        /// The cell has gone on.
        BackupBehind { backup_epoch: u64, cell_epoch: u64, entries: u64 }
            => en("the backup is of erasure epoch {backup_epoch} ({entries} journal entries), the root cell is at epoch {cell_epoch}: \
                   an erasure since then destroyed the root that opens this backup, and no message or file in it can ever be \
                   opened again. Nothing was written. Only a backup of epoch {cell_epoch} brings the site back; \
                   `conclaved backup create` after every erasure makes one"),
               ru("копия снята в эпоху уничтожения {backup_epoch} (записей журнала: {entries}), корневая ячейка — в эпохе {cell_epoch}: \
                   уничтожение, сделанное с тех пор, уничтожило и корень, которым открывается эта копия; ни одно сообщение и ни один \
                   файл в ней открыть уже нельзя. Ничего не записано. Вернуть систему может только копия эпохи {cell_epoch}; \
                   её делает `conclaved backup create` после каждого уничтожения");
        /// The cell is another store's, or older.
        BackupNotOfCell { reason: String }
            => en("the root cell does not fit this backup: {reason}. Nothing was written"),
               ru("корневая ячейка не подходит к этой копии: {reason}. Ничего не записано");
        /// Something is where a store was to be put back.
        RestoreCovers { path: String, at: u64 }
            => en("{path} is not empty: at byte {at} there is something that is not of this backup. A store is put back only onto \
                   a device of zeros or into a file that is not there yet; nothing was written"),
               ru("{path} не пусто: в байте {at} есть то, чего нет в этой копии. Хранилище возвращают только на устройство из одних \
                   нулей или в файл, которого ещё нет; ничего не записано");
        /// The device is too short.
        RestoreTooSmall { path: String, bytes: u64 }
            => en("{path} is too short: the store that was copied needs {bytes} bytes"),
               ru("{path} слишком мало: скопированному хранилищу нужно байт: {bytes}");
        /// The operating system.
        System { reason: String } => en("the system: {reason}"), ru("система: {reason}");
    }
}

impl Trouble {
    /// How the process ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Recovery { why } => why.exit(),
            Self::Config { .. } | Self::Name { .. } => Exit::Usage,
            Self::StoreMissing { .. }
            | Self::StoreUnformatted { .. }
            | Self::StoreUnfinished { .. }
            | Self::StoreEmpty { .. }
            | Self::StoreInUse { .. }
            | Self::NotRunning { .. }
            | Self::BackupMissing { .. }
            | Self::BackupInUse { .. } => Exit::Missing,
            Self::BackupIo { .. }
            | Self::StoreIo { .. }
            | Self::File { .. }
            | Self::System { .. }
            | Self::Network { .. } => Exit::Io,
            Self::Keys { .. } => Exit::NotAllowed,
            Self::StoreDamaged { .. }
            | Self::EntriesLost { .. }
            | Self::JournalCut { .. }
            | Self::RootLost { .. }
            | Self::BackupDamaged { .. }
            | Self::BackupNotOfCell { .. } => Exit::Invalid,
            Self::PutBack { .. }
            | Self::NotPutBack { .. }
            | Self::BackupOther { .. }
            | Self::BackupBehind { .. }
            | Self::RestoreCovers { .. }
            | Self::RestoreTooSmall { .. } => Exit::No,
            Self::KeysExist { .. }
            | Self::FileExists { .. }
            | Self::Bundle { .. }
            | Self::NoGenesis
            | Self::OtherServer { .. }
            | Self::StoreOccupied { .. }
            | Self::StoreNothingThere { .. }
            | Self::RootOfAnother
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
            Self::StoreOccupied { .. } => "store-occupied",
            Self::StoreNothingThere { .. } => "store-nothing-there",
            Self::StoreUnformatted { .. } => "store-unformatted",
            Self::StoreUnfinished { .. } => "store-unfinished",
            Self::StoreEmpty { .. } => "store-empty",
            Self::RootOfAnother => "root-of-another",
            Self::RootLost { .. } => "root-lost",
            Self::StoreMissing { .. } => "store-missing",
            Self::StoreInUse { .. } => "store-in-use",
            Self::StoreDamaged { .. } => "store-damaged",
            Self::EntriesLost { .. } => "entries-lost",
            Self::JournalCut { .. } => "journal-cut",
            Self::PutBack { .. } => "put-back",
            Self::NotPutBack { .. } => "not-put-back",
            Self::Recovery { why } => why.code(),
            Self::StoreIo { .. } => "store-io",
            Self::Network { .. } => "network",
            Self::NotRunning { .. } => "not-running",
            Self::BackupDamaged { .. } => "backup-damaged",
            Self::BackupIo { .. } => "backup-io",
            Self::BackupMissing { .. } => "backup-missing",
            Self::BackupInUse { .. } => "backup-in-use",
            Self::BackupOther { .. } => "backup-other",
            Self::BackupBehind { .. } => "backup-behind",
            Self::BackupNotOfCell { .. } => "backup-not-of-cell",
            Self::RestoreCovers { .. } => "restore-covers",
            Self::RestoreTooSmall { .. } => "restore-too-small",
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
               ru("система «{site}» основана, журнал {log}, записей: {entries}, хранилище {store}");
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
        /// What `store format` would do.
        NotFormatted { plan: String }
            => en("{plan}Nothing was done yet: the same with --yes makes it."),
               ru("{plan}Пока ничего не сделано: та же команда с --yes создаст хранилище.");
        /// After `store format`.
        Formatted { plan: String }
            => en("{plan}The store is made, and empty: `conclaved init` founds the site in it."),
               ru("{plan}Хранилище создано и пусто: систему в нём основывает `conclaved init`.");
        /// After `store grow`.
        Grown { before: String, after: String }
            => en("the store has {after} now; it had {before}"), ru("теперь в хранилище {after}; было {before}");
        /// What a check found damaged.
        Damaged { count: u64, list: String }
            => en("the store is DAMAGED in {count} places:\n{list}"), ru("хранилище ПОВРЕЖДЕНО, мест: {count}\n{list}");
        /// After `check`.
        Sound { entries: u64, epoch: u64, more: String }
            => en("the store is sound: {entries} entries, erasure epoch {epoch}{more}"),
               ru("хранилище исправно: записей {entries}, эпоха уничтожения {epoch}{more}");
        /// After `backup create`.
        Backed {
            dir: String, batch: u64, entries: u64, epoch: u64, copied: String, taken_over: String, kept: String, rate: String,
            more: String
        }
            => en("{dir} holds the store as of batch {batch}: {entries} journal entries, erasure epoch {epoch}\n\
                   copied now: {copied} ({rate}/s){taken_over}; all of the backup: {kept}{more}"),
               ru("в {dir} — хранилище на партию {batch}: записей журнала {entries}, эпоха уничтожения {epoch}\n\
                   скопировано сейчас: {copied} ({rate}/с){taken_over}; вся копия: {kept}{more}");
        BackedTorn { places: u64 }
            => en("\nDAMAGED: at {places} places the store's device does not read, and the backup has zeros there; the next copy tries\n\
                   them anew. `conclaved store check` says what they hold"),
               ru("\nПОВРЕЖДЕНО: устройство хранилища местами не читается (таких мест {places}), в копии там нули; следующая копия\n\
                   попробует снова. Что там лежит, скажет `conclaved store check`");
        /// After `backup verify`.
        BackupWhole {
            batch: u64, entries: u64, epoch: u64, made: String, kept: String, manifest: String, opens: String
        }
            => en("the backup is whole: batch {batch}, {entries} journal entries, erasure epoch {epoch}, made {made}, {kept}\n\
                   manifest {manifest}\n{opens}"),
               ru("копия цела: партия {batch}, записей журнала {entries}, эпоха уничтожения {epoch}, снята {made}, {kept}\n\
                   опись {manifest}\n{opens}");
        /// Before `backup restore` does anything.
        RestorePlan { dir: String, to: String, batch: u64, entries: u64, epoch: u64, used: String, length: String }
            => en("would put back {dir}: batch {batch}, {entries} journal entries, erasure epoch {epoch}\n\
                   onto {to}: {used} of blocks, {length} in all\nthe root cell fits. Nothing was written; --yes does it"),
               ru("будет возвращено {dir}: партия {batch}, записей журнала {entries}, эпоха уничтожения {epoch}\n\
                   на {to}: блоков {used}, всего {length}\nкорневая ячейка подходит. Ничего не записано; с --yes будет сделано");
        /// After `backup restore`.
        Restored { to: String, batch: u64, entries: u64, epoch: u64, used: String }
            => en("{to} holds the store as of batch {batch}: {entries} journal entries, erasure epoch {epoch}, {used}; it opens with the \
                   root cell. What people sent after this backup is lost, and no server starts it before you have said so: where \
                   anybody saw more, `conclaved recover --accept-loss --cause restored --head FILE` with a head of that terminal; where \
                   the backup was the last word, `conclaved backup accept --nobody-saw-more`"),
               ru("в {to} — хранилище на партию {batch}: записей журнала {entries}, эпоха уничтожения {epoch}, {used}; корневая ячейка его \
                   открывает. Отправленное после этой копии потеряно, и сервер не запустится, пока вы этого не скажете: если кто-нибудь \
                   видел больше — `conclaved recover --accept-loss --cause restored --head ФАЙЛ` с вершиной того терминала; если копия \
                   была последним словом — `conclaved backup accept --nobody-saw-more`");
        /// After `backup accept`.
        Accepted { path: String }
            => en("{path} is accepted as it was put back: `conclaved run` starts it, and its log says so"),
               ru("{path} принято таким, каким его вернули: его запускает `conclaved run`, и в записях сервера это отмечено");
        /// After `backup rehearse`.
        Rehearsed { entries: u64, epoch: u64, bodies: u64 }
            => en("rehearsed: {entries} journal entries verified from the first on, erasure epoch {epoch}; {} opened, none failed. \
                   Neither the cell nor the backup was changed", console::count_en(*bodies, "body", "bodies")),
               ru("проба удалась: записей журнала проверено с первой: {entries}, эпоха уничтожения {epoch}; открыто: {}, ни одной неудачи. \
                   Ни ячейка, ни копия не изменены", console::count_ru(*bodies, "тело", "тела", "тел"));
        /// Answer to `status`.
        Status { text: String } => en("{text}"), ru("{text}");
    }
}
