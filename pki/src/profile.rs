//! The certificates and lists a site makes: root, issuing authority, leaves, CRL (DESIGN: X.509 v3, RFC 5280).
//! Never keeps a register of what was issued: that is the officer's journal.
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};

use crate::agreement::AgreementPublic;
use crate::certificate::{BadCertificate, Certificate};
use crate::clearance::Clearance;
use crate::ids::PersonId;
use crate::keys::PublicKey;
use crate::oids;
use crate::revocation_list::{BadRevocationList, Reason, RevocationList};
use crate::role::{Role, RoleSet};
use crate::signature::{SignError, Signer};
use crate::subject::{BadSubject, SubjectNames};
use crate::x509::der::{self, BOOLEAN, ENUMERATED, INTEGER, OCTET_STRING, SEQUENCE, context};
use crate::x509::extension::{
    AUTHORITY_KEY_ID, BASIC_CONSTRAINTS, CRL_NUMBER, DIRECTORY_ATTRIBUTES, EXTENDED_KEY_USAGE, KEY_USAGE,
    KeyUse, REASON_CODE, SUBJECT_ALT_NAME, SUBJECT_KEY_ID,
};
use crate::x509::general_name::GeneralName;
use crate::x509::name::Name;
use crate::x509::template::{self, ExtensionOut, ListTemplate, Template, VERSION_3};
use crate::x509::time::CertTime;

/// The one name TLS servers of every site carry: addresses change, the site card tells whom to expect.
pub const SERVER_NAME: &str = "conclave";
/// Bytes of a serial number: random, positive, its first byte never zero.
const SERIAL_BYTES: usize = 16;

/// Why a certificate or list was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// The authority's key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The names cannot stand in a certificate.
    #[error(transparent)]
    Subject(#[from] BadSubject),
    /// What was made is not what we would read. Nothing was given out.
    #[error("the certificate made is not one we would read: {0}")]
    Unreadable(#[from] BadCertificate),
    /// The same for a list.
    #[error("the list made is not one we would read: {0}")]
    UnreadableList(#[from] BadRevocationList),
    /// A leaf without a role means nothing here.
    #[error("a leaf needs a role")]
    NoRole,
    /// The validity ends before it begins.
    #[error("the validity ends before it begins")]
    Validity,
    /// The issuing certificate is of no authority, or its key is not the signer's.
    #[error("the issuer is no authority, or the key is not its own")]
    NotAnAuthority,
}

/// First and last second of validity.
#[derive(Debug, Clone, Copy)]
pub struct Validity {
    /// First.
    pub from: CertTime,
    /// Last.
    pub until: CertTime,
}

/// An authority that signs: its certificate and its key.
#[derive(Clone, Copy)]
pub struct Authority<'a> {
    /// Its certificate.
    pub certificate: &'a Certificate,
    /// Its key.
    pub signer: &'a dyn Signer,
}

/// The key a leaf is made for.
#[derive(Clone, Copy)]
pub enum LeafKey<'a> {
    /// Signs statements and TLS handshakes.
    Signature(&'a PublicKey),
    /// Is wrapped to.
    Agreement(&'a AgreementPublic),
}

/// A leaf to be issued.
#[derive(Clone, Copy)]
pub struct LeafRequest<'a> {
    /// The person (a server and a core are persons too).
    pub person: PersonId,
    /// The names.
    pub names: &'a SubjectNames,
    /// The roles; at least one.
    pub roles: RoleSet,
    /// The clearance.
    pub clearance: Clearance,
    /// The key.
    pub key: LeafKey<'a>,
    /// The validity.
    pub validity: Validity,
}

/// A self-signed root: one authority may stand below it.
pub fn root(
    common_name: &str,
    key: &PublicKey,
    signer: &dyn Signer,
    validity: Validity,
    rng: &mut dyn CryptoRng,
) -> Result<Certificate, IssueError> {
    let name = authority_name(common_name)?;
    let template = authority_template(&name, &name, key.spki(), None, 1, validity, rng)?;
    let certificate = Certificate::parse(&template.sign(signer)?)?;
    match certificate.is_signed_by(key.spki()) {
        true => Ok(certificate),
        false => Err(IssueError::NotAnAuthority),
    }
}

/// An issuing authority below a root: only leaves may stand below it.
pub fn issuing_authority(
    root: Authority<'_>,
    common_name: &str,
    key: &PublicKey,
    validity: Validity,
    rng: &mut dyn CryptoRng,
) -> Result<Certificate, IssueError> {
    let name = authority_name(common_name)?;
    let issuer = root.certificate;
    let template = authority_template(&name, issuer.subject(), key.spki(), Some(issuer), 0, validity, rng)?;
    finish(&template, root)
}

/// A leaf of a person: a signature leaf (digitalSignature; serverAuth for the role server, clientAuth otherwise) or
/// an agreement leaf (keyAgreement); both with the roles.
pub fn leaf(
    issuer: Authority<'_>,
    request: &LeafRequest<'_>,
    rng: &mut dyn CryptoRng,
) -> Result<Certificate, IssueError> {
    if request.roles.is_empty() {
        return Err(IssueError::NoRole);
    }
    let subject = request.names.to_name(Some(request.person))?;
    let is_server = request.roles.contains(Role::Server);
    let (spki, key_use, tls) = match request.key {
        LeafKey::Signature(key) if is_server => {
            (key.spki(), KeyUse::DigitalSignature, Some(oids::SERVER_AUTH))
        }
        LeafKey::Signature(key) => (key.spki(), KeyUse::DigitalSignature, Some(oids::CLIENT_AUTH)),
        LeafKey::Agreement(key) => (key.spki(), KeyUse::KeyAgreement, None),
    };
    let usages: Vec<_> = tls.into_iter().chain(request.roles.iter().map(Role::oid)).collect();
    let mut extensions = vec![
        ExtensionOut::new(BASIC_CONSTRAINTS, true, der::element(SEQUENCE, &[])),
        ExtensionOut::new(KEY_USAGE, true, der::named_bits(&[key_use as u8])),
        ExtensionOut::new(EXTENDED_KEY_USAGE, false, template::usages(&usages)),
        ExtensionOut::new(
            DIRECTORY_ATTRIBUTES,
            false,
            template::clearance_attributes(request.clearance.rank()),
        ),
    ];
    if is_server && tls.is_some() {
        let names = der::element(SEQUENCE, &GeneralName::Dns(SERVER_NAME.to_owned()).write());
        extensions.push(ExtensionOut::new(SUBJECT_ALT_NAME, false, names));
    }
    extensions.extend(key_ids(spki, Some(issuer.certificate.spki())));
    let template =
        new_template(issuer.certificate.subject(), &subject, spki, request.validity, extensions, rng)?;
    finish(&template, issuer)
}

/// A full CRL: everything this authority ever revoked, with its number and the moment of the next one.
pub fn revocation_list(
    issuer: Authority<'_>,
    number: u64,
    validity: Validity,
    revoked: &[(Vec<u8>, CertTime, Reason)],
) -> Result<RevocationList, IssueError> {
    if validity.until < validity.from {
        return Err(IssueError::Validity);
    }
    let entry = |(serial, at, reason): &(Vec<u8>, CertTime, Reason)| {
        // RFC 5280 5.3.1: an unspecified reason is better left out.
        let extensions = if *reason == Reason::Unspecified {
            Vec::new()
        } else {
            vec![ExtensionOut::new(REASON_CODE, false, der::element(ENUMERATED, &[*reason as u8]))]
        };
        (serial.clone(), *at, extensions)
    };
    let template = ListTemplate {
        issuer: issuer.certificate.subject().der().to_vec(),
        this_update: validity.from,
        next_update: Some(validity.until),
        entries: revoked.iter().map(entry).collect(),
        extensions: vec![
            authority_key_id(issuer.certificate.spki()),
            ExtensionOut::new(CRL_NUMBER, false, der::unsigned(&number.to_be_bytes())),
        ],
    };
    let list = RevocationList::parse(&template.sign(issuer.signer)?)?;
    match issuer.certificate.allows(KeyUse::CrlSign) && list.is_signed_by(issuer.certificate.spki()) {
        true => Ok(list),
        false => Err(IssueError::NotAnAuthority),
    }
}

fn authority_name(common_name: &str) -> Result<Name, IssueError> {
    // The same rules as for a person's name; an authority has no login.
    let probe =
        SubjectNames { full_name: common_name.to_owned(), login: "authority".to_owned(), unit: Vec::new() };
    probe.check()?;
    Ok(Name::from_attributes(&[(oids::COMMON_NAME, common_name)]))
}

fn authority_template(
    subject: &Name,
    issuer: &Name,
    spki: &[u8],
    parent: Option<&Certificate>,
    path_length: u8,
    validity: Validity,
    rng: &mut dyn CryptoRng,
) -> Result<Template, IssueError> {
    let limits = [BOOLEAN, 1, 0xff, INTEGER, 1, path_length];
    let uses = [KeyUse::CertSign as u8, KeyUse::CrlSign as u8];
    let mut extensions = vec![
        ExtensionOut::new(BASIC_CONSTRAINTS, true, der::element(SEQUENCE, &limits)),
        ExtensionOut::new(KEY_USAGE, true, der::named_bits(&uses)),
    ];
    extensions.extend(key_ids(spki, parent.map(Certificate::spki)));
    new_template(issuer, subject, spki, validity, extensions, rng)
}

fn new_template(
    issuer: &Name,
    subject: &Name,
    spki: &[u8],
    validity: Validity,
    extensions: Vec<ExtensionOut>,
    rng: &mut dyn CryptoRng,
) -> Result<Template, IssueError> {
    if validity.until < validity.from {
        return Err(IssueError::Validity);
    }
    let mut serial = vec![0; SERIAL_BYTES];
    rng.fill_bytes(&mut serial);
    serial[0] = serial[0] & 0x7f | 0x40;
    Ok(Template {
        version: VERSION_3.to_vec(),
        serial,
        issuer: issuer.der().to_vec(),
        subject: subject.der().to_vec(),
        not_before: validity.from,
        not_after: validity.until,
        spki: spki.to_vec(),
        extensions,
    })
}

/// Signs, reads back, and checks that the authority's certificate really has the signer's key.
fn finish(template: &Template, issuer: Authority<'_>) -> Result<Certificate, IssueError> {
    let certificate = Certificate::parse(&template.sign(issuer.signer)?)?;
    let is_authority = issuer.certificate.is_ca() && issuer.certificate.allows(KeyUse::CertSign);
    match is_authority && certificate.is_signed_by(issuer.certificate.spki()) {
        true => Ok(certificate),
        false => Err(IssueError::NotAnAuthority),
    }
}

fn key_ids(spki: &[u8], issuer_spki: Option<&[u8]>) -> Vec<ExtensionOut> {
    let own = ExtensionOut::new(SUBJECT_KEY_ID, false, der::element(OCTET_STRING, &key_id(spki)));
    std::iter::once(own).chain(issuer_spki.map(authority_key_id)).collect()
}

fn authority_key_id(spki: &[u8]) -> ExtensionOut {
    let id = der::element(context(0), &key_id(spki));
    ExtensionOut::new(AUTHORITY_KEY_ID, false, der::element(SEQUENCE, &id))
}

/// A key's identifier: the first 20 bytes of SHA-256 over its SubjectPublicKeyInfo (RFC 7093 2, method 4 shortened).
fn key_id(spki: &[u8]) -> [u8; 20] {
    let digest = Sha256::digest(spki);
    std::array::from_fn(|i| digest[i])
}
