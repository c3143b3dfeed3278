//! `conclaved check`: rehearses a start over a sheet of glass and tells whether the store is sound.
//! Never changes a byte, and never runs beside a server: both would want the lock.

use super::{read_config, store_trouble};
use crate::keys::ServerKeys;
use crate::overlay::OverlayDevice;
use crate::own::OwnPair;
use crate::reader::read_body;
use crate::recovery::{self, RecoveryError, Replayed};
use crate::words::{Done, Trouble};
use crate::{cells, clock, randomness, store};
use console::{Exit, Voice, count_en, count_ru};
use journal::ids::Place;
use journal::register::Register;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use vault::{Limits, Opened, Vault, VaultReader};

#[derive(clap::Args)]
#[command(after_help = "Example: conclaved check --full --config /etc/conclave/conclaved.toml")]
pub(super) struct Check {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Verify every signature and every body too, and that each snapshot gives the state that the journal gives.
    #[arg(long)]
    full: bool,
}

#[derive(Serialize)]
struct Sound {
    log: String,
    entries: u64,
    root: String,
    erasure_epoch: u64,
    /// Entries that the newest snapshot covers; 0: there is none.
    snapshot: u64,
    /// Why newer ones are not used for a start.
    passed_over: Vec<String>,
    /// Bodies that were opened; absent without `--full`.
    bodies: Option<u64>,
    /// An erasure that the last life did not finish; the next start does.
    interrupted: bool,
    /// Bytes of an unfinished batch that nobody was ever told.
    set_aside: u64,
}

impl Check {
    pub(super) fn run(self, voice: Voice) -> Result<Exit, Trouble> {
        let config = read_config(&self.config)?;
        let keys = ServerKeys::load(&config.state_dir);
        let keys = keys.map_err(|error| Trouble::Keys { reason: error.to_string() })?;
        let device = Arc::new(OverlayDevice::new(store::lock(&config.store).map_err(store_trouble)?));
        let keeper = cells::rehearsed(&config.store).map_err(store_trouble)?;
        let opened = Vault::open(device, keeper, Limits::default(), &mut randomness::rng());
        let (vault, opened) = opened.map_err(|error| store_trouble(error.into()))?;
        // Without `--full` a snapshot that is not used is no damage: a start would go on without it, and write another.
        let replayed = match self.full {
            true => verified(&vault, &opened)?,
            false => recovery::replay(&vault, &opened).map_err(damage)?,
        };
        let head = replayed.head();
        let Replayed { register, snapshot, passed_over, .. } = replayed;
        let period = recovery::period_key(&vault, &register).map_err(damage)?;
        recovery::verifiers(&vault, &register).map_err(damage)?;
        recovery::note(&register, head, &keys.identity, &period).map_err(damage)?;
        if register.identity() != Some(&keys.identity_public()) {
            return Err(Trouble::Keys {
                reason: "the log identity key is not the one that the journal names".into(),
            });
        }
        let now = clock::now().map_err(|error| Trouble::System { reason: error.to_string() })?;
        OwnPair::find(&register, &keys, now.wall_ms)
            .map_err(|missing| Trouble::Keys { reason: missing.to_string() })?;
        let bodies = if self.full { Some(open_bodies(&vault.reader(), &register)?) } else { None };
        let full = bodies.map(|n| {
            voice.lang.pick(
                format!(", {} opened", count_en(n, "body", "bodies")),
                format!(", открыто: {}", count_ru(n, "тело", "тела", "тел")),
            )
        });
        let passed_over: Vec<String> = passed_over.iter().map(ToString::to_string).collect();
        let not_used = passed_over.iter().map(|why| {
            voice
                .lang
                .pick(format!("\nnot used for a start: {why}"), format!("\nне годится для пуска: {why}"))
        });
        let more = full.into_iter().chain(not_used).collect();
        let words = Done::Sound { entries: head.size, epoch: vault.epoch(), more };
        let sound = Sound {
            log: register.log_id().to_string(),
            entries: head.size,
            root: head.root.iter().map(|byte| format!("{byte:02x}")).collect(),
            erasure_epoch: vault.epoch(),
            snapshot,
            passed_over,
            bodies,
            interrupted: opened.interrupted.is_some(),
            set_aside: opened.recovered.set_aside_bytes,
        };
        Ok(voice.done("check", &words, sound))
    }
}

/// Verifies a store from the genesis on and opens every body. Gives how many entries and bodies.
pub(super) fn everything(vault: &Vault, opened: &Opened) -> Result<(u64, u64), Trouble> {
    let replayed = verified(vault, opened)?;
    let entries = replayed.head().size;
    Ok((entries, open_bodies(&vault.reader(), &replayed.register)?))
}

/// Everything from the genesis on with every signature, and both snapshots beside it.
fn verified(vault: &Vault, opened: &Opened) -> Result<Replayed, Trouble> {
    let mut whole = recovery::from_genesis(vault, opened).map_err(damage)?;
    // The oldest first, so that the newest one's size stays.
    for position in vault.snapshots().into_iter().rev().flatten() {
        let found = recovery::from_snapshot(vault, opened, position).map_err(damage)?;
        whole.snapshot = found.snapshot;
        if (&found.register, &found.books) != (&whole.register, &whole.books) {
            return Err(damage(RecoveryError::OtherState { entries: found.snapshot }));
        }
    }
    Ok(whole)
}

fn damage(error: RecoveryError) -> Trouble {
    Trouble::StoreDamaged { reason: error.to_string() }
}

/// Opens every body that the journal says is there. Gives how many.
fn open_bodies(reader: &VaultReader, register: &Register) -> Result<u64, Trouble> {
    let pending: Vec<_> = register.erasures_pending().flat_map(|(_, what)| what.iter().copied()).collect();
    let is_pending = |place: Place| {
        pending.iter().any(|what| match what {
            journal::ErasePlace::Item(item) => *item == place,
            journal::ErasePlace::Conversation(number) => *number == place.conversation,
        })
    };
    let mut opened = 0;
    for conversation in register.conversations() {
        for message in register.messages_of(conversation.number, 0..register.size()) {
            let place = Place { conversation: message.conversation, item: message.item };
            if message.erased || is_pending(place) {
                continue;
            }
            for chunk in 0..=message.file.map_or(0, |file| file.chunks) {
                read_body(reader, place, chunk).map_err(|error| Trouble::StoreDamaged {
                    reason: format!("the body of entry {}, chunk {chunk}: {error}", message.index),
                })?;
                opened += 1;
            }
        }
    }
    Ok(opened)
}
