//! A certificate that the journal made known, and what became of it.
//! Never judges a path: `people` does, once, when the certificate comes in.

use crate::ids::{Hash, Index};
use minicbor::{Decode, Decoder, Encode, Encoder, bytes::ByteSlice};
use pki::{CertId, Certificate, KeyUse, PublicKey};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// A certificate in the journal.
#[derive(Clone, Debug)]
pub struct Certified {
    certificate: Arc<Certificate>,
    key: Option<Arc<PublicKey>>,
    key_hash: Hash,
    /// The `Enrol` (or the genesis).
    pub index: Index,
    /// It may act: always, save for an officer's that two officers have not approved yet.
    pub admitted: bool,
    /// Revoked at this index.
    pub revoked: Option<Index>,
}

impl Certified {
    pub(crate) fn new(certificate: Certificate, index: Index, admitted: bool) -> Self {
        // A P-256 agreement key would pass for a signature key: the key usage tells them apart. An authority signs its
        // offline acts with the key that signs certificates.
        let signs = certificate.allows(KeyUse::DigitalSignature) || certificate.is_ca();
        let key = signs.then(|| certificate.public_key().ok().map(Arc::new)).flatten();
        let key_hash = Sha256::digest(certificate.spki()).into();
        Self { certificate: Arc::new(certificate), key, key_hash, index, admitted, revoked: None }
    }

    /// The certificate itself.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Its id.
    pub fn id(&self) -> CertId {
        self.certificate.id()
    }

    /// The key that verifies statements, of a signature certificate.
    pub fn key(&self) -> Option<&PublicKey> {
        self.key.as_deref()
    }

    /// SHA-256 of the key, SubjectPublicKeyInfo DER.
    pub(super) fn key_hash(&self) -> Hash {
        self.key_hash
    }

    /// Whether it is valid at this time, by its own dates.
    pub fn valid_at(&self, at_ms: u64) -> bool {
        valid_at(&self.certificate, at_ms)
    }

    /// The last moment at which it is valid, by its own dates.
    pub fn valid_until_ms(&self) -> u64 {
        valid_until_ms(&self.certificate)
    }
}

/// The last moment at which a certificate's own dates cover the time: all of its last second (RFC 5280 4.1.2.5).
pub(super) fn valid_until_ms(certificate: &Certificate) -> u64 {
    let last = u64::try_from(certificate.validity().1.0).unwrap_or(0);
    last.saturating_mul(1000).saturating_add(999)
}

/// Whether a certificate's own dates cover the time. Both ends are inclusive, whole seconds (RFC 5280 4.1.2.5).
pub(crate) fn valid_at(certificate: &Certificate, at_ms: u64) -> bool {
    let (first, last) = certificate.validity();
    let at = i64::try_from(at_ms / 1000).unwrap_or(i64::MAX);
    first.0 <= at && at <= last.0
}

impl PartialEq for Certified {
    fn eq(&self, other: &Self) -> bool {
        self.certificate == other.certificate
            && (self.index, self.admitted, self.revoked) == (other.index, other.admitted, other.revoked)
    }
}

impl Eq for Certified {}

impl<C> Encode<C> for Certified {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.array(4)?.bytes(self.certificate.der())?.u64(self.index)?.bool(self.admitted)?;
        self.revoked.encode(e, ctx)
    }
}

impl<'b, C> Decode<'b, C> for Certified {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        if d.array()? != Some(4) {
            return Err(minicbor::decode::Error::message("not a certificate's row"));
        }
        let der: &ByteSlice = d.decode()?;
        let certificate =
            Certificate::parse(der).map_err(|_| minicbor::decode::Error::message("not a certificate"))?;
        let (index, admitted) = (d.u64()?, d.bool()?);
        Ok(Self { revoked: Option::decode(d, ctx)?, ..Self::new(certificate, index, admitted) })
    }
}
