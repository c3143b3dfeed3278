//! TLS 1.3 as both ends agree on it: mutual, hybrid key agreement first, one ALPN, no resumption, no early data.
//! Never negotiates down: what is not listed here is not offered.

use crate::verifier::{PeerCheck, PeerVerifier};
use quinn::crypto::rustls::{NoInitialCipherSuite, QuicClientConfig, QuicServerConfig};
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::{ClientConfig, ServerConfig};
use std::sync::Arc;
use zeroize::Zeroizing;

/// One's own certificate chain and key for the handshake.
pub struct OwnCertificate {
    /// DER, leaf first, without the root.
    pub chain: Vec<Vec<u8>>,
    /// PKCS#8 DER.
    pub key: Zeroizing<Vec<u8>>,
}

/// Why no TLS configuration could be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The key or chain is not accepted by TLS.
    #[error("certificate and key do not serve for TLS: {0}")]
    Own(#[from] rustls::Error),
    /// The provider lacks the suite of QUIC's Initial packets.
    #[error("the TLS provider has no suite for QUIC Initials: {0}")]
    Initial(#[from] NoInitialCipherSuite),
}

/// What both ends agree on; the suite of a site picks the provider (GOST comes with its own issue).
pub struct TlsProfile {
    provider: Arc<CryptoProvider>,
}

impl TlsProfile {
    /// Suites 1 and 2: X25519MLKEM768, then X25519, then P-256; AES-256-GCM, AES-128-GCM, ChaCha20-Poly1305.
    pub fn standard() -> Self {
        let mut provider = aws_lc_rs::default_provider();
        provider.kx_groups = vec![
            aws_lc_rs::kx_group::X25519MLKEM768,
            aws_lc_rs::kx_group::X25519,
            aws_lc_rs::kx_group::SECP256R1,
        ];
        Self { provider: Arc::new(provider) }
    }

    fn verifier(&self, check: PeerCheck) -> Arc<PeerVerifier> {
        Arc::new(PeerVerifier { check, algorithms: self.provider.signature_verification_algorithms })
    }

    /// The server's end: every client shows a certificate, no ticket is given, no early data taken.
    pub fn server(&self, own: &OwnCertificate, check: PeerCheck) -> Result<quinn::ServerConfig, TlsError> {
        let mut tls = ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(self.verifier(check))
            .with_single_cert(chain(own), key(own))?;
        tls.alpn_protocols = vec![protocol::frame::ALPN.to_vec()];
        tls.session_storage = Arc::new(NoServerSessionStorage {});
        tls.send_tls13_tickets = 0;
        tls.max_early_data_size = 0;
        let mut config = quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
        config.transport_config(Arc::new(crate::transport::server()));
        // A terminal does not wander: a packet from another address is no continuation.
        config.migration(false);
        Ok(config)
    }

    /// The client's end.
    pub fn client(&self, own: &OwnCertificate, check: PeerCheck) -> Result<quinn::ClientConfig, TlsError> {
        let mut tls = ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous() // rustls' word for "a verifier of one's own": ours is pki's path validation
            .with_custom_certificate_verifier(self.verifier(check))
            .with_client_auth_cert(chain(own), key(own))?;
        tls.alpn_protocols = vec![protocol::frame::ALPN.to_vec()];
        tls.resumption = Resumption::disabled();
        tls.enable_early_data = false;
        let mut config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
        config.transport_config(Arc::new(crate::transport::client()));
        Ok(config)
    }
}

fn chain(own: &OwnCertificate) -> Vec<CertificateDer<'static>> {
    own.chain.iter().map(|der| CertificateDer::from(der.clone())).collect()
}

fn key(own: &OwnCertificate) -> PrivateKeyDer<'static> {
    PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.key.to_vec()))
}
