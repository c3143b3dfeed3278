//! Snapshots: what a start finds of them after restarts, power cuts and damage.

use disk::Position;

use super::crash::clone_of;
use super::*;
use crate::snapshot::{Row, Rows};

/// Entries that one extent of the journal takes with ease.
const BATCH: u64 = 600;

/// The vault's layers above, as far as snapshots need them: rows, and a state that follows from their number.
#[derive(Clone, Default)]
struct Above {
    rows: Rows,
    all: Vec<Row>,
}

fn state(entries: u64) -> Vec<u8> {
    (0..40_000 + entries).map(|byte| (byte * 7 + entries) as u8).collect()
}

impl Above {
    /// Entries in as many batches as they need, with a snapshot behind them.
    fn day(&mut self, vault: &mut Vault, count: u64, snapshot: bool) -> Result<(), Error> {
        let whole = count / BATCH * BATCH;
        (0..whole / BATCH).try_for_each(|_| self.batch(vault, BATCH, false))?;
        self.batch(vault, count - whole, snapshot)
    }

    fn batch(&mut self, vault: &mut Vault, count: u64, snapshot: bool) -> Result<(), Error> {
        let before = self.clone();
        let done = self.write(vault, count, snapshot);
        if done.is_err() {
            *self = before;
        }
        done
    }

    fn write(&mut self, vault: &mut Vault, count: u64, snapshot: bool) -> Result<(), Error> {
        let mut random = rng(self.rows.entries());
        let mut batch = vault.begin(Claim::Ordinary, &mut random)?;
        for _ in 0..count {
            let number = self.rows.entries() as u32;
            let position = batch.entry(&number.to_le_bytes())?;
            let row = Row { leaf: [number as u8; 32], position };
            self.rows.push(row);
            self.all.push(row);
        }
        let paged =
            if snapshot { Some(batch.snapshot(&self.rows, &state(self.rows.entries()))?) } else { None };
        batch.commit([1; 32])?;
        paged.into_iter().for_each(|paged| self.rows.paged(paged));
        Ok(())
    }
}

/// The entries and rows of a snapshot, if it is whole.
fn read(vault: &Vault, at: Option<Position>) -> Option<(u64, Vec<Row>)> {
    let mut rows = Vec::new();
    let found = vault.reader().snapshot(at?, |row| rows.push(row)).ok()?;
    let entries = found.rows.entries();
    assert_eq!(found.state, state(entries), "a snapshot that opens is the one that was written");
    assert_eq!(rows.len() as u64, entries);
    Some((entries, rows))
}

#[test]
fn a_start_reads_the_two_newest_and_goes_on_with_their_rows() {
    let mut world = World::seeded(60);
    let mut above = Above::default();
    for life in 0..4 {
        let (machine, mut opened) = world.calm();
        if life > 0 {
            let mut all = Vec::new();
            let newest = opened.vault.snapshots()[0].unwrap();
            above.rows = opened.vault.reader().snapshot(newest, |row| all.push(row)).unwrap().rows;
            assert_eq!(all, above.all);
        }
        for day in 1..5 {
            above.day(&mut opened.vault, 300 * day + life, true).unwrap();
        }
        let [newest, before] = opened.vault.snapshots();
        assert_eq!(read(&opened.vault, newest).unwrap().1, above.all);
        let (entries, rows) = read(&opened.vault, before).unwrap();
        assert_eq!(rows, above.all[..entries as usize]);
        drop(opened);
        world.power_off(&machine, life);
    }
}

#[test]
fn forgotten_snapshots_give_their_room_back_at_once() {
    let world = World::seeded(61);
    let (_, mut life) = world.calm();
    let mut above = Above::default();
    // What else grows is the journal.
    let mut free = Vec::new();
    for _ in 0..40 {
        above.day(&mut life.vault, 2, true).unwrap();
        free.push(life.vault.space().free);
    }
    assert!(free[4..].iter().all(|now| now.abs_diff(free[4]) <= 3), "{free:?}");
    // A sweep takes nothing that a snapshot needs.
    sweep(&mut life.vault, &mut rng(1)).unwrap();
    assert!(life.vault.snapshots().into_iter().all(|at| read(&life.vault, at).is_some()));
}

#[test]
fn many_pages_are_written_in_batches_of_their_own() {
    let world = World::seeded(62);
    let (_, mut life) = world.calm();
    let mut above = Above::default();
    above.day(&mut life.vault, 3_500, false).unwrap();
    life.vault.write_pages(&mut above.rows, &mut rng(1)).unwrap();
    assert_eq!(above.rows.entries(), 3_500);
    above.day(&mut life.vault, 1, true).unwrap();
    assert_eq!(read(&life.vault, life.vault.snapshots()[0]).unwrap().1, above.all);
}

#[test]
fn a_snapshot_leaves_room_to_everything_else() {
    let world = World::seeded(63);
    let (_, mut life) = world.calm();
    let rows = Rows::default();
    assert!(life.vault.takes_snapshot(&rows, 1000));
    assert!(!life.vault.takes_snapshot(&rows, 64 << 20), "it would fill the device");
    let mut above = Above::default();
    while life.vault.takes_snapshot(&rows, 1000) {
        above.day(&mut life.vault, 900, false).unwrap();
    }
    assert!(life.vault.space().free > 2 * life.vault.space().reserve, "{:?}", life.vault.space());
}

#[test]
fn at_every_power_cut_around_a_snapshot_a_whole_one_is_left() {
    let mut start = World::seeded(64);
    let (machine, mut life) = start.calm();
    let mut before = Above::default();
    for _ in 0..3 {
        before.day(&mut life.vault, 700, true).unwrap();
    }
    drop(life);
    start.power_off(&machine, 0);
    for at in 0.. {
        let mut world = clone_of(&start);
        let mut above = before.clone();
        let machine = world.machine(CrashClock::new(at, Fault::PowerCut));
        let mut wrote = false;
        if let Ok(mut life) = world.open(&machine) {
            wrote = above.day(&mut life.vault, 800, true).is_ok();
        }
        let struck = machine.clock.has_struck();
        world.power_off(&machine, at);
        let (_, life) = world.calm();
        let [newest, older] = life.vault.snapshots();
        let (entries, rows) = read(&life.vault, newest).expect("what the commit record names is whole");
        assert!(entries >= before.rows.entries() && (!wrote || entries == above.rows.entries()), "cut {at}");
        assert_eq!(rows[..before.all.len()], before.all[..]);
        assert!(read(&life.vault, older).is_some(), "cut {at}");
        if !struck {
            return;
        }
    }
}

#[test]
fn damage_is_noticed_wherever_it_is_and_the_older_snapshot_is_there() {
    let mut start = World::seeded(65);
    let (machine, mut life) = start.calm();
    let mut above = Above::default();
    above.day(&mut life.vault, 1_000, true).unwrap();
    above.day(&mut life.vault, 1_500, true).unwrap();
    let frames =
        crate::snapshot::frames(&life.vault.log.reader(), life.vault.snapshots()[0].unwrap()).unwrap();
    assert!(frames.len() >= 3, "page, piece, index");
    // The newest batch's own runs the log checks by itself.
    above.day(&mut life.vault, 1, false).unwrap();
    drop(life);
    start.power_off(&machine, 0);
    for frame in frames {
        let mut world = clone_of(&start);
        world.image[frame.offset as usize + 30] ^= 1;
        let (_, opened) = world.calm();
        let [newest, older] = opened.vault.snapshots();
        assert!(read(&opened.vault, newest).is_none());
        assert_eq!(read(&opened.vault, older).unwrap().0, 1_000);
    }
}
