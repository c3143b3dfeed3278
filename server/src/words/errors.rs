//! The server's own errors in Russian; English is what they display.
//! Never says more than the error does.

use super::{Reason, Trouble};
use crate::keys::KeysError;
use crate::own::NoCertificate;
use crate::recovery::RecoveryError;
use crate::store::StoreError;
use journal::replay::{BadAt, Fault};
use link::terminal::refusal_words;
use protocol::engine::taking::CannotTake;
use std::path::Path;
use vault::CellKind;

impl Trouble {
    /// Why acts of the authority are not taken in.
    pub(crate) fn not_taken(error: CannotTake) -> Self {
        let ru = match &error {
            CannotTake::TooManyPeople { people, people_max } => {
                return Self::TooManyPeople { people: *people, people_max: *people_max };
            }
            CannotTake::Genesis(why) => format!("основание системы не принимается ({why})"),
            CannotTake::Act { number, why } => {
                format!("акт {number}: форма или подпись не проходят проверку ({why})")
            }
            CannotTake::NotTheAuthoritys { number } => format!("акт {number} — не от центра этого журнала"),
            CannotTake::OtherPast { number } => {
                format!("акт {number} — не тот, что стоит в журнале на его месте")
            }
            CannotTake::NoVerifier { number } => {
                format!(
                    "для конверта {number} проверочной записи пароля нет ни в хранилище, ни в пакете: перевыпустите конверт"
                )
            }
            CannotTake::Older { acts, here } => {
                format!("в нём первые акты центра, числом {acts}, а в журнале их уже {here}: пакет старый")
            }
            CannotTake::Verifiers => "проверочные записи паролей не подходят к конвертам".into(),
            CannotTake::Verifier { number } => {
                format!("проверочная запись пароля конверта {number} — не та, которую подписал центр")
            }
            CannotTake::Refused { index, refusal } => {
                format!("запись № {index} по правилам отклоняется: {}", refusal_words(refusal.code()).ru)
            }
            CannotTake::Memory(_) => {
                "корень, вычисленный ещё раз по байтам записей, другой: ничего не подписано, память этой машины ненадёжна".into()
            }
            CannotTake::Keys(why) => format!("ключи журнала не подписывают ({why})"),
        };
        Self::Bundle { reason: Reason::of(&error, ru) }
    }
}

/// What a kind of cell cannot promise, in both languages.
pub(crate) fn cell_warning(kind: CellKind) -> Reason {
    Reason::new(kind.warning(), kind.warning_ru())
}

fn shown(path: &Path) -> std::path::Display<'_> {
    path.display()
}

impl StoreError {
    /// In both languages.
    pub(crate) fn reason(&self) -> Reason {
        let ru = match self {
            Self::Missing { path } => format!("{}: хранилища нет", shown(path)),
            Self::Away { path } => {
                format!("{}: этого нет, а в корневой ячейке — корень хранилища", shown(path))
            }
            Self::CellMissing { path } => format!("корневой ячейки {} нет", shown(path)),
            Self::CellExists { path } => format!("корневая ячейка {} уже есть", shown(path)),
            Self::Exists { path } => {
                format!("{} уже существует: хранилище никогда не создаётся поверх другого", shown(path))
            }
            Self::Occupied { path, found } => format!("на {} есть {found}", shown(path)),
            Self::Nameless { path, found } => {
                format!("на {} есть {found}, а корневой ячейки нет", shown(path))
            }
            Self::Unformatted { path } => format!("{}: хранилища на нём нет", shown(path)),
            Self::GrowBytes { bytes, now } => {
                format!("--bytes {bytes}: длина контейнера {now} байт, удлинить его можно целыми блоками")
            }
            Self::NotAContainer { path } => {
                format!("{}: --bytes — только для файла-контейнера", shown(path))
            }
            Self::PutBack { path } => {
                format!(
                    "{} возвращено из резервной копии, и никто не сказал, что было после неё",
                    shown(path)
                )
            }
            Self::RootOfAnother => {
                "корневая ячейка хранит корень хранилища, которого на этом устройстве нет".into()
            }
            Self::RootLost { path } => format!("{}: корневая ячейка потеряла его корень", shown(path)),
            Self::InUse { path } => format!(
                "{}: хранилище уже открыто другим сервером, либо устройство смонтировано или занято другой программой",
                shown(path)
            ),
            Self::Full(error) => format!("хранилище заполнено: {}", error.ru()),
            Self::Io { path, reason } => format!("{}: {}", shown(path), reason),
            Self::Size { path, what } => format!("{}: {}", shown(path), disk::Error::Geometry(*what).ru()),
            Self::Unlock { error } => format!("секрет разблокировки: {}", error.reason().ru),
            Self::Vault(error) => error.ru(),
        };
        Reason::of(self, ru)
    }
}

impl KeysError {
    /// In both languages.
    pub(crate) fn reason(&self) -> Reason {
        let ru = match self {
            Self::Io { path, reason } => format!("{}: {}", shown(path), reason),
            Self::Readable { path, mode } => format!(
                "{}: права {mode:o}: ключ должен быть доступен только своему владельцу (chmod 600)",
                shown(path)
            ),
            Self::Exist { path } => {
                format!("{}: ключи уже есть; поверх имеющихся они заново не создаются", shown(path))
            }
            Self::NotAKey { path } => format!("{}: это не файл этого ключа", shown(path)),
            Self::Key(error) => format!("ключ не принят: {error}"),
        };
        Reason::of(self, ru)
    }
}

impl NoCertificate {
    /// In both languages.
    pub(crate) fn reason(&self) -> Reason {
        let Self(role) = self;
        let ru = format!("в журнале нет действующего сейчас сертификата роли {role} для ключа этого сервера");
        Reason::of(self, ru)
    }
}

impl RecoveryError {
    /// In both languages.
    pub(crate) fn reason(&self) -> Reason {
        let ru = match self {
            Self::Store(error) => error.ru(),
            Self::Bad(BadAt { index, fault }) => format!("запись № {index}: {}", fault_ru(fault)),
            Self::Root => "у записей не тот корень, что назван в последней партии".into(),
            Self::Cell { size } => format!(
                "ячейка называет записей {size} с другим корнем: журнал возвращён к прежнему состоянию или подменён"
            ),
            Self::SuccessionUnfinished { era } => {
                format!("переход в эру {era} начат и не завершён: ячейка его ещё не называет")
            }
            Self::Snapshot(error) => format!("снимок состояния не подходит ({error})"),
            Self::Beyond { entries, durable } => {
                format!("снимок состояния называет записей {entries}, а в журнале их {durable}")
            }
            Self::OtherState { entries } => {
                format!("снимок на {entries} записей ведёт к другому состоянию, чем журнал")
            }
            Self::NotFounded => "в хранилище нет основанного журнала".into(),
            Self::PeriodKey(number) => format!("ключа периода {number} нет, или он не от этого журнала"),
            Self::PeriodKeyUnread { number, error } => {
                format!("ключ периода {number} не читается: {}", error.ru())
            }
            Self::Sign(why) => format!("ключи журнала не подписывают: {why}"),
            Self::Verifier(person) => format!("проверочная запись пароля лица {person} повреждена"),
        };
        Reason::of(self, ru)
    }
}

/// What is wrong with an entry.
fn fault_ru(fault: &Fault) -> String {
    match fault {
        Fault::Entry(error) => format!("это не запись журнала ({error})"),
        Fault::Statement(error) => format!("подпись или форма не проходят проверку ({error})"),
        Fault::Genesis(error) => format!("журнал ею не основан ({error})"),
        Fault::UnknownCertificate { certificate } => format!("сертификата {certificate} в журнале нет"),
        Fault::Refused(refusal) => format!("по правилам отклоняется: {}", refusal_words(refusal.code()).ru),
        Fault::OtherLog { expected, found } => format!("это журнал {found}, а ожидался {expected}"),
    }
}
