//! Who may complete a TLS handshake: path validation under the genesis' authorities, and nobody whom the journal revoked.
//! Never says why to the peer: TLS sends an alert, the reason stays here.

use journal::register::Register;
use link::{PeerCheck, Refused};
use pki::{CertId, Certificate, KeyUse, Purpose, Question, TrustAnchor, UnixMs, verify_path};
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Certificates a peer may show; more are not looked at.
const CHAIN_MAX: usize = 4;

/// The authorities, and the certificates that the journal revoked so far.
pub(crate) struct Peers {
    anchors: [TrustAnchor; 1],
    issuing: Certificate,
    revoked: RwLock<HashSet<CertId>>,
    /// How many revocations and authorities there were when `revoked` was made.
    seen: AtomicUsize,
}

impl Peers {
    /// As the Register knows them. `None` before the genesis.
    pub(crate) fn new(register: &Register) -> Option<Arc<Self>> {
        let site = register.site()?;
        let peers = Self {
            anchors: [TrustAnchor::new(site.root().clone())],
            issuing: site.issuing().clone(),
            revoked: RwLock::default(),
            seen: AtomicUsize::new(0),
        };
        peers.update(register);
        Some(Arc::new(peers))
    }

    /// Takes over what was revoked since, if anything was. Revocations are never undone, so their number tells.
    pub(crate) fn update_if_changed(&self, register: &Register) {
        let authority = register.site().is_some_and(|site| site.issuing_revoked().is_some());
        let count = register.revocations().count() + usize::from(authority);
        if self.seen.swap(count, Ordering::Relaxed) != count {
            self.update(register);
        }
    }

    fn update(&self, register: &Register) {
        let mut revoked: HashSet<CertId> =
            register.revocations().map(|(certificate, _)| certificate).collect();
        if register.site().is_some_and(|site| site.issuing_revoked().is_some()) {
            revoked.insert(self.issuing.id());
        }
        *self.revoked.write().unwrap_or_else(PoisonError::into_inner) = revoked;
    }

    /// The check that TLS asks.
    pub(crate) fn check(self: Arc<Self>) -> PeerCheck {
        Arc::new(move |chain, at_ms| self.may_come(chain, at_ms).map_err(Refused))
    }

    fn may_come(&self, chain: &[&[u8]], at_ms: u64) -> Result<(), String> {
        let leaf = chain.first().filter(|_| chain.len() <= CHAIN_MAX).ok_or("no certificate, or too many")?;
        let leaf = Certificate::parse(leaf).map_err(|error| error.to_string())?;
        // Only our own issuing authority stands between root and leaf; what the peer sends beside it is not needed.
        let key_use = Some(KeyUse::DigitalSignature);
        let question = Question { key_use, ..Question::new(Purpose::Client, UnixMs(at_ms)) };
        let path = verify_path(&leaf, std::slice::from_ref(&self.issuing), &self.anchors, &question);
        let path = path.map_err(|error| error.to_string())?;
        let revoked = self.revoked.read().unwrap_or_else(PoisonError::into_inner);
        match path.chain().iter().map(Certificate::id).find(|id| revoked.contains(id)) {
            Some(id) => Err(format!("certificate {id} is revoked")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::Act;
    use journal::act::{Revoke, RevokeReason};
    use journal::testing::{FOUNDED_MS, TestLog, TestSite, VALID_MS};
    use pki::Suite;

    #[test]
    fn who_may_complete_a_handshake() {
        let mut log = TestLog::standard(1);
        let peers = Peers::new(&log.register).unwrap();
        let now = FOUNDED_MS + 10_000;
        let shown = |log: &TestLog, login: &str| log.site.person(login).signature_certificate.der().to_vec();
        let (anna, boris) = (shown(&log, "anna"), shown(&log, "boris"));
        assert_eq!(peers.may_come(&[&anna], now), Ok(()));
        assert_eq!(peers.may_come(&[&anna, log.site.issuing.der()], now), Ok(()));
        assert!(peers.may_come(&[&anna], now + 2 * VALID_MS).is_err(), "expired");
        assert!(peers.may_come(&[&anna], FOUNDED_MS - 10_000).is_err(), "not yet valid");
        assert!(peers.may_come(&[], now).is_err() && peers.may_come(&[b"garbage"], now).is_err());
        assert!(peers.may_come(&[&shown(&log, "server")], now).is_err(), "wrong purpose");
        let agreement = log.site.person("anna").agreement_certificate.der();
        assert!(peers.may_come(&[agreement], now).is_err(), "an agreement certificate signs no handshake");
        let foreign = TestLog::founded(2, Suite::Ed25519, journal::Policy::standard());
        assert!(peers.may_come(&[&shown(&foreign, "olga")], now).is_err(), "foreign authority");
        assert!(TestSite::new(1, Suite::Ed25519).root.der() == log.site.root.der());

        let person = log.id("boris");
        let revoke = Revoke { person, reason: RevokeReason::KeyCompromise, note: String::new() };
        log.act("olga", Act::Revoke(revoke)).unwrap();
        peers.update_if_changed(&log.register);
        assert!(peers.may_come(&[&boris], now).unwrap_err().contains("revoked"));
        assert_eq!(peers.may_come(&[&anna], now), Ok(()));
    }
}
