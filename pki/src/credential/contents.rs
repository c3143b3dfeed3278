//! What a credential's file holds, as canonical CBOR.
//! Never leaves memory unsealed; every secret is wiped when dropped.
use minicbor::{Decode, Encode};
use zeroize::{Zeroize, Zeroizing};

use super::{Credential, CredentialError, CurrentKeys, FORMER_KEYS_MAX, FormerKey, PendingKeys, VERSION};
use crate::agreement::AgreementSecret;
use crate::certificate::Certificate;
use crate::ids::CertId;
use crate::keys::{KeyError, SecretKey};
use crate::site_card::SiteCard;
use crate::subject::SubjectNames;
use crate::suite::Suite;

/// A secret in the contents: wiped when dropped.
#[derive(Encode, Decode)]
#[cbor(transparent)]
struct Secret(#[cbor(n(0), with = "minicbor::bytes")] [u8; 32]);

impl Secret {
    fn of(bytes: &[u8]) -> Self {
        let mut secret = Self([0; 32]);
        secret.0.copy_from_slice(bytes);
        secret
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct Pair {
    #[n(0)]
    signature: Secret,
    #[n(1)]
    agreement: Secret,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct Certified {
    #[n(0)]
    keys: Pair,
    #[cbor(n(1), with = "minicbor::bytes")]
    signature_certificate: Vec<u8>,
    #[cbor(n(2), with = "minicbor::bytes")]
    agreement_certificate: Vec<u8>,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct Former {
    #[n(0)]
    secret: Secret,
    #[n(1)]
    certificate: CertId,
}

#[derive(Encode, Decode)]
#[cbor(array)]
pub(super) struct Contents {
    #[n(0)]
    version: u8,
    #[n(1)]
    suite: Suite,
    #[n(2)]
    names: SubjectNames,
    #[n(3)]
    state_key: Secret,
    #[n(4)]
    former: Vec<Former>,
    #[n(5)]
    current: Option<Certified>,
    #[n(6)]
    pending: Option<Pair>,
    #[n(7)]
    site_card: Option<SiteCard>,
}

impl Contents {
    pub(super) fn of(credential: &Credential) -> Self {
        let pair = |signature: &SecretKey, agreement: &AgreementSecret| Pair {
            signature: Secret::of(&signature.to_bytes()),
            agreement: Secret::of(&agreement.to_bytes()),
        };
        let former = |key: &FormerKey| Former {
            secret: Secret::of(&key.secret.to_bytes()),
            certificate: key.certificate,
        };
        Self {
            version: VERSION,
            suite: credential.suite,
            names: credential.names.clone(),
            state_key: Secret::of(&*credential.state_key),
            former: credential.former.iter().map(former).collect(),
            current: credential.current.as_ref().map(|keys| Certified {
                keys: pair(&keys.signature, &keys.agreement),
                signature_certificate: keys.signature_certificate.der().to_vec(),
                agreement_certificate: keys.agreement_certificate.der().to_vec(),
            }),
            pending: credential.pending.as_ref().map(|keys| pair(&keys.signature, &keys.agreement)),
            site_card: credential.site_card.clone(),
        }
    }

    pub(super) fn into_credential(self) -> Result<Credential, CredentialError> {
        if self.version != VERSION {
            return Err(CredentialError::Contents("unknown version"));
        }
        if self.former.len() > FORMER_KEYS_MAX {
            return Err(CredentialError::TooManyKeys);
        }
        let suite = self.suite;
        let keys = |pair: &Pair| -> Result<PendingKeys, KeyError> {
            let signature = SecretKey::from_bytes(suite, &pair.signature.0)?;
            Ok(PendingKeys { signature, agreement: AgreementSecret::from_bytes(suite, &pair.agreement.0)? })
        };
        let certificate =
            |der: &[u8]| Certificate::parse(der).map_err(|_| CredentialError::Contents("certificate"));
        let current = match &self.current {
            None => None,
            Some(certified) => {
                let PendingKeys { signature, agreement } = keys(&certified.keys)?;
                Some(CurrentKeys {
                    signature,
                    agreement,
                    signature_certificate: certificate(&certified.signature_certificate)?,
                    agreement_certificate: certificate(&certified.agreement_certificate)?,
                })
            }
        };
        let former = |key: &Former| -> Result<FormerKey, KeyError> {
            Ok(FormerKey {
                secret: AgreementSecret::from_bytes(suite, &key.secret.0)?,
                certificate: key.certificate,
            })
        };
        Ok(Credential {
            suite,
            current,
            pending: self.pending.as_ref().map(keys).transpose()?,
            former: self.former.iter().map(former).collect::<Result<_, _>>()?,
            state_key: Zeroizing::new(self.state_key.0),
            site_card: self.site_card,
            names: self.names,
        })
    }
}
