//! What was erased while nobody listened: asked for as soon as a session lives again, and copies go.
//! Never takes silence for "nothing was erased": until all was asked for, the caller is not told that it was.

use super::error::{Error, What};
use super::event::Event;
use super::flow::Cx;
use super::messages::MessageCache;
use super::state::State;
use crate::answer::Answer;
use crate::limits::ANSWER_ENTRIES_MAX;
use crate::query::Query;
use journal::act::EraseTarget;
use journal::ids::Index;
use journal::register::OrderState;
use pki::PersonId;

/// How long to wait before what the core had no answer for is asked for again, milliseconds.
const AGAIN_MS: u64 = 1000;
/// How long to wait where this terminal's clock is behind what the server shows, milliseconds: at first, and at most.
const CLOCK_AGAIN_MS: u64 = 60_000;
const CLOCK_AGAIN_MS_MAX: u64 = 3_600_000;
/// Most erasures that wait to be told: before more are met, those are.
const MISSED_MAX: usize = 4096;

/// Up to where pushes came and were worked through. Not the same as what is proven: a question is answered while pushes are
/// held back, and frames that still wait are lost with their connection. Nor is a frame that came the word that none before it
/// was given up on the way: that word comes before any answer to what is asked from then on.
#[derive(Default)]
pub(crate) struct Heard {
    /// Whatever was pushed below this index was worked through, and none of it was given up; `None` before the first session.
    below: Option<Index>,
    /// Whatever came of what was pushed below this index was worked through.
    worked: Index,
    /// The head of the newest batch of which a frame was: more frames of it may come.
    batch: u64,
    /// A question under way, and how much was worked through when it was asked.
    asked: Option<(u32, Index)>,
    /// The newest erasure epoch that was told; `None` before the first was asked for.
    pub(crate) erasure_epoch: Option<u64>,
}

impl Heard {
    /// A session begins with the Login at this index: what stands before it is asked for. Gives from where on.
    pub(crate) fn session(&mut self, login: Index) -> Option<Index> {
        (self.worked, self.batch, self.asked) = (login, login, None);
        self.below.replace(login)
    }

    /// A frame under a note of this size was worked through, and so were all before it.
    fn frame(&mut self, size: u64) {
        if size > self.batch {
            self.worked = self.worked.max(self.batch);
            self.batch = size;
        }
    }

    /// A question goes out under this number.
    pub(crate) fn asks(&mut self, request: u32) {
        if self.asked.is_none() && self.below.is_some_and(|below| below < self.worked) {
            self.asked = Some((request, self.worked));
        }
    }

    /// The core has answered under this number.
    pub(crate) fn answered(&mut self, request: u32) {
        if let Some((_, worked)) = self.asked.take_if(|(asked, _)| *asked == request) {
            self.below = self.below.map(|below| below.max(worked));
        }
    }

    /// Another era began: of its erasures none was told yet.
    pub(crate) fn begins_anew(&mut self) {
        self.erasure_epoch = self.erasure_epoch.map(|_| 0);
    }

    /// Whether a push of the entry at this index may still come, or have been lost.
    pub(crate) fn awaits(&self, index: Index) -> bool {
        self.below.is_none_or(|below| index >= below)
    }
}

/// An Erase that was met while a conversation was followed, and of which no push was worked through.
pub(crate) struct MissedErase {
    pub(crate) index: Index,
    pub(crate) by: PersonId,
    pub(crate) target: EraseTarget,
}

/// An erasure that is stamped later than this terminal's clock shows: nothing that it may have taken is kept here, and it is
/// asked for again.
pub(crate) struct Ahead {
    /// What came from this entry on is asked for.
    since: Index,
    /// Not before this time, and how long that was put off, milliseconds.
    at_ms: u64,
    put_off_ms: u64,
}

impl Ahead {
    pub(crate) fn since(&self) -> Index {
        self.since
    }
}

impl State {
    /// Pushes may be missing from this entry on.
    pub(crate) fn missed_since(&mut self, since: Index) {
        self.gap = Some(self.gap.map_or(since, |gap| gap.min(since)));
        self.gaps += 1;
        self.moved();
    }

    /// Where the gap begins, and which one it is; or from where on what was ahead of the clock is asked for again.
    fn gap_wanted(&mut self) -> Option<(Index, u64)> {
        if !self.is_ready() || self.must_set_password || self.now_ms < self.gap_wait_ms {
            return None;
        }
        let ahead = self.ahead.as_ref();
        let since = match self.gap {
            Some(since) => ahead.map_or(since, |ahead| ahead.since.min(since)),
            None => ahead.filter(|ahead| self.now_ms >= ahead.at_ms)?.since,
        };
        Some((since, self.gaps))
    }

    /// All was asked for, and what stands at this index is ahead of the clock. What it took goes here too, and so does, since
    /// nobody knows yet what that is, every copy there is: what is asked for from now on is what the server still gives.
    fn clock_waits(&mut self, index: Index, since: Index, closed: bool) {
        let put_off_ms = match &self.ahead {
            Some(ahead) if !closed => ahead.put_off_ms.saturating_mul(2).min(CLOCK_AGAIN_MS_MAX),
            Some(_) | None => CLOCK_AGAIN_MS,
        };
        self.ahead = Some(Ahead { since, at_ms: self.now_ms.saturating_add(put_off_ms), put_off_ms });
        if closed {
            self.gap = None;
            self.messages = MessageCache::default();
            self.conversations.let_go();
            self.event(Event::ClockAhead(index));
        }
    }

    /// Everything that was pushed up to this frame was worked through.
    pub(crate) fn heard(&mut self, note: &[u8]) {
        if let Ok(noted) = self.trust.verified(note) {
            self.heard.frame(noted.head.size);
        }
    }

    /// An Erase was met beside the pushes.
    pub(crate) fn met_erase(&mut self, missed: MissedErase) {
        if self.missed.iter().all(|other| other.index != missed.index) {
            self.missed.push(missed);
        }
    }

    /// Whether no further one can be met before those are told.
    pub(crate) fn missed_enough(&self) -> bool {
        self.missed.len() >= MISSED_MAX
    }

    /// It was pushed, or asked for, and told.
    pub(crate) fn told_erase(&mut self, index: Index) {
        self.missed.retain(|missed| missed.index != index);
    }
}

impl Cx {
    /// Runs as long as the session: after each gap asks for what was erased in it.
    pub(crate) async fn watch_gaps(self) {
        loop {
            let (since, gap) = self.until(State::gap_wanted).await;
            self.with(|state| state.met_ahead = None);
            let asked = self.catch_up(since).await;
            self.with(|state| {
                if asked.is_err() {
                    // The session is over, or the core has too much to do: nobody is told that this was all.
                    state.gap_wait_ms = state.now_ms.saturating_add(AGAIN_MS);
                } else if state.gaps == gap && state.is_ready() {
                    // Another gap may have begun meanwhile: it is asked for anew.
                    match state.met_ahead {
                        Some(index) => state.clock_waits(index, since, state.gap.is_some()),
                        None => {
                            (state.gap, state.ahead) = (None, None);
                            state.event(Event::CaughtUp);
                        }
                    }
                }
            });
        }
    }

    async fn catch_up(&self, since: Index) -> Result<(), Error> {
        self.tell_missed().await?;
        let followed = self.with(|state| state.conversations.followed());
        for id in &followed {
            // Whoever is in it no more is shown nothing of it.
            let followed = match self.follow(*id).await {
                Err(Error::UnknownConversation { .. }) => Ok(()),
                followed => followed,
            };
            self.told(0, followed)?;
            self.tell_missed().await?;
        }
        if !followed.is_empty() {
            let orders = self.missed_orders(since).await;
            self.told(0, orders)?;
            let runs = self.missed_runs(since).await;
            self.told(0, runs)?;
        }
        let alarms = self.missed_alarms().await;
        self.told(0, alarms)?;
        let effect = self.missed_effect().await;
        self.told(0, effect)
    }

    /// Whether erasures took effect since: the server's word, as a pushed one is. At the first login nobody waits for any.
    async fn missed_effect(&self) -> Result<(), Error> {
        let size = self.with(|state| state.trust.proven().head.size);
        let Answer::Erasing(record) = self.ask(Query::Erasing).await? else {
            return Err(Error::unverified(What::Answer));
        };
        let through = record.first.unwrap_or(size).checked_sub(1);
        self.with(|state| {
            let told = *state.heard.erasure_epoch.get_or_insert(record.epoch);
            if let Some(through) = through.filter(|_| record.epoch > told) {
                state.erasure_done(record.epoch, through);
            }
        });
        Ok(())
    }

    /// Tells of what was met; one at a time, so that none is lost with the session.
    async fn tell_missed(&self) -> Result<(), Error> {
        while let Some((index, by, target)) =
            self.with(|state| state.missed.first().map(|one| (one.index, one.by, one.target.clone())))
        {
            let erased = self.erased(index, by, &target).await;
            self.told(index, erased)?;
            self.with(|state| state.told_erase(index));
        }
        Ok(())
    }

    /// What does not hold is told, and the rest is looked at even so. What could not be asked for is asked for again, and so
    /// is, later, what is ahead of this terminal's clock.
    fn told(&self, index: Index, outcome: Result<(), Error>) -> Result<(), Error> {
        match outcome {
            Err(Error::NotVerified { what }) => {
                self.event(Event::Dropped(index, what));
                Ok(())
            }
            Err(Error::Ahead) => {
                self.with(|state| state.met_ahead = state.met_ahead.or(Some(index)));
                Ok(())
            }
            other => other,
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
                self.told(run.index, ran)?;
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
                    self.told(record.approve, done)?;
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
