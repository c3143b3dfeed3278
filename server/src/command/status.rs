//! `conclaved status`: asks the running server and tells what it says.
//! Never opens the store.

use super::read_config;
use crate::backup::Taker;
use crate::pacing::HANGS;
use crate::status::{self, CellStatus, Status};
use crate::words::{Done, Trouble};
use console::{Exit, Lang, Voice, Words, clean, when};
use std::path::Path;

/// From here on people are told that the journal's time is ahead of the clock, milliseconds.
const CLOCK_AHEAD_TOLD_MS: u64 = 1000;

pub(super) fn run(config: &Path, voice: Voice) -> Result<Exit, Trouble> {
    let config = read_config(config)?;
    let asked = status::ask(&config.runtime_dir);
    let status =
        asked.map_err(|_nobody| Trouble::NotRunning { path: config.runtime_dir.display().to_string() })?;
    let words = Done::Status { text: text(&status, voice.lang) };
    Ok(voice.done("status", &words, status))
}

fn text(status: &Status, lang: Lang) -> String {
    let size = |bytes| when::bytes(bytes, lang);
    let mut rows = vec![
        (lang.pick("site", "система"), clean(&status.site).to_string()),
        (lang.pick("log", "журнал"), status.log.clone()),
        (lang.pick("listens on", "принимает на"), status.listen.join(", ")),
        (lang.pick("up", "работает"), when::duration(status.up_seconds * 1000, lang)),
        (lang.pick("entries", "записей"), status.entries.to_string()),
        (lang.pick("sessions", "сеансов"), status.sessions.to_string()),
        (lang.pick("people", "людей"), status.people.to_string()),
        (lang.pick("conversations", "бесед"), status.conversations.to_string()),
        (lang.pick("messages", "сообщений"), status.messages.to_string()),
        (lang.pick("being erased", "уничтожается"), erasing(status, lang)),
        (lang.pick("erasure epoch", "эпоха уничтожения"), status.erasure_epoch.to_string()),
        (lang.pick("log period", "период журнала"), period(status, lang)),
        (
            lang.pick("store", "хранилище"),
            format!(
                "{} / {}, {}",
                size(status.used_bytes),
                size(status.device_bytes),
                medium(status.logical_block_bytes, lang)
            ),
        ),
        (lang.pick("left for files", "осталось для файлов"), size(status.left_for_files)),
        (lang.pick("WARNING", "ВНИМАНИЕ"), status.cell_warning().say(lang)),
    ];
    for cell in &status.cells {
        rows.push(cell_row(cell, lang));
    }
    rows.push((lang.pick("remember", "помните"), Done::CellsAreAll.say(lang)));
    if status.clock_ahead_ms >= CLOCK_AHEAD_TOLD_MS {
        let ahead = when::duration(status.clock_ahead_ms, lang);
        let words = lang.pick(
            format!("the journal's time is {ahead} ahead of this machine's clock, and stands still until that has caught up"),
            format!("время журнала опережает часы этой машины на {ahead} и стоит, пока они его не догонят"),
        );
        rows.push((lang.pick("WARNING", "ВНИМАНИЕ"), words));
    }
    if !status.takes_messages {
        let full =
            lang.pick(
            "nearly FULL: messages and files are refused, erasure is not. Room comes by erasing, or by a longer container or \
             partition and, with the server stopped, `conclaved store grow`. Where neither is to be had, two officers close this log \
             into another, larger one: `conclave-admin log close`",
            "почти ЗАПОЛНЕНО: сообщения и файлы не принимаются, стирать можно. Место даст стирание либо более длинный \
             контейнер или раздел и, при остановленном сервере, `conclaved store grow`. Если нельзя ни то ни другое, два офицера \
             закрывают этот журнал, чтобы продолжить его в большем хранилище: `conclave-admin log close`",
        );
        rows.push((lang.pick("WARNING", "ВНИМАНИЕ"), full.into()));
    }
    if status.put_back_accepted {
        let accepted = lang.pick(
            "this store was put back from a backup; it was said here that nobody has seen anything newer",
            "хранилище возвращено из резервной копии; здесь сказали, что ничего новее никто не видел",
        );
        rows.push((lang.pick("WARNING", "ВНИМАНИЕ"), accepted.into()));
    }
    for step in &status.missing_confinement {
        let missing = lang.pick("not in force:", "не действует:");
        rows.push((lang.pick("WARNING", "ВНИМАНИЕ"), format!("{missing} {}", step_words(step, lang))));
    }
    rows.extend(backup_rows(status, lang));
    rows.iter().map(|(name, value)| format!("{name}: {value}\n")).collect()
}

/// What a server may have to do without, in the reader's language; the reason behind it is the system's own.
fn step_words(step: &str, lang: Lang) -> String {
    let known = [
        ("allowance for locked memory", "разрешение закреплять память"),
        ("all memory locked", "закрепление всей памяти"),
        ("secret memory for the vault's keys", "секретная память для ключей хранилища"),
    ];
    let words = known.into_iter().find_map(|(en, ru)| Some((ru, step.strip_prefix(en)?)));
    match (lang, words) {
        (Lang::Ru, Some((ru, rest))) => format!("{ru}{}", clean(rest)),
        (Lang::Ru | Lang::En, _) => clean(step).to_string(),
    }
}

/// The line of one cell: here, waited for, or no part of the store.
pub(in crate::command) fn cell_row(cell: &CellStatus, lang: Lang) -> (&'static str, String) {
    (lang.pick("root cell", "корневая ячейка"), cell_state(cell, lang))
}

fn cell_state(cell: &CellStatus, lang: Lang) -> String {
    let kind = match cell.kind.as_str() {
        "file" => lang.pick("file", "файл"),
        "sector" => lang.pick("sector", "сектор"),
        other => other,
    };
    let kind = cell.path.iter().fold(kind.to_owned(), |kind, path| format!("{kind} {}", clean(path)));
    match (&cell.absent, &cell.name) {
        (None, _) if cell.failing.is_some() => {
            let why = absent_words(cell.failing.as_deref().unwrap_or_default(), lang);
            lang.pick(
                format!("{kind}: here, and FAILS: {why}. The next erasure or start may fail: let people save what they need first"),
                format!(
                    "{kind}: на месте, но ОТКАЗЫВАЕТ: {why}. Следующее стирание или запуск могут не удаться: пусть люди прежде \
                     сохранят нужное"
                ),
            )
        }
        (None, _) => lang.pick(format!("{kind}: here"), format!("{kind}: на месте")),
        (Some(why), Some(name)) => {
            let why = absent_words(why, lang);
            lang.pick(
                format!(
                    "{kind}: ABSENT: {why}; erasures wait for the cell {name}. If it is lost for good, two officers let go of it: \
                     conclave-admin cell drop propose {name}"
                ),
                format!(
                    "{kind}: НЕТ НА МЕСТЕ: {why}; стирания ждут ячейку {name}. Если она утрачена навсегда, от неё отказываются два \
                     офицера: conclave-admin cell drop propose {name}"
                ),
            )
        }
        (Some(why), None) => lang.pick(
            format!(
                "{kind}: no part of this store: {why}. It was let go of, or never joined, and nothing waits for it; take it out of \
                 the configuration, or make it by `conclaved store cell` and start again",
                why = absent_words(why, lang)
            ),
            format!(
                "{kind}: не из этого хранилища: {why}. От неё отказались, или она ещё не присоединялась; её ничто не ждёт. Уберите её \
                 из конфигурации или создайте (`conclaved store cell`) и запустите сервер снова",
                why = absent_words(why, lang)
            ),
        ),
    }
}

/// The reasons that people meet, in both languages; the rest is the system's own.
fn absent_words(why: &str, lang: Lang) -> String {
    let known = [
        ("No such file or directory", "it is not there", "её нет"),
        ("the configuration does not name it", "the configuration does not name it", "её нет в конфигурации"),
        (HANGS, HANGS, "она не отвечает"),
        (
            "it is blank, and the store waits",
            "it is blank, and the store waits for the cell that was in its place",
            "она пуста, а хранилище ждёт ту ячейку, что была на её месте",
        ),
        (
            "another cell stands where",
            "another cell stands where the store's own is to be",
            "на месте ячейки этого хранилища стоит другая",
        ),
        ("another server has this cell open", "another program holds it", "её держит другая программа"),
    ];
    let words = known.into_iter().find(|(known, ..)| why.starts_with(known));
    words.map_or_else(|| clean(why).to_string(), |(_, en, ru)| lang.pick(en, ru).to_owned())
}

fn erasing(status: &Status, lang: Lang) -> String {
    let (count, seconds) = (status.erasing, status.erased_in_seconds);
    let why = match status.erasures_wait.as_str() {
        "cell" => lang.pick("waiting for a root cell that is away", "ожидание корневой ячейки, которой нет на месте"),
        "backup" => lang.pick(
            "waiting for a backup, which the policy wants first: `conclave-admin backup pull` takes one away",
            "ожидание резервной копии, которой требует политика: её забирает `conclave-admin backup pull`",
        ),
        "room" => lang.pick(
            "waiting for room: the store is full to the last of its reserve. Make the container or partition longer, stop the \
             server, and run `conclaved store grow`, or have two officers close this log into another one: `conclave-admin log close`",
            "ожидание места: хранилище заполнено вместе с резервом. Удлините контейнер или раздел, остановите сервер и \
             выполните `conclaved store grow`; либо два офицера закрывают этот журнал и продолжают его в другом: `conclave-admin log \
             close`",
        ),
        _pace_or_nothing if seconds > 0 => {
            return lang.pick(format!("{count}, about {seconds} s"), format!("{count}, около {seconds} с"));
        }
        _pace_or_nothing => return count.to_string(),
    };
    format!("{count}, {why}")
}

/// Its number, and since when it runs.
fn period(status: &Status, lang: Lang) -> String {
    let (number, since) = (status.period, when::minute(status.period_since_ms));
    lang.pick(format!("{number}, since {since}"), format!("{number}, с {since}"))
}

fn medium(logical_block_bytes: u32, lang: Lang) -> String {
    match logical_block_bytes {
        0 => lang.pick("container file", "файл-контейнер").into(),
        bytes => lang.pick(
            format!("raw device, logical blocks of {bytes} bytes"),
            format!("устройство без файловой системы, логические блоки по {bytes} байт"),
        ),
    }
}

/// The newest backup, and whether it is still worth anything.
fn backup_rows(status: &Status, lang: Lang) -> Vec<(&'static str, String)> {
    let name = lang.pick("newest backup", "последняя копия");
    let Some(backup) = &status.newest_backup else {
        return vec![(name, lang.pick("none that this server knows of", "сервер ни одной не знает").into())];
    };
    let (made, batch) = (when::minute(backup.made_ms), backup.batch);
    let (entries, epoch) = (backup.entries, backup.erasure_epoch);
    let taker = |person: u64, word: &str| match &status.backup_taken_by {
        Some(login) => format!("@{}", clean(login)),
        None => format!("{word}{person:016x}"),
    };
    let by = match backup.taken {
        Some(Taker { person, index }) => lang.pick(
            format!("taken away by {}, #{index}", taker(person, "person ")),
            format!("забрана: {}, запись № {index}", taker(person, "лицо ")),
        ),
        None => lang.pick("made beside the server", "снята на сервере").into(),
    };
    let mut rows = vec![(
        name,
        lang.pick(
            format!("{made}, batch {batch}, {entries} entries, erasure epoch {epoch}, {by}"),
            format!("{made}, партия {batch}, записей {entries}, эпоха уничтожения {epoch}, {by}"),
        ),
    )];
    if let Some(since) = backup.unusable_since_ms {
        let since = when::minute(since);
        rows.push((
            lang.pick("WARNING", "ВНИМАНИЕ"),
            lang.pick(
                format!("since {since} no backup can be restored: an erasure, or the log's key of a new day, went past the newest one; make another"),
                format!("с {since} восстановить нельзя ни одну копию: уничтожение или ключ журнала нового дня новее последней из них; сделайте новую"),
            ),
        ));
    }
    rows
}
