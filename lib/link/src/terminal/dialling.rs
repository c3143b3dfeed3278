//! Connecting: to the addresses of the card, one after the other.
//! Never tries again by itself; see `backoff`.

use super::error::TerminalError;
use crate::client::Link;
use crate::tls::TlsProfile;

/// What it takes to connect; shared with the future that does it.
pub(super) struct Dialling {
    pub(super) profile: TlsProfile,
    pub(super) own: crate::tls::OwnCertificate,
    pub(super) check: crate::PeerCheck,
    pub(super) addresses: Vec<String>,
    pub(super) server_name: String,
}

impl Dialling {
    /// The first address of the card that answers.
    pub(super) async fn dial(&self) -> Result<Link, TerminalError> {
        let mut last = None;
        for address in &self.addresses {
            let resolved = match tokio::net::lookup_host(address).await {
                Ok(resolved) => resolved,
                Err(error) => {
                    last = Some(TerminalError::Address { address: address.clone(), error });
                    continue;
                }
            };
            for one in resolved {
                let (check, name) = (self.check.clone(), &self.server_name);
                match Link::connect(&self.profile, &self.own, check, one, name).await {
                    Ok(link) => return Ok(link),
                    Err(error) => last = Some(error.into()),
                }
            }
        }
        Err(last.unwrap_or(TerminalError::NoAnswer))
    }
}
