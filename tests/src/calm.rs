//! Time, and the world at rest: everything goes its way without faults until nothing moves any more.
//! Never lets anything fail.

use crate::world::World;
use protocol::io::{Input, SessionId};

impl World {
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
