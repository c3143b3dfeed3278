//! `conclave-audit cut` and `select`: a part of a bundle for a stranger, offline, with what he needs to check it.
//! Never judges the bundle: who gets the excerpt does, with a trust file of his own.

use std::io::BufWriter;
use std::path::{Path, PathBuf};

use clap::Args;
use console::{Exit, Voice, count_en, count_ru};
use pki::durable_file::{Growing, UMASK};
use serde::Serialize;

use super::{ended, not_written, number, open_bundle, shown, verifier};
use crate::cutting::{CannotCut, Cut as Done, Wanted, plan};
use crate::trouble::Trouble;

/// Cut a range of entries out of a bundle: presence and completeness are proven.
#[derive(Args, Debug)]
pub struct Cut {
    /// The bundle.
    pub bundle: PathBuf,
    /// Index of the first entry.
    #[arg(long, value_name = "N", value_parser = number)]
    pub from: u64,
    /// Index of the last entry, included.
    #[arg(long, value_name = "N", value_parser = number)]
    pub to: u64,
    /// The excerpt to write; an existing file stays as it is.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Prove, too, that the log continues the head of this size, which the receiver holds; may be given again.
    #[arg(long, value_name = "SIZE")]
    pub link: Vec<u64>,
    /// Do not write `verify_bundle.py` beside it: the independent verifier for whoever has Python and openssl.
    #[arg(long)]
    pub no_verifier: bool,
}

/// Select entries by person or conversation: presence is proven, completeness is not.
#[derive(Args, Debug)]
pub struct Select {
    /// The bundle.
    pub bundle: PathBuf,
    /// What this person signed or what concerns the person or the person's messages: login or id; may be given again.
    #[arg(long, value_name = "WHO", required_unless_present = "conversation")]
    pub who: Vec<String>,
    /// This conversation: its number, the index of its founding; may be given again.
    #[arg(long, value_name = "NUMBER")]
    pub conversation: Vec<String>,
    /// The excerpt to write; an existing file stays as it is.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Prove, too, that the log continues the head of this size, which the receiver holds; may be given again.
    #[arg(long, value_name = "SIZE")]
    pub link: Vec<u64>,
    /// Do not write `verify_bundle.py` beside it: the independent verifier for whoever has Python and openssl.
    #[arg(long)]
    pub no_verifier: bool,
}

console::words! {
    enum Said {
        Range { asked: u64, context: u64, file: String }
            => en("{} written to {file}, and {} that a check needs; the note proves presence and completeness",
                  count_en(*asked, "entry", "entries"), context),
               ru("записано: {}, файл {file}; сверх того для проверки: {context}; доказуемы наличие и полнота",
                  count_ru(*asked, "запись", "записи", "записей"));
        Selection { asked: u64, context: u64, file: String }
            => en("{} written to {file}, and {} that a check needs: PRESENCE, NOT COMPLETENESS",
                  count_en(*asked, "entry", "entries"), context),
               ru("записано: {}, файл {file}; сверх того для проверки: {context}. НАЛИЧИЕ, НО НЕ ПОЛНОТА",
                  count_ru(*asked, "запись", "записи", "записей"));
    }
}

#[derive(Serialize)]
struct Data {
    file: String,
    asked: u64,
    context: u64,
    size: u64,
    /// What the excerpt can prove.
    presence: bool,
    completeness: bool,
}

/// Runs `cut`.
pub fn run_cut(cut: &Cut, voice: Voice) -> Exit {
    let wanted = Wanted::Range(cut.from, cut.to);
    let done = verifier(!cut.no_verifier, &cut.out);
    let done = done.and_then(|()| write(&cut.bundle, &wanted, &cut.link, &cut.out));
    ended("cut", voice, done.map(|done| said("cut", done, true, &cut.out, voice)))
}

/// Runs `select`.
pub fn run_select(select: &Select, voice: Voice) -> Exit {
    let conversation = |text: &String| {
        let bad = || Trouble::BadValue { what: "--conversation".into(), wanted: "#12".into() };
        number(text).map_err(|_| bad())
    };
    let conversations = select.conversation.iter().map(conversation).collect::<Result<Vec<_>, _>>();
    let done = conversations.and_then(|conversations| {
        let wanted = Wanted::Selection(select.who.clone(), conversations);
        verifier(!select.no_verifier, &select.out)?;
        write(&select.bundle, &wanted, &select.link, &select.out)
    });
    ended("select", voice, done.map(|done| said("select", done, false, &select.out, voice)))
}

fn said(command: &str, done: Done, completeness: bool, out: &Path, voice: Voice) -> Exit {
    let Done { asked, context, size } = done;
    let file = shown(out);
    let data = Data { file: file.clone(), asked, context, size, presence: true, completeness };
    let said = match completeness {
        true => Said::Range { asked, context, file },
        false => Said::Selection { asked, context, file },
    };
    voice.done(command, &said, data)
}

fn write(bundle: &Path, wanted: &Wanted, links: &[u64], out: &Path) -> Result<Done, Trouble> {
    if out.exists() {
        return Err(Trouble::Exists { file: shown(out) });
    }
    if let Wanted::Range(from, to) = wanted
        && from > to
    {
        return Err(Trouble::BadValue { what: "--from, --to".into(), wanted: "--from <= --to".into() });
    }
    let cannot = |why| trouble(why, bundle, out);
    let plan = plan(open_bundle(bundle)?.0, wanted, links).map_err(cannot)?;
    let file = Growing::create(out, UMASK).map_err(|error| not_written(out, &error))?;
    let (done, written) = plan.write(open_bundle(bundle)?.0, BufWriter::new(file)).map_err(cannot)?;
    let file = written.into_inner().map_err(|error| not_written(out, error.error()))?;
    file.finish_new().map_err(|error| not_written(out, &error))?;
    Ok(done)
}

fn trouble(why: CannotCut, bundle: &Path, out: &Path) -> Trouble {
    match why {
        CannotCut::Bundle { bad, entries } => Trouble::bundle(shown(bundle), &bad, entries),
        CannotCut::Illegible(index) => Trouble::IllegibleEntry { index },
        CannotCut::Unknown(who) => Trouble::UnknownPerson { who: console::clean(&who) },
        CannotCut::Nothing => Trouble::NothingAsked,
        CannotCut::TooMany => {
            let what = "--who, --conversation, --link".into();
            Trouble::BadValue { what, wanted: "<= 64, 64, 16".into() }
        }
        CannotCut::NotCovered(index) => Trouble::NotCovered { index },
        CannotCut::LinkBeyond { size } => {
            Trouble::BadValue { what: "--link".into(), wanted: format!("<= {size}") }
        }
        CannotCut::NoSuchEntry { index, entries } => Trouble::NoSuchEntry { index, entries },
        CannotCut::Write(error) => not_written(out, &error),
        CannotCut::Temporary(error) => Trouble::Temporary { cause: error.to_string() },
    }
}
