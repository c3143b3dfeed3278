//! How much of the network the daemon takes on; the protocol's own limits are in `protocol::limits`, and what must hold
//! between the limits of all rooms is in `agreement`.

use protocol::limits::SESSIONS_PER_CERTIFICATE;
use serde::Deserialize;
use std::time::Duration;

/// Handshakes under way at once: they are counted apart from connections, because nobody has shown a certificate yet.
pub(crate) const HANDSHAKES_MAX: usize = 512;
/// Of these from one source (an IPv4 address, a /64 of IPv6).
pub(crate) const HANDSHAKES_PER_SOURCE: usize = 64;
/// A handshake that takes longer gives way when another one needs its room: an honest one takes milliseconds, and those
/// of a whole site that comes back at once well below this.
pub(crate) const HANDSHAKE_GRACE: Duration = Duration::from_secs(1);
/// Longest handshake, and longest wait for the one stream after it.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Limits of connections whose handshake is done. Absent keys have these values.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// Connections in all.
    pub(crate) connections: usize,
    /// Connections that show one certificate (one that lives, one that is about to replace it).
    pub(crate) connections_per_certificate: usize,
    /// Connections from one address.
    pub(crate) connections_per_address: usize,
}

/// Most connections that a configuration may allow.
pub(crate) const CONNECTIONS_MAX: usize = protocol::limits::SESSIONS_MAX;

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: CONNECTIONS_MAX,
            connections_per_certificate: SESSIONS_PER_CERTIFICATE,
            connections_per_address: 1024,
        }
    }
}
