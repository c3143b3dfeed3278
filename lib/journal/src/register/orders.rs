//! The Register's rows of orders of erasure and of holds.
//! Never holds a text: an order's number and ground are all that is known of its paper.

use crate::act::{EraseOrder, Hold};
use crate::ids::Index;
use minicbor::{Decode, Encode};
use pki::PersonId;

/// How an order of erasure stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(flat)]
pub enum OrderState {
    /// It takes effect at the first Tick from this time on, if the server has run for as long as those concerned may
    /// object: see [`OrderRow::ran_ms`].
    #[n(1)]
    Counting(#[n(0)] u64),
    /// This person objected first, at this index; others may until this time, and only then may two confirm it.
    #[n(2)]
    Objected(#[n(0)] PersonId, #[n(1)] Index, #[n(2)] u64),
    /// The hold of this index kept it when its time came.
    #[n(3)]
    Held(#[n(0)] Index),
    /// It took effect at this index.
    #[n(4)]
    Done(#[n(0)] Index),
    /// This person may object and was kept from it by this entry, which suspended or revoked him: as good as his
    /// objection. Others may object until this time.
    #[n(5)]
    Silenced(#[n(0)] PersonId, #[n(1)] Index, #[n(2)] u64),
}

impl OrderState {
    /// It takes effect only when two officers confirm it.
    pub fn is_stopped(self) -> bool {
        match self {
            Self::Objected(..) | Self::Silenced(..) | Self::Held(_) => true,
            Self::Counting(_) | Self::Done(_) => false,
        }
    }

    /// Until when those concerned may object, by the wall clock; `None` where that time is over.
    pub fn until_ms(self) -> Option<u64> {
        match self {
            Self::Counting(until_ms) | Self::Objected(.., until_ms) | Self::Silenced(.., until_ms) => {
                Some(until_ms)
            }
            Self::Held(_) | Self::Done(_) => None,
        }
    }

    /// It took effect.
    pub fn is_done(self) -> bool {
        matches!(self, Self::Done(_))
    }
}

/// An order of erasure that two officers gave. Kept when it is done: it is the right by which the bodies went.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct OrderRow {
    /// Who proposed it.
    #[n(0)]
    pub by: PersonId,
    /// Who approved it.
    #[n(1)]
    pub with: PersonId,
    /// The `Approve`.
    #[n(2)]
    pub approve: Index,
    /// What, and by which paper.
    #[n(3)]
    pub order: EraseOrder,
    /// How it stands.
    #[n(4)]
    pub state: OrderState,
    /// Those concerned may object at least until the server has run for so long ([`Register::ran_ms`]): while it stands
    /// still nobody can, and its wall clock may be set.
    ///
    /// [`Register::ran_ms`]: super::Register::ran_ms
    #[n(5)]
    pub ran_ms: u64,
    /// Who objected, in order.
    #[n(6)]
    pub objected: Vec<PersonId>,
    /// When it was approved, by the wall clock.
    #[n(7)]
    pub(super) began_ms: u64,
}

/// A hold that stands.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct HoldRow {
    /// Who placed it.
    #[n(0)]
    pub by: PersonId,
    /// What, by which paper, until when.
    #[n(1)]
    pub hold: Hold,
    /// When the officers are to be told that it ends; `None` when they were, or when it is short.
    #[n(2)]
    pub warn_ms: Option<u64>,
    /// It stands at least until the server has run for so long: the time of the warning, or its own if that is shorter.
    /// `None` until the officers were warned.
    #[n(3)]
    pub ran_ms: Option<u64>,
}
