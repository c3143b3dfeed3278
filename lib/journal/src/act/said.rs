//! What a member says about one message to people outside of its conversation: that he discloses it, and that something
//! is wrong with it. Never a text: the journal learns which message, and a number of a list.

use crate::ids::Index;
use minicbor::{Decode, Encode};

/// A member gives one message away: from here on whoever he gives the file to can read it, and prove it. Recorded before
/// any file is written, and seen by the members and by officers.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Disclose {
    /// The message's entry.
    #[n(0)]
    pub message: Index,
}

/// What is wrong with a message: a list, not a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum ReportReason {
    /// The person whom it names as its author did not write it. He alone may say so.
    #[n(1)]
    NotMine,
    /// Its label is wrong.
    #[n(2)]
    Mislabelled,
    /// Something else, which the person tells an officer himself.
    #[n(3)]
    Other,
}

impl ReportReason {
    /// All reasons, in numeric order.
    pub const ALL: [Self; 3] = [Self::NotMine, Self::Mislabelled, Self::Other];
}

/// A member tells the officers that something is wrong with a message.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Report {
    /// The message's entry.
    #[n(0)]
    pub message: Index,
    /// What is wrong.
    #[n(1)]
    pub reason: ReportReason,
}
