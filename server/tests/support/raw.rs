//! A terminal that keeps no rules: a person's own keys and a live session, and every byte as the test wants it.
//! Never helps: no retry, no check of what the server says.

use super::{Client, Site, WATCHDOG};
use journal::act::{
    Accept, Act, ConversationKind, Create, FileClaim, Message, Precedence, Purpose, Reserve, SizeClass,
};
use journal::checkpoint::SignedCheckpoint;
use journal::ids::{Chain, ConversationId, Index, ReservationId, StatementId};
use journal::statement::{Header, SignedStatement, Statement};
use journal::{Content, Entry};
use link::Link;
use pki::{Clearance, PersonId, SecretKey, Suite};
use protocol::answer::Answer;
use protocol::frame::{
    self, Ask, At, Decoder, PutChunk, SubmitFrame, ToCore, ToTerminal, decode_to_terminal,
};
use protocol::limits::FRAME_BYTES_MAX;
use protocol::query::Query;
use protocol::seal::body::{BodyRef, body_bytes};

/// See the module.
pub(crate) struct Raw {
    link: Link,
    decoder: Decoder,
    header: Header,
    key: SecretKey,
    request: u32,
}

/// A body that opens for nobody and fits its commitment all the same: the core cannot tell.
pub(crate) fn body(suite: Suite) -> Vec<u8> {
    let mut body = vec![0x5c; body_bytes(SizeClass::MIN)];
    getrandom::fill(&mut body).unwrap();
    body[..2].copy_from_slice(&[1, suite as u8]);
    body
}

impl Client {
    /// Takes the connection out of an honest terminal's hands, right after its Login.
    pub(crate) fn into_raw(self, site: &Site, login: &str) -> Raw {
        let Self { link, record, .. } = self;
        let (record, person) = (record.unwrap(), site.person(login));
        let (own, checkpoint) = (record.chain.unwrap(), record.checkpoint.unwrap());
        let header = Header {
            log: site.log,
            person: person.id,
            chain: Chain(own.login_leaf),
            sequence: own.next_sequence,
            attempt: own.attempt,
            previous: StatementId(own.last_id),
            head: SignedCheckpoint::parse(checkpoint.as_bytes()).unwrap().claimed().head,
            ..site.authority.blank_header(person.signature_certificate.id())
        };
        let key = SecretKey::from_bytes(site.authority.suite, &person.signature.to_bytes()).unwrap();
        Raw { link: link.unwrap(), decoder: Decoder::default(), header, key, request: 0 }
    }
}

impl Raw {
    /// The next statement of this chain, signed and not sent.
    pub(crate) fn signed(&self, act: Act, body: Option<Vec<u8>>) -> SubmitFrame {
        let statement = Statement { header: self.header.clone(), act };
        let (statement, _) = SignedStatement::sign(&statement, &self.key).unwrap();
        SubmitFrame { request: 0, statement, body: body.map(Into::into), password: None }
    }

    /// A message whose body fits, signed and not sent.
    pub(crate) fn message(&self, conversation: ConversationId, epoch: u32, label: u8) -> SubmitFrame {
        self.carrying(conversation, epoch, label, body(self.header.suite), None)
    }

    /// A message with this very body, and a file beside it or none, signed and not sent.
    pub(crate) fn carrying(
        &self,
        conversation: ConversationId,
        epoch: u32,
        label: u8,
        body: Vec<u8>,
        file: Option<FileClaim>,
    ) -> SubmitFrame {
        let message = Message {
            conversation,
            epoch,
            reference: None,
            commitment: BodyRef::parse(&body).unwrap().commitment(),
            size: SizeClass::MIN,
            label: Clearance(label),
            precedence: Precedence::Routine,
            must_acknowledge: false,
            time_ms: 0,
            file,
        };
        self.signed(Act::Message(message), Some(body))
    }

    /// Sends a frame, whoever signed what is in it.
    pub(crate) async fn offer(&mut self, frame: &SubmitFrame) -> Result<Index, u16> {
        self.request += 1;
        let sent = SubmitFrame { request: self.request, ..frame.clone() };
        self.bytes(&frame::encode(&ToCore::Submit(sent))).await;
        loop {
            match self.next().await.expect("the session lives") {
                ToTerminal::Receipt(receipt) if receipt.request == self.request => return Ok(receipt.index),
                ToTerminal::Refused(refused) if refused.request == self.request => return Err(refused.code),
                _ => {}
            }
        }
    }

    /// Founds a group with one other person; it has no key yet.
    pub(crate) async fn found_group(&mut self, other: PersonId) -> ConversationId {
        let mut random = [0; 16];
        getrandom::fill(&mut random).unwrap();
        let (kind, ceiling, default_label) = (ConversationKind::Group, Clearance(3), Clearance(0));
        let create = Act::Create(Create { random, kind, ceiling, default_label, invited: vec![other] });
        let frame = self.signed(create, None);
        self.submit(&frame).await.unwrap();
        ConversationId(self.header.previous.0)
    }

    /// Accepts the newest invitation.
    pub(crate) async fn accept(&mut self, conversation: ConversationId) {
        let Ok(Answer::Acts(page)) = self.ask(Query::Acts(At { conversation, index: 0 })).await else {
            panic!("who is invited may read the acts")
        };
        let person = self.header.person;
        let invitation = page.entries.iter().rev().find_map(|delivered| {
            let Content::Statement(signed) = Entry::decode(&delivered.entry).unwrap().content else {
                return None;
            };
            let parsed = signed.parse().unwrap();
            let mine = match parsed.act() {
                Act::Create(create) => create.invited.contains(&person),
                Act::Invite(invite) => invite.person == person,
                _ => false,
            };
            mine.then(|| parsed.id())
        });
        let act = Act::Accept(Accept { conversation, invitation: invitation.expect("an invitation") });
        let frame = self.signed(act, None);
        self.submit(&frame).await.unwrap();
    }

    /// Reserves room for bodies.
    pub(crate) async fn reserve(
        &mut self,
        conversation: ConversationId,
        purpose: Purpose,
        chunks: u32,
        size: SizeClass,
    ) -> Result<ReservationId, u16> {
        let mut id = ReservationId([0; 16]);
        getrandom::fill(&mut id.0).unwrap();
        let reserve = self.signed(Act::Reserve(Reserve { id, conversation, purpose, chunks, size }), None);
        self.submit(&reserve).await.map(|_| id)
    }

    /// Stores a chunk.
    pub(crate) async fn put(
        &mut self,
        reservation: ReservationId,
        chunk: u32,
        body: &[u8],
    ) -> Result<(), u16> {
        self.request += 1;
        let put = PutChunk { request: self.request, reservation, chunk, body: body.to_vec().into() };
        self.bytes(&frame::encode(&ToCore::PutChunk(put))).await;
        loop {
            match self.next().await.expect("the session lives") {
                ToTerminal::Stored(stored) if stored.request == self.request => return Ok(()),
                ToTerminal::Refused(refused) if refused.request == self.request => return Err(refused.code),
                _ => {}
            }
        }
    }

    /// Asks.
    pub(crate) async fn ask(&mut self, query: Query) -> Result<Answer, u16> {
        self.request += 1;
        self.bytes(&frame::encode(&ToCore::Ask(Ask { request: self.request, query }))).await;
        loop {
            match self.next().await.expect("the session lives") {
                ToTerminal::Answer(answer) if answer.request == self.request => return Ok(answer.answer),
                ToTerminal::Refused(refused) if refused.request == self.request => return Err(refused.code),
                _ => {}
            }
        }
    }

    /// What was offered was refused: the next one is another attempt.
    pub(crate) fn refused(&mut self) {
        self.header.attempt += 1;
    }

    /// A frame of the attempt after this one; nothing moves.
    pub(crate) fn next_attempt(&mut self, frame: impl Fn(&Self) -> SubmitFrame) -> SubmitFrame {
        self.header.attempt += 1;
        let frame = frame(self);
        self.header.attempt -= 1;
        frame
    }

    /// Sends the next statement of this chain and moves on as its outcome demands.
    pub(crate) async fn submit(&mut self, frame: &SubmitFrame) -> Result<Index, u16> {
        let outcome = self.offer(frame).await;
        match outcome {
            Ok(_) => {
                self.header.previous = frame.statement.clone().parse().unwrap().id();
                (self.header.sequence, self.header.attempt) = (self.header.sequence + 1, 0);
            }
            Err(_) => self.header.attempt += 1,
        }
        outcome
    }

    /// Sends a message whose body fits.
    pub(crate) async fn say(&mut self, to: ConversationId, epoch: u32, label: u8) -> Result<Index, u16> {
        let frame = self.message(to, epoch, label);
        self.submit(&frame).await
    }

    pub(crate) async fn bytes(&mut self, bytes: &[u8]) {
        self.link.send.write_all(bytes).await.unwrap();
    }

    /// Says that nothing more comes.
    pub(crate) fn finish(&mut self) {
        self.link.send.finish().unwrap();
    }

    /// The next frame; `None` when the connection is over.
    async fn next(&mut self) -> Option<ToTerminal> {
        loop {
            if let Some(frame) = self.decoder.next_frame(FRAME_BYTES_MAX).unwrap() {
                return Some(decode_to_terminal(&frame).unwrap());
            }
            let read = tokio::time::timeout(WATCHDOG, self.link.receive.read_chunk(64 * 1024, true)).await;
            match read.unwrap_or_else(|_| panic!("nothing came for {WATCHDOG:?}")) {
                Ok(Some(chunk)) => self.decoder.push(&chunk.bytes),
                Ok(None) | Err(_) => return None,
            }
        }
    }

    /// Reads on until the session is over: the last word, if there was one.
    pub(crate) async fn ended(&mut self) -> Option<u16> {
        let mut last = None;
        while let Some(frame) = self.next().await {
            if let ToTerminal::Ended(ended) = frame {
                last = Some(ended.code);
            }
        }
        last
    }
}
