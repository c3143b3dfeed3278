//! The writer over a real store: what it refuses, and what a full device means.

#[path = "writer_hanging_tests.rs"]
mod hanging;
#[path = "writer_period_tests.rs"]
mod periods;

use super::{Room, WriteError, Writer};
use crate::cell_place::CellPlace;
use crate::config::StoreConfig;
use crate::erasure::{self, Ran};
use crate::log::{Level, Log};
use crate::pacing::Pacing;
use crate::randomness::{PooledRng, rng};
use crate::reader::Positions;
use crate::store;
use crate::verifiers::Verifiers;
use console::Exit;
use journal::checkpoint::{Checkpoint, LogKeys, SignedCheckpoint};
use journal::entry::ENTRY_BYTES_MAX;
use journal::ids::{Head, LogId, Place};
use journal::note::NoteSigner;
use journal::tree::{Tree, leaf_hash};
use pki::{SecretKey, Suite};
use protocol::engine::StoreLimits;
use protocol::io::{Batch, EraseItem, Input, StoredBody};
use protocol::limits::{AROUND_STORED_BYTES, BODY_BYTES_MAX};
use tempfile::TempDir;
use vault::Rows;

/// A store with its writer, and the log that its batches make.
struct World {
    dir: TempDir,
    config: StoreConfig,
    writer: Option<Writer>,
    tree: Tree,
    keys: [SecretKey; 2],
    number: u64,
}

impl World {
    fn place(store_bytes: u64) -> (TempDir, StoreConfig) {
        let dir = tempfile::tempdir().unwrap();
        let config = StoreConfig {
            path: dir.path().join("store"),
            cell: CellPlace::File(dir.path().join("cell")),
            second_cell: None,
            tpm: None,
            cell_auth: None,
            unlock_file: None,
            bytes: store_bytes,
        };
        (dir, config)
    }

    fn new(store_bytes: u64) -> Self {
        let (dir, config) = Self::place(store_bytes);
        let vault = crate::making::survey(&config).unwrap().make(&config).unwrap();
        Self::over(dir, config, vault)
    }

    fn over(dir: TempDir, config: StoreConfig, vault: vault::Vault) -> Self {
        let key = || SecretKey::generate(Suite::Ed25519, &mut rng()).unwrap();
        let mut world =
            Self { dir, config, writer: None, tree: Tree::new(), keys: [key(), key()], number: 0 };
        world.writer = Some(world.writer_over(vault));
        world
    }

    /// What `conclaved store grow --bytes` does, and a start.
    fn grow(&mut self, bytes: u64) {
        self.writer = None;
        let mut medium = store::lock(&self.config).unwrap();
        let disk::Medium::Container(container) = &mut medium else { panic!("a container") };
        container.lengthen(bytes).unwrap();
        let keeper = crate::cells::open(&self.config).unwrap();
        vault::grow(std::sync::Arc::new(medium), keeper, &mut rng()).unwrap();
        self.config.bytes = bytes;
        self.restart();
    }

    fn writer_over(&self, vault: vault::Vault) -> Writer {
        let room = Room::of(&vault, self.config.bytes);
        Writer {
            vault,
            frontier: self.tree.frontier_at(self.tree.size()).unwrap(),
            positions: Positions::default(),
            rows: Rows::default(),
            verifiers: Verifiers::default(),
            room,
            rng: PooledRng::new().unwrap(),
            pacing: Pacing::alone(Log::new(Level::Error)),
            log: Log::new(Level::Error),
        }
    }

    /// Closes the store and opens it again, as a start does.
    fn restart(&mut self) {
        self.writer = None;
        let store::OpenStore { vault, opened, .. } = store::open(&self.config).unwrap();
        assert_eq!(opened.recovered.set_aside_bytes, 0, "nothing was written that does not count");
        assert_eq!(vault.journal(), (self.tree.size(), self.tree.root()));
        self.writer = Some(self.writer_over(vault));
    }

    fn limits(&self) -> StoreLimits {
        let writer = self.writer.as_ref().unwrap();
        writer.room.limits(&writer.vault.space())
    }

    /// The next batch; the tree moves on only when it was written.
    fn write(&mut self, entries: Vec<Vec<u8>>, bodies: Vec<StoredBody>) -> Result<(), WriteError> {
        let (batch, tree) = self.batch(entries, bodies);
        self.writer.as_mut().unwrap().commit(&batch)?;
        self.tree = tree;
        Ok(())
    }

    /// So many small messages of conversation 5.
    fn fill(&mut self, messages: u64) {
        for first in (0..messages).step_by(500) {
            let bodies = (first..messages.min(first + 500)).map(|item| body(item, 300)).collect();
            self.write(vec![b"messages".to_vec()], bodies).unwrap();
        }
    }

    fn takes_messages(&self) -> bool {
        let writer = self.writer.as_ref().unwrap();
        matches!(writer.room.input(&writer.vault), Input::Room(true, ..))
    }

    fn erase(&mut self, place: Place) -> Ran {
        let writer = self.writer.as_mut().unwrap();
        erasure::run(&mut writer.vault, &[EraseItem::Item(place)], None, writer.log).unwrap()
    }

    fn free_bytes(&self) -> u64 {
        u64::from(self.writer.as_ref().unwrap().vault.space().free) * self.limits().extent_bytes
    }

    /// The next batch, and the tree behind it.
    fn batch(&mut self, entries: Vec<Vec<u8>>, bodies: Vec<StoredBody>) -> (Batch, Tree) {
        let mut tree = self.tree.clone();
        entries.iter().for_each(|entry| {
            tree.append(leaf_hash(entry));
        });
        let head = Head { size: tree.size(), root: tree.root() };
        let [identity, period] = &self.keys;
        let keys = LogKeys::new(LogId([1; 32]), period.public().clone(), Some(identity.public().clone()));
        let keys = keys.unwrap();
        let signers = [
            NoteSigner { key: &keys.period, signer: period },
            NoteSigner { key: keys.identity.as_ref().unwrap(), signer: identity },
        ];
        let note =
            SignedCheckpoint::sign(Checkpoint { origin: LogId([1; 32]).into(), head }, &signers).unwrap();
        self.number += 1;
        let batch = Batch {
            number: self.number,
            first: self.tree.size(),
            entries: entries.into_iter().map(Into::into).collect(),
            root: head.root,
            note: note.to_string().into_bytes().into(),
            bodies,
            erase: Vec::new(),
            verifiers: Vec::new(),
            snapshot: None,
            backup_required: false,
            drop_cells: Vec::new(),
            period: None,
        };
        (batch, tree)
    }
}

fn body(item: u64, bytes: usize) -> StoredBody {
    let place = Place { conversation: 5, item };
    StoredBody { place, chunk: 0, subtree: false, body: vec![7; bytes].into() }
}

#[test]
fn a_store_that_is_wholly_full_stops_the_writer_and_loses_nothing() {
    let mut world = World::new(16 << 20);
    let mut written = 0;
    let stopped = loop {
        // As much as an urgent batch ever holds: what officers submit.
        match world.write(vec![vec![written; ENTRY_BYTES_MAX]; 4], Vec::new()) {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 250, "16 MiB never fill");
    };
    assert!(matches!(stopped, WriteError::Full { .. }), "{stopped}");
    let said = stopped.to_string();
    assert!(said.contains("full") && said.contains("nobody was told"), "{said}");
    assert!(said.contains("`conclaved store grow`"), "{said}");
    let size = world.tree.size();
    assert_eq!(size, 4 * u64::from(written));
    for _ in 0..2 {
        world.restart();
        let writer = world.writer.as_ref().unwrap();
        let entries = writer.vault.journal_entries(0).map(|entry| entry.unwrap().bytes.len());
        assert_eq!(entries.collect::<Vec<_>>(), vec![ENTRY_BYTES_MAX; size as usize], "all of it stands");
        let again = world.write(vec![vec![0; ENTRY_BYTES_MAX]; 4], Vec::new()).unwrap_err();
        assert!(matches!(again, WriteError::Full { .. }), "the next start says the same: {again}");
    }
    assert!(world.dir.path().join("store").exists());
    world.grow(24 << 20);
    world.write(vec![vec![0; ENTRY_BYTES_MAX]; 4], Vec::new()).unwrap();
}

#[test]
fn the_largest_batch_that_the_engine_makes_fits_a_store_of_any_size() {
    for store_bytes in [16_u64 << 20, (17 << 20) + 4096, 50 << 20] {
        let mut world = World::new(store_bytes);
        let StoreLimits { batch_bytes_max, journal_bytes_max, .. } = world.limits();
        // What the engine lets in up to its bound of the journal: large entries, then small ones.
        let large = journal_bytes_max / (ENTRY_BYTES_MAX + AROUND_STORED_BYTES);
        world.write(vec![vec![1; ENTRY_BYTES_MAX]; large], Vec::new()).unwrap();
        let small = journal_bytes_max.min(1 << 20) / (300 + AROUND_STORED_BYTES);
        world.write(vec![vec![2; 300]; small], Vec::new()).unwrap();
        // And of bodies: the bound, passed by one.
        let count = (batch_bytes_max / BODY_BYTES_MAX + 1).min(8) as u64;
        let bodies = (0..count).map(|item| body(item, BODY_BYTES_MAX)).collect();
        world.write(vec![vec![3; 300]], bodies).unwrap();
        world.restart();
    }
}

#[test]
fn a_body_where_one_lies_already_is_a_fault_of_ours_and_writes_nothing() {
    let mut world = World::new(16 << 20);
    world.write(vec![vec![1; 300]], vec![body(1, 500)]).unwrap();
    let twice = world.write(vec![vec![2; 300]], vec![body(2, 500), body(1, 500)]).unwrap_err();
    assert!(
        matches!(&twice, WriteError::Store { error: vault::Error::Occupied(place), .. } if place.item == 1),
        "{twice}"
    );
    world.restart();
    let reader = world.writer.as_ref().unwrap().vault.reader();
    assert!(reader.read(vault::Place::item(5, 1)).is_ok());
    assert!(reader.read(vault::Place::item(5, 2)).is_err(), "all of the batch or nothing");
}

#[test]
fn a_chunk_where_one_lies_is_passed_over_only_if_it_is_the_same_or_does_not_open() {
    let mut world = World::new(16 << 20);
    let chunk = |filling| StoredBody { subtree: true, body: vec![filling; 500].into(), ..body(1, 0) };
    world.write(vec![vec![1; 300]], vec![chunk(1)]).unwrap();
    world.write(vec![vec![2; 300]], vec![chunk(1)]).unwrap();
    let other = world.write(vec![vec![3; 300]], vec![chunk(2)]).unwrap_err();
    assert!(
        matches!(&other, WriteError::Store { error: vault::Error::Occupied(place), .. } if place.chunk == Some(0)),
        "what is called stored must lie there: {other}"
    );
}

#[test]
fn what_is_given_up_in_several_epochs_is_named_by_the_last_one_alone() {
    let mut world = World::new(16 << 20);
    world.write(vec![b"kept".to_vec()], Vec::new()).unwrap();
    let kept = world.writer.as_ref().unwrap().vault.journal();
    for first in (0..1500).step_by(500) {
        let bodies = (first..first + 500).map(|item| body(item, 300)).collect();
        world.write(vec![b"lost".to_vec()], bodies).unwrap();
    }
    let items = (0..1500).map(|item| EraseItem::Item(Place { conversation: 5, item }));
    let items: Vec<_> = items.collect();
    let (mut left, mut epochs) = (&items[..], 0);
    while !left.is_empty() {
        let writer = world.writer.as_mut().unwrap();
        let ran = erasure::give_up(&mut writer.vault, left, kept, writer.log).unwrap();
        let Ran::Erased { count, .. } = ran else { panic!("there is room") };
        (left, epochs) = (&left[count..], epochs + 1);
        // A start would find these names, and refuse the kept ones alone.
        world.writer = None;
        let store::OpenStore { vault, opened, .. } = store::open(&world.config).unwrap();
        let names = if left.is_empty() { vault.journal() } else { kept };
        assert_eq!(opened.cell_names, names, "{} are left", left.len());
        drop(vault);
        world.restart();
    }
    assert!(epochs > 1, "or this shows nothing");
}

#[test]
fn erasing_goes_on_in_a_nearly_full_store_however_often_it_is_asked() {
    /// So far apart that each has a node of its own.
    const APART: u64 = 64;
    const MESSAGES: u64 = 130 * APART;
    let mut world = World::new(16 << 20);
    world.fill(MESSAGES);
    let mut item = MESSAGES;
    while world.takes_messages() {
        world.write(vec![b"a large one".to_vec()], vec![body(item, 200_000)]).unwrap();
        item += 1;
    }
    // Each takes one message below every such node, in as many epochs as it needs, and the next one waits already: nobody
    // sweeps in between.
    const TIMES: u64 = 40;
    for offset in 0..TIMES {
        world.write(vec![b"erase".to_vec()], Vec::new()).unwrap();
        let items = (offset..MESSAGES).step_by(APART as usize);
        let items = items.map(|item| EraseItem::Item(Place { conversation: 5, item }));
        let mut left: Vec<_> = items.collect();
        while !left.is_empty() {
            let writer = world.writer.as_mut().unwrap();
            match erasure::run(&mut writer.vault, &left, None, writer.log).unwrap() {
                Ran::Erased { count, .. } => drop(left.drain(..count)),
                Ran::NoRoom => panic!("no room for {} of run {offset}", left.len()),
            }
        }
    }
    world.restart();
    let reader = world.writer.as_ref().unwrap().vault.reader();
    for item in 0..MESSAGES {
        let read = reader.read(vault::Place::item(5, item));
        assert_eq!(read.is_err(), item % APART < TIMES, "{item}");
    }
}

#[test]
fn an_erasure_that_finds_no_room_waits_and_the_writer_goes_on() {
    let mut world = World::new(16 << 20);
    world.fill(2_000);
    let free = |world: &World| world.writer.as_ref().unwrap().vault.space();
    // Up to where the engine admits no erasure any more.
    let kept_bytes = world.limits().kept_bytes;
    while world.free_bytes() > kept_bytes {
        world.write(vec![vec![1; ENTRY_BYTES_MAX]; 4], Vec::new()).unwrap();
    }
    assert_eq!(free(&world).free, free(&world).kept());
    let erase = |world: &mut World, item: u64| world.erase(Place { conversation: 5, item });
    // What was admitted before has what is kept, and what was erased from then on gives room: it lasts long.
    let waits = (0..2_000).find(|item| erase(&mut world, *item) == Ran::NoRoom).unwrap();
    assert!(waits > 20, "{waits}");
    for _ in 0..2 {
        assert_eq!(erase(&mut world, waits), Ran::NoRoom);
        let reader = world.writer.as_ref().unwrap().vault.reader();
        let read = |item| reader.read(vault::Place::item(5, item));
        assert!(matches!(read(waits), Err(vault::Error::BeingErased(_))), "served to nobody");
        assert!(read(waits + 1).is_ok() && matches!(read(waits - 1), Err(vault::Error::Missing(_))));
        drop(reader);
        world.restart();
    }
    world.grow(24 << 20);
    assert!(matches!(erase(&mut world, waits), Ran::Erased { count: 1, .. }));
}

#[test]
fn what_would_come_again_ends_in_words_and_a_code_that_starts_nothing_anew() {
    let world = World::new(16 << 20);
    let reader = world.writer.as_ref().unwrap().vault.reader();
    let damaged = || vault::Error::Damaged { what: "a node of the tree", offset: 77_824 };
    for error in [
        WriteError::Erasure(damaged()),
        WriteError::Tending(damaged()),
        WriteError::Store { number: 1, error: damaged() },
    ] {
        let (exit, advice) = error.comes_again(&reader).unwrap();
        assert_eq!(exit, Exit::Invalid);
        assert!(advice.contains("byte 77824") && advice.contains("`conclaved store check`"), "{advice}");
    }
    assert_eq!(WriteError::Full { number: 1 }.comes_again(&reader), Some((Exit::Missing, String::new())));
    let failed = || std::io::Error::other("a failed write").into();
    let store = WriteError::Store { number: 1, error: vault::Error::Disk(failed()) };
    assert_eq!(store.comes_again(&reader), None, "a start replays what is durable");
    assert_eq!(
        WriteError::Erasure(vault::Error::CellAbsent { why: "away".into() }).comes_again(&reader),
        None
    );
}
