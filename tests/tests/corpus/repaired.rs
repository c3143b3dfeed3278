//! One bit of an entry flipped, every hash above it repaired and the note signed anew by the log's true keys: what a thief
//! of the whole server can make. The reader knows the true head from outside, unless a case says otherwise.
//! Never with a person's key: what was signed by people cannot be signed anew.

use journal::entry::{Content, Entry};
use journal::fact::Fact;
use journal::ids::Head;
use journal::testing::{SeededRng, TestLog, seed};
use pki::Suite;
use rand_core::Rng;

use crate::forge::*;

pub(crate) fn cases() -> Vec<Case> {
    let suites = [(70, Suite::Ed25519), (71, Suite::EcdsaP256)];
    suites
        .into_iter()
        .flat_map(|(number, suite)| {
            let log = talked(number, suite);
            parts(&log).into_iter().chain(stamped_behind_all(&log)).chain(yesterdays(log)).collect::<Vec<_>>()
        })
        .collect()
}

/// Bits of all entries at so many places by seed.
pub(crate) fn flips(count: usize) -> Vec<Case> {
    let log = talked(72, Suite::Ed25519);
    let mut random = SeededRng::new(seed(72, "repaired"));
    let mut below = |limit: usize| (random.next_u64() % limit as u64) as usize;
    let flipped = |_| {
        let index = below(log.entries.len());
        let (byte, bit) = (below(log.entries[index].len()), below(8));
        let entries = changed(&log, |entries| entries[index][byte] ^= 1 << bit);
        let name = format!("bit {bit} of byte {byte} of entry {index}, all repaired");
        Case::new(&name, &log, resigned(&log, &entries), REPAIRED, None)
    };
    (0..count).map(flipped).collect()
}

/// The last message but one, which the last one had seen.
fn message(log: &TestLog) -> usize {
    log.entries.len() - 2
}

/// The newest roll of the period key.
fn roll(log: &TestLog) -> usize {
    let is_roll =
        |entry: &Vec<u8>| matches!(Entry::decode(entry).unwrap().content, Content::Fact(Fact::KeyRoll(_)));
    log.entries.iter().rposition(is_roll).unwrap()
}

/// Where these bytes stand in the entry.
fn place(entry: &[u8], part: &[u8]) -> usize {
    entry.windows(part.len()).position(|found| found == part).unwrap()
}

fn with_bit(log: &TestLog, index: usize, byte: usize) -> Vec<Vec<u8>> {
    changed(log, |entries| entries[index][byte] ^= 1)
}

/// Each part of an entry, with the true head known.
fn parts(log: &TestLog) -> Vec<Case> {
    let at = message(log);
    let Content::Statement(signed) = Entry::decode(&log.entries[at]).unwrap().content else {
        panic!("a message")
    };
    let body = place(&log.entries[at], &signed.statement) + signed.statement.len() - 1;
    let own = place(&log.entries[at], &signed.signature) + 40;
    let Content::Fact(Fact::KeyRoll(rolled)) = Entry::decode(&log.entries[roll(log)]).unwrap().content else {
        panic!("a KeyRoll")
    };
    let key = place(&log.entries[roll(log)], &rolled.signature) + 40;
    let case = |name: &str, index: usize, byte: usize, bad: usize| {
        let entries = with_bit(log, index, byte);
        Case::new(name, log, resigned(log, &entries), INVALID, Some(bad as u64))
    };
    vec![
        case("a bit of a statement's body, all signed anew", at, body, at),
        case("a bit of a statement's signature, all signed anew", at, own, at),
        case("a bit of a Fact, all signed anew", roll(log), key, roll(log)),
        // Nobody signed the stamp; who spoke next had seen its hash.
        case("a bit of a stamp, all signed anew", at, LAST_OF_STAMP, at + 1),
    ]
}

/// The lowest byte of an entry's time: behind the array's head, the version and the number's head.
const LAST_OF_STAMP: usize = 10;

/// Behind the last statement that saw it nothing in the log tells: only a head known from outside does.
fn stamped_behind_all(log: &TestLog) -> Vec<Case> {
    let entries = with_bit(log, log.entries.len() - 1, LAST_OF_STAMP);
    let file = resigned(log, &entries);
    let size = message(log) as u64;
    let older = Head { size, root: log.tree.root_at(size).unwrap() };
    let case = |name: &str, exit| Case::new(name, log, file.clone(), exit, None);
    vec![
        case("a bit of the last stamp, all signed anew", DIVERGED),
        case("a bit of the last stamp, all signed anew, nothing known", UNANCHORED).known(&[]),
        // The verdict says up to which entry it is anchored: not up to this one.
        case("a bit of the last stamp, all signed anew, an older head known", VERIFIED).known(&[older]),
    ]
}

/// Yesterday's last message stamped otherwise, yesterday's range cut out of the log and signed: with the period key of
/// today, which the thief found, and with that of yesterday, which was destroyed.
fn yesterdays(mut log: TestLog) -> Vec<Case> {
    let size = roll(&log) - 1;
    let truth = Head { size: size as u64, root: log.tree.root_at(size as u64).unwrap() };
    let mut entries = log.entries[..size].to_vec();
    entries[size - 1][LAST_OF_STAMP] ^= 1;
    let name = |key: &str| format!("a bit of yesterday's last stamp, signed with {key}");
    let case = |log: &TestLog, key: &str, exit| {
        Case::new(&name(key), log, resigned(log, &entries), exit, None).known(&[truth])
    };
    let todays = case(&log, "today's key", INVALID);
    let unknown = case(&log, "today's key, nothing known", INVALID).known(&[]);
    log.period_key = period_key(&log, 1);
    vec![todays, unknown, case(&log, "yesterday's key", DIVERGED)]
}
