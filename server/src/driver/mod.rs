//! All of QUIC on the server's side: connections become numbered sessions, their bytes become `Input`s, `Output`s become
//! bytes again. Never decodes a frame, never decides who may do what, holds no key but the one of TLS.

mod connection;
mod outbox;

use crate::limits::Limits;
use bytes::Bytes;
use link::{PeerCheck, TlsError, TlsProfile};
use outbox::{Drained, Order, Outbox};
use pki::CertId;
use pki::canonical;
use protocol::io::{Input, Output, SessionId};
use quinn::{Endpoint, VarInt};
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// Longest wait for the peer's acknowledgement of the last bytes before a connection is closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
/// Orders that wait for the one writer.
const ORDERS_MAX: usize = 4096;

/// Encoded [`Input`]s on their way to the core: plain bytes, so that the later process border is only a pipe.
pub(crate) type ToCore = mpsc::Sender<Vec<u8>>;
/// Encoded [`Output`]s from the core that are the driver's to do (`Send`, `End`).
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
pub(crate) struct DriverParts {
    /// Where.
    pub(crate) listen: SocketAddr,
    /// The server's chain and key.
    pub(crate) own: link::OwnCertificate,
    /// Path validation of a client's chain.
    pub(crate) check: PeerCheck,
    /// How many connections.
    pub(crate) limits: Limits,
}

/// How many connections there are, in all, by certificate and by address.
#[derive(Default)]
struct Census {
    all: usize,
    by_certificate: HashMap<CertId, usize>,
    by_address: HashMap<IpAddr, usize>,
}

/// The listening socket with its endpoint.
pub(crate) struct Driver {
    endpoint: Endpoint,
    limits: Limits,
    census: Arc<Mutex<Census>>,
}

impl Driver {
    /// Binds and listens; connections are accepted once [`Self::run`] runs. Call inside a tokio runtime.
    pub(crate) fn listen(parts: DriverParts) -> Result<Self, DriverError> {
        let config = TlsProfile::standard().server(&parts.own, parts.check)?;
        let failed = |reason| DriverError::Listen { address: parts.listen, reason };
        let socket = UdpSocket::bind(parts.listen).map_err(failed)?;
        let runtime = Arc::new(quinn::TokioRuntime);
        let endpoint = Endpoint::new(quinn::EndpointConfig::default(), Some(config), socket, runtime).map_err(failed)?;
        Ok(Self { endpoint, limits: parts.limits, census: Arc::default() })
    }

    /// The address it listens on (the port the system chose, when 0 was asked for).
    pub(crate) fn address(&self) -> std::io::Result<SocketAddr> {
        self.endpoint.local_addr()
    }

    /// Serves until the core closes its side; then tells every peer and ends.
    pub(crate) async fn run(self, to_core: ToCore, from_core: FromCore) {
        let (orders, queue) = mpsc::channel(ORDERS_MAX);
        let accepting = tokio::spawn(accept(self.endpoint.clone(), self.limits, self.census, to_core.clone(), orders));
        write(queue, from_core, to_core).await;
        accepting.abort();
        self.endpoint.close(VarInt::from_u32(0), b"");
        let _told = tokio::time::timeout(CLOSE_TIMEOUT, self.endpoint.wait_idle()).await;
    }
}

/// Takes connections in: only from addresses that proved themselves, and only as many as the limits say.
async fn accept(
    endpoint: Endpoint,
    limits: Limits,
    census: Arc<Mutex<Census>>,
    to_core: ToCore,
    orders: mpsc::Sender<Order>,
) {
    let mut next: SessionId = 1;
    while let Some(incoming) = endpoint.accept().await {
        if !incoming.remote_address_validated() {
            // Without a Retry quinn-proto would answer more than three bytes per byte to a forged address.
            let _cannot_retry = incoming.retry();
            continue;
        }
        let Some(place) = connection::Place::take(&census, incoming.remote_address().ip(), &limits) else {
            incoming.refuse();
            continue;
        };
        let session = next;
        next += 1;
        tokio::spawn(connection::serve(incoming, session, place, limits, to_core.clone(), orders.clone()));
    }
}

/// The one writer: the core's outputs, new connections and blocked receivers, whichever comes first.
async fn write(mut queue: mpsc::Receiver<Order>, mut from_core: FromCore, to_core: ToCore) {
    let mut outbox = Outbox::default();
    let mut fresh: Vec<Drained> = Vec::new();
    let mut owed: BTreeMap<SessionId, u64> = BTreeMap::new();
    loop {
        for (session, bytes) in fresh.drain(..) {
            *owed.entry(session).or_default() += bytes;
        }
        tokio::select! {
            biased;
            // Telling the core never blocks the writing: the core may be waiting for us at this moment.
            permit = to_core.reserve(), if !owed.is_empty() => {
                let (Ok(permit), Some((session, bytes))) = (permit, owed.pop_first()) else { return };
                permit.send(canonical::encode(&Input::Drained(session, bytes)));
            }
            order = queue.recv() => match order {
                Some(order) => outbox.apply(order, &mut fresh),
                None => return,
            },
            output = from_core.recv() => match output {
                Some(bytes) => apply_output(&bytes, &mut outbox, &mut fresh),
                None => return,
            },
            () = outbox.unblocked(&mut fresh) => {}
        }
    }
}

fn apply_output(bytes: &[u8], outbox: &mut Outbox, fresh: &mut Vec<Drained>) {
    match canonical::decode::<Output>(bytes) {
        Ok(Output::Send(sessions, frame)) => {
            outbox.apply(Order::Send(sessions, Bytes::from(Vec::from(frame))), fresh);
        }
        Ok(Output::End(session)) => outbox.apply(Order::End(session), fresh),
        Ok(
            Output::CheckPassword(_)
            | Output::MakeVerifier(_)
            | Output::Commit(_)
            | Output::Read(..)
            | Output::Stopped,
        )
        | Err(_) => unreachable!("the core sends only Send and End this way"),
    }
}

/// The census, also after a task died with it in hand: counts stay usable.
fn lock(census: &Mutex<Census>) -> std::sync::MutexGuard<'_, Census> {
    census.lock().unwrap_or_else(PoisonError::into_inner)
}
