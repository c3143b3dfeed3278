//! `conclave-audit checkpoint`: a signed head taken out of a file, as text or as a sheet of paper that witnesses it.
//! Never prints a head that the log of the trust file did not sign.

use std::path::PathBuf;

use clap::Args;
use console::{Exit, Lang, Voice};
use paper::{CheckpointSheet, Lang as PaperLang};
use serde::Serialize;

use super::{Told, ended, read_trust, shown, write_new};
use crate::names::hex;
use crate::source::Source;
use crate::trouble::Trouble;

/// Show the newest checkpoint of a file, or print it as a sheet that is kept outside the room.
#[derive(Args, Debug)]
pub struct PrintCheckpoint {
    /// A checkpoint, a bundle, or a directory of tiles.
    pub source: PathBuf,
    /// The trust file: its log must have signed.
    #[arg(long, value_name = "FILE")]
    pub trust: PathBuf,
    /// Write a sheet here, PDF: text, QR code of the note, lines for ink signatures.
    #[arg(long, value_name = "PDF")]
    pub print: Option<PathBuf>,
}

console::words! {
    enum Said {
        Printed { size: u64, file: String }
            => en("sheet of the head of {size} entries: {file}; print it, sign it in ink, keep it outside the room"),
               ru("лист контрольной точки на {size} записей: {file}; напечатайте его, подпишите чернилами, храните вне помещения");
    }
}

#[derive(Serialize)]
struct Data {
    size: u64,
    root: String,
    note: String,
}

/// Runs it.
pub fn run(command: &PrintCheckpoint, voice: Voice) -> Exit {
    ended("checkpoint", voice, work(command, voice))
}

fn work(command: &PrintCheckpoint, voice: Voice) -> Result<Exit, Trouble> {
    let trust = read_trust(&command.trust)?;
    let checkpoint = Source::read(&command.source)?.checkpoint;
    let era = checkpoint.claimed().origin.era;
    let verified = checkpoint.verify_by(&trust.identity_in(era));
    let head = verified.map_err(|_| Trouble::BadAnchor { file: shown(&command.source) })?.head();
    let note = checkpoint.to_string();
    let data = Data { size: head.size, root: hex(&head.root), note: note.clone() };
    let Some(path) = &command.print else { return Ok(voice.done("checkpoint", &Told(note), data)) };
    let lang = match voice.lang {
        Lang::En => PaperLang::En,
        Lang::Ru => PaperLang::Ru,
    };
    let printed_ms = link::terminal::now_ms();
    let sheet = CheckpointSheet {
        site: &trust.site,
        era,
        size: head.size,
        root: &head.root,
        note: &note,
        printed_ms,
        lang,
    };
    let pdf = sheet.pdf().map_err(|error| Trouble::Unprintable { cause: error.to_string() })?;
    write_new(path, &pdf)?;
    Ok(voice.done("checkpoint", &Said::Printed { size: head.size, file: shown(path) }, data))
}
