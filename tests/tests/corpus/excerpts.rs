//! Excerpts, honest and not; each in both suites.
//! Never what only our own program does with one: to cut it (`auditor/src/cutting.rs`).

use auditor::bundle::BundleReader;
use auditor::cutting::{Wanted, plan};
use auditor::excerpt::{Asked, ExcerptReader, ExcerptWriter, Piece, Proofs};
use journal::act::DualAct;
use journal::entry::{Content, Entry};
use journal::fact::{ClockStep, Fact};
use journal::ids::{Head, Index};
use journal::testing::TestLog;
use pki::Suite;

use crate::forge::*;

pub(crate) fn cut(bundle: &[u8], wanted: &Wanted, links: &[u64]) -> Vec<u8> {
    let open = || BundleReader::open(bundle).unwrap();
    plan(open(), wanted, links).unwrap().write(open(), Vec::new()).unwrap().1
}

struct Parts {
    asked: Asked,
    pieces: Vec<Piece>,
    note: Vec<u8>,
    proofs: Proofs,
}

impl Parts {
    fn of(excerpt: &[u8]) -> Self {
        let mut reader = ExcerptReader::open(excerpt).unwrap();
        let (asked, mut pieces) = (reader.asked().clone(), Vec::new());
        while let Some(piece) = reader.next_piece().unwrap() {
            pieces.push(piece);
        }
        let (note, proofs) = reader.finish().unwrap();
        Self { asked, pieces, note, proofs }
    }

    fn whole(&self) -> Vec<u8> {
        let mut writer = ExcerptWriter::new(Vec::new(), &self.asked).unwrap();
        self.pieces.iter().for_each(|piece| writer.piece(piece.asked, piece.index, &piece.entry).unwrap());
        writer.finish(&self.note, &self.proofs).unwrap()
    }

    /// The proof made anew by whoever has the whole log.
    fn proven(mut self, log: &TestLog) -> Vec<u8> {
        let indices: Vec<Index> = self.pieces.iter().map(|piece| piece.index).collect();
        self.proofs.entries = log.tree.prover(log.tree.size()).unwrap().multi_proof(&indices).unwrap();
        self.whole()
    }
}

/// An excerpt with one of its entries left out. Its proof stays: where an entry falls nobody comes to that.
pub(crate) fn without(excerpt: &[u8], index: Index) -> Vec<u8> {
    let mut parts = Parts::of(excerpt);
    parts.pieces.retain(|piece| piece.index != index);
    parts.whole()
}

pub(crate) fn cases() -> Vec<Case> {
    [(40, Suite::Ed25519), (41, Suite::EcdsaP256)]
        .into_iter()
        .flat_map(|(n, suite)| of(talked(n, suite)))
        .chain(over_a_clock_set_back())
        .collect()
}

/// Stamps fall behind the act of two officers, also where nobody asked for that.
fn over_a_clock_set_back() -> Vec<Case> {
    let mut log = talked(42, Suite::Ed25519);
    log.set_back_after_leap(40 * 24 * 3600 * 1000);
    log.fact(Fact::ClockStep(ClockStep { expected_ms: log.now_ms, found_ms: log.now_ms })).unwrap();
    let (whole, last) = (honest(&log), log.tree.size() - 1);
    let both = [("behind a clock set back", last), ("over a clock set back", last - 3)];
    let case = |(name, from): (&str, Index)| {
        let file = cut(&whole, &Wanted::Range(from, last), &[]);
        Case::new(&format!("excerpt: {name}"), &log, file, VERIFIED, None).excerpt()
    };
    let mut all: Vec<Case> = both.into_iter().map(case).collect();
    // What anna did last was stamped under the wrong date: it counts as of the time set.
    let mut ahead = talked(44, Suite::Ed25519);
    let (known, to_ms) = (ahead.head(), ahead.now_ms);
    ahead.now_ms += 40 * 24 * 3600 * 1000;
    ahead.fact(Fact::ClockStep(ClockStep { expected_ms: to_ms, found_ms: ahead.now_ms })).unwrap();
    ahead.log_in_with("anna", true).unwrap();
    ahead.of_two(&DualAct::SetClock(to_ms)).unwrap();
    ahead.now_ms = to_ms;
    let end = ahead.period_end();
    ahead.fact(end).unwrap();
    let roll = ahead.key_roll(3);
    ahead.fact(roll).unwrap();
    let whole = honest(&ahead);
    let file = cut(&whole, &Wanted::Selection(vec!["anna".into()], Vec::new()), &[known.size]);
    let case =
        Case::new("excerpt: a selection that ends ahead of a clock set back", &ahead, file, INCOMPLETE, None);
    all.push(case.excerpt().known(&[known]));
    all
}

fn of(mut log: TestLog) -> Vec<Case> {
    let former = period_key(&log, 1);
    let newest = std::mem::replace(&mut log.period_key, former);
    let former = note(&log, log.head());
    log.period_key = newest;
    let log = &log;
    let whole = honest(log);
    let last = log.tree.size() - 1;
    let case = |name: &str, file: Vec<u8>, exit: u8, bad: Option<Index>| {
        Case::new(&format!("excerpt: {name}"), log, file, exit, bad).excerpt()
    };
    let range = |from, to| cut(&whole, &Wanted::Range(from, to), &[]);
    let selection = cut(&whole, &Wanted::Selection(vec!["anna".into()], Vec::new()), &[]);
    let mut all = vec![
        case("all of the log", range(0, last), VERIFIED, None),
        case("a range", range(38, last), VERIFIED, None),
        case("one entry", range(last, last), VERIFIED, None),
        case("a range, nothing known", range(38, 44), UNANCHORED, None).known(&[]),
        case("a range, another head known", range(38, 44), DIVERGED, None)
            .known(&[Head { root: [7; 32], ..log.head() }]),
        case("a selection", selection.clone(), INCOMPLETE, None),
        case("a selection, nothing known", selection.clone(), UNANCHORED, None).known(&[]),
        case("a whole journal", whole.clone(), 1, None),
    ];
    let mut passed_off = case("a selection passed off as the whole", selection.clone(), INCOMPLETE, None);
    passed_off.excerpt = false;
    all.push(passed_off);
    let mut passed_off = case("a range passed off as the whole", range(38, last), INCOMPLETE, None);
    passed_off.excerpt = false;
    all.push(passed_off);
    all.extend(linked(log, &whole, &case));
    all.extend(bent(log, &range(38, 44), &case));
    let other = talked(log.site.number + 2, log.site.suite);
    for (name, note) in [("by a former period key", former), ("of another log", note(&other, log.head()))] {
        let mut parts = Parts::of(&range(38, 44));
        parts.note = note;
        all.push(case(&format!("under a note {name}"), parts.whole(), INVALID, None));
    }
    let mut foreign = case("read by who trusts another log", range(38, 44), INVALID, Some(0));
    (foreign.trust, foreign.root) = (trust(&other), other.site.root.der().to_vec());
    all.push(foreign);
    // A selection that says it is all of its range.
    let mut parts = Parts::of(&selection);
    let asked: Vec<Index> = parts.pieces.iter().filter(|p| p.asked).map(|p| p.index).collect();
    let (first, to) = (asked[asked.len() - 3], asked[asked.len() - 1]);
    parts.asked = Asked::Range(first, to);
    parts.pieces.iter_mut().for_each(|piece| piece.asked = (first..=to).contains(&piece.index));
    let gap = (first..=to).find(|index| !parts.pieces.iter().any(|p| p.index == *index)).unwrap();
    all.push(case("a selection passed off as a range", parts.whole(), INVALID, Some(gap)));
    let own = [&selection[..], trust(log).to_text().as_bytes()].concat();
    all.push(case("its own trust file", own, INVALID, None));
    for length in [18, 60, selection.len() / 2, selection.len() - 1] {
        all.push(case("cut off", selection[..length].to_vec(), INCOMPLETE, None));
    }
    all
}

type Make<'a> = &'a dyn Fn(&str, Vec<u8>, u8, Option<Index>) -> Case;

fn linked(log: &TestLog, whole: &[u8], case: Make<'_>) -> Vec<Case> {
    let size = 30;
    let known = Head { size, root: log.tree.root_at(size).unwrap() };
    let file = cut(whole, &Wanted::Range(38, 44), &[size]);
    let mut forged = Parts::of(&file);
    forged.proofs.links = vec![log.tree.consistency_proof(31, log.tree.size()).unwrap()];
    let mut far =
        case("linked to a head too many entries ago", file.clone(), UNANCHORED, None).known(&[known]);
    far.trust.beyond_max = 2;
    let last = log.tree.size() - 1;
    let late = cut(whole, &Wanted::Range(last, last), &[size]);
    let mut old = case("linked to a head that is too old", late, UNANCHORED, None).known(&[known]);
    old.trust.age_ms_max = 0;
    vec![
        far,
        old,
        case("linked to an older head", file.clone(), VERIFIED, None).known(&[known]),
        case("linked, another older head known", file, INVALID, None)
            .known(&[Head { root: [7; 32], ..known }]),
        case("linked to another size", forged.whole(), UNANCHORED, None).known(&[known]),
        // Whoever brings it does not choose which of the reader's heads count.
        case(
            "one head known and the other not led to",
            cut(whole, &Wanted::Range(38, 44), &[]),
            UNANCHORED,
            None,
        )
        .known(&[log.head(), known]),
    ]
}

fn bent(log: &TestLog, good: &[u8], case: Make<'_>) -> Vec<Case> {
    let judged = |name: &str, bad: Option<Index>, change: &dyn Fn(&mut Parts)| {
        let mut parts = Parts::of(good);
        change(&mut parts);
        case(name, parts.whole(), INVALID, bad)
    };
    let at = Parts::of(good).pieces.iter().position(|piece| piece.index == 41).unwrap();
    let signed_bytes = Parts::of(good).pieces[at].entry.len();
    let mut all = vec![
        judged("an entry dropped", Some(41), &|parts| drop(parts.pieces.remove(at))),
        judged("two entries swapped", Some(41), &|parts| parts.pieces.swap(at, at + 1)),
        judged("an entry under another number", Some(40), &|parts| parts.pieces[at].index = 40),
        judged("an entry marked as context", Some(41), &|parts| parts.pieces[at].asked = false),
        judged("a signature changed", Some(41), &|parts| parts.pieces[at].entry[signed_bytes - 1] ^= 1),
        judged("the genesis left out", Some(3), &|parts| drop(parts.pieces.remove(0))),
        judged("an entry dropped and the range made shorter", None, &|parts| {
            parts.pieces.remove(at);
            parts.asked = Asked::Range(42, 44);
            parts.pieces.iter_mut().for_each(|piece| piece.asked = (42..=44).contains(&piece.index));
        }),
        judged("the roll to the note's key left out", None, &|parts| {
            let roll = |piece: &Piece| {
                matches!(Entry::decode(&piece.entry).unwrap().content, Content::Fact(Fact::KeyRoll(_)))
            };
            let newest = parts.pieces.iter().rposition(roll).unwrap();
            parts.pieces.remove(newest);
        }),
        judged("a hash of the proof left out", None, &|parts| {
            let hashes = parts.proofs.entries.hashes();
            parts.proofs.entries = journal::multiproof::MultiProof::new(hashes[1..].to_vec());
        }),
        judged("another proof", None, &|parts| {
            parts.proofs.entries = log.tree.prover(log.tree.size()).unwrap().multi_proof(&[38]).unwrap();
        }),
        judged("another head", None, &|parts| parts.note = note(log, Head { root: [6; 32], ..log.head() })),
    ];
    let first = Parts::of(good).pieces[1].index;
    all[5].first_bad = Some(first);
    // A signer's Enrol left out, all proven anew: nobody is believed without one.
    let enrol = log.register.person(log.id("anna")).unwrap().enrolled;
    let mut parts = Parts::of(good);
    parts.pieces.retain(|piece| piece.index != enrol);
    let anna = parts.pieces.iter().find(|piece| {
        let entry = Entry::decode(&piece.entry).unwrap();
        matches!(entry.content, Content::Statement(ref s)
            if s.clone().parse().unwrap().header().person == log.id("anna"))
    });
    let bad = anna.map(|piece| piece.index);
    all.push(case("a signer's Enrol left out", parts.proven(log), INVALID, bad));
    all
}
