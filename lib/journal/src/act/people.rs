//! Certificates and envelopes: acts of the authority's offline chain, and revocation by an officer online.

use super::{OutOfBounds, at_most};
use crate::ids::Hash;
use minicbor::{Decode, Encode, bytes::ByteVec};
use pki::PersonId;
use sha2::{Digest, Sha256};

/// Makes a person's certificates known: the signature certificate and the agreement certificate, one person, one
/// request. Also the server's pair (roles server and core). An officer's acts only after two standing officers
/// approved it (`DualAct::AdmitOfficer`), save those whom the genesis names.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Enrol {
    /// DER.
    #[n(0)]
    pub signature: ByteVec,
    /// DER.
    #[n(1)]
    pub agreement: ByteVec,
}

/// Reasons of RFC 5280 5.3.1 that we use, with its numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
#[allow(missing_docs)] // RFC 5280's words
pub enum RevokeReason {
    #[n(0)]
    Unspecified,
    #[n(1)]
    KeyCompromise,
    #[n(3)]
    AffiliationChanged,
    #[n(4)]
    Superseded,
    #[n(5)]
    CessationOfOperation,
}

/// Ends every certificate the person has at this index, signature and agreement, for ever, and takes the person out of
/// every conversation.
/// By the authority (offline chain) or by one officer.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Revoke {
    /// Whose.
    #[n(0)]
    pub person: PersonId,
    /// Why.
    #[n(1)]
    pub reason: RevokeReason,
    /// In words, for the record; may be empty.
    #[n(2)]
    pub note: String,
}

/// Longest note of a revocation, bytes.
pub const REVOKE_NOTE_BYTES_MAX: u64 = 400;

impl Revoke {
    pub(crate) fn check_bounds(&self) -> Result<(), OutOfBounds> {
        at_most("note bytes", self.note.len() as u64, REVOKE_NOTE_BYTES_MAX)
    }
}

/// Publishes a revocation list, whole, DER. (Larger ones in parts: a kind of a later issue.)
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Crl {
    /// DER, signed by a CA of the site.
    #[n(0)]
    pub list: ByteVec,
}

/// Largest certificate in an entry, DER bytes.
pub const CERTIFICATE_BYTES_MAX: u64 = 8 * 1024;
/// Largest revocation list in an entry, DER bytes.
pub const CRL_BYTES_MAX: u64 = 48 * 1024;

impl Enrol {
    pub(crate) fn check_bounds(&self) -> Result<(), OutOfBounds> {
        at_most("certificate bytes", self.signature.len() as u64, CERTIFICATE_BYTES_MAX)?;
        at_most("certificate bytes", self.agreement.len() as u64, CERTIFICATE_BYTES_MAX)
    }
}

impl Crl {
    pub(crate) fn check_bounds(&self) -> Result<(), OutOfBounds> {
        at_most("revocation list bytes", self.list.len() as u64, CRL_BYTES_MAX)
    }
}

/// A paper envelope with a one-time password was printed. Its verifier travels beside the bundle, sealed to the core,
/// never here: only what binds it does, so that whoever carries the bundle cannot put another verifier in its place.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct EnvelopePrint {
    /// The envelope's number, unique for the site, counted from 1 by the authority.
    #[n(0)]
    pub number: u64,
    /// For whom.
    #[n(1)]
    pub person: PersonId,
    /// The envelope that this one replaces (which is void from here on), or 0.
    #[n(2)]
    pub replaces: u64,
    /// SHA-256 of the sealed verifier, as it travels. It tests no guess of the password: the verifier has a random salt
    /// and is sealed with a fresh key, and neither is in the journal.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub verifier: Hash,
}

impl EnvelopePrint {
    /// The act for an envelope with this sealed verifier.
    pub fn new(number: u64, person: PersonId, replaces: u64, sealed: &[u8]) -> Self {
        Self { number, person, replaces, verifier: Self::digest(sealed) }
    }

    /// What binds a sealed verifier.
    pub fn digest(sealed: &[u8]) -> Hash {
        Sha256::digest(sealed).into()
    }

    /// Whether this sealed verifier is the one that the act was signed for.
    pub fn binds(&self, sealed: &[u8]) -> bool {
        self.verifier == Self::digest(sealed)
    }
}

/// The envelope was handed over against a signature on its slip. Only then does its password open a session.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct EnvelopeHandOver {
    /// Which.
    #[n(0)]
    pub number: u64,
}

/// The envelope was lost or destroyed: its password opens nothing.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct EnvelopeVoid {
    /// Which.
    #[n(0)]
    pub number: u64,
}
