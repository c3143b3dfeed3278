//! Entries changed, dropped, moved, put in and said again, with and without repaired hashes.
//! Never by a key that its attacker would not have: the server's own, or one that was stolen and is named.

use journal::act::{Act, ConversationKind, Logout};
use journal::entry::{Content, Entry};
use journal::fact::{Alarm, AlarmKind, ClockStep, Fact, PeriodEnd};
use journal::ids::Head;
use journal::testing::{SeededRng, TestLog, seed};
use journal::{Commitment, Policy};
use pki::{Clearance, Suite};
use rand_core::Rng;

use crate::forge::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut all = honest_ones();
    all.extend(moved());
    all.extend(repeated());
    all.extend(periods());
    all.extend(spelt());
    all
}

fn honest_ones() -> Vec<Case> {
    let mut all = Vec::new();
    for (number, suite) in [(1, Suite::Ed25519), (2, Suite::EcdsaP256)] {
        let log = talked(number, suite);
        all.push(Case::new(&format!("honest, {suite:?}"), &log, honest(&log), VERIFIED, None));
        all.push(Case::new("nothing to compare with", &log, honest(&log), UNANCHORED, None).known(&[]));
    }
    let mut log = talked(3, Suite::Ed25519);
    let old = log.head();
    log.wait_ms(400 * 24 * 3600 * 1000);
    let now = ClockStep { expected_ms: log.now_ms, found_ms: log.now_ms };
    log.fact(Fact::ClockStep(now)).unwrap();
    all.push(Case::new("the only anchor is a year old", &log, honest(&log), UNANCHORED, None).known(&[old]));
    let mut log = talked(15, Suite::Ed25519);
    log.set_back_after_leap(40 * 24 * 3600 * 1000);
    let set = log.head();
    let now = ClockStep { expected_ms: log.now_ms, found_ms: log.now_ms };
    log.fact(Fact::ClockStep(now)).unwrap();
    all.push(
        Case::new("the clock set back by two officers", &log, honest(&log), VERIFIED, None).known(&[set]),
    );
    log.wait_ms(400 * 24 * 3600 * 1000);
    let now = ClockStep { expected_ms: log.now_ms, found_ms: log.now_ms };
    log.fact(Fact::ClockStep(now)).unwrap();
    let name = "the only anchor is of a wrong date a year ago";
    all.push(Case::new(name, &log, honest(&log), UNANCHORED, None).known(&[set]));
    let mut strict = Case::new("too many entries beyond the anchor", &log, honest(&log), UNANCHORED, None);
    strict.trust.beyond_max = 0;
    all.push(strict.known(&[set]));
    all
}

/// Index of the last entry.
fn last(log: &TestLog) -> u64 {
    log.tree.size() - 1
}

type Change<'a> = &'a dyn Fn(&mut Vec<Vec<u8>>);

fn moved() -> Vec<Case> {
    let log = talked(4, Suite::Ed25519);
    let end = last(&log) as usize;
    let own = note(&log, log.head());
    let with = |entries: &[Vec<u8>]| bundle(entries, std::slice::from_ref(&own));
    let mut all = Vec::new();
    let changes: [(&str, usize, Change<'_>); 5] = [
        ("one dropped", end - 1, &|entries| drop(entries.remove(end - 1))),
        ("two reordered", end - 1, &|entries| entries.swap(end - 1, end)),
        ("one put in twice", end, &|entries| entries.insert(end, entries[end - 1].clone())),
        ("the genesis dropped", 0, &|entries| drop(entries.remove(0))),
        ("a tail of the log before its middle", 20, &|entries| entries[20..].rotate_right(3)),
    ];
    for (name, bad, change) in changes {
        let entries = changed(&log, change);
        let bad = Some(bad as u64);
        all.push(Case::new(name, &log, with(&entries), INVALID, bad));
        all.push(Case::new(
            &format!("{name}, all signed anew"),
            &log,
            resigned(&log, &entries),
            INVALID,
            bad,
        ));
    }
    // The end cut away: cleanly between two records, and in the middle of one.
    let fewer = &log.entries[..end - 1];
    all.push(Case::new("cut at an edge, the note kept", &log, with(fewer), INCOMPLETE, None));
    let short = resigned(&log, fewer);
    all.push(Case::new("cut at an edge and signed anew", &log, short.clone(), INCOMPLETE, None));
    for length in [17, 18, 30, short.len() / 2, short.len() - 5, short.len() - 1] {
        let file = short[..length].to_vec();
        all.push(Case::new(&format!("cut inside, {length} bytes"), &log, file, INCOMPLETE, None).known(&[]));
    }
    all.push(Case::new("no note", &log, bundle(&log.entries, &[]), INCOMPLETE, None));
    all.push(Case::new("cut and signed anew, nothing known", &log, short, UNANCHORED, None).known(&[]));
    // Anna's first message of the last three is dropped, her next one signed anew by her stolen key and the server's:
    // boris had seen the head with it.
    let entries = changed(&log, |entries| {
        let dropped = statement(&entries.remove(end - 2));
        entries[end - 1] = said_anew(&log, &entries[end - 1], "anna", |said| {
            said.header.sequence = dropped.header.sequence;
            said.header.previous = dropped.header.previous;
        });
    });
    all.push(forged(
        "one sender's message dropped, his chain and the log signed anew",
        &log,
        &entries,
        end as u64 - 2,
    ));
    all
}

fn repeated() -> Vec<Case> {
    let mut log = talked(5, Suite::Ed25519);
    let mut all = Vec::new();
    let end = last(&log);
    let add = |log: &TestLog, entry: Vec<u8>| changed(log, |entries| entries.push(entry));
    // The last message once more, stamped anew; another text under its number; the same commitment in a new one.
    let Content::Statement(signed) = Entry::decode(&log.entries[end as usize]).unwrap().content else {
        panic!("a message")
    };
    all.push(forged("said again", &log, &add(&log, said(&log, signed)), end + 1));
    let other = said_anew(&log, &log.entries[end as usize], "anna", |said| {
        if let Act::Message(message) = &mut said.act {
            message.commitment = Commitment([9; 32]);
        }
    });
    all.push(forged("one number signed twice", &log, &add(&log, other), end + 1));
    all.push(elsewhere());
    let Act::Message(message) = statement(&log.entries[end as usize]).act else { panic!("a message") };
    let mut twice = talked(5, Suite::Ed25519);
    twice.act("anna", Act::Message(message)).unwrap();
    all.push(Case::new("a commitment used twice", &twice, honest(&twice), VERIFIED, None));
    // A session ended; what it said, and its Login, are said again in the next one.
    let old = log.entries[end as usize].clone();
    log.act("anna", Act::Logout(Logout {})).unwrap();
    log.log_in("anna").unwrap();
    let Content::Statement(signed) = Entry::decode(&old).unwrap().content else { panic!("a message") };
    all.push(forged(
        "said in one session, put into the next",
        &log,
        &add(&log, said(&log, signed)),
        last(&log) + 1,
    ));
    let login = Entry::decode(&log.entries[last(&log) as usize]).unwrap().content;
    log.act("anna", Act::Logout(Logout {})).unwrap();
    let again = stamped(&log, login);
    all.push(forged("a Login said once more", &log, &add(&log, again), last(&log) + 1));
    // The same people and keys under another genesis: what they said there.
    let mut there =
        TestLog::with_policy(5, Suite::Ed25519, Policy { idle_lock_ms: 1234, ..Policy::standard() });
    let chat = there.talking("anna", &["boris"]);
    there.send("anna", chat).unwrap();
    let foreign = there.entries[last(&there) as usize].clone();
    all.push(forged("said in another log", &log, &add(&log, foreign), last(&log) + 1));
    let tail = there.entries[30..].to_vec();
    let swapped = changed(&log, |entries| {
        entries.truncate(30);
        entries.extend(tail);
    });
    all.push(forged("segments of another log", &log, &swapped, 30));
    all.push(Case::new("another log whole", &log, honest(&there), INVALID, Some(0)).known(&[there.head()]));
    // What only the rules forbid: vera is in no conversation of theirs.
    let chat = log.register.conversations().next().unwrap().membership.id();
    let message = log.message(chat);
    let draft = log.draft("vera", Act::Message(message));
    let stranger = said(&log, log.sign("vera", draft).0);
    all.push(forged("a stranger's message", &log, &add(&log, stranger), last(&log) + 1).python(VERIFIED));
    all
}

/// What anna said to boris, under the name of the conversation that she has with vera.
fn elsewhere() -> Case {
    let mut log = talked(11, Suite::Ed25519);
    let here = log.register.conversations().next().unwrap().membership.id();
    let there = log.talking("anna", &["vera"]);
    let draft = log.message(here);
    let signed = log.sign("anna", log.draft("anna", Act::Message(draft))).0;
    let mut moved = signed.clone();
    let at = moved.statement.windows(32).position(|bytes| bytes == here.0).unwrap();
    moved.statement[at..at + 32].copy_from_slice(&there.0);
    let next = log.tree.size();
    let entries = changed(&log, |entries| entries.push(said(&log, moved)));
    forged("said in one conversation, put into another", &log, &entries, next)
}

fn periods() -> Vec<Case> {
    let mut log = talked(6, Suite::Ed25519);
    let mut all = Vec::new();
    let next = last(&log) + 1;
    let add = |log: &TestLog, more: &[Vec<u8>]| changed(log, |entries| entries.extend_from_slice(more));
    let mut elsewhere = talked(6, Suite::Ed25519);
    let roll = elsewhere.key_roll(3);
    all.push(forged("a period without its end", &log, &add(&log, &[fact(&log, roll.clone())]), next));
    let Fact::PeriodEnd(end) = log.period_end() else { panic!("a PeriodEnd") };
    let ended = fact(&log, Fact::PeriodEnd(end.clone()));
    all.push(forged("a period ended twice", &log, &add(&log, &[ended.clone(), ended.clone()]), next + 1));
    let empty = fact(&log, Fact::PeriodEnd(PeriodEnd { counts: Vec::new(), ..end.clone() }));
    all.push(forged("a period end that counts nothing", &log, &add(&log, &[empty]), next));
    let other = fact(&log, Fact::PeriodEnd(PeriodEnd { period: end.period - 1, ..end.clone() }));
    all.push(forged("the end of another period", &log, &add(&log, &[other]), next));
    let snapshot = fact(&log, Fact::PeriodEnd(PeriodEnd { snapshot: [1; 32], ..end }));
    all.push(forged("another state's digest", &log, &add(&log, &[snapshot]), next).python(VERIFIED));
    let mut skipped = talked(6, Suite::Ed25519);
    let skipped = fact(&log, skipped.key_roll(4));
    all.push(forged("a period left out", &log, &add(&log, &[ended, skipped]), next + 1));
    let mut early = Entry::decode(&log.entries[last(&log) as usize]).unwrap();
    early.wall_ms -= 5000;
    let entries = changed(&log, |entries| entries[next as usize - 1] = early.encode());
    all.push(forged("back-dated", &log, &entries, next - 1));
    let silent = Alarm { alarm: AlarmKind::WitnessSilent, person: None, evidence: Vec::new().into() };
    let silent = fact(&log, Fact::Alarm(silent));
    all.push(
        forged("a witness' silence where none is wanted", &log, &add(&log, &[silent]), next).python(VERIFIED),
    );
    log.now_ms -= 60_000;
    let step = ClockStep { expected_ms: log.now_ms + 60_000, found_ms: log.now_ms };
    let stepped = fact(&log, Fact::ClockStep(step));
    all.push(forged("the clock set back", &log, &add(&log, &[stepped]), next));
    // Empty days are periods, too.
    let mut quiet = talked(7, Suite::Ed25519);
    for period in 3..6 {
        let end = quiet.period_end();
        quiet.fact(end).unwrap();
        let roll = quiet.key_roll(period);
        quiet.fact(roll).unwrap();
    }
    all.push(Case::new("days without an entry", &quiet, honest(&quiet), VERIFIED, None));
    all
}

fn spelt() -> Vec<Case> {
    let log = talked(8, Suite::Ed25519);
    let end = last(&log) as usize;
    let mut all = Vec::new();
    let with = |bytes: Vec<u8>| changed(&log, |entries| entries[end] = bytes);
    let good = &log.entries[end];
    // [1, wall (8 bytes), boot (2 bytes), …]: each spelled longer than needed, and an array without its length.
    let wide_version = [&[good[0], 0x18, 1], &good[2..]].concat();
    all.push(forged("a number spelled too wide", &log, &with(wide_version), end as u64));
    let indefinite = [&[0x9f], &good[1..], &[0xff]].concat();
    all.push(forged("an array without its length", &log, &with(indefinite), end as u64));
    let more = [&good[..], &[0]].concat();
    all.push(forged("a byte behind the entry", &log, &with(more), end as u64));
    let mut newer = good.clone();
    newer[1] = 2;
    all.push(forged("an entry of a newer version", &log, &with(newer), end as u64));
    let closed = ConversationKind::Group;
    let mut group = TestLog::standard(9);
    group.create_as("anna", &["boris", "vera"], closed, Clearance(3)).unwrap();
    all.push(Case::new("a group", &group, honest(&group), VERIFIED, None));
    let whole = honest(&log);
    let mut long = whole.clone();
    long[17..21].copy_from_slice(&61_441_u32.to_be_bytes());
    all.push(Case::new("an impossible length", &log, long, INVALID, None));
    let mut version = whole.clone();
    version[16] = 2;
    all.push(Case::new("a bundle of a newer version", &log, version, 1, None));
    all.push(Case::new("something behind the end", &log, [&whole[..], b"x"].concat(), INVALID, None));
    let own = trust(&log).to_text();
    all.push(Case::new("its own trust file", &log, [&whole[..], own.as_bytes()].concat(), INVALID, None));
    let head = Head { root: [7; 32], ..log.head() };
    all.push(Case::new("another head is known", &log, whole, DIVERGED, None).known(&[head]));
    all
}

/// One bit flipped, anywhere behind the magic, at so many places by seed (or all of them). Never verified; what cannot be
/// read any more is told as cut or as of another kind.
pub(crate) fn flips(count: usize) -> Vec<Case> {
    let mut log = TestLog::founded(10, Suite::Ed25519, Policy::standard());
    log.start().unwrap();
    let whole = honest(&log);
    let bits = (whole.len() - 16) * 8;
    let mut random = SeededRng::new(seed(10, "flips"));
    let places: Vec<usize> = if count >= bits {
        (0..bits).collect()
    } else {
        (0..count).map(|_| (random.next_u64() % bits as u64) as usize).collect()
    };
    let flipped = |at: usize| {
        let (byte, bit) = (16 + at / 8, at % 8);
        let mut file = whole.clone();
        file[byte] ^= 1 << bit;
        Case::new(&format!("bit {bit} of byte {byte}"), &log, file, NOT_VERIFIED, None)
    };
    places.into_iter().map(flipped).collect()
}
