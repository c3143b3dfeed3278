//! A log that two officers close into another one, and the first officers' word in that other one for what it continues:
//! a site's way into another suite, or out of a store that is full.
//! Never a way on within a log: where entries were lost, that is a `Succession`.

use super::{OutOfBounds, at_most};
use crate::ids::{Hash, Head, Index, LogId};
use crate::note::NOTE_BYTES_MAX;
use minicbor::{Decode, Encode, bytes::ByteVec};
use pki::Suite;

/// The log into which this one is closed: founded already, of its own authority.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Successor {
    /// Its id, as on its site card.
    #[n(0)]
    pub log: LogId,
    /// Its suite.
    #[n(1)]
    pub suite: Suite,
}

/// What this log continues. Each of the first officers signs it as a statement of his own, offline, before anybody has
/// logged in; it holds when as many have as the genesis demands.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Continues {
    /// The log that was closed.
    #[n(0)]
    pub log: LogId,
    /// Its suite.
    #[n(1)]
    pub suite: Suite,
    /// Its log identity key, Ed25519.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub identity: Hash,
    /// The index of the `Approve` that closed it.
    #[n(3)]
    pub closed: Index,
    /// A head of it that covers that entry.
    #[n(4)]
    pub head: Head,
    /// Its own signed note of that head.
    #[n(5)]
    pub note: ByteVec,
}

impl Continues {
    pub(crate) fn check_bounds(&self) -> Result<(), OutOfBounds> {
        at_most("the closing entry's index of a log that is continued", self.closed.saturating_add(1), {
            self.head.size
        })?;
        at_most("bytes of a note", self.note.len() as u64, NOTE_BYTES_MAX as u64)
    }
}
