//! What a recovery finds over a store whose blocks were changed, zeroed, exchanged or put back as they were, with a cell that was
//! changed too: it keeps a beginning of the journal or refuses, and whoever goes on with it has a store that starts. Nothing that
//! was erased ever reads, and what reads is what was written.
#![no_main]

use disk::{BLOCK, Claim, Geometry, MemoryDevice};
use journal::testing::SeededRng;
use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, LazyLock, Mutex};
use vault::{CellRecords, Error, Limits, MemoryCell, Place, Salvage, Target, Vault, VaultReader};

const GEOMETRY: Geometry = Geometry { extent_bytes: 64 << 10, extents: 40, reserve: 4 };
const LIMITS: Limits =
    Limits { nodes_cached: 64, fold_leaves: 12, fold_lists: 5, body_bytes_max: 20_000, targets_max: 100 };
/// Batches of the site's life; each is one entry with two bodies.
const BATCHES: u64 = 12;
/// Behind these batches conversation 2, and then the body of the third batch, was erased.
const ERASED_BEHIND: [(u64, Target); 2] =
    [(5, Target::Conversation(2)), (8, Target::Place(Place { conversation: 1, item: 4, chunk: None }))];
/// Edits of one input, and bytes of each.
const EDITS_MAX: usize = 8;
const EDIT_BYTES: usize = 6;

/// A site's device as it was behind each batch, and its cell as it is in the end.
struct Site {
    images: Vec<Vec<u8>>,
    cell: [Vec<u8>; 3],
}

static SITE: LazyLock<Site> = LazyLock::new(|| {
    let length = 8192 + u64::from(GEOMETRY.extents) * u64::from(GEOMETRY.extent_bytes);
    let (device, records) = (Arc::new(MemoryDevice::new(length)), CellRecords::default());
    let mut rng = SeededRng::new([6; 32]);
    let cell = Box::new(MemoryCell::new(Arc::clone(&records), None));
    let mut vault = Vault::create(Arc::clone(&device) as _, cell, GEOMETRY, LIMITS, &mut rng).expect("blank");
    let mut images = Vec::new();
    for number in 0..BATCHES {
        let mut batch = vault.begin(Claim::Ordinary, &mut rng).expect("open");
        batch.entry(&entry(number)).expect("room");
        for place in places(number) {
            batch.insert(place, &body(place)).expect("room");
        }
        batch.verifier([number as u8 % 3; 8], Some(b"verifier")).expect("room");
        batch.commit([number as u8; 32]).expect("memory does not fail");
        for (_, target) in ERASED_BEHIND.iter().filter(|(behind, _)| *behind == number) {
            erase(&mut vault, &[*target], &mut rng).expect("the cell is here");
        }
        images.push(device.image());
    }
    let cell = records.lock().expect("nobody broke").clone();
    Site { images, cell }
});

fn entry(number: u64) -> Vec<u8> {
    vec![number as u8 + 1; 300]
}

fn places(number: u64) -> [Place; 2] {
    [Place::item(1, number + 1), Place::chunk(2, number + 1, number % 2)]
}

fn body(place: Place) -> Vec<u8> {
    let mut body = format!("{place:?}").into_bytes();
    body.resize(3_000, b'.');
    body
}

fn erase(vault: &mut Vault, targets: &[Target], rng: &mut SeededRng) -> Result<(), Error> {
    let intended = vault.begin_erasure(targets)?;
    let written = vault.write_tree(intended, rng)?;
    let replaced = vault.replace_cell(written)?;
    let destroyed = vault.destroy_old_slot(replaced)?;
    vault.finish_erasure(destroyed);
    Ok(())
}

/// One edit: what, block (two bytes), place in it (two bytes), value.
fn edit(image: &mut [u8], cell: &mut [Vec<u8>; 3], edit: &[u8; EDIT_BYTES]) {
    let [what, block @ .., value] = edit;
    let (block, at) = ([block[0], block[1]], [block[2], block[3]]);
    let at = usize::from(u16::from_be_bytes(at));
    let from = usize::from(u16::from_be_bytes(block)) * BLOCK % image.len();
    let range = from..from + BLOCK;
    match what % 5 {
        0 => image[from + at % BLOCK] ^= value,
        1 => image[range].fill(0),
        // As it was behind an earlier batch.
        2 => {
            let earlier = &SITE.images[usize::from(*value) % SITE.images.len()];
            image[range.clone()].copy_from_slice(&earlier[range]);
        }
        3 => {
            let other = at * BLOCK % image.len();
            image.copy_within(range, other);
        }
        _ => {
            let record = &mut cell[usize::from(block[0]) % 3];
            if let Some(byte) = at.checked_rem(record.len()).map(|at| &mut record[at]) {
                *byte ^= value;
            }
        }
    }
}

/// What reads is what was written, and nothing that was erased.
fn check_bodies(reader: &VaultReader, story: &str) {
    for number in 0..BATCHES {
        for place in places(number) {
            let Ok(read) = reader.read(place) else { continue };
            assert_eq!(*read, body(place), "{story}: {place:?}");
            let is_erased = |(behind, target): &(u64, Target)| number <= *behind && target.covers(&place);
            assert!(!ERASED_BEHIND.iter().any(is_erased), "{story}: {place:?} was erased");
        }
    }
}

/// The kept entries are those of the beginning, each as it was written.
fn check_entries<'a>(entries: impl Iterator<Item = &'a [u8]>, story: &str) -> u64 {
    let mut count = 0;
    for bytes in entries {
        assert!(count < BATCHES && bytes == entry(count), "{story}: entry {count}");
        count += 1;
    }
    count
}

/// As the server does: the kept entries, one of its own, and an epoch that takes what no kept entry knows.
fn carry_out(found: Salvage, kept: u64, rng: &mut SeededRng) -> Result<(), Error> {
    let (orphans, damaged) = (found.orphans(|_| Some(kept + 1)), found.damaged().to_vec());
    let mut vault = found.settle(true, rng)?;
    check_bodies(&vault.reader(), "behind the plan");
    match vault.mend(&damaged, rng) {
        Err(error) if error.is_full() => {}
        mended => mended?,
    }
    let mut batch = vault.begin_behind_mark(Claim::Erasing, rng)?;
    batch.entry(b"S")?;
    batch.commit([99; 32])?;
    erase(&mut vault, &orphans, rng)?;
    check_bodies(&vault.reader(), "behind the epoch");
    Ok(())
}

fuzz_target!(|bytes: &[u8]| {
    let (mut image, mut cell) = (SITE.images[BATCHES as usize - 1].clone(), SITE.cell.clone());
    for (chunk, _) in bytes.as_chunks::<EDIT_BYTES>().0.iter().zip(0..EDITS_MAX) {
        edit(&mut image, &mut cell, chunk);
    }
    let (device, records) = (Arc::new(MemoryDevice::from_bytes(image)), Arc::new(Mutex::new(cell)));
    let keeper = || Box::new(MemoryCell::new(Arc::clone(&records), None));
    let mut rng = SeededRng::new([7; 32]);
    // The control: where nothing was edited, a recovery finds everything and is carried out.
    let is_edited = bytes.len() >= EDIT_BYTES;
    let found = match Salvage::find(Arc::clone(&device) as _, keeper(), LIMITS, &mut rng) {
        Ok(found) => found,
        Err(error) => {
            assert!(is_edited, "nothing was edited, and nothing is found: {error}");
            return;
        }
    };
    let entries: Vec<_> = found.journal_entries().map_while(Result::ok).map(|entry| entry.bytes).collect();
    let kept = check_entries(entries.iter().map(Vec::as_slice), "found");
    assert_eq!(kept, found.kept().0, "a batch is kept only where its entries open");
    assert!(is_edited || kept == BATCHES, "nothing was edited, and only {kept} are kept");
    if let Err(error) = carry_out(found, kept, &mut rng) {
        assert!(is_edited, "nothing was edited, and it is not carried out: {error}");
        return; // No room, or what is left is refused in the end: nothing was said to anyone.
    }
    let (vault, _) =
        Vault::open(device, keeper(), LIMITS, &mut rng).expect("a start takes what a recovery carried out");
    let entries: Vec<_> = vault.journal_entries(0).map(|entry| entry.expect("it was kept").bytes).collect();
    let (last, before) = entries.split_last().expect("the recovery's own");
    assert_eq!((check_entries(before.iter().map(Vec::as_slice), "started"), &last[..]), (kept, &b"S"[..]));
    check_bodies(&vault.reader(), "behind a start");
});
