//! Looks through conversations for what is due by a schedule and kept by no hold, within bounds.
//! Never changes anything, and never walks over what a mark says is done with.

use super::columns::ERASED;
use super::former::Former;
use super::{Conversation, Register};
use crate::act::HoldScope;
use crate::ids::{ConversationId, Index};
use crate::retention::{RANKS, Retention, first_kept_day};
use pki::{Clearance, PersonId};
use std::collections::{BTreeMap, BTreeSet};

/// What holds keep, gathered once for a run.
///
/// Whatever the number of holds, a message costs one look: what [`HoldScope::keeps`] says of each of them.
#[derive(Default)]
pub(super) struct Kept {
    persons: BTreeSet<PersonId>,
    conversations: BTreeSet<ConversationId>,
    /// Ascending.
    messages: BTreeMap<ConversationId, Vec<Index>>,
}

/// Looks through conversations, within bounds.
pub(super) struct Sweep<'a> {
    register: &'a Register,
    schedule: &'a Retention,
    /// What counts on beside the schedule.
    pub(super) former: Option<&'a Former>,
    run_ms: u64,
    kept: Kept,
    messages_left: usize,
    rows_left: usize,
    pub(super) counts: Vec<u64>,
    pub(super) held: u64,
}

impl<'a> Sweep<'a> {
    pub(super) fn new(
        register: &'a Register,
        schedule: &'a Retention,
        run_ms: u64,
        (messages, rows): (usize, usize),
    ) -> Self {
        Self {
            register,
            schedule,
            former: None,
            run_ms,
            kept: Kept::of(register.holds.values().map(|row| &row.hold.scope)),
            messages_left: messages,
            rows_left: rows,
            counts: vec![0; schedule.rules.len()],
            held: 0,
        }
    }

    /// Due messages of a conversation from these marks on, which move. `false`: there are more than fit.
    pub(super) fn conversation(
        &mut self,
        row: &Conversation,
        marks: &mut [u32; RANKS],
        taken: &mut Vec<Index>,
    ) -> bool {
        if row.erased.is_some() {
            return true; // its slot went, and everything with it
        }
        let mut whole = true;
        for (label, mark) in (0u8..).map(Clearance).zip(marks) {
            let rule = self.schedule.rule_for(row.membership.kind(), label);
            let longer = |days| match self.former {
                Some(former) => former.longer(row.membership.kind(), label, days),
                None => Some(days),
            };
            if let Some((rule, days)) = rule
                && let Some(days) = longer(days)
                && let Some(day) = first_kept_day(days, self.run_ms)
            {
                let end = self.register.retaining.first_index_of(day);
                whole = whole && self.label(row, (label, rule, end), mark, taken);
            }
        }
        taken.sort_unstable();
        whole
    }

    fn label(
        &mut self,
        row: &Conversation,
        (label, rule, end): (Clearance, usize, Index),
        mark: &mut u32,
        taken: &mut Vec<Index>,
    ) -> bool {
        while let Some(number) = row.messages.get(*mark as usize) {
            let message = self.register.messages.row(*number);
            if message.index >= end {
                break;
            }
            if self.messages_left == 0 || self.rows_left == 0 {
                return false;
            }
            self.rows_left -= 1;
            *mark += 1;
            // Whose stamp is ahead of its time, a terminal would have to take for a message of that day.
            let ahead = self.register.is_stamped_ahead(message.index);
            if message.label != label || message.flags & ERASED != 0 || ahead {
                continue;
            }
            let author = self.register.derived.persons[message.author as usize];
            if self.kept.keeps(row.membership.id(), message.index, author) {
                self.held += 1;
                continue;
            }
            self.messages_left -= 1;
            self.counts[rule] += 1;
            taken.push(message.index);
        }
        true
    }
}

impl Kept {
    pub(super) fn of<'a>(scopes: impl Iterator<Item = &'a HoldScope>) -> Self {
        let mut kept = Self::default();
        for scope in scopes {
            match scope {
                HoldScope::Person(person) => drop(kept.persons.insert(*person)),
                HoldScope::Conversation(id) => drop(kept.conversations.insert(*id)),
                HoldScope::Messages(id, list) => kept.messages.entry(*id).or_default().extend(list),
            }
        }
        kept.messages.values_mut().for_each(|list| list.sort_unstable());
        kept
    }

    pub(super) fn keeps(&self, conversation: ConversationId, message: Index, author: PersonId) -> bool {
        let named = |list: &Vec<Index>| list.binary_search(&message).is_ok();
        self.persons.contains(&author)
            || self.conversations.contains(&conversation)
            || self.messages.get(&conversation).is_some_and(named)
    }
}
