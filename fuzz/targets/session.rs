//! A hostile server against a terminal's session. An honest engine runs behind it; what it says to anna goes through the
//! script's hands: passed on, dropped, said twice, out of order, cut, bent at any byte, or made up. Her commands and
//! boris' honest messages come from the script too.
//!
//! Whatever the script: the session does not panic, sends nothing but frames, believes in no act that is not in the log
//! as it says, and shows no text that nobody wrote. The server's signing keys are not the script's: that a server which
//! holds them is found out is for `tests/tests/attacks`.
#![no_main]

use fuzz::driver::Driver;
use fuzz::site;
use journal::act::{EraseTarget, Precedence};
use journal::ids::ConversationId;
use journal::testing::{SeededRng, seed};
use journal::{Content as EntryContent, Entry};
use libfuzzer_sys::fuzz_target;
use pki::{AgreementSecret, SecretKey, Suite};
use protocol::client::command::{LoginWith, NewPrivate, Send};
use protocol::client::event::Content;
use protocol::client::views::Admitted;
use protocol::client::{
    Action, Anchors, ClientSession, Command, Connection, Event, Me, Parts, Reply, SecretText,
};
use protocol::frame::{Decoder, ToTerminal, decode_to_core, encode};
use protocol::io::Connected;
use protocol::limits::FRAME_BYTES_MAX;
use protocol::{Input, SessionId};
use std::collections::VecDeque;

/// Operations in one script.
const STEPS_MAX: usize = 64;
/// Frames that lie in the server's hands.
const HELD_MAX: usize = 64;

fuzz_target!(|script: &[u8]| {
    let mut play = Play::new(script);
    for _ in 0..STEPS_MAX {
        let Some(operation) = play.byte() else { break };
        play.step(operation);
    }
});

/// A terminal, and the connection it believes in.
struct Terminal {
    login: &'static str,
    session: ClientSession,
    connection: Option<SessionId>,
    /// Frames for it that have not been passed on.
    held: VecDeque<ToTerminal>,
    next_command: u64,
}

struct Play<'a> {
    script: &'a [u8],
    driver: Driver,
    next_session: SessionId,
    anna: Terminal,
    boris: Terminal,
    chat: Option<ConversationId>,
    /// Everything that anybody wrote.
    texts: Vec<String>,
}

fn terminal(driver: &Driver, login: &'static str) -> Terminal {
    let person = site().person(login);
    let copy = |key: &SecretKey| SecretKey::from_bytes(Suite::Ed25519, &key.to_bytes());
    let secret = AgreementSecret::from_bytes(Suite::Ed25519, &person.agreement.to_bytes());
    let agreement = vec![(person.agreement_certificate.id(), secret.expect("a key's own bytes"))];
    let signer = Box::new(copy(&person.signature).expect("a key's own bytes"));
    let me = Me::new(person.signature_certificate.clone(), signer, agreement).expect("they fit");
    let authorities = vec![site().root.clone(), site().issuing.clone()];
    let identity = site().identity.public().clone();
    let anchors = Anchors { log: driver.log, identity, authorities, core_key: None };
    let parts = Parts { anchors, me, record: None, auto_accept: true };
    let rng = Box::new(SeededRng::new(seed(1, login)));
    let session = ClientSession::new(parts, rng).expect("sound parts");
    Terminal { login, session, connection: None, held: VecDeque::new(), next_command: 1 }
}

impl<'a> Play<'a> {
    /// Both have logged in with passwords of their own, and talk.
    fn new(script: &'a [u8]) -> Self {
        let driver = Driver::new();
        let (anna, boris) = (terminal(&driver, "anna"), terminal(&driver, "boris"));
        let mut play = Self { script, driver, next_session: 1, anna, boris, chat: None, texts: Vec::new() };
        play.enter(true);
        play.enter(false);
        let new = NewPrivate { person: site().id("boris"), ceiling: None, default_label: None };
        play.command(true, Command::NewPrivate(new));
        play.pass_all();
        assert!(play.chat.is_some(), "an honest beginning");
        play.say(true);
        play.say(false);
        play.pass_all();
        play
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.script.split_first()?;
        self.script = rest;
        Some(*first)
    }

    fn small(&mut self) -> usize {
        self.byte().unwrap_or(0).into()
    }

    /// A length and so many bytes, or what is left.
    fn bytes(&mut self) -> &'a [u8] {
        let length = (self.small() * 256 + self.small()).min(self.script.len());
        let (taken, rest) = self.script.split_at(length);
        self.script = rest;
        taken
    }

    fn step(&mut self, operation: u8) {
        match operation % 16 {
            0..=2 => self.pass(),
            3 => drop(self.anna.held.pop_front()),
            4 => {
                let at = self.small() % self.anna.held.len().max(1);
                if let Some(again) = self.anna.held.get(at).cloned() {
                    self.anna.held.push_back(again);
                }
            }
            5 => {
                let (one, other) = (self.small(), self.small());
                let count = self.anna.held.len().max(1);
                if !self.anna.held.is_empty() {
                    self.anna.held.swap(one % count, other % count);
                }
            }
            6 | 7 => self.bend(),
            8 => {
                // Bytes that nobody ever said, or half a frame.
                let bytes = self.bytes().to_vec();
                self.give_anna(&bytes);
            }
            9 => self.pass_all(),
            10 => self.say(true),
            11 => self.say(false),
            12 => self.order(),
            13 => {
                self.hang_up(true);
                self.enter(true);
            }
            14 => {
                let ms = (self.small() * self.small() * 1000) as u64;
                self.driver.now.wall_ms += ms;
                self.driver.now.boot_ms += ms;
                self.driver.input(Input::Wake);
                let now_ms = self.driver.now.wall_ms;
                self.anna.session.tick(now_ms);
                self.act(true);
            }
            _ => self.made_up(),
        }
        self.anna.held.truncate(HELD_MAX);
    }

    fn who(&mut self, anna: bool) -> &mut Terminal {
        if anna { &mut self.anna } else { &mut self.boris }
    }

    /// Connects and logs in, as far as the server lets it.
    fn enter(&mut self, anna: bool) {
        let session = self.next_session;
        self.next_session += 1;
        let (exporter, nonce) = (seed(session, "exporter"), seed(session, "nonce"));
        let login = self.who(anna).login;
        let first = session <= 2;
        let peer = vec![site().person(login).signature_certificate.der().to_vec().into()];
        let server_certificate = site().person("server").signature_certificate.id();
        let now_ms = self.driver.now.wall_ms;
        self.who(anna).connection = Some(session);
        self.who(anna).session.connected(Connection { exporter, server_certificate }, now_ms);
        self.driver.input(Input::Connected(Connected { session, peer, exporter, nonce }));
        self.pass_all();
        let password = SecretText::from(if first { "one-time" } else { "my own" });
        self.command(anna, Command::Login(LoginWith { password, end_other: true }));
        self.pass_all();
        if first {
            self.command(anna, Command::SetPassword(SecretText::from("my own")));
            self.pass_all();
        }
    }

    fn hang_up(&mut self, anna: bool) {
        let now_ms = self.driver.now.wall_ms;
        let who = self.who(anna);
        who.held.clear();
        if let Some(session) = who.connection.take() {
            who.session.disconnected(now_ms);
            self.driver.input(Input::Closed(session));
        }
        self.act(anna);
    }

    fn command(&mut self, anna: bool, command: Command) -> u64 {
        let now_ms = self.driver.now.wall_ms;
        let who = self.who(anna);
        let id = who.next_command;
        who.next_command += 1;
        who.session.command(id, command, now_ms);
        self.act(anna);
        id
    }

    fn say(&mut self, anna: bool) {
        let Some(conversation) = self.chat else { return };
        let (count, login) = (self.texts.len(), self.who(anna).login);
        let text = format!("{login} {count}");
        let send = Send {
            conversation,
            text: SecretText::from(text.as_str()),
            label: None,
            precedence: Precedence::Routine,
            must_acknowledge: false,
            reference: None,
        };
        self.texts.push(text);
        self.command(anna, Command::Send(send));
        if !anna {
            self.pass_boris();
        }
    }

    /// Anna wants to see or do something.
    fn order(&mut self) {
        let Some(id) = self.chat else { return };
        let index = self.small() as u64;
        let command = match self.small() % 8 {
            0 => Command::MessagesBefore(id, u64::MAX),
            1 => Command::MessagesFrom(id, index),
            2 => Command::Conversations,
            3 => Command::Conversation(id),
            4 => Command::People,
            5 => Command::Read(id, index),
            6 => Command::Erase(EraseTarget::Messages(id, vec![index])),
            _ => Command::SetTitle(id, SecretText::from("a title")),
        };
        self.command(true, command);
    }

    /// Everything that lies there is passed on as it is, until nothing more comes.
    fn pass_all(&mut self) {
        for _ in 0..400 {
            self.pass_boris();
            if self.anna.held.is_empty() {
                return;
            }
            self.pass();
        }
    }

    fn pass_boris(&mut self) {
        for _ in 0..400 {
            self.collect();
            let Some(frame) = self.boris.held.pop_front() else { return };
            let now_ms = self.driver.now.wall_ms;
            self.boris.session.received(&encode(&frame), now_ms);
            self.act(false);
        }
    }

    fn pass(&mut self) {
        self.collect();
        if let Some(frame) = self.anna.held.pop_front() {
            self.give_anna(&encode(&frame));
        }
    }

    /// The next frame with some of its bytes changed, or its end cut off with the length made right.
    fn bend(&mut self) {
        self.collect();
        let Some(frame) = self.anna.held.pop_front() else { return };
        let mut bytes = encode(&frame).to_vec();
        for _ in 0..=self.small() % 4 {
            let at = 4 + (self.small() * 256 + self.small()) % (bytes.len() - 4);
            bytes[at] ^= self.byte().unwrap_or(1);
        }
        if self.small() == 7 {
            let kept = 5 + (self.small() * 256 + self.small()) % (bytes.len() - 4);
            bytes.truncate(kept.min(bytes.len()));
            let length = (bytes.len() as u32 - 4).to_be_bytes();
            bytes[..4].copy_from_slice(&length);
        }
        self.give_anna(&bytes);
    }

    /// A well-formed frame that the script spells out.
    fn made_up(&mut self) {
        let content = self.bytes();
        let frame = [&(content.len() as u32).to_be_bytes()[..], content].concat();
        self.give_anna(&frame);
    }

    fn give_anna(&mut self, bytes: &[u8]) {
        if self.anna.connection.is_none() {
            return;
        }
        let now_ms = self.driver.now.wall_ms;
        self.anna.session.received(bytes, now_ms);
        self.act(true);
    }

    fn collect(&mut self) {
        for anna in [true, false] {
            let Some(session) = self.who(anna).connection else { continue };
            let heard = self.driver.take_heard(session);
            self.who(anna).held.extend(heard);
        }
    }

    /// Does what a session says.
    fn act(&mut self, anna: bool) {
        while let Some(action) = self.who(anna).session.next_action() {
            match action {
                Action::PersistState(_) => {}
                Action::Send(bytes) => {
                    let mut decoder = Decoder::default();
                    decoder.push(&bytes);
                    while let Some(frame) = decoder.next_frame(FRAME_BYTES_MAX).expect("it sends frames") {
                        decode_to_core(&frame).expect("it sends frames of the protocol");
                    }
                    let session = self.who(anna).connection;
                    if let Some(session) = session.filter(|session| !self.driver.ended.contains(session)) {
                        self.driver.input(Input::Received(session, bytes.to_vec().into()));
                    }
                }
                Action::Event(event) => self.hear(anna, event),
                Action::Close => self.hang_up(anna),
            }
        }
    }

    fn hear(&mut self, anna: bool, event: Event) {
        match event {
            Event::Done(_, Reply::Founded(id, admitted)) => {
                self.chat = Some(id);
                self.admitted(anna, &admitted);
            }
            Event::Done(_, Reply::Admitted(admitted)) => self.admitted(anna, &admitted),
            Event::Message(view) => self.written(&view.content),
            Event::Done(_, Reply::Messages(views, _)) => {
                views.iter().for_each(|view| self.written(&view.content));
            }
            _ => {}
        }
    }

    fn admitted(&mut self, anna: bool, admitted: &Admitted) {
        let entry = self.driver.entries.get(admitted.index as usize).expect("it is in the log");
        let EntryContent::Statement(signed) = Entry::decode(entry).expect("an entry").content else {
            panic!("what it believes to be admitted is no statement");
        };
        let parsed = signed.parse().expect("a statement");
        assert_eq!(parsed.id(), admitted.id, "believed in another act than the log has");
        assert_eq!(parsed.header().person, site().id(self.who(anna).login));
    }

    fn written(&self, content: &Content) {
        if let Content::Text(text, _) = content {
            assert!(self.texts.iter().any(|one| one == text.expose()), "a text that nobody wrote");
        }
    }
}
