//! Reservations, chunks and wraps: what a claim must fit, also after a restart.
use super::terminal::*;
use super::world::World;
use crate::answer::Answer;
use crate::code::Code;
use crate::query::Query;
use crate::seal::file::chunk_root;
use crate::seal::wrap_chunk::WrapChunk;
use journal::act::{Act, FileClaim, Message, Purpose, ShareHistory, SizeClass, WrapClaim};
use journal::ids::{Commitment, ConversationId, Index, ReservationId};
use journal::{Fact, Policy, Refusal};

fn world(number: u64) -> (World, ConversationId) {
    let mut world = World::new(number);
    world.all_enter();
    let chat = world.talking("anna", &["boris"]);
    (world, chat)
}

/// Stores a file's chunks; the claim of them.
fn upload(world: &mut World, chat: ConversationId, chunks: u32) -> (FileClaim, Vec<Vec<u8>>) {
    let reservation = world.reserve("anna", chat, Purpose::File, chunks + 1, SizeClass::MIN).unwrap();
    let (mut commitments, mut bodies) = (Vec::new(), Vec::new());
    for n in 1..=chunks {
        let (body, commitment): (Vec<u8>, Commitment) = world.body(SizeClass::MIN);
        world.put("anna", reservation, n, &body).unwrap();
        commitments.push(commitment);
        bodies.push(body);
    }
    (FileClaim { reservation, root: chunk_root(commitments), chunks }, bodies)
}

fn send(world: &mut World, chat: ConversationId, claim: FileClaim) -> Result<Index, u16> {
    let (message, body) = world.message(chat);
    world.act_with("anna", Act::Message(Message { file: Some(claim), ..message }), Some(body), None)
}

#[test]
fn a_file_is_claimed_by_its_message_and_served_to_members() {
    let (mut world, chat) = world(1);
    let (claim, bodies) = upload(&mut world, chat, 3);
    let index = send(&mut world, chat, claim).unwrap();
    for (n, body) in (1..).zip(&bodies) {
        assert_eq!(world.ask("boris", Query::Chunk(index, n)), Ok(Answer::Chunk(body.clone().into())));
    }
    for (login, chunk) in [("boris", 0), ("boris", 4), ("vera", 1)] {
        assert_eq!(world.ask(login, Query::Chunk(index, chunk)), Err(Code::NotFound.number()));
    }
}

#[test]
fn a_claim_that_is_not_whole_or_of_another_root_is_refused() {
    let (mut world, chat) = world(2);
    let (claim, _) = upload(&mut world, chat, 2);
    let wrong = FileClaim { root: [1; 32], ..claim.clone() };
    assert_eq!(send(&mut world, chat, wrong), own(Code::Body));
    let fewer = FileClaim { chunks: 1, ..claim.clone() };
    assert_eq!(send(&mut world, chat, fewer), own(Code::Body));
    let half = world.reserve("anna", chat, Purpose::File, 3, SizeClass::MIN).unwrap();
    let (body, commitment) = world.body(SizeClass::MIN);
    world.put("anna", half, 1, &body).unwrap();
    let missing = FileClaim { reservation: half, root: chunk_root([commitment, commitment]), chunks: 2 };
    assert_eq!(send(&mut world, chat, missing), own(Code::Body));
    let nowhere = FileClaim { reservation: ReservationId([9; 16]), ..claim.clone() };
    let none = code(Refusal::NoSuchReservation { reservation: ReservationId([9; 16]) });
    assert_eq!(send(&mut world, chat, nowhere), Err(none));
    send(&mut world, chat, claim.clone()).unwrap();
    assert_eq!(send(&mut world, chat, claim), Err(none), "claimed once");
}

#[test]
fn chunks_that_do_not_fit_their_reservation_are_refused() {
    let (mut world, chat) = world(3);
    let id = world.reserve("anna", chat, Purpose::File, 3, SizeClass::MIN).unwrap();
    let (body, _) = world.body(SizeClass::MIN);
    let (large, _) = world.body(SizeClass(9));
    for (login, id, chunk, body, refusal) in [
        ("boris", id, 1, &body, Code::NotFound),
        ("anna", ReservationId([1; 16]), 1, &body, Code::NotFound),
        ("anna", id, 0, &body, Code::Body),
        ("anna", id, 3, &body, Code::Body),
        ("anna", id, 1, &large, Code::Body),
        ("anna", id, 1, &vec![], Code::Body),
    ] {
        assert_eq!(world.put(login, id, chunk, body), Err(refusal.number()), "{login} {chunk}");
    }
    world.put("anna", id, 1, &body).unwrap();
    world.put("anna", id, 1, &body).unwrap();
    let (other, _) = world.body(SizeClass::MIN);
    assert_eq!(world.put("anna", id, 1, &other), Err(Code::Body.number()), "another body for a stored chunk");
}

#[test]
fn a_chunk_is_a_batch_without_entries_and_is_answered_behind_it() {
    let (mut world, chat) = world(4);
    let id = world.reserve("anna", chat, Purpose::File, 2, SizeClass::MIN).unwrap();
    let (body, _) = world.body(SizeClass::MIN);
    world.put("anna", id, 1, &body).unwrap();
    let batch = world.batches.last().unwrap();
    assert_eq!((batch.entries.len(), batch.bodies.len(), &*batch.note), (0, 1, &world.note));
}

#[test]
fn after_a_restart_what_was_stored_is_found_again() {
    let (mut world, chat) = world(5);
    let (claim, bodies) = upload(&mut world, chat, 20);
    world.crash();
    world.terminals.clear();
    world.enter("anna");
    world.put("anna", claim.reservation, 7, &bodies[6]).unwrap();
    let (other, _) = world.body(SizeClass::MIN);
    assert_eq!(world.put("anna", claim.reservation, 7, &other), Err(Code::Body.number()));
    world.crash();
    world.terminals.clear();
    world.enter("anna");
    send(&mut world, chat, claim).unwrap();
}

#[test]
fn after_a_restart_a_missing_chunk_is_still_missing() {
    let (mut world, chat) = world(6);
    let (claim, bodies) = upload(&mut world, chat, 3);
    world.bodies.retain(|_, body| *body != bodies[1]);
    world.crash();
    world.terminals.clear();
    world.enter("anna");
    assert_eq!(send(&mut world, chat, claim.clone()), own(Code::Body));
    world.put("anna", claim.reservation, 2, &bodies[1]).unwrap();
    send(&mut world, chat, claim).unwrap();
}

#[test]
fn unclaimed_chunks_fall_at_a_tick_that_nobody_asked_for() {
    let (mut world, chat) = world(7);
    let (claim, bodies) = upload(&mut world, chat, 2);
    world.wait_ms(Policy::standard().reservation_ms);
    world.input(crate::io::Input::Wake);
    assert!(world.has_fact(|fact| matches!(fact, Fact::Tick(_))));
    assert!(world.has_fact(|fact| matches!(fact, Fact::Erased(_))));
    assert!(!world.bodies.values().any(|body| bodies.contains(body)));
    let none = code(Refusal::NoSuchReservation { reservation: claim.reservation });
    assert_eq!(send(&mut world, chat, claim), Err(none));
}

#[test]
fn everyone_gets_the_wrap_that_is_his_own() {
    let (mut world, chat) = world(8);
    let epoch = world.register().conversation(chat).unwrap().epoch.unwrap().index;
    for login in ["anna", "boris"] {
        let Ok(Answer::Wrap(chunk)) = world.ask(login, Query::Wrap(epoch)) else { panic!("no wrap") };
        let found = world.register().recipients(world.register().conversation(chat).unwrap().number);
        let at = found.iter().position(|(person, _)| *person == world.site.id(login)).unwrap();
        let chunk = WrapChunk::parse(&chunk, at as u32, 2).unwrap();
        assert_eq!(chunk.recipient(), world.site.person(login).agreement_certificate.id());
    }
    assert_eq!(world.ask("vera", Query::Wrap(epoch)), Err(Code::NotFound.number()));
}

#[test]
fn wraps_that_do_not_fit_make_no_epoch() {
    let (mut world, chat) = world(9);
    let (set, epoch) = world.wraps(chat);
    let upload = |world: &mut World, chunks: &[(u32, &Vec<u8>)]| {
        let id = world.reserve("anna", chat, Purpose::Wraps, 2, set.size()).unwrap();
        chunks.iter().for_each(|(n, chunk)| world.put("anna", id, *n, chunk).unwrap());
        id
    };
    let all = [(0, &set.chunks()[0]), (1, &set.chunks()[1])];
    let with = |reservation, root| {
        let wraps = WrapClaim { reservation, root, count: 2 };
        Act::Epoch(journal::act::Epoch { wraps, ..epoch.clone() })
    };
    let half = upload(&mut world, &all[..1]);
    assert_eq!(world.act("anna", with(half, set.root())), own(Code::Wraps), "one is missing");
    let whole = upload(&mut world, &all);
    assert_eq!(world.act("anna", with(whole, [1; 32])), own(Code::Wraps), "another root");
    let (other, _) = world.wraps(chat);
    let mixed = upload(&mut world, &[(0, &set.chunks()[0]), (1, &other.chunks()[1])]);
    assert_eq!(world.act("anna", with(mixed, set.root())), own(Code::Wraps), "two sets mixed");
    assert_eq!(
        world.put("anna", half, 1, &set.chunks()[0]),
        Err(Code::Body.number()),
        "a chunk in another's place"
    );
    let mut bad_path = set.chunks()[1].clone();
    let last = bad_path.len() - 1;
    bad_path[last] ^= 1;
    let bent = upload(&mut world, &[(0, &set.chunks()[0]), (1, &bad_path)]);
    assert_eq!(world.act("anna", with(bent, set.root())), own(Code::Wraps), "a path that leads elsewhere");
    world.act("anna", with(whole, set.root())).unwrap();
}

#[test]
fn a_ghost_reader_is_refused() {
    let (mut world, chat) = world(10);
    let row = world.register().conversation(chat).unwrap();
    let (membership, number) = (row.membership.head(), row.epoch_number() + 1);
    // One wrap for a member, one for vera, who is none.
    let keys = ["anna", "vera"].map(|login| {
        let person = world.site.person(login);
        (person.agreement_certificate.id(), person.agreement.public().clone())
    });
    let mut rng = world.rng();
    let key = crate::seal::keys::EpochKey::generate(&mut rng);
    let place =
        crate::seal::wraps::EpochPlace { log: world.log, conversation: chat, epoch: number, membership };
    let suite = world.site.suite;
    let set = crate::seal::wraps::WrapSet::make(suite, &place, &key, &keys, &mut rng).unwrap();
    let id = world.reserve("anna", chat, Purpose::Wraps, 2, set.size()).unwrap();
    (0..).zip(set.chunks()).for_each(|(n, chunk)| world.put("anna", id, n, chunk).unwrap());
    let key_commitment = key.commitment(suite, world.log, chat, number).unwrap();
    let act = journal::act::Epoch {
        conversation: chat,
        epoch: number,
        membership,
        key_commitment,
        wraps: set.claim(id),
    };
    assert_eq!(world.act("anna", Act::Epoch(act)), own(Code::Wraps));
}

#[test]
fn history_is_one_wrap_for_the_person_it_names() {
    let (mut world, chat) = world(11);
    let make = |world: &mut World, login: &str| {
        let person = world.site.person(login);
        let (certificate, public) = (person.agreement_certificate.id(), person.agreement.public().clone());
        let mut rng = world.rng();
        let key = crate::seal::keys::EpochKey::generate(&mut rng);
        let place = crate::seal::wraps::HistoryPlace {
            log: world.log,
            conversation: chat,
            from_epoch: 1,
            to_epoch: 1,
        };
        let suite = world.site.suite;
        crate::seal::wraps::WrapSet::make_history(suite, &place, &[(1, &key)], certificate, &public, &mut rng)
            .unwrap()
    };
    let person = world.site.id("boris");
    for (to, fits) in [("vera", false), ("boris", true)] {
        let set = make(&mut world, to);
        let wraps = set.claim(world_reserve(&mut world, chat, &set));
        let act = ShareHistory { conversation: chat, person, from_epoch: 1, to_epoch: 1, wraps };
        let done = world.act("anna", Act::ShareHistory(act));
        if !fits {
            assert_eq!(done, own(Code::Wraps));
            continue;
        }
        let index = done.unwrap();
        let expected = Answer::Wrap(set.chunks()[0].clone().into());
        assert_eq!(world.ask("boris", Query::Wrap(index)), Ok(expected));
        assert_eq!(world.ask("anna", Query::Wrap(index)), Err(Code::NotFound.number()));
    }
}

fn world_reserve(
    world: &mut World,
    chat: ConversationId,
    set: &crate::seal::wraps::WrapSet,
) -> ReservationId {
    let id = world.reserve("anna", chat, Purpose::Wraps, set.count(), set.size()).unwrap();
    (0..).zip(set.chunks()).for_each(|(n, chunk)| world.put("anna", id, n, chunk).unwrap());
    id
}
