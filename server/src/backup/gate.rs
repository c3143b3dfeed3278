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
/// So long a puller who has all waits for the erasure to begin: for the pace of the slowest cell, and as long again, since that
/// counts from the end of the epoch before.
pub(crate) const BEGIN_TIMEOUT: Duration = Duration::from_secs(65);

const _: () = assert!(BEGIN_TIMEOUT.as_millis() >= 2 * vault::PACE_MS_MAX as u128);

/// What a puller who has everything does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// He takes the newer state: an erasure waits for it.
    Take,
    /// He is done: nothing waits.
    Done,
    /// He is done for now: what waits does not begin.
    Waits,
}

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
    /// The last puller let a written tree wait too long.
    dawdled: bool,
}

/// See the module.
pub(crate) struct Gate {
    told: Mutex<Told>,
    changed: Condvar,
}

impl Gate {
    pub(crate) fn new() -> Self {
        let told = Told { waits: false, stage: Stage::Closed, safe: false, dawdled: false };
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
            (told.stage, told.dawdled) = (Stage::Closed, true);
        }
        told.safe
    }

    /// Did the last puller let a written tree wait too long? Once; for whoever decides who may be the next.
    pub(crate) fn has_dawdled(&self) -> bool {
        std::mem::take(&mut self.lock().dawdled)
    }

    /// Does an erasure wait for a backup?
    pub(crate) fn is_waited_at(&self) -> bool {
        self.lock().waits
    }

    /// The puller has everything. With [`Next::Take`] an erasure waits until what he takes now is safe.
    pub(crate) fn next(&self, limit: Duration) -> Next {
        let mut told = self.lock();
        if !told.waits {
            return Next::Done;
        }
        told.stage = Stage::Ready;
        // A limit beyond the clock's end is none.
        let deadline = Instant::now().checked_add(limit);
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            match told.stage {
                Stage::Written => return Next::Take,
                Stage::Closed if told.waits => return Next::Waits,
                Stage::Closed => return Next::Done,
                Stage::Ready if left == Some(Duration::ZERO) => {
                    told.stage = Stage::Closed;
                    return Next::Waits;
                }
                Stage::Ready | Stage::Writing => {}
            }
            let left = left.unwrap_or(limit).max(Duration::from_millis(1));
            told = self.changed.wait_timeout(told, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The puller: what was written lies with him, durable. `false`: nobody waited for that any more.
    pub(crate) fn safe(&self) -> bool {
        let mut told = self.lock();
        let is_waited_for = told.stage == Stage::Written;
        if is_waited_for {
            (told.stage, told.safe) = (Stage::Closed, true);
        }
        self.changed.notify_all();
        is_waited_for
    }

    /// The puller is gone.
    pub(crate) fn gone(&self) {
        let mut told = self.lock();
        (told.stage, told.dawdled) = (Stage::Closed, false);
        drop(told);
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const LONG: Duration = Duration::from_secs(60);

    /// Claims as soon as somebody is there.
    fn claim(gate: &Gate) {
        while !gate.claim() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn an_erasure_goes_on_when_its_tree_lies_with_the_puller() {
        let gate = Arc::new(Gate::new());
        assert_eq!(gate.next(LONG), Next::Done, "nothing waits");
        gate.waits(true);
        assert!(!gate.claim(), "nobody has everything");
        let puller = {
            let gate = Arc::clone(&gate);
            std::thread::spawn(move || {
                assert_eq!(gate.next(LONG), Next::Take);
                assert!(gate.safe());
                assert_eq!(gate.next(LONG), Next::Done, "nothing more waits");
            })
        };
        claim(&gate);
        assert!(gate.written(LONG));
        gate.waits(false);
        puller.join().unwrap();
        assert!(!gate.has_dawdled());
    }

    #[test]
    fn an_erasure_that_found_no_room_keeps_nobody_waiting_and_is_begun_again() {
        let gate = Arc::new(Gate::new());
        gate.waits(true);
        let there = Arc::clone(&gate);
        let puller = std::thread::spawn(move || {
            assert_eq!(there.next(LONG), Next::Take);
            assert!(there.safe());
            there.next(Duration::ZERO)
        });
        claim(&gate);
        gate.not_begun();
        assert!(gate.claim(), "he is still there");
        assert!(gate.written(LONG));
        // The next one does not begin in his time.
        assert_eq!(puller.join().unwrap(), Next::Waits);
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
            claim(gate);
            puller
        };
        let puller = begun(&gate);
        assert!(!gate.written(Duration::ZERO), "too long");
        puller.join().unwrap();
        assert!(gate.has_dawdled() && !gate.has_dawdled(), "told once");
        let puller = begun(&gate);
        gate.gone();
        assert_eq!(puller.join().unwrap(), Next::Waits);
        assert!(!gate.written(LONG), "gone before the tree was written");
        let puller = begun(&gate);
        let there = Arc::clone(&gate);
        let leaves = std::thread::spawn(move || {
            assert_eq!(puller.join().unwrap(), Next::Take);
            there.gone();
        });
        assert!(!gate.written(LONG), "gone before he had it");
        leaves.join().unwrap();
        assert!(!gate.has_dawdled(), "who leaves may come again");
        assert!(!gate.safe() && !gate.claim(), "a late word is none");
        assert_eq!(gate.next(Duration::ZERO), Next::Waits, "nobody begins");
        assert!(!gate.claim());
    }
}
