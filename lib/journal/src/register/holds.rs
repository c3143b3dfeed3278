//! Holds: what nobody may erase while they stand.
//! Never lets a hold end unwarned, and never grants anything: a hold only keeps.

use super::{
    Applied, Audience, Context, Due, Effect, HOLD_MS_MAX, HOLDS_MAX, HOLDS_OF_ONE_MAX, HoldRow, Register,
};
use crate::act::{EraseTarget, Hold, HoldScope};
use crate::ids::Index;
use crate::refusal::Refusal;
use pki::PersonId;

impl Register {
    pub(super) fn hold(&mut self, cx: &Context<'_>, act: &Hold) -> Result<Applied, Refusal> {
        if act.end_ms <= cx.now_ms || act.end_ms - cx.now_ms > HOLD_MS_MAX {
            return Err(Refusal::BadHold { reason: "it ends in the past, or too far ahead".into() });
        }
        let audience = self.check_scope(&act.scope)?;
        if self.holds.len() >= HOLDS_MAX {
            return Err(Refusal::TooManyHolds { limit: HOLDS_MAX as u64 });
        }
        if self.holds.values().filter(|row| row.by == cx.by.signer).count() >= HOLDS_OF_ONE_MAX {
            return Err(Refusal::TooManyOwnHolds { limit: HOLDS_OF_ONE_MAX as u64 });
        }
        let warn_ms = act.end_ms.saturating_sub(self.hold_warning_ms(cx.now_ms, cx.ran_ms)?);
        let warn_ms = Some(warn_ms).filter(|at| *at > cx.now_ms);
        let ran_ms = warn_ms.is_none().then(|| cx.ran_ms.saturating_add(act.end_ms - cx.now_ms));
        let row = HoldRow { by: cx.by.signer, hold: act.clone(), warn_ms, ran_ms };
        self.await_hold(cx.by.index, &row, cx.ran_ms);
        self.holds.insert(cx.by.index, row);
        Ok(Applied::to(audience))
    }

    /// There is such a person, conversation or message to be kept; gives those who are to see it.
    fn check_scope(&self, scope: &HoldScope) -> Result<Audience, Refusal> {
        let id = match scope {
            HoldScope::Person(person) => {
                let known = self.people.get(person).filter(|known| !known.is_server());
                known.ok_or(Refusal::UnknownPerson { person: *person })?;
                return Ok(Audience::Person(*person));
            }
            HoldScope::Conversation(id) | HoldScope::Messages(id, _) => *id,
        };
        let number = self.known_conversation(id)?;
        if let Some(index) = self.row(number)?.erased {
            return Err(Refusal::AlreadyErased { index });
        }
        if let HoldScope::Messages(_, messages) = scope {
            self.check_live(number, messages)?;
        }
        Ok(Audience::Conversation(number))
    }

    /// Ends a hold: by two officers, or because its time has come.
    pub(super) fn end_hold(&mut self, index: Index, effects: &mut Vec<Effect>) {
        if let Some(row) = self.holds.remove(&index) {
            self.falls_no_more(Due::Hold(index), row.hold.end_ms, row.ran_ms.unwrap_or(0));
            if let Some(warn_ms) = row.warn_ms {
                self.derived.deadlines.remove(&(warn_ms, Due::HoldWarning(index)));
            }
            self.look_again(&row.hold.scope);
            effects.push(Effect::HoldEnded { hold: index });
        }
    }

    /// A hold ends soon; said once. From here on the server must run for the time of the warning, however far the clock
    /// went while it stood still: the officers are to have that time.
    pub(super) fn hold_warns(&mut self, index: Index, ran_ms: u64, effects: &mut Vec<Effect>) {
        let Some(row) = self.holds.get_mut(&index) else { return };
        if let Some(warn_ms) = row.warn_ms.take() {
            row.ran_ms = Some(ran_ms.saturating_add(row.hold.end_ms.saturating_sub(warn_ms)));
            effects.push(Effect::HoldEndsSoon { hold: index, by: row.by });
            let row = row.clone();
            self.await_hold(index, &row, ran_ms);
        }
    }

    /// Sees to it that a hold is looked at: first for the warning, then for its end.
    pub(super) fn await_hold(&mut self, index: Index, row: &HoldRow, ran_ms: u64) {
        if let Some(warn_ms) = row.warn_ms {
            self.derived.deadlines.insert((warn_ms, Due::HoldWarning(index)));
        } else {
            self.fall_after(Due::Hold(index), row.hold.end_ms, row.ran_ms.unwrap_or(0), ran_ms);
        }
    }

    /// The first hold that keeps any of this.
    pub fn holding(&self, target: &EraseTarget) -> Option<Index> {
        self.keeping(target).next().map(|(index, _)| index)
    }

    /// All holds that keep any of this, oldest first.
    pub fn keeping<'a>(&'a self, target: &'a EraseTarget) -> impl Iterator<Item = (Index, &'a HoldRow)> {
        let number = self.known_conversation(target.conversation()).ok();
        let stored = number.and_then(|number| self.conversations.get(&number)).map(|row| &row.stored);
        let wrote = |index: &Index| Some((*index, self.message(*index)?.author));
        let messages: Vec<(Index, PersonId)> = match target {
            EraseTarget::Conversation(_) => Vec::new(),
            EraseTarget::Messages(_, messages) => messages.iter().filter_map(wrote).collect(),
        };
        let keeps = move |scope: &HoldScope| match (target, scope) {
            (EraseTarget::Conversation(_), HoldScope::Person(person)) => {
                stored.is_some_and(|stored| stored.contains_key(person))
            }
            (EraseTarget::Conversation(whole), HoldScope::Conversation(id) | HoldScope::Messages(id, _)) => {
                id == whole
            }
            (EraseTarget::Messages(id, _), scope) => {
                messages.iter().any(|(index, author)| scope.keeps(*id, *index, *author))
            }
        };
        let known = self.holds.iter().filter(move |_| number.is_some());
        known.filter(move |(_, row)| keeps(&row.hold.scope)).map(|(index, row)| (*index, row))
    }

    /// Holds that stand, by their index.
    pub fn holds(&self) -> impl Iterator<Item = (Index, &HoldRow)> {
        self.holds.iter().map(|(index, row)| (*index, row))
    }
}
