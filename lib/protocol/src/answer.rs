//! What the core answers. Everything that a terminal relies on comes as entries with proofs or as certificates; the rest
//! is the server's word and is shown as such.

use crate::copy::{BackupRecord, CopyAnswer};
use crate::erasing::{ErasingRecord, ErasureWait};
use crate::frame::{Delivered, Digest};
use journal::act::{CellName, ConversationKind};
use journal::ids::{Chain, ConversationId, Index};
use journal::multiproof::MultiProof;
use journal::register::{LastRun, OrderState, Preview, RaisedRow};
use journal::retention::Retention;
use minicbor::{Decode, Encode, bytes::ByteVec};
use pki::{Clearance, PersonId};

/// An answer; numbers as in [`crate::query::Query`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(flat)]
pub enum Answer {
    /// Note of the newest checkpoint and the proof from the size asked.
    #[n(1)]
    Consistency(#[n(0)] ByteVec, #[n(1)] Vec<Digest>),
    /// DER, in the order asked, those that are known.
    #[n(2)]
    Certificates(#[n(0)] Vec<ByteVec>),
    /// A page; empty at the end.
    #[n(3)]
    People(#[n(0)] Vec<PersonRecord>),
    /// A page; empty at the end.
    #[n(4)]
    Conversations(#[n(0)] Vec<ConversationRecord>),
    /// Entries with proofs against the note; fewer than there are when the answer would be too long: ask on.
    #[n(5)]
    Acts(#[n(0)] Page),
    /// Likewise.
    #[n(6)]
    Messages(#[n(0)] Page),
    /// Likewise.
    #[n(7)]
    MessagesBefore(#[n(0)] Page),
    /// The chunk's body.
    #[n(8)]
    Chunk(#[n(0)] ByteVec),
    /// The wrap's chunk, with its path.
    #[n(9)]
    Wrap(#[n(0)] ByteVec),
    /// One row a member.
    #[n(10)]
    MessageStatus(#[n(0)] Vec<ReaderRecord>),
    /// Likewise.
    #[n(11)]
    Entries(#[n(0)] Page),
    /// The policy, canonical CBOR, and the index of the entry that set it; of a closed log, the `Approve` that closed it.
    #[n(12)]
    Policy(#[n(0)] ByteVec, #[n(1)] Index, #[n(2)] Option<Index>),
    /// Live sessions.
    #[n(13)]
    Sessions(#[n(0)] Vec<SessionRecord>),
    /// Figures.
    #[n(14)]
    Status(#[n(0)] StatusRecord),
    /// Open proposals, as entries.
    #[n(15)]
    Proposals(#[n(0)] Page),
    /// None when one is no member.
    #[n(16)]
    Conversation(#[n(0)] Option<ConversationRecord>),
    /// One consistency proof from each size to the next.
    #[n(17)]
    Line(#[n(0)] Vec<Vec<Digest>>),
    /// Entries with proofs; fewer than were asked for when the answer would be too long, or when they are not shown.
    #[n(18)]
    EntriesAt(#[n(0)] Page),
    /// Messages without bodies, those found; and where to ask on, if there is more. Some may be outside of the times
    /// asked for, by less than an hour or so.
    #[n(19)]
    Find(#[n(0)] Page, #[n(1)] Index),
    /// The `Hold` acts.
    #[n(20)]
    Holds(#[n(0)] Page),
    /// Where they stand; the acts themselves are asked for by their indices.
    #[n(21)]
    Orders(#[n(0)] Vec<OrderRecord>),
    /// Figures.
    #[n(22)]
    Retention(#[n(0)] Box<RetentionRecord>),
    /// The `RetentionRun` facts.
    #[n(23)]
    Runs(#[n(0)] Page),
    /// The `Alarm` facts, the `Report`s and the `Finding`s.
    #[n(26)]
    Alarms(#[n(0)] Page),
    /// The server's word: an audit works it out from the log.
    #[n(27)]
    Former(#[n(0)] Option<Box<FormerRecord>>),
    /// What is being erased: the server's word.
    #[n(28)]
    Erasing(#[n(0)] ErasingRecord),
    /// A piece of a backup.
    #[n(30)]
    Copy(#[n(0)] CopyAnswer),
    /// The root cells: the server's word.
    #[n(31)]
    Cells(#[n(0)] Vec<CellRecord>),
    /// A body of c2sp.org/tlog-witness' add-checkpoint; and the newest cosigned checkpoint, with its lines, if there is one.
    #[n(32)]
    Witness(#[n(0)] ByteVec, #[n(1)] Option<ByteVec>),
    /// The size that is cosigned now.
    #[n(33)]
    Cosigned(#[n(0)] u64),
    /// What is open, by the server's word; the entries are asked for by their indices.
    #[n(34)]
    Raised(#[n(0)] Vec<RaisedRecord>),
    /// The entries.
    #[n(35)]
    Desk(#[n(0)] Page),
}

/// What was raised and is open, by the server's word: an audit works it out from the log.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct RaisedRecord {
    /// The entry that raised it first.
    #[n(0)]
    pub raised: Index,
    /// How it stands.
    #[n(1)]
    pub row: RaisedRow,
    /// The message that a report or finding names, where it names one.
    #[n(2)]
    pub message: Option<RaisedMessage>,
}

/// A message that was reported or found, as officers are told of it: they see no entry of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct RaisedMessage {
    /// Who wrote it.
    #[n(0)]
    pub author: PersonId,
    /// The number of its conversation.
    #[n(1)]
    pub conversation: u64,
}

/// How the retention schedule stands, by the server's word: an audit works it out from the log.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct RetentionRecord {
    /// When the next run is due.
    #[n(0)]
    pub next_ms: Option<u64>,
    /// A run goes on: parts that stand.
    #[n(1)]
    pub open_parts: Option<u32>,
    /// The last run.
    #[n(2)]
    pub last: Option<LastRun>,
    /// When the schedule that was asked about runs first; `None` where it has no rule.
    #[n(3)]
    pub first_ms: Option<u64>,
    /// What it takes then, of what there is now; `None` where that was not counted now.
    #[n(4)]
    pub preview: Option<Preview>,
    /// Runs wait because the wall clock went far ahead: for so many milliseconds more of the server's running.
    #[n(5)]
    pub waits_ms: Option<u64>,
    /// The server's clock.
    #[n(6)]
    pub now_ms: u64,
}

/// What a policy that shortens it leaves in force for a while: the longer of each and the policy's counts.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct FormerRecord {
    /// How long those concerned may object, as before.
    #[n(0)]
    pub objection_ms: u64,
    /// Until then at least, by the wall clock.
    #[n(1)]
    pub until_ms: u64,
    /// How long before its end a hold is called to mind, as before.
    #[n(2)]
    pub hold_warning_ms: u64,
    /// How long messages are kept, as before.
    #[n(3)]
    pub retention: Retention,
}

impl FormerRecord {
    /// For how many days messages are kept by the longer of this and the schedule in force; `None`: for ever.
    pub fn kept_days(&self, schedule: &Retention, kind: ConversationKind, label: Clearance) -> Option<u32> {
        let (_, now) = schedule.rule_for(kind, label)?;
        self.retention.rule_for(kind, label).map(|(_, before)| before.max(now))
    }

    /// Whether anything is kept longer by this than by the schedule in force.
    pub fn keeps_longer(&self, schedule: &Retention) -> bool {
        let kinds = [ConversationKind::Private, ConversationKind::Group];
        let mut cases =
            (0..=Clearance::TOP_SECRET.rank()).flat_map(|rank| kinds.map(|kind| (kind, Clearance(rank))));
        cases.any(|(kind, label)| {
            let now = schedule.rule_for(kind, label).map(|(_, days)| days);
            self.kept_days(schedule, kind, label) != now
        })
    }
}

/// How an order of erasure stands, by the server's word.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct OrderRecord {
    /// The `Propose`.
    #[n(0)]
    pub proposal: Index,
    /// The `Approve`.
    #[n(1)]
    pub approve: Index,
    /// How it stands.
    #[n(2)]
    pub state: OrderState,
    /// The hold that will stop it as long as it stands, where the order has not met one yet.
    #[n(3)]
    pub hold: Option<Index>,
}

/// Entries with proofs against one note.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Page {
    /// The signed note.
    #[n(0)]
    pub note: ByteVec,
    /// Ascending.
    #[n(1)]
    pub entries: Vec<Delivered>,
    /// That all of them are in the note's checkpoint.
    #[n(2)]
    pub proof: MultiProof,
    /// Whether there is more behind the last one (in the direction asked).
    #[n(3)]
    pub more: bool,
    /// The first entry that belongs here and is left out because it does not read: also one that may not concern who asks.
    #[n(4)]
    pub unread: Option<Index>,
}

/// Whether a person may act.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Standing {
    /// May act.
    #[n(1)]
    Good,
    /// Kept out by an officer until resumed.
    #[n(2)]
    Suspended,
    /// For ever out.
    #[n(3)]
    Revoked,
    /// Too many wrong passwords: the next login waits for an officer. Told to officers and administrators; for the
    /// others such a person is in good standing, which is true of the session that may live.
    #[n(4)]
    Locked,
}

impl Standing {
    /// May act in a session.
    pub fn may_act(self) -> bool {
        match self {
            Self::Good | Self::Locked => true,
            Self::Suspended | Self::Revoked => false,
        }
    }
}

/// A person, by the server's word; the Enrol at that index, with its proof, is what the terminal believes and shows.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct PersonRecord {
    /// Who.
    #[n(0)]
    pub person: PersonId,
    /// Index of the newest Enrol in force.
    #[n(1)]
    pub enrolled: Index,
    /// Whether this person may act.
    #[n(2)]
    pub standing: Standing,
    /// A session lives now.
    #[n(3)]
    pub online: bool,
}

/// A conversation of the person who asks.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct ConversationRecord {
    /// Its id.
    #[n(0)]
    pub id: ConversationId,
    /// Its number: the index of its Create.
    #[n(1)]
    pub number: Index,
    /// Private or group.
    #[n(2)]
    pub kind: ConversationKind,
    /// Index of the newest message, 0 when there is none.
    #[n(3)]
    pub last: Index,
    /// One's own cursor: read up to this index, 0 when nothing.
    #[n(4)]
    pub read: Index,
    /// Messages of others behind the cursor.
    #[n(5)]
    pub unread: u64,
    /// Index of the act that closed it.
    #[n(6)]
    pub closed: Option<Index>,
}

/// What one member did with a message.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct ReaderRecord {
    /// Who.
    #[n(0)]
    pub person: PersonId,
    /// Handed to a live session of his (the server's word).
    #[n(1)]
    pub delivered: bool,
    /// The `Read` statement that covers it.
    #[n(2)]
    pub read: Option<Index>,
    /// The `Acknowledge` statement.
    #[n(3)]
    pub acknowledged: Option<Index>,
}

/// A live session.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct SessionRecord {
    /// Whose.
    #[n(0)]
    pub person: PersonId,
    /// Its chain.
    #[n(1)]
    pub chain: Chain,
    /// Index of its Login.
    #[n(2)]
    pub since: Index,
    /// Statements admitted.
    #[n(3)]
    pub statements: u64,
}

/// A root cell.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct CellRecord {
    /// Its name; one that has never joined has none.
    #[n(0)]
    pub name: Option<CellName>,
    /// What it rests on, as `journal::fact::CellKind`'s number.
    #[n(1)]
    pub kind: u8,
    /// Why it takes no part; absent when it does.
    #[n(2)]
    pub absent: Option<String>,
    /// It is here, nothing stands in for it, and the last look at it failed: why.
    #[n(3)]
    pub failing: Option<String>,
}

/// How the server does.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct StatusRecord {
    /// The newest signed checkpoint.
    #[n(0)]
    pub note: ByteVec,
    /// Live sessions.
    #[n(1)]
    pub sessions: u64,
    /// People who may act.
    #[n(2)]
    pub people: u64,
    /// Conversations.
    #[n(3)]
    pub conversations: u64,
    /// Messages, erased ones included.
    #[n(4)]
    pub messages: u64,
    /// Erasures asked for and not yet done.
    #[n(5)]
    pub erasing: u64,
    /// What the root cell rests on, as `journal::fact::CellKind`'s number, and the erasure epoch.
    #[n(6)]
    pub cell: u8,
    /// See `cell`.
    #[n(7)]
    pub erasure_epoch: u64,
    /// Bytes of the device in use, and in all.
    #[n(8)]
    pub used_bytes: u64,
    /// See `used_bytes`.
    #[n(9)]
    pub device_bytes: u64,
    /// Milliseconds since the daemon started.
    #[n(10)]
    pub up_ms: u64,
    /// Messages are taken; where not, the device is nearly full and only erasure and officers' acts go through.
    #[n(11)]
    pub takes_messages: bool,
    /// Bytes that are kept for files under way; an abandoned one gives them back when its reservation lapses.
    #[n(12)]
    pub reserved_bytes: u64,
    /// The newest backup.
    #[n(13)]
    pub backup: Option<BackupRecord>,
    /// What that which is being erased waits for.
    #[n(14)]
    pub erasure_wait: ErasureWait,
    /// Bytes that files may still take.
    #[n(15)]
    pub left_for_files: u64,
    /// The period that runs, and since when.
    #[n(16)]
    pub period: u64,
    /// See `period`.
    #[n(17)]
    pub period_since_ms: u64,
    /// How far the journal's time is ahead of the machine's clock, milliseconds: entries are stamped with it until the clock has
    /// caught up.
    #[n(18)]
    pub clock_ahead_ms: u64,
    /// What witnesses cosigned last.
    #[n(19)]
    pub witness: Option<WitnessRecord>,
}

/// What witnesses cosigned last.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct WitnessRecord {
    /// Entries.
    #[n(0)]
    pub size: u64,
    /// When the cosignature came, by the server's clock.
    #[n(1)]
    pub at_ms: u64,
}
