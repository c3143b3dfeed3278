//! Bodies and their irreversible erasure. Knows ids and bytes, never people, never who wrote what.
//! Overwriting is not erasure: a body is erased when no key that still exists opens it.
//!
//! ```text
//! cell slot ─ root secret ─► top node {epoch, J, conversations}
//!                                      │   └► conversations (fan-out 16, by number)
//!                                      │        └► items of one conversation
//!                                      │             ├► leaf: key of one body
//!                                      │             └► chunks of one file ─► leaf
//!                                      └► J ─► pending lists: leaf keys not yet folded into the tree
//! slot = {kind, key, position, tag of the child}; node = XChaCha20-Poly1305(key from the slot above, slots)
//! ```
//! Inserts keep the nodes' keys. An erasure replaces every key from the leaf to the root, and J, and then the cell
//! forgets the old root: every stale version of the erased leaf's key lies under a key that no longer exists.
#![forbid(unsafe_code)]

pub mod adversary;
mod batch;
mod cell;
mod census;
mod compact;
mod device_record;
mod draft;
mod erasure;
mod error;
mod file_cell;
mod items;
mod judge;
mod kept_tree;
mod memory_cell;
mod mirror;
mod needed;
mod node;
mod offline;
mod open;
mod pending;
mod place;
mod reader;
mod reads;
mod root_slot;
mod sabotage;
mod salvage;
mod seal;
mod secret;
mod sector_cell;
pub mod snapshot;
#[cfg(test)]
mod tests;
#[cfg(feature = "tpm")]
mod tpm;
mod tree;
mod tree_move;
mod tree_walk;
mod tree_write;
mod unlock;
mod vault;
mod victim;
mod words;

pub use batch::Batch;
pub use cell::{CellError, CellKind, CellSlot, PACE_MS_MAX, RootCell};
pub use compact::Tended;
pub use disk::KeptVerifiers;
pub use draft::CutOff;
pub use erasure::{Destroyed, Intended, Replaced, Written};
pub use error::Error;
pub use file_cell::FileCell;
pub use memory_cell::{CellRecords, MemoryCell};
pub use mirror::{CellAt, CellLook, CellState, Keeper, Looked};
pub use offline::{Standing, grow, owner_words};
pub use open::{Interrupted, Opened};
pub use place::{Place, SECRETS_CONVERSATION, Target};
pub use reader::VaultReader;
pub use salvage::{Bodies, Salvage};
pub use sector_cell::SectorCell;
pub use snapshot::{Row, Rows};
#[cfg(feature = "tpm")]
pub use tpm::{TpmAuth, TpmCell, TpmError, TpmPlace};
pub use tree_walk::Held;
pub use unlock::UnlockSecret;
pub use vault::{Limits, Vault};
pub use victim::Need;
pub use words::owner_words_ru;
