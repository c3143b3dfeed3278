//! The directory of one person at one terminal, as `conclave` keeps it: credential and site card.
//! Never writes anything here but through the credential itself, and which backups were finished here.

use super::trouble::Trouble;
use crate::files::{read_text, shown};
use console::{DETAILS_RU, Exit, NoHome, home_dir};
use pki::SiteCard;
use pki::site_card::CARD_BYTES_MAX;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Home(PathBuf);

impl Home {
    /// `--home`, else `CONCLAVE_HOME`, else the configuration directory: the very places where `conclave` looks.
    pub(super) fn find(
        given: Option<&Path>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, Trouble> {
        let found = home_dir(given, variable).map(Self);
        found.ok_or_else(|| Trouble::new(Exit::Missing, "no-home", &NoHome::Unset))
    }

    /// Where it is noted which backups were finished here.
    pub(super) fn backups_made(&self) -> PathBuf {
        self.0.join("backups-made")
    }

    /// The credential, which is there.
    pub(super) fn credential(&self) -> Result<PathBuf, Trouble> {
        let path = self.0.join("credential");
        if path.exists() {
            return Ok(path);
        }
        let place = shown(&self.0);
        Err(Trouble::say(
            Exit::Missing,
            "no-credential",
            format!("there is no credential in {place}: `conclave request` makes one"),
            format!("в {place} нет ключей: их создаёт `conclave request`"),
        ))
    }

    /// Reads the site card.
    pub(super) fn card(&self) -> Result<SiteCard, Trouble> {
        let path = self.0.join("site.card");
        if !path.exists() {
            let place = shown(&self.0);
            return Err(Trouble::say(
                Exit::Missing,
                "no-site-card",
                format!("there is no site card in {place}: `conclave setup FILE` takes it in"),
                format!("в {place} нет карты системы: её принимает `conclave setup ФАЙЛ`"),
            ));
        }
        let text = read_text(&path, 2 * CARD_BYTES_MAX as u64)?;
        SiteCard::from_text(&text).map_err(|error| {
            Trouble::say(
                Exit::No,
                "bad-site-card",
                format!("{} is no site card of ours: {error}", shown(&path)),
                format!("{} не является картой системы ({DETAILS_RU})", shown(&path)),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_in_a_home_is_named() {
        let empty = tempfile::tempdir().unwrap();
        let home = Home::find(Some(empty.path()), |_| None).unwrap();
        assert_eq!(home.card().unwrap_err().name, "no-site-card");
        assert_eq!(home.credential().unwrap_err().name, "no-credential");
        std::fs::write(empty.path().join("site.card"), "no card").unwrap();
        assert_eq!(home.card().unwrap_err().name, "bad-site-card");
    }
}
