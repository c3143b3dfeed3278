//! `conclave read`: shows messages, and says so in the journal: the cursor moves to the last one shown.
//! Never moves the cursor past what was shown, nor past what is older than what was shown unread.

use super::erasing::ask_erasing;
use super::inbox::unread_messages;
use crate::Here;
use crate::args::Read;
use crate::names::{self, Names, conversation, conversations};
use crate::reach::Line;
use crate::show::{self, MessageJson, message_json};
use crate::trouble::Trouble;
use console::{Exit, Lang, Words};
use link::terminal::erasing_words;
use protocol::client::event::{Content, ConversationView, MessageView};
use protocol::client::{Command, Reply};
use protocol::erasing::ErasingRecord;
use serde::Serialize;
use std::collections::BTreeSet;

/// Messages that `--last` shows at most.
const LAST_MAX: u32 = 10_000;
/// Messages that are shown where nothing is unread.
const LAST_STANDARD: u32 = 20;

/// Messages that ask for an acknowledgement, of which it is found out whether they have it.
const ASKED_MAX: usize = 100;

struct Shown {
    conversation: ConversationView,
    messages: Vec<MessageView>,
    /// They begin right behind the cursor.
    gapless: bool,
}

struct Page<'a> {
    names: &'a Names,
    shown: &'a [Shown],
    /// Messages that one has acknowledged already.
    acknowledged: &'a BTreeSet<u64>,
    /// Whose keys are still there.
    erasing: ErasingRecord,
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
    line.fresh_for_scripts()?;
    let data: Vec<Data> = shown
        .iter()
        .map(|one| Data {
            conversation: one.conversation.id.to_string(),
            number: one.conversation.number,
            title: names.bare_title(&one.conversation, here.voice.lang),
            messages: one.messages.iter().map(|message| message_json(message, &names)).collect(),
        })
        .collect();
    let acknowledged = acknowledged(&mut line, &names, &shown)?;
    let erasing = erasing(&mut line, &shown)?;
    let page = Page { names: &names, shown: &shown, acknowledged: &acknowledged, erasing };
    let exit = here.voice.done("read", &page, data);
    // Shown first, marked then: a crash between the two shows them once more.
    // What is from memory is not marked: that would wait for the server, and is done at the next reading.
    if exit == Exit::Yes && !args.keep_unread && args.before.is_none() && !line.is_stale() {
        shown.iter().try_for_each(|one| mark(&mut line, &names, one))?;
    }
    Ok(exit)
}

/// What asked for its erasure.
fn erased_by(message: &MessageView) -> Option<u64> {
    match &message.content {
        Content::Erased(by) => Some(by.index),
        Content::Text(..)
        | Content::NoKey(_)
        | Content::Missing
        | Content::Unreadable(_)
        | Content::Ahead(_)
        | Content::GivenUp(_) => None,
    }
}

/// What is being erased, where something shown may be; nothing is asked of a server that is not there.
fn erasing(line: &mut Line, shown: &[Shown]) -> Result<ErasingRecord, Trouble> {
    let mut messages = shown.iter().flat_map(|one| &one.messages);
    match messages.any(|message| erased_by(message).is_some()) && !line.is_stale() {
        true => ask_erasing(line),
        false => Ok(ErasingRecord::default()),
    }
}

/// Whether a message asks this person to acknowledge it.
fn asks(message: &MessageView, names: &Names) -> bool {
    message.must_acknowledge && message.author != names.me() && matches!(message.content, Content::Text(..))
}

/// Which of those that ask for it one has acknowledged. Without the server nobody can say; then none.
fn acknowledged(line: &mut Line, names: &Names, shown: &[Shown]) -> Result<BTreeSet<u64>, Trouble> {
    let mut done = BTreeSet::new();
    let asking = shown.iter().flat_map(|one| &one.messages).filter(|message| asks(message, names));
    for message in asking.take(if line.is_stale() { 0 } else { ASKED_MAX }) {
        let status = Command::MessageStatus(message.conversation, message.index);
        let Reply::Status(readers) = line.run(status)? else { return Err(Trouble::odd_answer()) };
        let mine = readers.iter().find(|reader| reader.person == names.me());
        if mine.is_some_and(|reader| reader.acknowledged.is_some()) {
            done.insert(message.index);
        }
    }
    Ok(done)
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
                let shown = show::message(message, self.names, lang);
                let done = self.acknowledged.contains(&message.index);
                out.push_str(&if done { show::acknowledged(&shown, lang) } else { shown });
                if erased_by(message).is_some_and(|index| self.erasing.holds(index)) {
                    let words = erasing_words(self.erasing.wait);
                    out.push_str(&format!("    {}\n", lang.pick(words.en, words.ru)));
                }
            }
            let wants = |message: &&MessageView| {
                asks(message, self.names) && !self.acknowledged.contains(&message.index)
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
