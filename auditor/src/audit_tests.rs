//! Bundles as an attacker would leave them, and the verdict on each.

use journal::Policy;
use journal::act::{Act, Logout};
use journal::entry::{Content, Entry};
use journal::fact::{ClockStep, Fact, RetentionRun};
use journal::ids::{Head, LogId};
use journal::refusal::Refusal;
use journal::replay::Fault;
use journal::retention::{Retention, RetentionRule};
use journal::statement::SignedStatement;
use journal::testing::{TestLog, TestSite};
use pki::{PublicKey, SecretKey, Suite};

use crate::audit::tests::{bundle, exported, judged, signed, trust};
use crate::audit::{Audit, OutsideHead, Wanted, audit};
use crate::bundle::{BadBundle, BundleReader};
use crate::judgement::{Flaw, Judgement, Missing, Unanchored};

/// A log in which people talked, and an anchor some entries before its end.
fn spoken(number: u64) -> (TestLog, Head) {
    let mut log = TestLog::standard(number);
    let chat = log.talking("anna", &["boris"]);
    let anchor = log.head();
    for from in ["anna", "boris", "anna"] {
        log.wait_ms(1000);
        log.send(from, chat).unwrap();
    }
    (log, anchor)
}

fn invalid_at(audit: &Audit) -> Option<u64> {
    match &audit.judgement {
        Judgement::Invalid(Flaw::Entry { index, .. }) => Some(*index),
        Judgement::Invalid(_)
        | Judgement::Verified
        | Judgement::Diverged(_)
        | Judgement::Unanchored(_)
        | Judgement::Incomplete(_) => None,
    }
}

#[test]
fn an_honest_export_is_verified_and_anchored() {
    for suite in [Suite::Ed25519, Suite::EcdsaP256] {
        let mut log = TestLog::with_policy(1, suite, journal::Policy::standard());
        let anchor = log.head();
        log.talking("anna", &["boris", "vera"]);
        let audit = judged(&exported(&log), &trust(&log, Some(anchor)), Vec::new());
        assert!(matches!(audit.judgement, Judgement::Verified), "{:?}", audit.judgement);
        let verdict = audit.replay.verdict();
        assert_eq!((verdict.anchored, verdict.head), (anchor.size, log.head()));
        assert_eq!((audit.confirmed.len(), audit.agreed.len()), (1, 1));
    }
}

#[test]
fn without_an_anchor_within_the_limits_nothing_counts_as_verified() {
    let (log, anchor) = spoken(2);
    let whole = exported(&log);
    let none = judged(&whole, &trust(&log, None), Vec::new());
    assert!(matches!(none.judgement, Judgement::Unanchored(Unanchored::NoAnchor)));
    let mut strict = trust(&log, Some(anchor));
    strict.beyond_max = 2;
    let many = judged(&whole, &strict, Vec::new());
    assert!(matches!(many.judgement, Judgement::Unanchored(Unanchored::TooMany { limit: 2 })));
    let mut strict = trust(&log, Some(anchor));
    strict.age_ms_max = 2999;
    let old = judged(&whole, &strict, Vec::new());
    let expected = Unanchored::TooOld { age_ms: 3000, limit_ms: 2999 };
    assert!(matches!(old.judgement, Judgement::Unanchored(found) if found == expected));
    let given = OutsideHead { file: Some("anna.checkpoint".into()), era: Some(0), head: log.head() };
    assert!(matches!(judged(&whole, &strict, vec![given]).judgement, Judgement::Verified));
}

#[test]
fn a_flipped_byte_is_found_at_its_entry_or_by_the_signed_head() {
    let (log, _) = spoken(3);
    let trust = trust(&log, None);
    let note = signed(&log, log.head());
    for index in 0..log.entries.len() {
        let bytes = &log.entries[index];
        // The signature's end, the middle, the time stamp.
        for at in [bytes.len() - 1, bytes.len() / 2, 6] {
            let mut entries = log.entries.clone();
            entries[index][at] ^= 1;
            let audit = judged(&bundle(&entries, std::slice::from_ref(&note)), &trust, Vec::new());
            if let Some(found) = invalid_at(&audit) {
                assert!(found >= index as u64, "entry {index}, byte {at}");
            } else {
                // What no signature of a person covers is the signed head's to find.
                let by_head = matches!(audit.judgement, Judgement::Invalid(Flaw::NotWhatWasSigned(_)));
                assert!(by_head, "entry {index}, byte {at}: {:?}", audit.judgement);
            }
            if at == bytes.len() - 1 && Entry::decode(bytes).is_ok_and(|entry| is_statement(&entry)) {
                assert_eq!(invalid_at(&audit), Some(index as u64));
            }
        }
    }
}

fn is_statement(entry: &Entry) -> bool {
    matches!(entry.content, Content::Statement(_))
}

#[test]
fn dropped_moved_repeated_and_foreign_entries_are_found_where_they_are() {
    let (log, anchor) = spoken(4);
    let (_, note) = (anchor, signed(&log, log.head()));
    let trust = trust(&log, Some(anchor));
    let last = log.entries.len() - 1;
    let check = |entries: Vec<Vec<u8>>, expected: u64| {
        let audit = judged(&bundle(&entries, std::slice::from_ref(&note)), &trust, Vec::new());
        assert_eq!(invalid_at(&audit), Some(expected), "{:?}", audit.judgement);
    };
    let change = |how: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut entries = log.entries.clone();
        how(&mut entries);
        entries
    };
    check(change(&|entries| drop(entries.remove(last - 1))), last as u64 - 1);
    check(change(&|entries| entries.swap(last - 1, last - 2)), last as u64 - 2);
    check(change(&|entries| entries.insert(last, entries[last - 2].clone())), last as u64);
    let other = TestLog::standard(44).entries.pop().unwrap();
    check(change(&|entries| entries.insert(last, other.clone())), last as u64);
    check(change(&|entries| drop(entries.remove(0))), 0);
}

/// What a dishonest server has of anna for ever is her Logins. Said again at night, signed anew by the log.
#[test]
fn a_login_said_once_stands_once() {
    let (mut log, _) = spoken(18);
    let login = |log: &mut TestLog| {
        log.act("anna", Act::Logout(Logout {})).unwrap();
        log.log_in("anna").unwrap();
        (log.tree.size() - 1, Entry::decode(log.entries.last().unwrap()).unwrap().content)
    };
    let (first, said) = login(&mut log);
    login(&mut log);
    log.act("anna", Act::Logout(Logout {})).unwrap();
    log.wait_ms(3_600_000);
    log.admit(said).expect("the Register remembers the last Login alone");
    let again = log.tree.size() - 1;
    let chat = log.register.conversations().next().unwrap().membership.id();
    log.send("boris", chat).unwrap();
    let audit = judged(&exported(&log), &trust(&log, Some(log.head())), Vec::new());
    let Judgement::Invalid(Flaw::LoginRepeated { first: one, again: two }) = audit.judgement else {
        panic!("{:?}", audit.judgement)
    };
    assert_eq!((one, two), (first, again));
}

#[test]
fn what_was_cut_off_is_incomplete() {
    let (log, anchor) = spoken(5);
    let whole = exported(&log);
    let trust = trust(&log, Some(anchor));
    for length in [17, 18, 400, whole.len() / 2, whole.len() - 5, whole.len() - 1] {
        let audit = judged(&whole[..length], &trust, Vec::new());
        let cut = matches!(
            audit.judgement,
            Judgement::Incomplete(Missing::Cut | Missing::Entries | Missing::KnownUpTo { .. })
        );
        assert!(cut, "{length}: {:?}", audit.judgement);
    }
    let last = log.entries.len() - 1;
    let fewer = bundle(&log.entries[..last], &[signed(&log, log.head())]);
    let size = log.tree.size();
    let audit = judged(&fewer, &trust, Vec::new());
    assert!(
        matches!(audit.judgement, Judgement::Incomplete(Missing::EntriesUpTo { size: found }) if found == size)
    );
    let audit = judged(&bundle(&log.entries, &[]), &trust, Vec::new());
    assert!(matches!(audit.judgement, Judgement::Incomplete(Missing::Note)));
    let audit = judged(&bundle(&log.entries, &[signed(&log, anchor)]), &trust, Vec::new());
    assert!(
        matches!(audit.judgement, Judgement::Incomplete(Missing::NoteOver { covered }) if covered == anchor.size)
    );
}

/// A file of which so many bytes read and the next is a bad sector.
pub(crate) struct BadSector<'a>(pub(crate) &'a [u8]);

impl std::io::Read for BadSector<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(into)? {
            0 if !into.is_empty() => Err(nix::errno::Errno::EIO.into()),
            read => Ok(read),
        }
    }
}

/// Neither a verdict nor a shorter journal: the disk's own error, wherever it stops.
#[test]
fn a_bundle_over_a_bad_sector_gets_no_verdict() {
    let (log, anchor) = spoken(25);
    let (whole, trust) = (exported(&log), trust(&log, Some(anchor)));
    let eio = |error: std::io::Error| assert_eq!(error.raw_os_error(), Some(nix::errno::Errno::EIO as i32));
    for length in (0..whole.len()).step_by(61).chain(whole.len() - 9..=whole.len()) {
        match BundleReader::open(BadSector(&whole[..length])) {
            Err(BadBundle::Io(error)) => eio(error),
            Err(bad) => panic!("{length}: {bad}"),
            Ok(reader) => {
                let (progress, observer) = (&mut |_| {}, &mut |_, _: &_, _: &_| {});
                let wanted = Wanted { trust: &trust, outside: Vec::new(), progress, observer };
                match audit(reader, wanted) {
                    Err(error) => eio(error),
                    Ok(found) => panic!("{length}: {:?}", found.judgement),
                }
            }
        }
    }
}

#[test]
fn a_log_that_was_rolled_back_is_shorter_than_what_is_known() {
    let (log, anchor) = spoken(6);
    let shorter = &log.entries[..anchor.size as usize];
    let bundle = bundle(shorter, &[signed(&log, anchor)]);
    let audit = judged(&bundle, &trust(&log, Some(log.head())), Vec::new());
    let size = log.tree.size();
    assert!(
        matches!(audit.judgement, Judgement::Incomplete(Missing::KnownUpTo { size: found }) if found == size)
    );
}

#[test]
fn every_head_from_outside_is_compared_however_many_there_are() {
    let (shown, hidden) = two_faces(17);
    let known = |head| OutsideHead { file: Some("a terminal's".into()), era: Some(0), head };
    let mut outside = vec![known(shown.head()); 200];
    let audit = judged(&exported(&shown), &trust(&shown, None), outside.clone());
    assert!(matches!(audit.judgement, Judgement::Verified), "{:?}", audit.judgement);
    outside.push(known(hidden.head()));
    let audit = judged(&exported(&shown), &trust(&shown, None), outside);
    assert!(matches!(audit.judgement, Judgement::Diverged(_)), "{:?}", audit.judgement);
}

/// Two histories with one beginning, both signed by the log: what a dishonest server shows to two people.
fn two_faces(number: u64) -> (TestLog, TestLog) {
    let (mut shown, mut hidden) = (TestLog::standard(number), TestLog::standard(number));
    shown.create("anna", &["boris"]).unwrap();
    hidden.create("anna", &["vera"]).unwrap();
    (shown, hidden)
}

#[test]
fn two_faces_of_one_server_are_a_divergence_with_both_heads() {
    let (shown, hidden) = two_faces(7);
    let audit = judged(&exported(&shown), &trust(&shown, Some(hidden.head())), Vec::new());
    let Judgement::Diverged(found) = audit.judgement else { panic!("{:?}", audit.judgement) };
    assert_eq!((found.named, found.found), (hidden.head().root, shown.head().root));
    // Likewise where both signed notes stand in the bundle itself.
    let notes = [signed(&shown, shown.head()), signed(&hidden, hidden.head())];
    let audit = judged(&bundle(&shown.entries, &notes), &trust(&shown, None), Vec::new());
    assert!(matches!(audit.judgement, Judgement::Diverged(_)));
}

#[test]
fn entries_under_anothers_note_are_a_damaged_bundle_and_no_proof_against_the_server() {
    let (shown, hidden) = two_faces(8);
    let mixed = bundle(&shown.entries, &[signed(&hidden, hidden.head())]);
    let audit = judged(&mixed, &trust(&shown, None), Vec::new());
    assert!(matches!(audit.judgement, Judgement::Invalid(Flaw::NotWhatWasSigned(_))));
    let unsigned = bundle(&shown.entries, &[]);
    let audit = judged(&unsigned, &trust(&shown, Some(hidden.head())), Vec::new());
    assert!(matches!(audit.judgement, Judgement::Invalid(Flaw::NotWhatIsKnown(_))));
}

/// The last message said once more with a stolen key, and the log signed anew by whoever holds the server.
#[test]
fn a_rewritten_end_does_not_pass_an_anchor_behind_it() {
    let (log, before) = spoken(9);
    let last = log.entries.len() - 1;
    let entry = Entry::decode(&log.entries[last]).unwrap();
    let Content::Statement(old) = entry.content else { panic!("the last entry is a message") };
    let parsed = old.parse().unwrap();
    let (mut header, mut act) = (parsed.header().clone(), parsed.act().clone());
    header.attempt += 1;
    if let Act::Message(message) = &mut act {
        message.commitment = journal::Commitment([9; 32]);
    }
    let statement = journal::Statement { header, act };
    let (forged, _) = SignedStatement::sign(&statement, &log.site.person("anna").signature).unwrap();
    let mut entries = log.entries.clone();
    entries[last] = Entry { content: Content::Statement(forged), ..entry }.encode();
    // Without the log's keys the signed head tells.
    let audit =
        judged(&bundle(&entries, &[signed(&log, log.head())]), &trust(&log, Some(before)), Vec::new());
    assert!(matches!(audit.judgement, Judgement::Invalid(Flaw::NotWhatWasSigned(_))));
    // With them only an anchor behind the change does.
    let mut tree = journal::tree::Tree::new();
    for bytes in &entries {
        tree.append(journal::tree::leaf_hash(bytes));
    }
    let head = Head { size: tree.size(), root: tree.root() };
    let resigned = bundle(&entries, &[signed(&log, head)]);
    let audit = judged(&resigned, &trust(&log, Some(before)), Vec::new());
    assert!(matches!(audit.judgement, Judgement::Verified));
    let audit = judged(&resigned, &trust(&log, Some(log.head())), Vec::new());
    assert!(matches!(audit.judgement, Judgement::Diverged(_)));
}

#[test]
fn a_message_resigned_by_a_stolen_key_breaks_what_follows_it() {
    let (log, _) = spoken(10);
    let at = log.entries.len() - 3;
    let entry = Entry::decode(&log.entries[at]).unwrap();
    let Content::Statement(old) = entry.content else { panic!("a message") };
    let parsed = old.parse().unwrap();
    let mut header = parsed.header().clone();
    header.attempt += 1;
    let statement = journal::Statement { header, act: parsed.act().clone() };
    let (forged, _) = SignedStatement::sign(&statement, &log.site.person("anna").signature).unwrap();
    let mut entries = log.entries.clone();
    entries[at] = Entry { content: Content::Statement(forged), ..entry }.encode();
    let audit = judged(&bundle(&entries, &[signed(&log, log.head())]), &trust(&log, None), Vec::new());
    // Boris, who spoke next, had seen the true head.
    assert_eq!(invalid_at(&audit), Some(at as u64 + 1));
}

#[test]
fn another_log_and_another_trust_file_are_told_apart() {
    let (log, _) = spoken(11);
    let (other, _) = spoken(12);
    let audit = judged(&exported(&log), &trust(&other, None), Vec::new());
    assert!(matches!(
        audit.judgement,
        Judgement::Invalid(Flaw::Entry { index: 0, fault: Fault::OtherLog { .. } })
    ));
    // The right log id beside another authority, as a forged card would have it.
    let stranger = TestSite::new(13, Suite::Ed25519);
    let forged = crate::trust::tests::trust(&stranger, log.register.log_id());
    let audit = judged(&exported(&log), &forged, Vec::new());
    assert!(matches!(audit.judgement, Judgement::Invalid(Flaw::OtherAuthorities)));
    assert_eq!(LogId(forged.log.0), log.register.log_id());
}

#[test]
fn a_note_by_another_key_or_of_another_log_is_no_note() {
    let (mut log, _) = spoken(14);
    let trusted = trust(&log, None);
    let head = log.head();
    let entries = log.entries.clone();
    let foreign = signed(&TestLog::standard(15), head);
    let audit = judged(&bundle(&entries, &[foreign]), &trusted, Vec::new());
    assert!(matches!(audit.judgement, Judgement::Invalid(Flaw::NoteOfOtherLog { note: 0 })));
    log.period_key = SecretKey::from_bytes(Suite::Ed25519, &[8; 32]).unwrap();
    let audit = judged(&bundle(&entries, &[signed(&log, head)]), &trusted, Vec::new());
    assert!(matches!(audit.judgement, Judgement::Invalid(Flaw::NoteNotSigned { note: 0, .. })));
    let audit = judged(&bundle(&entries, &[b"no note".to_vec()]), &trusted, Vec::new());
    assert!(matches!(audit.judgement, Judgement::Invalid(Flaw::BadNote { note: 0, .. })));
    assert!(PublicKey::from_spki(log.period_key.public().spki()).is_ok());
}

#[test]
fn a_refusal_is_named_by_its_rule() {
    let (log, _) = spoken(16);
    let mut entries = log.entries.clone();
    let last = entries.len() - 1;
    entries.push(entries[last].clone());
    let audit = judged(&bundle(&entries, &[signed(&log, log.head())]), &trust(&log, None), Vec::new());
    let Judgement::Invalid(Flaw::Entry { index, fault: Fault::Refused(refusal) }) = &audit.judgement else {
        panic!("{:?}", audit.judgement)
    };
    assert_eq!(*index, last as u64 + 1);
    assert!(matches!(refusal, Refusal::OutOfSequence { .. }), "{refusal}");
}

#[test]
fn a_succession_is_crossed_and_a_head_of_what_it_gave_up_says_nothing() {
    let (mut log, anchor) = spoken(23);
    let gone = log.head();
    let gone_note = signed(&log, gone);
    log.cut(anchor.size as usize + 1);
    let act = log.succession(1);
    log.succeed(&["olga", "oleg"], &act).unwrap();
    log.start().unwrap();
    // Anchored to what is kept: verified, and the succession is told.
    let audit = judged(&exported(&log), &trust(&log, Some(anchor)), Vec::new());
    assert!(matches!(audit.judgement, Judgement::Verified), "{:?}", audit.judgement);
    assert_eq!(audit.replay.verdict().successions[0].officers, [log.id("olga"), log.id("oleg")]);
    use console::Words;
    let words = crate::plain::coverage(&audit, console::Lang::En);
    assert!(words.iter().any(|said| said.say(console::Lang::En).contains("by decision of @olga, @oleg")));
    // Anchored to what is lost: neither a fork nor a confirmation.
    let own = trust(&log, Some(gone));
    let audit = judged(&exported(&log), &own, Vec::new());
    let expected =
        Unanchored::LostBySuccession { size: gone.size, kept: act.kept.size, end: act.kept.size + 2 };
    assert!(
        matches!(&audit.judgement, Judgement::Unanchored(why) if *why == expected),
        "{:?}",
        audit.judgement
    );
    // Until a head behind it was compared: then it is mentioned, no more.
    let now = OutsideHead { file: Some("anna.checkpoint".into()), era: Some(1), head: log.head() };
    let audit = judged(&exported(&log), &own, vec![now]);
    assert!(matches!(audit.judgement, Judgement::Verified), "{:?}", audit.judgement);
    assert_eq!(audit.lost.len(), 1);
    // A note of what was given up beside the new one is no contradiction either; within an era a contradiction is one.
    let notes = [gone_note, signed(&log, log.head())];
    let audit = judged(&bundle(&log.entries, &notes), &trust(&log, Some(anchor)), Vec::new());
    assert!(matches!(audit.judgement, Judgement::Verified), "{:?}", audit.judgement);
    let forked = OutsideHead { file: None, era: Some(1), head: Head { root: [1; 32], ..log.head() } };
    let audit = judged(&exported(&log), &own, vec![forked]);
    assert!(matches!(audit.judgement, Judgement::Diverged(_)), "{:?}", audit.judgement);
    // Typed without its era it may be of what was given up, or a fork's: whatever else is known, that is no "verified".
    let typed = |head| OutsideHead { file: None, era: None, head };
    let now = OutsideHead { file: None, era: Some(1), head: log.head() };
    let audit = judged(&exported(&log), &own, vec![now, typed(Head { root: [1; 32], ..log.head() })]);
    let expected = Unanchored::EraUnknown { size: log.head().size, kept: act.kept.size };
    assert!(
        matches!(&audit.judgement, Judgement::Unanchored(why) if *why == expected),
        "{:?}",
        audit.judgement
    );
    let audit = judged(&exported(&log), &trust(&log, Some(anchor)), vec![typed(log.head())]);
    assert!(matches!(audit.judgement, Judgement::Verified), "{:?}", audit.judgement);
}

#[test]
fn each_head_that_was_given_up_counts_not_the_largest_alone() {
    let (mut log, anchor) = spoken(24);
    let step = |log: &mut TestLog| {
        let found_ms = log.now_ms;
        drop(log.fact(Fact::ClockStep(ClockStep { expected_ms: 0, found_ms })).unwrap());
    };
    (0..20).for_each(|_| step(&mut log));
    let first = log.head();
    log.cut(anchor.size as usize + 1);
    let act = log.succession(1);
    log.succeed(&["olga", "oleg"], &act).unwrap();
    log.start().unwrap();
    let stays = log.head();
    step(&mut log);
    let second = log.head();
    log.cut(stays.size as usize);
    let act = log.succession(2);
    log.succeed(&["olga", "oleg"], &act).unwrap();
    log.start().unwrap();
    let own = |era, head| OutsideHead { file: None, era: Some(era), head };
    let heads = vec![own(0, first), own(1, stays), own(1, second)];
    assert!(first.size > second.size);
    let audit = judged(&exported(&log), &trust(&log, Some(anchor)), heads);
    let kept = act.kept.size;
    let expected = Unanchored::LostBySuccession { size: second.size, kept, end: kept + 2 };
    assert!(
        matches!(&audit.judgement, Judgement::Unanchored(why) if *why == expected),
        "{:?}",
        audit.judgement
    );
}

/// A site that keeps everything for a day, at the time of a run that takes two messages.
fn forgetful(number: u64) -> TestLog {
    let rules = vec![RetentionRule { kind: None, label: None, keep_days: 1 }];
    let policy = Policy { retention: Retention { rules, minute: 180 }, ..Policy::standard() };
    let mut log = TestLog::with_policy(number, Suite::Ed25519, policy);
    let chat = log.talking("anna", &["boris"]);
    for login in ["anna", "boris"] {
        log.send(login, chat).unwrap();
    }
    for _ in 0..2 {
        run(&mut log);
    }
    let due_ms = log.register.retention().next_ms.unwrap();
    log.wait_ms(due_ms - log.now_ms);
    log
}

fn run(log: &mut TestLog) {
    let due_ms = log.register.retention().next_ms.unwrap();
    log.wait_ms(due_ms - log.now_ms);
    let run = log.register.retention_due(log.now_ms, log.boot_ms).unwrap();
    log.fact(Fact::RetentionRun(run)).unwrap();
}

#[test]
fn a_dishonest_run_of_the_retention_schedule_is_invalid() {
    let honest = forgetful(17);
    let due = honest.register.retention_due(honest.now_ms, honest.boot_ms).unwrap();
    assert_eq!(due.counts, [2]);
    let verdict = |run: &RetentionRun, wall_ms: u64| {
        let content = Content::Fact(Fact::RetentionRun(run.clone()));
        let boot_ms = honest.boot_ms;
        let entry = Entry { version: journal::entry::ENTRY_VERSION, wall_ms, boot_ms, content }.encode();
        let (mut entries, mut tree) = (honest.entries.clone(), honest.tree.clone());
        tree.append(journal::tree::leaf_hash(&entry));
        entries.push(entry);
        let head = Head { size: tree.size(), root: tree.root() };
        judged(&bundle(&entries, &[signed(&honest, head)]), &trust(&honest, None), Vec::new())
    };
    let at = honest.entries.len() as u64;
    let much = RetentionRun { counts: vec![3], ..due.clone() };
    let little = RetentionRun { counts: vec![1], ..due.clone() };
    let nothing = RetentionRun { counts: vec![0], held: 2, ..due.clone() };
    for (lie, wall_ms) in [
        (&much, honest.now_ms),
        (&little, honest.now_ms),
        (&nothing, honest.now_ms),
        (&due, honest.now_ms - 3_600_000), // too early
    ] {
        let audit = verdict(lie, wall_ms);
        let Judgement::Invalid(Flaw::Entry { index, fault: Fault::Refused(refusal) }) = &audit.judgement
        else {
            panic!("{:?}", audit.judgement)
        };
        assert_eq!(*index, at);
        assert!(matches!(refusal, Refusal::BadRetentionRun { .. }), "{refusal}");
    }
    let audit = verdict(&due, honest.now_ms);
    assert!(matches!(audit.judgement, Judgement::Unanchored(_)), "the honest one stands");
    assert_eq!(audit.replay.register().retention().last.map(|last| last.messages), Some(2));
}

#[test]
fn a_server_that_never_makes_a_run_that_is_due_is_found_out() {
    let mut log = forgetful(18);
    log.wait_ms(2 * 3_600_000);
    // What it would have to admit, were nobody to notice: the very refusal of the rules.
    let chat = log.register.conversations().next().unwrap().membership.id();
    assert!(matches!(log.send("anna", chat), Err(Refusal::RunOverdue { .. })));
}
