//! `conclaved store grow`: the store takes over what its partition or container has become longer by.
//! Never beside a server, and never smaller.

use super::super::{open_trouble, read_config};
use crate::cells;
use crate::config::StoreConfig;
use crate::randomness;
use crate::store::{self, StoreError};
use crate::words::{Done, Trouble};
use console::{Exit, Voice, when};
use disk::{BLOCK, Device, Grown, Medium};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use vault::Standing;

/// Take over what the device has become longer by.
#[derive(clap::Args)]
#[command(
    after_help = "Example: conclaved store grow --config /etc/conclave/conclaved.toml --bytes 2147483648"
)]
pub(in crate::command) struct Grow {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Make the container file this long first; a partition is made longer by its own tools.
    #[arg(long, value_name = "BYTES")]
    bytes: Option<u64>,
}

#[derive(Serialize)]
struct Answer {
    path: PathBuf,
    extent_bytes: u32,
    extents_before: u32,
    extents: u32,
}

impl Grow {
    pub(super) fn run(self, voice: Voice) -> Result<Exit, Trouble> {
        let config = read_config(&self.config)?;
        let Grown { before, after } =
            grow(&config.store, self.bytes).map_err(|error| open_trouble(&config.store, error))?;
        let size = |extents: u32| when::bytes(u64::from(extents) * u64::from(after.extent_bytes), voice.lang);
        let words = Done::Grown { before: size(before.extents), after: size(after.extents) };
        let answer = Answer {
            path: config.store.path,
            extent_bytes: after.extent_bytes,
            extents_before: before.extents,
            extents: after.extents,
        };
        Ok(voice.done("store grow", &words, answer))
    }
}

fn grow(config: &StoreConfig, bytes: Option<u64>) -> Result<Grown, StoreError> {
    let mut medium = store::lock(config)?;
    // Nobody writes to one before that was answered; the answer stays where it is.
    let _is_answered = store::check_put_back(&medium, config)?;
    if let Some(bytes) = bytes {
        // What is no store is not made longer.
        drop(medium);
        let ground = crate::making::survey(config)?;
        if ground.has_no_cell() {
            return Err(StoreError::CellMissing { path: cells::shown(&config.cell) });
        }
        if !matches!(ground.standing, Standing::Store(_)) {
            return Err(StoreError::Unformatted { path: config.path.clone() });
        }
        drop(ground);
        medium = store::lock(config)?;
        match &mut medium {
            Medium::Container(container) => {
                let now = container.length();
                if bytes < now || !bytes.is_multiple_of(BLOCK as u64) {
                    return Err(StoreError::GrowBytes { bytes, now });
                }
                container.lengthen(bytes).map_err(|error| StoreError::of_disk(error, &config.path))?;
            }
            Medium::Raw(_) => {
                return Err(StoreError::NotAContainer { path: config.path.clone() });
            }
        }
    }
    let keeper = cells::open(config)?;
    let grown = vault::grow(Arc::new(medium), keeper, &mut randomness::rng());
    grown.map_err(|error| {
        if let vault::Error::Disk(error) = error {
            return StoreError::of_disk(error, &config.path);
        }
        StoreError::Vault(error)
    })
}
