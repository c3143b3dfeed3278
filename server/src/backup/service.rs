//! The running server's side of a copy: a local socket for its owner, one command at a time.
//! Never waits for the writer nor lets it wait, and holds a state no longer than the command is there.

use super::manifest::{self, Manifest};
use super::newest::{Newest, Shelf};
use super::wire::{Answer, Request};
use crate::log::Log;
use disk::{Copier, CopyBuffer, CopyError, Still};
use pki::SecretKey;
use std::io::{self, BufReader};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

/// Name of the socket in the runtime directory.
pub(crate) const SOCKET: &str = "backup.sock";
/// Whoever asks nothing for so long is gone; his state is let go.
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);

/// What a copy is made with.
pub(crate) struct Service {
    pub(crate) copier: Copier,
    pub(crate) key: SecretKey,
    pub(crate) identity: [u8; 32],
    pub(crate) shelf: Shelf,
    pub(crate) log: Log,
}

/// Serves commands one after the other. Ends with the process.
pub(crate) fn serve(listener: &UnixListener, service: &Service) {
    for stream in listener.incoming() {
        let served = stream.and_then(|stream| {
            stream.set_read_timeout(Some(IDLE_TIMEOUT))?;
            stream.set_write_timeout(Some(IDLE_TIMEOUT))?;
            Session { service, still: None, signed: None, buffer: CopyBuffer::new() }.run(&stream)
        });
        if let Err(error) = served {
            service.log.warn(format_args!("backup socket: {error}"));
        }
    }
}

/// One command's copy.
struct Session<'a> {
    service: &'a Service,
    still: Option<Still>,
    signed: Option<Newest>,
    buffer: CopyBuffer,
}

impl Session<'_> {
    fn run(&mut self, stream: &UnixStream) -> io::Result<()> {
        let (mut from, mut to) = (BufReader::new(stream), stream);
        while let Some(request) = Request::receive(&mut from)? {
            self.answer(&request).send(&mut to)?;
        }
        Ok(())
    }

    fn answer(&mut self, request: &Request) -> Answer {
        let answered = match request {
            Request::Hold => self.hold(),
            Request::HasPassed(anchor) => {
                self.with_still(|still, _| still.has_passed(anchor).map(Answer::Truth))
            }
            Request::Read(range) => self.with_still(|still, buffer| {
                still.read(range, buffer).map(|()| Answer::Blocks(buffer.as_ref().to_vec()))
            }),
            Request::Sign(body) => return self.sign(body),
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

    fn hold(&mut self) -> Result<Answer, CopyError> {
        self.still = None;
        let mut attempts = 0;
        let still = loop {
            match self.service.copier.hold() {
                // The store is so busy and full that this state was gone before it was read.
                Err(CopyError::Lost) if attempts < 8 => attempts += 1,
                held => break held?,
            }
        };
        let outline = still.outline();
        let (batch, epoch) = (outline.anchor.batch, outline.epoch);
        self.service.log.info(format_args!("a backup of batch {batch}, erasure epoch {epoch}, begins"));
        let bytes = outline.encode();
        self.still = Some(still);
        Ok(Answer::Outline(bytes))
    }

    fn with_still(
        &mut self,
        work: impl FnOnce(&Still, &mut CopyBuffer) -> Result<Answer, CopyError>,
    ) -> Result<Answer, CopyError> {
        match &self.still {
            Some(still) => work(still, &mut self.buffer),
            None => Ok(Answer::Refused("no state is held".into())),
        }
    }

    /// Signs what was copied here, nothing else.
    fn sign(&mut self, body: &[u8]) -> Answer {
        let verified = Manifest::decode(body);
        let fits = verified.as_ref().is_some_and(|verified| {
            verified.manifest.identity == self.service.identity
                && self.still.as_ref().is_some_and(|still| *still.outline() == verified.outline)
        });
        match (verified, manifest::sign(body, &self.service.key)) {
            (Some(verified), Ok(signature)) if fits => {
                self.signed = Some(Newest::of(&verified));
                Answer::Signature(signature)
            }
            (_, Err(error)) => Answer::Refused(error.to_string()),
            (_, Ok(_)) => Answer::Refused("this manifest is not of the state that was copied".into()),
        }
    }

    fn kept(&mut self) -> Answer {
        self.still = None;
        let Some(newest) = self.signed.take() else {
            return Answer::Refused("no manifest was signed".into());
        };
        self.service.log.info(format_args!("a backup of batch {} is complete", newest.batch));
        if let Err(error) = self.service.shelf.put(newest) {
            self.service.log.warn(format_args!("the note of the newest backup: {error}"));
        }
        Answer::Noted
    }
}
