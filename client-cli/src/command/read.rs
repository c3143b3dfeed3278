//! `conclave read`: shows messages, and says so in the journal: the cursor moves to the last one shown.
//! Never moves the cursor past what was shown, nor past what is older than what was shown unread.

use super::inbox::unread_messages;
use crate::Here;
use crate::args::Read;
use crate::names::{self, Names, conversation, conversations};
use crate::reach::Line;
use crate::show::{self, MessageJson, message_json};
use crate::trouble::Trouble;
use console::{Exit, Lang, Words};
use protocol::client::event::{Content, ConversationView, MessageView};
use protocol::client::{Command, Reply};
use serde::Serialize;

/// Messages that `--last` shows at most.
const LAST_MAX: u32 = 10_000;
/// Messages that are shown where nothing is unread.
const LAST_STANDARD: u32 = 20;

struct Shown {
    conversation: ConversationView,
    messages: Vec<MessageView>,
    /// They begin right behind the cursor.
    gapless: bool,
}

struct Page<'a> {
    names: &'a Names,
    shown: &'a [Shown],
}

#[derive(Serialize)]
struct Data {
    conversation: String,
    number: u64,
    title: String,
    messages: Vec<MessageJson>,
}

impl Words for Page<'_> {
    fn en(&self) -> String {
        self.lines(Lang::En)
    }
    fn ru(&self) -> String {
        self.lines(Lang::Ru)
    }
}

pub(super) fn run(args: Read, here: Here) -> Result<Exit, Trouble> {
    let mut line = Line::open(&here.home, here.voice)?;
    let names = Names::fetch(&mut line)?;
    let all = conversations(&mut line)?;
    let chosen: Vec<ConversationView> = match &args.of {
        Some(typed) => vec![conversation(&all, &names, typed)?.clone()],
        None => all.into_iter().filter(|one| one.unread > 0 && one.closed.is_none()).collect(),
    };
    let mut shown = Vec::new();
    for conversation in chosen {
        let gapless = args.last.is_none() && args.before.is_none() && conversation.unread > 0;
        let messages = match gapless {
            true => unread_messages(&mut line, &names, &conversation)?,
            false => some_messages(&mut line, &args, &conversation)?,
        };
        shown.push(Shown { conversation, messages, gapless });
    }
    let data: Vec<Data> = shown
        .iter()
        .map(|one| Data {
            conversation: one.conversation.id.to_string(),
            number: one.conversation.number,
            title: names.title(&one.conversation, here.voice.lang),
            messages: one.messages.iter().map(|message| message_json(message, &names)).collect(),
        })
        .collect();
    let exit = here.voice.done("read", &Page { names: &names, shown: &shown }, data);
    // Shown first, marked then: a crash between the two shows them once more.
    if exit == Exit::Yes && !args.keep_unread && args.before.is_none() {
        shown.iter().try_for_each(|one| mark(&mut line, &names, one))?;
    }
    Ok(exit)
}

fn some_messages(
    line: &mut Line,
    args: &Read,
    conversation: &ConversationView,
) -> Result<Vec<MessageView>, Trouble> {
    let before = args.before.as_deref().map(names::number).transpose()?.unwrap_or(u64::MAX);
    let wanted = args.last.unwrap_or(LAST_STANDARD).min(LAST_MAX) as usize;
    newest(line, conversation, before, wanted)
}

/// The newest messages before an index, ascending.
pub(super) fn newest(
    line: &mut Line,
    conversation: &ConversationView,
    mut before: u64,
    wanted: usize,
) -> Result<Vec<MessageView>, Trouble> {
    let mut pages: Vec<MessageView> = Vec::new();
    loop {
        let Reply::Messages(mut page, more) = line.run(Command::MessagesBefore(conversation.id, before))?
        else {
            return Err(Trouble::odd_answer());
        };
        let first = page.first().map(|message| message.index);
        page.append(&mut pages);
        pages = page;
        match first {
            Some(first) if more && pages.len() < wanted => before = first,
            Some(_) | None => break,
        }
    }
    pages.drain(..pages.len().saturating_sub(wanted));
    Ok(pages)
}

/// Moves the cursor to the newest one shown, if that is further than it stands.
fn mark(line: &mut Line, names: &Names, one: &Shown) -> Result<(), Trouble> {
    let ConversationView { read, unread, closed, .. } = one.conversation;
    let fresh = one.messages.iter().filter(|message| message.author != names.me() && message.index > read);
    let fresh: Vec<u64> = fresh.map(|message| message.index).collect();
    let Some(last) = fresh.last() else { return Ok(()) };
    if closed.is_some() || (!one.gapless && (fresh.len() as u64) < unread) {
        return Ok(());
    }
    let last = *last;
    line.run(Command::Read(one.conversation.id, last)).map(drop)
}

impl Page<'_> {
    fn lines(&self, lang: Lang) -> String {
        if self.shown.is_empty() {
            return lang.pick("nothing is unread", "непрочитанного нет").to_owned();
        }
        let mut out = String::new();
        for one in self.shown {
            out.push_str(&format!(
                "== {} (#{})\n",
                self.names.title(&one.conversation, lang),
                one.conversation.number
            ));
            for message in &one.messages {
                out.push_str(&show::message(message, self.names, lang));
            }
            let wants = |message: &&MessageView| {
                message.must_acknowledge
                    && message.author != self.names.me()
                    && matches!(message.content, Content::Text(..))
            };
            let asked: Vec<String> =
                one.messages.iter().filter(wants).map(|message| message.index.to_string()).collect();
            if !asked.is_empty() {
                let hint = lang.pick("to acknowledge", "подтвердить");
                out.push_str(&format!("{hint}: conclave ack {}\n", asked.join("; conclave ack ")));
            }
        }
        out
    }
}
