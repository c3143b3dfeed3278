//! Erasure by order of two officers, and the objections against it.
//! Never lets an order take effect while somebody's objection or a hold stands against it.

use super::columns::ERASED;
use super::session::check_covered;
use super::{Applied, Audience, Context, Due, Effect, ORDERS_MAX, OrderRow, OrderState, Register};
use crate::act::{CellName, EraseOrder, EraseTarget, Object};
use crate::ids::{ConversationId, Index};
use crate::refusal::Refusal;
use pki::PersonId;
use std::collections::{BTreeMap, BTreeSet};

/// Orders of erasure, also those that took effect, by what they are about: who asks for his own looks through no others.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct OrderIndex {
    of_conversation: BTreeMap<u64, BTreeSet<Index>>,
    /// Of single messages, by who wrote any of them.
    of_author: BTreeMap<PersonId, BTreeSet<Index>>,
}

impl Register {
    /// The order could be given now.
    pub(super) fn check_order(&self, cx: &Context<'_>, order: &EraseOrder) -> Result<(), Refusal> {
        order.check_bounds().map_err(|error| Refusal::BadProposal { reason: error.to_string() })?;
        let number = self.known_conversation(order.target.conversation())?;
        if let Some(index) = self.row(number)?.erased {
            return Err(Refusal::AlreadyErased { index });
        }
        match order.confirms {
            Some(proposal) => self.check_confirms(cx, proposal, order),
            None => self.check_fresh_order(number, order),
        }
    }

    /// It names the very order that was stopped, everybody has had the time to object, and nothing holds any more what it
    /// takes: whoever confirms knows all that was said against it.
    fn check_confirms(&self, cx: &Context<'_>, proposal: Index, order: &EraseOrder) -> Result<(), Refusal> {
        let found = self.orders.get(&proposal);
        let stopped = found.filter(|found| found.state.is_stopped() && found.order.target == order.target);
        let stopped = stopped.ok_or(Refusal::NoSuchOrder { proposal })?;
        if stopped.may_be_objected_to(cx) {
            let until_ms = self.order_state(stopped).until_ms().unwrap_or(cx.now_ms);
            return Err(Refusal::TimeToObject { until_ms });
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
    pub(super) fn check_live(&self, number: u64, messages: &[Index]) -> Result<(), Refusal> {
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

    pub(super) fn known_conversation(&self, id: ConversationId) -> Result<u64, Refusal> {
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
        let until_ms = cx.now_ms.saturating_add(objection_ms);
        let ran_ms = cx.ran_ms.saturating_add(objection_ms);
        let silenced = self.silenced_already(cx, conversation, &order.target, (objection_ms, until_ms));
        let state = match silenced.filter(|_| confirms.is_none()) {
            Some((person, index)) => OrderState::Silenced(person, index, until_ms),
            None => OrderState::Counting(until_ms),
        };
        let (with, approve, objected, began_ms) = (cx.by.signer, cx.by.index, Vec::new(), cx.now_ms);
        self.index_order(proposal, &order.target);
        self.orders
            .insert(proposal, OrderRow { by, with, approve, order, state, ran_ms, objected, began_ms });
        let mut effects = vec![Effect::OrderBegan { proposal, conversation }];
        if let Some(stopped) = confirms {
            self.remove_order(stopped);
            self.carry_out(cx.by.index, proposal, &mut effects);
        } else if state.is_stopped() {
            effects.push(Effect::OrderStopped { proposal });
        } else {
            self.fall_after(Due::Order(proposal), until_ms, ran_ms, cx.ran_ms);
        }
        effects
    }

    /// The time to object is over. What a hold keeps by now waits for it, and for two officers' fresh word afterwards; what
    /// somebody could not object to for all of that time waits for that word too.
    pub(super) fn order_due(
        &mut self,
        (at, now_ms): (Index, u64),
        proposal: Index,
        effects: &mut Vec<Effect>,
    ) {
        let Some(row) = self.orders.get(&proposal) else { return };
        let until_ms = row.state.until_ms().unwrap_or(now_ms);
        if let Some(hold) = self.holding(&row.order.target) {
            self.stop_order(proposal, OrderState::Held(hold), effects);
        } else if let Some(person) = self.ran_out_within(&row.order.target, row.began_ms..now_ms) {
            self.stop_order(proposal, OrderState::Silenced(person, at, until_ms), effects);
        } else {
            self.carry_out(at, proposal, effects);
        }
    }

    /// The whole conversation went by the word of somebody with the right to it: what was stopped is about nothing any more.
    pub(super) fn drop_stopped_in(&mut self, number: u64) {
        let here = self.derived.orders.of_conversation.get(&number).into_iter().flatten().copied();
        let stopped = here.filter(|index| self.orders.get(index).is_some_and(|row| row.state.is_stopped()));
        stopped.collect::<Vec<_>>().into_iter().for_each(|proposal| self.remove_order(proposal));
    }

    pub(super) fn stop_order(&mut self, proposal: Index, state: OrderState, effects: &mut Vec<Effect>) {
        let Some(row) = self.orders.get_mut(&proposal) else { return };
        let (before, ran_ms) = (std::mem::replace(&mut row.state, state), row.ran_ms);
        if let OrderState::Counting(until_ms) = before {
            self.falls_no_more(Due::Order(proposal), until_ms, ran_ms);
        }
        effects.push(Effect::OrderStopped { proposal });
        // Somebody with the right to it has erased the whole conversation meanwhile: it is about nothing any more.
        let Some(row) = self.orders.get(&proposal) else { return };
        let number = self.known_conversation(row.order.target.conversation());
        let erased = number.and_then(|number| self.row(number)).is_ok_and(|row| row.erased.is_some());
        if erased && state.is_stopped() {
            self.remove_order(proposal);
        }
    }

    /// Takes what the order names and nobody has erased meanwhile; `at` is the entry that lets it happen.
    fn carry_out(&mut self, at: Index, proposal: Index, effects: &mut Vec<Effect>) {
        let Some(row) = self.orders.get_mut(&proposal) else { return };
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

    /// Whoever is concerned stops an order while there is time; who was not the first says his word too, once.
    pub(super) fn object(&mut self, cx: &Context<'_>, act: &Object) -> Result<Applied, Refusal> {
        let proposal = act.proposal;
        let row = self.orders.get(&proposal).filter(|row| row.may_be_objected_to(cx));
        let row = row.filter(|row| !row.objected.contains(&cx.by.signer));
        let row = row.ok_or(Refusal::NoSuchOrder { proposal })?;
        if !self.may_object(cx.by.signer, &row.order.target) {
            return Err(Refusal::NotConcerned { proposal });
        }
        check_covered(cx.header, proposal)?;
        let conversation = self.known_conversation(row.order.target.conversation())?;
        let (first, until_ms) = (row.objected.is_empty(), row.state.until_ms().unwrap_or(cx.now_ms));
        let mut effects = Vec::new();
        if first {
            let objected = OrderState::Objected(cx.by.signer, cx.by.index, until_ms);
            self.stop_order(proposal, objected, &mut effects);
        }
        if let Some(row) = self.orders.get_mut(&proposal) {
            row.objected.push(cx.by.signer);
        }
        Ok(Applied::with(Audience::Conversation(conversation), effects))
    }

    /// One of the two who gave the order takes it back before it has taken effect; where neither is an officer any more, any.
    pub(super) fn withdraw_order(&mut self, cx: &Context<'_>, proposal: Index) -> Result<Applied, Refusal> {
        let missing = Refusal::NoSuchProposal { proposal };
        let row = self.orders.get(&proposal).ok_or(missing.clone())?;
        let gave = [row.by, row.with];
        let stands = |person: &PersonId| {
            self.people.get(person).is_some_and(|person| self.is_standing_officer(person, cx.now_ms))
        };
        let may = gave.contains(&cx.by.signer) || !gave.iter().any(stands);
        if row.state.is_done() || !may {
            return Err(missing);
        }
        let mut effects = Vec::new();
        self.stop_order(proposal, OrderState::Done(cx.by.index), &mut effects);
        self.remove_order(proposal);
        Ok(Applied::with(Audience::Officers, effects))
    }

    /// Finds an order again by what it is about.
    pub(super) fn index_order(&mut self, proposal: Index, target: &EraseTarget) {
        let Ok(number) = self.known_conversation(target.conversation()) else { return };
        let authors = self.authors_of(target);
        let index = &mut self.derived.orders;
        index.of_conversation.entry(number).or_default().insert(proposal);
        for author in authors {
            index.of_author.entry(author).or_default().insert(proposal);
        }
    }

    fn remove_order(&mut self, proposal: Index) {
        let Some(row) = self.orders.remove(&proposal) else { return };
        let authors = self.authors_of(&row.order.target);
        let number = self.known_conversation(row.order.target.conversation());
        let index = &mut self.derived.orders;
        let take = |proposals: &mut BTreeSet<Index>| {
            proposals.remove(&proposal);
            proposals.is_empty()
        };
        if let Ok(number) = number
            && index.of_conversation.get_mut(&number).is_some_and(take)
        {
            index.of_conversation.remove(&number);
        }
        for author in authors {
            if index.of_author.get_mut(&author).is_some_and(take) {
                index.of_author.remove(&author);
            }
        }
    }

    fn authors_of(&self, target: &EraseTarget) -> BTreeSet<PersonId> {
        match target {
            EraseTarget::Conversation(_) => BTreeSet::new(),
            EraseTarget::Messages(_, messages) => {
                messages.iter().filter_map(|index| Some(self.message(*index)?.author)).collect()
            }
        }
    }

    /// Orders that concern a person, newest first, of those that were proposed below an index: about a conversation that
    /// he is in, or about what he wrote. Others are not looked at.
    pub fn orders_concerning(
        &self,
        person: PersonId,
        below: Index,
    ) -> impl Iterator<Item = (Index, &OrderRow)> {
        let index = &self.derived.orders;
        let own = self.derived.conversations_of.get(&person).into_iter().flatten();
        let own = own.filter_map(|number| index.of_conversation.get(number));
        let found: BTreeSet<Index> =
            own.chain(index.of_author.get(&person)).flat_map(|some| some.range(..below)).copied().collect();
        found.into_iter().rev().filter_map(|proposal| Some((proposal, self.orders.get(&proposal)?)))
    }

    /// Orders of erasure that two officers gave, by the index of their `Propose`; those that took effect too.
    pub fn orders(&self) -> impl DoubleEndedIterator<Item = (Index, &OrderRow)> {
        self.orders_below(Index::MAX)
    }

    /// Those that were proposed below an index.
    pub fn orders_below(&self, below: Index) -> impl DoubleEndedIterator<Item = (Index, &OrderRow)> {
        self.orders.range(..below).map(|(index, row)| (*index, row))
    }

    /// The order of erasure proposed at this index.
    pub fn order(&self, proposal: Index) -> Option<&OrderRow> {
        self.orders.get(&proposal)
    }

    /// Root cells that two officers let go of since the last erasure.
    pub fn dropped_cells(&self) -> impl Iterator<Item = CellName> + '_ {
        self.dropped_cells.keys().copied()
    }
}

impl OrderRow {
    /// Those concerned still have time: by the wall clock, or by that for which the server ran.
    fn may_be_objected_to(&self, cx: &Context<'_>) -> bool {
        self.state.until_ms().is_some_and(|until_ms| cx.now_ms < until_ms || cx.ran_ms < self.ran_ms)
    }
}

#[cfg(test)]
#[path = "law_tests.rs"]
mod tests;
