//! What a session is given: the site's anchors, the person's keys and certificates, and the state record.
//! Never reads any of it from a disk, and never changes the anchors.

use super::trust::Noted;
use journal::checkpoint::{Checkpoint, SignedCheckpoint};
use journal::ids::{Chain, LogId, StatementId};
use journal::note::VerifierKey;
use minicbor::{Decode, Encode};
use pki::site_card::SiteCard;
use pki::{AgreementSecret, CertId, Certificate, Clearance, PersonId, PublicKey, RoleSet, Signer, Suite};
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
}

/// Everything a session is made of.
pub struct Parts {
    /// The site.
    pub anchors: Anchors,
    /// The person.
    pub me: Me,
    /// What was persisted last.
    pub record: StateRecord,
    /// Accept invitations when they are first seen, if the clearance suffices.
    pub auto_accept: bool,
}

/// What a terminal writes before each signature: the head it has proven, and where its chain stands.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct StateRecord {
    /// The signed note of the newest proven checkpoint; empty before the first.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub checkpoint: Vec<u8>,
    /// One's chain; zero while logging in.
    #[n(1)]
    pub chain: Chain,
    /// The number last signed.
    #[n(2)]
    pub sequence: u64,
    /// Its attempt.
    #[n(3)]
    pub attempt: u32,
    /// The statement last signed.
    #[n(4)]
    pub previous: StatementId,
}

impl Default for StateRecord {
    /// Of a terminal that never logged in.
    fn default() -> Self {
        let (chain, previous) = (Chain::ZERO, StatementId::ZERO);
        Self { checkpoint: Vec::new(), chain, sequence: 0, attempt: 0, previous }
    }
}

impl StateRecord {
    /// The head of the checkpoint. Its signatures were verified before it was stored, and the record is sealed.
    pub(crate) fn noted(&self, log: LogId) -> Result<Noted, BadParts> {
        if self.checkpoint.is_empty() {
            return Ok(Noted::nothing());
        }
        let signed = SignedCheckpoint::parse(&self.checkpoint).map_err(|_| BadParts::Record)?;
        match *signed.claimed() {
            Checkpoint { log: of, head } if of == log => Ok(Noted { head, note: self.checkpoint.clone() }),
            Checkpoint { .. } => Err(BadParts::Record),
        }
    }
}
