//! A terminal: one person's credential, one site, one session, over as many connections as it takes.
//! Never shows anything, never asks anybody, never keeps a password, and never sends a signature before the state record
//! that it uses up is durable.
//!
//! Two ways to use it:
//! - command by command ([`Terminal::connect`], [`Terminal::login`], [`Terminal::request`], [`Terminal::close`]);
//! - as the agent does, with other work in between: [`Terminal::dial`] beside everything else, [`Terminal::attach`],
//!   [`Terminal::give`], and [`Terminal::next`], which may be dropped at any await without loss.

mod alarm_words;
pub mod backoff;
mod check;
mod closed_words;
mod dialling;
mod erasing_words;
pub mod error;
mod last_seen;
mod law_words;
mod login_words;
pub mod refusal_words;
mod role_words;
mod silence;
mod untold_words;
mod waiting;
mod wire;
pub mod words;

pub use alarm_words::{
    AlarmWords, alarm_words, finding_code_words, outcome_words, raised_words, severity_words,
};
pub use backoff::Backoff;
pub use closed_words::{ClosedRow, closed_words};
pub use erasing_words::erasing_words;
pub use error::TerminalError;
pub use last_seen::{LastSeen, head_words};
pub use law_words::{CLOCK_BEHIND, OrderStanding, ground_words, order_standing, unshown_words};
pub use refusal_words::{Words, refusal_words};
pub use role_words::role_words;
pub use waiting::{AHEAD_MAX, ANSWER_TIMEOUT, KEPT_EVENTS_MAX};

use crate::client::Link;
use crate::tls::TlsProfile;
use check::server_check;
use dialling::Dialling;
use pki::{CertId, CredentialFile, KdfCost, PersonId, SiteCard};
use protocol::Code;
use protocol::client::event::{ClosedView, SuccessionView};
use protocol::client::{Action, ClientSession, Command, CommandId, Connection, Event, Parts, Reply};
use rand_core::CryptoRng;
use silence::Silence;
use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use wire::{Wire, WireNews};

/// The session is looked after at least this often.
const TICK: Duration = Duration::from_secs(2);

/// A new source of randomness; only binaries know one.
pub type Randomness = fn() -> Box<dyn CryptoRng + Send>;

/// Milliseconds since 1970 by the terminal's clock.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// What [`Terminal::next`] tells.
pub enum News {
    /// The session says something.
    Event(Event),
    /// The connection is gone; what is unanswered waits for the next one.
    Lost(TerminalError),
}

/// See the module.
pub struct Terminal {
    file: CredentialFile,
    card: SiteCard,
    person: PersonId,
    session: ClientSession,
    dialling: Arc<Dialling>,
    wire: Option<Wire>,
    silence: Silence,
    events: VecDeque<Event>,
    kept: VecDeque<Event>,
    /// What was asked ahead, oldest first, with its answer once that is there.
    ahead: VecDeque<(CommandId, Option<Result<Reply, TerminalError>>)>,
    last_command: CommandId,
    rng: Box<dyn CryptoRng + Send>,
    broken: bool,
}

impl Terminal {
    /// Puts credential and card together. Fails where the person's certificate is not one of this site at this moment,
    /// or the state record belongs to another log.
    pub fn open(
        mut file: CredentialFile,
        card: SiteCard,
        auto_accept: bool,
        randomness: Randomness,
    ) -> Result<Self, TerminalError> {
        let record = file.read_state()?;
        let other = |record: &pki::StateRecord| {
            record.log_id != card.log_id || record.log_identity != card.log_identity
        };
        if record.as_ref().is_some_and(other) {
            return Err(TerminalError::OtherLog);
        }
        // In memory only: the card that counts is the one that the person has confirmed at this terminal.
        file.credential_mut().set_site_card(card.clone());
        let credential = file.credential();
        let leaf = credential.current()?.signature_certificate();
        check::own_certificate(leaf, &card, now_ms())?;
        let person = leaf.person().ok_or(protocol::client::BadParts::Certificate)?;
        let parts = Parts::from_credential(credential, record, auto_accept)?;
        let dialling = Dialling {
            profile: TlsProfile::standard(),
            own: check::shown(credential, &card)?,
            check: server_check(&card),
            addresses: card.addresses.clone(),
            server_name: card.server_name.clone(),
        };
        Ok(Self {
            session: ClientSession::new(parts, randomness())?,
            dialling: Arc::new(dialling),
            wire: None,
            silence: Silence::default(),
            events: VecDeque::new(),
            kept: VecDeque::new(),
            ahead: VecDeque::new(),
            last_command: 0,
            rng: randomness(),
            broken: false,
            file,
            card,
            person,
        })
    }

    /// Who works here.
    pub fn person(&self) -> PersonId {
        self.person
    }

    /// The site.
    pub fn card(&self) -> &SiteCard {
        &self.card
    }

    /// The credential.
    pub fn credential(&self) -> &pki::Credential {
        self.file.credential()
    }

    /// Writes the credential anew under another passphrase. A crash leaves the old file or the new one, both whole.
    pub fn reseal(&mut self, passphrase: &[u8], cost: KdfCost) -> Result<(), TerminalError> {
        Ok(self.file.save(passphrase, cost, &mut *self.rng)?)
    }

    /// Whether a connection stands (logged in or not).
    pub fn is_connected(&self) -> bool {
        self.wire.is_some()
    }

    /// Whether a chain lives.
    pub fn is_ready(&self) -> bool {
        self.session.is_ready()
    }

    /// The newest proven checkpoint, as the server signed it; empty before the first.
    pub fn checkpoint(&self) -> Vec<u8> {
        self.session.checkpoint()
    }

    /// The successions of the log, by their officers' signatures; empty before the first login.
    pub fn successions(&self) -> Vec<SuccessionView> {
        self.session.successions()
    }

    /// That the log was closed into another one, as far as this session was shown it; told with the policy.
    pub fn closed(&self) -> Option<ClosedView> {
        self.session.closed()
    }

    /// Why a Login failed, with what this end knows beside it: whether any has ever succeeded.
    pub fn login_error(&self, error: TerminalError) -> TerminalError {
        let refused = matches!(&error, TerminalError::Command(why) if why.is_refusal(Code::Login.number()));
        if refused && self.checkpoint().is_empty() { TerminalError::FirstLogin } else { error }
    }

    /// Commands without a result yet, oldest first: what a person would lose by leaving now.
    pub fn pending(&self) -> Vec<CommandId> {
        self.session.pending()
    }

    /// Acts that are neither in the log nor refused for good.
    pub fn unsettled(&self) -> usize {
        self.session.unsettled()
    }

    /// 32 random bits, for [`Backoff::delay`].
    pub fn random(&mut self) -> u32 {
        self.rng.next_u32()
    }

    /// Connects, address by address. Borrows nothing, so that other work can go on beside it.
    pub fn dial(&self) -> impl Future<Output = Result<Link, TerminalError>> + Send + use<> {
        let dialling = self.dialling.clone();
        async move { dialling.dial().await }
    }

    /// Takes a connection over. `Event::Greeted` comes next, if the server is the one of the card.
    pub fn attach(&mut self, link: Link) {
        // What was still to be done on the connection before (above all a close) must not reach this one.
        self.wire = None;
        if self.act().is_some() {
            return;
        }
        let server = link.server.first().map(|der| CertId::of(der));
        let server_certificate = server.unwrap_or(CertId([0; 32]));
        let connection = Connection { exporter: link.exporter, server_certificate };
        self.silence = Silence::default();
        self.wire = Some(Wire::new(link));
        self.session.connected(connection, now_ms());
    }

    /// Gives the session a command; its result is an event with this number.
    pub fn give(&mut self, command: Command) -> CommandId {
        self.last_command += 1;
        self.session.command(self.last_command, command, now_ms());
        self.last_command
    }

    /// The bytes that the `SendFile` of this number asked for.
    pub fn give_chunk(&mut self, of: CommandId, piece: protocol::client::SecretBytes) {
        self.give(Command::FileChunk(of, piece));
    }

    /// Nobody waits for the `FetchFile` of this number any more.
    pub fn end_fetch(&mut self, of: CommandId) {
        self.session.end_fetch(of, now_ms());
    }

    /// Nobody waits for this command any more. Whether it is dropped with nothing signed: no event comes of it then.
    pub fn give_up(&mut self, of: CommandId) -> bool {
        self.session.give_up(of, now_ms())
    }

    /// Drives the connection until there is something to tell. Waits for ever where no connection stands.
    pub async fn next(&mut self) -> News {
        loop {
            if let Some(lost) = self.act() {
                return News::Lost(lost);
            }
            if let Some(event) = self.events.pop_front() {
                return News::Event(event);
            }
            let Some(wire) = &mut self.wire else { return std::future::pending().await };
            // The session has duties of its own (proofs to ask for, questions that nobody answers): it is looked after
            // also when nothing arrives. Driving loses nothing when it is given up.
            let Ok(news) = tokio::time::timeout(TICK, wire.drive()).await else {
                if self.silence.look(wire.heard()) {
                    return News::Lost(self.lost(TerminalError::NoAnswer));
                }
                self.session.tick(now_ms());
                continue;
            };
            match news {
                WireNews::Received(bytes) => self.session.received(&bytes, now_ms()),
                WireNews::Sent => {}
                WireNews::Lost(error) => return News::Lost(self.lost(error)),
                WireNews::Closing => {
                    if let Some(wire) = self.wire.take() {
                        wire.close_in_background();
                    }
                    return News::Lost(self.lost(TerminalError::Closed));
                }
            }
        }
    }

    /// Drops the connection at once, without a word.
    pub fn hang_up(&mut self) {
        if let Some(wire) = self.wire.take() {
            wire.close_in_background();
            self.session.disconnected(now_ms());
        }
    }

    fn lost(&mut self, error: TerminalError) -> TerminalError {
        self.wire = None;
        self.session.disconnected(now_ms());
        // What the session says about it (a Login that was not answered) is told by the next call.
        error
    }

    /// Does what the session wants done, in its order. The record is durable before anything after it is looked at; when
    /// it cannot be made durable, nothing is ever sent again.
    fn act(&mut self) -> Option<TerminalError> {
        while let Some(action) = self.session.next_action() {
            match action {
                Action::PersistState(_) | Action::Send(_) if self.broken => {}
                Action::PersistState(record) => {
                    if let Err(error) = self.file.write_state(&record, &mut *self.rng) {
                        self.broken = true;
                        self.wire = None;
                        return Some(error.into());
                    }
                }
                Action::Send(bytes) => {
                    if let Some(wire) = &mut self.wire {
                        wire.send(bytes);
                    }
                }
                Action::Event(event) => self.events.push_back(event),
                Action::Close => {
                    if let Some(wire) = &mut self.wire {
                        wire.closing();
                    }
                }
            }
        }
        None
    }
}
