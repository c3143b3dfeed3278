//! The vault beside redb and beside a bare append with fdatasync of the same bytes: inserts, reads, erasures, start, room.
//! Never through the server: what the disk costs, and nothing else.

use crate::Size;
use crate::randomness::PooledRng;
use crate::site::scratch;
use crate::table::{Bound, Row};
use crate::vault_store::{BODY_BYTES, Figures, made, rate_of};
use ::vault::Place;
use anyhow::Result;
use disk::Claim;
use redb::{Database, ReadableDatabase, TableDefinition};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

const TABLE: TableDefinition<u64, &[u8]> = TableDefinition::new("bodies");
/// Rounds of which each gives its rate to all three, so that a busy moment hits them alike.
const ROUNDS: usize = 5;

fn beside(name: &'static str, product: f64, other: f64, against: &'static str, least: f64) -> Row {
    let bound = Bound::AtLeast(least);
    Row { name, unit: "1/s", product, yardstick: Some(other), against, bound }
}

/// All figures.
pub(crate) fn run(size: Size) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    inserts(size, &mut rows)?;
    let small = Figures::of(10_000)?;
    let large = Figures::of(size.pick(50_000, 1_000_000))?;
    let flat = |name, unit, of: fn(&Figures) -> f64| Row {
        name,
        unit,
        product: of(&large),
        yardstick: Some(of(&small)),
        against: "the same in a store of 10^4",
        bound: Bound::None,
    };
    rows.push(flat("vault: inserts into the large store, batch 16", "1/s", |found| found.inserts));
    rows.push(flat("vault: random read in it", "µs", |found| found.read_us));
    rows.push(flat("vault: memory of it, open", "MiB", |found| found.memory_mib));
    rows.push(flat("vault: bytes on the device per byte stored", "", |found| found.per_byte));
    rows.push(flat("vault: erase one", "ms", |found| found.one_ms));
    rows.push(flat("vault: erase 1,000 at once", "ms", |found| found.thousand_ms));
    let kib = Bound::ValueAtMost(10.0);
    rows.push(Row { bound: kib, ..flat("vault: erase one, written", "KiB", |found| found.one_kib) });
    let each = |found: &Figures| found.thousand_kib / 1000.0;
    rows.push(Row { bound: kib, ..flat("vault: erase 1,000, written for each", "KiB", each) });
    rows.push(Row {
        name: "vault: erase a conversation (a tenth of all)",
        unit: "ms",
        product: large.conversation_ms,
        yardstick: Some(large.one_ms),
        against: "erasing one message",
        bound: Bound::AtMost(2.0),
    });
    rows.push(Row {
        bound: Bound::ValueAtMost(3.0),
        ..flat("vault: start after the process died", "s", |found| found.start_s)
    });
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
    let mut rng = PooledRng::new()?;
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
