//! The commit record: what makes a batch count. Never written anywhere but at the end of a journal run.

use sha2::{Digest, Sha256};

use crate::codec::{Fields, Malformed, Put};
use crate::extents::{Extent, ExtentTable, Stream, Use};
use crate::log::EXTENTS_MAX;
use crate::run::Position;
use crate::seal::TAG_BYTES;
use crate::superblock::FORMAT_VERSION;

/// Runs one batch may have.
pub(crate) const RUNS_MAX: usize = 64;
/// Extents one batch may free.
pub(crate) const FREED_MAX: usize = 256;
/// Room a journal run keeps for its commit record, without a whole extent table.
pub(crate) const COMMIT_BYTES_MAX: usize = 8192;

/// A sealed frame by its place and a tag of it: enough to know that what is read is what was meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Top {
    /// Where it lies.
    pub position: Position,
    /// The log's own frames of verifiers: their seal's. Others: the inner tag, which the log does not interpret.
    pub tag: [u8; TAG_BYTES],
}

impl Top {
    /// Appends position and tag.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        self.position.encode(bytes);
        bytes.put(&self.tag);
    }

    /// Reads them back.
    pub fn decode(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        Ok(Self { position: Position::decode(fields)?, tag: fields.array()? })
    }
}

/// What the layers above bind to a batch. The log keeps it and gives it back, and interprets nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CommitFields {
    /// Erasure epoch.
    pub epoch: u64,
    /// Top of the key tree.
    pub top: Option<Top>,
    /// Top of the next epoch, only in the tree write of an erasure.
    pub next_top: Option<Top>,
    /// Newest list of leaf keys that are not folded into the tree yet.
    pub pending: Option<Top>,
    /// The two newest snapshots, newest first.
    pub snapshots: [Option<Position>; 2],
    /// Root over all entries up to this batch's last.
    pub journal_root: [u8; 32],
}

/// One run that the batch consists of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunRef {
    pub(crate) stream: Stream,
    pub(crate) extent: Extent,
    pub(crate) offset: u64,
    pub(crate) blocks: u32,
    /// Bytes from the run's start that the digest covers.
    pub(crate) covered: u32,
    pub(crate) digest: [u8; 32],
}

/// The whole record.
#[derive(Clone)]
pub(crate) struct Commit {
    pub(crate) batch: u64,
    /// SHA-256 of the record before this one.
    pub(crate) previous: [u8; 32],
    /// Journal entries up to and with this batch.
    pub(crate) entries: u64,
    pub(crate) fields: CommitFields,
    /// Newest verifier frame.
    pub(crate) verifiers: Option<Top>,
    pub(crate) current: [Extent; 4],
    pub(crate) next_journal: Extent,
    /// Extents that the store had when this was written: no superblock may say fewer.
    pub(crate) extents: u32,
    pub(crate) runs: Vec<RunRef>,
    pub(crate) taken: Vec<(Extent, Stream)>,
    pub(crate) freed: Vec<Extent>,
    /// All extents after this batch: in the first commit record of each journal extent.
    pub(crate) table: Option<Vec<Use>>,
}

fn put_position(bytes: &mut Vec<u8>, position: Option<Position>) {
    bytes.put_u8(u8::from(position.is_some()));
    if let Some(position) = position {
        position.encode(bytes);
    }
}

fn take_position(fields: &mut Fields<'_>) -> Result<Option<Position>, Malformed> {
    if fields.flag()? { Ok(Some(Position::decode(fields)?)) } else { Ok(None) }
}

fn put_top(bytes: &mut Vec<u8>, top: Option<Top>) {
    bytes.put_u8(u8::from(top.is_some()));
    if let Some(top) = top {
        top.encode(bytes);
    }
}

fn take_top(fields: &mut Fields<'_>) -> Result<Option<Top>, Malformed> {
    if fields.flag()? { Ok(Some(Top::decode(fields)?)) } else { Ok(None) }
}

impl Commit {
    pub(crate) fn encode(&self, table: Option<&ExtentTable>) -> Vec<u8> {
        let mut bytes = vec![FORMAT_VERSION];
        bytes.put_u64(self.batch);
        bytes.put(&self.previous);
        bytes.put_u64(self.entries);
        bytes.put_u64(self.fields.epoch);
        put_top(&mut bytes, self.fields.top);
        put_top(&mut bytes, self.fields.next_top);
        put_top(&mut bytes, self.fields.pending);
        self.fields.snapshots.iter().for_each(|snapshot| put_position(&mut bytes, *snapshot));
        bytes.put(&self.fields.journal_root);
        put_top(&mut bytes, self.verifiers);
        self.current.iter().for_each(|extent| bytes.put_u32(*extent));
        bytes.put_u32(self.next_journal);
        bytes.put_u32(self.extents);
        bytes.put_u32(self.runs.len() as u32);
        for run in &self.runs {
            bytes.put_u8(run.stream.number());
            bytes.put_u32(run.extent);
            bytes.put_u64(run.offset);
            bytes.put_u32(run.blocks);
            bytes.put_u32(run.covered);
            bytes.put(&run.digest);
        }
        bytes.put_u32(self.taken.len() as u32);
        for (extent, stream) in &self.taken {
            bytes.put_u32(*extent);
            bytes.put_u8(stream.number());
        }
        bytes.put_u32(self.freed.len() as u32);
        self.freed.iter().for_each(|extent| bytes.put_u32(*extent));
        bytes.put_u8(u8::from(table.is_some()));
        if let Some(table) = table {
            table.encode_uses(&mut bytes);
        }
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields(bytes);
        if fields.u8()? != FORMAT_VERSION {
            return Err(Malformed);
        }
        let (batch, previous, entries, epoch) =
            (fields.u64()?, fields.array()?, fields.u64()?, fields.u64()?);
        let (top, next_top) = (take_top(&mut fields)?, take_top(&mut fields)?);
        let pending = take_top(&mut fields)?;
        let snapshots = [take_position(&mut fields)?, take_position(&mut fields)?];
        let journal_root = fields.array()?;
        let verifiers = take_top(&mut fields)?;
        let current = [fields.u32()?, fields.u32()?, fields.u32()?, fields.u32()?];
        let (next_journal, extents) = (fields.u32()?, fields.u32()?);
        if extents > EXTENTS_MAX {
            return Err(Malformed);
        }
        let mut runs = Vec::new();
        for _ in 0..fields.count(RUNS_MAX)? {
            runs.push(RunRef {
                stream: Stream::from_number(fields.u8()?)?,
                extent: fields.u32()?,
                offset: fields.u64()?,
                blocks: fields.u32()?,
                covered: fields.u32()?,
                digest: fields.array()?,
            });
        }
        let mut taken = Vec::new();
        for _ in 0..fields.count(RUNS_MAX + 1)? {
            taken.push((fields.u32()?, Stream::from_number(fields.u8()?)?));
        }
        let mut freed = Vec::new();
        for _ in 0..fields.count(FREED_MAX)? {
            freed.push(fields.u32()?);
        }
        let table = if fields.flag()? { Some(ExtentTable::decode_uses(&mut fields, extents)?) } else { None };
        fields.end()?;
        let fields = CommitFields { epoch, top, next_top, pending, snapshots, journal_root };
        Ok(Self {
            batch,
            previous,
            entries,
            fields,
            verifiers,
            current,
            next_journal,
            extents,
            runs,
            taken,
            freed,
            table,
        })
    }

    /// Brings the table to the state after this batch.
    pub(crate) fn apply(&self, table: &mut ExtentTable) -> Result<(), Malformed> {
        if let Some(uses) = &self.table {
            if uses.len() > table.uses.len() {
                return Err(Malformed);
            }
            // A record from before a growth knows fewer extents: the others were not there, and so are free.
            table.uses.fill(Use::default());
            table.uses[..uses.len()].copy_from_slice(uses);
        } else {
            for extent in &self.freed {
                *table.uses.get_mut(*extent as usize).ok_or(Malformed)? = Use::default();
            }
            for (extent, stream) in &self.taken {
                let taken = table.uses.get_mut(*extent as usize).ok_or(Malformed)?;
                *taken = Use { stream: Some(*stream), used_blocks: 0 };
            }
            for run in &self.runs {
                let carrying = table.uses.get_mut(run.extent as usize).ok_or(Malformed)?;
                if table.geometry.start(run.extent) > run.offset || carrying.stream != Some(run.stream) {
                    return Err(Malformed);
                }
                carrying.used_blocks = carrying.used_blocks.checked_add(run.blocks).ok_or(Malformed)?;
            }
        }
        table.current = self.current;
        table.next_journal = self.next_journal;
        Ok(())
    }
}

/// Digest that the next record names.
pub(crate) fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
