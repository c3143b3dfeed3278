//! Questions: what the Register knows at once, pages of entries through `page`. Only what the asker may see; unknown and
//! forbidden are the same `NotFound`.
//! Never changes the state.

pub(super) mod budget;
mod desk;
mod erasing;
mod law;

use self::budget::{Budget, affordable};
use super::commit::Release;
use super::page::Kind;
use super::{Engine, Whole};
use crate::answer::{
    Answer, ConversationRecord, PersonRecord, ReaderRecord, SessionRecord, Standing, StatusRecord,
};
use crate::code::Code;
use crate::copy::CopyAsk;
use crate::frame::{Ask, At, Digest};
use crate::io::{Output, SessionId};
use crate::limits::{
    ANSWER_BYTES_MAX, ANSWER_ENTRIES_MAX, ANSWER_PEOPLE_MAX, ANSWER_ROWS_MAX, CERTIFICATES_MAX,
    ENTRIES_AT_MAX, LINE_SIZES_MAX, UNREAD_MAX,
};
use crate::query::{Cosigned, Query};
use journal::ids::{Index, Place};
use journal::register::{Conversation, MessageRow, Person};
use minicbor::bytes::ByteVec;
use pki::{CertId, PersonId, Role, canonical};

/// Entries first looked through for the newest messages before an index.
const BACK_FIRST: u64 = 1024;

/// What a question comes to.
enum Found {
    Now(Answer),
    Page { kind: Kind, indices: Vec<Index>, more: bool, from: Bodies },
    Body { place: Place, chunk: u32, guard: Option<Index>, answer: fn(ByteVec) -> Answer },
    Copy(CopyAsk),
    Witness(u64),
    Cosigned(Cosigned),
    Not(Code),
}

/// Which bodies go along with a page.
#[derive(Clone, Copy)]
enum Bodies {
    None,
    /// Of entries at or above this index.
    From(Index),
}

impl Engine {
    pub(super) fn ask(&mut self, id: SessionId, ask: Ask, out: &mut Vec<Output>) -> Whole {
        match self.waits_for_network(id, ask) {
            Some(ask) => self.answer(id, ask, out),
            None => Ok(()),
        }
    }

    pub(super) fn answer(&mut self, id: SessionId, ask: Ask, out: &mut Vec<Output>) -> Whole {
        let Some(person) = self.sessions.all.get(&id).map(|session| session.peer.person) else {
            return Ok(());
        };
        let request = ask.request;
        match self.find(person, ask.query).unwrap_or(Found::Not(Code::NotFound)) {
            Found::Now(answer) => {
                let answer = Box::new(answer);
                self.say(Release::Answer { session: id, request, answer, guard: None }, out);
            }
            Found::Copy(ask) => self.ask_copy(id, request, ask, out),
            Found::Witness(old) => {
                let found = self.offer(person, old);
                self.answer_or_refuse(id, request, found, out);
            }
            Found::Cosigned(brought) => {
                let found = self.cosigned(id, person, &brought);
                self.answer_or_refuse(id, request, found, out);
            }
            Found::Not(code) => self.refuse(id, request, code.number(), out),
            Found::Page { kind, indices, more, from } => {
                let bodies = |index: Index| match from {
                    Bodies::None => false,
                    Bodies::From(first) => index >= first,
                };
                self.page(id, request, (kind, more), &indices, bodies, out)?;
            }
            Found::Body { place, chunk, guard, answer } => {
                self.one_body(id, request, (place, chunk), guard, answer, out)?;
            }
        }
        Ok(())
    }

    fn answer_or_refuse(
        &mut self,
        id: SessionId,
        request: u32,
        found: Result<Answer, Code>,
        out: &mut Vec<Output>,
    ) {
        match found {
            Ok(answer) => {
                let answer = Box::new(answer);
                self.say(Release::Answer { session: id, request, answer, guard: None }, out);
            }
            Err(code) => self.refuse(id, request, code.number(), out),
        }
    }

    /// `None`: no such thing, or not for this person.
    fn find(&self, person: PersonId, query: Query) -> Option<Found> {
        match query {
            Query::Consistency(size) => self.consistency(size),
            Query::Line(sizes) => self.line(&sizes),
            Query::Certificates(ids) => self.certificates(&ids),
            Query::People(above) => Some(Found::Now(Answer::People(self.people_above(person, above)))),
            Query::Conversations(above) => {
                Some(Found::Now(Answer::Conversations(self.conversations_above(person, above))))
            }
            Query::Acts(at) => self.acts(person, at),
            Query::Messages(at) => self.messages(person, at),
            Query::MessagesBefore(at) => self.messages_before(person, at),
            Query::Chunk(index, chunk) => self.chunk(person, index, chunk),
            Query::Wrap(index) => self.wrap(person, index),
            Query::MessageStatus(index) => self.message_status(person, index),
            Query::Entries(from, count) => Some(self.entries(from, count)),
            Query::EntriesAt(indices) => self.entries_at(indices),
            Query::Policy => self.policy(),
            Query::Sessions => self.sessions_for(person),
            Query::Status => self.status(person),
            Query::Proposals(from) => self.proposals(person, from),
            Query::Find(find) => self.find_messages(person, &find),
            Query::Holds(from) => Some(self.holds(person, from)),
            Query::Orders(below) => Some(self.orders(person, below)),
            Query::Retention(schedule) => self.retention(person, schedule),
            Query::Runs(from) => Some(self.runs_from(from)),
            Query::Alarms(from) => self.alarms_from(person, from),
            Query::Raised => self.raised(person),
            Query::Desk(from) => self.desk_from(person, from),
            Query::Former => Some(self.former()),
            Query::Erasing => Some(Found::Now(Answer::Erasing(self.erasing()))),
            Query::Cells => self.is_office(person).then(|| Found::Now(Answer::Cells(self.cells.clone()))),
            Query::Copy(ask) => self.has_role(person, Role::Administrator).then_some(Found::Copy(ask)),
            Query::Witness(old) => Some(Found::Witness(old)),
            Query::Cosigned(brought) => Some(Found::Cosigned(brought)),
            Query::Conversation(id) => {
                let number = self.own_conversation(person, id);
                let found = number.and_then(|number| self.ledger.register.conversation_by_number(number));
                let record = found.map(|found| self.conversation_record(person, found).0);
                Some(Found::Now(Answer::Conversation(record)))
            }
        }
    }

    fn consistency(&self, size: u64) -> Option<Found> {
        let durable = &self.commits.durable;
        let proof = self.ledger.tree.consistency_proof(size, durable.head.size).ok().filter(|_| size > 0)?;
        let path = proof.path().iter().copied().map(Digest).collect();
        Some(Found::Now(Answer::Consistency(durable.note.to_vec().into(), path)))
    }

    fn line(&self, sizes: &[u64]) -> Option<Found> {
        let counted = (2..=LINE_SIZES_MAX).contains(&sizes.len());
        let ascending = sizes.windows(2).all(|pair| pair[0] < pair[1]);
        let durable = *sizes.first()? > 0 && *sizes.last()? <= self.commits.durable.head.size;
        if !(counted && ascending && durable) {
            return None;
        }
        let step = |pair: &[u64]| {
            let proof = self.ledger.tree.consistency_proof(pair[0], pair[1]).ok()?;
            Some(proof.path().iter().copied().map(Digest).collect())
        };
        Some(Found::Now(Answer::Line(sizes.windows(2).map(step).collect::<Option<_>>()?)))
    }

    fn certificates(&self, ids: &[CertId]) -> Option<Found> {
        if ids.len() > CERTIFICATES_MAX {
            return None;
        }
        let (register, mut bytes) = (&self.ledger.register, 0);
        let site = register.site()?;
        let authorities = [site.root(), site.issuing()];
        let one = |id: &CertId| {
            let known = register.certificate(*id).map(|found| found.certificate());
            known.or_else(|| authorities.into_iter().find(|authority| authority.id() == *id))
        };
        let found = ids.iter().filter_map(one).map(|found| found.der().to_vec());
        let found = found.take_while(|der| {
            bytes += der.len();
            bytes <= ANSWER_BYTES_MAX
        });
        Some(Found::Now(Answer::Certificates(found.map(ByteVec::from).collect())))
    }

    fn people_above(&self, asker: PersonId, above: PersonId) -> Vec<PersonRecord> {
        let (register, office) = (&self.ledger.register, self.is_office(asker));
        let enrolled = |person: &Person| {
            let newest = person.agreement_now().and_then(|id| register.certificate(id));
            newest.map_or(person.enrolled, |newest| newest.index)
        };
        let record = |person: &Person| PersonRecord {
            person: person.id,
            enrolled: enrolled(person),
            standing: standing(person, office),
            online: self.sessions.live.contains_key(&person.id),
        };
        let above = register.people().filter(|person| person.id > above);
        let people = above.filter(|person| !person.is_server()).map(record);
        people.take(ANSWER_PEOPLE_MAX).collect()
    }

    /// A page: it ends where as many messages were looked through as one question may cost, and goes on with the next.
    fn conversations_above(&self, person: PersonId, above: Index) -> Vec<ConversationRecord> {
        let own = self.ledger.register.conversations_of(person).filter(|found| found.number > above);
        let records = own.take(ANSWER_ENTRIES_MAX).map(|found| self.conversation_record(person, found));
        affordable(records, ANSWER_ROWS_MAX)
    }

    /// What a member is told of a conversation, and how many messages were looked through for it.
    fn conversation_record(&self, person: PersonId, found: &Conversation) -> (ConversationRecord, usize) {
        let (register, books, number) = (&self.ledger.register, &self.ledger.books, found.number);
        let from = books.visible_from(register, number, person).unwrap_or(u64::MAX);
        let read = found.cursors.get(&person).map_or(0, |cursor| cursor.up_to);
        let behind = register.messages_of(number, from.max(read + 1)..u64::MAX);
        // Bounded before it is filtered: own and erased messages behind the cursor cost as much as others.
        let (mut looked, mut unread) = (0, 0);
        for row in behind.take(UNREAD_MAX) {
            looked += 1;
            unread += u64::from(row.author != person && !row.erased);
        }
        let record = ConversationRecord {
            id: found.membership.id(),
            number,
            kind: found.membership.kind(),
            last: books.last_message(number).filter(|last| *last >= from).unwrap_or(0),
            read,
            unread,
            closed: found.closed,
        };
        (record, looked)
    }

    fn acts(&self, person: PersonId, At { conversation, index }: At) -> Option<Found> {
        let number = self.own_conversation(person, conversation)?;
        let acts = self.ledger.books.acts(number, index);
        let durable = &acts[..acts.partition_point(|index| *index < self.commits.durable.head.size)];
        let indices: Vec<Index> = durable.iter().copied().take(ANSWER_ENTRIES_MAX).collect();
        let from = Bodies::From(self.ledger.books.visible_from(&self.ledger.register, number, person)?);
        Some(Found::Page { kind: Kind::Acts, more: indices.len() < durable.len(), indices, from })
    }

    fn messages(&self, person: PersonId, At { conversation, index }: At) -> Option<Found> {
        let number = self.own_conversation(person, conversation)?;
        let from = self.ledger.books.visible_from(&self.ledger.register, number, person)?;
        let mut rows =
            self.ledger.register.messages_of(number, from.max(index)..self.commits.durable.head.size);
        let (mut indices, mut room) = (Vec::new(), Budget::default());
        let more = rows.any(|row| {
            if !room.takes(&row) {
                return true;
            }
            indices.push(row.index);
            false
        });
        Some(Found::Page { kind: Kind::Messages, indices, more, from: Bodies::From(from) })
    }

    fn messages_before(&self, person: PersonId, At { conversation, index }: At) -> Option<Found> {
        let number = self.own_conversation(person, conversation)?;
        let from = self.ledger.books.visible_from(&self.ledger.register, number, person)?;
        let end = index.min(self.commits.durable.head.size).max(from);
        let mut back = BACK_FIRST;
        // Looked through from the end in growing windows: the Register gives rows forwards only.
        let (rows, whole) = loop {
            let start = end.saturating_sub(back).max(from);
            let rows: Vec<MessageRow> = self.ledger.register.messages_of(number, start..end).collect();
            if rows.len() > ANSWER_ENTRIES_MAX || start == from {
                break (rows, start == from);
            }
            back = back.saturating_mul(8);
        };
        let mut room = Budget::default();
        let mut indices: Vec<Index> =
            rows.iter().rev().take_while(|row| room.takes(row)).map(|row| row.index).collect();
        indices.reverse();
        let more = indices.len() < rows.len() || !whole;
        Some(Found::Page { kind: Kind::MessagesBefore, indices, more, from: Bodies::From(from) })
    }

    fn chunk(&self, person: PersonId, index: Index, chunk: u32) -> Option<Found> {
        let row = self.ledger.register.message(index).filter(|_| self.durable_message(person, index))?;
        let file = row.file.filter(|file| (1..=file.chunks).contains(&chunk))?;
        debug_assert!(file.chunks > 0);
        if row.erased {
            return Some(Found::Not(Code::Erased));
        }
        let place = Place { conversation: row.conversation, item: row.item };
        Some(Found::Body { place, chunk, guard: Some(index), answer: Answer::Chunk })
    }

    fn wrap(&self, person: PersonId, index: Index) -> Option<Found> {
        let wraps = self.ledger.books.wraps(index).filter(|_| index < self.commits.durable.head.size)?;
        let found = self.ledger.register.conversation_by_number(wraps.place.conversation)?;
        if !found.membership.members().contains_key(&person) {
            return None;
        }
        let chunk = wraps.to.iter().position(|to| *to == person)?;
        if found.erased.is_some() {
            return Some(Found::Not(Code::Erased));
        }
        let chunk = u32::try_from(chunk).ok()?;
        Some(Found::Body { place: wraps.place, chunk, guard: Some(index), answer: Answer::Wrap })
    }

    fn durable_message(&self, person: PersonId, index: Index) -> bool {
        index < self.commits.durable.head.size && self.sees_message(person, index)
    }

    fn message_status(&self, person: PersonId, index: Index) -> Option<Found> {
        let register = &self.ledger.register;
        // Officers learn who has a copy of what they order to be erased; never what it says.
        let officer = self.has_role(person, Role::Officer) && index < self.commits.durable.head.size;
        let row = register.message(index).filter(|_| officer || self.durable_message(person, index))?;
        let found = register.conversation_by_number(row.conversation)?;
        let record = |reader: &PersonId| {
            let read = self.ledger.books.first_read(row.conversation, index, *reader);
            let acknowledged = self.ledger.books.acknowledged(index, *reader);
            let mark = self.delivered.get(&(row.conversation, *reader)).is_some_and(|mark| *mark >= index);
            ReaderRecord {
                person: *reader,
                delivered: mark || read.is_some() || acknowledged.is_some(),
                read,
                acknowledged,
            }
        };
        let readers = found.membership.members().keys().filter(|reader| **reader != row.author);
        Some(Found::Now(Answer::MessageStatus(readers.map(record).collect())))
    }

    fn entries(&self, from: Index, count: u32) -> Found {
        let asked = u64::from(count).min(ANSWER_ENTRIES_MAX as u64);
        let size = self.commits.durable.head.size;
        let end = from.saturating_add(asked).min(size);
        let more = from.saturating_add(count.into()).min(size) > end;
        Found::Page { kind: Kind::Entries, indices: (from..end).collect(), more, from: Bodies::None }
    }

    fn entries_at(&self, indices: Vec<Index>) -> Option<Found> {
        let ascending = indices.windows(2).all(|pair| pair[0] < pair[1]);
        let durable = indices.last().is_some_and(|last| *last < self.commits.durable.head.size);
        let counted = indices.len() <= ENTRIES_AT_MAX;
        let page = Found::Page { kind: Kind::EntriesAt, indices, more: false, from: Bodies::None };
        (counted && ascending && durable).then_some(page)
    }

    fn policy(&self) -> Option<Found> {
        let site = self.ledger.register.site()?;
        let closed = self.ledger.register.closed().map(|closed| closed.index);
        let policy = canonical::encode(&site.policy).into();
        Some(Found::Now(Answer::Policy(policy, site.policy_index, closed)))
    }

    pub(super) fn is_office(&self, person: PersonId) -> bool {
        self.has_role(person, Role::Officer) || self.has_role(person, Role::Administrator)
    }

    fn sessions_for(&self, person: PersonId) -> Option<Found> {
        if !self.is_office(person) {
            return None;
        }
        let record = |(person, id): (&PersonId, &SessionId)| {
            let live = self.sessions.all.get(id)?.live()?;
            let (chain, since, statements) = (live.chain, live.since, live.statements);
            Some(SessionRecord { person: *person, chain, since, statements })
        };
        let mut sessions: Vec<SessionRecord> = self.sessions.live.iter().filter_map(record).collect();
        sessions.sort_unstable_by_key(|session| session.person);
        Some(Found::Now(Answer::Sessions(sessions)))
    }

    fn status(&self, person: PersonId) -> Option<Found> {
        if !self.is_office(person) {
            return None;
        }
        let register = &self.ledger.register;
        let active = |person: &&Person| !person.is_server() && standing(person, true).may_act();
        let (period, period_since_ms) = self.period();
        let status = StatusRecord {
            note: self.commits.durable.note.to_vec().into(),
            sessions: self.sessions.live.len() as u64,
            people: register.people().filter(active).count() as u64,
            conversations: register.conversations().count() as u64,
            messages: register.message_count(),
            erasing: self.erasing().count,
            cell: self.clock.cell,
            // A recovery erases without a word in the journal: the start behind it says how far the cell is.
            erasure_epoch: register.erasure_epoch().max(self.clock.erasure_epoch),
            used_bytes: self.room.used,
            device_bytes: self.room.device,
            takes_messages: self.room.takes_messages(),
            reserved_bytes: self.promised(),
            backup: self.newest_backup,
            erasure_wait: self.erasing().wait,
            left_for_files: self.left_for_files(),
            period,
            period_since_ms,
            clock_ahead_ms: self.clock_ahead_ms(),
            witness: self.witnesses.record(),
            up_ms: self.ledger.boot_ms().saturating_sub(self.clock.started_boot_ms),
        };
        Some(Found::Now(Answer::Status(status)))
    }

    fn proposals(&self, person: PersonId, from: Index) -> Option<Found> {
        let size = self.commits.durable.head.size;
        let open = self.ledger.register.proposals().map(|(index, _)| index);
        let open = open.filter(|index| (from..size).contains(index));
        let indices: Vec<Index> = open.collect();
        let page = Found::Page { kind: Kind::Proposals, indices, more: false, from: Bodies::None };
        self.has_role(person, Role::Officer).then_some(page)
    }
}

/// Whether a person may act, as the office is told or as everybody is.
fn standing(person: &Person, to_office: bool) -> Standing {
    match (person.revoked, person.suspended, person.locked) {
        (Some(_), _, _) => Standing::Revoked,
        (None, Some(_), _) => Standing::Suspended,
        (None, None, Some(_)) if to_office => Standing::Locked,
        (None, None, Some(_) | None) => Standing::Good,
    }
}
