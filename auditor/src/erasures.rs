//! Erasures while a report is gathered: who asked, by which right, and which word of the server closed it.
//! Never judges a right: the Register admitted the act, and this says on what it stood.

use std::collections::BTreeSet;

use console::Lang;
use console::when::rfc3339;
use journal::act::{Act, ConversationKind, EraseTarget};
use journal::ids::Index;
use journal::register::{Applied, Effect, Register};
use journal::statement::Parsed;
use link::terminal::ground_words;
use pki::PersonId;
use serde::Serialize;

use crate::names::Names;
use crate::report::{BY_SCHEDULE, ROWS_MAX};

/// Messages of erasures whose authors are looked up at the end; of an erasure beyond that the right stays open.
pub const TARGETS_MAX: usize = 1 << 20;

/// An erasure.
#[derive(Clone, Debug, Serialize)]
pub struct ErasureRow {
    /// The `Erase`, the entry at which an order took effect, or the run of the retention schedule.
    pub index: Index,
    /// When, RFC 3339.
    pub at: String,
    /// Whose: of an order both officers; `retention` for a run of the schedule, which nobody asked for.
    pub by: String,
    /// By which right; `None` where it was not worked out ([`TARGETS_MAX`]).
    pub right: Option<Right>,
    /// The order of two officers, where it was one.
    pub order: Option<OrderFound>,
    /// The conversation's number; `None` for a run, which takes from many.
    pub conversation: Option<Index>,
    /// How many messages; `None` for the whole conversation.
    pub messages: Option<usize>,
    /// The `Erased` that closed it: the server's claim; `None` while it is pending.
    pub done: Option<Index>,
}

/// On what an erasure stood.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Right {
    /// The author took back what he himself wrote.
    Author,
    /// One side of a private conversation.
    PrivateSide,
    /// The owner of the group.
    GroupOwner,
    /// Two officers, by a paper.
    Order,
    /// The site's retention schedule.
    Schedule,
}

impl Right {
    /// In words.
    pub fn words(self, lang: Lang) -> &'static str {
        match self {
            Self::Author => lang.pick("author of the messages", "автор сообщений"),
            Self::PrivateSide => lang.pick("side of a private conversation", "сторона личной беседы"),
            Self::GroupOwner => lang.pick("owner of the group", "владелец группы"),
            Self::Order => lang.pick("order of two officers", "распоряжение двух офицеров"),
            Self::Schedule => lang.pick("retention schedule", "срок хранения"),
        }
    }
}

/// An order of erasure.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct OrderFound {
    /// The `Propose`.
    pub proposal: Index,
    /// The `Approve`.
    pub approve: Index,
    /// The paper's number, cleaned.
    pub number: String,
    /// Stable word of its ground.
    pub ground: &'static str,
}

/// Who asked.
enum By {
    Person(PersonId),
    /// Two officers, by the order of this `Propose`.
    Order(Index),
    Schedule,
}

struct Asked {
    index: Index,
    wall_ms: u64,
    by: By,
    conversation: Option<Index>,
    messages: Option<usize>,
    /// The messages themselves, where only their authors tell the right; `None` where there was no room.
    targets: Option<Vec<Index>>,
    done: Option<Index>,
}

/// Gathers during the replay.
#[derive(Default)]
pub(crate) struct Erasures {
    rows: Vec<Asked>,
    more: u64,
    targets: usize,
    /// Those that are not done, by index: where they stand in the list.
    pending: BTreeSet<(Index, usize)>,
}

impl Erasures {
    /// An admitted act.
    pub(crate) fn statement(&mut self, index: Index, wall_ms: u64, parsed: &Parsed, names: &Names) {
        let by = parsed.header().person;
        if let Act::Erase(act) = parsed.act() {
            let (id, messages) = match &act.target {
                EraseTarget::Messages(id, messages) => (id, Some(messages)),
                EraseTarget::Conversation(id) => (id, None),
            };
            let targets = self.room_for(messages);
            self.asked(Asked {
                index,
                wall_ms,
                by: By::Person(by),
                conversation: names.conversation(*id),
                messages: messages.map(Vec::len),
                targets,
                done: None,
            });
        }
    }

    /// Orders of two officers that took effect with this entry, a Tick or the approval of a confirmation; and what fell by
    /// a run of the retention schedule.
    pub(crate) fn effects(&mut self, index: Index, wall_ms: u64, applied: &Applied) {
        let row = |by, conversation, messages| Asked {
            index,
            wall_ms,
            by,
            conversation,
            messages,
            targets: None,
            done: None,
        };
        for effect in &applied.effects {
            if let Effect::OrderCarriedOut { proposal, conversation, messages, .. } = effect {
                let messages = Some(messages.len()).filter(|count| *count > 0);
                self.asked(row(By::Order(*proposal), Some(*conversation), messages));
            }
        }
        let fell = |effect: &Effect| {
            if let Effect::RetentionFell { messages, .. } = effect { messages.len() } else { 0 }
        };
        let messages: usize = applied.effects.iter().map(fell).sum();
        if messages > 0 {
            self.asked(row(By::Schedule, None, Some(messages)));
        }
    }

    /// The first `Erased` at or above an erasure's index is the one that closed it.
    pub(crate) fn erased(&mut self, through: Index, said: Index) {
        while let Some((index, row)) = self.pending.first().copied()
            && index <= through
        {
            self.pending.remove(&(index, row));
            self.rows[row].done = Some(said);
        }
    }

    /// The rows, and how many more there were.
    pub(crate) fn found(&self, names: &Names, register: &Register) -> (Vec<ErasureRow>, u64) {
        (self.rows.iter().map(|row| row.found(names, register)).collect(), self.more)
    }

    /// When the erasure of this index was asked for.
    pub(crate) fn at(&self, index: Index) -> Option<u64> {
        let row = self.rows.binary_search_by_key(&index, |row| row.index).ok()?;
        Some(self.rows[row].wall_ms)
    }

    fn room_for(&mut self, messages: Option<&Vec<Index>>) -> Option<Vec<Index>> {
        let count = messages.map_or(0, Vec::len);
        if self.rows.len() == ROWS_MAX || self.targets + count > TARGETS_MAX {
            return None;
        }
        self.targets += count;
        Some(messages.cloned().unwrap_or_default())
    }

    fn asked(&mut self, row: Asked) {
        if self.rows.len() == ROWS_MAX {
            self.more += 1;
            return;
        }
        self.pending.insert((row.index, self.rows.len()));
        self.rows.push(row);
    }
}

impl Asked {
    fn found(&self, names: &Names, register: &Register) -> ErasureRow {
        let name = |person| names.person(person, Lang::En);
        let (by, order) = match self.by {
            By::Person(person) => (name(person), None),
            By::Schedule => (BY_SCHEDULE.to_owned(), None),
            By::Order(proposal) => match register.order(proposal) {
                None => (String::new(), None),
                Some(row) => {
                    let (ground, _, _) = ground_words(row.order.order.ground);
                    let number = console::clean(&row.order.order.number);
                    let found = OrderFound { proposal, approve: row.approve, number, ground };
                    (format!("{}, {}", name(row.by), name(row.with)), Some(found))
                }
            },
        };
        ErasureRow {
            index: self.index,
            at: rfc3339(self.wall_ms),
            by,
            right: self.right(register),
            order,
            conversation: self.conversation,
            messages: self.messages,
            done: self.done,
        }
    }

    fn right(&self, register: &Register) -> Option<Right> {
        let by = match self.by {
            By::Schedule => return Some(Right::Schedule),
            By::Order(_) => return Some(Right::Order),
            By::Person(by) => by,
        };
        let targets = self.targets.as_ref()?;
        let own = |index: &Index| register.message(*index).is_some_and(|row| row.author == by);
        if !targets.is_empty() && targets.iter().all(own) {
            return Some(Right::Author);
        }
        match register.conversation_by_number(self.conversation?)?.membership.kind() {
            ConversationKind::Private => Some(Right::PrivateSide),
            ConversationKind::Group => Some(Right::GroupOwner),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(index: Index) -> Asked {
        Asked {
            index,
            wall_ms: 0,
            by: By::Schedule,
            conversation: None,
            messages: None,
            targets: None,
            done: None,
        }
    }

    #[test]
    fn an_erasure_is_done_however_many_came_before_it() {
        let mut found = Erasures::default();
        for index in 0..=ROWS_MAX as u64 {
            found.erased(index, index);
        }
        let at = ROWS_MAX as u64 + 1;
        for index in [at, at + 1, at + 2] {
            found.asked(asked(index));
        }
        let mut said = at + 3;
        let mut done = |found: &mut Erasures, through| {
            said += 1;
            found.erased(through, said);
            found.rows.iter().map(|row| row.done).collect::<Vec<_>>()
        };
        assert_eq!(done(&mut found, at + 1), [Some(at + 4), Some(at + 4), None]);
        assert_eq!(done(&mut found, at), [Some(at + 4), Some(at + 4), None], "it claims less than before");
        assert_eq!(done(&mut found, at + 2), [Some(at + 4), Some(at + 4), Some(at + 6)]);
    }

    #[test]
    fn beyond_its_room_a_right_stays_open_and_the_rest_is_counted() {
        let mut found = Erasures { targets: TARGETS_MAX - 1, ..Erasures::default() };
        assert_eq!(found.room_for(Some(&vec![1, 2])), None);
        assert_eq!(found.room_for(Some(&vec![1])), Some(vec![1]));
        for index in 0..ROWS_MAX as u64 + 3 {
            found.asked(asked(index));
        }
        assert_eq!((found.rows.len(), found.more), (ROWS_MAX, 3));
        assert_eq!(found.room_for(None), None, "what is not listed is not kept");
    }
}
