//! Power cuts and device faults at a chosen operation, from a seed.
//! Reads always see the newest write; what survives a cut is drawn sector by sector. What outlives a killed process is
//! all that the cache shows, whether the medium has it or not. For tests only.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::device::{Device, MemoryDevice, SECTOR, check_range};

/// What happens at the chosen operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The machine is dead from here on; the operation itself may have happened in part.
    PowerCut,
    /// This one operation fails, nothing of it happened, the device lives on.
    Eio,
    /// From here on writes find no space: a container on a full filesystem, a device shorter than it says.
    NoSpace,
}

/// Counts operations over several devices (the store and the cell), so that a cut may fall on any of them.
pub struct CrashClock {
    done: AtomicU64,
    at: u64,
    fault: Fault,
}

/// What an operation learns from the clock.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Do it.
    Do,
    /// It is in flight while the power goes: it may survive in part.
    InFlight,
    /// Nothing of it happens.
    Refused,
    /// A write of new bytes finds no space; everything else is done.
    NoSpace,
}

impl CrashClock {
    /// The fault falls on operation `at`, counted from 0. `u64::MAX` never comes.
    pub fn new(at: u64, fault: Fault) -> Arc<Self> {
        Arc::new(Self { done: AtomicU64::new(0), at, fault })
    }

    /// Counts one operation.
    pub fn turn(&self) -> Turn {
        let number = self.done.fetch_add(1, Ordering::SeqCst);
        match self.fault {
            Fault::PowerCut if number == self.at => Turn::InFlight,
            Fault::PowerCut if number > self.at => Turn::Refused,
            Fault::Eio if number == self.at => Turn::Refused,
            Fault::NoSpace if number >= self.at => Turn::NoSpace,
            Fault::PowerCut | Fault::Eio | Fault::NoSpace => Turn::Do,
        }
    }

    /// Operations so far.
    pub fn operations(&self) -> u64 {
        self.done.load(Ordering::SeqCst)
    }

    /// Has the fault come?
    pub fn has_struck(&self) -> bool {
        self.operations() > self.at
    }
}

#[derive(Clone)]
struct Medium {
    durable: Vec<u8>,
    /// Unsynced versions of each sector, oldest first.
    pending: BTreeMap<usize, Vec<[u8; SECTOR]>>,
    /// Read back as if written, but no later sync brings them to the medium: what Linux does after a failed fsync.
    forgotten: BTreeMap<usize, [u8; SECTOR]>,
}

/// A device in memory that loses what was not synced.
pub struct CrashingDevice {
    medium: Mutex<Medium>,
    clock: Arc<CrashClock>,
}

impl CrashingDevice {
    /// Starts from a medium's bytes.
    pub fn new(durable: Vec<u8>, clock: Arc<CrashClock>) -> Self {
        let medium = Medium { durable, pending: BTreeMap::new(), forgotten: BTreeMap::new() };
        Self { medium: Mutex::new(medium), clock }
    }

    /// What the medium holds after the cut: each unsynced sector is old or any of its unsynced versions.
    pub fn after_power_cut(&self, seed: u64) -> Vec<u8> {
        let medium = self.medium.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = medium.durable.clone();
        let mut draw = Draw(seed);
        // Some cuts lose nothing or everything: both ends deserve more than chance would give them.
        let mode = draw.next() % 4;
        for (sector, versions) in &medium.pending {
            let chosen = match mode {
                0 => 0,
                1 => versions.len(),
                _ => draw.next() as usize % (versions.len() + 1),
            };
            if chosen > 0 {
                bytes[sector * SECTOR..(sector + 1) * SECTOR].copy_from_slice(&versions[chosen - 1]);
            }
        }
        bytes
    }

    /// What the next process finds after a kill -9, its faults by another clock: everything reads as it was written, and
    /// what was not synced is still not on the medium.
    pub fn after_kill(&self, clock: Arc<CrashClock>) -> Self {
        let medium = self.medium.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Self { medium: Mutex::new(medium), clock }
    }

    /// The medium as a device without faults.
    pub fn restarted(&self, seed: u64) -> MemoryDevice {
        MemoryDevice::from_bytes(self.after_power_cut(seed))
    }
}

/// SplitMix64: only chooses what survives.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

fn refused() -> io::Error {
    io::Error::other("injected device fault")
}

impl Device for CrashingDevice {
    fn length(&self) -> u64 {
        self.medium.lock().unwrap_or_else(PoisonError::into_inner).durable.len() as u64
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let medium = self.medium.lock().unwrap_or_else(PoisonError::into_inner);
        check_range(medium.durable.len() as u64, offset, buffer.len())?;
        let start = offset as usize;
        buffer.copy_from_slice(&medium.durable[start..start + buffer.len()]);
        let sectors = start / SECTOR..(start + buffer.len()) / SECTOR;
        for (sector, newest) in medium.forgotten.range(sectors.clone()) {
            let at = sector * SECTOR - start;
            buffer[at..at + SECTOR].copy_from_slice(newest);
        }
        for (sector, versions) in medium.pending.range(sectors) {
            if let Some(newest) = versions.last() {
                let at = sector * SECTOR - start;
                buffer[at..at + SECTOR].copy_from_slice(newest);
            }
        }
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let turn = self.clock.turn();
        match turn {
            Turn::Do | Turn::InFlight => {}
            Turn::Refused => return Err(refused()),
            Turn::NoSpace => return Err(io::ErrorKind::StorageFull.into()),
        }
        let mut medium = self.medium.lock().unwrap_or_else(PoisonError::into_inner);
        check_range(medium.durable.len() as u64, offset, bytes.len())?;
        for (number, sector) in bytes.as_chunks::<SECTOR>().0.iter().enumerate() {
            let place = offset as usize / SECTOR + number;
            medium.forgotten.remove(&place);
            medium.pending.entry(place).or_default().push(*sector);
        }
        if turn == Turn::InFlight { Err(refused()) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<()> {
        let turn = self.clock.turn();
        let mut medium = self.medium.lock().unwrap_or_else(PoisonError::into_inner);
        let Medium { durable, pending, forgotten } = &mut *medium;
        if matches!(turn, Turn::InFlight | Turn::Refused) {
            if self.clock.fault == Fault::Eio {
                let newest = |(sector, versions): (usize, Vec<_>)| Some((sector, *versions.last()?));
                forgotten.extend(std::mem::take(pending).into_iter().filter_map(newest));
            }
            return Err(refused());
        }
        for (sector, versions) in std::mem::take(pending) {
            if let Some(newest) = versions.last() {
                durable[sector * SECTOR..(sector + 1) * SECTOR].copy_from_slice(newest);
            }
        }
        Ok(())
    }

    fn discard(&self, offset: u64, length: u64) -> io::Result<()> {
        self.write(offset, &vec![0; length as usize])
    }
}
