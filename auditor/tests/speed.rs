//! How fast a long journal is verified, beside the limit that bare signature verification sets in the same run.
//! Never asserts a time. `cargo test --release -p auditor --test speed -- --ignored --nocapture`; CONCLAVE_ENTRIES=n;
//! CONCLAVE_KEEP=DIR keeps the journal there and takes it up again.
#![allow(clippy::unwrap_used, reason = "tests")]

mod long;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use auditor::audit::{Audit, Wanted, audit, audit_from};
use auditor::collector::Collector;
use auditor::judgement::Judgement;
use auditor::known::Known;
use auditor::leaves;
use auditor::page::Page;
use auditor::parallel::{each, processors};
use auditor::replaying::Start;
use auditor::spilled::{Replay, Spilled};
use auditor::state;
use auditor::trust::Trust;
use console::Lang;
use journal::replay::{BadAt, KeyBook, Signatures, in_order};
use journal::testing::TestLog;
use long::{
    count, create, forget_peak, note, open, open_behind, peak_memory, processor_s, talk, talking, trust,
    yardstick,
};
use pki::{SecretKey, Suite, Verifier};

/// How often the yardstick's signatures are verified at least: once through takes less than half a second, and swings.
const YARDSTICK_ROUNDS: usize = 10;
/// It verifies this part of the journal's own number on each side of the audit: what is long wants a long yardstick.
const YARDSTICK_PART: usize = 10;

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
        let rounds = (count / YARDSTICK_PART / samples.len()).max(YARDSTICK_ROUNDS);
        let ((), took) = Took::of(|| (0..rounds).for_each(|_| each(&mut samples, processors(), verify)));
        assert!(samples.iter().all(|(_, _, good)| *good));
        let pieces = rounds * samples.len();
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
        let (mut reader, mut replay) = (open(&long.path), Replay::over(None, Spilled::default()));
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
    let (state, auditor) = (dir.join("audit.state"), auditor());
    state::write(&state, &state::signed(&found, &auditor).unwrap()).unwrap();
    leaves::write(&state, found.replay.tree(), found.entries_end.unwrap()).unwrap();
    drop(found);
    let start = Start::Hashed(known(&state));
    let (same, structure) = Took::of(|| audit_from(open(&long.path), wanted(trust), start).unwrap().unwrap());
    assert_eq!(same.replay.tree().size(), long.size);
    drop(same);
    structure.say("structure alone", long.size);
    let bytes = fs::metadata(&state).unwrap().len();
    for (step, what) in [("hashed", "what is known is hashed"), ("only-new", "only what is new is read")] {
        let (next, memory) = in_a_process_of_its_own(step, long, &state);
        println!(
            "the last hundredth by a state file of {bytes} bytes, {what}: {:.2} s, {:.1} % of the whole's; {:.1} % by processor \
             time; {memory}",
            next.0,
            100.0 * next.0 / whole.0,
            100.0 * next.1 / whole.1,
        );
    }
}

fn auditor() -> SecretKey {
    SecretKey::from_bytes(Suite::Ed25519, &[7; 32]).unwrap()
}

fn known(state: &Path) -> Known {
    state::read(state, auditor().public()).unwrap().unwrap().known.unwrap()
}

/// As an auditor's next audit runs: with the memory of a process that has done nothing else.
fn in_a_process_of_its_own(step: &str, long: &Long, state: &Path) -> (Took, String) {
    let done = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_last_hundredth_in_a_process_of_its_own", "--ignored", "--nocapture"])
        .env("CONCLAVE_STEP", step)
        .env("CONCLAVE_STEP_JOURNAL", &long.longer)
        .env("CONCLAVE_STEP_STATE", state)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    let told = said.lines().find_map(|line| line.strip_prefix("took ")).expect(&said);
    let (seconds, rest) = told.split_once(' ').unwrap();
    let (processor, memory) = rest.split_once(' ').unwrap();
    (Took(seconds.parse().unwrap(), processor.parse().unwrap()), memory.to_owned())
}

#[test]
#[ignore = "a step of the measurement above, which starts it"]
fn the_last_hundredth_in_a_process_of_its_own() {
    let Ok(step) = std::env::var("CONCLAVE_STEP") else { return };
    let path = |name| PathBuf::from(std::env::var_os(name).unwrap());
    let (longer, state) = (path("CONCLAVE_STEP_JOURNAL"), path("CONCLAVE_STEP_STATE"));
    let (log, _) = talking();
    let trust = trust(&log, &note(&log).0);
    drop(log);
    forget_peak();
    let ((before, after), next) = Took::of(|| {
        let known = known(&state);
        let before = known.head.size;
        let (reader, start) = if step == "only-new" {
            let seen = leaves::read(&state, &known, processors()).unwrap().unwrap();
            (open_behind(&longer, before, seen.end), Start::Unread(known, seen))
        } else {
            (open(&longer), Start::Hashed(known))
        };
        let next = audit_from(reader, wanted(&trust), start).unwrap().unwrap();
        (before, next.replay.tree().size())
    });
    assert_eq!(after, before + before / 100);
    println!("\ntook {} {} {}", next.0, next.1, peak_memory());
}
