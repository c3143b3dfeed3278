//! What `conclaved log` says: which log goes on in which, and who decided it.
//! Never says more than was verified.

use console::{Lang, Words, clean, when};
use journal::register::Register;
use protocol::continuation::{ClosedLog, Continuation};
use serde::Serialize;
use std::path::{Path, PathBuf};

console::words! {
    pub(super) enum Said {
        /// After `log closing`.
        ClosingWritten { text: String, out: String }
            => en("{text}\nThe proof is in {out}: take it to the new server, and there, before anybody logs in:\n\
                   conclaved log succeed --config … --closing {out} --out continuation.plan\n\
                   This log stays: start its server again for as long as people read here"),
               ru("{text}\nСвидетельство — в {out}: отнесите его на новый сервер и там, до первого входа людей:\n\
                   conclaved log succeed --config … --closing {out} --out continuation.plan\n\
                   Этот журнал остаётся: снова запустите его сервер, пока люди в нём читают");
        /// Beside it, where the store does not give that key.
        PeriodKeyGone { number: u64 }
            => en("the key of period {number} does not open any more: the log's identity key alone signs the proof, which is enough"),
               ru("ключ периода {number} больше не открывается: свидетельство подписано одним ключом журнала, этого достаточно");
        /// A plan was made and shown; no file was written.
        Shown { text: String }
            => en("{text}\nNothing was changed, and no plan was written: the same command with --out continuation.plan writes it, to be signed"),
               ru("{text}\nНичего не изменено, и план не записан: его запишет для подписи та же команда с --out continuation.plan");
        /// A plan was written, and nothing else.
        Planned { text: String, out: String }
            => en("{text}\nNothing was changed. The plan is in {out}: `conclave-admin log sign {out} --out NAME.signature` at each officer's terminal, then\n\
                   conclaved log succeed --config … --plan {out} --acts SIGNATURE --acts SIGNATURE"),
               ru("{text}\nНичего не изменено. План — в {out}: `conclave-admin log sign {out} --out ИМЯ.signature` на терминале каждого офицера, затем\n\
                   conclaved log succeed --config … --plan {out} --acts ПОДПИСЬ --acts ПОДПИСЬ");
        /// It is in the journal.
        Continued { log: String, index: u64 }
            => en("this log continues the log {log}: #{index}; `conclaved run` starts the server"),
               ru("этот журнал продолжает журнал {log}: запись № {index}; сервер запускает `conclaved run`");
    }
}

console::words! {
    enum Line {
        Old { site: String, log: String, suite: &'static str }
            => en("the log of the site \"{site}\", {log} ({suite})"), ru("журнал системы «{site}», {log} ({suite})");
        Closed { at: String, index: u64, who: String }
            => en("was CLOSED {at}, #{index}, by {who}: both signatures hold"),
               ru("ЗАКРЫТ {at}, запись № {index}, решение приняли {who}: обе подписи верны");
        Head { size: u64 }
            => en("its newest head covers {size} entries, signed by its identity key"),
               ru("его новейшая вершина, подписанная ключом журнала, охватывает записей: {size}");
        Into { log: String, suite: &'static str }
            => en("into the log {log} ({suite})"), ru("его продолжает журнал {log} ({suite})");
        IntoThis => en("into the log of this server"), ru("его продолжает журнал этого сервера");
        Sign { needed: u64, who: String }
            => en("{needed} of these first officers of this log must sign: {who}"),
               ru("подписать должны {needed} из первых офицеров этого журнала: {who}");
    }
}

fn say(lines: &[Line], lang: Lang) -> String {
    lines.iter().map(|line| line.say(lang)).collect::<Vec<_>>().join("\n")
}

fn old(found: &ClosedLog) -> [Line; 3] {
    let act = &found.continues;
    let who =
        found.officers.iter().map(|(_, login)| format!("@{}", clean(login))).collect::<Vec<_>>().join(", ");
    [
        Line::Old { site: clean(&found.site), log: act.log.to_string(), suite: act.suite.name() },
        Line::Closed { at: when::minute(found.closed_ms), index: act.closed, who },
        Line::Head { size: act.head.size },
    ]
}

/// What a closing proves, for the person at the old server's console.
pub(super) fn closed_text(found: &ClosedLog, lang: Lang) -> String {
    let into = Line::Into { log: found.successor.log.to_string(), suite: found.successor.suite.name() };
    let mut lines = Vec::from(old(found));
    lines.insert(2, into);
    say(&lines, lang)
}

/// What a plan says, for the person at the new server's console.
pub(super) fn plan_text(register: &Register, found: &Continuation, lang: Lang) -> String {
    let persons = register.first_officers();
    let login = |id: &pki::PersonId| register.person(*id).map(|person| format!("@{}", clean(&person.login)));
    let who: Vec<String> = persons.iter().filter_map(login).collect();
    let needed = found.officers.threshold() as u64;
    let mut lines = Vec::from(old(&found.old));
    lines.insert(2, Line::IntoThis);
    lines.push(Line::Sign { needed, who: who.join(", ") });
    say(&lines, lang)
}

#[derive(Serialize)]
struct HeadData {
    size: u64,
    root: String,
}

/// A closed log.
#[derive(Serialize)]
pub(super) struct ClosedData {
    log: String,
    suite: &'static str,
    site: String,
    closed: u64,
    at: String,
    officers: Vec<String>,
    head: HeadData,
    successor: String,
    successor_suite: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<PathBuf>,
}

impl ClosedData {
    pub(super) fn new(found: &ClosedLog, out: Option<&Path>) -> Self {
        let act = &found.continues;
        let root = act.head.root.iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            log: act.log.to_string(),
            suite: act.suite.name(),
            site: found.site.clone(),
            closed: act.closed,
            at: when::rfc3339(found.closed_ms),
            officers: found.officers.iter().map(|(_, login)| login.clone()).collect(),
            head: HeadData { size: act.head.size, root },
            successor: found.successor.log.to_string(),
            successor_suite: found.successor.suite.name(),
            out: out.map(Path::to_owned),
        }
    }
}

/// A log that continues another one, or is to.
#[derive(Serialize)]
pub(super) struct ContinuedData {
    #[serde(flatten)]
    old: ClosedData,
    needed: usize,
    /// The entry from which on it holds; absent in a plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
}

impl ContinuedData {
    pub(super) fn new(found: &Continuation, out: Option<&Path>, index: Option<u64>) -> Self {
        Self { old: ClosedData::new(&found.old, out), needed: found.officers.threshold(), index }
    }
}
