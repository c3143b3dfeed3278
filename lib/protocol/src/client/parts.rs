//! What a session is given: the site's anchors, the person's keys and certificates, and the state record.
//! Never reads any of it from a disk, and never changes the anchors.

use super::trust::Noted;
use journal::checkpoint::{Checkpoint, SignedCheckpoint};
use journal::ids::LogId;
use journal::note::VerifierKey;
use pki::credential::Credential;
use pki::site_card::SiteCard;
use pki::state_record::StateRecord;
use pki::{
    AgreementSecret, CertId, Certificate, Clearance, PersonId, PublicKey, RoleSet, SecretKey, Signer, Suite,
};
use std::sync::Arc;

/// What people handed over and the server cannot change.
pub struct Anchors {
    /// The log.
    pub log: LogId,
    /// Its identity key.
    pub identity: PublicKey,
    /// Root and issuing authorities.
    pub authorities: Vec<Certificate>,
    /// SHA-256 of the core's agreement key (SubjectPublicKeyInfo), where the card pins one.
    pub core_key: Option<[u8; 32]>,
}

impl Anchors {
    /// From the card, which checked its certificates when it was read.
    pub fn from_card(card: &SiteCard) -> Result<Self, BadParts> {
        let log = LogId(card.log_id);
        let identity: VerifierKey = card.log_identity.parse().map_err(|_| BadParts::Identity)?;
        if *identity.name() != Checkpoint::key_name(log) {
            return Err(BadParts::Identity);
        }
        let mut authorities = card.issuing_authorities();
        authorities.extend(card.anchors().into_iter().map(|anchor| anchor.certificate().clone()));
        Ok(Self { log, identity: identity.key().clone(), authorities, core_key: card.core_key })
    }
}

/// The person at this terminal.
pub struct Me {
    /// Who.
    pub(crate) person: PersonId,
    pub(crate) suite: Suite,
    pub(crate) clearance: Clearance,
    pub(crate) roles: RoleSet,
    pub(crate) certificate: Certificate,
    pub(crate) signer: Box<dyn Signer + Send>,
    pub(crate) agreement: Vec<(CertId, Arc<AgreementSecret>)>,
}

/// Why a session cannot be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadParts {
    /// The certificate names no person, or is of another suite than the key.
    #[error("the signature certificate does not fit its key, or names no person")]
    Certificate,
    /// The card's log identity key is none, or is another log's.
    #[error("the site card's log identity key is not one of its log")]
    Identity,
    /// The state record holds no checkpoint of this log. Working on without it would forget what was seen.
    #[error("the state record's checkpoint is not one of this log")]
    Record,
}

impl Me {
    /// `agreement`: the secrets of this person's agreement certificates, the current one first, with all former ones.
    pub fn new(
        certificate: Certificate,
        signer: Box<dyn Signer + Send>,
        agreement: Vec<(CertId, AgreementSecret)>,
    ) -> Result<Self, BadParts> {
        let person = certificate.person().ok_or(BadParts::Certificate)?;
        let suite = signer.suite();
        if certificate.public_key().map_err(|_| BadParts::Certificate)?.suite() != suite {
            return Err(BadParts::Certificate);
        }
        let (clearance, roles) = (certificate.clearance(), certificate.roles());
        let agreement = agreement.into_iter().map(|(id, secret)| (id, Arc::new(secret))).collect();
        Ok(Self { person, suite, clearance, roles, certificate, signer, agreement })
    }

    /// The current agreement certificate: what others are to wrap to once it is enrolled.
    pub(crate) fn agreement_certificate(&self) -> Option<CertId> {
        self.agreement.first().map(|(id, _)| *id)
    }
}

/// Everything a session is made of.
pub struct Parts {
    /// The site.
    pub anchors: Anchors,
    /// The person.
    pub me: Me,
    /// What was persisted last; none on a terminal that never logged in.
    pub record: Option<StateRecord>,
    /// Accept invitations when they are first seen, if the clearance suffices.
    pub auto_accept: bool,
}

impl Parts {
    /// From an opened credential with certificates and site card. The keys are copied: the credential stays the caller's.
    pub fn from_credential(
        credential: &Credential,
        record: Option<StateRecord>,
        auto_accept: bool,
    ) -> Result<Self, BadParts> {
        let card = credential.site_card().ok_or(BadParts::Identity)?;
        let keys = credential.current().map_err(|_| BadParts::Certificate)?;
        let suite = keys.signature().suite();
        let signer = SecretKey::from_bytes(suite, &keys.signature().to_bytes());
        let signer = Box::new(signer.map_err(|_| BadParts::Certificate)?);
        let current = (keys.agreement_certificate().id(), keys.agreement());
        let former = credential.former().iter().map(|key| (key.certificate(), key.secret()));
        let copy = |(id, secret): (CertId, &AgreementSecret)| {
            let copied = AgreementSecret::from_bytes(suite, &secret.to_bytes());
            copied.map(|secret| (id, secret)).map_err(|_| BadParts::Certificate)
        };
        let agreement = std::iter::once(current).chain(former).map(copy).collect::<Result<_, _>>()?;
        let me = Me::new(keys.signature_certificate().clone(), signer, agreement)?;
        Ok(Self { anchors: Anchors::from_card(card)?, me, record, auto_accept })
    }
}

/// The record of a terminal that never logged in.
pub(crate) fn blank_record(anchors: &Anchors) -> Result<StateRecord, BadParts> {
    let name = Checkpoint::key_name(anchors.log);
    let identity = VerifierKey::new(name, anchors.identity.clone()).map_err(|_| BadParts::Identity)?;
    Ok(StateRecord::new(anchors.log.0, identity.to_string()))
}

/// The era that the record's checkpoint is of.
pub(crate) fn era(record: &StateRecord) -> u32 {
    let note = record.checkpoint.as_ref().and_then(|note| SignedCheckpoint::parse(note.as_bytes()).ok());
    note.map_or(0, |note| note.claimed().origin.era)
}

/// The head of the record's checkpoint. Its signatures were verified before it was stored, and the record is sealed.
pub(crate) fn noted(record: &StateRecord, anchors: &Anchors) -> Result<Noted, BadParts> {
    if record.log_id != anchors.log.0 {
        return Err(BadParts::Record);
    }
    let Some(note) = &record.checkpoint else { return Ok(Noted::nothing()) };
    let signed = SignedCheckpoint::parse(note.as_bytes()).map_err(|_| BadParts::Record)?;
    match *signed.claimed() {
        Checkpoint { origin, head } if origin.log == anchors.log => {
            Ok(Noted { head, note: note.clone().into_bytes() })
        }
        Checkpoint { .. } => Err(BadParts::Record),
    }
}
