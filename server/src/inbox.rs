//! The way into the core: from the network as bytes, from the core's own helpers as they are. The helpers go first: a
//! batch that became durable is told before more is taken in, so that the next one is on its way while that is verified.
//! Never grows without bound: who gives waits. The core never waits for a giver, so nobody waits for ever; and the helpers
//! only answer what the core asked, so the network is always heard in the end.

use protocol::io::Input;
use tokio::sync::mpsc;

/// Messages of one kind that wait for the core; of at most 64 KiB each where the network's.
pub(crate) const WAITING_MAX: usize = 256;

/// The giving end.
#[derive(Clone)]
pub(crate) struct Inbox {
    own: mpsc::Sender<Input>,
    network: mpsc::Sender<Vec<u8>>,
}

/// One message to the core.
pub(crate) enum Letter {
    /// Of the network: bytes, to be read with [`crate::border::from_driver`].
    Network(Vec<u8>),
    /// Of a helper.
    Own(Input),
}

/// The taking end.
pub(crate) struct Letters {
    own: mpsc::Receiver<Input>,
    network: mpsc::Receiver<Vec<u8>>,
    /// Only to wait for both: it drives nothing.
    waiting: tokio::runtime::Runtime,
}

/// Both ends.
pub(crate) fn inbox() -> std::io::Result<(Inbox, Letters)> {
    let (own, own_letters) = mpsc::channel(WAITING_MAX);
    let (network, network_letters) = mpsc::channel(WAITING_MAX);
    let waiting = tokio::runtime::Builder::new_current_thread().build()?;
    Ok((Inbox { own, network }, Letters { own: own_letters, network: network_letters, waiting }))
}

impl Inbox {
    /// Gives an input from a thread; waits for room. `false` when the core is gone.
    pub(crate) fn give(&self, input: Input) -> bool {
        self.own.blocking_send(input).is_ok()
    }

    /// Gives an input from a task.
    pub(crate) async fn give_soon(&self, input: Input) -> bool {
        self.own.send(input).await.is_ok()
    }

    /// Gives what the network sends: plain bytes, so that the later process border is only a pipe.
    pub(crate) async fn network(&self, bytes: Vec<u8>) -> bool {
        self.network.send(bytes).await.is_ok()
    }

    /// Waits for room for one message of the network.
    pub(crate) async fn room(&self) -> Option<Room<'_>> {
        self.network.reserve().await.ok().map(Room)
    }
}

/// Room for one message of the network.
pub(crate) struct Room<'a>(mpsc::Permit<'a, Vec<u8>>);

impl Room<'_> {
    /// Fills it.
    pub(crate) fn fill(self, bytes: Vec<u8>) {
        self.0.send(bytes);
    }
}

impl Letters {
    /// The next one, if there is any.
    pub(crate) fn ready(&mut self) -> Option<Letter> {
        let own = self.own.try_recv().map(Letter::Own);
        own.or_else(|_| self.network.try_recv().map(Letter::Network)).ok()
    }

    /// Whether there is one.
    pub(crate) fn any(&self) -> bool {
        !self.own.is_empty() || !self.network.is_empty()
    }

    /// Waits for the next one; `None` when nobody is left who could give one.
    pub(crate) fn next(&mut self) -> Option<Letter> {
        let Self { own, network, waiting } = self;
        waiting.block_on(async {
            tokio::select! {
                biased;
                Some(input) = own.recv() => Some(Letter::Own(input)),
                Some(bytes) = network.recv() => Some(Letter::Network(bytes)),
                else => None,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_core_itself_waits_for_is_heard_before_the_network() {
        let (inbox, mut letters) = inbox().unwrap();
        letters.waiting.block_on(async {
            assert!(inbox.network(vec![1]).await);
            assert!(inbox.give_soon(Input::Committed(7)).await);
        });
        assert!(matches!(letters.next(), Some(Letter::Own(Input::Committed(7)))));
        assert!(matches!(letters.ready(), Some(Letter::Network(bytes)) if bytes == [1]));
        assert!(letters.ready().is_none());
        drop(inbox);
        assert!(letters.next().is_none());
    }
}
