//! Bodies: what opens, what must not, and the attack that kc is there for.
use super::*;
use crate::seal::keys::{ChunkPlace, EpochKey, FileKey, TextPlace};
use crate::seal::testing::{Rng, chunk_place, text_place};
use journal::{Chain, ConversationId, LogId, ReservationId};
use pki::PersonId;
use proptest::prelude::*;

const CLASS: SizeClass = SizeClass(8);
const SUITE: Suite = Suite::Ed25519;

fn key(seed: u64) -> EpochKey {
    EpochKey::generate(&mut Rng::seeded(seed))
}

fn sealed(text: &[u8]) -> Body {
    let key = key(1);
    let lock = Lock::message(SUITE, &key, &text_place()).unwrap();
    seal(&lock, CLASS, text, &mut Rng::seeded(2)).unwrap()
}

fn open(bytes: &[u8]) -> Result<Vec<u8>, BadBody> {
    let key = key(1);
    let lock = Lock::message(SUITE, &key, &text_place()).unwrap();
    Ok(BodyRef::parse(bytes)?.open(&lock)?.to_vec())
}

#[test]
fn a_message_opens_at_its_place_and_shows_only_its_class() {
    let body = sealed(b"meet me at the lighthouse");
    let read = BodyRef::parse(body.bytes()).unwrap();
    assert_eq!(open(body.bytes()).unwrap(), b"meet me at the lighthouse");
    assert_eq!((read.size(), read.suite(), read.commitment()), (CLASS, SUITE, body.commitment()));
    assert_eq!(body.bytes().len(), body_bytes(CLASS));
    assert_eq!(sealed(b"").bytes().len(), sealed(&[7; 252]).bytes().len());
}

#[test]
fn no_other_place_key_suite_or_purpose_opens_it() {
    let body = sealed(b"text");
    let read = BodyRef::parse(body.bytes()).unwrap();
    let (key, place) = (key(1), text_place());
    let elsewhere = [
        TextPlace { log: LogId([0x10; 32]), ..place },
        TextPlace { conversation: ConversationId([0x23; 32]), ..place },
        TextPlace { epoch: 4, ..place },
        TextPlace { signer: PersonId(7), ..place },
        TextPlace { chain: Chain([0; 32]), ..place },
        TextPlace { sequence: 6, ..place },
    ];
    for place in elsewhere {
        let lock = Lock::message(SUITE, &key, &place).unwrap();
        assert_eq!(read.open(&lock).err(), Some(BadBody::WrongKey), "{place:?}");
    }
    let title = Lock::title(SUITE, &key, &place).unwrap();
    assert_eq!(read.open(&title).err(), Some(BadBody::WrongKey));
    let other = super::tests::key(9);
    assert_eq!(read.open(&Lock::message(SUITE, &other, &place).unwrap()).err(), Some(BadBody::WrongKey));
    let p256 = Lock::message(Suite::EcdsaP256, &key, &place).unwrap();
    let wrong = BadBody::WrongSuite { found: SUITE, expected: Suite::EcdsaP256 };
    assert_eq!(read.open(&p256).err(), Some(wrong));
}

#[test]
fn a_chunk_opens_only_at_its_number_of_its_reservation() {
    let key = FileKey::generate(&mut Rng::seeded(3));
    let place = chunk_place();
    let lock = Lock::chunk(SUITE, &key, &place).unwrap();
    let body = seal(&lock, CLASS, b"part", &mut Rng::seeded(4)).unwrap();
    let read = BodyRef::parse(body.bytes()).unwrap();
    assert_eq!(read.open(&lock).unwrap().as_slice(), b"part");
    let elsewhere = [
        ChunkPlace { log: LogId([0x10; 32]), ..place },
        ChunkPlace { conversation: ConversationId([0x23; 32]), ..place },
        ChunkPlace { reservation: ReservationId([0x45; 16]), ..place },
        ChunkPlace { number: 2, ..place },
    ];
    for place in elsewhere {
        let lock = Lock::chunk(SUITE, &key, &place).unwrap();
        assert_eq!(read.open(&lock).err(), Some(BadBody::WrongKey), "{place:?}");
    }
}

#[test]
fn every_flipped_bit_is_found_and_changes_the_commitment() {
    let body = sealed(b"text");
    for at in 0..body.bytes().len() {
        let mut bent = body.bytes().to_vec();
        bent[at] ^= 1 << (at % 8);
        assert!(open(&bent).is_err(), "byte {at}");
        if let Ok(read) = BodyRef::parse(&bent) {
            assert_ne!(read.commitment(), body.commitment(), "byte {at}");
        }
    }
    let mut damaged = body.bytes().to_vec();
    damaged[SEALED_AT] ^= 1;
    assert_eq!(open(&damaged), Err(BadBody::Damaged));
}

#[test]
fn foreign_bytes_are_refused_by_name() {
    let body = sealed(b"text");
    let parse = |bytes: &[u8]| BodyRef::parse(bytes).err();
    for length in [0, 1, 2, 81, body.bytes().len() - 1] {
        assert_eq!(parse(&body.bytes()[..length]), Some(BadBody::Length { bytes: length }));
    }
    let longer = [body.bytes(), &[0]].concat();
    assert_eq!(parse(&longer), Some(BadBody::Length { bytes: longer.len() }));
    let with = |at: usize, value: u8| {
        let mut bytes = body.bytes().to_vec();
        bytes[at] = value;
        parse(&bytes)
    };
    assert_eq!(with(0, 2), Some(BadBody::Newer(2)));
    assert_eq!(with(0, 0), Some(BadBody::NoVersion(0)));
    assert_eq!(with(1, 0), Some(BadBody::NoSuite(0)));
    assert_eq!(with(1, 3), Some(BadBody::Unsupported(Unsupported(Suite::Gost256))));
    assert_eq!(with(1, 4), Some(BadBody::Unsupported(Unsupported(Suite::Gost512))));
    // The classes beside the range: their length alone gives them away.
    for padded in [128, 1 << 19] {
        let mut bytes = vec![0; padded + OVERHEAD_BYTES];
        bytes[..2].copy_from_slice(&[1, 1]);
        assert_eq!(parse(&bytes), Some(BadBody::Length { bytes: bytes.len() }));
    }
}

#[test]
fn the_same_text_twice_looks_different_and_padding_is_checked() {
    let key = key(1);
    let lock = Lock::message(SUITE, &key, &text_place()).unwrap();
    let mut rng = Rng::seeded(2);
    let one = seal(&lock, CLASS, b"text", &mut rng).unwrap();
    let two = seal(&lock, CLASS, b"text", &mut rng).unwrap();
    assert_ne!(one.commitment(), two.commitment());
    assert!(seal(&lock, CLASS, &[0; 253], &mut rng).is_err());

    // A member who pads with something else: sealed by hand with the right key.
    let salt = [5; 32];
    let envelope = Envelope::of(SUITE).unwrap();
    let [seal_key, kc] = lock.body_key(&salt).split(envelope);
    let mut padded = [0; 256];
    padded[255] = 1;
    let tag = envelope.seal_in_place(&seal_key, lock.address().bytes(), &mut padded);
    let bytes = [&envelope.header()[..], &salt, &*kc, &padded, &tag].concat();
    assert_eq!(open(&bytes), Err(BadBody::Padding(BadPadding)));
}

#[test]
fn one_body_is_disclosed_without_its_epoch() {
    let (key, place) = (key(1), text_place());
    let lock = Lock::message(SUITE, &key, &place).unwrap();
    let mut rng = Rng::seeded(2);
    let body = seal(&lock, CLASS, b"text", &mut rng).unwrap();
    let other = seal(&lock, CLASS, b"more", &mut rng).unwrap();
    let read = BodyRef::parse(body.bytes()).unwrap();
    let disclosed = BodyKey::from_bytes(read.disclose(&lock).unwrap().expose());
    let address = Address::message(SUITE, &place).unwrap();
    assert_eq!(read.open_disclosed(&disclosed, &address).unwrap().as_slice(), b"text");
    let read_other = BodyRef::parse(other.bytes()).unwrap();
    assert_eq!(read_other.open_disclosed(&disclosed, &address).err(), Some(BadBody::WrongKey));
    // The key alone does not move the body: the associated data hold it in its place.
    let moved = Address::message(SUITE, &TextPlace { sequence: 6, ..place }).unwrap();
    assert_eq!(read.open_disclosed(&disclosed, &moved).err(), Some(BadBody::Damaged));
}

/// Whoever knows two AEAD keys can make one ciphertext and one tag that open under both: a message that two readers
/// see differently. Shown with a forged tag here, and refused because kc names one key.
#[test]
fn one_ciphertext_that_opens_under_two_keys_is_refused_under_the_second() {
    let (first, second, place) = (key(1), key(9), text_place());
    let locks = [&first, &second].map(|key| Lock::message(SUITE, key, &place).unwrap());
    let salt = [5; 32];
    let envelope = Envelope::of(SUITE).unwrap();
    let [[key_a, kc_a], [key_b, kc_b]] = locks.each_ref().map(|lock| lock.body_key(&salt).split(envelope));
    assert_ne!(*kc_a, *kc_b);
    let associated = locks[0].address().bytes();
    let (sealed, tag) = two_key_forgery::ciphertext_for_both(&key_a, &key_b, associated);

    // Without kc the attack works: the AEAD accepts the same bytes under both keys.
    for key in [&key_a, &key_b] {
        let mut buffer = sealed.clone();
        assert!(envelope.open_in_place(key, associated, &mut buffer, &tag));
    }
    // With kc one of the two readers sees that it is not his key, whichever kc the attacker writes.
    for (kc, owner) in [(&kc_a, 0), (&kc_b, 1)] {
        let bytes = [&envelope.header()[..], &salt, &**kc, &sealed, &tag].concat();
        let body = BodyRef::parse(&bytes).unwrap();
        assert_ne!(body.open(&locks[owner]).err(), Some(BadBody::WrongKey));
        assert_eq!(body.open(&locks[1 - owner]).err(), Some(BadBody::WrongKey));
    }
}

#[path = "body_attack.rs"]
mod two_key_forgery;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_content_comes_back(content in prop::collection::vec(any::<u8>(), 0..5000), seed: u64) {
        let key = key(seed);
        let lock = Lock::message(SUITE, &key, &text_place()).unwrap();
        let class = padding::class_for(content.len()).unwrap();
        let body = seal(&lock, class, &content, &mut Rng::seeded(seed)).unwrap();
        let read = BodyRef::parse(body.bytes()).unwrap();
        let opened = read.open(&lock).unwrap();
        prop_assert_eq!(opened.as_slice(), content.as_slice());
        prop_assert_eq!(read.commitment(), body.commitment());
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_harm(mut bytes in prop::collection::vec(any::<u8>(), 0..700), good: bool) {
        if good && bytes.len() >= 338 {
            bytes.truncate(338);
            bytes[..2].copy_from_slice(&[1, 1]);
            prop_assert_eq!(open(&bytes), Err(BadBody::WrongKey));
        } else {
            prop_assert!(open(&bytes).is_err());
        }
    }
}
