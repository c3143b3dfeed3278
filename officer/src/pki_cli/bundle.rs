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
use protocol::frame::Stage;
use protocol::limits::{SEALED_VERIFIER_BYTES_MAX, STAGED_BYTES_MAX};
use serde::Serialize;
use std::collections::BTreeSet;
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
        let until = fitting(&authority.state.acts, from, &printing(&authority));
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

/// Which acts print an envelope: its verifier goes with them.
fn printing(authority: &Authority) -> BTreeSet<u64> {
    authority.state.envelopes.iter().map(|envelope| envelope.act).collect()
}

/// Where a bundle ends that begins here: it holds no more than one Submit takes, by number and by bytes.
fn fitting(acts: &[SignedStatement], from: usize, printing: &BTreeSet<u64>) -> usize {
    let mut bytes = 0;
    let fits = |at: &usize| {
        let verifier =
            printing.contains(&(*at as u64)).then(|| Stage::verifier_bytes(SEALED_VERIFIER_BYTES_MAX));
        bytes += Stage::act_bytes(&acts[*at]) + verifier.unwrap_or(0);
        bytes <= STAGED_BYTES_MAX
    };
    let fitting = (from..acts.len()).take(ACTS_MAX).take_while(fits).count();
    whole_lists(acts, from, from + fitting)
}

/// Where a bundle ends that is to end here: before a list of which parts would be left out. Its parts come in one Submit.
fn whole_lists(acts: &[SignedStatement], from: usize, until: usize) -> usize {
    let is_open = |act: &SignedStatement| matches!(act.clone().parse().map(|read| read.act().clone()), Ok(Act::CrlPart(part)) if !part.is_last());
    let open = acts[from..until].iter().rev().take_while(|act| is_open(act)).count();
    until - open
}

/// How many acts the appliance is known to have.
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

#[cfg(test)]
mod tests {
    use super::*;
    use journal::act::people::CRL_BYTES_MAX;
    use journal::act::{CRL_PARTS_MAX, Crl, CrlPart, Logout};
    use journal::ids::{Chain, Head, LogId, StatementId};
    use journal::statement::{Header, STATEMENT_VERSION, Statement};
    use minicbor::bytes::ByteVec;
    use pki::{CertId, PersonId, Suite, canonical};

    /// An act as the authority's chain holds it; nobody looks at its signature here.
    fn act(act: Act) -> SignedStatement {
        let header = Header {
            version: STATEMENT_VERSION,
            suite: Suite::Ed25519,
            log: LogId([1; 32]),
            person: PersonId(0),
            certificate: CertId([2; 32]),
            chain: Chain([3; 32]),
            sequence: 1,
            attempt: 0,
            previous: StatementId::ZERO,
            head: Head { size: 0, root: [0; 32] },
        };
        let statement = canonical::encode(&Statement { header, act }).into();
        SignedStatement { statement, signature: vec![0; 64].into() }
    }

    /// A revocation list in as many parts as there may be, of the same bytes each time.
    fn list() -> Vec<SignedStatement> {
        let bytes = ByteVec::from(vec![7; CRL_BYTES_MAX as usize]);
        let part = |number| CrlPart { number, of: CRL_PARTS_MAX, whole: [9; 32], bytes: bytes.clone() };
        (1..=CRL_PARTS_MAX).map(|number| act(Act::CrlPart(part(number)))).collect()
    }

    fn staged(acts: &[SignedStatement]) -> usize {
        acts.iter().map(Stage::act_bytes).sum()
    }

    #[test]
    fn a_bundle_of_long_lists_is_cut_by_bytes_and_before_a_list_that_does_not_fit() {
        let lists: Vec<_> = std::iter::repeat_with(list).take(100).flatten().collect();
        assert!(staged(&lists) > 2 * STAGED_BYTES_MAX && lists.len() < ACTS_MAX);
        let (mut from, mut bundles) = (0, 0);
        while from < lists.len() {
            let until = fitting(&lists, from, &BTreeSet::new());
            let whole = (until - from).is_multiple_of(CRL_PARTS_MAX as usize);
            assert!(until > from && whole, "{from} to {until}");
            assert!(staged(&lists[from..until]) <= STAGED_BYTES_MAX);
            let next = lists.len().min(until + CRL_PARTS_MAX as usize);
            assert!(until == lists.len() || staged(&lists[from..next]) > STAGED_BYTES_MAX, "as much as fits");
            (from, bundles) = (until, bundles + 1);
        }
        assert_eq!(bundles, 3);
    }

    #[test]
    fn verifiers_count_too_and_small_acts_are_cut_by_number() {
        let small = vec![act(Act::Logout(Logout {})); 2 * ACTS_MAX];
        assert_eq!(fitting(&small, 3, &BTreeSet::new()), 3 + ACTS_MAX);
        let large = vec![act(Act::Crl(Crl { list: vec![7; CRL_BYTES_MAX as usize].into() })); 500];
        let each = Stage::act_bytes(&large[0]);
        assert_eq!(fitting(&large, 0, &BTreeSet::new()), STAGED_BYTES_MAX / each);
        let printing = (0..500).collect();
        let each = each + Stage::verifier_bytes(SEALED_VERIFIER_BYTES_MAX);
        assert_eq!(fitting(&large, 0, &printing), STAGED_BYTES_MAX / each, "their verifiers take room");
        assert_eq!(fitting(&large, 500, &printing), 500, "and nothing is nothing");
    }
}
