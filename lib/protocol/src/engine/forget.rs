//! Between an erasure and the word of it: what the network still holds of the erased bodies is given up first.
//! Never says "erased" before the network has answered for its buffers.

use super::session::{Session, Waiting};
use super::{Broken, Engine, Whole};
use crate::frame::Ask;
use crate::io::{Dropped, EraseItem, Output, SessionId};
use journal::fact::{Erased, Fact};
use journal::ids::{Index, Place};
use std::collections::VecDeque;

/// Erasures on their way.
#[derive(Default)]
pub(super) struct Forgetting {
    /// The last entry of each batch whose epoch has not taken effect, and what it erases, oldest first.
    erasing: VecDeque<(Index, Vec<EraseItem>)>,
    /// Epochs that took effect, oldest first: the number of the question to the network, epoch, last intent.
    asked: VecDeque<(u64, u64, Index)>,
    next: u64,
}

impl Forgetting {
    /// A batch with intents is on its way.
    pub(super) fn erases(&mut self, through: Index, items: &[EraseItem]) {
        if !items.is_empty() {
            self.erasing.push_back((through, items.to_vec()));
        }
    }
}

impl Engine {
    /// An erasure epoch took effect. Since the intent was admitted nothing has been sent that carries such a body; what
    /// was sent before may still lie with the network.
    pub(super) fn erasure_done(&mut self, epoch: u64, through: Index, out: &mut Vec<Output>) -> Whole {
        if through >= self.commits.durable.head.size {
            return Err(Broken(format!("erased through {through}, which is not durable")));
        }
        let forgetting = &mut self.forgetting;
        forgetting.next += 1;
        forgetting.asked.push_back((forgetting.next, epoch, through));
        // Where the cells are slow, one epoch serves several batches.
        let mut items = Vec::new();
        while let Some((_, more)) = forgetting.erasing.pop_front_if(|(last, _)| *last <= through) {
            items.extend(more);
        }
        out.push(Output::Forget(forgetting.next, items));
        Ok(())
    }

    /// The network has answered for its buffers: only now is anything said to be erased.
    pub(super) fn forgotten(&mut self, number: u64, dropped: &[Dropped], out: &mut Vec<Output>) -> Whole {
        let Some((_, epoch, through)) = self.forgetting.asked.pop_front_if(|(asked, ..)| *asked == number)
        else {
            return Ok(()); // the network answers what nobody asked: no reason to stop for everyone
        };
        self.fact(Fact::Erased(Erased { epoch, through }))?;
        self.runs()?; // the next part of one may have waited for this
        for Dropped { session, first, bytes } in dropped {
            let Some(found) = self.sessions.all.get_mut(session) else { continue };
            let since = found.lag.map_or(*first, |lag| lag.min(*first));
            found.lag = Some(since);
            self.drained(*session, *bytes, out)?;
            // Also where pushes do not go on yet: before any answer to what the terminal asks from now on, by which it takes it
            // that nothing was given up.
            if self.sessions.all.get(session).is_some_and(|found| found.lag.is_some()) {
                self.say_lagging(*session, since, out);
            }
        }
        self.network_answered(number, out)
    }

    /// A question is kept while the network has not said what it gave up: by an answer a terminal takes it that nothing pushed
    /// before was, and the question may be here before that word. Gives it back where there is nothing to wait for.
    pub(super) fn waits_for_network(&mut self, id: SessionId, ask: Ask) -> Option<Ask> {
        let Some((number, ..)) = self.forgetting.asked.back().copied() else { return Some(ask) };
        let live = self.sessions.all.get_mut(&id).and_then(|session| session.live_mut())?;
        live.waiting = Some(Waiting::Network { number, ask: Box::new(ask) });
        None
    }

    /// What was asked before the network was asked for more is answered.
    fn network_answered(&mut self, number: u64, out: &mut Vec<Output>) -> Whole {
        let waits = |session: &Session| {
            let waiting = session.live().and_then(|live| live.waiting.as_ref());
            matches!(waiting, Some(Waiting::Network { number: of, .. }) if *of <= number)
        };
        let found = self.sessions.all.iter().filter(|(_, session)| waits(session));
        let ready: Vec<SessionId> = found.map(|(id, _)| *id).collect();
        for id in ready {
            let live = self.sessions.all.get_mut(&id).and_then(|session| session.live_mut());
            if let Some(Waiting::Network { ask, .. }) = live.and_then(|live| live.waiting.take()) {
                self.answer(id, *ask, out)?;
                self.pump(id, out)?;
            }
        }
        Ok(())
    }

    /// Where the body of a message, title or wraps at an index lies.
    pub(super) fn place_at(&self, index: Index) -> Option<Place> {
        let books = &self.ledger.books;
        let place = books.body_place(&self.ledger.register, index);
        place.or_else(|| books.wraps(index).map(|wraps| wraps.place))
    }
}
