//! What officers and administrators do: taking in the authority's acts, acts of two, suspending and unlocking.

use super::law::EraseOrder;
use super::successor::Successor;
use super::{OutOfBounds, at_most};
use crate::ids::{Chain, ConversationId, Hash, Index};
use crate::policy::Policy;
use minicbor::{Decode, Encode, bytes::ByteVec};
use pki::{CertId, PersonId};

/// Takes in acts of the authority's offline chain: they are the very next `count` entries, all or none, and of one
/// time stamp with it (nothing, not even a Tick, comes between).
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Submit {
    /// How many acts follow.
    #[n(0)]
    pub count: u32,
    /// SHA-256 over the [`crate::ids::StatementId`]s of the acts, in order.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub digest: Hash,
}

/// Most acts that one Submit takes in.
pub const SUBMIT_ACTS_MAX: u64 = 4096;

impl Submit {
    pub(crate) fn check_bounds(&self) -> Result<(), OutOfBounds> {
        at_most("acts", self.count.into(), SUBMIT_ACTS_MAX)
    }
}

/// A root cell's random name, as the cell itself bears it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
#[cbor(transparent)]
pub struct CellName(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub [u8; 8],
);

impl std::fmt::Display for CellName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

/// An act that needs two persons. It takes effect at the `Approve` of a second officer.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(flat)]
pub enum DualAct {
    /// A new policy, whole.
    #[n(1)]
    Policy(#[n(0)] Policy),
    /// An enrolled officer's signature certificate may act from here on.
    #[n(2)]
    AdmitOfficer(#[n(0)] CertId),
    /// Erasure of whatever it names. Takes effect when the time to object is over, not at the `Approve`.
    #[n(3)]
    Erase(#[n(0)] EraseOrder),
    /// The hold that was placed at this index ends before its time.
    #[n(4)]
    LiftHold(#[n(0)] Index),
    /// Erasures wait no longer for this root cell, which is lost. Wherever it is, it goes on opening what is erased from
    /// the moment it went away.
    #[n(5)]
    DropCell(#[n(0)] CellName),
    /// Behind the `Approve` the journal's time is this one, milliseconds since 1970: earlier than before, because the clock
    /// was put ahead by mistake. See `register/clock_set.rs`.
    #[n(6)]
    SetClock(#[n(0)] u64),
    /// The log is closed for good into this one: from here on it is read and erased, and nothing more is said.
    #[n(7)]
    Close(#[n(0)] Successor),
}

impl DualAct {
    /// The conversation that an order of erasure is about.
    pub fn conversation(&self) -> Option<ConversationId> {
        match self {
            Self::Erase(order) => Some(order.target.conversation()),
            Self::Policy(_)
            | Self::AdmitOfficer(_)
            | Self::LiftHold(_)
            | Self::DropCell(_)
            | Self::Close(_)
            | Self::SetClock(_) => None,
        }
    }
}

/// Proposes an act of two; holds its exact bytes.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Propose {
    /// A canonical [`DualAct`].
    #[n(0)]
    pub act: ByteVec,
}

/// Largest proposed act, bytes.
pub const PROPOSAL_BYTES_MAX: u64 = 32 * 1024;

impl Propose {
    pub(crate) fn check_bounds(&self) -> Result<(), OutOfBounds> {
        at_most("proposal bytes", self.act.len() as u64, PROPOSAL_BYTES_MAX)
    }
}

/// Another officer's consent.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Approve {
    /// The index of the `Propose`.
    #[n(0)]
    pub proposal: Index,
}

/// The proposer takes the proposal back.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Withdraw {
    /// The index of the `Propose`.
    #[n(0)]
    pub proposal: Index,
}

/// The person may not log in, and the live session ends, until resumed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Suspend {
    /// Who.
    #[n(0)]
    pub person: PersonId,
}

/// Takes a suspension back.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Resume {
    /// Who.
    #[n(0)]
    pub person: PersonId,
}

/// Takes the lock of too many wrong passwords off.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Unlock {
    /// Who.
    #[n(0)]
    pub person: PersonId,
}

/// Ends a live session; the person may log in again.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct EndSession {
    /// Whose.
    #[n(0)]
    pub person: PersonId,
    /// Which one: a session that has begun since is not meant.
    #[n(1)]
    pub chain: Chain,
}
