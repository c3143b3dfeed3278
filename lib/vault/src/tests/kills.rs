//! A killed process, a start over what only the cache has, and then a power cut: what was read at that start may never have
//! been on the medium. Device and cell both show the newest write and keep what was synced.

use super::crash::{all_is_kept, clone_of, day, prepared};
use super::*;
use crate::{CellError, CellKind, CellSlot, RootCell};
use zeroize::Zeroizing;

/// A cell behind a cache: a file, or a sector of a drive that answers before it has written.
struct CachedCell {
    /// What reads give.
    shown: CellRecords,
    /// What a power cut leaves.
    durable: CellRecords,
    clock: Arc<CrashClock>,
}

/// Does this operation happen, and is the caller told so?
fn turn(clock: &CrashClock, die: u8) -> (bool, Result<(), CellError>) {
    let fault = || Err(CellError::Io(std::io::Error::other("killed, or the power went")));
    match clock.turn() {
        disk::Turn::Do | disk::Turn::NoSpace => (true, Ok(())),
        disk::Turn::InFlight => (die.is_multiple_of(2), fault()),
        disk::Turn::Refused => (false, fault()),
    }
}

impl CachedCell {
    /// A write, which a cache takes, and a sync of everything, as a file has them.
    fn put(&self, slot: CellSlot, record: &[u8]) -> Result<(), CellError> {
        let die = record.last().copied().unwrap_or_default() ^ self.clock.operations() as u8;
        let (happens, told) = turn(&self.clock, die);
        if happens {
            self.shown.lock().unwrap()[slot.index()] = record.to_vec();
        }
        told?;
        let (happens, told) = turn(&self.clock, die);
        if happens {
            *self.durable.lock().unwrap() = self.shown.lock().unwrap().clone();
        }
        told
    }
}

impl RootCell for CachedCell {
    fn kind(&self) -> CellKind {
        CellKind::File
    }
    fn read(&self, slot: CellSlot) -> Result<Zeroizing<Vec<u8>>, CellError> {
        Ok(Zeroizing::new(self.shown.lock().unwrap()[slot.index()].clone()))
    }
    fn is_blank(&self, spared: Option<CellSlot>) -> Result<bool, CellError> {
        MemoryCell::new(self.shown.clone(), None).is_blank(spared)
    }
    fn write(&mut self, slot: CellSlot, record: &[u8]) -> Result<(), CellError> {
        self.put(slot, record)
    }
    fn settle(&mut self) -> Result<(), CellError> {
        let (happens, told) = turn(&self.clock, 0);
        if happens {
            *self.durable.lock().unwrap() = self.shown.lock().unwrap().clone();
        }
        told
    }
    fn destroy(&mut self, slot: CellSlot) -> Result<(), CellError> {
        self.put(slot, &[])
    }
}

/// What each record is after a power cut: as it was synced last, as it was shown, or torn between the two.
fn cell_after_power_cut(shown: &CellRecords, durable: &CellRecords, seed: u64) -> CellRecords {
    let (shown, durable, mut die) = (shown.lock().unwrap(), durable.lock().unwrap(), rng(seed));
    Arc::new(Mutex::new(std::array::from_fn(|slot| match die.next_u64() % 3 {
        0 => durable[slot].clone(),
        1 => shown[slot].clone(),
        _ => {
            let mut torn = durable[slot].clone();
            torn.resize(torn.len().max(shown[slot].len()), 0);
            let half = shown[slot].len() / 2;
            torn[..half].copy_from_slice(&shown[slot][..half]);
            if shown[slot] == durable[slot] { shown[slot].clone() } else { torn }
        }
    })))
}

fn open(world: &World, machine: &Machine, durable: &CellRecords) -> Result<Vault, Error> {
    let (shown, durable) = (world.records.clone(), durable.clone());
    let cell = Box::new(CachedCell { shown, durable, clock: machine.clock.clone() });
    Ok(Vault::open(machine.recording.clone(), cell, LIMITS, &mut rng(5))?.0)
}

/// The machine as the next process finds it.
fn after_kill(machine: &Machine, clock: Arc<CrashClock>) -> Machine {
    let crashing = Arc::new(machine.crashing.after_kill(clock.clone()));
    let recording = Arc::new(RecordingDevice::new(crashing.clone(), machine.recording.writes()));
    Machine { crashing, recording, clock }
}

/// What the stories met.
#[derive(Default)]
struct Met {
    kills: AtomicU64,
    /// Second lives that went on over what the first had left in the cache, and of these the ones that the cut ended.
    started: AtomicU64,
    cuts: AtomicU64,
}

/// Killed at one operation, without power at another of the life behind it.
fn killed_then_cut(start: &World, seed: u64, kill: u64, cut: u64, met: &Met) {
    let story = format!("seed {seed}, killed at operation {kill}, power cut at {cut}");
    let mut world = clone_of(start);
    let durable = clone_of(start).records;
    let machine = world.machine(CrashClock::new(kill, Fault::PowerCut));
    if let Ok(mut vault) = open(&world, &machine, &durable) {
        let _ = day(&mut world, &mut vault, seed + kill);
    }
    met.kills.fetch_add(machine.clock.has_struck().into(), Ordering::Relaxed);
    let machine = after_kill(&machine, CrashClock::new(cut, Fault::PowerCut));
    match open(&world, &machine, &durable) {
        Ok(mut vault) => {
            world.check_live(&vault, &story);
            let _ = world.redo(&mut vault).and_then(|_| world.say(&mut vault, 777, 2));
            met.started.fetch_add(1, Ordering::Relaxed);
            met.cuts.fetch_add(machine.clock.has_struck().into(), Ordering::Relaxed);
        }
        Err(error) => assert!(machine.clock.has_struck(), "{story}: {error}"),
    }
    world.power_off(&machine, seed * 30_000 + cut);
    world.records = cell_after_power_cut(&world.records, &durable, seed * 50 + cut);
    all_is_kept(&mut world, (seed + cut).is_multiple_of(5), &story);
}

#[test]
fn what_only_a_cache_has_shown_to_a_start_is_made_durable_before_anything_rests_on_it() {
    let (told, met) = (stories(80, 5_000), Met::default());
    let count = 16 * told.end;
    all_of(told, |seed| {
        let seed = 5_000 + seed;
        let start = prepared(seed);
        let mut die = rng(seed);
        for _ in 0..16 {
            // A start alone takes few operations: those of the second life are the ones that matter.
            let (kill, cut) = (die.next_u64() % 45, die.next_u64() % 14);
            killed_then_cut(&start, seed, kill, cut, &met);
        }
    });
    let met = [&met.kills, &met.started, &met.cuts].map(|met| met.load(Ordering::Relaxed));
    assert!(met.iter().all(|met| *met > count / 4), "of {count} {met:?}");
}
