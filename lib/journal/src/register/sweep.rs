//! Looks through conversations for what is due by a schedule and kept by no hold, within bounds.
//! Never changes anything, and never walks over what a mark says is done with.

use super::columns::ERASED;
use super::former::Former;
use super::{Conversation, Register};
use crate::act::HoldScope;
use crate::ids::{ConversationId, Index};
use crate::register::codec::pairs;
use crate::retention::{RANKS, Retention, day_of, first_kept_day};
use minicbor::{Decode, Encode};
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

/// How far runs are done with a conversation's messages, for each label.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Marks {
    pub(super) swept: [u32; RANKS],
    /// With those that were stamped ahead, by the clock set that shows it.
    pub(super) ahead: BTreeMap<u64, [u32; RANKS]>,
}

/// [`Marks::ahead`] of each conversation that has any, by its number.
#[derive(Clone, PartialEq, Eq, Default, Debug, Encode, Decode)]
#[cbor(array)]
pub(super) struct SweptAhead {
    #[cbor(n(0), with = "pairs")]
    pub(super) marks: BTreeMap<(u64, u64), [u32; RANKS]>,
}

/// Messages of a conversation that a rule names.
#[derive(Clone, Copy)]
struct Stretch {
    label: Clearance,
    rule: usize,
    /// The first one that is too young.
    end: Index,
    /// Those that were stamped ahead as this clock set shows, and no others; `None`: those that were not.
    ahead: Option<usize>,
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
        marks: &mut Marks,
        taken: &mut Vec<Index>,
    ) -> bool {
        if row.erased.is_some() {
            return true; // its slot went, and everything with it
        }
        let mut whole = true;
        for (rank, label) in (0u8..).map(Clearance).enumerate().take(RANKS) {
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
                let stretch = Stretch { label, rule, end, ahead: None };
                whole = whole && self.stretch(row, stretch, &mut marks.swept[rank], taken);
                whole = whole && self.ahead(row, (stretch, day), (&mut marks.ahead, rank), taken);
            }
        }
        taken.sort_unstable();
        whole
    }

    /// What was stamped ahead, of which the day of the clock set's `Approve` is over for long enough. Its own day is that one or
    /// an earlier one, so that no terminal takes it for younger.
    fn ahead(
        &mut self,
        row: &Conversation,
        (stretch, day): (Stretch, u64),
        (marks, rank): (&mut BTreeMap<u64, [u32; RANKS]>, usize),
        taken: &mut Vec<Index>,
    ) -> bool {
        let register = self.register;
        for (number, set) in
            register.clock_sets().iter().enumerate().filter(|(_, set)| day_of(set.from_ms) < day)
        {
            let before = |message: &u32| register.messages.row(*message).index < set.first;
            let first = u32::try_from(row.messages.partition_point(before)).unwrap_or(u32::MAX);
            let known = marks.get(&(number as u64)).map_or(0, |marks| marks[rank]);
            let mut mark = known.max(first);
            let stretch = Stretch { end: set.index, ahead: Some(number), ..stretch };
            let whole = self.stretch(row, stretch, &mut mark, taken);
            if mark > first {
                marks.entry(number as u64).or_insert([0; RANKS])[rank] = mark;
            }
            if !whole {
                return false;
            }
        }
        true
    }

    fn stretch(
        &mut self,
        row: &Conversation,
        Stretch { label, rule, end, ahead }: Stretch,
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
            let other = self.register.stamped_ahead_by(message.index) != ahead;
            if message.label != label || message.flags & ERASED != 0 || other {
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
