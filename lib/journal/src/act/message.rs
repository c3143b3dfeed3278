//! Messages, files' reservations, cursors and acknowledgements.

use super::{OutOfBounds, at_most};
use crate::ids::{Commitment, ConversationId, Hash, Index, ReservationId};
use minicbor::{Decode, Encode};
use pki::Clearance;

/// A padded length: `2^n` bytes of text before sealing. Hides lengths but for the class.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode)]
#[cbor(transparent)]
pub struct SizeClass(#[n(0)] pub u8);

impl SizeClass {
    /// Smallest class: 256 bytes.
    pub const MIN: Self = Self(8);
    /// Largest class of a message's text: 64 KiB.
    pub const TEXT_MAX: Self = Self(16);
    /// Largest class of a chunk: 256 KiB.
    pub const CHUNK_MAX: Self = Self(18);

    /// Bytes of padded text (0 for a class out of any range).
    pub const fn bytes(self) -> u64 {
        if self.0 < 32 { 1 << self.0 } else { 0 }
    }

    /// The smallest class that holds `content` bytes, or `None` above [`Self::CHUNK_MAX`].
    pub fn holding(content: usize) -> Option<Self> {
        (Self::MIN.0..=Self::CHUNK_MAX.0).map(Self).find(|class| class.bytes() >= content as u64)
    }
}

/// How urgent a message is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode)]
#[cbor(index_only)]
#[allow(missing_docs)] // the field's words (ACP 121)
pub enum Precedence {
    #[n(0)]
    Routine,
    #[n(1)]
    Priority,
    #[n(2)]
    Immediate,
    #[n(3)]
    Flash,
}

/// The file that comes with a message: chunks `1..=chunks` of the reservation (chunk 0 is the message's own body).
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct FileClaim {
    /// The reservation, with purpose file, made by the same person in the same conversation, all chunks stored.
    #[n(0)]
    pub reservation: ReservationId,
    /// RFC 9162 root over the chunks' commitments, in order.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub root: Hash,
    /// How many chunks.
    #[n(2)]
    pub chunks: u32,
}

/// One message. Its body comes beside it and must fit the commitment.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Message {
    /// Where.
    #[n(0)]
    pub conversation: ConversationId,
    /// Under which epoch's key: the conversation's newest, and not one that a removal has made stale.
    #[n(1)]
    pub epoch: u32,
    /// The message that this one answers, in the same conversation.
    #[n(2)]
    pub reference: Option<Index>,
    /// Binds the body's key and text, and hides both once the body is gone.
    #[n(3)]
    pub commitment: Commitment,
    /// Padded length of the text.
    #[n(4)]
    pub size: SizeClass,
    /// At most the conversation's ceiling and the sender's clearance.
    #[n(5)]
    pub label: Clearance,
    /// How urgent.
    #[n(6)]
    pub precedence: Precedence,
    /// Every reader is to acknowledge it by a statement of its own.
    #[n(7)]
    pub must_acknowledge: bool,
    /// When the sender says it was sent, milliseconds since 1970.
    #[n(8)]
    pub time_ms: u64,
    /// The file that comes with it.
    #[n(9)]
    pub file: Option<FileClaim>,
}

impl Message {
    pub(crate) fn check_bounds(&self) -> Result<(), OutOfBounds> {
        at_most("size class", self.size.0.into(), SizeClass::TEXT_MAX.0.into())?;
        at_most("smallest size class", SizeClass::MIN.0.into(), self.size.0.into())?;
        at_most("label", self.label.0.into(), 5)
    }
}

/// What a reservation is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Purpose {
    /// Chunks of a file: claimed by a `Message`.
    #[n(1)]
    File,
    /// Wraps of an epoch key: claimed by an `Epoch` or a `ShareHistory`.
    #[n(2)]
    Wraps,
}

/// Asks for room for `chunks` bodies under one item of the vault. What nothing claims in time falls.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Reserve {
    /// Named by the terminal at random.
    #[n(0)]
    pub id: ReservationId,
    /// In which conversation.
    #[n(1)]
    pub conversation: ConversationId,
    /// For what.
    #[n(2)]
    pub purpose: Purpose,
    /// How many bodies, at least 1. For a file: the claiming message's own body (chunk 0) and then the file's chunks.
    #[n(3)]
    pub chunks: u32,
    /// Padded length of each.
    #[n(4)]
    pub size: SizeClass,
}

/// Most chunks of one reservation: 16 GiB of 256 KiB.
pub const CHUNKS_MAX: u64 = 65_536;

impl Reserve {
    pub(crate) fn check_bounds(&self) -> Result<(), OutOfBounds> {
        at_most("chunks", self.chunks.into(), CHUNKS_MAX)?;
        at_most("least chunks", 1, self.chunks.into())?;
        at_most("size class", self.size.0.into(), SizeClass::CHUNK_MAX.0.into())?;
        at_most("smallest size class", SizeClass::MIN.0.into(), self.size.0.into())
    }
}

/// "I have read everything here up to this message": moves one's cursor forward, never back.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Read {
    /// Where.
    #[n(0)]
    pub conversation: ConversationId,
    /// A message of that conversation.
    #[n(1)]
    pub up_to: Index,
}

/// "I acknowledge this message": once per person, for messages that ask for it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Acknowledge {
    /// A message with `must_acknowledge`.
    #[n(0)]
    pub message: Index,
}
