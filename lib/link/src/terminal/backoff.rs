//! How long a terminal waits before it tries to connect again.
//! Never gives up by itself: whoever asks for a delay decides that.

use std::time::Duration;

/// The first wait.
pub const FIRST_MS: u64 = 250;
/// The longest wait.
pub const LONGEST_MS: u64 = 15_000;

/// Waits that double up to a limit, each cut at random: a thousand terminals do not knock in the same moment.
#[derive(Debug)]
pub struct Backoff {
    next_ms: u64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next_ms: FIRST_MS }
    }
}

impl Backoff {
    /// The next wait: between half of it and the whole, by 32 random bits.
    pub fn delay(&mut self, random: u32) -> Duration {
        let whole = self.next_ms;
        self.next_ms = (whole * 2).min(LONGEST_MS);
        let half = whole / 2;
        Duration::from_millis(half + ((u64::from(random) * (whole - half)) >> 32))
    }

    /// A session stands: the next loss begins anew.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit_and_begin_anew() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.delay(0).as_millis(), 125);
        assert_eq!(backoff.delay(u32::MAX).as_millis(), 499);
        let longest = (0..20).map(|_| backoff.delay(u32::MAX)).max().unwrap();
        assert!(longest <= Duration::from_millis(LONGEST_MS));
        assert!(longest > Duration::from_millis(LONGEST_MS - 2));
        backoff.succeeded();
        assert_eq!(backoff.delay(0).as_millis(), 125);
    }
}
