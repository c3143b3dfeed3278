//! The officers' programs. `conclave-pki` keeps the site's certification authority, offline: certificates, envelopes,
//! bundles; it never opens a socket, and never lets anything leave before the act behind it is durable in `acts`.
//! `conclave-admin` (`admin_cli`) is the officers' and administrators' work on the running site, online.
//! Never shares a key between the two: the authority's stay offline.
#![forbid(unsafe_code)]

pub mod admin_cli;
pub mod authority;
pub mod clock;
pub mod files;
pub mod pki_cli;
pub mod policy_file;
pub mod roster;
pub mod trouble;
