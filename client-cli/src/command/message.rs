//! `conclave message show`: a message, and who got, read and acknowledged it, and when.
//! Never mixes what is proven with what the server says: delivery is its word, reading and acknowledging are signed.

use super::hold::{self, Held};
use crate::Here;
use crate::args::MessageShow;
use crate::names::{self, Names, number};
use crate::reach::Line;
use crate::show::{self, MessageJson, message_json};
use crate::trouble::Trouble;
use console::when::{minute, rfc3339};
use console::{Align, Exit, Lang, Table, Words};
use protocol::client::event::{MessageView, ReaderView, Stamp};
use protocol::client::{Command, Reply};
use serde::Serialize;

struct Page<'a> {
    names: &'a Names,
    message: &'a MessageView,
    readers: &'a [ReaderView],
    holds: &'a [Held],
}

#[derive(Serialize)]
struct Data {
    message: MessageJson,
    readers: Vec<ReaderJson>,
    /// Holds that keep it.
    holds: Vec<u64>,
}

#[derive(Serialize)]
struct ReaderJson {
    login: String,
    delivered: bool,
    read: Option<StampJson>,
    acknowledged: Option<StampJson>,
}

#[derive(Serialize)]
struct StampJson {
    index: u64,
    time: String,
}

impl Words for Page<'_> {
    fn en(&self) -> String {
        self.page(Lang::En)
    }
    fn ru(&self) -> String {
        self.page(Lang::Ru)
    }
}

pub(super) fn run(args: &MessageShow, here: Here) -> Result<Exit, Trouble> {
    let index = number(&args.message)?;
    let mut line = Line::open(&here.home, here.voice)?;
    let names = Names::fetch(&mut line)?;
    let message = names::message(&mut line, index)?;
    let Reply::Status(readers) = line.run(Command::MessageStatus(message.conversation, index))? else {
        return Err(Trouble::odd_answer());
    };
    let stamp = |stamp: Stamp| StampJson { index: stamp.index, time: rfc3339(stamp.wall_ms) };
    let reader = |reader: &ReaderView| ReaderJson {
        login: names.login(reader.person),
        delivered: reader.delivered,
        read: reader.read.map(stamp),
        acknowledged: reader.acknowledged.map(stamp),
    };
    let mut holds = hold::holds(&mut line, message.conversation)?;
    holds.retain(|hold| hold.hold.scope.keeps(message.conversation, index, message.author));
    let data = Data {
        message: message_json(&message, &names),
        readers: readers.iter().map(reader).collect(),
        holds: holds.iter().map(|hold| hold.index).collect(),
    };
    let page = Page { names: &names, message: &message, readers: &readers, holds: &holds };
    Ok(here.voice.done("message show", &page, data))
}

impl Page<'_> {
    fn page(&self, lang: Lang) -> String {
        let mut table = Table::new([
            (lang.pick("who", "кто"), Align::Left),
            (lang.pick("got*", "есть*"), Align::Left),
            (lang.pick("read", "прочитано"), Align::Left),
            (lang.pick("acknowledged", "подтверждено"), Align::Left),
        ]);
        let stamp = |stamp: Option<Stamp>| match stamp {
            Some(stamp) => format!("{} #{}", minute(stamp.wall_ms), stamp.index),
            None => "—".to_owned(),
        };
        for reader in self.readers {
            table.row([
                self.names.full(reader.person, lang),
                if reader.delivered { lang.pick("yes", "да").to_owned() } else { "—".to_owned() },
                stamp(reader.read),
                stamp(reader.acknowledged),
            ]);
        }
        let message = show::message(self.message, self.names, lang);
        let note = lang.pick(
            "* delivered, by the server's word; the rest is signed by each reader",
            "* доставлено, по словам сервера; остальное подписано самими читателями",
        );
        let holds: String = self.holds.iter().map(|hold| hold::hold_line(hold, self.names, lang)).collect();
        let page = format!("{message}\n{}\n{note}\n{holds}", table.render(super::width()).trim_end());
        page.trim_end().to_owned()
    }
}
