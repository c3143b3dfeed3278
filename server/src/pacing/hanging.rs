//! Root cells that hang under a look, by a valve and a clock that the tests turn.

use super::absent::{ANSWER_EVERY, ANSWER_WITHIN, LOOK_AFTER_EVERY, LOOK_EVERY};
use super::tests::vault_of;
use super::*;
use crate::erasure::{self, Ran};
use crate::log::Level;
use std::sync::{Condvar, Mutex};
use vault::{CellAt, CellError, CellKind, CellRecords, CellSlot, Keeper, MemoryCell, RootCell};
use zeroize::Zeroizing;

/// While it is shut, whoever reads waits.
#[derive(Clone, Default)]
pub(crate) struct Valve(Arc<(Mutex<bool>, Condvar)>);

impl Valve {
    pub(crate) fn shut(&self) {
        *self.0.0.lock().unwrap() = true;
    }

    pub(crate) fn open(&self) {
        *self.0.0.lock().unwrap() = false;
        self.0.1.notify_all();
    }

    /// Whoever reads from now on panics.
    fn break_off(&self) {
        let valve = self.clone();
        let breaks = move || {
            let _held = valve.0.0.lock().unwrap();
            panic!("the valve breaks");
        };
        assert!(std::thread::spawn(breaks).join().is_err());
    }

    fn pass(&self) {
        drop(self.0.1.wait_while(self.0.0.lock().unwrap(), |is_shut| *is_shut).unwrap());
    }
}

/// A cell behind a valve.
pub(crate) struct Hanging(pub(crate) MemoryCell, pub(crate) Valve);

impl RootCell for Hanging {
    fn kind(&self) -> CellKind {
        self.0.kind()
    }
    fn read(&self, slot: CellSlot) -> Result<Zeroizing<Vec<u8>>, CellError> {
        self.1.pass();
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

/// A store with two cells, the second behind a valve.
struct World {
    valve: Valve,
    records: [CellRecords; 2],
    vault: Vault,
    pacing: Pacing,
    start: Instant,
}

impl World {
    fn new() -> Self {
        let (valve, records) = (Valve::default(), [CellRecords::default(), CellRecords::default()]);
        let cell = |number: usize| MemoryCell::new(records[number].clone(), None);
        let second = Hanging(cell(1), valve.clone());
        let vault =
            vault_of(Keeper::mirrored(CellAt::Here(Box::new(cell(0))), CellAt::Here(Box::new(second))));
        let (pacing, start) = (Pacing::alone(Log::new(Level::Error)), Instant::now());
        let mut world = Self { valve, records, vault, pacing, start };
        world.look_after(0);
        world
    }

    fn look_after(&mut self, seconds: u64) -> Duration {
        self.pacing.look_after_cells(&mut self.vault, self.start + Duration::from_secs(seconds))
    }

    fn turn(&mut self, seconds: u64) -> Turn {
        self.pacing.begin_turn(&self.vault, self.start + Duration::from_secs(seconds))
    }

    /// Asks the cells at ten minutes, and again half a minute later: the second one hangs.
    fn hang(&mut self) {
        self.valve.shut();
        assert_eq!(self.look_after(600), ANSWER_EVERY);
        assert!(self.vault.cells().iter().all(|cell| cell.absent.is_none()), "nobody knows it yet");
        self.pacing.intend(&[EraseItem::Conversation(1)], 7);
        assert_eq!(self.turn(600), Turn::Wait(ANSWER_EVERY));
        while self.vault.cells()[1].absent.is_none() {
            self.look_after(600 + ANSWER_WITHIN.as_secs());
            std::thread::yield_now();
        }
        assert!(self.vault.cells()[0].absent.is_none() && !self.vault.lends_cells());
        assert_eq!(self.vault.cells()[1].absent.as_deref(), Some(HANGS));
    }

    /// What is told of a cell that is here.
    fn failing(&self, number: usize) -> Option<String> {
        self.pacing.away.states(&self.vault)[number].failing.clone()
    }

    fn erase(&mut self) {
        let items = self.pacing.waiting();
        let ran = erasure::run(&mut self.vault, items, None, Log::new(Level::Error)).unwrap();
        assert!(matches!(ran, Ran::Erased { epoch: 1, .. }), "{ran:?}");
    }

    /// Which of its two roots a cell holds.
    fn roots(&self, number: usize) -> [bool; 2] {
        let records = self.records[number].lock().unwrap();
        [&records[0], &records[1]].map(|record| !record.is_empty())
    }
}

#[test]
fn a_cell_that_hangs_is_away_until_it_answers_and_the_erasure_waits_for_it() {
    let mut world = World::new();
    world.hang();
    assert_eq!(world.turn(640), Turn::Wait(LOOK_EVERY));
    // The next round asks the other one alone: nobody opens or asks twice what is in a looker's hands.
    world.look_after(1200);
    while world.vault.lends_cells() {
        world.look_after(1201);
        std::thread::yield_now();
    }
    assert!(world.vault.cells()[0].absent.is_none() && world.vault.cells()[1].absent.is_some());
    world.valve.open();
    while world.vault.cells()[1].absent.is_some() {
        world.look_after(1210);
        std::thread::yield_now();
    }
    assert_eq!(world.look_after(1210), LOOK_AFTER_EVERY - Duration::from_secs(10));
    assert_eq!(world.turn(1210), Turn::Now);
    world.erase();
    assert_eq!([world.roots(0), world.roots(1)], [[false, true]; 2], "both have the new root and no other");
}

#[test]
fn a_cell_that_was_let_go_of_while_it_hung_is_not_taken_back() {
    let mut world = World::new();
    world.hang();
    let name = CellName(world.vault.cells()[1].name.unwrap());
    world.pacing.let_go_of_cells(&mut world.vault, &[name], 8);
    assert_eq!(world.turn(640), Turn::Now);
    world.erase();
    world.valve.open();
    while world.look_after(650) == LOOK_EVERY {
        std::thread::yield_now();
    }
    assert!(world.vault.cells()[1].absent.is_some() && world.vault.check_cells().is_ok());
    assert_eq!([world.roots(0), world.roots(1)], [[false, true], [true, false]]);
}

#[test]
fn a_last_cell_that_fails_its_look_is_told_as_that_until_an_epoch_has_written_it() {
    let mut world = World::new();
    world.hang();
    let name = CellName(world.vault.cells()[1].name.unwrap());
    let failing = |world: &World| world.failing(0);
    assert_eq!(failing(&world), None);
    // The other one fails in its turn: nothing stands in for it.
    world.records[0].lock().unwrap()[0].clear();
    world.look_after(1_200);
    while world.vault.lends_cells() {
        world.look_after(1_201);
        std::thread::yield_now();
    }
    let told = failing(&world);
    assert!(told.is_some());
    world.pacing.let_go_of_cells(&mut world.vault, &[name], 8);
    assert_eq!(failing(&world), told, "nobody has looked at it meanwhile");
    // An epoch writes it anew, and reads it.
    world.erase();
    world.pacing.tell_listed(&world.vault);
    assert_eq!(failing(&world), None);
}

#[test]
fn where_the_last_cell_hangs_beside_one_that_is_waited_for_a_restart_is_advised() {
    let mut world = World::new();
    let name = CellName(world.vault.cells()[0].name.unwrap());
    world.records[0].lock().unwrap()[0].clear();
    world.look_after(600);
    while world.vault.lends_cells() {
        world.look_after(601);
        std::thread::yield_now();
    }
    assert!(world.vault.cells()[0].absent.is_some());
    world.valve.shut();
    world.look_after(1_200);
    world.look_after(1_200 + ANSWER_WITHIN.as_secs());
    assert!(world.failing(1).is_some_and(|why| why.starts_with(HANGS) && why.contains("restart")));
    // No start goes on with one that was let go of.
    world.pacing.let_go_of_cells(&mut world.vault, &[name], 8);
    assert_eq!(world.failing(1).as_deref(), Some(HANGS));
    world.valve.open();
}

#[test]
fn where_the_look_at_the_only_cell_breaks_the_process_ends() {
    const AGAIN: &str = "CONCLAVE_TEST_LOOK_BREAKS";
    if std::env::var_os(AGAIN).is_none() {
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", "pacing::hanging::where_the_look_at_the_only_cell_breaks_the_process_ends"]);
        let ended = again.env(AGAIN, "").output().unwrap().status;
        assert_eq!(ended.code(), Some(console::Exit::Io.code().into()));
        return;
    }
    let valve = Valve::default();
    let cell = Hanging(MemoryCell::new(Default::default(), None), valve.clone());
    let mut vault = vault_of(Box::new(cell).into());
    let mut pacing = Pacing::alone(Log::new(Level::Error));
    let start = Instant::now();
    pacing.look_after_cells(&mut vault, start);
    valve.break_off();
    while pacing.look_after_cells(&mut vault, start + LOOK_AFTER_EVERY) != LOOK_EVERY {
        std::thread::yield_now();
    }
}

#[test]
fn what_was_said_of_a_cell_that_is_back_takes_no_epoch_past_the_other_one() {
    let mut world = World::new();
    world.hang();
    let name = CellName(world.vault.cells()[1].name.unwrap());
    world.pacing.let_go_of_cells(&mut world.vault, &[name], 8);
    world.pacing.require_backup(true);
    assert_eq!(world.turn(640), Turn::Wait(PULL_LOOK_EVERY));
    world.valve.open();
    while world.vault.cells()[1].absent.is_some() {
        world.look_after(650);
        std::thread::yield_now();
    }
    assert_eq!(world.turn(650), Turn::Wait(PULL_LOOK_EVERY), "the epoch waits for its backup as ever");
    let _pulled_out = world.vault.lend_cell(0).unwrap();
    assert!(world.vault.miss_lent_cell(0, "pulled out"));
    assert_eq!(world.turn(650), Turn::Wait(LOOK_EVERY), "and now for the cell that nobody has let go of");
}

#[test]
fn the_only_cell_is_waited_for_however_long_it_hangs() {
    let valve = Valve::default();
    let cell = Hanging(MemoryCell::new(Default::default(), None), valve.clone());
    let mut vault = vault_of(Box::new(cell).into());
    let mut pacing = Pacing::alone(Log::new(Level::Error));
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    pacing.look_after_cells(&mut vault, start);
    pacing.intend(&[EraseItem::Conversation(1)], 7);
    valve.shut();
    assert_eq!(pacing.look_after_cells(&mut vault, after(600)), ANSWER_EVERY);
    assert_eq!(pacing.begin_turn(&vault, after(601)), Turn::Wait(ANSWER_EVERY));
    for seconds in [630, 3_000] {
        assert_eq!(pacing.look_after_cells(&mut vault, after(seconds)), LOOK_EVERY);
        assert_eq!(pacing.begin_turn(&vault, after(seconds)), Turn::Wait(LOOK_EVERY));
        // What two officers say is of cells that are away, and takes no epoch past the only one there is.
        let name = CellName(vault.cells()[0].name.unwrap());
        pacing.let_go_of_cells(&mut vault, &[name], 8);
        assert!(vault.lends_cells() && vault.check_cells().is_err());
        assert_eq!(pacing.away.states(&vault)[0].failing.as_deref(), Some(HANGS));
    }
    valve.open();
    while vault.lends_cells() {
        pacing.look_after_cells(&mut vault, after(3_001));
        std::thread::yield_now();
    }
    assert_eq!(pacing.begin_turn(&vault, after(3_001)), Turn::Now);
}
