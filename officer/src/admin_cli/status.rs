//! `status`: how the server does. The checkpoint is verified; the figures are the server's word and are named so.
//! Never changes anything.

use super::alarms::{self, Alarm};
use super::cell::cells;
use super::cell_words::{Cells, cell};
use super::closed::closed_line;
use super::names::Names;
use super::online::{Access, For, Online, session};
use super::succession::{Succession, succession_lines};
use super::trouble::Trouble;
use clap::Args;
use console::when::{bytes, duration, minute, rfc3339};
use console::{Exit, HelpTable, Lang, Voice};
use journal::checkpoint::SignedCheckpoint;
use link::terminal::ClosedRow;
use protocol::answer::{StatusRecord, WitnessRecord};
use protocol::client::event::{ClosedView, SuccessionView};
use protocol::client::{Command, Reply};
use protocol::copy::BackupRecord;
use protocol::erasing::ErasureWait;
use protocol::query::Query;
use serde::Serialize;

/// Show how the server does: journal, sessions, people, erasures under way, room on the device.
#[derive(Args)]
#[command(after_help = "Example: conclave-admin status")]
pub(super) struct Status {
    #[command(flatten)]
    access: Access,
}

pub(super) const HELP: &HelpTable = &[
    (
        "status/@about",
        "Показать состояние сервера: журнал, сеансы, люди, незавершённые стирания, место на носителе.",
    ),
    ("status/@after", "Пример: conclave-admin status"),
];

/// From here on people are told that the journal's time is ahead of the clock, milliseconds.
const CLOCK_AHEAD_TOLD_MS: u64 = 1000;

console::words! {
    enum Said {
        Status {
            entries: u64, root: String, grown: u64, up: String, sessions: u64, people: u64, conversations: u64,
            messages: u64, period: u64, since: String, ahead: String, erasing: u64, waits: String, epoch: u64, used: String, device: String, reserved: String, left: String, full: String,
            cell: String, cells: String, backup: String, witness: String, successions: String, closed: String
        }
            => en("journal:       {entries} entries, verified; {grown} more than this terminal had seen\nroot:          {root}\n\
                   The server says:\nrunning:       {up}\nsessions:      {sessions}\npeople:        {people}\n\
                   conversations: {conversations}\nmessages:      {messages}, erased ones included\n\
                   log period:    {period}, since {since}{ahead}\n\
                   erasures:      {erasing} under way{waits}; epoch {epoch}\ndevice:        {used} of {device} in use, {reserved} more for files under way; {left} left for files{full}\n\
                   root cell:     {cell}; {cells}\nbackup:        {backup}{witness}{successions}{closed}"),
               ru("журнал:      записей {entries}, проверено; новых для этого терминала: {grown}\nкорень:      {root}\n\
                   По словам сервера:\nработает:    {up}\nсеансы:      {sessions}\nлюди:        {people}\n\
                   беседы:      {conversations}\nсообщения:   {messages}, включая стёртые\n\
                   период:      {period}, с {since}{ahead}\n\
                   стирания:    не завершено {erasing}{waits}; эпоха {epoch}\nноситель:    занято {used} из {device}, ещё {reserved} под файлы в пути; для файлов осталось {left}{full}\n\
                   ячейка:      {cell}; {cells}\nкопия:       {backup}{witness}{successions}{closed}");
    }
}

#[derive(Serialize)]
struct Data {
    entries: u64,
    root: String,
    up_ms: u64,
    sessions: u64,
    people: u64,
    conversations: u64,
    messages: u64,
    /// The log has a key of its own for each day of UTC.
    period: u64,
    period_since_ms: u64,
    /// How far the journal's time is ahead of the server's clock.
    clock_ahead_ms: u64,
    erasing: u64,
    /// `pace`, `cell`, `backup` or `room`; empty when nothing waits.
    erasing_waits_for: &'static str,
    erased_in_seconds: u64,
    erasure_epoch: u64,
    used_bytes: u64,
    device_bytes: u64,
    reserved_bytes: u64,
    left_for_files: u64,
    takes_messages: bool,
    /// What witnesses cosigned last while the server runs: entries, and when.
    witness: Option<Witnessed>,
    cell: &'static str,
    /// Root cells that the store has, and those of them that are away.
    cells: usize,
    cells_absent: usize,
    /// The newest backup, where there is one.
    backup: Option<Newest>,
    /// Alarms that nobody was shown at this terminal before; a script marks none as shown. A person has read them above.
    alarms: Vec<Alarm>,
    /// What was given up, by decision of the first officers.
    successions: Vec<Succession>,
    /// Two officers closed the log into another one.
    closed: Option<ClosedRow>,
}

#[derive(Serialize)]
struct Witnessed {
    entries: u64,
    at_ms: u64,
}

#[derive(Serialize)]
struct Newest {
    made_ms: u64,
    batch: u64,
    entries: u64,
    erasure_epoch: u64,
    /// Login of who took it away; none where it was made beside the server.
    taken_by: Option<String>,
    /// The entry that says so.
    index: Option<u64>,
    unusable_since_ms: Option<u64>,
}

/// What is told beside the server's figures.
struct More {
    cells: Cells,
    backup: Option<Newest>,
    alarms: Vec<Alarm>,
    successions: Vec<SuccessionView>,
    closed: Option<ClosedView>,
}

/// The newest backup in words.
fn backup_words(newest: Option<&Newest>, lang: Lang) -> String {
    let Some(newest) = newest else {
        return lang.pick("none that the server knows of", "серверу не известна ни одна").to_owned();
    };
    let (epoch, made) = (newest.erasure_epoch, minute(newest.made_ms));
    let by = match (&newest.taken_by, newest.index) {
        (Some(login), Some(index)) => lang.pick(
            format!("taken away by @{login}, #{index}"),
            format!("забрана: @{login}, запись № {index}"),
        ),
        (_, _) => lang.pick("made beside the server", "снята на сервере").to_owned(),
    };
    let opens = match newest.unusable_since_ms {
        None => lang.pick("the root cell opens it", "корневая ячейка её открывает").to_owned(),
        Some(since) => lang.pick(
            format!("CANNOT BE RESTORED since {}: an erasure has gone past it", minute(since)),
            format!("НЕ ВОССТАНОВИТЬ с {}: её обогнало уничтожение", minute(since)),
        ),
    };
    lang.pick(
        format!("{made}, erasure epoch {epoch}, {by}; {opens}"),
        format!("{made}, эпоха уничтожения {epoch}, {by}; {opens}"),
    )
}

impl Status {
    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let (status, grown, more) = session(&self.access, voice, For::Office, |online| {
            let Reply::Server(status) = online.run(Command::Ask(Query::Status))? else {
                return Err(Trouble::odd_answer());
            };
            let backup = match &status.backup {
                Some(record) => Some(newest(online, record, voice.lang)?),
                None => None,
            };
            let alarms = match voice.json && online.is_officer() {
                true => alarms::list(online, voice.lang)?,
                false => Vec::new(),
            };
            let ready = online.ready();
            let grown = ready.head.size.saturating_sub(ready.before.size);
            let successions = online.terminal().successions();
            // With the policy comes whether the log was closed.
            online.policy()?;
            let closed = online.terminal().closed();
            let cells = Cells::of(&cells(online)?);
            Ok((*status, grown, More { cells, backup, alarms, successions, closed }))
        })?;
        tell(&status, grown, more, voice)
    }
}

/// A line of its own, where a witness has cosigned anything.
fn witness_words(witness: Option<WitnessRecord>, lang: Lang) -> String {
    let Some(WitnessRecord { size, at_ms }) = witness else { return String::new() };
    let at = minute(at_ms);
    lang.pick(
        format!("\nwitness:       {size} entries cosigned, {at}"),
        format!("\nсвидетель:   заверено записей: {size}, {at}"),
    )
}

/// What the erasures under way wait for, and who can do something about it.
fn waits(wait: ErasureWait, lang: Lang) -> String {
    let words = match wait {
        ErasureWait::Nothing => return String::new(),
        ErasureWait::Pace(seconds) => {
            return lang.pick(format!(", about {seconds} s"), format!(", ещё около {seconds} с"));
        }
        ErasureWait::Cell => lang.pick(
            ", WAITING FOR A ROOT CELL that is away: conclave-admin cell status",
            ", ЖДУТ КОРНЕВУЮ ЯЧЕЙКУ, которой нет на месте: conclave-admin cell status",
        ),
        ErasureWait::Backup => lang.pick(
            ", WAITING FOR A BACKUP: conclave-admin backup pull",
            ", ЖДУТ РЕЗЕРВНОЙ КОПИИ: conclave-admin backup pull",
        ),
        ErasureWait::Room => lang.pick(
            ", WAITING FOR ROOM: on the server's machine, conclaved store grow",
            ", ЖДУТ МЕСТА: на машине сервера — conclaved store grow",
        ),
    };
    words.to_owned()
}

/// How far the journal's time is ahead of the server's clock, where that is worth a word.
fn ahead(clock_ahead_ms: u64, lang: Lang) -> String {
    if clock_ahead_ms < CLOCK_AHEAD_TOLD_MS {
        return String::new();
    }
    let by = duration(clock_ahead_ms, lang);
    lang.pick(
        format!("; the journal's time is {by} AHEAD of the server's clock, and stands still until that has caught up"),
        format!("; время журнала ОПЕРЕЖАЕТ часы сервера на {by} и стоит, пока они его не догонят"),
    )
}

/// With the login of who took it, from the directory.
fn newest(online: &mut Online, record: &BackupRecord, lang: Lang) -> Result<Newest, Trouble> {
    let taken_by = match record.taken {
        Some((person, _)) => Some(Names::fetch(online, lang)?.login(person)),
        None => None,
    };
    Ok(Newest {
        made_ms: record.made_ms,
        batch: record.batch,
        entries: record.entries,
        erasure_epoch: record.erasure_epoch,
        taken_by,
        index: record.taken.map(|(_, index)| index),
        unusable_since_ms: record.unusable_since_ms,
    })
}

fn tell(status: &StatusRecord, grown: u64, more: More, voice: Voice) -> Result<Exit, Trouble> {
    // Its signatures were verified when it came.
    let head = match SignedCheckpoint::parse(&status.note) {
        Ok(checkpoint) => checkpoint.claimed().head,
        Err(_) => return Err(Trouble::odd_answer()),
    };
    let (name, en, ru) = cell(status.cell);
    let lang: Lang = voice.lang;
    let said = Said::Status {
        entries: head.size,
        root: hex::encode(head.root),
        grown,
        up: duration(status.up_ms, lang),
        sessions: status.sessions,
        people: status.people,
        conversations: status.conversations,
        messages: status.messages,
        period: status.period,
        since: minute(status.period_since_ms),
        ahead: ahead(status.clock_ahead_ms, lang),
        erasing: status.erasing,
        waits: waits(status.erasure_wait, lang),
        epoch: status.erasure_epoch,
        used: bytes(status.used_bytes, lang),
        device: bytes(status.device_bytes, lang),
        reserved: bytes(status.reserved_bytes, lang),
        left: bytes(status.left_for_files, lang),
        full: match status.takes_messages {
            true => String::new(),
            false => lang
                .pick(
                    "\n               NEARLY FULL: messages are refused until something is erased or the store made larger (conclaved store grow); the other way on: conclave-admin log close",
                    "\n             ПОЧТИ ЗАПОЛНЕН: сообщения не принимаются, пока что-нибудь не сотрут или не увеличат хранилище (conclaved store grow); другой выход: conclave-admin log close",
                )
                .to_owned(),
        },
        cell: lang.pick(en, ru).to_owned(),
        cells: more.cells.words(lang),
        backup: backup_words(more.backup.as_ref(), lang),
        witness: witness_words(status.witness, lang),
        successions: succession_lines(&more.successions, lang),
        closed: closed_line(more.closed.as_ref(), lang),
    };
    let data = Data {
        entries: head.size,
        root: hex::encode(head.root),
        up_ms: status.up_ms,
        sessions: status.sessions,
        people: status.people,
        conversations: status.conversations,
        messages: status.messages,
        period: status.period,
        period_since_ms: status.period_since_ms,
        clock_ahead_ms: status.clock_ahead_ms,
        erasing: status.erasing,
        erasing_waits_for: status.erasure_wait.name(),
        erased_in_seconds: status.erasure_wait.seconds(),
        erasure_epoch: status.erasure_epoch,
        used_bytes: status.used_bytes,
        device_bytes: status.device_bytes,
        reserved_bytes: status.reserved_bytes,
        left_for_files: status.left_for_files,
        takes_messages: status.takes_messages,
        witness: status.witness.map(|WitnessRecord { size, at_ms }| Witnessed { entries: size, at_ms }),
        cell: name,
        cells: more.cells.all,
        cells_absent: more.cells.absent,
        backup: more.backup,
        alarms: more.alarms,
        successions: more.successions.iter().map(Succession::of).collect(),
        closed: more.closed.as_ref().map(|view| ClosedRow::of(view, rfc3339(view.at_ms))),
    };
    Ok(voice.done("status", &said, data))
}
