//! `conclave search`: in what the agent holds in memory.
//! Never asks the server: it could not know.

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
    let query = SecretText::new(args.query.join(" "));
    let (found, more) = line.found(&Ask::Search(query))?;
    let names = Names::fetch(&mut line)?;
    let known = conversations(&mut line)?;
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
