//! The world: one server's machine, terminals, connections between them, one clock; moved one small step at a time.
//! Never chooses by itself what happens next when it is calm; [`crate::storm`] does when it is not.

use crate::dice::Dice;
use crate::machine::{GEOMETRY, Machine};
use crate::network::Connection;
use crate::people::{Site, beginning};
use crate::server::{LIMITS, Server};
use crate::terminal::Terminal;
use disk::{CrashClock, Fault, Geometry};
use journal::checkpoint::SignedCheckpoint;
use journal::ids::{ConversationId, Hash};
use journal::policy::Policy;
use journal::testing::{SeededRng, seed};
use pki::Suite;
use protocol::answer::Answer;
use protocol::client::CommandId;
use protocol::frame::{Decoder, ToTerminal, decode_to_terminal};
use protocol::io::{Input, Now, Output, SessionId};
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
    /// Of these, begun with a snapshot.
    pub short_starts: u64,
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
            short_starts: 0,
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
                self.short_starts += u64::from(server.by_snapshot);
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
            | Answer::Find(page, _)
            | Answer::Holds(page)
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
