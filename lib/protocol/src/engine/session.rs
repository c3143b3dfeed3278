//! One connection from Hello to its end: a struct for each state, consumed by the step that leaves it.
//! Never verifies a statement: `login` and `submit` do.

use super::chunks::Rebuild;
use super::submit::Refusing;
use crate::frame::{Ask, Decoder, SealedVerifier, SubmitFrame};
use crate::io::SessionId;
use crate::limits::{FRAME_BYTES_BEFORE_LOGIN, FRAME_BYTES_MAX};
use journal::act::Backup;
use journal::ids::{Chain, Index};
use journal::statement::{SignedStatement, VerifiedStatement};
use pki::{CertId, PersonId};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Range;

/// Whom TLS has shown, and the Register knows.
#[derive(Clone, Copy)]
pub(super) struct Peer {
    pub(super) person: PersonId,
    pub(super) certificate: CertId,
}

/// What all states share: the connection.
pub(super) struct Session {
    pub(super) peer: Peer,
    pub(super) decoder: Decoder,
    /// The driver was told to pause.
    pub(super) paused: bool,
    /// It stands in the queue of those that wait.
    pub(super) queued: bool,
    /// It waits for its turn.
    pub(super) turn: bool,
    /// Bytes said and not yet handed to the network.
    pub(super) outstanding: u64,
    /// Pushes stopped at this entry.
    pub(super) lag: Option<Index>,
    /// Answers that wait for a read.
    pub(super) reads: usize,
    /// Acts and questions whose answer has not left yet.
    pub(super) requests: usize,
    /// Its Welcome has left.
    pub(super) welcomed: bool,
    /// Its end was said: nothing follows.
    pub(super) gone: bool,
    pub(super) state: State,
}

/// Where the session stands.
pub(super) enum State {
    AwaitLogin(AwaitLogin),
    CheckingPassword,
    Live(Box<Live>),
    /// Ended, or about to be; only `Closed` is still awaited.
    Over,
}

/// Hello was said.
pub(super) struct AwaitLogin {
    pub(super) nonce: [u8; 32],
    pub(super) exporter: [u8; 32],
    /// By the boot clock.
    pub(super) deadline_ms: u64,
}

/// Logged in.
pub(super) struct Live {
    pub(super) chain: Chain,
    /// Index of the Login.
    pub(super) since: Index,
    pub(super) statements: u64,
    pub(super) staged: Staged,
    /// The last refusal of the number that comes next.
    pub(super) refused: Option<Refusing>,
    pub(super) waiting: Option<Waiting>,
    /// What the newest admitted Export of this chain names; empty before one.
    pub(super) exported: Range<Index>,
    /// The backup whose manifest was signed for this session last, until it is signed as taken.
    pub(super) backup: Option<Backup>,
}

impl Live {
    pub(super) fn new(chain: Chain, since: Index) -> Box<Self> {
        let staged = Staged::default();
        Box::new(Self {
            chain,
            since,
            statements: 0,
            staged,
            refused: None,
            waiting: None,
            exported: 0..0,
            backup: None,
        })
    }
}

/// Acts of the authority that wait for their Submit.
#[derive(Default)]
pub(super) struct Staged {
    pub(super) acts: Vec<SignedStatement>,
    pub(super) verifiers: Vec<SealedVerifier>,
    pub(super) bytes: usize,
}

/// What keeps a session from its next frame.
pub(super) enum Waiting {
    /// A new password becomes a verifier.
    Verifier { request: u32, statement: Box<VerifiedStatement> },
    /// What a reservation holds is read again after a start; then the frame is taken once more.
    Chunks { rebuild: Rebuild, then: Box<Then> },
    /// The network says what it gave up for an erasure, under this number; then the question is answered.
    Network { number: u64, ask: Box<Ask> },
}

/// The frame that waits for [`Waiting::Chunks`].
pub(super) enum Then {
    Submit(SubmitFrame),
    PutChunk(crate::frame::PutChunk),
}

impl Session {
    pub(super) fn live(&self) -> Option<&Live> {
        match &self.state {
            State::Live(live) => Some(live),
            State::AwaitLogin(_) | State::CheckingPassword | State::Over => None,
        }
    }

    pub(super) fn live_mut(&mut self) -> Option<&mut Live> {
        match &mut self.state {
            State::Live(live) => Some(live),
            State::AwaitLogin(_) | State::CheckingPassword | State::Over => None,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// The longest frame that may come now.
    pub(super) fn frame_bytes_max(&self) -> usize {
        if self.live().is_some() { FRAME_BYTES_MAX } else { FRAME_BYTES_BEFORE_LOGIN }
    }
}

/// All connections.
#[derive(Default)]
pub(super) struct Sessions {
    pub(super) all: BTreeMap<SessionId, Session>,
    /// The one live session of each person.
    pub(super) live: HashMap<PersonId, SessionId>,
    /// Those that have bytes and cannot take them now, oldest first.
    pub(super) queue: VecDeque<SessionId>,
    /// Those that have had their turn and have more, oldest first.
    pub(super) turns: VecDeque<SessionId>,
    /// Connections that are not over, by certificate.
    pub(super) per_certificate: HashMap<CertId, usize>,
}

impl Sessions {
    /// Marks a session as over, and gives its chain if it was live.
    pub(super) fn leave(&mut self, id: SessionId) -> Option<Chain> {
        let session = self.all.get_mut(&id)?;
        if session.is_over() {
            return None;
        }
        let state = std::mem::replace(&mut session.state, State::Over);
        session.decoder = Decoder::default();
        let peer = session.peer;
        if let Some(count) = self.per_certificate.get_mut(&peer.certificate) {
            *count -= 1;
            if *count == 0 {
                self.per_certificate.remove(&peer.certificate);
            }
        }
        let State::Live(live) = state else { return None };
        if self.live.get(&peer.person) == Some(&id) {
            self.live.remove(&peer.person);
        }
        Some(live.chain)
    }
}
