//! One file of copied blocks: written once from front to back, and read as far as it is whole.
//! Never changed once a manifest names it.

use crate::BackupError;
use disk::codec::{Fields, Malformed};
use disk::{Anchor, Range, StoreId};
use minicbor::{Decode, Encode};
use nix::fcntl::OFlag;
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 16] = b"conclave segment";
const VERSION: u8 = 1;
const HEAD_BYTES: usize = 16 + 1 + 16 + Anchor::BYTES + 1;
const RECORD_BYTES: usize = Range::BYTES + 32;
/// A segment that is longer than this is followed by another: what every filesystem takes.
pub(crate) const SEGMENT_BYTES_MAX: u64 = 1 << 30;
/// Written bytes that may be lost with the power while a copy goes on; also what keeps the page cache small.
const UNSYNCED_BYTES_MAX: u64 = 64 << 20;

/// A segment as a manifest names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Listed {
    #[n(0)]
    pub(crate) number: u32,
    #[n(1)]
    pub(crate) bytes: u64,
    /// Over head and records' heads, each of which names the digest of its blocks.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(crate) digest: [u8; 32],
}

/// Which store and which of its states a segment was begun for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) store: StoreId,
    pub(crate) anchor: Anchor,
    /// Every record has blocks that did not read, and are zeros in it.
    pub(crate) torn: bool,
}

impl Head {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = [&MAGIC[..], &[VERSION], &self.store].concat();
        self.anchor.encode(&mut bytes);
        bytes.push(u8::from(self.torn));
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields(bytes);
        if fields.array()? != *MAGIC || fields.u8()? != VERSION {
            return Err(Malformed);
        }
        let head =
            Self { store: fields.array()?, anchor: Anchor::decode(&mut fields)?, torn: fields.flag()? };
        fields.end()?;
        Ok(head)
    }
}

/// One record of a segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record {
    pub(crate) range: Range,
    /// Where its blocks begin in the file.
    pub(crate) at: u64,
    pub(crate) digest: [u8; 32],
}

impl Record {
    /// Reads the blocks and compares them with their digest.
    pub(crate) fn read(&self, file: &File, path: &Path, bytes: &mut Vec<u8>) -> Result<(), BackupError> {
        bytes.resize(self.range.bytes(), 0);
        file.read_exact_at(bytes, self.at).map_err(BackupError::io(path))?;
        if blocks_digest(&self.range, bytes) == self.digest {
            return Ok(());
        }
        Err(BackupError::Damaged { path: path.to_owned(), at: self.at })
    }
}

/// What a record says of its blocks.
pub fn blocks_digest(range: &Range, blocks: &[u8]) -> [u8; 32] {
    let mut head = Vec::with_capacity(Range::BYTES);
    range.encode(&mut head);
    Sha256::new().chain_update(&head).chain_update(blocks).finalize().into()
}

/// Path of a segment.
pub(crate) fn path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("segment-{number:05}"))
}

/// Opens a file that lies on a medium which others may write to: a regular one, in its own name. Opening a pipe would wait for
/// its other end.
pub(crate) fn open_file(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let file = options.custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW).bits()).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "no regular file")),
    }
}

/// A segment being written.
pub(crate) struct Writing {
    file: File,
    path: PathBuf,
    number: u32,
    bytes: u64,
    unsynced: u64,
    digest: Sha256,
    ranges: Vec<Range>,
    torn: bool,
}

impl Writing {
    /// Begins a new file; one of this name is an error.
    pub(crate) fn begin(dir: &Path, number: u32, head: Head) -> Result<Self, BackupError> {
        let path = path(dir, number);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let mut file = file.map_err(BackupError::io(&path))?;
        let (torn, head) = (head.torn, head.encode());
        file.write_all(&head).map_err(BackupError::io(&path))?;
        let (bytes, digest) = (head.len() as u64, Sha256::new_with_prefix(&head));
        Ok(Self { file, path, number, bytes, unsynced: 0, digest, ranges: Vec::new(), torn })
    }

    /// Has it what did not read?
    pub(crate) fn torn(&self) -> bool {
        self.torn
    }

    /// Adds a record. A crash inside leaves a torn one, which the next copy cuts off.
    pub(crate) fn add(&mut self, range: &Range, blocks: &[u8]) -> Result<(), BackupError> {
        let mut head = Vec::with_capacity(RECORD_BYTES);
        range.encode(&mut head);
        head.extend_from_slice(&blocks_digest(range, blocks));
        let failed = BackupError::io(&self.path);
        self.file.write_all(&head).and_then(|()| self.file.write_all(blocks)).map_err(&failed)?;
        self.digest.update(&head);
        let bytes = (head.len() + blocks.len()) as u64;
        self.ranges.push(*range);
        (self.bytes, self.unsynced) = (self.bytes + bytes, self.unsynced + bytes);
        if self.unsynced >= UNSYNCED_BYTES_MAX {
            self.file.sync_data().map_err(&failed)?;
            self.unsynced = 0;
        }
        Ok(())
    }

    /// Is it time for another one?
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= SEGMENT_BYTES_MAX
    }

    /// Makes it durable.
    pub(crate) fn finish(self) -> Result<(Listed, Vec<Range>), BackupError> {
        self.file.sync_all().map_err(BackupError::io(&self.path))?;
        let listed = Listed { number: self.number, bytes: self.bytes, digest: self.digest.finalize().into() };
        Ok((listed, self.ranges))
    }
}

/// A segment as it was found.
pub(crate) struct Found {
    pub(crate) listed: Listed,
    pub(crate) head: Head,
    pub(crate) records: Vec<Record>,
    pub(crate) file: File,
    pub(crate) path: PathBuf,
}

impl Found {
    /// A segment that a manifest names: its length and every record's head must be what the manifest's digest says.
    /// The blocks themselves are compared when they are read.
    pub(crate) fn listed(dir: &Path, listed: &Listed) -> Result<Self, BackupError> {
        let path = path(dir, listed.number);
        let found = match Self::walk(&path, listed.number, false) {
            Err(BackupError::Io { reason, .. }) if reason.kind() == std::io::ErrorKind::NotFound => {
                return Err(BackupError::SegmentMissing { path });
            }
            found => found?,
        };
        match found {
            Some(found) if found.listed == *listed && found.length()? == listed.bytes => Ok(found),
            Some(found) => Err(BackupError::Damaged { path, at: found.listed.bytes.min(listed.bytes) }),
            None => Err(BackupError::Damaged { path, at: 0 }),
        }
    }

    /// What an interrupted copy left, cut off behind its last whole record; `None` when there is nothing in it.
    pub(crate) fn left_over(dir: &Path, number: u32) -> Result<Option<Self>, BackupError> {
        let path = path(dir, number);
        let found = Self::walk(&path, number, true)?.filter(|found| !found.records.is_empty());
        if let Some(found) = &found {
            let file = open_file(OpenOptions::new().write(true), &path).map_err(BackupError::io(&path))?;
            let cut = file.set_len(found.listed.bytes).and_then(|()| file.sync_all());
            cut.map_err(BackupError::io(&path))?;
        }
        Ok(found)
    }

    fn length(&self) -> Result<u64, BackupError> {
        Ok(self.file.metadata().map_err(BackupError::io(&self.path))?.len())
    }

    /// Reads record after record up to the first that is not whole.
    fn walk(path: &Path, number: u32, with_blocks: bool) -> Result<Option<Self>, BackupError> {
        let failed = BackupError::io(path);
        let file = open_file(OpenOptions::new().read(true), path).map_err(&failed)?;
        let length = file.metadata().map_err(&failed)?.len();
        let mut head = [0; HEAD_BYTES];
        if length < HEAD_BYTES as u64 {
            return Ok(None);
        }
        file.read_exact_at(&mut head, 0).map_err(&failed)?;
        let mut digest = Sha256::new_with_prefix(head);
        let Ok(head) = Head::decode(&head) else { return Ok(None) };
        let (mut records, mut at, mut blocks) = (Vec::new(), HEAD_BYTES as u64, Vec::new());
        while at + RECORD_BYTES as u64 <= length && at <= 2 * SEGMENT_BYTES_MAX {
            let mut bytes = [0; RECORD_BYTES];
            file.read_exact_at(&mut bytes, at).map_err(&failed)?;
            let Ok(record) = decode_record(&bytes, at) else { break };
            let end = record.at + record.range.bytes() as u64;
            if end > length || (with_blocks && record.read(&file, path, &mut blocks).is_err()) {
                break;
            }
            digest.update(bytes);
            records.push(record);
            at = end;
        }
        let listed = Listed { number, bytes: at, digest: digest.finalize().into() };
        Ok(Some(Self { listed, head, records, file, path: path.to_owned() }))
    }
}

fn decode_record(bytes: &[u8; RECORD_BYTES], at: u64) -> Result<Record, Malformed> {
    let mut fields = Fields(bytes);
    let range = Range::decode(&mut fields)?;
    Ok(Record { range, at: at + RECORD_BYTES as u64, digest: fields.array()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Head =
        Head { store: [5; 16], anchor: Anchor { batch: 3, commit_at: 8192, digest: [6; 32] }, torn: false };

    fn range(block: u32, blocks: u32) -> Range {
        Range { extent: 1, born: 2, block, blocks }
    }

    fn written(dir: &Path) -> Listed {
        let mut writing = Writing::begin(dir, 1, HEAD).unwrap();
        for n in 0..3 {
            writing.add(&range(n * 2, 2), &[n as u8 + 1; 8192]).unwrap();
        }
        writing.finish().unwrap().0
    }

    #[test]
    fn what_was_written_is_found_and_a_torn_end_is_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        let listed = written(dir.path());
        let found = Found::listed(dir.path(), &listed).unwrap();
        assert!(found.head == HEAD && found.records.len() == 3);
        let mut bytes = Vec::new();
        found.records[2].read(&found.file, &found.path, &mut bytes).unwrap();
        assert_eq!(bytes, [3; 8192]);
        let path = path(dir.path(), 1);
        let whole = std::fs::read(&path).unwrap();
        for cut in [listed.bytes - 1, listed.bytes - 8192, listed.bytes - 8192 - 50] {
            std::fs::write(&path, &whole[..cut as usize]).unwrap();
            assert!(Found::listed(dir.path(), &listed).is_err());
            let left = Found::left_over(dir.path(), 1).unwrap().unwrap();
            assert_eq!(left.records.len(), 2);
            assert_eq!(std::fs::metadata(&path).unwrap().len(), left.listed.bytes);
            assert!(Found::listed(dir.path(), &left.listed).is_ok());
        }
        for nothing in [&whole[..HEAD_BYTES], &whole[..10], &[7; 9000]] {
            std::fs::write(&path, nothing).unwrap();
            assert!(Found::left_over(dir.path(), 1).unwrap().is_none());
        }
    }

    #[test]
    fn every_flipped_byte_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let listed = written(dir.path());
        let path = path(dir.path(), 1);
        let whole = std::fs::read(&path).unwrap();
        for at in (0..whole.len()).step_by(7).chain(HEAD_BYTES..HEAD_BYTES + RECORD_BYTES) {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            std::fs::write(&path, &flipped).unwrap();
            let noticed = Found::listed(dir.path(), &listed).and_then(|found| {
                let mut bytes = Vec::new();
                found.records.iter().try_for_each(|record| record.read(&found.file, &path, &mut bytes))
            });
            assert!(matches!(noticed, Err(BackupError::Damaged { .. })), "byte {at}");
        }
    }
}
