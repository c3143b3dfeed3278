//! The list of signed acts and the state that follows from it.
//! Never touches a socket, a disk, a clock or a source of randomness.
#![forbid(unsafe_code)]

pub mod act;
pub mod checkpoint;
pub mod entry;
pub mod fact;
pub mod foreign;
#[cfg(test)]
mod golden;
pub mod ids;
pub mod membership;
pub mod multiproof;
pub mod note;
pub mod origin;
pub mod policy;
pub mod proof;
pub mod receipt;
pub mod refusal;
pub mod register;
pub mod replay;
pub mod retention;
pub mod statement;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod tile_tree;
pub mod tiles;
pub mod tree;
#[cfg(test)]
mod vectors;
pub mod witness;

/// The version of the Register's rules that this program writes. Older ones are judged by their own code for ever.
pub const RULES: u32 = 1;

pub use act::Act;
pub use entry::{Content, Entry};
pub use fact::Fact;
pub use ids::{
    Chain, Commitment, ConversationId, Hash, Head, Index, LogId, MembershipHead, Place, ReservationId,
    StatementId,
};
pub use membership::{ActBy, Membership, MembershipView};
pub use origin::Origin;
pub use policy::{Policy, Witnessing};
pub use refusal::Refusal;
pub use register::{Applied, Audience, Candidate, CandidateContent, Effect, ErasePlace, Register};
pub use replay::{BadAt, Divergence, Replay, Verdict};
pub use statement::{Header, SignedStatement, Statement, Verified, VerifiedStatement};
