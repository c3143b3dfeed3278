//! An excerpt out of a whole bundle, offline: the entries asked for, and as context what a stranger needs to check them.
//! Never judges the bundle: what is cut out of a forged one is found out by whoever checks the excerpt.
//!
//! Context is the genesis, every KeyRoll, succession and time set back that the note covers, the Enrol of each signer, and the
//! revocations of those before the last entry asked for: so that a check needs nothing but the trust file.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};

use journal::act::Act;
use journal::checkpoint::SignedCheckpoint;
use journal::fact::Fact;
use journal::ids::Index;
use journal::tree::{Leaves, Tree, leaf_hash};
use pki::{CertId, Certificate, PersonId, RevocationList};

use crate::bundle::{BadBundle, BundleReader};
use crate::clock_sets::ClockSets;
use crate::concern::Concern;
use crate::excerpt::{ASKED_MAX, Asked, ExcerptWriter, LINKS_MAX, Proofs};
use crate::list_parts::ListParts;
use crate::names::{Names, Opened, What};
use crate::spilled::Spilled;

/// What to cut out, as a person names it.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// Entries from the first to the last, both included.
    Range(Index, Index),
    /// What these people (login or id) signed or what concerns them, and these conversations.
    Selection(Vec<String>, Vec<Index>),
}

/// Why nothing was cut out.
#[derive(Debug, thiserror::Error)]
pub enum CannotCut {
    /// The bundle cannot be read to its end.
    #[error("{bad}")]
    Bundle {
        /// Why.
        bad: BadBundle,
        /// Entries before.
        entries: u64,
    },
    /// An entry cannot be read.
    #[error("entry {0} cannot be read")]
    Illegible(Index),
    /// Nobody is called so.
    #[error("nobody is called {0}")]
    Unknown(String),
    /// Nothing in the bundle was asked for.
    #[error("nothing in the bundle was asked for")]
    Nothing,
    /// More than a selection names.
    #[error("more than {ASKED_MAX} persons or conversations, or more than {LINKS_MAX} older heads")]
    TooMany,
    /// An older head that is larger than the newest signed one.
    #[error("an older head has at most {size} entries")]
    LinkBeyond {
        /// What the newest covers.
        size: u64,
    },
    /// No note covers it.
    #[error("no note covers entry {0}")]
    NotCovered(Index),
    /// There is no such entry.
    #[error("there is no entry {index}, there are {entries}")]
    NoSuchEntry {
        /// Asked for.
        index: Index,
        /// In the bundle.
        entries: u64,
    },
    /// The excerpt cannot be written.
    #[error(transparent)]
    Write(io::Error),
    /// The temporary disk, where the bundle's leaf hashes lie.
    #[error("temporary files: {0}")]
    Temporary(io::Error),
}

/// The newest note of a bundle that covers an entry and is of these very leaves; with its size.
pub fn newest_note<'a>(
    notes: &'a [Vec<u8>],
    tree: &Tree<impl Leaves>,
    index: Index,
) -> Option<(u64, &'a [u8])> {
    let covering = notes.iter().filter_map(|note| {
        let head = SignedCheckpoint::parse(note).ok()?.claimed().head;
        (head.size > index && tree.root_at(head.size) == Ok(head.root)).then_some((head.size, &note[..]))
    });
    covering.max_by_key(|(size, _)| *size)
}

/// What the first reading of the bundle found.
#[derive(Default)]
struct Survey {
    tree: Tree<Spilled>,
    names: Names,
    /// Ascending: all that grows with what is asked for.
    wanted: Vec<Index>,
    /// Who signed what is asked for.
    wanted_by: BTreeSet<(PersonId, CertId)>,
    /// Who signed which of the entries that may go along.
    signers: BTreeMap<Index, (PersonId, CertId)>,
    enrols: BTreeMap<CertId, Index>,
    /// The people of a certificate's serial number: what a list of revoked certificates names.
    serials: BTreeMap<Vec<u8>, CertId>,
    issuing: Option<CertId>,
    always: BTreeSet<Index>,
    revoked: Vec<(Index, PersonId)>,
    listed: Vec<(Index, Vec<CertId>)>,
    list_parts: ListParts,
    /// Every part of a list, whichever it is.
    parts: BTreeSet<Index>,
    clock: ClockSets,
    /// Whose entries are wanted.
    concerns: Vec<Concern>,
    /// Last entries of the older heads that are to be linked: their stamps tell how old those are.
    linked: BTreeSet<Index>,
}

impl Survey {
    fn take(&mut self, wanted: &Wanted, bytes: &[u8]) -> Result<(), CannotCut> {
        let index = self.tree.append(leaf_hash(bytes));
        let opened = Opened::read(bytes).map_err(|_| CannotCut::Illegible(index))?;
        let what = opened.what();
        self.names.take(index, what);
        let asked = self.is_wanted(wanted, index, what);
        if asked {
            self.wanted.push(index);
        }
        match what {
            What::Fact(Fact::KeyRoll(_)) => drop(self.always.insert(index)),
            What::Fact(_) => {}
            What::Statement(parsed) => {
                self.note_act(index, parsed.act());
                let header = parsed.header();
                if asked {
                    self.wanted_by.insert((header.person, header.certificate));
                }
                self.note_clock(index, header.person, parsed.act());
                if self.is_context(index) {
                    self.signers.insert(index, (header.person, header.certificate));
                }
            }
        }
        Ok(())
    }

    fn note_act(&mut self, index: Index, act: &Act) {
        if let Act::Genesis(act) = act {
            self.always.insert(index);
            if let Ok(issuing) = Certificate::parse(&act.issuing) {
                self.serials.insert(issuing.serial().to_vec(), issuing.id());
                self.issuing = Some(issuing.id());
            }
        } else if let Act::Succession(_) = act {
            self.always.insert(index);
        } else if let Act::Enrol(act) = act {
            for der in [&act.signature, &act.agreement] {
                let id = CertId::of(der);
                self.enrols.insert(id, index);
                if let Ok(certificate) = Certificate::parse(der) {
                    self.serials.insert(certificate.serial().to_vec(), id);
                }
            }
        } else if let Act::Revoke(act) = act {
            self.revoked.push((index, act.person));
        } else if let Act::Crl(act) = act
            && let Ok(list) = RevocationList::parse(&act.list)
        {
            let known = self.known(&list);
            self.listed.push((index, known));
        } else if let Act::CrlPart(act) = act {
            self.parts.insert(index);
            if let Some((at, list)) = self.list_parts.take(index, act) {
                let known = self.known(&list);
                self.listed.extend(at.into_iter().map(|index| (index, known.clone())));
            }
        }
    }

    /// Stamps fall behind an approved time alone, so both acts go along.
    fn note_clock(&mut self, index: Index, by: PersonId, act: &Act) {
        if self.clock.take(index, by, act).is_some()
            && let Act::Approve(approve) = act
        {
            self.always.extend([approve.proposal, index]);
        }
    }

    /// The certificates of this log that a list names.
    fn known(&self, list: &RevocationList) -> Vec<CertId> {
        list.entries().iter().filter_map(|entry| self.serials.get(&entry.serial).copied()).collect()
    }

    /// Whether the entry just noted may have to go along as context.
    fn is_context(&self, index: Index) -> bool {
        self.always.contains(&index)
            || self.parts.contains(&index)
            || self.clock.is_proposal(index)
            || self.linked.contains(&index)
            || self.revoked.last().is_some_and(|(last, _)| *last == index)
            || self.listed.last().is_some_and(|(last, _)| *last == index)
    }

    fn is_wanted(&mut self, wanted: &Wanted, index: Index, what: What<'_>) -> bool {
        match wanted {
            Wanted::Range(first, last) => (*first..=*last).contains(&index),
            // Each of them is asked about every entry.
            Wanted::Selection(..) => {
                let mut wanted = false;
                for concern in &mut self.concerns {
                    wanted |= concern.take(index, what, &self.names);
                }
                wanted
            }
        }
    }

    /// The entries that a check of those asked for needs, of the `size` that the note covers.
    fn context(&self, last: Index, size: u64) -> BTreeSet<Index> {
        let mut found: BTreeSet<Index> = self.always.range(..size).copied().collect();
        found.extend(self.linked.range(..size));
        let by = |index: &Index| self.signers.get(index).copied();
        let mut open: Vec<(PersonId, CertId)> = found.iter().filter_map(by).collect();
        open.extend(&self.wanted_by);
        let mut people = BTreeSet::new();
        // Whoever signs a revocation has an Enrol, too, and may have been revoked himself.
        while let Some(signer @ (person, certificate)) = open.pop() {
            if !people.insert(signer) {
                continue;
            }
            let (person, certificate) = (&person, &certificate);
            found.extend(self.enrols.get(certificate));
            let by_act = self.revoked.iter().filter(|(_, whose)| whose == person).map(|(index, _)| *index);
            // A list of the root's that names the issuing authority ends everybody under it.
            let names = |ids: &[CertId]| {
                ids.contains(certificate) || self.issuing.is_some_and(|issuing| ids.contains(&issuing))
            };
            let by_list = self.listed.iter().filter(|(_, ids)| names(ids)).map(|(index, _)| *index);
            for index in by_act.chain(by_list).filter(|index| *index < last) {
                found.insert(index);
                open.extend(by(&index));
            }
        }
        found.retain(|index| !self.has(*index));
        found
    }

    /// Whether this entry is asked for.
    fn has(&self, index: Index) -> bool {
        self.wanted.binary_search(&index).is_ok()
    }

    /// That the temporary disk has held so far.
    fn held(&self) -> Result<(), CannotCut> {
        self.tree.leaves().failure().map_or(Ok(()), |error| Err(CannotCut::Temporary(error)))
    }
}

/// What was cut out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Entries asked for.
    pub asked: u64,
    /// Entries that went along.
    pub context: u64,
    /// The size that the note covers.
    pub size: u64,
}

/// What is to be written, once the bundle was read through.
pub struct Plan {
    survey: Survey,
    asked: Asked,
    context: BTreeSet<Index>,
    size: u64,
    note: Vec<u8>,
    links: BTreeSet<u64>,
}

/// Reads the bundle once and decides what goes into the excerpt. `links` are sizes of older heads that the excerpt is to
/// prove to be continued.
pub fn plan<R: Read>(mut bundle: BundleReader<R>, wanted: &Wanted, links: &[u64]) -> Result<Plan, CannotCut> {
    let linked = links.iter().filter_map(|link| link.checked_sub(1)).collect();
    let concerns = match wanted {
        Wanted::Range(..) => Vec::new(),
        Wanted::Selection(who, conversations) => {
            let people = who.iter().map(|login| Concern::person(login));
            people.chain(conversations.iter().copied().map(Concern::conversation)).collect()
        }
    };
    let mut survey = Survey { linked, concerns, ..Survey::default() };
    while let Some(bytes) = next(&mut bundle)? {
        survey.take(wanted, &bytes)?;
    }
    let entries = survey.tree.size();
    let notes = bundle.notes().map_err(|bad| CannotCut::Bundle { bad, entries })?;
    if let Wanted::Range(first, last) = wanted
        && (first > last || *last >= entries)
    {
        return Err(CannotCut::NoSuchEntry { index: *first.max(last), entries });
    }
    let asked = asked(wanted, &survey.names)?;
    let last = *survey.wanted.last().ok_or(CannotCut::Nothing)?;
    let newest = newest_note(&notes, &survey.tree, last);
    survey.held()?;
    let (size, note) = newest.ok_or(CannotCut::NotCovered(last))?;
    if links.len() > LINKS_MAX {
        return Err(CannotCut::TooMany);
    }
    if links.iter().any(|link| *link > size) {
        return Err(CannotCut::LinkBeyond { size });
    }
    let links: BTreeSet<u64> = links.iter().copied().filter(|link| *link < size && *link > 0).collect();
    let context = survey.context(last, size);
    let note = note.to_vec();
    Ok(Plan { survey, asked, context, size, note, links })
}

fn asked(wanted: &Wanted, names: &Names) -> Result<Asked, CannotCut> {
    Ok(match wanted {
        Wanted::Range(first, last) => Asked::Range(*first, *last),
        Wanted::Selection(who, conversations) => {
            if who.len().max(conversations.len()) > ASKED_MAX {
                return Err(CannotCut::TooMany);
            }
            let person = |login: &String| names.find(login).ok_or_else(|| CannotCut::Unknown(login.clone()));
            let who = who.iter().map(person).collect::<Result<_, _>>()?;
            Asked::Selection(who, conversations.clone())
        }
    })
}

impl Plan {
    /// Reads the bundle once more and writes the excerpt.
    pub fn write<R: Read, W: Write>(
        &self,
        mut bundle: BundleReader<R>,
        out: W,
    ) -> Result<(Cut, W), CannotCut> {
        let mut writer = ExcerptWriter::new(out, &self.asked).map_err(CannotCut::Write)?;
        let (wanted, tree) = (&self.survey.wanted, &self.survey.tree);
        loop {
            let index = bundle.entries();
            let Some(bytes) = next(&mut bundle)? else { break };
            let asked = self.survey.has(index);
            if !asked && !self.context.contains(&index) {
                continue;
            }
            // Whoever changed the bundle between the two readings gets an excerpt of neither.
            if index >= tree.size() || tree.leaves().at(index) != leaf_hash(&bytes) {
                self.survey.held()?;
                return Err(CannotCut::Illegible(index));
            }
            writer.piece(asked, index, &bytes).map_err(CannotCut::Write)?;
        }
        let mut all: Vec<Index> = wanted.iter().chain(&self.context).copied().collect();
        all.sort_unstable();
        let size = self.size;
        let no_such = |_| CannotCut::NoSuchEntry { index: size, entries: tree.size() };
        let entries = tree.prover(size).and_then(|mut prover| prover.multi_proof(&all)).map_err(no_such)?;
        let links = self.links.iter().map(|old| tree.consistency_proof(*old, size));
        let links = links.collect::<Result<_, _>>().map_err(no_such)?;
        self.survey.held()?;
        let out = writer.finish(&self.note, &Proofs { entries, links }).map_err(CannotCut::Write)?;
        Ok((Cut { asked: wanted.len() as u64, context: self.context.len() as u64, size }, out))
    }
}

fn next<R: Read>(bundle: &mut BundleReader<R>) -> Result<Option<Vec<u8>>, CannotCut> {
    let entries = bundle.entries();
    bundle.next_entry().map_err(|bad| CannotCut::Bundle { bad, entries })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::tests::{bundle, exported, signed};
    use crate::excerpt::ExcerptReader;
    use crate::excerpt_check::{CheckAsked, check};
    use crate::judgement::Judgement;
    use journal::ids::Head;
    use journal::testing::TestLog;

    fn cut(bundle: &[u8], wanted: &Wanted, links: &[u64]) -> Result<Vec<u8>, CannotCut> {
        let open = || BundleReader::open(bundle).unwrap();
        plan(open(), wanted, links)?.write(open(), Vec::new()).map(|(_, bytes)| bytes)
    }

    /// The checks of what was cut.
    fn judged(file: &[u8], log: &TestLog, known: Head) -> Judgement {
        let trust = crate::audit::tests::trust(log, Some(known));
        let asked = CheckAsked {
            trust: &trust,
            outside: Vec::new(),
            progress: &mut |_| {},
            observer: &mut |_, _, _| {},
        };
        check(ExcerptReader::open(file).unwrap(), asked).unwrap().judgement
    }

    #[test]
    fn an_excerpt_over_a_clock_set_back_brings_both_acts() {
        let mut log = TestLog::standard(21);
        let chat = log.talking("anna", &["vera"]);
        let first = log.send("anna", chat).unwrap();
        log.set_back_after_leap(40 * 24 * 3_600_000);
        let last = log.send("vera", chat).unwrap();
        let whole = exported(&log);
        for wanted in [Wanted::Range(first, last), Wanted::Range(last, last), Wanted::Range(0, last)] {
            let judgement = judged(&cut(&whole, &wanted, &[]).unwrap(), &log, log.head());
            assert!(matches!(judgement, Judgement::Verified), "{wanted:?}: {judgement:?}");
        }
    }

    #[test]
    fn the_last_entry_of_an_older_head_comes_with_what_its_signer_needs() {
        let mut log = TestLog::standard(22);
        let chat = log.talking("anna", &["boris"]);
        log.send("boris", chat).unwrap();
        let older = log.head();
        let last = log.send("anna", chat).unwrap();
        let file = cut(&exported(&log), &Wanted::Range(last, last), &[older.size]).unwrap();
        let judgement = judged(&file, &log, older);
        assert!(matches!(judgement, Judgement::Verified), "{judgement:?}");
        let beyond = cut(&exported(&log), &Wanted::Range(last, last), &[last + 2]);
        assert!(matches!(beyond, Err(CannotCut::LinkBeyond { .. })));
    }

    #[test]
    fn what_cannot_be_cut_is_told() {
        let mut log = TestLog::standard(7);
        log.talking("anna", &["boris"]);
        let whole = exported(&log);
        let size = log.tree.size();
        let select = |who: &str| cut(&whole, &Wanted::Selection(vec![who.into()], Vec::new()), &[]);
        assert!(matches!(select("nobody"), Err(CannotCut::Unknown(_))));
        assert!(matches!(select("00000000000000ff"), Err(CannotCut::Nothing)));
        assert!(matches!(cut(&whole, &Wanted::Range(3, size), &[]), Err(CannotCut::NoSuchEntry { .. })));
        assert!(matches!(cut(&whole, &Wanted::Range(4, 3), &[]), Err(CannotCut::NoSuchEntry { .. })));
        let short =
            bundle(&log.entries, &[signed(&log, Head { size: 30, root: log.tree.root_at(30).unwrap() })]);
        assert!(matches!(cut(&short, &Wanted::Range(3, 30), &[]), Err(CannotCut::NotCovered(30))));
    }
}
