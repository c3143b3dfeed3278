//! `bundle`: what the appliance takes in with one act.
//! Never drops anything from the next bundle before it is said that the appliance has it.

use super::Place;
use crate::authority::Authority;
use crate::files::{self, Readers, shown};
use crate::trouble::{Failure, Trouble};
use clap::Args;
use console::{Exit, HelpTable, Voice, count_en};
use journal::{Act, SignedStatement};
use protocol::bundle::{ACTS_MAX, Bundle, VERSION, ended_within};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Largest file `taken`, bytes.
const TAKEN_BYTES_MAX: u64 = 32;

/// Bundle the acts that the appliance has not taken in yet, or mark a bundle as taken in.
#[derive(Args)]
#[command(
    after_help = "Example: conclave-pki bundle --out site.bundle\nAfter the appliance took it in: conclave-pki bundle --taken site.bundle"
)]
#[group(id = "job", required = true, multiple = false, args = ["out", "taken"])]
pub(super) struct MakeBundle {
    /// Write the bundle here; the file must not exist.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The appliance has taken in this bundle: the next one begins behind it.
    #[arg(long, value_name = "FILE")]
    taken: Option<PathBuf>,
    /// Everything from the genesis on, for a new appliance.
    #[arg(long, conflicts_with = "taken")]
    all: bool,
    /// Begin with this act again: a bundle was marked as taken in and was not.
    #[arg(long, value_name = "N", conflicts_with_all = ["taken", "all"])]
    from: Option<usize>,
    #[command(flatten)]
    place: Place,
}

pub(super) const HELP: &HelpTable = &[
    ("bundle/@about", "Собрать в пакет акты, которых у сервера ещё нет, или отметить пакет принятым."),
    (
        "bundle/@after",
        "Пример: conclave-pki bundle --out site.bundle\nКогда сервер его принял: conclave-pki bundle --taken site.bundle",
    ),
    ("bundle/out", "записать пакет сюда; файла ещё не должно быть"),
    ("bundle/from", "снова начать с этого акта: пакет отмечен принятым, а принят не был"),
    ("bundle/taken", "сервер принял этот пакет: следующий начнётся после него"),
    ("bundle/all", "всё с самого акта учреждения, для нового сервера"),
];

console::words! {
    enum Said {
        Made { path: String, acts: u64, from: u64, verifiers: u64 }
            => en("{path}: {} from No. {from} on, {}", count_en(*acts, "act", "acts"), count_en(*verifiers, "password verifier", "password verifiers")),
               ru("{path}: актов {acts}, начиная с № {from}; проверочных значений паролей {verifiers}");
        More { left: u64 }
            => en("{} did not fit: mark this bundle as taken in, then make the next", count_en(*left, "act", "acts")),
               ru("не поместилось актов: {left}; отметьте этот пакет принятым и соберите следующий");
        Lost { numbers: String }
            => en("no password verifiers are kept any more for envelopes {numbers}: void or reissue them (conclave-pki envelope), then make this bundle again"),
               ru("для конвертов {numbers} проверочных значений больше нет: объявите их недействительными или выпустите заново (conclave-pki envelope) и составьте этот пакет снова");
        Taken { until: u64 }
            => en("marked as taken in; the next bundle begins with act No. {until}"),
               ru("отмечен принятым; следующий пакет начнётся с акта № {until}");
    }
}

#[derive(Serialize)]
struct Data {
    path: String,
    from: usize,
    acts: usize,
    verifiers: usize,
    genesis: bool,
}

impl MakeBundle {
    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Failure> {
        match (&self.out, &self.taken) {
            (Some(out), _) => self.make(out, voice),
            (None, Some(taken)) => self.mark(taken, voice),
            (None, None) => Err(Trouble::NothingNew.into()),
        }
    }

    fn make(&self, out: &Path, voice: Voice) -> Result<Exit, Failure> {
        let authority = self.place.read()?;
        let founded = authority.state.founded.as_ref().ok_or(Trouble::NotFounded)?;
        let taken = taken(&authority)?;
        let from = match self.from {
            Some(from) if from > taken => {
                return Err(Trouble::NotTaken { from: from as u64, taken: taken as u64 }.into());
            }
            Some(from) => from,
            None if self.all => 0,
            None => taken,
        };
        let total = authority.state.acts.len();
        let until = whole_lists(&authority.state.acts, from, total.min(from + ACTS_MAX));
        if from >= total {
            return Err(Trouble::NothingNew.into());
        }
        let acts = authority.state.acts[from..until].to_vec();
        let parsed: Vec<Act> =
            acts.iter().filter_map(|act| Some(act.clone().parse().ok()?.act().clone())).collect();
        let ended = ended_within(parsed.iter());
        let (mut verifiers, mut lost) = (Vec::new(), Vec::new());
        for envelope in authority.state.envelopes.iter() {
            if (from..until).contains(&(envelope.act as usize)) {
                match authority.verifier(envelope)? {
                    Some(verifier) => verifiers.push(verifier),
                    None if ended.contains(&envelope.number) => {}
                    None => lost.push(envelope.number.to_string()),
                }
            }
        }
        let bundle = Bundle {
            version: VERSION,
            genesis: (from == 0).then(|| founded.signed.clone()),
            acts,
            verifiers,
            server: authority.state.server().map(|server| authority.certificates(server).certificates),
        };
        files::write_new(out, bundle.to_text().as_bytes(), Readers::Owner)?;
        if until < total {
            voice.remark(&Said::More { left: (total - until) as u64 });
        }
        if !lost.is_empty() {
            voice.remark(&Said::Lost { numbers: lost.join(", ") });
        }
        let (acts, verifiers) = (bundle.acts.len(), bundle.verifiers.len());
        let said = Said::Made {
            path: shown(out),
            acts: acts as u64,
            from: from as u64,
            verifiers: verifiers as u64,
        };
        let data = Data { path: shown(out), from, acts, verifiers, genesis: bundle.genesis.is_some() };
        Ok(voice.done("bundle", &said, data))
    }

    /// The mark first, then the verifiers go. A crash in between leaves verifiers that no bundle needs; they are sealed,
    /// and the next mark takes them away.
    fn mark(&self, path: &Path, voice: Voice) -> Result<Exit, Failure> {
        let authority = self.place.write()?;
        let bad = |why: String| Trouble::BadFile { path: shown(path), why };
        let text = files::read_text(path, pki::pem::PEM_BYTES_MAX as u64)?;
        let bundle = Bundle::from_text(&text).map_err(|why| bad(why.to_string()))?;
        let acts = &authority.state.acts;
        let first = bundle.acts.first().ok_or(Trouble::NotOurBundle)?;
        let from = acts.iter().position(|act| act == first).ok_or(Trouble::NotOurBundle)?;
        let until = from + bundle.acts.len();
        let before = taken(&authority)?;
        if acts.get(from..until) != Some(&bundle.acts[..]) || from > before {
            return Err(Trouble::NotOurBundle.into());
        }
        let until = until.max(before);
        files::replace(&authority.path("taken"), format!("{until}\n").as_bytes(), Readers::Owner)?;
        for envelope in authority.state.envelopes.iter().filter(|envelope| envelope.act < until as u64) {
            authority.drop_verifier(envelope.number)?;
        }
        Ok(voice.done("bundle", &Said::Taken { until: until as u64 }, Mark { taken: until }))
    }
}

#[derive(Serialize)]
struct Mark {
    taken: usize,
}

/// How many acts the appliance is known to have.
/// Where a bundle ends that is to end here: before a list of which parts would be left out. Its parts come in one Submit.
fn whole_lists(acts: &[SignedStatement], from: usize, until: usize) -> usize {
    let is_open = |act: &SignedStatement| matches!(act.clone().parse().map(|read| read.act().clone()), Ok(Act::CrlPart(part)) if !part.is_last());
    let open = acts[from..until].iter().rev().take_while(|act| is_open(act)).count();
    until - open
}

fn taken(authority: &Authority) -> Result<usize, Trouble> {
    let path = authority.path("taken");
    if !path.exists() {
        return Ok(0);
    }
    let text = files::read_text(&path, TAKEN_BYTES_MAX)?;
    let bad = || Trouble::BadFile { path: shown(&path), why: "not a number of acts".into() };
    let count: usize = text.trim_end().parse().map_err(|_| bad())?;
    // Fewer acts than the appliance has: the directory is an old copy, and its next act would be a second one of its
    // number.
    if count <= authority.state.acts.len() { Ok(count) } else { Err(bad()) }
}
