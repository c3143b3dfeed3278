//! `conclave file view`, `save` and `verify`: a file comes in chunk by chunk, and only its end says that it is right.
//! Never writes anywhere but where `save` was told to, and never under the final name before all was checked.

use super::file::Drawn;
use crate::Here;
use crate::args::{FileOne, FileSave};
use crate::names::{self, Names, number};
use crate::reach::Line;
use crate::show::FileJson;
use crate::trouble::Trouble;
use console::when::bytes;
use console::{Exit, Lang, Words, clean, clean_lines};
use pki::durable_file::{Growing, OWNER_ONLY};
use protocol::client::event::{Content, FileView, MessageView};
use protocol::client::{Command, Event, Reply};
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Largest file that is shown.
const VIEW_BYTES_MAX: u64 = 4 << 20;

console::words! {
    enum Said {
        Saved { path: String, bytes: String, sha256: String }
            => en("saved: {path} ({bytes}), SHA-256 {sha256}. It is no longer under the product's protection"),
               ru("записано: {path} ({bytes}), SHA-256 {sha256}. Теперь этот файл вне защиты системы");
        Verified { name: String, bytes: String, sha256: String }
            => en("{name} is the file that was sent: {bytes}, SHA-256 {sha256}"),
               ru("{name}: это тот файл, что был отправлен; {bytes}, SHA-256 {sha256}");
    }
}

/// A text file, shown.
struct Text<'a>(&'a str);

impl Words for Text<'_> {
    fn en(&self) -> String {
        clean_lines(self.0)
    }
    fn ru(&self) -> String {
        clean_lines(self.0)
    }
}

#[derive(Serialize)]
struct Viewed<'a> {
    file: FileJson,
    text: &'a str,
}

#[derive(Serialize)]
struct Saved {
    file: FileJson,
    path: String,
}

/// A message with its file, and the line to fetch it by.
struct Wanted {
    line: Line,
    names: Names,
    message: MessageView,
    file: FileView,
}

fn wanted(typed: &str, here: &Here) -> Result<Wanted, Trouble> {
    let index = number(typed)?;
    let mut line = Line::open(&here.home, here.voice)?;
    let names = Names::fetch(&mut line)?;
    let message = names::message(&mut line, index)?;
    let file = match &message.content {
        Content::Text(_, Some(file)) => file.clone(),
        Content::Erased(_) => return Err(refused(protocol::client::Error::Erased { index })),
        Content::NoKey(epoch) => return Err(refused(protocol::client::Error::NoKey { epoch: *epoch })),
        Content::Ahead(_) => return Err(refused(protocol::client::Error::Ahead)),
        Content::GivenUp(era) => {
            return Err(refused(protocol::client::Error::GivenUp { era: *era }));
        }
        Content::Text(_, None) | Content::Missing | Content::Unreadable(_) => {
            return Err(refused(protocol::client::Error::NoFile { index }));
        }
    };
    Ok(Wanted { line, names, message, file })
}

fn refused(error: protocol::client::Error) -> Trouble {
    link::terminal::TerminalError::Command(error).into()
}

impl Wanted {
    /// Fetches the whole file; `take` gets its bytes in order. What it got counts only when this returns.
    fn fetch(
        &mut self,
        here: &Here,
        mut take: impl FnMut(&[u8]) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let command = Command::FetchFile(self.message.conversation, self.message.index);
        let mut drawn = Drawn::new(self.file.bytes, here);
        let reply = self.line.run_with(command, |event| {
            if let Event::FileChunk(_, _, piece) = &event {
                take(piece.expose())?;
                drawn.more(piece.expose().len() as u64);
            }
            Ok(None)
        });
        drawn.clear();
        let Reply::File(_) = reply? else { return Err(Trouble::odd_answer()) };
        Ok(())
    }
}

pub(super) fn view(args: &FileOne, here: Here) -> Result<Exit, Trouble> {
    let mut wanted = wanted(&args.message, &here)?;
    if wanted.file.bytes > VIEW_BYTES_MAX {
        return Err(Trouble::say(
            Exit::No,
            "too-big-to-view",
            format!("at most {} can be shown", bytes(VIEW_BYTES_MAX, Lang::En)),
            format!("показать можно не больше {}", bytes(VIEW_BYTES_MAX, Lang::Ru)),
        ));
    }
    let mut content = Zeroizing::new(Vec::with_capacity(wanted.file.bytes as usize));
    wanted.fetch(&here, |piece| {
        content.extend_from_slice(piece);
        Ok(())
    })?;
    let Ok(text) = std::str::from_utf8(&content) else {
        return Err(Trouble::say(
            Exit::No,
            "not-a-text",
            "the file is no text; `conclave file save` writes it where the policy allows",
            "это не текстовый файл; `conclave file save` запишет его, если позволяют правила",
        ));
    };
    let data = Viewed { file: FileJson::from(&wanted.file), text };
    Ok(here.voice.done("file view", &Text(text), data))
}

pub(super) fn verify(args: &FileOne, here: Here) -> Result<Exit, Trouble> {
    let mut wanted = wanted(&args.message, &here)?;
    wanted.fetch(&here, |_| Ok(()))?;
    let file = &wanted.file;
    let said = Said::Verified {
        name: clean(file.name.expose()),
        bytes: bytes(file.bytes, here.voice.lang),
        sha256: hex::encode(file.sha256),
    };
    Ok(here.voice.done("file verify", &said, FileJson::from(file)))
}

pub(super) fn save(args: &FileSave, here: Here) -> Result<Exit, Trouble> {
    let mut wanted = wanted(&args.message, &here)?;
    if !wanted.names.policy.file_save {
        return Err(Trouble::say(
            Exit::NotAllowed,
            "save-forbidden",
            "the site's policy does not allow files to be written outside",
            "правила системы не позволяют записывать файлы наружу",
        ));
    }
    let path = match &args.to {
        Some(path) => path.clone(),
        None => PathBuf::from(safe_name(wanted.file.name.expose(), wanted.message.index)),
    };
    if path.exists() {
        return Err(exists(&path));
    }
    let unsaved = |error: io::Error| match error.kind() == io::ErrorKind::AlreadyExists {
        true => exists(&path),
        false => Trouble::io(&path, &error),
    };
    let mut part = Growing::create(&path, OWNER_ONLY).map_err(unsaved)?;
    wanted.fetch(&here, |piece| part.write_all(piece).map_err(unsaved))?;
    // Until here the file has a name that says what it is: a part. A crash leaves that, never a file that looks whole.
    part.finish_new().map_err(unsaved)?;
    let shown = clean(&path.display().to_string());
    let said = Said::Saved {
        path: shown.clone(),
        bytes: bytes(wanted.file.bytes, here.voice.lang),
        sha256: hex::encode(wanted.file.sha256),
    };
    Ok(here.voice.done("file save", &said, Saved { file: FileJson::from(&wanted.file), path: shown }))
}

/// A file is there already and stays as it is.
pub(super) fn exists(path: &Path) -> Trouble {
    let path = clean(&path.display().to_string());
    Trouble::say(
        Exit::No,
        "file-exists",
        format!("{path} exists and is not overwritten"),
        format!("{path} уже есть и не перезаписывается"),
    )
}

/// The sender's name for a file, as a name in this directory and nothing else.
fn safe_name(name: &str, index: u64) -> String {
    let last = clean(name).rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    let plain = last.trim().trim_start_matches(['.', '-', '~']).to_owned();
    if plain.is_empty() { format!("conclave-{index}") } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_senders_name_stays_in_this_directory() {
        for (name, safe) in [
            ("отчёт.pdf", "отчёт.pdf"),
            ("../../etc/passwd", "passwd"),
            (".bashrc", "bashrc"),
            ("-rf", "rf"),
            ("a\\b\u{202e}c", "bc"),
            ("..", "conclave-7"),
            ("", "conclave-7"),
        ] {
            assert_eq!(safe_name(name, 7), safe, "{name}");
        }
    }
}
