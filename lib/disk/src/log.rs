//! The segment log: one commit path for journal, bodies, tree and verifiers over one device.
//! Never acknowledges before its sync has returned, and takes nothing more after a failed one.

use std::sync::Arc;

use rand_core::CryptoRng;

use crate::batch::Batch;
use crate::buffer::AlignedBuffer;
use crate::commit::{COMMIT_BYTES_MAX, CommitFields};
use crate::copy::{Copier, Desk};
use crate::device::{BLOCK, Device};
use crate::error::Error;
use crate::extent_walk::ExtentWalk;
use crate::extents::{Claim, Extent, ExtentTable, Space, Stream};
use crate::misfit::Misfit;
use crate::reader::{JournalEntries, Reader};
use crate::recovery::FoundLog;
use crate::run::{FrameRecord, Position};
use crate::seal::{DeviceKeys, Sealer, StoreId};
use crate::superblock::{SUPERBLOCKS_BYTES, Superblock};
use crate::verifiers::{PersonKey, Verifiers};

/// Extents one store may have.
pub(crate) const EXTENTS_MAX: u32 = 16_384;
/// Buffers kept for the next batch, and the largest worth keeping.
const POOL_BUFFERS: usize = 4;
const POOL_BUFFER_BYTES: usize = 4 << 20;

/// Least extents of a reserve: what is kept of it for erasures under way, and as much again and one for officers.
const RESERVE_MIN: u32 = 5;

/// How the device is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Bytes of one extent: blocks, at most 1 GiB.
    pub extent_bytes: u32,
    /// Number of extents.
    pub extents: u32,
    /// Free extents that only urgent batches may take: journal, tree and one compaction.
    pub reserve: u32,
}

impl Geometry {
    /// A sane division of a device: extents of 16 MiB, or smaller ones so that there are at least 32.
    pub fn for_length(length: u64) -> Result<Self, Error> {
        let mut extent_bytes = 16 << 20;
        while extent_bytes > 64 << 10 && length / u64::from(extent_bytes) < 32 {
            extent_bytes /= 2;
        }
        while extent_bytes < 1 << 30 && length / u64::from(extent_bytes) > u64::from(EXTENTS_MAX) {
            extent_bytes *= 2;
        }
        let extents = length.saturating_sub(SUPERBLOCKS_BYTES) / u64::from(extent_bytes);
        let extents = u32::try_from(extents.min(u64::from(EXTENTS_MAX))).expect("the minimum is small");
        let geometry = Self { extent_bytes, extents, reserve: (extents / 16).max(RESERVE_MIN) };
        geometry.check(length)?;
        Ok(geometry)
    }

    pub(crate) fn check(&self, length: u64) -> Result<(), Error> {
        let bytes = self.extent_bytes as usize;
        if !bytes.is_multiple_of(BLOCK) || bytes > 1 << 30 {
            return Err(Error::Geometry(Misfit::ExtentBytes));
        }
        if self.extents > EXTENTS_MAX || self.extents < self.reserve.saturating_add(5) {
            return Err(Error::Geometry(Misfit::ExtentCount));
        }
        if bytes < 2 * (COMMIT_BYTES_MAX + 5 * self.extents as usize) + 8 * BLOCK {
            return Err(Error::Geometry(Misfit::ExtentTooSmall));
        }
        if u64::from(self.extents) * u64::from(self.extent_bytes) + SUPERBLOCKS_BYTES > length {
            return Err(Error::Geometry(Misfit::DeviceTooShort));
        }
        Ok(())
    }

    /// The same extents as there, and maybe more behind them?
    pub(crate) fn extends(&self, other: &Self) -> bool {
        self.extent_bytes == other.extent_bytes && self.extents >= other.extents
    }

    /// Blocks of one extent.
    pub(crate) fn blocks(&self) -> u32 {
        self.extent_bytes / BLOCK as u32
    }

    /// First byte of an extent.
    pub(crate) fn start(&self, extent: Extent) -> u64 {
        SUPERBLOCKS_BYTES + u64::from(extent) * u64::from(self.extent_bytes)
    }
}

/// What a start found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Last batch that counts; 0 in a fresh store.
    pub batch: u64,
    /// Journal entries.
    pub entries: u64,
    /// What the last batch bound.
    pub fields: CommitFields,
    /// Bytes of an unfinished batch's run in the journal that were set aside: never acknowledged to anyone.
    pub set_aside_bytes: u64,
}

/// State that follows from the commit records.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) batch: u64,
    pub(crate) entries: u64,
    pub(crate) digest: [u8; 32],
    /// Where the run begins that ends with the last commit record.
    pub(crate) commit_at: u64,
    pub(crate) fields: CommitFields,
    pub(crate) table: ExtentTable,
    /// The table does not follow from the commit records: the next one carries it whole.
    pub(crate) table_unwritten: bool,
    /// The journal's extents in order, with the index of the first entry in each.
    pub(crate) journal: Vec<(Extent, u64)>,
}

impl State {
    pub(crate) fn fresh(geometry: Geometry) -> Self {
        Self {
            batch: 0,
            entries: 0,
            digest: [0; 32],
            commit_at: 0,
            fields: CommitFields::default(),
            table: ExtentTable::fresh(geometry),
            table_unwritten: false,
            journal: vec![(0, 0)],
        }
    }
}

/// An open store. One writer; any number of [`Reader`]s beside it.
pub struct Log {
    pub(crate) device: Arc<dyn Device>,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) state: State,
    pub(crate) verifiers: Verifiers,
    pub(crate) pool: Vec<AlignedBuffer>,
    pub(crate) poisoned: bool,
    /// Behind a salvage: the mark by which every start refuses the log.
    pub(crate) mark: u64,
    /// Behind a salvage: what does not read is damage ([`Reader::over_bad_sectors`]).
    pub(crate) over_bad_sectors: bool,
    /// What copies are told.
    pub(crate) desk: Arc<Desk>,
}

impl Log {
    /// Makes an empty store on the device. What was there before is lost.
    pub fn format(
        device: &dyn Device,
        keys: &DeviceKeys,
        geometry: Geometry,
        rng: &mut dyn CryptoRng,
    ) -> Result<StoreId, Error> {
        geometry.check(device.length())?;
        let mut store = [0; 16];
        rng.fill_bytes(&mut store);
        Superblock { store, geometry }.write(device, keys, rng)?;
        Ok(store)
    }

    /// The name of the store that these keys open on the device, if there is one. Looks at the superblocks alone.
    pub fn identify(device: &dyn Device, keys: &DeviceKeys) -> Result<Option<StoreId>, Error> {
        match Superblock::read(device, keys.verifiers()) {
            Ok(superblocks) => Ok(superblocks.first().map(|superblock| superblock.store)),
            Err(Error::NotAStore) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// Opens a store and brings it to its last valid batch, which is durable when this returns.
    pub fn open(device: Arc<dyn Device>, keys: &DeviceKeys) -> Result<(Self, Recovered), Error> {
        Self::find(device, keys)?.settle()
    }

    /// Finds a store's last valid batch. Nothing is written until [`FoundLog::settle`].
    pub fn find(device: Arc<dyn Device>, keys: &DeviceKeys) -> Result<FoundLog, Error> {
        let mut superblocks = Superblock::read(&*device, keys.verifiers())?.into_iter();
        let smaller = superblocks.next().ok_or(Error::NotAStore)?;
        let sealer = Arc::new(Sealer::new(keys, smaller.store));
        let find = |geometry: Geometry| {
            geometry.check(device.length())?;
            FoundLog::find(Reader::new(Arc::clone(&device), Arc::clone(&sealer)), geometry)
        };
        match (find(smaller.geometry), superblocks.next()) {
            (Err(Error::SuperblockRolledBack { .. }), Some(larger)) => find(larger.geometry),
            (found, _) => found,
        }
    }

    /// An open log at this state, which is durable.
    pub(crate) fn settled(reader: Reader, state: State, verifiers: Verifiers) -> Self {
        let Reader { device, sealer, .. } = reader;
        let desk = Desk::new(state.clone());
        let (poisoned, mark, over_bad_sectors) = (false, 0, false);
        Self { device, sealer, state, verifiers, pool: Vec::new(), poisoned, mark, over_bad_sectors, desk }
    }

    /// Begins a batch that may take what its claim says.
    pub fn begin<'a>(&'a mut self, claim: Claim, rng: &'a mut dyn CryptoRng) -> Result<Batch<'a>, Error> {
        if self.poisoned {
            return Err(Error::Poisoned);
        }
        // Behind its mark a start would take what nobody has said yet.
        if self.mark > 0 && self.state.batch + 1 >= self.mark {
            return Err(Error::BatchTooLarge("batches before the mark of a salvage"));
        }
        Ok(Batch::new(self, claim, rng))
    }

    /// The store's random name.
    pub fn store(&self) -> StoreId {
        self.sealer.store()
    }

    /// What the last durable batch bound.
    pub fn fields(&self) -> &CommitFields {
        &self.state.fields
    }

    /// Journal entries that are durable.
    pub fn entries(&self) -> u64 {
        self.state.entries
    }

    /// How the device is divided.
    pub fn geometry(&self) -> Geometry {
        self.state.table.geometry
    }

    /// Room left.
    pub fn space(&self) -> Space {
        self.state.table.space()
    }

    /// Bytes of one extent.
    pub fn extent_bytes(&self) -> u64 {
        self.state.table.geometry.extent_bytes.into()
    }

    /// A person's password verifier.
    pub fn verifier(&self, person: PersonKey) -> Option<&[u8]> {
        self.verifiers.by_person.get(&person).map(Vec::as_slice)
    }

    /// A handle that reads beside the writer; cheap to clone.
    pub fn reader(&self) -> Reader {
        let reader = Reader::new(Arc::clone(&self.device), Arc::clone(&self.sealer));
        if self.over_bad_sectors { reader.over_bad_sectors() } else { reader }
    }

    /// Where copies are begun, on other threads.
    pub fn copier(&self) -> Copier {
        Copier::new(Arc::clone(&self.desk), self.reader())
    }

    /// All durable entries from index `from` on, verified one by one. Later batches are not seen.
    pub fn journal_entries(&self, from: u64) -> JournalEntries {
        JournalEntries::new(self.reader(), &self.state, from)
    }

    /// Extents of bodies and tree that are closed, and so may be given back once all their frames are dead.
    pub fn closed_extents(&self) -> Vec<Extent> {
        let table = &self.state.table;
        let sweepable = |extent: &Extent| match table.uses[*extent as usize].stream {
            Some(Stream::Bodies | Stream::Tree) => table.freeable(*extent),
            Some(Stream::Journal | Stream::Verifiers) | None => false,
        };
        (0..table.geometry.extents).filter(sweepable).collect()
    }

    /// Bytes of an extent that runs fill.
    pub fn used_bytes(&self, extent: Extent) -> u64 {
        let blocks = self.state.table.uses.get(extent as usize).map_or(0, |extent| extent.used_blocks);
        u64::from(blocks) * BLOCK as u64
    }

    /// Bytes that the stream still takes before it needs another extent.
    pub fn tail_bytes(&self, stream: Stream) -> u64 {
        let table = &self.state.table;
        let extent = table.current[stream.slot()];
        let used = table.uses.get(extent as usize).map(|extent| u64::from(extent.used_blocks));
        let kept = match stream {
            Stream::Journal => (COMMIT_BYTES_MAX + 5 * table.geometry.extents as usize) as u64,
            Stream::Bodies | Stream::Tree | Stream::Verifiers => 0,
        };
        used.map_or(0, |used| self.extent_bytes().saturating_sub(used * BLOCK as u64 + kept))
    }

    /// First byte of extent 0: from there on the device is divided into extents.
    pub fn extents_start(&self) -> u64 {
        self.state.table.geometry.start(0)
    }

    /// The extent that a position lies in, if it is one of this store.
    pub fn extent_of(&self, position: Position) -> Option<Extent> {
        let geometry = self.state.table.geometry;
        let from = position.offset.checked_sub(geometry.start(0))?;
        let extent = Extent::try_from(from / u64::from(geometry.extent_bytes)).ok()?;
        (extent < geometry.extents).then_some(extent)
    }

    /// Over the frames of a closed extent, for a compaction.
    pub fn walk_extent(&self, extent: Extent) -> Result<ExtentWalk, Error> {
        let table = &self.state.table;
        let used = table.uses.get(extent as usize).ok_or(Error::NotFreeable(extent))?.used_blocks;
        Ok(ExtentWalk::new(self.reader(), table.geometry.start(extent), used))
    }

    /// Every frame of an extent with its owner, whole. Damage is an error, never an empty list.
    pub fn frames_of_extent(&self, extent: Extent) -> Result<Vec<FrameRecord>, Error> {
        let table = &self.state.table;
        let used = table.uses.get(extent as usize).ok_or(Error::NotFreeable(extent))?.used_blocks;
        self.reader().frames(table.geometry.start(extent), used)
    }

    pub(crate) fn give_back(&mut self, buffers: Vec<AlignedBuffer>) {
        self.pool = buffers;
        self.pool.retain(|buffer| buffer.capacity() <= POOL_BUFFER_BYTES);
        self.pool.truncate(POOL_BUFFERS);
    }
}
