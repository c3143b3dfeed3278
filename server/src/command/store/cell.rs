//! `conclaved store cell`: makes the second root cell that the configuration names, blank; it joins at the next start.
//! Never touches a cell that is there, and never the first one: that is made with its store.

use super::super::{read_config, store_trouble};
use crate::cells;
use crate::words::{Done, Reason, Trouble};
use console::{Exit, Voice};
use serde::Serialize;
use std::path::PathBuf;
use vault::CellKind;

/// Make the second root cell that the configuration names (store.second_cell); it joins at the next start.
#[derive(clap::Args)]
#[command(after_help = "Example: conclaved store cell --config /etc/conclave/conclaved.toml")]
pub(in crate::command) struct MakeCell {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

#[derive(Serialize)]
struct Answer {
    cell: PathBuf,
}

impl MakeCell {
    pub(super) fn run(self, voice: Voice) -> Result<Exit, Trouble> {
        let config = read_config(&self.config)?;
        let Some(second) = &config.store.second_cell else {
            let reason = Reason::new("store.second_cell is not set", "store.second_cell не указана");
            return Err(Trouble::Config { reason });
        };
        let cell = cells::shown(second);
        cells::make(second, &config.store).map_err(store_trouble)?;
        let exit =
            voice.done("store cell", &Done::CellMade { cell: cell.display().to_string() }, Answer { cell });
        if second.kind() == CellKind::File {
            voice.remark(&Done::DevelopmentCell);
        }
        Ok(exit)
    }
}
