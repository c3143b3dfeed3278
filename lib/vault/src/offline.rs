//! What is done to a store that nobody has open: is there one, may one be made, does it grow.
//! Never reads a root: whether the cells hold one is all that is asked here.

use std::sync::Arc;

use disk::{Device, Geometry, Grown, LockedVerifiers, Log, Owner, Scan, StoreId};
use rand_core::CryptoRng;

use crate::cell::CellSlot;
use crate::error::Error;
use crate::mirror::Keeper;
use crate::open::Fitting;
use crate::place::{FrameKind, parts};
use crate::root_slot::RootSlot;
use crate::secret::Mask;
use crate::vault::Vault;

/// What a device and its cells are to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The cells hold no keys that open a store on this device.
    NoStore {
        /// But they hold a root, or what may be one: of a store that is elsewhere.
        rooted: bool,
        /// And device keys, whose store is elsewhere or was not yet begun.
        keyed: bool,
    },
    /// A store whose making was interrupted before it had a whole root. Nothing is in it; it is made once more.
    Unfinished(StoreId),
    /// A store that holds entries and whose cells have lost its root. It is never made anew.
    RootLost(StoreId),
    /// A store, and a root.
    Store(StoreId),
}

impl Keeper {
    /// Does any cell that is here hold a root, or what may be one?
    fn holds_root(&self) -> Result<bool, Error> {
        for (_, cell) in self.here() {
            if !cell.read(CellSlot::Even)?.is_empty() || !cell.read(CellSlot::Odd)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What these cells and this device are to each other. Randomness is for memory only.
    pub fn standing(&mut self, device: Arc<dyn Device>, rng: &mut dyn CryptoRng) -> Result<Standing, Error> {
        let rooted = self.holds_root()?;
        let keys = match self.device_keys() {
            Ok(keys) => keys,
            Err(Error::NoRoot(_)) => return Ok(Standing::NoStore { rooted, keyed: false }),
            Err(other) => return Err(other),
        };
        let Some(store) = Log::identify(&*device, &keys)? else {
            return Ok(Standing::NoStore { rooted, keyed: true });
        };
        if self.holds_root_of(&store, rng)? {
            return Ok(Standing::Store(store));
        }
        // The root is the last thing that the making writes, and no entry comes before it.
        match Log::open(device, &keys)?.0.entries() {
            0 => Ok(Standing::Unfinished(store)),
            _ => Ok(Standing::RootLost(store)),
        }
    }

    /// Does any cell that is here hold a whole root of this store?
    fn holds_root_of(&self, store: &StoreId, rng: &mut dyn CryptoRng) -> Result<bool, Error> {
        let mask = Mask::new(rng)?;
        for (_, cell) in self.here() {
            for slot in [CellSlot::Even, CellSlot::Odd] {
                if RootSlot::decode(&cell.read(slot)?, store, &mask).is_some() {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The password verifiers on this device, with the one key that no unlock secret seals: what a locked store knows people
    /// by. See [`LockedVerifiers`] for what nobody notices before unlock.
    pub fn locked_verifiers(&self, device: &dyn Device) -> Result<LockedVerifiers, Error> {
        let key = self.verifiers_key()?.ok_or(Error::NoRoot(self.kind()))?;
        Ok(LockedVerifiers::read(device, &key)?)
    }

    /// Destroys every root in every cell that is here: whatever store rests on them can never be read again. For a person
    /// who has said which store he means, or for what an interrupted making left of a root.
    pub fn give_up(&mut self) -> Result<(), Error> {
        for cell in self.here_mut() {
            cell.destroy(CellSlot::Even)?;
            cell.destroy(CellSlot::Odd)?;
        }
        Ok(())
    }
}

impl Vault {
    /// How the device is divided.
    pub fn geometry(&self) -> Geometry {
        self.log.geometry()
    }

    /// Reads and authenticates everything below the keys of bodies; see [`Log::scan`].
    pub fn scan(&self, progress: &mut dyn FnMut(u64)) -> Result<Scan, Error> {
        Ok(self.log.scan(progress)?)
    }

    /// Bytes that [`Vault::scan`] will read.
    pub fn scan_bytes(&self) -> u64 {
        self.log.scan_bytes()
    }
}

/// Grows a store into what its device has become longer by; see [`disk::grow`]. As at a start, nothing is written before the cells
/// have taken the log for theirs.
pub fn grow(
    device: Arc<dyn Device>,
    keeper: impl Into<Keeper>,
    rng: &mut dyn CryptoRng,
) -> Result<Grown, Error> {
    let fitting = Fitting::find(Arc::clone(&device), &mut keeper.into(), rng)?;
    Ok(fitting.found.grow(&*device, &fitting.keys, rng)?)
}

/// What a frame of the bodies or the tree is for, in words for whoever reads a report of damage.
pub fn owner_words(owner: &Owner) -> String {
    let Some((kind, _, conversation, item, index)) = parts(owner) else { return "nobody known".into() };
    match kind {
        FrameKind::Item => format!("the body of item {item} in conversation {conversation}"),
        FrameKind::Chunk => format!("chunk {index} of item {item} in conversation {conversation}"),
        FrameKind::Pending => "bodies whose keys are not yet in the key tree".into(),
        FrameKind::Top => "the top of the key tree: every body".into(),
        FrameKind::Conversations => "the key tree above the conversations: many bodies".into(),
        FrameKind::Items => format!("the key tree of conversation {conversation}: some or all of its bodies"),
        FrameKind::Chunks => {
            format!("the key tree of item {item} in conversation {conversation}: its chunks")
        }
        FrameKind::Snapshot => "a snapshot, which a start can do without".into(),
    }
}
