//! The one queue into the core: from the network as bytes, from the core's own helpers as they are.
//! Never grows without bound: who gives waits. The core never waits for a giver, so nobody waits for ever.

use protocol::io::Input;
use tokio::sync::mpsc;

/// Messages that wait for the core; of at most 64 KiB each where the network's.
pub(crate) const WAITING_MAX: usize = 256;

/// What the core's helpers hold to give inputs.
#[derive(Clone)]
pub(crate) struct Inbox(mpsc::Sender<Letter>);

/// One message to the core.
pub(crate) enum Letter {
    /// Of the network: bytes, to be read with [`crate::border::from_driver`].
    Network(Vec<u8>),
    /// Of a helper.
    Own(Input),
}

/// A queue: the giving end, the taking end.
pub(crate) fn inbox() -> (Inbox, mpsc::Receiver<Letter>) {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    (Inbox(sender), receiver)
}

impl Inbox {
    /// Gives an input from a thread; waits for room. `false` when the core is gone.
    pub(crate) fn give(&self, input: Input) -> bool {
        self.0.blocking_send(Letter::Own(input)).is_ok()
    }

    /// Gives an input from a task.
    pub(crate) async fn give_soon(&self, input: Input) -> bool {
        self.0.send(Letter::Own(input)).await.is_ok()
    }

    /// Passes on what the network sends, until it ends.
    pub(crate) async fn relay(self, mut network: mpsc::Receiver<Vec<u8>>) {
        while let Some(bytes) = network.recv().await {
            if self.0.send(Letter::Network(bytes)).await.is_err() {
                return;
            }
        }
    }
}
