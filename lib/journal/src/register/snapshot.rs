//! The Register as bytes: canonical, versioned; the same state gives the same bytes on every machine.
//! Never holds what follows from the rest: that is built again.
//!
//! A `PeriodEnd` names this form's digest and replay demands it: under rules of version 1 it never changes. What a
//! later version adds to the state goes into a form of its own version.

use super::columns::ForDigest;
use super::{Due, Form, OrderState, Register, conversation::pair_of};
use crate::ids::Hash;
use crate::retention::RANKS;
use minicbor::{Decode, Encode, Encoder};
use sha2::{Digest, Sha256};

/// The version of the snapshot format that this program writes.
pub const SNAPSHOT_VERSION: u8 = 1;

/// Why bytes are no snapshot. Whoever gets this replays the journal instead.
#[derive(Debug, thiserror::Error)]
pub enum BadSnapshot {
    /// Not the one right encoding.
    #[error(transparent)]
    NotCanonical(#[from] pki::canonical::NotCanonical),
    /// Written by a newer program.
    #[error("snapshot version {0} is newer than this program reads ({SNAPSHOT_VERSION})")]
    Newer(u8),
    /// The parts contradict each other.
    #[error("the snapshot contradicts itself: {0}")]
    Inconsistent(&'static str),
}

/// `[version, register]`.
#[derive(Encode, Decode)]
#[cbor(array, context_bound = "Form")]
struct Framed {
    #[n(0)]
    version: u8,
    #[n(1)]
    register: Register,
}

/// Hashes what an encoder writes, so that a large snapshot need not stand in memory.
struct HashWriter(Sha256);

impl minicbor::encode::Write for HashWriter {
    type Error = std::convert::Infallible;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        self.0.update(bytes);
        Ok(())
    }
}

fn write<W: minicbor::encode::Write, F: Form>(register: &Register, sink: W, mut form: F) -> W {
    let mut encoder = Encoder::new(sink);
    let begun = encoder.array(2).and_then(|e| e.u8(SNAPSHOT_VERSION));
    let written = begun.and_then(|e| e.encode_with(register, &mut form)).map(drop);
    assert!(written.is_ok(), "these sinks cannot fail, and our types have no refusing encoders");
    encoder.into_writer()
}

/// SHA-256 of [`Register::snapshot`], with whole blocks of messages as digests of their rows ([`super::columns`]).
pub(super) fn digest(register: &Register) -> Hash {
    write(register, HashWriter(Sha256::new()), ForDigest).0.finalize().into()
}

impl Register {
    /// The state as bytes.
    pub fn snapshot(&self) -> Vec<u8> {
        self.snapshot_behind(Vec::new())
    }

    /// The state as bytes, behind those that are there already.
    pub fn snapshot_behind(&self, bytes: Vec<u8>) -> Vec<u8> {
        write(self, bytes, ())
    }

    /// Reads a snapshot whole and builds again what follows from it. Whether it is the right one, its digest says.
    pub fn restore(bytes: &[u8]) -> Result<Self, BadSnapshot> {
        if let Some(&version) = bytes.get(1)
            && version > SNAPSHOT_VERSION
            && version < 24
        {
            return Err(BadSnapshot::Newer(version));
        }
        let mut register = pki::canonical::decode::<Framed>(bytes)?.register;
        register.derive_people()?;
        register.derive_conversations()?;
        register.derive_messages()?;
        register.derive_deadlines();
        Ok(register)
    }

    fn derive_people(&mut self) -> Result<(), BadSnapshot> {
        let mut by_ordinal: Vec<_> = self.people.values().map(|person| (person.ordinal, person.id)).collect();
        by_ordinal.sort_unstable();
        for (expected, (ordinal, person)) in by_ordinal.into_iter().enumerate() {
            if ordinal as usize != expected {
                return Err(BadSnapshot::Inconsistent("persons are not counted without gaps"));
            }
            self.derived.persons.push(person);
        }
        for person in self.people.values() {
            self.derived.logins.insert(person.login.clone(), person.id);
        }
        for (id, row) in &self.certificates {
            if row.id() != *id {
                return Err(BadSnapshot::Inconsistent("a certificate under another's id"));
            }
            self.derived.keys.insert(Sha256::digest(row.certificate().spki()).into());
        }
        Ok(())
    }

    fn derive_conversations(&mut self) -> Result<(), BadSnapshot> {
        for (expected, (number, row)) in self.conversations.iter().enumerate() {
            if row.ordinal as usize != expected || row.number != *number {
                return Err(BadSnapshot::Inconsistent("conversations are not counted without gaps"));
            }
            self.derived.conversation_numbers.push(*number);
            self.derived.conversation_ids.insert(row.membership.id(), *number);
            for person in row.membership.members().keys() {
                self.derived.conversations_of.entry(*person).or_default().insert(*number);
            }
            if row.erased.is_none()
                && let Some(pair) = pair_of(&row.membership)
            {
                self.derived.privates.insert(pair, *number);
            }
        }
        Ok(())
    }

    /// An empty list for each conversation, with room for its messages: there may be millions, and a list that grows stands in
    /// memory twice.
    fn room_for_messages(&self) -> Vec<Vec<u32>> {
        let mut counts = vec![0; self.derived.conversation_numbers.len()];
        for row in self.messages.rows(0..self.messages.len()) {
            // What is of no conversation is refused by whoever fills them.
            if let Some(count) = counts.get_mut(row.conversation as usize) {
                *count += 1;
            }
        }
        counts.into_iter().map(Vec::with_capacity).collect()
    }

    fn derive_messages(&mut self) -> Result<(), BadSnapshot> {
        let mut last = None;
        let mut messages_of = self.room_for_messages();
        for (number, row) in (0..).zip(self.messages.rows(0..self.messages.len())) {
            if last.is_some_and(|last| last >= row.index) {
                return Err(BadSnapshot::Inconsistent("messages do not ascend"));
            }
            last = Some(row.index);
            if row.author as usize >= self.derived.persons.len() {
                return Err(BadSnapshot::Inconsistent("a message of nobody"));
            }
            let messages = messages_of.get_mut(row.conversation as usize);
            messages.ok_or(BadSnapshot::Inconsistent("a message of no conversation"))?.push(number);
        }
        for (row, messages) in self.conversations.values_mut().zip(messages_of) {
            row.messages = messages;
        }
        let beyond =
            |row: &super::Conversation| row.swept.iter().any(|mark| *mark as usize > row.messages.len());
        let ahead = self.swept_ahead.iter().flat_map(|ahead| &ahead.marks);
        let ahead_beyond = |((number, _), marks): (&(u64, u64), &[u32; RANKS])| {
            let messages = self.conversations.get(number).map_or(0, |row| row.messages.len());
            marks.iter().any(|mark| *mark as usize > messages)
        };
        match self.conversations.values().any(beyond) || { ahead }.any(ahead_beyond) {
            true => Err(BadSnapshot::Inconsistent("retention is done with more messages than there are")),
            false => Ok(()),
        }
    }

    /// What waits for a time, from the rows that say so.
    pub(super) fn derive_deadlines(&mut self) {
        let reservations = self.reservations.iter().map(|(id, row)| (row.deadline_ms, Due::Reservation(*id)));
        let proposals = self.proposals.iter().map(|(index, row)| (row.deadline_ms, Due::Proposal(*index)));
        self.derived.deadlines = reservations.chain(proposals).collect();
        self.derived.running.clear();
        let counting = |(index, row): (&u64, &super::OrderRow)| match row.state {
            OrderState::Counting(until_ms) => Some((*index, until_ms, row.ran_ms)),
            OrderState::Objected(..)
            | OrderState::Silenced(..)
            | OrderState::Held(_)
            | OrderState::Done(_) => None,
        };
        let targets = self.orders.iter().map(|(index, row)| (*index, row.order.target.clone()));
        for (index, target) in targets.collect::<Vec<_>>() {
            self.index_order(index, &target);
        }
        let ran_ms = self.ran_ms;
        for (index, until_ms, order_ran_ms) in self.orders.iter().filter_map(counting).collect::<Vec<_>>() {
            self.fall_after(Due::Order(index), until_ms, order_ran_ms, ran_ms);
        }
        let holds = self.holds.clone();
        holds.iter().for_each(|(index, row)| self.await_hold(*index, row, ran_ms));
    }
}
