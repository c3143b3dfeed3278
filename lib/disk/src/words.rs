//! What can go wrong below the vault, in Russian; English is the errors' own.
//! Never says more than the error does.

use crate::block::Forgets;
use crate::copy::CopyError;
use crate::error::Error;
use crate::extents::Stream;
use crate::medium::MediumKind;

impl Error {
    /// For people who read Russian.
    pub fn ru(&self) -> String {
        match self {
            Self::Io(reason) => match self.unread_at() {
                Some(offset) => format!("устройство не читается у байта {offset}"),
                None => format!("устройство: {reason}"),
            },
            Self::InUse => {
                "хранилище уже открыто другим сервером, либо устройство смонтировано или занято другой программой".into()
            }
            Self::NotAStore => "здесь нет хранилища, или ключ устройства не тот".into(),
            Self::Newer { found, known } => {
                format!("формат хранилища {found} новее, чем знает эта программа ({known})")
            }
            Self::Geometry(what) => format!("размеры: {}", what.ru()),
            Self::DamagedBeforeValid { damaged, offset, later } => {
                format!("партия {damaged} у байта {offset} повреждена, а более поздняя партия {later} на месте")
            }
            Self::NewerThanJournal { last, offset, later } => format!(
                "на устройстве есть партии новее конца журнала: журнал кончается партией {last}, а партия {later} лежит у байта \
                 {offset}"
            ),
            Self::SuperblockRolledBack { extents, named, batch } => format!(
                "заголовок хранилища возвращён к прежнему: в нём экстентов {extents}, а партия {batch} записана, когда их было \
                 {named}"
            ),
            Self::Damaged { offset, what } => format!("повреждение у байта {offset} ({what})"),
            Self::Frame { offset } => format!("запись у байта {offset} не открывается"),
            Self::Full { stream, free, reserve } => format!(
                "хранилище заполнено: свободных экстентов {free}, из них в резерве {reserve}; не поместилось: {}",
                stream.ru()
            ),
            Self::FrameTooLarge { bytes, limit } => format!("кадр в {bytes} байт больше предела {limit}"),
            Self::BatchTooLarge(what) => format!("партия больше предела ({what})"),
            Self::Poisoned => "прежняя запись не удалась; перезапустите сервер".into(),
            Self::NotFreeable(extent) => format!("экстент {extent} освободить нельзя"),
        }
    }
}

impl CopyError {
    /// For people who read Russian.
    pub fn ru(&self) -> String {
        match self {
            Self::Disk(error) => error.ru(),
            Self::Busy => "с этого хранилища уже снимается другая копия".into(),
            Self::Lost => {
                "хранилище так заполнено, что место копируемого состояния снова понадобилось серверу".into()
            }
            Self::NoSuchRange => "в копируемом состоянии нет таких блоков".into(),
        }
    }
}

impl Stream {
    /// For people who read Russian.
    pub fn ru(self) -> &'static str {
        match self {
            Self::Journal => "журнал",
            Self::Bodies => "тела",
            Self::Tree => "дерево ключей",
            Self::Verifiers => "проверочные записи паролей",
        }
    }
}

impl MediumKind {
    /// For people who read Russian.
    pub fn ru(self) -> String {
        match self {
            Self::Container => "файл-контейнер".into(),
            Self::Raw { logical_block_bytes, forgets } => {
                let keeps = match forgets {
                    Forgets::Yes | Forgets::Unknown => "",
                    Forgets::No => "; освобождённое место оно не забывает",
                };
                format!("блочное устройство, логические блоки по {logical_block_bytes} байт{keeps}")
            }
        }
    }
}
