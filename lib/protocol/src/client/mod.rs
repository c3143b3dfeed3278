//! The terminal's half of a session, sans-IO: received bytes, the time and commands go in; actions come out, in order.
//! Never touches a socket, a disk or a clock, keeps no password beyond the statement it goes with, and never shows what
//! it has not verified.
//!
//! # What is verified before it is shown
//! - the server: its greeting is signed by the log identity key of the site card, over this very connection;
//! - the log: every note by the period key in force and by the identity key; every entry by its place in a verified
//!   head; that all these heads are of one log that only grew, from the last head that any session of this terminal has
//!   proven: by the next round of proofs, and before anything that rests on them is signed (`trust.rs`);
//! - people: certificates by their paths to the site card's authority, and whose they are by the authority's Enrol in the
//!   log; statements by those certificates;
//! - the policy: by the entries that set it;
//! - conversations: followed act by act by the Register's own membership rules; epochs by their membership, wraps by
//!   their root and key commitment; bodies by their commitment, key commitment and seal.
//!
//! # How it is written
//! Commands that take several round trips are `async` functions (`flow.rs`), polled by the session alone.
//! `State` is everything that a session knows; connection and Login are states of [`handshake::Phase`].

mod alarms;
mod book;
mod chain;
mod closed;
pub mod command;
mod conversations;
mod directory;
mod disclose;
mod dispatch;
mod draft;
mod epoch_keys;
mod epoch_rows;
mod epochs;
mod erase;
pub mod error;
pub mod event;
mod files;
mod flow;
mod founding;
mod handshake;
mod history;
mod inbox;
mod lists;
mod messages;
mod missed;
mod orders;
mod parts;
mod periods;
mod policy;
mod push;
mod readers;
mod receive;
mod requests;
mod resolve;
mod retention;
pub mod secret;
mod state;
mod succession;
mod succession_view;
mod trust;
pub mod views;

pub use command::{Command, CommandId};
pub use error::{Error, What};
use event::{ClosedView, SuccessionView};
pub use event::{Event, Reply};
pub use handshake::Connection;
pub use parts::{Anchors, BadParts, Me, Parts};
pub use secret::{SecretBytes, SecretText};
pub use state::Action;

use crate::frame::{Decoder, decode_to_terminal};
use crate::limits::FRAME_BYTES_MAX;
use flow::{Cx, FLOWS_MAX, Flow};
use handshake::Phase;
pub use pki::state_record::StateRecord;
use rand_core::CryptoRng;
use state::State;

/// One person's session with one site, over as many connections as it takes.
pub struct ClientSession {
    cx: Cx,
    flows: Vec<Flow>,
    decoder: Decoder,
    /// The connection brought something that is no frame: nothing more of it is read.
    deaf: bool,
}

impl ClientSession {
    /// A session that has no connection yet. `rng` is asked whenever a key, a salt or a name is drawn.
    pub fn new(parts: Parts, rng: Box<dyn CryptoRng + Send>) -> Result<Self, BadParts> {
        let cx = Cx::new(State::new(parts, rng)?);
        let flows = watches(&cx).into();
        Ok(Self { cx, flows, decoder: Decoder::default(), deaf: true })
    }

    /// A connection stands; the server's certificate was verified by TLS. Its `Hello` comes first.
    pub fn connected(&mut self, connection: Connection, now_ms: u64) {
        self.decoder = Decoder::default();
        self.deaf = false;
        self.step(now_ms, |state| {
            if !matches!(state.phase, Phase::Distrusted) {
                state.phase = Phase::Connected(connection);
            } else {
                state.action(Action::Close);
            }
        });
    }

    /// The stream brought bytes.
    pub fn received(&mut self, bytes: &[u8], now_ms: u64) {
        if self.deaf {
            return;
        }
        self.decoder.push(bytes);
        loop {
            let frame = match self.decoder.next_frame(FRAME_BYTES_MAX) {
                Ok(Some(frame)) => decode_to_terminal(&frame).ok(),
                Ok(None) => return,
                Err(_) => None,
            };
            let good = self.step(now_ms, |state| match frame {
                Some(frame) => state.frame(frame).is_ok(),
                None => false,
            });
            if !good {
                self.deaf = true;
                self.step(now_ms, State::fatal);
                return;
            }
        }
    }

    /// The connection is gone. What is unanswered waits for the next one.
    pub fn disconnected(&mut self, now_ms: u64) {
        self.deaf = true;
        self.step(now_ms, State::disconnected);
    }

    /// A command; its result is an event with this number. Commands given while no session lives wait for one, but for
    /// a Login, which needs a connection that greeted us.
    pub fn command(&mut self, id: CommandId, command: Command, now_ms: u64) {
        if let Command::Login(with) = &command {
            return self.step(now_ms, |state| {
                if let Err(error) = state.login(id, with) {
                    state.event(Event::Failed(id, error));
                }
            });
        }
        if let Command::FileChunk(of, piece) = command {
            return self.step(now_ms, |state| {
                let given = state.uploads.give(of, piece);
                state.event(match given {
                    true => Event::Done(id, Reply::Nothing),
                    false => Event::Failed(id, Error::FileChanged),
                });
                state.moved();
            });
        }
        if self.flows.len() >= FLOWS_MAX {
            return self.step(now_ms, |state| state.event(Event::Failed(id, Error::Busy)));
        }
        self.flows.push(Flow::command(&self.cx, id, command));
        self.step(now_ms, State::moved);
    }

    /// Nobody waits for this fetch of a file any more: no further piece of it is asked for. Any other command goes on.
    pub fn end_fetch(&mut self, id: CommandId, now_ms: u64) {
        let before = self.flows.len();
        self.flows.retain(|flow| !(flow.fetches && flow.command == Some(id)));
        if self.flows.len() < before {
            self.step(now_ms, |state| state.event(Event::Done(id, Reply::Nothing)));
        }
    }

    /// Nobody waits for this command any more: where nothing of it was signed, it is dropped, no event comes of it, and
    /// nothing will be signed for it. Whether that is so; any other command goes on.
    pub fn give_up(&mut self, id: CommandId, now_ms: u64) -> bool {
        let Some(at) = self.flows.iter().position(|flow| flow.command == Some(id)) else { return false };
        let Flow { submitted, waits, .. } = self.flows[at];
        let unsigned =
            !submitted && waits.is_none_or(|ticket| self.cx.with(|state| state.chain.take_back(ticket)));
        if unsigned {
            drop(self.flows.remove(at));
            self.step(now_ms, State::moved);
        }
        unsigned
    }

    /// What to do next; to be asked until there is nothing, after every call above.
    pub fn next_action(&mut self) -> Option<Action> {
        self.cx.with(State::next_action)
    }

    /// Whether a chain lives.
    pub fn is_ready(&self) -> bool {
        self.cx.with(|state| state.is_ready())
    }

    /// The newest proven checkpoint, as the server signed it: what an auditor takes as a head from outside. Empty before
    /// the first.
    pub fn checkpoint(&self) -> Vec<u8> {
        self.cx.with(|state| state.trust.proven().note.clone())
    }

    /// The successions of the log, by their officers' signatures, in their order; empty before the first login.
    pub fn successions(&self) -> Vec<SuccessionView> {
        self.cx.with(|state| state.successions.views().to_vec())
    }

    /// That the log was closed into another one, as far as this session was shown it; told with the policy.
    pub fn closed(&self) -> Option<ClosedView> {
        self.cx.with(|state| state.closed.clone())
    }

    /// Commands without a result yet, oldest first: what a person would lose by leaving now.
    pub fn pending(&self) -> Vec<CommandId> {
        self.flows.iter().filter_map(|flow| flow.command).collect()
    }

    /// Time passed and nothing else happened. To be called every few seconds while a connection stands: growth of the
    /// log is proven, and a server that owes the proof is left, by this clock or by the next thing that happens.
    pub fn tick(&mut self, now_ms: u64) {
        self.step(now_ms, State::moved);
    }

    /// Acts that are neither in the log nor refused for good.
    pub fn unsettled(&self) -> usize {
        self.cx.with(|state| state.chain.unsettled())
    }

    fn step<R>(&mut self, now_ms: u64, change: impl FnOnce(&mut State) -> R) -> R {
        let was_ready = self.is_ready();
        let result = self.cx.with(|state| {
            state.now_ms = now_ms;
            change(state)
        });
        if let Some(kept) = self.cx.with(|state| state.lost_from.take()) {
            flow::begin_anew(&self.cx, &mut self.flows, kept);
            self.flows.extend(watches(&self.cx));
        }
        self.chores(was_ready);
        flow::run(&self.cx, &mut self.flows);
        result
    }

    /// Starts what follows from the step by itself.
    fn chores(&mut self, was_ready: bool) {
        for (ticket, search) in self.cx.with(|state| std::mem::take(&mut state.searches)) {
            let cx = self.cx.clone();
            self.flows.push(Flow::chore(async move {
                let found = cx.search(search).await;
                cx.with(|state| {
                    state.chain.resolved(ticket, found);
                    state.moved();
                });
            }));
        }
        if !was_ready && self.is_ready() && self.cx.with(|state| state.answers_invitations()) {
            self.flows.push(Flow::chore(self.cx.clone().answer_invitations()));
        }
    }
}

/// What runs as long as the session.
fn watches(cx: &Cx) -> [Flow; 4] {
    [
        Flow::chore(cx.clone().watch_gaps()),
        Flow::chore(cx.clone().pump()),
        Flow::chore(cx.clone().watch_consistency()),
        Flow::chore(cx.clone().watch_silence()),
    ]
}
