//! What a database would buy an index of messages by person, beside the columns that the Register keeps anyway.
//! Never part of the product: this is the measurement behind there being no such database in it.

use crate::Size;
use crate::measure::resident_of;
use crate::table::{Bound, Row};
use anyhow::{Context, Result, ensure};
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

/// Memory-backed storage: a database of an index must never reach a disk.
const MEMORY_BACKED: &str = "/dev/shm";
/// People who write.
const PEOPLE: u32 = 1000;
/// Rows of one page of an answer.
const PAGE: usize = 100;
/// Questions of which the mean counts.
const QUESTIONS: u32 = 100;
/// Keys that a database takes at once.
const BATCH: usize = 4096;

/// As much of a message as a search by person and time needs: the width of the Register's rows.
struct Message {
    index: u64,
    author: u32,
    _rest: [u8; 20],
}

/// Two ways to find one person's messages from an index on.
pub(crate) fn run(size: Size) -> Result<Vec<Row>> {
    let messages = size.pick(50_000u64, 1_000_000);
    let columns = columns(messages);
    let dir = tempfile::tempdir_in(MEMORY_BACKED).context("a memory-backed filesystem")?;
    let before = resident_of(std::process::id())?;
    let begin = Instant::now();
    let database = fill(dir.path(), &columns)?;
    let filled = begin.elapsed();
    let resident = resident_of(std::process::id())?.saturating_sub(before);
    let middle = messages / 2;
    let scanned = mean(|question| Ok(scan(&columns, question % PEOPLE, middle)))?;
    let asked = mean(|question| ask(&database, question % PEOPLE, middle))?;
    ensure!(scan(&columns, 7, middle) == ask(&database, 7, middle)?, "both find the same");
    let row = |name, unit, product, yardstick, against| {
        let yardstick = Some(yardstick);
        Row { name, unit, product, yardstick, against, bound: Bound::AtMost(1.0) }
    };
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    Ok(vec![
        row("a page of one person's messages", "us", micros(scanned), micros(asked), "sled in memory"),
        row("an index at start", "ms", 0.0, filled.as_secs_f64() * 1e3, "filling sled"),
        row("memory for an index", "MiB", 0.0, resident as f64 / f64::from(1 << 20), "sled's process"),
    ])
}

/// A site's messages: who wrote when, at random.
fn columns(messages: u64) -> Vec<Message> {
    let mut state = 88_172_645_463_325_252u64; // xorshift64, Marsaglia 2003
    let mut draw = |below: u32| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % u64::from(below)) as u32
    };
    let message = |index| Message { index, author: draw(PEOPLE), _rest: [0; 20] };
    (0..messages).map(message).collect()
}

fn fill(dir: &Path, columns: &[Message]) -> Result<sled::Db> {
    let config = sled::Config::new().path(dir).cache_capacity(64 << 20).flush_every_ms(None);
    let database = config.open()?;
    for messages in columns.chunks(BATCH) {
        let mut batch = sled::Batch::default();
        messages.iter().for_each(|message| batch.insert(&key(message.author, message.index), &[]));
        database.apply_batch(batch)?;
    }
    Ok(database)
}

fn key(author: u32, index: u64) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&author.to_be_bytes());
    key[4..].copy_from_slice(&index.to_be_bytes());
    key
}

fn ask(database: &sled::Db, author: u32, since: u64) -> Result<u64> {
    let mut sum = 0;
    for found in database.range(key(author, since)..=key(author, u64::MAX)).take(PAGE) {
        let (key, _) = found?;
        let index = key.last_chunk::<8>().context("a key of twelve bytes")?;
        sum += u64::from_be_bytes(*index);
    }
    Ok(sum)
}

fn scan(columns: &[Message], author: u32, since: u64) -> u64 {
    let from = columns.partition_point(|message| message.index < since);
    let found = columns[from..].iter().filter(|message| message.author == author);
    found.take(PAGE).map(|message| message.index).sum()
}

fn mean(mut ask: impl FnMut(u32) -> Result<u64>) -> Result<Duration> {
    let begin = Instant::now();
    for question in 0..QUESTIONS {
        black_box(ask(question)?);
    }
    Ok(begin.elapsed() / QUESTIONS)
}
