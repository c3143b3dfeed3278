//! The first two stages of a replay, which need no order: read an entry, verify its signature.
//! Never decides whether an entry may stand where it stands: that is the third stage, the Register's.

use crate::act::Act;
use crate::entry::{BadEntry, Content, Entry};
use crate::fact::Fact;
use crate::ids::{Hash, Index};
use crate::refusal::Refusal;
use crate::register::{BadGenesis, Candidate, CandidateContent, Certified, Register, verify_genesis};
use crate::statement::{BadStatement, Parsed, VerifiedStatement};
use crate::tree::leaf_hash;
use pki::{CertId, Certificate, PublicKey};
use std::collections::BTreeMap;

/// What is wrong with an entry.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Its bytes are no entry.
    #[error(transparent)]
    Entry(#[from] BadEntry),
    /// What it holds is no statement, or its signature does not verify.
    #[error(transparent)]
    Statement(#[from] BadStatement),
    /// The first entry founds no log.
    #[error(transparent)]
    Genesis(#[from] BadGenesis),
    /// No `Enrol` makes the certificate known that it names.
    #[error("certificate {certificate} is nowhere in the journal")]
    UnknownCertificate {
        /// The certificate.
        certificate: CertId,
    },
    /// By the rules it cannot stand here.
    #[error("refused by the rules, number {code}: {0}", code = .0.code())]
    Refused(#[from] Refusal),
    /// The genesis is another log's.
    #[error("the log is {found}, expected was {expected}")]
    OtherLog {
        /// What the caller was told out of band.
        expected: crate::ids::LogId,
        /// What the genesis says.
        found: crate::ids::LogId,
    },
}

/// An entry that was read whole; its signature is not yet checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadEntry {
    leaf: Hash,
    wall_ms: u64,
    boot_ms: u64,
    content: ReadContent,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum ReadContent {
    Statement(Box<Parsed>),
    Fact(Box<Fact>),
}

/// Stage 1: reads an entry's bytes whole. Entries may be read in any order and in parallel.
pub fn read(bytes: &[u8]) -> Result<ReadEntry, Fault> {
    let entry = Entry::decode(bytes)?;
    let content = match entry.content {
        Content::Statement(signed) => ReadContent::Statement(Box::new(signed.parse()?)),
        Content::Fact(fact) => ReadContent::Fact(Box::new(fact)),
    };
    Ok(ReadEntry { leaf: leaf_hash(bytes), wall_ms: entry.wall_ms, boot_ms: entry.boot_ms, content })
}

/// Keys by the hash of the certificate that holds them, gathered from the entries themselves. That a key is here
/// grants nothing: the Register demands that the certificate was made known, and stood, before the entry it signs.
#[derive(Debug, Clone, Default)]
pub struct KeyBook(BTreeMap<CertId, PublicKey>);

impl KeyBook {
    /// A book without keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// The keys of all certificates that a state knows, for a replay that goes on from there.
    pub fn of(register: &Register) -> Self {
        let issuing = register.site().map(|site| site.issuing().id());
        let ids = register.certificates().map(Certified::id).chain(issuing);
        Self(ids.filter_map(|id| Some((id, register.key_of(id)?.clone()))).collect())
    }

    /// Takes in the keys that this entry carries, if it is a genesis or an `Enrol`.
    pub fn take(&mut self, entry: &ReadEntry) {
        let ReadContent::Statement(parsed) = &entry.content else { return };
        if let Act::Enrol(act) = parsed.act() {
            self.take_certificate(&act.signature);
        } else if let Act::Genesis(act) = parsed.act() {
            self.take_certificate(&act.issuing);
        }
    }

    fn take_certificate(&mut self, der: &[u8]) {
        if let Ok(certificate) = Certificate::parse(der)
            && let Ok(key) = certificate.public_key()
        {
            self.0.insert(certificate.id(), key);
        }
    }

    /// The key of this certificate.
    pub fn key(&self, certificate: CertId) -> Option<&PublicKey> {
        self.0.get(&certificate)
    }
}

/// An entry whose signature was checked, or a Fact, which has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedEntry {
    leaf: Hash,
    wall_ms: u64,
    boot_ms: u64,
    content: CheckedContent,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum CheckedContent {
    Statement(Box<VerifiedStatement>),
    Fact(Box<Fact>),
}

impl ReadEntry {
    /// Stage 2: verifies the signature with the key of the certificate that the statement names. In any order and in
    /// parallel, once the book has the keys of all entries before.
    pub fn verify(self, keys: &KeyBook) -> Result<CheckedEntry, Fault> {
        let content = match self.content {
            ReadContent::Fact(fact) => CheckedContent::Fact(fact),
            ReadContent::Statement(parsed) if matches!(parsed.act(), Act::Genesis(_)) => {
                CheckedContent::Statement(Box::new(verify_genesis(parsed.signed().clone())?))
            }
            ReadContent::Statement(parsed) => {
                let certificate = parsed.certificate();
                let key = keys.key(certificate).ok_or(Fault::UnknownCertificate { certificate })?;
                CheckedContent::Statement(Box::new(parsed.verify(key)?))
            }
        };
        Ok(CheckedEntry { leaf: self.leaf, wall_ms: self.wall_ms, boot_ms: self.boot_ms, content })
    }

    /// Stage 2 of a start over the log's own store: the signature was verified when the entry was admitted and is not
    /// looked at again. What the caller owes for that stands at [`Signatures::VerifiedBefore`].
    fn verified_before(self, keys: &KeyBook) -> Result<CheckedEntry, Fault> {
        let content = match self.content {
            ReadContent::Statement(parsed) if !matches!(parsed.act(), Act::Genesis(_)) => {
                let certificate = parsed.certificate();
                let key = keys.key(certificate).ok_or(Fault::UnknownCertificate { certificate })?;
                CheckedContent::Statement(Box::new(parsed.verified_before(key)?))
            }
            // A Fact has no signature, and a genesis is one entry.
            content @ (ReadContent::Statement(_) | ReadContent::Fact(_)) => {
                return Self { content, ..self }.verify(keys);
            }
        };
        Ok(CheckedEntry { leaf: self.leaf, wall_ms: self.wall_ms, boot_ms: self.boot_ms, content })
    }

    /// Stage 2, one way or the other.
    pub(super) fn check(self, signatures: Signatures, keys: &KeyBook) -> Result<CheckedEntry, Fault> {
        match signatures {
            Signatures::Verify => self.verify(keys),
            Signatures::VerifiedBefore => self.verified_before(keys),
        }
    }
}

/// What stage 2 does with signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signatures {
    /// Verifies every one.
    Verify,
    /// Takes them as verified, for a start: the entries come from the log's own store, and the caller uses nothing of
    /// the outcome unless the root over all of them is the one that the store's newest commit record binds.
    VerifiedBefore,
}

impl CheckedEntry {
    /// Its leaf hash.
    pub fn leaf(&self) -> Hash {
        self.leaf
    }

    /// Its time stamp.
    pub fn wall_ms(&self) -> u64 {
        self.wall_ms
    }

    /// The statement, unless it is a Fact.
    pub fn statement(&self) -> Option<&VerifiedStatement> {
        match &self.content {
            CheckedContent::Statement(statement) => Some(statement),
            CheckedContent::Fact(_) => None,
        }
    }

    /// The Fact, unless it is a statement.
    pub fn fact(&self) -> Option<&Fact> {
        match &self.content {
            CheckedContent::Fact(fact) => Some(fact),
            CheckedContent::Statement(_) => None,
        }
    }

    /// As the Register takes it, at this index.
    pub fn candidate(&self, index: Index) -> Candidate<'_> {
        let content = match &self.content {
            CheckedContent::Statement(statement) => CandidateContent::Statement(statement),
            CheckedContent::Fact(fact) => CandidateContent::Fact(fact),
        };
        Candidate { index, leaf: self.leaf, wall_ms: self.wall_ms, boot_ms: self.boot_ms, content }
    }
}
