//! A store that lives, and a copy of it that is brought from state to state.

use std::sync::Arc;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use disk::{
    BLOCK, Claim, CommitFields, CopyBuffer, CopyError, Cover, Device, DeviceKeys, Error, Extent, Geometry,
    Log, MemoryDevice, Outline, Position, Range, Restoring, Still,
};

pub(crate) const GEOMETRY: Geometry = Geometry { extent_bytes: 64 * 1024, extents: 80, reserve: 3 };
pub(crate) const LENGTH: u64 = 64 * 1024 * 81;

pub(crate) fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

pub(crate) fn keys() -> DeviceKeys {
    DeviceKeys::of(&[1; 32], &[2; 32]).unwrap()
}

/// A store whose bodies live in rings: what is old is freed.
pub(crate) struct Life {
    pub(crate) device: Arc<MemoryDevice>,
    pub(crate) log: Log,
    pub(crate) random: ChaCha20Rng,
    pub(crate) bodies: Vec<(Position, Vec<u8>)>,
}

impl Life {
    pub(crate) fn new(seed: u64) -> Self {
        let device = Arc::new(MemoryDevice::new(LENGTH));
        let mut random = rng(seed);
        Log::format(&*device, &keys(), GEOMETRY, &mut random).unwrap();
        let (log, _) = Log::open(device.clone(), &keys()).unwrap();
        Self { device, log, random, bodies: Vec::new() }
    }

    pub(crate) fn extent(position: Position) -> Extent {
        ((position.offset - 2 * BLOCK as u64) / u64::from(GEOMETRY.extent_bytes)) as Extent
    }

    /// A batch with a body of some kilobytes.
    pub(crate) fn step(&mut self) -> Result<(), Error> {
        let mut body = vec![0; 5000 + (self.random.next_u64() % 20_000) as usize];
        self.random.fill_bytes(&mut body);
        let mut batch = self.log.begin(Claim::Ordinary, &mut self.random)?;
        batch.entry(b"said")?;
        let position = batch.body(&[3; 32], body.len(), |slot, _| slot.copy_from_slice(&body))?;
        batch.commit(CommitFields { epoch: 7, ..CommitFields::default() })?;
        self.bodies.push((position, body));
        Ok(())
    }

    /// A batch without one.
    pub(crate) fn say(&mut self) {
        let mut batch = self.log.begin(Claim::Ordinary, &mut self.random).unwrap();
        batch.entry(b"said").unwrap();
        batch.commit(CommitFields { epoch: 7, ..CommitFields::default() }).unwrap();
    }

    /// Frees the oldest extent of bodies that is closed.
    pub(crate) fn free_oldest(&mut self) -> bool {
        let closed = self.log.closed_extents();
        let oldest = self.bodies.iter().map(|(position, _)| Self::extent(*position));
        let Some(oldest) = oldest.into_iter().find(|extent| closed.contains(extent)) else { return false };
        self.bodies.retain(|(position, _)| Self::extent(*position) != oldest);
        let mut batch = self.log.begin(Claim::Urgent, &mut self.random).unwrap();
        batch.free(oldest).unwrap();
        batch.commit(CommitFields { epoch: 7, ..CommitFields::default() }).unwrap();
        true
    }
}

/// What a copy keeps.
#[derive(Default)]
pub(crate) struct Copy {
    pub(crate) cover: Cover,
    pub(crate) pieces: Vec<(Range, Vec<u8>)>,
    pub(crate) outline: Option<Outline>,
    /// Pieces that did not read whole.
    pub(crate) unread: u32,
}

impl Copy {
    /// Brings it to a state; `between` runs before each piece. Gives how many bytes were read.
    pub(crate) fn bring(&mut self, still: &Still, mut between: impl FnMut()) -> Result<usize, CopyError> {
        let mut buffer = CopyBuffer::new();
        let mut bytes = 0;
        for range in self.cover.missing(still.outline()) {
            between();
            self.unread += u32::from(!still.read(&range, &mut buffer)?);
            assert!(self.cover.add(&range));
            bytes += range.bytes();
            self.pieces.push((range, buffer.as_ref().to_vec()));
        }
        self.outline = Some(Outline::decode(&still.outline().encode()).unwrap());
        Ok(bytes)
    }

    pub(crate) fn restore(&self, device: &dyn Device) -> Result<(), Error> {
        let outline = self.outline.as_ref().unwrap();
        let mut restoring = Restoring::new(device, outline)?;
        for (range, bytes) in self.pieces.iter().filter(|(range, _)| outline.holds(range)) {
            restoring.put(range, bytes)?;
        }
        restoring.finish()
    }

    /// Where the device holds what is in the way of a restore.
    pub(crate) fn in_the_way(&self, device: &dyn Device) -> Option<u64> {
        let outline = self.outline.as_ref().unwrap();
        let mut restoring = Restoring::new(device, outline).unwrap();
        let mut found = restoring.find_superblocks().unwrap();
        let mut pieces: Vec<_> = self.pieces.iter().filter(|(range, _)| outline.holds(range)).collect();
        pieces.sort_by_key(|(range, _)| outline.offset(range));
        let mut at = 2 * BLOCK as u64;
        for (range, bytes) in pieces {
            found = found.or(restoring.find_foreign(at, outline.offset(range)).unwrap());
            found = found.or(restoring.find_covered(range, bytes).unwrap());
            at = outline.offset(range) + bytes.len() as u64;
        }
        found.or(restoring.find_foreign(at, device.length()).unwrap())
    }

    /// The restored store opens as the state that was held, and every body of it is there.
    pub(crate) fn assert_opens(&self, bodies: &[(Position, Vec<u8>)]) {
        let device = Arc::new(MemoryDevice::new(LENGTH));
        self.restore(&*device).unwrap();
        assert_opens(device, self.outline.as_ref().unwrap(), bodies);
    }
}

pub(crate) fn assert_opens(device: Arc<dyn Device>, outline: &Outline, bodies: &[(Position, Vec<u8>)]) {
    let (log, recovered) = Log::open(device, &keys()).unwrap();
    assert_eq!((recovered.batch, recovered.entries), (outline.anchor.batch, outline.entries));
    assert_eq!((recovered.set_aside_bytes, recovered.fields.epoch), (0, outline.epoch));
    assert!(log.journal_entries(0).all(|entry| entry.unwrap().bytes == b"said"));
    for (position, body) in bodies {
        assert!(log.reader().body(*position).unwrap() == *body);
    }
    for extent in log.closed_extents() {
        log.frames_of_extent(extent).unwrap();
    }
}
