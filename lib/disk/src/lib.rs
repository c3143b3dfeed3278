//! Bytes that survive: devices, and one segment log over a device with one sync per batch.
//! Never knows what a byte means, never reads a clock, never draws randomness by itself.
//!
//! ```text
//! device   = superblock x 2 | extent 0 | extent 1 | ...            (everything aligned to 4096)
//! extent   = run*                                                   (one stream, taken when first used)
//! run      = header | frame* | table | [commit] | zeros to the block
//! header   = nonce 24 | sealed 40 | tag 16                          (device key; of verifiers: theirs)
//! frame    = journal, tree, verifiers: nonce 24 | sealed | tag 16   (device key)
//!            bodies: the caller's sealed bytes as they are, bound by their last 16 bytes in the table
//! table    = nonce 24 | sealed (length 4, last 16 bytes, owner 32 unless journal) per frame | tag 16
//! commit   = nonce 24 | sealed commit record | tag 16               (ends the last journal run of a batch)
//! ```
//! A batch is one run per touched stream (more where an extent ends), submitted together, and one sync. It counts
//! only if every run that its commit record names is on the device with the digest named there.
#![forbid(unsafe_code)]

mod batch;
mod beginning;
mod block;
mod buffer;
pub mod codec;
mod commit;
mod copy;
mod copy_outline;
mod copy_restore;
mod crashing;
mod device;
mod error;
mod extent_walk;
mod extents;
mod file;
mod grow;
mod headers;
mod later;
mod locked;
mod log;
mod mark;
mod medium;
mod misfit;
mod placement;
mod put_back;
mod reader;
mod recording;
mod recovery;
mod run;
mod salvage;
mod scan;
mod seal;
mod seen;
mod superblock;
mod verifiers;
mod words;

pub use batch::{Batch, Committed};
pub use block::{BlockDevice, Forgets};
pub use commit::{CommitFields, Top};
pub use copy::{Copier, CopyBuffer, CopyError, Still};
pub use copy_outline::{Anchor, Cover, OUTLINE_BYTES_MAX, Outline, Part, RANGE_BLOCKS_MAX, Range};
pub use copy_restore::Restoring;
pub use crashing::{CrashClock, CrashingDevice, Fault, Turn};
pub use device::{BLOCK, Device, MemoryDevice, SECTOR};
pub use error::Error;
pub use extent_walk::{ExtentWalk, FrameName, Stretch, StretchBytes};
pub use extents::{Claim, Extent, Space, Stream};
pub use file::{FileDevice, Preallocation};
pub use grow::{Grown, grow};
pub use locked::LockedVerifiers;
pub use log::{Geometry, Log, Recovered};
pub use medium::{Medium, MediumKind};
pub use misfit::Misfit;
pub use put_back::PutBack;
pub use reader::{JournalEntries, JournalEntry, Reader};
pub use recording::{RecordedWrite, RecordingDevice};
pub use recovery::FoundLog;
pub use run::{FrameRecord, Owner, Position, frames_of_write};
pub use salvage::{KeptVerifiers, Named, Salvage};
pub use scan::{DAMAGES_MAX, Damage, Part as ScanPart, Scan};
pub use seal::{DeviceKeys, NONCE_BYTES, Sealer, StoreId, TAG_BYTES, VerifiersKey};
pub use verifiers::{PersonKey, VERIFIER_BYTES_MAX, verifiers_max};
