//! The founding of a site.

use super::{OutOfBounds, at_most};
use crate::policy::Policy;
use minicbor::{Decode, Encode, bytes::ByteVec};
use pki::{CertId, Suite};

/// Entry 0: who the authority is, who the first officers are, by which rules the log lives.
/// Signed by the issuing CA, offline, so that the site card can be made before the server starts and the server is
/// never the source of trust. Its [`crate::ids::StatementId`] is the log id. Chain, sequence and previous are zero.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Genesis {
    /// The site's name, for people.
    #[n(0)]
    pub site: String,
    /// The suite of every certificate and statement of the site.
    #[n(1)]
    pub suite: Suite,
    /// The root CA's certificate, DER.
    #[n(2)]
    pub root: ByteVec,
    /// The issuing CA's certificate, DER: it signed this statement and signs the offline acts.
    #[n(3)]
    pub issuing: ByteVec,
    /// The log identity key, Ed25519, 32 bytes: signs Hello, the second line of notes and the first period's KeyRoll.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub identity: [u8; 32],
    /// Signature certificates of the first officers; their `Enrol` acts follow.
    #[n(5)]
    pub officers: Vec<CertId>,
    /// How many of the first officers a succession needs.
    #[n(6)]
    pub threshold: u32,
    /// The first policy.
    #[n(7)]
    pub policy: Policy,
    /// When the authority signed, milliseconds since 1970.
    #[n(8)]
    pub time_ms: u64,
}

/// Longest name of a site, bytes.
pub const SITE_NAME_BYTES_MAX: u64 = 200;
/// Most officers that a genesis names.
pub const FIRST_OFFICERS_MAX: u64 = 64;

impl Genesis {
    pub(crate) fn check_bounds(&self) -> Result<(), OutOfBounds> {
        at_most("site name bytes", self.site.len() as u64, SITE_NAME_BYTES_MAX)?;
        at_most("first officers", self.officers.len() as u64, FIRST_OFFICERS_MAX)?;
        at_most("threshold", self.threshold.into(), self.officers.len() as u64)?;
        at_most("label names", self.policy.labels.len() as u64, 6)
    }
}
