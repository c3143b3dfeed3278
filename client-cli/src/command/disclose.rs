//! `conclave message disclose`, `message receipt` and `message report`: what a person gives to others about one message.
//! Never writes a disclosed message before the journal holds that it was disclosed, and never over a file that is there.

use super::file_fetch::exists;
use crate::Here;
use crate::args::{MessageDisclose, MessageReceipt, MessageReport, ReasonName};
use crate::names::{self, Names, conversations, number};
use crate::reach::Line;
use crate::show;
use crate::trouble::Trouble;
use console::{Exit, Lang, Words, clean, confirm_at_terminal, quoted};
use journal::act::{Act, Report, ReportReason};
use journal::entry::Entry;
use journal::receipt::Receipt;
use link::terminal::TerminalError;
use link::terminal::words::error_words;
use pki::durable_file::{self, Growing, OWNER_ONLY};
use pki::{CertId, pem};
use protocol::answer::Answer;
use protocol::client::command::OtherAct;
use protocol::client::event::{Content, MessageView};
use protocol::client::{Command, Error, Reply};
use protocol::disclosure::{DISCLOSURE_BYTES_MAX, Disclosure};
use protocol::query::Query;
use serde::Serialize;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

console::words! {
    enum Said {
        Ask => en("Disclose it? The record of it stays for ever."),
               ru("Раскрыть? Запись об этом останется навсегда.");
        Disclosed { path: String, file: String, index: u64 }
            => en("written: {path}\nrecorded in the journal: who has this file reads the message; it is checked with\n\
                   conclave-audit check-disclosure {file} --trust TRUST\n#{index}"),
               ru("записано: {path}\nраскрытие внесено в журнал; сообщение прочтёт каждый, у кого есть этот файл; проверка:\n\
                   conclave-audit check-disclosure {file} --trust ФАЙЛ-ДОВЕРИЯ\nзапись № {index}");
        Receipt { path: String, index: u64 }
            => en("receipt of #{index}: {path}, the author's certificate beside it: {path}.pem\nit is checked with conclave-audit receipt {path} --trust TRUST"),
               ru("квитанция записи № {index}: {path}, рядом сертификат автора: {path}.pem\nпроверка: conclave-audit receipt {path} --trust ФАЙЛ-ДОВЕРИЯ");
        Reported { message: u64, index: u64 }
            => en("reported: #{index}; the officers are told that something is wrong with message #{message}"),
               ru("сообщено: запись № {index}; офицеры узнают, что с сообщением № {message} что-то не так");
    }
}

/// What is about to be given away, and what that means.
struct Plan<'a> {
    names: &'a Names,
    message: &'a MessageView,
    title: (String, String),
}

#[derive(Serialize)]
struct PlanJson {
    message: u64,
    author: String,
    conversation: String,
    /// The file's key is in the text: whoever has the file's stored pieces can open them.
    file: bool,
}

#[derive(Serialize)]
struct Written {
    message: u64,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded: Option<u64>,
}

#[derive(Serialize)]
struct Reported {
    message: u64,
    index: u64,
}

pub(super) fn disclose(args: &MessageDisclose, here: Here) -> Result<Exit, Trouble> {
    let index = number(&args.message)?;
    if args.out.exists() {
        return Err(exists(&args.out));
    }
    let mut line = Line::open(&here.home, here.voice)?;
    let names = Names::fetch(&mut line)?;
    let message = names::message(&mut line, index)?;
    opens(&message)?;
    let all = conversations(&mut line)?;
    let one = all.iter().find(|one| one.id == message.conversation);
    let title =
        |lang| one.map_or_else(String::new, |one| format!("{} (#{})", names.title(one, lang), one.number));
    let plan = Plan { names: &names, message: &message, title: (title(Lang::En), title(Lang::Ru)) };
    let json = PlanJson {
        message: index,
        author: names.login(message.author),
        conversation: message.conversation.to_string(),
        file: has_file(&message),
    };
    if args.plan {
        return Ok(here.voice.done("message disclose", &plan, json));
    }
    // Nobody is asked for what cannot be done now.
    if !line.status()?.online {
        return Err(Trouble::no_connection());
    }
    here.voice.remark(&plan);
    let asked = || confirm_at_terminal(&Said::Ask.say(here.voice.lang), here.voice.lang, "--yes");
    if !args.consent.yes && !asked()? {
        return Err(Trouble::say(Exit::No, "declined", "nothing was disclosed", "ничего не раскрыто"));
    }
    // What cannot be written is found out before anything is recorded.
    let mut part = Growing::create(&args.out, OWNER_ONLY).map_err(|error| unwritten(&args.out, &error))?;
    part.reserve(DISCLOSURE_BYTES_MAX).map_err(|error| unwritten(&args.out, &error))?;
    let Reply::Document(file) = line.run(Command::Disclose(message.conversation, index))? else {
        return Err(Trouble::odd_answer());
    };
    let record = Disclosure::parse(file.expose()).map_err(|_| Trouble::odd_answer())?.record.proof().index();
    let written = part.write_all(file.expose()).and_then(|()| part.finish_new());
    written.map_err(|error| recorded_alone(&args.out, &error, record))?;
    let path = clean(&args.out.display().to_string());
    let said = Said::Disclosed { path: path.clone(), file: quoted(&path), index: record };
    Ok(here.voice.done("message disclose", &said, Written { message: index, path, recorded: Some(record) }))
}

/// The act stands, the file does not.
fn recorded_alone(path: &Path, error: &io::Error, index: u64) -> Trouble {
    let Trouble { exit, en, ru, .. } = Trouble::io(path, error);
    let stands = error_words(&Error::RecordedAlone { index });
    Trouble::say(exit, &stands.name, format!("{en}\n{}", stands.en), format!("{ru}\n{}", stands.ru))
}

pub(super) fn receipt(args: &MessageReceipt, here: Here) -> Result<Exit, Trouble> {
    let index = number(&args.message)?;
    if args.out.exists() {
        return Err(exists(&args.out));
    }
    let mut line = Line::open(&here.home, here.voice)?;
    // That it is a message, and one's own to see.
    names::message(&mut line, index)?;
    let Reply::Document(file) = line.run(Command::Receipt(index))? else {
        return Err(Trouble::odd_answer());
    };
    let mut pem_path = args.out.clone().into_os_string();
    pem_path.push(".pem");
    let pem_path = PathBuf::from(pem_path);
    if pem_path.exists() {
        return Err(exists(&pem_path));
    }
    let certificate = certificate(&mut line, file.expose())?;
    write(&pem_path, pem::encode(pem::CERTIFICATE, &certificate).as_bytes())?;
    let path = write(&args.out, file.expose())?;
    let said = Said::Receipt { path: path.clone(), index };
    Ok(here.voice.done("message receipt", &said, Written { message: index, path, recorded: None }))
}

pub(super) fn report(args: &MessageReport, here: Here) -> Result<Exit, Trouble> {
    let message = number(&args.message)?;
    let reason = match args.reason {
        ReasonName::NotMine => ReportReason::NotMine,
        ReasonName::Mislabelled => ReportReason::Mislabelled,
        ReasonName::Other => ReportReason::Other,
    };
    let mut line = Line::open(&here.home, here.voice)?;
    names::message(&mut line, message)?;
    let act =
        OtherAct { act: Act::Report(Report { message, reason }), staged: Vec::new(), verifiers: Vec::new() };
    let Reply::Admitted(admitted) = line.run(Command::Act(Box::new(act)))? else {
        return Err(Trouble::odd_answer());
    };
    let index = admitted.index;
    Ok(here.voice.done("message report", &Said::Reported { message, index }, Reported { message, index }))
}

/// The certificate of who signed the entry in a receipt. Nothing vouches for it here: the auditor's trust file does.
fn certificate(line: &mut Line, receipt: &[u8]) -> Result<Vec<u8>, Trouble> {
    let entry = Receipt::parse(receipt).ok().and_then(|receipt| Entry::decode(receipt.extra()).ok());
    let Some(Entry { content: journal::Content::Statement(signed), .. }) = entry else {
        return Err(Trouble::odd_answer());
    };
    let id = signed.parse().map_err(|_| Trouble::odd_answer())?.certificate();
    let Reply::Answer(answer) = line.run(Command::Ask(Query::Certificates(vec![id])))? else {
        return Err(Trouble::odd_answer());
    };
    let Answer::Certificates(found) = *answer else { return Err(Trouble::odd_answer()) };
    found.into_iter().find(|der| CertId::of(der) == id).map(Into::into).ok_or_else(Trouble::odd_answer)
}

/// Only what is read here is given away.
fn opens(message: &MessageView) -> Result<(), Trouble> {
    let index = message.index;
    let error = match &message.content {
        Content::Text(..) => return Ok(()),
        Content::Erased(_) => Error::Erased { index },
        Content::NoKey(epoch) => Error::NoKey { epoch: *epoch },
        Content::Ahead(_) => Error::Ahead,
        Content::GivenUp(era) => Error::GivenUp { era: *era },
        Content::Missing => Error::NotVerified { what: protocol::client::error::What::Body },
        Content::Unreadable(what) => Error::NotVerified { what: *what },
    };
    Err(TerminalError::Command(error).into())
}

fn has_file(message: &MessageView) -> bool {
    matches!(&message.content, Content::Text(_, Some(_)))
}

/// A new file that its owner alone reads; gives its name as it may be shown.
fn write(path: &Path, bytes: &[u8]) -> Result<String, Trouble> {
    durable_file::create(path, bytes, OWNER_ONLY).map_err(|error| unwritten(path, &error))?;
    Ok(clean(&path.display().to_string()))
}

fn unwritten(path: &Path, error: &io::Error) -> Trouble {
    if error.kind() == io::ErrorKind::AlreadyExists {
        return exists(path);
    }
    if error.kind() != io::ErrorKind::NotFound {
        return Trouble::io(path, error);
    }
    let path = clean(&path.display().to_string());
    let (en, ru) = (format!("{path}: there is no such folder"), format!("{path}: такой папки нет"));
    Trouble::say(Exit::Missing, "io", en, ru)
}

impl Words for Plan<'_> {
    fn en(&self) -> String {
        self.page(Lang::En)
    }
    fn ru(&self) -> String {
        self.page(Lang::Ru)
    }
}

impl Plan<'_> {
    fn page(&self, lang: Lang) -> String {
        let title = lang.pick(&self.title.0, &self.title.1);
        let message = show::message(self.message, self.names, lang);
        let mut out = lang.pick(
            format!("this message of {title} is to be disclosed:\n{message}"),
            format!("раскрывается сообщение из беседы {title}:\n{message}"),
        );
        out.push_str(lang.pick(
            "whoever has the file reads it and can prove who wrote it and when; nothing else of the conversation is \
             opened by it\nthe members and the officers see that you disclosed it; it CANNOT be taken back, and erasing \
             the message later does not reach the file",
            "всякий, у кого есть файл, прочтёт сообщение и докажет, кто и когда его написал; больше ничего из беседы файл \
             не открывает\nучастники и офицеры увидят, что его раскрыли вы; ОТМЕНИТЬ это НЕЛЬЗЯ, и позднейшее стирание \
             сообщения файла не коснётся",
        ));
        if has_file(self.message) {
            out.push_str(lang.pick(
                "\nthe text holds the KEY OF THE ATTACHED FILE: who has the file's stored pieces can open them too",
                "\nв тексте есть КЛЮЧ ПРИЛОЖЕННОГО ФАЙЛА: тот, у кого есть хранимые части файла, откроет и их",
            ));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_only_the_file_failed_its_person_hears_that_the_record_stands() {
        let trouble = recorded_alone(Path::new("usb/one"), &io::ErrorKind::StorageFull.into(), 309);
        assert_eq!((trouble.exit, &trouble.name[..]), (Exit::Io, "recorded-not-written"));
        assert!(
            trouble.en.starts_with("usb/one: the disk is full\n") && trouble.en.contains("recorded as #309")
        );
        assert!(trouble.ru.starts_with("usb/one: диск заполнен\n") && trouble.ru.contains("под № 309"));
    }
}
