//! Commands that wait for the server's answer, and when their people are told that they wait.
//! Never ends a command: it only says when something is to be said.

use super::pending::ConnectionId;
use protocol::client::{Command, CommandId};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Without an answer for so long, the person is told that one waits for the server.
const SILENT: Duration = Duration::from_secs(2);
/// Without an answer for so long, a question is answered from memory: as if there were no connection.
const DEAF: Duration = Duration::from_secs(12);

/// What is due for a command.
pub(super) enum Due {
    /// Say that it waits.
    Say(ConnectionId),
    /// Answer this question from memory.
    Answer(CommandId, ConnectionId, Command),
}

struct Wait {
    connection: ConnectionId,
    given: Instant,
    said: bool,
    question: Option<Command>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Patience(BTreeMap<CommandId, Wait>);

impl Patience {
    /// A command was given; `question` where memory may answer it. `said`: its person knows already that it waits.
    pub(super) fn begin(
        &mut self,
        id: CommandId,
        connection: ConnectionId,
        question: Option<Command>,
        said: bool,
    ) {
        self.0.insert(id, Wait { connection, given: Instant::now(), said, question });
    }

    /// It has its answer, or nobody waits for it any more.
    pub(super) fn end(&mut self, id: CommandId) {
        self.0.remove(&id);
    }

    /// The same wait under another number.
    pub(super) fn renumber(&mut self, from: CommandId, to: CommandId) {
        if let Some(wait) = self.0.remove(&from) {
            self.0.insert(to, wait);
        }
    }

    /// When something is due next.
    pub(super) fn wake(&self) -> Option<Instant> {
        let due = |wait: &Wait| match (wait.said, &wait.question) {
            (false, _) => Some(wait.given + SILENT),
            (true, Some(_)) => Some(wait.given + DEAF),
            (true, None) => None,
        };
        self.0.values().filter_map(due).min()
    }

    /// What is due now; with `lost`, the connection is gone and nothing need be waited for.
    pub(super) fn due(&mut self, now: Instant, lost: bool) -> Vec<Due> {
        let mut due = Vec::new();
        for (id, wait) in &mut self.0 {
            let (id, connection) = (*id, wait.connection);
            if lost || wait.given + DEAF <= now {
                due.extend(wait.question.take().map(|question| Due::Answer(id, connection, question)));
            }
            if !wait.said && (lost || wait.given + SILENT <= now) {
                wait.said = true;
                due.push(Due::Say(connection));
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_told_first_and_answered_from_memory_later() {
        let mut patience = Patience::default();
        patience.begin(1, 5, Some(Command::People), false);
        patience.begin(2, 6, None, false);
        let begun = Instant::now();
        assert!(patience.due(begun, false).is_empty());
        assert!(patience.wake().is_some_and(|at| at <= begun + SILENT));
        let said = patience.due(begun + SILENT, false);
        assert!(matches!(said[..], [Due::Say(5), Due::Say(6)]));
        assert!(patience.due(begun + SILENT, false).is_empty(), "said once");
        let due = patience.due(begun + DEAF, false);
        assert!(matches!(due[..], [Due::Answer(1, 5, Command::People)]));
        assert!(patience.wake().is_none() && patience.due(begun + DEAF, false).is_empty());
    }

    #[test]
    fn with_the_connection_gone_nothing_is_waited_for() {
        let mut patience = Patience::default();
        patience.begin(1, 5, Some(Command::People), true);
        patience.renumber(1, 3);
        patience.begin(2, 6, None, false);
        let due = patience.due(Instant::now(), true);
        assert!(matches!(due[..], [Due::Say(6), Due::Answer(3, 5, Command::People)]));
        patience.end(2);
        patience.end(3);
        assert!(patience.wake().is_none());
    }
}
