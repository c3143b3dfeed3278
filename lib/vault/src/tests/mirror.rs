//! Two cells that mirror each other: at every power cut, with either of them away, back again, blank or another store's.

use super::*;
use crate::cell::CellSlot;
use crate::{CellAt, CellError, CellKind, Keeper};

/// A world whose store has a second cell.
pub(super) struct Pair {
    pub(super) world: World,
    pub(super) second: CellRecords,
}

/// Which cells are there in a life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Here {
    Both,
    First,
    Second,
}

pub(super) fn blank() -> CellRecords {
    Arc::new(Mutex::new(Default::default()))
}

fn at(here: bool, records: &CellRecords, clock: &Arc<CrashClock>) -> CellAt {
    if here {
        return CellAt::Here(Box::new(MemoryCell::new(records.clone(), Some(clock.clone()))));
    }
    CellAt::Absent(CellKind::Memory, CellError::Io(std::io::ErrorKind::NotFound.into()))
}

impl Pair {
    /// A store with two cells, something in it, and an epoch behind it.
    pub(super) fn seeded(seed: u64) -> Self {
        let mut pair = Self { world: World::seeded(seed), second: blank() };
        let (machine, mut life) = pair.calm(Here::Both);
        assert!(life.opened.cell_joined);
        for conversation in 1..4 {
            pair.world.say(&mut life.vault, conversation, 3).unwrap();
        }
        let number = pair.world.ask(&mut life.vault, vec![]).unwrap();
        pair.world.erase(&mut life.vault, number).unwrap();
        drop(life);
        pair.world.power_off(&machine, seed);
        pair
    }

    pub(super) fn copy(&self) -> Self {
        let second = Arc::new(Mutex::new(self.second.lock().unwrap().clone()));
        Self { world: super::crash::clone_of(&self.world), second }
    }

    pub(super) fn open(&self, machine: &Machine, here: Here) -> Result<Life, Error> {
        let first = at(here != Here::Second, &self.world.records, &machine.clock);
        let second = at(here != Here::First, &self.second, &machine.clock);
        let keeper = Keeper::mirrored(first, second);
        let (vault, opened) = Vault::open(machine.recording.clone(), keeper, LIMITS, &mut rng(5))?;
        Ok(Life { vault, opened })
    }

    pub(super) fn calm(&self, here: Here) -> (Machine, Life) {
        let machine = self.world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
        let life = self.open(&machine, here).unwrap();
        (machine, life)
    }

    /// Nothing erased opens with the keys of either cell.
    pub(super) fn check_erased(&self, machine: &Machine, vault: &Vault, durable: &[usize], story: &str) {
        for records in [&self.world.records, &self.second] {
            let opened = self.world.adversary_with(machine, vault, records);
            self.world.check_opened(&opened, durable, story);
        }
    }

    pub(super) fn slots(&self) -> [[Vec<u8>; 2]; 2] {
        [&self.world.records, &self.second].map(|records| {
            let records = records.lock().unwrap();
            [records[CellSlot::Even.index()].clone(), records[CellSlot::Odd.index()].clone()]
        })
    }
}

/// A day with one erasure in it.
pub(super) fn day(pair: &mut Pair, vault: &mut Vault) -> Result<(), Error> {
    let world = &mut pair.world;
    world.redo(vault)?;
    world.say(vault, 7, 2)?;
    let victim = *world.live.keys().next().unwrap();
    let number = world.ask(vault, vec![Target::Place(victim)])?;
    world.erase(vault, number)?;
    world.say(vault, 8, 2)
}

/// A life with what is there, in which messages go on and erasures wait; then one with both. Whether the first of them
/// fell back behind (c).
pub(super) fn lives_after(mut pair: Pair, here: Here, seed: u64, story: &str) -> bool {
    let (machine, mut life) = pair.calm(here);
    pair.world.check_live(&life.vault, story);
    if here != Here::Both {
        let asked = pair.world.ask(&mut life.vault, vec![Target::Conversation(2)]).unwrap();
        let refused = pair.world.erase(&mut life.vault, asked).unwrap_err();
        assert!(matches!(refused, Error::CellAbsent { .. }), "{story}: {refused}");
        let held = life.vault.reader().read(Place::item(2, 5));
        assert!(held.is_err(), "{story}: served while its erasure waits");
    }
    pair.world.say(&mut life.vault, 9, 2).unwrap();
    let fell_back = life.opened.interrupted == Some(crate::Interrupted::BeforeCell);
    drop(life);
    pair.world.power_off(&machine, seed);

    let (machine, mut life) = pair.calm(Here::Both);
    pair.world.check_live(&life.vault, story);
    let durable = pair.world.redo(&mut life.vault).unwrap();
    let [first, second] = pair.slots();
    assert_eq!(first, second, "{story}: both cells hold the same");
    pair.world.check_live(&life.vault, story);
    pair.check_erased(&machine, &life.vault, &durable, story);
    fell_back
}

const WAYS: [Here; 3] = [Here::Both, Here::First, Here::Second];

#[test]
fn at_every_power_cut_with_either_cell_away_nothing_is_lost_and_nothing_comes_back() {
    let (mut cuts, mut fell_back, mut again) = (0, 0, 0);
    for seed in 0..6 {
        let start = Pair::seeded(seed);
        for cut in 0.. {
            let mut pair = start.copy();
            let machine = pair.world.machine(CrashClock::new(cut, Fault::PowerCut));
            if let Ok(mut life) = pair.open(&machine, Here::Both) {
                let _ = day(&mut pair, &mut life.vault);
            }
            pair.world.power_off(&machine, seed * 1000 + cut);
            for here in WAYS {
                let story = format!("seed {seed}, cut at {cut}, then {here:?}");
                fell_back += usize::from(lives_after(pair.copy(), here, seed, &story));
                cuts += 1;
            }
            // Where the cells are not at rest, the power goes once more, at each operation of the start that settles them.
            let [first, second] = pair.slots();
            let at_rest = first == second && first.iter().any(Vec::is_empty);
            for at in (0..).take_while(|_| !at_rest) {
                let cut_twice = pair.copy();
                let machine = cut_twice.world.machine(CrashClock::new(at, Fault::PowerCut));
                drop(cut_twice.open(&machine, Here::Both));
                for here in WAYS {
                    let mut pair = cut_twice.copy();
                    pair.world.power_off(&machine, seed * 2000 + at);
                    let story = format!("seed {seed}, cut at {cut}, the start at {at}, then {here:?}");
                    lives_after(pair, here, seed, &story);
                    again += 1;
                }
                if !machine.clock.has_struck() {
                    break;
                }
            }
            if !machine.clock.has_struck() {
                break;
            }
        }
    }
    assert!(cuts > 200 && fell_back > 10 && again > 100, "{cuts} {fell_back} {again}");
}

#[test]
fn an_absent_cell_holds_the_epoch_until_it_is_back() {
    let mut pair = Pair::seeded(20);
    let (machine, mut life) = pair.calm(Here::First);
    let states: Vec<bool> = life.vault.cells().iter().map(|state| state.absent.is_some()).collect();
    assert_eq!(states, [false, true]);
    let number = pair.world.ask(&mut life.vault, vec![Target::Conversation(1)]).unwrap();
    assert!(matches!(life.vault.check_cells(), Err(Error::CellAbsent { .. })));
    let back = Box::new(MemoryCell::new(pair.second.clone(), Some(machine.clock.clone())));
    life.vault.attach_cell(back).unwrap();
    life.vault.check_cells().unwrap();
    let intended = pair.world.redo(&mut life.vault).unwrap();
    assert!(intended.contains(&number));
    let [first, second] = pair.slots();
    assert_eq!(first, second);
    pair.check_erased(&machine, &life.vault, &intended, "back while open");
}

fn let_go_of_second(vault: &mut Vault) {
    let name = vault.cells()[1].name.unwrap();
    assert!(vault.let_go_of_cell(name));
}

#[test]
fn letting_go_of_a_cell_is_over_when_it_is_back_and_was_never_said_of_the_other() {
    let mut pair = Pair::seeded(27);
    let (machine, mut life) = pair.calm(Here::First);
    let first = life.vault.cells()[0].name.unwrap();
    assert!(!life.vault.let_go_of_cell(first), "it is here");
    let_go_of_second(&mut life.vault);
    life.vault.check_cells().unwrap();
    let back = || Box::new(MemoryCell::new(pair.second.clone(), Some(machine.clock.clone())));
    life.vault.attach_cell(back()).unwrap();
    // Before the epoch that the officers asked for, the other one goes away.
    let looker = life.vault.lend_cell(0).unwrap();
    assert!(life.vault.miss_lent_cell(0, "pulled out"));
    let number = pair.world.ask(&mut life.vault, vec![Target::Conversation(1)]).unwrap();
    let refused = pair.world.erase(&mut life.vault, number).unwrap_err();
    assert!(matches!(refused, Error::CellAbsent { .. }), "{refused}");
    life.vault.take_back_cell(looker.look()).unwrap();
    // And the same one once more: nobody has said it of this absence.
    let looker = life.vault.lend_cell(1).unwrap();
    assert!(life.vault.miss_lent_cell(1, "pulled out"));
    assert!(matches!(life.vault.check_cells(), Err(Error::CellAbsent { .. })));
    life.vault.take_back_cell(looker.look()).unwrap();
    let intended = pair.world.redo(&mut life.vault).unwrap();
    assert!(intended.contains(&number));
    let [first, second] = pair.slots();
    assert_eq!(first, second);
}

#[test]
fn a_cell_that_was_dropped_may_be_missed_no_longer_and_a_new_one_takes_its_place() {
    let mut pair = Pair::seeded(21);
    let (machine, mut life) = pair.calm(Here::First);
    let_go_of_second(&mut life.vault);
    let number = pair.world.ask(&mut life.vault, vec![Target::Conversation(1)]).unwrap();
    pair.world.erase(&mut life.vault, number).unwrap();
    // What the journal then says of it: the dropped cell opens what was erased since.
    let opened = pair.world.adversary_with(&machine, &life.vault, &pair.second);
    assert!(opened.keys().any(|place| place.conversation == 1));
    drop(life);
    pair.world.power_off(&machine, 0);
    // From then on one cell is the whole of it, whatever the configuration names, and a blank one may join.
    let (machine, life) = pair.calm(Here::First);
    life.vault.check_cells().unwrap();
    assert!(life.vault.cells()[1].absent.is_some(), "and yet it is told");
    drop(life);
    let machine_alone = pair.world.machine(machine.clock.clone());
    pair.world.open(&machine_alone).unwrap().vault.check_cells().unwrap();
    pair.second = blank();
    let (_, life) = pair.calm(Here::Both);
    assert!(life.opened.cell_joined);
    life.vault.check_cells().unwrap();
}

#[test]
fn letting_go_ends_with_the_epoch_and_the_next_one_that_goes_away_is_missed() {
    let mut pair = Pair::seeded(26);
    let (machine, mut life) = pair.calm(Here::First);
    let_go_of_second(&mut life.vault);
    // Nothing is to be erased; an epoch lists the cells anew all the same.
    let number = pair.world.ask(&mut life.vault, vec![]).unwrap();
    pair.world.erase(&mut life.vault, number).unwrap();
    drop(life);
    pair.world.power_off(&machine, 0);
    // It is found, and joins as any other with the store's keys.
    let (machine, life) = pair.calm(Here::Both);
    assert!(life.opened.cell_joined);
    drop(life);
    pair.world.power_off(&machine, 0);
    let (_, life) = pair.calm(Here::First);
    assert!(matches!(life.vault.check_cells(), Err(Error::CellAbsent { .. })));
}

#[test]
fn at_every_power_cut_a_cell_that_joins_is_named_before_it_holds_a_root() {
    let (mut held, mut joined) = (0, 0);
    for seed in 40..46 {
        // At an even epoch and at an odd one.
        let mut world = World::seeded(seed);
        let (machine, mut life) = world.calm();
        for _ in 0..seed % 2 {
            let number = world.ask(&mut life.vault, vec![]).unwrap();
            world.erase(&mut life.vault, number).unwrap();
        }
        drop(life);
        world.power_off(&machine, seed);
        let start = Pair { world, second: blank() };
        for cut in 0.. {
            let mut pair = start.copy();
            let machine = pair.world.machine(CrashClock::new(cut, Fault::PowerCut));
            joined += u64::from(pair.open(&machine, Here::Both).is_ok_and(|life| life.opened.cell_joined));
            pair.world.power_off(&machine, seed * 1000 + cut);
            let story = format!("seed {seed}, cut at {cut}");
            // The configuration names it no longer: missed, if it has as much as a part of a root.
            let holds = pair.slots()[1].iter().any(|slot| !slot.is_empty());
            let alone = pair.copy();
            let quiet = alone.world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
            let life = alone.world.open(&quiet).expect(&story);
            alone.world.check_live(&life.vault, &story);
            assert!(!holds || life.vault.check_cells().is_err(), "{story}: a root that nobody misses");
            held += u64::from(holds);
            drop(life);
            let both = pair.copy();
            let quiet = both.world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
            match both.open(&quiet, Here::Both) {
                Ok(life) => {
                    both.world.check_live(&life.vault, &story);
                    life.vault.check_cells().expect(&story);
                    let [first, second] = both.slots();
                    assert_eq!(first, second, "{story}");
                }
                // Half a device record is not blank: a person makes it so.
                Err(error) => assert!(matches!(error, Error::ForeignCell) && !holds, "{story}: {error}"),
            }
            if !machine.clock.has_struck() {
                break;
            }
        }
    }
    assert!(held > 5 && joined > 5, "{held} {joined}");
}

#[test]
fn a_blank_cell_does_not_quietly_stand_in_for_one_that_is_away() {
    let mut pair = Pair::seeded(22);
    let taken = std::mem::replace(&mut pair.second, blank());
    let (_, life) = pair.calm(Here::Both);
    assert!(matches!(life.vault.check_cells(), Err(Error::CellAbsent { .. })));
    assert!(pair.second.lock().unwrap().iter().all(Vec::is_empty), "it stays blank");
    drop(life);
    // Nor does leaving it out of the configuration help.
    let machine = pair.world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
    let life = pair.world.open(&machine).unwrap();
    assert!(matches!(life.vault.check_cells(), Err(Error::CellAbsent { .. })));
    drop(life);
    pair.second = taken;
    pair.calm(Here::Both).1.vault.check_cells().unwrap();
}

#[test]
fn a_cell_of_another_store_is_refused_and_not_touched() {
    let mut pair = Pair::seeded(23);
    pair.second = World::seeded(24).records;
    let before = pair.second.lock().unwrap().clone();
    let machine = pair.world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
    assert!(matches!(pair.open(&machine, Here::Both).map(|_| ()), Err(Error::ForeignCell)));
    assert_eq!(*pair.second.lock().unwrap(), before);
}

#[test]
fn a_rolled_back_device_is_refused_with_two_cells_as_with_one() {
    let mut pair = Pair::seeded(25);
    let old = pair.world.image.clone();
    let (machine, mut life) = pair.calm(Here::Both);
    day(&mut pair, &mut life.vault).unwrap();
    drop(life);
    pair.world.power_off(&machine, 0);
    pair.world.image = old;
    let machine = pair.world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
    for here in [Here::Both, Here::First, Here::Second] {
        let refused = pair.open(&machine, here).map(|_| ()).unwrap_err();
        assert!(matches!(refused, Error::StoreBehindCell { .. }), "{refused}");
    }
}
