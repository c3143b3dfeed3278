//! A long journal on disk, and what measurements of it share.
//! Never asserts a time.
#![allow(dead_code, reason = "each measurement takes what it needs")]

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;

use auditor::bundle::{BundleReader, BundleWriter};
use auditor::read_ahead::ReadAhead;
use auditor::trust::{Trust, TrustFacts};
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
use pki::{CertId, Suite};

/// Signatures that the yardstick verifies.
const YARDSTICK: usize = 20_000;

/// What was signed, the signature, and whether it was found good.
pub(crate) type Signed = (Vec<u8>, Vec<u8>, bool);

/// One message more, admitted without the checks that the test log makes beside the Register's.
pub(crate) fn grow(log: &mut TestLog, login: &str, act: Act) {
    let statement = log.draft(login, act);
    let sequence = statement.header.sequence;
    let (signed, id) = log.sign(login, statement);
    let verified = log.verified(signed.clone());
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
}

/// The first statements of one person's in a bundle, for the yardstick: what is signed, as it stands there.
pub(crate) fn yardstick(path: &Path, certificate: CertId) -> Vec<Signed> {
    let (mut reader, mut samples) = (open(path), Vec::new());
    while samples.len() < YARDSTICK
        && let Some(entry) = reader.next_entry().unwrap()
    {
        if let Content::Statement(signed) = Entry::decode(&entry).unwrap().content {
            let parsed = signed.clone().parse().unwrap();
            if parsed.certificate() == certificate {
                let message = signed_bytes(parsed.act().name(), &signed.statement);
                samples.push((message, signed.signature.to_vec(), false));
            }
        }
    }
    samples
}

pub(crate) fn trust(log: &TestLog, keys: &LogKeys) -> Trust {
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

/// Processor time of this process, seconds: what others do on the machine does not count.
pub(crate) fn processor_s() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    // Behind the name, which may hold anything: utime and stime, in hundredths (proc_pid_stat(5)).
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

pub(crate) fn peak_memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM ?").to_owned()
}

pub(crate) fn note(log: &TestLog) -> (LogKeys, String) {
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
pub(crate) fn talk<W: Write>(
    log: &mut TestLog,
    chat: ConversationId,
    count: usize,
    out: &mut BundleWriter<W>,
) {
    let senders = ["anna", "boris", "vera"];
    for n in 0..count {
        log.wait_ms(1);
        let message = log.message(chat);
        grow(log, senders[n % 3], Act::Message(message));
        for entry in log.entries.drain(..) {
            out.entry(&entry).unwrap();
        }
    }
}

pub(crate) fn create(path: &Path) -> BundleWriter<BufWriter<fs::File>> {
    BundleWriter::new(BufWriter::new(fs::File::create(path).unwrap())).unwrap()
}

pub(crate) fn open(path: &Path) -> BundleReader<ReadAhead> {
    BundleReader::open(fs::File::open(path).unwrap()).unwrap().through(ReadAhead::over).unwrap()
}

/// Behind so many entries, which end there.
pub(crate) fn open_behind(path: &Path, entries: u64, end: u64) -> BundleReader<ReadAhead> {
    let reader = BundleReader::open(fs::File::open(path).unwrap()).unwrap();
    reader.pass_over(entries, end).unwrap().through(ReadAhead::over).unwrap()
}

/// From here on the peak counts anew: what made the journal is not the audit's.
pub(crate) fn forget_peak() {
    fs::write("/proc/self/clear_refs", "5").unwrap();
}

/// How many entries the measurement is of.
pub(crate) fn count() -> usize {
    std::env::var("CONCLAVE_ENTRIES").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000)
}

/// A log in which three talk, and nobody is too fast.
pub(crate) fn talking() -> (TestLog, ConversationId) {
    let policy = Policy { statements_per_minute: 10_000_000, ..Policy::standard() };
    let mut log = TestLog::with_policy(1, Suite::Ed25519, policy);
    let chat = log.talking("anna", &["boris", "vera"]);
    (log, chat)
}
