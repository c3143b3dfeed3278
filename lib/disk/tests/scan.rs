//! Every byte that was written is looked at: whichever is flipped, the scan names its place.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::sync::Arc;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use disk::{BLOCK, Claim, CommitFields, Device, DeviceKeys, Geometry, Log, MemoryDevice, ScanPart, Stream};

const GEOMETRY: Geometry = Geometry { extent_bytes: 64 * 1024, extents: 24, reserve: 3 };

fn keys() -> DeviceKeys {
    DeviceKeys::of(&[1; 32], &[2; 32]).unwrap()
}

#[test]
fn whichever_byte_is_flipped_is_named_by_its_place() {
    let device = Arc::new(MemoryDevice::new(64 * 1024 * 25));
    let mut random = ChaCha20Rng::seed_from_u64(1);
    Log::format(&*device, &keys(), GEOMETRY, &mut random).unwrap();
    let (mut log, _) = Log::open(device.clone(), &keys()).unwrap();
    let mut bodies = Vec::new();
    for n in 0..30u8 {
        let mut batch = log.begin(Claim::Ordinary, &mut random).unwrap();
        batch.entry(&[n; 700]).unwrap();
        batch.tree(&[n; 32], &[n; 300]).unwrap();
        bodies.push(batch.body(&[n; 32], 2000, |slot, _| slot.fill(n)).unwrap());
        batch.verifier([n; 8], Some(&[n; 100])).unwrap();
        batch.commit(CommitFields::default()).unwrap();
    }
    let mut heard = 0;
    let scan = log.scan(&mut |bytes| heard = bytes).unwrap();
    assert_eq!((scan.damages_count, scan.entries, heard), (0, 30, log.scan_bytes()));
    assert_eq!((scan.frames, scan.bytes), (120, heard));

    let image = device.image();
    let in_a_body =
        |at: u64| bodies.iter().any(|p| (p.offset..p.offset + u64::from(p.length) - 16).contains(&at));
    let (mut found, mut in_bodies) = (0, 0);
    let used: Vec<usize> = (0..image.len()).filter(|at| image[*at] != 0).collect();
    for at in used.iter().step_by(97) {
        let start = at / BLOCK * BLOCK;
        let mut block = image[start..start + BLOCK].to_vec();
        block[at - start] ^= 1;
        device.write(start as u64, &block).unwrap();
        let scan = log.scan(&mut |_| ()).unwrap();
        if in_a_body(*at as u64) {
            in_bodies += 1; // Sealed above: the vault finds it.
        } else {
            let near = |from: u64, bytes: u64| (from..from + bytes).contains(&(*at as u64));
            assert!(
                scan.damages.iter().any(|one| near(one.offset, one.bytes)),
                "byte {at}: {:?}",
                scan.damages
            );
            let extent = (*at as u64).checked_sub(8192).map(|at| (at / 65_536) as u32);
            assert!(scan.damages.iter().all(|one| one.extent == extent));
            found += 1;
        }
        device.write(start as u64, &image[start..start + BLOCK]).unwrap();
    }
    assert!(found > 300 && in_bodies > 50, "{found} {in_bodies}");
}

#[test]
fn a_lost_run_is_told_once_and_what_is_behind_it_is_read() {
    let device = Arc::new(MemoryDevice::new(64 * 1024 * 25));
    let mut random = ChaCha20Rng::seed_from_u64(2);
    Log::format(&*device, &keys(), GEOMETRY, &mut random).unwrap();
    let (mut log, _) = Log::open(device.clone(), &keys()).unwrap();
    for n in 0..3u8 {
        let mut batch = log.begin(Claim::Ordinary, &mut random).unwrap();
        batch.entry(&[n; 9000]).unwrap();
        batch.commit(CommitFields::default()).unwrap();
    }
    let second =
        log.journal_entries(1).next().unwrap().unwrap().position.offset / BLOCK as u64 * BLOCK as u64;
    device.write(second, &[0; BLOCK]).unwrap();
    let scan = log.scan(&mut |_| ()).unwrap();
    assert_eq!((scan.entries, scan.damages_count), (2, 1));
    let damage = scan.damages[0];
    assert_eq!((damage.offset, damage.bytes, damage.part), (second, 3 * BLOCK as u64, ScanPart::Run));
    assert_eq!((damage.extent, damage.stream), (Some(0), Some(Stream::Journal)));
}
