//! Which commands have no result yet, and for whom: what `status` lists as not sent.
//! Never holds what a command contains, only its kind.

use super::wire::{Failure, Unsent};
use protocol::client::{Command, CommandId};
use std::collections::{BTreeMap, VecDeque};

/// Failures that nobody heard, kept for `status`.
pub(crate) const FAILED_MAX: usize = 64;

/// The number of a connection of a command to the agent.
pub(crate) type ConnectionId = u64;

/// Why the agent itself gave a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Errand {
    /// The Login of an unlock or a reconnect.
    Login,
    /// A new password.
    SetPassword,
    /// The policy, for the idle lock.
    Policy,
    /// One's conversations, to hold their newest messages.
    Conversations,
    /// The newest messages of one of them.
    Messages,
    /// The Logout of a lock.
    Logout,
}

/// For whom a command runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum For {
    /// A person's command, while it listens.
    Connection(ConnectionId),
    /// A person's command that went away.
    Nobody,
    /// The agent.
    Agent(Errand),
}

struct Entry {
    whom: For,
    kind: u8,
    at_ms: u64,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Pending {
    entries: BTreeMap<CommandId, Entry>,
    failed: VecDeque<Unsent>,
}

/// What a command is, as a small number that crosses the agent's socket; 0 is one that changes nothing.
pub(crate) fn kind(command: &Command) -> u8 {
    match command {
        Command::Login(_)
        | Command::Logout
        | Command::SetPassword(_)
        | Command::People
        | Command::Conversations
        | Command::Conversation(_)
        | Command::MessagesBefore(..)
        | Command::MessagesFrom(..)
        | Command::MessageStatus(..)
        | Command::FileChunk(..)
        | Command::FetchFile(..)
        | Command::ErasePlan(_)
        | Command::Ask(_) => 0,
        Command::Send(_) => 1,
        Command::SendFile(_) => 2,
        Command::NewPrivate(_) | Command::NewGroup(_) => 3,
        Command::Invite(..)
        | Command::Remove(..)
        | Command::Leave(_)
        | Command::HandOver(..)
        | Command::Accept(_)
        | Command::ShareHistory(..)
        | Command::SetTitle(..) => 4,
        Command::Read(..) | Command::Acknowledge(_) => 5,
        Command::Erase(_) => 6,
        Command::Act(_) => 7,
    }
}

impl Pending {
    /// A command was given.
    pub(crate) fn begin(&mut self, id: CommandId, whom: For, kind: u8, at_ms: u64) {
        self.entries.insert(id, Entry { whom, kind, at_ms });
    }

    /// For whom a command runs.
    pub(crate) fn whom(&self, id: CommandId) -> Option<For> {
        self.entries.get(&id).map(|entry| entry.whom)
    }

    /// A command has its result. A failure that nobody listens to is kept.
    pub(crate) fn end(&mut self, id: CommandId, failure: Option<Failure>) -> Option<For> {
        let entry = self.entries.remove(&id)?;
        if entry.whom == For::Nobody
            && entry.kind != 0
            && let Some(failure) = failure
        {
            if self.failed.len() == FAILED_MAX {
                self.failed.pop_front();
            }
            self.failed.push_back(Unsent { kind: entry.kind, at_ms: entry.at_ms, failure: Some(failure) });
        }
        Some(entry.whom)
    }

    /// The command of this connection that is under way.
    pub(crate) fn of(&self, connection: ConnectionId) -> Option<CommandId> {
        let mine = |entry: &&Entry| entry.whom == For::Connection(connection);
        self.entries.iter().find(|(_, entry)| mine(entry)).map(|(id, _)| *id)
    }

    /// The connection went away; its command goes on by itself.
    pub(crate) fn abandon(&mut self, connection: ConnectionId) {
        for entry in self.entries.values_mut().filter(|entry| entry.whom == For::Connection(connection)) {
            entry.whom = For::Nobody;
        }
    }

    /// Acts without a result, oldest first.
    pub(crate) fn unsent(&self) -> Vec<Unsent> {
        let acts = self.entries.values().filter(|entry| entry.kind != 0);
        acts.map(|entry| Unsent { kind: entry.kind, at_ms: entry.at_ms, failure: None }).collect()
    }

    /// What came to nothing while nobody listened.
    pub(crate) fn failed(&self) -> Vec<Unsent> {
        self.failed.iter().cloned().collect()
    }

    /// Everything is given up: connections whose command is lost.
    pub(crate) fn clear(&mut self) -> Vec<ConnectionId> {
        let entries = std::mem::take(&mut self.entries);
        entries
            .into_values()
            .filter_map(|entry| match entry.whom {
                For::Connection(connection) => Some(connection),
                For::Nobody | For::Agent(_) => None,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure() -> Failure {
        Failure { name: "busy".into(), en: "busy".into(), ru: "занят".into() }
    }

    #[test]
    fn what_nobody_heard_is_kept_for_status() {
        let mut pending = Pending::default();
        pending.begin(1, For::Connection(5), 1, 100);
        pending.begin(2, For::Connection(6), 0, 110);
        assert_eq!(pending.of(5), Some(1));
        assert_eq!(pending.unsent().len(), 1, "a question is nothing that could be lost");
        pending.abandon(5);
        assert_eq!(pending.of(5), None);
        assert_eq!(pending.end(1, Some(failure())), Some(For::Nobody));
        assert_eq!(pending.failed().len(), 1);
        assert_eq!(pending.end(2, Some(failure())), Some(For::Connection(6)));
        assert_eq!(pending.failed().len(), 1, "its command heard it");
        assert!(pending.unsent().is_empty());
    }
}
