//! `conclaved backup create`: brings a directory up to the store's newest state, beside a running server or without one.
//! Ended at any moment it leaves the backup of before, and the next one goes on with what is there.

use super::{Bar, load_keys, store_trouble, trouble};
use crate::backup::{Copies, ServerSource, Shelf, StoreSource};
use crate::command::read_config;
use crate::config::Config;
use crate::keys::ServerKeys;
use crate::log::{Level, Log};
use crate::overlay::OverlayDevice;
use crate::words::{Done, Trouble};
use crate::{cells, randomness, store};
use ::backup::{Copied, Folder, Made, Source};
use console::{Exit, Voice, Words, when};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use vault::{Limits, Vault};

#[derive(clap::Args)]
#[command(
    after_help = "Example: conclaved backup create --config /etc/conclave/conclaved.toml --to /mnt/backup"
)]
pub(in crate::command) struct Create {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The backup's directory; made where there is none.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

#[derive(Serialize)]
struct Backed {
    batch: u64,
    entries: u64,
    erasure_epoch: u64,
    made_ms: u64,
    copied_bytes: u64,
    taken_over_bytes: u64,
    kept_bytes: u64,
    torn_places: u64,
    milliseconds: u64,
    beside_server: bool,
}

impl Create {
    pub(super) fn run(self, voice: Voice) -> Result<Exit, Trouble> {
        let config = read_config(&self.config)?;
        let keys = load_keys(&config)?;
        let folder = Folder::make(&self.to).map_err(trouble)?;
        let identity = keys.identity_public();
        let inventory = ::backup::look(&folder, &identity).map_err(trouble)?;
        let server = ServerSource::connect(&config.runtime_dir, identity);
        let beside_server = server.is_some();
        let mut source: Box<dyn Source> = match server {
            Some(source) => Box::new(source),
            None => Box::new(direct(&config, keys)?),
        };
        let (begin, mut bar) = (Instant::now(), Bar::new(voice));
        let made = Made::at(config.state_dir.join("backups-made"));
        let copied = ::backup::copy(&folder, inventory, &mut *source, &made, |done, all| bar.draw(done, all));
        bar.clear();
        let copied = copied.map_err(trouble)?;
        let milliseconds = begin.elapsed().as_millis().max(1) as u64;
        Ok(self.tell(voice, &copied, milliseconds, beside_server))
    }

    fn tell(&self, voice: Voice, copied: &Copied, milliseconds: u64, beside_server: bool) -> Exit {
        let Copied { verified, copied_bytes, taken_over_bytes, kept_bytes, torn } = copied;
        let outline = &verified.outline;
        let size = |bytes| when::bytes(bytes, voice.lang);
        let taken_over = match *taken_over_bytes {
            0 => String::new(),
            bytes => format!(
                ", {} {}",
                voice.lang.pick("left by an interrupted copy:", "осталось от прерванной копии:"),
                size(bytes)
            ),
        };
        let torn_said = (*torn > 0).then_some(Done::BackedTorn { places: *torn });
        let words = Done::Backed {
            dir: self.to.display().to_string(),
            batch: outline.anchor.batch,
            entries: outline.entries,
            epoch: outline.epoch,
            copied: size(*copied_bytes),
            taken_over,
            kept: size(*kept_bytes),
            rate: size(copied_bytes * 1000 / milliseconds),
            more: torn_said.map(|line| line.say(voice.lang)).unwrap_or_default(),
        };
        let data = Backed {
            batch: outline.anchor.batch,
            entries: outline.entries,
            erasure_epoch: outline.epoch,
            made_ms: verified.manifest.made_ms(),
            copied_bytes: *copied_bytes,
            taken_over_bytes: *taken_over_bytes,
            kept_bytes: *kept_bytes,
            torn_places: *torn,
            milliseconds,
            beside_server,
        };
        voice.done("backup create", &words, data)
    }
}

/// The store itself, under a sheet of glass: a copy changes nothing.
fn direct(config: &Config, keys: ServerKeys) -> Result<StoreSource, Trouble> {
    let device = Arc::new(OverlayDevice::new(store::lock(&config.store).map_err(store_trouble)?));
    let keeper = cells::rehearsed(&config.store).map_err(store_trouble)?;
    let opened = Vault::open(device, keeper, Limits::default(), &mut randomness::rng());
    let (vault, _) = opened.map_err(|error| store_trouble(error.into()))?;
    let identity = keys.identity_public();
    let (copier, shelf) = (vault.copier(), Shelf::open(&config.state_dir));
    let log = Log::new(Level::Warn);
    Ok(StoreSource::new(Copies { copier, key: keys.identity, identity, shelf, log }))
}
