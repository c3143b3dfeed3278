//! `conclaved backup …`: copies the store, verifies a copy, puts it back, and rehearses that.
//! Never writes to the cell.

mod accept;
mod create;
mod rehearse;
mod restore;
mod verify;

use super::{read_config, store_trouble};
use crate::config::Config;
use crate::keys::ServerKeys;
use crate::overlay::OverlayDevice;
use crate::store::StoreError;
use crate::words::{Reason, Trouble};
use crate::{clock, randomness};
use ::backup::{BackupDevice, BackupError, Folder, Verified};
use console::{Exit, Lang, Voice, progress::Progress};
use disk::{CopyError, Device};
use std::io::stderr;
use std::path::Path;
use std::sync::Arc;
use vault::{Keeper, Limits, Opened, Vault};

#[derive(clap::Subcommand)]
pub(super) enum Backup {
    /// Add to a directory whatever it has not yet, and sign its manifest.
    Create(create::Create),
    /// Verify signature, completeness and every block of a backup, and whether the cell opens it.
    Verify(verify::Verify),
    /// Put a backup back onto an empty device or into a new container.
    Restore(restore::Restore),
    /// Say that nobody has seen anything newer than the backup that was put back: then it starts as it is.
    Accept(accept::Accept),
    /// Open everything that a backup holds, without writing anything; the server is stopped meanwhile.
    Rehearse(rehearse::Rehearse),
}

impl Backup {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Create(_) => "backup create",
            Self::Verify(_) => "backup verify",
            Self::Restore(_) => "backup restore",
            Self::Accept(_) => "backup accept",
            Self::Rehearse(_) => "backup rehearse",
        }
    }

    pub(super) fn run(self, voice: Voice) -> Result<Exit, Trouble> {
        match self {
            Self::Create(create) => create.run(voice),
            Self::Verify(verify) => verify.run(voice),
            Self::Restore(restore) => restore.run(voice),
            Self::Accept(accept) => accept.run(voice),
            Self::Rehearse(rehearse) => rehearse.run(voice),
        }
    }
}

/// A backup of this site, its signature verified and every block's place known.
struct Open {
    config: Config,
    verified: Verified,
    device: Arc<BackupDevice>,
    /// Keeps other commands off the directory.
    _folder: Folder,
}

fn open(config: &Path, dir: &Path) -> Result<Open, Trouble> {
    let config = read_config(config)?;
    let keys = load_keys(&config)?;
    let folder = Folder::open(dir).map_err(trouble)?;
    let verified = folder.finished(&keys.identity_public()).map_err(trouble)?;
    let device = Arc::new(BackupDevice::open(&folder, &verified).map_err(trouble)?);
    Ok(Open { config, verified, device, _folder: folder })
}

fn load_keys(config: &Config) -> Result<ServerKeys, Trouble> {
    ServerKeys::load(&config.state_dir).map_err(|error| Trouble::Keys { reason: error.reason() })
}

/// Opens a copy with the site's cells, all under a sheet of glass.
fn under_glass<D: Device + 'static>(
    keeper: Result<Keeper, StoreError>,
    device: D,
) -> Result<(Vault, Opened), Trouble> {
    let keeper = keeper.map_err(store_trouble)?;
    let device = Arc::new(OverlayDevice::new(device));
    let opened = Vault::open(device, keeper, Limits::default(), &mut randomness::rng());
    opened.map_err(|error| {
        if let vault::Error::StoreBehindCell { store_epoch, entries, cell_epoch, .. } = error {
            return Trouble::BackupBehind { backup_epoch: store_epoch, cell_epoch, entries };
        }
        let of_another = matches!(
            error,
            vault::Error::CellBehindStore { .. }
                | vault::Error::NoRoot(_)
                | vault::Error::ForeignCell
                | vault::Error::Disk(disk::Error::NotAStore)
        );
        match of_another {
            true => Trouble::BackupNotOfCell { reason: Reason::of(&error, error.ru()) },
            false => store_trouble(error.into()),
        }
    })
}

fn trouble(error: BackupError) -> Trouble {
    let reason = Reason::of(&error, error.ru());
    match error {
        BackupError::NoManifest { path } => Trouble::BackupMissing { path: path.display().to_string() },
        BackupError::NotAManifest { .. }
        | BackupError::NotSigned { .. }
        | BackupError::Damaged { .. }
        | BackupError::SegmentMissing { .. }
        | BackupError::Incomplete { .. } => Trouble::BackupDamaged { reason },
        BackupError::Io { path, reason } if reason.kind() == std::io::ErrorKind::NotFound => {
            Trouble::BackupMissing { path: path.display().to_string() }
        }
        BackupError::NotOurs { .. }
        | BackupError::OtherStore { .. }
        | BackupError::OtherHistory { .. }
        | BackupError::TooManySegments { .. } => Trouble::BackupOther { reason },
        BackupError::InUse { .. } | BackupError::Copy(CopyError::Busy) => Trouble::BackupInUse { reason },
        BackupError::Copy(CopyError::Disk(error)) => store_trouble(vault::Error::from(error).into()),
        BackupError::Io { .. }
        | BackupError::Server(_)
        | BackupError::BadSignature
        | BackupError::LostTooOften
        | BackupError::Copy(CopyError::Lost | CopyError::NoSuchRange) => Trouble::BackupIo { reason },
    }
}

/// The line that a person sees while bytes move.
pub(super) struct Bar {
    lang: Lang,
    progress: Option<(u64, Progress)>,
}

impl Bar {
    pub(super) fn new(voice: Voice) -> Self {
        Self { lang: voice.lang, progress: None }
    }

    pub(super) fn draw(&mut self, done: u64, all: u64) {
        let Ok(now) = clock::now() else { return };
        if self.progress.as_ref().is_none_or(|(total, _)| *total != all) {
            let width = console::terminal::error_columns();
            self.progress = Some((all, Progress::new(all, self.lang, width, now.boot_ms)));
        }
        if let Some((_, progress)) = &mut self.progress {
            let _nobody_looks = progress.draw(done, now.boot_ms, &mut stderr().lock());
        }
    }

    pub(super) fn clear(&self) {
        if let Some((_, progress)) = &self.progress {
            let _nobody_looks = progress.clear(&mut stderr().lock());
        }
    }
}
