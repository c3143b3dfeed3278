//! The running server's side of a copy beside it: a local socket for its owner, one command at a time.
//! Never waits for the writer nor lets it wait, and holds a state no longer than the command is there.

use super::holding::{Copies, Holding};
use super::newest::Newest;
use super::wire::{Answer, Request};
use disk::CopyError;
use std::io::{self, BufReader};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::time::Duration;

/// Name of the socket in the runtime directory.
pub(crate) const SOCKET: &str = "backup.sock";
/// Whoever asks nothing for so long is gone; his state is let go.
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);

/// Serves commands one after the other. Ends with the process.
pub(crate) fn serve(listener: &UnixListener, copies: &Arc<Copies>) {
    for stream in listener.incoming() {
        let served = stream.and_then(|stream| {
            stream.set_read_timeout(Some(IDLE_TIMEOUT))?;
            stream.set_write_timeout(Some(IDLE_TIMEOUT))?;
            Session { holding: Holding::new(copies.clone()), signed: None }.run(&stream)
        });
        if let Err(error) = served {
            copies.log.warn(format_args!("backup socket: {error}"));
        }
    }
}

/// One command's copy.
struct Session {
    holding: Holding,
    signed: Option<Newest>,
}

impl Session {
    fn run(&mut self, stream: &UnixStream) -> io::Result<()> {
        let (mut from, mut to) = (BufReader::new(stream), stream);
        while let Some(request) = Request::receive(&mut from)? {
            self.answer(&request).send(&mut to)?;
        }
        Ok(())
    }

    fn answer(&mut self, request: &Request) -> Answer {
        let answered = match request {
            Request::Hold => self.holding.hold().map(|outline| Answer::Outline(outline.encode())),
            Request::HasPassed(anchor) => self.holding.has_passed(anchor).map(Answer::Truth),
            Request::Read(range) => self.holding.read(range).map(|(blocks, is_whole)| match is_whole {
                true => Answer::Blocks(blocks.to_vec()),
                false => Answer::Torn(blocks.to_vec()),
            }),
            Request::IsSame(range, digest) => self.holding.is_same(range, digest).map(Answer::Truth),
            Request::Sign(segments) => return self.sign(segments),
            Request::Kept => return self.kept(),
        };
        match answered {
            Ok(answer) => answer,
            Err(CopyError::Lost) => Answer::Lost,
            Err(error @ (CopyError::Disk(_) | CopyError::Busy | CopyError::NoSuchRange)) => {
                Answer::Refused(error.to_string())
            }
        }
    }

    fn sign(&mut self, segments: &[u8; 32]) -> Answer {
        let Some(signed_for) = self.holding.sign(segments) else {
            return Answer::Refused("nothing is held to be signed for".into());
        };
        self.signed = Some(signed_for.newest);
        Answer::Signature(signed_for.signed)
    }

    fn kept(&mut self) -> Answer {
        self.holding.let_go();
        let Some(newest) = self.signed.take() else {
            return Answer::Refused("no manifest was signed".into());
        };
        self.holding.note(newest);
        Answer::Noted
    }
}
