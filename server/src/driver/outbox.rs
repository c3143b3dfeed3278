//! One writer over all connections: shared bytes, a backlog for receivers that are blocked.
//! Never drops a byte of a live session and never waits for a slow one: what blocks is kept aside and counted.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use protocol::io::SessionId;
use quinn::{SendStream, VarInt};
use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use tokio::sync::watch;

/// Application close code of a session that ended in good order; the reason went ahead as a frame.
const CLOSED: u32 = 0;

/// What the writer task has to do next.
pub(super) enum Order {
    /// A session's stream is open; `true` in the channel stops its reader.
    Opened(SessionId, SendStream, quinn::Connection, watch::Sender<bool>),
    /// Send these bytes to these sessions.
    Send(Vec<SessionId>, Bytes),
    /// Stop reading from a session, or go on.
    Pause(SessionId, bool),
    /// Close after what was sent.
    End(SessionId),
    /// The connection is gone.
    Gone(SessionId),
}

/// Bytes that were handed to the transport, per session.
pub(super) type Drained = (SessionId, u64);

/// A receiver: either its stream is here, or it is away in a future that waits for room.
struct Receiver {
    stream: Option<SendStream>,
    connection: quinn::Connection,
    pause: watch::Sender<bool>,
    backlog: VecDeque<Bytes>,
    ending: bool,
}

/// A stream that waited for room, with what it wrote meanwhile; `None` when the connection is lost or closed.
type Waited = (SessionId, Option<(SendStream, VecDeque<Bytes>, u64)>);
type Waiting = Pin<Box<dyn Future<Output = Waited> + Send>>;

/// The one writer's state.
#[derive(Default)]
pub(super) struct Outbox {
    receivers: HashMap<SessionId, Receiver>,
    waiting: FuturesUnordered<Waiting>,
}

impl Outbox {
    /// Does one order; appends what was handed to the transport.
    pub(super) fn apply(&mut self, order: Order, drained: &mut Vec<Drained>) {
        match order {
            Order::Opened(session, stream, connection, pause) => {
                let (stream, backlog) = (Some(stream), VecDeque::new());
                let receiver = Receiver { stream, connection, pause, backlog, ending: false };
                self.receivers.insert(session, receiver);
            }
            Order::Send(sessions, bytes) => {
                for session in sessions {
                    self.send(session, bytes.clone(), drained);
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
            }
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
            return;
        };
        drained.push((session, written));
        let Some(receiver) = self.receivers.get_mut(&session) else { return };
        receiver.stream = Some(stream);
        for bytes in rest.into_iter().rev() {
            receiver.backlog.push_front(bytes);
        }
        self.flush(session, drained);
    }

    fn send(&mut self, session: SessionId, bytes: Bytes, drained: &mut Vec<Drained>) {
        let Some(receiver) = self.receivers.get_mut(&session) else { return };
        receiver.backlog.push_back(bytes);
        self.flush(session, drained);
    }

    fn end(&mut self, session: SessionId) {
        let Some(receiver) = self.receivers.get_mut(&session) else { return };
        receiver.ending = true;
        // A stream that is away comes back to `flush`, which ends it once all is handed over.
        if receiver.stream.is_some() && receiver.backlog.is_empty() {
            self.finish(session);
        }
    }

    /// Hands over what the transport takes at once; what it does not take waits aside.
    fn flush(&mut self, session: SessionId, drained: &mut Vec<Drained>) {
        let Some(receiver) = self.receivers.get_mut(&session) else { return };
        let Some(stream) = receiver.stream.as_mut() else { return };
        let mut written = 0;
        while !receiver.backlog.is_empty() {
            match write_some(stream, &mut receiver.backlog).now_or_never() {
                Some(Ok(count)) => written += count,
                // The reader side of this session notices the loss and says `Gone`.
                Some(Err(_lost)) => receiver.backlog.clear(),
                None => break,
            }
        }
        if written > 0 {
            drained.push((session, written));
        }
        if !receiver.backlog.is_empty() {
            if let Some(stream) = receiver.stream.take() {
                let backlog = std::mem::take(&mut receiver.backlog);
                self.waiting.push(Box::pin(wait_for_room(session, stream, backlog)));
            }
        } else if receiver.ending {
            self.finish(session);
        }
    }

    /// Ends the stream; the connection is closed once the peer has everything, or after a while all the same.
    fn finish(&mut self, session: SessionId) {
        let Some(receiver) = self.receivers.remove(&session) else { return };
        let Receiver { stream, connection, .. } = receiver;
        let Some(mut stream) = stream else { return };
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

/// Hands over as much of the first piece as the transport takes, without copying it; waits while it takes nothing.
async fn write_some(
    stream: &mut SendStream,
    backlog: &mut VecDeque<Bytes>,
) -> Result<u64, quinn::WriteError> {
    let Some(front) = backlog.front_mut() else { return Ok(0) };
    let written = stream.write_chunks(std::slice::from_mut(front)).await?;
    if front.is_empty() {
        backlog.pop_front();
    }
    Ok(written.bytes as u64)
}

/// Writes at least one piece, waiting for room; gives the rest back.
async fn wait_for_room(session: SessionId, mut stream: SendStream, mut backlog: VecDeque<Bytes>) -> Waited {
    match write_some(&mut stream, &mut backlog).await {
        Ok(count) => (session, Some((stream, backlog, count))),
        Err(_lost) => (session, None),
    }
}
