//! How commands that take several round trips are written: as straight-line `async` functions that the session itself
//! polls after each input. No executor, no waker, no thread: a flow moves only inside `ClientSession`'s own calls, so
//! the same inputs give the same outputs.
//! Never holds the state's lock across an await: `with` takes a closure, so it cannot.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use super::chain::Draft;
use super::command::{Command, CommandId};
use super::error::{Error, What};
use super::event::{Admitted, Event};
use super::requests::Asked;
use super::state::State;
use crate::answer::Answer;
use crate::frame::Stage;
use crate::query::Query;
use journal::ids::Index;

/// Flows at once: commands under way and the session's own chores.
pub(crate) const FLOWS_MAX: usize = 512;

/// A flow under way, and the command it does, if a caller gave it.
pub(crate) struct Flow {
    pub(crate) command: Option<CommandId>,
    /// It only asks: left half done it leaves nothing behind.
    pub(crate) fetches: bool,
    /// What to begin from the start when entries were lost under it, where that does no harm.
    again: Option<Command>,
    /// It waits for what becomes of this draft and for nothing else.
    pub(crate) waits: Option<u64>,
    /// A draft of its has its result: what it signed may be in the log.
    pub(crate) submitted: bool,
    future: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Flow {
    /// A chore of the session.
    pub(crate) fn chore(future: impl Future<Output = ()> + Send + 'static) -> Self {
        let future = Box::pin(future);
        Self { command: None, fetches: false, again: None, waits: None, submitted: false, future }
    }

    /// A caller's command.
    pub(crate) fn command(cx: &Cx, id: CommandId, command: Command) -> Self {
        let fetches = matches!(command, Command::FetchFile(..));
        let again = command.may_begin_anew().then(|| command.clone());
        let future = Box::pin(cx.clone().run(id, command));
        Self { command: Some(id), fetches, again, waits: None, submitted: false, future }
    }
}

/// The handle through which flows see the session.
#[derive(Clone)]
pub(crate) struct Cx(Arc<Mutex<State>>);

impl Cx {
    pub(crate) fn new(state: State) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    /// Looks at the state, or changes it. A flow that panicked leaves the state as it was at that moment; the session
    /// goes on, since each change is whole by itself.
    pub(crate) fn with<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until the state has what is asked for.
    pub(crate) async fn until<R>(&self, mut ready: impl FnMut(&mut State) -> Option<R>) -> R {
        poll_fn(|_| match self.with(&mut ready) {
            Some(result) => {
                self.with(State::moved);
                Poll::Ready(result)
            }
            None => Poll::Pending,
        })
        .await
    }

    pub(crate) fn event(&self, event: Event) {
        self.with(|state| state.event(event));
    }

    /// Starts a chore beside the flow.
    pub(crate) fn spawn(&self, flow: impl Future<Output = ()> + Send + 'static) {
        self.with(|state| state.spawned.push(Flow::chore(flow)));
    }

    /// Asks the core. Survives a reconnect: the question is put again.
    pub(crate) async fn ask(&self, query: Query) -> Result<Answer, Error> {
        let kind = Kind::of(&query);
        let answer = self.request(Asked::Query(query)).await?.ok_or(Error::unverified(What::Answer))?;
        if kind.answers(&answer) { Ok(answer) } else { Err(Error::unverified(What::Answer)) }
    }

    async fn request(&self, asked: Asked) -> Result<Option<Answer>, Error> {
        let request = self.begin(asked).await?;
        self.finish(request).await
    }

    /// Sends a question or a chunk as soon as there is room; [`Self::finish`] waits for what comes of it.
    pub(crate) async fn begin(&self, asked: Asked) -> Result<Ticket, Error> {
        let mut asked = Some(asked);
        let request = self.until(|state| state.begin_request(&mut asked)).await?;
        Ok(Ticket { cx: self.clone(), request })
    }

    /// The answer to a question, nothing to a chunk that is stored.
    pub(crate) async fn finish(&self, ticket: Ticket) -> Result<Option<Answer>, Error> {
        self.until(|state| state.requests.take(ticket.request)).await
    }

    /// Signs an act as the chain's next and waits until it is admitted, or refused for good.
    pub(crate) async fn submit(&self, draft: Draft) -> Result<Admitted, Error> {
        self.submit_staged(draft, None).await
    }

    /// Likewise, with acts of the authority in front.
    pub(crate) async fn submit_staged(
        &self,
        draft: Draft,
        stage: Option<Vec<Stage>>,
    ) -> Result<Admitted, Error> {
        let ticket = self.with(|state| state.enqueue(draft, stage.unwrap_or_default()))?;
        let result = |state: &mut State| {
            let result = state.chain.take_result(ticket);
            state.waits = result.is_none().then_some(ticket);
            result
        };
        self.until(result).await
    }
}

/// A question or a chunk under way. Dropped, its answer is nobody's any more.
pub(crate) struct Ticket {
    cx: Cx,
    request: u32,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.cx.with(|state| state.requests.abandon(self.request));
    }
}

/// Polls flows until none can move. Gives back those that are still waiting.
pub(crate) fn run(cx: &Cx, flows: &mut Vec<Flow>) {
    let mut context = Context::from_waker(Waker::noop());
    loop {
        let before = cx.with(|state| state.moves);
        flows.append(&mut cx.with(|state| std::mem::take(&mut state.spawned)));
        flows.retain_mut(|flow| {
            cx.with(|state| state.waits = None);
            let pending = flow.future.as_mut().poll(&mut context).is_pending();
            let waits = cx.with(|state| state.waits);
            flow.submitted |= flow.waits.is_some() && flow.waits != waits;
            flow.waits = waits;
            pending
        });
        let more = cx.with(|state| {
            // What the flows queued is signed together.
            state.sign_queued();
            state.moves != before || !state.spawned.is_empty()
        });
        if !more {
            return;
        }
    }
}

/// Entries from `kept` on are lost. What a flow has in its hands may come of them, whatever the state has forgotten: none
/// goes on but a command that waits for its receipt alone. Questions are put once more, and so are messages that were not
/// signed; anything else is for its person to look at. The session's own chores are its to begin again.
pub(crate) fn begin_anew(cx: &Cx, flows: &mut Vec<Flow>, kept: Index) {
    for flow in std::mem::take(flows) {
        let Some(id) = flow.command else { continue };
        match &flow.again {
            _ if flow.waits.is_some() => flows.push(flow),
            Some(again) if again.rests_below(kept) => flows.push(Flow::command(cx, id, again.clone())),
            Some(_) | None => cx.event(Event::Failed(id, Error::Overtaken)),
        }
    }
}

/// Which question an answer must fit.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Kind(u8);

impl Kind {
    fn of(query: &Query) -> Self {
        Self(match query {
            Query::Consistency(_) => 1,
            Query::Certificates(_) => 2,
            Query::People(_) => 3,
            Query::Conversations(_) => 4,
            Query::Acts(_) => 5,
            Query::Messages(_) => 6,
            Query::MessagesBefore(_) => 7,
            Query::Chunk(..) => 8,
            Query::Wrap(_) => 9,
            Query::MessageStatus(_) => 10,
            Query::Entries(..) => 11,
            Query::Policy => 12,
            Query::Sessions => 13,
            Query::Status => 14,
            Query::Proposals(_) => 15,
            Query::Conversation(_) => 16,
            Query::Line(_) => 17,
            Query::EntriesAt(_) => 18,
            Query::Find(_) => 19,
            Query::Holds(_) => 20,
            Query::Orders(_) => 21,
            Query::Retention(_) => 22,
            Query::Runs(_) => 23,
            Query::Alarms(_) => 26,
            Query::Former => 27,
            Query::Erasing => 28,
            Query::Copy(_) => 30,
            Query::Cells => 31,
            Query::Witness(_) => 32,
            Query::Cosigned(_) => 33,
            Query::Raised => 34,
            Query::Desk(_) => 35,
        })
    }

    fn answers(self, answer: &Answer) -> bool {
        self.0
            == match answer {
                Answer::Consistency(..) => 1,
                Answer::Certificates(_) => 2,
                Answer::People(_) => 3,
                Answer::Conversations(_) => 4,
                Answer::Acts(_) => 5,
                Answer::Messages(_) => 6,
                Answer::MessagesBefore(_) => 7,
                Answer::Chunk(_) => 8,
                Answer::Wrap(_) => 9,
                Answer::MessageStatus(_) => 10,
                Answer::Entries(_) => 11,
                Answer::Policy(..) => 12,
                Answer::Sessions(_) => 13,
                Answer::Status(_) => 14,
                Answer::Proposals(_) => 15,
                Answer::Conversation(_) => 16,
                Answer::Line(_) => 17,
                Answer::EntriesAt(_) => 18,
                Answer::Find(..) => 19,
                Answer::Holds(_) => 20,
                Answer::Orders(_) => 21,
                Answer::Retention(_) => 22,
                Answer::Runs(_) => 23,
                Answer::Alarms(_) => 26,
                Answer::Former(_) => 27,
                Answer::Erasing(_) => 28,
                Answer::Copy(_) => 30,
                Answer::Cells(_) => 31,
                Answer::Witness(..) => 32,
                Answer::Cosigned(_) => 33,
                Answer::Raised(_) => 34,
                Answer::Desk(_) => 35,
            }
    }
}
