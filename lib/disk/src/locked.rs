//! The password verifiers of a store whose log key is not to be had: found and opened by their own key alone.
//! Never writes, and never sees a commit record: what was written last is taken for the newest. Whoever can change the
//! device can put older ones in its place unseen; only an open log, which is told the newest by its commit record, notices.

use std::collections::BTreeMap;

use crate::buffer::AlignedBuffer;
use crate::commit::Top;
use crate::device::{BLOCK, Device};
use crate::error::Error;
use crate::extents::Stream;
use crate::log::Geometry;
use crate::reader::raw;
use crate::run::{HEADER_BYTES, Header, Position};
use crate::seal::{Opener, Piece, StoreId, TAG_BYTES, VerifiersKey};
use crate::superblock::Superblock;
use crate::verifiers::{PersonKey, Verifiers, walk_back};

/// Runs that are looked at from the newest one back. One may be what a power cut left of an unfinished batch.
const NEWEST_MAX: usize = 4;

/// Verifiers as they lie on the device of a locked store.
pub struct LockedVerifiers {
    store: StoreId,
    batch: u64,
    by_person: BTreeMap<PersonKey, Vec<u8>>,
    passed_over: u32,
}

impl LockedVerifiers {
    /// Looks through the first blocks of all extents.
    pub fn read(device: &dyn Device, key: &VerifiersKey) -> Result<Self, Error> {
        let superblocks = Superblock::read(device, key)?;
        // While a store grows the larger division holds all extents of the smaller one.
        let Superblock { store, geometry } = *superblocks.last().ok_or(Error::NotAStore)?;
        geometry.check(device.length())?;
        let opener = key.opener(store);
        let newest = newest_runs(device, opener, geometry)?;
        let mut passed_over = 0;
        for (batch, position) in newest.into_iter().rev() {
            match chain(device, opener, position) {
                Ok(verifiers) => {
                    return Ok(Self { store, batch, by_person: verifiers.by_person, passed_over });
                }
                Err(Damaged::Newest) => passed_over += 1,
                Err(Damaged::Former(error)) => return Err(error),
            }
        }
        Ok(Self { store, batch: 0, by_person: BTreeMap::new(), passed_over })
    }

    /// The store's random name.
    pub fn store(&self) -> StoreId {
        self.store
    }

    /// The batch that changed them last; 0: there are none.
    pub fn batch(&self) -> u64 {
        self.batch
    }

    /// How many people have one.
    pub fn count(&self) -> usize {
        self.by_person.len()
    }

    /// Newer changes that do not open: one that was never acknowledged, torn by a power cut; or damage.
    pub fn passed_over(&self) -> u32 {
        self.passed_over
    }

    /// A person's password verifier.
    pub fn verifier(&self, person: PersonKey) -> Option<&[u8]> {
        self.by_person.get(&person).map(Vec::as_slice)
    }
}

/// Where the frames of the newest runs of verifiers lie, by batch. A run of verifiers has one frame.
fn newest_runs(
    device: &dyn Device,
    opener: Opener<'_>,
    geometry: Geometry,
) -> Result<BTreeMap<u64, Position>, Error> {
    let mut newest = BTreeMap::new();
    let mut block = AlignedBuffer::with_capacity(BLOCK);
    block.extend_zeroed(BLOCK);
    for extent in 0..geometry.extents {
        let (mut offset, end) = (geometry.start(extent), geometry.start(extent + 1));
        while offset < end {
            // A sector that does not read hides what lies behind it in its extent, and nothing else.
            if device.read(offset, block.as_mut()).is_err() {
                break;
            }
            let Some(header) = Header::of_verifiers(opener, offset, block.as_ref()) else { break };
            let length = header.table_at - HEADER_BYTES as u32;
            newest.insert(header.batch, Position { offset: offset + HEADER_BYTES as u64, length });
            if newest.len() > NEWEST_MAX {
                newest.pop_first();
            }
            offset += u64::from(header.blocks.max(1)) * BLOCK as u64;
        }
    }
    Ok(newest)
}

enum Damaged {
    /// The newest frame itself.
    Newest,
    /// One that it rests on.
    Former(Error),
}

/// The verifiers that the frame at a position and those before it give.
fn chain(device: &dyn Device, opener: Opener<'_>, newest: Position) -> Result<Verifiers, Damaged> {
    let sealed = |position| -> Result<Vec<u8>, Error> {
        let (buffer, at) = raw(device, position)?;
        Ok(buffer.as_ref()[at..at + position.length as usize].to_vec())
    };
    let open = |position: Position, sealed: &[u8]| {
        opener.open(Piece::Frame(Stream::Verifiers), position.offset, sealed)
    };
    let bytes = sealed(newest).map_err(|_| Damaged::Newest)?;
    let tag: [u8; TAG_BYTES] = bytes.last_chunk().copied().ok_or(Damaged::Newest)?;
    open(newest, &bytes).ok_or(Damaged::Newest)?;
    let frame = |at: Top| -> Result<Vec<u8>, Error> {
        let bytes = sealed(at.position)?;
        let opened = open(at.position, &bytes).filter(|_| bytes.last_chunk() == Some(&at.tag));
        opened.ok_or(Error::Frame { offset: at.position.offset })
    };
    walk_back(Some(Top { position: newest, tag }), frame).map_err(Damaged::Former)
}
