//! Erasure: what would go, asking for it, and checking the tombstones of what others erased.
//! Never believes that something was erased because it is not there.

use super::chain::Draft;
use super::error::{Error, What};
pub(crate) use super::event::Eraser;
use super::event::{Admitted, Content, ErasePlan, ErasedBy, Event, OrderView, PlannedErase, RunView};
use super::flow::Cx;
use super::messages::Which;
use super::receive::Checked;
use super::retention::AHEAD_MS;
use crate::answer::Answer;
use crate::query::Query;
use journal::act::{Act, Erase, EraseTarget, Message};
use journal::ids::{ConversationId, Index};
use journal::policy::PrivateErase;
use journal::register::OrderState;
use pki::PersonId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Messages that a plan names.
pub(crate) const PLAN_MESSAGES_MAX: usize = 1024;
/// Erase statements kept, so that a conversation's tombstones cost one question.
const ERASES_KEPT: usize = 256;
/// Verified orders kept: each names up to 1,024 messages.
const ORDERS_KEPT: usize = 1024;

/// A verified right to an erasure: somebody's own Erase, or an order of two officers.
pub(crate) struct Right {
    pub(crate) by: Eraser,
    pub(crate) target: EraseTarget,
    pub(crate) order: Option<Ordered>,
}

/// What makes an order of an erasure.
#[derive(Clone, Copy)]
pub(crate) struct Ordered {
    pub(crate) proposal: Index,
    pub(crate) takes: Takes,
}

/// When an order may take effect.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// At its approval: it confirms one that was stopped.
    AtOnce,
    /// At a Tick that is stamped with this time or a later one.
    From(u64),
}

impl Right {
    /// Whether it names this message, or the whole of its conversation; `at` is where it stands itself.
    pub(crate) fn names(&self, conversation: ConversationId, message: Index, at: Index) -> bool {
        match &self.target {
            EraseTarget::Messages(id, messages) => {
                *id == conversation && message < at && messages.contains(&message)
            }
            // What was said while an order waited for objections went with the rest.
            EraseTarget::Conversation(id) => *id == conversation && (self.order.is_some() || message < at),
        }
    }

    pub(crate) fn erased_by(&self, index: Index) -> ErasedBy {
        ErasedBy { by: self.by, index }
    }
}

/// What proves that something was erased.
#[derive(Clone)]
pub(crate) enum Proof {
    /// An act, or an order.
    Right(Arc<Right>),
    /// A run of the retention schedule.
    Run(Arc<RunView>),
}

/// Verified proofs by the index of the Erase, of the `Approve` of an order, or of the run.
#[derive(Default)]
pub(crate) struct Erases {
    known: BTreeMap<Index, Proof>,
    /// By their `Approve`, at which entry orders were shown to have taken effect.
    effective: BTreeMap<Index, Index>,
    /// Orders by their `Approve`, so that each tick and each list costs one question and not three for each of them.
    orders: BTreeMap<Index, (OrderView, Takes)>,
}

impl Erases {
    pub(crate) fn keep(&mut self, index: Index, proof: Proof) -> Proof {
        if self.known.len() >= ERASES_KEPT {
            self.known.pop_first();
        }
        self.known.entry(index).or_insert(proof).clone()
    }

    pub(crate) fn keep_right(&mut self, index: Index, right: Right) {
        self.keep(index, Proof::Right(Arc::new(right)));
    }

    /// What an order takes that was verified and is about this whole conversation, and when.
    pub(crate) fn whole(&self, index: Index, id: ConversationId) -> Option<(ErasedBy, Takes)> {
        let Proof::Right(right) = self.known.get(&index)? else { return None };
        let takes = right.order?.takes;
        (right.target == EraseTarget::Conversation(id)).then(|| (right.erased_by(index), takes))
    }

    /// An order that was verified, whatever became of it.
    pub(crate) fn order(&self, approve: Index) -> Option<(OrderView, Takes)> {
        self.orders.get(&approve).cloned()
    }

    pub(crate) fn keep_order(&mut self, approve: Index, view: &OrderView, takes: Takes) {
        if self.orders.len() >= ORDERS_KEPT {
            self.orders.pop_first();
        }
        self.orders.insert(approve, (view.clone(), takes));
    }

    /// The entry at which the order was shown to have taken effect.
    pub(crate) fn effect(&self, approve: Index) -> Option<Index> {
        self.effective.get(&approve).copied()
    }

    /// The order was shown to have taken effect at this entry; there is no other one. Gives the entry that was shown
    /// first: two flows may have looked at two at the same time.
    pub(crate) fn took_effect(&mut self, approve: Index, effect: Index) -> Index {
        if self.effective.len() >= ORDERS_KEPT && !self.effective.contains_key(&approve) {
            self.effective.pop_first();
        }
        *self.effective.entry(approve).or_insert(effect)
    }
}

impl Cx {
    /// One entry by its index, verified.
    pub(crate) async fn entry(&self, index: Index) -> Result<Checked, Error> {
        let Answer::Entries(page) = self.ask(Query::Entries(index, 1)).await? else {
            return Err(Error::unverified(What::Answer));
        };
        let entries = self.check_page(page).await?;
        entries.into_iter().next().filter(|entry| entry.index == index).ok_or(Error::unverified(What::Answer))
    }

    pub(crate) async fn erase_at(&self, index: Index) -> Result<Proof, Error> {
        if let Some(known) = self.with(|state| state.erases.known.get(&index).cloned()) {
            return Ok(known);
        }
        let entry = self.entry(index).await?;
        let Some((header, act)) = entry.act() else {
            let run = self.run_of(&entry).await?;
            return Ok(self.with(|state| state.erases.keep(index, Proof::Run(run))));
        };
        let right = if let Act::Erase(erase) = act {
            Right { by: Eraser::Person(header.person), target: erase.target.clone(), order: None }
        } else {
            self.order_of(&entry).await?.1
        };
        Ok(self.with(|state| state.erases.keep(index, Proof::Right(Arc::new(right)))))
    }

    /// Whether what this right takes has gone by it. Of an order the entry is asked for at which it took effect: neither
    /// is one that never came due a reason for a missing body. Of one over a whole conversation it is among its acts.
    async fn is_in_effect(&self, index: Index, right: &Right) -> Result<bool, Error> {
        let Some(order) = right.order else { return Ok(true) };
        let judged = matches!(right.target, EraseTarget::Conversation(_)) || order.takes == Takes::AtOnce;
        if judged || self.with(|state| state.erases.effect(index)).is_some() {
            return Ok(true);
        }
        let records = self.order_records(order.proposal + 1).await?;
        let record = records.last().filter(|record| record.proposal == order.proposal);
        let Some(OrderState::Done(effect)) = record.map(|record| record.state) else { return Ok(false) };
        self.check_effect(index, order.takes, effect).await?;
        Ok(true)
    }

    /// The Erase at this index is signed, names this message or its conversation, and its signer had the right; or the
    /// run at this index let it fall, for its time was over.
    pub(crate) async fn tombstone(
        &self,
        erase: Index,
        entry: &Checked,
        author: PersonId,
        act: &Message,
    ) -> Result<ErasedBy, Error> {
        let (conversation, message) = (act.conversation, entry.index);
        let found = match self.erase_for_member(erase, conversation).await? {
            Proof::Right(found) => found,
            Proof::Run(run) => return self.fell(&run, entry, act).await,
        };
        // The clock is asked last, in there: what explains nothing by any clock is an alarm by each of them.
        if !found.names(conversation, message, erase) || !self.is_in_effect(erase, &found).await? {
            return Err(Error::unverified(What::Erasure));
        }
        let judge = || {
            let right = |state: &mut super::state::State| {
                let not_after_ms = state.now_ms.saturating_add(AHEAD_MS);
                let row = state.conversations.row(conversation);
                row.ripen(not_after_ms);
                row.had_right(&found, erase, message, author)
            };
            self.with(right)
        };
        let mut right = judge();
        if !right {
            // Judged by what is known of the conversation, which may end before the Erase: its signer may have been
            // given the group only shortly before. The Erase was shown, so whoever asks now is told all up to it.
            self.with(|state| state.conversations.dirty(conversation));
            self.follow(conversation).await?;
            right = judge();
        }
        let waits =
            |state: &mut super::state::State| state.conversations.row(conversation).waits_for(&found, erase);
        match right {
            true => Ok(found.erased_by(erase)),
            false if self.with(waits) => Err(Error::Ahead),
            false => Err(Error::unverified(What::Erasure)),
        }
    }

    /// The Erase at this index, for who is in its conversation. That it is not shown counts only the second time: a
    /// tombstone may leave the core before its Erase is durable, but what is answered to a later question does not; and
    /// one may have been removed and be back.
    async fn erase_for_member(&self, erase: Index, conversation: ConversationId) -> Result<Proof, Error> {
        let first = self.erase_at(erase).await;
        if !matches!(first, Err(Error::NotVerified { .. })) {
            return first;
        }
        if !self.is_in(conversation).await? {
            return Err(Error::UnknownConversation { conversation });
        }
        let second = self.erase_at(erase).await;
        // Whoever is in it no more is shown no Erase, and has nobody to accuse.
        if matches!(second, Err(Error::NotVerified { .. })) && !self.is_in(conversation).await? {
            return Err(Error::UnknownConversation { conversation });
        }
        second
    }

    /// What the erasure would take.
    pub(crate) async fn erase_plan(&self, target: &EraseTarget) -> Result<ErasePlan, Error> {
        match target {
            EraseTarget::Messages(id, messages) => self.plan_messages(*id, messages).await,
            EraseTarget::Conversation(id) => self.plan_conversation(*id).await,
        }
    }

    async fn plan_messages(&self, id: ConversationId, messages: &[Index]) -> Result<ErasePlan, Error> {
        if messages.len() > PLAN_MESSAGES_MAX {
            return Err(Error::TooLong { bytes: messages.len() as u64, limit: PLAN_MESSAGES_MAX as u64 });
        }
        self.follow(id).await?;
        let (policy, _) = self.policy().await?;
        let mut plan =
            ErasePlan { conversation: id, messages: Vec::new(), whole: false, right: true, more: false };
        for index in messages {
            let view = self.message(id, *index).await?;
            if matches!(view.content, Content::Erased(_)) {
                continue;
            }
            plan.right &= self.with(|state| {
                let me = state.me.person;
                let row = state.conversations.row(id);
                let owns = row.owner_at(Index::MAX) == Some(me);
                row.may_erase(me, Index::MAX, view.author) && (policy.author_erases || owns)
            });
            let file = matches!(view.content, Content::Text(_, Some(_)));
            plan.messages.push(PlannedErase { index: *index, author: view.author, file });
        }
        Ok(plan)
    }

    async fn plan_conversation(&self, id: ConversationId) -> Result<ErasePlan, Error> {
        self.follow(id).await?;
        let (policy, _) = self.policy().await?;
        let right = self.with(|state| {
            let me = state.me.person;
            let row = state.conversations.row(id);
            let group = row.owner_at(Index::MAX).is_some();
            row.may_erase_all(me, Index::MAX) && (group || policy.private_erase == PrivateErase::Either)
        });
        let mut plan = ErasePlan { conversation: id, messages: Vec::new(), whole: true, right, more: false };
        let mut index = 0;
        loop {
            let (views, more) = self.messages(id, Which::From(index)).await?;
            let Some(last) = views.last() else { return Ok(plan) };
            index = last.index + 1;
            let left = views.iter().filter(|view| !matches!(view.content, Content::Erased(_)));
            plan.messages.extend(left.map(|view| PlannedErase {
                index: view.index,
                author: view.author,
                file: matches!(view.content, Content::Text(_, Some(_))),
            }));
            if plan.messages.len() >= PLAN_MESSAGES_MAX {
                plan.more = more || plan.messages.len() > PLAN_MESSAGES_MAX;
                plan.messages.truncate(PLAN_MESSAGES_MAX);
                return Ok(plan);
            }
            if !more {
                return Ok(plan);
            }
        }
    }

    /// Asks for the erasure and drops the copies here at once.
    pub(crate) async fn erase(&self, target: &EraseTarget) -> Result<Admitted, Error> {
        let act = Act::Erase(Erase { target: target.clone() });
        let admitted = self.submit(Draft::Act(Box::new(act))).await?;
        self.with(|state| state.drop_erased(target));
        Ok(admitted)
    }
}

impl super::state::State {
    /// The server claims that every erasure up to this index took effect, in this epoch.
    pub(crate) fn erasure_done(&mut self, epoch: u64, through: Index) {
        self.heard.erasure_epoch = self.heard.erasure_epoch.max(Some(epoch));
        self.event(Event::ErasureDone(epoch, through));
    }

    /// Drops every copy of what an Erase names.
    pub(crate) fn drop_erased(&mut self, target: &EraseTarget) {
        self.conversations.dropped(target.conversation());
        match target {
            EraseTarget::Messages(_, messages) => {
                messages.iter().for_each(|index| self.messages.forget(*index))
            }
            EraseTarget::Conversation(id) => {
                self.messages.forget_conversation(*id);
                self.conversations.row(*id).title = None;
            }
        }
    }
}
