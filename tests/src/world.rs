//! The world: one server's machine, terminals, connections between them, one clock; moved one small step at a time.
//! Never chooses by itself what happens next when it is calm; [`crate::storm`] does when it is not.

use crate::dice::Dice;
use crate::machine::{GEOMETRY, Machine};
use crate::network::Connection;
use crate::people::{Site, beginning};
use crate::server::{LIMITS, Server};
use crate::terminal::{Terminal, Told};
use disk::{CrashClock, Fault, Geometry};
use journal::checkpoint::SignedCheckpoint;
use journal::ids::{ConversationId, Hash};
use journal::policy::Policy;
use journal::testing::{SeededRng, seed};
use pki::Suite;
use protocol::answer::Answer;
use protocol::client::command::LoginWith;
use protocol::client::{Action, Command, CommandId, Connection as Greeting, SecretText, StateRecord};
use protocol::frame::{Decoder, ToTerminal, decode_to_terminal, encode};
use protocol::io::{Connected, Input, Now, Output, SessionId};
use protocol::limits::FRAME_BYTES_MAX;
use std::collections::BTreeMap;
use std::sync::Arc;
use vault::Vault;

/// What a network or server that means harm does with a frame for a person.
pub type Tamper = Box<dyn FnMut(&str, ToTerminal) -> Option<ToTerminal>>;

/// See the module.
pub struct World {
    /// What everything follows from.
    pub seed: u64,
    /// Chances.
    pub dice: Dice,
    /// The site.
    pub site: Site,
    /// The server's machine.
    pub machine: Machine,
    /// The server, while it lives.
    pub server: Option<Server>,
    /// The clocks.
    pub now: Now,
    /// Everybody's terminal.
    pub terminals: BTreeMap<String, Terminal>,
    /// All connections that somebody still believes in.
    pub connections: Vec<Connection>,
    /// Changes frames on their way to terminals.
    pub tamper: Option<Tamper>,
    /// Frames for sessions that no terminal of ours holds.
    pub overheard: BTreeMap<SessionId, Vec<ToTerminal>>,
    /// A terminal loses its power at one in so many of its actions; 0: never.
    pub terminal_power: u64,
    /// Every head that left the server, by size.
    pub spoken: BTreeMap<u64, Hash>,
    /// Private conversations by both logins.
    pub privates: BTreeMap<(String, String), ConversationId>,
    /// Lives of the server so far.
    pub lives: u64,
    pub(crate) next_session: SessionId,
    pub(crate) next_command: CommandId,
}

impl World {
    /// A founded site whose server runs; nobody is connected.
    pub fn seeded(seed: u64) -> Self {
        Self::made(seed, Suite::Ed25519, Policy::standard(), GEOMETRY)
    }

    /// The same with another suite, policy or device.
    pub fn made(number: u64, suite: Suite, policy: Policy, geometry: Geometry) -> Self {
        let mut machine = Machine::new(geometry);
        let powered = machine.power_on(CrashClock::new(u64::MAX, Fault::PowerCut));
        let mut rng = SeededRng::new(seed(number, "vault"));
        let vault = Vault::create(powered.device(), machine.cell(&powered), geometry, LIMITS, &mut rng);
        let site = Site::found(number, suite, policy, vault.unwrap());
        machine.power_off(&powered, number);
        let mut world = Self {
            seed: number,
            dice: Dice::new(number),
            site,
            machine,
            server: None,
            now: beginning(),
            terminals: BTreeMap::new(),
            connections: Vec::new(),
            tamper: None,
            overheard: BTreeMap::new(),
            terminal_power: 0,
            spoken: BTreeMap::new(),
            privates: BTreeMap::new(),
            lives: 0,
            next_session: 1,
            next_command: 1,
        };
        world.restart();
        world
    }

    /// These people come to their terminals, log in with their envelopes and choose new passwords.
    pub fn with<const N: usize>(mut self, logins: [&str; N]) -> Self {
        logins.into_iter().for_each(|login| self.arrive(login));
        self.run();
        self
    }

    /// A person comes to a terminal; nothing moves yet.
    pub fn arrive(&mut self, login: &str) {
        self.terminals.insert(login.into(), Terminal::new(&self.site, login, true));
    }

    /// A terminal.
    pub fn terminal(&mut self, login: &str) -> &mut Terminal {
        self.terminals.get_mut(login).expect("this person has a terminal")
    }

    // --- the server

    /// The server starts again over what its machine holds, and nothing happens to it.
    pub fn restart(&mut self) {
        assert!(self.start(CrashClock::new(u64::MAX, Fault::PowerCut)), "a start without faults succeeds");
    }

    /// Starts the server under a clock that may fail it. Whether it lives.
    pub fn start(&mut self, clock: Arc<CrashClock>) -> bool {
        self.crash();
        self.lives += 1;
        self.pass(700);
        let (powered, started) = Server::start(&self.machine, clock, &self.site, self.now, self.lives);
        match started {
            Ok((mut server, out)) => {
                let rest = server.follow(out);
                assert!(rest.is_empty(), "nothing is said before the Start is durable");
                self.server = Some(server);
                true
            }
            Err(error) => {
                assert!(powered.has_failed(), "the store does not open: {error}");
                let seed = self.dice.next();
                self.machine.power_off(&powered, seed);
                false
            }
        }
    }

    /// The server's power is cut, now. Words on their way may still arrive.
    pub fn crash(&mut self) {
        let Some(server) = self.server.take() else { return };
        let seed = self.dice.next();
        self.machine.power_off(&server.powered, seed);
        for connection in &mut self.connections {
            let kept = self.dice.below(connection.down.len() as u64 * 2 + 1) as usize;
            connection.break_at(0, kept);
            connection.at_server = false;
        }
        self.bury();
    }

    /// The writer's next step; if the power fails on it, the server is dead.
    pub fn write(&mut self) {
        let Some(server) = &mut self.server else { return };
        if let Err(error) = server.write() {
            assert!(server.powered.has_failed(), "the store refuses: {error}");
            self.crash();
        }
        self.think();
    }

    /// The engine takes in what waits for it, and what it says goes on its way.
    pub fn think(&mut self) {
        let Some(server) = &mut self.server else { return };
        let durable = server.store.durable();
        for output in server.think(self.now) {
            self.say_on(output, durable);
        }
    }

    /// The server is told something.
    pub fn input(&mut self, input: Input) {
        if let Some(server) = &mut self.server {
            server.inbox.push_back(input);
        }
        self.think();
    }

    fn say_on(&mut self, output: Output, durable: u64) {
        match output {
            Output::Send(sessions, bytes) | Output::Carry(sessions, bytes, _) => {
                let frames = self.note_heads(&bytes, durable);
                for (_, heard) in self.overheard.iter_mut().filter(|(session, _)| sessions.contains(session))
                {
                    heard.extend(frames.iter().cloned());
                }
                for connection in &mut self.connections {
                    if sessions.contains(&connection.session) && !connection.broken {
                        connection.down.extend(bytes.iter());
                    }
                }
            }
            Output::End(session) => {
                if let Some(connection) = self.connection(session) {
                    connection.ended = true;
                    connection.up.clear();
                    connection.at_server = false;
                }
                self.input(Input::Closed(session));
            }
            Output::Pause(session) | Output::Resume(session) => {
                let paused = matches!(output, Output::Pause(_));
                if let Some(connection) = self.connection(session) {
                    connection.paused = paused;
                }
            }
            Output::Cut(_) => {}
            _ => panic!("the server keeps this to itself"),
        }
    }

    /// Nothing leaves before what it depends on is durable, and no two heads of one size leave.
    fn note_heads(&mut self, bytes: &[u8], durable: u64) -> Vec<ToTerminal> {
        let mut frames = Vec::new();
        let mut decoder = Decoder::default();
        decoder.push(bytes);
        while let Some(frame) = decoder.next_frame(FRAME_BYTES_MAX).expect("the server sends frames") {
            let frame = decode_to_terminal(&frame).expect("the server sends frames");
            let note = note_of(&frame);
            frames.push(frame);
            let Some(note) = note else { continue };
            let head = SignedCheckpoint::parse(&note).expect("a signed note").claimed().head;
            assert!(head.size <= durable, "a head of {} left, {durable} entries are durable", head.size);
            let before = self.spoken.insert(head.size, head.root);
            assert!(before.is_none_or(|root| root == head.root), "two roots of size {} left", head.size);
        }
        frames
    }

    // --- connections

    /// The connection with this number.
    pub fn connection(&mut self, session: SessionId) -> Option<&mut Connection> {
        self.connections.iter_mut().find(|connection| connection.session == session)
    }

    /// Connects a terminal, if the server lives.
    pub fn connect(&mut self, login: &str) {
        if self.server.is_none() || self.terminal(login).connection.is_some() {
            return;
        }
        let session = self.next_session;
        self.next_session += 1;
        let exporter = seed(session, "exporter");
        let nonce = seed(session, "nonce");
        let leaf = self.site.test.person(login).signature_certificate.der().to_vec();
        let server_certificate = self.site.test.person("server").signature_certificate.id();
        let peer = vec![leaf.into(), self.site.test.issuing.der().to_vec().into()];
        self.connections.push(Connection::new(session, login));
        let wall_ms = self.now.wall_ms;
        let terminal = self.terminal(login);
        terminal.connection = Some(session);
        terminal.client.connected(Greeting { exporter, server_certificate }, wall_ms);
        self.input(Input::Connected(Connected { session, peer, exporter, nonce }));
        self.act(login);
    }

    /// Some of what a terminal sent arrives. Whether anything moved.
    pub fn bring_up(&mut self, at: usize, bytes: usize) -> bool {
        let connection = &mut self.connections[at];
        let session = connection.session;
        if !connection.at_server || connection.paused || connection.up.is_empty() {
            return false;
        }
        let bytes = bytes.min(connection.up.len());
        let piece: Vec<u8> = connection.up.drain(..bytes).collect();
        self.input(Input::Received(session, piece.into()));
        true
    }

    /// Some of what the server sent arrives. Whether anything moved.
    pub fn bring_down(&mut self, at: usize, bytes: usize) -> bool {
        let connection = &mut self.connections[at];
        if connection.down.is_empty() || !connection.at_terminal {
            return false;
        }
        let bytes = bytes.min(connection.down.len());
        let piece: Vec<u8> = connection.down.drain(..bytes).collect();
        let (session, login) = (connection.session, connection.login.clone());
        if connection.at_server {
            self.input(Input::Drained(vec![(session, bytes as u64)]));
        }
        self.receive(&login, &piece);
        self.act(&login);
        true
    }

    /// A terminal reads bytes, tampered with if somebody does.
    fn receive(&mut self, login: &str, piece: &[u8]) {
        let wall_ms = self.now.wall_ms;
        let Some(tamper) = &mut self.tamper else {
            return self.terminal(login).client.received(piece, wall_ms);
        };
        // Tampering goes frame by frame; calm worlds bring whole frames.
        let mut decoder = Decoder::default();
        decoder.push(piece);
        let mut frames = Vec::new();
        while let Some(frame) = decoder.next_frame(FRAME_BYTES_MAX).unwrap() {
            frames.extend(tamper(login, decode_to_terminal(&frame).unwrap()));
        }
        for frame in frames {
            self.terminal(login).client.received(&encode(&frame), wall_ms);
        }
    }

    /// A side of a connection that is gone learns of it. Whether anything moved.
    pub fn learn(&mut self, at: usize) -> bool {
        let connection = &mut self.connections[at];
        let session = connection.session;
        if connection.broken && connection.at_server && (connection.up.is_empty() || connection.paused) {
            connection.at_server = false;
            self.input(Input::Closed(session));
            self.bury();
            return true;
        }
        let gone = connection.broken || connection.ended;
        if gone && connection.at_terminal && connection.down.is_empty() {
            connection.at_terminal = false;
            let login = connection.login.clone();
            self.hang_up(&login, session);
            self.bury();
            return true;
        }
        false
    }

    pub(crate) fn hang_up(&mut self, login: &str, session: SessionId) {
        let wall_ms = self.now.wall_ms;
        let terminal = self.terminal(login);
        if terminal.connection == Some(session) {
            terminal.connection = None;
            terminal.greeted = false;
            terminal.client.disconnected(wall_ms);
            self.act(login);
        }
    }

    /// The connection of a terminal breaks; both sides learn of it at once.
    pub fn cut(&mut self, login: &str) {
        let Some(session) = self.terminal(login).connection else { return };
        if let Some(connection) = self.connection(session) {
            connection.break_at(0, 0);
        }
        while let Some(at) = self.connections.iter().position(|connection| connection.session == session) {
            self.learn(at);
        }
    }

    /// Forgets connections that nobody believes in.
    pub fn bury(&mut self) {
        self.connections.retain(|connection| !connection.is_over());
    }

    // --- terminals

    /// Does what a terminal says, in order and all of it; unless its power fails in between.
    pub fn act(&mut self, login: &str) {
        loop {
            let power = self.terminal_power;
            let terminal = self.terminals.get_mut(login).expect("this person has a terminal");
            let Some(action) = terminal.client.next_action() else { return };
            if power > 0 && self.dice.once_in(power) {
                self.lose_power(login);
                return;
            }
            match action {
                Action::PersistState(record) => self.keep(login, record),
                Action::Send(bytes) => {
                    let session = terminal.connection;
                    let connection = session.and_then(|session| self.connection(session));
                    if let Some(connection) = connection.filter(|connection| !connection.broken) {
                        connection.up.extend(bytes.iter());
                    }
                }
                Action::Event(event) => {
                    if let Some((_, command)) = terminal.hear(event) {
                        let id = self.command_id();
                        let wall_ms = self.now.wall_ms;
                        self.terminal(login).client.command(id, command, wall_ms);
                    }
                }
                Action::Close => {
                    if let Some(session) = terminal.connection {
                        if let Some(connection) = self.connection(session) {
                            connection.broken = true;
                            connection.at_terminal = false;
                            connection.down.clear();
                        }
                        self.hang_up(login, session);
                        self.bury();
                    }
                }
            }
        }
    }

    fn keep(&mut self, login: &str, record: StateRecord) {
        let terminal = self.terminal(login);
        if let Some(checkpoint) = &record.checkpoint {
            let head = SignedCheckpoint::parse(checkpoint.as_bytes()).unwrap().claimed().head;
            let before = terminal.heads.last().map_or(0, |head| head.size);
            assert!(head.size >= before, "{login}'s proven head went back from {before} to {}", head.size);
            terminal.heads.push(head);
        }
        terminal.record = Some(record);
    }

    /// A terminal's power fails.
    pub fn lose_power(&mut self, login: &str) {
        let session = self.terminal(login).connection;
        let kept = self.dice.next() as usize;
        if let Some(connection) = session.and_then(|session| self.connection(session)) {
            let up = kept % (connection.up.len() + 1);
            connection.break_at(up, 0);
            connection.at_terminal = false;
        }
        self.bury();
        let terminal = self.terminals.get_mut(login).expect("this person has a terminal");
        terminal.lose_power(&self.site);
    }

    pub(crate) fn command_id(&mut self) -> CommandId {
        self.next_command += 1;
        self.next_command
    }

    /// A person tells a terminal something.
    pub fn tell(&mut self, login: &str, command: Command, told: Told) -> CommandId {
        let id = self.command_id();
        let wall_ms = self.now.wall_ms;
        let terminal = self.terminal(login);
        terminal.told.insert(id, told);
        terminal.client.command(id, command, wall_ms);
        self.act(login);
        id
    }

    /// What a person does without thinking: connects, logs in, chooses a new password when one is demanded. Whether
    /// anything moved.
    pub fn tend(&mut self, login: &str) -> bool {
        let alive = self.server.is_some();
        let terminal = self.terminal(login);
        if terminal.connection.is_none() {
            self.connect(login);
            return alive;
        }
        if terminal.client.is_ready() {
            let setting = terminal.told.values().any(|told| matches!(told, Told::Password(_)));
            if !terminal.must_set_password || setting {
                return false;
            }
            let password = format!("{login}'s own");
            if !terminal.passwords.contains(&password) {
                terminal.passwords.push(password.clone());
            }
            let command = Command::SetPassword(SecretText::from(password.as_str()));
            self.tell(login, command, Told::Password(password));
            return true;
        }
        if !terminal.greeted || terminal.is_logging_in() {
            return false;
        }
        terminal.greeted = false;
        let password = SecretText::from(terminal.passwords[0].as_str());
        self.tell(login, Command::Login(LoginWith { password, end_other: true }), Told::Login);
        true
    }

    // --- time and calm

    /// Time passes on both clocks.
    pub fn pass(&mut self, ms: u64) {
        self.now.wall_ms += ms;
        self.now.boot_ms += ms;
    }

    /// The server looks at the clock.
    pub fn wake(&mut self) {
        self.input(Input::Wake);
    }

    /// Everything goes its way without faults until nothing moves any more: people reconnect, the server is started
    /// again where it died.
    pub fn run(&mut self) {
        self.run_with(|world, login| world.tend(login));
    }

    /// Like [`Self::run`], but nobody connects or logs in by himself.
    pub fn flow(&mut self) {
        self.run_with(|_, _| false);
    }

    /// Both sides of every connection learn that it is gone.
    pub fn run_down(&mut self) {
        for connection in &mut self.connections {
            connection.break_at(0, 0);
        }
        while let Some(connection) = self.connections.first() {
            let session = connection.session;
            self.learn(0);
            if self.connections.first().is_some_and(|first| first.session == session && !first.is_over()) {
                self.learn(0);
            }
        }
    }

    fn run_with(&mut self, mut tend: impl FnMut(&mut Self, &str) -> bool) {
        let power = std::mem::take(&mut self.terminal_power);
        let logins: Vec<String> = self.terminals.keys().cloned().collect();
        for round in 0.. {
            assert!(round < 20_000, "the world does not come to rest: {}", self.unrest());
            if self.server.is_none() {
                self.restart();
            }
            self.pass(1);
            let mut moved = self.flush();
            for login in &logins {
                moved |= tend(self, login);
            }
            if !moved {
                break;
            }
        }
        self.terminal_power = power;
    }

    /// Moves everything once. Whether anything moved.
    fn flush(&mut self) -> bool {
        let mut moved = false;
        self.think();
        while let Some(server) = self.server.as_mut().filter(|server| server.is_busy()) {
            moved = true;
            if !server.errands.is_empty() {
                server.run_errand(0, &self.site);
            }
            self.write();
            self.think();
        }
        let sessions: Vec<SessionId> = self.connections.iter().map(|connection| connection.session).collect();
        for session in sessions {
            let find = |world: &Self| world.connections.iter().position(|one| one.session == session);
            moved |= find(self).is_some_and(|at| self.bring_up(at, usize::MAX));
            moved |= find(self).is_some_and(|at| self.bring_down(at, usize::MAX));
            moved |= find(self).is_some_and(|at| self.learn(at));
        }
        moved
    }

    fn unrest(&self) -> String {
        let told = self.terminals.iter().map(|(login, terminal)| format!("{login}: {:?}", terminal.told));
        told.collect::<Vec<_>>().join("; ")
    }
}

/// The note that a frame rests on.
fn note_of(frame: &ToTerminal) -> Option<Vec<u8>> {
    let note = match frame {
        ToTerminal::Welcome(welcome) => &welcome.login.note,
        ToTerminal::Receipt(receipt) => &receipt.note,
        ToTerminal::Deliver(deliver) => &deliver.note,
        ToTerminal::Answer(answer) => match &answer.answer {
            Answer::Consistency(note, _) => note,
            Answer::Acts(page)
            | Answer::Messages(page)
            | Answer::MessagesBefore(page)
            | Answer::Entries(page)
            | Answer::Proposals(page) => &page.note,
            Answer::Status(status) => &status.note,
            _ => return None,
        },
        ToTerminal::Hello(_)
        | ToTerminal::Refused(_)
        | ToTerminal::Stored(_)
        | ToTerminal::Lagging(_)
        | ToTerminal::Ended(_) => return None,
    };
    Some(note.to_vec())
}
