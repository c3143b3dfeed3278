//! `conclave-audit export`: online as an auditor; the export itself is an act in the journal before anything is taken.
//! With `--tiles` the bundle is laid out behind that; with `--from` it stays offline and is the work of `tiles` alone.
//! Never verifies what it takes, and never leaves half a file.

use std::io::BufWriter;
use std::path::{Path, PathBuf};

use clap::Args;
use console::{Exit, Voice, Words, quoted};
use journal::act::{Act, Export as ExportAct};
use journal::checkpoint::SignedCheckpoint;
use journal::ids::Index;
use link::terminal::{Terminal, TerminalError};
use pki::durable_file::{Growing, OWNER_ONLY};
use protocol::answer::Answer;
use protocol::client::command::OtherAct;
use protocol::client::{Command, Reply};
use protocol::query::Query;
use serde::Serialize;

use super::online::{Access, odd, online, runtime};
use super::{ProgressLine, ended, not_written, shown, tiles, verifier};
use crate::export::{BadExport, Exporter};
use crate::trouble::Trouble;

/// Take the whole journal out of the appliance into a bundle; the journal records that you did.
#[derive(Args, Debug)]
#[allow(missing_docs, reason = "the group's own help stands at its struct")]
pub struct Export {
    /// The bundle, or with --tiles the directory, to write; what exists there stays as it is.
    pub out: PathBuf,
    /// Write a directory of tiles (c2sp.org/tlog-tiles) for readers that are not ours; the bundle that they are made of stays
    /// beside it, as OUT.journal.
    #[arg(long)]
    pub tiles: bool,
    /// Stay offline: take the entries from this bundle.
    #[arg(long, value_name = "BUNDLE", requires = "tiles", conflicts_with_all = ["home", "end_other", "separate"])]
    pub from: Option<PathBuf>,
    /// Do not write `verify_bundle.py` beside it: the independent verifier for whoever has Python and openssl.
    #[arg(long, conflicts_with = "from")]
    pub no_verifier: bool,
    #[command(flatten)]
    pub access: Access,
}

console::words! {
    enum Said {
        Done { entries: u64, file: String, act: Index }
            => en("{entries} entries written to {file}; the export itself is entry #{act}, behind them"),
               ru("записей: {entries}, файл {file}; сама выгрузка — запись #{act}, после них");
        WithTiles { done: String, tiles: String }
            => en("{done}\n{tiles}"),
               ru("{done}\n{tiles}");
        RecordedAlone { act: Index }
            => en("the export is recorded as #{act} all the same, and nothing of it is there: exporting again is recorded again"),
               ru("выгрузка всё же внесена в журнал под № {act}, а файла нет: повторная выгрузка станет ещё одной записью");
        FromIt { bundle: String }
            => en("the tiles are made of it without the server: --tiles --from {bundle}"),
               ru("плитки делаются из неё и без сервера: --tiles --from {bundle}");
    }
}
#[derive(Serialize)]
struct Data {
    entries: u64,
    root: String,
    act: Index,
}

impl Data {
    fn said(&self, out: &Path) -> Said {
        Said::Done { entries: self.entries, file: shown(out), act: self.act }
    }
}

#[derive(Serialize)]
struct WithTiles {
    bundle: String,
    act: Index,
    #[serde(flatten)]
    laid_out: tiles::LaidOut,
}

/// Runs it.
pub fn run(export: &Export, voice: Voice) -> Exit {
    let done = match (&export.from, export.tiles) {
        (Some(bundle), _) => tiles::run(bundle, &export.out, voice),
        (None, true) => with_tiles(export, voice),
        (None, false) => fetched(export, &export.out, voice)
            .map(|data| voice.done("export", &data.said(&export.out), data)),
    };
    ended("export", voice, done)
}

/// The bundle, and then it as tiles. Where these cannot be written, it is there and nobody has to take it out once more.
fn with_tiles(export: &Export, voice: Voice) -> Result<Exit, Trouble> {
    // Before an act is signed for nothing.
    if export.out.exists() {
        return Err(Trouble::Exists { file: shown(&export.out) });
    }
    // A slash at its end is no part of its name.
    let mut bundle = export.out.components().as_path().as_os_str().to_owned();
    bundle.push(".journal");
    let bundle = PathBuf::from(bundle);
    let data = fetched(export, &bundle, voice)?;
    let laid_out = tiles::lay_out(&bundle, &export.out, voice).inspect_err(|_| {
        voice.remark(&data.said(&bundle));
        voice.remark(&Said::FromIt { bundle: quoted(&shown(&bundle)) });
    })?;
    let (done, tiles) = (data.said(&bundle).say(voice.lang), laid_out.said(&export.out).say(voice.lang));
    let data = WithTiles { bundle: shown(&bundle), act: data.act, laid_out };
    Ok(voice.done("export", &Said::WithTiles { done, tiles }, data))
}

/// The whole journal in a new bundle.
fn fetched(export: &Export, out: &Path, voice: Voice) -> Result<Data, Trouble> {
    let card = export.access.card()?;
    if out.exists() {
        return Err(Trouble::Exists { file: shown(out) });
    }
    verifier(!export.no_verifier, out)?;
    let (mut terminal, proof) = export.access.open(card, voice)?;
    runtime()?.block_on(async {
        let done = online_part(&mut terminal, (&proof, export.access.end_other), out, voice).await;
        terminal.close().await;
        done
    })
}

async fn online_part(
    terminal: &mut Terminal,
    (proof, end_other): (&str, bool),
    out: &Path,
    voice: Voice,
) -> Result<Data, Trouble> {
    let trouble = |error: TerminalError| online(&error);
    terminal.connect().await.map_err(trouble)?;
    terminal.login(proof, end_other).await.map_err(trouble)?;
    // Before the newest note, so that the export reaches as far.
    let cosigned = cosigned_note(terminal).await?;
    let note = newest_note(terminal).await?;
    let checkpoint = SignedCheckpoint::parse(&note).map_err(|_| odd())?;
    let head = checkpoint.claimed().head;
    let to = head.size;
    // What cannot be written is found out before anything is recorded.
    let file = BufWriter::new(create(out)?);
    let act = Box::new(OtherAct {
        act: Act::Export(ExportAct { from: 0, to }),
        staged: Vec::new(),
        verifiers: Vec::new(),
    });
    // First the act, then exactly what it names: nobody takes anything out unrecorded.
    let Reply::Admitted(admitted) = terminal.request(Command::Act(act)).await.map_err(trouble)? else {
        return Err(odd());
    };
    let written = fetch(terminal, file, Notes { note, cosigned, size: head.size }, out, voice).await;
    written.inspect_err(|_| voice.remark(&Said::RecordedAlone { act: admitted.index }))?;
    Ok(Data { entries: head.size, root: crate::names::hex(&head.root), act: admitted.index })
}

/// What stands at the end of a bundle, and how many entries before it.
struct Notes {
    note: Vec<u8>,
    cosigned: Option<Vec<u8>>,
    size: u64,
}

/// Writes what the act names.
async fn fetch(
    terminal: &mut Terminal,
    file: BufWriter<Growing>,
    Notes { note, cosigned, size }: Notes,
    out: &Path,
    voice: Voice,
) -> Result<(), Trouble> {
    let trouble = |error: TerminalError| online(&error);
    let bad = |error: BadExport| match error {
        BadExport::Io(error) => Trouble::Unwritable { file: shown(out), cause: error.to_string() },
        BadExport::Note => odd(),
        BadExport::NotWhatWasAsked { wanted, .. } => Trouble::NotGiven { index: wanted },
    };
    let mut exporter = Exporter::new(file, note, cosigned).map_err(bad)?;
    let mut line = ProgressLine::new(size, voice.lang);
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
    file.finish_new().map_err(|error| not_written(out, &error))
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

/// The newest checkpoint that a witness cosigned, where there is one.
async fn cosigned_note(terminal: &mut Terminal) -> Result<Option<Vec<u8>>, Trouble> {
    let asked = Command::Ask(Query::Witness(0));
    let reply = terminal.request(asked).await.map_err(|error| online(&error))?;
    if let Reply::Answer(answer) = reply
        && let Answer::Witness(_, cosigned) = *answer
    {
        return Ok(cosigned.map(|note| note.to_vec()));
    }
    Err(odd())
}

fn create(path: &Path) -> Result<Growing, Trouble> {
    Growing::create(path, OWNER_ONLY).map_err(|error| not_written(path, &error))
}
