//! Paces, gates and cells that are away, by a clock that the tests turn.

use super::absent::{ANSWER_EVERY, LOOK_AFTER_EVERY};
use super::*;
use crate::erasure::{self, Ran, TARGETS_MAX};
use crate::log::Level;
use std::sync::atomic::{AtomicBool, Ordering};
use vault::{CellAt, CellError, CellKind, CellRecords, CellSlot, Keeper, Limits, MemoryCell, RootCell};
use zeroize::Zeroizing;

/// A cell that wears.
struct Slow(MemoryCell);

impl RootCell for Slow {
    fn kind(&self) -> CellKind {
        self.0.kind()
    }
    fn read(&self, slot: CellSlot) -> Result<Zeroizing<Vec<u8>>, CellError> {
        self.0.read(slot)
    }
    fn is_blank(&self, spared: Option<CellSlot>) -> Result<bool, CellError> {
        self.0.is_blank(spared)
    }
    fn write(&mut self, slot: CellSlot, record: &[u8]) -> Result<(), CellError> {
        self.0.write(slot, record)
    }
    fn destroy(&mut self, slot: CellSlot) -> Result<(), CellError> {
        self.0.destroy(slot)
    }
    fn pace_ms(&self) -> u64 {
        30_000
    }
}

/// A cell whose board may die.
struct Mortal(MemoryCell, Arc<AtomicBool>);

impl RootCell for Mortal {
    fn kind(&self) -> CellKind {
        self.0.kind()
    }
    fn read(&self, slot: CellSlot) -> Result<Zeroizing<Vec<u8>>, CellError> {
        if self.1.load(Ordering::Relaxed) {
            return Err(std::io::Error::other("dead").into());
        }
        self.0.read(slot)
    }
    fn is_blank(&self, spared: Option<CellSlot>) -> Result<bool, CellError> {
        self.0.is_blank(spared)
    }
    fn write(&mut self, slot: CellSlot, record: &[u8]) -> Result<(), CellError> {
        self.0.write(slot, record)
    }
    fn destroy(&mut self, slot: CellSlot) -> Result<(), CellError> {
        self.0.destroy(slot)
    }
}

pub(super) fn vault(cell: impl RootCell + 'static) -> Vault {
    vault_of(Box::new(cell).into())
}

pub(super) fn vault_of(keeper: Keeper) -> Vault {
    let device = std::sync::Arc::new(disk::MemoryDevice::new(16 << 20));
    let geometry = disk::Geometry::for_length(16 << 20).unwrap();
    let rng = &mut crate::randomness::rng();
    Vault::create(device, keeper, geometry, Limits::default(), rng).unwrap()
}

#[test]
fn the_first_epoch_runs_at_once_and_the_next_ones_together_when_the_cell_can_bear_it() {
    let vault = vault(Slow(MemoryCell::new(Default::default(), None)));
    let mut pacing = Pacing::alone(Log::new(Level::Error));
    let start = Instant::now();
    let after = |ms| start + Duration::from_millis(ms);
    assert_eq!(pacing.begin_turn(&vault, start), Turn::Idle);
    pacing.intend(&[EraseItem::Conversation(1)], 7);
    assert_eq!(pacing.begin_turn(&vault, start), Turn::Now);
    assert_eq!(pacing.waiting(), [EraseItem::Conversation(1)]);
    assert_eq!(pacing.done(1, start), Some(7));
    pacing.intend(&[EraseItem::Conversation(2)], 8);
    assert_eq!(pacing.begin_turn(&vault, after(10_000)), Turn::Wait(Duration::from_secs(20)));
    pacing.intend(&[EraseItem::Conversation(3)], 9);
    assert_eq!(pacing.begin_turn(&vault, after(30_000)), Turn::Now);
    assert_eq!(pacing.waiting(), [EraseItem::Conversation(2), EraseItem::Conversation(3)]);
    assert_eq!(pacing.done(2, after(30_000)), Some(9));
    assert_eq!(pacing.begin_turn(&vault, after(30_001)), Turn::Idle);
}

#[test]
fn a_cell_that_dies_while_nothing_waits_is_told_and_looked_for_and_taken_back() {
    let (dead, records) =
        (Arc::new(AtomicBool::new(false)), [CellRecords::default(), CellRecords::default()]);
    let cell = |number: usize| MemoryCell::new(records[number].clone(), None);
    let first = CellAt::Here(Box::new(cell(0)));
    let mut vault =
        vault_of(Keeper::mirrored(first, CellAt::Here(Box::new(Mortal(cell(1), Arc::clone(&dead))))));
    let mut pacing = Pacing::alone(Log::new(Level::Error));
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    assert_eq!(pacing.look_after_cells(&mut vault, start), LOOK_AFTER_EVERY);
    dead.store(true, Ordering::Relaxed);
    assert_eq!(pacing.look_after_cells(&mut vault, after(599)), Duration::from_secs(1));
    assert_eq!(pacing.begin_turn(&vault, after(599)), Turn::Idle, "nobody knows it yet");
    look_round(&mut pacing, &mut vault, after(600));
    let states = vault.cells();
    assert!(states[0].absent.is_none() && states[1].absent.as_ref().is_some_and(|why| why.contains("dead")));
    assert_eq!(pacing.begin_turn(&vault, after(600)), Turn::Wait(LOOK_EVERY), "though nothing waits");
    vault.attach_cell(Box::new(cell(1))).unwrap();
    assert_eq!(pacing.begin_turn(&vault, after(605)), Turn::Idle);
    // One that reads and does not hold the root is none; the only one stays where it is, whatever it holds.
    cell(1).destroy(CellSlot::Even).unwrap();
    look_round(&mut pacing, &mut vault, after(1200));
    assert!(vault.cells()[1].absent.is_some());
    cell(0).destroy(CellSlot::Even).unwrap();
    let looked = vault.lend_cell(0).unwrap().look();
    assert!(vault.take_back_cell(looked).is_err() && vault.cells()[0].absent.is_none());
}

/// A look that is due now, up to the last answer.
fn look_round(pacing: &mut Pacing, vault: &mut Vault, now: Instant) {
    assert_eq!(pacing.look_after_cells(vault, now), ANSWER_EVERY);
    while pacing.look_after_cells(vault, now) != LOOK_AFTER_EVERY {
        std::thread::yield_now();
    }
}

#[test]
fn letting_go_of_a_cell_has_an_epoch_of_its_own_behind_whatever_waits() {
    let mut vault = vault(MemoryCell::new(Default::default(), None));
    let mut pacing = Pacing::alone(Log::new(Level::Error));
    let start = Instant::now();
    pacing.let_go_of_cells(&mut vault, &[], 5);
    assert_eq!(pacing.begin_turn(&vault, start), Turn::Idle);
    pacing.let_go_of_cells(&mut vault, &[CellName([1; 8])], 6);
    assert_eq!(pacing.begin_turn(&vault, start), Turn::Now);
    assert!(pacing.waiting().is_empty());
    assert_eq!(pacing.done(0, start), Some(6));
    assert_eq!(pacing.begin_turn(&vault, start), Turn::Idle);
    pacing.intend(&[EraseItem::Conversation(1), EraseItem::Conversation(2)], 7);
    pacing.let_go_of_cells(&mut vault, &[CellName([1; 8])], 8);
    assert_eq!(pacing.done(1, start), None);
    assert_eq!(pacing.done(1, start), Some(8));
    // One batch that does both is done with the last of what it erases, as a Start's is.
    for is_first in [true, false] {
        let many: Vec<_> = (0..100).map(EraseItem::Conversation).collect();
        if is_first {
            pacing.let_go_of_cells(&mut vault, &[CellName([1; 8])], 9);
        }
        pacing.intend(&many, 9);
        if !is_first {
            pacing.let_go_of_cells(&mut vault, &[CellName([1; 8])], 9);
        }
        assert_eq!(pacing.done(16, start), None);
        assert_eq!(pacing.done(84, start), Some(9));
    }
    // Like every other it waits for a backup where the policy wants one: the root goes all the same.
    pacing.let_go_of_cells(&mut vault, &[CellName([1; 8])], 10);
    pacing.require_backup(true);
    assert_eq!(pacing.begin_turn(&vault, start), Turn::Wait(PULL_LOOK_EVERY));
}

#[test]
fn what_found_no_room_is_tried_again_when_something_was_given_back_and_every_few_seconds() {
    let vault = vault(Slow(MemoryCell::new(Default::default(), None)));
    let mut pacing = Pacing::alone(Log::new(Level::Error));
    let start = Instant::now();
    pacing.intend(&[EraseItem::Conversation(1)], 7);
    pacing.found_no_room(start);
    pacing.intend(&[EraseItem::Conversation(2)], 8);
    assert_eq!(pacing.begin_turn(&vault, start), Turn::Wait(LOOK_EVERY));
    assert_eq!(pacing.begin_turn(&vault, start + LOOK_EVERY), Turn::Now, "the cell was not used");
    pacing.room_is_back();
    assert_eq!(pacing.begin_turn(&vault, start), Turn::Now);
    assert_eq!(pacing.waiting(), [EraseItem::Conversation(1), EraseItem::Conversation(2)]);
    assert_eq!(pacing.done(2, start), Some(8));
}

#[test]
fn a_cell_without_a_pace_is_never_waited_for() {
    let vault = vault(MemoryCell::new(Default::default(), None));
    let mut pacing = Pacing::alone(Log::new(Level::Error));
    let start = Instant::now();
    pacing.done(0, start);
    pacing.intend(&[EraseItem::Conversation(2)], 8);
    assert_eq!(pacing.begin_turn(&vault, start), Turn::Now);
}

#[test]
fn what_does_not_fit_one_epoch_waits_for_the_pace_and_is_called_done_with_its_last() {
    let mut vault = vault(Slow(MemoryCell::new(Default::default(), None)));
    let mut pacing = Pacing::alone(Log::new(Level::Error));
    let start = Instant::now();
    let after = |ms| start + Duration::from_millis(ms);
    let many: Vec<_> = (0..100).map(EraseItem::Conversation).collect();
    pacing.intend(&many, 7);
    pacing.intend(&[EraseItem::Conversation(200)], 8);
    assert_eq!(pacing.done(16, start), None);
    assert_eq!(pacing.waiting().len(), 85);
    assert_eq!(pacing.begin_turn(&vault, after(29_000)), Turn::Wait(Duration::from_secs(1)));
    assert_eq!(pacing.begin_turn(&vault, after(30_000)), Turn::Now);
    assert_eq!(pacing.done(84, after(30_000)), Some(7), "all of the first batch, and not the second");
    pacing.intend(&many, 9);
    assert_eq!(pacing.done(101, after(60_000)), Some(9));
    assert_eq!(pacing.begin_turn(&vault, after(90_000)), Turn::Idle);
    // And the writer does one epoch at a time.
    let many: Vec<_> = (0..3_000).map(EraseItem::Conversation).collect();
    let ran = erasure::run(&mut vault, &many, None, Log::new(Level::Error)).unwrap();
    assert!(
        matches!(ran, Ran::Erased { epoch: 1, count, .. } if (1..=TARGETS_MAX).contains(&count)),
        "{ran:?}"
    );
    assert_eq!(vault.epoch(), 1);
}

#[test]
fn after_a_life_that_ended_in_an_epoch_the_cell_rests_first() {
    let vault = vault(Slow(MemoryCell::new(Default::default(), None)));
    let mut pacing = Pacing::alone(Log::new(Level::Error));
    let start = Instant::now();
    pacing.rest(start);
    pacing.intend(&[EraseItem::Conversation(2)], 8);
    assert_eq!(pacing.begin_turn(&vault, start), Turn::Wait(Duration::from_secs(30)));
}
