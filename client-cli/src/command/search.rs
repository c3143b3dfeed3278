//! `conclave search`: in what the agent holds in memory.
//! Never asks the server where something is: it could not know. It only fetches what the agent does not hold yet.

use super::read::newest;
use crate::Here;
use crate::agent::wire::Ask;
use crate::args::Search;
use crate::names::{Names, conversations};
use crate::reach::Line;
use crate::show::{self, MessageJson, message_json};
use crate::trouble::Trouble;
use console::{Exit, Lang, Words};
use protocol::client::SecretText;
use protocol::client::event::{ConversationView, MessageView};
use serde::Serialize;

/// Newest messages of each conversation that are fetched to be searched.
const FETCHED_MAX: usize = 500;

struct Page<'a> {
    names: &'a Names,
    known: &'a [ConversationView],
    found: &'a [MessageView],
    more: bool,
}

#[derive(Serialize)]
struct Data {
    messages: Vec<MessageJson>,
    more: bool,
}

impl Words for Page<'_> {
    fn en(&self) -> String {
        self.lines(Lang::En)
    }
    fn ru(&self) -> String {
        self.lines(Lang::Ru)
    }
}

pub(super) fn run(args: &Search, here: Here) -> Result<Exit, Trouble> {
    let mut line = Line::open(&here.home, here.voice)?;
    let query = || Ask::Search(SecretText::new(args.query.join(" ")));
    let (mut found, mut more) = line.found(&query())?;
    let names = Names::fetch(&mut line)?;
    let known = conversations(&mut line)?;
    // After a login the agent holds little: what it lacks is fetched before anybody is told that there is nothing.
    if found.is_empty() && !line.is_stale() {
        for one in known.iter().filter(|one| one.closed.is_none() && one.last > 0) {
            newest(&mut line, one, u64::MAX, FETCHED_MAX)?;
        }
        (found, more) = line.found(&query())?;
    }
    let messages = found.iter().map(|message| message_json(message, &names)).collect();
    let data = Data { messages, more };
    if found.is_empty() {
        let words = Trouble::say(
            Exit::No,
            "nothing-found",
            "nothing found among the messages in memory; `conclave read WHO --last N` brings older ones there",
            "среди сообщений в памяти ничего не найдено; более старые загружает `conclave read КТО --last N`",
        );
        return Ok(here.voice.verdict("search", Exit::No, "nothing-found", &words, data));
    }
    Ok(here.voice.done("search", &Page { names: &names, known: &known, found: &found, more }, data))
}

impl Page<'_> {
    fn lines(&self, lang: Lang) -> String {
        let mut out = String::new();
        let mut last = None;
        for message in self.found {
            if last != Some(message.conversation)
                && let Some(one) = self.known.iter().find(|one| one.id == message.conversation)
            {
                out.push_str(&format!("== {} (#{})\n", self.names.title(one, lang), one.number));
            }
            last = Some(message.conversation);
            out.push_str(&show::message(message, self.names, lang));
        }
        if self.more {
            out.push_str(lang.pick("there are more, older ones", "есть и другие, более старые"));
        }
        out
    }
}
