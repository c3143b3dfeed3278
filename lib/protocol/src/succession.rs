//! A succession on its way: the plan that the stopped server writes, the officers' signatures that come back, and the proof
//! that a terminal believes. One judgement for all three: who the first officers are follows from the genesis alone, and the
//! log id names the genesis.
//! Never says that a succession was right: that enough first officers have signed one and the same is all that is proven.
//!
//! ```text
//! plan      = [1, genesis: SignedStatement, certificates: [DER…], succession]        armour "CONCLAVE SUCCESSION PLAN"
//! signature = [1, SignedStatement]                                                armour "CONCLAVE SUCCESSION SIGNATURE"
//! ```

use crate::frame::{Delivered, Successions};
use bytes::Bytes;
use journal::act::{Act, Genesis, Succession};
use journal::entry::{Content, Entry};
use journal::ids::{Chain, Head, Index, LogId, StatementId};
use journal::register::{Register, verify_genesis};
use journal::statement::{Header, Parsed, SignedStatement};
use minicbor::{Decode, Encode, bytes::ByteVec};
use pki::canonical;
use pki::{CertId, Certificate, KeyUse, PersonId, Purpose, Question, Role, TrustAnchor, UnixMs, pem};
use std::collections::BTreeMap;

/// Version of both files.
pub const VERSION: u8 = 1;
/// Label of a plan's armour.
pub const PLAN_LABEL: &str = "CONCLAVE SUCCESSION PLAN";
/// Label of a signature's armour.
pub const SIGNATURE_LABEL: &str = "CONCLAVE SUCCESSION SIGNATURE";
/// Certificates that go with a plan or a proof, at most.
pub const CERTIFICATES_MAX: usize = 256;
/// Longest plan or signature file, bytes.
pub const FILE_BYTES_MAX: u64 = 1 << 20;

/// What a stopped server hands to the officers.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Plan {
    #[n(0)]
    version: u8,
    /// The log's first entry: its id is the log id on every site card.
    #[n(1)]
    pub genesis: SignedStatement,
    /// Certificates of the first officers, those named in the genesis and later ones, DER.
    #[n(2)]
    pub certificates: Vec<ByteVec>,
    /// What is to be signed.
    #[n(3)]
    pub act: Succession,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct SignatureFile {
    #[n(0)]
    version: u8,
    #[n(1)]
    statement: SignedStatement,
}

/// Why a plan, a signature or a proof is not believed.
#[derive(Debug, thiserror::Error)]
pub enum BadSuccession {
    /// The file is none.
    #[error("{0}")]
    File(String),
    /// Written by a newer program.
    #[error("version {0} is newer than this program reads ({VERSION})")]
    Newer(u8),
    /// The genesis does not verify, or is another log's.
    #[error("its genesis is not this log's")]
    Genesis,
    /// Not a statement of a succession, or not in its place.
    #[error("not a statement of this succession")]
    Statement,
    /// Whoever signed is no first officer, or the signature does not hold.
    #[error("signed by nobody whom the genesis names as officer")]
    Signer,
    /// The same officer twice.
    #[error("person {0} has signed twice")]
    Twice(PersonId),
    /// Too few.
    #[error("{found} of the {needed} officers have signed whom the genesis demands")]
    TooFew {
        /// Found.
        found: usize,
        /// Demanded.
        needed: usize,
    },
}

impl BadSuccession {
    /// For people who read Russian.
    pub fn ru(&self) -> String {
        match self {
            Self::File(_) => "файл не читается как план или подпись преемства".into(),
            Self::Newer(version) => format!("версия {version} новее, чем знает эта программа ({VERSION})"),
            Self::Genesis => "его начало — не этого журнала".into(),
            Self::Statement => "это не подпись под этим преемством".into(),
            Self::Signer => "подписал не тот, кого начало журнала называет офицером".into(),
            Self::Twice(person) => format!("лицо {person} подписало дважды"),
            Self::TooFew { found, needed } => {
                format!("подписали {found} из {needed} офицеров, которых требует начало журнала")
            }
        }
    }
}

impl Plan {
    /// A plan.
    pub fn new(genesis: SignedStatement, certificates: Vec<ByteVec>, act: Succession) -> Self {
        Self { version: VERSION, genesis, certificates, act }
    }

    /// The armoured text.
    pub fn to_text(&self) -> String {
        pem::encode(PLAN_LABEL, &canonical::encode(self))
    }

    /// Reads a text with one plan in it, whole. Nothing is verified.
    pub fn from_text(text: &str) -> Result<Self, BadSuccession> {
        let plan: Self = decode(text, PLAN_LABEL)?;
        if plan.certificates.len() > CERTIFICATES_MAX {
            return Err(BadSuccession::File("more certificates than a plan may hold".into()));
        }
        plan.act.check_bounds().map_err(|error| BadSuccession::File(error.to_string()))?;
        Ok(plan)
    }

    /// What an officer signs with this certificate.
    pub fn header(&self, log: LogId, person: PersonId, certificate: CertId) -> Option<Header> {
        Some(self.officers(log).ok()?.header(person, certificate, self.act.kept))
    }

    /// The first officers of this log, by the plan's genesis.
    pub fn officers(&self, log: LogId) -> Result<FirstOfficers, BadSuccession> {
        FirstOfficers::of(log, &self.genesis, &self.certificates)
    }
}

/// An officer's signature as a file.
pub fn signature_text(statement: SignedStatement) -> String {
    pem::encode(SIGNATURE_LABEL, &canonical::encode(&SignatureFile { version: VERSION, statement }))
}

/// Reads an officer's signature. Nothing is verified.
pub fn signature_from_text(text: &str) -> Result<SignedStatement, BadSuccession> {
    Ok(decode::<SignatureFile>(text, SIGNATURE_LABEL)?.statement)
}

pub(crate) fn decode<T>(text: &str, label: &str) -> Result<T, BadSuccession>
where
    T: for<'b> Decode<'b, ()> + Encode<()>,
{
    let bad = |error: &dyn std::fmt::Display| BadSuccession::File(error.to_string());
    let blocks = pem::decode(text, label).map_err(|error| bad(&error))?;
    let [bytes] = blocks.as_slice() else {
        return Err(BadSuccession::File(format!("{} blocks of {label} instead of one", blocks.len())));
    };
    // `[array, version, …`: a newer file is named rather than misread.
    if let [0x80..=0x97, version @ 0..=0x17, ..] = **bytes
        && version > VERSION
    {
        return Err(BadSuccession::Newer(version));
    }
    canonical::decode(bytes).map_err(|error| bad(&error))
}

/// Whom the genesis names, with certificates to check them by.
pub struct FirstOfficers {
    log: LogId,
    act: Genesis,
    persons: BTreeMap<PersonId, String>,
    certificates: BTreeMap<CertId, Certificate>,
}

impl FirstOfficers {
    /// From a genesis, which must be the one that the log id names, and certificates from anywhere.
    pub fn of(
        log: LogId,
        genesis: &SignedStatement,
        certificates: &[ByteVec],
    ) -> Result<Self, BadSuccession> {
        let verified = verify_genesis(genesis.clone()).map_err(|_| BadSuccession::Genesis)?;
        let Act::Genesis(act) = verified.get().act() else { return Err(BadSuccession::Genesis) };
        if verified.get().id().0 != log.0 {
            return Err(BadSuccession::Genesis);
        }
        let read = certificates.iter().take(CERTIFICATES_MAX).filter_map(|der| Certificate::parse(der).ok());
        let certificates: BTreeMap<_, _> = read.map(|found| (found.id(), found)).collect();
        let named = act.officers.iter().filter_map(|id| certificates.get(id));
        let persons = named.filter_map(|found| {
            Some((found.person()?, found.login().map(ToOwned::to_owned).unwrap_or_default()))
        });
        Ok(Self { log, persons: persons.collect(), act: act.clone(), certificates })
    }

    /// How many of them a succession needs.
    pub fn threshold(&self) -> usize {
        self.act.threshold as usize
    }

    /// The site's name.
    pub fn site(&self) -> &str {
        &self.act.site
    }

    /// Logins of all of them.
    pub fn logins(&self) -> impl Iterator<Item = &str> {
        self.persons.values().map(String::as_str)
    }

    /// A first officer's login, by his certificate; nothing for anybody else.
    pub fn login(&self, person: PersonId) -> Option<&str> {
        self.persons.get(&person).map(String::as_str)
    }

    /// Whether enough distinct first officers have signed this very act. Gives who, in order.
    pub fn check(
        &self,
        statements: &[SignedStatement],
        act: &Succession,
    ) -> Result<Vec<PersonId>, BadSuccession> {
        self.enough(statements, |statement| self.signer(statement, act))
    }

    /// Whether enough distinct ones have signed. Gives who, in order.
    pub(crate) fn enough(
        &self,
        statements: &[SignedStatement],
        signer: impl Fn(&SignedStatement) -> Result<PersonId, BadSuccession>,
    ) -> Result<Vec<PersonId>, BadSuccession> {
        let mut signed = Vec::new();
        for statement in statements {
            let person = signer(statement)?;
            if signed.contains(&person) {
                return Err(BadSuccession::Twice(person));
            }
            signed.push(person);
        }
        match signed.len() {
            found if found < self.threshold() => {
                Err(BadSuccession::TooFew { found, needed: self.threshold() })
            }
            _ => Ok(signed),
        }
    }

    /// Who signed this statement of the succession.
    pub fn signer(&self, statement: &SignedStatement, act: &Succession) -> Result<PersonId, BadSuccession> {
        let parsed = statement.clone().parse().map_err(|_| BadSuccession::Statement)?;
        if !matches!(parsed.act(), Act::Succession(found) if found == act) {
            return Err(BadSuccession::Statement);
        }
        self.first_officer(parsed, act.kept, act.time_ms)
    }

    /// The first officer whose statement it is, outside any chain, naming that head.
    pub(crate) fn first_officer(
        &self,
        parsed: Parsed,
        head: Head,
        at_ms: u64,
    ) -> Result<PersonId, BadSuccession> {
        let header = parsed.header();
        let fits = header.chain == Chain::ZERO
            && (header.sequence, header.attempt) == (0, 0)
            && header.previous == StatementId::ZERO
            && header.head == head;
        if !fits {
            return Err(BadSuccession::Statement);
        }
        let (person, _) = self.officer(parsed, at_ms)?;
        if self.persons.contains_key(&person) { Ok(person) } else { Err(BadSuccession::Signer) }
    }

    /// The officer of this log whose statement it is, and the login of his certificate: any whom the authorities certified.
    pub(crate) fn officer(&self, parsed: Parsed, at_ms: u64) -> Result<(PersonId, String), BadSuccession> {
        let header = parsed.header();
        if header.log != self.log {
            return Err(BadSuccession::Statement);
        }
        let person = header.person;
        let certificate = self.certificates.get(&header.certificate).ok_or(BadSuccession::Signer)?;
        let known = certificate.person() == Some(person) && certificate.roles().contains(Role::Officer);
        if !known || !self.is_valid(certificate, at_ms) {
            return Err(BadSuccession::Signer);
        }
        let login = certificate.login().map(ToOwned::to_owned).unwrap_or_default();
        let key = certificate.public_key().map_err(|_| BadSuccession::Signer)?;
        parsed.verify(&key).map_err(|_| BadSuccession::Signer)?;
        Ok((person, login))
    }

    /// What one of them signs outside any chain, with this certificate.
    pub(crate) fn header(&self, person: PersonId, certificate: CertId, head: Head) -> Header {
        Header {
            version: journal::statement::STATEMENT_VERSION,
            suite: self.act.suite,
            log: self.log,
            person,
            certificate,
            chain: Chain::ZERO,
            sequence: 0,
            attempt: 0,
            previous: StatementId::ZERO,
            head,
        }
    }

    /// The genesis that they stand on.
    pub(crate) fn genesis(&self) -> &Genesis {
        &self.act
    }

    /// Under the genesis' own authorities, and in its time when the plan was made.
    fn is_valid(&self, certificate: &Certificate, at_ms: u64) -> bool {
        let authorities = (Certificate::parse(&self.act.root), Certificate::parse(&self.act.issuing));
        let (Ok(root), Ok(issuing)) = authorities else { return false };
        let key_use = Some(KeyUse::DigitalSignature);
        let question = Question { key_use, ..Question::new(Purpose::Any, UnixMs(at_ms)) };
        pki::verify_path(certificate, &[issuing], &[TrustAnchor::new(root)], &question).is_ok()
    }
}

/// A succession whose signatures a terminal has checked. That its statements stand in the log is still to be proven.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Signed {
    pub(crate) act: Succession,
    /// Who signed, with the login of his certificate.
    pub(crate) officers: Vec<(PersonId, String)>,
    /// The index behind its last statement.
    pub(crate) end: u64,
}

/// All successions that a greeting names, in order: each by enough first officers, directly behind what it keeps, in a later
/// era than the one before.
pub(crate) fn signed_successions(log: LogId, shown: &Successions) -> Result<Vec<Signed>, BadSuccession> {
    let officers = FirstOfficers::of(log, &shown.genesis, &shown.certificates)?;
    let mut entries = Vec::new();
    for delivered in &shown.entries {
        entries.push((delivered.index, statement_of(delivered)?));
    }
    let mut found: Vec<Signed> = Vec::new();
    let mut rest = &entries[..];
    while !rest.is_empty() {
        let count = officers.threshold();
        if rest.len() < count {
            return Err(BadSuccession::TooFew { found: rest.len(), needed: count });
        }
        let (now, later) = rest.split_at(count);
        rest = later;
        let act = act_of(&now[0].1)?;
        let in_place = now.iter().zip(act.kept.size..).all(|((index, _), expected)| *index == expected);
        if !in_place || found.last().is_some_and(|last| last.act.era >= act.era) {
            return Err(BadSuccession::Statement);
        }
        let statements: Vec<_> = now.iter().map(|(_, statement)| statement.clone()).collect();
        let signed = officers.check(&statements, &act)?;
        let named = |person: PersonId| (person, officers.login(person).unwrap_or_default().to_owned());
        let end = act.kept.size + count as u64;
        found.push(Signed { act, officers: signed.into_iter().map(named).collect(), end });
    }
    Ok(found)
}

fn statement_of(delivered: &Delivered) -> Result<SignedStatement, BadSuccession> {
    match Entry::decode(&delivered.entry).map_err(|_| BadSuccession::Statement)?.content {
        Content::Statement(statement) => Ok(statement),
        Content::Fact(_) => Err(BadSuccession::Statement),
    }
}

fn act_of(statement: &SignedStatement) -> Result<Succession, BadSuccession> {
    let parsed = statement.clone().parse().map_err(|_| BadSuccession::Statement)?;
    if let Act::Succession(act) = parsed.act() { Ok(act.clone()) } else { Err(BadSuccession::Statement) }
}

/// Bytes of successions that a greeting names, the newest of them: a terminal that misses an older one is turned away.
const SHOWN_BYTES_MAX: usize = 256 * 1024;

/// What a greeting names, from the genesis and the statements of successions; nothing where there was none.
pub(crate) fn shown(founding: &[(Index, Bytes)], register: &Register) -> Option<Successions> {
    let ((_, genesis), entries) = founding.split_first()?;
    if entries.is_empty() {
        return None;
    }
    let threshold = register.site().map_or(1, |site| site.threshold.max(1)) as usize;
    let mut bytes = 0;
    let newest = entries.rchunks(threshold).take_while(|group| {
        bytes += group.iter().map(|(_, entry)| entry.len()).sum::<usize>();
        bytes <= SHOWN_BYTES_MAX
    });
    let from = entries.len() - newest.map(<[_]>::len).sum::<usize>();
    let delivered = |(index, entry): &(Index, Bytes)| Delivered {
        index: *index,
        entry: entry.to_vec().into(),
        body: None,
        erased_by: None,
    };
    let persons = register.first_officers();
    let certified = register.certificates().filter(|found| {
        found.key().is_some() && found.certificate().person().is_some_and(|id| persons.contains(&id))
    });
    let genesis = Delivered { index: 0, entry: genesis.to_vec().into(), body: None, erased_by: None };
    Some(Successions {
        genesis: statement_of(&genesis).ok()?,
        certificates: certified
            .take(CERTIFICATES_MAX)
            .map(|found| found.certificate().der().to_vec().into())
            .collect(),
        entries: entries[from..].iter().map(delivered).collect(),
    })
}
