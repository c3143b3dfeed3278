//! `conclave-audit check-disclosure`: whether a disclosed message proves who wrote what, where and when.
//! Never trusts the file for the log's key or the authorities: those come from the trust file. Never shows a text that
//! is not proven.

use std::path::PathBuf;

use clap::Args;
use console::when::rfc3339;
use console::{Exit, Lang, Voice, clean, clean_lines};
use pki::durable_file::{self, OWNER_ONLY};
use protocol::disclosure::{BadDisclosure, DISCLOSURE_BYTES_MAX, Disclosed, Disclosure, NotProven};
use serde::Serialize;

use super::compare::{Compare, Compared};
use super::{Told, believing, ended, not_written, person_of, read_small, read_trust, shown};
use crate::names::{hex, label};
use crate::trouble::Trouble;

/// Check a disclosed message: who wrote it, where and when, and what it says.
#[derive(Args, Debug)]
#[allow(missing_docs, reason = "the group's own help stands at its struct")]
pub struct CheckDisclosure {
    /// The file from `conclave message disclose`.
    pub file: PathBuf,
    /// The trust file.
    #[arg(long, value_name = "FILE")]
    pub trust: PathBuf,
    /// Write the text here, as it was written, instead of showing it; only you can read the file.
    #[arg(long, value_name = "FILE")]
    pub text: Option<PathBuf>,
    #[command(flatten)]
    pub compare: Compare,
}

console::words! {
    enum Said {
        NotADisclosure { file: String }
            => en("{file} is no disclosed message"), ru("{file} — не раскрытое сообщение");
        Newer { file: String, version: u8 }
            => en("{file} is of version {version}, newer than this program reads"),
               ru("{file} версии {version}: новее, чем читает эта программа");
    }
}

#[derive(Serialize)]
struct Data {
    message: u64,
    author: String,
    author_login: Option<String>,
    time: String,
    written: String,
    conversation: u64,
    label: u8,
    size: u64,
    root: String,
    disclosed_by: String,
    disclosed: u64,
    disclosed_at: String,
    /// What the known heads say of what is proven: [`Compared::name`].
    compared: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<FileData>,
}

#[derive(Serialize)]
struct FileData {
    name: String,
    bytes: u64,
    sha256: String,
}

/// Why it proves nothing, for scripts.
#[derive(Serialize)]
struct Why {
    why: &'static str,
}

/// Runs it.
pub fn run(check: &CheckDisclosure, voice: Voice) -> Exit {
    ended("check-disclosure", voice, work(check, voice))
}

fn work(check: &CheckDisclosure, voice: Voice) -> Result<Exit, Trouble> {
    let trust = read_trust(&check.trust)?;
    let bytes = read_small(&check.file, DISCLOSURE_BYTES_MAX)?;
    let file = shown(&check.file);
    let disclosure = match Disclosure::parse(&bytes) {
        Ok(disclosure) => disclosure,
        Err(BadDisclosure::Newer(version)) => {
            let said = Said::Newer { file, version };
            return Ok(voice.failed("check-disclosure", Exit::No, "newer", &said));
        }
        Err(
            BadDisclosure::TooLong
            | BadDisclosure::Armour
            | BadDisclosure::NotCanonical(_)
            | BadDisclosure::Field(_),
        ) => {
            let said = Said::NotADisclosure { file };
            return Ok(voice.failed("check-disclosure", Exit::No, "not-a-disclosure", &said));
        }
    };
    let disclosed = match believing(&trust, |believed| disclosure.verify(believed)) {
        Ok(disclosed) => disclosed,
        Err(why) => {
            let (code, words) = not_proven(why, voice.lang);
            return Ok(voice.verdict(
                "check-disclosure",
                Exit::Invalid,
                code,
                &Told(words),
                Why { why: code },
            ));
        }
    };
    // Each receipt in it may stand under a checkpoint of its own.
    let receipts = [&disclosure.message, &disclosure.conversation, &disclosure.record];
    let claimed = receipts.map(|receipt| (*receipt.checkpoint().claimed(), receipt.proof().index()));
    let compared = match check.compare.with(&trust, &claimed, voice.lang)? {
        Ok(compared) => compared,
        Err(words) => {
            let why = Why { why: "diverged" };
            return Ok(voice.verdict("check-disclosure", Exit::Diverged, "diverged", &Told(words), why));
        }
    };
    if let Some(path) = &check.text {
        durable_file::create(path, disclosed.text.text.as_bytes(), OWNER_ONLY)
            .map_err(|error| not_written(path, &error))?;
    }
    let mut page = page(&disclosed, check.text.as_deref().map(shown), voice.lang);
    page.push_str(&format!("\n{}", compared.words(voice.lang)));
    Ok(voice.done("check-disclosure", &Told(page), data(&disclosed, check, compared)))
}

fn data(disclosed: &Disclosed, check: &CheckDisclosure, compared: Compared) -> Data {
    let file = disclosed.text.file.as_ref();
    Data {
        message: disclosed.index,
        author: disclosed.author.full_name().unwrap_or_default().to_owned(),
        author_login: disclosed.author.login().map(str::to_owned),
        time: rfc3339(disclosed.wall_ms),
        written: rfc3339(disclosed.act.time_ms),
        conversation: disclosed.conversation,
        label: disclosed.act.label.rank(),
        size: disclosed.checkpoint.head().size,
        root: hex(&disclosed.checkpoint.head().root),
        disclosed_by: person_of(&disclosed.by),
        disclosed: disclosed.record,
        disclosed_at: rfc3339(disclosed.recorded_ms),
        compared: compared.name(),
        text: check.text.is_none().then(|| disclosed.text.text.clone()),
        text_file: check.text.as_deref().map(shown),
        file: file.map(|file| FileData {
            name: file.name.clone(),
            bytes: file.bytes,
            sha256: hex(&file.sha256),
        }),
    }
}

/// What is proven, in words; the text behind a margin, so that no text passes for one of our own lines.
fn page(disclosed: &Disclosed, written_to: Option<String>, lang: Lang) -> String {
    let (index, size, conversation) =
        (disclosed.index, disclosed.checkpoint.head().size, disclosed.conversation);
    let (author, by, record) = (person_of(&disclosed.author), person_of(&disclosed.by), disclosed.record);
    let (time, own, recorded) =
        (rfc3339(disclosed.wall_ms), rfc3339(disclosed.act.time_ms), rfc3339(disclosed.recorded_ms));
    // The file does not say how the site calls its labels.
    let rank = label(&[], disclosed.act.label, lang);
    let mut out = lang.pick(
        format!(
            "PROVEN: message #{index} of conversation #{conversation}, signed by {author}\n\
             stamped by the server {time}, by its author {own}; label {rank}\n\
             in the log of {size} entries, signed by the log's identity key\n\
             disclosed by {by}, recorded as #{record} at {recorded}\n"
        ),
        format!(
            "ДОКАЗАНО: сообщение #{index} беседы #{conversation}, подписал: {author}\n\
             время сервера {time}, время автора {own}; гриф {rank}\n\
             есть в журнале размера {size}, подписанном ключом журнала\n\
             раскрыто: {by}, запись #{record}, {recorded}\n"
        ),
    );
    match written_to {
        Some(file) => out.push_str(
            &lang.pick(format!("the text is written to {file}\n"), format!("текст записан в {file}\n")),
        ),
        None => {
            for line in clean_lines(&disclosed.text.text).lines() {
                out.push_str(&format!("    {line}\n"));
            }
        }
    }
    if let Some(file) = &disclosed.text.file {
        let (name, bytes, sha256) = (clean(&file.name), file.bytes, hex(&file.sha256));
        out.push_str(&lang.pick(
            format!("with a file that is not in here: {name}, {bytes} bytes, SHA-256 {sha256}\n"),
            format!("к нему файл, которого здесь нет: {name}, байт: {bytes}, SHA-256 {sha256}\n"),
        ));
    }
    out.push_str(lang.pick(
        "this proves this one message alone: not what was said before or after it, and not that nothing was. That the \
         author's certificate was not revoked then is the log's word",
        "доказано только это одно сообщение: не то, что сказано до или после, и не то, что ничего не сказано. Что сертификат \
         автора тогда не был отозван, известно со слов журнала",
    ));
    out
}

fn not_proven(why: NotProven, lang: Lang) -> (&'static str, String) {
    let (code, en, ru) = match why {
        NotProven::Note => (
            "not-signed",
            "a checkpoint in the file is not signed by the identity key of the trust file's log".to_owned(),
            "контрольная точка в файле не подписана ключом журнала из файла доверия".to_owned(),
        ),
        NotProven::NotIncluded => (
            "not-included",
            "an entry in the file does not stand in the log where the file says".into(),
            "запись из файла не стоит в журнале там, где сказано".into(),
        ),
        NotProven::OtherEntry(n) => (
            "other-entry",
            format!(
                "entry #{n} is not what it has to be: the message, its conversation's founding, or the record of this \
                     disclosure"
            ),
            format!(
                "запись #{n} не та, что должна быть: сообщение, основание его беседы или запись об этом раскрытии"
            ),
        ),
        NotProven::Certificate(n) => (
            "no-certificate",
            format!("no authority of the trust file vouches for who is said to have signed entry #{n}"),
            format!(
                "ни один центр из файла доверия не ручается за того, кем названа подписанной запись #{n}"
            ),
        ),
        NotProven::Signature(n) => (
            "bad-signature",
            format!("the signature of entry #{n} does not verify"),
            format!("подпись записи #{n} не сходится"),
        ),
        NotProven::OtherBody => (
            "other-body",
            "the sealed body is not the one that the author signed for: this is another text".into(),
            "запечатанное тело не то, за которое подписался автор: это другой текст".into(),
        ),
        NotProven::OtherKey => (
            "other-key",
            "the key is not the one that the author sealed the message under".into(),
            "ключ не тот, которым автор запечатал сообщение".into(),
        ),
        NotProven::Illegible => {
            ("illegible", "the sealed text does not read".into(), "запечатанный текст не читается".into())
        }
    };
    (code, lang.pick(format!("NOT PROVEN: {en}"), format!("НЕ ДОКАЗАНО: {ru}")))
}
