//! Who gets which entries of a batch: one frame, encoded once, for each group of sessions.
//! Never sends before the commit and never serves a body that is to be erased.

use super::Engine;
use super::commit::{Durable, Unprepared};
use super::session::Session;
use crate::frame::{self, Deliver, Delivered, Digest, ToTerminal};
use crate::io::{Cargo, Output, SessionId, StoredBody};
use crate::limits::{AROUND_ENTRY_BYTES, DELIVER_BYTES_MAX, OUTSTANDING_BYTES_MAX};
use bytes::Bytes;
use journal::ids::Index;
use journal::multiproof::MultiProof;
use journal::register::{Applied, Audience, Effect};
use journal::tree::Prover;
use minicbor::bytes::ByteVec;
use pki::{PersonId, Role};
use std::collections::HashMap;

/// Entries of the open batch by audience.
#[derive(Default)]
pub(super) struct Groups {
    groups: Vec<Group>,
    /// The group that the next entry of an audience joins. An audience never goes back to an older group, so that the
    /// entries of one conversation reach everyone in order.
    newest: HashMap<GroupKey, usize>,
}

struct Group {
    key: GroupKey,
    sessions: Vec<SessionId>,
    entries: Vec<GroupEntry>,
    bytes: usize,
}

struct GroupEntry {
    index: Index,
    bytes: Bytes,
    /// Position among the batch's bodies.
    body: Option<usize>,
}

/// What entries of a batch go together: those of one audience, but a KeyRoll by itself.
type GroupKey = (u8, u64);

const ROLL: GroupKey = (5, 0);

fn key(applied: &Applied) -> GroupKey {
    if applied.effects.iter().any(|effect| matches!(effect, Effect::PeriodBegan { .. })) {
        return ROLL;
    }
    match applied.audience {
        Audience::Nobody => (0, 0),
        Audience::Person(person) => (1, person.0),
        Audience::Conversation(number) => (2, number),
        Audience::Officers => (3, 0),
        Audience::Everyone => (4, 0),
        Audience::ConversationAndOfficers(number) => (5, number),
    }
}

impl Groups {
    pub(super) fn add(
        &mut self,
        applied: &Applied,
        sessions: Vec<SessionId>,
        index: Index,
        bytes: Bytes,
        body: Option<usize>,
        body_bytes: usize,
    ) {
        if sessions.is_empty() {
            return;
        }
        let size = bytes.len() + body_bytes + AROUND_ENTRY_BYTES;
        let entry = GroupEntry { index, bytes, body };
        let key = key(applied);
        let newest = self.newest.get(&key).and_then(|at| self.groups.get_mut(*at));
        match newest {
            Some(group) if group.sessions == sessions && group.bytes + size <= DELIVER_BYTES_MAX => {
                group.bytes += size;
                group.entries.push(entry);
            }
            Some(_) | None => {
                self.newest.insert(key, self.groups.len());
                self.groups.push(Group { key, sessions, entries: vec![entry], bytes: size });
            }
        }
    }

    /// The bodies that go along, by their place among the batch's.
    pub(super) fn bodies(&self, stored: &[StoredBody]) -> HashMap<usize, ByteVec> {
        let entries = self.groups.iter().flat_map(|group| &group.entries);
        entries
            .filter_map(|entry| entry.body)
            .filter_map(|at| Some((at, stored.get(at)?.body.clone())))
            .collect()
    }
}

/// A finished frame for several sessions.
pub(super) struct Push {
    pub(super) sessions: Vec<SessionId>,
    pub(super) bytes: Bytes,
    /// Index of its first entry.
    pub(super) first: Index,
    /// Messages in it whose body goes along.
    pub(super) bodies: Vec<Index>,
    /// A KeyRoll: nothing that follows verifies without it, so it is left out for nobody.
    is_roll: bool,
}

impl Engine {
    /// The sessions that get an entry now, ascending.
    pub(super) fn receivers(&self, applied: &Applied) -> Vec<SessionId> {
        let live = |person: &PersonId| self.sessions.live.get(person).copied();
        let register = &self.ledger.register;
        let members = |number| {
            let members = register.conversation_by_number(number).map(|found| found.membership.members());
            members.into_iter().flatten().filter_map(|(person, _)| live(person))
        };
        let officers = || {
            let live = self.sessions.live.iter();
            live.filter(|(id, _)| self.has_role(**id, Role::Officer)).map(|(_, session)| *session)
        };
        let mut sessions: Vec<SessionId> = match applied.audience {
            Audience::Nobody => Vec::new(),
            Audience::Person(person) => live(&person).into_iter().collect(),
            Audience::Conversation(number) => members(number).collect(),
            Audience::ConversationAndOfficers(number) => members(number).chain(officers()).collect(),
            Audience::Officers => officers().collect(),
            Audience::Everyone => self.sessions.live.values().copied().collect(),
        };
        for effect in &applied.effects {
            if let Effect::MemberGone { person, .. } = effect {
                sessions.extend(live(person));
            }
        }
        sessions.sort_unstable();
        sessions.dedup();
        sessions
    }

    /// Encodes the frames of the batch under way against the checkpoint that it brings. Called before the next input is
    /// looked at, when the batch has been handed out: while it is written and synced.
    pub(super) fn prepare(&mut self) {
        let Some(mut under_way) = self.commits.under_way.take() else { return };
        if let Some(Unprepared { groups, bodies }) = under_way.unprepared.take()
            && let Ok(mut prover) = self.ledger.tree.prover(under_way.durable.head.size)
        {
            let push = |group: &Group| self.push(group, &bodies, &under_way.durable, &mut prover);
            under_way.pushes = groups.groups.iter().map(push).collect();
            // The note of the whole batch is signed by the key that a roll in it makes known.
            under_way.pushes.sort_by_key(|push| !push.is_roll);
        }
        self.commits.under_way = Some(under_way);
    }

    fn push(
        &self,
        group: &Group,
        stored: &HashMap<usize, ByteVec>,
        durable: &Durable,
        prover: &mut Prover<'_>,
    ) -> Push {
        let mut bodies = Vec::new();
        let entries = group.entries.iter().map(|entry| {
            let erased_by =
                entry.body.and_then(|_| self.ledger.books.erased_by(&self.ledger.register, entry.index));
            let body = entry.body.filter(|_| erased_by.is_none()).and_then(|at| stored.get(&at));
            bodies.extend(body.map(|_| entry.index));
            Delivered {
                index: entry.index,
                entry: entry.bytes.to_vec().into(),
                body: body.cloned(),
                erased_by,
            }
        });
        let entries: Vec<_> = entries.collect();
        let proof = together(prover, &entries);
        let frame = ToTerminal::Deliver(Deliver { note: durable.note.to_vec().into(), entries, proof });
        let first = group.entries.first().map_or(0, |entry| entry.index);
        let is_roll = group.key == ROLL;
        Push { sessions: group.sessions.clone(), bytes: frame::encode(&frame), first, bodies, is_roll }
    }

    /// Sends a frame to those of its sessions for which `wanted` holds, if they keep up.
    pub(super) fn deliver(
        &mut self,
        push: &mut Push,
        wanted: impl Fn(SessionId, &Session) -> bool,
        out: &mut Vec<Output>,
    ) {
        self.strip(push);
        let size = push.bytes.len() as u64;
        let mut sessions = Vec::with_capacity(push.sessions.len());
        for id in &push.sessions {
            let wanted = |session: &&mut Session| !session.gone && wanted(*id, session);
            let Some(session) = self.sessions.all.get_mut(id).filter(wanted) else { continue };
            let is_over = session.outstanding + size > OUTSTANDING_BYTES_MAX as u64;
            if session.lag.is_none() && is_over && !push.is_roll {
                session.lag = Some(push.first);
            }
            if session.lag.is_none() || push.is_roll {
                session.outstanding += size;
                sessions.push(*id);
            }
        }
        for index in &push.bodies {
            self.note_delivered(*index, &sessions);
        }
        if push.is_roll && !sessions.is_empty() {
            out.push(Output::Send(sessions, push.bytes.to_vec().into()));
        } else if !sessions.is_empty() {
            let places = push.bodies.iter().filter_map(|index| self.place_at(*index)).collect();
            let cargo = Cargo { places, first: Some(push.first) };
            out.push(Output::Carry(sessions, push.bytes.to_vec().into(), cargo));
        }
    }

    /// Takes out bodies whose erasure was admitted while the batch was under way: rare, so decoded again here.
    fn strip(&self, push: &mut Push) {
        let erased = |index: &Index| self.ledger.books.erased_by(&self.ledger.register, *index);
        if !push.bodies.iter().any(|index| erased(index).is_some()) {
            return;
        }
        push.bodies.retain(|index| erased(index).is_none());
        let Ok(ToTerminal::Deliver(mut deliver)) = frame::decode_to_terminal(&push.bytes[4..]) else {
            return;
        };
        for delivered in &mut deliver.entries {
            self.strip_one(delivered);
        }
        push.bytes = frame::encode(&ToTerminal::Deliver(deliver));
    }

    /// Also where the body was missing already: a terminal that is told of the erasure has nothing to be alarmed of.
    pub(super) fn strip_one(&self, delivered: &mut Delivered) {
        if let Some(erase) = self.ledger.books.erased_by(&self.ledger.register, delivered.index) {
            delivered.body = None;
            delivered.erased_by = Some(erase);
        }
    }

    /// Remembers that these sessions got a message: the server's word for `message show`.
    pub(super) fn note_delivered(&mut self, message: Index, sessions: &[SessionId]) {
        let Some(row) = self.ledger.register.message(message) else { return };
        for id in sessions {
            let Some(session) = self.sessions.all.get(id) else { continue };
            let mark = self.delivered.entry((row.conversation, session.peer.person)).or_default();
            *mark = (*mark).max(message);
        }
    }
}

/// The proof of entries that go out together.
pub(super) fn together(prover: &mut Prover<'_>, entries: &[Delivered]) -> MultiProof {
    let indices: Vec<Index> = entries.iter().map(|delivered| delivered.index).collect();
    // As below.
    prover.multi_proof(&indices).unwrap_or_default()
}

/// The inclusion proof of one entry as it goes on the wire.
pub(super) fn proof(prover: &mut Prover<'_>, index: Index) -> Vec<Digest> {
    // An entry at or above the size has no proof; the callers never ask for one, and a terminal refuses an empty one.
    prover
        .inclusion_proof(index)
        .map_or(Vec::new(), |proof| proof.path().iter().copied().map(Digest).collect())
}
