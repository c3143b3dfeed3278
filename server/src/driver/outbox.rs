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
mod tests {
    use super::*;
    use journal::ids::{Index, Place};
    use journal::testing::TestLog;
    use link::{OwnCertificate, PeerCheck, TlsProfile};
    use std::net::{Ipv4Addr, SocketAddr};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::net::UdpSocket;

    const FRAME_BYTES: usize = 256 * 1024;

    /// A connection with its one stream, and the peer that reads nothing unless it is asked to.
    struct Pair {
        outbox: Outbox,
        ours: quinn::Connection,
        _endpoints: [quinn::Endpoint; 2],
        peer: quinn::Connection,
        paused: watch::Receiver<bool>,
    }

    fn own(log: &TestLog, login: &str) -> OwnCertificate {
        let person = log.site.person(login);
        let chain = vec![person.signature_certificate.der().to_vec()];
        OwnCertificate { chain, key: person.signature.to_pkcs8() }
    }

    async fn pair() -> Pair {
        pair_over(async |server| server).await
    }

    /// Likewise; the client speaks to whatever stands before the server.
    async fn pair_over(before: impl AsyncFnOnce(SocketAddr) -> SocketAddr) -> Pair {
        let log = TestLog::standard(1);
        let check: PeerCheck = Arc::new(|_, _| Ok(()));
        let profile = TlsProfile::standard();
        let here = (Ipv4Addr::LOCALHOST, 0).into();
        let config = profile.server(&own(&log, "server"), check.clone()).unwrap();
        let server =
            link::endpoint::server(std::net::UdpSocket::bind::<std::net::SocketAddr>(here).unwrap(), config)
                .unwrap();
        let client = link::endpoint::client(here).unwrap();
        let config = profile.client(&own(&log, "anna"), check).unwrap();
        let address = before(server.local_addr().unwrap()).await;
        let connecting = client.connect_with(config, address, "server").unwrap();
        let accepting = async { server.accept().await.unwrap().await.unwrap() };
        let (peer, ours) = tokio::join!(connecting, accepting);
        let (stream, _receive) = ours.open_bi().await.unwrap();
        let (pause, paused) = watch::channel(false);
        let mut outbox = Outbox::default();
        outbox.apply(Order::Opened(1, stream, ours.clone(), pause), &mut Vec::new());
        Pair { outbox, ours, _endpoints: [server, client], peer: peer.unwrap(), paused }
    }

    fn body(outbox: &mut Outbox, item: u64, first: Option<Index>, bytes: usize) {
        let places = vec![Place { conversation: 9, item }];
        let cargo = Some(Arc::new(Cargo { places, first }));
        outbox.apply(Order::Send(vec![1], vec![7; bytes].into(), cargo), &mut Vec::new());
    }

    fn erased(item: u64) -> [EraseItem; 1] {
        [EraseItem::Item(Place { conversation: 9, item })]
    }

    fn run(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
    }

    #[test]
    fn an_erased_body_that_waits_is_dropped_with_the_pushes_behind_it_and_others_stay() {
        run(async {
            let Pair { mut outbox, ours, _endpoints, peer: _peer, paused: _paused } = pair().await;
            (1..=16).for_each(|item| body(&mut outbox, item, Some(100 + item), FRAME_BYTES));
            outbox.apply(Order::Send(vec![1], vec![8; 10].into(), None), &mut Vec::new());
            assert_eq!(outbox.forget(&erased(77)), [], "nobody has it");
            let dropped = outbox.forget(&erased(15));
            assert_eq!(dropped, [Dropped { session: 1, first: 115, bytes: 2 * FRAME_BYTES as u64 }]);
            assert!(ours.close_reason().is_none(), "not a byte of it was sent");
            let left: Vec<usize> =
                outbox.receivers[&1].backlog.iter().map(|piece| piece.bytes.len()).collect();
            assert_eq!(left.last(), Some(&10), "answers stay");
            assert_eq!(outbox.forget(&erased(15)), []);
        });
    }

    #[test]
    fn who_has_begun_to_get_an_erased_body_and_takes_no_more_is_cut_off() {
        for item in [1, 5] {
            run(async {
                let Pair { mut outbox, ours, _endpoints, peer: _peer, paused: _paused } = pair().await;
                (1..=16).for_each(|item| body(&mut outbox, item, Some(100 + item), FRAME_BYTES));
                assert!(outbox.receivers[&1].stream.is_none(), "blocked");
                assert_eq!(outbox.forget(&erased(item)), []);
                assert!(ours.close_reason().is_some() && outbox.receivers.is_empty());
            });
        }
    }

    #[test]
    fn who_waits_for_an_answer_with_an_erased_body_is_cut_off() {
        run(async {
            let Pair { mut outbox, ours, _endpoints, peer: _peer, paused: _paused } = pair().await;
            (1..=16).for_each(|item| body(&mut outbox, item, None, FRAME_BYTES));
            assert_eq!(outbox.forget(&erased(16)), []);
            assert!(ours.close_reason().is_some());
        });
    }

    #[test]
    fn who_does_not_read_is_disconnected_all_the_same() {
        run(async {
            let Pair { mut outbox, ours: _ours, _endpoints, peer, paused } = pair().await;
            (1..=16).for_each(|item| body(&mut outbox, item, Some(item), FRAME_BYTES));
            let drained = &mut Vec::new();
            outbox.apply(Order::Cut(1), drained);
            assert!(outbox.receivers[&1].backlog.is_empty());
            outbox.apply(Order::Send(vec![1], vec![1; 8].into(), None), drained);
            outbox.apply(Order::End(1), drained);
            assert!(*paused.borrow(), "nothing more is read of it");
            outbox.drained().await;
            peer.closed().await;
            assert!(outbox.receivers.is_empty());
        });
    }

    /// A relay that lets so many more datagrams of the server through, and all of the client's.
    async fn relay(server: SocketAddr, through: Arc<AtomicUsize>) -> SocketAddr {
        let front = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let back = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = front.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut up, mut down, mut client) = ([0; 2048], [0; 2048], None);
            loop {
                tokio::select! {
                    Ok((count, from)) = front.recv_from(&mut up) => {
                        client = Some(from);
                        back.send_to(&up[..count], server).await.unwrap();
                    }
                    Ok((count, _)) = back.recv_from(&mut down) => {
                        let let_through = through.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
                        if let (Ok(_), Some(client)) = (let_through, client) {
                            front.send_to(&down[..count], client).await.unwrap();
                        }
                    }
                }
            }
        });
        address
    }

    /// Runs what else there is until this holds.
    async fn until(mut holds: impl FnMut() -> bool) {
        while !holds() {
            tokio::task::yield_now().await;
        }
    }

    #[test]
    fn who_acknowledged_some_of_an_erased_body_is_cut_off() {
        run(async {
            let through = Arc::new(AtomicUsize::new(usize::MAX));
            let to = through.clone();
            let Pair { mut outbox, ours, _endpoints, peer: _peer, paused: _paused } =
                pair_over(async |server| relay(server, to).await).await;
            until(|| ours.stats().frame_rx.handshake_done + ours.stats().frame_tx.handshake_done > 0).await;
            let before = ours.stats().frame_rx.acks;
            through.store(3, Ordering::Relaxed);
            body(&mut outbox, 1, Some(101), FRAME_BYTES);
            until(|| ours.stats().frame_rx.acks > before).await;
            assert!(outbox.receivers[&1].stream.is_some(), "the transport took all of it");
            assert_eq!(outbox.forget(&erased(1)), []);
            assert!(ours.close_reason().is_some(), "most of it lies here still");
        });
    }

    #[test]
    fn who_has_an_erased_body_whole_stays_whatever_is_on_its_way_behind_it() {
        run(async {
            let through = Arc::new(AtomicUsize::new(usize::MAX));
            let to = through.clone();
            let Pair { mut outbox, ours, _endpoints, peer, paused: _paused } =
                pair_over(async |server| relay(server, to).await).await;
            body(&mut outbox, 1, Some(101), 5000);
            let (_send, mut receive) = peer.accept_bi().await.unwrap();
            receive.read_exact(&mut [0; 5000]).await.unwrap();
            let items = Erasing::of(&erased(1));
            until(|| !outbox.receivers.get_mut(&1).unwrap().holds(&items)).await;
            through.store(0, Ordering::Relaxed);
            body(&mut outbox, 2, Some(102), 5000);
            assert_eq!(outbox.forget(&erased(1)), []);
            assert!(ours.close_reason().is_none() && outbox.receivers.contains_key(&1));
            outbox.forget(&erased(2));
            assert!(ours.close_reason().is_some(), "of that one nothing is known");
        });
    }

    #[test]
    fn who_leaves_and_acknowledges_nothing_is_cut_off_when_what_he_was_sent_is_erased() {
        run(async {
            let through = Arc::new(AtomicUsize::new(usize::MAX));
            let to = through.clone();
            let Pair { mut outbox, ours, _endpoints, peer: _peer, paused: _paused } =
                pair_over(async |server| relay(server, to).await).await;
            through.store(0, Ordering::Relaxed);
            body(&mut outbox, 1, Some(101), 5000);
            outbox.apply(Order::End(1), &mut Vec::new());
            assert!(outbox.receivers.is_empty() && ours.close_reason().is_none(), "it waits for him");
            outbox.forget(&erased(2));
            assert!(ours.close_reason().is_none());
            outbox.forget(&erased(1));
            assert!(ours.close_reason().is_some());
            outbox.drained().await;
            assert!(outbox.closing.is_empty());
        });
    }
}
