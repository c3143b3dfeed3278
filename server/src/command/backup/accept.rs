//! `conclaved backup accept`: the word of a person that nothing came after the backup that was put back.
//! Never said by the product itself: a store that was put back cannot know it. It changes nothing but the mark of that.

use super::{read_config, store_trouble};
use crate::store::{self, StoreError};
use crate::words::{Done, Trouble};
use console::{Exit, Voice};
use disk::PutBack;
use serde::Serialize;
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(
    after_help = "Example: conclaved backup accept --config /etc/conclave/conclaved.toml --nobody-saw-more"
)]
pub(in crate::command) struct Accept {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Nobody, no terminal and no auditor, has seen an entry newer than this backup.
    #[arg(long, required = true)]
    nobody_saw_more: bool,
}

#[derive(Serialize)]
struct Accepted {
    path: PathBuf,
}

impl Accept {
    pub(super) fn run(self, voice: Voice) -> Result<Exit, Trouble> {
        debug_assert!(self.nobody_saw_more, "clap demands it");
        let path = read_config(&self.config)?.store;
        let medium = store::lock(&path).map_err(store_trouble)?;
        let path = path.path;
        let failed = |error| store_trouble(StoreError::of_disk(error, &path));
        match PutBack::of(&medium).map_err(failed)? {
            PutBack::No => return Err(Trouble::NotPutBack { path: path.display().to_string() }),
            PutBack::Unanswered => PutBack::Answered.write(&medium).map_err(failed)?,
            // Said before, and not started yet.
            PutBack::Answered => {}
        }
        let words = Done::Accepted { path: path.display().to_string() };
        Ok(voice.done("backup accept", &words, Accepted { path }))
    }
}
