//! `retention status`: the next run, the last one, and what is due.
//! Never counts by itself: the figures are the server's word and are named so.

use super::online::{Access, For, session};
use super::retention::ask;
use super::retention_words::{falls, kept_longer, waits};
use super::trouble::Trouble;
use console::when::{minute, rfc3339};
use console::{Exit, Voice};
use serde::Serialize;

console::words! {
    enum Said {
        Status { next: String, waits: String, last: String, falls: String }
            => en("The server says:\nnext run: {next}\n{waits}last run: {last}\n{falls}"),
               ru("По словам сервера:\nследующее стирание: {next}\n{waits}последнее стирание: {last}\n{falls}");
    }
}

#[derive(Serialize)]
struct StatusData {
    next: Option<String>,
    /// Runs wait because the date went far ahead: for so much more of the server's running.
    waits_ms: Option<u64>,
    open_parts: Option<u32>,
    last: Option<LastData>,
    /// Empty, and `held` is null, where it was not counted now.
    due: Vec<u64>,
    held: Option<u64>,
}

#[derive(Serialize)]
struct LastData {
    index: u64,
    at: String,
    messages: u64,
    held: u64,
}

pub(super) fn status(access: &Access, voice: Voice) -> Result<Exit, Trouble> {
    let lang = voice.lang;
    let (record, policy, former) = session(access, voice, For::Office, |online| {
        Ok((ask(online, None)?, online.policy()?.0, online.former()?))
    })?;
    let longer = former.filter(|former| former.keeps_longer(&policy.retention));
    let none = || lang.pick("none", "нет").to_owned();
    let open = record.open_parts.map_or(String::new(), |parts| {
        lang.pick(format!(" (under way, part {parts} done)"), format!(" (идёт, частей готово: {parts})"))
    });
    let last = record.last.map(|last| LastData {
        index: last.index,
        at: rfc3339(last.wall_ms),
        messages: last.messages,
        held: last.held,
    });
    let told = |last: &journal::register::LastRun| {
        let (index, at, n, held) = (last.index, minute(last.wall_ms), last.messages, last.held);
        lang.pick(
            format!("#{index}, {at}: {n} messages, {held} kept by holds"),
            format!("№ {index}, {at}: сообщений {n}, удержано запретами {held}"),
        )
    };
    let said = Said::Status {
        next: record.next_ms.map_or_else(none, |at| minute(at) + &open),
        waits: waits(&record, lang),
        last: record.last.as_ref().map_or_else(none, told),
        falls: falls(&policy.retention, &policy.labels, &record, lang)
            + &kept_longer(longer.as_deref(), &policy, lang),
    };
    let data = StatusData {
        next: record.next_ms.map(rfc3339),
        waits_ms: record.waits_ms,
        open_parts: record.open_parts,
        last,
        held: record.preview.as_ref().map(|preview| preview.held),
        due: record.preview.map_or_else(Vec::new, |preview| preview.counts),
    };
    Ok(voice.done("retention status", &said, data))
}
