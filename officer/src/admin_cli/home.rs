//! The directory of one person at one terminal, as `conclave` keeps it: credential and site card.
//! Never writes anything here but through the credential itself.

use super::trouble::Trouble;
use crate::files::{read_text, shown};
use console::Exit;
use pki::SiteCard;
use pki::site_card::CARD_BYTES_MAX;
use std::path::{Path, PathBuf};

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Home(PathBuf);

impl Home {
    /// `--home`, else `CONCLAVE_HOME`, else the configuration directory: the very places where `conclave` looks.
    pub(super) fn find(
        given: Option<&Path>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Trouble> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        given
            .map(Path::to_owned)
            .or_else(|| set("CONCLAVE_HOME"))
            .or_else(|| set("XDG_CONFIG_HOME").map(|dir| dir.join("conclave")))
            .or_else(|| set("HOME").map(|dir| dir.join(".config").join("conclave")))
            .map(Self)
            .ok_or_else(|| {
                Trouble::say(
                    Exit::Missing,
                    "no-home",
                    "there is no home directory; use --home",
                    "нет домашнего каталога; укажите --home",
                )
            })
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
                format!("{} не является картой системы: {error}", shown(&path)),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_is_where_the_person_says_or_where_conclave_keeps_it() {
        assert!(Home::find(None, |_| None).is_err());
        let variable = |name: &str| match name {
            "HOME" => Some("/nowhere/olga".to_owned()),
            "CONCLAVE_HOME" => Some(String::new()),
            _ => None,
        };
        assert_eq!(Home::find(None, variable).unwrap().0, Path::new("/nowhere/olga/.config/conclave"));
        assert_eq!(Home::find(Some(Path::new("/x")), variable).unwrap().0, Path::new("/x"));
        let empty = tempfile::tempdir().unwrap();
        let home = Home::find(Some(empty.path()), variable).unwrap();
        assert_eq!(home.card().unwrap_err().name, "no-site-card");
        assert_eq!(home.credential().unwrap_err().name, "no-credential");
        std::fs::write(empty.path().join("site.card"), "no card").unwrap();
        assert_eq!(home.card().unwrap_err().name, "bad-site-card");
    }
}
