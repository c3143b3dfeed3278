//! Whoever has every backup ever made, the cell and every live key opens all that lives and nothing that was erased,
//! also after the store was put back from one. A backup that carried the root would be caught.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::sync::{Arc, Mutex};

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use disk::{
    BLOCK, Claim, CopyBuffer, Cover, Device, Geometry, MemoryDevice, Outline, RecordedWrite, Restoring,
    Sealer, frames_of_write,
};
use vault::adversary::{LiveKey, OpenedBodies, cell_keys, device_keys, live_keys, open_everything};
use vault::{CellRecords, Limits, MemoryCell, Place, Target, Vault};

const GEOMETRY: Geometry = Geometry { extent_bytes: 64 * 1024, extents: 64, reserve: 4 };
const LENGTH: u64 = 64 * 1024 * 65;

/// A backup of a store: its blocks by their place on the device, and every piece that was ever copied.
#[derive(Default)]
struct Backup {
    cover: Cover,
    pieces: Vec<(disk::Range, Vec<u8>)>,
    outline: Option<Outline>,
}

impl Backup {
    fn pull(&mut self, vault: &Vault) {
        let still = vault.copier().hold().unwrap();
        let mut buffer = CopyBuffer::new();
        for range in self.cover.missing(still.outline()) {
            still.read(&range, &mut buffer).unwrap();
            self.cover.add(&range);
            self.pieces.push((range, buffer.as_ref().to_vec()));
        }
        self.outline = Some(still.outline().clone());
    }

    fn restored(&self) -> Arc<MemoryDevice> {
        let (device, outline) = (Arc::new(MemoryDevice::new(LENGTH)), self.outline.as_ref().unwrap());
        let mut restoring = Restoring::new(&*device, outline).unwrap();
        for (range, bytes) in self.pieces.iter().filter(|(range, _)| outline.holds(range)) {
            restoring.put(range, bytes).unwrap();
        }
        restoring.finish().unwrap();
        device
    }

    /// Every run in it, for the adversary; also of what the newest state does not need any more.
    fn runs(&self, sealer: &Sealer) -> Vec<RecordedWrite> {
        let outline = self.outline.as_ref().unwrap();
        let mut runs = Vec::new();
        for (range, bytes) in &self.pieces {
            for block in (0..bytes.len()).step_by(BLOCK) {
                let (offset, rest) = (outline.offset(range) + block as u64, &bytes[block..]);
                if !frames_of_write(sealer, offset, rest).is_empty() {
                    runs.push(RecordedWrite { offset, bytes: rest.to_vec() });
                }
            }
        }
        runs
    }
}

struct Site {
    vault: Vault,
    records: CellRecords,
    random: ChaCha20Rng,
}

impl Site {
    fn new() -> Self {
        let mut random = ChaCha20Rng::seed_from_u64(9);
        let records: CellRecords = Arc::new(Mutex::new(Default::default()));
        let cell = Box::new(MemoryCell::new(records.clone(), None));
        let device = Arc::new(MemoryDevice::new(LENGTH));
        let vault = Vault::create(device, cell, GEOMETRY, Limits::default(), &mut random).unwrap();
        Self { vault, records, random }
    }

    fn insert(&mut self, items: std::ops::Range<u64>) {
        for item in items {
            let mut batch = self.vault.begin(Claim::Ordinary, &mut self.random).unwrap();
            batch.insert(Place::item(1, item), body(item).as_bytes()).unwrap();
            batch.entry(b"M").unwrap();
            batch.commit([7; 32]).unwrap();
        }
    }

    fn erase(&mut self, item: u64) {
        let targets = [Target::Place(Place::item(1, item))];
        let intended = self.vault.begin_erasure(&targets).unwrap();
        let written = self.vault.write_tree(intended, &mut self.random).unwrap();
        let replaced = self.vault.replace_cell(written).unwrap();
        let destroyed = self.vault.destroy_old_slot(replaced).unwrap();
        self.vault.finish_erasure(destroyed);
        let mut batch = self.vault.begin(Claim::Urgent, &mut self.random).unwrap();
        batch.entry(b"D").unwrap();
        batch.commit([7; 32]).unwrap();
    }

    fn cell(&self) -> MemoryCell {
        MemoryCell::new(self.records.clone(), None)
    }

    /// The adversary with all these backups, the live keys, the cell, and `more`.
    fn adversary(&self, backups: &[&Backup], more: &[LiveKey]) -> OpenedBodies {
        let (cell, store) = (self.cell(), self.vault.store());
        let keys = device_keys(&cell).unwrap();
        let sealer = Sealer::new(&keys, store);
        let runs: Vec<_> = backups.iter().flat_map(|backup| backup.runs(&sealer)).collect();
        let live = live_keys(&self.vault).into_iter().chain(cell_keys(&cell, &store));
        open_everything(&keys, store, live.chain(more.iter().cloned()).collect(), &runs)
    }
}

fn body(item: u64) -> String {
    format!("canary {item} {}", ".".repeat(item as usize * 40))
}

#[test]
fn every_backup_and_every_key_open_all_that_lives_and_nothing_erased() {
    let mut site = Site::new();
    site.insert(1..30);
    let (mut old, mut newest) = (Backup::default(), Backup::default());
    old.pull(&site.vault);
    newest.pull(&site.vault);
    // What a backup must never carry.
    let root_of_old: Vec<LiveKey> = cell_keys(&site.cell(), &site.vault.store());
    site.erase(7);
    site.insert(30..40);
    newest.pull(&site.vault);
    site.erase(35);
    newest.pull(&site.vault);

    let expected: Vec<u64> = (1..40).filter(|item| ![7, 35].contains(item)).collect();
    let numbers = |opened: &OpenedBodies| opened.keys().map(|place| place.item).collect::<Vec<_>>();
    assert_eq!(numbers(&site.adversary(&[&old, &newest], &[])), expected);
    let caught = site.adversary(&[&old, &newest], &root_of_old);
    assert!(caught.contains_key(&Place::item(1, 7)), "a backup with the root would be noticed");

    // The disk is lost. The old backup does not open with the cell that survived, the newest does.
    let open = |device: Arc<dyn Device>, random: &mut ChaCha20Rng, records: &CellRecords| {
        let cell = Box::new(MemoryCell::new(records.clone(), None));
        Vault::open(device, cell, Limits::default(), random)
    };
    let refused = open(old.restored(), &mut site.random, &site.records).map(|_| ());
    assert!(matches!(refused, Err(vault::Error::StoreBehindCell { store_epoch: 0, cell_epoch: 2, .. })));
    let (vault, opened) = open(newest.restored(), &mut site.random, &site.records).unwrap();
    assert_eq!(opened.interrupted, None);
    site.vault = vault;
    for item in 1..40 {
        let read = site.vault.reader().read(Place::item(1, item));
        match expected.contains(&item) {
            true => assert_eq!(&**read.unwrap(), body(item).as_bytes()),
            false => assert!(matches!(read, Err(vault::Error::Missing(_)))),
        }
    }
    // And life goes on from there: another erasure, with every backup still in the adversary's hands.
    site.erase(12);
    newest.pull(&site.vault);
    assert!(!site.adversary(&[&old, &newest], &[]).contains_key(&Place::item(1, 12)));
}

#[test]
fn a_backup_between_the_tree_write_and_the_cell_opens_before_and_after() {
    let mut site = Site::new();
    site.insert(1..10);
    let targets = [Target::Place(Place::item(1, 3))];
    let intended = site.vault.begin_erasure(&targets).unwrap();
    let written = site.vault.write_tree(intended, &mut site.random).unwrap();
    let mut between = Backup::default();
    between.pull(&site.vault);
    let outline = between.outline.clone().unwrap();
    assert!(outline.next_written && outline.opens_at(0) && outline.opens_at(1) && !outline.opens_at(2));
    let open = |site: &mut Site| {
        let cell = Box::new(MemoryCell::new(site.records.clone(), None));
        let (vault, _) = Vault::open(between.restored(), cell, Limits::default(), &mut site.random).unwrap();
        (
            vault.epoch(),
            vault.reader().read(Place::item(1, 3)).is_ok(),
            vault.reader().read(Place::item(1, 4)).is_ok(),
        )
    };
    assert_eq!(open(&mut site), (0, true, true), "the erasure was not done: it is redone");
    let replaced = site.vault.replace_cell(written).unwrap();
    site.vault.destroy_old_slot(replaced).unwrap();
    assert_eq!(open(&mut site), (1, false, true), "done, and the backup opens without what was erased");
}
