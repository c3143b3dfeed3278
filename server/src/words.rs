//! What `conclaved` says to people, in both languages.
//! Never says what went wrong inside without saying what to do about it, where there is something to do.

mod done;
mod ending;
mod errors;
mod reason;
mod recovery;

pub(crate) use done::Done;
pub(crate) use errors::cell_warning;
pub(crate) use reason::Reason;
pub(crate) use recovery::NoRecovery;

use console::Words;

console::words! {
    /// Why a command did not do what it was asked.
    pub(crate) enum Trouble {
        /// The configuration is wrong or cannot be read.
        Config { reason: Reason } => en("configuration: {}", reason.en), ru("конфигурация: {}", reason.ru);
        /// Keys are missing, readable by others, or damaged.
        Keys { reason: Reason } => en("keys: {}", reason.en), ru("ключи: {}", reason.ru);
        /// There are keys already.
        KeysExist { path: String }
            => en("{path}: keys exist already and are never made anew; a second server needs its own directory"),
               ru("{path}: ключи уже есть и заново не создаются; второму серверу нужен свой каталог");
        /// A file cannot be read or written.
        File { path: String, reason: Reason } => en("{path}: {}", reason.en), ru("{path}: {}", reason.ru);
        /// The file exists already.
        FileExists { path: String }
            => en("{path} exists already and is not overwritten"),
               ru("{path} уже существует и не перезаписывается");
        /// The name does not fit into a certificate.
        Name { reason: String } => en("the server's name: {reason}"), ru("имя сервера: {reason}");
        /// Not a bundle, or one that founds nothing.
        Bundle { reason: Reason } => en("bundle: {}", reason.en), ru("пакет: {}", reason.ru);
        /// More people than the store keeps passwords of.
        TooManyPeople { people: usize, people_max: usize }
            => en("this store keeps the passwords of {people_max} people, and with this bundle they would be {people}: nothing was taken in. Before \
                   the founding make the store larger (store.bytes, or a longer partition). Later growing changes nothing: an officer revokes somebody \
                   (`conclave-admin revoke`), or the authority revokes somebody in a bundle of its own"),
               ru("это хранилище держит пароли людей числом до {people_max}, а с этим пакетом их стало бы {people}: ничего не внесено. До \
                   основания системы сделайте хранилище больше (store.bytes или более длинный раздел). Позже увеличение ничего не меняет: \
                   кого-нибудь отзывает офицер (`conclave-admin revoke`) или центр отдельным пакетом");
        /// The keys of another server's.
        OtherIdentity
            => en("the keys in state_dir are not those that this store's log names: nothing was taken in"),
               ru("ключи в state_dir — не те, что назвал журнал этого хранилища: ничего не внесено");
        /// The bundle has no genesis.
        NoGenesis
            => en("the bundle founds no site: it holds no genesis. Later bundles go in by `conclave-admin submit`"),
               ru("пакет не основывает систему: в нём нет основания журнала. Следующие пакеты вносит `conclave-admin submit`");
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
            => en("{path}: there is no store. If there was one, put the device or the file back; where none was ever made, \
                   `conclaved init` makes it"),
               ru("{path}: хранилища нет. Если оно было, верните устройство или файл; если его ещё не создавали, его создаёт \
                   `conclaved init`");
        /// The cell holds a root, and its store is not where it was.
        StoreAway { path: String }
            => en("{path} is not there, and the root cell holds the root of a store: put the device or the file back. If it is lost for \
                   good, `conclaved backup restore` puts a backup in its place. `init` and `store format` make nothing here"),
               ru("{path}: этого нет, а в корневой ячейке — корень хранилища: верните устройство или файл. Если они утрачены \
                   навсегда, копию на их место вернёт `conclaved backup restore`. `init` и `store format` здесь ничего не создадут");
        /// A device of zeros where a store is to be whose root the cell holds.
        StoreBlank { path: String }
            => en("{path} is BLANK: nothing of the store is on it, and the root cell holds the root of a store. If this is the wrong device, \
                   name the right one (store.path). If the device was lost and this one takes its place, \
                   `conclaved backup restore --config … DIR` puts a backup onto it. Leave the cell as it is"),
               ru("{path}: здесь ПУСТО, от хранилища ничего нет, а в корневой ячейке — корень хранилища. Если это не то устройство, \
                   укажите верное (store.path). Если прежнее утрачено и это стоит на его месте, копию на него вернёт \
                   `conclaved backup restore --config … КАТАЛОГ`. Ячейку не трогайте");
        /// Something else where a store is to be whose root the cell holds.
        StoreOverwritten { path: String, found: String }
            => en("{path} carries no store that the root cell's keys open, but {found}, and something is in the cell. If this is the wrong device or \
                   the wrong cell, name the right one (store.path, store.cell), and overwrite NOTHING while the right cell, or any copy \
                   of it, may be found. Only where the store itself is known to be overwritten, make the device zeros \
                   (`blkdiscard --zeroout {path}`: whatever is on it is lost; a container file is moved out of the way), and `conclaved backup restore --config … DIR` puts a \
                   backup onto it. Leave the cell as it is"),
               ru("на {path} нет хранилища, которое открывают ключи корневой ячейки, а есть {found}; в ячейке что-то есть. Если это не то \
                   устройство или не та ячейка, укажите верное (store.path, store.cell) и НИЧЕГО не перезаписывайте, пока верная ячейка \
                   или любая её копия может найтись. Только если точно известно, что перезаписано само хранилище, заполните устройство нулями \
                   (`blkdiscard --zeroout {path}`: всё, что на нём есть, пропадёт; файл-контейнер уберите в сторону), и копию на него вернёт `conclaved backup restore \
                   --config … КАТАЛОГ`. Ячейку не трогайте");
        /// Of two cells, one or both that are not this store's.
        CellForeign { foreign: String, own: String }
            => en("{foreign}: NOT a root cell of this store. It is another store's, or something else was written over it; the server \
                   does not start with it, and nothing was changed. If it is the wrong device, name the right one (store.cell, \
                   store.second_cell). {own} IS this store's: leave it as it is. With it alone in the configuration, as store.cell, \
                   the server starts; erasures wait for the other cell until it is back, or until two officers let go of it \
                   (`conclave-admin cell drop propose NAME`; `conclaved status` says the name)"),
               ru("{foreign}: это НЕ корневая ячейка этого хранилища. Она от другого хранилища, или её перезаписали чем-то другим; с ней \
                   сервер не запускается; ничего не изменено. Если это не то устройство, укажите верное (store.cell, store.second_cell). \
                   А {own} — ячейка этого хранилища: не трогайте её. Если в конфигурации указать только её (store.cell), сервер \
                   запустится; стирания будут ждать другую ячейку, пока её не вернут или пока от неё не откажутся два офицера \
                   (`conclave-admin cell drop propose ИМЯ`; имя покажет `conclaved status`)");
        /// The same where none is known to be the store's.
        CellsForeign { foreign: String, path: String }
            => en("none of the root cells ({foreign}) is known to be the one of the store on {path}: other stores', overwritten, or damaged. \
                   Nothing was changed. Look for the right cell and the right device; make nothing blank, and overwrite nothing"),
               ru("ни одна из корневых ячеек ({foreign}) не опознана как ячейка хранилища на {path}: они от других хранилищ, перезаписаны или \
                   повреждены. Ничего не изменено. Найдите верную ячейку и верное устройство; ничего не очищайте и не перезаписывайте");
        /// A blank cell in the place of one that the store waits for.
        CellNotTaken { path: String, name: String }
            => en("the root cell {path} is there, and blank, so nothing is to be made; but it joins only when the store waits for no other: it names a \
                   root cell, {name}, that is not here. If that one is only not mounted or plugged in, bring it back. If it is lost for \
                   good, two officers let go of it (`conclave-admin cell drop propose {name}`, while the server runs); start the \
                   server again then, and the blank one joins"),
               ru("корневая ячейка {path} на месте и пуста, создавать нечего; но присоединится она, только когда хранилище никакой другой не \
                   ждёт, а оно называет корневую ячейку {name}, которой здесь нет. Если та лишь не смонтирована или не подключена, верните \
                   её. Если утрачена навсегда, от неё отказываются два офицера (`conclave-admin cell drop propose {name}` при работающем \
                   сервере); затем перезапустите сервер, и пустая присоединится");
        /// No cell where one is named.
        CellMissing { path: String }
            => en("the root cell {path} is not there. If this site was founded, put it back, or give the place where it lies now \
                   (store.cell): nothing else opens the store or a backup, and nothing makes it anew. Leave the store as it is, and \
                   overwrite nothing. Where no site was ever founded, `conclaved init` makes the cell"),
               ru("корневой ячейки {path} нет. Если система здесь основана, верните ячейку или укажите, где она теперь \
                   (store.cell): ни хранилище, ни копию больше ничто не откроет, и заново она не создаётся. Хранилище оставьте как \
                   есть и ничего не перезаписывайте. Где система ещё не основана, ячейку создаёт `conclaved init`");
        /// A cell where one was to be made.
        CellExists { path: String }
            => en("the root cell {path} is there already, and it is not blank: it is never made anew"),
               ru("корневая ячейка {path} уже есть, и она не пуста: заново она никогда не создаётся");
        /// A cell that the store waits for, where one was to be made.
        CellMissed { path: String, name: String }
            => en("nothing is made at {path}: the store names a root cell, {name}, that is not here. If it is only not mounted or plugged \
                   in, bring it back. If it is lost for good, two officers let go of it first (`conclave-admin cell drop propose \
                   {name}`, while the server runs); then give this command again"),
               ru("на {path} ничего не создано: хранилище называет корневую ячейку {name}, а её здесь нет. Если она лишь не смонтирована \
                   или не подключена, верните её. Если утрачена навсегда, сначала от неё отказываются два офицера (`conclave-admin cell \
                   drop propose {name}` при работающем сервере); затем повторите эту команду");
        /// Bytes that may be a store whose cell is away.
        StoreNameless { path: String, found: String }
            => en("{path} carries bytes that do not say what they are, and no root cell is there, or a blank one: so looks a store whose cell was taken \
                   away. Put the cell back, and `conclaved store status` says what it is. Only where there never was a store: \
                   --overwrite {found}"),
               ru("на {path} данные, по которым не видно, что это, а корневой ячейки нет или она пуста: так выглядит хранилище, чью ячейку \
                   забрали. Верните ячейку, и `conclaved store status` скажет, что это. Только если хранилища здесь никогда не было: \
                   --overwrite {found}");
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
                   device. If that store's device was lost, `conclaved backup restore` puts a backup onto a blank one. Only where that store \
                   is given up for ever, make the cell blank by hand"),
               ru("корневая ячейка хранит корень хранилища, которого на этом устройстве нет: она никогда не перезаписывается. \
                   Укажите верное устройство. Если устройство того хранилища утрачено, копию на пустое вернёт `conclaved backup restore`. Только \
                   если от того хранилища отказались навсегда, очистите ячейку вручную");
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
            => en("{path}: in use. The server runs: stop it first; or the device is mounted or held by another program"),
               ru("{path}: занято. Работает сервер: сначала остановите его; либо устройство смонтировано или занято другой \
                   программой");
        /// Another process has a cell, and not the store.
        CellInUse { path: String }
            => en("the root cell {path} is mounted or held by another program, perhaps another server. No server starts while somebody else \
                   holds one of its cells: end that program. To start without this cell meanwhile, take it out of the configuration; \
                   erasures then wait for it"),
               ru("корневая ячейка {path} смонтирована или занята другой программой, возможно другим сервером. Пока чья-то программа держит \
                   ячейку, сервер не запускается: завершите её. Чтобы пока запустить без этой ячейки, уберите её из конфигурации; \
                   стирания тогда будут её ждать");
        /// The store is damaged or was rolled back.
        StoreDamaged { reason: Reason }
            => en("the store is damaged or was rolled back: {}", reason.en),
               ru("хранилище повреждено или возвращено к прежнему состоянию: {}", reason.ru);
        /// Acknowledged entries are gone.
        EntriesLost { reason: Reason }
            => en("the store does not start: {}\nThe right device, root cell or backup may still bring everything back. If what is \
                   missing is lost for good, bring the newest head of every terminal (`conclave checkpoint`, an officer's `conclave-admin \
                   recover head`), and `conclaved recover --accept-loss --config … --head FILE --head FILE` shows what can be kept and what \
                   the first officers must sign", reason.en),
               ru("хранилище не запускается: {}\nВсё ещё может вернуть верное устройство, ячейка или копия. Если же недостающее \
                   утрачено навсегда, соберите последнюю вершину каждого терминала (`conclave checkpoint`, у офицера `conclave-admin recover \
                   head`), и `conclaved recover --accept-loss --config … --head ФАЙЛ --head ФАЙЛ` покажет, что можно сохранить и что должны \
                   подписать первые офицеры", reason.ru);
        /// The journal is not what came of what witnesses cosigned.
        Contradicted { path: String, size: u64, here: u64 }
            => en("{path} holds a head of {size} entries that this log's own key signed and a witness cosigned, and the {here} entries of the \
                   store are not what came of it: the store was put back to an older state, or exchanged. No server starts, and the \
                   file stays: do not remove it. The right device, root cell or backup may still bring everything back. If what is \
                   missing is lost for good, bring the newest head of every terminal (`conclave checkpoint`, an officer's `conclave-admin \
                   recover head`, a witness' file `checkpoint`), and `conclaved recover --accept-loss --cause restored --config … --head \
                   FILE --head FILE` shows what can be kept and what the first officers must sign"),
               ru("в {path} лежит вершина на {size} записей, подписанная ключом этого же журнала и заверенная свидетелем, а записи \
                   хранилища (их {here}) не её продолжение: хранилище возвращено к прежнему состоянию или подменено. Сервер не \
                   запускается, файл остаётся на месте: не удаляйте его. Всё ещё может вернуть верное устройство, ячейка или копия. Если \
                   же недостающее утрачено навсегда, соберите последнюю вершину каждого терминала (`conclave checkpoint`, у офицера \
                   `conclave-admin recover head`, у свидетеля — файл `checkpoint`), и `conclaved recover --accept-loss --cause restored \
                   --config … --head ФАЙЛ --head ФАЙЛ` покажет, что можно сохранить и что должны подписать первые офицеры");
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
        StoreIo { reason: Reason } => en("the store: {}", reason.en), ru("хранилище: {}", reason.ru);
        /// A length that the container cannot take.
        GrowBytes { bytes: u64, now: u64 }
            => en("--bytes {bytes}: a container only becomes longer, by whole blocks: name a multiple of 4096, no less than its {now} bytes"),
               ru("--bytes {bytes}: контейнер можно только удлинить, целыми блоками: укажите число, кратное 4096, не меньше его нынешней \
                   длины {now}");
        /// What is for container files was asked of something else.
        NotAContainer { path: String }
            => en("{path}: --bytes is for container files alone; make the partition longer by its own tools, and leave --bytes out"),
               ru("{path}: --bytes — только для файла-контейнера; раздел удлините его собственными средствами и не указывайте --bytes");
        /// The network.
        Network { reason: String } => en("network: {reason}"), ru("сеть: {reason}");
        /// No server answers.
        NotRunning { path: String }
            => en("no server answers at {path}"), ru("в {path} сервер не отвечает");
        /// A backup that is not what it should be.
        BackupDamaged { reason: Reason } => en("the backup: {}", reason.en), ru("резервная копия: {}", reason.ru);
        /// A file of the backup, or the server that is copied.
        BackupIo { reason: Reason } => en("backup: {}", reason.en), ru("копирование: {}", reason.ru);
        /// No backup is there.
        BackupMissing { path: String }
            => en("{path} holds no finished backup; `conclaved backup create` makes one, and finishes one that was interrupted"),
               ru("в {path} нет завершённой копии; её создаёт или доводит до конца `conclaved backup create`");
        /// Another command is at it.
        BackupInUse { reason: Reason } => en("{}", reason.en), ru("{}", reason.ru);
        /// Another store's, or another history's.
        BackupOther { reason: Reason }
            => en("{}; take an empty directory", reason.en), ru("{}; возьмите пустой каталог", reason.ru);
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
        BackupNotOfCell { reason: Reason }
            => en("the root cell does not fit this backup: {}. Nothing was written", reason.en),
               ru("корневая ячейка не подходит к этой копии: {}. Ничего не записано", reason.ru);
        /// Something is where a store was to be put back.
        RestoreCovers { path: String, at: u64 }
            => en("{path} is not empty: at byte {at} there is something that is not of this backup. A store is put back only onto \
                   a device of zeros or into a file that is not there yet; nothing was written. If nothing on it is needed any more, \
                   `blkdiscard --zeroout {path}` makes a device zeros, for good; a container file is moved out of the way"),
               ru("{path} не пусто: в байте {at} есть то, чего нет в этой копии. Хранилище возвращают только на устройство из одних \
                   нулей или в файл, которого ещё нет; ничего не записано. Если там ничего больше не нужно, устройство навсегда \
                   заполняет нулями `blkdiscard --zeroout {path}`, а файл-контейнер уберите в сторону");
        /// The device is too short.
        RestoreTooSmall { path: String, bytes: u64 }
            => en("{path} is too short: the store that was copied needs {bytes} bytes"),
               ru("{path} слишком мало: скопированному хранилищу нужно байт: {bytes}");
        /// No close is in the log.
        NotClosed
            => en("this log is not closed: two officers close it, `conclave-admin log close propose CARD`, with the new site's card"),
               ru("этот журнал не закрыт: его закрывают два офицера по карте новой системы, `conclave-admin log close propose КАРТА`");
        /// What a log is to continue does not hold.
        Continuation { reason: Reason }
            => en("nothing was taken in: {}", reason.en), ru("ничего не внесено: {}", reason.ru);
        /// The log has a predecessor.
        ContinuesOther { log: String }
            => en("this log continues the log {log} already: it has one predecessor"),
               ru("этот журнал уже продолжает журнал {log}: предшественник может быть только один");
        /// People came before.
        InUseAlready
            => en("people have logged in here already: what a log continues is said before the first login. Found the new site anew, in another store, \
                   and close the old log into that one, if it is not closed yet"),
               ru("сюда люди уже входили: что продолжает журнал, говорят до первого входа. Основайте новую систему заново, в другом хранилище, и \
                   закройте прежний журнал в её пользу, если он ещё не закрыт");
        /// The operating system.
        System { reason: String } => en("the system: {reason}"), ru("система: {reason}");
    }
}

impl Trouble {
    /// For the log, in English.
    pub(crate) fn for_log(&self) -> String {
        self.en()
    }
}
