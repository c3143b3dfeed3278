//! What the engine looks up beside the Register: which entries shape a conversation, where titles and wraps lie, which
//! Erase took what, the KeyRolls, the last receipts. Follows from the entries alone: a start feeds it the replay.
//! Never decides what is admitted.

use super::receipts::{Known, ReceiptBook};
use super::told::Told;
use crate::limits::KEY_ROLLS_MAX;
use bytes::Bytes;
use journal::Entry;
use journal::act::{Act, EraseTarget};
use journal::fact::Fact;
use journal::ids::{Chain, ConversationId, Index, Place};
use journal::register::codec::pairs;
use journal::register::{Applied, Candidate, CandidateContent, Effect, Register};
use journal::statement::VerifiedStatement;
use minicbor::{Decode, Encode};
use pki::PersonId;
use std::collections::BTreeMap;
use std::ops::Range;

/// The wraps that an Epoch or ShareHistory claimed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub(super) struct Wraps {
    #[n(0)]
    pub(super) place: Place,
    /// Chunk `n` is for the `n`-th.
    #[n(1)]
    pub(super) to: Vec<PersonId>,
}

#[derive(Clone, PartialEq, Eq, Default, Debug, Encode, Decode)]
#[cbor(array)]
struct ConversationBook {
    /// Entries that shape it, ascending.
    #[n(0)]
    acts: Vec<Index>,
    /// Where each epoch begins, from epoch 1 on.
    #[n(1)]
    epochs: Vec<Index>,
    #[n(2)]
    last_message: Option<Index>,
}

/// See the module. The form in which a snapshot holds it is encoded here too.
#[derive(Clone, PartialEq, Eq, Default, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Books {
    #[n(0)]
    pub(super) receipts: ReceiptBook,
    #[cbor(n(1), with = "key_rolls")]
    pub(super) key_rolls: Vec<(Index, Bytes)>,
    #[cbor(n(2), with = "pairs")]
    conversations: BTreeMap<u64, ConversationBook>,
    #[cbor(n(3), with = "pairs")]
    erased_by: BTreeMap<Index, Index>,
    #[cbor(n(4), with = "pairs")]
    titles: BTreeMap<Index, Place>,
    #[cbor(n(5), with = "pairs")]
    wraps: BTreeMap<Index, Wraps>,
    #[cbor(n(6), with = "pairs")]
    acknowledged: BTreeMap<(Index, PersonId), Index>,
    /// Each reader's way through a conversation, ascending.
    #[cbor(n(7), with = "pairs")]
    reads: BTreeMap<(u64, PersonId), Vec<Reading>>,
    /// The time of every [`TIMES_EVERY`]th entry: where to look for what was said since.
    #[n(8)]
    times: Vec<u64>,
    #[n(9)]
    pub(super) told: Told,
    /// The genesis and the statements of successions.
    #[cbor(n(10), with = "key_rolls")]
    pub(crate) founding: Vec<(Index, Bytes)>,
    /// Where the journal's time was set back: `times` ascends between two of these, and nowhere over one.
    #[n(11)]
    set_back: Vec<Index>,
}

/// Entries between two whose times are kept.
const TIMES_EVERY: u64 = 512;

/// One `Read` statement: it covers all up to `up_to` that none before it covered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
struct Reading {
    #[n(0)]
    up_to: Index,
    #[n(1)]
    at: Index,
}

/// Entries as byte strings.
mod key_rolls {
    use super::Bytes;
    use journal::ids::Index;
    use minicbor::decode::Error;
    use minicbor::{Decoder, Encoder, encode::Write};

    pub(super) fn encode<C, W: Write>(
        rolls: &[(Index, Bytes)],
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.array(rolls.len() as u64)?;
        rolls.iter().try_for_each(|(index, entry)| e.array(2)?.u64(*index)?.bytes(entry).map(drop))
    }

    pub(super) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Vec<(Index, Bytes)>, Error> {
        let count = d.array()?.ok_or_else(|| Error::message("indefinite array"))?;
        let mut rolls = Vec::new();
        for _ in 0..count {
            if d.array()? != Some(2) {
                return Err(Error::message("not a pair"));
            }
            rolls.push((d.u64()?, Bytes::copy_from_slice(d.bytes()?)));
        }
        Ok(rolls)
    }
}

impl Books {
    /// Takes in an admitted entry. `register` is the state behind it, `bytes` are the entry's.
    pub fn observe(
        &mut self,
        candidate: &Candidate<'_>,
        bytes: &[u8],
        applied: &Applied,
        register: &Register,
    ) {
        if candidate.index == self.times.len() as u64 * TIMES_EVERY {
            self.times.push(candidate.wall_ms);
        }
        match candidate.content {
            CandidateContent::Statement(statement) => {
                self.observe_receipt(candidate, statement);
                let act = statement.get().act();
                if let Act::Genesis(_) | Act::Succession(_) = act {
                    self.founding.push((candidate.index, Bytes::copy_from_slice(bytes)));
                }
                if let Act::Acknowledge(acknowledge) = act {
                    let person = statement.get().header().person;
                    self.acknowledged.insert((acknowledge.message, person), candidate.index);
                } else if let Act::Read(read) = act
                    && let Some(found) = register.conversation(read.conversation)
                {
                    let person = statement.get().header().person;
                    self.observe_read(
                        found.number,
                        person,
                        Reading { up_to: read.up_to, at: candidate.index },
                    );
                }
                self.observe_act(candidate.index, act, applied, register);
            }
            CandidateContent::Fact(Fact::KeyRoll(_)) => {
                self.key_rolls.push((candidate.index, Bytes::copy_from_slice(bytes)));
            }
            CandidateContent::Fact(Fact::Alarm(_)) => self.told.alarm(candidate.index),
            CandidateContent::Fact(_) => {}
        }
        applied.effects.iter().for_each(|effect| self.observe_effect(candidate.index, effect));
    }

    fn observe_receipt(&mut self, candidate: &Candidate<'_>, statement: &VerifiedStatement) {
        let (header, id) = (statement.get().header(), statement.get().id());
        if header.person == PersonId(0) {
            return; // the authority's acts come in a Submit, whose receipt covers them
        }
        let is_login = matches!(statement.get().act(), Act::Login(_));
        let chain = if is_login { Chain(candidate.leaf) } else { header.chain };
        let known = Known {
            sequence: header.sequence,
            attempt: header.attempt,
            id,
            index: candidate.index,
            wall_ms: candidate.wall_ms,
            boot_ms: candidate.boot_ms,
        };
        self.receipts.admitted(header.person, chain, known);
    }

    fn observe_act(&mut self, index: Index, act: &Act, applied: &Applied, register: &Register) {
        if let Some(id) = shapes(act)
            && let Some(conversation) = register.conversation(id)
        {
            self.note(conversation.number, index);
        }
        if let Act::Report(_) | Act::Finding(_) = act {
            self.told.alarm(index);
        } else if let Act::AlarmAcknowledge(_) | Act::AlarmClose(_) | Act::ClockAttest(_) = act {
            self.told.desk(index);
        }
        if let Act::Disclose(disclose) = act
            && let Some(row) = register.message(disclose.message)
        {
            self.note(row.conversation, index);
            self.told.desk(index);
        }
        if let Act::Erase(erase) = act
            && let EraseTarget::Messages(_, messages) = &erase.target
        {
            messages.iter().for_each(|message| {
                self.erased_by.entry(*message).or_insert(index);
            });
        } else if let Act::Message(_) = act
            && let Some(row) = register.message(index)
        {
            self.conversations.entry(row.conversation).or_default().last_message = Some(index);
        } else if let Act::Title(_) = act {
            self.titles.extend(allocated(&applied.effects).map(|place| (index, place)));
        } else if let Act::Epoch(epoch) = act {
            let members = register.conversation(epoch.conversation).map(|found| found.membership.members());
            self.observe_wraps(index, applied, members.into_iter().flatten().map(|(id, _)| *id).collect());
        } else if let Act::ShareHistory(share) = act {
            self.observe_wraps(index, applied, vec![share.person]);
        }
    }

    fn observe_read(&mut self, conversation: u64, person: PersonId, reading: Reading) {
        let way = self.reads.entry((conversation, person)).or_default();
        // A member who left and came back begins anew; what he had read before stays read then.
        if way.last().is_none_or(|last| last.up_to < reading.up_to) {
            way.push(reading);
        }
    }

    fn observe_wraps(&mut self, index: Index, applied: &Applied, to: Vec<PersonId>) {
        let place = applied.effects.iter().find_map(|effect| {
            if let Effect::ReservationClaimed { place, .. } = effect { Some(*place) } else { None }
        });
        self.wraps.extend(place.map(|place| (index, Wraps { place, to })));
    }

    fn observe_effect(&mut self, index: Index, effect: &Effect) {
        match effect {
            Effect::ConversationFounded { conversation }
            | Effect::ConversationClosed { conversation }
            | Effect::MemberAdded { conversation, .. }
            | Effect::MemberGone { conversation, .. }
            | Effect::EpochDue { conversation } => self.note(*conversation, index),
            Effect::EpochBegan { conversation, .. } => {
                self.note(*conversation, index);
                self.conversations.entry(*conversation).or_default().epochs.push(index);
            }
            Effect::ChainEnded { chain, .. } => self.receipts.ended(*chain),
            Effect::OrderBegan { conversation, .. } => self.note(*conversation, index),
            Effect::OrderCarriedOut { approve, messages, .. } => {
                messages.iter().for_each(|message| {
                    self.erased_by.entry(*message).or_insert(*approve);
                });
            }
            // The entry of the run is the proof.
            Effect::RetentionFell { messages, .. } => {
                messages.iter().for_each(|message| {
                    self.erased_by.entry(*message).or_insert(index);
                });
                self.told.run(index);
            }
            Effect::ClockSet { .. } => self.set_back.push(index),
            Effect::PolicyChanged
            | Effect::ChainStarted { .. }
            | Effect::PasswordSet { .. }
            | Effect::EnvelopeOpens { .. }
            | Effect::EnvelopeVoided { .. }
            | Effect::ItemAllocated { .. }
            | Effect::Reserved { .. }
            | Effect::ReservationClaimed { .. }
            | Effect::ReservationDropped { .. }
            | Effect::EraseIntended { .. }
            | Effect::Erased { .. }
            | Effect::PersonEnrolled { .. }
            | Effect::PersonRevoked { .. }
            | Effect::CertificateRevoked { .. }
            | Effect::PersonLocked { .. }
            | Effect::OfficerAdmitted { .. }
            | Effect::ProposalLapsed { .. }
            | Effect::OrderStopped { .. }
            | Effect::HoldEndsSoon { .. }
            | Effect::HoldEnded { .. }
            | Effect::CellDropped { .. }
            | Effect::SubmitOpened { .. }
            | Effect::PeriodBegan { .. }
            | Effect::PeriodEnded { .. } => {}
        }
    }

    fn note(&mut self, conversation: u64, index: Index) {
        let acts = &mut self.conversations.entry(conversation).or_default().acts;
        if acts.last() != Some(&index) {
            acts.push(index);
        }
    }

    /// Entries at or above `from` that shape a conversation.
    pub(super) fn acts(&self, conversation: u64, from: Index) -> &[Index] {
        let acts = self.conversations.get(&conversation).map_or(&[][..], |book| &book.acts);
        &acts[acts.partition_point(|index| *index < from)..]
    }

    /// From which index on a member may have messages: his invitation, or the first epoch he was given since.
    pub(super) fn visible_from(
        &self,
        register: &Register,
        conversation: u64,
        person: PersonId,
    ) -> Option<Index> {
        let member = register.conversation_by_number(conversation)?.membership.members().get(&person)?;
        let epochs = self.conversations.get(&conversation).map_or(&[][..], |book| &book.epochs);
        let shared = member.reads_from.checked_sub(1).and_then(|at| epochs.get(at as usize));
        Some(shared.map_or(member.since, |epoch| member.since.min(*epoch)))
    }

    /// The KeyRolls below `size`, from the one in force at the head of size `since`; the newest of them.
    pub(super) fn key_rolls_since(&self, since: u64, size: u64) -> &[(Index, Bytes)] {
        let below = |size: u64| self.key_rolls.partition_point(|(index, _)| *index < size);
        let to = below(size);
        &self.key_rolls[below(since).saturating_sub(1).max(to.saturating_sub(KEY_ROLLS_MAX)).min(to)..to]
    }

    /// The Erase that took the body of the message, title or wraps at an index.
    pub(super) fn erased_by(&self, register: &Register, index: Index) -> Option<Index> {
        let conversation = match register.message(index) {
            Some(row) => row.conversation,
            None => self.titles.get(&index).or_else(|| Some(&self.wraps.get(&index)?.place))?.conversation,
        };
        let whole = register.conversation_by_number(conversation).and_then(|found| found.erased);
        self.erased_by.get(&index).copied().or(whole)
    }

    /// Where the body of the message or title at an index lies.
    pub(super) fn body_place(&self, register: &Register, index: Index) -> Option<Place> {
        let message = register.message(index);
        let message = message.map(|row| Place { conversation: row.conversation, item: row.item });
        message.or_else(|| self.titles.get(&index).copied())
    }

    /// Bodies beside those of messages that ought to be in the store: titles, and the wraps of epochs and of shared
    /// histories. Entry, place, and how many chunks lie there (a title is one body).
    pub fn titles_and_wraps(&self, register: &Register) -> impl Iterator<Item = (Index, Place, u32)> {
        let titles = self.titles.iter().map(|(index, place)| (*index, *place, 1));
        let wraps = self.wraps.iter().map(|(index, wraps)| (*index, wraps.place, wraps.to.len() as u32));
        titles.chain(wraps).filter(|(index, ..)| self.erased_by(register, *index).is_none())
    }

    /// When the newest period began.
    pub(super) fn newest_roll_ms(&self) -> Option<u64> {
        let (_, bytes) = self.key_rolls.last()?;
        Some(Entry::decode(bytes).ok()?.wall_ms)
    }

    pub(super) fn wraps(&self, index: Index) -> Option<&Wraps> {
        self.wraps.get(&index)
    }

    /// The statement by which a person acknowledged a message.
    pub(super) fn acknowledged(&self, message: Index, person: PersonId) -> Option<Index> {
        self.acknowledged.get(&(message, person)).copied()
    }

    /// The first statement by which a person said that he has read a message: it never changes afterwards.
    pub(super) fn first_read(&self, conversation: u64, message: Index, person: PersonId) -> Option<Index> {
        let way = self.reads.get(&(conversation, person))?;
        way.get(way.partition_point(|reading| reading.up_to < message)).map(|reading| reading.at)
    }

    /// Entries outside of this range were all stamped before `since_ms`, or all at or after `until_ms`.
    pub(super) fn stamped_within(&self, since_ms: u64, until_ms: u64) -> Range<Index> {
        let ends = self.set_back.iter().map(|at| at / TIMES_EVERY + 1).chain([self.times.len() as u64]);
        let mut found: Option<Range<u64>> = None;
        let mut begin = 0;
        for end in ends.map(|end| end.min(self.times.len() as u64)) {
            // Where the time was set back within a block, what begins there is of that block too, stamped whenever.
            let times = &self.times[begin as usize..end as usize];
            let (first, rest) = times.split_at(times.len().min(usize::from(begin > 0)));
            let before = |ms: u64| (first.len() + rest.partition_point(|at| *at < ms)) as u64;
            let part = begin + before(since_ms).saturating_sub(1)..begin + before(until_ms);
            begin = end.saturating_sub(1).max(begin);
            found = Some(match found {
                Some(found) => found.start.min(part.start)..found.end.max(part.end),
                None => part,
            });
        }
        let Range { start, end } = found.unwrap_or_default();
        start * TIMES_EVERY..if end == self.times.len() as u64 { Index::MAX } else { end * TIMES_EVERY }
    }

    /// The newest message of a conversation.
    pub(super) fn last_message(&self, conversation: u64) -> Option<Index> {
        self.conversations.get(&conversation)?.last_message
    }
}

/// Where the entry's body goes.
pub(super) fn allocated(effects: &[Effect]) -> Option<Place> {
    effects
        .iter()
        .find_map(|effect| if let Effect::ItemAllocated { place } = effect { Some(*place) } else { None })
}

/// The conversation whose shape an act belongs to: all kinds but messages, reservations and cursors.
fn shapes(act: &Act) -> Option<ConversationId> {
    // A Create's number is its index: the effect ConversationFounded names it.
    if matches!(act, Act::Message(_) | Act::Reserve(_) | Act::Read(_)) { None } else { act.conversation() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_at_a_time_is_looked_for_where_it_can_be() {
        let books = Books { times: vec![100, 200, 200, 300], ..Books::default() };
        assert_eq!(books.stamped_within(0, u64::MAX), 0..Index::MAX);
        assert_eq!(
            books.stamped_within(200, 200),
            0..512,
            "the first of that time may stand before its mark"
        );
        assert_eq!(books.stamped_within(201, 300), 1024..1536);
        assert_eq!(books.stamped_within(999, 1000), 1536..Index::MAX);
        assert_eq!(Books::default().stamped_within(5, 6), 0..Index::MAX);
    }

    #[test]
    fn what_was_said_is_found_also_where_the_clock_was_set_back() {
        // Entries of each block of 512, by their stamps: the clock leaps in the second one and is set back in the fourth.
        let stamps: Vec<u64> = (0..6 * TIMES_EVERY)
            .map(|index| match index {
                0..700 => 1000 + index,
                700..1800 => 900_000 + index,
                _ => 1000 + index - 1000,
            })
            .collect();
        let times = stamps.iter().copied().step_by(TIMES_EVERY as usize).collect();
        let books = Books { times, set_back: vec![1799], ..Books::default() };
        for (since_ms, until_ms) in [(0, 1100), (1500, 1600), (1900, 2300), (900_000, 910_000), (2500, 9000)]
        {
            let within = books.stamped_within(since_ms, until_ms);
            for (index, at) in stamps.iter().enumerate().filter(|(_, at)| (since_ms..until_ms).contains(*at))
            {
                assert!(
                    within.contains(&(index as u64)),
                    "#{index}, stamped {at}, of {since_ms}..{until_ms}"
                );
            }
        }
        assert_eq!(books.stamped_within(900_000, 910_000), 512..Index::MAX);
        assert_eq!(books.stamped_within(0, 1100).start, 0);
    }

    #[test]
    fn a_welcome_brings_the_rolls_since_the_head_that_was_named_and_no_more_than_a_frame_holds() {
        let rolls = 2000;
        let key_rolls = (0..rolls).map(|period| (10 * period + 1, Bytes::new())).collect();
        let books = Books { key_rolls, ..Books::default() };
        let indices = |since, size| {
            let found = books.key_rolls_since(since, size).iter();
            found.map(|(index, _)| *index).collect::<Vec<_>>()
        };
        assert_eq!(indices(9_975, 9_990), [9_971, 9_981], "the one in force, and those behind it");
        assert_eq!(indices(9_972, 9_981), [9_971], "only what is durable");
        assert_eq!(indices(5, 5), [1]);
        assert_eq!(indices(0, 1), [0; 0]);
        let first = indices(0, 20_000);
        assert_eq!((first.len(), first.last()), (KEY_ROLLS_MAX, Some(&19_991)), "the newest");
        // The entry of a roll has less than 400 bytes, and only the last one comes with a proof.
        let bytes = KEY_ROLLS_MAX * 400 + crate::limits::AROUND_ENTRY_BYTES;
        assert!(bytes < crate::limits::FRAME_BYTES_MAX * 9 / 10);
    }
}
