//! A terminal's connection: one QUIC connection, one stream, bytes in and out.
//! Never reconnects by itself and never reads a frame.

use crate::tls::{OwnCertificate, TlsError, TlsProfile};
use crate::transport::TOO_MANY;
use crate::verifier::PeerCheck;
use protocol::frame::EXPORTER_LABEL;
use quinn::{Connection, Endpoint, RecvStream, SendStream, VarInt};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// Longest wait for a connection to one address.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Our own certificate or key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// No local socket.
    #[error("no UDP socket: {0}")]
    Socket(#[from] std::io::Error),
    /// Nothing answered in time.
    #[error("{0} does not answer")]
    NoAnswer(SocketAddr),
    /// The address cannot be connected to.
    #[error("cannot connect to {address}: {reason}")]
    Address {
        /// Which.
        address: SocketAddr,
        /// Why.
        reason: quinn::ConnectError,
    },
    /// We did not accept the server's certificate.
    #[error("the server's certificate is not accepted: {0}")]
    ServerCertificate(String),
    /// The server did not accept ours, or ended the handshake for a reason of its own (a TLS alert).
    #[error("the server refused the connection (TLS alert {alert})")]
    Refused {
        /// RFC 8446 6.
        alert: u8,
    },
    /// The server takes no further connection now: in all, of this certificate or from this address.
    #[error("the server takes no further connection now")]
    TooMany,
    /// Anything else about the connection.
    #[error("connection lost: {0}")]
    Connection(quinn::ConnectionError),
    /// TLS gave no exporter or certificate.
    #[error("the connection lacks what a login binds")]
    NothingToBind,
}

/// An open connection with its one stream.
pub struct Link {
    endpoint: Endpoint,
    connection: Connection,
    /// TLS exporter value of this connection.
    pub exporter: [u8; 32],
    /// The server's certificates, leaf first, DER.
    pub server: Vec<Vec<u8>>,
    /// Towards the server.
    pub send: SendStream,
    /// From the server.
    pub receive: RecvStream,
}

impl Link {
    /// Connects to `address`, checks the server, takes the stream that the server opens. `server_name` goes into SNI only.
    pub async fn connect(
        profile: &TlsProfile,
        own: &OwnCertificate,
        check: PeerCheck,
        address: SocketAddr,
        server_name: &str,
    ) -> Result<Self, LinkError> {
        let local: SocketAddr = match address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let endpoint = crate::endpoint::client(local)?;
        let connecting = endpoint
            .connect_with(profile.client(own, check)?, address, server_name)
            .map_err(|reason| LinkError::Address { address, reason })?;
        let connection = tokio::time::timeout(CONNECT_TIMEOUT, connecting)
            .await
            .map_err(|_elapsed| LinkError::NoAnswer(address))?
            .map_err(|error| explain(error, address))?;
        let mut exporter = [0; 32];
        connection
            .export_keying_material(&mut exporter, EXPORTER_LABEL, b"")
            .map_err(|_too_long| LinkError::NothingToBind)?;
        let server = peer_chain(&connection).ok_or(LinkError::NothingToBind)?;
        // The server opens the stream and says Hello on it; a client that TLS refused learns it here at the latest.
        let (send, receive) = tokio::time::timeout(CONNECT_TIMEOUT, connection.accept_bi())
            .await
            .map_err(|_elapsed| LinkError::NoAnswer(address))?
            .map_err(|error| explain(error, address))?;
        Ok(Self { endpoint, connection, exporter, server, send, receive })
    }

    /// Ends the connection and waits until the server was told.
    pub async fn close(self) {
        self.connection.close(VarInt::from_u32(0), b"");
        self.endpoint.wait_idle().await;
    }

    /// Counts the datagrams that came: answers to signs of life too.
    pub fn heard(&self) -> u64 {
        self.connection.stats().udp_rx.datagrams
    }

    /// Why the connection ended, if it has.
    pub fn close_reason(&self) -> Option<LinkError> {
        let address = self.connection.remote_address();
        self.connection.close_reason().map(|error| explain(error, address))
    }
}

/// The peer's certificates of a connection, leaf first, DER.
pub fn peer_chain(connection: &Connection) -> Option<Vec<Vec<u8>>> {
    let identity = connection.peer_identity()?;
    let chain = identity.downcast::<Vec<rustls::pki_types::CertificateDer<'static>>>().ok()?;
    Some(chain.iter().map(|certificate| certificate.to_vec()).collect())
}

/// TLS alerts travel in QUIC as `0x100 + alert` (RFC 9001 4.8).
fn explain(error: quinn::ConnectionError, address: SocketAddr) -> LinkError {
    let alert_of = |code: quinn::TransportErrorCode| {
        let code = u64::from(code);
        (0x100..0x200).contains(&code).then(|| (code - 0x100) as u8)
    };
    match &error {
        quinn::ConnectionError::TimedOut => LinkError::NoAnswer(address),
        quinn::ConnectionError::TransportError(own) => match alert_of(own.code) {
            Some(_alert) => LinkError::ServerCertificate(own.reason.clone()),
            None => LinkError::Connection(error),
        },
        // Refused before the handshake: there is no room for one.
        quinn::ConnectionError::ConnectionClosed(close)
            if close.error_code == quinn::TransportErrorCode::CONNECTION_REFUSED =>
        {
            LinkError::TooMany
        }
        quinn::ConnectionError::ConnectionClosed(close) => match alert_of(close.error_code) {
            Some(alert) => LinkError::Refused { alert },
            None => LinkError::Connection(error),
        },
        quinn::ConnectionError::ApplicationClosed(close)
            if close.error_code == VarInt::from_u32(TOO_MANY) =>
        {
            LinkError::TooMany
        }
        quinn::ConnectionError::VersionMismatch
        | quinn::ConnectionError::ApplicationClosed(_)
        | quinn::ConnectionError::Reset
        | quinn::ConnectionError::LocallyClosed
        | quinn::ConnectionError::CidsExhausted => LinkError::Connection(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_closes_with_any_code_is_explained() {
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let code = quinn::TransportErrorCode::crypto;
        for (error_code, refused) in [
            (quinn::TransportErrorCode::NO_ERROR, false),
            (quinn::TransportErrorCode::CONNECTION_REFUSED, false),
            (code(0), true),
            (code(42), true),
        ] {
            let close = quinn::ConnectionClose { error_code, frame_type: None, reason: Default::default() };
            let said = explain(quinn::ConnectionError::ConnectionClosed(close), address);
            assert_eq!(matches!(said, LinkError::Refused { .. }), refused, "{said}");
            let full = error_code == quinn::TransportErrorCode::CONNECTION_REFUSED;
            assert_eq!(matches!(said, LinkError::TooMany), full, "{said}");
        }
        for (code, full) in [(0, false), (TOO_MANY, true), (2, false)] {
            let close =
                quinn::ApplicationClose { error_code: VarInt::from_u32(code), reason: Default::default() };
            let said = explain(quinn::ConnectionError::ApplicationClosed(close), address);
            assert_eq!(matches!(said, LinkError::TooMany), full, "{said}");
        }
    }
}
