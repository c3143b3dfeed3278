//! Pages of entries with proofs and bodies: planned from the Register, read by the driver, finished when the bytes come.
//! Never proves against a checkpoint that is not durable, and never gives a body whose erasure was admitted.

use super::commit::{Durable, Release};
use super::deliver::together;
use super::{Engine, Whole};
use crate::answer::{Answer, Page};
use crate::code::Code;
use crate::frame::Delivered;
use crate::io::{Output, ReadItem, SessionId, Ticket};
use crate::limits::{ANSWER_BYTES_MAX, AROUND_ENTRY_BYTES};
use bytes::Bytes;
use journal::fact::{Alarm, AlarmKind, Fact};
use journal::ids::{Index, Place};
use journal::multiproof::MultiProof;
use minicbor::bytes::ByteVec;
use pki::canonical;
use std::collections::HashMap;

/// Which answer a page becomes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Acts,
    Messages,
    MessagesBefore,
    /// Entries are given only where they concern who asks.
    Entries,
    /// Likewise.
    EntriesAt,
    Proposals,
    /// Messages for an officer, and where to ask on.
    Find(Index),
    Holds,
    Runs,
    Alarms,
    Desk,
}

impl Kind {
    fn answer(self, page: Page) -> Answer {
        match self {
            Self::Acts => Answer::Acts(page),
            Self::Messages => Answer::Messages(page),
            Self::MessagesBefore => Answer::MessagesBefore(page),
            Self::Entries => Answer::Entries(page),
            Self::EntriesAt => Answer::EntriesAt(page),
            Self::Proposals => Answer::Proposals(page),
            Self::Find(next) => Answer::Find(page, next),
            Self::Holds => Answer::Holds(page),
            Self::Runs => Answer::Runs(page),
            Self::Alarms => Answer::Alarms(page),
            Self::Desk => Answer::Desk(page),
        }
    }
}

/// Where bytes come from: they are here, or they are the n-th that is read.
enum Source {
    Here(Bytes),
    Read(usize),
}

struct Row {
    index: Index,
    entry: Source,
    body: Option<usize>,
}

/// A page whose bytes are being read.
pub(super) struct Plan {
    kind: Kind,
    durable: Durable,
    rows: Vec<Row>,
    more: bool,
}

/// What a read is for.
pub(super) enum Pending {
    Page {
        session: SessionId,
        request: u32,
        plan: Plan,
    },
    /// One body: a file's chunk, with the message that it belongs to, or a wrap.
    Body {
        session: SessionId,
        request: u32,
        guard: Option<Index>,
        answer: fn(ByteVec) -> Answer,
    },
    /// Chunks of a reservation, for a session that waits for them.
    Chunks {
        session: SessionId,
    },
    /// A piece of a backup.
    Copy {
        session: SessionId,
        request: u32,
    },
}

#[derive(Default)]
pub(super) struct Reads(HashMap<Ticket, Pending>);

impl Reads {
    pub(super) fn put(&mut self, ticket: Ticket, pending: Pending) {
        self.0.insert(ticket, pending);
    }

    /// The question of a backup that this ticket stands for.
    pub(super) fn take_copy(&mut self, ticket: Ticket) -> Option<Pending> {
        let is_copy = matches!(self.0.get(&ticket), Some(Pending::Copy { .. }));
        is_copy.then(|| self.0.remove(&ticket)).flatten()
    }

    pub(super) fn chunks(&mut self, ticket: Ticket, session: SessionId) {
        self.0.insert(ticket, Pending::Chunks { session });
    }
}

impl Engine {
    /// Answers with these entries, in this order, and the bodies of those that have one and `bodies` allows.
    pub(super) fn page(
        &mut self,
        session: SessionId,
        request: u32,
        (kind, more): (Kind, bool),
        indices: &[Index],
        bodies: impl Fn(Index) -> bool,
        out: &mut Vec<Output>,
    ) -> Whole {
        let mut items = Vec::new();
        let rows = indices.iter().map(|index| self.row(*index, bodies(*index), &mut items)).collect();
        let plan = Plan { kind, durable: self.commits.durable.clone(), rows, more };
        if items.is_empty() {
            return self.finish(session, request, plan, Vec::new(), out);
        }
        self.read(session, items, Pending::Page { session, request, plan }, out);
        Ok(())
    }

    fn row(&self, index: Index, with_body: bool, items: &mut Vec<ReadItem>) -> Row {
        let mut ask = |item| {
            items.push(item);
            items.len() - 1
        };
        let entry = match self.ledger.recent(index) {
            Some(bytes) => Source::Here(bytes.clone()),
            None => Source::Read(ask(ReadItem::Entry(index))),
        };
        let (register, books) = (&self.ledger.register, &self.ledger.books);
        let alive = with_body && books.erased_by(register, index).is_none();
        let place = books.body_place(register, index).filter(|_| alive);
        Row { index, entry, body: place.map(|place| ask(ReadItem::Body(place, 0))) }
    }

    /// One body as an answer.
    pub(super) fn one_body(
        &mut self,
        session: SessionId,
        request: u32,
        (place, chunk): (Place, u32),
        guard: Option<Index>,
        answer: fn(ByteVec) -> Answer,
        out: &mut Vec<Output>,
    ) -> Whole {
        let pending = Pending::Body { session, request, guard, answer };
        self.read(session, vec![ReadItem::Body(place, chunk)], pending, out);
        Ok(())
    }

    fn read(&mut self, id: SessionId, items: Vec<ReadItem>, pending: Pending, out: &mut Vec<Output>) {
        if let Some(session) = self.sessions.all.get_mut(&id) {
            session.reads += 1;
        }
        let ticket = self.ticket();
        self.reads.0.insert(ticket, pending);
        out.push(Output::Read(ticket, items));
    }

    pub(super) fn read_done(
        &mut self,
        ticket: Ticket,
        found: Vec<Option<ByteVec>>,
        out: &mut Vec<Output>,
    ) -> Whole {
        let session = match self.reads.0.remove(&ticket) {
            None => return Ok(()),
            // Not what a reader answers: the question stays.
            Some(copy @ Pending::Copy { .. }) => {
                self.reads.put(ticket, copy);
                return Ok(());
            }
            Some(Pending::Chunks { session }) => return self.chunks_read(session, found, out),
            Some(Pending::Page { session, request, plan }) => {
                self.read_ended(session);
                self.finish(session, request, plan, found, out)?;
                session
            }
            Some(Pending::Body { session, request, guard, answer }) => {
                self.read_ended(session);
                self.finish_body(session, request, guard, answer, found, out)?;
                session
            }
        };
        self.pump(session, out)
    }

    pub(super) fn read_ended(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.all.get_mut(&id) {
            session.reads = session.reads.saturating_sub(1);
        }
    }

    fn finish(
        &mut self,
        session: SessionId,
        request: u32,
        plan: Plan,
        mut found: Vec<Option<ByteVec>>,
        out: &mut Vec<Output>,
    ) -> Whole {
        let Plan { mut kind, durable, rows, mut more } = plan;
        let Some(person) = self.sessions.all.get(&session).map(|session| session.peer.person) else {
            return Ok(());
        };
        let mut take = |at: usize| found.get_mut(at).and_then(Option::take);
        let (mut entries, mut bytes, mut damaged, mut unread) = (Vec::new(), 0, None, None);
        for row in rows {
            if bytes > ANSWER_BYTES_MAX {
                more = true;
                if let Kind::Find(next) = &mut kind {
                    *next = row.index;
                }
                break;
            }
            let entry = match row.entry {
                Source::Here(bytes) => Some(bytes.to_vec().into()),
                Source::Read(at) => take(at),
            };
            let Some(entry): Option<ByteVec> = entry else {
                damaged.get_or_insert(row.index);
                unread.get_or_insert(row.index);
                continue;
            };
            if matches!(kind, Kind::Entries | Kind::EntriesAt) && !self.concerns(person, row.index, &entry) {
                continue;
            }
            let body = row.body.and_then(&mut take);
            let erased_by = self.ledger.books.erased_by(&self.ledger.register, row.index);
            if row.body.is_some() && body.is_none() && erased_by.is_none() && !self.was_given_up(row.index) {
                damaged.get_or_insert(row.index);
            }
            bytes += entry.len() + body.as_ref().map_or(0, |body| body.len()) + AROUND_ENTRY_BYTES;
            let body = body.filter(|_| erased_by.is_none());
            entries.push(Delivered { index: row.index, entry, body, erased_by });
        }
        if damaged.is_some() {
            self.damaged(damaged)?;
        }
        let prover = self.ledger.tree.prover(durable.head.size);
        let proof =
            prover.map_or_else(|_| MultiProof::default(), |mut prover| together(&mut prover, &entries));
        let page = Page { note: durable.note.to_vec().into(), entries, proof, more, unread };
        let answer = Box::new(kind.answer(page));
        self.say(Release::Answer { session, request, answer, guard: None }, out);
        Ok(())
    }

    fn finish_body(
        &mut self,
        session: SessionId,
        request: u32,
        guard: Option<Index>,
        answer: fn(ByteVec) -> Answer,
        found: Vec<Option<ByteVec>>,
        out: &mut Vec<Output>,
    ) -> Whole {
        let erased = guard.and_then(|index| self.ledger.books.erased_by(&self.ledger.register, index));
        match found.into_iter().next().flatten() {
            _ if erased.is_some() => self.refuse(session, request, Code::Erased.number(), out),
            Some(body) => {
                self.say(Release::Answer { session, request, answer: Box::new(answer(body)), guard }, out);
            }
            None => {
                if !guard.is_some_and(|index| self.was_given_up(index)) {
                    self.damaged(guard)?;
                }
                self.refuse(session, request, Code::Damaged.number(), out);
            }
        }
        Ok(())
    }

    /// Whether a succession gave up the body of this entry: the officers know.
    fn was_given_up(&self, index: Index) -> bool {
        self.ledger.register.body_given_up(index).is_some()
    }

    /// Something that ought to be there is not, or does not open: one alarm for each run, so that one damaged body does
    /// not fill the journal. It names the entry, where it is one.
    pub(super) fn damaged(&mut self, index: Option<Index>) -> Whole {
        if std::mem::replace(&mut self.damage_told, true) {
            return Ok(());
        }
        let evidence = index.map(|index| canonical::encode(&index)).unwrap_or_default().into();
        self.fact(Fact::Alarm(Alarm { alarm: AlarmKind::BodyDamaged, person: None, evidence }))
    }
}
