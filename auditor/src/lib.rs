//! `conclave-audit`: a journal verified on a laptop, without the appliance.
//! Never has rules of its own: the replay is the server's own `Register::apply`.
#![forbid(unsafe_code)]

pub mod audit;
#[cfg(test)]
mod audit_tests;
pub mod bundle;
pub mod describe;
pub mod names;
pub mod parallel;
pub mod replaying;
pub mod trust;
