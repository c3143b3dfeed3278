//! `log show|sign`: what a new log's first officers are asked to decide before it is in use, shown and signed at an officer's
//! own terminal: which log theirs continues.
//! Never asks a server, neither the old one nor the new one. Never signs what the old log's own officers and key do not prove.

use super::online::{Place, open_offline};
use super::trouble::Trouble;
use crate::clock;
use crate::files::{Readers, read_text, shown, write_new};
use clap::Args;
use console::{Exit, HelpTable, Lang, PassphraseFd, Voice, Words, clean, when};
use journal::ids::LogId;
use journal::statement::{SignedStatement, Statement};
use link::terminal::TerminalError;
use protocol::continuation::{BadContinuation, Continuation, ContinuationPlan, FILE_BYTES_MAX};
use protocol::succession::{BadSuccession, signature_text};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Show which log yours is to continue, what was verified of it, and who signs.
#[derive(Args)]
#[command(after_help = "Example: conclave-admin log show continuation.plan")]
pub(super) struct Show {
    /// The plan that `conclaved log succeed` wrote.
    plan: PathBuf,
    #[command(flatten)]
    place: Place,
}

/// Sign it with your credential of the new site: your log continues the one that was closed.
#[derive(Args)]
#[command(after_help = "Example: conclave-admin log sign continuation.plan --out olga.signature --yes")]
pub(super) struct Sign {
    /// The plan that `conclaved log succeed` wrote.
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

pub(super) const HELP: &HelpTable = &[
    ("log show/@about", "Показать, какой журнал продолжит ваш, что о нём проверено и кто подписывает."),
    ("log show/@after", "Пример: conclave-admin log show continuation.plan"),
    ("log show/plan", "план, записанный `conclaved log succeed`"),
    ("log sign/@about", "Подписать это своими ключами новой системы: ваш журнал продолжает закрытый."),
    ("log sign/@after", "Пример: conclave-admin log sign continuation.plan --out olga.signature --yes"),
    ("log sign/plan", "план, записанный `conclaved log succeed`"),
    ("log sign/out", "куда записать подпись"),
    ("log sign/yes", "не только показать, но и подписать"),
];

console::words! {
    enum Said {
        Plan { text: String } => en("{text}"), ru("{text}");
        Look { text: String }
            => en("{text}\nNothing was signed yet: the same with --yes signs it."),
               ru("{text}\nПока ничего не подписано: подпишет та же команда с --yes.");
        Signed { text: String, out: String }
            => en("{text}\nsigned; the signature is in {out}: take it to the new server"),
               ru("{text}\nподписано; подпись — в {out}: отнесите её на новый сервер");
        Closed { site: String, log: String, suite: &'static str, at: String, index: u64, who: String, size: u64 }
            => en("the log of the site \"{site}\", {log} ({suite}),\n\
                   was CLOSED {at}, #{index}, by {who}, into this site's log: both signatures hold\n\
                   its head covers {size} entries, signed by its identity key. Compare its log with the old site card, and its end with a\n\
                   checkpoint of a terminal of the old site"),
               ru("журнал системы «{site}», {log} ({suite}),\n\
                   ЗАКРЫТ {at}, запись № {index}, решение приняли {who}; его продолжает журнал этой системы: обе подписи верны\n\
                   его вершина, подписанная ключом журнала, охватывает записей: {size}. Сверьте журнал с картой прежней системы, а его конец —\n\
                   с контрольной точкой терминала прежней системы");
        Who { needed: u64, who: String }
            => en("by signing you say that your log continues it; {needed} of {who} must sign"),
               ru("подписывая, вы говорите, что ваш журнал его продолжает; подписать должны {needed} из: {who}");
        OtherLog { plan: String }
            => en("{plan}: this is no plan for the log that the site card here names. The card and keys of the new site lie in a\n\
                   directory of their own: --home DIR"),
               ru("{plan}: этот план не для журнала, названного здешней картой системы. Карта и ключи новой системы лежат в\n\
                   отдельном каталоге: --home КАТАЛОГ");
        NotYours
            => en("the site's genesis does not name you as an officer, or your certificate is none by which you act as one"),
               ru("при основании системы вы не названы офицером, или ваш сертификат не даёт права действовать как офицер");
    }
}

#[derive(Serialize)]
struct Data {
    log: String,
    continues: String,
    closed: u64,
    at: String,
    head: u64,
    officers: Vec<String>,
    signers: Vec<String>,
    needed: usize,
    signed: Option<PathBuf>,
}

impl Data {
    fn new(found: &Continuation, signed: Option<&Path>) -> Self {
        let old = &found.old;
        Self {
            log: old.successor.log.to_string(),
            continues: old.continues.log.to_string(),
            closed: old.continues.closed,
            at: when::rfc3339(old.closed_ms),
            head: old.continues.head.size,
            officers: old.officers.iter().map(|(_, login)| clean(login)).collect(),
            signers: found.officers.logins().map(clean).collect(),
            needed: found.officers.threshold(),
            signed: signed.map(Path::to_owned),
        }
    }
}

fn bad(path: &Path, error: &BadContinuation) -> Trouble {
    if matches!(error, BadContinuation::Succession(BadSuccession::Genesis)) {
        return Trouble::new(Exit::No, "other-log", &Said::OtherLog { plan: shown(path) });
    }
    let (en, ru) = (format!("{}: {error}", shown(path)), format!("{}: {}", shown(path), error.ru()));
    Trouble::say(Exit::No, "bad-plan", en, ru)
}

/// A plan, checked for the log on the site card that lies here.
fn read(path: &Path, place: &Place) -> Result<Continuation, Trouble> {
    let log = LogId(place.home()?.card()?.log_id);
    let plan = ContinuationPlan::from_text(&read_text(path, FILE_BYTES_MAX)?);
    let plan = plan.map_err(|error| bad(path, &error))?;
    plan.check(log).map_err(|error| bad(path, &error))
}

fn at_names<'a>(logins: impl Iterator<Item = &'a str>) -> String {
    logins.map(|login| format!("@{}", clean(login))).collect::<Vec<_>>().join(", ")
}

fn text(found: &Continuation, lang: Lang) -> String {
    let old = &found.old;
    let closed = Said::Closed {
        site: clean(&old.site),
        log: old.continues.log.to_string(),
        suite: old.continues.suite.name(),
        at: when::minute(old.closed_ms),
        index: old.continues.closed,
        who: at_names(old.officers.iter().map(|(_, login)| login.as_str())),
        size: old.continues.head.size,
    };
    let needed = found.officers.threshold() as u64;
    let who = Said::Who { needed, who: at_names(found.officers.logins()) };
    format!("{}\n{}", closed.say(lang), who.say(lang))
}

impl Show {
    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let found = read(&self.plan, &self.place)?;
        let text = text(&found, voice.lang);
        Ok(voice.done("log show", &Said::Plan { text }, Data::new(&found, None)))
    }
}

impl Sign {
    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let found = read(&self.plan, &self.place)?;
        let text = text(&found, voice.lang);
        if !self.yes {
            return Ok(voice.done("log sign", &Said::Look { text }, Data::new(&found, None)));
        }
        let file = open_offline(&self.place, self.passphrase, voice.lang)?;
        let keys = file.credential().current().map_err(TerminalError::from)?;
        let certificate = keys.signature_certificate();
        let person = certificate.person().unwrap_or(pki::PersonId(0));
        let statement = Statement { header: found.header(person, certificate.id()), act: found.act() };
        let (signed, _) = SignedStatement::sign(&statement, keys.signature()).map_err(|_| not_yours())?;
        // By the very judgement that the server makes.
        found.signer(&signed, clock::now_ms()).map_err(|_| not_yours())?;
        write_new(&self.out, signature_text(signed).as_bytes(), Readers::Anyone)?;
        let out = shown(&self.out);
        let data = Data::new(&found, Some(&self.out));
        Ok(voice.done("log sign", &Said::Signed { text, out }, data))
    }
}

fn not_yours() -> Trouble {
    Trouble::new(Exit::NotAllowed, "not-a-first-officer", &Said::NotYours)
}
