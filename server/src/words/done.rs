//! What a command says when it is done, in both languages.
//! Never says why one was not: that is `Trouble`'s.

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
        /// After `take-in`.
        TakenIn { acts: u64, first: u64 }
            => en("taken in: {acts} acts of the authority, from #{first} on; `conclaved run` starts the server"),
               ru("внесено актов центра: {acts}, начиная с записи № {first}; сервер запускает `conclaved run`");
        NothingTakenIn
            => en("the log has all of this bundle already"), ru("всё из этого пакета в журнале уже есть");
        /// Beside it, whatever the cell is made of.
        CellsAreAll
            => en("losing every root cell loses the whole store, its log and every backup with it: their keys lie in the cells alone"),
               ru("потеря всех корневых ячеек — потеря всего хранилища, журнала и всех резервных копий: их ключи лежат только в ячейках");
        /// After `store cell`.
        CellMade { cell: String }
            => en("the root cell {cell} is made, blank: it joins at the next start of the server, and from then on erasures wait when \
                   it is away"),
               ru("корневая ячейка {cell} создана, пустая: она присоединится при следующем пуске сервера, и с тех пор стирания будут \
                   ждать, когда её нет на месте");
        /// After `store cell`, where there was nothing to make.
        CellBlank { cell: String }
            => en("the root cell {cell} is there, and blank, so nothing is to be made: it joins at the next start of the server, and from \
                   then on erasures wait when it is away"),
               ru("корневая ячейка {cell} на месте и пуста, создавать нечего: она присоединится при следующем пуске сервера, и с тех пор \
                   стирания будут ждать, когда её нет на месте");
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
            => en("the store has room for {after} now; it had {before}"), ru("теперь в хранилище места на {after}; было {before}");
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
        Rehearsed { entries: u64, epoch: u64, bodies: u64, given_up: String }
            => en("rehearsed: {entries} journal entries verified from the first on, erasure epoch {epoch}; {} opened{given_up}, none failed. \
                   Neither the cell nor the backup was changed", console::count_en(*bodies, "body", "bodies")),
               ru("проба удалась: записей журнала проверено с первой: {entries}, эпоха уничтожения {epoch}; открыто: {}{given_up}, ни одной неудачи. \
                   Ни ячейка, ни копия не изменены", console::count_ru(*bodies, "тело", "тела", "тел"));
        /// Answer to `status`.
        Status { text: String } => en("{text}"), ru("{text}");
    }
}
