//! A failing device, or somebody, changes a store between two lives: what is whole goes on, the rest is named, and
//! nothing is written over what a second look might still read.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::sync::Arc;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use disk::{
    BLOCK, CommitFields, Device, DeviceKeys, Error, FrameRecord, Geometry, Log, MemoryDevice, Sealer, Stream,
    frames_of_write,
};

const EXTENT: usize = 64 * 1024;
const GEOMETRY: Geometry = Geometry { extent_bytes: EXTENT as u32, extents: 40, reserve: 3 };
const SUPERBLOCKS: usize = 2 * BLOCK;
const LENGTH: u64 = EXTENT as u64 * 41;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn keys() -> DeviceKeys {
    DeviceKeys { log: [1; 32], verifiers: [2; 32] }
}

fn fresh(seed: u64) -> Arc<MemoryDevice> {
    let device = Arc::new(MemoryDevice::new(LENGTH));
    Log::format(&*device, &keys(), GEOMETRY, &mut rng(seed)).unwrap();
    device
}

fn open(device: &Arc<impl Device + 'static>) -> Result<Log, Error> {
    Log::open(Arc::clone(device) as Arc<dyn Device>, &keys()).map(|(log, _)| log)
}

/// All frames that an image shows, wherever a run begins.
fn frames(log: &Log, image: &[u8]) -> Vec<FrameRecord> {
    let sealer = Sealer::new(&keys(), log.store());
    let blocks = (SUPERBLOCKS..image.len()).step_by(BLOCK);
    blocks.flat_map(|offset| frames_of_write(&sealer, offset as u64, &image[offset..])).collect()
}

#[test]
fn an_old_password_put_back_where_it_once_lay_is_noticed() {
    let device = fresh(1);
    let (mut log, mut random) = (open(&device).unwrap(), rng(2));
    let mut early = Vec::new();
    for n in 1..=62u8 {
        // Batches 20 and 52 lie in one place: a full list between them gave the extent back.
        let person = u64::from(n == 20 || n == 52).to_le_bytes();
        let mut batch = log.begin(false, &mut random).unwrap();
        batch.verifier(person, Some(&[n; 700])).unwrap();
        batch.commit(CommitFields::default()).unwrap();
        if n == 32 {
            early = device.image();
        }
    }
    let place_of = |image: &[u8], number: u64| {
        let mut found = frames(&log, image).into_iter();
        found.find(|frame| frame.stream == Stream::Verifiers && frame.batch == number).unwrap().position
    };
    let place = place_of(&device.image(), 52);
    assert_eq!(place.offset, place_of(&early, 20).offset, "or the test shows nothing");
    assert_eq!(log.verifier(1u64.to_le_bytes()), Some(&[52; 700][..]));
    drop(log);
    let block = place.offset as usize / BLOCK * BLOCK;
    device.write(block as u64, &early[block..block + BLOCK]).unwrap();
    let refused = open(&device).map(|log| log.verifier(1u64.to_le_bytes()).map(<[u8]>::to_vec));
    assert!(matches!(refused, Err(Error::Frame { offset }) if offset == place.offset), "{refused:?}");
}
