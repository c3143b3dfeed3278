//! Two cells of which one opens and then fails, is another's place, or is not the one that it says it is.

use super::mirror::{Here, Pair, blank, day, lives_after};
use super::*;
use crate::cell::CellSlot;
use crate::device_record::DeviceRecord;
use crate::{CellAt, CellError, CellKind, Keeper, RootCell, SectorCell};
use disk::{Device, DeviceKeys, MemoryDevice};
use zeroize::Zeroizing;

/// A cell that opens, and whose medium fails behind that: a bad block, a write protection, another store's authorisation value.
struct Failing {
    cell: MemoryCell,
    reads: bool,
}

fn failed<T>() -> Result<T, CellError> {
    Err(CellError::Io(std::io::Error::other("bad block")))
}

impl RootCell for Failing {
    fn kind(&self) -> CellKind {
        CellKind::Sector
    }
    fn read(&self, slot: CellSlot) -> Result<Zeroizing<Vec<u8>>, CellError> {
        if self.reads { self.cell.read(slot) } else { failed() }
    }
    fn is_blank(&self, spared: Option<CellSlot>) -> Result<bool, CellError> {
        if self.reads { self.cell.is_blank(spared) } else { failed() }
    }
    fn write(&mut self, _slot: CellSlot, _record: &[u8]) -> Result<(), CellError> {
        failed()
    }
    fn destroy(&mut self, _slot: CellSlot) -> Result<(), CellError> {
        failed()
    }
}

fn whole(records: &CellRecords) -> CellAt {
    CellAt::Here(Box::new(MemoryCell::new(records.clone(), None)))
}

fn failing(records: &CellRecords, reads: bool) -> CellAt {
    CellAt::Here(Box::new(Failing { cell: MemoryCell::new(records.clone(), None), reads }))
}

fn open(machine: &Machine, keeper: Keeper) -> Result<Vault, Error> {
    Ok(Vault::open(machine.recording.clone(), keeper, LIMITS, &mut rng(5))?.0)
}

/// The slot that rules is lost in one cell: a start has to write it there.
fn lose_slot(records: &CellRecords) {
    let mut records = records.lock().unwrap();
    records[CellSlot::Even.index()].clear();
    records[CellSlot::Odd.index()].clear();
}

#[test]
fn a_cell_that_opens_and_then_fails_is_away_and_the_site_goes_on() {
    for (reads, first_fails) in [(true, true), (true, false), (false, true), (false, false)] {
        let story = format!("reads: {reads}, the first one: {first_fails}");
        let mut pair = Pair::seeded(30);
        lose_slot(if first_fails { &pair.world.records } else { &pair.second });
        let machine = pair.world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
        let (first, second) = match first_fails {
            true => (failing(&pair.world.records, reads), whole(&pair.second)),
            false => (whole(&pair.world.records), failing(&pair.second, reads)),
        };
        let mut vault = open(&machine, Keeper::mirrored(first, second)).expect(&story);
        let away: Vec<_> = vault.cells().into_iter().map(|state| state.absent).collect();
        let [failed, serves] = if first_fails { [&away[0], &away[1]] } else { [&away[1], &away[0]] };
        assert!(failed.as_ref().is_some_and(|why| why.contains("bad block")), "{story}: {away:?}");
        assert_eq!(*serves, None, "{story}");
        // People go on, erasures wait, and a cell that works again brings them on.
        pair.world.say(&mut vault, 9, 2).unwrap();
        let number = pair.world.ask(&mut vault, vec![Target::Conversation(1)]).unwrap();
        let waits = pair.world.erase(&mut vault, number).unwrap_err();
        assert!(matches!(waits, Error::CellAbsent { .. }), "{story}: {waits}");
        let mended = if first_fails { &pair.world.records } else { &pair.second };
        vault.attach_cell(Box::new(MemoryCell::new(mended.clone(), None))).unwrap();
        vault.check_cells().unwrap();
        let done = pair.world.redo(&mut vault).unwrap();
        let [first, second] = pair.slots();
        assert_eq!(first, second, "{story}");
        pair.world.check_live(&vault, &story);
        pair.check_erased(&machine, &vault, &done, &story);
    }
}

#[test]
fn where_both_cells_fail_it_is_their_failure_that_is_told_and_not_a_lost_root() {
    let pair = Pair::seeded(31);
    let machine = pair.world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
    let both = Keeper::mirrored(failing(&pair.world.records, false), failing(&pair.second, false));
    let refused = open(&machine, both).map(|_| ()).unwrap_err();
    assert!(matches!(refused, Error::Cell(CellError::Io(_))), "{refused}");
    // Beside a blank one, too: what cannot be read may be the store's only root.
    for mut keeper in [
        Keeper::mirrored(failing(&pair.world.records, false), whole(&blank())),
        Keeper::mirrored(whole(&blank()), failing(&pair.world.records, false)),
    ] {
        assert!(keeper.standing(machine.recording.clone(), &mut rng(6)).is_err(), "no store, so make one?");
        let refused = open(&machine, keeper).map(|_| ()).unwrap_err();
        assert!(matches!(refused, Error::CellAbsent { .. }), "{refused}");
    }
}

#[test]
fn one_cell_and_then_the_other_alone_never_go_ways_that_do_not_meet() {
    let mut told = 0;
    for seed in 32..40 {
        let start = Pair::seeded(seed);
        for cut in 0.. {
            let mut pair = start.copy();
            let machine = pair.world.machine(CrashClock::new(cut, Fault::PowerCut));
            if let Ok(mut life) = pair.open(&machine, Here::Both) {
                let _ = day(&mut pair, &mut life.vault);
            }
            pair.world.power_off(&machine, seed * 1000 + cut);
            for (here, then) in [(Here::First, Here::Second), (Here::Second, Here::First)] {
                // A start with the one, and no time for a batch; then a life with the other.
                let mut pair = pair.copy();
                let (machine, life) = pair.calm(here);
                drop(life);
                pair.world.power_off(&machine, seed);
                let story = format!("seed {seed}, cut at {cut}, a start with {here:?}, then {then:?}");
                lives_after(pair, then, seed, &story);
                told += 1;
            }
            if !machine.clock.has_struck() {
                break;
            }
        }
    }
    assert!(told > 60, "{told}");
}

#[test]
fn a_cell_that_bears_the_name_and_holds_other_keys_is_not_let_in() {
    let pair = Pair::seeded(35);
    let (_, mut life) = pair.calm(Here::First);
    let forged = {
        let mut records = pair.second.lock().unwrap().clone();
        let record = DeviceRecord::decode(&records[CellSlot::Device.index()], None).unwrap().unwrap();
        let keys = DeviceKeys::random(&mut rng(7)).unwrap();
        let other = DeviceRecord { name: record.name, keys };
        records[CellSlot::Device.index()] = other.encode(None, &mut rng(8)).to_vec();
        Arc::new(Mutex::new(records))
    };
    let before = forged.lock().unwrap().clone();
    let refused = life.vault.attach_cell(Box::new(MemoryCell::new(forged.clone(), None))).unwrap_err();
    assert!(matches!(refused, Error::ForeignCell), "{refused}");
    assert_eq!(*forged.lock().unwrap(), before, "it got no root");
}

/// A device in the hands of a cell and of the test.
struct Shared(Arc<MemoryDevice>);

impl Device for Shared {
    fn length(&self) -> u64 {
        self.0.length()
    }
    fn read(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        self.0.read(offset, buffer)
    }
    fn write(&self, offset: u64, bytes: &[u8]) -> std::io::Result<()> {
        self.0.write(offset, bytes)
    }
    fn sync(&self) -> std::io::Result<()> {
        self.0.sync()
    }
    fn discard(&self, offset: u64, length: u64) -> std::io::Result<()> {
        self.0.discard(offset, length)
    }
}

#[test]
fn a_partition_with_anything_on_it_joins_no_mirror_and_founds_no_store() {
    const MIB: usize = 1 << 20;
    let world = World::seeded(36);
    for at in [5000, MIB + 100, 2 * MIB + 5000, 3 * MIB, 3 * MIB + 700, 4 * MIB - 1] {
        let mut bytes = vec![0; 5 * MIB];
        bytes[at] = 7;
        let device = Arc::new(MemoryDevice::from_bytes(bytes.clone()));
        let sector = || CellAt::Here(Box::new(SectorCell::open(Shared(device.clone())).unwrap()));
        let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
        let keeper = Keeper::mirrored(whole(&world.records), sector());
        let refused = Vault::open(machine.recording.clone(), keeper, LIMITS, &mut rng(5)).map(|_| ());
        assert!(matches!(refused, Err(Error::ForeignCell)), "byte {at}: {refused:?}");
        assert!(device.image() == bytes, "byte {at}: it was written to");
        if at == 3 * MIB {
            continue; // What an interrupted founding leaves.
        }
        let keeper = Keeper::mirrored(whole(&blank()), sector());
        let store = Arc::new(MemoryDevice::new(16 << 20));
        let geometry = Geometry::for_length(16 << 20).unwrap();
        let refused = Vault::create(store, keeper, geometry, LIMITS, &mut rng(5)).map(|_| ());
        assert!(matches!(refused, Err(Error::CellInUse)), "byte {at}: {refused:?}");
        assert!(device.image() == bytes, "byte {at}: it was written to");
    }
    // Bytes behind the four regions are nobody's business: a blank partition joins.
    let mut bytes = vec![0; 5 * MIB];
    bytes[4 * MIB] = 7;
    let device = Arc::new(MemoryDevice::from_bytes(bytes));
    let sector = CellAt::Here(Box::new(SectorCell::open(Shared(device)).unwrap()));
    let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
    let keeper = Keeper::mirrored(whole(&world.records), sector);
    assert!(Vault::open(machine.recording.clone(), keeper, LIMITS, &mut rng(5)).unwrap().1.cell_joined);
}

#[test]
fn a_device_record_of_a_newer_version_is_not_written_over() {
    let world = World::seeded(37);
    let second = blank();
    second.lock().unwrap()[CellSlot::Device.index()] = vec![9; 120];
    let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
    let keeper = Keeper::mirrored(whole(&world.records), whole(&second));
    let refused = Vault::open(machine.recording.clone(), keeper, LIMITS, &mut rng(5)).map(|_| ());
    assert!(matches!(refused, Err(Error::ForeignCell)), "{refused:?}");
    assert_eq!(second.lock().unwrap()[CellSlot::Device.index()], [9; 120]);
}
