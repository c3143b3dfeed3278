//! A signed statement: header, act, signature; and the only way to a `Verified` one.
//! Never looks at the state: what a statement may do is the Register's question.

use crate::act::{Act, OutOfBounds};
use crate::ids::{Chain, Hash, Head, LogId, StatementId};
use minicbor::{Decode, Encode, bytes::ByteVec};
use pki::canonical::{self, NotCanonical};
use pki::{BadSignature, CertId, PersonId, PublicKey, SignError, Signer, Suite};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// The version of the statement format that this program writes.
pub const STATEMENT_VERSION: u8 = 1;

/// Who says it, where in his chain, and what he has seen.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Header {
    /// 1.
    #[n(0)]
    pub version: u8,
    /// Must match the certificate's key.
    #[n(1)]
    pub suite: Suite,
    /// Which log it is for; zero before there is one.
    #[n(2)]
    pub log: LogId,
    /// The signer; `PersonId(0)` for the authority.
    #[n(3)]
    pub person: PersonId,
    /// The signer's certificate.
    #[n(4)]
    pub certificate: CertId,
    /// Zero for a Login and the genesis.
    #[n(5)]
    pub chain: Chain,
    /// 0 for a Login; then 1, 2, …: only an admitted statement uses up a number.
    #[n(6)]
    pub sequence: u64,
    /// 0 at first; one more after each refusal of this number.
    #[n(7)]
    pub attempt: u32,
    /// The statement before it in the chain; zero for a Login.
    #[n(8)]
    pub previous: StatementId,
    /// The newest head whose consistency the signer's terminal has proven: makes it a witness.
    #[n(9)]
    pub head: Head,
}

impl Header {
    /// Whether it stands in no chain: neither number nor predecessor, as a succession's and a continuation's.
    pub fn is_outside_chains(&self) -> bool {
        self.chain == Chain::ZERO
            && (self.sequence, self.attempt) == (0, 0)
            && self.previous == StatementId::ZERO
    }
}

/// Header and act: `[header, [kind, […]]]`. These bytes, behind the context, are what is signed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Statement {
    /// Who, where, after what.
    #[n(0)]
    pub header: Header,
    /// What.
    #[n(1)]
    pub act: Act,
}

/// A statement as it travels: its bytes and the signature over them, both opaque until verified.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct SignedStatement {
    /// A canonical [`Statement`].
    #[n(0)]
    pub statement: ByteVec,
    /// By the header's suite.
    #[n(1)]
    pub signature: ByteVec,
}

/// Why bytes are no statement.
#[derive(Debug, thiserror::Error)]
pub enum BadStatement {
    /// Not the one right encoding.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
    /// Written by a newer program.
    #[error("statement version {0} is newer than this program reads ({STATEMENT_VERSION})")]
    Newer(u8),
    /// A limit of the content is broken.
    #[error(transparent)]
    OutOfBounds(#[from] OutOfBounds),
    /// The header names a suite that the certificate's key is not of.
    #[error("the statement names suite {named:?}, the certificate's key is of {key:?}")]
    WrongSuite {
        /// In the header.
        named: Suite,
        /// Of the key.
        key: Suite,
    },
    /// The signature does not verify.
    #[error(transparent)]
    BadSignature(#[from] BadSignature),
}

/// A value whose signature was checked, and with which key. Only [`Parsed::verify`] makes one, and
/// [`Parsed::verified_before`] of what it made once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified<T> {
    value: T,
    key: Hash,
}

impl<T> Verified<T> {
    /// The value.
    pub fn get(&self) -> &T {
        &self.value
    }

    /// SHA-256 of the SubjectPublicKeyInfo that verified it: the Register compares it with the certificate's own, so
    /// that a caller who looked up the wrong key has proven nothing.
    pub fn key(&self) -> Hash {
        self.key
    }
}

/// Read whole but not yet verified: enough to find the certificate, not enough to act.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parsed {
    signed: SignedStatement,
    statement: Statement,
    id: StatementId,
}

impl Parsed {
    /// Which certificate must verify it.
    pub fn certificate(&self) -> CertId {
        self.statement.header.certificate
    }

    /// The header (verified only inside [`Verified`]).
    pub fn header(&self) -> &Header {
        &self.statement.header
    }

    /// The act (verified only inside [`Verified`]).
    pub fn act(&self) -> &Act {
        &self.statement.act
    }

    /// SHA-256 of the signed bytes.
    pub fn id(&self) -> StatementId {
        self.id
    }

    /// The bytes as they travelled.
    pub fn signed(&self) -> &SignedStatement {
        &self.signed
    }

    /// The only way to a `Verified` statement.
    pub fn verify(self, key: &PublicKey) -> Result<VerifiedStatement, BadStatement> {
        let named = self.statement.header.suite;
        if named != key.suite() {
            return Err(BadStatement::WrongSuite { named, key: key.suite() });
        }
        let signed = signed_bytes(self.statement.act.name(), &self.signed.statement);
        pki::Verifier::verify(key, &signed, &self.signed.signature)?;
        Ok(Verified { value: self, key: key.hash() })
    }

    /// A statement that was verified when this very log admitted it, read again from the log's own store. Whoever calls
    /// this compares the root over all entries with the one that the store's commit record binds, and believes nothing
    /// before. Never for bytes from anywhere else.
    pub(crate) fn verified_before(self, key: &PublicKey) -> Result<VerifiedStatement, BadStatement> {
        let named = self.statement.header.suite;
        if named != key.suite() {
            return Err(BadStatement::WrongSuite { named, key: key.suite() });
        }
        Ok(Verified { value: self, key: key.hash() })
    }
}

/// A statement whose signature was checked, with its id.
pub type VerifiedStatement = Verified<Parsed>;

/// 64 spaces, `conclave/1 `, the kind's name, 0x00: the shape of RFC 8446 4.4.3.
pub fn context_prefix(kind: &str) -> Vec<u8> {
    signed_bytes(kind, &[])
}

/// What is signed: the context and the statement's bytes as they travel.
pub fn signed_bytes(kind: &str, statement: &[u8]) -> Vec<u8> {
    [&[0x20; 64][..], b"conclave/1 ", kind.as_bytes(), &[0], statement].concat()
}

/// The same as of [`signed_bytes`], without putting them together: the spaces, which are one block, are hashed once.
fn id_of_parts(kind: &str, statement: &[u8]) -> StatementId {
    static BEGUN: LazyLock<Sha256> =
        LazyLock::new(|| Sha256::new().chain_update([0x20; 64]).chain_update(b"conclave/1 "));
    let hash = BEGUN.clone().chain_update(kind).chain_update([0]).chain_update(statement);
    StatementId(hash.finalize().into())
}

fn id_of(signed: &[u8]) -> StatementId {
    StatementId(Sha256::digest(signed).into())
}

impl SignedStatement {
    /// Signs header and act. The signer's suite must be the header's.
    pub fn sign(statement: &Statement, signer: &dyn Signer) -> Result<(Self, StatementId), SignError> {
        let bytes = canonical::encode(statement);
        let signed = signed_bytes(statement.act.name(), &bytes);
        let signature = signer.sign(&signed)?;
        Ok((Self { statement: bytes.into(), signature: signature.into() }, id_of(&signed)))
    }

    /// Reads the statement whole, checks version and bounds; does not verify.
    pub fn parse(self) -> Result<Parsed, BadStatement> {
        // `[[version, …`: the version is the third byte of the canonical form.
        if let Some(&version) = self.statement.get(2)
            && version > STATEMENT_VERSION
            && version < 24
        {
            return Err(BadStatement::Newer(version));
        }
        let statement: Statement = canonical::decode(&self.statement)?;
        if statement.header.version != STATEMENT_VERSION {
            return Err(BadStatement::Newer(statement.header.version));
        }
        statement.act.check_bounds()?;
        let id = id_of_parts(statement.act.name(), &self.statement);
        Ok(Parsed { signed: self, statement, id })
    }
}
