//! Reads under way, told apart by the mask under which they found their key: an erasure is not over before the last of
//! those that began under the former one. Never touches a device.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Those that began under one mask.
#[derive(Default)]
pub(crate) struct Reads {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    under_way: usize,
    /// An erasure waits until there are none.
    awaited: bool,
}

/// One of them, until it is dropped.
pub(crate) struct Reading(Arc<Reads>);

impl Reads {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more.
    pub(crate) fn begin(self: &Arc<Self>) -> Reading {
        self.state().under_way += 1;
        Reading(Arc::clone(self))
    }

    /// Returns when none is under way. None begins meanwhile: the tree gives out other ones.
    pub(crate) fn wait_for_all(&self) {
        let mut state = self.state();
        state.awaited = true;
        while state.under_way > 0 {
            state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Does an erasure wait for these?
    #[cfg(test)]
    pub(crate) fn are_awaited(&self) -> bool {
        self.state().awaited
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.under_way -= 1;
        if state.awaited {
            self.0.ended.notify_all();
        }
    }
}
