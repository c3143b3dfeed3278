//! What is being erased and how much room there is, for whoever asks. Never what it is that goes.

use crate::engine::Engine;
use crate::erasing::{ErasingRecord, ErasureWait};

impl Engine {
    /// Bytes that files may still take.
    pub fn left_for_files(&self) -> u64 {
        self.room.left_for_files(self.promised())
    }

    /// What is being erased. What it waits for is the writer's word; where it said none yet, the policy's.
    pub(super) fn erasing(&self) -> ErasingRecord {
        let pending = || self.ledger.register.erasures_pending().map(|(index, _)| index);
        let (count, first) = (pending().count() as u64, pending().min());
        let wait = match (first, self.erasure_wait) {
            (None, _) => ErasureWait::Nothing,
            (Some(_), ErasureWait::Nothing) if self.backup_required() => ErasureWait::Backup,
            (Some(_), told) => told,
        };
        ErasingRecord { count, first, wait, epoch: self.ledger.register.erasure_epoch() }
    }
}
