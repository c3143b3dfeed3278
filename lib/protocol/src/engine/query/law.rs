//! What officers look for before they order an erasure, and what everybody is told of orders and holds.
//! Never gives a body along: who, where, when and how large is all that an officer learns.

use super::{Bodies, Engine, Found, Kind};
use crate::answer::{Answer, FormerRecord, OrderRecord, RetentionRecord};
use crate::limits::{ANSWER_ENTRIES_MAX, ANSWER_ROWS_MAX};
use crate::query::Find;
use journal::ids::Index;
use journal::register::{Former, OrderRow, OrderState};
use journal::retention::{RETENTION_RULES_MAX, Retention};
use pki::{PersonId, Role};

impl Engine {
    /// A page of messages; it ends where as many were looked through as one question may cost, and names the next.
    pub(super) fn find_messages(&self, person: PersonId, find: &Find) -> Option<Found> {
        if !self.has_role(person, Role::Officer) {
            return None;
        }
        let register = &self.ledger.register;
        let number = match find.conversation {
            Some(id) => Some(register.conversation(id)?.number),
            None => None,
        };
        let times = self.ledger.books.stamped_within(find.since_ms, find.until_ms);
        let range = find.from.max(times.start)..times.end.min(self.commits.durable.head.size);
        let (mut indices, mut looked, mut next) = (Vec::new(), 0, range.end);
        for row in register.messages_within(range) {
            if looked >= ANSWER_ROWS_MAX || indices.len() >= ANSWER_ENTRIES_MAX {
                next = row.index;
                break;
            }
            looked += 1;
            let here = number.is_none_or(|number| row.conversation == number);
            if here && find.person.is_none_or(|person| row.author == person) {
                indices.push(row.index);
            }
        }
        let more = next < times.end.min(self.commits.durable.head.size);
        Some(Found::Page { kind: Kind::Find(next), indices, more, from: Bodies::None })
    }

    /// How the schedule stands, and what another one would take: one look at every message, for those who decide.
    pub(super) fn retention(&self, person: PersonId, schedule: Option<Retention>) -> Option<Found> {
        if !self.is_office(person) {
            return None;
        }
        let register = &self.ledger.register;
        let (state, now_ms) = (register.retention(), self.ledger.wall_ms());
        let first_ms = match &schedule {
            Some(schedule) => schedule.next_after(now_ms),
            None => register.next_run_ms().or(state.next_ms),
        };
        let next_ms = register.next_run_ms().or(state.next_ms);
        let schedule = schedule.or_else(|| Some(register.policy()?.retention.clone()))?;
        let counted = schedule.rules.len() <= RETENTION_RULES_MAX;
        if !counted {
            return None;
        }
        let who = self.has_role(person, Role::Officer).then_some(person);
        // Whoever asks too often decides without the count, and is told so. Where nothing falls nothing is looked at.
        let rows = register.preview_rows();
        let may = schedule.rules.is_empty() || self.previews.may_look(who, self.ledger.boot_ms(), rows);
        let preview = may.then(|| register.retention_preview(&schedule, first_ms.unwrap_or(now_ms)));
        let open_parts = state.open.map(|open| open.parts);
        let waits_ms = register.run_waits_ms(self.ledger.boot_ms());
        let record =
            RetentionRecord { next_ms, open_parts, last: state.last, first_ms, preview, waits_ms, now_ms };
        Some(Found::Now(Answer::Retention(Box::new(record))))
    }

    /// What counts on beside the policy, because it was longer.
    pub(super) fn former(&self) -> Found {
        let (wall_ms, boot_ms) = (self.ledger.wall_ms(), self.ledger.boot_ms());
        let record = |(former, until_ms): (&Former, u64)| FormerRecord {
            objection_ms: former.objection_ms,
            until_ms,
            hold_warning_ms: former.hold_warning_ms,
            retention: former.retention.clone(),
        };
        let former = self.ledger.register.former_now(wall_ms, boot_ms).map(record);
        Found::Now(Answer::Former(former.map(Box::new)))
    }

    /// Runs that took something, for whoever was away.
    pub(super) fn runs_from(&self, from: Index) -> Found {
        self.some(Kind::Runs, self.ledger.books.told.runs_from(from))
    }

    pub(super) fn some(&self, kind: Kind, indices: &[Index]) -> Found {
        let size = self.commits.durable.head.size;
        let mut durable = indices.iter().copied().filter(|index| *index < size);
        let indices = durable.by_ref().take(ANSWER_ENTRIES_MAX).collect();
        Found::Page { kind, indices, more: durable.next().is_some(), from: Bodies::None }
    }

    pub(super) fn holds(&self, person: PersonId, from: Index) -> Found {
        let size = self.commits.durable.head.size;
        let holds = self.ledger.register.holds().filter(|(index, _)| (from..size).contains(index));
        let mine = holds.filter(|(_, row)| self.hold_concerns(person, &row.hold.scope));
        let indices: Vec<Index> = mine.map(|(index, _)| index).collect();
        Found::Page { kind: Kind::Holds, indices, more: false, from: Bodies::None }
    }

    /// The newest of those below an index.
    pub(super) fn orders(&self, person: PersonId, below: Index) -> Found {
        let (register, size) = (&self.ledger.register, self.commits.durable.head.size);
        let durable = |(_, row): &(Index, &OrderRow)| row.approve < size;
        let record = |(proposal, row): (Index, &OrderRow)| OrderRecord {
            proposal,
            approve: row.approve,
            state: register.order_state(row),
            hold: self.kept_by(person, row),
        };
        let some = ANSWER_ENTRIES_MAX;
        let mut records: Vec<OrderRecord> = match self.has_role(person, Role::Officer) {
            true => register.orders_below(below).rev().filter(durable).take(some).map(record).collect(),
            false => {
                let own = register.orders_concerning(person, below);
                own.filter(durable).take(some).map(record).collect()
            }
        };
        records.reverse();
        Found::Now(Answer::Orders(records))
    }

    /// The hold that an order will meet: of all that keep what it takes and concern who asks the one that ends last, unless it
    /// ends before.
    fn kept_by(&self, person: PersonId, row: &OrderRow) -> Option<Index> {
        let register = &self.ledger.register;
        let from_ms = match register.order_state(row) {
            OrderState::Counting(at_ms) => at_ms,
            OrderState::Objected(..) | OrderState::Silenced(..) => 0,
            OrderState::Held(_) | OrderState::Done(_) => return None,
        };
        let keeping = register.keeping(&row.order.target).filter(|(_, held)| held.hold.end_ms > from_ms);
        let told = keeping.filter(|(_, held)| self.hold_concerns(person, &held.hold.scope));
        told.max_by_key(|(_, held)| held.hold.end_ms).map(|(index, _)| index)
    }
}
