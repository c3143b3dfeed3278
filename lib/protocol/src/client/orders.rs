//! Orders of erasure: by both officers' signed acts, and how they stand.
//! Never takes the server's word for an order: only for whether one waits, was stopped, or took effect.

use super::erase::{Eraser, Right};
use super::error::{Error, What};
use super::event::{ErasedBy, Event, FoundView, OrderView, Reply};
use super::flow::Cx;
use super::receive::Checked;
use crate::answer::{Answer, OrderRecord, Page};
use crate::limits::ENTRIES_AT_MAX;
use crate::query::Query;
use journal::act::{Act, DualAct, EraseTarget};
use journal::ids::Index;
use journal::register::OrderState;
use pki::canonical;

impl Cx {
    /// The order that the `Approve` in this entry gives: signed by one officer, proposed by another.
    pub(crate) async fn order_of(&self, entry: &Checked) -> Result<OrderView, Error> {
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
        let state = OrderState::Counting(entry.wall_ms);
        let (proposal, approve) = (approve.proposal, entry.index);
        Ok(OrderView { proposal, approve, by, with, approved_ms: entry.wall_ms, order, state })
    }

    /// All that concern who asks, each verified.
    pub(crate) async fn orders(&self) -> Result<Vec<OrderView>, Error> {
        let mut views = Vec::new();
        for record in self.order_records().await? {
            views.push(self.order(&record).await?);
        }
        Ok(views)
    }

    async fn order_records(&self) -> Result<Vec<OrderRecord>, Error> {
        let Answer::Orders(records) = self.ask(Query::Orders).await? else {
            return Err(Error::unverified(What::Answer));
        };
        Ok(records)
    }

    async fn order(&self, record: &OrderRecord) -> Result<OrderView, Error> {
        let entry = self.entry(record.approve).await?;
        let view = self.order_of(&entry).await?;
        match view.proposal == record.proposal {
            true => Ok(OrderView { state: record.state, ..view }),
            false => Err(Error::unverified(What::Answer)),
        }
    }

    /// An approval was pushed: if it is of an order of erasure that concerns us, it is told, and what it takes at once
    /// goes.
    pub(crate) async fn approved(&self, index: Index, proposal: Index) -> Result<(), Error> {
        let records = self.order_records().await?;
        let Some(record) = records.iter().find(|found| found.approve == index && found.proposal == proposal)
        else {
            return Ok(());
        };
        let view = self.order(record).await?;
        let done = view.state.is_done();
        self.event(Event::Ordered(Box::new(view.clone())));
        if done { self.carried_out(view).await } else { Ok(()) }
    }

    /// A Tick was pushed: orders took effect at it.
    pub(crate) async fn ticked(&self, tick: Index) -> Result<(), Error> {
        for record in self.order_records().await? {
            if record.state == OrderState::Done(tick) {
                let view = self.order(&record).await?;
                self.carried_out(view).await?;
            }
        }
        Ok(())
    }

    /// Copies go, also those that the caller keeps. The order is verified; that its time had come, and that nobody
    /// objected, a replay of the log shows.
    async fn carried_out(&self, view: OrderView) -> Result<(), Error> {
        let (id, index) = (view.order.target.conversation(), view.approve);
        let by = ErasedBy { by: Eraser::Officers(view.by, view.with), index };
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
            state.erases.keep_right(index, Right { by: by.by, target: target.clone() });
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
