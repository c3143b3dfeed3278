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

    /// The session is gone: what it sent and no worker has looked at says nothing about anyone and is dropped, so that
    /// nobody fills the queue by connecting again and again.
    pub(super) fn forget(&mut self, gone: SessionId) {
        self.waiting.retain(|(job, _)| match job {
            Job::Login { session, .. } | Job::NewPassword { session } => *session != gone,
        });
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

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(desk: &mut PasswordDesk, session: SessionId, out: &mut Vec<Output>) -> Result<(), Full> {
        let (sealed, person) = (Vec::new().into(), pki::PersonId(1));
        let check = CheckPassword { ticket: session, person, sealed, statement: [0; 32], envelope: 0 };
        desk.offer(Job::NewPassword { session }, check, out)
    }

    #[test]
    fn few_run_at_once_some_wait_and_the_rest_is_turned_away() {
        let (mut desk, mut out) = (PasswordDesk::default(), Vec::new());
        let room = (PASSWORD_CHECKS_MAX + PASSWORD_CHECKS_WAITING_MAX) as u64;
        (0..room).for_each(|session| assert!(offer(&mut desk, session, &mut out).is_ok()));
        assert!(offer(&mut desk, room, &mut out).is_err());
        assert_eq!(out.len(), PASSWORD_CHECKS_MAX);
        desk.forget(room - 1);
        assert!(offer(&mut desk, room, &mut out).is_ok());
        assert!(desk.finish(0, &mut out).is_some());
        assert_eq!(out.len(), PASSWORD_CHECKS_MAX + 1);
        desk.forget(1);
        assert!(desk.finish(1, &mut out).is_some(), "what is under way ends");
    }
}
