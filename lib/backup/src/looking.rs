//! A backup looked at as the device that it is a copy of: what a restore would write, without writing.
//! Never gives a block whose digest was not compared.

use crate::BackupError;
use crate::folder::Folder;
use crate::manifest::Verified;
use crate::segment::{Found, Record};
use disk::{BLOCK, Cover, Device, Outline};
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// One record of the state, by where it belongs.
struct Place {
    offset: u64,
    segment: usize,
    record: Record,
}

/// The state of a manifest, readable in place.
pub struct BackupDevice {
    outline: Outline,
    segments: Vec<(File, PathBuf)>,
    /// Ascending.
    places: Vec<Place>,
    /// Bytes of all segments, also of what the state does not need any more.
    kept_bytes: u64,
    /// The record that was read last: reads come in sequence.
    recent: Mutex<(usize, Vec<u8>)>,
}

impl BackupDevice {
    /// Opens every segment and finds every block of the state; none may be missing.
    pub fn open(folder: &Folder, verified: &Verified) -> Result<Self, BackupError> {
        let outline = verified.outline.clone();
        let (mut segments, mut places, mut cover) = (Vec::new(), Vec::new(), Cover::default());
        for listed in &verified.manifest.segments {
            let found = Found::listed(folder.dir(), listed)?;
            for record in found.records.iter().filter(|record| outline.holds(&record.range)) {
                if !cover.add(&record.range) {
                    return Err(BackupError::Damaged { path: found.path, at: record.at });
                }
                let offset = outline.offset(&record.range);
                places.push(Place { offset, segment: segments.len(), record: *record });
            }
            segments.push((found.file, found.path));
        }
        let missing = cover.missing(&outline).len();
        if missing > 0 {
            return Err(BackupError::Incomplete { blocks: missing });
        }
        places.sort_unstable_by_key(|place| place.offset);
        let kept_bytes = verified.manifest.segments.iter().map(|listed| listed.bytes).sum();
        let recent = Mutex::new((usize::MAX, Vec::new()));
        Ok(Self { outline, segments, places, kept_bytes, recent })
    }

    /// What it is a copy of.
    pub fn outline(&self) -> &Outline {
        &self.outline
    }

    /// Bytes of all segments.
    pub fn kept_bytes(&self) -> u64 {
        self.kept_bytes
    }

    /// How many records the state has.
    pub fn records(&self) -> usize {
        self.places.len()
    }

    /// Reads the record of this number, in the device's order, and compares its digest.
    pub fn record(&self, number: usize, bytes: &mut Vec<u8>) -> Result<(disk::Range, u64), BackupError> {
        let place = &self.places[number];
        let (file, path) = &self.segments[place.segment];
        place.record.read(file, path, bytes)?;
        Ok((place.record.range, place.offset))
    }

    /// Compares every block with its digest. `told` hears the bytes that are through.
    pub fn verify(&self, mut told: impl FnMut(u64)) -> Result<(), BackupError> {
        let (mut bytes, mut through) = (Vec::new(), 0);
        for number in 0..self.places.len() {
            self.record(number, &mut bytes)?;
            through += bytes.len() as u64;
            told(through);
        }
        Ok(())
    }

    /// Fills what one record covers of a read.
    fn fill(&self, number: usize, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let (read, bytes) = &mut *recent;
        if *read != number {
            *read = usize::MAX;
            self.record(number, bytes).map_err(io::Error::other)?;
            *read = number;
        }
        let at = self.places[number].offset;
        let (from, to) = (offset.max(at), (offset + buffer.len() as u64).min(at + bytes.len() as u64));
        let target = &mut buffer[(from - offset) as usize..(to - offset) as usize];
        target.copy_from_slice(&bytes[(from - at) as usize..(to - at) as usize]);
        Ok(())
    }

    /// Where the first record lies that ends behind `offset`.
    fn first_behind(&self, offset: u64) -> usize {
        self.places.partition_point(|place| place.offset + place.record.range.bytes() as u64 <= offset)
    }
}

impl Device for BackupDevice {
    fn length(&self) -> u64 {
        self.outline.device_bytes()
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let end = offset + buffer.len() as u64;
        if end > self.length() || !offset.is_multiple_of(BLOCK as u64) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer.fill(0);
        let superblocks = &self.outline.superblocks;
        if offset < superblocks.len() as u64 {
            let bytes = &superblocks[offset as usize..];
            let count = bytes.len().min(buffer.len());
            buffer[..count].copy_from_slice(&bytes[..count]);
        }
        let mut number = self.first_behind(offset);
        while self.places.get(number).is_some_and(|place| place.offset < end) {
            self.fill(number, offset, buffer)?;
            number += 1;
        }
        Ok(())
    }

    fn write(&self, _offset: u64, _bytes: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn discard(&self, _offset: u64, _length: u64) -> io::Result<()> {
        Ok(())
    }
}
