//! Every kind of thing that lies on the device or in the cell, where one of each lies, and who depends on it. The matches name each
//! kind: a new one has to say what depends on it before this compiles.

use std::ops::Range;

use disk::{BLOCK, FrameRecord, ScanPart, Sealer, Stream, frames_of_write};

use super::*;
use crate::place::{FrameKind, parts};
use crate::{CellSlot, Rows};

/// Who notices, and so what stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noticed {
    /// Nothing starts.
    Start,
    /// Reading the journal ends there: no replay gets beyond it.
    Journal,
    /// That body is damaged, and no other.
    Body,
    /// Bodies below it are damaged, and none of another conversation where it belongs to one.
    Below,
    /// The snapshot is passed over.
    Snapshot,
    /// Nothing that lives depends on it; a check names the place.
    Check,
}

/// Of a run of the journal in an extent that the journal has left, the one who reads it notices: a start by a snapshot reads
/// what comes behind that.
fn of_part(part: ScanPart, stream: Stream, is_left: bool) -> Noticed {
    let of_journal = if is_left { Noticed::Journal } else { Noticed::Start };
    match part {
        ScanPart::Superblock | ScanPart::Padding => Noticed::Check,
        ScanPart::Run => match stream {
            Stream::Journal => of_journal,
            Stream::Bodies | Stream::Tree | Stream::Verifiers => Noticed::Check,
        },
        ScanPart::Table => match stream {
            Stream::Journal => Noticed::Journal,
            Stream::Bodies | Stream::Tree | Stream::Verifiers => Noticed::Check,
        },
        ScanPart::Entry { .. } => Noticed::Journal,
        ScanPart::Frame { owner } => match parts(&owner) {
            Some((kind, ..)) => of_frame(kind),
            None => Noticed::Start, // A frame of verifiers.
        },
        ScanPart::Commit => of_journal,
    }
}

fn of_frame(kind: FrameKind) -> Noticed {
    match kind {
        FrameKind::Item | FrameKind::Chunk => Noticed::Body,
        FrameKind::Pending | FrameKind::Top => Noticed::Start,
        FrameKind::Conversations | FrameKind::Items | FrameKind::Chunks => Noticed::Below,
        FrameKind::Snapshot => Noticed::Snapshot,
    }
}

pub(super) fn of_slot(slot: CellSlot) -> Noticed {
    match slot {
        CellSlot::Even | CellSlot::Odd | CellSlot::Device => Noticed::Start,
    }
}

/// Something of a kind that lies on the device.
pub(super) struct Thing {
    pub(super) name: String,
    pub(super) bytes: Range<usize>,
    pub(super) noticed: Noticed,
    /// The conversation that it belongs to.
    pub(super) conversation: Option<u64>,
    /// The body that it is.
    pub(super) place: Option<Place>,
}

/// A store in which one of each kind lives: an epoch behind it, bodies in the tree and under J, a snapshot, verifiers.
pub(super) fn built() -> World {
    let mut world = World::seeded(70);
    let (machine, mut life) = world.calm();
    let vault = &mut life.vault;
    world.say(vault, 1, 5).unwrap();
    world.say(vault, 2, 4).unwrap();
    world.say(vault, 3, 4).unwrap();
    let verify = |world: &mut World, vault: &mut Vault, byte: u8, snapshot: bool| {
        let mut random = rng(world.random.next_u64());
        let mut batch = vault.begin(Claim::Ordinary, &mut random).unwrap();
        batch.entry(b"V").unwrap();
        batch.verifier([byte; 8], Some(&[byte; 90])).unwrap();
        if snapshot {
            batch.snapshot(&Rows::default(), b"the state of the layers above").unwrap();
        }
        batch.commit([7; 32]).unwrap();
    };
    verify(&mut world, vault, 1, true);
    let number = world.ask(vault, vec![Target::Conversation(2)]).unwrap();
    world.erase(vault, number).unwrap();
    verify(&mut world, vault, 2, true);
    world.say(vault, 4, 4).unwrap();
    vault.fold(&mut rng(1)).unwrap();
    world.say(vault, 5, 2).unwrap();
    world.say(vault, 5, 2).unwrap();
    for _ in 0..3 {
        let mut random = rng(2);
        let mut batch = vault.begin(Claim::Ordinary, &mut random).unwrap();
        batch.entry(b"M").unwrap();
        batch.commit([7; 32]).unwrap();
    }
    drop(life);
    world.power_off(&machine, 0);
    world
}

/// Bytes of a row in a run's table.
fn row_bytes(stream: Stream) -> usize {
    match stream {
        Stream::Journal => 20,
        Stream::Bodies | Stream::Tree | Stream::Verifiers => 52,
    }
}

/// One of each kind that lives, and its like: each once for every run or frame that is the newest of its owner.
pub(super) fn things(world: &World) -> Vec<Thing> {
    let keys = device_keys(&MemoryCell::new(world.records.clone(), None)).unwrap();
    let (machine, life) = world.calm();
    let sealer = Sealer::new(&keys, life.vault.store());
    drop((machine, life));
    let mut things = Vec::new();
    let mut thing = |name: &str, bytes: Range<usize>, noticed, of: Option<(u64, Option<Place>)>| {
        let (conversation, place) = (of.map(|of| of.0), of.and_then(|of| of.1));
        things.push(Thing { name: name.into(), bytes, noticed, conversation, place });
    };
    for copy in 0..2 {
        let at = copy * BLOCK + 64;
        thing("superblock", at..at + 69, of_part(ScanPart::Superblock, Stream::Journal, false), None);
    }
    let runs: Vec<Vec<FrameRecord>> = (2 * BLOCK..world.image.len())
        .step_by(BLOCK)
        .map(|offset| frames_of_write(&sealer, offset as u64, &world.image[offset..]))
        .filter(|run| !run.is_empty())
        .collect();
    let last = runs.iter().map(|run| run[0].batch).max().unwrap();
    let extent_of = |at: usize| (at - 2 * BLOCK) / GEOMETRY.extent_bytes as usize;
    let of_journal = runs.iter().filter(|run| run[0].stream == Stream::Journal);
    let newest = of_journal.max_by_key(|run| run[0].batch).unwrap();
    let journal = extent_of(newest[0].position.offset as usize);
    // What the last batch wrote is the last word only once another one stands behind it: see `Recovered`.
    let lives = |run: &&Vec<FrameRecord>| run[0].batch > 2 && run[0].batch < last;
    for run in runs.iter().filter(lives) {
        let (first, end) = (run[0].position.offset as usize, run.last().unwrap().position);
        let (start, stream) = (first - 80, run[0].stream);
        let is_left = extent_of(start) != journal;
        let table = end.offset as usize + end.length as usize;
        let behind = table + 40 + run.len() * row_bytes(stream);
        thing(&format!("header of {stream}"), start..first, of_part(ScanPart::Run, stream, is_left), None);
        thing(&format!("table of {stream}"), table..behind, of_part(ScanPart::Table, stream, is_left), None);
        match stream {
            Stream::Journal => {
                thing(
                    "commit record",
                    behind..behind + 200,
                    of_part(ScanPart::Commit, stream, is_left),
                    None,
                );
                for frame in run {
                    let at = frame.position.offset as usize;
                    let part = ScanPart::Entry { index: 0 };
                    thing(
                        "entry",
                        at..at + frame.position.length as usize,
                        of_part(part, stream, is_left),
                        None,
                    );
                }
            }
            Stream::Bodies | Stream::Tree | Stream::Verifiers => {
                let padding = behind.next_multiple_of(BLOCK);
                if padding > behind {
                    thing("padding", padding - 1..padding, of_part(ScanPart::Padding, stream, is_left), None);
                }
            }
        }
    }
    // Of each owner the newest frame lives; of lists and verifiers all that come behind the last fold, or at all.
    let frames = runs.iter().filter(lives).flatten();
    let newest = |frame: &&FrameRecord| {
        let later = |other: &&FrameRecord| other.owner == frame.owner && other.batch > frame.batch;
        !runs.iter().flatten().any(|other| later(&other) && other.stream == frame.stream)
    };
    for frame in frames.filter(|frame| frame.stream != Stream::Journal).filter(newest) {
        let at = frame.position.offset as usize;
        let noticed = of_part(ScanPart::Frame { owner: frame.owner }, frame.stream, false);
        let bytes = at..at + frame.position.length as usize;
        let Some((kind, _, conversation, item, index)) = parts(&frame.owner) else {
            thing("verifiers", bytes, noticed, None);
            continue;
        };
        let place = match kind {
            FrameKind::Item => Some(Place::item(conversation, item)),
            FrameKind::Chunk => Some(Place::chunk(conversation, item, index)),
            FrameKind::Pending
            | FrameKind::Top
            | FrameKind::Conversations
            | FrameKind::Items
            | FrameKind::Chunks
            | FrameKind::Snapshot => None,
        };
        // What was erased is nobody's any more.
        let erased = conversation == 2 && (place.is_some() || noticed == Noticed::Below);
        if !erased {
            thing(&format!("{kind:?}"), bytes, noticed, Some((conversation, place)));
        }
    }
    things
}
