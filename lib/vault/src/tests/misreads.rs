//! A device of which one read fails, or gives one wrong bit: an error, sometimes, and never a loss.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use disk::Device;

use super::crash::{all_is_kept, clone_of, prepared};
use super::*;

/// See the module.
struct Misreading {
    inner: Arc<dyn Device>,
    /// Reads up to and with the bad one.
    left: AtomicU64,
    lies: bool,
}

const NEVER: u64 = u64::MAX / 2;

impl Misreading {
    fn arm(&self, at: u64) {
        self.left.store(at, Ordering::SeqCst);
    }

    fn has_struck(&self) -> bool {
        self.left.load(Ordering::SeqCst) == 0
    }
}

impl Device for Misreading {
    fn length(&self) -> u64 {
        self.inner.length()
    }
    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, buffer)?;
        let before = |left: u64| left.checked_sub(1);
        if self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, before) == Ok(1) {
            if !self.lies {
                return Err(io::Error::other("injected read fault"));
            }
            // Somewhere in what is written, most of the time.
            let written = buffer.iter().rposition(|byte| *byte != 0).unwrap_or(0) + 1;
            buffer[(offset as usize / 512 * 7919) % written] ^= 1;
        }
        Ok(())
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

/// What a life does until something fails.
fn day(world: &mut World, vault: &mut Vault, story: u64) -> Result<(), Error> {
    let known = 500 + story % 3; // What was erased whole is never used again.
    world.say(vault, known, 3)?;
    let victim = *world.live.keys().nth(story as usize % world.live.len()).unwrap();
    let number = world.ask(vault, vec![Target::Place(victim)])?;
    world.erase(vault, number)?;
    world.say(vault, known, 2)?;
    let mut random = rng(story);
    for _ in 0..12 {
        vault.tend(Need::Room, &mut random)?;
    }
    vault.fold(&mut random)?;
    let number = world.ask(vault, vec![Target::Conversation(victim.conversation)])?;
    world.erase(vault, number)?;
    world.say(vault, 900 + story, 2)
}

/// Whether the bad read came.
fn one_bad_read(start: &World, seed: u64, at: u64, lies: bool, errors: &mut u64) -> bool {
    let story = format!("seed {seed}, read {at} {}", if lies { "lies" } else { "fails" });
    let mut world = clone_of(start);
    let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
    let left = AtomicU64::new(if lies { NEVER } else { at });
    let device = Arc::new(Misreading { inner: machine.recording.clone(), left, lies });
    let cell = Box::new(MemoryCell::new(world.records.clone(), None));
    match Vault::open(device.clone(), cell, LIMITS, &mut rng(5)) {
        Ok((mut vault, _)) => {
            if lies {
                device.arm(at);
            }
            *errors += u64::from(day(&mut world, &mut vault, seed + at).is_err());
            assert_eq!(vault.take_cut_off(), [], "{story}: one bad read is no damage");
        }
        Err(_) => *errors += 1,
    }
    world.power_off(&machine, seed);
    all_is_kept(&mut world, at.is_multiple_of(5), &story);
    device.has_struck()
}

#[test]
fn one_read_that_fails_or_lies_loses_nothing() {
    let (mut reads, mut errors) = (0, 0);
    for seed in 0..4 {
        let start = prepared(seed);
        for lies in [false, true] {
            let struck = (1..).take_while(|at| one_bad_read(&start, seed, *at, lies, &mut errors));
            reads += struck.count();
        }
    }
    assert!(reads > 200 && errors > 50 && errors < reads as u64, "{reads} {errors}");
}
