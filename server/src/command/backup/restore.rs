//! `conclaved backup restore`: puts a backup back where the configuration says the store is.
//! Never over anything, and never before the surviving cell was seen to open what would be written.

use super::{Bar, Open, open, store_trouble, trouble, under_glass};
use crate::cells;
use crate::command::file_trouble;
use crate::store::StoreError;
use crate::words::{Done, Trouble};
use ::backup::BackupDevice;
use console::{Exit, Voice, when};
use disk::{Device, FileDevice, Medium, Outline, Preallocation, Restoring};
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use pki::durable_file;
use serde::Serialize;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(clap::Args)]
#[command(
    after_help = "Example: conclaved backup restore --config /etc/conclave/conclaved.toml /mnt/backup --yes"
)]
pub(in crate::command) struct Restore {
    /// The configuration file: where to write, and which cell survived.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The backup's directory.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Do it, instead of only showing what would be done.
    #[arg(long)]
    yes: bool,
}

#[derive(Serialize)]
struct Put {
    to: PathBuf,
    batch: u64,
    entries: u64,
    erasure_epoch: u64,
    used_bytes: u64,
    written: bool,
}

/// What stands where the store is to be.
enum Target {
    /// Nothing: a container of this length is made.
    New(u64),
    /// A device or container of zeros.
    There(Medium),
}

impl Restore {
    pub(super) fn run(self, voice: Voice) -> Result<Exit, Trouble> {
        let Open { config, verified, device, _folder, .. } = open(&self.config, &self.dir)?;
        let (outline, path) = (&verified.outline, &config.store.path);
        // Before anything is written: does what survived open it? It is held to the end, so that no server goes on with it
        // while its store is written.
        let held = under_glass(cells::rehearsed(&config.store), Arc::clone(&device))?;
        let target = self.target(path, config.store.bytes, outline)?;
        let mut bar = Bar::new(voice);
        if let Target::There(medium) = &target {
            let blank = refuse_covering(medium, &device, path, &mut bar);
            bar.clear();
            blank?;
        }
        let data = Put {
            to: path.clone(),
            batch: outline.anchor.batch,
            entries: outline.entries,
            erasure_epoch: outline.epoch,
            used_bytes: outline.used_bytes(),
            written: self.yes,
        };
        let (to, used) = (path.display().to_string(), when::bytes(outline.used_bytes(), voice.lang));
        let (batch, entries, epoch) = (outline.anchor.batch, outline.entries, outline.epoch);
        if !self.yes {
            let length = match &target {
                Target::New(bytes) => *bytes,
                Target::There(medium) => medium.length(),
            };
            let (dir, length) = (self.dir.display().to_string(), when::bytes(length, voice.lang));
            let words = Done::RestorePlan { dir, to, batch, entries, epoch, used, length };
            return Ok(voice.verdict("backup restore", Exit::No, "plan", &words, data));
        }
        let written = write(target, &device, path, &mut bar);
        bar.clear();
        written?;
        drop(held);
        // Read back from where it lies now.
        let medium = Medium::open(path).map_err(|error| store_trouble(StoreError::of_disk(error, path)))?;
        under_glass(cells::rehearsed(&config.store), medium)?;
        let words = Done::Restored { to, batch, entries, epoch, used };
        Ok(voice.done("backup restore", &words, data))
    }

    fn target(&self, path: &Path, bytes: u64, outline: &Outline) -> Result<Target, Trouble> {
        match path.symlink_metadata() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Ok(Target::New(bytes.max(outline.device_bytes())))
            }
            Err(error) => Err(file_trouble(path, error)),
            Ok(_) => {
                let medium =
                    Medium::open(path).map_err(|error| store_trouble(StoreError::of_disk(error, path)))?;
                if medium.length() < outline.device_bytes() {
                    let (path, bytes) = (path.display().to_string(), outline.device_bytes());
                    return Err(Trouble::RestoreTooSmall { path, bytes });
                }
                Ok(Target::There(medium))
            }
        }
    }
}

/// Reads the whole device: it must hold zeros, or what a restore of this backup that was interrupted left there.
fn refuse_covering(
    medium: &Medium,
    device: &BackupDevice,
    path: &Path,
    bar: &mut Bar,
) -> Result<(), Trouble> {
    let failed = |error| store_trouble(StoreError::of_disk(error, path));
    let outline = device.outline();
    let mut restoring = Restoring::new(medium, outline).map_err(failed)?;
    let refuse = |found: Option<u64>| match found {
        Some(at) => Err(Trouble::RestoreCovers { path: path.display().to_string(), at }),
        None => Ok(()),
    };
    refuse(restoring.find_superblocks().map_err(failed)?)?;
    let (mut at, mut bytes) = (outline.superblocks.len() as u64, Vec::new());
    for number in 0..device.records() {
        let (range, offset) = device.record(number, &mut bytes).map_err(trouble)?;
        refuse(restoring.find_foreign(at, offset).map_err(failed)?)?;
        refuse(restoring.find_covered(&range, &bytes).map_err(failed)?)?;
        at = offset + bytes.len() as u64;
        bar.draw(at, medium.length());
    }
    refuse(restoring.find_foreign(at, medium.length()).map_err(failed)?)
}

/// Removes what a restore that was interrupted left: of no use to anybody, and made anew from the beginning. One that is
/// still being written is another command's.
fn remove_left(fresh: &Path) -> Result<(), Trouble> {
    let failed = |error| file_trouble(fresh, error);
    let left = match File::open(fresh) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        opened => opened.map_err(failed)?,
    };
    match left.try_lock() {
        Ok(()) => std::fs::remove_file(fresh).map_err(failed),
        Err(TryLockError::WouldBlock) => Err(store_trouble(StoreError::InUse { path: fresh.to_owned() })),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Writes everything, the superblocks last. A new container has its name only when it is whole, and takes it from nobody.
fn write(target: Target, device: &BackupDevice, path: &Path, bar: &mut Bar) -> Result<(), Trouble> {
    let failed = |error| store_trouble(StoreError::of_disk(error, path));
    let (fresh, medium) = match target {
        Target::There(medium) => (None, medium),
        Target::New(bytes) => {
            let fresh = durable_file::beside(path, "restoring");
            remove_left(&fresh)?;
            let made = FileDevice::create(&fresh, bytes, Preallocation::Write).map_err(failed)?;
            (Some(fresh), Medium::Container(made))
        }
    };
    let mut restoring = Restoring::new(&medium, device.outline()).map_err(failed)?;
    let (all, mut done, mut bytes) = (device.outline().used_bytes(), 0, Vec::new());
    for number in 0..device.records() {
        let (range, _) = device.record(number, &mut bytes).map_err(trouble)?;
        restoring.put(&range, &bytes).map_err(failed)?;
        done += bytes.len() as u64;
        bar.draw(done, all);
    }
    restoring.finish().map_err(failed)?;
    if let Some(fresh) = fresh {
        // A crash before this line: a file that nobody takes for the store.
        let renamed = renameat2(AT_FDCWD, &fresh, AT_FDCWD, path, RenameFlags::RENAME_NOREPLACE);
        let renamed = renamed.map_err(std::io::Error::from);
        renamed.and_then(|()| durable_file::sync_name(path)).map_err(|error| file_trouble(path, error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_restore_writes_is_not_removed_and_what_one_left_is() {
        let dir = tempfile::tempdir().unwrap();
        let fresh = dir.path().join("restoring");
        assert!(remove_left(&fresh).is_ok());
        let writing = FileDevice::create(&fresh, 4096, Preallocation::Write).unwrap();
        assert!(matches!(remove_left(&fresh), Err(Trouble::StoreInUse { .. })));
        drop(writing);
        assert!(remove_left(&fresh).is_ok());
        assert!(!fresh.exists());
    }
}
