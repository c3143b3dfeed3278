//! The vault beside redb and beside a bare append with fdatasync of the same bytes: inserts, reads, erasures, start, room.
//! Never through the server: what the disk costs, and nothing else.

use crate::Size;
use crate::erase::{Counting, erase};
use crate::measure::{Samples, resident_of};
use crate::randomness::PooledRng;
use crate::site::{rng, scratch};
use crate::table::{Bound, Row};
use ::vault::{FileCell, Limits, Need, Place, Target, Tended, Vault};
use anyhow::Result;
use disk::{Claim, FileDevice, Geometry, Preallocation};
use redb::{Database, ReadableDatabase, TableDefinition};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const BODY_BYTES: usize = 1024;
const TABLE: TableDefinition<u64, &[u8]> = TableDefinition::new("bodies");
/// Conversations that the messages of the large store are spread over.
const CONVERSATIONS: u64 = 10;
/// Messages of one batch while a store is filled.
const FILL: u64 = 512;
/// Rounds of which each gives its rate to all three, so that a busy moment hits them alike.
const ROUNDS: usize = 5;

fn row(name: &'static str, unit: &'static str, product: f64, bound: Bound) -> Row {
    Row { name, unit, product, yardstick: None, against: "", bound }
}

fn beside(name: &'static str, product: f64, other: f64, against: &'static str, least: f64) -> Row {
    let bound = Bound::AtLeast(least);
    Row { name, unit: "1/s", product, yardstick: Some(other), against, bound }
}

/// All figures.
pub(crate) fn run(size: Size) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    inserts(size, &mut rows)?;
    let small = erasures(size.pick(10_000, 10_000))?;
    let large = erasures(size.pick(50_000, 1_000_000))?;
    rows.push(row("vault: erase one of 10^4, ms", "ms", small.one_ms, Bound::None));
    rows.push(Row {
        name: "vault: erase one of the large store",
        unit: "ms",
        product: large.one_ms,
        yardstick: Some(small.one_ms),
        against: "erasing one of 10^4",
        bound: Bound::None,
    });
    let kib = Bound::ValueAtMost(10.0);
    rows.push(row("vault: erase one, written with the commit record", "KiB", large.one_kib, kib));
    rows.push(row("vault: erase 1,000 at once", "ms", large.thousand_ms, Bound::None));
    rows.push(row("vault: erase 1,000, written for each", "KiB", large.thousand_kib / 1000.0, kib));
    rows.push(Row {
        name: "vault: erase a conversation (a tenth of all)",
        unit: "ms",
        product: large.conversation_ms,
        yardstick: Some(large.one_ms),
        against: "erasing one message",
        bound: Bound::AtMost(2.0),
    });
    rows.push(row("vault: bytes on the device per byte stored", "", large.per_byte, Bound::None));
    rows.push(row("vault: start after the process died", "s", large.start_s, Bound::ValueAtMost(3.0)));
    rows.push(row("vault: memory of an open store", "MiB", large.memory_mib, Bound::None));
    rows.push(row("vault: random read", "µs", large.read_us, Bound::None));
    rows.push(Row {
        name: "vault: p99 of a batch of 16 beside compaction",
        unit: "ms",
        product: large.beside_ms,
        yardstick: Some(large.alone_ms),
        against: "without compaction",
        bound: Bound::None,
    });
    Ok(rows)
}

fn made(dir: &Path, bytes: u64) -> Result<(Vault, Arc<Counting>)> {
    let inner = FileDevice::create(&dir.join("store"), bytes, Preallocation::Write)?;
    let device = Arc::new(Counting::new(inner));
    let cell = Box::new(FileCell::create(&dir.join("cell"))?);
    let geometry = Geometry::for_length(bytes)?;
    let vault = Vault::create(device.clone(), cell, geometry, Limits::default(), &mut rng())?;
    Ok((vault, device))
}

/// Batches of 1, 16 and 256 in turns: the vault, redb, the bare append.
fn inserts(size: Size, rows: &mut Vec<Row>) -> Result<()> {
    const NAMES: [(u64, [&str; 2]); 3] = [
        (1, ["vault: inserts, batch 1", "vault: inserts, batch 1 (redb)"]),
        (16, ["vault: inserts, batch 16", "vault: inserts, batch 16 (redb)"]),
        (256, ["vault: inserts, batch 256", "vault: inserts, batch 256 (redb)"]),
    ];
    let dir = scratch()?;
    let (mut vault, _) = made(dir.path(), 1 << 30)?;
    let database = Database::create(dir.path().join("redb"))?;
    let bare = std::fs::File::create(dir.path().join("bare"))?;
    let zeros = vec![0; 1 << 20];
    (0..256).try_for_each(|piece| bare.write_all_at(&zeros, piece << 20))?;
    bare.sync_all()?;
    let body = [7; BODY_BYTES];
    let (mut item, mut key, mut at) = (0, 0, 0);
    let span = Duration::from_millis(size.pick(150, 600));
    let mut rng = PooledRng::new();
    for (batch, names) in NAMES {
        let (mut ours, mut redbs, mut bares) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(rate(span, batch, || {
                let mut writing = vault.begin(Claim::Ordinary, &mut rng)?;
                for _ in 0..batch {
                    writing.insert(Place::item(1, item), &body)?;
                    item += 1;
                }
                writing.commit([0; 32])?;
                Ok(())
            })?);
            redbs.push(rate(span, batch, || {
                let writing = database.begin_write()?;
                {
                    let mut table = writing.open_table(TABLE)?;
                    for _ in 0..batch {
                        table.insert(key, &body[..])?;
                        key += 1;
                    }
                }
                Ok(writing.commit()?)
            })?);
            let bytes = vec![7; BODY_BYTES * batch as usize];
            bares.push(rate(span, batch, || {
                if at + bytes.len() as u64 > 256 << 20 {
                    at = 0;
                }
                bare.write_all_at(&bytes, at)?;
                at += bytes.len() as u64;
                Ok(bare.sync_data()?)
            })?);
        }
        let [ours, redbs, bares] = [ours, redbs, bares].map(crate::measure::median);
        rows.push(beside(names[0], ours, bares, "append + fdatasync", 0.7));
        rows.push(beside(names[1], ours, redbs, "redb", 1.0));
    }
    let reading = database.begin_read()?.open_table(TABLE)?;
    let reader = vault.reader();
    let step = 7_919;
    let count = size.pick(2_000_u64, 20_000);
    let ours = rate_of(count, |n| Ok(reader.read(Place::item(1, n * step % item)).map(drop)?))?;
    let theirs = rate_of(count, |n| Ok(reading.get(n * step % key).map(drop)?))?;
    rows.push(beside("vault: random reads (redb: not sealed)", ours, theirs, "redb", 0.0));
    Ok(())
}

/// Messages a second while `act` writes batches of them.
fn rate(span: Duration, batch: u64, mut act: impl FnMut() -> Result<()>) -> Result<f64> {
    let begin = Instant::now();
    let mut done = 0;
    while begin.elapsed() < span {
        act()?;
        done += batch;
    }
    Ok(done as f64 / begin.elapsed().as_secs_f64())
}

fn rate_of(count: u64, mut act: impl FnMut(u64) -> Result<()>) -> Result<f64> {
    let begin = Instant::now();
    (0..count).try_for_each(&mut act)?;
    Ok(count as f64 / begin.elapsed().as_secs_f64())
}

#[derive(Default)]
struct Erasures {
    one_ms: f64,
    one_kib: f64,
    thousand_ms: f64,
    thousand_kib: f64,
    conversation_ms: f64,
    per_byte: f64,
    start_s: f64,
    memory_mib: f64,
    read_us: f64,
    alone_ms: f64,
    beside_ms: f64,
}

/// A store of so many messages, left as a process that dies leaves it, opened, and erased from.
fn erasures(messages: u64) -> Result<Erasures> {
    let dir = scratch()?;
    let each = messages / CONVERSATIONS;
    let bytes = (messages * 1_500 + (128 << 20)).next_multiple_of(16 << 20);
    let (mut vault, device) = made(dir.path(), bytes)?;
    let free = vault.space().free;
    let mut rng = rng();
    let body = [7; BODY_BYTES];
    for first in (0..messages).step_by(FILL as usize) {
        let mut batch = vault.begin(Claim::Ordinary, &mut rng)?;
        for n in first..messages.min(first + FILL) {
            batch.insert(Place::item(1 + n % CONVERSATIONS, n / CONVERSATIONS), &body)?;
        }
        batch.commit([0; 32])?;
    }
    let used = u64::from(free - vault.space().free) * vault.extent_bytes();
    let per_byte = used as f64 / (messages * BODY_BYTES as u64) as f64;
    drop((vault, device)); // Nothing is written at an end: as a kill leaves it.

    let memory = resident_of(std::process::id())?;
    let begin = Instant::now();
    let device = Arc::new(Counting::new(FileDevice::open(&dir.path().join("store"))?));
    let cell = Box::new(FileCell::open(&dir.path().join("cell"))?);
    let (mut vault, _) = Vault::open(device.clone(), cell, Limits::default(), &mut rng)?;
    let mut found = Erasures { per_byte, start_s: begin.elapsed().as_secs_f64(), ..Erasures::default() };
    let reader = vault.reader();
    let place = |n: u64| Place::item(1 + n % CONVERSATIONS, n / CONVERSATIONS);
    let count = 5_000.min(messages);
    let reads = rate_of(count, |n| Ok(reader.read(place(n * 7_919 % messages)).map(drop)?))?;
    found.read_us = 1e6 / reads;
    found.memory_mib = resident_of(std::process::id())?.saturating_sub(memory) as f64 / f64::from(1 << 20);
    vault.fold(&mut rng)?;
    let mut cost = |targets: &[Target]| -> Result<(f64, f64)> {
        let (before, begin) = (device.written(), Instant::now());
        erase(&mut vault, targets)?;
        Ok((begin.elapsed().as_secs_f64() * 1000.0, (device.written() - before) as f64 / 1024.0))
    };
    let mut ones = (Vec::new(), Vec::new());
    for n in 0..7 {
        let (ms, kib) = cost(&[Target::Place(Place::item(2, each / 8 * n))])?;
        ones.0.push(ms);
        ones.1.push(kib);
    }
    (found.one_ms, found.one_kib) = (crate::measure::median(ones.0), crate::measure::median(ones.1));
    let step = (each / 1001).max(1);
    let thousand: Vec<Target> =
        (0..1000.min(each)).map(|n| Target::Place(Place::item(3, n * step))).collect();
    (found.thousand_ms, found.thousand_kib) = cost(&thousand)?;
    let mut whole = Vec::new();
    for conversation in 4..9 {
        whole.push(cost(&[Target::Conversation(conversation)])?.0);
    }
    found.conversation_ms = crate::measure::median(whole);
    // What is left lies between what is dead: batches first without, then with a step of compaction before each.
    let mut fresh = each;
    for compacting in [false, true] {
        let mut samples = Samples::default();
        for _ in 0..300 {
            let begin = Instant::now();
            if compacting && vault.tend(Need::Hygiene, &mut rng)? == Tended::Idle {
                break;
            }
            let mut batch = vault.begin(Claim::Ordinary, &mut rng)?;
            for _ in 0..16 {
                batch.insert(Place::item(1, fresh), &body)?;
                fresh += 1;
            }
            batch.commit([0; 32])?;
            samples.add(begin.elapsed().as_nanos() as u64);
        }
        let p99 = samples.percentile_ms(99);
        *(if compacting { &mut found.beside_ms } else { &mut found.alone_ms }) = p99;
    }
    Ok(found)
}
