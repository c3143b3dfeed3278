//! One connection from its handshake to its end: a place in the census, one stream, bytes towards the core.
//! Never writes: sending is the outbox's.

use super::outbox::Order;
use super::{Census, ToCore, lock};
use crate::limits::Limits;
use minicbor::bytes::ByteVec;
use pki::{CertId, canonical};
use protocol::frame::EXPORTER_LABEL;
use protocol::io::{Connected, Input, SessionId};
use quinn::{Connection, Incoming, RecvStream, VarInt};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;

/// Longest handshake, and longest wait for the one stream after it.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes of a stream that travel to the core at once.
const READ_BYTES_MAX: usize = 64 * 1024;
/// Application close code for "too many connections of this certificate".
const TOO_MANY: u32 = 1;

/// A counted connection; gives its place back when dropped.
pub(super) struct Place {
    census: Arc<Mutex<Census>>,
    address: IpAddr,
    certificate: Option<CertId>,
}

impl Place {
    /// A place for a connection from this address, if the limits leave one.
    pub(super) fn take(census: &Arc<Mutex<Census>>, address: IpAddr, limits: &Limits) -> Option<Self> {
        let mut counts = lock(census);
        let here = counts.by_address.get(&address).copied().unwrap_or(0);
        if counts.all >= limits.connections || here >= limits.connections_per_address {
            return None;
        }
        counts.all += 1;
        counts.by_address.insert(address, here + 1);
        drop(counts);
        Some(Self { census: census.clone(), address, certificate: None })
    }

    /// Counts the certificate too; `false` when it has its share already.
    fn name(&mut self, certificate: CertId, limits: &Limits) -> bool {
        let mut counts = lock(&self.census);
        let here = counts.by_certificate.entry(certificate).or_default();
        if *here >= limits.connections_per_certificate {
            return false;
        }
        *here += 1;
        drop(counts);
        self.certificate = Some(certificate);
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = lock(&self.census);
        counts.all -= 1;
        if let Some(here) = counts.by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                counts.by_address.remove(&self.address);
            }
        }
        if let Some(certificate) = self.certificate
            && let Some(here) = counts.by_certificate.get_mut(&certificate)
        {
            *here -= 1;
            if *here == 0 {
                counts.by_certificate.remove(&certificate);
            }
        }
    }
}

/// Serves one connection to its end.
pub(super) async fn serve(
    incoming: Incoming,
    session: SessionId,
    mut place: Place,
    limits: Limits,
    to_core: ToCore,
    orders: mpsc::Sender<Order>,
) {
    let Ok(connecting) = incoming.accept() else { return };
    let Ok(Ok(connection)) = tokio::time::timeout(HANDSHAKE_TIMEOUT, connecting).await else { return };
    let Some((peer, exporter)) = bound_to(&connection) else { return };
    let Some(leaf) = peer.first() else { return };
    if !place.name(CertId::of(leaf), &limits) {
        connection.close(VarInt::from_u32(TOO_MANY), b"");
        return;
    }
    // We open the stream, because we speak first; a client can open none.
    let Ok(Ok((send, mut receive))) = tokio::time::timeout(HANDSHAKE_TIMEOUT, connection.open_bi()).await else {
        return;
    };
    let mut nonce = [0; 32];
    if getrandom::fill(&mut nonce).is_err() {
        return;
    }
    if orders.send(Order::Opened(session, send, connection.clone())).await.is_err() {
        return;
    }
    let peer = peer.into_iter().map(ByteVec::from).collect();
    let connected = Input::Connected(Connected { session, peer, exporter, nonce });
    if to_core.send(canonical::encode(&connected)).await.is_ok() {
        read(session, &mut receive, &to_core).await;
        let _core_gone = to_core.send(canonical::encode(&Input::Closed(session))).await;
    }
    let _writer_gone = orders.send(Order::Gone(session)).await;
}

/// What a Login binds: the peer's chain and the TLS exporter value.
fn bound_to(connection: &Connection) -> Option<(Vec<Vec<u8>>, [u8; 32])> {
    let mut exporter = [0; 32];
    connection.export_keying_material(&mut exporter, EXPORTER_LABEL, b"").ok()?;
    Some((link::client::peer_chain(connection)?, exporter))
}

/// Hands the stream's bytes to the core as they come; a full channel to the core stops the reading, and so the peer.
async fn read(session: SessionId, receive: &mut RecvStream, to_core: &ToCore) {
    while let Ok(Some(chunk)) = receive.read_chunk(READ_BYTES_MAX, true).await {
        let input = Input::Received(session, ByteVec::from(chunk.bytes.to_vec()));
        if to_core.send(canonical::encode(&input)).await.is_err() {
            return;
        }
    }
}
