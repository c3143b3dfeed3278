//! Why a backup is not made, not taken or not put back, in Russian; English is the errors' own.
//! Never says more than the error does.

use crate::error::BackupError;
use std::path::Path;

impl BackupError {
    /// For people who read Russian.
    pub fn ru(&self) -> String {
        match self {
            Self::Io { path, reason } if is_missing(reason) => {
                format!("{}: такого файла или каталога нет", shown(path))
            }
            Self::Io { path, reason } => format!("{}: {reason}", shown(path)),
            Self::InUse { path } => format!("{}: с этой копией уже работает другая команда", shown(path)),
            Self::NoManifest { path } => {
                format!("в {} нет завершённой копии: описи нет", shown(path))
            }
            Self::NotAManifest { path } => {
                format!("{} — не опись этой программы или опись более новой", shown(path))
            }
            Self::NotSigned { path } => {
                format!("{}: опись не подписана ключом журнала этой системы или изменена", shown(path))
            }
            Self::Damaged { path, at } => format!(
                "{} повреждён или неполон с байта {at}: копия негодна, возьмите другую или снимите новую",
                shown(path)
            ),
            Self::SegmentMissing { path } => format!(
                "{} нет: копия неполна. Верните файл или возьмите другую копию",
                shown(path)
            ),
            Self::NotOurs { path } => format!(
                "в {} лежит что-то другое, и это не копия: укажите пустой или новый каталог",
                shown(path)
            ),
            Self::Incomplete { blocks } => format!(
                "копия неполна: участков, которых нет ни в одном из её файлов: {blocks}. Возьмите другую или снимите новую"
            ),
            Self::OtherStore { path } => format!("в {} — копия другого хранилища", shown(path)),
            Self::OtherHistory { path, batch } => format!(
                "в {} — копия партии {batch}, которой в истории этого хранилища нет: с тех пор оно пошло другим путём. Начните \
                 новый каталог, а этот сохраните, пока тот не будет полон",
                shown(path)
            ),
            Self::TooManySegments { path } => {
                format!("в {} больше файлов одной копии не помещается: начните новый каталог", shown(path))
            }
            Self::Copy(error) => error.ru(),
            Self::Server(reason) => format!("работающий сервер: {reason}"),
            Self::BadSignature => {
                "подпись, которую дал сервер, — не подпись ключа журнала под этой копией".into()
            }
            Self::LostTooOften => {
                "хранилище так заполнено, что его место используется снова раньше, чем копируется; освободите место или \
                 снимите копию в тихое время"
                    .into()
            }
        }
    }
}

/// The file or directory is not there.
fn is_missing(reason: &std::io::Error) -> bool {
    reason.kind() == std::io::ErrorKind::NotFound
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
