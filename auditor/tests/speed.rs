//! How fast a long journal is verified, beside the limit that bare signature verification sets in the same run.
//! Never asserts a time. `cargo test --release -p auditor --test speed -- --ignored --nocapture`; CONCLAVE_ENTRIES=n.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::BufReader;
use std::time::Instant;

use auditor::audit::{Wanted, audit};
use auditor::bundle::{BundleReader, BundleWriter};
use auditor::collector::Collector;
use auditor::judgement::Judgement;
use auditor::page::Page;
use auditor::parallel::{each, processors};
use auditor::trust::{Trust, TrustFacts};
use console::Lang;
use journal::Policy;
use journal::act::Act;
use journal::checkpoint::{Checkpoint, LogKeys, SignedCheckpoint};
use journal::entry::{Content, ENTRY_VERSION, Entry};
use journal::ids::Head;
use journal::note::NoteSigner;
use journal::register::{Candidate, CandidateContent};
use journal::statement::signed_bytes;
use journal::testing::TestLog;
use journal::tree::leaf_hash;
use pki::{Suite, Verifier};

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

#[test]
#[ignore = "minutes; prints figures"]
fn a_long_journal_is_verified_near_the_limit_of_its_signatures() {
    let wanted = std::env::var("CONCLAVE_ENTRIES").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let policy = Policy { statements_per_minute: 10_000_000, ..Policy::standard() };
    let mut log = TestLog::with_policy(1, Suite::Ed25519, policy);
    let chat = log.talking("anna", &["boris", "vera"]);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("long.journal");
    let mut writer = BundleWriter::new(std::io::BufWriter::new(fs::File::create(&path).unwrap())).unwrap();
    let mut samples = Vec::new();
    let senders = ["anna", "boris", "vera"];
    for n in 0..wanted {
        log.wait_ms(1);
        let message = log.message(chat);
        let sample = grow(&mut log, senders[n % 3], Act::Message(message));
        if samples.len() < YARDSTICK && n % 3 == 0 {
            samples.push(sample);
        }
        for entry in log.entries.drain(..) {
            writer.entry(&entry).unwrap();
        }
    }
    let head: Head = log.head();
    let identity = log.site.identity.public().clone();
    let keys = LogKeys::new(log.register.log_id(), log.period_key.public().clone(), Some(identity)).unwrap();
    let signers = [
        NoteSigner { key: &keys.period, signer: &log.period_key },
        NoteSigner { key: keys.identity.as_ref().unwrap(), signer: &log.site.identity },
    ];
    let note =
        SignedCheckpoint::sign(Checkpoint { origin: log.register.log_id().into(), head }, &signers).unwrap();
    writer.finish(&[note.to_string().as_bytes()]).unwrap().into_inner().unwrap().sync_all().unwrap();
    let trust = trust(&log, &keys);
    let key = log.site.person("anna").signature.public().clone();
    drop(log);
    println!(
        "{} entries, {} bytes; before: {}",
        head.size,
        fs::metadata(&path).unwrap().len(),
        peak_memory()
    );

    let started = Instant::now();
    each(&mut samples, processors(), |(message, signature, good)| {
        *good = key.verify(message, signature).is_ok()
    });
    let limit = samples.len() as f64 / started.elapsed().as_secs_f64();
    assert!(samples.iter().all(|(_, _, good)| *good));

    let started = Instant::now();
    let reader = BundleReader::open(BufReader::new(fs::File::open(&path).unwrap())).unwrap();
    let quiet =
        Wanted { trust: &trust, outside: Vec::new(), progress: &mut |_| {}, observer: &mut |_, _, _| {} };
    let found = audit(reader, quiet).unwrap();
    let rate = head.size as f64 / started.elapsed().as_secs_f64();
    assert!(matches!(found.judgement, Judgement::Unanchored(_)), "{:?}", found.judgement);
    let processors = processors();
    println!(
        "bare verification {limit:.0}/s, audit {rate:.0} entries/s on {processors} processors: {:.2} of it",
        rate / limit
    );
    println!("after: {}", peak_memory());
    drop(found);

    let started = Instant::now();
    let reader = BundleReader::open(BufReader::new(fs::File::open(&path).unwrap())).unwrap();
    let mut collector = Collector::default();
    let mut observer = |index, entry: &_, applied: &_| collector.take(index, entry, applied);
    let told = Wanted { trust: &trust, outside: Vec::new(), progress: &mut |_| {}, observer: &mut observer };
    let found = audit(reader, told).unwrap();
    let (report, _) = collector.finish(&found).unwrap();
    let page =
        Page { report: &report, judgement: &found.judgement, said: "", lost: &[], lang: Lang::Ru }.html();
    println!(
        "with a report: {:.0} entries/s, page of {} bytes; after: {}",
        head.size as f64 / started.elapsed().as_secs_f64(),
        page.len(),
        peak_memory()
    );
}
