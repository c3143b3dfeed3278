//! The Register: who may do what, as it follows from the order of entries and from nothing else.
//! Pure: the time stands in the entry. A refusal changes nothing. The auditor's replay runs this very code.
//!
//! One file per family of rules; each rule checks everything before it changes anything.

pub mod applied;
pub mod certified;
mod clock_set;
mod closed;
pub mod codec;
pub mod columns;
mod continues;
mod conversation;
mod desk;
mod envelope;
mod epoch;
mod erase;
mod facts;
mod file;
mod former;
mod holds;
mod law;
mod leap;
mod lists;
mod message;
mod office;
mod offline;
pub mod orders;
mod packed;
mod people;
pub mod raised;
mod read;
pub mod retention;
pub mod rows;
mod say;
mod session;
mod site;
pub mod snapshot;
mod succession;
mod sweep;
mod time;

pub use applied::{Applied, Audience, ChainEnd, Effect, ErasePlace};
pub use certified::Certified;
pub use clock_set::{CLOCK_BACK_MS_MAX, CLOCK_SETS_MAX, ClockSetRow};
pub use closed::Closed;
pub use columns::{FileRow, Form, MessageRow};
pub use continues::ContinuesRow;
pub use facts::EVIDENCE_BYTES_MAX;
pub use former::Former;
pub use offline::{check_submit, offline_chain, submit_digest};
pub use orders::{HoldRow, OrderRow, OrderState};
pub use people::LOGIN_BYTES_MAX;
pub use raised::{AcknowledgedBy, Raised, RaisedRow};
pub use retention::{LastRun, OpenRun, Preview, RUN_GRACE_MS, RUN_MESSAGES_MAX, Retaining};
pub use rows::{
    BadWrapRow, Conversation, Cursor, Envelope, EnvelopeState, EpochRow, LastLogin, LiveChain, OfflineChain,
    OpenList, OpenSubmit, PasswordState, Period, Person, Proposal, Reservation, Silenced, TitleRow,
};
pub use site::{BadGenesis, Site, verify_genesis};
pub use snapshot::BadSnapshot;
pub use succession::{PLAN_GOOD_MS, SUCCESSIONS_MAX, SuccessionRow};

use crate::act::{Act, CellName};
use crate::fact::Fact;
use crate::ids::{ConversationId, Hash, Index, ReservationId};
use crate::membership::ActBy;
use crate::refusal::Refusal;
use crate::statement::{Header, VerifiedStatement};
use codec::pairs;
use columns::Messages;
use minicbor::{Decode, Encode};
use pki::{CertId, PersonId};
use std::collections::{BTreeMap, BTreeSet};
use sweep::SweptAhead;

/// Most reservations that one person may have open.
pub const RESERVATIONS_MAX: u32 = 16;
/// Most proposals that may be open at a site.
pub const PROPOSALS_MAX: usize = 64;
/// Most of them by one officer: he alone keeps no other's out.
pub const PROPOSALS_OF_ONE_MAX: usize = 32;
/// Most orders of erasure that wait, or were stopped, at a site.
pub const ORDERS_MAX: usize = 64;
/// Most holds that stand at a site.
pub const HOLDS_MAX: usize = 256;
/// Most of them that one officer placed: he alone keeps no court's hold out.
pub const HOLDS_OF_ONE_MAX: usize = 128;
/// Most root cells that wait to be left out by an erasure epoch.
pub const DROPPED_CELLS_MAX: usize = 8;
/// Longest time that a hold is placed for: ten years. Another one may follow it.
pub const HOLD_MS_MAX: u64 = 3653 * 24 * 3600 * 1000;

/// A finished entry that asks to be admitted.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its index.
    pub index: Index,
    /// Its leaf hash.
    pub leaf: Hash,
    /// Its time stamp.
    pub wall_ms: u64,
    /// Its boot clock.
    pub boot_ms: u64,
    /// What it holds.
    pub content: CandidateContent<'a>,
}

/// What a candidate holds; a statement only with the proof that its signature was checked.
#[derive(Clone, Copy, Debug)]
pub enum CandidateContent<'a> {
    /// A signed act.
    Statement(&'a VerifiedStatement),
    /// The server's claim.
    Fact(&'a Fact),
}

impl CandidateContent<'_> {
    /// The kind as periods count it: Facts as 1000 + their number.
    pub fn kind(&self) -> u16 {
        match self {
            Self::Statement(statement) => statement.get().act().kind(),
            Self::Fact(fact) => 1000 + fact.kind().0,
        }
    }
}

/// The state that follows from the entries so far.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(array, context_bound = "Form")]
pub struct Register {
    #[n(0)]
    size: u64,
    #[n(1)]
    floor_ms: u64,
    #[n(2)]
    boot_ms: u64,
    #[n(3)]
    running: bool,
    #[n(4)]
    site: Option<Site>,
    #[cbor(n(5), with = "pairs")]
    people: BTreeMap<PersonId, Person>,
    #[cbor(n(6), with = "pairs")]
    certificates: BTreeMap<CertId, Certified>,
    #[cbor(n(7), with = "pairs")]
    chains: BTreeMap<PersonId, LiveChain>,
    #[cbor(n(8), with = "pairs")]
    conversations: BTreeMap<u64, Conversation>,
    #[n(9)]
    messages: Messages,
    #[cbor(n(10), with = "pairs")]
    files: BTreeMap<Index, FileRow>,
    #[cbor(n(11), with = "pairs")]
    acknowledged: BTreeMap<Index, Vec<PersonId>>,
    #[cbor(n(12), with = "pairs")]
    reservations: BTreeMap<ReservationId, Reservation>,
    #[cbor(n(13), with = "pairs")]
    proposals: BTreeMap<Index, Proposal>,
    #[cbor(n(14), with = "pairs")]
    envelopes: BTreeMap<u64, Envelope>,
    #[n(15)]
    offline: Option<OfflineChain>,
    #[n(16)]
    submit: Option<OpenSubmit>,
    #[cbor(n(17), with = "pairs")]
    erasures: BTreeMap<Index, Vec<ErasePlace>>,
    #[n(18)]
    erasure_epoch: u64,
    #[n(19)]
    period: Option<Period>,
    #[cbor(n(20), with = "pairs")]
    counts: BTreeMap<u16, u64>,
    #[cbor(n(21), with = "pairs")]
    orders: BTreeMap<Index, OrderRow>,
    #[cbor(n(22), with = "pairs")]
    holds: BTreeMap<Index, HoldRow>,
    #[n(23)]
    successions: Vec<SuccessionRow>,
    #[n(24)]
    succession: Option<succession::OpenSuccession>,
    #[n(25)]
    retaining: Retaining,
    #[n(26)]
    ran_ms: u64,
    /// Cells that two officers let go of; the next erasure epoch names only those that are here.
    #[cbor(n(27), with = "pairs")]
    dropped_cells: BTreeMap<CellName, Index>,
    /// What was raised and is open; `None` where nothing is.
    #[n(28)]
    raised: Option<raised::RaisedRows>,
    /// A revocation list of which further parts come next.
    #[n(29)]
    list: Option<OpenList>,
    /// It was closed into another log.
    #[n(30)]
    closed: Option<Closed>,
    /// What it continues.
    #[n(31)]
    continues: Option<ContinuesRow>,
    /// Where two officers set the journal's time back, oldest first; `None` where they never did.
    #[n(32)]
    clock_sets: Option<Vec<ClockSetRow>>,
    /// By how much the journal's time is behind the time by which minutes are counted; `None` where it is not.
    #[n(33)]
    behind_ms: Option<u64>,
    /// How far runs of the retention schedule are done with what was stamped ahead; `None` where with none of it.
    #[n(34)]
    swept_ahead: Option<SweptAhead>,
    #[cbor(skip)]
    derived: Derived,
}

/// What is looked up often and follows from the rest: built again by `restore`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Derived {
    logins: BTreeMap<String, PersonId>,
    persons: Vec<PersonId>,
    keys: BTreeSet<Hash>,
    conversation_ids: BTreeMap<ConversationId, u64>,
    conversation_numbers: Vec<u64>,
    conversations_of: BTreeMap<PersonId, BTreeSet<u64>>,
    privates: BTreeMap<(PersonId, PersonId), u64>,
    deadlines: BTreeSet<(u64, Due)>,
    /// Likewise, by the time for which the server has run.
    running: BTreeSet<(u64, Due)>,
    orders: law::OrderIndex,
}

/// What falls at a deadline.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Due {
    Reservation(ReservationId),
    Proposal(Index),
    Order(Index),
    HoldWarning(Index),
    Hold(Index),
}

/// The statement that a rule judges: who, which, where, when.
struct Context<'a> {
    by: ActBy,
    now_ms: u64,
    /// For how long the server has run.
    ran_ms: u64,
    leaf: Hash,
    header: &'a Header,
    /// The key that the signature was checked with.
    key: Hash,
}

impl Register {
    /// The state before the genesis.
    pub fn new() -> Self {
        Self::default()
    }

    /// Admits the next entry or refuses it. `heads(size)` gives the root of our tree at that size. After a refusal
    /// nothing has changed.
    ///
    /// The acts of a `Submit` are entries of their own and all or none: whoever admits them applies the whole batch
    /// to a clone and keeps that only when the last was admitted.
    pub fn apply(
        &mut self,
        candidate: &Candidate<'_>,
        heads: &dyn Fn(u64) -> Option<Hash>,
    ) -> Result<Applied, Refusal> {
        if candidate.index != self.size {
            return Err(Refusal::WrongIndex { expected: self.size });
        }
        self.check_time(candidate)?;
        self.check_succession_open(candidate)?;
        self.check_list_open(candidate)?;
        self.check_not_closed(candidate)?;
        let ran_ms = self.ran_at(candidate);
        let in_run = self.running && !time::comes_at_rest(candidate);
        let applied = match candidate.content {
            CandidateContent::Statement(statement) => self.apply_statement(candidate, statement, heads)?,
            CandidateContent::Fact(fact) => self.apply_fact(candidate, fact)?,
        };
        self.leap_stamped(candidate, ran_ms, in_run);
        let behind_ms = self.counting_ms(candidate.wall_ms, ran_ms).saturating_sub(candidate.wall_ms);
        self.behind_ms = Some(behind_ms).filter(|ms| *ms > 0);
        self.size += 1;
        self.floor_ms = candidate.wall_ms;
        self.boot_ms = candidate.boot_ms;
        self.retaining.stamped(candidate);
        self.ran_ms = ran_ms;
        self.set_clock_back(candidate.index, &applied);
        if !matches!(candidate.content, CandidateContent::Fact(Fact::PeriodEnd(_))) {
            *self.counts.entry(candidate.content.kind()).or_default() += 1;
        }
        Ok(applied)
    }

    fn apply_statement(
        &mut self,
        candidate: &Candidate<'_>,
        statement: &VerifiedStatement,
        heads: &dyn Fn(u64) -> Option<Hash>,
    ) -> Result<Applied, Refusal> {
        let parsed = statement.get();
        let header = parsed.header();
        let cx = Context {
            by: ActBy { signer: header.person, id: parsed.id(), index: candidate.index },
            now_ms: candidate.wall_ms,
            ran_ms: self.ran_at(candidate),
            leaf: candidate.leaf,
            header,
            key: statement.key(),
        };
        let act = parsed.act();
        if let Act::Genesis(act) = act {
            self.genesis(&cx, act)
        } else if let Act::Login(act) = act {
            self.login(&cx, act, heads)
        } else if let Act::Succession(act) = act {
            self.succession(&cx, act, heads)
        } else if let Act::Continues(act) = act {
            self.continues_act(&cx, act)
        } else if header.person == PersonId(0) {
            self.offline_act(&cx, act)
        } else {
            self.act_in_chain(&cx, act, heads)
        }
    }

    /// A statement of a live chain: its place there first, then its kind's rule, then the chain moves on.
    fn act_in_chain(
        &mut self,
        cx: &Context<'_>,
        act: &Act,
        heads: &dyn Fn(u64) -> Option<Hash>,
    ) -> Result<Applied, Refusal> {
        self.check_place(cx, act, heads)?;
        self.check_role(cx, act)?;
        let applied = self.rule(cx, act, heads)?;
        self.advance(cx);
        Ok(applied)
    }

    fn rule(
        &mut self,
        cx: &Context<'_>,
        act: &Act,
        heads: &dyn Fn(u64) -> Option<Hash>,
    ) -> Result<Applied, Refusal> {
        match act {
            Act::Genesis(_) | Act::Login(_) | Act::Succession(_) | Act::Continues(_) => {
                Err(Refusal::AlreadyFounded)
            }
            Act::Enrol(_)
            | Act::Crl(_)
            | Act::CrlPart(_)
            | Act::EnvelopePrint(_)
            | Act::EnvelopeHandOver(_)
            | Act::EnvelopeVoid(_) => Err(Refusal::NotSubmitted),
            Act::Submit(act) => self.submit(cx, act),
            Act::Propose(act) => self.propose(cx, act),
            Act::Approve(act) => self.approve(cx, act),
            Act::Withdraw(act) => self.withdraw(cx, act),
            Act::Logout(_) => self.logout(cx),
            Act::SetPassword(_) => self.set_password(cx),
            Act::Revoke(act) => self.revoke_by_officer(cx, act),
            Act::Suspend(act) => self.suspend(cx, act),
            Act::Resume(act) => self.resume(cx, act),
            Act::Unlock(act) => self.unlock(cx, act),
            Act::EndSession(act) => self.end_session(cx, act),
            Act::Hold(act) => self.hold(cx, act),
            Act::ClockAttest(act) => self.clock_attest(cx, act),
            Act::AlarmAcknowledge(act) => self.alarm_acknowledge(cx, act),
            Act::AlarmClose(act) => self.alarm_close(cx, act),
            Act::Create(act) => self.create(cx, act),
            Act::Invite(act) => self.invite(cx, act),
            Act::Accept(act) => self.accept(cx, act),
            Act::Leave(act) => self.leave(cx, act),
            Act::Remove(act) => self.remove(cx, act),
            Act::HandOver(act) => self.hand_over(cx, act),
            Act::Epoch(act) => self.epoch(cx, act),
            Act::ShareHistory(act) => self.share_history(cx, act),
            Act::BadWrap(act) => self.bad_wrap(cx, act),
            Act::Title(act) => self.title(cx, act),
            Act::Reserve(act) => self.reserve(cx, act),
            Act::Message(act) => self.message_act(cx, act),
            Act::Read(act) => self.read_act(cx, act),
            Act::Acknowledge(act) => self.acknowledge(cx, act),
            Act::Report(act) => self.report(cx, act),
            Act::Disclose(act) => self.disclose(cx, act),
            Act::Erase(act) => self.erase(cx, act),
            Act::Object(act) => self.object(cx, act),
            Act::Export(act) => self.export(cx, act),
            Act::Backup(act) => self.backup(cx, act, heads),
            Act::Finding(act) => self.finding(cx, act),
        }
    }
}

#[cfg(test)]
mod seeded_tests;
