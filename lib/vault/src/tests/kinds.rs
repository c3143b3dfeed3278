//! Every kind of thing that lies on the device or in the cell, and what is noticed when somebody flips a bit of it, zeroes
//! it, puts another of its kind in its place, or puts back what was there before it.

use std::ops::Range;

use disk::BLOCK;

use super::crash::clone_of;
use super::things::{Noticed, Thing, built, of_slot, things};
use super::*;

/// What is done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tamper {
    Flipped,
    Zeroed,
    /// Two of a kind have changed places.
    Swapped,
    /// Whole blocks, as they were before they were last written.
    PutBack,
}

const TAMPERS: [Tamper; 4] = [Tamper::Flipped, Tamper::Zeroed, Tamper::Swapped, Tamper::PutBack];

/// The image as it was, block by block, before these bytes were last written.
fn before(world: &World, blocks: &Range<usize>) -> Vec<u8> {
    let covers = |write: &&RecordedWrite| {
        let from = write.offset as usize;
        from < blocks.end && blocks.start < from + write.bytes.len()
    };
    let writes: Vec<&RecordedWrite> = world.history.iter().filter(covers).collect();
    // A start writes its last batch once more as it is: that is no older version.
    let same = |write: &RecordedWrite| {
        let from = write.offset as usize;
        world.image[from..from + write.bytes.len()] == write.bytes[..]
    };
    let older = writes.iter().rposition(|write| !same(write)).map_or(0, |number| number + 1);
    let mut bytes = vec![0; blocks.len()];
    for write in &writes[..older] {
        for (number, byte) in write.bytes.iter().enumerate() {
            let at = write.offset as usize + number;
            if blocks.contains(&at) {
                bytes[at - blocks.start] = *byte;
            }
        }
    }
    bytes
}

fn blocks_of(bytes: &Range<usize>) -> Range<usize> {
    bytes.start / BLOCK * BLOCK..bytes.end.next_multiple_of(BLOCK)
}

/// Everything that notices anything, in one life.
struct Outcome {
    refused: Option<Error>,
    journal: Option<disk::Error>,
    damaged: Vec<Place>,
    snapshot: bool,
    checked: Vec<Range<usize>>,
}

impl Outcome {
    fn of(world: &World) -> Self {
        let machine = world.machine(CrashClock::new(u64::MAX, Fault::PowerCut));
        let mut outcome =
            Self { refused: None, journal: None, damaged: Vec::new(), snapshot: false, checked: Vec::new() };
        let vault = match world.open(&machine) {
            Ok(life) => life.vault,
            Err(error) => {
                outcome.refused = Some(error);
                return outcome;
            }
        };
        outcome.journal = vault.journal_entries(0).find_map(Result::err);
        let reader = vault.reader();
        for (place, body) in &world.live {
            match reader.read(*place) {
                Ok(read) => assert_eq!(&*read, body, "{place:?}: another body than was written"),
                Err(Error::Damaged { .. } | Error::Disk(disk::Error::Frame { .. })) => {
                    outcome.damaged.push(*place);
                }
                Err(other) => panic!("{place:?}: {other}"),
            }
        }
        let newest = vault.snapshots()[0].unwrap();
        outcome.snapshot = reader.snapshot(newest, |_| {}).is_err();
        let scan = vault.scan(&mut |_| {}).unwrap();
        let range = |damage: &disk::Damage| damage.offset as usize..(damage.offset + damage.bytes) as usize;
        outcome.checked = scan.damages.iter().map(range).collect();
        outcome
    }

    fn is_nothing(&self) -> bool {
        let Self { refused, journal, damaged, snapshot, checked } = self;
        refused.is_none() && journal.is_none() && damaged.is_empty() && !snapshot && checked.is_empty()
    }

    /// Is it noticed as the table says, by name and by place, and does nothing else stop?
    fn fits(&self, thing: &Thing, story: &str) {
        let is_named = |bytes: &Range<usize>| {
            self.checked.iter().any(|damage| damage.start < bytes.end && bytes.start < damage.end)
        };
        if thing.noticed == Noticed::Start {
            assert!(self.refused.is_some(), "{story}: a start takes it");
            return;
        }
        assert!(self.refused.is_none(), "{story}: {:?}", self.refused);
        assert_eq!(self.journal.is_some(), thing.noticed == Noticed::Journal, "{story}: {:?}", self.journal);
        match thing.noticed {
            Noticed::Start => {}
            Noticed::Body => assert_eq!(self.damaged, Vec::from_iter(thing.place), "{story}"),
            Noticed::Below => {
                let alien = |place: &&Place| {
                    thing.conversation.is_some_and(|own| own > 0 && own != place.conversation)
                };
                assert!(!self.damaged.is_empty(), "{story}: all below it is read");
                assert_eq!(self.damaged.iter().find(alien), None, "{story}");
                assert!(is_named(&thing.bytes), "{story}: {:?}", self.checked);
            }
            Noticed::Journal | Noticed::Snapshot | Noticed::Check => {
                assert_eq!(self.damaged, [], "{story}");
                assert!(is_named(&thing.bytes), "{story}: {:?}", self.checked);
            }
        }
        assert!(thing.noticed != Noticed::Snapshot || self.snapshot, "{story}: the snapshot is read");
    }
}

fn tampered(world: &World, thing: &Thing, tamper: Tamper, other: Option<&Thing>) -> Option<World> {
    let mut changed = clone_of(world);
    let bytes = thing.bytes.clone();
    match tamper {
        Tamper::Flipped => changed.image[(bytes.start + bytes.end) / 2] ^= 1,
        // What is zeros already is another byte then.
        Tamper::Zeroed if thing.name == "padding" => changed.image[bytes.start] = 0xff,
        Tamper::Zeroed => changed.image[bytes].fill(0),
        Tamper::Swapped => {
            let (mine, its) =
                (world.image[bytes.clone()].to_vec(), world.image[other?.bytes.clone()].to_vec());
            changed.image[other?.bytes.clone()].copy_from_slice(&mine);
            changed.image[bytes].copy_from_slice(&its);
        }
        Tamper::PutBack => {
            let blocks = blocks_of(&bytes);
            let older = before(world, &blocks);
            changed.image[blocks].copy_from_slice(&older);
        }
    }
    (changed.image != world.image).then_some(changed)
}

#[test]
fn whatever_is_flipped_swapped_put_back_or_zeroed_is_noticed_named_and_stops_what_depends_on_it() {
    let world = built();
    assert!(Outcome::of(&world).is_nothing(), "or the test shows nothing");
    let things = things(&world);
    let mut names: Vec<&str> = things.iter().map(|thing| thing.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let wanted = [
        "Chunk",
        "Chunks",
        "Conversations",
        "Item",
        "Items",
        "Pending",
        "Snapshot",
        "Top",
        "commit record",
        "entry",
        "header of bodies",
        "header of journal",
        "header of tree",
        "header of verifiers",
        "padding",
        "superblock",
        "table of bodies",
        "table of journal",
        "table of tree",
        "table of verifiers",
        "verifiers",
    ];
    assert_eq!(names, wanted, "one of each kind lives");
    let mut tried = std::collections::BTreeMap::new();
    for (number, thing) in things.iter().enumerate() {
        let alike = |other: &&Thing| other.name == thing.name && other.bytes.len() == thing.bytes.len();
        let other = things[number + 1..].iter().find(alike);
        for tamper in TAMPERS {
            let story = format!("{} at {:?}, {tamper:?}", thing.name, thing.bytes);
            let Some(changed) = tampered(&world, thing, tamper, other) else { continue };
            let outcome = Outcome::of(&changed);
            *tried.entry((thing.name.clone(), format!("{tamper:?}"))).or_insert(0) += 1;
            match tamper {
                // In the middle of a body only who holds its key sees it; a table has its end.
                Tamper::Flipped | Tamper::Zeroed => outcome.fits(thing, &story),
                // Other things lie in these blocks, or it takes two.
                Tamper::Swapped | Tamper::PutBack => assert!(!outcome.is_nothing(), "{story}: not noticed"),
            }
        }
    }
    let of = |tamper: Tamper| tried.keys().filter(|(_, of)| *of == format!("{tamper:?}")).count();
    assert_eq!(
        [of(Tamper::Flipped), of(Tamper::Zeroed), of(Tamper::PutBack)],
        [wanted.len(); 3],
        "{tried:?}"
    );
    // Of the others there is one, or none of equal length.
    assert!(of(Tamper::Swapped) >= 14, "{tried:?}");
}

#[test]
fn whatever_is_done_to_a_record_of_the_cell_stops_the_start() {
    let world = built();
    let records = world.records.lock().unwrap().clone();
    let former = {
        let mut earlier = World::seeded(70);
        let (machine, mut life) = earlier.calm();
        earlier.say(&mut life.vault, 1, 1).unwrap();
        drop(life);
        earlier.power_off(&machine, 0);
        earlier.records.lock().unwrap().clone()
    };
    for slot in [CellSlot::Even, CellSlot::Odd, CellSlot::Device] {
        let at = slot.index();
        if records[at].is_empty() {
            continue; // Destroyed with the last epoch.
        }
        assert_eq!(of_slot(slot), Noticed::Start);
        for tamper in TAMPERS {
            let changed = clone_of(&world);
            {
                let mut kept = changed.records.lock().unwrap();
                match tamper {
                    Tamper::Flipped => kept[at][30] ^= 1,
                    Tamper::Zeroed => kept[at].fill(0),
                    Tamper::Swapped => kept[at] = records[if at == 2 { 1 } else { 2 }].clone(),
                    // The root of the epoch before, where it lay; of another life, as this one began with it.
                    Tamper::PutBack => *kept = former.clone(),
                }
            }
            let outcome = Outcome::of(&changed);
            assert!(outcome.refused.is_some(), "{slot:?}, {tamper:?}");
        }
    }
}
