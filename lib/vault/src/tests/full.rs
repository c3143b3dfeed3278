//! A store that is nearly full, and one that is wholly full: what was admitted is erased or waits, and nothing else breaks.

use std::collections::BTreeSet;

use disk::{Claim, MemoryDevice};

use super::*;

const LARGE: Geometry = Geometry { extent_bytes: 1 << 20, extents: 64, reserve: 5 };
const LARGE_BYTES: u64 = 65 << 20;
const SHORT: u64 = 8_000;

/// A store on a device without a past.
struct Store {
    device: Arc<MemoryDevice>,
    records: CellRecords,
    vault: Vault,
    random: ChaCha20Rng,
    live: BTreeSet<Place>,
}

impl Store {
    fn new(device_bytes: u64, geometry: Geometry) -> Self {
        let device = Arc::new(MemoryDevice::new(device_bytes));
        let records = CellRecords::default();
        let mut random = rng(60);
        let cell = Box::new(MemoryCell::new(records.clone(), None));
        let vault = Vault::create(device.clone(), cell, geometry, Limits::default(), &mut random).unwrap();
        Self { device, records, vault, random, live: BTreeSet::new() }
    }

    fn restart(&mut self) {
        let cell = Box::new(MemoryCell::new(self.records.clone(), None));
        self.vault = Vault::open(self.device.clone(), cell, Limits::default(), &mut self.random).unwrap().0;
    }

    fn say(&mut self, places: &[Place], bytes: usize) -> Result<(), Error> {
        let mut batch = self.vault.begin(Claim::Ordinary, &mut self.random)?;
        for place in places {
            batch.insert(*place, &vec![place.item as u8; bytes])?;
            batch.entry(&[b'M'; 300])?;
        }
        batch.commit([7; 32])?;
        self.live.extend(places);
        Ok(())
    }

    /// Short messages in one conversation, then large ones in another, until so many extents are free.
    fn fill(&mut self, free: u32) {
        let short: Vec<Place> = (0..SHORT).map(|item| Place::item(1, item)).collect();
        short.chunks(500).for_each(|some| self.say(some, 300).unwrap());
        for item in 0.. {
            if self.vault.space().free <= free {
                return;
            }
            self.say(&[Place::item(2, item)], 100_000).unwrap();
        }
    }

    fn entry(&mut self, claim: Claim) -> Result<(), Error> {
        let mut batch = self.vault.begin(claim, &mut self.random)?;
        batch.entry(&[b'E'; 300])?;
        batch.commit([7; 32]).map(|_| ())
    }

    /// Some short message that still is there.
    fn any(&mut self) -> Place {
        let from = Place::item(1, self.random.next_u64() % SHORT);
        *self.live.range(from..).chain(&self.live).next().unwrap()
    }

    fn erase(&mut self, place: Place) -> Result<(), Error> {
        self.live.remove(&place);
        let intended = self.vault.begin_erasure(&[Target::Place(place)])?;
        let written = self.vault.write_tree(intended, &mut self.random)?;
        let replaced = self.vault.replace_cell(written)?;
        let destroyed = self.vault.destroy_old_slot(replaced)?;
        self.vault.finish_erasure(destroyed);
        Ok(())
    }

    fn check(&self) {
        let reader = self.vault.reader();
        for place in &self.live {
            let body = reader.read(*place).unwrap_or_else(|error| panic!("{place:?}: {error}"));
            assert!(body.iter().all(|byte| *byte == place.item as u8));
        }
    }
}

#[test]
fn a_thousand_single_erasures_in_a_nearly_full_store_are_all_carried_out() {
    let mut store = Store::new(LARGE_BYTES, LARGE);
    store.fill(18);
    for round in 0..1_000 {
        let place = store.any();
        let done = store
            .entry(Claim::Urgent) // (a)
            .and_then(|()| store.erase(place))
            .and_then(|()| store.entry(Claim::Urgent)) // (f)
            .and_then(|()| {
                (0..2).try_for_each(|_| store.vault.tend(Need::Room, &mut store.random).map(|_| ()))
            });
        done.unwrap_or_else(|error| panic!("round {round}: {error}"));
        if round % 250 == 0 {
            store.restart();
        }
    }
    // The journal grows by two blocks and a commit record for each of the three batches, for good; the tree does not.
    assert!(store.vault.space().free > LARGE.reserve, "{:?}", store.vault.space());
    store.check();
    store.restart();
    store.check();
}

#[test]
fn an_erasure_that_finds_no_room_waits_and_the_store_lives() {
    let mut store = Store::new(LARGE_BYTES, LARGE);
    store.fill(6);
    // Urgent batches leave what is kept for erasures.
    let full = loop {
        if let Err(error) = store.entry(Claim::Urgent) {
            break error;
        }
    };
    assert!(full.is_full(), "{full}");
    let kept = store.vault.space();
    assert_eq!(kept.free, kept.kept());
    // Of that an erasure that was admitted takes what it needs, again and again, until really nothing is left.
    let mut erased = 0;
    let (waits, full) = loop {
        let place = store.any();
        match store.erase(place) {
            Ok(()) => erased += 1,
            Err(error) => break (place, error),
        }
    };
    assert!(full.is_full() && erased > 20, "{erased} {full}");
    for _ in 0..3 {
        assert!(matches!(store.vault.reader().read(waits), Err(Error::BeingErased(_))), "served to nobody");
        assert!(store.erase(waits).unwrap_err().is_full(), "and tried again without harm");
        store.check();
        store.restart();
        store.live.insert(waits);
        store.check();
        store.live.remove(&waits);
        assert!(store.erase(waits).unwrap_err().is_full(), "a start finds it as it was");
    }
    // A whole conversation of large ones gives room, as soon as somebody makes some for it.
    let epoch = store.vault.epoch();
    let device = store.device.image();
    let longer = Arc::new(MemoryDevice::from_bytes([device, vec![0; 8 << 20]].concat()));
    store.device = longer.clone();
    let cell = Box::new(MemoryCell::new(store.records.clone(), None));
    crate::grow(longer, cell as Box<dyn crate::RootCell>, &mut store.random).unwrap();
    store.restart();
    store.erase(waits).unwrap();
    assert_eq!(store.vault.epoch(), epoch + 1);
    store.check();
}

#[test]
fn a_fold_that_finds_no_room_keeps_no_batch_from_being_written() {
    let mut store = Store::new(LARGE_BYTES, LARGE);
    store.fill(6);
    while store.entry(Claim::Urgent).is_ok() {}
    while store.vault.space().free > 0 {
        let mut batch = store.vault.begin(Claim::Erasing, &mut store.random).unwrap();
        batch.snapshot(&crate::Rows::default(), &[1; 100]).unwrap();
        batch.commit([7; 32]).unwrap();
    }
    store.vault.limits.fold_leaves = 1;
    let place = Place::item(3, 1);
    // There is room in what is begun of the bodies' last extent, and none for the tree.
    let mut written = 0;
    while store.vault.fold(&mut store.random).is_ok() {}
    for _ in 0..3 {
        let mut batch = store.vault.begin(Claim::Urgent, &mut store.random).unwrap();
        batch.insert(Place { item: place.item + written, ..place }, b"text").unwrap();
        batch.commit([7; 32]).unwrap();
        written += 1;
    }
    assert!(store.vault.reader().read(place).is_ok());
    assert!(matches!(store.vault.tend(Need::Room, &mut store.random), Ok(Tended::Idle | Tended::Working)));
    store.restart();
    assert!(store.vault.reader().read(place).is_ok());
}
