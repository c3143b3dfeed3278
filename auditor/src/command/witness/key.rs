//! Who cosigns: the key of a witness, for one log.
//! Never the key of statements: C2SP's cosignatures are Ed25519 whatever the site's suite.

use console::Lang;
use hkdf::Hkdf;
use journal::Origin;
use journal::ids::LogId;
use journal::note::{CosignerKey, VerifierKey};
use journal::witness::{cosigner_name, key_binding_bytes};
use link::terminal::Terminal;
use pki::{PersonId, Role, SecretKey, Signer, SiteCard, Suite};
use sha2::Sha256;

use crate::command::online::online;
use crate::names::roles;
use crate::trouble::Trouble;

/// Who cosigns, and for which log.
pub(super) struct Witness {
    pub(super) log: LogId,
    identity: VerifierKey,
    pub(super) key: CosignerKey,
    pub(super) secret: SecretKey,
    /// That the key is this witness', by the signature key of its certificate.
    pub(super) binding: Vec<u8>,
}

impl Witness {
    /// By the certificate, which must have the role witness.
    pub(super) fn new(terminal: &Terminal, card: &SiteCard) -> Result<Self, Trouble> {
        let bad = || Trouble::BadCard { file: "site.card".into(), cause: "log identity key".into() };
        let (log, person) = (LogId(card.log_id), terminal.person());
        let identity = card.log_identity.parse::<VerifierKey>().map_err(|_| bad())?;
        let keys = terminal.credential().current().map_err(|error| online(&error.into()))?;
        let has = keys.signature_certificate().roles();
        if !has.contains(Role::Witness) {
            return Err(Trouble::NoWitness { en: roles(has, Lang::En), ru: roles(has, Lang::Ru) });
        }
        let signature = keys.signature();
        let secret = cosigning_key(signature, log);
        let key = cosigner(log, person, &secret);
        let binding = signature.sign(&key_binding_bytes(log, &key)).map_err(|_| bad())?;
        Ok(Self { log, identity, key, secret, binding })
    }

    /// The log's key under the name of an era.
    pub(super) fn key_in(&self, origin: Origin) -> VerifierKey {
        let key = self.identity.key().clone();
        VerifierKey::new(origin.key_name(), key).expect("a good key is one under any good name")
    }
}

fn cosigner(log: LogId, person: PersonId, secret: &SecretKey) -> CosignerKey {
    CosignerKey::new(cosigner_name(log, person), secret.public().clone()).expect("an Ed25519 key")
}

/// A key of its own, whatever the site's suite: C2SP's cosignatures are Ed25519, and its own key is never used for
/// statements. It follows from the person's signature key and the log, so that there is nothing more to keep or to lose.
fn cosigning_key(signature: &SecretKey, log: LogId) -> SecretKey {
    let mut seed = [0; 32];
    let kdf = Hkdf::<Sha256>::new(None, &signature.to_bytes());
    kdf.expand_multi_info(&[b"conclave/1 cosigning key", &log.0], &mut seed)
        .expect("32 bytes are not too many");
    SecretKey::from_bytes(Suite::Ed25519, &seed).expect("every 32 bytes are a key")
}
