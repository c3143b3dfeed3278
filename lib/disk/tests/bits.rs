//! Every bit of a frame, of a run's header and of a commit record, amid the log and at its end: whichever is flipped, the
//! same is said. Never two at once (`log.rs`), and no bodies: the layer above seals them (`lib/vault/src/tests/tamper.rs`).

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::ops::Range;
use std::sync::Arc;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use disk::{
    Claim, CommitFields, DeviceKeys, Error, FrameRecord, Geometry, Log, MemoryDevice, Position, Recovered,
    ScanPart, Sealer, Stream, frames_of_write,
};

const EXTENT: usize = 64 * 1024;
const GEOMETRY: Geometry = Geometry { extent_bytes: EXTENT as u32, extents: 24, reserve: 3 };
/// Sealed bytes of a run's header, which its first frame follows.
const HEADER: usize = 80;
/// Sealed bytes of a table of one entry, which stands between that entry and the commit record.
const TABLE: usize = 60;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn keys() -> DeviceKeys {
    DeviceKeys::of(&[1; 32], &[2; 32]).unwrap()
}

fn open(image: &[u8]) -> Result<(Log, Recovered), Error> {
    Log::open(Arc::new(MemoryDevice::from_bytes(image.to_vec())), &keys())
}

/// So many batches, each of one entry, one tree frame and, where wanted, one verifier; and where each entry and tree frame
/// lies.
fn store(batches: u64, entry_bytes: usize, verifiers: bool) -> (Vec<u8>, Vec<Position>, Vec<Position>) {
    let device = Arc::new(MemoryDevice::new((EXTENT * (GEOMETRY.extents as usize + 1)) as u64));
    let mut random = rng(1);
    Log::format(&*device, &keys(), GEOMETRY, &mut random).unwrap();
    let (mut log, _) = Log::open(device.clone(), &keys()).unwrap();
    let (mut entries, mut nodes) = (Vec::new(), Vec::new());
    for n in 0..batches {
        let mut batch = log.begin(Claim::Ordinary, &mut random).unwrap();
        entries.push(batch.entry(&vec![n as u8; entry_bytes]).unwrap());
        nodes.push(batch.tree(&[4; 32], &[n as u8; 50]).unwrap());
        if verifiers {
            batch.verifier(n.to_le_bytes(), Some(&[n as u8; 30])).unwrap();
        }
        batch.commit(CommitFields::default()).unwrap();
    }
    (device.image(), entries, nodes)
}

fn bytes_of(position: Position) -> Range<usize> {
    position.offset as usize..position.offset as usize + position.length as usize
}

fn header_of(entry: Position) -> Range<usize> {
    entry.offset as usize - HEADER..entry.offset as usize
}

/// Where the commit record behind this entry lies, as a scan names it.
fn commit_behind(image: &[u8], entry: Position) -> Range<usize> {
    let at = bytes_of(entry).end + TABLE;
    let device = Arc::new(MemoryDevice::from_bytes(image.to_vec()));
    let (log, _) = Log::open(device.clone(), &keys()).unwrap();
    flip_in(&device, at);
    let scan = log.scan(&mut |_| ()).unwrap();
    let [damage] = scan.damages[..] else { panic!("{:?}", scan.damages) };
    assert_eq!((damage.part, damage.offset), (ScanPart::Commit, at as u64));
    at..at + damage.bytes as usize
}

fn flip_in(device: &MemoryDevice, at: usize) {
    use disk::{BLOCK, Device};
    let start = at / BLOCK * BLOCK;
    let mut block = device.image()[start..start + BLOCK].to_vec();
    block[at - start] ^= 1;
    device.write(start as u64, &block).unwrap();
}

/// The image with each of these bits flipped, one at a time.
fn each_bit(image: &[u8], bits: impl IntoIterator<Item = (usize, u8)>, mut judge: impl FnMut(&[u8], &str)) {
    let mut image = image.to_vec();
    for (at, bit) in bits {
        image[at] ^= 1 << bit;
        judge(&image, &format!("bit {bit} of byte {at}"));
        image[at] ^= 1 << bit;
    }
}

fn all_bits(bytes: Range<usize>) -> impl Iterator<Item = (usize, u8)> {
    bytes.flat_map(|at| (0..8).map(move |bit| (at, bit)))
}

fn some_bits(bytes: Range<usize>, count: usize, seed: u64) -> impl Iterator<Item = (usize, u8)> {
    let mut random = rng(seed);
    let mut below = move |limit: usize| (random.next_u64() % limit as u64) as usize;
    (0..count).map(move |_| (bytes.start + below(bytes.len()), below(8) as u8))
}

#[test]
fn any_bit_of_a_commit_record_or_a_header_amid_the_log_stops_the_start_by_name() {
    let (image, entries, _) = store(5, 70, true);
    for (number, entry) in entries[..4].iter().enumerate() {
        let damaged = number as u64 + 1;
        let refused = |image: &[u8], story: &str| {
            let refused = open(image).map(drop).unwrap_err();
            assert!(
                matches!(refused, Error::DamagedBeforeValid { damaged: d, later, .. } if d == damaged && later > d),
                "{story} of batch {damaged}: {refused}"
            );
        };
        let parts = [commit_behind(&image, *entry), header_of(*entry)];
        for part in parts {
            match number {
                // The first record has the table of all extents; the others say where they differ.
                1 => each_bit(&image, all_bits(part), refused),
                _ => each_bit(&image, some_bits(part, 200, damaged), refused),
            }
        }
    }
}

#[test]
fn any_bit_of_the_last_commit_record_or_header_is_an_unfinished_batch() {
    let (image, entries, _) = store(5, 70, true);
    let parts = [commit_behind(&image, entries[4]), header_of(entries[4]), bytes_of(entries[4])];
    for part in parts {
        each_bit(&image, all_bits(part), |image, story| {
            let (log, recovered) = open(image).unwrap_or_else(|error| panic!("{story}: {error}"));
            assert_eq!((recovered.batch, recovered.entries), (4, 4), "{story}");
            let kept: Vec<Position> = log.journal_entries(0).map(|entry| entry.unwrap().position).collect();
            assert_eq!(kept, entries[..4], "{story}: no other is lost");
        });
    }
}

/// The first record of an extent leads to the next one: without it nothing of what follows would be looked for there.
#[test]
fn any_bit_of_the_record_that_opens_an_extent_of_the_journal_stops_the_start() {
    for verifiers in [false, true] {
        let (image, entries, _) = store(60, 3000, verifiers);
        let extent = |entry: &Position| (entry.offset as usize - 8192) / EXTENT;
        let first = (1..entries.len()).find(|at| extent(&entries[*at]) != extent(&entries[0])).unwrap();
        assert!(first + 2 < entries.len(), "or it is the last");
        let record = commit_behind(&image, entries[first]);
        each_bit(&image, some_bits(record, 150, 9), |image, story| {
            let refused = open(image).map(drop).unwrap_err();
            let by_name =
                matches!(refused, Error::DamagedBeforeValid { damaged, .. } if damaged == first as u64 + 1);
            // Where older lists of verifiers were given back since, the batches before it are not whole any more: the
            // last but one of the extent before is named, and nothing starts either.
            let before = header_of(entries[first - 2]).start as u64;
            let as_older = matches!(refused, Error::Damaged { offset, .. } if verifiers && offset == before);
            assert!(by_name || as_older, "{story}: {refused}");
        });
    }
}

#[test]
fn any_bit_of_a_frame_amid_the_log_is_noticed_when_it_is_read_and_nothing_else_is() {
    let (image, entries, nodes) = store(4, 70, true);
    each_bit(&image, all_bits(bytes_of(entries[1])), |image, story| {
        let (log, _) = open(image).unwrap();
        assert!(matches!(log.reader().entry(entries[1]), Err(Error::Frame { .. })), "{story}");
        let read: Vec<bool> = log.journal_entries(0).map(|entry| entry.is_ok()).collect();
        assert_eq!(read, [true, false], "{story}: the journal is read up to it");
        assert!(log.reader().entry(entries[2]).is_ok() && log.reader().tree(nodes[1]).is_ok(), "{story}");
    });
    each_bit(&image, all_bits(bytes_of(nodes[1])), |image, story| {
        let (log, _) = open(image).unwrap();
        let refused = log.reader().tree(nodes[1]);
        assert!(matches!(refused, Err(Error::Frame { offset }) if offset == nodes[1].offset), "{story}");
        assert!(log.journal_entries(0).all(|entry| entry.is_ok()), "{story}");
    });
}

#[test]
fn any_bit_of_a_verifier_that_lives_stops_the_start_by_its_place() {
    let (image, ..) = store(4, 70, true);
    let (log, _) = open(&image).unwrap();
    let sealer = Sealer::new(&keys(), log.store());
    let blocks = (8192..image.len()).step_by(disk::BLOCK);
    let frames: Vec<FrameRecord> =
        blocks.flat_map(|offset| frames_of_write(&sealer, offset as u64, &image[offset..])).collect();
    let of_verifiers = |frame: &&FrameRecord| frame.stream == Stream::Verifiers && frame.batch == 2;
    let place = frames.iter().find(of_verifiers).unwrap().position;
    each_bit(&image, all_bits(bytes_of(place)), |image, story| {
        let refused = open(image).map(drop).unwrap_err();
        assert!(matches!(refused, Error::Frame { offset } if offset == place.offset), "{story}: {refused}");
    });
}
