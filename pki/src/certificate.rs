//! A certificate, strictly parsed and owned: who it names, what it allows, when.
//! Never says whether it is trusted; only `path` does.
use std::fmt;

use der::asn1::ObjectIdentifier;

use crate::agreement::AgreementPublic;
use crate::clearance::Clearance;
use crate::ids::{CertId, PersonId};
use crate::keys::{KeyError, PublicKey};
use crate::oids;
use crate::role::{Role, RoleSet};
use crate::x509::der::{DerError, INTEGER, Reader, SEQUENCE, context, context_constructed};
use crate::x509::extension::{Extensions, KeyUsage, KeyUse};
use crate::x509::general_name::GeneralName;
use crate::x509::name::Name;
use crate::x509::sign::{self, Algorithm};
use crate::x509::time::CertTime;

/// Largest certificate that is read, in bytes.
pub const CERTIFICATE_BYTES_MAX: usize = 64 * 1024;
/// Largest serial number, in bytes (RFC 5280 4.1.2.2).
pub const SERIAL_BYTES_MAX: usize = 20;

/// Why bytes are not a certificate we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCertificate {
    /// Not DER, or not the shape of a certificate.
    #[error("not a DER certificate: {0}")]
    Der(#[from] DerError),
    /// More than [`CERTIFICATE_BYTES_MAX`].
    #[error("the certificate has {bytes} bytes, more than is read")]
    TooLong {
        /// Its size.
        bytes: usize,
    },
    /// Not version 3.
    #[error("not an X.509 certificate of version 3")]
    Version,
    /// Negative, zero, or longer than 20 bytes.
    #[error("the serial number is not positive or too long")]
    Serial,
    /// The signature algorithm inside is not the one outside.
    #[error("the signed part names another signature algorithm than the signature")]
    AlgorithmMismatch,
    /// The issuer has no name.
    #[error("the issuer's name is empty")]
    EmptyIssuer,
    /// The subject has no name and the alternative names are not critical (RFC 5280 4.1.2.6).
    #[error("the subject's name is empty")]
    EmptySubject,
}

/// An X.509 certificate of version 3.
#[derive(Clone)]
pub struct Certificate {
    der: Vec<u8>,
    tbs: std::ops::Range<usize>,
    id: CertId,
    serial: Vec<u8>,
    issuer: Name,
    subject: Name,
    /// Of the subject's `serialNumber`, and of the extended key usage: asked for at every statement.
    person: Option<PersonId>,
    roles: RoleSet,
    not_before: CertTime,
    not_after: CertTime,
    spki: Vec<u8>,
    extensions: Extensions,
    algorithm: Option<Algorithm>,
    signature: Vec<u8>,
}

impl Certificate {
    /// Parses one certificate: all of the bytes, and only in DER.
    pub fn parse(der: &[u8]) -> Result<Self, BadCertificate> {
        if der.len() > CERTIFICATE_BYTES_MAX {
            return Err(BadCertificate::TooLong { bytes: der.len() });
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
        let fields = Fields::read(&mut tbs)?;
        if fields.algorithm != outer_algorithm {
            return Err(BadCertificate::AlgorithmMismatch);
        }
        if fields.issuer.is_empty() {
            return Err(BadCertificate::EmptyIssuer);
        }
        let extensions = fields.extensions;
        if fields.subject.is_empty() && !extensions.subject_alt_names_critical {
            return Err(BadCertificate::EmptySubject);
        }
        let usages = extensions.extended_key_usage.as_deref().unwrap_or_default();
        Ok(Self {
            tbs: head..head + tbs_whole.len(),
            id: CertId::of(der),
            serial: fields.serial.to_vec(),
            issuer: fields.issuer,
            person: single(&fields.subject, &oids::SERIAL_NUMBER).and_then(|text| text.parse().ok()),
            roles: usages.iter().filter_map(Role::from_oid).collect(),
            subject: fields.subject,
            not_before: fields.not_before,
            not_after: fields.not_after,
            spki: fields.spki.to_vec(),
            extensions,
            algorithm: Algorithm::from_der(outer_algorithm)?,
            signature,
            der: der.to_vec(),
        })
    }

    /// SHA-256 of the DER.
    pub fn id(&self) -> CertId {
        self.id
    }

    /// The bytes as they came.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The serial number, big-endian, as it stands.
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// Who signed it.
    pub fn issuer(&self) -> &Name {
        &self.issuer
    }

    /// Whom it names.
    pub fn subject(&self) -> &Name {
        &self.subject
    }

    /// The person: the subject's `serialNumber`, if there is exactly one and it is ours.
    pub fn person(&self) -> Option<PersonId> {
        self.person
    }

    /// The full name: the subject's `commonName`, if there is exactly one.
    pub fn full_name(&self) -> Option<&str> {
        single(&self.subject, &oids::COMMON_NAME)
    }

    /// The login: the subject's `uid` (RFC 4519 2.39), if there is exactly one.
    pub fn login(&self) -> Option<&str> {
        single(&self.subject, &oids::USER_ID)
    }

    /// The unit path, outermost first: the subject's `organizationalUnitName`s.
    pub fn unit(&self) -> Vec<&str> {
        self.subject.texts(&oids::UNIT)
    }

    /// The roles it grants by extended key usage.
    pub fn roles(&self) -> RoleSet {
        self.roles
    }

    /// The clearance (RFC 5913); unmarked when there is none of our label policy.
    pub fn clearance(&self) -> Clearance {
        self.extensions.clearance.unwrap_or_default()
    }

    /// First and last second of its validity.
    pub fn validity(&self) -> (CertTime, CertTime) {
        (self.not_before, self.not_after)
    }

    /// SubjectPublicKeyInfo in DER.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The key as one that verifies statements.
    pub fn public_key(&self) -> Result<PublicKey, KeyError> {
        PublicKey::from_spki(&self.spki)
    }

    /// The key as one to wrap to.
    pub fn agreement_key(&self) -> Result<AgreementPublic, KeyError> {
        AgreementPublic::from_spki(&self.spki)
    }

    /// Whether it says that its subject is a certification authority.
    pub fn is_ca(&self) -> bool {
        matches!(self.extensions.basic_constraints, Some((true, _)))
    }

    /// The key usages, if it names any.
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.extensions.key_usage
    }

    /// Whether a key usage is there and allows this; what statements and wraps demand.
    pub fn allows(&self, key_use: KeyUse) -> bool {
        self.extensions.key_usage.is_some_and(|usage| usage.allows(key_use))
    }

    /// The alternative names.
    pub fn subject_alt_names(&self) -> &[GeneralName] {
        &self.extensions.subject_alt_names
    }

    /// Whether this host name stands among the alternative names, letter case aside. No wildcards: our servers have
    /// one fixed name.
    pub fn has_dns_name(&self, host: &str) -> bool {
        let same =
            |name: &GeneralName| matches!(name, GeneralName::Dns(name) if name.eq_ignore_ascii_case(host));
        self.subject_alt_names().iter().any(same)
    }

    /// What the extensions say.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// Whether issuer and subject are the same name.
    pub fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// The signature's algorithm, if it is one we verify.
    pub fn signature_algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }

    /// Whether the key of this SubjectPublicKeyInfo signed it.
    pub(crate) fn is_signed_by(&self, spki: &[u8]) -> bool {
        self.algorithm.is_some_and(|algorithm| {
            sign::verify(algorithm, spki, &self.der[self.tbs.clone()], &self.signature)
        })
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

/// The one text of this kind; `None` where there is none, or a second, or one that is no text.
fn single<'a>(name: &'a Name, oid: &ObjectIdentifier) -> Option<&'a str> {
    match name.texts(oid)[..] {
        [text] if name.count(oid) == 1 => Some(text),
        _ => None,
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, {})", self.subject, self.id)
    }
}

/// The to-be-signed part, in order.
struct Fields<'a> {
    serial: &'a [u8],
    algorithm: &'a [u8],
    issuer: Name,
    not_before: CertTime,
    not_after: CertTime,
    subject: Name,
    spki: &'a [u8],
    extensions: Extensions,
}

impl<'a> Fields<'a> {
    fn read(tbs: &mut Reader<'a>) -> Result<Self, BadCertificate> {
        let version = tbs.optional(context_constructed(0))?.ok_or(BadCertificate::Version)?;
        if version != [INTEGER, 1, 2] {
            return Err(BadCertificate::Version);
        }
        let serial = read_serial(tbs)?;
        let (_, algorithm) = tbs.element(SEQUENCE)?;
        let issuer = Name::read(tbs)?;
        let mut validity = tbs.nested(SEQUENCE)?;
        let not_before = CertTime::read(&mut validity)?;
        let not_after = CertTime::read(&mut validity)?;
        validity.finish()?;
        let subject = Name::read(tbs)?;
        let (_, spki) = tbs.element(SEQUENCE)?;
        sign::check_key(spki)?;
        // issuerUniqueID and subjectUniqueID: legal in version 3, meaningless to us, but still BIT STRINGs.
        for number in [1, 2] {
            if let Some(bits) = tbs.optional(context(number))? {
                crate::x509::der::bit_string_value(bits)?;
            }
        }
        let extensions = match tbs.optional(context_constructed(3))? {
            None => Extensions::default(),
            Some(explicit) => {
                let mut explicit = Reader::new(explicit);
                let list = explicit.nested(SEQUENCE)?;
                explicit.finish()?;
                Extensions::read(list)?
            }
        };
        tbs.finish()?;
        Ok(Self { serial, algorithm, issuer, not_before, not_after, subject, spki, extensions })
    }
}

pub(crate) fn read_serial<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], BadCertificate> {
    let serial = reader.integer()?;
    if serial[0] & 0x80 != 0 || serial == [0] || serial.len() > SERIAL_BYTES_MAX {
        return Err(BadCertificate::Serial);
    }
    Ok(serial)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::forge;
    use crate::revocation_list::RevocationList;

    proptest! {
        /// Foreign bytes are refused or read, and never stop the process.
        #[test]
        fn no_bytes_make_the_parsers_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Certificate::parse(&bytes);
            let _ = RevocationList::parse(&bytes);
            let _ = crate::request::Request::parse(&bytes);
            let _ = crate::site_card::SiteCard::from_bytes(&bytes);
        }

        /// A good certificate with a few bytes replaced is read as exactly those bytes, or not at all.
        #[test]
        fn damaged_certificates_are_no_danger(edits in proptest::collection::vec((0..400_usize, any::<u8>()), 1..4)) {
            let mut der = forge::root().certificate.der().to_vec();
            for (at, byte) in edits {
                let length = der.len();
                der[at % length] = byte;
            }
            if let Ok(certificate) = Certificate::parse(&der) {
                prop_assert_eq!(certificate.der(), &der[..]);
                let _ = (certificate.person(), certificate.unit().len(), certificate.roles(), certificate.public_key());
                let _ = certificate.agreement_key();
            }
        }
    }
}
