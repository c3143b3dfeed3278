//! Where an erasure and whoever takes a backup away wait for each other, under the policy that wants a backup first.
//! Never keeps an erasure from going on for longer than a named limit once its tree is written.
//!
//! ```text
//! writer   an erasure waits ──────── claim ── (b) ── written ─────────────── (c) (d) (e)
//! puller   all is taken ── next ────────────────────► hold, take, manifest ── safe
//! ```
//! The state behind (b) opens with the root before and with the root after: once it lies with the puller, the disk may
//! be lost at any moment of (c) to (e) and nothing but what is to be erased is lost.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So long a written tree waits for its backup. Nothing else is written meanwhile: it is the time of a few MiB.
pub(crate) const TAKE_TIMEOUT: Duration = Duration::from_secs(30);
/// So long a puller who has all waits for the erasure to begin.
pub(crate) const BEGIN_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nobody is here who has everything.
    Closed,
    /// A puller has everything, and waits.
    Ready,
    /// The writer is at (b).
    Writing,
    /// (b) is durable; the puller takes it.
    Written,
}

struct Told {
    /// Erasures wait for a backup.
    waits: bool,
    stage: Stage,
    /// What was written last lies with a puller.
    safe: bool,
}

/// See the module.
pub(crate) struct Gate {
    told: Mutex<Told>,
    changed: Condvar,
}

impl Gate {
    pub(crate) fn new() -> Self {
        let told = Told { waits: false, stage: Stage::Closed, safe: false };
        Self { told: Mutex::new(told), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The writer: erasures wait for a backup, or none does.
    pub(crate) fn waits(&self, waits: bool) {
        let mut told = self.lock();
        told.waits = waits;
        if !waits && told.stage == Stage::Ready {
            told.stage = Stage::Closed;
        }
        self.changed.notify_all();
    }

    /// The writer: may an epoch begin? Then the puller waits for [`Self::written`].
    pub(crate) fn claim(&self) -> bool {
        let mut told = self.lock();
        let is_ready = told.stage == Stage::Ready;
        if is_ready {
            told.stage = Stage::Writing;
        }
        is_ready
    }

    /// The writer: no tree was written, for want of room; the epoch is begun again.
    pub(crate) fn not_begun(&self) {
        let mut told = self.lock();
        if told.stage == Stage::Writing {
            told.stage = Stage::Ready;
        }
        self.changed.notify_all();
    }

    /// The writer: (b) is durable. Waits until it lies with the puller; `false` when he went away or took too long.
    pub(crate) fn written(&self, limit: Duration) -> bool {
        let mut told = self.lock();
        if told.stage != Stage::Writing {
            return false;
        }
        (told.stage, told.safe) = (Stage::Written, false);
        self.changed.notify_all();
        let waited = self.changed.wait_timeout_while(told, limit, |told| told.stage == Stage::Written);
        let (mut told, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if told.stage == Stage::Written {
            told.stage = Stage::Closed;
        }
        told.safe
    }

    /// The puller has everything. `true`: a newer state is to be taken now, and an erasure waits until it is safe.
    pub(crate) fn next(&self, limit: Duration) -> bool {
        let mut told = self.lock();
        if !told.waits {
            return false;
        }
        told.stage = Stage::Ready;
        let deadline = Instant::now() + limit;
        loop {
            match told.stage {
                Stage::Written => return true,
                Stage::Closed => return false,
                Stage::Ready if Instant::now() >= deadline => {
                    told.stage = Stage::Closed;
                    return false;
                }
                Stage::Ready | Stage::Writing => {}
            }
            let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            told = self.changed.wait_timeout(told, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The puller: what was written lies with him, durable.
    pub(crate) fn safe(&self) {
        let mut told = self.lock();
        if told.stage == Stage::Written {
            (told.stage, told.safe) = (Stage::Closed, true);
        }
        self.changed.notify_all();
    }

    /// The puller is gone.
    pub(crate) fn gone(&self) {
        self.lock().stage = Stage::Closed;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn an_erasure_goes_on_when_its_tree_lies_with_the_puller() {
        let gate = Arc::new(Gate::new());
        assert!(!gate.next(LONG), "nothing waits");
        gate.waits(true);
        assert!(!gate.claim(), "nobody has everything");
        let puller = {
            let gate = Arc::clone(&gate);
            std::thread::spawn(move || {
                assert!(gate.next(LONG));
                gate.safe();
                assert!(!gate.next(LONG), "nothing more waits");
            })
        };
        while !gate.claim() {
            std::thread::yield_now();
        }
        assert!(gate.written(LONG));
        gate.waits(false);
        puller.join().unwrap();
    }

    #[test]
    fn an_erasure_that_found_no_room_keeps_nobody_waiting_and_is_begun_again() {
        let gate = Arc::new(Gate::new());
        gate.waits(true);
        let there = Arc::clone(&gate);
        let puller = std::thread::spawn(move || {
            assert!(there.next(LONG));
            there.safe();
        });
        while !gate.claim() {
            std::thread::yield_now();
        }
        gate.not_begun();
        assert!(gate.claim(), "he is still there");
        assert!(gate.written(LONG));
        puller.join().unwrap();
        let there = Arc::clone(&gate);
        let puller = std::thread::spawn(move || there.next(Duration::from_millis(1)));
        while !gate.claim() {
            if puller.is_finished() {
                break;
            }
            std::thread::yield_now();
        }
        gate.not_begun();
        assert!(!puller.join().unwrap(), "and no longer than he would be");
        gate.not_begun();
        assert!(!gate.claim(), "nobody is there");
    }

    #[test]
    fn who_goes_away_or_dawdles_is_not_waited_for() {
        let gate = Arc::new(Gate::new());
        gate.waits(true);
        let begun = |gate: &Arc<Gate>| {
            let there = Arc::clone(gate);
            let puller = std::thread::spawn(move || there.next(LONG));
            while !gate.claim() {
                std::thread::yield_now();
            }
            puller
        };
        let puller = begun(&gate);
        assert!(!gate.written(Duration::ZERO), "too long");
        puller.join().unwrap();
        let puller = begun(&gate);
        gate.gone();
        assert!(!puller.join().unwrap());
        assert!(!gate.written(LONG), "gone before the tree was written");
        let puller = begun(&gate);
        let there = Arc::clone(&gate);
        let leaves = std::thread::spawn(move || {
            assert!(puller.join().unwrap());
            there.gone();
        });
        assert!(!gate.written(LONG), "gone before he had it");
        leaves.join().unwrap();
        gate.safe();
        assert!(!gate.claim(), "a late word is none");
        assert!(!gate.next(Duration::ZERO), "nobody begins");
        assert!(!gate.claim());
    }
}
