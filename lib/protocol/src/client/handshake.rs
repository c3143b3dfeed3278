//! Hello, Login, Welcome: whom we talk to, who we are, and that the log only grew.
//! Never sends a password before the greeting was verified, and never works with a log that contradicts what it signed.

use super::command::{CommandId, LoginWith};
use super::error::{Error, What};
use super::event::{Event, Ready, Reply};
use super::receive::key_roll;
use super::state::{Action, State};
use super::succession::Before;
use super::trust::{Doubt, Trust};
use crate::frame::{self, Hello, LoginFrame, ToCore, Welcome};
use crate::limits::PASSWORD_BYTES_MAX;
use journal::act::{Act, Login};
use journal::ids::{Chain, Head, Index, StatementId};
use journal::statement::{Header, SignedStatement, Statement};
use pki::CertId;
use pki::state_record::OwnChain;

/// The connection as the caller's TLS knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Connection {
    /// TLS exporter value, 32 bytes for [`crate::frame::EXPORTER_LABEL`].
    pub exporter: [u8; 32],
    /// The certificate that the server showed; its path was verified by TLS.
    pub server_certificate: CertId,
}

/// How far the connection is. Each state holds what the next step needs and no more.
pub(crate) enum Phase {
    /// No connection.
    Down,
    /// Waits for the greeting.
    Connected(Connection),
    /// The greeting holds; waits for the caller's Login.
    Greeted { connection: Connection, nonce: [u8; 32] },
    /// Waits for the Welcome.
    LoggingIn(Box<LoggingIn>),
    /// A chain lives.
    Ready,
    /// The log contradicts itself: nothing more is done with this server.
    Distrusted,
}

pub(crate) struct LoggingIn {
    command: CommandId,
    statement: SignedStatement,
    id: StatementId,
    header: Header,
}

impl State {
    pub(crate) fn greeted(&mut self, connection: Connection, hello: &Hello) -> Result<(), Error> {
        self.trust.check_hello(hello, &connection.exporter).map_err(Error::unverified)?;
        self.trust.consider(hello.successions.as_ref()).map_err(Error::unverified)?;
        self.core = Some(self.book.core_key(&hello.core, self.now_ms)?);
        self.phase = Phase::Greeted { connection, nonce: hello.nonce };
        self.event(Event::Greeted);
        Ok(())
    }

    /// The caller's Login, on a connection that greeted us.
    pub(crate) fn login(&mut self, command: CommandId, with: &LoginWith) -> Result<(), Error> {
        let Phase::Greeted { connection, nonce } = &self.phase else { return Err(Error::NotReady) };
        let bytes = with.password.expose().len();
        if bytes > PASSWORD_BYTES_MAX {
            return Err(Error::TooLong { bytes: bytes as u64, limit: PASSWORD_BYTES_MAX as u64 });
        }
        let login = Login {
            nonce: *nonce,
            exporter: connection.exporter,
            server_certificate: connection.server_certificate,
            end_other: with.end_other,
        };
        // What a succession has given up is no head of this log any more.
        let header = Header { head: self.trust.base(), ..self.header() };
        let statement = Statement { header, act: Act::Login(login) };
        let (signed, id) = SignedStatement::sign(&statement, &*self.me.signer).map_err(|_| Error::Key)?;
        let password = self.seal_password(&with.password, id)?.into();
        // Bound to this nonce and this connection: two Logins are never the same statement, and none can be replayed.
        self.record.chain = None;
        self.persist();
        self.send(frame::encode(&ToCore::Login(LoginFrame { statement: signed.clone(), password })));
        let header = statement.header;
        self.phase = Phase::LoggingIn(Box::new(LoggingIn { command, statement: signed, id, header }));
        Ok(())
    }

    /// The Login was refused; the core ends the connection.
    pub(crate) fn login_refused(&mut self, code: u16) {
        if let Phase::LoggingIn(login) = std::mem::replace(&mut self.phase, Phase::Down) {
            self.event(Event::Failed(login.command, Error::Refused { code }));
        }
    }

    /// The connection went away before the Login was answered.
    pub(crate) fn login_lost(&mut self) {
        match std::mem::replace(&mut self.phase, Phase::Down) {
            Phase::LoggingIn(login) => self.event(Event::Failed(login.command, Error::NotReady)),
            // Distrust above all is not forgotten because a connection ends.
            phase @ (Phase::Down
            | Phase::Connected(_)
            | Phase::Greeted { .. }
            | Phase::Ready
            | Phase::Distrusted) => self.phase = phase,
        }
    }

    pub(crate) fn welcome(&mut self, login: LoggingIn, welcome: &Welcome) -> Result<(), Error> {
        let LoggingIn { command, statement, id, header } = login;
        let before = self.trust.proven().head;
        let failed = |state: &mut Self, error: Error| {
            state.event(Event::Failed(command, error.clone()));
            Err(error)
        };
        let entered = match self.trust.enter() {
            Ok(entered) => entered,
            Err(what) => return failed(self, Error::unverified(what)),
        };
        let checked = self
            .grown(welcome, entered.as_ref())
            .and_then(|()| self.proven_entry(&welcome.login, statement, &header).map(Chain));
        let chain = match checked {
            Ok(chain) => chain,
            Err(error) => {
                // A new era that is not proven changes nothing.
                if let Some(before) = entered {
                    self.trust.put_back(before);
                }
                return failed(self, error);
            }
        };
        if let Some(before) = &entered {
            self.succeeded(before);
        }
        self.know_successions();
        let head = self.trust.proven().head;
        self.keep_proven();
        self.record.chain =
            Some(OwnChain { login_leaf: chain.0, next_sequence: 1, last_id: id.0, attempt: 0 });
        self.persist();
        self.phase = Phase::Ready;
        self.round_again();
        let must_set_password = welcome.must_set_password;
        self.must_set_password = must_set_password;
        let person = self.me.person;
        self.event(Event::Ready(Ready {
            person,
            login: welcome.login.index,
            head,
            before,
            must_set_password,
        }));
        self.event(Event::Done(command, Reply::Nothing));
        let heard = self.heard.session(welcome.login.index);
        // What came behind entries that are lost stands where they stood.
        let kept = entered.as_ref().map_or(Index::MAX, Before::kept);
        self.missed_since(heard.unwrap_or(before.size).min(kept));
        self.requests.again().into_iter().for_each(|frame| self.send(frame));
        self.chain_begins(chain, welcome.login.index, id);
        self.moved();
        Ok(())
    }

    /// The log only grew from what we hold, as far as it is kept: if not, this is what people must hear, and nothing else is
    /// looked at.
    fn grown(&mut self, welcome: &Welcome, entered: Option<&Before>) -> Result<(), Error> {
        self.key_rolls(welcome)?;
        let grown = self.trust.advance(&welcome.login.note, &welcome.consistency);
        grown.map_err(|doubt| self.doubt(doubt))?;
        match entered {
            None => Ok(()),
            Some(before) => self
                .trust
                .check_entered(before, welcome.successions_proof.as_ref())
                .map_err(Error::unverified),
        }
    }

    /// Each period's key by the one before it, and the last roll in the log.
    fn key_rolls(&mut self, welcome: &Welcome) -> Result<(), Error> {
        let blank = self.trust.periods.is_blank();
        let outcome = self.take_key_rolls(welcome);
        if outcome.is_err() && blank {
            self.trust.periods.forget();
        }
        outcome
    }

    fn take_key_rolls(&mut self, welcome: &Welcome) -> Result<(), Error> {
        let bad = Error::unverified(What::KeyRoll);
        for delivered in &welcome.key_rolls {
            let (index, roll) = key_roll(delivered).ok_or(bad.clone())?;
            let periods = &mut self.trust.periods;
            let taken =
                if periods.is_blank() { periods.begin(index, &roll) } else { periods.roll(index, &roll) };
            taken.map_err(Error::unverified)?;
        }
        let head = self.trust.verified(&welcome.login.note).map_err(|doubt| self.doubt(doubt))?.head;
        let last = welcome.key_rolls.len().saturating_sub(1);
        Trust::all_included(&welcome.key_rolls[last..], &welcome.key_rolls_proof, &head)
            .map_err(Error::unverified)
    }

    /// Verifies a note; a contradiction ends all work with this server.
    pub(crate) fn note(&mut self, note: &[u8]) -> Result<Head, Error> {
        self.trust.note(note, self.now_ms).map_err(|doubt| self.doubt(doubt))
    }

    pub(crate) fn doubt(&mut self, doubt: Doubt) -> Error {
        match doubt {
            Doubt::Unverified(what) => Error::unverified(what),
            Doubt::Contradiction(distrust) => {
                if !matches!(self.phase, Phase::Distrusted) {
                    self.phase = Phase::Distrusted;
                    self.event(Event::Distrust(*distrust));
                    self.action(Action::Close);
                    // Nothing that waits for this server will come.
                    self.requests.fail_all();
                    self.chain.fail_all();
                    self.moved();
                }
                Error::unverified(What::Consistency)
            }
        }
    }
}
