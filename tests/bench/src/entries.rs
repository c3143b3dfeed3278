//! Many entries: the auditor's replay beside the limit of its signatures, and a start after kill -9.
//! Never audits an entry that the rules did not admit when it was made.

use crate::Size;
use crate::backfill::Backfill;
use crate::site::{Site, rng, scratch};
use crate::table::{Bound, Row};
use anyhow::{Context, Result, ensure};
use auditor::bundle::{BundleReader, BundleWriter};
use auditor::parallel::{each, processors};
use auditor::replaying::{Asked, replay_bundle};
use pki::{PublicKey, SecretKey, Signer, Suite, Verifier};
use protocol::engine::snapshot::SNAPSHOT_SHARE;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;
use std::time::Instant;

/// Signatures for the limit.
const SIGNATURES: usize = 40_000;
/// About what a message's statement has, with the context of its kind.
const SIGNED_BYTES: usize = 432;

/// The audit and the start share the entries: making them takes longest.
pub(crate) fn run(size: Size) -> Result<Vec<Row>> {
    let entries = size.pick(50_000, 1_000_000);
    let logins: Vec<String> = (0..11).map(|n| format!("member{n}")).collect();
    let site = Site::founded(&logins, size.pick(128 << 20, 1280 << 20))?;
    let dir = scratch()?;
    let bundle = dir.path().join("bundle");
    let begin = Instant::now();
    {
        let mut backfill = Backfill::open(&site)?;
        let conversation = backfill.group(&logins)?;
        // A snapshot falls due a sixteenth later: this is a crash just before the next one.
        backfill.messages(&logins, conversation, entries - entries / SNAPSHOT_SHARE)?;
        backfill.snapshot()?;
        backfill.messages(&logins, conversation, entries)?;
        write_bundle(&backfill, &bundle)?;
    }
    eprintln!("  {entries} entries made in {:.1} s", begin.elapsed().as_secs_f64());
    let mut rows = vec![audit(&bundle, entries)?];
    rows.push(start(&site, entries)?);
    Ok(rows)
}

fn write_bundle(backfill: &Backfill<'_>, path: &Path) -> Result<()> {
    let mut writer = BundleWriter::new(BufWriter::new(File::create(path)?))?;
    for entry in backfill.entries() {
        writer.entry(&entry?.bytes)?;
    }
    writer.finish(&[])?;
    Ok(())
}

/// Before and behind the replay the limit is measured, since the machine is not ours alone.
fn audit(bundle: &Path, entries: u64) -> Result<Row> {
    let mut signatures = signatures()?;
    let before = limit(&mut signatures);
    let begin = Instant::now();
    let asked = Asked {
        log: None,
        stamps: BTreeSet::new(),
        threads: processors(),
        progress: &mut |_| {},
        observer: &mut |_, _, _| {},
    };
    let reader = BundleReader::open(BufReader::new(File::open(bundle)?))?;
    let replayed = replay_bundle(reader, asked)?;
    let product = entries as f64 / begin.elapsed().as_secs_f64();
    ensure!(replayed.bad.is_none() && replayed.replay.tree().size() == entries, "the replay refuses");
    Ok(Row {
        name: "audit",
        unit: "entries/s",
        product,
        yardstick: Some((before + limit(&mut signatures)) / 2.0),
        against: "Ed25519 verification alone, all processors",
        bound: Bound::AtLeast(0.9),
    })
}

struct Signature {
    key: PublicKey,
    message: Vec<u8>,
    signature: Vec<u8>,
    good: bool,
}

/// Signatures over as many bytes as those of the entries, without anything around.
fn signatures() -> Result<Vec<Signature>> {
    let key = SecretKey::generate(Suite::Ed25519, &mut rng())?;
    let sign = |n: usize| -> Result<Signature> {
        let message = n.to_be_bytes().repeat(SIGNED_BYTES / 8);
        let signature = key.sign(&message).context("a key in memory signs")?;
        Ok(Signature { key: key.public().clone(), message, signature, good: false })
    };
    (0..SIGNATURES).map(sign).collect()
}

/// Verifications per second.
fn limit(signatures: &mut [Signature]) -> f64 {
    let begin = Instant::now();
    each(signatures, processors(), |one| one.good = one.key.verify(&one.message, &one.signature).is_ok());
    assert!(signatures.iter().all(|one| one.good), "our own signatures are good");
    signatures.len() as f64 / begin.elapsed().as_secs_f64()
}

/// From the start of the process to "listening", over a store whose last life ended without a Stop.
fn start(site: &Site, entries: u64) -> Result<Row> {
    // Nobody wrote a Stop: the store is as a kill -9 leaves it.
    let begin = Instant::now();
    let server = site.start()?;
    let seconds = begin.elapsed().as_secs_f64();
    server.kill();
    Ok(Row {
        name: "start after kill -9, per 1 M entries",
        unit: "s",
        product: seconds * 1e6 / entries as f64,
        yardstick: None,
        against: "no yardstick; as long after a snapshot as it can be",
        bound: Bound::ValueAtMost(3.0),
    })
}
