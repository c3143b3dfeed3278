//! The certificates this session has seen and found good: each by its path to the site card's authority.
//! Never trusts a certificate because the server sent it, and never looks at who may do what: that is the Register's.

use super::error::{Error, What};
use pki::{
    AgreementPublic, CertId, CertTime, Certificate, KeyUse, PersonId, PublicKey, Purpose, Question, Role,
    Suite, TrustAnchor, UnixMs, verify_path,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Certificates kept. Beyond that the book starts anew: everything in it can be asked for again.
const CERTIFICATES_KEPT: usize = 20_000;

/// A certificate whose path holds, and the time within which it does.
pub(crate) struct Known {
    certificate: Certificate,
    person: Option<PersonId>,
    from: CertTime,
    to: CertTime,
}

impl Known {
    pub(crate) fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Whether it was valid then.
    pub(crate) fn valid_at(&self, wall_ms: u64) -> bool {
        let at = CertTime::from_unix(UnixMs(wall_ms));
        self.from <= at && at <= self.to
    }

    /// The key that verifies a statement of this person, made at this time.
    pub(crate) fn statement_key(&self, person: PersonId, wall_ms: u64) -> Result<PublicKey, What> {
        let fits = self.person == Some(person)
            && self.valid_at(wall_ms)
            && self.certificate.allows(KeyUse::DigitalSignature);
        match fits {
            true => self.certificate.public_key().map_err(|_| What::Certificate),
            false => Err(What::Certificate),
        }
    }

    /// The key that epoch keys are wrapped to.
    pub(crate) fn agreement_key(&self, person: PersonId, now_ms: u64) -> Result<AgreementPublic, What> {
        let fits = self.person == Some(person)
            && self.valid_at(now_ms)
            && self.certificate.allows(KeyUse::KeyAgreement);
        match fits {
            true => self.certificate.agreement_key().map_err(|_| What::Certificate),
            false => Err(What::Certificate),
        }
    }
}

/// See the module.
pub(crate) struct Book {
    suite: Suite,
    anchors: Vec<TrustAnchor>,
    intermediates: Vec<Certificate>,
    core_key: Option<[u8; 32]>,
    known: BTreeMap<CertId, Arc<Known>>,
}

impl Book {
    /// `authorities`: the CA certificates of the site card. Self-issued ones are anchors. `core_key`: its pin, if any.
    pub(crate) fn new(suite: Suite, authorities: Vec<Certificate>, core_key: Option<[u8; 32]>) -> Self {
        let (anchors, intermediates): (Vec<_>, Vec<_>) =
            authorities.into_iter().partition(Certificate::is_self_issued);
        let anchors = anchors.into_iter().map(TrustAnchor::new).collect();
        Self { suite, anchors, intermediates, core_key, known: BTreeMap::new() }
    }

    pub(crate) fn get(&self, id: CertId) -> Option<Arc<Known>> {
        self.known.get(&id).cloned()
    }

    /// Authorities of the card between its roots and people, DER.
    pub(crate) fn between(&self) -> Vec<Vec<u8>> {
        self.intermediates.iter().map(|certificate| certificate.der().to_vec()).collect()
    }

    /// The key of an authority of the card, which signs its offline acts.
    pub(crate) fn authority_key(&self, id: CertId) -> Option<PublicKey> {
        let anchors = self.anchors.iter().map(TrustAnchor::certificate);
        let mut all = anchors.chain(&self.intermediates);
        all.find(|certificate| certificate.id() == id)?.public_key().ok()
    }

    /// Takes a certificate in when its path holds at this time. Certificates outlive the moment of a signature, so the
    /// time is that of the statement or wrap at hand.
    pub(crate) fn admit(&mut self, der: &[u8], at_ms: u64) -> Result<Arc<Known>, Error> {
        let id = CertId::of(der);
        if let Some(known) = self.known.get(&id)
            && known.valid_at(at_ms)
        {
            return Ok(known.clone());
        }
        let known = Arc::new(self.judge(der, at_ms, None)?);
        if self.known.len() >= CERTIFICATES_KEPT {
            self.known.clear();
        }
        self.known.insert(id, known.clone());
        Ok(known)
    }

    /// The core's agreement key: passwords are sealed to it.
    pub(crate) fn core_key(&self, der: &[u8], now_ms: u64) -> Result<AgreementPublic, Error> {
        let bad = || Error::unverified(What::Hello);
        let known = self.judge(der, now_ms, Some(Role::Core)).map_err(|_| bad())?;
        let allowed = known.certificate.allows(KeyUse::KeyAgreement);
        let key = known.certificate.agreement_key().map_err(|_| bad())?;
        let pinned = self.core_key.is_none_or(|pin| pin == CertId::of(key.spki()).0);
        if allowed && pinned && key.suite() == self.suite { Ok(key) } else { Err(bad()) }
    }

    fn judge(&self, der: &[u8], at_ms: u64, role: Option<Role>) -> Result<Known, Error> {
        let bad = || Error::unverified(What::Certificate);
        let certificate = Certificate::parse(der).map_err(|_| bad())?;
        // Revocation is judged by the log's order: an act after its signer's revocation is never admitted.
        let question = Question { role, ..Question::new(Purpose::Any, UnixMs(at_ms)) };
        let path =
            verify_path(&certificate, &self.intermediates, &self.anchors, &question).map_err(|_| bad())?;
        let windows = path.chain().iter().map(Certificate::validity);
        let (from, to) = windows
            .reduce(|(from, to), (next_from, next_to)| (from.max(next_from), to.min(next_to)))
            .ok_or_else(bad)?;
        Ok(Known { person: certificate.person(), certificate, from, to })
    }
}
