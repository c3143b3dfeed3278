//! The first blocks of a store: its name and geometry, twice. Written once, at format.
//! Its only clear byte is the format version; everything else looks like noise.

use rand_core::CryptoRng;

use crate::Error;
use crate::codec::{Fields, Malformed, Put};
use crate::device::{BLOCK, Device};
use crate::log::Geometry;
use crate::seal::{DeviceKeys, Piece, SEAL_BYTES, Sealer, StoreId};

/// Newest format this program writes and reads.
pub(crate) const FORMAT_VERSION: u8 = 1;
/// Both copies.
pub(crate) const SUPERBLOCKS_BYTES: u64 = 2 * BLOCK as u64;
/// Where the version byte stands: behind the nonce, so that no tool takes it for a file's magic.
const VERSION_AT: usize = 24;
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
        let sealer = Sealer::new(keys, [0; 16]);
        for copy in 0..2 {
            let offset = copy * BLOCK as u64;
            let mut sealed = vec![0; PLAIN_BYTES + SEAL_BYTES];
            sealed[24..24 + PLAIN_BYTES].copy_from_slice(&self.encode());
            sealer.seal(Piece::Superblock, offset, &mut sealed, rng);
            let mut block = crate::buffer::AlignedBuffer::with_capacity(BLOCK);
            let bytes = block.extend_zeroed(BLOCK);
            bytes[..24].copy_from_slice(&sealed[..24]);
            bytes[VERSION_AT] = FORMAT_VERSION;
            bytes[25..sealed.len() + 1].copy_from_slice(&sealed[24..]);
            device.write(offset, block.as_ref())?;
        }
        Ok(device.sync()?)
    }

    /// Reads whichever copy opens.
    pub(crate) fn read(device: &dyn Device, keys: &DeviceKeys) -> Result<Self, Error> {
        let sealer = Sealer::new(keys, [0; 16]);
        let mut newer = None;
        for copy in 0..2 {
            let offset = copy * BLOCK as u64;
            if device.length() < offset + BLOCK as u64 {
                break;
            }
            let mut block = vec![0; BLOCK];
            device.read(offset, &mut block)?;
            let mut sealed = block[..24].to_vec();
            sealed.extend_from_slice(&block[25..25 + PLAIN_BYTES + 16]);
            if block[VERSION_AT] == FORMAT_VERSION {
                let plain = sealer.open(Piece::Superblock, offset, &sealed);
                if let Some(superblock) = plain.and_then(|plain| Self::decode(&plain).ok()) {
                    return Ok(superblock);
                }
            } else if block[VERSION_AT] > FORMAT_VERSION {
                newer = Some(block[VERSION_AT]);
            }
        }
        match newer {
            // A small number is a later format; any other byte is noise, which says "no store".
            Some(found) if found < 32 => Err(Error::Newer { found, known: FORMAT_VERSION }),
            Some(_) | None => Err(Error::NotAStore),
        }
    }
}
