//! What the cases are made of: a log, and the means of a server that signs what it likes.
//! Never judges anything.

use auditor::bundle::{BundleReader, BundleWriter};
use auditor::cutting::{Wanted, plan};
use auditor::outside::OutsideHead;
use auditor::trust::{Trust, TrustFacts};
use journal::checkpoint::{Checkpoint, LogKeys, SignedCheckpoint};
use journal::entry::{Content, ENTRY_VERSION, Entry};
use journal::ids::{Head, Index};
use journal::note::NoteSigner;
use journal::testing::{TestLog, seed};
use journal::tree::{Tree, leaf_hash};
use journal::{Fact, LogId, Origin, SignedStatement, Statement};
use pki::{SecretKey, Suite};

/// Exit codes of both verifiers.
pub(crate) const VERIFIED: u8 = 0;
pub(crate) const INVALID: u8 = 2;
pub(crate) const DIVERGED: u8 = 3;
pub(crate) const UNANCHORED: u8 = 4;
pub(crate) const INCOMPLETE: u8 = 5;
/// Of a flipped bit: invalid, or where a length or the version was hit incomplete or unread; both alike.
pub(crate) const NOT_VERIFIED: u8 = 255;
/// Of one with all repaired: invalid, or where nothing in the log tells diverged; each verifier as far as it judges.
pub(crate) const REPAIRED: u8 = 254;

/// A file, who reads it with what trust, and what he must be told.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) file: Vec<u8>,
    /// Read as an excerpt; else as a whole journal.
    pub(crate) excerpt: bool,
    pub(crate) trust: Trust,
    pub(crate) root: Vec<u8>,
    pub(crate) outside: Vec<OutsideHead>,
    /// Exit code of both, and the first bad index where it is an entry's fault.
    pub(crate) exit: u8,
    pub(crate) first_bad: Option<Index>,
    /// Only by the rules of who may do what, which the independent verifier does not judge: it ends so.
    pub(crate) python: Option<u8>,
}

impl Case {
    /// A whole bundle read with a head from outside over all of the log.
    pub(crate) fn new(name: &str, log: &TestLog, file: Vec<u8>, exit: u8, first_bad: Option<Index>) -> Self {
        Self {
            name: name.into(),
            file,
            excerpt: false,
            trust: trust(log),
            root: log.site.root.der().to_vec(),
            outside: vec![known(log.head())],
            exit,
            first_bad,
            python: None,
        }
    }

    pub(crate) fn known(mut self, heads: &[Head]) -> Self {
        self.outside = heads.iter().copied().map(known).collect();
        self
    }

    pub(crate) fn excerpt(mut self) -> Self {
        self.excerpt = true;
        self
    }

    pub(crate) fn python(mut self, exit: u8) -> Self {
        self.python = Some(exit);
        self
    }
}

pub(crate) fn known(head: Head) -> OutsideHead {
    OutsideHead { file: Some("outside".into()), era: Some(0), head, cosigned_ms: None, own: false }
}

/// What an auditor knows of this log from its card.
pub(crate) fn trust(log: &TestLog) -> Trust {
    trust_in(log, log.register.log_id())
}

/// The same of a log of this id, founded by the same authority.
pub(crate) fn trust_in(log: &TestLog, id: LogId) -> Trust {
    let keys = keys(log, Origin { log: id, era: 0 });
    Trust::new(TrustFacts {
        site: "Test site".into(),
        suite: log.site.suite,
        log: id,
        identity: keys.identity.unwrap().to_string(),
        roots: vec![log.site.root.der().to_vec()],
        issuing: vec![log.site.issuing.der().to_vec()],
    })
    .unwrap()
}

fn keys(log: &TestLog, origin: Origin) -> LogKeys {
    let identity = log.site.identity.public().clone();
    LogKeys::new(origin, log.period_key.public().clone(), Some(identity)).unwrap()
}

/// A note over this head, signed by the log's newest keys.
pub(crate) fn note(log: &TestLog, head: Head) -> Vec<u8> {
    note_in(log, log.register.era_at(head.size), head)
}

/// The same in the name of any era.
pub(crate) fn note_in(log: &TestLog, era: u32, head: Head) -> Vec<u8> {
    let origin = Origin { log: log.register.log_id(), era };
    let keys = keys(log, origin);
    let signers = [
        NoteSigner { key: &keys.period, signer: &log.period_key },
        NoteSigner { key: keys.identity.as_ref().unwrap(), signer: &log.site.identity },
    ];
    SignedCheckpoint::sign(Checkpoint { origin, head }, &signers).unwrap().to_string().into_bytes()
}

pub(crate) fn bundle(entries: &[Vec<u8>], notes: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = BundleWriter::new(Vec::new()).unwrap();
    entries.iter().for_each(|entry| writer.entry(entry).unwrap());
    writer.finish(&notes.iter().map(|note| &note[..]).collect::<Vec<_>>()).unwrap()
}

pub(crate) fn honest(log: &TestLog) -> Vec<u8> {
    bundle(&log.entries, &[note(log, log.head())])
}

pub(crate) fn head_of(entries: &[Vec<u8>]) -> Head {
    let mut tree = Tree::new();
    for entry in entries {
        tree.append(leaf_hash(entry));
    }
    Head { size: tree.size(), root: tree.root() }
}

/// These entries with all hashes repaired, signed by the log's own keys: what whoever holds the server can make.
pub(crate) fn resigned(log: &TestLog, entries: &[Vec<u8>]) -> Vec<u8> {
    bundle(entries, &[note(log, head_of(entries))])
}

/// These statements directly behind the entries, stamped now, whatever the rules say; the one at this place of theirs is bad.
pub(crate) fn behind(name: &str, log: &TestLog, said_so: &[SignedStatement], bad: usize) -> Case {
    let added = said_so.iter().map(|signed| said(log, signed.clone()));
    let entries: Vec<Vec<u8>> = log.entries.iter().cloned().chain(added).collect();
    forged(name, log, &entries, (log.entries.len() + bad) as Index)
}

/// All of a forged log but its genesis as a range, up to what is wrong: that is seen there, too. `None` where an entry is not
/// even read: nobody cuts that out.
pub(crate) fn part(log: &TestLog, whole: &Case) -> Option<Case> {
    part_from(log, whole, 1)
}

/// The same from another entry on.
pub(crate) fn part_from(log: &TestLog, whole: &Case, first: Index) -> Option<Case> {
    let open = || BundleReader::open(&whole.file[..]).unwrap();
    let bad = whole.first_bad.unwrap();
    let file = plan(open(), &Wanted::Range(first, bad), &[]).ok()?.write(open(), Vec::new()).unwrap().1;
    let mut case = Case::new(&format!("excerpt: {}", whole.name), log, file, INVALID, Some(bad)).excerpt();
    case.outside = whole.outside.clone();
    Some(case)
}

/// A case of repaired hashes: the head from outside is that of the forged log, so only the entries themselves can tell.
pub(crate) fn forged(name: &str, log: &TestLog, entries: &[Vec<u8>], bad: Index) -> Case {
    Case::new(name, log, resigned(log, entries), INVALID, Some(bad)).known(&[head_of(entries)])
}

/// An entry that the server stamps now, whatever its rules say.
pub(crate) fn stamped(log: &TestLog, content: Content) -> Vec<u8> {
    Entry { version: ENTRY_VERSION, wall_ms: log.now_ms, boot_ms: log.boot_ms, content }.encode()
}

pub(crate) fn fact(log: &TestLog, fact: Fact) -> Vec<u8> {
    stamped(log, Content::Fact(fact))
}

pub(crate) fn said(log: &TestLog, statement: SignedStatement) -> Vec<u8> {
    stamped(log, Content::Statement(statement))
}

/// The statement of an entry.
pub(crate) fn statement(entry: &[u8]) -> Statement {
    let Content::Statement(signed) = Entry::decode(entry).unwrap().content else { panic!("a statement") };
    let parsed = signed.parse().unwrap();
    Statement { header: parsed.header().clone(), act: parsed.act().clone() }
}

/// The same entry with its statement changed and signed anew by its author's (stolen) key.
pub(crate) fn said_anew(
    log: &TestLog,
    entry: &[u8],
    login: &str,
    change: impl FnOnce(&mut Statement),
) -> Vec<u8> {
    let old = Entry::decode(entry).unwrap();
    let mut statement = statement(entry);
    change(&mut statement);
    let (signed, _) = log.sign(login, statement);
    Entry { content: Content::Statement(signed), ..old }.encode()
}

/// The entry's signature changed, nothing else.
pub(crate) fn signature(entry: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let old = Entry::decode(entry).unwrap();
    let Content::Statement(mut signed) = old.content.clone() else { panic!("a statement") };
    let mut bytes = signed.signature.to_vec();
    change(&mut bytes);
    signed.signature = bytes.into();
    Entry { content: Content::Statement(signed), ..old }.encode()
}

pub(crate) fn changed(log: &TestLog, change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<Vec<u8>> {
    let mut entries = log.entries.clone();
    change(&mut entries);
    entries
}

/// The key of an earlier or later period of this test site.
pub(crate) fn period_key(log: &TestLog, period: u64) -> SecretKey {
    SecretKey::from_bytes(log.site.suite, &seed(log.site.number, &format!("period/{period}"))).unwrap()
}

/// A log in which anna and boris talk for two periods and a bit; the three last entries are messages by anna, boris,
/// anna.
pub(crate) fn talked(number: u64, suite: Suite) -> TestLog {
    let mut log = TestLog::with_policy(number, suite, journal::Policy::standard());
    let chat = log.talking("anna", &["boris"]);
    for period in 1..3 {
        log.wait_ms(1000);
        log.send("boris", chat).unwrap();
        let end = log.period_end();
        log.fact(end).unwrap();
        let roll = log.key_roll(period);
        log.fact(roll).unwrap();
    }
    for login in ["anna", "boris", "anna"] {
        log.wait_ms(1000);
        log.send(login, chat).unwrap();
    }
    log
}
