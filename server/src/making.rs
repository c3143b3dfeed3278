//! Where a store is to be: what stands there, what may be made of it, and the making.
//! Never overwrites what was not named to it exactly, and never makes a root over a store that holds anything.

use crate::cells;
use crate::config::StoreConfig;
use crate::overlay::OverlayDevice;
use crate::probe::{self, Found};
use crate::randomness;
use crate::store::{self, StoreError};
use disk::{Device, FileDevice, Geometry, LockedVerifiers, Medium, MediumKind, Preallocation};
use std::sync::Arc;
use vault::{CellKind, Keeper, Limits, Standing, Vault};

/// What stands in the places that the configuration names. Device and cells are held while it lives.
pub(crate) struct Ground {
    /// Absent: there is no file; a container will be made.
    device: Option<Arc<Medium>>,
    /// Absent: there is no cell yet.
    keeper: Option<Keeper>,
    /// What device and cells are to each other.
    pub(crate) standing: Standing,
    /// What a making would overwrite.
    pub(crate) found: Vec<Found>,
}

/// Looks, and changes nothing.
pub(crate) fn survey(config: &StoreConfig) -> Result<Ground, StoreError> {
    let device = match store::lock(config) {
        Ok(medium) => Some(Arc::new(medium)),
        Err(StoreError::Missing { .. }) => None,
        // Of no length that a container has.
        Err(StoreError::Vault(vault::Error::Disk(disk::Error::NotAStore))) => {
            return Err(StoreError::Exists { path: config.path.clone() });
        }
        Err(other) => return Err(other),
    };
    let mut keeper = match cells::open(config) {
        Ok(keeper) => Some(keeper),
        Err(StoreError::CellMissing { .. }) => None,
        Err(other) => {
            if !cells::are_undrawn(config)? {
                return Err(other);
            }
            None
        }
    };
    let looked_at: Arc<dyn Device> = match &device {
        // Under glass: an unfinished store is opened to see that nothing is in it.
        Some(medium) => Arc::new(OverlayDevice::new(Arc::clone(medium))),
        None => Arc::new(disk::MemoryDevice::new(0)),
    };
    let standing = match &mut keeper {
        Some(keeper) => keeper.standing(looked_at, &mut randomness::rng())?,
        None => Standing::NoStore { rooted: false, keyed: false },
    };
    let found = match (&device, standing) {
        (None, _) | (_, Standing::Unfinished(_) | Standing::RootLost(_)) => Vec::new(),
        (Some(_), Standing::Store(store)) => {
            let name = store[..4].iter().map(|byte| format!("{byte:02x}")).collect();
            vec![Found { kind: "conclave-store", name }]
        }
        (Some(medium), Standing::NoStore { .. }) => {
            probe::look(&**medium).map_err(|reason| StoreError::Io { path: config.path.clone(), reason })?
        }
    };
    Ok(Ground { device, keeper, standing, found })
}

/// What a locked store can be asked: on what it lies, and whom it would know before it is unlocked.
pub(crate) struct Locked {
    pub(crate) medium: MediumKind,
    pub(crate) bytes: u64,
    pub(crate) verifiers: LockedVerifiers,
    pub(crate) cell_kind: CellKind,
    /// It was put back from a backup, and no server starts it before somebody has answered for that.
    pub(crate) is_barred: bool,
}

/// Looks at a store whose unlock secret is not here, and changes nothing.
pub(crate) fn locked(config: &StoreConfig) -> Result<Locked, StoreError> {
    let (device, keeper) = (store::lock(config)?, cells::open(config)?);
    let verifiers = keeper.locked_verifiers(&device)?;
    let (medium, bytes) = (device.kind(), device.length());
    let is_barred = store::is_barred(&device, config)?;
    Ok(Locked { medium, bytes, verifiers, cell_kind: keeper.kind(), is_barred })
}

/// Cells by whether they are this store's, as people read their places.
pub(crate) struct Whose {
    /// Each opens the store and holds a root of it, or has lost it.
    pub(crate) own: Vec<String>,
    /// Each is another store's, or no cell at all.
    pub(crate) foreign: Vec<String>,
}

/// Looks at each cell by itself, and changes nothing. One that is away or blank is neither the store's nor foreign.
pub(crate) fn whose_cells(config: &StoreConfig) -> Result<Whose, StoreError> {
    let device: Arc<dyn Device> = Arc::new(OverlayDevice::new(store::lock(config)?));
    let mut whose = Whose { own: Vec::new(), foreign: Vec::new() };
    for (place, keeper) in cells::each_alone(config)? {
        let Some(mut keeper) = keeper else { continue };
        let place = cells::shown(&place).display().to_string();
        match keeper.standing(Arc::clone(&device), &mut randomness::rng()) {
            Ok(Standing::Store(_) | Standing::Unfinished(_) | Standing::RootLost(_)) => whose.own.push(place),
            // Not opened, it is not known to be the store's.
            Ok(Standing::NoStore { .. }) | Err(_) => whose.foreign.push(place),
        }
    }
    Ok(whose)
}

impl Ground {
    /// Reads on where a glance has found nothing, to the end of the device: whoever makes a store has asked this before. `told` hears
    /// how many bytes of how many are through.
    pub(crate) fn look_through(
        &mut self,
        config: &StoreConfig,
        mut told: impl FnMut(u64, u64),
    ) -> Result<(), StoreError> {
        let (Some(device), Standing::NoStore { .. }) = (&self.device, self.standing) else { return Ok(()) };
        if self.found.is_empty() {
            let all = device.length();
            let found = probe::look_through(&**device, |through| told(through, all));
            let failed = |reason| StoreError::Io { path: config.path.clone(), reason };
            self.found.extend(found.map_err(failed)?);
        }
        Ok(())
    }

    /// What the store would lie on; `None` where a container is still to be made.
    pub(crate) fn medium(&self) -> Option<(MediumKind, u64)> {
        self.device.as_ref().map(|device| (device.kind(), device.length()))
    }

    /// No cell is there yet.
    pub(crate) fn has_no_cell(&self) -> bool {
        self.keeper.is_none()
    }

    /// No cell is there, or a blank one, and bytes are that nothing but a cell could name: a store whose cell is away, or was
    /// overwritten, looks so.
    pub(crate) fn is_nameless(&self) -> bool {
        let is_blank = matches!(self.standing, Standing::NoStore { rooted: false, keyed: false });
        (self.has_no_cell() || is_blank) && self.found.iter().any(|found| found.kind == probe::UNKNOWN)
    }

    /// Why no store is made here, unless exactly what is there was named to be overwritten.
    pub(crate) fn refuse(&self, config: &StoreConfig, overwrite: Option<&str>) -> Result<(), StoreError> {
        match self.standing {
            Standing::NoStore { rooted: true, .. } if self.device.is_none() => {
                return Err(StoreError::Away { path: config.path.clone() });
            }
            Standing::NoStore { rooted: true, .. } => return Err(StoreError::RootOfAnother),
            Standing::RootLost(_) => return Err(StoreError::RootLost { path: config.path.clone() }),
            Standing::NoStore { rooted: false, .. } | Standing::Unfinished(_) | Standing::Store(_) => {}
        }
        let found = probe::shown(&self.found);
        match overwrite {
            None if found.is_empty() => Ok(()),
            Some(named) if named == found => Ok(()),
            None | Some(_) if self.is_nameless() => {
                Err(StoreError::Nameless { path: config.path.clone(), found })
            }
            None | Some(_) => Err(StoreError::Occupied { path: config.path.clone(), found }),
        }
    }

    fn bytes(&self, config: &StoreConfig) -> u64 {
        self.device.as_ref().map_or(config.bytes, |device| device.length())
    }

    /// How a store that is made here is divided.
    pub(crate) fn geometry(&self, config: &StoreConfig) -> Result<Geometry, StoreError> {
        Geometry::for_length(self.bytes(config)).map_err(|error| StoreError::of_disk(error, &config.path))
    }

    /// Makes an empty store; whoever calls has asked [`Self::refuse`].
    pub(crate) fn make(self, config: &StoreConfig) -> Result<Vault, StoreError> {
        let failed = |error| StoreError::of_disk(error, &config.path);
        let (bytes, geometry) = (self.bytes(config), self.geometry(config)?);
        // Nothing is overwritten before it is known that the cells are all here and can be founded.
        let keeper = match (self.keeper, self.standing) {
            (Some(mut keeper), Standing::Store(_) | Standing::Unfinished(_)) => {
                keeper.check_here()?;
                // A crash behind this line: an unfinished store, which the same command finishes.
                keeper.give_up()?;
                keeper
            }
            (opened, _) => {
                drop(opened);
                let keeper = cells::create(config)?;
                keeper.check_free()?;
                keeper
            }
        };
        let device = match self.device {
            Some(device) => {
                clear(&device, !self.found.is_empty()).map_err(failed)?;
                device
            }
            None => {
                let made = FileDevice::create(&config.path, bytes, Preallocation::Write);
                Arc::new(Medium::Container(made.map_err(failed)?))
            }
        };
        // A crash inside: no root yet, and nothing in the store; the same command makes it once more.
        Ok(Vault::create(device, keeper, geometry, Limits::default(), &mut randomness::rng())?)
    }
}

/// Signatures go, so that no tool sees a filesystem where there is none; the rest is written with zeros or discarded, where the
/// device takes either.
fn clear(device: &Medium, overwritten: bool) -> Result<(), disk::Error> {
    match device {
        Medium::Container(container) => container.fill(),
        Medium::Raw(raw) => {
            // Hygiene; a device that cannot keeps what it had.
            let _kept = raw.discard(0, raw.length());
            if overwritten {
                probe::wipe(raw)?;
            }
            Ok(raw.sync()?)
        }
    }
}
