//! One writer over all connections: shared bytes, a backlog for receivers that are blocked.
//! Never drops a byte of a live session and never waits for a slow one: what blocks is kept aside and counted.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use protocol::io::SessionId;
use quinn::{SendStream, VarInt};
use std::collections::{HashMap, VecDeque};
use std::pin::Pin;

/// Application close code of a session that ended in good order; the reason went ahead as a frame.
const CLOSED: u32 = 0;

/// What the writer task has to do next.
pub(super) enum Order {
    /// A session's stream is open.
    Opened(SessionId, SendStream, quinn::Connection),
    /// Send these bytes to these sessions.
    Send(Vec<SessionId>, Bytes),
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
    backlog: VecDeque<Bytes>,
    ending: bool,
}

/// A stream that waited for room, with what it wrote meanwhile; `None` when the connection is lost.
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
            Order::Opened(session, stream, connection) => {
                let receiver =
                    Receiver { stream: Some(stream), connection, backlog: VecDeque::new(), ending: false };
                self.receivers.insert(session, receiver);
            }
            Order::Send(sessions, bytes) => {
                for session in sessions {
                    self.send(session, bytes.clone(), drained);
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
        let Some((session, outcome)) = self.waiting.next().await else {
            return std::future::pending().await;
        };
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
        if receiver.backlog.is_empty() {
            self.finish(session);
        }
    }

    /// Hands over what the transport takes at once; what it does not take waits aside.
    fn flush(&mut self, session: SessionId, drained: &mut Vec<Drained>) {
        let Some(receiver) = self.receivers.get_mut(&session) else { return };
        let Some(stream) = receiver.stream.as_mut() else { return };
        let mut written = 0;
        while let Some(front) = receiver.backlog.front_mut() {
            match stream.write(front).now_or_never() {
                Some(Ok(count)) => {
                    written += count as u64;
                    let _done = front.split_to(count);
                    if front.is_empty() {
                        receiver.backlog.pop_front();
                    }
                }
                // The reader side of this session notices the loss and says `Gone`.
                Some(Err(_lost)) => {
                    receiver.backlog.clear();
                    break;
                }
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

    /// Ends the stream; the connection is closed once the peer has everything, or is given up by the idle timeout.
    fn finish(&mut self, session: SessionId) {
        let Some(receiver) = self.receivers.remove(&session) else { return };
        let Some(mut stream) = receiver.stream else { return };
        let connection = receiver.connection;
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

/// Writes at least one piece, waiting for room; gives the rest back.
async fn wait_for_room(session: SessionId, mut stream: SendStream, mut backlog: VecDeque<Bytes>) -> Waited {
    let Some(front) = backlog.front_mut() else { return (session, Some((stream, backlog, 0))) };
    match stream.write(front).await {
        Ok(count) => {
            let _done = front.split_to(count);
            if front.is_empty() {
                backlog.pop_front();
            }
            (session, Some((stream, backlog, count as u64)))
        }
        Err(_lost) => (session, None),
    }
}
