//! What can go wrong in the vault and what a cell cannot promise, in Russian; English is the errors' own.
//! Never says more than the error does, and nothing of contents.

use crate::cell::{CellError, CellKind};
use crate::error::Error;
use crate::place::{FrameKind, Place, parts};
use disk::Owner;

impl Error {
    /// For people who read Russian.
    pub fn ru(&self) -> String {
        match self {
            Self::Disk(error) => error.ru(),
            Self::Cell(error) => format!("корневая ячейка: {}", error.ru()),
            Self::Memory(error) => format!("защищённая память: {error}"),
            Self::Missing(place) => format!("нет тела: {}", shown(place)),
            Self::BeingErased(place) => format!("тело стирается: {}", shown(place)),
            Self::Occupied(place) => format!("место занято: {}", shown(place)),
            Self::Damaged { what, offset } => {
                format!("у байта {offset} повреждено или возвращено к прежнему состоянию: {}", part(what))
            }
            Self::BodyTooLarge { bytes, limit } => format!("тело в {bytes} байт больше предела {limit}"),
            Self::TooManyTargets(count) => format!("{count} — слишком много для одного уничтожения"),
            Self::ErasureUnderWay => "уничтожение остановилось между записью дерева и ячейкой".into(),
            Self::Poisoned => "прежний шаг не удался; перезапустите сервер".into(),
            Self::NoRoot(kind) => {
                format!(
                    "в корневой ячейке ({}) нет верного корня этого хранилища, или она пуста: верните ту, что была; ничего не \
                     перезаписывайте",
                    kind.ru()
                )
            }
            Self::CellAbsent { why } => {
                format!("корневой ячейки нет на месте ({why}): стирания её ждут")
            }
            Self::ForeignCell => {
                "одна из корневых ячеек — от другого хранилища, перезаписана или повреждена. Поставьте верную и ничего не очищайте, пока не \
                 выяснили, которая это"
                    .into()
            }
            Self::Locked => "хранилище закрыто: нужен секрет разблокировки".into(),
            Self::WrongUnlock => "секрет разблокировки — не от этого хранилища".into(),
            Self::NotSealed => {
                "хранилище создано без секрета разблокировки, а в конфигурации он указан".into()
            }
            Self::CellInUse => "ячейка не пуста".into(),
            Self::StoreBehindCell { store_epoch, entries, cell_epoch, named } => format!(
                "хранилище — в эпохе {store_epoch}, записей {entries}, а ячейка называет эпоху {cell_epoch} и записей {named}: \
                 хранилище возвращено к прежнему состоянию"
            ),
            Self::CellBehindStore { store_epoch, cell_epoch } => format!(
                "ячейка — в эпохе {cell_epoch}, хранилище — в эпохе {store_epoch}: ячейка возвращена к прежнему состоянию"
            ),
        }
    }
}

fn shown(place: &Place) -> String {
    let Place { conversation, item, chunk } = place;
    match chunk {
        None => format!("беседа {conversation}, место {item}"),
        Some(chunk) => format!("беседа {conversation}, место {item}, часть {chunk}"),
    }
}

/// What a frame carries, in Russian; see [`crate::owner_words`].
pub fn owner_words_ru(owner: &Owner) -> String {
    let Some((kind, _, conversation, item, index)) = parts(owner) else {
        return "неизвестно что".into();
    };
    match kind {
        FrameKind::Item => format!("тело на месте {item} беседы {conversation}"),
        FrameKind::Chunk => format!("часть {index} на месте {item} беседы {conversation}"),
        FrameKind::Pending => "тела, чьи ключи ещё не внесены в дерево".into(),
        FrameKind::Top => "вершина дерева ключей: все тела".into(),
        FrameKind::Conversations => "дерево ключей над беседами: многие тела".into(),
        FrameKind::Items => format!("дерево ключей беседы {conversation}: часть её тел или все"),
        FrameKind::Chunks => format!("дерево ключей на месте {item} беседы {conversation}: его части"),
        FrameKind::Snapshot => "снимок состояния, без которого пуск обойдётся".into(),
    }
}

/// What does not open.
fn part(what: &'static str) -> &'static str {
    match what {
        "a body" => "тело",
        "a leaf where a subtree should be" => "лист на месте поддерева",
        "a list of leaf keys" => "список ключей тел",
        "a node of the tree" => "узел дерева ключей",
        "a path of the tree" => "путь в дереве ключей",
        "a snapshot" => "снимок состояния",
        "an owner" => "владелец записи",
        "the top of the tree" => "вершина дерева ключей",
        other => other,
    }
}

impl CellError {
    /// For people who read Russian.
    pub fn ru(&self) -> String {
        match self {
            Self::Io(reason) if reason.kind() == std::io::ErrorKind::NotFound => "её здесь нет".into(),
            Self::Io(reason) => reason.to_string(),
            Self::InUse => "её держит другой сервер".into(),
            Self::NotACell => "это не корневая ячейка".into(),
            Self::NotBlank => "ячейка не пуста; раздел навсегда очищает `blkdiscard --zeroout`".into(),
            Self::TooSmall { bytes, needed } => {
                format!("устройство в {bytes} байт слишком мало для ячейки: нужно {needed}")
            }
            #[cfg(feature = "tpm")]
            Self::Tpm(error) => tpm(error),
            Self::Lost => "в ячейке нет корня, который был в неё записан".into(),
            Self::ReadBack => "ячейка прочиталась не так, как была записана".into(),
        }
    }
}

#[cfg(feature = "tpm")]
fn tpm(error: &crate::tpm::TpmError) -> String {
    use crate::tpm::TpmError;
    match error {
        TpmError::Io(reason) => format!("TPM: {reason}"),
        TpmError::Refused { code } => format!("TPM отказывает, код {code:#05x}: {error}"),
        TpmError::Busy => "TPM слишком долго занят".into(),
        TpmError::Malformed => "TPM ответил не по форме".into(),
        TpmError::Forged => "ответ не от того TPM, с которым открыт сеанс".into(),
        TpmError::OtherTpm => "это другой TPM, или его очистили после создания ячейки".into(),
        TpmError::Orphaned { index } => format!(
            "индекс TPM {index:#010x} есть, а файла с его значением авторизации (store.cell_auth) нет. Верните файл; если от \
             хранилища отказались навсегда, удалите индексы средствами самого TPM"
        ),
        TpmError::Foreign { index } => format!("индекс TPM {index:#010x} занят чем-то другим"),
        TpmError::Readable => "файл со значением авторизации ячейки TPM доступен другим (chmod 600)".into(),
        TpmError::AuthFile => "файла со значением авторизации ячейки TPM нет, он повреждён или не тот".into(),
        TpmError::Memory(error) => format!("TPM: {error}"),
    }
}

impl CellKind {
    /// For people who read Russian.
    pub fn ru(self) -> &'static str {
        match self {
            Self::File => "файл",
            Self::Sector => "сектор",
            Self::Tpm => "TPM",
            Self::Memory => "память",
        }
    }

    /// What this kind cannot promise, in Russian.
    pub fn warning_ru(self) -> &'static str {
        match self {
            Self::File => {
                "корневая ячейка — ФАЙЛ: только для разработки. Перезапись файла не стирает флеш-память, снимки и резервные \
                 копии: нашедший старую копию откроет то, что с тех пор уничтожено"
            }
            Self::Sector => {
                "корневая ячейка — СЕКТОР носителя: перезаписан, прочитан обратно и, если носитель это умеет, отмечен как \
                 ненужный. На магнитном диске старого корня больше нет; за транслятором флеш-памяти и в секторах, \
                 выведенных из работы, старая копия может пережить его для того, кто снимет микросхемы"
            }
            Self::Tpm => {
                "корневая ячейка — TPM 2.0: ни образ диска, ни украденный диск корня не содержат. Как скоро сама микросхема \
                 забывает перезаписанное, обещает лишь её изготовитель; погибшая плата или очищенный TPM без второй ячейки — не откроется ничего"
            }
            Self::Memory => {
                "корневая ячейка — в ПАМЯТИ: только для испытаний; после конца процесса тела не открыть"
            }
        }
    }
}
