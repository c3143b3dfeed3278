//! How fast a long journal is verified, beside the limit that bare signature verification sets in the same run.
//! Never asserts a time. `cargo test --release -p auditor --test speed -- --ignored --nocapture`; CONCLAVE_ENTRIES=n;
//! CONCLAVE_KEEP=DIR keeps the journal there and takes it up again.
#![allow(clippy::unwrap_used, reason = "tests")]

mod long;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use auditor::audit::{Audit, Wanted, audit, audit_from};
use auditor::collector::Collector;
use auditor::judgement::Judgement;
use auditor::leaves;
use auditor::page::Page;
use auditor::parallel::{each, processors};
use auditor::replaying::Start;
use auditor::state;
use auditor::trust::Trust;
use console::Lang;
use journal::replay::{BadAt, KeyBook, Replay, Signatures, in_order};
use journal::testing::TestLog;
use long::{
    count, create, forget_peak, note, open, open_behind, peak_memory, processor_s, talk, talking, trust,
    yardstick,
};
use pki::{SecretKey, Suite, Verifier};

/// How often the yardstick's signatures are verified: once through takes less than half a second, and swings.
const YARDSTICK_ROUNDS: usize = 10;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn wanted(trust: &Trust) -> Wanted<'_> {
    // What an observer and a progress line cost is the commands' own.
    Wanted {
        trust,
        outside: Vec::new(),
        progress: Box::leak(Box::new(|_| {})),
        observer: Box::leak(Box::new(|_: u64, _: &_, _: &_| {})),
    }
}

/// Seconds by the clock, and of the processors.
struct Took(f64, f64);

impl Took {
    fn of<T>(work: impl FnOnce() -> T) -> (T, Self) {
        let (started, before) = (Instant::now(), processor_s());
        let done = work();
        (done, Self(started.elapsed().as_secs_f64(), processor_s() - before))
    }

    fn say(&self, what: &str, pieces: u64) {
        let (rate, each_us) = (pieces as f64 / self.0, self.1 * 1e6 / pieces as f64);
        println!(
            "{what}: {:.2} s, {rate:.0}/s; {each_us:.2} us of a processor each; {}",
            self.0,
            peak_memory()
        );
    }
}

/// A journal of so many messages, and the same with a hundredth more behind them.
struct Long {
    path: PathBuf,
    longer: PathBuf,
    size: u64,
}

impl Long {
    fn make(dir: &Path, count: usize, mut log: TestLog, chat: journal::ids::ConversationId) -> Self {
        let named = |what| dir.join(format!("{what}-{count}.journal"));
        let (path, longer, size) = (named("long"), named("longer"), log.tree.size() + count as u64);
        if path.exists() && longer.exists() {
            return Self { path, longer, size };
        }
        let mut writer = create(&path);
        log.entries.drain(..).for_each(|entry| writer.entry(&entry).unwrap());
        talk(&mut log, chat, count, &mut writer);
        writer.finish(&[note(&log).1.as_bytes()]).unwrap().into_inner().unwrap().sync_all().unwrap();
        let (mut more, mut reader) = (create(&longer), open(&path));
        while let Some(entry) = reader.next_entry().unwrap() {
            more.entry(&entry).unwrap();
        }
        talk(&mut log, chat, count / 100, &mut more);
        more.finish(&[note(&log).1.as_bytes()]).unwrap().into_inner().unwrap().sync_all().unwrap();
        Self { path, longer, size }
    }
}

#[test]
#[ignore = "minutes; prints figures"]
fn a_long_journal_is_verified_near_the_limit_of_its_signatures() {
    let (count, dir) = (count(), tempfile::tempdir().unwrap());
    let kept = std::env::var_os("CONCLAVE_KEEP").map(PathBuf::from);
    let (log, chat) = talking();
    let trust = trust(&log, &note(&log).0);
    let anna = log.site.person("anna");
    let (key, certificate) = (anna.signature.public().clone(), anna.signature_certificate.id());
    let long = Long::make(kept.as_deref().unwrap_or(dir.path()), count, log, chat);
    println!("{} entries, {} bytes", long.size, fs::metadata(&long.path).unwrap().len());
    forget_peak();

    let bare = || {
        let mut samples = yardstick(&long.path, certificate);
        let verify = |(message, signature, good): &mut long::Signed| {
            *good = key.verify(message, signature).is_ok();
        };
        let ((), took) =
            Took::of(|| (0..YARDSTICK_ROUNDS).for_each(|_| each(&mut samples, processors(), verify)));
        assert!(samples.iter().all(|(_, _, good)| *good));
        let pieces = YARDSTICK_ROUNDS * samples.len();
        took.say("bare verification of signatures", pieces as u64);
        [took.0, took.1].map(|seconds| seconds * long.size as f64 / pieces as f64)
    };
    // Before and behind: what a processor can do changes while it works.
    let before = bare();
    let (found, whole) = Took::of(|| audit(open(&long.path), wanted(&trust)).unwrap());
    assert!(matches!(found.judgement, Judgement::Unanchored(_)), "{:?}", found.judgement);
    whole.say("audit", long.size);
    let behind = bare();
    let limit = |at: usize| before[at].midpoint(behind[at]);
    println!(
        "the audit runs at {:.2} of what its signatures alone would take on {} processors, {:.2} by processor time",
        limit(0) / whole.0,
        processors(),
        limit(1) / whole.1
    );
    all_but_signatures(&long);
    incremental(&long, &trust, found, &whole, dir.path());

    let (page, with_report) = Took::of(|| {
        let mut collector = Collector::default();
        let mut observer = |index, entry: &_, applied: &_| collector.take(index, entry, applied);
        let told = Wanted { observer: &mut observer, ..wanted(&trust) };
        let found = audit(open(&long.path), told).unwrap();
        let (report, _) = collector.finish(&found).unwrap();
        Page { report: &report, judgement: &found.judgement, said: "", lost: &[], lang: Lang::Ru }.html()
    });
    with_report.say(&format!("audit with a report of {} bytes", page.len()), long.size);
}

/// Every stage but the signatures: framing, hashes, the tree, the rules.
fn all_but_signatures(long: &Long) {
    let (_, took) = Took::of(|| {
        let (mut reader, mut replay) = (open(&long.path), Replay::new(None));
        let load = || {
            let mut batch = Vec::new();
            while batch.len() < 4096
                && let Some(entry) = reader.next_entry().unwrap()
            {
                batch.push(entry);
            }
            Ok::<_, BadAt>(batch)
        };
        let push = |_: &Vec<u8>, entry: &_| replay.push(entry).map(drop);
        let before = Signatures::VerifiedBefore;
        in_order(processors(), before, KeyBook::new(), 0, load, push).unwrap();
        assert_eq!(replay.tree().size(), long.size);
    });
    took.say("all but the signatures", long.size);
}

/// The structure alone, framing, hashes and the tree, is what an audit does with the entries that an earlier one has seen.
fn incremental(long: &Long, trust: &Trust, found: Audit, whole: &Took, dir: &Path) {
    let auditor = SecretKey::from_bytes(Suite::Ed25519, &[7; 32]).unwrap();
    let state = dir.join("audit.state");
    state::write(&state, &state::signed(&found, &auditor).unwrap()).unwrap();
    leaves::write(&state, found.replay.tree(), found.entries_end.unwrap()).unwrap();
    drop(found);
    forget_peak();
    let known = || state::read(&state, auditor.public()).unwrap().unwrap().known.unwrap();
    let start = Start::Hashed(known());
    let (same, structure) = Took::of(|| audit_from(open(&long.path), wanted(trust), start).unwrap().unwrap());
    assert_eq!(same.replay.tree().size(), long.size);
    drop(same);
    structure.say("structure alone", long.size);
    let bytes = fs::metadata(&state).unwrap().len();
    for (only_new, what) in [(false, "what is known is hashed"), (true, "only what is new is read")] {
        forget_peak();
        let ((), next) = Took::of(|| {
            let known = known();
            let (reader, start) = if only_new {
                let seen = leaves::read(&state, &known, processors()).unwrap().unwrap();
                (open_behind(&long.longer, known.head.size, seen.end), Start::Unread(known, seen))
            } else {
                (open(&long.longer), Start::Hashed(known))
            };
            let next = audit_from(reader, wanted(trust), start).unwrap().unwrap();
            assert_eq!(next.replay.tree().size(), long.size + long.size / 100);
        });
        println!(
            "the last hundredth by a state file of {bytes} bytes, {what}: {:.2} s, {:.1} % of the whole's; {:.1} % by processor \
             time; {}",
            next.0,
            100.0 * next.0 / whole.0,
            100.0 * next.1 / whole.1,
            peak_memory()
        );
    }
}
