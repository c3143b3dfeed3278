//! All of QUIC on the server's side: connections become numbered sessions, their bytes become `Input`s, `Output`s become
//! bytes again. Never decodes a frame, never decides who may do what, holds no key but the one of TLS.

mod census;
mod connection;
mod outbox;
mod receiver;

use crate::border::ToDriver;
use crate::inbox::Inbox;
use crate::limits::Limits;
use bytes::Bytes;
use census::{Census, Handshake};
use link::{PeerCheck, TlsError, TlsProfile};
use outbox::{Drained, Order, Outbox};
use pki::canonical;
use protocol::io::{Input, SessionId};
use quinn::{Endpoint, VarInt};
use std::collections::{BTreeMap, VecDeque};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Longest wait for the peer's acknowledgement of the last bytes before a connection is closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
/// Orders that wait for the one writer.
const ORDERS_MAX: usize = 4096;

/// Words of the core that are done before the core is told what became of them.
const OUTPUTS_TOGETHER_MAX: usize = 64;

/// Encoded [`ToDriver`]s from the core.
pub(crate) type FromCore = mpsc::Receiver<Vec<u8>>;

/// Why the driver could not begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DriverError {
    /// TLS does not take our certificate or key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address cannot be bound.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        reason: std::io::Error,
    },
}

/// What listening needs.
pub(crate) struct DriverParts<'a> {
    /// Where.
    pub(crate) listen: &'a [SocketAddr],
    /// The server's chain and key.
    pub(crate) own: link::OwnCertificate,
    /// Path validation of a client's chain.
    pub(crate) check: PeerCheck,
    /// How many connections.
    pub(crate) limits: Limits,
}

/// What every connection needs of the driver.
#[derive(Clone)]
struct Shared {
    limits: Limits,
    census: Arc<Census>,
    /// The number of the next session.
    next: Arc<AtomicU64>,
    to_core: Inbox,
    orders: mpsc::Sender<Order>,
}

/// The listening sockets with their endpoints.
pub(crate) struct Driver {
    endpoints: Vec<Endpoint>,
    limits: Limits,
}

impl Driver {
    /// Binds; connections are taken once [`Self::run`] runs. Call inside a tokio runtime.
    pub(crate) fn listen(parts: DriverParts<'_>) -> Result<Self, DriverError> {
        let config = TlsProfile::standard().server(&parts.own, parts.check)?;
        let mut endpoints = Vec::new();
        for address in parts.listen {
            let failed = |reason| DriverError::Listen { address: *address, reason };
            let socket = UdpSocket::bind(address).map_err(failed)?;
            endpoints.push(link::endpoint::server(socket, config.clone()).map_err(failed)?);
        }
        Ok(Self { endpoints, limits: parts.limits })
    }

    /// The addresses it listens on (with the ports that the system chose, where 0 was asked for).
    pub(crate) fn addresses(&self) -> std::io::Result<Vec<SocketAddr>> {
        self.endpoints.iter().map(Endpoint::local_addr).collect()
    }

    /// Serves until the core closes its side; then tells every peer and ends.
    pub(crate) async fn run(self, to_core: Inbox, from_core: FromCore) {
        let (orders, queue) = mpsc::channel(ORDERS_MAX);
        let shared = Shared {
            limits: self.limits,
            census: Arc::default(),
            next: Arc::new(AtomicU64::new(1)),
            to_core: to_core.clone(),
            orders,
        };
        let mut accepting = JoinSet::new();
        for endpoint in &self.endpoints {
            accepting.spawn(accept(endpoint.clone(), shared.clone()));
        }
        drop(shared);
        write(queue, from_core, to_core).await;
        accepting.abort_all();
        for endpoint in &self.endpoints {
            endpoint.close(VarInt::from_u32(0), b"");
        }
        for endpoint in &self.endpoints {
            let _told = tokio::time::timeout(CLOSE_TIMEOUT, endpoint.wait_idle()).await;
        }
    }
}

/// Takes connections in: only from addresses that proved themselves, and only as many as the limits say.
async fn accept(endpoint: Endpoint, shared: Shared) {
    while let Some(incoming) = endpoint.accept().await {
        if !incoming.remote_address_validated() {
            // Without a Retry quinn-proto would answer more than three bytes per byte to a forged address.
            let _cannot_retry = incoming.retry();
            continue;
        }
        let address = incoming.remote_address().ip();
        let Some(handshake) = Handshake::begin(&shared.census, address, Instant::now(), shared.limits) else {
            incoming.refuse();
            continue;
        };
        let session = shared.next.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(connection::serve(incoming, session, handshake, shared.clone()));
    }
}

/// The one writer: the core's outputs, new connections and blocked receivers, whichever comes first.
///
/// It never waits for anyone: what a receiver does not take is kept aside, and what the core is owed is handed over when
/// the core has room for it. So the core may wait for this task, and this task never waits for the core.
async fn write(mut queue: mpsc::Receiver<Order>, mut from_core: FromCore, to_core: Inbox) {
    let mut outbox = Outbox::default();
    let mut fresh: Vec<Drained> = Vec::new();
    let mut owed: BTreeMap<SessionId, u64> = BTreeMap::new();
    // At most one for each erasure that the core waits with.
    let mut forgotten: VecDeque<Input> = VecDeque::new();
    loop {
        for (session, bytes) in fresh.drain(..) {
            *owed.entry(session).or_default() += bytes;
        }
        tokio::select! {
            biased;
            room = to_core.room(), if !owed.is_empty() || !forgotten.is_empty() => {
                let Some(room) = room else { break };
                let drained = || Input::Drained(std::mem::take(&mut owed).into_iter().collect());
                room.fill(canonical::encode(&forgotten.pop_front().unwrap_or_else(drained)));
            }
            order = queue.recv() => match order {
                Some(order) => outbox.apply(order, &mut fresh),
                None => break,
            },
            output = from_core.recv() => match output {
                Some(bytes) => {
                    forgotten.extend(apply_output(&bytes, &mut outbox, &mut fresh));
                    // What the core said together is handed over together, and told as one.
                    for _ in 1..OUTPUTS_TOGETHER_MAX {
                        let Ok(bytes) = from_core.try_recv() else { break };
                        forgotten.extend(apply_output(&bytes, &mut outbox, &mut fresh));
                    }
                }
                None => break,
            },
            () = outbox.unblocked(&mut fresh) => {}
        }
    }
    // The core is done: what it said last still goes out, to those who take it in time.
    outbox.end_all();
    let _in_time = tokio::time::timeout(CLOSE_TIMEOUT, outbox.drained()).await;
}

/// Does what the core says; gives what the core wants answered.
fn apply_output(bytes: &[u8], outbox: &mut Outbox, fresh: &mut Vec<Drained>) -> Option<Input> {
    // Not compared with its canonical encoding: the core is believed here, and these are all the bytes that leave.
    match minicbor::decode::<ToDriver>(bytes) {
        Ok(ToDriver::Send(sessions, frame)) => {
            outbox.apply(Order::Send(sessions, Bytes::from(Vec::from(frame)), None), fresh);
        }
        Ok(ToDriver::Carry(sessions, frame, cargo)) => {
            let cargo = Some(Arc::new(cargo));
            outbox.apply(Order::Send(sessions, Bytes::from(Vec::from(frame)), cargo), fresh);
        }
        Ok(ToDriver::Forget(number, items)) => {
            return Some(Input::Forgotten(number, outbox.forget(&items)));
        }
        Ok(ToDriver::Cut(session)) => outbox.apply(Order::Cut(session), fresh),
        Ok(ToDriver::End(session)) => outbox.apply(Order::End(session), fresh),
        Ok(ToDriver::Pause(session)) => outbox.apply(Order::Pause(session, true), fresh),
        Ok(ToDriver::Resume(session)) => outbox.apply(Order::Pause(session, false), fresh),
        Err(_) => unreachable!("the core encodes what it sends this way"),
    }
    None
}
