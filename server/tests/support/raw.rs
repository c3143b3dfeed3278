//! A terminal that keeps no rules: a person's own keys and a live session, and every byte as the test wants it.
//! Never helps: no retry, no check of what the server says.

use super::{Client, Site, WATCHDOG};
use journal::act::{Act, Message, Precedence, SizeClass};
use journal::checkpoint::SignedCheckpoint;
use journal::ids::{Chain, ConversationId, Index, StatementId};
use journal::statement::{Header, SignedStatement, Statement};
use link::Link;
use pki::{Clearance, SecretKey, Suite};
use protocol::frame::{self, Decoder, SubmitFrame, ToCore, ToTerminal, decode_to_terminal};
use protocol::limits::FRAME_BYTES_MAX;
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
fn body(suite: Suite) -> Vec<u8> {
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
        let body = body(self.header.suite);
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
            file: None,
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
