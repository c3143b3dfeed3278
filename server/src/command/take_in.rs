//! `conclaved take-in`: a bundle of the authority's at the machine's console, where nobody can log in to bring it.
//! Never what the authority did not sign, and never while a server has the store.

use super::init::read_bundle;
use super::{open_trouble, read_config, store_trouble};
use crate::clock;
use crate::keys::ServerKeys;
use crate::log::Log;
use crate::own::OwnPair;
use crate::pacing::Pacing;
use crate::randomness::PooledRng;
use crate::recovery::{self, RecoveryError, Replayed};
use crate::store::{self, OpenStore};
use crate::words::{Done, Trouble};
use crate::writer::{Room, Writer};
use console::{Exit, HelpTable, Voice};
use protocol::engine::taking::{self, AtRest};
use serde::Serialize;
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(
    after_help = "Example: conclaved take-in --config /etc/conclave/conclaved.toml --bundle envelopes.bundle"
)]
pub(super) struct TakeIn {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The bundle that `conclave-pki bundle` wrote.
    #[arg(long, value_name = "FILE")]
    bundle: PathBuf,
}

pub(super) const HELP: &HelpTable = &[
    (
        "take-in/@about",
        "внести пакет центра у самой машины, при остановленном сервере: когда войти и внести его некому",
    ),
    (
        "take-in/@after",
        "Пример: conclaved take-in --config /etc/conclave/conclaved.toml --bundle envelopes.bundle",
    ),
    ("take-in/config", "файл конфигурации"),
    ("take-in/bundle", "пакет, записанный conclave-pki bundle"),
];

#[derive(Serialize)]
struct TakenIn {
    acts: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<u64>,
}

impl TakeIn {
    pub(super) fn run(self, voice: Voice) -> Result<Exit, Trouble> {
        let config = read_config(&self.config)?;
        let keys = ServerKeys::load(&config.state_dir);
        let keys = keys.map_err(|error| Trouble::Keys { reason: error.reason() })?;
        let bundle = read_bundle(&self.bundle)?;
        let opened = store::open(&config.store).map_err(|error| open_trouble(&config.store, error))?;
        let OpenStore { vault, opened, bytes, .. } = opened;
        if vault.journal().0 == 0 {
            return Err(Trouble::StoreEmpty { path: config.store.path.display().to_string() });
        }
        let replayed = recovery::replay(&vault, &opened).map_err(RecoveryError::trouble)?;
        let Replayed { register, tree, books, positions, rows, .. } = replayed;
        let stops = u64::from(register.running());
        let period = recovery::period_key(&vault, &register).map_err(RecoveryError::trouble)?;
        let verifiers = recovery::verifiers(&vault, &register).map_err(RecoveryError::trouble)?;
        if register.identity() != Some(&keys.identity_public()) {
            return Err(Trouble::OtherIdentity);
        }
        let system = |error: &dyn std::fmt::Display| Trouble::System { reason: error.to_string() };
        let frontier = tree.frontier_at(tree.size()).map_err(|error| system(&error))?;
        let now = clock::now().map_err(|error| system(&error))?;
        let state = AtRest { register, tree, books };
        let people_max = disk::verifiers_max(vault.geometry().extent_bytes.into());
        let (acts, signers) = (bundle.acts, (&keys.identity, &period));
        let has =
            |person, number| verifiers.record(person).is_some_and(|record| record.envelope(number).is_some());
        let taken = taking::take_in(now, state, acts, bundle.verifiers, people_max, &has, signers);
        let (batch, register) = taken.map_err(Trouble::not_taken)?;
        if batch.entries.is_empty() {
            return Ok(voice.done("take-in", &Done::NothingTakenIn, TakenIn { acts: 0, first: None }));
        }
        // By a wrong date, which the log would keep for ever, acts go in without effect and nobody's certificate is valid again. A
        // server whose certificate has run out finds its new one among the acts.
        OwnPair::find(&register, &keys, now.wall_ms)
            .map_err(|missing| Trouble::Keys { reason: missing.reason() })?;
        let rng = PooledRng::new().map_err(|error| store_trouble(vault::Error::from(error).into()))?;
        let (log, room) = (Log::new(config.log_level), Room::of(&vault, bytes));
        let pacing = Pacing::alone(log);
        let mut writer = Writer { vault, frontier, positions, rows, verifiers, rng, room, pacing, log };
        // A crash before it returns: nothing was taken in, and the same command does it.
        writer.commit(&batch).map_err(|error| Trouble::StoreIo { reason: error.to_string().into() })?;
        let (acts, first) = (batch.entries.len() as u64 - stops, batch.first + stops);
        let said = Done::TakenIn { acts, first };
        Ok(voice.done("take-in", &said, TakenIn { acts, first: Some(first) }))
    }
}
