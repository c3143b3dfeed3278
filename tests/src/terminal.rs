//! A terminal: the real session, its state record as it was made durable, and what its person has asked and seen.
//! Never keeps anything over a loss of power but the record.

use crate::people::{ONE_TIME, Site};
use journal::ids::{ConversationId, Head, Index};
use journal::testing::{SeededRng, seed};
use protocol::client::{
    ClientSession, Command, CommandId, Error, Event, Parts, Reply, SecretBytes, StateRecord,
};
use protocol::io::SessionId;
use std::collections::BTreeMap;

/// What a person told a terminal and has no answer to yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Told {
    /// To log in.
    Login,
    /// To change the password.
    Password(String),
    /// To send this text.
    Send(ConversationId, String),
    /// To send a file.
    SendFile(ConversationId, String, u64),
    /// To erase.
    Erase,
    /// Anything else.
    Other,
}

/// A message that its sender was told is in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sent {
    /// Where.
    pub index: Index,
    /// In which conversation.
    pub conversation: ConversationId,
    /// What.
    pub text: String,
}

/// One person's terminal.
pub struct Terminal {
    /// Whose.
    pub login: String,
    /// The session.
    pub client: ClientSession,
    /// The connection it uses.
    pub connection: Option<SessionId>,
    /// What the credential keeps.
    pub record: Option<StateRecord>,
    /// Accept invitations.
    pub auto_accept: bool,
    /// Passwords that may rule, the likeliest first.
    pub passwords: Vec<String>,
    /// Asked and not answered.
    pub told: BTreeMap<CommandId, Told>,
    /// Answers that nobody took.
    pub results: BTreeMap<CommandId, Result<Reply, Error>>,
    /// Everything it said since somebody looked.
    pub events: Vec<Event>,
    /// Messages it was told are in the log.
    pub sent: Vec<Sent>,
    /// Texts given to a terminal that lost its power: in the log once or never.
    pub lost: Vec<(ConversationId, String)>,
    /// Every head it has kept, in order.
    pub heads: Vec<Head>,
    /// The server greeted it on this connection.
    pub greeted: bool,
    /// Nothing goes before a new password is set.
    pub must_set_password: bool,
    /// Files on their way: bytes given before each chunk.
    files: BTreeMap<CommandId, Vec<u64>>,
    lives: u64,
}

/// Byte `at` of a test's file.
pub fn file_byte(command: CommandId, at: u64) -> u8 {
    (at.wrapping_mul(31) ^ command.wrapping_mul(7)) as u8
}

impl Terminal {
    /// A fresh one.
    pub fn new(site: &Site, login: &str, auto_accept: bool) -> Self {
        let record = None;
        Self {
            login: login.into(),
            client: client(site, login, &record, auto_accept, 0),
            connection: None,
            record,
            auto_accept,
            passwords: vec![ONE_TIME.into()],
            told: BTreeMap::new(),
            results: BTreeMap::new(),
            events: Vec::new(),
            sent: Vec::new(),
            lost: Vec::new(),
            heads: Vec::new(),
            greeted: false,
            must_set_password: false,
            files: BTreeMap::new(),
            lives: 1,
        }
    }

    /// Loses its power: everything but the record is gone.
    pub fn lose_power(&mut self, site: &Site) {
        self.client = client(site, &self.login, &self.record, self.auto_accept, self.lives);
        self.lives += 1;
        self.connection = None;
        self.greeted = false;
        for told in std::mem::take(&mut self.told).into_values() {
            match told {
                Told::Send(conversation, text) | Told::SendFile(conversation, text, _) => {
                    self.lost.push((conversation, text));
                }
                Told::Password(password) => self.passwords.push(password),
                Told::Login | Told::Erase | Told::Other => {}
            }
        }
        self.files.clear();
        self.results.clear();
        self.events.clear();
    }

    /// Whether a Login is under way.
    pub fn is_logging_in(&self) -> bool {
        self.told.values().any(|told| *told == Told::Login)
    }

    /// Something the session tells. Gives a command that answers it.
    pub fn hear(&mut self, event: Event) -> Option<(CommandId, Command)> {
        match event {
            Event::Done(id, reply) => self.done(id, reply),
            Event::Failed(id, error) => {
                let wrong_password = matches!(error, Error::Refused { code: 2 });
                if self.told.remove(&id) == Some(Told::Login) && wrong_password {
                    self.passwords.rotate_left(1);
                }
                self.results.insert(id, Err(error));
            }
            Event::ChunkWanted(id, number, bytes) => {
                let starts = self.files.entry(id).or_insert_with(|| vec![0]);
                let start = starts[number as usize - 1];
                starts.truncate(number as usize);
                starts.push(start + bytes);
                let piece = (start..start + bytes).map(|at| file_byte(id, at)).collect();
                return Some((id, Command::FileChunk(id, SecretBytes::new(piece))));
            }
            Event::Greeted => self.greeted = true,
            Event::Ready(ready) => {
                self.must_set_password = ready.must_set_password;
                self.events.push(Event::Ready(ready));
            }
            other => self.events.push(other),
        }
        None
    }

    fn done(&mut self, id: CommandId, reply: Reply) {
        match (self.told.remove(&id), &reply) {
            (Some(Told::Send(conversation, text) | Told::SendFile(conversation, text, _)), reply) => {
                let Reply::Admitted(admitted) = reply else { panic!("a message is admitted or not") };
                self.sent.push(Sent { index: admitted.index, conversation, text });
            }
            (Some(Told::Password(password)), _) => {
                self.passwords = vec![password];
                self.must_set_password = false;
            }
            (Some(Told::Login | Told::Erase | Told::Other) | None, _) => {}
        }
        self.results.insert(id, Ok(reply));
    }
}

fn client(
    site: &Site,
    login: &str,
    record: &Option<StateRecord>,
    auto_accept: bool,
    life: u64,
) -> ClientSession {
    let parts = Parts { anchors: site.anchors(), me: site.me(login), record: record.clone(), auto_accept };
    let rng = SeededRng::new(seed(site.test.number, &format!("terminal/{login}/{life}")));
    ClientSession::new(parts, Box::new(rng)).unwrap()
}
