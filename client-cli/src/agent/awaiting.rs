//! Commands that serve nobody but who gave them (questions, files, disclosures), given while there is no session: they wait
//! for one, for a moment.
//! Never in the session's hands: nothing is signed or sent for a person who was told that it came to nothing. What the
//! session has already when the connection goes is given up there (`core.rs`).

use super::patience::AWAY;
use super::pending::ConnectionId;
use protocol::client::Command;
use tokio::time::Instant;

struct Wait {
    connection: ConnectionId,
    command: Command,
    until: Instant,
}

/// See the module. One for a connection at most.
#[derive(Default)]
pub(super) struct Awaiting(Vec<Wait>);

impl Awaiting {
    /// Lets a command wait from now on.
    pub(super) fn begin(&mut self, connection: ConnectionId, command: Command, now: Instant) {
        self.0.push(Wait { connection, command, until: now + AWAY });
    }

    /// Whether a command of this connection waits.
    pub(super) fn holds(&self, connection: ConnectionId) -> bool {
        self.0.iter().any(|wait| wait.connection == connection)
    }

    /// Nobody listens there any more.
    pub(super) fn forget(&mut self, connection: ConnectionId) {
        self.0.retain(|wait| wait.connection != connection);
    }

    /// When the first of them has waited long enough.
    pub(super) fn wake(&self) -> Option<Instant> {
        self.0.iter().map(|wait| wait.until).min()
    }

    /// Whose command has waited long enough; it is dropped.
    pub(super) fn overdue(&mut self, now: Instant) -> Vec<ConnectionId> {
        self.0.extract_if(.., |wait| wait.until <= now).map(|wait| wait.connection).collect()
    }

    /// There is a session: what waited for it, oldest first.
    pub(super) fn take(&mut self) -> Vec<(ConnectionId, Command)> {
        std::mem::take(&mut self.0).into_iter().map(|wait| (wait.connection, wait.command)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_waits_for_a_session_for_a_moment_only() {
        let mut awaiting = Awaiting::default();
        let now = Instant::now();
        awaiting.begin(5, Command::Receipt(7), now);
        awaiting.begin(6, Command::Receipt(8), now + AWAY);
        assert!(awaiting.holds(5) && awaiting.wake() == Some(now + AWAY));
        assert_eq!(awaiting.overdue(now + AWAY), [5]);
        assert!(!awaiting.holds(5) && awaiting.overdue(now + AWAY).is_empty());
        awaiting.begin(7, Command::Receipt(9), now);
        awaiting.forget(7);
        assert!(matches!(awaiting.take()[..], [(6, Command::Receipt(8))]), "given once it stands");
        assert!(awaiting.wake().is_none());
    }
}
