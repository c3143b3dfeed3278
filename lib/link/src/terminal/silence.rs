//! Whether the other end is still there: something comes in answer to each sign of life of ours.
//! Never reads a clock: it counts looks, which the terminal takes at a steady pace while it waits. A terminal that slept
//! itself has looked once.

use super::TICK;
use crate::transport::KEEP_ALIVE_MS;

/// So many looks in a row at which nothing had come, and nobody is there. A sign of life has then stayed unanswered, with
/// all its repetitions, for at least as long as one of them takes to be due.
const LOOKS_MAX: u32 = 4;
const _: () = assert!(
    LOOKS_MAX as u64 * TICK.as_millis() as u64 >= 2 * KEEP_ALIVE_MS,
    "one sign of life that was lost is no silence"
);

/// See the module.
#[derive(Default)]
pub(super) struct Silence {
    heard: u64,
    looks: u32,
}

impl Silence {
    /// A look: `heard` counts what came from the other end. Whether it is gone.
    pub(super) fn look(&mut self, heard: u64) -> bool {
        self.looks = if std::mem::replace(&mut self.heard, heard) == heard { self.looks + 1 } else { 0 };
        self.looks >= LOOKS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_answers_now_and_then_is_there_and_who_answers_nothing_is_gone() {
        let mut silence = Silence::default();
        for heard in [1, 1, 2, 2, 2, 2, 3, 3, 3, 3] {
            assert!(!silence.look(heard));
        }
        assert!(silence.look(3));
        assert!(!silence.look(4), "and is back");
    }
}
