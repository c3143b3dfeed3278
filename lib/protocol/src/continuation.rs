//! One log closed into another, as files: the proof that the old one takes out, and what the new one's first officers sign.
//! Never believes a server: each file is checked whole, by whoever reads it, from a log id alone.
//!
//! ```text
//! closing = [1, genesis: SignedStatement, certificates: [DER…], propose, approve, note: bytes]   armour "CONCLAVE CLOSING"
//! propose, approve = [entry: bytes, inclusion proof]                      of the old log, under the note's head
//! plan    = [1, genesis: SignedStatement, certificates: [DER…], closing]       armour "CONCLAVE CONTINUATION PLAN"
//! ```
//! A signature is a file as of a succession's plan (`succession.rs`).

use crate::succession::{BadSuccession, CERTIFICATES_MAX, FirstOfficers, VERSION, decode};
use journal::act::{Act, Continues, DualAct, Successor};
use journal::checkpoint::SignedCheckpoint;
use journal::entry::{Content, Entry};
use journal::ids::{Head, Index, LogId};
use journal::proof::InclusionProof;
use journal::register::verify_genesis;
use journal::statement::{Header, Parsed, SignedStatement};
use journal::tree::{empty_root, leaf_hash};
use minicbor::{Decode, Encode, bytes::ByteVec};
use pki::{CertId, PersonId, canonical, pem};

/// Label of a closing's armour.
pub const CLOSING_LABEL: &str = "CONCLAVE CLOSING";
/// Label of a plan's armour.
pub const PLAN_LABEL: &str = "CONCLAVE CONTINUATION PLAN";
/// Longest file of either, bytes.
pub const FILE_BYTES_MAX: u64 = 4 << 20;

/// An entry and its place.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Proven {
    /// Its bytes.
    #[n(0)]
    pub entry: ByteVec,
    /// Under the note's head.
    #[n(1)]
    pub proof: InclusionProof,
}

/// The proof that a log was closed: nothing in it needs the log itself.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Closing {
    #[n(0)]
    version: u8,
    /// The old log's first entry: its id is the log's.
    #[n(1)]
    pub genesis: SignedStatement,
    /// The certificates of both officers, DER.
    #[n(2)]
    pub certificates: Vec<ByteVec>,
    /// What one proposed.
    #[n(3)]
    pub propose: Proven,
    /// What the other approved.
    #[n(4)]
    pub approve: Proven,
    /// The log's signed note.
    #[n(5)]
    pub note: ByteVec,
}

/// What the new log's first officers are to sign, with all that they need to judge it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct ContinuationPlan {
    #[n(0)]
    version: u8,
    /// The new log's first entry.
    #[n(1)]
    pub genesis: SignedStatement,
    /// Certificates of its first officers, DER.
    #[n(2)]
    pub certificates: Vec<ByteVec>,
    /// The old log's word.
    #[n(3)]
    pub closing: Closing,
}

/// A log that is proven closed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClosedLog {
    /// What its successor's first officers sign.
    pub continues: Continues,
    /// Into which log.
    pub successor: Successor,
    /// The old site's name.
    pub site: String,
    /// When, milliseconds since 1970.
    pub closed_ms: u64,
    /// Who proposed and who approved, with their logins.
    pub officers: [(PersonId, String); 2],
}

/// Why a closing or a plan is not believed.
#[derive(Debug, thiserror::Error)]
pub enum BadContinuation {
    /// The file is none, its genesis, signatures or signers do not hold.
    #[error(transparent)]
    Succession(#[from] BadSuccession),
    /// An entry, its proof or the note does not hold.
    #[error("it does not prove that the log was closed: {0}")]
    Proof(&'static str),
    /// It was closed into another log than this one.
    #[error("the log was closed into log {0}, not into this one")]
    OtherSuccessor(LogId),
    /// The suite that was named is not this log's.
    #[error("the log was closed into a log of another suite than this one's")]
    OtherSuite,
}

impl BadContinuation {
    /// For people who read Russian.
    pub fn ru(&self) -> String {
        match self {
            Self::Succession(BadSuccession::File(_)) => {
                "файл не читается как свидетельство о закрытии журнала, план или подпись".into()
            }
            Self::Succession(BadSuccession::Statement) => "это не подпись под этим планом".into(),
            Self::Succession(bad) => bad.ru(),
            Self::Proof(_) => {
                "он не доказывает, что журнал закрыт: записи, их место или подписи не сходятся".into()
            }
            Self::OtherSuccessor(log) => format!("прежний журнал закрыт в пользу журнала {log}, а не этого"),
            Self::OtherSuite => "прежний журнал закрыт в пользу журнала с другим набором алгоритмов".into(),
        }
    }
}

fn no(why: &'static str) -> BadContinuation {
    BadContinuation::Proof(why)
}

impl Closing {
    /// From its parts, none of them checked.
    pub fn new(
        genesis: SignedStatement,
        certificates: Vec<ByteVec>,
        (propose, approve): (Proven, Proven),
        note: ByteVec,
    ) -> Self {
        Self { version: VERSION, genesis, certificates, propose, approve, note }
    }

    /// The armoured text.
    pub fn to_text(&self) -> String {
        pem::encode(CLOSING_LABEL, &canonical::encode(self))
    }

    /// Reads a text with one closing in it, whole. Nothing is verified.
    pub fn from_text(text: &str) -> Result<Self, BadContinuation> {
        Ok(decode::<Self>(text, CLOSING_LABEL)?)
    }

    /// Verifies all of it: genesis, note, both entries in their places, both officers' signatures.
    pub fn check(&self) -> Result<ClosedLog, BadContinuation> {
        let genesis = verify_genesis(self.genesis.clone()).map_err(|_| BadSuccession::Genesis)?;
        let log = LogId(genesis.get().id().0);
        let officers = FirstOfficers::of(log, &self.genesis, &self.certificates)?;
        let note = SignedCheckpoint::parse(&self.note).map_err(|_| no("the note"))?;
        let head = note.claimed().head;
        let (proposal, at_ms, propose) = self.propose.statement(head)?;
        let (closed, closed_ms, approve) = self.approve.statement(head)?;
        let continues = Continues {
            log,
            suite: officers.genesis().suite,
            identity: officers.genesis().identity,
            closed,
            head,
            note: self.note.clone(),
        };
        continues.check_note().map_err(|_| no("the note is not signed by the log's identity key"))?;
        let Act::Propose(proposed) = propose.act() else { return Err(no("no proposal")) };
        let Ok(DualAct::Close(successor)) = canonical::decode(&proposed.act) else {
            return Err(no("a proposal of something else"));
        };
        if !matches!(approve.act(), Act::Approve(act) if act.proposal == proposal) {
            return Err(no("an approval of something else"));
        }
        let by = [officers.officer(propose, at_ms)?, officers.officer(approve, closed_ms)?];
        if by[0].0 == by[1].0 {
            return Err(no("one officer alone"));
        }
        let site = officers.site().to_owned();
        Ok(ClosedLog { continues, successor, site, closed_ms, officers: by })
    }
}

impl Proven {
    /// Index, time stamp and statement of an entry that is in its place.
    fn statement(&self, head: Head) -> Result<(Index, u64, Parsed), BadContinuation> {
        if self.proof.size() != head.size || self.proof.verify(&leaf_hash(&self.entry), &head.root).is_err() {
            return Err(no("an entry is not in its place"));
        }
        let entry = Entry::decode(&self.entry).map_err(|_| no("an entry does not read"))?;
        let Content::Statement(statement) = entry.content else { return Err(no("an entry is no act")) };
        let parsed = statement.parse().map_err(|_| no("an entry does not read"))?;
        Ok((self.proof.index(), entry.wall_ms, parsed))
    }
}

impl ContinuationPlan {
    /// A plan.
    pub fn new(genesis: SignedStatement, certificates: Vec<ByteVec>, closing: Closing) -> Self {
        Self { version: VERSION, genesis, certificates, closing }
    }

    /// The armoured text.
    pub fn to_text(&self) -> String {
        pem::encode(PLAN_LABEL, &canonical::encode(self))
    }

    /// Reads a text with one plan in it, whole. Nothing is verified.
    pub fn from_text(text: &str) -> Result<Self, BadContinuation> {
        let plan: Self = decode(text, PLAN_LABEL)?;
        let most = plan.certificates.len().max(plan.closing.certificates.len());
        match most > CERTIFICATES_MAX {
            true => Err(BadSuccession::File("more certificates than a plan may hold".into()).into()),
            false => Ok(plan),
        }
    }

    /// Verifies the closing, and that it names the log of this id.
    pub fn check(&self, log: LogId) -> Result<Continuation, BadContinuation> {
        let officers = FirstOfficers::of(log, &self.genesis, &self.certificates)?;
        let old = self.closing.check()?;
        if old.successor.log != log {
            return Err(BadContinuation::OtherSuccessor(old.successor.log));
        }
        match old.successor.suite == officers.genesis().suite {
            true => Ok(Continuation { officers, old }),
            false => Err(BadContinuation::OtherSuite),
        }
    }
}

/// A plan that was checked: the old log is closed into this one.
pub struct Continuation {
    /// Who signs it in the new log.
    pub officers: FirstOfficers,
    /// The old log.
    pub old: ClosedLog,
}

impl Continuation {
    /// What is signed.
    pub fn act(&self) -> Act {
        Act::Continues(self.old.continues.clone())
    }

    /// What an officer signs with this certificate.
    pub fn header(&self, person: PersonId, certificate: CertId) -> Header {
        self.officers.header(person, certificate, no_head())
    }

    /// Whether one of the first officers signed it, with a certificate that is good at this time. Gives who.
    pub fn signer(&self, statement: &SignedStatement, at_ms: u64) -> Result<PersonId, BadSuccession> {
        let parsed = statement.clone().parse().map_err(|_| BadSuccession::Statement)?;
        match *parsed.act() == self.act() {
            true => self.officers.first_officer(parsed, no_head(), at_ms),
            false => Err(BadSuccession::Statement),
        }
    }

    /// Whether enough of them have signed it. Gives who, in order.
    pub fn signers(
        &self,
        statements: &[SignedStatement],
        at_ms: u64,
    ) -> Result<Vec<PersonId>, BadSuccession> {
        self.officers.enough(statements, |statement| self.signer(statement, at_ms))
    }
}

/// The statement stands outside any chain, and names nothing of the log but the log.
fn no_head() -> Head {
    Head { size: 0, root: empty_root() }
}
