//! A cell in memory for tests: shared by the lives of one simulated machine, and torn by its power cuts.

use std::sync::{Arc, Mutex, PoisonError};

use disk::{CrashClock, Turn};
use zeroize::Zeroizing;

use crate::cell::{CellError, CellKind, CellSlot, RootCell};

/// Records that outlive a simulated power cut.
pub type CellRecords = Arc<Mutex<[Vec<u8>; 3]>>;

/// The cell.
pub struct MemoryCell {
    records: CellRecords,
    clock: Option<Arc<CrashClock>>,
}

impl MemoryCell {
    /// A cell over shared records; with a clock its operations count among those that a power cut may fall on.
    pub fn new(records: CellRecords, clock: Option<Arc<CrashClock>>) -> Self {
        Self { records, clock }
    }

    fn put(&mut self, slot: CellSlot, record: &[u8]) -> Result<(), CellError> {
        let turn = self.clock.as_ref().map_or(Turn::Do, |clock| clock.turn());
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let stored = &mut records[slot.index()];
        match turn {
            Turn::Do | Turn::NoSpace => *stored = record.to_vec(),
            Turn::Refused => return Err(std::io::Error::other("injected cell fault").into()),
            Turn::InFlight => {
                // Half of the new and the rest as it was; all of it; nothing. The record's last byte, of its MAC, is as good
                // as a die: the number of the operation alone would give each story one outcome for ever.
                let half = record.len() / 2;
                let turn = self.clock.as_ref().map_or(0, |clock| clock.operations());
                match (turn + record.last().copied().map_or(0, u64::from)) % 3 {
                    0 if !record.is_empty() => {
                        stored.resize(stored.len().max(record.len()), 0);
                        stored[..half].copy_from_slice(&record[..half]);
                    }
                    1 => *stored = record.to_vec(),
                    _ => {}
                }
                return Err(std::io::Error::other("power cut").into());
            }
        }
        Ok(())
    }
}

impl RootCell for MemoryCell {
    fn kind(&self) -> CellKind {
        CellKind::Memory
    }

    fn read(&self, slot: CellSlot) -> Result<Zeroizing<Vec<u8>>, CellError> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Zeroizing::new(records[slot.index()].clone()))
    }

    fn is_blank(&self, spared: Option<CellSlot>) -> Result<bool, CellError> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(CellSlot::ALL.iter().all(|slot| Some(*slot) == spared || records[slot.index()].is_empty()))
    }

    fn write(&mut self, slot: CellSlot, record: &[u8]) -> Result<(), CellError> {
        self.put(slot, record)
    }

    fn destroy(&mut self, slot: CellSlot) -> Result<(), CellError> {
        self.put(slot, &[])
    }
}
