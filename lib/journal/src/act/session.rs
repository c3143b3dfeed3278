//! Coming, going, and a new password.

use minicbor::{Decode, Encode};
use pki::CertId;

/// Opens a chain. The header's head is the last *signed* checkpoint the terminal has seen.
/// Beside it travels the password, sealed to the core's agreement key with this statement's id as associated data.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Login {
    /// From the server's Hello: makes this Login good for one answer only.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub nonce: [u8; 32],
    /// TLS exporter value (RFC 8446 7.5) of the connection: makes it good for this connection only.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub exporter: [u8; 32],
    /// The certificate that the server showed on this connection.
    #[n(2)]
    pub server_certificate: CertId,
    /// End another live session of this person, if there is one; else such a Login is refused.
    #[n(3)]
    pub end_other: bool,
}

/// Closes one's own chain.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Logout {}

/// Replaces one's password. The new one travels beside it, sealed like the Login's; the journal carries no digest.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct SetPassword {}
