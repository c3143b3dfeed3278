//! A script of what terminals and their network may do to a running engine. Whatever the script, the driver in
//! `common/driver.rs` sees nothing sent before its commit, the engine never breaks, and replay reaches the same state.
//!
//! The script is read byte by byte: an operation, a person, and what the operation wants. Statements are signed by the
//! harness with the person's own key, so that mutations reach the Register behind the signatures.
#![no_main]

use fuzz::driver::{Driver, Terminal};
use fuzz::{PEOPLE, site};
use journal::act::{
    Accept, Act, ConversationKind, Create, Epoch, Erase, EraseTarget, Invite, Leave, Login, Logout, Message,
    Precedence, Purpose, Read, Reserve, Revoke, RevokeReason, SetPassword, SizeClass, Suspend, Unlock,
};
use journal::ids::{Chain, ConversationId, ReservationId, StatementId};
use journal::statement::{SignedStatement, Statement};
use journal::testing::{SeededRng, seed};
use libfuzzer_sys::fuzz_target;
use pki::{Clearance, canonical};
use protocol::frame::{Ask, LoginFrame, PutChunk, SubmitFrame, ToCore, ToTerminal, encode};
use protocol::io::Connected;
use protocol::query::Query;
use protocol::seal::body::{BodyRef, body_bytes};
use protocol::seal::keys::EpochKey;
use protocol::seal::wraps::{EpochPlace, WrapSet};
use protocol::{Input, SessionId};

/// Operations in one script.
const STEPS_MAX: usize = 48;

fuzz_target!(|script: &[u8]| {
    let mut play = Play { script, driver: Driver::new(), next: 1, chat: ConversationId([0; 32]) };
    for _ in 0..STEPS_MAX {
        let Some(operation) = play.byte() else { break };
        play.step(operation);
    }
    play.driver.check_replay();
});

struct Play<'a> {
    script: &'a [u8],
    driver: Driver,
    next: u64,
    /// The newest conversation that somebody tried to create.
    chat: ConversationId,
}

impl<'a> Play<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.script.split_first()?;
        self.script = rest;
        Some(*first)
    }

    fn small(&mut self) -> u64 {
        self.byte().unwrap_or(0).into()
    }

    /// A length and so many bytes, or what is left.
    fn bytes(&mut self) -> &'a [u8] {
        let length = (self.small() as usize * 256 + self.small() as usize).min(self.script.len());
        let (taken, rest) = self.script.split_at(length);
        self.script = rest;
        taken
    }

    fn login(&mut self) -> &'static str {
        PEOPLE[self.small() as usize % PEOPLE.len()].0
    }

    fn step(&mut self, operation: u8) {
        match operation % 17 {
            0 => self.enter(),
            1 => self.password(),
            2 => self.signed_act(),
            3 => self.common_act(),
            4 => self.message(),
            5 => self.raw(),
            6 => self.framed(),
            7 => self.ask(),
            8 => self.put(),
            9 => {
                let login = self.login();
                if let Some(terminal) = self.driver.terminals.get(login) {
                    self.driver.input(Input::Closed(terminal.session));
                }
            }
            10 => {
                let ms = self.small() * self.small() * 10_000;
                self.driver.now.wall_ms += ms;
                self.driver.now.boot_ms += ms;
                self.driver.input(Input::Wake);
            }
            11 => self.driver.hold = true,
            12 => self.driver.settle(),
            13 => {
                let (login, bytes) = (self.login(), self.small() * 1000);
                if let Some(terminal) = self.driver.terminals.get(login) {
                    self.driver.input(Input::Drained(vec![(terminal.session, bytes)]));
                }
            }
            14 => self.connect_strange(),
            15 => self.epoch(),
            _ => {
                let room = self.small().is_multiple_of(2);
                self.driver.input(Input::Room(room, 1, 2));
            }
        }
    }

    fn connect(&mut self, peer: Vec<Vec<u8>>) -> SessionId {
        let session = self.next;
        self.next += 1;
        let peer = peer.into_iter().map(Into::into).collect();
        let (exporter, nonce) = (seed(session, "exporter"), [session as u8; 32]);
        self.driver.input(Input::Connected(Connected { session, peer, exporter, nonce }));
        session
    }

    fn connect_strange(&mut self) {
        let der = self.bytes().to_vec();
        let session = self.connect(vec![der]);
        let bytes = self.bytes().to_vec();
        self.receive(session, bytes);
    }

    /// The engine hears nothing of a session that it ended.
    fn receive(&mut self, session: SessionId, bytes: Vec<u8>) {
        if !self.driver.ended.contains(&session) {
            self.driver.input(Input::Received(session, bytes.into()));
        }
    }

    /// Connects and logs in, with the right password or another.
    fn enter(&mut self) {
        let (login, mode) = (self.login(), self.small());
        let person = site().person(login);
        let session = self.connect(vec![person.signature_certificate.der().to_vec()]);
        let mut header = site().blank_header(person.signature_certificate.id());
        (header.log, header.person, header.head) = (self.driver.log, person.id, self.driver.head());
        let act = Login {
            nonce: [session as u8; 32],
            exporter: seed(session, "exporter"),
            server_certificate: site().person("server").signature_certificate.id(),
            end_other: mode & 1 != 0,
        };
        let (statement, id) = site().sign(Statement { header, act: Act::Login(act) }, &person.signature);
        let password: &[u8] = [&b"one-time"[..], b"own", b"", b"wrong"][mode as usize / 2 % 4];
        let frame = ToCore::Login(LoginFrame { statement, password: password.to_vec().into() });
        self.receive(session, encode(&frame).to_vec());
        self.driver.settle();
        for said in self.driver.take_heard(session) {
            if let ToTerminal::Welcome(welcome) = said {
                let entry = &self.driver.entries[welcome.login.index as usize];
                let chain = Chain(journal::tree::leaf_hash(entry));
                self.driver.terminals.insert(login, Terminal { session, chain, sequence: 0, last: id });
            }
        }
    }

    fn sign(&self, login: &'static str, act: Act) -> Option<(SignedStatement, StatementId)> {
        let (person, terminal) = (site().person(login), self.driver.terminals.get(login)?);
        let mut header = site().blank_header(person.signature_certificate.id());
        (header.log, header.person, header.head) = (self.driver.log, person.id, self.driver.head());
        (header.chain, header.previous) = (terminal.chain, terminal.last);
        header.sequence = terminal.sequence + 1;
        // One number, other bytes: a later attempt, so that no refused act blocks the script for ever.
        header.attempt = self.next as u32;
        Some(site().sign(Statement { header, act }, &person.signature))
    }

    fn submit(&mut self, login: &'static str, act: Act, body: Option<Vec<u8>>, password: Option<&[u8]>) {
        let Some((statement, id)) = self.sign(login, act) else { return };
        self.next += 1;
        let (request, session) = (self.next as u32, self.driver.terminals[login].session);
        let password = password.map(|password| password.to_vec().into());
        let frame = SubmitFrame { request, statement, body: body.map(Into::into), password };
        self.receive(session, encode(&ToCore::Submit(frame)).to_vec());
        let admitted = |said: &ToTerminal| matches!(said, ToTerminal::Receipt(one) if one.request == request);
        if self.driver.take_heard(session).iter().any(admitted) {
            let terminal = self.driver.terminals.get_mut(login).expect("it signed");
            (terminal.sequence, terminal.last) = (terminal.sequence + 1, id);
        }
    }

    fn password(&mut self) {
        let login = self.login();
        self.submit(login, Act::SetPassword(SetPassword {}), None, Some(b"own"));
    }

    /// Any act that the script spells out.
    fn signed_act(&mut self) {
        let (login, act) = (self.login(), self.bytes());
        if let Ok(act) = canonical::decode::<Act>(act) {
            let body = self.bytes();
            self.submit(login, act, (!body.is_empty()).then(|| body.to_vec()), None);
        }
    }

    /// An act that fits the state, more or less.
    fn common_act(&mut self) {
        let (login, which, index) = (self.login(), self.small(), self.small());
        let (other, conversation) = (self.login(), self.chat);
        let person = site().id(other);
        let membership = self.driver.register().conversation(conversation).map(|row| row.membership.head());
        let membership = membership.unwrap_or(journal::MembershipHead([0; 32]));
        let act = match which % 13 {
            0 => {
                let kind =
                    if index.is_multiple_of(2) { ConversationKind::Private } else { ConversationKind::Group };
                let (ceiling, random) = (Clearance(index as u8 % 6), [self.next as u8; 16]);
                let default_label = Clearance(0);
                let create = Create { random, kind, ceiling, default_label, invited: vec![person] };
                self.submit(login, Act::Create(create), None, None);
                if let Some(terminal) = self.driver.terminals.get(login) {
                    self.chat = ConversationId(terminal.last.0);
                }
                return;
            }
            1 => Act::Accept(Accept { conversation, invitation: StatementId(conversation.0) }),
            2 => Act::Invite(Invite { conversation, membership, person }),
            3 => Act::Leave(Leave { conversation }),
            4 => Act::Read(Read { conversation, up_to: index }),
            5 => Act::Erase(Erase { target: EraseTarget::Messages(conversation, vec![index]) }),
            6 => Act::Erase(Erase { target: EraseTarget::Conversation(conversation) }),
            7 => Act::Logout(Logout {}),
            8 => Act::Suspend(Suspend { person }),
            9 => Act::Unlock(Unlock { person }),
            10 => Act::Revoke(Revoke { person, reason: RevokeReason::KeyCompromise, note: String::new() }),
            11 => {
                let (id, purpose) = (ReservationId([index as u8; 16]), Purpose::File);
                Act::Reserve(Reserve { id, conversation, purpose, chunks: 2, size: SizeClass::MIN })
            }
            _ => Act::Reserve(Reserve {
                id: ReservationId([index as u8; 16]),
                conversation,
                purpose: Purpose::Wraps,
                chunks: 2,
                size: SizeClass(9),
            }),
        };
        self.submit(login, act, None, None);
    }

    /// A new epoch for the present members: reservation, wraps, act.
    fn epoch(&mut self) {
        let (login, conversation) = (self.login(), self.chat);
        let register = self.driver.register();
        let Some(row) = register.conversation(conversation) else { return };
        let (log, epoch, membership) = (self.driver.log, row.epoch_number() + 1, row.membership.head());
        let key_of = |id| register.certificate(id).and_then(|row| row.certificate().agreement_key().ok());
        let recipients = register.recipients(row.number);
        let recipients: Vec<_> =
            recipients.into_iter().filter_map(|(_, id)| Some((id, key_of(id)?))).collect();
        let mut rng = SeededRng::new([self.next as u8; 32]);
        let (suite, key) = (site().suite, EpochKey::generate(&mut rng));
        let place = EpochPlace { log, conversation, epoch, membership };
        let Ok(set) = WrapSet::make(suite, &place, &key, &recipients, &mut rng) else { return };
        let key_commitment =
            key.commitment(suite, log, conversation, epoch).expect("a suite of this program");
        let id = ReservationId([self.next as u8; 16]);
        let (purpose, chunks, size) = (Purpose::Wraps, set.count(), set.size());
        self.submit(login, Act::Reserve(Reserve { id, conversation, purpose, chunks, size }), None, None);
        let Some(terminal) = self.driver.terminals.get(login) else { return };
        let session = terminal.session;
        for (chunk, body) in (0..).zip(set.chunks()) {
            self.next += 1;
            let (request, body) = (self.next as u32, body.clone().into());
            let put = PutChunk { request, reservation: id, chunk, body };
            self.receive(session, encode(&ToCore::PutChunk(put)).to_vec());
        }
        let act = Epoch { conversation, epoch, membership, key_commitment, wraps: set.claim(id) };
        self.submit(login, Act::Epoch(act), None, None);
    }

    fn message(&mut self) {
        let (login, epoch) = (self.login(), self.small() as u32);
        let mut body = vec![self.next as u8; body_bytes(SizeClass::MIN)];
        (body[0], body[1]) = (1, site().suite.number());
        let commitment = BodyRef::parse(&body).expect("the form is right").commitment();
        let message = Message {
            conversation: self.chat,
            epoch,
            reference: None,
            commitment,
            size: SizeClass::MIN,
            label: Clearance(0),
            precedence: Precedence::Routine,
            must_acknowledge: false,
            time_ms: self.driver.now.wall_ms,
            file: None,
        };
        self.submit(login, Act::Message(message), Some(body), None);
    }

    fn session(&mut self) -> Option<SessionId> {
        let login = self.login();
        self.driver.terminals.get(login).map(|terminal| terminal.session)
    }

    fn raw(&mut self) {
        let (session, bytes) = (self.session(), self.bytes().to_vec());
        if let Some(session) = session {
            self.receive(session, bytes);
        }
    }

    /// Any content with the right length in front.
    fn framed(&mut self) {
        let (session, content) = (self.session(), self.bytes());
        let frame = [&(content.len() as u32).to_be_bytes(), content].concat();
        if let Some(session) = session {
            self.receive(session, frame);
        }
    }

    fn ask(&mut self) {
        let (session, query) = (self.session(), self.bytes());
        if let (Some(session), Ok(query)) = (session, canonical::decode::<Query>(query)) {
            self.next += 1;
            let ask = Ask { request: self.next as u32, query };
            self.receive(session, encode(&ToCore::Ask(ask)).to_vec());
        }
    }

    fn put(&mut self) {
        let (session, index, chunk) = (self.session(), self.small(), self.small() as u32);
        let body = self.bytes().to_vec();
        if let Some(session) = session {
            self.next += 1;
            let reservation = ReservationId([index as u8; 16]);
            let put = PutChunk { request: self.next as u32, reservation, chunk, body: body.into() };
            self.receive(session, encode(&ToCore::PutChunk(put)).to_vec());
        }
    }
}
