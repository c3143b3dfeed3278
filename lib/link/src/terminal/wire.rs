//! The bytes of one connection, both ways at once.
//! Never reads a frame. Every await here may be dropped without loss: what was not written stays queued.

use super::error::TerminalError;
use crate::client::Link;
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::time::Duration;

/// Bytes taken from the stream at once.
const READ_BYTES: usize = 256 * 1024;
/// How long a connection that is being closed waits for the peer to take what was sent.
const LINGER: Duration = Duration::from_secs(2);

/// What happened on the wire.
pub(super) enum WireNews {
    /// Bytes came.
    Received(Bytes),
    /// Some of ours went.
    Sent,
    /// The connection is gone.
    Lost(TerminalError),
    /// All that was to be sent is sent, and the connection is to be closed.
    Closing,
}

pub(super) struct Wire {
    link: Link,
    out: VecDeque<Bytes>,
    closing: bool,
    /// The peer takes nothing any more; what it said before, its reason above all, is still to be read.
    unheard: bool,
}

impl Wire {
    pub(super) fn new(link: Link) -> Self {
        Self { link, out: VecDeque::new(), closing: false, unheard: false }
    }

    pub(super) fn send(&mut self, bytes: Bytes) {
        if !self.closing && !self.unheard {
            self.out.push_back(bytes);
        }
    }

    pub(super) fn closing(&mut self) {
        self.closing = true;
    }

    pub(super) async fn drive(&mut self) -> WireNews {
        let Self { link, out, closing, unheard } = self;
        if out.is_empty() && *closing {
            return WireNews::Closing;
        }
        let first = out.front().cloned().unwrap_or_default();
        tokio::select! {
            sent = link.send.write(&first), if !first.is_empty() => match sent {
                Ok(sent) => {
                    advance(out, sent);
                    WireNews::Sent
                }
                Err(_) => {
                    out.clear();
                    *unheard = true;
                    WireNews::Sent
                }
            },
            got = link.receive.read_chunk(READ_BYTES, true) => match got {
                Ok(Some(chunk)) => WireNews::Received(chunk.bytes),
                Ok(None) | Err(_) => WireNews::Lost(lost(link)),
            },
        }
    }

    /// Lets the peer take what was sent, then closes.
    pub(super) async fn close(mut self) {
        let _ = self.link.send.finish();
        let _ = tokio::time::timeout(LINGER, self.link.send.stopped()).await;
        let _ = tokio::time::timeout(LINGER, self.link.close()).await;
    }

    /// Counts what came from the peer, of whatever kind.
    pub(super) fn heard(&self) -> u64 {
        self.link.heard()
    }

    pub(super) fn close_in_background(self) {
        tokio::spawn(self.close());
    }
}

fn advance(out: &mut VecDeque<Bytes>, sent: usize) {
    if let Some(first) = out.front_mut() {
        first.advance(sent.min(first.len()));
        if first.is_empty() {
            out.pop_front();
        }
    }
}

fn lost(link: &Link) -> TerminalError {
    link.close_reason().map_or(TerminalError::Closed, TerminalError::Link)
}
