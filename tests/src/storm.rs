//! Histories drawn from a seed: what people do, and what happens to machines and wires meanwhile.
//! Never does what a real site could not suffer.

use crate::schedule;
use crate::terminal::Told;
use crate::words::{message, send, send_file};
use crate::world::World;
use disk::{CrashClock, Fault};
use journal::act::EraseTarget;
use journal::ids::ConversationId;
use protocol::client::command::{NewGroup, NewPrivate};
use protocol::client::{Command, Event, Reply, SecretText};

/// How long and how rough a history is.
#[derive(Clone, Copy)]
pub struct Weather {
    /// Small steps.
    pub steps: usize,
    /// People do something at one step in so many.
    pub acts: u64,
    /// A connection breaks.
    pub cuts: u64,
    /// The server's power is cut between two operations.
    pub crashes: u64,
    /// A terminal's power fails at an action.
    pub terminals: u64,
    /// The wall clock jumps.
    pub jumps: u64,
    /// Time passes by itself as well, by hours and days: where there is something that falls by it.
    pub days: bool,
    /// Officers are there, and one of them does something.
    pub offices: Option<u64>,
    /// Letters of a text beyond its own.
    pub padding: usize,
}

impl Weather {
    /// A seed's own.
    pub fn of(seed: u64) -> Self {
        let offices = (seed % 4 == 1).then_some(9);
        let padding = if is_tight(seed) { 12_000 } else { 0 };
        let days = schedule::rules(seed);
        let jumps = if days { 15 } else { 60 };
        let rough = Self {
            steps: 220,
            acts: 4,
            cuts: 30,
            crashes: 75,
            terminals: 900,
            jumps,
            days,
            offices,
            padding,
        };
        match seed % 5 {
            0 => Self { crashes: 30, ..rough },
            1 => Self { cuts: 12, ..rough },
            2 => Self { terminals: 200, ..rough },
            3 => Self { acts: 3, cuts: 200, crashes: 200, ..rough },
            _ => rough,
        }
    }
}

/// Whether the history of a seed plays on a device that is soon full.
pub fn is_tight(seed: u64) -> bool {
    seed % 16 == 7
}

/// A day.
const DAY_MS: u64 = 24 * 3600 * 1000;

/// A history under way.
pub struct Storm {
    weather: Weather,
    /// Conversations, and the owners of those that are groups.
    rooms: Vec<(ConversationId, Option<String>)>,
    said: u64,
    jumped_ms: u64,
    /// The latest time that any clock has shown.
    newest_ms: u64,
}

impl Storm {
    /// Before anything happened.
    pub fn new(weather: Weather) -> Self {
        Self { weather, rooms: Vec::new(), said: 0, jumped_ms: 0, newest_ms: 0 }
    }

    /// Half of the histories begin with a group that works, so that there is something to lose.
    pub fn beginning(&mut self, world: &mut World) {
        let (owner, other) = ("boris", "anna");
        let id = world.group(owner, &[other]);
        self.rooms.push((id, Some(owner.into())));
        let pair = world.private(owner, "vera");
        self.rooms.push((pair, None));
        for login in [owner, other] {
            let text = self.fresh_text(login);
            world.say_in(login, id, &text).expect("a member sends");
        }
    }

    /// The whole history.
    pub fn rage(&mut self, world: &mut World) {
        for _ in 0..self.weather.steps {
            world.terminal_power = self.weather.terminals;
            self.step(world);
            self.look(world);
        }
        world.terminal_power = 0;
    }

    fn step(&mut self, world: &mut World) {
        if world.dice.once_in(self.weather.acts) {
            self.somebody_acts(world);
        }
        if self.weather.offices.is_some_and(|often| world.dice.once_in(often)) {
            self.an_officer_acts(world);
        }
        if world.dice.once_in(self.weather.cuts) {
            world.storm_cut();
        }
        if world.dice.once_in(self.weather.crashes) {
            world.crash();
        }
        if world.dice.once_in(self.weather.jumps) {
            match self.weather.days && !world.dice.once_in(4) {
                true => self.days_pass(world),
                false => self.jump(world),
            }
        }
        world.storm_step();
    }

    /// Time passes by both clocks: often until shortly after something is due.
    fn days_pass(&mut self, world: &mut World) {
        let ms = match world.dice.below(4) {
            0 => world.dice.below(2 * DAY_MS),
            _ => schedule::until_next_ms(world.now.wall_ms) + world.dice.below(1_800_000),
        };
        world.pass(ms);
        world.wake();
    }

    /// The wall clock jumps by up to a month forwards, or a little backwards; the boot clock does not.
    fn jump(&mut self, world: &mut World) {
        let far = match world.dice.below(4) {
            0 => 40 * DAY_MS,
            1 => 2 * DAY_MS,
            _ => 3_600_000,
        };
        let ms = world.dice.below(far);
        self.newest_ms = self.newest_ms.max(world.now.wall_ms);
        if world.dice.once_in(4) {
            // A server's stamps never run back: what it stamps stays within the hour that terminals bear.
            let borne = (world.now.wall_ms + 3_000_000).saturating_sub(self.newest_ms);
            let back = ms.min(self.jumped_ms).min(borne);
            self.jumped_ms -= back;
            world.now.wall_ms -= back;
        } else if self.jumped_ms + ms < 200 * DAY_MS {
            self.jumped_ms += ms;
            world.now.wall_ms += ms;
        }
        world.wake();
    }

    /// Learns which conversations there are, and that nobody is alarmed.
    fn look(&mut self, world: &mut World) {
        for (login, terminal) in &mut world.terminals {
            for result in std::mem::take(&mut terminal.results).into_values() {
                if let Ok(Reply::Founded(id, _)) = result {
                    self.rooms.push((id, Some(login.clone())));
                }
            }
            let distrust = terminal.events.iter().any(|event| matches!(event, Event::Distrust(_)));
            assert!(!distrust, "{login} distrusts an honest server");
        }
    }

    fn somebody_acts(&mut self, world: &mut World) {
        let logins = world.operators();
        let Some(login) = world.dice.pick(&logins).cloned() else { return };
        let Some(other) = world.dice.pick(&logins).cloned() else { return };
        let person = world.id(&other);
        let room = world.dice.pick(&self.rooms).cloned();
        let Some((id, owner)) = room.filter(|_| !world.dice.once_in(20)) else {
            self.somebody_founds(world, &login, &logins);
            return;
        };
        let last = world.terminals[&login].sent.last().cloned();
        let by_owner = owner.filter(|owner| !world.is_out(owner)).unwrap_or_else(|| login.clone());
        let (command, told) = match world.dice.below(24) {
            0 | 1 => {
                // Often one who was removed comes back and is given what he missed.
                if world.dice.once_in(2) {
                    world.tell(&by_owner, Command::Remove(id, person), Told::Other);
                }
                world.tell(&by_owner, Command::Invite(id, person), Told::Other);
                let text = self.fresh_text(&by_owner);
                world.tell(&by_owner, send(id, &text), Told::Send(id, text));
                world.tell(&by_owner, Command::ShareHistory(id, person), Told::Other);
                return;
            }
            2 if world.dice.once_in(3) => (Command::Leave(id), Told::Other),
            3 => (Command::Remove(id, person), Told::Other),
            4 => (Command::SetTitle(id, SecretText::from("a title")), Told::Other),
            5 if world.dice.once_in(4) => (Command::HandOver(id, person), Told::Other),
            6 | 7 if last.is_some() => {
                let last = last.expect("asked above");
                let target = EraseTarget::Messages(last.conversation, vec![last.index]);
                (Command::Erase(target), Told::Erase)
            }
            8 if world.dice.once_in(3) => (Command::Erase(EraseTarget::Conversation(id)), Told::Erase),
            9 => (Command::MessagesBefore(id, u64::MAX), Told::Other),
            10 => (Command::Conversations, Told::Other),
            11 if last.is_some() => {
                let index = last.expect("asked above").index;
                (Command::Read(id, index), Told::Other)
            }
            12 | 13 => {
                let text = self.fresh_text(&login);
                let bytes = 1 + world.dice.below(3000);
                (send_file(id, &text, bytes), Told::SendFile(id, text, bytes))
            }
            14 => {
                let text = self.fresh_text(&login);
                let mut asks = message(id, &text);
                asks.must_acknowledge = true;
                (Command::Send(asks), Told::Send(id, text))
            }
            _ => {
                let text = self.fresh_text(&login);
                (send(id, &text), Told::Send(id, text))
            }
        };
        world.tell(&login, command, told);
    }

    fn somebody_founds(&mut self, world: &mut World, login: &str, logins: &[String]) {
        let others: Vec<&String> = logins.iter().filter(|other| *other != login).collect();
        let Some(first) = world.dice.pick(&others).copied() else { return };
        if world.dice.once_in(2) {
            let new = NewPrivate { person: world.id(first), ceiling: None, default_label: None };
            world.tell(login, Command::NewPrivate(new), Told::Other);
            return;
        }
        let many = world.dice.once_in(2);
        let people =
            others.iter().filter(|other| many || *other == &first).map(|other| world.id(other)).collect();
        let title = world.dice.once_in(2).then(|| SecretText::from("a group"));
        let new = NewGroup { title, people, ceiling: None, default_label: None };
        world.tell(login, Command::NewGroup(new), Told::Other);
    }

    fn fresh_text(&mut self, login: &str) -> String {
        self.said += 1;
        format!("{login} says {}{}", self.said, " and so on".repeat(self.weather.padding / 10))
    }
}

impl World {
    /// One small step of anything that can happen by itself.
    pub fn storm_step(&mut self) {
        let ms = 1 + self.dice.below(60);
        self.pass(ms);
        if self.server.is_none() {
            if self.dice.once_in(6) {
                let at = if self.dice.once_in(3) { self.dice.below(60) } else { u64::MAX };
                let fault = match self.dice.below(6) {
                    0 => Fault::Eio,
                    1 => Fault::NoSpace,
                    _ => Fault::PowerCut,
                };
                self.start(CrashClock::new(at, fault));
            }
            return self.wires();
        }
        if self.dice.once_in(2) {
            self.write();
        }
        if self.dice.once_in(2) {
            self.errands();
        }
        if self.dice.once_in(3) {
            let logins: Vec<String> = self.terminals.keys().cloned().collect();
            if let Some(login) = self.dice.pick(&logins).cloned() {
                self.tend(&login);
            }
        }
        if self.dice.once_in(9) {
            self.wake();
        }
        self.wires();
    }

    fn errands(&mut self) {
        let Some(server) = self.server.as_mut().filter(|server| !server.errands.is_empty()) else { return };
        let at = self.dice.below(server.errands.len() as u64) as usize;
        server.run_errand(at, &self.site);
        self.think();
    }

    /// Something moves on some wires.
    fn wires(&mut self) {
        for _ in 0..6 {
            if self.connections.is_empty() {
                return;
            }
            let at = self.dice.below(self.connections.len() as u64) as usize;
            let most = match self.dice.below(4) {
                0 => 1 + self.dice.below(7),
                1 => 1 + self.dice.below(900),
                _ => u64::MAX,
            };
            match self.dice.below(5) {
                0 | 1 => drop(self.bring_up(at, most as usize)),
                2 | 3 => drop(self.bring_down(at, most as usize)),
                _ => drop(self.learn(at)),
            }
        }
    }

    /// Some connection breaks, at any byte of what is on its way.
    pub(crate) fn storm_cut(&mut self) {
        if self.connections.is_empty() {
            return;
        }
        let at = self.dice.below(self.connections.len() as u64) as usize;
        let (up, down) = (self.dice.next() as usize, self.dice.next() as usize);
        let connection = &mut self.connections[at];
        let (up, down) = (up % (connection.up.len() + 1), down % (connection.down.len() + 1));
        connection.break_at(up, down);
        // The terminal often notices first, and connects anew while old bytes are still on their way.
        if self.dice.once_in(2) {
            let session = self.connections[at].session;
            let login = self.connections[at].login.clone();
            self.connections[at].down.clear();
            self.connections[at].at_terminal = false;
            self.hang_up(&login, session);
            self.bury();
        }
    }
}
