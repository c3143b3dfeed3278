//! Which commands have no result yet, and for whom: what `status` lists as not sent.
//! Never holds what a command contains, only its kind.

use super::wire::{Failure, Unsent};
use journal::ids::ConversationId;
use pki::PersonId;
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
    /// The directory, to name people while the server is away.
    People,
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

/// Where an act goes, for the list of what was not sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum To {
    /// Into a conversation.
    Conversation(ConversationId),
    /// To a person, with whom there may be none yet.
    Person(PersonId),
}

struct Entry {
    whom: For,
    kind: u8,
    to: Option<To>,
    at_ms: u64,
}

/// What came to nothing while nobody listened.
pub(crate) struct Failed {
    kind: u8,
    to: Option<To>,
    at_ms: u64,
    failure: Failure,
}

impl Failed {
    /// As it crosses the agent's socket.
    pub(crate) fn told(&self, name: impl Fn(To) -> Option<String>) -> Unsent {
        let failure = Some(self.failure.clone());
        Unsent { kind: self.kind, at_ms: self.at_ms, failure, to: self.to.and_then(name) }
    }
}

/// See the module.
#[derive(Default)]
pub(crate) struct Pending {
    entries: BTreeMap<CommandId, Entry>,
    failed: VecDeque<Failed>,
}

/// The kind of a message, the file's of a file.
pub(crate) const MESSAGE: u8 = 1;
pub(crate) const FILE: u8 = 2;
/// A disclosure's: who asked for its file is gone.
pub(crate) const DISCLOSURE: u8 = 8;

/// Whether the agent alone can bring a command of this kind to its end: a file's bytes are not in its hands.
pub(crate) fn is_kept(kind: u8) -> bool {
    kind != 0 && kind != FILE && kind != DISCLOSURE
}

/// Where a command goes.
pub(crate) fn to(command: &Command) -> Option<To> {
    if let Command::Send(send) = command {
        return Some(To::Conversation(send.conversation));
    } else if let Command::SendFile(send) = command {
        return Some(To::Conversation(send.message.conversation));
    }
    None
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
        | Command::Orders(_)
        | Command::Alarms
        | Command::HeardAlarms(_)
        | Command::Receipt(_)
        | Command::Ask(_) => 0,
        Command::Send(_) => MESSAGE,
        Command::SendFile(_) => FILE,
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
        Command::Disclose(..) => DISCLOSURE,
    }
}

impl Pending {
    /// A command was given.
    pub(crate) fn begin(&mut self, id: CommandId, whom: For, kind: u8, to: Option<To>, at_ms: u64) {
        self.entries.insert(id, Entry { whom, kind, to, at_ms });
    }

    /// What was given goes on under another number.
    pub(crate) fn renumber(&mut self, from: CommandId, to: CommandId) {
        if let Some(entry) = self.entries.remove(&from) {
            self.entries.insert(to, entry);
        }
    }

    /// For whom a command runs.
    pub(crate) fn whom(&self, id: CommandId) -> Option<For> {
        self.entries.get(&id).map(|entry| entry.whom)
    }

    /// Of which kind a command is.
    pub(crate) fn kind_of(&self, id: CommandId) -> Option<u8> {
        self.entries.get(&id).map(|entry| entry.kind)
    }

    /// When a command was given, milliseconds since 1970.
    pub(crate) fn given_ms(&self, id: CommandId) -> u64 {
        self.entries.get(&id).map_or(0, |entry| entry.at_ms)
    }

    /// A command has its result. A failure that nobody listens to is kept.
    pub(crate) fn end(&mut self, id: CommandId, failure: Option<Failure>) -> Option<For> {
        let entry = self.entries.remove(&id)?;
        if entry.whom == For::Nobody
            && entry.kind != 0
            && let Some(failure) = failure
        {
            self.failed.push_back(Failed { kind: entry.kind, to: entry.to, at_ms: entry.at_ms, failure });
            bound(&mut self.failed);
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
    pub(crate) fn unsent(&self, name: impl Fn(To) -> Option<String>) -> Vec<Unsent> {
        let acts = self.entries.values().filter(|entry| entry.kind != 0);
        let told = |entry: &Entry| Unsent {
            kind: entry.kind,
            at_ms: entry.at_ms,
            failure: None,
            to: entry.to.and_then(&name),
        };
        acts.map(told).collect()
    }

    /// How many acts have no result yet.
    pub(crate) fn unsent_count(&self) -> usize {
        self.entries.values().filter(|entry| entry.kind != 0).count()
    }

    /// What came to nothing while nobody listened.
    pub(crate) fn failed(&self) -> impl Iterator<Item = &Failed> {
        self.failed.iter()
    }

    /// Everything is given up: connections whose command is lost, and what came to nothing with nobody listening, by
    /// this or before.
    pub(crate) fn clear(&mut self, why: &Failure) -> (Vec<ConnectionId>, VecDeque<Failed>) {
        let entries = std::mem::take(&mut self.entries);
        let mut failed = std::mem::take(&mut self.failed);
        let unheard = entries.values().filter(|entry| entry.whom == For::Nobody && entry.kind != 0);
        failed.extend(unheard.map(|entry| Failed {
            kind: entry.kind,
            to: entry.to,
            at_ms: entry.at_ms,
            failure: why.clone(),
        }));
        bound(&mut failed);
        let connections = connections(entries);
        (connections, failed)
    }
}

/// The newest are kept.
pub(crate) fn bound(failed: &mut VecDeque<Failed>) {
    failed.drain(..failed.len().saturating_sub(FAILED_MAX));
}

fn connections(entries: BTreeMap<CommandId, Entry>) -> Vec<ConnectionId> {
    let connection = |entry: Entry| match entry.whom {
        For::Connection(connection) => Some(connection),
        For::Nobody | For::Agent(_) => None,
    };
    entries.into_values().filter_map(connection).collect()
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
        let to = Some(To::Person(PersonId(2)));
        pending.begin(4, For::Connection(5), MESSAGE, to, 100);
        pending.begin(2, For::Connection(6), 0, None, 110);
        pending.renumber(4, 1);
        assert_eq!(pending.of(5), Some(1));
        let named = pending.unsent(|to| (to == To::Person(PersonId(2))).then(|| "@boris".to_owned()));
        assert_eq!(named[0].to.as_deref(), Some("@boris"));
        assert_eq!(named.len(), 1, "a question is nothing that could be lost");
        pending.abandon(5);
        assert_eq!(pending.of(5), None);
        assert_eq!(pending.end(1, Some(failure())), Some(For::Nobody));
        assert_eq!(pending.failed().count(), 1);
        assert_eq!(pending.end(2, Some(failure())), Some(For::Connection(6)));
        assert_eq!(pending.failed().count(), 1, "its command heard it");
        assert_eq!(pending.unsent_count(), 0);
    }

    #[test]
    fn what_a_lock_takes_is_kept_for_status() {
        let mut pending = Pending::default();
        pending.begin(1, For::Nobody, MESSAGE, None, 100);
        pending.begin(2, For::Connection(6), MESSAGE, None, 110);
        pending.begin(3, For::Nobody, 0, None, 120);
        let (told, failed) = pending.clear(&failure());
        assert_eq!((told, failed.len()), (vec![6], 1), "one hears it, one is listed, a question is neither");
    }
}
