//! A UDP socket with QUIC on it, for either end: how large its buffers are, and how connections are named on the wire.
//! Never touches TLS or the settings of one connection.

use quinn::udp::UdpSocketState;
use quinn::{ConnectionId, ConnectionIdGenerator, Endpoint, EndpointConfig, ServerConfig};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

/// What the kernel holds for a server that is busy, bytes: a thousand terminals may acknowledge at once, and what finds no
/// room has to be sent again. The kernel gives at most `net.core.rmem_max`.
pub const SERVER_RECEIVE_BYTES: usize = 4 << 20;
/// The same of a terminal: what a server may send before it is read.
pub const CLIENT_RECEIVE_BYTES: usize = 2 << 20;

/// Bytes of the name that the server gives a connection, each of them random.
const SERVER_ID_BYTES: usize = 8;
/// A terminal has a socket of its own for its one connection: its datagrams need no name.
const CLIENT_ID_BYTES: usize = 0;

/// The server's end of a bound socket. Call inside a tokio runtime.
pub fn server(socket: UdpSocket, config: ServerConfig) -> io::Result<Endpoint> {
    make(socket, SERVER_RECEIVE_BYTES, SERVER_ID_BYTES, Some(config))
}

/// A client's end on a socket of its own, for one connection. Call inside a tokio runtime.
pub fn client(local: SocketAddr) -> io::Result<Endpoint> {
    make(UdpSocket::bind(local)?, CLIENT_RECEIVE_BYTES, CLIENT_ID_BYTES, None)
}

fn make(
    socket: UdpSocket,
    receive_bytes: usize,
    id_bytes: usize,
    server: Option<ServerConfig>,
) -> io::Result<Endpoint> {
    UdpSocketState::new((&socket).into())?.set_recv_buffer_size((&socket).into(), receive_bytes)?;
    let mut settings = EndpointConfig::default();
    settings.cid_generator(move || Box::new(RandomIds { bytes: id_bytes }));
    Endpoint::new(settings, server, socket, Arc::new(quinn::TokioRuntime))
}

/// Names of connections, wholly random.
///
/// quinn's own generator draws only 24 of 64 bits. A Retry names a connection that is not there yet, and quinn-proto does
/// not look whether that name is in use: where it is, the newcomer's packets go to the other connection and are dropped,
/// and nobody ever answers it. With 4,000 connections of five names each that was one newcomer in 800.
struct RandomIds {
    bytes: usize,
}

impl ConnectionIdGenerator for RandomIds {
    fn generate_cid(&mut self) -> ConnectionId {
        let mut id = [0; SERVER_ID_BYTES];
        getrandom::fill(&mut id).expect("the system's randomness does not fail once TLS has drawn from it");
        ConnectionId::new(&id[..self.bytes])
    }

    fn cid_len(&self) -> usize {
        self.bytes
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// Among so many names of 24 random bits there would be a dozen pairs of twins.
    const NAMES: usize = 20_000;

    #[test]
    fn no_two_connections_of_a_server_have_one_name() {
        let mut ids = RandomIds { bytes: SERVER_ID_BYTES };
        let names: HashSet<ConnectionId> = (0..NAMES).map(|_| ids.generate_cid()).collect();
        assert_eq!(names.len(), NAMES);
        assert!(names.iter().all(|name| name.len() == ids.cid_len()));
    }

    #[test]
    fn a_terminals_datagrams_carry_no_name() {
        assert!(RandomIds { bytes: CLIENT_ID_BYTES }.generate_cid().is_empty());
    }
}
