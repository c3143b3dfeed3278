//! Orders of erasure: by both officers' signed acts, and how they stand.
//! Never takes the server's word for an order: only for whether one waits, was stopped, or took effect.

use super::erase::{Eraser, Ordered, Right, Takes};
use super::error::{Error, What};
use super::event::{ErasedBy, Event, FoundView, OrderView, Reply};
use super::flow::Cx;
use super::receive::{Checked, CheckedContent};
use super::retention::AHEAD_MS;
use crate::answer::{Answer, OrderRecord, Page};
use crate::limits::{ANSWER_ENTRIES_MAX, ENTRIES_AT_MAX};
use crate::query::Query;
use journal::act::{Act, DualAct, EraseTarget};
use journal::fact::Fact;
use journal::ids::Index;
use journal::policy::LAPSE_MS_MIN;
use journal::register::OrderState;
use minicbor::{Decode, Encode};
use pki::canonical;

/// Proposals of orders that the server lists and of which nothing is shown.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(array)]
pub struct UnshownOrders {
    /// Not proven.
    #[n(0)]
    pub unproven: Vec<Index>,
    /// Signed, and in effect at an entry that is stamped more than an hour later than this terminal's clock shows.
    #[n(1)]
    pub ahead: Vec<Index>,
}

impl Cx {
    /// The order that the `Approve` in this entry gives: signed by one officer, proposed by another.
    pub(crate) async fn order_of(&self, entry: &Checked) -> Result<(OrderView, Right), Error> {
        let bad = Error::unverified(What::Erasure);
        let Some((_, Act::Approve(approve))) = entry.act() else { return Err(bad) };
        if approve.proposal >= entry.index {
            return Err(bad);
        }
        let proposed = self.entry(approve.proposal).await?;
        let officers = self.with(|state| Some((state.officer_of(&proposed)?, state.officer_of(entry)?)));
        let Some((by, with)) = officers.filter(|(by, with)| by != with) else { return Err(bad) };
        let Some((_, Act::Propose(propose))) = proposed.act() else { return Err(bad) };
        let Ok(DualAct::Erase(order)) = canonical::decode(&propose.act) else { return Err(bad) };
        let (proposal, approve, approved_ms) = (approve.proposal, entry.index, entry.wall_ms);
        let (takes, state) = match order.confirms {
            Some(_) => (Takes::AtOnce, OrderState::Done(approve)),
            None => {
                let from_ms = approved_ms.saturating_add(self.objection_ms(approve).await?);
                (Takes::From(from_ms), OrderState::Counting(from_ms))
            }
        };
        let target = order.target.clone();
        let right =
            Right { by: Eraser::Officers(by, with), target, order: Some(Ordered { proposal, takes }) };
        Ok((OrderView { proposal, approve, by, with, approved_ms, order, state, hold: None }, right))
    }

    /// How long those concerned may object at least, by the policy that ruled at an entry. Where another one rules since,
    /// that is not known any more: then only what every policy gives.
    async fn objection_ms(&self, at: Index) -> Result<u64, Error> {
        let (policy, since) = self.policy().await?;
        Ok(if since < at { policy.objection_ms } else { LAPSE_MS_MIN })
    }

    /// The entry at which the server says that an order took effect lets it: its own approval, where it confirms what was
    /// stopped; else a Tick that came late enough. An order takes effect once: another entry for the same one does not hold.
    pub(crate) async fn check_effect(
        &self,
        approve: Index,
        takes: Takes,
        effect: Index,
    ) -> Result<(), Error> {
        let bad = Error::unverified(What::Erasure);
        if let Some(known) = self.with(|state| state.erases.effect(approve)) {
            return if known == effect { Ok(()) } else { Err(bad) };
        }
        let lets = match takes {
            Takes::AtOnce => effect == approve,
            Takes::From(from_ms) => {
                let entry = self.entry(effect).await?;
                let tick = matches!(entry.content, CheckedContent::Fact(Fact::Tick(_)));
                let lets = tick && effect > approve && entry.wall_ms >= from_ms;
                if lets && self.with(|state| entry.wall_ms > state.now_ms.saturating_add(AHEAD_MS)) {
                    return Err(Error::Ahead);
                }
                lets
            }
        };
        if !lets {
            return Err(bad);
        }
        let first = self.with(|state| state.erases.took_effect(approve, effect));
        if first == effect { Ok(()) } else { Err(bad) }
    }

    /// All that concern who asks, each verified, and the proposals of those that the server lists and that do not hold, or not
    /// yet: a part is never given for the whole. Or the one of this proposal, whatever the others are.
    pub(crate) async fn orders(&self, only: Option<Index>) -> Result<(Vec<OrderView>, UnshownOrders), Error> {
        let (mut views, mut unshown) = (Vec::new(), UnshownOrders::default());
        let mut below = only.map_or(Index::MAX, |only| only.saturating_add(1));
        loop {
            let records = self.order_records(below).await?;
            let newest = records.iter().rev();
            for record in newest.filter(|record| only.is_none_or(|only| record.proposal == only)) {
                match self.order(record).await {
                    Err(Error::NotVerified { .. }) if only.is_none() => {
                        unshown.unproven.push(record.proposal)
                    }
                    Err(Error::Ahead) if only.is_none() => unshown.ahead.push(record.proposal),
                    view => views.push(view?),
                }
            }
            match records.first() {
                Some(first)
                    if only.is_none() && records.len() >= ANSWER_ENTRIES_MAX && first.proposal < below =>
                {
                    below = first.proposal;
                }
                Some(_) | None => break,
            }
        }
        views.reverse();
        unshown.unproven.reverse();
        unshown.ahead.reverse();
        Ok((views, unshown))
    }

    /// The newest that were proposed below an index.
    pub(crate) async fn order_records(&self, below: Index) -> Result<Vec<OrderRecord>, Error> {
        let Answer::Orders(records) = self.ask(Query::Orders(below)).await? else {
            return Err(Error::unverified(What::Answer));
        };
        Ok(records)
    }

    async fn order(&self, record: &OrderRecord) -> Result<OrderView, Error> {
        let known = self.with(|state| state.erases.order(record.approve));
        let (view, takes) = match known {
            Some(known) => known,
            None => {
                let entry = self.entry(record.approve).await?;
                let (view, right) = self.order_of(&entry).await?;
                let takes = right.order.map_or(Takes::AtOnce, |order| order.takes);
                self.with(|state| state.erases.keep_order(record.approve, &view, takes));
                (view, takes)
            }
        };
        if view.proposal != record.proposal {
            return Err(Error::unverified(What::Answer));
        }
        if let OrderState::Done(effect) = record.state {
            self.check_effect(record.approve, takes, effect).await?;
        }
        Ok(OrderView { state: record.state, hold: record.hold, ..view })
    }

    /// An approval was pushed: if it is of an order of erasure that concerns us, it is told, and what it takes at once
    /// goes.
    pub(crate) async fn approved(&self, index: Index, proposal: Index) -> Result<(), Error> {
        let records = self.order_records(proposal.saturating_add(1)).await?;
        let Some(record) = records.last().filter(|found| found.approve == index) else { return Ok(()) };
        let view = self.order(record).await?;
        let done = view.state.is_done();
        self.event(Event::Ordered(Box::new(view.clone())));
        if done { self.carried_out(view).await } else { Ok(()) }
    }

    /// A Tick was pushed: orders took effect at it.
    pub(crate) async fn ticked(&self, tick: Index) -> Result<(), Error> {
        let (mut below, mut outcome) = (Index::MAX, Ok(()));
        loop {
            let records = self.order_records(below).await?;
            for record in records.iter().filter(|record| record.state == OrderState::Done(tick)) {
                // One that does not hold hides no other.
                let done = self.done_order(record).await;
                outcome = outcome.and(done);
            }
            match records.first() {
                Some(first) if records.len() >= ANSWER_ENTRIES_MAX && first.proposal < below => {
                    below = first.proposal;
                }
                Some(_) | None => return outcome,
            }
        }
    }

    /// An order took effect, the server says.
    pub(crate) async fn done_order(&self, record: &OrderRecord) -> Result<(), Error> {
        let view = self.order(record).await?;
        self.carried_out(view).await
    }

    /// Copies go, also those that the caller keeps. The order is verified, and that a Tick came when its time had; that
    /// nobody objected, a replay of the log shows.
    async fn carried_out(&self, view: OrderView) -> Result<(), Error> {
        let (id, index) = (view.order.target.conversation(), view.approve);
        let by = ErasedBy { by: Eraser::Officers(view.by, view.with), index };
        self.erase_at(index).await?;
        let target = view.order.target;
        let gone = match &target {
            EraseTarget::Conversation(_) => Vec::new(),
            EraseTarget::Messages(_, messages) => self.gone_by(messages, index).await?,
        };
        self.with(|state| {
            state.conversations.dirty(id);
            match &target {
                EraseTarget::Conversation(_) => state.drop_erased(&target),
                EraseTarget::Messages(..) => state.drop_erased(&EraseTarget::Messages(id, gone.clone())),
            }
        });
        // None named would mean the whole conversation.
        if !gone.is_empty() || matches!(target, EraseTarget::Conversation(_)) {
            self.event(Event::Erased(id, gone, by));
        }
        Ok(())
    }

    /// Those of these messages that this very order took, as far as they are shown.
    async fn gone_by(&self, messages: &[Index], order: Index) -> Result<Vec<Index>, Error> {
        let mut gone = Vec::new();
        for some in messages.chunks(ENTRIES_AT_MAX) {
            let Answer::EntriesAt(page) = self.ask(Query::EntriesAt(some.to_vec())).await? else {
                return Err(Error::unverified(What::Answer));
            };
            let entries = self.check_page(page).await?;
            gone.extend(
                entries.iter().filter(|entry| entry.erased_by == Some(order)).map(|entry| entry.index),
            );
        }
        Ok(gone)
    }

    /// What an officer looked for.
    pub(crate) async fn found_messages(&self, page: Page, next: Index) -> Result<Reply, Error> {
        let more = page.more.then_some(next);
        let entries = self.check_page(page).await?;
        let view = |entry: &Checked| FoundView { entry: entry.view(), erased_by: entry.erased_by };
        Ok(Reply::Found(entries.iter().map(view).collect(), more))
    }
}
