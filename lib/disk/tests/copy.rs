//! Copies of a store that is being written: each opens as the very state that was held, whatever the writer did
//! meanwhile, and goes back only onto a device that holds nothing.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

#[path = "support/copies.rs"]
#[allow(dead_code, reason = "each test takes what it needs of it")]
mod copies;

use std::sync::Arc;

use copies::{Copy, LENGTH, Life, assert_opens, keys, rng};
use disk::{
    Anchor, BLOCK, Copier, CopyError, CrashClock, CrashingDevice, Device, Error, Fault, Log, MemoryDevice,
    PutBack,
};

#[test]
fn a_copy_is_the_state_that_was_held_whatever_the_writer_does_meanwhile() {
    let mut life = Life::new(1);
    for _ in 0..20 {
        life.step().unwrap();
    }
    let copier: Copier = life.log.copier();
    let (mut copy, mut first) = (Copy::default(), 0);
    for round in 0..4 {
        for _ in 0..20 {
            life.step().unwrap();
        }
        let held = life.bodies.clone();
        let still = copier.hold().unwrap();
        let mut freed = 0;
        let read = copy.bring(&still, || {
            life.step().unwrap();
            // Freed while it is held: neither discarded nor taken.
            freed += usize::from(life.free_oldest());
        });
        let read = read.unwrap();
        assert!(matches!(copier.hold(), Err(CopyError::Busy)));
        drop(still);
        assert!(freed > 0);
        copy.assert_opens(&held);
        if round == 0 {
            first = read;
        } else {
            assert!(read < first, "only what is newer: {read} of {first}");
        }
    }
    // Nothing new: nothing to read.
    let still = copier.hold().unwrap();
    copy.bring(&still, || {}).unwrap();
    assert_eq!(copy.bring(&still, || {}).unwrap(), 0);
}

#[test]
fn what_was_freed_while_it_was_held_is_discarded_later() {
    let mut life = Life::new(2);
    for _ in 0..30 {
        life.step().unwrap();
    }
    let oldest = life.bodies[0].clone();
    let still = life.log.copier().hold().unwrap();
    assert!(life.free_oldest());
    assert!(life.log.reader().body(oldest.0).unwrap() == oldest.1, "still there for the copy");
    drop(still);
    life.step().unwrap();
    assert!(life.log.reader().body(oldest.0).unwrap().iter().all(|byte| *byte == 0));
}

#[test]
fn a_full_store_goes_on_and_the_copy_is_lost_and_begins_again_with_what_it_has() {
    let mut life = Life::new(3);
    while life.step().is_ok() {}
    let copier = life.log.copier();
    let mut copy = Copy::default();
    let still = copier.hold().unwrap();
    let mut pieces = 0;
    let lost = copy.bring(&still, || {
        pieces += 1;
        if pieces == 5 {
            // All that is free is what the copy holds: the writer is not kept waiting.
            while life.free_oldest() && life.bodies.len() > 20 {}
            while life.step().is_ok() {}
        }
    });
    assert!(matches!(lost, Err(CopyError::Lost)));
    assert!(copy.pieces.len() >= 4);
    drop(still);
    let still = copier.hold().unwrap();
    copy.bring(&still, || {}).unwrap();
    copy.assert_opens(&life.bodies);
}

#[test]
fn a_copy_of_another_history_is_told() {
    let mut life = Life::new(4);
    for _ in 0..10 {
        life.step().unwrap();
    }
    let mut copy = Copy::default();
    copy.bring(&life.log.copier().hold().unwrap(), || {}).unwrap();
    let early = copy.outline.clone().unwrap().anchor;
    for _ in 0..10 {
        life.step().unwrap();
    }
    let late = life.log.copier().hold().unwrap().outline().anchor;
    assert!(life.log.copier().hold().unwrap().has_passed(&early).unwrap());
    for commit_at in [u64::MAX - 4095, LENGTH, early.commit_at + 1] {
        let elsewhere = Anchor { commit_at, ..early };
        assert!(!life.log.copier().hold().unwrap().has_passed(&elsewhere).unwrap());
    }
    // The store goes on from the early copy, and does other things under the same numbers of batches.
    let device = Arc::new(MemoryDevice::new(LENGTH));
    copy.restore(&*device).unwrap();
    let (log, _) = Log::open(device.clone(), &keys()).unwrap();
    let mut other = Life { device, log, random: rng(44), bodies: Vec::new() };
    assert!(!other.log.copier().hold().unwrap().has_passed(&late).unwrap(), "not so far yet");
    for _ in 0..20 {
        other.step().unwrap();
    }
    let still = other.log.copier().hold().unwrap();
    assert!(still.has_passed(&early).unwrap() && !still.has_passed(&late).unwrap());
}

#[test]
fn whoever_an_erasure_waits_for_comes_first() {
    let mut life = Life::new(8);
    for _ in 0..10 {
        life.step().unwrap();
    }
    let copier = life.log.copier();
    let still = copier.hold().unwrap();
    let first = copier.hold_first().unwrap();
    assert!(matches!(Copy::default().bring(&still, || {}), Err(CopyError::Lost)));
    drop(still);
    assert!(matches!(copier.hold(), Err(CopyError::Busy)), "it lets go of nobody else's");
    let mut copy = Copy::default();
    copy.bring(&first, || {}).unwrap();
    copy.assert_opens(&life.bodies);
    drop(first);
    copier.hold().unwrap();
}

#[test]
fn a_restore_covers_nothing_and_goes_on_after_a_power_cut_at_any_write() {
    let mut life = Life::new(5);
    for _ in 0..25 {
        life.step().unwrap();
    }
    let mut copy = Copy::default();
    copy.bring(&life.log.copier().hold().unwrap(), || {}).unwrap();
    let outline = copy.outline.clone().unwrap();
    assert!(matches!(copy.restore(&MemoryDevice::new(LENGTH - 2 * 64 * 1024)), Err(Error::Geometry(_))));
    // The store itself, gone on, is in the way; so is one byte anywhere.
    life.step().unwrap();
    assert!(copy.in_the_way(&*life.device).is_some());
    for at in [0, 2 * BLOCK as u64, LENGTH - BLOCK as u64] {
        let device = MemoryDevice::new(LENGTH);
        device.write(at, &[&[0; 100][..], &[1], &[0; BLOCK - 101][..]].concat()).unwrap();
        assert_eq!(copy.in_the_way(&device), Some(at));
    }
    for turn in 0.. {
        let crashing = CrashingDevice::new(vec![0; LENGTH as usize], CrashClock::new(turn, Fault::PowerCut));
        if copy.restore(&crashing).is_ok() {
            break;
        }
        let device = Arc::new(crashing.restarted(turn));
        assert_eq!(copy.in_the_way(&*device), None, "cut at operation {turn}");
        let is_store = Log::identify(&*device, &keys()).unwrap().is_some();
        let marked = if is_store { PutBack::Unanswered } else { PutBack::No };
        assert_eq!(PutBack::of(&*device).unwrap(), marked, "cut at operation {turn}");
        copy.restore(&*device).unwrap();
        assert_opens(device, &outline, &life.bodies[..25]);
    }
}
