//! A node of the key tree that does not open: what lay below it is lost, and told; all else goes on.

use super::crash::clone_of;
use super::*;
use crate::place::{Area, NodeId};
use crate::vault::locked;

const NODE_OF_TWO: NodeId = NodeId { area: Area::Items { conversation: 2 }, level: 1, index: 0 };

/// Three conversations in the tree, one leaf of each still under J, and one byte of a node flipped.
fn flipped(node: NodeId) -> World {
    let mut world = World::seeded(90);
    let (machine, mut life) = world.calm();
    for round in 0..3 {
        for conversation in 1..4 {
            world.say(&mut life.vault, conversation, 2 + round % 2).unwrap();
        }
        // Each fold leaves an older copy of every node behind, under the key that inserts keep.
        life.vault.fold(&mut rng(1_000 + round)).unwrap();
    }
    let position = locked(&life.vault.tree).position_of(node).unwrap().unwrap();
    for conversation in 1..4 {
        world.say(&mut life.vault, conversation, 1).unwrap();
    }
    drop(life);
    world.power_off(&machine, 0);
    world.image[position.offset as usize + 40] ^= 1;
    world
}

/// What of a conversation is still under J, and what lies below its node.
fn pending_and_folded(world: &World, life: &Life, conversation: u64) -> [Vec<Place>; 2] {
    let of = world.live.keys().filter(|place| place.conversation == conversation).copied();
    let tree = locked(&life.vault.tree);
    let (pending, folded) = of.partition(|place| tree.pending.contains_key(place));
    [pending, folded]
}

/// Takes out of the book what nobody can open any more.
fn lost(world: &mut World, places: &[Place]) {
    places.iter().for_each(|place| assert!(world.live.remove(place).is_some()));
}

#[test]
fn an_erasure_elsewhere_cuts_off_a_node_that_does_not_open_and_all_else_lives() {
    let mut world = flipped(NODE_OF_TWO);
    let (machine, mut life) = world.calm();
    let [pending, folded] = pending_and_folded(&world, &life, 2);
    assert!(!pending.is_empty() && folded.len() > 4);
    for place in &folded {
        assert!(matches!(life.vault.reader().read(*place), Err(Error::Damaged { .. })));
    }
    lost(&mut world, &folded);
    world.check_live(&life.vault, "before");
    let victim = *world.live.keys().find(|place| place.conversation == 3).unwrap();
    let number = world.ask(&mut life.vault, vec![Target::Place(victim)]).unwrap();
    world.erase(&mut life.vault, number).unwrap();
    world.check_live(&life.vault, "after an erasure in 3");
    world.say(&mut life.vault, 1, 3).unwrap();
    drop(life);
    world.power_off(&machine, 1);
    let (machine, mut life) = world.calm();
    world.check_live(&life.vault, "after a restart");
    for conversation in 1..4 {
        world.say(&mut life.vault, conversation, 3).unwrap();
    }
    life.vault.fold(&mut rng(3)).unwrap();
    world.check_live(&life.vault, "what was said since");
    let opened = world.adversary(&machine, &life.vault);
    world.check_opened(&opened, &[number], "in the end");
    assert!(folded.iter().all(|place| !opened.contains_key(place)), "older copies end with the epoch too");
}

#[test]
fn an_erasure_below_a_node_that_does_not_open_is_an_erasure() {
    let start = flipped(NODE_OF_TWO);
    for target in [0, 1, 2] {
        let mut world = clone_of(&start);
        let (machine, mut life) = world.calm();
        let [_, folded] = pending_and_folded(&world, &life, 2);
        let target = match target {
            0 => Target::Place(folded[0]),
            1 => Target::Place(Place { chunk: None, ..*folded.last().unwrap() }),
            _ => Target::Conversation(2),
        };
        let number = world.ask(&mut life.vault, vec![target]).unwrap();
        world.live.retain(|place, _| !folded.contains(place));
        world.erase(&mut life.vault, number).unwrap();
        world.check_live(&life.vault, "the rest");
        let opened = world.adversary(&machine, &life.vault);
        world.check_opened(&opened, &[number], "erased");
        assert!(folded.iter().all(|place| !opened.contains_key(place)), "nor does what lay beside it");
        drop(life);
        world.power_off(&machine, 1);
        let (_, mut life) = world.calm();
        world.check_live(&life.vault, "after a restart");
        world.say(&mut life.vault, 1, 3).unwrap();
    }
}

fn insert(vault: &mut Vault, place: Place, text: &[u8]) -> Result<(), Error> {
    let mut random = rng(7);
    let mut batch = vault.begin(Claim::Ordinary, &mut random)?;
    batch.insert(place, text)?;
    batch.commit([7; 32]).map(|_| ())
}

#[test]
fn an_insert_below_a_node_that_does_not_open_is_refused_alone_and_taken_once_it_is_cut_off() {
    let mut world = flipped(NODE_OF_TWO);
    let (machine, mut life) = world.calm();
    let [_, folded] = pending_and_folded(&world, &life, 2);
    lost(&mut world, &folded);
    let (below, beside) = (Place::item(2, 60), Place::item(1, 60));
    for _ in 0..2 {
        let refused = insert(&mut life.vault, below, b"text").unwrap_err();
        assert!(matches!(refused, Error::Damaged { what: "a node of the tree", .. }), "{refused}");
    }
    insert(&mut life.vault, beside, b"beside").unwrap();
    assert_eq!(life.vault.take_cut_off(), []);
    life.vault.mend(&[beside, below], &mut rng(8)).unwrap();
    let cut = life.vault.take_cut_off();
    assert!(cut.len() == 1 && crate::owner_words(&cut[0].owner).contains("conversation 2"), "{cut:?}");
    assert_eq!(life.vault.take_cut_off(), [], "told once");
    insert(&mut life.vault, below, b"text").unwrap();
    world.live.extend([(below, b"text".to_vec()), (beside, b"beside".to_vec())]);
    world.check_live(&life.vault, "taken");
    for place in &folded {
        assert!(matches!(life.vault.reader().read(*place), Err(Error::Missing(_))));
    }
    life.vault.fold(&mut rng(9)).unwrap();
    drop(life);
    world.power_off(&machine, 0);
    let (machine, mut life) = world.calm();
    world.check_live(&life.vault, "after a restart");
    assert_eq!(life.vault.take_cut_off(), []);
    // What was cut off without an erasure is erased by the next one, wherever it is.
    let number = world.ask(&mut life.vault, vec![Target::Conversation(3)]).unwrap();
    world.erase(&mut life.vault, number).unwrap();
    let opened = world.adversary(&machine, &life.vault);
    world.check_opened(&opened, &[number], "in the end");
    assert!(folded.iter().all(|place| !opened.contains_key(place)), "older copies under kept keys open");
}

#[test]
fn of_many_places_those_whose_nodes_do_not_open_are_mended_and_where_all_open_nothing_is_written() {
    let world = flipped(NODE_OF_TWO);
    let (machine, mut life) = world.calm();
    let (whole, lost) = (Place::item(1, 60), Place::item(2, 60));
    let written = || machine.recording.writes().len();
    let before = written();
    life.vault.mend(&[whole; 1000], &mut rng(8)).unwrap();
    assert_eq!(written(), before, "nothing is to be mended");
    let places: Vec<Place> = std::iter::repeat_n(whole, 600).chain([lost]).collect();
    life.vault.mend(&places, &mut rng(8)).unwrap();
    assert_eq!(life.vault.take_cut_off().len(), 1);
    let once = written();
    assert!(once > before);
    life.vault.mend(&places, &mut rng(8)).unwrap();
    assert_eq!(written(), once, "it is mended once");
    insert(&mut life.vault, lost, b"text").unwrap();
}

#[test]
fn a_batch_that_makes_way_to_its_place_leaves_no_trace_where_it_is_dropped() {
    let mut world = flipped(NODE_OF_TWO);
    let (machine, mut life) = world.calm();
    let [_, folded] = pending_and_folded(&world, &life, 2);
    lost(&mut world, &folded);
    let (below, mut random) = (Place::item(2, 60), rng(8));
    let mut batch = life.vault.begin(Claim::Ordinary, &mut random).unwrap();
    batch.make_way(below).unwrap();
    batch.insert(below, b"dropped").unwrap();
    drop(batch);
    assert!(insert(&mut life.vault, below, b"text").unwrap_err().is_damage());
    assert_eq!(life.vault.take_cut_off(), []);
    let mut batch = life.vault.begin(Claim::Ordinary, &mut random).unwrap();
    batch.make_way(below).unwrap();
    batch.insert(below, b"text").unwrap();
    batch.commit([7; 32]).unwrap();
    assert_eq!(life.vault.take_cut_off().len(), 1, "told as any other");
    world.live.insert(below, b"text".to_vec());
    world.check_live(&life.vault, "by one batch");
    drop(life);
    world.power_off(&machine, 3);
    let (_, mut life) = world.calm();
    life.vault.fold(&mut rng(9)).unwrap();
    world.check_live(&life.vault, "after a restart");
}

#[test]
fn with_the_node_above_all_conversations_all_is_lost_and_the_store_goes_on() {
    let mut world = flipped(NodeId { area: Area::Conversations, level: 0, index: 0 });
    let (machine, mut life) = world.calm();
    for conversation in 1..4 {
        let [_, folded] = pending_and_folded(&world, &life, conversation);
        lost(&mut world, &folded);
    }
    let number = world.ask(&mut life.vault, vec![Target::Conversation(9)]).unwrap();
    world.erase(&mut life.vault, number).unwrap();
    assert_eq!(life.vault.take_cut_off().len(), 1);
    world.say(&mut life.vault, 2, 4).unwrap();
    world.check_live(&life.vault, "what waited, and what is new");
    drop(life);
    world.power_off(&machine, 0);
    let (_, life) = world.calm();
    world.check_live(&life.vault, "after a restart");
}
