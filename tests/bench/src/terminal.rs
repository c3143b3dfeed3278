//! A terminal that trusts the server: it logs in, signs and sends as the real one does, and looks at little of what comes
//! back, so that the server is measured and not the terminals (DESIGN 11 counts them on the same processors).
//! Never verifies a proof or opens a body: what is right is shown by other tests.

use crate::fanout::Arrivals;
use crate::load::{Member, STAMP_BYTES};
use crate::site::{ONE_TIME, OWN, Server, Site, own, rng};
use anyhow::{Context, Result, bail, ensure};
use journal::act::{Act, Erase, EraseTarget, Login, Message, Precedence, SetPassword, SizeClass};
use journal::checkpoint::SignedCheckpoint;
use journal::entry::ENTRY_VERSION;
use journal::fact::Fact;
use journal::ids::{Chain, ConversationId, Head, StatementId};
use journal::statement::SignedStatement;
use journal::tree::leaf_hash;
use journal::{Content, Entry, Statement};
use link::{Link, TlsProfile};
use minicbor::bytes::ByteVec;
use pki::{CertId, Certificate, Clearance, SecretKey};
use protocol::frame::{Decoder, LoginFrame, PASSWORD_INFO, SubmitFrame, ToCore, ToTerminal, Welcome, encode};
use protocol::limits::FRAME_BYTES_MAX;
use protocol::seal::body::{BodyRef, body_bytes};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// 1 KiB of padded text.
const CLASS: SizeClass = SizeClass(10);
/// Where a body's sealed bytes begin (`protocol::seal::body`): the stamp stands there.
const STAMP_AT: usize = 66;

/// A live session.
pub(crate) struct Terminal {
    link: Link,
    decoder: Decoder,
    header: journal::Header,
    key: SecretKey,
    core: Certificate,
    request: u32,
    /// The newest one that was looked at.
    note: ByteVec,
}

/// Connects only.
pub(crate) async fn connect(site: &Site, login: &str, server: &Server) -> Result<Link> {
    let own = own(&site.authority, login);
    let anyone: link::PeerCheck = Arc::new(|_, _| Ok(()));
    Ok(Link::connect(&TlsProfile::standard(), &own, anyone, server.address, "conclave").await?)
}

impl Terminal {
    /// Connects and logs in; whether a new password must be set.
    pub(crate) async fn enter(
        site: &Site,
        login: &str,
        server: &Server,
        password: &str,
    ) -> Result<(Self, bool)> {
        let link = connect(site, login, server).await?;
        let person = site.person(login);
        let key = SecretKey::from_bytes(site.authority.suite, &person.signature.to_bytes())?;
        let mut header = site.authority.blank_header(person.signature_certificate.id());
        (header.log, header.person) = (site.log, person.id);
        let mut decoder = Decoder::default();
        let mut link = link;
        let ToTerminal::Hello(hello) = next(&mut link, &mut decoder).await? else { bail!("no Hello") };
        let core = Certificate::parse(&hello.core)?;
        let login = Login {
            nonce: hello.nonce,
            exporter: link.exporter,
            server_certificate: CertId::of(&link.server[0]),
            end_other: true,
        };
        let statement = Statement { header: header.clone(), act: Act::Login(login) };
        let (signed, id) = SignedStatement::sign(&statement, &key)?;
        let password = seal(&core, password, id)?;
        let frame = LoginFrame { statement: signed.clone(), password };
        link.send.write_all(&encode(&ToCore::Login(frame))).await?;
        let welcome = loop {
            let said = next(&mut link, &mut decoder).await?;
            if let ToTerminal::Refused(refused) = said {
                bail!("the Login is refused, code {}", refused.code);
            }
            if let ToTerminal::Welcome(welcome) = said {
                break welcome;
            }
        };
        let Welcome { login: receipt, must_set_password, .. } = welcome;
        let (wall_ms, boot_ms) = (receipt.wall_ms, receipt.boot_ms);
        let entry = Entry { version: ENTRY_VERSION, wall_ms, boot_ms, content: Content::Statement(signed) };
        header.chain = Chain(leaf_hash(&entry.encode()));
        header.previous = id;
        header.head = head(&receipt.note)?;
        let note = ByteVec::from(Vec::new());
        Ok((Self { link, decoder, header, key, core, request: 0, note }, must_set_password))
    }

    /// Logs in with the one-time password and sets one's own.
    pub(crate) async fn first(site: &Site, login: &str, server: &Server) -> Result<Self> {
        let (mut terminal, must_set) = Self::enter(site, login, server, ONE_TIME).await?;
        ensure!(must_set, "{login} has a password already");
        let (statement, id) = terminal.sign(Act::SetPassword(SetPassword {}))?;
        let password = Some(seal(&terminal.core, OWN, id)?);
        terminal.request += 1;
        let frame = SubmitFrame { request: terminal.request, statement, body: None, password };
        terminal.link.send.write_all(&encode(&ToCore::Submit(frame))).await?;
        loop {
            let said = next(&mut terminal.link, &mut terminal.decoder).await?;
            if let ToTerminal::Refused(refused) = said {
                bail!("the new password is refused, code {}", refused.code);
            }
            if let ToTerminal::Receipt(_) = said {
                return Ok(terminal);
            }
        }
    }

    fn sign(&mut self, act: Act) -> Result<(SignedStatement, StatementId)> {
        self.header.sequence += 1;
        let statement = Statement { header: self.header.clone(), act };
        let (signed, id) = SignedStatement::sign(&statement, &self.key)?;
        self.header.previous = id;
        Ok((signed, id))
    }

    /// Asks for an erasure and waits until the server says that it is done; how long that took.
    pub(crate) async fn erase(&mut self, target: EraseTarget) -> Result<Duration> {
        let begin = Instant::now();
        let (statement, _) = self.sign(Act::Erase(Erase { target }))?;
        self.request += 1;
        let frame = SubmitFrame { request: self.request, statement, body: None, password: None };
        self.link.send.write_all(&encode(&ToCore::Submit(frame))).await?;
        loop {
            let said = next(&mut self.link, &mut self.decoder).await?;
            if let ToTerminal::Refused(refused) = said {
                bail!("the erasure is refused, code {}", refused.code);
            } else if let ToTerminal::Deliver(deliver) = said {
                self.header.head = head(&deliver.note)?;
                let erased = |entry: &[u8]| {
                    Entry::decode(entry)
                        .is_ok_and(|entry| matches!(entry.content, Content::Fact(Fact::Erased(_))))
                };
                if deliver.entries.iter().any(|delivered| erased(&delivered.entry)) {
                    return Ok(begin.elapsed());
                }
            }
        }
    }

    /// One member of the load in this conversation.
    pub(crate) async fn run(mut self, mut member: Member, conversation: ConversationId) -> Result<Member> {
        let mut body = vec![0; body_bytes(CLASS)];
        rand_core::Rng::fill_bytes(&mut rng(), &mut body);
        (body[0], body[1]) = (1, self.header.suite.number());
        let mut sent = HashMap::new();
        loop {
            let mut frames = Vec::new();
            while let Some(stamp) = member.next() {
                body[STAMP_AT..STAMP_AT + STAMP_BYTES].copy_from_slice(&stamp);
                frames.extend_from_slice(&self.message(conversation, &body)?);
                let at = u64::from_be_bytes(stamp[..8].try_into().expect("8 bytes"));
                sent.insert(self.request, at);
            }
            if !frames.is_empty() {
                self.link.send.write_all(&frames).await?;
            }
            if member.is_over() {
                return Ok(member);
            }
            // The end may come without a word to this connection.
            let read = tokio::time::timeout(
                Duration::from_millis(200),
                self.link.receive.read_chunk(64 * 1024, true),
            );
            let Ok(chunk) = read.await else { continue };
            self.decoder.push(&chunk?.context("the server hung up")?.bytes);
            while let Some(content) = self.decoder.next_frame(FRAME_BYTES_MAX)? {
                self.hear(&content, &mut member, &mut sent)?;
            }
        }
    }

    /// Says one thing and does not wait for the answer.
    pub(crate) async fn say(&mut self, conversation: ConversationId, stamp: [u8; STAMP_BYTES]) -> Result<()> {
        let mut body = vec![0; body_bytes(CLASS)];
        (body[0], body[1]) = (1, self.header.suite.number());
        body[STAMP_AT..STAMP_AT + STAMP_BYTES].copy_from_slice(&stamp);
        let frame = self.message(conversation, &body)?;
        Ok(self.link.send.write_all(&frame).await?)
    }

    /// Counts what is delivered, until the connection ends.
    pub(crate) async fn listen(mut self, arrivals: Arc<Arrivals>) -> Result<()> {
        while let Some(chunk) = self.link.receive.read_chunk(64 * 1024, true).await? {
            self.decoder.push(&chunk.bytes);
            while let Some(content) = self.decoder.next_frame(FRAME_BYTES_MAX)? {
                if let ToTerminal::Deliver(deliver) = minicbor::decode(&content)? {
                    arrivals.add(deliver.entries.iter().filter(|entry| entry.body.is_some()).count() as u64);
                }
            }
        }
        Ok(())
    }

    fn hear(&mut self, content: &[u8], member: &mut Member, sent: &mut HashMap<u32, u64>) -> Result<()> {
        match minicbor::decode::<ToTerminal>(content)? {
            ToTerminal::Receipt(receipt) => {
                member.acknowledged(sent.remove(&receipt.request).context("a receipt for nothing")?);
                // Receipts of one batch come with one note: a terminal looks at it once.
                if receipt.note != self.note {
                    self.header.head = head(&receipt.note)?;
                    self.note = receipt.note;
                }
            }
            ToTerminal::Deliver(deliver) => {
                for body in deliver.entries.iter().filter_map(|entry| entry.body.as_ref()) {
                    member.delivered(&body[STAMP_AT..STAMP_AT + STAMP_BYTES]);
                }
            }
            ToTerminal::Refused(refused) => bail!("a message is refused, code {}", refused.code),
            ToTerminal::Lagging(_) => bail!("the load does not keep up"),
            ToTerminal::Ended(ended) => bail!("the session is ended, code {}", ended.code),
            ToTerminal::Hello(_) | ToTerminal::Welcome(_) | ToTerminal::Stored(_) | ToTerminal::Answer(_) => {
            }
        }
        Ok(())
    }

    fn message(&mut self, conversation: ConversationId, body: &[u8]) -> Result<bytes::Bytes> {
        let message = Message {
            conversation,
            epoch: 1,
            reference: None,
            commitment: BodyRef::parse(body)?.commitment(),
            size: CLASS,
            label: Clearance(0),
            precedence: Precedence::Routine,
            must_acknowledge: false,
            time_ms: journal::testing::FOUNDED_MS,
            file: None,
        };
        let (statement, _) = self.sign(Act::Message(message))?;
        self.request += 1;
        let body = Some(body.to_vec().into());
        Ok(encode(&ToCore::Submit(SubmitFrame { request: self.request, statement, body, password: None })))
    }
}

fn seal(core: &Certificate, password: &str, id: StatementId) -> Result<ByteVec> {
    Ok(core.agreement_key()?.seal(PASSWORD_INFO, &id.0, password.as_bytes(), &mut rng())?.into())
}

/// The head of a note, believed.
fn head(note: &[u8]) -> Result<Head> {
    Ok(SignedCheckpoint::parse(note)?.claimed().head)
}

async fn next(link: &mut Link, decoder: &mut Decoder) -> Result<ToTerminal> {
    loop {
        if let Some(content) = decoder.next_frame(FRAME_BYTES_MAX)? {
            return Ok(minicbor::decode(&content)?);
        }
        let chunk = link.receive.read_chunk(64 * 1024, true).await?;
        decoder.push(&chunk.context("the server hung up")?.bytes);
    }
}
