//! What was erased while nobody listened: asked for as soon as a session lives again, and copies go.
//! Never takes silence for "nothing was erased": until all was asked for, the caller is not told that it was.

use super::error::{Error, What};
use super::event::Event;
use super::flow::Cx;
use super::state::State;
use crate::answer::Answer;
use crate::limits::ANSWER_ENTRIES_MAX;
use crate::query::Query;
use journal::act::EraseTarget;
use journal::ids::Index;
use journal::register::OrderState;
use pki::PersonId;

/// An Erase that was met while conversations were followed over a gap.
pub(crate) struct MissedErase {
    pub(crate) index: Index,
    pub(crate) by: PersonId,
    pub(crate) target: EraseTarget,
}

impl State {
    /// Pushes may be missing from this entry on.
    pub(crate) fn missed_since(&mut self, since: Index) {
        self.gap = Some(self.gap.map_or(since, |gap| gap.min(since)));
        self.gaps += 1;
        self.moved();
    }

    /// Where the gap begins, and which one it is.
    fn gap_wanted(&mut self) -> Option<(Index, u64)> {
        let since = self.gap.filter(|_| self.is_ready() && !self.must_set_password)?;
        Some((since, self.gaps))
    }
}

impl Cx {
    /// Runs as long as the session: after each gap asks for what was erased in it.
    pub(crate) async fn watch_gaps(self) {
        loop {
            let (since, gap) = self.until(State::gap_wanted).await;
            self.catch_up(since).await;
            self.with(|state| {
                // Another gap may have begun meanwhile: it is asked for anew.
                if state.gaps == gap && state.is_ready() {
                    state.gap = None;
                    state.event(Event::CaughtUp);
                }
            });
        }
    }

    async fn catch_up(&self, since: Index) {
        let followed = self.with(|state| state.conversations.followed());
        for id in &followed {
            // Whoever is in it no more is shown nothing of it.
            let followed = match self.follow(*id).await {
                Err(Error::UnknownConversation { .. }) => Ok(()),
                followed => followed,
            };
            self.told(0, followed);
            for missed in self.with(|state| std::mem::take(&mut state.missed)) {
                let erased = self.erased(missed.index, missed.by, &missed.target).await;
                self.told(missed.index, erased);
            }
        }
        if !followed.is_empty() {
            let orders = self.missed_orders(since).await;
            self.told(0, orders);
            let runs = self.missed_runs(since).await;
            self.told(0, runs);
        }
    }

    /// What does not hold is told, and the rest is looked at even so. What could not be asked for since the session is
    /// over is asked for in the next one.
    fn told(&self, index: Index, outcome: Result<(), Error>) {
        if let Err(Error::NotVerified { what }) = outcome {
            self.event(Event::Dropped(index, what));
        }
    }

    /// Runs of the retention schedule that took something since.
    async fn missed_runs(&self, since: Index) -> Result<(), Error> {
        let mut from = since;
        loop {
            let Answer::Runs(page) = self.ask(Query::Runs(from)).await? else {
                return Err(Error::unverified(What::Answer));
            };
            let more = page.more;
            let runs = self.check_page(page).await?;
            for run in runs.iter().filter(|run| run.index >= from) {
                let ran = self.ran(run).await;
                self.told(run.index, ran);
            }
            match runs.last() {
                Some(last) if more && last.index >= from => from = last.next(),
                Some(_) | None => return Ok(()),
            }
        }
    }

    /// Orders of two officers that took effect since.
    async fn missed_orders(&self, since: Index) -> Result<(), Error> {
        let mut below = Index::MAX;
        loop {
            let records = self.order_records(below).await?;
            for record in &records {
                if matches!(record.state, OrderState::Done(effect) if effect >= since) {
                    let done = self.done_order(record).await;
                    self.told(record.approve, done);
                }
            }
            match records.first() {
                Some(first) if records.len() >= ANSWER_ENTRIES_MAX && first.proposal < below => {
                    below = first.proposal;
                }
                Some(_) | None => return Ok(()),
            }
        }
    }
}
