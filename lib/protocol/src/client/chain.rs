//! One's own chain of statements: numbers, attempts, what is unanswered, and what becomes of it after a reconnect.
//! Never signs two different statements under one (chain, sequence, attempt): the number of an attempt is used up when
//! it is signed, and the state record with it is persisted before the statement leaves.
//!
//! # Never two copies of one message
//! A statement is signed anew only when the one before it can never be admitted any more:
//! - after a refusal in a live chain: a refused number is free again, but only for bytes with a higher attempt, and the
//!   core takes a lower attempt for stale;
//! - after `ChainEnded`: nothing of an ended chain is admitted. But it may have been admitted *before* the chain ended,
//!   with its receipt lost. The core answers a re-sent statement with the old receipt where it still knows it; since it
//!   may have forgotten (a restart, a full table), the terminal then looks for its own statement in the conversation
//!   itself, from the head that it named on, and signs anew only when it is not there (`resolve.rs`). Where the
//!   conversation is not shown as it was then (one was removed since), it looks through the log up to its own Login.
//!
//! What belongs to no conversation, or does not say to which (a Disclose, a Report, what officers and auditors do), is looked
//! for in the log from the start; so is an Erase, after which there may be no conversation that shows anything; what a reader
//! says, where the core says that it stands. Only a BadWrap, which the terminal says by itself and which is refused when it
//! comes twice, is not looked for, nor a Reserve, which falls, nor an Export, which serves the session that it stands in and
//! no other. Where the core's answers do not tell, nothing is signed anew, and the person hears so.

pub(crate) use super::draft::{Draft, MessageDraft, Rests, TitleDraft};
use super::error::{Error, What};
use super::event::Admitted;
use super::handshake::Phase;
use super::secret::SecretText;
use super::state::State;
use super::trust::{Trust, UNTIED_MAX};
use crate::frame::{self, PASSWORD_INFO, ReceiptFrame, Stage, SubmitFrame, ToCore};
use bytes::Bytes;
use journal::entry::{Content, ENTRY_VERSION, Entry};
use journal::ids::{Chain as ChainId, Index, StatementId};
use journal::statement::{Header, STATEMENT_VERSION, SignedStatement, Statement};
use journal::tree::leaf_hash;
use pki::state_record::OwnChain;
use std::collections::{BTreeMap, VecDeque};

/// Statements signed and not yet answered.
pub(crate) const IN_FLIGHT_MAX: usize = 16;
/// Statements that wait to be signed.
pub(crate) const QUEUED_MAX: usize = 512;

struct Queued {
    ticket: u64,
    draft: Draft,
    /// The newest head that was seen when it was made: what it rests on is tied before it is signed.
    after: u64,
    stages: Vec<Stage>,
    /// It was signed once already.
    signed: bool,
}

/// Signed and not answered.
pub(crate) struct InFlight {
    ticket: u64,
    draft: Draft,
    stages: Vec<Stage>,
    pub(crate) frame: SubmitFrame,
    pub(crate) id: StatementId,
    pub(crate) header: Header,
    /// Its chain has ended; it was sent again only to learn what became of it.
    old: bool,
    /// It is not signed anew, should it not be in the log, for this reason: what it names may be lost.
    stale: Option<Error>,
}

/// The chain that lives.
#[derive(Clone, Copy)]
struct Live {
    chain: ChainId,
    /// Index of its Login.
    login: Index,
    /// The last number admitted, and its statement.
    sequence: u64,
    id: StatementId,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Chain {
    live: Option<Live>,
    queue: VecDeque<Queued>,
    flight: VecDeque<InFlight>,
    /// Old statements being looked for in the log.
    resolving: BTreeMap<u64, InFlight>,
    /// The next attempt of a number that was refused.
    attempts: BTreeMap<u64, u32>,
    /// One in flight was refused: those behind it will be, too, and nothing is signed until all are answered.
    draining: bool,
    results: BTreeMap<u64, Result<Admitted, Error>>,
    next_ticket: u64,
}

impl Chain {
    pub(crate) fn take_result(&mut self, ticket: u64) -> Option<Result<Admitted, Error>> {
        self.results.remove(&ticket)
    }

    /// Takes back a draft that was never signed. Whether it was such a one.
    pub(crate) fn take_back(&mut self, ticket: u64) -> bool {
        let before = self.queue.len();
        self.queue.retain(|queued| queued.signed || queued.ticket != ticket);
        self.queue.len() < before
    }

    /// Statements neither admitted nor refused for good.
    pub(crate) fn unsettled(&self) -> usize {
        self.queue.len() + self.flight.len() + self.resolving.len()
    }

    /// The connection is gone: what is in flight may have been admitted or not.
    pub(crate) fn lost(&mut self) {
        self.live = None;
        self.draining = false;
        self.attempts.clear();
        self.flight.iter_mut().for_each(|flight| flight.old = true);
    }

    /// Nothing will be answered any more. What became of what is in flight nobody can say.
    pub(crate) fn fail_all(&mut self) {
        let queued = self.queue.drain(..).map(|queued| queued.ticket);
        let flight = self.flight.drain(..).map(|flight| flight.ticket);
        let resolving = std::mem::take(&mut self.resolving).into_keys();
        self.results
            .extend(queued.chain(flight).chain(resolving).map(|ticket| (ticket, Err(Error::NotReady))));
    }

    fn is_unresolved(&self) -> bool {
        !self.resolving.is_empty() || self.flight.iter().any(|flight| flight.old)
    }

    /// Back to the place in the queue that its ticket gives it: order is kept. What it rests on was tied already.
    fn requeue(&mut self, flight: InFlight) {
        let InFlight { ticket, draft, stages, .. } = flight;
        let at = self.queue.iter().position(|queued| queued.ticket > ticket).unwrap_or(self.queue.len());
        self.queue.insert(at, Queued { ticket, draft, stages, after: 0, signed: true });
    }

    /// Whether the next draft could be signed but for heads that are not tied yet, so that a round is to begin.
    pub(crate) fn waits_for_ties(&self, trust: &Trust) -> bool {
        self.queue.front().is_some_and(|queued| !trust.is_tied(queued.after)) || !self.has_room(trust)
    }

    /// Whether one more receipt's head could be kept.
    fn has_room(&self, trust: &Trust) -> bool {
        trust.untied_count() + self.flight.len() < UNTIED_MAX
    }

    fn position(&self, request: u32) -> Option<usize> {
        self.flight.iter().position(|flight| flight.frame.request == request)
    }

    /// The search ended: an old statement was admitted, or it never will be, or nobody can tell.
    pub(crate) fn resolved(&mut self, ticket: u64, found: Result<Option<Admitted>, Error>) {
        let Some(flight) = self.resolving.remove(&ticket) else { return };
        match found {
            Ok(Some(admitted)) => drop(self.results.insert(ticket, Ok(admitted))),
            Ok(None) => match flight.stale.clone() {
                Some(why) => drop(self.results.insert(ticket, Err(why))),
                None => self.requeue(flight),
            },
            Err(error) => drop(self.results.insert(ticket, Err(error))),
        }
    }
}

impl State {
    /// Queues a draft for the chain.
    pub(crate) fn enqueue(&mut self, draft: Draft, stages: Vec<Stage>) -> Result<u64, Error> {
        if self.is_distrusted() {
            return Err(Error::NotReady);
        }
        if self.chain.queue.len() >= QUEUED_MAX {
            return Err(Error::Busy);
        }
        let ticket = self.chain.next_ticket;
        self.chain.next_ticket += 1;
        self.chain.queue.push_back(Queued { ticket, draft, stages, after: self.trust.mark(), signed: false });
        self.moved();
        Ok(ticket)
    }

    /// Index of the Login that began the chain that lives, as soon as one does.
    pub(crate) fn session_began(&mut self) -> Option<Result<Index, Error>> {
        match self.phase {
            Phase::Distrusted => Some(Err(Error::NotReady)),
            Phase::Down
            | Phase::Connected(_)
            | Phase::Greeted { .. }
            | Phase::LoggingIn(_)
            | Phase::Ready => self.chain.live.map(|live| Ok(live.login)),
        }
    }

    /// The Login was admitted: its leaf hash is the chain. What was unanswered is sent again, byte for byte; only to learn
    /// what became of it, so that what was staged for it is not.
    pub(crate) fn chain_begins(&mut self, chain: ChainId, login: Index, id: StatementId) {
        self.chain.live = Some(Live { chain, login, sequence: 0, id });
        let again: Vec<_> = self.chain.flight.iter().map(|flight| flight.frame.clone()).collect();
        again.into_iter().for_each(|submit| self.send(frame::encode(&ToCore::Submit(submit))));
    }

    /// Signs what waits, as far as it may leave now: all of it under one record. Called when no flow can move.
    pub(crate) fn sign_queued(&mut self) {
        let mut frames = Vec::new();
        while let Some(live) = self.chain.live
            && !self.chain.draining
            && !self.chain.is_unresolved()
            && self.chain.flight.len() < IN_FLIGHT_MAX
            && self.chain.has_room(&self.trust)
            && self.trust.is_fresh(self.now_ms)
        {
            let tied = |queued: &mut Queued| self.trust.is_tied(queued.after);
            let Some(queued) = self.chain.queue.pop_front_if(tied) else { break };
            let ticket = queued.ticket;
            if let Err(error) = self.sign(live, queued, &mut frames) {
                self.chain.results.insert(ticket, Err(error));
                self.moved();
            }
        }
        if !frames.is_empty() {
            // The caller does actions in order, and these are sent only when the record is durable. A crash between the
            // two leaves a record of statements that never left: harmless, the next Login begins a new chain.
            self.persist();
            frames.into_iter().for_each(|frame| self.send(frame));
        }
    }

    fn sign(&mut self, live: Live, queued: Queued, frames: &mut Vec<Bytes>) -> Result<(), Error> {
        let Queued { ticket, draft, stages, after: _, signed: _ } = queued;
        let sequence = live.sequence + 1 + self.chain.flight.len() as u64;
        let header = Header {
            chain: live.chain,
            sequence,
            attempt: self.chain.attempts.get(&sequence).copied().unwrap_or(0),
            previous: self.chain.flight.back().map_or(live.id, |last| last.id),
            ..self.header()
        };
        let (act, body) = self.make(&draft, &header)?;
        let statement = Statement { header, act };
        let (signed, id) = SignedStatement::sign(&statement, &*self.me.signer).map_err(|_| Error::Key)?;
        let password = match &draft {
            Draft::SetPassword(password) => Some(self.seal_password(password, id)?.into()),
            Draft::Act(_) | Draft::Message(_) | Draft::Title(_) => None,
        };
        let request = self.next_request();
        let frame = SubmitFrame { request, statement: signed, body: body.map(Into::into), password };
        let header = statement.header;
        // Used up from here on: whatever becomes of these bytes, this number and attempt are never signed again.
        self.chain.attempts.insert(sequence, header.attempt.saturating_add(1));
        self.record.chain = Some(OwnChain {
            login_leaf: header.chain.0,
            next_sequence: header.sequence.saturating_add(1),
            last_id: id.0,
            attempt: header.attempt,
        });
        frames.extend(stages.iter().map(|stage| frame::encode(&ToCore::Stage(stage.clone()))));
        frames.push(frame::encode(&ToCore::Submit(frame.clone())));
        self.chain.flight.push_back(InFlight {
            ticket,
            draft,
            stages,
            frame,
            id,
            header,
            old: false,
            stale: None,
        });
        Ok(())
    }

    /// What every statement of this session says of itself.
    pub(crate) fn header(&self) -> Header {
        Header {
            version: STATEMENT_VERSION,
            suite: self.me.suite,
            log: self.trust.log(),
            person: self.me.person,
            certificate: self.me.certificate.id(),
            chain: ChainId::ZERO,
            sequence: 0,
            attempt: 0,
            previous: StatementId::ZERO,
            head: self.trust.proven().head,
        }
    }

    /// Seals a password to the core, bound to the statement it goes with.
    pub(crate) fn seal_password(&mut self, password: &SecretText, id: StatementId) -> Result<Vec<u8>, Error> {
        let core = self.core.clone().ok_or(Error::NotReady)?;
        core.seal(PASSWORD_INFO, &id.0, password.expose().as_bytes(), &mut *self.rng).map_err(|_| Error::Key)
    }

    /// A receipt: believed when the very entry we reckon is in the log.
    pub(crate) fn receipt(&mut self, receipt: &ReceiptFrame) -> Result<(), Error> {
        let at = self.chain.position(receipt.request).ok_or(Error::unverified(What::Answer))?;
        let flight = &self.chain.flight[at];
        let (statement, id, old) = (flight.frame.statement.clone(), flight.id, flight.old);
        let (ticket, header) = (flight.ticket, flight.header.clone());
        self.proven_entry(receipt, statement, &header)?;
        let Some(live) = self.chain.live else { return Err(Error::unverified(What::Answer)) };
        // A live chain is answered in order: a receipt out of it would leave a number that nobody admitted behind it.
        if !old && header.sequence != live.sequence + 1 {
            return Err(Error::unverified(What::Answer));
        }
        self.chain.flight.remove(at);
        if !old {
            self.chain.live = Some(Live { sequence: header.sequence, id, ..live });
            self.chain.attempts = self.chain.attempts.split_off(&(header.sequence + 1));
            self.end_of_drain();
        }
        let admitted = Admitted { index: receipt.index, wall_ms: receipt.wall_ms, id };
        self.chain.results.insert(ticket, Ok(admitted));
        self.moved();
        Ok(())
    }

    /// Rebuilds the entry from our own statement and the core's stamps and proves it to be in a signed head that covers
    /// what we named. Gives its leaf hash.
    pub(crate) fn proven_entry(
        &mut self,
        receipt: &ReceiptFrame,
        statement: SignedStatement,
        header: &Header,
    ) -> Result<journal::ids::Hash, Error> {
        let content = Content::Statement(statement);
        let (wall_ms, boot_ms) = (receipt.wall_ms, receipt.boot_ms);
        let entry = Entry { version: ENTRY_VERSION, wall_ms, boot_ms, content };
        let leaf = leaf_hash(&entry.encode());
        let head = self.note(&receipt.note)?;
        // An entry cannot stand in the part of the log that its signer had already seen.
        if receipt.index < header.head.size {
            return Err(Error::unverified(What::Inclusion));
        }
        Trust::included(receipt.index, &leaf, &receipt.proof, &head).map_err(Error::unverified)?;
        Ok(leaf)
    }

    /// A refusal of an act. Whether the request was one.
    pub(crate) fn act_refused(&mut self, request: u32, code: u16) -> bool {
        use journal::refusal::code as no;
        let Some(at) = self.chain.position(request) else { return false };
        let flight = self.chain.flight.remove(at).expect("its position was just found");
        self.moved();
        if flight.old {
            // Whatever the code (`ChainEnded`, or that the certificate was renewed since): its chain has ended, so it
            // will not be admitted any more. Whether it was, the log says.
            self.ask_the_log(flight);
            return true;
        }
        // Those refused only because the one before them was: nothing is wrong with them, they get new numbers.
        let doomed =
            self.chain.draining && matches!(code, no::OutOfSequence | no::StaleAttempt | no::WrongPrevious);
        if doomed {
            self.chain.requeue(flight);
        } else {
            self.chain.results.insert(flight.ticket, Err(Error::Refused { code }));
        }
        self.chain.draining = true;
        self.end_of_drain();
        true
    }

    /// Entries from `kept` on are lost. A draft that rests on one of them is signed no more: what it names may be
    /// another's by now. Of those that were signed before, the log is asked anew.
    pub(crate) fn forsake_drafts(&mut self, kept: Index) {
        let mut forsaken = Vec::new();
        let Self { chain, conversations, .. } = self;
        chain.queue.retain(|queued| match queued.draft.rests(kept, conversations) {
            Rests::OnKept => true,
            Rests::Unknown(why) | Rests::OnLost(why) => {
                forsaken.push((queued.ticket, Err(why)));
                false
            }
        });
        // It may stand in what is kept, by a receipt that was lost: the log is asked before anything is sent in its place.
        let mut stays = |flight: &mut InFlight| match flight.draft.rests(kept, conversations) {
            Rests::OnKept => true,
            Rests::Unknown(why) => {
                flight.stale = Some(why);
                true
            }
            Rests::OnLost(why) => {
                forsaken.push((flight.ticket, Err(why)));
                false
            }
        };
        chain.flight.retain_mut(&mut stays);
        chain.resolving.retain(|_, flight| stays(flight));
        chain.results.extend(forsaken);
        self.searches.clear();
        std::mem::take(&mut self.chain.resolving).into_values().for_each(|flight| self.ask_the_log(flight));
    }

    fn end_of_drain(&mut self) {
        self.chain.draining &= !self.chain.flight.is_empty();
    }

    /// Looks in the log for an old statement before it is signed anew.
    fn ask_the_log(&mut self, flight: InFlight) {
        let ticket = flight.ticket;
        let search = super::resolve::Search::of(&flight);
        self.chain.resolving.insert(ticket, flight);
        match search {
            Some(search) => self.searches.push((ticket, search)),
            None => self.chain.resolved(ticket, Ok(None)),
        }
    }
}
