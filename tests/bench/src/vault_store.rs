//! One store of a given size, left as a process that dies leaves it: opened, read, written to, erased from, compacted.
//! Never compares anything: `vault` sets two sizes beside each other.

use crate::erase::{Counting, erase};
use crate::measure::{Samples, median, resident_of};
use crate::site::{rng, scratch};
use ::vault::{FileCell, Limits, Need, Place, Target, Tended, Vault};
use anyhow::{Context, Result};
use disk::{Claim, FileDevice, Geometry, Preallocation};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

/// Of one message.
pub(crate) const BODY_BYTES: usize = 1024;
/// The command by which the bench runs itself to measure the memory of an open store: DIR MESSAGES.
pub(crate) const MEMORY_COMMAND: &str = "vault-memory";
/// Conversations that the messages are spread over.
const CONVERSATIONS: u64 = 10;
/// Messages of one batch while a store is filled.
const FILL: u64 = 512;
/// Messages read before memory is looked at, and for the time of a read.
const READS: u64 = 5_000;
/// Batches of 16 whose rate is taken.
const BATCHES: u64 = 500;

/// What was measured at a store of one size.
#[derive(Default)]
pub(crate) struct Figures {
    /// Messages a second in batches of 16.
    pub(crate) inserts: f64,
    pub(crate) one_ms: f64,
    pub(crate) one_kib: f64,
    pub(crate) thousand_ms: f64,
    pub(crate) thousand_kib: f64,
    pub(crate) conversation_ms: f64,
    pub(crate) per_byte: f64,
    pub(crate) start_s: f64,
    pub(crate) memory_mib: f64,
    pub(crate) read_us: f64,
    /// The 99th percentile of a batch of 16 without compaction.
    pub(crate) alone_ms: f64,
    /// And with a step of it before each.
    pub(crate) beside_ms: f64,
}

/// A new vault in a container file.
pub(crate) fn made(dir: &Path, bytes: u64) -> Result<(Vault, Arc<Counting>)> {
    let inner = FileDevice::create(&dir.join("store"), bytes, Preallocation::Write)?;
    let device = Arc::new(Counting::new(inner));
    let cell = Box::new(FileCell::create(&dir.join("cell"))?);
    let geometry = Geometry::for_length(bytes)?;
    let vault = Vault::create(device.clone(), cell, geometry, Limits::default(), &mut rng())?;
    Ok((vault, device))
}

/// How often in a second `act` goes.
pub(crate) fn rate_of(count: u64, mut act: impl FnMut(u64) -> Result<()>) -> Result<f64> {
    let begin = Instant::now();
    (0..count).try_for_each(&mut act)?;
    Ok(count as f64 / begin.elapsed().as_secs_f64())
}

/// Where the n-th message lies.
fn place(n: u64) -> Place {
    Place::item(1 + n % CONVERSATIONS, n / CONVERSATIONS)
}

fn opened(dir: &Path) -> Result<(Vault, Arc<Counting>)> {
    let device = Arc::new(Counting::new(FileDevice::open(&dir.join("store"))?));
    let cell = Box::new(FileCell::open(&dir.join("cell"))?);
    let (vault, _) = Vault::open(device.clone(), cell, Limits::default(), &mut rng())?;
    Ok((vault, device))
}

/// Reads here and there; microseconds for one.
fn reads(vault: &Vault, messages: u64) -> Result<f64> {
    let reader = vault.reader();
    let count = READS.min(messages);
    Ok(1e6 / rate_of(count, |n| Ok(reader.read(place(n * 7_919 % messages)).map(drop)?))?)
}

/// The child's half of the figure of memory: opens the store, reads from it, and prints what that took, bytes.
pub(crate) fn print_memory(dir: &Path, messages: u64) -> Result<()> {
    let before = resident_of(std::process::id())?;
    let (vault, _device) = opened(dir)?;
    reads(&vault, messages)?;
    println!("{}", resident_of(std::process::id())?.saturating_sub(before));
    Ok(())
}

/// Memory of an open store, MiB, in a process that did nothing else before.
fn memory_mib(dir: &Path, messages: u64) -> Result<f64> {
    let mut child = Command::new(std::env::current_exe()?);
    let output = child.arg(MEMORY_COMMAND).arg(dir).arg(messages.to_string()).output()?;
    let bytes: u64 = String::from_utf8(output.stdout)?.trim().parse().context("the child said nothing")?;
    Ok(bytes as f64 / f64::from(1 << 20))
}

impl Figures {
    /// Those of a store of so many messages.
    pub(crate) fn of(messages: u64) -> Result<Self> {
        let dir = scratch()?;
        let mut found = Self { per_byte: filled(dir.path(), messages)?, ..Self::default() };
        found.memory_mib = memory_mib(dir.path(), messages)?;
        let begin = Instant::now();
        let (mut vault, device) = opened(dir.path())?;
        found.start_s = begin.elapsed().as_secs_f64();
        found.read_us = reads(&vault, messages)?;
        found.erase(&mut vault, &device, messages / CONVERSATIONS)?;
        found.insert(&mut vault, messages / CONVERSATIONS)?;
        Ok(found)
    }

    fn erase(&mut self, vault: &mut Vault, device: &Counting, each: u64) -> Result<()> {
        vault.fold(&mut rng())?;
        let mut cost = |targets: &[Target]| -> Result<(f64, f64)> {
            let (before, begin) = (device.written(), Instant::now());
            erase(vault, targets)?;
            Ok((begin.elapsed().as_secs_f64() * 1000.0, (device.written() - before) as f64 / 1024.0))
        };
        let mut ones = (Vec::new(), Vec::new());
        for n in 0..7 {
            let (ms, kib) = cost(&[Target::Place(Place::item(2, each / 8 * n))])?;
            ones.0.push(ms);
            ones.1.push(kib);
        }
        (self.one_ms, self.one_kib) = (median(ones.0), median(ones.1));
        let step = (each / 1001).max(1);
        let thousand: Vec<Target> =
            (0..1000.min(each)).map(|n| Target::Place(Place::item(3, n * step))).collect();
        (self.thousand_ms, self.thousand_kib) = cost(&thousand)?;
        let mut whole = Vec::new();
        for conversation in 4..9 {
            whole.push(cost(&[Target::Conversation(conversation)])?.0);
        }
        self.conversation_ms = median(whole);
        Ok(())
    }

    /// What is left lies between what is dead: batches first without, then with a step of compaction before each.
    fn insert(&mut self, vault: &mut Vault, first: u64) -> Result<()> {
        let (mut fresh, mut rng) = (first, rng());
        for compacting in [false, true] {
            let (mut samples, begin, mut done) = (Samples::default(), Instant::now(), 0);
            for _ in 0..BATCHES {
                let begin = Instant::now();
                if compacting && vault.tend(Need::Hygiene, &mut rng)? == Tended::Idle {
                    break;
                }
                let mut batch = vault.begin(Claim::Ordinary, &mut rng)?;
                for _ in 0..16 {
                    batch.insert(Place::item(1, fresh), &[7; BODY_BYTES])?;
                    fresh += 1;
                }
                batch.commit([0; 32])?;
                done += 16;
                samples.add(begin.elapsed().as_nanos() as u64);
            }
            if compacting {
                self.beside_ms = samples.percentile_ms(99);
            } else {
                self.alone_ms = samples.percentile_ms(99);
                self.inserts = f64::from(done) / begin.elapsed().as_secs_f64();
            }
        }
        Ok(())
    }
}

/// Fills a new store; bytes on the device for a byte stored. Nothing is written at its end: as a kill leaves it.
fn filled(dir: &Path, messages: u64) -> Result<f64> {
    let bytes = (messages * 1_500 + (128 << 20)).next_multiple_of(16 << 20);
    let (mut vault, _device) = made(dir, bytes)?;
    let (free, mut rng) = (vault.space().free, rng());
    for first in (0..messages).step_by(FILL as usize) {
        let mut batch = vault.begin(Claim::Ordinary, &mut rng)?;
        for n in first..messages.min(first + FILL) {
            batch.insert(place(n), &[7; BODY_BYTES])?;
        }
        batch.commit([0; 32])?;
    }
    let used = u64::from(free - vault.space().free) * vault.extent_bytes();
    Ok(used as f64 / (messages * BODY_BYTES as u64) as f64)
}
