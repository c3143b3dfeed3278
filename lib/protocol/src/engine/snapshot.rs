//! Snapshots of the engine's state: when one is due, its bytes, and the way back to a recovery.
//! Never the home of anything: without one, or with one that does not fit, a start replays the whole journal.

use super::books::Books;
use super::{Engine, Phase};
use journal::ids::{Hash, Head};
use journal::register::{self, Register};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Decoder, Encode};
use pki::canonical::{self, NotCanonical};

/// The version that this program writes. Books of another shape under the same number, as unreleased builds left them, do not
/// decode, and a start replays instead; from the first release on another shape is another number.
pub const SNAPSHOT_VERSION: u8 = 1;
/// A snapshot is due after as many entries as the journal has, divided by this, where that is more than
/// [`Snapshots::every`]: what snapshots cost for each entry stays the same however long the journal grows.
pub const SNAPSHOT_SHARE: u64 = 16;

/// How a driver keeps snapshots.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Snapshots {
    /// Entries between two of them, at least.
    pub every: u64,
    /// Entries that the newest one in the store covers; 0: there is none.
    pub newest: u64,
}

impl Snapshots {
    /// Entries between two snapshots of the product: as many as a start replays in about a second. Whoever's message comes
    /// while one is made waits for it: made four times as often it would be, reckoned, one message in a hundred.
    pub const EVERY: u64 = 1 << 16;

    fn is_due(&self, size: u64, stopping: bool) -> bool {
        let since = size.saturating_sub(self.newest);
        // A stop has time; but what is replayed in a moment is not worth a write.
        let worth = (self.every / SNAPSHOT_SHARE).max(1);
        since >= self.every.max(size / SNAPSHOT_SHARE) || (stopping && since >= worth)
    }
}

/// Why bytes are no snapshot. Whoever gets this takes an older one, or replays the journal.
#[derive(Debug, thiserror::Error)]
pub enum BadSnapshot {
    /// Not the one right encoding.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
    /// Written by a newer program.
    #[error("start snapshot version {0} is newer than this program reads ({SNAPSHOT_VERSION})")]
    Newer(u8),
    /// Its Register.
    #[error(transparent)]
    Register(#[from] register::BadSnapshot),
    /// It names another size or root than its own parts, or than the tree that it is to stand beside.
    #[error("the snapshot is of another head")]
    Head,
}

/// `[version, size, root, books]`; the Register's own snapshot follows.
#[derive(Encode, Decode)]
#[cbor(array)]
struct Front<B> {
    #[n(0)]
    version: u8,
    #[n(1)]
    size: u64,
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    root: Hash,
    #[n(3)]
    books: B,
}

/// The state behind the entries of a head, as bytes.
pub fn write(register: &Register, books: &Books, head: Head) -> Vec<u8> {
    let front = Front { version: SNAPSHOT_VERSION, size: head.size, root: head.root, books };
    register.snapshot_behind(canonical::encode(&front))
}

/// The state from bytes, whole or not at all; `head` is that of the tree that it must fit.
pub(super) fn read(bytes: &[u8], head: Head) -> Result<(Register, Books), BadSnapshot> {
    if let Some(&version) = bytes.get(1)
        && version > SNAPSHOT_VERSION
        && version < 24
    {
        return Err(BadSnapshot::Newer(version));
    }
    let mut decoder = Decoder::new(bytes);
    decoder.skip().map_err(NotCanonical::from)?;
    let (front, rest) = bytes.split_at(decoder.position());
    let front: Front<Books> = canonical::decode(front)?;
    let register = Register::restore(rest)?;
    if (front.size, front.root) != (head.size, head.root) || register.size() != head.size {
        return Err(BadSnapshot::Head);
    }
    Ok((register, front.books))
}

impl Engine {
    /// The driver keeps snapshots; without this word none is ever made.
    pub fn keep_snapshots(&mut self, snapshots: Snapshots) {
        self.snapshots = Some(snapshots);
    }

    /// The snapshot that goes with the batch about to close, whose last entry is the newest of all. Never beside an
    /// erasure: its batch may need what room is left.
    pub(super) fn due_snapshot(&mut self, head: Head) -> Option<ByteVec> {
        let stopping = self.phase == Phase::Stopping;
        let snapshots = self.snapshots.as_mut().filter(|snapshots| snapshots.is_due(head.size, stopping))?;
        if !self.commits.open.erase.is_empty() || self.ledger.tree.size() != head.size {
            return None;
        }
        snapshots.newest = head.size;
        Some(write(&self.ledger.register, &self.ledger.books, head).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_become_rarer_as_the_journal_grows() {
        let snapshots = |newest| Snapshots { every: 100, newest };
        assert!(!snapshots(0).is_due(99, false) && snapshots(0).is_due(100, false));
        assert!(!snapshots(100_000).is_due(106_000, false) && snapshots(100_000).is_due(107_000, false));
        assert!(!snapshots(1000).is_due(1005, true) && snapshots(1000).is_due(1006, true), "at a stop");
    }
}
