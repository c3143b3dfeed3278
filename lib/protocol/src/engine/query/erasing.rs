//! What is being erased, for whoever asks: how much, and why it waits. Never what it is.

use crate::engine::Engine;
use crate::erasing::{ErasingRecord, ErasureWait};

impl Engine {
    /// What is being erased. What it waits for is the writer's word; where it said none yet, the policy's.
    pub(super) fn erasing(&self) -> ErasingRecord {
        let pending = || self.ledger.register.erasures_pending().map(|(index, _)| index);
        let (count, first) = (pending().count() as u64, pending().min());
        let wait = match (first, self.erasure_wait) {
            (None, _) => ErasureWait::Nothing,
            (Some(_), ErasureWait::Nothing) if self.backup_required() => ErasureWait::Backup,
            (Some(_), told) => told,
        };
        ErasingRecord { count, first, wait }
    }
}
