//! Judges the two certificates of a connection by the site card: the server's, and before connecting one's own.
//! Never trusts what the server sends beyond filling gaps in a path to the card's anchors.

use super::error::TerminalError;
use crate::tls::OwnCertificate;
use crate::verifier::{PeerCheck, Refused};
use pki::{Certificate, Credential, KeyUse, Purpose, Question, Role, SiteCard, UnixMs, verify_path};
use std::sync::Arc;

/// Intermediate certificates of the server that are looked at.
const INTERMEDIATES_MAX: usize = 8;

/// A server is one whose path leads to the card's anchors, with the role and the name that the card says.
pub(super) fn server_check(card: &SiteCard) -> PeerCheck {
    let (anchors, issuing, name) = (card.anchors(), card.issuing_authorities(), card.server_name.clone());
    Arc::new(move |chain: &[&[u8]], now_ms: u64| {
        let [leaf, rest @ ..] = chain else { return Err(Refused("no certificate".into())) };
        let parse = |der: &[u8]| Certificate::parse(der).map_err(|error| Refused(error.to_string()));
        let leaf = parse(leaf)?;
        let mut intermediates = issuing.clone();
        for der in rest.iter().take(INTERMEDIATES_MAX) {
            intermediates.push(parse(der)?);
        }
        let question = Question {
            role: Some(Role::Server),
            key_use: Some(KeyUse::DigitalSignature),
            ..Question::new(Purpose::Server, UnixMs(now_ms))
        };
        verify_path(&leaf, &intermediates, &anchors, &question)
            .map_err(|error| Refused(error.to_string()))?;
        match leaf.has_dns_name(&name) {
            true => Ok(()),
            false => Err(Refused(format!("the certificate is not for the name {name:?}"))),
        }
    })
}

/// One's own certificate must hold by the card too: whoever is expired or of another site hears it here, in words, and
/// not from the server, which gives no hints.
pub(super) fn own_certificate(leaf: &Certificate, card: &SiteCard, now_ms: u64) -> Result<(), TerminalError> {
    let question = Question {
        key_use: Some(KeyUse::DigitalSignature),
        ..Question::new(Purpose::Client, UnixMs(now_ms))
    };
    verify_path(leaf, &card.issuing_authorities(), &card.anchors(), &question)
        .map(drop)
        .map_err(|error| TerminalError::OwnCertificate(Box::new(error)))
}

/// The chain and key that TLS shows: the leaf and the authority that issued it.
pub(super) fn shown(credential: &Credential, card: &SiteCard) -> Result<OwnCertificate, TerminalError> {
    let current = credential.current()?;
    let leaf = current.signature_certificate();
    let issuers = card.issuing_authorities();
    let issuers = issuers.iter().filter(|issuer| issuer.subject() == leaf.issuer());
    let chain = std::iter::once(leaf).chain(issuers).map(|one| one.der().to_vec()).collect();
    Ok(OwnCertificate { chain, key: current.signature().to_pkcs8() })
}
