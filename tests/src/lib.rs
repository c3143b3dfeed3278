//! The whole product in one thread: terminals, network, engine, journal, vault and auditor, from one seed.
//! Time is stepped, the network cuts and delays, the power fails at any operation of the device; nothing sleeps, and
//! the same seed gives the same history. Never part of the product.
//!
//! [`World`] is what tests speak to. [`storm`] draws a history from a seed, [`judge`] says whether it was right.
#![forbid(unsafe_code)]
// A test world: whatever it does not expect is a failed test, told by a panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_enum_match_arm)]

pub mod calm;
pub mod census;
pub mod dice;
pub mod foreign;
pub mod judge;
pub mod kept;
pub mod ledger;
pub mod machine;
pub mod network;
pub mod offices;
pub mod people;
pub mod rogue;
pub mod schedule;
pub mod script;
pub mod server;
pub mod store;
pub mod storm;
pub mod tending;
pub mod terminal;
pub mod wires;
pub mod words;
pub mod world;

pub use census::Census;
pub use dice::Dice;
pub use world::World;
