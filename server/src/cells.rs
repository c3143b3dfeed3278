//! The root cells that the configuration names: opened, made, opened again when one was away; and the unlock secret.
//! Never says what a cell holds, and never lets one cell stand for two.

use crate::cell_place::CellPlace;
use crate::config::StoreConfig;
use crate::keys::CREDENTIALS_VARIABLE;
use crate::overlay::OverlayCell;
use crate::pacing::HANGS;
use crate::randomness;
use crate::store::StoreError;
use crate::unlock;
use disk::BlockDevice;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::time::Duration;
use vault::{
    CellAt, CellError, CellKind, CellSlot, FileCell, Keeper, RootCell, SectorCell, TpmAuth, TpmCell,
    TpmError, TpmPlace,
};

/// Name of the credential with a TPM cell's authorisation value.
const AUTH_CREDENTIAL: &str = "cell";

/// How long a start waits for each of two cells: one that hangs is away, as one that fails, and is looked for later.
const OPEN_WITHIN: Duration = Duration::from_secs(30);

/// How a cell is opened at its place.
type Opener = fn(&CellPlace, &StoreConfig) -> Result<Box<dyn RootCell>, CellError>;

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
    keep(config, open_one)
}

/// Opens them under a sheet of glass: nothing of them changes.
pub(crate) fn rehearsed(config: &StoreConfig) -> Result<Keeper, StoreError> {
    keep(config, |place, config| Ok(Box::new(OverlayCell::new(open_one(place, config)?))))
}

/// The same beside a running server, where the kind of cell lets one look: a file and a TPM do, a device and a software TPM are
/// held exclusively.
pub(crate) fn looked_at(config: &StoreConfig) -> Result<Keeper, StoreError> {
    keep(config, |place, config| {
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

/// Opens a cell and waits for it no longer than this. Where it hangs, its thread is left with it, and closes it if it ever answers:
/// until then its lock keeps every other hand off.
fn open_within(
    limit: Duration,
    place: &CellPlace,
    config: &StoreConfig,
    open_one: Opener,
) -> Result<Box<dyn RootCell>, CellError> {
    let (answer, answered) = sync_channel(1);
    let (place, config) = (place.clone(), config.clone());
    let opening = move || {
        let opened = open_one(&place, &config);
        // One that opens and then hangs is no better; what it gives is read by the vault once more.
        let _read = opened.as_ref().map(|cell| cell.read(CellSlot::Device));
        hardening::scrub_stack();
        let _nobody_waits_any_more = answer.send(opened);
    };
    let _detached = std::thread::Builder::new().name("open".into()).spawn(opening)?;
    let hangs = || io::Error::new(io::ErrorKind::TimedOut, HANGS);
    answered.recv_timeout(limit).unwrap_or_else(|_| Err(hangs().into()))
}

fn keep(config: &StoreConfig, open_one: Opener) -> Result<Keeper, StoreError> {
    let failed = |place: &CellPlace, error| StoreError::of_cell(error, &shown(place));
    let keeper = match &config.second_cell {
        None => open_one(&config.cell, config).map_err(|error| failed(&config.cell, error))?.into(),
        Some(second) => {
            let at = |place: &CellPlace| match open_within(OPEN_WITHIN, place, config, open_one) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_hangs_at_a_start_is_told_and_keeps_nobody_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let place = CellPlace::File(dir.path().join("cell"));
        let config = StoreConfig {
            path: dir.path().join("store"),
            cell: place.clone(),
            second_cell: None,
            tpm: None,
            cell_auth: None,
            unlock_file: None,
            bytes: 0,
        };
        let open = |limit, open_one: Opener| open_within(limit, &place, &config, open_one).map(drop);
        let hung = open(Duration::ZERO, |_, _| {
            loop {
                std::thread::park();
            }
        });
        assert_eq!(hung.unwrap_err().to_string(), HANGS);
        assert!(open(OPEN_WITHIN, open_one).is_err(), "it is not there, and that is known at once");
        open(OPEN_WITHIN, create_one).unwrap();
        open(OPEN_WITHIN, open_one).unwrap();
    }
}
