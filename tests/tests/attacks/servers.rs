//! A server that was rolled back, forked, or put on other devices; and one without room.
//! Never succeeds.

use crate::{alarms, own};
use disk::{CrashClock, Fault as DeviceFault, Geometry};
use journal::act::EraseTarget;
use journal::checkpoint::SignedCheckpoint;
use journal::entry::ENTRY_VERSION;
use journal::fact::AlarmKind;
use journal::ids::{Head, Index};
use journal::tree::{Tree, leaf_hash};
use journal::{Content, Entry, Policy, Refusal};
use pki::{SecretKey, Suite};
use protocol::Code;
use protocol::client::{Command, Error, Event};
use protocol::frame::{Decoder, Digest, ReceiptFrame, ToCore, ToTerminal, Welcome, decode_to_core};
use protocol::limits::FRAME_BYTES_MAX;
use tests::World;
use tests::people::first_period;
use tests::server::note;

/// The machine as it was; its server goes on from there.
pub(crate) fn roll_back(world: &mut World, to: tests::machine::Machine) {
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
        successions_proof: None,
    })
}

#[test]
fn a_server_with_two_faces_is_found_out_by_whoever_sees_both() {
    let mut world = World::seeded(15).with(["anna", "boris"]);
    world.say("anna", "boris", "before the fork");
    world.crash();
    let fork = world.machine.snapshot();
    let fork_size = world.terminals["anna"].heads.last().unwrap().size;
    world.run_down();
    // One face for boris; anna's terminal is off meanwhile.
    let (id, anna) = (world.private("anna", "boris"), world.terminals.remove("anna").unwrap());
    world.run();
    world.say_in("boris", id, "on the first face").unwrap();
    let seen: Head = *world.terminals["boris"].heads.last().unwrap();
    // The other one, for anna, from the same past, while boris' terminal is off: she works there and notices nothing.
    roll_back(&mut world, fork);
    world.spoken.clear();
    let boris = world.terminals.remove("boris").unwrap();
    world.terminals.insert("anna".into(), anna);
    world.run();
    world.say_in("anna", id, "on the second face").unwrap();
    let shown: Head = *world.terminals["anna"].heads.last().unwrap();
    assert!(world.terminals["anna"].client.is_ready() && shown.size > fork_size);
    // Boris comes there too.
    world.crash();
    world.run_down();
    world.restart();
    world.terminals.insert("boris".into(), boris);
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
    let theirs = SignedCheckpoint::parse(&distrust.their_note).unwrap().claimed().head;
    let mut second = Tree::new();
    for entry in world.server.as_ref().unwrap().store.entries() {
        second.append(leaf_hash(&entry));
    }
    assert_eq!(
        second.root_at(shown.size).ok(),
        Some(shown.root),
        "what anna was shown is of the second face"
    );
    assert!(theirs.size > shown.size && second.root_at(seen.size).ok() != Some(seen.root));
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
