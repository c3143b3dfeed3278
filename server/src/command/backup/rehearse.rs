//! `conclaved backup rehearse`: opens every entry and every body from a backup with a look at the cell.
//! Never writes: the backup is read as the device that it is a copy of, and cell and device lie under glass.

use super::{Bar, Open, open, trouble, under_glass};
use crate::cells;
use crate::command::store::{bodies::Bodies, check};
use crate::words::{Done, Trouble};
use console::{Exit, Voice};
use serde::Serialize;
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(
    after_help = "Example: conclaved backup rehearse --config /etc/conclave/conclaved.toml /mnt/backup"
)]
pub(in crate::command) struct Rehearse {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The backup's directory.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

#[derive(Serialize)]
struct Rehearsed {
    batch: u64,
    entries: u64,
    erasure_epoch: u64,
    bodies: u64,
    /// That a succession gave up: they do not open, and that is no damage.
    bodies_given_up: u64,
}

impl Rehearse {
    pub(super) fn run(self, voice: Voice) -> Result<Exit, Trouble> {
        let Open { config, verified, device, .. } = open(&self.config, &self.dir)?;
        let (all, mut bar) = (verified.outline.used_bytes(), Bar::new(voice));
        let whole = device.verify(|done| bar.draw(done, all));
        bar.clear();
        whole.map_err(trouble)?;
        let (vault, opened) = under_glass(cells::looked_at(&config.store), device)?;
        let (entries, bodies) = check::everything(&vault, &opened)?;
        let erasure_epoch = vault.epoch();
        let Bodies { opened, given_up } = bodies;
        let given_up_words = check::given_up(given_up, voice.lang);
        let words =
            Done::Rehearsed { entries, epoch: erasure_epoch, bodies: opened, given_up: given_up_words };
        let data = Rehearsed {
            batch: verified.outline.anchor.batch,
            entries,
            erasure_epoch,
            bodies: opened,
            bodies_given_up: given_up,
        };
        Ok(voice.done("backup rehearse", &words, data))
    }
}
