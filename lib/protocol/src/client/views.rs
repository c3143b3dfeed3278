//! What is shown of people, conversations, messages and files, and of the log itself.
//! Never holds anything that was not verified, save what is named the server's word.

use super::error::What;
use super::secret::SecretText;
use crate::answer::Standing;
use journal::act::{ConversationKind, EraseOrder, Precedence};
use journal::ids::{ConversationId, Head, Index, StatementId};
use journal::register::OrderState;
use journal::retention::Retention;
use minicbor::{Decode, Encode, bytes::ByteVec};
use pki::{CertId, Clearance, PersonId, RoleSet};

pub use super::succession_view::SuccessionView;

/// See [`super::event::Event::Ready`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Ready {
    /// Who we are.
    #[n(0)]
    pub person: PersonId,
    /// The Login's index.
    #[n(1)]
    pub login: Index,
    /// The head that is proven now.
    #[n(2)]
    pub head: Head,
    /// The head that was proven before: the log grew from there.
    #[n(3)]
    pub before: Head,
    /// Nothing goes before a new password is set.
    #[n(4)]
    pub must_set_password: bool,
}

/// See [`super::event::Event::Distrust`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Distrust {
    /// Whether the log went back (it is shorter), or shows another past.
    #[n(0)]
    pub rolled_back: bool,
    /// The head that this terminal knows, and the signed note of it (empty before the first).
    #[n(1)]
    pub ours: Head,
    /// See `ours`.
    #[n(2)]
    pub our_note: ByteVec,
    /// The head that the server shows now, and its signed note: both notes together are the proof.
    #[n(3)]
    pub theirs: Head,
    /// See `theirs`.
    #[n(4)]
    pub their_note: ByteVec,
}

/// An act of ours that is in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Admitted {
    /// Where.
    #[n(0)]
    pub index: Index,
    /// The server's time stamp.
    #[n(1)]
    pub wall_ms: u64,
    /// The statement.
    #[n(2)]
    pub id: StatementId,
}

/// A person, as the verified certificates say.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct PersonView {
    /// Who.
    #[n(0)]
    pub person: PersonId,
    /// Login.
    #[n(1)]
    pub login: String,
    /// Full name.
    #[n(2)]
    pub full_name: String,
    /// Unit path, outermost first.
    #[n(3)]
    pub unit: Vec<String>,
    /// Roles.
    #[n(4)]
    pub roles: RoleSet,
    /// Clearance.
    #[n(5)]
    pub clearance: Clearance,
    /// The agreement certificate that keys are wrapped to.
    #[n(6)]
    pub agreement: CertId,
    /// May act (the server's word).
    #[n(7)]
    pub standing: Standing,
    /// Has a live session (the server's word).
    #[n(8)]
    pub online: bool,
    /// The newest signature certificate: what two officers admit.
    #[n(9)]
    pub signature: CertId,
}

/// A conversation.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ConversationView {
    /// Its id.
    #[n(0)]
    pub id: ConversationId,
    /// Index of its Create.
    #[n(1)]
    pub number: Index,
    /// Private or group.
    #[n(2)]
    pub kind: ConversationKind,
    /// Its title, once opened.
    #[n(3)]
    pub title: Option<SecretText>,
    /// Highest label.
    #[n(4)]
    pub ceiling: Clearance,
    /// Label of messages that name none.
    #[n(5)]
    pub default_label: Clearance,
    /// Owner of a group.
    #[n(6)]
    pub owner: Option<PersonId>,
    /// Members, and whether each has accepted.
    #[n(7)]
    pub members: Vec<MemberView>,
    /// Newest epoch.
    #[n(8)]
    pub epoch: u32,
    /// Index of the newest message (the server's word; 0: none).
    #[n(9)]
    pub last: Index,
    /// One's own cursor (the server's word).
    #[n(10)]
    pub read: Index,
    /// Messages of others behind it (the server's word).
    #[n(11)]
    pub unread: u64,
    /// The act that closed it, if one did (the server's word).
    #[n(12)]
    pub closed: Option<Index>,
    /// With whom a private one was founded, whether he is still in it or not: that names it for ever.
    #[n(13)]
    pub with: Option<PersonId>,
}

/// A member.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct MemberView {
    /// Who.
    #[n(0)]
    pub person: PersonId,
    /// Has accepted (or founded).
    #[n(1)]
    pub joined: bool,
    /// Index of the invitation.
    #[n(2)]
    pub since: Index,
}

/// A message: its signature, its place in the log and, where it is open, its body are verified.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct MessageView {
    /// Where.
    #[n(0)]
    pub index: Index,
    /// In which conversation.
    #[n(1)]
    pub conversation: ConversationId,
    /// Who signed it.
    #[n(2)]
    pub author: PersonId,
    /// The server's time stamp.
    #[n(3)]
    pub wall_ms: u64,
    /// The author's own time.
    #[n(4)]
    pub time_ms: u64,
    /// Its label.
    #[n(5)]
    pub label: Clearance,
    /// How urgent.
    #[n(6)]
    pub precedence: Precedence,
    /// Asks for acknowledgement.
    #[n(7)]
    pub must_acknowledge: bool,
    /// What it answers.
    #[n(8)]
    pub reference: Option<Index>,
    /// What it says.
    #[n(9)]
    pub content: Content,
    /// By whom it was given away to somebody outside, oldest first.
    #[n(10)]
    pub disclosed: Vec<DisclosedBy>,
}

/// A member who gave a message away, by his own signed word.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct DisclosedBy {
    /// Who.
    #[n(0)]
    pub person: PersonId,
    /// The `Disclose`.
    #[n(1)]
    pub index: Index,
}

/// The body of a message.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Content {
    /// Opened.
    #[n(1)]
    Text(#[n(0)] SecretText, #[n(1)] Option<FileView>),
    /// Erased, by an act whose right was checked.
    #[n(2)]
    Erased(#[n(0)] ErasedBy),
    /// One has no key for it.
    #[n(3)]
    NoKey(#[n(0)] u32),
    /// Alarm: it ought to be there.
    #[n(4)]
    Missing,
    /// It does not open: its author made it wrong, or it was damaged.
    #[n(5)]
    Unreadable(#[n(0)] What),
    /// The officers gave its body up when the log went on in this era.
    #[n(6)]
    GivenUp(#[n(0)] u32),
    /// Erased, the server says, by the entry at this index, stamped more than an hour later than this terminal's clock shows:
    /// one of the two clocks is wrong.
    #[n(7)]
    Ahead(#[n(0)] Index),
}

/// What erased something, and the entry that proves it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct ErasedBy {
    /// By which right.
    #[n(0)]
    pub by: Eraser,
    /// The Erase, the `Approve` of an order, or the run of the schedule.
    #[n(1)]
    pub index: Index,
}

/// By which right something was erased; each was checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(flat)]
pub enum Eraser {
    /// This person's own Erase.
    #[n(1)]
    Person(#[n(0)] PersonId),
    /// An order that the first of these officers proposed and the second approved.
    #[n(2)]
    Officers(#[n(0)] PersonId, #[n(1)] PersonId),
    /// The retention schedule: its time was over.
    #[n(3)]
    Schedule,
}

/// A run of the retention schedule: that it stands in the log, its policy, and that its time is none to come are verified.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct RunView {
    /// Its entry.
    #[n(0)]
    pub index: Index,
    /// When.
    #[n(1)]
    pub wall_ms: u64,
    /// The schedule that it carried out.
    #[n(2)]
    pub schedule: Retention,
}

/// An order of erasure: what it says is signed by two officers; how it stands is the server's word.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct OrderView {
    /// The `Propose`.
    #[n(0)]
    pub proposal: Index,
    /// The `Approve`.
    #[n(1)]
    pub approve: Index,
    /// Who proposed it.
    #[n(2)]
    pub by: PersonId,
    /// Who approved it.
    #[n(3)]
    pub with: PersonId,
    /// When it was approved, milliseconds since 1970.
    #[n(4)]
    pub approved_ms: u64,
    /// What, and by which paper.
    #[n(5)]
    pub order: EraseOrder,
    /// How it stands.
    #[n(6)]
    pub state: OrderState,
    /// The hold that will stop it as long as it stands, where the order has not met one yet: the server's word too.
    #[n(7)]
    pub hold: Option<Index>,
}

/// A message that was found: its entry, verified.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct FoundView {
    /// The entry.
    #[n(0)]
    pub entry: EntryView,
    /// What erased it, by the server's word.
    #[n(1)]
    pub erased_by: Option<Index>,
}

/// A file that came with a message.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct FileView {
    /// Its name, as the sender wrote it: to be cleaned before it is shown.
    #[n(0)]
    pub name: SecretText,
    /// Its length.
    #[n(1)]
    pub bytes: u64,
    /// Its media type, as the sender says.
    #[n(2)]
    pub media_type: Option<String>,
    /// SHA-256 of its bytes.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub sha256: [u8; 32],
    /// How many chunks.
    #[n(4)]
    pub chunks: u32,
}

/// What one member did with a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct ReaderView {
    /// Who.
    #[n(0)]
    pub person: PersonId,
    /// Handed to a live session of his (the server's word).
    #[n(1)]
    pub delivered: bool,
    /// His statement that he has read it, verified: index and time stamp.
    #[n(2)]
    pub read: Option<Stamp>,
    /// His acknowledgement, verified: index and time stamp.
    #[n(3)]
    pub acknowledged: Option<Stamp>,
}

/// An entry's index and time stamp.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Stamp {
    /// Where.
    #[n(0)]
    pub index: Index,
    /// When.
    #[n(1)]
    pub wall_ms: u64,
}

/// What an erasure would take.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct ErasePlan {
    /// Where.
    #[n(0)]
    pub conversation: ConversationId,
    /// Messages, their authors, and whether each carries a file; those erased already are left out.
    #[n(1)]
    pub messages: Vec<PlannedErase>,
    /// The whole conversation goes, its title too, and it is closed for good.
    #[n(2)]
    pub whole: bool,
    /// Whether the policy gives one the right, as far as it can be told here.
    #[n(3)]
    pub right: bool,
    /// The list was cut at a limit: more messages go than are named.
    #[n(4)]
    pub more: bool,
}

/// One message of an [`ErasePlan`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct PlannedErase {
    /// Which.
    #[n(0)]
    pub index: Index,
    /// Whose.
    #[n(1)]
    pub author: PersonId,
    /// With a file.
    #[n(2)]
    pub file: bool,
}

/// An entry that was asked for: its inclusion, and the signature where it is a statement, are verified.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct EntryView {
    /// Where.
    #[n(0)]
    pub index: Index,
    /// Its bytes.
    #[n(1)]
    pub entry: ByteVec,
}
