//! What an erasure costs: one message, and a conversation of many, each in time and in bytes written.
//! Never counts the giving back of space: it follows while nobody waits.

use crate::Size;
use crate::backfill::BODY_BYTES;
use crate::site::{rng, scratch};
use crate::table::{Bound, Row};
use ::vault::{FileCell, Limits, Place, Target, Vault};
use anyhow::Result;
use disk::{Claim, Device, FileDevice, Geometry, Preallocation};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Bodies of one batch.
const BATCH: u64 = 512;
/// Erasures of which the middle one counts.
const ROUNDS: u64 = 5;

/// A container that counts what is written to it.
pub(crate) struct Counting {
    inner: FileDevice,
    written: Arc<AtomicU64>,
}

impl Counting {
    pub(crate) fn new(inner: FileDevice) -> Self {
        Self { inner, written: Arc::default() }
    }

    /// Bytes, so far.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }
}

impl Device for Counting {
    fn length(&self) -> u64 {
        self.inner.length()
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, buffer)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.inner.write(offset, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }

    fn discard(&self, offset: u64, length: u64) -> io::Result<()> {
        self.inner.discard(offset, length)
    }
}

/// One message out of a conversation of many, then whole conversations of as many.
pub(crate) fn run(size: Size) -> Result<Vec<Row>> {
    let messages = size.pick(10_000u64, 100_000);
    let dir = scratch()?;
    let bytes = (messages * 1500 * (ROUNDS + 1)).next_multiple_of(64 << 20) + (64 << 20);
    let inner = FileDevice::create(&dir.path().join("store"), bytes, Preallocation::Reserve)?;
    let written = Arc::new(AtomicU64::new(0));
    let device = Arc::new(Counting { inner, written: written.clone() });
    let cell = Box::new(FileCell::create(&dir.path().join("cell"))?);
    let mut vault = Vault::create(device, cell, Geometry::for_length(bytes)?, Limits::default(), &mut rng())?;
    for conversation in 1..=ROUNDS + 1 {
        fill(&mut vault, conversation, messages)?;
    }
    let mut cost = |targets: Vec<Target>| -> Result<(f64, f64)> {
        let (mut times, mut sizes) = (Vec::new(), Vec::new());
        for target in targets {
            written.store(0, Ordering::Relaxed);
            let begin = Instant::now();
            erase(&mut vault, &[target])?;
            times.push(begin.elapsed().as_secs_f64() * 1000.0);
            sizes.push(written.load(Ordering::Relaxed) as f64 / 1024.0);
        }
        Ok((crate::measure::median(times), crate::measure::median(sizes)))
    };
    let item = |n| Target::Place(Place::item(ROUNDS + 1, messages / ROUNDS * n + 1));
    let one = cost((0..ROUNDS).map(item).collect())?;
    let whole = cost((1..=ROUNDS).map(Target::Conversation).collect())?;
    let row = |name, unit, product, yardstick, against, bound| Row {
        name,
        unit,
        product,
        yardstick,
        against,
        bound,
    };
    let against = "erasing one message";
    Ok(vec![
        row("erase one message, vault and cell", "ms", one.0, None, "", Bound::None),
        row("erase one message, written", "KiB", one.1, None, "", Bound::None),
        row("erase a whole conversation", "ms", whole.0, Some(one.0), against, Bound::AtMost(1.25)),
        row("erase a whole conversation, written", "KiB", whole.1, Some(one.1), against, Bound::AtMost(1.25)),
    ])
}

fn fill(vault: &mut Vault, conversation: u64, messages: u64) -> Result<()> {
    let body = [7; BODY_BYTES];
    let mut rng = rng();
    for first in (0..messages).step_by(BATCH as usize) {
        let mut batch = vault.begin(Claim::Ordinary, &mut rng)?;
        for item in first..messages.min(first + BATCH) {
            batch.insert(Place::item(conversation, item), &body)?;
        }
        batch.commit([0; 32])?;
    }
    // As it is after every few thousand messages: an erasure pays only for itself.
    Ok(vault.fold(&mut rng)?)
}

/// Steps (b) to (e).
pub(crate) fn erase(vault: &mut Vault, targets: &[Target]) -> Result<()> {
    let mut rng = rng();
    let intended = vault.begin_erasure(targets)?;
    let written = vault.write_tree(intended, &mut rng)?;
    let replaced = vault.replace_cell(written)?;
    let destroyed = vault.destroy_old_slot(replaced)?;
    vault.finish_erasure(destroyed);
    Ok(())
}
