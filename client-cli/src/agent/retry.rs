//! When it is tried again to connect. Who asks for something meanwhile may have it tried at once, one time in each wait.
//! Never lets those who ask make the tries more than twice as many as the waits: a script that asks without pause does
//! not knock without pause.

use link::terminal::Backoff;
use tokio::time::Instant;

/// See the module.
#[derive(Default)]
pub(super) struct Retry {
    backoff: Backoff,
    at: Option<Instant>,
    /// The wait that somebody did not want to wait for ends then; it is waited out once the early try has failed.
    hurried: Option<Instant>,
}

impl Retry {
    /// A try failed, or a connection is lost: the next one comes in a while. `random`: 32 random bits.
    pub(super) fn later(&mut self, now: Instant, random: u32) {
        self.hurried.take_if(|until| *until <= now);
        self.at = Some(self.hurried.unwrap_or_else(|| now + self.backoff.delay(random)));
    }

    /// Whether to try now what was put off.
    pub(super) fn hurry(&mut self) -> bool {
        if self.hurried.is_none() {
            self.hurried = self.at;
            return self.at.is_some();
        }
        false
    }

    /// A try is under way.
    pub(super) fn begun(&mut self) {
        self.at = None;
    }

    /// When the next one is due.
    pub(super) fn at(&self) -> Option<Instant> {
        self.at
    }

    /// A session stands: the next loss begins anew.
    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_without_pause_hurries_each_wait_once() {
        let (mut retry, mut now) = (Retry::default(), Instant::now());
        assert!(!retry.hurry(), "nothing is put off");
        for wait in 0..6 {
            retry.later(now, 0);
            let until = retry.at().unwrap();
            assert!(until > now && retry.hurry(), "wait {wait}: the first who asks is served");
            retry.begun();
            assert!(!retry.hurry(), "a try is under way");
            // It fails at once: the same wait goes on, and nobody hurries it again.
            retry.later(now, u32::MAX);
            assert_eq!(retry.at(), Some(until), "wait {wait}");
            assert!(!retry.hurry() && !retry.hurry());
            retry.begun();
            now = until;
        }
        let grown = now;
        retry.later(now, 0);
        assert!(retry.at().unwrap() - grown >= std::time::Duration::from_secs(4), "waits grow all the same");
    }

    #[test]
    fn an_early_try_that_takes_longer_than_the_wait_is_followed_by_a_new_one() {
        let (mut retry, now) = (Retry::default(), Instant::now());
        retry.later(now, 0);
        let until = retry.at().unwrap();
        assert!(retry.hurry());
        retry.begun();
        retry.later(until, 0);
        assert!(retry.at().is_some_and(|at| at > until) && retry.hurry());
        retry.begun();
        retry.succeeded();
        retry.later(until, 0);
        assert!(retry.hurry(), "a session stood in between");
    }
}
