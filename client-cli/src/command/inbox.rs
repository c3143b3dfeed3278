//! `conclave inbox`: what is unread, conversation by conversation.
//! Never marks anything as read.

use super::status::unsent_line;
use crate::Here;
use crate::agent::pending::is_kept;
use crate::names::{Names, conversations};
use crate::reach::Line;
use crate::show::{MessageJson, first_line, heading, message_json};
use crate::trouble::Trouble;
use console::table::shortened;
use console::{Exit, Lang, Words, count_en, count_ru};
use protocol::client::event::{ConversationView, MessageView};
use protocol::client::{Command, Reply};
use serde::Serialize;

/// Messages of one conversation that are listed; the rest is counted.
const LISTED_MAX: usize = 10;

console::words! {
    enum Said {
        NotSent { what: String, ru: String } => en("not sent yet: {what}"), ru("ещё не отправлено: {ru}");
    }
}

struct Unread {
    conversation: ConversationView,
    messages: Vec<MessageView>,
}

struct Page<'a> {
    names: &'a Names,
    unread: &'a [Unread],
    width: usize,
}

#[derive(Serialize)]
struct Data {
    conversation: String,
    number: u64,
    title: String,
    unread: u64,
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

pub(super) fn run(here: Here) -> Result<Exit, Trouble> {
    let mut line = Line::open(&here.home, here.voice)?;
    let names = Names::fetch(&mut line)?;
    let mut unread = Vec::new();
    for conversation in conversations(&mut line)? {
        if conversation.unread == 0 || conversation.closed.is_some() {
            continue;
        }
        let messages = unread_messages(&mut line, &names, &conversation)?;
        unread.push(Unread { conversation, messages });
    }
    line.fresh_for_scripts()?;
    waiting(&mut line, &here)?;
    let data: Vec<Data> = unread
        .iter()
        .map(|one| Data {
            conversation: one.conversation.id.to_string(),
            number: one.conversation.number,
            title: names.bare_title(&one.conversation, here.voice.lang),
            unread: one.conversation.unread,
            messages: one.messages.iter().map(|message| message_json(message, &names)).collect(),
        })
        .collect();
    let page = Page { names: &names, unread: &unread, width: super::width() };
    Ok(here.voice.done("inbox", &page, data))
}

/// What goes out of here and has not gone yet belongs to the picture.
fn waiting(line: &mut Line, here: &Here) -> Result<(), Trouble> {
    let status = line.status()?;
    super::order::remind(line, &status, here.voice);
    for unsent in status.unsent.iter().filter(|unsent| is_kept(unsent.kind)) {
        here.voice.remark(&Said::NotSent {
            what: unsent_line(unsent, Lang::En),
            ru: unsent_line(unsent, Lang::Ru),
        });
    }
    Ok(())
}

/// The first page of others' messages behind the cursor.
pub(super) fn unread_messages(
    line: &mut Line,
    names: &Names,
    conversation: &ConversationView,
) -> Result<Vec<MessageView>, Trouble> {
    let from = Command::MessagesFrom(conversation.id, conversation.read.saturating_add(1));
    let Reply::Messages(messages, _) = line.run(from)? else { return Err(Trouble::odd_answer()) };
    Ok(messages.into_iter().filter(|message| message.author != names.me()).collect())
}

impl Page<'_> {
    fn lines(&self, lang: Lang) -> String {
        if self.unread.is_empty() {
            return lang.pick("nothing is unread", "непрочитанного нет").to_owned();
        }
        let mut lines = Vec::new();
        for one in self.unread {
            let count = one.conversation.unread;
            let count = lang.pick(
                format!("{count} unread"),
                count_ru(count, "непрочитанное", "непрочитанных", "непрочитанных"),
            );
            lines.push(format!(
                "{} (#{}): {count}",
                self.names.title(&one.conversation, lang),
                one.conversation.number
            ));
            for message in one.messages.iter().take(LISTED_MAX) {
                let line = format!(
                    "  {}: {}",
                    heading(message, self.names, lang),
                    first_line(message, self.names, lang)
                );
                lines.push(shortened(&line, self.width));
            }
            let rest = one.messages.len().saturating_sub(LISTED_MAX) as u64;
            if rest > 0 {
                lines.push(lang.pick(
                    format!("  and {}", count_en(rest, "more message", "more messages")),
                    format!("  и ещё {}", count_ru(rest, "сообщение", "сообщения", "сообщений")),
                ));
            }
        }
        lines.join("\n")
    }
}
