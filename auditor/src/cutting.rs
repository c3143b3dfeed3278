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
use crate::concern::{concerned, conversation};
use crate::excerpt::{ASKED_MAX, Asked, ExcerptWriter, LINKS_MAX, Proofs};
use crate::list_parts::ListParts;
use crate::names::{Names, Opened, What};

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
    tree: Tree,
    names: Names,
    wanted: BTreeSet<Index>,
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
}

impl Survey {
    fn take(&mut self, wanted: &Wanted, bytes: &[u8]) -> Result<(), CannotCut> {
        let index = self.tree.append(leaf_hash(bytes));
        let opened = Opened::read(bytes).map_err(|_| CannotCut::Illegible(index))?;
        let what = opened.what();
        self.names.take(index, what);
        if self.is_wanted(wanted, index, what) {
            self.wanted.insert(index);
        }
        match what {
            What::Fact(Fact::KeyRoll(_)) => drop(self.always.insert(index)),
            What::Fact(_) => {}
            What::Statement(parsed) => {
                self.note_act(index, parsed.act());
                self.note_clock(index, parsed.header().person, parsed.act());
                if self.wanted.contains(&index) || self.is_context(index) {
                    let header = parsed.header();
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
            || self.revoked.last().is_some_and(|(last, _)| *last == index)
            || self.listed.last().is_some_and(|(last, _)| *last == index)
    }

    fn is_wanted(&self, wanted: &Wanted, index: Index, what: What<'_>) -> bool {
        match wanted {
            Wanted::Range(first, last) => (*first..=*last).contains(&index),
            Wanted::Selection(who, conversations) => {
                let signer = match what {
                    What::Statement(parsed) => Some(parsed.header().person),
                    What::Fact(_) => None,
                };
                let about = |person| signer == Some(person) || concerned(what).contains(&person);
                who.iter().any(|login| self.names.find(login).is_some_and(about))
                    || conversation(what, index, &self.names)
                        .is_some_and(|place| conversations.contains(&place))
            }
        }
    }

    /// The entries that a check of those asked for needs, of the `size` that the note covers.
    fn context(&self, last: Index, size: u64) -> BTreeSet<Index> {
        let mut found: BTreeSet<Index> = self.always.range(..size).copied().collect();
        let mut open: Vec<Index> = self.wanted.iter().chain(&found).copied().collect();
        let mut people = BTreeSet::new();
        // Whoever signs a revocation has an Enrol, too, and may have been revoked himself.
        while let Some(index) = open.pop() {
            let Some((person, certificate)) = self.signers.get(&index) else { continue };
            if !people.insert((*person, *certificate)) {
                continue;
            }
            found.extend(self.enrols.get(certificate));
            let by_act = self.revoked.iter().filter(|(_, whose)| whose == person).map(|(index, _)| *index);
            // A list of the root's that names the issuing authority ends everybody under it.
            let names = |ids: &[CertId]| {
                ids.contains(certificate) || self.issuing.is_some_and(|issuing| ids.contains(&issuing))
            };
            let by_list = self.listed.iter().filter(|(_, ids)| names(ids)).map(|(index, _)| *index);
            for index in by_act.chain(by_list).filter(|index| *index < last) {
                found.insert(index);
                open.push(index);
            }
        }
        found.retain(|index| !self.wanted.contains(index));
        found
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
    let mut survey = Survey::default();
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
    let (size, note) = newest_note(&notes, &survey.tree, last).ok_or(CannotCut::NotCovered(last))?;
    if links.len() > LINKS_MAX {
        return Err(CannotCut::TooMany);
    }
    let links: BTreeSet<u64> = links.iter().copied().filter(|link| *link < size && *link > 0).collect();
    let mut context = survey.context(last, size);
    // The time stamps of the older heads tell how old they are.
    context.extend(links.iter().map(|link| link - 1).filter(|index| !survey.wanted.contains(index)));
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
        let wanted = &self.survey.wanted;
        loop {
            let index = bundle.entries();
            let Some(bytes) = next(&mut bundle)? else { break };
            let asked = wanted.contains(&index);
            if !asked && !self.context.contains(&index) {
                continue;
            }
            // Whoever changed the bundle between the two readings gets an excerpt of neither.
            if self.survey.tree.leaf(index) != Some(&leaf_hash(&bytes)) {
                return Err(CannotCut::Illegible(index));
            }
            writer.piece(asked, index, &bytes).map_err(CannotCut::Write)?;
        }
        let all: Vec<Index> = wanted.union(&self.context).copied().collect();
        let (tree, size) = (&self.survey.tree, self.size);
        let no_such = |_| CannotCut::NoSuchEntry { index: size, entries: tree.size() };
        let entries = tree.prover(size).and_then(|mut prover| prover.multi_proof(&all)).map_err(no_such)?;
        let links = self.links.iter().map(|old| tree.consistency_proof(*old, size));
        let links = links.collect::<Result<_, _>>().map_err(no_such)?;
        let out = writer.finish(&self.note, &Proofs { entries, links }).map_err(CannotCut::Write)?;
        let count = |set: &BTreeSet<Index>| set.len() as u64;
        Ok((Cut { asked: count(wanted), context: count(&self.context), size }, out))
    }
}

fn next<R: Read>(bundle: &mut BundleReader<R>) -> Result<Option<Vec<u8>>, CannotCut> {
    let entries = bundle.entries();
    bundle.next_entry().map_err(|bad| CannotCut::Bundle { bad, entries })
}
