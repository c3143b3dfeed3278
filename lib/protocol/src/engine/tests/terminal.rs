//! The terminals of a [`World`]: they connect, sign, send, ask and check what they hear as real ones do.

use super::world::{Terminal, World};
use crate::code::Code;
use crate::frame::{
    Ask, LoginFrame, PutChunk, ReceiptFrame, SubmitFrame, ToCore, ToTerminal, Welcome, encode,
};
use crate::io::{Connected, Input, SessionId};
use crate::query::Query;
use journal::act::{
    Accept, Act, ConversationKind, Create, Epoch, Login, Message, Precedence, Purpose, Reserve, SetPassword,
    SizeClass,
};
use journal::checkpoint::SignedCheckpoint;
use journal::ids::{Chain, ConversationId, Head, Index, ReservationId, StatementId};
use journal::proof::InclusionProof;
use journal::statement::{SignedStatement, Statement};
use journal::testing::{SeededRng, seed};
use journal::tree::leaf_hash;
use journal::{Content, Entry, Refusal};
use pki::{Clearance, PersonId};

const OPERATORS: [&str; 3] = ["anna", "boris", "vera"];

impl World {
    pub(super) fn connect(&mut self, login: &str) -> SessionId {
        let der = self.site.person(login).signature_certificate.der().to_vec();
        self.connect_with(vec![der])
    }

    pub(super) fn connect_with(&mut self, chain: Vec<Vec<u8>>) -> SessionId {
        let session = self.next_session;
        self.next_session += 1;
        let peer = chain.into_iter().map(Into::into).collect();
        let (exporter, nonce) = (self.exporter(session), [session as u8; 32]);
        self.input(Input::Connected(Connected { session, peer, exporter, nonce }));
        session
    }

    pub(super) fn exporter(&self, session: SessionId) -> [u8; 32] {
        seed(session, "exporter")
    }

    pub(super) fn head(&self) -> Head {
        SignedCheckpoint::parse(&self.note).unwrap().claimed().head
    }

    /// The Login that a terminal would sign on this connection.
    pub(super) fn draft_login(&self, login: &str, session: SessionId, end_other: bool) -> Statement {
        let person = self.site.person(login);
        let mut header = self.site.blank_header(person.signature_certificate.id());
        (header.log, header.person, header.head) = (self.log, person.id, self.head());
        let login = Login {
            nonce: [session as u8; 32],
            exporter: self.exporter(session),
            server_certificate: self.site.person("server").signature_certificate.id(),
            end_other,
        };
        Statement { header, act: Act::Login(login) }
    }

    pub(super) fn send_login(
        &mut self,
        login: &str,
        session: SessionId,
        statement: Statement,
        password: &[u8],
    ) {
        let (statement, _) = self.site.sign(statement, &self.site.person(login).signature);
        self.frame(session, &ToCore::Login(LoginFrame { statement, password: password.to_vec().into() }));
    }

    /// Connects and logs in with this password; what the core said after its Hello.
    pub(super) fn try_login(
        &mut self,
        login: &str,
        password: &[u8],
        end_other: bool,
    ) -> (SessionId, ToTerminal) {
        let session = self.connect(login);
        assert!(matches!(self.next(session), Some(ToTerminal::Hello(_))));
        let statement = self.draft_login(login, session, end_other);
        let (_, id) = self.site.sign(statement.clone(), &self.site.person(login).signature);
        self.send_login(login, session, statement.clone(), password);
        let said = self.next(session).expect("an answer");
        if let ToTerminal::Welcome(welcome) = &said {
            let chain = self.check_receipt(&welcome.login, &statement);
            let terminal = Terminal { session, chain, sequence: 0, attempt: 0, last: id, next_request: 1 };
            self.terminals.insert(login.to_owned(), terminal);
        }
        (session, said)
    }

    /// Rebuilds the entry from the stamps, as a terminal does; its leaf hash.
    fn check_receipt(&self, receipt: &ReceiptFrame, statement: &Statement) -> Chain {
        let bytes = &self.entries[receipt.index as usize];
        let entry = Entry::decode(bytes).unwrap();
        assert_eq!((entry.wall_ms, entry.boot_ms), (receipt.wall_ms, receipt.boot_ms));
        let Content::Statement(signed) = entry.content else { panic!("a receipt for a Fact") };
        assert_eq!(*signed.statement, pki::canonical::encode(statement));
        let head = SignedCheckpoint::parse(&receipt.note).unwrap().verify(&self.keys()).unwrap().head();
        let path = receipt.proof.iter().map(|digest| digest.0).collect();
        let proof = InclusionProof::new(receipt.index, head.size, path).unwrap();
        proof.verify(&leaf_hash(bytes), &head.root).unwrap();
        Chain(leaf_hash(bytes))
    }

    /// A live session with a password of one's own.
    pub(super) fn enter(&mut self, login: &str) -> SessionId {
        let password: &[u8] = if self.own.contains_key(&self.site.id(login)) { b"own" } else { b"one-time" };
        let (session, said) = self.try_login(login, password, false);
        let ToTerminal::Welcome(Welcome { must_set_password, .. }) = said else { panic!("{said:?}") };
        if must_set_password {
            let act = Act::SetPassword(SetPassword {});
            self.act_with(login, act, None, Some(b"own")).expect("a new password");
        }
        session
    }

    /// The operators log in.
    pub(super) fn all_enter(&mut self) {
        for login in OPERATORS {
            self.enter(login);
        }
    }

    /// Forgets what the operators have heard.
    pub(super) fn all_drain(&mut self) {
        for login in OPERATORS {
            self.drain(self.session(login));
        }
    }

    pub(super) fn session(&self, login: &str) -> SessionId {
        self.terminals[login].session
    }

    pub(super) fn next(&mut self, session: SessionId) -> Option<ToTerminal> {
        self.heard.get_mut(&session)?.pop_front()
    }

    /// Everything a session heard and nobody looked at.
    pub(super) fn drain(&mut self, session: SessionId) -> Vec<ToTerminal> {
        self.heard.remove(&session).unwrap_or_default().into()
    }

    pub(super) fn frame(&mut self, session: SessionId, frame: &ToCore) {
        let bytes = encode(frame).to_vec();
        self.input(Input::Received(session, bytes.into()));
    }

    pub(super) fn draft(&self, login: &str, act: Act) -> Statement {
        let (person, terminal) = (self.site.person(login), &self.terminals[login]);
        let mut header = self.site.blank_header(person.signature_certificate.id());
        (header.log, header.person, header.head) = (self.log, person.id, self.head());
        header.chain = terminal.chain;
        header.sequence = terminal.sequence + 1;
        header.attempt = terminal.attempt;
        header.previous = terminal.last;
        Statement { header, act }
    }

    pub(super) fn signed(&self, login: &str, statement: &Statement) -> SignedStatement {
        self.site.sign(statement.clone(), &self.site.person(login).signature).0
    }

    /// Sends a statement and moves the terminal on as if it will be admitted; the request's number.
    pub(super) fn post(&mut self, login: &str, statement: &Statement, body: Option<Vec<u8>>) -> u32 {
        let signed = self.signed(login, statement);
        let request = self.request(login);
        let terminal = self.terminals.get_mut(login).unwrap();
        terminal.last = self.site.sign(statement.clone(), &self.site.person(login).signature).1;
        terminal.sequence = statement.header.sequence;
        terminal.attempt = 0;
        let frame = SubmitFrame { request, statement: signed, body: body.map(Into::into), password: None };
        self.frame(self.session(login), &ToCore::Submit(frame));
        request
    }

    pub(super) fn request(&mut self, login: &str) -> u32 {
        let terminal = self.terminals.get_mut(login).unwrap();
        terminal.next_request += 1;
        terminal.next_request
    }

    /// The answer to a request, wherever it stands among what was heard.
    pub(super) fn answer_to(&mut self, session: SessionId, request: u32) -> Option<ToTerminal> {
        let heard = self.heard.get_mut(&session)?;
        let at = heard.iter().position(|frame| match frame {
            ToTerminal::Refused(frame) => frame.request == request,
            ToTerminal::Receipt(frame) => frame.request == request,
            ToTerminal::Stored(frame) => frame.request == request,
            ToTerminal::Answer(frame) => frame.request == request,
            _ => false,
        })?;
        heard.remove(at)
    }

    /// One act: its index, or the code of its refusal.
    pub(super) fn act(&mut self, login: &str, act: Act) -> Result<Index, u16> {
        self.act_with(login, act, None, None)
    }

    pub(super) fn act_with(
        &mut self,
        login: &str,
        act: Act,
        body: Option<Vec<u8>>,
        password: Option<&[u8]>,
    ) -> Result<Index, u16> {
        let statement = self.draft(login, act);
        self.say(login, &statement, body, password)
    }

    pub(super) fn say(
        &mut self,
        login: &str,
        statement: &Statement,
        body: Option<Vec<u8>>,
        password: Option<&[u8]>,
    ) -> Result<Index, u16> {
        let (signed, id) = self.site.sign(statement.clone(), &self.site.person(login).signature);
        let request = self.request(login);
        let password = password.map(|password| password.to_vec().into());
        let frame = SubmitFrame { request, statement: signed, body: body.map(Into::into), password };
        self.frame(self.session(login), &ToCore::Submit(frame));
        let answer = self.answer_to(self.session(login), request);
        match answer.expect("an answer") {
            ToTerminal::Receipt(receipt) => {
                self.check_receipt(&receipt, statement);
                let terminal = self.terminals.get_mut(login).unwrap();
                if statement.header.sequence > terminal.sequence {
                    (terminal.sequence, terminal.last, terminal.attempt) = (statement.header.sequence, id, 0);
                }
                Ok(receipt.index)
            }
            ToTerminal::Refused(refused) => {
                self.terminals.get_mut(login).unwrap().attempt += 1;
                Err(refused.code)
            }
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn ask(&mut self, login: &str, query: Query) -> Result<crate::answer::Answer, u16> {
        let request = self.request(login);
        self.frame(self.session(login), &ToCore::Ask(Ask { request, query }));
        match self.answer_to(self.session(login), request).expect("an answer") {
            ToTerminal::Answer(frame) => Ok(frame.answer),
            ToTerminal::Refused(refused) => Err(refused.code),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn put(
        &mut self,
        login: &str,
        reservation: ReservationId,
        chunk: u32,
        body: &[u8],
    ) -> Result<(), u16> {
        let request = self.request(login);
        let put = PutChunk { request, reservation, chunk, body: body.to_vec().into() };
        self.frame(self.session(login), &ToCore::PutChunk(put));
        match self.answer_to(self.session(login), request).expect("an answer") {
            ToTerminal::Stored(_) => Ok(()),
            ToTerminal::Refused(refused) => Err(refused.code),
            other => panic!("{other:?}"),
        }
    }

    // --- conversations

    pub(super) fn fresh(&mut self) -> [u8; 32] {
        self.next_name += 1;
        seed(self.site.number, &format!("fresh/{}", self.next_name))
    }

    pub(super) fn rng(&mut self) -> SeededRng {
        SeededRng::new(self.fresh())
    }

    pub(super) fn reserve(
        &mut self,
        login: &str,
        conversation: ConversationId,
        purpose: Purpose,
        chunks: u32,
        size: SizeClass,
    ) -> Result<ReservationId, u16> {
        let id = ReservationId(self.fresh()[..16].try_into().unwrap());
        self.act(login, Act::Reserve(Reserve { id, conversation, purpose, chunks, size }))?;
        Ok(id)
    }

    /// Founder and others, everyone has accepted, the first epoch rules.
    pub(super) fn talking(&mut self, founder: &str, others: &[&str]) -> ConversationId {
        let kind = if others.len() == 1 { ConversationKind::Private } else { ConversationKind::Group };
        self.talking_as(kind, founder, others)
    }

    pub(super) fn talking_as(
        &mut self,
        kind: ConversationKind,
        founder: &str,
        others: &[&str],
    ) -> ConversationId {
        let mut invited: Vec<PersonId> = others.iter().map(|login| self.site.id(login)).collect();
        invited.sort_unstable();
        let random = self.fresh()[..16].try_into().unwrap();
        let act = Create { random, kind, ceiling: Clearance(3), default_label: Clearance(0), invited };
        self.act(founder, Act::Create(act)).unwrap();
        let conversation = ConversationId(self.terminals[founder].last.0);
        for other in others {
            let invitation = StatementId(conversation.0);
            self.act(other, Act::Accept(Accept { conversation, invitation })).unwrap();
        }
        self.epoch(founder, conversation).unwrap();
        conversation
    }

    /// The wraps of a new epoch for the present members.
    pub(super) fn wraps(&mut self, conversation: ConversationId) -> (crate::seal::wraps::WrapSet, Epoch) {
        let row = self.register().conversation(conversation).unwrap();
        let (number, membership, epoch) = (row.number, row.membership.head(), row.epoch_number() + 1);
        let recipients = self.register().recipients(number).into_iter().map(|(_, id)| {
            let certificate = self.register().certificate(id).unwrap().certificate();
            (id, certificate.agreement_key().unwrap())
        });
        let recipients: Vec<_> = recipients.collect();
        let mut rng = self.rng();
        let key = crate::seal::keys::EpochKey::generate(&mut rng);
        let place = crate::seal::wraps::EpochPlace { log: self.log, conversation, epoch, membership };
        let set =
            crate::seal::wraps::WrapSet::make(self.site.suite, &place, &key, &recipients, &mut rng).unwrap();
        let key_commitment = key.commitment(self.site.suite, self.log, conversation, epoch).unwrap();
        let wraps = set.claim(ReservationId([0; 16]));
        (set, Epoch { conversation, epoch, membership, key_commitment, wraps })
    }

    pub(super) fn epoch(&mut self, login: &str, conversation: ConversationId) -> Result<Index, u16> {
        let (set, mut epoch) = self.wraps(conversation);
        let id = self.reserve(login, conversation, Purpose::Wraps, set.count(), set.size())?;
        for (n, chunk) in (0..).zip(set.chunks()) {
            self.put(login, id, n, chunk)?;
        }
        epoch.wraps.reservation = id;
        self.act(login, Act::Epoch(epoch))
    }

    /// A body that fits its commitment; what is inside does not matter to the core.
    pub(super) fn body(&mut self, size: SizeClass) -> (Vec<u8>, journal::Commitment) {
        let mut bytes = vec![0; crate::seal::body::body_bytes(size)];
        rand_core::Rng::fill_bytes(&mut self.rng(), &mut bytes);
        (bytes[0], bytes[1]) = (1, self.site.suite.number());
        let commitment = crate::seal::body::BodyRef::parse(&bytes).unwrap().commitment();
        (bytes, commitment)
    }

    pub(super) fn message(&mut self, conversation: ConversationId) -> (Message, Vec<u8>) {
        let (body, commitment) = self.body(SizeClass::MIN);
        let epoch = self.register().conversation(conversation).map_or(1, |row| row.epoch_number());
        let message = Message {
            conversation,
            epoch,
            reference: None,
            commitment,
            size: SizeClass::MIN,
            label: Clearance(0),
            precedence: Precedence::Routine,
            must_acknowledge: false,
            time_ms: self.now.wall_ms,
            file: None,
        };
        (message, body)
    }

    pub(super) fn send(&mut self, login: &str, conversation: ConversationId) -> Result<Index, u16> {
        let (message, body) = self.message(conversation);
        self.act_with(login, Act::Message(message), Some(body), None)
    }
}

/// Indices of all entries that were pushed, in the order they came.
pub(super) fn delivered(frames: &[ToTerminal]) -> Vec<Index> {
    let deliver = |frame: &ToTerminal| match frame {
        ToTerminal::Deliver(deliver) => deliver.entries.iter().map(|entry| entry.index).collect(),
        _ => Vec::new(),
    };
    frames.iter().flat_map(deliver).collect()
}

pub(super) fn refused(said: &ToTerminal) -> Option<u16> {
    match said {
        ToTerminal::Refused(refused) => Some(refused.code),
        _ => None,
    }
}

pub(super) fn code(refusal: Refusal) -> u16 {
    refusal.code()
}

pub(super) fn own(code: Code) -> Result<Index, u16> {
    Err(code.number())
}
