//! The QUIC client, and the one TLS configuration that both ends agree on.
//! Never parses a frame and never decides who may come in: it asks the check it was given.
#![forbid(unsafe_code)]

pub mod client;
pub mod endpoint;
pub mod terminal;
pub mod tls;
pub mod transport;
mod verifier;

pub use client::{Link, LinkError};
pub use tls::{OwnCertificate, TlsError, TlsProfile};
pub use verifier::{PeerCheck, Refused};
