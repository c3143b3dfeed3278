//! One connection of a command to the agent: frames in, frames out, in two tasks.
//! Never decides anything; a peer of another user is never even read.

use super::pending::ConnectionId;
use super::wire::{self, Ask, Tell};
use crate::trouble::Trouble;
use nix::unistd::getuid;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

/// Frames that wait for a command to read them.
const QUEUED_MAX: usize = 64;
/// How long the agent waits for a command that reads nothing, before it is dropped.
const STALLED: Duration = Duration::from_secs(10);

/// What a connection brings.
pub(crate) enum Heard {
    /// A request.
    Ask(Ask),
    /// It is gone, or it speaks something else.
    Gone,
}

/// The agent's end.
pub(crate) struct Connection {
    frames: Sender<Zeroizing<Vec<u8>>>,
    writer: JoinHandle<()>,
    /// It asked for every event.
    pub(crate) watching: bool,
}

impl Connection {
    /// Takes a stream of the same user over.
    pub(crate) fn begin(
        stream: UnixStream,
        id: ConnectionId,
        heard: Sender<(ConnectionId, Heard)>,
    ) -> io::Result<Self> {
        if stream.peer_cred()?.uid() != getuid().as_raw() {
            return Err(io::Error::from(io::ErrorKind::PermissionDenied));
        }
        let (read, write) = stream.into_split();
        let (frames, queued) = mpsc::channel(QUEUED_MAX);
        tokio::spawn(listen(read, id, heard));
        let writer = tokio::spawn(speak(write, queued));
        Ok(Self { frames, writer, watching: false })
    }

    /// Says something that must arrive; waits for a slow command, within a limit. `false`: drop it.
    pub(crate) async fn tell(&self, tell: &Tell) -> bool {
        let mut frame = wire::frame(tell);
        if frame.len() - 4 > wire::FRAME_BYTES_MAX {
            // The command would take it for nonsense and say that the agent is gone.
            frame = wire::frame(&Tell::Failed((&Trouble::answer_too_long()).into()));
        }
        let sending = self.frames.send(frame);
        matches!(tokio::time::timeout(STALLED, sending).await, Ok(Ok(())))
    }

    /// Says something that a slow watcher may miss, by being dropped.
    pub(crate) fn mention(&self, frame: &Zeroizing<Vec<u8>>) -> bool {
        self.frames.try_send(frame.clone()).is_ok()
    }

    /// Lets everything said be written, within a limit.
    pub(crate) async fn finish(self) {
        drop(self.frames);
        let _ = tokio::time::timeout(Duration::from_secs(2), self.writer).await;
    }
}

async fn listen(mut read: OwnedReadHalf, id: ConnectionId, heard: Sender<(ConnectionId, Heard)>) {
    while let Ok(ask) = next(&mut read).await {
        if heard.send((id, Heard::Ask(ask))).await.is_err() {
            return;
        }
    }
    let _ = heard.send((id, Heard::Gone)).await;
}

async fn next(read: &mut OwnedReadHalf) -> io::Result<Ask> {
    let mut head = [0; 4];
    read.read_exact(&mut head).await?;
    let mut content = Zeroizing::new(vec![0; wire::length(head)?]);
    read.read_exact(&mut content).await?;
    wire::parse(&content)
}

async fn speak(mut write: OwnedWriteHalf, mut queued: Receiver<Zeroizing<Vec<u8>>>) {
    while let Some(frame) = queued.recv().await {
        if write.write_all(&frame).await.is_err() {
            return;
        }
    }
    let _ = write.shutdown().await;
}
