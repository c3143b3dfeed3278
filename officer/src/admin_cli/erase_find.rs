//! `erase find`: messages by who, where and when, for officers who are to order their erasure.
//! Never shows a text, and never anything but what the entry says and whether it is erased or held.

use super::certificate::ASKED_AHEAD;
use super::law::{self, Found};
use super::names::{Names, Text, label};
use super::online::{Access, For, Online, session};
use super::proposals::number;
use super::trouble::Trouble;
use clap::Args;
use console::terminal::output_columns;
use console::when::{bytes, minute, rfc3339};
use console::{Align, Exit, HelpTable, Table, Voice};
use journal::act::SizeClass;
use journal::{ConversationId, Index};
use pki::PersonId;
use protocol::answer::Answer;
use protocol::client::Reply;
use protocol::query::{Find, Query};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Who is in which conversation.
type People = BTreeMap<ConversationId, BTreeSet<PersonId>>;

#[derive(Args)]
pub(super) struct Search {
    /// By this person: @login.
    #[arg(long, value_name = "@LOGIN")]
    who: Option<String>,
    /// From this time on: 2026-11-01 (UTC), or an RFC 3339 time.
    #[arg(long, value_name = "TIME", value_parser = law::moment)]
    since: Option<u64>,
    /// Before this time.
    #[arg(long, value_name = "TIME", value_parser = law::moment)]
    until: Option<u64>,
    /// In the conversation that this message is in.
    #[arg(long, value_name = "#N", value_parser = number)]
    conversation: Option<Index>,
    /// Messages at most.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    limit: usize,
    #[command(flatten)]
    access: Access,
}

pub(super) const HELP: &HelpTable = &[
    ("erase find/@about", "Найти сообщения по автору, беседе и времени; текстов офицерам не показывают."),
    (
        "erase find/@after",
        "Пример: conclave-admin erase find --who @anna --since 2026-11-01 --until 2026-11-21\nПример: conclave-admin erase find --conversation 1234",
    ),
    ("erase find/who", "этого человека: @логин"),
    ("erase find/since", "начиная с: 2026-11-01 (UTC) или время по RFC 3339"),
    ("erase find/until", "до этого времени"),
    ("erase find/conversation", "в беседе, где это сообщение"),
    ("erase find/limit", "не больше стольких сообщений"),
];

console::words! {
    enum Said {
        Nothing => en("no such message"), ru("таких сообщений нет");
    }
}

#[derive(Serialize)]
struct FoundRow {
    index: u64,
    at: String,
    by: String,
    conversation: String,
    /// Who is in it, and who wrote what was found.
    people: Vec<String>,
    bytes: u64,
    file_chunks: u32,
    label: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    erased_by: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    held_by: Option<u64>,
}

#[derive(Serialize)]
struct Results {
    messages: Vec<FoundRow>,
    more: bool,
}

impl Search {
    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let (rows, more, table) = session(&self.access, voice, For::Officers, |online| {
            let names = Names::fetch(online, voice.lang)?;
            let (found, more) = self.found(online, &names)?;
            let holds = law::holds(online)?;
            let people = people(online, &found)?;
            let (policy, _) = online.policy()?;
            let headings = voice.lang.pick(
                ["message", "at", "by", "size", "label", "", "conversation"],
                ["сообщение", "когда", "кто", "размер", "гриф", "", "беседа"],
            );
            let aligns =
                [Align::Right, Align::Left, Align::Left, Align::Right, Align::Left, Align::Left, Align::Left];
            let mut table = Table::new(headings.into_iter().zip(aligns));
            let mut rows = Vec::new();
            for one in &found {
                let held = law::keeping(&holds, one);
                let mark = match (one.erased, held) {
                    (Some(index), _) => {
                        voice.lang.pick(format!("erased #{index}"), format!("стёрто #{index}"))
                    }
                    (None, Some(index)) => {
                        voice.lang.pick(format!("held #{index}"), format!("запрет #{index}"))
                    }
                    (None, None) => String::new(),
                };
                table.row([
                    format!("#{}", one.index),
                    minute(one.wall_ms),
                    format!("@{}", names.login(one.author)),
                    size(one, voice),
                    label(&policy, one.label, voice.lang),
                    mark,
                    // Last: a narrow terminal cuts it, and nothing else.
                    conversation(one.conversation, &logins(&people, one, &names)),
                ]);
                rows.push(row(one, &names, logins(&people, one, &names), held));
            }
            Ok((rows, more, table))
        })?;
        if rows.is_empty() {
            return Ok(voice.done("erase find", &Said::Nothing, Results { messages: rows, more }));
        }
        let mut shown = table.render(output_columns());
        if more {
            shown.push_str(voice.lang.pick("… and more: narrow the search\n", "… и ещё: уточните поиск\n"));
        }
        Ok(voice.done("erase find", &Text(shown), Results { messages: rows, more }))
    }

    fn found(&self, online: &mut Online, names: &Names) -> Result<(Vec<Found>, bool), Trouble> {
        let person = match &self.who {
            Some(typed) => Some(names.person(typed)?.person),
            None => None,
        };
        let conversation = match self.conversation {
            Some(index) => law::messages(online, &[index])?.first().map(|row| row.conversation),
            None => None,
        };
        let (since_ms, until_ms) = (self.since.unwrap_or(0), self.until.unwrap_or(u64::MAX));
        let (mut all, mut next) = (Vec::new(), Some(0));
        while let Some(from) = next {
            let (some, on) = law::page(online, Find { from, since_ms, until_ms, person, conversation })?;
            all.extend(some.into_iter().filter(|row| (since_ms..until_ms).contains(&row.wall_ms)));
            // A server that does not get on is not asked for ever.
            next = on.filter(|on| *on > from && all.len() <= self.limit);
        }
        let more = all.len() > self.limit || next.is_some();
        all.truncate(self.limit);
        Ok((all, more))
    }
}

fn size(found: &Found, voice: Voice) -> String {
    let text = bytes(found.bytes, voice.lang);
    match found.chunks {
        0 => text,
        n => {
            // How long the file is stands in its sealed text alone.
            let most = bytes(u64::from(n).saturating_mul(SizeClass::CHUNK_MAX.bytes()), voice.lang);
            voice.lang.pick(format!("{text} + file, at most {most}"), format!("{text} + файл до {most}"))
        }
    }
}

/// Logins that a line names of those who are in a conversation.
const NAMED_MAX: usize = 4;

/// Who is in each of these conversations, as the server says, and who wrote what was found there.
fn people(online: &mut Online, found: &[Found]) -> Result<People, Trouble> {
    let mut all = People::new();
    for one in found {
        all.entry(one.conversation).or_default().insert(one.author);
    }
    let mut seen = BTreeSet::new();
    // One message of each tells who may read in it.
    let firsts: Vec<&Found> = found.iter().filter(|one| seen.insert(one.conversation)).collect();
    for some in firsts.chunks(ASKED_AHEAD) {
        for one in some {
            online.ask_ahead(Query::MessageStatus(one.index))?;
        }
        for one in some {
            let Reply::Answer(answer) = online.answer_ahead()? else { return Err(Trouble::odd_answer()) };
            let Answer::MessageStatus(records) = *answer else { return Err(Trouble::odd_answer()) };
            all.entry(one.conversation).or_default().extend(records.iter().map(|record| record.person));
        }
    }
    Ok(all)
}

fn logins(people: &People, found: &Found, names: &Names) -> Vec<String> {
    let mut logins: Vec<String> =
        people.get(&found.conversation).into_iter().flatten().map(|person| names.login(*person)).collect();
    logins.sort();
    logins
}

/// `@anna, @boris (1f0c33a9e2d4)`: by who is in it, for an officer never reads a title.
fn conversation(id: ConversationId, logins: &[String]) -> String {
    let named = logins.iter().take(NAMED_MAX).map(|login| format!("@{login}")).collect::<Vec<_>>().join(", ");
    let more = match logins.len().checked_sub(NAMED_MAX) {
        Some(more) if more > 0 => format!(", … +{more}"),
        Some(_) | None => String::new(),
    };
    format!("{named}{more} ({})", law::short(id))
}

fn row(found: &Found, names: &Names, people: Vec<String>, held_by: Option<Index>) -> FoundRow {
    FoundRow {
        index: found.index,
        at: rfc3339(found.wall_ms),
        by: names.login(found.author),
        conversation: found.conversation.to_string(),
        people,
        bytes: found.bytes,
        file_chunks: found.chunks,
        label: found.label.rank(),
        erased_by: found.erased,
        held_by,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_called_by_who_is_in_it() {
        let id = ConversationId([0xAB; 32]);
        let shown = |logins: &[&str]| {
            conversation(id, &logins.iter().map(|login| (*login).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(shown(&["anna", "boris"]), "@anna, @boris (abababababab)");
        assert_eq!(shown(&["a", "b", "c", "d", "e", "f"]), "@a, @b, @c, @d, … +2 (abababababab)");
    }
}
