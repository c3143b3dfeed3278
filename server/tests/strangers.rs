//! Who knocks without a right, and what is left of the server afterwards: everything.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;

use journal::testing::Described;
use link::{Link, LinkError, OwnCertificate, TlsProfile};
use pki::{Clearance, Role, Suite};
use protocol::limits::FRAME_BYTES_BEFORE_LOGIN;
use quinn::crypto::rustls::QuicClientConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use support::{Client, LONG_MS, Server, Site, anyone, own, runtime};

/// Believes every server: what is tested is what the server believes.
#[derive(Debug)]
struct Believer;

impl rustls::client::danger::ServerCertVerifier for Believer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }
    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }
    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        vec![rustls::SignatureScheme::ED25519, rustls::SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

/// Connects with TLS as it is wanted, and waits for the stream that the server opens.
async fn knock(
    address: SocketAddr,
    own: Option<OwnCertificate>,
    alpn: &[u8],
) -> Result<quinn::RecvStream, quinn::ConnectionError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Believer));
    let mut tls = match own {
        Some(own) => {
            let chain = own.chain.into_iter().map(CertificateDer::from).collect();
            let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.key.to_vec()));
            tls.with_client_auth_cert(chain, key).unwrap()
        }
        None => tls.with_no_client_auth(),
    };
    tls.alpn_protocols = vec![alpn.to_vec()];
    let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
    let endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    let connection = endpoint.connect_with(config, address, "conclave").unwrap().await?;
    let (_, receive) = connection.accept_bi().await?;
    Ok(receive)
}

/// The TLS alert with which a connection was refused (RFC 9001 4.8).
fn alert(error: &quinn::ConnectionError) -> u64 {
    match error {
        quinn::ConnectionError::ConnectionClosed(close) => u64::from(close.error_code) - 0x100,
        other => panic!("no alert: {other}"),
    }
}

async fn anna_still_comes_in(site: &Site, server: &Server) {
    let mut anna = Client::new(site, "anna");
    anna.connect(site, "anna", server).await.unwrap();
    anna.hang_up();
}

fn strangers_are_refused_by_tls_and_disturb_nobody(suite: Suite) {
    let mut site = Site::founded(suite);
    let machine = Described { valid_ms: LONG_MS, ..Described::new(Role::Server, Clearance(3)) };
    site.authority.issue("machine", &machine);
    let server = site.start();
    runtime().block_on(async {
        let alpn = protocol::frame::ALPN;
        let none = knock(server.address, None, alpn).await.expect_err("no certificate");
        assert_eq!(alert(&none), 116, "certificate_required");

        // The authority's own, and no person's: a server's.
        let machine = knock(server.address, Some(own(&site, "machine")), alpn).await.expect_err("no person");
        let alert_of_certificate = alert(&machine);
        assert!((42..=48).contains(&alert_of_certificate), "{machine}");

        let mut foreign = journal::testing::TestSite::new(8, suite);
        let described = Described { valid_ms: LONG_MS, ..Described::new(Role::Operator, Clearance(3)) };
        foreign.issue("anna", &described);
        let stranger = foreign.person("anna");
        let theirs = OwnCertificate {
            chain: vec![stranger.signature_certificate.der().to_vec(), foreign.issuing.der().to_vec()],
            key: stranger.signature.to_pkcs8(),
        };
        let foreign = knock(server.address, Some(theirs), alpn).await.expect_err("foreign authority");
        assert_eq!(alert(&foreign), alert_of_certificate, "the one for any certificate that is not let in");

        let other = knock(server.address, Some(own(&site, "anna")), b"h3").await.expect_err("another ALPN");
        assert_eq!(alert(&other), 120, "no_application_protocol");

        // A certificate of anna's with a key that is not hers.
        let boris = own(&site, "boris");
        let stolen = OwnCertificate { chain: own(&site, "anna").chain, key: boris.key };
        let profile = TlsProfile::standard();
        let refused = Link::connect(&profile, &stolen, anyone(), server.address, "conclave").await;
        assert!(refused.is_err(), "TLS itself finds that they do not fit");
        anna_still_comes_in(&site, &server).await;
    });
}

fn the_reasons_of_a_refusal_reach_the_person_and_no_hints_the_peer(suite: Suite) {
    let site = Site::founded(suite);
    let server = site.start();
    runtime().block_on(async {
        let other = if suite == Suite::Ed25519 { Suite::EcdsaP256 } else { Suite::Ed25519 };
        let foreign = Site::requested(other);
        let profile = TlsProfile::standard();
        let refused =
            Link::connect(&profile, &own(&foreign, "anna"), anyone(), server.address, "conclave").await;
        match refused.err().expect("another suite, another authority") {
            LinkError::Refused { .. } => {}
            other => panic!("{other}"),
        }
        let picky: link::PeerCheck = Arc::new(|_, _| Err(link::Refused("not the one of the card".into())));
        let refused = Link::connect(&profile, &own(&site, "anna"), picky, server.address, "conclave").await;
        match refused.err().expect("the client refuses the server") {
            LinkError::ServerCertificate(_) => {}
            other => panic!("{other}"),
        }
    });
}

fn garbage_ends_its_own_session_only(suite: Suite) {
    let site = Site::founded(suite);
    let server = site.start();
    let noise = UdpSocket::bind("127.0.0.1:0").unwrap();
    for length in [1, 20, 100, 1200, 1400] {
        noise.send_to(&vec![0xa5; length], server.address).unwrap();
        noise.send_to(&vec![0x00; length], server.address).unwrap();
    }
    runtime().block_on(async {
        let profile = TlsProfile::standard();
        // One byte more than anybody may say before the login; the frame itself never comes.
        let long = (FRAME_BYTES_BEFORE_LOGIN as u32 + 1).to_be_bytes();
        for bytes in [&[0xff_u8; 64][..], &[0, 0, 0, 3, 0xff, 0xff, 0xff], &[0, 0, 0, 1, 0x80], &long] {
            let link =
                Link::connect(&profile, &own(&site, "anna"), anyone(), server.address, "conclave").await;
            let mut link = link.unwrap();
            link.send.write_all(bytes).await.unwrap();
            // Hello and the word that ends the session come, then the stream ends.
            let rest =
                tokio::time::timeout(std::time::Duration::from_secs(20), link.receive.read_to_end(1 << 16));
            let _ended_or_closed = rest.await.expect("the session ends");
        }
        anna_still_comes_in(&site, &server).await;
    });
    // The first of three connections of one certificate must be gone before the fourth comes: that one was let in.
    server.signal(nix::sys::signal::Signal::SIGTERM);
    assert!(server.wait().0.success());
}

fn one_certificate_has_its_share_of_connections_and_no_more(suite: Suite) {
    let site = Site::founded(suite);
    let server = site.start();
    runtime().block_on(async {
        let profile = TlsProfile::standard();
        let connect = || async {
            Link::connect(&profile, &own(&site, "anna"), anyone(), server.address, "conclave").await
        };
        let (first, second) = (connect().await.unwrap(), connect().await.unwrap());
        assert!(connect().await.is_err(), "a third one");
        let boris = Link::connect(&profile, &own(&site, "boris"), anyone(), server.address, "conclave")
            .await
            .unwrap();
        boris.close().await;
        first.close().await;
        second.close().await;
    });
}

/// A stranger whose handshake hangs at the server: once the server has answered, nothing more comes from him.
async fn hanging(server: &Server) -> [tokio::net::UdpSocket; 2] {
    let front = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let back = tokio::net::UdpSocket::bind("127.0.0.2:0").await.unwrap();
    let address = front.local_addr().unwrap();
    let _stranger = tokio::spawn(async move {
        let _never_done = knock(address, None, protocol::frame::ALPN).await;
    });
    let (mut out, mut back_in, mut stranger) = ([0; 2048], [0; 2048], None);
    loop {
        tokio::select! {
            came = front.recv_from(&mut out) => {
                let (length, from) = came.unwrap();
                stranger = Some(from);
                back.send_to(&out[..length], server.address).await.unwrap();
            }
            came = back.recv_from(&mut back_in) => {
                let (length, _) = came.unwrap();
                // RFC 9000 17.2.5: a Retry has type 3.
                if back_in[0] & 0xf0 != 0xf0 {
                    return [front, back];
                }
                front.send_to(&back_in[..length], stranger.unwrap()).await.unwrap();
            }
        }
    }
}

fn handshakes_that_hang_keep_nobody_out(suite: Suite) {
    let site = Site::founded(suite);
    let config = std::fs::read_to_string(site.path("conclaved.toml")).unwrap();
    std::fs::write(site.path("conclaved.toml"), config + "[limits]\nconnections = 4\n").unwrap();
    let server = site.start();
    runtime().block_on(async {
        let mut strangers = Vec::new();
        for _ in 0..8 {
            strangers.push(hanging(&server).await);
        }
        anna_still_comes_in(&site, &server).await;
    });
}

support::on_each_suite! {
    strangers_are_refused_by_tls_and_disturb_nobody,
    the_reasons_of_a_refusal_reach_the_person_and_no_hints_the_peer,
    garbage_ends_its_own_session_only,
    one_certificate_has_its_share_of_connections_and_no_more,
    handshakes_that_hang_keep_nobody_out,
}
