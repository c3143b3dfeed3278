//! `conclaved backup verify`: is the backup whole, and would the cell open it?
//! Never writes anywhere.

use super::{Bar, Open, open, trouble, under_glass};
use crate::words::{Done, Trouble};
use crate::{cells, status};
use console::{Exit, Voice, when};
use serde::Serialize;
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(after_help = "Example: conclaved backup verify --config /etc/conclave/conclaved.toml /mnt/backup")]
pub(in crate::command) struct Verify {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The backup's directory.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

#[derive(Serialize)]
struct Whole {
    batch: u64,
    entries: u64,
    journal_root: String,
    erasure_epoch: u64,
    made_ms: u64,
    /// Under this name the journal knows it, where it was pulled.
    manifest: String,
    bytes: u64,
    /// The epoch of the running server's cell, where one runs.
    cell_epoch: Option<u64>,
    /// Whether the cell opens it; absent when there was no cell to ask.
    opens: Option<bool>,
}

impl Verify {
    pub(super) fn run(self, voice: Voice) -> Result<Exit, Trouble> {
        let Open { config, verified, device, .. } = open(&self.config, &self.dir)?;
        let (outline, mut bar) = (verified.outline, Bar::new(voice));
        let all = outline.used_bytes();
        let whole = device.verify(|done| bar.draw(done, all));
        bar.clear();
        whole.map_err(trouble)?;
        let kept = device.kept_bytes();
        let cell_epoch = status::ask(&config.runtime_dir).ok().map(|status| status.erasure_epoch);
        let opens = match cell_epoch {
            Some(epoch) => Some(outline.opens_at(epoch)),
            None => match under_glass(cells::looked_at(&config.store), device) {
                Ok(_) => Some(true),
                Err(Trouble::BackupBehind { .. } | Trouble::BackupNotOfCell { .. }) => Some(false),
                Err(Trouble::CellMissing { .. }) => None,
                Err(other) => return Err(other),
            },
        };
        let lang = voice.lang;
        let said = match opens {
            Some(true) => lang.pick("the root cell opens it", "корневая ячейка её открывает"),
            Some(false) => lang.pick(
                "the root cell does NOT open it: it is of another erasure epoch, and nothing in it can be restored",
                "корневая ячейка её НЕ открывает: эпоха уничтожения другая, восстановить из неё ничего нельзя",
            ),
            None => lang.pick(
                "there is no root cell here to compare it with",
                "корневой ячейки, с которой можно сравнить, здесь нет",
            ),
        };
        let words = Done::BackupWhole {
            batch: outline.anchor.batch,
            entries: outline.entries,
            epoch: outline.epoch,
            made: when::minute(verified.manifest.made_ms()),
            kept: when::bytes(kept, lang),
            manifest: hex::encode(verified.manifest.id()),
            opens: said.into(),
        };
        let data = Whole {
            batch: outline.anchor.batch,
            entries: outline.entries,
            journal_root: hex::encode(outline.journal_root),
            erasure_epoch: outline.epoch,
            made_ms: verified.manifest.made_ms(),
            manifest: hex::encode(verified.manifest.id()),
            bytes: kept,
            cell_epoch,
            opens,
        };
        match opens {
            Some(false) => Ok(voice.verdict("backup verify", Exit::No, "backup-behind", &words, data)),
            Some(true) | None => Ok(voice.done("backup verify", &words, data)),
        }
    }
}
