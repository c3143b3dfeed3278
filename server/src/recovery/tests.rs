use super::*;
use crate::randomness::rng;
use disk::{BLOCK, Claim, Device, Geometry, MemoryDevice};
use journal::testing::TestLog;
use journal::tree::leaf_hash;
use std::sync::{Arc, Mutex};
use vault::{CellRecords, Limits, MemoryCell};

const GEOMETRY: Geometry = Geometry { extent_bytes: 256 * 1024, extents: 60, reserve: 4 };
const LENGTH: u64 = 256 * 1024 * 61;
const BATCH: usize = 7;

/// A device and a cell that outlive an open vault.
struct Machine {
    device: Arc<MemoryDevice>,
    records: CellRecords,
}

impl Machine {
    /// A store with all entries of a log; behind the entries of these numbers it has snapshots.
    fn with(log: &TestLog, snapshots: &[usize]) -> Self {
        let machine = Self {
            device: Arc::new(MemoryDevice::new(LENGTH)),
            records: Arc::new(Mutex::new(Default::default())),
        };
        let cell = Box::new(MemoryCell::new(machine.records.clone(), None));
        let device: Arc<dyn Device> = machine.device.clone();
        let mut vault = Vault::create(device, cell, GEOMETRY, Limits::default(), &mut rng()).unwrap();
        let (mut above, mut written) = (Above::default(), 0);
        for upto in snapshots.iter().copied().chain([log.entries.len()]) {
            for entries in log.entries[written..upto].chunks(BATCH) {
                above.write(&mut vault, entries, false);
            }
            written = upto;
            if snapshots.contains(&upto) {
                above.write(&mut vault, &[], true);
            }
        }
        machine
    }

    fn open(&self) -> (Vault, Opened) {
        let cell = Box::new(MemoryCell::new(self.records.clone(), None));
        Vault::open(self.device.clone(), cell, Limits::default(), &mut crate::randomness::rng()).unwrap()
    }

    /// Flips a bit of what lies at a position.
    fn damage(&self, position: Position) {
        let at = position.offset + 40;
        let block = at / BLOCK as u64 * BLOCK as u64;
        let mut bytes = vec![0; BLOCK];
        self.device.read(block, &mut bytes).unwrap();
        bytes[(at - block) as usize] ^= 1;
        self.device.write(block, &bytes).unwrap();
    }
}

/// The state above a vault, as the engine and the writer have it.
#[derive(Default)]
struct Above {
    recovery: Recovery,
    tree: Tree,
    rows: Rows,
}

impl Above {
    fn write(&mut self, vault: &mut Vault, entries: &[Vec<u8>], snapshot: bool) {
        let mut rng = rng();
        let mut batch = vault.begin(Claim::Ordinary, &mut rng).unwrap();
        for entry in entries {
            let (position, leaf) = (batch.entry(entry).unwrap(), leaf_hash(entry));
            self.rows.push(Row { leaf, position });
            self.tree.append(leaf);
            self.recovery.feed(entry).unwrap();
        }
        let state = snapshot.then(|| self.recovery.snapshot());
        let paged = state.map(|state| batch.snapshot(&self.rows, &state).unwrap());
        batch.commit(self.tree.root()).unwrap();
        paged.into_iter().for_each(|paged| self.rows.paged(paged));
    }
}

fn log(number: u64) -> TestLog {
    let mut log = TestLog::standard(number);
    let chat = log.talking("anna", &["boris"]);
    for _ in 0..20 {
        log.send("boris", chat).unwrap();
    }
    log
}

/// A start over this machine gives what a replay of everything gives. From which snapshot it began.
fn start(machine: &Machine) -> Replayed {
    let (vault, opened) = machine.open();
    let (short, whole) = (replay(&vault, &opened).unwrap(), from_genesis(&vault, &opened).unwrap());
    assert!(short.register == whole.register && short.books == whole.books);
    assert_eq!(short.register.digest(), whole.register.digest());
    assert_eq!((short.head(), short.rows.entries()), (whole.head(), whole.rows.entries()));
    assert_eq!(short.positions.all(), whole.positions.all());
    short
}

#[test]
fn a_start_from_a_snapshot_ends_where_the_whole_replay_ends() {
    let log = log(1);
    let size = log.entries.len();
    for snapshots in [&[][..], &[4], &[size / 2], &[size], &[5, 20, size - 3]] {
        let found = start(&Machine::with(&log, snapshots));
        assert_eq!(found.snapshot, snapshots.last().map_or(0, |newest| *newest as u64));
        assert!(found.passed_over.is_empty());
        assert_eq!(found.register.digest(), log.register.digest());
    }
}

#[test]
fn a_damaged_snapshot_is_passed_over_for_the_older_one_and_then_for_the_journal() {
    let log = log(2);
    let machine = Machine::with(&log, &[10, 25]);
    let [newest, older] = machine.open().0.snapshots();
    machine.damage(newest.unwrap());
    let found = start(&machine);
    assert_eq!((found.snapshot, found.passed_over.len()), (10, 1));
    machine.damage(older.unwrap());
    let found = start(&machine);
    assert_eq!((found.snapshot, found.passed_over.len()), (0, 2));
}

#[test]
fn a_snapshot_of_other_entries_or_of_another_state_is_never_started_from() {
    let (ours, other) = (log(3), log(4));
    let prefix = |log: &TestLog, size: usize| {
        let mut above = Above::default();
        log.entries[..size].iter().for_each(|entry| above.recovery.feed(entry).unwrap());
        log.entries[..size].iter().for_each(|entry| {
            let position = Position { offset: 8192, length: 100 };
            above.rows.push(Row { leaf: leaf_hash(entry), position });
        });
        (above.rows, above.recovery.snapshot())
    };
    let size = ours.entries.len();
    let mut longer = log(3);
    let chat = longer.talking("vera", &["anna"]);
    longer.send("vera", chat).unwrap();
    let (fitting, _) = prefix(&ours, 20);
    let foreign_rows = prefix(&other, 20);
    let foreign_state = (fitting.clone(), prefix(&other, 20).1);
    let older_state = (fitting.clone(), prefix(&ours, 19).1);
    let newer_form = (fitting, [&[0x84, 2][..], &[0; 40]].concat());
    let beyond = prefix(&longer, size + 1);
    for (what, (rows, state)) in [
        ("entries of another log", foreign_rows),
        ("another log's state", foreign_state),
        ("a state rolled back", older_state),
        ("a newer form", newer_form),
        ("entries that are not durable", beyond),
    ] {
        let machine = Machine::with(&ours, &[]);
        let (mut vault, _) = machine.open();
        let (root, mut rng) = (vault.journal().1, rng());
        let mut batch = vault.begin(Claim::Ordinary, &mut rng).unwrap();
        batch.snapshot(&rows, &state).unwrap();
        batch.commit(root).unwrap();
        drop(vault);
        let found = start(&machine);
        assert_eq!((found.snapshot, found.passed_over.len()), (0, 1), "{what}");
    }
}

#[test]
fn a_journal_that_does_not_fit_its_commit_record_starts_nothing() {
    let log = log(5);
    let machine = Machine::with(&log, &[10]);
    let (mut vault, _) = machine.open();
    let mut rng = rng();
    vault.begin(Claim::Ordinary, &mut rng).unwrap().commit([7; 32]).unwrap();
    drop(vault);
    let (vault, opened) = machine.open();
    assert!(matches!(replay(&vault, &opened), Err(RecoveryError::Root)));
}

#[test]
fn a_start_that_read_everything_leaves_a_snapshot() {
    let log = log(6);
    let machine = Machine::with(&log, &[]);
    let (mut vault, opened) = machine.open();
    let mut found = replay(&vault, &opened).unwrap();
    assert!(!keep_snapshot(&mut vault, &mut found, 1000, &mut rng()).unwrap(), "too few entries");
    assert!(keep_snapshot(&mut vault, &mut found, 10, &mut rng()).unwrap());
    drop(vault);
    assert_eq!(start(&machine).snapshot, log.entries.len() as u64);
}
