//! Irreversible erasure, as it is asked for. What it did is the Fact `Erased`.

use super::{OutOfBounds, at_most};
use crate::ids::{ConversationId, Index};
use minicbor::{Decode, Encode};

/// What to erase.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(flat)]
pub enum EraseTarget {
    /// Messages of one conversation, ascending indices, with their files.
    #[n(1)]
    Messages(#[n(0)] ConversationId, #[n(1)] Vec<Index>),
    /// A whole conversation with everything in it; it is closed for good.
    #[n(2)]
    Conversation(#[n(0)] ConversationId),
}

impl EraseTarget {
    /// The conversation that it is in, or is.
    pub fn conversation(&self) -> ConversationId {
        match self {
            Self::Messages(id, _) | Self::Conversation(id) => *id,
        }
    }
}

/// From this entry on the bodies are served to nobody; after the Fact `Erased` nobody can open them any more.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Erase {
    /// What.
    #[n(0)]
    pub target: EraseTarget,
}

/// Most messages that one Erase names.
pub const ERASE_MESSAGES_MAX: u64 = 1024;

impl Erase {
    pub(crate) fn check_bounds(&self) -> Result<(), OutOfBounds> {
        match &self.target {
            EraseTarget::Messages(_, messages) => {
                at_most("least messages", 1, messages.len() as u64)?;
                at_most("messages", messages.len() as u64, ERASE_MESSAGES_MAX)
            }
            EraseTarget::Conversation(_) => Ok(()),
        }
    }
}
