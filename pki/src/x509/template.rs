//! The bones of a certificate and of a CRL before they are signed; the one place that lays out their DER.
//! Never checks that what it writes makes sense: `profile` does, and the tests that forge rely on it.
use ::der::asn1::ObjectIdentifier;

use super::der::{self, INTEGER, OCTET_STRING, SEQUENCE, context_constructed};
use super::extension::id_ce;
use super::sign;
use super::time::CertTime;
use crate::oids;
use crate::signature::{SignError, Signer};

/// One extension to be written.
#[derive(Clone)]
pub(crate) struct ExtensionOut {
    pub oid: Vec<u8>,
    pub critical: bool,
    pub value: Vec<u8>,
}

impl ExtensionOut {
    pub(crate) fn new(number: u8, critical: bool, value: Vec<u8>) -> Self {
        Self { oid: id_ce(number).to_vec(), critical, value }
    }

    fn write(&self) -> Vec<u8> {
        let flag: &[u8] = if self.critical { &[1, 1, 0xff] } else { &[] };
        let oid = der::element(der::OID, &self.oid);
        der::nest(SEQUENCE, &[&oid, flag, &der::element(OCTET_STRING, &self.value)])
    }
}

pub(crate) fn write_extensions(extensions: &[ExtensionOut]) -> Vec<u8> {
    let all: Vec<u8> = extensions.iter().flat_map(ExtensionOut::write).collect();
    der::element(SEQUENCE, &all)
}

/// A certificate to be signed.
#[derive(Clone)]
pub(crate) struct Template {
    pub version: Vec<u8>,
    pub serial: Vec<u8>,
    /// Names in DER.
    pub issuer: Vec<u8>,
    pub subject: Vec<u8>,
    pub not_before: CertTime,
    pub not_after: CertTime,
    pub spki: Vec<u8>,
    pub extensions: Vec<ExtensionOut>,
}

/// `[0] EXPLICIT` version 3.
pub(crate) const VERSION_3: [u8; 5] = [0xa0, 3, INTEGER, 1, 2];

impl Template {
    pub(crate) fn to_be_signed(&self, algorithm: &[u8]) -> Vec<u8> {
        let validity = der::nest(SEQUENCE, &[&self.not_before.write(), &self.not_after.write()]);
        let extensions = match self.extensions.is_empty() {
            true => Vec::new(),
            false => der::element(context_constructed(3), &write_extensions(&self.extensions)),
        };
        let serial = der::element(INTEGER, &self.serial);
        der::nest(
            SEQUENCE,
            &[
                &self.version,
                &serial,
                algorithm,
                &self.issuer,
                &validity,
                &self.subject,
                &self.spki,
                &extensions,
            ],
        )
    }

    pub(crate) fn sign(&self, signer: &dyn Signer) -> Result<Vec<u8>, SignError> {
        let algorithm = sign::algorithm_identifier(signer.suite())?;
        sign::sign(&self.to_be_signed(&algorithm), signer)
    }
}

/// A CRL to be signed.
#[derive(Clone)]
pub(crate) struct ListTemplate {
    pub issuer: Vec<u8>,
    pub this_update: CertTime,
    pub next_update: Option<CertTime>,
    /// Serial number, moment, entry extensions.
    pub entries: Vec<(Vec<u8>, CertTime, Vec<ExtensionOut>)>,
    pub extensions: Vec<ExtensionOut>,
}

impl ListTemplate {
    pub(crate) fn sign(&self, signer: &dyn Signer) -> Result<Vec<u8>, SignError> {
        let entries: Vec<u8> = self.entries.iter().flat_map(write_entry).collect();
        let entries = if entries.is_empty() { entries } else { der::element(SEQUENCE, &entries) };
        let next_update = self.next_update.map(CertTime::write).unwrap_or_default();
        let extensions = match self.extensions.is_empty() {
            true => Vec::new(),
            false => der::element(context_constructed(0), &write_extensions(&self.extensions)),
        };
        let part = der::nest(
            SEQUENCE,
            &[
                &[INTEGER, 1, 1],
                &sign::algorithm_identifier(signer.suite())?,
                &self.issuer,
                &self.this_update.write(),
                &next_update,
                &entries,
                &extensions,
            ],
        );
        sign::sign(&part, signer)
    }
}

fn write_entry((serial, at, extensions): &(Vec<u8>, CertTime, Vec<ExtensionOut>)) -> Vec<u8> {
    let extensions = if extensions.is_empty() { Vec::new() } else { write_extensions(extensions) };
    der::nest(SEQUENCE, &[&der::element(INTEGER, serial), &at.write(), &extensions])
}

/// subjectDirectoryAttributes with one clearance of our label policy.
pub(crate) fn clearance_attributes(rank: u8) -> Vec<u8> {
    let value = der::nest(SEQUENCE, &[&der::oid(&oids::LABEL_POLICY), &der::named_bits(&[rank])]);
    let attribute = der::nest(SEQUENCE, &[&der::oid(&oids::CLEARANCE), &der::element(der::SET, &value)]);
    der::element(SEQUENCE, &attribute)
}

/// extKeyUsage.
pub(crate) fn usages(oids: &[ObjectIdentifier]) -> Vec<u8> {
    let all: Vec<u8> = oids.iter().flat_map(der::oid).collect();
    der::element(SEQUENCE, &all)
}
