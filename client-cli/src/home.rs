//! The directory of one person at one terminal: credential, its state record, site card.
//! Never holds anything else, and never is anything but absolute.

use crate::trouble::Trouble;
use console::{DETAILS_RU, Exit, NoHome, home_dir};
use pki::SiteCard;
use pki::site_card::CARD_BYTES_MAX;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io::Read;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Home(PathBuf);

impl Home {
    /// `--home`, else `CONCLAVE_HOME`, else the configuration directory.
    pub(crate) fn find(
        given: Option<&Path>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, Trouble> {
        let path = home_dir(given, variable);
        let path = path.ok_or_else(|| Trouble::new(Exit::Missing, "no-home", &NoHome::Unset))?;
        // The agent's place is named after the path, so there must be one name for one directory.
        let absolute = std::path::absolute(&path).map_err(|error| Trouble::io(&path, &error))?;
        Ok(Self(fs::canonicalize(&absolute).unwrap_or(absolute)))
    }

    /// Makes the directory, closed to others.
    pub(crate) fn prepare(&mut self) -> Result<(), Trouble> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.0);
        made.map_err(|error| Trouble::io(&self.0, &error))?;
        self.0 = fs::canonicalize(&self.0).map_err(|error| Trouble::io(&self.0, &error))?;
        Ok(())
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The credential.
    pub(crate) fn credential(&self) -> PathBuf {
        self.0.join("credential")
    }

    /// The site card.
    pub(crate) fn card_path(&self) -> PathBuf {
        self.0.join("site.card")
    }

    /// Reads the site card.
    pub(crate) fn card(&self) -> Result<SiteCard, Trouble> {
        let path = self.card_path();
        if !path.exists() {
            return Err(Trouble::say(
                Exit::Missing,
                "no-site-card",
                "there is no site card yet: `conclave setup FILE` takes it in",
                "карты системы ещё нет: её принимает `conclave setup ФАЙЛ`",
            ));
        }
        read_card(&path)
    }
}

/// Reads a text file of ours, bounded.
pub(crate) fn read_text_file(path: &Path, bytes_max: usize) -> Result<String, Trouble> {
    let mut text = String::new();
    let file = File::open(path).map_err(|error| Trouble::io(path, &error))?;
    file.take(bytes_max as u64 + 1).read_to_string(&mut text).map_err(|error| Trouble::io(path, &error))?;
    match text.len() <= bytes_max {
        true => Ok(text),
        false => Err(Trouble::say(
            Exit::No,
            "file-too-long",
            format!("{} is longer than {bytes_max} bytes", path.display()),
            format!("{} длиннее {bytes_max} байт", path.display()),
        )),
    }
}

/// Reads a site card from a file.
pub(crate) fn read_card(path: &Path) -> Result<SiteCard, Trouble> {
    SiteCard::from_text(&read_text_file(path, 2 * CARD_BYTES_MAX)?).map_err(|error| {
        Trouble::say(
            Exit::No,
            "bad-site-card",
            format!("{} is no site card of ours: {error}", path.display()),
            format!("{} не является картой системы ({DETAILS_RU})", path.display()),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_is_where_the_person_says_or_the_system_keeps_settings() {
        let none = |_: &str| None;
        assert!(Home::find(None, none).is_err());
        let home = |name: &str| match name {
            "HOME" => Some("/nowhere/anna".into()),
            _ => None,
        };
        assert_eq!(Home::find(None, home).unwrap().path(), Path::new("/nowhere/anna/.config/conclave"));
        let own = |name: &str| (name == "CONCLAVE_HOME").then(|| "/nowhere/c".into());
        assert_eq!(Home::find(None, own).unwrap().path(), Path::new("/nowhere/c"));
        assert!(Home::find(Some(Path::new("x")), own).unwrap().path().is_absolute());
    }
}
