//! Excerpts as they are cut, and as somebody would leave them who wants to prove what is not so.

use journal::Policy;
use journal::act::{Act, Revoke, RevokeReason};
use journal::ids::{Head, Index};
use journal::testing::{Described, TestLog};
use pki::{Clearance, Role, SecretKey, Suite};

use crate::audit::OutsideHead;
use crate::audit::tests::{bundle, exported, signed, trust};
use crate::bundle::{BadBundle, BundleReader};
use crate::cutting::{CannotCut, Wanted, plan};
use crate::excerpt::{Asked, ExcerptReader, ExcerptWriter, Piece, Proofs};
use crate::excerpt_check::{CheckAsked, Checked, check};
use crate::judgement::{Flaw, Judgement, Missing, Unanchored};
use crate::trust::Trust;

fn cut(bundle: &[u8], wanted: &Wanted, links: &[u64]) -> Result<Vec<u8>, CannotCut> {
    let open = || BundleReader::open(bundle).unwrap();
    plan(open(), wanted, links)?.write(open(), Vec::new()).map(|(_, bytes)| bytes)
}

fn checked(excerpt: &[u8], trust: &Trust) -> Checked {
    checked_with(excerpt, trust, Vec::new())
}

fn checked_with(excerpt: &[u8], trust: &Trust, outside: Vec<OutsideHead>) -> Checked {
    let asked = CheckAsked { trust, outside, progress: &mut |_| {}, observer: &mut |_, _, _| {} };
    check(ExcerptReader::open(excerpt).unwrap(), asked).unwrap()
}

/// The parts of an excerpt, to be changed and put together again.
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
        for piece in &self.pieces {
            writer.piece(piece.asked, piece.index, &piece.entry).unwrap();
        }
        writer.finish(&self.note, &self.proofs).unwrap()
    }

    /// Proves anew, as whoever has the whole log can, that exactly these pieces are in it.
    fn prove_by(mut self, log: &TestLog) -> Vec<u8> {
        let indices: Vec<Index> = self.pieces.iter().map(|piece| piece.index).collect();
        let size = log.tree.size();
        self.proofs.entries = log.tree.prover(size).unwrap().multi_proof(&indices).unwrap();
        self.whole()
    }
}

/// Three periods; anna and boris talk in one conversation, vera and boris in another.
fn told(number: u64, suite: Suite) -> (TestLog, u64, u64) {
    let mut log = TestLog::with_policy(number, suite, Policy::standard());
    let (one, other) = (log.tree.size(), 0);
    let chat = log.talking("anna", &["boris"]);
    let other = other + log.tree.size();
    let apart = log.talking("vera", &["boris"]);
    for period in 1..3 {
        for (who, place) in [("anna", chat), ("boris", chat), ("vera", apart)] {
            log.wait_ms(1000);
            log.send(who, place).unwrap();
        }
        let end = log.period_end();
        log.fact(end).unwrap();
        let roll = log.key_roll(period);
        log.fact(roll).unwrap();
    }
    log.send("anna", chat).unwrap();
    (log, one, other)
}

#[test]
fn a_range_is_present_and_complete_and_a_selection_only_present() {
    for suite in [Suite::Ed25519, Suite::EcdsaP256] {
        let (log, one, _) = told(1, suite);
        let (whole, own) = (exported(&log), trust(&log, Some(log.head())));
        let last = log.tree.size() - 1;
        for (from, to) in [(0, last), (one, one + 9), (last, last), (3, 3)] {
            let found = checked(&cut(&whole, &Wanted::Range(from, to), &[]).unwrap(), &own);
            assert!(matches!(found.judgement, Judgement::Verified), "{from} {to}: {:?}", found.judgement);
            assert_eq!((found.entries, found.anchored), (to - from + 1, log.tree.size()));
        }
        let by = Wanted::Selection(vec!["vera".into()], Vec::new());
        for wanted in [by, Wanted::Selection(Vec::new(), vec![one])] {
            let found = checked(&cut(&whole, &wanted, &[]).unwrap(), &own);
            assert!(
                matches!(found.judgement, Judgement::Incomplete(Missing::Selection)),
                "{:?}",
                found.judgement
            );
            assert!(found.entries > 5 && found.context > 3);
        }
    }
}

#[test]
fn without_a_head_from_outside_an_excerpt_is_not_anchored_and_a_link_anchors_it() {
    let (log, one, other) = told(2, Suite::Ed25519);
    let known = Head { size: other, root: log.tree.root_at(other).unwrap() };
    let (whole, own) = (exported(&log), trust(&log, Some(known)));
    let range = Wanted::Range(one, one + 5);
    let bare = checked(&cut(&whole, &range, &[]).unwrap(), &own);
    assert!(matches!(bare.judgement, Judgement::Unanchored(Unanchored::NoAnchor)));
    let linked = cut(&whole, &range, &[other]).unwrap();
    let found = checked(&linked, &own);
    assert!(matches!(found.judgement, Judgement::Verified), "{:?}", found.judgement);
    assert_eq!(found.anchored, other);
    // Against another head of that size the link does not hold, and a head of the note's size is a contradiction.
    let forged = trust(&log, Some(Head { root: [9; 32], ..known }));
    assert!(
        matches!(checked(&linked, &forged).judgement, Judgement::Invalid(Flaw::BadLink { size }) if size == other)
    );
    let forged = trust(&log, Some(Head { root: [9; 32], ..log.head() }));
    assert!(matches!(checked(&linked, &forged).judgement, Judgement::Diverged(_)));
    // The limits of the trust file hold here as well: an anchor of long ago is told.
    let mut strict = own.clone();
    strict.beyond_max = 2;
    let many = checked(&linked, &strict);
    assert!(matches!(many.judgement, Judgement::Unanchored(Unanchored::TooMany { limit: 2 })));
    let late = cut(&whole, &Wanted::Range(log.tree.size() - 2, log.tree.size() - 1), &[other]).unwrap();
    let mut strict = own.clone();
    strict.age_ms_max = 5999;
    let old = checked(&late, &strict).judgement;
    assert!(matches!(old, Judgement::Unanchored(Unanchored::TooOld { age_ms: 6000, .. })), "{old:?}");
    let given = OutsideHead { file: None, era: Some(0), head: log.head() };
    assert!(matches!(checked_with(&late, &strict, vec![given]).judgement, Judgement::Verified));
}

#[test]
fn a_selection_is_no_range_and_no_part_is_a_whole() {
    let (log, one, _) = told(3, Suite::Ed25519);
    let (whole, own) = (exported(&log), trust(&log, Some(log.head())));
    let selection = cut(&whole, &Wanted::Selection(vec!["anna".into()], Vec::new()), &[]).unwrap();
    let mut parts = Parts::of(&selection);
    let asked: Vec<Index> = parts.pieces.iter().filter(|p| p.asked).map(|p| p.index).collect();
    let (first, last) = (asked[0], asked[asked.len() - 1]);
    parts.asked = Asked::Range(first, last);
    parts.pieces.iter_mut().for_each(|piece| piece.asked = (first..=last).contains(&piece.index));
    let found = checked(&parts.whole(), &own).judgement;
    let gap = (first..=last).find(|index| !parts.pieces.iter().any(|p| p.index == *index)).unwrap();
    assert!(
        matches!(found, Judgement::Invalid(Flaw::RangeGap { index }) if index == gap)
            || matches!(found, Judgement::Invalid(Flaw::Entry { .. })),
        "{found:?}"
    );
    // Marked as context, what was asked for is not passed over either.
    let mut parts = Parts::of(&cut(&whole, &Wanted::Range(one, one + 5), &[]).unwrap());
    parts.pieces.iter_mut().find(|piece| piece.index == one + 2).unwrap().asked = false;
    let found = checked(&parts.whole(), &own).judgement;
    assert!(matches!(found, Judgement::Invalid(Flaw::Disordered { index }) if index == one + 2));
    // And neither file is taken for the other kind.
    assert!(matches!(BundleReader::open(&selection[..]), Err(BadBundle::Excerpt)));
    assert!(matches!(ExcerptReader::open(&whole[..]), Err(BadBundle::Whole)));
}

#[test]
fn dropped_moved_and_changed_pieces_do_not_stand_under_the_note() {
    let (log, one, _) = told(4, Suite::Ed25519);
    let own = trust(&log, Some(log.head()));
    let good = cut(&exported(&log), &Wanted::Range(one, one + 8), &[]).unwrap();
    let at = Parts::of(&good).pieces.iter().position(|piece| piece.index == one + 3).unwrap();
    let judged = |change: &dyn Fn(&mut Parts)| {
        let mut parts = Parts::of(&good);
        change(&mut parts);
        checked(&parts.whole(), &own).judgement
    };
    let dropped = judged(&|parts| drop(parts.pieces.remove(at)));
    assert!(
        matches!(dropped, Judgement::Invalid(Flaw::RangeGap { index }) if index == one + 3),
        "{dropped:?}"
    );
    let dropped = judged(&|parts| {
        parts.pieces.remove(at);
        parts.asked = Asked::Range(one + 4, one + 8);
        parts
            .pieces
            .iter_mut()
            .for_each(|piece| piece.asked = piece.index >= one + 4 && piece.index <= one + 8);
    });
    assert!(matches!(dropped, Judgement::Invalid(Flaw::NotUnderNote { .. })), "{dropped:?}");
    let moved = judged(&|parts| parts.pieces.swap(at, at + 1));
    assert!(matches!(moved, Judgement::Invalid(Flaw::Disordered { index }) if index == one + 3), "{moved:?}");
    for byte in [6, 60, 400] {
        let changed = judged(&|parts| parts.pieces[at].entry[byte] ^= 1);
        assert!(matches!(changed, Judgement::Invalid(_)), "{byte}: {changed:?}");
    }
    let renumbered = judged(&|parts| parts.pieces[at].index -= 1);
    assert!(matches!(renumbered, Judgement::Invalid(Flaw::Disordered { .. })), "{renumbered:?}");
    // A range in which somebody's number is left out by the log itself, everything signed anew, breaks his chain.
    let roll = judged(&|parts| {
        let rolls = |piece: &Piece| piece.index > one + 8;
        let last = parts.pieces.iter().rposition(rolls).unwrap();
        parts.pieces.remove(last);
    });
    assert!(matches!(roll, Judgement::Invalid(Flaw::NoteNotSigned { .. })), "{roll:?}");
    for length in [16, 17, 40, good.len() / 2, good.len() - 1] {
        match ExcerptReader::open(&good[..length]) {
            Ok(reader) => {
                let asked = CheckAsked {
                    trust: &own,
                    outside: Vec::new(),
                    progress: &mut |_| {},
                    observer: &mut |_, _, _| {},
                };
                let found = check(reader, asked).unwrap().judgement;
                assert!(matches!(found, Judgement::Incomplete(Missing::Cut)), "{length}: {found:?}");
            }
            Err(bad) => assert!(matches!(bad, BadBundle::Truncated { .. }), "{length}: {bad}"),
        }
    }
}

#[test]
fn a_signer_whose_enrol_or_revocation_is_left_out_proves_nothing() {
    let mut log = TestLog::standard(5);
    log.enrol_by("olga", "mallory", &Described::new(Role::Operator, Clearance(3)));
    log.log_in("mallory").unwrap();
    let person = log.id("mallory");
    let login = log.tree.size() - 1;
    let note = journal::act::Act::Revoke(Revoke {
        person,
        reason: RevokeReason::KeyCompromise,
        note: String::new(),
    });
    log.act("olga", note).unwrap();
    let revoked = log.tree.size() - 1;
    let (whole, own) = (exported(&log), trust(&log, Some(log.head())));
    let good = cut(&whole, &Wanted::Selection(vec!["mallory".into()], Vec::new()), &[]).unwrap();
    assert!(matches!(checked(&good, &own).judgement, Judgement::Incomplete(Missing::Selection)));
    let mut parts = Parts::of(&good);
    let enrol = log.register.person(person).unwrap().enrolled;
    parts.pieces.retain(|piece| piece.index != enrol);
    let found = checked(&parts.prove_by(&log), &own).judgement;
    assert!(matches!(found, Judgement::Invalid(Flaw::Entry { index, .. }) if index == login), "{found:?}");
    // A Login of hers behind the revocation, put in by a server that signs what it likes.
    let draft = log.draft("mallory", Act::Logout(journal::act::Logout {}));
    let (signed_by_her, _) = log.sign("mallory", draft);
    let entry = journal::Entry {
        version: journal::entry::ENTRY_VERSION,
        wall_ms: log.now_ms,
        boot_ms: log.boot_ms,
        content: journal::Content::Statement(signed_by_her),
    };
    let (bytes, mut entries) = (entry.encode(), log.entries.clone());
    log.tree.append(journal::tree::leaf_hash(&bytes));
    entries.push(bytes);
    let forged = bundle(&entries, &[signed(&log, log.head())]);
    let own = trust(&log, Some(log.head()));
    let found = checked(&cut(&forged, &Wanted::Range(revoked + 1, revoked + 1), &[]).unwrap(), &own);
    let at = revoked + 1;
    assert!(
        matches!(found.judgement, Judgement::Invalid(Flaw::Entry { index, .. }) if index == at),
        "{:?}",
        found.judgement
    );
}

#[test]
fn a_note_by_a_former_period_key_and_one_of_another_log_are_refused() {
    let (mut log, one, _) = told(6, Suite::Ed25519);
    let own = trust(&log, Some(log.head()));
    let good = cut(&exported(&log), &Wanted::Range(one, one + 3), &[]).unwrap();
    let old = journal::testing::seed(log.site.number, "period/1");
    log.period_key = SecretKey::from_bytes(Suite::Ed25519, &old).unwrap();
    let mut parts = Parts::of(&good);
    parts.note = signed(&log, log.head());
    assert!(matches!(
        checked(&parts.whole(), &own).judgement,
        Judgement::Invalid(Flaw::NoteNotSigned { .. })
    ));
    parts.note = signed(&TestLog::standard(66), log.head());
    assert!(matches!(
        checked(&parts.whole(), &own).judgement,
        Judgement::Invalid(Flaw::NoteOfOtherLog { .. })
    ));
    // What brings its own trust file is told, and what is of another log than the reader's is, too.
    let own_trust = [&good[..], own.to_text().as_bytes()].concat();
    let found = checked(&own_trust, &own).judgement;
    assert!(matches!(found, Judgement::Invalid(Flaw::Container(BadBundle::BringsTrust))), "{found:?}");
    let found = checked(&good, &trust(&TestLog::standard(66), None)).judgement;
    assert!(matches!(found, Judgement::Invalid(Flaw::Entry { index: 0, .. })), "{found:?}");
}

#[test]
fn what_cannot_be_cut_is_told() {
    let (log, _, _) = told(7, Suite::Ed25519);
    let whole = exported(&log);
    let size = log.tree.size();
    let select = |who: &str| cut(&whole, &Wanted::Selection(vec![who.into()], Vec::new()), &[]);
    assert!(matches!(select("nobody"), Err(CannotCut::Unknown(_))));
    assert!(matches!(select("00000000000000ff"), Err(CannotCut::Nothing)));
    assert!(matches!(cut(&whole, &Wanted::Range(3, size), &[]), Err(CannotCut::NoSuchEntry { .. })));
    assert!(matches!(cut(&whole, &Wanted::Range(4, 3), &[]), Err(CannotCut::NoSuchEntry { .. })));
    let short = bundle(&log.entries, &[signed(&log, Head { size: 30, root: log.tree.root_at(30).unwrap() })]);
    assert!(matches!(cut(&short, &Wanted::Range(3, 30), &[]), Err(CannotCut::NotCovered(30))));
}

#[test]
fn an_excerpt_over_a_clock_set_back_brings_both_acts_and_no_other_stamp_falls() {
    let (mut log, ..) = told(21, Suite::Ed25519);
    let chat = log.talking("anna", &["vera"]);
    let first = log.send("anna", chat).unwrap();
    let approve = log.set_back_after_leap(40 * 24 * 3_600_000);
    let last = log.send("vera", chat).unwrap();
    let whole = exported(&log);
    let trust = trust(&log, Some(log.head()));
    for wanted in [Wanted::Range(first, last), Wanted::Range(last, last), Wanted::Range(0, last)] {
        let excerpt = cut(&whole, &wanted, &[]).unwrap();
        let judgement = checked(&excerpt, &trust).judgement;
        assert!(matches!(judgement, Judgement::Verified), "{wanted:?}: {judgement:?}");
    }
    let excerpt =
        cut(&whole, &Wanted::Selection(vec!["boris".into(), "vera".into()], Vec::new()), &[]).unwrap();
    let mut parts = Parts::of(&excerpt);
    assert!(parts.pieces.iter().any(|piece| piece.index == approve));
    parts.pieces.retain(|piece| piece.index != approve - 1);
    let judgement = checked(&parts.prove_by(&log), &trust).judgement;
    let falls = matches!(&judgement, Judgement::Invalid(Flaw::Entry { index, .. }) if *index > approve);
    assert!(falls, "an approval of nothing that is here sets no time: {judgement:?}");
}
