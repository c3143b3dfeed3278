//! What a session knows, and what its inputs do to it. Flows look at it through [`super::flow::Cx`].
//! Never waits: what takes a round trip is a flow.

use super::book::Book;
use super::chain::Chain;
use super::closed::ClosedView;
use super::conversations::Conversations;
use super::directory::Directory;
use super::erase::Erases;
use super::error::{Error, What};
use super::event::Event;
use super::files::Uploads;
use super::flow::Flow;
use super::handshake::Phase;
use super::inbox::{Inbox, TooManyEntries};
use super::lists::Lists;
use super::messages::MessageCache;
use super::missed::{Ahead, Heard, MissedErase};
use super::parts::{BadParts, Me, Parts, blank_record, era, noted};
use super::policy::Proven;
use super::receive::key_roll;
use super::requests::{Asked, Requests};
use super::resolve::Search;
use super::succession::Known;
use super::trust::{Noted, ROUND_AT, Trust};
use crate::code::Code;
use crate::frame::{Digest, ToTerminal};
use bytes::Bytes;
use journal::Origin;
use journal::ids::{Head, Index};
use pki::state_record::StateRecord;
use pki::{AgreementPublic, Role};
use rand_core::CryptoRng;
use std::collections::VecDeque;

/// Growth that nothing waits for is proven this often, milliseconds.
const PROVE_EVERY_MS: u64 = 5000;
/// A round of proofs that the core owes for so long ends the connection, milliseconds.
const LINE_ANSWER_MS: u64 = 60_000;

/// What the caller must do, in this order and none left out.
pub enum Action {
    /// Make this record durable before anything that follows is done.
    PersistState(StateRecord),
    /// Send these bytes on the stream.
    Send(Bytes),
    /// Something to tell.
    Event(Event),
    /// Close the connection after what was sent.
    Close,
}

pub(crate) struct State {
    pub(crate) now_ms: u64,
    pub(crate) rng: Box<dyn CryptoRng + Send>,
    pub(crate) me: Me,
    pub(crate) record: StateRecord,
    pub(crate) auto_accept: bool,
    /// Only a new password is admitted.
    pub(crate) must_set_password: bool,
    pub(crate) phase: Phase,
    pub(crate) core: Option<AgreementPublic>,
    pub(crate) trust: Trust,
    pub(crate) successions: Known,
    pub(crate) book: Book,
    pub(crate) requests: Requests,
    pub(crate) chain: Chain,
    pub(crate) conversations: Conversations,
    pub(crate) directory: Directory,
    pub(crate) policy: Option<Proven>,
    pub(crate) closed: Option<ClosedView>,
    pub(crate) messages: MessageCache,
    pub(crate) erases: Erases,
    pub(crate) lists: Lists,
    pub(crate) uploads: Uploads,
    pub(crate) inbox: Inbox,
    pub(crate) searches: Vec<(u64, Search)>,
    /// From this entry on pushes may be missing, and with them erasures: see `missed.rs`.
    pub(crate) gap: Option<Index>,
    /// Counts the gaps.
    pub(crate) gaps: u64,
    /// No other try to close it before this time: the core had no answer.
    pub(crate) gap_wait_ms: u64,
    pub(crate) missed: Vec<MissedErase>,
    /// Alarms below this index were told by this session; `None` before the first were asked for.
    pub(crate) alarms_told: Option<Index>,
    pub(crate) heard: Heard,
    /// The first that was found to be ahead of the clock, in this attempt to catch up.
    pub(crate) met_ahead: Option<Index>,
    /// It is tried again.
    pub(crate) ahead: Option<Ahead>,
    pub(crate) spawned: Vec<Flow>,
    /// Entries from this one on were just lost: flows under way may hold what came of them.
    pub(crate) lost_from: Option<Index>,
    /// The draft whose receipt the flow that was polled last waits for.
    pub(crate) waits: Option<u64>,
    /// Counts what may let another flow go on; see [`super::flow::run`].
    pub(crate) moves: u64,
    actions: VecDeque<Action>,
    last_request: u32,
    /// When growth was proven last.
    proven_at_ms: u64,
    /// Since when this connection owes a round of proofs.
    round_since_ms: Option<u64>,
    /// All heads up to this one are waited for.
    ties_demanded: u64,
}

impl State {
    pub(crate) fn new(parts: Parts, rng: Box<dyn CryptoRng + Send>) -> Result<Self, BadParts> {
        let Parts { anchors, me, record, auto_accept } = parts;
        let record = record.map_or_else(|| blank_record(&anchors), Ok)?;
        let proven = noted(&record, &anchors)?;
        let origin = Origin { log: anchors.log, era: era(&record) };
        let mut trust = Trust::new(origin, anchors.identity, proven);
        if let Some(mark) = &record.period {
            trust.periods.resume(mark).map_err(|_| BadParts::Record)?;
        }
        Ok(Self {
            now_ms: 0,
            rng,
            auto_accept,
            must_set_password: false,
            phase: Phase::Down,
            core: None,
            trust,
            successions: Known::default(),
            book: Book::new(me.suite, anchors.authorities, anchors.core_key),
            requests: Requests::default(),
            chain: Chain::default(),
            conversations: Conversations::default(),
            directory: Directory::default(),
            policy: None,
            closed: None,
            messages: MessageCache::default(),
            erases: Erases::default(),
            lists: Lists::default(),
            uploads: Uploads::default(),
            inbox: Inbox::default(),
            searches: Vec::new(),
            gap: None,
            gaps: 0,
            gap_wait_ms: 0,
            missed: Vec::new(),
            alarms_told: None,
            heard: Heard::default(),
            met_ahead: None,
            ahead: None,
            spawned: Vec::new(),
            lost_from: None,
            waits: None,
            moves: 0,
            actions: VecDeque::new(),
            last_request: 0,
            proven_at_ms: 0,
            round_since_ms: None,
            ties_demanded: 0,
            me,
            record,
        })
    }

    pub(crate) fn moved(&mut self) {
        self.moves = self.moves.wrapping_add(1);
    }

    pub(crate) fn action(&mut self, action: Action) {
        self.actions.push_back(action);
    }

    /// Has the record made durable before anything that follows.
    pub(crate) fn persist(&mut self) {
        self.action(Action::PersistState(self.record.clone()));
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.action(Action::Event(event));
    }

    pub(crate) fn send(&mut self, frame: Bytes) {
        self.action(Action::Send(frame));
    }

    pub(crate) fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready)
    }

    /// A number for a request; not 0, and not one that is still unanswered: numbers come round after four billion.
    pub(crate) fn next_request(&mut self) -> u32 {
        self.last_request = self.last_request.checked_add(1).unwrap_or(1);
        self.last_request
    }

    /// Sends a question or a chunk as soon as a session lives and there is room.
    pub(crate) fn begin_request(&mut self, asked: &mut Option<Asked>) -> Option<Result<u32, Error>> {
        match self.phase {
            Phase::Distrusted => return Some(Err(Error::NotReady)),
            Phase::Ready => {}
            Phase::Down | Phase::Connected(_) | Phase::Greeted { .. } | Phase::LoggingIn(_) => return None,
        }
        if !self.requests.has_room() {
            return None;
        }
        let asked = asked.take()?;
        let request = self.next_request();
        let frame = self.requests.begin(request, asked);
        self.heard.asks(request);
        self.send(frame);
        Some(Ok(request))
    }

    /// One frame of the core. An error ends the connection.
    pub(crate) fn frame(&mut self, frame: ToTerminal) -> Result<(), Error> {
        let out_of_order = Error::unverified(What::Answer);
        match (std::mem::replace(&mut self.phase, Phase::Down), frame) {
            (Phase::Connected(connection), ToTerminal::Hello(hello)) => self.greeted(connection, &hello),
            (Phase::LoggingIn(login), ToTerminal::Welcome(welcome)) => self.welcome(*login, &welcome),
            (phase @ Phase::LoggingIn(_), ToTerminal::Refused(refused)) if refused.request == 0 => {
                self.phase = phase;
                self.login_refused(refused.code);
                Ok(())
            }
            (phase, ToTerminal::Ended(ended)) => {
                self.phase = phase;
                self.login_lost();
                self.event(Event::Ended(ended.code));
                if !matches!(self.phase, Phase::Distrusted) {
                    self.phase = Phase::Down;
                }
                Ok(())
            }
            (phase @ Phase::Ready, frame) => {
                self.phase = phase;
                self.live_frame(frame)
            }
            // Already told; the connection is being closed.
            (phase @ (Phase::Distrusted | Phase::Down), _) => {
                self.phase = phase;
                Ok(())
            }
            (phase @ (Phase::Connected(_) | Phase::Greeted { .. } | Phase::LoggingIn(_)), _) => {
                self.phase = phase;
                Err(out_of_order)
            }
        }
    }

    fn live_frame(&mut self, frame: ToTerminal) -> Result<(), Error> {
        let unasked = Error::unverified(What::Answer);
        let known = match frame {
            ToTerminal::Receipt(receipt) => return self.receipt(&receipt),
            ToTerminal::Refused(refused) => {
                self.heard.answered(refused.request);
                let error = Err(Error::Refused { code: refused.code });
                self.requests.finish(refused.request, error)
                    || self.act_refused(refused.request, refused.code)
            }
            ToTerminal::Stored(stored) => {
                self.heard.answered(stored.request);
                self.requests.finish(stored.request, Ok(None))
            }
            ToTerminal::Answer(answer) => {
                self.heard.answered(answer.request);
                self.requests.finish(answer.request, Ok(Some(answer.answer)))
            }
            ToTerminal::Deliver(deliver) => {
                // A roll is signed by the key before it, so it is taken in at once, before any note that its key signs.
                for (index, roll) in deliver.entries.iter().filter_map(key_roll) {
                    self.trust.periods.roll(index, &roll).map_err(Error::unverified)?;
                }
                let first = deliver.entries.first().map(|entry| entry.index);
                let room = self.inbox.push(deliver).map_err(|TooManyEntries| unasked.clone())?;
                if let (false, Some(first)) = (room, first) {
                    self.lagging(first);
                }
                true
            }
            ToTerminal::Lagging(lagging) => {
                self.lagging(lagging.since);
                true
            }
            ToTerminal::Hello(_) | ToTerminal::Welcome(_) | ToTerminal::Ended(_) => false,
        };
        self.moved();
        if known { Ok(()) } else { Err(unasked) }
    }

    /// Pushes were lost: what is known of conversations may be old.
    pub(crate) fn lagging(&mut self, since: Index) {
        self.missed_since(since);
        self.directory.stale();
        self.conversations.all_dirty();
        self.event(Event::Lagging(since));
    }

    /// The connection is gone, by whoever's doing.
    pub(crate) fn disconnected(&mut self) {
        self.login_lost();
        if !matches!(self.phase, Phase::Distrusted) {
            self.phase = Phase::Down;
        }
        self.core = None;
        self.inbox.clear();
        self.chain.lost();
        // What happened while nobody was listening is asked for when it is needed.
        self.directory.stale();
        self.conversations.all_dirty();
        self.moved();
    }

    /// The peer broke the protocol or showed something that does not hold.
    pub(crate) fn fatal(&mut self) {
        if !matches!(self.phase, Phase::Distrusted) {
            self.event(Event::Ended(0));
            self.action(Action::Close);
            self.phase = Phase::Down;
        }
    }

    /// Whether invitations are answered now.
    pub(crate) fn answers_invitations(&self) -> bool {
        self.is_ready() && self.auto_accept && !self.must_set_password && self.corresponds()
    }

    /// Whether this person writes messages at all.
    fn corresponds(&self) -> bool {
        self.me.roles.contains(Role::Operator) || self.me.roles.contains(Role::Bot)
    }

    /// The proofs of a round.
    pub(crate) fn prove_line(&mut self, line: &[Noted], paths: &[Vec<Digest>]) -> Result<(), Error> {
        let advanced = self.trust.tie(line, paths).map_err(|doubt| self.doubt(doubt))?;
        self.round_since_ms = None;
        self.proven_at_ms = self.now_ms;
        if advanced {
            // Kept at once, so that the next process too finds out a server that went back behind it.
            self.keep_proven();
            self.persist();
        }
        self.moved();
        Ok(())
    }

    /// The proven head into the record.
    pub(crate) fn keep_proven(&mut self) {
        let Noted { head, note } = self.trust.proven().clone();
        self.record.period = self.trust.periods.mark(head.size);
        self.record.checkpoint = String::from_utf8(note).ok().filter(|note| !note.is_empty());
    }

    /// The line of heads that is to be proven now, if there is one. Each round costs a question, and one for every batch
    /// of a busy site would be more traffic than the messages: see the rules in `trust.rs`.
    pub(crate) fn line_wanted(&mut self) -> Option<Vec<Noted>> {
        let untied = self.trust.untied_count();
        if untied == 0 || !self.is_ready() {
            return None;
        }
        let own = self.trust.owes_receipts() && self.chain.unsettled() == 0;
        let due = self.now_ms.saturating_sub(self.proven_at_ms) >= PROVE_EVERY_MS;
        let waited_for = !self.trust.all_tied(self.ties_demanded) || self.chain.waits_for_ties(&self.trust);
        let wanted = own || due || waited_for || untied >= ROUND_AT || !self.trust.is_fresh(self.now_ms);
        wanted.then(|| {
            self.round_since_ms = Some(self.now_ms);
            self.trust.line()
        })
    }

    /// The round under way is none any more.
    pub(super) fn round_ended(&mut self) {
        self.round_since_ms = None;
    }

    /// A new connection owes what the one before it did, from now on.
    pub(crate) fn round_again(&mut self) {
        self.round_since_ms = self.round_since_ms.map(|_| self.now_ms);
    }

    /// Whether the core owes a round of proofs for too long.
    pub(crate) fn round_overdue(&self) -> bool {
        let overdue = |since: u64| self.now_ms.saturating_sub(since) >= LINE_ANSWER_MS;
        self.is_ready() && self.round_since_ms.is_some_and(overdue)
    }

    /// Has every head tied that was seen until now. Gives the mark to wait for.
    pub(crate) fn demand_ties(&mut self) -> u64 {
        self.ties_demanded = self.trust.mark();
        self.moved();
        self.ties_demanded
    }

    /// The head under which entries are to be believed; `None` while they must wait for a round of proofs.
    pub(crate) fn note_of_entries(&mut self, note: &[u8]) -> Option<Result<Head, Error>> {
        if self.is_distrusted() {
            return Some(Err(Error::unverified(What::Consistency)));
        }
        self.trust.has_room(note, self.now_ms).then(|| self.note(note))
    }

    pub(crate) fn is_distrusted(&self) -> bool {
        matches!(self.phase, Phase::Distrusted)
    }

    /// Whether a refusal means: what I knew of this conversation was old, look again and try again.
    pub(crate) fn is_outpaced(error: &Error) -> bool {
        use journal::refusal::code as no;
        let Error::Refused { code } = error else { return false };
        matches!(*code, no::StaleMembership | no::WrongEpoch | no::EpochStale)
            || *code == Code::Wraps.number()
    }
}
