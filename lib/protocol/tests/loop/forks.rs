//! A server that shows a terminal two pasts, signed with its own keys: at whatever size the other head is, it is found
//! out by the next round of proofs, and before anything that rests on it is signed.

use crate::stories::message;
use crate::world::World;
use journal::checkpoint::{Checkpoint, LogKeys, SignedCheckpoint};
use journal::ids::{ConversationId, Head, Index};
use journal::note::NoteSigner;
use journal::testing::seed;
use journal::tree::{Tree, leaf_hash};
use pki::SecretKey;
use protocol::answer::Answer;
use protocol::client::{Command, Event};
use protocol::frame::{Deliver, Digest, ReceiptFrame, ToTerminal, encode};
use std::cell::RefCell;
use std::rc::Rc;

/// Longer than growth may stay unproven while nothing waits for it, milliseconds.
const ROUND_MS: u64 = 5_001;

/// Another past of this size, signed by the server: this one entry is true, everything else is invented. Gives its note
/// and its tree.
fn fork(world: &World, index: Index, size: u64) -> (Vec<u8>, Tree) {
    let mut tree = Tree::new();
    for at in 0..size {
        let invented = format!("invented {at}").into_bytes();
        let entry = if at == index { &world.entries[at as usize] } else { &invented };
        tree.append(leaf_hash(entry));
    }
    let copy = |key: &SecretKey| SecretKey::from_bytes(key.public().suite(), &key.to_bytes()).unwrap();
    let identity = copy(&world.site.identity);
    let period = SecretKey::from_bytes(world.site.suite, &seed(world.site.number, "period/0")).unwrap();
    let keys = LogKeys::new(world.log, period.public().clone(), Some(identity.public().clone())).unwrap();
    let signers = [
        NoteSigner { key: &keys.period, signer: &period },
        NoteSigner { key: keys.identity.as_ref().unwrap(), signer: &identity },
    ];
    let checkpoint = Checkpoint { origin: world.log.into(), head: Head { size, root: tree.root() } };
    let note = SignedCheckpoint::sign(checkpoint, &signers).unwrap().to_string().into_bytes();
    (note, tree)
}

fn pair(number: u64) -> (World, ConversationId) {
    let mut world = World::new(number);
    ["anna", "boris"].iter().for_each(|login| world.arrive(login));
    let id = world.private("anna", "boris");
    world.say("anna", id, "hello");
    round(&mut world, "anna");
    world.pushed("anna");
    (world, id)
}

/// Lets the terminal's next round of proofs come.
fn round(world: &mut World, login: &str) {
    pass(world, login, ROUND_MS);
}

fn pass(world: &mut World, login: &str, ms: u64) {
    world.now.wall_ms += ms;
    world.now.boot_ms += ms;
    let wall_ms = world.now.wall_ms;
    world.terminals.get_mut(login).unwrap().client.tick(wall_ms);
    world.run();
}

fn is_found_out(world: &World, login: &str) -> bool {
    let terminal = &world.terminals[login];
    !terminal.client.is_ready() && terminal.events.iter().any(|event| matches!(event, Event::Distrust(_)))
}

/// What the network brings to a terminal, made up by the server.
fn show(world: &mut World, login: &str, frame: &ToTerminal) {
    let wall_ms = world.now.wall_ms;
    world.terminals.get_mut(login).unwrap().client.received(&encode(frame), wall_ms);
    world.run();
}

/// Anna says something; the server keeps its receipt and all pushes to her back.
fn held_receipt(world: &mut World, id: ConversationId) -> (ReceiptFrame, u64) {
    let held = Rc::new(RefCell::new(None));
    let keep = held.clone();
    world.tamper = Some(Box::new(move |login, frame| match frame {
        ToTerminal::Receipt(receipt) if login == "anna" => {
            keep.replace(Some(receipt));
            None
        }
        ToTerminal::Deliver(_) if login == "anna" => None,
        other => Some(other),
    }));
    let command = world.tell("anna", Command::Send(message(id, "in no audited log")));
    world.tamper = None;
    (held.take().unwrap(), command)
}

/// Boris says something; the server keeps the push to anna back.
fn held_push(world: &mut World, id: ConversationId, text: &str) -> Deliver {
    let held = Rc::new(RefCell::new(None));
    let keep = held.clone();
    world.tamper = Some(Box::new(move |login, frame| match frame {
        ToTerminal::Deliver(deliver) if login == "anna" => {
            keep.replace(Some(deliver));
            None
        }
        other => Some(other),
    }));
    world.say("boris", id, text);
    world.tamper = None;
    held.take().unwrap()
}

fn forged(world: &World, mut deliver: Deliver, size: u64) -> ToTerminal {
    deliver.entries.truncate(1);
    let index = deliver.entries[0].index;
    let (note, tree) = fork(world, index, size);
    deliver.note = note.into();
    deliver.proof = tree.prover(size).unwrap().multi_proof(&[index]).unwrap();
    ToTerminal::Deliver(deliver)
}

#[test]
fn a_receipt_under_a_fork_is_found_out() {
    // The log goes on without her act: its heads are beyond the fork, or the fork is beyond them for a while.
    for beyond in [0, 6] {
        let (mut world, id) = pair(70 + beyond);
        let (mut receipt, command) = held_receipt(&mut world, id);
        world.say("boris", id, "the log grows");
        let size = receipt.index + 1 + beyond;
        let (note, tree) = fork(&world, receipt.index, size);
        let proof = tree.inclusion_proof(receipt.index, size).unwrap();
        receipt.note = note.into();
        receipt.proof = proof.path().iter().copied().map(Digest).collect();
        show(&mut world, "anna", &ToTerminal::Receipt(receipt));
        assert!(world.result("anna", command).is_some(), "a receipt is told at once");
        if beyond > 0 {
            // No proof leads to a head that the true log has not reached: nothing more is done on this connection.
            assert!(!world.terminals["anna"].client.is_ready());
            for _ in 0..beyond {
                world.say("boris", id, "the log grows on");
            }
            world.connect("anna");
            let _ = world.log_in("anna", "own");
        }
        round(&mut world, "anna");
        assert!(is_found_out(&world, "anna"), "{beyond} beyond");
    }
}

#[test]
fn a_push_under_an_in_between_fork_is_found_out_before_anything_is_signed() {
    let (mut world, id) = pair(80);
    let deliver = held_push(&mut world, id, "what rests on a fork");
    let size = deliver.entries[0].index + 1;
    let frame = forged(&world, deliver, size);
    world.say("boris", id, "and goes on");
    show(&mut world, "anna", &frame);
    let entries = world.entries.len();
    let command = world.tell("anna", Command::Send(message(id, "an answer to it")));
    assert!(!matches!(world.result("anna", command), Some(Ok(_))));
    let mine = world.entries[entries..].iter().any(|entry| {
        let entry = journal::Entry::decode(entry).unwrap();
        matches!(entry.content, journal::Content::Statement(_))
    });
    assert!(!mine, "nothing that rests on the fork was signed");
    assert!(is_found_out(&world, "anna"));
}

#[test]
fn a_push_under_a_smaller_fork_is_found_out() {
    let (mut world, id) = pair(81);
    let deliver = held_push(&mut world, id, "an old entry in another past");
    // Three at once share a batch: there is a size at which no head was ever signed.
    let wall_ms = world.now.wall_ms;
    for n in 0..3 {
        let boris = world.terminals.get_mut("boris").unwrap();
        boris.client.command(9000 + n, Command::Send(message(id, "more")), wall_ms);
    }
    world.run();
    round(&mut world, "anna");
    let first = deliver.entries[0].index as usize + 1;
    let sizes = world.sizes();
    let size = (first..*sizes.last().unwrap()).find(|size| !sizes.contains(size)).unwrap();
    assert!(!is_found_out(&world, "anna"));
    let frame = forged(&world, deliver, size as u64);
    show(&mut world, "anna", &frame);
    round(&mut world, "anna");
    assert!(is_found_out(&world, "anna"));
}

#[test]
fn an_honest_log_is_tied_at_every_size() {
    let (mut world, id) = pair(82);
    let late = held_push(&mut world, id, "comes late");
    for n in 0..100 {
        world.say("boris", id, &format!("{n}"));
    }
    round(&mut world, "anna");
    // Its note is smaller than what is proven by now.
    show(&mut world, "anna", &ToTerminal::Deliver(late));
    world.say("anna", id, "an answer");
    round(&mut world, "anna");
    world.ask("anna", Command::Logout).unwrap();
    assert!(!world.terminals["anna"].events.iter().any(|event| matches!(event, Event::Distrust(_))));
    let heard = world.pushed("anna");
    assert_eq!(heard.len(), 102);
}

/// The server answers everything but the proofs for anna.
fn without_proofs(world: &mut World) {
    world.tamper = Some(Box::new(|login, frame| match frame {
        ToTerminal::Answer(answer) if login == "anna" && matches!(answer.answer, Answer::Line(_)) => None,
        other => Some(other),
    }));
}

#[test]
fn a_server_that_owes_its_proofs_is_not_worked_with() {
    let (mut world, id) = pair(83);
    without_proofs(&mut world);
    world.say("boris", id, "not yet proven");
    assert_eq!(world.pushed("anna"), ["not yet proven"]);
    let send = world.tell("anna", Command::Send(message(id, "waits")));
    assert!(world.result("anna", send).is_none());
    // After a while nothing more of this server is shown, ...
    pass(&mut world, "anna", 15_001);
    world.say("boris", id, "never shown");
    assert!(world.pushed("anna").is_empty());
    let logout = world.tell("anna", Command::Logout);
    assert!(world.result("anna", logout).is_none());
    // ... and then the connection is ended.
    pass(&mut world, "anna", 60_001);
    assert!(!world.terminals["anna"].client.is_ready());
    assert!(world.terminals["anna"].events.iter().any(|event| matches!(event, Event::Ended(0))));
    world.tamper = None;
    world.reconnect("anna");
    assert!(matches!(world.result("anna", send), Some(Ok(_))));
}

#[test]
fn only_so_many_notes_are_believed_before_they_are_proven() {
    let (mut world, id) = pair(84);
    without_proofs(&mut world);
    for n in 0..100 {
        world.say("boris", id, &format!("{n}"));
    }
    let shown = world.pushed("anna").len();
    assert!((1..=64).contains(&shown), "{shown}");
}
