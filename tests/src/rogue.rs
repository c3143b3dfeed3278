//! Somebody with a good certificate and a terminal of his own making: signs what he likes, sends what he likes.
//! Never has another's key.

use crate::people::copy;
use crate::world::World;
use journal::act::{Act, EraseTarget, Login, Message, Precedence, Purpose, Reserve, SizeClass};
use journal::checkpoint::SignedCheckpoint;
use journal::entry::ENTRY_VERSION;
use journal::ids::{Chain, ConversationId, Head, Index, ReservationId, StatementId};
use journal::statement::{Header, STATEMENT_VERSION, SignedStatement, Statement};
use journal::testing::{SeededRng, seed};
use journal::tree::{empty_root, leaf_hash};
use journal::{Content, Entry};
use pki::Clearance;
use protocol::answer::Answer;
use protocol::frame::{
    Ask, LoginFrame, PASSWORD_INFO, PutChunk, ReceiptFrame, SubmitFrame, ToCore, ToTerminal, encode,
};
use protocol::io::{Connected, Input, SessionId};
use protocol::query::Query;
use protocol::seal::body::{Body, seal};
use protocol::seal::keys::{EpochKey, Lock, TextPlace};

/// The person.
pub struct Rogue {
    /// Whose certificate and key.
    pub login: String,
    /// The connection.
    pub session: SessionId,
    /// The chain that his Login began.
    pub chain: Chain,
    /// The number admitted last.
    pub sequence: u64,
    /// The next attempt at the number after it.
    pub attempt: u32,
    /// The statement admitted last.
    pub last: StatementId,
    /// The head he names.
    pub head: Head,
    /// His Login as he sent it.
    pub login_frame: Option<LoginFrame>,
    next_request: u32,
}

impl World {
    /// Opens a connection with this person's certificate. The person's own terminal is switched off.
    pub fn rogue(&mut self, login: &str) -> Rogue {
        if self.terminals.contains_key(login) {
            self.cut(login);
            self.terminals.remove(login);
        }
        let session = self.next_session;
        self.next_session += 1;
        self.overheard.insert(session, Vec::new());
        let leaf = self.site.test.person(login).signature_certificate.der().to_vec();
        let peer = vec![leaf.into(), self.site.test.issuing.der().to_vec().into()];
        let (exporter, nonce) = (seed(session, "exporter"), seed(session, "nonce"));
        self.input(Input::Connected(Connected { session, peer, exporter, nonce }));
        self.flow();
        Rogue {
            login: login.into(),
            session,
            chain: Chain::ZERO,
            sequence: 0,
            attempt: 0,
            last: StatementId::ZERO,
            head: Head { size: 0, root: empty_root() },
            login_frame: None,
            next_request: 0,
        }
    }

    /// The same, logged in.
    pub fn rogue_in(&mut self, login: &str) -> Rogue {
        let mut rogue = self.rogue(login);
        let frame = self.login_frame(&rogue, &format!("{login}'s own"));
        let said = self.rogue_frame(&rogue, &ToCore::Login(frame.clone()));
        let welcome = said.into_iter().find_map(|frame| match frame {
            ToTerminal::Welcome(welcome) => Some(welcome),
            _ => None,
        });
        let welcome = welcome.expect("the password is right");
        let ReceiptFrame { wall_ms, boot_ms, note, .. } = welcome.login;
        let content = Content::Statement(frame.statement.clone());
        let entry = Entry { version: ENTRY_VERSION, wall_ms, boot_ms, content };
        rogue.chain = Chain(leaf_hash(&entry.encode()));
        rogue.last = frame.statement.clone().parse().unwrap().id();
        rogue.head = SignedCheckpoint::parse(&note).unwrap().claimed().head;
        rogue.login_frame = Some(frame);
        rogue
    }

    /// His Login for his connection.
    pub fn login_frame(&mut self, rogue: &Rogue, password: &str) -> LoginFrame {
        let login = Login {
            nonce: seed(rogue.session, "nonce"),
            exporter: seed(rogue.session, "exporter"),
            server_certificate: self.site.test.person("server").signature_certificate.id(),
            end_other: true,
        };
        let header = Header { chain: Chain::ZERO, sequence: 0, attempt: 0, ..self.header(rogue) };
        let (statement, id) = self.sign_as(&rogue.login, Statement { header, act: Act::Login(login) });
        let mut rng = SeededRng::new(seed(rogue.session, "password"));
        let sealed = self.site.core().public().seal(PASSWORD_INFO, &id.0, password.as_bytes(), &mut rng);
        LoginFrame { statement, password: sealed.unwrap().into() }
    }

    /// Signs with a person's key, whatever it says.
    pub fn sign_as(&self, login: &str, statement: Statement) -> (SignedStatement, StatementId) {
        SignedStatement::sign(&statement, &copy(&self.site.test.person(login).signature)).unwrap()
    }

    /// What an honest next statement would say of itself.
    pub fn header(&self, rogue: &Rogue) -> Header {
        let person = self.site.test.person(&rogue.login);
        Header {
            version: STATEMENT_VERSION,
            suite: self.site.test.suite,
            log: self.site.log,
            person: person.id,
            certificate: person.signature_certificate.id(),
            chain: rogue.chain,
            sequence: rogue.sequence + 1,
            attempt: rogue.attempt,
            previous: rogue.last,
            head: rogue.head,
        }
    }

    /// Sends a frame and gives everything that comes back.
    pub fn rogue_frame(&mut self, rogue: &Rogue, frame: &ToCore) -> Vec<ToTerminal> {
        self.input(Input::Received(rogue.session, encode(frame).to_vec().into()));
        self.flow();
        std::mem::take(self.overheard.get_mut(&rogue.session).expect("a rogue's session"))
    }

    /// Sends signed bytes; the index, or the code of the refusal. His own numbers do not move.
    pub fn rogue_send(
        &mut self,
        rogue: &mut Rogue,
        statement: SignedStatement,
        body: Option<Vec<u8>>,
    ) -> Result<Index, u16> {
        rogue.next_request += 1;
        let request = rogue.next_request;
        let submit = SubmitFrame { request, statement, body: body.map(Into::into), password: None };
        let said = self.rogue_frame(rogue, &ToCore::Submit(submit));
        said.into_iter().find_map(|frame| answer(frame, request)).expect("every request is answered")
    }

    /// An act with the next number, as an honest terminal would send it.
    pub fn rogue_act(&mut self, rogue: &mut Rogue, act: Act, body: Option<Vec<u8>>) -> Result<Index, u16> {
        let statement = Statement { header: self.header(rogue), act };
        let (signed, id) = self.sign_as(&rogue.login, statement);
        let outcome = self.rogue_send(rogue, signed, body);
        match outcome {
            Ok(_) => (rogue.sequence, rogue.attempt, rogue.last) = (rogue.sequence + 1, 0, id),
            Err(_) => rogue.attempt += 1,
        }
        outcome
    }

    /// A message under a key of his own, well made in every other way.
    pub fn rogue_message(
        &mut self,
        rogue: &Rogue,
        conversation: ConversationId,
        epoch: u32,
    ) -> (Message, Body) {
        let number = rogue.sequence * 1000 + u64::from(rogue.attempt) + u64::from(rogue.next_request) * 7;
        let mut rng = SeededRng::new(seed(number, &rogue.login));
        let key = EpochKey::generate(&mut rng);
        let place = TextPlace {
            log: self.site.log,
            conversation,
            epoch,
            signer: self.id(&rogue.login),
            chain: rogue.chain,
            sequence: rogue.sequence + 1,
        };
        let lock = Lock::message(self.site.test.suite, &key, &place).unwrap();
        let body = seal(&lock, SizeClass::MIN, b"not for everybody", &mut rng).unwrap();
        let message = Message {
            conversation,
            epoch,
            reference: None,
            commitment: body.commitment(),
            size: SizeClass::MIN,
            label: Clearance(0),
            precedence: Precedence::Routine,
            must_acknowledge: false,
            time_ms: self.now.wall_ms,
            file: None,
        };
        (message, body)
    }

    /// Reserves room and stores chunks in it.
    pub fn rogue_store(
        &mut self,
        rogue: &mut Rogue,
        conversation: ConversationId,
        size: SizeClass,
        chunks: &[Vec<u8>],
    ) -> ReservationId {
        let id = ReservationId(seed(rogue.sequence, "reservation")[..16].try_into().unwrap());
        let purpose = Purpose::Wraps;
        let reserve = Reserve { id, conversation, purpose, chunks: chunks.len() as u32, size };
        self.rogue_act(rogue, Act::Reserve(reserve), None).expect("a member may reserve");
        for (chunk, body) in (0..).zip(chunks) {
            rogue.next_request += 1;
            let request = rogue.next_request;
            let put = PutChunk { request, reservation: id, chunk, body: body.clone().into() };
            let said = self.rogue_frame(rogue, &ToCore::PutChunk(put));
            let stored =
                said.iter().any(|frame| matches!(frame, ToTerminal::Stored(one) if one.request == request));
            assert!(stored, "a chunk of one's own reservation is stored");
        }
        id
    }

    /// Asks.
    pub fn rogue_ask(&mut self, rogue: &mut Rogue, query: Query) -> Result<Answer, u16> {
        rogue.next_request += 1;
        let request = rogue.next_request;
        let said = self.rogue_frame(rogue, &ToCore::Ask(Ask { request, query }));
        let answered = said.into_iter().find_map(|frame| match frame {
            ToTerminal::Answer(answer) if answer.request == request => Some(Ok(answer.answer)),
            ToTerminal::Refused(refused) if refused.request == request => Some(Err(refused.code)),
            _ => None,
        });
        answered.expect("every question is answered")
    }
}

fn answer(frame: ToTerminal, request: u32) -> Option<Result<Index, u16>> {
    match frame {
        ToTerminal::Receipt(receipt) if receipt.request == request => Some(Ok(receipt.index)),
        ToTerminal::Refused(refused) if refused.request == request => Some(Err(refused.code)),
        _ => None,
    }
}

/// To erase one message.
pub fn erase_of(conversation: ConversationId, index: Index) -> Act {
    Act::Erase(journal::act::Erase { target: EraseTarget::Messages(conversation, vec![index]) })
}
