//! `conclaved log succeed`: what this log continues, by decision of its first officers and before anybody has logged in.
//! Never by itself: without a plan that enough of them have signed it only looks and writes the plan.

use super::said::{ContinuedData, Said, plan_text};
use super::{bad_file, file_trouble, read_text, refused};
use crate::clock;
use crate::command::{open_trouble, read_config, store_trouble};
use crate::config::Config;
use crate::keys::ServerKeys;
use crate::log::Log;
use crate::own::OwnPair;
use crate::pacing::Pacing;
use crate::randomness::PooledRng;
use crate::recovery::{self, RecoveryError, Replayed};
use crate::store::{self, OpenStore, Rehearsed};
use crate::words::{Reason, Trouble};
use crate::writer::{Room, Writer};
use console::{Exit, Voice};
use journal::entry::{Content, Entry};
use journal::ids::LogId;
use journal::register::Register;
use journal::statement::SignedStatement;
use minicbor::bytes::ByteVec;
use pki::durable_file::{self, UMASK};
use protocol::continuation::{BadContinuation, Closing, Continuation, ContinuationPlan};
use protocol::engine::taking::{self, AtRest};
use protocol::succession::{CERTIFICATES_MAX, signature_from_text};
use std::path::{Path, PathBuf};
use vault::Vault;

/// Name the log that this one continues: at the new server, before anybody logs in, by decision of its first officers.
///
/// Without --plan nothing is changed: the closing is verified, the plan is written, and `conclave-admin log sign` signs it at
/// the officers' terminals.
#[derive(clap::Args)]
#[command(
    after_help = "Example: conclaved log succeed --config /etc/conclave/conclaved.toml --closing old.closing --out continuation.plan"
)]
pub(in crate::command) struct Succeed {
    /// The new server's configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The proof that `conclaved log closing` took out at the old server.
    #[arg(long, value_name = "FILE", required_unless_present = "plan", conflicts_with = "plan")]
    closing: Option<PathBuf>,
    /// Where the plan is written to; without it the plan is only shown.
    #[arg(long, value_name = "FILE", conflicts_with = "plan")]
    out: Option<PathBuf>,
    /// The plan that the officers have signed: it is carried out.
    #[arg(long, value_name = "FILE", requires = "acts")]
    plan: Option<PathBuf>,
    /// An officer's signature, once for each.
    #[arg(long, value_name = "FILE", requires = "plan")]
    acts: Vec<PathBuf>,
}

impl Succeed {
    pub(super) fn run(self, voice: Voice) -> Result<Exit, Trouble> {
        let config = read_config(&self.config)?;
        let keys = ServerKeys::load(&config.state_dir);
        let keys = keys.map_err(|error| Trouble::Keys { reason: error.reason() })?;
        match (&self.plan, &self.closing) {
            (Some(path), _) => {
                let plan = ContinuationPlan::from_text(&read_text(path)?);
                let plan = plan.map_err(|error| bad_file(path, &error))?;
                let signed = self.acts.iter().map(|path| {
                    signature_from_text(&read_text(path)?).map_err(|error| bad_file(path, &error.into()))
                });
                carry_out(&config, &keys, &plan, signed.collect::<Result<_, _>>()?, voice)
            }
            (None, Some(path)) => {
                let closing =
                    Closing::from_text(&read_text(path)?).map_err(|error| bad_file(path, &error))?;
                plan(&config, &keys, closing, self.out.as_deref(), voice)
            }
            (None, None) => Err(Trouble::Config { reason: Reason::new("no --closing", "нет --closing") }),
        }
    }
}

/// Looks, under glass, as far as carrying out would go; writes nothing but the plan, and that only where it was said where to.
fn plan(
    config: &Config,
    keys: &ServerKeys,
    closing: Closing,
    out: Option<&Path>,
    voice: Voice,
) -> Result<Exit, Trouble> {
    if let Some(out) = out.filter(|out| out.exists()) {
        return Err(Trouble::FileExists { path: out.display().to_string() });
    }
    let rehearsed = store::rehearse(&config.store).map_err(|error| open_trouble(&config.store, error))?;
    let Rehearsed { vault, opened, .. } = rehearsed;
    if vault.journal().0 == 0 {
        return Err(Trouble::StoreEmpty { path: config.store.path.display().to_string() });
    }
    let Replayed { register, .. } = recovery::replay(&vault, &opened).map_err(RecoveryError::trouble)?;
    check_own(&register, keys)?;
    let plan = ContinuationPlan::new(genesis(&vault)?, certificates(&register), closing);
    let found = plan.check(register.log_id()).map_err(|error| refused(&error))?;
    if let Some(index) = done(&register, &found) {
        let text = Said::Continued { log: found.old.continues.log.to_string(), index };
        return Ok(voice.done("log succeed", &text, ContinuedData::new(&found, None, Some(index))));
    }
    check_unused(&register)?;
    let text = plan_text(&register, &found, voice.lang);
    let data = ContinuedData::new(&found, out, None);
    let Some(out) = out else {
        return Ok(voice.verdict("log succeed", Exit::No, "plan", &Said::Shown { text }, data));
    };
    durable_file::create(out, plan.to_text().as_bytes(), UMASK).map_err(|error| file_trouble(out, error))?;
    let words = Said::Planned { text, out: out.display().to_string() };
    Ok(voice.done("log succeed", &words, data))
}

fn carry_out(
    config: &Config,
    keys: &ServerKeys,
    plan: &ContinuationPlan,
    signed: Vec<SignedStatement>,
    voice: Voice,
) -> Result<Exit, Trouble> {
    let opened = store::open(&config.store).map_err(|error| open_trouble(&config.store, error))?;
    let OpenStore { vault, opened, bytes, .. } = opened;
    let replayed = recovery::replay(&vault, &opened).map_err(RecoveryError::trouble)?;
    let Replayed { register, tree, books, positions, rows, .. } = replayed;
    check_own(&register, keys)?;
    let found = plan.check(register.log_id()).map_err(|error| refused(&error))?;
    let log = found.old.continues.log;
    let said = |index: u64| (Said::Continued { log: log.to_string(), index }, Some(index));
    // A crash behind the commit: all of it stands, and the same command says so.
    if let Some(index) = done(&register, &found) {
        let (words, index) = said(index);
        return Ok(voice.done("log succeed", &words, ContinuedData::new(&found, None, index)));
    }
    check_unused(&register)?;
    let system = |error: &dyn std::fmt::Display| Trouble::System { reason: error.to_string() };
    let now = clock::now().map_err(|error| system(&error))?;
    let enough = found.signers(&signed, now.wall_ms);
    enough.map_err(|error| refused(&BadContinuation::from(error)))?;
    let period = recovery::period_key(&vault, &register).map_err(RecoveryError::trouble)?;
    let verifiers = recovery::verifiers(&vault, &register).map_err(RecoveryError::trouble)?;
    let frontier = tree.frontier_at(tree.size()).map_err(|error| system(&error))?;
    let state = AtRest { register, tree, books };
    let taken = taking::take_continues(now, state, signed, (&keys.identity, &period));
    let (batch, register) = taken.map_err(|error| {
        let trouble = Trouble::not_taken(error);
        if let Trouble::Bundle { reason } = trouble { Trouble::Continuation { reason } } else { trouble }
    })?;
    // As with all that is taken in at the console: a wrong date would stay in the log.
    OwnPair::find(&register, keys, now.wall_ms)
        .map_err(|missing| Trouble::Keys { reason: missing.reason() })?;
    let index = done(&register, &found).ok_or_else(|| system(&"the log did not take it in"))?;
    let rng = PooledRng::new().map_err(|error| store_trouble(vault::Error::from(error).into()))?;
    let (log, room) = (Log::new(config.log_level), Room::of(&vault, bytes));
    let pacing = Pacing::alone(log);
    let mut writer = Writer { vault, frontier, positions, rows, verifiers, rng, room, pacing, log };
    // A crash before it returns: nothing was said, and the same command says it.
    writer.commit(&batch).map_err(|error| Trouble::StoreIo { reason: error.to_string().into() })?;
    let (words, index) = said(index);
    Ok(voice.done("log succeed", &words, ContinuedData::new(&found, None, index)))
}

/// The entry with which enough officers had said this very thing.
fn done(register: &Register, found: &Continuation) -> Option<u64> {
    let row = register.continues().filter(|row| row.act == found.old.continues)?;
    row.since
}

fn check_own(register: &Register, keys: &ServerKeys) -> Result<(), Trouble> {
    match register.identity() == Some(&keys.identity_public()) {
        true => Ok(()),
        false => Err(Trouble::OtherIdentity),
    }
}

/// A log gets its past before it is in use, and one.
fn check_unused(register: &Register) -> Result<(), Trouble> {
    let other = register.continues().and_then(|row| row.since.map(|_| row.act.log));
    if let Some(LogId(other)) = other {
        return Err(Trouble::ContinuesOther { log: LogId(other).to_string() });
    }
    match register.people().any(|person| person.last_login.is_some()) {
        true => Err(Trouble::InUseAlready),
        false => Ok(()),
    }
}

fn genesis(vault: &Vault) -> Result<SignedStatement, Trouble> {
    let odd = || Trouble::StoreDamaged {
        reason: Reason::new("the genesis does not read", "начало журнала не читается"),
    };
    let first = vault.journal_entries(0).next().ok_or_else(odd)?;
    let bytes = first.map_err(|error| store_trouble(vault::Error::from(error).into()))?.bytes;
    match Entry::decode(&bytes).map_err(|_| odd())?.content {
        Content::Statement(statement) => Ok(statement),
        Content::Fact(_) => Err(odd()),
    }
}

/// Those by which the first officers sign.
fn certificates(register: &Register) -> Vec<ByteVec> {
    let persons = register.first_officers();
    let is_his = |row: &&journal::register::Certified| {
        row.key().is_some() && row.certificate().person().is_some_and(|id| persons.contains(&id))
    };
    let found = register.certificates().filter(is_his).take(CERTIFICATES_MAX);
    found.map(|row| row.certificate().der().to_vec().into()).collect()
}
