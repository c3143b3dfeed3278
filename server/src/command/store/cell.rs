//! `conclaved store cell`: makes the second root cell that the configuration names, blank; it joins at the next start.
//! Never touches a cell that is there, and never the first one: that is made with its store. Nor does it make one in the place of a
//! cell that the store waits for: a medium that is not mounted looks like one that was lost.

use super::super::{open_trouble, read_config, store_trouble};
use crate::cell_place::CellPlace;
use crate::cells;
use crate::config::Config;
use crate::status::{self, CellStatus};
use crate::store::{self, StoreError};
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
        let path = cell.display().to_string();
        let first = &config.store.cell;
        let is_blank = |place| cells::is_made(place, &config.store);
        let words = match is_blank(second) {
            // What is to be made may stand in the other place, blank; this one may be in the hands of the server.
            Err(exists @ (StoreError::CellExists { .. } | StoreError::InUse { .. })) => {
                match is_blank(first) {
                    Ok(true) => match missed(&config)? {
                        Some(name) => return Err(not_taken(first, name)),
                        None => Done::CellBlank { cell: cells::shown(first).display().to_string() },
                    },
                    Ok(false) | Err(_) => return Err(store_trouble(exists)),
                }
            }
            Err(other) => return Err(store_trouble(other)),
            // Before the site is founded nobody waits for any.
            Ok(true) => match missed(&config).ok().flatten() {
                Some(name) => return Err(not_taken(second, name)),
                None => Done::CellBlank { cell: path },
            },
            Ok(false) => {
                if let Some(name) = missed(&config)? {
                    return Err(Trouble::CellMissed { path, name });
                }
                cells::make(second, &config.store).map_err(store_trouble)?;
                Done::CellMade { cell: path }
            }
        };
        let exit = voice.done("store cell", &words, Answer { cell });
        if second.kind() == CellKind::File {
            voice.remark(&Done::DevelopmentCell);
        }
        Ok(exit)
    }
}

/// A blank one joins when the store waits for no other.
fn not_taken(place: &CellPlace, name: String) -> Trouble {
    Trouble::CellNotTaken { path: cells::shown(place).display().to_string(), name }
}

/// The name of a cell that the store waits for, by what it says itself or the server that has it open.
fn missed(config: &Config) -> Result<Option<String>, Trouble> {
    let cells: Vec<CellStatus> = match store::rehearse(&config.store) {
        Ok(rehearsed) => CellStatus::of(rehearsed.vault.cells(), &[]),
        Err(in_use @ StoreError::InUse { .. }) => match status::ask(&config.runtime_dir) {
            Ok(running) => running.cells,
            // Somebody has it who is no server of this configuration.
            Err(_nobody) => return Err(store_trouble(in_use)),
        },
        Err(other) => return Err(open_trouble(&config.store, other)),
    };
    Ok(cells.into_iter().find_map(|cell| cell.name))
}
