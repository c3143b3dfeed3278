//! One connection from its handshake to its end: a place in the census, one stream, bytes towards the core.
//! Never writes: sending is the outbox's.

use super::Shared;
use super::census::{Handshake, Place};
use super::outbox::Order;
use crate::inbox::Inbox;
use crate::limits::HANDSHAKE_TIMEOUT;
use link::transport::TOO_MANY;
use minicbor::bytes::ByteVec;
use pki::{CertId, canonical};
use protocol::frame::EXPORTER_LABEL;
use protocol::io::{Connected, Input, SessionId};
use quinn::{Connection, Incoming, RecvStream, VarInt};
use tokio::sync::watch;

/// Most bytes of a stream that travel to the core at once.
const READ_BYTES_MAX: usize = 64 * 1024;

/// A session that the core knows.
struct Begun {
    connection: Connection,
    receive: RecvStream,
    paused: watch::Receiver<bool>,
    /// Held as long as the connection.
    _place: Place,
}

/// Serves one connection to its end.
pub(super) async fn serve(incoming: Incoming, session: SessionId, handshake: Handshake, shared: Shared) {
    // Boxed: what only the handshake needs is given back before the session, which may be silent for hours.
    let Some(begun) = Box::pin(begin(incoming, session, handshake, &shared)).await else { return };
    let Begun { connection, mut receive, paused, _place } = begun;
    let ended = read(session, &mut receive, paused, &shared.to_core).await;
    let _core_gone = shared.to_core.network(canonical::encode(&Input::Closed(session))).await;
    if let Ended::ByUs = ended {
        // The writer closes it soon; until then it keeps its place among those of its certificate.
        connection.closed().await;
        return;
    }
    let _writer_gone = shared.orders.send(Order::Gone(session)).await;
}

/// The handshake, the one stream, and the word of it to writer and core.
async fn begin(
    incoming: Incoming,
    session: SessionId,
    mut handshake: Handshake,
    shared: &Shared,
) -> Option<Begun> {
    let connecting = incoming.accept().ok()?;
    let connected = tokio::select! {
        biased;
        connected = tokio::time::timeout(HANDSHAKE_TIMEOUT, connecting) => connected,
        () = handshake.pushed_out() => return None,
    };
    let connection = connected.ok()?.ok()?;
    let (peer, exporter) = bound_to(&connection)?;
    let Some(_place) = handshake.done(CertId::of(peer.first()?), shared.limits) else {
        connection.close(VarInt::from_u32(TOO_MANY), b"");
        return None;
    };
    // We open the stream, because we speak first; a client can open none.
    let (send, receive) = tokio::time::timeout(HANDSHAKE_TIMEOUT, connection.open_bi()).await.ok()?.ok()?;
    let mut nonce = [0; 32];
    getrandom::fill(&mut nonce).ok()?;
    let (pause, paused) = watch::channel(false);
    // The writer knows the stream before the core knows the session: no word to it can come too early.
    shared.orders.send(Order::Opened(session, send, connection.clone(), pause)).await.ok()?;
    let peer = peer.into_iter().map(ByteVec::from).collect();
    let connected = Input::Connected(Connected { session, peer, exporter, nonce });
    if !shared.to_core.network(canonical::encode(&connected)).await {
        return None;
    }
    Some(Begun { connection, receive, paused, _place })
}

/// Why nothing is read any more.
enum Ended {
    /// The writer ends the session.
    ByUs,
    /// The peer is gone, or the core.
    ByOthers,
}

/// What a Login binds: the peer's chain and the TLS exporter value.
fn bound_to(connection: &Connection) -> Option<(Vec<Vec<u8>>, [u8; 32])> {
    let mut exporter = [0; 32];
    connection.export_keying_material(&mut exporter, EXPORTER_LABEL, b"").ok()?;
    Some((link::client::peer_chain(connection)?, exporter))
}

/// Hands the stream's bytes to the core as they come; a full channel to the core, or its word, stops the reading, and so
/// the peer.
async fn read(
    session: SessionId,
    receive: &mut RecvStream,
    mut paused: watch::Receiver<bool>,
    to_core: &Inbox,
) -> Ended {
    loop {
        // The writer ends the session: nothing that comes now could be answered.
        if paused.wait_for(|paused| !paused).await.is_err() {
            return Ended::ByUs;
        }
        let chunk = tokio::select! {
            biased;
            _paused_or_ended = paused.wait_for(|paused| *paused) => continue,
            chunk = receive.read_chunk(READ_BYTES_MAX, true) => chunk,
        };
        let Ok(Some(chunk)) = chunk else { return Ended::ByOthers };
        let input = Input::Received(session, ByteVec::from(chunk.bytes.to_vec()));
        if !to_core.network(canonical::encode(&input)).await {
            return Ended::ByOthers;
        }
    }
}
