//! How much of the network the daemon takes on; the protocol's own limits are in `protocol::limits`.

use serde::Deserialize;

/// Limits of connections. Absent keys have these values.
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
        Self { connections: CONNECTIONS_MAX, connections_per_certificate: 2, connections_per_address: 1024 }
    }
}
