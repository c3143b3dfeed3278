//! What is looked up in the books: which entries, where bodies lie, what took them.
//! Never changes anything.

use super::{Books, TIMES_EVERY, Wraps};
use crate::limits::KEY_ROLLS_MAX;
use bytes::Bytes;
use journal::Entry;
use journal::ids::{Index, Place};
use journal::register::Register;
use pki::PersonId;
use std::ops::Range;

impl Books {
    /// Entries at or above `from` that shape a conversation.
    pub(in crate::engine) fn acts(&self, conversation: u64, from: Index) -> &[Index] {
        let acts = self.conversations.get(&conversation).map_or(&[][..], |book| &book.acts);
        &acts[acts.partition_point(|index| *index < from)..]
    }

    /// From which index on a member may have messages: his invitation, or the first epoch he was given since.
    pub(in crate::engine) fn visible_from(
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
    pub(in crate::engine) fn key_rolls_since(&self, since: u64, size: u64) -> &[(Index, Bytes)] {
        let below = |size: u64| self.key_rolls.partition_point(|(index, _)| *index < size);
        let to = below(size);
        &self.key_rolls[below(since).saturating_sub(1).max(to.saturating_sub(KEY_ROLLS_MAX)).min(to)..to]
    }

    /// The Erase that took the body of the message, title or wraps at an index.
    pub(in crate::engine) fn erased_by(&self, register: &Register, index: Index) -> Option<Index> {
        let conversation = match register.message(index) {
            Some(row) => row.conversation,
            None => self.titles.get(&index).or_else(|| Some(&self.wraps.get(&index)?.place))?.conversation,
        };
        let whole = register.conversation_by_number(conversation).and_then(|found| found.erased);
        self.erased_by.get(&index).copied().or(whole)
    }

    /// Where the body of the message or title at an index lies.
    pub(in crate::engine) fn body_place(&self, register: &Register, index: Index) -> Option<Place> {
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
    pub(in crate::engine) fn newest_roll_ms(&self) -> Option<u64> {
        let (_, bytes) = self.key_rolls.last()?;
        Some(Entry::decode(bytes).ok()?.wall_ms)
    }

    pub(in crate::engine) fn wraps(&self, index: Index) -> Option<&Wraps> {
        self.wraps.get(&index)
    }

    /// The statement by which a person acknowledged a message.
    pub(in crate::engine) fn acknowledged(&self, message: Index, person: PersonId) -> Option<Index> {
        self.acknowledged.get(&(message, person)).copied()
    }

    /// The first statement by which a person said that he has read a message: it never changes afterwards.
    pub(in crate::engine) fn first_read(
        &self,
        conversation: u64,
        message: Index,
        person: PersonId,
    ) -> Option<Index> {
        let way = self.reads.get(&(conversation, person))?;
        way.get(way.partition_point(|reading| reading.up_to < message)).map(|reading| reading.at)
    }

    /// Entries outside of this range were all stamped before `since_ms`, or all at or after `until_ms`.
    pub(in crate::engine) fn stamped_within(&self, since_ms: u64, until_ms: u64) -> Range<Index> {
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
    pub(in crate::engine) fn last_message(&self, conversation: u64) -> Option<Index> {
        self.conversations.get(&conversation)?.last_message
    }
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
