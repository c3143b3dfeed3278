//! When the agent locks, and how: what is secret goes, and whoever waits is told.
//! Never keeps a lock waiting for a server that does not answer.

use super::core::Agent;
use super::pending::{ConnectionId, Errand, bound};
use crate::trouble::Trouble;
use link::terminal::News;
use protocol::client::{Command, Event};
use std::time::Duration;
use tokio::time::Instant;

/// How long a lock waits for the Logout to be in the journal.
const LOGOUT_TIMEOUT: Duration = Duration::from_secs(3);
/// Until the idle lock while the policy is not known, milliseconds: what the standard policy says.
const BEFORE_POLICY_MS: u64 = 10 * 60 * 1000;
/// Until the idle lock while a new password is owed, milliseconds: whoever is at the terminal then could set one.
const NEW_PASSWORD_MS: u64 = 2 * 60 * 1000;

impl Agent {
    /// Locks because the session cannot go on, and tells why to everybody who waits.
    pub(super) async fn give_up(&mut self, trouble: &Trouble) {
        let unlocker = self.work.as_ref().and_then(|work| work.unlocker).map(|(id, _)| id);
        self.trouble = Some(trouble.into());
        for id in unlocker.into_iter().chain(self.drop_work(trouble)) {
            self.fail(id, trouble).await;
        }
    }

    /// Why nothing is answered while it is locked.
    pub(super) fn locked(&self) -> Trouble {
        Trouble::locked_by(self.trouble.as_ref())
    }

    /// The first login is done.
    pub(super) fn unlocked(&mut self) {
        self.ever_unlocked = true;
    }

    /// Ends the session in the journal where that can be done soon, then forgets everything. How many acts are lost.
    pub(super) async fn lock(&mut self) -> u32 {
        let Some(work) = &mut self.work else { return 0 };
        let lost = work.pending.unsent_count() as u32;
        if work.terminal.is_ready() {
            let id = work.errand(Command::Logout, Errand::Logout);
            let logged_out = async {
                loop {
                    match work.terminal.next().await {
                        News::Event(Event::Done(of, _) | Event::Failed(of, _)) if of == id => return,
                        News::Event(_) => {}
                        News::Lost(_) => return,
                    }
                }
            };
            let _ = tokio::time::timeout(LOGOUT_TIMEOUT, logged_out).await;
        }
        for id in self.drop_work(&Trouble::locked_before_sent()) {
            self.fail(id, &Trouble::locked()).await;
        }
        lost
    }

    /// The lock itself. Gives the connections whose command is lost.
    fn drop_work(&mut self, why: &Trouble) -> Vec<ConnectionId> {
        let Some(mut work) = self.work.take() else { return Vec::new() };
        // Told that we are gone, the server frees the place of this connection at once; there are few.
        work.terminal.hang_up();
        let (mut waiting, unheard) = work.pending.clear(&why.into());
        self.given_up.extend(unheard);
        bound(&mut self.given_up);
        waiting.extend(work.setting.take().map(|(id, _)| id));
        waiting.extend(work.awaiting.take().into_iter().map(|(id, _)| id));
        for (id, connection) in &mut self.connections {
            if connection.watching {
                connection.watching = false;
                waiting.push(*id);
            }
        }
        waiting
    }

    pub(super) fn used(&mut self) {
        self.used_at = Instant::now();
    }

    pub(super) fn lock_at(&self) -> Option<Instant> {
        self.work.as_ref()?;
        let limit = match (self.idle_asked_ms, self.idle_policy_ms) {
            (Some(asked), Some(policy)) => asked.min(policy),
            (asked, policy) => asked.or(policy).unwrap_or(BEFORE_POLICY_MS),
        };
        let limit = if self.must_set_password { limit.min(NEW_PASSWORD_MS) } else { limit };
        Some(self.used_at + Duration::from_millis(limit))
    }

    pub(super) fn is_idle(&self) -> bool {
        self.lock_at().is_some_and(|at| at <= Instant::now())
    }
}
