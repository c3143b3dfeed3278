//! Copies of a store that was damaged: what a salvage has given up is not its past, and what does not read keeps nothing else
//! from being copied.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

#[path = "support/copies.rs"]
#[allow(dead_code, reason = "each test takes what it needs of it")]
mod copies;

use std::sync::{Arc, Mutex};

use copies::{Copy, LENGTH, Life, keys, rng};
use disk::{BLOCK, CommitFields, CopyError, Device, Log, MemoryDevice, Outline, Position, Range};

#[test]
fn a_record_of_batches_that_a_salvage_has_given_up_is_not_the_stores_past() {
    let mut life = Life::new(6);
    for _ in 0..10 {
        life.say();
    }
    let anchor = |life: &Life| life.log.copier().hold().unwrap().outline().anchor;
    let mut anchors = vec![anchor(&life)];
    let mut lost_at = 0;
    // Into further extents of the journal, so that some are given back.
    for step in 0..120 {
        life.say();
        anchors.push(anchor(&life));
        if step == 5 {
            lost_at = anchors[anchors.len() - 1].commit_at;
        }
    }
    let (lost, kept) = (anchors.split_off(6), anchors);
    life.device.write(lost_at, &[0; BLOCK]).unwrap();
    drop(life.log);
    let found = Log::salvage(life.device.clone(), &keys()).unwrap();
    let log = found.settle(CommitFields { epoch: 7, ..CommitFields::default() }, &mut rng(66)).unwrap();
    let mut life = Life { device: life.device, log, random: rng(67), bodies: Vec::new() };
    for steps in 0..140 {
        life.say();
        let still = life.log.copier().hold().unwrap();
        assert!(kept.iter().all(|anchor| still.has_passed(anchor).unwrap()), "{steps}");
        let passed = lost.iter().filter(|anchor| still.has_passed(anchor).unwrap()).count();
        assert_eq!(passed, 0, "behind {steps} batches");
    }
}

/// A device of which some blocks do not read.
struct Bad {
    device: Arc<MemoryDevice>,
    blocks: Mutex<Vec<u64>>,
}

impl Device for Bad {
    fn length(&self) -> u64 {
        self.device.length()
    }
    fn read(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        let blocks = offset / BLOCK as u64..(offset + buffer.len() as u64) / BLOCK as u64;
        if self.blocks.lock().unwrap().iter().any(|bad| blocks.contains(bad)) {
            return Err(std::io::Error::other("bad block"));
        }
        self.device.read(offset, buffer)
    }
    fn write(&self, offset: u64, bytes: &[u8]) -> std::io::Result<()> {
        self.device.write(offset, bytes)
    }
    fn sync(&self) -> std::io::Result<()> {
        self.device.sync()
    }
    fn discard(&self, offset: u64, length: u64) -> std::io::Result<()> {
        self.device.discard(offset, length)
    }
}

#[test]
fn what_does_not_read_is_zeros_in_the_copy_and_all_the_rest_is_there() {
    let mut life = Life::new(7);
    for _ in 0..40 {
        life.step().unwrap();
    }
    let bad = Arc::new(Bad { device: life.device.clone(), blocks: Mutex::new(Vec::new()) });
    drop(life.log);
    life.log = Log::open(bad.clone(), &keys()).unwrap().0;
    let bodies = life.bodies.clone();
    // One inside a body, and the first header of an extent of bodies.
    let inside = (bodies[3].0.offset / BLOCK as u64) + 1;
    let first = life.log.copier().hold().unwrap().outline().clone();
    let part = first.parts.iter().rfind(|part| part.stream == disk::Stream::Bodies).unwrap();
    let header = first.offset(&Range { extent: part.extent, born: part.born, block: 0, blocks: 1 });
    *bad.blocks.lock().unwrap() = vec![inside, header / BLOCK as u64];
    let mut copy = Copy::default();
    copy.bring(&life.log.copier().hold().unwrap(), || {}).unwrap();
    assert_eq!(copy.unread, 2);
    let restored = Arc::new(MemoryDevice::new(LENGTH));
    copy.restore(&*restored).unwrap();
    let (log, _) = Log::open(restored, &keys()).unwrap();
    let damaged = |position: &Position| {
        let end = position.offset + u64::from(position.length);
        [inside * BLOCK as u64, header].iter().any(|at| *at < end && position.offset < at + BLOCK as u64)
    };
    let (gone, whole): (Vec<_>, Vec<_>) = bodies.iter().partition(|(position, _)| damaged(position));
    assert!(!gone.is_empty() && whole.len() > 30);
    for (position, body) in whole {
        assert!(log.reader().body(*position).unwrap() == *body);
    }
    // A flipped header is copied as it lies, and its extent has a birth all the same, the same one each time.
    *bad.blocks.lock().unwrap() = Vec::new();
    let mut flipped = vec![0; BLOCK];
    bad.read(header, &mut flipped).unwrap();
    flipped[20] ^= 1;
    bad.write(header, &flipped).unwrap();
    let again = |log: &Log| log.copier().hold().unwrap().outline().clone();
    let outline = again(&life.log);
    assert_eq!(outline.parts.len(), first.parts.len());
    life.step().unwrap();
    let born =
        |outline: &Outline| outline.parts.iter().find(|found| found.extent == part.extent).unwrap().born;
    assert_eq!(born(&again(&life.log)), born(&outline));
    // A device that is gone is no store of zeros.
    let still = life.log.copier().hold().unwrap();
    *bad.blocks.lock().unwrap() = (0..LENGTH / BLOCK as u64).collect();
    assert!(matches!(Copy::default().bring(&still, || {}), Err(CopyError::Disk(_))));
}
