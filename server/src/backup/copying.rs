//! Brings a directory up to the newest state of a store.
//! Never copies a block twice, and never names a segment in a manifest before it is durable.

use super::folder::Folder;
use super::manifest::{self, Manifest, SEGMENTS_MAX};
use super::segment::{Found, Head, Listed, Writing};
use super::source::{Source, Taken};
use super::{BackupError, Verified};
use disk::{Cover, Outline, Range, Stream};
use std::collections::BTreeMap;

/// How often a copy begins again from a newer state because the store needed its space.
const ATTEMPTS_MAX: u32 = 32;
/// Ranges asked for ahead: the source reads while the directory writes.
const ASKED_AHEAD: usize = 4;

/// What a finished copy did.
pub(crate) struct Copied {
    pub(crate) verified: Verified,
    /// Bytes of blocks that were copied now.
    pub(crate) copied_bytes: u64,
    /// Bytes of blocks that an interrupted copy had brought.
    pub(crate) taken_over_bytes: u64,
    /// Bytes of all segments.
    pub(crate) kept_bytes: u64,
}

/// What the directory has.
struct Have {
    cover: Cover,
    segments: BTreeMap<u32, (Listed, Vec<Range>)>,
    next: u32,
}

/// Copies what is missing. `told` hears the bytes that are through and the bytes of all.
pub(crate) fn copy(
    folder: &Folder,
    source: &mut Source,
    now_ms: u64,
    mut told: impl FnMut(u64, u64),
) -> Result<Copied, BackupError> {
    let mut outline = source.hold()?;
    let before = folder.manifest(&source.identity())?;
    if let Some(before) = &before {
        refuse_foreign(folder, source, &outline, before)?;
    }
    let (mut have, taken_over_bytes) = inventory(folder, source, &outline, before.as_ref())?;
    let mut copied_bytes = 0;
    let mut attempts = 0;
    while !bring(folder, source, &outline, &mut have, &mut copied_bytes, &mut told)? {
        attempts += 1;
        if attempts > ATTEMPTS_MAX {
            return Err(BackupError::LostTooOften);
        }
        outline = source.hold()?;
    }
    let is_live = |(_, ranges): &(Listed, Vec<Range>)| ranges.iter().any(|range| outline.holds(range));
    let (live, dead): (Vec<_>, Vec<_>) = have.segments.into_values().partition(is_live);
    let segments: Vec<Listed> = live.into_iter().map(|(listed, _)| listed).collect();
    let kept_bytes = segments.iter().map(|listed| listed.bytes).sum();
    let manifest = Manifest::new(source.identity(), now_ms, &outline, segments);
    let body = manifest.encode();
    let signature = source.sign(&body)?;
    folder.put_manifest(&manifest::sealed(body, signature))?;
    // A crash from here on: the backup is finished; segments that nothing needs any more are deleted by the next copy.
    source.kept()?;
    for (listed, _) in dead {
        folder.remove(listed.number)?;
    }
    Ok(Copied { verified: Verified { manifest, outline }, copied_bytes, taken_over_bytes, kept_bytes })
}

/// The directory must be this store's, and the store must have been where the directory's backup was.
fn refuse_foreign(
    folder: &Folder,
    source: &mut Source,
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

/// What is there: the manifest's segments, and whole records of a copy that was interrupted. The latter are worth what
/// their own anchor is worth; what does not fit is deleted.
fn inventory(
    folder: &Folder,
    source: &mut Source,
    outline: &Outline,
    before: Option<&Verified>,
) -> Result<(Have, u64), BackupError> {
    let mut have = Have { cover: Cover::default(), segments: BTreeMap::new(), next: 1 };
    for listed in before.iter().flat_map(|before| &before.manifest.segments) {
        let found = Found::listed(folder.dir(), listed)?;
        if !take_in(&mut have, &found) {
            return Err(BackupError::Damaged { path: found.path, at: 0 });
        }
    }
    let mut taken_over = 0;
    for number in folder.segments()? {
        have.next = have.next.max(number + 1);
        if have.segments.contains_key(&number) {
            continue;
        }
        let found = match Found::left_over(folder.dir(), number)? {
            Some(found) if found.head.store == outline.store => Some(found),
            Some(_) | None => None,
        };
        match found {
            Some(found) if source.has_passed(&found.head.anchor)? && take_in(&mut have, &found) => {
                let live = found.records.iter().filter(|record| outline.holds(&record.range));
                taken_over += live.map(|record| record.range.bytes() as u64).sum::<u64>();
            }
            Some(_) | None => folder.remove(number)?,
        }
    }
    Ok((have, taken_over))
}

/// Adds a segment's ranges. `false`, and nothing is added, when one of them is there already.
fn take_in(have: &mut Have, found: &Found) -> bool {
    let mut cover = have.cover.clone();
    let ranges: Vec<Range> = found.records.iter().map(|record| record.range).collect();
    if !ranges.iter().all(|range| cover.add(range)) {
        return false;
    }
    have.cover = cover;
    have.segments.insert(found.listed.number, (found.listed, ranges));
    true
}

/// Copies what the state has and the directory has not. `false` when the state was lost meanwhile: what came until then
/// stays.
fn bring(
    folder: &Folder,
    source: &mut Source,
    outline: &Outline,
    have: &mut Have,
    copied: &mut u64,
    told: &mut impl FnMut(u64, u64),
) -> Result<bool, BackupError> {
    let mut missing = have.cover.missing(outline);
    // The journal lives for ever: in segments of its own, so that those of bodies can die.
    missing.sort_by_key(|range| !is_journal(outline, range));
    let all: u64 = missing.iter().map(|range| range.bytes() as u64).sum();
    let (begin, head) = (*copied, Head { store: outline.store, anchor: outline.anchor });
    let (mut asked, mut writing, mut blocks) = (0, None, Vec::new());
    for (n, range) in missing.iter().enumerate() {
        while asked < missing.len() && asked < n + ASKED_AHEAD {
            source.ask(&missing[asked])?;
            asked += 1;
        }
        if source.take(&mut blocks)? == Taken::Lost {
            // What was asked ahead is lost as well, and must not be taken for answers to what comes.
            for _ in n + 1..asked {
                source.take(&mut blocks)?;
            }
            close(have, writing)?;
            return Ok(false);
        }
        if n > 0 && is_journal(outline, range) != is_journal(outline, &missing[n - 1]) {
            close(have, writing.take())?;
        }
        let mut segment = match writing.take() {
            Some(segment) => segment,
            None => begin_segment(folder, have, head)?,
        };
        segment.add(range, &blocks)?;
        have.cover.add(range);
        *copied += blocks.len() as u64;
        told(*copied - begin, all);
        if segment.is_full() {
            close(have, Some(segment))?;
        } else {
            writing = Some(segment);
        }
    }
    close(have, writing)?;
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
        let (listed, ranges) = writing.finish()?;
        have.segments.insert(listed.number, (listed, ranges));
    }
    Ok(())
}
