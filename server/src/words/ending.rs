//! How a command ends that did not do what it was asked: the exit code, and the stable word for scripts.
//! Never says anything to people: `../words.rs` does.

use super::Trouble;
use console::Exit;

impl Trouble {
    /// How the process ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Recovery { why } => why.exit(),
            Self::Config { .. } | Self::Name { .. } | Self::GrowBytes { .. } | Self::NotAContainer { .. } => {
                Exit::Usage
            }
            Self::StoreMissing { .. }
            | Self::StoreAway { .. }
            | Self::StoreBlank { .. }
            | Self::StoreOverwritten { .. }
            | Self::CellMissing { .. }
            | Self::StoreUnformatted { .. }
            | Self::StoreUnfinished { .. }
            | Self::StoreEmpty { .. }
            | Self::StoreInUse { .. }
            | Self::CellInUse { .. }
            | Self::NotRunning { .. }
            | Self::BackupMissing { .. }
            | Self::BackupInUse { .. } => Exit::Missing,
            Self::BackupIo { .. }
            | Self::StoreIo { .. }
            | Self::File { .. }
            | Self::System { .. }
            | Self::Network { .. } => Exit::Io,
            Self::Keys { .. } | Self::OtherIdentity => Exit::NotAllowed,
            Self::StoreDamaged { .. }
            | Self::EntriesLost { .. }
            | Self::Contradicted { .. }
            | Self::RootLost { .. }
            | Self::CellForeign { .. }
            | Self::CellsForeign { .. }
            | Self::BackupDamaged { .. }
            | Self::BackupNotOfCell { .. } => Exit::Invalid,
            Self::PutBack { .. }
            | Self::NotPutBack { .. }
            | Self::BackupOther { .. }
            | Self::BackupBehind { .. }
            | Self::RestoreCovers { .. }
            | Self::RestoreTooSmall { .. } => Exit::No,
            Self::NotClosed
            | Self::Continuation { .. }
            | Self::ContinuesOther { .. }
            | Self::InUseAlready
            | Self::KeysExist { .. }
            | Self::FileExists { .. }
            | Self::Bundle { .. }
            | Self::TooManyPeople { .. }
            | Self::NoGenesis
            | Self::OtherServer { .. }
            | Self::StoreOccupied { .. }
            | Self::StoreNameless { .. }
            | Self::StoreNothingThere { .. }
            | Self::RootOfAnother
            | Self::CellExists { .. }
            | Self::CellMissed { .. }
            | Self::CellNotTaken { .. }
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
            Self::TooManyPeople { .. } => "too-many-people",
            Self::OtherIdentity => "other-identity",
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
            Self::StoreAway { .. } => "store-away",
            Self::StoreBlank { .. } => "store-blank",
            Self::StoreOverwritten { .. } => "store-overwritten",
            Self::CellForeign { .. } | Self::CellsForeign { .. } => "cell-foreign",
            Self::CellMissing { .. } => "cell-missing",
            Self::CellExists { .. } => "cell-exists",
            Self::CellMissed { .. } => "cell-missed",
            Self::CellNotTaken { .. } => "cell-not-taken",
            Self::StoreNameless { .. } => "store-nameless",
            Self::StoreInUse { .. } => "store-in-use",
            Self::CellInUse { .. } => "cell-in-use",
            Self::StoreDamaged { .. } => "store-damaged",
            Self::EntriesLost { .. } => "entries-lost",
            Self::Contradicted { .. } => "contradicted",
            Self::PutBack { .. } => "put-back",
            Self::NotPutBack { .. } => "not-put-back",
            Self::Recovery { why } => why.code(),
            Self::StoreIo { .. } => "store-io",
            Self::GrowBytes { .. } => "grow-bytes",
            Self::NotAContainer { .. } => "not-a-container",
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
            Self::NotClosed => "not-closed",
            Self::Continuation { .. } => "bad-continuation",
            Self::ContinuesOther { .. } => "continues-other",
            Self::InUseAlready => "in-use-already",
            Self::System { .. } => "system",
        }
    }
}
