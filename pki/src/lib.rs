//! Who is who, and did they sign: keys, certificates, paths, revocation lists, roles and credentials.
//! Never opens a socket, reads no clock and draws no randomness: time and random numbers are arguments.
#![forbid(unsafe_code)]

pub mod agreement;
pub mod canonical;
pub mod clearance;
pub mod ids;
pub mod keys;
pub mod oids;
pub mod role;
pub mod signature;
pub mod suite;
#[cfg(test)]
mod testing;

pub use agreement::{AgreementPublic, AgreementSecret};
pub use clearance::Clearance;
pub use ids::{CertId, PersonId};
pub use keys::{KeyError, PublicKey, SecretKey};
pub use role::{Role, RoleSet};
pub use signature::{BadSignature, SignError, Signer, Verifier};
pub use suite::Suite;
