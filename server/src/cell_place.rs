//! Where the configuration says that a root cell, and a TPM, are.
//! Never looks whether they are there.

use serde::Deserialize;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use vault::TpmPlace;

/// The numbers that owners of TPMs may give to indices, with room for three.
const TPM_INDICES: RangeInclusive<u32> = 0x0180_0000..=0x01ff_fff0;
/// Indices that one cell takes.
const INDICES: u32 = 3;

/// `/path` or `file:/path`, `sector:/dev/…`, `tpm:0x01c10200`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum CellPlace {
    /// A file: the development kind.
    File(PathBuf),
    /// A raw partition of its own.
    Sector(PathBuf),
    /// Three indices of a TPM's memory, by the first one's number.
    Tpm(u32),
}

impl TryFrom<String> for CellPlace {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let place = match text.split_once(':') {
            Some(("file", path)) => Self::File(path.into()),
            Some(("sector", path)) => Self::Sector(path.into()),
            Some(("tpm", index)) => {
                Self::Tpm(index_number(index).ok_or("a TPM cell is tpm:0x and eight digits")?)
            }
            Some(_) | None => Self::File(text.into()),
        };
        match &place {
            Self::File(path) | Self::Sector(path) if path.is_absolute() => Ok(place),
            Self::File(_) | Self::Sector(_) => {
                Err("a cell is an absolute path, file:/path, sector:/dev/… or tpm:0x…")
            }
            Self::Tpm(index) if TPM_INDICES.contains(index) => Ok(place),
            Self::Tpm(_) => Err("a TPM cell's index is one of an owner's: 0x01800000 to 0x01fffff0"),
        }
    }
}

fn index_number(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 8)?;
    u32::from_str_radix(digits, 16).ok()
}

impl CellPlace {
    /// Do both take a part of one thing?
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Tpm(base), Self::Tpm(other)) => base.abs_diff(*other) < INDICES,
            (Self::File(_) | Self::Sector(_), _) | (Self::Tpm(_), Self::File(_) | Self::Sector(_)) => {
                self.path().is_some() && self.path() == other.path()
            }
        }
    }

    /// The file or device that it is, where it is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) | Self::Sector(path) => Some(path),
            Self::Tpm(_) => None,
        }
    }
}

/// `/dev/tpmrm0`, or `swtpm:` and its socket.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct TpmAt(pub(crate) TpmPlace);

impl TryFrom<String> for TpmAt {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (place, path) = match text.strip_prefix("swtpm:") {
            Some(path) => (TpmPlace::Swtpm(path.into()), path),
            None => (TpmPlace::Device(PathBuf::from(&text)), text.as_str()),
        };
        match Path::new(path).is_absolute() {
            false => Err("a TPM is a device, as /dev/tpmrm0, or swtpm:/path/of/its/socket"),
            // Behind it nobody clears away what a killed server has left loaded, until there is room for nothing more.
            true if is_bare(path) => Err("a TPM is used through the kernel's resource manager: /dev/tpmrm0"),
            true => Ok(Self(place)),
        }
    }
}

/// `/dev/tpm` and a number: the TPM itself, not the kernel's resource manager before it.
fn is_bare(path: &str) -> bool {
    path.strip_prefix("/dev/tpm").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_or_told_what_is_expected() {
        let cell = |text: &str| CellPlace::try_from(text.to_owned());
        assert_eq!(cell("/cell"), Ok(CellPlace::File("/cell".into())));
        assert_eq!(cell("file:/cell"), cell("/cell"));
        assert_eq!(cell("sector:/dev/sda4"), Ok(CellPlace::Sector("/dev/sda4".into())));
        assert_eq!(cell("tpm:0x01c10200"), Ok(CellPlace::Tpm(0x01c1_0200)));
        for wrong in
            ["cell", "file:cell", "sector:dev/sda4", "tpm:01c10200", "tpm:0x1c10200", "tpm:0x81000001", ""]
        {
            assert!(cell(wrong).is_err(), "{wrong}");
        }
        let tpm = |text: &str| TpmAt::try_from(text.to_owned());
        assert_eq!(tpm("/dev/tpmrm0"), Ok(TpmAt(TpmPlace::Device("/dev/tpmrm0".into()))));
        assert_eq!(tpm("swtpm:/run/tpm"), Ok(TpmAt(TpmPlace::Swtpm("/run/tpm".into()))));
        assert!(tpm("swtpm:tpm").is_err() && tpm("tpmrm0").is_err() && tpm("/dev/tpm0").is_err());
    }
}
