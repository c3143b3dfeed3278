//! What a terminal may ask. Questions change nothing and leave no entry, save an auditor's `Export`, which is an act.

use crate::copy::CopyAsk;
use crate::frame::At;
use journal::ids::{ConversationId, Index};
use journal::retention::Retention;
use minicbor::{Decode, Encode, bytes::ByteVec};
use pki::{CertId, PersonId};

/// A question. Answered by the [`crate::answer::Answer`] of the same name and number.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(flat)]
pub enum Query {
    /// The consistency proof from one size to the newest durable checkpoint.
    #[n(1)]
    Consistency(#[n(0)] u64),
    /// Certificates by id.
    #[n(2)]
    Certificates(#[n(0)] Vec<CertId>),
    /// A page of the directory: people with an id above this one (0 for the first page).
    #[n(3)]
    People(#[n(0)] PersonId),
    /// Conversations of this person whose number (index of Create) is above this (0 for the first page).
    #[n(4)]
    Conversations(#[n(0)] Index),
    /// Acts that shape a conversation (Create … Title, Erase; all but messages, reserves, reads), from an index on.
    #[n(5)]
    Acts(#[n(0)] At),
    /// Messages of a conversation with bodies, upwards, at or above an index.
    #[n(6)]
    Messages(#[n(0)] At),
    /// The newest messages of a conversation before an index (`u64::MAX` for the newest), answered in ascending order.
    #[n(7)]
    MessagesBefore(#[n(0)] At),
    /// A chunk of the file that came with the message at an index, counted from 1.
    #[n(8)]
    Chunk(#[n(0)] Index, #[n(1)] u32),
    /// One's own wrap of the Epoch or ShareHistory at an index.
    #[n(9)]
    Wrap(#[n(0)] Index),
    /// Who has read and acknowledged the message at an index.
    #[n(10)]
    MessageStatus(#[n(0)] Index),
    /// Entries by index (an Erase to be checked, a KeyRoll); one sees what concerns one, and
    /// an auditor what the newest Export of the session names.
    #[n(11)]
    Entries(#[n(0)] Index, #[n(1)] u32),
    /// The policy in force.
    #[n(12)]
    Policy,
    /// Live sessions; officers and administrators.
    #[n(13)]
    Sessions,
    /// How the server does; officers and administrators.
    #[n(14)]
    Status,
    /// Open proposals; officers.
    #[n(15)]
    Proposals(#[n(0)] Index),
    /// The conversations with this id, if one is a member (after a push that names an unknown one).
    #[n(16)]
    Conversation(#[n(0)] ConversationId),
    /// That the heads of these sizes (ascending, 2 to `LINE_SIZES_MAX`, all durable) are of one growing log.
    #[n(17)]
    Line(#[n(0)] Vec<u64>),
    /// Entries at these indices (ascending, at most `ENTRIES_AT_MAX`), those that concern who asks.
    #[n(18)]
    EntriesAt(#[n(0)] Vec<Index>),
    /// Messages as entries, never their bodies; officers.
    #[n(19)]
    Find(#[n(0)] Find),
    /// A page of the holds that stand, at or above an index, as far as they concern who asks.
    #[n(20)]
    Holds(#[n(0)] Index),
    /// The newest orders of erasure that two officers gave, of those that were proposed below an index, as far as they
    /// concern who asks.
    #[n(21)]
    Orders(#[n(0)] Index),
    /// How the retention schedule stands, and what this one (`None`: the one that rules) would take at its next run;
    /// officers and administrators.
    #[n(22)]
    Retention(#[n(0)] Option<Retention>),
    /// A page of the runs of the retention schedule that took something, at or above an index.
    #[n(23)]
    Runs(#[n(0)] Index),
    /// A page of what was raised (alarms, reports, findings), at or above an index; officers.
    #[n(26)]
    Alarms(#[n(0)] Index),
    /// What counts on beside the policy in force, because it was longer.
    #[n(27)]
    Former,
    /// What is being erased, and what it waits for.
    #[n(28)]
    Erasing,
    /// A piece of a backup; administrators, one at a time.
    #[n(30)]
    Copy(#[n(0)] CopyAsk),
    /// The root cells; officers and administrators.
    #[n(31)]
    Cells,
    /// The newest checkpoint as a request to a witness that has cosigned so many entries; and the newest cosigned one.
    #[n(32)]
    Witness(#[n(0)] u64),
    /// A witness' answer to the last such request; witnesses.
    #[n(33)]
    Cosigned(#[n(0)] Cosigned),
    /// What was raised and is open: alarms, reports, findings; officers.
    #[n(34)]
    Raised,
    /// A page of what officers did about what was raised, of what their watches showed, and of what members disclosed, at
    /// or above an index; officers.
    #[n(35)]
    Desk(#[n(0)] Index),
}

/// See [`Query::Find`]: what is not named is not asked about.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Find {
    /// At or above this index.
    #[n(0)]
    pub from: Index,
    /// Stamped at or after this time, milliseconds since 1970.
    #[n(1)]
    pub since_ms: u64,
    /// Stamped before this time.
    #[n(2)]
    pub until_ms: u64,
    /// By this person.
    #[n(3)]
    pub person: Option<PersonId>,
    /// In this conversation.
    #[n(4)]
    pub conversation: Option<ConversationId>,
}

/// See [`Query::Cosigned`]: the answer of c2sp.org/tlog-witness, and whose key it is by.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Cosigned {
    /// The witness' verifier key, under the name of `journal::witness::cosigner_name`.
    #[n(0)]
    pub key: String,
    /// Signature of the person over `journal::witness::key_binding_bytes`.
    #[n(1)]
    pub binding: ByteVec,
    /// The status of HTTP.
    #[n(2)]
    pub status: u16,
    /// The body.
    #[n(3)]
    pub body: ByteVec,
}
