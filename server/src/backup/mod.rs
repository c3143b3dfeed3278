//! The server's side of backups: what is copied, to whom, and what is remembered of it. What a backup is stands in
//! `lib/backup`.
//! Never waits for the writer nor lets it wait.

mod gate;
mod holding;
mod newest;
#[cfg(test)]
mod pull_tests;
mod pulls;
mod service;
mod source;
#[cfg(test)]
mod tests;
mod wire;

pub(crate) use gate::{Gate, TAKE_TIMEOUT};
pub(crate) use holding::Copies;
pub(crate) use newest::{Newest, Shelf, Taker};
pub(crate) use pulls::Asked;
pub(crate) use pulls::start as start_pulls;
pub(crate) use service::{SOCKET, serve};
pub(crate) use source::{ServerSource, StoreSource};
