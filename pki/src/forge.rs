//! Certificates good and bad for the crate's own tests.
use crate::certificate::Certificate;
use crate::keys::SecretKey;
use crate::oids;
use crate::path::TrustAnchor;
use crate::signature::Signer;
use crate::suite::Suite;
use crate::testing::Rng;
use crate::x509::der::{self, SEQUENCE};
use crate::x509::extension::{
    BASIC_CONSTRAINTS, EXTENDED_KEY_USAGE, KEY_USAGE, NAME_CONSTRAINTS, SUBJECT_ALT_NAME,
};
use crate::x509::general_name::GeneralName;
use crate::x509::name::Name;
use crate::x509::template::{self, ExtensionOut, Template, VERSION_3};
use crate::x509::time::{CertTime, UnixMs};

/// 2030-01-01, the moment of most tests.
pub(crate) const NOW: UnixMs = UnixMs(1_893_456_000_000);
pub(crate) const DAY: i64 = 86_400;

pub(crate) fn day(offset: i64) -> CertTime {
    CertTime(NOW.seconds() + offset * DAY)
}

/// A certificate under construction, with the key it is for.
pub(crate) struct Draft {
    pub template: Template,
    pub key: SecretKey,
}

/// A finished certificate and its key.
pub(crate) struct Made {
    pub certificate: Certificate,
    pub key: SecretKey,
}

impl Made {
    pub(crate) fn anchor(&self) -> TrustAnchor {
        TrustAnchor::new(self.certificate.clone())
    }
}

pub(crate) fn name(text: &str) -> Name {
    Name::from_attributes(&[(oids::UNIT, "Test"), (oids::COMMON_NAME, text)])
}

/// Deterministic key per seed, of a suite that alternates, so that chains mix both.
pub(crate) fn key(seed: u64) -> SecretKey {
    let suite = if seed.is_multiple_of(2) { Suite::Ed25519 } else { Suite::EcdsaP256 };
    SecretKey::generate(suite, &mut Rng::seeded(seed)).unwrap()
}

pub(crate) fn basic(ca: bool, path_length: Option<u8>) -> ExtensionOut {
    let flag: &[u8] = if ca { &[1, 1, 0xff] } else { &[] };
    let length = path_length.map(|n| vec![2, 1, n]).unwrap_or_default();
    ExtensionOut::new(BASIC_CONSTRAINTS, true, der::nest(SEQUENCE, &[flag, &length]))
}

pub(crate) fn key_usage(bits: &[u8]) -> ExtensionOut {
    ExtensionOut::new(KEY_USAGE, true, der::named_bits(bits))
}

pub(crate) fn usages(list: &[::der::asn1::ObjectIdentifier]) -> ExtensionOut {
    ExtensionOut::new(EXTENDED_KEY_USAGE, false, template::usages(list))
}

pub(crate) fn alt_names(names: &[GeneralName]) -> ExtensionOut {
    let all: Vec<u8> = names.iter().flat_map(GeneralName::write).collect();
    ExtensionOut::new(SUBJECT_ALT_NAME, false, der::element(SEQUENCE, &all))
}

pub(crate) fn name_constraints(permitted: &[GeneralName], excluded: &[GeneralName]) -> ExtensionOut {
    let side = |number: u8, names: &[GeneralName]| {
        let all: Vec<u8> = names.iter().flat_map(|name| der::element(SEQUENCE, &name.write())).collect();
        if all.is_empty() { all } else { der::element(der::context_constructed(number), &all) }
    };
    let value = der::nest(SEQUENCE, &[&side(0, permitted), &side(1, excluded)]);
    ExtensionOut::new(NAME_CONSTRAINTS, true, value)
}

impl Draft {
    pub(crate) fn authority(subject: &str, seed: u64) -> Self {
        let mut draft = Self::leaf(subject, seed);
        draft.template.extensions = vec![basic(true, None), key_usage(&[5, 6])];
        draft
    }

    /// Fit for both TLS sides and the role operator.
    pub(crate) fn leaf(subject: &str, seed: u64) -> Self {
        let key = key(seed);
        let all = [oids::CLIENT_AUTH, oids::SERVER_AUTH, crate::role::Role::Operator.oid()];
        let template = Template {
            version: VERSION_3.to_vec(),
            serial: vec![0x40, (seed >> 8) as u8, seed as u8],
            issuer: Vec::new(),
            subject: name(subject).der().to_vec(),
            not_before: day(-30),
            not_after: day(30),
            spki: key.public().spki().to_vec(),
            extensions: vec![basic(false, None), key_usage(&[0]), usages(&all)],
        };
        Self { template, key }
    }

    pub(crate) fn with(mut self, extension: ExtensionOut) -> Self {
        self.template.extensions.retain(|known| known.oid != extension.oid);
        self.template.extensions.push(extension);
        self
    }

    pub(crate) fn without(mut self, number: u8) -> Self {
        self.template.extensions.retain(|known| known.oid != [0x55, 0x1d, number]);
        self
    }

    pub(crate) fn change(mut self, change: impl FnOnce(&mut Template)) -> Self {
        change(&mut self.template);
        self
    }

    pub(crate) fn der_by(&mut self, issuer: &Made) -> Vec<u8> {
        self.template.issuer = issuer.certificate.subject().der().to_vec();
        self.template.sign(&issuer.key).unwrap()
    }

    pub(crate) fn by(mut self, issuer: &Made) -> Made {
        let der = self.der_by(issuer);
        Made { certificate: Certificate::parse(&der).unwrap(), key: self.key }
    }

    pub(crate) fn self_signed(mut self) -> Made {
        self.template.issuer = self.template.subject.clone();
        let der = self.template.sign(&self.key as &dyn Signer).unwrap();
        Made { certificate: Certificate::parse(&der).unwrap(), key: self.key }
    }
}

pub(crate) fn root() -> Made {
    Draft::authority("Root", 1).self_signed()
}
