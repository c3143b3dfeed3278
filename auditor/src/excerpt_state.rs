//! What the entries of an excerpt say of each other: whose certificates, which keys and eras, in which order.
//! Never judges rights, and holds nothing against an entry that an entry which is not here could explain.

mod eras;
mod periods;
mod places;

use std::collections::BTreeMap;

use journal::act::{Act, Enrol, Genesis};
use journal::ids::{Chain, Hash, Index, StatementId};
use journal::replay::{CheckedEntry, Fault};
use journal::statement::Header;
use journal::{LogId, Refusal};
use pki::{
    CertId, Certificate, KeyUse, PersonId, PublicKey, Purpose, Question, Revocation, RevocationList,
    TrustAnchor, UnixMs, verify_path,
};

use crate::clock_sets::ClockSets;
use crate::excerpt::{Asked, Piece};
use crate::judgement::Flaw;
use crate::list_parts::ListParts;
use crate::trust::Trust;
use eras::Era;

/// A certificate that an Enrol inside made known.
struct Held {
    person: Option<PersonId>,
    serial: Vec<u8>,
    /// First and last second.
    valid: (i64, i64),
    revoked: Option<Index>,
}

/// Where a chain stands.
struct Step {
    sequence: u64,
    id: StatementId,
    index: Index,
}

struct Authorities {
    root: Certificate,
    issuing: Certificate,
    issuing_revoked: Option<Index>,
    /// Of so many statements a succession is made.
    threshold: u32,
}

struct Period {
    index: Index,
    number: u64,
    key: PublicKey,
    /// `None` where entries are missing that could say.
    ended: Option<bool>,
}

/// The entries taken so far.
pub(crate) struct State<'a> {
    trust: &'a Trust,
    asked: &'a Asked,
    authorities: Option<Authorities>,
    certificates: BTreeMap<CertId, Held>,
    revoked_people: BTreeMap<PersonId, Index>,
    list_parts: ListParts,
    chains: BTreeMap<Chain, Step>,
    logins: BTreeMap<StatementId, Index>,
    periods: Vec<Period>,
    eras: Vec<Era>,
    leaves: Vec<(Index, Hash)>,
    stamps: Vec<(Index, u64)>,
    /// No entry behind is stamped before.
    floor_ms: u64,
    pub(crate) clock: ClockSets,
    /// By kind since the last PeriodEnd; `None` where some of them are not here.
    counts: Option<BTreeMap<u16, u64>>,
}

/// A PeriodEnd counts Facts from here on.
const FACTS_FROM: u16 = 1000;

type Done = Result<(), Flaw>;

fn bad_fact(reason: &str) -> Refusal {
    Refusal::BadFact { reason: reason.into() }
}

impl<'a> State<'a> {
    pub(crate) fn new(trust: &'a Trust, asked: &'a Asked) -> Self {
        Self {
            trust,
            asked,
            authorities: None,
            certificates: BTreeMap::new(),
            revoked_people: BTreeMap::new(),
            list_parts: ListParts::default(),
            chains: BTreeMap::new(),
            logins: BTreeMap::new(),
            periods: Vec::new(),
            eras: Vec::new(),
            leaves: Vec::new(),
            stamps: Vec::new(),
            floor_ms: 0,
            clock: ClockSets::default(),
            counts: Some(BTreeMap::new()),
        }
    }

    /// Index and leaf hash of every entry, ascending.
    pub(crate) fn leaves(&self) -> &[(Index, Hash)] {
        &self.leaves
    }

    /// When the entry was stamped, if it is here.
    pub(crate) fn stamp(&self, index: Index) -> Option<u64> {
        let at = self.stamps.binary_search_by_key(&index, |(index, _)| *index).ok()?;
        Some(self.stamps[at].1)
    }

    /// Whether the index lies behind everything that was asked for.
    pub(crate) fn is_beyond(&self, index: Index) -> bool {
        self.stamps.last().is_none_or(|(last, _)| index > *last)
    }

    /// The key of the period whose KeyRoll is the last one below the size.
    pub(crate) fn period_key_at(&self, size: u64) -> Option<&PublicKey> {
        self.periods.iter().rev().find(|period| period.index < size).map(|period| &period.key)
    }

    /// Whether everything is here that the excerpt claims to hold.
    pub(crate) fn complete(&self) -> Done {
        let Asked::Range(first, last) = *self.asked else { return Ok(()) };
        let held = self.leaves.iter().map(|(index, _)| *index).filter(|index| (first..=last).contains(index));
        match (first..=last)
            .zip(held.map(Some).chain(std::iter::repeat(None)))
            .find(|(at, here)| *here != Some(*at))
        {
            Some((index, _)) => Err(Flaw::RangeGap { index }),
            None => Ok(()),
        }
    }

    /// The next entry: its signature was verified by the certificate that it names.
    pub(crate) fn take(&mut self, piece: &Piece, entry: &CheckedEntry) -> Done {
        let index = piece.index;
        let in_order = self.leaves.last().map_or(index == 0, |(last, _)| *last < index);
        let marked = match self.asked {
            Asked::Range(first, last) => piece.asked == (*first..=*last).contains(&index),
            Asked::Selection(..) => true,
        };
        if !in_order || !marked {
            return Err(Flaw::Disordered { index });
        }
        let refuse = |refusal: Refusal| Flaw::Entry { index, fault: refusal.into() };
        if entry.wall_ms() < self.floor_ms {
            return Err(refuse(Refusal::TimeRunsBack { floor_ms: self.floor_ms }));
        }
        self.floor_ms = entry.wall_ms();
        self.mind_gap(index);
        self.between(index, entry).map_err(refuse)?;
        let judged = match (entry.statement(), entry.fact()) {
            (Some(statement), _) => {
                let parsed = statement.get();
                self.statement(index, entry, parsed.header(), parsed.id(), parsed.act())
            }
            (None, Some(fact)) => self.fact(index, fact).map_err(refuse),
            (None, None) => Ok(()),
        };
        judged?;
        self.leaves.push((index, entry.leaf()));
        self.stamps.push((index, entry.wall_ms()));
        Ok(())
    }

    /// What could stand between the last entry and this one is not known.
    fn mind_gap(&mut self, index: Index) {
        if self.leaves.last().map_or(0, |(last, _)| last + 1) == index {
            return;
        }
        self.counts = None;
        if let Some(period) = self.periods.last_mut()
            && period.ended == Some(false)
        {
            period.ended = None;
        }
    }

    fn count(&mut self, kind: u16) {
        if let Some(counts) = &mut self.counts {
            *counts.entry(kind).or_default() += 1;
        }
    }

    fn statement(
        &mut self,
        index: Index,
        entry: &CheckedEntry,
        header: &Header,
        id: StatementId,
        act: &Act,
    ) -> Done {
        let refuse = |refusal: Refusal| Flaw::Entry { index, fault: refusal.into() };
        self.count(act.kind());
        if let Act::Genesis(act) = act {
            return self.genesis(index, id, act);
        }
        let offline = header.person == PersonId(0);
        if header.log != self.trust.log && !(offline && header.log == LogId::ZERO) {
            return Err(refuse(Refusal::WrongLog));
        }
        if header.suite != self.trust.suite {
            return Err(refuse(Refusal::WrongCertificateUse));
        }
        self.certificate(header, entry.wall_ms()).map_err(refuse)?;
        self.place(index, entry, header, id, act).map_err(refuse)?;
        if let Some(to_ms) = self.clock.take(index, header.person, act) {
            self.floor_ms = to_ms;
        }
        self.learn(index, entry.wall_ms(), act).map_err(refuse)
    }

    /// Entry 0, which must be the trust file's.
    fn genesis(&mut self, index: Index, id: StatementId, act: &Genesis) -> Done {
        let fault = |fault| Flaw::Entry { index, fault };
        if index != 0 {
            return Err(fault(Refusal::AlreadyFounded.into()));
        }
        let found = LogId(id.0);
        if found != self.trust.log {
            return Err(fault(Fault::OtherLog { expected: self.trust.log, found }));
        }
        let trust = self.trust;
        let root = trust.roots.iter().any(|der| der[..] == act.root[..]);
        let issuing = trust.issuing.is_empty() || trust.issuing.iter().any(|der| der[..] == act.issuing[..]);
        let same =
            root && issuing && trust.identity().key().raw() == act.identity && trust.suite == act.suite;
        let authorities = (Certificate::parse(&act.root), Certificate::parse(&act.issuing));
        let (true, (Ok(root), Ok(issuing))) = (same, authorities) else { return Err(Flaw::OtherAuthorities) };
        let threshold = act.threshold;
        self.authorities = Some(Authorities { root, issuing, issuing_revoked: None, threshold });
        Ok(())
    }

    /// The signer's certificate stood at that time, as far as the entries here say.
    fn certificate(&self, header: &Header, wall_ms: u64) -> Result<(), Refusal> {
        let authorities = self.authorities.as_ref().ok_or(Refusal::UnknownCertificate)?;
        let issuing = authorities.issuing.id();
        if header.person == PersonId(0) {
            return if header.certificate == issuing { Ok(()) } else { Err(Refusal::UnknownCertificate) };
        }
        let held = self.certificates.get(&header.certificate).ok_or(Refusal::UnknownCertificate)?;
        if held.person != Some(header.person) {
            return Err(Refusal::WrongPerson { person: held.person.unwrap_or(PersonId(0)) });
        }
        if let Some(index) = held.revoked.or(authorities.issuing_revoked) {
            return Err(Refusal::CertificateRevoked { index });
        }
        let at = i64::try_from(wall_ms / 1000).unwrap_or(i64::MAX);
        match held.valid.0 <= at && at <= held.valid.1 {
            true => Ok(()),
            false => Err(Refusal::CertificateExpired { at_ms: wall_ms }),
        }
    }

    /// Takes in certificates and revocations.
    fn learn(&mut self, index: Index, wall_ms: u64, act: &Act) -> Result<(), Refusal> {
        if let Act::Enrol(act) = act {
            self.enrol(wall_ms, act)?;
        } else if let Act::Revoke(act) = act {
            self.revoke(index, act.person);
        } else if let Act::Crl(act) = act {
            let read = RevocationList::parse(&act.list);
            let list = read.map_err(|error| Refusal::BadRevocationList { reason: error.to_string() })?;
            self.take_list(index, &list)?;
        } else if let Act::CrlPart(act) = act
            && let Some((_, list)) = self.list_parts.take(index, act)
        {
            self.take_list(index, &list)?;
        }
        Ok(())
    }

    /// A certificate that had run out was good once, or is bad; it makes nobody known.
    fn enrol(&mut self, wall_ms: u64, act: &Enrol) -> Result<(), Refusal> {
        let read = |der: &[u8]| {
            Certificate::parse(der).map_err(|error| Refusal::BadCertificate { reason: error.to_string() })
        };
        let (certificate, agreement) = (read(&act.signature)?, read(&act.agreement)?);
        self.check_path(&certificate, wall_ms)?;
        let (first, last) = certificate.validity();
        let at = i64::try_from(wall_ms / 1000).unwrap_or(i64::MAX);
        if at > last.0.min(agreement.validity().1.0) {
            return Ok(());
        }
        let person = certificate.person();
        let revoked = person.and_then(|person| self.revoked_people.get(&person).copied());
        self.certificates.entry(certificate.id()).or_insert_with(|| Held {
            person,
            serial: certificate.serial().to_vec(),
            valid: (first.0, last.0),
            revoked,
        });
        Ok(())
    }

    /// Of whom nothing is known it may have had no effect: who is enrolled behind it may act.
    fn revoke(&mut self, index: Index, person: PersonId) {
        for held in self.certificates.values_mut().filter(|held| held.person == Some(person)) {
            self.revoked_people.entry(person).or_insert(index);
            held.revoked.get_or_insert(index);
        }
    }

    /// What ran out before it came in was good once, or is bad.
    fn check_path(&self, certificate: &Certificate, wall_ms: u64) -> Result<(), Refusal> {
        let bad = |reason: String| Refusal::BadCertificate { reason };
        let site = self.authorities.as_ref().ok_or(Refusal::UnknownCertificate)?;
        let last_ms = u64::try_from(certificate.validity().1.0).unwrap_or(0).saturating_mul(1000) + 999;
        let question = Question {
            at: UnixMs(wall_ms.min(last_ms)),
            purpose: Purpose::Any,
            role: None,
            key_use: Some(KeyUse::DigitalSignature),
            // What is revoked is told by the entries.
            revocation: Revocation::Unchecked,
        };
        let anchors = [TrustAnchor::new(site.root.clone())];
        let path = verify_path(certificate, std::slice::from_ref(&site.issuing), &anchors, &question)
            .map_err(|error| bad(error.to_string()))?;
        if path.chain().get(1).map(Certificate::id) != Some(site.issuing.id()) {
            return Err(bad("not issued by the site's issuing authority".into()));
        }
        let key = certificate.public_key().map_err(|error| bad(error.to_string()))?;
        if key.suite() == self.trust.suite { Ok(()) } else { Err(bad("not of the site's suite".into())) }
    }

    fn take_list(&mut self, index: Index, list: &RevocationList) -> Result<(), Refusal> {
        let site = self.authorities.as_mut().ok_or(Refusal::UnknownCertificate)?;
        let by = |authority: &Certificate| {
            list.issuer() == authority.subject() && list.is_signed_by(authority.spki())
        };
        if by(&site.issuing) {
            let named = |held: &&mut Held| list.entry(&held.serial).is_some() && held.revoked.is_none();
            self.certificates.values_mut().filter(named).for_each(|held| held.revoked = Some(index));
            Ok(())
        } else if by(&site.root) {
            if list.entry(site.issuing.serial()).is_some() {
                site.issuing_revoked = Some(index);
            }
            Ok(())
        } else {
            Err(Refusal::BadRevocationList { reason: "not signed by an authority of this site".into() })
        }
    }
}
