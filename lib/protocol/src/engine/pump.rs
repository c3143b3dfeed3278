//! Takes frames off the sessions' streams, one after another, while there is room for what follows from them.
//! Never reads a statement: each kind of frame goes to its own file.

use super::commit::Release;
use super::session::{AwaitLogin, Session, State};
use super::{Engine, Whole};
use crate::code::Code;
use crate::frame::{self, Decoder, Lagging, Stage, ToCore, ToTerminal};
use crate::io::{Output, SessionId};
use crate::limits::{
    ASK_COST, INPUT_BYTES_MAX, INPUT_BYTES_PAUSE, OUTSTANDING_BYTES_MAX, READS_PER_SESSION, REQUESTS_MAX,
    STAGED_BYTES_MAX, TURN_COST_MAX,
};
use journal::fact::{EndReason, Fact, SessionEnd};
use journal::ids::Index;
use pki::Role;

impl Engine {
    pub(super) fn received(&mut self, id: SessionId, bytes: &[u8], out: &mut Vec<Output>) -> Whole {
        let Some(session) = self.sessions.all.get_mut(&id).filter(|session| !session.is_over()) else {
            return Ok(());
        };
        session.decoder.push(bytes);
        if session.decoder.buffered() > INPUT_BYTES_MAX {
            return self.broke_protocol(id, Code::Busy, out);
        }
        self.pump(id, out)
    }

    /// Takes frames until there are none or one must wait.
    pub(super) fn pump(&mut self, id: SessionId, out: &mut Vec<Output>) -> Whole {
        loop {
            let full = self.commits.full();
            let Some(session) = self.sessions.all.get_mut(&id).filter(|session| !session.is_over()) else {
                return Ok(());
            };
            if full || !may_take(session) {
                self.park(id, out);
                return Ok(());
            }
            if self.turn == 0 {
                self.wait_for_turn(id, out);
                return Ok(());
            }
            let limit = session.frame_bytes_max();
            let content = match session.decoder.next_frame(limit) {
                Ok(Some(content)) => content,
                Ok(None) => {
                    if std::mem::take(&mut session.paused) {
                        out.push(Output::Resume(id));
                    }
                    return Ok(());
                }
                Err(_) => return self.broke_protocol(id, Code::Protocol, out),
            };
            match frame::decode_to_core(&content) {
                Ok(frame) => self.take(id, frame, out)?,
                Err(_) => return self.broke_protocol(id, Code::Protocol, out),
            }
        }
    }

    /// Remembers that this session has bytes which must wait.
    fn park(&mut self, id: SessionId, out: &mut Vec<Output>) {
        let Some(session) = self.sessions.all.get_mut(&id) else { return };
        if session.decoder.buffered() == 0 {
            return;
        }
        if !std::mem::replace(&mut session.queued, true) {
            self.sessions.queue.push_back(id);
        }
        self.pause_if_much(id, out);
    }

    /// It has taken its share of this input: others come first, also those whose bytes are not here yet.
    fn wait_for_turn(&mut self, id: SessionId, out: &mut Vec<Output>) {
        let Some(session) = self.sessions.all.get_mut(&id) else { return };
        if session.decoder.buffered() == 0 {
            return;
        }
        if !std::mem::replace(&mut session.turn, true) {
            self.sessions.turns.push_back(id);
        }
        self.pause_if_much(id, out);
    }

    /// The session that has waited longest for its turn goes on.
    pub(super) fn next_turn(&mut self, out: &mut Vec<Output>) -> Whole {
        let Some(id) = self.sessions.turns.pop_front() else { return Ok(()) };
        if let Some(session) = self.sessions.all.get_mut(&id) {
            session.turn = false;
            self.pump(id, out)?;
        }
        self.turn = TURN_COST_MAX;
        Ok(())
    }

    fn pause_if_much(&mut self, id: SessionId, out: &mut Vec<Output>) {
        let Some(session) = self.sessions.all.get_mut(&id) else { return };
        if session.decoder.buffered() > INPUT_BYTES_PAUSE && !std::mem::replace(&mut session.paused, true) {
            out.push(Output::Pause(id));
        }
    }

    /// Tries everyone who waits, once, in turn.
    pub(super) fn pump_queue(&mut self, out: &mut Vec<Output>) -> Whole {
        for _ in 0..self.sessions.queue.len() {
            if self.commits.full() {
                break;
            }
            let Some(id) = self.sessions.queue.pop_front() else { break };
            if let Some(session) = self.sessions.all.get_mut(&id) {
                session.queued = false;
                self.pump(id, out)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, id: SessionId, frame: ToCore, out: &mut Vec<Output>) -> Whole {
        let Some(session) = self.sessions.all.get_mut(&id) else { return Ok(()) };
        let state = std::mem::replace(&mut session.state, State::CheckingPassword);
        match (state, frame) {
            (State::AwaitLogin(state), ToCore::Login(login)) => self.login(id, state, login, out),
            (State::Live(live), frame) => {
                session.state = State::Live(live);
                self.take_live(id, frame, out)
            }
            (state @ (State::AwaitLogin(_) | State::CheckingPassword | State::Over), _) => {
                session.state = state;
                self.broke_protocol(id, Code::Protocol, out)
            }
        }
    }

    fn take_live(&mut self, id: SessionId, frame: ToCore, out: &mut Vec<Output>) -> Whole {
        let request = match &frame {
            ToCore::Submit(submit) => Some(submit.request),
            ToCore::PutChunk(put) => Some(put.request),
            ToCore::Ask(ask) => Some(ask.request),
            ToCore::Stage(_) | ToCore::Login(_) => None,
        };
        let cost = if matches!(frame, ToCore::Ask(_)) { ASK_COST } else { 1 };
        self.turn = self.turn.saturating_sub(cost);
        if request == Some(0) {
            return self.broke_protocol(id, Code::Protocol, out);
        }
        if let Some(session) = self.sessions.all.get_mut(&id) {
            session.requests += usize::from(request.is_some());
        }
        match frame {
            ToCore::Login(_) => self.broke_protocol(id, Code::Protocol, out),
            ToCore::Submit(submit) => self.submit(id, submit, out),
            ToCore::PutChunk(put) => self.put_chunk(id, put, out),
            ToCore::Ask(ask) => self.ask(id, ask, out),
            ToCore::Stage(stage) => self.stage(id, stage, out),
        }
    }

    /// Keeps acts of the authority for the Submit frame that comes next; officers only.
    fn stage(&mut self, id: SessionId, stage: Stage, out: &mut Vec<Output>) -> Whole {
        let Some(session) = self.sessions.all.get_mut(&id) else { return Ok(()) };
        let officer = self.ledger.register.roles_of_session(session.peer.certificate).contains(Role::Officer);
        let bytes = stage.bytes();
        let kept = session.live_mut().is_some_and(|live| {
            live.staged.bytes += bytes;
            live.staged.acts.extend(stage.acts);
            live.staged.verifiers.extend(stage.verifiers);
            live.staged.bytes <= STAGED_BYTES_MAX
        });
        if officer && kept { Ok(()) } else { self.broke_protocol(id, Code::Protocol, out) }
    }

    /// Ends a session whose peer does not keep to the protocol.
    pub(super) fn broke_protocol(&mut self, id: SessionId, code: Code, out: &mut Vec<Output>) -> Whole {
        self.end_for(id, EndReason::Protocol, code, out)
    }

    /// Ends a session of our own accord.
    pub(super) fn end_for(
        &mut self,
        id: SessionId,
        reason: EndReason,
        code: Code,
        out: &mut Vec<Output>,
    ) -> Whole {
        let chain = self.sessions.leave(id);
        if let Some(chain) = chain {
            self.fact(Fact::SessionEnd(SessionEnd { chain, reason }))?;
        }
        self.say(Release::end(id, code), out);
        Ok(())
    }

    /// The connection is gone.
    pub(super) fn closed(&mut self, id: SessionId) -> Whole {
        let chain = self.sessions.leave(id);
        self.gone(id);
        match chain {
            Some(chain) => self.fact(Fact::SessionEnd(SessionEnd { chain, reason: EndReason::Lost })),
            None => Ok(()),
        }
    }

    pub(super) fn gone(&mut self, id: SessionId) {
        self.sessions.leave(id);
        self.passwords.forget(id);
        self.sessions.all.remove(&id);
    }

    /// The network took bytes.
    pub(super) fn drained(&mut self, id: SessionId, bytes: u64, out: &mut Vec<Output>) -> Whole {
        let Some(session) = self.sessions.all.get_mut(&id) else { return Ok(()) };
        session.outstanding = session.outstanding.saturating_sub(bytes);
        if session.outstanding > OUTSTANDING_BYTES_MAX as u64 / 2 {
            return Ok(());
        }
        if let Some(since) = session.lag.take() {
            // Said when pushes go on, not when they stop: a terminal that does not read would not hear it then, and
            // so it knows exactly what it has missed.
            self.say_lagging(id, since, out);
        }
        self.pump(id, out)
    }

    pub(super) fn say_lagging(&mut self, id: SessionId, since: Index, out: &mut Vec<Output>) {
        let frame = frame::encode(&ToTerminal::Lagging(Lagging { since }));
        self.say(Release::Frame(id, frame), out);
    }
}

/// Whether what follows from another frame has room.
fn may_take(session: &Session) -> bool {
    let ready = match &session.state {
        State::AwaitLogin(AwaitLogin { .. }) => true,
        State::Live(live) => live.waiting.is_none(),
        State::CheckingPassword | State::Over => false,
    };
    ready
        && session.outstanding <= OUTSTANDING_BYTES_MAX as u64
        && session.reads < READS_PER_SESSION
        && session.requests < REQUESTS_MAX
}

/// A session just connected.
pub(super) fn fresh(peer: super::session::Peer, state: State) -> Session {
    Session {
        peer,
        decoder: Decoder::default(),
        paused: false,
        queued: false,
        turn: false,
        outstanding: 0,
        lag: None,
        reads: 0,
        requests: 0,
        welcomed: false,
        gone: false,
        state,
    }
}
