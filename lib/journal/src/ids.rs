//! The names of things in the journal: hashes, indices, heads.
//! Never computes one from bytes it was not given; `tree` and `statement` do the hashing.

use minicbor::{Decode, Encode};

/// A SHA-256 value, 32 bytes.
pub type Hash = [u8; 32];

/// The position of an entry in the journal; the genesis is 0.
pub type Index = u64;

macro_rules! hash_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
        #[cbor(transparent)]
        pub struct $name(#[n(0)] #[cbor(with = "minicbor::bytes")] pub [u8; 32]);

        impl $name {
            /// 32 zero bytes: "none yet".
            pub const ZERO: Self = Self([0; 32]);
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
    };
}

hash_id! {
    /// The log: the [`StatementId`] of its genesis. Zero in statements made before there is one.
    LogId
}
hash_id! {
    /// SHA-256 of a statement's signed bytes, without the signature (ECDSA and GOST signatures are randomised).
    StatementId
}
hash_id! {
    /// A conversation: the [`StatementId`] of the `Create` that founded it, so that the id binds its founding act.
    ConversationId
}
hash_id! {
    /// A chain of statements: the leaf hash of the Login that opened it, or the name of an authority's offline chain.
    Chain
}
hash_id! {
    /// A binding, hiding digest of a body that lies in the vault: `HMAC(salt, context ‖ kc ‖ sealed)` (FORMAT.md).
    Commitment
}
hash_id! {
    /// The running hash over the acts that change who gets keys or who leads: Invite, Leave, Remove, HandOver, and
    /// each revocation or lowered clearance that takes a member out (an Accept changes neither and is left out):
    /// `SHA-256("conclave/membership/1" ‖ head before ‖ StatementId)`, beginning with the conversation's id.
    MembershipHead
}

/// A random name that a terminal gives to a reservation, 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Encode, Decode)]
#[cbor(transparent)]
pub struct ReservationId(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub [u8; 16],
);

/// A size of the journal and the root over that many entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Head {
    /// Entries covered.
    #[n(0)]
    pub size: u64,
    /// RFC 9162 root over them.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub root: Hash,
}

/// The [`Place::conversation`] of the log's own keys: item n is the secret key of period n.
pub const SECRETS_CONVERSATION: u64 = 0;

/// Where a body lies in the vault: plain counters, which the Register hands out in order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Place {
    /// The conversation's number: the journal index of its `Create` (so never [`SECRETS_CONVERSATION`]).
    #[n(0)]
    pub conversation: u64,
    /// The item's number in the conversation, from 0 without gaps.
    #[n(1)]
    pub item: u64,
}
