//! Where `conclaved backup create` takes blocks from: the running server by its socket, or the store itself while no
//! server runs.
//! Never writes to the store.

use super::holding::{Copies, Holding};
use super::newest::Newest;
use super::service::SOCKET;
use super::wire::{Answer, Request};
use backup::{BackupError, Signed, Source, Taken, Verified};
use disk::{Anchor, CopyError, Outline, Range};
use std::collections::VecDeque;
use std::io::BufReader;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for an answer of the server: a device may be slow, not dead.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// The running server.
pub(crate) struct ServerSource {
    identity: [u8; 32],
    to: UnixStream,
    from: BufReader<UnixStream>,
}

impl ServerSource {
    /// The running server; `None` when none answers.
    pub(crate) fn connect(runtime_dir: &Path, identity: [u8; 32]) -> Option<Self> {
        let to = UnixStream::connect(runtime_dir.join(SOCKET)).ok()?;
        to.set_read_timeout(Some(ANSWER_TIMEOUT)).ok()?;
        let from = BufReader::with_capacity(1 << 20, to.try_clone().ok()?);
        Some(Self { identity, to, from })
    }

    fn send(&mut self, request: &Request) -> Result<(), BackupError> {
        request.send(&mut self.to).map_err(|error| BackupError::Server(error.to_string()))
    }

    fn receive(&mut self) -> Result<Answer, BackupError> {
        Answer::receive(&mut self.from).map_err(|error| BackupError::Server(error.to_string()))
    }

    fn question(&mut self, request: &Request) -> Result<Answer, BackupError> {
        self.send(request)?;
        self.receive()
    }
}

impl Source for ServerSource {
    fn identity(&self) -> [u8; 32] {
        self.identity
    }

    fn hold(&mut self) -> Result<Outline, BackupError> {
        let answer = self.question(&Request::Hold)?;
        let Answer::Outline(bytes) = answer else { return Err(answer.into_error()) };
        Outline::decode(&bytes).map_err(|_| unexpected())
    }

    fn has_passed(&mut self, anchor: &Anchor) -> Result<bool, BackupError> {
        let answer = self.question(&Request::HasPassed(*anchor))?;
        let Answer::Truth(truth) = answer else { return Err(answer.into_error()) };
        Ok(truth)
    }

    fn is_same(&mut self, range: &Range, digest: &[u8; 32]) -> Result<Option<bool>, BackupError> {
        let answer = self.question(&Request::IsSame(*range, *digest))?;
        if matches!(answer, Answer::Lost) {
            return Ok(None);
        }
        let Answer::Truth(truth) = answer else { return Err(answer.into_error()) };
        Ok(Some(truth))
    }

    fn ask(&mut self, range: &Range) -> Result<(), BackupError> {
        self.send(&Request::Read(*range))
    }

    fn take(&mut self, blocks: &mut Vec<u8>) -> Result<Taken, BackupError> {
        let answer = self.receive()?;
        match answer {
            Answer::Lost => Ok(Taken::Lost),
            Answer::Blocks(bytes) => {
                *blocks = bytes;
                Ok(Taken::Blocks)
            }
            Answer::Torn(bytes) => {
                *blocks = bytes;
                Ok(Taken::Torn)
            }
            other @ (Answer::Outline(_)
            | Answer::Truth(_)
            | Answer::Signature(_)
            | Answer::Noted
            | Answer::Refused(_)) => Err(other.into_error()),
        }
    }

    fn sign(&mut self, segments: &[u8; 32]) -> Result<Signed, BackupError> {
        let answer = self.question(&Request::Sign(*segments))?;
        let Answer::Signature(signed) = answer else { return Err(answer.into_error()) };
        Ok(signed)
    }

    fn kept(&mut self, _: &Verified) -> Result<bool, BackupError> {
        let answer = self.question(&Request::Kept)?;
        if matches!(answer, Answer::Noted) { Ok(false) } else { Err(answer.into_error()) }
    }
}

/// A store that no server has open, under a sheet of glass.
pub(crate) struct StoreSource {
    holding: Holding,
    asked: VecDeque<Range>,
    /// What is noted once the manifest is in place.
    signed: Option<Newest>,
}

impl StoreSource {
    pub(crate) fn new(copies: Copies) -> Self {
        Self { holding: Holding::new(Arc::new(copies)), asked: VecDeque::new(), signed: None }
    }
}

impl Source for StoreSource {
    fn identity(&self) -> [u8; 32] {
        self.holding.copies().identity
    }

    fn hold(&mut self) -> Result<Outline, BackupError> {
        Ok(self.holding.hold()?.clone())
    }

    fn has_passed(&mut self, anchor: &Anchor) -> Result<bool, BackupError> {
        Ok(self.holding.has_passed(anchor)?)
    }

    fn is_same(&mut self, range: &Range, digest: &[u8; 32]) -> Result<Option<bool>, BackupError> {
        match self.holding.is_same(range, digest) {
            Ok(truth) => Ok(Some(truth)),
            Err(CopyError::Lost) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn ask(&mut self, range: &Range) -> Result<(), BackupError> {
        self.asked.push_back(*range);
        Ok(())
    }

    fn take(&mut self, blocks: &mut Vec<u8>) -> Result<Taken, BackupError> {
        let range = self.asked.pop_front().ok_or_else(unexpected)?;
        match self.holding.read(&range) {
            Ok((read, is_whole)) => {
                blocks.clear();
                blocks.extend_from_slice(read);
                Ok(if is_whole { Taken::Blocks } else { Taken::Torn })
            }
            Err(CopyError::Lost) => Ok(Taken::Lost),
            Err(error) => Err(error.into()),
        }
    }

    fn sign(&mut self, segments: &[u8; 32]) -> Result<Signed, BackupError> {
        let signed_for = self.holding.sign(segments).ok_or_else(unexpected)?;
        self.signed = Some(signed_for.newest);
        Ok(signed_for.signed)
    }

    fn kept(&mut self, _: &Verified) -> Result<bool, BackupError> {
        self.holding.let_go();
        if let Some(newest) = self.signed.take() {
            self.holding.note(newest);
        }
        Ok(false)
    }
}

impl Answer {
    /// An answer that does not fit the question.
    fn into_error(self) -> BackupError {
        match self {
            Self::Refused(why) => BackupError::Server(why),
            Self::Outline(_)
            | Self::Truth(_)
            | Self::Blocks(_)
            | Self::Torn(_)
            | Self::Lost
            | Self::Signature(_)
            | Self::Noted => unexpected(),
        }
    }
}

fn unexpected() -> BackupError {
    BackupError::Server("an answer that does not fit the question".into())
}
