//! `conclaved check` and `conclaved store check`: rehearse a start over a sheet of glass and tell whether the store is sound.
//! Never changes a byte, and never runs beside a server: both would want the lock.

use super::super::status::cell_row;
use super::super::{open_trouble, read_config};
use super::bodies::{self, Bodies};
use super::damage::{Damages, Place, given_up_said, scan};
use crate::cells;
use crate::clock;
use crate::keys::ServerKeys;
use crate::own::OwnPair;
use crate::recovery::{self, RecoveryError, Replayed};
use crate::status::CellStatus;
use crate::store::{self, Rehearsed};
use crate::words::{Done, Reason, Trouble};
use console::{Exit, Lang, Voice, count_en, count_ru};
use serde::Serialize;
use std::path::{Path, PathBuf};
use vault::{Opened, Vault};

/// Why a start is barred, for scripts.
pub(in crate::command) const START_BARRED: &str = "put-back";

#[derive(clap::Args)]
#[command(after_help = "Example: conclaved check --full --config /etc/conclave/conclaved.toml")]
pub(in crate::command) struct Check {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Verify every signature and every body too, and that each snapshot gives the state that the journal gives.
    #[arg(long)]
    full: bool,
}

/// Read and authenticate everything: every extent, every signature, every body.
#[derive(clap::Args)]
#[command(after_help = "Example: conclaved store check --config /etc/conclave/conclaved.toml")]
pub(in crate::command) struct StoreCheck {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

#[derive(Serialize)]
struct Sound {
    log: String,
    entries: u64,
    root: String,
    erasure_epoch: u64,
    /// The root cells that the configuration names, and who of them is here: none that is away makes the store unsound.
    cells: Vec<CellStatus>,
    /// Entries that the newest snapshot covers; 0: there is none.
    snapshot: u64,
    /// Why newer ones are not used for a start.
    passed_over: Vec<Reason>,
    /// Bodies of messages that were opened, and so were all titles and wraps of keys; absent without `--full`.
    bodies: Option<u64>,
    /// Bodies that a succession gave up: they do not open, and that is no damage.
    bodies_given_up: Option<u64>,
    /// Places that do not read and held nothing else: no damage either.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    given_up_places: Vec<Place>,
    /// `put-back`: no server starts it before somebody has said what came after the backup.
    #[serde(skip_serializing_if = "Option::is_none")]
    start_barred: Option<&'static str>,
    /// Bytes that were read and authenticated extent by extent; absent without `--full`.
    scanned_bytes: Option<u64>,
    /// An erasure that the last life did not finish; the next start does.
    interrupted: bool,
    /// Bytes of an unfinished batch that nobody was ever told.
    set_aside_bytes: u64,
}

impl Check {
    pub(in crate::command) fn run(self, voice: Voice) -> Result<Exit, Trouble> {
        check("check", &self.config, self.full, voice)
    }
}

impl StoreCheck {
    pub(super) fn run(self, voice: Voice) -> Result<Exit, Trouble> {
        check("store check", &self.config, true, voice)
    }
}

fn check(name: &str, config: &Path, full: bool, voice: Voice) -> Result<Exit, Trouble> {
    let config = read_config(config)?;
    let keys = ServerKeys::load(&config.state_dir);
    let keys = keys.map_err(|error| Trouble::Keys { reason: error.reason() })?;
    let rehearsed = store::rehearse(&config.store).map_err(|error| open_trouble(&config.store, error))?;
    if rehearsed.vault.journal().0 == 0 {
        return Err(Trouble::StoreEmpty { path: config.store.path.display().to_string() });
    }
    let mut damages = match full {
        true => Damages::of(scan(&rehearsed.vault, voice.lang)?),
        false => Damages::default(),
    };
    let exit = match examine(&rehearsed, &keys, full, &mut damages) {
        Ok((mut sound, words)) if damages.is_empty() => {
            sound.given_up_places = damages.take_given_up();
            sound.cells = CellStatus::of(rehearsed.vault.cells(), &cells::all_shown(&config.store));
            voice.done(name, &words.with(&sound, voice), sound)
        }
        Ok(_) => damages.told(name, voice),
        // What nothing but the rehearsal has found is told as a start tells it.
        Err(Trouble::StoreDamaged { reason } | Trouble::EntriesLost { reason }) if !damages.is_empty() => {
            damages.add(reason);
            damages.told(name, voice)
        }
        Err(trouble) => return Err(trouble),
    };
    if rehearsed.is_barred {
        voice.remark(&Trouble::PutBack { path: config.store.path.display().to_string() });
    }
    Ok(exit)
}

/// What is said of a sound store, but for the parts in a language.
struct Figures {
    entries: u64,
    epoch: u64,
}

impl Figures {
    fn with(self, sound: &Sound, voice: Voice) -> Done {
        let full = sound.bodies.map(|n| {
            voice.lang.pick(
                format!(", {} opened", count_en(n, "body", "bodies")),
                format!(", открыто: {}", count_ru(n, "тело", "тела", "тел")),
            )
        });
        let given_up = sound.bodies_given_up.map(|count| given_up(count, voice.lang));
        let not_used = sound.passed_over.iter().map(|why| {
            voice.lang.pick(
                format!("\nnot used for a start: {}", why.en),
                format!("\nне годится для пуска: {}", why.ru),
            )
        });
        let away = sound.cells.iter().filter(|cell| cell.absent.is_some()).map(|cell| {
            let (name, state) = cell_row(cell, voice.lang);
            format!("\n{name}: {state}")
        });
        let places = given_up_said(&sound.given_up_places, voice.lang);
        Done::Sound {
            entries: self.entries,
            epoch: self.epoch,
            more: full.into_iter().chain(given_up).chain(not_used).chain([places]).chain(away).collect(),
        }
    }
}

/// What is said of bodies that a succession gave up.
pub(in crate::command) fn given_up(count: u64, lang: Lang) -> String {
    match count {
        0 => String::new(),
        _ => lang.pick(
            format!("; {} given up by a succession", count_en(count, "body was", "bodies were")),
            format!("; признано утраченным при преемстве: {}", count_ru(count, "тело", "тела", "тел")),
        ),
    }
}

/// The rehearsal of a start, and with `full` every signature and every body. Bodies that do not open are noted one by one.
fn examine(
    Rehearsed { vault, opened, is_barred }: &Rehearsed,
    keys: &ServerKeys,
    full: bool,
    damages: &mut Damages,
) -> Result<(Sound, Figures), Trouble> {
    // Without `--full` a snapshot that is not used is no damage: a start would go on without it, and write another.
    let replayed = match full {
        true => verified(vault, opened)?,
        false => recovery::replay(vault, opened).map_err(damage)?,
    };
    if !replayed.register.successions().is_empty() {
        damages.set_given_up_aside(vault)?;
    }
    let head = replayed.head();
    let Replayed { register, books, snapshot, passed_over, .. } = replayed;
    let period = recovery::period_key(vault, &register).map_err(damage)?;
    recovery::verifiers(vault, &register).map_err(damage)?;
    recovery::note(&register, head, &keys.identity, &period).map_err(damage)?;
    if register.identity() != Some(&keys.identity_public()) {
        let reason = Reason::new(
            "the log identity key is not the one that the journal names",
            "ключ журнала — не тот, что назван в журнале",
        );
        return Err(Trouble::Keys { reason });
    }
    let now = clock::now().map_err(|error| Trouble::System { reason: error.to_string() })?;
    OwnPair::find(&register, keys, now.wall_ms)
        .map_err(|missing| Trouble::Keys { reason: missing.reason() })?;
    let bodies = if full { Some(bodies::compare(vault, &register, &books, damages)?) } else { None };
    let sound = Sound {
        log: register.log_id().to_string(),
        entries: head.size,
        root: head.root.iter().map(|byte| format!("{byte:02x}")).collect(),
        erasure_epoch: vault.epoch(),
        cells: Vec::new(),
        snapshot,
        passed_over: passed_over.iter().map(RecoveryError::reason).collect(),
        bodies: bodies.map(|bodies| bodies.opened),
        bodies_given_up: bodies.map(|bodies| bodies.given_up),
        given_up_places: Vec::new(),
        start_barred: is_barred.then_some(START_BARRED),
        scanned_bytes: full.then(|| vault.scan_bytes()),
        interrupted: opened.interrupted.is_some(),
        set_aside_bytes: opened.recovered.set_aside_bytes,
    };
    Ok((sound, Figures { entries: head.size, epoch: vault.epoch() }))
}

/// Verifies a store from the genesis on and opens every body. Gives how many entries and bodies there are.
pub(in crate::command) fn everything(vault: &Vault, opened: &Opened) -> Result<(u64, Bodies), Trouble> {
    let (replayed, mut damages) = (verified(vault, opened)?, Damages::default());
    let bodies = bodies::compare(vault, &replayed.register, &replayed.books, &mut damages)?;
    match damages.first() {
        None => Ok((replayed.head().size, bodies)),
        Some(reason) => Err(Trouble::StoreDamaged { reason: reason.clone() }),
    }
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
    error.trouble()
}
