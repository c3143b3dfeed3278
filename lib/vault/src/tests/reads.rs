//! A read that began before an erasure: the erasure is not over before it is, and what it read is withheld.

use std::io;
use std::sync::Condvar;
use std::sync::mpsc::channel;
use std::thread;

use disk::{BLOCK, Device};

use super::*;
use crate::vault::locked;

/// A device on which reads of one block wait until they are let go.
struct Latched {
    inner: Arc<dyn Device>,
    latch: Mutex<Latch>,
    changed: Condvar,
}

#[derive(Default)]
struct Latch {
    block: Option<u64>,
    waiting: bool,
}

impl Latched {
    fn hold(&self, block: u64) {
        self.latch.lock().unwrap().block = Some(block);
    }

    fn until_somebody_waits(&self) {
        let latch = self.latch.lock().unwrap();
        drop(self.changed.wait_while(latch, |latch| !latch.waiting).unwrap());
    }

    fn let_go(&self) {
        self.latch.lock().unwrap().block = None;
        self.changed.notify_all();
    }
}

impl Device for Latched {
    fn length(&self) -> u64 {
        self.inner.length()
    }
    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut latch = self.latch.lock().unwrap();
        while latch.block == Some(offset) {
            latch.waiting = true;
            self.changed.notify_all();
            latch = self.changed.wait(latch).unwrap();
        }
        drop(latch);
        self.inner.read(offset, buffer)
    }
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.inner.write(offset, bytes)
    }
    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }
    fn discard(&self, offset: u64, length: u64) -> io::Result<()> {
        self.inner.discard(offset, length)
    }
}

#[test]
fn an_erasure_is_not_over_while_a_read_still_holds_a_former_key() {
    let mut world = World::seeded(95);
    let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
    let device = Arc::new(Latched {
        inner: machine.recording.clone(),
        latch: Mutex::default(),
        changed: Condvar::new(),
    });
    let cell = Box::new(MemoryCell::new(world.records.clone(), None));
    let (mut vault, _) = Vault::open(device.clone(), cell, LIMITS, &mut rng(5)).unwrap();
    // A body of its own blocks, so that nothing but its read is held.
    let (place, beside) = (Place::item(1, 1), Place::item(2, 1));
    for (place, bytes) in [(place, 20_000), (beside, 20_000)] {
        let mut random = rng(world.random.next_u64());
        let mut batch = vault.begin(Claim::Ordinary, &mut random).unwrap();
        batch.insert(place, &vec![7; bytes]).unwrap();
        batch.commit([7; 32]).unwrap();
    }
    let position = locked(&vault.tree).lookup(&place).unwrap().unwrap().position;
    device.hold(position.offset / BLOCK as u64 * BLOCK as u64);
    let reader = vault.reader();
    let (mask, reads) = {
        let tree = locked(&vault.tree);
        (Arc::downgrade(&tree.mask), Arc::clone(&tree.reads))
    };
    thread::scope(|scope| {
        let read = scope.spawn(|| reader.read(place));
        device.until_somebody_waits();
        let (tell, told) = channel();
        let erasing = scope.spawn(move || {
            let number = world.ask(&mut vault, vec![Target::Place(place)]).unwrap();
            world.erase(&mut vault, number).unwrap();
            let former = mask.upgrade().is_none();
            tell.send(()).unwrap();
            (former, vault.reader().read(beside).is_ok())
        });
        while !reads.are_awaited() {
            assert!(told.try_recv().is_err(), "the erasure was over while the read was under way");
            thread::yield_now();
        }
        assert!(told.try_recv().is_err());
        device.let_go();
        let refused = read.join().unwrap().unwrap_err();
        assert!(matches!(refused, Error::BeingErased(_)), "{refused}");
        assert_eq!(erasing.join().unwrap(), (true, true), "the former mask is wiped, and others are read");
    });
}
