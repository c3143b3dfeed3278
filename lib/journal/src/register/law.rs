//! Erasure by order of two officers, the objections against it, and holds.
//! Never lets an order take effect while somebody's objection or a hold stands against it.

use super::columns::ERASED;
use super::session::check_covered;
use super::{
    Applied, Audience, Context, Due, Effect, HOLD_MS_MAX, HOLDS_MAX, HoldRow, ORDERS_MAX, OrderRow,
    OrderState, Register,
};
use crate::act::{CellName, EraseOrder, EraseTarget, Hold, HoldScope, Object};
use crate::ids::{ConversationId, Index};
use crate::refusal::Refusal;
use pki::PersonId;

impl Register {
    /// The order could be given now.
    pub(super) fn check_order(&self, order: &EraseOrder) -> Result<(), Refusal> {
        order.check_bounds().map_err(|error| Refusal::BadProposal { reason: error.to_string() })?;
        let number = self.known_conversation(order.target.conversation())?;
        if let Some(index) = self.row(number)?.erased {
            return Err(Refusal::AlreadyErased { index });
        }
        match order.confirms {
            Some(proposal) => self.check_confirms(proposal, order),
            None => self.check_fresh_order(number, order),
        }
    }

    /// It names the very order that was stopped, and nothing holds any more what it takes.
    fn check_confirms(&self, proposal: Index, order: &EraseOrder) -> Result<(), Refusal> {
        let found = self.orders.get(&proposal);
        let stopped =
            found.is_some_and(|found| found.state.is_stopped() && found.order.target == order.target);
        if !stopped {
            return Err(Refusal::NoSuchOrder { proposal });
        }
        match self.holding(&order.target) {
            Some(hold) => Err(Refusal::Held { hold }),
            None => Ok(()),
        }
    }

    fn check_fresh_order(&self, number: u64, order: &EraseOrder) -> Result<(), Refusal> {
        if let EraseTarget::Messages(_, messages) = &order.target {
            self.check_live(number, messages)?;
        }
        let open = self.orders.values().filter(|row| !row.state.is_done());
        if open.clone().any(|row| row.order.target == order.target) {
            return Err(Refusal::BadProposal { reason: "an order over the same is open".into() });
        }
        if open.count() >= ORDERS_MAX {
            return Err(Refusal::TooManyOrders { limit: ORDERS_MAX as u64 });
        }
        Ok(())
    }

    /// Messages of this conversation, ascending, none of them erased.
    fn check_live(&self, number: u64, messages: &[Index]) -> Result<(), Refusal> {
        if let Some(pair) = messages.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(Refusal::NoSuchMessage { index: pair[1] });
        }
        for index in messages {
            let found = self.message_in(number, *index)?;
            if self.messages.row(found).flags & ERASED != 0 {
                return Err(Refusal::AlreadyErased { index: *index });
            }
        }
        Ok(())
    }

    fn known_conversation(&self, id: ConversationId) -> Result<u64, Refusal> {
        let unknown = Refusal::UnknownConversation { conversation: id };
        self.derived.conversation_ids.get(&id).copied().ok_or(unknown)
    }

    /// Two officers have ordered it: the time to object begins, or, where they confirm what was stopped, it takes effect.
    pub(super) fn begin_order(
        &mut self,
        cx: &Context<'_>,
        (proposal, by): (Index, PersonId),
        order: EraseOrder,
        objection_ms: u64,
    ) -> Vec<Effect> {
        let Ok(conversation) = self.known_conversation(order.target.conversation()) else {
            return Vec::new();
        };
        let confirms = order.confirms;
        let deadline_ms = cx.now_ms.saturating_add(objection_ms);
        let state = OrderState::Counting(deadline_ms);
        let row = OrderRow { by, with: cx.by.signer, approve: cx.by.index, order, state };
        self.orders.insert(proposal, row);
        let mut effects = vec![Effect::OrderBegan { proposal, conversation }];
        match confirms {
            Some(stopped) => {
                self.orders.remove(&stopped);
                self.carry_out(cx.by.index, proposal, &mut effects);
            }
            None => {
                self.derived.deadlines.insert((deadline_ms, Due::Order(proposal)));
            }
        }
        effects
    }

    /// The time to object is over. What a hold keeps by now waits for it, and for two officers' fresh word afterwards.
    pub(super) fn order_due(&mut self, at: Index, proposal: Index, effects: &mut Vec<Effect>) {
        let Some(row) = self.orders.get(&proposal) else { return };
        match self.holding(&row.order.target) {
            Some(hold) => self.stop_order(proposal, OrderState::Held(hold), effects),
            None => self.carry_out(at, proposal, effects),
        }
    }

    fn stop_order(&mut self, proposal: Index, state: OrderState, effects: &mut Vec<Effect>) {
        let Some(row) = self.orders.get_mut(&proposal) else { return };
        if let OrderState::Counting(deadline_ms) = row.state {
            self.derived.deadlines.remove(&(deadline_ms, Due::Order(proposal)));
        }
        row.state = state;
        effects.push(Effect::OrderStopped { proposal });
    }

    /// Takes what the order names and nobody has erased meanwhile; `at` is the entry that lets it happen.
    fn carry_out(&mut self, at: Index, proposal: Index, effects: &mut Vec<Effect>) {
        let Some(row) = self.orders.get_mut(&proposal) else { return };
        if let OrderState::Counting(deadline_ms) = row.state {
            self.derived.deadlines.remove(&(deadline_ms, Due::Order(proposal)));
        }
        row.state = OrderState::Done(at);
        let (approve, target) = (row.approve, row.order.target.clone());
        let Ok(conversation) = self.known_conversation(target.conversation()) else { return };
        if self.row(conversation).is_ok_and(|row| row.erased.is_some()) {
            return; // somebody with the right to it was faster
        }
        let taken = match target {
            EraseTarget::Conversation(_) => {
                self.take_conversation(at, approve, conversation, effects);
                Vec::new()
            }
            EraseTarget::Messages(_, messages) => {
                let taken = self.take_messages(conversation, &messages);
                if taken.is_empty() {
                    return;
                }
                let (taken, places) = taken.into_iter().unzip();
                self.intend(at, places, effects);
                taken
            }
        };
        effects.push(Effect::OrderCarriedOut { proposal, approve, conversation, messages: taken });
    }

    /// Whoever is concerned stops an order while it waits.
    pub(super) fn object(&mut self, cx: &Context<'_>, act: &Object) -> Result<Applied, Refusal> {
        let proposal = act.proposal;
        let row = self.orders.get(&proposal).filter(|row| matches!(row.state, OrderState::Counting(_)));
        let row = row.ok_or(Refusal::NoSuchOrder { proposal })?;
        if !self.may_object(cx.by.signer, &row.order.target) {
            return Err(Refusal::NotConcerned { proposal });
        }
        check_covered(cx.header, proposal)?;
        let conversation = self.known_conversation(row.order.target.conversation())?;
        let mut effects = Vec::new();
        self.stop_order(proposal, OrderState::Objected(cx.by.signer, cx.by.index), &mut effects);
        Ok(Applied::with(Audience::Conversation(conversation), effects))
    }

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

    /// One of the two who gave the order takes it back before it has taken effect.
    pub(super) fn withdraw_order(&mut self, cx: &Context<'_>, proposal: Index) -> Result<Applied, Refusal> {
        let missing = Refusal::NoSuchProposal { proposal };
        let row = self.orders.get(&proposal).ok_or(missing.clone())?;
        if row.state.is_done() || ![row.by, row.with].contains(&cx.by.signer) {
            return Err(missing);
        }
        let mut effects = Vec::new();
        self.stop_order(proposal, OrderState::Done(cx.by.index), &mut effects);
        self.orders.remove(&proposal);
        Ok(Applied::with(Audience::Officers, effects))
    }

    pub(super) fn hold(&mut self, cx: &Context<'_>, act: &Hold) -> Result<Applied, Refusal> {
        if act.end_ms <= cx.now_ms || act.end_ms - cx.now_ms > HOLD_MS_MAX {
            return Err(Refusal::BadHold { reason: "it ends in the past, or too far ahead".into() });
        }
        let audience = self.check_scope(&act.scope)?;
        if self.holds.len() >= HOLDS_MAX {
            return Err(Refusal::TooManyHolds { limit: HOLDS_MAX as u64 });
        }
        let warn_ms = act.end_ms.saturating_sub(self.ruling_policy()?.hold_warning_ms);
        let warn_ms = Some(warn_ms).filter(|at| *at > cx.now_ms);
        let row = HoldRow { by: cx.by.signer, hold: act.clone(), warn_ms };
        self.derived.deadlines.extend(hold_deadlines(cx.by.index, &row));
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
            for deadline in hold_deadlines(index, &row) {
                self.derived.deadlines.remove(&deadline);
            }
            self.look_again(&row.hold.scope);
            effects.push(Effect::HoldEnded { hold: index });
        }
    }

    /// A hold ends soon; said once.
    pub(super) fn hold_warns(&mut self, index: Index, effects: &mut Vec<Effect>) {
        let Some(row) = self.holds.get_mut(&index) else { return };
        if let Some(warn_ms) = row.warn_ms.take() {
            self.derived.deadlines.remove(&(warn_ms, Due::HoldWarning(index)));
            effects.push(Effect::HoldEndsSoon { hold: index, by: row.by });
        }
    }

    /// The first hold that keeps any of this.
    pub fn holding(&self, target: &EraseTarget) -> Option<Index> {
        let number = self.known_conversation(target.conversation()).ok()?;
        let keeps = |row: &HoldRow| match (&row.hold.scope, target) {
            (HoldScope::Person(person), EraseTarget::Conversation(_)) => {
                self.conversations.get(&number).is_some_and(|row| row.stored.contains_key(person))
            }
            (HoldScope::Person(person), EraseTarget::Messages(_, messages)) => {
                messages.iter().filter_map(|index| self.message(*index)).any(|row| row.author == *person)
            }
            (HoldScope::Conversation(id), _) => *id == target.conversation(),
            (HoldScope::Messages(id, _), EraseTarget::Conversation(whole)) => id == whole,
            (HoldScope::Messages(id, held), EraseTarget::Messages(of, messages)) => {
                id == of && messages.iter().any(|index| held.binary_search(index).is_ok())
            }
        };
        self.holds.iter().find(|(_, row)| keeps(row)).map(|(index, _)| *index)
    }

    /// Orders of erasure that two officers gave, by the index of their `Propose`; those that took effect too.
    pub fn orders(&self) -> impl DoubleEndedIterator<Item = (Index, &OrderRow)> {
        self.orders.iter().map(|(index, row)| (*index, row))
    }

    /// The order of erasure proposed at this index.
    pub fn order(&self, proposal: Index) -> Option<&OrderRow> {
        self.orders.get(&proposal)
    }

    /// Root cells that two officers let go of since the last erasure.
    pub fn dropped_cells(&self) -> impl Iterator<Item = CellName> + '_ {
        self.dropped_cells.keys().copied()
    }

    /// Holds that stand, by their index.
    pub fn holds(&self) -> impl Iterator<Item = (Index, &HoldRow)> {
        self.holds.iter().map(|(index, row)| (*index, row))
    }
}

/// When a hold is to be looked at.
pub(super) fn hold_deadlines(index: Index, row: &HoldRow) -> impl Iterator<Item = (u64, Due)> + use<> {
    let warning = row.warn_ms.map(|warn_ms| (warn_ms, Due::HoldWarning(index)));
    [(row.hold.end_ms, Due::Hold(index))].into_iter().chain(warning)
}

#[cfg(test)]
#[path = "law_tests.rs"]
mod tests;
