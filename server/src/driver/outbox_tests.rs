//! The writer against a real connection: what is given up for an erasure, who is cut off, who stays.

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
        let left: Vec<usize> = outbox.receivers[&1].backlog.iter().map(|piece| piece.bytes.len()).collect();
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
