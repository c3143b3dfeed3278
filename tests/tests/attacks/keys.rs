//! Who tries to get at keys and bodies that are not his.
//! Never succeeds.

use crate::{group, own, unharmed};
use journal::act::{Act, Epoch, WrapClaim};
use journal::{Content, Entry, Refusal};
use protocol::Code;
use protocol::client::Command;
use protocol::frame::At;
use protocol::query::Query;
use protocol::seal::keys::EpochKey;
use protocol::seal::wraps::{EpochPlace, WrapSet};
use tests::World;

#[test]
fn a_ghost_reader_gets_no_key() {
    let (mut world, id, mut anna) = group(1);
    let register = world.server.as_ref().unwrap().engine.register();
    let row = register.conversation(id).unwrap();
    let (membership, epoch) = (row.membership.head(), row.epoch_number() + 1);
    let mut rng = journal::testing::SeededRng::new([1; 32]);
    let key = EpochKey::generate(&mut rng);
    let place = EpochPlace { log: world.site.log, conversation: id, epoch, membership };
    // In boris' place, vera; then vera beside both.
    for readers in [&["anna", "vera"][..], &["anna", "boris", "vera"]] {
        let keys: Vec<_> = readers
            .iter()
            .map(|login| {
                let person = world.site.test.person(login);
                (person.agreement_certificate.id(), person.agreement.public().clone())
            })
            .collect();
        let suite = world.site.test.suite;
        let set = WrapSet::make(suite, &place, &key, &keys, &mut rng).unwrap();
        let reservation = world.rogue_store(&mut anna, id, set.size(), set.chunks());
        let key_commitment = key.commitment(suite, world.site.log, id, epoch).unwrap();
        let act =
            Epoch { conversation: id, epoch, membership, key_commitment, wraps: set.claim(reservation) };
        let refused = world.rogue_act(&mut anna, Act::Epoch(act), None).unwrap_err();
        assert_eq!(refused, own(Code::Wraps), "{readers:?}");
    }
    unharmed(&mut world, &["welcome"]);
}

#[test]
fn wraps_that_do_not_fit_make_no_epoch() {
    let (mut world, id, mut anna) = group(2);
    let row = world.server.as_ref().unwrap().engine.register().conversation(id).unwrap();
    let (membership, epoch) = (row.membership.head(), row.epoch_number() + 1);
    let mut rng = journal::testing::SeededRng::new([2; 32]);
    let key = EpochKey::generate(&mut rng);
    let place = EpochPlace { log: world.site.log, conversation: id, epoch, membership };
    let recipients = world
        .server
        .as_ref()
        .unwrap()
        .engine
        .register()
        .recipients(world.server.as_ref().unwrap().engine.register().conversation(id).unwrap().number);
    let agreement = |person| {
        let found = world.site.test.people.values().find(|one| one.id == person).unwrap();
        (found.agreement_certificate.id(), found.agreement.public().clone())
    };
    let keys: Vec<_> = recipients.iter().map(|(person, _)| agreement(*person)).collect();
    let suite = world.site.test.suite;
    let set = WrapSet::make(suite, &place, &key, &keys, &mut rng).unwrap();
    let key_commitment = key.commitment(suite, world.site.log, id, epoch).unwrap();
    let good = set.claim(world.rogue_store(&mut anna, id, set.size(), set.chunks()));
    let of = |wraps| Act::Epoch(Epoch { conversation: id, epoch, membership, key_commitment, wraps });
    let another_root = WrapClaim { root: [1; 32], ..good.clone() };
    assert_eq!(world.rogue_act(&mut anna, of(another_root), None), Err(own(Code::Wraps)));
    let mut bent = set.chunks().to_vec();
    let last = bent[1].len() - 1;
    bent[1][last] ^= 1;
    let bent = set.claim(world.rogue_store(&mut anna, id, set.size(), &bent));
    assert_eq!(world.rogue_act(&mut anna, of(bent), None), Err(own(Code::Wraps)));
    // The very same epoch with wraps that do fit is taken: nothing else was wrong with it.
    world.rogue_act(&mut anna, of(good), None).unwrap();
    unharmed(&mut world, &["welcome"]);
}

#[test]
fn a_body_carried_into_another_conversation_is_readable_to_nobody_there() {
    let mut world = World::seeded(7).with(["anna", "boris", "vera"]);
    let secret = world.private("anna", "vera");
    world.say("anna", "vera", "between us");
    let open = world.group("anna", &["boris"]);
    world.say_in("anna", open, "hello").unwrap();
    let mut anna = world.rogue_in("anna");
    // The very body and commitment of the private message, in the group.
    let query = Query::MessagesBefore(At { conversation: secret, index: u64::MAX });
    let Ok(protocol::answer::Answer::MessagesBefore(page)) = world.rogue_ask(&mut anna, query) else {
        panic!()
    };
    let stolen = page.entries.last().unwrap().clone();
    let Content::Statement(signed) = Entry::decode(&stolen.entry).unwrap().content else { panic!() };
    let Act::Message(said) = signed.parse().unwrap().act().clone() else { panic!() };
    let moved = journal::act::Message { conversation: open, ..said };
    world.rogue_act(&mut anna, Act::Message(moved), Some(stolen.body.unwrap().to_vec())).unwrap();
    unharmed(&mut world, &["hello", "unreadable: Body"]);
}

#[test]
fn who_was_removed_reads_nothing_more_and_an_old_epoch_is_refused() {
    let (mut world, id, mut anna) = group(9);
    let remove = world.id("anna");
    let Ok(page) =
        world.rogue_ask(&mut anna, Query::MessagesBefore(At { conversation: id, index: u64::MAX }))
    else {
        panic!("a member reads")
    };
    let protocol::answer::Answer::MessagesBefore(page) = page else { panic!() };
    let index = page.entries.last().unwrap().index;
    world.tell("boris", Command::Remove(id, remove), tests::terminal::Told::Other);
    world.run();
    world.say_in("boris", id, "without her").unwrap();
    let heard = world.rogue_ask(&mut anna, Query::Policy);
    assert!(heard.is_ok(), "her session lives");
    let none = Err(own(Code::NotFound));
    for query in [
        Query::MessagesBefore(At { conversation: id, index: u64::MAX }),
        Query::Messages(At { conversation: id, index: 0 }),
        Query::Acts(At { conversation: id, index: 0 }),
        Query::MessageStatus(index),
        Query::Chunk(index, 1),
        Query::Wrap(index),
    ] {
        assert_eq!(world.rogue_ask(&mut anna, query.clone()), none, "{query:?}");
    }
    let (message, body) = world.rogue_message(&anna, id, 1);
    let refused = world.rogue_act(&mut anna, Act::Message(message), Some(body.into_bytes()));
    let not_hers = Refusal::NotAMember { person: remove, conversation: id }.code();
    assert_eq!(refused, Err(not_hers));
    // And a member who goes on under the key that she has is refused too.
    let invited = world.id("vera");
    world.ask("boris", Command::Invite(id, invited)).ok();
    world.say_in("boris", id, "with vera").unwrap();
    let mut vera = world.rogue_in("vera");
    let (message, body) = world.rogue_message(&vera, id, 1);
    let refused = world.rogue_act(&mut vera, Act::Message(message), Some(body.into_bytes()));
    assert_eq!(refused, Err(Refusal::WrongEpoch { current: 3, found: 1 }.code()));
    unharmed(&mut world, &["welcome", "without her", "with vera"]);
}

#[test]
fn a_commitment_that_does_not_fit_its_body_is_refused() {
    let (mut world, id, mut anna) = group(10);
    let (message, body) = world.rogue_message(&anna, id, 1);
    let mut flipped = body.bytes().to_vec();
    flipped[90] ^= 1;
    for bad in [Some(flipped), Some(Vec::new()), None] {
        let refused = world.rogue_act(&mut anna, Act::Message(message.clone()), bad);
        assert_eq!(refused, Err(own(Code::Body)));
    }
    unharmed(&mut world, &["welcome"]);
}
