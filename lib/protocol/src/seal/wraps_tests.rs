//! Wraps: made, checked against their root, opened, and everything about them that can be wrong.
use super::*;
use crate::seal::testing::{Rng, text_place};
use crate::seal::wrap_chunk::BadWrap;
use journal::Commitment;
use pki::AgreementSecret;

const SUITE: Suite = Suite::Ed25519;
const RESERVATION: ReservationId = ReservationId([4; 16]);

struct Member {
    certificate: CertId,
    secret: AgreementSecret,
}

impl Member {
    fn own(&self) -> (CertId, &AgreementSecret) {
        (self.certificate, &self.secret)
    }
}

fn members(suite: Suite, count: u8) -> Vec<Member> {
    let mut rng = Rng::seeded(8);
    (0..count)
        .map(|n| Member {
            certificate: CertId([n; 32]),
            secret: AgreementSecret::generate(suite, &mut rng).unwrap(),
        })
        .collect()
}

fn recipients(members: &[Member]) -> Vec<(CertId, AgreementPublic)> {
    members.iter().map(|member| (member.certificate, member.secret.public().clone())).collect()
}

fn place() -> EpochPlace {
    let at = text_place();
    EpochPlace {
        log: at.log,
        conversation: at.conversation,
        epoch: at.epoch,
        membership: MembershipHead([0x55; 32]),
    }
}

fn history_place() -> HistoryPlace {
    let at = text_place();
    HistoryPlace { log: at.log, conversation: at.conversation, from_epoch: 2, to_epoch: 4 }
}

fn commitment(key: &EpochKey, epoch: u32) -> Commitment {
    key.commitment(SUITE, place().log, place().conversation, epoch).unwrap()
}

#[test]
fn every_member_opens_his_own_wrap_and_nobody_elses() {
    for suite in [Suite::Ed25519, Suite::EcdsaP256] {
        let (members, mut rng) = (members(suite, 5), Rng::seeded(9));
        let key = EpochKey::generate(&mut rng);
        let expected = key.commitment(suite, place().log, place().conversation, place().epoch).unwrap();
        let set = WrapSet::make(suite, &place(), &key, &recipients(&members), &mut rng).unwrap();
        let claim = set.claim(RESERVATION);
        assert_eq!((claim.count, claim.root, claim.reservation), (5, set.root(), RESERVATION));
        assert!(set.chunks().iter().all(|chunk| chunk.len() as u64 <= set.size().bytes()));
        for (n, member) in (0..).zip(&members) {
            let chunk = WrapChunk::check(&set.chunks()[n as usize], n, &claim).unwrap();
            assert_eq!(chunk.recipient(), member.certificate);
            assert_eq!(chunk.implied_root(), set.root());
            assert!(chunk.open_epoch(suite, &place(), member.own(), &expected).unwrap() == key);
            let other = &members[(n as usize + 1) % 5];
            let opened = |own| chunk.open_epoch(suite, &place(), own, &expected).err();
            assert!(matches!(opened(other.own()), Some(BadWrap::NotForThisKey(_))));
            assert!(matches!(opened((member.certificate, &other.secret)), Some(BadWrap::DoesNotOpen)));
        }
    }
}

#[test]
fn a_wrap_opens_only_for_its_log_conversation_epoch_and_membership() {
    let (members, mut rng) = (members(SUITE, 1), Rng::seeded(9));
    let key = EpochKey::generate(&mut rng);
    let set = WrapSet::make(SUITE, &place(), &key, &recipients(&members), &mut rng).unwrap();
    let chunk = WrapChunk::check(&set.chunks()[0], 0, &set.claim(RESERVATION)).unwrap();
    let elsewhere = [
        EpochPlace { log: LogId([0; 32]), ..place() },
        EpochPlace { conversation: ConversationId([0; 32]), ..place() },
        EpochPlace { epoch: 4, ..place() },
        EpochPlace { membership: MembershipHead([0; 32]), ..place() },
    ];
    for place in elsewhere {
        let opened = chunk.open_epoch(SUITE, &place, members[0].own(), &commitment(&key, place.epoch));
        assert!(matches!(opened.err(), Some(BadWrap::DoesNotOpen)), "{place:?}");
    }
    let as_history = chunk.open_history(SUITE, &history_place(), members[0].own(), &[]);
    assert!(matches!(as_history.err(), Some(BadWrap::DoesNotOpen)));
}

#[test]
fn a_wrap_of_another_key_than_the_epochs_is_a_bad_wrap() {
    let (members, mut rng) = (members(SUITE, 2), Rng::seeded(9));
    let (key, told) = (EpochKey::generate(&mut rng), EpochKey::generate(&mut rng));
    let set = WrapSet::make(SUITE, &place(), &key, &recipients(&members), &mut rng).unwrap();
    let chunk = WrapChunk::check(&set.chunks()[1], 1, &set.claim(RESERVATION)).unwrap();
    let opened = chunk.open_epoch(SUITE, &place(), members[1].own(), &commitment(&told, 3));
    assert!(matches!(opened.err(), Some(BadWrap::WrongKey(3))));
}

#[test]
fn chunks_that_do_not_belong_are_refused() {
    let (members, mut rng) = (members(SUITE, 3), Rng::seeded(9));
    let key = EpochKey::generate(&mut rng);
    let set = WrapSet::make(SUITE, &place(), &key, &recipients(&members), &mut rng).unwrap();
    let again = WrapSet::make(SUITE, &place(), &key, &recipients(&members), &mut rng).unwrap();
    let claim = set.claim(RESERVATION);
    let check = |bytes: &[u8], n| WrapChunk::check(bytes, n, &claim).err();
    assert!(matches!(check(&set.chunks()[1], 0), Some(BadWrap::Misplaced { index: 1, .. })));
    assert!(matches!(check(&again.chunks()[1], 1), Some(BadWrap::NotUnderRoot)));
    let larger = WrapClaim { count: 4, ..claim.clone() };
    assert!(matches!(WrapChunk::check(&set.chunks()[1], 1, &larger), Err(BadWrap::Misplaced { .. })));
    // Another certificate's name on the same wrap: the leaf binds both.
    let mut renamed = set.chunks()[1].clone();
    renamed[4] ^= 1;
    assert!(matches!(check(&renamed, 1), Some(BadWrap::NotUnderRoot)));
    assert!(matches!(check(&vec![0; 256 * 1024 + 1], 0), Some(BadWrap::TooLong { .. })));
    let mut newer = set.chunks()[1].clone();
    newer[1] = 2;
    assert!(matches!(check(&newer, 1), Some(BadWrap::Newer(2))));
    for at in 0..set.chunks()[1].len() {
        let mut bent = set.chunks()[1].clone();
        bent[at] ^= 1;
        assert!(check(&bent, 1).is_some(), "byte {at}");
        assert!(check(&bent[..at], 1).is_some(), "cut at {at}");
    }
}

#[test]
fn a_history_gives_every_key_that_it_names() {
    let (members, mut rng) = (members(SUITE, 1), Rng::seeded(9));
    let keys: Vec<_> = (2..=4).map(|epoch| (epoch, EpochKey::generate(&mut rng))).collect();
    let lent: Vec<_> = keys.iter().map(|(epoch, key)| (*epoch, key)).collect();
    let expected: Vec<_> = keys.iter().map(|(epoch, key)| commitment(key, *epoch)).collect();
    let member = &members[0];
    let mut make = |place: &HistoryPlace, keys: &[(u32, &EpochKey)]| {
        WrapSet::make_history(SUITE, place, keys, member.certificate, member.secret.public(), &mut rng)
    };
    let set = make(&history_place(), &lent).unwrap();
    assert_eq!(set.count(), 1);
    let chunk = WrapChunk::check(&set.chunks()[0], 0, &set.claim(RESERVATION)).unwrap();
    let open = |expected: &[Commitment]| chunk.open_history(SUITE, &history_place(), member.own(), expected);
    assert!(open(&expected).unwrap() == keys);
    // A commitment of another key, and one too few.
    let wrong = [expected[0], expected[2], expected[1]];
    assert!(matches!(open(&wrong).err(), Some(BadWrap::WrongKey(3))));
    assert!(open(&expected[..2]).is_err());
    // Gaps, other orders, other ranges.
    for keys in [&lent[..2], &[lent[1], lent[0], lent[2]], &[]] {
        assert!(matches!(make(&history_place(), keys), Err(WrapError::Epochs { .. })));
    }
    let backwards = HistoryPlace { from_epoch: 5, to_epoch: 4, ..history_place() };
    assert!(make(&backwards, &[]).is_err());
    let all = HistoryPlace { from_epoch: 0, to_epoch: u32::MAX, ..history_place() };
    assert!(make(&all, &lent).is_err());
}

#[test]
fn the_longest_history_fits_into_one_chunk() {
    let (member, mut rng) = (&members(Suite::EcdsaP256, 1)[0], Rng::seeded(9));
    let key = EpochKey::generate(&mut rng);
    let place = HistoryPlace { from_epoch: 0, to_epoch: HISTORY_EPOCHS_MAX as u32 - 1, ..history_place() };
    let keys: Vec<_> = (0..=place.to_epoch).map(|epoch| (epoch, &key)).collect();
    let public = member.secret.public();
    let set =
        WrapSet::make_history(Suite::EcdsaP256, &place, &keys, member.certificate, public, &mut rng).unwrap();
    assert_eq!(set.size(), SizeClass::CHUNK_MAX);
    assert!(WrapChunk::check(&set.chunks()[0], 0, &set.claim(RESERVATION)).is_ok());
}

#[test]
fn useless_recipients_are_named() {
    let mut rng = Rng::seeded(9);
    let key = EpochKey::generate(&mut rng);
    let p256 = recipients(&members(Suite::EcdsaP256, 1));
    let mut make = |suite, recipients: &[_]| WrapSet::make(suite, &place(), &key, recipients, &mut rng);
    assert_eq!(make(SUITE, &[]), Err(WrapError::Recipients(0)));
    let wrong = WrapError::WrongSuite { recipient: CertId([0; 32]), expected: SUITE };
    assert_eq!(make(SUITE, &p256), Err(wrong));
    assert_eq!(make(Suite::Gost512, &p256), Err(WrapError::Unsupported(Unsupported(Suite::Gost512))));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(256))]
    #[test]
    fn any_bytes_are_read_or_refused_without_harm(
        mut bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..120),
        count in 0u32..5,
    ) {
        if bytes.len() > 4 {
            bytes[..4].copy_from_slice(&[0x84, 1, 0x58, 0x20]);
        }
        if let Ok(chunk) = WrapChunk::parse(&bytes, 0, count) {
            chunk.implied_root();
            proptest::prop_assert!(count > 0);
        }
    }
}
