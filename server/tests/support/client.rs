//! A terminal without a screen: the real session over the real link, driven by hand.

use super::{Server, Site, rng};
use journal::Index;
use journal::act::{Act, Approve, DualAct, Propose, Submit};
use journal::statement::SignedStatement;
use link::{Link, LinkError, OwnCertificate, PeerCheck, TlsProfile};
use pki::{AgreementSecret, CertId, SecretKey, StateRecord, canonical};
use protocol::client::command::{LoginWith, NewPrivate, OtherAct, Send};
use protocol::client::event::Content;
use protocol::client::{
    Action, Anchors, ClientSession, Command, Connection, Error, Event, Me, Parts, Reply, SecretText,
};
use protocol::frame::SealedVerifier;
use protocol::query::Query;
use std::sync::Arc;

/// A test that waits longer than this has failed; none is right because of it.
pub(crate) const WATCHDOG: std::time::Duration = std::time::Duration::from_secs(20);

/// A person's terminal.
pub(crate) struct Client {
    session: ClientSession,
    pub(super) link: Option<Link>,
    /// The Login of this connection, as it was sent.
    pub(crate) login_frame: Option<Vec<u8>>,
    next_command: u64,
    /// How far its clock is ahead of the machine's, seconds: as the server's, where a test lets days pass.
    pub(crate) ahead: i64,
    /// What the session persisted last.
    pub(crate) record: Option<StateRecord>,
    /// Everything it told.
    pub(crate) events: Vec<Event>,
}

/// Why a command has no result.
#[derive(Debug)]
pub(crate) enum NotIn {
    Failed(Error),
    Lost,
}

/// Own certificate and key of a person, for TLS.
pub(crate) fn own(site: &Site, login: &str) -> OwnCertificate {
    let person = site.person(login);
    let chain = vec![person.signature_certificate.der().to_vec(), site.authority.issuing.der().to_vec()];
    OwnCertificate { chain, key: person.signature.to_pkcs8() }
}

/// A check that lets any server pass: the session itself is what is tested here.
pub(crate) fn anyone() -> PeerCheck {
    Arc::new(|_, _| Ok(()))
}

impl Client {
    /// A terminal without a connection.
    pub(crate) fn new(site: &Site, login: &str) -> Self {
        let person = site.person(login);
        let suite = site.authority.suite;
        let signer = SecretKey::from_bytes(suite, &person.signature.to_bytes()).unwrap();
        let agreement = AgreementSecret::from_bytes(suite, &person.agreement.to_bytes()).unwrap();
        let agreement = vec![(person.agreement_certificate.id(), agreement)];
        let me = Me::new(person.signature_certificate.clone(), Box::new(signer), agreement).unwrap();
        let authorities = site.authorities().map(Clone::clone).to_vec();
        let anchors = Anchors { log: site.log, identity: site.identity.clone(), authorities, core_key: None };
        let parts = Parts { anchors, me, record: None, auto_accept: true };
        let session = ClientSession::new(parts, Box::new(rng())).unwrap();
        Self {
            session,
            link: None,
            login_frame: None,
            next_command: 1,
            ahead: 0,
            record: None,
            events: Vec::new(),
        }
    }

    fn now(&self) -> u64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        (since.as_millis() as u64).saturating_add_signed(self.ahead * 1000)
    }

    /// Connects and waits for the greeting.
    pub(crate) async fn connect(
        &mut self,
        site: &Site,
        login: &str,
        server: &Server,
    ) -> Result<(), LinkError> {
        let greeted = self.knock(site, login, server).await?;
        assert!(greeted, "the server did not greet {login}");
        Ok(())
    }

    /// Connects; false when TLS let us in and the server ended the session without a greeting.
    pub(crate) async fn knock(
        &mut self,
        site: &Site,
        login: &str,
        server: &Server,
    ) -> Result<bool, LinkError> {
        let profile = TlsProfile::standard();
        let link = Link::connect(&profile, &own(site, login), anyone(), server.address, "conclave").await?;
        let server_certificate = CertId::of(&link.server[0]);
        let now = self.now();
        self.session.connected(Connection { exporter: link.exporter, server_certificate }, now);
        (self.link, self.login_frame) = (Some(link), None);
        Ok(self.until(|event| matches!(event, Event::Greeted).then_some(())).await.is_some())
    }

    /// Logs in; true when a new password must be set.
    pub(crate) async fn login(&mut self, password: &str) -> Result<bool, NotIn> {
        self.login_beside(password, true).await
    }

    /// The same, with or without an end to another session of this person.
    pub(crate) async fn login_beside(&mut self, password: &str, end_other: bool) -> Result<bool, NotIn> {
        let with = LoginWith { password: SecretText::from(password), end_other };
        let id = self.command(Command::Login(with));
        let outcome = self.until(|event| match event {
            Event::Ready(ready) => Some(Ok(ready.must_set_password)),
            Event::Failed(of, error) if *of == id => Some(Err(NotIn::Failed(error.clone()))),
            _ => None,
        });
        outcome.await.unwrap_or(Err(NotIn::Lost))
    }

    /// Connects, logs in with the one-time password and sets `password LOGIN`.
    pub(crate) async fn first_login(&mut self, site: &Site, login: &str, server: &Server) {
        self.connect(site, login, server).await.unwrap();
        assert!(matches!(self.login(&format!("one-time {login}")).await, Ok(true)));
        let new = SecretText::new(format!("password {login}"));
        assert!(self.run(Command::SetPassword(new)).await.is_ok());
    }

    /// Connects and logs in with the person's own password.
    pub(crate) async fn enter(&mut self, site: &Site, login: &str, server: &Server) {
        self.connect(site, login, server).await.unwrap();
        match self.login(&format!("password {login}")).await {
            Ok(must_set_password) => assert!(!must_set_password),
            Err(NotIn::Failed(error)) => panic!("{login}: {error:?}"),
            Err(NotIn::Lost) => panic!("{login}: lost"),
        }
    }

    /// Connects and is not let in: the code. The connection is over then.
    pub(crate) async fn kept_out(
        &mut self,
        site: &Site,
        login: &str,
        server: &Server,
        password: &str,
    ) -> u16 {
        self.connect(site, login, server).await.unwrap();
        let code = match self.login(password).await {
            Err(NotIn::Failed(Error::Refused { code })) => code,
            Err(NotIn::Failed(error)) => panic!("{login}: {error:?}"),
            Err(NotIn::Lost) => panic!("{login}: lost"),
            Ok(_) => panic!("{login} was let in"),
        };
        assert!(self.until(|_| None::<()>).await.is_none());
        code
    }

    /// An act to its index, or the code of its refusal.
    pub(crate) async fn admitted(&mut self, command: Command) -> Result<journal::Index, u16> {
        match self.run(command).await {
            Ok(Reply::Admitted(admitted) | Reply::Founded(_, admitted)) => Ok(admitted.index),
            Ok(_) => panic!("another reply"),
            Err(NotIn::Failed(Error::Refused { code })) => Err(code),
            Err(NotIn::Failed(error)) => panic!("{error:?}"),
            Err(NotIn::Lost) => panic!("lost"),
        }
    }

    /// Any act.
    pub(crate) async fn act(&mut self, act: Act) -> Result<journal::Index, u16> {
        let act = OtherAct { act, staged: Vec::new(), verifiers: Vec::new() };
        self.admitted(Command::Act(Box::new(act))).await
    }

    /// A Submit of acts of the authority.
    pub(crate) fn submission(staged: Vec<SignedStatement>, verifiers: Vec<SealedVerifier>) -> Command {
        let ids: Vec<u8> = staged.iter().flat_map(|act| act.clone().parse().unwrap().id().0).collect();
        // A certificate's id is the SHA-256 of its bytes, and so is this digest.
        let act = Act::Submit(Submit { count: staged.len() as u32, digest: CertId::of(&ids).0 });
        Command::Act(Box::new(OtherAct { act, staged, verifiers }))
    }

    /// An officer takes in acts of the authority.
    pub(crate) async fn take_in(
        &mut self,
        staged: Vec<SignedStatement>,
        verifiers: Vec<SealedVerifier>,
    ) -> Result<journal::Index, u16> {
        self.admitted(Self::submission(staged, verifiers)).await
    }

    /// The code with which the server ends the session.
    pub(crate) async fn ended(&mut self) -> Option<u16> {
        let told = |event: &Event| match event {
            Event::Ended(code) => Some(*code),
            _ => None,
        };
        self.told(told).await
    }

    pub(crate) fn command(&mut self, command: Command) -> u64 {
        let id = self.next_command;
        self.next_command += 1;
        let now = self.now();
        self.session.command(id, command, now);
        id
    }

    /// A command to its result.
    pub(crate) async fn run(&mut self, command: Command) -> Result<Reply, NotIn> {
        let id = self.command(command);
        self.settled(id).await
    }

    /// The result of a command that was given; it may have been told already.
    pub(crate) async fn settled(&mut self, id: u64) -> Result<Reply, NotIn> {
        let outcome = self.told(|event| match event {
            Event::Done(of, reply) if *of == id => Some(Ok(reply.clone())),
            Event::Failed(of, error) if *of == id => Some(Err(NotIn::Failed(error.clone()))),
            _ => None,
        });
        outcome.await.unwrap_or(Err(NotIn::Lost))
    }

    /// A private conversation with another person.
    pub(crate) async fn talk_to(&mut self, site: &Site, login: &str) -> journal::ConversationId {
        let new = NewPrivate { person: site.person(login).id, ceiling: None, default_label: None };
        match self.run(Command::NewPrivate(new)).await {
            Ok(Reply::Founded(conversation, _)) => conversation,
            Ok(_) => panic!("another reply"),
            Err(NotIn::Failed(error)) => panic!("{error:?}"),
            Err(NotIn::Lost) => panic!("lost"),
        }
    }

    /// Index and text of every message that one sees from the beginning.
    pub(crate) async fn texts(&mut self, conversation: journal::ConversationId) -> Vec<(u64, String)> {
        let (mut from, mut found) = (0, Vec::new());
        loop {
            let (page, more) = match self.run(Command::MessagesFrom(conversation, from)).await {
                Ok(Reply::Messages(page, more)) => (page, more),
                Ok(_) => panic!("another reply"),
                Err(NotIn::Failed(error)) => panic!("{error:?}"),
                Err(NotIn::Lost) => panic!("lost"),
            };
            for message in &page {
                let Content::Text(text, _) = &message.content else { continue };
                found.push((message.index, text.expose().to_owned()));
                from = message.index + 1;
            }
            if !more {
                return found;
            }
        }
    }

    /// The number of a conversation's newest key.
    pub(crate) async fn epoch_of(&mut self, conversation: journal::ConversationId) -> u32 {
        match self.run(Command::Conversation(conversation)).await {
            Ok(Reply::Conversation(view)) => view.epoch,
            Ok(_) | Err(_) => panic!("no conversation"),
        }
    }

    pub(crate) fn message(conversation: journal::ConversationId, text: &str) -> Command {
        Command::Send(Send {
            conversation,
            text: SecretText::from(text),
            label: None,
            precedence: journal::act::Precedence::Routine,
            must_acknowledge: false,
            reference: None,
        })
    }

    /// Does what the session wants and reads until an event is the wanted one; `None` when the connection is lost.
    pub(crate) async fn until<T>(&mut self, wanted: impl Fn(&Event) -> Option<T>) -> Option<T> {
        loop {
            while let Some(action) = self.session.next_action() {
                match action {
                    Action::PersistState(record) => self.record = Some(record),
                    Action::Send(bytes) => {
                        self.login_frame.get_or_insert_with(|| bytes.to_vec());
                        if let Some(link) = &mut self.link {
                            // Who is not heard any more still hears why: reading finds the end.
                            let _heard = link.send.write_all(&bytes).await;
                        }
                    }
                    Action::Event(event) => {
                        let found = wanted(&event);
                        self.events.push(event);
                        if found.is_some() {
                            return found;
                        }
                    }
                    Action::Close => self.lost(),
                }
            }
            let link = self.link.as_mut()?;
            let read = tokio::time::timeout(WATCHDOG, link.receive.read_chunk(64 * 1024, true)).await;
            let Ok(read) = read else { panic!("nothing came for {WATCHDOG:?}") };
            match read {
                Ok(Some(chunk)) => {
                    let now = self.now();
                    self.session.received(&chunk.bytes, now);
                }
                Ok(None) | Err(_) => self.lost(),
            }
        }
    }

    /// Sends bytes that the session knows nothing of.
    pub(crate) async fn link_bytes(&mut self, bytes: &[u8]) {
        self.link.as_mut().expect("it is connected").send.write_all(bytes).await.unwrap();
    }

    /// The same of an event that may have come already.
    pub(crate) async fn told<T>(&mut self, wanted: impl Fn(&Event) -> Option<T>) -> Option<T> {
        match self.events.iter().find_map(&wanted) {
            Some(found) => Some(found),
            None => self.until(wanted).await,
        }
    }

    /// Its clock goes on, for so long that it has to connect and log in again.
    pub(crate) async fn come_back(&mut self, site: &Site, login: &str, server: &Server, ahead: i64) {
        self.hang_up();
        self.ahead = ahead;
        self.enter(site, login, server).await;
    }

    fn lost(&mut self) {
        if self.link.take().is_some() {
            let now = self.now();
            self.session.disconnected(now);
        }
    }

    /// The newest head that it has proven.
    pub(crate) fn checkpoint(&self) -> Vec<u8> {
        self.session.checkpoint()
    }

    /// Drops the connection, and what the session still wanted done on it.
    pub(crate) fn hang_up(&mut self) {
        self.lost();
        while let Some(action) = self.session.next_action() {
            match action {
                Action::PersistState(record) => self.record = Some(record),
                Action::Event(event) => self.events.push(event),
                Action::Send(_) | Action::Close => {}
            }
        }
    }
}

/// The officers, then those who write to each other, all with terminals whose clocks are so far ahead.
pub(crate) async fn all_arrived(site: &Site, server: &Server, ahead: i64) -> Vec<Client> {
    let mut people = Vec::new();
    for login in ["olga", "oleg", "anna", "boris"] {
        let mut client = Client::new(site, login);
        client.ahead = ahead;
        client.first_login(site, login, server).await;
        people.push(client);
    }
    people
}

/// One proposes, the other approves; gives the approval's index.
pub(crate) async fn by_two(one: &mut Client, other: &mut Client, act: &DualAct) -> Index {
    let act = canonical::encode(act).into();
    let proposal = one.act(Act::Propose(Propose { act })).await.unwrap();
    // Nobody approves what he has not been shown: the head that he names covers it only once he has.
    assert!(other.run(Command::Ask(Query::Entries(proposal, 1))).await.is_ok());
    other.act(Act::Approve(Approve { proposal })).await.unwrap()
}
