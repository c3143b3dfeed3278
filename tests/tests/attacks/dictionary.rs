//! Whoever has the whole journal, every live key and every block ever written, and tries a million guesses on a message
//! that was erased.
//! Never without the same dictionary on a message that lives, or a digest that was planted: there it must succeed.

use crate::group;
use journal::Commitment;
use journal::act::{Act, Message, SizeClass};
use journal::ids::ConversationId;
use protocol::seal::body::seal;
use protocol::seal::keys::{EpochKey, Lock, TextPlace};
use protocol::seal::text::MessageText;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::convert::Infallible;
use tests::World;
use tests::rogue::{Rogue, erase_of};

/// Guesses in the dictionary.
const GUESSES: u32 = 1_000_000;
/// Which of them was said, and erased; and which lives.
const ERASED: u32 = 654_321;
const LIVES: u32 = 123_456;

/// The dictionary: everybody knows what such messages are like.
fn guess(number: u32) -> String {
    let (minute, place) = (number % 1440, number / 1440);
    format!("at {:02}:{:02} behind house {place}", minute / 60, minute % 60)
}

/// What was said under a key that the attacker has.
struct Said {
    message: Message,
    place: TextPlace,
    index: u64,
}

/// Anna says a guess. Her epoch's key is the attacker's, too: she is one of those who read.
fn say(world: &mut World, anna: &mut Rogue, id: ConversationId, key: &EpochKey, number: u32) -> Said {
    let place = TextPlace::of(&world.header(anna), id, 1);
    let lock = Lock::message(world.site.test.suite, key, &place).unwrap();
    let content = MessageText { text: guess(number), file: None }.encode().unwrap();
    let mut rng = journal::testing::SeededRng::new([number as u8; 32]);
    let body = seal(&lock, SizeClass::MIN, &content, &mut rng).unwrap();
    let (made, _) = world.rogue_message(anna, id, 1);
    let message = Message { commitment: body.commitment(), ..made };
    let index = world.rogue_act(anna, Act::Message(message.clone()), Some(body.into_bytes())).unwrap();
    Said { message, place, index }
}

/// A source of randomness that is none: the salt that is to be tried.
struct Salt([u8; 32]);

impl rand_core::TryRng for Salt {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("a salt is drawn as bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("a salt is drawn as bytes")
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.copy_from_slice(&self.0);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Salt {}

/// What the journal would say of this text under this salt.
fn commitment(lock: &Lock<'_>, salt: [u8; 32], text: &str) -> Commitment {
    let content = MessageText { text: text.into(), file: None }.encode().unwrap();
    seal(lock, SizeClass::MIN, &content, &mut Salt(salt)).unwrap().commitment()
}

/// All guesses under one salt.
fn search(key: &EpochKey, suite: pki::Suite, said: &Said, salt: [u8; 32]) -> Option<u32> {
    let lock = Lock::message(suite, key, &said.place).unwrap();
    let half = |from: u32, to: u32| {
        (from..to).find(|number| commitment(&lock, salt, &guess(*number)) == said.message.commitment)
    };
    std::thread::scope(|scope| {
        let second = scope.spawn(|| half(GUESSES / 2, GUESSES));
        half(0, GUESSES / 2).or(second.join().unwrap())
    })
}

/// Every run of 32 bytes.
fn windows<'a>(held: &'a [Vec<u8>]) -> impl Iterator<Item = [u8; 32]> + 'a {
    held.iter().flat_map(|bytes| bytes.windows(32)).map(|window| window.try_into().unwrap())
}

/// Whether the right text fits under anything at all that is held, taken for its salt.
fn fits(key: &EpochKey, suite: pki::Suite, said: &Said, text: &str, held: &[Vec<u8>]) -> bool {
    let lock = Lock::message(suite, key, &said.place).unwrap();
    windows(held).any(|salt| commitment(&lock, salt, text) == said.message.commitment)
}

/// A guess of which a plain digest stands in what is held: of the text, of what is sealed of it, with the context before.
fn digested(held: &[Vec<u8>]) -> Option<u32> {
    let held: HashSet<[u8; 32]> = windows(held).collect();
    (0..GUESSES).find(|number| {
        let text = guess(*number);
        let content = MessageText { text: text.clone(), file: None }.encode().unwrap();
        let of = |bytes: &[u8]| -> [u8; 32] { Sha256::digest(bytes).into() };
        held.contains(&of(text.as_bytes())) || held.contains(&of(&content))
    })
}

#[test]
fn a_million_guesses_find_nothing_of_what_was_erased_and_all_of_what_lives() {
    let (mut world, id, mut anna) = group(19);
    let suite = world.site.test.suite;
    let key = EpochKey::generate(&mut journal::testing::SeededRng::new([19; 32]));
    let lives = say(&mut world, &mut anna, id, &key, LIVES);
    let gone = say(&mut world, &mut anna, id, &key, ERASED);
    world.rogue_act(&mut anna, erase_of(id, gone.index), None).unwrap();
    let journal = world.log().entries;
    let server = world.server.as_ref().unwrap();
    assert_eq!(server.engine.register().erasures_pending().count(), 0, "it is erased");
    let opened = world.machine.open_everything(&server.powered, &server.store.vault);
    let bodies: Vec<Vec<u8>> = opened.into_values().flatten().collect();
    let salt_of = |said: &Said| {
        let its = |body: &&Vec<u8>| {
            protocol::seal::body::BodyRef::parse(body)
                .is_ok_and(|body| body.commitment() == said.message.commitment)
        };
        bodies.iter().find(its).map(|body| <[u8; 32]>::try_from(&body[2..34]).unwrap())
    };
    // What lives: the body gives its salt, and the dictionary the text.
    let salt = salt_of(&lives).expect("what lives opens, or the attacker is too weak");
    assert_eq!(search(&key, suite, &lives, salt), Some(LIVES));
    // What was erased: no body, and no guess under a salt that was found elsewhere.
    assert_eq!(salt_of(&gone), None);
    assert_eq!(search(&key, suite, &gone, salt), None);
    // Nor is its salt anywhere in what he holds, even for somebody who knows what was said.
    let held = [journal.clone(), bodies].concat();
    assert!(fits(&key, suite, &lives, &guess(LIVES), &held), "the salt of what lives is there");
    assert!(!fits(&key, suite, &gone, &guess(ERASED), &held));
    // And the journal holds no digest by which a guess could be tested without a salt.
    assert_eq!(digested(&journal), None);
    let planted = Sha256::digest(guess(ERASED).as_bytes()).to_vec();
    assert_eq!(digested(&[journal, vec![planted]].concat()), Some(ERASED));
}
