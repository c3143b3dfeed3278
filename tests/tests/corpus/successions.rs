//! Every rule of a succession: what still stands at its edge, and what falls one step beyond, in whole journals and, where it
//! shows there, in excerpts.
//! Never judges what heads say behind one (`eras.rs`).

use auditor::bundle::BundleReader;
use auditor::cutting::{Wanted, plan};
use auditor::outside::OutsideHead;
use journal::act::{
    Act, Approve, CellName, DualAct, Genesis, IndexRange, LossTrace, Propose, Resume, Submit, Succession,
    Suspend,
};
use journal::entry::Content;
use journal::fact::{ClockStep, Fact};
use journal::ids::{Head, Index};
use journal::register::{PLAN_GOOD_MS, SUCCESSIONS_MAX, offline_chain};
use journal::statement::signed_bytes;
use journal::testing::{Described, TestLog};
use journal::{LogId, Policy, SignedStatement, Statement};
use pki::{CertId, Clearance, PersonId, Role, Signer, Suite};

use crate::excerpts::without;
use crate::forge::*;

const OFFICERS: [&str; 2] = ["olga", "oleg"];

/// A log that runs, and that nobody has used yet.
fn running(number: u64, suite: Suite) -> TestLog {
    let mut log = TestLog::founded(number, suite, Policy::standard());
    log.start().unwrap();
    log
}

/// The same with so many entries more.
fn long(number: u64, entries: usize) -> TestLog {
    let mut log = running(number, Suite::Ed25519);
    for _ in 0..entries {
        let step = ClockStep { expected_ms: log.now_ms, found_ms: log.now_ms };
        log.fact(Fact::ClockStep(step)).unwrap();
    }
    log
}

fn named(name: &str) -> String {
    format!("a succession, {name}")
}

fn signed(log: &TestLog, act: &Succession) -> Vec<SignedStatement> {
    OFFICERS.iter().map(|login| log.succession_by(login, act)).collect()
}

/// Both officers have signed it: honest, as a whole and in part.
fn stands(name: &str, mut log: TestLog, act: &Succession) -> Vec<Case> {
    let first = log.tree.size();
    log.succeed(&OFFICERS, act).unwrap();
    log.start().unwrap();
    honest_ones(name, &log, first)
}

fn honest_ones(name: &str, log: &TestLog, first: Index) -> Vec<Case> {
    let whole = honest(log);
    let open = || BundleReader::open(&whole[..]).unwrap();
    let range = Wanted::Range(first, log.tree.size() - 1);
    let file = plan(open(), &range, &[]).unwrap().write(open(), Vec::new()).unwrap().1;
    let name = named(name);
    let mut part = Case::new(&format!("excerpt: {name}"), log, file, VERIFIED, None).excerpt();
    part.outside[0].era = Some(log.register.era());
    vec![part, Case::new(&name, log, whole, VERIFIED, None)]
}

/// These statements behind the entries; the one at this place of theirs is bad, in a part as well.
fn falls(name: &str, log: &TestLog, said_so: &[SignedStatement], bad: usize) -> Vec<Case> {
    let whole = behind(&named(name), log, said_so, bad);
    part(log, &whole).into_iter().chain([whole]).collect()
}

/// The same, where only the whole journal shows it.
fn falls_whole(name: &str, log: &TestLog, said_so: &[SignedStatement], bad: usize) -> Vec<Case> {
    vec![behind(&named(name), log, said_so, bad)]
}

pub(crate) fn cases() -> Vec<Case> {
    let suites = [(110, Suite::Ed25519), (111, Suite::EcdsaP256)];
    let both = suites.into_iter().flat_map(|(number, suite)| plain(number, suite));
    both.chain(words())
        .chain(spelt())
        .chain(ages())
        .chain(counts())
        .chain(places())
        .chain(signers())
        .chain(founded())
        .collect()
}

/// One that stands, and one whose traces do not lie beyond what it keeps.
fn plain(number: u64, suite: Suite) -> Vec<Case> {
    let log = running(number, suite);
    let act = log.succession(1);
    let lost = |size: u64| Succession { lost: vec![LossTrace { size, ..act.lost[0] }], ..act.clone() };
    let (edge, within) = (lost(act.kept.size), lost(act.kept.size - 1));
    let mut all = falls("a trace within what it keeps", &log, &signed(&log, &within), 0);
    let two = Succession { lost: [&edge.lost[..], &within.lost].concat(), ..act };
    all.extend(falls("one of two traces within what it keeps", &log, &signed(&log, &two), 0));
    all.extend(stands("a trace that ends with what it keeps", log, &edge));
    all
}

type Change<'a> = &'a dyn Fn(&mut Succession);

fn range(first: u64, last: u64) -> IndexRange {
    IndexRange { first, last }
}

/// What it says is possible by itself.
fn words() -> Vec<Case> {
    let log = || long(112, 520);
    let of = |change: Change<'_>| {
        let mut act = log().succession(1);
        change(&mut act);
        act
    };
    let kept = log().tree.size();
    let every_second = |count: u64| (0..count).map(|n| range(2 * n, 2 * n)).collect::<Vec<_>>();
    let edges: [(&str, Change<'_>); 6] = [
        ("of the last era that there is", &|act| act.era = u32::MAX),
        ("16 traces", &|act| act.lost = vec![act.lost[0]; 16]),
        ("256 ranges given up", &|act| act.given_up = every_second(256)),
        ("ranges up to the last entry, with one between them", &|act| {
            act.given_up = vec![range(0, 4), range(6, 6), range(8, kept - 1)];
        }),
        ("all bodies lost and the period key", &|act| (act.bodies_lost, act.period_key_lost) = (true, true)),
        ("two cells let go of", &|act| {
            (act.cell_let_go, act.cells) = (true, vec![CellName([1; 8]), CellName([2; 8])]);
        }),
    ];
    let beyond: [(&str, Change<'_>); 14] = [
        ("of no era", &|act| act.era = 0),
        ("no entry kept", &|act| act.kept = Head { size: 0, root: journal::tree::empty_root() }),
        ("no trace", &|act| act.lost.clear()),
        ("17 traces", &|act| act.lost = vec![act.lost[0]; 17]),
        ("257 ranges given up", &|act| act.given_up = every_second(257)),
        ("ranges that touch", &|act| act.given_up = vec![range(0, 4), range(5, 6)]),
        ("ranges that overlap", &|act| act.given_up = vec![range(0, 4), range(3, 6)]),
        ("ranges out of order", &|act| act.given_up = vec![range(9, 9), range(1, 1)]),
        ("a range that ends before it begins", &|act| act.given_up = vec![range(5, 4)]),
        ("a range behind what it keeps", &|act| act.given_up = vec![range(0, kept)]),
        ("all bodies lost and some of them named", &|act| {
            (act.bodies_lost, act.period_key_lost, act.given_up) = (true, true, vec![range(0, 4)]);
        }),
        ("all bodies lost and the period key kept", &|act| act.bodies_lost = true),
        ("three cells let go of", &|act| {
            (act.cell_let_go, act.cells) = (true, vec![CellName([1; 8]); 3]);
        }),
        ("a cell named and none let go of", &|act| act.cells = vec![CellName([1; 8])]),
    ];
    let mut all: Vec<Case> =
        edges.into_iter().flat_map(|(name, change)| stands(name, log(), &of(change))).collect();
    let bad = |(name, change): (&str, Change<'_>)| falls(name, &log(), &signed(&log(), &of(change)), 0);
    all.extend(beyond.into_iter().flat_map(bad));
    all
}

/// Numbers that there are not, and names of cells that are none: no program of ours would write them.
fn spelt() -> Vec<Case> {
    let log = running(122, Suite::Ed25519);
    let mut act = log.succession(u32::MAX);
    (act.cell_let_go, act.cells) = (true, vec![CellName([1; 8])]);
    let era: [&[u8]; 2] = [&[0x1a, 0xff, 0xff, 0xff, 0xff], &[0x1b, 0, 0, 0, 1, 0, 0, 0, 0]];
    let bent: [(&str, &[u8], &[u8]); 8] = [
        ("an era beyond 32 bits", era[0], era[1]),
        ("a fifth source of a trace", &[0x81, 0x83, 1], &[0x81, 0x83, 5]),
        ("no source of a trace", &[0x81, 0x83, 1], &[0x81, 0x83, 0]),
        ("a fifth cause", &[0xf4, 1, 0x1b], &[0xf4, 5, 0x1b]),
        ("no cause", &[0xf4, 1, 0x1b], &[0xf4, 0, 0x1b]),
        ("a fourth word on passwords", &[0xf4, 0, 1, 0xf5], &[0xf4, 0, 4, 0xf5]),
        ("no word on passwords", &[0xf4, 0, 1, 0xf5], &[0xf4, 0, 0, 0xf5]),
        ("a cell's name of seven bytes", &[0x81, 0x48, 1], &[0x81, 0x47]),
    ];
    let mut all = Vec::new();
    for (name, from, to) in bent {
        let mut said_so = log.succession_by("olga", &act);
        let bytes = &said_so.statement;
        let at: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
        let [at] = at[..] else { panic!("{name}: {at:?}") };
        let bytes = [&bytes[..at], to, &bytes[at + from.len()..]].concat();
        let signature = log.site.person("olga").signature.sign(&signed_bytes("succession", &bytes)).unwrap();
        (said_so.statement, said_so.signature) = (bytes.into(), signature.into());
        all.extend(falls(name, &log, &[said_so], 0));
    }
    all
}

/// A plan is good for 30 days, until its first statement is stamped.
fn ages() -> Vec<Case> {
    let mut log = running(113, Suite::Ed25519);
    let act = log.succession(1);
    log.now_ms += PLAN_GOOD_MS + 1;
    let mut all = falls("a plan of 30 days and a millisecond ago", &log, &signed(&log, &act), 0);
    log.now_ms -= 1;
    let first = log.tree.size();
    log.succeed(&OFFICERS[..1], &act).unwrap();
    log.now_ms += 1;
    log.succeed(&OFFICERS[1..], &act).unwrap();
    log.start().unwrap();
    all.extend(honest_ones("a plan of 30 days ago, and older for the second", &log, first));
    all
}

/// So many, each of a later era.
fn counts() -> Vec<Case> {
    let mut log = running(114, Suite::Ed25519);
    for era in 1..SUCCESSIONS_MAX as u32 {
        let act = log.succession(era);
        log.succeed(&OFFICERS, &act).unwrap();
    }
    let newest = SUCCESSIONS_MAX as u32 - 1;
    let mut all = Vec::new();
    for (name, era) in [("the era before once more", newest), ("an earlier era", newest - 1)] {
        all.extend(falls(name, &log, &signed(&log, &log.succession(era)), 0));
    }
    let last = log.succession(newest + 1);
    log.succeed(&OFFICERS, &last).unwrap();
    let one_more = log.succession(newest + 2);
    all.extend(falls("the 33rd", &log, &signed(&log, &one_more), 0));
    log.start().unwrap();
    all.extend(honest_ones("the 32nd", &log, 1));
    all
}

/// Where its statements stand, and that they are the same.
fn places() -> Vec<Case> {
    let log = running(115, Suite::Ed25519);
    let act = log.succession(1);
    let both = signed(&log, &act);
    let earlier = Head { size: act.kept.size - 1, root: log.tree.root_at(act.kept.size - 1).unwrap() };
    let in_the_middle = Succession { kept: earlier, ..act.clone() };
    let mut all = falls("in the middle", &log, &signed(&log, &in_the_middle), 0);
    let other = Succession { kept: Head { root: [1; 32], ..act.kept }, ..act.clone() };
    all.extend(falls_whole("another root over what it keeps", &log, &signed(&log, &other), 0));
    let other = Succession { bodies_missing: 1, ..act.clone() };
    let differ = [both[0].clone(), log.succession_by("oleg", &other)];
    all.extend(falls("the second officer signed otherwise", &log, &differ, 1));
    all.extend(falls("one officer twice", &log, &[both[0].clone(), both[0].clone()], 1));
    let third = log.succession_by("server", &act);
    all.extend(falls("a third statement of two", &log, &[&both[..], &[third]].concat(), 2));
    all.push(far());
    all.extend(between(&log, &both));
    all.extend(within());
    all.extend(half(running(115, Suite::Ed25519), &act));
    all.push(in_a_submit());
    all
}

/// Far behind what it keeps, in an excerpt that holds nothing between.
fn far() -> Case {
    let log = long(123, 6);
    let size = log.tree.size() - 4;
    let kept = Head { size, root: log.tree.root_at(size).unwrap() };
    let act = Succession { kept, ..log.succession(1) };
    let whole = behind(&named("far behind what it keeps"), &log, &signed(&log, &act), 0);
    part_from(&log, &whole, whole.first_bad.unwrap()).unwrap()
}

/// A Start between two statements.
fn between(log: &TestLog, both: &[SignedStatement]) -> Vec<Case> {
    let start = log.entries.last().unwrap().clone();
    let mut entries = log.entries.clone();
    entries.extend([said(log, both[0].clone()), start, said(log, both[1].clone())]);
    let bad = log.tree.size() + 1;
    let whole = forged(&named("something between its statements"), log, &entries, bad);
    part(log, &whole).into_iter().chain([whole]).collect()
}

/// Another one, of a later era, begun when one officer has signed; and one that stands behind both and begins between them.
fn within() -> Vec<Case> {
    let mut log = running(124, Suite::Ed25519);
    let first = log.succession(1);
    log.succeed(&OFFICERS[..1], &first).unwrap();
    let other = log.succession(2);
    let mut all = falls("another one within it", &log, &signed(&log, &other), 0);
    // Under a note of that later era an excerpt has all that it needs.
    let added = signed(&log, &other).into_iter().map(|signed| said(&log, signed));
    let entries: Vec<Vec<u8>> = log.entries.iter().cloned().chain(added).collect();
    let name = named("another one within it, and the note is of its era");
    let mut whole = forged(&name, &log, &entries, log.tree.size());
    whole.file = bundle(&entries, &[note_in(&log, 2, head_of(&entries))]);
    let range = Wanted::Range(1, log.tree.size() + 1);
    let open = || BundleReader::open(&whole.file[..]).unwrap();
    let file = plan(open(), &range, &[]).unwrap().write(open(), Vec::new()).unwrap().1;
    let mut part = Case::new(&format!("excerpt: {name}"), &log, file, INVALID, whole.first_bad).excerpt();
    part.outside = vec![OutsideHead { era: Some(2), ..known(head_of(&entries)) }];
    all.extend([whole, part]);
    log.succeed(&OFFICERS[1..], &first).unwrap();
    let name = named("another one across its end");
    let whole = behind(&name, &log, &signed(&log, &other), 0);
    let end = whole.first_bad.unwrap();
    let mut part = part_from(&log, &whole, end).unwrap();
    // The second statement is left out, so that nothing stands where the other one begins.
    part.file = without(&part.file, end - 1);
    all.extend([whole, part]);
    all
}

/// One has signed, and nothing follows: no era has begun.
fn half(mut log: TestLog, act: &Succession) -> Vec<Case> {
    log.succeed(&OFFICERS[..1], act).unwrap();
    let early = bundle(&log.entries, &[note_in(&log, 1, log.head())]);
    let of = |name, file, exit| Case::new(&named(name), &log, file, exit, None);
    vec![
        of("signed by one and not by the other", honest(&log), VERIFIED),
        of("its era in a note before the second has signed", early, INVALID),
    ]
}

fn in_a_submit() -> Case {
    let mut log = running(116, Suite::Ed25519);
    log.log_in("olga").unwrap();
    log.act("olga", Act::SetPassword(journal::act::SetPassword {})).unwrap();
    log.act("olga", Act::Submit(Submit { count: 1, digest: [1; 32] })).unwrap();
    let act = log.succession(1);
    behind(&named("before the acts of a Submit"), &log, &signed(&log, &act), 0)
}

/// Who signs it.
fn signers() -> Vec<Case> {
    let log = TestLog::standard(118);
    let act = log.succession(1);
    let by = |login: &str| log.succession_by(login, &act);
    let mut all = falls_whole("by an operator", &log, &[by("anna")], 0);
    let site = log.site.issuing.id();
    let mut header = log.site.blank_header(site);
    header.head = act.kept;
    for (name, id) in [("this log", log.register.log_id()), ("no log", LogId::ZERO)] {
        header.log = id;
        let said_so = Statement { header: header.clone(), act: Act::Succession(act.clone()) };
        let said_so = log.site.sign(said_so, &log.site.issuing_key).0;
        all.extend(falls(&format!("by the authority, for {name}"), &log, &[said_so], 0));
    }
    header.person = PersonId(0);
    header.chain = offline_chain(site, log.site.issuing.subject());
    let in_chain = Statement { header, act: Act::Succession(act.clone()) };
    let in_chain = log.site.sign(in_chain, &log.site.issuing_key).0;
    all.extend(falls("in the authority's chain", &log, &[in_chain], 0));
    all.extend(third_officers());
    all.extend(suspended());
    all
}

fn officer() -> Described {
    Described::new(Role::Officer, Clearance(5))
}

/// A further officer, and a first one with a new certificate, before and after two officers have admitted that.
fn third_officers() -> Vec<Case> {
    let mut log = TestLog::standard(119);
    log.third_officer("petr", &officer());
    let act = log.succession(1);
    let mut all = falls_whole("by an officer of later", &log, &[log.succession_by("petr", &act)], 0);
    let renewed = log.site.issue("oleg", &officer());
    log.submit("olga", vec![Act::Enrol(renewed)]).unwrap();
    let act = log.succession(1);
    let oleg = [log.succession_by("oleg", &act)];
    all.extend(falls_whole("by a certificate that nobody has admitted", &log, &oleg, 0));
    let certificate = log.site.person("oleg").signature_certificate.id();
    let admit = pki::canonical::encode(&DualAct::AdmitOfficer(certificate)).into();
    log.act("petr", Act::Propose(Propose { act: admit })).unwrap();
    let proposal = log.tree.size() - 1;
    log.act("olga", Act::Approve(Approve { proposal })).unwrap();
    let act = log.succession(1);
    all.extend(stands("by a certificate that two officers have admitted", log, &act));
    all
}

/// One of them is suspended, and resumed.
fn suspended() -> Vec<Case> {
    let mut log = TestLog::standard(120);
    log.third_officer("petr", &officer());
    let person = log.id("oleg");
    log.act("olga", Act::Suspend(Suspend { person })).unwrap();
    let act = log.succession(1);
    let mut all = falls_whole("by an officer who is suspended", &log, &signed(&log, &act), 1);
    log.act("olga", Act::Resume(Resume { person })).unwrap();
    let act = log.succession(1);
    all.extend(stands("by an officer who was suspended", log, &act));
    all
}

/// A genesis by which fewer than two begin an era founds no log.
fn founded() -> Vec<Case> {
    let log = TestLog::founded(121, Suite::Ed25519, Policy::standard());
    let one = log.site.person("olga").signature_certificate.id();
    let (two, three) = (CertId([2; 32]), CertId([3; 32]));
    let bent: [(&str, Vec<CertId>, u32); 4] = [
        ("one alone begins an era", vec![one, two, three], 1),
        ("of two officers three begin an era", vec![one, two], 3),
        ("one officer is named twice", vec![one, one, two], 2),
        ("there is one officer", vec![one], 1),
    ];
    bent.into_iter()
        .map(|(name, officers, threshold)| {
            let mut statement = statement(&log.entries[0]);
            let Act::Genesis(act) = statement.act else { panic!("a genesis") };
            statement.act = Act::Genesis(Genesis { officers, threshold, ..act });
            let (signed, id) = log.site.sign(statement, &log.site.issuing_key);
            let entries = [stamped(&log, Content::Statement(signed))];
            let mut case = forged(&format!("a genesis by which {name}"), &log, &entries, 0);
            case.trust = trust_in(&log, LogId(id.0));
            case
        })
        .collect()
}

/// In its own words: who said the same is not told that he did not.
#[test]
fn a_succession_within_another_one_is_refused_for_that() {
    let all = cases();
    let case = all.iter().find(|case| case.name == "excerpt: a succession, another one within it").unwrap();
    let told = format!("{:?}", crate::judge::judgement(case).ok());
    assert!(told.contains("it begins within another succession"), "{told}");
}
