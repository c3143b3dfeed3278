//! A certificate revocation list, strictly parsed (RFC 5280 5).
//! Never says that a certificate is good: `proves_innocence` and `accuses` are asked by `path`, after the signature.
use std::fmt;

use crate::certificate::{BadCertificate, read_serial};
use crate::ids::CertId;
use crate::x509::der::{
    DerError, ENUMERATED, GENERALIZED_TIME, Reader, SEQUENCE, UTC_TIME, context_constructed, small_number,
};
use crate::x509::extension::{
    self, AUTHORITY_KEY_ID, CRL_NUMBER, DELTA_CRL, ISSUING_DISTRIBUTION_POINT, REASON_CODE,
};
use crate::x509::name::Name;
use crate::x509::sign::{self, Algorithm};
use crate::x509::time::CertTime;

/// Largest list that is read, in bytes.
pub const CRL_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Why a certificate was revoked (RFC 5280 5.3.1). The numbers are the standard's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
#[repr(u8)]
pub enum Reason {
    /// No reason is given.
    #[n(0)]
    Unspecified = 0,
    /// The key is in other hands.
    #[n(1)]
    KeyCompromise = 1,
    /// The authority's key is in other hands.
    #[n(2)]
    CaCompromise = 2,
    /// Name, unit or role changed.
    #[n(3)]
    AffiliationChanged = 3,
    /// Replaced by another.
    #[n(4)]
    Superseded = 4,
    /// No longer needed.
    #[n(5)]
    CessationOfOperation = 5,
    /// Held for now; for us as good as revoked.
    #[n(6)]
    CertificateHold = 6,
    /// The rights were withdrawn.
    #[n(9)]
    PrivilegeWithdrawn = 9,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::CertificateHold,
        Self::PrivilegeWithdrawn,
    ];

    /// The reason of this number, if it may stand in a list of ours.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| *reason as u8 == number)
    }

    /// The word in commands.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "key-compromise",
            Self::CaCompromise => "ca-compromise",
            Self::AffiliationChanged => "affiliation-changed",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessation-of-operation",
            Self::CertificateHold => "certificate-hold",
            Self::PrivilegeWithdrawn => "privilege-withdrawn",
        }
    }

    /// The reason of this word, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// One line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedEntry {
    /// The certificate's serial number, big-endian, as it stands.
    pub serial: Vec<u8>,
    /// From when on.
    pub revoked_at: CertTime,
    /// Why, if the list says so in a number we know.
    pub reason: Option<Reason>,
}

/// A full CRL of one authority.
#[derive(Clone)]
pub struct RevocationList {
    der: Vec<u8>,
    tbs: std::ops::Range<usize>,
    issuer: Name,
    this_update: CertTime,
    next_update: Option<CertTime>,
    entries: Vec<RevokedEntry>,
    number: Option<Vec<u8>>,
    /// Something in it that we do not understand or that narrows it: it proves nobody's innocence.
    is_partial: bool,
    /// Its entries may be about other issuers, or say "no longer revoked".
    is_delta_or_indirect: bool,
    algorithm: Option<Algorithm>,
    signature: Vec<u8>,
}

/// Why bytes are not a CRL we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRevocationList {
    /// Not DER, or not the shape of a CRL of version 2.
    #[error("not a DER CRL of version 2: {0}")]
    Der(#[from] DerError),
    /// More than [`CRL_BYTES_MAX`].
    #[error("the CRL has {bytes} bytes, more than is read")]
    TooLong {
        /// Its size.
        bytes: usize,
    },
    /// A serial number no certificate may have.
    #[error("an entry's serial number is not positive or too long")]
    Serial,
    /// The signature algorithm inside is not the one outside.
    #[error("the signed part names another signature algorithm than the signature")]
    AlgorithmMismatch,
    /// The issuer has no name.
    #[error("the issuer's name is empty")]
    EmptyIssuer,
}

impl From<BadCertificate> for BadRevocationList {
    fn from(bad: BadCertificate) -> Self {
        match bad {
            BadCertificate::Der(error) => Self::Der(error),
            BadCertificate::TooLong { bytes } => Self::TooLong { bytes },
            BadCertificate::AlgorithmMismatch => Self::AlgorithmMismatch,
            BadCertificate::EmptyIssuer | BadCertificate::EmptySubject => Self::EmptyIssuer,
            BadCertificate::Version | BadCertificate::Serial => Self::Serial,
        }
    }
}

impl RevocationList {
    /// Parses one list: all of the bytes, and only in DER.
    pub fn parse(der: &[u8]) -> Result<Self, BadRevocationList> {
        if der.len() > CRL_BYTES_MAX {
            return Err(BadRevocationList::TooLong { bytes: der.len() });
        }
        let mut outer = Reader::new(der);
        let (contents, _) = outer.element(SEQUENCE)?;
        outer.finish()?;
        let head = der.len() - contents.len();
        let mut parts = Reader::new(contents);
        let (tbs_contents, tbs_whole) = parts.element(SEQUENCE)?;
        let (_, outer_algorithm) = parts.element(SEQUENCE)?;
        let signature = parts.whole_bit_string()?.to_vec();
        parts.finish()?;
        let mut tbs = Reader::new(tbs_contents);
        if tbs.integer()? != [1] {
            return Err(DerError::Value("version 2").into());
        }
        let (_, inner_algorithm) = tbs.element(SEQUENCE)?;
        if inner_algorithm != outer_algorithm {
            return Err(BadRevocationList::AlgorithmMismatch);
        }
        let issuer = Name::read(&mut tbs)?;
        if issuer.is_empty() {
            return Err(BadRevocationList::EmptyIssuer);
        }
        let this_update = CertTime::read(&mut tbs)?;
        let next_update = match tbs.peek() {
            Some(UTC_TIME | GENERALIZED_TIME) => Some(CertTime::read(&mut tbs)?),
            _ => None,
        };
        let mut list = Self {
            tbs: head..head + tbs_whole.len(),
            issuer,
            this_update,
            next_update,
            entries: Vec::new(),
            number: None,
            is_partial: false,
            is_delta_or_indirect: false,
            algorithm: Algorithm::from_der(outer_algorithm)?,
            signature,
            der: der.to_vec(),
        };
        if let Some(entries) = tbs.optional(SEQUENCE)? {
            list.read_entries(Reader::new(entries))?;
        }
        if let Some(explicit) = tbs.optional(context_constructed(0))? {
            let mut explicit = Reader::new(explicit);
            list.read_extensions(explicit.nested(SEQUENCE)?)?;
            explicit.finish()?;
        }
        tbs.finish()?;
        Ok(list)
    }

    fn read_entries(&mut self, mut entries: Reader<'_>) -> Result<(), BadRevocationList> {
        if entries.is_empty() {
            return Err(DerError::Value("revokedCertificates").into());
        }
        while !entries.is_empty() {
            let mut entry = entries.nested(SEQUENCE)?;
            let serial = read_serial(&mut entry)?.to_vec();
            let revoked_at = CertTime::read(&mut entry)?;
            let mut reason = None;
            if let Some(list) = entry.optional(SEQUENCE)? {
                for raw in extension::read_all(Reader::new(list))? {
                    if raw.number() == Some(REASON_CODE) {
                        let mut value = Reader::new(raw.value);
                        let number = small_number(value.contents(ENUMERATED)?)?;
                        value.finish()?;
                        reason = u8::try_from(number).ok().and_then(Reason::from_number);
                    } else if raw.critical {
                        // certificateIssuer, or something newer: whom this entry is about is no longer certain.
                        self.is_partial = true;
                        self.is_delta_or_indirect = true;
                    }
                }
            }
            entry.finish()?;
            self.entries.push(RevokedEntry { serial, revoked_at, reason });
        }
        Ok(())
    }

    fn read_extensions(&mut self, list: Reader<'_>) -> Result<(), BadRevocationList> {
        for raw in extension::read_all(list)? {
            match raw.number() {
                Some(CRL_NUMBER) => {
                    let mut value = Reader::new(raw.value);
                    self.number = Some(value.integer()?.to_vec());
                    value.finish()?;
                    self.is_partial |= raw.critical;
                }
                Some(AUTHORITY_KEY_ID) => self.is_partial |= raw.critical,
                Some(DELTA_CRL) => {
                    self.is_partial = true;
                    self.is_delta_or_indirect = true;
                }
                Some(ISSUING_DISTRIBUTION_POINT) => {
                    self.is_partial = true;
                    self.is_delta_or_indirect |= is_indirect(raw.value);
                }
                _ => self.is_partial |= raw.critical,
            }
        }
        Ok(())
    }

    /// The bytes as they came.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of the DER.
    pub fn id(&self) -> CertId {
        CertId::of(&self.der)
    }

    /// Whose list it is.
    pub fn issuer(&self) -> &Name {
        &self.issuer
    }

    /// When it was made.
    pub fn this_update(&self) -> CertTime {
        self.this_update
    }

    /// Until when the next one comes.
    pub fn next_update(&self) -> Option<CertTime> {
        self.next_update
    }

    /// The CRL number, big-endian, as it stands.
    pub fn number(&self) -> Option<&[u8]> {
        self.number.as_deref()
    }

    /// Its lines.
    pub fn entries(&self) -> &[RevokedEntry] {
        &self.entries
    }

    /// The line about this serial number.
    pub fn entry(&self, serial: &[u8]) -> Option<&RevokedEntry> {
        self.entries.iter().find(|entry| entry.serial == serial)
    }

    /// Whether the key of this SubjectPublicKeyInfo signed it.
    pub fn is_signed_by(&self, spki: &[u8]) -> bool {
        self.algorithm.is_some_and(|algorithm| {
            sign::verify(algorithm, spki, &self.der[self.tbs.clone()], &self.signature)
        })
    }

    /// Made at or before this moment, and the next one is not yet due. Without `nextUpdate` a list is never fresh.
    pub fn is_fresh(&self, at: CertTime) -> bool {
        self.this_update <= at && self.next_update.is_some_and(|next| at <= next)
    }

    /// Whether not being listed means something: a full, direct list with nothing critical we do not understand.
    pub(crate) fn is_complete(&self) -> bool {
        !self.is_partial
    }

    /// The line that speaks against this certificate at this moment. A list from after the moment speaks only about
    /// what was revoked before it; a stale or partial one still accuses.
    pub(crate) fn accuses(&self, serial: &[u8], at: CertTime) -> Option<&RevokedEntry> {
        if self.is_delta_or_indirect {
            return None;
        }
        self.entry(serial).filter(|entry| self.this_update <= at || entry.revoked_at <= at)
    }
}

impl fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RevocationList({}, {}, {} entries)", self.issuer, self.this_update, self.entries.len())
    }
}

/// IssuingDistributionPoint with `indirectCRL [4] TRUE`; one that cannot be read counts as such.
fn is_indirect(value: &[u8]) -> bool {
    let read = || -> Result<bool, DerError> {
        let mut outer = Reader::new(value);
        let mut fields = outer.nested(SEQUENCE)?;
        let mut indirect = false;
        while !fields.is_empty() {
            let (tag, contents, _) = fields.any()?;
            indirect |= tag == 0x84 && contents != [0];
        }
        Ok(indirect)
    };
    read().unwrap_or(true)
}
