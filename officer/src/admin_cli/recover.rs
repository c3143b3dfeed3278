//! `recover`: what a stopped server asks the first officers to decide, shown and signed at an officer's own terminal.
//! Never asks the server: it is stopped. Never signs what is not this site's, nor an era that this terminal has seen.

mod head;
mod plan_words;

use super::online::{Place, open_offline};
use super::trouble::Trouble;
use crate::clock;
use crate::files::{Readers, read_text, shown, write_new};
use clap::{Args, Subcommand};
use console::{DETAILS_RU, Exit, HelpTable, Lang, PassphraseFd, Voice, clean, when};
use journal::act::{Act, KeptPasswords};
use journal::checkpoint::SignedCheckpoint;
use journal::ids::LogId;
use journal::statement::{SignedStatement, Statement};
use link::terminal::TerminalError;
use plan_words::text;
use protocol::succession::{FILE_BYTES_MAX, FirstOfficers, Plan, signature_text};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Decide about entries that a server has lost: show and sign its plan. The server is stopped; nobody is asked.
#[derive(Subcommand)]
pub(super) enum Recover {
    Show(Show),
    Sign(Sign),
    Head(head::Head),
}

/// Show what a plan keeps and gives up, and whom the site's genesis names to sign it.
#[derive(Args)]
#[command(after_help = "Example: conclave-admin recover show succession.plan")]
pub(super) struct Show {
    /// The plan that `conclaved recover --accept-loss` wrote.
    plan: PathBuf,
    #[command(flatten)]
    place: Place,
}

/// Sign a plan with your credential: you decide that what it gives up is lost.
#[derive(Args)]
#[command(after_help = "Example: conclave-admin recover sign succession.plan --out olga.signature --yes")]
pub(super) struct Sign {
    /// The plan that `conclaved recover --accept-loss` wrote.
    plan: PathBuf,
    /// Where the signature is written to.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Not only show it: sign.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    passphrase: PassphraseFd,
}

pub(super) use head::HELP as HEAD_HELP;

pub(super) const HELP: &HelpTable = &[
    (
        "recover/@about",
        "Решение об утраченных записях: показать и подписать план. Сервер остановлен, его не спрашивают.",
    ),
    (
        "recover show/@about",
        "Показать, что план сохраняет, что признаёт утраченным и кто должен его подписать.",
    ),
    ("recover show/@after", "Пример: conclave-admin recover show succession.plan"),
    ("recover show/plan", "план, записанный `conclaved recover --accept-loss`"),
    ("recover sign/@about", "Подписать план своими ключами: вы решаете, что всё остальное утрачено."),
    ("recover sign/@after", "Пример: conclave-admin recover sign succession.plan --out olga.signature --yes"),
    ("recover sign/plan", "план, записанный `conclaved recover --accept-loss`"),
    ("recover sign/out", "куда записать подпись"),
    ("recover sign/yes", "не только показать, но и подписать"),
];

console::words! {
    enum Said {
        Plan { text: String } => en("{text}"), ru("{text}");
        Look { text: String }
            => en("{text}\nNothing was signed yet: the same with --yes signs it."),
               ru("{text}\nПока ничего не подписано: подпишет та же команда с --yes.");
        Signed { text: String, out: String }
            => en("{text}\nsigned; the signature is in {out}: take it to the server"),
               ru("{text}\nподписано; подпись — в {out}: отнесите её на сервер");
    }
}

#[derive(Serialize)]
struct Data {
    log: String,
    era: u32,
    kept: u64,
    known: u64,
    bodies_lost: bool,
    bodies_missing: u64,
    /// First and last index of each range of entries of whose bodies some are given up.
    given_up: Vec<[u64; 2]>,
    period_key_lost: bool,
    passwords: &'static str,
    cell_let_go: bool,
    cells: Vec<String>,
    signers: Vec<String>,
    needed: usize,
    signed: Option<PathBuf>,
}

fn bad(what: &'static str, path: &Path, error: &dyn std::fmt::Display) -> Trouble {
    Trouble::say(
        Exit::No,
        what,
        format!("{}: {error}", shown(path)),
        format!("{}: план не годится ({DETAILS_RU})", shown(path)),
    )
}

/// A plan, and the first officers of the site whose card lies here.
fn read(path: &Path, place: &Place) -> Result<(Plan, FirstOfficers, LogId), Trouble> {
    let log = LogId(place.home()?.card()?.log_id);
    let plan = Plan::from_text(&read_text(path, FILE_BYTES_MAX)?);
    let plan = plan.map_err(|error| bad("bad-plan", path, &error))?;
    let officers = plan.officers(log).map_err(|error| bad("other-site", path, &error))?;
    Ok((plan, officers, log))
}

impl Data {
    fn new(plan: &Plan, officers: &FirstOfficers, log: LogId, signed: Option<&Path>) -> Self {
        Self {
            log: log.to_string(),
            era: plan.act.era,
            kept: plan.act.kept.size,
            known: plan.act.known_size(),
            bodies_lost: plan.act.bodies_lost,
            bodies_missing: plan.act.bodies_missing,
            given_up: plan.act.given_up.iter().map(|range| [range.first, range.last]).collect(),
            period_key_lost: plan.act.period_key_lost,
            passwords: match plan.act.passwords {
                KeptPasswords::InForce => "in-force",
                KeptPasswords::Others => "others",
                KeptPasswords::Lost => "lost",
            },
            cell_let_go: plan.act.cell_let_go,
            cells: plan.act.cells.iter().map(ToString::to_string).collect(),
            signers: officers.logins().map(clean).collect(),
            needed: officers.threshold(),
            signed: signed.map(Path::to_owned),
        }
    }
}

impl Recover {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Show(_) => "recover show",
            Self::Sign(_) => "recover sign",
            Self::Head(_) => "recover head",
        }
    }

    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        match self {
            Self::Show(it) => it.run(voice),
            Self::Sign(it) => it.run(voice),
            Self::Head(it) => it.run(voice),
        }
    }
}

impl Show {
    fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let (plan, officers, log) = read(&self.plan, &self.place)?;
        let text = text(&plan, &officers, voice.lang);
        Ok(voice.done("recover show", &Said::Plan { text }, Data::new(&plan, &officers, log, None)))
    }
}

impl Sign {
    fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let (plan, officers, log) = read(&self.plan, &self.place)?;
        let text = text(&plan, &officers, voice.lang);
        if !self.yes {
            let data = Data::new(&plan, &officers, log, None);
            return Ok(voice.done("recover sign", &Said::Look { text }, data));
        }
        let file = open_offline(&self.place, self.passphrase, voice.lang)?;
        let state = file.read_state().map_err(TerminalError::from)?;
        let checkpoint = state.as_ref().and_then(|state| state.checkpoint.as_deref());
        let seen = checkpoint.and_then(|note| SignedCheckpoint::parse(note.as_bytes()).ok());
        check_date(seen.as_ref(), &plan, clock::now_ms())?;
        check_own_past(seen.as_ref(), &plan)?;
        let keys = file.credential().current().map_err(TerminalError::from)?;
        let certificate = keys.signature_certificate();
        let person = certificate.person().unwrap_or(pki::PersonId(0));
        let header = plan.header(log, person, certificate.id()).ok_or_else(|| not_yours(voice.lang))?;
        let statement = Statement { header, act: Act::Succession(plan.act.clone()) };
        let signed = SignedStatement::sign(&statement, keys.signature());
        let (signed, _) = signed.map_err(|error| bad("key", &self.plan, &error))?;
        // By the very judgement that the server and every terminal make.
        officers.signer(&signed, &plan.act).map_err(|_| not_yours(voice.lang))?;
        write_new(&self.out, signature_text(signed).as_bytes(), Readers::Anyone)?;
        let out = shown(&self.out);
        let data = Data::new(&plan, &officers, log, Some(&self.out));
        Ok(voice.done("recover sign", &Said::Signed { text, out }, data))
    }
}

fn not_yours(_: Lang) -> Trouble {
    Trouble::say(
        Exit::NotAllowed,
        "not-a-first-officer",
        "the site's genesis does not name you as an officer, or your certificate is none by which you act as one",
        "при основании системы вы не названы офицером, или ваш сертификат не даёт права действовать как офицер",
    )
}

/// A signature under a plan of the future would serve whoever keeps it until then.
fn check_date(seen: Option<&SignedCheckpoint>, plan: &Plan, now_ms: u64) -> Result<(), Trouble> {
    let era_seen = seen.map_or(0, |seen| seen.claimed().origin.era);
    if !plan.act.is_ahead_of(now_ms, era_seen) {
        return Ok(());
    }
    let (made, era) = (when::minute(plan.act.time_ms), plan.act.era);
    Err(Trouble::say(
        Exit::No,
        "plan-of-the-future",
        format!(
            "the plan is of {made} and begins era {era}: by this terminal's clock that lies ahead. Compare the dates of both \
             machines, and have it made anew without --era. Do not sign it as it is"
        ),
        format!(
            "план от {made} начинает эру {era}: по часам этого терминала это в будущем. Сверьте дату на обеих машинах и \
             составьте план заново без --era. Не подписывайте его таким"
        ),
    ))
}

/// What this terminal has seen itself weighs more than the plan.
fn check_own_past(seen: Option<&SignedCheckpoint>, plan: &Plan) -> Result<(), Trouble> {
    let Some(seen) = seen else { return Ok(()) };
    let (era, head) = (seen.claimed().origin.era, seen.claimed().head);
    if era >= plan.act.era {
        return Err(Trouble::say(
            Exit::No,
            "era-not-later",
            format!(
                "this terminal has seen era {era} already: the plan must say a later one (--era {})",
                era + 1
            ),
            format!(
                "этот терминал уже видел эру {era}: в плане должна быть более поздняя (--era {})",
                era + 1
            ),
        ));
    }
    if head.size == plan.act.kept.size && head.root != plan.act.kept.root {
        return Err(Trouble::say(
            Exit::Diverged,
            "other-past",
            "this terminal knows other entries than the plan keeps: this is another past, not a loss. Do not sign",
            "этот терминал знает не те записи, что сохраняет план: это другое прошлое, а не потеря. Не подписывайте",
        ));
    }
    if head.size > plan.act.known_size() {
        return Err(Trouble::say(
            Exit::No,
            "more-is-known",
            format!(
                "this terminal has seen {} entries, the plan knows of {}: make it anew with this terminal's head: \
                 `conclave-admin recover head > FILE` here, --head FILE there",
                head.size,
                plan.act.known_size()
            ),
            format!(
                "этот терминал видел записей: {}, план знает о {}: составьте его заново с вершиной этого терминала: \
                 здесь `conclave-admin recover head > ФАЙЛ`, там --head ФАЙЛ",
                head.size,
                plan.act.known_size()
            ),
        ));
    }
    Ok(())
}
