//! What a person with a good certificate, a network and a dishonest server try, and what comes of it: a refusal by its
//! number, nothing on any screen that should not be there, and a log that still verifies.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_enum_match_arm)]

use disk::{CrashClock, Fault as DeviceFault, Geometry};
use journal::Refusal;
use journal::act::{Act, Epoch, EraseTarget, Leave, Logout, WrapClaim};
use journal::checkpoint::SignedCheckpoint;
use journal::entry::ENTRY_VERSION;
use journal::fact::{AlarmKind, Fact};
use journal::ids::{ConversationId, Head, Index};
use journal::statement::Statement;
use journal::tree::{Tree, leaf_hash};
use journal::{Content, Entry, Policy};
use pki::{Clearance, SecretKey, Suite, canonical};
use protocol::Code;
use protocol::client::command::Send;
use protocol::client::{Command, Error, Event};
use protocol::frame::{At, Decoder, Digest, ReceiptFrame, ToCore, ToTerminal, Welcome, decode_to_core};
use protocol::limits::FRAME_BYTES_MAX;
use protocol::query::Query;
use protocol::seal::keys::EpochKey;
use protocol::seal::wraps::{EpochPlace, WrapSet};
use tests::World;
use tests::people::first_period;
use tests::rogue::{Rogue, erase_of};
use tests::server::note;
use tests::words::message;

/// Boris' group with anna, in which something was said; anna's terminal is one of her own making.
fn group(seed: u64) -> (World, ConversationId, Rogue) {
    let mut world = World::seeded(seed).with(["anna", "boris", "vera"]);
    let id = world.group("boris", &["anna"]);
    world.say_in("boris", id, "welcome").unwrap();
    let rogue = world.rogue_in("anna");
    (world, id, rogue)
}

fn own(code: Code) -> u16 {
    code.number()
}

fn alarms(world: &mut World) -> Vec<AlarmKind> {
    let log = world.log();
    let alarm = |fact: &Fact| match fact {
        Fact::Alarm(alarm) => Some(alarm.alarm),
        _ => None,
    };
    log.facts().filter_map(alarm).collect()
}

/// Nothing came of it: boris reads what he read, and the auditor finds nothing wrong.
fn unharmed(world: &mut World, expected: &[&str]) {
    assert_eq!(world.screen("boris"), expected);
    assert!(world.audit().is_honest());
}

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
fn of_two_texts_under_one_number_the_second_is_refused_and_kept_as_evidence() {
    let (mut world, id, mut anna) = group(3);
    let header = world.header(&anna);
    let (first, first_body) = world.rogue_message(&anna, id, 1);
    let first = world.sign_as("anna", Statement { header: header.clone(), act: Act::Message(first) }).0;
    anna.attempt = 77; // Only so that the second body is another one.
    let (second, second_body) = world.rogue_message(&anna, id, 1);
    let second = world.sign_as("anna", Statement { header, act: Act::Message(second) }).0;
    world.rogue_send(&mut anna, first, Some(first_body.into_bytes())).unwrap();
    let refused = world.rogue_send(&mut anna, second.clone(), Some(second_body.into_bytes()));
    assert_eq!(refused, Err(Refusal::Equivocation.code()));
    assert_eq!(alarms(&mut world), [AlarmKind::Equivocation]);
    let evidence = world.log().facts().find_map(|fact| match fact {
        Fact::Alarm(alarm) => Some(alarm.evidence.to_vec()),
        _ => None,
    });
    assert_eq!(evidence.unwrap(), canonical::encode(&second), "both texts are in the journal");
    let shown = world.screen("boris");
    assert_eq!(shown.len(), 2, "one of the two: {shown:?}");
    assert!(world.audit().is_honest());
}

#[test]
fn a_number_is_used_once_and_honestly_tried_again_after_a_refusal() {
    let (mut world, id, mut anna) = group(4);
    let nowhere = Act::Leave(Leave { conversation: ConversationId([9; 32]) });
    let unknown = Refusal::UnknownConversation { conversation: ConversationId([9; 32]) }.code();
    assert_eq!(world.rogue_act(&mut anna, nowhere.clone(), None), Err(unknown));
    let header = world.header(&anna);
    let stale =
        Statement { header: journal::statement::Header { attempt: 0, ..header.clone() }, act: nowhere };
    let (signed, _) = world.sign_as("anna", stale);
    assert_eq!(world.rogue_send(&mut anna, signed, None), Err(unknown), "the same bytes, the same word");
    let (message, body) = world.rogue_message(&anna, id, 1);
    let (signed, message_id) = world.sign_as("anna", Statement { header, act: Act::Message(message) });
    let index = world.rogue_send(&mut anna, signed.clone(), Some(body.bytes().to_vec())).unwrap();
    let size = world.log().entries.len();
    assert_eq!(world.rogue_send(&mut anna, signed, Some(body.into_bytes())), Ok(index), "the old receipt");
    assert_eq!(world.log().entries.len(), size, "and no second entry");
    // Another text under the number that was used, with a higher attempt.
    let logout = Statement {
        header: journal::statement::Header { attempt: 5, ..world.header(&anna) },
        act: Act::Logout(Logout {}),
    };
    let (signed, _) = world.sign_as("anna", logout);
    assert_eq!(world.rogue_send(&mut anna, signed, None), Err(Refusal::AlreadyAdmitted { index }.code()));
    (anna.sequence, anna.attempt, anna.last) = (anna.sequence + 1, 0, message_id);
    world.rogue_act(&mut anna, Act::Leave(Leave { conversation: id }), None).unwrap();
    assert!(alarms(&mut world).is_empty());
    assert!(world.audit().is_honest());
}

#[test]
fn a_replayed_login_opens_nothing() {
    let (mut world, _, anna) = group(5);
    let frame = anna.login_frame.clone().unwrap();
    // On a session of its own, with the right certificate: another nonce, another connection.
    let other = world.rogue("anna");
    let said = world.rogue_frame(&other, &ToCore::Login(frame.clone()));
    let refused = said.iter().find_map(|frame| match frame {
        ToTerminal::Refused(refused) => Some(refused.code),
        _ => None,
    });
    assert_eq!(refused, Some(own(Code::Login)));
    // On a session of somebody else.
    let vera = world.rogue("vera");
    let said = world.rogue_frame(&vera, &ToCore::Login(frame.clone()));
    assert!(
        said.iter().any(|frame| matches!(frame, ToTerminal::Refused(one) if one.code == own(Code::Login)))
    );
    // On the very session that it opened: a breach of the protocol, which ends it.
    let said = world.rogue_frame(&anna, &ToCore::Login(frame));
    assert!(
        said.iter().any(|frame| matches!(frame, ToTerminal::Ended(one) if one.code == own(Code::Protocol)))
    );
    let log = world.log();
    let logins =
        log.acts().filter(|(_, _, person, act)| matches!(act, Act::Login(_)) && *person == world.id("anna"));
    assert_eq!(logins.count(), 2, "her terminal's and her own");
    unharmed(&mut world, &["welcome"]);
}

#[test]
fn a_statement_is_good_for_one_place_of_one_chain_only() {
    let (mut world, id, mut anna) = group(6);
    let (message, body) = world.rogue_message(&anna, id, 1);
    let (signed, _) =
        world.sign_as("anna", Statement { header: world.header(&anna), act: Act::Message(message) });
    let index = world.rogue_send(&mut anna, signed.clone(), Some(body.bytes().to_vec())).unwrap();
    // Bent towards another conversation: the signature does not hold.
    let second = world.group("vera", &["boris"]);
    let mut bent = signed.clone();
    let at = bent.statement.windows(32).position(|bytes| bytes == id.0).unwrap();
    bent.statement[at..at + 32].copy_from_slice(&second.0);
    assert_eq!(world.rogue_send(&mut anna, bent, Some(body.bytes().to_vec())), Err(own(Code::Statement)));
    // By another person: not his.
    let mut vera = world.rogue_in("vera");
    let stolen = world.rogue_send(&mut vera, signed.clone(), Some(body.bytes().to_vec()));
    assert_eq!(stolen, Err(own(Code::Statement)));
    // Under a new Login: what was admitted gives its old receipt, what was not is of an ended chain.
    let (message, late_body) = world.rogue_message(&anna, id, 1);
    let header = journal::statement::Header { sequence: 2, ..world.header(&anna) };
    let (late, _) = world.sign_as("anna", Statement { header, act: Act::Message(message) });
    let mut again = world.rogue_in("anna");
    let size = world.log().entries.len();
    assert_eq!(world.rogue_send(&mut again, signed, Some(body.into_bytes())), Ok(index));
    let ended = world.rogue_send(&mut again, late, Some(late_body.into_bytes()));
    assert_eq!(ended, Err(Refusal::ChainEnded.code()));
    assert_eq!(world.log().entries.len(), size);
    assert!(world.audit().is_honest());
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
fn a_head_that_is_none_of_ours_is_refused() {
    let (mut world, id, mut anna) = group(8);
    let true_head = anna.head;
    for head in [
        Head { size: true_head.size, root: [3; 32] },
        Head { size: true_head.size + 1000, root: true_head.root },
        Head { size: true_head.size - 1, root: true_head.root },
    ] {
        anna.head = head;
        let (message, body) = world.rogue_message(&anna, id, 1);
        let refused = world.rogue_act(&mut anna, Act::Message(message), Some(body.into_bytes()));
        assert_eq!(refused, Err(Refusal::WrongHead { size: head.size }.code()));
    }
    anna.head = true_head;
    let (message, body) = world.rogue_message(&anna, id, 1);
    world.rogue_act(&mut anna, Act::Message(message), Some(body.into_bytes())).unwrap();
    assert!(alarms(&mut world).is_empty(), "a bare wrong head is an ordinary refusal");
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

#[test]
fn whoever_is_not_cleared_neither_joins_nor_sends() {
    let mut world = World::seeded(11).with(["anna", "boris", "dina"]);
    let id = world.group("boris", &["anna"]);
    world.say_in("boris", id, "welcome").unwrap();
    let dina = world.id("dina");
    let refused = world.ask("boris", Command::Invite(id, dina)).err();
    let low = Refusal::ClearanceTooLow { person: dina, needed: Clearance(3) }.code();
    assert_eq!(refused, Some(Error::Refused { code: low }));
    let send = Send { label: Some(Clearance(5)), ..message(id, "too high") };
    let refused = world.ask("anna", Command::Send(send)).err();
    assert_eq!(
        refused,
        Some(Error::Refused { code: Refusal::LabelTooHigh { ceiling: Clearance(3) }.code() })
    );
    // With a terminal that does not ask first.
    let mut rogue = world.rogue_in("dina");
    let (message, body) = world.rogue_message(&rogue, id, 1);
    let refused = world.rogue_act(&mut rogue, Act::Message(message), Some(body.into_bytes()));
    assert_eq!(refused, Err(Refusal::NotAMember { person: dina, conversation: id }.code()));
    unharmed(&mut world, &["welcome"]);
}

#[test]
fn nobody_erases_without_the_right() {
    let (mut world, id, mut anna) = group(12);
    let index = world.say_in("boris", id, "to be kept").unwrap().index;
    assert_eq!(world.rogue_act(&mut anna, erase_of(id, index), None), Err(Refusal::NoRightToErase.code()));
    let whole = Act::Erase(journal::act::Erase { target: EraseTarget::Conversation(id) });
    assert_eq!(world.rogue_act(&mut anna, whole, None), Err(Refusal::NoRightToErase.code()));
    let mut vera = world.rogue_in("vera");
    let foreign = world.rogue_act(&mut vera, erase_of(id, index), None);
    let not_hers = Refusal::NotAMember { person: world.id("vera"), conversation: id }.code();
    assert_eq!(foreign, Err(not_hers));
    unharmed(&mut world, &["welcome", "to be kept"]);
}

/// The machine as it was; its server goes on from there.
fn roll_back(world: &mut World, to: tests::machine::Machine) {
    world.crash();
    world.run_down();
    world.machine = to;
    world.restart();
}

#[test]
fn a_server_that_was_rolled_back_is_not_worked_with() {
    let mut world = World::seeded(13).with(["anna", "boris"]);
    world.say("anna", "boris", "first");
    world.crash();
    let old = world.machine.snapshot();
    world.run();
    world.say("anna", "boris", "what the server forgets");
    roll_back(&mut world, old);
    world.spoken.clear();
    let anna = world.private("anna", "boris");
    let sends = world.terminals["anna"].sent.len();
    // Her terminal names what it has proven; the server does not know that head.
    world.connect("anna");
    world.flow();
    world.tend("anna");
    world.flow();
    let failed = world.terminals["anna"]
        .results
        .values()
        .any(|result| *result == Err(Error::Refused { code: Refusal::WrongHead { size: 0 }.code() }));
    assert!(failed && !world.terminals["anna"].client.is_ready());
    world.tell("anna", tests::words::send(anna, "unsent"), tests::terminal::Told::Other);
    world.flow();
    assert_eq!(world.terminals["anna"].sent.len(), sends);
    assert!(!world.terminals["anna"].client.is_ready());
}

#[test]
fn a_device_older_than_its_cell_does_not_open() {
    let mut world = World::seeded(14).with(["anna", "boris"]);
    let receipt = world.say("anna", "boris", "to be erased");
    world.crash();
    let old = world.machine.snapshot();
    world.run();
    let id = world.private("anna", "boris");
    world.erase("anna", id, receipt.index).unwrap();
    world.crash();
    let mixed = world.machine.with_device_of(&old);
    let clock = CrashClock::new(u64::MAX, DeviceFault::PowerCut);
    let (_, started) = tests::server::Server::start(&mixed, clock, &world.site, world.now, 99);
    let error = started.err().expect("it does not start");
    assert!(matches!(error, vault::Error::StoreBehindCell { .. }), "{error}");
}

/// A dishonest server that admits a Login although it names a head of another past.
fn forged_welcome(world: &World, login: &str, size_seen: u64) -> ToTerminal {
    let connection = world.connections.iter().find(|connection| connection.login == login).unwrap();
    let mut decoder = Decoder::default();
    decoder.push(&connection.up.iter().copied().collect::<Vec<u8>>());
    let frame = decoder.next_frame(FRAME_BYTES_MAX).unwrap().unwrap();
    let ToCore::Login(login) = decode_to_core(&frame).unwrap() else { panic!("a Login comes first") };
    let entries = world.server.as_ref().unwrap().store.entries();
    let mut tree = Tree::new();
    for entry in &entries {
        tree.append(leaf_hash(entry));
    }
    let (wall_ms, boot_ms) = (world.now.wall_ms, world.now.boot_ms);
    let content = Content::Statement(login.statement);
    let entry = Entry { version: ENTRY_VERSION, wall_ms, boot_ms, content };
    let index = tree.append(leaf_hash(&entry.encode()));
    let size = tree.size();
    let period: SecretKey = first_period(world.site.test.number, world.site.test.suite);
    let note = note(&world.site, &period, Head { size, root: tree.root() });
    let path = |path: &[[u8; 32]]| path.iter().copied().map(Digest).collect::<Vec<_>>();
    let proof = path(tree.inclusion_proof(index, size).unwrap().path());
    let consistency = path(tree.consistency_proof(size_seen, size).unwrap().path());
    let login = ReceiptFrame { request: 0, index, wall_ms, boot_ms, proof, note: note.into() };
    ToTerminal::Welcome(Welcome {
        login,
        consistency,
        key_rolls: Vec::new(),
        key_rolls_proof: journal::multiproof::MultiProof::default(),
        must_set_password: false,
    })
}

#[test]
fn a_server_with_two_faces_is_found_out_by_whoever_sees_both() {
    let mut world = World::seeded(15).with(["anna", "boris"]);
    world.say("anna", "boris", "before the fork");
    world.crash();
    let fork = world.machine.snapshot();
    world.run();
    // One face for boris.
    world.say("boris", "anna", "on the first face");
    let seen: Head = *world.terminals["boris"].heads.last().unwrap();
    // The other one, for anna, from the same past; boris comes there too.
    roll_back(&mut world, fork);
    world.spoken.clear();
    for _ in 0..40 {
        world.wake();
        world.crash();
        world.restart();
        world.flow();
    }
    assert!(world.server.as_ref().unwrap().store.durable() > seen.size, "the second face is longer");
    world.connect("boris");
    while !world.terminals["boris"].greeted {
        let at = world.connections.iter().position(|connection| connection.login == "boris").unwrap();
        world.bring_down(at, usize::MAX);
    }
    world.tend("boris");
    // An honest server would refuse his head; this one welcomes him with everything it can sign.
    let welcome = forged_welcome(&world, "boris", seen.size);
    let wall_ms = world.now.wall_ms;
    world.terminal("boris").client.received(&protocol::frame::encode(&welcome), wall_ms);
    world.act("boris");
    let distrust = world.terminals["boris"].events.iter().find_map(|event| match event {
        Event::Distrust(distrust) => Some(distrust.clone()),
        _ => None,
    });
    let distrust = distrust.expect("he sees that it is another past");
    assert_eq!(distrust.ours, seen);
    for note in [&distrust.our_note, &distrust.their_note] {
        assert!(SignedCheckpoint::parse(note).is_ok(), "both signed notes are there to be shown");
    }
    assert!(!world.terminals["boris"].client.is_ready());
    // And for good: a new connection is closed at once.
    world.connect("boris");
    world.flow();
    assert!(world.terminals["boris"].connection.is_none());
}

#[test]
fn a_full_device_takes_erasures_and_no_messages_and_loses_nothing() {
    let geometry = Geometry { extent_bytes: 64 * 1024, extents: 22, reserve: 4 };
    let mut world = World::made(16, Suite::Ed25519, Policy::standard(), geometry).with(["anna", "boris"]);
    let id = world.private("anna", "boris");
    let mut sent: Vec<(Index, String)> = Vec::new();
    let refused = loop {
        let text = format!("{} {}", sent.len(), "x".repeat(12_000));
        match world.say_in("anna", id, &text) {
            Ok(receipt) => sent.push((receipt.index, text)),
            Err(error) => break error,
        }
        assert!(sent.len() < 1000, "the device never fills");
    };
    assert_eq!(refused, Error::Refused { code: own(Code::Full) });
    assert!(alarms(&mut world).contains(&AlarmKind::NearlyFull));
    world.crash();
    world.run();
    let texts: Vec<String> = sent.iter().map(|(_, text)| text.clone()).collect();
    assert!(world.screen("boris") == texts, "nothing is lost");
    let gone = sent[..sent.len() - 2].iter().map(|(index, _)| *index).collect();
    let erase = Command::Erase(EraseTarget::Messages(id, gone));
    assert!(world.ask("anna", erase).is_ok(), "an erasure has its reserve");
    world.say_in("anna", id, "there is room again").unwrap();
    assert_eq!(world.screen("boris").last().unwrap(), "there is room again");
    assert!(world.audit().is_honest());
}
