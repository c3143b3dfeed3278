//! What the store can take bounds what the engine puts into one batch, and who may still write when little is left.
use super::terminal::*;
use super::world::World;
use crate::code::Code;
use crate::engine::StoreLimits;
use crate::frame::{Stage, ToCore};
use crate::io::{Batch, Input};
use crate::limits::AROUND_STORED_BYTES;
use journal::act::{
    Act, EndSession, EnvelopeVoid, Erase, EraseTarget, Propose, Purpose, Resume, SizeClass, Submit, Suspend,
};
use journal::ids::ConversationId;
use journal::register::submit_digest;
use journal::{Policy, act::DualAct};
use pki::canonical;

const STORE: StoreLimits = StoreLimits {
    batch_bytes_max: 16 << 10,
    journal_bytes_max: 24 << 10,
    reserve_bytes: 0,
    extent_bytes: 0,
    last_bytes: 0,
    end_bytes: 0,
    kept_bytes: 0,
    people_max: usize::MAX,
};
/// What the last entry may pass a bound by: these tests' entries with their bodies are smaller.
const ONE_BYTES: usize = 2048;

fn world(number: u64) -> (World, ConversationId) {
    let mut world = World::new(number);
    world.all_enter();
    world.enter("olga");
    let chat = world.talking("anna", &["boris"]);
    world.engine.fit_to(STORE);
    (world, chat)
}

/// Entries as the device counts them.
fn journal_bytes(batch: &Batch) -> usize {
    batch.entries.iter().map(|entry| entry.len() + AROUND_STORED_BYTES).sum()
}

fn all_bytes(batch: &Batch) -> usize {
    let bodies: usize = batch.bodies.iter().map(|body| body.body.len()).sum();
    bodies + batch.entries.iter().map(|entry| entry.len()).sum::<usize>()
}

/// So many acts of the authority that have no effect, staged and not yet submitted.
fn stage(world: &mut World, count: usize) -> Submit {
    let act = || Act::EnvelopeVoid(EnvelopeVoid { number: 77 });
    let signed: Vec<_> = (0..count).map(|_| world.site.offline(act())).collect();
    let digest = submit_digest(signed.iter().map(|(_, id)| id));
    let acts = signed.into_iter().map(|(act, _)| act).collect();
    world.frame(world.session("olga"), &ToCore::Stage(Stage { acts, verifiers: vec![] }));
    Submit { count: count as u32, digest }
}

#[test]
fn what_comes_at_once_goes_into_as_many_batches_as_the_store_needs() {
    let (mut world, chat) = world(40);
    let (before, size) = (world.batches.len(), world.entries.len());
    world.hold_commits = true;
    for _ in 0..60 {
        let (message, body) = world.message(chat);
        let statement = world.draft("anna", Act::Message(message));
        world.post("anna", &statement, Some(body));
    }
    world.let_go();
    assert_eq!(world.entries.len(), size + 60, "nothing is refused: it waits");
    let batches = &world.batches[before..];
    assert!(batches.len() > 3, "{}", batches.len());
    for batch in batches {
        assert!(journal_bytes(batch) <= STORE.journal_bytes_max / 3 + ONE_BYTES);
        assert!(all_bytes(batch) <= STORE.batch_bytes_max + ONE_BYTES);
    }
}

#[test]
fn a_submit_fits_one_extent_of_the_journal_or_is_refused_whole() {
    let (mut world, chat) = world(41);
    let before = (world.entries.len(), world.register().digest());
    let kept = (world.site.offline_sequence, world.site.offline_last);
    let submit = stage(&mut world, 60);
    assert_eq!(world.act("olga", Act::Submit(submit)), own(Code::Full));
    assert_eq!(before, (world.entries.len(), world.register().digest()));
    (world.site.offline_sequence, world.site.offline_last) = kept;

    // The most that is taken, behind the most that may be there before it.
    world.hold_commits = true;
    for _ in 0..30 {
        let (message, body) = world.message(chat);
        let statement = world.draft("anna", Act::Message(message));
        world.post("anna", &statement, Some(body));
    }
    let submit = stage(&mut world, 30);
    let statement = world.draft("olga", Act::Submit(submit));
    world.post("olga", &statement, None);
    world.let_go();
    let largest = world.batches.iter().map(journal_bytes).max().unwrap();
    assert!((STORE.journal_bytes_max / 2..=STORE.journal_bytes_max).contains(&largest), "{largest}");
    assert!(world.register().size() as usize >= before.0 + 61, "all of it is in the journal");
}

#[test]
fn at_the_very_end_only_what_takes_away_is_left() {
    let (mut world, chat) = world(42);
    let index = world.send("anna", chat).unwrap();
    let (end_bytes, kept_bytes) = (1 << 18, 1 << 16);
    world.engine.fit_to(StoreLimits {
        reserve_bytes: 1 << 20,
        last_bytes: 1 << 19,
        end_bytes,
        kept_bytes,
        ..STORE
    });
    let device = 8 << 20;
    world.input(Input::Room(false, device - (1 << 17), device));
    let full = own(Code::Full);
    let submit = stage(&mut world, 1);
    assert_eq!(world.act("olga", Act::Submit(submit)), full);
    let policy = canonical::encode(&DualAct::Policy(Policy { file_save: false, ..Policy::standard() }));
    assert_eq!(world.act("olga", Act::Propose(Propose { act: policy.into() })), full);
    let person = world.site.id("vera");
    let chain = world.terminals["vera"].chain;
    world.act("olga", Act::EndSession(EndSession { person, chain })).unwrap();
    world.act("olga", Act::Suspend(Suspend { person })).unwrap();
    assert_eq!(world.act("olga", Act::Resume(Resume { person })), full);
    // What is kept for the erasures that were admitted is for no other; who is put out needs none of it.
    let erase = Erase { target: EraseTarget::Messages(chat, vec![index]) };
    world.input(Input::Room(false, device - kept_bytes, device));
    assert_eq!(world.act("anna", Act::Erase(erase.clone())), full);
    world.act("olga", Act::Suspend(Suspend { person: world.site.id("boris") })).unwrap();
    world.input(Input::Room(false, device - kept_bytes - 1, device));
    world.act("anna", Act::Erase(erase)).unwrap();
    world.input(Input::Room(true, 0, device));
    world.act("olga", Act::Resume(Resume { person })).unwrap();
}

#[test]
fn what_was_promised_before_a_start_is_still_promised_after_it() {
    let (mut world, chat) = world(43);
    let size = SizeClass::MIN;
    let chunks = u32::try_from((5 << 20) / (size.bytes() + crate::limits::AROUND_CHUNK_BYTES)).unwrap();
    world.reserve("anna", chat, Purpose::File, chunks, size).unwrap();
    world.crash();
    world.terminals.clear();
    world.enter("boris");
    world.engine.fit_to(STORE);
    world.input(Input::Room(true, 0, 8 << 20));
    let no_room = Err(Code::NoRoom.number());
    assert_eq!(world.reserve("boris", chat, Purpose::File, chunks, size), no_room, "promised already");
    world.reserve("boris", chat, Purpose::File, chunks / 4, size).unwrap();
}
