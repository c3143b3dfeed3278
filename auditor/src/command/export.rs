//! `conclave-audit export`: online as an auditor; the export itself is an act in the journal before anything is taken.
//! Never verifies what it takes, and never leaves half a file.

use std::io::BufWriter;
use std::path::{Path, PathBuf};

use clap::Args;
use console::{Exit, NoHome, PassphraseFd, SecretSource, Voice, Words, home_dir};
use journal::act::{Act, Export as ExportAct};
use journal::checkpoint::SignedCheckpoint;
use journal::ids::Index;
use link::terminal::{Terminal, TerminalError};
use pki::durable_file::{Growing, OWNER_ONLY};
use pki::password::login_proof;
use pki::site_card::CARD_BYTES_MAX;
use pki::{CredentialFile, SiteCard};
use protocol::answer::Answer;
use protocol::client::command::OtherAct;
use protocol::client::{Command, Reply};
use protocol::query::Query;
use rand_core::{CryptoRng, UnwrapErr};
use serde::Serialize;
use tokio::runtime::Runtime;
use zeroize::Zeroizing;

use super::{ProgressLine, ended, not_written, read_small, shown};
use crate::export::{BadExport, Exporter};
use crate::trouble::Trouble;

/// Take the whole journal out of the appliance into a bundle; the journal records that you did.
#[derive(Args, Debug)]
#[allow(missing_docs, reason = "the group's own help stands at its struct")]
pub struct Export {
    /// The bundle to write; an existing file stays as it is.
    pub out: PathBuf,
    #[command(flatten)]
    pub access: Access,
}

/// Where the auditor's credential lies, and how it is opened; flattened into every command that goes online.
#[derive(Args, Debug)]
#[allow(missing_docs, reason = "the group's own help stands at its struct")]
pub struct Access {
    /// Directory of your credential and site card (else CONCLAVE_HOME, else the configuration directory).
    #[arg(long, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// End another live session of yours.
    #[arg(long)]
    pub end_other: bool,
    /// Your password is another one than your credential's passphrase: ask for both.
    #[arg(long)]
    pub separate: bool,
    #[command(flatten)]
    pub passphrase: PassphraseFd,
}

console::words! {
    enum Said {
        Done { entries: u64, file: String, act: Index }
            => en("{entries} entries written to {file}; the export itself is entry #{act}, behind them"),
               ru("записей: {entries}, файл {file}; сама выгрузка — запись #{act}, после них");
    }
}
console::words! {
    enum Label {
        Passphrase => en("Passphrase of the credential: "), ru("Парольная фраза ключей: ");
        Password => en("Password: "), ru("Пароль: ");
        LoginPassword => en("Login password: "), ru("Пароль входа: ");
    }
}

#[derive(Serialize)]
struct Data {
    entries: u64,
    root: String,
    act: Index,
}

/// Runs it.
pub fn run(export: &Export, voice: Voice) -> Exit {
    ended("export", voice, work(export, voice))
}

fn work(export: &Export, voice: Voice) -> Result<Exit, Trouble> {
    if export.out.exists() {
        return Err(Trouble::Exists { file: shown(&export.out) });
    }
    let Opened { mut terminal, proof, runtime } = open(&export.access, voice)?;
    let done = runtime.block_on(async {
        let done = online_part(&mut terminal, &proof, export, voice).await;
        terminal.close().await;
        done
    });
    let data = done?;
    let said = Said::Done { entries: data.entries, file: shown(&export.out), act: data.act };
    Ok(voice.done("export", &said, data))
}

/// A terminal that is not connected yet, and what opens its session.
pub(super) struct Opened {
    pub(super) terminal: Terminal,
    pub(super) proof: Zeroizing<String>,
    pub(super) runtime: Runtime,
}

/// Opens the auditor's credential.
pub(super) fn open(access: &Access, voice: Voice) -> Result<Opened, Trouble> {
    let home = home(access)?;
    let card = card(&home.join("site.card"))?;
    let mut source = SecretSource::open(access.passphrase.passphrase_fd);
    let mut ask = |label: Label| match &mut source {
        Ok(source) => {
            let label = console::Words::say(&label, voice.lang);
            source.ask(&label).map_err(|error| Trouble::asked(&error, voice.lang))
        }
        Err(error) => Err(Trouble::asked(error, voice.lang)),
    };
    let passphrase = ask(if access.separate { Label::Passphrase } else { Label::Password })?;
    let file = CredentialFile::open(&home.join("credential"), passphrase.expose().as_bytes())
        .map_err(|error| online(&error.into()))?;
    let terminal = Terminal::open(file, card, false, randomness).map_err(|error| online(&error))?;
    let separate = if access.separate { Some(ask(Label::LoginPassword)?) } else { None };
    let password = separate.as_ref().unwrap_or(&passphrase);
    let proof = login_proof(password.expose().as_bytes(), terminal.person())
        .map_err(|error| Trouble::BadValue { what: "password".into(), wanted: error.to_string() })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Trouble::Unreadable { file: "tokio".into(), cause: error.to_string() })?;
    Ok(Opened { terminal, proof, runtime })
}

async fn online_part(
    terminal: &mut Terminal,
    proof: &str,
    export: &Export,
    voice: Voice,
) -> Result<Data, Trouble> {
    let trouble = |error: TerminalError| online(&error);
    terminal.connect().await.map_err(trouble)?;
    terminal.login(proof, export.access.end_other).await.map_err(trouble)?;
    let note = newest_note(terminal).await?;
    let checkpoint = SignedCheckpoint::parse(&note).map_err(|_| odd())?;
    let head = checkpoint.claimed().head;
    let to = head.size;
    let act = Box::new(OtherAct {
        act: Act::Export(ExportAct { from: 0, to }),
        staged: Vec::new(),
        verifiers: Vec::new(),
    });
    // First the act, then exactly what it names: nobody takes anything out unrecorded.
    let Reply::Admitted(admitted) = terminal.request(Command::Act(act)).await.map_err(trouble)? else {
        return Err(odd());
    };
    let bad = |error: BadExport| Trouble::Unwritable { file: shown(&export.out), cause: error.to_string() };
    let mut exporter = Exporter::new(BufWriter::new(create(&export.out)?), note).map_err(bad)?;
    let mut line = ProgressLine::new(head.size, voice.lang);
    while let Some((from, count)) = exporter.wanted() {
        line.at(exporter.progress().0);
        let asked = Command::Ask(Query::Entries(from, count));
        let Reply::Entries(entries, _) = terminal.request(asked).await.map_err(trouble)? else {
            return Err(odd());
        };
        exporter.take(entries.iter().map(|view| (view.index, &view.entry[..]))).map_err(bad)?;
    }
    line.clear();
    let written = exporter.finish().map_err(bad)?;
    // Only now has the bundle its name; a crash before this leaves a part that says what it is.
    let file = written.into_inner().map_err(|error| bad(error.into_error().into()))?;
    file.finish_new().map_err(|error| not_written(&export.out, &error))?;
    Ok(Data { entries: head.size, root: crate::names::hex(&head.root), act: admitted.index })
}

async fn newest_note(terminal: &mut Terminal) -> Result<Vec<u8>, Trouble> {
    let asked = Command::Ask(Query::Consistency(1));
    let reply = terminal.request(asked).await.map_err(|error| online(&error))?;
    if let Reply::Answer(answer) = reply
        && let Answer::Consistency(note, _) = *answer
    {
        return Ok(note.to_vec());
    }
    Err(odd())
}

fn create(path: &Path) -> Result<Growing, Trouble> {
    Growing::create(path, OWNER_ONLY).map_err(|error| not_written(path, &error))
}

fn card(path: &Path) -> Result<SiteCard, Trouble> {
    let bad = |cause: String| Trouble::BadCard { file: shown(path), cause };
    let text = String::from_utf8(read_small(path, CARD_BYTES_MAX * 2)?).map_err(|_| bad("UTF-8".into()))?;
    SiteCard::from_text(&text).map_err(|error| bad(error.to_string()))
}

fn home(access: &Access) -> Result<PathBuf, Trouble> {
    home_dir(access.home.as_deref(), |name| std::env::var_os(name)).ok_or_else(|| Trouble::Online {
        code: "no-home".into(),
        exit: Exit::Missing,
        en: NoHome::Unset.en(),
        ru: NoHome::Unset.ru(),
    })
}

/// The operating system's randomness; it panics where the system refuses, which it does not after start-up.
fn randomness() -> Box<dyn CryptoRng + Send> {
    Box::new(UnwrapErr(getrandom::SysRng))
}

pub(super) fn odd() -> Trouble {
    Trouble::Online {
        code: "odd-answer".into(),
        exit: Exit::of_reason("odd-answer"),
        en: "the server answered something else than was asked".into(),
        ru: "сервер ответил не то, что спрашивали".into(),
    }
}

pub(super) fn online(error: &TerminalError) -> Trouble {
    let words = error.words();
    let exit = Exit::of_reason(&words.name);
    Trouble::Online { code: words.name, exit, en: words.en, ru: words.ru }
}
