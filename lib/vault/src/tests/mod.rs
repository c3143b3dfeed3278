//! The vault's stories, told over a simulated machine: a device and a cell that survive its lives, every version of
//! every block ever written, and a book of what was promised to people.

mod bad_sectors;
mod compact;
mod crash;
mod erase;
mod everyday;
mod full;
mod histories;
mod kills;
mod kinds;
mod lost;
mod mirror;
mod mirror_trouble;
mod misreads;
mod nodes;
mod offline;
mod reads;
mod salvage;
mod salvage_full;
mod snapshots;
mod tamper;
mod things;
mod unlock;
mod unread;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use disk::{Claim, CrashClock, CrashingDevice, Fault, Geometry, RecordedWrite, RecordingDevice};

use crate::adversary::{
    LiveKey, OpenedBodies, Search, cell_keys, device_keys, live_keys, open_everything, search,
};
use crate::device_record::DeviceRecord;
use crate::{
    CellRecords, CellSlot, Error, Keeper, Limits, MemoryCell, Need, Opened, Place, Target, Tended,
    UnlockSecret, Vault,
};

pub(super) const GEOMETRY: Geometry = Geometry { extent_bytes: 64 * 1024, extents: 64, reserve: 4 };
const LENGTH: usize = 64 * 1024 * 65;
/// Small limits, so that folds and evictions happen in short histories.
pub(super) const LIMITS: Limits =
    Limits { nodes_cached: 24, fold_leaves: 12, fold_lists: 5, body_bytes_max: 60_000, targets_max: 100 };

pub(super) fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// Tells each of these stories, on all processors.
pub(super) fn all_of(stories: std::ops::Range<u64>, story: impl Fn(u64) + Sync) {
    let next = AtomicU64::new(stories.start);
    let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|number| stories.contains(number));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| std::iter::from_fn(take).for_each(&story));
        }
    });
}

/// What `cargo xtask adversary` prints: one line for each count and each negative control.
pub(super) fn told(what: std::fmt::Arguments<'_>) {
    println!("adversary: {what}");
}

/// How many of these stories: those of the usual run, or of the long one that the test command knows.
pub(super) fn stories(usual: u64, long: u64) -> std::ops::Range<u64> {
    0..if std::env::var_os("CONCLAVE_FULL").is_some() { long } else { usual }
}

/// Everything that can be given back is; gives how many extents.
pub(super) fn sweep(vault: &mut Vault, random: &mut ChaCha20Rng) -> Result<usize, Error> {
    let mut freed = 0;
    for _ in 0..100_000 {
        match vault.tend(Need::Room, random)? {
            Tended::Idle => return Ok(freed),
            Tended::Working => {}
            Tended::Freed => freed += 1,
            Tended::Damaged(offset) => panic!("nothing was damaged, but byte {offset} is"),
        }
    }
    panic!("it never comes to an end");
}

/// A body that only this place and version can have.
pub(super) fn body(place: Place, version: u64, padding: usize) -> Vec<u8> {
    let mut body = format!("canary {place:?} {version} ").into_bytes();
    body.resize(60 + padding + (place.item as usize * 31) % 400, b'.');
    body
}

/// A machine between its lives.
pub(super) struct World {
    pub(super) image: Vec<u8>,
    pub(super) records: CellRecords,
    pub(super) history: Vec<RecordedWrite>,
    pub(super) random: ChaCha20Rng,
    /// Bodies whose insertion was acknowledged and whose erasure was never asked for.
    pub(super) live: BTreeMap<Place, Vec<u8>>,
    /// Every erasure asked for and durable; the journal entry names its index here.
    pub(super) intents: Vec<Vec<Target>>,
    pub(super) next_item: u64,
    /// Added to every body, so that extents fill, die and come back into use.
    pub(super) padding: usize,
    /// Of a site with an unlock secret: what it is filled with.
    pub(super) unlock: Option<u8>,
}

/// One life of the machine.
pub(super) struct Life {
    pub(super) vault: Vault,
    pub(super) opened: Opened,
}

/// The device of a life, to be asked after the vault is gone.
pub(super) struct Machine {
    pub(super) crashing: Arc<CrashingDevice>,
    pub(super) recording: Arc<RecordingDevice>,
    pub(super) clock: Arc<CrashClock>,
}

impl World {
    /// A fresh store.
    pub(super) fn seeded(seed: u64) -> Self {
        Self::founded(seed, None)
    }

    /// One of a site with an unlock secret, where it has one.
    pub(super) fn founded(seed: u64, unlock: Option<u8>) -> Self {
        let mut world = Self {
            image: vec![0; LENGTH],
            records: Arc::new(Mutex::new(Default::default())),
            history: Vec::new(),
            random: rng(seed),
            live: BTreeMap::new(),
            intents: Vec::new(),
            next_item: 1,
            padding: 0,
            unlock,
        };
        let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
        let keeper = world.keeper(None);
        let vault =
            Vault::create(machine.recording.clone(), keeper, GEOMETRY, LIMITS, &mut world.random).unwrap();
        drop(vault);
        world.power_off(&machine, 0);
        world
    }

    pub(super) fn machine(&self, clock: Arc<CrashClock>) -> Machine {
        let crashing = Arc::new(CrashingDevice::new(self.image.clone(), clock.clone()));
        let recording = Arc::new(RecordingDevice::new(crashing.clone(), self.history.clone()));
        Machine { crashing, recording, clock }
    }

    /// The site's unlock secret.
    pub(super) fn secret(&self) -> Option<UnlockSecret> {
        self.unlock.map(|byte| UnlockSecret::filled(|bytes| bytes.fill(byte)).unwrap())
    }

    fn keeper(&self, clock: Option<Arc<CrashClock>>) -> Keeper {
        let keeper = Keeper::from(Box::new(MemoryCell::new(self.records.clone(), clock)));
        match self.secret() {
            Some(secret) => keeper.with_unlock(secret),
            None => keeper,
        }
    }

    pub(super) fn open(&self, machine: &Machine) -> Result<Life, Error> {
        let keeper = self.keeper(Some(machine.clock.clone()));
        let (vault, opened) = Vault::open(machine.recording.clone(), keeper, LIMITS, &mut rng(5))?;
        Ok(Life { vault, opened })
    }

    /// A life without faults.
    pub(super) fn calm(&self) -> (Machine, Life) {
        let machine = self.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
        let life = self.open(&machine).unwrap();
        (machine, life)
    }

    /// The power goes: what was not synced survives at random.
    pub(super) fn power_off(&mut self, machine: &Machine, seed: u64) {
        self.image = machine.crashing.after_power_cut(seed);
        self.history = machine.recording.writes();
    }

    /// A batch of a few messages and file chunks into conversation `conversation`.
    pub(super) fn say(&mut self, vault: &mut Vault, conversation: u64, count: u64) -> Result<(), Error> {
        let mut said = Vec::new();
        let mut random = rng(self.random.next_u64());
        let mut batch = vault.begin(Claim::Ordinary, &mut random)?;
        for _ in 0..count {
            let item = self.next_item;
            self.next_item += 1;
            let chunks = if item.is_multiple_of(4) { 3 } else { 0 };
            let places = (0..chunks).map(|chunk| Place::chunk(conversation, item, chunk));
            let whole = (chunks == 0).then_some(Place::item(conversation, item));
            for place in places.chain(whole) {
                let body = body(place, item, self.padding);
                batch.insert(place, &body)?;
                said.push((place, body));
            }
            batch.entry(b"M")?;
        }
        batch.commit([7; 32])?;
        self.live.extend(said); // The acknowledgement: from here on it must never be lost.
        Ok(())
    }

    /// Step (a): the intent is durable, and from here on the bodies are nobody's any more.
    pub(super) fn ask(&mut self, vault: &mut Vault, targets: Vec<Target>) -> Result<usize, Error> {
        let mut random = rng(self.random.next_u64());
        let number = self.intents.len();
        // Asked is asked: it may be durable even if the machine dies before it can say so.
        self.live.retain(|place, _| !targets.iter().any(|target| target.covers(place)));
        self.intents.push(targets);
        let mut batch = vault.begin(Claim::Urgent, &mut random)?;
        batch.entry(&[b'E', number as u8])?;
        batch.commit([7; 32])?;
        Ok(number)
    }

    /// Steps (b) to (f).
    pub(super) fn erase(&mut self, vault: &mut Vault, number: usize) -> Result<(), Error> {
        let mut random = rng(self.random.next_u64());
        let intended = vault.begin_erasure(&self.intents[number])?;
        let written = vault.write_tree(intended, &mut random)?;
        let replaced = vault.replace_cell(written)?;
        let destroyed = vault.destroy_old_slot(replaced)?;
        vault.finish_erasure(destroyed);
        let mut batch = vault.begin(Claim::Urgent, &mut random)?;
        batch.entry(&[b'D', number as u8])?;
        batch.commit([7; 32])?;
        Ok(())
    }

    /// Redoes every intent of the journal that has no "done". Gives the numbers of the intents that are durable.
    pub(super) fn redo(&mut self, vault: &mut Vault) -> Result<Vec<usize>, Error> {
        let entries: Vec<_> = vault.journal_entries(0).map(|entry| entry.unwrap().bytes).collect();
        let named = |letter: u8| {
            let of = entries.iter().filter(move |entry| entry[0] == letter);
            of.map(|entry| usize::from(entry[1])).collect::<Vec<_>>()
        };
        let (asked, done) = (named(b'E'), named(b'D'));
        for number in asked.iter().filter(|number| !done.contains(number)) {
            self.erase(vault, *number)?;
        }
        Ok(asked)
    }

    /// What the adversary opens with the given vault's live keys, the cell, and everything ever written.
    pub(super) fn adversary(&self, machine: &Machine, vault: &Vault) -> OpenedBodies {
        self.adversary_with(machine, vault, &self.records)
    }

    /// The same with the keys of another copy of the cell as well.
    pub(super) fn adversary_with(
        &self,
        machine: &Machine,
        vault: &Vault,
        records: &CellRecords,
    ) -> OpenedBodies {
        let secret = self.secret();
        self.search(machine, vault, records, live_keys(vault), secret.as_ref()).opened
    }

    /// What somebody opens with the cell, the keys of the device, everything ever written, and whatever of the rest he has.
    pub(super) fn search(
        &self,
        machine: &Machine,
        vault: &Vault,
        records: &CellRecords,
        mut keys: Vec<LiveKey>,
        unlock: Option<&UnlockSecret>,
    ) -> Search {
        let cell = MemoryCell::new(records.clone(), None);
        keys.extend(cell_keys(&cell, &vault.store()));
        // Under an unlock secret these are sealed; he has them all the same.
        let record = records.lock().unwrap()[CellSlot::Device.index()].clone();
        let device = DeviceRecord::decode(&record, self.secret().as_ref()).unwrap().unwrap().keys;
        search(&device, vault.store(), keys, unlock, &machine.recording.writes())
    }

    /// All that was promised to live is readable.
    pub(super) fn check_live(&self, vault: &Vault, story: &str) {
        let reader = vault.reader();
        for (place, body) in &self.live {
            match reader.read(*place) {
                Ok(read) => assert_eq!(&*read, body, "{story}: {place:?}"),
                Err(error) => panic!("{story}: {place:?}: {error}"),
            }
        }
    }

    /// Nothing that these intents cover is readable or openable; all that lives is openable.
    pub(super) fn check_opened(&self, opened: &OpenedBodies, intents: &[usize], story: &str) {
        for number in intents {
            for target in &self.intents[*number] {
                let back = opened.keys().find(|place| target.covers(place));
                assert_eq!(back, None, "{story}: erased {target:?} opens");
            }
        }
        for (place, body) in &self.live {
            let found = opened.get(place).is_some_and(|bodies| bodies.contains(body));
            assert!(
                found,
                "{story}: live {place:?} does not open: the adversary is too weak to prove anything"
            );
        }
    }
}
