//! Days without a power cut.

use std::sync::Arc;

use disk::{FileDevice, Geometry, Preallocation};

use super::*;
use crate::{FileCell, RootCell, Rows, SECRETS_CONVERSATION, VaultReader};

#[test]
fn what_is_said_is_read_before_and_after_restarts_and_folds() {
    let mut world = World::seeded(1);
    for day in 0..6 {
        let (machine, mut life) = world.calm();
        world.check_live(&life.vault, "morning");
        for conversation in [1, 2, 70, 5000] {
            world.say(&mut life.vault, conversation, 3).unwrap();
        }
        world.check_live(&life.vault, "evening");
        assert_eq!(life.opened.interrupted, None);
        assert_eq!(life.vault.epoch(), 0);
        drop(life);
        world.power_off(&machine, day);
    }
    assert!(world.live.len() > 80);
    let (_, life) = world.calm();
    assert!(matches!(life.vault.reader().read(Place::item(1, 99_999)), Err(Error::Missing(_))));
}

#[test]
fn a_place_is_filled_once_and_an_item_is_a_body_or_a_file() {
    let world = World::seeded(2);
    let (_, mut life) = world.calm();
    let mut random = rng(3);
    let mut batch = life.vault.begin(Claim::Ordinary, &mut random).unwrap();
    batch.insert(Place::item(1, 1), b"body").unwrap();
    batch.insert(Place::chunk(1, 2, 0), b"chunk").unwrap();
    assert!(matches!(batch.insert(Place::item(1, 1), b"again"), Err(Error::Occupied(_))));
    assert!(matches!(batch.insert(Place::chunk(1, 1, 0), b"again"), Err(Error::Occupied(_))));
    assert!(matches!(batch.insert(Place::item(1, 2), b"again"), Err(Error::Occupied(_))));
    batch.insert(Place::chunk(1, 2, 1), b"chunk").unwrap();
    assert!(matches!(
        batch.insert(Place::item(1, 3), &[0; 60_001]),
        Err(Error::BodyTooLarge { bytes: 60_001, limit: 60_000 })
    ));
    batch.commit([0; 32]).unwrap();
    for folded in [false, true] {
        if folded {
            life.vault.fold(&mut random).unwrap();
        }
        let mut batch = life.vault.begin(Claim::Ordinary, &mut random).unwrap();
        for taken in [Place::item(1, 1), Place::chunk(1, 1, 5), Place::item(1, 2), Place::chunk(1, 2, 1)] {
            assert!(matches!(batch.insert(taken, b"again"), Err(Error::Occupied(_))), "{taken:?}");
        }
    }
}

#[test]
fn a_batch_that_is_dropped_leaves_no_trace() {
    let world = World::seeded(4);
    let (machine, mut life) = world.calm();
    let mut random = rng(5);
    let before = machine.recording.bytes_written();
    let mut batch = life.vault.begin(Claim::Ordinary, &mut random).unwrap();
    batch.insert(Place::item(1, 1), b"never").unwrap();
    drop(batch);
    assert_eq!(machine.recording.bytes_written(), before);
    assert!(matches!(life.vault.reader().read(Place::item(1, 1)), Err(Error::Missing(_))));
}

#[test]
fn snapshots_verifiers_and_period_keys_are_there_after_a_restart() {
    let mut world = World::seeded(6);
    let (machine, mut life) = world.calm();
    let mut random = rng(7);
    let (old, new) = (vec![1; 300_000], vec![2; 200_000]);
    for (number, snapshot) in [&old, &old, &new].into_iter().enumerate() {
        let mut batch = life.vault.begin(Claim::Ordinary, &mut random).unwrap();
        batch.snapshot(&Rows::default(), snapshot).unwrap();
        batch.verifier([9; 8], Some(&[number as u8; 40])).unwrap();
        batch.insert(Place::item(SECRETS_CONVERSATION, number as u64), b"period key").unwrap();
        batch.commit([3; 32]).unwrap();
    }
    drop(life);
    world.power_off(&machine, 0);
    let (_, life) = world.calm();
    let [newest, before] = life.vault.snapshots();
    let state = |at: Option<_>| life.vault.reader().snapshot(at.unwrap(), |_| {}).unwrap().state;
    assert_eq!((state(newest), state(before)), (new, old));
    assert_eq!(life.vault.verifier([9; 8]), Some([2; 40].as_slice()));
    assert_eq!(life.vault.journal(), (0, [3; 32]));
    assert_eq!(&**life.vault.reader().read(Place::item(SECRETS_CONVERSATION, 2)).unwrap(), b"period key");
}

#[test]
fn the_same_store_lives_in_a_container_file_and_a_file_cell() {
    let folder = tempfile::tempdir().unwrap();
    let (store, cell) = (folder.path().join("store"), folder.path().join("cell"));
    let mut random = rng(8);
    let device = Arc::new(FileDevice::create(&store, 8 << 20, Preallocation::Reserve).unwrap());
    let geometry = Geometry::for_length(8 << 20).unwrap();
    let file_cell = Box::new(FileCell::create(&cell).unwrap());
    assert!(file_cell.kind().warning().contains("FILE"));
    let mut vault = Vault::create(device, file_cell, geometry, Limits::default(), &mut random).unwrap();
    let mut batch = vault.begin(Claim::Ordinary, &mut random).unwrap();
    batch.insert(Place::item(1, 1), b"kept").unwrap();
    batch.insert(Place::item(1, 2), b"canary that goes").unwrap();
    batch.commit([0; 32]).unwrap();
    let intended = vault.begin_erasure(&[Target::Place(Place::item(1, 2))]).unwrap();
    assert!(matches!(vault.reader().read(Place::item(1, 2)), Err(Error::BeingErased(_))));
    let written = vault.write_tree(intended, &mut random).unwrap();
    assert!(matches!(vault.begin(Claim::Urgent, &mut random), Err(Error::ErasureUnderWay)));
    let replaced = vault.replace_cell(written).unwrap();
    let destroyed = vault.destroy_old_slot(replaced).unwrap();
    assert_eq!(vault.finish_erasure(destroyed), 1);
    assert!(matches!(FileDevice::open(&store), Err(disk::Error::InUse)));
    drop(vault);

    let device = Arc::new(FileDevice::open(&store).unwrap());
    let reopened = Box::new(FileCell::open(&cell).unwrap());
    let (vault, opened) = Vault::open(device.clone(), reopened, Limits::default(), &mut random).unwrap();
    assert_eq!(opened.interrupted, Some(crate::Interrupted::AfterCell), "`Erased` was never journaled");
    assert_eq!(&**vault.reader().read(Place::item(1, 1)).unwrap(), b"kept");
    assert!(matches!(vault.reader().read(Place::item(1, 2)), Err(Error::Missing(_))));
    drop(vault);
    let used = Box::new(FileCell::open(&cell).unwrap());
    let over = Vault::create(device, used, geometry, Limits::default(), &mut random);
    assert!(matches!(over, Err(Error::CellInUse)));
}

#[test]
fn readers_read_beside_the_writer() {
    fn sendable<T: Send>(_: &T) {}
    let mut world = World::seeded(9);
    let (_, mut life) = world.calm();
    world.say(&mut life.vault, 1, 9).unwrap();
    sendable(&life.vault);
    let (reader, live): (VaultReader, _) = (life.vault.reader(), world.live.clone());
    let thread = std::thread::spawn(move || {
        for _ in 0..20 {
            live.iter().for_each(|(place, body)| assert_eq!(&*reader.read(*place).unwrap(), body));
        }
    });
    for conversation in 2..12 {
        world.say(&mut life.vault, conversation, 5).unwrap();
    }
    thread.join().unwrap();
    world.check_live(&life.vault, "after");
}

#[test]
fn no_body_is_ever_written_in_clear() {
    let mut world = World::seeded(10);
    let (machine, mut life) = world.calm();
    for conversation in 1..6 {
        world.say(&mut life.vault, conversation, 6).unwrap();
    }
    let number = world.ask(&mut life.vault, vec![Target::Conversation(2)]).unwrap();
    world.erase(&mut life.vault, number).unwrap();
    let canary = b"canary Place";
    let seen = |bytes: &[u8]| bytes.windows(canary.len()).any(|window| window == canary);
    assert!(seen(world.live.values().next().unwrap()), "the scan itself must work");
    assert!(!machine.recording.writes().iter().any(|write| seen(&write.bytes)));
}
