//! QUIC's settings on both ends, each with its reason.
//! Never touches TLS.

use quinn::{IdleTimeout, TransportConfig, VarInt};
use std::time::Duration;

/// A connection without a packet for this long is dead, milliseconds.
pub const IDLE_TIMEOUT_MS: u32 = 30_000;
/// A client shows that it lives this often while nothing else is said, milliseconds: what answers it shows that the server
/// lives. Two small datagrams each: 500 a second for a thousand idle terminals.
pub const KEEP_ALIVE_MS: u64 = 4_000;
/// What a peer may send on the one stream before it is read, bytes.
pub const STREAM_WINDOW_BYTES: u32 = 1 << 20;
/// What we keep for retransmission to one peer, bytes.
pub const SEND_WINDOW_BYTES: u64 = 2 << 20;
/// Application close code for "too many connections": in all, of this certificate or from this address.
pub const TOO_MANY: u32 = 1;

fn common() -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_TIMEOUT_MS))))
        // One stream carries the session, and the server opens it.
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW_BYTES))
        .receive_window(VarInt::from_u32(STREAM_WINDOW_BYTES))
        .send_window(SEND_WINDOW_BYTES)
        .datagram_receive_buffer_size(None)
        // A LAN: the first guess of the round trip need not be the internet's 333 ms.
        .initial_rtt(Duration::from_millis(20))
        // The spin bit would show round trips to whoever listens.
        .allow_spin(false);
    transport
}

/// The server opens the one stream itself and accepts none: a client cannot open anything.
pub(crate) fn server() -> TransportConfig {
    let mut transport = common();
    transport.max_concurrent_bidi_streams(VarInt::from_u32(0));
    transport
}

/// The client accepts the one stream and keeps the connection alive.
pub(crate) fn client() -> TransportConfig {
    let mut transport = common();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .keep_alive_interval(Some(Duration::from_millis(KEEP_ALIVE_MS)));
    transport
}
