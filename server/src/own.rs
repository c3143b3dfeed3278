//! The server's own certificates, found in the journal by the keys that this host holds.
//! Never takes a certificate that the journal does not know: whoever audits sees which ones served when.

use crate::keys::ServerKeys;
use journal::register::{Certified, Register};
use link::OwnCertificate;
use pki::{Certificate, Role};

/// Both certificates.
pub(crate) struct OwnPair {
    /// Role server: TLS shows it.
    pub(crate) server: Certificate,
    /// Role core: passwords are sealed to its key.
    pub(crate) core: Certificate,
    /// The last moment at which both are valid, Unix time in ms.
    pub(crate) until_ms: u64,
}

/// Which certificate is missing; the role's name.
#[derive(Debug, thiserror::Error)]
#[error("the journal knows no certificate of role {0} for the key of this host that is valid now")]
pub(crate) struct NoCertificate(pub(crate) &'static str);

impl OwnPair {
    /// The pair whose keys are `keys`; of several (after a renewal with the same key) the one that lasts longest.
    pub(crate) fn find(register: &Register, keys: &ServerKeys, now_ms: u64) -> Result<Self, NoCertificate> {
        let newest = |role: Role, is_ours: &dyn Fn(&Certificate) -> bool| {
            let stands = |certified: &&Certified| certified.revoked.is_none() && certified.valid_at(now_ms);
            let is_ours = |certified: &&Certified| {
                let certificate = certified.certificate();
                certificate.roles().contains(role) && is_ours(certificate)
            };
            let ours = register.certificates().filter(stands).filter(is_ours);
            ours.max_by_key(|certified| certified.valid_until_ms()).ok_or(NoCertificate(role.name()))
        };
        let tls =
            |certificate: &Certificate| certificate.public_key().is_ok_and(|key| key == *keys.tls.public());
        let agreement = |certificate: &Certificate| {
            certificate.agreement_key().is_ok_and(|key| key.spki() == keys.agreement.public().spki())
        };
        let (server, core) = (newest(Role::Server, &tls)?, newest(Role::Core, &agreement)?);
        let until_ms = server.valid_until_ms().min(core.valid_until_ms());
        Ok(Self { server: server.certificate().clone(), core: core.certificate().clone(), until_ms })
    }

    /// What TLS needs: the server's certificate with the issuing authority's behind it, and the key.
    pub(crate) fn for_tls(&self, register: &Register, keys: &ServerKeys) -> OwnCertificate {
        let issuing = register.site().map(|site| site.issuing().der().to_vec());
        let chain = std::iter::once(self.server.der().to_vec()).chain(issuing).collect();
        OwnCertificate { chain, key: keys.tls.to_pkcs8() }
    }
}
