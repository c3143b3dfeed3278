//! What a site does because somebody outside of it has a right to it: erasure by order of two officers, the objection
//! against it, and holds that keep it off. Never a free text: an order's number and a ground from a list, so that the
//! journal, which keeps everything for ever, learns nothing of what is erased or held.

use super::erase::EraseTarget;
use super::{OutOfBounds, at_most};
use crate::ids::{ConversationId, Index};
use minicbor::{Decode, Encode};
use pki::PersonId;

/// Why: a list, not a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Ground {
    /// A court's decision.
    #[n(1)]
    Court,
    /// A demand of a public authority.
    #[n(2)]
    Authority,
    /// A person asked for what concerns him.
    #[n(3)]
    PersonsRequest,
    /// An inquiry of the organisation's own.
    #[n(4)]
    Inquiry,
    /// Something was said where it may not be.
    #[n(5)]
    Spill,
    /// Something else, which the paper with the order's number tells.
    #[n(6)]
    Other,
}

impl Ground {
    /// All grounds, in numeric order.
    pub const ALL: [Self; 6] =
        [Self::Court, Self::Authority, Self::PersonsRequest, Self::Inquiry, Self::Spill, Self::Other];
}

/// The paper behind an act: where it is filed, and on which ground it was given.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Order {
    /// As it is filed: 1 to [`ORDER_NUMBER_BYTES_MAX`] bytes, no control characters, no space at an end.
    #[n(0)]
    pub number: String,
    /// On which ground.
    #[n(1)]
    pub ground: Ground,
}

/// Longest number of an order, bytes.
pub const ORDER_NUMBER_BYTES_MAX: u64 = 64;

impl Order {
    pub(crate) fn check_bounds(&self) -> Result<(), OutOfBounds> {
        at_most("least bytes of an order's number", 1, self.number.len() as u64)?;
        at_most("bytes of an order's number", self.number.len() as u64, ORDER_NUMBER_BYTES_MAX)?;
        let controls = self.number.chars().filter(|found| found.is_control()).count() as u64;
        let spaces = (self.number.len() - self.number.trim().len()) as u64;
        at_most("control characters in an order's number", controls, 0)?;
        at_most("spaces around an order's number", spaces, 0)
    }
}

/// What two officers order to be erased, of whomever and in whichever conversation. Between the `Approve` and the effect
/// those whom it concerns may object.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct EraseOrder {
    /// What.
    #[n(0)]
    pub target: EraseTarget,
    /// By which paper.
    #[n(1)]
    pub order: Order,
    /// The `Propose` of an order over the same that was stopped (by an objection or by a hold): this one confirms it,
    /// and takes effect at its `Approve`.
    #[n(2)]
    pub confirms: Option<Index>,
}

impl EraseOrder {
    pub(crate) fn check_bounds(&self) -> Result<(), OutOfBounds> {
        super::Erase { target: self.target.clone() }.check_bounds()?;
        self.order.check_bounds()
    }
}

/// Whoever an order of erasure concerns objects: nothing is erased until two officers have confirmed it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Object {
    /// The `Propose` of the order.
    #[n(0)]
    pub proposal: Index,
}

/// What a hold keeps.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(flat)]
pub enum HoldScope {
    /// All that this person wrote or writes.
    #[n(1)]
    Person(#[n(0)] PersonId),
    /// A conversation with everything in it.
    #[n(2)]
    Conversation(#[n(0)] ConversationId),
    /// Messages of one conversation, ascending indices.
    #[n(3)]
    Messages(#[n(0)] ConversationId, #[n(1)] Vec<Index>),
}

impl HoldScope {
    /// The conversation that it names.
    pub fn conversation(&self) -> Option<ConversationId> {
        match self {
            Self::Person(_) => None,
            Self::Conversation(id) | Self::Messages(id, _) => Some(*id),
        }
    }

    /// Whether it keeps this message, which this person wrote in this conversation.
    pub fn keeps(&self, conversation: ConversationId, message: Index, author: PersonId) -> bool {
        match self {
            Self::Person(person) => *person == author,
            Self::Conversation(id) => *id == conversation,
            Self::Messages(id, messages) => *id == conversation && messages.binary_search(&message).is_ok(),
        }
    }
}

/// Nothing in the scope is erased by anybody, until the hold ends. One officer places it, for it only keeps; two lift it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Hold {
    /// What.
    #[n(0)]
    pub scope: HoldScope,
    /// By which paper.
    #[n(1)]
    pub order: Order,
    /// When it ends by itself, milliseconds since 1970.
    #[n(2)]
    pub end_ms: u64,
}

/// Most messages that one hold names.
pub const HOLD_MESSAGES_MAX: u64 = 1024;

impl Hold {
    pub(crate) fn check_bounds(&self) -> Result<(), OutOfBounds> {
        if let HoldScope::Messages(_, messages) = &self.scope {
            at_most("least messages", 1, messages.len() as u64)?;
            at_most("messages", messages.len() as u64, HOLD_MESSAGES_MAX)?;
        }
        self.order.check_bounds()
    }
}
