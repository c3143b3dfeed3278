//! From a connection to a live session: Hello, Login, password, Welcome.
//! Never tells a peer why a Login failed, save what only its own person needs: another session lives, another head.

use super::commit::{Release, Welcoming};
use super::facts::FailedBy;
use super::passwords::Job;
use super::pump::fresh;
use super::session::{AwaitLogin, Live, Peer, State};
use super::settle::Beside;
use super::{Broken, Engine, Whole};
use crate::code::Code;
use crate::frame::{self, Hello, LoginFrame, Refused, ToTerminal};
use crate::io::{CheckPassword, Connected, Output, SessionId, Ticket};
use crate::limits::{LOGIN_TIMEOUT_MS, SEALED_PASSWORD_BYTES_MAX, SESSIONS_MAX, SESSIONS_PER_CERTIFICATE};
use journal::fact::LoginFailure;
use journal::register::{Effect, PasswordState};
use journal::statement::{SignedStatement, VerifiedStatement};
use journal::{Act, Refusal};
use pki::{Certificate, KeyUse, Purpose, Question, Signer, UnixMs, verify_path};

impl Engine {
    pub(super) fn connected(&mut self, connected: Connected, out: &mut Vec<Output>) -> Whole {
        let Connected { session, peer, exporter, nonce } = connected;
        if self.sessions.all.contains_key(&session) {
            // The network cannot tell them apart, so neither may go on.
            return self.broke_protocol(session, Code::Protocol, out);
        }
        if self.sessions.all.len() >= SESSIONS_MAX {
            out.push(Output::End(session)); // says nothing, so it need not wait for anything
            return Ok(());
        }
        let leaf = peer.first().map_or(&[][..], |leaf| leaf);
        let peer = match self.recognise(leaf) {
            Ok(peer) => peer,
            Err(code) => return self.turn_away(session, code, out),
        };
        let open = self.sessions.per_certificate.entry(peer.certificate).or_default();
        if *open >= SESSIONS_PER_CERTIFICATE {
            return self.turn_away(session, Code::Busy, out);
        }
        *open += 1;
        let deadline_ms = self.ledger.boot_ms().saturating_add(LOGIN_TIMEOUT_MS);
        let state = State::AwaitLogin(AwaitLogin { nonce, exporter, deadline_ms });
        self.sessions.all.insert(session, fresh(peer, state));
        let signed = Hello::signed_bytes(self.site.log, &nonce, self.site.core_id, &exporter);
        let signature = self.site.signers.identity.sign(&signed);
        let signature = signature.map_err(|error| Broken(format!("the Hello: {error}")))?.into();
        let hello = Hello {
            log: self.site.log,
            nonce,
            core: self.site.core.clone().into(),
            signature,
            successions: self.site.successions.clone(),
        };
        self.say(Release::Frame(session, frame::encode(&ToTerminal::Hello(hello))), out);
        Ok(())
    }

    /// Whose certificate this is: known to the journal, not revoked, and under the genesis' authorities now.
    fn recognise(&self, leaf: &[u8]) -> Result<Peer, Code> {
        let leaf = Certificate::parse(leaf).map_err(|_| Code::Certificate)?;
        let certified = self.ledger.register.certificate(leaf.id()).ok_or(Code::Certificate)?;
        let person = leaf.person().ok_or(Code::Certificate)?;
        let at = UnixMs(self.ledger.wall_ms());
        let key_use = Some(KeyUse::DigitalSignature);
        let question = Question { key_use, ..Question::new(Purpose::Client, at) };
        let path = verify_path(&leaf, &self.site.issuing, &self.site.root, &question);
        if certified.revoked.is_some() || path.is_err() {
            return Err(Code::Certificate);
        }
        Ok(Peer { person, certificate: leaf.id() })
    }

    fn turn_away(&mut self, id: SessionId, code: Code, out: &mut Vec<Output>) -> Whole {
        let nobody = Peer { person: pki::PersonId(0), certificate: pki::CertId([0; 32]) };
        self.sessions.all.insert(id, fresh(nobody, State::Over));
        self.say(Release::end(id, code), out);
        Ok(())
    }

    pub(super) fn login(
        &mut self,
        id: SessionId,
        state: AwaitLogin,
        frame: LoginFrame,
        out: &mut Vec<Output>,
    ) -> Whole {
        let Some(peer) = self.sessions.all.get(&id).map(|session| session.peer) else { return Ok(()) };
        if self.room.officers_only() && !self.comes_as_office(peer) {
            return self.refuse_login(id, Code::Full.number(), out);
        }
        let LoginFrame { statement, password } = frame;
        let login = match self.check_login(peer, &state, statement) {
            Some(login) if password.len() <= SEALED_PASSWORD_BYTES_MAX => Box::new(login),
            Some(_) | None => return self.login_failed(Some(id), peer, LoginFailure::Statement, out),
        };
        let envelope = match self.ledger.register.person(peer.person).map(|person| person.password) {
            Some(PasswordState::Envelope(number)) => number,
            Some(PasswordState::Own | PasswordState::Doubtful | PasswordState::None) | None => 0,
        };
        let check = CheckPassword {
            ticket: self.ticket(),
            person: peer.person,
            sealed: password,
            statement: login.get().id().0,
            envelope,
        };
        match self.passwords.offer(Job::Login { session: id, peer, login }, check, out) {
            Ok(()) => Ok(()), // the pump has set State::CheckingPassword
            Err(_) => self.refuse_login(id, Code::Busy.number(), out),
        }
    }

    /// The Login is this peer's, for this very connection, and its signature holds.
    fn check_login(
        &self,
        peer: Peer,
        state: &AwaitLogin,
        statement: SignedStatement,
    ) -> Option<VerifiedStatement> {
        let parsed = statement.parse().ok()?;
        let header = parsed.header();
        let Act::Login(login) = parsed.act() else { return None };
        let fits = header.log == self.site.log
            && header.person == peer.person
            && header.certificate == peer.certificate
            && login.nonce == state.nonce
            && login.exporter == state.exporter
            && login.server_certificate == self.site.server;
        let key = self.ledger.register.key_of(peer.certificate).filter(|_| fits)?;
        parsed.verify(key).ok()
    }

    pub(super) fn password_checked(&mut self, ticket: Ticket, right: bool, out: &mut Vec<Output>) -> Whole {
        let Some(Job::Login { session, peer, login }) = self.passwords.finish(ticket, out) else {
            return Ok(());
        };
        let here = self.sessions.all.get(&session);
        let waits = here.is_some_and(|session| matches!(session.state, State::CheckingPassword));
        if !right {
            let none = self.ledger.register.person(peer.person).map(|person| person.password);
            let failure = match none {
                Some(PasswordState::Own | PasswordState::Doubtful | PasswordState::Envelope(_)) => {
                    LoginFailure::Password
                }
                Some(PasswordState::None) | None => LoginFailure::Refused,
            };
            return self.login_failed(waits.then_some(session), peer, failure, out);
        }
        if !waits {
            return Ok(());
        }
        self.ticks()?;
        let head = login.get().header().head;
        match self.ledger.admit_statement(&login) {
            Ok(admitted) => {
                let started = admitted.applied.effects.iter().find_map(|effect| {
                    if let Effect::ChainStarted { chain, must_set_password, .. } = effect {
                        Some((*chain, *must_set_password))
                    } else {
                        None
                    }
                });
                let (chain, must_set_password) =
                    started.ok_or_else(|| Broken("a Login started no chain".into()))?;
                let (index, wall_ms, boot_ms) = (admitted.index, admitted.wall_ms, admitted.boot_ms);
                self.settle(admitted, Beside::default());
                if let Some(found) = self.sessions.all.get_mut(&session) {
                    found.state = State::Live(Live::new(chain, index));
                }
                self.sessions.live.insert(peer.person, session);
                let welcoming = Welcoming { session, index, wall_ms, boot_ms, head, must_set_password };
                self.commits.open.release.push(Release::Welcome(welcoming));
                self.pump(session, out)
            }
            // The password was right, so it is its person who asks: these two he must know to go on.
            Err(refusal @ (Refusal::SessionLive { .. } | Refusal::WrongHead { .. })) => {
                self.refuse_login(session, refusal.code(), out)
            }
            Err(_) => self.login_failed(Some(session), peer, LoginFailure::Refused, out),
        }
    }

    fn login_failed(
        &mut self,
        session: Option<SessionId>,
        peer: Peer,
        failure: LoginFailure,
        out: &mut Vec<Output>,
    ) -> Whole {
        self.count_failure(FailedBy { person: peer.person, certificate: peer.certificate, failure })?;
        match session {
            Some(session) => self.refuse_login(session, Code::Login.number(), out),
            None => Ok(()),
        }
    }

    /// One answer to one Login: the connection ends with it, because its nonce is used up.
    fn refuse_login(&mut self, id: SessionId, code: u16, out: &mut Vec<Output>) -> Whole {
        self.sessions.leave(id);
        let refused = ToTerminal::Refused(Refused { request: 0, code });
        self.say(Release::Frame(id, frame::encode(&refused)), out);
        self.say(Release::end(id, Code::Login), out);
        Ok(())
    }
}
