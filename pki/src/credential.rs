//! A person's credential: keys, certificates and site card, sealed under a passphrase.
//! Never touches a file (that is `credential_file`) and never leaves the terminal.
//!
//! The contents hold two generations of keys: `current`, certified; and `pending`, asked for and not certified yet.
//! Agreement keys that were once current are kept for ever, so that renewal loses no history.
use contents::Contents;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::agreement::AgreementSecret;
use crate::canonical;
use crate::certificate::Certificate;
use crate::ids::{CertId, PersonId};
use crate::keys::{KeyError, SecretKey};
use crate::request::{Request, RequestError};
use crate::sealed::{self, BadSealed, KdfCost};
use crate::signature::Signer;
use crate::site_card::SiteCard;
use crate::state_record::StateRecord;
use crate::subject::SubjectNames;
use crate::suite::Suite;
use crate::x509::extension::KeyUse;

mod contents;

/// Version of the contents that this build writes.
pub const VERSION: u8 = 1;
/// Most former agreement keys that are kept: a yearly renewal fills them in a thousand years.
pub const FORMER_KEYS_MAX: usize = 1024;
const KIND: &str = "conclave credential";
const STATE_KIND: &str = "conclave state";

/// Why a credential cannot be used or changed.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The file does not open.
    #[error(transparent)]
    Sealed(#[from] BadSealed),
    /// It opens, and what is inside is not what we wrote.
    #[error("the credential's contents are damaged: {0}")]
    Contents(&'static str),
    /// A key is not admitted.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The request was not made.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// There is no certificate yet, so nothing can be signed for the site.
    #[error("no certificates were taken in yet")]
    NotCertified,
    /// No request is open that the certificates could answer.
    #[error("no request is open")]
    NothingPending,
    /// A certificate does not answer the open request.
    #[error("the {which} certificate does not fit: {why}")]
    Unfit {
        /// Which of the two.
        which: &'static str,
        /// What does not fit.
        why: &'static str,
    },
    /// More than [`FORMER_KEYS_MAX`] renewals.
    #[error("too many former keys")]
    TooManyKeys,
}

/// Keys whose certificates are here.
pub struct CurrentKeys {
    signature: SecretKey,
    agreement: AgreementSecret,
    signature_certificate: Certificate,
    agreement_certificate: Certificate,
}

impl CurrentKeys {
    /// Signs statements and TLS handshakes.
    pub fn signature(&self) -> &SecretKey {
        &self.signature
    }

    /// Opens wraps.
    pub fn agreement(&self) -> &AgreementSecret {
        &self.agreement
    }

    /// The certificate of the signature key.
    pub fn signature_certificate(&self) -> &Certificate {
        &self.signature_certificate
    }

    /// The certificate of the agreement key.
    pub fn agreement_certificate(&self) -> &Certificate {
        &self.agreement_certificate
    }
}

/// An agreement key of former days, with the certificate that wraps of its time name.
pub struct FormerKey {
    secret: AgreementSecret,
    certificate: CertId,
}

impl FormerKey {
    /// Opens old wraps.
    pub fn secret(&self) -> &AgreementSecret {
        &self.secret
    }

    /// The certificate it had.
    pub fn certificate(&self) -> CertId {
        self.certificate
    }
}

struct PendingKeys {
    signature: SecretKey,
    agreement: AgreementSecret,
}

impl PendingKeys {
    fn generate(suite: Suite, rng: &mut dyn CryptoRng) -> Result<Self, KeyError> {
        let signature = SecretKey::generate(suite, rng)?;
        Ok(Self { signature, agreement: AgreementSecret::generate(suite, rng)? })
    }
}

/// A person's credential, opened.
pub struct Credential {
    suite: Suite,
    names: SubjectNames,
    current: Option<CurrentKeys>,
    pending: Option<PendingKeys>,
    former: Vec<FormerKey>,
    site_card: Option<SiteCard>,
    state_key: Zeroizing<[u8; 32]>,
}

impl Credential {
    /// Makes a credential with new keys, waiting for its first certificates.
    pub fn generate(
        suite: Suite,
        names: SubjectNames,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, CredentialError> {
        names.check().map_err(RequestError::from)?;
        let mut state_key = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *state_key);
        let pending = Some(PendingKeys::generate(suite, rng)?);
        Ok(Self { suite, names, current: None, pending, former: Vec::new(), site_card: None, state_key })
    }

    /// The suite of its keys.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The names its requests ask for.
    pub fn names(&self) -> &SubjectNames {
        &self.names
    }

    /// The person, once there are certificates.
    pub fn person(&self) -> Option<PersonId> {
        self.current.as_ref().and_then(|keys| keys.signature_certificate.person())
    }

    /// The certified keys.
    pub fn current(&self) -> Result<&CurrentKeys, CredentialError> {
        self.current.as_ref().ok_or(CredentialError::NotCertified)
    }

    /// Agreement keys of former days, oldest first.
    pub fn former(&self) -> &[FormerKey] {
        &self.former
    }

    /// The agreement key, present or former, that goes with a certificate.
    pub fn agreement_for(&self, certificate: CertId) -> Option<&AgreementSecret> {
        let current = self.current.as_ref().filter(|keys| keys.agreement_certificate.id() == certificate);
        let former = self.former.iter().find(|key| key.certificate == certificate);
        current.map(|keys| &keys.agreement).or(former.map(|key| &key.secret))
    }

    /// The site card, once it was taken in.
    pub fn site_card(&self) -> Option<&SiteCard> {
        self.site_card.as_ref()
    }

    /// Takes the site card in.
    pub fn set_site_card(&mut self, card: SiteCard) {
        self.site_card = Some(card);
    }

    /// Whether a request waits for its certificates.
    pub fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Opens a renewal: new keys, asked for by the next [`Credential::request`]. One that is open already stays.
    pub fn renew(&mut self, rng: &mut dyn CryptoRng) -> Result<(), CredentialError> {
        if self.pending.is_none() {
            self.pending = Some(PendingKeys::generate(self.suite, rng)?);
        }
        Ok(())
    }

    /// The request for the pending keys, in DER.
    pub fn request(&self) -> Result<Vec<u8>, CredentialError> {
        let keys = self.pending.as_ref().ok_or(CredentialError::NothingPending)?;
        Ok(Request::make(&self.names, keys.signature.public(), keys.agreement.public(), &keys.signature)?)
    }

    /// Takes in the two certificates that answer the pending request. The caller has verified their paths; here it is
    /// checked that they are for these keys and for one and the same person, who never changes.
    pub fn install(&mut self, signature: Certificate, agreement: Certificate) -> Result<(), CredentialError> {
        let pending = self.pending.as_ref().ok_or(CredentialError::NothingPending)?;
        let unfit = |which, why| CredentialError::Unfit { which, why };
        if signature.spki() != pending.signature.public().spki() {
            return Err(unfit("signature", "it is for another key"));
        }
        if agreement.spki() != pending.agreement.public().spki() {
            return Err(unfit("agreement", "it is for another key"));
        }
        if !signature.allows(KeyUse::DigitalSignature) {
            return Err(unfit("signature", "its key usage is another"));
        }
        if !agreement.allows(KeyUse::KeyAgreement) {
            return Err(unfit("agreement", "its key usage is another"));
        }
        let person = signature.person().ok_or(unfit("signature", "it names no person"))?;
        if agreement.person() != Some(person) || self.person().is_some_and(|known| known != person) {
            return Err(unfit("agreement", "it names another person"));
        }
        if self.former.len() == FORMER_KEYS_MAX {
            return Err(CredentialError::TooManyKeys);
        }
        let fresh = self.pending.take().ok_or(CredentialError::NothingPending)?;
        let previous = self.current.replace(CurrentKeys {
            signature: fresh.signature,
            agreement: fresh.agreement,
            signature_certificate: signature,
            agreement_certificate: agreement,
        });
        self.former.extend(
            previous.map(|keys| FormerKey {
                certificate: keys.agreement_certificate.id(),
                secret: keys.agreement,
            }),
        );
        Ok(())
    }

    /// Seals everything under a passphrase.
    pub fn seal(
        &self,
        passphrase: &[u8],
        cost: KdfCost,
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, CredentialError> {
        let contents = Contents::of(self);
        // Room for everything at once: a buffer that grows would leave copies of the secrets behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(sealed::SEALED_BYTES_MAX));
        minicbor::encode(&contents, &mut *bytes).map_err(|_| CredentialError::Contents("encoding"))?;
        Ok(sealed::seal_with_passphrase(KIND, passphrase, cost, &bytes, rng)?)
    }

    /// Opens a sealed credential.
    pub fn open(passphrase: &[u8], bytes: &[u8]) -> Result<Self, CredentialError> {
        let opened = sealed::open_with_passphrase(KIND, passphrase, bytes)?;
        let contents: Contents =
            canonical::decode(&opened).map_err(|_| CredentialError::Contents("not canonical"))?;
        contents.into_credential()
    }

    /// Seals a state record, or the fact that there is none yet; costs no key derivation, so it can precede every
    /// signature.
    pub fn seal_state(
        &self,
        state: Option<&StateRecord>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, CredentialError> {
        let bytes = match state {
            Some(state) => state.to_bytes().ok_or(CredentialError::Contents("state record too long"))?,
            None => Vec::new(),
        };
        Ok(sealed::seal_with_key(STATE_KIND, &self.state_key, &bytes, rng)?)
    }

    /// Opens a state record of this credential.
    pub fn open_state(&self, bytes: &[u8]) -> Result<Option<StateRecord>, CredentialError> {
        let opened = sealed::open_with_key(STATE_KIND, &self.state_key, bytes)?;
        if opened.is_empty() {
            return Ok(None);
        }
        StateRecord::from_bytes(&opened).map(Some).ok_or(CredentialError::Contents("state record"))
    }
}

impl Signer for CurrentKeys {
    fn suite(&self) -> Suite {
        self.signature.suite()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, crate::signature::SignError> {
        self.signature.sign(message)
    }
}

#[cfg(test)]
#[path = "credential_tests.rs"]
mod tests;
