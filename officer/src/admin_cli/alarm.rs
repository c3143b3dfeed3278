//! `alarm list|ack|close`: what was raised and is open (alarms of the server, reports of members, findings of auditors), who
//! has seen it, and what came of it.
//! Never closes what was not acknowledged, nor anything of one's own: the Register refuses. What is open is the server's word;
//! what was raised, by whom and when, is proven by the entry; of a message that it names, author and conversation are the
//! server's word, since officers see no entry of it.

use super::alarm_entries::{entries as entries_at, raised_by, signer};
use super::alarm_past::{Past, PastJson};
use super::alarms::{heading, number as number_of};
use super::decide::{Decided, Decision};
use super::names::{Names, Text};
use super::online::{Access, For, Online, session};
use super::proposals::number;
use super::trouble::Trouble;
use clap::{Args, Subcommand, ValueEnum};
use console::when::{minute, rfc3339};
use console::{Exit, HelpTable, Lang, Voice};
use journal::Index;
use journal::act::{Act, AlarmAcknowledge, AlarmClose, CloseOutcome};
use journal::register::{Raised, RaisedRow};
use link::terminal::{outcome_words, raised_words};
use protocol::answer::{Answer, RaisedMessage, RaisedRecord};
use protocol::client::{Command, Reply};
use protocol::query::Query;
use serde::Serialize;
use std::collections::BTreeSet;

/// What was raised: alarms, reports and findings, until an officer closes them.
#[derive(Subcommand)]
pub(super) enum Alarm {
    /// List what is open, oldest first; with --closed also what was closed, with --disclosed what members gave away.
    #[command(
        after_help = "Example: conclave-admin alarm list\nExample: conclave-admin alarm list --closed --disclosed"
    )]
    List(List),
    /// Acknowledge: you have seen it, and the others see that you have.
    #[command(after_help = "Example: conclave-admin alarm ack 1234")]
    Ack(Ack),
    /// Close what was acknowledged. Whoever raised it, or whom it is about, cannot.
    #[command(after_help = "Example: conclave-admin alarm close 1234 --outcome mended")]
    Close(Close),
}

#[derive(Args)]
pub(super) struct List {
    /// Also what was closed, with its outcome.
    #[arg(long)]
    closed: bool,
    /// Also which messages members disclosed to somebody outside.
    #[arg(long)]
    disclosed: bool,
    #[command(flatten)]
    access: Access,
}

#[derive(Args)]
pub(super) struct Ack {
    /// The number under which it is listed, or was told last: #index.
    #[arg(value_name = "#N", value_parser = number)]
    raised: Index,
    #[command(flatten)]
    access: Access,
}

#[derive(Args)]
pub(super) struct Close {
    /// The number under which it is listed, or was told last: #index.
    #[arg(value_name = "#N", value_parser = number)]
    raised: Index,
    /// What came of it.
    #[arg(long, value_name = "OUTCOME")]
    outcome: Outcome,
    #[command(flatten)]
    decision: Decision,
    #[command(flatten)]
    access: Access,
}

#[derive(Clone, Copy, ValueEnum)]
enum Outcome {
    Mended,
    False,
    Accepted,
    Other,
}

impl Outcome {
    fn act(self) -> CloseOutcome {
        match self {
            Self::Mended => CloseOutcome::Mended,
            Self::False => CloseOutcome::False,
            Self::Accepted => CloseOutcome::Accepted,
            Self::Other => CloseOutcome::Other,
        }
    }
}

pub(super) const HELP: &HelpTable = &[
    ("alarm/@about", "Тревоги, заявления и замечания, пока офицер их не закроет."),
    (
        "alarm list/@about",
        "Перечислить открытое, начиная с самого старого; с --closed и закрытое, с --disclosed и раскрытое посторонним.",
    ),
    (
        "alarm list/@after",
        "Пример: conclave-admin alarm list\nПример: conclave-admin alarm list --closed --disclosed",
    ),
    ("alarm list/closed", "и то, что закрыто, с исходом"),
    ("alarm list/disclosed", "и то, какие сообщения участники раскрыли посторонним"),
    ("alarm ack/@about", "Подтвердить, что вы это видели; другие офицеры узнают об этом."),
    ("alarm ack/@after", "Пример: conclave-admin alarm ack 1234"),
    ("alarm ack/raised", "номер, под которым оно значится или о нём сообщалось последним: #номер"),
    ("alarm close/@about", "Закрыть подтверждённое. Кто это поднял или кого это касается, закрыть не может."),
    ("alarm close/@after", "Пример: conclave-admin alarm close 1234 --outcome mended"),
    ("alarm close/raised", "номер, под которым оно значится или о нём сообщалось последним: #номер"),
    (
        "alarm close/outcome",
        "чем кончилось: mended — исправлено, false — не подтвердилось, accepted — принято как есть, other — иное",
    ),
];

console::words! {
    enum Said {
        Acknowledged { raised: u64, index: u64 }
            => en("acknowledged #{raised}: #{index}\nClose it when it is settled: conclave-admin alarm close {raised} --outcome OUTCOME"),
               ru("подтверждено № {raised}: запись № {index}\nКогда уладится, закройте: conclave-admin alarm close {raised} --outcome ИСХОД");
        Closed { raised: u64, index: u64 }
            => en("closed #{raised}: #{index}"), ru("закрыто № {raised}: запись № {index}");
        Plan { what: String, outcome_en: &'static str, outcome_ru: &'static str }
            => en("to be closed ({outcome_en}); the journal keeps that you did:\n{what}"),
               ru("закрывается ({outcome_ru}); журнал сохранит, что закрыли вы:\n{what}");
        NotOpen { raised: u64 }
            => en("nothing is open under #{raised}: conclave-admin alarm list"),
               ru("под № {raised} ничего не открыто: conclave-admin alarm list");
    }
}

#[derive(Serialize)]
struct Data {
    index: Option<u64>,
    raised: u64,
}

#[derive(Serialize)]
struct Listed {
    open: Vec<OpenJson>,
    #[serde(flatten)]
    past: PastJson,
}

#[derive(Serialize)]
struct OpenJson {
    raised: u64,
    at: String,
    what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<String>,
    /// The number of the conversation of the message that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    last: u64,
    times: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledged: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledged_by: Option<String>,
}

/// What is open, with the entry that raised it first.
pub(super) struct Row {
    raised: Index,
    wall_ms: u64,
    row: RaisedRow,
    message: Option<RaisedMessage>,
}

impl Alarm {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::List(_) => "alarm list",
            Self::Ack(_) => "alarm ack",
            Self::Close(_) => "alarm close",
        }
    }

    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        match self {
            Self::List(it) => it.run(voice),
            Self::Ack(it) => it.run(voice),
            Self::Close(it) => it.run(voice),
        }
    }
}

impl List {
    fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let (rows, past, names) = session(&self.access, voice, For::Officers, |online| {
            let rows = open(online)?;
            let past = if self.closed || self.disclosed { Past::ask(online)? } else { Past::default() };
            Ok((rows, past, Names::fetch(online, voice.lang)?))
        })?;
        let mut out: String = rows.iter().map(|row| line(row, &names, voice.lang)).collect();
        if rows.is_empty() {
            out.push_str(voice.lang.pick("nothing is open\n", "открытого нет\n"));
        }
        out.push_str(&past.text(self.closed, self.disclosed, &names, voice.lang));
        let data = Listed {
            open: rows.iter().map(|row| json(row, &names)).collect(),
            past: past.json(self.closed, self.disclosed, &names),
        };
        Ok(voice.done("alarm list", &Text(out.trim_end().to_owned()), data))
    }
}

impl Ack {
    fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let (raised, index) = session(&self.access, voice, For::Officers, |online| {
            let raised = find(online, self.raised)?.raised;
            Ok((raised, online.act(Act::AlarmAcknowledge(AlarmAcknowledge { raised }))?.index))
        })?;
        let data = Data { index: Some(index), raised };
        Ok(voice.done("alarm ack", &Said::Acknowledged { raised, index }, data))
    }
}

impl Close {
    fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let outcome = self.outcome.act();
        let (said, raised, index) = session(&self.access, voice, For::Officers, |online| {
            let row = find(online, self.raised)?;
            let raised = row.raised;
            let names = Names::fetch(online, voice.lang)?;
            let (_, outcome_en, outcome_ru) = outcome_words(outcome);
            let what = line(&row, &names, voice.lang).trim_end().to_owned();
            let plan = Said::Plan { what, outcome_en, outcome_ru };
            match self.decision.ask(online, voice, &plan)? {
                Decided::PlanOnly => Ok((plan, raised, None)),
                Decided::Yes => {
                    let index = online.act(Act::AlarmClose(AlarmClose { raised, outcome }))?.index;
                    Ok((Said::Closed { raised, index }, raised, Some(index)))
                }
            }
        })?;
        Ok(voice.done("alarm close", &said, Data { index, raised }))
    }
}

/// What is open under this number: the entry that raised it, or the last one that says it again, which is what is told.
fn find(online: &mut Online, named: Index) -> Result<Row, Trouble> {
    let mut rows = open(online)?;
    let found = place(&rows, named);
    let none = || Trouble::new(Exit::No, "no-such-alarm", &Said::NotOpen { raised: named });
    found.map(|at| rows.swap_remove(at)).ok_or_else(none)
}

fn place(rows: &[Row], named: Index) -> Option<usize> {
    let raised = rows.iter().position(|row| row.raised == named);
    raised.or_else(|| rows.iter().position(|row| row.row.last == named))
}

/// Whether what was told of under this number is still open.
pub(super) fn is_open(rows: &[Row], what: Raised, index: Index) -> bool {
    rows.iter().any(|row| {
        let is_folded = matches!(row.row.what, Raised::Alarm(_, None, None));
        let alike = row.row.what == what || is_folded && same_kind(row.row.what, what);
        alike && (row.raised..=row.row.last).contains(&index)
    })
}

/// What is open, each by the entry that raised it: one that says something else is not shown.
pub(super) fn open(online: &mut Online) -> Result<Vec<Row>, Trouble> {
    let Reply::Answer(answer) = online.run(Command::Ask(Query::Raised))? else {
        return Err(Trouble::odd_answer());
    };
    let Answer::Raised(records) = *answer else { return Err(Trouble::odd_answer()) };
    let wanted: BTreeSet<Index> = records.iter().map(|record| record.raised).collect();
    let entries = entries_at(online, &wanted.into_iter().collect::<Vec<_>>())?;
    // A finding names no person: whose its entry is, that entry says, where officers may read it.
    let named: BTreeSet<Index> = records.iter().filter_map(|record| about_entry(record.row.what)).collect();
    let named_entries = entries_at(online, &named.into_iter().collect::<Vec<_>>())?;
    let row = |mut record: RaisedRecord| {
        let whose = || named_entries.get(&about_entry(record.row.what)?).and_then(signer);
        let author = record.message.map(|message| message.author);
        record.row.about = record.row.about.or_else(whose).or(author);
        let (wall_ms, what, by) = entries.get(&record.raised).and_then(raised_by)?;
        let folded = matches!(record.row.what, Raised::Alarm(_, None, None));
        let fits =
            by == record.row.by && (what == record.row.what || folded && same_kind(what, record.row.what));
        // An alarm is about no message.
        let fits = fits && !(record.message.is_some() && matches!(what, Raised::Alarm(..)));
        fits.then_some(Row { raised: record.raised, wall_ms, row: record.row, message: record.message })
    };
    records.into_iter().map(|record| row(record).ok_or_else(Trouble::odd_answer)).collect()
}

/// The entry that a finding is about.
fn about_entry(what: Raised) -> Option<Index> {
    match what {
        Raised::Finding(_, _, entry) => Some(entry),
        Raised::Alarm(..) | Raised::Report(..) => None,
    }
}

fn same_kind(one: Raised, other: Raised) -> bool {
    matches!((one, other), (Raised::Alarm(one, ..), Raised::Alarm(other, ..)) if one == other)
}

fn line(row: &Row, names: &Names, lang: Lang) -> String {
    let Row { raised, wall_ms, row, message } = row;
    let (words, at) = (raised_words(row.what), minute(*wall_ms));
    let who = row.by.or(row.about).map_or(String::new(), |person| format!(": {}", names.full(person)));
    let about = match (message, row.what, row.about) {
        (Some(RaisedMessage { author, conversation }), ..) => {
            let whom = names.full(*author);
            lang.pick(
                format!("; message of {whom}, conversation #{conversation}"),
                format!("; сообщение: {whom}, беседа № {conversation}"),
            )
        }
        (None, Raised::Finding(..), Some(person)) => {
            let whom = names.full(person);
            lang.pick(format!("; about {whom}"), format!("; о ком: {whom}"))
        }
        (None, Raised::Finding(..) | Raised::Alarm(..) | Raised::Report(..), _) => String::new(),
    };
    let again = match row.times {
        0 | 1 => String::new(),
        times => lang.pick(
            format!(" ({times} times, last #{})", row.last),
            format!(" (раз: {times}, последняя № {})", row.last),
        ),
    };
    let state = match &row.acknowledged {
        None => lang.pick("open, nobody has acknowledged it", "открыто, никто не подтвердил").to_owned(),
        Some(seen) => {
            let (who, index) = (names.full(seen.person), seen.index);
            lang.pick(
                format!("open, acknowledged by {who}, #{index}"),
                format!("открыто, подтверждено: {who}, № {index}"),
            )
        }
    };
    let what = lang.pick(words.en, words.ru);
    format!("#{raised}  {at}  {}: {what}{who}{about}{again}\n    {state}\n", heading(row.what, lang))
}

fn json(row: &Row, names: &Names) -> OpenJson {
    let Row { raised, wall_ms, row, message } = row;
    OpenJson {
        raised: *raised,
        at: rfc3339(*wall_ms),
        what: raised_words(row.what).name,
        by: row.by.map(|person| names.login(person)),
        about: row.about.map(|person| names.login(person)),
        conversation: message.map(|message| message.conversation),
        number: number_of(row.what),
        last: row.last,
        times: row.times,
        acknowledged: row.acknowledged.map(|seen| seen.index),
        acknowledged_by: row.acknowledged.map(|seen| names.login(seen.person)),
    }
}

#[cfg(test)]
#[path = "alarm_tests.rs"]
mod tests;
