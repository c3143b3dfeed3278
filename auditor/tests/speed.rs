//! How fast a long journal is verified, beside the limit that bare signature verification sets in the same run.
//! Never asserts a time. `cargo test --release -p auditor --test speed -- --ignored --nocapture`; CONCLAVE_ENTRIES=n.
#![allow(clippy::unwrap_used, reason = "tests")]

mod long;

use std::fs;
use std::time::Instant;

use auditor::audit::{Wanted, audit, audit_from};
use auditor::collector::Collector;
use auditor::judgement::Judgement;
use auditor::page::Page;
use auditor::parallel::{each, processors};
use auditor::state;
use auditor::trust::Trust;
use console::Lang;
use long::{count, create, forget_peak, note, open, peak_memory, talk, talking, trust};
use pki::{SecretKey, Suite, Verifier};

fn wanted(trust: &Trust) -> Wanted<'_> {
    // What an observer and a progress line cost is the commands' own.
    Wanted {
        trust,
        outside: Vec::new(),
        progress: Box::leak(Box::new(|_| {})),
        observer: Box::leak(Box::new(|_: u64, _: &_, _: &_| {})),
    }
}

#[test]
#[ignore = "minutes; prints figures"]
fn a_long_journal_is_verified_near_the_limit_of_its_signatures() {
    let count = count();
    let (mut log, chat) = talking();
    let dir = tempfile::tempdir().unwrap();
    let (path, longer) = (dir.path().join("long.journal"), dir.path().join("longer.journal"));
    let mut writer = create(&path);
    let mut samples = talk(&mut log, chat, count, &mut writer);
    let (keys, first) = note(&log);
    writer.finish(&[first.as_bytes()]).unwrap().into_inner().unwrap().sync_all().unwrap();
    let mut more = create(&longer);
    let mut reader = open(&path);
    while let Some(entry) = reader.next_entry().unwrap() {
        more.entry(&entry).unwrap();
    }
    let known_size = log.tree.size();
    talk(&mut log, chat, count / 100, &mut more);
    let second = note(&log).1;
    more.finish(&[second.as_bytes()]).unwrap().into_inner().unwrap().sync_all().unwrap();
    let trust = trust(&log, &keys);
    let key = log.site.person("anna").signature.public().clone();
    drop(log);
    let bytes = fs::metadata(&path).unwrap().len();
    println!("{known_size} entries, {bytes} bytes");

    let started = Instant::now();
    each(&mut samples, processors(), |(message, signature, good)| {
        *good = key.verify(message, signature).is_ok()
    });
    let limit = samples.len() as f64 / started.elapsed().as_secs_f64();
    assert!(samples.iter().all(|(_, _, good)| *good));
    drop(samples);
    forget_peak();
    println!("idle: {}", peak_memory());

    let started = Instant::now();
    let found = audit(open(&path), wanted(&trust)).unwrap();
    let whole_s = started.elapsed().as_secs_f64();
    let rate = known_size as f64 / whole_s;
    assert!(matches!(found.judgement, Judgement::Unanchored(_)), "{:?}", found.judgement);
    let processors = processors();
    println!(
        "bare verification {limit:.0}/s, audit {rate:.0} entries/s on {processors} processors: {:.2} of it",
        rate / limit
    );
    println!("after: {}", peak_memory());

    let auditor = SecretKey::from_bytes(Suite::Ed25519, &[7; 32]).unwrap();
    let state = dir.path().join("audit.state");
    state::write(&state, &state::signed(&found, &auditor).unwrap()).unwrap();
    drop(found);
    forget_peak();
    let started = Instant::now();
    let known = state::read(&state, auditor.public()).unwrap().unwrap();
    let read_s = started.elapsed().as_secs_f64();
    let again = audit_from(open(&longer), wanted(&trust), Some(&known)).unwrap().unwrap();
    let next_s = started.elapsed().as_secs_f64();
    assert_eq!(again.replay.tree().size(), known_size + count as u64 / 100);
    println!(
        "the last hundredth by a state file of {} bytes: {next_s:.2} s ({read_s:.2} s to read it), {:.1} % of the whole's {whole_s:.1} s",
        fs::metadata(&state).unwrap().len(),
        100.0 * next_s / whole_s
    );
    println!("with the state file: {}", peak_memory());
    drop(again);
    forget_peak();

    let started = Instant::now();
    let mut collector = Collector::default();
    let mut observer = |index, entry: &_, applied: &_| collector.take(index, entry, applied);
    let told = Wanted { observer: &mut observer, ..wanted(&trust) };
    let found = audit(open(&path), told).unwrap();
    let (report, _) = collector.finish(&found).unwrap();
    let page =
        Page { report: &report, judgement: &found.judgement, said: "", lost: &[], lang: Lang::Ru }.html();
    println!(
        "with a report: {:.0} entries/s, page of {} bytes; {}",
        known_size as f64 / started.elapsed().as_secs_f64(),
        page.len(),
        peak_memory()
    );
}
