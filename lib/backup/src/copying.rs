//! Brings a directory up to the newest state of a store.
//! Never copies a block twice, and never names a segment in a manifest before it is durable.

use crate::folder::Folder;
use crate::made::Made;
use crate::manifest::{Manifest, SEGMENTS_MAX, is_signed, segments_digest};
use crate::segment::{Found, Head, Listed, Writing};
use crate::source::{Signed, Source, Taken};
use crate::{BackupError, Verified};
use disk::{Cover, Outline, Range, Stream};
use std::collections::BTreeMap;

/// How often a copy begins again from a newer state because the store needed its space.
const ATTEMPTS_MAX: u32 = 32;
/// States that one copy takes one after the other where something waits for it.
const ROUNDS_MAX: u32 = 64;
/// Ranges asked for ahead: the source reads while the directory writes.
const ASKED_AHEAD: usize = 4;

/// What a finished copy did.
pub struct Copied {
    /// The backup as it is now.
    pub verified: Verified,
    /// Bytes of blocks that were copied now.
    pub copied_bytes: u64,
    /// Bytes of blocks that an interrupted copy had brought.
    pub taken_over_bytes: u64,
    /// Bytes of all segments.
    pub kept_bytes: u64,
    /// Places of the store, of up to 1 MiB each, in which blocks do not read: they are zeros in the backup.
    pub torn: u64,
}

/// A segment as it was found in the directory.
struct Known {
    listed: Listed,
    head: Head,
    ranges: Vec<Range>,
    /// Of each range.
    digests: Vec<[u8; 32]>,
}

impl Known {
    fn of(found: &Found) -> Self {
        let ranges = found.records.iter().map(|record| record.range).collect();
        let digests = found.records.iter().map(|record| record.digest).collect();
        Self { listed: found.listed, head: found.head, ranges, digests }
    }
}

/// What lies in a directory: the manifest's segments, and whole records of a copy that was interrupted.
pub struct Inventory {
    before: Option<Verified>,
    named: Vec<Known>,
    /// Those that no manifest names, with what is whole in them.
    left: Vec<(u32, Option<Known>)>,
}

/// Looks through a directory before a copy begins: blocks of an interrupted one are compared with their digests, which
/// may take its time, and no server need wait for it.
pub fn look(folder: &Folder, identity: &[u8; 32]) -> Result<Inventory, BackupError> {
    let before = folder.manifest(identity)?;
    let (mut named, mut left) = (Vec::new(), Vec::new());
    for listed in before.iter().flat_map(|before| &before.manifest.segments) {
        named.push(Known::of(&Found::listed(folder.dir(), listed)?));
    }
    for number in folder.segments()? {
        if !named.iter().any(|known: &Known| known.listed.number == number) {
            let found = Found::left_over(folder.dir(), number)?;
            left.push((number, found.as_ref().map(Known::of)));
        }
    }
    Ok(Inventory { before, named, left })
}

/// What the directory has.
struct Have {
    cover: Cover,
    segments: BTreeMap<u32, Kept>,
    /// Named by the manifest before and worth nothing: deleted once another stands.
    replaced: Vec<u32>,
    next: u32,
}

/// A segment that the next manifest names.
struct Kept {
    listed: Listed,
    ranges: Vec<Range>,
    torn: bool,
}

/// Copies what is missing of the newest state. What this machine has not made itself is compared with the store first. `told`
/// hears the bytes that are through and the bytes of all.
pub fn copy(
    folder: &Folder,
    inventory: Inventory,
    source: &mut dyn Source,
    made: &Made,
    mut told: impl FnMut(u64, u64),
) -> Result<Copied, BackupError> {
    let mut outline = source.hold()?;
    if let Some(before) = &inventory.before {
        refuse_foreign(folder, source, &outline, before)?;
    }
    let (mut copied_bytes, mut attempts, mut rounds) = (0, 0, 0);
    let is_mine = inventory.before.as_ref().is_some_and(|before| made.has(&before.manifest.id()));
    let (mut have, taken_over_bytes) = loop {
        if let Some(taken_over) = taken_over(folder, source, &outline, &inventory, is_mine, &mut told)? {
            break taken_over;
        }
        outline = hold_again(source, &mut attempts)?;
    };
    loop {
        while !bring(folder, source, &outline, &mut have, &mut copied_bytes, &mut told)? {
            outline = hold_again(source, &mut attempts)?;
        }
        let (verified, kept_bytes) = finish(folder, source, &outline, &mut have)?;
        made.add(&verified.manifest.id());
        rounds += 1;
        if !source.kept(&verified)? || rounds >= ROUNDS_MAX {
            let torn =
                have.segments.values().filter(|kept| kept.torn).map(|kept| kept.ranges.len() as u64).sum();
            return Ok(Copied { verified, copied_bytes, taken_over_bytes, kept_bytes, torn });
        }
        outline = source.hold()?;
    }
}

/// The state was lost: a newer one.
fn hold_again(source: &mut dyn Source, attempts: &mut u32) -> Result<Outline, BackupError> {
    *attempts += 1;
    if *attempts > ATTEMPTS_MAX { Err(BackupError::LostTooOften) } else { source.hold() }
}

/// Puts the manifest in place of the one before. Also gives the bytes of all segments.
fn finish(
    folder: &Folder,
    source: &mut dyn Source,
    outline: &Outline,
    have: &mut Have,
) -> Result<(Verified, u64), BackupError> {
    let is_live = |ranges: &[Range]| ranges.iter().any(|range| outline.holds(range));
    let dead = have.segments.extract_if(.., |_, kept| !is_live(&kept.ranges));
    let dead: Vec<u32> = dead.map(|(number, _)| number).chain(std::mem::take(&mut have.replaced)).collect();
    let segments: Vec<Listed> = have.segments.values().map(|kept| kept.listed).collect();
    let kept_bytes = segments.iter().map(|listed| listed.bytes).sum();
    let Signed { made_ms, signature } = source.sign(&segments_digest(&segments))?;
    let manifest = Manifest::new(source.identity(), made_ms, outline, segments);
    if !is_signed(&manifest, &signature) {
        return Err(BackupError::BadSignature);
    }
    folder.put_manifest(&manifest.sealed(signature))?;
    // A crash from here on: the backup is finished; segments that nothing needs any more are deleted by the next copy.
    dead.into_iter().try_for_each(|number| folder.remove(number))?;
    Ok((Verified { manifest, outline: outline.clone() }, kept_bytes))
}

/// The directory must be this store's, and the store must have been where the directory's backup was.
fn refuse_foreign(
    folder: &Folder,
    source: &mut dyn Source,
    outline: &Outline,
    before: &Verified,
) -> Result<(), BackupError> {
    let path = folder.dir().to_owned();
    if before.outline.store != outline.store {
        return Err(BackupError::OtherStore { path });
    }
    let anchor = before.outline.anchor;
    if !source.has_passed(&anchor)? {
        return Err(BackupError::OtherHistory { path, batch: anchor.batch });
    }
    Ok(())
}

/// What of the directory counts. A segment of an interrupted copy, or of a backup that another machine has made, counts when
/// the source says of every block of it that it is the store's. One that does not is deleted: at once, or when another
/// manifest stands that does not name it. A torn one is brought anew: what did not read may read today. Also gives how much an
/// interrupted copy brought of what the state needs. `None` when the state was lost meanwhile.
fn taken_over(
    folder: &Folder,
    source: &mut dyn Source,
    outline: &Outline,
    inventory: &Inventory,
    is_mine: bool,
    told: &mut impl FnMut(u64, u64),
) -> Result<Option<(Have, u64)>, BackupError> {
    let mut have = Have { cover: Cover::default(), segments: BTreeMap::new(), replaced: Vec::new(), next: 1 };
    let live = |known: &Known| -> u64 {
        known.ranges.iter().filter(|range| outline.holds(range)).map(|range| range.bytes() as u64).sum()
    };
    let is_compared = !is_mine && !inventory.named.is_empty();
    let (mut through, all) = (0, inventory.named.iter().map(live).sum());
    for known in &inventory.named {
        let number = known.listed.number;
        have.next = have.next.max(number + 1);
        let Some(is_ours) = (if is_mine { Some(true) } else { is_ours(source, outline, known)? }) else {
            return Ok(None);
        };
        if known.head.torn || !is_ours || !take_in(&mut have, known) {
            have.replaced.push(number);
        }
        through += live(known);
        if is_compared {
            told(through, all);
        }
    }
    let (mut taken_over, mut worthless) = (0, Vec::new());
    for (number, known) in &inventory.left {
        have.next = have.next.max(number + 1);
        let Some(known) = known.as_ref().filter(|known| !known.head.torn) else {
            worthless.push(*number);
            continue;
        };
        let Some(is_ours) = is_ours(source, outline, known)? else { return Ok(None) };
        if is_ours && take_in(&mut have, known) {
            taken_over += live(known);
        } else {
            worthless.push(*number);
        }
    }
    worthless.into_iter().try_for_each(|number| folder.remove(number))?;
    Ok(Some((have, taken_over)))
}

/// Is each range in the state, or gone from it for ever? What lies where the store will grow next would be taken for its
/// blocks one day.
fn lies_where_it_may(outline: &Outline, known: &Known) -> bool {
    known.ranges.iter().all(|range| {
        let is_there = |at: usize| outline.parts[at].born == range.born;
        let found = outline.parts.binary_search_by_key(&range.extent, |part| part.extent).ok();
        let is_gone = range.born <= outline.anchor.batch && !found.is_some_and(is_there);
        outline.holds(range) || is_gone
    })
}

/// Is it the store's, with nothing where it may not be, and are all blocks that the state has the ones in this segment? `None`
/// when the state was lost meanwhile.
fn is_ours(source: &mut dyn Source, outline: &Outline, known: &Known) -> Result<Option<bool>, BackupError> {
    let may_be = known.head.store == outline.store && lies_where_it_may(outline, known);
    if !may_be || !source.has_passed(&known.head.anchor)? {
        return Ok(Some(false));
    }
    for (range, digest) in known.ranges.iter().zip(&known.digests).filter(|(range, _)| outline.holds(range)) {
        match source.is_same(range, digest)? {
            Some(true) => {}
            other => return Ok(other),
        }
    }
    Ok(Some(true))
}

/// Adds a segment's ranges. `false`, and nothing is added, when one of them is there already.
fn take_in(have: &mut Have, known: &Known) -> bool {
    let mut cover = have.cover.clone();
    if !known.ranges.iter().all(|range| cover.add(range)) {
        return false;
    }
    have.cover = cover;
    let Known { listed, head, ranges, .. } = known;
    have.segments.insert(listed.number, Kept { listed: *listed, ranges: ranges.clone(), torn: head.torn });
    true
}

/// Copies what the state has and the directory has not. `false` when the state was lost meanwhile: what came until then
/// stays.
fn bring(
    folder: &Folder,
    source: &mut dyn Source,
    outline: &Outline,
    have: &mut Have,
    copied: &mut u64,
    told: &mut impl FnMut(u64, u64),
) -> Result<bool, BackupError> {
    let mut missing = have.cover.missing(outline);
    // The journal lives for ever: in segments of its own, so that those of bodies can die.
    missing.sort_by_key(|range| !is_journal(outline, range));
    let all: u64 = missing.iter().map(|range| range.bytes() as u64).sum();
    let (begin, head) = (*copied, Head { store: outline.store, anchor: outline.anchor, torn: false });
    let (mut asked, mut writing, mut torn, mut blocks) = (0, None, None, Vec::new());
    for (n, range) in missing.iter().enumerate() {
        while asked < missing.len() && asked < n + ASKED_AHEAD {
            source.ask(&missing[asked])?;
            asked += 1;
        }
        let taken = source.take(&mut blocks)?;
        if taken == Taken::Lost {
            // What was asked ahead is lost as well, and must not be taken for answers to what comes.
            for _ in n + 1..asked {
                source.take(&mut blocks)?;
            }
            close(have, writing)?;
            close(have, torn)?;
            return Ok(false);
        }
        if n > 0 && is_journal(outline, range) != is_journal(outline, &missing[n - 1]) {
            close(have, writing.take())?;
        }
        let is_torn = taken == Taken::Torn;
        let place = if is_torn { &mut torn } else { &mut writing };
        let mut segment = match place.take() {
            Some(segment) => segment,
            None => begin_segment(folder, have, Head { torn: is_torn, ..head })?,
        };
        segment.add(range, &blocks)?;
        have.cover.add(range);
        *copied += blocks.len() as u64;
        told(*copied - begin, all);
        if segment.is_full() {
            close(have, Some(segment))?;
        } else {
            *place = Some(segment);
        }
    }
    close(have, writing)?;
    close(have, torn)?;
    Ok(true)
}

fn is_journal(outline: &Outline, range: &Range) -> bool {
    let found = outline.parts.binary_search_by_key(&range.extent, |part| part.extent);
    found.is_ok_and(|at| outline.parts[at].stream == Stream::Journal)
}

fn begin_segment(folder: &Folder, have: &mut Have, head: Head) -> Result<Writing, BackupError> {
    if have.segments.len() >= SEGMENTS_MAX {
        return Err(BackupError::TooManySegments { path: folder.dir().to_owned() });
    }
    let number = have.next;
    have.next += 1;
    Writing::begin(folder.dir(), number, head)
}

fn close(have: &mut Have, writing: Option<Writing>) -> Result<(), BackupError> {
    if let Some(writing) = writing {
        let torn = writing.torn();
        let (listed, ranges) = writing.finish()?;
        have.segments.insert(listed.number, Kept { listed, ranges, torn });
    }
    Ok(())
}
