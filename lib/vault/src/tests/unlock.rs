//! A store with an unlock secret: whoever has the machine, the disk and the cell opens nothing without it.

use super::*;
use crate::adversary::device_keys;
use crate::cell::CellSlot;
use crate::device_record::DeviceRecord;
use crate::{Keeper, UnlockSecret};

fn secret(byte: u8) -> UnlockSecret {
    UnlockSecret::filled(|bytes| bytes.fill(byte)).unwrap()
}

fn keeper(world: &World, unlock: Option<u8>) -> Keeper {
    let keeper = Keeper::from(Box::new(MemoryCell::new(world.records.clone(), None)));
    match unlock {
        Some(byte) => keeper.with_unlock(secret(byte)),
        None => keeper,
    }
}

#[test]
fn cell_and_disk_without_the_unlock_secret_open_nothing() {
    let mut world = World::seeded(60);
    world.image = vec![0; world.image.len()];
    world.records.lock().unwrap().iter_mut().for_each(Vec::clear);
    world.history.clear();
    let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
    let device = machine.recording.clone();
    let mut vault = Vault::create(device, keeper(&world, Some(1)), GEOMETRY, LIMITS, &mut rng(1)).unwrap();
    world.say(&mut vault, 1, 6).unwrap();
    let mut random = rng(3);
    let mut batch = vault.begin(Claim::Ordinary, &mut random).unwrap();
    batch.verifier([7; 8], Some(b"argon2")).unwrap();
    batch.commit([7; 32]).unwrap();
    let victim = *world.live.keys().next().unwrap();
    let number = world.ask(&mut vault, vec![Target::Place(victim)]).unwrap();
    world.erase(&mut vault, number).unwrap();
    let store = vault.store();
    drop(vault);
    world.power_off(&machine, 0);

    let open = |world: &World, unlock| {
        let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
        Vault::open(machine.recording.clone(), keeper(world, unlock), LIMITS, &mut rng(2))
    };
    assert!(matches!(open(&world, None).map(|_| ()), Err(Error::Locked)));
    assert!(matches!(open(&world, Some(2)).map(|_| ()), Err(Error::WrongUnlock)));
    // Whom it would know before it is unlocked; nothing else.
    let found =
        keeper(&world, None).locked_verifiers(&disk::MemoryDevice::from_bytes(world.image.clone())).unwrap();
    assert_eq!((found.store(), found.count(), found.verifier([7; 8])), (store, 1, Some(&b"argon2"[..])));
    let (vault, _) = open(&world, Some(1)).unwrap();
    world.check_live(&vault, "unlocked");

    // The seized machine: cell, disk, and for good measure the device keys that an unlocked life had.
    let cell = MemoryCell::new(world.records.clone(), None);
    assert!(device_keys(&cell).is_none(), "sealed");
    let record = world.records.lock().unwrap()[CellSlot::Device.index()].clone();
    let keys = DeviceRecord::decode(&record, Some(&secret(1))).unwrap().unwrap().keys;
    let opened = open_everything(&keys, store, cell_keys(&cell, &store), &world.history);
    assert!(opened.is_empty(), "the cell alone opens no body");
    let opened = open_everything(&keys, store, live_keys(&vault), &world.history);
    world.check_opened(&opened, &[number], "unlocked, the living opens and the erased does not");
}

#[test]
fn an_unlock_secret_for_a_store_without_one_is_told() {
    let world = World::seeded(61);
    let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
    let refused = Vault::open(machine.recording.clone(), keeper(&world, Some(1)), LIMITS, &mut rng(2));
    assert!(matches!(refused.map(|_| ()), Err(Error::NotSealed)));
}
