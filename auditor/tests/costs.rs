//! What a proof of one entry costs, and how much memory the commands take that pass over a long journal.
//! Never asserts a time. `cargo test --release -p auditor --test costs -- --ignored --nocapture`; CONCLAVE_ENTRIES=n.
#![allow(clippy::unwrap_used, reason = "tests")]

mod long;

use std::fs::File;
use std::io::BufWriter;
use std::time::{Duration, Instant};

use auditor::command::prove::from_tiles;
use auditor::cutting::{Wanted, plan};
use auditor::mirror::Mirror;
use auditor::source::Source;
use auditor::tile_folder::TileFolder;
use journal::checkpoint::{Checkpoint, SignedCheckpoint};
use journal::note::VerifierKey;
use journal::tree::{Tree, leaf_hash};
use long::{count, create, forget_peak, note, open, peak_memory, talk, talking};

/// Proofs that are timed.
const PROOFS: u64 = 2000;

fn measured<T>(what: &str, work: impl FnOnce() -> T) -> T {
    forget_peak();
    let (before, started) = (peak_memory(), Instant::now());
    let done = work();
    println!("{what}: {:.2} s, {before} before, {} at most", started.elapsed().as_secs_f64(), peak_memory());
    done
}

#[test]
#[ignore = "minutes; prints figures"]
fn a_proof_costs_little_and_no_command_holds_a_long_journal() {
    let (mut log, chat) = talking();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("long.journal");
    let mut writer = create(&path);
    talk(&mut log, chat, count(), &mut writer);
    let (_, text) = note(&log);
    writer.finish(&[text.as_bytes()]).unwrap().into_inner().unwrap().sync_all().unwrap();
    let (size, name) = (log.tree.size(), Checkpoint::key_name(log.register.log_id()));
    let key = VerifierKey::new(name, log.site.identity.public().clone()).unwrap();
    drop(log);
    println!("{size} entries, {} bytes", path.metadata().unwrap().len());

    let tiles = dir.path().join("tiles");
    let mut folder = TileFolder::create(&tiles).unwrap();
    let mut reader = open(&path);
    while let Some(entry) = reader.next_entry().unwrap() {
        folder.entry(&entry).unwrap();
    }
    folder.finish(text.as_bytes()).unwrap();
    let mut times: Vec<Duration> = (0..PROOFS)
        .map(|n| {
            let started = Instant::now();
            // Spread over the whole log, no two neighbours.
            from_tiles(&tiles, n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % size).unwrap();
            started.elapsed()
        })
        .collect();
    times.sort();
    let ms = |at: usize| times[at].as_secs_f64() * 1000.0;
    let rate = PROOFS as f64 / times.iter().sum::<Duration>().as_secs_f64();
    let (p50, p99) = (ms(times.len() / 2), ms(times.len() * 99 / 100));
    println!("proof of one entry out of tiles: {rate:.0}/s, p50 {p50:.2} ms, p99 {p99:.2} ms");

    measured("a tree in memory, as it was", || {
        let (mut tree, mut reader) = (Tree::new(), open(&path));
        while let Some(entry) = reader.next_entry().unwrap() {
            tree.append(leaf_hash(&entry));
        }
        tree.root()
    });
    measured("checkpoint, check-consistency", || Source::read(&path).unwrap().root_at(size / 2).unwrap());
    let cut = |wanted: Wanted, name: &str| {
        let plan = plan(open(&path), &wanted, &[]).unwrap();
        plan.write(open(&path), BufWriter::new(File::create(dir.path().join(name)).unwrap())).unwrap().0
    };
    measured("cut, the last hundredth", || cut(Wanted::Range(size - size / 100, size - 1), "part"));
    measured("cut, all of it", || cut(Wanted::Range(0, size - 1), "all"));
    measured("select, a third of it", || cut(Wanted::Selection(vec!["anna".into()], Vec::new()), "hers"));
    let folder = dir.path().join("mirror");
    std::fs::create_dir(&folder).unwrap();
    measured("a witness' mirror, filled", || {
        let (mut mirror, mut reader) = (Mirror::open(&folder, 0, &key).unwrap(), open(&path));
        while let Some(entry) = reader.next_entry().unwrap() {
            mirror.append(&entry).unwrap();
        }
        let checkpoint = SignedCheckpoint::parse(text.as_bytes()).unwrap();
        assert!(mirror.leads_to(checkpoint.claimed().head).unwrap());
        mirror.record(checkpoint).unwrap();
    });
    measured("a witness' mirror, opened", || Mirror::open(&folder, 0, &key).unwrap().tree().size());
}
