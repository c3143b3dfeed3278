//! One writer over all connections: shared bytes, a backlog for receivers that are blocked.
//! Never drops a byte of a live session and never waits for a slow one: what blocks is kept aside and counted.

use super::receiver::{Erasing, Piece, Receiver, Transit};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use protocol::io::{Cargo, Dropped, EraseItem, SessionId};
use quinn::{SendStream, VarInt};
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::watch;

/// Application close code of a session that ended in good order; the reason went ahead as a frame.
const CLOSED: u32 = 0;

/// What the writer task has to do next.
pub(super) enum Order {
    /// A session's stream is open; `true` in the channel stops its reader.
    Opened(SessionId, SendStream, quinn::Connection, watch::Sender<bool>),
    /// Send these bytes to these sessions; what they carry is named.
    Send(Vec<SessionId>, Bytes, Option<Arc<Cargo>>),
    /// Drop what was not begun.
    Cut(SessionId),
    /// Stop reading from a session, or go on.
    Pause(SessionId, bool),
    /// Close after what was sent.
    End(SessionId),
    /// The connection is gone.
    Gone(SessionId),
}

/// Bytes that were handed to the transport, per session.
pub(super) type Drained = (SessionId, u64);

/// A stream that waited for room, with the rest of its piece and what it wrote meanwhile; `None` when the connection is
/// lost or closed.
type Waited = (SessionId, Option<(SendStream, Piece, u64)>);
type Waiting = Pin<Box<dyn Future<Output = Waited> + Send>>;

/// The one writer's state.
#[derive(Default)]
pub(super) struct Outbox {
    receivers: HashMap<SessionId, Receiver>,
    /// Sessions that ended, whose connection waits until the peer has the last of it.
    closing: HashMap<SessionId, (quinn::Connection, Transit)>,
    waiting: FuturesUnordered<Waiting>,
}

impl Outbox {
    /// Does one order; appends what was handed to the transport.
    pub(super) fn apply(&mut self, order: Order, drained: &mut Vec<Drained>) {
        match order {
            Order::Opened(session, stream, connection, pause) => {
                let receiver = Receiver::new(stream, connection, pause);
                if let Some(before) = self.receivers.insert(session, receiver) {
                    before.connection.close(VarInt::from_u32(CLOSED), b"");
                }
            }
            Order::Send(sessions, bytes, cargo) => {
                for session in sessions {
                    let piece = Piece { bytes: bytes.clone(), cargo: cargo.clone(), begun: false };
                    self.send(session, piece, drained);
                }
            }
            Order::Cut(session) => {
                if let Some(receiver) = self.receivers.get_mut(&session) {
                    receiver.backlog.retain(|piece| piece.begun);
                }
            }
            Order::Pause(session, pause) => {
                if let Some(receiver) = self.receivers.get(&session) {
                    receiver.pause.send_replace(pause);
                }
            }
            Order::End(session) => self.end(session),
            Order::Gone(session) => {
                self.receivers.remove(&session);
                self.closing.remove(&session);
            }
        }
    }

    /// Gives up every body of these items that has not left: after this the transport holds none. Says which pushes were
    /// dropped; whoever has begun to get such a body is cut off.
    pub(super) fn forget(&mut self, items: &[EraseItem]) -> Vec<Dropped> {
        let items = Erasing::of(items);
        let (mut dropped, mut cut) = (Vec::new(), Vec::new());
        for (session, receiver) in &mut self.receivers {
            dropped.extend(receiver.drop_pushes(*session, &items));
            // An answer is not dropped: who waits for it would wait for ever.
            let answer = receiver.backlog.iter().any(|piece| piece.carries(&items));
            if answer || receiver.holds(&items) {
                cut.push(*session);
            }
        }
        // Who is on his way out has waited for his last bytes long enough.
        let leaving = self.closing.iter().filter(|(_, (_, transit))| transit.hit(&items));
        cut.extend(leaving.map(|(session, _)| *session));
        for session in cut {
            self.cut_off(session);
            dropped.retain(|one| one.session != session);
        }
        dropped
    }

    /// Ends a session at once: what the transport holds for it is discarded. Its reader says `Closed` to the core.
    fn cut_off(&mut self, session: SessionId) {
        let live = self.receivers.remove(&session).map(|receiver| receiver.connection);
        let leaving = self.closing.remove(&session).map(|(connection, _)| connection);
        for connection in live.into_iter().chain(leaving) {
            connection.close(VarInt::from_u32(CLOSED), b"");
        }
    }

    /// Waits until a blocked receiver has room again; never resolves when none is blocked.
    pub(super) async fn unblocked(&mut self, drained: &mut Vec<Drained>) {
        match self.waiting.next().await {
            Some(waited) => self.back(waited, drained),
            None => std::future::pending().await,
        }
    }

    /// Ends every session after what was sent to it.
    pub(super) fn end_all(&mut self) {
        let sessions: Vec<SessionId> = self.receivers.keys().copied().collect();
        sessions.into_iter().for_each(|session| self.end(session));
    }

    /// Waits until everything is handed over and every ended session is closed.
    pub(super) async fn drained(&mut self) {
        while let Some(waited) = self.waiting.next().await {
            self.back(waited, &mut Vec::new());
        }
    }

    fn back(&mut self, (session, outcome): Waited, drained: &mut Vec<Drained>) {
        let Some((stream, rest, written)) = outcome else {
            self.receivers.remove(&session);
            self.closing.remove(&session);
            return;
        };
        drained.push((session, written));
        let Some(receiver) = self.receivers.get_mut(&session) else { return };
        receiver.stream = Some(stream);
        receiver.away = None;
        if rest.bytes.is_empty() {
            receiver.handed_over(written, Some(rest));
        } else {
            receiver.handed_over(written, None);
            receiver.backlog.push_front(rest);
        }
        self.flush(session, drained);
    }

    fn send(&mut self, session: SessionId, piece: Piece, drained: &mut Vec<Drained>) {
        let Some(receiver) = self.receivers.get_mut(&session) else { return };
        if receiver.ending {
            return;
        }
        receiver.backlog.push_back(piece);
        self.flush(session, drained);
    }

    fn end(&mut self, session: SessionId) {
        let Some(receiver) = self.receivers.get_mut(&session) else { return };
        if std::mem::replace(&mut receiver.ending, true) {
            return;
        }
        // Nothing that still comes could be answered.
        receiver.pause.send_replace(true);
        if receiver.stream.is_some() {
            self.finish(session);
            return;
        }
        // A stream that is away comes back to `flush`, which ends it once all is handed over: if the peer takes it in time.
        let connection = receiver.connection.clone();
        self.waiting.push(Box::pin(async move {
            tokio::time::sleep(super::CLOSE_TIMEOUT).await;
            connection.close(VarInt::from_u32(CLOSED), b"");
            (session, None)
        }));
    }

    /// Hands over what the transport takes at once; what it does not take waits aside.
    fn flush(&mut self, session: SessionId, drained: &mut Vec<Drained>) {
        let Some(receiver) = self.receivers.get_mut(&session) else { return };
        if receiver.stream.is_none() {
            return;
        }
        let mut written = 0;
        let mut blocked = None;
        while let Some(mut piece) = receiver.backlog.pop_front() {
            let Some(stream) = receiver.stream.as_mut() else { break };
            match write_some(stream, &mut piece).now_or_never() {
                Some(Ok(count)) => {
                    written += count;
                    if piece.bytes.is_empty() {
                        receiver.handed_over(count, Some(piece));
                    } else {
                        receiver.handed_over(count, None);
                        receiver.backlog.push_front(piece);
                    }
                }
                // The reader side of this session notices the loss and says `Gone`.
                Some(Err(_lost)) => receiver.backlog.clear(),
                None => {
                    blocked = Some(piece);
                    break;
                }
            }
        }
        if written > 0 {
            drained.push((session, written));
        }
        if let Some(piece) = blocked {
            if let Some(stream) = receiver.stream.take() {
                receiver.away = Some(piece.clone());
                self.waiting.push(Box::pin(wait_for_room(session, stream, piece)));
            }
        } else if receiver.ending {
            self.finish(session);
        }
    }

    /// Ends the stream; the connection is closed once the peer has everything, or after a while all the same.
    fn finish(&mut self, session: SessionId) {
        let Some(receiver) = self.receivers.remove(&session) else { return };
        let Receiver { stream, connection, transit, .. } = receiver;
        let Some(mut stream) = stream else { return };
        self.closing.insert(session, (connection.clone(), transit));
        let closing = async move {
            if stream.finish().is_ok() {
                let _acknowledged = tokio::time::timeout(super::CLOSE_TIMEOUT, stream.stopped()).await;
            }
            connection.close(VarInt::from_u32(CLOSED), b"");
            (session, None)
        };
        self.waiting.push(Box::pin(closing));
    }
}

/// Hands over as much of a piece as the transport takes, without copying it; waits while it takes nothing.
async fn write_some(stream: &mut SendStream, piece: &mut Piece) -> Result<u64, quinn::WriteError> {
    let written = stream.write_chunks(std::slice::from_mut(&mut piece.bytes)).await?;
    piece.begun = true;
    Ok(written.bytes as u64)
}

/// Writes some of a piece, waiting for room; gives the rest back.
async fn wait_for_room(session: SessionId, mut stream: SendStream, mut piece: Piece) -> Waited {
    match write_some(&mut stream, &mut piece).await {
        Ok(count) => (session, Some((stream, piece, count))),
        Err(_lost) => (session, None),
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
