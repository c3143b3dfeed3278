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

/// Publishes a revocation list, whole, DER. Larger ones come as [`CrlPart`]s.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Crl {
    /// DER, signed by a CA of the site.
    #[n(0)]
    pub list: ByteVec,
}

/// One part of a revocation list that is larger than an entry. Its parts stand directly behind each other, in their order,
/// and take effect as a whole with the last one.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct CrlPart {
    /// Which, from 1.
    #[n(0)]
    pub number: u32,
    /// Of how many.
    #[n(1)]
    pub of: u32,
    /// SHA-256 of the whole list, DER.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub whole: Hash,
    /// This part's bytes: [`CRL_BYTES_MAX`] of them but in the last one.
    #[n(3)]
    pub bytes: ByteVec,
}

/// Most parts of a revocation list: as many as one Submit carries to the server.
pub const CRL_PARTS_MAX: u32 = 8;
/// Largest revocation list in parts, DER bytes.
pub const CRL_WHOLE_BYTES_MAX: u64 = CRL_PARTS_MAX as u64 * CRL_BYTES_MAX;

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

impl CrlPart {
    /// A list in parts; `None` where it fits into one act, or not even into the most parts.
    pub fn split(list: &[u8]) -> Option<Vec<Self>> {
        let length = list.len() as u64;
        if length <= CRL_BYTES_MAX || length > CRL_WHOLE_BYTES_MAX {
            return None;
        }
        let whole = Sha256::digest(list).into();
        let of = u32::try_from(length.div_ceil(CRL_BYTES_MAX)).ok()?;
        let parts = (1..).zip(list.chunks(CRL_BYTES_MAX as usize));
        Some(parts.map(|(number, bytes)| Self { number, of, whole, bytes: bytes.to_vec().into() }).collect())
    }

    /// The list takes effect with this one.
    pub fn is_last(&self) -> bool {
        self.number == self.of
    }

    /// Whether this part follows a list's first ones, of which the last is `before`.
    pub fn follows(&self, before: &Self) -> bool {
        (self.of, self.whole) == (before.of, before.whole)
            && before.number.checked_add(1) == Some(self.number)
    }

    pub(crate) fn check_bounds(&self) -> Result<(), OutOfBounds> {
        at_most("revocation list parts", self.of.into(), CRL_PARTS_MAX.into())?;
        at_most("revocation list part", self.number.into(), self.of.into())?;
        if self.of < 2 || self.number == 0 {
            return Err(OutOfBounds {
                what: "revocation list part",
                value: self.number.into(),
                limit: self.of.into(),
            });
        }
        let bytes = self.bytes.len() as u64;
        at_most("revocation list bytes", bytes, CRL_BYTES_MAX)?;
        // One spelling: all parts are full but the last, and no part is empty.
        if bytes == 0 || (!self.is_last() && bytes != CRL_BYTES_MAX) {
            return Err(OutOfBounds { what: "revocation list bytes", value: bytes, limit: CRL_BYTES_MAX });
        }
        Ok(())
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
