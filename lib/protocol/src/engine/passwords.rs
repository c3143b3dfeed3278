//! Passwords on their way to the worker that may open them: few at once, a bounded queue behind.
//! Never sees a password: only sealed bytes pass.

use crate::io::{CheckPassword, Output, SessionId, Ticket};
use crate::limits::{PASSWORD_CHECKS_MAX, PASSWORD_CHECKS_WAITING_MAX};
use journal::statement::VerifiedStatement;
use std::collections::{HashMap, VecDeque};

/// What waits for the worker's word.
pub(super) enum Job {
    /// A Login; the session may be gone when the word comes, a wrong password counts all the same.
    Login { session: SessionId, peer: super::session::Peer, login: Box<VerifiedStatement> },
    /// A SetPassword of a live session.
    NewPassword { session: SessionId },
}

impl Job {
    fn output(&self, check: CheckPassword) -> Output {
        match self {
            Self::Login { .. } => Output::CheckPassword(check),
            Self::NewPassword { .. } => Output::MakeVerifier(check),
        }
    }
}

/// No room in the queue.
pub(super) struct Full;

#[derive(Default)]
pub(super) struct PasswordDesk {
    running: HashMap<Ticket, Job>,
    waiting: VecDeque<(Job, CheckPassword)>,
}

impl PasswordDesk {
    pub(super) fn offer(
        &mut self,
        job: Job,
        check: CheckPassword,
        out: &mut Vec<Output>,
    ) -> Result<(), Full> {
        if self.waiting.len() >= PASSWORD_CHECKS_WAITING_MAX {
            return Err(Full);
        }
        self.waiting.push_back((job, check));
        self.go_on(out);
        Ok(())
    }

    /// The worker is done with a ticket; the next one begins.
    pub(super) fn finish(&mut self, ticket: Ticket, out: &mut Vec<Output>) -> Option<Job> {
        let job = self.running.remove(&ticket);
        self.go_on(out);
        job
    }

    fn go_on(&mut self, out: &mut Vec<Output>) {
        while self.running.len() < PASSWORD_CHECKS_MAX
            && let Some((job, check)) = self.waiting.pop_front()
        {
            let ticket = check.ticket;
            out.push(job.output(check));
            self.running.insert(ticket, job);
        }
    }
}
