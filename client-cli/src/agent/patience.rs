//! Commands that wait for the server's answer, when their people are told that they wait, and when they have waited enough.
//! Never ends a command by itself: it only says when something is to be said.

use super::pending::ConnectionId;
use protocol::client::{Command, CommandId};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Without an answer for so long, the person is told that one waits for the server.
const SILENT: Duration = Duration::from_secs(2);
/// Without an answer for so long, a question is answered from memory: as if there were no connection.
const DEAF: Duration = Duration::from_secs(12);
/// Without a connection for so long, what serves only its own command is given up.
pub(super) const AWAY: Duration = Duration::from_secs(5);

/// What is due for a command.
pub(super) enum Due {
    /// Say that it waits.
    Say(ConnectionId),
    /// Answer this question from memory.
    Answer(CommandId, ConnectionId, Command),
    /// Say that there is no connection, and wait no longer.
    GiveUp(CommandId, ConnectionId),
}

/// What becomes of a command where the server is away.
pub(super) enum Without {
    /// The agent brings it to its end alone, later.
    Kept,
    /// Nothing: nobody is served by a later answer.
    Nothing,
    /// Memory may answer this question.
    Memory(Command),
}

struct Wait {
    connection: ConnectionId,
    given: Instant,
    said: bool,
    question: Option<Command>,
    kept: bool,
    gives_up: Option<Instant>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Patience(BTreeMap<CommandId, Wait>);

impl Patience {
    /// A command was given. `said`: its person knows already that it waits.
    pub(super) fn begin(&mut self, id: CommandId, connection: ConnectionId, without: Without, said: bool) {
        let (question, kept) = match without {
            Without::Kept => (None, true),
            Without::Nothing => (None, false),
            Without::Memory(question) => (Some(question), false),
        };
        let wait = Wait { connection, given: Instant::now(), said, question, kept, gives_up: None };
        self.0.insert(id, wait);
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

    /// A session stands again: what was asked is asked again by itself.
    pub(super) fn back(&mut self) {
        self.0.values_mut().for_each(|wait| wait.gives_up = None);
    }

    /// When something is due next.
    pub(super) fn wake(&self) -> Option<Instant> {
        let due = |wait: &Wait| match (wait.said, &wait.question) {
            (false, _) => Some(wait.given + SILENT),
            (true, Some(_)) => Some(wait.given + DEAF),
            (true, None) => None,
        };
        self.0.values().flat_map(|wait| [due(wait), wait.gives_up]).flatten().min()
    }

    /// What is due now; with `lost`, the connection is gone, and what memory answers need not be waited for.
    pub(super) fn due(&mut self, now: Instant, lost: bool) -> Vec<Due> {
        let mut due = Vec::new();
        for (id, wait) in &mut self.0 {
            let (id, connection) = (*id, wait.connection);
            if lost && !wait.kept {
                wait.gives_up.get_or_insert(now + AWAY);
            }
            if lost || wait.given + DEAF <= now {
                due.extend(wait.question.take().map(|question| Due::Answer(id, connection, question)));
            }
            if !wait.said && (lost || wait.given + SILENT <= now) {
                wait.said = true;
                due.push(Due::Say(connection));
            }
            if wait.gives_up.take_if(|at| *at <= now).is_some() {
                due.push(Due::GiveUp(id, connection));
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
        patience.begin(1, 5, Without::Memory(Command::People), false);
        patience.begin(2, 6, Without::Nothing, false);
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
        patience.begin(1, 5, Without::Memory(Command::People), true);
        patience.renumber(1, 3);
        patience.begin(2, 6, Without::Kept, false);
        let due = patience.due(Instant::now(), true);
        assert!(matches!(due[..], [Due::Say(6), Due::Answer(3, 5, Command::People)]));
        patience.end(2);
        patience.end(3);
        assert!(patience.wake().is_none());
    }

    #[test]
    fn what_only_the_server_can_answer_is_given_up_when_it_stays_away_and_what_the_agent_keeps_is_not() {
        let mut patience = Patience::default();
        patience.begin(1, 5, Without::Nothing, true);
        patience.begin(2, 6, Without::Kept, true);
        let lost = Instant::now();
        assert!(patience.due(lost, true).is_empty());
        // A try that failed meanwhile begins nothing anew.
        assert!(patience.due(lost + AWAY / 2, true).is_empty());
        assert_eq!(patience.wake(), Some(lost + AWAY));
        assert!(matches!(patience.due(lost + AWAY, false)[..], [Due::GiveUp(1, 5)]));
        assert!(patience.wake().is_none(), "said once");
        patience.due(lost + AWAY, true);
        patience.back();
        assert!(patience.wake().is_none() && patience.due(lost + 3 * AWAY, false).is_empty(), "it is back");
    }
}
