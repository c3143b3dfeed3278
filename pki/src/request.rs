//! A certificate request: PKCS#10 (RFC 2986) by the signature key, with the agreement key as attribute.
//! Never grants anything: role, clearance and id come from the officer.
//!
//! Possession: the request's own signature proves that the requester holds the signature key. Nothing proves the
//! agreement key, and nothing needs to: whoever names another's key only hands that other what was meant for him.
//! What would do harm, two persons under one key, the officer's tool refuses (a key seen before is never certified).
use crate::agreement::AgreementPublic;
use crate::keys::{KeyError, PublicKey};
use crate::oids;
use crate::signature::{SignError, Signer};
use crate::subject::{BadSubject, SubjectNames};
use crate::x509::der::{self, DerError, INTEGER, Reader, SEQUENCE, SET, context_constructed};
use crate::x509::name::Name;
use crate::x509::sign::{self, Algorithm};

/// Largest request that is read, in bytes.
pub const REQUEST_BYTES_MAX: usize = 16 * 1024;

/// Why bytes are not a request we take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// Not DER, or not the shape of our request.
    #[error("not a DER request of ours: {0}")]
    Der(#[from] DerError),
    /// More than [`REQUEST_BYTES_MAX`].
    #[error("the request is too long")]
    TooLong,
    /// The subject is not full name, login and unit as we write them.
    #[error("the subject's name is not one of ours")]
    Subject,
    /// A key is not admitted.
    #[error("a key is not admitted: {0}")]
    Key(#[from] KeyError),
    /// The two keys belong to different suites.
    #[error("signature key and agreement key are of different suites")]
    MixedSuites,
    /// The signature is not the signature key's own.
    #[error("the request is not signed by its own key")]
    BadSignature,
}

/// Why a request was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The names cannot stand in a certificate.
    #[error(transparent)]
    Subject(#[from] BadSubject),
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// A request whose signature was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    der: Vec<u8>,
    names: SubjectNames,
    key: PublicKey,
    agreement: AgreementPublic,
}

impl Request {
    /// Writes and signs a request. `signer` holds the secret of `key`.
    pub fn make(
        names: &SubjectNames,
        key: &PublicKey,
        agreement: &AgreementPublic,
        signer: &dyn Signer,
    ) -> Result<Vec<u8>, RequestError> {
        let value = der::element(SET, agreement.spki());
        let attribute = der::nest(SEQUENCE, &[&der::oid(&oids::REQUEST_AGREEMENT_KEY), &value]);
        let info = der::nest(
            SEQUENCE,
            &[
                &[INTEGER, 1, 0],
                names.to_name(None)?.der(),
                key.spki(),
                &der::element(context_constructed(0), &attribute),
            ],
        );
        Ok(sign::sign(&info, signer)?)
    }

    /// Reads a request, all of it, and checks its signature.
    pub fn parse(der: &[u8]) -> Result<Self, BadRequest> {
        if der.len() > REQUEST_BYTES_MAX {
            return Err(BadRequest::TooLong);
        }
        let mut outer = Reader::new(der);
        let mut parts = outer.nested(SEQUENCE)?;
        outer.finish()?;
        let (info, signed) = parts.element(SEQUENCE)?;
        let (_, algorithm) = parts.element(SEQUENCE)?;
        let signature = parts.whole_bit_string()?;
        parts.finish()?;
        let mut fields = Reader::new(info);
        if fields.integer()? != [0] {
            return Err(DerError::Value("version 1").into());
        }
        let name = Name::read(&mut fields)?;
        let (_, spki) = fields.element(SEQUENCE)?;
        let attributes = fields.nested(context_constructed(0))?;
        fields.finish()?;
        let agreement = AgreementPublic::from_spki(read_agreement(attributes)?)?;
        let key = PublicKey::from_spki(spki)?;
        if key.suite() != agreement.suite() {
            return Err(BadRequest::MixedSuites);
        }
        let names = SubjectNames::from_name(&name, None).ok_or(BadRequest::Subject)?;
        names.check().map_err(|_| BadRequest::Subject)?;
        let algorithm = Algorithm::from_der(algorithm)?.ok_or(BadRequest::BadSignature)?;
        if !sign::verify(algorithm, spki, signed, signature) {
            return Err(BadRequest::BadSignature);
        }
        Ok(Self { der: der.to_vec(), names, key, agreement })
    }

    /// The bytes as they came.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The names asked for.
    pub fn names(&self) -> &SubjectNames {
        &self.names
    }

    /// The signature key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The agreement key.
    pub fn agreement(&self) -> &AgreementPublic {
        &self.agreement
    }
}

/// Exactly one attribute, ours, with one value.
fn read_agreement(mut attributes: Reader<'_>) -> Result<&[u8], DerError> {
    let mut attribute = attributes.nested(SEQUENCE)?;
    attributes.finish()?;
    if attribute.oid()? != oids::REQUEST_AGREEMENT_KEY {
        return Err(DerError::Value("agreement key attribute"));
    }
    let mut values = attribute.nested(SET)?;
    attribute.finish()?;
    let (_, spki) = values.element(SEQUENCE)?;
    values.finish()?;
    Ok(spki)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agreement::AgreementSecret;
    use crate::keys::SecretKey;
    use crate::suite::Suite;
    use crate::testing::Rng;

    fn names() -> SubjectNames {
        SubjectNames {
            full_name: "Анна Петрова".into(),
            login: "anna".into(),
            unit: vec!["HQ".into(), "Ops".into()],
        }
    }

    #[test]
    fn a_request_is_read_back_and_every_flipped_bit_refused() {
        let mut rng = Rng::seeded(1);
        for suite in [Suite::Ed25519, Suite::EcdsaP256] {
            let key = SecretKey::generate(suite, &mut rng).unwrap();
            let agreement = AgreementSecret::generate(suite, &mut rng).unwrap();
            let der = Request::make(&names(), key.public(), agreement.public(), &key).unwrap();
            let request = Request::parse(&der).unwrap();
            assert_eq!(request.names(), &names());
            assert_eq!((request.key(), request.agreement()), (key.public(), agreement.public()));
            for at in 0..der.len() {
                let mut bent = der.clone();
                bent[at] ^= 1;
                assert!(Request::parse(&bent).is_err(), "{suite}: byte {at}");
            }
            let other = SecretKey::generate(suite, &mut rng).unwrap();
            let forged = Request::make(&names(), key.public(), agreement.public(), &other).unwrap();
            assert_eq!(Request::parse(&forged), Err(BadRequest::BadSignature));
        }
    }

    #[test]
    fn the_two_keys_are_of_one_suite() {
        let mut rng = Rng::seeded(2);
        let key = SecretKey::generate(Suite::Ed25519, &mut rng).unwrap();
        let agreement = AgreementSecret::generate(Suite::EcdsaP256, &mut rng).unwrap();
        let der = Request::make(&names(), key.public(), agreement.public(), &key).unwrap();
        assert_eq!(Request::parse(&der), Err(BadRequest::MixedSuites));
    }

    #[test]
    fn names_have_limits() {
        let check = |change: fn(&mut SubjectNames)| {
            let mut names = names();
            change(&mut names);
            names.check()
        };
        assert_eq!(check(|n| n.login = "Anna".into()), Err(BadSubject::Login));
        assert_eq!(check(|n| n.login = "1anna".into()), Err(BadSubject::Login));
        assert_eq!(check(|n| n.full_name = " Anna".into()), Err(BadSubject::FullName));
        assert_eq!(check(|n| n.full_name = "An\u{1b}na".into()), Err(BadSubject::FullName));
        assert_eq!(check(|n| n.unit = vec![String::new()]), Err(BadSubject::Unit));
        assert_eq!(check(|n| n.unit = vec!["x".into(); 9]), Err(BadSubject::Unit));
    }
}
