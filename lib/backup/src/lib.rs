//! Backups: runs of the store copied as they lie, into a directory with a signed manifest.
//! Never holds a record of the cell nor a key of the device: whoever has every backup and no cell opens nothing, and a
//! cell that has gone on since opens nothing of what was erased since.
//!
//! ```text
//! DIR/manifest         = canonical [1, body: bytes, signature of the log identity key: bytes]; written last, by rename
//! DIR/segment-NNNNN    = head | record*
//! head                 = "conclave segment" | version 1 | store 16 | anchor 48 | torn 1
//! record               = range 20 | SHA-256(range, blocks) 32 | blocks as they lie on the device
//! digest of a segment  = SHA-256(head, every record's first 52 bytes)
//! ```
//! A copy adds segments with what is newer than what the directory has, then replaces the manifest: a crash at any
//! moment leaves the manifest before, with everything that it names. What an interrupted copy brought is taken over by
//! the next one as far as the digests hold, and only where the source says of every record that these are its blocks: a
//! digest without a key says nothing of who wrote it. The same goes for a manifest that another machine has finished
//! (`made.rs`). What does not read in the store is zeros in a torn segment, which the next copy brings anew. Where the blocks come from is the caller's: the store
//! itself, a socket beside the running server, an administrator's session.
#![forbid(unsafe_code)]

mod copying;
mod error;
mod folder;
mod looking;
mod made;
mod manifest;
mod segment;
mod source;
mod words;

pub use copying::{Copied, Inventory, copy, look};
pub use error::BackupError;
pub use folder::Folder;
pub use looking::BackupDevice;
pub use made::Made;
pub use manifest::{Manifest, ManifestId, Verified, manifest_id, sign};
pub use segment::blocks_digest;
pub use source::{Signed, Source, Taken};
