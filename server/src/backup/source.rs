//! Where blocks come from: the running server by its socket, or the store itself while no server runs.
//! Never writes to the store.

use super::BackupError;
use super::manifest;
use super::newest::{Newest, Shelf};
use super::service::SOCKET;
use super::wire::{Answer, Request};
use disk::{Anchor, Copier, CopyBuffer, CopyError, Outline, Range, Still};
use pki::SecretKey;
use std::collections::VecDeque;
use std::io::BufReader;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Longest wait for an answer of the server: a device may be slow, not dead.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// What came for a range.
#[derive(PartialEq, Eq)]
pub(crate) enum Taken {
    Blocks,
    Lost,
}

/// A source of one copy.
pub(crate) struct Source {
    identity: [u8; 32],
    from: From,
}

enum From {
    Server(Connection),
    Store(Box<Direct>),
}

struct Connection {
    to: UnixStream,
    from: BufReader<UnixStream>,
}

/// The store, opened under a sheet of glass.
struct Direct {
    copier: Copier,
    still: Option<Still>,
    asked: VecDeque<Range>,
    buffer: CopyBuffer,
    key: SecretKey,
    shelf: Shelf,
    /// What is noted once the manifest is in place.
    signed: Option<Newest>,
}

impl Source {
    /// The running server; `None` when none answers.
    pub(crate) fn server(runtime_dir: &Path, identity: [u8; 32]) -> Option<Self> {
        let to = UnixStream::connect(runtime_dir.join(SOCKET)).ok()?;
        to.set_read_timeout(Some(ANSWER_TIMEOUT)).ok()?;
        let from = BufReader::with_capacity(1 << 20, to.try_clone().ok()?);
        Some(Self { identity, from: From::Server(Connection { to, from }) })
    }

    /// A store that no server has open.
    pub(crate) fn store(copier: Copier, key: SecretKey, identity: [u8; 32], shelf: Shelf) -> Self {
        let (asked, buffer) = (VecDeque::new(), CopyBuffer::new());
        let direct = Direct { copier, still: None, asked, buffer, key, shelf, signed: None };
        Self { identity, from: From::Store(Box::new(direct)) }
    }

    /// The log identity key.
    pub(crate) fn identity(&self) -> [u8; 32] {
        self.identity
    }

    /// Does it copy beside a running server?
    pub(crate) fn is_server(&self) -> bool {
        matches!(self.from, From::Server(_))
    }

    /// Holds the newest state; a former one is let go.
    pub(crate) fn hold(&mut self) -> Result<Outline, BackupError> {
        match &mut self.from {
            From::Server(server) => {
                let answer = server.ask(&Request::Hold)?;
                let Answer::Outline(bytes) = answer else { return Err(answer.into_error()) };
                Outline::decode(&bytes).map_err(|_| unexpected())
            }
            From::Store(direct) => {
                direct.still = None;
                Ok(direct.still.insert(direct.copier.hold()?).outline().clone())
            }
        }
    }

    /// Was this store ever there?
    pub(crate) fn has_passed(&mut self, anchor: &Anchor) -> Result<bool, BackupError> {
        match &mut self.from {
            From::Server(server) => {
                let answer = server.ask(&Request::HasPassed(*anchor))?;
                let Answer::Truth(truth) = answer else { return Err(answer.into_error()) };
                Ok(truth)
            }
            From::Store(direct) => Ok(direct.still()?.has_passed(anchor)?),
        }
    }

    /// Asks for blocks, which [`Source::take`] gives in the order in which they were asked for.
    pub(crate) fn ask(&mut self, range: &Range) -> Result<(), BackupError> {
        match &mut self.from {
            From::Server(server) => server.send(&Request::Read(*range)),
            From::Store(direct) => {
                direct.asked.push_back(*range);
                Ok(())
            }
        }
    }

    /// The next blocks that were asked for.
    pub(crate) fn take(&mut self, blocks: &mut Vec<u8>) -> Result<Taken, BackupError> {
        match &mut self.from {
            From::Server(server) => {
                let answer = server.receive()?;
                if matches!(answer, Answer::Lost) {
                    return Ok(Taken::Lost);
                }
                let Answer::Blocks(bytes) = answer else { return Err(answer.into_error()) };
                *blocks = bytes;
                Ok(Taken::Blocks)
            }
            From::Store(direct) => {
                let range = direct.asked.pop_front().ok_or_else(unexpected)?;
                let still = direct.still.as_ref().ok_or_else(unexpected)?;
                match still.read(&range, &mut direct.buffer) {
                    Ok(()) => {
                        blocks.clear();
                        blocks.extend_from_slice(direct.buffer.as_ref());
                        Ok(Taken::Blocks)
                    }
                    Err(CopyError::Lost) => Ok(Taken::Lost),
                    Err(error) => Err(error.into()),
                }
            }
        }
    }

    /// The log identity key's signature over a manifest of the state that is held.
    pub(crate) fn sign(&mut self, body: &[u8]) -> Result<Vec<u8>, BackupError> {
        match &mut self.from {
            From::Server(server) => {
                let answer = server.ask(&Request::Sign(body.to_vec()))?;
                let Answer::Signature(signature) = answer else { return Err(answer.into_error()) };
                Ok(signature)
            }
            From::Store(direct) => {
                let verified = manifest::Manifest::decode(body).ok_or_else(unexpected)?;
                direct.signed = Some(Newest::of(&verified));
                manifest::sign(body, &direct.key).map_err(|error| BackupError::Daemon(error.to_string()))
            }
        }
    }

    /// The manifest is in place: `status` may tell of it. Lets the state go.
    pub(crate) fn kept(&mut self) -> Result<(), BackupError> {
        match &mut self.from {
            From::Server(server) => {
                let answer = server.ask(&Request::Kept)?;
                if matches!(answer, Answer::Noted) { Ok(()) } else { Err(answer.into_error()) }
            }
            From::Store(direct) => {
                direct.still = None;
                let noted = direct.signed.take().map_or(Ok(()), |newest| direct.shelf.put(newest));
                noted.map_err(|error| BackupError::Daemon(error.to_string()))
            }
        }
    }
}

impl Direct {
    fn still(&self) -> Result<&Still, BackupError> {
        self.still.as_ref().ok_or_else(unexpected)
    }
}

impl Connection {
    fn send(&mut self, request: &Request) -> Result<(), BackupError> {
        request.send(&mut self.to).map_err(|error| BackupError::Daemon(error.to_string()))
    }

    fn receive(&mut self) -> Result<Answer, BackupError> {
        Answer::receive(&mut self.from).map_err(|error| BackupError::Daemon(error.to_string()))
    }

    fn ask(&mut self, request: &Request) -> Result<Answer, BackupError> {
        self.send(request)?;
        self.receive()
    }
}

impl Answer {
    /// An answer that does not fit the question.
    fn into_error(self) -> BackupError {
        match self {
            Self::Refused(why) => BackupError::Daemon(why),
            Self::Outline(_)
            | Self::Truth(_)
            | Self::Blocks(_)
            | Self::Lost
            | Self::Signature(_)
            | Self::Noted => unexpected(),
        }
    }
}

fn unexpected() -> BackupError {
    BackupError::Daemon("an answer that does not fit the question".into())
}
