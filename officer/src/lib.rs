//! The officers' programs. `conclave-pki` keeps the site's certification authority, offline: certificates, envelopes,
//! bundles. (`conclave-admin`, online, has its own modules.)
//! Never opens a socket here, and never lets anything leave before the act behind it is durable in `acts`.
#![forbid(unsafe_code)]

pub mod authority;
pub mod clock;
pub mod files;
pub mod pki_cli;
pub mod policy_file;
pub mod roster;
pub mod trouble;
