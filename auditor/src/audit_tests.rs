//! Bundles as an attacker would leave them, and the verdict on each.

use journal::act::{Act, Logout};
use journal::entry::{Content, Entry};
use journal::ids::{Head, LogId};
use journal::refusal::Refusal;
use journal::replay::Fault;
use journal::statement::SignedStatement;
use journal::testing::{TestLog, TestSite};
use pki::{PublicKey, SecretKey, Suite};

use crate::audit::tests::{bundle, exported, judged, signed, trust};
use crate::audit::{Audit, Wanted, audit};
use crate::bundle::{BadBundle, BundleReader};
use crate::judgement::{Flaw, Judgement, Missing, Unanchored};
use crate::outside::OutsideHead;

/// A log in which people talked, and an anchor some entries before its end.
pub(crate) fn spoken(number: u64) -> (TestLog, Head) {
    let mut log = TestLog::standard(number);
    let chat = log.talking("anna", &["boris"]);
    let anchor = log.head();
    for from in ["anna", "boris", "anna"] {
        log.wait_ms(1000);
        log.send(from, chat).unwrap();
    }
    (log, anchor)
}

pub(crate) fn invalid_at(audit: &Audit) -> Option<u64> {
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
fn a_head_that_the_auditor_saw_himself_is_told_from_somebody_elses() {
    let mut log = TestLog::standard(3);
    let chat = log.talking("anna", &["boris"]);
    let early = log.head();
    log.send("anna", chat).unwrap();
    let given = OutsideHead {
        file: Some("a terminal's".into()),
        era: Some(0),
        head: early,
        cosigned_ms: None,
        own: false,
    };
    let mut trust = trust(&log, None);
    let first = judged(&exported(&log), &trust, vec![given]);
    assert_eq!((first.by_others, first.replay.verdict().anchored), (early.size, early.size));
    let (head, note) = first.confirmed[0].clone();
    trust.advance(crate::trust::Anchor { head, note: note.into() }, first.by_others);
    let again = judged(&exported(&log), &trust, Vec::new());
    assert!(matches!(again.judgement, Judgement::Verified));
    assert_eq!(
        (again.by_others, again.replay.verdict().anchored),
        (early.size, head.size),
        "no further than before"
    );
    trust.advance(crate::trust::Anchor { head, note: Vec::new().into() }, 0);
    assert_eq!(judged(&exported(&log), &trust, Vec::new()).by_others, 0, "taken on his own word");
    let trust = crate::trust::Trust::from_text(&trust.to_text()).expect("kept");
    assert_eq!(judged(&exported(&log), &trust, Vec::new()).by_others, 0, "for good");
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
    let given = OutsideHead {
        file: Some("anna.checkpoint".into()),
        era: Some(0),
        head: log.head(),
        cosigned_ms: None,
        own: false,
    };
    assert!(matches!(judged(&whole, &strict, vec![given]).judgement, Judgement::Verified));
}

/// A head that a witness cosigned is as old as the cosignature, by the witness' clock: the stamps are the server's word.
#[test]
fn a_cosigned_head_is_of_the_time_when_it_was_cosigned() {
    let (log, anchor) = spoken(2);
    let whole = exported(&log);
    let mut strict = trust(&log, None);
    strict.age_ms_max = 2999;
    let known = |cosigned_ms| OutsideHead { file: None, era: Some(0), head: anchor, cosigned_ms, own: false };
    let old = |age_ms| Unanchored::TooOld { age_ms, limit_ms: 2999 };
    let found = |heads: Vec<OutsideHead>| judged(&whole, &strict, heads).judgement;
    assert!(matches!(found(vec![known(None)]), Judgement::Unanchored(why) if why == old(3000)));
    // The entries were stamped by a clock that ran ahead of the witness'.
    let ahead = known(Some(log.now_ms - 9000));
    assert!(matches!(found(vec![ahead.clone()]), Judgement::Unanchored(why) if why == old(9000)));
    // A quiet log, whose head was cosigned again later; beside it the older word takes nothing away.
    for heads in [vec![known(Some(log.now_ms - 1))], vec![ahead, known(Some(log.now_ms - 1)), known(None)]] {
        assert!(matches!(found(heads), Judgement::Verified));
    }
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
    let known = |head| OutsideHead {
        file: Some("a terminal's".into()),
        era: Some(0),
        head,
        cosigned_ms: None,
        own: false,
    };
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
