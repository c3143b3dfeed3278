//! What an erasure costs, counted where it is paid: syncs, bytes and replacements of the cell, for one message, a thousand
//! in one batch and a conversation of a hundred thousand, in a store of ten thousand messages and in one ten times as large.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use disk::{BLOCK, Claim, Device, Geometry, MemoryDevice};
use vault::{CellError, CellKind, CellSlot, Limits, MemoryCell, Place, RootCell, Target, Vault};
use zeroize::Zeroizing;

/// Messages of a conversation, but of the one that is erased whole.
const TALK: u64 = 100;
/// Messages of that one, and its number.
const LONG_TALK: u64 = 100_000;
const LONG: u64 = 1;
/// What one message's path weighs at most: its nodes of about 1.1 KB in a run of two blocks, and a block of the journal with
/// the commit record. In a small store the nodes fit one block. More than the ten thousand bytes that were aimed at: they are
/// full blocks that are written.
const PATH_BYTES: u64 = 2 * BLOCK as u64 + BLOCK as u64;

/// What device and cell were asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cost {
    syncs: u64,
    bytes: u64,
    cell: u64,
}

#[derive(Default)]
struct Counters {
    syncs: AtomicU64,
    bytes: AtomicU64,
    cell: AtomicU64,
}

impl Counters {
    fn taken(&self) -> Cost {
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::Relaxed);
        Cost { syncs: take(&self.syncs), bytes: take(&self.bytes), cell: take(&self.cell) }
    }
}

struct CountingDevice(MemoryDevice, Arc<Counters>);

impl Device for CountingDevice {
    fn length(&self) -> u64 {
        self.0.length()
    }
    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, buffer)
    }
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.1.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.0.write(offset, bytes)
    }
    fn sync(&self) -> io::Result<()> {
        self.1.syncs.fetch_add(1, Ordering::Relaxed);
        self.0.sync()
    }
    fn discard(&self, offset: u64, length: u64) -> io::Result<()> {
        self.0.discard(offset, length)
    }
}

struct CountingCell(MemoryCell, Arc<Counters>);

impl RootCell for CountingCell {
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
        self.1.cell.fetch_add(1, Ordering::Relaxed);
        self.0.write(slot, record)
    }
    fn destroy(&mut self, slot: CellSlot) -> Result<(), CellError> {
        self.1.cell.fetch_add(1, Ordering::Relaxed);
        self.0.destroy(slot)
    }
}

/// A store of so many messages in conversations of [`TALK`], and one conversation of [`LONG_TALK`].
struct Store {
    vault: Vault,
    counters: Arc<Counters>,
    random: ChaCha20Rng,
    conversations: u64,
}

impl Store {
    fn of(messages: u64) -> Self {
        let (counters, mut random) = (Arc::new(Counters::default()), ChaCha20Rng::seed_from_u64(messages));
        let length = (128 << 20) + messages * 800;
        let device = Arc::new(CountingDevice(MemoryDevice::new(length), counters.clone()));
        let cell = Box::new(CountingCell(MemoryCell::new(Arc::default(), None), counters.clone()));
        let geometry = Geometry::for_length(length).unwrap();
        let vault = Vault::create(device, cell, geometry, Limits::default(), &mut random).unwrap();
        let mut store = Self { vault, counters, random, conversations: messages / TALK };
        store.fill((0..LONG_TALK).map(|item| Place::item(LONG, item)));
        let spread = (0..messages).map(|n| Place::item(LONG + 1 + n / TALK, n % TALK));
        store.fill(spread);
        store
    }

    fn fill(&mut self, places: impl Iterator<Item = Place>) {
        let mut places = places.peekable();
        while places.peek().is_some() {
            let mut batch = self.vault.begin(Claim::Ordinary, &mut self.random).unwrap();
            for place in places.by_ref().take(512) {
                batch.insert(place, &[7; 64]).unwrap();
            }
            batch.commit([0; 32]).unwrap();
        }
        // An erasure pays only for itself.
        self.vault.fold(&mut self.random).unwrap();
    }

    fn some_message(&mut self) -> Target {
        let draw = self.random.next_u64();
        Target::Place(Place::item(LONG + 1 + draw % self.conversations, (draw >> 32) % TALK))
    }

    fn entry(&mut self, what: &[u8]) {
        let mut batch = self.vault.begin(Claim::Urgent, &mut self.random).unwrap();
        batch.entry(what).unwrap();
        batch.commit([0; 32]).unwrap();
    }

    /// A whole epoch: the intent in the journal, tree, cell, and the word in the journal. Gives what tree and cell cost.
    fn erase(&mut self, targets: &[Target]) -> Cost {
        self.counters.taken();
        self.entry(&[b'E'; 200]);
        assert_eq!(self.counters.taken(), Cost { syncs: 1, bytes: BLOCK as u64, cell: 0 }, "(a)");
        let intended = self.vault.begin_erasure(targets).unwrap();
        let written = self.vault.write_tree(intended, &mut self.random).unwrap();
        let tree = self.counters.taken();
        assert_eq!((tree.syncs, tree.cell), (1, 0), "(b)");
        let replaced = self.vault.replace_cell(written).unwrap();
        assert_eq!(self.counters.taken(), Cost { syncs: 0, bytes: 0, cell: 1 }, "(c)");
        let destroyed = self.vault.destroy_old_slot(replaced).unwrap();
        assert_eq!(self.counters.taken(), Cost { syncs: 0, bytes: 0, cell: 1 }, "(d)");
        self.vault.finish_erasure(destroyed);
        self.entry(&[b'D'; 60]);
        assert_eq!(self.counters.taken(), Cost { syncs: 1, bytes: BLOCK as u64, cell: 0 }, "(f)");
        tree
    }
}

#[test]
fn an_erasure_costs_its_paths_and_three_syncs_whatever_the_store_holds() {
    let sizes: &[u64] = match std::env::var_os("CONCLAVE_FULL") {
        Some(_) => &[10_000, 100_000, 1_000_000],
        None => &[10_000, 100_000],
    };
    let mut of_one = Vec::new();
    for messages in sizes {
        let mut store = Store::of(*messages);
        let one: Vec<u64> = (0..20)
            .map(|_| {
                let target = store.some_message();
                store.erase(&[target]).bytes
            })
            .collect();
        let thousand: Vec<Target> = (0..1000).map(|_| store.some_message()).collect();
        let thousand = store.erase(&thousand).bytes;
        let whole = store.erase(&[Target::Conversation(LONG)]).bytes;
        println!(
            "{messages} messages: one {one:?}, a thousand {thousand}, a conversation of {LONG_TALK} {whole}"
        );
        let most = one.iter().copied().max().unwrap();
        assert!(most <= PATH_BYTES, "one: {one:?}");
        assert!(
            thousand <= 1000 * 2560,
            "in a batch a message costs its own node and little else: {thousand}"
        );
        assert!(whole <= most, "a conversation is one slot: {whole}, one message: {most}");
        of_one.push(most);
    }
    // Ten times the messages are one level more of nodes, if that.
    let steps = of_one.windows(2).all(|pair| pair[1] <= pair[0] + BLOCK as u64);
    assert!(steps, "flat but for a block: {of_one:?}");
}
