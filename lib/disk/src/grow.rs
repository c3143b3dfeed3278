//! A store takes over what its device has become longer by. Nothing that lies in it moves.
//! Never while a log is open on it, and never smaller.

use std::sync::Arc;

use rand_core::CryptoRng;

use crate::commit::COMMIT_BYTES_MAX;
use crate::device::{BLOCK, Device};
use crate::error::Error;
use crate::log::{EXTENTS_MAX, Geometry, Log};
use crate::misfit::Misfit;
use crate::put_back::PutBack;
use crate::recovery::FoundLog;
use crate::seal::DeviceKeys;
use crate::superblock::{SUPERBLOCKS_BYTES, Superblock};

/// The division before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grown {
    /// What ruled.
    pub before: Geometry,
    /// What rules now.
    pub after: Geometry,
}

impl Geometry {
    /// The same extents, and as many behind them as the device has become longer by.
    pub fn grown_to(self, length: u64) -> Result<Self, Error> {
        let bytes = u64::from(self.extent_bytes);
        // A commit record names every extent, and twice its length must fit an extent.
        let nameable = ((bytes as usize - 8 * BLOCK) / 2).saturating_sub(COMMIT_BYTES_MAX) / 5;
        let most = (length.saturating_sub(SUPERBLOCKS_BYTES) / bytes).min(nameable as u64);
        let extents = u32::try_from(most.min(u64::from(EXTENTS_MAX))).expect("the minimum is small");
        if extents < self.extents {
            return Err(Error::Geometry(Misfit::DeviceTooShort));
        }
        let grown = Self { extents, reserve: self.reserve.max(extents / 16), ..self };
        grown.check(length)?;
        Ok(grown)
    }
}

/// Grows the store to its device's length. Done again, it finishes what was interrupted and mends a copy of the
/// superblock that does not open.
pub fn grow(device: Arc<dyn Device>, keys: &DeviceKeys, rng: &mut dyn CryptoRng) -> Result<Grown, Error> {
    Log::find(Arc::clone(&device), keys)?.grow(&*device, keys, rng)
}

impl FoundLog {
    /// The same with a log that was found on this device, and that whoever grows it takes for the right one: only now is
    /// anything written.
    pub fn grow(
        self,
        device: &dyn Device,
        keys: &DeviceKeys,
        rng: &mut dyn CryptoRng,
    ) -> Result<Grown, Error> {
        // What does not start is not grown; and a start makes durable what it has seen.
        let (log, _) = self.settle()?;
        let before = log.geometry();
        let after = before.grown_to(device.length())?;
        let said = PutBack::of(device)?;
        let superblock = Superblock { store: log.store(), geometry: after };
        drop(log);
        // A crash before this sync: the first copy is old or new, the second old: the old geometry rules.
        superblock.write_copy(0, said, device, keys, rng)?;
        device.sync()?;
        // A crash before this one: the second is old or new, and so is what rules; a batch that is written over the new one
        // says so, and then the new one rules even where the second copy turns out to be old.
        superblock.write_copy(1, said, device, keys, rng)?;
        device.sync()?;
        Ok(Grown { before, after })
    }
}
