//! What a command asks of the agent, and how it is answered: by the session, or from memory.
//! Never waits for the server: what takes time stays with `pending`.

use super::core::Agent;
use super::memory::Memory;
use super::patience::Without;
use super::pending::{ConnectionId, is_kept, kind};
use super::place;
use super::wire::{self, Ask, Tell, Unlock};
use super::work::Work;
use crate::trouble::Trouble;
use console::Exit;
use pki::PersonId;
use protocol::client::command::Send;
use protocol::client::{Command, Reply};
use tokio::time::Instant;

impl Agent {
    pub(super) async fn asked(&mut self, id: ConnectionId, ask: Ask) {
        match ask {
            Ask::Hello(_) => {
                let person = self.me.as_ref().map(|me| me.person);
                self.tell(id, Tell::Hello(wire::VERSION, person)).await;
            }
            Ask::Status => {
                let status = Box::new(self.status());
                self.tell(id, Tell::Status(status)).await;
            }
            Ask::Unlock(with) => self.unlock(id, &with).await,
            Ask::SetPassword(new) => self.set_password(id, new).await,
            Ask::ChangePassword(old, new) => self.change_password(id, &old, new).await,
            Ask::Lock => {
                let lost = self.lock().await;
                self.tell(id, Tell::Locked(lost)).await;
            }
            Ask::Logout => {
                let lost = self.lock().await;
                self.tell(id, Tell::Locked(lost)).await;
                self.leaving = true;
            }
            Ask::Run(command) => self.run(id, *command).await,
            Ask::SendTo(person, send) => self.send_to(id, person, *send).await,
            Ask::Chunk(piece) => {
                // The piece that was wanted: that the agent is in use was seen when it was.
                if let Some(work) = &mut self.work
                    && let Some(of) = work.pending.of(id)
                {
                    work.terminal.give_chunk(of, piece);
                }
            }
            Ask::Watch => match (&self.work, self.connections.get_mut(&id)) {
                (Some(_), Some(connection)) => connection.watching = true,
                (None, _) => self.fail(id, &self.locked()).await,
                (Some(_), None) => {}
            },
            Ask::Search(query) => {
                self.used();
                let found = self.work.as_ref().map(|work| work.store.search(query.expose()));
                self.found(id, found).await;
            }
            Ask::Held(index) => {
                let found = self
                    .work
                    .as_ref()
                    .map(|work| (work.store.get(index).cloned().into_iter().collect(), false));
                self.found(id, found).await;
            }
        }
    }

    async fn found(
        &mut self,
        id: ConnectionId,
        found: Option<(Vec<protocol::client::event::MessageView>, bool)>,
    ) {
        if self.work.as_ref().is_some_and(|work| work.store.is_behind()) {
            return self.fail(id, &Trouble::behind()).await;
        }
        match found {
            Some((messages, more)) => self.tell(id, Tell::Found(messages, more)).await,
            None => self.fail(id, &self.locked()).await,
        }
    }

    async fn unlock(&mut self, id: ConnectionId, with: &Unlock) {
        if self.work.is_some() {
            let words = ("logged in already", "вход уже выполнен");
            return self.fail(id, &Trouble::say(Exit::No, "unlocked-already", words.0, words.1)).await;
        }
        self.used();
        match Work::begin(&self.home, with, id) {
            Err(trouble) => self.fail(id, &trouble).await,
            Ok((work, me)) => {
                // Beside an agent of this person only: two people never work side by side in one user's session.
                match place::other_person(&self.runtime, self.home.path(), me.person) {
                    Ok(None) => {
                        self.me = Some(me);
                        self.trouble = None;
                        self.work = Some(work);
                    }
                    Ok(Some(other)) => self.fail(id, &other_person(other)).await,
                    Err(error) => self.fail(id, &Trouble::io(&self.runtime.clone(), &error)).await,
                }
            }
        }
    }

    async fn run(&mut self, id: ConnectionId, command: Command) {
        self.used();
        let forbidden = matches!(
            command,
            Command::Login(_) | Command::Logout | Command::SetPassword(_) | Command::FileChunk(..)
        );
        let Some(work) = &mut self.work else { return self.fail(id, &self.locked()).await };
        if forbidden || work.is_busy(id) {
            return self.fail(id, &Trouble::odd_answer()).await;
        }
        let me = PersonId(self.me.as_ref().map_or(0, |me| me.person));
        let ready = work.terminal.is_ready() && !work.deaf;
        if !ready && let Some(reply) = work.memory.recall(&command, &work.store) {
            return self.answer(id, reply).await;
        }
        if !work.terminal.is_ready() && !is_kept(kind(&command)) {
            work.awaiting.begin(id, command, Instant::now());
            work.dial_now();
            return self.say_on_the_way(id, false).await;
        }
        if let Command::Read(of, up_to) = &command {
            work.memory.read(*of, *up_to, &work.store, me);
        }
        work.run_with_patience(id, command, !ready);
        self.say_on_the_way(id, ready).await;
    }

    /// A session stands: what waited for one goes on.
    pub(super) fn go_on(&mut self) {
        let Some(work) = &mut self.work else { return };
        work.patience.back();
        for (id, command) in work.awaiting.take() {
            work.run_with_patience(id, command, true);
        }
    }

    async fn send_to(&mut self, id: ConnectionId, person: PersonId, send: Send) {
        self.used();
        let Some(work) = &mut self.work else { return self.fail(id, &self.locked()).await };
        if work.is_busy(id) {
            return self.fail(id, &Trouble::odd_answer()).await;
        }
        let ready = work.terminal.is_ready() && !work.deaf;
        let given = work.send_to(person, send, id);
        work.patience.begin(given, id, Without::Kept, !ready);
        self.say_on_the_way(id, ready).await;
    }

    /// Behind a command that was given: that it waits for the server, and what nobody was told before.
    async fn say_on_the_way(&mut self, id: ConnectionId, ready: bool) {
        if !ready {
            self.tell(id, Tell::Waiting(false)).await;
        }
        for notice in std::mem::take(&mut self.notices) {
            self.tell(id, Tell::Event(Box::new(notice))).await;
        }
    }

    /// An answer from memory, said to be one.
    pub(super) async fn answer(&mut self, id: ConnectionId, reply: Reply) {
        let heard_ms = self.work.as_ref().map_or(0, |work| work.heard_ms);
        self.tell(id, Tell::Stale(heard_ms)).await;
        self.tell_done(id, reply).await;
    }
}

impl Work {
    /// Whether a command of this connection has no result yet, in the session or waiting for one.
    fn is_busy(&self, id: ConnectionId) -> bool {
        self.pending.of(id).is_some() || self.awaiting.holds(id)
    }

    /// Gives the session a command of a person. `said`: who knows already that it waits.
    fn run_with_patience(&mut self, id: ConnectionId, command: Command, said: bool) {
        let without = match Memory::is_question(&command) {
            true => Without::Memory(command.clone()),
            false if is_kept(kind(&command)) => Without::Kept,
            false => Without::Nothing,
        };
        // A file shows by itself how far it is, and goes on where it stopped.
        let file = matches!(command, Command::SendFile(_) | Command::FetchFile(..));
        let given = self.run(command, id);
        if !file {
            self.patience.begin(given, id, without, said);
        }
    }
}

fn other_person(other: u64) -> Trouble {
    Trouble::say(
        Exit::NotAllowed,
        "other-person",
        format!(
            "the agent of another person ({other:016x}) lives in this user's session: log out there first"
        ),
        format!(
            "в этом сеансе пользователя работает агент другого человека ({other:016x}): сначала завершите его"
        ),
    )
}
