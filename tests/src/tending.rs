//! The world's terminals: doing what they say, losing their power, and what a person at one does without thinking.
//! Never sends what a session did not say.

use crate::terminal::Told;
use crate::world::World;
use journal::checkpoint::SignedCheckpoint;
use protocol::client::command::LoginWith;
use protocol::client::{Action, Command, CommandId, SecretText, StateRecord};

impl World {
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
        if self.is_out(login) {
            return false;
        }
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
}
