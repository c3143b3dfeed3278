//! Who can object to an order of erasure, and what becomes of one where somebody was kept from it.
//! Never lets one officer take anybody's time to object away, by whatever entry: two give their fresh word then.

use super::{Context, Effect, OrderState, Person, Register, Silenced};
use crate::act::EraseTarget;
use crate::ids::Index;
use pki::{CertId, PersonId, Role};
use std::ops::Range;

/// What a person objects by, and lost.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    /// That he knows.
    Password,
    /// One of those for it.
    Certificate,
}

impl Register {
    /// Either side of a private conversation, a group's owner, and who wrote one of the messages.
    pub fn may_object(&self, person: PersonId, target: &EraseTarget) -> bool {
        let Ok(number) = self.known_conversation(target.conversation()) else { return false };
        let Ok(row) = self.row(number) else { return false };
        let side = match row.membership.owner() {
            Some(owner) => owner == person,
            None => row.membership.members().contains_key(&person),
        };
        let wrote = || match target {
            EraseTarget::Conversation(_) => false,
            EraseTarget::Messages(_, messages) => {
                messages.iter().filter_map(|index| self.message(*index)).any(|row| row.author == person)
            }
        };
        side || wrote()
    }

    /// Until when a person has a certificate by which he can object, and the authorities stand that it hangs on; `None`
    /// where he has none.
    fn says_until_ms(&self, person: &Person) -> Option<u64> {
        let authorities_ms = self.site.as_ref()?.authorities_until_ms()?;
        let until = |id: &CertId| {
            let roles = self.roles_of_session(*id);
            let last_ms = self.certificates.get(id)?.valid_until_ms();
            let speaks = roles.contains(Role::Operator) || roles.contains(Role::Bot);
            speaks.then_some(last_ms.min(authorities_ms))
        };
        person.signature.iter().filter_map(until).max().filter(|_| person.revoked.is_none())
    }

    /// Whether a person has a certificate by which he can object at this time.
    pub(super) fn has_say(&self, person: PersonId, at_ms: u64) -> bool {
        let row = self.people.get(&person);
        row.and_then(|row| self.says_until_ms(row)).is_some_and(|until_ms| at_ms <= until_ms)
    }

    /// Somebody concerned whose last certificate ran out in this time.
    pub(super) fn ran_out_within(&self, target: &EraseTarget, time_ms: Range<u64>) -> Option<PersonId> {
        let ran_out =
            |person: &&Person| self.says_until_ms(person).is_some_and(|until_ms| time_ms.contains(&until_ms));
        let mut persons = self.people.values().filter(ran_out);
        persons.find(|person| self.may_object(person.id, target)).map(|person| person.id)
    }

    /// Whoever might object to what is ordered now and cannot: suspended, or kept from it by an entry within the time to
    /// object before the order, or by the end of his certificate then or before that time is over. With the entry that did
    /// it, or the order's own.
    pub(super) fn silenced_already(
        &self,
        cx: &Context<'_>,
        conversation: u64,
        target: &EraseTarget,
        (objection_ms, until_ms): (u64, u64),
    ) -> Option<(PersonId, Index)> {
        let recent = |by: &Silenced| by.is_recent(cx, objection_ms);
        let persons = self.people.values().filter_map(|person| {
            let kept = person.silenced.as_ref().filter(|by| recent(by)).map(|by| by.index);
            Some((person.id, person.suspended.or(kept)?))
        });
        let mut concerned = persons.filter(|(person, _)| self.may_object(*person, target));
        let cut = || {
            let cut = &self.conversations.get(&conversation)?.silenced;
            cut.iter().find(|(_, by)| recent(by)).map(|(person, by)| (*person, by.index))
        };
        let ran_out = || {
            let person = self.ran_out_within(target, cx.now_ms.saturating_sub(objection_ms)..until_ms)?;
            Some((person, cx.by.index))
        };
        concerned.next().or_else(cut).or_else(ran_out)
    }

    /// The entry at this index keeps a person from objecting, everywhere or in these conversations: what he might object to
    /// waits for two officers' fresh word as if he had. One officer alone takes nobody's time to object away.
    pub(super) fn silence(
        &mut self,
        person: PersonId,
        within: Option<&[u64]>,
        at: Index,
        effects: &mut Vec<Effect>,
    ) {
        let here = |target: &EraseTarget| match within {
            Some(numbers) => {
                self.known_conversation(target.conversation()).is_ok_and(|number| numbers.contains(&number))
            }
            None => true,
        };
        let counting = self.orders.iter().filter_map(|(proposal, row)| {
            let OrderState::Counting(until_ms) = row.state else { return None };
            let target = &row.order.target;
            (here(target) && self.may_object(person, target)).then_some((*proposal, until_ms))
        });
        for (proposal, until_ms) in counting.collect::<Vec<_>>() {
            self.stop_order(proposal, OrderState::Silenced(person, at, until_ms), effects);
        }
    }

    /// An entry took away what a person objects by. Also what is ordered within the time to object behind it waits for two.
    pub(super) fn lose_say(
        &mut self,
        cx: &Context<'_>,
        person: PersonId,
        lost: Lost,
        effects: &mut Vec<Effect>,
    ) {
        self.silence(person, None, cx.by.index, effects);
        let objection_ms = self.objection_ms(cx.now_ms, cx.ran_ms).unwrap_or(0);
        if let Some(row) = self.people.get_mut(&person) {
            // What took his certificate lately is not forgotten for a password.
            let stands = |before: &Silenced| !before.by_password && before.is_recent(cx, objection_ms);
            let by_password = lost == Lost::Password && !row.silenced.as_ref().is_some_and(stands);
            row.silenced = Some(Silenced { by_password, ..Silenced::by(cx) });
        }
    }

    /// The person has set a password of his own: what he was kept from by another's is over. What took his certificate is
    /// not: nobody knows whether he has the key of the one by which he came.
    pub(super) fn regains_say(&mut self, cx: &Context<'_>, person: PersonId) {
        let speaks = self.has_say(person, cx.now_ms);
        if let Some(row) = self.people.get_mut(&person).filter(|_| speaks)
            && row.silenced.as_ref().is_some_and(|by| by.by_password)
        {
            row.silenced = None;
        }
    }
}

#[cfg(test)]
#[path = "say_tests.rs"]
mod tests;
