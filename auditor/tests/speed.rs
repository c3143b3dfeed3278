//! How fast a long journal is verified, beside the limit that bare signature verification sets in the same run.
//! Never asserts a time. `cargo test --release -p auditor --test speed -- --ignored --nocapture`; CONCLAVE_ENTRIES=n.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use auditor::audit::{Wanted, audit, audit_from};
use auditor::bundle::{BundleReader, BundleWriter};
use auditor::collector::Collector;
use auditor::judgement::Judgement;
use auditor::page::Page;
use auditor::parallel::{each, processors};
use auditor::state;
use auditor::trust::{Trust, TrustFacts};
use console::Lang;
use journal::Policy;
use journal::act::Act;
use journal::checkpoint::{Checkpoint, LogKeys, SignedCheckpoint};
use journal::entry::{Content, ENTRY_VERSION, Entry};
use journal::ids::{ConversationId, Head};
use journal::note::NoteSigner;
use journal::register::{Candidate, CandidateContent};
use journal::statement::signed_bytes;
use journal::testing::TestLog;
use journal::tree::leaf_hash;
use pki::{SecretKey, Suite, Verifier};

/// Signatures that the yardstick verifies.
const YARDSTICK: usize = 20_000;

type Signed = (Vec<u8>, Vec<u8>, bool);

/// One message more, admitted without the checks that the test log makes beside the Register's.
fn grow(log: &mut TestLog, login: &str, act: Act) -> Signed {
    let statement = log.draft(login, act);
    let sequence = statement.header.sequence;
    let (signed, id) = log.sign(login, statement);
    let parsed = signed.clone().parse().unwrap();
    let sample = (signed_bytes(parsed.act().name(), &signed.statement), signed.signature.to_vec(), false);
    let verified = log.verify(signed.clone()).unwrap();
    let (wall_ms, boot_ms) = (log.now_ms, log.boot_ms);
    let bytes =
        Entry { version: ENTRY_VERSION, wall_ms, boot_ms, content: Content::Statement(signed) }.encode();
    let leaf = leaf_hash(&bytes);
    let content = CandidateContent::Statement(&verified);
    let candidate = Candidate { index: log.tree.size(), leaf, wall_ms, boot_ms, content };
    let tree = &log.tree;
    log.register.apply(&candidate, &|size| tree.root_at(size).ok()).unwrap();
    log.tree.append(leaf);
    log.entries.push(bytes);
    let person = log.site.people.get_mut(login).unwrap();
    (person.sequence, person.last) = (sequence, id);
    sample
}

fn trust(log: &TestLog, keys: &LogKeys) -> Trust {
    Trust::new(TrustFacts {
        site: "Speed".into(),
        suite: Suite::Ed25519,
        log: log.register.log_id(),
        identity: keys.identity.as_ref().unwrap().to_string(),
        roots: vec![log.site.root.der().to_vec()],
        issuing: Vec::new(),
    })
    .unwrap()
}

fn peak_memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM ?").to_owned()
}

fn note(log: &TestLog) -> (LogKeys, String) {
    let head: Head = log.head();
    let identity = log.site.identity.public().clone();
    let keys = LogKeys::new(log.register.log_id(), log.period_key.public().clone(), Some(identity)).unwrap();
    let signers = [
        NoteSigner { key: &keys.period, signer: &log.period_key },
        NoteSigner { key: keys.identity.as_ref().unwrap(), signer: &log.site.identity },
    ];
    let checkpoint = Checkpoint { origin: log.register.log_id().into(), head };
    let note = SignedCheckpoint::sign(checkpoint, &signers).unwrap().to_string();
    (keys, note)
}

/// So many messages more, written behind what the bundle has.
fn talk<W: Write>(
    log: &mut TestLog,
    chat: ConversationId,
    count: usize,
    out: &mut BundleWriter<W>,
) -> Vec<Signed> {
    let senders = ["anna", "boris", "vera"];
    let mut samples = Vec::new();
    for n in 0..count {
        log.wait_ms(1);
        let message = log.message(chat);
        let sample = grow(log, senders[n % 3], Act::Message(message));
        if samples.len() < YARDSTICK && n % 3 == 0 {
            samples.push(sample);
        }
        for entry in log.entries.drain(..) {
            out.entry(&entry).unwrap();
        }
    }
    samples
}

fn create(path: &Path) -> BundleWriter<BufWriter<fs::File>> {
    BundleWriter::new(BufWriter::new(fs::File::create(path).unwrap())).unwrap()
}

fn open(path: &Path) -> BundleReader<BufReader<fs::File>> {
    BundleReader::open(BufReader::with_capacity(1 << 20, fs::File::open(path).unwrap())).unwrap()
}

fn wanted(trust: &Trust) -> Wanted<'_> {
    // What an observer and a progress line cost is the commands' own.
    Wanted {
        trust,
        outside: Vec::new(),
        progress: Box::leak(Box::new(|_| {})),
        observer: Box::leak(Box::new(|_: u64, _: &_, _: &_| {})),
    }
}

/// From here on the peak counts anew: what made the journal is not the audit's.
fn forget_peak() {
    fs::write("/proc/self/clear_refs", "5").unwrap();
}

#[test]
#[ignore = "minutes; prints figures"]
fn a_long_journal_is_verified_near_the_limit_of_its_signatures() {
    let count = std::env::var("CONCLAVE_ENTRIES").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let policy = Policy { statements_per_minute: 10_000_000, ..Policy::standard() };
    let mut log = TestLog::with_policy(1, Suite::Ed25519, policy);
    let chat = log.talking("anna", &["boris", "vera"]);
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
