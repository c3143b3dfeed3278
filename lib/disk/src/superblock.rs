//! The first blocks of a store: its name and geometry, twice. Written at format, and anew when the store grows.
//! Its only clear byte is the format version; everything else looks like noise.

use rand_core::CryptoRng;

use crate::Error;
use crate::buffer::AlignedBuffer;
use crate::codec::{Fields, Malformed, Put};
use crate::device::{BLOCK, Device};
use crate::log::Geometry;
use crate::put_back::{self, MARK_AT, MARK_BYTES, PutBack};
use crate::reader::blocks;
use crate::seal::{DeviceKeys, NONCE_BYTES, Opener, Piece, SEAL_BYTES, Sealer, StoreId, VerifiersKey};

/// Newest format this program writes and reads.
pub(crate) const FORMAT_VERSION: u8 = 1;
/// Both copies.
pub(crate) const SUPERBLOCKS_BYTES: u64 = 2 * BLOCK as u64;
/// Where the noise begins in its block. At the block's very beginning `file` took one in twenty for a key, a program or
/// an archive: any two bytes are somebody's magic there.
const SEALED_AT: usize = 64;
/// Where the version byte stands: behind the nonce, before what is sealed.
const VERSION_AT: usize = SEALED_AT + NONCE_BYTES;
const PLAIN_BYTES: usize = 28;

/// What the superblock says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Superblock {
    pub(crate) store: StoreId,
    pub(crate) geometry: Geometry,
}

impl Superblock {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(PLAIN_BYTES);
        bytes.put(&self.store);
        bytes.put_u32(self.geometry.extent_bytes);
        bytes.put_u32(self.geometry.extents);
        bytes.put_u32(self.geometry.reserve);
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields(bytes);
        let store = fields.array()?;
        let geometry =
            Geometry { extent_bytes: fields.u32()?, extents: fields.u32()?, reserve: fields.u32()? };
        fields.end()?;
        Ok(Self { store, geometry })
    }

    /// Writes both copies and syncs.
    pub(crate) fn write(
        &self,
        device: &dyn Device,
        keys: &DeviceKeys,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), Error> {
        self.write_copy(0, PutBack::No, device, keys, rng)?;
        self.write_copy(1, PutBack::No, device, keys, rng)?;
        Ok(device.sync()?)
    }

    /// Submits one of the two copies, with what was said of a store that was put back. Without that, all that is not zero lies in
    /// one sector, so a power cut leaves the old or the new.
    pub(crate) fn write_copy(
        &self,
        copy: u64,
        said: PutBack,
        device: &dyn Device,
        keys: &DeviceKeys,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), Error> {
        let offset = copy * BLOCK as u64;
        let mut sealed = vec![0; PLAIN_BYTES + SEAL_BYTES];
        sealed[NONCE_BYTES..NONCE_BYTES + PLAIN_BYTES].copy_from_slice(&self.encode());
        Sealer::new(keys, [0; 16]).seal(Piece::Superblock, offset, &mut sealed, rng);
        let (nonce, rest) = sealed.split_at(NONCE_BYTES);
        let mut block = AlignedBuffer::with_capacity(BLOCK);
        let bytes = block.extend_zeroed(BLOCK);
        bytes[SEALED_AT..VERSION_AT].copy_from_slice(nonce);
        bytes[VERSION_AT] = FORMAT_VERSION;
        bytes[VERSION_AT + 1..VERSION_AT + 1 + rest.len()].copy_from_slice(rest);
        said.mark_all(bytes);
        Ok(device.write(offset, block.as_ref())?)
    }

    /// Reads both copies, and gives what they say, fewer extents first. They differ only while a growth is under way or
    /// was interrupted. Then the smaller geometry rules until both have the larger one; but where a commit record was
    /// written over the larger one, that one was durable before, and rules. So a start has nothing to write here: a copy
    /// that it has from a cache only is one that no batch needs, and neither is ever in flight but while a store grows.
    pub(crate) fn read(device: &dyn Device, key: &VerifiersKey) -> Result<Vec<Self>, Error> {
        let opener = key.opener([0; 16]);
        let (mut found, mut newer, mut unread): (Vec<Self>, _, _) = (Vec::new(), None, None);
        for copy in 0..2 {
            match Self::read_copy(copy, device, opener) {
                Copy::Opens(superblock) => found.push(superblock),
                // The other one is enough; where it is not, nobody can say that there is no store.
                Copy::Unread(error) => unread = Some(error),
                // A small number is a later format; any other byte is noise, which says "no store".
                Copy::Version(version) if version > FORMAT_VERSION && version < 32 => newer = Some(version),
                Copy::Version(_) => {}
            }
        }
        found.sort_by_key(|superblock| superblock.geometry.extents);
        match (found.first().copied(), newer, unread) {
            (Some(smaller), _, _) => {
                // Two stores in one place, a format over another one that was interrupted: never one for the other.
                found.retain(|other| {
                    other.store == smaller.store && other.geometry.extends(&smaller.geometry)
                });
                Ok(found)
            }
            (None, Some(found), _) => Err(Error::Newer { found, known: FORMAT_VERSION }),
            (None, None, Some(unread)) => Err(unread),
            (None, None, None) => Err(Error::NotAStore),
        }
    }

    /// The copies that do not read, do not open, or hold bytes beside what is sealed.
    pub(crate) fn damaged_copies(device: &dyn Device, key: &VerifiersKey) -> Vec<u64> {
        let is_clean = |copy: &u64| {
            let Ok(block) = blocks(device, copy * BLOCK as u64, BLOCK) else { return false };
            let end = VERSION_AT + 1 + PLAIN_BYTES + SEAL_BYTES - NONCE_BYTES;
            let bytes = block.as_ref();
            let rest = [&bytes[..SEALED_AT], &bytes[end..MARK_AT], &bytes[MARK_AT + MARK_BYTES..]];
            rest.into_iter().flatten().all(|byte| *byte == 0) && put_back::is_clean(bytes)
        };
        let opens =
            |copy: &u64| matches!(Self::read_copy(*copy, device, key.opener([0; 16])), Copy::Opens(_));
        (0..2).filter(|copy| !(is_clean(copy) && opens(copy))).collect()
    }

    fn read_copy(copy: u64, device: &dyn Device, opener: Opener<'_>) -> Copy {
        let offset = copy * BLOCK as u64;
        if device.length() < offset + BLOCK as u64 {
            return Copy::Version(0);
        }
        let block = match blocks(device, offset, BLOCK) {
            Ok(block) => block,
            Err(error) => return Copy::Unread(error),
        };
        let bytes = block.as_ref();
        let version = bytes[VERSION_AT];
        let mut sealed = bytes[SEALED_AT..VERSION_AT].to_vec();
        sealed.extend_from_slice(&bytes[VERSION_AT + 1..][..PLAIN_BYTES + SEAL_BYTES - NONCE_BYTES]);
        let plain = opener.open(Piece::Superblock, offset, &sealed).filter(|_| version == FORMAT_VERSION);
        match plain.and_then(|plain| Self::decode(&plain).ok()) {
            Some(superblock) => Copy::Opens(superblock),
            None => Copy::Version(version),
        }
    }
}

/// What stands in one copy's place.
enum Copy {
    Opens(Superblock),
    /// Nothing that opens; the byte where the version would be.
    Version(u8),
    /// The block does not read.
    Unread(Error),
}
