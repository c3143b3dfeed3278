//! Erasure by order of two officers, the objections against it, and holds.
//! Never lets an order take effect while somebody's objection or a hold stands against it.

use super::columns::ERASED;
use super::session::check_covered;
use super::{
    Applied, Audience, Context, Due, Effect, HOLD_MS_MAX, HOLDS_MAX, HOLDS_OF_ONE_MAX, HoldRow, ORDERS_MAX,
    OrderRow, OrderState, Register,
};
use crate::act::{CellName, EraseOrder, EraseTarget, Hold, HoldScope, Object};
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
        let authors = self.authors_of(target);
        let keeps = move |row: &HoldRow| match (&row.hold.scope, target) {
            (HoldScope::Person(person), EraseTarget::Conversation(_)) => {
                let row = number.and_then(|number| self.conversations.get(&number));
                row.is_some_and(|row| row.stored.contains_key(person))
            }
            (HoldScope::Person(person), EraseTarget::Messages(..)) => authors.contains(person),
            (HoldScope::Conversation(id), _) => *id == target.conversation(),
            (HoldScope::Messages(id, _), EraseTarget::Conversation(whole)) => id == whole,
            (HoldScope::Messages(id, held), EraseTarget::Messages(of, messages)) => {
                id == of && messages.iter().any(|index| held.binary_search(index).is_ok())
            }
        };
        let known = self.holds.iter().filter(move |_| number.is_some());
        known.filter(move |(_, row)| keeps(row)).map(|(index, row)| (*index, row))
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

    /// Holds that stand, by their index.
    pub fn holds(&self) -> impl Iterator<Item = (Index, &HoldRow)> {
        self.holds.iter().map(|(index, row)| (*index, row))
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
