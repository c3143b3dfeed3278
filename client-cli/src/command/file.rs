//! `conclave file send` and `conclave file list`.
//! Never holds more of a file than the piece that is asked for.

use super::read::newest;
use super::send::{Target, message, sent, text};
use crate::Here;
use crate::args::{FileList, FileSend};
use crate::names::{self, Names, conversations};
use crate::reach::Line;
use crate::show::{MessageJson, message_json};
use crate::trouble::Trouble;
use console::when::{bytes, minute};
use console::{Align, Exit, Lang, Progress, Table, Words, clean};
use link::terminal::now_ms;
use protocol::client::command::SendFile;
use protocol::client::event::{Content, ConversationView, MessageView};
use protocol::client::{Command, Event, Reply, SecretBytes, SecretText};
use serde::Serialize;
use std::fs::File;
use std::io::{Read, stderr};
use std::path::Path;

/// Messages of one conversation that are looked through for files.
const LOOKED_THROUGH: usize = 2000;

pub(super) fn send(args: FileSend, here: Here) -> Result<Exit, Trouble> {
    let io = |error: std::io::Error| Trouble::io(&args.file, &error);
    let mut file = File::open(&args.file).map_err(io)?;
    let about = file.metadata().map_err(io)?;
    if !about.is_file() {
        return Err(Trouble::say(Exit::No, "not-a-file", "this is not a file", "это не файл"));
    }
    let name = file_name(&args.file)?;
    let mut line = Line::open(&here.home, here.voice)?;
    let names = Names::fetch(&mut line)?;
    let to = Target::find(&mut line, &names, &args.to, &here)?;
    let mut message = message(&args.marks, &names)?;
    message.text = if args.with_text { text(&here)? } else { SecretText::default() };
    let conversation = to.conversation(&mut line)?;
    message.conversation = conversation;
    let send = SendFile { message, name: SecretText::new(name), bytes: about.len(), media_type: None };
    let mut drawn = Drawn::new(about.len(), &here);
    let reply = line.run_with(Command::SendFile(send), |event| {
        let Event::ChunkWanted(_, _, wanted) = event else { return Ok(None) };
        let piece = piece(&mut file, wanted).map_err(io)?;
        drawn.more(wanted);
        Ok(Some(piece))
    });
    drawn.clear();
    let Reply::Admitted(admitted) = reply? else { return Err(Trouble::odd_answer()) };
    Ok(sent(&here, "file send", to.title, conversation, &admitted))
}

/// Exactly so many bytes; fewer where the file has become shorter, which ends the transfer.
fn piece(file: &mut File, wanted: u64) -> std::io::Result<SecretBytes> {
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(wanted as usize));
    file.take(wanted).read_to_end(&mut bytes)?;
    Ok(SecretBytes::from(bytes))
}

fn file_name(path: &Path) -> Result<String, Trouble> {
    let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    name.ok_or_else(|| {
        Trouble::say(Exit::No, "file-name", "the file's name is no text", "имя файла не является текстом")
    })
}

/// How far a transfer is, on standard error.
pub(super) struct Drawn {
    progress: Progress,
    done: u64,
}

impl Drawn {
    pub(super) fn new(total: u64, here: &Here) -> Self {
        let width = if here.voice.json { None } else { console::terminal::error_columns() };
        Self { progress: Progress::new(total, here.voice.lang, width, now_ms()), done: 0 }
    }

    pub(super) fn more(&mut self, bytes: u64) {
        self.done += bytes;
        // Nobody is stopped by a line that cannot be drawn.
        let _ = self.progress.draw(self.done, now_ms(), &mut stderr().lock());
    }

    pub(super) fn clear(&self) {
        let _ = self.progress.clear(&mut stderr().lock());
    }
}

struct Page<'a> {
    names: &'a Names,
    files: &'a [(ConversationView, MessageView)],
}

#[derive(Serialize)]
struct Data {
    files: Vec<MessageJson>,
}

impl Words for Page<'_> {
    fn en(&self) -> String {
        self.table(Lang::En)
    }
    fn ru(&self) -> String {
        self.table(Lang::Ru)
    }
}

pub(super) fn list(args: FileList, here: Here) -> Result<Exit, Trouble> {
    let mut line = Line::open(&here.home, here.voice)?;
    let names = Names::fetch(&mut line)?;
    let all = conversations(&mut line)?;
    let chosen = match &args.of {
        Some(typed) => vec![names::conversation(&all, &names, typed)?.clone()],
        None => all.into_iter().filter(|one| one.closed.is_none()).collect(),
    };
    let mut files = Vec::new();
    for conversation in chosen {
        for message in newest(&mut line, &conversation, u64::MAX, LOOKED_THROUGH)? {
            if matches!(message.content, Content::Text(_, Some(_))) {
                files.push((conversation.clone(), message));
            }
        }
    }
    let data = Data { files: files.iter().map(|(_, message)| message_json(message, &names)).collect() };
    Ok(here.voice.done("file list", &Page { names: &names, files: &files }, data))
}

impl Page<'_> {
    fn table(&self, lang: Lang) -> String {
        if self.files.is_empty() {
            return lang.pick("there are no files", "файлов нет").to_owned();
        }
        let mut table = Table::new([
            ("#", Align::Right),
            (lang.pick("time", "время"), Align::Left),
            (lang.pick("from", "от кого"), Align::Left),
            (lang.pick("in", "беседа"), Align::Left),
            (lang.pick("size", "размер"), Align::Right),
            (lang.pick("name", "имя"), Align::Left),
        ]);
        for (conversation, message) in self.files {
            let Content::Text(_, Some(file)) = &message.content else { continue };
            table.row([
                message.index.to_string(),
                minute(message.wall_ms),
                format!("@{}", self.names.login(message.author)),
                self.names.title(conversation, lang),
                bytes(file.bytes, lang),
                clean(file.name.expose()),
            ]);
        }
        table.render(super::width())
    }
}
