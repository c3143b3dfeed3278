//! One connection from its handshake to its end: a place in the census, one stream, bytes towards the core.
//! Never writes: sending is the outbox's.

use super::census::Handshake;
use super::outbox::Order;
use super::{Shared, ToCore};
use crate::limits::HANDSHAKE_TIMEOUT;
use minicbor::bytes::ByteVec;
use pki::{CertId, canonical};
use protocol::frame::EXPORTER_LABEL;
use protocol::io::{Connected, Input, SessionId};
use quinn::{Connection, Incoming, RecvStream, VarInt};
use tokio::sync::watch;

/// Most bytes of a stream that travel to the core at once.
const READ_BYTES_MAX: usize = 64 * 1024;
/// Application close code for "too many connections", in all or of this certificate or address.
const TOO_MANY: u32 = 1;

/// Serves one connection to its end.
pub(super) async fn serve(incoming: Incoming, session: SessionId, mut handshake: Handshake, shared: Shared) {
    let Ok(connecting) = incoming.accept() else { return };
    let connected = tokio::select! {
        biased;
        connected = tokio::time::timeout(HANDSHAKE_TIMEOUT, connecting) => connected,
        () = handshake.pushed_out() => return,
    };
    let Ok(Ok(connection)) = connected else { return };
    let Some((peer, exporter)) = bound_to(&connection) else { return };
    let Some(leaf) = peer.first() else { return };
    let Some(_place) = handshake.done(CertId::of(leaf), shared.limits) else {
        connection.close(VarInt::from_u32(TOO_MANY), b"");
        return;
    };
    // We open the stream, because we speak first; a client can open none.
    let Ok(Ok((send, mut receive))) = tokio::time::timeout(HANDSHAKE_TIMEOUT, connection.open_bi()).await
    else {
        return;
    };
    let mut nonce = [0; 32];
    if getrandom::fill(&mut nonce).is_err() {
        return;
    }
    let (pause, paused) = watch::channel(false);
    // The writer knows the stream before the core knows the session: no word to it can come too early.
    if shared.orders.send(Order::Opened(session, send, connection.clone(), pause)).await.is_err() {
        return;
    }
    let peer = peer.into_iter().map(ByteVec::from).collect();
    let connected = Input::Connected(Connected { session, peer, exporter, nonce });
    if shared.to_core.send(canonical::encode(&connected)).await.is_ok() {
        let ended = read(session, &mut receive, paused, &shared.to_core).await;
        let _core_gone = shared.to_core.send(canonical::encode(&Input::Closed(session))).await;
        if let Ended::ByUs = ended {
            // The writer closes it soon; until then it keeps its place among those of its certificate.
            connection.closed().await;
            return;
        }
    }
    let _writer_gone = shared.orders.send(Order::Gone(session)).await;
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
    to_core: &ToCore,
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
        if to_core.send(canonical::encode(&input)).await.is_err() {
            return Ended::ByOthers;
        }
    }
}
