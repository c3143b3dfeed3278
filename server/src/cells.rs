//! The root cells that the configuration names: opened, made, opened again when one was away; and the unlock secret.
//! Never says what a cell holds, and never lets one cell stand for two.

use crate::cell_place::CellPlace;
use crate::config::StoreConfig;
use crate::keys::CREDENTIALS_VARIABLE;
use crate::overlay::OverlayCell;
use crate::randomness;
use crate::store::StoreError;
use crate::unlock;
use disk::BlockDevice;
use std::path::{Path, PathBuf};
use vault::{
    CellAt, CellError, CellKind, FileCell, Keeper, RootCell, SectorCell, TpmAuth, TpmCell, TpmError, TpmPlace,
};

/// Name of the credential with a TPM cell's authorisation value.
const AUTH_CREDENTIAL: &str = "cell";

impl CellPlace {
    /// What stands there when it stands.
    pub(crate) fn kind(&self) -> CellKind {
        match self {
            Self::File(_) => CellKind::File,
            Self::Sector(_) => CellKind::Sector,
            Self::Tpm(_) => CellKind::Tpm,
        }
    }
}

/// The places of all cells, the first one first.
fn places(config: &StoreConfig) -> impl Iterator<Item = &CellPlace> {
    std::iter::once(&config.cell).chain(&config.second_cell)
}

/// The cells that are files: what `create` would have to make.
pub(crate) fn files(config: &StoreConfig) -> impl Iterator<Item = &Path> {
    places(config).filter_map(|place| match place {
        CellPlace::File(path) => Some(path.as_path()),
        CellPlace::Sector(_) | CellPlace::Tpm(_) => None,
    })
}

/// Opens what a place names. A second server is refused here.
fn open_one(place: &CellPlace, config: &StoreConfig) -> Result<Box<dyn RootCell>, CellError> {
    Ok(match place {
        CellPlace::Tpm(base) => {
            Box::new(TpmCell::open(tpm(config)?, *base, auth(config)?, Box::new(randomness::rng()))?)
        }
        CellPlace::File(path) => Box::new(FileCell::open(path)?),
        CellPlace::Sector(path) => Box::new(SectorCell::open(block_device(path)?)?),
    })
}

/// Makes a blank cell, or takes one that an interrupted `init` has made.
fn create_one(place: &CellPlace, config: &StoreConfig) -> Result<Box<dyn RootCell>, CellError> {
    Ok(match place {
        CellPlace::Tpm(base) => {
            let rng = Box::new(randomness::rng());
            Box::new(TpmCell::create(tpm(config)?, *base, &auth_path(config)?, rng)?)
        }
        CellPlace::File(path) if path.symlink_metadata().is_ok() => Box::new(FileCell::open(path)?),
        CellPlace::File(path) => Box::new(FileCell::create(path)?),
        CellPlace::Sector(path) => Box::new(SectorCell::create(block_device(path)?)?),
    })
}

fn tpm(config: &StoreConfig) -> Result<&TpmPlace, CellError> {
    let missing = || CellError::Io(std::io::ErrorKind::NotFound.into());
    config.tpm.as_ref().map(|at| &at.0).ok_or_else(missing)
}

/// The credential of the service manager, or the file that the configuration names.
fn auth_path(config: &StoreConfig) -> Result<PathBuf, CellError> {
    let credential =
        std::env::var_os(CREDENTIALS_VARIABLE).map(|dir| PathBuf::from(dir).join(AUTH_CREDENTIAL));
    let named = || config.cell_auth.clone().ok_or(CellError::Tpm(TpmError::AuthFile));
    credential.filter(|path| path.exists()).map_or_else(named, Ok)
}

fn auth(config: &StoreConfig) -> Result<TpmAuth, CellError> {
    Ok(TpmAuth::read(&auth_path(config)?)?.ok_or(TpmError::AuthFile)?)
}

fn block_device(path: &Path) -> Result<BlockDevice, CellError> {
    match BlockDevice::open(path) {
        Ok(device) => Ok(device),
        Err(disk::Error::InUse) => Err(CellError::InUse),
        Err(disk::Error::Io(reason)) => Err(CellError::Io(reason)),
        Err(other) => Err(CellError::Io(std::io::Error::other(other))),
    }
}

/// A TPM is named whose authorisation value was never drawn, and the TPM itself has nothing where the cell is to be. Where the
/// indices are there and the value is not, it was lost: the TPM may hold the root of a store.
pub(crate) fn are_undrawn(config: &StoreConfig) -> Result<bool, StoreError> {
    let is_drawn = auth_path(config).map_or(true, |path| path.symlink_metadata().is_ok());
    let mut named = false;
    for place in places(config) {
        let CellPlace::Tpm(base) = place else { continue };
        if is_drawn {
            return Ok(false);
        }
        let rng = Box::new(randomness::rng());
        let undefined = tpm(config).and_then(|at| TpmCell::is_undefined(at, *base, rng));
        if !undefined.map_err(|error| StoreError::of_cell(error, &shown(place)))? {
            return Ok(false);
        }
        named = true;
    }
    Ok(named)
}

/// Opens the cells of an existing store. Of two, one may be away.
pub(crate) fn open(config: &StoreConfig) -> Result<Keeper, StoreError> {
    keep(config, |place| open_one(place, config))
}

/// Opens them under a sheet of glass: nothing of them changes.
pub(crate) fn rehearsed(config: &StoreConfig) -> Result<Keeper, StoreError> {
    keep(config, |place| Ok(Box::new(OverlayCell::new(open_one(place, config)?))))
}

/// The same beside a running server, where the kind of cell lets one look: a file and a TPM do, a device and a software TPM are
/// held exclusively.
pub(crate) fn looked_at(config: &StoreConfig) -> Result<Keeper, StoreError> {
    keep(config, |place| {
        let cell: Box<dyn RootCell> = match place {
            CellPlace::File(path) => Box::new(FileCell::look(path)?),
            CellPlace::Tpm(base) => {
                Box::new(TpmCell::look(tpm(config)?, *base, auth(config)?, Box::new(randomness::rng()))?)
            }
            CellPlace::Sector(_) => open_one(place, config)?,
        };
        Ok(Box::new(OverlayCell::new(cell)))
    })
}

fn keep(
    config: &StoreConfig,
    open_one: impl Fn(&CellPlace) -> Result<Box<dyn RootCell>, CellError>,
) -> Result<Keeper, StoreError> {
    let failed = |place: &CellPlace, error| StoreError::of_cell(error, &shown(place));
    let keeper = match &config.second_cell {
        None => open_one(&config.cell).map_err(|error| failed(&config.cell, error))?.into(),
        Some(second) => {
            let at = |place: &CellPlace| match open_one(place) {
                Ok(cell) => Ok(CellAt::Here(cell)),
                // Held by another server is not "away": two servers must not both go on.
                Err(CellError::InUse) => Err(failed(place, CellError::InUse)),
                Err(error) => Ok(CellAt::Absent(place.kind(), error)),
            };
            match (at(&config.cell)?, at(second)?) {
                (CellAt::Absent(_, error), CellAt::Absent(..)) => return Err(failed(&config.cell, error)),
                (first, second) => Keeper::mirrored(first, second),
            }
        }
    };
    unlocked(keeper, config)
}

/// Each cell by itself, under a sheet of glass; `None` where one is away, or blank.
pub(crate) fn each_alone(config: &StoreConfig) -> Result<Vec<(CellPlace, Option<Keeper>)>, StoreError> {
    let alone = |place: &CellPlace| {
        let cell = open_one(place, config).ok().filter(|cell| !matches!(cell.is_blank(None), Ok(true)));
        let cell = cell.map(|cell| -> Box<dyn RootCell> { Box::new(OverlayCell::new(cell)) });
        Ok((place.clone(), cell.map(|cell| unlocked(cell.into(), config)).transpose()?))
    };
    places(config).map(alone).collect()
}

/// Makes the cells of a new store.
pub(crate) fn create(config: &StoreConfig) -> Result<Keeper, StoreError> {
    let made = |place: &CellPlace| {
        create_one(place, config).map_err(|error| StoreError::of_cell(error, &shown(place)))
    };
    let first = made(&config.cell)?;
    let keeper = match &config.second_cell {
        None => first.into(),
        Some(second) => Keeper::mirrored(CellAt::Here(first), CellAt::Here(made(second)?)),
    };
    unlocked(keeper, config)
}

/// Is a blank cell there that needs no making? One that is not blank is refused.
pub(crate) fn is_made(place: &CellPlace, config: &StoreConfig) -> Result<bool, StoreError> {
    match open_one(place, config).map(|cell| cell.is_blank(None)) {
        Ok(Ok(true)) => Ok(true),
        Ok(Ok(false)) => Err(StoreError::CellExists { path: shown(place) }),
        Ok(Err(error)) => Err(StoreError::of_cell(error, &shown(place))),
        Err(CellError::InUse) => Err(StoreError::InUse { path: shown(place) }),
        // Whatever else stands there the making refuses by itself.
        Err(_) => Ok(false),
    }
}

/// Makes a further cell, blank; whoever calls has asked [`is_made`].
pub(crate) fn make(place: &CellPlace, config: &StoreConfig) -> Result<(), StoreError> {
    create_one(place, config).map(drop).map_err(|error| StoreError::of_cell(error, &shown(place)))
}

fn unlocked(keeper: Keeper, config: &StoreConfig) -> Result<Keeper, StoreError> {
    Ok(match unlock::read(config.unlock_file.as_deref())? {
        Some(secret) => keeper.with_unlock(secret),
        None => keeper,
    })
}

/// Looks whether a cell that was away is back. Gives the first that opens; whether it is the right one is for the vault.
pub(crate) fn back(config: &StoreConfig, away: &[bool]) -> Option<Box<dyn RootCell>> {
    places(config).zip(away).filter(|(_, away)| **away).find_map(|(place, _)| open_one(place, config).ok())
}

/// All places, as people read them.
pub(crate) fn all_shown(config: &StoreConfig) -> Vec<String> {
    places(config).map(|place| shown(place).display().to_string()).collect()
}

/// A place as people read it.
pub(crate) fn shown(place: &CellPlace) -> PathBuf {
    match place {
        CellPlace::File(path) | CellPlace::Sector(path) => path.clone(),
        CellPlace::Tpm(base) => format!("tpm:{base:#010x}").into(),
    }
}
